/* encoder: whole inputs go in, and spans, vectors or scores come out.
 *
 * Inputs are sorted by length and run together, so that the matrices meet enough tokens at a time;
 * each sees only itself. A batch holds up to 512 tokens, or one input that is longer: that bounds
 * the memory, which is taken once for a call. Keys and values of one layer are all that is kept,
 * and the next layer uses their place again.
 *
 * Immutable once open; any number of threads may encode at once, each with its own pool.
 */
#include "engine/pooling.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 512 /* tokens: enough for the matrices, few enough to stay in the second cache */
};

struct engine_encoder {
    engine_network net;
    engine_encoder_info info;
    engine_head head;
    engine_linear span;
    double *frequencies;
};

/* ---- opening ------------------------------------------------------------------------------ */

static bool load_head(engine_encoder *e, engine_kind kind, engine_loader *l, error *err) {
    const engine_gguf *g = e->net.gguf;
    engine_encoder_info *info = &e->info;
    info->width = e->net.shape.width;
    if (kind == ENGINE_READER) {
        const engine_tensor *t = engine_gguf_find(g, "span.weight");
        info->output = ENGINE_SPANS;
        info->outputs = t && t->shape[1] == ENGINE_SPAN_OUTPUTS ? ENGINE_SPAN_OUTPUTS : 2;
        return engine_load_linear(l, "span", info->width, info->outputs, &e->span, err);
    }
    info->output = kind == ENGINE_RERANKER ? ENGINE_RANK : ENGINE_VECTOR;
    e->head.last = e->net.shape.causal;
    if (!engine_head_load(&e->head, g, l, info->width, err)) return false;
    info->width = engine_head_width(&e->head);
    return true;
}

bool engine_encoder_open(const engine_gguf *g, engine_encoder **out, error *err) {
    engine_kind kind = engine_gguf_kind(g);
    if (kind == ENGINE_DECODER || kind == ENGINE_STATIC) {
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": a model of this architecture cannot read an input as a whole",
                         STR_ARG(engine_gguf_path(g)));
    }
    engine_encoder *e = mem_new(1, sizeof *e);
    engine_loader *l = NULL;
    bool ok = engine_loader_begin(g, &e->net, &l, err) && load_head(e, kind, l, err) &&
              engine_loader_end(l, err);
    engine_loader_free(l);
    if (!ok) {
        engine_encoder_close(e);
        return false;
    }
    e->frequencies = engine_network_frequencies(&e->net, e->net.context);
    e->info.context = e->net.context;
    e->info.types = e->net.types;
    engine_gguf_str(g, "general.architecture", &e->info.architecture);
    engine_gguf_str(g, "general.name", &e->info.name);
    e->info.parameters = engine_gguf_parameters(g);
    e->info.file_bytes = engine_gguf_bytes(g);
    *out = e;
    return true;
}

void engine_encoder_close(engine_encoder *e) {
    if (e == NULL) return;
    engine_network_free(&e->net);
    mem_free(e->frequencies);
    mem_free(e);
}

void engine_encoder_describe(const engine_encoder *e, engine_encoder_info *out) {
    *out = e->info;
}

uint32_t engine_encoder_context(const engine_encoder *e) {
    return e->info.context;
}

/* ---- running ------------------------------------------------------------------------------ */

static bool check_input(const engine_encoder *e, const engine_sequence *in, error *err) {
    uint32_t types = e->net.types ? e->net.types : 1;
    if (in->n == 0 || in->n > e->net.context) {
        return error_set(err, ERROR_LIMIT, "the model takes 1 to %" PRIu32 " tokens, not %zu",
                         e->net.context, in->n);
    }
    for (size_t i = 0; i < in->n; i++) {
        uint32_t type = in->types ? in->types[i] : 0;
        if (in->ids[i] < 0 || (uint32_t)in->ids[i] >= e->net.vocab || type >= types) {
            return error_set(err, ERROR_INTERNAL,
                             "token %" PRId32 " of type %" PRIu32 " is outside the model's %" PRIu32
                             " tokens and %" PRIu32 " types",
                             in->ids[i], type, e->net.vocab, types);
        }
    }
    return true;
}

typedef struct {
    const engine_sequence *in;
    float *out;
} item;

/* The longest first; among equals, as they came. */
static int by_length(const void *a, const void *b) {
    const item *x = a, *y = b;
    if (x->in->n != y->in->n) return x->in->n < y->in->n ? 1 : -1;
    return x->in < y->in ? -1 : x->in > y->in;
}

static item *sort_items(const engine_encoder *e, const engine_sequence *in, size_t count,
                        float *out) {
    item *items = mem_new(count, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        items[i] = (item){&in[i], out};
        out += e->info.output == ENGINE_SPANS    ? e->info.outputs * in[i].n
               : e->info.output == ENGINE_VECTOR ? e->info.width
                                                 : 1;
    }
    qsort(items, count, sizeof *items, by_length);
    return items;
}

/* How many of the items run together, and their tokens. */
static size_t next_batch(const item *items, size_t count, size_t *tokens) {
    size_t n = 1;
    *tokens = items[0].in->n;
    while (n < count && *tokens + items[n].in->n <= BATCH) *tokens += items[n++].in->n;
    return n;
}

static engine_cache cache_for(const engine_encoder *e, size_t n) {
    return (engine_cache){
        .type = ENGINE_KV_F32,
        .kv_heads = e->net.shape.kv_heads,
        .head = e->net.shape.head,
        .capacity = (uint32_t)((n + ENGINE_PANEL - 1) / ENGINE_PANEL * ENGINE_PANEL),
    };
}

/* What the batches of a call use one after the other. */
typedef struct {
    size_t tokens, runs, keys, cache_bytes; /* the most of any batch */
    engine_work work;
    engine_run *run;
    engine_cache *cache;
    int32_t *ids;
    uint8_t *types, *cache_memory;
    float **to;
    float *rows;
    void *memory;
} batch_memory;

static void measure(const engine_encoder *e, const item *items, size_t count, batch_memory *m) {
    size_t tokens, runs;
    for (size_t i = 0; i < count; i += runs) {
        size_t bytes = 0;
        runs = next_batch(items + i, count - i, &tokens);
        for (size_t r = 0; r < runs; r++) {
            engine_cache c = cache_for(e, items[i + r].in->n);
            bytes += engine_cache_bytes(&c);
        }
        m->tokens = tokens > m->tokens ? tokens : m->tokens;
        m->runs = runs > m->runs ? runs : m->runs;
        m->cache_bytes = bytes > m->cache_bytes ? bytes : m->cache_bytes;
    }
    m->keys = items[0].in->n;
}

static bool take_memory(const engine_encoder *e, const pool *p, batch_memory *m, error *err) {
    char what[64];
    size_t rows = e->info.output == ENGINE_SPANS ? e->info.outputs * m->tokens
                                                 : engine_head_memory(&e->head, m->runs);
    size_t work =
        engine_network_work(&e->net, &m->work, m->tokens, m->runs, m->keys, pool_size(p), NULL);
    snprintf(what, sizeof what, "an input of %zu tokens", m->keys);
    if (!engine_memory_fits((uint64_t)work + m->cache_bytes + rows * sizeof(float), what, err)) {
        return false;
    }
    m->memory = mem_new(work, 1);
    engine_network_work(&e->net, &m->work, m->tokens, m->runs, m->keys, pool_size(p), m->memory);
    m->cache_memory = mem_new(m->cache_bytes, 1);
    m->rows = mem_new(rows, sizeof *m->rows);
    m->run = mem_new(m->runs, sizeof *m->run);
    m->cache = mem_new(m->runs, sizeof *m->cache);
    m->to = mem_new(m->runs, sizeof *m->to);
    m->ids = mem_new(m->tokens, sizeof *m->ids);
    m->types = mem_new(m->tokens, 1);
    return true;
}

static void free_memory(batch_memory *m) {
    mem_free(m->memory);
    mem_free(m->cache_memory);
    mem_free(m->rows);
    mem_free(m->run);
    mem_free(m->cache);
    mem_free(m->to);
    mem_free(m->ids);
    mem_free(m->types);
}

static void finish(const engine_encoder *e, pool *p, const batch_memory *m, size_t runs,
                   size_t tokens) {
    const engine_shape *s = &e->net.shape;
    float *x = m->work.x;
    if (e->net.output_norm.weight) {
        engine_block_norm(s, p, &e->net.output_norm, x, m->work.h, tokens);
        x = m->work.h;
    }
    if (e->info.output != ENGINE_SPANS) {
        engine_head_run(&e->head, &m->work.acts, p, x, m->run, runs, m->rows, m->to);
        return;
    }
    size_t outputs = e->info.outputs;
    engine_product span = {&e->span, m->rows, outputs, false};
    engine_multiply(&m->work.acts, p, &span, 1, &(engine_input){.x = x, .stride = s->width},
                    tokens);
    for (size_t r = 0; r < runs; r++) {
        memcpy(m->to[r], m->rows + outputs * m->run[r].first,
               outputs * m->run[r].n * sizeof(float));
    }
}

static void run_batch(const engine_encoder *e, pool *p, batch_memory *m, const item *items,
                      size_t runs, size_t tokens) {
    uint8_t *place = m->cache_memory;
    size_t first = 0;
    for (size_t r = 0; r < runs; r++) {
        const engine_sequence *in = items[r].in;
        m->cache[r] = cache_for(e, in->n);
        engine_cache_place(&m->cache[r], place);
        place += engine_cache_bytes(&m->cache[r]);
        m->run[r] = (engine_run){.cache = &m->cache[r], .first = first, .n = in->n};
        m->to[r] = items[r].out;
        memcpy(m->ids + first, in->ids, in->n * sizeof *in->ids);
        if (in->types) {
            memcpy(m->types + first, in->types, in->n);
        } else {
            memset(m->types + first, 0, in->n);
        }
        first += in->n;
    }
    engine_network_run(&e->net, e->frequencies, &m->work, p, m->ids, m->types, m->run, runs, 0);
    finish(e, p, m, runs, tokens);
}

bool engine_encode_batch(const engine_encoder *e, pool *p, const engine_sequence *in, size_t count,
                         float *out, error *err) {
    batch_memory m = {0};
    size_t runs, tokens;
    for (size_t i = 0; i < count; i++) {
        if (!check_input(e, &in[i], err)) return false;
    }
    if (count == 0) return true;
    item *items = sort_items(e, in, count, out);
    measure(e, items, count, &m);
    bool ok = take_memory(e, p, &m, err);
    for (size_t i = 0; ok && i < count; i += runs) {
        runs = next_batch(items + i, count - i, &tokens);
        run_batch(e, p, &m, items + i, runs, tokens);
    }
    free_memory(&m);
    mem_free(items);
    return ok;
}
