/* A page that was read twice: its own text, and what was recognised on its picture. Which stands?
 */
#ifndef CARREL_INGEST_REREAD_H
#define CARREL_INGEST_REREAD_H

#include "ingest/ingest.h"

typedef enum {
    REREAD_KEEP,    /* the page stays as it was parsed */
    REREAD_RESTORE, /* it was suspected to be garbled, and says the same as its picture: it is text */
    REREAD_TAKE     /* what was recognised stands */
} reread_choice;

/* `read` has one page, the recognised one. */
reread_choice reread_choose(const ingest_document *parsed, uint32_t page,
                            const ingest_document *read);

/* Lines at the top or bottom of recognised pages that come again on others become footers: each page
 * was recognised alone, where nobody could see that. The blocks are of one document, in the order of its
 * pages. */
void reread_mark_running(const ingest_page *pages, ingest_block *blocks, size_t block_count);

/* A comment or the like, which stands in no picture of the page. */
bool reread_is_beside(const ingest_block *b);

#endif
