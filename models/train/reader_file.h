/* reader_file: the reader's parameters into a GGUF file of architecture `carrel-reader`, and back. */
#ifndef CARREL_TRAIN_READER_FILE_H
#define CARREL_TRAIN_READER_FILE_H

#include "models/train/network.h"

#include "engine/engine.h"

/* Matrices become Q8_0. The vocabulary is copied from `vocabulary`. Replaces a file that is there. */
bool reader_file_write(const char *path, const net_shape *s, const float *params,
                       const engine_gguf *vocabulary, error *err);
/* params: [net_layout(s).count], the caller's to free. */
bool reader_file_read(const engine_gguf *g, net_shape *s, float **params, error *err);

#endif
