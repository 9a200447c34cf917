/* What reaches a terminal and a file: cleaning, fitting, wrapping, figures, JSON, names. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/batch.h"
#include "cli/cli.h"

static const cli_terminal plain = {.bold = "", .dim = "", .red = "", .green = "", .reset = ""};
static const cli_terminal marked = {.bold = "<", .dim = "", .red = "", .green = "", .reset = ">"};

static void is(text *t, const char *expected) {
    assert_string_equal(t->p ? t->p : "", expected);
    text_clear(t);
}

static void test_clean(void **state) {
    (void)state;
    text t = {0};
    cli_clean(&t, STR("a\x1b[31mb\nc\td\x7f"
                      "e\xC2\x9b"
                      "f"));
    is(&t, "a [31mb c d e f");
    cli_clean(&t, STR("abc\xE2\x80\xAE"
                      "def\xE2\x81\xA6"
                      "g\xEF\xBB\xBF"
                      "h\xC2\xAD"
                      "i"));
    is(&t, "abcdefghi");
    cli_clean(&t, STR("\xFF\xC3"));
    is(&t, "\xEF\xBF\xBD\xEF\xBF\xBD");
    cli_clean(&t, STR("a\0b"));
    is(&t, "a b");
    cli_clean(&t, STR("Zo\xC3\xAB \xE6\x9D\xB1\xE4\xBA\xAC"));
    is(&t, "Zo\xC3\xAB \xE6\x9D\xB1\xE4\xBA\xAC");
    text_free(&t);
}

static void test_fit(void **state) {
    (void)state;
    text t = {0};
    cli_fit(&t, STR("abcdef"), 6, true);
    is(&t, "abcdef");
    cli_fit(&t, STR("abcdefg"), 6, true);
    is(&t, "abcde\xE2\x80\xA6");
    cli_fit(&t, STR("abc"), 6, true);
    is(&t, "abc   ");
    cli_fit(&t, STR("abc"), 0, false);
    is(&t, "abc");
    cli_fit_end(&t, STR("/a/long/path.pdf"), 9);
    is(&t, "\xE2\x80\xA6path.pdf");
    cli_fit_end(&t, STR("/a/long/path.pdf"), 16);
    is(&t, "/a/long/path.pdf");
    cli_fit_end(&t, STR("\xE6\x9D\xB1\xE4\xBA\xAC\xE6\x9D\xB1"), 4);
    is(&t, "\xE2\x80\xA6\xE6\x9D\xB1");
    cli_fit_end(&t, STR("a\nb"), 0);
    is(&t, "a b");
    /* A wide character that does not fit leaves its column empty. */
    cli_fit(&t, STR("\xE6\x9D\xB1\xE4\xBA\xAC\xE6\x9D\xB1"), 4, true);
    is(&t, "\xE6\x9D\xB1\xE2\x80\xA6 ");
    text_free(&t);
}

static void test_wrap(void **state) {
    (void)state;
    text t = {0};
    cli_wrap(&t, &plain, STR("one two three four five six seven"), NULL, 0, 2, 24);
    is(&t, "  one two three four\n  five six seven\n");
    cli_wrap(&t, &plain, STR("  one\n\ttwo  "), NULL, 0, 0, 0);
    is(&t, "one two\n");
    cli_wrap(&t, &plain, STR(""), NULL, 0, 0, 24);
    is(&t, "\n");
    cli_wrap(&t, &plain, STR("abcdefghijklmnopqrstuvwxyz"), NULL, 0, 0, 20);
    is(&t, "abcdefghijklmnopqrst\nuvwxyz\n");
    cli_span spans[] = {{4, 7}, {8, 13}};
    cli_wrap(&t, &marked, STR("one two three four"), spans, 2, 0, 0);
    is(&t, "one <two> <three> four\n");
    cli_span all[] = {{4, 13}};
    cli_wrap(&t, &marked, STR("one two three"), all, 1, 0, 0);
    is(&t, "one <two three>\n");
    cli_wrap(&t, &marked, STR("one two three four"), all, 1, 0, 0);
    is(&t, "one <two three> four\n");
    text_free(&t);
}

/* No line is longer than asked, and nothing but white space is lost. */
static void test_wrap_any(void **state) {
    (void)state;
    static const char *const words[] = {"a",          "dose",
                                        "paediatric", "\xE6\x9D\xB1\xE4\xBA\xAC",
                                        "x\xCC\x81",  "Donaudampfschifffahrtsgesellschaft",
                                        "."};
    text in = {0}, out = {0};
    uint32_t random_ = 7;
    for (int round_ = 0; round_ < 200; round_++) {
        text_clear(&in);
        text_clear(&out);
        for (int i = 0; i < 30; i++) {
            random_ = random_ * 1664525u + 1013904223u;
            text_put(&in, str_of(words[(random_ >> 16) % 7]));
            if (random_ >> 30) text_put_char(&in, ' ');
        }
        size_t columns = 24 + (size_t)round_ % 40;
        cli_wrap(&out, &plain, text_str(&in), NULL, 0, 3, columns);
        size_t i = 0, line = 0;
        for (size_t o = 0; o < out.n; o++) {
            if (out.p[o] == '\n') {
                assert_true(cli_columns(str_cut(text_str(&out), line, o)) <= columns);
                line = o + 1;
            } else if (out.p[o] != ' ') {
                while (in.p[i] == ' ') i++;
                assert_int_equal(out.p[o], in.p[i]);
                i++;
            }
        }
    }
    text_free(&in);
    text_free(&out);
}

static void test_figures(void **state) {
    (void)state;
    text t = {0};
    cli_put_bytes(&t, 0);
    is(&t, "0 bytes");
    cli_put_bytes(&t, 999);
    is(&t, "999 bytes");
    cli_put_bytes(&t, 1400);
    is(&t, "1.4 kB");
    cli_put_bytes(&t, 999999);
    is(&t, "1.0 MB");
    cli_put_bytes(&t, 12345678);
    is(&t, "12 MB");
    cli_put_bytes(&t, UINT64_MAX);
    is(&t, "18 EB");
    cli_put_count(&t, 1, "page", "pages");
    is(&t, "1 page");
    cli_put_count(&t, 0, "page", "pages");
    is(&t, "0 pages");
    text_free(&t);
}

static void test_json(void **state) {
    (void)state;
    json_t *s = cli_json_str(STR("a\xFF\0b\xED\xA0\x80"));
    assert_non_null(s);
    assert_true(utf8_valid((str){json_string_value(s), json_string_length(s)}));
    assert_int_equal(json_string_length(s), 1 + 3 + 1 + 1 + 9);
    json_decref(s);
    s = cli_json_str((str){0});
    assert_int_equal(json_string_length(s), 0);
    json_decref(s);
    assert_true(json_is_null(cli_json_real(NAN)));
    assert_true(json_is_null(cli_json_real(INFINITY)));
}

static void test_names(void **state) {
    (void)state;
    text t = {0};
    cli_utf8_name(&t, STR("/a/Zo\xEB.pdf"));
    is(&t, "/a/Zo\\xEB.pdf");
    cli_utf8_name(&t, STR("/a/Zo\xC3\xAB \xEF\xBF\xBD.pdf"));
    is(&t, "/a/Zo\xC3\xAB \xEF\xBF\xBD.pdf");
    assert_true(str_eq(cli_file_name(STR("/a/b.pdf")), STR("b.pdf")));
    assert_true(str_eq(cli_file_name(STR("b.pdf")), STR("b.pdf")));
    assert_true(str_eq(cli_file_name(STR("/a/")), STR("/a/")));
    assert_true(cli_absolute("/no-such/./x//../y", &t, NULL));
    is(&t, "/no-such/y");
    assert_true(cli_absolute("/../..", &t, NULL));
    is(&t, "/");
    assert_true(cli_absolute("/no-such/../../../z", &t, NULL));
    is(&t, "/z");
    text_free(&t);
}

static void test_place(void **state) {
    (void)state;
    text t = {0};
    cli_place p = {.path = STR("/d/m.pdf"),
                   .page_first = 4,
                   .page_last = 4,
                   .label = STR("iv"),
                   .heading = STR("A > B")};
    cli_put_place(&t, &plain, &p);
    is(&t, "m.pdf, p. 4 (printed iv) \xC2\xB7 A > B");
    p = (cli_place){.path = STR("/d/m.PDF"), .page_first = 4, .page_last = 5, .label = STR("4")};
    cli_put_place(&t, &plain, &p);
    is(&t, "m.PDF, p. 4-5");
    p = (cli_place){
        .path = STR("/d/m.epub"), .page_first = 2, .page_last = 2, .label = STR("Doses")};
    cli_put_place(&t, &plain, &p); /* the title of a chapter is printed on no page */
    is(&t, "m.epub, p. 2");
    p = (cli_place){
        .path = STR("/d/m.html"), .page_first = 1, .page_last = 1, .heading = STR("A\x1b[2J")};
    cli_put_place(&t, &plain, &p);
    is(&t, "m.html \xC2\xB7 A [2J");
    /* A page of a part is named by the part and its number there; a scan by its confidence. */
    p = (cli_place){.path = STR("/d/m.zip"),
                    .part = {STR("in/b.pdf"), 5, 9},
                    .page_first = 7,
                    .page_last = 20,
                    .label = STR("3"),
                    .fate = STR("ocr"),
                    .confidence = 0.914f};
    cli_put_place(&t, &plain, &p);
    is(&t, "m.zip > in/b.pdf, p. 3-9, read by OCR (confidence 0.91)");
    p = (cli_place){
        .path = STR("/d/m.zip"), .part = {STR("a.txt"), 5, 1}, .page_first = 5, .page_last = 5};
    cli_put_place(&t, &plain, &p);
    is(&t, "m.zip > a.txt");
    text_free(&t);
}

static void fates_are(const index_page *pages, size_t count, const char *expected) {
    text t = {0};
    cli_put_fates(&t, &(cli_fates){.pages = pages, .page_count = count});
    is(&t, expected);
    text_free(&t);
}

static void test_fates(void **state) {
    (void)state;
    static const char *const fates[] = {"text", "empty", "empty", "text", "garbled", "empty"};
    index_page pages[30] = {0};
    for (uint32_t i = 0; i < 6; i++)
        pages[i] = (index_page){.number = i + 1, .fate = str_of(fates[i])};
    fates_are(pages, 6, "pages 2-3 and 6 are empty; page 5 has letters without a meaning");
    fates_are(pages, 1, "");
    pages[1].note = pages[2].note = STR("no language of OCR is installed");
    pages[3] = (index_page){.number = 4, .fate = STR("failed"), .note = STR("broken\x1b[2J")};
    pages[5] = (index_page){.number = 6, .fate = STR("encrypted")};
    fates_are(pages, 6,
              "pages 2-3 have no text: no language of OCR is installed; page 4 failed: broken "
              "[2J; page 5 has letters without a meaning; page 6 is encrypted");
    for (uint32_t i = 0; i < 3; i++)
        pages[i] =
            (index_page){.number = i + 1, .fate = STR("ocr"), .confidence = i ? 0.5f : 0.91f};
    fates_are(pages, 1, "page 1 was read by OCR (confidence 0.91)");
    fates_are(pages, 3, "pages 1-3 were read by OCR (confidence 0.64)");
    for (uint32_t i = 0; i < 30; i++)
        pages[i] = (index_page){.number = i + 1, .fate = i % 2 ? STR("text") : STR("hidden-text")};
    fates_are(pages, 30,
              "pages 1, 3, 5, 7, 9, 11 and others (15 pages) have hidden text only, which is left "
              "out");
}

/* Pages of a part are told as the part's, and the notes of the whole follow. */
static void test_fates_of_parts(void **state) {
    (void)state;
    text t = {0};
    index_page pages[6] = {0};
    const index_part parts[] = {
        {STR("a.zip"), 2, 5}, {STR("a.zip > b.pdf"), 2, 3}, {STR("a.zip > c.txt"), 5, 2}};
    const str notes[] = {STR("a link was left out")};
    for (uint32_t i = 0; i < 6; i++)
        pages[i] = (index_page){.number = i + 1, .fate = i ? STR("failed") : STR("text")};
    pages[1].fate = STR("text");
    cli_fates f = {pages, 6, parts, 3, notes, 1};
    cli_put_fates(&t, &f);
    is(&t, "a.zip > b.pdf p. 2-3 and a.zip > c.txt failed; a link was left out");
    cli_put_fate_table(&t, &f, 4);
    is(&t, "1 and a.zip > b.pdf p. 1: text\n    a.zip > b.pdf p. 2-3 and a.zip > c.txt: failed\n");
    json_t *o = cli_json_fates(&f);
    assert_int_equal(json_array_size(o), 4);
    assert_string_equal(json_string_value(json_object_get(json_array_get(o, 3), "part")),
                        "a.zip > c.txt");
    json_decref(o);
    text_free(&t);
}

static void test_progress(void **state) {
    (void)state;
    text t = {0};
    cli_progress_line(&t, 0, 0, 0, (str){0}, 80);
    assert_non_null(strstr(t.p, " 0/0"));
    text_clear(&t);
    cli_progress_line(&t, 50, 200, 5000, STR("/x/y\x1b.pdf"), 80);
    assert_non_null(strstr(t.p, " 50/200  10/s  0:15 left  y .pdf"));
    text_clear(&t);
    for (size_t columns = 1; columns < 120; columns++) {
        cli_progress_line(&t, 50, 200, 5000, STR("a long name of a document that is long.pdf"),
                          columns);
        assert_true(cli_columns(text_str(&t)) < columns || columns == 1);
        text_clear(&t);
    }
    cli_progress_line(&t, 1, 10000, 3600000, STR("x"), 80);
    assert_non_null(strstr(t.p, "9999:00:00 left"));
    text_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),    cmocka_unit_test(test_fit),
        cmocka_unit_test(test_wrap),     cmocka_unit_test(test_wrap_any),
        cmocka_unit_test(test_figures),  cmocka_unit_test(test_json),
        cmocka_unit_test(test_names),    cmocka_unit_test(test_place),
        cmocka_unit_test(test_fates),    cmocka_unit_test(test_fates_of_parts),
        cmocka_unit_test(test_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
