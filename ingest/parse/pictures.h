/* Pictures inside office documents and books: a page that was scanned and pasted is text all the same. */
#ifndef CARREL_INGEST_PARSE_PICTURES_H
#define CARREL_INGEST_PARSE_PICTURES_H

#include "ingest/parse/package.h"

/* Those that a document shows. {0} is none yet. */
typedef struct {
    bool *shown;    /* by entry */
    size_t outside; /* that are not in the package */
} pictures;

/* Each time one is met; PACKAGE_NONE: it is somewhere else. */
void pictures_meet(pictures *x, const package *p, size_t entry);
/* Names those that may hold text as parts, for character recognition, and notes how many are not read. */
void pictures_put(pictures *x, package *p, record_writer *out);
void pictures_free(pictures *x);
/* The bytes of such a part. */
package_member_fn pictures_member;

#endif
