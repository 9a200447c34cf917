/* gguf_write: one GGUF file (version 3), written whole or not at all.
 *
 * Owns the metadata and the table of tensors until the file is created; weights then stream
 * through, tensor by tensor, in the order in which they were declared, so that a model larger than
 * memory can be written. The file grows under a name of its own beside its place; commit puts
 * it there in one step, after the disk has it. The room it needs is taken from the disk at once, so
 * that a full disk is found before the work is done.
 *
 * Never leaves a half-written file under the name that was asked for, and never replaces one unless
 * told to. Killed, it leaves NAME.XXXXXX.part behind.
 */
#include "engine/engine.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ALIGNMENT = 32,        /* the format's own when a file says nothing */
    FILE_BUFFER = 1 << 20, /* rows are short; the disk likes long writes */
    KIND_U8 = 0,
    KIND_U32 = 4,
    KIND_I32 = 5,
    KIND_F32 = 6,
    KIND_BOOL = 7,
    KIND_STRING = 8,
    KIND_ARRAY = 9
};

struct engine_gguf_writer {
    text keys, infos;       /* as they will lie in the file */
    size_t *key_at;         /* where each key begins in `keys` */
    uint64_t *tensor_bytes; /* of each tensor */
    size_t key_count, tensor_count;
    uint64_t data_bytes; /* of all tensors, with their padding */
    char *path, *temporary;
    FILE *file;
    bool replace;
    size_t tensor; /* the one that is being written */
    uint64_t done; /* bytes of it */
};

/* Little-endian on every machine. */
static void put_number(text *t, uint64_t v, size_t n) {
    for (size_t i = 0; i < n; i++) text_put_char(t, (char)(v >> (8 * i)));
}

static void put_string(text *t, str s) {
    put_number(t, s.n, 8);
    text_put(t, s);
}

static uint64_t padded(uint64_t n) {
    return (n + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
}

engine_gguf_writer *engine_gguf_writer_new(void) {
    return mem_new(1, sizeof(engine_gguf_writer));
}

/* ---- metadata ----------------------------------------------------------------------------- */

static str key_at(const engine_gguf_writer *w, size_t i) {
    const char *p = w->keys.p + w->key_at[i];
    size_t n = 0;
    for (size_t b = 0; b < 8; b++) n |= (size_t)(uint8_t)p[b] << (8 * b);
    return (str){p + 8, n};
}

/* False where the key is there already. */
static bool begin_key(engine_gguf_writer *w, str key) {
    for (size_t i = 0; i < w->key_count; i++) {
        if (str_eq(key_at(w, i), key)) return false;
    }
    w->key_at = mem_grow(w->key_at, w->key_count + 1, sizeof *w->key_at);
    w->key_at[w->key_count++] = w->keys.n;
    put_string(&w->keys, key);
    return true;
}

void engine_gguf_put_raw(engine_gguf_writer *w, str key, str kind_and_value) {
    if (begin_key(w, key)) text_put(&w->keys, kind_and_value);
}

static bool begin_value(engine_gguf_writer *w, const char *key, uint32_t kind) {
    if (!begin_key(w, str_of(key))) return false;
    put_number(&w->keys, kind, 4);
    return true;
}

static void put_float(text *t, float v) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    put_number(t, bits, 4);
}

void engine_gguf_put_u32(engine_gguf_writer *w, const char *key, uint32_t v) {
    if (begin_value(w, key, KIND_U32)) put_number(&w->keys, v, 4);
}

void engine_gguf_put_f32(engine_gguf_writer *w, const char *key, float v) {
    if (begin_value(w, key, KIND_F32)) put_float(&w->keys, v);
}

void engine_gguf_put_bool(engine_gguf_writer *w, const char *key, bool v) {
    if (begin_value(w, key, KIND_BOOL)) put_number(&w->keys, v, 1);
}

void engine_gguf_put_str(engine_gguf_writer *w, const char *key, str v) {
    if (begin_value(w, key, KIND_STRING)) put_string(&w->keys, v);
}

static bool begin_array(engine_gguf_writer *w, const char *key, uint32_t item, size_t n) {
    if (!begin_value(w, key, KIND_ARRAY)) return false;
    put_number(&w->keys, item, 4);
    put_number(&w->keys, n, 8);
    return true;
}

void engine_gguf_put_strs(engine_gguf_writer *w, const char *key, const str *v, size_t n) {
    if (!begin_array(w, key, KIND_STRING, n)) return;
    for (size_t i = 0; i < n; i++) put_string(&w->keys, v[i]);
}

void engine_gguf_put_f32s(engine_gguf_writer *w, const char *key, const float *v, size_t n) {
    if (!begin_array(w, key, KIND_F32, n)) return;
    for (size_t i = 0; i < n; i++) put_float(&w->keys, v[i]);
}

void engine_gguf_put_i32s(engine_gguf_writer *w, const char *key, const int32_t *v, size_t n) {
    if (!begin_array(w, key, KIND_I32, n)) return;
    for (size_t i = 0; i < n; i++) put_number(&w->keys, (uint32_t)v[i], 4);
}

void engine_gguf_put_u8s(engine_gguf_writer *w, const char *key, str bytes) {
    if (begin_array(w, key, KIND_U8, bytes.n)) text_put(&w->keys, bytes);
}

void engine_gguf_copy(engine_gguf_writer *w, const engine_gguf *g) {
    for (size_t i = 0; i < engine_gguf_key_count(g); i++) {
        str key, value;
        engine_gguf_key_at(g, i, &key, &value);
        if (!str_eq(key, STR("general.alignment"))) engine_gguf_put_raw(w, key, value);
    }
}

/* ---- tensors ------------------------------------------------------------------------------ */

void engine_gguf_declare(engine_gguf_writer *w, str name, uint32_t type, uint32_t rank,
                         const uint64_t *shape) {
    uint64_t bytes = engine_row_bytes(type, shape[0]);
    assert(w->file == NULL && bytes > 0);
    put_string(&w->infos, name);
    put_number(&w->infos, rank, 4);
    for (uint32_t i = 0; i < rank; i++) {
        put_number(&w->infos, shape[i], 8);
        bytes = i > 0 ? bytes * shape[i] : bytes;
    }
    put_number(&w->infos, type, 4);
    put_number(&w->infos, w->data_bytes, 8);
    w->tensor_bytes = mem_grow(w->tensor_bytes, w->tensor_count + 1, sizeof *w->tensor_bytes);
    w->tensor_bytes[w->tensor_count++] = bytes;
    w->data_bytes += padded(bytes);
}

void engine_gguf_header(const engine_gguf_writer *w, text *out) {
    size_t begin = out->n;
    text_put(out, STR("GGUF"));
    put_number(out, 3, 4);
    put_number(out, w->tensor_count, 8);
    put_number(out, w->key_count, 8);
    text_put(out, text_str(&w->keys));
    text_put(out, text_str(&w->infos));
    while ((out->n - begin) % ALIGNMENT) text_put_char(out, 0);
}

uint64_t engine_gguf_writer_bytes(const engine_gguf_writer *w) {
    const uint64_t fixed = 4 + 4 + 8 + 8;
    return padded(fixed + w->keys.n + w->infos.n) + w->data_bytes;
}

/* ---- the file ----------------------------------------------------------------------------- */

static bool failed(const engine_gguf_writer *w, const char *what, error *err) {
    if (errno == ENOSPC || errno == EDQUOT) {
        return error_set(err, ERROR_IO,
                         "%s: the disk is full; the file needs %.1f MB of free space", w->path,
                         (double)engine_gguf_writer_bytes(w) / 1e6);
    }
    return error_set(err, ERROR_IO, "%s: %s: %s", w->path, what, strerror(errno));
}

/* PATH.XXXXXX.part, readable as the umask says. */
static bool open_temporary(engine_gguf_writer *w, error *err) {
    static const char suffix[] = ".XXXXXX.part";
    size_t n = strlen(w->path) + sizeof suffix;
    w->temporary = mem_new(n, 1);
    snprintf(w->temporary, n, "%s%s", w->path, suffix);
    int fd = mkostemps(w->temporary, 5, O_CLOEXEC);
    if (fd < 0) {
        mem_free(w->temporary);
        w->temporary = NULL;
        return failed(w, "cannot be created", err);
    }
    mode_t mask = umask(0);
    umask(mask);
    w->file = fdopen(fd, "wb");
    if (w->file == NULL || fchmod(fd, 0666 & ~mask) != 0)
        return failed(w, "cannot be created", err);
    setvbuf(w->file, NULL, _IOFBF, FILE_BUFFER);
    /* Not every file system can; then the disk may still fill up on the way. */
    if (fallocate(fd, 0, 0, (off_t)engine_gguf_writer_bytes(w)) != 0 &&
        (errno == ENOSPC || errno == EFBIG)) {
        return failed(w, "cannot be created", err);
    }
    return true;
}

bool engine_gguf_create(engine_gguf_writer *w, const char *path, bool replace, error *err) {
    size_t n = strlen(path) + 1;
    assert(w->file == NULL && w->path == NULL);
    w->path = memcpy(mem_new(n, 1), path, n);
    w->replace = replace;
    if (!replace && access(path, F_OK) == 0) {
        return error_set(err, ERROR_USAGE, "%s: the file is there already; it was left as it is",
                         path);
    }
    if (!open_temporary(w, err)) return false;
    text header = {0};
    engine_gguf_header(w, &header);
    bool ok = fwrite(header.p, 1, header.n, w->file) == header.n;
    text_free(&header);
    return ok ? true : failed(w, "cannot be written", err);
}

bool engine_gguf_write(engine_gguf_writer *w, const void *bytes, size_t n, error *err) {
    static const char zeros[ALIGNMENT];
    assert(w->tensor < w->tensor_count && n <= w->tensor_bytes[w->tensor] - w->done);
    if (fwrite(bytes, 1, n, w->file) != n) return failed(w, "cannot be written", err);
    w->done += n;
    if (w->done < w->tensor_bytes[w->tensor]) return true;
    size_t rest = (size_t)(padded(w->done) - w->done);
    w->tensor++;
    w->done = 0;
    return fwrite(zeros, 1, rest, w->file) == rest ? true : failed(w, "cannot be written", err);
}

/* The name takes the file's place in one step; a file that came there meanwhile stays. */
static bool put_in_place(engine_gguf_writer *w, error *err) {
    if (w->replace) {
        if (rename(w->temporary, w->path) != 0) return failed(w, "cannot be renamed", err);
    } else if (renameat2(AT_FDCWD, w->temporary, AT_FDCWD, w->path, RENAME_NOREPLACE) != 0) {
        /* a file system that does not know how: create() has looked */
        if (errno != EINVAL || rename(w->temporary, w->path) != 0) {
            return failed(w, "cannot be renamed", err);
        }
    }
    mem_free(w->temporary);
    w->temporary = NULL;
    return true;
}

/* So that the name survives a power cut too. Some file systems cannot, and need not. */
static void sync_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    char *folder = mem_new(n + 2, 1);
    memcpy(folder, n ? path : ".", n ? n : 1);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    mem_free(folder);
}

bool engine_gguf_commit(engine_gguf_writer *w, error *err) {
    assert(w->tensor == w->tensor_count);
    bool ok = fflush(w->file) == 0 && fsync(fileno(w->file)) == 0;
    if (!ok) return failed(w, "cannot be written", err);
    FILE *file = w->file;
    w->file = NULL;
    if (fclose(file) != 0) return failed(w, "cannot be written", err);
    if (!put_in_place(w, err)) return false;
    sync_folder(w->path);
    return true;
}

void engine_gguf_writer_free(engine_gguf_writer *w) {
    if (w == NULL) return;
    if (w->file) fclose(w->file);
    if (w->temporary) unlink(w->temporary);
    mem_free(w->temporary);
    mem_free(w->path);
    mem_free(w->key_at);
    mem_free(w->tensor_bytes);
    text_free(&w->keys);
    text_free(&w->infos);
    mem_free(w);
}
