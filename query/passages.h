/* The passages that an answer is made from: the best of what was retrieved, with their neighbours,
 * within a budget of tokens.
 */
#ifndef CARREL_QUERY_PASSAGES_H
#define CARREL_QUERY_PASSAGES_H

#include "query/query.h"

typedef struct {
    query_source source;
    bool neighbour; /* attached because it stands beside a better one */
} query_passage;

/* At most `most` of the sources, best first, then chunks that stand beside the first ones, while
 * the budget (tokens of the embedding model) lasts. The best passage is always in. */
bool query_pack(const query_context *q, const query_source *sources, size_t source_count,
                size_t most, size_t budget_tokens, arena *a, query_passage **out, size_t *count,
                error *err);

/* The citation of bytes [begin, end) of a passage's text: page, label, boxes and the quote. */
bool query_cite(const query_context *q, const query_passage *p, uint32_t begin, uint32_t end,
                arena *a, query_citation *out, error *err);

/* The bytes that repeat the chunk before, when that chunk is among the passages too; else 0. */
uint32_t query_repeated_bytes(const query_passage *passages, size_t count, size_t which);

#endif
