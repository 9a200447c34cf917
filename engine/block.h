/* block: one layer of a transformer, the same for the decoder and the encoder. Private to this
 * room.
 *
 *   x += o(attention(rope(q(h)), rope(k(h)), v(h))),  h = rms(x) * attn_norm
 *   x += down(silu(gate(h)) * up(h)),                 h = rms(x) * ffn_norm
 */
#ifndef CARREL_ENGINE_BLOCK_H
#define CARREL_ENGINE_BLOCK_H

#include "engine/attention.h"
#include "engine/tensor.h"

typedef struct {
    const float *attn_norm, *ffn_norm; /* [width] */
    engine_linear q, k, v, o, gate, up, down;
} engine_layer;

/* What all layers of a model share. */
typedef struct {
    const engine_kernels *kernels;
    uint32_t width, hidden; /* of a token, of the feed-forward step */
    uint32_t heads, kv_heads, head, rotary;
    float epsilon;
    bool halves; /* rotary pairs are (i, i + rotary / 2), NEOX; else neighbours, NORM */
    bool causal;
} engine_shape;

/* Activations of n tokens, the caller's. */
typedef struct {
    float *x, *h;        /* [n][width] */
    float *q, *attended; /* [n][heads * head] */
    float *k, *v;        /* [n][kv_heads * head] */
    float *gate, *up;    /* [n][hidden] */
    float *turn;         /* [n][rotary], engine_rope_turn of each token's position */
    void *scratch;       /* engine_attention_scratch */
} engine_work;

/* Runs one layer over n tokens, the first of them at `position` of the cache. Changes w->x. */
void engine_block(const engine_shape *s, const engine_layer *l, const engine_cache *c,
                  const engine_work *w, pool *p, size_t n, size_t position);
/* h = rms(x) * weight */
void engine_block_norm(const engine_shape *s, const engine_work *w, pool *p, const float *weight,
                       size_t n);

#endif
