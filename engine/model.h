/* model: what is loaded from a file. Private to this room.
 *
 * An engine_network is everything between token ids and the vectors of the last layer, the same
 * for every architecture; arch*.c fill it from a file, network.c runs it. A decoder adds an output
 * matrix and a session (decoder.c, session.c), an encoder adds pooling (encoder.c, pooling.c).
 */
#ifndef CARREL_ENGINE_MODEL_H
#define CARREL_ENGINE_MODEL_H

#include "engine/block.h"

/* One table of rotary positions: pair i turns by base^(-2i/rotary) / stretch / factors[i] for each
 * position, and what is turned is multiplied with `magnitude`. */
typedef struct {
    double base, stretch;
    const float *factors;      /* [rotary / 2], or NULL */
    const float *factors_long; /* instead of them in contexts above long_from; NULL: none */
    uint32_t long_from;
    float magnitude;
} engine_rope;

typedef struct {
    const engine_gguf *gguf;
    engine_weights *weights;
    engine_shape shape;
    uint32_t layer_count, context, vocab;
    uint32_t columns;              /* of the widest matrix */
    uint32_t types, position_rows; /* rows of the two below; 0: there is no such matrix */
    engine_layer *layers;
    engine_rope ropes[ENGINE_MOST_ROPES];
    size_t rope_count;
    float *slopes;    /* shape.slopes, owned */
    float *stretched; /* ropes[0].factors where they are computed, owned */
    engine_linear embedding, type_rows, positions;
    float embedding_scale;
    engine_norm embedding_norm, output_norm; /* before the first layer, after the last */
} engine_network;

/* ---- loading (arch.c) ----------------------------------------------------------------------- */

typedef struct engine_loader engine_loader;

/* Checks and declares everything up to output_norm. The caller declares what else it takes from the
 * file, then ends the loading: that refuses what is left over in the file, and packs. The network
 * holds what was allocated also when it fails. */
bool engine_loader_begin(const engine_gguf *g, engine_network *net, engine_loader **out,
                         error *err);
bool engine_loader_end(engine_loader *l, error *err);
void engine_loader_free(engine_loader *l);     /* NULL is fine */
void engine_network_free(engine_network *net); /* what it holds */

/* All rows by engine_weights_rows, and marks the tensors as taken. */
bool engine_load_linear(engine_loader *l, const char *name, uint64_t columns, uint64_t rows,
                        engine_linear *out, error *err);
/* The same for engine_weights_lookup, and for engine_weights_rows. */
bool engine_load_lookup(engine_loader *l, const char *name, uint64_t columns, uint64_t rows,
                        engine_linear *out, error *err);
bool engine_load_rows(engine_loader *l, const char *name, uint64_t columns, uint64_t rows,
                      uint64_t begin, uint64_t count, engine_linear *out, error *err);
/* Marks NAME.weight and NAME.bias, where they are there, as known and of no use here. */
void engine_load_skip(engine_loader *l, const char *name);

/* ---- running (network.c) -------------------------------------------------------------------- */

/* frequencies of all tables, [rope_count][rotary / 2], as they are in a context of n_ctx; the
 * caller frees them. */
double *engine_network_frequencies(const engine_network *net, size_t n_ctx);
/* Cuts the work of a batch out of `base`, of any alignment; returns its bytes. With base NULL it
 * only counts. `keys`: the most that a query can see. */
size_t engine_network_work(const engine_network *net, engine_work *w, size_t tokens, size_t runs,
                           size_t keys, int workers, void *base);
/* A sentence where less memory than that is free. `what` begins it: "a context of 5". */
bool engine_memory_fits(uint64_t bytes, const char *what, error *err);
/* Runs n tokens through all layers: the result is in w->x, before output_norm. types NULL: all 0.
 * caches: what run i uses in layer l is runs[i].cache + l * cache_step. */
void engine_network_run(const engine_network *net, const double *frequencies, const engine_work *w,
                        pool *p, const int32_t *ids, const uint8_t *types, engine_run *runs,
                        size_t count, size_t cache_step);

/* ---- decoders ------------------------------------------------------------------------------- */

struct engine_model {
    engine_gguf *gguf;
    engine_tokenizer *tokenizer;
    engine_info info;
    engine_network net;
    engine_linear output;
    bool tied; /* the output matrix is the embedding's */
};

/* engine_model_open without the vocabulary: for tests and benchmarks of a file that has none.
 * Takes g over, also when it fails. */
bool engine_model_load(engine_gguf *g, engine_model **out, error *err);

#endif
