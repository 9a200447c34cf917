/* SQLite's side of the words: the FTS5 tokenizer `carrel` and the ranking function `carrel_rank`.
 *
 * A document text comes with its language in front of it (see schema.c) and goes through
 * words_scan. A question comes as tokens that index_words made already, one for each quoted string
 * of the MATCH, and is passed on as it stands: stemming a stem again would change it.
 *
 * Ranking is BM25F: the frequencies of a word in title and headings and in the body are normalised
 * each by its own length, weighted and added, and saturate together (Robertson, Zaragoza: "The
 * Probabilistic Relevance Framework: BM25 and Beyond", 2009). FTS5's own bm25() gives words that
 * stand in more than half of the rows no weight at all, which in a library of five pages is every
 * other word.
 */
#include "index/internal.h"

#include <string.h>

#define COLUMNS 2
#define MARK_LANGUAGE '\x01'
#define MARK_TEXT '\x02'
#define LANGUAGE_MAX_BYTES 64 /* of the prefix; codes have two to ten */

/* Chosen on the development set of NFCorpus and on SQuAD paragraphs; `make eval` measures them. */
#define BM25_K1 1.2
#define BM25_B_HEAD 0.5
#define BM25_B_BODY 0.75
#define WEIGHT_HEAD 2.5
#define WEIGHT_BODY 1.0

/* ---- tokenizer ------------------------------------------------------------------------------ */

typedef struct {
    void *context;
    int (*token)(void *, int, const char *, int, int, int);
    uint32_t offset; /* of the text behind its language */
    int code;
} sink;

static bool give_token(void *context, str token, uint32_t begin, uint32_t end, bool together,
                       bool stop) {
    sink *s = context;
    (void)stop;
    s->code = s->token(s->context, together ? FTS5_TOKEN_COLOCATED : 0, token.p, (int)token.n,
                       (int)(begin + s->offset), (int)(end + s->offset));
    return s->code == SQLITE_OK;
}

static int tokenizer_create(void *context, const char **arguments, int count, Fts5Tokenizer **out) {
    (void)arguments;
    if (count > 0) return SQLITE_ERROR; /* it has no options */
    *out = context;                     /* no state; anything but NULL */
    return SQLITE_OK;
}

static void tokenizer_delete(Fts5Tokenizer *tokenizer) {
    (void)tokenizer;
}

static int tokenize(Fts5Tokenizer *tokenizer, void *context, int flags, const char *p, int n,
                    int (*token)(void *, int, const char *, int, int, int)) {
    (void)tokenizer;
    if (n <= 0 || p == NULL) return SQLITE_OK;
    if (flags & FTS5_TOKENIZE_QUERY) return token(context, 0, p, n, 0, n);
    str s = {p, (size_t)n}, language = {0};
    sink to = {context, token, 0, SQLITE_OK};
    if (s.p[0] == MARK_LANGUAGE) {
        const char *end = memchr(p, MARK_TEXT, s.n < LANGUAGE_MAX_BYTES ? s.n : LANGUAGE_MAX_BYTES);
        if (end != NULL) {
            language = str_cut(s, 1, (size_t)(end - p));
            to.offset = (uint32_t)(end + 1 - p);
        }
    }
    words_scan(str_cut(s, to.offset, s.n), language, true, give_token, &to);
    return to.code;
}

/* ---- ranking -------------------------------------------------------------------------------- */

/* Average lengths of the columns; constant during a query. */
static int average_lengths(const Fts5ExtensionApi *api, Fts5Context *fts, double **out) {
    double *average = api->xGetAuxdata(fts, 0);
    if (average == NULL) {
        sqlite3_int64 rows, tokens;
        int code = api->xRowCount(fts, &rows);
        average = sqlite3_malloc(COLUMNS * (int)sizeof(double));
        if (average == NULL) return SQLITE_NOMEM;
        for (int i = 0; i < COLUMNS && code == SQLITE_OK; i++) {
            code = api->xColumnTotalSize(fts, i, &tokens);
            average[i] = rows > 0 && tokens > 0 ? (double)tokens / (double)rows : 1.0;
        }
        if (code == SQLITE_OK)
            code = api->xSetAuxdata(fts, average, sqlite3_free);
        else
            sqlite3_free(average);
        if (code != SQLITE_OK) return code;
    }
    *out = average;
    return SQLITE_OK;
}

/* What one occurrence in each column counts in this row. */
static int occurrence_weights(const Fts5ExtensionApi *api, Fts5Context *fts,
                              double weight[COLUMNS]) {
    static const double field[COLUMNS] = {WEIGHT_HEAD, WEIGHT_BODY};
    static const double b[COLUMNS] = {BM25_B_HEAD, BM25_B_BODY};
    double *average;
    int code = average_lengths(api, fts, &average);
    for (int i = 0; i < COLUMNS && code == SQLITE_OK; i++) {
        int tokens;
        code = api->xColumnSize(fts, i, &tokens);
        weight[i] = field[i] / (1.0 - b[i] + b[i] * tokens / average[i]);
    }
    return code;
}

static int row_score(const Fts5ExtensionApi *api, Fts5Context *fts, const fts_rank *rank,
                     double *out) {
    double weight[COLUMNS], score = 0;
    int phrases = api->xPhraseCount(fts);
    int code = occurrence_weights(api, fts, weight);
    for (int i = 0; i < phrases && (size_t)i < rank->count && code == SQLITE_OK; i++) {
        double frequency = 0;
        Fts5PhraseIter at;
        int column, offset;
        code = api->xPhraseFirst(fts, i, &at, &column, &offset);
        if (code != SQLITE_OK) break;
        for (; column >= 0; api->xPhraseNext(fts, &at, &column, &offset)) {
            if (column < COLUMNS) frequency += weight[column];
        }
        score += rank->weights[i] * frequency * (BM25_K1 + 1.0) / (frequency + BM25_K1);
    }
    *out = score;
    return code;
}

static void rank_function(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *result,
                          int count, sqlite3_value **values) {
    const fts_rank *rank = count == 1 ? sqlite3_value_pointer(values[0], FTS_RANK_POINTER) : NULL;
    double score = 0;
    if (rank == NULL) {
        sqlite3_result_error(result, "carrel_rank is called with its weights only", -1);
        return;
    }
    int code = row_score(api, fts, rank, &score);
    if (code == SQLITE_OK)
        sqlite3_result_double(result, score);
    else
        sqlite3_result_error_code(result, code);
}

/* ---- registration --------------------------------------------------------------------------- */

bool fts_register(index_library *l, error *err) {
    static fts5_tokenizer tokenizer = {tokenizer_create, tokenizer_delete, tokenize};
    static char no_state;
    fts5_api *api = NULL;
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(l->db, "SELECT fts5(?1)", -1, &s, NULL);
    if (code == SQLITE_OK) code = sqlite3_bind_pointer(s, 1, &api, "fts5_api_ptr", NULL);
    if (code == SQLITE_OK) (void)sqlite3_step(s); /* what counts is whether the pointer came */
    sqlite3_finalize(s);
    if (code != SQLITE_OK || api == NULL || api->iVersion < 2)
        return error_set(err, ERROR_LIBRARY,
                         "This SQLite (%s) was built without FTS5; install Debian's libsqlite3-0.",
                         sqlite3_libversion());
    if (api->xCreateTokenizer(api, "carrel", &no_state, &tokenizer, NULL) != SQLITE_OK ||
        api->xCreateFunction(api, "carrel_rank", NULL, rank_function, NULL) != SQLITE_OK)
        return store_fail(l, err);
    return true;
}
