/* gguf_build: a GGUF file in memory, for tests that must not depend on a file.
 *
 * Values are appended to a growing buffer in the order of the calls; gguf_build_finish writes the
 * header with the counts. It writes what it is told, sensible or not: tests of the reader want
 * broken files too. Not part of Carrel: models are written by models/train.
 */
#ifndef CARREL_GGUF_BUILD_H
#define CARREL_GGUF_BUILD_H

#include "base/base.h"

typedef struct {
    text keys;
    uint64_t key_count;
} gguf_build;

void gguf_build_str(gguf_build *b, const char *key, str value);
void gguf_build_u32(gguf_build *b, const char *key, uint32_t value);
void gguf_build_bool(gguf_build *b, const char *key, bool value);
void gguf_build_strs(gguf_build *b, const char *key, const str *values, size_t n);
void gguf_build_f32s(gguf_build *b, const char *key, const float *values, size_t n);
void gguf_build_i32s(gguf_build *b, const char *key, const int32_t *values, size_t n);
void gguf_build_u8s(gguf_build *b, const char *key, str bytes);
/* The whole file, version 3, without tensors; free it with text_free. b is empty afterwards. */
text gguf_build_finish(gguf_build *b);
/* In a finished file: the key gets this value, whether it was there as a bool or was missing. */
void gguf_set_bool(text *file, const char *key, bool value);

#endif
