/* What the files of the PPTX parser share: pptx.c (the presentation and its order), pptx_slide.c (the
 * text of a slide). */
#ifndef CARREL_INGEST_PARSE_PPTX_H
#define CARREL_INGEST_PARSE_PPTX_H

#include "ingest/parse/office/ooxml.h"
#include "ingest/parse/office/pictures.h"
#include "ingest/parse/office/xml.h"

/* A shape that stands on the slide itself, not in a group. EMU; a group is one shape. */
typedef struct {
    str type, index; /* of its placeholder; empty: it is none */
    bool placeholder, placed;
    long x, y, width, height;
} pptx_shape;

typedef struct {
    pptx_shape *items;
    size_t count, room;
} pptx_shapes;

typedef struct {
    package *p;
    arena *a;
    story *s;
    ooxml_relations relations; /* of the slide that is read */
    pptx_shapes layout;        /* where placeholders stand that do not say it themselves */
    str layout_part;
    /* what is told at the end */
    size_t broken;
    pictures pictures;
} pptx;

/* Where the shapes of a slide, layout or master stand. */
void pptx_find_shapes(pptx *x, size_t entry, pptx_shapes *out);
void pptx_free_shapes(pptx_shapes *s);
/* The text of one shape, or of all of them in the order of the file (SIZE_MAX). */
bool pptx_put_shapes(pptx *x, size_t entry, size_t only, error *err);
/* The speaker's notes, "Notes: ..." */
void pptx_put_notes(pptx *x, size_t entry);
void pptx_put_comments(pptx *x, size_t entry);

#endif
