/* HTML, Markdown and text through the real carrel-parse: each file of tests/golden/FORMAT/ is
 * parsed in the confined worker, and what comes back is compared with NAME.expected beside it.
 * GOLDEN=write in the environment writes the files instead; read the difference before you commit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/documents.h"

static void describe_page(const ingest_page *p, text *out) {
    text_printf(out, "page %u: %s", p->number, ingest_fate_name(p->fate));
    if (p->label.n > 0) text_printf(out, ", \"" STR_FMT "\"", STR_ARG(p->label));
    if (p->note.n > 0) text_printf(out, " (" STR_FMT ")", STR_ARG(p->note));
    text_put_char(out, '\n');
}

static void describe(const ingest_document *d, text *out) {
    static const char *const roles[INGEST_ROLE_COUNT] = {"heading", "paragraph", "item", "row",
                                                         "caption", "footer",    "code"};
    text_printf(out, STR_FMT " (" STR_FMT ", " STR_FMT ")\n", STR_ARG(d->title), STR_ARG(d->type),
                STR_ARG(d->language));
    if (d->date.n > 0) text_printf(out, "dated " STR_FMT "\n", STR_ARG(d->date));
    for (size_t i = 0; i < d->page_count; i++) describe_page(&d->pages[i], out);
    for (size_t i = 0; i < d->note_count; i++)
        text_printf(out, "note: " STR_FMT "\n", STR_ARG(d->notes[i]));
    for (size_t i = 0; i < d->part_count; i++)
        text_printf(out, "part: " STR_FMT "\n", STR_ARG(d->parts[i].name));
    for (size_t i = 0; i < d->block_count; i++) {
        const ingest_block *b = &d->blocks[i];
        text_printf(out, "%u %s", b->page, roles[b->role]);
        if (b->level) text_printf(out, " %d", b->level);
        for (size_t k = 0; k < b->line_count; k++)
            text_printf(out, "\n    " STR_FMT, STR_ARG(b->lines[k].text));
        text_put_char(out, '\n');
    }
}

static void read_file(const char *path, text *out) {
    FILE *f = fopen(path, "rb");
    char buffer[4096];
    size_t n;
    if (!f) fail_msg("%s is not there", path);
    while ((n = fread(buffer, 1, sizeof buffer, f)) > 0) text_put(out, (str){buffer, n});
    fclose(f);
}

static void check_one(const char *folder, const char *name) {
    char path[512], expected[600];
    text got = {0}, want = {0};
    error err = {0};
    ingest_document *d = NULL;
    arena *a = arena_new();
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(expected, sizeof expected, "%s.expected", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    if (documents_parse(worker, fd, str_of(name), a, &d, &err))
        describe(d, &got);
    else
        text_printf(&got, "error: %s\n", err.text);
    close(fd);
    const char *mode = getenv("GOLDEN");
    if (mode && strcmp(mode, "write") == 0) {
        FILE *f = fopen(expected, "wb");
        assert_non_null(f);
        fwrite(got.p, 1, got.n, f);
        fclose(f);
    } else {
        read_file(expected, &want);
        if (!str_eq(text_str(&got), text_str(&want)))
            fprintf(stderr, "---- %s gives:\n%s", path, got.p);
        assert_true(str_eq(text_str(&got), text_str(&want)));
    }
    arena_free(a);
    text_free(&got);
    text_free(&want);
}

static void check_folder(const char *folder) {
    struct dirent **names;
    int n = scandir(folder, &names, NULL, alphasort), checked = 0;
    for (int i = 0; i < n; i++) {
        str name = str_of(names[i]->d_name);
        if (name.p[0] != '.' && !str_ends(name, STR(".expected"))) {
            check_one(folder, name.p);
            checked++;
        }
        free(names[i]);
    }
    free(names);
    assert_true(checked > 0);
}

static void test_html(void **state) {
    (void)state;
    check_folder("tests/golden/html");
}

static void test_markdown(void **state) {
    (void)state;
    check_folder("tests/golden/markdown");
}

static void test_text(void **state) {
    (void)state;
    check_folder("tests/golden/text");
}

/* Made by tests/golden/office.py, hostile ones among them. */
static void test_office(void **state) {
    (void)state;
    check_folder("tests/golden/office");
}

/* Bytes that are no text, under a name that says they are. */
static bool parse_bytes(const char *name, str bytes, error *err) {
    int fd = memfd_create("document", MFD_CLOEXEC);
    assert_int_equal(write(fd, bytes.p, bytes.n), (ssize_t)bytes.n);
    arena *a = arena_new();
    ingest_document *d = NULL;
    bool ok = documents_parse(worker, fd, str_of(name), a, &d, err);
    arena_free(a);
    close(fd);
    return ok;
}

static void test_not_text(void **state) {
    (void)state;
    error err = {0};
    assert_false(parse_bytes("a.txt", STR("words\0and more words"), &err));
    assert_non_null(strstr(err.text, "not text"));
    err = (error){0};
    assert_false(parse_bytes("a.md", STR("\x01\x02\x03\x04\x05\x06\x0E\x0F"), &err));
    assert_non_null(strstr(err.text, "not text"));
    assert_true(parse_bytes("a.txt", STR("still at work"), &err));
}

/* The text of a page of many times `unit`, then `inside`, and the first note on it. */
static size_t parse_many(const char *unit, size_t times, const char *inside, const char *last,
                         char note[256]) {
    text t = {0};
    error err = {0};
    ingest_document *d = NULL;
    arena *a = arena_new();
    text_put(&t, STR("<html><body><p>The first words.</p>"));
    for (size_t i = 0; i < times; i++) text_put(&t, str_of(unit));
    text_put(&t, str_of(inside));
    int fd = memfd_create("document", MFD_CLOEXEC);
    assert_int_equal(write(fd, t.p, t.n), (ssize_t)t.n);
    double start = clock_ms();
    if (!documents_parse(worker, fd, STR("a.html"), a, &d, &err)) fail_msg("%s", err.text);
    assert_true(clock_ms() - start < 60000); /* squared, it would be hours */
    size_t bytes = 0;
    for (size_t i = 0; i < d->block_count; i++)
        for (size_t k = 0; k < d->blocks[i].line_count; k++) bytes += d->blocks[i].lines[k].text.n;
    const ingest_block *b = &d->blocks[d->block_count - 1];
    str end = b->lines[b->line_count - 1].text;
    assert_true(str_ends(end, str_of(last)));
    snprintf(note, 256, STR_FMT, STR_ARG(d->note_count ? d->notes[0] : (str){0}));
    close(fd);
    arena_free(a);
    text_free(&t);
    return bytes;
}

/* libxml2 alone stops at a depth of 256, and drops a text of more than 10 MB. */
static void test_deep_html(void **state) {
    (void)state;
    char note[256];
    parse_many("<div>", 1000000, "The innermost words.", "The innermost words.", note);
    assert_non_null(strstr(note, "999"));
    assert_non_null(strstr(note, "deep"));
    parse_many("<b>", 1000000, "x</i></b><p>The last words.", "The last words.", note);
    assert_non_null(strstr(note, "deep"));
    parse_many("<div>", 300, "The innermost words.", "The innermost words.", note);
    assert_string_equal(note, "");
    size_t bytes = parse_many("word ", 3000000, "and the end.", "and the end.", note);
    assert_true(bytes > 14900000);
    assert_string_equal(note, "");
    bytes = parse_many("<!-- ", 3000000, "--><p>The end.", "The end.", note);
    assert_true(bytes < 100);
}

/* What is deep, long or endless costs time and nothing else. */
static void test_hostile(void **state) {
    (void)state;
    static const struct {
        const char *name, *unit;
        size_t bytes;
    } cases[] = {
        {"a.html", "<div>", 500000},
        {"a.html", "<ul><li>", 200000},
        {"a.html", "<table><tr><td>", 200000},
        {"a.html", "<b>x<p>", 100000},
        {"a.html", "&#x41;", 1000000},
        {"a.html", "<!-- ", 1000000},
        {"a.html", "<a href=x>", 100000},
        {"a.html", "<dl><dt>x<dd>", 300000},
        {"a.html", "<h1>A title", 500000},
        {"a.html", "<article class=hentry><header><h2><a href=x>A title</a></h2>y", 500000},
        {"a.html", "<section id=print-menu><p style='color:white'>x", 500000},
        {"a.html", "<table><tr><td rowspan=500 colspan=60>a cell<td>x", 500000},
        {"a.html", "<thead><tr><th>a<th>b", 500000},
        {"a.md", "[", 1000000},
        {"a.md", "](", 1000000},
        {"a.md", "*a_", 1000000},
        {"a.md", "`", 1000000},
        {"a.md", "> ", 1000000},
        {"a.md", "- a\n", 1000000},
        {"a.md", "|-", 1000000},
        {"a.md", "<a", 1000000},
        {"a.md", "a ` b `` ", 1000000},
        {"a.txt", "---\n", 1000000},
        {"a.txt", "a   b\n---\n", 1000000},
        {"a.txt", "\f", 5000},
        {"a.txt", "e\xCC\x81\xCC\xA3", 1000000},
        {"a.txt", "1. ", 1000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text t = {0};
        error err = {0};
        if (str_ends(str_of(cases[i].name), STR("html"))) text_put(&t, STR("<html><body>"));
        while (t.n < cases[i].bytes) text_put(&t, str_of(cases[i].unit));
        double start = clock_ms();
        bool ok = parse_bytes(cases[i].name, text_str(&t), &err);
        if (!ok || clock_ms() - start > 10000)
            fail_msg("%s of \"%s\": %s after %.0f ms", cases[i].name, cases[i].unit, err.text,
                     clock_ms() - start);
        text_free(&t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_html),      cmocka_unit_test(test_markdown),
        cmocka_unit_test(test_office),    cmocka_unit_test(test_text),
        cmocka_unit_test(test_not_text),  cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_deep_html),
    };
    return cmocka_run_group_tests(tests, documents_open, documents_close);
}
