/* Walking folders, and snippets of passages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"

static char folder[64];

static void make(const char *name, const char *bytes) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(bytes, f);
    fclose(f);
}

static void make_folder(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void make_link(const char *target, const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(symlink(target, path), 0);
}

static int set_up(void **state) {
    char path[512];
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/carrel-walk-XXXXXX");
    assert_non_null(mkdtemp(folder));
    make_folder("b");
    make_folder("b/deep");
    make_folder(".hidden");
    make("a.txt", "Text of a.");
    make("c.md", "# C\n\nText of c.");
    make("b/x.html", "<html><body><p>X</p></body></html>");
    make("b/deep/y.txt", "Text of y.");
    make("b/deep/picture.png", "\x89PNG\r\n\x1a\n");
    make(".hidden/z.txt", "Text of z.");
    make(".z.txt", "Text of z.");
    make("empty.txt", "");
    make_link("..", "b/loop");
    make_link("a.txt", "linked.txt");
    make_link("nowhere", "broken.txt");
    snprintf(path, sizeof path, "%s/%s", folder, "pipe.txt");
    assert_int_equal(mkfifo(path, 0600), 0);
    return 0;
}

static int tear_down(void **state) {
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static const cli_found *find(const cli_files *files, const char *name) {
    for (size_t i = 0; i < files->count; i++)
        if (str_eq(cli_file_name(str_of(files->items[i].path)), str_of(name)))
            return &files->items[i];
    return NULL;
}

static void test_folder(void **state) {
    (void)state;
    cli_files files = {0};
    cli_walk(folder, &files);
    static const char *const read_[] = {"a.txt", "y.txt", "x.html", "c.md", "linked.txt"};
    size_t n = 0;
    for (size_t i = 0; i < files.count; i++)
        if (!files.items[i].reason) {
            assert_true(n < 5);
            assert_true(str_ends(str_of(files.items[i].path), str_of(read_[n])));
            n++;
        }
    assert_int_equal(n, 5);
    assert_int_equal(files.count, 9);
    assert_int_equal(find(&files, "broken.txt")->code, ERROR_NOT_FOUND);
    assert_int_equal(find(&files, "picture.png")->code, ERROR_NONE);
    assert_non_null(find(&files, "picture.png")->reason);
    assert_non_null(find(&files, "pipe.txt")->reason);
    assert_string_equal(find(&files, "empty.txt")->reason, "it is empty");
    cli_files_free(&files);
}

static void test_operands(void **state) {
    char path[512];
    (void)state;
    cli_files files = {0};
    snprintf(path, sizeof path, "%s/.z.txt", folder);
    cli_walk(path, &files);
    assert_null(files.items[0].reason); /* named, so not hidden */
    snprintf(path, sizeof path, "%s/missing", folder);
    cli_walk(path, &files);
    assert_int_equal(files.items[1].code, ERROR_NOT_FOUND);
    cli_walk("", &files);
    assert_int_equal(files.items[2].code, ERROR_USAGE);
    snprintf(path, sizeof path, "%s/b/loop", folder);
    size_t before = files.count;
    cli_walk(path, &files); /* a link to a folder is followed when it is named */
    assert_int_equal(files.count, before + 9);
    cli_files_free(&files);
}

static void test_saved_page(void **state) {
    char path[1024];
    (void)state;
    make_folder("saved");
    make_folder("saved/page_files");
    make_folder("saved/own_files");
    make("saved/page.html", "<html><body><p>Page</p></body></html>");
    make("saved/page_files/frame.html", "<html><body><p>Frame</p></body></html>");
    make("saved/own_files/notes.txt", "No page is beside this folder.");
    cli_files files = {0};
    snprintf(path, sizeof path, "%s/saved", folder);
    cli_walk(path, &files);
    assert_int_equal(files.count, 3);
    assert_null(find(&files, "page.html")->reason);
    assert_null(find(&files, "notes.txt")->reason);
    assert_non_null(find(&files, "page_files")->reason);
    assert_int_equal(find(&files, "page_files")->code, ERROR_NONE);
    cli_files_free(&files);
}

static void test_depth(void **state) {
    char path[1024];
    (void)state;
    make_folder("deep");
    snprintf(path, sizeof path, "deep");
    for (int i = 0; i < 80; i++) {
        strcat(path, "/d");
        make_folder(path);
    }
    strcat(path, "/t.txt");
    make(path, "Text.");
    cli_files files = {0};
    snprintf(path, sizeof path, "%s/deep", folder);
    cli_walk(path, &files);
    assert_int_equal(files.count, 1);
    assert_int_equal(files.items[0].code, ERROR_LIMIT);
    cli_files_free(&files);
}

/* ---- snippets ------------------------------------------------------------------------------ */

static void test_snippet(void **state) {
    (void)state;
    arena *a = arena_new();
    cli_snippet s;
    str short_ = STR("Give 2.4 mg of artesunate; doses are repeated.");
    cli_snippet_find(short_, STR("what dose of artesunate?"), 200, a, &s);
    assert_int_equal(s.begin, 0);
    assert_int_equal(s.end, short_.n);
    assert_false(s.cut_before || s.cut_after);
    assert_int_equal(s.span_count, 2);
    assert_true(str_eq(str_cut(short_, s.spans[0].begin, s.spans[0].end), STR("artesunate")));
    assert_true(str_eq(str_cut(short_, s.spans[1].begin, s.spans[1].end), STR("doses")));

    text long_ = {0};
    for (int i = 0; i < 50; i++) text_put(&long_, STR("Nothing of interest stands here. "));
    text_put(&long_, STR("The artesunate dose is 2.4 mg. "));
    for (int i = 0; i < 50; i++)
        text_put(&long_, STR("Still nothing \xC3\xA9\xC3\xA8 of interest. "));
    cli_snippet_find(text_str(&long_), STR("dose of artesunate"), 120, a, &s);
    assert_true(s.cut_before && s.cut_after);
    assert_true(s.end - s.begin <= 124);
    assert_true(str_find(str_cut(text_str(&long_), s.begin, s.end), STR("artesunate dose"), 0) !=
                SIZE_MAX);
    assert_int_equal(s.span_count, 2);
    for (size_t bytes = 1; bytes < 200; bytes += 7) {
        cli_snippet_find(text_str(&long_), STR("zebra"), bytes, a, &s);
        assert_int_equal(s.begin, 0);
        assert_true(s.end <= bytes && utf8_valid(str_cut(text_str(&long_), 0, s.end)));
        cli_snippet_find(text_str(&long_), STR("dose"), bytes, a, &s);
        assert_true(utf8_valid(str_cut(text_str(&long_), s.begin, s.end)));
        assert_true(s.begin <= s.end && s.end <= long_.n);
    }
    text_free(&long_);
    arena_free(a);
}

static void test_snippet_edges(void **state) {
    (void)state;
    arena *a = arena_new();
    cli_snippet s;
    cli_snippet_find((str){0}, STR("x"), 100, a, &s);
    assert_int_equal(s.end, 0);
    cli_snippet_find(STR("text"), (str){0}, 100, a, &s);
    assert_int_equal(s.span_count, 0);
    /* One word without an end, and more matches than there is room for. */
    text t = {0};
    for (int i = 0; i < 1000; i++) text_put(&t, STR("\xE6\x9D\xB1"));
    cli_snippet_find(text_str(&t), STR("\xE6\x9D\xB1\xE6\x9D\xB1"), 100, a, &s);
    assert_true(utf8_valid(str_cut(text_str(&t), s.begin, s.end)));
    text_clear(&t);
    for (int i = 0; i < 1000; i++) text_put(&t, STR("dose "));
    cli_snippet_find(text_str(&t), STR("dose"), 4000, a, &s);
    assert_int_equal(s.span_count, CLI_SNIPPET_SPANS);
    text_free(&t);
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folder),     cmocka_unit_test(test_operands),
        cmocka_unit_test(test_saved_page), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_snippet),    cmocka_unit_test(test_snippet_edges),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
