/* check-samples QUESTIONS ANSWERS PAGES: are the answers over samples/ right, and proven?
 *
 * QUESTIONS is samples/questions.jsonl, ANSWERS what `carrel ask --questions --json` printed for
 * it, PAGES a folder with the text of every page as other programs than ours read it (made by
 * tests/e2e/samples.sh): NAME.PAGE.KIND, or NAME.all where a document has no pages. Every miss is
 * printed. A sentence counts as verbatim when its letters, digits and signs stand in that order on
 * the cited page; white space, hyphens (a word broken at a line's end) and marks of tables and
 * Markdown do not count.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/eval/eval.h"

#define LEAST_RIGHT_PERCENT 90   /* 36 of 40 */
#define LEAST_REFUSED_PERCENT 80 /* 8 of 10 */

typedef struct {
    const char *pages;
    size_t answerable, right, first, unanswerable, refused, sentences, strays;
    size_t passed, failed;
    double *ms, *sure, *unsure; /* confidence of answerable and unanswerable questions */
    size_t count;
} check;

/* ---- verbatim ----------------------------------------------------------------------------- */

/* U+2010..U+2012, U+00AD and U+2212 are hyphens or minus signs to one program or another. */
static bool counts(uint32_t c) {
    if (c < 0x80) return c > ' ' && !strchr("-|*_`#\\<>~", (int)c);
    return c != 0xA0 && c != 0xAD && c != 0x202F && c != 0x3000 && (c < 0x2007 || c > 0x2012) &&
           c != 0x2212;
}

static void put_counting(text *out, str s) {
    size_t used;
    for (size_t at = 0; at < s.n; at += used) {
        uint32_t c = utf8_next(s.p + at, s.n - at, &used);
        if (c >= 0xFB00 && c <= 0xFB04) { /* ligatures, as one program leaves them */
            static const char *const letters[] = {"ff", "fi", "fl", "ffi", "ffl"};
            text_put(out, str_of(letters[c - 0xFB00]));
        } else if (counts(c)) {
            text_put_codepoint(out, c);
        }
    }
}

/* Adds the text of a page file; false where there is none. */
static bool put_page(text *out, const char *path) {
    text bytes = {0};
    error ignored; /* the file's absence was looked at; damage would show as a stray sentence */
    bool there = access(path, R_OK) == 0 && eval_read(path, &bytes, &ignored);
    if (there) {
        put_counting(out, text_str(&bytes));
        text_put_char(out, '\n'); /* nothing matches across two readings */
    }
    text_free(&bytes);
    return there;
}

static bool on_page(const check *c, str document, int page, str sentence) {
    static const char *const kinds[] = {"plain", "layout", "raw"};
    text haystack = {0}, needle = {0};
    char path[4096];
    bool any = false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        snprintf(path, sizeof path, "%s/" STR_FMT ".%d.%s", c->pages, STR_ARG(document), page,
                 kinds[i]);
        any |= put_page(&haystack, path);
    }
    if (!any) {
        snprintf(path, sizeof path, "%s/" STR_FMT ".all", c->pages, STR_ARG(document));
        any = put_page(&haystack, path);
    }
    put_counting(&needle, sentence);
    bool found =
        any && needle.n > 0 && str_find(text_str(&haystack), text_str(&needle), 0) != SIZE_MAX;
    text_free(&haystack);
    text_free(&needle);
    return found;
}

/* ---- one question ------------------------------------------------------------------------- */

static str file_name(str path) {
    for (size_t i = path.n; i > 0; i--)
        if (path.p[i - 1] == '/') return str_cut(path, i, path.n);
    return path;
}

static void check_sentences(check *c, const json_t *object) {
    size_t i, k;
    json_t *sentence, *citation;
    bool write = str_eq(eval_string(object, "mode"), STR("write"));
    json_array_foreach(json_object_get(object, "sentences"), i, sentence)
        json_array_foreach(json_object_get(sentence, "citations"), k, citation) {
        str shown = eval_string(write ? citation : sentence, write ? "quote" : "text");
        str document = file_name(eval_string(citation, "document"));
        int page = (int)json_integer_value(json_object_get(citation, "page"));
        c->sentences++;
        if (on_page(c, document, page, shown)) continue;
        c->strays++;
        printf("stray: \"" STR_FMT "\"\n       is not on " STR_FMT ", page %d\n", STR_ARG(shown),
               STR_ARG(document), page);
    }
}

static void check_answerable(check *c, const json_t *question, const json_t *object) {
    str document = eval_string(question, "document"), gold = eval_string(question, "answer");
    int page = (int)json_integer_value(json_object_get(question, "page"));
    const json_t *sentence = json_array_get(json_object_get(object, "sentences"), 0);
    const json_t *citation = json_array_get(json_object_get(sentence, "citations"), 0);
    str cited = file_name(eval_string(citation, "document"));
    int cited_page = (int)json_integer_value(json_object_get(citation, "page"));
    bool refused = json_is_true(json_object_get(object, "refused"));
    bool right = !refused && str_eq(cited, document) && cited_page == page;
    bool first = !refused && score_contains(eval_string(sentence, "text"), gold);
    c->sure[c->answerable++] = json_number_value(json_object_get(object, "confidence"));
    c->right += right;
    c->first += first;
    if (right && first) return;
    printf("%s: " STR_FMT "\n      wanted " STR_FMT ", page %d: \"" STR_FMT "\"\n",
           right ? "other sentence" : "miss", STR_ARG(eval_string(question, "question")),
           STR_ARG(document), page, STR_ARG(gold));
    if (refused) { /* what stood nearest tells whether the search or the threshold is to blame */
        const json_t *source = json_array_get(json_object_get(object, "sources"), 0);
        cited = file_name(eval_string(source, "document"));
        cited_page = (int)json_integer_value(json_object_get(source, "page_first"));
    }
    printf("      %s " STR_FMT ", page %d (confidence %.2f): \"" STR_FMT "\"\n",
           refused ? "refused; nearest" : "got", STR_ARG(cited), cited_page,
           json_number_value(json_object_get(object, "confidence")),
           STR_ARG(eval_string(sentence, "text")));
}

static void check_unanswerable(check *c, const json_t *question, const json_t *object) {
    bool refused = json_is_true(json_object_get(object, "refused"));
    const json_t *sentence = json_array_get(json_object_get(object, "sentences"), 0);
    c->unsure[c->unanswerable++] = json_number_value(json_object_get(object, "confidence"));
    c->refused += refused;
    if (!refused)
        printf("not refused: " STR_FMT "\n      got (confidence %.2f): \"" STR_FMT "\"\n",
               STR_ARG(eval_string(question, "question")),
               json_number_value(json_object_get(object, "confidence")),
               STR_ARG(eval_string(sentence, "text")));
}

static bool check_all(check *c, const json_t *questions, const json_t *answers, error *err) {
    size_t i;
    json_t *question;
    size_t all = json_array_size(questions) + 1;
    c->ms = mem_new(all, sizeof *c->ms);
    c->sure = mem_new(all, sizeof *c->sure);
    c->unsure = mem_new(all, sizeof *c->unsure);
    json_array_foreach((json_t *)questions, i, question) {
        const json_t *object = json_array_get(answers, i);
        if (json_object_get(object, "error") || !json_object_get(object, "refused"))
            return error_set(err, ERROR_INPUT, "Question %zu gave no answer: " STR_FMT, i + 1,
                             STR_ARG(eval_string(object, "error")));
        if (!str_eq(eval_string(object, "question"), eval_string(question, "question")))
            return error_set(err, ERROR_INPUT, "Answer %zu belongs to another question.", i + 1);
        c->ms[c->count++] =
            json_number_value(json_object_get(json_object_get(object, "timings_ms"), "total"));
        check_sentences(c, object);
        if (json_is_null(json_object_get(question, "document")))
            check_unanswerable(c, question, object);
        else
            check_answerable(c, question, object);
    }
    return true;
}

static void verdict(check *c, bool ok, const char *what) {
    printf("%s - %s\n", ok ? "ok" : "not ok", what);
    if (ok)
        c->passed++;
    else
        c->failed++;
}

static void tell(check *c) {
    char line[200];
    snprintf(line, sizeof line, "%zu of %zu questions cite the right page first (at least %d%%)",
             c->right, c->answerable, LEAST_RIGHT_PERCENT);
    verdict(c, c->answerable > 0 && 100 * c->right >= LEAST_RIGHT_PERCENT * c->answerable, line);
    snprintf(line, sizeof line,
             "%zu of %zu questions that nothing answers are refused (at least "
             "%d%%)",
             c->refused, c->unanswerable, LEAST_REFUSED_PERCENT);
    verdict(c, c->unanswerable > 0 && 100 * c->refused >= LEAST_REFUSED_PERCENT * c->unanswerable,
            line);
    snprintf(line, sizeof line, "%zu of %zu shown sentences stand on the page they cite",
             c->sentences - c->strays, c->sentences);
    verdict(c, c->sentences > 0 && c->strays == 0, line);
    printf("note: the first sentence holds the answer for %zu of %zu\n", c->first, c->answerable);
    /* Between these two lies the threshold that would pass both checks, if there is one. */
    size_t least = (c->unanswerable * LEAST_REFUSED_PERCENT + 99) / 100;
    printf("note: %d%% of the answerable have a confidence of at least %.2f, %d%% of the others "
           "one of at most %.2f\n",
           LEAST_RIGHT_PERCENT,
           score_percentile(c->sure, c->answerable, 1 - LEAST_RIGHT_PERCENT / 100.0 + 1e-9),
           LEAST_REFUSED_PERCENT,
           score_percentile(c->unsure, c->unanswerable, (double)least / (double)c->unanswerable));
    printf("note: answer ms: mean %.1f, median %.1f, p95 %.1f\n", score_mean(c->ms, c->count),
           score_percentile(c->ms, c->count, 0.5), score_percentile(c->ms, c->count, 0.95));
    printf("%zu passed, %zu failed, 0 skipped\n", c->passed, c->failed);
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: check-samples QUESTIONS ANSWERS PAGES\n");
        return ERROR_USAGE;
    }
    error err = {0};
    check c = {.pages = argv[3]};
    json_t *questions = NULL, *answers = NULL;
    bool ok = eval_objects(argv[1], SIZE_MAX, &questions, &err) &&
              eval_objects(argv[2], json_array_size(questions), &answers, &err) &&
              check_all(&c, questions, answers, &err);
    if (ok)
        tell(&c);
    else
        fprintf(stderr, "check-samples: %s\n", err.text);
    json_decref(questions);
    json_decref(answers);
    mem_free(c.ms);
    mem_free(c.sure);
    mem_free(c.unsure);
    return ok ? (c.failed ? 1 : 0) : (int)err.code;
}
