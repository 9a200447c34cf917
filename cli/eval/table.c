/* The figures for people at a terminal, and all of them as one JSON object.
 *
 * Shares are followed by what they were counted from and by the interval in which the true share
 * lies, since most tests that people write are small, and 4 of 5 is not 80 per cent.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/eval/eval.h"

/* Where figures stand: behind the longest name. */
#define NAME_COLUMNS 32
/* Of the misses, here: the report has all of them. */
#define MISSES_LISTED 8

const char eval_made_warning[] =
    "This test was made from the library itself, out of the words of its pages: it is easier than "
    "the questions that people ask, and of another kind. Compare its figures with each other, not "
    "with those of real questions.";

void eval_put_about(text *out, const eval_about *about, const eval_figures *f) {
    cli_put_count(out, f->questions, "question", "questions");
    text_put(out, STR(" over "));
    cli_clean(out, cli_file_name(about->library));
    text_put(out, STR(" ("));
    cli_put_count(out, about->documents, "document", "documents");
    text_printf(out, "): %zu answerable, %zu unanswerable", f->kinds[EVAL_ANSWERABLE],
                f->kinds[EVAL_UNANSWERABLE]);
    if (f->kinds[EVAL_UNKNOWN]) text_printf(out, ", %zu not said", f->kinds[EVAL_UNKNOWN]);
}

void eval_put_expected_place(text *out, const eval_item *item) {
    if (item->document.n) cli_clean(out, cli_file_name(item->document));
    /* A section over half a document would fill the line. */
    for (size_t i = 0; i < item->page_count && i < 6; i++)
        text_printf(out, "%s%u", i ? ", " : item->document.n ? ", p. " : "p. ", item->pages[i]);
    if (item->page_count > 6) text_put(out, STR(", \xE2\x80\xA6"));
    if (item->heading.n) {
        text_put(out, item->document.n || item->page_count ? STR(" \xC2\xB7 ") : STR(""));
        cli_clean(out, item->heading);
    }
}

/* ---- for people --------------------------------------------------------------------------- */

static void put_title(text *out, const cli_terminal *t, const char *title, size_t count) {
    text_printf(out, "\n%s%s%s", t->bold, title, t->reset);
    text_printf(out, "  %s", t->dim);
    cli_put_count(out, count, "question", "questions");
    text_printf(out, "%s\n", t->reset);
}

static void put_share(text *out, const cli_terminal *t, const char *name, size_t part, size_t of) {
    double low, high;
    if (of == 0) return;
    score_wilson(part, of, &low, &high);
    text_printf(out, "  %-*s%6.1f%%   %4zu of %-4zu  %s95%% interval %.0f to %.0f%s\n",
                NAME_COLUMNS, name, 100.0 * (double)part / (double)of, part, of, t->dim, 100 * low,
                100 * high, t->reset);
}

static void put_value(text *out, const char *name, double value, const char *unit) {
    if (isnan(value)) return;
    text_printf(out, "  %-*s%6.*f%s\n", NAME_COLUMNS, name, strcmp(unit, "%") == 0 ? 1 : 3, value,
                unit);
}

static void put_retrieval(text *out, const cli_terminal *t, const eval_figures *f) {
    if (f->retrieval.count == 0) return;
    put_title(out, t, "Retrieval", f->retrieval.count);
    for (size_t i = 0; i < EVAL_HITS; i++) {
        char name[16];
        snprintf(name, sizeof name, "hit@%zu", eval_hit_ranks[i]);
        put_share(out, t, name, f->retrieval.hits[i], f->retrieval.count);
    }
    put_value(out, "MRR@10", f->retrieval.mrr, "");
}

static void put_answers(text *out, const cli_terminal *t, const eval_figures *f) {
    size_t n = f->kinds[EVAL_ANSWERABLE];
    if (f->answers.count == 0 && f->answers.placed == 0) return;
    put_title(out, t, "Answers", n);
    put_share(out, t, "right place cited first", f->answers.cited, f->answers.placed);
    put_share(out, t, "answer in the first sentence", f->answers.first, f->answers.count);
    put_share(out, t, "answer in the first three", f->answers.three, f->answers.count);
    put_value(out, "exact match of the bold span", 100 * f->answers.exact, "%");
    put_value(out, "F1 of the bold span", 100 * f->answers.f1, "%");
}

static void put_refusals(text *out, const cli_terminal *t, const eval_figures *f) {
    static const char *const names[] = {"not said", "answerable", "unanswerable"};
    static const eval_kind order[] = {EVAL_ANSWERABLE, EVAL_UNANSWERABLE, EVAL_UNKNOWN};
    put_title(out, t, "Refusals", f->questions);
    text_printf(out, "  %s%-*s%7s %9s%s\n", t->dim, NAME_COLUMNS, "", "shown", "refused", t->reset);
    for (size_t i = 0; i < 3; i++)
        if (f->kinds[order[i]])
            text_printf(out, "  %-*s%7zu %9zu\n", NAME_COLUMNS, names[order[i]],
                        f->refusals[order[i]].shown, f->refusals[order[i]].refused);
    size_t right = f->refusals[EVAL_UNANSWERABLE].refused;
    if (!isnan(f->precision))
        put_share(out, t, "precision", right, right + f->refusals[EVAL_ANSWERABLE].refused);
    put_share(out, t, "recall", right, f->kinds[EVAL_UNANSWERABLE]);
}

static void put_confidence(text *out, const cli_terminal *t, const eval_figures *f) {
    if (f->judged == 0) return;
    put_title(out, t, "Confidence", f->judged);
    text_printf(out, "  %s%-*s%9s %7s %7s%s\n", t->dim, NAME_COLUMNS - 2, "stated", "questions",
                "mean", "right", t->reset);
    for (size_t i = 0; i < EVAL_BINS; i++) {
        const eval_bin *b = &f->bins[i];
        if (b->count == 0) continue;
        text_printf(out, "  %.1f to %.1f%*s%9zu %7.2f %6.0f%%\n", (double)i / EVAL_BINS,
                    (double)(i + 1) / EVAL_BINS, NAME_COLUMNS - 12, "", b->count, b->confidence,
                    100.0 * (double)b->right / (double)b->count);
    }
    put_value(out, "Brier score", f->brier, "");
    put_value(out, "expected calibration error", f->calibration_error, "");
    put_value(out, "AUROC", f->auroc, "");
    put_value(out, "AURC (risk over coverage)", f->aurc, "");
}

static void put_miss(text *out, const cli_terminal *t, const eval_result *r) {
    text line = {0};
    text_printf(&line, "%-26s", eval_verdict_names[r->verdict]);
    cli_clean(&line, r->item->question);
    text_put(out, STR("  "));
    cli_fit(out, text_str(&line), t->columns ? t->columns - 2 : 0, false);
    text_put_char(out, '\n');
    text_free(&line);
}

static void put_misses(text *out, const cli_terminal *t, const eval_figures *f,
                       const eval_result *results) {
    size_t misses = 0, listed = 0;
    for (size_t i = EVAL_NOT_RETRIEVED; i < EVAL_VERDICTS; i++) misses += f->verdicts[i];
    if (misses == 0) return;
    put_title(out, t, "Misses", misses);
    for (size_t i = EVAL_NOT_RETRIEVED; i < EVAL_VERDICTS; i++)
        if (f->verdicts[i])
            text_printf(out, "  %-*s%7zu\n", NAME_COLUMNS, eval_verdict_names[i], f->verdicts[i]);
    text_put_char(out, '\n');
    for (size_t i = 0; i < f->questions && listed < MISSES_LISTED; i++) {
        if (results[i].verdict < EVAL_NOT_RETRIEVED) continue;
        put_miss(out, t, &results[i]);
        listed++;
    }
    if (misses > listed)
        text_printf(out, "  %s... and %zu more; --report FILE.html shows each with its page%s\n",
                    t->dim, misses - listed, t->reset);
}

void eval_put_table(text *out, const cli_terminal *t, const eval_about *about,
                    const eval_figures *f, const eval_result *results) {
    eval_put_about(out, about, f);
    text_put_char(out, '\n');
    if (about->made) {
        text_put_char(out, '\n');
        cli_wrap(out, t, str_of(eval_made_warning), NULL, 0, 0, t->columns);
    }
    put_retrieval(out, t, f);
    put_answers(out, t, f);
    put_refusals(out, t, f);
    put_confidence(out, t, f);
    put_title(out, t, "Latency", f->questions);
    text_printf(out, "  %-*s%6.0f ms\n", NAME_COLUMNS, "median", f->median_ms);
    text_printf(out, "  %-*s%6.0f ms\n", NAME_COLUMNS, "95th percentile", f->p95_ms);
    put_misses(out, t, f, results);
}

/* ---- for programs ------------------------------------------------------------------------- */

static void set_share(json_t *o, const char *key, size_t part, size_t of) {
    cli_json_set(o, key, cli_json_real(of ? (double)part / (double)of : (double)NAN));
}

static json_t *json_retrieval(const eval_figures *f) {
    json_t *o = json_object();
    cli_json_set(o, "questions", json_integer((json_int_t)f->retrieval.count));
    for (size_t i = 0; i < EVAL_HITS; i++) {
        char name[16];
        snprintf(name, sizeof name, "hit@%zu", eval_hit_ranks[i]);
        set_share(o, name, f->retrieval.hits[i], f->retrieval.count);
    }
    cli_json_set(o, "mrr@10", cli_json_real(f->retrieval.mrr));
    return o;
}

static json_t *json_answers(const eval_figures *f) {
    json_t *o = json_object();
    cli_json_set(o, "questions", json_integer((json_int_t)f->answers.count));
    set_share(o, "first_sentence", f->answers.first, f->answers.count);
    set_share(o, "first_three", f->answers.three, f->answers.count);
    cli_json_set(o, "span_questions", json_integer((json_int_t)f->answers.spanned));
    cli_json_set(o, "exact_match", cli_json_real(f->answers.exact));
    cli_json_set(o, "f1", cli_json_real(f->answers.f1));
    cli_json_set(o, "place_questions", json_integer((json_int_t)f->answers.placed));
    set_share(o, "right_place_cited_first", f->answers.cited, f->answers.placed);
    return o;
}

static json_t *json_refusals(const eval_figures *f) {
    static const char *const names[] = {"not_said", "answerable", "unanswerable"};
    json_t *o = json_object();
    cli_json_set(o, "threshold", cli_json_real(f->threshold));
    for (size_t i = 0; i < 3; i++) {
        json_t *row = json_object();
        cli_json_set(row, "shown", json_integer((json_int_t)f->refusals[i].shown));
        cli_json_set(row, "refused", json_integer((json_int_t)f->refusals[i].refused));
        cli_json_set(o, names[i], row);
    }
    cli_json_set(o, "precision", cli_json_real(f->precision));
    cli_json_set(o, "recall", cli_json_real(f->recall));
    cli_json_set(o, "f1", cli_json_real(f->refusal_f1));
    return o;
}

static json_t *json_confidence(const eval_figures *f) {
    json_t *o = json_object(), *bins = json_array(), *curve = json_array();
    for (size_t i = 0; i < EVAL_BINS; i++) {
        const eval_bin *b = &f->bins[i];
        json_t *row = json_object();
        cli_json_set(row, "from", cli_json_real((double)i / EVAL_BINS));
        cli_json_set(row, "to", cli_json_real((double)(i + 1) / EVAL_BINS));
        cli_json_set(row, "questions", json_integer((json_int_t)b->count));
        cli_json_set(row, "mean_confidence", cli_json_real(b->count ? b->confidence : (double)NAN));
        set_share(row, "observed", b->right, b->count);
        cli_json_append(bins, row);
    }
    for (size_t i = 0; i < f->curve_count; i++) {
        json_t *row = json_object();
        cli_json_set(row, "confidence", cli_json_real(f->curve[i].confidence));
        cli_json_set(row, "coverage", cli_json_real(f->curve[i].coverage));
        cli_json_set(row, "risk", cli_json_real(f->curve[i].risk));
        cli_json_append(curve, row);
    }
    cli_json_set(o, "questions", json_integer((json_int_t)f->judged));
    cli_json_set(o, "brier", cli_json_real(f->brier));
    cli_json_set(o, "expected_calibration_error", cli_json_real(f->calibration_error));
    cli_json_set(o, "auroc", cli_json_real(f->auroc));
    cli_json_set(o, "aurc", cli_json_real(f->aurc));
    cli_json_set(o, "bins", bins);
    cli_json_set(o, "risk_coverage", curve);
    return o;
}

static json_t *json_shown(const eval_shown *s) {
    json_t *o = json_object();
    cli_json_set(o, "text", cli_json_str(s->text));
    cli_json_set(o, "document", cli_json_str(s->document));
    cli_json_set(o, "page", json_integer(s->page));
    cli_json_set(o, "label", cli_json_str(s->label));
    cli_json_set(o, "heading", cli_json_str(s->heading));
    return o;
}

static json_t *json_bool_if(bool known, bool value) {
    return known ? json_boolean(value) : json_null();
}

/* null stands where a measure does not apply. */
static json_t *json_entry(const eval_result *r) {
    json_t *o = json_object(), *sentences = json_array();
    const eval_item *item = r->item;
    bool gold = item->kind == EVAL_ANSWERABLE && item->answer_count > 0;
    if (item->id.n) cli_json_set(o, "id", cli_json_str(item->id));
    if (item->line) cli_json_set(o, "line", json_integer((json_int_t)item->line));
    cli_json_set(o, "question", cli_json_str(item->question));
    cli_json_set(o, "answerable",
                 json_bool_if(item->kind != EVAL_UNKNOWN, item->kind == EVAL_ANSWERABLE));
    cli_json_set(o, "verdict", json_string(eval_verdict_keys[r->verdict]));
    cli_json_set(o, "refused", json_boolean(r->refused));
    cli_json_set(o, "confidence", cli_json_real(r->confidence));
    cli_json_set(o, "rank", r->ranked && r->rank ? json_integer((json_int_t)r->rank) : json_null());
    cli_json_set(o, "right_place_cited", json_bool_if(r->placed, r->cited && !r->refused));
    cli_json_set(o, "first_sentence", json_bool_if(gold, r->first));
    cli_json_set(o, "first_three", json_bool_if(gold, r->three));
    cli_json_set(o, "exact_match", cli_json_real(gold && r->spanned ? r->exact : (double)NAN));
    cli_json_set(o, "f1", cli_json_real(gold && r->spanned ? r->f1 : (double)NAN));
    cli_json_set(o, "correct", json_bool_if(r->known, r->correct));
    cli_json_set(o, "answer", cli_json_str(r->answer));
    for (size_t i = 0; i < r->shown_count; i++)
        cli_json_append(sentences, json_shown(&r->shown[i]));
    cli_json_set(o, "sentences", sentences);
    cli_json_set(o, "total_ms", cli_json_real(r->total_ms));
    return o;
}

static json_t *json_about(const eval_about *about, const eval_figures *f) {
    json_t *o = json_object();
    cli_json_set(o, "total", json_integer((json_int_t)f->questions));
    cli_json_set(o, "answerable", json_integer((json_int_t)f->kinds[EVAL_ANSWERABLE]));
    cli_json_set(o, "unanswerable", json_integer((json_int_t)f->kinds[EVAL_UNANSWERABLE]));
    cli_json_set(o, "not_said", json_integer((json_int_t)f->kinds[EVAL_UNKNOWN]));
    cli_json_set(o, "made_of_the_library", json_boolean(about->made != NULL));
    if (!about->made) return o;
    cli_json_set(o, "seed", json_integer((json_int_t)about->seed));
    cli_json_set(o, "warning", json_string(eval_made_warning));
    return o;
}

json_t *eval_json(const eval_about *about, const eval_figures *f, const eval_result *results,
                  size_t count) {
    json_t *o = json_object(), *latency = json_object(), *verdicts = json_object();
    json_t *entries = json_array();
    cli_json_set(latency, "median", cli_json_real(f->median_ms));
    cli_json_set(latency, "p95", cli_json_real(f->p95_ms));
    for (size_t i = 0; i < EVAL_VERDICTS; i++)
        cli_json_set(verdicts, eval_verdict_keys[i], json_integer((json_int_t)f->verdicts[i]));
    for (size_t i = 0; i < count; i++) cli_json_append(entries, json_entry(&results[i]));
    cli_json_set(o, "library", cli_json_str(about->library));
    cli_json_set(o, "documents", json_integer((json_int_t)about->documents));
    cli_json_set(o, "questions", json_about(about, f));
    cli_json_set(o, "retrieval", json_retrieval(f));
    cli_json_set(o, "answers", json_answers(f));
    cli_json_set(o, "refusals", json_refusals(f));
    cli_json_set(o, "confidence", json_confidence(f));
    cli_json_set(o, "latency_ms", latency);
    cli_json_set(o, "verdicts", verdicts);
    cli_json_set(o, "entries", entries);
    return o;
}
