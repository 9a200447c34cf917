/* panels_neon.inc: panels times activations on arm64. Included once by each file that is compiled
 * for such an instruction set:
 *
 *   panels_neon.c      what every arm64 processor has
 *   panels_dotprod.c   the integer dot product of Armv8.2: PANELS_DOTPROD is defined
 *
 * A register holds 4 columns of 4 rows, so a panel runs as two halves of 8 rows: the codes of a
 * half's block stay in 16 registers while up to 16 tokens pass. Codes become signed bytes, of
 * which nothing has to be taken off afterwards; those with a minimum stay as they are, none is
 * above 31. Where scales are whole numbers of 16 columns (Q6_K, Q3_K, Q2_K), the sums are
 * multiplied with them as integers.
 *
 * Without the dot product, two products of int8 fit in 16 bits (2 * 128 * 127 = 32512), pairs of
 * which are added to sums of 32 bits.
 */
#include "engine/panels.h"

#include <arm_neon.h>
#include <string.h>

#define ALWAYS static inline __attribute__((always_inline))
#if defined(__clang__) /* which does not know gcc's own */
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#if defined(__clang__) /* which does not know gcc's own */
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#endif
/* So that a loop stays one: the compiler no longer knows what x is. */
#define OPAQUE(x) __asm__("" : "+r"(x))

enum {
    QUAD = 4,  /* rows of a register */
    QUADS = 2, /* registers side by side */
    HALVES = PANEL_ROWS / QUAD / QUADS,
    CHAINS = 4 /* tokens side by side */
};

/* ---- types, known when this is compiled ------------------------------------------------------ */

ALWAYS bool by_halves(const uint32_t type) {
    return type == ENGINE_Q2_K || type == ENGINE_Q3_K || type == ENGINE_Q6_K;
}

ALWAYS bool has_minimum(const uint32_t type) {
    return type == ENGINE_Q4_1 || type == ENGINE_Q5_1 || type == ENGINE_Q4_K ||
           type == ENGINE_Q5_K || type == ENGINE_Q2_K;
}

ALWAYS bool five_bits(const uint32_t type) {
    return type == ENGINE_Q5_0 || type == ENGINE_Q5_1 || type == ENGINE_Q5_K;
}

/* The code in the file that means zero. */
ALWAYS int zero_of(const uint32_t type) {
    return type == ENGINE_Q8_0   ? 128
           : type == ENGINE_Q4_0 ? 8
           : type == ENGINE_Q5_0 ? 16
           : type == ENGINE_Q6_K ? 32
           : type == ENGINE_Q3_K ? 4
                                 : 0;
}

/* ---- codes of 4 rows ------------------------------------------------------------------------ */

ALWAYS void nibbles(const uint8_t *c, uint8x16_t w[PANEL_GROUPS]) {
    UNROLL for (int i = 0; i < 4; i++) {
        uint8x16_t v = vld1q_u8(c + 64 * i);
        w[i] = vandq_u8(v, vdupq_n_u8(15));
        w[i + 4] = vshrq_n_u8(v, 4);
    }
}

/* w |= the bits of v that `mask` keeps, after a shift left by `by` (right where negative). */
ALWAYS uint8x16_t add_bits(uint8x16_t w, uint8x16_t v, const int by, uint8_t mask) {
    v = vshlq_u8(v, vdupq_n_s8((int8_t)by));
    return vorrq_u8(w, vandq_u8(v, vdupq_n_u8(mask)));
}

ALWAYS void add_ones(const uint8_t *c, const int to, uint8x16_t w[PANEL_GROUPS]) {
    uint8x16_t v = vld1q_u8(c);
    UNROLL for (int g = 0; g < PANEL_GROUPS; g++) {
        w[g] = add_bits(w[g], v, to - g, (uint8_t)(1 << to));
    }
}

ALWAYS void add_pairs(const uint8_t *c, const int to, uint8x16_t w[PANEL_GROUPS]) {
    UNROLL for (int g = 0; g < PANEL_GROUPS; g++) {
        uint8x16_t v = vld1q_u8(c + 64 * (g / 4));
        w[g] = add_bits(w[g], v, to - 2 * (g % 4), (uint8_t)(3 << to));
    }
}

ALWAYS void expand(const uint32_t type, const uint8_t *c, int8x16_t out[PANEL_GROUPS]) {
    static const int8_t iq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                   1,    13,   25,  38,  53,  69,  89,  113};
    const bool by_table = type == ENGINE_IQ4_NL || type == ENGINE_IQ4_XS;
    uint8x16_t w[PANEL_GROUPS];
    if (type == ENGINE_Q8_0) {
        UNROLL for (int g = 0; g < PANEL_GROUPS; g++) w[g] = vld1q_u8(c + 64 * g);
    } else if (type == ENGINE_Q2_K || type == ENGINE_Q3_K) {
        UNROLL for (int g = 0; g < PANEL_GROUPS; g++) w[g] = vdupq_n_u8(0);
        add_pairs(c, 0, w);
        if (type == ENGINE_Q3_K) add_ones(c + 128, 2, w);
    } else {
        nibbles(c, w);
        if (five_bits(type)) add_ones(c + 256, 4, w);
        if (type == ENGINE_Q6_K) add_pairs(c + 256, 4, w);
    }
    UNROLL for (int g = 0; g < PANEL_GROUPS; g++) {
        uint8x16_t less = vsubq_u8(w[g], vdupq_n_u8((uint8_t)zero_of(type)));
        out[g] = by_table ? vqtbl1q_s8(vld1q_s8(iq4), w[g]) : vreinterpretq_s8_u8(less);
    }
}

/* ---- scales of 4 rows ------------------------------------------------------------------------ */

ALWAYS float32x4_t halves4(const uint8_t *p) {
    return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p)));
}

ALWAYS int32x4_t bytes4(const uint8_t *p, const bool is_signed) {
    uint32_t four;
    memcpy(&four, p, sizeof four);
    uint8x8_t v = vreinterpret_u8_u32(vdup_n_u32(four));
    if (is_signed) return vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_u8(v))));
    return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(v))));
}

/* What each row's integers and each token's sum are multiplied with; least = -minimum. With scales
 * of halves: whole[h] * scale and minima[h] * least. */
typedef struct {
    float32x4_t scale, least;
    int32x4_t whole[2], minima[2];
} factors;

ALWAYS factors read_scales(const uint32_t type, const uint8_t *s, const uint8_t *super,
                           const int quad) {
    const uint8_t *own = s + QUAD * quad, *wide = super + 2 * QUAD * quad;
    factors f;
    f.least = vdupq_n_f32(0);
    f.whole[0] = f.whole[1] = f.minima[0] = f.minima[1] = vdupq_n_s32(0);
    if (type == ENGINE_Q4_K || type == ENGINE_Q5_K) {
        f.scale = vmulq_f32(halves4(wide), vcvtq_f32_s32(bytes4(own, false)));
        f.least = vmulq_f32(halves4(wide + 32), vcvtq_f32_s32(bytes4(own + 16, false)));
        f.least = vnegq_f32(f.least);
    } else if (type == ENGINE_Q6_K || type == ENGINE_Q3_K) {
        f.scale = halves4(wide);
        UNROLL for (int h = 0; h < 2; h++) f.whole[h] = bytes4(own + 16 * h, true);
    } else if (type == ENGINE_Q2_K) { /* halves of q are kept times -128 */
        f.scale = halves4(wide);
        f.least = vmulq_n_f32(halves4(wide + 32), 1.0f / 128);
        UNROLL for (int h = 0; h < 2; h++) {
            int32x4_t v = bytes4(own + 16 * h, false);
            f.whole[h] = vandq_s32(v, vdupq_n_s32(15));
            f.minima[h] = vshrq_n_s32(v, 4);
        }
    } else if (type == ENGINE_IQ4_XS) {
        f.scale = vmulq_f32(halves4(wide), vcvtq_f32_s32(bytes4(own, true)));
    } else {
        f.scale = halves4(s + 2 * QUAD * quad);
        if (has_minimum(type)) f.least = halves4(s + 32 + 2 * QUAD * quad);
    }
    return f;
}

/* ---- products ----------------------------------------------------------------------------- */

/* The products of 4 rows' 16 codes (4 groups) with 16 activations. */
#if defined(PANELS_DOTPROD)
ALWAYS int32x4_t dot16(int32x4_t sum, const int8x16_t w[4], int8x16_t q) {
    sum = vdotq_laneq_s32(sum, w[0], q, 0);
    sum = vdotq_laneq_s32(sum, w[1], q, 1);
    sum = vdotq_laneq_s32(sum, w[2], q, 2);
    return vdotq_laneq_s32(sum, w[3], q, 3);
}
#else
ALWAYS int32x4_t dot8(int32x4_t sum, int8x16_t v, int8x16_t w, int8x8_t p, int8x8_t q) {
    int16x8_t low = vmlal_s8(vmull_s8(vget_low_s8(v), p), vget_low_s8(w), q);
    int16x8_t high = vmlal_s8(vmull_s8(vget_high_s8(v), p), vget_high_s8(w), q);
    return vaddq_s32(sum, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
}

ALWAYS int32x4_t dot16(int32x4_t sum, const int8x16_t w[4], int8x16_t q) {
    const int32x4_t v = vreinterpretq_s32_s8(q);
    sum = dot8(sum, w[0], w[1], vreinterpret_s8_s32(vdup_laneq_s32(v, 0)),
               vreinterpret_s8_s32(vdup_laneq_s32(v, 1)));
    return dot8(sum, w[2], w[3], vreinterpret_s8_s32(vdup_laneq_s32(v, 2)),
                vreinterpret_s8_s32(vdup_laneq_s32(v, 3)));
}
#endif

typedef struct {
    int8x16_t w[QUADS][PANEL_GROUPS];
    factors f[QUADS];
} block;

/* sum += the product of one block's rows with token t */
ALWAYS void meet(const uint32_t type, const block *b, const engine_panel_acts *a, const size_t t,
                 float32x4_t sum[QUADS]) {
    const int8x16_t first = vld1q_s8(a->q[t]), second = vld1q_s8(a->q[t] + 16);
    UNROLL for (int r = 0; r < QUADS; r++) {
        const factors *f = &b->f[r];
        int32x4_t i = dot16(vdupq_n_s32(0), b->w[r], first);
        if (by_halves(type)) {
            int32x4_t j = dot16(vdupq_n_s32(0), b->w[r] + 4, second);
            i = vmlaq_s32(vmulq_s32(i, f->whole[0]), j, f->whole[1]);
        } else {
            i = dot16(i, b->w[r] + 4, second);
        }
        float32x4_t v = vmulq_f32(vcvtq_f32_s32(i), f->scale);
        if (type == ENGINE_Q2_K) {
            int32x4_t m = vmulq_n_s32(f->minima[0], a->half[0][t]);
            m = vmlaq_n_s32(m, f->minima[1], a->half[1][t]);
            v = vfmaq_f32(v, vcvtq_f32_s32(m), f->least);
        } else if (has_minimum(type)) {
            sum[r] = vfmaq_n_f32(sum[r], f->least, a->sum[t]);
        }
        sum[r] = vfmaq_n_f32(sum[r], v, a->scale[t]);
    }
}

ALWAYS void store(const engine_panel_job *job, size_t t, int quad, float32x4_t sum) {
    float *out = job->out + t * job->stride + QUAD * quad;
    if (t >= job->n) return;
    if (job->bias) sum = vaddq_f32(sum, vld1q_f32(job->bias + QUAD * quad));
    if (job->add) sum = vaddq_f32(sum, vld1q_f32(out));
    vst1q_f32(out, sum);
}

ALWAYS void run(const engine_panel_job *job, const uint32_t type, const size_t n) {
    const engine_panel_layout l = engine_panel_layout_of(type);
    const size_t blocks = job->columns / PANEL_BLOCK, step = n < CHAINS ? n : CHAINS;
    const uint8_t *c = job->panel, *s = c + blocks * l.code_bytes;
    const uint8_t *super = s + ((blocks * l.scale_bytes + 63) & ~(size_t)63);
    const engine_panel_acts *a = job->tile;
    float32x4_t sum[HALVES][PANEL_TOKENS][QUADS];
    memset(sum, 0, sizeof sum);
    for (size_t b = 0; b < blocks; b++, a++, c += l.code_bytes, s += l.scale_bytes) {
        for (int half = 0; half < HALVES; half++) {
            OPAQUE(half);
            block w;
            UNROLL for (int r = 0; r < QUADS; r++) {
                int quad = half * QUADS + r;
                expand(type, c + 4 * QUAD * quad, w.w[r]);
                w.f[r] = read_scales(type, s, super + b / PANEL_SUPER * l.super_bytes, quad);
            }
            for (size_t t = 0; t < n; t += step) {
                OPAQUE(t);
                UNROLL for (size_t k = 0; k < step; k++) meet(type, &w, a, t + k, sum[half][t + k]);
            }
        }
    }
    for (size_t t = 0; t < n; t++) {
        for (int q = 0; q < HALVES * QUADS; q++) store(job, t, q, sum[q / QUADS][t][q % QUADS]);
    }
}

/* ---- float weights ------------------------------------------------------------------------ */

ALWAYS float32x4_t column(const uint32_t type, const uint8_t *panel, size_t i, int quad) {
    if (type == ENGINE_F32) {
        return vld1q_f32((const float *)(const void *)(panel + 64 * i) + QUAD * quad);
    }
    const uint8_t *at = panel + 32 * i + 2 * QUAD * quad;
    if (type == ENGINE_F16) return halves4(at);
    return vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(at)), 16));
}

/* Tokens [first, first + n): 16 sums at most. */
ALWAYS void run_tokens(const engine_panel_job *job, const uint32_t type, const size_t first,
                       const int n) {
    const float *x = (const float *)job->tile + first;
    float32x4_t sum[CHAINS][HALVES * QUADS];
    UNROLL for (int t = 0; t < n; t++) {
        UNROLL for (int q = 0; q < HALVES * QUADS; q++) sum[t][q] = vdupq_n_f32(0);
    }
    for (size_t i = 0; i < job->columns; i++, x += PANEL_TOKENS) {
        UNROLL for (int q = 0; q < HALVES * QUADS; q++) {
            float32x4_t w = column(type, job->panel, i, q);
            UNROLL for (int t = 0; t < n; t++) sum[t][q] = vfmaq_n_f32(sum[t][q], w, x[t]);
        }
    }
    UNROLL for (int t = 0; t < n; t++) {
        UNROLL for (int q = 0; q < HALVES * QUADS; q++) store(job, first + (size_t)t, q, sum[t][q]);
    }
}

ALWAYS void run_float(const engine_panel_job *job, const uint32_t type, const size_t n) {
    for (size_t t = 0; t < n; t += CHAINS) {
        run_tokens(job, type, t, n < CHAINS ? (int)n : CHAINS);
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

static void quantize_block(const float *x, engine_panel_acts *to, size_t t) {
    float32x4_t v[8], most_of = vdupq_n_f32(0);
    int16x4_t i[8];
    UNROLL for (int j = 0; j < 8; j++) {
        v[j] = vld1q_f32(x + QUAD * j);
        most_of = vmaxnmq_f32(most_of, vabsq_f32(v[j]));
    }
    float most = vmaxnmvq_f32(most_of);
    /* Denormal: no int8 can tell it from zero. */
    float scale = most > 1e-36f ? most / 127.0f : 0, inverse = most > 1e-36f ? 127.0f / most : 0;
    UNROLL for (int j = 0; j < 8; j++) {
        i[j] = vqmovn_s32(vcvtnq_s32_f32(vmulq_n_f32(v[j], inverse)));
    }
    UNROLL for (int h = 0; h < 2; h++) {
        int8x16_t q = vcombine_s8(vqmovn_s16(vcombine_s16(i[4 * h], i[4 * h + 1])),
                                  vqmovn_s16(vcombine_s16(i[4 * h + 2], i[4 * h + 3])));
        vst1q_s8(to->q[t] + 16 * h, q);
        to->half[h][t] = -128 * vaddlvq_s8(q);
    }
    to->start[t] = to->half[0][t] + to->half[1][t];
    to->scale[t] = scale;
    to->sum[t] = scale * ((float)to->start[t] * (-1.0f / 128));
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
