/* session: tokens go in, logits come out; the keys and values of what came before are kept.
 *
 * A prompt runs in batches of up to 256 tokens, so that scratch memory is fixed when the session is
 * made and nothing is allocated while it runs. Only the rows whose logits are asked for meet the
 * output matrix, by far the largest of a small model.
 *
 * Never holds more than its n_ctx positions, and never moves them: what does not fit is an error.
 */
#include "engine/session.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    BATCH = 256 /* a panel of weights is unpacked once for so many tokens; more gains little */
};

bool engine_session_new(const engine_model *m, pool *p, const engine_session_options *o,
                        engine_session **out, error *err) {
    const engine_network *net = &m->net;
    uint32_t n_ctx = o->n_ctx;
    if (n_ctx == 0 || n_ctx > net->context) {
        return error_set(err, ERROR_LIMIT,
                         "a context of %" PRIu32 " tokens was asked for and the model takes 1 to "
                         "%" PRIu32,
                         n_ctx, net->context);
    }
    engine_cache c = {
        .type = o->kv,
        .kv_heads = net->shape.kv_heads,
        .head = net->shape.head,
        .capacity = (n_ctx + ENGINE_PANEL - 1) / ENGINE_PANEL * ENGINE_PANEL,
    };
    engine_work work = {0};
    char what[64];
    size_t cache = engine_cache_bytes(&c), caches = cache * net->layer_count;
    size_t scratch = engine_network_work(net, &work, BATCH, 1, n_ctx, pool_size(p), NULL);
    snprintf(what, sizeof what, "a context of %" PRIu32 " tokens", n_ctx);
    if (!engine_memory_fits((uint64_t)caches + scratch, what, err)) return false;

    engine_session *s = mem_new(1, sizeof *s);
    s->model = m;
    s->pool = p;
    s->n_ctx = n_ctx;
    s->frequencies = engine_network_frequencies(net, n_ctx);
    s->ids = mem_new(n_ctx, sizeof *s->ids);
    s->caches = mem_new(net->layer_count, sizeof *s->caches);
    s->cache_memory = mem_new(caches, 1);
    s->work_memory = mem_new(scratch, 1);
    for (uint32_t i = 0; i < net->layer_count; i++) {
        s->caches[i] = c;
        engine_cache_place(&s->caches[i], (uint8_t *)s->cache_memory + i * cache);
    }
    engine_network_work(net, &s->work, BATCH, 1, n_ctx, pool_size(p), s->work_memory);
    *out = s;
    return true;
}

void engine_session_free(engine_session *s) {
    if (s == NULL) return;
    mem_free(s->cache_memory);
    mem_free(s->work_memory);
    mem_free(s->ids);
    mem_free(s->frequencies);
    mem_free(s->caches);
    mem_free(s);
}

size_t engine_session_length(const engine_session *s) {
    return s->length;
}

void engine_session_truncate(engine_session *s, size_t length) {
    if (length < s->length) s->length = length;
}

size_t engine_session_keep(engine_session *s, const int32_t *ids, size_t n) {
    size_t same = 0;
    while (same + 1 < n && same < s->length && s->ids[same] == ids[same]) same++;
    s->length = same;
    return same;
}

/* One weight that is infinite or no number spreads over every value behind it. */
static bool are_numbers(const float *v, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(v[i])) return false;
    }
    return true;
}

/* False where the weights give no numbers. logits: [vocab] of the last token, [n][vocab] with `all`, or NULL. */
static bool run_batch(engine_session *s, const int32_t *ids, size_t n, bool all, float *logits) {
    const engine_model *m = s->model;
    const engine_shape *shape = &m->net.shape;
    engine_run run = {.cache = s->caches, .n = n, .position = s->length};
    engine_network_run(&m->net, s->frequencies, &s->work, s->pool, ids, NULL, &run, 1, 1);
    memcpy(s->ids + s->length, ids, n * sizeof *ids);
    s->length += n;
    if (logits == NULL) return true;
    size_t first = all ? 0 : n - 1;
    engine_block_norm(shape, s->pool, &m->net.output_norm, s->work.x + first * shape->width,
                      s->work.h, n - first);
    if (!are_numbers(s->work.h, (n - first) * shape->width)) return false;
    engine_product o = {m->tied ? &m->net.embedding : &m->output, logits, m->net.vocab, false};
    engine_multiply(&s->work.acts, s->pool, &o, 1,
                    &(engine_input){.x = s->work.h, .stride = shape->width}, n - first);
    return true;
}

bool engine_eval(engine_session *s, const int32_t *ids, size_t n, bool all, float *logits,
                 error *err) {
    size_t vocab = s->model->net.vocab;
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
        if (run_batch(s, ids + i, part, all, all ? logits + i * vocab : last ? logits : NULL)) {
            continue;
        }
        s->length = 0; /* nothing of it may be used or kept */
        return error_set(err, ERROR_MODEL,
                         STR_FMT
                         ": its weights give no numbers; the file is damaged, copy it again",
                         STR_ARG(engine_gguf_path(s->model->gguf)));
    }
    return true;
}
