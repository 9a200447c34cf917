/* What a PDF holds beside its visible text: text that a reader cannot see stays out and is told,
 * what was filled in, commented and attached is read, passwords open. The documents are made by
 * tests/golden/facts/make.py; every page of hidden.pdf hides the same instruction in another way.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/arena_test.h"
#include "tests/support/documents.h"
#include "tests/support/expect.h"

#define FOLDER "tests/golden/facts/"
#define SHOWN "The valve opens at four bar"

static bool read_with(const char *path, const char *password, ingest_document **d, error *err) {
    const ingest_options options = {.password = str_of(password), .no_ocr = true};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    bool ok = ingest_read(worker, fd, str_of(path), &options, NULL, NULL, a, d, err);
    close(fd);
    return ok;
}

static const ingest_document *read_document(const char *path) {
    ingest_document *d = NULL;
    error err = {0};
    if (!read_with(path, NULL, &d, &err)) fail_msg("%s: %s", path, err.text);
    return d;
}

/* All lines of a page (0: of the document), parted by " / ". */
static const char *page_text(const ingest_document *d, uint32_t page) {
    text t = {0};
    for (size_t i = 0; i < d->block_count; i++)
        for (size_t k = 0; (page == 0 || d->blocks[i].page == page) && k < d->blocks[i].line_count;
             k++)
            text_printf(&t, "%s" STR_FMT, t.n > 0 ? " / " : "",
                        STR_ARG(d->blocks[i].lines[k].text));
    const char *out = arena_cstr(a, text_str(&t));
    text_free(&t);
    return out;
}

static const char *notes_of(const ingest_document *d) {
    text t = {0};
    for (size_t i = 0; i < d->note_count; i++) text_printf(&t, STR_FMT "\n", STR_ARG(d->notes[i]));
    const char *out = arena_cstr(a, text_str(&t));
    text_free(&t);
    return out;
}

/* ---- hidden text --------------------------------------------------------------------------- */

#define LEFT_OUT(reason) "left out 36 characters that a reader cannot see (" reason ")"

static void hidden_text_is_left_out_and_told(void **state) {
    (void)state;
    static const struct {
        uint32_t page;
        ingest_fate fate;
        const char *content, *note;
    } expected[] = {
        {1, INGEST_FATE_TEXT, SHOWN, LEFT_OUT("in the colour of its background")},
        {3, INGEST_FATE_TEXT, SHOWN, LEFT_OUT("invisible")},
        {4, INGEST_FATE_TEXT, SHOWN, LEFT_OUT("tiny")},
        {5, INGEST_FATE_TEXT, SHOWN, LEFT_OUT("off the page")},
        {6, INGEST_FATE_TEXT, SHOWN, LEFT_OUT("covered")},
        {7, INGEST_FATE_TEXT, SHOWN, LEFT_OUT("transparent")},
        {8, INGEST_FATE_TEXT, SHOWN " / " SHOWN, LEFT_OUT("in a layer that is off")},
        {9, INGEST_FATE_TEXT, SHOWN, LEFT_OUT("cut off")},
        {11, INGEST_FATE_HIDDEN, "", LEFT_OUT("invisible")},
        {12, INGEST_FATE_TEXT, SHOWN, /* between two visible words of one line */
         "left out 26 characters that a reader cannot see (invisible)"},
        {13, INGEST_FATE_TEXT, SHOWN, LEFT_OUT("invisible")}, /* in a form */
        {14, INGEST_FATE_TEXT, SHOWN, LEFT_OUT("in the colour of its background")},
        {15, INGEST_FATE_TEXT, SHOWN, LEFT_OUT("off the page")}, /* outside of the crop box */
        {17, INGEST_FATE_HIDDEN, "", LEFT_OUT("invisible")},     /* on a scan's white */
        {18, INGEST_FATE_TEXT, SHOWN, LEFT_OUT("invisible")},    /* a turned page */
        {19, INGEST_FATE_TEXT, SHOWN, LEFT_OUT("in the colour of its background")},
        {21, INGEST_FATE_TEXT, SHOWN, "(tiny)"}, /* squeezed to a stroke: poppler drops letters */
    };
    const ingest_document *d = read_document(FOLDER "hidden.pdf");
    assert_int_equal(d->page_count, 21);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const ingest_page *p = &d->pages[expected[i].page - 1];
        const char *got = page_text(d, p->number);
        if (p->fate != expected[i].fate || strcmp(got, expected[i].content) != 0 ||
            str_find(p->note, str_of(expected[i].note), 0) == SIZE_MAX)
            fail_msg("page %u: %s, \"%s\", note \"" STR_FMT "\"", p->number,
                     ingest_fate_name(p->fate), got, STR_ARG(p->note));
    }
    expect_no_part(page_text(d, 0), "tampering");
    /* Each page says it of itself. */
    expect_no_part(notes_of(d), "cannot see was left out");
}

/* White on black, black on a page with a black band, a unit of ten points, faint but visible. */
static void visible_text_stays(void **state) {
    (void)state;
    const ingest_document *d = read_document(FOLDER "hidden.pdf");
    assert_string_equal(page_text(d, 2), SHOWN " / " SHOWN);
    assert_string_equal(page_text(d, 16), SHOWN);
    assert_string_equal(page_text(d, 20), SHOWN " / DRAFT");
    assert_int_equal(d->pages[1].note.n + d->pages[15].note.n + d->pages[19].note.n, 0);
}

static void the_text_layer_of_a_scan_is_kept_with_a_note(void **state) {
    (void)state;
    const ingest_document *d = read_document(FOLDER "hidden.pdf");
    assert_string_equal(page_text(d, 10), "SCANNED WORDS OF A PAGE / AND A SECOND LINE");
    expect_part(arena_cstr(a, d->pages[9].note), "text layer of a scan, not checked");
    expect_part(notes_of(d), "text layer of a scan, not checked against it: page 10");
}

/* Without OCR in the way: a hidden page with a picture is one for character recognition. */
static void a_hidden_page_with_a_picture_wants_ocr(void **state) {
    (void)state;
    error err = {0};
    ingest_document *d = NULL;
    int fd = open(FOLDER "hidden.pdf", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && documents_parse(worker, fd, STR("hidden.pdf"), a, &d, &err));
    close(fd);
    assert_false(d->pages[10].wants_ocr); /* nothing but text */
    assert_true(d->pages[16].wants_ocr);
}

/* ---- forms, comments, attachments ---------------------------------------------------------- */

static void fields_stand_behind_their_labels(void **state) {
    (void)state;
    const ingest_document *d = read_document(FOLDER "form.pdf");
    const char *all = page_text(d, 1);
    expect_part(all, "Name: Jane Doe");
    expect_part(all, "Ward: South");
    expect_part(all, "Daily dose: 75 mg"); /* nothing stands beside it: the tooltip */
    expect_part(all, "[x] Smoker");
    expect_part(all, "[ ] Pregnant");
    expect_part(all, "First remark / Second remark");
    expect_no_part(all, "4711");
    expect_no_part(all, "never shown");
    expect_no_part(all, "untold");
    expect_part(arena_cstr(a, d->pages[0].note), "left out 1 comment or form value");
}

static void an_xfa_form_is_told(void **state) {
    (void)state;
    expect_part(notes_of(read_document(FOLDER "xfa.pdf")), "XFA form");
}

static void comments_follow_their_page(void **state) {
    (void)state;
    const ingest_document *d = read_document(FOLDER "comments.pdf");
    assert_string_equal(page_text(d, 1), SHOWN " / Comment by Ann: The seal was changed in May."
                                               " / Comment by Bob: In June, I believe."
                                               " / Note on the page: Checked on 3 May"
                                               " / Comment by Ann: Is that gauge pressure?"
                                               " / Stamp: APPROVED");
    assert_string_equal(page_text(d, 2), "Second page");
    expect_part(arena_cstr(a, d->pages[0].note), "left out 1 comment or form value");
}

static void attachments_are_read_or_named(void **state) {
    (void)state;
    const ingest_document *d = read_document(FOLDER "attached.pdf");
    assert_int_equal(d->part_count, 2);
    assert_true(str_eq(d->parts[0].name, STR("gasket.txt")));
    assert_true(str_eq(d->parts[1].name, STR("torque.md")));
    expect_part(page_text(d, d->parts[0].page_first), "lasts nine years");
    expect_part(page_text(d, d->parts[1].page_first), "40 Nm");
    expect_part(notes_of(d), "\"setup.exe\" (3.0 kB) is no document that Carrel reads");
}

/* ---- pages that are not whole -------------------------------------------------------------- */

static void put_page(text *t, int object, const char *filter, const char *drawing) {
    text_printf(t,
                "%d 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R/Resources"
                "<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>>>>>>>endobj\n"
                "%d 0 obj<</Length %zu%s>>stream\n%s\nendstream endobj\n",
                object, object + 1, object + 1, strlen(drawing), filter, drawing);
}

/* The third page's drawing does not decompress, and the fourth is not there; the first two differ
 * in a number only, and are text all the same. */
static int open_holes(void) {
    text t = {0};
    int fd = memfd_create("document", MFD_CLOEXEC);
    text_put(&t, STR("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
                     "2 0 obj<</Type/Pages/Kids[3 0 R 5 0 R 7 0 R 99 0 R]/Count 4>>endobj\n"));
    put_page(&t, 3, "", "BT /F 12 Tf 60 720 Td (Valve 1 is released) Tj ET");
    put_page(&t, 5, "", "BT /F 12 Tf 60 720 Td (Valve 2 is released) Tj ET");
    put_page(&t, 7, "/Filter/FlateDecode", "AAAAAAAAAAAAAAAAAAAA");
    text_put(&t, STR("trailer<</Root 1 0 R>>\n%%EOF\n"));
    assert_int_equal(write(fd, t.p, t.n), (ssize_t)t.n);
    text_free(&t);
    return fd;
}

static void damaged_pages_fail(void **state) {
    (void)state;
    error err = {0};
    ingest_document *d = NULL;
    int fd = open_holes();
    if (!documents_parse(worker, fd, STR("holes.pdf"), a, &d, &err)) fail_msg("%s", err.text);
    close(fd);
    assert_int_equal(d->page_count, 4);
    for (uint32_t p = 1; p <= 4; p++)
        assert_int_equal(d->pages[p - 1].fate, p < 3 ? INGEST_FATE_TEXT : INGEST_FATE_FAILED);
    expect_part(d->pages[2].note.p, "what draws the page is damaged");
    expect_part(d->pages[3].note.p, "does not hold it");
    assert_int_equal(d->block_count, 2);
    for (size_t i = 0; i < 2; i++) assert_int_not_equal(d->blocks[i].role, INGEST_ROLE_FOOTER);
}

/* ---- pages that begin alike -------------------------------------------------------------------- */

#define ALIKE "(The valve is closed before the boiler is) Tj 0 -14 Td "

/* Under a running head, two pages begin with one sentence, which is no running head. */
static void pages_that_begin_with_a_sentence_keep_it(void **state) {
    (void)state;
    text t = {0};
    error err = {0};
    ingest_document *d = NULL;
    text_put(&t, STR("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
                     "2 0 obj<</Type/Pages/Kids[3 0 R 5 0 R]/Count 2>>endobj\n"));
    put_page(&t, 3, "",
             "BT /F 8 Tf 60 810 Td (Manual of boilers) Tj /F 12 Tf 0 -40 Td " ALIKE
             "(opened and cleaned by the day watch.) Tj ET");
    put_page(&t, 5, "",
             "BT /F 8 Tf 60 810 Td (Manual of boilers) Tj /F 12 Tf 0 -40 Td " ALIKE
             "(heated again after the winter.) Tj ET");
    text_put(&t, STR("trailer<</Root 1 0 R>>\n%%EOF\n"));
    int fd = documents_file(text_str(&t));
    if (!documents_parse(worker, fd, STR("alike.pdf"), a, &d, &err)) fail_msg("%s", err.text);
    close(fd);
    text_free(&t);
    size_t heads = 0;
    for (size_t i = 0; i < d->block_count; i++) heads += d->blocks[i].role == INGEST_ROLE_FOOTER;
    assert_int_equal(heads, 2);
    assert_int_equal(d->block_count, 4);
    expect_part(page_text(d, 1), "boiler is / opened and cleaned");
}

/* ---- passwords ----------------------------------------------------------------------------- */

static void passwords_open(void **state) {
    (void)state;
    static const char *const files[] = {FOLDER "rc4.pdf", FOLDER "aes256.pdf"};
    for (size_t i = 0; i < 2; i++) {
        error err = {0};
        ingest_document *d = NULL;
        assert_false(read_with(files[i], NULL, &d, &err));
        assert_int_equal(err.code, ERROR_PASSWORD);
        expect_part(err.text, "give it with --password");
        assert_false(read_with(files[i], "wrong", &d, &err));
        assert_int_equal(err.code, ERROR_PASSWORD);
        expect_part(err.text, "the password does not open it");
        for (int k = 0; k < 2; k++) {
            assert_true(read_with(files[i], k == 0 ? "reader" : "owner", &d, &err));
            expect_part(page_text(d, 1), SHOWN " / Comment by Ann");
            assert_int_equal(d->note_count, 0); /* its drawing was opened, too */
        }
    }
    /* Opens without one, and forbids copying; a password that was given for other files is in no
     * one's way. */
    error err = {0};
    ingest_document *d = NULL;
    assert_true(read_with(FOLDER "nocopy.pdf", "wrong", &d, &err));
    expect_part(page_text(d, 1), SHOWN);
    assert_int_equal(d->note_count, 0);
}

/* ---- all prefixes and single flipped bytes: never more than one sentence ------------------- */

static void broken_copies_leave_a_sentence(void **state) {
    (void)state;
    static const char *const files[] = {"hidden.pdf", "form.pdf", "comments.pdf", "attached.pdf"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char bytes[16384], path[64] = "/tmp/carrel-test-XXXXXX.pdf", from[128];
        snprintf(from, sizeof from, FOLDER "%s", files[i]);
        FILE *f = fopen(from, "rb");
        assert_non_null(f);
        size_t n = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        int fd = mkstemps(path, 4);
        assert_true(fd >= 0);
        unlink(path);
        for (size_t k = 0; k < 24; k++) {
            size_t at = n * k / 24, length = k % 2 ? n : at + 9;
            char kept = bytes[at];
            bytes[at] = (char)(kept ^ (1 << k % 7));
            assert_int_equal(ftruncate(fd, 0), 0);
            assert_int_equal(pwrite(fd, bytes, length, 0), (ssize_t)length);
            bytes[at] = kept;
            error err = {0};
            ingest_document *d = NULL;
            bool ok = documents_parse(worker, fd, STR("broken.pdf"), a, &d, &err);
            assert_true(ok || err.text[0]);
            assert_null(strstr(err.text, "crashed"));
        }
        close(fd);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(hidden_text_is_left_out_and_told),
        TEST(visible_text_stays),
        TEST(the_text_layer_of_a_scan_is_kept_with_a_note),
        TEST(a_hidden_page_with_a_picture_wants_ocr),
        TEST(fields_stand_behind_their_labels),
        TEST(an_xfa_form_is_told),
        TEST(comments_follow_their_page),
        TEST(attachments_are_read_or_named),
        TEST(damaged_pages_fail),
        TEST(pages_that_begin_with_a_sentence_keep_it),
        TEST(passwords_open),
        TEST(broken_copies_leave_a_sentence),
    };
    return cmocka_run_group_tests_name("ingest pdf facts", tests, documents_open, documents_close);
}
