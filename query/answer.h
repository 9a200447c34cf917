/* What the two modes share: the state of one question on its way to an answer. Room-private.
 */
#ifndef CARREL_QUERY_ANSWER_H
#define CARREL_QUERY_ANSWER_H

#include "query/evidence.h"
#include "query/passages.h"
#include "query/query.h"

typedef struct {
    const query_context *q;
    str question;
    const query_options *options; /* defaults filled in */
    const query_events *events;   /* never NULL */
    const query_passage *passages;
    size_t passage_count;
    const query_evidence *evidence;
    arena *a;
    query_answer *out;
} query_job;

/* Each fills out->answer and out->sentences. */
bool query_answer_verbatim(query_job *job, error *err); /* reader, or constrained decoder */
bool query_answer_written(query_job *job, error *err);  /* needs a decoder */

/* What a decoder is told before the passages of a written answer. */
extern const char query_written_instruction[];

/* Tells the events that a sentence is final, and appends it to out->sentences, whose array has
 * room for options->sentences. */
void query_add_sentence(query_job *job, const query_sentence *s);

/* Before the library is searched: what was held of it goes if it has changed (query/conversation.c). */
void query_memory_watch(query_memory *m, index_library *library);

bool query_cancelled(const query_job *job);

#endif
