/* sampler: see sampler.h.
 *
 * Passages are runs of whole sentences as retrieval returns them, across paragraphs. Examples that
 * nothing answers are: the data's own; another passage that shares rare words with the question and does
 * not hold the answer; the right passage without the sentence that answers; and the right
 * passage under a question with one word made wrong (an opposite, another name or number, a "not"), as
 * the questions of SQuAD 2.0 were written (Rajpurkar et al., 2018, section 3).
 *
 * Questions about running text are made from sentences near a passage which share a rare span with it:
 * the span is masked, or made a question word, and is the answer (after Ram et al., "Few-Shot Question
 * Answering by Pretraining Span Selection", ACL 2021, and Lewis et al., "Unsupervised Question
 * Answering by Cloze Translation", ACL 2019).
 */
#include "models/train/sampler.h"

#include "models/train/common.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_QUESTION = 48, /* tokens */
    MOST_INPUT = 384,   /* tokens in all */
    MOST_PIECES = 24,   /* runs of sentences in a passage */
    MOST_RIVALS = 8,    /* passages that a distractor is chosen from */
    MASK_TOKEN = 4,
    NEAR_SENTENCES = 8, /* a masked question stands no farther from its passage */
    LONGEST_SPAN = 5    /* words of a masked answer */
};

/* A run of words of one text, whole sentences. */
typedef struct {
    const rows_text *text;
    uint32_t begin, end;
} piece;

typedef struct {
    piece pieces[MOST_PIECES];
    size_t count, tokens;
} passage;

typedef struct {
    uint16_t ids[MOST_QUESTION];
    embed_word words[MOST_QUESTION];
    size_t n, word_n;
} question;

#define RARE 4.0 /* inverse document frequency of a name, not of a common word */

struct sampler {
    const rows_data *d;
    uint64_t random;
    const rows_row **order;
    size_t count, at;
    float *scores; /* [contexts], zero between uses */
    uint32_t *touched;
    rows_text changes[2 * 64], not_word; /* words to put into questions */
    size_t change_n;
    rows_text ask[8];
};

/* ---- chance --------------------------------------------------------------------------------- */

static double chance(sampler *s) {
    return train_chance(&s->random);
}

static uint32_t below(sampler *s, size_t n) {
    return (uint32_t)train_below(&s->random, n);
}

/* ---- words of their own ----------------------------------------------------------------------- */

static const char *const opposites[] = {
    "first",     "last",      "most",      "least",    "largest",   "smallest",  "highest",
    "lowest",    "before",    "after",     "more",     "fewer",     "increase",  "decrease",
    "increased", "decreased", "north",     "south",    "east",      "west",      "northern",
    "southern",  "eastern",   "western",   "oldest",   "youngest",  "best",      "worst",
    "early",     "late",      "earliest",  "latest",   "min",       "max",       "minimum",
    "maximum",   "open",      "closed",    "began",    "ended",     "start",     "end",
    "born",      "died",      "won",       "lost",     "won",       "rejected",  "high",
    "low",       "male",      "female",    "men",      "women",     "public",    "private",
    "internal",  "external",  "positive",  "negative", "include",   "exclude",   "longest",
    "shortest",  "always",    "never",     "above",    "below",     "large",     "small",
    "major",     "minor",     "rich",      "poor",     "created",   "destroyed", "supported",
    "opposed",   "allowed",   "forbidden", "common",   "rare",      "new",       "old",
    "upper",     "lower",     "majority",  "minority", "beginning", "ending",    "founded",
    "dissolved", "strong",    "weak",      "win",      "lose",      "can",       "cannot",
    "good",      "bad",       "summer",    "winter",   "day",       "night",     "left",
    "right",     "past",      "future",    "buy",      "sell",      "cause",     "prevent",
};
static const char *const asking[] = {"what",  "who",   "when", "how many",
                                     "which", "where", "not",  "?"};

static rows_text word_text(const sampler *s, const char *w) {
    arena *a = arena_new();
    engine_token *t;
    embed_word *words;
    size_t n, words_n;
    engine_tokenize(s->d->tokenizer, str_of(w), 0, a, &t, &n);
    embed_mark_words(s->d->tokenizer, &s->d->stop, str_of(w), t, n, false, a, &words, &words_n);
    rows_text out = {.n = (uint32_t)n, .word_n = (uint32_t)words_n};
    out.ids = mem_new(n, sizeof *out.ids);
    out.words = mem_new(words_n, sizeof *out.words);
    for (size_t i = 0; i < n; i++) out.ids[i] = (uint16_t)t[i].id;
    memcpy(out.words, words, words_n * sizeof *words);
    arena_free(a);
    return out;
}

sampler *sampler_new(const rows_data *d, uint64_t seed, size_t part, size_t of, bool held) {
    sampler *s = mem_new(1, sizeof *s);
    s->d = d;
    s->random = train_seed(seed);
    s->order = mem_new(d->row_n, sizeof *s->order);
    for (size_t i = part; i < d->row_n; i += of)
        if (d->rows[i].held == held) s->order[s->count++] = &d->rows[i];
    s->at = s->count;
    s->scores = mem_new(d->context_n, sizeof *s->scores);
    s->touched = mem_new(d->context_n, sizeof *s->touched);
    for (size_t i = 0; i < sizeof opposites / sizeof *opposites; i++)
        s->changes[s->change_n++] = word_text(s, opposites[i]);
    for (size_t i = 0; i < 8; i++) s->ask[i] = word_text(s, asking[i]);
    s->not_word = s->ask[6];
    return s;
}

void sampler_free(sampler *s) {
    for (size_t i = 0; i < s->change_n; i++) {
        mem_free(s->changes[i].ids);
        mem_free(s->changes[i].words);
    }
    for (size_t i = 0; i < 8; i++) {
        mem_free(s->ask[i].ids);
        mem_free(s->ask[i].words);
    }
    mem_free(s->order);
    mem_free(s->scores);
    mem_free(s->touched);
    mem_free(s);
}

/* ---- passages ------------------------------------------------------------------------------- */

static uint32_t tokens_of(const rows_text *t, uint32_t begin, uint32_t end) {
    return end == begin
               ? 0
               : t->words[end - 1].token + t->words[end - 1].tokens - t->words[begin].token;
}

static uint32_t sentence_begin(const rows_text *t, uint32_t word) {
    while (word > 0 && t->words[word - 1].sentence == t->words[word].sentence) word--;
    return word;
}

static uint32_t sentence_end(const rows_text *t, uint32_t word) {
    while (word < t->word_n && t->words[word].sentence == t->words[word - 1].sentence) word++;
    return word;
}

static bool add_before(sampler *s, passage *p, size_t most) {
    piece *first = &p->pieces[0];
    if (first->begin > 0) {
        uint32_t begin = sentence_begin(first->text, first->begin - 1);
        uint32_t n = tokens_of(first->text, begin, first->begin);
        if (p->tokens + n > most) return false;
        first->begin = begin;
        p->tokens += n;
        return true;
    }
    if (first->text->before == NO_TEXT || p->count == MOST_PIECES) return false;
    const rows_text *t = &s->d->contexts[first->text->before];
    memmove(p->pieces + 1, p->pieces, p->count++ * sizeof *p->pieces);
    p->pieces[0] = (piece){t, t->word_n, t->word_n};
    if (add_before(s, p, most)) return true;
    memmove(p->pieces, p->pieces + 1, --p->count * sizeof *p->pieces);
    return false;
}

static bool add_after(sampler *s, passage *p, size_t most) {
    piece *last = &p->pieces[p->count - 1];
    if (last->end < last->text->word_n) {
        uint32_t end = sentence_end(last->text, last->end + 1);
        uint32_t n = tokens_of(last->text, last->end, end);
        if (p->tokens + n > most) return false;
        last->end = end;
        p->tokens += n;
        return true;
    }
    if (last->text->after == NO_TEXT || p->count == MOST_PIECES) return false;
    p->pieces[p->count++] = (piece){&s->d->contexts[last->text->after], 0, 0};
    if (add_after(s, p, most)) return true;
    p->count--;
    return false;
}

/* Sentences around words [first, end) of t, about `wish` tokens and no more than `most`. */
static passage grow(sampler *s, const rows_text *t, uint32_t first, uint32_t end, size_t wish,
                    size_t most) {
    passage p = {.count = 1};
    p.pieces[0] = (piece){t, sentence_begin(t, first), sentence_end(t, end)};
    p.tokens = tokens_of(t, p.pieces[0].begin, p.pieces[0].end);
    bool before = true, after = true;
    while (p.tokens < wish && (before || after)) {
        if (before && (!after || chance(s) < .5))
            before = add_before(s, &p, most);
        else
            after = add_after(s, &p, most);
    }
    return p;
}

static bool has_tokens(const passage *p, const uint16_t *ids, size_t n) {
    for (size_t i = 0; n > 0 && i < p->count; i++) {
        const piece *x = &p->pieces[i];
        if (x->begin == x->end) continue;
        uint32_t from = x->text->words[x->begin].token,
                 count = tokens_of(x->text, x->begin, x->end);
        for (uint32_t k = 0; k + n <= count; k++)
            if (memcmp(x->text->ids + from + k, ids, n * sizeof *ids) == 0) return true;
    }
    return false;
}

/* ---- examples ------------------------------------------------------------------------------- */

static void add_word(question *q, const rows_text *t, uint32_t word) {
    const embed_word *w = &t->words[word];
    if (q->n + w->tokens > MOST_QUESTION) return;
    q->words[q->word_n] = *w;
    q->words[q->word_n++].token = (uint32_t)q->n;
    memcpy(q->ids + q->n, t->ids + w->token, w->tokens * sizeof *q->ids);
    q->n += w->tokens;
}

static void add_words(question *q, const rows_text *t, uint32_t begin, uint32_t end) {
    for (uint32_t i = begin; i < end; i++) add_word(q, t, i);
}

/* answer: words [first, end) of `in`; equal: nothing answers. */
static bool put_together(const question *q, const passage *p, const rows_text *in, uint32_t first,
                         uint32_t end, net_example *x) {
    embed_word words[MOST_INPUT];
    size_t n = q->n + 2, at = 0;
    uint32_t sentence = 0;
    x->start = x->end = x->sentence = 0;
    x->passage = (uint32_t)n;
    if (q->n == 0) return false;
    memset(x->opens, 0, sizeof x->opens);
    for (size_t i = 0; i < p->count; i++)
        for (uint32_t w = p->pieces[i].begin; w < p->pieces[i].end; w++) {
            const embed_word *from = &p->pieces[i].text->words[w];
            bool opens = w == p->pieces[i].begin || from->sentence != from[-1].sentence;
            if (n + from->tokens > MOST_INPUT - 1) goto full;
            if (opens && at > 0) sentence++;
            words[at] = *from;
            words[at].token = (uint32_t)n;
            words[at++].sentence = sentence;
            x->opens[n] = opens;
            if (p->pieces[i].text == in && first < end && w == first) {
                x->start = (uint32_t)n;
                for (x->sentence = x->start; !x->opens[x->sentence];) x->sentence--;
            }
            memcpy(x->ids + n, p->pieces[i].text->ids + from->token, from->tokens * sizeof *x->ids);
            n += from->tokens;
            if (p->pieces[i].text == in && first < end && w == end - 1) x->end = (uint32_t)n - 1;
        }
full:
    if (first < end && (x->start == 0 || x->end < x->start)) return false;
    if (at == 0) return false;
    x->ids[0] = 2;
    memcpy(x->ids + 1, q->ids, q->n * sizeof *q->ids);
    x->ids[q->n + 1] = x->ids[n] = 3;
    memset(x->types, EMBED_TYPE_MARK, q->n + 2);
    x->types[n] = EMBED_TYPE_MARK;
    embed_mark(q->words, q->word_n, words, at, x->types + 1, x->types + x->passage);
    x->n = (uint32_t)n + 1;
    return true;
}

/* ---- questions of the data -------------------------------------------------------------------- */

/* Contexts that share rare words with the question, best first. */
static size_t rivals(sampler *s, const rows_row *r, uint32_t out[MOST_RIVALS]) {
    const rows_data *d = s->d;
    size_t touched = 0, n = 0;
    for (uint32_t w = 0; w < r->question.word_n; w++) {
        const rows_posting *p = rows_find(d, r->question.words[w].prefix);
        if (!p || p->count > d->context_n / 25) continue;
        float idf = (float)rows_idf(d, p->prefix);
        for (uint32_t k = 0; k < p->count; k++) {
            uint32_t c = d->postings[p->from + k];
            if (s->scores[c] == 0) s->touched[touched++] = c;
            s->scores[c] += idf;
        }
    }
    for (size_t i = 0; i < touched; i++) {
        uint32_t c = s->touched[i];
        float score = s->scores[c] / (1 + .002f * (float)d->contexts[c].n);
        s->scores[c] = c == r->context || d->contexts[c].held != r->held ? 0 : score;
    }
    for (size_t k = 0; k < MOST_RIVALS; k++) {
        uint32_t best = NO_TEXT;
        for (size_t i = 0; i < touched; i++)
            if (s->scores[s->touched[i]] > 0 &&
                (best == NO_TEXT || s->scores[s->touched[i]] > s->scores[best]))
                best = s->touched[i];
        if (best == NO_TEXT) break;
        out[n++] = best;
        s->scores[best] = 0;
    }
    for (size_t i = 0; i < touched; i++) s->scores[s->touched[i]] = 0;
    return n;
}

/* The word whose sentence shares most with the question. */
static uint32_t best_word(const sampler *s, const rows_row *r, const rows_text *t) {
    uint32_t best = 0;
    double best_score = -1, score = 0;
    for (uint32_t w = 0; w < t->word_n; w++) {
        if (w > 0 && t->words[w].sentence != t->words[w - 1].sentence) score = 0;
        for (uint32_t k = 0; k < r->question.word_n && t->words[w].prefix; k++)
            if (r->question.words[k].prefix == t->words[w].prefix)
                score += rows_idf(s->d, t->words[w].prefix);
        if (score > best_score) best_score = score, best = w;
    }
    return best;
}

static void ask_row(sampler *s, const rows_row *r, question *q) {
    uint32_t n = r->question.word_n;
    bool mark = n > 3 && r->question.words[n - 1].prefix == 0;
    *q = (question){0};
    add_words(q, &r->question, 0, mark && chance(s) < .15 ? n - 1 : n);
}

static bool distracted(sampler *s, const rows_row *r, size_t wish, net_example *x) {
    question q;
    uint32_t found[MOST_RIVALS];
    size_t n = rivals(s, r, found);
    if (n == 0) return false;
    const rows_text *t = &s->d->contexts[found[below(s, n)]], *c = &s->d->contexts[r->context];
    ask_row(s, r, &q);
    uint32_t at = best_word(s, r, t);
    passage p = grow(s, t, at, at + 1, wish, MOST_INPUT - 3 - q.n);
    if (r->first < r->end &&
        has_tokens(&p, c->ids + c->words[r->first].token, tokens_of(c, r->first, r->end)))
        return false;
    return put_together(&q, &p, NULL, 0, 0, x);
}

static bool robbed(sampler *s, const rows_row *r, size_t wish, net_example *x) {
    question q;
    const rows_text *c = &s->d->contexts[r->context];
    ask_row(s, r, &q);
    passage p = grow(s, c, r->first, r->end, wish + 30, MOST_INPUT - 3 - q.n);
    uint32_t begin = sentence_begin(c, r->first), end = sentence_end(c, r->end);
    for (size_t i = 0; i < p.count && p.count < MOST_PIECES; i++) {
        if (p.pieces[i].text != c) continue;
        memmove(p.pieces + i + 1, p.pieces + i, (p.count++ - i) * sizeof *p.pieces);
        p.pieces[i].end = begin;
        p.pieces[i + 1].begin = end;
        break;
    }
    if (has_tokens(&p, c->ids + c->words[r->first].token, tokens_of(c, r->first, r->end)))
        return false;
    return put_together(&q, &p, NULL, 0, 0, x);
}

static bool same_ids(const uint16_t *a, size_t n, const rows_text *b) {
    return n == b->n && memcmp(a, b->ids, n * sizeof *a) == 0;
}

/* The rarest word of the question; false: it has none that is rare. */
static bool rarest_word(sampler *s, const rows_text *t, uint32_t *at) {
    double best = RARE;
    for (uint32_t w = 0; w < t->word_n; w++) {
        double idf = rows_idf(s->d, t->words[w].prefix) + chance(s);
        if (t->words[w].prefix && idf > best) best = idf, *at = w;
    }
    return best > RARE;
}

static bool has_prefix(const rows_text *t, uint32_t prefix) {
    for (uint32_t k = 0; k < t->word_n; k++)
        if (t->words[k].prefix == prefix) return true;
    return false;
}

/* A rare word of the row's context outside the answer: the passage has it, in another role. */
static bool word_nearby(sampler *s, const rows_row *r, uint32_t *word) {
    const rows_text *c = &s->d->contexts[r->context];
    for (int tries = 0; tries < 12; tries++) {
        *word = below(s, c->word_n);
        uint32_t prefix = c->words[*word].prefix;
        if (prefix && (*word < r->first || *word >= r->end) && rows_idf(s->d, prefix) > RARE &&
            !has_prefix(&r->question, prefix))
            return true;
    }
    return false;
}

/* The rarest word of another question about the title, that this context does not have. */
static bool word_elsewhere(sampler *s, const rows_row *r, const rows_text **by, uint32_t *word) {
    enum { NEAR_ROWS = 30 };
    size_t at = (size_t)(r - s->d->rows) + below(s, 2 * NEAR_ROWS);
    if (at < NEAR_ROWS || at - NEAR_ROWS >= s->d->row_n) return false;
    const rows_row *other = &s->d->rows[at - NEAR_ROWS];
    if (other->title != r->title) return false;
    *by = &other->question;
    if (!rarest_word(s, *by, word)) return false;
    uint32_t prefix = (*by)->words[*word].prefix;
    return !has_prefix(&s->d->contexts[r->context], prefix) && !has_prefix(&r->question, prefix);
}

/* Which word of the question can be made wrong, and by what; false: none. */
static bool find_change(sampler *s, const rows_row *r, uint32_t *at, const rows_text **by,
                        uint32_t *by_word) {
    const rows_text *t = &r->question;
    enum { MOST = 8 };
    uint32_t places[MOST];
    const rows_text *with[MOST];
    size_t n = 0;
    for (uint32_t w = 0; w < t->word_n; w++)
        for (size_t i = 0; i < s->change_n && n < MOST; i++)
            if (same_ids(t->ids + t->words[w].token, t->words[w].tokens, &s->changes[i])) {
                places[n] = w;
                with[n++] = &s->changes[i ^ 1];
            }
    if (n > 0 && chance(s) < .7) {
        size_t k = below(s, n);
        *at = places[k], *by = with[k], *by_word = 0;
        return true;
    }
    if (!rarest_word(s, t, at)) return false;
    *by = &s->d->contexts[r->context];
    return chance(s) < .5 ? word_nearby(s, r, by_word) : word_elsewhere(s, r, by, by_word);
}

/* The question with one word made wrong: the passage no longer answers it. */
static bool falsified(sampler *s, const rows_row *r, size_t wish, net_example *x) {
    question q = {0};
    const rows_text *by, *t = &r->question, *c = &s->d->contexts[r->context];
    uint32_t at = 0, by_word = 0;
    if (find_change(s, r, &at, &by, &by_word)) {
        add_words(&q, t, 0, at);
        add_word(&q, by, by_word);
        add_words(&q, t, at + 1, t->word_n);
    } else {
        /* "did" and the like, then "not": behind the second to fourth word */
        at = 2 + below(s, 3);
        if (at + 1 >= t->word_n || chance(s) < .5) return false;
        add_words(&q, t, 0, at);
        add_word(&q, &s->not_word, 0);
        add_words(&q, t, at, t->word_n);
    }
    passage p = grow(s, c, r->first, r->end, wish, MOST_INPUT - 3 - q.n);
    return put_together(&q, &p, NULL, 0, 0, x);
}

static bool from_row(sampler *s, const rows_row *r, double done, net_example *x) {
    const rows_text *c = &s->d->contexts[r->context];
    double longer = chance(s), kind = chance(s), ramp = fmin(1, .3 + 1.2 * done);
    size_t wish = longer < .6 * done   ? 160 + below(s, 140)
                  : longer > .3 + done ? 20 + below(s, 60)
                                       : 30 + below(s, 130);
    if (r->first == r->end && chance(s) > ramp) return false;
    if (r->first < r->end) {
        if (kind < .13 * ramp) return distracted(s, r, wish, x);
        if (kind < .17 * ramp) return robbed(s, r, wish, x);
        if (kind < .31 * ramp) return falsified(s, r, wish, x);
    }
    question q;
    ask_row(s, r, &q);
    uint32_t first = r->first < r->end ? r->first : below(s, c->word_n);
    uint32_t end = r->first < r->end ? r->end : first + 1;
    passage p = grow(s, c, first, end, wish, MOST_INPUT - 3 - q.n);
    return put_together(&q, &p, r->first < r->end ? c : NULL, r->first, r->end, x);
}

/* ---- questions about running text --------------------------------------------------------------- */

static bool same_word(const rows_text *t, uint32_t a, uint32_t b) {
    const embed_word *x = &t->words[a], *y = &t->words[b];
    return x->tokens == y->tokens &&
           memcmp(t->ids + x->token, t->ids + y->token, x->tokens * sizeof *t->ids) == 0;
}

typedef struct {
    uint32_t asked, answer, words; /* the span in the question, in the passage */
    double score;
} shared_span;

/* How much the sentences around words a and b have in common besides the span. */
static double in_common(const sampler *s, const rows_text *t, uint32_t a, uint32_t b, uint32_t n) {
    double sum = 0;
    uint32_t a0 = sentence_begin(t, a), a1 = sentence_end(t, a + 1);
    uint32_t b0 = sentence_begin(t, b), b1 = sentence_end(t, b + 1);
    for (uint32_t i = a0; i < a1; i++) {
        if (t->words[i].prefix == 0 || (i >= a && i < a + n)) continue;
        for (uint32_t k = b0; k < b1; k++)
            if ((k < b || k >= b + n) && t->words[i].prefix == t->words[k].prefix) {
                sum += rows_idf(s->d, t->words[i].prefix);
                break;
            }
    }
    return sum;
}

/* The best span that words [q0, q1) share with words [p0, p1). */
static shared_span find_span(sampler *s, const rows_text *t, uint32_t q0, uint32_t q1, uint32_t p0,
                             uint32_t p1) {
    shared_span best = {.score = 0};
    for (uint32_t a = q0; a < q1; a++) {
        if (t->words[a].whole == 0) continue;
        double rare = rows_idf(s->d, t->words[a].prefix);
        if (rare < 3.5) continue;
        for (uint32_t b = p0; b < p1; b++) {
            if (t->words[b].whole != t->words[a].whole || !same_word(t, a, b)) continue;
            uint32_t n = 1, full = 1;
            double idf = rare;
            while (n < LONGEST_SPAN && a + n < q1 && b + n < p1 && same_word(t, a + n, b + n)) {
                if (t->words[a + n].whole) {
                    idf += rows_idf(s->d, t->words[a + n].prefix);
                    full = n + 1;
                }
                n++;
            }
            if (a > q0 && b > p0 && t->words[a - 1].whole && same_word(t, a - 1, b - 1)) continue;
            double common = in_common(s, t, a, b, full);
            double score = common + .3 * idf + 3 * chance(s);
            if (common > 2.5 && score > best.score) best = (shared_span){a, b, full, score};
        }
    }
    return best;
}

static bool from_running(sampler *s, double done, net_example *x) {
    const rows_text *t = &s->d->running[below(s, s->d->running_n)];
    if (t->word_n < 80) return false;
    uint32_t at = below(s, t->word_n);
    size_t wish = 50 + below(s, done < .3 ? 100 : 180);
    passage p = grow(s, t, at, at + 1, wish, MOST_INPUT - 3 - MOST_QUESTION);
    uint32_t p0 = p.pieces[0].begin, p1 = p.pieces[0].end;
    shared_span best = {.score = 0};
    uint32_t q0 = 0, q1 = 0;
    for (int side = 0; side < 2; side++) {
        uint32_t w = side ? p1 : p0;
        for (int k = 0; k < NEAR_SENTENCES; k++) {
            if (side ? w >= t->word_n : w == 0) break;
            uint32_t a = side ? w : sentence_begin(t, w - 1);
            uint32_t b = side ? sentence_end(t, w + 1) : w;
            w = side ? b : a;
            if (b - a < 6 || b - a > 38) continue;
            shared_span f = find_span(s, t, a, b, p0, p1);
            if (f.score > best.score) best = f, q0 = a, q1 = b;
        }
    }
    if (best.score == 0) return false;
    question q = {0};
    double how = chance(s);
    const embed_word *w = &t->words[best.asked];
    const rows_text *ask = &s->ask[chance(s) < .4 ? 0 : w->tokens > 1 ? 1 : 4];
    if (how < .25) add_word(&q, ask, 0);
    add_words(&q, t, q0, best.asked);
    if (how >= .25 && how < .5) add_word(&q, ask, 0);
    if (how >= .5 && q.n < MOST_QUESTION) {
        q.words[q.word_n++] = (embed_word){(uint32_t)q.n, 1, 0, 0, 0};
        q.ids[q.n++] = MASK_TOKEN;
    }
    add_words(&q, t, best.asked + best.words, how < .5 ? q1 - 1 : q1);
    if (how < .5) add_word(&q, &s->ask[7], 0);
    return put_together(&q, &p, t, best.answer, best.answer + best.words, x);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static const rows_row *next_row(sampler *s) {
    for (;;) {
        if (s->at >= s->count) {
            for (size_t i = s->count; i > 1; i--) {
                size_t k = below(s, i);
                const rows_row *r = s->order[k];
                s->order[k] = s->order[i - 1];
                s->order[i - 1] = r;
            }
            s->at = 0;
        }
        const rows_row *r = s->order[s->at++];
        if (chance(s) < (double)r->share) return r;
    }
}

void sampler_next(sampler *s, double done, net_example *out) {
    double running = s->d->running_n == 0 ? 0 : fmax(0, .35 - .6 * done);
    for (;;) {
        if (chance(s) < running) {
            for (int tries = 0; tries < 20; tries++)
                if (from_running(s, done, out)) return;
        } else if (from_row(s, next_row(s), done, out)) {
            return;
        }
    }
}
