/* One question is asked and its answer held against what was expected.
 *
 * It is asked through the code that `ask` runs, without refusing; the threshold is applied here, to
 * the same confidence. So what would have been shown is known on both sides of it, and the stated
 * confidence can be held against the truth where it is low too.
 *
 * What is right: the document and page that the test names; or what stands under its heading; or,
 * where the answer is a whole sentence or nothing else is known, any passage that holds the answer.
 * A library has copies and yearly versions, and what stands in one of them is no mistake.
 */
#include <string.h>

#include "cli/eval/eval.h"

/* A bold span that shares less than this with every gold answer (F1) shows something else. */
#define SPAN_RIGHT_F1 0.5

const char *const eval_verdict_keys[EVAL_VERDICTS] = {
    "unjudged", "right", "not_retrieved", "refused", "not_chosen", "wrong_span", "not_refused"};
const char *const eval_verdict_names[EVAL_VERDICTS] = {
    "not judged",
    "right",
    "not retrieved",
    "refused",
    "retrieved but not chosen",
    "wrong span",
    "should have refused",
};

/* ---- what is right ------------------------------------------------------------------------ */

/* Han, kana, Thai: no spaces part their words, so a bound of words is nowhere inside a sentence. */
static bool is_unspaced(str s) {
    size_t used;
    for (size_t at = 0; at < s.n; at += used) {
        uint32_t c = utf8_next(s.p + at, s.n - at, &used);
        if ((c >= 0x0E00 && c <= 0x0EFF) || (c >= 0x2E80 && c <= 0x9FFF) ||
            (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF))
            return true;
    }
    return false;
}

bool eval_holds(str s, str gold) {
    if (score_contains(s, gold)) return true;
    if (!is_unspaced(gold)) return false;
    text a = {0}, b = {0};
    score_normalize(&a, s);
    score_normalize(&b, gold);
    bool found = b.n > 0 && str_find(text_str(&a), text_str(&b), 0) != SIZE_MAX;
    text_free(&a);
    text_free(&b);
    return found;
}

static bool holds_answer(const eval_item *item, str s) {
    for (size_t i = 0; i < item->answer_count; i++)
        if (eval_holds(s, item->answers[i])) return true;
    return false;
}

/* Whether the test says which place is right, beside what the answer is. */
static bool names_place(const eval_item *item) {
    return item->document_id != 0 || item->page_count > 0 || item->heading.n > 0;
}

static bool has_page(const eval_item *item, uint32_t first, uint32_t last) {
    for (size_t i = 0; i < item->page_count; i++)
        if (item->pages[i] >= first && item->pages[i] <= last) return true;
    return false;
}

static bool is_right(const eval_item *item, const index_chunk *c, uint32_t first, uint32_t last) {
    if (item->heading.n && eval_under_heading(c, item->heading)) return true;
    if (item->whole && holds_answer(item, c->text)) return true;
    bool document = item->document_id == 0 || item->document_id == c->document;
    if (item->page_count) return document && has_page(item, first, last);
    /* A heading or a sentence says more than the document that it stands in. */
    if (item->heading.n || item->whole) return false;
    if (item->document_id) return document;
    return holds_answer(item, c->text);
}

static size_t first_right(const eval_item *item, const query_source *sources, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const index_chunk *c = &sources[i].chunk;
        if (is_right(item, c, c->page_first, c->page_last)) return i + 1;
    }
    return 0;
}

/* ---- the verdict -------------------------------------------------------------------------- */

static void judge_answer(const eval_item *item, eval_result *r) {
    for (size_t i = 0; i < r->shown_count; i++)
        if (!r->refused && holds_answer(item, r->shown[i].text)) {
            r->first |= i == 0;
            r->three = true;
        }
    r->spanned = !item->whole;
    for (size_t i = 0; r->spanned && !r->refused && i < item->answer_count; i++) {
        double exact = score_exact(r->answer, item->answers[i]);
        double f1 = score_f1(r->answer, item->answers[i]);
        if (exact > r->exact) r->exact = exact;
        if (f1 > r->f1) r->f1 = f1;
    }
}

static eval_verdict verdict_of(const eval_item *item, const eval_result *r) {
    if (!r->known) return EVAL_UNJUDGED;
    if (item->kind == EVAL_UNANSWERABLE) return r->refused ? EVAL_RIGHT : EVAL_NOT_REFUSED;
    if (!r->correct && r->ranked && !r->read) return EVAL_NOT_RETRIEVED;
    if (r->refused) return EVAL_REFUSED;
    if (!r->correct) return EVAL_NOT_CHOSEN;
    bool other = r->spanned && r->f1 < SPAN_RIGHT_F1 && !holds_answer(item, r->answer);
    return other ? EVAL_WRONG_SPAN : EVAL_RIGHT;
}

void eval_judge(const eval_item *item, double threshold, eval_result *r) {
    r->item = item;
    r->refused = r->shown_count == 0 || r->confidence < threshold;
    r->placed = item->kind == EVAL_ANSWERABLE && names_place(item);
    r->cited = r->placed && r->cited;
    if (item->kind == EVAL_UNANSWERABLE) {
        r->known = true;
    } else if (item->answer_count) {
        judge_answer(item, r);
        r->known = true;
        r->correct = r->shown_count > 0 && holds_answer(item, r->shown[0].text);
    } else {
        r->known = r->placed;
        r->correct = r->cited;
    }
    r->verdict = verdict_of(item, r);
}

/* ---- asking ------------------------------------------------------------------------------- */

static bool holds_quote(const index_chunk *c, const query_citation *citation) {
    return c->document == citation->document_id && c->page_first <= citation->page &&
           citation->page <= c->page_last && str_find(c->text, citation->quote, 0) != SIZE_MAX;
}

/* The passage that a citation was cut from: a source, or one that stands beside a source. */
static bool find_passage(const query_context *q, const query_answer *answer,
                         const query_citation *citation, arena *a, index_chunk *out, error *err) {
    *out = (index_chunk){.document = citation->document_id, .text = citation->quote};
    for (size_t i = 0; i < answer->source_count; i++)
        if (holds_quote(&answer->sources[i].chunk, citation)) {
            *out = answer->sources[i].chunk;
            return true;
        }
    for (size_t i = 0; i < 2 * answer->source_count; i++) {
        const index_chunk *c = &answer->sources[i / 2].chunk;
        index_chunk beside;
        bool found;
        if (c->document != citation->document_id || (i % 2 && c->ordinal == 0)) continue;
        if (!index_get_neighbour(q->library, c->document, i % 2 ? c->ordinal - 1 : c->ordinal + 1,
                                 a, &beside, &found, err))
            return false;
        if (found && holds_quote(&beside, citation)) {
            *out = beside;
            return true;
        }
    }
    return true;
}

static bool take_sentences(const query_context *q, const eval_item *item,
                           const query_answer *answer, arena *a, eval_result *out, error *err) {
    for (size_t i = 0; i < answer->sentence_count && i < EVAL_SHOWN; i++) {
        const query_sentence *s = &answer->sentences[i];
        const query_citation *citation = &s->citations[0];
        index_chunk c;
        if (!find_passage(q, answer, citation, a, &c, err)) return false;
        out->shown[out->shown_count++] = (eval_shown){.text = s->text,
                                                      .document = citation->document,
                                                      .label = citation->label,
                                                      .heading = c.heading,
                                                      .page = citation->page,
                                                      .bold_begin = s->bold_begin,
                                                      .bold_end = s->bold_end};
        if (i == 0) out->cited = is_right(item, &c, citation->page, citation->page);
    }
    return true;
}

static bool find_rank(const query_context *q, const eval_item *item, const query_answer *answer,
                      arena *a, eval_result *out, error *err) {
    out->ranked = item->kind == EVAL_ANSWERABLE && (names_place(item) || item->answer_count > 0);
    if (!out->ranked) return true;
    size_t rank = first_right(item, answer->sources, answer->source_count);
    out->read = rank > 0;
    if (rank == 0 && answer->source_count < EVAL_DEPTH) {
        query_source *sources;
        size_t count;
        if (!query_search(q, item->question, QUERY_FUSED, EVAL_DEPTH, a, &sources, &count, err))
            return false;
        rank = first_right(item, sources, count);
    }
    out->rank = rank <= EVAL_DEPTH ? rank : 0;
    return true;
}

/* What was read for one question is given back after it; what is told of it is kept. */
static void keep_strings(eval_result *r, arena *a) {
    r->answer = arena_str(a, r->answer);
    for (size_t i = 0; i < r->shown_count; i++) {
        eval_shown *s = &r->shown[i];
        s->text = arena_str(a, s->text);
        s->document = arena_str(a, s->document);
        s->label = arena_str(a, s->label);
        s->heading = arena_str(a, s->heading);
    }
}

bool eval_ask(const query_context *q, const eval_item *item, const query_options *options,
              double threshold, const query_events *events, arena *a, eval_result *out,
              error *err) {
    query_options o = *options;
    query_answer answer;
    arena *scratch = arena_new();
    *out = (eval_result){.item = item};
    o.mode = QUERY_VERBATIM;
    o.threshold = 0;
    o.sentences = EVAL_SHOWN;
    bool ok = index_withhold(q->library, item->without_ids, item->without_count, err) &&
              query_ask(q, item->question, &o, events, scratch, &answer, err) &&
              take_sentences(q, item, &answer, scratch, out, err) &&
              find_rank(q, item, &answer, scratch, out, err);
    if (ok) {
        out->confidence = answer.confidence;
        out->total_ms = answer.timings.total_ms;
        out->answer = answer.answer;
        eval_judge(item, threshold, out);
        keep_strings(out, a);
    }
    arena_free(scratch);
    return ok;
}
