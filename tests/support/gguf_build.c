/* gguf_build.c: writes the parts of a GGUF file (ggml, docs/gguf.md), little-endian as its hosts.
 * See gguf_build.h. */
#include "tests/support/gguf_build.h"

#include <string.h>

enum {
    KIND_U8 = 0,
    KIND_U32 = 4,
    KIND_I32 = 5,
    KIND_F32 = 6,
    KIND_BOOL = 7,
    KIND_STR = 8,
    KIND_ARRAY = 9
};

static void put(text *t, const void *p, size_t n) {
    text_put(t, (str){p, n});
}

static void put_u32(text *t, uint32_t v) {
    put(t, &v, sizeof v);
}

static void put_u64(text *t, uint64_t v) {
    put(t, &v, sizeof v);
}

static void put_str(text *t, str s) {
    put_u64(t, s.n);
    text_put(t, s);
}

static void begin(gguf_build *b, const char *key, uint32_t kind) {
    b->key_count++;
    put_str(&b->keys, str_of(key));
    put_u32(&b->keys, kind);
}

static void begin_array(gguf_build *b, const char *key, uint32_t kind, size_t n) {
    begin(b, key, KIND_ARRAY);
    put_u32(&b->keys, kind);
    put_u64(&b->keys, n);
}

void gguf_build_str(gguf_build *b, const char *key, str value) {
    begin(b, key, KIND_STR);
    put_str(&b->keys, value);
}

void gguf_build_u32(gguf_build *b, const char *key, uint32_t value) {
    begin(b, key, KIND_U32);
    put_u32(&b->keys, value);
}

void gguf_build_bool(gguf_build *b, const char *key, bool value) {
    begin(b, key, KIND_BOOL);
    text_put_char(&b->keys, (char)value);
}

void gguf_build_strs(gguf_build *b, const char *key, const str *values, size_t n) {
    begin_array(b, key, KIND_STR, n);
    for (size_t i = 0; i < n; i++) put_str(&b->keys, values[i]);
}

void gguf_build_f32s(gguf_build *b, const char *key, const float *values, size_t n) {
    begin_array(b, key, KIND_F32, n);
    put(&b->keys, values, n * sizeof *values);
}

void gguf_build_i32s(gguf_build *b, const char *key, const int32_t *values, size_t n) {
    begin_array(b, key, KIND_I32, n);
    put(&b->keys, values, n * sizeof *values);
}

void gguf_build_u8s(gguf_build *b, const char *key, str bytes) {
    begin_array(b, key, KIND_U8, bytes.n);
    text_put(&b->keys, bytes);
}

text gguf_build_finish(gguf_build *b) {
    text file = {0};
    text_put(&file, STR("GGUF"));
    put_u32(&file, 3);
    put_u64(&file, 0); /* tensors */
    put_u64(&file, b->key_count);
    text_put(&file, text_str(&b->keys));
    text_free(&b->keys);
    *b = (gguf_build){0};
    return file;
}

void gguf_set_bool(text *file, const char *key, bool value) {
    enum { KEY_COUNT_AT = 16 }; /* behind the mark, the version and the count of tensors */
    gguf_build one = {0};
    uint64_t count;
    gguf_build_bool(&one, key, value);
    str entry = text_str(&one.keys);
    size_t at = str_find(text_str(file), str_cut(entry, 0, entry.n - 1), 0);
    if (at != SIZE_MAX) {
        file->p[at + entry.n - 1] = (char)value;
    } else {
        text_put(file, entry);
        memcpy(&count, file->p + KEY_COUNT_AT, sizeof count);
        count++;
        memcpy(file->p + KEY_COUNT_AT, &count, sizeof count);
    }
    text_free(&one.keys);
}
