/* products: activations times weights, the work of a model. Private to this room.
 *
 * y = W x for a batch of tokens and for several W of the same x at once, in one round of the pool.
 * What a weight format needs of x (int8 blocks, or float32 side by side) is made here, once for all
 * products of a step.
 */
#ifndef CARREL_ENGINE_PRODUCTS_H
#define CARREL_ENGINE_PRODUCTS_H

#include "engine/panels.h"
#include "engine/weights.h"

/* Scratch memory for one input of up to `tokens` rows of up to `columns`. */
typedef struct {
    const engine_panel_kernels *kernels;
    engine_panel_acts *ints; /* [tiles of 16 tokens][columns / 32] */
    float *floats;           /* [tiles of 16 tokens][columns][16] */
} engine_acts;

size_t engine_acts_bytes(size_t columns, size_t tokens);
/* memory: aligned to a cache line. */
void engine_acts_place(engine_acts *a, size_t columns, size_t tokens, void *memory);

/* One product of a step: out[t] = w x[t] + bias, or with `add` out[t] += w x[t] + bias. */
typedef struct {
    const engine_linear *w;
    float *out;
    size_t stride; /* floats between the rows of out */
    bool add;
} engine_product;

/* What products meet: x, [n][stride]. `make` fills rows [begin, end) of x, each once and just before
 * they are quantised, by the same thread and while they are near (a norm, an activation); NULL: they
 * are there. */
typedef struct {
    const float *x;
    size_t stride;
    pool_fn *make;
    void *context;
} engine_input;

/* All products of the same input, at most the columns and tokens that a was made for. The bits of a
 * token's result depend neither on n nor on the number of threads. */
void engine_multiply(const engine_acts *a, pool *p, const engine_product *products, size_t count,
                     const engine_input *in, size_t n);

#endif
