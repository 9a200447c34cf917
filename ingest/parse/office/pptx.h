/* What the files of the PPTX parser share: pptx.c (the presentation and its order), pptx_shape.c
 * (where shapes stand, and on what), pptx_slide.c (the text of a slide). */
#ifndef CARREL_INGEST_PARSE_PPTX_H
#define CARREL_INGEST_PARSE_PPTX_H

#include "ingest/parse/office/ooxml.h"
#include "ingest/parse/office/pictures.h"
#include "ingest/parse/office/xml.h"

/* A shape that stands on the slide itself, not in a group. EMU; a group is one shape. */
typedef struct {
    str type, index; /* of its placeholder; empty: it is none */
    bool placeholder, placed;
    bool ground;  /* a fill that is not white, or a picture: white letters can be read on it */
    bool bare;    /* what is white in it stands on a white slide */
    bool outside; /* wholly off the slide */
    long x, y, width, height;
} pptx_shape;

typedef struct {
    pptx_shape *items;
    size_t count, room;
    /* of the slide, layout or master that they stand on */
    bool hidden;      /* not in the show */
    bool has_ground;  /* says what its own ground is */
    bool white;       /* and that it is white */
    bool dark_ground; /* the map of its colours makes a dark one of the ground's */
} pptx_shapes;

typedef struct {
    package *p;
    arena *a;
    story *s;
    ooxml_relations relations; /* of the slide that is read */
    pptx_shapes layout;        /* where placeholders stand that do not say it themselves */
    pptx_shapes master;
    pptx_shapes slide;
    long width, height; /* of a slide; 0: not said */
    str layout_part;
    /* what is told at the end */
    size_t broken, hidden_bytes, struck_bytes;
    pictures pictures;
} pptx;

/* pptx_shape.c: where the shapes of a slide, layout or master stand, and on what. */
void pptx_find_shapes(pptx *x, size_t entry, pptx_shapes *out);
void pptx_free_shapes(pptx_shapes *s);
bool pptx_is_white(const xml_element *e); /* of a:srgbClr, a:schemeClr ... */
/* When all have their places: what of x->slide nobody can see. */
void pptx_judge_shapes(pptx *x);
/* The text of one shape, or of all of them in the order of the file (SIZE_MAX). */
bool pptx_put_shapes(pptx *x, size_t entry, size_t only, error *err);
/* The speaker's notes, "Notes: ..." */
void pptx_put_notes(pptx *x, size_t entry);
void pptx_put_comments(pptx *x, size_t entry);

#endif
