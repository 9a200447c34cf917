/* session: tokens go in, logits come out; the keys and values of what came before are kept.
 *
 * A prompt runs in batches of up to 256 tokens, so that scratch memory is fixed when the session is
 * made and nothing is allocated while it runs. Only the rows whose logits are asked for meet the
 * output matrix, by far the largest of a small model.
 *
 * Never holds more than its n_ctx positions, and never moves them: what does not fit is an error.
 */
#include "engine/model.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum {
    BATCH = 256 /* a panel of weights is unpacked once for so many tokens; more gains little */
};

struct engine_session {
    const engine_model *model;
    pool *pool;
    size_t n_ctx, length;
    float *memory;        /* everything below, in one piece */
    engine_cache *caches; /* one for each layer */
    engine_work work;     /* of BATCH tokens */
};

/* ---- memory ------------------------------------------------------------------------------- */

/* Cuts a piece off; with base NULL it only counts, so that sizes are written down once. */
static float *piece(float *base, size_t *used, size_t floats) {
    float *p = base ? base + *used : NULL;
    *used += (floats + 15) & ~(size_t)15; /* whole cache lines */
    return p;
}

/* Lays the session out in `base`; returns the floats needed. Sizes cannot wrap: each factor was
 * bounded when the model was loaded, and n_ctx by the model's context. */
static size_t lay_out(engine_session *s, float *base) {
    const engine_shape *m = &s->model->shape;
    engine_work *w = &s->work;
    size_t used = 0, q = (size_t)m->heads * m->head, kv = (size_t)m->kv_heads * m->head;
    for (uint32_t i = 0; i < s->model->info.layers; i++) {
        engine_cache *c = &s->caches[i];
        float *memory = piece(base, &used, engine_cache_bytes(c) / sizeof *memory);
        if (memory) engine_cache_place(c, memory);
    }
    w->x = piece(base, &used, BATCH * (size_t)m->width);
    w->h = piece(base, &used, BATCH * (size_t)m->width);
    w->q = piece(base, &used, BATCH * q);
    w->attended = piece(base, &used, BATCH * q);
    w->k = piece(base, &used, BATCH * kv);
    w->v = piece(base, &used, BATCH * kv);
    w->gate = piece(base, &used, BATCH * (size_t)m->hidden);
    w->up = piece(base, &used, BATCH * (size_t)m->hidden);
    w->turn = piece(base, &used, BATCH * (size_t)m->rotary);
    size_t scratch = engine_attention_scratch(pool_size(s->pool), m->heads, m->head, s->n_ctx);
    w->scratch = piece(base, &used, scratch / sizeof(float));
    return used;
}

static bool check_memory(const engine_session *s, size_t floats, error *err) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t machine = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX;
    size_t mebibytes = floats / (1024 * 1024 / sizeof(float));
    if (floats <= machine / sizeof(float)) return true;
    return error_set(err, ERROR_LIMIT,
                     "a context of %zu tokens needs %zu MiB and this machine has %" PRIu64
                     " MiB; ask for a shorter one",
                     s->n_ctx, mebibytes, machine / (1024 * 1024));
}

bool engine_session_new(const engine_model *m, pool *p, const engine_session_options *o,
                        engine_session **out, error *err) {
    uint32_t n_ctx = o->n_ctx;
    if (n_ctx == 0 || n_ctx > m->info.context_length) {
        return error_set(err, ERROR_LIMIT,
                         "a context of %" PRIu32 " tokens was asked for and the model takes 1 to "
                         "%" PRIu32,
                         n_ctx, m->info.context_length);
    }
    engine_session *s = mem_new(1, sizeof *s);
    s->model = m;
    s->pool = p;
    s->n_ctx = n_ctx;
    s->caches = mem_new(m->info.layers, sizeof *s->caches);
    for (uint32_t i = 0; i < m->info.layers; i++) {
        s->caches[i] = (engine_cache){
            .type = o->kv,
            .kv_heads = m->shape.kv_heads,
            .head = m->shape.head,
            .capacity = (n_ctx + ENGINE_PANEL - 1) / ENGINE_PANEL * ENGINE_PANEL,
        };
    }
    size_t floats = lay_out(s, NULL);
    if (!check_memory(s, floats, err)) {
        engine_session_free(s);
        return false;
    }
    s->memory = mem_new(floats, sizeof *s->memory);
    lay_out(s, s->memory);
    *out = s;
    return true;
}

void engine_session_free(engine_session *s) {
    if (s == NULL) return;
    mem_free(s->memory);
    mem_free(s->caches);
    mem_free(s);
}

size_t engine_session_length(const engine_session *s) {
    return s->length;
}

void engine_session_truncate(engine_session *s, size_t length) {
    if (length < s->length) s->length = length;
}

/* ---- one batch ---------------------------------------------------------------------------- */

/* logits: [vocab] of the last token, [n][vocab] with `all`, or NULL. */
static void run_batch(engine_session *s, const int32_t *ids, size_t n, bool all, float *logits) {
    const engine_model *m = s->model;
    const engine_shape *shape = &m->shape;
    engine_work *w = &s->work;
    size_t row = engine_row_bytes(m->embedding->type, shape->width);
    for (size_t t = 0; t < n; t++) {
        const uint8_t *data = m->embedding->data;
        shape->kernels->unpack(m->embedding->type, data + (size_t)ids[t] * row,
                               w->x + t * shape->width, shape->width);
        engine_rope_turn(w->turn + t * shape->rotary, m->frequencies, shape->rotary / 2,
                         s->length + t);
    }
    for (size_t i = 0; i < m->info.layers; i++) {
        engine_block(shape, &m->layers[i], &s->caches[i], w, s->pool, n, s->length);
    }
    s->length += n;
    if (logits == NULL) return;
    size_t first = all ? 0 : n - 1;
    engine_work asked = {.x = w->x + first * shape->width, .h = w->h};
    engine_block_norm(shape, &asked, s->pool, m->output_norm, n - first);
    engine_product o = {&m->output, logits, m->info.vocab, false};
    engine_multiply(shape->kernels, s->pool, &o, 1, asked.h, shape->width, n - first);
}

bool engine_eval(engine_session *s, const int32_t *ids, size_t n, bool all, float *logits,
                 error *err) {
    size_t vocab = s->model->info.vocab;
    if (n == 0) return error_set(err, ERROR_INTERNAL, "the model was asked about no tokens at all");
    if (n > s->n_ctx - s->length) {
        return error_set(err, ERROR_LIMIT,
                         "%zu more tokens do not fit after %zu in a context of %zu; shorten the "
                         "text or ask for a longer context",
                         n, s->length, s->n_ctx);
    }
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || (size_t)ids[i] >= vocab) {
            return error_set(err, ERROR_INTERNAL, "token %" PRId32 " is outside the model's %zu",
                             ids[i], vocab);
        }
    }
    for (size_t i = 0; i < n; i += BATCH) {
        size_t part = n - i < BATCH ? n - i : BATCH;
        bool last = i + part == n;
        run_batch(s, ids + i, part, all, all ? logits + i * vocab : last ? logits : NULL);
    }
    return true;
}
