/* Opening and closing the one file, what it holds, and whether it is sound.
 *
 * The file and its write-ahead log are made readable by their owner only: people put contracts and
 * patients into it. A reader opens the file for writing where it may, with query_only, because the
 * last one to close must be able to take the log away; where it may not (a read-only folder, a
 * CD), SQLite is told that nobody writes, which is so as long as no log stands beside the file.
 *
 * Adding, removing and searching are in the other files.
 */
#include "index/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A writer holds the lock for one document; a rewrite after a removal is the longest wait. */
#define BUSY_TIMEOUT_MS 15000
#define PATH_MAX_BYTES 4096

/* ---- the file ------------------------------------------------------------------------------- */

static bool make_folders(const char *path, error *err) {
    char folder[PATH_MAX_BYTES];
    size_t n = strlen(path);
    memcpy(folder, path, n + 1); /* the length was checked */
    for (size_t i = 1; i < n; i++) {
        if (folder[i] != '/') continue;
        folder[i] = 0;
        if (mkdir(folder, 0700) != 0 && errno != EEXIST && access(folder, F_OK) != 0)
            return error_set(err, ERROR_IO, "Cannot make the folder %s: %s.", folder,
                             strerror(errno));
        folder[i] = '/';
    }
    return true;
}

/* Only a file that was not there is opened here: closing a descriptor of one that another handle of
 * this process has open would drop its locks (POSIX). */
static bool make_file(const char *path, error *err) {
    if (access(path, F_OK) == 0) return true;
    if (!make_folders(path, err)) return false;
    int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST)
        return error_set(err, ERROR_IO, "Cannot make the library %s: %s.", path, strerror(errno));
    if (fd >= 0) close(fd);
    return true;
}

static bool check_file(const char *path, error *err) {
    struct stat s;
    if (stat(path, &s) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return error_set(err, ERROR_NOT_FOUND,
                         "There is no library at %s; make one with `carrel add`.", path);
    if (access(path, R_OK) != 0)
        return error_set(err, ERROR_IO, "Cannot read the library %s: %s.", path, strerror(errno));
    if (!S_ISREG(s.st_mode))
        return error_set(err, ERROR_INPUT, "%s is not a file; a library is one file.", path);
    return true;
}

static bool folder_writable(const char *path) {
    char folder[PATH_MAX_BYTES];
    const char *slash = strrchr(path, '/');
    if (slash == NULL) return access(".", W_OK) == 0;
    size_t n = slash == path ? 1 : (size_t)(slash - path);
    memcpy(folder, path, n);
    folder[n] = 0;
    return access(folder, W_OK) == 0;
}

/* "file:" with the bytes that mean something in a URI escaped. */
static void put_uri(text *out, const char *path) {
    text_put(out, STR("file:"));
    for (const char *p = path; *p != 0; p++) {
        if (*p == '%' || *p == '?' || *p == '#')
            text_printf(out, "%%%02X", (unsigned)*p);
        else
            text_put_char(out, *p);
    }
    text_put(out, STR("?immutable=1"));
}

static bool log_exists(const char *path) {
    char log[PATH_MAX_BYTES + 8];
    snprintf(log, sizeof(log), "%s-wal", path);
    return access(log, F_OK) == 0;
}

/* SQLite reads ":memory:" and "file:" as something else than the names of files. */
static void put_plain(text *out, const char *path) {
    if (path[0] != '/') text_put(out, STR("./"));
    text_put(out, str_of(path));
}

static bool open_file(index_library *l, error *err) {
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, code;
    bool writable = access(l->path, W_OK) == 0 && folder_writable(l->path);
    text name = {0}, uri = {0};
    put_plain(&name, l->path);
    if (l->mode != INDEX_READ || writable) {
        code = sqlite3_open_v2(name.p, &l->db, flags, NULL);
    } else if (!log_exists(l->path)) {
        put_uri(&uri, name.p);
        flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI;
        code = sqlite3_open_v2(uri.p, &l->db, flags, NULL);
    } else {
        flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
        code = sqlite3_open_v2(name.p, &l->db, flags, NULL);
    }
    text_free(&name);
    text_free(&uri);
    return code == SQLITE_OK || store_fail_code(l->path, code, sqlite3_errstr(code), err);
}

/* ---- the connection ------------------------------------------------------------------------- */

/* The file may come from someone else: nothing in its schema may call what has side effects, and
 * nobody may write to the tables behind FTS5. */
static bool harden(index_library *l, error *err) {
    if (sqlite3_db_config(l->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK ||
        sqlite3_db_config(l->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) != SQLITE_OK ||
        sqlite3_db_config(l->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL) != SQLITE_OK)
        return store_fail(l, err);
    sqlite3_extended_result_codes(l->db, 1);
    sqlite3_busy_timeout(l->db, BUSY_TIMEOUT_MS);
    return store_run(l, "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY", err);
}

static bool prepare_writer(index_library *l, error *err) {
    return store_run(l,
                     "PRAGMA secure_delete = ON; PRAGMA journal_mode = WAL;"
                     "PRAGMA synchronous = FULL",
                     err);
}

static bool prepare(index_library *l, error *err) {
    if (!harden(l, err) || !fts_register(l, err)) return false;
    if (l->mode == INDEX_READ)
        return schema_prepare(l, err) && store_run(l, "PRAGMA query_only = ON", err);
    /* SQLite opens what may only be read all the same; the first document would tell, after its
     * reading. */
    if (sqlite3_db_readonly(l->db, "main") != 0)
        return store_fail_code(l->path, SQLITE_READONLY, "", err);
    /* Before the switch to WAL, which would write into a file that is not ours. */
    int64_t application, tables;
    /* In this order: what another process is just making has its tables and its mark together. */
    if (!store_integer(l, "SELECT count(*) FROM sqlite_schema", 0, &tables, err) ||
        !store_integer(l, "PRAGMA application_id", 0, &application, err))
        return false;
    if (application != SCHEMA_APPLICATION_ID && tables > 0)
        return store_fail_code(l->path, SQLITE_NOTADB, "", err);
    return prepare_writer(l, err) && schema_prepare(l, err);
}

static bool explain_locked_out(index_library *l, error *err) {
    if (l->mode != INDEX_READ || folder_writable(l->path) || !log_exists(l->path)) return false;
    return error_set(err, ERROR_LIBRARY,
                     "%s-wal holds changes that are not merged yet, and its folder cannot be "
                     "written; open the library once from an account that can.",
                     l->path);
}

bool index_open(const char *path, index_mode mode, index_library **out, error *err) {
    *out = NULL;
    if (path[0] == 0 || strlen(path) >= PATH_MAX_BYTES)
        return error_set(err, ERROR_USAGE, "The name of the library is empty or too long.");
    if ((mode == INDEX_CREATE && !make_file(path, err)) || !check_file(path, err)) return false;
    index_library *l = mem_new(1, sizeof(*l));
    l->mode = mode;
    l->path = mem_new(strlen(path) + 1, 1);
    memcpy(l->path, path, strlen(path));
    if (!open_file(l, err) || !prepare(l, err)) {
        (void)explain_locked_out(l, err); /* a better sentence, where there is one */
        l->mode = INDEX_READ;             /* nothing of it may be written any more */
        index_close(l);
        return false;
    }
    *out = l;
    return true;
}

void index_close(index_library *l) {
    if (l == NULL) return;
    /* What fails here is still noted in the file, and the next writer does it. */
    if (l->mode != INDEX_READ && !l->wipe_later) (void)index_wipe(l, NULL);
    store_finalize(l);
    vectors_free(&l->vectors);
    withheld_free(l);
    (void)sqlite3_close(l->db);
    mem_free(l->path);
    mem_free(l);
}

/* ---- the model ------------------------------------------------------------------------------ */

bool index_get_model(index_library *l, arena *a, index_model *out, error *err) {
    memset(out, 0, sizeof(*out));
    sqlite3_stmt *s = store_prepare(
        l, "SELECT model_width, model_name, model_hash FROM library WHERE id = 1", err);
    if (s == NULL) return false;
    int code = sqlite3_step(s);
    bool ok = code == SQLITE_ROW;
    int64_t width = ok ? sqlite3_column_int64(s, 0) : 0;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        store_fail(l, err);
    } else if (!ok || width < 0 || width > VECTORS_MAX_WIDTH ||
               (width > 0 && sqlite3_column_bytes(s, 2) != (int)sizeof(out->hash))) {
        ok = store_damaged(l, "the record of its embedding model is not readable", err);
    } else if (width > 0) {
        out->width = (uint32_t)width;
        out->name = store_column(s, 1, a);
        memcpy(out->hash, sqlite3_column_blob(s, 2), sizeof(out->hash));
    }
    store_done(s);
    return ok;
}

static bool write_model(index_library *l, const index_model *model, error *err) {
    sqlite3_stmt *s = store_prepare(
        l, "UPDATE library SET model_hash = ?1, model_name = ?2, model_width = ?3 WHERE id = 1",
        err);
    if (s == NULL) return false;
    sqlite3_bind_blob(s, 1, model->hash, sizeof(model->hash), SQLITE_STATIC);
    store_bind(s, 2, model->name);
    sqlite3_bind_int64(s, 3, model->width);
    return store_execute(l, s, err);
}

bool index_set_model(index_library *l, const index_model *model, error *err) {
    arena *a = arena_new();
    index_model now;
    int64_t chunks;
    bool ok = false;
    if (model->width == 0 || model->width > VECTORS_MAX_WIDTH) {
        arena_free(a);
        return error_set(err, ERROR_MODEL, "Vectors of width %u cannot be stored (1 to %d can).",
                         model->width, VECTORS_MAX_WIDTH);
    }
    if (!store_begin(l, err)) goto done;
    if (!index_get_model(l, a, &now, err) ||
        !store_integer(l, "SELECT EXISTS(SELECT 1 FROM chunk)", 0, &chunks, err))
        goto done;
    if (now.width == model->width && memcmp(now.hash, model->hash, sizeof(now.hash)) == 0) {
        store_rollback(l);
        ok = true;
        goto done;
    }
    if (chunks > 0) {
        error_set(err, ERROR_MODEL,
                  "The library %s was made with the embedding model \"" STR_FMT
                  "\", not with \"" STR_FMT "\"; use that model, or build a new library.",
                  l->path, STR_ARG(now.name), STR_ARG(model->name));
        goto done;
    }
    ok = write_model(l, model, err) && store_commit(l, err);
done:
    store_rollback(l);
    arena_free(a);
    return ok;
}

/* ---- what it holds -------------------------------------------------------------------------- */

static uint64_t file_size(const char *path, const char *suffix) {
    char name[PATH_MAX_BYTES + 8];
    struct stat s;
    snprintf(name, sizeof(name), "%s%s", path, suffix);
    return stat(name, &s) == 0 ? (uint64_t)s.st_size : 0; /* no log is the usual case */
}

bool index_stamp(index_library *l, uint64_t *out, error *err) {
    int64_t version;
    if (!store_integer(l, "PRAGMA data_version", 0, &version, err)) return false;
    *out = (uint64_t)version + (l->own_changes << 32);
    return true;
}

bool index_get_status(index_library *l, index_status *out, error *err) {
    memset(out, 0, sizeof(*out));
    sqlite3_stmt *s = store_prepare(
        l,
        "SELECT count(*), total(pages), total(pages_text), total(chunks),"
        " (SELECT total(rows) FROM block), (SELECT user_version FROM pragma_user_version)"
        " FROM document",
        err);
    if (s == NULL) return false;
    bool ok = sqlite3_step(s) == SQLITE_ROW;
    if (ok) {
        out->documents = (uint64_t)sqlite3_column_int64(s, 0);
        out->pages = (uint64_t)sqlite3_column_int64(s, 1);
        out->pages_text = (uint64_t)sqlite3_column_int64(s, 2);
        out->chunks = (uint64_t)sqlite3_column_int64(s, 3);
        out->chunks -= l->withheld_chunks < out->chunks ? l->withheld_chunks : out->chunks;
        out->vectors = (uint64_t)sqlite3_column_int64(s, 4);
        out->schema = sqlite3_column_int(s, 5);
        out->fixed = sqlite3_db_readonly(l->db, "main") != 0;
        out->older = out->schema < SCHEMA_VERSION;
        out->file_bytes = file_size(l->path, "") + file_size(l->path, "-wal");
    } else {
        store_fail(l, err);
    }
    store_done(s);
    return ok;
}

/* ---- whether it is sound -------------------------------------------------------------------- */

/* The first row of a PRAGMA that reports; "ok" or no row is well. */
static bool check_report(index_library *l, const char *sql, const char *what, error *err) {
    sqlite3_stmt *s = store_prepare(l, sql, err);
    if (s == NULL) return false;
    int code = sqlite3_step(s);
    bool ok = true;
    if (code == SQLITE_ROW) {
        const char *report = (const char *)sqlite3_column_text(s, 0);
        if (report == NULL || strcmp(report, "ok") != 0) {
            char sentence[256];
            snprintf(sentence, sizeof(sentence), "%s: %.200s", what, report ? report : "?");
            ok = store_damaged(l, sentence, err);
        }
    } else if (code != SQLITE_DONE) {
        ok = store_fail(l, err);
    }
    store_done(s);
    return ok;
}

static bool check_zero(index_library *l, const char *sql, const char *what, error *err) {
    int64_t wrong;
    if (!store_integer(l, sql, 0, &wrong, err)) return false;
    return wrong == 0 || store_damaged(l, what, err);
}

static bool check_boxes(index_library *l, error *err) {
    sqlite3_stmt *s =
        store_prepare(l,
                      "SELECT lines, octet FROM (SELECT lines, length(CAST(text AS BLOB)) AS octet"
                      " FROM chunk)",
                      err);
    if (s == NULL) return false;
    int code;
    bool ok = true;
    while (ok && (code = sqlite3_step(s)) == SQLITE_ROW) {
        arena *a = arena_new();
        line_box *lines;
        size_t count;
        if (!boxes_decode(sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0),
                          (size_t)sqlite3_column_int64(s, 1), a, &lines, &count))
            ok = store_damaged(l, "the line boxes of a chunk are not readable", err);
        arena_free(a);
    }
    if (ok && code != SQLITE_DONE) ok = store_fail(l, err);
    store_done(s);
    return ok;
}

static bool check_invariants(index_library *l, error *err) {
    return check_zero(l,
                      "SELECT count(*) FROM document WHERE chunks <>"
                      " (SELECT count(*) FROM chunk WHERE chunk.document = document.id)",
                      "a document lacks chunks", err) &&
           check_zero(l,
                      "SELECT count(*) FROM document WHERE pages <>"
                      " (SELECT count(*) FROM page WHERE page.document = document.id)",
                      "a document lacks pages", err) &&
           check_zero(l,
                      "SELECT count(*) FROM document, library WHERE model_width > 0 AND"
                      " (SELECT total(rows) FROM block WHERE block.document = document.id) <>"
                      " (SELECT count(*) FROM chunk WHERE chunk.document = document.id AND chunk.id"
                      "  <= (SELECT first_chunk + rows - 1 FROM block ORDER BY id DESC LIMIT 1))",
                      "a document lacks vectors", err) &&
           check_zero(l,
                      "SELECT count(*) FROM block, library WHERE length(scales) <> 4 * rows"
                      " OR length(vectors) <> rows * model_width OR rows < 1 OR"
                      /* "+": by their ids, or each block would look at all of its document. */
                      " (SELECT count(*) FROM chunk WHERE +chunk.document = block.document AND"
                      "  chunk.id >= first_chunk AND chunk.id < first_chunk + rows) <> rows",
                      "vectors do not match their chunks", err) &&
           check_zero(l,
                      "SELECT (SELECT count(*) FROM words_docsize) <> (SELECT count(*) FROM chunk)",
                      "words and chunks do not match", err) &&
           check_boxes(l, err);
}

bool index_check(index_library *l, error *err) {
    if (!check_report(l, "PRAGMA integrity_check(1)", "integrity", err) ||
        !check_report(l, "PRAGMA foreign_key_check", "foreign keys", err) ||
        !check_invariants(l, err))
        return false;
    /* FTS5's own check is an INSERT in form, and writes nothing; SQLite still refuses it here. */
    if (sqlite3_db_readonly(l->db, "main") != 0) return true;
    if (l->mode == INDEX_READ && !store_run(l, "PRAGMA query_only = OFF", err)) return false;
    bool ok = store_run(l, "INSERT INTO words(words, rank) VALUES('integrity-check', 1)", err);
    if (l->mode == INDEX_READ && !store_run(l, "PRAGMA query_only = ON", ok ? err : NULL))
        ok = false;
    return ok;
}
