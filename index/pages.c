/* What became of each page: fates, confidences and notes, the parts of a container, and the gaps.
 *
 * An answer says when it cites a document that was read in part, so the questions "where does this
 * page stand" and "what is missing of this document" are asked for every answer: both go through a
 * key, and cost microseconds. Names of parts hold what they lie in ("mail.eml > manual.pdf"), since
 * nothing else is ever asked about how parts are nested. A note of a document for which nothing is
 * missing (an aside) has a negative ordinal.
 */
#include "index/internal.h"

#include <math.h>
#include <string.h>

uint32_t pages_small(sqlite3_stmt *s, int at) {
    int64_t value = sqlite3_column_int64(s, at);
    return value < 0 ? 0 : value > (int64_t)UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* SQLite turns a NaN into NULL, which the columns do not take. */
static double known(float v) {
    return isfinite(v) ? (double)v : 0;
}

static bool insert_page(index_library *l, const index_page *page, int64_t id, error *err) {
    sqlite3_stmt *s = store_prepare(
        l,
        "INSERT INTO page(document, number, label, width_pt, height_pt, fate, confidence, note,"
        " unread) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_int64(s, 2, page->number);
    store_bind(s, 3, page->label);
    sqlite3_bind_double(s, 4, known(page->width_pt));
    sqlite3_bind_double(s, 5, known(page->height_pt));
    store_bind(s, 6, page->fate);
    sqlite3_bind_double(s, 7, known(page->confidence));
    store_bind(s, 8, page->note);
    store_bind(s, 9, page->unread);
    return store_execute(l, s, err);
}

static bool insert_part(index_library *l, const index_part *part, size_t ordinal, int64_t id,
                        error *err) {
    sqlite3_stmt *s = store_prepare(l, "INSERT INTO part VALUES(?1, ?2, ?3, ?4, ?5)", err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_int64(s, 2, (int64_t)ordinal);
    store_bind(s, 3, part->name);
    sqlite3_bind_int64(s, 4, part->page_first);
    sqlite3_bind_int64(s, 5, part->page_count);
    return store_execute(l, s, err);
}

static bool insert_note(index_library *l, str note, int64_t ordinal, int64_t id, error *err) {
    sqlite3_stmt *s = store_prepare(l, "INSERT INTO note VALUES(?1, ?2, ?3)", err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_int64(s, 2, ordinal);
    store_bind(s, 3, note);
    return store_execute(l, s, err);
}

bool pages_insert(index_library *l, const index_document_in *d, int64_t id, error *err) {
    bool ok = true;
    for (size_t i = 0; ok && i < d->page_count; i++) ok = insert_page(l, &d->pages[i], id, err);
    for (size_t i = 0; ok && i < d->part_count; i++) ok = insert_part(l, &d->parts[i], i, id, err);
    size_t losses = d->note_count - d->aside_count;
    for (size_t i = 0; ok && i < d->note_count; i++)
        ok = insert_note(l, d->notes[i], i < losses ? (int64_t)i : -(int64_t)i - 1, id, err);
    return ok;
}

/* ---- reading -------------------------------------------------------------------------------- */

#define PAGE_COLUMNS "number, label, width_pt, height_pt, fate, confidence, note, unread"

static void read_page(sqlite3_stmt *s, arena *a, void *out) {
    *(index_page *)out = (index_page){.number = pages_small(s, 0),
                                      .label = store_column(s, 1, a),
                                      .width_pt = (float)sqlite3_column_double(s, 2),
                                      .height_pt = (float)sqlite3_column_double(s, 3),
                                      .fate = store_column(s, 4, a),
                                      .confidence = (float)sqlite3_column_double(s, 5),
                                      .note = store_column(s, 6, a),
                                      .unread = store_column(s, 7, a)};
}

static void read_part(sqlite3_stmt *s, arena *a, void *out) {
    *(index_part *)out = (index_part){store_column(s, 0, a), pages_small(s, 1), pages_small(s, 2)};
}

static void read_note(sqlite3_stmt *s, arena *a, void *out) {
    *(str *)out = store_column(s, 0, a);
}

static void read_fate_count(sqlite3_stmt *s, arena *a, void *out) {
    *(index_fate_count *)out =
        (index_fate_count){store_column(s, 0, a), (uint64_t)sqlite3_column_int64(s, 1)};
}

bool index_pages(index_library *l, int64_t document, arena *a, index_page **out, size_t *count,
                 error *err) {
    sqlite3_stmt *s = store_prepare(
        l, "SELECT " PAGE_COLUMNS " FROM page WHERE document = ?1 ORDER BY number", err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, document);
    *out = store_all(l, s, sizeof(**out), read_page, a, count, err);
    return *out != NULL;
}

bool index_pages_of(index_library *l, const uint8_t hash[32], arena *a, index_page **out,
                    size_t *count, error *err) {
    sqlite3_stmt *s = store_prepare(l,
                                    "SELECT " PAGE_COLUMNS " FROM page WHERE document ="
                                    " (SELECT id FROM document WHERE hash = ?1) ORDER BY number",
                                    err);
    if (s == NULL) return false;
    sqlite3_bind_blob(s, 1, hash, 32, SQLITE_STATIC);
    *out = store_all(l, s, sizeof(**out), read_page, a, count, err);
    return *out != NULL;
}

bool index_parts(index_library *l, int64_t document, arena *a, index_part **out, size_t *count,
                 error *err) {
    sqlite3_stmt *s = store_prepare(
        l, "SELECT name, page_first, page_count FROM part WHERE document = ?1 ORDER BY ordinal",
        err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, document);
    *out = store_all(l, s, sizeof(**out), read_part, a, count, err);
    return *out != NULL;
}

bool index_notes(index_library *l, int64_t document, arena *a, str **out, size_t *count,
                 error *err) {
    sqlite3_stmt *s = store_prepare(l,
                                    "SELECT sentence FROM note WHERE document = ?1"
                                    " ORDER BY ordinal < 0, abs(ordinal)",
                                    err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, document);
    *out = store_all(l, s, sizeof(**out), read_note, a, count, err);
    return *out != NULL;
}

bool index_count_fates(index_library *l, arena *a, index_fate_count **out, size_t *count,
                       error *err) {
    sqlite3_stmt *s =
        store_prepare(l, "SELECT fate, count(*) FROM page GROUP BY fate ORDER BY fate", err);
    if (s == NULL) return false;
    *out = store_all(l, s, sizeof(**out), read_fate_count, a, count, err);
    return *out != NULL;
}

/* ---- one question each ---------------------------------------------------------------------- */

bool pages_part(index_library *l, int64_t document, uint32_t page, arena *a, index_part *out,
                error *err) {
    bool found;
    *out = (index_part){0};
    sqlite3_stmt *s = store_prepare(l,
                                    "SELECT name, page_first, page_count FROM part"
                                    " WHERE document = ?1 AND page_first <= ?2"
                                    " AND page_first + page_count > ?2"
                                    " ORDER BY page_first DESC, ordinal DESC LIMIT 1",
                                    err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, document);
    sqlite3_bind_int64(s, 2, page);
    bool ok = store_first(l, s, &found, err);
    if (found) read_part(s, a, out);
    store_done(s);
    return ok;
}

bool index_get_place(index_library *l, int64_t document, uint32_t page, arena *a, index_place *out,
                     error *err) {
    bool found;
    *out = (index_place){0};
    if (!pages_part(l, document, page, a, &out->part, err)) return false;
    sqlite3_stmt *s = store_prepare(
        l, "SELECT fate, confidence FROM page WHERE document = ?1 AND number = ?2", err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, document);
    sqlite3_bind_int64(s, 2, page);
    bool ok = store_first(l, s, &found, err);
    if (found) {
        out->fate = store_column(s, 0, a);
        out->confidence = (float)sqlite3_column_double(s, 1);
    }
    store_done(s);
    return ok;
}

bool index_get_gaps(index_library *l, int64_t document, index_gaps *out, error *err) {
    bool found;
    *out = (index_gaps){0};
    sqlite3_stmt *s = store_prepare(
        l,
        "SELECT count(*), total(" PAGES_GAP "), total(" PAGES_NOTE " AND NOT " PAGES_GAP "),"
        " (SELECT count(*) FROM note WHERE document = ?1 AND ordinal >= 0),"
        /* with the same bytes, as when the password was wrong this time, it is not another version */
        " EXISTS(SELECT 1 FROM file JOIN document USING(path) WHERE id = ?1 AND code <> 0"
        " AND document.hash <> file.hash)"
        " FROM page WHERE document = ?1",
        err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, document);
    bool ok = store_first(l, s, &found, err);
    if (found) {
        out->pages = pages_small(s, 0);
        out->gaps = pages_small(s, 1);
        out->notes = pages_small(s, 2) + pages_small(s, 3);
        out->former = sqlite3_column_int(s, 4) != 0;
    }
    store_done(s);
    return ok;
}

bool index_count_locked(index_library *l, const uint8_t hash[32], uint32_t *pages, error *err) {
    bool found;
    *pages = 0;
    sqlite3_stmt *s = store_prepare(l,
                                    "SELECT count(*) FROM page JOIN document"
                                    " ON document.id = page.document"
                                    " WHERE hash = ?1 AND fate = 'encrypted'",
                                    err);
    if (s == NULL) return false;
    sqlite3_bind_blob(s, 1, hash, 32, SQLITE_STATIC);
    bool ok = store_first(l, s, &found, err);
    if (found) *pages = pages_small(s, 0);
    store_done(s);
    return ok;
}

bool index_count_vectors(index_library *l, int64_t document, uint64_t *out, error *err) {
    bool found;
    sqlite3_stmt *s = store_prepare(l, "SELECT total(rows) FROM block WHERE document = ?1", err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, document);
    bool ok = store_first(l, s, &found, err);
    *out = found ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
    store_done(s);
    return ok;
}

bool index_page_label(index_library *l, int64_t document, uint32_t page, arena *a, str *out,
                      error *err) {
    bool found;
    *out = (str){0};
    sqlite3_stmt *s =
        store_prepare(l, "SELECT label FROM page WHERE document = ?1 AND number = ?2", err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, document);
    sqlite3_bind_int64(s, 2, page);
    bool ok = store_first(l, s, &found, err);
    if (found) *out = store_column(s, 0, a);
    store_done(s);
    return ok;
}

bool index_count_losses(index_library *l, uint64_t *documents, uint64_t *files, uint64_t *others,
                        error *err) {
    int64_t in_part, no_documents;
    if (!store_integer(l,
                       "SELECT count(*) FROM (SELECT document FROM page WHERE " PAGES_GAP
                       " OR " PAGES_NOTE " UNION SELECT document FROM note WHERE ordinal >= 0)",
                       0, &in_part, err) ||
        !index_count_failed(l, files, err) ||
        !store_integer(l, "SELECT count(*) FROM file WHERE code = 0 AND hash = x''", 0,
                       &no_documents, err))
        return false;
    *documents = (uint64_t)in_part;
    *others = (uint64_t)no_documents;
    return true;
}
