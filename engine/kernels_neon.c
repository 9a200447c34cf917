/* kernels_neon: the inner loops for arm64, with what every such processor has.
 *
 * tiles() keeps up to 6 x 16 sums in 24 of 32 registers, so that each step of 4 loads feeds up to
 * 24 multiply-adds; with few rows it takes several panels at once instead, because a single sum
 * would wait for itself. Whatever the shape, a sum runs over i in order, so that the shape cannot
 * be seen in the result. Powers are polynomials; how far off: kernels_avx2.c, which has the same.
 *
 * What the table leaves out, and what is left of a row whose length is no multiple of 4, is the
 * scalar table's.
 */
#include "engine/kernels.h"

#if defined(__aarch64__)

#include <arm_neon.h>
#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__) /* which does not know gcc's own */
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#if defined(__clang__) /* which does not know gcc's own */
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 24")
#endif
#endif

enum { LANES = 4, QUADS = ENGINE_PANEL / LANES };

static void transpose(const float *rows, size_t stride, float *panel, size_t n) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t r = 0; r < ENGINE_PANEL; r += LANES) {
            float32x4x4_t v;
            UNROLLED for (size_t j = 0; j < LANES; j++) {
                v.val[j] = vld1q_f32(rows + (r + j) * stride + i);
            }
            float32x4x2_t a = vtrnq_f32(v.val[0], v.val[1]), b = vtrnq_f32(v.val[2], v.val[3]);
            float *to = panel + i * ENGINE_PANEL + r;
            vst1q_f32(to, vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0])));
            to += ENGINE_PANEL;
            vst1q_f32(to, vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1])));
            to += ENGINE_PANEL;
            vst1q_f32(to, vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0])));
            to += ENGINE_PANEL;
            vst1q_f32(to, vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1])));
        }
    }
    if (i < n) engine_kernels_scalar.transpose(rows + i, stride, panel + i * ENGINE_PANEL, n - i);
}

/* ---- attention ---------------------------------------------------------------------------- */

INLINE float32x4_t load_half4(const uint16_t *p) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}

INLINE float32x4_t load_i8x4(const int8_t *p) {
    int32_t four;
    memcpy(&four, p, sizeof four);
    int16x8_t v = vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four)));
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(v)));
}

/* 4 elements from element `at` on. */
INLINE float32x4_t load_panel(const engine_kv type, const void *panels, size_t at) {
    if (type == ENGINE_KV_F32) return vld1q_f32((const float *)panels + at);
    if (type == ENGINE_KV_F16) return load_half4((const uint16_t *)panels + at);
    return load_i8x4((const int8_t *)panels + at);
}

/* `rows` rows from row `r` on with `blocks` panels from panel `b` on; the first three arguments are
 * constants where this is expanded, so that the sums stay in registers. */
INLINE void tiles_part(const engine_kv type, const size_t rows, const size_t blocks,
                       const engine_tiles *t, size_t r, size_t b) {
    const size_t quads = QUADS * blocks;
    float32x4_t sums[24], panel[16];
    const float *x = t->x + r * t->x_stride;
    float *out = t->out + r * t->out_stride + b * ENGINE_PANEL;
    UNROLLED for (size_t k = 0; k < rows; k++) {
        UNROLLED for (size_t q = 0; q < quads; q++) {
            float32x4_t *sum = &sums[k * quads + q];
            *sum = vdupq_n_f32(0);
            if (t->keep) {
                *sum = vmulq_n_f32(vld1q_f32(out + k * t->out_stride + q * LANES), t->keep[r + k]);
            }
        }
    }
    for (size_t i = 0; i < t->n; i++, x++) {
        UNROLLED for (size_t q = 0; q < quads; q++) {
            size_t at = (b + q / QUADS) * t->step + i * t->stride + q % QUADS * LANES;
            panel[q] = load_panel(type, t->panels, at);
        }
        UNROLLED for (size_t k = 0; k < rows; k++) {
            float v = x[k * t->x_stride];
            UNROLLED for (size_t q = 0; q < quads; q++) {
                sums[k * quads + q] = vfmaq_n_f32(sums[k * quads + q], panel[q], v);
            }
        }
    }
    UNROLLED for (size_t k = 0; k < rows; k++) {
        UNROLLED for (size_t q = 0; q < quads; q++) {
            vst1q_f32(out + k * t->out_stride + q * LANES, sums[k * quads + q]);
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

/* 2^x for x up to 0; below -126 (where float32 would go denormal) the result is 0. */
INLINE float32x4_t power4(float32x4_t x) {
    const float32x4_t least = vdupq_n_f32(-126.0f);
    uint32x4_t alive = vcgeq_f32(x, least);
    x = vmaxq_f32(x, least);
    float32x4_t n = vrndnq_f32(x), r = vsubq_f32(x, n), y = vdupq_n_f32(1.54035304e-4f);
    y = vfmaq_f32(vdupq_n_f32(1.34002888e-3f), y, r);
    y = vfmaq_f32(vdupq_n_f32(9.61812911e-3f), y, r);
    y = vfmaq_f32(vdupq_n_f32(5.55032745e-2f), y, r);
    y = vfmaq_f32(vdupq_n_f32(2.40226507e-1f), y, r);
    y = vfmaq_f32(vdupq_n_f32(6.93147207e-1f), y, r);
    y = vfmaq_f32(vdupq_n_f32(1.0f), y, r);
    int32x4_t bits = vaddq_s32(vreinterpretq_s32_f32(y), vshlq_n_s32(vcvtq_s32_f32(n), 23));
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_s32(bits), alive));
}

/* The lanes of the 4 bits from bit `first` on. */
INLINE uint32x4_t lanes_of(uint64_t bits, size_t first) {
    static const uint32_t each[LANES] = {1, 2, 4, 8};
    return vtstq_u32(vdupq_n_u32((uint32_t)(bits >> first & 15)), vld1q_u32(each));
}

/* Scales as far as a key is seen; the rest are zero. NULL: all 1. */
static void copy_scales(const float *from, uint64_t seen, float to[ENGINE_KEYS]) {
    size_t count = (size_t)(64 - __builtin_clzll(seen));
    for (size_t j = 0; j < ENGINE_KEYS; j++) to[j] = from ? 0 : 1;
    if (from) memcpy(to, from, count * sizeof *to);
}

/* Finishes the scores of row r; returns the greatest of them and of those before. */
static float finish_scores(const engine_soften *s, size_t r) {
    static const float count[LANES] = {0, 1, 2, 3};
    float *scores = s->scores + r * ENGINE_KEYS, scales[ENGINE_KEYS];
    float32x4_t top = vdupq_n_f32(s->most[r]);
    if (s->key_scales) copy_scales(s->key_scales, s->seen[r], scales);
    for (size_t j = 0; j < ENGINE_KEYS; j += LANES) {
        float32x4_t v = vld1q_f32(scores + j);
        if (s->key_scales) v = vmulq_f32(v, vld1q_f32(scales + j));
        if (s->slopes) {
            float32x4_t away = vsubq_f32(vdupq_n_f32(s->distances[r] - (float)j), vld1q_f32(count));
            v = vfmsq_n_f32(v, vabsq_f32(away), s->slopes[r]);
        }
        vst1q_f32(scores + j, v);
        top = vmaxq_f32(top, vbslq_f32(lanes_of(s->seen[r], j), v, top));
    }
    return vmaxvq_f32(top);
}

static void soften(const engine_soften *s) {
    float scales[ENGINE_KEYS];
    for (size_t r = 0; r < s->rows; r++) {
        float most = finish_scores(s, r);
        float *scores = s->scores + r * ENGINE_KEYS, *totals = s->totals + r * ENGINE_PANEL;
        const float32x4_t top = vdupq_n_f32(most);
        const float32x4_t keep = power4(vsubq_f32(vdupq_n_f32(s->most[r]), top));
        float32x4_t sums[QUADS];
        UNROLLED for (size_t q = 0; q < QUADS; q++) {
            sums[q] = vmulq_f32(vld1q_f32(totals + LANES * q), keep);
        }
        copy_scales(s->value_scales, s->seen[r], scales);
        for (size_t j = 0; j < ENGINE_KEYS; j += ENGINE_PANEL) {
            UNROLLED for (size_t q = 0; q < QUADS; q++) {
                const size_t at = j + LANES * q;
                uint32x4_t e =
                    vreinterpretq_u32_f32(power4(vsubq_f32(vld1q_f32(scores + at), top)));
                float32x4_t v = vreinterpretq_f32_u32(vandq_u32(e, lanes_of(s->seen[r], at)));
                sums[q] = vaddq_f32(sums[q], v);
                vst1q_f32(scores + at, vmulq_f32(v, vld1q_f32(scales + at)));
            }
        }
        UNROLLED for (size_t q = 0; q < QUADS; q++) vst1q_f32(totals + LANES * q, sums[q]);
        s->most[r] = most;
        s->keep[r] = vgetq_lane_f32(keep, 0);
    }
}

static void blend(float *out, float a, const float *x, float b, size_t n) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        float32x4_t v = a == 0 ? vdupq_n_f32(0) : vmulq_n_f32(vld1q_f32(out + i), a);
        vst1q_f32(out + i, vfmaq_n_f32(v, vld1q_f32(x + i), b));
    }
    for (; i < n; i++) out[i] = fmaf(x[i], b, a == 0 ? 0 : out[i] * a);
}

static void narrow_f16(const float *x, uint16_t *out, size_t n) {
    const float32x4_t most = vdupq_n_f32(65504);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) { /* what is no number stays so */
        float32x4_t v = vmaxq_f32(vnegq_f32(most), vminq_f32(most, vld1q_f32(x + i)));
        vst1_u16(out + i, vreinterpret_u16_f16(vcvt_f16_f32(v)));
    }
    if (i < n) engine_kernels_scalar.narrow_f16(x + i, out + i, n - i);
}

static void widen_f16(const uint16_t *x, float *out, size_t n) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) vst1q_f32(out + i, load_half4(x + i));
    if (i < n) engine_kernels_scalar.widen_f16(x + i, out + i, n - i);
}

static float narrow_i8(const float *x, int8_t *out, size_t n) {
    float32x4_t top = vdupq_n_f32(0);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) top = vmaxq_f32(top, vabsq_f32(vld1q_f32(x + i)));
    float most = vmaxvq_f32(top);
    for (; i < n; i++) most = fmaxf(most, fabsf(x[i]));
    float scale = most / 127, inverse = scale > 0 ? 127 / most : 0;
    for (i = 0; i + LANES <= n; i += LANES) {
        int32x4_t v = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i), inverse));
        v = vmaxq_s32(vdupq_n_s32(-127), vminq_s32(vdupq_n_s32(127), v));
        int16x4_t h = vmovn_s32(v);
        int32_t four = vget_lane_s32(vreinterpret_s32_s8(vmovn_s16(vcombine_s16(h, h))), 0);
        memcpy(out + i, &four, sizeof four);
    }
    for (; i < n; i++) {
        float v = x[i] * inverse;
        out[i] = v >= 127 ? 127 : v > -127 ? (int8_t)lrintf(v) : -127;
    }
    return scale;
}

static void widen_i8(const int8_t *x, float *out, size_t n) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) vst1q_f32(out + i, load_i8x4(x + i));
    for (; i < n; i++) out[i] = x[i];
}

/* ---- norms and activations ---------------------------------------------------------------- */

/* e^x for x up to 88; below -87 (where float32 would go denormal) the result is 0. */
INLINE float32x4_t exp4(float32x4_t x) {
    const float32x4_t least = vdupq_n_f32(-87.0f);
    uint32x4_t alive = vcgeq_f32(x, least);
    x = vminq_f32(vmaxq_f32(x, least), vdupq_n_f32(88.0f));
    float32x4_t n = vrndnq_f32(vmulq_n_f32(x, 0x1.715476p0f)); /* 1 / ln 2 */
    float32x4_t r = vfmsq_n_f32(x, n, 0x1.62E4p-1f);           /* few bits: n * it is exact */
    r = vfmsq_n_f32(r, n, 0x1.7F7D1Cp-20f);                    /* the rest of ln 2 */
    float32x4_t y = vdupq_n_f32(1.0f / 5040);
    y = vfmaq_f32(vdupq_n_f32(1.0f / 720), y, r);
    y = vfmaq_f32(vdupq_n_f32(1.0f / 120), y, r);
    y = vfmaq_f32(vdupq_n_f32(1.0f / 24), y, r);
    y = vfmaq_f32(vdupq_n_f32(1.0f / 6), y, r);
    y = vfmaq_f32(vdupq_n_f32(0.5f), y, r);
    y = vfmaq_f32(vdupq_n_f32(1.0f), y, r);
    y = vfmaq_f32(vdupq_n_f32(1.0f), y, r);
    int32x4_t power = vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)), 23);
    y = vmulq_f32(y, vreinterpretq_f32_s32(power));
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(y), alive));
}

/* The sum of (x - middle)^2, or with `plain` of x - middle. */
static float sum_around(const float *x, float middle, bool plain, size_t n) {
    float32x4_t sums[4], one = vdupq_n_f32(1);
    UNROLLED for (size_t j = 0; j < 4; j++) sums[j] = vdupq_n_f32(0);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        UNROLLED for (size_t j = 0; j < 4; j++) {
            float32x4_t v = vsubq_f32(vld1q_f32(x + i + LANES * j), vdupq_n_f32(middle));
            sums[j] = vfmaq_f32(sums[j], v, plain ? one : v);
        }
    }
    float sum = vaddvq_f32(vaddq_f32(vaddq_f32(sums[0], sums[1]), vaddq_f32(sums[2], sums[3])));
    for (; i < n; i++) sum += plain ? x[i] - middle : (x[i] - middle) * (x[i] - middle);
    return sum;
}

static void rms_norm(const float *x, const float *weight, float epsilon, float *out, size_t n) {
    float scale = 1.0f / sqrtf(sum_around(x, 0, false, n) / (float)n + epsilon);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        float32x4_t v = vmulq_n_f32(vld1q_f32(x + i), scale);
        vst1q_f32(out + i, vmulq_f32(v, vld1q_f32(weight + i)));
    }
    for (; i < n; i++) out[i] = x[i] * scale * weight[i];
}

static void layer_norm(const float *x, const float *weight, const float *bias, float epsilon,
                       float *out, size_t n) {
    float mean = sum_around(x, 0, true, n) / (float)n;
    float scale = 1.0f / sqrtf(sum_around(x, mean, false, n) / (float)n + epsilon);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        float32x4_t v = vmulq_n_f32(vsubq_f32(vld1q_f32(x + i), vdupq_n_f32(mean)), scale);
        vst1q_f32(out + i, vfmaq_f32(vld1q_f32(bias + i), v, vld1q_f32(weight + i)));
    }
    for (; i < n; i++) out[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

INLINE float32x4_t silu4(float32x4_t g) {
    return vdivq_f32(g, vaddq_f32(vdupq_n_f32(1.0f), exp4(vnegq_f32(g))));
}

/* x / (1 + e^-2u), 2u = x (2 sqrt(2 / pi) + 2 sqrt(2 / pi) 0.044715 x^2) */
INLINE float32x4_t gelu4(float32x4_t x) {
    float32x4_t u = vfmaq_n_f32(vdupq_n_f32(-1.59576912f), vmulq_f32(x, x), -0.0713548163f);
    return vdivq_f32(x, vaddq_f32(vdupq_n_f32(1.0f), exp4(vmulq_f32(x, u))));
}

/* x = f(x) * by, by NULL: 1. What is left of a row takes the same way through a register, so that
 * a value does not depend on its place. */
INLINE void activate(float32x4_t (*const f)(float32x4_t), float *x, const float *by, size_t n) {
    for (size_t i = 0; i < n; i += LANES) {
        const size_t count = n - i < LANES ? n - i : LANES;
        float v[LANES] = {0}, w[LANES] = {0};
        memcpy(v, x + i, count * sizeof *v);
        if (by) memcpy(w, by + i, count * sizeof *w);
        float32x4_t y = f(vld1q_f32(v));
        vst1q_f32(v, by ? vmulq_f32(y, vld1q_f32(w)) : y);
        memcpy(x + i, v, count * sizeof *v);
    }
}

static void silu_mul(float *gate, const float *up, size_t n) {
    activate(silu4, gate, up, n);
}

static void gelu_mul(float *gate, const float *up, size_t n) {
    activate(gelu4, gate, up, n);
}

static void gelu(float *x, size_t n) {
    activate(gelu4, x, NULL, n);
}

static void rope_norm(float *x, const float *turn, size_t pairs) {
    size_t i = 0;
    for (; i + LANES <= pairs; i += LANES) {
        float32x4x2_t v = vld2q_f32(x + 2 * i), t = vld2q_f32(turn + 2 * i), out;
        out.val[0] = vfmsq_f32(vmulq_f32(v.val[0], t.val[0]), v.val[1], t.val[1]);
        out.val[1] = vfmaq_f32(vmulq_f32(v.val[0], t.val[1]), v.val[1], t.val[0]);
        vst2q_f32(x + 2 * i, out);
    }
    if (i < pairs) engine_kernels_scalar.rope_norm(x + 2 * i, turn + 2 * i, pairs - i);
}

static void rope_neox(float *x, const float *turn, size_t pairs) {
    size_t i = 0;
    for (; i + LANES <= pairs; i += LANES) {
        float32x4x2_t t = vld2q_f32(turn + 2 * i);
        float32x4_t a = vld1q_f32(x + i), b = vld1q_f32(x + pairs + i);
        vst1q_f32(x + i, vfmsq_f32(vmulq_f32(a, t.val[0]), b, t.val[1]));
        vst1q_f32(x + pairs + i, vfmaq_f32(vmulq_f32(a, t.val[1]), b, t.val[0]));
    }
    for (; i < pairs; i++) {
        float a = x[i], b = x[pairs + i], c = turn[2 * i], s = turn[2 * i + 1];
        x[i] = a * c - b * s;
        x[pairs + i] = a * s + b * c;
    }
}

const engine_kernels engine_kernels_neon = {
    .name = "neon",
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
};

#endif
