/* pooling: how the vectors of an input's tokens become one vector or one score. Private to this
 * room. */
#ifndef CARREL_ENGINE_POOLING_H
#define CARREL_ENGINE_POOLING_H

#include "engine/engine.h"

/* By their number in a file. */
typedef enum {
    ENGINE_POOL_NONE,
    ENGINE_POOL_MEAN,
    ENGINE_POOL_CLS,
    ENGINE_POOL_LAST,
    ENGINE_POOL_RANK
} engine_pooling;

/* NONE: a decoder, or nothing that has tokens to pool. */
engine_pooling engine_gguf_pooling(const engine_gguf *g);
/* Weights in all tensors. */
uint64_t engine_gguf_parameters(const engine_gguf *g);

#endif
