/* eval-ingest: what parsing makes of documents whose text is known.
 *
 * It goes through the ingest room as carrel does (ingest_read, the flow that chunks are cut of), so
 * that what is scored is what is indexed: footers left out, lines joined, hyphens undone. A truth
 * is never corrected; where it is wrong, the file simply scores less. A file that cannot be parsed
 * scores 0 and says why.
 *
 * words.c: words, shingles, order, edit distance    truth_markdown.c, truth_html.c: truths as text
 * sets.c: the cases of each set    scan.c: scans made of text PDFs    judge.c: one case is scored
 * rows.c: table rows for the eye   table.c: the figures told          main.c: options and threads
 */
#ifndef CARREL_TESTS_EVAL_INGEST_H
#define CARREL_TESTS_EVAL_INGEST_H

#include "ingest/ingest.h"

/* ---- words.c ------------------------------------------------------------------------------ */

/* Words are runs of letters, numbers and underscores, case kept, as the public benchmark of article
 * extraction has them (its regular expression is \w+). Each is a hash. */
typedef struct {
    uint64_t *v;
    size_t n;
} words;

/* `compatible` makes ligatures, full-width forms and the like equal to plain letters (NFKC). */
words words_of(str s, bool compatible);
void words_free(words *w);
/* The words of s as a person would type them, parted by one space: what headings and cells are
 * compared by. Signs alone stay as they are. */
void words_plain(text *out, str s);

typedef struct {
    double precision, recall, f1;
    bool found; /* anything at all: else precision means nothing, and no mean has it */
} overlap;

/* Of runs of four words, counted with repeats; of all words where there are fewer. */
overlap words_overlap(const words *got, const words *want);
/* Of lines, counted with repeats. */
overlap lines_overlap(str got, str want);
/* Share of the pairs of runs of four words that occur once here and once there which stand in the
 * same order; -1 where there are fewer than two such runs. */
double words_order(const words *got, const words *want);
/* 1 - edits / words of the truth, not below 0. */
double words_accuracy(const words *got, const words *want);
/* Share of the words found that the truth has too, counted with repeats. */
double words_known(const words *got, const words *want);

/* ---- readings: a document or a truth as the scores see it ---------------------------------- */

typedef struct {
    text body;     /* a block a line */
    text headings; /* one a line, words_plain */
    text cells;    /* one a line: the cell on its left, a tab, the cell; words_plain */
} reading;

void reading_free(reading *r);
/* Adds a row, its cells given as they stand. Empty cells are left out, and a cell that only repeats
 * the one before it (that is how spanned cells are written down by some) counts once. */
void reading_row(reading *r, const str *cells, size_t count);
/* The same row as a line of the body, with the same mercy for spanned cells. */
void reading_line(reading *r, const str *cells, size_t count);
void reading_heading(reading *r, str heading);
/* Without the mark of a list item ("-", "3.", "[ ]"): some write it down, some draw it. */
str reading_unmarked(str line);

void truth_markdown(str source, reading *out);
bool truth_html(str source, reading *out, error *err);
/* `body`: without captions and without headings that only repeat the document's title. Both are
 * told apart from the text in the records, and an articleBody has neither. */
bool reading_of(const ingest_document *d, bool body, reading *out, error *err);

/* ---- cases -------------------------------------------------------------------------------- */

typedef enum { TRUTH_NONE, TRUTH_TEXT, TRUTH_MARKDOWN, TRUTH_HTML } truth_kind;

typedef struct {
    const char *set;  /* "docling-pdf" */
    str name;         /* within its set */
    str file;         /* path; unpacked where it ends on .gz */
    truth_kind truth; /* of the text below */
    str truth_text;   /* or empty, and it stands in truth_file */
    str truth_file;
    bool body; /* the truth is the body of an article */
    bool part; /* the file is a part of what the truth tells: words are only looked up in it */
    bool scan; /* word accuracy is measured */
    bool make; /* `file` is a text PDF: it is printed as images and these are read */
    bool worn; /* ... as bad ones */

    /* What came out. */
    bool parsed;
    char why[512]; /* not parsed: the reason */
    double ms;
    size_t pages, blocks;
    overlap text, headings, cells;
    overlap whole;                /* of the body of an article: with every block */
    double order, accuracy;       /* -1: nothing to tell */
    bool has_headings, has_cells; /* the truth has some */
    size_t wrong_headings, fates[INGEST_FATE_COUNT];
} eval_case;

typedef struct {
    eval_case *items;
    size_t count, room;
    arena *a;
} eval_cases;

/* All sets below EVAL/documents that are there; `only` (or NULL) is the beginning of a set's
 * name. */
bool cases_find(const char *eval, const char *only, eval_cases *out, error *err);

/* ---- judging ------------------------------------------------------------------------------- */

typedef struct {
    bool text, truth; /* print what was found, what was expected */
} judge_show;

void judge(ingest_worker *w, eval_case *c, const judge_show *show);
/* An image-only PDF of a PDF's pages in a temporary file that has no name: 200 dpi and clean, or
 * 150 dpi, askew, faint and noisy. */
bool scan_make(const char *pdf, bool worn, int *fd, error *err);

/* Prints `wanted` rows of the tables of these files, each with the chunk's headings and the header
 * row above it. */
bool rows_show(ingest_worker *w, const eval_cases *all, size_t wanted, error *err);

/* ---- telling ------------------------------------------------------------------------------- */

void table_files(const eval_cases *all, size_t worst); /* SIZE_MAX: every file */
void table_sets(const eval_cases *all);
bool table_write(const eval_cases *all, const char *path, error *err); /* tab-separated */

#endif
