/* encoder: the architecture `carrel-reader`, which scores where an answer starts and ends.
 *
 *   x = token_embd[id] + token_types[type]
 *   each layer: x += attn_output(attention(rms(x) * attn_norm))
 *               x += down(silu(gate(h)) * up(h)), h = rms(x) * ffn_norm
 *   out = span(rms(x) * output_norm)
 *
 * Attention sees the whole input both ways; queries and keys carry rotary positions in halves over
 * the whole head, counted from 0. Definition and training: models/train/README.md. The steps are
 * those of a decoder, without a cache that outlives the call: keys and values of one layer lie in
 * the caller's arena and are used again by the next layer.
 *
 * Immutable once open; any number of threads may encode at once, each with its own pool and arena.
 */
#include "engine/tensor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    MAX_NAME = 128,
    MAX_CONTEXT = 8192, /* attention is quadratic here; ours reads a few hundred tokens */
    MAX_WIDTH = 16384,  /* with the longest context, 512 MiB for the widest of the buffers */
    MAX_TYPES = 256,    /* a type is one byte */
    OUTPUTS = 2,        /* start, end */
    GRAIN = 16          /* tokens of an elementwise step that are worth waking a thread for */
};

typedef struct {
    const float *attn_norm, *ffn_norm; /* [width] */
    engine_linear q, k, v, o, gate, up, down;
} encoder_layer;

struct engine_encoder {
    const engine_gguf *gguf;
    const engine_kernels *kernels;
    uint32_t layers, width, hidden, heads, head, context, types, vocab;
    float epsilon;
    double *frequencies; /* [head / 2] */
    const engine_tensor *embedding, *type_rows;
    const float *output_norm;
    engine_linear span;
    encoder_layer *layer;
};

/* ---- loading ------------------------------------------------------------------------------ */

static bool need_key(const engine_encoder *e, const char *key, uint32_t most, uint32_t *out,
                     error *err) {
    char full[MAX_NAME];
    snprintf(full, sizeof full, "carrel-reader.%s", key);
    return engine_need_u32(e->gguf, full, 1, most, out, err);
}

static bool read_sizes(engine_encoder *e, error *err) {
    float base;
    if (!need_key(e, "block_count", ENGINE_MAX_LAYERS, &e->layers, err) ||
        !need_key(e, "embedding_length", MAX_WIDTH, &e->width, err) ||
        !need_key(e, "feed_forward_length", MAX_WIDTH, &e->hidden, err) ||
        !need_key(e, "attention.head_count", MAX_WIDTH, &e->heads, err) ||
        !need_key(e, "context_length", MAX_CONTEXT, &e->context, err) ||
        !need_key(e, "token_type_count", MAX_TYPES, &e->types, err) ||
        !engine_need_f32(e->gguf, "carrel-reader.attention.layer_norm_rms_epsilon", &e->epsilon,
                         err) ||
        !engine_need_f32(e->gguf, "carrel-reader.rope.freq_base", &base, err)) {
        return false;
    }
    e->head = e->width / e->heads;
    if (e->width % e->heads != 0 || e->head % 2 != 0 || e->head > ENGINE_MAX_HEAD || base <= 0) {
        return error_set(err, ERROR_MODEL, STR_FMT ": %" PRIu32 " heads do not fit a width of %"
                         PRIu32, STR_ARG(engine_gguf_path(e->gguf)), e->heads, e->width);
    }
    e->frequencies = mem_new(e->head / 2, sizeof *e->frequencies);
    engine_rope_frequencies(e->frequencies, e->head, (double)base, NULL);
    return true;
}

static bool load_layer(engine_encoder *e, uint32_t i, error *err) {
    encoder_layer *l = &e->layer[i];
    const struct {
        const char *name;
        uint32_t columns, rows;
        engine_linear *out;
    } parts[] = {
        {"attn_q", e->width, e->width, &l->q},         {"attn_k", e->width, e->width, &l->k},
        {"attn_v", e->width, e->width, &l->v},         {"attn_output", e->width, e->width, &l->o},
        {"ffn_gate", e->width, e->hidden, &l->gate},   {"ffn_up", e->width, e->hidden, &l->up},
        {"ffn_down", e->hidden, e->width, &l->down},
    };
    char name[MAX_NAME];
    for (size_t j = 0; j < sizeof parts / sizeof *parts; j++) {
        snprintf(name, sizeof name, "blk.%" PRIu32 ".%s", i, parts[j].name);
        if (!engine_linear_load(e->gguf, name, parts[j].columns, parts[j].rows, parts[j].out,
                                err)) {
            return false;
        }
    }
    snprintf(name, sizeof name, "blk.%" PRIu32 ".attn_norm.weight", i);
    if (!engine_vector_load(e->gguf, name, e->width, &l->attn_norm, err)) return false;
    snprintf(name, sizeof name, "blk.%" PRIu32 ".ffn_norm.weight", i);
    return engine_vector_load(e->gguf, name, e->width, &l->ffn_norm, err);
}

static bool load_ends(engine_encoder *e, error *err) {
    const engine_gguf *g = e->gguf;
    const engine_tensor *t = engine_gguf_find(g, "token_embd.weight");
    uint64_t vocab = t && t->shape[1] <= INT32_MAX ? t->shape[1] : 0; /* 0: need says so */
    e->vocab = (uint32_t)vocab;
    return engine_gguf_need(g, "token_embd.weight", 2, (uint64_t[]){e->width, vocab}, &e->embedding,
                            err) &&
           engine_gguf_need(g, "token_types.weight", 2, (uint64_t[]){e->width, e->types},
                            &e->type_rows, err) &&
           engine_vector_load(g, "output_norm.weight", e->width, &e->output_norm, err) &&
           engine_linear_load(g, "span", e->width, OUTPUTS, &e->span, err);
}

bool engine_encoder_open(const engine_gguf *g, engine_encoder **out, error *err) {
    engine_encoder *e = mem_new(1, sizeof *e);
    str architecture = {0};
    e->gguf = g;
    e->kernels = engine_kernels_get();
    engine_gguf_str(g, "general.architecture", &architecture);
    if (!str_eq(architecture, STR("carrel-reader"))) {
        error_set(err, ERROR_MODEL, STR_FMT ": not a reader; its architecture is not carrel-reader",
                  STR_ARG(engine_gguf_path(g)));
        goto fail;
    }
    if (!read_sizes(e, err) || !load_ends(e, err)) goto fail;
    e->layer = mem_new(e->layers, sizeof *e->layer);
    for (uint32_t i = 0; i < e->layers; i++) {
        if (!load_layer(e, i, err)) goto fail;
    }
    *out = e;
    return true;
fail:
    engine_encoder_close(e);
    return false;
}

void engine_encoder_close(engine_encoder *e) {
    if (e == NULL) return;
    mem_free(e->frequencies);
    mem_free(e->layer);
    mem_free(e);
}

uint32_t engine_encoder_context(const engine_encoder *e) {
    return e->context;
}

/* ---- running ------------------------------------------------------------------------------ */

typedef struct {
    const engine_encoder *e;
    pool *pool;
    size_t n;
    const float *norm;    /* of the step that runs now */
    engine_cache cache;
    float *x, *h, *q, *k, *v, *attended; /* [n][width] */
    float *gate, *up;     /* [n][hidden] */
    float *turn;          /* [n][head] */
    float *scores;
} encoding;

static void norm_step(void *context, size_t begin, size_t end, int worker) {
    const encoding *c = context;
    size_t d = c->e->width;
    (void)worker;
    for (size_t t = begin; t < end; t++) {
        c->e->kernels->rms_norm(c->x + t * d, c->norm, c->e->epsilon, c->h + t * d, d);
    }
}

static void rope_step(void *context, size_t begin, size_t end, int worker) {
    const encoding *c = context;
    const engine_encoder *e = c->e;
    (void)worker;
    for (size_t t = begin; t < end; t++) {
        size_t at = t * e->width;
        const float *turn = c->turn + t * e->head;
        for (size_t i = 0; i < e->width; i += e->head) {
            e->kernels->rope_neox(c->q + at + i, turn, e->head / 2);
            e->kernels->rope_neox(c->k + at + i, turn, e->head / 2);
        }
        engine_cache_put(&c->cache, t, c->k + at, c->v + at);
    }
}

static void silu_step(void *context, size_t begin, size_t end, int worker) {
    const encoding *c = context;
    size_t n = c->e->hidden;
    (void)worker;
    for (size_t t = begin; t < end; t++) {
        c->e->kernels->silu_mul(c->gate + t * n, c->up + t * n, n);
    }
}

static void run_layer(encoding *c, const encoder_layer *l) {
    const engine_encoder *e = c->e;
    size_t d = e->width, f = e->hidden, n = c->n;

    c->norm = l->attn_norm;
    parallel_for(c->pool, n, GRAIN, norm_step, c);
    engine_product qkv[] = {{&l->q, c->q, d, false}, {&l->k, c->k, d, false},
                            {&l->v, c->v, d, false}};
    engine_multiply(e->kernels, c->pool, qkv, 3, c->h, d, n);
    parallel_for(c->pool, n, GRAIN, rope_step, c);
    engine_attend(e->kernels, c->pool, &c->cache, c->q, n, 0, n, false, c->scores, c->attended);
    engine_product o = {&l->o, c->x, d, true};
    engine_multiply(e->kernels, c->pool, &o, 1, c->attended, d, n);

    c->norm = l->ffn_norm;
    parallel_for(c->pool, n, GRAIN, norm_step, c);
    engine_product ffn[] = {{&l->gate, c->gate, f, false}, {&l->up, c->up, f, false}};
    engine_multiply(e->kernels, c->pool, ffn, 2, c->h, d, n);
    parallel_for(c->pool, n, GRAIN, silu_step, c);
    engine_product down = {&l->down, c->x, d, true};
    engine_multiply(e->kernels, c->pool, &down, 1, c->gate, f, n);
}

static bool check_input(const engine_encoder *e, const int32_t *ids, const uint8_t *types, size_t n,
                        error *err) {
    if (n == 0 || n > e->context) {
        return error_set(err, ERROR_LIMIT, "the reader takes 1 to %" PRIu32 " tokens, not %zu",
                         e->context, n);
    }
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || (uint32_t)ids[i] >= e->vocab || types[i] >= e->types) {
            return error_set(err, ERROR_INTERNAL,
                             "token %" PRId32 " of type %d is outside the reader's %" PRIu32
                             " tokens and %" PRIu32 " types", ids[i], types[i], e->vocab, e->types);
        }
    }
    return true;
}

static void embed_token(const encoding *c, size_t t, int32_t id, uint8_t type) {
    const engine_encoder *e = c->e;
    const engine_tensor *w = e->embedding, *y = e->type_rows;
    const uint8_t *row = w->data, *type_row = y->data;
    float *x = c->x + t * e->width, *add = c->h + t * e->width;
    row += (size_t)id * engine_row_bytes(w->type, e->width);
    type_row += type * engine_row_bytes(y->type, e->width);
    e->kernels->unpack(w->type, row, x, e->width);
    e->kernels->unpack(y->type, type_row, add, e->width);
    for (size_t i = 0; i < e->width; i++) x[i] += add[i];
}

bool engine_encode(const engine_encoder *e, pool *p, const int32_t *ids, const uint8_t *types,
                   size_t n, arena *a, float *out, error *err) {
    if (!check_input(e, ids, types, n, err)) return false;
    size_t d = e->width;
    encoding c = {.e = e, .pool = p, .n = n};
    c.cache = (engine_cache){
        .heads = e->heads, .kv_heads = e->heads, .head = e->head,
        .capacity = (uint32_t)((n + ENGINE_PANEL - 1) / ENGINE_PANEL * ENGINE_PANEL),
    };
    c.cache.keys = arena_alloc(a, engine_cache_keys(&c.cache), sizeof(float));
    c.cache.values = arena_alloc(a, engine_cache_values(&c.cache), sizeof(float));
    float **rows[] = {&c.x, &c.h, &c.q, &c.k, &c.v, &c.attended};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        *rows[i] = arena_alloc(a, n * d, sizeof(float));
    }
    c.gate = arena_alloc(a, n * e->hidden, sizeof(float));
    c.up = arena_alloc(a, n * e->hidden, sizeof(float));
    c.turn = arena_alloc(a, n * e->head, sizeof(float));
    c.scores = arena_alloc(a, engine_attention_scratch(pool_size(p), n), sizeof(float));

    for (size_t t = 0; t < n; t++) {
        embed_token(&c, t, ids[t], types[t]);
        engine_rope_turn(c.turn + t * e->head, e->frequencies, e->head / 2, t);
    }
    for (uint32_t i = 0; i < e->layers; i++) run_layer(&c, &e->layer[i]);
    c.norm = e->output_norm;
    parallel_for(p, n, GRAIN, norm_step, &c);
    engine_product span = {&e->span, out, OUTPUTS, false};
    engine_multiply(e->kernels, p, &span, 1, c.h, d, n);
    return true;
}
