/* Reading documents and chunks back, into the caller's arena.
 *
 * Numbers from the file are checked where a caller would trust them (line boxes lie within the
 * text, counts are not negative): the file may be damaged or come from someone else. Pages are in
 * pages.c, searching in search_words.c and vectors.c.
 */
#include "index/internal.h"

#include <string.h>

#define HASH_BYTES 32
/* A file name given to index_find that is longer names nothing. */
#define DIGITS_MAX 18

#define DOCUMENT_COLUMNS                                                                     \
    "id, path, title, type, language, hash, bytes, mtime, added, pages, pages_text, chunks," \
    " dated"

static void read_document(sqlite3_stmt *s, arena *a, void *to) {
    index_document *out = to;
    memset(out, 0, sizeof(*out));
    out->id = sqlite3_column_int64(s, 0);
    out->path = store_column(s, 1, a);
    out->title = store_column(s, 2, a);
    out->type = store_column(s, 3, a);
    out->language = store_column(s, 4, a);
    if (sqlite3_column_bytes(s, 5) == HASH_BYTES)
        memcpy(out->hash, sqlite3_column_blob(s, 5), HASH_BYTES);
    out->bytes = (uint64_t)sqlite3_column_int64(s, 6);
    out->mtime = sqlite3_column_int64(s, 7);
    out->added = sqlite3_column_int64(s, 8);
    out->pages = pages_small(s, 9);
    out->pages_text = pages_small(s, 10);
    out->chunks = pages_small(s, 11);
    out->dated = store_column(s, 12, a);
}

bool index_list(index_library *l, arena *a, index_document **out, size_t *count, error *err) {
    sqlite3_stmt *s =
        store_prepare(l, "SELECT " DOCUMENT_COLUMNS " FROM document ORDER BY path", err);
    if (s == NULL) return false;
    *out = store_all(l, s, sizeof(**out), read_document, a, count, err);
    return *out != NULL;
}

/* The only row of a bound statement. *rows gets 0, 1 or 2 (more than one). */
static bool only_document(index_library *l, sqlite3_stmt *s, arena *a, index_document *out,
                          int *rows, error *err) {
    int code;
    *rows = 0;
    while (*rows < 2 && (code = sqlite3_step(s)) == SQLITE_ROW) {
        if (++*rows == 1) read_document(s, a, out);
    }
    bool ok = *rows == 2 || code == SQLITE_DONE || store_fail(l, err);
    store_done(s);
    return ok;
}

static bool parse_id(str name, int64_t *id) {
    if (name.n < 2 || name.n > DIGITS_MAX || name.p[0] != '#') return false;
    *id = 0;
    for (size_t i = 1; i < name.n; i++) {
        if (name.p[i] < '0' || name.p[i] > '9') return false;
        *id = *id * 10 + (name.p[i] - '0');
    }
    return true;
}

bool index_at(index_library *l, str path, arena *a, index_document *out, bool *found, error *err) {
    int rows = 0;
    sqlite3_stmt *s =
        store_prepare(l, "SELECT " DOCUMENT_COLUMNS " FROM document WHERE path = ?1", err);
    if (s == NULL) return false;
    store_bind(s, 1, path);
    bool ok = only_document(l, s, a, out, &rows, err);
    *found = ok && rows == 1;
    return ok;
}

bool index_find(index_library *l, str name, arena *a, index_document *out, error *err) {
    int64_t id;
    int rows = 0;
    sqlite3_stmt *s;
    if (parse_id(name, &id)) {
        s = store_prepare(l, "SELECT " DOCUMENT_COLUMNS " FROM document WHERE id = ?1", err);
        if (s == NULL) return false;
        sqlite3_bind_int64(s, 1, id);
        if (!only_document(l, s, a, out, &rows, err)) return false;
    }
    bool found = false;
    if (rows == 0 && !index_at(l, name, a, out, &found, err)) return false;
    if (found) rows = 1;
    if (rows == 0 && name.n > 0) {
        s = store_prepare(l,
                          "SELECT " DOCUMENT_COLUMNS " FROM document"
                          " WHERE substr(path, -1 - length(?1)) = '/' || ?1 LIMIT 2",
                          err);
        if (s == NULL) return false;
        store_bind(s, 1, name);
        if (!only_document(l, s, a, out, &rows, err)) return false;
    }
    if (rows == 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "No document of the library is called \"" STR_FMT "\"; `carrel ls` names "
                         "them.",
                         STR_ARG(name));
    if (rows > 1)
        return error_set(err, ERROR_USAGE,
                         "Several documents are called \"" STR_FMT "\"; give the whole path, or "
                         "#id as `carrel ls` shows it.",
                         STR_ARG(name));
    return true;
}

/* ---- chunks --------------------------------------------------------------------------------- */

#define CHUNK_SELECT                                                                               \
    "SELECT chunk.id, chunk.document, ordinal, path, title, heading, text, page_first, page_last," \
    " (SELECT label FROM page WHERE page.document = chunk.document AND number = page_first),"      \
    " tokens, overlap_bytes, lines, language, dated"                                               \
    " FROM chunk JOIN document ON document.id = chunk.document "

/* Reads the first row of a bound statement and resets it. */
static bool read_chunk(index_library *l, sqlite3_stmt *s, arena *a, index_chunk *out, bool *found,
                       error *err) {
    int code = sqlite3_step(s);
    *found = code == SQLITE_ROW;
    memset(out, 0, sizeof(*out));
    if (!*found) {
        bool ok = code == SQLITE_DONE || store_fail(l, err);
        store_done(s);
        return ok;
    }
    out->id = sqlite3_column_int64(s, 0);
    out->document = sqlite3_column_int64(s, 1);
    out->ordinal = pages_small(s, 2);
    out->path = store_column(s, 3, a);
    out->title = store_column(s, 4, a);
    out->heading = store_column(s, 5, a);
    out->text = store_column(s, 6, a);
    out->page_first = pages_small(s, 7);
    out->page_last = pages_small(s, 8);
    out->label_first = store_column(s, 9, a);
    out->tokens = pages_small(s, 10);
    out->overlap_bytes = pages_small(s, 11);
    out->language = store_column(s, 13, a);
    out->dated = store_column(s, 14, a);
    if (out->overlap_bytes > out->text.n) out->overlap_bytes = (uint32_t)out->text.n;
    bool ok = boxes_decode(sqlite3_column_blob(s, 12), (size_t)sqlite3_column_bytes(s, 12),
                           out->text.n, a, &out->lines, &out->line_count);
    store_done(s);
    if (!ok) return store_damaged(l, "the line boxes of a chunk are not readable", err);
    return pages_part(l, out->document, out->page_first, a, &out->part, err);
}

bool index_get_chunk(index_library *l, int64_t chunk, arena *a, index_chunk *out, error *err) {
    bool found;
    sqlite3_stmt *s = store_prepare(l, CHUNK_SELECT "WHERE chunk.id = ?1", err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, chunk);
    if (!read_chunk(l, s, a, out, &found, err)) return false;
    return found || error_set(err, ERROR_NOT_FOUND,
                              "A passage that was found is no longer in the library; ask again.");
}

bool index_get_neighbour(index_library *l, int64_t document, uint32_t ordinal, arena *a,
                         index_chunk *out, bool *found, error *err) {
    sqlite3_stmt *s =
        store_prepare(l, CHUNK_SELECT "WHERE chunk.document = ?1 AND ordinal = ?2", err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, document);
    sqlite3_bind_int64(s, 2, ordinal);
    return read_chunk(l, s, a, out, found, err);
}
