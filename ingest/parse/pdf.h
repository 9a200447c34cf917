/* The stages of reading a PDF, and what they hand on:
 *
 *   pdf_text.c    a poppler page becomes runs: text on one baseline, with box and font
 *   pdf_column.c  runs are cut into columns, in reading order
 *   pdf_layout.c  a column's runs become lines and table rows
 *   pdf_contents.c  finds the lines of a table of contents
 *   pdf_block.c   lines become blocks with roles; running heads and heading levels need all pages
 *   pdf.c         opens the document, walks its pages, writes the records
 *
 * Beside the text that is seen:
 *
 *   pdf_operators.c, pdf_drawing.c, pdf_objects.c  how a page is drawn, by qpdf
 *   pdf_hidden.c  which of its text nobody can see, and so is left out
 *   pdf_forms.c, pdf_comments.c, pdf_attached.c  what was filled in, commented, attached
 *
 * Everything lives in arenas: a page's runs in one of its own, lines in the document's.
 */
#ifndef CARREL_INGEST_PDF_H
#define CARREL_INGEST_PDF_H

#include "ingest/ingest.h"

typedef struct {
    str text; /* NFC, without line breaks */
    box at;
    float font_pt;
    bool bold, mono;
    bool upright;                /* false: rotated text, such as a stamp in the margin */
    bool rightward;              /* false: a line of a right-to-left page */
    size_t characters, unusable; /* not white space; of these, without a Unicode meaning */
} pdf_run;

typedef struct {
    pdf_run *runs; /* in poppler's order */
    size_t run_count, run_room;
    size_t characters, unusable; /* of all runs */
} pdf_runs;

typedef struct {
    str text; /* cells parted by " | " */
    box at;
    float font_pt;
    float left, right; /* edges of the column it stands in */
    uint32_t page;     /* 1-based */
    uint32_t column;   /* of the page, in reading order */
    uint32_t cells;    /* 1: prose */
    bool bold, mono;
    float last_cell; /* left edge of the last cell */
    bool table;      /* its row stands in a table */
    bool continues;  /* the last cell of the row above */
    bool running;    /* head, foot, page number, or a line of the contents */
} pdf_line;

/* White between two columns. */
typedef struct {
    float left, right;
} pdf_gutter;

/* Gutters of the pages before: the last page of an article has few lines in its right column. */
#define PDF_KNOWN_GUTTERS 4
typedef struct {
    pdf_gutter known[PDF_KNOWN_GUTTERS];
    size_t found; /* of the whole document; the latest ones are kept */
} pdf_gutters;

typedef struct {
    pdf_line *lines;
    size_t count, room;
    pdf_gutters gutters;
} pdf_lines;

typedef struct {
    uint32_t first, count; /* lines */
    ingest_role role;
    uint8_t level;
} pdf_block;

/* An entry of the outline (bookmarks). */
typedef struct {
    str key;       /* pdf_key of the title */
    uint8_t depth; /* from 1 */
} pdf_bookmark;

typedef struct {
    pdf_lines lines;
    pdf_bookmark *bookmarks; /* sorted by key */
    size_t bookmark_count;
    uint32_t page_count;
    const float *page_height_pt;
    pdf_block *blocks; /* what pdf_find_blocks makes */
    size_t block_count;
} pdf_text;

/* PopplerPage, without poppler's headers for the stages that do not need them. */
struct _PopplerPage;
struct pdf_look; /* pdf_hidden.h */
void pdf_page_runs(struct _PopplerPage *page, struct pdf_look *look, arena *a, pdf_runs *out);

void pdf_put_run(pdf_runs *out, pdf_run run, arena *a);

/* Marks that steer a renderer and say nothing; poppler gives them no rectangle. */
bool pdf_is_mark(uint32_t c);

/* Borrows the runs; may sort them. */
typedef struct {
    const pdf_run **runs;
    size_t count;
} pdf_group;

typedef void pdf_group_fn(void *context, pdf_group g);
/* Calls `put` with each column (or what stands across columns), in reading order. */
void pdf_cut_columns(pdf_group g, pdf_gutters *gutters, arena *scratch, pdf_group_fn *put,
                     void *context);

box pdf_bounds(pdf_group g);       /* of at least one run */
bool pdf_same_row(box row, box r); /* on one baseline: they share most of the lower one's height */
void pdf_sort_by_top(pdf_group g);

/* Appends the page's lines; texts go into `a`. */
void pdf_layout_page(const pdf_runs *page, uint32_t number, arena *a, pdf_lines *out);

void pdf_sort_bookmarks(pdf_text *t);

/* Marks running lines and makes blocks out of all lines. */
void pdf_find_blocks(pdf_text *t, arena *a);

/* Marks the lines of a table of contents as running; after the running heads are known. */
void pdf_mark_contents(pdf_text *t, arena *a);

/* Letters and digits in lower case, the digits as '#' where asked for: for comparing titles and
 * running heads. */
str pdf_key(str s, bool hide_digits, arena *a);

#endif
