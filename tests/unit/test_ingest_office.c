/* Office documents, sheets and books through the real carrel-parse, beyond what tests/golden/office
 * tells: every row of a long sheet stands in a chunk with its headings, and damaged files of every
 * kind leave a sentence and a worker that goes on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/documents.h"

static bool parse(const char *name, str bytes, arena *a, ingest_document **d, error *err) {
    int fd = memfd_create("document", MFD_CLOEXEC);
    assert_int_equal(write(fd, bytes.p, bytes.n), (ssize_t)bytes.n);
    bool ok = documents_parse(worker, fd, str_of(name), a, d, err);
    close(fd);
    return ok;
}

/* ---- rows keep their headings --------------------------------------------------------------- */

static size_t count_words(void *context, str s) {
    (void)context;
    size_t n = 1;
    for (size_t i = 0; i < s.n; i++) n += s.p[i] == ' ';
    return n;
}

/* Every chunk of the sheet that has `row` rows says `head`; every row is in one. */
static void check_chunks(const char *name, str bytes, size_t rows, const char *head) {
    error err = {0};
    ingest_document *d = NULL;
    ingest_chunk *chunks;
    size_t count, found = 0;
    arena *a = arena_new();
    if (!parse(name, bytes, a, &d, &err)) fail_msg("%s", err.text);
    assert_true(ingest_chunk_document(d, count_words, NULL, a, &chunks, &count, &err));
    assert_true(count > 1);
    for (size_t i = 0; i < count; i++) {
        assert_true(str_find(chunks[i].text, str_of(head), 0) != SIZE_MAX);
        assert_true(chunks[i].tokens <= 300);
        for (size_t at = 0; (at = str_find(chunks[i].text, STR("drug "), at)) != SIZE_MAX; at++)
            found++;
    }
    assert_int_equal(found, rows);
    arena_free(a);
}

static void long_sheets_keep_their_head(void **state) {
    (void)state;
    text t = {0};
    text_put(&t, STR("Name,Dose,Unit\n"));
    for (int i = 0; i < 1000; i++) text_printf(&t, "drug %d,%d,mg\n", i, i * 5);
    check_chunks("a.csv", text_str(&t), 1000, "Name | Dose | Unit");
    text_free(&t);
}

/* A head of thirty columns is too long to be said again: the rows say it. */
static void wide_sheets_say_their_head_in_rows(void **state) {
    (void)state;
    text t = {0};
    text_put(&t, STR("Name"));
    for (int i = 0; i < 30; i++) text_printf(&t, ";Column of figures %d", i);
    text_put_char(&t, '\n');
    for (int k = 0; k < 50; k++) {
        text_printf(&t, "drug %d", k);
        for (int i = 0; i < 30; i++) text_printf(&t, ";%d", i * k);
        text_put_char(&t, '\n');
    }
    error err = {0};
    ingest_document *d = NULL;
    arena *a = arena_new();
    assert_true(parse("a.csv", text_str(&t), a, &d, &err));
    for (size_t i = 1; i < d->block_count; i++) {
        str line = d->blocks[i].lines[0].text;
        assert_true(str_starts(line, STR("Name: drug ")));
        assert_true(str_find(line, STR("Column of figures"), 0) != SIZE_MAX);
    }
    arena_free(a);
    text_free(&t);
}

/* Past what is held of a table, rows are written as they come. */
static void sheets_of_any_length_are_read(void **state) {
    (void)state;
    text t = {0};
    error err = {0};
    ingest_document *d = NULL;
    arena *a = arena_new();
    text_put(&t, STR("Name\tNumber\n"));
    for (int i = 0; i < 300000; i++) text_printf(&t, "drug %d\t%d\n", i, i);
    assert_true(parse("a.tsv", text_str(&t), a, &d, &err));
    assert_int_equal(d->block_count, 300001);
    assert_int_equal(d->blocks[0].level, INGEST_ROW_HEAD);
    assert_true(str_eq(d->blocks[300000].lines[0].text, STR("drug 299999 | 299999")));
    arena_free(a);
    text_free(&t);
}

/* ---- damage --------------------------------------------------------------------------------- */

static void read_file(const char *path, text *out) {
    FILE *f = fopen(path, "rb");
    char buffer[4096];
    size_t n;
    assert_non_null(f);
    while ((n = fread(buffer, 1, sizeof buffer, f)) > 0) text_put(out, (str){buffer, n});
    fclose(f);
}

static void expect_sentence(const char *name, str bytes, const char *how, size_t at) {
    error err = {0};
    ingest_document *d = NULL;
    arena *a = arena_new();
    if (!parse(name, bytes, a, &d, &err) && (err.code == ERROR_NONE || err.text[0] == '\0'))
        fail_msg("%s, %s at %zu: no reason", name, how, at);
    if (err.code == ERROR_INTERNAL) fail_msg("%s, %s at %zu: %s", name, how, at, err.text);
    arena_free(a);
}

static void damage(const char *name, const text *whole) {
    text t = {0};
    uint32_t random = 12345;
    for (size_t i = 0; i < 12; i++) {
        size_t at = whole->n * i / 12;
        expect_sentence(name, str_cut(text_str(whole), 0, at), "cut", at);
    }
    for (size_t i = 0; i < 25; i++) {
        random = random * 1664525 + 1013904223;
        size_t at = random % (whole->n ? whole->n : 1);
        text_clear(&t);
        text_put(&t, text_str(whole));
        t.p[at] = (char)(t.p[at] ^ 1 << (random >> 16 & 7));
        expect_sentence(name, text_str(&t), "flipped", at);
    }
    text_free(&t);
}

static void damaged_files_leave_a_sentence(void **state) {
    (void)state;
    struct dirent **names;
    int n = scandir("tests/golden/office", &names, NULL, alphasort), checked = 0;
    for (int i = 0; i < n; i++) {
        str name = str_of(names[i]->d_name);
        if (name.p[0] != '.' && !str_ends(name, STR(".expected"))) {
            char path[512];
            text whole = {0};
            snprintf(path, sizeof path, "tests/golden/office/%s", name.p);
            read_file(path, &whole);
            damage(name.p, &whole);
            text_free(&whole);
            checked++;
        }
        free(names[i]);
    }
    free(names);
    assert_true(checked > 20);
    expect_sentence("a.csv", STR("still,at work\n"), "whole", 0);
}

/* ---- too much of everything ----------------------------------------------------------------- */

static void endless_files_cost_time_and_nothing_else(void **state) {
    (void)state;
    static const struct {
        const char *name, *head, *unit;
        size_t bytes;
    } cases[] = {
        {"a.rtf", "{\\rtf1 ", "{", 2000000},
        {"a.rtf", "{\\rtf1 ", "}", 2000000},
        {"a.rtf", "{\\rtf1 ", "{\\footnote x", 1000000},
        {"a.rtf", "{\\rtf1 ", "\\trowd\\intbl x\\cell", 1000000},
        {"a.rtf", "{\\rtf1{\\fonttbl", "\\f1", 1000000},
        {"a.rtf", "{\\rtf1{\\stylesheet", "{\\s1\\sbasedon1 x;}", 500000},
        {"a.rtf", "{\\rtf1 ", "\\page x", 500000},
        {"a.rtf", "{\\rtf1 ", "\\bin9999999 ", 1000000},
        {"a.rtf", "{\\rtf1 ", "\\u55357 ", 1000000},
        {"a.csv", "", "\"", 2000000},
        {"a.csv", "", "\"a", 2000000},
        {"a.csv", "", ",", 2000000},
        {"a.csv", "", "\n", 2000000},
        {"a.csv", "", "a,b;c\td|", 2000000},
        {"a.csv", "", "a,1\n\n", 1000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text t = {0};
        text_put(&t, str_of(cases[i].head));
        while (t.n < cases[i].bytes) text_put(&t, str_of(cases[i].unit));
        double start = clock_ms();
        expect_sentence(cases[i].name, text_str(&t), cases[i].unit, i);
        if (clock_ms() - start > 15000)
            fail_msg("%s of \"%s\": %.0f ms", cases[i].name, cases[i].unit, clock_ms() - start);
        text_free(&t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_sheets_keep_their_head),
        cmocka_unit_test(wide_sheets_say_their_head_in_rows),
        cmocka_unit_test(sheets_of_any_length_are_read),
        cmocka_unit_test(damaged_files_leave_a_sentence),
        cmocka_unit_test(endless_files_cost_time_and_nothing_else),
    };
    return cmocka_run_group_tests_name("ingest office", tests, documents_open, documents_close);
}
