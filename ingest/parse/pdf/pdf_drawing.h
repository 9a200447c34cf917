/* What a page draws, in order: where text begins, and whether something speaks against its being
 * seen. pdf_drawing.c follows the operators; pdf_hidden.c judges, and looks at the page where it
 * must.
 */
#ifndef CARREL_INGEST_PDF_DRAWING_H
#define CARREL_INGEST_PDF_DRAWING_H

#include "base/base.h"
#include "ingest/parse/pdf/pdf_rules.h"

/* Why a reader may not see a text. */
typedef enum {
    PDF_SEEN,
    PDF_INVISIBLE,   /* drawn without ink (rendering mode 3) */
    PDF_TRANSPARENT, /* alpha 0 */
    PDF_COLOUR,      /* perhaps in the colour of its background */
    PDF_COVERED,     /* something was drawn over it later */
    PDF_CLIPPED,     /* outside of what may be drawn on, or behind a mask */
    PDF_TINY,
    PDF_OFF_PAGE,
    PDF_LAYER_OFF, /* in a layer (optional content) that is switched off */
    PDF_HIDINGS
} pdf_hiding;

typedef struct {
    float red, green, blue; /* 0..1 */
    bool known;             /* false: of a colour space that only a renderer knows, an image ... */
} pdf_colour;

/* What the page marks as no part of the document's text, and, of these, as a running head or
 * foot. */
#define PDF_ARTIFACT UINT32_MAX
#define PDF_PAGINATION (UINT32_MAX - 1)

/* A string that is drawn. Coordinates as poppler gives them: points from the upper left corner of
 * the page as it is shown. */
typedef struct {
    float x, y;         /* where its baseline begins */
    float end_x, end_y; /* where it may end: a guess, half the font size for each character */
    float size_pt;
    pdf_colour behind;   /* what it stands on, where PDF_COLOUR was found */
    uint32_t characters; /* but for spaces, where it can be told */
    uint32_t element;    /* of the document's structure (pdf_tags.h), 0: none; or PDF_ARTIFACT */
    uint8_t hiding;
    bool follows;  /* it begins where the one before ended: x and y are that one's */
    bool exact;    /* COVERED, CLIPPED: `by` is all that is to be known */
    box by;        /* COVERED: what covers it; CLIPPED: outside of this nothing is drawn */
    bool level;    /* its baseline runs from left to right */
    bool drawable; /* its font is embedded, so that the page can be looked at */
} pdf_show;

typedef struct {
    pdf_show *shows;
    size_t count, room;
    size_t suspects;              /* characters that need a look */
    uint32_t off_page, layer_off; /* characters; poppler's text leaves both out */
    pdf_rules rules;
    bool images;
    size_t replaced;       /* characters that stand in the text for what is drawn (ActualText) */
    bool fields, comments; /* the page may have some: widgets, annotations that are no links */
    int turned;            /* by how many degrees the page is shown, clockwise */
    bool whole;            /* false: the page could not be followed to its end */
    bool heavy;            /* it draws so much that drawing it to look at it may take minutes */
    float user_unit;
} pdf_drawing;

/* The page as poppler shows it. */
typedef struct {
    double width_pt, height_pt;                /* as shown, turned */
    double crop_x0, crop_y0, crop_x1, crop_y1; /* in PDF's own coordinates */
} pdf_page_box;

/* A document's drawings. NULL where they cannot be read; the text is then taken as it is. */
typedef struct pdf_drawings pdf_drawings;
pdf_drawings *pdf_drawings_open(str bytes, const char *password);
void pdf_drawings_close(pdf_drawings *d); /* NULL is fine */

/* A form that is drawn by programs of its own format (XFA); what the PDF itself shows is a request
 * to wait. */
bool pdf_drawings_xfa_alone(const pdf_drawings *d);

/* `number` from 1. Shows live in `a`. */
void pdf_follow_page(pdf_drawings *d, uint32_t number, const pdf_page_box *page, arena *a,
                     pdf_drawing *out);

#endif
