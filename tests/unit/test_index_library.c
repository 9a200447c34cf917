/* One file, whole documents: adding, replacing, removing without a trace, reading back, searching
 * words, refusing what is not a library, and what two processes, a kill or a full disk leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "index/internal.h"

#define WIDTH 8

static char folder[64], path[96];
static arena *memory;
static error err;

#define MUST(call)                                        \
    do {                                                  \
        if (!(call)) fail_msg("%s: %s", #call, err.text); \
    } while (0)

static int setup(void **state) {
    (void)state;
    memset(&err, 0, sizeof(err));
    /* In memory where there is such a place: every commit waits for the disk. */
    snprintf(folder, sizeof(folder), "%s/carrel-test-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL) return -1;
    snprintf(path, sizeof(path), "%s/new/library.carrel", folder);
    memory = arena_new();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    char command[128];
    arena_free(memory);
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

/* A document of `count` chunks, each the same text with its number; vectors are full of `mark`. */
static bool add(index_library *l, const char *name, const char *body, size_t count, int8_t mark,
                const char *language, index_outcome *outcome, int64_t *id) {
    index_chunk_in *chunks = arena_alloc(memory, count, sizeof(*chunks));
    int8_t *vectors = arena_alloc(memory, count * WIDTH, 1);
    float *scales = arena_alloc(memory, count, sizeof(*scales));
    index_page pages[2] = {
        {.number = 1, .label = STR("iv"), .width_pt = 595, .height_pt = 842, .fate = STR("text")},
        {.number = 2, .label = STR("v"), .width_pt = 595, .height_pt = 842, .fate = STR("empty")}};
    for (size_t i = 0; i < count; i++) {
        line_box *line = arena_alloc(memory, 2, sizeof(*line));
        str all = arena_printf(memory, "%s %zu", body, i);
        line[0] = (line_box){0, 2, 1, {72, 72.125f, 500, 84.5f}, 0};
        line[1] = (line_box){2, (uint32_t)all.n, 2, {72, 86, 500.875f, 98}, 0};
        chunks[i] = (index_chunk_in){all, STR("Part > Heading"), 1, 2, 7, 0, line, 2};
        memset(vectors + i * WIDTH, mark, WIDTH);
        scales[i] = 0.01f;
    }
    index_document_in d = {.path = str_of(name),
                           .bytes = strlen(body),
                           .mtime = 1,
                           .title = STR("Title"),
                           .type = STR("text"),
                           .language = str_of(language),
                           .pages = pages,
                           .page_count = 2,
                           .chunks = chunks,
                           .chunk_count = count,
                           .vectors = vectors,
                           .scales = scales};
    for (size_t i = 0; body[i] != 0; i++) d.hash[i % 32] = (uint8_t)(d.hash[i % 32] * 31 + body[i]);
    return index_add(l, &d, outcome, id, &err);
}

static index_library *create(void) {
    index_library *l;
    index_model model = {.name = STR("test"), .width = WIDTH};
    MUST(index_open(path, INDEX_CREATE, &l, &err));
    MUST(index_set_model(l, &model, &err));
    return l;
}

static size_t hits(index_library *l, const char *question) {
    index_hit *out;
    size_t count;
    MUST(index_search_words(l, str_of(question), 100, memory, &out, &count, &err));
    for (size_t i = 0; i < count; i++) {
        assert_true(out[i].score > 0);
        assert_true(i == 0 || out[i - 1].score >= out[i].score);
    }
    return count;
}

/* Whether the bytes stand anywhere in the library or its log. */
static bool in_file(const char *bytes, size_t n) {
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    bool found = false;
    for (size_t i = 0; i < 3; i++) {
        char name[112];
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        FILE *f = fopen(name, "rb");
        if (f == NULL) continue;
        text all = {0};
        char piece[65536];
        for (size_t got; (got = fread(piece, 1, sizeof(piece), f)) > 0;)
            text_put(&all, (str){piece, got});
        fclose(f);
        found = found || str_find(text_str(&all), (str){bytes, n}, 0) != SIZE_MAX;
        text_free(&all);
    }
    return found;
}

static bool word_in_file(const char *word) {
    return in_file(word, strlen(word));
}

static void test_add_and_read(void **state) {
    (void)state;
    index_outcome outcome;
    int64_t id, other;
    index_document doc, *list;
    index_chunk chunk;
    index_page *pages;
    index_status status;
    size_t count;
    bool found;
    str label;
    struct stat s;
    index_library *l = create();
    MUST(stat(path, &s) == 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    MUST(add(l, "/a/b.pdf", "The dose of artesunate is 2.4 mg/kg", 3, 1, "en", &outcome, &id));
    assert_int_equal(outcome, INDEX_ADDED);
    MUST(add(l, "/c/b.pdf", "The dose of artesunate is 2.4 mg/kg", 3, 1, "en", &outcome, &other));
    assert_int_equal(outcome, INDEX_SAME);
    assert_int_equal(other, id);
    MUST(index_list(l, memory, &list, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(list[0].pages_text, 1);
    MUST(index_pages(l, id, memory, &pages, &count, &err));
    assert_int_equal(count, 2);
    assert_true(str_eq(pages[1].fate, STR("empty")) && pages[0].height_pt == 842);
    MUST(index_get_neighbour(l, id, 2, memory, &chunk, &found, &err));
    assert_true(found && str_eq(chunk.label_first, STR("iv")) && chunk.line_count == 2);
    assert_true(str_eq(chunk.text, STR("The dose of artesunate is 2.4 mg/kg 2")));
    assert_true(chunk.lines[1].at.x1 == 500.875f && chunk.lines[1].end == chunk.text.n);
    MUST(index_get_neighbour(l, id, 3, memory, &chunk, &found, &err));
    assert_false(found);
    assert_false(index_get_chunk(l, 99, memory, &chunk, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    MUST(index_page_label(l, id, 2, memory, &label, &err));
    assert_true(str_eq(label, STR("v")));
    MUST(index_page_label(l, id, 9, memory, &label, &err));
    assert_int_equal(label.n, 0);
    MUST(add(l, "/c/b.pdf", "other bytes", 1, 1, "en", &outcome, &other));
    assert_false(index_find(l, STR("b.pdf"), memory, &doc, &err));
    assert_int_equal(err.code, ERROR_USAGE);
    MUST(index_find(l, STR("/c/b.pdf"), memory, &doc, &err));
    assert_int_equal(doc.id, other);
    MUST(index_find(l, STR("#1"), memory, &doc, &err));
    assert_int_equal(doc.id, 1);
    assert_false(index_find(l, STR("nothing"), memory, &doc, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_false(index_find(l, STR("%"), memory, &doc, &err));
    MUST(index_get_status(l, &status, &err));
    assert_int_equal(status.documents, 2);
    assert_int_equal(status.chunks, 4);
    assert_int_equal(status.vectors, 4);
    MUST(index_check(l, &err));
    index_close(l);
}

static void test_words(void **state) {
    (void)state;
    index_outcome outcome;
    int64_t id;
    uint64_t chunks;
    index_library *l = create();
    assert_int_equal(hits(l, "anything"), 0);
    MUST(add(l, "/en", "Patients were running a fever", 1, 1, "en", &outcome, &id));
    MUST(add(l, "/de", "Die H\xC3\xA4user der Stadt", 1, 2, "de", &outcome, &id));
    MUST(add(l, "/ja", "\xE9\xA2\xA8\xE9\x82\xAA\xE8\x96\xAC\xE3\x81\xAE", 1, 3, "ja", &outcome,
             &id));
    assert_int_equal(hits(l, "who runs with fevers?"), 1);
    assert_int_equal(hits(l, "Haus"), 1);
    assert_int_equal(hits(l, "\xE8\x96\xAC"), 1);
    assert_int_equal(hits(l, "\xE9\xA2\xA8\xE9\x82\xAA"), 1);
    assert_int_equal(hits(l, "heading"), 3);
    assert_int_equal(hits(l, "the"), 0);
    assert_int_equal(hits(l, "were"), 1); /* a stop word, and nothing else */
    MUST(index_word_frequency(l, STR("head"), &chunks, &err));
    assert_int_equal(chunks, 2); /* German has its own stem for it */
    MUST(index_word_frequency(l, STR(""), &chunks, &err));
    assert_int_equal(chunks, 0);
    MUST(index_check(l, &err));
    index_close(l);
}

static void test_hostile_question(void **state) {
    (void)state;
    static const char *const questions[] = {"",
                                            "\"",
                                            "\"\"\" NEAR(fever, 2) *",
                                            "fever* OR",
                                            "head : fever",
                                            "{head} : x",
                                            "^fever",
                                            "- + ( ) )",
                                            "'; DROP TABLE words; --",
                                            "fever AND NOT fever",
                                            ("\x01"
                                             "en\x02 fever")};
    index_outcome outcome;
    int64_t id;
    index_library *l = create();
    MUST(add(l, "/en", "a fever, and \x01xx\x02 more NEAR it", 1, 1, "en", &outcome, &id));
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) hits(l, questions[i]);
    text big = {0};
    for (int i = 0; big.n < 100000; i++) text_printf(&big, "word%d fever \" ", i);
    double before = clock_ms();
    assert_int_equal(hits(l, big.p), 1);
    assert_true(clock_ms() - before < 2000);
    text_free(&big);
    index_hit *out;
    size_t count;
    MUST(index_search_words(l, (str){"fev\0er fever", 12}, 10, memory, &out, &count, &err));
    assert_int_equal(count, 1);
    MUST(index_search_words(l, STR("fever"), 0, memory, &out, &count, &err));
    assert_int_equal(count, 0);
    index_close(l);
}

static void test_no_trace(void **state) {
    (void)state;
    index_outcome outcome;
    int64_t id, secret, kept;
    char name[32], body[128];
    int8_t mark[WIDTH], mark_replaced[WIDTH];
    memset(mark, 0x5A, sizeof(mark));
    memset(mark_replaced, 0x4B, sizeof(mark_replaced));
    index_library *l = create();
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof(name), "/doc/%d", i);
        snprintf(body, sizeof(body), "common words and number%d here, plain%d text", i, i);
        MUST(add(l, name, body, 3, 1, "en", &outcome, &kept));
    }
    MUST(add(l, "/private/zyxwvault.pdf", "qqsecretqq plonkword xyzzyterm", 300, 0x5A, "en",
             &outcome, &secret));
    MUST(add(l, "/versions", "oldversionword frobnicate", 40, 0x4B, "en", &outcome, &id));
    assert_true(word_in_file("qqsecretqq") && word_in_file("zyxwvault"));
    assert_true(in_file((char *)mark, WIDTH) && in_file((char *)mark_replaced, WIDTH));
    MUST(add(l, "/versions", "newversionword", 2, 1, "en", &outcome, &id));
    assert_int_equal(outcome, INDEX_REPLACED);
    assert_int_equal(hits(l, "oldversionword"), 0);
    assert_int_equal(hits(l, "newversionword"), 2);
    MUST(index_wipe(l, &err));
    assert_false(word_in_file("oldversionword") || word_in_file("frobnic"));
    assert_false(in_file((char *)mark_replaced, WIDTH));
    MUST(index_remove(l, &secret, 1, &err));
    assert_false(word_in_file("qqsecretqq") || word_in_file("plonkword") ||
                 word_in_file("xyzzyterm") || word_in_file("zyxwvault"));
    assert_false(in_file((char *)mark, WIDTH));
    assert_true(word_in_file("newversionword") && word_in_file("number59"));
    assert_int_equal(hits(l, "qqsecretqq"), 0);
    assert_int_equal(hits(l, "number7"), 3);
    MUST(index_check(l, &err));
    assert_false(index_remove(l, &secret, 1, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    /* Closing does what nobody asked for explicitly. */
    MUST(add(l, "/versions", "thirdversionword", 2, 1, "en", &outcome, &id));
    index_close(l);
    assert_false(word_in_file("newversionword"));
    MUST(index_open(path, INDEX_WRITE, &l, &err));
    MUST(index_check(l, &err));
    index_document *list;
    size_t count;
    int64_t ids[80];
    MUST(index_list(l, memory, &list, &count, &err));
    for (size_t i = 0; i < count; i++) ids[i] = list[i].id;
    MUST(index_remove(l, ids, count, &err));
    assert_false(word_in_file("common") || word_in_file("number1") || word_in_file("/doc/"));
    MUST(index_check(l, &err));
    index_close(l);
}

static void test_replaced_by_known_bytes(void **state) {
    (void)state;
    index_outcome outcome;
    int64_t first, second, id;
    index_library *l = create();
    MUST(add(l, "/a", "alpha", 1, 1, "en", &outcome, &first));
    MUST(add(l, "/b", "beta", 1, 1, "en", &outcome, &second));
    MUST(add(l, "/b", "alpha", 1, 1, "en", &outcome, &id));
    assert_int_equal(outcome, INDEX_REPLACED);
    assert_int_equal(id, first);
    assert_int_equal(hits(l, "beta"), 0);
    MUST(index_check(l, &err));
    index_close(l);
}

static void test_model(void **state) {
    (void)state;
    index_outcome outcome;
    int64_t id;
    index_model model = {.name = STR("other"), .width = WIDTH}, now;
    index_library *l;
    MUST(index_open(path, INDEX_CREATE, &l, &err));
    MUST(index_get_model(l, memory, &now, &err));
    assert_int_equal(now.width, 0);
    assert_false(add(l, "/x", "text", 1, 1, "en", &outcome, &id));
    assert_int_equal(err.code, ERROR_MODEL);
    MUST(index_set_model(l, &model, &err));
    model.hash[31] = 7;
    MUST(index_set_model(l, &model, &err)); /* nothing depends on it yet */
    MUST(add(l, "/x", "text", 1, 1, "en", &outcome, &id));
    MUST(index_set_model(l, &model, &err));
    MUST(index_get_model(l, memory, &now, &err));
    assert_true(now.hash[31] == 7 && str_eq(now.name, STR("other")));
    model.hash[0] = 1;
    assert_false(index_set_model(l, &model, &err));
    assert_int_equal(err.code, ERROR_MODEL);
    model.width = 0;
    assert_false(index_set_model(l, &model, &err));
    index_close(l);
}

static void write_file(const char *name, const void *bytes, size_t n) {
    FILE *f = fopen(name, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void test_refusals(void **state) {
    (void)state;
    index_library *l;
    char name[112];
    static const index_mode modes[] = {INDEX_READ, INDEX_WRITE, INDEX_CREATE};
    assert_false(index_open(path, INDEX_READ, &l, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_false(index_open("", INDEX_READ, &l, &err));
    assert_false(index_open(folder, INDEX_READ, &l, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    snprintf(name, sizeof(name), "%s/letter.txt", folder);
    write_file(name, "Dear Sir or Madam, this is a letter and no library.\n", 52);
    for (int i = 0; i < 3; i++) {
        assert_false(index_open(name, modes[i], &l, &err));
        assert_non_null(strstr(err.text, "not a Carrel library"));
    }
    snprintf(name, sizeof(name), "%s/other.db", folder);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(name, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t(x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    for (int i = 0; i < 3; i++) {
        assert_false(index_open(name, modes[i], &l, &err));
        assert_non_null(strstr(err.text, "not a Carrel library"));
    }
    index_close(create());
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    for (int i = 0; i < 3; i++) {
        assert_false(index_open(path, modes[i], &l, &err));
        assert_non_null(strstr(err.text, "newer Carrel"));
    }
}

static void test_damage(void **state) {
    (void)state;
    index_outcome outcome;
    int64_t id;
    index_library *l = create();
    MUST(add(l, "/a", "alpha beta", 5, 1, "en", &outcome, &id));
    index_close(l);
    sqlite3 *db;
    static const char *const damages[] = {"UPDATE chunk SET lines = x'05' WHERE id = 1",
                                          "UPDATE chunk SET lines = x'0000' WHERE id = 1",
                                          "DELETE FROM page WHERE number = 2",
                                          "UPDATE block SET scales = x'00'",
                                          "UPDATE block SET first_chunk = 2",
                                          "DELETE FROM words_docsize WHERE id = 3",
                                          "UPDATE chunk SET text = 'gamma' WHERE id = 2"};
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        char command[256];
        snprintf(command, sizeof(command), "cp '%s' '%s.bad'", path, path);
        assert_int_equal(system(command), 0);
        snprintf(command, sizeof(command), "%s.bad", path);
        assert_int_equal(sqlite3_open(command, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, damages[i], NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        MUST(index_open(command, INDEX_READ, &l, &err));
        if (index_check(l, &err)) fail_msg("not noticed: %s", damages[i]);
        index_close(l);
    }
    MUST(truncate(path, 20000) == 0);
    bool opened = index_open(path, INDEX_WRITE, &l, &err);
    if (opened) {
        assert_false(index_check(l, &err));
        index_close(l);
    }
    assert_int_equal(err.code, ERROR_LIBRARY);
}

static void test_reader(void **state) {
    (void)state;
    index_outcome outcome;
    int64_t id;
    char log[112];
    index_library *l = create(), *reader;
    MUST(add(l, "/a", "alpha", 1, 1, "en", &outcome, &id));
    MUST(index_open(path, INDEX_READ, &reader, &err));
    assert_false(add(reader, "/b", "beta", 1, 1, "en", &outcome, &id));
    assert_int_equal(hits(reader, "beta"), 0);
    MUST(add(l, "/b", "beta", 1, 1, "en", &outcome, &id));
    assert_int_equal(hits(reader, "beta"), 1);
    MUST(index_check(reader, &err));
    assert_false(index_remove(reader, &id, 1, &err));
    index_close(l);
    index_close(reader);
    snprintf(log, sizeof(log), "%s-wal", path);
    assert_int_not_equal(access(log, F_OK), 0); /* one file, when closed */
}

/* Without root: a library in a folder that cannot be written. */
static void test_read_only_folder(void **state) {
    (void)state;
    index_outcome outcome;
    int64_t id;
    char parent[96];
    if (getuid() != 0) {
        print_message("SKIP: needs to become another user\n");
        skip();
    }
    index_library *l = create();
    MUST(add(l, "/a", "alpha", 1, 1, "en", &outcome, &id));
    index_close(l);
    snprintf(parent, sizeof(parent), "%s/new", folder);
    MUST(chmod(folder, 0755) == 0 && chmod(parent, 0755) == 0 && chmod(path, 0644) == 0);
    pid_t child = fork();
    if (child == 0) {
        index_hit *out;
        size_t count = 0;
        bool ok = setuid(65534) == 0 && index_open(path, INDEX_READ, &l, &err) &&
                  index_search_words(l, STR("alpha"), 5, memory, &out, &count, &err) && count == 1;
        if (ok) {
            index_close(l);
            ok = !index_open(path, INDEX_WRITE, &l, &err) && err.text[0] != 0;
        }
        _exit(ok ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

/* Adds, replaces and wipes until it is killed; a byte into `told` after each commit. */
static void add_forever(int told) {
    index_library *l;
    index_outcome outcome;
    int64_t id;
    char name[32], body[64];
    if (!index_open(path, INDEX_WRITE, &l, &err)) _exit(1);
    for (int i = 0; i < 100000; i++) {
        snprintf(name, sizeof(name), "/doc/%d", i % 10);
        snprintf(body, sizeof(body), "word%d and more %d", i, (int)getpid());
        if (!add(l, name, body, 20, 1, "en", &outcome, &id) || write(told, "", 1) != 1 ||
            (i % 4 == 3 && !index_wipe(l, &err)))
            _exit(1);
    }
    _exit(0);
}

/* Starts add_forever and waits until it has committed `commits` documents. */
static pid_t start_adding(int commits) {
    int ends[2];
    char byte;
    if (pipe(ends) != 0) fail_msg("no pipe");
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        add_forever(ends[1]);
    }
    close(ends[1]);
    for (int i = 0; i < commits; i++) assert_int_equal(read(ends[0], &byte, 1), 1);
    /* The read end stays open until this program ends, or the child would stop at its next byte. */
    return child;
}

static void test_kill(void **state) {
    (void)state;
    index_status status;
    index_close(create());
    for (int round = 0; round < 5; round++) {
        pid_t child = start_adding(1 + 2 * round);
        usleep((useconds_t)(1373 * round));
        kill(child, SIGKILL);
        int how;
        waitpid(child, &how, 0);
        assert_true(WIFSIGNALED(how));
        index_library *l;
        MUST(index_open(path, INDEX_WRITE, &l, &err));
        MUST(index_check(l, &err));
        MUST(index_get_status(l, &status, &err));
        assert_int_equal(status.chunks, 20 * status.documents);
        assert_true(status.documents > 0 && status.documents <= 10);
        index_close(l);
    }
}

static void test_full_disk(void **state) {
    (void)state;
    index_close(create());
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {400000, 400000};
        index_library *l;
        index_outcome outcome;
        int64_t id;
        char name[32], body[64];
        signal(SIGXFSZ, SIG_IGN);
        bool failed = false;
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || !index_open(path, INDEX_WRITE, &l, &err))
            _exit(1);
        for (int i = 0; i < 200 && !failed; i++) {
            snprintf(name, sizeof(name), "/doc/%d", i);
            snprintf(body, sizeof(body), "word%d and more", i);
            failed = !add(l, name, body, 20, 1, "en", &outcome, &id);
        }
        /* It can still be read from, and it says so in a sentence. */
        bool ok = failed && strstr(err.text, path) != NULL && hits(l, "word0") == 20;
        index_close(l);
        _exit(ok ? 0 : 2);
    }
    int how;
    waitpid(child, &how, 0);
    assert_int_equal(how, 0);
    index_library *l;
    index_status status;
    MUST(index_open(path, INDEX_WRITE, &l, &err));
    MUST(index_check(l, &err));
    MUST(index_get_status(l, &status, &err));
    assert_true(status.documents > 0 && status.chunks == 20 * status.documents);
    index_close(l);
}

static void test_two_processes(void **state) {
    (void)state;
    index_close(create());
    pid_t child = start_adding(1);
    index_library *l;
    MUST(index_open(path, INDEX_READ, &l, &err));
    for (int i = 0; i < 40; i++) {
        index_status status;
        MUST(index_get_status(l, &status, &err));
        assert_int_equal(status.chunks, 20 * status.documents);
        assert_true(hits(l, "more") >= 20);
        usleep(500);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    index_close(l);
}

static void test_boxes(void **state) {
    (void)state;
    line_box in[3] = {{5, 9, 3, {-1, 0.0625f, 1e30f, -1e30f}, 0},
                      {0, 4, UINT32_MAX, {0.0f / 0.0f, 1, 2, 3}, 0},
                      {9, 9, 0, {0, 0, 0, 0}, 0}};
    line_box *out;
    size_t count;
    text bytes = {0};
    boxes_encode(in, 3, &bytes);
    assert_true(boxes_decode(bytes.p, bytes.n, 9, memory, &out, &count));
    assert_int_equal(count, 3);
    assert_true(out[0].at.x0 == -1 && out[0].at.y0 == 0.125f && out[0].at.x1 == 1e6f);
    assert_true(out[1].begin == 0 && out[1].page == UINT32_MAX && out[1].at.x0 == 0);
    assert_false(boxes_decode(bytes.p, bytes.n, 8, memory, &out, &count)); /* past the text */
    for (size_t n = 0; n < bytes.n; n++)
        assert_false(boxes_decode(bytes.p, n, 9, memory, &out, &count));
    text_put_char(&bytes, 0);
    assert_false(boxes_decode(bytes.p, bytes.n, 9, memory, &out, &count)); /* bytes behind */
    memset(bytes.p, 0xFF, bytes.n);
    assert_false(boxes_decode(bytes.p, bytes.n, 9, memory, &out, &count));
    text_clear(&bytes);
    in[1] = in[2] = in[0] = (line_box){0, 4, 1, {0, 0, 0, 0}, 0};
    in[1].heading = 3;
    in[2].heading = 1;
    boxes_encode(in, 3, &bytes);
    assert_true(boxes_decode(bytes.p, bytes.n, 9, memory, &out, &count));
    assert_true(out[0].heading == 0 && out[1].heading == 3 && out[2].heading == 1);
    assert_true(
        boxes_decode(bytes.p, bytes.n - 4, 9, memory, &out, &count)); /* an older library's */
    assert_int_equal(out[1].heading, 0);
    assert_false(boxes_decode(bytes.p, bytes.n - 1, 9, memory, &out, &count));
    bytes.p[bytes.n - 2] = 4; /* behind the last line */
    assert_false(boxes_decode(bytes.p, bytes.n, 9, memory, &out, &count));
    bytes.p[bytes.n - 2] = 0; /* a line twice */
    assert_false(boxes_decode(bytes.p, bytes.n, 9, memory, &out, &count));
    text_clear(&bytes);
    boxes_encode(NULL, 0, &bytes);
    assert_true(boxes_decode(bytes.p, bytes.n, 0, memory, &out, &count));
    assert_int_equal(count, 0);
    text_free(&bytes);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* As if it were not there: neither found, nor counted, nor in the way of what is found. */
static void test_withhold(void **state) {
    (void)state;
    index_library *l = create();
    index_outcome outcome;
    int64_t first, second, third, gone[3];
    int8_t query[WIDTH];
    index_hit *out;
    size_t count;
    uint64_t chunks;
    index_status status;
    MUST(add(l, "/a.txt", "fever and malaria", 3, 100, "en", &outcome, &first));
    MUST(add(l, "/b.txt", "fever and chills and a much longer text", 4, 90, "en", &outcome,
             &second));
    MUST(add(l, "/c.txt", "fever", 2, 10, "en", &outcome, &third));
    assert_int_equal(hits(l, "fever"), 9);
    gone[0] = first;
    MUST(index_withhold(l, gone, 1, &err));
    assert_int_equal(hits(l, "fever"), 6);
    assert_int_equal(hits(l, "malaria"), 0);
    MUST(index_word_frequency(l, STR("malaria"), &chunks, &err));
    assert_int_equal(chunks, 0);
    MUST(index_word_frequency(l, STR("fever"), &chunks, &err));
    assert_int_equal(chunks, 6);
    MUST(index_get_status(l, &status, &err));
    assert_int_equal(status.chunks, 6);
    /* Those that are left fill a list that the others would have filled. */
    gone[0] = third, gone[1] = first, gone[2] = first;
    MUST(index_withhold(l, gone, 3, &err));
    MUST(index_search_words(l, STR("fever"), 2, memory, &out, &count, &err));
    assert_int_equal(count, 2);
    memset(query, 100, sizeof query);
    MUST(index_search_vectors(l, query, 0.01f, 3, memory, &out, &count, &err));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        index_chunk c;
        MUST(index_get_chunk(l, out[i].chunk, memory, &c, &err));
        assert_int_equal(c.document, second);
    }
    gone[0] = first, gone[1] = second, gone[2] = third;
    MUST(index_withhold(l, gone, 3, &err));
    assert_int_equal(hits(l, "fever"), 0);
    MUST(index_search_vectors(l, query, 0.01f, 3, memory, &out, &count, &err));
    assert_int_equal(count, 0);
    gone[0] = 4711;
    MUST(index_withhold(l, gone, 1, &err));
    assert_int_equal(hits(l, "fever"), 9);
    MUST(index_withhold(l, NULL, 0, &err));
    assert_int_equal(hits(l, "malaria"), 3);
    index_close(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_withhold),
        WITH_FOLDER(test_add_and_read),
        WITH_FOLDER(test_words),
        WITH_FOLDER(test_hostile_question),
        WITH_FOLDER(test_no_trace),
        WITH_FOLDER(test_replaced_by_known_bytes),
        WITH_FOLDER(test_model),
        WITH_FOLDER(test_refusals),
        WITH_FOLDER(test_damage),
        WITH_FOLDER(test_reader),
        WITH_FOLDER(test_read_only_folder),
        WITH_FOLDER(test_kill),
        WITH_FOLDER(test_full_disk),
        WITH_FOLDER(test_two_processes),
        WITH_FOLDER(test_boxes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
