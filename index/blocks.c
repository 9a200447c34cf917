/* blocks: the vectors of chunks in the file, written with their document or later.
 *
 * A library has vectors of one model at any moment. When it is given another, all of them go in one
 * transaction and are made anew a block at a time, so that whoever kills us finds a library that
 * answers by words and by what is embedded, and that goes on where it stopped. Chunks get their
 * vectors in the order of their ids; hence what waits are the chunks behind the last block, no list
 * of them is kept, and blocks can be read in the order in which they were written.
 */
#include "index/internal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Rows of one block: 64 KiB at width 256, some sixteen pages of the file. */
#define BLOCK_ROWS INDEX_WAITING_MOST

bool blocks_insert(index_library *l, int64_t document, int64_t first, size_t count, size_t width,
                   const int8_t *vectors, const float *scales, error *err) {
    for (size_t at = 0; at < count; at += BLOCK_ROWS) {
        size_t rows = count - at < BLOCK_ROWS ? count - at : BLOCK_ROWS;
        sqlite3_stmt *s =
            store_prepare(l,
                          "INSERT INTO block(document, first_chunk, rows, scales, vectors)"
                          " VALUES(?1, ?2, ?3, ?4, ?5)",
                          err);
        if (s == NULL) return false;
        sqlite3_bind_int64(s, 1, document);
        sqlite3_bind_int64(s, 2, first + (int64_t)at);
        sqlite3_bind_int64(s, 3, (int64_t)rows);
        sqlite3_bind_blob64(s, 4, scales + at, rows * sizeof(float), SQLITE_STATIC);
        sqlite3_bind_blob64(s, 5, vectors + at * width, rows * width, SQLITE_STATIC);
        if (!store_execute(l, s, err)) return false;
    }
    return true;
}

bool blocks_last_chunk(index_library *l, int64_t *chunk, error *err) {
    return store_integer(l, "SELECT first_chunk + rows - 1 FROM block ORDER BY id DESC LIMIT 1", 0,
                         chunk, err);
}

void index_expect_model(index_library *l, const uint8_t hash[32]) {
    l->expects = true;
    memcpy(l->expected, hash, sizeof(l->expected));
}

/* ---- another model -------------------------------------------------------------------------- */

static bool change(index_library *l, const index_model *model, error *err) {
    sqlite3_stmt *s = store_prepare(
        l,
        "UPDATE library SET model_hash = ?1, model_name = ?2, model_width = ?3,"
        " removals = removals + 1 WHERE id = 1", /* what others have loaded is stale */
        err);
    if (s == NULL) return false;
    sqlite3_bind_blob(s, 1, model->hash, sizeof(model->hash), SQLITE_STATIC);
    store_bind(s, 2, model->name);
    sqlite3_bind_int64(s, 3, model->width);
    return store_execute(l, s, err) && store_run(l, "DELETE FROM block", err);
}

bool index_change_model(index_library *l, const index_model *model, error *err) {
    index_model now;
    if (model->width == 0 || model->width > VECTORS_MAX_WIDTH)
        return error_set(err, ERROR_MODEL, "Vectors of width %u cannot be stored (1 to %d can).",
                         model->width, VECTORS_MAX_WIDTH);
    if (!store_begin(l, err)) return false;
    arena *a = arena_new();
    bool ok = index_get_model(l, a, &now, err);
    bool same =
        ok && now.width == model->width && memcmp(now.hash, model->hash, sizeof(now.hash)) == 0;
    if (ok && !same) ok = change(l, model, err) && store_commit(l, err);
    store_rollback(l);
    arena_free(a);
    return ok;
}

/* ---- what waits ----------------------------------------------------------------------------- */

bool index_waiting(index_library *l, size_t limit, arena *a, index_waiting_chunk **out,
                   size_t *count, error *err) {
    int64_t last, document = 0;
    assert(limit <= INDEX_WAITING_MOST);
    *out = arena_alloc(a, limit, sizeof(**out));
    *count = 0;
    if (!store_run(l, "BEGIN", err)) return false; /* one snapshot for both questions */
    bool ok = blocks_last_chunk(l, &last, err);
    sqlite3_stmt *s =
        ok ? store_prepare(l,
                           "SELECT chunk.id, chunk.document, title, heading, text FROM chunk"
                           " JOIN document ON document.id = chunk.document"
                           " WHERE chunk.id > ?1 ORDER BY chunk.id LIMIT ?2",
                           err)
           : NULL;
    if (s == NULL) {
        store_rollback(l);
        return false;
    }
    sqlite3_bind_int64(s, 1, last);
    sqlite3_bind_int64(s, 2, (int64_t)limit);
    int code;
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(s, 0), owner = sqlite3_column_int64(s, 1);
        if (*count > 0 && (owner != document || id != (*out)[*count - 1].id + 1)) break;
        document = owner;
        (*out)[(*count)++] = (index_waiting_chunk){id, store_column(s, 2, a), store_column(s, 3, a),
                                                   store_column(s, 4, a)};
    }
    ok = code == SQLITE_ROW || code == SQLITE_DONE || store_fail(l, err);
    store_done(s);
    store_rollback(l); /* nothing was written */
    return ok;
}

/* Whether the chunks from `first` on are the next that wait, and of one document. */
static bool still_wait(index_library *l, int64_t first, size_t count, int64_t *document,
                       bool *waits, error *err) {
    int64_t last;
    if (!blocks_last_chunk(l, &last, err)) return false;
    sqlite3_stmt *s = store_prepare(l,
                                    "SELECT count(*), min(document), max(document),"
                                    " EXISTS(SELECT 1 FROM chunk WHERE id > ?3 AND id < ?1)"
                                    " FROM chunk WHERE id >= ?1 AND id < ?2",
                                    err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, first);
    sqlite3_bind_int64(s, 2, first + (int64_t)count);
    sqlite3_bind_int64(s, 3, last);
    bool ok = sqlite3_step(s) == SQLITE_ROW || store_fail(l, err);
    if (ok) {
        *document = sqlite3_column_int64(s, 1);
        *waits = first > last && sqlite3_column_int64(s, 0) == (int64_t)count &&
                 sqlite3_column_int64(s, 2) == *document && sqlite3_column_int64(s, 3) == 0;
    }
    store_done(s);
    return ok;
}

bool index_put_vectors(index_library *l, const uint8_t model[32], int64_t first, size_t count,
                       const int8_t *vectors, const float *scales, bool *taken, error *err) {
    index_model now;
    int64_t document = 0;
    bool waits = false;
    assert(count > 0 && count <= INDEX_WAITING_MOST);
    *taken = false;
    for (size_t i = 0; i < count; i++)
        if (!(isfinite(scales[i]) && scales[i] >= 0))
            return error_set(err, ERROR_INTERNAL, "The vector of a chunk has no usable scale.");
    if (!store_begin(l, err)) return false;
    arena *a = arena_new();
    bool ok =
        index_get_model(l, a, &now, err) && still_wait(l, first, count, &document, &waits, err);
    if (ok && waits && now.width > 0 && memcmp(now.hash, model, sizeof(now.hash)) == 0) {
        ok = blocks_insert(l, document, first, count, now.width, vectors, scales, err) &&
             store_commit(l, err);
        *taken = ok;
    }
    store_rollback(l);
    arena_free(a);
    return ok;
}
