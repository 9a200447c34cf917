/* The files that were looked at: how each looked then, the hash of its bytes, and, where it could
 * not be read, why.
 *
 * A folder of ten thousand documents is compared with the library by what the file system says of
 * each file, and only what looks different is read. A file that failed is remembered with the
 * program that tried, so that hours are not spent on it again before either has changed. Several
 * paths may hold the bytes of one document; the document itself has one of them, and when that
 * goes, another. What is noted here is never needed to answer: a library without it only costs a
 * reading. Noted too are the folders that were disks of their own: empty, they look the same as one
 * that was emptied.
 */
#include "index/internal.h"

#include <string.h>

#define HASH_BYTES 32
#define FILE_COLUMNS                                                               \
    "path, hash, bytes, mtime_ns, inode, code, reason, program, seen,"             \
    " code <> 0 AND EXISTS(SELECT 1 FROM document WHERE document.path = file.path" \
    " AND document.hash <> file.hash)"

bool files_note(index_library *l, const index_file *f, error *err) {
    sqlite3_stmt *s = store_prepare(
        l, "INSERT OR REPLACE INTO file VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", err);
    if (s == NULL) return false;
    store_bind(s, 1, f->path);
    if (f->hashed)
        sqlite3_bind_blob(s, 2, f->hash, HASH_BYTES, SQLITE_STATIC);
    else
        sqlite3_bind_zeroblob(s, 2, 0);
    sqlite3_bind_int64(s, 3, (int64_t)(f->look.bytes <= INT64_MAX ? f->look.bytes : INT64_MAX));
    sqlite3_bind_int64(s, 4, f->look.mtime_ns);
    sqlite3_bind_int64(s, 5, (int64_t)f->look.inode);
    sqlite3_bind_int64(s, 6, f->code);
    store_bind(s, 7, f->reason);
    store_bind(s, 8, f->program);
    sqlite3_bind_int64(s, 9, f->when);
    return store_execute(l, s, err);
}

bool index_note_files(index_library *l, const index_file *files, size_t count, error *err) {
    if (count == 0) return true;
    bool ok = store_begin(l, err);
    for (size_t i = 0; ok && i < count; i++) ok = files_note(l, &files[i], err);
    ok = ok && store_commit(l, err);
    store_rollback(l);
    return ok;
}

bool index_forget_files(index_library *l, const str *paths, size_t count, error *err) {
    if (count == 0) return true;
    bool ok = store_begin(l, err);
    for (size_t i = 0; ok && i < count; i++) {
        sqlite3_stmt *s = store_prepare(l, "DELETE FROM file WHERE path = ?1", err);
        ok = s != NULL;
        if (!ok) break;
        store_bind(s, 1, paths[i]);
        ok = store_execute(l, s, err);
    }
    ok = ok && store_commit(l, err);
    store_rollback(l);
    return ok;
}

/* ---- disks ---------------------------------------------------------------------------------- */

static bool change_disk(index_library *l, const char *sql, str path, error *err) {
    if (!store_begin(l, err)) return false;
    sqlite3_stmt *s = store_prepare(l, sql, err);
    bool ok = s != NULL;
    if (ok) store_bind(s, 1, path);
    ok = ok && store_execute(l, s, err) && store_commit(l, err);
    store_rollback(l);
    return ok;
}

bool index_note_disk(index_library *l, str path, error *err) {
    return change_disk(l, "INSERT OR IGNORE INTO disk VALUES(?1)", path, err);
}

bool index_forget_disk(index_library *l, str path, error *err) {
    return change_disk(l, "DELETE FROM disk WHERE path = ?1", path, err);
}

/* ---- reading -------------------------------------------------------------------------------- */

static void read_path(sqlite3_stmt *s, arena *a, void *out) {
    *(str *)out = store_column(s, 0, a);
}

static void read_file(sqlite3_stmt *s, arena *a, void *to) {
    index_file *out = to;
    *out = (index_file){.path = store_column(s, 0, a),
                        .hashed = sqlite3_column_bytes(s, 1) == HASH_BYTES,
                        .look = {.bytes = (uint64_t)sqlite3_column_int64(s, 2),
                                 .mtime_ns = sqlite3_column_int64(s, 3),
                                 .inode = (uint64_t)sqlite3_column_int64(s, 4)},
                        .code = (error_code)sqlite3_column_int(s, 5),
                        .reason = store_column(s, 6, a),
                        .program = store_column(s, 7, a),
                        .when = sqlite3_column_int64(s, 8),
                        .former = sqlite3_column_int(s, 9) != 0};
    if (out->hashed) memcpy(out->hash, sqlite3_column_blob(s, 1), HASH_BYTES);
}

bool index_get_file(index_library *l, str path, arena *a, index_file *out, bool *found,
                    error *err) {
    sqlite3_stmt *s =
        store_prepare(l,
                      "SELECT " FILE_COLUMNS " FROM file WHERE path = ?1 AND"
                      " (code <> 0 OR hash = x'' OR hash IN (SELECT hash FROM document))",
                      err);
    *found = false;
    if (s == NULL) return false;
    store_bind(s, 1, path);
    bool ok = store_first(l, s, found, err);
    if (*found) read_file(s, a, out);
    store_done(s);
    return ok;
}

bool index_failed_files(index_library *l, size_t limit, arena *a, index_file **out, size_t *count,
                        error *err) {
    sqlite3_stmt *s = store_prepare(
        l, "SELECT " FILE_COLUMNS " FROM file WHERE code <> 0 OR hash = x'' ORDER BY path LIMIT ?1",
        err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, limit < INT64_MAX ? (int64_t)limit : INT64_MAX);
    *out = store_all(l, s, sizeof(**out), read_file, a, count, err);
    return *out != NULL;
}

bool index_count_failed(index_library *l, uint64_t *files, error *err) {
    int64_t failed;
    if (!store_integer(l, "SELECT count(*) FROM file WHERE code <> 0", 0, &failed, err))
        return false;
    *files = (uint64_t)failed;
    return true;
}

bool index_copies(index_library *l, const uint8_t hash[32], arena *a, str **out, size_t *count,
                  error *err) {
    sqlite3_stmt *s = store_prepare(l,
                                    "SELECT path FROM file WHERE hash = ?1 AND code = 0 UNION"
                                    " SELECT path FROM document WHERE hash = ?1 ORDER BY path",
                                    err);
    if (s == NULL) return false;
    sqlite3_bind_blob(s, 1, hash, HASH_BYTES, SQLITE_STATIC);
    *out = store_all(l, s, sizeof(**out), read_path, a, count, err);
    return *out != NULL;
}

bool index_disks(index_library *l, arena *a, str **out, size_t *count, error *err) {
    sqlite3_stmt *s = store_prepare(l, "SELECT path FROM disk ORDER BY path", err);
    if (s == NULL) return false;
    *out = store_all(l, s, sizeof(**out), read_path, a, count, err);
    return *out != NULL;
}

/* A path that is another document's already is no place to go to. */
bool files_other_path(index_library *l, int64_t id, arena *a, str *out, error *err) {
    sqlite3_stmt *s = store_prepare(l,
                                    "SELECT file.path FROM file JOIN document USING(hash)"
                                    " WHERE document.id = ?1 AND code = 0"
                                    " AND file.path NOT IN (SELECT path FROM document)"
                                    " ORDER BY file.path LIMIT 1",
                                    err);
    *out = (str){0};
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, id);
    bool found, ok = store_first(l, s, &found, err);
    if (found) *out = store_column(s, 0, a);
    store_done(s);
    return ok;
}

bool index_paths_below(index_library *l, str path, index_path_fn *fn, void *context, error *err) {
    /* '0' is the byte after '/'. */
    sqlite3_stmt *s = store_prepare(l,
                                    "SELECT path, max(id) FROM"
                                    " (SELECT path, id FROM document UNION ALL"
                                    "  SELECT path, 0 AS id FROM file)"
                                    " WHERE path = ?1 OR (path >= ?2 AND path < ?3)"
                                    " GROUP BY path ORDER BY path",
                                    err);
    if (s == NULL) return false;
    text low = {0}, high = {0};
    if (path.n > 0 && path.p[path.n - 1] == '/') path.n--; /* the root itself */
    text_put(&low, path);
    text_put(&high, path);
    text_put_char(&low, '/');
    text_put_char(&high, '0');
    store_bind(s, 1, path);
    store_bind(s, 2, text_str(&low));
    store_bind(s, 3, text_str(&high));
    int code;
    bool more = true;
    while (more && (code = sqlite3_step(s)) == SQLITE_ROW)
        more =
            fn(context,
               (str){(const char *)sqlite3_column_text(s, 0), (size_t)sqlite3_column_bytes(s, 0)},
               sqlite3_column_int64(s, 1));
    bool ok = !more || code == SQLITE_DONE || store_fail(l, err);
    store_done(s);
    text_free(&low);
    text_free(&high);
    return ok;
}
