/* panels_avx512: panels times activations with AVX-512 and VNNI. This file alone is compiled for
 * those instructions; nothing here may run before cpu_get() has said that they are there.
 *
 * The codes of a block become 8 registers of unsigned bytes, one for each group of 4 columns, and
 * stay there while up to 16 tokens pass: for each token 8 vpdpbusd with a broadcast of its 4 bytes,
 * then one conversion, one multiplication with the scales of the 16 rows and one multiply-add with
 * the scale of the token. The unpacking of small codes is paid once for 16 tokens. One function,
 * expanded for each type and for 1, 2, 4, 8 and 16 tokens, serves generating and prompts, so the
 * order of the sums is the same everywhere. vpdpbusd does not saturate.
 */
#include "engine/panels.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define ALWAYS static inline __attribute__((always_inline))
#if defined(__clang__) /* which does not know gcc's own */
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

enum {
    AHEAD = 4096 /* bytes: what lies so far ahead is needed soon, and the hardware's own
                     * prefetch stops at each page */
};

/* ---- codes -------------------------------------------------------------------------------- */

ALWAYS __m512i load(const uint8_t *p) {
    return _mm512_loadu_si512((const void *)p);
}

ALWAYS void nibbles(const uint8_t *c, __m512i w[PANEL_GROUPS]) {
    const __m512i low = _mm512_set1_epi8(15);
    UNROLL for (int i = 0; i < 4; i++) {
        __m512i v = load(c + 64 * i);
        w[i] = _mm512_and_si512(v, low);
        w[i + 4] = _mm512_and_si512(_mm512_srli_epi16(v, 4), low);
    }
}

/* w |= the bits of v that `mask` keeps, after a shift left by `by` (right where negative). */
ALWAYS __m512i add_bits(__m512i w, __m512i v, int by, __m512i mask) {
    v = by >= 0 ? _mm512_slli_epi16(v, (unsigned)by) : _mm512_srli_epi16(v, (unsigned)-by);
    return _mm512_ternarylogic_epi32(w, v, mask, 0xF8); /* w | (v & mask) */
}

ALWAYS void add_fifth(const uint8_t *c, __m512i w[PANEL_GROUPS]) {
    const __m512i mask = _mm512_set1_epi8(16);
    __m512i v = load(c);
    UNROLL for (int g = 0; g < PANEL_GROUPS; g++) w[g] = add_bits(w[g], v, 4 - g, mask);
}

ALWAYS void add_pairs(const uint8_t *c, int to, __m512i w[PANEL_GROUPS]) {
    const __m512i mask = _mm512_set1_epi8((char)(3 << to));
    UNROLL for (int g = 0; g < PANEL_GROUPS; g++) {
        w[g] = add_bits(w[g], load(c + 64 * (g / 4)), to - 2 * (g % 4), mask);
    }
}

ALWAYS void expand(const uint32_t type, const uint8_t *c, __m512i w[PANEL_GROUPS]) {
    const __m512i iq4 = _mm512_broadcast_i32x4(
        _mm_setr_epi8(1, 24, 45, 63, 79, 93, 106, 118, (char)129, (char)141, (char)153, (char)166,
                      (char)181, (char)197, (char)217, (char)241));
    int offset = 128;
    if (type == ENGINE_Q8_0) {
        UNROLL for (int g = 0; g < PANEL_GROUPS; g++) w[g] = load(c + 64 * g);
        return;
    }
    if (type == ENGINE_Q2_K || type == ENGINE_Q3_K) {
        UNROLL for (int g = 0; g < PANEL_GROUPS; g++) w[g] = _mm512_setzero_si512();
        add_pairs(c, 0, w);
    } else {
        nibbles(c, w);
    }
    if (type == ENGINE_IQ4_NL || type == ENGINE_IQ4_XS) {
        UNROLL for (int g = 0; g < PANEL_GROUPS; g++) w[g] = _mm512_shuffle_epi8(iq4, w[g]);
        return;
    }
    if (type == ENGINE_Q3_K) {
        const __m512i third = _mm512_set1_epi8(4);
        __m512i v = load(c + 128);
        UNROLL for (int g = 0; g < PANEL_GROUPS; g++) w[g] = add_bits(w[g], v, 2 - g, third);
        offset = 124;
    }
    if (type == ENGINE_Q5_0 || type == ENGINE_Q5_1 || type == ENGINE_Q5_K) add_fifth(c + 256, w);
    if (type == ENGINE_Q6_K) add_pairs(c + 256, 4, w);
    if (type == ENGINE_Q4_0) offset = 120;
    if (type == ENGINE_Q5_0) offset = 112;
    if (type == ENGINE_Q6_K) offset = 96;
    const __m512i add = _mm512_set1_epi8((char)offset);
    UNROLL for (int g = 0; g < PANEL_GROUPS; g++) w[g] = _mm512_add_epi8(w[g], add);
}

/* ---- scales ------------------------------------------------------------------------------- */

ALWAYS __m512 halves16(const uint8_t *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

ALWAYS __m512 bytes16(const uint8_t *p, bool is_signed) {
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    return _mm512_cvtepi32_ps(is_signed ? _mm512_cvtepi8_epi32(v) : _mm512_cvtepu8_epi32(v));
}

ALWAYS bool by_halves(const uint32_t type) {
    return type == ENGINE_Q2_K || type == ENGINE_Q3_K || type == ENGINE_Q6_K;
}

ALWAYS bool has_minimum(const uint32_t type) {
    return type == ENGINE_Q4_1 || type == ENGINE_Q5_1 || type == ENGINE_Q4_K ||
           type == ENGINE_Q5_K || type == ENGINE_Q2_K;
}

/* What each row's integers and each token's sum are multiplied with; least = -minimum. */
typedef struct {
    __m512 scale[2], least[2];
} factors;

ALWAYS factors read_scales(const uint32_t type, const uint8_t *s, const uint8_t *super) {
    const __m512 zero = _mm512_setzero_ps();
    factors f = {{zero, zero}, {zero, zero}};
    if (type == ENGINE_Q4_K || type == ENGINE_Q5_K) {
        f.scale[0] = _mm512_mul_ps(halves16(super), bytes16(s, false));
        f.least[0] =
            _mm512_sub_ps(zero, _mm512_mul_ps(halves16(super + 32), bytes16(s + 16, false)));
    } else if (type == ENGINE_Q6_K || type == ENGINE_Q3_K) {
        f.scale[0] = _mm512_mul_ps(halves16(super), bytes16(s, true));
        f.scale[1] = _mm512_mul_ps(halves16(super), bytes16(s + 16, true));
    } else if (type == ENGINE_Q2_K) {
        const __m512 d = halves16(super), m = halves16(super + 32);
        UNROLL for (int h = 0; h < 2; h++) {
            __m512i v =
                _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)(s + 16 * h)));
            __m512i low = _mm512_and_si512(v, _mm512_set1_epi32(15));
            f.scale[h] = _mm512_mul_ps(d, _mm512_cvtepi32_ps(low));
            f.least[h] = _mm512_mul_ps(m, _mm512_cvtepi32_ps(_mm512_srli_epi32(v, 4)));
        }
    } else if (type == ENGINE_IQ4_XS) {
        f.scale[0] = _mm512_mul_ps(halves16(super), bytes16(s, true));
    } else {
        f.scale[0] = halves16(s);
        if (type == ENGINE_Q4_1 || type == ENGINE_Q5_1) f.least[0] = halves16(s + 32);
    }
    return f;
}

/* ---- products ----------------------------------------------------------------------------- */

typedef int32_t four_bytes __attribute__((may_alias, aligned(4)));

/* sum + the products of each row's 4 codes with 4 activations. Written out because the compiler
 * would spend an instruction of its own on the broadcast. */
ALWAYS __m512i dot4(__m512i sum, __m512i w, const int8_t *q) {
    __asm__("vpdpbusd %[q]%{1to16%}, %[w], %[sum]"
            : [sum] "+v"(sum)
            : [w] "v"(w), [q] "m"(*(const four_bytes *)(const void *)q));
    return sum;
}

enum { CHAINS = 8 /* tokens side by side: enough independent sums to hide the latency of each */ };

/* i[k] += w[first .. first + count) with the bytes of token t + k, k < n */
ALWAYS void dot(const __m512i w[PANEL_GROUPS], const int first, const int count,
                const engine_panel_acts *a, const int t, const int n, __m512i i[CHAINS]) {
    UNROLL
    for (int g = first; g < first + count; g++) {
        UNROLL
        for (int k = 0; k < n; k++) {
            i[k] = dot4(i[k], w[g], a->q[t + k] + 4 * g);
        }
    }
}

/* v[k] = the product of one block with token t + k, not yet scaled by the token's scale */
ALWAYS void dot_scaled(const uint32_t type, const __m512i w[PANEL_GROUPS], const factors *f,
                       const engine_panel_acts *a, const int t, const int n, __m512 v[CHAINS]) {
    __m512i i[CHAINS];
    const int halves = by_halves(type) ? 2 : 1;
    UNROLL
    for (int h = 0; h < halves; h++) {
        const int32_t *start = halves == 2 ? a->half[h] : a->start;
        UNROLL
        for (int k = 0; k < n; k++) i[k] = _mm512_set1_epi32(start[t + k]);
        dot(w, h * 4, PANEL_GROUPS / halves, a, t, n, i);
        UNROLL
        for (int k = 0; k < n; k++) {
            __m512 x = _mm512_cvtepi32_ps(i[k]);
            v[k] = h == 0 ? _mm512_mul_ps(x, f->scale[0]) : _mm512_fmadd_ps(x, f->scale[1], v[k]);
        }
    }
}

/* sum[t + k] += the product of one block with token t + k */
ALWAYS void meet(const uint32_t type, const __m512i w[PANEL_GROUPS], const factors *f,
                 const engine_panel_acts *a, const int t, const int n, __m512 *sum) {
    __m512 v[CHAINS];
    dot_scaled(type, w, f, a, t, n, v);
    UNROLL
    for (int k = 0; k < n; k++) {
        if (type == ENGINE_Q2_K) { /* half / 128 is minus the sum of the half's q */
            UNROLL
            for (int h = 0; h < 2; h++) {
                __m512 s = _mm512_set1_ps((float)a->half[h][t + k] * (1.0f / 128));
                v[k] = _mm512_fmadd_ps(s, f->least[h], v[k]);
            }
        } else if (has_minimum(type)) {
            sum[t + k] = _mm512_fmadd_ps(_mm512_set1_ps(a->sum[t + k]), f->least[0], sum[t + k]);
        }
        sum[t + k] = _mm512_fmadd_ps(v[k], _mm512_set1_ps(a->scale[t + k]), sum[t + k]);
    }
}

ALWAYS void store(const engine_panel_job *job, int t, __m512 sum) {
    float *out = job->out + (size_t)t * job->stride;
    if ((size_t)t >= job->n) return;
    if (job->bias) sum = _mm512_add_ps(sum, _mm512_loadu_ps(job->bias));
    if (job->add) sum = _mm512_add_ps(sum, _mm512_loadu_ps(out));
    _mm512_storeu_ps(out, sum);
}

ALWAYS void run(const engine_panel_job *job, const uint32_t type, const int n) {
    const engine_panel_layout l = engine_panel_layout_of(type);
    const size_t blocks = job->columns / PANEL_BLOCK, code_bytes = l.code_bytes;
    const uint8_t *c = job->panel, *s = c + blocks * code_bytes;
    const uint8_t *super = s + ((blocks * l.scale_bytes + 63) & ~(size_t)63);
    const engine_panel_acts *a = job->tile;
    __m512 sum[PANEL_TOKENS];
    UNROLL for (int t = 0; t < n; t++) sum[t] = _mm512_setzero_ps();
    for (size_t b = 0; b < blocks; b++, a++, c += code_bytes, s += l.scale_bytes) {
        __m512i w[PANEL_GROUPS];
        for (size_t i = 0; i < code_bytes; i += 64) {
            _mm_prefetch((const char *)((uintptr_t)c + AHEAD + i), _MM_HINT_T0);
        }
        expand(type, c, w);
        /* Kept in registers: the compiler would read them again for each token. */
        UNROLL
        for (int g = 0; g < PANEL_GROUPS; g++) __asm__("" : "+v"(w[g]));
        factors f = read_scales(type, s, super + b / PANEL_SUPER * l.super_bytes);
        UNROLL
        for (int t = 0; t < n; t += CHAINS) meet(type, w, &f, a, t, n < CHAINS ? n : CHAINS, sum);
    }
    UNROLL for (int t = 0; t < n; t++) store(job, t, sum[t]);
}

/* ---- float weights ------------------------------------------------------------------------ */

enum { FLOAT_TOKENS = 8 /* with two sums each, 16 registers */ };

ALWAYS __m512 column(const uint32_t type, const uint8_t *panel, size_t i) {
    if (type == ENGINE_F32) return _mm512_loadu_ps((const float *)(const void *)(panel + 64 * i));
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(panel + 32 * i));
    if (type == ENGINE_F16) return _mm512_cvtph_ps(v);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16));
}

ALWAYS void run_float(const engine_panel_job *job, const uint32_t type, const int n,
                      const int first) {
    const float *x = (const float *)job->tile + first;
    __m512 even[FLOAT_TOKENS], odd[FLOAT_TOKENS];
    UNROLL for (int t = 0; t < n; t++) even[t] = odd[t] = _mm512_setzero_ps();
    size_t i = 0;
    for (; i + 2 <= job->columns; i += 2, x += 2 * PANEL_TOKENS) {
        __m512 v = column(type, job->panel, i), w = column(type, job->panel, i + 1);
        _mm_prefetch((const char *)((uintptr_t)job->panel + AHEAD + 32 * i), _MM_HINT_T0);
        UNROLL for (int t = 0; t < n; t++) {
            even[t] = _mm512_fmadd_ps(v, _mm512_set1_ps(x[t]), even[t]);
            odd[t] = _mm512_fmadd_ps(w, _mm512_set1_ps(x[PANEL_TOKENS + t]), odd[t]);
        }
    }
    if (i < job->columns) {
        __m512 v = column(type, job->panel, i);
        UNROLL for (int t = 0; t < n; t++) {
            even[t] = _mm512_fmadd_ps(v, _mm512_set1_ps(x[t]), even[t]);
        }
    }
    UNROLL for (int t = 0; t < n; t++) store(job, first + t, _mm512_add_ps(even[t], odd[t]));
}

/* ---- one function for each type ----------------------------------------------------------- */

#define BY_TOKENS(NAME, TYPE)                       \
    static void NAME(const engine_panel_job *job) { \
        switch (engine_panel_slots(job->n)) {       \
        case 1:                                     \
            run(job, TYPE, 1);                      \
            break;                                  \
        case 2:                                     \
            run(job, TYPE, 2);                      \
            break;                                  \
        case 4:                                     \
            run(job, TYPE, 4);                      \
            break;                                  \
        case 8:                                     \
            run(job, TYPE, 8);                      \
            break;                                  \
        default:                                    \
            run(job, TYPE, 16);                     \
            break;                                  \
        }                                           \
    }
#define BY_TOKENS_FLOAT(NAME, TYPE)                 \
    static void NAME(const engine_panel_job *job) { \
        switch (engine_panel_slots(job->n)) {       \
        case 1:                                     \
            run_float(job, TYPE, 1, 0);             \
            break;                                  \
        case 2:                                     \
            run_float(job, TYPE, 2, 0);             \
            break;                                  \
        case 4:                                     \
            run_float(job, TYPE, 4, 0);             \
            break;                                  \
        case 8:                                     \
            run_float(job, TYPE, 8, 0);             \
            break;                                  \
        default:                                    \
            run_float(job, TYPE, 8, 0);             \
            run_float(job, TYPE, 8, 8);             \
            break;                                  \
        }                                           \
    }

BY_TOKENS(multiply_q8_0, ENGINE_Q8_0)
BY_TOKENS(multiply_q4_0, ENGINE_Q4_0)
BY_TOKENS(multiply_q4_1, ENGINE_Q4_1)
BY_TOKENS(multiply_q5_0, ENGINE_Q5_0)
BY_TOKENS(multiply_q5_1, ENGINE_Q5_1)
BY_TOKENS(multiply_q2_k, ENGINE_Q2_K)
BY_TOKENS(multiply_q3_k, ENGINE_Q3_K)
BY_TOKENS(multiply_q4_k, ENGINE_Q4_K)
BY_TOKENS(multiply_q5_k, ENGINE_Q5_K)
BY_TOKENS(multiply_q6_k, ENGINE_Q6_K)
BY_TOKENS(multiply_iq4_nl, ENGINE_IQ4_NL)
BY_TOKENS(multiply_iq4_xs, ENGINE_IQ4_XS)
BY_TOKENS_FLOAT(multiply_f32, ENGINE_F32)
BY_TOKENS_FLOAT(multiply_f16, ENGINE_F16)
BY_TOKENS_FLOAT(multiply_bf16, ENGINE_BF16)

static void multiply(const engine_panel_job *job) {
    switch (job->type) {
    case ENGINE_F32:
        multiply_f32(job);
        break;
    case ENGINE_F16:
        multiply_f16(job);
        break;
    case ENGINE_BF16:
        multiply_bf16(job);
        break;
    case ENGINE_Q8_0:
        multiply_q8_0(job);
        break;
    case ENGINE_Q4_0:
        multiply_q4_0(job);
        break;
    case ENGINE_Q4_1:
        multiply_q4_1(job);
        break;
    case ENGINE_Q5_0:
        multiply_q5_0(job);
        break;
    case ENGINE_Q5_1:
        multiply_q5_1(job);
        break;
    case ENGINE_Q2_K:
        multiply_q2_k(job);
        break;
    case ENGINE_Q3_K:
        multiply_q3_k(job);
        break;
    case ENGINE_Q4_K:
        multiply_q4_k(job);
        break;
    case ENGINE_Q5_K:
        multiply_q5_k(job);
        break;
    case ENGINE_Q6_K:
        multiply_q6_k(job);
        break;
    case ENGINE_IQ4_NL:
        multiply_iq4_nl(job);
        break;
    case ENGINE_IQ4_XS:
        multiply_iq4_xs(job);
        break;
    default:
        break; /* no other type has a layout */
    }
}

/* ---- activations -------------------------------------------------------------------------- */

static void quantize_block(const float *x, engine_panel_acts *to, size_t t) {
    __m512 a = _mm512_loadu_ps(x), b = _mm512_loadu_ps(x + 16);
    float most = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b)));
    /* Denormal: no int8 can tell it from zero. */
    float scale = most > 1e-36f ? most / 127.0f : 0, inverse = most > 1e-36f ? 127.0f / most : 0;
    __m512 s = _mm512_set1_ps(inverse);
    __m512i i = _mm512_cvtps_epi32(_mm512_mul_ps(a, s)),
            j = _mm512_cvtps_epi32(_mm512_mul_ps(b, s));
    _mm_storeu_si128((__m128i *)(void *)to->q[t], _mm512_cvtepi32_epi8(i));
    _mm_storeu_si128((__m128i *)(void *)(to->q[t] + 16), _mm512_cvtepi32_epi8(j));
    int32_t first = _mm512_reduce_add_epi32(i), second = _mm512_reduce_add_epi32(j);
    to->scale[t] = scale;
    to->half[0][t] = -128 * first;
    to->half[1][t] = -128 * second;
    to->start[t] = -128 * (first + second);
    to->sum[t] = scale * (float)(first + second);
}

static void quantize(const float *x, size_t stride, size_t n, size_t columns,
                     engine_panel_acts *tile) {
    static const float zero[PANEL_BLOCK];
    for (size_t t = 0; t < engine_panel_slots(n); t++) {
        for (size_t b = 0; b < columns / PANEL_BLOCK; b++) {
            quantize_block(t < n ? x + t * stride + b * PANEL_BLOCK : zero, &tile[b], t);
        }
    }
}

const engine_panel_kernels engine_panel_kernels_avx512 = {
    .name = "avx512-vnni",
    .quantize = quantize,
    .multiply = multiply,
};

#endif
