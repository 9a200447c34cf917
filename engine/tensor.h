/* tensor: what loaders of every architecture share: required metadata, vectors, rotary positions, and
 * the limits that keep products of sizes from wrapping. Private to this room.
 */
#ifndef CARREL_ENGINE_TENSOR_H
#define CARREL_ENGINE_TENSOR_H

#include "engine/kernels.h"

enum {
    ENGINE_MAX_LAYERS = 1024,   /* the deepest models have about 130 */
    ENGINE_MAX_WIDTH = 1 << 20, /* of any one row; so that 32-bit products of two cannot wrap */
    ENGINE_MAX_CONTEXT = 1 << 24
};

/* An F32 tensor [n], such as the weight of a norm. */
bool engine_vector_load(const engine_gguf *g, const char *name, uint64_t n, const float **out,
                        error *err);
/* Required metadata keys; the error names the one that is missing or out of [least, most]. */
bool engine_need_u32(const engine_gguf *g, const char *key, uint32_t least, uint32_t most,
                     uint32_t *out, error *err);
bool engine_need_f32(const engine_gguf *g, const char *key, float *out, error *err);

/* Rotary positions (Su et al., RoFormer, 2021): pair i turns by base^(-2i/rotary) / factors[i] for
 * each position. factors NULL: all 1. Fills frequencies [rotary / 2]. */
void engine_rope_frequencies(double *frequencies, uint32_t rotary, double base,
                             const float *factors);
/* turn[2i], turn[2i+1]: cos and sin for pair i at `position`. */
void engine_rope_turn(float *turn, const double *frequencies, size_t pairs, size_t position);

#endif
