/* tensor: weight matrices and products with them; what the decoder and the encoder share. Private
 * to this room. Matrices are views of the mapped file; activations are
 * float32, [tokens][width], row by row.
 */
#ifndef CARREL_ENGINE_TENSOR_H
#define CARREL_ENGINE_TENSOR_H

#include "engine/kernels.h"

enum {
    ENGINE_MAX_LAYERS = 1024,   /* the deepest models have about 130 */
    ENGINE_MAX_WIDTH = 1 << 20, /* of any one row; so that 32-bit products of two cannot wrap */
    ENGINE_MAX_CONTEXT = 1 << 24
};

/* y = W x + bias, W [rows][columns] as it lies in the file. */
typedef struct {
    uint32_t type, rows, columns;
    size_t row_bytes;
    const uint8_t *data;
    const float *bias; /* [rows], or NULL */
} engine_linear;

/* NAME.weight [columns, rows] and, where it is there, NAME.bias [rows] in F32. */
bool engine_linear_load(const engine_gguf *g, const char *name, uint64_t columns, uint64_t rows,
                        engine_linear *out, error *err);
/* Rows [begin, begin + count) of w. */
engine_linear engine_linear_rows(const engine_linear *w, uint32_t begin, uint32_t count);
/* An F32 tensor [n], such as the weight of a norm. */
bool engine_vector_load(const engine_gguf *g, const char *name, uint64_t n, const float **out,
                        error *err);
/* Required metadata keys; the error names the one that is missing or out of [least, most]. */
bool engine_need_u32(const engine_gguf *g, const char *key, uint32_t least, uint32_t most,
                     uint32_t *out, error *err);
bool engine_need_f32(const engine_gguf *g, const char *key, float *out, error *err);

/* One product of a step: out[t] = w x[t], or with `add` out[t] += w x[t] (the residual). */
typedef struct {
    const engine_linear *w;
    float *out;
    size_t stride; /* floats between the rows of out */
    bool add;
} engine_product;

/* All products of the same input x [n][x_stride], in one round of the pool. */
void engine_multiply(const engine_kernels *k, pool *p, const engine_product *products, size_t count,
                     const float *x, size_t x_stride, size_t n);

/* Rotary positions (Su et al., RoFormer, 2021): pair i turns by base^(-2i/rotary) / factors[i] for
 * each position. factors NULL: all 1. Fills frequencies [rotary / 2]. */
void engine_rope_frequencies(double *frequencies, uint32_t rotary, double base,
                             const float *factors);
/* turn[2i], turn[2i+1]: cos and sin for pair i at `position`. */
void engine_rope_turn(float *turn, const double *frequencies, size_t pairs, size_t position);

#endif
