/* Scans that a test makes: a page of PDF is drawn by pdftoppm, and the picture becomes a page. */
#ifndef CARREL_TESTS_SCAN_H
#define CARREL_TESTS_SCAN_H

#include "base/base.h"

#define SCAN_DPI 200
#define SCAN_TIMES "<</Type/Font/Subtype/Type1/BaseFont/Times-Roman/Encoding/WinAnsiEncoding>>"

/* A PGM file's pixels, rows of columns. */
typedef struct {
    text grey;
    unsigned columns, rows;
} scan_picture;

/* A PDF of one page, without a cross-reference table: poppler puts one together. `resources` and
 * `content` are the page's; its objects begin at 5. */
void scan_put_page(text *out, const char *media, const char *resources, str content,
                   const char *objects);
/* A page that shows the picture under this matrix (of cm), and then `more`. */
void scan_put_picture(text *out, const scan_picture *p, const char *media, const char *matrix,
                      const char *more);

/* Runs pdftoppm over a PDF with these arguments; what it writes to its output. False where it is
 * not installed. */
bool scan_pdftoppm(str pdf, const char *arguments, text *out);
bool scan_draw(str pdf, scan_picture *out); /* its page, in grey */

#endif
