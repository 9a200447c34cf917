/* Drafting: a guess at what comes next, taken from what stands already in the prompt. Room-private.
 *
 * Answers copy: names, doses and whole clauses stand in the passages. Where the last tokens stood
 * before, what followed them there is proposed, and a decoder looks at all of it at once, for little
 * more than the cost of one token (prompt lookup decoding: Saxena, 2023; speculative decoding:
 * Leviathan et al., 2023). A proposal is only ever a proposal: what is said is what would have been
 * said without it.
 */
#ifndef CARREL_QUERY_DRAFT_H
#define CARREL_QUERY_DRAFT_H

#include "base/base.h"

/* What followed the earlier place in ids [n] that ends as ids does in the most tokens, 2 at least, the
 * last of several; the more there are the more is proposed, at most `most` tokens. */
size_t query_draft(const int32_t *ids, size_t n, size_t most, int32_t *out);

#endif
