/* A conversation with a decoder: instruction, numbered passages, question, in the chat format that
 * the model was trained on. Room-private.
 */
#ifndef CARREL_QUERY_CHAT_H
#define CARREL_QUERY_CHAT_H

#include "query/answer.h"

/* What stands around the texts of one turn. Only these strings become special tokens. */
typedef struct {
    const char *name;  /* as QUERY_CHAT_NAMES has it */
    const char *start; /* before the instruction */
    const char *user;  /* between the instruction and the user's text */
    const char *reply; /* after the user's text */
    bool thinks;       /* the model may open a thinking section */
    bool opened;       /* `reply` has opened it */
} query_chat;

/* Told from the model's chat template, or the one called `forced` (NULL: told). Where the family can
 * think and `thinking` is false, the strings keep it from doing so. ERROR_MODEL where the template
 * is of no known family. */
bool query_chat_find(const engine_info *info, const char *forced, bool thinking, query_chat *out,
                     error *err);

/* The prompt's tokens into ids, at most `limit`, the arena's. As many passages as fit go in, the
 * first so many. Text of documents and of the question never becomes a special token. */
bool query_prompt(const query_job *job, const engine_tokenizer *t, const query_chat *chat,
                  str instruction, size_t limit, int32_t **ids, size_t *count,
                  size_t *passages_told, error *err);

typedef struct {
    engine_session *session;
    const engine_tokenizer *tokenizer;
    query_chat chat;
    float *logits;            /* [vocab], of the last token */
    size_t passages_told;     /* the first so many passages are in the prompt */
    int32_t think[2];         /* the ids of <think> and </think>, -1: written in several tokens */
    uint32_t thinking_tokens; /* there is room for so many before the reply */
} query_conversation;

/* Tokenises and evaluates the prompt, in a context with room for the reply and, with `thinking`, for
 * a thinking section before it. */
bool query_conversation_open(const query_job *job, str instruction, bool thinking,
                             query_conversation *out, error *err);
bool query_conversation_say(query_conversation *c, int32_t id, error *err);
/* The model's section ends here, whatever it would have gone on to think. */
bool query_conversation_end_thinking(query_conversation *c, error *err);
/* The bytes of a token of the reply; of special ones only those that open and close thinking. */
void query_conversation_put(const query_conversation *c, int32_t id, text *out);
void query_conversation_close(query_conversation *c);

#endif
