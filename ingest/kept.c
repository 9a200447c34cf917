/* Bytes kept for parsers (kept.h): files in memory without a name, and the budget for all of them.
 *
 * What is charged is whole pages, as the kernel gives them, before the bytes are written, so that
 * threads which write at the same time cannot pass the limit together. Nothing is ever read back
 * here.
 */
#include "ingest/kept.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static atomic_ullong charged_bytes; /* of all that are open */
static atomic_uint open_count;

static uint64_t page_end(uint64_t bytes) {
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

uint64_t kept_in_all(void) {
    return atomic_load(&charged_bytes);
}

bool kept_open(kept_file *k, error *err) {
    *k = (kept_file){.fd = -1};
    if (atomic_fetch_add(&open_count, 1) >= KEPT_MAX_COUNT) {
        atomic_fetch_sub(&open_count, 1);
        return error_set(err, ERROR_LIMIT, "%u containers are kept unpacked already",
                         KEPT_MAX_COUNT);
    }
    k->fd = memfd_create("kept", MFD_CLOEXEC);
    if (k->fd >= 0) return true;
    atomic_fetch_sub(&open_count, 1);
    return error_set(err, ERROR_IO, "no memory file: %s", strerror(errno));
}

static bool charge(kept_file *k, uint64_t to, uint64_t limit_bytes, error *err) {
    uint64_t more = to > k->charged ? to - k->charged : 0;
    if (more == 0) return true;
    if (atomic_fetch_add(&charged_bytes, more) + more > limit_bytes) {
        atomic_fetch_sub(&charged_bytes, more);
        return error_set(err, ERROR_LIMIT, "there is no room to keep it unpacked");
    }
    k->charged = to;
    return true;
}

bool kept_put(kept_file *k, const void *bytes, size_t n, uint64_t limit_bytes, error *err) {
    const char *p = bytes;
    if (!charge(k, page_end(k->bytes + n), limit_bytes, err)) return false;
    while (n > 0) {
        ssize_t written = pwrite(k->fd, p, n, (off_t)k->bytes);
        if (written < 0 && errno != EINTR)
            return error_set(err, ERROR_IO, "no memory to keep it unpacked: %s", strerror(errno));
        size_t done = written > 0 ? (size_t)written : 0;
        p += done;
        n -= done;
        k->bytes += done;
    }
    return true;
}

void kept_begin_page(kept_file *k) {
    k->bytes = page_end(k->bytes);
}

void kept_close(kept_file *k) {
    if (k->fd < 0) return;
    close(k->fd);
    atomic_fetch_sub(&charged_bytes, k->charged);
    atomic_fetch_sub(&open_count, 1);
    *k = (kept_file){.fd = -1};
}
