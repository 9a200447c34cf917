/* Search: words and vectors, fused.
 *
 * Both lists are normalised by their best score and added with fixed weights. A convex combination
 * keeps how much better one passage is than the next, which rank fusion throws away; with a static
 * embedding, whose order is worse than BM25's, rank fusion lost to words alone and this did not
 * (`make eval` prints all three). Method: Bruch, Gai, Ingber, "An Analysis of Fusion Functions for
 * Hybrid Retrieval", ACM TOIS 2023.
 */
#include "query/query.h"

#include <stdlib.h>
#include <string.h>

#define WEIGHT_WORDS 0.7
#define WEIGHT_VECTORS 0.3
#define CANDIDATES_BEYOND_LIMIT 100 /* what one list ranks low, the other may lift */
#define MOST_RESULTS 10000          /* a person reads ten; a script may want all of a small shelf */

/* A passage seen by either search. */
typedef struct {
    int64_t chunk;
    double words, cosine, fused;
} candidate;

static int by_chunk(const void *a, const void *b) {
    int64_t x = ((const candidate *)a)->chunk, y = ((const candidate *)b)->chunk;
    return x < y ? -1 : x > y;
}

/* Ties are broken by the order of adding, so that a result never depends on luck. */
static int by_fused(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->fused != y->fused) return x->fused > y->fused ? -1 : 1;
    return by_chunk(a, b);
}

static size_t merge(const index_hit *words, size_t words_n, const index_hit *vectors,
                    size_t vectors_n, candidate *out) {
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < words_n; i++)
        out[n++] = (candidate){words[i].chunk, words[i].score, 0, 0};
    for (size_t i = 0; i < vectors_n; i++)
        out[n++] = (candidate){vectors[i].chunk, 0, vectors[i].score, 0};
    qsort(out, n, sizeof *out, by_chunk);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && out[kept - 1].chunk == out[i].chunk) {
            out[kept - 1].words += out[i].words;
            out[kept - 1].cosine += out[i].cosine;
        } else {
            out[kept++] = out[i];
        }
    }
    return kept;
}

static void fuse(candidate *c, size_t n, query_ranking ranking) {
    double best_words = 0, best_cosine = 0;
    for (size_t i = 0; i < n; i++) {
        if (c[i].words > best_words) best_words = c[i].words;
        if (c[i].cosine > best_cosine) best_cosine = c[i].cosine;
    }
    for (size_t i = 0; i < n; i++) {
        double words = best_words > 0 ? c[i].words / best_words : 0;
        double cosine = best_cosine > 0 && c[i].cosine > 0 ? c[i].cosine / best_cosine : 0;
        c[i].fused = ranking == QUERY_WORDS     ? c[i].words
                     : ranking == QUERY_VECTORS ? c[i].cosine
                                                : WEIGHT_WORDS * words + WEIGHT_VECTORS * cosine;
    }
    qsort(c, n, sizeof *c, by_fused);
}

/* The question as the library stores vectors. */
typedef struct {
    int8_t *values;
    float scale;
} query_vector;

static query_vector embed_question(const query_context *q, str question, arena *a) {
    size_t width = embed_width(q->embedder);
    float *exact = arena_alloc(a, width, sizeof *exact);
    query_vector v = {arena_alloc(a, width, 1), 0};
    embed_text(q->embedder, question, exact);
    embed_quantize(exact, width, v.values, &v.scale);
    return v;
}

static bool collect(const query_context *q, str question, query_ranking ranking, size_t limit,
                    arena *a, candidate **out, size_t *count, error *err) {
    size_t depth = limit + CANDIDATES_BEYOND_LIMIT, words_n = 0, vectors_n = 0;
    index_hit *words = NULL, *vectors = NULL;
    query_vector v = {0};
    if (ranking != QUERY_WORDS) v = embed_question(q, question, a);
    if (ranking != QUERY_VECTORS &&
        !index_search_words(q->library, question, depth, a, &words, &words_n, err))
        return false;
    if (ranking != QUERY_WORDS &&
        !index_search_vectors(q->library, v.values, v.scale, depth, a, &vectors, &vectors_n, err))
        return false;
    candidate *c = arena_alloc(a, words_n + vectors_n, sizeof *c);
    size_t n = merge(words, words_n, vectors, vectors_n, c);
    /* A passage that only the words found still has a cosine, just not one of the largest. */
    for (size_t i = 0; i < n; i++)
        if (ranking != QUERY_WORDS && c[i].cosine == 0 &&
            !index_chunk_cosine(q->library, c[i].chunk, v.values, v.scale, &c[i].cosine, err))
            return false;
    fuse(c, n, ranking);
    *out = c;
    *count = n < limit ? n : limit;
    return true;
}

bool query_search(const query_context *q, str question, query_ranking ranking, size_t limit,
                  arena *a, query_source **out, size_t *count, error *err) {
    candidate *c;
    size_t n;
    if (limit > MOST_RESULTS) limit = MOST_RESULTS;
    if (!collect(q, question, ranking, limit, a, &c, &n, err)) return false;
    *out = arena_alloc(a, n, sizeof **out);
    for (size_t i = 0; i < n; i++) {
        query_source *s = &(*out)[i];
        if (!index_get_chunk(q->library, c[i].chunk, a, &s->chunk, err)) return false;
        s->score = c[i].fused;
        s->words = c[i].words;
        s->cosine = c[i].cosine;
    }
    *count = n;
    return true;
}
