/* An automaton over the tokens of the passages: it allows exactly those continuations that copy a
 * contiguous piece of one passage. Room-private.
 */
#ifndef CARREL_QUERY_CONSTRAIN_H
#define CARREL_QUERY_CONSTRAIN_H

#include "query/passages.h"

typedef struct query_automaton query_automaton;

query_automaton *query_automaton_new(const engine_tokenizer *t,
                                     const query_passage *const *passages, size_t count, arena *a);
/* Sets bit i of allowed ([vocab / 64 + 1] words) for each id that may come next; the end tokens
 * too, once something was taken and a word is complete. */
void query_automaton_allow(const query_automaton *m, uint64_t *allowed);
void query_automaton_take(query_automaton *m, int32_t id); /* one that was allowed */
/* The first place where what was taken stands; false before anything was taken. */
bool query_automaton_span(const query_automaton *m, const query_passage **p, uint32_t *begin,
                          uint32_t *end);

#endif
