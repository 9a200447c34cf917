/* eval-ingest EVAL_DIR: scores what parsing makes of the documents there; see eval_ingest.h.
 *
 * Files are shared out over threads, each with a worker of its own, so that the time is that of the
 * machine. Every figure that is printed was measured in this run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/eval/ingest/eval_ingest.h"

#define WORST_FILES 6

static const char usage[] =
    "eval-ingest [OPTIONS] EVAL_DIR   scores the text of documents whose text is known\n"
    "  --only SET      sets whose name begins so: nfcorpus-pdf, docling, docling-pdf, articles,\n"
    "                  readability, scans, filings, clinical-guidelines\n"
    "  --every N       every Nth file of each set; N/K begins at the Kth (2/1 and 2/2 are halves)\n"
    "  --files         every file's scores, worst first (else the worst six of each set)\n"
    "  --show NAME     what was found in this file; --truth NAME: what was expected\n"
    "  --rows N        N rows of the filings' tables with the headings that they stand with\n"
    "  --out FILE      the figures of every file, tab-separated\n"
    "  --threads N     (default: the cores of the machine)\n";

typedef struct {
    const char *eval, *only, *out, *name;
    size_t every, first, rows;
    int threads;
    bool files;
    judge_show show;
} settings;

typedef struct {
    eval_cases all;
    ingest_worker **workers;
    judge_show show;
} job;

static bool value_of(int argc, char **argv, int *i, const char **out, error *err) {
    if (*i + 1 >= argc) return error_set(err, ERROR_USAGE, "%s needs a value.", argv[*i]);
    *out = argv[++*i];
    return true;
}

static bool parse_every(const char *value, settings *s, error *err) {
    char *end;
    s->every = strtoul(value, &end, 10);
    s->first = *end == '/' ? strtoul(end + 1, NULL, 10) : 1;
    return (s->every > 0 && s->first > 0 && s->first <= s->every) ||
           error_set(err, ERROR_USAGE, "--every %s is neither N nor N/K.", value);
}

static bool parse(int argc, char **argv, settings *s, error *err) {
    const char *every = "1", *rows = "0", *threads = "0";
    for (int i = 1; i < argc; i++) {
        const char *o = argv[i];
        bool ok = true;
        if (strcmp(o, "--only") == 0)
            ok = value_of(argc, argv, &i, &s->only, err);
        else if (strcmp(o, "--every") == 0)
            ok = value_of(argc, argv, &i, &every, err);
        else if (strcmp(o, "--rows") == 0)
            ok = value_of(argc, argv, &i, &rows, err);
        else if (strcmp(o, "--out") == 0)
            ok = value_of(argc, argv, &i, &s->out, err);
        else if (strcmp(o, "--threads") == 0)
            ok = value_of(argc, argv, &i, &threads, err);
        else if (strcmp(o, "--files") == 0)
            s->files = true;
        else if (strcmp(o, "--show") == 0)
            s->show.text = true, ok = value_of(argc, argv, &i, &s->name, err);
        else if (strcmp(o, "--truth") == 0)
            s->show.truth = true, ok = value_of(argc, argv, &i, &s->name, err);
        else if (o[0] == '-' || s->eval)
            return error_set(err, ERROR_USAGE, "%s is not understood.\n%s", o, usage);
        else
            s->eval = o;
        if (!ok) return false;
    }
    s->rows = strtoul(rows, NULL, 10);
    s->threads = atoi(threads);
    if (!parse_every(every, s, err)) return false;
    return s->eval || error_set(err, ERROR_USAGE, "Which folder?\n%s", usage);
}

/* Keeps every Nth of each set, or the one that is named. */
static void choose(const settings *s, eval_cases *all) {
    size_t kept = 0, place = 0;
    const char *set = NULL;
    for (size_t i = 0; i < all->count; i++) {
        const eval_case *c = &all->items[i];
        if (!set || strcmp(set, c->set) != 0) place = 0;
        set = c->set;
        bool taken = s->name ? str_eq(c->name, str_of(s->name)) : place % s->every == s->first - 1;
        place++;
        if (taken) all->items[kept++] = *c;
    }
    all->count = kept;
}

static void judge_range(void *context, size_t begin, size_t end, int worker) {
    job *j = context;
    for (size_t i = begin; i < end; i++) judge(j->workers[worker], &j->all.items[i], &j->show);
}

static bool run(const settings *s, job *j, error *err) {
    pool *p = pool_new(s->threads);
    int threads = pool_size(p);
    bool ok = true;
    double start = clock_ms();
    j->workers = mem_new((size_t)threads, sizeof(ingest_worker *));
    for (int i = 0; ok && i < threads; i++)
        ok =
            ingest_worker_open(getenv("CARREL_PARSE"), &ingest_default_limits, &j->workers[i], err);
    if (ok) parallel_for(p, j->all.count, 1, judge_range, j);
    if (ok && !s->name) {
        table_files(&j->all, s->files ? SIZE_MAX : WORST_FILES);
        table_sets(&j->all);
    }
    if (ok && s->rows) ok = rows_show(j->workers[0], &j->all, s->rows, err);
    if (ok && s->out) ok = table_write(&j->all, s->out, err);
    if (ok && !s->name)
        printf("\n%zu files in %.1f s by %d threads\n", j->all.count, (clock_ms() - start) / 1000,
               threads);
    for (int i = 0; i < threads; i++) ingest_worker_close(j->workers[i]);
    mem_free(j->workers);
    pool_free(p);
    return ok;
}

int main(int argc, char **argv) {
    error err = {0};
    settings s = {0};
    job j = {.all = {.a = arena_new()}};
    bool ok = parse(argc, argv, &s, &err);
    j.show = s.show;
    if (ok && access(s.eval, F_OK) != 0) {
        printf("SKIP: %s is not here\n", s.eval);
    } else if (ok && (ok = cases_find(s.eval, s.only, &j.all, &err))) {
        choose(&s, &j.all);
        ok = run(&s, &j, &err);
    }
    if (!ok) fprintf(stderr, "eval-ingest: %s\n", err.text);
    mem_free(j.all.items);
    arena_free(j.all.a);
    return ok ? 0 : (int)err.code;
}
