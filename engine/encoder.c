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
#include "engine/block.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    MAX_NAME = 128,
    MAX_CONTEXT = 8192, /* attention is quadratic here; ours reads a few hundred tokens */
    MAX_WIDTH = 16384,  /* with the longest context, 512 MiB for the widest of the buffers */
    MAX_TYPES = 256,    /* a type is one byte */
    OUTPUTS = 2         /* start, end */
};

struct engine_encoder {
    const engine_gguf *gguf;
    engine_shape shape;
    uint32_t layers, context, types, vocab;
    double *frequencies; /* [head / 2] */
    const engine_tensor *embedding, *type_rows;
    const float *output_norm;
    engine_linear span;
    engine_layer *layer;
};

/* ---- loading ------------------------------------------------------------------------------ */

static bool need_key(const engine_encoder *e, const char *key, uint32_t most, uint32_t *out,
                     error *err) {
    char full[MAX_NAME];
    snprintf(full, sizeof full, "carrel-reader.%s", key);
    return engine_need_u32(e->gguf, full, 1, most, out, err);
}

static bool read_sizes(engine_encoder *e, error *err) {
    engine_shape *s = &e->shape;
    float base;
    if (!need_key(e, "block_count", ENGINE_MAX_LAYERS, &e->layers, err) ||
        !need_key(e, "embedding_length", MAX_WIDTH, &s->width, err) ||
        !need_key(e, "feed_forward_length", MAX_WIDTH, &s->hidden, err) ||
        !need_key(e, "attention.head_count", MAX_WIDTH, &s->heads, err) ||
        !need_key(e, "context_length", MAX_CONTEXT, &e->context, err) ||
        !need_key(e, "token_type_count", MAX_TYPES, &e->types, err) ||
        !engine_need_f32(e->gguf, "carrel-reader.attention.layer_norm_rms_epsilon", &s->epsilon,
                         err) ||
        !engine_need_f32(e->gguf, "carrel-reader.rope.freq_base", &base, err)) {
        return false;
    }
    s->head = s->rotary = s->width / s->heads;
    s->kv_heads = s->heads;
    s->halves = true;
    if (s->width % s->heads != 0 || s->head % 2 != 0 || s->head > ENGINE_MAX_HEAD || base <= 0) {
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": %" PRIu32 " heads do not fit a width of %" PRIu32,
                         STR_ARG(engine_gguf_path(e->gguf)), s->heads, s->width);
    }
    e->frequencies = mem_new(s->head / 2, sizeof *e->frequencies);
    engine_rope_frequencies(e->frequencies, s->head, (double)base, NULL);
    return true;
}

static bool load_layer(engine_encoder *e, uint32_t i, error *err) {
    engine_layer *l = &e->layer[i];
    uint32_t d = e->shape.width, f = e->shape.hidden;
    const struct {
        const char *name;
        uint32_t columns, rows;
        engine_linear *out;
    } parts[] = {
        {"attn_q", d, d, &l->q},      {"attn_k", d, d, &l->k},      {"attn_v", d, d, &l->v},
        {"attn_output", d, d, &l->o}, {"ffn_gate", d, f, &l->gate}, {"ffn_up", d, f, &l->up},
        {"ffn_down", f, d, &l->down},
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
    if (!engine_vector_load(e->gguf, name, d, &l->attn_norm, err)) return false;
    snprintf(name, sizeof name, "blk.%" PRIu32 ".ffn_norm.weight", i);
    return engine_vector_load(e->gguf, name, d, &l->ffn_norm, err);
}

static bool load_ends(engine_encoder *e, error *err) {
    const engine_gguf *g = e->gguf;
    const engine_tensor *t = engine_gguf_find(g, "token_embd.weight");
    uint64_t vocab = t && t->shape[1] <= INT32_MAX ? t->shape[1] : 0; /* 0: need says so */
    e->vocab = (uint32_t)vocab;
    uint64_t d = e->shape.width, ids[] = {d, vocab}, types[] = {d, e->types};
    return engine_gguf_need(g, "token_embd.weight", 2, ids, &e->embedding, err) &&
           engine_gguf_need(g, "token_types.weight", 2, types, &e->type_rows, err) &&
           engine_vector_load(g, "output_norm.weight", d, &e->output_norm, err) &&
           engine_linear_load(g, "span", d, OUTPUTS, &e->span, err);
}

bool engine_encoder_open(const engine_gguf *g, engine_encoder **out, error *err) {
    engine_encoder *e = mem_new(1, sizeof *e);
    str architecture = {0};
    e->gguf = g;
    e->shape.kernels = engine_kernels_get();
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
                             " tokens and %" PRIu32 " types",
                             ids[i], types[i], e->vocab, e->types);
        }
    }
    return true;
}

/* x = token_embd[id] + token_types[type]; h is scratch. */
static void embed_token(const engine_encoder *e, int32_t id, uint8_t type, float *x, float *h) {
    const engine_tensor *w = e->embedding, *y = e->type_rows;
    const uint8_t *row = w->data, *type_row = y->data;
    size_t d = e->shape.width;
    row += (size_t)id * engine_row_bytes(w->type, d);
    type_row += type * engine_row_bytes(y->type, d);
    e->shape.kernels->unpack(w->type, row, x, d);
    e->shape.kernels->unpack(y->type, type_row, h, d);
    for (size_t i = 0; i < d; i++) x[i] += h[i];
}

static float *floats(arena *a, size_t n, size_t width) {
    return arena_alloc(a, n * width, sizeof(float));
}

bool engine_encode(const engine_encoder *e, pool *p, const int32_t *ids, const uint8_t *types,
                   size_t n, arena *a, float *out, error *err) {
    if (!check_input(e, ids, types, n, err)) return false;
    const engine_shape *s = &e->shape;
    size_t d = s->width;
    engine_cache c = {
        .type = ENGINE_KV_F32,
        .kv_heads = s->heads,
        .head = s->head,
        .capacity = (uint32_t)((n + ENGINE_PANEL - 1) / ENGINE_PANEL * ENGINE_PANEL),
    };
    engine_cache_place(&c, arena_alloc(a, engine_cache_bytes(&c), 1));
    engine_work w = {
        .x = floats(a, n, d),
        .h = floats(a, n, d),
        .q = floats(a, n, d),
        .attended = floats(a, n, d),
        .k = floats(a, n, d),
        .v = floats(a, n, d),
        .gate = floats(a, n, s->hidden),
        .up = floats(a, n, s->hidden),
        .turn = floats(a, n, s->head),
        .scratch = arena_alloc(a, engine_attention_scratch(pool_size(p), s->heads, s->head, n), 1),
    };
    for (size_t t = 0; t < n; t++) {
        embed_token(e, ids[t], types[t], w.x + t * d, w.h);
        engine_rope_turn(w.turn + t * s->head, e->frequencies, s->head / 2, t);
    }
    for (uint32_t i = 0; i < e->layers; i++) engine_block(s, &e->layer[i], &c, &w, p, n, 0);
    engine_block_norm(s, &w, p, e->output_norm, n);
    engine_product span = {&e->span, out, OUTPUTS, false};
    engine_multiply(s->kernels, p, &span, 1, w.h, d, n);
    return true;
}
