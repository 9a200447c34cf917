/* What a PDF holds beside the text of its pages: values of form fields, comments, attached files. */
#ifndef CARREL_INGEST_PDF_BESIDE_H
#define CARREL_INGEST_PDF_BESIDE_H

#include <poppler.h>

#include "ingest/parse/parse.h"
#include "ingest/parse/pdf/pdf.h"

/* pdf_forms.c: adds what was filled in to the page's runs, at its place, with a label where the page
 * shows none beside it. `turned`: the page's /Rotate. Gives how many values stand in fields that are
 * not shown. */
uint32_t pdf_add_fields(PopplerPage *page, int turned, pdf_runs *runs, arena *a);

/* pdf_comments.c */
typedef struct {
    str text; /* "Comment by Ann: ..."; lines parted by LF */
    box at;
} pdf_comment;

typedef struct {
    pdf_comment *list;
    size_t count;
    uint32_t not_shown; /* with contents, but hidden */
    uint32_t files;     /* attached to a place of the page */
} pdf_comments;

void pdf_read_comments(PopplerPage *page, arena *a, pdf_comments *out);

/* pdf_attached.c: names what Carrel can read as parts, and the rest in notes. `on_pages` says
 * how many files are attached to places of each page. */
void pdf_list_attached(PopplerDocument *d, const uint32_t *on_pages, uint32_t page_count,
                       const parse_input *in, record_writer *out);

/* pdf.c: with the password of the input, where there is one. */
PopplerDocument *pdf_open(const parse_input *in, error *err);

/* Up to this many of anything that a page or document lists (comments, fields, files); more are noted. */
#define PDF_BESIDE_MAX 10000u

#endif
