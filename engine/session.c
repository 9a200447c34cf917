/* session: tokens go in, logits come out; the keys and values of what came before are kept.
 *
 * A prompt runs in batches of up to 256 tokens, so that scratch memory is fixed when the session is
 * made and nothing is allocated while it runs. Each layer is five rounds of the pool: q, k, v;
 * attention; its output; gate and up; down. The two output matrices add to the residual stream
 * themselves. Only the rows whose logits are asked for meet the output matrix, by far the largest
 * of a small model.
 *
 * Never holds more than its n_ctx positions, and never moves them: what does not fit is an error.
 */
#include "engine/model.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum {
    BATCH = 256, /* a panel of weights is unpacked once for so many tokens; more gains little */
    GRAIN = 8    /* tokens of an elementwise step that are worth waking a thread for */
};

struct engine_session {
    const engine_model *model;
    pool *pool;
    size_t n_ctx, length;
    float *memory;        /* everything below, in one piece */
    engine_cache *caches; /* one for each layer */
    float *x, *h;         /* [BATCH][width] */
    float *q, *attended;  /* [BATCH][heads * head] */
    float *k, *v;         /* [BATCH][kv_heads * head] */
    float *gate, *up;     /* [BATCH][hidden] */
    float *turn;          /* [BATCH][rotary] */
    float *scores;
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
    const engine_model *m = s->model;
    size_t used = 0, q = (size_t)m->heads * m->head, kv = (size_t)m->kv_heads * m->head;
    for (uint32_t i = 0; i < m->info.layers; i++) {
        engine_cache *c = &s->caches[i];
        c->keys = piece(base, &used, engine_cache_keys(c));
        c->values = piece(base, &used, engine_cache_values(c));
    }
    s->x = piece(base, &used, BATCH * (size_t)m->width);
    s->h = piece(base, &used, BATCH * (size_t)m->width);
    s->q = piece(base, &used, BATCH * q);
    s->attended = piece(base, &used, BATCH * q);
    s->k = piece(base, &used, BATCH * kv);
    s->v = piece(base, &used, BATCH * kv);
    s->gate = piece(base, &used, BATCH * (size_t)m->hidden);
    s->up = piece(base, &used, BATCH * (size_t)m->hidden);
    s->turn = piece(base, &used, BATCH * (size_t)m->rotary);
    s->scores = piece(base, &used, engine_attention_scratch(pool_size(s->pool), s->n_ctx));
    return used;
}

static bool check_memory(const engine_session *s, size_t floats, error *err) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t machine = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX;
    size_t mebibytes = floats / (1024 * 1024 / sizeof(float));
    if (floats <= machine / sizeof(float)) return true;
    return error_set(err, ERROR_LIMIT,
                     "a context of %zu tokens needs %zu MiB and this machine has %" PRIu64
                     " MiB; ask for a shorter one", s->n_ctx, mebibytes, machine / (1024 * 1024));
}

bool engine_session_new(const engine_model *m, pool *p, uint32_t n_ctx, engine_session **out,
                        error *err) {
    if (n_ctx == 0 || n_ctx > m->info.context_length) {
        return error_set(err, ERROR_LIMIT,
                         "a context of %" PRIu32 " tokens was asked for and the model takes 1 to "
                         "%" PRIu32, n_ctx, m->info.context_length);
    }
    engine_session *s = mem_new(1, sizeof *s);
    s->model = m;
    s->pool = p;
    s->n_ctx = n_ctx;
    s->caches = mem_new(m->info.layers, sizeof *s->caches);
    for (uint32_t i = 0; i < m->info.layers; i++) {
        s->caches[i] = (engine_cache){
            .heads = m->heads, .kv_heads = m->kv_heads, .head = m->head,
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

typedef struct {
    engine_session *s;
    const engine_layer *layer;
    const engine_cache *cache;
    const float *norm;
} step;

static void norm_step(void *context, size_t begin, size_t end, int worker) {
    const step *c = context;
    const engine_model *m = c->s->model;
    (void)worker;
    for (size_t t = begin; t < end; t++) {
        m->kernels->rms_norm(c->s->x + t * m->width, c->norm, m->epsilon, c->s->h + t * m->width,
                             m->width);
    }
}

static void rope_step(void *context, size_t begin, size_t end, int worker) {
    const step *c = context;
    const engine_model *m = c->s->model;
    (void)worker;
    for (size_t t = begin; t < end; t++) {
        const float *turn = c->s->turn + t * m->rotary;
        float *q = c->s->q + t * m->heads * m->head, *k = c->s->k + t * m->kv_heads * m->head;
        for (size_t i = 0; i < m->heads; i++) {
            m->kernels->rope_norm(q + i * m->head, turn, m->rotary / 2);
        }
        for (size_t i = 0; i < m->kv_heads; i++) {
            m->kernels->rope_norm(k + i * m->head, turn, m->rotary / 2);
        }
        engine_cache_put(c->cache, c->s->length + t, k, c->s->v + t * m->kv_heads * m->head);
    }
}

static void silu_step(void *context, size_t begin, size_t end, int worker) {
    const step *c = context;
    size_t n = c->s->model->hidden;
    (void)worker;
    for (size_t t = begin; t < end; t++) {
        c->s->model->kernels->silu_mul(c->s->gate + t * n, c->s->up + t * n, n);
    }
}

static void run_layer(engine_session *s, size_t index, size_t n) {
    const engine_model *m = s->model;
    const engine_layer *l = &m->layers[index];
    size_t q = (size_t)m->heads * m->head, kv = (size_t)m->kv_heads * m->head;
    step c = {s, l, &s->caches[index], l->attn_norm};

    parallel_for(s->pool, n, GRAIN, norm_step, &c);
    engine_product qkv[] = {{&l->q, s->q, q, false}, {&l->k, s->k, kv, false},
                            {&l->v, s->v, kv, false}};
    engine_multiply(m->kernels, s->pool, qkv, 3, s->h, m->width, n);
    parallel_for(s->pool, n, GRAIN, rope_step, &c);
    engine_attend(m->kernels, s->pool, c.cache, s->q, n, s->length, s->length + n, true, s->scores,
                  s->attended);
    engine_product o = {&l->o, s->x, m->width, true};
    engine_multiply(m->kernels, s->pool, &o, 1, s->attended, q, n);

    c.norm = l->ffn_norm;
    parallel_for(s->pool, n, GRAIN, norm_step, &c);
    engine_product ffn[] = {{&l->gate, s->gate, m->hidden, false},
                            {&l->up, s->up, m->hidden, false}};
    engine_multiply(m->kernels, s->pool, ffn, 2, s->h, m->width, n);
    parallel_for(s->pool, n, GRAIN, silu_step, &c);
    engine_product down = {&l->down, s->x, m->width, true};
    engine_multiply(m->kernels, s->pool, &down, 1, s->gate, m->hidden, n);
}

/* logits: [vocab] of the last token, [n][vocab] with `all`, or NULL. */
static void run_batch(engine_session *s, const int32_t *ids, size_t n, bool all, float *logits) {
    const engine_model *m = s->model;
    size_t row = engine_row_bytes(m->embedding->type, m->width);
    for (size_t t = 0; t < n; t++) {
        const uint8_t *data = m->embedding->data;
        m->kernels->unpack(m->embedding->type, data + (size_t)ids[t] * row, s->x + t * m->width,
                           m->width);
        engine_rope_turn(s->turn + t * m->rotary, m->frequencies, m->rotary / 2, s->length + t);
    }
    for (size_t i = 0; i < m->info.layers; i++) run_layer(s, i, n);
    s->length += n;
    if (logits == NULL) return;
    step c = {.s = s, .norm = m->output_norm};
    size_t first = all ? 0 : n - 1;
    for (size_t t = first; t < n; t++) norm_step(&c, t, t + 1, 0);
    engine_product o = {&m->output, logits, m->info.vocab, false};
    engine_multiply(m->kernels, s->pool, &o, 1, s->h + first * m->width, m->width, n - first);
}

bool engine_eval(engine_session *s, const int32_t *ids, size_t n, bool all, float *logits,
                 error *err) {
    size_t vocab = s->model->info.vocab;
    if (n == 0) return error_set(err, ERROR_INTERNAL, "the model was asked about no tokens at all");
    if (n > s->n_ctx - s->length) {
        return error_set(err, ERROR_LIMIT,
                         "%zu more tokens do not fit after %zu in a context of %zu; shorten the "
                         "text or ask for a longer context", n, s->length, s->n_ctx);
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
