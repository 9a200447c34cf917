/* Hashes a model file with libsodium. The file is read again rather than hashed through its
 * mapping: pages that no question touches then need not stay in memory on a small machine.
 */
#include "embed/hash.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES (256 * 1024) /* large enough that the system calls do not show */

static_assert(EMBED_HASH_BYTES == crypto_hash_sha256_BYTES, "SHA-256 has 32 bytes");

bool embed_hash_file(const char *path, uint8_t out[EMBED_HASH_BYTES], error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, ERROR_MODEL, "%s: the model cannot be opened: %s", path,
                         strerror(errno));
    unsigned char *bytes = mem_new(1, READ_BYTES);
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    ssize_t n;
    while ((n = read(fd, bytes, READ_BYTES)) > 0)
        crypto_hash_sha256_update(&state, bytes, (unsigned long long)n);
    bool ok = n == 0;
    if (ok)
        crypto_hash_sha256_final(&state, out);
    else
        error_set(err, ERROR_IO, "%s: the model cannot be read: %s", path, strerror(errno));
    mem_free(bytes);
    close(fd);
    return ok;
}
