/* model: what a decoder holds once it is loaded. Private to this room.
 *
 * Loading fills this from the file and refuses what it cannot run; a session walks it. Another
 * architecture is another way to fill it and, where its steps differ, another walk.
 */
#ifndef CARREL_ENGINE_MODEL_H
#define CARREL_ENGINE_MODEL_H

#include "engine/block.h"

struct engine_model {
    engine_gguf *gguf;
    engine_tokenizer *tokenizer;
    engine_info info;
    engine_shape shape;
    double *frequencies;            /* [rotary / 2] */
    const engine_tensor *embedding; /* [width, vocab] */
    const float *output_norm;
    engine_linear output;
    engine_layer *layers;
};

/* engine_model_open without the vocabulary: for tests and benchmarks of a file that has none.
 * Takes g over, also when it fails. */
bool engine_model_load(engine_gguf *g, engine_model **out, error *err);

#endif
