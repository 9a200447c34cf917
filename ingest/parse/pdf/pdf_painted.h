/* What has been painted on a page so far, and which of its texts stand where: for pdf_drawing.c. */
#ifndef CARREL_INGEST_PDF_PAINTED_H
#define CARREL_INGEST_PDF_PAINTED_H

#include "ingest/parse/pdf/pdf_drawing.h"

typedef struct pdf_painted pdf_painted;

/* `out` is borrowed: its shows are marked as covered, and it says where the page is too full. */
pdf_painted *pdf_painted_new(pdf_drawing *out, float height_pt);
void pdf_painted_free(pdf_painted *p); /* NULL is fine */

/* An area, within the page. `colour` is known where all of it has that colour; `covers`: what was
 * drawn below it cannot be seen any more. */
void pdf_painted_put(pdf_painted *p, box b, pdf_colour colour, bool covers);

/* The show that is added next to the drawing's: what is painted from now on may cover it. */
void pdf_painted_put_show(pdf_painted *p, const pdf_show *s);

/* What was painted last at this point: white where nothing was, unknown where too much was
 * asked. */
pdf_colour pdf_painted_at(pdf_painted *p, float x, float y);

/* How far above the baseline the middle of the letters is; below 0, since y goes down. */
float pdf_painted_middle(const pdf_show *s);

#endif
