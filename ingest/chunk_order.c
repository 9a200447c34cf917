/* The order in which a document's blocks are read: footers left out, and what a sentence goes on with
 * put behind it.
 *
 * A paragraph may stop in the middle of a sentence at the foot of a column or page, and go on behind
 * the footnotes there, or behind a table or figure at the head of the next page. Those follow it,
 * then. Nothing is left out but footers, and nothing moves but for the sake of such a sentence.
 */
#include <string.h>

#include "ingest/chunk.h"

#define FLOATS 80       /* blocks looked past for the rest of a sentence: a long table */
#define SMALLER_PT 0.6f /* notes are set smaller than the text, by more than this */

static bool is_text(const ingest_block *b) {
    return b->role == INGEST_ROLE_PARAGRAPH || b->role == INGEST_ROLE_LIST_ITEM;
}

static const ingest_line *last_line(const ingest_block *b) {
    return &b->lines[b->line_count - 1];
}

/* In the next column of the page: higher up, in letters of the same size. */
static bool is_beside(const ingest_block *block, const ingest_block *next) {
    const ingest_line *a = last_line(block), *z = &next->lines[0];
    return next->page == block->page && a->font_pt > 0 && z->at.y0 < a->at.y0 &&
           z->at.x0 > a->at.x0 && z->font_pt > a->font_pt - SMALLER_PT &&
           z->font_pt < a->font_pt + SMALLER_PT;
}

bool order_runs_on(const ingest_block *block, const ingest_block *next) {
    if (next->role != INGEST_ROLE_PARAGRAPH || !is_text(block) ||
        (next->page <= block->page && !is_beside(block, next)))
        return false;
    str end = str_trim(last_line(block)->text);
    uint32_t last = flow_last(end);
    return end.n > 0 && last < 0x3000 && !strchr(".!?:;", last < 0x80 ? (int)last : ' ') &&
           flow_is_small(flow_first(str_trim(next->lines[0].text)));
}

/* Notes at the foot of the text's column or page, and what stands at the head of the next. */
static bool may_interrupt(const ingest_block *block, const ingest_block *b) {
    if (b->role == INGEST_ROLE_CAPTION || b->role == INGEST_ROLE_FOOTER) return true;
    if (b->role == INGEST_ROLE_TABLE_ROW) return b->page > block->page;
    float font_pt = last_line(block)->font_pt;
    return is_text(b) && font_pt > 0 && b->lines[0].font_pt > 0 &&
           b->lines[0].font_pt < font_pt - SMALLER_PT;
}

/* The block that goes on with the sentence of block `at`, behind others; SIZE_MAX for none. */
static size_t find_rest(const ingest_document *d, size_t at, const bool *taken) {
    const ingest_block *block = &d->blocks[at];
    if (!is_text(block)) return SIZE_MAX;
    for (size_t i = at + 1; i < d->block_count && i <= at + FLOATS; i++) {
        if (taken[i]) continue;
        if (order_runs_on(block, &d->blocks[i])) return i;
        if (!may_interrupt(block, &d->blocks[i])) break;
    }
    return SIZE_MAX;
}

size_t order_blocks(const ingest_document *d, const ingest_block **out, arena *a) {
    bool *taken = arena_alloc(a, d->block_count + 1, sizeof *taken);
    size_t count = 0;
    for (size_t i = 0; i < d->block_count; i++) {
        for (size_t at = i; at != SIZE_MAX && !taken[at]; at = find_rest(d, at, taken)) {
            taken[at] = true;
            if (d->blocks[at].role != INGEST_ROLE_FOOTER) out[count++] = &d->blocks[at];
        }
    }
    return count;
}
