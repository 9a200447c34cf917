/* carrel-pull's addresses, catalogue and progress line; the conversation is tests/e2e/pull.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/pull/pull.h"

static void check_name(const char *url, const char *want) {
    text name = {0};
    error err = {0};
    bool ok = pull_url_name(url, &name, &err);
    if (ok != (want != NULL)) fail_msg("%s: %s", url, ok ? name.p : err.text);
    if (want) assert_string_equal(name.p, want);
    text_free(&name);
}

static void names_come_from_the_path(void **state) {
    (void)state;
    check_name("https://a.example/x/y/Model-Q4_K_M.gguf", "Model-Q4_K_M.gguf");
    check_name("https://a.example/m.GGUF?x=/etc/passwd.gguf#z.gguf", "m.GGUF");
    check_name("https://a.example/x/..%2Fm.gguf", NULL);
    check_name("https://a.example/.gguf", NULL);
    check_name("https://a.example/.hidden.gguf", NULL);
    check_name("https://a.example/-o.gguf", NULL);
    check_name("https://a.example/m.bin", NULL);
    check_name("https://a.example/?m.gguf", NULL);
    check_name("https://m.gguf", NULL);
    char longest[300] = "https://a.example/";
    memset(longest + strlen(longest), 'a', 240);
    strcat(longest, ".gguf");
    check_name(longest, NULL);
}

static void addresses(void **state) {
    (void)state;
    error err;
    assert_true(pull_url_check("http://a.example/m.gguf", &err));
    assert_true(pull_url_check("HTTPS://a.example", &err));
    static const char *const bad[] = {"ftp://a/m.gguf",     "a.example/m.gguf", "https:///m.gguf",
                                      "https://u@a/m.gguf", "http://a/\x1b[1m", "http://a/ b",
                                      "http://a/\xC3\xA9",  "http://",          ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (pull_url_check(bad[i], &err)) fail_msg("taken: %s", bad[i]);
    assert_true(pull_url_is("http://x"));
    assert_false(pull_url_is("qwen3-0.6b"));
}

static void redirects(void **state) {
    (void)state;
    error err;
    assert_true(pull_url_follow("http://a/x", "http://b/y", &err));
    assert_true(pull_url_follow("http://a/x", "https://b/y", &err));
    assert_true(pull_url_follow("https://a/x", "https://b/y", &err));
    assert_false(pull_url_follow("https://a/x", "http://a/x", &err));
    assert_int_equal(err.code, ERROR_IO);
    assert_false(pull_url_follow("http://a/x", "file:///etc/passwd", &err));
    assert_false(pull_url_follow("http://a/x", "gopher://a/x", &err));
}

static void check_mirror(const char *url, const char *base, const char *want) {
    text out = {0};
    error err = {0};
    bool ok = pull_url_mirror(url, base, &out, &err);
    assert_int_equal(ok, want != NULL);
    if (want) assert_string_equal(out.p, want);
    text_free(&out);
}

static void mirrors(void **state) {
    (void)state;
    check_mirror("https://a.example/x/m.gguf?d=1", "http://b:81", "http://b:81/x/m.gguf?d=1");
    check_mirror("https://a.example/m.gguf", "https://b/models//", "https://b/models/m.gguf");
    check_mirror("https://a.example/m.gguf", "b", NULL);
    check_mirror("https://a.example/m.gguf", "https://b/?to=", NULL);
}

static bool read_catalogue(const char *content, pull_catalogue *c, error *err) {
    char path[] = "/tmp/carrel-catalogue-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    close(fd);
    bool ok = pull_catalogue_open(path, c, err);
    unlink(path);
    return ok;
}

static void catalogues(void **state) {
    (void)state;
    pull_catalogue c;
    error err;
    assert_true(
        read_catalogue("# head\n\n a  https://x/a.gguf\tanswers: two words  A B \r\n", &c, &err));
    assert_int_equal(c.count, 1);
    assert_true(str_eq(c.items[0].purpose, STR("answers: two words")));
    assert_true(str_eq(c.items[0].licence, STR("A B")));
    assert_non_null(pull_catalogue_find(&c, "A", &err));
    assert_null(pull_catalogue_find(&c, "zebra", &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    pull_catalogue_close(&c);
    assert_false(read_catalogue("a  https://x/a.gguf  answers\n", &c, &err));
    assert_false(read_catalogue("a  ftp://x/a.gguf  answers  CC0\n", &c, &err));
    assert_false(read_catalogue("a  https://x/a.gguf  answers  CC0  more\n", &c, &err));
    assert_false(read_catalogue("a  https://x/a.gguf  ans\x1bwers  CC0\n", &c, &err));
}

/* Every entry of the shipped list has an address that gives a name, and says what it is for. */
static void the_shipped_catalogue(void **state) {
    (void)state;
    pull_catalogue c;
    error err;
    text name = {0};
    assert_true(pull_catalogue_open("cli/models.txt", &c, &err));
    assert_true(c.count >= 20);
    for (size_t i = 0; i < c.count; i++) {
        char url[512];
        snprintf(url, sizeof url, STR_FMT, STR_ARG(c.items[i].url));
        if (!pull_url_name(url, &name, &err)) fail_msg("%s: %s", url, err.text);
        assert_true(str_starts(c.items[i].url, STR("https://")));
        /* `carrel model use NAME` finds the file by the start of its name. */
        if (!str_eq_nocase(c.items[i].name, str_cut(text_str(&name), 0, c.items[i].name.n)))
            fail_msg("%s is no start of %s", c.items[i].name.p, name.p);
        assert_true(str_starts(c.items[i].purpose, STR("answers: ")) ||
                    str_starts(c.items[i].purpose, STR("embeds: ")) ||
                    str_starts(c.items[i].purpose, STR("reranks: ")));
        for (size_t k = 0; k < i; k++) assert_false(str_eq(c.items[i].name, c.items[k].name));
    }
    text_free(&name);
    pull_catalogue_close(&c);
}

static void progress_lines(void **state) {
    (void)state;
    text t = {0};
    pull_progress_line(&t, 0, 0, 0, 0, false);
    assert_string_equal(t.p, "0 bytes");
    text_clear(&t);
    /* 500 MB came in 10 s behind 1 GB that was there: 50 MB/s, half a GB is left. */
    pull_progress_line(&t, 1500000000, 2000000000, 1000000000, 10000, false);
    assert_string_equal(t.p, "1.5 GB of 2.0 GB, 75%, 50.0 MB/s, 0:10 left");
    text_free(&t);
}

/* In a child, since a lock is for ever: 0, or the number of the step that should not have been. */
static int try_what_is_locked(const char *folder, const char *document) {
    char own[256];
    error err;
    snprintf(own, sizeof own, "%s/a.gguf.part", folder);
    if (!pull_lock(folder, NULL, &err)) return 1;
    if (open(document, O_RDONLY) >= 0 || errno != EACCES) return 2;
    if (open("/tmp/carrel-pull-outside", O_WRONLY | O_CREAT, 0600) >= 0) return 3;
    if (open(own, O_RDWR | O_CREAT, 0600) < 0) return 4;
    if (unlink(own) != 0) return 5;
    if (open("/etc/hosts", O_RDONLY) < 0) return 6;
    execl("/bin/true", "true", (char *)NULL);
    if (errno != EPERM) return 7;
    return 0;
}

static void the_kernel_keeps_it_to_its_folder(void **state) {
    (void)state;
    char folder[] = "/tmp/carrel-lock-XXXXXX", document[] = "/tmp/carrel-document-XXXXXX";
    if (syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION) <= 0)
        skip();
    assert_non_null(mkdtemp(folder));
    int fd = mkstemp(document), status = -1;
    assert_true(fd >= 0);
    close(fd);
    pid_t child = fork();
    if (child == 0) _exit(try_what_is_locked(folder, document));
    assert_int_equal(waitpid(child, &status, 0), child);
    unlink(document);
    rmdir(folder);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_from_the_path),
        cmocka_unit_test(addresses),
        cmocka_unit_test(redirects),
        cmocka_unit_test(mirrors),
        cmocka_unit_test(catalogues),
        cmocka_unit_test(the_shipped_catalogue),
        cmocka_unit_test(progress_lines),
        cmocka_unit_test(the_kernel_keeps_it_to_its_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
