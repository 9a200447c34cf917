/* Question sets in the format of SQuAD 2.0: is the answer found, is it right, and is a question
 * that nothing answers refused?
 *
 * The questions are N answerable and N unanswerable ones, evenly spread over the file
 * (squad.c). They are asked twice: as the program ships, and with the refusal switched off, since the
 * second tells how good the choice of sentences is apart from the threshold. "Unanswerable" means
 * by its own paragraph: another paragraph of the library may answer it after all, so that even a
 * perfect program would not reach 100 per cent there.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/eval/eval.h"

#define ANSWERS_SHOWN 3   /* sentences that a reader takes in at a glance */
#define ANSWERS_SOURCES 5 /* passages, for the measure of retrieval alone */
/* A refusal is sure when this is the confidence to be reached: none. */
#define ANSWERS_NEVER_REFUSE "0"

/* Sums over one group of questions. */
typedef struct {
    size_t count, refused, document, paragraph, first, shown, sources, exact;
    double f1;
    double *ms, *confidence;
} tally;

/* ---- judging one answer ------------------------------------------------------------------- */

static bool any_gold_in(const json_t *gold, str s) {
    size_t i;
    json_t *answer;
    json_array_foreach((json_t *)gold, i,
                       answer) if (score_contains(s, eval_string(answer, "text"))) return true;
    return false;
}

static bool gold_in_array(const json_t *gold, const json_t *items, size_t most) {
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)items, i,
                       item) if (i < most &&
                                 any_gold_in(gold, eval_string(item, "text"))) return true;
    return false;
}

static void judge_answerable(const eval_question *q, const json_t *object, tally *t) {
    const json_t *sentences = json_object_get(object, "sentences");
    const json_t *citation =
        json_array_get(json_object_get(json_array_get(sentences, 0), "citations"), 0);
    bool document = str_eq(eval_stem(eval_string(citation, "document")), q->article);
    t->sources += gold_in_array(q->answers, json_object_get(object, "sources"), ANSWERS_SOURCES);
    if (json_is_true(json_object_get(object, "refused"))) return;
    t->document += document;
    t->paragraph += document && score_contains(q->paragraph, eval_string(citation, "quote"));
    t->first += gold_in_array(q->answers, sentences, 1);
    t->shown += gold_in_array(q->answers, sentences, ANSWERS_SHOWN);
    str answer = eval_string(object, "answer");
    double exact = 0, f1 = 0;
    size_t i;
    json_t *gold;
    json_array_foreach((json_t *)q->answers, i, gold) {
        double e = score_exact(answer, eval_string(gold, "text"));
        double f = score_f1(answer, eval_string(gold, "text"));
        exact = e > exact ? e : exact;
        f1 = f > f1 ? f : f1;
    }
    t->exact += exact > 0;
    t->f1 += f1;
}

static bool judge(const eval_questions *qs, const json_t *objects, tally *t, error *err) {
    size_t i;
    json_t *object;
    *t = (tally){.count = qs->count,
                 .ms = mem_new(qs->count + 1, sizeof *t->ms),
                 .confidence = mem_new(qs->count + 1, sizeof *t->confidence)};
    json_array_foreach((json_t *)objects, i, object) {
        if (json_object_get(object, "error") || !json_object_get(object, "refused"))
            return error_set(err, ERROR_INPUT, "question %zu gave no answer: " STR_FMT, i + 1,
                             STR_ARG(eval_string(object, "error")));
        t->ms[i] =
            json_number_value(json_object_get(json_object_get(object, "timings_ms"), "total"));
        t->confidence[i] = json_number_value(json_object_get(object, "confidence"));
        t->refused += json_is_true(json_object_get(object, "refused"));
        if (qs->items[i].answers) judge_answerable(&qs->items[i], object, t);
    }
    return true;
}

static void tally_free(tally *t) {
    mem_free(t->ms);
    mem_free(t->confidence);
}

/* ---- asking ------------------------------------------------------------------------------- */

static bool ask(const eval_run *run, const char *library, const char *file,
                const eval_questions *qs, bool refuse, json_t **objects, error *err) {
    text lines = {0}, questions_path = {0}, answers_path = {0};
    text_printf(&questions_path, "%s/%s.questions", run->folder.p, file);
    text_printf(&answers_path, "%s/%s.answers", run->folder.p, file);
    for (size_t i = 0; i < qs->count; i++) {
        for (size_t k = 0; k < qs->items[i].text.n; k++) {
            char c = qs->items[i].text.p[k];
            text_put_char(&lines, c == '\n' || c == '\r' ? ' ' : c);
        }
        text_put_char(&lines, '\n');
    }
    const char *arguments[] = {"ask",
                               "--library",
                               library,
                               "--json",
                               "--questions",
                               questions_path.p,
                               refuse ? NULL : "--threshold",
                               ANSWERS_NEVER_REFUSE,
                               NULL};
    bool ok = eval_write(questions_path.p, text_str(&lines), err) &&
              eval_carrel(run, arguments, answers_path.p, 0, NULL, err) &&
              eval_objects(answers_path.p, qs->count, objects, err);
    text_free(&lines);
    text_free(&questions_path);
    text_free(&answers_path);
    return ok;
}

static bool ask_and_judge(const eval_run *run, const char *library, const eval_questions *qs,
                          bool refuse, tally *t, error *err) {
    json_t *objects = NULL;
    bool ok = ask(run, library, qs->count && qs->items[0].answers ? "answerable" : "unanswerable",
                  qs, refuse, &objects, err) &&
              judge(qs, objects, t, err);
    json_decref(objects);
    return ok;
}

/* ---- telling ------------------------------------------------------------------------------ */

static double share(double part, size_t of) {
    return of ? 100.0 * part / (double)of : 0;
}

static void put_row(json_t *row, const char *set, const char *key, const char *name, double value,
                    const char *unit) {
    printf("%-12s %-58s %7.1f%s\n", set, name, value, unit);
    json_object_set_new(row, key, json_real(value));
}

static void tell_times(json_t *row, const char *set, const char *kind, tally *t) {
    double mean = score_mean(t->ms, t->count);
    double median = score_percentile(t->ms, t->count, 0.5);
    double p95 = score_percentile(t->ms, t->count, 0.95);
    printf("%-12s %-12s ms: mean %.1f, median %.1f, p95 %.1f\n", set, kind, mean, median, p95);
    json_object_set_new(
        row, kind,
        json_pack("{s:f, s:f, s:f}", "mean_ms", mean, "median_ms", median, "p95_ms", p95));
}

static void tell_answerable(json_t *row, const char *set, const tally *t) {
    size_t n = t->count;
    put_row(row, set, "sources5", "gold answer in the first five sources", share(t->sources, n),
            "%");
    put_row(row, set, "document", "first citation from the right document", share(t->document, n),
            "%");
    put_row(row, set, "paragraph", "first citation from the right paragraph",
            share(t->paragraph, n), "%");
    put_row(row, set, "first", "gold answer in the first shown sentence", share(t->first, n), "%");
    put_row(row, set, "first3", "gold answer in the first three", share(t->shown, n), "%");
    put_row(row, set, "exact", "exact match", share(t->exact, n), "%");
    put_row(row, set, "f1", "F1", share(t->f1, n), "%");
}

/* Refusal as a detector of unanswerable questions. */
static void tell_refusal(json_t *row, const char *set, const tally *yes, const tally *no) {
    double precision = share(no->refused, no->refused + yes->refused);
    double recall = share(no->refused, no->count);
    double f1 = precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0;
    put_row(row, set, "refusal_precision", "refusal precision", precision, "%");
    put_row(row, set, "refusal_recall", "refusal recall", recall, "%");
    put_row(row, set, "refusal_f1", "refusal F1", f1, "%");
    put_row(row, set, "overall_f1", "F1 over both kinds (a refusal of an unanswerable one is 100)",
            share(yes->f1 + (double)no->refused, yes->count + no->count), "%");
}

/* How often an answerable question has more confidence than an unanswerable one (ties half). */
static void tell_confidence(json_t *row, const char *set, const tally *yes, const tally *no) {
    double sum = 0;
    for (size_t i = 0; i < yes->count; i++)
        for (size_t k = 0; k < no->count; k++)
            sum += yes->confidence[i] > no->confidence[k]    ? 1
                   : yes->confidence[i] == no->confidence[k] ? 0.5
                                                             : 0;
    put_row(row, set, "confidence_auc", "answerable above unanswerable in confidence (AUC)",
            share(sum, yes->count * no->count), "%");
}

static bool measure_questions(const eval_run *run, const char *set, const char *library,
                              const json_t *articles, json_t *row, arena *a, error *err) {
    eval_questions can, cannot;
    eval_squad_choose(articles, true, run->questions, a, &can);
    eval_squad_choose(articles, false, run->questions, a, &cannot);
    printf("%-12s %zu answerable and %zu unanswerable questions, evenly spread\n", set, can.count,
           cannot.count);
    tally open = {0}, yes = {0}, no = {0};
    bool ok = ask_and_judge(run, library, &can, false, &open, err) &&
              ask_and_judge(run, library, &can, true, &yes, err) &&
              ask_and_judge(run, library, &cannot, true, &no, err);
    if (ok) {
        json_t *never = json_object(), *shipped = json_object();
        printf("%-12s -- never refusing\n", set);
        tell_answerable(never, set, &open);
        printf("%-12s -- as shipped (a refused question counts as missed)\n", set);
        tell_answerable(shipped, set, &yes);
        put_row(shipped, set, "refused_answerable", "answerable ones refused",
                share(yes.refused, yes.count), "%");
        tell_refusal(shipped, set, &yes, &no);
        tell_confidence(shipped, set, &yes, &no);
        tell_times(shipped, set, "answerable", &yes);
        tell_times(shipped, set, "unanswerable", &no);
        json_object_set_new(row, "never_refusing", never);
        json_object_set_new(row, "as_shipped", shipped);
        fflush(stdout);
    }
    tally_free(&open);
    tally_free(&yes);
    tally_free(&no);
    return ok;
}

/* A third of the articles is left out: none of the documents speaks of what their questions ask. */
static bool measure_withheld(const eval_run *run, const char *set, const json_t *articles,
                             json_t *row, arena *a, error *err) {
    json_t *kept = json_array(), *withheld = json_array(), *article;
    char *name = arena_cstr(a, arena_printf(a, "%s-withheld", set)), *folder, *library;
    size_t i;
    json_array_foreach((json_t *)articles, i, article)
        json_array_append(i % 3 == 2 ? withheld : kept, article);
    eval_questions can, cannot;
    eval_squad_choose(kept, true, run->questions, a, &can);
    eval_squad_choose(withheld, true, run->questions, a, &cannot);
    tally yes = {0}, no = {0};
    bool ok = eval_folder(run, a, name, &folder, err) && eval_squad_write(kept, folder, err) &&
              eval_add(run, a, name, folder, &library, err) &&
              ask_and_judge(run, library, &can, true, &yes, err) &&
              ask_and_judge(run, library, &cannot, true, &no, err);
    if (ok) {
        json_t *figures = json_object();
        printf("%-12s -- %zu of %zu articles not in the library: %zu questions about them, %zu "
               "about the others\n",
               set, json_array_size(withheld), json_array_size(articles), cannot.count, can.count);
        tell_refusal(figures, set, &yes, &no);
        tell_confidence(figures, set, &yes, &no);
        json_object_set_new(row, "withheld", figures);
        fflush(stdout);
    }
    tally_free(&yes);
    tally_free(&no);
    json_decref(kept);
    json_decref(withheld);
    return ok;
}

static bool measure_file(const eval_run *run, const char *file, const char *set, json_t *report,
                         error *err) {
    arena *a = arena_new();
    char *folder, *library;
    json_t *root = NULL, *row = json_pack("{s:s}", "set", set);
    bool ok = eval_squad_read(file, &root, err) && eval_folder(run, a, set, &folder, err);
    const json_t *articles = json_object_get(root, "data");
    ok = ok && eval_squad_write(articles, folder, err) &&
         eval_add(run, a, set, folder, &library, err) &&
         measure_questions(run, set, library, articles, row, a, err) &&
         measure_withheld(run, set, articles, row, a, err);
    json_array_append_new(report, row);
    json_decref(root);
    arena_free(a);
    return ok ? true : error_wrap(err, "%s", set);
}

bool eval_answers(const eval_run *run, json_t *report, error *err) {
    arena *a = arena_new();
    char **files;
    size_t count;
    char *folder = arena_cstr(a, arena_printf(a, STR_FMT "/answers", STR_ARG(run->eval)));
    bool here = access(folder, F_OK) == 0;
    bool ok = !here || eval_list(folder, a, &files, &count, err);
    if (!here) printf("SKIP: %s is not here\n", folder);
    for (size_t i = 0; ok && here && i < count; i++) {
        str name = str_of(files[i]), tail = STR(".json.gz");
        if (!str_ends(name, tail)) continue;
        char *set = arena_cstr(a, str_cut(name, 0, name.n - tail.n));
        ok = measure_file(run, arena_cstr(a, arena_printf(a, "%s/%s", folder, files[i])), set,
                          report, err);
    }
    arena_free(a);
    return ok;
}
