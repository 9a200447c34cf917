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
    text keys, tensors, data;
    uint64_t key_count, tensor_count;
} gguf_build;

void gguf_build_str(gguf_build *b, const char *key, str value);
void gguf_build_u32(gguf_build *b, const char *key, uint32_t value);
void gguf_build_f32(gguf_build *b, const char *key, float value);
void gguf_build_bool(gguf_build *b, const char *key, bool value);
void gguf_build_strs(gguf_build *b, const char *key, const str *values, size_t n);
void gguf_build_f32s(gguf_build *b, const char *key, const float *values, size_t n);
void gguf_build_i32s(gguf_build *b, const char *key, const int32_t *values, size_t n);
/* type: the GGUF number; shape[0] varies fastest; bytes of data are copied and padded to 32. */
void gguf_build_tensor(gguf_build *b, const char *name, uint32_t type, uint32_t rank,
                       const uint64_t *shape, const void *data, size_t bytes);
/* The whole file, version 3, alignment 32; free it with text_free. b is empty afterwards. */
text gguf_build_finish(gguf_build *b);

#endif
