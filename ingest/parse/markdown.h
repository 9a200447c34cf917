/* What the two files of the Markdown parser share: markdown.c finds the blocks, markdown_inline.c
 * reduces what stands in one to its text. */
#ifndef CARREL_INGEST_PARSE_MARKDOWN_H
#define CARREL_INGEST_PARSE_MARKDOWN_H

#include "base/base.h"

/* Emphasis, links, code spans, escapes, entities and HTML tags give way to the text in them;
 * pictures to nothing. Line ends stay. Appends to out. */
void markdown_inline(str s, text *out);

#endif
