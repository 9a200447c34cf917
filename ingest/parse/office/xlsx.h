/* What the files of the XLSX parser share: xlsx.c (the workbook, its strings and styles),
 * xlsx_sheet.c (cells, comments, drawings). */
#ifndef CARREL_INGEST_PARSE_XLSX_H
#define CARREL_INGEST_PARSE_XLSX_H

#include "ingest/parse/office/grid.h"
#include "ingest/parse/office/ooxml.h"
#include "ingest/parse/office/pictures.h"

typedef struct {
    package *p;
    arena *a;
    story *s;
    grid *g;
    /* shared strings: string i is [ends[i - 1], ends[i]) of one text */
    text strings;
    size_t *string_ends;
    script_state scripts; /* of the open string; a run of it may be raised */
    text string;
    script_level level;
    size_t string_count, string_room;
    str *formats; /* number format codes by cell style */
    size_t format_count, format_room;
    bool since_1904;
    /* what is told at the end */
    size_t broken;
    pictures pictures;
} xlsx;

script_level xlsx_level_of(str align);    /* the val of a vertAlign */
str xlsx_string(const xlsx *x, size_t i); /* empty past the last */
/* A worksheet: its rows, then its comments, then the text and charts of its drawings. */
bool xlsx_read_sheet(xlsx *x, size_t entry, error *err);

#endif
