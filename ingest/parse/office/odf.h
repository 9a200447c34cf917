/* What the files of the OpenDocument parser share: odf.c (packages, properties), odf_style.c
 * (styles and lists), odf_text.c (texts and presentations), odf_sheet.c (spreadsheets). */
#ifndef CARREL_INGEST_PARSE_ODF_H
#define CARREL_INGEST_PARSE_ODF_H

#include "ingest/parse/office/grid.h"
#include "ingest/parse/office/pictures.h"
#include "ingest/parse/office/xml.h"

#define ODF_LEVELS 10

typedef struct {
    str name, parent, list;
    int outline;        /* 1..10; 0: not said */
    signed char hidden; /* 1, 0; -1: not said; of a table too */
    signed char white;  /* 1: as paper is, or nearly; 0; -1: not said */
    signed char shaded; /* a ground of its own that is not white: 1, 0; -1: not said */
    signed char tiny;   /* too small for any eye: 1, 0; -1: not said */
    signed char struck; /* a line goes through it: 1, 0; -1: not said */
    bool breaks;        /* begins a page */
    script_level level; /* of letters */
} odf_style;

typedef struct {
    char format; /* of its number: '1', 'a', 'A', 'i', 'I'; '-' a bullet; 0 nothing */
    str prefix, suffix;
    int shown; /* levels whose numbers are shown */
    long start;
} odf_level;

typedef struct {
    str name;
    odf_level levels[ODF_LEVELS];
    long counts[ODF_LEVELS]; /* of the last item; 0: none yet */
} odf_list;

typedef struct {
    odf_style *styles; /* sorted by name once all are read */
    size_t style_count, style_room;
    odf_list *lists;
    size_t list_count, list_room;
    odf_list outline; /* numbers of headings */
    bool dark_page;   /* white may be read on some of the pages */
    str language;
} odf_sheet;

typedef struct {
    package *p;
    arena *a;
    story *s;
    odf_sheet sheet;
    size_t hidden_bytes, struck_bytes, deletions, objects;
    pictures pictures;
} odf;

/* Styles of styles.xml and of the document itself (its automatic ones). */
void odf_read_styles(odf *d);
void odf_free_styles(odf_sheet *s);

typedef enum {
    ODF_TEXT,
    ODF_TITLE,
    ODF_SUBTITLE,
    ODF_HEADING,
    ODF_CAPTION,
    ODF_CODE,
    ODF_CONTENTS
} odf_kind;
odf_kind odf_kind_of(const odf_sheet *s, str style, int *level);
bool odf_is_hidden(const odf_sheet *s, str style);
/* Those four of the style or its parents: 1, 0, -1. */
typedef struct {
    signed char white, shaded, tiny, struck;
} odf_look;
odf_look odf_look_of(const odf_sheet *s, str style);
script_level odf_level_of(const odf_sheet *s, str style);
bool odf_breaks_page(const odf_sheet *s, str style);
str odf_list_of(const odf_sheet *s, str style);  /* the list style of a paragraph style */
odf_list *odf_find_list(odf_sheet *s, str name); /* NULL: none */
/* Counts on at this level (from 0), and puts "- ", "2.1 ". `start` < 0: it goes on. */
void odf_next_mark(odf_list *l, int level, long start, text *mark);

/* odf_math.c: a formula in one line; nothing where the part holds none. */
void odf_put_math(package *p, size_t entry, text *out);

/* content.xml. *whole is false where it is damaged. */
bool odf_read_text(odf *d, size_t entry, bool *whole, error *err);
bool odf_read_sheets(odf *d, size_t entry, const parse_input *in, record_writer *out, bool *whole,
                     error *err);

#endif
