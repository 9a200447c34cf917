/* The stages of reading a PDF, and what they hand on:
 *
 *   pdf_text.c    a poppler page becomes runs: text on one baseline, with box and font
 *   pdf_arabic.c  mends Arabic words
 *   pdf_ligatures.c  puts back "ff", "fi" and "fl" where the text lost them
 *   pdf_usable.c  tells whether they are worth keeping, or the page is to be recognised
 *   pdf_column.c  runs are cut into columns, in reading order
 *   pdf_apart.c   tells columns of text from those of a table by the heights of their lines
 *   pdf_layout.c  a column's runs become rows of cells, and these become lines
 *   pdf_ruled.c   tables whose cells are ruled, by the lines that pdf_rules.c has collected
 *   pdf_part.c    parts cells of narrow columns
 *   pdf_table.c   finds the other tables among the rows: where they begin, what continues what
 *   pdf_join.c    puts lines of wrapped cells back into their row
 *   pdf_head.c    a table's columns and the headings over them
 *   pdf_contents.c  finds the lines of a table of contents
 *   pdf_running.c finds running heads, which needs all pages
 *   pdf_block.c   lines become blocks with roles
 *   pdf_heading.c finds headings and their levels
 *   pdf_tags.c, pdf_tagged.c  the structure that a tagged PDF states, and which lines it speaks of
 *   pdf_words.c   what single lines say about themselves
 *   pdf_box.c     boxes: widened, turned, above one another
 *   pdf.c         opens the document, walks its pages, writes the records
 *
 * Beside the text that is seen:
 *
 *   pdf_objects.c, pdf_operators.c, pdf_drawing.c, pdf_painted.c, pdf_marked.c
 *                 how a page is drawn, by qpdf
 *   pdf_hidden.c  which of its text nobody can see, and so is left out
 *   pdf_forms.c, pdf_comments.c, pdf_attached.c  what was filled in, commented, attached
 *
 * Everything lives in arenas: a page's runs in one of its own, lines in the document's.
 */
#ifndef CARREL_INGEST_PDF_H
#define CARREL_INGEST_PDF_H

#include "ingest/ingest.h"
#include "ingest/parse/pdf/pdf_rules.h"

/* White in a run that may part two cells. In the text PDF_GAP stands for it, else a space. */
#define PDF_GAP '\x1f'
#define PDF_GAPS 24 /* the widest price lists have some twenty columns */
typedef struct {
    float left, right;
} pdf_gap;

typedef struct {
    str text; /* NFC, without line breaks */
    box at;
    float font_pt;
    bool bold, mono;
    uint8_t turn;                /* quarters that its text is turned to the left by */
    bool rightward;              /* false: a line of a right-to-left page */
    size_t characters, unusable; /* not white space; of these, without a Unicode meaning */
    pdf_gap gaps[PDF_GAPS];
    size_t gap_count;
    const struct pdf_ruled *ruled; /* stands for a whole table, and has no text; else NULL */
} pdf_run;

typedef struct {
    pdf_run *runs; /* in poppler's order */
    size_t run_count, run_room;
    size_t characters, unusable; /* of all runs */
    const pdf_rules *rules;      /* NULL: it is not known what is drawn */
} pdf_runs;

/* What stands in one line and one column of a table; in prose, what wide white parts. */
typedef struct {
    str text;
    box at, line; /* the whole cell, its last line */
    float font_pt;
    size_t bold, mono;    /* bytes of the text that are so */
    uint32_t first, last; /* columns of the table that it stands in, or above */
    pdf_gap gaps[PDF_GAPS];
    size_t gap_count;
} pdf_cell;

/* The cells on one baseline, in reading order. */
typedef struct {
    pdf_cell *cells;
    size_t count;
    box at;
    float font_pt; /* of the longest cell */
    bool bold, mono, rightward;
    uint32_t table;   /* which one of the group's; 0: prose */
    uint32_t columns; /* of that table */
    bool head;        /* headings of the columns */
    bool taken;       /* its text went into the row before */
} pdf_row;

/* What the structure of a tagged PDF says of a text. */
typedef enum {
    PDF_TAG_NOTHING,
    PDF_TAG_TEXT,
    PDF_TAG_HEADING,
    PDF_TAG_ITEM,
    PDF_TAG_CAPTION,
    PDF_TAG_NOTE,
    PDF_TAG_CONTENTS, /* of a table of contents */
    PDF_TAG_CELL,     /* of a table */
    PDF_TAG_FIGURE,
    PDF_TAG_ARTIFACT
} pdf_tag_role;

typedef struct {
    str text; /* cells parted by " | " */
    box at;
    float font_pt;
    float left, right; /* edges of the column it stands in */
    uint32_t page;     /* 1-based */
    uint32_t column;   /* of the page, in reading order */
    bool bold, mono;
    bool table;   /* its row stands in a table */
    bool head;    /* and says what the columns are */
    uint8_t turn; /* `at`, left and right are turned back by so many quarters: pdf_turned */
    bool running; /* head, foot, page number, or a line of the contents */
    /* Of a tagged PDF: which element most of it is of (0: none, or PDF_ARTIFACT, PDF_PAGINATION),
     * and what pdf_heed_tags believes of that. */
    uint32_t element;
    uint8_t tag, tag_level; /* pdf_tag_role */
    bool tag_whole;         /* nothing else stands in the line */
    bool tag_first;         /* of its element */
    bool tag_bounds;        /* a block begins and ends where the element does */
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
    const struct pdf_tags *tags; /* NULL: not tagged */
    bool tags_head;              /* what is tagged as no heading is none by its weight */
    pdf_block *blocks;           /* what pdf_find_blocks makes */
    size_t block_count;
} pdf_text;

/* Turns a box to the right by quarters, about the page's upper left corner: text that runs up the
 * page runs to the right afterwards. Turning by 4 - n takes a turn by n back. */
box pdf_turned(box b, unsigned quarters);

void pdf_widen(box *at, box by);  /* to hold both */
box pdf_common_box(box a, box b); /* what is in both: upside down where nothing is */

#define PDF_OVERLAP_PT 1.0f /* boxes touch by rounding; less shared width is none */
/* How much of the page's width two boxes both take; below 0, how far they are apart. */
float pdf_shared_width(box a, box b);
bool pdf_stands_over(box a, box b); /* or under it */

/* The box around these corners, of which there is one at least. Are they those of a rectangle, all
 * on the edges of the box around them? */
box pdf_box_of(const float *x, const float *y, size_t count);
bool pdf_is_rectangle(const float *x, const float *y, size_t count, box around);

int pdf_by_size(const void *pa, const void *pb); /* of floats, for qsort */

/* PopplerPage, without poppler's headers for the stages that do not need them. */
struct _PopplerPage;
struct pdf_look; /* pdf_hidden.h */
void pdf_page_runs(struct _PopplerPage *page, struct pdf_look *look, arena *a, pdf_runs *out);

/* Codes without a meaning in Unicode, while they wait for it: pdf_mend_ligatures gives them one, or
 * makes them U+FFFD. */
uint32_t pdf_kept_code(uint32_t c);

/* Puts back ligatures that the page's text lacks; gives how many. `habit`: that the document loses
 * them without a trace, false at first. `nothing` is set where some had left none, so that others
 * may be missing still. */
size_t pdf_mend_ligatures(pdf_runs *runs, bool *habit, arena *a, bool *nothing);

void pdf_put_run(pdf_runs *out, pdf_run run, arena *a);

/* Marks that steer a renderer and say nothing; poppler gives them no rectangle. */
bool pdf_is_mark(uint32_t c);

/* Letters stored as shapes ("ﻻ") become letters. */
bool pdf_is_presentation_form(uint32_t c);
void pdf_put_letters(text *t, uint32_t form);

/* Puts right the order of lam and alef in a word in reading order. `widths` are those of its boxes
 * from left to right, alef_width that of an alef alone, 0 where it is not known. True: changed. */
bool pdf_mend_word(uint32_t *letters, const float *widths, size_t count, float alef_width);
typedef struct {
    ingest_fate fate;
    bool wants_ocr;
    bool lay_out; /* also a page suspected to be garbled: what is recognised is compared with it */
} pdf_verdict;
pdf_verdict pdf_judge_page(struct _PopplerPage *page, const pdf_runs *runs);

/* Borrows the runs; may sort them. */
typedef struct {
    const pdf_run **runs;
    size_t count;
} pdf_group;

typedef void pdf_group_fn(void *context, pdf_group g);
/* Calls `put` with each column (or what stands across columns), in reading order. */
void pdf_cut_columns(pdf_group g, pdf_gutters *gutters, arena *scratch, pdf_group_fn *put,
                     void *context);

/* How many lines stand on both sides of a gutter where these go down the page independently; 0
 * where they stand in rows. Both are sorted by height; `running`: -1 where the left one alone is
 * known as running text, 1 where the right one is. */
size_t pdf_lines_apart(pdf_group left, pdf_group right, int running, arena *scratch);

/* Are these two pages of a book on one sheet, with numbers that follow one another at its edges? */
bool pdf_is_spread(pdf_group g);

box pdf_bounds(pdf_group g);       /* of at least one run */
bool pdf_same_row(box row, box r); /* on one baseline: they share most of the lower one's height */
void pdf_sort_by_top(pdf_group g);

/* Marks the rows of tables, sorted from top to bottom, in a column of text between these edges,
 * joins what belongs to one row, and makes one row of a table's headings. Texts go into `a`;
 * `rules` may be NULL. */
void pdf_find_tables(pdf_row *rows, size_t count, float left, float right, const pdf_rules *rules,
                     arena *a);

/* A table whose cells are ruled; rows without a number of table are its title and notes. */
typedef struct pdf_ruled {
    pdf_row *rows;
    size_t count;
} pdf_ruled;

/* Takes the text of ruled tables out of g; one run for each table stands for it. `others`, of text
 * that is turned otherwise, loses what stands in their cells; NULL where there is none. */
void pdf_take_ruled(pdf_group *g, pdf_group *others, const pdf_rules *rules, arena *a);

/* The rows of a group of runs, each cut into cells where white is wide. Sorts the group. */
pdf_row *pdf_make_rows(pdf_group g, arena *a, size_t *count);

/* "$" and "(" belong to the figure behind them, "%" and ")" to the one before. */
bool pdf_is_sign_before(str s);
bool pdf_is_sign_behind(str s);

/* Parts cells at their gaps in rows of narrow columns, and in the headings above them. */
void pdf_part_rows(pdf_row *rows, size_t count, arena *a);

#define PDF_SAME_CELL_EM 1.45f /* lines of one cell are no farther apart */
#define PDF_LEAST_BANDS 3      /* fewer lines across a table bound it, and do not part its rows */

/* Puts lines that go on with the cells of the row above into that row, where columns are known. */
void pdf_join_lines(pdf_row *rows, size_t count, const pdf_rules *rules, arena *a);
/* Two lines of one text, "clari-" and "fication" as one word. */
str pdf_join_text(str first, str second, arena *a);

/* Finds the heads of a ruled table, whose cells have their columns, and makes one row of them;
 * those that are marked are heads. */
void pdf_find_ruled_heads(pdf_row *rows, size_t count, uint32_t columns, arena *a);

/* Gives the rows of one table their columns, and makes one row of its heads. */
void pdf_find_columns(pdf_row *rows, size_t count, const pdf_rules *rules, arena *a);

/* "$1,234", "(5)%", "75 mg", "—": what stands in the body of a table, and not in its head. */
bool pdf_is_figure(str s);
bool pdf_is_year(str s);
bool pdf_has_figures(const pdf_row *r); /* that are no years, behind its first cell */

/* Appends the page's lines; texts go into `a`. */
void pdf_layout_page(const pdf_runs *page, uint32_t number, arena *a, pdf_lines *out);

void pdf_sort_bookmarks(pdf_text *t);

/* Sizes of the whole document, in halves of a point. */
#define PDF_MAX_FONT_PT 200
#define PDF_SAME_SIZE_PT 0.6f /* sizes this close are one */
typedef struct {
    float body_pt; /* the size of most characters */
    bool body_bold;
    float steps[PDF_MAX_FONT_PT * 2 + 1]; /* usual distance of two baselines, for each size */
} pdf_style;

size_t pdf_size_bin(float pt);

/* Sets what the structure says of the lines, as far as it is to be believed. */
void pdf_heed_tags(pdf_text *t, arena *a);

/* Does the structure say that line l begins a new block after p (1), goes on with it (-1), or
 * nothing? */
int pdf_tags_part(const pdf_line *p, const pdf_line *l);

/* Marks the lines that are stated to be of a table of contents as running. */
void pdf_mark_tagged(pdf_text *t);

/* Marks running lines and makes blocks out of all lines. */
void pdf_find_blocks(pdf_text *t, arena *a);

/* Marks the lines that stand on page after page as running. */
void pdf_mark_running(pdf_text *t, arena *a);

/* Turns blocks into headings, and gives them their levels. */
void pdf_find_headings(pdf_text *t, const pdf_style *s, arena *a);

/* Marks the lines of a table of contents as running; after the running heads are known. */
void pdf_mark_contents(pdf_text *t, arena *a);

/* Letters and digits in lower case, the digits as '#' where asked for: for comparing titles and
 * running heads. */
str pdf_key(str s, bool hide_digits, arena *a);

size_t pdf_letters(str s);
int pdf_numbering(str s);       /* "2.1.3 Name": 3; "4 Name" and "4. Name": 1; else 0 */
size_t pdf_marker_bytes(str s); /* of a list marker with the space behind it; 0 for none */
bool pdf_ends_sentence(str s);
bool pdf_is_caption(str s);
bool pdf_has_digit(str s);
bool pdf_starts_small(str s); /* with one of a to z */

#endif
