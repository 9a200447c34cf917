/* The worker and carrel-parse together: whatever a document or the process does, the caller gets
 * one sentence about one document, and the next document is parsed.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/documents.h"

#define GOOD "tests/golden/pdf/doses.pdf"
#define SLOW "tests/golden/hostile/slow.pdf"
#define ENCRYPTED "tests/golden/hostile/encrypted.pdf"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

static ingest_limits limits;

static ingest_worker *open_worker(void) {
    error err = {0};
    ingest_worker *w = NULL;
    if (!ingest_worker_open(getenv("CARREL_PARSE"), &limits, &w, &err)) fail_msg("%s", err.text);
    return w;
}

static int reset_limits(void **state) {
    (void)state;
    limits = ingest_default_limits;
    limits.seconds = 20;
    return 0;
}

/* Parses the file; the error's code, or ERROR_NONE. */
static error_code parse(ingest_worker *w, const char *path, const char *name, error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    arena *a = arena_new();
    ingest_document *d = NULL;
    *err = (error){0};
    bool ok = documents_parse(w, fd, str_of(name), a, &d, err);
    assert_int_equal(ok, err->code == ERROR_NONE);
    if (ok) assert_true(d->page_count > 0 && d->title.n > 0);
    arena_free(a);
    close(fd);
    return err->code;
}

static void expect(ingest_worker *w, const char *path, error_code code, const char *sentence) {
    error err;
    error_code got = parse(w, path, path, &err);
    if (got != code || !strstr(err.text, sentence))
        fail_msg("%s: %d \"%s\", expected %d \"%s\"", path, got, err.text, code, sentence);
}

/* A temporary file of these bytes; the caller unlinks it. */
static void write_file(char path[64], const char *suffix, const void *bytes, size_t n) {
    snprintf(path, 64, "/tmp/carrel-test-XXXXXX%s", suffix);
    int fd = mkstemps(path, (int)strlen(suffix));
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), (ssize_t)n);
    close(fd);
}

static void expect_bytes(ingest_worker *w, const char *suffix, const void *bytes, size_t n,
                         error_code code, const char *sentence) {
    char path[64];
    write_file(path, suffix, bytes, n);
    expect(w, path, code, sentence);
    unlink(path);
}

/* ---- looking at the processes -------------------------------------------------------------- */

static long status_field(pid_t pid, const char *field) {
    char path[64], line[256];
    long value = -1;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0) value = atol(line + strlen(field) + 1);
    fclose(f);
    return value;
}

static int count_entries(const char *path) {
    int count = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void documents_and_refusals_take_turns(void **state) {
    (void)state;
    ingest_worker *w = open_worker();
    for (int round = 0; round < 3; round++) {
        expect(w, GOOD, ERROR_NONE, "");
        expect(w, ENCRYPTED, ERROR_PASSWORD, "encrypted");
        expect_bytes(w, ".pdf", "no pdf at all", 13, ERROR_INPUT, "not a PDF");
        expect_bytes(w, ".pdf", "%PDF-1.7\n1 0 obj", 16, ERROR_INPUT, "damaged");
        expect_bytes(w, ".txt", "", 0, ERROR_INPUT, "empty");
        expect_bytes(w, ".docx", "PK\x03\x04....", 8, ERROR_INPUT, "ZIP");
        expect_bytes(w, ".xyz", "some", 4, ERROR_INPUT, ".xyz");
        expect_bytes(w, ".txt", "plain text", 10, ERROR_NONE, "");
        expect(w, "/tmp", ERROR_INPUT, "regular file");
    }
    ingest_worker_close(w);
}

static void a_hang_ends_on_time(void **state) {
    (void)state;
    limits.seconds = 1;
    ingest_worker *w = open_worker();
    double start = clock_ms();
    expect(w, SLOW, ERROR_LIMIT, "took longer than 1 s");
    assert_true(clock_ms() - start < 5000);
    expect(w, GOOD, ERROR_NONE, "");
    ingest_worker_close(w);
}

static void memory_has_an_end(void **state) {
    (void)state;
#ifdef SANITIZED
    skip(); /* the sanitizer reserves terabytes, so carrel-parse sets no limit there */
#endif
    limits.memory_bytes = 16u << 20;
    ingest_worker *w = open_worker();
    expect(w, GOOD, ERROR_LIMIT, "needs more than 16 MiB of memory");
    expect(w, GOOD, ERROR_LIMIT, "needs more than 16 MiB of memory");
    ingest_worker_close(w);
}

static void size_and_pages_have_limits(void **state) {
    (void)state;
    limits.file_bytes = 1u << 20;
    limits.pages = 3;
    ingest_worker *w = open_worker();
    char path[64];
    write_file(path, ".pdf", "%PDF-1.4\n", 9);
    assert_int_equal(truncate(path, 2 << 20), 0);
    expect(w, path, ERROR_LIMIT, "larger than 1 MiB");
    unlink(path);
    expect(w, "tests/golden/pdf/heads.pdf", ERROR_LIMIT, "4 pages");
    expect(w, "tests/golden/pdf/labels.pdf", ERROR_NONE, "");
    ingest_worker_close(w);
}

/* Waits for the child that parses for this test's worker and sends it a signal. */
static pid_t signal_the_child(int number) {
    pid_t test = getpid(), helper = fork();
    if (helper != 0) return helper;
    for (int tries = 0; tries < 1000; tries++) {
        pid_t server = documents_child_of(test), child = server ? documents_child_of(server) : 0;
        if (child > 0) _exit(kill(child, number) == 0 ? 0 : 1);
        usleep(10000);
    }
    _exit(1);
}

static void a_crash_costs_one_document(void **state) {
    (void)state;
    ingest_worker *w = open_worker();
#ifdef SANITIZED
    static const int numbers[] = {SIGABRT, SIGKILL}; /* the sanitizer catches SIGSEGV */
#else
    static const int numbers[] = {SIGSEGV, SIGABRT, SIGKILL};
#endif
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int status;
        char sentence[64];
        snprintf(sentence, sizeof sentence, "parser crashed (signal %d)", numbers[i]);
        pid_t helper = signal_the_child(numbers[i]);
        expect(w, SLOW, ERROR_INPUT, sentence);
        assert_int_equal(waitpid(helper, &status, 0), helper);
        assert_int_equal(status, 0);
        expect(w, GOOD, ERROR_NONE, "");
    }
    ingest_worker_close(w);
}

static void a_dead_process_is_replaced(void **state) {
    (void)state;
    ingest_worker *w = open_worker();
    for (int i = 0; i < 3; i++) {
        pid_t server = documents_child_of(getpid());
        assert_true(server > 0);
        assert_int_equal(kill(server, SIGKILL), 0);
        expect(w, GOOD, ERROR_NONE, "");
    }
    ingest_worker_close(w);
    assert_int_equal(documents_child_of(getpid()), 0);
}

static void it_is_locked_in(void **state) {
    (void)state;
    int extra = open("/etc/passwd", O_RDONLY); /* not close-on-exec: must not get through */
    ingest_worker *w = open_worker();
    pid_t server = documents_child_of(getpid());
    assert_true(server > 0);
    assert_int_equal(status_field(server, "Seccomp:"), 2);
    assert_int_equal(status_field(server, "NoNewPrivs:"), 1);
    assert_true(str_find(ingest_worker_confinement(w), STR("seccomp"), 0) != SIZE_MAX);
    char path[64], environment[64];
    snprintf(path, sizeof path, "/proc/%d/fd", server);
    assert_in_range(count_entries(path), 4, 5); /* 0 to 3, and its signal descriptor */
    snprintf(path, sizeof path, "/proc/%d/environ", server);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    static const char all[] = "OMP_THREAD_LIMIT=1"; /* and its zero */
    assert_int_equal(read(fd, environment, sizeof environment), sizeof all);
    assert_memory_equal(environment, all, sizeof all);
    close(fd);
    close(extra);
    ingest_worker_close(w);
}

static void a_missing_program_is_told(void **state) {
    (void)state;
    error err = {0};
    ingest_worker *w = NULL;
    assert_false(ingest_worker_open("/nowhere/carrel-parse", &limits, &w, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nowhere/carrel-parse"));
    assert_false(ingest_worker_open("/bin/true", &limits, &w, &err));
    assert_non_null(strstr(err.text, "does not start"));
}

/* Bytes of a good PDF changed at random, always in the same way. */
static void damaged_documents_do_no_harm(void **state) {
    (void)state;
    static uint8_t bytes[64u << 10];
    static const char *const files[] = {GOOD, "tests/golden/pdf/labels.pdf",
                                        "tests/golden/pdf/letters.pdf"};
    limits.seconds = 5;
    ingest_worker *w = open_worker();
    uint32_t seed = 1;
    error err;
    for (int i = 0; i < 120; i++) {
        FILE *f = fopen(files[i % 3], "rb");
        assert_non_null(f);
        size_t n = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        for (int k = 0; k < 1 + i / 4; k++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[(seed >> 8) % n] = (uint8_t)(seed >> 3);
        }
        char path[64];
        write_file(path, ".pdf", bytes, i % 5 == 4 ? n / 2 : n);
        if (parse(w, path, "damaged.pdf", &err) != ERROR_NONE && err.text[0] == '\0')
            fail_msg("a refusal without a reason");
        unlink(path);
    }
    expect(w, GOOD, ERROR_NONE, "");
    ingest_worker_close(w);
}

static void the_callers_descriptor_stays_as_it_is(void **state) {
    (void)state;
    ingest_worker *w = open_worker();
    arena *a = arena_new();
    ingest_document *d = NULL;
    error err = {0};
    int fd = open(GOOD, O_RDONLY | O_CLOEXEC);
    assert_int_equal(lseek(fd, 7, SEEK_SET), 7);
    char name[600];
    memset(name, 'x', sizeof name);
    memcpy(name + sizeof name - 4, ".pdf", 4);
    assert_true(documents_parse(w, fd, (str){name, sizeof name}, a, &d, &err));
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 7);
    close(fd);
    arena_free(a);
    ingest_worker_close(w);
}

static void supported_by_name_or_bytes(void **state) {
    (void)state;
    static const struct {
        const char *suffix, *bytes;
        bool supported;
    } files[] = {
        {".pdf", "anything", true},
        {"", "junk %PDF-1.4", true},
        {".MD", "# x", true},
        {".html", "", true},
        {".bin", " <!DOCTYPE HTML>", true},
        {"", "<!-- a --> <html>", true},
        {"", "plain words", true},
        {"", "\xff\xfe\x01", false},
        {".docx", "PK\x03\x04", true},
        {".jar", "PK\x03\x04", false},
        {".zip", "PK\x03\x04\x14 a.pdf%PDF-1.4", true},
        {".eml", "anything", true},
        {".mbox", "", true},
        {".mht", "", true},
        {".h:2,S", "Received: from a\n by b\nReceived: from c\nSubject: x\n", true}, /* Maildir */
        {".h:2,S", "Received: from a\nSubject: x\n\nReceived: not\n", false},
        {".c", "From ada Tue Mar 12 14:05:00 2024\nSubject: x\n", true},
        {".patch", "From ada Tue Mar 12 14:05:00 2024\nSubject: x\n", false},
        {".c", "From here on it is\nSubject: x\n", false},
        {".gz", "\x1f\x8b\x08", true},
        {".tar.gz", "\x1f\x8b\x08", false},
        {".txt.gz", "\x1f\x8b\x08", true},
        {".c", "int main;", false},
        {".txt", "", true},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[64];
        write_file(path, files[i].suffix, files[i].bytes, strlen(files[i].bytes));
        if (ingest_supported(path) != files[i].supported)
            fail_msg("file %zu (%s)", i, files[i].suffix);
        unlink(path);
    }
    assert_false(ingest_supported("/nowhere/x.pdf"));
    assert_false(ingest_supported("/tmp"));
}

static void hashes_are_sha256(void **state) {
    (void)state;
    /* FIPS 180-2, appendix B.1 */
    static const uint8_t abc[32] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                    0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                                    0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
                                    0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    char path[64];
    uint8_t hash[32];
    error err = {0};
    write_file(path, ".txt", "abc", 3);
    int fd = open(path, O_RDONLY);
    assert_int_equal(lseek(fd, 2, SEEK_SET), 2);
    assert_true(ingest_hash(fd, hash, &err));
    assert_memory_equal(hash, abc, 32);
    close(fd);
    unlink(path);
    assert_false(ingest_hash(-1, hash, &err));
    assert_int_equal(err.code, ERROR_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(documents_and_refusals_take_turns, reset_limits),
        cmocka_unit_test_setup(a_hang_ends_on_time, reset_limits),
        cmocka_unit_test_setup(memory_has_an_end, reset_limits),
        cmocka_unit_test_setup(size_and_pages_have_limits, reset_limits),
        cmocka_unit_test_setup(a_crash_costs_one_document, reset_limits),
        cmocka_unit_test_setup(a_dead_process_is_replaced, reset_limits),
        cmocka_unit_test_setup(it_is_locked_in, reset_limits),
        cmocka_unit_test_setup(a_missing_program_is_told, reset_limits),
        cmocka_unit_test_setup(damaged_documents_do_no_harm, reset_limits),
        cmocka_unit_test_setup(the_callers_descriptor_stays_as_it_is, reset_limits),
        cmocka_unit_test_setup(supported_by_name_or_bytes, reset_limits),
        cmocka_unit_test_setup(hashes_are_sha256, reset_limits),
    };
    return cmocka_run_group_tests_name("ingest worker", tests, NULL, NULL);
}
