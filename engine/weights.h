/* weights: the matrices of one model. Private to this room.
 *
 * A loader declares every matrix first, which checks names, shapes and types and takes no memory;
 * then everything is packed at once, on all threads, after a check that memory suffices. The file's
 * own pages are given back as they are packed: a weight is held once. Nobody but this file and the
 * kernels it feeds looks inside an engine_linear.
 */
#ifndef CARREL_ENGINE_WEIGHTS_H
#define CARREL_ENGINE_WEIGHTS_H

#include "engine/tensor.h"

/* y = W x + bias, W [rows][columns] in panels (engine/panels.h). */
typedef struct {
    uint32_t type, rows, columns;
    size_t panel_bytes;
    const uint8_t *panels;  /* from engine_weights_pack on; NULL: only looked up */
    const uint8_t *rows_at; /* as they lie in the file, where only looked up */
    const float *bias;      /* [rows], or NULL */
} engine_linear;

typedef struct engine_weights engine_weights;

engine_weights *engine_weights_new(const engine_gguf *g); /* g must outlive it */
void engine_weights_free(engine_weights *w);              /* NULL is fine */

/* Rows [begin, begin + count) of NAME.weight [columns, rows] and, where it is there, of NAME.bias
 * [rows] in F32. *out keeps its address until engine_weights_pack. */
bool engine_weights_rows(engine_weights *w, const char *name, uint64_t columns, uint64_t rows,
                         uint64_t begin, uint64_t count, engine_linear *out, error *err);
/* p may be NULL. Fails where memory does not suffice, with the figure. */
bool engine_weights_pack(engine_weights *w, pool *p, error *err);

/* A matrix of which only single rows are wanted, such as the embeddings of a model whose output
 * matrix is another: it stays in the file's mapping, and engine_multiply cannot take it. */
bool engine_weights_lookup(engine_weights *w, const char *name, uint64_t columns, uint64_t rows,
                           engine_linear *out, error *err);
/* Row `row` as float32 [columns]. */
void engine_linear_row(const engine_linear *w, size_t row, float *out);

#endif
