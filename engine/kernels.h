/* kernels: the inner loops between the products, chosen once at run time. Private to this room (and
 * to its tests and benchmark).
 *
 * Everything here is float32: attention, norms, activations, positions, and the types that a cache
 * is kept in. Products with weights are in panels*.c. Attention has two: `tiles` meets queries with
 * keys and weights with values, in whatever type they are kept, `soften` does the softmax between.
 *
 * Every output value is summed by one thread in one fixed order, so results do not depend on how
 * many threads there are, which of them ran, or how many rows a call has.
 */
#ifndef CARREL_ENGINE_KERNELS_H
#define CARREL_ENGINE_KERNELS_H

#include "engine/engine.h"

enum {
    ENGINE_PANEL = 16,     /* columns of a panel: two AVX2 registers, one AVX-512 register */
    ENGINE_KEYS = 64,      /* of one step of attention, at multiples of it from position 0 */
    ENGINE_MOST_TABLES = 3 /* that one machine can run */
};

/* out[t][16 b + r] = keep[t] * out[t][16 b + r] + sum over i < n of x[t][i] * panels[b][i][r],
 * t < rows, b < blocks, r < ENGINE_PANEL. keep NULL: starts from zero, and out is not read.
 * panels[b][i] begins at element b * step + i * stride of `panels`, of type `type`; int8 counts as
 * whole numbers. Steps and strides in elements. */
typedef struct {
    engine_kv type;
    const void *panels;
    size_t step, stride, blocks, n;
    const float *x;
    size_t x_stride, rows;
    const float *keep; /* [rows] */
    float *out;
    size_t out_stride;
    uintptr_t ahead; /* bytes from what is read to what will be needed soon; a hint for few rows */
} engine_tiles;

/* Some queries and ENGINE_KEYS keys. A score that is seen is multiplied with its key's scale, loses
 * slope * |distance - key|, and becomes 2^(score - most) times its value's scale; the others become
 * 0. `most` and `totals` go on from the keys before; keep = 2^(most before - most now) is what was
 * summed so far must be multiplied with. */
typedef struct {
    size_t rows;
    float *scores;                          /* [rows][ENGINE_KEYS] */
    const uint64_t *seen;                   /* [rows], bit j: sees key j; never 0 */
    const float *key_scales, *value_scales; /* [ENGINE_KEYS], as far as seen; NULL: all 1 */
    const float *slopes;                    /* [rows]; NULL: none */
    const float *distances;                 /* [rows], from the first key to the query */
    float *most, *keep;                     /* [rows] */
    float *totals;                          /* [rows][ENGINE_PANEL], to be added up */
} engine_soften;

/* A table may leave a field NULL: engine_kernels_all fills it from the next simpler table. */
typedef struct {
    const char *name;
    /* panel[i][r] = rows[r][i], i < n, r < ENGINE_PANEL; rows `stride` floats apart */
    void (*transpose)(const float *rows, size_t stride, float *panel, size_t n);
    void (*tiles)(const engine_tiles *t);
    void (*soften)(const engine_soften *s);
    /* out = a * out + b * x; a == 0: out is not read. Never gives -0, so that sums that differ in
     * nothing but added zeros agree in every bit. */
    void (*blend)(float *out, float a, const float *x, float b, size_t n);
    /* float16, to nearest, what is too great becomes the greatest finite number; and back */
    void (*narrow_f16)(const float *x, uint16_t *out, size_t n);
    void (*widen_f16)(const uint16_t *x, float *out, size_t n);
    /* out = x / scale, to nearest, -127 to 127; returns scale */
    float (*narrow_i8)(const float *x, int8_t *out, size_t n);
    void (*widen_i8)(const int8_t *x, float *out, size_t n);
    /* out = x / sqrt(mean(x^2) + epsilon) * weight; out may be x */
    void (*rms_norm)(const float *x, const float *weight, float epsilon, float *out, size_t n);
    /* out = (x - mean(x)) / sqrt(variance(x) + epsilon) * weight + bias; out may be x */
    void (*layer_norm)(const float *x, const float *weight, const float *bias, float epsilon,
                       float *out, size_t n);
    void (*silu_mul)(float *gate, const float *up, size_t n); /* gate = silu(gate) * up */
    void (*gelu_mul)(float *gate, const float *up, size_t n); /* gate = gelu(gate) * up */
    /* x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), in place */
    void (*gelu)(float *x, size_t n);
    /* sum += weight * x, x a row of Q8_0; each product rounded as engine_dequantize rounds it, so
     * that all tables give the same bits */
    void (*add_q8_0)(const uint8_t *x, float weight, float *sum, size_t n);
    /* adjacent pairs (x[2i], x[2i+1]) turned by turn[2i] = cos, turn[2i+1] = sin */
    void (*rope_norm)(float *x, const float *turn, size_t pairs);
    /* halves (x[i], x[pairs + i]) */
    void (*rope_neox)(float *x, const float *turn, size_t pairs);
} engine_kernels;

extern const engine_kernels engine_kernels_scalar; /* complete */
#if defined(__x86_64__)
extern const engine_kernels engine_kernels_avx2, engine_kernels_avx512;
#elif defined(__aarch64__)
extern const engine_kernels engine_kernels_neon;
#endif

/* The tables that cpu_get() allows, the simplest first; how many. */
size_t engine_kernels_all(const engine_kernels *out[ENGINE_MOST_TABLES]);
/* The last of them, the fastest. */
const engine_kernels *engine_kernels_get(void);

float engine_half_to_float(uint16_t half);

#endif
