/* Search: words and vectors, fused, and the best of them reranked.
 *
 * Both lists are normalised by their best score and added with fixed weights. A convex combination
 * keeps how much better one passage is than the next, which rank fusion throws away; with a static
 * embedding, whose order is worse than BM25's, rank fusion lost to words alone and this did not
 * (`make eval` prints all three). Method: Bruch, Gai, Ingber, "An Analysis of Fusion Functions for
 * Hybrid Retrieval", ACM TOIS 2023.
 *
 * Vectors of a network that the user brought order better than the built-in ones, but lie in a
 * narrow cone, where all cosines are alike: they are stretched between the lowest and the best
 * seen.
 *
 * The reranker's score joins by a convex combination too, so that a reranker that is out of its
 * depth cannot lift what nothing else speaks for. What it has not read counts as scored 0; hence no
 * such passage comes before one that it has read.
 */
#include "query/copies.h"

#include <stdlib.h>
#include <string.h>

/* Of the vectors, the rest is of the words; for the built-in model chosen on NFCorpus' dev split.
 * For networks no weight fits all; half is the middle of what the cited work finds good. */
#define WEIGHT_STATIC 0.4
#define WEIGHT_NETWORK 0.5
#define WEIGHT_RANK 0.7
/* Twice what `ask` reads. Each costs a reranker a pass over a chunk: seconds for a large one. */
#define RERANKED 16
#define COPIES_BEYOND 16 /* copies have nearly the same score: they stand beside each other */
#define CANDIDATES_BEYOND_LIMIT 100 /* what one list ranks low, the other may lift */
#define MOST_RESULTS 10000          /* a person reads ten; a script may want all of a small shelf */

/* A passage seen by either search. */
typedef struct {
    int64_t chunk;
    double words, cosine, fused, rank, score;
} candidate;

static int by_chunk(const void *a, const void *b) {
    int64_t x = ((const candidate *)a)->chunk, y = ((const candidate *)b)->chunk;
    return x < y ? -1 : x > y;
}

/* Ties are broken by the order of adding, so that a result never depends on luck. */
static int by_score(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return by_chunk(a, b);
}

static size_t merge(const index_hit *words, size_t words_n, const index_hit *vectors,
                    size_t vectors_n, candidate *out) {
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < words_n; i++)
        out[n++] = (candidate){.chunk = words[i].chunk, .words = words[i].score};
    for (size_t i = 0; i < vectors_n; i++)
        out[n++] = (candidate){.chunk = vectors[i].chunk, .cosine = vectors[i].score};
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

/* network: the cosines are of one. A cosine of 0 is of a passage that has no vector (yet). */
static void fuse(candidate *c, size_t n, query_ranking ranking, bool network) {
    double best_words = 0, best_cosine = 0, low = network ? 1 : 0;
    double weight = network ? WEIGHT_NETWORK : WEIGHT_STATIC;
    for (size_t i = 0; i < n; i++) {
        if (c[i].words > best_words) best_words = c[i].words;
        if (c[i].cosine > best_cosine) best_cosine = c[i].cosine;
        if (network && c[i].cosine != 0 && c[i].cosine < low) low = c[i].cosine;
    }
    /* A single vector, or none: there is nothing to stretch. */
    if (low >= best_cosine) low = 0;
    for (size_t i = 0; i < n; i++) {
        double words = best_words > 0 ? c[i].words / best_words : 0;
        double cosine =
            best_cosine > 0 && c[i].cosine > 0 ? (c[i].cosine - low) / (best_cosine - low) : 0;
        if (cosine < 0) cosine = 0;
        c[i].fused = ranking == QUERY_WORDS     ? c[i].words
                     : ranking == QUERY_VECTORS ? c[i].cosine
                                                : (1 - weight) * words + weight * cosine;
        c[i].score = c[i].fused;
    }
    qsort(c, n, sizeof *c, by_score);
}

/* The question as the library stores vectors. */
typedef struct {
    int8_t *values;
    float scale;
} query_vector;

static const embed_model *searcher(const query_context *q) {
    return q->searcher ? q->searcher : q->embedder;
}

static bool embed_question(const query_context *q, str question, arena *a, query_vector *out,
                           error *err) {
    size_t width = embed_width(searcher(q));
    float *exact = arena_alloc(a, width, sizeof *exact);
    out->values = arena_alloc(a, width, 1);
    if (!embed_texts(searcher(q), q->threads, EMBED_QUESTION, &question, 1, exact, NULL, err))
        return false;
    embed_quantize(exact, width, out->values, &out->scale);
    return true;
}

static bool collect(const query_context *q, str question, query_ranking ranking, size_t limit,
                    arena *a, candidate **out, size_t *count, error *err) {
    size_t depth = limit + CANDIDATES_BEYOND_LIMIT, words_n = 0, vectors_n = 0;
    index_hit *words = NULL, *vectors = NULL;
    query_vector v = {0};
    bool compares = ranking != QUERY_WORDS && !q->words_only;
    if (compares && !embed_question(q, question, a, &v, err)) return false;
    if (ranking != QUERY_VECTORS &&
        !index_search_words(q->library, question, depth, a, &words, &words_n, err))
        return false;
    if (compares &&
        !index_search_vectors(q->library, v.values, v.scale, depth, a, &vectors, &vectors_n, err))
        return false;
    candidate *c = arena_alloc(a, words_n + vectors_n, sizeof *c);
    size_t n = merge(words, words_n, vectors, vectors_n, c);
    /* A passage that only the words found still has a cosine, just not one of the largest. */
    for (size_t i = 0; i < n; i++)
        if (compares && c[i].cosine == 0 &&
            !index_chunk_cosine(q->library, c[i].chunk, v.values, v.scale, &c[i].cosine, err))
            return false;
    fuse(c, n, ranking, compares && !embed_is_static(searcher(q)));
    *out = c;
    *count = n;
    return true;
}

/* The best n of c are read by the reranker, and all are put in order again. */
static bool rerank(const query_context *q, str question, candidate *c, size_t n, size_t all,
                   error *err) {
    arena *a = arena_new();
    str *passages = arena_alloc(a, n, sizeof *passages);
    float *scores = arena_alloc(a, n, sizeof *scores);
    text t = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        index_chunk chunk;
        ok = index_get_chunk(q->library, c[i].chunk, a, &chunk, err);
        if (!ok) break;
        text_clear(&t);
        embed_passage_text(&t, chunk.title, chunk.heading, chunk.text);
        passages[i] = arena_str(a, text_str(&t));
    }
    ok = ok && embed_rerank(q->reranker, q->threads, question, passages, n, scores, err);
    for (size_t i = 0; ok && i < all; i++) {
        c[i].rank = i < n ? (double)scores[i] : 0;
        c[i].score = (1 - WEIGHT_RANK) * c[i].fused + WEIGHT_RANK * c[i].rank;
    }
    if (ok) qsort(c, all, sizeof *c, by_score);
    text_free(&t);
    arena_free(a);
    return ok;
}

/* All that either search has seen, in the order of its score. *limit is brought down to what may be
 * asked. */
static bool rank(const query_context *q, str question, query_ranking ranking, size_t *limit,
                 arena *a, candidate **c, size_t *n, error *err) {
    if (*limit > MOST_RESULTS) *limit = MOST_RESULTS;
    return collect(q, question, ranking, *limit, a, c, n, err) &&
           (ranking != QUERY_FUSED || !q->reranker ||
            rerank(q, question, *c, *n < RERANKED ? *n : RERANKED, *n, err));
}

static void put_scores(query_source *s, const candidate *c) {
    s->score = c->score;
    s->fused = c->fused;
    s->rank = c->rank;
    s->words = c->words;
    s->cosine = c->cosine;
}

bool query_search(const query_context *q, str question, query_ranking ranking, size_t limit,
                  arena *a, query_source **out, size_t *count, error *err) {
    candidate *c;
    size_t n;
    if (!rank(q, question, ranking, &limit, a, &c, &n, err)) return false;
    if (n > limit) n = limit;
    *out = arena_alloc(a, n, sizeof **out);
    for (size_t i = 0; i < n; i++) {
        (*out)[i] = (query_source){0};
        if (!index_get_chunk(q->library, c[i].chunk, a, &(*out)[i].chunk, err)) return false;
        put_scores(&(*out)[i], &c[i]);
    }
    *count = n;
    return true;
}

bool query_search_apart(const query_context *q, str question, query_ranking ranking, size_t limit,
                        arena *a, query_source **out, size_t *count, error *err) {
    candidate *c;
    size_t n;
    if (!rank(q, question, ranking, &limit, a, &c, &n, err)) return false;
    query_copies x = {.most = limit < n ? limit : n};
    x.sources = arena_alloc(a, x.most, sizeof *x.sources);
    x.hashes = arena_alloc(a, x.most, sizeof *x.hashes);
    for (size_t i = 0; i < n && (x.count < x.most || i < limit + COPIES_BEYOND); i++) {
        index_chunk chunk;
        if (!index_get_chunk(q->library, c[i].chunk, a, &chunk, err)) return false;
        if (!query_find_copy(&x, &chunk, a)) put_scores(&x.sources[x.count - 1], &c[i]);
    }
    *out = x.sources;
    *count = x.count;
    return query_find_files(q, &x, a, err);
}
