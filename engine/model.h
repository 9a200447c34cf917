/* model: what a decoder holds once it is loaded. Private to this room.
 *
 * Loading fills this from the file and refuses what it cannot run; a session walks it. Another
 * architecture is another way to fill it and, where its steps differ, another walk.
 */
#ifndef CARREL_ENGINE_MODEL_H
#define CARREL_ENGINE_MODEL_H

#include "engine/tensor.h"

typedef struct {
    const float *attn_norm, *ffn_norm; /* [width] */
    engine_linear q, k, v, o, gate, up, down;
} engine_layer;

struct engine_model {
    engine_gguf *gguf;
    engine_tokenizer *tokenizer;
    engine_info info;
    const engine_kernels *kernels;
    uint32_t width, hidden; /* of a token, of the feed-forward step */
    uint32_t heads, kv_heads, head, rotary;
    float epsilon;
    double *frequencies; /* [rotary / 2] */
    const engine_tensor *embedding; /* [width, vocab] */
    const float *output_norm;
    engine_linear output;
    engine_layer *layers;
};

/* engine_model_open without the vocabulary: for tests and benchmarks of a file that has none.
 * Takes g over, also when it fails. */
bool engine_model_load(engine_gguf *g, engine_model **out, error *err);

#endif
