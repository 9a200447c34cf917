/* weights: the matrices of one model, declared, then made ready.
 *
 * Matrices are views of the mapped file. Never holds a second copy of one.
 */
#include "engine/weights.h"

struct engine_weights {
    const engine_gguf *gguf;
};

engine_weights *engine_weights_new(const engine_gguf *g) {
    engine_weights *w = mem_new(1, sizeof *w);
    w->gguf = g;
    return w;
}

void engine_weights_free(engine_weights *w) {
    mem_free(w);
}

bool engine_weights_linear(engine_weights *w, const char *name, uint64_t columns, uint64_t rows,
                           engine_linear *out, error *err) {
    return engine_linear_load(w->gguf, name, columns, rows, out, err);
}

bool engine_weights_rows(engine_weights *w, const char *name, uint64_t columns, uint64_t rows,
                         uint64_t begin, uint64_t count, engine_linear *out, error *err) {
    engine_linear all;
    if (!engine_linear_load(w->gguf, name, columns, rows, &all, err)) return false;
    *out = engine_linear_rows(&all, (uint32_t)begin, (uint32_t)count);
    return true;
}

bool engine_weights_pack(engine_weights *w, pool *p, error *err) {
    (void)w;
    (void)p;
    (void)err;
    return true;
}

void engine_linear_row(const engine_kernels *k, const engine_linear *w, size_t row, float *out) {
    k->unpack(w->type, w->data + row * w->row_bytes, out, w->columns);
}
