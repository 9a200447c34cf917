/* `carrel eval --self`: the user's own library makes its own test.
 *
 * Documents are taken in an order that the seed decides, and asked in turn, so that one long manual
 * does not drown the others. Each question is asked twice: as it is, and without every document in
 * which its words stand together, where a refusal is the right answer. "Every" is what a search for
 * those words finds; a document that says the same in other words is not noticed. The library is
 * read and never changed; a repeated heading or sentence counts as right wherever it stands.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/eval/eval.h"

/* Chunks read of one document: enough questions for any test; a long one is read from a place in it
 * that the seed decides. */
#define READ_CHUNKS 400u
#define CANDIDATES_MAX 200u
/* Of one section; a heading over more pages asks for nothing in particular. */
#define SECTION_PAGES_MAX 40u
/* Left out of one search. Words that stand in more documents are no subject of one. */
#define WITHHELD_MAX 12u
/* Passages looked at for the words of a question, in documents that are still there. */
#define REMAINING_HITS 60u
/* What more passages speak of is the subject of a document, and no one passage tells what it is. */
#define SPOKEN_MOST 12u
/* Sentences that say it as well, in other places. */
#define ANSWERS_MOST 16u

typedef struct {
    str question, phrase; /* the phrase: what must stand nowhere else */
    str heading;          /* empty: a definition, and these are the answers */
    str *answers;
    size_t answer_count;
    uint32_t *pages;
    size_t page_count;
} candidate;

typedef struct {
    const index_document *d;
    candidate *candidates;
    size_t count, next;
    bool asked;
} subject;

typedef struct {
    index_library *l;
    uint64_t random;
    index_document *documents;
    size_t document_count;
    subject *subjects;
    size_t subject_count;
    eval_test *test;
    eval_made *made;
    arena *a; /* the test's */
} making;

/* SplitMix64 (Steele, Lea, Flood 2014): the same on every machine. */
static uint64_t next_random(making *m) {
    uint64_t z = m->random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static size_t below(making *m, size_t n) {
    return n ? (size_t)(next_random(m) % n) : 0;
}

/* ---- what a document can be asked --------------------------------------------------------- */

static void add_pages(candidate *c, uint32_t first, uint32_t last) {
    for (uint32_t page = first; page <= last && c->page_count < SECTION_PAGES_MAX; page++) {
        size_t i = 0;
        while (i < c->page_count && c->pages[i] != page) i++;
        if (i == c->page_count) c->pages[c->page_count++] = page;
    }
}

static candidate *new_candidate(making *m, subject *s, size_t pages) {
    candidate *c = &s->candidates[s->count++];
    *c = (candidate){.pages = arena_alloc(m->a, pages, sizeof *c->pages)};
    return c;
}

static void take_heading(making *m, subject *s, const index_chunk *c) {
    str heading, last = eval_last_heading(c->heading);
    if (!eval_clean_heading(last, m->a, &heading)) return;
    str name = eval_document_name(c->title, c->path, m->a);
    if (eval_holds(c->title, heading) || eval_holds(name, heading)) return; /* its own name */
    candidate *of = NULL;
    for (size_t i = 0; i < s->count && !of; i++)
        if (str_eq_nocase(s->candidates[i].heading, heading)) of = &s->candidates[i];
    if (!of) {
        if (s->count == CANDIDATES_MAX) return;
        of = new_candidate(m, s, SECTION_PAGES_MAX);
        of->heading = of->phrase = heading;
        of->question = eval_heading_question(name, heading, s->d->language, next_random(m), m->a);
    }
    if (cli_has_pages(s->d->path, s->d->pages)) add_pages(of, c->page_first, c->page_last);
}

static uint32_t page_at(const index_chunk *c, size_t at) {
    for (size_t i = 0; i < c->line_count; i++)
        if (at < c->lines[i].end) return c->lines[i].page;
    return c->page_first;
}

static void take_definitions(making *m, subject *s, const index_chunk *c) {
    size_t pos = c->overlap_bytes, begin, end;
    str question, term;
    if (s->d->language.n && !str_starts(s->d->language, STR("en"))) return;
    while (s->count < CANDIDATES_MAX && sentence_next(c->text, &pos, &begin, &end)) {
        str sentence = str_cut(c->text, begin, end);
        /* Every sentence of a document says what its subject is. */
        if (!eval_definition(sentence, m->a, &question, &term) || eval_holds(c->title, term))
            continue;
        candidate *of = new_candidate(m, s, 1);
        of->question = question;
        of->phrase = term;
        of->answers = arena_alloc(m->a, ANSWERS_MOST, sizeof *of->answers);
        of->answers[of->answer_count++] = arena_str(m->a, sentence);
        if (cli_has_pages(s->d->path, s->d->pages)) {
            uint32_t page = page_at(c, begin);
            add_pages(of, page, page);
        }
    }
}

static void shuffle(making *m, subject *s) {
    for (size_t i = s->count; i > 1; i--) {
        size_t k = below(m, i);
        candidate c = s->candidates[i - 1];
        s->candidates[i - 1] = s->candidates[k];
        s->candidates[k] = c;
    }
}

static bool gather(making *m, const index_document *d, subject *s, error *err) {
    bool found = true, ok = true;
    uint32_t first = 0;
    *s = (subject){.d = d, .candidates = mem_new(CANDIDATES_MAX, sizeof *s->candidates)};
    if (d->chunks > READ_CHUNKS) first = (uint32_t)below(m, d->chunks - READ_CHUNKS + 1);
    for (uint32_t i = first; ok && found && i < d->chunks && i - first < READ_CHUNKS; i++) {
        arena *a = arena_new();
        index_chunk c;
        ok = index_get_neighbour(m->l, d->id, i, a, &c, &found, err);
        if (ok && found) {
            take_heading(m, s, &c);
            take_definitions(m, s, &c);
        }
        arena_free(a);
    }
    shuffle(m, s);
    return ok;
}

/* Documents with something to ask, until there are as many as questions are wanted. */
static bool gather_all(making *m, size_t wanted, error *err) {
    m->subjects = mem_new(m->document_count + 1, sizeof *m->subjects);
    for (size_t i = m->document_count; i > 1; i--) {
        size_t k = below(m, i);
        index_document d = m->documents[i - 1];
        m->documents[i - 1] = m->documents[k];
        m->documents[k] = d;
    }
    for (size_t i = 0; i < m->document_count && m->subject_count < wanted; i++) {
        subject *s = &m->subjects[m->subject_count];
        if (cli_stopped()) return error_set(err, ERROR_CANCELLED, "stopped before a test was made");
        bool ok = gather(m, &m->documents[i], s, err);
        if (ok && s->count)
            m->subject_count++;
        else
            mem_free(s->candidates);
        if (!ok) return false;
    }
    return true;
}

/* ---- what is left without it -------------------------------------------------------------- */

static bool has_id(const int64_t *ids, size_t count, int64_t id) {
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id) return true;
    return false;
}

/* Adds the documents in which the phrase stands; *count WITHHELD_MAX + 1: there are too many. */
static bool add_holders(making *m, str phrase, int64_t *ids, size_t *count, error *err) {
    arena *a = arena_new();
    index_hit *hits;
    size_t n;
    bool ok = index_withhold(m->l, ids, *count, err) &&
              index_search_words(m->l, phrase, REMAINING_HITS, a, &hits, &n, err);
    for (size_t i = 0; ok && i < n && *count <= WITHHELD_MAX; i++) {
        index_chunk c;
        ok = index_get_chunk(m->l, hits[i].chunk, a, &c, err);
        if (ok && !has_id(ids, *count, c.document) &&
            (eval_holds(c.text, phrase) || eval_holds(c.heading, phrase) ||
             eval_holds(c.title, phrase)))
            ids[(*count)++] = c.document;
    }
    arena_free(a);
    return ok;
}

static str path_of(const making *m, int64_t id) {
    for (size_t i = 0; i < m->document_count; i++)
        if (m->documents[i].id == id) return m->documents[i].path;
    return (str){0};
}

/* The same question where nothing answers it; adds none where too much would have to go. */
static bool add_unanswerable(making *m, const subject *s, const candidate *c, size_t number,
                             error *err) {
    int64_t ids[WITHHELD_MAX + 2] = {s->d->id};
    size_t count = 1, before = 0;
    while (before != count && count <= WITHHELD_MAX) {
        before = count;
        if (!add_holders(m, c->phrase, ids, &count, err)) return false;
    }
    if (count > WITHHELD_MAX || count >= m->document_count) return true;
    eval_item *item = eval_add_item(m->test);
    item->id = arena_printf(m->a, "%zu-without", number);
    item->question = c->question;
    item->kind = EVAL_UNANSWERABLE;
    item->without_count = count;
    item->without_ids = arena_alloc(m->a, count, sizeof *item->without_ids);
    item->without = arena_alloc(m->a, count, sizeof *item->without);
    for (size_t i = 0; i < count; i++) {
        item->without_ids[i] = ids[i];
        item->without[i] = path_of(m, ids[i]);
    }
    m->made->unanswerable++;
    return true;
}

/* ---- the test ----------------------------------------------------------------------------- */

static bool asked_before(const eval_test *t, str question) {
    for (size_t i = 0; i < t->count; i++)
        if (str_eq_nocase(t->items[i].question, question)) return true;
    return false;
}

static bool add_pair(making *m, const subject *s, const candidate *c, size_t wanted, error *err) {
    size_t number = m->made->headings + m->made->definitions + 1;
    eval_item *item = eval_add_item(m->test);
    *item = (eval_item){.id = arena_printf(m->a, "%zu", number),
                        .question = c->question,
                        .kind = EVAL_ANSWERABLE,
                        .document = s->d->path,
                        .document_id = s->d->id,
                        .pages = c->pages,
                        .page_count = c->page_count,
                        .heading = c->heading,
                        .answers = c->answers,
                        .answer_count = c->answer_count,
                        .whole = c->answer_count > 0};
    m->made->definitions += item->whole;
    m->made->headings += !item->whole;
    return m->made->alone || m->test->count >= wanted || add_unanswerable(m, s, c, number, err);
}

static void add_answers(making *m, candidate *c, str body) {
    size_t pos = 0, begin, end;
    while (c->answer_count < ANSWERS_MOST && sentence_next(body, &pos, &begin, &end)) {
        str sentence = str_cut(body, begin, end);
        bool known = !eval_defines(sentence, c->phrase);
        for (size_t i = 0; i < c->answer_count && !known; i++)
            known = str_eq(c->answers[i], sentence);
        if (!known) c->answers[c->answer_count++] = arena_str(m->a, sentence);
    }
}

/* Finds what else says what the term is; *fit is false where too many passages speak of it. */
static bool look_around(making *m, candidate *c, bool *fit, error *err) {
    arena *a = arena_new();
    index_hit *hits;
    size_t n, spoken = 0;
    *fit = true;
    bool ok = index_withhold(m->l, NULL, 0, err) &&
              index_search_words(m->l, c->phrase, REMAINING_HITS, a, &hits, &n, err);
    for (size_t i = 0; ok && i < n; i++) {
        index_chunk chunk;
        ok = index_get_chunk(m->l, hits[i].chunk, a, &chunk, err);
        if (!ok || !eval_holds(chunk.text, c->phrase)) continue;
        spoken++;
        add_answers(m, c, chunk.text);
    }
    *fit = spoken <= SPOKEN_MOST;
    arena_free(a);
    return ok;
}

/* Each document in turn, a question at a time. */
static bool take_turns(making *m, size_t wanted, error *err) {
    bool any = true;
    while (any && m->test->count < wanted) {
        any = false;
        for (size_t i = 0; i < m->subject_count && m->test->count < wanted; i++) {
            subject *s = &m->subjects[i];
            while (s->next < s->count && asked_before(m->test, s->candidates[s->next].question))
                s->next++;
            if (s->next == s->count) continue;
            if (cli_stopped())
                return error_set(err, ERROR_CANCELLED, "stopped before a test was made");
            candidate *c = &s->candidates[s->next++];
            bool fit = true;
            any = true;
            if (c->answer_count && !look_around(m, c, &fit, err)) return false;
            if (!fit) continue;
            m->made->documents += !s->asked;
            s->asked = true;
            if (!add_pair(m, s, c, wanted, err)) return false;
        }
    }
    return true;
}

bool eval_make_test(index_library *l, uint64_t seed, size_t wanted, eval_test *out, eval_made *made,
                    error *err) {
    making m = {.l = l, .random = seed, .test = out, .made = made, .a = out->a};
    *made = (eval_made){0};
    bool ok = index_list(l, m.a, &m.documents, &m.document_count, err);
    made->alone = m.document_count == 1;
    if (ok && m.document_count == 0)
        ok = error_set(err, ERROR_INPUT,
                       "the library is empty, so there is nothing to make a test of; `carrel add "
                       "PATH` fills it");
    ok = ok && gather_all(&m, wanted, err) && take_turns(&m, wanted, err);
    ok = index_withhold(l, NULL, 0, ok ? err : NULL) && ok;
    if (ok && out->count == 0)
        ok = error_set(err, ERROR_INPUT,
                       "no headings and no definitions were found in the documents to make "
                       "questions of; write some of your own, one on each line of a file, such as "
                       "{\"question\": \"...\", \"answer\": \"...\"}");
    for (size_t i = 0; i < m.subject_count; i++) mem_free(m.subjects[i].candidates);
    mem_free(m.subjects);
    return ok;
}
