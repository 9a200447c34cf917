/* block: one layer of a transformer, the same for decoders and encoders. Private to this room.
 *
 *   x = x + convolution(norm(x)), where there is one: over neighbouring tokens, each channel by itself
 *   y = attention(rope(q(h)), rope(k(h)), v(h)),   h = norm(x) or x
 *   x = joined(x, o(y))
 *   x = joined(x, down(act(gate(h)) * up(h))),     h = norm(x) or x
 *
 * What differs between architectures is said by engine_shape, for all layers, and engine_layer.
 */
#ifndef CARREL_ENGINE_BLOCK_H
#define CARREL_ENGINE_BLOCK_H

#include "engine/attention.h"
#include "engine/products.h"

enum {
    ENGINE_MOST_ROPES = 2, /* tables of rotary positions: global and local layers */
    ENGINE_NO_ROPE = -1
};

typedef enum { ENGINE_NORM_RMS, ENGINE_NORM_LAYER } engine_norm_kind;
typedef enum { ENGINE_SILU, ENGINE_GELU } engine_activation;

typedef struct {
    const float *weight; /* NULL: there is no norm here */
    const float *bias;   /* ENGINE_NORM_LAYER only */
} engine_norm;

/* How what a step gives, y, and what went in, x, become the next x:
 *   x + given(y), and where there is a `sum`: sum(x + y), then where there is an `again`:
 *   again(x + sum(x + y)). */
typedef struct {
    engine_norm given, sum, again;
} engine_join;

typedef struct {
    engine_norm conv_norm;           /* before the convolution */
    const float *conv;               /* [taps][width], the middle one on the token; NULL: none */
    engine_norm attn_norm, ffn_norm; /* before the steps */
    engine_norm q_norm, k_norm;      /* before the rotation */
    engine_linear q, k, v, o, gate, up, down;
    engine_join attn, ffn;
    uint32_t window; /* engine_attention.window */
    int rope;        /* table of engine_work.turn, or ENGINE_NO_ROPE */
} engine_layer;

/* What all layers of a model share. */
typedef struct {
    const engine_kernels *kernels;
    uint32_t width, hidden; /* of a token, of the feed-forward step */
    uint32_t heads, kv_heads, head, rotary;
    uint32_t taps;        /* of the convolutions, odd */
    float epsilon, scale; /* scale: of q k, before softmax */
    engine_norm_kind norm;
    engine_activation activation;
    bool gated;          /* act(gate) * up; else act(up) */
    bool halves;         /* rotary pairs are (i, i + rotary / 2), NEOX; else neighbours, NORM */
    bool causal;         /* a token sees itself and what stands before it */
    bool qk_whole;       /* q_norm and k_norm run over all heads together; else over each */
    const float *slopes; /* [heads], ALiBi, or NULL */
} engine_shape;

/* A run of tokens that see each other and nothing else: an input of an encoder, what a session
 * appends. */
typedef struct {
    const engine_cache *cache;
    size_t first, n; /* tokens of the batch */
    size_t position; /* of the first, in the cache */
} engine_run;

/* Activations of n tokens, the caller's. */
typedef struct {
    float *x, *h;                   /* [n][width] */
    float *q, *attended;            /* [n][heads * head] */
    float *k, *v;                   /* [n][kv_heads * head] */
    float *gate, *up;               /* [n][hidden] */
    float *turn[ENGINE_MOST_ROPES]; /* [n][rotary], cos and sin of each pair */
    uint32_t *run;                  /* [n], the run that a token is of */
    engine_attention *jobs;         /* [runs] */
    engine_acts acts;               /* of the widest input of a product */
    void *scratch;                  /* engine_attention_scratch */
} engine_work;

/* Runs one layer over n tokens of `count` runs. Changes w->x. */
void engine_block(const engine_shape *s, const engine_layer *l, const engine_work *w, pool *p,
                  const engine_run *runs, size_t count, size_t n);
/* out = norm(x), both [n][width]; out may be x. */
void engine_block_norm(const engine_shape *s, pool *p, const engine_norm *norm, const float *x,
                       float *out, size_t n);

#endif
