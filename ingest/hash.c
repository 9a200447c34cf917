/* The SHA-256 by which the library knows a document again, read from the open descriptor that is
 * also handed to the parser, so that both see the same file.
 */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "ingest/ingest.h"

#define PIECE_BYTES (256u << 10)

bool ingest_hash(int fd, uint8_t out[32], error *err) {
    _Static_assert(crypto_hash_sha256_BYTES == 32, "SHA-256 has 32 bytes");
    crypto_hash_sha256_state state;
    uint8_t *piece = mem_new(PIECE_BYTES, 1);
    off_t at = 0;
    ssize_t n;
    crypto_hash_sha256_init(&state);
    while ((n = pread(fd, piece, PIECE_BYTES, at)) != 0) {
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        crypto_hash_sha256_update(&state, piece, (unsigned long long)n);
        at += n;
    }
    int why = errno;
    mem_free(piece);
    crypto_hash_sha256_final(&state, out);
    return n == 0 ? true : error_set(err, ERROR_IO, "the file cannot be read: %s", strerror(why));
}
