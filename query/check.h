/* Checking a written sentence against the passages. Room-private.
 */
#ifndef CARREL_QUERY_CHECK_H
#define CARREL_QUERY_CHECK_H

#include "query/answer.h"

/* Takes "[n]" marks out of `written`, looks at the passages they name (all of those told, when none
 * is named), and fills out: text without marks, verified or the reason why not, and the citation of
 * the sentence that supports it best. */
bool query_check_sentence(const query_job *job, str written, const query_passage *const *told,
                          size_t told_count, query_sentence *out, error *err);

/* Why the claim is not borne out by the evidence text, as a clause for a person; the empty slice
 * when every number, unit and identifier of it stands there, it denies no more and no less than
 * `quote` does, and enough of its words stand there. Pure: no library, no model. */
str query_unsupported(str claim, str evidence, str quote, arena *a);

#endif
