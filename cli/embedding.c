/* embedding: chunks that wait for their vectors get them.
 *
 * They wait when a network embeds (a document is then added with its words alone, and can be found
 * by them at once) or when the library has been given another model. Each round is committed by
 * itself: whoever stops us loses seconds, and any later `add` or `model use` goes on from there.
 */
#include <string.h>

#include "cli/cli.h"

/* Texts in one round: enough to fill the network's batches, seconds at most between two commits. */
#define ROUND 32

bool cli_count_waiting(index_library *l, uint64_t *out, error *err) {
    index_status s;
    if (!index_get_status(l, &s, err)) return false;
    *out = s.chunks > s.vectors ? s.chunks - s.vectors : 0;
    return true;
}

static bool embed_round(index_library *l, const embed_model *m, pool *p, arena *a, size_t *count,
                        size_t *cut, bool *taken, error *err) {
    index_waiting_chunk *c;
    size_t n, width = embed_width(m);
    *count = *cut = 0;
    *taken = false;
    if (!index_waiting(l, ROUND, a, &c, &n, err)) return false;
    if (n == 0) return true;
    str *texts = arena_alloc(a, n, sizeof *texts);
    float *exact = arena_alloc(a, n * width, sizeof *exact);
    int8_t *vectors = arena_alloc(a, n, width);
    float *scales = arena_alloc(a, n, sizeof *scales);
    text t = {0};
    for (size_t i = 0; i < n; i++) {
        text_clear(&t);
        embed_passage_text(&t, c[i].title, c[i].heading, c[i].text);
        texts[i] = arena_str(a, text_str(&t));
    }
    text_free(&t);
    if (!embed_texts(m, p, EMBED_PASSAGE, texts, n, exact, cut, err)) return false;
    for (size_t i = 0; i < n; i++)
        embed_quantize(exact + i * width, width, vectors + i * width, &scales[i]);
    *count = n;
    return index_put_vectors(l, embed_hash(m), c[0].id, n, vectors, scales, taken, err);
}

static bool still_ours(index_library *l, const embed_model *m, error *err) {
    index_model now;
    arena *a = arena_new();
    bool ok = index_get_model(l, a, &now, err);
    if (ok && memcmp(now.hash, embed_hash(m), sizeof now.hash) != 0)
        ok = error_set(err, ERROR_MODEL, "the library was given another embedding model meanwhile");
    arena_free(a);
    return ok;
}

bool cli_embed_waiting(index_library *l, const embed_model *m, pool *p, cli_embedded *out,
                       error *err) {
    cli_progress progress;
    uint64_t total;
    *out = (cli_embedded){0};
    if (!cli_count_waiting(l, &total, err)) return false;
    bool ok = true;
    cli_progress_start(&progress, (size_t)total);
    while (ok && !cli_stopped()) {
        arena *a = arena_new();
        size_t count, cut;
        bool taken;
        ok = embed_round(l, m, p, a, &count, &cut, &taken, err);
        arena_free(a);
        if (!ok || count == 0) break;
        if (taken) {
            out->done += count;
            out->cut += cut;
        } else {
            ok = still_ours(l, m, err);
        }
        cli_progress_step(&progress, (size_t)(out->done < total ? out->done : total),
                          STR("embedding"));
    }
    cli_progress_end(&progress);
    return ok && cli_count_waiting(l, &out->left, err);
}
