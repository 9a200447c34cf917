/* Documents that searches of this handle pass over, as if they had never been added.
 *
 * Whoever measures whether a question is refused that nothing answers needs documents without the
 * one that does, and must not change the library for it. So the handle keeps the ids of their
 * chunks, as ranges: those of a document are consecutive, because it is added in one transaction.
 * What the words weigh is counted without them too; nothing is written.
 */
#include "index/internal.h"

#include <stdlib.h>

static int by_first(const void *a, const void *b) {
    const withheld_range *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

void withheld_free(index_library *l) {
    mem_free(l->withheld);
    l->withheld = NULL;
    l->withheld_count = 0;
    l->withheld_chunks = 0;
}

/* The chunks of one document; first > last where it has none. */
static bool read_range(index_library *l, int64_t document, withheld_range *out, error *err) {
    sqlite3_stmt *s = store_prepare(
        l, "SELECT coalesce(min(id), 1), coalesce(max(id), 0) FROM chunk WHERE document = ?1", err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, document);
    bool ok = sqlite3_step(s) == SQLITE_ROW || store_fail(l, err);
    if (ok) *out = (withheld_range){sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1)};
    store_done(s);
    return ok;
}

bool index_withhold(index_library *l, const int64_t *documents, size_t count, error *err) {
    withheld_free(l);
    if (count == 0) return true;
    l->withheld = mem_new(count, sizeof *l->withheld);
    for (size_t i = 0; i < count; i++) {
        withheld_range range;
        bool ok = read_range(l, documents[i], &range, err);
        if (!ok) {
            withheld_free(l);
            return false;
        }
        /* An id that is given twice is the same range twice. */
        if (range.first > range.last || withheld_has(l, range.first)) continue;
        l->withheld[l->withheld_count++] = range;
        l->withheld_chunks += (uint64_t)(range.last - range.first) + 1;
        qsort(l->withheld, l->withheld_count, sizeof *l->withheld, by_first);
    }
    return true;
}

bool withheld_has(const index_library *l, int64_t chunk) {
    size_t low = 0, high = l->withheld_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->withheld[middle].last < chunk)
            low = middle + 1;
        else
            high = middle;
    }
    return low < l->withheld_count && l->withheld[low].first <= chunk;
}

bool withheld_matches(index_library *l, str match, uint64_t *out, error *err) {
    *out = 0;
    for (size_t i = 0; i < l->withheld_count; i++) {
        sqlite3_stmt *s = store_prepare(
            l, "SELECT count(*) FROM words WHERE words MATCH ?1 AND rowid BETWEEN ?2 AND ?3", err);
        if (s == NULL) return false;
        store_bind(s, 1, match);
        sqlite3_bind_int64(s, 2, l->withheld[i].first);
        sqlite3_bind_int64(s, 3, l->withheld[i].last);
        bool ok = sqlite3_step(s) == SQLITE_ROW || store_fail(l, err);
        if (ok) *out += (uint64_t)sqlite3_column_int64(s, 0);
        store_done(s);
        if (!ok) return false;
    }
    return true;
}
