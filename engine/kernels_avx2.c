/* kernels_avx2: the inner loops for x86-64 with AVX2, FMA and F16C. This file alone is compiled for
 * those instructions; nothing here may run before cpu_get() has said that they are there.
 *
 * tiles() keeps 6 x 16 sums in 12 registers, so that each step of 2 loads and 6 broadcasts feeds 12
 * multiply-adds; with few rows it takes several panels at once instead, because a single sum would
 * wait for itself. Whatever the shape, a sum runs over i in order, so that the shape cannot be seen
 * in the result. exp is the Taylor polynomial of degree 7 on [-ln2/2, ln2/2]; its remainder there,
 * (ln2/2)^8 / 8!, is below 6e-9, under half a unit in the last place of float32.
 */
#include "engine/quant.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

static float sum8(__m256 v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    s = _mm_add_ss(s, _mm_movehdup_ps(s));
    return _mm_cvtss_f32(s);
}

static float most8(__m256 v) {
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

/* The first `count` lanes are on. */
static __m256i lanes(size_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static __m256 load_half8(const uint8_t *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

static __m256 load_i8x8(const uint8_t *p) {
    __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)p);
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
}

/* 8 rows x 8 columns, by three rounds of exchanges. */
static void transpose8(const float *rows, size_t stride, float *panel) {
    __m256 r[8], s[8];
    for (size_t i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(rows + i * stride);
    for (size_t i = 0; i < 8; i += 2) { /* pairs of rows, column by column */
        s[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        s[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (size_t i = 0; i < 8; i += 4) { /* fours of rows */
        r[i] = _mm256_shuffle_ps(s[i], s[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(s[i], s[i + 2], 0xEE);
        r[i + 2] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0xEE);
    }
    for (size_t i = 0; i < 4; i++) { /* halves: columns 0..3 lie low, 4..7 high */
        _mm256_storeu_ps(panel + i * ENGINE_PANEL, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(panel + (i + 4) * ENGINE_PANEL,
                         _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}

static void transpose(const float *rows, size_t stride, float *panel, size_t n) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        transpose8(rows + i, stride, panel + i * ENGINE_PANEL);
        transpose8(rows + 8 * stride + i, stride, panel + i * ENGINE_PANEL + 8);
    }
    for (; i < n; i++) {
        for (size_t r = 0; r < ENGINE_PANEL; r++) {
            panel[i * ENGINE_PANEL + r] = rows[r * stride + i];
        }
    }
}

/* ---- attention ---------------------------------------------------------------------------- */

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__) /* which does not know gcc's own */
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 12")
#endif

/* 8 elements from element `at` on. */
INLINE __m256 load_panel(const engine_kv type, const void *panels, size_t at) {
    if (type == ENGINE_KV_F32) return _mm256_loadu_ps((const float *)panels + at);
    const uint8_t *p = panels;
    return type == ENGINE_KV_F16 ? load_half8(p + 2 * at) : load_i8x8(p + at);
}

INLINE void look_ahead(const engine_kv type, const engine_tiles *t, size_t at) {
    size_t bytes = type == ENGINE_KV_INT8 ? 1 : type == ENGINE_KV_F16 ? 2 : 4;
    uintptr_t p = (uintptr_t)t->panels + at * bytes + t->ahead;
    _mm_prefetch((const char *)p, _MM_HINT_T0);
}

/* `rows` rows from row `r` on with `blocks` panels from panel `b` on. The first three arguments are
 * constants where this is expanded and all loops but that over i vanish, so that the sums, two
 * registers for a row and panel, stay in registers. */
INLINE void tiles_part(const engine_kv type, const size_t rows, const size_t blocks,
                       const engine_tiles *t, size_t r, size_t b) {
    __m256 sums[12], panel[8];
    const size_t x_stride = t->x_stride, out_stride = t->out_stride;
    const size_t step = t->step, stride = t->stride, halves = 2 * blocks;
    const void *panels = t->panels;
    const float *x = t->x + r * x_stride, *end = x + t->n;
    float *out = t->out + r * out_stride + b * ENGINE_PANEL;
    size_t at = b * step;
    UNROLLED for (size_t k = 0; k < rows; k++) {
        __m256 keep = _mm256_set1_ps(t->keep ? t->keep[r + k] : 0);
        UNROLLED for (size_t j = 0; j < halves; j++) {
            __m256 v = t->keep ? _mm256_loadu_ps(out + k * out_stride + j * 8) : keep;
            sums[k * halves + j] = _mm256_mul_ps(v, keep);
        }
    }
    for (; x < end; x++, at += stride) {
        UNROLLED for (size_t j = 0; j < halves; j++) {
            panel[j] = load_panel(type, panels, at + j / 2 * step + j % 2 * 8);
            /* Many rows come with panels in float32, from the first cache. */
            if (j % 2 == 0 && (type != ENGINE_KV_F32 || rows <= 4)) {
                look_ahead(type, t, at + j / 2 * step);
            }
        }
        UNROLLED for (size_t k = 0; k < rows; k++) {
            __m256 v = _mm256_broadcast_ss(x + k * x_stride);
            UNROLLED for (size_t j = 0; j < halves; j++) {
                sums[k * halves + j] = _mm256_fmadd_ps(v, panel[j], sums[k * halves + j]);
            }
        }
    }
    UNROLLED for (size_t k = 0; k < rows; k++, out += out_stride) {
        UNROLLED for (size_t j = 0; j < halves; j++) {
            _mm256_storeu_ps(out + j * 8, sums[k * halves + j]);
        }
    }
}

/* All panels for `rows` rows: `wide` panels at once, then one at a time. */
INLINE void tiles_rows(const engine_kv type, const size_t rows, const size_t wide,
                       const engine_tiles *t, size_t r) {
    size_t b = 0;
    for (; b + wide <= t->blocks; b += wide) tiles_part(type, rows, wide, t, r, b);
    for (; wide > 1 && b < t->blocks; b++) tiles_part(type, rows, 1, t, r, b);
}

INLINE void tiles_of(const engine_kv type, const engine_tiles *t) {
    size_t r = 0;
    for (; r + 6 <= t->rows; r += 6) tiles_rows(type, 6, 1, t, r);
    switch (t->rows - r) {
    case 5:
        tiles_rows(type, 5, 1, t, r);
        break;
    case 4:
        tiles_rows(type, 4, 1, t, r);
        break;
    case 3:
        tiles_rows(type, 3, 2, t, r);
        break;
    case 2:
        tiles_rows(type, 2, 2, t, r);
        break;
    case 1:
        tiles_rows(type, 1, 4, t, r);
        break;
    default:
        break;
    }
}

static void tiles(const engine_tiles *t) {
    if (t->type == ENGINE_KV_F32) {
        tiles_of(ENGINE_KV_F32, t);
    } else if (t->type == ENGINE_KV_F16) {
        tiles_of(ENGINE_KV_F16, t);
    } else {
        tiles_of(ENGINE_KV_INT8, t);
    }
}

/* 2^x for x up to 0; below -126 (where float32 would go denormal) the result is 0. The Taylor
 * polynomial of degree 7 on [-1/2, 1/2], its last term spread over the lower ones as Chebyshev
 * does: 6e-9 off at most. */
static inline __m256 power8(__m256 x) {
    const __m256 least = _mm256_set1_ps(-126.0f);
    __m256 alive = _mm256_cmp_ps(x, least, _CMP_GE_OQ);
    x = _mm256_max_ps(x, least);
    __m256 n = _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_sub_ps(x, n);
    __m256 y = _mm256_set1_ps(1.54035304e-4f);
    y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(1.34002888e-3f));
    y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(9.61812911e-3f));
    y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(5.55032745e-2f));
    y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(2.40226507e-1f));
    y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(6.93147207e-1f));
    y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(1.0f));
    __m256i power = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    y = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(y), power));
    return _mm256_and_ps(y, alive);
}

/* The lanes of the 8 bits from bit `first` on. */
static inline __m256i lanes_of(uint64_t bits, size_t first) {
    const __m256i each = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    __m256i all = _mm256_set1_epi32((int)(bits >> first & 0xFF));
    return _mm256_cmpeq_epi32(_mm256_and_si256(all, each), each);
}

/* Finishes the scores of row r; returns the greatest of them and of those before. `all`: sees all
 * keys; a constant where this is expanded. */
INLINE float finish_scores(const engine_soften *s, size_t r, const bool all) {
    const __m256 count = _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7), sign = _mm256_set1_ps(-0.0f);
    __m256 tops[2];
    tops[0] = tops[1] = _mm256_set1_ps(s->most[r]);
    UNROLLED for (size_t j = 0; j < ENGINE_KEYS; j += 8) {
        float *scores = s->scores + r * ENGINE_KEYS + j;
        __m256i seen = all ? _mm256_set1_epi32(-1) : lanes_of(s->seen[r], j);
        __m256 v = _mm256_loadu_ps(scores), *top = &tops[j / 8 % 2];
        if (s->key_scales) v = _mm256_mul_ps(v, _mm256_maskload_ps(s->key_scales + j, seen));
        if (s->slopes) {
            __m256 away = _mm256_sub_ps(_mm256_set1_ps(s->distances[r] - (float)j), count);
            v = _mm256_fnmadd_ps(_mm256_andnot_ps(sign, away), _mm256_set1_ps(s->slopes[r]), v);
        }
        if (s->key_scales || s->slopes) _mm256_storeu_ps(scores, v);
        if (!all) v = _mm256_blendv_ps(*top, v, _mm256_castsi256_ps(seen));
        *top = _mm256_max_ps(*top, v);
    }
    return most8(_mm256_max_ps(tops[0], tops[1]));
}

INLINE void soften_row(const engine_soften *s, size_t r, const bool all) {
    float *totals = s->totals + r * ENGINE_PANEL, most = finish_scores(s, r, all);
    __m256 top = _mm256_set1_ps(most);
    __m256 keep = power8(_mm256_sub_ps(_mm256_set1_ps(s->most[r]), top));
    __m256 sums[2];
    sums[0] = _mm256_mul_ps(_mm256_loadu_ps(totals), keep);
    sums[1] = _mm256_mul_ps(_mm256_loadu_ps(totals + 8), keep);
    UNROLLED for (size_t j = 0; j < ENGINE_KEYS / 8; j++) {
        float *scores = s->scores + r * ENGINE_KEYS + 8 * j;
        __m256i seen = all ? _mm256_set1_epi32(-1) : lanes_of(s->seen[r], 8 * j);
        __m256 e = power8(_mm256_sub_ps(_mm256_loadu_ps(scores), top));
        if (!all) e = _mm256_and_ps(e, _mm256_castsi256_ps(seen));
        sums[j % 2] = _mm256_add_ps(sums[j % 2], e);
        if (s->value_scales) {
            e = _mm256_mul_ps(e, _mm256_maskload_ps(s->value_scales + 8 * j, seen));
        }
        _mm256_storeu_ps(scores, e);
    }
    _mm256_storeu_ps(totals, sums[0]);
    _mm256_storeu_ps(totals + 8, sums[1]);
    s->most[r] = most;
    s->keep[r] = _mm256_cvtss_f32(keep);
}

static void soften(const engine_soften *s) {
    for (size_t r = 0; r < s->rows; r++) {
        if (s->seen[r] == UINT64_MAX) {
            soften_row(s, r, true);
        } else {
            soften_row(s, r, false);
        }
    }
}

static void blend(float *out, float a, const float *x, float b, size_t n) {
    const __m256 by = _mm256_set1_ps(b), old = _mm256_set1_ps(a), zero = _mm256_setzero_ps();
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 v = a == 0 ? zero : _mm256_mul_ps(old, _mm256_loadu_ps(out + i));
        _mm256_storeu_ps(out + i, _mm256_fmadd_ps(by, _mm256_loadu_ps(x + i), v));
    }
    if (i < n) {
        __m256i tail = lanes(n - i);
        __m256 v = a == 0 ? zero : _mm256_mul_ps(old, _mm256_maskload_ps(out + i, tail));
        v = _mm256_fmadd_ps(by, _mm256_maskload_ps(x + i, tail), v);
        _mm256_maskstore_ps(out + i, tail, v);
    }
}

static void narrow_f16(const float *x, uint16_t *out, size_t n) {
    const __m256 most = _mm256_set1_ps(65504), least = _mm256_set1_ps(-65504);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) { /* what is no number comes second, and stays so */
        __m256 v = _mm256_max_ps(least, _mm256_min_ps(most, _mm256_loadu_ps(x + i)));
        _mm_storeu_si128((__m128i *)(void *)(out + i),
                         _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
    }
    if (i < n) engine_kernels_scalar.narrow_f16(x + i, out + i, n - i);
}

static void widen_f16(const uint16_t *x, float *out, size_t n) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(out + i, load_half8((const uint8_t *)(const void *)(x + i)));
    }
    for (; i < n; i++) out[i] = _cvtsh_ss(x[i]);
}

static float narrow_i8(const float *x, int8_t *out, size_t n) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    __m256 top = _mm256_setzero_ps();
    size_t i = 0;
    for (; i < n; i += 8) {
        __m256 v = _mm256_maskload_ps(x + i, lanes(n - i < 8 ? n - i : 8));
        top = _mm256_max_ps(top, _mm256_andnot_ps(sign, v));
    }
    float most = most8(top), scale = most / 127, inverse = scale > 0 ? 127 / most : 0;
    for (i = 0; i < n; i += 8) {
        size_t count = n - i < 8 ? n - i : 8;
        __m256 v = _mm256_mul_ps(_mm256_maskload_ps(x + i, lanes(count)), _mm256_set1_ps(inverse));
        __m256i w = _mm256_cvtps_epi32(v);
        __m128i h = _mm_packs_epi32(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1));
        h = _mm_packs_epi16(_mm_max_epi16(h, _mm_set1_epi16(-127)), h);
        uint64_t bytes = (uint64_t)_mm_cvtsi128_si64(h);
        memcpy(out + i, &bytes, count);
    }
    return scale;
}

static void widen_i8(const int8_t *x, float *out, size_t n) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(out + i, load_i8x8((const uint8_t *)(const void *)(x + i)));
    }
    for (; i < n; i++) out[i] = x[i];
}

/* ---- norms and activations ---------------------------------------------------------------- */

/* e^x for x up to 88; below -87 (where float32 would go denormal) the result is 0. */
static inline __m256 exp8(__m256 x) {
    const __m256 ln2_high = _mm256_set1_ps(0x1.62E4p-1f);   /* few bits: n * it is exact */
    const __m256 ln2_low = _mm256_set1_ps(0x1.7F7D1Cp-20f); /* ln 2 - ln2_high */
    const __m256 least = _mm256_set1_ps(-87.0f);
    __m256 alive = _mm256_cmp_ps(x, least, _CMP_GE_OQ);
    x = _mm256_min_ps(_mm256_max_ps(x, least), _mm256_set1_ps(88.0f));
    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(0x1.715476p0f)), /* 1 / ln 2 */
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, ln2_low, _mm256_fnmadd_ps(n, ln2_high, x));
    __m256 y = _mm256_set1_ps(1.0f / 5040);
    y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(1.0f / 720));
    y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(1.0f / 120));
    y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(1.0f / 24));
    y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(1.0f / 6));
    y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(0.5f));
    y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(1.0f));
    y = _mm256_fmadd_ps(y, r, _mm256_set1_ps(1.0f));
    __m256i power =
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_and_ps(_mm256_mul_ps(y, _mm256_castsi256_ps(power)), alive);
}

/* The sum of (x - middle)^2, or with `plain` of x - middle. */
static float sum_around(const float *x, float middle, bool plain, size_t n) {
    const __m256 from = _mm256_set1_ps(middle), one = _mm256_set1_ps(1);
    __m256 sums[4] = {0};
    for (size_t i = 0; i < n; i += 32) {
        UNROLLED for (size_t j = 0; j < 4; j++) {
            size_t at = i + 8 * j, left = at < n ? n - at : 0;
            __m256i on = lanes(left < 8 ? left : 8);
            __m256 v = _mm256_sub_ps(_mm256_maskload_ps(x + at, on), from);
            v = _mm256_and_ps(v, _mm256_castsi256_ps(on));
            sums[j] = _mm256_fmadd_ps(v, plain ? one : v, sums[j]);
        }
    }
    return sum8(_mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])));
}

static float inverse_root(float x) {
    return 1.0f / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
}

static void rms_norm(const float *x, const float *weight, float epsilon, float *out, size_t n) {
    float scale = inverse_root(sum_around(x, 0, false, n) / (float)n + epsilon);
    __m256 s = _mm256_set1_ps(scale);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 v = _mm256_mul_ps(_mm256_loadu_ps(x + i), s);
        _mm256_storeu_ps(out + i, _mm256_mul_ps(v, _mm256_loadu_ps(weight + i)));
    }
    for (; i < n; i++) out[i] = x[i] * scale * weight[i];
}

static void layer_norm(const float *x, const float *weight, const float *bias, float epsilon,
                       float *out, size_t n) {
    float mean = sum_around(x, 0, true, n) / (float)n;
    float scale = inverse_root(sum_around(x, mean, false, n) / (float)n + epsilon);
    __m256 m = _mm256_set1_ps(mean), s = _mm256_set1_ps(scale);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 v = _mm256_mul_ps(_mm256_sub_ps(_mm256_loadu_ps(x + i), m), s);
        v = _mm256_fmadd_ps(v, _mm256_loadu_ps(weight + i), _mm256_loadu_ps(bias + i));
        _mm256_storeu_ps(out + i, v);
    }
    for (; i < n; i++) out[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

static __m256 silu8(__m256 g) {
    const __m256 one = _mm256_set1_ps(1.0f);
    return _mm256_div_ps(g, _mm256_add_ps(one, exp8(_mm256_sub_ps(_mm256_setzero_ps(), g))));
}

/* x / (1 + e^-2u), 2u = x (2 sqrt(2 / pi) + 2 sqrt(2 / pi) 0.044715 x^2) */
static __m256 gelu8(__m256 x) {
    const __m256 a = _mm256_set1_ps(-1.59576912f), b = _mm256_set1_ps(-0.0713548163f);
    __m256 u = _mm256_mul_ps(x, _mm256_fmadd_ps(_mm256_mul_ps(x, x), b, a));
    return _mm256_div_ps(x, _mm256_add_ps(_mm256_set1_ps(1.0f), exp8(u)));
}

/* x = f(x) * by, by NULL: 1 */
INLINE void activate(__m256 (*const f)(__m256), float *x, const float *by, size_t n) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 v = f(_mm256_loadu_ps(x + i));
        _mm256_storeu_ps(x + i, by ? _mm256_mul_ps(v, _mm256_loadu_ps(by + i)) : v);
    }
    if (i < n) {
        __m256i tail = lanes(n - i);
        __m256 v = f(_mm256_maskload_ps(x + i, tail));
        if (by) v = _mm256_mul_ps(v, _mm256_maskload_ps(by + i, tail));
        _mm256_maskstore_ps(x + i, tail, v);
    }
}

static void silu_mul(float *gate, const float *up, size_t n) {
    activate(silu8, gate, up, n);
}

static void gelu_mul(float *gate, const float *up, size_t n) {
    activate(gelu8, gate, up, n);
}

static void gelu(float *x, size_t n) {
    activate(gelu8, x, NULL, n);
}

static void rope_norm(float *x, const float *turn, size_t pairs) {
    size_t i = 0;
    for (; i + 4 <= pairs; i += 4) {
        __m256 v = _mm256_loadu_ps(x + 2 * i), t = _mm256_loadu_ps(turn + 2 * i);
        __m256 swapped = _mm256_permute_ps(v, 0xB1);
        __m256 s = _mm256_mul_ps(swapped, _mm256_movehdup_ps(t));
        /* even places subtract, odd ones add */
        _mm256_storeu_ps(x + 2 * i, _mm256_fmaddsub_ps(v, _mm256_moveldup_ps(t), s));
    }
    if (i < pairs) engine_kernels_scalar.rope_norm(x + 2 * i, turn + 2 * i, pairs - i);
}

static void rope_neox(float *x, const float *turn, size_t pairs) {
    size_t i = 0;
    for (; i + 8 <= pairs; i += 8) {
        __m256 t0 = _mm256_loadu_ps(turn + 2 * i), t1 = _mm256_loadu_ps(turn + 2 * i + 8);
        /* shuffle gives pairs 0 1 4 5 2 3 6 7; put them in order by halves of 64 bits */
        __m256 c = _mm256_shuffle_ps(t0, t1, 0x88), s = _mm256_shuffle_ps(t0, t1, 0xDD);
        c = _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(c), 0xD8));
        s = _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(s), 0xD8));
        __m256 a = _mm256_loadu_ps(x + i), b = _mm256_loadu_ps(x + pairs + i);
        _mm256_storeu_ps(x + i, _mm256_fmsub_ps(a, c, _mm256_mul_ps(b, s)));
        _mm256_storeu_ps(x + pairs + i, _mm256_fmadd_ps(b, c, _mm256_mul_ps(a, s)));
    }
    for (; i < pairs; i++) {
        float a = x[i], b = x[pairs + i], c = turn[2 * i], s = turn[2 * i + 1];
        x[i] = a * c - b * s;
        x[pairs + i] = a * s + b * c;
    }
}

static void add_q8_0(const uint8_t *x, float weight, float *sum, size_t n) {
    const __m256 w = _mm256_set1_ps(weight);
    for (size_t i = 0; i < n; i += ENGINE_Q8_VALUES, x += ENGINE_Q8_BYTES) {
        const __m256 scale = _mm256_set1_ps(engine_half_at(x));
        for (size_t j = 0; j < ENGINE_Q8_VALUES; j += 8) {
            __m256 value = _mm256_mul_ps(scale, load_i8x8(x + 2 + j));
            __m256 before = _mm256_loadu_ps(sum + i + j);
            _mm256_storeu_ps(sum + i + j, _mm256_add_ps(before, _mm256_mul_ps(w, value)));
        }
    }
}

const engine_kernels engine_kernels_avx2 = {
    .name = "avx2",
    .transpose = transpose,
    .tiles = tiles,
    .soften = soften,
    .blend = blend,
    .narrow_f16 = narrow_f16,
    .widen_f16 = widen_f16,
    .narrow_i8 = narrow_i8,
    .widen_i8 = widen_i8,
    .rms_norm = rms_norm,
    .layer_norm = layer_norm,
    .silu_mul = silu_mul,
    .gelu_mul = gelu_mul,
    .gelu = gelu,
    .rope_norm = rope_norm,
    .rope_neox = rope_neox,
    .add_q8_0 = add_q8_0,
};

#endif
