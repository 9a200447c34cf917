/* kernels_avx512: the inner loops for x86-64 with AVX-512 (F, BW, VL, DQ). This file alone is
 * compiled for those instructions; nothing here may run before cpu_get() has said that they are
 * there. What it leaves out comes from the AVX2 table.
 *
 * A panel of 16 columns is one register. tiles() keeps up to 24 sums in the 32 registers, 12 rows of
 * two panels, so that 14 loads feed 24 multiply-adds; with few rows it takes four panels at once
 * instead, because a single sum would wait for itself. Whatever the shape, a sum runs over i in
 * order, so that the shape cannot be seen in the result. exp is the polynomial of kernels_avx2.c.
 */
#include "engine/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* The first `count` lanes are on, count <= 16. */
static inline __mmask16 lanes(size_t count) {
    return (__mmask16)((1u << count) - 1);
}

/* e^x for x up to 88; below -87 (where float32 would go denormal) the result is 0. */
static inline __m512 exp16(__m512 x) {
    const __m512 ln2_high = _mm512_set1_ps(0x1.62E4p-1f);   /* few bits: n * it is exact */
    const __m512 ln2_low = _mm512_set1_ps(0x1.7F7D1Cp-20f); /* ln 2 - ln2_high */
    const __m512 least = _mm512_set1_ps(-87.0f);
    __mmask16 alive = _mm512_cmp_ps_mask(x, least, _CMP_GE_OQ);
    x = _mm512_min_ps(_mm512_max_ps(x, least), _mm512_set1_ps(88.0f));
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(0x1.715476p0f)), 8);
    __m512 r = _mm512_fnmadd_ps(n, ln2_low, _mm512_fnmadd_ps(n, ln2_high, x));
    __m512 y = _mm512_set1_ps(1.0f / 5040);
    y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(1.0f / 720));
    y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(1.0f / 120));
    y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(1.0f / 24));
    y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(1.0f / 6));
    y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(0.5f));
    y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(1.0f));
    y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(1.0f));
    return _mm512_maskz_scalef_ps(alive, y, n);
}

/* ---- tiles -------------------------------------------------------------------------------- */

#define INLINE static inline __attribute__((always_inline))

/* 16 elements from element `at` on. */
INLINE __m512 load_panel(const engine_kv type, const void *panels, size_t at) {
    if (type == ENGINE_KV_F32) return _mm512_loadu_ps((const float *)panels + at);
    if (type == ENGINE_KV_F16) {
        const uint16_t *halves = (const uint16_t *)panels + at;
        return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)halves));
    }
    const int8_t *bytes = (const int8_t *)panels + at;
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)bytes);
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(v));
}

#if defined(__clang__) /* which does not know gcc's own */
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 24")
#endif

INLINE void look_ahead(const engine_kv type, const engine_tiles *t, size_t at) {
    size_t bytes = type == ENGINE_KV_INT8 ? 1 : type == ENGINE_KV_F16 ? 2 : 4;
    uintptr_t p = (uintptr_t)t->panels + at * bytes + t->ahead;
    _mm_prefetch((const char *)p, _MM_HINT_T0);
}

/* `rows` rows from row `r` on with `blocks` panels from panel `b` on. The first three arguments are
 * constants where this is expanded and all loops but that over i vanish, so that the sums stay in
 * registers. */
INLINE void tiles_part(const engine_kv type, const size_t rows, const size_t blocks,
                       const engine_tiles *t, size_t r, size_t b) {
    __m512 sums[24], panel[4];
    const size_t x_stride = t->x_stride, out_stride = t->out_stride;
    const size_t step = t->step, stride = t->stride;
    const void *panels = t->panels;
    const float *x = t->x + r * x_stride, *end = x + t->n;
    float *out = t->out + r * out_stride + b * ENGINE_PANEL;
    size_t at = b * step;
    UNROLLED for (size_t k = 0; k < rows; k++) {
        __m512 keep = _mm512_set1_ps(t->keep ? t->keep[r + k] : 0);
        UNROLLED for (size_t j = 0; j < blocks; j++) {
            __m512 v = t->keep ? _mm512_loadu_ps(out + k * out_stride + j * ENGINE_PANEL) : keep;
            sums[k * blocks + j] = _mm512_mul_ps(v, keep);
        }
    }
    for (; x < end; x++, at += stride) {
        UNROLLED for (size_t j = 0; j < blocks; j++) {
            panel[j] = load_panel(type, panels, at + j * step);
            /* Many rows come with panels in float32, from the first cache. */
            if (type != ENGINE_KV_F32 || rows <= 4) look_ahead(type, t, at + j * step);
        }
        UNROLLED for (size_t k = 0; k < rows; k++) {
            __m512 v = _mm512_set1_ps(x[k * x_stride]);
            UNROLLED for (size_t j = 0; j < blocks; j++) {
                sums[k * blocks + j] = _mm512_fmadd_ps(v, panel[j], sums[k * blocks + j]);
            }
        }
    }
    UNROLLED for (size_t k = 0; k < rows; k++, out += out_stride) {
        UNROLLED for (size_t j = 0; j < blocks; j++) {
            _mm512_storeu_ps(out + j * ENGINE_PANEL, sums[k * blocks + j]);
        }
    }
}

/* All panels for `rows` rows, four (if the sums of so many fit), two or one at a time. */
INLINE void tiles_rows(const engine_kv type, const size_t rows, const engine_tiles *t, size_t r) {
    size_t b = 0;
    if (rows <= 6) {
        for (; b + 4 <= t->blocks; b += 4) tiles_part(type, rows, 4, t, r, b);
    }
    for (; b + 2 <= t->blocks; b += 2) tiles_part(type, rows, 2, t, r, b);
    if (b < t->blocks) tiles_part(type, rows, 1, t, r, b);
}

/* 7 and 8 rows, the heads of some models' groups, are not split: each panel is widened once. */
INLINE void tiles_of(const engine_kv type, const engine_tiles *t) {
    size_t r = 0;
    for (; t->rows - r > 8 || t->rows - r == 6; r += 6) tiles_rows(type, 6, t, r);
    switch (t->rows - r) {
    case 8:
        tiles_rows(type, 8, t, r);
        break;
    case 7:
        tiles_rows(type, 7, t, r);
        break;
    case 5:
        tiles_rows(type, 5, t, r);
        break;
    case 4:
        tiles_rows(type, 4, t, r);
        break;
    case 3:
        tiles_rows(type, 3, t, r);
        break;
    case 2:
        tiles_rows(type, 2, t, r);
        break;
    case 1:
        tiles_rows(type, 1, t, r);
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

/* ---- the rest of attention ---------------------------------------------------------------- */

/* 2^x for x up to 0; below -126 (where float32 would go denormal) the result is 0. The Taylor
 * polynomial of degree 7 on [-1/2, 1/2], its last term spread over the lower ones as Chebyshev
 * does: 6e-9 off at most. */
static inline __m512 power16(__m512 x) {
    __mmask16 alive = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-126.0f), _CMP_GE_OQ);
    __m512 n = _mm512_roundscale_ps(x, 8);
    __m512 r = _mm512_sub_ps(x, n);
    __m512 y = _mm512_set1_ps(1.54035304e-4f);
    y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(1.34002888e-3f));
    y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(9.61812911e-3f));
    y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(5.55032745e-2f));
    y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(2.40226507e-1f));
    y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(6.93147207e-1f));
    y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(1.0f));
    return _mm512_maskz_scalef_ps(alive, y, n);
}

enum { BLOCKS = ENGINE_KEYS / ENGINE_PANEL };

/* Finished scores of row r into v; returns the greatest of them and of those before. */
INLINE float finish_scores(const engine_soften *s, size_t r, __m512 v[BLOCKS]) {
    const __m512 count = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512 top = _mm512_set1_ps(s->most[r]);
    UNROLLED for (size_t b = 0; b < BLOCKS; b++) {
        __mmask16 seen = (__mmask16)(s->seen[r] >> 16 * b);
        v[b] = _mm512_loadu_ps(s->scores + r * ENGINE_KEYS + 16 * b);
        if (s->key_scales) {
            v[b] = _mm512_mul_ps(v[b], _mm512_maskz_loadu_ps(seen, s->key_scales + 16 * b));
        }
        if (s->slopes) {
            __m512 away = _mm512_sub_ps(_mm512_set1_ps(s->distances[r] - (float)(16 * b)), count);
            v[b] = _mm512_fnmadd_ps(_mm512_abs_ps(away), _mm512_set1_ps(s->slopes[r]), v[b]);
        }
        top = _mm512_mask_max_ps(top, seen, top, v[b]);
    }
    return _mm512_reduce_max_ps(top);
}

static void soften(const engine_soften *s) {
    for (size_t first = 0; first < s->rows; first += 16) {
        size_t rows = s->rows - first < 16 ? s->rows - first : 16;
        float tops[16];
        for (size_t k = 0; k < rows; k++) {
            __m512 v[BLOCKS];
            tops[k] = finish_scores(s, first + k, v);
            if (!s->key_scales && !s->slopes) continue;
            UNROLLED for (size_t b = 0; b < BLOCKS; b++) {
                _mm512_storeu_ps(s->scores + (first + k) * ENGINE_KEYS + 16 * b, v[b]);
            }
        }
        __mmask16 on = lanes(rows);
        __m512 most = _mm512_maskz_loadu_ps(on, tops);
        __m512 before = _mm512_maskz_loadu_ps(on, s->most + first);
        _mm512_mask_storeu_ps(s->keep + first, on, power16(_mm512_sub_ps(before, most)));
        _mm512_mask_storeu_ps(s->most + first, on, most);
        for (size_t r = first; r < first + rows; r++) {
            __m512 top = _mm512_set1_ps(tops[r - first]);
            float *totals = s->totals + r * ENGINE_PANEL;
            __m512 total = _mm512_mul_ps(_mm512_loadu_ps(totals), _mm512_set1_ps(s->keep[r]));
            UNROLLED for (size_t b = 0; b < BLOCKS; b++) {
                __mmask16 seen = (__mmask16)(s->seen[r] >> 16 * b);
                float *scores = s->scores + r * ENGINE_KEYS + 16 * b;
                __m512 e = power16(_mm512_sub_ps(_mm512_loadu_ps(scores), top));
                e = _mm512_maskz_mov_ps(seen, e);
                total = _mm512_add_ps(total, e);
                if (s->value_scales) {
                    __m512 by = _mm512_maskz_loadu_ps(seen, s->value_scales + 16 * b);
                    e = _mm512_maskz_mul_ps(seen, e, by);
                }
                _mm512_storeu_ps(scores, e);
            }
            _mm512_storeu_ps(totals, total);
        }
    }
}

INLINE __m512 blend16(__mmask16 on, const float *out, float a, const float *x, __m512 b) {
    __m512 v = _mm512_setzero_ps();
    if (a != 0) v = _mm512_mul_ps(_mm512_set1_ps(a), _mm512_maskz_loadu_ps(on, out));
    return _mm512_fmadd_ps(b, _mm512_maskz_loadu_ps(on, x), v);
}

static void blend(float *out, float a, const float *x, float b, size_t n) {
    const __m512 by = _mm512_set1_ps(b);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        _mm512_storeu_ps(out + i, blend16(0xFFFF, out + i, a, x + i, by));
    }
    if (i == n) return;
    __mmask16 on = lanes(n - i);
    _mm512_mask_storeu_ps(out + i, on, blend16(on, out + i, a, x + i, by));
}

INLINE __m256i narrow16(__m512 v) {
    const __m512 most = _mm512_set1_ps(65504), least = _mm512_set1_ps(-65504);
    v = _mm512_max_ps(least, _mm512_min_ps(most, v)); /* v second: what is no number stays so */
    return _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT);
}

static void narrow_f16(const float *x, uint16_t *out, size_t n) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        _mm256_storeu_si256((__m256i *)(void *)(out + i), narrow16(_mm512_loadu_ps(x + i)));
    }
    if (i == n) return;
    __mmask16 on = lanes(n - i);
    _mm256_mask_storeu_epi16(out + i, on, narrow16(_mm512_maskz_loadu_ps(on, x + i)));
}

static void widen_f16(const uint16_t *x, float *out, size_t n) {
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        UNROLLED for (size_t j = 0; j < 64; j += 16) {
            _mm512_storeu_ps(out + i + j, load_panel(ENGINE_KV_F16, x, i + j));
        }
    }
    for (; i < n; i += 16) {
        __mmask16 on = lanes(n - i < 16 ? n - i : 16);
        _mm512_mask_storeu_ps(out + i, on, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(on, x + i)));
    }
}

static float narrow_i8(const float *x, int8_t *out, size_t n) {
    __m512 top = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 on = lanes(n - i < 16 ? n - i : 16);
        top = _mm512_max_ps(top, _mm512_abs_ps(_mm512_maskz_loadu_ps(on, x + i)));
    }
    float most = _mm512_reduce_max_ps(top), scale = most / 127;
    __m512 inverse = _mm512_set1_ps(scale > 0 ? 127 / most : 0);
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 on = lanes(n - i < 16 ? n - i : 16);
        __m512i v = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_maskz_loadu_ps(on, x + i), inverse));
        v = _mm512_max_epi32(v, _mm512_set1_epi32(-127));
        _mm_mask_storeu_epi8(out + i, on, _mm512_cvtsepi32_epi8(v));
    }
    return scale;
}

static void widen_i8(const int8_t *x, float *out, size_t n) {
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        UNROLLED for (size_t j = 0; j < 64; j += 16) {
            _mm512_storeu_ps(out + i + j, load_panel(ENGINE_KV_INT8, x, i + j));
        }
    }
    for (; i < n; i += 16) {
        __mmask16 on = lanes(n - i < 16 ? n - i : 16);
        __m512i v = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(on, x + i));
        _mm512_mask_storeu_ps(out + i, on, _mm512_cvtepi32_ps(v));
    }
}

/* ---- norms and activations ---------------------------------------------------------------- */

/* The sum of (x - middle)^2, or with `plain` of x - middle. */
static float sum_around(const float *x, float middle, bool plain, size_t n) {
    const __m512 from = _mm512_set1_ps(middle), one = _mm512_set1_ps(1);
    __m512 sums[4];
    UNROLLED for (size_t j = 0; j < 4; j++) sums[j] = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i += 64) {
        UNROLLED for (size_t j = 0; j < 4; j++) {
            size_t at = i + 16 * j, left = at < n ? n - at : 0;
            __mmask16 on = lanes(left < 16 ? left : 16);
            __m512 v = _mm512_maskz_sub_ps(on, _mm512_maskz_loadu_ps(on, x + at), from);
            sums[j] = _mm512_fmadd_ps(v, plain ? one : v, sums[j]);
        }
    }
    sums[0] = _mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3]));
    return _mm512_reduce_add_ps(sums[0]);
}

static float inverse_root(float x) {
    return 1.0f / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
}

static void rms_norm(const float *x, const float *weight, float epsilon, float *out, size_t n) {
    __m512 s = _mm512_set1_ps(inverse_root(sum_around(x, 0, false, n) / (float)n + epsilon));
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 on = lanes(n - i < 16 ? n - i : 16);
        __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(on, x + i), s);
        v = _mm512_mul_ps(v, _mm512_maskz_loadu_ps(on, weight + i));
        _mm512_mask_storeu_ps(out + i, on, v);
    }
}

static void layer_norm(const float *x, const float *weight, const float *bias, float epsilon,
                       float *out, size_t n) {
    float mean = sum_around(x, 0, true, n) / (float)n;
    __m512 m = _mm512_set1_ps(mean);
    __m512 s = _mm512_set1_ps(inverse_root(sum_around(x, mean, false, n) / (float)n + epsilon));
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 on = lanes(n - i < 16 ? n - i : 16);
        __m512 v = _mm512_mul_ps(_mm512_sub_ps(_mm512_maskz_loadu_ps(on, x + i), m), s);
        v = _mm512_fmadd_ps(v, _mm512_maskz_loadu_ps(on, weight + i),
                            _mm512_maskz_loadu_ps(on, bias + i));
        _mm512_mask_storeu_ps(out + i, on, v);
    }
}

static __m512 silu16(__m512 g) {
    const __m512 one = _mm512_set1_ps(1.0f);
    return _mm512_div_ps(g, _mm512_add_ps(one, exp16(_mm512_sub_ps(_mm512_setzero_ps(), g))));
}

/* x / (1 + e^-2u), 2u = x (2 sqrt(2 / pi) + 2 sqrt(2 / pi) 0.044715 x^2) */
static __m512 gelu16(__m512 x) {
    const __m512 a = _mm512_set1_ps(-1.59576912f), b = _mm512_set1_ps(-0.0713548163f);
    __m512 u = _mm512_mul_ps(x, _mm512_fmadd_ps(_mm512_mul_ps(x, x), b, a));
    return _mm512_div_ps(x, _mm512_add_ps(_mm512_set1_ps(1.0f), exp16(u)));
}

/* x = f(x) * by, by NULL: 1 */
INLINE void activate(__m512 (*const f)(__m512), float *x, const float *by, size_t n) {
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 on = lanes(n - i < 16 ? n - i : 16);
        __m512 v = f(_mm512_maskz_loadu_ps(on, x + i));
        if (by) v = _mm512_mul_ps(v, _mm512_maskz_loadu_ps(on, by + i));
        _mm512_mask_storeu_ps(x + i, on, v);
    }
}

static void silu_mul(float *gate, const float *up, size_t n) {
    activate(silu16, gate, up, n);
}

static void gelu_mul(float *gate, const float *up, size_t n) {
    activate(gelu16, gate, up, n);
}

static void gelu(float *x, size_t n) {
    activate(gelu16, x, NULL, n);
}

/* ---- positions ---------------------------------------------------------------------------- */

static void rope_norm(float *x, const float *turn, size_t pairs) {
    for (size_t i = 0; i < 2 * pairs; i += 16) {
        __mmask16 on = lanes(2 * pairs - i < 16 ? 2 * pairs - i : 16);
        __m512 v = _mm512_maskz_loadu_ps(on, x + i), t = _mm512_maskz_loadu_ps(on, turn + i);
        __m512 s = _mm512_mul_ps(_mm512_permute_ps(v, 0xB1), _mm512_movehdup_ps(t));
        /* even places subtract, odd ones add */
        _mm512_mask_storeu_ps(x + i, on, _mm512_fmaddsub_ps(v, _mm512_moveldup_ps(t), s));
    }
}

static void rope_neox(float *x, const float *turn, size_t pairs) {
    const __m512i even =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    for (size_t i = 0; i < pairs; i += 16) {
        size_t left = pairs - i < 16 ? pairs - i : 16;
        __mmask16 on = lanes(left);
        __m512 t0 = _mm512_maskz_loadu_ps(lanes(left < 8 ? 2 * left : 16), turn + 2 * i);
        __m512 t1 = _mm512_maskz_loadu_ps(lanes(left > 8 ? 2 * left - 16 : 0), turn + 2 * i + 16);
        __m512 c = _mm512_permutex2var_ps(t0, even, t1), s = _mm512_permutex2var_ps(t0, odd, t1);
        __m512 a = _mm512_maskz_loadu_ps(on, x + i);
        __m512 b = _mm512_maskz_loadu_ps(on, x + pairs + i);
        _mm512_mask_storeu_ps(x + i, on, _mm512_fmsub_ps(a, c, _mm512_mul_ps(b, s)));
        _mm512_mask_storeu_ps(x + pairs + i, on, _mm512_fmadd_ps(b, c, _mm512_mul_ps(a, s)));
    }
}

const engine_kernels engine_kernels_avx512 = {
    .name = "avx512",
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
};

#endif
