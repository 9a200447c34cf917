/* What the files of the XLSX parser share: xlsx.c (the workbook, its strings), xlsx_style.c (how
 * cells look), xlsx_range.c (what a sheet hides), xlsx_sheet.c (cells, comments, drawings). */
#ifndef CARREL_INGEST_PARSE_XLSX_H
#define CARREL_INGEST_PARSE_XLSX_H

#include "ingest/parse/office/grid.h"
#include "ingest/parse/office/ooxml.h"
#include "ingest/parse/office/pictures.h"
#include "ingest/parse/office/xml.h"

#define XLSX_ROWS_MAX 1048576u /* of a sheet, as the format has it */

/* How the cells of one style look. */
typedef struct {
    str format;  /* number format code */
    bool bare;   /* no fill: what lies under its letters is paper */
    bool unseen; /* letters in the colour of their ground, where that is not the paper */
    bool white;  /* white letters on paper: hidden, unless a rule of the sheet paints the ground */
    bool tiny;   /* too small for any eye */
    bool struck; /* a line goes through its letters */
} xlsx_look;

/* Text in runs, of which some are raised, or cannot be seen. */
typedef struct {
    text t;
    script_state scripts;
    script_level level; /* of the open run */
    bool white, tiny, struck;
    bool gap; /* the text that comes stands behind struck-out text */
} xlsx_runs;

/* Around white letters of a run: whether they can be seen is known where the ground is. No XML
 * holds these characters. */
#define XLSX_WHITE_BEGINS '\x01'
#define XLSX_WHITE_ENDS '\x02'

typedef struct {
    package *p;
    arena *a;
    story *s;
    grid *g;
    /* shared strings: string i is [ends[i - 1], ends[i]) of one text */
    text strings;
    size_t *string_ends;
    xlsx_runs string; /* the open one */
    size_t string_count, string_room;
    xlsx_look *looks; /* by cell style */
    size_t look_count, look_room;
    bool since_1904;
    /* what is told at the end */
    size_t broken, unvalued; /* unvalued: formulas without their result */
    size_t hidden_bytes, struck_bytes, hidden_rows, hidden_columns, folded_rows;
    pictures pictures;
} xlsx;

str xlsx_string(const xlsx *x, size_t i); /* empty past the last */
/* A worksheet: its rows, then its comments, then the text and charts of its drawings. */
bool xlsx_read_sheet(xlsx *x, size_t entry, error *err);

/* ---- xlsx_style.c ---- */
void xlsx_read_styles(xlsx *x, size_t entry);
/* By the index of a cell's style. */
xlsx_look xlsx_look_of(const xlsx *x, size_t style);
/* x:color, x:sz, x:strike, x:vertAlign of a run. */
void xlsx_run_property(xlsx_runs *r, const xml_element *e);
void xlsx_run_put(xlsx *x, xlsx_runs *r, str t);
void xlsx_run_end(xlsx_runs *r); /* of one run */
void xlsx_runs_free(xlsx_runs *r);
/* Appends what a cell of this look shows of t, counts the rest. `painted`: a rule may fill the
 * cell. */
void xlsx_put_seen(xlsx *x, const xlsx_look *look, bool painted, str t, text *out);

/* ---- xlsx_range.c ---- */

typedef struct {
    uint32_t row, column, last_row, last_column;
} xlsx_range;

typedef struct {
    xlsx_range *items;
    size_t count, room;
} xlsx_ranges;

/* What a sheet says of its rows and columns beside its cells. */
typedef struct {
    unsigned char columns[GRID_COLUMNS_MAX]; /* XLSX_SHOWN ... */
    xlsx_ranges painted;                     /* cells that a rule or a table may fill */
    xlsx_ranges filtered;                    /* cells of which a filter hides rows */
    bool picture;                            /* lies under all cells */
} xlsx_hiding;

enum { XLSX_SHOWN, XLSX_FOLDED, XLSX_HIDDEN, XLSX_HIDDEN_TEXT };

/* "BC12": counted from 0. False where no cell is named. */
bool xlsx_parse_reference(str s, uint32_t *column, uint32_t *row, size_t *used);
bool xlsx_parse_range(str s, xlsx_range *out); /* "B2", "A1:C4" */
void xlsx_read_hiding(xlsx *x, size_t entry, const ooxml_relations *r, xlsx_hiding *out);
void xlsx_free_hiding(xlsx_hiding *h);
bool xlsx_is_nothing(str size);
bool xlsx_in_ranges(const xlsx_ranges *r, uint32_t row, uint32_t column);

#endif
