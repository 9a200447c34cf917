/* The SQLite connection as the other files of the room use it: kept statements, transactions, and
 * errors as sentences.
 *
 * SQLite's own words ("database disk image is malformed", "disk I/O error") say nothing to the
 * person whose disk is full, so every failure passes through store_fail_code, which names the file
 * and what to do. Statements are prepared once for a handle: asking reads a dozen chunks, and
 * preparing would cost more than reading. Knows nothing of documents.
 */
#include "index/internal.h"

#include <assert.h>
#include <string.h>

bool store_fail_code(const char *path, int code, const char *detail, error *err) {
    switch (code & 0xFF) {
    case SQLITE_FULL:
        return error_set(err, ERROR_LIBRARY,
                         "The disk is full: %s keeps what was committed before; free some space "
                         "and run it again.",
                         path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(err, ERROR_LIBRARY,
                         "Another process is writing to the library %s; try again when it is done.",
                         path);
    case SQLITE_READONLY:
        return error_set(err, ERROR_LIBRARY,
                         "The library %s can only be read; check the permissions of the file and "
                         "of its folder.",
                         path);
    case SQLITE_NOTADB:
        return error_set(err, ERROR_LIBRARY, "%s is not a Carrel library; choose another file.",
                         path);
    case SQLITE_CORRUPT:
        return error_set(err, ERROR_LIBRARY,
                         "The library %s is damaged (%s); restore a copy, or build it anew from "
                         "its documents.",
                         path, detail);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return error_set(err, ERROR_IO,
                         "Cannot open the library %s; check that its folder exists and that you "
                         "may read and write there.",
                         path);
    case SQLITE_IOERR:
        return error_set(err, ERROR_IO,
                         "Reading or writing the library %s failed (%s); check the disk and its "
                         "free space.",
                         path, detail);
    case SQLITE_TOOBIG:
        return error_set(err, ERROR_LIMIT,
                         "A text is longer than the library %s can hold; split the document.",
                         path);
    default:
        return error_set(err, ERROR_LIBRARY, "The library %s cannot do this: %s.", path, detail);
    }
}

bool store_fail(index_library *l, error *err) {
    return store_fail_code(l->path, sqlite3_extended_errcode(l->db), sqlite3_errmsg(l->db), err);
}

bool store_damaged(index_library *l, const char *what, error *err) {
    return store_fail_code(l->path, SQLITE_CORRUPT, what, err);
}

bool store_run(index_library *l, const char *sql, error *err) {
    if (sqlite3_exec(l->db, sql, NULL, NULL, NULL) != SQLITE_OK) return store_fail(l, err);
    return true;
}

sqlite3_stmt *store_prepare(index_library *l, const char *sql, error *err) {
    for (size_t i = 0; i < l->statement_count; i++) {
        if (l->statements[i].sql == sql) return l->statements[i].statement;
    }
    assert(l->statement_count < STORE_STATEMENTS_MAX);
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v3(l->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK) {
        store_fail(l, err);
        return NULL;
    }
    l->statements[l->statement_count].sql = sql;
    l->statements[l->statement_count++].statement = s;
    return s;
}

/* What sqlite3_reset returns is the error of the step before, which the caller has seen. */
void store_done(sqlite3_stmt *s) {
    if (s != NULL) {
        (void)sqlite3_reset(s);
        (void)sqlite3_clear_bindings(s);
    }
}

bool store_execute(index_library *l, sqlite3_stmt *s, error *err) {
    int code = sqlite3_step(s);
    bool ok = code == SQLITE_DONE || code == SQLITE_ROW;
    if (!ok) store_fail(l, err);
    store_done(s);
    return ok;
}

void *store_all(index_library *l, sqlite3_stmt *s, size_t size, store_read_fn *read, arena *a,
                size_t *count, error *err) {
    char *list = NULL;
    void *out = NULL;
    size_t n = 0, capacity = 0;
    int code;
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        if (n == capacity) {
            capacity = capacity == 0 ? 64 : 2 * capacity;
            list = mem_grow(list, capacity, size);
        }
        read(s, a, list + n++ * size);
    }
    if (code == SQLITE_DONE) {
        out = arena_alloc(a, n, size);
        if (n > 0) memcpy(out, list, n * size);
        *count = n;
    } else {
        store_fail(l, err);
    }
    store_done(s);
    mem_free(list);
    return out;
}

bool store_first(index_library *l, sqlite3_stmt *s, bool *found, error *err) {
    int code = sqlite3_step(s);
    *found = code == SQLITE_ROW;
    return *found || code == SQLITE_DONE || store_fail(l, err);
}

bool store_integer(index_library *l, const char *sql, int64_t none, int64_t *out, error *err) {
    sqlite3_stmt *s = store_prepare(l, sql, err);
    if (s == NULL) return false;
    bool found, ok = store_first(l, s, &found, err);
    if (ok) *out = found ? sqlite3_column_int64(s, 0) : none;
    store_done(s);
    return ok;
}

bool store_begin(index_library *l, error *err) {
    if (l->mode == INDEX_READ) return store_fail_code(l->path, SQLITE_READONLY, "", err);
    return store_run(l, "BEGIN IMMEDIATE", err);
}

bool store_commit(index_library *l, error *err) {
    if (!store_run(l, "COMMIT", err)) return false;
    l->own_changes++;
    return true;
}

void store_rollback(index_library *l) {
    /* A rollback that fails has been done by SQLite itself (disk full, I/O error). */
    if (!sqlite3_get_autocommit(l->db)) (void)sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
}

void store_bind(sqlite3_stmt *s, int at, str value) {
    /* A NULL pointer would bind SQL NULL, and columns are NOT NULL. */
    sqlite3_bind_text64(s, at, value.p != NULL ? value.p : "", value.n, SQLITE_STATIC, SQLITE_UTF8);
}

str store_column(sqlite3_stmt *s, int at, arena *a) {
    const char *p = (const char *)sqlite3_column_text(s, at);
    return arena_str(a, (str){p, p == NULL ? 0 : (size_t)sqlite3_column_bytes(s, at)});
}

void store_finalize(index_library *l) {
    for (size_t i = 0; i < l->statement_count; i++)
        (void)sqlite3_finalize(l->statements[i].statement);
    l->statement_count = 0;
}
