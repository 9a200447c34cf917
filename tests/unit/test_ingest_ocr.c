/* Character recognition, from pictures of a text of our own to blocks with boxes: scans as they
 * lie, turned and tilted; pages where there is nothing to read; text layers that are none; image
 * files; and everything that can be missing or broken. The pictures are made here, by pdftoppm, so
 * that what they say is known. Skipped where pdftoppm, carrel-ocr or tesseract's English is
 * missing.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/worker.h"
#include "ingest/parse/confine.h"
#include "ingest/parse/image/tiff.h"
#include "tests/support/documents.h"
#include "tests/support/scan_read.h"
#include "tests/support/tiff_file.h"

/* The page: 320 x 200 points, five lines of 12 points. */
#define WIDTH_PT 320
#define HEIGHT_PT 200
static const char *const lines[] = {
    "The harbour crane lifts forty barrels", "each day before the tide comes in.",
    "Oil its bearing with whale grease twice", "a week and never stand under the hook.",
    "Report frayed rope to the watch officer."};
#define LINE_COUNT (sizeof lines / sizeof *lines)
#define FIRST_BASELINE_PT 40 /* from the top */
#define STEP_PT 24

static bool able;
static scan_picture drawn;

/* ---- documents ------------------------------------------------------------------------------ */

#define PAGE_BOX "0 0 320 200"

static void text_content(text *out) {
    text_printf(out, "BT /F 14 Tf 30 %d Td ", HEIGHT_PT - FIRST_BASELINE_PT);
    for (size_t i = 0; i < LINE_COUNT; i++)
        text_printf(out, "(%s) Tj 0 -%d Td ", lines[i], STEP_PT);
    text_put(out, STR("ET"));
}

static void text_pdf(text *out) {
    text content = {0};
    text_content(&content);
    scan_put_page(out, PAGE_BOX, "/Font<</F 5 0 R>>", text_str(&content),
                  "5 0 obj" SCAN_TIMES "endobj");
    text_free(&content);
}

static bool make_picture(void) {
    text pdf = {0};
    text_pdf(&pdf);
    bool ok = scan_draw(text_str(&pdf), &drawn);
    text_free(&pdf);
    return ok;
}

static int set_up(void **state) {
    (void)state;
    error err = {0};
    arena *a = arena_new();
    ingest_limits limits = ingest_default_limits;
    limits.seconds = 100; /* under a sanitizer a page takes a while */
    if (!ingest_worker_open(getenv("CARREL_PARSE"), &limits, &worker, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    if (make_picture()) {
        text pdf = {0};
        scan_put_picture(&pdf, &drawn, PAGE_BOX, "320 0 0 200 0 0", "");
        const ingest_document *d = scan_read_with(
            worker, text_str(&pdf), "probe.pdf", &(ingest_options){.ocr_languages = STR("eng")}, a);
        able = d->pages[0].fate == INGEST_FATE_OCR;
        if (!able)
            fprintf(stderr, "SKIP: character recognition: " STR_FMT "\n",
                    STR_ARG(d->pages[0].note));
        text_free(&pdf);
    } else {
        fprintf(stderr, "SKIP: pdftoppm (poppler-utils) is not here\n");
    }
    arena_free(a);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    ingest_worker_close(worker);
    text_free(&drawn.grey);
    return 0;
}

/* ---- what was read -------------------------------------------------------------------------- */

static size_t lines_found(const ingest_document *d, uint32_t page) {
    size_t found = 0;
    for (size_t i = 0; i < LINE_COUNT; i++) {
        bool here = false;
        for (size_t b = 0; b < d->block_count; b++)
            for (size_t k = 0; d->blocks[b].page == page && k < d->blocks[b].line_count; k++)
                here |= str_find(d->blocks[b].lines[k].text, str_of(lines[i]), 0) != SIZE_MAX;
        found += here;
    }
    return found;
}

static void expect_read(const ingest_document *d, uint32_t page) {
    const ingest_page *p = &d->pages[page - 1];
    if (p->fate != INGEST_FATE_OCR || lines_found(d, page) < LINE_COUNT)
        fail_msg("page %u: %s, %zu lines, %s", page, ingest_fate_name(p->fate),
                 lines_found(d, page), p->note.n > 0 ? p->note.p : "no note");
    assert_true(p->confidence > 0.8f && p->confidence <= 1);
    assert_false(p->wants_ocr);
}

static void expect_note(const ingest_page *p, const char *words) {
    if (str_find(p->note, str_of(words), 0) == SIZE_MAX)
        fail_msg("the note is \"" STR_FMT "\", expected \"%s\"", STR_ARG(p->note), words);
}

static void expect_box(box at, double x0, double y0, double x1, double y1) {
    if (fabs(at.x0 - x0) > 8 || fabs(at.y0 - y0) > 8 || fabs(at.x1 - x1) > 8 ||
        fabs(at.y1 - y1) > 8)
        fail_msg("box %.0f %.0f %.0f %.0f, expected %.0f %.0f %.0f %.0f", at.x0, at.y0, at.x1,
                 at.y1, x0, y0, x1, y1);
}

/* ---- scans ---------------------------------------------------------------------------------- */

static void a_scan_is_read_with_boxes(void **state) {
    (void)state;
    if (!able) skip();
    arena *a = arena_new();
    text pdf = {0};
    scan_put_picture(&pdf, &drawn, PAGE_BOX, "320 0 0 200 0 0", "");
    const ingest_document *d = scan_read(text_str(&pdf), "scan.pdf", a);
    expect_read(d, 1);
    for (size_t i = 0; i < LINE_COUNT; i++) {
        const ingest_line *l = scan_line_with(d, lines[i]);
        double baseline = FIRST_BASELINE_PT + STEP_PT * (double)i;
        assert_true(l->at.y0 > baseline - 18 && l->at.y0 < baseline - 5);
        assert_true(l->at.y1 > baseline - 3 && l->at.y1 < baseline + 8);
        assert_true(l->at.x0 > 25 && l->at.x0 < 35 && l->at.x1 > 200 && l->at.x1 < 315);
        assert_true(l->font_pt > 8 && l->font_pt < 20);
    }
    text_free(&pdf);
    arena_free(a);
}

/* The picture lies on its side or its head; boxes are where the page shows the letters. */
static void a_turned_scan_is_read(void **state) {
    (void)state;
    if (!able) skip();
    static const struct {
        const char *media, *matrix;
        double x0, y0, x1, y1; /* of the first line */
    } ways[] = {
        {PAGE_BOX, "-320 0 0 -200 320 200", 90, 157, 290, 172},   /* upside down */
        {"0 0 200 320", "0 320 -200 0 200 0", 28, 90, 44, 290},   /* reads upwards */
        {"0 0 200 320", "0 -320 200 0 0 320", 157, 30, 172, 230}, /* reads downwards */
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        arena *a = arena_new();
        text pdf = {0};
        scan_put_picture(&pdf, &drawn, ways[i].media, ways[i].matrix, "");
        const ingest_document *d = scan_read(text_str(&pdf), "turned.pdf", a);
        expect_read(d, 1);
        expect_box(scan_line_with(d, lines[0])->at, ways[i].x0, ways[i].y0, ways[i].x1, ways[i].y1);
        text_free(&pdf);
        arena_free(a);
    }
}

static void a_tilted_scan_is_set_straight(void **state) {
    (void)state;
    if (!able) skip();
    static const struct {
        const char *media, *matrix;
        float rises,
            corner; /* of the first line, on the page: at least; where it ends, from above */
    } turns[] = {{"0 -20 340 220", "319.6 16.7 -10.5 199.7 10 -10", 18, 40},
                 {"0 -10 385 290", "309.1 82.8 -51.8 193.2 62 0", 50, 45}}; /* 3 and 15 degrees */
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        arena *a = arena_new();
        text pdf = {0};
        scan_put_picture(&pdf, &drawn, turns[i].media, turns[i].matrix, "");
        const ingest_document *d = scan_read(text_str(&pdf), "tilted.pdf", a);
        expect_read(d, 1);
        box at = scan_line_with(d, lines[0])->at;
        if (at.y1 - at.y0 < turns[i].rises || fabsf(at.y0 - turns[i].corner) > 25)
            fail_msg("a line from %.0f to %.0f", (double)at.y0, (double)at.y1);
        text_free(&pdf);
        arena_free(a);
    }
}

/* As a lamp beside a camera lights it: on the right the paper is darker than the ink on the
 * left. */
static void a_photograph_lit_from_one_side_is_read(void **state) {
    (void)state;
    if (!able) skip();
    arena *a = arena_new();
    text pdf = {0}, kept = drawn.grey;
    drawn.grey = (text){0};
    for (size_t i = 0; i < kept.n; i++) {
        double light = 1 - 0.7 * (double)(i % drawn.columns) / drawn.columns;
        text_put_char(&drawn.grey, (char)((90 + 0.6 * (unsigned char)kept.p[i]) * light));
    }
    scan_put_picture(&pdf, &drawn, PAGE_BOX, "320 0 0 200 0 0", "");
    expect_read(scan_read(text_str(&pdf), "photo.pdf", a), 1);
    text_free(&drawn.grey);
    drawn.grey = kept;
    text_free(&pdf);
    arena_free(a);
}

static void a_huge_page_is_read_coarsely(void **state) {
    (void)state;
    if (!able) skip();
    arena *a = arena_new();
    text pdf = {0};
    scan_put_picture(&pdf, &drawn, "0 0 8000 5000", "8000 0 0 5000 0 0", "");
    const ingest_document *d = scan_read(text_str(&pdf), "huge.pdf", a);
    expect_read(d, 1); /* its letters are huge, too */
    expect_note(&d->pages[0], "inches");
    text_free(&pdf);
    arena_free(a);
}

/* ---- pages with nothing to read ------------------------------------------------------------- */

static void empty_pages_stay_empty(void **state) {
    (void)state;
    arena *a = arena_new();
    text pdf = {0}, kept = drawn.grey;
    scan_put_page(&pdf, PAGE_BOX, "", STR("0.9 g 0 0 320 200 re f"), "");
    const ingest_document *d = scan_read(text_str(&pdf), "plain.pdf", a);
    assert_int_equal(d->pages[0].fate, INGEST_FATE_EMPTY);
    assert_int_equal(d->pages[0].note.n, 0); /* nobody had to look for letters */
    if (!able) {
        text_free(&pdf);
        arena_free(a);
        skip();
    }
    drawn.grey = (text){0};
    uint32_t seed = 7;
    for (size_t i = 0; i < kept.n; i++) { /* a white sheet, as a scanner sees it */
        seed = seed * 1664525u + 1013904223u;
        text_put_char(&drawn.grey, (char)(235 + (seed >> 28)));
    }
    for (int speckled = 0; speckled < 2; speckled++) {
        text_clear(&pdf);
        for (size_t i = 0; speckled && i < drawn.grey.n; i++) { /* and one with dirt all over */
            seed = seed * 1664525u + 1013904223u;
            if (seed >> 22 == 0)
                for (size_t k = 0; k < 9; k++)
                    if (i + k / 3 * drawn.columns + k % 3 < drawn.grey.n)
                        drawn.grey.p[i + k / 3 * drawn.columns + k % 3] = 20;
        }
        scan_put_picture(&pdf, &drawn, PAGE_BOX, "320 0 0 200 0 0", "");
        d = scan_read(text_str(&pdf), "white.pdf", a);
        assert_int_equal(d->pages[0].fate, INGEST_FATE_EMPTY);
        assert_int_equal(d->block_count, 0);
    }
    text_free(&drawn.grey);
    drawn.grey = kept;
    text_free(&pdf);
    arena_free(a);
}

/* Letters seen in a mirror are of no language: better no text than such. */
static void what_makes_no_sense_is_not_taken(void **state) {
    (void)state;
    if (!able) skip();
    arena *a = arena_new();
    text pdf = {0};
    scan_put_picture(&pdf, &drawn, PAGE_BOX, "-320 0 0 200 320 0", "");
    const ingest_document *d = scan_read(text_str(&pdf), "mirror.pdf", a);
    assert_int_equal(d->pages[0].fate, INGEST_FATE_GARBLED);
    assert_int_equal(d->block_count, 0);
    expect_note(&d->pages[0], "makes no sense");
    text_free(&pdf);
    arena_free(a);
}

/* ---- text layers ---------------------------------------------------------------------------- */

/* A font whose table of Unicode values says that every letter is the one five further on. */
static void shifted_font(text *out) {
    text map = {0};
    text_put(&map, STR("/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n/CMapName /X "
                       "def 1 begincodespacerange <00> <FF> endcodespacerange\n"));
    text_put(&map, STR("2 beginbfrange\n<41> <55> <0046>\n<61> <75> <0066>\nendbfrange\n"
                       "2 beginbfrange\n<56> <5A> <0041>\n<76> <7A> <0061>\nendbfrange\n"
                       "endcmap end end"));
    text_printf(out,
                "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Times-Roman/Encoding/WinAnsiEncoding"
                "/ToUnicode 6 0 R>>endobj\n6 0 obj<</Length %zu>>stream\n" STR_FMT
                "\nendstream endobj",
                map.n, STR_ARG(text_str(&map)));
    text_free(&map);
}

/* Its short words have pairs of letters that no language has: kg, cf, mg. */
static void a_table_full_of_units_is_no_garbled_layer(void **state) {
    (void)state;
    arena *a = arena_new();
    text pdf = {0}, content = {0};
    text_put(&content, STR("BT /F 7 Tf 10 190 Td "));
    for (int row = 0; row < 24; row++)
        text_printf(&content, "(Amoxicillin child %d-%d kg %d mg %d CFU) Tj 0 -7 Td ", row, row + 4,
                    125 * row, 3000 + row);
    text_put(&content, STR("ET"));
    scan_put_page(&pdf, PAGE_BOX, "/Font<</F 5 0 R>>", text_str(&content),
                  "5 0 obj" SCAN_TIMES "endobj\n");
    const ingest_options blind = {.no_ocr = true};
    const ingest_document *d = scan_read_with(worker, text_str(&pdf), "units.pdf", &blind, a);
    assert_int_equal(d->pages[0].fate, INGEST_FATE_TEXT);
    assert_true(d->block_count > 0);
    text_free(&pdf);
    text_free(&content);
    arena_free(a);
}

static void a_garbled_layer_is_read_from_its_picture(void **state) {
    (void)state;
    arena *a = arena_new();
    text pdf = {0}, content = {0}, font = {0};
    text_content(&content);
    shifted_font(&font);
    scan_put_page(&pdf, PAGE_BOX, "/Font<</F 5 0 R>>", text_str(&content), font.p);
    const ingest_options blind = {.no_ocr = true};
    const ingest_document *d = scan_read_with(worker, text_str(&pdf), "garbled.pdf", &blind, a);
    assert_int_equal(d->pages[0].fate, INGEST_FATE_GARBLED);
    assert_int_equal(d->block_count, 0);
    expect_note(&d->pages[0], "--no-ocr");
    if (able) expect_read(scan_read(text_str(&pdf), "garbled.pdf", a), 1);
    text_free(&pdf);
    text_free(&content);
    text_free(&font);
    arena_free(a);
    if (!able) skip();
}

/* Text of odd letters that is what it shows: the picture says the same, and the text stays. */
static void odd_text_stays_text(void **state) {
    (void)state;
    if (!able) skip();
    arena *a = arena_new();
    text pdf = {0}, content = {0};
    text_put(&content, STR("BT /F 14 Tf 20 170 Td "));
    static const char *const odd[] = {"HQRK WVTX JKLP ZXCV BNMQ", "PLKJ HGFD QWRT MNBV CXZL",
                                      "TRWQ ZXVB KJHG VBNM QZWX", "JKWQ XVZB HFDS PQRT LKJH",
                                      "WXYZ QKJV BVCX MNQP RTKW", "KXQJ VWZP DFGH QBXK TVWJ"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        text_printf(&content, "(%s) Tj 0 -24 Td ", odd[i]);
    text_put(&content, STR("ET"));
    scan_put_page(&pdf, PAGE_BOX, "/Font<</F 5 0 R>>", text_str(&content),
                  "5 0 obj" SCAN_TIMES "endobj");
    const ingest_document *d = scan_read(text_str(&pdf), "odd.pdf", a);
    assert_int_equal(d->pages[0].fate, INGEST_FATE_TEXT);
    assert_non_null(scan_line_with(d, odd[0]));
    text_free(&pdf);
    text_free(&content);
    arena_free(a);
}

/* A stamp over a scan is not the page's text; a caption over a photograph is. */
static void a_stamp_does_not_hide_the_scan(void **state) {
    (void)state;
    if (!able) skip();
    arena *a = arena_new();
    text pdf = {0};
    scan_put_picture(&pdf, &drawn, PAGE_BOX, "320 0 0 200 0 0",
                     "BT /F 8 Tf 280 8 Td (Page 7) Tj ET");
    expect_read(scan_read(text_str(&pdf), "stamped.pdf", a), 1);
    text kept = drawn.grey;
    drawn.grey = (text){0};
    for (size_t i = 0; i < kept.n; i++)
        text_put_char(&drawn.grey, (char)(i % drawn.columns * 255 / drawn.columns));
    text_clear(&pdf);
    scan_put_picture(&pdf, &drawn, PAGE_BOX, "320 0 0 200 0 0",
                     "BT /F 14 Tf 30 20 Td (Evening in the old harbour) Tj ET");
    const ingest_document *d = scan_read(text_str(&pdf), "photo.pdf", a);
    assert_int_equal(d->pages[0].fate, INGEST_FATE_TEXT);
    assert_non_null(scan_line_with(d, "Evening in the old harbour"));
    text_free(&drawn.grey);
    drawn.grey = kept;
    text_free(&pdf);
    arena_free(a);
}

/* ---- images --------------------------------------------------------------------------------- */

/* Two pages of one picture, with a reduced copy between them; after the last one `next` follows. */
static void two_page_tiff(text *out, size_t next) {
    text_put(out, STR("II*\0"));
    tiff_put32(out, 8 + drawn.grey.n);
    text_put(out, text_str(&drawn.grey));
    for (int page = 0; page < 3; page++) {
        tiff_put16(out, 9);
        tiff_put_entry(out, TIFF_NEW_SUBFILE, 4, page == 1);
        tiff_put_entry(out, TIFF_WIDTH, 4, drawn.columns);
        tiff_put_entry(out, TIFF_HEIGHT, 4, drawn.rows);
        tiff_put_entry(out, TIFF_BITS, 3, 8);
        tiff_put_entry(out, 259, 3, 1); /* no compression */
        tiff_put_entry(out, 262, 3, 1); /* black is zero */
        tiff_put_entry(out, 273, 4, 8); /* the strip */
        tiff_put_entry(out, 278, 4, drawn.rows);
        tiff_put_entry(out, 279, 4, drawn.grey.n);
        tiff_put32(out, page < 2 ? out->n + 4 : next);
    }
}

static void image_files_are_read(void **state) {
    (void)state;
    if (!able) skip();
    static const struct {
        const char *arguments, *name, *type;
    } files[] = {{"-png", "scan.png", "png"}, {"-jpeg -gray", "scan.jpg", "jpeg"}};
    text pdf = {0};
    text_pdf(&pdf);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        arena *a = arena_new();
        text image = {0};
        assert_true(scan_pdftoppm(text_str(&pdf), files[i].arguments, &image));
        const ingest_document *d = scan_read(text_str(&image), files[i].name, a);
        expect_read(d, 1);
        assert_true(str_eq(d->type, str_of(files[i].type)));
        assert_true(fabs(d->pages[0].width_pt - WIDTH_PT) < 2); /* by the file's resolution */
        text_free(&image);
        arena_free(a);
    }
    text_free(&pdf);
}

static void a_tiff_has_pages(void **state) {
    (void)state;
    if (!able) skip();
    arena *a = arena_new();
    text tiff = {0};
    two_page_tiff(&tiff, 0);
    const ingest_document *d = scan_read(text_str(&tiff), "fax.tif", a);
    assert_int_equal(d->page_count, 2);
    expect_read(d, 1);
    expect_read(d, 2);
    assert_int_equal(d->note_count, 0);
    text_clear(&tiff);
    two_page_tiff(&tiff, 8 + drawn.grey.n); /* the last page says that the first one follows */
    const ingest_options blind = {.no_ocr = true};
    d = scan_read_with(worker, text_str(&tiff), "circle.tif", &blind, a);
    assert_int_equal(d->page_count, 2);
    assert_int_equal(d->note_count, 1);
    text_free(&tiff);
    arena_free(a);
}

static void broken_images_are_told(void **state) {
    (void)state;
    if (!able) skip();
    arena *a = arena_new();
    text pdf = {0}, image = {0}, bomb = {0};
    text_pdf(&pdf);
    assert_true(scan_pdftoppm(text_str(&pdf), "-png", &image));
    const ingest_document *d = scan_read(str_cut(text_str(&image), 0, image.n / 2), "half.png", a);
    assert_int_equal(d->pages[0].fate, INGEST_FATE_FAILED);
    expect_note(&d->pages[0], "damaged");
    /* 60,000 pixels square in colour, in 70 bytes. */
    text_put(&bomb, STR("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0"
                        "\0\0\0\0\0\0\0\0IDAT\0\0\0\0\0\0\0\0IEND"));
    d = scan_read(text_str(&bomb), "bomb.png", a);
    expect_note(&d->pages[0], "60000 x 60000");
    text_free(&pdf);
    text_free(&image);
    text_free(&bomb);
    arena_free(a);
}

static void tiff_directories_do_not_run_away(void **state) {
    (void)state;
    tiff_file t;
    tiff_page pages[8];
    bool whole;
    assert_false(tiff_open(STR("II*\0"), &t));
    assert_true(tiff_open(STR("II*\0\xff\xff\xff\xff"), &t)); /* the first one lies outside */
    assert_int_equal(tiff_pages(&t, pages, 8, &whole), 0);
    /* A directory of one entry that follows itself. */
    assert_true(
        tiff_open(STR("II*\0\x08\0\0\0\x01\0\0\x01\x03\0\x01\0\0\0\x2a\0\0\0\x08\0\0\0"), &t));
    assert_int_equal(tiff_pages(&t, pages, 8, &whole), 1);
    assert_false(whole);
    assert_int_equal(tiff_number(&t, pages[0].at, TIFF_WIDTH, 7), 42);
    assert_int_equal(tiff_number(&t, pages[0].at, TIFF_HEIGHT, 7), 7);
    assert_int_equal(tiff_exif_orientation(STR("\xff\xd8\xff\xe1\0\x1e"
                                               "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12"
                                               "\0\x03\0\0\0\x01\0\x06\0\0")),
                     6);
    assert_int_equal(tiff_exif_orientation(STR("\xff\xd8\xff\xda\0\x02")), 1);
}

/* ---- what can be missing -------------------------------------------------------------------- */

static void a_missing_language_is_named(void **state) {
    (void)state;
    if (!able) skip();
    static const struct {
        const char *languages, *says;
    } asked[] = {{"eng+xxy_zz", "tesseract-ocr-xxy-zz"},
                 {"../eng", "no list of languages"},
                 {"eng+", "no list of languages"},
                 {"osd", "no language \"osd\""}};
    arena *a = arena_new();
    text pdf = {0};
    scan_put_picture(&pdf, &drawn, PAGE_BOX, "320 0 0 200 0 0", "");
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        const ingest_options options = {.ocr_languages = str_of(asked[i].languages)};
        const ingest_document *d = scan_read_with(worker, text_str(&pdf), "scan.pdf", &options, a);
        assert_int_equal(d->pages[0].fate, INGEST_FATE_FAILED);
        expect_note(&d->pages[0], asked[i].says);
    }
    expect_read(scan_read(text_str(&pdf), "scan.pdf", a), 1);
    text_free(&pdf);
    arena_free(a);
}

/* carrel-parse alone in a folder: everything else works, and the page says what is missing. */
static void a_missing_program_is_told(void **state) {
    (void)state;
    char folder[] = "/tmp/carrel-test-XXXXXX", real[PATH_MAX], link[64];
    const char *parse = getenv("CARREL_PARSE");
    error err = {0};
    ingest_worker *w = NULL;
    arena *a = arena_new();
    text pdf = {0};
    if (!parse || !realpath(parse, real) || drawn.grey.n == 0) skip();
    assert_non_null(mkdtemp(folder));
    snprintf(link, sizeof link, "%s/carrel-parse", folder);
    assert_int_equal(symlink(real, link), 0);
    if (!ingest_worker_open(link, &ingest_default_limits, &w, &err)) fail_msg("%s", err.text);
    scan_put_picture(&pdf, &drawn, PAGE_BOX, "320 0 0 200 0 0", "");
    const ingest_document *d = scan_read_with(w, text_str(&pdf), "scan.pdf", NULL, a);
    assert_int_equal(d->pages[0].fate, INGEST_FATE_FAILED);
    expect_note(&d->pages[0], "carrel-ocr is missing");
    text_clear(&pdf);
    text_pdf(&pdf);
    assert_int_equal(scan_read_with(w, text_str(&pdf), "text.pdf", NULL, a)->pages[0].fate,
                     INGEST_FATE_TEXT);
    ingest_worker_close(w);
    unlink(link);
    rmdir(folder);
    text_free(&pdf);
    arena_free(a);
}

/* ---- the lock ------------------------------------------------------------------------------- */

static long status_field(const char *pid, const char *field) {
    char path[300], line[256];
    long value = -1;
    snprintf(path, sizeof path, "/proc/%s/status", pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0) value = atol(line + strlen(field) + 1);
    if (f) fclose(f);
    return value;
}

/* Debian's tesseract is linked with libcurl; what keeps it silent is the kernel. */
static void it_is_locked_in(void **state) {
    (void)state;
    if (!able) skip();
    int found = 0;
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    for (struct dirent *e; (e = readdir(proc));) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/%s/comm", e->d_name);
        FILE *f = atoi(e->d_name) > 0 ? fopen(path, "r") : NULL;
        bool ours = f && fgets(name, sizeof name, f) && strcmp(name, "carrel-ocr\n") == 0 &&
                    status_field(e->d_name, "PPid:") == getpid();
        if (f) fclose(f);
        if (!ours) continue;
        found++;
        assert_int_equal(status_field(e->d_name, "Seccomp:"), 2);
        assert_int_equal(status_field(e->d_name, "NoNewPrivs:"), 1);
        assert_int_equal(status_field(e->d_name, "Threads:"), 1);
    }
    closedir(proc);
    assert_int_equal(found, 1);
}

/* What both programs do before they see a document: whoever asks for a socket then has lived. */
static void the_lock_refuses_sockets(void **state) {
    (void)state;
    static const char *const readable[] = {"/usr/share/poppler", NULL};
    pid_t child = fork();
    if (child == 0) {
        int abi;
        error err;
        if (!confine_parent(readable, &abi, &err)) _exit(1);
        socket(AF_INET, SOCK_STREAM, 0);
        _exit(2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

/* ---- comments ------------------------------------------------------------------------------- */

static void a_comment_stays_on_a_recognised_page(void **state) {
    (void)state;
    text pdf = {0};
    if (!able) skip();
    scan_put_picture(&pdf, &drawn,
                     PAGE_BOX "]/Annots[<</Type/Annot/Subtype/Text/Rect[300 2 316 18]/T(Ann)"
                              "/Contents(The gasket is red.)>>",
                     "320 0 0 200 0 0", "");
    arena *a = arena_new();
    ingest_document *d = scan_read(text_str(&pdf), "scan.pdf", a);
    expect_read(d, 1);
    assert_non_null(scan_line_with(d, "Comment by Ann: The gasket is red."));
    arena_free(a);
    text_free(&pdf);
}

/* ---- encrypted documents --------------------------------------------------------------------- */

static void encrypted_pages_are_drawn(void **state) {
    (void)state;
    const ingest_options options = {.password = STR("reader")};
    if (!able) skip();
    arena *a = arena_new();
    ingest_document *d = NULL;
    error err = {0};
    int fd = open("tests/golden/facts/aes256.pdf", O_RDONLY | O_CLOEXEC);
    if (!worker_read_piece(worker, &(worker_piece){.ocr_page = 1}, &options, fd, STR("x.pdf"), a,
                           &d, &err))
        fail_msg("%s", err.text);
    assert_int_equal(d->pages[0].fate, INGEST_FATE_OCR);
    close(fd);
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scan_is_read_with_boxes),
        cmocka_unit_test(a_turned_scan_is_read),
        cmocka_unit_test(a_tilted_scan_is_set_straight),
        cmocka_unit_test(a_photograph_lit_from_one_side_is_read),
        cmocka_unit_test(a_huge_page_is_read_coarsely),
        cmocka_unit_test(empty_pages_stay_empty),
        cmocka_unit_test(what_makes_no_sense_is_not_taken),
        cmocka_unit_test(a_table_full_of_units_is_no_garbled_layer),
        cmocka_unit_test(a_garbled_layer_is_read_from_its_picture),
        cmocka_unit_test(odd_text_stays_text),
        cmocka_unit_test(a_stamp_does_not_hide_the_scan),
        cmocka_unit_test(a_comment_stays_on_a_recognised_page),
        cmocka_unit_test(encrypted_pages_are_drawn),
        cmocka_unit_test(image_files_are_read),
        cmocka_unit_test(a_tiff_has_pages),
        cmocka_unit_test(broken_images_are_told),
        cmocka_unit_test(tiff_directories_do_not_run_away),
        cmocka_unit_test(a_missing_language_is_named),
        cmocka_unit_test(a_missing_program_is_told),
        cmocka_unit_test(it_is_locked_in),
        cmocka_unit_test(the_lock_refuses_sockets),
    };
    return cmocka_run_group_tests_name("ingest ocr", tests, set_up, tear_down);
}
