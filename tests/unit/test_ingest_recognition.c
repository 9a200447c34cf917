/* The pages of one file that are recognised: what is kept of them is not recognised again, a
 * reading that is stopped ends at once, and what its time did not suffice for is told. The file is
 * a TIFF of pages with a bar on each, which are recognised and found empty. Skipped where
 * carrel-ocr or tesseract's data are missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/languages.h"
#include "tests/support/documents.h"
#include "tests/support/tiff_file.h"

#define SIDE 400u
#define PAGES 3u
#define KEPT_MOST 8

static text tiff;
static bool able;

static void make_tiff(void) {
    text_put(&tiff, STR("II*\0"));
    tiff_put32(&tiff, 8 + SIDE * SIDE);
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        size_t x = i % SIDE, y = i / SIDE;
        text_put_char(&tiff, x > 50 && x < 300 && y > 100 && y < 120 ? 0 : (char)0xff);
    }
    for (size_t page = 0; page < PAGES; page++) {
        tiff_put16(&tiff, 8);
        tiff_put_entry(&tiff, 256, 4,
                       SIDE); /* width, height, bits, no compression, black is zero */
        tiff_put_entry(&tiff, 257, 4, SIDE);
        tiff_put_entry(&tiff, 258, 4, 8);
        tiff_put_entry(&tiff, 259, 4, 1);
        tiff_put_entry(&tiff, 262, 4, 1);
        tiff_put_entry(&tiff, 273, 4, 8); /* the one strip, its rows and bytes */
        tiff_put_entry(&tiff, 278, 4, SIDE);
        tiff_put_entry(&tiff, 279, 4, SIDE * SIDE);
        tiff_put32(&tiff, page + 1 < PAGES ? tiff.n + 4 : 0);
    }
}

/* ---- hooks ---------------------------------------------------------------------------------- */

typedef struct {
    text places[KEPT_MOST], records[KEPT_MOST];
    size_t kept, found, told, pages, stop_after; /* stop_after: pages; 0: never */
    bool deaf;                                   /* gives nothing back */
} keeper;

static void keep(void *context, str place, str records) {
    keeper *k = context;
    assert_true(k->kept < KEPT_MOST);
    text_put(&k->places[k->kept], place);
    text_put(&k->records[k->kept++], records);
}

static bool find(void *context, str place, arena *a, str *records) {
    keeper *k = context;
    for (size_t i = 0; !k->deaf && i < k->kept; i++) {
        if (!str_eq(text_str(&k->places[i]), place)) continue;
        *records = arena_str(a, text_str(&k->records[i]));
        k->found++;
        return true;
    }
    return false;
}

static void recognising(void *context, size_t done, size_t pages) {
    keeper *k = context;
    k->told = done;
    k->pages = pages;
}

static bool stopped(void *context) {
    const keeper *k = context;
    return k->stop_after > 0 && k->kept >= k->stop_after;
}

static bool read_tiff(keeper *k, double seconds, arena *a, ingest_document **d, error *err) {
    const ingest_hooks hooks = {stopped, recognising, keep, find, k};
    const ingest_options options = {.hooks = &hooks, .ocr_seconds = seconds};
    return documents_read(worker, "bars.tif", text_str(&tiff), &options, a, d, err);
}

static void let_go(keeper *k) {
    for (size_t i = 0; i < KEPT_MOST; i++) {
        text_free(&k->places[i]);
        text_free(&k->records[i]);
    }
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void what_was_recognised_is_kept(void **state) {
    (void)state;
    if (!able) skip();
    arena *a = arena_new();
    keeper k = {0};
    ingest_document *d;
    error err = {0};
    if (!read_tiff(&k, 0, a, &d, &err)) fail_msg("%s", err.text);
    assert_int_equal(d->page_count, PAGES);
    assert_true(k.kept == PAGES && k.found == 0 && k.told == PAGES && k.pages == PAGES);
    assert_string_equal(k.places[1].p, ":2");
    text_clear(&k.records[2]); /* what is damaged is recognised anew */
    text_put(&k.records[2], STR("no record"));
    if (!read_tiff(&k, 0, a, &d, &err)) fail_msg("%s", err.text);
    assert_true(k.kept == PAGES + 1 && k.told == PAGES);
    assert_int_equal(d->pages[2].fate, INGEST_FATE_EMPTY);
    let_go(&k);
    arena_free(a);
}

static void a_stopped_reading_goes_on(void **state) {
    (void)state;
    if (!able) skip();
    arena *a = arena_new();
    keeper k = {.stop_after = 2};
    ingest_document *d;
    error err = {0};
    assert_false(read_tiff(&k, 0, a, &d, &err));
    assert_int_equal(err.code, ERROR_CANCELLED);
    assert_int_equal(k.kept, 2);
    k.stop_after = 0;
    if (!read_tiff(&k, 0, a, &d, &err)) fail_msg("%s", err.text);
    assert_true(k.found == 2 && k.kept == PAGES);
    let_go(&k);
    arena_free(a);
}

/* A page that is at work is ended, though it would take longer. */
static void a_stop_ends_the_page_at_hand(void **state) {
    (void)state;
    if (!able) skip();
    arena *a = arena_new();
    keeper k = {.stop_after = 1, .kept = 1};
    ingest_document *d;
    error err = {0};
    double begin = clock_ms();
    assert_false(read_tiff(&k, 0, a, &d, &err));
    assert_int_equal(err.code, ERROR_CANCELLED);
    assert_true(clock_ms() - begin < 2000);
    let_go(&k);
    arena_free(a);
}

static void what_time_is_over_for_is_told(void **state) {
    (void)state;
    if (!able) skip();
    arena *a = arena_new();
    keeper k = {0};
    ingest_document *d;
    error err = {0};
    if (!read_tiff(&k, 1e-6, a, &d, &err)) fail_msg("%s", err.text);
    for (size_t i = 1; i < PAGES; i++) {
        assert_int_equal(d->pages[i].unread, INGEST_UNREAD_LATER);
        assert_int_equal(d->pages[i].fate, INGEST_FATE_FAILED);
        assert_true(str_find(d->pages[i].note, STR("goes on here"), 0) != SIZE_MAX);
    }
    let_go(&k);
    arena_free(a);
}

static void why_a_page_is_unread_is_told(void **state) {
    (void)state;
    arena *a = arena_new();
    ingest_document *d;
    error err = {0};
    const ingest_options off = {.no_ocr = true}, strange = {.ocr_languages = STR("xxy")};
    if (!documents_read(worker, "bars.tif", text_str(&tiff), &off, a, &d, &err))
        fail_msg("%s", err.text);
    assert_true(d->pages[0].unread == INGEST_UNREAD_OFF && !d->pages[0].wants_ocr);
    assert_int_equal(d->pages[0].fate, INGEST_FATE_FAILED);
    if (!documents_read(worker, "bars.tif", text_str(&tiff), &strange, a, &d, &err))
        fail_msg("%s", err.text);
    assert_int_equal(d->pages[0].unread, INGEST_UNREAD_MISSING);
    arena_free(a);
}

static int set_up(void **state) {
    char languages[INGEST_LANGUAGES_BYTES];
    error err;
    if (documents_open(state) != 0) return 1;
    able = ingest_ocr_languages((str){0}, languages, &err) && ingest_ocr_start(worker, &err);
    if (!able) fprintf(stderr, "SKIP: character recognition: %s\n", err.text);
    make_tiff();
    return 0;
}

static int tear_down(void **state) {
    text_free(&tiff);
    return documents_close(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_recognised_is_kept),
        cmocka_unit_test(a_stopped_reading_goes_on),
        cmocka_unit_test(a_stop_ends_the_page_at_hand),
        cmocka_unit_test(what_time_is_over_for_is_told),
        cmocka_unit_test(why_a_page_is_unread_is_told),
    };
    return cmocka_run_group_tests_name("ingest recognition", tests, set_up, tear_down);
}
