/* The record stream: what is written is read back, whatever the parser hands in, and a stream
 * that was tampered with is refused and never read past.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/record.h"

static const ingest_limits limits = {.pages = 10};

typedef struct {
    uint8_t *p;
    size_t n;
} stream;

typedef void fill_fn(record_writer *w);

/* What fill writes; through a temporary file, since a pipe would block past 64 KiB. */
static stream written(fill_fn *fill) {
    FILE *f = tmpfile();
    assert_non_null(f);
    record_writer *w = record_writer_new(fileno(f));
    fill(w);
    assert_true(record_end(w));
    record_writer_free(w);
    stream s = {.n = (size_t)lseek(fileno(f), 0, SEEK_END)};
    s.p = malloc(s.n);
    assert_int_equal(pread(fileno(f), s.p, s.n, 0), (ssize_t)s.n);
    fclose(f);
    return s;
}

/* Feeds in pieces of `step` bytes. */
static ingest_document *read_back(arena *a, stream s, size_t step, error *err) {
    record_reader *r = record_reader_new(a, &limits);
    ingest_document *d = NULL;
    bool ok = true;
    for (size_t i = 0; ok && i < s.n; i += step)
        ok = record_feed(r, s.p + i, s.n - i < step ? s.n - i : step, err);
    if (ok) ok = record_finish(r, STR("name.pdf"), &d, err);
    record_reader_free(r);
    return ok ? d : NULL;
}

static void fill_small(record_writer *w) {
    record_document(w, STR(""), STR("pdf"), STR("en-GB"));
    record_page(w, 1, STR("iv"), 595, 842, INGEST_FATE_TEXT);
    record_block(w, INGEST_ROLE_HEADING, 2, 1);
    record_line(w, STR("A \xc3\xa9\x01t\xff"), (box){1, 2, 3, 4}, 11.5f);
    record_block(w, INGEST_ROLE_PARAGRAPH, 0, 1); /* gets no line that says anything */
    record_line(w, STR(" \t\n"), (box){0}, 0);
    record_block(w, INGEST_ROLE_TABLE_ROW, 0, 1);
    record_line(w, STR("a | b"), (box){NAN, INFINITY, -INFINITY, 9e9f}, NAN);
    record_line(w, STR("c | d"), (box){5, 5, 1, 1}, -3);
    record_page(w, 2, STR(""), -1, NAN, INGEST_FATE_EMPTY);
}

static void check_small(const ingest_document *d) {
    assert_true(str_eq(d->title, STR("name.pdf")));
    assert_true(str_eq(d->type, STR("pdf")));
    assert_true(str_eq(d->language, STR("en")));
    assert_int_equal(d->page_count, 2);
    assert_true(str_eq(d->pages[0].label, STR("iv")));
    assert_true(d->pages[0].width_pt == 595 && d->pages[1].height_pt == 0);
    assert_int_equal(d->pages[1].fate, INGEST_FATE_EMPTY);
    assert_int_equal(d->block_count, 2);
    assert_int_equal(d->blocks[0].level, 2);
    assert_int_equal(d->blocks[0].line_count, 1);
    assert_true(str_eq(d->blocks[0].lines[0].text, STR("A \xc3\xa9 t\xef\xbf\xbd")));
    assert_true(d->blocks[0].lines[0].at.y1 == 4 && d->blocks[0].lines[0].font_pt == 11.5f);
    assert_int_equal(d->blocks[1].role, INGEST_ROLE_TABLE_ROW);
    assert_int_equal(d->blocks[1].line_count, 2);
    box odd = d->blocks[1].lines[0].at, turned = d->blocks[1].lines[1].at;
    assert_true(odd.x0 == 0 && odd.y0 == 0 && odd.x1 == 0 && odd.y1 == RECORD_MAX_PT);
    assert_true(turned.x0 == 5 && turned.x1 == 5 && d->blocks[1].lines[1].font_pt == 0);
}

static void round_trip(void **state) {
    (void)state;
    stream s = written(fill_small);
    for (size_t step = 1; step < s.n + 1; step++) {
        arena *a = arena_new();
        error err = {0};
        ingest_document *d = read_back(a, s, step, &err);
        assert_non_null(d);
        check_small(d);
        arena_free(a);
    }
    free(s.p);
}

/* Three bytes a character, so that no boundary falls on a multiple of the limit. */
static text long_line;

static void fill_long(record_writer *w) {
    record_document(w, text_str(&long_line), STR("text"), STR("english"));
    record_page(w, 1, text_str(&long_line), 1, 1, INGEST_FATE_TEXT);
    record_block(w, INGEST_ROLE_PARAGRAPH, 0, 1);
    record_line(w, text_str(&long_line), (box){0}, 0);
}

static void long_lines_are_split(void **state) {
    (void)state;
    for (size_t i = 0; i < RECORD_MAX_BYTES; i++) text_put(&long_line, STR("\xe6\xbc\xa2"));
    stream s = written(fill_long);
    arena *a = arena_new();
    error err = {0};
    ingest_document *d = read_back(a, s, 70000, &err);
    assert_non_null(d);
    assert_in_range(d->title.n, RECORD_MAX_NAME - 3, RECORD_MAX_NAME);
    assert_int_equal(d->language.n, 0);
    assert_int_equal(d->blocks[0].line_count, 4);
    size_t bytes = 0;
    for (size_t i = 0; i < 4; i++) {
        str part = d->blocks[0].lines[i].text;
        assert_memory_equal(part.p, long_line.p + bytes, part.n);
        bytes += part.n;
    }
    assert_int_equal(bytes, long_line.n);
    arena_free(a);
    free(s.p);
    text_free(&long_line);
}

static void fill_refused(record_writer *w) {
    record_document(w, STR("t"), STR("pdf"), STR(""));
    record_error(w, ERROR_LIMIT, STR("it has\ntoo many pages"));
}

static void a_reason_comes_through(void **state) {
    (void)state;
    stream s = written(fill_refused);
    arena *a = arena_new();
    error err = {0};
    assert_null(read_back(a, s, 3, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_string_equal(err.text, "it has too many pages");
    arena_free(a);
    free(s.p);
}

static void every_truncation_is_refused(void **state) {
    (void)state;
    stream s = written(fill_small);
    for (size_t n = 0; n < s.n; n++) {
        arena *a = arena_new();
        error err = {0};
        assert_null(read_back(a, (stream){s.p, n}, 7, &err));
        assert_true(err.code != ERROR_NONE && err.text[0] != '\0');
        arena_free(a);
    }
    free(s.p);
}

/* Any one byte changed: refused, or a document whose every bound still holds. */
static void every_changed_byte_is_harmless(void **state) {
    (void)state;
    stream s = written(fill_small);
    static const uint8_t flips[] = {0x01, 0x80, 0xff};
    for (size_t i = 0; i < s.n * 3; i++) {
        arena *a = arena_new();
        error err = {0};
        s.p[i / 3] ^= flips[i % 3];
        ingest_document *d = read_back(a, s, 11, &err);
        for (size_t b = 0; d && b < d->block_count; b++) {
            assert_in_range(d->blocks[b].page, 1, d->page_count);
            assert_in_range(d->blocks[b].line_count, 1, 3);
            for (size_t l = 0; l < d->blocks[b].line_count; l++)
                assert_true(utf8_valid(d->blocks[b].lines[l].text));
        }
        s.p[i / 3] ^= flips[i % 3];
        arena_free(a);
    }
    free(s.p);
}

typedef struct {
    const char *what;
    const char *bytes;
    size_t n;
} bad_stream;

#define BAD(what, bytes) \
    { what, bytes, sizeof(bytes) - 1 }
#define DOC "\x01\x0f\0\0\0\0\0\0\0\x03\0\0\0pdf\0\0\0\0"
#define DATE(day) "\x0a\x0e\0\0\0\x0a\0\0\0" day
#define PAGE1 "\x02\x11\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define BLOCK1 "\x03\x06\0\0\0\x01\0\x01\0\0\0"

static void rules_are_kept(void **state) {
    (void)state;
    static const bad_stream bad[] = {
        BAD("unknown kind", DOC "\x09\0\0\0\0"),
        BAD("a record past the limit", DOC "\x04\xff\xff\xff\xff"),
        BAD("a page before the document", PAGE1),
        BAD("the second page first", DOC "\x02\x11\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        BAD("an unknown fate", DOC "\x02\x11\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05"),
        BAD("a block before its page", DOC BLOCK1),
        BAD("a block without a line", DOC PAGE1 BLOCK1 BLOCK1),
        BAD("a heading of level 0", DOC PAGE1 "\x03\x06\0\0\0\0\0\x01\0\0\0"),
        BAD("a paragraph of level 1", DOC PAGE1 "\x03\x06\0\0\0\x01\x01\x01\0\0\0"),
        BAD("a row of level 3", DOC PAGE1 "\x03\x06\0\0\0\x03\x03\x01\0\0\0"),
        BAD("a string past its record", DOC PAGE1 BLOCK1 "\x04\x04\0\0\0\xff\0\0\0"),
        BAD("bytes left in a record", DOC "\x02\x12\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        BAD("a day that is none", DOC DATE("2024-02-30")),
        BAD("a date that is no day", DOC DATE("2024-02-2x")),
        BAD("two dates", DOC DATE("2024-02-28") DATE("2024-02-29")),
        BAD("no page", DOC "\x06\x0c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        BAD("counts that lie", DOC PAGE1 "\x06\x0c\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0"),
        BAD("more after the end", DOC PAGE1 "\x06\x0c\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0" PAGE1),
        BAD("ill-formed text", "\x01\x11\0\0\0\x02\0\0\0\xc3(\x03\0\0\0pdf\0\0\0\0"),
        BAD("an error without a code", "\x05\x06\0\0\0\0\x01\0\0\0x"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        arena *a = arena_new();
        error err = {0};
        stream s = {malloc(bad[i].n), bad[i].n}; /* of exact size, for the sanitizers */
        memcpy(s.p, bad[i].bytes, s.n);
        if (read_back(a, s, s.n, &err)) fail_msg("accepted: %s", bad[i].what);
        if (!strstr(err.text, "breaks the rules"))
            fail_msg("%s: refused for another reason: %s", bad[i].what, err.text);
        free(s.p);
        arena_free(a);
    }
}

static void fill_eleven_pages(record_writer *w) {
    record_document(w, STR("t"), STR("pdf"), STR(""));
    for (uint32_t i = 1; i <= 11; i++) record_page(w, i, STR(""), 1, 1, INGEST_FATE_EMPTY);
}

static void the_page_limit_holds(void **state) {
    (void)state;
    stream s = written(fill_eleven_pages);
    arena *a = arena_new();
    error err = {0};
    assert_null(read_back(a, s, s.n, &err));
    arena_free(a);
    free(s.p);
}

static void a_broken_pipe_is_told(void **state) {
    (void)state;
    record_writer *w = record_writer_new(-1);
    fill_small(w);
    assert_false(record_end(w));
    record_writer_free(w);
}

static void fill_remarks(record_writer *w) {
    record_document(w, STR(""), STR("zip"), STR(""));
    record_aside(w, "%d hidden row was read too", 1);
    record_note(w, "a picture was not read");
    record_page(w, 1, STR(""), 595, 842, INGEST_FATE_EMPTY);
}

static void fill_many_remarks(record_writer *w) {
    record_document(w, STR(""), STR("zip"), STR(""));
    record_page(w, 1, STR(""), 595, 842, INGEST_FATE_EMPTY);
    for (unsigned i = 0; i < 2 * RECORD_MAX_NOTES; i++)
        if (i % 2)
            record_aside(w, "aside %u", i);
        else
            record_note(w, "note %u", i);
}

/* What is missing comes before what a reader may want to know. */
static void test_asides(void **state) {
    (void)state;
    error err = {0};
    arena *a = arena_new();
    stream s = written(fill_remarks), many = written(fill_many_remarks);
    ingest_document *d = read_back(a, s, 7, &err);
    assert_non_null(d);
    assert_true(d->note_count == 2 && d->aside_count == 1);
    assert_true(str_eq(d->notes[0], STR("a picture was not read")));
    assert_true(str_eq(d->notes[1], STR("1 hidden row was read too")));
    d = read_back(a, many, many.n, &err);
    assert_non_null(d);
    assert_int_equal(d->note_count, RECORD_MAX_NOTES);
    assert_true(d->aside_count > 0 && d->aside_count < d->note_count);
    free(s.p);
    free(many.p);
    arena_free(a);
}

static void fill_dated(record_writer *w) {
    record_date(w, STR("2023-05-04"));
    record_document(w, STR("t"), STR("html"), STR(""));
    record_date(w, STR("2024-03-01T23:59:59+01:00"));
    record_page(w, 1, STR(""), 0, 0, INGEST_FATE_EMPTY);
    record_date(w, STR("2024-02-30"));
    record_date(w, STR("1998"));
}

static void the_latest_date_comes_through(void **state) {
    (void)state;
    arena *a = arena_new();
    error err = {0};
    stream s = written(fill_dated);
    for (size_t step = 1; step < s.n; step++) {
        ingest_document *d = read_back(a, s, step, &err);
        assert_non_null(d);
        assert_true(str_eq(d->date, STR("2024-03-01")));
    }
    arena_free(a);
    free(s.p);
}

static void only_days_are_dates(void **state) {
    (void)state;
    static const char *const good[] = {"2024-02-29",
                                       " 2024-02-29 ",
                                       "20240229",
                                       "2024-02-29T10:30",
                                       "2024-02-29T10:30:00Z",
                                       "2024-02-29 10:30:00.123 +0100",
                                       "2024-02-29T24:00:00-05:00",
                                       "2024-02-29T10:30:60+05",
                                       "Thu, 29 Feb 2024 10:30:00 GMT",
                                       "29 feb 2024"};
    static const char *const bad[] = {"",
                                      "2024",
                                      "2024-02",
                                      "2023-02-29",
                                      "1900-02-29",
                                      "2024-13-01",
                                      "2024-00-10",
                                      "2024-04-31",
                                      "1899-12-31",
                                      "2101-01-01",
                                      "29/02/2024",
                                      "2024-02-29T",
                                      "2024-02-29T25:00",
                                      "2024-0229",
                                      "2024-02-29T10:60",
                                      "2024-02-29T24:01",
                                      "2024-02-29T10:30+24:00",
                                      "2024-02-29 draft",
                                      "29 Fev 2024",
                                      "32 Jan 2024",
                                      "{{ date }}",
                                      "2024-02-29T10",
                                      "+2024-02-29",
                                      "02024-02-29"};
    char out[RECORD_DATE_BYTES + 1];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!record_date_read(str_of(good[i]), out)) fail_msg("%s", good[i]);
        assert_string_equal(out, "2024-02-29");
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (record_date_read(str_of(bad[i]), out)) fail_msg("%s is %s", bad[i], out);
    assert_true(record_date_valid(STR("2100-12-31")) && record_date_valid(STR("1900-01-01")));
    assert_false(record_date_valid(STR("20240229  ")) || record_date_valid(STR("2024-02-30")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asides),
        cmocka_unit_test(the_latest_date_comes_through),
        cmocka_unit_test(only_days_are_dates),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(long_lines_are_split),
        cmocka_unit_test(a_reason_comes_through),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_changed_byte_is_harmless),
        cmocka_unit_test(rules_are_kept),
        cmocka_unit_test(the_page_limit_holds),
        cmocka_unit_test(a_broken_pipe_is_told),
    };
    return cmocka_run_group_tests_name("ingest record", tests, NULL, NULL);
}
