/* The identity of a model file: what a library records, so that vectors of one model are never
 * compared with those of another.
 */
#ifndef CARREL_EMBED_HASH_H
#define CARREL_EMBED_HASH_H

#include "base/base.h"

#define EMBED_HASH_BYTES 32

/* SHA-256 (FIPS 180-4) of the whole file, the same that `sha256sum` prints. */
bool embed_hash_file(const char *path, uint8_t out[EMBED_HASH_BYTES], error *err);

#endif
