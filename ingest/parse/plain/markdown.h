/* What the files of the Markdown parser share: markdown.c finds the blocks, markdown_inline.c reduces
 * what stands in one to its text, markdown_front.c reads what stands before them, markdown_html.c what
 * stands there in HTML. */
#ifndef CARREL_INGEST_PARSE_MARKDOWN_H
#define CARREL_INGEST_PARSE_MARKDOWN_H

#include "ingest/record.h"

/* Emphasis, links, code spans, escapes, entities and HTML tags give way to the text in them;
 * pictures to nothing. Line ends stay. What is struck out is left out, and its bytes are added to
 * *struck_bytes. Appends to out. */
void markdown_inline(str s, text *out, size_t *struck_bytes);

/* What a file says of itself before its text; empty where it says nothing. */
typedef struct {
    text title, language, date, tags; /* tags parted by ", " */
} markdown_front;

/* The offset of the text behind the front matter; 0 where there is none. */
size_t markdown_front_read(str all, markdown_front *out);
void markdown_front_free(markdown_front *f);

/* True where a table, list or heading in HTML begins with this line; `rest` begins with it too, and
 * *bytes of it belong together. */
bool markdown_html_begins(str line, str rest, size_t *bytes);
void markdown_html_write(str html, record_writer *out);

#endif
