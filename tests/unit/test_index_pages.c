/* Fates, parts, notes and gaps of documents; the files that were looked at; and that a library of
 * the first format becomes one of today with all that it held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "index/internal.h"

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
    snprintf(folder, sizeof(folder), "%s/carrel-test-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL) return -1;
    snprintf(path, sizeof(path), "%s/library.db", folder);
    memory = arena_new();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    char command[256];
    arena_free(memory);
    snprintf(command, sizeof(command), "chmod -R u+rwx '%s'; rm -rf '%s'", folder, folder);
    return system(command);
}

static index_library *create(void) {
    index_library *l;
    index_model model = {.name = STR("test"), .width = 8};
    MUST(index_open(path, INDEX_CREATE, &l, &err));
    MUST(index_set_model(l, &model, &err));
    return l;
}

/* A document whose bytes are `body`, without vectors. */
static index_document_in document(const char *name, const char *body) {
    index_chunk_in *chunk = arena_alloc(memory, 1, sizeof(*chunk));
    index_page *page = arena_alloc(memory, 1, sizeof(*page));
    *chunk = (index_chunk_in){.text = str_of(body), .page_first = 1, .page_last = 1, .tokens = 3};
    *page = (index_page){.number = 1, .fate = STR("text")};
    index_document_in d = {.path = str_of(name),
                           .title = STR("T"),
                           .type = STR("text"),
                           .language = STR("en"),
                           .pages = page,
                           .page_count = 1,
                           .chunks = chunk,
                           .chunk_count = 1,
                           .look = {.bytes = strlen(body), .mtime_ns = 5, .inode = 6}};
    for (size_t i = 0; body[i] != 0; i++) d.hash[i % 32] = (uint8_t)(d.hash[i % 32] * 31 + body[i]);
    return d;
}

static index_outcome add(index_library *l, const index_document_in *d, int64_t *id) {
    index_outcome outcome;
    MUST(index_add(l, d, &outcome, id, &err));
    return outcome;
}

/* ---- pages ---------------------------------------------------------------------------------- */

static const str notes[] = {STR("a link was not followed"), STR("a hidden row was read too")};

/* A mail in an archive, with a page of each kind; *plain is beside it, with nothing missing. */
static index_library *library_of_parts(int64_t *id, int64_t *plain) {
    const index_page pages[] = {
        {.number = 1, .fate = STR("text")},
        {.number = 2, .fate = STR("ocr"), .confidence = 0.91f},
        {.number = 3, .fate = STR("empty")},
        {.number = 4, .fate = STR("empty"), .note = STR("it was not recognised")},
        {.number = 5, .fate = STR("failed"), .note = STR("parser crashed")},
        {.number = 6, .fate = STR("text"), .note = STR("a picture was left out")},
        {.number = 7,
         .fate = STR("text"),
         .note = STR("ligatures (ff, fi, fl) that its text lacks were put back")}, /* no gap */
    };
    const index_part parts[] = {
        {STR("mail.eml"), 2, 6}, {STR("mail.eml > a.pdf"), 2, 4}, {STR("mail.eml > b.txt"), 7, 1}};
    index_library *l = create();
    index_document_in d = document("/z.zip", "words");
    index_chunk_in chunk = {.text = STR("words"), .page_first = 7, .page_last = 7};
    d.pages = pages, d.page_count = 7;
    d.parts = parts, d.part_count = 3;
    d.notes = notes, d.note_count = 2, d.aside_count = 1;
    d.chunks = &chunk;
    add(l, &d, id);
    index_document_in other = document("/p.txt", "plain");
    other.notes = notes + 1, other.note_count = other.aside_count = 1;
    add(l, &other, plain);
    return l;
}

static void test_pages(void **state) {
    (void)state;
    int64_t id, plain;
    index_library *l = library_of_parts(&id, &plain);
    index_page *got;
    index_part *got_parts;
    index_place place;
    index_chunk c;
    str *got_notes;
    size_t count;
    bool found;
    MUST(index_pages(l, id, memory, &got, &count, &err));
    assert_int_equal(count, 7);
    assert_true(got[1].confidence > 0.9f && got[1].confidence < 0.92f);
    assert_true(str_eq(got[4].note, STR("parser crashed")));
    MUST(index_parts(l, id, memory, &got_parts, &count, &err));
    assert_int_equal(count, 3);
    assert_true(str_eq(got_parts[2].name, STR("mail.eml > b.txt")));
    MUST(index_notes(l, id, memory, &got_notes, &count, &err));
    assert_true(count == 2 && str_eq(got_notes[0], notes[0]) && str_eq(got_notes[1], notes[1]));
    MUST(index_get_place(l, id, 1, memory, &place, &err));
    assert_true(place.part.name.n == 0 && str_eq(place.fate, STR("text")));
    MUST(index_get_place(l, id, 3, memory, &place, &err));
    assert_true(str_eq(place.part.name, STR("mail.eml > a.pdf")) && place.part.page_first == 2);
    MUST(index_get_place(l, id, 6, memory, &place, &err));
    assert_true(str_eq(place.part.name, STR("mail.eml")));
    MUST(index_get_place(l, id, 99, memory, &place, &err));
    assert_true(place.fate.n == 0 && place.part.name.n == 0);
    MUST(index_get_neighbour(l, id, 0, memory, &c, &found, &err));
    assert_true(found && str_eq(c.part.name, STR("mail.eml > b.txt")) && c.part.page_count == 1);
    index_close(l);
}

static void test_gaps(void **state) {
    (void)state;
    int64_t id, plain, left;
    index_library *l = library_of_parts(&id, &plain);
    index_gaps gaps;
    index_fate_count *fates;
    size_t count;
    uint64_t in_part, failed, others, vectors;
    MUST(index_get_gaps(l, id, &gaps, &err));
    assert_true(gaps.pages == 7 && gaps.gaps == 2 && gaps.notes == 2);
    MUST(index_get_gaps(l, plain, &gaps, &err));
    assert_true(gaps.pages == 1 && gaps.gaps == 0 && gaps.notes == 0);
    MUST(index_count_fates(l, memory, &fates, &count, &err));
    assert_int_equal(count, 4);
    assert_true(str_eq(fates[3].fate, STR("text")) && fates[3].pages == 4);
    MUST(index_count_losses(l, &in_part, &failed, &others, &err));
    assert_true(in_part == 1 && failed == 0);
    MUST(index_count_vectors(l, id, &vectors, &err));
    assert_int_equal(vectors, 0);
    MUST(index_check(l, &err));
    MUST(index_remove(l, &id, 1, &err));
    MUST(store_integer(l, "SELECT (SELECT count(*) FROM part) + (SELECT count(*) FROM note)", 9,
                       &left, &err));
    assert_int_equal(left, 1); /* the aside of the other */
    index_close(l);
}

/* ---- files ---------------------------------------------------------------------------------- */

typedef struct {
    char paths[256];
    size_t documents;
} seen;

static bool collect(void *context, str p, int64_t id) {
    seen *s = context;
    size_t n = strlen(s->paths);
    snprintf(s->paths + n, sizeof(s->paths) - n, STR_FMT " ", STR_ARG(p));
    s->documents += id != 0;
    return strlen(s->paths) < 200;
}

static const char *below(index_library *l, const char *p, size_t documents) {
    static seen s;
    memset(&s, 0, sizeof(s));
    MUST(index_paths_below(l, str_of(p), collect, &s, &err));
    assert_int_equal(s.documents, documents);
    return s.paths;
}

static void test_files(void **state) {
    (void)state;
    index_library *l = create();
    int64_t id, other;
    index_file f, *failed;
    bool found;
    size_t count;
    uint64_t in_part, files, others;
    index_document_in a = document("/d/a.txt", "alpha"), b = document("/d-e/b.txt", "beta");
    add(l, &a, &id);
    add(l, &b, &other);
    MUST(index_get_file(l, STR("/d/a.txt"), memory, &f, &found, &err));
    assert_true(found && f.code == ERROR_NONE && f.look.inode == 6 && f.hashed);
    MUST(index_get_file(l, STR("/d/x.pdf"), memory, &f, &found, &err));
    assert_false(found);
    index_file bad[] = {{.path = STR("/d/x.pdf"),
                         .code = ERROR_INPUT,
                         .reason = STR("it is broken"),
                         .program = STR("9.9")},
                        {.path = STR("/d/sub/y.pdf"), .code = ERROR_LIMIT, .hashed = true}};
    MUST(index_note_files(l, bad, 2, &err));
    MUST(index_get_file(l, STR("/d/x.pdf"), memory, &f, &found, &err));
    assert_true(found && f.code == ERROR_INPUT && !f.hashed);
    assert_true(str_eq(f.reason, bad[0].reason) && str_eq(f.program, bad[0].program));
    MUST(index_failed_files(l, 10, memory, &failed, &count, &err));
    assert_true(count == 2 && str_eq(failed[0].path, STR("/d/sub/y.pdf")));
    MUST(index_failed_files(l, 1, memory, &failed, &count, &err));
    assert_int_equal(count, 1);
    MUST(index_count_losses(l, &in_part, &files, &others, &err));
    assert_int_equal(files, 2);
    assert_string_equal(below(l, "/d", 1), "/d/a.txt /d/sub/y.pdf /d/x.pdf ");
    assert_string_equal(below(l, "/d/a.txt", 1), "/d/a.txt ");
    assert_string_equal(below(l, "/d/a", 0), "");
    assert_string_equal(below(l, "/", 2), "/d-e/b.txt /d/a.txt /d/sub/y.pdf /d/x.pdf ");
    /* A file that is no document is told of with them, and is no failure. */
    index_file other_kind = {.path = STR("/d/z.bin"), .reason = STR("no document")};
    MUST(index_note_files(l, &other_kind, 1, &err));
    MUST(index_get_file(l, STR("/d/z.bin"), memory, &f, &found, &err));
    assert_true(found && f.code == ERROR_NONE && !f.hashed);
    MUST(index_failed_files(l, 10, memory, &failed, &count, &err));
    assert_true(count == 3 && str_eq(failed[2].path, other_kind.path) && !failed[2].former);
    MUST(index_count_losses(l, &in_part, &files, &others, &err));
    assert_true(files == 2 && others == 1);
    MUST(index_forget_files(l, &other_kind.path, 1, &err));
    /* Read at last: no failure any more. */
    index_document_in x = document("/d/x.pdf", "ksi");
    add(l, &x, &id);
    MUST(index_forget_files(l, &bad[1].path, 1, &err));
    MUST(index_failed_files(l, 10, memory, &failed, &count, &err));
    assert_int_equal(count, 0);
    /* A document that goes takes what was noted of its file with it. */
    MUST(index_remove(l, &other, 1, &err));
    MUST(index_get_file(l, STR("/d-e/b.txt"), memory, &f, &found, &err));
    assert_false(found);
    index_close(l);
}

static void test_files_that_fail_later(void **state) {
    (void)state;
    index_library *l = create();
    int64_t id, other;
    index_file *failed;
    bool found;
    size_t count;
    index_document_in a = document("/d/a.txt", "alpha"), b = document("/d-e/b.txt", "beta");
    index_file bad = {.path = STR("/d/x.pdf"), .code = ERROR_INPUT, .reason = STR("it is broken")};
    add(l, &a, &id);
    add(l, &b, &other);
    MUST(index_note_files(l, &bad, 1, &err));
    /* The file of a document fails: what it was before stays, and is told to be that. */
    index_file spoiled = {
        .path = STR("/d/a.txt"), .code = ERROR_INPUT, .reason = STR("it is empty")};
    index_gaps gaps;
    MUST(index_note_files(l, &spoiled, 1, &err));
    MUST(index_failed_files(l, 10, memory, &failed, &count, &err));
    assert_true(count == 2 && failed[0].former && !failed[1].former);
    MUST(index_get_gaps(l, id, &gaps, &err));
    assert_true(gaps.former && gaps.gaps == 0);
    MUST(index_get_gaps(l, other, &gaps, &err));
    assert_false(gaps.former);
    /* The same bytes that could not be read this time, for want of a password: no other version. */
    index_document same;
    MUST(index_at(l, spoiled.path, memory, &same, &found, &err));
    spoiled.hashed = true;
    memcpy(spoiled.hash, same.hash, sizeof same.hash);
    MUST(index_note_files(l, &spoiled, 1, &err));
    MUST(index_failed_files(l, 10, memory, &failed, &count, &err));
    assert_true(count == 2 && !failed[0].former);
    MUST(index_get_gaps(l, id, &gaps, &err));
    assert_false(gaps.former);
    MUST(index_forget_files(l, &spoiled.path, 1, &err));
    index_close(l);
}

static void test_copies(void **state) {
    (void)state;
    index_library *l = create();
    int64_t id, same;
    str *copies, stands;
    size_t count;
    index_document_in a = document("/a", "alpha"), changed = document("/a", "omega");
    add(l, &a, &id);
    index_file copy = {.path = STR("/b"), .hashed = true};
    memcpy(copy.hash, a.hash, sizeof(copy.hash));
    MUST(index_note_files(l, &copy, 1, &err));
    MUST(index_copies(l, a.hash, memory, &copies, &count, &err));
    assert_true(count == 2 && str_eq(copies[1], STR("/b")));
    /* The file changes: its former bytes are still those of the copy. */
    assert_int_equal(add(l, &changed, &same), INDEX_REPLACED);
    MUST(index_path_of(l, a.hash, memory, &stands, &err));
    assert_true(str_eq(stands, STR("/b")));
    MUST(index_path_of(l, changed.hash, memory, &stands, &err));
    assert_true(str_eq(stands, STR("/a")));
    /* Read again, the same bytes take their own place. */
    changed.again = true;
    changed.title = STR("Another title");
    assert_int_equal(add(l, &changed, &id), INDEX_REPLACED);
    assert_int_not_equal(id, same);
    index_document d;
    MUST(index_find(l, STR("/a"), memory, &d, &err));
    assert_true(d.id == id && str_eq(d.title, changed.title));
    MUST(index_check(l, &err));
    index_close(l);
}

static bool in_file(const char *word) {
    static char bytes[1 << 20];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    return str_find((str){bytes, n}, str_of(word), 0) != SIZE_MAX;
}

static void test_wipe_later(void **state) {
    (void)state;
    index_library *l = create();
    int64_t id, traces;
    index_document_in a = document("/a", "quagmire");
    add(l, &a, &id);
    index_wipe_later(l, true);
    MUST(index_remove(l, &id, 1, &err));
    MUST(store_integer(l, "SELECT traces FROM library", 0, &traces, &err));
    assert_int_equal(traces, 1);
    index_close(l);
    MUST(index_open(path, INDEX_WRITE, &l, &err));
    MUST(store_integer(l, "SELECT traces FROM library", 0, &traces, &err));
    assert_int_equal(traces, 1);
    index_close(l);
    assert_false(in_file("quagmire"));
}

/* ---- a library of the first format --------------------------------------------------------- */

/* As it was written then; nothing here may follow what schema.c becomes. */
static const char first_format[] =
    "CREATE TABLE library(id INTEGER PRIMARY KEY CHECK(id = 1), removals INTEGER NOT NULL,"
    " traces INTEGER NOT NULL, model_hash BLOB NOT NULL, model_name TEXT NOT NULL,"
    " model_width INTEGER NOT NULL) STRICT;"
    "INSERT INTO library VALUES(1, 0, 0, zeroblob(32), 'test', 8);"
    "CREATE TABLE document(id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE,"
    " hash BLOB NOT NULL UNIQUE CHECK(length(hash) = 32), bytes INTEGER NOT NULL,"
    " mtime INTEGER NOT NULL, added INTEGER NOT NULL, title TEXT NOT NULL, type TEXT NOT NULL,"
    " language TEXT NOT NULL, pages INTEGER NOT NULL, pages_text INTEGER NOT NULL,"
    " chunks INTEGER NOT NULL) STRICT;"
    "CREATE INDEX document_language ON document(language);"
    "CREATE TABLE page(document INTEGER NOT NULL REFERENCES document(id) ON DELETE CASCADE,"
    " number INTEGER NOT NULL, label TEXT NOT NULL, width_pt REAL NOT NULL,"
    " height_pt REAL NOT NULL, fate TEXT NOT NULL, PRIMARY KEY(document, number))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE chunk(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " document INTEGER NOT NULL REFERENCES document(id) ON DELETE CASCADE,"
    " ordinal INTEGER NOT NULL, page_first INTEGER NOT NULL, page_last INTEGER NOT NULL,"
    " tokens INTEGER NOT NULL, overlap_bytes INTEGER NOT NULL, heading TEXT NOT NULL,"
    " text TEXT NOT NULL, lines BLOB NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX chunk_place ON chunk(document, ordinal);"
    "CREATE TABLE block(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " document INTEGER NOT NULL REFERENCES document(id) ON DELETE CASCADE,"
    " first_chunk INTEGER NOT NULL, rows INTEGER NOT NULL, scales BLOB NOT NULL,"
    " vectors BLOB NOT NULL) STRICT;"
    "CREATE INDEX block_document ON block(document);"
    "CREATE VIEW chunk_words AS SELECT chunk.id AS id,"
    " char(1) || language || char(2) || title || char(10) || heading AS head,"
    " char(1) || language || char(2) || text AS body"
    " FROM chunk JOIN document ON document.id = chunk.document;"
    "CREATE VIRTUAL TABLE words USING fts5(head, body, content='chunk_words', content_rowid='id',"
    " tokenize='carrel', detail=full);"
    "CREATE VIRTUAL TABLE vocabulary USING fts5vocab(words, row);"
    "INSERT INTO document VALUES(7, '/old/m.pdf', randomblob(32), 9, 9, 9, 'Manual', 'pdf', 'en',"
    " 2, 1, 1);"
    "INSERT INTO page VALUES(7, 1, 'i', 595, 842, 'text'), (7, 2, 'ii', 595, 842, 'empty');"
    "INSERT INTO chunk VALUES(3, 7, 0, 1, 1, 5, 0, 'Dose', 'The dose of artesunate', x'00');"
    "INSERT INTO block VALUES(1, 7, 3, 1, zeroblob(4), zeroblob(8));"
    "INSERT INTO words(rowid, head, body) SELECT id, head, body FROM chunk_words;"
    "PRAGMA application_id = 1130459756; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;";

static void make_first_format(void) {
    index_library raw = {0};
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &raw.db), SQLITE_OK);
    MUST(fts_register(&raw, &err));
    if (sqlite3_exec(raw.db, first_format, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    sqlite3_close(raw.db);
}

static void is_whole(index_library *l, int schema) {
    index_status status;
    index_hit *out;
    index_page *pages;
    index_gaps gaps;
    index_document *documents;
    size_t count;
    MUST(index_list(l, memory, &documents, &count, &err));
    assert_true(count == 1 && documents[0].dated.n == 0);
    MUST(index_get_status(l, &status, &err));
    assert_true(status.schema == schema && status.older == (schema < SCHEMA_VERSION));
    assert_true(status.documents == 1 && status.chunks == 1 && status.vectors == 1);
    MUST(index_search_words(l, STR("artesunate"), 10, memory, &out, &count, &err));
    assert_true(count == 1 && out[0].chunk == 3);
    MUST(index_pages(l, 7, memory, &pages, &count, &err));
    assert_true(count == 2 && pages[0].note.n == 0 && pages[1].note.n > 0);
    assert_true(str_eq(pages[1].label, STR("ii")) && pages[1].confidence == 0);
    MUST(index_get_gaps(l, 7, &gaps, &err));
    assert_true(gaps.gaps == 1);
    if (!index_check(l, &err)) fail_msg("%s", err.text);
}

static void test_migration(void **state) {
    (void)state;
    index_library *l;
    index_document found;
    int64_t id;
    make_first_format();
    MUST(index_open(path, INDEX_WRITE, &l, &err));
    is_whole(l, SCHEMA_VERSION);
    index_document_in d = document("/new.txt", "new text");
    d.dated = STR("2024-03-01");
    assert_int_equal(add(l, &d, &id), INDEX_ADDED);
    index_close(l);
    MUST(index_open(path, INDEX_READ, &l, &err));
    MUST(index_find(l, STR("/new.txt"), memory, &found, &err));
    assert_true(str_eq(found.dated, STR("2024-03-01")));
    MUST(index_check(l, &err));
    index_close(l);
}

/* A reader sees an older file whole, and leaves it as it is: also where nothing may be written. */
static void read_first_format(void) {
    index_library *l;
    index_file file;
    index_place place;
    bool found;
    MUST(index_open(path, INDEX_READ, &l, &err));
    is_whole(l, 1);
    MUST(index_get_file(l, STR("/old/m.pdf"), memory, &file, &found, &err));
    MUST(!found && index_get_place(l, 7, 2, memory, &place, &err));
    assert_true(str_eq(place.fate, STR("failed")) && place.part.name.n == 0);
    assert_int_not_equal(sqlite3_exec(l->db, "DELETE FROM main.page", NULL, NULL, NULL), SQLITE_OK);
    index_close(l);
}

static void test_older_for_reader(void **state) {
    (void)state;
    int status;
    struct stat before, after;
    make_first_format();
    assert_int_equal(stat(path, &before), 0);
    read_first_format();
    assert_true(chmod(folder, 0555) == 0 && chmod(path, 0444) == 0);
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && setuid(65534) != 0) _exit(1);
        read_first_format();
        index_library *l;
        _exit(!index_open(path, INDEX_WRITE, &l, &err) && strstr(err.text, path) ? 0 : 2);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_true(chmod(folder, 0755) == 0 && chmod(path, 0600) == 0);
    assert_int_equal(stat(path, &after), 0);
    assert_true(after.st_size == before.st_size && after.st_mtim.tv_sec == before.st_mtim.tv_sec &&
                after.st_mtim.tv_nsec == before.st_mtim.tv_nsec);
}

static void test_disks(void **state) {
    (void)state;
    index_library *l;
    str *disks;
    size_t count;
    make_first_format();
    MUST(index_open(path, INDEX_READ, &l, &err));
    MUST(index_disks(l, memory, &disks, &count, &err) && count == 0);
    index_close(l);
    MUST(index_open(path, INDEX_WRITE, &l, &err));
    MUST(index_note_disk(l, STR("/shelf/stick"), &err));
    MUST(index_note_disk(l, STR("/shelf/disc"), &err));
    MUST(index_note_disk(l, STR("/shelf/stick"), &err));
    MUST(index_disks(l, memory, &disks, &count, &err) && count == 2);
    MUST(index_forget_disk(l, STR("/shelf/disc"), &err));
    MUST(index_disks(l, memory, &disks, &count, &err) && count == 1);
    assert_true(str_eq(disks[0], STR("/shelf/stick")));
    index_close(l);
}

/* What is not committed is not there: a migration that is cut off begins anew. */
static void test_migration_fails(void **state) {
    (void)state;
    index_library *l;
    sqlite3 *db;
    make_first_format();
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE file(x)", NULL, NULL, NULL), SQLITE_OK);
    assert_false(index_open(path, INDEX_WRITE, &l, &err)); /* a table stands in its way */
    assert_int_equal(sqlite3_exec(db, "DROP TABLE file", NULL, NULL, NULL), SQLITE_OK);
    assert_int_not_equal(sqlite3_exec(db, "SELECT note FROM page", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    MUST(index_open(path, INDEX_WRITE, &l, &err));
    is_whole(l, SCHEMA_VERSION);
    index_close(l);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_pages),
        WITH_FOLDER(test_gaps),
        WITH_FOLDER(test_files),
        WITH_FOLDER(test_files_that_fail_later),
        WITH_FOLDER(test_copies),
        WITH_FOLDER(test_wipe_later),
        WITH_FOLDER(test_migration),
        WITH_FOLDER(test_older_for_reader),
        WITH_FOLDER(test_disks),
        WITH_FOLDER(test_migration_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
