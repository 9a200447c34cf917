/* Blocks become one running text, cut into units that a chunk may not divide.
 *
 * Owns the joining of lines: a hyphen at a line's end is the printer's or the word's, and the rest
 * of the document is asked which; a soft hyphen is always the printer's; CJK lines join without a
 * space. A paragraph that runs over a page's end is joined too. Every byte of the text knows the
 * line that it came from, so that a quotation can be shown on its page.
 *
 * The token counter is called once for each unit, and again only for the parts of one that is too
 * long: the cost stays linear in the document. It never drops a word, footers apart.
 */
#include "ingest/chunk.h"

#include <stdlib.h>
#include <string.h>

/* One component of a heading path; a longer "heading" is a paragraph in large type. */
#define PATH_PART_BYTES 120
#define HEADING_LEVELS INGEST_HEADING_LEVELS
/* A longer sentence in front of a table says more than what its figures are. */
#define LEAD_TOKENS 60
#define CAPTION_BYTES 240
/* What may stand inside a table that goes on, and how exactly its right edge does. */
#define BETWEEN_TOKENS 30
#define SAME_EDGE_PT 6.0f
/* Rows this much further in than the name of their group are indented. */
#define INDENT_PT 2.0f
/* Below this the parts of an over-long unit are not cut further, whatever the counter says. */
#define PIECE_MIN_BYTES 32
/* Offsets are 32 bits; the record stream's own limit is far below. */
#define FLOW_MAX_BYTES (1u << 30)

/* The words of the document, as hashes; for the question of the hyphens. */
typedef struct {
    uint64_t *slots;
    size_t room, used; /* room is a power of two */
} word_set;

typedef struct {
    flow *f;
    arena *a;
    ingest_count_fn *count;
    void *context;
    size_t max_tokens;
    word_set words;
    str stack[HEADING_LEVELS];    /* the headings above, by level */
    uint32_t lead, header, group; /* of the table that is open, else UNIT_NONE */
    float group_left_pt;
    bool group_indents; /* its rows stand further in than its name */
    /* The table before, for one that goes on behind a line of its own and has no head. */
    float right_pt;
    size_t cells, tokens_since;
    uint32_t row_page; /* of its last row */
    bool in_table, leads;
    bool head_due, has_cells; /* no row of the table had several cells yet; one had */
    bool part_name;           /* the heading that is put is one */
    ingest_role above;        /* of the last block */
} builder;

/* ---- characters --------------------------------------------------------------------------- */

/* Letters as far as hyphenation goes: ASCII letters, and all above ASCII but punctuation. */
static bool is_letter_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0xC3 ||
           ((unsigned char)c >= 0x80 && (unsigned char)c < 0xC0);
}

bool flow_is_small(uint32_t u) {
    return (u >= 'a' && u <= 'z') || (u >= 0xDF && u <= 0xFF && u != 0xF7) ||
           (u >= 0x3AC && u <= 0x3CE) || (u >= 0x430 && u <= 0x45F) ||
           (u >= 0x100 && u <= 0x17F && (u & 1));
}

/* Scripts written without spaces: kana, ideographs, their punctuation and wide forms. */
static bool is_cjk(uint32_t u) {
    return (u >= 0x3000 && u <= 0x30FF) || (u >= 0x3400 && u <= 0x9FFF) ||
           (u >= 0xF900 && u <= 0xFAFF) || (u >= 0xFF00 && u <= 0xFF9F) ||
           (u >= 0x20000 && u <= 0x3FFFF);
}

static bool is_blank(uint32_t u) {
    return u <= ' ' || u == 0xA0 || (u >= 0x2000 && u <= 0x200A) || u == 0x202F || u == 0x205F;
}

static bool is_nothing(uint32_t u) {
    return u == 0xAD || u == 0x200B || u == 0xFEFF;
}

uint32_t flow_last(str s) {
    if (s.n == 0) return 0;
    size_t used, at = utf8_floor(s, s.n - 1);
    return utf8_next(s.p + at, s.n - at, &used);
}

uint32_t flow_first(str s) {
    size_t used;
    return s.n ? utf8_next(s.p, s.n, &used) : 0;
}

/* ---- the words of the document ------------------------------------------------------------ */

static uint64_t hash_more(uint64_t h, str s) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i];
        h = (h ^ (unsigned char)c) * 1099511628211ull;
    }
    return h;
}

#define HASH_START 14695981039346656037ull

static uint64_t *find_slot(const word_set *w, uint64_t h) {
    size_t at = (size_t)(h ^ h >> 32) & (w->room - 1);
    while (w->slots[at] != 0 && w->slots[at] != h) at = (at + 1) & (w->room - 1);
    return &w->slots[at];
}

static bool has_hash(const word_set *w, uint64_t h) {
    return w->room > 0 && *find_slot(w, h ? h : 1) != 0;
}

static void add_hash(word_set *w, uint64_t h) {
    if (2 * (w->used + 1) > w->room) {
        word_set bigger = {.room = w->room ? 2 * w->room : 1024};
        bigger.slots = mem_new(bigger.room, sizeof *bigger.slots);
        for (size_t i = 0; i < w->room; i++)
            if (w->slots[i]) *find_slot(&bigger, w->slots[i]) = w->slots[i];
        bigger.used = w->used;
        mem_free(w->slots);
        *w = bigger;
    }
    uint64_t *slot = find_slot(w, h ? h : 1);
    w->used += *slot == 0;
    *slot = h ? h : 1;
}

/* Words and compounds that stand whole in a line; the halves at its two ends are no evidence. */
static void add_words(word_set *w, str line, bool first_is_half) {
    for (size_t i = 0; i < line.n;) {
        size_t begin = i;
        while (i < line.n && (is_letter_byte(line.p[i]) || (line.p[i] == '-' && i > begin))) i++;
        bool half = (begin == 0 && first_is_half) || (i == line.n && i > 0 && line.p[i - 1] == '-');
        if (i > begin && !half) add_hash(w, hash_more(HASH_START, str_cut(line, begin, i)));
        i += i == begin;
    }
}

/* Only a document that has hyphens at line ends needs to know its words. */
static void collect_words(const ingest_document *d, word_set *w) {
    bool any = false;
    for (size_t i = 0; i < d->block_count && !any; i++)
        for (size_t k = 0; k < d->blocks[i].line_count; k++)
            any = any || flow_last(d->blocks[i].lines[k].text) == '-';
    bool half = false;
    for (size_t i = 0; any && i < d->block_count; i++)
        for (size_t k = 0; k < d->blocks[i].line_count; k++) {
            str line = d->blocks[i].lines[k].text;
            add_words(w, line, half);
            half = flow_last(line) == '-';
        }
}

/* ---- joining lines ------------------------------------------------------------------------ */

static bool is_hyphen(uint32_t u) {
    return u == '-' || u == 0x2010;
}

/* Does the hyphen between `left` (without it) and `right` belong to the word? */
static bool keeps_hyphen(const builder *b, str left, str right) {
    size_t from = left.n, to = 0;
    while (from > 0 && is_letter_byte(left.p[from - 1])) from--;
    if (from > 0 && left.p[from - 1] == '-') return true; /* "state-of-the-" */
    while (to < right.n && is_letter_byte(right.p[to])) to++;
    str a = str_cut(left, from, left.n), z = str_cut(right, 0, to);
    uint64_t head = hash_more(HASH_START, a);
    if (has_hash(&b->words, hash_more(head, z))) return false;
    if (has_hash(&b->words, hash_more(hash_more(head, STR("-")), z))) return true;
    /* neither is there: two words of this document make a compound, a fragment does not */
    return has_hash(&b->words, head) && has_hash(&b->words, hash_more(HASH_START, z));
}

/* Appends with white space collapsed and invisible characters left out. */
static void put_clean(text *t, str line) {
    bool space = false;
    for (size_t i = 0, used; i < line.n; i += used) {
        uint32_t u = utf8_next(line.p + i, line.n - i, &used);
        if (is_blank(u)) {
            space = true;
        } else if (!is_nothing(u)) {
            if (space) text_put_char(t, ' ');
            space = false;
            text_put(t, str_cut(line, i, i + used));
        }
    }
}

static void *room_for(void *array, size_t count, size_t *room, size_t size) {
    if (count < *room) return array;
    *room = *room ? 2 * *room : 256;
    return mem_grow(array, *room, size);
}

/* The separator that a line needs behind the text of its block, given what joins them. */
static void put_joint(builder *b, size_t block_begin, str line, bool soft) {
    flow *f = b->f;
    str before = str_cut(text_str(&f->t), block_begin, f->t.n);
    uint32_t last = flow_last(before), first = flow_first(line);
    if (before.n == 0 || soft || (is_cjk(last) && is_cjk(first))) return;
    size_t width = last == '-' ? 1 : 3;
    if (!is_hyphen(last) || before.n <= width || before.p[before.n - width - 1] == ' ') {
        text_put_char(&f->t, ' ');
        return;
    }
    str left = str_cut(before, 0, before.n - width);
    bool letter = is_letter_byte(left.p[left.n - 1]);
    if (!letter || !flow_is_small(first) || keeps_hyphen(b, left, line)) return;
    text_cut(&f->t, f->t.n - width);
    seg *s = &f->segs[f->seg_count - 1];
    if (s->end > f->t.n) s->end = (uint32_t)f->t.n;
}

/* Appends one line to the block that began at `block_begin`. */
static void put_line(builder *b, size_t block_begin, const ingest_line *line, uint32_t page,
                     bool soft) {
    flow *f = b->f;
    str s = str_trim(line->text);
    put_joint(b, block_begin, s, soft);
    size_t begin = f->t.n;
    put_clean(&f->t, s);
    while (f->t.n > begin && f->t.p[f->t.n - 1] == ' ') text_cut(&f->t, f->t.n - 1);
    if (f->t.n == begin) return;
    f->segs = room_for(f->segs, f->seg_count, &f->seg_room, sizeof *f->segs);
    f->segs[f->seg_count++] = (seg){(uint32_t)begin, (uint32_t)f->t.n, page, line->at};
}

static bool ends_soft(str line) {
    return flow_last(str_trim(line)) == 0xAD;
}

/* ---- units -------------------------------------------------------------------------------- */

static void put_unit(builder *b, unit_kind kind, size_t begin, size_t end, size_t tokens,
                     bool starts_block) {
    flow *f = b->f;
    uint32_t at = f->unit_count ? f->units[f->unit_count - 1].first_seg : 0;
    while (at < f->seg_count && f->segs[at].end <= begin) at++;
    f->units = room_for(f->units, f->unit_count, &f->unit_room, sizeof *f->units);
    f->units[f->unit_count++] = (unit){
        .begin = (uint32_t)begin,
        .end = (uint32_t)end,
        .tokens = (uint32_t)tokens,
        .first_seg = at,
        .lead = kind == UNIT_ROW ? b->lead : UNIT_NONE,
        .header = kind == UNIT_ROW ? b->header : UNIT_NONE,
        .group = kind == UNIT_ROW ? b->group : UNIT_NONE,
        .leads = kind == UNIT_ROW && b->leads,
        .path = (uint32_t)(f->path_count - 1),
        .kind = (uint8_t)kind,
        .starts_block = starts_block,
    };
    b->tokens_since += tokens;
}

/* Where to cut [begin, end) near `at`: behind a space, else between two characters. */
static size_t cut_near(str t, size_t begin, size_t at, size_t end) {
    for (size_t i = at; i > begin + (at - begin) / 2; i--)
        if (t.p[i - 1] == ' ') return i;
    size_t cut = utf8_floor(str_cut(t, 0, end), at);
    return cut > begin ? cut : at;
}

/* One unit, or several if the counter finds it too long. */
static void put_units(builder *b, unit_kind kind, size_t begin, size_t end, bool starts_block) {
    str t = text_str(&b->f->t);
    size_t tokens = b->count(b->context, str_cut(t, begin, end));
    while (tokens > b->max_tokens && end - begin > 2 * PIECE_MIN_BYTES) {
        /* a little under its even share, so that the parts mostly fit at once */
        double even = (double)(end - begin) * (double)b->max_tokens / (double)tokens;
        size_t share = (size_t)(0.8 * even);
        size_t part = 0, cut = begin;
        if (share > (end - begin) / 2) share = (end - begin) / 2;
        for (;;) {
            share = share < PIECE_MIN_BYTES ? PIECE_MIN_BYTES : share;
            cut = cut_near(t, begin, begin + share, end);
            part = b->count(b->context, str_trim(str_cut(t, begin, cut)));
            if (part <= b->max_tokens || share == PIECE_MIN_BYTES) break;
            share /= 2;
        }
        size_t stop = cut;
        while (stop > begin && t.p[stop - 1] == ' ') stop--;
        if (stop > begin) put_unit(b, kind, begin, stop, part, starts_block);
        starts_block = false;
        begin = cut;
        while (begin < end && t.p[begin] == ' ') begin++;
        /* sums of parts are close enough; the last part is counted for what it is */
        tokens = tokens > part ? tokens - part : 0;
        if (tokens <= b->max_tokens && begin < end)
            tokens = b->count(b->context, str_cut(t, begin, end));
    }
    if (begin < end) put_unit(b, kind, begin, end, tokens, starts_block);
}

static void put_sentences(builder *b, size_t begin, size_t end) {
    size_t pos = 0, from, to;
    bool first = true;
    while (sentence_next(str_cut(text_str(&b->f->t), begin, end), &pos, &from, &to)) {
        put_units(b, UNIT_SENTENCE, begin + from, begin + to, first);
        first = false;
    }
}

/* ---- headings ----------------------------------------------------------------------------- */

static void put_path(builder *b) {
    flow *f = b->f;
    text path = {0};
    for (int i = 0; i < HEADING_LEVELS; i++) {
        if (b->stack[i].n == 0) continue;
        if (path.n > 0) text_put(&path, STR(" > "));
        text_put(&path, b->stack[i]);
    }
    f->paths = room_for(f->paths, f->path_count, &f->path_room, sizeof *f->paths);
    f->paths[f->path_count++] = arena_str(b->a, text_str(&path));
    text_free(&path);
}

/* The name of a document inside the document stands on no page: it is on the paths below it and not
 * in the text, unless nothing else says that there is such a document. */
static bool is_part_name(const ingest_document *d, const ingest_block *block,
                         const ingest_block *next) {
    size_t low = 0, high = d->part_count;
    if (block->role != INGEST_ROLE_HEADING || block->line_count != 1 || !next) return false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (d->parts[middle].page_first < block->page)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < d->part_count && d->parts[low].page_first == block->page; low++)
        if (str_eq(d->parts[low].name, block->lines[0].text))
            return next->page < d->parts[low].page_first + d->parts[low].page_count;
    return false;
}

static void put_heading(builder *b, size_t begin, size_t end, int level) {
    str s = str_cut(text_str(&b->f->t), begin, end);
    level = level < 1 ? 1 : level > HEADING_LEVELS ? HEADING_LEVELS : level;
    for (int i = level - 1; i < HEADING_LEVELS; i++) b->stack[i] = (str){0};
    put_path(b);
    b->stack[level - 1] = arena_str(b->a, str_cut(s, 0, utf8_floor(s, PATH_PART_BYTES)));
    put_path(b);
    if (b->part_name) return;
    size_t first = b->f->unit_count;
    put_units(b, UNIT_HEADING, begin, end, true);
    for (size_t i = first; i < b->f->unit_count; i++) b->f->units[i].level = (uint8_t)level;
}

/* ---- blocks ------------------------------------------------------------------------------- */

/* "(in millions)", "Doses are as follows:", a caption: what a table cannot do without. Of a
 * paragraph the last sentence may be it; one without a stop only where it is the whole
 * paragraph. */
static bool leads_into_table(const builder *b, const unit *u) {
    str s = str_cut(text_str(&b->f->t), u->begin, u->end);
    if (u->kind != UNIT_SENTENCE || u->tokens > LEAD_TOKENS || s.n == 0) return false;
    if (b->above == INGEST_ROLE_CAPTION) return true;
    bool whole = u->starts_block && b->above == INGEST_ROLE_PARAGRAPH;
    return row_is_caption(s) && (whole || strchr(":)", s.p[s.n - 1]));
}

/* A table without a head goes on with the one before when little stands between them, it has as
 * many columns, and ends at the same edge: "Liabilities" in the middle of a balance sheet. */
static bool goes_on(const builder *b, const ingest_block *row) {
    const ingest_line *l = &row->lines[0];
    return row->level == INGEST_ROW_BODY && b->header != UNIT_NONE && l->at.x1 > 0 &&
           b->tokens_since <= BETWEEN_TOKENS && row_cells(l->text) == b->cells &&
           l->at.x1 > b->right_pt - SAME_EDGE_PT && l->at.x1 < b->right_pt + SAME_EDGE_PT;
}

static void begin_table(builder *b, const ingest_block *row) {
    const flow *f = b->f;
    unit *above = f->unit_count > 0 ? &f->units[f->unit_count - 1] : NULL;
    bool again = goes_on(b, row);
    if (!again) b->header = b->lead = UNIT_NONE;
    if (above && leads_into_table(b, above)) {
        b->lead = (uint32_t)(f->unit_count - 1);
        above->leads = above->starts_block;
    }
    b->group = UNIT_NONE;
    b->head_due = !again;
    b->has_cells = again;
}

/* "Total assets | 5": behind it the group is over. */
static bool is_total(str s) {
    return str_starts(s, STR("Total ")) || str_starts(s, STR("TOTAL "));
}

/* Where the rows of a group stand further in than its name, one that does not is no longer of it.
 */
static void heed_indent(builder *b, float left_pt) {
    if (b->group == UNIT_NONE) return;
    bool indented = left_pt > b->group_left_pt + INDENT_PT;
    if (b->f->unit_count == b->group + 1u)
        b->group_indents = indented;
    else if (b->group_indents && !indented)
        b->group = UNIT_NONE;
}

/* The head of the table said again because it goes on on the next page: its groups go on too. */
static bool repeats_head(const builder *b, str row, uint32_t page) {
    if (!b->in_table || b->header == UNIT_NONE || page != b->row_page + 1) return false;
    const unit *head = &b->f->units[b->header];
    return str_eq(row, str_cut(text_str(&b->f->t), head->begin, head->end));
}

static void put_row(builder *b, size_t begin, size_t end, const ingest_block *block) {
    str s = str_cut(text_str(&b->f->t), begin, end);
    float left_pt = block->lines[0].at.x0;
    if (!b->in_table) begin_table(b, block);
    bool untold = block->level == INGEST_ROW_UNTOLD, section = row_is_section(s);
    bool head = block->level == INGEST_ROW_HEAD ||
                (untold && b->head_due && !section && !row_is_figures(s));
    bool title = untold && !b->in_table && section; /* above the row that names the columns */
    bool group = section && (block->level == INGEST_ROW_BODY || (untold && b->has_cells));
    bool repeated = head && repeats_head(b, s, block->page);
    if (head) b->header = UNIT_NONE;
    if ((head && !repeated) || group) b->group = UNIT_NONE;
    if (!repeated) heed_indent(b, left_pt);
    b->leads = head || group || title;
    size_t first = b->f->unit_count;
    put_units(b, UNIT_ROW, begin, end, true);
    bool whole = b->f->unit_count == first + 1; /* cut, it is too long to be said again */
    b->f->units[first].head = head && whole;
    b->f->units[first].parted = !head && !b->in_table && b->header == UNIT_NONE;
    if (head && whole) b->header = (uint32_t)first;
    if (title && whole) b->lead = (uint32_t)first;
    if (!section) b->head_due = false;
    if (!section) b->has_cells = true;
    if (group && whole) b->group = (uint32_t)first;
    if (group) b->group_left_pt = left_pt;
    if (is_total(s)) b->group = UNIT_NONE;
    b->row_page = block->page;
    if (head || group) return;
    b->cells = row_cells(s);
    b->right_pt = block->lines[0].at.x1;
    b->tokens_since = 0;
}

/* Code keeps its lines: each is a unit of its own. */
static void put_code(builder *b, const ingest_block *block) {
    flow *f = b->f;
    for (size_t i = 0; i < block->line_count; i++) {
        size_t begin = f->t.n;
        put_line(b, begin, &block->lines[i], block->page, false);
        if (f->t.n > begin) put_units(b, UNIT_SENTENCE, begin, f->t.n, true);
        text_put_char(&f->t, '\n');
    }
}

static bool is_caption(const builder *b, const ingest_block *block, size_t begin, size_t end) {
    return block->role == INGEST_ROLE_CAPTION ||
           (block->role == INGEST_ROLE_PARAGRAPH &&
            row_is_numbered_caption(str_cut(text_str(&b->f->t), begin, end)));
}

static void put_block(builder *b, const ingest_block *block, size_t begin) {
    flow *f = b->f;
    size_t end = f->t.n;
    if (end > begin && block->role == INGEST_ROLE_HEADING)
        put_heading(b, begin, end, block->level);
    else if (end > begin && block->role == INGEST_ROLE_TABLE_ROW)
        put_row(b, begin, end, block);
    else if (end > begin && end - begin <= CAPTION_BYTES && is_caption(b, block, begin, end))
        put_units(b, UNIT_SENTENCE, begin, end, true); /* "Table 1. Doses" stays together */
    else
        put_sentences(b, begin, end);
    b->in_table = block->role == INGEST_ROLE_TABLE_ROW;
    b->above = block->role;
    text_put_char(&f->t, '\n');
}

static bool put_all(builder *b, const ingest_document *d, error *err) {
    const ingest_block **blocks = arena_alloc(b->a, d->block_count + 1, sizeof *blocks);
    size_t count = order_blocks(d, blocks, b->a);
    for (size_t at = 0; at < count; at++) {
        size_t begin = b->f->t.n;
        const ingest_block *block = blocks[at], *first = block;
        bool soft = false;
        if (begin > FLOW_MAX_BYTES)
            return error_set(err, ERROR_LIMIT, "the document has more than %u MB of text",
                             FLOW_MAX_BYTES >> 20);
        if (block->role == INGEST_ROLE_CODE) {
            put_code(b, block);
            b->in_table = false;
            b->above = INGEST_ROLE_CODE;
            continue;
        }
        for (;;) {
            for (size_t i = 0; i < block->line_count; i++) {
                put_line(b, begin, &block->lines[i], block->page, soft);
                soft = ends_soft(block->lines[i].text);
            }
            if (at + 1 == count || !order_runs_on(block, blocks[at + 1])) break;
            block = blocks[++at];
        }
        b->part_name = is_part_name(d, first, at + 1 < count ? blocks[at + 1] : NULL);
        put_block(b, first, begin);
    }
    return true;
}

/* As a heading is that stands in the text: cleaned, and cut. */
static void put_above(builder *b, const str *above) {
    text clean = {0};
    for (int i = 0; i < HEADING_LEVELS; i++) {
        text_clear(&clean);
        put_clean(&clean, str_trim(above[i]));
        str s = text_str(&clean);
        b->stack[i] = arena_str(b->a, str_cut(s, 0, utf8_floor(s, PATH_PART_BYTES)));
    }
    text_free(&clean);
}

/* ---- stretches ----------------------------------------------------------------------------- */

/* What stood in the stretch before, as units that a chunk may say again. */
static void put_carried(builder *b, const chunk_carry *carry) {
    uint32_t *const places[CARRIED_UNITS] = {&b->lead, &b->header, &b->group};
    flow *f = b->f;
    for (size_t i = 0; i < CARRIED_UNITS; i++) {
        size_t begin = f->t.n, first = f->unit_count;
        const ingest_line line = {.text = carry->units[i].text};
        if (line.text.n == 0) continue;
        put_line(b, begin, &line, carry->units[i].page, false);
        put_units(b, UNIT_ROW, begin, f->t.n, true);
        text_put_char(&f->t, '\n');
        f->units[first].leads = true;
        f->units[first].head = places[i] == &b->header;
        *places[i] = (uint32_t)first;
    }
    f->again = f->unit_count;
    b->in_table = b->has_cells = carry->in_table;
    b->above = carry->in_table ? INGEST_ROLE_TABLE_ROW : INGEST_ROLE_PARAGRAPH;
}

static void find_carry(const builder *b, chunk_carry *carry) {
    const flow *f = b->f;
    const uint32_t units[CARRIED_UNITS] = {b->lead, b->header, b->group};
    *carry = (chunk_carry){.begun = true, .in_table = b->in_table};
    memcpy(carry->above, b->stack, sizeof b->stack);
    for (size_t i = 0; i < CARRIED_UNITS && b->in_table; i++) {
        if (units[i] == UNIT_NONE) continue;
        const unit *u = &f->units[units[i]];
        carry->units[i].text = arena_str(b->a, str_cut(text_str(&f->t), u->begin, u->end));
        carry->units[i].page = f->segs[u->first_seg].page;
    }
}

bool flow_build(const ingest_document *d, ingest_count_fn *count, void *context, size_t max_tokens,
                arena *a, chunk_carry *carry, flow *out, error *err) {
    builder b = {.f = out,
                 .a = a,
                 .count = count,
                 .context = context,
                 .max_tokens = max_tokens,
                 .lead = UNIT_NONE,
                 .header = UNIT_NONE,
                 .group = UNIT_NONE};
    *out = (flow){0};
    bool goes_on = carry && carry->begun;
    if (goes_on || d->above) put_above(&b, goes_on ? carry->above : d->above);
    put_path(&b);
    if (goes_on) put_carried(&b, carry);
    collect_words(d, &b.words);
    bool ok = put_all(&b, d, err);
    if (ok && carry) find_carry(&b, carry);
    mem_free(b.words.slots);
    return ok;
}

void flow_free(flow *f) {
    text_free(&f->t);
    mem_free(f->units);
    mem_free(f->segs);
    mem_free(f->paths);
}
