/* Pictures and documents inside office documents and books: a page that was scanned and pasted is text all
 * the same, and so is a sheet in a letter. */
#ifndef CARREL_INGEST_PARSE_PICTURES_H
#define CARREL_INGEST_PARSE_PICTURES_H

#include "ingest/parse/archive/package.h"

/* Those that a document shows. {0} is none yet. */
typedef struct {
    bool *shown;    /* by entry */
    size_t outside; /* that are not in the package */
} pictures;

/* Each time one is met; PACKAGE_NONE: it is somewhere else. */
void pictures_meet(pictures *x, const package *p, size_t entry);
/* Names those that can be read as parts, pictures for character recognition, and notes how many are
 * not. */
void pictures_put(pictures *x, package *p, record_writer *out);
void pictures_free(pictures *x);
/* The bytes of such a part. */
package_member_fn pictures_member;

#endif
