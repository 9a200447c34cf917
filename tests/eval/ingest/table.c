/* The figures told: a line for each set, a line for each file, and a file for other programs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/eval/ingest/eval_ingest.h"

/* A mean over the files that have the figure. */
typedef struct {
    double sum;
    size_t n;
} mean;

static void mean_add(mean *m, double value) {
    m->sum += value;
    m->n++;
}

static double mean_of(const mean *m) {
    return m->n ? m->sum / (double)m->n : 0;
}

static void print_mean(const mean *m) {
    if (m->n)
        printf(" %7.4f", mean_of(m));
    else
        printf("       -");
}

typedef struct {
    size_t files, failed, pages, wrong_headings;
    double seconds;
    mean f1, precision, recall, order, headings, cells, accuracy, whole_precision, whole_recall;
} totals;

static void totals_add(totals *t, const eval_case *c) {
    t->files++;
    t->failed += !c->parsed;
    t->pages += c->pages;
    t->seconds += c->ms / 1000;
    t->wrong_headings += c->wrong_headings;
    if (c->truth == TRUTH_NONE) return;
    mean_add(&t->f1, c->text.f1);
    if (c->text.found) mean_add(&t->precision, c->text.precision);
    mean_add(&t->recall, c->text.recall);
    if (c->whole.found) mean_add(&t->whole_precision, c->whole.precision);
    mean_add(&t->whole_recall, c->whole.recall);
    if (c->order >= 0) mean_add(&t->order, c->order);
    if (c->has_headings) mean_add(&t->headings, c->headings.f1);
    if (c->has_cells) mean_add(&t->cells, c->cells.f1);
    if (c->accuracy >= 0) mean_add(&t->accuracy, c->accuracy);
}

static void print_totals(const char *name, const totals *t) {
    printf("%-20s %5zu %6zu %6zu", name, t->files, t->failed, t->pages);
    print_mean(&t->f1);
    print_mean(&t->precision);
    print_mean(&t->recall);
    print_mean(&t->order);
    print_mean(&t->headings);
    print_mean(&t->cells);
    print_mean(&t->accuracy);
    printf(" %7.1f\n", t->seconds);
}

/* ---- files --------------------------------------------------------------------------------- */

/* What a file is ranked by. */
static double score_of(const eval_case *c) {
    return c->accuracy >= 0 ? c->accuracy : c->text.f1;
}

static int by_score(const void *a, const void *b) {
    const eval_case *x = *(const eval_case *const *)a, *y = *(const eval_case *const *)b;
    return (score_of(x) > score_of(y)) - (score_of(x) < score_of(y));
}

static void print_optional(bool there, double value) {
    if (there)
        printf(" %6.3f", value);
    else
        printf("      -");
}

static void print_file(const eval_case *c) {
    bool known = c->truth != TRUTH_NONE;
    print_optional(known, c->text.f1);
    print_optional(known, c->text.precision);
    print_optional(known, c->text.recall);
    print_optional(c->order >= 0, c->order);
    print_optional(c->has_headings, c->headings.f1);
    print_optional(c->has_cells, c->cells.f1);
    print_optional(c->accuracy >= 0, c->accuracy);
    printf("  %s/" STR_FMT, c->set, STR_ARG(c->name));
    if (!c->parsed) printf("  (%s)", c->why);
    for (int f = INGEST_FATE_TEXT + 1; f < INGEST_FATE_COUNT; f++)
        if (c->fates[f]) printf("  %zu %s", c->fates[f], ingest_fate_name((ingest_fate)f));
    putchar('\n');
}

void table_files(const eval_cases *all, size_t worst) {
    const eval_case **order = mem_new(all->count + 1, sizeof *order);
    printf("    F1 precis recall  order  heads  cells  words  file\n");
    for (size_t begin = 0, end; begin < all->count; begin = end) {
        size_t n = 0;
        for (end = begin; end < all->count && all->items[end].set == all->items[begin].set; end++)
            order[n++] = &all->items[end];
        qsort(order, n, sizeof *order, by_score);
        for (size_t i = 0; i < n && i < worst; i++) print_file(order[i]);
    }
    mem_free(order);
}

bool table_write(const eval_cases *all, const char *path, error *err) {
    FILE *f = fopen(path, "w");
    if (!f) return error_set(err, ERROR_IO, "%s cannot be written: %s", path, strerror(errno));
    fprintf(f, "set\tfile\tparsed\tpages\tms\tf1\tprecision\trecall\torder\theadings\tcells\t"
               "words\treason\n");
    for (size_t i = 0; i < all->count; i++) {
        const eval_case *c = &all->items[i];
        fprintf(f, "%s\t" STR_FMT "\t%d\t%zu\t%.1f\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%s\n",
                c->set, STR_ARG(c->name), c->parsed, c->pages, c->ms, c->text.f1, c->text.precision,
                c->text.recall, c->order, c->has_headings ? c->headings.f1 : -1,
                c->has_cells ? c->cells.f1 : -1, c->accuracy, c->why);
    }
    return fclose(f) == 0 ||
           error_set(err, ERROR_IO, "%s cannot be written: %s", path, strerror(errno));
}

/* ---- sets ---------------------------------------------------------------------------------- */

static void print_goal(const char *what, bool measured, double value, double goal) {
    if (measured)
        printf("%-58s %.4f, wanted %.2f: %s\n", what, value, goal,
               value >= goal ? "reached" : "not reached");
}

static totals sum_of(const eval_cases *all, const char *const *sets) {
    totals t = {0};
    for (size_t i = 0; i < all->count; i++)
        for (size_t k = 0; sets[k]; k++)
            if (strcmp(all->items[i].set, sets[k]) == 0) totals_add(&t, &all->items[i]);
    return t;
}

static double f1_of(const mean *precision, const mean *recall) {
    double p = mean_of(precision), r = mean_of(recall);
    return p + r > 0 ? 2 * p * r / (p + r) : 0;
}

static void print_goals(const eval_cases *all) {
    static const char *const nfcorpus[] = {"nfcorpus-pdf", NULL};
    static const char *const docling[] = {
        "docling-pdf",  "docling-docx", "docling-odf", "docling-html",
        "docling-epub", "docling-pptx", NULL};
    static const char *const articles[] = {"articles", NULL};
    static const char *const readability[] = {"readability", NULL};
    static const char *const scans[] = {"scans-docling", "scans-made", "scans-worn", NULL};
    totals t = sum_of(all, nfcorpus);
    printf("\n");
    print_goal("nfcorpus-pdf, mean F1", t.f1.n, mean_of(&t.f1), 0.98);
    t = sum_of(all, docling);
    print_goal("docling: pdf, docx, odf, html, epub, pptx, mean F1", t.f1.n, mean_of(&t.f1), 0.90);
    if (t.f1.n)
        printf("%-58s headings %.4f, table cells %.4f; %zu headings where the truth has none\n",
               "  of the same", mean_of(&t.headings), mean_of(&t.cells), t.wrong_headings);
    t = sum_of(all, articles);
    print_goal("articles, F1 of mean precision and mean recall", t.f1.n,
               f1_of(&t.precision, &t.recall), 0.96);
    if (t.f1.n)
        printf("%-58s %.4f, precision %.4f, recall %.4f\n",
               "  with the blocks told to be headline or caption",
               f1_of(&t.whole_precision, &t.whole_recall), mean_of(&t.whole_precision),
               mean_of(&t.whole_recall));
    t = sum_of(all, readability);
    print_goal("readability, mean F1", t.f1.n, mean_of(&t.f1), 0.90);
    t = sum_of(all, scans);
    print_goal("scans, mean word accuracy", t.accuracy.n, mean_of(&t.accuracy), 0.95);
}

void table_sets(const eval_cases *all) {
    printf("\n%-20s %5s %6s %6s %7s %7s %7s %7s %7s %7s %7s %7s\n", "set", "files", "failed",
           "pages", "F1", "precis.", "recall", "order", "heads", "cells", "words", "seconds");
    for (size_t i = 0; i < all->count; i++) {
        const char *one[] = {all->items[i].set, NULL};
        bool seen = false;
        for (size_t k = 0; k < i && !seen; k++) seen = strcmp(all->items[k].set, one[0]) == 0;
        if (seen) continue;
        totals t = sum_of(all, one);
        print_totals(one[0], &t);
    }
    print_goals(all);
}
