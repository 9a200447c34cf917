/* gguf: one model file, mapped and checked, never copied.
 *
 * Owns the mapping, a sorted table of the metadata keys and a table of the tensors. Everything in
 * the file is a claim until it has been held against the bytes that are really there: counts are
 * compared with the bytes left before a table is taken, lengths and offsets are added only after
 * the sum is known to fit. A cursor that once failed stays failed, so that reading code stays
 * straight and every failure ends in one sentence. Format: GGUF versions 2 and 3, little-endian
 * (ggml, docs/gguf.md).
 *
 * Never looks at what the weights mean, and never writes. A file that another program shortens
 * while it is mapped ends in SIGBUS, for which the program has a sentence: models are replaced by
 * rename, never in place.
 */
#include "engine/engine.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    /* A model of 100 layers has about 1,500 tensors and 60 keys: room for the odd one, and a
     * bound on what a hostile file can make us allocate. */
    MAX_TENSORS = 65536,
    MAX_KEYS = 65536,
    MAX_RANK = 4,          /* by the format */
    MAX_NAME = 1024,       /* the format allows 64 for tensors; a key is at most 65535 */
    MIN_KEY_BYTES = 13,    /* length 8, type 4, value 1 */
    MIN_TENSOR_BYTES = 32, /* length 8, rank 4, one dimension 8, type 4, offset 8 */
    DEFAULT_ALIGNMENT = 32,
    MIN_ALIGNMENT = 8, /* so that float32 in the mapping can be read in place */
    MAX_ALIGNMENT = 1 << 20
};

typedef enum {
    KIND_U8,
    KIND_I8,
    KIND_U16,
    KIND_I16,
    KIND_U32,
    KIND_I32,
    KIND_F32,
    KIND_BOOL,
    KIND_STRING,
    KIND_ARRAY,
    KIND_U64,
    KIND_I64,
    KIND_F64,
    KIND_COUNT
} kind;

/* Bytes of one value; 0 for kinds of no fixed size. */
static const uint8_t kind_bytes[KIND_COUNT] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

typedef struct {
    str key;
    kind type; /* KIND_ARRAY: of `item` */
    kind item;
    uint64_t count;       /* items of an array */
    const uint8_t *value; /* scalar, string with its length in front, or first item */
    uint64_t *starts;     /* arrays of strings: where item i lies, from `value`; owned */
} entry;

struct engine_gguf {
    const uint8_t *bytes;
    size_t n;
    bool mapped;
    char *path;
    entry *entries; /* sorted by key */
    size_t entry_count;
    engine_tensor *tensors; /* in file order */
    const engine_tensor **by_name;
    size_t tensor_count;
};

/* ---- the cursor --------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *p;
    size_t n, at;
    bool failed;
} cursor;

static size_t left(const cursor *c) {
    return c->failed ? 0 : c->n - c->at;
}

/* NULL when fewer than n bytes are left; the cursor then stays failed. */
static const uint8_t *take(cursor *c, uint64_t n) {
    if (c->failed || n > c->n - c->at) {
        c->failed = true;
        return NULL;
    }
    const uint8_t *p = c->p + c->at;
    c->at += (size_t)n;
    return p;
}

/* Little-endian, by bytes: right on every machine and at every alignment. */
static uint64_t load(const uint8_t *p, size_t n) {
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        v |= (uint64_t)p[i] << (8 * i);
    }
    return v;
}

static uint32_t take_u32(cursor *c) {
    const uint8_t *p = take(c, 4);
    return p ? (uint32_t)load(p, 4) : 0;
}

static uint64_t take_u64(cursor *c) {
    const uint8_t *p = take(c, 8);
    return p ? load(p, 8) : 0;
}

static str take_str(cursor *c) {
    uint64_t n = take_u64(c);
    const uint8_t *p = take(c, n);
    return p ? (str){(const char *)p, (size_t)n} : (str){NULL, 0};
}

static int compare(str a, str b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int d = n ? memcmp(a.p, b.p, n) : 0;
    return d ? d : (a.n > b.n) - (a.n < b.n);
}

/* Names come from the file and go into a sentence: bytes that are not printable ASCII would let a
 * file write escape codes to a terminal. */
typedef struct {
    char s[80];
} shown;

static shown show(str name) {
    shown out = {{0}};
    size_t n = name.n < sizeof out.s - 4 ? name.n : sizeof out.s - 4;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        out.s[i] = (char)(c >= 0x20 && c < 0x7F ? c : '?');
    }
    if (n < name.n) {
        memcpy(out.s + n, "...", 4);
    }
    return out;
}

static bool cut_short(const engine_gguf *g, const char *where, error *err) {
    return error_set(err, ERROR_MODEL,
                     "%s: the file ends inside %s; it is cut short or damaged, copy it again",
                     g->path, where);
}

/* ---- metadata ----------------------------------------------------------------------------- */

static bool read_array(engine_gguf *g, cursor *c, entry *e, error *err) {
    uint32_t item = take_u32(c);
    e->count = take_u64(c);
    if (c->failed) {
        return cut_short(g, "its metadata", err);
    }
    if (item >= KIND_COUNT || item == KIND_ARRAY) {
        return error_set(err, ERROR_MODEL,
                         "%s: metadata key \"%s\" is an array of kind %" PRIu32
                         ", which no model uses",
                         g->path, show(e->key).s, item);
    }
    e->item = (kind)item;
    e->value = c->p + c->at;
    if (item != KIND_STRING) {
        if (e->count > left(c) / kind_bytes[item]) {
            return cut_short(g, "its metadata", err);
        }
        take(c, e->count * kind_bytes[item]);
        return true;
    }
    if (e->count > left(c) / 8) { /* each string has its length in front */
        return cut_short(g, "its metadata", err);
    }
    e->starts = mem_new((size_t)e->count + 1, sizeof *e->starts);
    size_t begin = c->at;
    for (uint64_t i = 0; i < e->count && !c->failed; i++) {
        e->starts[i] = c->at - begin;
        take_str(c);
    }
    return c->failed ? cut_short(g, "its metadata", err) : true;
}

static bool read_entry(engine_gguf *g, cursor *c, entry *e, error *err) {
    e->key = take_str(c);
    uint32_t type = take_u32(c);
    if (c->failed) {
        return cut_short(g, "its metadata", err);
    }
    if (e->key.n > MAX_NAME || type >= KIND_COUNT) {
        return error_set(err, ERROR_MODEL,
                         "%s: metadata key \"%s\" is not valid; the file is damaged", g->path,
                         show(e->key).s);
    }
    e->type = (kind)type;
    if (type == KIND_ARRAY) {
        return read_array(g, c, e, err);
    }
    e->value = c->p + c->at;
    if (type == KIND_STRING) {
        take_str(c);
    } else {
        take(c, kind_bytes[type]);
    }
    if (c->failed) {
        return cut_short(g, "its metadata", err);
    }
    if (type == KIND_BOOL && *e->value > 1) {
        return error_set(err, ERROR_MODEL,
                         "%s: metadata key \"%s\" is neither true nor false; the file is damaged",
                         g->path, show(e->key).s);
    }
    return true;
}

static int by_key(const void *a, const void *b) {
    return compare(((const entry *)a)->key, ((const entry *)b)->key);
}

static bool read_entries(engine_gguf *g, cursor *c, uint64_t count, error *err) {
    if (count <= MAX_KEYS && count > left(c) / MIN_KEY_BYTES) {
        return cut_short(g, "its metadata", err);
    }
    if (count > MAX_KEYS) {
        return error_set(err, ERROR_MODEL,
                         "%s: claims %" PRIu64 " metadata keys, more than any model has "
                         "(limit %d); the file is damaged",
                         g->path, count, MAX_KEYS);
    }
    g->entries = mem_new((size_t)count + 1, sizeof *g->entries);
    for (uint64_t i = 0; i < count; i++) {
        g->entry_count = (size_t)i + 1; /* so that close frees what was taken up to here */
        if (!read_entry(g, c, &g->entries[i], err)) {
            return false;
        }
    }
    qsort(g->entries, g->entry_count, sizeof *g->entries, by_key);
    for (size_t i = 1; i < g->entry_count; i++) {
        if (compare(g->entries[i - 1].key, g->entries[i].key) == 0) {
            return error_set(err, ERROR_MODEL, "%s: metadata key \"%s\" stands twice in the file",
                             g->path, show(g->entries[i].key).s);
        }
    }
    return true;
}

/* ---- tensors ------------------------------------------------------------------------------ */

/* Fills rank, shape, type and bytes; data is set later, when the start of the weights is known, and
 * holds the offset until then in *offset. */
static bool read_tensor(engine_gguf *g, cursor *c, engine_tensor *t, uint64_t *offset, error *err) {
    t->name = take_str(c);
    t->rank = take_u32(c);
    if (c->failed) {
        return cut_short(g, "its table of tensors", err);
    }
    if (t->name.n == 0 || t->name.n > MAX_NAME || t->rank == 0 || t->rank > MAX_RANK) {
        return error_set(err, ERROR_MODEL,
                         "%s: tensor \"%s\" has rank %" PRIu32
                         "; a tensor has a name and 1 to %d dimensions",
                         g->path, show(t->name).s, t->rank, MAX_RANK);
    }
    uint64_t rows = 1;
    for (uint32_t i = 0; i < MAX_RANK; i++) {
        t->shape[i] = i < t->rank ? take_u64(c) : 1;
        if (!c->failed && (t->shape[i] == 0 || t->shape[i] > INT64_MAX / rows)) {
            return error_set(err, ERROR_MODEL,
                             "%s: tensor \"%s\" has an impossible shape; the file is damaged",
                             g->path, show(t->name).s);
        }
        rows = i > 0 && !c->failed ? rows * t->shape[i] : rows;
    }
    t->type = take_u32(c);
    *offset = take_u64(c);
    if (c->failed) {
        return cut_short(g, "its table of tensors", err);
    }
    size_t row = engine_row_bytes(t->type, t->shape[0]);
    bool known = engine_row_bytes(t->type, 256) != 0; /* every block length divides 256 */
    if (known && (row == 0 || rows > SIZE_MAX / row)) {
        return error_set(err, ERROR_MODEL,
                         "%s: tensor \"%s\" has rows of %" PRIu64
                         " values, which type %s cannot hold",
                         g->path, show(t->name).s, t->shape[0], engine_type_name(t->type));
    }
    t->bytes = known ? (uint64_t)row * rows : 0;
    return true;
}

static int by_name(const void *a, const void *b) {
    return compare((*(const engine_tensor *const *)a)->name,
                   (*(const engine_tensor *const *)b)->name);
}

static bool sort_tensors(engine_gguf *g, error *err) {
    g->by_name = mem_new(g->tensor_count + 1, sizeof *g->by_name);
    for (size_t i = 0; i < g->tensor_count; i++) {
        g->by_name[i] = &g->tensors[i];
    }
    qsort(g->by_name, g->tensor_count, sizeof *g->by_name, by_name);
    for (size_t i = 1; i < g->tensor_count; i++) {
        if (compare(g->by_name[i - 1]->name, g->by_name[i]->name) == 0) {
            return error_set(err, ERROR_MODEL, "%s: tensor \"%s\" stands twice in the file",
                             g->path, show(g->by_name[i]->name).s);
        }
    }
    return true;
}

/* Data begins at the first multiple of the alignment after the table. */
static bool place_tensors(engine_gguf *g, const uint64_t *offsets, size_t table_end,
                          uint64_t alignment, error *err) {
    uint64_t begin = ((uint64_t)table_end + alignment - 1) & ~(alignment - 1);
    for (size_t i = 0; i < g->tensor_count; i++) {
        engine_tensor *t = &g->tensors[i];
        if (offsets[i] % alignment != 0) {
            return error_set(err, ERROR_MODEL,
                             "%s: tensor \"%s\" is not aligned to %" PRIu64
                             " bytes; the file is damaged",
                             g->path, show(t->name).s, alignment);
        }
        if (begin > g->n || offsets[i] > g->n - begin || t->bytes > g->n - begin - offsets[i]) {
            return error_set(err, ERROR_MODEL,
                             "%s: tensor \"%s\" ends after the end of the file; it is cut short "
                             "or damaged, copy it again",
                             g->path, show(t->name).s);
        }
        t->data = g->bytes + begin + offsets[i];
    }
    return true;
}

static bool read_tensors(engine_gguf *g, cursor *c, uint64_t count, error *err) {
    uint64_t *offsets = NULL;
    uint32_t alignment = DEFAULT_ALIGNMENT;
    bool ok = false;

    if (count <= MAX_TENSORS && count > left(c) / MIN_TENSOR_BYTES) {
        return cut_short(g, "its table of tensors", err);
    }
    if (count > MAX_TENSORS) {
        return error_set(err, ERROR_MODEL,
                         "%s: claims %" PRIu64 " tensors, more than any model has "
                         "(limit %d); the file is damaged",
                         g->path, count, MAX_TENSORS);
    }
    g->tensor_count = (size_t)count;
    g->tensors = mem_new(g->tensor_count + 1, sizeof *g->tensors);
    offsets = mem_new(g->tensor_count + 1, sizeof *offsets);
    for (size_t i = 0; i < g->tensor_count; i++) {
        if (!read_tensor(g, c, &g->tensors[i], &offsets[i], err)) {
            goto done;
        }
    }
    engine_gguf_u32(g, "general.alignment", &alignment);
    if (alignment < MIN_ALIGNMENT || alignment > MAX_ALIGNMENT ||
        (alignment & (alignment - 1)) != 0) {
        error_set(err, ERROR_MODEL,
                  "%s: general.alignment is %" PRIu32 ", which is not a power of two from %d to %d",
                  g->path, alignment, MIN_ALIGNMENT, MAX_ALIGNMENT);
        goto done;
    }
    ok = place_tensors(g, offsets, c->at, alignment, err) && sort_tensors(g, err);
done:
    mem_free(offsets);
    return ok;
}

/* ---- opening and closing ------------------------------------------------------------------ */

static bool read_file(engine_gguf *g, error *err) {
    cursor c = {g->bytes, g->n, 0, false};
    const uint8_t *magic = take(&c, 4);
    if (magic == NULL || memcmp(magic, "GGUF", 4) != 0) {
        return error_set(err, ERROR_MODEL, "%s: not a GGUF file; give a model in the GGUF format",
                         g->path);
    }
    uint32_t version = take_u32(&c);
    uint64_t tensors = take_u64(&c);
    uint64_t keys = take_u64(&c);
    if (c.failed) {
        return cut_short(g, "its header", err);
    }
    if (version != 2 && version != 3) {
        return error_set(err, ERROR_MODEL,
                         "%s: GGUF version %" PRIu32 "%s cannot be read, only "
                         "little-endian versions 2 and 3",
                         g->path, version,
                         (version & 0xFFFFu) == 0 && version != 0 ? " (big-endian)" : "");
    }
    return read_entries(g, &c, keys, err) && read_tensors(g, &c, tensors, err);
}

static char *copy_path(const char *path) {
    size_t n = strlen(path) + 1;
    return memcpy(mem_new(n, 1), path, n);
}

bool engine_gguf_open_memory(const void *bytes, size_t n, engine_gguf **out, error *err) {
    assert((uintptr_t)bytes % MIN_ALIGNMENT == 0);
    engine_gguf *g = mem_new(1, sizeof *g);
    g->bytes = bytes;
    g->n = n;
    g->path = copy_path("(memory)");
    if (!read_file(g, err)) {
        engine_gguf_close(g);
        return false;
    }
    *out = g;
    return true;
}

static bool map_file(engine_gguf *g, error *err) {
    struct stat st;
    bool ok = false;
    /* A pipe is not waited for; what is no plain file is refused below. */
    int fd = open(g->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO,
                         "%s: the model cannot be opened: %s", g->path, strerror(errno));
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0) {
        error_set(err, ERROR_MODEL, "%s: not a GGUF file; give a model in the GGUF format",
                  g->path);
        goto done;
    }
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) {
        error_set(err, ERROR_IO, "%s: the model cannot be mapped into memory: %s", g->path,
                  strerror(errno));
        goto done;
    }
    g->bytes = p;
    g->n = (size_t)st.st_size;
    g->mapped = true;
    ok = true;
done:
    close(fd);
    return ok;
}

bool engine_gguf_open(const char *path, engine_gguf **out, error *err) {
    engine_gguf *g = mem_new(1, sizeof *g);
    g->path = copy_path(path);
    if (!map_file(g, err) || !read_file(g, err)) {
        engine_gguf_close(g);
        return false;
    }
    *out = g;
    return true;
}

void engine_gguf_release(const engine_gguf *g, const void *p, size_t n) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)p + page - 1) & ~(page - 1), to = ((uintptr_t)p + n) & ~(page - 1);
    if (g->mapped && from < to) madvise((void *)from, to - from, MADV_DONTNEED);
}

void engine_gguf_close(engine_gguf *g) {
    if (g == NULL) {
        return;
    }
    for (size_t i = 0; i < g->entry_count; i++) {
        mem_free(g->entries[i].starts);
    }
    mem_free(g->entries);
    mem_free(g->tensors);
    mem_free(g->by_name);
    mem_free(g->path);
    if (g->mapped) {
        munmap((void *)(uintptr_t)g->bytes, g->n);
    }
    mem_free(g);
}

/* ---- looking things up -------------------------------------------------------------------- */

str engine_gguf_path(const engine_gguf *g) {
    return str_of(g->path);
}

uint64_t engine_gguf_bytes(const engine_gguf *g) {
    return g->n;
}

size_t engine_gguf_tensor_count(const engine_gguf *g) {
    return g->tensor_count;
}

const engine_tensor *engine_gguf_tensor_at(const engine_gguf *g, size_t i) {
    assert(i < g->tensor_count);
    return &g->tensors[i];
}

const engine_tensor *engine_gguf_find(const engine_gguf *g, const char *name) {
    str wanted = str_of(name);
    size_t low = 0, high = g->tensor_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int d = compare(wanted, g->by_name[middle]->name);
        if (d == 0) {
            return g->by_name[middle];
        }
        if (d < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

/* "[576, 49152]" */
static shown show_shape(uint32_t rank, const uint64_t *shape) {
    shown out = {{0}};
    size_t n = 0;
    for (uint32_t i = 0; i < rank && i < MAX_RANK; i++) {
        int k = snprintf(out.s + n, sizeof out.s - n, "%s%" PRIu64, i ? ", " : "[", shape[i]);
        n += (size_t)k;
        if (n >= sizeof out.s - 1) {
            return out;
        }
    }
    snprintf(out.s + n, sizeof out.s - n, "]");
    return out;
}

bool engine_gguf_need(const engine_gguf *g, const char *name, uint32_t rank, const uint64_t *shape,
                      const engine_tensor **out, error *err) {
    const engine_tensor *t = engine_gguf_find(g, name);
    if (t == NULL) {
        return error_set(err, ERROR_MODEL, "%s: tensor \"%s\" is missing", g->path, name);
    }
    for (uint32_t i = 0; i < MAX_RANK; i++) {
        if (t->shape[i] != (i < rank ? shape[i] : 1)) {
            return error_set(err, ERROR_MODEL, "%s: tensor \"%s\" has shape %s instead of %s",
                             g->path, name, show_shape(t->rank, t->shape).s,
                             show_shape(rank, shape).s);
        }
    }
    if (!engine_type_runs(t->type)) {
        return error_set(err, ERROR_MODEL,
                         "%s: tensor \"%s\" is of type %s (%" PRIu32 "), which this build cannot "
                         "run; take the Q4_K_M or Q8_0 file of the model",
                         g->path, name, engine_type_name(t->type), t->type);
    }
    *out = t;
    return true;
}

static const entry *find_entry(const engine_gguf *g, const char *key) {
    entry wanted = {.key = str_of(key)};
    return bsearch(&wanted, g->entries, g->entry_count, sizeof wanted, by_key);
}

/* An integer of any width, as its 64 bits and whether they are a negative number. */
static bool load_integer(kind type, const uint8_t *p, int64_t *out) {
    uint64_t v;
    switch (type) {
    case KIND_U8:
    case KIND_U16:
    case KIND_U32:
    case KIND_U64:
        v = load(p, kind_bytes[type]);
        if (v > INT64_MAX) {
            return false;
        }
        *out = (int64_t)v;
        return true;
    case KIND_I8:
        *out = (int8_t)load(p, 1);
        return true;
    case KIND_I16:
        *out = (int16_t)load(p, 2);
        return true;
    case KIND_I32:
        *out = (int32_t)load(p, 4);
        return true;
    case KIND_I64:
        *out = (int64_t)load(p, 8);
        return true;
    default:
        return false;
    }
}

static bool load_float(kind type, const uint8_t *p, float *out) {
    if (type == KIND_F32) {
        uint32_t bits = (uint32_t)load(p, 4);
        memcpy(out, &bits, sizeof bits);
        return true;
    }
    if (type == KIND_F64) {
        uint64_t bits = load(p, 8);
        double d;
        memcpy(&d, &bits, sizeof d);
        *out = (float)d;
        return true;
    }
    return false;
}

size_t engine_gguf_key_count(const engine_gguf *g) {
    return g->entry_count;
}

void engine_gguf_key_at(const engine_gguf *g, size_t i, str *key, str *value) {
    assert(i < g->entry_count);
    const entry *e = &g->entries[i];
    bool array = e->type == KIND_ARRAY;
    const uint8_t *begin = e->value - (array ? 16 : 4), *end = e->value;
    if (e->type == KIND_STRING) {
        end += 8 + load(e->value, 8);
    } else if (array && e->item == KIND_STRING) {
        const uint8_t *last = e->count ? e->value + e->starts[e->count - 1] : NULL;
        end = last ? last + 8 + load(last, 8) : end;
    } else {
        end += array ? e->count * kind_bytes[e->item] : kind_bytes[e->type];
    }
    *key = e->key;
    *value = (str){(const char *)begin, (size_t)(end - begin)};
}

bool engine_gguf_u32(const engine_gguf *g, const char *key, uint32_t *out) {
    const entry *e = find_entry(g, key);
    int64_t v;
    if (e == NULL || !load_integer(e->type, e->value, &v) || v < 0 || v > UINT32_MAX) {
        return false;
    }
    *out = (uint32_t)v;
    return true;
}

bool engine_gguf_f32(const engine_gguf *g, const char *key, float *out) {
    const entry *e = find_entry(g, key);
    return e != NULL && load_float(e->type, e->value, out);
}

bool engine_gguf_bool(const engine_gguf *g, const char *key, bool *out) {
    const entry *e = find_entry(g, key);
    if (e == NULL || e->type != KIND_BOOL) {
        return false;
    }
    *out = *e->value == 1;
    return true;
}

static str string_at(const uint8_t *p) {
    return (str){(const char *)p + 8, (size_t)load(p, 8)};
}

bool engine_gguf_str(const engine_gguf *g, const char *key, str *out) {
    const entry *e = find_entry(g, key);
    if (e == NULL || e->type != KIND_STRING) {
        return false;
    }
    *out = string_at(e->value);
    return true;
}

/* The entry when `key` is an array that has an item i. */
static const entry *find_item(const engine_gguf *g, const char *key, size_t i) {
    const entry *e = find_entry(g, key);
    return e != NULL && e->type == KIND_ARRAY && i < e->count ? e : NULL;
}

size_t engine_gguf_array_count(const engine_gguf *g, const char *key) {
    const entry *e = find_item(g, key, 0);
    return e ? (size_t)e->count : 0;
}

bool engine_gguf_array_str(const engine_gguf *g, const char *key, size_t i, str *out) {
    const entry *e = find_item(g, key, i);
    if (e == NULL || e->item != KIND_STRING) {
        return false;
    }
    *out = string_at(e->value + e->starts[i]);
    return true;
}

bool engine_gguf_array_f32(const engine_gguf *g, const char *key, size_t i, float *out) {
    const entry *e = find_item(g, key, i);
    return e != NULL && e->item != KIND_STRING &&
           load_float(e->item, e->value + i * kind_bytes[e->item], out);
}

bool engine_gguf_array_i32(const engine_gguf *g, const char *key, size_t i, int32_t *out) {
    const entry *e = find_item(g, key, i);
    int64_t v;
    if (e == NULL || e->item == KIND_STRING ||
        !load_integer(e->item, e->value + i * kind_bytes[e->item], &v) || v < INT32_MIN ||
        v > INT32_MAX) {
        return false;
    }
    *out = (int32_t)v;
    return true;
}
