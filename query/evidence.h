/* Evidence: every sentence of the passages as a candidate for the answer, with what speaks for it,
 * and how much all of it together speaks for there being an answer at all.
 */
#ifndef CARREL_QUERY_EVIDENCE_H
#define CARREL_QUERY_EVIDENCE_H

#include "query/passages.h"

/* What is measured of a sentence. All are about 0..1 but READER, a difference of logits. */
typedef enum {
    EVIDENCE_READER,   /* the best span in it against "no answer", clipped */
    EVIDENCE_COVERAGE, /* share of the question's words, by weight, that stand in it */
    EVIDENCE_CONTEXT,  /* the same with the sentences beside it, the heading and the title */
    EVIDENCE_COSINE,   /* of its vector with the question's */
    EVIDENCE_RANK,     /* fused score of its passage */
    EVIDENCE_FRESH,    /* words that the question does not have, 1 for FRESH_ENOUGH and more: a
                        * sentence that only repeats the question (a heading) cannot answer it */
    EVIDENCE_FEATURES
} evidence_feature;

typedef struct {
    const query_passage *passage;
    uint32_t begin, end; /* bytes of the passage's text */
    bool heading;        /* announces what follows; such a one is no candidate in the end */
    bool has_span;
    embed_span span; /* inside [begin, end), bytes of the passage's text */
    double features[EVIDENCE_FEATURES];
    double score; /* its logit in a softmax over all candidates */
} query_candidate;

typedef struct {
    query_candidate *candidates; /* best first; no two with the same text */
    size_t count;
    double
        unknown;  /* share of the question's words, by weight, that stand nowhere in the library */
    double share; /* of the first candidate in the softmax over all scores */
    double confidence; /* 0..1: that the first candidate answers the question */
} query_evidence;

bool query_weigh(const query_context *q, str question, const query_passage *passages, size_t count,
                 arena *a, query_evidence *out, error *err);

#endif
