/* The structure that a tagged PDF states: what each piece of its text is. pdf_tags.c reads the
 * tree, pdf_tagged.c tells which lines it speaks of, and how far it is to be believed.
 */
#ifndef CARREL_INGEST_PDF_TAGS_H
#define CARREL_INGEST_PDF_TAGS_H

#include "ingest/parse/pdf/pdf.h"
#include "ingest/parse/pdf/pdf_drawing.h"

/* What the innermost element is that says more than "a part of something": its block. */
typedef struct {
    uint8_t role;  /* pdf_tag_role */
    uint8_t level; /* of a heading, from 1; 0: not told */
    int page;      /* object number of the page that it begins on; 0: not told */
    str alt;       /* description of a figure; mostly empty */
} pdf_element;

/* A structure is read once for the document; its elements stand in reading order, from 1. */
typedef struct pdf_tags {
    pdf_element *elements;
    size_t count, room;
    struct pdf_tag_content *contents; /* sorted when all are read */
    size_t content_count, content_room;
    uint32_t *alts; /* elements with a description */
    size_t alt_count;
    struct pdf_tag_page *pages; /* one for each page of the document */
    uint32_t page_count;
    bool cut; /* the tree is larger than what is read of it */
} pdf_tags;

/* NULL where the document has no structure. The drawings find its marks from then on.
 * Descriptions live in `a`. */
pdf_tags *pdf_tags_open(pdf_drawings *d, uint32_t page_count, arena *a);
void pdf_tags_close(pdf_tags *t); /* NULL is fine */

/* The element of the marked content of this number in a page or form of this object number; 0: of
 * none. */
uint32_t pdf_tags_find(const pdf_tags *t, int object, int number);

/* pdf_tagged.c. Tells of the lines that a page added which elements they are of. */
void pdf_tag_lines(pdf_tags *t, const pdf_drawing *drawing, uint32_t page, pdf_line *lines,
                   size_t count);

/* The next description of a figure on this page that stands before `element` in reading order (0:
 * any); `*at` begins as 0 for each page. Empty when there is none left. */
str pdf_tags_next_alt(const pdf_tags *t, uint32_t page, uint32_t element, size_t *at);

/* Shared by both files. */
struct pdf_tag_page {
    int object;             /* its number */
    size_t tagged, unknown; /* characters drawn with an element or as an artifact, and without */
};

#endif
