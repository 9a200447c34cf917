/* All vectors of the library in memory, and the exact scan over them.
 *
 * They are loaded at the first question that needs them, into one array whose rows are padded to
 * VECTORS_ALIGN bytes, so that a kernel reads memory in order and has no tail. When the library has
 * changed since, new blocks are appended; only after a removal is everything read again. The scan
 * takes the dot products of a tile of rows and passes them through a bounded heap; equal scores are
 * ordered by chunk id, so that the same question gives the same answer on every machine.
 *
 * Knows nothing of embedding models beyond the width that the library records.
 */
#include "index/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Dot products computed at once: small enough to stay in the first cache. */
#define TILE_ROWS 1024

void vectors_free(vector_store *v) {
    free(v->rows);
    mem_free(v->scales);
    mem_free(v->chunks);
    memset(v, 0, sizeof(*v));
}

vectors_dot *vectors_choose(void) {
#if defined(__x86_64__)
    const cpu_features *cpu = cpu_get();
    if (cpu->avx512 && cpu->avx512_vnni) return vectors_dot_avx512;
    if (cpu->avx2) return vectors_dot_avx2;
#endif
    return vectors_dot_scalar;
}

/* ---- loading -------------------------------------------------------------------------------- */

static bool reserve(vector_store *v, size_t count, error *err) {
    if (count <= v->capacity) return true;
    size_t capacity = v->capacity + v->capacity / 4;
    if (capacity < count) capacity = count;
    void *rows = NULL;
    if (capacity > SIZE_MAX / v->stride ||
        posix_memalign(&rows, VECTORS_ALIGN, capacity * v->stride) != 0)
        return error_set(err, ERROR_LIMIT,
                         "There is no memory for %zu vectors of width %zu; close "
                         "other programs.",
                         capacity, v->width);
    if (v->count > 0) memcpy(rows, v->rows, v->count * v->stride);
    free(v->rows);
    v->rows = rows;
    v->scales = mem_grow(v->scales, capacity, sizeof(float));
    v->chunks = mem_grow(v->chunks, capacity, sizeof(int64_t));
    v->capacity = capacity;
    return true;
}

/* A row of: id, first_chunk, rows, scales, vectors. */
static bool append_block(index_library *l, sqlite3_stmt *s, error *err) {
    vector_store *v = &l->vectors;
    int64_t first = sqlite3_column_int64(s, 1), rows = sqlite3_column_int64(s, 2);
    const char *scales = sqlite3_column_blob(s, 3), *vectors = sqlite3_column_blob(s, 4);
    int64_t last = v->count > 0 ? v->chunks[v->count - 1] : 0;
    if (rows < 1 || rows > INT32_MAX / VECTORS_MAX_WIDTH || first <= last ||
        first > INT64_MAX - rows || sqlite3_column_bytes(s, 3) != rows * (int64_t)sizeof(float) ||
        sqlite3_column_bytes(s, 4) != rows * (int64_t)v->width)
        return store_damaged(l, "a block of vectors is not readable", err);
    if (!reserve(v, v->count + (size_t)rows, err)) return false;
    memcpy(v->scales + v->count, scales, (size_t)rows * sizeof(float));
    for (size_t i = 0; i < (size_t)rows; i++) {
        int8_t *row = v->rows + (v->count + i) * v->stride;
        memcpy(row, vectors + i * v->width, v->width);
        memset(row + v->width, 0, v->stride - v->width);
        v->chunks[v->count + i] = first + (int64_t)i;
        if (!(isfinite(v->scales[v->count + i]) && v->scales[v->count + i] >= 0))
            return store_damaged(l, "a vector has no usable scale", err);
    }
    v->count += (size_t)rows;
    v->last_block = sqlite3_column_int64(s, 0);
    return true;
}

static bool read_model(index_library *l, uint8_t hash[32], error *err) {
    sqlite3_stmt *s = store_prepare(l, "SELECT model_hash FROM library WHERE id = 1", err);
    if (s == NULL) return false;
    bool ok = sqlite3_step(s) == SQLITE_ROW || store_fail(l, err);
    if (ok && sqlite3_column_bytes(s, 0) == 32)
        memcpy(hash, sqlite3_column_blob(s, 0), 32);
    else if (ok)
        ok = store_damaged(l, "the record of its embedding model is not readable", err);
    store_done(s);
    return ok;
}

static bool load_blocks(index_library *l, error *err) {
    vector_store *v = &l->vectors;
    int64_t width, removals, rows;
    if (!store_integer(l, "SELECT model_width FROM library WHERE id = 1", 0, &width, err) ||
        !store_integer(l, "SELECT removals FROM library WHERE id = 1", 0, &removals, err) ||
        !store_integer(l, "SELECT total(rows) FROM block", 0, &rows, err))
        return false;
    if (width < 0 || width > VECTORS_MAX_WIDTH)
        return store_damaged(l, "the width of its vectors is not readable", err);
    if ((size_t)width != v->width || removals != v->removals) vectors_free(v);
    if (width > 0 && !read_model(l, v->model, err)) return false;
    v->width = (size_t)width;
    v->stride = (v->width + VECTORS_ALIGN - 1) / VECTORS_ALIGN * VECTORS_ALIGN;
    v->removals = removals;
    if (width == 0) return true;
    /* One allocation for a library of a sane count; a damaged count grows as blocks come. */
    if (rows > (int64_t)v->count && rows <= INT32_MAX && v->count == 0 &&
        !reserve(v, (size_t)rows, err))
        return false;
    sqlite3_stmt *s = store_prepare(
        l, "SELECT id, first_chunk, rows, scales, vectors FROM block WHERE id > ?1 ORDER BY id",
        err);
    if (s == NULL) return false;
    sqlite3_bind_int64(s, 1, v->last_block);
    int code = SQLITE_DONE;
    bool ok = true;
    while (ok && (code = sqlite3_step(s)) == SQLITE_ROW) ok = append_block(l, s, err);
    if (ok && code != SQLITE_DONE) ok = store_fail(l, err);
    store_done(s);
    return ok;
}

/* Brings the array up to date, within one read transaction. */
static bool refresh(index_library *l, error *err) {
    vector_store *v = &l->vectors;
    int64_t version;
    if (!store_integer(l, "PRAGMA data_version", 0, &version, err)) return false;
    if (v->loaded && v->data_version == version && v->own_changes == l->own_changes) return true;
    if (!store_run(l, "BEGIN", err)) return false;
    uint64_t own_changes = l->own_changes;
    bool ok = load_blocks(l, err);
    store_rollback(l); /* nothing was written */
    if (!ok) {
        vectors_free(v);
        return false;
    }
    v->loaded = true;
    v->data_version = version;
    v->own_changes = own_changes;
    return true;
}

/* The vectors as they are now, of the model that the caller's question comes from. */
static bool ready(index_library *l, float scale, error *err) {
    if (!isfinite(scale))
        return error_set(err, ERROR_INTERNAL, "The vector of the question has no usable scale.");
    if (!refresh(l, err)) return false;
    const vector_store *v = &l->vectors;
    if (!l->expects || v->width == 0 || memcmp(v->model, l->expected, sizeof(v->model)) == 0)
        return true;
    return error_set(err, ERROR_MODEL,
                     "The library %s has been given another embedding model meanwhile; ask again.",
                     l->path);
}

/* ---- the scan ------------------------------------------------------------------------------- */

/* a stands behind b in the result. */
static bool worse(const index_hit *a, const index_hit *b) {
    return a->score != b->score ? a->score < b->score : a->chunk > b->chunk;
}

/* The heap has the worst hit on top. */
static void sift_down(index_hit *heap, size_t n, size_t at) {
    index_hit hit = heap[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && worse(&heap[child + 1], &heap[child])) child++;
        if (!worse(&heap[child], &hit)) break;
        heap[at] = heap[child];
    }
    heap[at] = hit;
}

static void offer(index_hit *heap, size_t *n, size_t limit, index_hit hit) {
    if (*n < limit) {
        heap[(*n)++] = hit;
        if (*n == limit) {
            for (size_t i = limit / 2; i-- > 0;) sift_down(heap, limit, i);
        }
    } else if (worse(&heap[0], &hit)) {
        heap[0] = hit;
        sift_down(heap, limit, 0);
    }
}

static int compare_hit(const void *a, const void *b) {
    const index_hit *x = a, *y = b;
    return worse(y, x) ? -1 : worse(x, y);
}

/* The query as the kernels want it: aligned, padded with zeros. */
static void pad_query(const vector_store *v, const int8_t *query, int8_t *out) {
    memset(out, 0, VECTORS_MAX_WIDTH);
    memcpy(out, query, v->width);
}

static double cosine_of(float scale, float query_scale, int32_t dot) {
    double cosine = (double)scale * (double)query_scale * dot;
    return cosine > 1.0 ? 1.0 : cosine < -1.0 ? -1.0 : cosine;
}

bool index_search_vectors(index_library *l, const int8_t *query, float scale, size_t limit,
                          arena *a, index_hit **out, size_t *count, error *err) {
    _Alignas(VECTORS_ALIGN) int8_t padded[VECTORS_MAX_WIDTH];
    int32_t dots[TILE_ROWS];
    *out = NULL;
    *count = 0;
    if (!ready(l, scale, err)) return false;
    const vector_store *v = &l->vectors;
    if (limit > v->count) limit = v->count;
    if (limit == 0) return true;
    vectors_dot *dot = vectors_choose();
    index_hit *heap = arena_alloc(a, limit, sizeof(*heap));
    size_t n = 0;
    pad_query(v, query, padded);
    for (size_t at = 0; at < v->count; at += TILE_ROWS) {
        size_t rows = v->count - at < TILE_ROWS ? v->count - at : TILE_ROWS;
        dot(v->rows + at * v->stride, rows, v->stride, padded, dots);
        for (size_t i = 0; i < rows; i++) {
            if (l->withheld_count > 0 && withheld_has(l, v->chunks[at + i])) continue;
            offer(heap, &n, limit,
                  (index_hit){v->chunks[at + i], cosine_of(v->scales[at + i], scale, dots[i])});
        }
    }
    qsort(heap, n, sizeof(*heap), compare_hit);
    *out = heap;
    *count = n;
    return true;
}

bool index_chunk_cosine(index_library *l, int64_t chunk, const int8_t *query, float scale,
                        double *out, error *err) {
    _Alignas(VECTORS_ALIGN) int8_t padded[VECTORS_MAX_WIDTH];
    int32_t dot;
    *out = 0;
    if (!ready(l, scale, err)) return false;
    const vector_store *v = &l->vectors;
    size_t low = 0, high = v->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (v->chunks[middle] < chunk)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == v->count || v->chunks[low] != chunk) return true;
    pad_query(v, query, padded);
    vectors_choose()(v->rows + low * v->stride, 1, v->stride, padded, &dot);
    *out = cosine_of(v->scales[low], scale, dot);
    return true;
}
