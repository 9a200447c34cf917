/* weights: the matrices of one model, declared, then packed into panels.
 *
 * Panels of all matrices lie in one region, with huge pages where the system has them: generating
 * a token reads all of it once, and 4 KB pages would cost a walk of the page table for every 64
 * cache lines. Packing runs panel by panel on all threads, and what has been read of the file is
 * given back behind it, so that the process never holds a weight twice.
 */
#include "engine/weights.h"

#include "engine/panels.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum {
    MAX_NAME = 128,              /* "blk.1023.attn_output.weight" and room */
    HUGE_PAGE = 2 * 1024 * 1024, /* of x86-64 and of arm64 with 4 KB pages */
    /* Bytes of the file that one piece of packing reads: enough to give whole pages back. */
    PIECE_BYTES = 1024 * 1024,
    RESERVE = 256 * 1024 * 1024 /* what the rest of the machine keeps: the desktop must live on */
};

typedef struct {
    engine_linear *linear;
    const engine_tensor *tensor;
    uint64_t begin;   /* first row in the tensor */
    size_t offset;    /* of the panels in the region */
    size_t first;     /* piece of the packing job */
    size_t per_piece; /* panels */
} entry;

struct engine_weights {
    const engine_gguf *gguf;
    entry *entries;
    size_t count, capacity;
    size_t bytes, pieces;
    uint8_t *region;
    size_t mapped; /* bytes of the mapping; 0: region came from mem_new */
    void *owned;   /* what mem_new gave */
};

engine_weights *engine_weights_new(const engine_gguf *g) {
    engine_weights *w = mem_new(1, sizeof *w);
    w->gguf = g;
    return w;
}

void engine_weights_free(engine_weights *w) {
    if (w == NULL) return;
    if (w->mapped) munmap(w->region, w->mapped);
    mem_free(w->owned);
    mem_free(w->entries);
    mem_free(w);
}

/* ---- declaring ---------------------------------------------------------------------------- */

static size_t panels_of(const engine_linear *l) {
    return ((size_t)l->rows + PANEL_ROWS - 1) / PANEL_ROWS;
}

static void add_entry(engine_weights *w, engine_linear *linear, const engine_tensor *t,
                      uint64_t begin) {
    if (w->count == w->capacity) {
        w->capacity = w->capacity ? 2 * w->capacity : 64;
        w->entries = mem_grow(w->entries, w->capacity, sizeof *w->entries);
    }
    size_t source = engine_row_bytes(linear->type, linear->columns) * PANEL_ROWS;
    entry *e = &w->entries[w->count++];
    *e = (entry){.linear = linear, .tensor = t, .begin = begin, .offset = w->bytes};
    e->first = w->pieces;
    e->per_piece = source < PIECE_BYTES ? PIECE_BYTES / source : 1;
    w->pieces += (panels_of(linear) + e->per_piece - 1) / e->per_piece;
    w->bytes += panels_of(linear) * linear->panel_bytes;
}

bool engine_weights_rows(engine_weights *w, const char *name, uint64_t columns, uint64_t rows,
                         uint64_t begin, uint64_t count, engine_linear *out, error *err) {
    char full[MAX_NAME];
    const engine_tensor *t;
    snprintf(full, sizeof full, "%s.weight", name);
    if (!engine_gguf_need(w->gguf, full, 2, (uint64_t[]){columns, rows}, &t, err)) return false;
    *out = (engine_linear){
        .type = t->type,
        .rows = (uint32_t)count,
        .columns = (uint32_t)columns,
        .panel_bytes = engine_panel_bytes(t->type, columns),
    };
    snprintf(full, sizeof full, "%s.bias", name);
    if (engine_gguf_find(w->gguf, full)) {
        if (!engine_vector_load(w->gguf, full, rows, &out->bias, err)) return false;
        out->bias += begin;
    }
    add_entry(w, out, t, begin);
    return true;
}

bool engine_weights_lookup(engine_weights *w, const char *name, uint64_t columns, uint64_t rows,
                           engine_linear *out, error *err) {
    char full[MAX_NAME];
    const engine_tensor *t;
    snprintf(full, sizeof full, "%s.weight", name);
    if (!engine_gguf_need(w->gguf, full, 2, (uint64_t[]){columns, rows}, &t, err)) return false;
    *out = (engine_linear){
        .type = t->type, .rows = (uint32_t)rows, .columns = (uint32_t)columns, .rows_at = t->data};
    return true;
}

/* ---- packing ------------------------------------------------------------------------------ */

static bool take_region(engine_weights *w, error *err) {
    uint64_t available = mem_available();
    if (w->bytes + RESERVE > available && w->bytes > HUGE_PAGE) {
        return error_set(err, ERROR_LIMIT,
                         STR_FMT ": its weights need %" PRIu64 " MiB of memory and %" PRIu64
                                 " MiB are free; close other programs or take a smaller model",
                         STR_ARG(engine_gguf_path(w->gguf)), (uint64_t)w->bytes >> 20,
                         available >> 20);
    }
    if (w->bytes < HUGE_PAGE) { /* a small model, or a test whose sanitizer watches mem_new */
        w->owned = mem_new(w->bytes + 64, 1);
        w->region = (uint8_t *)(((uintptr_t)w->owned + 63) & ~(uintptr_t)63);
        return true;
    }
    size_t mapped = w->bytes + HUGE_PAGE;
    void *p = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return error_set(err, ERROR_LIMIT,
                         STR_FMT ": the system does not give the %" PRIu64
                                 " MiB of memory that its weights need",
                         STR_ARG(engine_gguf_path(w->gguf)), (uint64_t)w->bytes >> 20);
    }
    /* Cut off both ends, so that the region begins where a huge page does. */
    uintptr_t from = (uintptr_t)p, at = (from + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
    size_t used = (w->bytes + 4095) & ~(size_t)4095;
    if (at > from) munmap(p, at - from);
    if (at + used < from + mapped) munmap((void *)(at + used), from + mapped - at - used);
    w->region = (uint8_t *)at;
    w->mapped = used;
    madvise(w->region, used, MADV_HUGEPAGE); /* refused where there are none: slower, not wrong */
    return true;
}

static void pack_pieces(void *context, size_t begin, size_t end, int worker) {
    engine_weights *w = context;
    const entry *e = w->entries;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        while (e + 1 < w->entries + w->count && i >= e[1].first) e++;
        const engine_linear *l = e->linear;
        size_t row_bytes = engine_row_bytes(l->type, l->columns);
        size_t panel = (i - e->first) * e->per_piece, last = panel + e->per_piece;
        if (last > panels_of(l)) last = panels_of(l);
        const uint8_t *rows =
            (const uint8_t *)e->tensor->data + (e->begin + panel * PANEL_ROWS) * row_bytes;
        const uint8_t *from = rows;
        for (; panel < last; panel++) {
            size_t count = l->rows - panel * PANEL_ROWS;
            if (count > PANEL_ROWS) count = PANEL_ROWS;
            engine_panel_pack(l->type, rows, row_bytes, count, l->columns,
                              w->region + e->offset + panel * l->panel_bytes);
            rows += count * row_bytes;
        }
        engine_gguf_release(w->gguf, from, (size_t)(rows - from));
    }
}

bool engine_weights_pack(engine_weights *w, pool *p, error *err) {
    if (!take_region(w, err)) return false;
    parallel_for(p, w->pieces, 1, pack_pieces, w);
    for (size_t i = 0; i < w->count; i++) {
        w->entries[i].linear->panels = w->region + w->entries[i].offset;
    }
    return true;
}

void engine_linear_row(const engine_linear *w, size_t row, float *out) {
    if (w->panels) {
        engine_panel_row(w->type, w->panels + row / PANEL_ROWS * w->panel_bytes, w->columns,
                         row % PANEL_ROWS, out);
    } else {
        engine_dequantize(w->type, w->rows_at + row * engine_row_bytes(w->type, w->columns), out,
                          w->columns);
    }
}
