/* What is said to a decoder: instruction, numbered passages, question, in the chat format that the
 * model was trained on. Room-private.
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

/* What a prompt says, the arena's. */
typedef struct {
    int32_t *ids;
    size_t count;
    size_t shared;                    /* tokens in front of the question */
    const query_passage *const *told; /* the passage that the prompt calls [i + 1] */
    size_t told_count;
} query_prompt;

/* At most `limit` tokens. As many passages as fit go in, the best first; they stand in an order of
 * their own (document, then place in it), so that another question that finds the same passages
 * begins with the same tokens. Text of documents and of the question never becomes a special
 * token. */
bool query_prompt_build(const query_job *job, const engine_tokenizer *t, const query_chat *chat,
                        str instruction, size_t limit, query_prompt *out, error *err);
/* The tokens that end a section of thinking; at most `most`. */
size_t query_prompt_end_of_thought(const engine_tokenizer *t, int32_t *ids, size_t most);

#endif
