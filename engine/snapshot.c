/* snapshot: what a session holds, in a file. The keys and values of a long prompt take seconds to
 * compute and a moment to read, so that a second question over the same passages need not wait.
 *
 * The file begins with everything that the values depend on: the model (by its settings, its shapes
 * and samples of its weights: reading all of it would take longer than it saves), the context (some
 * models turn positions differently in a long one), the cache's type and the kernels, whose last
 * bits differ. A checksum ends it, so that a file that was cut or damaged is not believed.
 *
 * It is written beside its place, under a lock, and then put there: of two programs that write at
 * once one gives way, and what a killed one has left is known by its name.
 *
 * Never trusts a length from the file: what is read is what this session expects. Never reads a
 * file of another user's, who could put words there that no page says.
 */
#include "engine/session.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "CARRELKV"

enum {
    VERSION = 2 /* also when kernels begin to give other bits */,
    MOST_PATH = 4096,
    SAMPLE_BYTES = 64
};

typedef struct {
    char magic[8];
    uint64_t version, model;
    uint64_t kv, n_ctx, layers, kv_heads, head;
    uint64_t length; /* tokens; their ids follow, then the parts of each layer, then the checksum */
} head;

/* FNV-1a over words of 64 bits instead of bytes; it guards against accidents, not against
 * malice. */
static uint64_t mix(uint64_t hash, const void *p, size_t n) {
    const uint8_t *at = p;
    for (; n >= 8; n -= 8, at += 8) {
        uint64_t v;
        memcpy(&v, at, 8);
        hash = (hash ^ v) * 0x100000001B3u;
        hash ^= hash >> 29; /* words, unlike bytes, need their high bits brought down */
    }
    for (; n > 0; n--, at++) hash = (hash ^ *at) * 0x100000001B3u;
    return hash;
}

#define MIX_START 0xCBF29CE484222325u

static uint64_t fingerprint(const engine_session *s) {
    const engine_gguf *g = s->model->gguf;
    const char *names[] = {s->model->net.shape.kernels->name, s->work.acts.kernels->name};
    uint64_t hash = MIX_START;
    for (size_t i = 0; i < 2; i++) hash = mix(hash, names[i], strlen(names[i]));
    for (size_t i = 0; i < engine_gguf_key_count(g); i++) {
        str key, value;
        engine_gguf_key_at(g, i, &key, &value);
        if (str_starts(key, STR("tokenizer."))) continue; /* long; the ids are in the file */
        hash = mix(hash, key.p, key.n);
        hash = mix(hash, value.p, value.n);
    }
    for (size_t i = 0; i < engine_gguf_tensor_count(g); i++) {
        const engine_tensor *t = engine_gguf_tensor_at(g, i);
        const uint8_t *data = t->data;
        size_t n = t->bytes < SAMPLE_BYTES ? t->bytes : SAMPLE_BYTES;
        hash = mix(hash, t->name.p, t->name.n);
        hash = mix(hash, t->shape, sizeof t->shape);
        hash = mix(hash, &t->type, sizeof t->type);
        hash = mix(hash, data, n);
        hash = mix(hash, data + (t->bytes - n) / 2, n);
    }
    return hash;
}

static head describe(const engine_session *s) {
    head h = {
        .version = VERSION,
        .model = fingerprint(s),
        .kv = s->caches[0].type,
        .n_ctx = s->n_ctx,
        .layers = s->model->net.layer_count,
        .kv_heads = s->caches[0].kv_heads,
        .head = s->caches[0].head,
        .length = s->length,
    };
    memcpy(h.magic, MAGIC, sizeof h.magic);
    return h;
}

/* Reads or writes, or with neither only counts; keeps the checksum. */
typedef struct {
    FILE *f;
    bool writes, ok;
    uint64_t hash, bytes;
} stream;

static void pass(stream *s, void *p, size_t n) {
    s->bytes += n;
    if (!s->f || !s->ok || n == 0) return;
    /* A stream is opened for one of the two, which cppcheck does not see. */
    /* cppcheck-suppress IOWithoutPositioning */
    s->ok = (s->writes ? fwrite(p, 1, n, s->f) : fread(p, 1, n, s->f)) == n;
    if (s->ok) s->hash = mix(s->hash, p, n);
}

static void pass_body(stream *s, const engine_session *e, size_t length) {
    pass(s, e->ids, length * sizeof *e->ids);
    for (uint32_t l = 0; l < e->model->net.layer_count; l++) {
        void *p;
        size_t bytes;
        for (size_t i = 0; engine_cache_part(&e->caches[l], i, length, &p, &bytes); i++) {
            pass(s, p, bytes);
        }
    }
}

static bool part_path(const char *path, char part[MOST_PATH], error *err) {
    if (snprintf(part, MOST_PATH, "%s.part", path) < MOST_PATH) return true;
    return error_set(err, ERROR_IO, "%s: the path is too long", path);
}

/* The file `part`, empty and locked; -1 where that cannot be, or where another program writes
 * it. */
static int open_part(const char *part) {
    struct stat here, there;
    int fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0) return -1;
    /* Between opening and locking another may have put it into its place. */
    bool ours = flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &here) == 0 &&
                lstat(part, &there) == 0 && here.st_ino == there.st_ino &&
                here.st_dev == there.st_dev && S_ISREG(here.st_mode) && fchmod(fd, 0600) == 0 &&
                ftruncate(fd, 0) == 0;
    if (ours) return fd;
    close(fd);
    return -1;
}

bool engine_session_save(const engine_session *s, const char *path, error *err) {
    char part[MOST_PATH];
    if (!part_path(path, part, err)) return false;
    int fd = open_part(part);
    FILE *f = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (f == NULL) {
        error_set(err, ERROR_IO, "%s: cannot be written: %s", part, strerror(errno));
        if (fd >= 0) close(fd);
        return false;
    }
    head h = describe(s);
    stream size = {.bytes = sizeof h + sizeof size.hash};
    pass_body(&size, s, s->length);
    stream out = {.f = f, .writes = true, .ok = true, .hash = MIX_START};
    /* What the disk has no room for is known before it is full. */
    if (fallocate(fd, 0, 0, (off_t)size.bytes) != 0 && errno == ENOSPC) out.ok = false;
    pass(&out, &h, sizeof h);
    pass_body(&out, s, s->length);
    uint64_t hash = out.hash;
    pass(&out, &hash, sizeof hash);
    bool ok = fflush(f) == 0 && out.ok && rename(part, path) == 0;
    if (!ok) {
        error_set(err, ERROR_IO, "%s: cannot be written: %s", part, strerror(errno));
        unlink(part);
    }
    fclose(f); /* and with it the lock */
    return ok;
}

void engine_session_discard(const char *path) {
    char part[MOST_PATH];
    if (part_path(path, part, NULL)) unlink(part);
    unlink(path);
}

bool engine_session_restore(engine_session *s, const char *path, error *err) {
    s->length = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st = {0};
    bool safe = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid();
    if (fd >= 0 && !safe) {
        close(fd);
        return error_set(err, ERROR_IO, "%s: is no file of this user's", path);
    }
    FILE *f = fd >= 0 ? fdopen(fd, "rb") : NULL;
    if (f == NULL) {
        if (fd >= 0) close(fd);
        return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO,
                         "%s: cannot be opened: %s", path, strerror(errno));
    }
    stream in = {.f = f, .ok = true, .hash = MIX_START};
    head want = describe(s), got = {.length = 0};
    pass(&in, &got, sizeof got);
    want.length = got.length;
    bool fits = in.ok && got.length <= s->n_ctx && memcmp(&want, &got, sizeof want) == 0;
    if (fits) pass_body(&in, s, got.length);
    uint64_t hash = in.hash, stored = 0;
    pass(&in, &stored, sizeof stored);
    fclose(f);
    if (!fits) {
        return error_set(err, ERROR_MODEL, "%s: was made by another model, or in another way",
                         path);
    }
    if (!in.ok || stored != hash) {
        return error_set(err, ERROR_INPUT, "%s: is damaged", path);
    }
    for (size_t i = 0; i < got.length; i++) {
        if (s->ids[i] < 0 || (uint32_t)s->ids[i] >= s->model->net.vocab) {
            return error_set(err, ERROR_INPUT, "%s: is damaged", path);
        }
    }
    s->length = got.length;
    return true;
}
