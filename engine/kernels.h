/* kernels: the inner loops of the engine, chosen once at run time. Private to this room (and to
 * its tests and benchmark).
 *
 * Two shapes of product carry everything. `dot` multiplies rows of weights as they lie in the file
 * with one vector, for generating token by token, where memory is the limit. `tile` multiplies a
 * panel of 16 unpacked columns with up to 6 rows, for prompts, encoders and attention, where
 * arithmetic is the limit. Activations stay float32. A faster layout (integer dot products on
 * packed panels) comes in as another table of the same kind.
 *
 * Every output value is summed by one thread in one fixed order, so results do not depend on how
 * many threads there are or which of them ran.
 */
#ifndef CARREL_ENGINE_KERNELS_H
#define CARREL_ENGINE_KERNELS_H

#include "engine/engine.h"

enum {
    ENGINE_Q8_VALUES = 32, /* a Q8_0 block: float16 scale, 32 int8 */
    ENGINE_Q8_BYTES = 34,
    ENGINE_PANEL = 16, /* columns of a panel: two AVX2 registers, one AVX-512 register */
    ENGINE_TILE = 6    /* rows of a tile: 6 x 2 accumulators leave 4 of 16 registers free */
};

typedef struct {
    const char *name;
    /* sum of row[i] * x[i], the row in the format of the field's name */
    float (*dot_f32)(const void *row, const float *x, size_t n);
    float (*dot_f16)(const void *row, const float *x, size_t n);
    float (*dot_q8_0)(const void *row, const float *x, size_t n);
    /* engine_dequantize, faster, to the same bits */
    void (*unpack)(uint32_t type, const void *src, float *dst, size_t n);
    /* panel[i][r] = rows[r][i], i < n, r < ENGINE_PANEL; rows `stride` floats apart */
    void (*transpose)(const float *rows, size_t stride, float *panel, size_t n);
    /* out[t][r] (+)= sum over i < n of x[t][i] * panel[i][r], t < rows <= ENGINE_TILE,
     * r < ENGINE_PANEL. Strides in floats. `add` starts from what stands in out. */
    void (*tile)(const float *panel, size_t panel_stride, const float *x, size_t x_stride, size_t n,
                 size_t rows, bool add, float *out, size_t out_stride);
    /* out = x / sqrt(mean(x^2) + epsilon) * weight; out may be x */
    void (*rms_norm)(const float *x, const float *weight, float epsilon, float *out, size_t n);
    void (*softmax)(float *x, size_t n);                      /* in place; n > 0 */
    void (*silu_mul)(float *gate, const float *up, size_t n); /* gate = silu(gate) * up */
    /* adjacent pairs (x[2i], x[2i+1]) turned by turn[2i] = cos, turn[2i+1] = sin */
    void (*rope_norm)(float *x, const float *turn, size_t pairs);
    /* halves (x[i], x[pairs + i]) */
    void (*rope_neox)(float *x, const float *turn, size_t pairs);
} engine_kernels;

extern const engine_kernels engine_kernels_scalar;
#if defined(__x86_64__)
extern const engine_kernels engine_kernels_avx2;
#endif

/* The best table that cpu_get() allows. */
const engine_kernels *engine_kernels_get(void);

float engine_half_to_float(uint16_t half);

#endif
