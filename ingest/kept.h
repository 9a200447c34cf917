/* Memory in which carrel keeps bytes for its parsers: a container that lies in another, unpacked,
 * and runs of members that were unpacked together. It has no address in carrel, which never looks
 * at the bytes: they come from one confined process and go to another, as a descriptor. All that is
 * kept at any moment, whatever thread and document it is for, has one budget.
 */
#ifndef CARREL_INGEST_KEPT_H
#define CARREL_INGEST_KEPT_H

#include "base/base.h"

/* Of everything that is kept: a quarter of what one parser may have. */
#define KEPT_MAX_BYTES (256ull << 20)
/* Containers leave the rest to runs of members, which are short-lived and serve every document. */
#define KEPT_CONTAINERS_MAX_BYTES (192ull << 20)
#define KEPT_MAX_COUNT 128u /* a descriptor each; systems give a program 1024 */

typedef struct {
    int fd; /* -1: nothing is kept */
    uint64_t bytes, charged;
} kept_file;

/* Fails where so many are open. After a failure *k is as after kept_close. */
bool kept_open(kept_file *k, error *err);
/* Appends. Fails with ERROR_LIMIT where all that is kept would pass limit_bytes. */
bool kept_put(kept_file *k, const void *bytes, size_t n, uint64_t limit_bytes, error *err);
/* What is put next begins a page of its own, as it must to be mapped alone. */
void kept_begin_page(kept_file *k);
void kept_close(kept_file *k); /* fine with a closed one */

/* Of the process, at this moment. */
uint64_t kept_in_all(void);

#endif
