/* A PDF's objects as qpdf reads them, for pdf_drawing.c and pdf_tags.c. */
#ifndef CARREL_INGEST_PDF_OBJECTS_H
#define CARREL_INGEST_PDF_OBJECTS_H

#include <qpdf/qpdf-c.h>

#include "ingest/parse/pdf/pdf_drawing.h"
#include "ingest/parse/pdf/pdf_operators.h"

#define LAYERS_MAX 4096 /* of a document; real ones have dozens */

struct pdf_drawings {
    qpdf_data q;
    int pages;
    int off[LAYERS_MAX]; /* object numbers of layers */
    size_t off_count;
    bool xfa_alone;
    struct pdf_tags *tags; /* borrowed; NULL: not tagged */
};

/* Of a layer, or of a group of layers, which shows where one of them is on. */
bool pdf_layer_is_off(pdf_drawings *d, qpdf_oh oc);

/* The entry of a page's or form's resources, such as /Font /F1. */
qpdf_oh pdf_resource(pdf_drawings *d, qpdf_oh resources, const char *kind, str name);

/* pdf_marked.c: the element of marked content that begins with this operator, in a page or form of
 * this object number and with these resources. `around` is the one around it, where it has none. */
uint32_t pdf_marked_element(pdf_drawings *d, const pdf_operators *o, qpdf_oh resources, int stream,
                            uint32_t around);

/* How many characters stand in the text for what this marked content draws (ActualText), where
 * poppler heeds it. */
size_t pdf_replaced_characters(pdf_drawings *d, const pdf_operators *o, qpdf_oh resources);

/* Are there form fields and comments on the page? */
void pdf_find_annotations(pdf_drawings *d, qpdf_oh page, pdf_drawing *out);

/* What a page has itself or from the page tree above it. */
qpdf_oh pdf_inherited(pdf_drawings *d, qpdf_oh page, const char *name);

#endif
