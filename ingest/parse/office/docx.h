/* What the files of the DOCX parser share: docx.c (the document and what stands beside it),
 * docx_body.c (paragraphs, runs, tables), docx_style.c (styles and numbering). */
#ifndef CARREL_INGEST_PARSE_DOCX_H
#define CARREL_INGEST_PARSE_DOCX_H

#include "ingest/parse/office/ooxml.h"
#include "ingest/parse/office/ooxml_math.h"
#include "ingest/parse/office/pictures.h"
#include "ingest/parse/office/story.h"
#include "ingest/parse/office/xml.h"

#define DOCX_LEVELS 9 /* of a list, and of outlines */

/* What decides whether anyone sees a run, and at which height; 1, 0, or -1: not said. */
typedef struct {
    signed char hidden;
    signed char struck; /* a line goes through it, or two */
    signed char white;  /* as paper is, or nearly */
    signed char shaded; /* a ground of its own that is not white */
    signed char level;  /* a script_level */
    int size;           /* in half points */
} docx_look;

#define DOCX_LOOK_UNSAID ((docx_look){-1, -1, -1, -1, -1, -1})

typedef struct {
    str id, name, based_on;
    int outline;     /* 0..8; -1: not said */
    int list, level; /* numId, ilvl; -1: not said */
    docx_look look;
} docx_style;

typedef struct {
    str format, pattern; /* "decimal", "%1.%2." */
    str style;           /* of paragraphs that are numbered so */
    long start;
    bool legal; /* all its numbers are decimal */
} docx_level;

typedef struct {
    str id, style_link; /* the numbering is that of this style's list */
    docx_level levels[DOCX_LEVELS];
    long counts[DOCX_LEVELS]; /* of the last item; 0: none yet */
    bool counted[DOCX_LEVELS];
} docx_scheme;

typedef struct {
    long id;
    size_t scheme;
    long restart[DOCX_LEVELS]; /* -1: none */
    bool begun;
} docx_list;

typedef struct {
    docx_style *styles;
    size_t style_count, style_room;
    docx_scheme *schemes;
    size_t scheme_count, scheme_room;
    docx_list *lists;
    size_t list_count, list_room;
    str language;
} docx_sheet;

/* What a paragraph is by its style and by itself. */
typedef struct {
    str style;
    int outline, list, level; /* -1: not said */
} docx_paragraph;

typedef enum {
    DOCX_TEXT,
    DOCX_TITLE,
    DOCX_SUBTITLE,
    DOCX_HEADING,
    DOCX_CONTENTS,
    DOCX_CAPTION,
    DOCX_CODE
} docx_kind;

/* styles.xml and numbering.xml, in the arena. */
void docx_read_styles(package *p, const ooxml_relations *r, arena *a, docx_sheet *out);
void docx_free_styles(docx_sheet *s);
/* *level of a heading, from 1. */
docx_kind docx_kind_of(const docx_sheet *s, const docx_paragraph *q, uint8_t *level);
/* What `look` does not say, by the style and those that it is based on. */
void docx_style_look(const docx_sheet *s, str id, docx_look *look);
/* w:color, w:shd, w:highlight, w:sz, w:strike, w:dstrike, w:vanish, w:vertAlign and w:position into *look. */
void docx_look_put(docx_look *look, const xml_element *e);
/* Counts on, and puts the mark of the next item: "- ", "2.1 ". False: it is no list item. */
bool docx_next_mark(docx_sheet *s, const docx_paragraph *q, text *mark);

/* ---- docx_body.c --------------------------------------------------------------------------- */

/* In half points; nobody reads what is smaller. */
#define DOCX_SIZE_SEEN 4
#define DOCX_DEPTH 48 /* paragraphs in text boxes in paragraphs */

/* A footnote, endnote or comment, by its id. */
typedef struct {
    str id, t;
} docx_note;

typedef struct {
    docx_note *items;
    size_t count, room;
} docx_notes;

typedef struct {
    docx_paragraph q;
    bool in_properties; /* inside w:pPr */
    bool in_run;        /* inside w:rPr */
    bool hidden;        /* the open run is not to be seen */
    bool struck;        /* it is struck out */
    script_level level; /* of the open run */
    docx_look look;     /* of the open run */
    str run_style;
    signed char shaded; /* the paragraph itself */
} docx_open;

typedef struct {
    ooxml_math math; /* first: ooxml_math.h */
    package *p;
    arena *a;
    story *s;
    docx_sheet sheet;
    ooxml_relations relations; /* of the part that is read */
    docx_notes footnotes, endnotes, comments;
    docx_open open[DOCX_DEPTH];
    size_t depth, overflow;
    struct { /* the row and the cell that open with their properties */
        bool row_waits, cell_waits, head, above;
        bool in_properties, deleted; /* of the row */
        unsigned before, columns;
    } table;
    struct {
        signed char table, cell;
    } shades[DOCX_DEPTH]; /* of the tables that are open, as docx_look has it */
    size_t table_depth, box_depth;
    bool backdrop; /* pictures behind the text, or a coloured page: white may be read on them */
    bool broke;    /* a page ended, and no text has come since */
    bool in_checkbox, checked;
    size_t to_anchor; /* depth of links to places in the document */
    size_t footnote, endnote;
    text title, mark;
    /* what is told at the end */
    size_t hidden_bytes, struck_bytes, deletions, broken_charts;
    pictures pictures;
} docx;

/* Walks one part (the document, a header) into d->s. */
bool docx_read_part(docx *d, size_t entry, bool *whole, error *err);

/* To the open paragraph, if the run is visible. */
void docx_put(docx *d, str t);

#endif
