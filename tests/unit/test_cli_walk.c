/* Walking folders, the patterns of .carrelignore, and snippets of passages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/folder.h"

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
    make("b/deep/picture.raw", "\x01\x02\x03");
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
    assert_int_equal(find(&files, "broken.txt")->code, ERROR_NONE); /* passed over, and said so */
    assert_non_null(find(&files, "broken.txt")->reason);
    assert_int_equal(find(&files, "picture.raw")->code, ERROR_NONE);
    assert_non_null(find(&files, "picture.raw")->reason);
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
    make("saved/page_files/style.css", "p { color: red }");
    make_folder("saved/page_files/more");
    make("saved/page_files/more/paper.PDF", "%PDF-1.4");
    make("saved/own_files/notes.txt", "No page is beside this folder.");
    cli_files files = {0};
    snprintf(path, sizeof path, "%s/saved", folder);
    cli_walk(path, &files);
    assert_int_equal(files.count, 4);
    assert_null(find(&files, "page.html")->reason);
    assert_null(find(&files, "paper.PDF")->reason);
    assert_null(find(&files, "notes.txt")->reason);
    assert_non_null(find(&files, "page_files")->reason);
    assert_int_equal(find(&files, "page_files")->code, ERROR_NONE);
    cli_files_free(&files);
}

static void test_closed_folder(void **state) {
    char path[1024];
    int status;
    (void)state;
    make_folder("closed");
    make("closed/in.txt", "Nobody reads this.");
    snprintf(path, sizeof path, "%s/closed", folder);
    assert_true(chmod(path, 0) == 0 && chmod(folder, 0755) == 0);
    pid_t child = fork();
    if (child == 0) {
        cli_files files = {0};
        if (geteuid() == 0 && setuid(65534) != 0) _exit(1);
        cli_walk(path, &files);
        bool ok = files.count == 1 && files.items[0].folder && files.items[0].code == ERROR_IO &&
                  strcmp(files.items[0].reason, "it may not be read by this user") == 0;
        _exit(ok ? 0 : 2);
    }
    waitpid(child, &status, 0);
    chmod(path, 0700);
    assert_int_equal(status, 0);
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

/* ---- patterns ------------------------------------------------------------------------------ */

/* Each is a .carrelignore of a folder with the paths below. */
static const char *const pattern_files[] = {
    "*.log\n",
    "# comment\n\n\\#hash\n\\!bang\n",
    "build\n!build/keep.txt\n",
    "build/\n",
    "/a.txt\n",
    "doc/*.txt\n",
    "doc/**/*.txt\n",
    "**/deep\n",
    "**/deep/*.txt\n",
    "doc/**\n!doc/sub\n",
    "a/**/b\n",
    "a**b\n",
    "***\n!*.txt\n",
    "*\n!*/\n!*.txt\n",
    "*.txt\n!a.txt\n",
    "!a.txt\n*.txt\n",
    "[ab].txt\n",
    "[!ab].txt\n",
    "[^ab].txt\n",
    "[a-c].txt\n",
    "[]-a].txt\n",
    "[a-].txt\n",
    "[[:digit:]]*\n",
    "[[:nope:]]*\n",
    "[[:alpha:][:digit:]].txt\n",
    "[ab.txt\n",
    "[\\]].txt\n",
    "?.txt\n",
    "doc?sub\n",
    "a\\.txt\n",
    "a.txt\\\n",
    "trailing   \n",
    "space\\ \n",
    "a.txt\r\nb.txt\r\n",
    ("\xef\xbb\xbf"
     "a.txt\n"),
    "/\n",
    "//\n",
    "!\n",
    "doc\n",
    "/doc\n!/doc\n",
    "sub/\n",
    "doc/sub/\n",
    "doc/sub\n!doc/sub/deep\n",
    "*a*b*\n",
    "*/c.txt\n",
    "*/*\n",
    "**\n",
    "**/\n",
    "/**/c.txt\n",
    "doc/sub/**/deep/**/d.txt\n",
    "*.[oa]\n",
    "caf\xc3\xa9*\n",
    "\\*.txt\n",
    "d*c/**/d?ep/*.t[xyz]t\n",
};

static const char *const pattern_paths[] = {
    "a.txt",
    "b.txt",
    "d.txt",
    "-.txt",
    "].txt",
    "1.txt",
    "[ab.txt",
    "*.txt",
    "x.log",
    "#hash",
    "!bang",
    "trailing",
    "space ",
    "a.o",
    "a.txt\\",
    "caf\xc3\xa9.txt",
    "aXXb",
    "a/b",
    "a/x/b",
    "a/x/y/b",
    "build/keep.txt",
    "build/x.o",
    "doc/a.txt",
    "doc/x.log",
    "doc/sub/c.txt",
    "doc/sub/build",
    "doc/sub/deep/d.txt",
    "doc/sub/deep/e/d.txt",
    "deep/z.txt",
    "docsub",
};
#define PATHS (sizeof pattern_paths / sizeof *pattern_paths)

static void run(const char *format, const char *a) {
    char command[1024];
    snprintf(command, sizeof command, format, a);
    assert_int_equal(system(command), 0);
}

/* Which of the paths the walk finds, in a folder with these patterns. */
static void walk_paths(const char *root, bool found[PATHS]) {
    cli_files files = {0};
    memset(found, 0, PATHS * sizeof *found);
    cli_walk(root, &files);
    for (size_t i = 0; i < files.count; i++)
        for (size_t p = 0; p < PATHS; p++)
            if (strcmp(files.items[i].path + strlen(root) + 1, pattern_paths[p]) == 0)
                found[p] = true;
    cli_files_free(&files);
}

/* Git's own answers: what it would list as untracked and not ignored. */
static bool git_paths(const char *root, bool found[PATHS]) {
    char command[512], line[512];
    memset(found, 0, PATHS * sizeof *found);
    snprintf(command, sizeof command,
             "cd '%s' && git -c core.quotepath=off ls-files -z --others "
             "--exclude-per-directory=" CLI_IGNORE_FILE " | tr '\\0' '\\n'",
             root);
    FILE *f = popen(command, "r");
    if (!f) return false;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        for (size_t p = 0; p < PATHS; p++)
            if (strcmp(line, pattern_paths[p]) == 0) found[p] = true;
    }
    return pclose(f) == 0;
}

static void test_patterns_as_git(void **state) {
    (void)state;
    char root[128];
    bool ours[PATHS], gits[PATHS];
    if (system("git --version >/dev/null 2>&1") != 0) skip();
    make_folder("rules");
    snprintf(root, sizeof root, "%s/rules", folder);
    run("cd '%s' && git init -q . 2>/dev/null && mkdir -p a/x/y build doc/sub/deep/e deep", root);
    for (size_t p = 0; p < PATHS; p++) {
        char name[256];
        snprintf(name, sizeof name, "rules/%s", pattern_paths[p]);
        make(name, "Text.");
    }
    for (size_t i = 0; i < sizeof pattern_files / sizeof *pattern_files; i++) {
        make("rules/" CLI_IGNORE_FILE, pattern_files[i]);
        walk_paths(root, ours);
        assert_true(git_paths(root, gits));
        for (size_t p = 0; p < PATHS; p++)
            if (ours[p] != gits[p])
                fail_msg("with \"%s\" the path \"%s\" is %s, and by git it is not",
                         pattern_files[i], pattern_paths[p], ours[p] ? "taken" : "ignored");
    }
    /* Deeper files count more, also to take back. */
    make("rules/" CLI_IGNORE_FILE, "*.txt\n");
    make("rules/doc/" CLI_IGNORE_FILE, "!*.txt\nsub/c.txt\n");
    make("rules/doc/sub/" CLI_IGNORE_FILE, "/build\n");
    walk_paths(root, ours);
    assert_true(git_paths(root, gits));
    assert_memory_equal(ours, gits, sizeof ours);
    run("rm -rf '%s'", root);
}

static void test_patterns_cost(void **state) {
    (void)state;
    char path[2000], stars[1000];
    for (size_t i = 0; i < sizeof stars; i++) stars[i] = i % 2 ? 'a' : '*';
    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = 'b';
    double before = clock_ms();
    for (int i = 0; i < 20; i++)
        assert_false(cli_ignore_matches((str){stars, sizeof stars}, (str){path, sizeof path - 2}) &&
                     cli_ignore_matches(STR("**/**/**/**/**/x"), (str){path, sizeof path}));
    assert_true(clock_ms() - before < 2000);
}

static void test_walk_rules(void **state) {
    (void)state;
    char root[128];
    cli_files files = {.patterns = STR("*.md\n!half.tmp\n")};
    make_folder("w");
    make_folder("w/in");
    make("w/a.txt", "Text."), make("w/b.md", "# B"), make("w/half.tmp", "%PDF-1.4"),
        make("w/other.tmp", "%PDF-1.4"), make("w/x.pdf.crdownload", "%PDF-1.4"),
        make("w/~$a.txt", "Text."), make("w/in/c.txt", "Text."), make("w/in/d.md", "# D");
    make("w/" CLI_IGNORE_FILE, "!*.md\n");
    snprintf(root, sizeof root, "%s/w", folder);
    cli_walk(root, &files);
    assert_non_null(find(&files, "a.txt"));
    assert_non_null(find(&files, "half.tmp"));
    assert_null(find(&files, "b.md")); /* what the command line says counts most */
    assert_null(find(&files, "other.tmp"));
    assert_null(find(&files, "x.pdf.crdownload"));
    assert_int_equal(files.count, 3);
    assert_int_equal(files.ignored, 5);
    cli_files_free(&files);
    /* One place below the folder, with the rules of what lies above it. */
    files = (cli_files){.only = STR("in/c.txt")};
    cli_walk(root, &files);
    assert_int_equal(files.count, 1);
    cli_files_free(&files);
    static const char *const nothing[] = {"in/none.txt", "none/c.txt", "a.txt/b", ".hidden",
                                          "other.tmp"};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        files = (cli_files){.only = str_of(nothing[i])};
        cli_walk(root, &files);
        assert_int_equal(files.count, 0);
        cli_files_free(&files);
    }
    /* A list that cannot be read keeps its folder closed. */
    make_folder("w/in/" CLI_IGNORE_FILE);
    files = (cli_files){0};
    cli_walk(root, &files);
    assert_null(find(&files, "c.txt"));
    assert_true(find(&files, "in")->folder && find(&files, "in")->code == ERROR_INPUT);
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
        cmocka_unit_test(test_folder),          cmocka_unit_test(test_operands),
        cmocka_unit_test(test_closed_folder),   cmocka_unit_test(test_depth),
        cmocka_unit_test(test_patterns_as_git), cmocka_unit_test(test_patterns_cost),
        cmocka_unit_test(test_walk_rules),      cmocka_unit_test(test_snippet),
        cmocka_unit_test(test_snippet_edges),   cmocka_unit_test(test_saved_page),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
