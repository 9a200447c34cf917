/* Which blocks are headings, and of which level: by the outline, by size, weight and capitals.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/parse/pdf.h"

#define HEADING_BYTES 220 /* longer is no heading */
#define HEADING_LINES 4
#define LARGER 1.12f /* than body text: a heading by size alone */
#define HEADING_MAX_LEVEL 6

static int by_bookmark_key(const void *pa, const void *pb) {
    return pdf_compare(((const pdf_bookmark *)pa)->key, ((const pdf_bookmark *)pb)->key);
}

void pdf_sort_bookmarks(pdf_text *t) {
    qsort(t->bookmarks, t->bookmark_count, sizeof *t->bookmarks, by_bookmark_key);
}

static str block_text(const pdf_text *t, const pdf_block *b, arena *a) {
    text joined = {0};
    for (uint32_t i = 0; i < b->count; i++) {
        if (i > 0) text_put_char(&joined, ' ');
        text_put(&joined, t->lines.lines[b->first + i].text);
    }
    str out = arena_str(a, text_str(&joined));
    text_free(&joined);
    return out;
}

/* The depth of the outline's entry of this text; 0 where there is none. */
static uint8_t outline_depth(const pdf_text *t, str s, arena *a) {
    if (t->bookmark_count == 0) return 0;
    pdf_bookmark wanted = {.key = pdf_key(s, false, a)};
    const pdf_bookmark *found =
        bsearch(&wanted, t->bookmarks, t->bookmark_count, sizeof *t->bookmarks, by_bookmark_key);
    return found && wanted.key.n > 1 ? found->depth : 0;
}

static bool all_capitals(str s) {
    size_t capitals = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] >= 'a' && s.p[i] <= 'z') return false;
        capitals += s.p[i] >= 'A' && s.p[i] <= 'Z';
    }
    return capitals > 3;
}

/* By its looks: larger than the body, or set apart by weight or capitals and short. */
static bool looks_like_heading(const pdf_style *s, const pdf_line *l, str whole, bool listed) {
    bool bold = l->bold && !s->body_bold && l->font_pt > s->body_pt - PDF_SAME_SIZE_PT;
    bool larger = l->font_pt >= s->body_pt * LARGER;
    if (listed && pdf_numbering(whole) == 0) return false;
    if (larger)
        return !str_ends(whole, STR(",")) && (bold || !str_ends(whole, STR(".")) || whole.n < 60);
    if (str_ends(whole, STR(".")) || str_ends(whole, STR(",")) || str_ends(whole, STR(";")))
        return false;
    return whole.n <= HEADING_BYTES / 2 &&
           (bold || (all_capitals(whole) && l->font_pt > s->body_pt - PDF_SAME_SIZE_PT));
}

/* Sizes above the body's, largest first, are levels 1, 2 ...; one that is used once (on a title
 * page) does not push the others down. Bold text of body size comes after
 * them, deeper where it is numbered so. */
static uint8_t level_of(const pdf_style *s, const size_t *used, const pdf_line *l, str whole) {
    int level = 1, depth = pdf_numbering(whole);
    bool larger = l->font_pt >= s->body_pt * LARGER;
    for (size_t bin = PDF_MAX_FONT_PT * 2; bin > pdf_size_bin(l->font_pt); bin--)
        level += used[bin] > 1;
    if (!larger && depth > 1) level += depth - 1;
    return (uint8_t)(level > HEADING_MAX_LEVEL ? HEADING_MAX_LEVEL : level);
}

void pdf_find_headings(pdf_text *t, const pdf_style *s, arena *a) {
    size_t used[PDF_MAX_FONT_PT * 2 + 1] = {0};
    for (size_t i = 0; i < t->block_count; i++) {
        pdf_block *b = &t->blocks[i];
        const pdf_line *l = &t->lines.lines[b->first];
        bool listed = b->role == INGEST_ROLE_LIST_ITEM;
        if ((!listed && b->role != INGEST_ROLE_PARAGRAPH) || b->count > HEADING_LINES) continue;
        str whole = block_text(t, b, a);
        if (whole.n > HEADING_BYTES || pdf_letters(whole) < 2) continue;
        uint8_t depth = outline_depth(t, whole, a);
        if (depth == 0 && !looks_like_heading(s, l, whole, listed)) continue;
        b->role = INGEST_ROLE_HEADING;
        b->level = depth > HEADING_MAX_LEVEL ? HEADING_MAX_LEVEL : depth;
        if (depth == 0 && l->font_pt >= s->body_pt * LARGER) used[pdf_size_bin(l->font_pt)]++;
    }
    for (size_t i = 0; i < t->block_count; i++) {
        pdf_block *b = &t->blocks[i];
        if (b->role == INGEST_ROLE_HEADING && b->level == 0)
            b->level = level_of(s, used, &t->lines.lines[b->first], block_text(t, b, a));
    }
}
