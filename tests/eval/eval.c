/* carrel-eval EVAL_DIR: measures search and ask on public sets, see tests/eval/eval.h.
 *
 * EVAL_DIR has retrieval/SET/ (BEIR layout), answers/SET.json.gz (SQuAD 2.0 format) and
 * documents/FOLDER/ (files of any kind); all that lies there is measured. `make eval` runs it. A
 * number is printed only for what was run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/eval/eval.h"

#define EVAL_QUESTIONS 500

static const char usage[] =
    "carrel-eval [OPTIONS] EVAL_DIR   measures carrel on the sets of a folder\n"
    "  --build FOLDER    where the carrel to measure lies (default: beside this program)\n"
    "  --questions N     of each kind, answerable and unanswerable (default 500)\n"
    "  --only KIND       retrieval, answers or documents\n"
    "  --train           also the train splits of retrieval sets\n"
    "  --json FILE       the figures as JSON\n"
    "  --keep            leaves the temporary folder\n";

typedef struct {
    eval_run run;
    const char *json, *only, *build;
    text carrel;
} settings;

static bool value_of(int argc, char **argv, int *i, const char **out, error *err) {
    if (*i + 1 >= argc) return error_set(err, ERROR_USAGE, "%s needs a value.", argv[*i]);
    *out = argv[++*i];
    return true;
}

static bool parse(int argc, char **argv, settings *s, error *err) {
    const char *number = NULL;
    for (int i = 1; i < argc; i++) {
        bool ok = true;
        if (strcmp(argv[i], "--build") == 0)
            ok = value_of(argc, argv, &i, &s->build, err);
        else if (strcmp(argv[i], "--questions") == 0)
            ok = value_of(argc, argv, &i, &number, err);
        else if (strcmp(argv[i], "--only") == 0)
            ok = value_of(argc, argv, &i, &s->only, err);
        else if (strcmp(argv[i], "--json") == 0)
            ok = value_of(argc, argv, &i, &s->json, err);
        else if (strcmp(argv[i], "--train") == 0)
            s->run.train = true;
        else if (strcmp(argv[i], "--keep") == 0)
            s->run.keep = true;
        else if (argv[i][0] == '-' || s->run.eval.n > 0)
            return error_set(err, ERROR_USAGE, "%s is not understood.\n%s", argv[i], usage);
        else
            s->run.eval = str_of(argv[i]);
        if (!ok) return false;
    }
    if (number && (s->run.questions = strtoul(number, NULL, 10)) == 0)
        return error_set(err, ERROR_USAGE, "--questions %s is no number above 0.", number);
    if (s->only && strcmp(s->only, "retrieval") != 0 && strcmp(s->only, "answers") != 0 &&
        strcmp(s->only, "documents") != 0)
        return error_set(err, ERROR_USAGE, "--only %s is not retrieval, answers or documents.",
                         s->only);
    return s->run.eval.n > 0 ? true : error_set(err, ERROR_USAGE, "Which folder?\n%s", usage);
}

static void find_carrel(const char *self, settings *s) {
    const char *slash = strrchr(self, '/');
    if (s->build)
        text_printf(&s->carrel, "%s/", s->build);
    else if (slash)
        text_put(&s->carrel, (str){self, (size_t)(slash - self) + 1});
    else
        text_put(&s->carrel, STR("./"));
    text_put(&s->carrel, STR("carrel"));
    s->run.carrel = s->carrel.p;
}

static const struct {
    const char *name;
    bool (*measure)(const eval_run *run, json_t *report, error *err);
} kinds[] = {
    {"retrieval", eval_retrieval}, {"answers", eval_answers}, {"documents", eval_documents}};

static bool measure(const settings *s, error *err) {
    json_t *report = json_object();
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof kinds / sizeof *kinds; i++) {
        if (s->only && strcmp(s->only, kinds[i].name) != 0) continue;
        json_t *rows = json_array();
        json_object_set_new(report, kinds[i].name, rows);
        ok = kinds[i].measure(&s->run, rows, err);
    }
    if (ok && s->json) {
        char *dump = json_dumps(report, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        text out = {0};
        text_printf(&out, "%s\n", dump);
        ok = eval_write(s->json, text_str(&out), err);
        text_free(&out);
        free(dump);
    }
    json_decref(report);
    return ok;
}

int main(int argc, char **argv) {
    error err = {0};
    settings s = {.run.questions = EVAL_QUESTIONS};
    bool ok = parse(argc, argv, &s, &err);
    find_carrel(argv[0], &s);
    if (ok && access(s.run.eval.p, F_OK) != 0) {
        printf("SKIP: %s is not here\n", s.run.eval.p);
        text_free(&s.carrel);
        return 0;
    }
    const char *tmp = getenv("TMPDIR");
    text_printf(&s.run.folder, "%s/carrel-eval-XXXXXX", tmp ? tmp : "/tmp");
    if (ok && !mkdtemp(s.run.folder.p))
        ok = error_set(&err, ERROR_IO, "%s cannot be made.", s.run.folder.p);
    else if (ok) {
        ok = measure(&s, &err);
        if (s.run.keep)
            printf("left in %s\n", s.run.folder.p);
        else
            eval_remove(s.run.folder.p);
    }
    if (!ok) fprintf(stderr, "carrel-eval: %s\n", err.text);
    text_free(&s.run.folder);
    text_free(&s.carrel);
    return ok ? 0 : (int)err.code;
}
