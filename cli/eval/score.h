/* The measures that the field knows: SQuAD's normalisation, exact match and F1, nDCG, percentiles.
 *
 * `carrel eval` and the measuring programs of tests/eval share them, so that a figure means the same
 * wherever it stands. base/ alone is included: those programs know nothing else of Carrel.
 */
#ifndef CARREL_CLI_EVAL_SCORE_H
#define CARREL_CLI_EVAL_SCORE_H

#include "base/base.h"

/* Lower case, punctuation and the articles a, an, the left out, white space single: the
 * normalisation of the SQuAD evaluation script (Rajpurkar et al. 2016). */
void score_normalize(text *out, str s);
/* 1 when both normalise to the same. */
double score_exact(str answer, str gold);
/* Harmonic mean of precision and recall over normalised words; both empty: 1, one empty: 0. */
double score_f1(str answer, str gold);
/* Whether the normalised words of `needle` stand together in those of `s`; an empty needle is
 * nowhere. */
bool score_contains(str s, str needle);

/* Normalised discounted cumulative gain: gain is the grade, discount log2(rank + 1), as trec_eval
 * and BEIR have it. grades: of the results in their order; ideal: all grades of the query, any
 * order (it is sorted in place). */
double score_ndcg(const int *grades, size_t count, int *ideal, size_t ideal_count, size_t at);

/* Sorts values in place; share 0.5 is the median. 0 for no values. */
double score_percentile(double *values, size_t count, double share);
double score_mean(const double *values, size_t count);
/* The interval of 95 per cent in which the true share lies when `part` of `of` were seen (Wilson
 * 1927); 0 to 1 for none. */
void score_wilson(size_t part, size_t of, double *low, double *high);

#endif
