/* products: deals panels of weights out to threads, and feeds them tiles of 16 tokens.
 *
 * A thread claims a group of panels that stays in its second cache while all tiles pass; for a few
 * tokens there is one tile, and a group is simply a stretch of memory to stream through. The last
 * panel of a matrix may have fewer than 16 rows; it goes through a buffer of its own, because a
 * kernel writes 16.
 */
#include "engine/products.h"

enum {
    PIECES = 8,              /* for each thread: enough to even out, few enough to claim cheaply */
    GROUP_BYTES = 256 * 1024 /* of panels: a quarter of a second cache of 1 MiB */
};

static size_t tiles_of(size_t n) {
    return (n + PANEL_TOKENS - 1) / PANEL_TOKENS;
}

static size_t int_bytes(size_t columns, size_t tokens) {
    size_t blocks = (columns + PANEL_BLOCK - 1) / PANEL_BLOCK;
    return tiles_of(tokens) * blocks * sizeof(engine_panel_acts);
}

size_t engine_acts_bytes(size_t columns, size_t tokens) {
    return int_bytes(columns, tokens) + tiles_of(tokens) * columns * PANEL_TOKENS * sizeof(float);
}

void engine_acts_place(engine_acts *a, size_t columns, size_t tokens, void *memory) {
    a->kernels = engine_panel_kernels_get();
    a->ints = memory;
    a->floats = (float *)(void *)((uint8_t *)memory + int_bytes(columns, tokens));
}

/* ---- activations -------------------------------------------------------------------------- */

typedef struct {
    const engine_acts *acts;
    const engine_input *in;
    size_t n, columns;
    bool ints, floats; /* what the products need */
    const engine_product *products;
} job;

static void prepare_tiles(void *context, size_t begin, size_t end, int worker) {
    const job *j = context;
    const engine_acts *a = j->acts;
    const engine_input *in = j->in;
    for (size_t tile = begin; tile < end; tile++) {
        size_t first = tile * PANEL_TOKENS;
        size_t n = j->n - first < PANEL_TOKENS ? j->n - first : PANEL_TOKENS;
        const float *x = in->x + first * in->stride;
        if (in->make) in->make(in->context, first, first + n, worker);
        if (j->ints) {
            a->kernels->quantize(x, in->stride, n, j->columns,
                                 a->ints + tile * (j->columns / PANEL_BLOCK));
        }
        if (j->floats) {
            engine_panel_spread(x, in->stride, n, j->columns,
                                a->floats + tile * j->columns * PANEL_TOKENS);
        }
    }
}

/* ---- panels ------------------------------------------------------------------------------- */

static size_t panels_of(const engine_linear *w) {
    return ((size_t)w->rows + PANEL_ROWS - 1) / PANEL_ROWS;
}

/* The last rows of a matrix. */
static void multiply_edge(const engine_panel_kernels *k, const engine_panel_job *whole,
                          size_t rows) {
    float edge[PANEL_TOKENS * PANEL_ROWS];
    engine_panel_job part = *whole;
    part.out = edge;
    part.stride = PANEL_ROWS;
    part.bias = NULL;
    part.add = false;
    k->multiply(&part);
    for (size_t t = 0; t < whole->n; t++) {
        float *out = whole->out + t * whole->stride;
        for (size_t r = 0; r < rows; r++) {
            float v = edge[t * PANEL_ROWS + r] + (whole->bias ? whole->bias[r] : 0);
            out[r] = whole->add ? out[r] + v : v;
        }
    }
}

/* Panels [begin, end) of one product, all tokens. */
static void multiply_group(const job *j, const engine_product *o, size_t begin, size_t end) {
    const engine_linear *w = o->w;
    const engine_acts *a = j->acts;
    bool is_float = engine_panel_layout_of(w->type).is_float;
    for (size_t first = 0; first < j->n; first += PANEL_TOKENS) {
        size_t tile = first / PANEL_TOKENS;
        engine_panel_job part = {
            .type = w->type,
            .columns = w->columns,
            .tile = is_float ? (const void *)(a->floats + tile * j->columns * PANEL_TOKENS)
                             : (const void *)(a->ints + tile * (j->columns / PANEL_BLOCK)),
            .n = j->n - first < PANEL_TOKENS ? j->n - first : PANEL_TOKENS,
            .stride = o->stride,
            .add = o->add,
        };
        for (size_t i = begin; i < end; i++) {
            size_t row = i * PANEL_ROWS;
            part.panel = w->panels + i * w->panel_bytes;
            part.out = o->out + first * o->stride + row;
            part.bias = w->bias ? w->bias + row : NULL;
            if (w->rows - row < PANEL_ROWS) {
                multiply_edge(a->kernels, &part, w->rows - row);
            } else {
                a->kernels->multiply(&part);
            }
        }
    }
}

static void multiply_items(void *context, size_t begin, size_t end, int worker) {
    const job *j = context;
    const engine_product *o = j->products;
    size_t first = 0; /* panel of the product o */
    (void)worker;
    while (begin < end) {
        while (begin - first >= panels_of(o->w)) {
            first += panels_of(o->w);
            o++;
        }
        size_t last = panels_of(o->w) < end - first ? panels_of(o->w) : end - first;
        multiply_group(j, o, begin - first, last);
        begin = first + last;
    }
}

void engine_multiply(const engine_acts *a, pool *p, const engine_product *products, size_t count,
                     const engine_input *in, size_t n) {
    job j = {.acts = a, .in = in, .n = n, .products = products};
    size_t panels = 0, panel_bytes = 1;
    j.columns = products[0].w->columns;
    for (size_t i = 0; i < count; i++) {
        const engine_linear *w = products[i].w;
        bool is_float = engine_panel_layout_of(w->type).is_float;
        j.floats |= is_float;
        j.ints |= !is_float;
        panels += panels_of(w);
        if (w->panel_bytes > panel_bytes) panel_bytes = w->panel_bytes;
    }
    parallel_for(p, tiles_of(n), 1, prepare_tiles, &j);
    size_t group = panels / ((size_t)pool_size(p) * PIECES) + 1;
    if (n > PANEL_TOKENS && group * panel_bytes > GROUP_BYTES) {
        group = GROUP_BYTES / panel_bytes + 1;
    }
    parallel_for(p, panels, group, multiply_items, &j);
}
