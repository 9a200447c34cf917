/* Passages that are put together with their copies while they come in. Room-private.
 */
#ifndef CARREL_QUERY_COPIES_H
#define CARREL_QUERY_COPIES_H

#include "query/query.h"

typedef struct {
    query_source *sources; /* room for `most` */
    uint64_t *hashes;      /* of their texts */
    size_t count, most;
} query_copies;

/* False where the chunk says what none before it does, and became a source, the last of them. True
 * where it is a copy of one, which is told of it, or there is no room. */
bool query_find_copy(query_copies *x, const index_chunk *c, arena *a);
/* Tells each source of the other files that have its document's bytes. */
bool query_find_files(const query_context *q, query_copies *x, arena *a, error *err);

#endif
