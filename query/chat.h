/* A conversation with a decoder: instruction, numbered passages, question, in the chat format that
 * the model was trained on. Room-private.
 */
#ifndef CARREL_QUERY_CHAT_H
#define CARREL_QUERY_CHAT_H

#include "query/answer.h"

typedef struct {
    engine_session *session;
    float *logits;        /* [vocab], of the last token */
    size_t passages_told; /* the first so many passages are in the prompt */
} query_conversation;

/* Tokenises and evaluates the prompt; as many passages as fit into the context go in. Text of
 * documents and of the question is never parsed for control tokens. */
bool query_conversation_open(const query_job *job, str instruction, query_conversation *out,
                             error *err);
bool query_conversation_say(query_conversation *c, int32_t id, error *err);
void query_conversation_close(query_conversation *c);

#endif
