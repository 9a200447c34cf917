/* A question becomes a MATCH expression, and chunks come back ranked.
 *
 * The question is cut into tokens once for each language that the library's documents have: their
 * stems differ, and which language a question is in is a guess that nobody has to make. Each token
 * is a quoted string in the expression, joined by OR, so that nothing of the question is ever read
 * as a query operator. Words that no chunk has cost nothing; of a very long question the rarest
 * words are kept, which decide its rank anyway.
 */
#include "index/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* More than four pages of text are no question; what stands behind is not looked at. */
#define QUESTION_MAX_BYTES 8192
/* Terms searched at once: a long question has twenty; ranking takes time for each. */
#define TERMS_MAX 48
/* Words that stand next to each other in the question count again where they do so in a chunk:
 * this much of what both are worth. nDCG@10 with and without: SQuAD paragraphs 0.870 and 0.866,
 * NFCorpus dev 0.295 and 0.297. */
#define NEIGHBOURS_WEIGHT 0.2
#define NEIGHBOURS_MAX 24
/* Languages of a library whose stemmers a question goes through, the most frequent first. */
#define LANGUAGES_MAX 8
/* Words of more than this share of the chunks are left out where a rarer one is there: they rank
 * next to nothing and visit nearly every row. Only in libraries where that costs something. */
#define COMMON_SHARE 0.4
#define COMMON_FROM_CHUNKS 5000

typedef struct {
    str stem;
    uint32_t begin, end; /* bytes of the question */
    bool stop, prefix;
    uint64_t chunks; /* that have it */
    double weight;
} term;

typedef struct {
    term *terms;
    size_t count, capacity;
    arena *a;
} term_list;

/* ---- terms of the question ------------------------------------------------------------------ */

static int compare_stem(const void *a, const void *b) {
    const term *x = a, *y = b;
    size_t n = x->stem.n < y->stem.n ? x->stem.n : y->stem.n;
    int order = n == 0 ? 0 : memcmp(x->stem.p, y->stem.p, n);
    if (order != 0) return order;
    return x->stem.n < y->stem.n ? -1 : x->stem.n > y->stem.n;
}

static int compare_rare(const void *a, const void *b) {
    const term *x = a, *y = b;
    if (x->chunks != y->chunks) return x->chunks < y->chunks ? -1 : 1;
    return compare_stem(a, b);
}

/* One character of a script without spaces, alone: stored in pairs, so it asks for a prefix. */
static bool asks_prefix(str stem) {
    size_t used;
    return stem.n > 0 && words_unspaced(utf8_next(stem.p, stem.n, &used)) && used == stem.n;
}

static void add_terms(term_list *list, str question, str language) {
    index_word *words;
    size_t count;
    index_words(question, language, list->a, &words, &count);
    for (size_t i = 0; i < count; i++) {
        if (list->count == list->capacity) {
            list->capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
            list->terms = mem_grow(list->terms, list->capacity, sizeof(term));
        }
        list->terms[list->count++] = (term){words[i].stem,
                                            words[i].begin,
                                            words[i].end,
                                            words[i].stop,
                                            asks_prefix(words[i].stem),
                                            0,
                                            0};
    }
}

/* What is a function word in one language of the library is one in all ("the" in a German library
 * would else be a rare word), and two languages may give the same stem. */
static void drop_doubles(term_list *list) {
    uint32_t stop_ends[QUESTION_MAX_BYTES] = {0}; /* by first byte; 0: no stop word begins there */
    size_t to = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->terms[i].stop) stop_ends[list->terms[i].begin] = list->terms[i].end;
    }
    for (size_t i = 0; i < list->count; i++)
        list->terms[i].stop = stop_ends[list->terms[i].begin] == list->terms[i].end;
    if (list->count > 1) qsort(list->terms, list->count, sizeof(term), compare_stem);
    for (size_t i = 0; i < list->count; i++) {
        if (to > 0 && str_eq(list->terms[to - 1].stem, list->terms[i].stem))
            list->terms[to - 1].stop = list->terms[to - 1].stop && list->terms[i].stop;
        else
            list->terms[to++] = list->terms[i];
    }
    list->count = to;
}

static bool question_terms(index_library *l, str question, term_list *list, error *err) {
    char codes[LANGUAGES_MAX][WORDS_CODE_BYTES];
    size_t languages = 0;
    int code = SQLITE_DONE;
    sqlite3_stmt *s = store_prepare(
        l, "SELECT language FROM document GROUP BY language ORDER BY count(*) DESC, language", err);
    if (s == NULL) return false;
    while (languages < LANGUAGES_MAX && (code = sqlite3_step(s)) == SQLITE_ROW) {
        bool seen = false;
        words_code(store_column(s, 0, list->a), codes[languages]);
        for (size_t i = 0; i < languages; i++)
            seen = seen || strcmp(codes[i], codes[languages]) == 0;
        languages += !seen;
    }
    bool ok = code == SQLITE_ROW || code == SQLITE_DONE || store_fail(l, err);
    store_done(s);
    for (size_t i = 0; i < languages && ok; i++) add_terms(list, question, str_of(codes[i]));
    drop_doubles(list);
    return ok;
}

/* ---- how often they stand in the library ---------------------------------------------------- */

static bool count_prefix(index_library *l, str stem, uint64_t *chunks, error *err) {
    text match = {0};
    sqlite3_stmt *s = store_prepare(l, "SELECT count(*) FROM words WHERE words MATCH ?1", err);
    if (s == NULL) return false;
    text_printf(&match, "\"" STR_FMT "\" *", STR_ARG(stem));
    store_bind(s, 1, text_str(&match));
    bool ok = sqlite3_step(s) == SQLITE_ROW || store_fail(l, err);
    if (ok) *chunks = (uint64_t)sqlite3_column_int64(s, 0);
    store_done(s);
    uint64_t withheld = 0;
    ok = ok && withheld_matches(l, text_str(&match), &withheld, err);
    *chunks = *chunks > withheld ? *chunks - withheld : 0;
    text_free(&match);
    return ok;
}

bool index_word_frequency(index_library *l, str stem, uint64_t *chunks, error *err) {
    *chunks = 0;
    if (stem.n == 0 || stem.n > WORDS_TOKEN_MAX_BYTES) return true;
    sqlite3_stmt *s = store_prepare(l, "SELECT doc FROM vocabulary WHERE term = ?1", err);
    if (s == NULL) return false;
    store_bind(s, 1, stem);
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW) *chunks = (uint64_t)sqlite3_column_int64(s, 0);
    bool ok = code == SQLITE_ROW || code == SQLITE_DONE || store_fail(l, err);
    store_done(s);
    if (!ok || *chunks == 0 || l->withheld_count == 0) return ok;
    text match = {0};
    uint64_t withheld;
    text_printf(&match, "\"" STR_FMT "\"", STR_ARG(stem));
    ok = withheld_matches(l, text_str(&match), &withheld, err);
    text_free(&match);
    if (ok) *chunks = *chunks > withheld ? *chunks - withheld : 0;
    return ok;
}

/* Counts them, and keeps those that stand somewhere. */
static bool count_terms(index_library *l, term_list *list, error *err) {
    size_t to = 0;
    for (size_t i = 0; i < list->count; i++) {
        term *t = &list->terms[i];
        bool ok = t->prefix ? count_prefix(l, t->stem, &t->chunks, err)
                            : index_word_frequency(l, t->stem, &t->chunks, err);
        if (!ok) return false;
        if (t->chunks > 0) list->terms[to++] = *t;
    }
    list->count = to;
    return true;
}

/* Stop words go unless there is nothing else; then the commonest, if it pays; then the cap. */
static void choose_terms(term_list *list, uint64_t chunks) {
    size_t to = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (!list->terms[i].stop) list->terms[to++] = list->terms[i];
    }
    if (to > 0) list->count = to;
    if (list->count > 1) qsort(list->terms, list->count, sizeof(term), compare_rare);
    if (list->count > TERMS_MAX) list->count = TERMS_MAX;
    while (chunks >= COMMON_FROM_CHUNKS && list->count > 1 &&
           (double)list->terms[list->count - 1].chunks > COMMON_SHARE * (double)chunks)
        list->count--;
    for (size_t i = 0; i < list->count; i++) {
        double has = (double)list->terms[i].chunks, all = (double)chunks;
        list->terms[i].weight = log(1.0 + (all > has ? all - has + 0.5 : 0.5) / (has + 0.5));
    }
}

static void put_phrase(text *match, const term *a, const term *b) {
    text_printf(match, "%s\"" STR_FMT "\"", match->n > 0 ? " OR " : "", STR_ARG(a->stem));
    if (b != NULL)
        text_printf(match, " + \"" STR_FMT "\"", STR_ARG(b->stem));
    else if (a->prefix)
        text_put(match, STR(" *"));
}

/* The MATCH expression, and the weight of each of its phrases; returns how many. */
static size_t put_match(const term_list *list, text *match,
                        double weights[TERMS_MAX + NEIGHBOURS_MAX]) {
    size_t phrases = list->count;
    for (size_t i = 0; i < list->count; i++) {
        put_phrase(match, &list->terms[i], NULL);
        weights[i] = list->terms[i].weight;
    }
    for (size_t i = 0; i < list->count; i++) {
        for (size_t k = 0; k < list->count && phrases < TERMS_MAX + NEIGHBOURS_MAX; k++) {
            const term *a = &list->terms[i], *b = &list->terms[k];
            if (b->begin != a->end + 1 || a->prefix || b->prefix)
                continue; /* more than one space or hyphen between them */
            put_phrase(match, a, b);
            weights[phrases++] = NEIGHBOURS_WEIGHT * (a->weight + b->weight);
        }
    }
    return phrases;
}

/* ---- the search ----------------------------------------------------------------------------- */

static bool run_match(index_library *l, const term_list *list, size_t limit, index_hit **out,
                      size_t *count, error *err) {
    text match = {0};
    double weights[TERMS_MAX + NEIGHBOURS_MAX];
    index_hit *hits = NULL;
    size_t n = 0, capacity = 0;
    int code;
    sqlite3_stmt *s = store_prepare(
        l,
        "SELECT rowid, carrel_rank(words, ?2) AS score FROM words WHERE words MATCH ?1"
        " ORDER BY score DESC, rowid LIMIT ?3",
        err);
    if (s == NULL) return false;
    fts_rank rank = {weights, put_match(list, &match, weights)};
    store_bind(s, 1, text_str(&match));
    sqlite3_bind_pointer(s, 2, &rank, FTS_RANK_POINTER, NULL);
    /* Those that are withheld are passed over below, and take nobody's place. */
    uint64_t most = limit < INT32_MAX ? limit + l->withheld_chunks : INT64_MAX;
    sqlite3_bind_int64(s, 3, (int64_t)most);
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        if (n == limit) {
            code = SQLITE_DONE;
            break;
        }
        if (withheld_has(l, sqlite3_column_int64(s, 0))) continue;
        if (n == capacity) {
            capacity = capacity == 0 ? 64 : 2 * capacity;
            hits = mem_grow(hits, capacity, sizeof(*hits));
        }
        hits[n++] = (index_hit){sqlite3_column_int64(s, 0), sqlite3_column_double(s, 1)};
    }
    bool ok = code == SQLITE_DONE || store_fail(l, err);
    if (ok && n > 0) {
        *out = arena_alloc(list->a, n, sizeof(*hits));
        memcpy(*out, hits, n * sizeof(*hits));
        *count = n;
    }
    store_done(s);
    text_free(&match);
    mem_free(hits);
    return ok;
}

bool index_search_words(index_library *l, str question, size_t limit, arena *a, index_hit **out,
                        size_t *count, error *err) {
    term_list list = {.a = a};
    int64_t chunks;
    *out = NULL;
    *count = 0;
    if (question.n > QUESTION_MAX_BYTES)
        question = str_cut(question, 0, utf8_floor(question, QUESTION_MAX_BYTES));
    bool ok = question_terms(l, question, &list, err) && count_terms(l, &list, err) &&
              store_integer(l, "SELECT total(chunks) FROM document", 0, &chunks, err);
    if (ok && list.count > 0 && limit > 0) {
        chunks -= (int64_t)l->withheld_chunks;
        choose_terms(&list, (uint64_t)(chunks > 0 ? chunks : 0));
        ok = run_match(l, &list, limit, out, count, err);
    }
    mem_free(list.terms);
    return ok;
}
