/* What the files of the chunker share: chunk_order.c puts blocks into the order in which they are
 * read, chunk_flow.c turns them into one running text with units and places, chunk.c cuts the units
 * into chunks. */
#ifndef CARREL_INGEST_CHUNK_H
#define CARREL_INGEST_CHUNK_H

#include "ingest/ingest.h"

typedef enum { UNIT_SENTENCE, UNIT_HEADING, UNIT_ROW } unit_kind;

#define UNIT_NONE UINT32_MAX

/* What a chunk is made of and never divides: a sentence, a heading, a row. */
typedef struct {
    uint32_t begin, end; /* bytes of the flow's text, no white space at either end */
    uint32_t tokens;
    uint32_t first_seg; /* the first place that reaches past begin */
    /* Of a row, units that must stand in front of it to be understood: the line that leads into
     * the table, the header row, the name of the group of rows; UNIT_NONE where there is none. */
    uint32_t lead, header, group;
    uint32_t path; /* index into paths */
    uint8_t kind;
    uint8_t level; /* of a heading */
    bool starts_block;
    bool leads; /* a header row, the name of a group of rows, or the line that leads into a table */
    /* What a blank line in the chunk tells whoever reads its text: it stands behind each row that
     * heads a table, and in front of the first row of a table that has no head. */
    bool head, parted;
} unit;

/* A line of the page, as the bytes of the flow that came from it. */
typedef struct {
    uint32_t begin, end, page;
    box at;
} seg;

typedef struct {
    text t;
    unit *units;
    size_t unit_count, unit_room;
    seg *segs;
    size_t seg_count, seg_room;
    str *paths; /* heading paths, in the arena; [0] is empty; the one before a heading's own is its
                 * parent's */
    size_t path_count, path_room;
    size_t again; /* so many units come from the stretch before, to be said again where needed */
} flow;

/* What the next stretch of a document must know of those before: the headings above it, by level,
 * and of the table that goes on in it the line that leads into it, the header row, and the name of
 * the group of rows. */
#define CARRIED_UNITS 3
typedef struct {
    bool begun, in_table;
    str above[INGEST_HEADING_LEVELS];
    struct {
        str text; /* empty: there is none */
        uint32_t page;
    } units[CARRIED_UNITS];
} chunk_carry;

/* Everything but footers, lines joined. Units longer than `max_tokens` are cut at word bounds.
 * carry: of a stretch of a document that is no piece by itself; it is brought up to date, in the
 * arena. Else NULL. */
bool flow_build(const ingest_document *d, ingest_count_fn *count, void *context, size_t max_tokens,
                arena *a, chunk_carry *carry, flow *out, error *err);
void flow_free(flow *f);

bool flow_is_small(uint32_t letter);
uint32_t flow_first(str s); /* codepoint; 0 for an empty text */
uint32_t flow_last(str s);

/* Does `next` go on with the sentence that `block` stops in, at the end of a page or column? */
bool order_runs_on(const ingest_block *block, const ingest_block *next);
/* Puts the document's blocks but footers into `out`, which has room for all, in the order in which
 * they are read. Gives their count. */
size_t order_blocks(const ingest_document *d, const ingest_block **out, arena *a);

/* Chunks, collected from one piece of a document after the other. */
typedef struct {
    ingest_chunk *items;
    size_t count, room;
} chunk_list;

/* Appends the chunks of a document, or of a piece of one; what they point to is in `a`, and so is
 * what is carried from one stretch to the next (flow_build). */
bool chunk_append(const ingest_document *d, ingest_count_fn *count, void *context, arena *a,
                  chunk_carry *carry, chunk_list *to, error *err);
/* Moves them into `a`, and empties the list. */
void chunk_list_end(chunk_list *l, arena *a, ingest_chunk **out, size_t *count);

#endif
