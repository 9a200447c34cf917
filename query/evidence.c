/* Weighs every sentence of the passages. Words that the question and the sentence share, each by
 * its rarity, and the two vectors' cosine say whether it is about the same thing; the reader says
 * whether it answers. A logistic model adds them up, and a second one over the best sentence's
 * features says how sure the whole answer is. Their weights were fitted on held-out training data
 * (models/train/README.md, "Confidence"), never on the evaluation sets.
 */
#include "query/calibration.h"
#include "query/list.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SPANS_FOR_EACH_PASSAGE 24 /* enough that each sentence of a chunk can have one */
#define READER_LOWEST -12.0       /* a passage without any span, and the clip for bad ones */
#define READER_HIGHEST 12.0
#define MOST_QUESTION_WORDS 64 /* a longer question is a paragraph; its first words say enough */
#define LONGEST_HEADING 70     /* bytes; longer lines are sentences that lost their stop */
#define CJK_STOP 0x3002
#define FRESH_ENOUGH 6.0   /* content words: a short sentence */
#define LONG_QUESTION 10.0 /* content words */
#define WIDEST_MARGIN 8.0  /* beyond it the next candidate no longer matters */
/* What of the question's words, by weight, the heading of a list must have itself. */
#define LIST_ANNOUNCED 0.5
#define MOST_WORDS 2.0 /* BM25 gives a word hardly more than twice its weight */

const double query_refusal_threshold = CALIBRATED_THRESHOLD;

/* Of ten such answers at least nine, two of three, four of ten are right. */
const char *query_confidence_words(double confidence) {
    return confidence >= 0.9    ? "very likely"
           : confidence >= 0.66 ? "likely"
           : confidence >= 0.4  ? "possible"
                                : "doubtful";
}

/* ---- the question ------------------------------------------------------------------------- */

typedef struct {
    str stem;
    double weight;
} asked_word;

/* The question's content words, stemmed as the documents of one language are. */
typedef struct asked_words asked_words;
struct asked_words {
    asked_words *next;
    str language;
    asked_word words[MOST_QUESTION_WORDS];
    size_t count;
    double weight_sum;
    double idf_sum;
    double unknown; /* share of weight_sum */
};

typedef struct {
    const query_context *q;
    str question;
    uint64_t chunks; /* of the library */
    asked_words *in; /* each language that a passage had so far */
    float *vector;
    arena *a;
} asked_question;

static bool ask(const query_context *q, str question, arena *a, asked_question *out, error *err) {
    index_status status;
    if (!index_get_status(q->library, &status, err)) return false;
    *out = (asked_question){q, question, status.chunks, NULL, NULL, a};
    out->vector = arena_alloc(a, embed_width(q->embedder), sizeof *out->vector);
    embed_text(q->embedder, question, out->vector);
    return true;
}

/* A word weighs by its rarity in the library and in the language: in a library of ten documents the
 * first alone takes every paraphrase ("heavy", where the page says "weighs") for a rare name. */
static bool add_word(asked_question *asked, asked_words *to, const index_word *w, error *err) {
    for (size_t k = 0; k < to->count; k++)
        if (str_eq(to->words[k].stem, w->stem)) return true;
    uint64_t chunks;
    if (!index_word_frequency(asked->q->library, w->stem, &chunks, err)) return false;
    double idf = log(1 + (double)asked->chunks / ((double)chunks + 1));
    double rarity =
        embed_word_weight(asked->q->embedder, str_cut(asked->question, w->begin, w->end));
    double weight = idf * rarity * rarity;
    to->words[to->count++] = (asked_word){w->stem, weight};
    to->weight_sum += weight;
    to->idf_sum += idf;
    if (chunks == 0) to->unknown += weight;
    return true;
}

static bool asked_in(asked_question *asked, str language, const asked_words **out, error *err) {
    for (asked_words *w = asked->in; w; w = w->next)
        if (str_eq(w->language, language)) {
            *out = w;
            return true;
        }
    asked_words *w = arena_alloc(asked->a, 1, sizeof *w);
    w->language = language;
    index_word *words;
    size_t n;
    index_words(asked->question, language, asked->a, &words, &n);
    for (size_t i = 0; i < n && w->count < MOST_QUESTION_WORDS; i++)
        if (!words[i].stop && !add_word(asked, w, &words[i], err)) return false;
    w->unknown = w->weight_sum > 0 ? w->unknown / w->weight_sum : 0;
    w->next = asked->in;
    asked->in = w;
    *out = w;
    return true;
}

/* What is unknown in every language that came up. */
static double unknown_share(const asked_question *asked) {
    double least = 1;
    for (const asked_words *w = asked->in; w; w = w->next) least = fmin(least, w->unknown);
    return least;
}

/* What some words have in common with the question. */
typedef struct {
    uint64_t seen; /* bit i: the question's word i */
    size_t fresh;  /* content words that the question does not have */
} overlap;

static_assert(MOST_QUESTION_WORDS <= 64, "one bit for each word of the question");

static overlap compare(const asked_words *asked, const index_word *words, size_t n, uint32_t begin,
                       uint32_t end) {
    overlap o = {0, 0};
    for (size_t i = 0; i < n; i++) {
        if (words[i].stop || words[i].begin < begin || words[i].end > end) continue;
        uint64_t hit = 0;
        for (size_t k = 0; k < asked->count; k++)
            if (str_eq(asked->words[k].stem, words[i].stem)) hit |= 1ull << k;
        o.seen |= hit;
        o.fresh += hit == 0;
    }
    return o;
}

static double weight_share(const asked_words *asked, uint64_t seen) {
    double sum = 0;
    for (size_t k = 0; k < asked->count; k++)
        if (seen >> k & 1) sum += asked->words[k].weight;
    return asked->weight_sum > 0 ? sum / asked->weight_sum : 0;
}

static uint64_t words_of(const asked_words *asked, str s, arena *a) {
    index_word *words;
    size_t n;
    index_words(s, asked->language, a, &words, &n);
    return compare(asked, words, n, 0, (uint32_t)s.n).seen;
}

/* ---- the sentences ------------------------------------------------------------------------ */

typedef struct {
    query_candidate *items;
    size_t count, capacity;
} candidate_list;

static query_candidate *append(candidate_list *l, arena *a) {
    if (l->count == l->capacity) {
        size_t capacity = l->capacity > 0 ? 2 * l->capacity : 64;
        query_candidate *grown = arena_alloc(a, capacity, sizeof *grown);
        if (l->count > 0) memcpy(grown, l->items, l->count * sizeof *grown);
        l->items = grown;
        l->capacity = capacity;
    }
    return &l->items[l->count++];
}

static bool same_text(const query_candidate *a, const query_candidate *b) {
    return str_eq(str_cut(a->passage->source.chunk.text, a->begin, a->end),
                  str_cut(b->passage->source.chunk.text, b->begin, b->end));
}

#define NAMED_COLUMNS 3 /* of two cells the second may be an answer: "Founded | 1884" */

/* A blank line stands behind the row that heads a table (ingest/chunk.h). */
static bool is_table_head(str all, size_t begin, size_t end) {
    size_t cells = row_cells(str_cut(all, begin, end));
    if (cells < 2 || end + 1 >= all.n || all.p[end] != '\n' || all.p[end + 1] != '\n') return false;
    for (size_t i = begin; i < end && cells < NAMED_COLUMNS; i++)
        if (isdigit((unsigned char)all.p[i]) || all.p[i] == ':') return false;
    return true;
}

/* A line that announces what follows answers nothing itself: a question (as in a FAQ), the words
 * before a list ("The signs are:"), a table's head, or a short line of words without a stop, a cell
 * mark, a colon or a figure behind its own number. */
static bool is_heading(str all, size_t begin, size_t end) {
    str s = str_cut(all, begin, end);
    if (str_ends(s, STR("?")) || str_ends(s, STR("\xEF\xBC\x9F")) || str_ends(s, STR(":")))
        return true;
    bool own_line = (begin == 0 || all.p[begin - 1] == '\n') && end < all.n && all.p[end] == '\n';
    if (own_line && is_table_head(all, begin, end)) return true;
    if (!own_line || s.n > LONGEST_HEADING) return false;
    size_t at = 0;
    while (at < s.n && (isdigit((unsigned char)s.p[at]) || s.p[at] == '.')) at++;
    for (; at < s.n; at++)
        if (strchr("0123456789|:;.!-*", s.p[at])) return false;
    size_t last = utf8_floor(s, s.n - 1), used;
    return utf8_next(s.p + last, s.n - last, &used) != CJK_STOP;
}

static void cut_sentences(const query_passage *p, uint32_t skip, candidate_list *l, arena *a) {
    str text_ = p->source.chunk.text;
    size_t pos = skip, begin, end;
    while (sentence_next(text_, &pos, &begin, &end)) {
        query_candidate *c = append(l, a);
        *c = (query_candidate){.passage = p, .begin = (uint32_t)begin, .end = (uint32_t)end};
        c->heading = is_heading(text_, begin, end);
    }
}

static void compare_words(const asked_words *asked, const query_passage *p, query_candidate *c,
                          size_t n, arena *a) {
    const index_chunk *chunk = &p->source.chunk;
    index_word *words;
    size_t words_n;
    index_words(chunk->text, chunk->language, a, &words, &words_n);
    uint64_t above = words_of(asked, chunk->heading, a) | words_of(asked, chunk->title, a);
    overlap *with = arena_alloc(a, n + 2, sizeof *with);
    for (size_t i = 0; i < n; i++)
        with[i + 1] = compare(asked, words, words_n, c[i].begin, c[i].end);
    uint64_t announced = 0; /* by the last heading line inside the passage */
    for (size_t i = 0; i < n; i++) {
        if (c[i].heading) announced = with[i + 1].seen;
        uint64_t around = with[i].seen | with[i + 1].seen | with[i + 2].seen | above | announced;
        /* "- Diarrhoea" says nothing that the question did not say. */
        if (with[i + 1].fresh == 0) c[i].heading = true;
        c[i].features[EVIDENCE_COVERAGE] = weight_share(asked, with[i + 1].seen);
        c[i].features[EVIDENCE_CONTEXT] = weight_share(asked, around);
        c[i].features[EVIDENCE_FRESH] = fmin((double)with[i + 1].fresh / FRESH_ENOUGH, 1);
    }
}

static void compare_vectors(const query_context *q, const asked_question *asked,
                            const query_passage *p, query_candidate *c, size_t n, arena *a) {
    size_t width = embed_width(q->embedder);
    float *vector = arena_alloc(a, width, sizeof *vector);
    for (size_t i = 0; i < n; i++) {
        embed_text(q->embedder, str_cut(p->source.chunk.text, c[i].begin, c[i].end), vector);
        c[i].features[EVIDENCE_COSINE] = embed_cosine(asked->vector, vector, width);
    }
}

static double clip(double score) {
    return fmin(fmax(score, READER_LOWEST), READER_HIGHEST);
}

static bool read_passage(const query_context *q, str question, const query_passage *p,
                         query_candidate *c, size_t n, arena *a, error *err) {
    embed_reading r = {0};
    for (size_t i = 0; i < n; i++)
        c[i].features[EVIDENCE_READER] = c[i].features[EVIDENCE_SENTENCE] = READER_LOWEST;
    if (!q->reader) return true;
    if (!embed_read(q->reader, q->threads, question, p->source.chunk.text, SPANS_FOR_EACH_PASSAGE,
                    a, &r, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        for (size_t s = 0; s < r.span_count && !c[i].has_span; s++) {
            if (r.spans[s].begin < c[i].begin || r.spans[s].begin >= c[i].end) continue;
            c[i].has_span = true;
            c[i].span = r.spans[s];
            if (c[i].span.end > c[i].end) c[i].span.end = c[i].end;
            c[i].features[EVIDENCE_READER] = clip((double)r.spans[s].score);
        }
        for (size_t s = 0; s < r.sentence_count; s++)
            if (r.sentences[s].begin >= c[i].begin && r.sentences[s].begin < c[i].end)
                c[i].features[EVIDENCE_SENTENCE] = clip((double)r.sentences[s].score);
    }
    return true;
}

/* ---- adding up ---------------------------------------------------------------------------- */

static int by_score(const void *a, const void *b) {
    const query_candidate *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    int64_t p = x->passage->source.chunk.id, r = y->passage->source.chunk.id;
    if (p != r) return p < r ? -1 : 1;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static void drop_headings(query_evidence *e) {
    size_t kept = 0;
    for (size_t i = 0; i < e->count; i++)
        if (!e->candidates[i].heading) e->candidates[kept++] = e->candidates[i];
    e->count = kept;
}

static void drop_repeated(query_evidence *e) {
    size_t kept = 0;
    for (size_t i = 0; i < e->count; i++) {
        bool seen = false;
        for (size_t k = 0; k < kept && !seen; k++)
            seen = same_text(&e->candidates[k], &e->candidates[i]);
        if (!seen) e->candidates[kept++] = e->candidates[i];
    }
    e->count = kept;
}

static str span_text(const query_candidate *c) {
    return c->has_span ? str_cut(c->passage->source.chunk.text, c->span.begin, c->span.end)
                       : (str){0};
}

/* The same answer found elsewhere (a second copy of the document, another year's minutes) does not
 * make the first less likely. */
static double share_of_first(const query_evidence *e) {
    double sum = 0;
    str first = e->count > 0 ? span_text(&e->candidates[0]) : (str){0};
    for (size_t i = 0; i < e->count; i++)
        if (i == 0 || first.n == 0 || !str_eq(span_text(&e->candidates[i]), first))
            sum += exp(e->candidates[i].score - e->candidates[0].score);
    return sum > 0 ? 1 / sum : 0;
}

/* A question in a language that the models were not trained on has no known piece: then the words
 * that it shares with the page are all there is to go by. */
static bool is_foreign(const asked_question *asked) {
    size_t width = embed_width(asked->q->embedder);
    return embed_cosine(asked->vector, asked->vector, width) == 0;
}

static double margin(const query_evidence *e) {
    str first = span_text(&e->candidates[0]);
    for (size_t i = 1; i < e->count; i++)
        if (first.n == 0 || !str_eq(span_text(&e->candidates[i]), first))
            return fmin(e->candidates[0].score - e->candidates[i].score, WIDEST_MARGIN);
    return WIDEST_MARGIN;
}

static void gather_facts(const asked_question *asked, query_evidence *e) {
    const query_candidate *first = &e->candidates[0];
    double *f = e->facts, idf_sum = 0;
    size_t words = 0;
    memcpy(f, first->features, sizeof first->features);
    for (const asked_words *w = asked->in; w; w = w->next) {
        if (w->count > words) words = w->count;
        if (w->idf_sum > idf_sum) idf_sum = w->idf_sum;
    }
    f[EVIDENCE_UNKNOWN] = unknown_share(asked);
    f[EVIDENCE_SHARE] = share_of_first(e);
    f[EVIDENCE_MARGIN] = margin(e);
    f[EVIDENCE_BEST_SPAN] = f[EVIDENCE_BEST_SENTENCE] = READER_LOWEST;
    for (size_t i = 0; i < e->count; i++) {
        const query_candidate *c = &e->candidates[i];
        f[EVIDENCE_BEST_SPAN] = fmax(f[EVIDENCE_BEST_SPAN], c->features[EVIDENCE_READER]);
        f[EVIDENCE_BEST_SENTENCE] = fmax(f[EVIDENCE_BEST_SENTENCE], c->features[EVIDENCE_SENTENCE]);
        f[EVIDENCE_NEAREST] = fmax(f[EVIDENCE_NEAREST], c->passage->source.cosine);
    }
    f[EVIDENCE_WORDS] = idf_sum > 0 ? fmin(first->passage->source.words / idf_sum, MOST_WORDS) : 0;
    f[EVIDENCE_LENGTH] = fmin((double)words / LONG_QUESTION, 1);
}

static double confidence(const asked_question *asked, const query_evidence *e) {
    if (is_foreign(asked)) return e->facts[EVIDENCE_CONTEXT];
    double odds = answer_bias;
    for (int f = 0; f < EVIDENCE_FACTS; f++) odds += answer_weights[f] * e->facts[f];
    return 1 / (1 + exp(-odds));
}

/* ---- lists -------------------------------------------------------------------------------- */

/* Does the question ask for what this heading announces? All that it asks of must stand there or in
 * the headings above: "vaccines given at six weeks" is no answer about those at ten. */
static bool is_asked_for(const asked_question *asked, const asked_words *words,
                         const query_passage *p, str heading) {
    const index_chunk *c = &p->source.chunk;
    if (!query_list_may_answer(asked->question, heading, asked->a)) return false;
    uint64_t own = words_of(words, heading, asked->a);
    uint64_t all =
        own | words_of(words, c->heading, asked->a) | words_of(words, c->title, asked->a);
    for (size_t i = 0; i < words->count; i++)
        if (!(all >> i & 1) && !query_list_is_asking(words->words[i].stem)) return false;
    return weight_share(words, own) >= LIST_ANNOUNCED;
}

/* The items of such a list are one candidate, in the place of the first of them. */
static void join_list(asked_question *asked, const asked_words *words, const query_list *l,
                      query_candidate *c, size_t n) {
    query_candidate *all = NULL;
    for (size_t i = 0; i < n; i++) {
        if (c[i].begin < l->items || c[i].begin >= l->end) continue;
        if (!all) {
            all = &c[i];
            continue;
        }
        c[i].heading = true;
        for (int f = 0; f < EVIDENCE_FEATURES; f++)
            all->features[f] = fmax(all->features[f], c[i].features[f]);
    }
    if (!all) return;
    size_t width = embed_width(asked->q->embedder);
    float *vector = arena_alloc(asked->a, width, sizeof *vector);
    embed_text(asked->q->embedder, l->heading, vector);
    double cosine = embed_cosine(asked->vector, vector, width);
    double own = weight_share(words, words_of(words, l->heading, asked->a));
    double *f = all->features;
    all->heading = all->has_span = false;
    all->begin = l->begin;
    all->end = l->end;
    f[EVIDENCE_COSINE] = fmax(f[EVIDENCE_COSINE], cosine);
    f[EVIDENCE_COVERAGE] = fmax(f[EVIDENCE_COVERAGE], own);
    f[EVIDENCE_CONTEXT] = fmax(f[EVIDENCE_CONTEXT], own);
    f[EVIDENCE_FRESH] = 1;
    /* The reader looks for one span, and says little of many: it speaks neither way. */
    f[EVIDENCE_READER] = fmax(f[EVIDENCE_READER], 0);
    f[EVIDENCE_SENTENCE] = fmax(f[EVIDENCE_SENTENCE], 0);
}

static void join_lists(asked_question *asked, const asked_words *words, const query_passage *p,
                       query_candidate *c, size_t n) {
    query_list l;
    for (size_t pos = 0; query_list_next(&p->source.chunk, &pos, &l);)
        if (is_asked_for(asked, words, p, l.heading)) join_list(asked, words, &l, c, n);
}

static bool weigh_passage(asked_question *asked, const query_passage *p, query_candidate *c,
                          size_t n, error *err) {
    const asked_words *words;
    if (!asked_in(asked, p->source.chunk.language, &words, err)) return false;
    compare_words(words, p, c, n, asked->a);
    compare_vectors(asked->q, asked, p, c, n, asked->a);
    if (!read_passage(asked->q, asked->question, p, c, n, asked->a, err)) return false;
    join_lists(asked, words, p, c, n);
    for (size_t i = 0; i < n; i++) {
        c[i].features[EVIDENCE_RANK] = p->source.fused;
        c[i].score = 0;
        for (int f = 0; f < EVIDENCE_FEATURES; f++)
            c[i].score += sentence_weights[f] * c[i].features[f];
    }
    return true;
}

bool query_weigh(const query_context *q, str question, const query_passage *passages, size_t count,
                 arena *a, query_evidence *out, error *err) {
    asked_question asked;
    if (!ask(q, question, a, &asked, err)) return false;
    candidate_list list = {0};
    for (size_t p = 0; p < count; p++) {
        size_t first = list.count;
        cut_sentences(&passages[p], query_repeated_bytes(passages, count, p), &list, a);
        if (list.count > first &&
            !weigh_passage(&asked, &passages[p], list.items + first, list.count - first, err))
            return false;
    }
    *out = (query_evidence){.candidates = list.items, .count = list.count};
    drop_headings(out);
    if (out->count > 0) qsort(out->candidates, out->count, sizeof *out->candidates, by_score);
    drop_repeated(out);
    if (out->count == 0) return true;
    gather_facts(&asked, out);
    out->confidence = confidence(&asked, out);
    return true;
}
