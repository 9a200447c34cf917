/* kernels_avx2: the inner loops for x86-64 with AVX2, FMA and F16C. This file alone is compiled for
 * those instructions; nothing here may run before cpu_get() has said that they are there.
 *
 * tile() keeps 6 x 16 sums in 12 registers, so that each step of 2 loads and 6 broadcasts feeds 12
 * multiply-adds. The dot kernels turn weights into float32 in registers, block by block: for one
 * token the reading of the weights is what takes the time. exp is the Taylor polynomial of degree 7
 * on [-ln2/2, ln2/2]; its remainder there, (ln2/2)^8 / 8!, is below 6e-9, under half a unit in the
 * last place of float32.
 */
#include "engine/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

static float sum8(__m256 v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    s = _mm_add_ss(s, _mm_movehdup_ps(s));
    return _mm_cvtss_f32(s);
}

static __m256 load_half8(const uint8_t *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

static float load_half(const uint8_t *p) {
    uint16_t half;
    memcpy(&half, p, sizeof half);
    return _cvtsh_ss(half);
}

static __m256 load_i8x8(const uint8_t *p) {
    __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)p);
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
}

/* Rows follow each other in the file, so what lies 4 KB ahead is needed soon; the hardware's own
 * prefetch stops at each page. A prefetch beyond the mapping does nothing. */
static inline void prefetch(const void *p) {
    _mm_prefetch((const char *)((uintptr_t)p + 4096), _MM_HINT_T0);
}

static float dot_f32(const void *row, const float *x, size_t n) {
    const float *w = row;
    __m256 a = _mm256_setzero_ps(), b = a, c = a, d = a;
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        prefetch(w + i);
        prefetch(w + i + 16);
        a = _mm256_fmadd_ps(_mm256_loadu_ps(w + i), _mm256_loadu_ps(x + i), a);
        b = _mm256_fmadd_ps(_mm256_loadu_ps(w + i + 8), _mm256_loadu_ps(x + i + 8), b);
        c = _mm256_fmadd_ps(_mm256_loadu_ps(w + i + 16), _mm256_loadu_ps(x + i + 16), c);
        d = _mm256_fmadd_ps(_mm256_loadu_ps(w + i + 24), _mm256_loadu_ps(x + i + 24), d);
    }
    for (; i + 8 <= n; i += 8) {
        a = _mm256_fmadd_ps(_mm256_loadu_ps(w + i), _mm256_loadu_ps(x + i), a);
    }
    float sum = sum8(_mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d)));
    for (; i < n; i++) sum += w[i] * x[i];
    return sum;
}

static float dot_f16(const void *row, const float *x, size_t n) {
    const uint8_t *w = row;
    __m256 a = _mm256_setzero_ps(), b = a;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        prefetch(w + 2 * i);
        a = _mm256_fmadd_ps(load_half8(w + 2 * i), _mm256_loadu_ps(x + i), a);
        b = _mm256_fmadd_ps(load_half8(w + 2 * i + 16), _mm256_loadu_ps(x + i + 8), b);
    }
    float sum = sum8(_mm256_add_ps(a, b));
    for (; i < n; i++) sum += load_half(w + 2 * i) * x[i];
    return sum;
}

/* One block of 32, not yet scaled. */
static inline __m256 block_q8_0(const uint8_t *q, const float *x) {
    __m256 a = _mm256_mul_ps(load_i8x8(q), _mm256_loadu_ps(x));
    __m256 b = _mm256_mul_ps(load_i8x8(q + 8), _mm256_loadu_ps(x + 8));
    a = _mm256_fmadd_ps(load_i8x8(q + 16), _mm256_loadu_ps(x + 16), a);
    b = _mm256_fmadd_ps(load_i8x8(q + 24), _mm256_loadu_ps(x + 24), b);
    return _mm256_add_ps(a, b);
}

static float dot_q8_0(const void *row, const float *x, size_t n) {
    const uint8_t *w = row;
    __m256 a = _mm256_setzero_ps(), b = a;
    size_t i = 0;
    for (; i + 2 * ENGINE_Q8_VALUES <= n; i += 2 * ENGINE_Q8_VALUES, w += 2 * ENGINE_Q8_BYTES) {
        const uint8_t *w2 = w + ENGINE_Q8_BYTES;
        prefetch(w);
        a = _mm256_fmadd_ps(_mm256_set1_ps(load_half(w)), block_q8_0(w + 2, x + i), a);
        b = _mm256_fmadd_ps(_mm256_set1_ps(load_half(w2)),
                            block_q8_0(w2 + 2, x + i + ENGINE_Q8_VALUES), b);
    }
    if (i < n) a = _mm256_fmadd_ps(_mm256_set1_ps(load_half(w)), block_q8_0(w + 2, x + i), a);
    return sum8(_mm256_add_ps(a, b));
}

static void unpack(uint32_t type, const void *src, float *dst, size_t n) {
    const uint8_t *w = src;
    size_t i = 0;
    if (type == ENGINE_F16) {
        for (; i + 8 <= n; i += 8) _mm256_storeu_ps(dst + i, load_half8(w + 2 * i));
        for (; i < n; i++) dst[i] = load_half(w + 2 * i);
    } else if (type == ENGINE_Q8_0) {
        for (; i < n; i += ENGINE_Q8_VALUES, w += ENGINE_Q8_BYTES) {
            __m256 scale = _mm256_set1_ps(load_half(w));
            for (size_t j = 0; j < ENGINE_Q8_VALUES; j += 8) {
                _mm256_storeu_ps(dst + i + j, _mm256_mul_ps(scale, load_i8x8(w + 2 + j)));
            }
        }
    } else {
        engine_dequantize(type, src, dst, n);
    }
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

/* The sums of row t are a##t and b##t, so that they stay in registers; `rows` is a constant where
 * this is expanded, and the rows beyond it vanish. */
#define EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5)
#define START(t)                                          \
    __m256 a##t = _mm256_setzero_ps(), b##t = a##t;       \
    if (rows > t && add) {                                \
        a##t = _mm256_loadu_ps(out + (t)*out_stride);     \
        b##t = _mm256_loadu_ps(out + (t)*out_stride + 8); \
    }
#define STEP(t)                                               \
    if (rows > t) {                                           \
        __m256 v = _mm256_broadcast_ss(x + (t)*x_stride + i); \
        a##t = _mm256_fmadd_ps(v, p, a##t);                   \
        b##t = _mm256_fmadd_ps(v, q, b##t);                   \
    }
#define STORE(t)                                          \
    if (rows > t) {                                       \
        _mm256_storeu_ps(out + (t)*out_stride, a##t);     \
        _mm256_storeu_ps(out + (t)*out_stride + 8, b##t); \
    }

static inline __attribute__((always_inline)) void tile_rows(const float *panel, size_t panel_stride,
                                                            const float *x, size_t x_stride,
                                                            size_t n, const size_t rows, bool add,
                                                            float *out, size_t out_stride) {
    EACH_ROW(START)
    for (size_t i = 0; i < n; i++) {
        __m256 p = _mm256_loadu_ps(panel + i * panel_stride);
        __m256 q = _mm256_loadu_ps(panel + i * panel_stride + 8);
        EACH_ROW(STEP)
    }
    EACH_ROW(STORE)
}

static void tile(const float *panel, size_t panel_stride, const float *x, size_t x_stride, size_t n,
                 size_t rows, bool add, float *out, size_t out_stride) {
    switch (rows) {
    case 1:
        tile_rows(panel, panel_stride, x, x_stride, n, 1, add, out, out_stride);
        break;
    case 2:
        tile_rows(panel, panel_stride, x, x_stride, n, 2, add, out, out_stride);
        break;
    case 3:
        tile_rows(panel, panel_stride, x, x_stride, n, 3, add, out, out_stride);
        break;
    case 4:
        tile_rows(panel, panel_stride, x, x_stride, n, 4, add, out, out_stride);
        break;
    case 5:
        tile_rows(panel, panel_stride, x, x_stride, n, 5, add, out, out_stride);
        break;
    case 6:
        tile_rows(panel, panel_stride, x, x_stride, n, 6, add, out, out_stride);
        break;
    default:
        break;
    }
}

/* e^x for x up to 88; below -87 (where float32 would go denormal) the result is 0. */
static __m256 exp8(__m256 x) {
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

/* The first `count` lanes are on. */
static __m256i lanes(size_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static void rms_norm(const float *x, const float *weight, float epsilon, float *out, size_t n) {
    float mean = dot_f32(x, x, n) / (float)n;
    __m128 root = _mm_sqrt_ss(_mm_set_ss(mean + epsilon));
    float scale = 1.0f / _mm_cvtss_f32(root);
    __m256 s = _mm256_set1_ps(scale);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 v = _mm256_mul_ps(_mm256_loadu_ps(x + i), s);
        _mm256_storeu_ps(out + i, _mm256_mul_ps(v, _mm256_loadu_ps(weight + i)));
    }
    for (; i < n; i++) out[i] = x[i] * scale * weight[i];
}

static float most_of(const float *x, size_t n) {
    float most = x[0];
    size_t i = 0;
    if (n >= 8) {
        __m256 m = _mm256_loadu_ps(x);
        for (i = 8; i + 8 <= n; i += 8) m = _mm256_max_ps(m, _mm256_loadu_ps(x + i));
        float each[8];
        _mm256_storeu_ps(each, m);
        for (size_t j = 0; j < 8; j++) most = each[j] > most ? each[j] : most;
    }
    for (; i < n; i++) most = x[i] > most ? x[i] : most;
    return most;
}

static void softmax(float *x, size_t n) {
    __m256 most = _mm256_set1_ps(most_of(x, n)), total = _mm256_setzero_ps();
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 e = exp8(_mm256_sub_ps(_mm256_loadu_ps(x + i), most));
        _mm256_storeu_ps(x + i, e);
        total = _mm256_add_ps(total, e);
    }
    __m256i tail = lanes(n - i);
    if (i < n) {
        __m256 e = exp8(_mm256_sub_ps(_mm256_maskload_ps(x + i, tail), most));
        _mm256_maskstore_ps(x + i, tail, e);
        total = _mm256_add_ps(total, _mm256_and_ps(e, _mm256_castsi256_ps(tail)));
    }
    __m256 scale = _mm256_set1_ps(1.0f / sum8(total));
    for (i = 0; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(x + i, _mm256_mul_ps(_mm256_loadu_ps(x + i), scale));
    }
    if (i < n) {
        _mm256_maskstore_ps(x + i, tail, _mm256_mul_ps(_mm256_maskload_ps(x + i, tail), scale));
    }
}

static __m256 silu8(__m256 g) {
    const __m256 one = _mm256_set1_ps(1.0f);
    return _mm256_div_ps(g, _mm256_add_ps(one, exp8(_mm256_sub_ps(_mm256_setzero_ps(), g))));
}

static void silu_mul(float *gate, const float *up, size_t n) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 v = silu8(_mm256_loadu_ps(gate + i));
        _mm256_storeu_ps(gate + i, _mm256_mul_ps(v, _mm256_loadu_ps(up + i)));
    }
    if (i < n) {
        __m256i tail = lanes(n - i);
        __m256 v = silu8(_mm256_maskload_ps(gate + i, tail));
        _mm256_maskstore_ps(gate + i, tail, _mm256_mul_ps(v, _mm256_maskload_ps(up + i, tail)));
    }
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

const engine_kernels engine_kernels_avx2 = {
    .name = "avx2",
    .dot_f32 = dot_f32,
    .dot_f16 = dot_f16,
    .dot_q8_0 = dot_q8_0,
    .unpack = unpack,
    .transpose = transpose,
    .tile = tile,
    .rms_norm = rms_norm,
    .softmax = softmax,
    .silu_mul = silu_mul,
    .rope_norm = rope_norm,
    .rope_neox = rope_neox,
};

#endif
