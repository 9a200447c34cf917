/* pooling: how the vectors of an input's tokens become one vector or one score. Private to this
 * room. */
#ifndef CARREL_ENGINE_POOLING_H
#define CARREL_ENGINE_POOLING_H

#include "engine/model.h"

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

enum { ENGINE_MOST_LABELS = 2 };

/* What stands behind a network that makes one vector or one score of an input. */
typedef struct {
    engine_pooling pooling;
    bool last;                               /* RANK: of the last token, else of the first */
    uint32_t width;                          /* of the network's vectors */
    uint32_t widths[2];                      /* VECTOR: of what dense[i] gives; 0: not there */
    engine_linear dense[2];                  /* dense_2, dense_3, after the mean */
    bool has_hidden;                         /* RANK: */
    engine_linear hidden;                    /* cls, then tanh */
    uint32_t labels, yes;                    /* of cls.output; which of them counts */
    engine_linear label[ENGINE_MOST_LABELS]; /* a row of it each */
} engine_head;

bool engine_head_load(engine_head *h, const engine_gguf *g, engine_loader *l, uint32_t width,
                      error *err);
uint32_t engine_head_width(const engine_head *h); /* floats for each input */
/* Floats of memory for `count` inputs. */
size_t engine_head_memory(const engine_head *h, size_t count);
/* x: [tokens][width], normed; out[i]: where the result of run i goes. */
void engine_head_run(const engine_head *h, const engine_acts *acts, pool *p, const float *x,
                     const engine_run *runs, size_t count, float *memory, float *const *out);

#endif
