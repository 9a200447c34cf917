/* Scanned tables: what stands between lines, or in columns that only white parts, keeps its cell.
 * The pictures are made here, by pdftoppm. Skipped where pdftoppm or tesseract's
 * English is missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/documents.h"
#include "tests/support/scan_read.h"

static bool able;

/* A price list as it is scanned: seven columns, the last of single digits, with ruling lines or
 * without. Rows count from 2, since a 1 that stands alone looks like an l. */
#define PRICE_FIRST 2
#define PRICE_LAST 9
#define PRICES_BOX "0 0 320 240"

static void put_cell(text *out, int x, int row, const char *before, int n, const char *behind) {
    text_printf(out, "BT /F 10 Tf %d %d Td (%s%d%s) Tj ET ", x + 2, 210 - 20 * row, before, n,
                behind);
}

static void price_pdf(text *out, bool ruled) {
    static const int left[] = {12, 78, 126, 154, 186, 218, 250, 300};
    static const char *const heads[] = {"Item", "Article", "Unit", "One", "Ten", "Fifty", "Days"};
    text c = {0};
    for (int i = 0; i <= 7 && ruled; i++)
        text_printf(&c, "0.5 w 0.5 G %d 24 m %d 224 l S ", left[i], left[i]);
    for (int r = 0; r <= PRICE_LAST + 1 && ruled; r++)
        text_printf(&c, "12 %d m 300 %d l S ", 224 - 20 * r, 224 - 20 * r);
    for (int i = 0; i < 7; i++)
        text_printf(&c, "BT /F 10 Tf %d 210 Td (%s) Tj ET ", left[i] + 2, heads[i]);
    for (int r = PRICE_FIRST; r <= PRICE_LAST; r++) {
        put_cell(&c, left[0], r, "Glove size ", r, "");
        put_cell(&c, left[1], r, "GN-100", r, "");
        text_printf(&c, "BT /F 10 Tf %d %d Td (box) Tj ET ", left[2] + 2, 210 - 20 * r);
        put_cell(&c, left[3], r, "", r + 10, ".95");
        put_cell(&c, left[4], r, "", r + 10, ".80");
        put_cell(&c, left[5], r, "", r + 10, ".60");
        put_cell(&c, left[6], r, "", r, "");
    }
    scan_put_page(out, PRICES_BOX, "/Font<</F 5 0 R>>", text_str(&c),
                  "5 0 obj" SCAN_TIMES "endobj");
    text_free(&c);
}

static void expect_prices(bool ruled) {
    arena *a = arena_new();
    text pdf = {0}, scan = {0};
    scan_picture page = {0};
    price_pdf(&pdf, ruled);
    assert_true(scan_draw(text_str(&pdf), &page));
    scan_put_picture(&scan, &page, PRICES_BOX, "320 0 0 240 0 0", "");
    const ingest_document *d = scan_read(text_str(&scan), "prices.pdf", a);
    assert_int_equal(d->pages[0].fate, INGEST_FATE_OCR);
    assert_non_null(scan_line_with(d, "Item | Article | Unit | One | Ten | Fifty | Days"));
    for (int r = PRICE_FIRST; r <= PRICE_LAST; r++) {
        char row[128];
        snprintf(row, sizeof row, "Glove size %d | GN-100%d | box | %d.95 | %d.80 | %d.60 | %d", r,
                 r, r + 10, r + 10, r + 10, r);
        assert_non_null(scan_line_with(d, row));
    }
    text_free(&pdf);
    text_free(&page.grey);
    text_free(&scan);
    arena_free(a);
}

/* Each figure stands in its own cell: none is lost between the lines, or joined to its neighbour
 * or to a line. */
static void a_scanned_price_list_keeps_its_figures(void **state) {
    (void)state;
    if (!able) skip();
    expect_prices(true);
}

static void a_price_list_without_lines_keeps_its_figures(void **state) {
    (void)state;
    if (!able) skip();
    expect_prices(false);
}

static int set_up(void **state) {
    (void)state;
    char languages[INGEST_LANGUAGES_BYTES];
    error err = {0};
    text pdf = {0}, drawn = {0};
    ingest_limits limits = ingest_default_limits;
    limits.seconds = 100; /* under a sanitizer a page takes a while */
    if (!ingest_worker_open(getenv("CARREL_PARSE"), &limits, &worker, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    price_pdf(&pdf, false);
    able = scan_pdftoppm(text_str(&pdf), "-gray", &drawn) &&
           ingest_ocr_languages(STR("eng"), languages, &err);
    if (!able) fprintf(stderr, "SKIP: pdftoppm or tesseract's English is not here\n");
    text_free(&pdf);
    text_free(&drawn);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    ingest_worker_close(worker);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scanned_price_list_keeps_its_figures),
        cmocka_unit_test(a_price_list_without_lines_keeps_its_figures),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
