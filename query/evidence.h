/* Evidence: every sentence of the passages as a candidate for the answer, with what speaks for it,
 * and how much all of it together speaks for there being an answer at all.
 */
#ifndef CARREL_QUERY_EVIDENCE_H
#define CARREL_QUERY_EVIDENCE_H

#include "query/passages.h"

/* What is measured of a sentence. All are about 0..1 but READER and SENTENCE,
 * differences of logits. */
typedef enum {
    EVIDENCE_READER,   /* the best span in it against "no answer", clipped */
    EVIDENCE_COVERAGE, /* share of the question's words, by weight, that stand in it */
    EVIDENCE_CONTEXT,  /* the same with the sentences beside it, the heading and the title */
    EVIDENCE_COSINE,   /* of its vector with the question's */
    EVIDENCE_RANK,     /* fused score of its passage */
    EVIDENCE_FRESH,    /* words that the question does not have, 1 for FRESH_ENOUGH and more: a
                        * sentence that only repeats the question (a heading) cannot answer it */
    EVIDENCE_SENTENCE, /* how much more the reader believes in it than in none, clipped */
    EVIDENCE_FEATURES
} evidence_feature;

/* What says whether there is an answer: the features of the first candidate, and these. */
typedef enum {
    EVIDENCE_UNKNOWN = EVIDENCE_FEATURES, /* share of the question's words, by weight, that stand
                                           * nowhere in the library */
    EVIDENCE_SHARE,     /* of the first candidate in the softmax over all: where several are equally
                             * good, usually none is */
    EVIDENCE_MARGIN,    /* of its score over the next with another answer, clipped */
    EVIDENCE_BEST_SPAN, /* the greatest READER of all candidates */
    EVIDENCE_BEST_SENTENCE, /* and SENTENCE */
    EVIDENCE_WORDS,         /* BM25 of its passage, in parts of what the question's words weigh */
    EVIDENCE_NEAREST,       /* the greatest cosine of a passage with the question */
    EVIDENCE_LENGTH,        /* content words of the question, 1 for LONG_QUESTION and more */
    EVIDENCE_FACTS
} evidence_fact;

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
    double facts[EVIDENCE_FACTS]; /* zeros without a candidate */
    double confidence;            /* 0..1: that the first candidate answers the question */
} query_evidence;

bool query_weigh(const query_context *q, str question, const query_passage *passages, size_t count,
                 arena *a, query_evidence *out, error *err);

#endif
