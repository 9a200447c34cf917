/* The tables, and how an older file becomes a newer one.
 *
 * The text of a chunk is stored once, in `chunk`; the FTS5 table `words` is an external-content
 * index over the view `chunk_words`. The view puts the language of the document in front of each
 * text, between two control characters, and the tokenizer takes it off again: so an insert, a
 * delete and a rebuild, by us or by the sqlite3 shell's integrity check, always see the same
 * language, and the tokenizer needs no state. Ids are never given twice (AUTOINCREMENT): an answer
 * that still holds the id of a removed chunk must not find another text there.
 *
 * A migration is one step from version n to n + 1, in one transaction with its user_version; only a
 * writer makes it. A reader leaves an older file as it is, since it may lie on a disc or belong to
 * someone else: temporary views with the names of today's tables stand in front of its own, so that
 * nothing is copied and every query is the same. A file of a newer version is refused and never
 * written.
 */
#include "index/internal.h"

#include <stdio.h>

static const char version_1[] =
    "CREATE TABLE library("
    "  id INTEGER PRIMARY KEY CHECK(id = 1),"
    "  removals INTEGER NOT NULL," /* counts removed documents: loaded vectors are stale */
    "  traces INTEGER NOT NULL,"   /* 1: removed text may lie in the file, see remove.c */
    "  model_hash BLOB NOT NULL,"
    "  model_name TEXT NOT NULL,"
    "  model_width INTEGER NOT NULL) STRICT;"
    "INSERT INTO library VALUES(1, 0, 0, x'', '', 0);"
    "CREATE TABLE document("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  path TEXT NOT NULL UNIQUE,"
    "  hash BLOB NOT NULL UNIQUE CHECK(length(hash) = 32),"
    "  bytes INTEGER NOT NULL,"
    "  mtime INTEGER NOT NULL,"
    "  added INTEGER NOT NULL,"
    "  title TEXT NOT NULL,"
    "  type TEXT NOT NULL,"
    "  language TEXT NOT NULL,"
    "  pages INTEGER NOT NULL,"
    "  pages_text INTEGER NOT NULL,"
    "  chunks INTEGER NOT NULL) STRICT;"
    "CREATE INDEX document_language ON document(language);"
    "CREATE TABLE page("
    "  document INTEGER NOT NULL REFERENCES document(id) ON DELETE CASCADE,"
    "  number INTEGER NOT NULL,"
    "  label TEXT NOT NULL,"
    "  width_pt REAL NOT NULL,"
    "  height_pt REAL NOT NULL,"
    "  fate TEXT NOT NULL,"
    "  PRIMARY KEY(document, number)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE chunk("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  document INTEGER NOT NULL REFERENCES document(id) ON DELETE CASCADE,"
    "  ordinal INTEGER NOT NULL,"
    "  page_first INTEGER NOT NULL,"
    "  page_last INTEGER NOT NULL,"
    "  tokens INTEGER NOT NULL,"
    "  overlap_bytes INTEGER NOT NULL,"
    "  heading TEXT NOT NULL,"
    "  text TEXT NOT NULL,"
    "  lines BLOB NOT NULL) STRICT;" /* boxes.c */
    "CREATE UNIQUE INDEX chunk_place ON chunk(document, ordinal);"
    "CREATE TABLE block(" /* vectors of `rows` chunks with consecutive ids */
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  document INTEGER NOT NULL REFERENCES document(id) ON DELETE CASCADE,"
    "  first_chunk INTEGER NOT NULL,"
    "  rows INTEGER NOT NULL,"
    "  scales BLOB NOT NULL,"          /* [rows] float32, little endian */
    "  vectors BLOB NOT NULL) STRICT;" /* [rows][model_width] int8 */
    "CREATE INDEX block_document ON block(document);"
    "CREATE VIEW chunk_words AS SELECT chunk.id AS id,"
    "  char(1) || language || char(2) || title || char(10) || heading AS head,"
    "  char(1) || language || char(2) || text AS body"
    "  FROM chunk JOIN document ON document.id = chunk.document;"
    /* detail=full: ranking reads positions from the index; a smaller detail would make SQLite
     * tokenize every matching chunk again for each question. */
    "CREATE VIRTUAL TABLE words USING fts5(head, body, content='chunk_words', content_rowid='id',"
    "  tokenize='carrel', detail=full);"
    "CREATE VIRTUAL TABLE vocabulary USING fts5vocab(words, row);";

/* Columns with a default and new tables: no row of text, words or vectors is touched, so that a
 * large library is upgraded in the time that its table of pages is read. An older program could not
 * read scans: what it found empty may be one. */
#define EMPTY_BEFORE_OCR                                            \
    "'an older Carrel found no text here and could not read scans;" \
    " `carrel add --again` with its file looks once more'"

static const char version_2[] =
    "ALTER TABLE page ADD COLUMN confidence REAL NOT NULL DEFAULT 0;"
    "ALTER TABLE page ADD COLUMN note TEXT NOT NULL DEFAULT '';"
    "UPDATE page SET note = " EMPTY_BEFORE_OCR " WHERE fate = 'empty';"
    "CREATE TABLE part("
    "  document INTEGER NOT NULL REFERENCES document(id) ON DELETE CASCADE,"
    "  ordinal INTEGER NOT NULL,"
    "  name TEXT NOT NULL,"
    "  page_first INTEGER NOT NULL,"
    "  page_count INTEGER NOT NULL,"
    "  PRIMARY KEY(document, ordinal)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX part_page ON part(document, page_first);"
    "CREATE TABLE note("
    "  document INTEGER NOT NULL REFERENCES document(id) ON DELETE CASCADE,"
    "  ordinal INTEGER NOT NULL,"
    "  sentence TEXT NOT NULL,"
    "  PRIMARY KEY(document, ordinal)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE file(" /* what was seen at a path, see files.c */
    "  path TEXT NOT NULL PRIMARY KEY,"
    "  hash BLOB NOT NULL CHECK(length(hash) IN (0, 32)),"
    "  bytes INTEGER NOT NULL,"
    "  mtime_ns INTEGER NOT NULL,"
    "  inode INTEGER NOT NULL,"
    "  code INTEGER NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  program TEXT NOT NULL,"
    "  seen INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX file_hash ON file(hash);"
    "CREATE INDEX file_failed ON file(path) WHERE code <> 0;";

static const char version_3[] =
    /* Folders that were the root of a file system of their own, see files.c. */
    "CREATE TABLE disk(path TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;";

/* Pages that an older program left unread are known by what it noted, and read by the next `add` or
 * `sync`. What was noted of version 1 pages asked for that by hand. */
#define LEFT_UNREAD                                                            \
    "(fate <> 'ocr' AND (note LIKE '%characters were not recognised%' OR note" \
    " LIKE 'an older Carrel found no text here%'))"

static const char version_4[] =
    "ALTER TABLE page ADD COLUMN unread TEXT NOT NULL DEFAULT '';"
    "UPDATE page SET unread = 'older' WHERE " LEFT_UNREAD ";"
    "UPDATE page SET fate = 'failed' WHERE fate = 'empty' AND unread <> '';"
    "UPDATE page SET note = 'an older Carrel found no text here and could not read scans; the next"
    " `carrel add` or `carrel sync` of its file looks once more' WHERE note LIKE"
    " 'an older Carrel found no text here%';"
    "ALTER TABLE document ADD COLUMN dated TEXT NOT NULL DEFAULT '';"
    "CREATE INDEX page_unread ON page(document) WHERE unread <> '';"
    "ALTER TABLE library ADD COLUMN languages TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE recognised(" /* see recognised.c */
    "  hash BLOB NOT NULL CHECK(length(hash) = 32),"
    "  place TEXT NOT NULL,"
    "  languages TEXT NOT NULL,"
    "  program TEXT NOT NULL,"
    "  kept INTEGER NOT NULL,"
    "  records BLOB NOT NULL,"
    "  PRIMARY KEY(hash, place)) STRICT, WITHOUT ROWID;";

static const char *const migrations[SCHEMA_VERSION] = {version_1, version_2, version_3, version_4};

/* How a file of an older version looks through today's tables, for who only reads. A name
 * without a schema means the temporary one first; what is in the file's own views and FTS5
 * tables does not. */
#define SEEN_LIBRARY                                                                    \
    "CREATE TEMP VIEW document AS SELECT *, '' AS dated FROM main.document;"            \
    "CREATE TEMP VIEW library AS SELECT *, '' AS languages FROM main.library;"          \
    "CREATE TEMP TABLE recognised(hash BLOB, place TEXT, languages TEXT, program TEXT," \
    "  kept INTEGER, records BLOB);"
#define SEEN_FROM_3                                                                       \
    "CREATE TEMP VIEW page AS SELECT document, number, label, width_pt, height_pt,"       \
    "  CASE WHEN fate = 'empty' AND " LEFT_UNREAD " THEN 'failed' ELSE fate END AS fate," \
    "  confidence, note, CASE WHEN " LEFT_UNREAD " THEN 'older' ELSE '' END AS unread"    \
    "  FROM main.page;" SEEN_LIBRARY
#define SEEN_DISK "CREATE TEMP TABLE disk(path TEXT);"

static const char seen_from_1[] =
    "CREATE TEMP VIEW page AS SELECT document, number, label, width_pt, height_pt,"
    "  CASE fate WHEN 'empty' THEN 'failed' ELSE fate END AS fate, 0.0 AS confidence,"
    "  CASE fate WHEN 'empty' THEN " EMPTY_BEFORE_OCR " ELSE '' END AS note,"
    "  CASE fate WHEN 'empty' THEN 'older' ELSE '' END AS unread FROM main.page;"
    "CREATE TEMP TABLE part(document INTEGER, ordinal INTEGER, name TEXT, page_first INTEGER,"
    "  page_count INTEGER);"
    "CREATE TEMP TABLE note(document INTEGER, ordinal INTEGER, sentence TEXT);"
    "CREATE TEMP TABLE file(path TEXT, hash BLOB, bytes INTEGER, mtime_ns INTEGER, inode INTEGER,"
    "  code INTEGER, reason TEXT, program TEXT, seen INTEGER);" SEEN_DISK SEEN_LIBRARY;

/* By the version of the file; the present one is seen as it is. */
static const char *const seen_from[SCHEMA_VERSION] = {NULL, seen_from_1, SEEN_DISK SEEN_FROM_3,
                                                      SEEN_FROM_3};

static bool has_tables(index_library *l, bool *out, error *err) {
    int64_t count;
    if (!store_integer(l, "SELECT count(*) FROM sqlite_schema", 0, &count, err)) return false;
    *out = count > 0;
    return true;
}

static bool read_versions(index_library *l, int64_t *application, int64_t *version, error *err) {
    return store_integer(l, "PRAGMA application_id", 0, application, err) &&
           store_integer(l, "PRAGMA user_version", 0, version, err);
}

static bool check_versions(index_library *l, int64_t application, int64_t version, bool empty,
                           error *err) {
    if (application != SCHEMA_APPLICATION_ID && !empty)
        return store_fail_code(l->path, SQLITE_NOTADB, "", err);
    /* A file without a table: whoever made it was killed before the first commit. */
    if (application != SCHEMA_APPLICATION_ID && l->mode != INDEX_CREATE)
        return error_set(
            err, ERROR_NOT_FOUND,
            "The library %s is empty: nothing was ever added to it; `carrel add` does.", l->path);
    if (version > SCHEMA_VERSION)
        return error_set(err, ERROR_LIBRARY,
                         "The library %s was made by a newer Carrel (format %lld, this program "
                         "reads up to %d); use that version.",
                         l->path, (long long)version, SCHEMA_VERSION);
    if (version < 0 || (version == 0 && !empty))
        return store_damaged(l, "its format version is missing", err);
    return true;
}

static bool migrate(index_library *l, error *err) {
    char pragma[96];
    int64_t application, version;
    bool tables;
    if (!store_run(l, "BEGIN IMMEDIATE", err)) return false;
    /* Read again under the lock: another process may have done it meanwhile. */
    if (!read_versions(l, &application, &version, err) || !has_tables(l, &tables, err) ||
        !check_versions(l, application, version, !tables, err))
        goto fail;
    for (; version < SCHEMA_VERSION; version++) {
        if (!store_run(l, migrations[version], err)) goto fail;
    }
    snprintf(pragma, sizeof(pragma), "PRAGMA application_id = %d; PRAGMA user_version = %d",
             SCHEMA_APPLICATION_ID, SCHEMA_VERSION);
    if (!store_run(l, pragma, err) || !store_commit(l, err)) goto fail;
    return true;
fail:
    store_rollback(l);
    return false;
}

bool schema_prepare(index_library *l, error *err) {
    int64_t application, version;
    bool tables, ok;
    /* In one snapshot: another process may be making the library at this moment. */
    if (!store_run(l, "BEGIN", err)) return false;
    ok = read_versions(l, &application, &version, err) && has_tables(l, &tables, err);
    if (!store_run(l, "COMMIT", ok ? err : NULL) || !ok ||
        !check_versions(l, application, version, !tables, err))
        return false;
    if (version == SCHEMA_VERSION) return true;
    if (l->mode != INDEX_READ) return migrate(l, err);
    return store_run(l, seen_from[version], err);
}
