/* A PDF out of its objects, with a table of where they are, so that it needs no repair. Header
 * only: the fuzz targets of parsers link nothing else of the tests.
 */
#ifndef CARREL_TESTS_PDF_FILE_H
#define CARREL_TESTS_PDF_FILE_H

#include <assert.h>

#include "base/base.h"

#define PDF_FILE_OBJECTS 600

typedef struct {
    text *out;
    size_t offsets[PDF_FILE_OBJECTS], count;
} pdf_file;

static inline pdf_file pdf_file_begin(text *out) {
    text_put(out, STR("%PDF-1.7\n"));
    return (pdf_file){.out = out};
}

/* Objects are numbered from 1 on; the first is the catalog. */
static inline void pdf_file_put(pdf_file *f, str body) {
    assert(f->count < PDF_FILE_OBJECTS);
    f->offsets[f->count++] = f->out->n;
    text_printf(f->out, "%zu 0 obj\n", f->count);
    text_put(f->out, body);
    text_put(f->out, STR("\nendobj\n"));
}

static inline void pdf_file_end(const pdf_file *f) {
    size_t table = f->out->n;
    text_printf(f->out, "xref\n0 %zu\n0000000000 65535 f \n", f->count + 1);
    for (size_t i = 0; i < f->count; i++) text_printf(f->out, "%010zu 00000 n \n", f->offsets[i]);
    text_printf(f->out, "trailer\n<</Size %zu/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n",
                f->count + 1, table);
}

#endif
