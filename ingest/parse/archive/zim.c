/* A ZIM file (Kiwix): a web site to be read without the web, each of its articles a part.
 *
 * Owns the reading of the format (openzim.org/wiki/ZIM_file_format): a list of entries by path, and
 * clusters of their bytes that are compressed together. libzim reads it too, but only a file that
 * it can open by a path, and that the lock forbids (/dev/fd included). Everything here is looked up
 * in the mapped bytes, each number held against the file's size before it is used.
 *
 * Articles are the entries of type text/html in the content's namespace; redirects are none. A
 * cluster is unpacked no farther than its articles need, and once for those that are asked for
 * together.
 */
#include <lzma.h>
#include <string.h>
#include <zstd.h>

#include "ingest/parse/parse.h"

#define HEADER_BYTES 80u
#define REDIRECT 0xffffu
#define TYPES_MAX 4096u /* kinds of files in one archive; there are dozens */
/* Of a cluster, up to the end of the article; writers make clusters of 2 MiB. */
#define UNPACKED_MAX_BYTES (256ull << 20)
#define ARTICLE_MAX_BYTES (64ull << 20)
#define XZ_MEMORY_BYTES (128ull << 20)
#define STEP_BYTES (256u << 10)

typedef struct {
    str bytes;
    uint32_t entries, clusters;
    uint64_t path_list, cluster_list, type_list;
    bool new_names; /* content is in C, not in A */
    str types[TYPES_MAX];
    size_t type_count;
} zim;

/* ---- numbers and places --------------------------------------------------------------------- */

static uint64_t number(str s, uint64_t at, unsigned bytes) {
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++) v |= (uint64_t)(unsigned char)s.p[at + i] << 8 * i;
    return v;
}

/* Are there n bytes at this place? */
static bool fits(str s, uint64_t at, uint64_t n) {
    return at <= s.n && n <= s.n - at;
}

static bool damaged(const char *what, error *err) {
    return error_set(err, ERROR_INPUT, "the ZIM file is damaged: %s", what);
}

/* Up to the zero byte; false where none comes. */
static bool zero_ended(str s, uint64_t at, str *out) {
    const char *end = at < s.n ? memchr(s.p + at, 0, s.n - at) : NULL;
    if (!end) return false;
    *out = (str){s.p + at, (size_t)(end - (s.p + at))};
    return true;
}

/* ---- opening ------------------------------------------------------------------------------- */

static bool read_types(zim *z, error *err) {
    uint64_t at = z->type_list;
    for (str type;; at += type.n + 1) {
        if (!zero_ended(z->bytes, at, &type)) return damaged("its list of types does not end", err);
        if (type.n == 0) return true;
        if (z->type_count == TYPES_MAX) return damaged("it has too many types", err);
        z->types[z->type_count++] = type;
    }
}

static bool open_zim(str bytes, zim *z, error *err) {
    *z = (zim){.bytes = bytes};
    if (bytes.n < HEADER_BYTES) return damaged("it ends within its header", err);
    uint64_t major = number(bytes, 4, 2), minor = number(bytes, 6, 2);
    if (major != 5 && major != 6)
        return error_set(err, ERROR_INPUT,
                         "this is a ZIM file of version %u, and Carrel reads 5 and 6",
                         (unsigned)major);
    z->new_names = major == 6 && minor >= 1;
    z->entries = (uint32_t)number(bytes, 24, 4);
    z->clusters = (uint32_t)number(bytes, 28, 4);
    z->path_list = number(bytes, 32, 8);
    z->cluster_list = number(bytes, 48, 8);
    z->type_list = number(bytes, 56, 8);
    if (!fits(bytes, z->path_list, 8ull * z->entries) ||
        !fits(bytes, z->cluster_list, 8ull * z->clusters))
        return damaged("its lists lie beyond its end", err);
    return read_types(z, err);
}

/* ---- entries ------------------------------------------------------------------------------- */

typedef struct {
    char space;
    bool html;
    uint32_t cluster, blob;
    str path, title;
} entry;

typedef enum { ENTRY_READ, ENTRY_REDIRECT, ENTRY_BROKEN } entry_state;

static entry_state read_entry(const zim *z, uint64_t i, entry *out) {
    uint64_t at = number(z->bytes, z->path_list + 8 * i, 8);
    if (!fits(z->bytes, at, 16)) return ENTRY_BROKEN;
    uint64_t type = number(z->bytes, at, 2);
    if (type == REDIRECT) return ENTRY_REDIRECT;
    out->space = z->bytes.p[at + 3];
    out->html = type < z->type_count && str_starts(z->types[type], STR("text/html"));
    out->cluster = (uint32_t)number(z->bytes, at + 8, 4);
    out->blob = (uint32_t)number(z->bytes, at + 12, 4);
    return zero_ended(z->bytes, at + 16, &out->path) &&
                   zero_ended(z->bytes, at + 16 + out->path.n + 1, &out->title)
               ? ENTRY_READ
               : ENTRY_BROKEN;
}

static bool is_article(const zim *z, const entry *x) {
    return x->html && x->space == (z->new_names ? 'C' : 'A');
}

/* ---- clusters ------------------------------------------------------------------------------ */

/* Unpacks a cluster piece by piece. */
typedef struct {
    str packed;
    int method; /* as the format numbers it */
    ZSTD_DStream *zstd;
    ZSTD_inBuffer in;
    lzma_stream xz;
    text out;
    bool ended;
} unpacker;

enum { STORED_0 = 0, STORED = 1, XZ = 4, ZSTD = 5 };

static bool open_unpacker(str packed, int method, unpacker *u, error *err) {
    *u = (unpacker){.packed = packed, .method = method, .xz = LZMA_STREAM_INIT};
    u->in = (ZSTD_inBuffer){packed.p, packed.n, 0};
    u->xz.next_in = (const uint8_t *)packed.p;
    u->xz.avail_in = packed.n;
    if (method == ZSTD && (u->zstd = ZSTD_createDStream()) != NULL) return true;
    if (method == XZ && lzma_stream_decoder(&u->xz, XZ_MEMORY_BYTES, 0) == LZMA_OK) return true;
    return error_set(err, ERROR_INPUT,
                     "an article is compressed in a way that Carrel does not read");
}

static void close_unpacker(unpacker *u) {
    if (u->method == XZ) lzma_end(&u->xz);
    ZSTD_freeDStream(u->zstd);
    text_free(&u->out);
}

static bool step(unpacker *u, char *buffer, size_t *got) {
    if (u->method == ZSTD) {
        ZSTD_outBuffer out = {buffer, STEP_BYTES, 0};
        size_t code = ZSTD_decompressStream(u->zstd, &out, &u->in);
        *got = out.pos;
        u->ended = code == 0 || (out.pos == 0 && u->in.pos == u->in.size);
        return !ZSTD_isError(code);
    }
    u->xz.next_out = (uint8_t *)buffer;
    u->xz.avail_out = STEP_BYTES;
    lzma_ret code = lzma_code(&u->xz, LZMA_RUN);
    *got = STEP_BYTES - u->xz.avail_out;
    u->ended = code == LZMA_STREAM_END;
    return code == LZMA_OK || code == LZMA_STREAM_END;
}

/* Until there are so many bytes. */
static bool unpack_to(unpacker *u, uint64_t wanted, error *err) {
    if (wanted > UNPACKED_MAX_BYTES)
        return error_set(err, ERROR_LIMIT, "an article lies behind more than %llu MiB of others",
                         UNPACKED_MAX_BYTES >> 20);
    char *buffer = mem_new(1, STEP_BYTES);
    bool ok = true;
    while (ok && u->out.n < wanted && !u->ended) {
        size_t got = 0;
        ok = step(u, buffer, &got);
        text_put(&u->out, (str){buffer, got});
    }
    mem_free(buffer);
    return (ok && u->out.n >= wanted) || damaged("an article is cut short", err);
}

/* Where a blob lies in a cluster that begins with its list of places, each `width` bytes wide. */
static bool find_blob(str cluster, uint32_t blob, unsigned width, uint64_t *begin, uint64_t *end) {
    uint64_t at = (uint64_t)blob * width;
    if (!fits(cluster, at, 2 * width)) return false;
    *begin = number(cluster, at, width);
    *end = number(cluster, at + width, width);
    return *begin <= *end && *begin >= at + 2 * width && *end - *begin <= ARTICLE_MAX_BYTES;
}

/* The cluster that was read last: articles that follow each other mostly lie in one. */
typedef struct {
    bool open, stored;
    uint32_t number;
    unsigned width; /* of its places */
    str bytes;      /* as they lie in the file */
    unpacker u;     /* where it is not stored */
} cluster;

static void close_cluster(cluster *c) {
    if (c->open && !c->stored) close_unpacker(&c->u);
    c->open = false;
}

static bool open_cluster(const zim *z, uint32_t number_of, cluster *c, error *err) {
    if (c->open && c->number == number_of) return true;
    close_cluster(c);
    uint64_t at = number_of < z->clusters ? number(z->bytes, z->cluster_list + 8ull * number_of, 8)
                                          : UINT64_MAX;
    if (!fits(z->bytes, at, 1)) return damaged("an article lies beyond its end", err);
    int info = (unsigned char)z->bytes.p[at], method = info & 15;
    *c = (cluster){.stored = method == STORED || method == STORED_0,
                   .number = number_of,
                   .width = info & 16 ? 8 : 4,
                   .bytes = str_cut(z->bytes, (size_t)at + 1, z->bytes.n)};
    c->open = c->stored || open_unpacker(c->bytes, method, &c->u, err);
    if (!c->open) close_unpacker(&c->u);
    return c->open;
}

static bool read_blob(const zim *z, cluster *c, const entry *x, arena *a, str *out, error *err) {
    uint64_t begin = 0, end = 0;
    bool ok = open_cluster(z, x->cluster, c, err) &&
              (c->stored || unpack_to(&c->u, (x->blob + 2ull) * c->width, err));
    if (!ok) return false;
    if (!find_blob(c->stored ? c->bytes : text_str(&c->u.out), x->blob, c->width, &begin, &end))
        return damaged("an article has no place in its cluster", err);
    if (!c->stored && !unpack_to(&c->u, end, err)) return false;
    str from = c->stored ? c->bytes : text_str(&c->u.out);
    if (!fits(from, begin, end - begin)) return damaged("an article is cut short", err);
    *out = arena_str(a, str_cut(from, (size_t)begin, (size_t)end));
    return true;
}

/* ---- the site and its articles ------------------------------------------------------------- */

/* What the site calls itself, in the entry "Title" of its metadata. */
static void put_title(const zim *z, const entry *x, record_writer *out) {
    arena *a = arena_new();
    str title;
    cluster c = {0};
    error ignored; /* then the file's name is its title */
    if (read_blob(z, &c, x, a, &title, &ignored) && utf8_valid(title) && str_trim(title).n > 0)
        record_document(out, title, STR("zim"), (str){0});
    close_cluster(&c);
    arena_free(a);
}

static void put_notes(size_t parts, size_t left_out, size_t broken, record_writer *out) {
    if (left_out > 0)
        record_note(out, "%zu articles were not read: only the first %zu are", left_out, parts);
    if (broken > 0) record_note(out, "%zu entries are damaged, and were not read", broken);
}

bool parse_zim(const parse_input *in, record_writer *out, error *err) {
    zim *z = mem_new(1, sizeof *z);
    size_t parts = 0, broken = 0, left_out = 0;
    bool ok = open_zim(in->bytes, z, err);
    if (ok) record_document(out, in->name, STR("zim"), (str){0});
    for (uint32_t i = 0; ok && i < z->entries; i++) {
        entry x;
        entry_state state = read_entry(z, i, &x);
        broken += state == ENTRY_BROKEN;
        if (state != ENTRY_READ) continue;
        if (x.space == 'M' && str_eq(x.path, STR("Title"))) put_title(z, &x, out);
        if (!is_article(z, &x)) continue;
        if (parts == RECORD_MAX_PARTS) {
            left_out++;
            continue;
        }
        record_part(out, i, x.title.n > 0 ? x.title : x.path);
        parts++;
    }
    if (ok && parts == 0) ok = error_set(err, ERROR_INPUT, "there is no article in the ZIM file");
    if (ok) put_notes(parts, left_out, broken, out);
    mem_free(z);
    return ok;
}

static bool read_article(const zim *z, cluster *c, uint64_t id, arena *a, parse_input *out,
                         error *err) {
    entry x;
    if (id >= z->entries || read_entry(z, id, &x) != ENTRY_READ || !is_article(z, &x))
        return error_set(err, ERROR_INPUT, "the article is gone: add the file again");
    if (!read_blob(z, c, &x, a, &out->bytes, err)) return false;
    out->name = STR("article.html");
    return out->bytes.n > 0 || error_set(err, ERROR_INPUT, "the article is empty");
}

bool parse_zim_member(const parse_input *in, uint64_t id, arena *a, parse_input *out, error *err) {
    zim *z = mem_new(1, sizeof *z);
    cluster c = {0};
    bool ok = open_zim(in->bytes, z, err) && read_article(z, &c, id, a, out, err);
    close_cluster(&c);
    mem_free(z);
    return ok;
}

bool parse_zim_members(const parse_input *in, const uint64_t *ids, size_t count,
                       parse_give_fn *give, void *to, error *err) {
    zim *z = mem_new(1, sizeof *z);
    cluster c = {0};
    bool ok = open_zim(in->bytes, z, err), on = ok;
    for (size_t i = 0; on && i < count; i++) {
        parse_input member = *in;
        error why;
        arena *a = arena_new();
        bool read = read_article(z, &c, ids[i], a, &member, &why);
        if (read && member.bytes.n > in->limits->file_bytes)
            read = error_set(&why, ERROR_LIMIT, "the article is too large");
        on = give(to, read ? &member : NULL, read ? NULL : &why);
        arena_free(a);
    }
    close_cluster(&c);
    mem_free(z);
    return ok;
}
