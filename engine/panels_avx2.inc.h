/* panels_avx2.inc: panels times activations with 256-bit registers. Included once by each file that
 * is compiled for such an instruction set:
 *
 *   panels_avx2.c      AVX2, FMA and F16C
 *   panels_avxvnni.c   the same and the integer dot product of AVX-VNNI: PANELS_DOT is defined
 *
 * A register holds 8 rows, so a panel runs as two halves of 8 rows; the codes of a half's block
 * stay in 8 registers (or the first cache) while up to 16 tokens pass, as in panels_avx512.c.
 *
 * With PANELS_DOT codes are unsigned bytes that stand for code - 128, sums start at -128 * sum of
 * q.
 *
 * Without it, vpmaddubsw makes sums of two products in 16 bits and saturates. Codes of up to six
 * bits are taken as they are in the file, unsigned, so that no two products can be too much. Those
 * sums are added up in 16 bits and become 32 bits once for 8 or 4 groups, multiplied with the scale
 * in the same step where scales are whole numbers (K-quants). 32 columns of four bits always fit.
 * 32 columns of five bits and 16 of six bits do where sums start at -16 or -32 times those q that
 * they will meet: then they never leave +-32512 (16 * 16 * 127). Codes of 8 bits have no such room:
 * their sizes meet the activations with their signs, and each sum becomes 32 bits at once.
 */
#include "engine/panels.h"

#include <immintrin.h>
#include <string.h>

#define ALWAYS static inline __attribute__((always_inline))
#if defined(__clang__) /* which does not know gcc's own */
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
/* So that a loop stays one: the compiler no longer knows what x is. */
#define OPAQUE(x) __asm__("" : "+r"(x))
/* So that sums of integers are made one after the other: gcc would turn them into trees, for which
 * there are not enough registers. */
#define IN_ORDER(x) __asm__("" : "+x"(x))

enum {
    ROWS = 8, /* of a register */
    HALVES = PANEL_ROWS / ROWS,
    CHAINS = 4,  /* tokens side by side: their sums and 8 registers of codes fit in 16 */
    AHEAD = 4096 /* bytes; see panels_avx512.c */
};

/* ---- types, known when this is compiled ------------------------------------------------------ */

ALWAYS bool by_halves(const uint32_t type) {
    return type == ENGINE_Q2_K || type == ENGINE_Q3_K || type == ENGINE_Q6_K;
}

ALWAYS bool has_minimum(const uint32_t type) {
    return type == ENGINE_Q4_1 || type == ENGINE_Q5_1 || type == ENGINE_Q4_K ||
           type == ENGINE_Q5_K || type == ENGINE_Q2_K;
}

ALWAYS bool by_table(const uint32_t type) {
    return type == ENGINE_IQ4_NL || type == ENGINE_IQ4_XS;
}

ALWAYS bool five_bits(const uint32_t type) {
    return type == ENGINE_Q5_0 || type == ENGINE_Q5_1 || type == ENGINE_Q5_K;
}

/* The code in the file that means zero. */
ALWAYS int zero_of(const uint32_t type) {
    return type == ENGINE_Q4_0   ? 8
           : type == ENGINE_Q5_0 ? 16
           : type == ENGINE_Q6_K ? 32
           : type == ENGINE_Q3_K ? 4
                                 : 0;
}

/* ---- codes -------------------------------------------------------------------------------- */

/* All of these take a block's codes from the half's first byte: 32 of each 64 bytes are its own. */
ALWAYS __m256i load(const uint8_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

ALWAYS void nibbles(const uint8_t *c, __m256i w[PANEL_GROUPS]) {
    const __m256i low = _mm256_set1_epi8(15);
    UNROLL for (int i = 0; i < 4; i++) {
        __m256i v = load(c + 64 * i);
        w[i] = _mm256_and_si256(v, low);
        w[i + 4] = _mm256_and_si256(_mm256_srli_epi16(v, 4), low);
    }
}

/* w |= the bits of v that `mask` keeps, after a shift left by `by` (right where negative). */
ALWAYS __m256i add_bits(__m256i w, __m256i v, int by, __m256i mask) {
    if (by) v = by > 0 ? _mm256_slli_epi16(v, by) : _mm256_srli_epi16(v, -by);
    return _mm256_or_si256(w, _mm256_and_si256(v, mask));
}

ALWAYS void add_ones(const uint8_t *c, int to, __m256i w[PANEL_GROUPS]) {
    const __m256i mask = _mm256_set1_epi8((char)(1 << to));
    __m256i v = load(c);
    UNROLL for (int g = 0; g < PANEL_GROUPS; g++) w[g] = add_bits(w[g], v, to - g, mask);
}

ALWAYS void add_pairs(const uint8_t *c, int to, __m256i w[PANEL_GROUPS]) {
    const __m256i mask = _mm256_set1_epi8((char)(3 << to));
    UNROLL for (int g = 0; g < PANEL_GROUPS; g++) {
        w[g] = add_bits(w[g], load(c + 64 * (g / 4)), to - 2 * (g % 4), mask);
    }
}

/* Codes as the file has them; those of 8 bits, or from a table, less 128: signed. */
ALWAYS void raw_codes(const uint32_t type, const uint8_t *c, __m256i w[PANEL_GROUPS]) {
    if (type == ENGINE_Q8_0) {
        const __m256i sign = _mm256_set1_epi8((char)128);
        UNROLL for (int g = 0; g < PANEL_GROUPS; g++) {
            w[g] = _mm256_xor_si256(load(c + 64 * g), sign);
        }
        return;
    }
    if (type == ENGINE_Q2_K || type == ENGINE_Q3_K) {
        UNROLL for (int g = 0; g < PANEL_GROUPS; g++) w[g] = _mm256_setzero_si256();
        add_pairs(c, 0, w);
        if (type == ENGINE_Q3_K) add_ones(c + 128, 2, w);
        return;
    }
    nibbles(c, w);
    if (five_bits(type)) add_ones(c + 256, 4, w);
    if (type == ENGINE_Q6_K) add_pairs(c + 256, 4, w);
    if (by_table(type)) {
        const __m256i iq4 = _mm256_broadcastsi128_si256(_mm_setr_epi8(
            -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113));
        UNROLL for (int g = 0; g < PANEL_GROUPS; g++) w[g] = _mm256_shuffle_epi8(iq4, w[g]);
    }
}

/* ---- scales ------------------------------------------------------------------------------- */

ALWAYS __m256 halves8(const uint8_t *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

ALWAYS __m256i bytes8(const uint8_t *p, bool is_signed) {
    __m128i v = _mm_loadl_epi64((const __m128i *)(const void *)p);
    return is_signed ? _mm256_cvtepi8_epi32(v) : _mm256_cvtepu8_epi32(v);
}

/* What each row's integers and each token's sum are multiplied with; least = -minimum. With scales
 * of halves: whole[h] * scale, as float32 or as pairs of int16, and minima[h] * least. */
typedef struct {
    __m256 scale, least;
    __m256i whole[2], minima[2];
} factors;

ALWAYS factors read_scales(const uint32_t type, const uint8_t *s, const uint8_t *super,
                           const int half) {
    const __m256 zero = _mm256_setzero_ps();
    const uint8_t *own = s + ROWS * half, *wide = super + 2 * ROWS * half;
    factors f;
    f.least = zero;
    f.whole[0] = f.whole[1] = f.minima[0] = f.minima[1] = _mm256_setzero_si256();
    if (type == ENGINE_Q4_K || type == ENGINE_Q5_K) {
        f.scale = _mm256_mul_ps(halves8(wide), _mm256_cvtepi32_ps(bytes8(own, false)));
        f.least = _mm256_mul_ps(halves8(wide + 32), _mm256_cvtepi32_ps(bytes8(own + 16, false)));
        f.least = _mm256_sub_ps(zero, f.least);
    } else if (type == ENGINE_Q6_K || type == ENGINE_Q3_K) {
        f.scale = halves8(wide);
        UNROLL for (int h = 0; h < 2; h++) f.whole[h] = bytes8(own + 16 * h, true);
    } else if (type == ENGINE_Q2_K) {
        f.scale = halves8(wide);
        f.least = halves8(wide + 32);
        UNROLL for (int h = 0; h < 2; h++) {
            __m256i v = bytes8(own + 16 * h, false);
            f.whole[h] = _mm256_and_si256(v, _mm256_set1_epi32(15));
            f.minima[h] = _mm256_srli_epi32(v, 4);
        }
    } else if (type == ENGINE_IQ4_XS) {
        f.scale = _mm256_mul_ps(halves8(wide), _mm256_cvtepi32_ps(bytes8(own, true)));
    } else {
        f.scale = halves8(s + 2 * ROWS * half);
        if (has_minimum(type)) f.least = halves8(s + 32 + 2 * ROWS * half);
    }
    return f;
}

ALWAYS __m256i every4(const void *p) { /* 4 bytes, in every row */
    int32_t v;
    memcpy(&v, p, sizeof v);
    return _mm256_set1_epi32(v);
}

/* 4 bytes, in every row. */
ALWAYS __m256i spread4(const void *p) {
    int32_t v;
    memcpy(&v, p, sizeof v);
    return _mm256_set1_epi32(v);
}

ALWAYS __m256 spread(float v) {
    return _mm256_set1_ps(v);
}

#if defined(PANELS_DOT)

/* ---- one block, with the integer dot product ------------------------------------------------- */

typedef struct {
    __m256i w[PANEL_GROUPS];
    __m256 scale[2], least[2];
} block;

ALWAYS block read_block(const uint32_t type, const uint8_t *c, const uint8_t *s,
                        const uint8_t *super, const int half) {
    block b;
    factors f = read_scales(type, s, super, half);
    const __m256i add = _mm256_set1_epi8((char)(128 - zero_of(type)));
    raw_codes(type, c, b.w);
    UNROLL for (int g = 0; g < PANEL_GROUPS; g++) b.w[g] = _mm256_add_epi8(b.w[g], add);
    UNROLL for (int h = 0; h < 2; h++) {
        bool two = by_halves(type);
        b.scale[h] = two ? _mm256_mul_ps(f.scale, _mm256_cvtepi32_ps(f.whole[h])) : f.scale;
        b.least[h] = two ? _mm256_mul_ps(f.least, _mm256_cvtepi32_ps(f.minima[h])) : f.least;
    }
    return b;
}

/* sum[t + k] += the product of one block with token t + k, k < n */
ALWAYS void meet(const uint32_t type, const block *b, const engine_panel_acts *a, const size_t t,
                 const int n, __m256 *sum) {
    const int parts = by_halves(type) ? 2 : 1, groups = PANEL_GROUPS / parts;
    __m256 v[CHAINS];
    UNROLL for (int h = 0; h < parts; h++) {
        const int32_t *start = parts == 2 ? a->half[h] : a->start;
        __m256i i[CHAINS];
        UNROLL for (int k = 0; k < n; k++) i[k] = _mm256_set1_epi32(start[t + (size_t)k]);
        UNROLL for (int g = 0; g < groups; g++) {
            UNROLL for (int k = 0; k < n; k++) {
                const int at = h * groups + g;
                i[k] = PANELS_DOT(i[k], b->w[at], spread4(a->q[t + (size_t)k] + 4 * at));
            }
        }
        UNROLL for (int k = 0; k < n; k++) {
            __m256 x = _mm256_cvtepi32_ps(i[k]);
            v[k] = h == 0 ? _mm256_mul_ps(x, b->scale[0]) : _mm256_fmadd_ps(x, b->scale[1], v[k]);
        }
    }
    UNROLL for (int k = 0; k < n; k++) {
        const size_t at = t + (size_t)k;
        if (type == ENGINE_Q2_K) { /* half / 128 is minus the sum of the half's q */
            UNROLL for (int h = 0; h < 2; h++) {
                __m256 q = spread((float)a->half[h][at] * (1.0f / 128));
                v[k] = _mm256_fmadd_ps(q, b->least[h], v[k]);
            }
        } else if (has_minimum(type)) {
            sum[at] = _mm256_fmadd_ps(spread(a->sum[at]), b->least[0], sum[at]);
        }
        sum[at] = _mm256_fmadd_ps(v[k], spread(a->scale[at]), sum[at]);
    }
}

/* What sums start at; q are the columns in their order. */
ALWAYS void note_starts(__m256i q, engine_panel_acts *to, size_t t) {
    const __m256i ones = _mm256_set1_epi8(1);
    __m256i v = _mm256_madd_epi16(_mm256_maddubs_epi16(ones, q), _mm256_set1_epi16(-128));
    v = _mm256_add_epi32(v, _mm256_shuffle_epi32(v, 0x4E));
    v = _mm256_add_epi32(v, _mm256_shuffle_epi32(v, 0xB1));
    to->half[0][t] = _mm256_extract_epi32(v, 0);
    to->half[1][t] = _mm256_extract_epi32(v, 4);
    to->start[t] = to->half[0][t] + to->half[1][t];
    to->sum[t] = to->scale[t] * ((float)to->start[t] * (-1.0f / 128));
}

#else

/* ---- one block, with sums of 16 bits ------------------------------------------------------ */

ALWAYS bool is_wide(const uint32_t type) {
    return type == ENGINE_Q8_0 || by_table(type);
}

/* `size`: of wide codes, without the sign. */
typedef struct {
    __m256i w[PANEL_GROUPS], size[PANEL_GROUPS];
    factors f;
} block;

ALWAYS block read_block(const uint32_t type, const uint8_t *c, const uint8_t *s,
                        const uint8_t *super, const int half) {
    block b;
    raw_codes(type, c, b.w);
    b.f = read_scales(type, s, super, half);
    if (is_wide(type)) {
        UNROLL for (int g = 0; g < PANEL_GROUPS; g++) b.size[g] = _mm256_abs_epi8(b.w[g]);
    }
    if (type == ENGINE_Q4_0) b.f.least = _mm256_mul_ps(b.f.scale, spread(-8));
    /* Sums start at -16 * q for all five bits, which those with a minimum get back. */
    if (five_bits(type) && has_minimum(type)) {
        b.f.least = _mm256_fmadd_ps(b.f.scale, spread(16), b.f.least);
    }
    if (by_halves(type)) {
        const __m256i low = _mm256_set1_epi32(65535);
        UNROLL for (int h = 0; h < 2; h++) {
            b.f.whole[h] = _mm256_or_si256(_mm256_slli_epi32(b.f.whole[h], 16),
                                           _mm256_and_si256(b.f.whole[h], low));
            b.f.minima[h] = _mm256_or_si256(_mm256_slli_epi32(b.f.minima[h], 16), b.f.minima[h]);
        }
        /* Sums of halves are kept times -32. */
        if (type == ENGINE_Q2_K) b.f.least = _mm256_mul_ps(b.f.least, spread(1.0f / 32));
    }
    return b;
}

/* Sums of 16 bits over groups [first, first + count). */
ALWAYS void dot16(const block *b, const int first, const int count, const engine_panel_acts *a,
                  const size_t t, const int n, const bool start, __m256i i[CHAINS]) {
    UNROLL for (int g = first; g < first + count; g++) {
        UNROLL for (int k = 0; k < n; k++) {
            __m256i p = _mm256_maddubs_epi16(b->w[g], spread4(a->q[t + (size_t)k] + 4 * g));
            i[k] = g == first && !start ? p : _mm256_add_epi16(i[k], p);
            IN_ORDER(i[k]);
        }
    }
}

/* i[k] = the integers of one block and token t + k. */
ALWAYS void dot_wide(const block *b, const engine_panel_acts *a, const size_t t, const int n,
                     __m256i i[CHAINS]) {
    const __m256i ones = _mm256_set1_epi16(1);
    UNROLL for (int g = 0; g < PANEL_GROUPS; g++) {
        UNROLL for (int k = 0; k < n; k++) {
            __m256i q = _mm256_sign_epi8(spread4(a->q[t + (size_t)k] + 4 * g), b->w[g]);
            __m256i p = _mm256_madd_epi16(_mm256_maddubs_epi16(b->size[g], q), ones);
            i[k] = g == 0 ? p : _mm256_add_epi32(i[k], p);
            IN_ORDER(i[k]);
        }
    }
}

ALWAYS void dot_narrow(const uint32_t type, const block *b, const engine_panel_acts *a,
                       const size_t t, const int n, __m256i i[CHAINS]) {
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i part[CHAINS];
    if (!by_halves(type)) {
        bool start = five_bits(type);
        UNROLL for (int k = 0; k < n; k++) {
            if (start) part[k] = spread4(&a->start[t + (size_t)k]);
        }
        dot16(b, 0, PANEL_GROUPS, a, t, n, start, part);
        UNROLL for (int k = 0; k < n; k++) i[k] = _mm256_madd_epi16(part[k], ones);
        return;
    }
    UNROLL for (int h = 0; h < 2; h++) {
        bool start = type != ENGINE_Q2_K;
        UNROLL for (int k = 0; k < n; k++) {
            if (start) part[k] = spread4(&a->half[h][t + (size_t)k]);         /* zero is 32 */
            if (type == ENGINE_Q3_K) part[k] = _mm256_srai_epi16(part[k], 3); /* zero is 4 */
        }
        dot16(b, h * 4, 4, a, t, n, start, part);
        UNROLL for (int k = 0; k < n; k++) {
            __m256i p = _mm256_madd_epi16(part[k], b->f.whole[h]);
            i[k] = h == 0 ? p : _mm256_add_epi32(i[k], p);
        }
    }
}

/* sum[t + k] += the product of one block with token t + k, k < n */
ALWAYS void meet(const uint32_t type, const block *b, const engine_panel_acts *a, const size_t t,
                 const int n, __m256 *sum) {
    __m256i i[CHAINS];
    if (is_wide(type))
        dot_wide(b, a, t, n, i);
    else
        dot_narrow(type, b, a, t, n, i);
    UNROLL for (int k = 0; k < n; k++) {
        const size_t at = t + (size_t)k;
        __m256 v = _mm256_mul_ps(_mm256_cvtepi32_ps(i[k]), b->f.scale);
        if (type == ENGINE_Q2_K) {
            __m256i m = _mm256_madd_epi16(spread4(&a->half[0][at]), b->f.minima[0]);
            m = _mm256_add_epi32(m, _mm256_madd_epi16(spread4(&a->half[1][at]), b->f.minima[1]));
            v = _mm256_fmadd_ps(_mm256_cvtepi32_ps(m), b->f.least, v);
        } else if (has_minimum(type) || type == ENGINE_Q4_0) {
            sum[at] = _mm256_fmadd_ps(spread(a->sum[at]), b->f.least, sum[at]);
        }
        sum[at] = _mm256_fmadd_ps(v, spread(a->scale[at]), sum[at]);
    }
}

/* What sums of 16 bits start at, as pairs for columns 4g, 4g + 1 and 4g + 2, 4g + 3: `half` -32 *
 * the sum of the pair's q, `start` -16 * that of both halves. */
ALWAYS void note_starts(__m256i q, engine_panel_acts *to, size_t t) {
    __m256i v = _mm256_maddubs_epi16(_mm256_set1_epi8(1), q);
    v = _mm256_add_epi16(v, _mm256_shuffle_epi32(v, 0x4E));
    v = _mm256_add_epi16(v, _mm256_shuffle_epi32(v, 0xB1));
    __m128i low = _mm256_castsi256_si128(v), high = _mm256_extracti128_si256(v, 1);
    __m128i both = _mm_add_epi16(low, high);
    __m128i sum = _mm_madd_epi16(both, _mm_set1_epi16(1));
    to->half[0][t] = _mm_cvtsi128_si32(_mm_mullo_epi16(low, _mm_set1_epi16(-32)));
    to->half[1][t] = _mm_cvtsi128_si32(_mm_mullo_epi16(high, _mm_set1_epi16(-32)));
    to->start[t] = _mm_cvtsi128_si32(_mm_mullo_epi16(both, _mm_set1_epi16(-16)));
    to->sum[t] = to->scale[t] * (float)_mm_cvtsi128_si32(sum);
}

#endif

/* ---- a panel ------------------------------------------------------------------------------ */

ALWAYS void store(const engine_panel_job *job, size_t t, int half, __m256 sum) {
    float *out = job->out + t * job->stride + ROWS * half;
    if (t >= job->n) return;
    if (job->bias) sum = _mm256_add_ps(sum, _mm256_loadu_ps(job->bias + ROWS * half));
    if (job->add) sum = _mm256_add_ps(sum, _mm256_loadu_ps(out));
    _mm256_storeu_ps(out, sum);
}

ALWAYS void run(const engine_panel_job *job, const uint32_t type, const size_t n) {
    const engine_panel_layout l = engine_panel_layout_of(type);
    const size_t blocks = job->columns / PANEL_BLOCK, code_bytes = l.code_bytes;
    const uint8_t *c = job->panel, *s = c + blocks * code_bytes;
    const uint8_t *super = s + ((blocks * l.scale_bytes + 63) & ~(size_t)63);
    const engine_panel_acts *a = job->tile;
    __m256 sum[HALVES][PANEL_TOKENS];
    for (size_t t = 0; t < n; t++) sum[0][t] = sum[1][t] = _mm256_setzero_ps();
    for (size_t b = 0; b < blocks; b++, a++, c += code_bytes, s += l.scale_bytes) {
        for (size_t i = 0; i < code_bytes; i += 64) {
            _mm_prefetch((const char *)((uintptr_t)c + AHEAD + i), _MM_HINT_T0);
        }
        for (int half = 0; half < HALVES; half++) {
            OPAQUE(half);
            const uint8_t *wide = super + b / PANEL_SUPER * l.super_bytes;
            block w = read_block(type, c + 32 * half, s, wide, half);
            for (size_t t = 0; t < n; t += CHAINS) {
                OPAQUE(t);
                meet(type, &w, a, t, n < CHAINS ? (int)n : CHAINS, sum[half]);
            }
        }
    }
    for (size_t t = 0; t < n; t++) {
        for (int half = 0; half < HALVES; half++) store(job, t, half, sum[half][t]);
    }
}

/* ---- float weights ------------------------------------------------------------------------ */

enum {
    FLOAT_TOKENS = 2,
    FLOAT_SUMS = FLOAT_TOKENS * HALVES * 2, /* of even columns and of odd ones: 8 registers */
    FLOAT_COLUMNS = 64                      /* that are widened at once */
};

ALWAYS __m256 column(const uint32_t type, const uint8_t *panel, size_t i, int half) {
    if (type == ENGINE_F32) {
        return _mm256_loadu_ps((const float *)(const void *)(panel + 64 * i) + ROWS * half);
    }
    const uint8_t *at = panel + 32 * i + 16 * half;
    if (type == ENGINE_F16) return halves8(at);
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)at);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16));
}

/* `count` columns, an even number, and n tokens. */
ALWAYS void run_columns(const uint32_t type, const uint8_t *w, size_t count, const float *x,
                        const int n, __m256 all[FLOAT_SUMS]) {
    __m256 sum[FLOAT_SUMS];
    UNROLL for (int j = 0; j < FLOAT_SUMS; j++) sum[j] = all[j];
    for (size_t i = 0; i < count; i += 2, x += 2 * PANEL_TOKENS) {
        UNROLL for (int j = 0; j < HALVES * 2; j++) {
            __m256 v = column(type, w, i + (size_t)(j % 2), j / 2);
            UNROLL for (int t = 0; t < n; t++) {
                __m256 *to = &sum[j * FLOAT_TOKENS + t];
                *to = _mm256_fmadd_ps(v, spread(x[PANEL_TOKENS * (j % 2) + t]), *to);
            }
        }
    }
    UNROLL for (int j = 0; j < FLOAT_SUMS; j++) all[j] = sum[j];
}

ALWAYS void run_float(const engine_panel_job *job, const uint32_t type, const size_t n) {
    __m256 all[PANEL_TOKENS / FLOAT_TOKENS][FLOAT_SUMS];
    float wide[FLOAT_COLUMNS][PANEL_ROWS];
    const bool widened = type != ENGINE_F32 && n > FLOAT_TOKENS;
    const size_t chunk = n > FLOAT_TOKENS ? FLOAT_COLUMNS : job->columns;
    memset(all, 0, sizeof all);
    for (size_t i = 0; i < job->columns; i += chunk) {
        size_t count = job->columns - i < chunk ? job->columns - i : chunk;
        const uint8_t *w = job->panel + i * (type == ENGINE_F32 ? 64 : 32);
        const float *x = (const float *)job->tile + i * PANEL_TOKENS;
        for (size_t j = 0; widened && j < count; j++) {
            _mm256_storeu_ps(wide[j], column(type, w, j, 0));
            _mm256_storeu_ps(wide[j] + ROWS, column(type, w, j, 1));
        }
        for (size_t t = 0; t < n; t += FLOAT_TOKENS) {
            const uint8_t *from = widened ? (const uint8_t *)wide : w;
            run_columns(widened ? ENGINE_F32 : type, from, count, x + t,
                        n < FLOAT_TOKENS ? (int)n : FLOAT_TOKENS, all[t / FLOAT_TOKENS]);
        }
    }
    for (size_t t = 0; t < n; t++) {
        for (int half = 0; half < HALVES; half++) {
            const __m256 *sum = all[t / FLOAT_TOKENS] + half * 2 * FLOAT_TOKENS;
            size_t at = t % FLOAT_TOKENS;
            store(job, t, half, _mm256_add_ps(sum[at], sum[FLOAT_TOKENS + at]));
        }
    }
}

/* ---- one function for each type ----------------------------------------------------------- */

#define BY_TOKENS(NAME, RUN, TYPE)                  \
    static void NAME(const engine_panel_job *job) { \
        switch (engine_panel_slots(job->n)) {       \
        case 1:                                     \
            RUN(job, TYPE, 1);                      \
            break;                                  \
        case 2:                                     \
            RUN(job, TYPE, 2);                      \
            break;                                  \
        case 4:                                     \
            RUN(job, TYPE, 4);                      \
            break;                                  \
        case 8:                                     \
            RUN(job, TYPE, 8);                      \
            break;                                  \
        default:                                    \
            RUN(job, TYPE, 16);                     \
            break;                                  \
        }                                           \
    }

#define EACH_TYPE(DO)                         \
    DO(multiply_f32, run_float, ENGINE_F32)   \
    DO(multiply_f16, run_float, ENGINE_F16)   \
    DO(multiply_bf16, run_float, ENGINE_BF16) \
    DO(multiply_q8_0, run, ENGINE_Q8_0)       \
    DO(multiply_q4_0, run, ENGINE_Q4_0)       \
    DO(multiply_q4_1, run, ENGINE_Q4_1)       \
    DO(multiply_q5_0, run, ENGINE_Q5_0)       \
    DO(multiply_q5_1, run, ENGINE_Q5_1)       \
    DO(multiply_q2_k, run, ENGINE_Q2_K)       \
    DO(multiply_q3_k, run, ENGINE_Q3_K)       \
    DO(multiply_q4_k, run, ENGINE_Q4_K)       \
    DO(multiply_q5_k, run, ENGINE_Q5_K)       \
    DO(multiply_q6_k, run, ENGINE_Q6_K)       \
    DO(multiply_iq4_nl, run, ENGINE_IQ4_NL)   \
    DO(multiply_iq4_xs, run, ENGINE_IQ4_XS)

EACH_TYPE(BY_TOKENS)

static void multiply(const engine_panel_job *job) {
    switch (job->type) {
#define CASE(NAME, RUN, TYPE) \
    case TYPE:                \
        NAME(job);            \
        break;
        EACH_TYPE(CASE)
#undef CASE
    default:
        break; /* no other type has a layout */
    }
}

/* ---- activations -------------------------------------------------------------------------- */

ALWAYS float greatest(__m256 v) {
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}

static void quantize_block(const float *x, engine_panel_acts *to, size_t t) {
    const __m256 sign = spread(-0.0f);
    __m256 v[4], most_of = _mm256_setzero_ps();
    __m256i i[4];
    UNROLL for (int j = 0; j < 4; j++) {
        v[j] = _mm256_loadu_ps(x + ROWS * j);
        most_of = _mm256_max_ps(most_of, _mm256_andnot_ps(sign, v[j]));
    }
    float most = greatest(most_of);
    /* Denormal: no int8 can tell it from zero. */
    float scale = most > 1e-36f ? most / 127.0f : 0, inverse = most > 1e-36f ? 127.0f / most : 0;
    UNROLL for (int j = 0; j < 4; j++) {
        i[j] = _mm256_cvtps_epi32(_mm256_mul_ps(v[j], spread(inverse)));
    }
    __m256i q = _mm256_packs_epi16(_mm256_packs_epi32(i[0], i[1]), _mm256_packs_epi32(i[2], i[3]));
    q = _mm256_permutevar8x32_epi32(q, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256((__m256i *)(void *)to->q[t], q);
    to->scale[t] = scale;
    note_starts(q, to, t);
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
