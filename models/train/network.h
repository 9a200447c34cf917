/* network: the reader as it is trained, forwards and backwards, written out by hand.
 *
 *   x = embedding[id] + types[type]                                     dropout in training
 *   each layer:  x += conv(norm0(x))                 depthwise over CONV_TAPS tokens
 *                x += out(attention(rope(q), rope(k), v)),  q k v = qkv(norm1(x))
 *                x += down(silu(gate) * up),                gate up = gate_up(norm2(x))
 *   logits = head(norm(x)) + bias                    start, end, sentence
 *
 * RMS norms, no other biases, rotary positions (halves turned), attention both ways inside a sequence.
 * The engine runs the same network from the GGUF file (engine/arch_bert.c, `carrel-reader`).
 */
#ifndef CARREL_TRAIN_NETWORK_H
#define CARREL_TRAIN_NETWORK_H

#include "models/train/gemm.h"

#include <stdint.h>

enum {
    CONV_TAPS = 7,
    OUTPUTS = 3, /* start, end, sentence */
    HEAD = 32,   /* width of an attention head: one panel of gemm.h */
    MOST_TOKENS = 512,
    MOST_LAYERS = 16,
    MOST_WIDTH = 1024,
    MOST_HIDDEN = 4096
};

#define NORM_EPSILON 1e-6f
#define ROPE_BASE 10000.0

typedef struct {
    uint32_t vocab, types, width, layers, hidden;
} net_shape;

/* Places of the parameters in one flat array. */
typedef struct {
    size_t conv_norm, conv, attn_norm, qkv, out, ffn_norm, gate_up, down;
} net_layer;

typedef struct {
    size_t embedding, types, norm, head, bias, count;
    net_layer layers[MOST_LAYERS];
} net_places;

net_places net_layout(const net_shape *s);

/* The matrices as gemm wants them, for both directions; shared by all threads. */
typedef struct net_packed net_packed;
net_packed *net_packed_new(const net_shape *s);
void net_packed_free(net_packed *w);
/* Packs every `of`th matrix from number `part` on. */
void net_pack(net_packed *w, const net_shape *s, const float *params, size_t part, size_t of);

typedef struct {
    uint16_t ids[MOST_TOKENS];
    uint8_t types[MOST_TOKENS];
    uint32_t n;
    uint32_t passage;           /* first token of the passage; it ends at n - 1 */
    uint32_t start, end;        /* first and last token of the answer; 0: nothing answers */
    uint32_t sentence;          /* first token of the sentence that answers, or 0 */
    uint8_t opens[MOST_TOKENS]; /* 1 at the first token of each sentence of the passage */
} net_example;

typedef struct net_work net_work;
net_work *net_work_new(const net_shape *s, size_t most_tokens);
void net_work_free(net_work *w);

typedef struct {
    double loss, sentence_loss;
    size_t answered, exact, empty,
        refused; /* answerable; best span right; others; refused of them */
} net_result;

/* Runs `count` examples of at most most_tokens tokens together. Adds the gradients of the loss summed
 * over the examples, times LOSS_SCALE, to grads, and marks rows of the embedding in touched. With
 * grads NULL it only measures (no dropout). logits, where not NULL: [tokens][OUTPUTS]. */
void net_run(net_work *w, const net_shape *s, const float *params, const net_packed *packed,
             const net_example *const *examples, size_t count, float dropout, uint64_t seed,
             float *grads, uint8_t *touched, float *logits, net_result *out);

#define LOSS_SCALE 64.0f /* keeps small gradients within the range of 16 bits */

#endif
