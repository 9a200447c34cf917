/* Blocks that were read from the record stream and wait to be used.
 *
 * A row of a table is some thirty bytes of text, and five times that as a block with its line. So
 * what waits is packed: numbers and text one behind the other, in segments that are given back as
 * they are unpacked. A place on the page is kept where there is one. Blocks come out in the order
 * in which they went in, as many as are wanted at once. What is stored here has been checked
 * (record_read.c).
 */
#include <string.h>

#include "ingest/record.h"

/* Larger than malloc's heap takes, and so given back to the system at once. */
#define SEGMENT_BYTES (256u << 10)

typedef enum { STORED_BLOCK, STORED_LINE, STORED_PLACED_LINE } stored_kind;

/* In front of what is stored; for a line its text follows, behind its place if it has one. */
typedef struct {
    uint8_t kind, role, level;
    uint32_t number; /* of a block its page, of a line the bytes of its text */
} stored_head;

typedef struct {
    box at;
    float font_pt;
} stored_place;

typedef struct segment segment;
struct segment {
    segment *next;
    size_t used, room;
    uint8_t bytes[];
};

struct record_store {
    segment *first, *last;
    size_t at; /* how far the first is read */
    bool placed;
};

record_store *record_store_new(void) {
    return mem_new(1, sizeof(record_store));
}

void record_store_free(record_store *s) {
    if (!s) return;
    for (segment *g = s->first, *next; g; g = next) {
        next = g->next;
        mem_free(g);
    }
    mem_free(s);
}

bool record_store_placed(const record_store *s) {
    return s->placed;
}

/* What belongs together lies in one segment. */
static uint8_t *room_for(record_store *s, size_t n) {
    if (!s->last || s->last->room - s->last->used < n) {
        size_t room = SEGMENT_BYTES - sizeof(segment);
        if (room < n) room = n;
        segment *g = mem_grow(NULL, sizeof *g + room, 1);
        *g = (segment){.room = room};
        *(s->last ? &s->last->next : &s->first) = g;
        s->last = g;
    }
    uint8_t *p = s->last->bytes + s->last->used;
    s->last->used += n;
    return p;
}

void record_store_block(record_store *s, ingest_role role, uint8_t level, uint32_t page) {
    const stored_head h = {STORED_BLOCK, (uint8_t)role, level, page};
    memcpy(room_for(s, sizeof h), &h, sizeof h);
}

void record_store_line(record_store *s, const ingest_line *l) {
    static const stored_place nowhere;
    const stored_place place = {l->at, l->font_pt};
    bool placed = memcmp(&place, &nowhere, sizeof place) != 0;
    size_t before = placed ? sizeof place : 0;
    const stored_head h = {placed ? STORED_PLACED_LINE : STORED_LINE, 0, 0, (uint32_t)l->text.n};
    uint8_t *p = room_for(s, sizeof h + before + l->text.n);
    memcpy(p, &h, sizeof h);
    if (placed) memcpy(p + sizeof h, &place, sizeof place);
    memcpy(p + sizeof h + before, l->text.p, l->text.n);
    s->placed |= placed;
}

/* The head at a place, which moves behind all that belongs to it; NULL at the end. */
static const uint8_t *next_stored(const segment **g, size_t *at, stored_head *h) {
    while (*g && *at == (*g)->used) {
        *g = (*g)->next;
        *at = 0;
    }
    if (!*g) return NULL;
    const uint8_t *p = (*g)->bytes + *at;
    memcpy(h, p, sizeof *h);
    *at += sizeof *h;
    if (h->kind == STORED_PLACED_LINE) *at += sizeof(stored_place);
    if (h->kind != STORED_BLOCK) *at += h->number;
    return p + sizeof *h;
}

/* How many blocks from the front, at least one, hold no more than so many bytes when they are
 * unpacked. */
static size_t count_blocks(const record_store *s, size_t most_bytes, size_t *lines) {
    const segment *g = s->first;
    size_t at = s->at, blocks = 0, bytes = 0;
    stored_head h;
    *lines = 0;
    while (next_stored(&g, &at, &h)) {
        bool block = h.kind == STORED_BLOCK;
        if (block && blocks > 0 && bytes >= most_bytes) return blocks;
        blocks += block;
        *lines += !block;
        bytes += block ? sizeof(ingest_block) : sizeof(ingest_line) + h.number;
    }
    return blocks;
}

static void take_line(const uint8_t *p, const stored_head *h, arena *a, ingest_line *out) {
    if (h->kind == STORED_PLACED_LINE) {
        stored_place place;
        memcpy(&place, p, sizeof place);
        out->at = place.at;
        out->font_pt = place.font_pt;
        p += sizeof place;
    }
    out->text = arena_str(a, (str){(const char *)p, h->number});
}

/* Segments that lie before the place are read. */
static void give_back(record_store *s, const segment *g, size_t at) {
    while (s->first != g) {
        segment *next = s->first->next;
        mem_free(s->first);
        s->first = next;
    }
    if (!s->first) s->last = NULL;
    s->at = at;
}

size_t record_store_take(record_store *s, size_t most_bytes, arena *a, const ingest_block **out) {
    size_t line_count, count = count_blocks(s, most_bytes, &line_count);
    ingest_block *blocks = arena_alloc(a, count + 1, sizeof *blocks), *block = NULL;
    ingest_line *lines = arena_alloc(a, line_count + 1, sizeof *lines);
    const segment *g = s->first;
    size_t at = s->at;
    stored_head h;
    for (size_t left = count + line_count, begun = 0; left > 0; left--) {
        const uint8_t *p = next_stored(&g, &at, &h);
        if (h.kind == STORED_BLOCK) {
            block = &blocks[begun++];
            *block = (ingest_block){
                .role = (ingest_role)h.role, .level = h.level, .page = h.number, .lines = lines};
        } else {
            take_line(p, &h, a, lines++);
            block->line_count++;
        }
        give_back(s, g, at);
    }
    *out = blocks;
    return count;
}

bool record_store_is_empty(const record_store *s) {
    const segment *g = s->first;
    size_t at = s->at;
    stored_head h;
    return !next_stored(&g, &at, &h);
}
