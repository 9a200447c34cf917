/* Written by models/train/calibrate.py; not by hand. See evidence.h for what is weighed.
 *
 * Fitted on 2400 questions about 262 held-out titles and groups.
 */
#ifndef CARREL_QUERY_CALIBRATION_H
#define CARREL_QUERY_CALIBRATION_H

#include "query/evidence.h"

/* clang-format off */
/* A softmax over the scores of all candidates says which one holds the answer, if one does. */
static const double sentence_weights[EVIDENCE_FEATURES] = {
    [EVIDENCE_READER] = 0.1440,
    [EVIDENCE_COVERAGE] = -0.4696,
    [EVIDENCE_CONTEXT] = 2.6767,
    [EVIDENCE_COSINE] = 2.6805,
    [EVIDENCE_RANK] = 4.3464,
    [EVIDENCE_FRESH] = 0.8030,
    [EVIDENCE_SENTENCE] = 0.5299,
};

/* A logistic model of whether the first candidate does. */
static const double answer_weights[EVIDENCE_FACTS] = {
    [EVIDENCE_READER] = 0.0797,
    [EVIDENCE_COVERAGE] = -0.6065,
    [EVIDENCE_CONTEXT] = 2.0142,
    [EVIDENCE_COSINE] = -0.0158,
    [EVIDENCE_RANK] = -0.1163,
    [EVIDENCE_FRESH] = -0.2696,
    [EVIDENCE_SENTENCE] = -0.1066,
    [EVIDENCE_UNKNOWN] = -1.2790,
    [EVIDENCE_SHARE] = 2.8079,
    [EVIDENCE_MARGIN] = 0.1788,
    [EVIDENCE_BEST_SPAN] = 0.0318,
    [EVIDENCE_BEST_SENTENCE] = 0.1964,
    [EVIDENCE_WORDS] = -0.7476,
    [EVIDENCE_NEAREST] = 0.0177,
    [EVIDENCE_LENGTH] = 0.3318,
};
static const double answer_bias = -2.9857;
/* clang-format on */

/* Under this confidence a question is refused: 94 of 100 that the library answered had more. */
#define CALIBRATED_THRESHOLD 0.10

#endif
