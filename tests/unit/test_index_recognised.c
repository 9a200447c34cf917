/* Pages that were left unread, and when they are asked for again; pages that were recognised, and
 * when what was kept of them goes; that a library of the third format gets both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "index/internal.h"

static char folder[64], path[96];
static arena *memory;
static error err;
static index_library *l;

#define MUST(call)                                        \
    do {                                                  \
        if (!(call)) fail_msg("%s: %s", #call, err.text); \
    } while (0)

static int setup(void **state) {
    (void)state;
    snprintf(folder, sizeof(folder), "%s/carrel-test-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL) return -1;
    snprintf(path, sizeof(path), "%s/library.db", folder);
    memory = arena_new();
    return index_open(path, INDEX_CREATE, &l, &err) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    char command[128];
    index_close(l);
    arena_free(memory);
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

/* A document of two pages, of which the second is marked so. */
static int64_t add(uint8_t hash, const char *unread, bool again) {
    index_page pages[2] = {{.number = 1, .fate = STR("ocr"), .confidence = 0.9f},
                           {.number = 2, .fate = STR("failed"), .unread = str_of(unread)}};
    index_document_in d = {.path = arena_printf(memory, "/scan-%u.pdf", hash),
                           .title = STR("Scan"),
                           .type = STR("pdf"),
                           .pages = pages,
                           .page_count = 2,
                           .again = again};
    memset(d.hash, hash, sizeof(d.hash));
    index_outcome outcome;
    int64_t id;
    MUST(index_add(l, &d, &outcome, &id, &err));
    return id;
}

static uint32_t unread(uint8_t byte, const char *same, const char *other) {
    const str in_vain[] = {str_of(same), str_of(other)};
    uint8_t hash[32];
    uint32_t pages;
    memset(hash, byte, sizeof(hash));
    MUST(index_count_unread(l, hash, in_vain, 2, &pages, &err));
    return pages;
}

static void unread_pages_are_asked_for(void **state) {
    (void)state;
    uint64_t all;
    uint8_t hash[32];
    index_page *pages;
    size_t count;
    add(1, "failed 1", false);
    add(2, "", false);
    assert_int_equal(unread(1, "failed 2", "foreign eng"), 1);
    assert_int_equal(unread(1, "failed 1", "foreign eng"), 0);
    assert_int_equal(unread(2, "failed 2", ""), 0);
    assert_int_equal(unread(3, "failed 2", ""), 0); /* not there */
    MUST(index_count_all_unread(l, &all, &err));
    assert_int_equal(all, 1);
    memset(hash, 1, sizeof(hash));
    MUST(index_set_unread(l, hash, STR("failed 2"), &err));
    assert_int_equal(unread(1, "failed 2", ""), 0);
    MUST(index_pages_of(l, hash, memory, &pages, &count, &err));
    assert_true(count == 2 && pages[0].unread.n == 0 && str_eq(pages[1].unread, STR("failed 2")));
}

static index_recognised page_of(uint8_t hash, const char *languages) {
    index_recognised p = {.place = STR(":1"), .languages = str_of(languages), .program = STR("1")};
    memset(p.hash, hash, sizeof(p.hash));
    return p;
}

static void keep(uint8_t hash) {
    index_recognised p = page_of(hash, "eng");
    MUST(index_keep_recognised(l, &p, STR("quag\0mire"), &err));
}

static bool kept(uint8_t hash, const char *languages, bool any) {
    index_recognised p = page_of(hash, languages);
    str records;
    bool found;
    MUST(index_find_recognised(l, &p, any, memory, &records, &found, &err));
    assert_true(!found || str_eq(records, STR("quag\0mire")));
    return found;
}

static void recognised_pages_are_kept(void **state) {
    (void)state;
    keep(1);
    keep(1); /* the same once more */
    assert_true(kept(1, "eng", false));
    assert_false(kept(1, "deu", false));
    assert_true(kept(1, "deu", true));
    assert_false(kept(2, "eng", false));
    index_recognised newer = page_of(1, "eng");
    newer.program = STR("2");
    str records;
    bool found;
    MUST(index_find_recognised(l, &newer, true, memory, &records, &found, &err));
    assert_false(found);
    /* It is put away at once: another handle sees it. */
    index_close(l);
    MUST(index_open(path, INDEX_WRITE, &l, &err));
    assert_true(kept(1, "eng", false));
}

static void they_go_with_their_document(void **state) {
    (void)state;
    keep(1);
    keep(2);
    keep(3);
    keep(4);
    add(4, "later", false);
    int64_t first = add(1, "later", false);
    assert_true(kept(1, "eng", false)); /* a page of it is unread */
    add(2, "", false);
    assert_false(kept(2, "eng", false)); /* it is whole */
    assert_int_not_equal(add(1, "", true), first);
    assert_false(kept(1, "eng", false)); /* now it is, too */
    keep(1);
    MUST(index_forget_recognised(l, (int64_t)time(NULL) + 1, &err));
    assert_true(kept(4, "eng", false) && !kept(3, "eng", false)); /* 3 is no document */
    index_document *all;
    size_t count;
    int64_t ids[3];
    keep(3);
    MUST(index_list(l, memory, &all, &count, &err));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) ids[i] = all[i].id;
    MUST(index_remove(l, ids, 1, &err));
    assert_true(kept(3, "eng", false));
    MUST(index_remove(l, ids + 1, 2, &err)); /* the last ones take all with them */
    assert_false(kept(3, "eng", false) || kept(4, "eng", false));
}

static void languages_are_remembered(void **state) {
    (void)state;
    str languages;
    MUST(index_get_languages(l, memory, &languages, &err));
    assert_int_equal(languages.n, 0);
    MUST(index_set_languages(l, STR("deu+eng"), &err));
    MUST(index_get_languages(l, memory, &languages, &err));
    assert_true(str_eq(languages, STR("deu+eng")));
}

/* ---- a library of the third format ---------------------------------------------------------- */

/* What the fourth has more is taken out again; the notes are as the third wrote them. */
static const char back_to_third[] =
    "DROP TABLE recognised;"
    "DROP INDEX page_unread;"
    "ALTER TABLE document DROP COLUMN dated;"
    "ALTER TABLE library DROP COLUMN languages;"
    "ALTER TABLE page DROP COLUMN unread;"
    "UPDATE page SET fate = 'empty', note = 'a picture, whose characters were not recognised "
    "(--no-ocr)'"
    " WHERE number = 2 AND document = 1;"
    "UPDATE page SET fate = 'text', note = 'its characters were not recognised: took longer than "
    "120 s'"
    " WHERE number = 1 AND document = 2;"
    "UPDATE page SET fate = 'empty', note = '' WHERE number = 2 AND document = 2;"
    "UPDATE page SET fate = 'failed', note = 'crashed' WHERE number = 2 AND document = 3;"
    "PRAGMA user_version = 3;";

static void an_older_library_is_taken_over(void **state) {
    (void)state;
    index_page *pages;
    index_status status;
    size_t count;
    for (uint8_t i = 1; i <= 3; i++) add(i, "", false);
    char *message = NULL;
    if (sqlite3_exec(l->db, back_to_third, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    index_close(l);
    str languages;
    MUST(index_open(path, INDEX_READ, &l, &err)); /* who only reads leaves it as it is */
    MUST(index_pages(l, 1, memory, &pages, &count, &err));
    assert_true(count == 2 && str_eq(pages[1].unread, STR("older")));
    assert_true(pages[0].unread.n == 0 && str_eq(pages[1].fate, STR("failed")));
    MUST(index_get_languages(l, memory, &languages, &err));
    /* and sees what its next writer would read again */
    assert_int_equal(unread(1, "failed 1", "foreign eng"), 1);
    assert_int_equal(unread(2, "failed 1", "foreign eng"), 1);
    assert_int_equal(unread(3, "failed 1", "foreign eng"), 0);
    index_close(l);
    MUST(index_open(path, INDEX_WRITE, &l, &err));
    MUST(index_get_status(l, &status, &err));
    assert_int_equal(status.schema, SCHEMA_VERSION);
    assert_int_equal(unread(1, "failed 1", "foreign eng"), 1);
    assert_int_equal(unread(2, "failed 1", "foreign eng"), 1);
    assert_int_equal(unread(3, "failed 1", "foreign eng"), 0);
    MUST(index_pages(l, 1, memory, &pages, &count, &err));
    assert_true(str_eq(pages[0].fate, STR("ocr")) && str_eq(pages[1].fate, STR("failed")));
    MUST(index_pages(l, 2, memory, &pages, &count, &err));
    assert_true(str_eq(pages[0].fate, STR("text")) && str_eq(pages[1].fate, STR("empty")));
    index_close(l);
    MUST(index_open(path, INDEX_WRITE, &l, &err));
    MUST(index_check(l, &err));
}

#define WITH_LIBRARY(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_LIBRARY(unread_pages_are_asked_for),     WITH_LIBRARY(recognised_pages_are_kept),
        WITH_LIBRARY(they_go_with_their_document),    WITH_LIBRARY(languages_are_remembered),
        WITH_LIBRARY(an_older_library_is_taken_over),
    };
    return cmocka_run_group_tests_name("index recognised", tests, NULL, NULL);
}
