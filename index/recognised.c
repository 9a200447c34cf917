/* What is known of pages whose characters are recognised: which were not, and what was made of
 * those that were before their document could be added.
 *
 * A page takes seconds to recognise and a thick scan hours, so each is put away as it comes, in a
 * commit of its own, and a run that was stopped, killed or cut off goes on at the page. What is
 * kept is the bytes that the recogniser sent (ingest/record.h), and nothing here looks into them.
 * It goes when its document is whole, with its document, with the last document of the library, or
 * when nobody has come back to it for long. Why a page was left unread is a word of the caller's:
 * it decides when to try once more.
 */
#include "index/internal.h"

#include <time.h>

/* A page of the densest book makes a tenth of it. */
#define RECORDS_MAX_BYTES ((size_t)4 << 20)
#define SAME_MAX 2 /* circumstances that a caller compares with */

static bool run_with_document(index_library *l, const char *sql, int64_t document, error *err) {
    sqlite3_stmt *s = store_prepare(l, sql, err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, document);
    return store_execute(l, s, err);
}

/* ---- pages that were not read --------------------------------------------------------------- */

bool index_count_unread(index_library *l, const uint8_t hash[32], const str *same, size_t count,
                        uint32_t *pages, error *err) {
    bool found;
    *pages = 0;
    sqlite3_stmt *s = store_prepare(l,
                                    "SELECT count(*) FROM page JOIN document"
                                    " ON document.id = page.document"
                                    " WHERE hash = ?1 AND unread <> ''"
                                    " AND unread <> ?2 AND unread <> ?3",
                                    err);
    if (s == NULL) return false;
    sqlite3_bind_blob(s, 1, hash, 32, SQLITE_STATIC);
    for (size_t i = 0; i < SAME_MAX; i++)
        store_bind(s, (int)i + 2, i < count ? same[i] : (str){"", 0});
    bool ok = store_first(l, s, &found, err);
    if (found) *pages = pages_small(s, 0);
    store_done(s);
    return ok;
}

bool index_set_unread(index_library *l, const uint8_t hash[32], str circumstances, error *err) {
    sqlite3_stmt *s = store_prepare(l,
                                    "UPDATE page SET unread = ?2 WHERE unread <> '' AND document ="
                                    " (SELECT id FROM document WHERE hash = ?1)",
                                    err);
    if (s == NULL) return false;
    sqlite3_bind_blob(s, 1, hash, 32, SQLITE_STATIC);
    store_bind(s, 2, circumstances);
    return store_execute(l, s, err);
}

bool index_count_all_unread(index_library *l, uint64_t *pages, error *err) {
    int64_t count;
    if (!store_integer(l, "SELECT count(*) FROM page WHERE unread <> ''", 0, &count, err))
        return false;
    *pages = (uint64_t)count;
    return true;
}

/* ---- pages that were ------------------------------------------------------------------------ */

bool index_keep_recognised(index_library *l, const index_recognised *page, str records,
                           error *err) {
    if (records.n > RECORDS_MAX_BYTES)
        return error_set(err, ERROR_LIMIT, "A recognised page has more than %zu MB.",
                         RECORDS_MAX_BYTES >> 20);
    sqlite3_stmt *s =
        store_prepare(l, "INSERT OR REPLACE INTO recognised VALUES(?1, ?2, ?3, ?4, ?5, ?6)", err);
    if (s == NULL) return false;
    sqlite3_bind_blob(s, 1, page->hash, 32, SQLITE_STATIC);
    store_bind(s, 2, page->place);
    store_bind(s, 3, page->languages);
    store_bind(s, 4, page->program);
    sqlite3_bind_int64(s, 5, (int64_t)time(NULL));
    sqlite3_bind_blob64(s, 6, records.p ? records.p : "", records.n, SQLITE_STATIC);
    return store_execute(l, s, err);
}

bool index_find_recognised(index_library *l, const index_recognised *page, bool any_language,
                           arena *a, str *records, bool *found, error *err) {
    sqlite3_stmt *s = store_prepare(l,
                                    "SELECT records FROM recognised WHERE hash = ?1"
                                    " AND place = ?2 AND program = ?3 AND (?5 OR languages = ?4)",
                                    err);
    *found = false;
    if (s == NULL) return false;
    sqlite3_bind_blob(s, 1, page->hash, 32, SQLITE_STATIC);
    store_bind(s, 2, page->place);
    store_bind(s, 3, page->program);
    store_bind(s, 4, page->languages);
    sqlite3_bind_int(s, 5, any_language);
    bool ok = store_first(l, s, found, err);
    if (*found) {
        const char *p = sqlite3_column_blob(s, 0);
        *records = arena_str(a, (str){p, p ? (size_t)sqlite3_column_bytes(s, 0) : 0});
    }
    store_done(s);
    return ok;
}

bool index_forget_recognised(index_library *l, int64_t before, error *err) {
    return run_with_document(l,
                             "DELETE FROM recognised WHERE kept < ?1"
                             " AND hash NOT IN (SELECT hash FROM document)",
                             before, err);
}

/* The last document takes all with it: whoever empties a library wants nothing to stay. */
bool recognised_drop(index_library *l, int64_t document, error *err) {
    return run_with_document(l,
                             "DELETE FROM recognised WHERE"
                             " hash = (SELECT hash FROM document WHERE id = ?1)"
                             " OR NOT EXISTS(SELECT 1 FROM document WHERE id <> ?1)",
                             document, err);
}

bool recognised_settle(index_library *l, int64_t document, error *err) {
    return run_with_document(l,
                             "DELETE FROM recognised WHERE"
                             " hash = (SELECT hash FROM document WHERE id = ?1) AND NOT EXISTS"
                             " (SELECT 1 FROM page WHERE document = ?1 AND unread <> '')",
                             document, err);
}

/* ---- languages ------------------------------------------------------------------------------ */

bool index_get_languages(index_library *l, arena *a, str *out, error *err) {
    bool found;
    *out = (str){0};
    sqlite3_stmt *s = store_prepare(l, "SELECT languages FROM library WHERE id = 1", err);
    if (s == NULL) return false;
    bool ok = store_first(l, s, &found, err);
    if (found) *out = store_column(s, 0, a);
    store_done(s);
    return ok;
}

bool index_set_languages(index_library *l, str languages, error *err) {
    sqlite3_stmt *s = store_prepare(l, "UPDATE library SET languages = ?1 WHERE id = 1", err);
    if (s == NULL) return false;
    store_bind(s, 1, languages);
    return store_execute(l, s, err);
}
