/* Knows whether this process ran out of memory. The libraries that parse answer a failed
 * allocation each in their own way (poppler aborts, GLib traps, C++ throws, libxml2 reports a
 * broken document), so a look at how a child ended does not tell. The program's own malloc,
 * calloc and realloc therefore stand before libc's, hand every call on, and raise a flag in
 * shared memory when it fails.
 *
 * It never allocates by itself. Left out under AddressSanitizer, which needs these names.
 */
#include <stdlib.h>

#include "ingest/parse/confine.h"

static volatile uint32_t no_flag;
static volatile uint32_t *memory_flag = &no_flag;

void confine_watch_memory(volatile uint32_t *flag) {
    memory_flag = flag;
}

#if defined(__SANITIZE_ADDRESS__)
#define ALLOCATOR_IS_TAKEN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ALLOCATOR_IS_TAKEN 1
#endif
#endif

#if defined(__GLIBC__) && !defined(ALLOCATOR_IS_TAKEN)

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t size);

void *malloc(size_t size) {
    void *p = __libc_malloc(size);
    if (!p) *memory_flag = 1;
    return p;
}

void *calloc(size_t count, size_t size) {
    void *p = __libc_calloc(count, size);
    if (!p) *memory_flag = 1;
    return p;
}

void *realloc(void *old, size_t size) {
    void *p = __libc_realloc(old, size);
    if (!p && size > 0) *memory_flag = 1;
    return p;
}

#endif
