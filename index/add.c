/* One document becomes rows, in one transaction: document, pages, chunks, vectors, words, and the
 * file that it was read from.
 *
 * Whoever kills us at any byte finds the library as it was before or with the whole document in it.
 * A changed file replaces its old version in the same transaction, so that no moment shows both or
 * none; the traces of the old version are wiped later, once for a batch (see remove.c), because
 * rewriting the word list for each of a thousand files would take a day.
 */
#include "index/internal.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* What no real document reaches; keeps every product below far from overflow. */
#define CHUNKS_MAX ((size_t)1 << 24)
#define PAGES_MAX ((size_t)1 << 24)
#define TEXT_MAX_BYTES ((size_t)1 << 26)

static bool check_document(const index_document_in *d, uint32_t width, error *err) {
    if (d->path.n == 0 || d->chunk_count > CHUNKS_MAX || d->page_count > PAGES_MAX)
        return error_set(err, ERROR_LIMIT, "\"" STR_FMT "\" has no name, or too many pages.",
                         STR_ARG(d->path));
    if (d->chunk_count > 0 && width == 0 && d->vectors != NULL)
        return error_set(err, ERROR_MODEL, "The library has no embedding model recorded yet.");
    if (d->chunk_count > 0 && (d->vectors == NULL) != (d->scales == NULL))
        return error_set(err, ERROR_INTERNAL, "The vectors of \"" STR_FMT "\" come without scales.",
                         STR_ARG(d->path));
    for (size_t i = 0; i < d->chunk_count; i++) {
        if (d->chunks[i].text.n > TEXT_MAX_BYTES || d->chunks[i].heading.n > TEXT_MAX_BYTES)
            return error_set(err, ERROR_LIMIT, "A chunk of \"" STR_FMT "\" is longer than 64 MB.",
                             STR_ARG(d->path));
        if (d->scales != NULL && !(isfinite(d->scales[i]) && d->scales[i] >= 0))
            return error_set(err, ERROR_INTERNAL,
                             "The vector of a chunk of \"" STR_FMT "\" has no "
                             "usable scale.",
                             STR_ARG(d->path));
    }
    return true;
}

/* The id in the first row, 0 when there is none; resets the statement. */
static bool first_id(index_library *l, sqlite3_stmt *s, int64_t *id, error *err) {
    int code = sqlite3_step(s);
    *id = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    bool ok = code == SQLITE_ROW || code == SQLITE_DONE || store_fail(l, err);
    store_done(s);
    return ok;
}

static bool find_hash(index_library *l, const uint8_t hash[32], int64_t *id, error *err) {
    sqlite3_stmt *s = store_prepare(l, "SELECT id FROM document WHERE hash = ?1", err);
    if (s == NULL) return false;
    sqlite3_bind_blob(s, 1, hash, 32, SQLITE_STATIC);
    return first_id(l, s, id, err);
}

static bool find_path(index_library *l, str path, int64_t *id, error *err) {
    sqlite3_stmt *s = store_prepare(l, "SELECT id FROM document WHERE path = ?1", err);
    if (s == NULL) return false;
    store_bind(s, 1, path);
    return first_id(l, s, id, err);
}

bool index_has(index_library *l, const uint8_t hash[32], bool *found, error *err) {
    int64_t id;
    if (!find_hash(l, hash, &id, err)) return false;
    *found = id != 0;
    return true;
}

bool index_path_of(index_library *l, const uint8_t hash[32], arena *a, str *out, error *err) {
    sqlite3_stmt *s = store_prepare(l, "SELECT path FROM document WHERE hash = ?1", err);
    if (s == NULL) return false;
    sqlite3_bind_blob(s, 1, hash, 32, SQLITE_STATIC);
    int code = sqlite3_step(s);
    *out = code == SQLITE_ROW ? store_column(s, 0, a) : (str){0};
    bool ok = code == SQLITE_ROW || code == SQLITE_DONE || store_fail(l, err);
    store_done(s);
    return ok;
}

bool index_move(index_library *l, const uint8_t hash[32], str path, error *err) {
    sqlite3_stmt *s = store_prepare(l, "UPDATE document SET path = ?2 WHERE hash = ?1", err);
    if (s == NULL) return false;
    sqlite3_bind_blob(s, 1, hash, 32, SQLITE_STATIC);
    store_bind(s, 2, path);
    if (!store_execute(l, s, err)) return false;
    l->own_changes++;
    return true;
}

static bool has_text(str fate) {
    return str_eq(fate, STR("text")) || str_eq(fate, STR("ocr"));
}

static bool insert_document(index_library *l, const index_document_in *d, int64_t *id, error *err) {
    size_t pages_text = 0;
    for (size_t i = 0; i < d->page_count; i++) pages_text += has_text(d->pages[i].fate);
    sqlite3_stmt *s = store_prepare(
        l,
        "INSERT INTO document(path, hash, bytes, mtime, added, title, type, language, pages,"
        " pages_text, chunks, dated)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        err);
    if (s == NULL) return false;
    store_bind(s, 1, d->path);
    sqlite3_bind_blob(s, 2, d->hash, 32, SQLITE_STATIC);
    sqlite3_bind_int64(s, 3, (int64_t)(d->bytes <= INT64_MAX ? d->bytes : INT64_MAX));
    sqlite3_bind_int64(s, 4, d->mtime);
    sqlite3_bind_int64(s, 5, (int64_t)time(NULL));
    store_bind(s, 6, d->title);
    store_bind(s, 7, d->type);
    store_bind(s, 8, d->language);
    sqlite3_bind_int64(s, 9, (int64_t)d->page_count);
    sqlite3_bind_int64(s, 10, (int64_t)pages_text);
    sqlite3_bind_int64(s, 11, (int64_t)d->chunk_count);
    store_bind(s, 12, d->dated);
    if (!store_execute(l, s, err)) return false;
    *id = sqlite3_last_insert_rowid(l->db);
    return true;
}

/* Their ids are consecutive: they are given in turn, and nobody else can write meanwhile. */
static bool insert_chunks(index_library *l, const index_document_in *d, int64_t id, int64_t *first,
                          error *err) {
    text lines = {0};
    bool ok = true;
    for (size_t i = 0; i < d->chunk_count && ok; i++) {
        const index_chunk_in *chunk = &d->chunks[i];
        sqlite3_stmt *s = store_prepare(
            l,
            "INSERT INTO chunk(document, ordinal, page_first, page_last, tokens, overlap_bytes,"
            " heading, text, lines) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            err);
        if (s == NULL) {
            ok = false;
            break;
        }
        text_clear(&lines);
        boxes_encode(chunk->lines, chunk->line_count, &lines);
        sqlite3_bind_int64(s, 1, id);
        sqlite3_bind_int64(s, 2, (int64_t)i);
        sqlite3_bind_int64(s, 3, chunk->page_first);
        sqlite3_bind_int64(s, 4, chunk->page_last);
        sqlite3_bind_int64(s, 5, chunk->tokens);
        sqlite3_bind_int64(s, 6, chunk->overlap_bytes);
        store_bind(s, 7, chunk->heading);
        store_bind(s, 8, chunk->text);
        sqlite3_bind_blob64(s, 9, lines.p, lines.n, SQLITE_STATIC);
        ok = store_execute(l, s, err);
        if (i == 0) *first = sqlite3_last_insert_rowid(l->db);
    }
    text_free(&lines);
    return ok;
}

/* The vectors go in with their document, but not past chunks that wait for theirs, and not where
 * the library has been given another model meanwhile: then they come later (blocks.c). */
static bool insert_vectors(index_library *l, const index_document_in *d, uint32_t width, int64_t id,
                           int64_t first, error *err) {
    int64_t last, waiting, other = 0;
    if (width == 0 || d->chunk_count == 0 || d->vectors == NULL) return true;
    if (!blocks_last_chunk(l, &last, err)) return false;
    sqlite3_stmt *s =
        store_prepare(l, "SELECT EXISTS(SELECT 1 FROM chunk WHERE id > ?1 AND id < ?2)", err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, last);
    sqlite3_bind_int64(s, 2, first);
    if (!first_id(l, s, &waiting, err)) return false;
    if (l->expects) {
        s = store_prepare(l, "SELECT model_hash <> ?1 FROM library WHERE id = 1", err);
        if (s == NULL) return false;
        sqlite3_bind_blob(s, 1, l->expected, sizeof(l->expected), SQLITE_STATIC);
        if (!first_id(l, s, &other, err)) return false;
    }
    return waiting != 0 || other != 0 ||
           blocks_insert(l, id, first, d->chunk_count, width, d->vectors, d->scales, err);
}

static bool insert_words(index_library *l, int64_t document, error *err) {
    sqlite3_stmt *s =
        store_prepare(l,
                      "INSERT INTO words(rowid, head, body) SELECT id, head, body FROM chunk_words"
                      " WHERE id IN (SELECT id FROM chunk WHERE document = ?1) ORDER BY id",
                      err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, document);
    return store_execute(l, s, err);
}

static bool note_file(index_library *l, const index_document_in *d, error *err) {
    index_file f = {.path = d->path, .hashed = true, .look = d->look, .when = (int64_t)time(NULL)};
    memcpy(f.hash, d->hash, sizeof(f.hash));
    return files_note(l, &f, err);
}

static bool insert_all(index_library *l, const index_document_in *d, uint32_t width, int64_t *id,
                       error *err) {
    int64_t first = 0;
    return insert_document(l, d, id, err) && pages_insert(l, d, *id, err) &&
           insert_chunks(l, d, *id, &first, err) && insert_vectors(l, d, width, *id, first, err) &&
           insert_words(l, *id, err) && recognised_settle(l, *id, err);
}

/* The former bytes of a path go, unless they stand under another path too: then that is theirs. */
static bool take_out(index_library *l, int64_t id, error *err) {
    arena *a = arena_new();
    str other;
    bool ok = files_other_path(l, id, a, &other, err);
    if (ok && other.n == 0) ok = recognised_drop(l, id, err) && remove_document(l, id, err);
    if (ok && other.n > 0) {
        sqlite3_stmt *s = store_prepare(l, "UPDATE document SET path = ?2 WHERE id = ?1", err);
        ok = s != NULL;
        if (ok) {
            sqlite3_bind_int64(s, 1, id);
            store_bind(s, 2, other);
            ok = store_execute(l, s, err);
        }
    }
    arena_free(a);
    return ok;
}

bool index_add(index_library *l, const index_document_in *d, index_outcome *outcome, int64_t *id,
               error *err) {
    int64_t width, same, old;
    if (!store_begin(l, err)) return false;
    if (!store_integer(l, "SELECT model_width FROM library WHERE id = 1", 0, &width, err) ||
        !check_document(d, (uint32_t)width, err) || !find_hash(l, d->hash, &same, err) ||
        !find_path(l, d->path, &old, err))
        goto fail;
    *outcome = INDEX_ADDED;
    if (same != 0 && d->again) {
        if (!remove_document(l, same, err)) goto fail;
        *outcome = INDEX_REPLACED;
        old = old == same ? 0 : old;
        same = 0;
    }
    if (same != 0 && (old == 0 || old == same)) {
        store_rollback(l);
        *outcome = INDEX_SAME;
        *id = same;
        return true;
    }
    if (old != 0) {
        if (!take_out(l, old, err)) goto fail;
        *outcome = INDEX_REPLACED;
    }
    /* The file now has the bytes of another one that is here: only its old version had to go. */
    *id = same;
    if (same == 0 && d->page_count == 0) {
        error_set(err, ERROR_NOT_FOUND, "its bytes are no longer in the library");
        goto fail;
    }
    if ((same == 0 && !insert_all(l, d, (uint32_t)width, id, err)) || !note_file(l, d, err) ||
        !store_commit(l, err))
        goto fail;
    return true;
fail:
    store_rollback(l);
    return error_wrap(err, "Adding " STR_FMT, STR_ARG(d->path));
}
