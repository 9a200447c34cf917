/* Which characters of a page a reader cannot see. */
#ifndef CARREL_INGEST_PDF_HIDDEN_H
#define CARREL_INGEST_PDF_HIDDEN_H

#include <poppler.h>

#include "ingest/parse/pdf/pdf_drawing.h"

typedef struct pdf_look pdf_look;

/* `left_ms`: of the document, for drawing pages; what is not drawn any more is kept and told. */
pdf_look *pdf_look_new(PopplerPage *page, pdf_drawings *drawings, uint32_t number, double *left_ms);
void pdf_look_free(pdf_look *l);

/* One byte for each of poppler's rectangles: a pdf_hiding. NULL where all of it is seen. */
const uint8_t *pdf_look_at(pdf_look *l, const char *all, const PopplerRectangle *boxes,
                           guint box_count, GList *attributes);

typedef struct {
    uint32_t characters[PDF_HIDINGS]; /* left out, by reason */
    uint32_t layer;                   /* kept: an invisible text with ink below it */
    bool images;
    bool unsure; /* not all of it could be followed or looked at */
} pdf_hidden_facts;
const pdf_drawing *pdf_look_drawing(const pdf_look *l);
void pdf_look_facts(const pdf_look *l, pdf_hidden_facts *out);

uint32_t pdf_hidden_count(const pdf_hidden_facts *f); /* of all reasons */

/* For the page: "left out 312 characters that a reader cannot see (invisible)"; may be empty. */
str pdf_hidden_note(const pdf_hidden_facts *f, arena *a);

#endif
