/* Memory: checked allocation, and arenas. Running out ends the program here, in one place and with
 * one sentence, instead of in a hundred half-tested branches: sizes that come from input have been
 * checked against a limit before, and what the library holds is safe behind its transaction.
 */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void out_of_memory(size_t count, size_t size) {
    fprintf(stderr,
            "carrel: no memory left (%zu x %zu bytes asked for); close other programs and run the "
            "command again, nothing that was saved is lost\n",
            count, size);
    _Exit(ERROR_LIMIT);
}

static size_t checked_bytes(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX)
        out_of_memory(count, size);
    return bytes > 0 ? bytes : 1;
}

void *mem_new(size_t count, size_t size) {
    checked_bytes(count, size);
    void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);
    if (!p) out_of_memory(count, size);
    return p;
}

void *mem_grow(void *p, size_t count, size_t size) {
    void *grown = realloc(p, checked_bytes(count, size));
    if (!grown) out_of_memory(count, size);
    return grown;
}

void mem_free(void *p) {
    free(p);
}

uint64_t mem_available(void) {
    return machine_memory("");
}

/* ---- arenas ---- */

#define ARENA_ALIGN 16
#define ARENA_FIRST_BLOCK 4096 /* a question about a short text fits */
#define ARENA_LARGEST_BLOCK \
    (1u << 20) /* growth stops here: the tail that stays unused is bounded */

typedef struct block block;
struct block {
    block *before;
    size_t size, used;
    _Alignas(ARENA_ALIGN) char bytes[];
};

struct arena {
    block *last;
    size_t next_size, total;
};

arena *arena_new(void) {
    arena *a = mem_new(1, sizeof *a);
    a->next_size = ARENA_FIRST_BLOCK;
    return a;
}

void arena_free(arena *a) {
    if (!a) return;
    for (block *b = a->last; b;) {
        block *before = b->before;
        free(b);
        b = before;
    }
    free(a);
}

static void add_block(arena *a, size_t at_least) {
    size_t size = a->next_size > at_least ? a->next_size : at_least;
    block *b = malloc(checked_bytes(1, sizeof *b + size));
    if (!b) out_of_memory(1, size);
    b->before = a->last;
    b->size = size;
    b->used = 0;
    a->last = b;
    a->total += size;
    if (a->next_size < ARENA_LARGEST_BLOCK) a->next_size *= 2;
}

void *arena_alloc(arena *a, size_t count, size_t size) {
    size_t bytes = checked_bytes(count, size);
    if (bytes > PTRDIFF_MAX - ARENA_ALIGN - sizeof(block)) out_of_memory(count, size);
    bytes = (bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (!a->last || a->last->size - a->last->used < bytes) add_block(a, bytes);
    void *p = a->last->bytes + a->last->used;
    a->last->used += bytes;
    return memset(p, 0, bytes);
}

str arena_str(arena *a, str s) {
    return (str){arena_cstr(a, s), s.n};
}

char *arena_cstr(arena *a, str s) {
    char *copy = arena_alloc(a, s.n + 1, 1);
    if (s.n > 0) memcpy(copy, s.p, s.n);
    return copy;
}

str arena_printf(arena *a, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    str out = {NULL, 0};
    if (n >= 0) {
        char *p = arena_alloc(a, (size_t)n + 1, 1);
        vsnprintf(p, (size_t)n + 1, format, again);
        out = (str){p, (size_t)n};
    }
    va_end(again);
    return out;
}

void arena_join(arena *a, arena *from) {
    block **oldest = &from->last;
    while (*oldest) oldest = &(*oldest)->before;
    if (a->last) { /* below the block that a fills at the moment */
        *oldest = a->last->before;
        a->last->before = from->last;
    } else {
        a->last = from->last;
    }
    a->total += from->total;
    free(from);
}

size_t arena_bytes(const arena *a) {
    return a->total;
}
