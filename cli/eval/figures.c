/* The figures: sums over all results. Each is taken over the questions that have what it needs, and
 * says over how many. A refused answer shows nothing, so it counts as missed in what is shown.
 *
 * Confidence is held against whether the first sentence answers the question, shown or not: that is
 * what it claims. Brier 1950; the calibration error is the mean over ten bins of the distance
 * between what was stated and what came true, weighted by the questions in each; risk and coverage
 * as in El-Yaniv and Wiener 2010: answering only the surest, how many of those are wrong.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/eval/eval.h"

const size_t eval_hit_ranks[EVAL_HITS] = {1, 3, 5, EVAL_DEPTH};

static double ratio(double part, double of) {
    return of > 0 ? part / of : (double)NAN;
}

static void add_ranking(const eval_result *r, eval_figures *f) {
    if (!r->ranked) return;
    f->retrieval.count++;
    f->retrieval.ranks[r->rank]++;
    if (r->rank == 0) return;
    f->retrieval.mrr += 1 / (double)r->rank;
    for (size_t i = 0; i < EVAL_HITS; i++) f->retrieval.hits[i] += r->rank <= eval_hit_ranks[i];
}

static void add_answer(const eval_result *r, eval_figures *f) {
    f->answers.placed += r->placed;
    f->answers.cited += r->placed && r->cited && !r->refused;
    if (r->item->kind != EVAL_ANSWERABLE || r->item->answer_count == 0) return;
    f->answers.count++;
    f->answers.first += r->first;
    f->answers.three += r->three;
    if (!r->spanned) return;
    f->answers.spanned++;
    f->answers.exact += r->exact;
    f->answers.f1 += r->f1;
}

static void end_means(eval_figures *f) {
    f->retrieval.mrr = ratio(f->retrieval.mrr, (double)f->retrieval.count);
    f->answers.exact = ratio(f->answers.exact, (double)f->answers.spanned);
    f->answers.f1 = ratio(f->answers.f1, (double)f->answers.spanned);
    size_t refused = f->refusals[EVAL_UNANSWERABLE].refused;
    size_t wrongly = f->refusals[EVAL_ANSWERABLE].refused;
    size_t none = f->kinds[EVAL_UNANSWERABLE];
    /* Without a question of the other kind, precision would be 0 or 1 whatever was done. */
    f->precision = none ? ratio((double)refused, (double)(refused + wrongly)) : (double)NAN;
    f->recall = ratio((double)refused, (double)none);
    f->refusal_f1 = refused ? 2 * f->precision * f->recall / (f->precision + f->recall)
                    : none  ? 0
                            : (double)NAN;
}

/* ---- confidence --------------------------------------------------------------------------- */

typedef struct {
    double confidence;
    bool correct;
} claim;

static int surest_first(const void *a, const void *b) {
    double x = ((const claim *)a)->confidence, y = ((const claim *)b)->confidence;
    return (x < y) - (x > y);
}

static void add_bins(const claim *claims, size_t n, eval_figures *f) {
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)(claims[i].confidence * EVAL_BINS);
        eval_bin *bin = &f->bins[at < EVAL_BINS ? at : EVAL_BINS - 1];
        double miss = claims[i].confidence - (claims[i].correct ? 1 : 0);
        bin->count++;
        bin->right += claims[i].correct;
        bin->confidence += claims[i].confidence;
        f->right += claims[i].correct;
        f->brier += miss * miss;
    }
    for (size_t i = 0; i < EVAL_BINS; i++) {
        eval_bin *bin = &f->bins[i];
        f->calibration_error += fabs(bin->confidence - (double)bin->right);
        if (bin->count) bin->confidence /= (double)bin->count;
    }
    f->brier = ratio(f->brier, (double)n);
    f->calibration_error = ratio(f->calibration_error, (double)n);
}

/* Equal confidences cannot be told apart, so they are answered together. Surest first. */
static void add_curve(const claim *claims, size_t n, eval_figures *f) {
    size_t wrong = 0;
    double area = 0, above = 0;
    f->curve = mem_new(n + 1, sizeof *f->curve);
    for (size_t i = 0, end; i < n; i = end) {
        size_t right_here = 0;
        for (end = i; end < n && claims[end].confidence == claims[i].confidence; end++)
            right_here += claims[end].correct;
        size_t wrong_here = end - i - right_here, right_before = i - wrong;
        /* Pairs of a right and a wrong one in which the right one is surer; ties count half. */
        above += (double)wrong_here * ((double)right_before + (double)right_here / 2);
        wrong += wrong_here;
        double risk = (double)wrong / (double)end;
        area += risk * (double)(end - i);
        f->curve[f->curve_count++] =
            (eval_point){(double)end / (double)n, risk, claims[i].confidence};
    }
    f->aurc = ratio(area, (double)n);
    f->auroc = ratio(above, (double)wrong * (double)(n - wrong));
}

static void add_confidence(const eval_result *results, size_t count, eval_figures *f) {
    claim *claims = mem_new(count + 1, sizeof *claims);
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (results[i].known) claims[n++] = (claim){results[i].confidence, results[i].correct};
    f->judged = n;
    qsort(claims, n, sizeof *claims, surest_first);
    add_bins(claims, n, f);
    add_curve(claims, n, f);
    mem_free(claims);
}

void eval_measure(const eval_result *results, size_t count, double threshold, eval_figures *out) {
    memset(out, 0, sizeof *out);
    out->questions = count;
    out->threshold = threshold;
    double *ms = mem_new(count + 1, sizeof *ms);
    for (size_t i = 0; i < count; i++) {
        const eval_result *r = &results[i];
        out->kinds[r->item->kind]++;
        out->refused_all += r->refused;
        out->refusals[r->item->kind].refused += r->refused;
        out->refusals[r->item->kind].shown += !r->refused;
        out->verdicts[r->verdict]++;
        ms[i] = r->total_ms;
        add_ranking(r, out);
        add_answer(r, out);
    }
    end_means(out);
    add_confidence(results, count, out);
    out->median_ms = score_percentile(ms, count, 0.5);
    out->p95_ms = score_percentile(ms, count, 0.95);
    mem_free(ms);
}

void eval_figures_free(eval_figures *f) {
    mem_free(f->curve);
    f->curve = NULL;
    f->curve_count = 0;
}
