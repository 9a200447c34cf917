/* A conversation with a decoder: the prompt is read, then one token after the other is said.
 * Room-private.
 */
#ifndef CARREL_QUERY_CONVERSATION_H
#define CARREL_QUERY_CONVERSATION_H

#include "query/chat.h"

enum { QUERY_MOST_DRAFT = 15 /* with the token before it, the 16 that cost as much as 2 or 3 */ };

typedef struct {
    engine_session *session;
    query_memory *memory; /* owns the session, or NULL */
    const engine_tokenizer *tokenizer;
    query_chat chat;
    query_prompt prompt;
    const float *logits;      /* [vocab], of what comes next */
    int32_t think[2];         /* the ids of <think> and </think>, -1: written in several tokens */
    uint32_t thinking_tokens; /* there is room for so many before the reply */
    /* Private to conversation.c: */
    int32_t *ids; /* [n_ctx]: the prompt and all that was said */
    size_t length, n_ctx, vocab;
    float *rows;                       /* [1 + QUERY_MOST_DRAFT][vocab] */
    int32_t run[1 + QUERY_MOST_DRAFT]; /* the token said last, and what is proposed after it */
    size_t run_count, run_at;          /* tokens in run; those that have been said */
    bool drafts;
    float gain;     /* proposals accepted in a run, on average of late */
    uint32_t rests; /* runs until the next proposal */
    query_reading *reading;
} query_conversation;

/* Tokenises and evaluates the prompt, in a context with room for the reply and, with `thinking`, for
 * a thinking section before it. What the job's memory holds of the prompt is not read again. */
bool query_conversation_open(const query_job *job, str instruction, bool thinking,
                             query_conversation *out, error *err);
/* Says a token: logits are then those of what follows it. */
bool query_conversation_say(query_conversation *c, int32_t id, error *err);
/* The model's section ends here, whatever it would have gone on to think. */
bool query_conversation_end_thinking(query_conversation *c, error *err);
/* The bytes of a token of the reply; of special ones only those that open and close thinking. */
void query_conversation_put(const query_conversation *c, int32_t id, text *out);
void query_conversation_close(query_conversation *c);

#endif
