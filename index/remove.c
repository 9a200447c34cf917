/* Taking documents out so that nothing of them is found, and nothing lies readable in the file.
 *
 * The first half is one transaction: FTS5's delete, then the rows. The second half is a rewrite,
 * because a delete leaves traces in three places. FTS5 keeps the words of a deleted row until its
 * segments are merged: `optimize` merges them all. SQLite zeroes freed space (`secure_delete`), but
 * a page that was split keeps a copy of moved cells in its gap: VACUUM writes every page anew. And
 * the write-ahead log holds old pages: the checkpoint empties it. That a rewrite is due is recorded
 * in the same transaction as the removal, so a kill between the two loses nothing: the next writer
 * that closes does it.
 *
 * What the disk keeps of overwritten blocks (flash wear levelling, snapshots, backups) is outside
 * of what a program can promise.
 */
#include "index/internal.h"

#include <pthread.h>
#include <string.h>

/* VACUUM holds a second copy of the library while it works: in memory up to this size, else in an
 * unlinked file beside the library, not in /tmp, which may be on another, unencrypted disk. */
#define VACUUM_IN_MEMORY_BYTES ((int64_t)64 << 20)

static bool run_with_id(index_library *l, const char *sql, int64_t id, error *err) {
    sqlite3_stmt *s = store_prepare(l, sql, err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, id);
    return store_execute(l, s, err);
}

bool remove_document(index_library *l, int64_t id, error *err) {
    return run_with_id(l,
                       "INSERT INTO words(words, rowid, head, body)"
                       " SELECT 'delete', id, head, body FROM chunk_words"
                       " WHERE id IN (SELECT id FROM chunk WHERE document = ?1)",
                       id, err) &&
           run_with_id(l,
                       "DELETE FROM file WHERE hash = (SELECT hash FROM document WHERE id = ?1)"
                       " OR path = (SELECT path FROM document WHERE id = ?1)",
                       id, err) &&
           run_with_id(l, "DELETE FROM document WHERE id = ?1", id, err) &&
           store_run(l, "UPDATE library SET removals = removals + 1, traces = 1", err);
}

bool index_remove(index_library *l, const int64_t *ids, size_t count, error *err) {
    if (count == 0) return true;
    if (!store_begin(l, err)) return false;
    for (size_t i = 0; i < count; i++) {
        sqlite3_stmt *s = store_prepare(l, "SELECT 1 FROM document WHERE id = ?1", err);
        if (s == NULL) goto fail;
        sqlite3_bind_int64(s, 1, ids[i]);
        int code = sqlite3_step(s);
        store_done(s);
        if (code == SQLITE_DONE) {
            error_set(err, ERROR_NOT_FOUND, "There is no document #%lld in the library %s.",
                      (long long)ids[i], l->path);
            goto fail;
        }
        if (code != SQLITE_ROW) {
            store_fail(l, err);
            goto fail;
        }
        if (!recognised_drop(l, ids[i], err) || !remove_document(l, ids[i], err)) goto fail;
    }
    if (!store_commit(l, err)) goto fail;
    if (!l->wipe_later && !index_wipe(l, err))
        return error_wrap(err, "It is removed, but its traces are not wiped yet");
    return true;
fail:
    store_rollback(l);
    return false;
}

void index_wipe_later(index_library *l, bool later) {
    l->wipe_later = later;
}

/* sqlite3_temp_directory belongs to the whole process; nothing else in it makes temporary files
 * (temp_store is MEMORY), and two rewrites take turns. */
static pthread_mutex_t temp_lock = PTHREAD_MUTEX_INITIALIZER;

static bool vacuum_beside(index_library *l, error *err) {
    const char *slash = strrchr(l->path, '/');
    int n = slash == NULL ? 1 : slash == l->path ? 1 : (int)(slash - l->path);
    char *folder = sqlite3_mprintf("%.*s", n, slash == NULL ? "." : l->path);
    if (folder == NULL) return store_fail_code(l->path, SQLITE_NOMEM, "no memory left", err);
    pthread_mutex_lock(&temp_lock);
    char *before = sqlite3_temp_directory;
    sqlite3_temp_directory = folder;
    bool ok = store_run(l, "PRAGMA temp_store = FILE", err) && store_run(l, "VACUUM", err);
    sqlite3_temp_directory = before;
    pthread_mutex_unlock(&temp_lock);
    sqlite3_free(folder);
    return store_run(l, "PRAGMA temp_store = MEMORY", ok ? err : NULL) && ok;
}

static bool vacuum(index_library *l, error *err) {
    int64_t pages, page_bytes;
    if (!store_integer(l, "PRAGMA page_count", 0, &pages, err) ||
        !store_integer(l, "PRAGMA page_size", 0, &page_bytes, err))
        return false;
    if (pages * page_bytes <= VACUUM_IN_MEMORY_BYTES) return store_run(l, "VACUUM", err);
    return vacuum_beside(l, err);
}

static bool truncate_log(index_library *l, error *err) {
    int64_t busy;
    if (!store_integer(l, "PRAGMA wal_checkpoint(TRUNCATE)", 0, &busy, err)) return false;
    return busy == 0 || store_fail_code(l->path, SQLITE_BUSY, "", err);
}

bool index_wipe(index_library *l, error *err) {
    int64_t traces, removals;
    if (!store_integer(l, "SELECT traces FROM library WHERE id = 1", 0, &traces, err) ||
        !store_integer(l, "SELECT removals FROM library WHERE id = 1", 0, &removals, err))
        return false;
    if (traces == 0) return true;
    if (!store_run(l, "INSERT INTO words(words) VALUES('optimize')", err) || !vacuum(l, err) ||
        !truncate_log(l, err))
        return false;
    l->own_changes++;
    /* Not if another process has removed something since. */
    return run_with_id(l, "UPDATE library SET traces = 0 WHERE removals = ?1", removals, err);
}
