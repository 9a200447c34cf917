/* Which blocks are headings, and of which level.
 *
 * The structure of a tagged PDF tells both, where it is to be believed, and so does the outline
 * (bookmarks). Otherwise a heading is known by its size, weight or capitals, and its level by its
 * size first. Many documents set all their headings in one size: there "Part", "Chapter" and
 * numbers rank above what has none.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/parse/pdf/pdf.h"

#define HEADING_BYTES 220 /* longer is no heading */
#define HEADING_LINES 4
#define LARGER 1.12f /* than body text: a heading by size alone */
#define HEADING_MAX_LEVEL 6
#define TITLE_OFF_PT 3.0f /* a title's middle is no farther from its table's than half of this, */
#define TITLE_IN_PT 36.0f /* it begins so far inside, */
#define NAME_BYTES 40     /* a name may end with a stop: "Inc.", a longer line is a sentence, */
#define STATEMENT_LINES 5 /* and has no more lines */
#define RANKED 2          /* headings of a kind, of one size, part the others into ranks */
#define NESTED 3          /* so many are a habit of the document */

static int by_bookmark_key(const void *pa, const void *pb) {
    return str_compare(((const pdf_bookmark *)pa)->key, ((const pdf_bookmark *)pb)->key);
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

/* Does the structure of the document say that this is none? */
static bool is_stated_none(const pdf_text *t, const pdf_style *s, const pdf_line *l) {
    switch (l->tag) {
    case PDF_TAG_NOTE:
    case PDF_TAG_CELL:
    case PDF_TAG_FIGURE:
        return true;
    case PDF_TAG_ITEM:
        return t->tags_head;
    case PDF_TAG_TEXT: /* a title in large letters stays one */
        return t->tags_head && l->font_pt < s->body_pt * LARGER;
    default:
        return false;
    }
}

/* ---- levels -------------------------------------------------------------------------------- */

/* What a heading says about its rank; those of one size stand in this order. */
typedef enum { KIND_PART, KIND_ITEM, KIND_NOTE, KIND_NUMBER, KIND_CAPITALS, KIND_PLAIN } kind;
#define KINDS 6

typedef struct {
    pdf_block *block;
    kind kind;
    int depth; /* of its number */
    bool back; /* references, index: not below the last chapter */
} entry;

/* "Part II", "Chapter 3.": the word, then a number or a single letter. */
static bool has_word(str s, const char *const words[]) {
    for (size_t i = 0; words[i]; i++) {
        str w = str_of(words[i]);
        if (s.n < w.n + 2 || !str_eq_nocase(str_cut(s, 0, w.n), w) || s.p[w.n] != ' ') continue;
        char c = s.p[w.n + 1], after = s.n > w.n + 2 ? s.p[w.n + 2] : ' ';
        if ((c >= '0' && c <= '9') || strchr("IVX", c)) return true;
        if (c >= 'A' && c <= 'Z' && strchr(" .:-", after)) return true;
    }
    return false;
}

static bool is_back_matter(str s) {
    static const char *const names[] = {"references",       "bibliography", "index",
                                        "acknowledgements", "glossary",     "acknowledgments",
                                        "literatur",        "signatures",   NULL};
    for (size_t i = 0; names[i]; i++)
        if (str_eq_nocase(s, str_of(names[i]))) return true;
    return false;
}

static entry make_entry(pdf_block *b, str whole) {
    static const char *const parts[] = {"part", "teil", "partie", "parte", "book", NULL};
    static const char *const items[] = {"chapter", "item",   "section",   "article", "appendix",
                                        "annex",   "module", "unit",      "kapitel", "chapitre",
                                        "artikel", "anhang", "abschnitt", NULL};
    static const char *const notes[] = {"note", "step", "exhibit", "schedule", NULL};
    entry e = {.block = b, .kind = KIND_PLAIN, .depth = pdf_numbering(whole)};
    e.kind = has_word(whole, parts)   ? KIND_PART
             : has_word(whole, items) ? KIND_ITEM
             : has_word(whole, notes) ? KIND_NOTE
             : e.depth > 0            ? KIND_NUMBER
             : all_capitals(whole)    ? KIND_CAPITALS
                                      : KIND_PLAIN;
    e.back = is_back_matter(whole);
    return e;
}

/* Which kinds part the headings of one size into ranks. */
static void find_ranks(const entry *e, size_t count, bool ranked[KINDS], int *least_depth) {
    size_t seen[KINDS] = {0};
    *least_depth = HEADING_MAX_LEVEL;
    for (size_t i = 0; i < count; i++) {
        seen[e[i].kind]++;
        if (e[i].kind == KIND_NUMBER && e[i].depth < *least_depth) *least_depth = e[i].depth;
    }
    for (int k = 0; k < KINDS; k++) ranked[k] = seen[k] >= RANKED && k != KIND_PLAIN;
    if (seen[KIND_CAPITALS] < NESTED || seen[KIND_PLAIN] < NESTED) ranked[KIND_CAPITALS] = false;
}

static int rank_of(const entry *e, const bool ranked[KINDS], int least_depth) {
    int rank = 0;
    for (int k = 0; k < (int)e->kind; k++) rank += ranked[k];
    return e->kind == KIND_NUMBER ? rank + e->depth - least_depth : rank;
}

/* Sets the levels of headings of one size, from `base` on; gives the deepest.
 * A heading without a number stands below the numbered one before it, if another numbered one comes
 * later, or if that is how it is in this document: "Note 5" may have headings set like itself. */
static int level_group(entry *e, size_t count, int base) {
    bool ranked[KINDS];
    int least_depth, deepest = base;
    size_t last_ranked = 0, nested = 0;
    find_ranks(e, count, ranked, &least_depth);
    for (size_t i = 0; i < count; i++)
        if (ranked[e[i].kind]) last_ranked = i;
    int above = 0; /* level of the ranked heading before; 0 for none */
    for (size_t i = 0; i < count; i++) {
        int level = base;
        if (ranked[e[i].kind]) {
            above = level = base + rank_of(&e[i], ranked, least_depth);
        } else if (above > 0 && !e[i].back && (i < last_ranked || nested >= NESTED)) {
            level = above + 1;
            nested++;
        }
        level = level > HEADING_MAX_LEVEL ? HEADING_MAX_LEVEL : level;
        if (e[i].block->level == 0) e[i].block->level = (uint8_t)level;
        deepest = level > deepest ? level : deepest;
    }
    return deepest;
}

/* The sizes above the body's, largest first, then all others. A size that is used once (on a title
 * page) does not push the others down. */
static void set_levels(pdf_text *t, const pdf_style *s, arena *a) {
    entry *group = arena_alloc(a, t->block_count + 1, sizeof *group);
    bool used[PDF_MAX_FONT_PT * 2 + 1] = {false};
    int base = 1;
    for (size_t i = 0; i < t->block_count; i++) {
        const pdf_block *b = &t->blocks[i];
        float font_pt = t->lines.lines[b->first].font_pt;
        if (b->role == INGEST_ROLE_HEADING)
            used[font_pt >= s->body_pt * LARGER ? pdf_size_bin(font_pt) : 0] = true;
    }
    for (size_t bin = PDF_MAX_FONT_PT * 2 + 1; bin-- > 0;) {
        size_t count = 0;
        for (size_t i = 0; used[bin] && i < t->block_count; i++) {
            pdf_block *b = &t->blocks[i];
            float font_pt = t->lines.lines[b->first].font_pt;
            size_t own = font_pt >= s->body_pt * LARGER ? pdf_size_bin(font_pt) : 0;
            if (b->role == INGEST_ROLE_HEADING && own == bin)
                group[count++] = make_entry(b, block_text(t, b, a));
        }
        if (count == 0) continue;
        int deepest = level_group(group, count, base);
        if (count > 1) base = deepest < HEADING_MAX_LEVEL ? deepest + 1 : HEADING_MAX_LEVEL;
    }
}

/* Where there is an outline, a heading that it leaves out stands below the last one that it has, or
 * beside it if it looks the same. */
static void follow_outline(pdf_text *t, const bool *outlined, size_t known) {
    const pdf_block *last = NULL;
    const pdf_line *lines = t->lines.lines;
    for (size_t i = 0; known >= NESTED && i < t->block_count; i++) {
        pdf_block *b = &t->blocks[i];
        if (b->role != INGEST_ROLE_HEADING) continue;
        if (outlined[i]) {
            last = b;
        } else if (last &&
                   lines[b->first].font_pt <= lines[last->first].font_pt + PDF_SAME_SIZE_PT) {
            bool same = lines[b->first].font_pt > lines[last->first].font_pt - PDF_SAME_SIZE_PT &&
                        lines[b->first].bold == lines[last->first].bold;
            int level = last->level + !same;
            b->level = (uint8_t)(level > HEADING_MAX_LEVEL ? HEADING_MAX_LEVEL : level);
        }
    }
}

/* The table rows that begin at block i, as far as they go on over the page. */
static box table_box(const pdf_text *t, size_t i) {
    const pdf_line *first = &t->lines.lines[t->blocks[i].first];
    box at = first->at;
    for (; i < t->block_count && t->blocks[i].role == INGEST_ROLE_TABLE_ROW; i++) {
        const pdf_line *l = &t->lines.lines[t->blocks[i].first];
        if (l->page != first->page || l->column != first->column) break;
        pdf_widen(&at, l->at);
    }
    return at;
}

/* Does block i stand in the middle above the table, as a line of its title does? */
static bool is_centred_title(const pdf_text *t, size_t i, box table, uint32_t page) {
    const pdf_block *b = &t->blocks[i];
    if (b->role != INGEST_ROLE_PARAGRAPH || b->count > HEADING_LINES) return false;
    for (uint32_t k = 0; k < b->count; k++) {
        const pdf_line *l = &t->lines.lines[b->first + k];
        float off = l->at.x0 + l->at.x1 - table.x0 - table.x1;
        if (l->page != page || l->tag != PDF_TAG_NOTHING || l->text.n > HEADING_BYTES / 2 ||
            fabsf(off) > TITLE_OFF_PT || l->at.x0 < table.x0 + TITLE_IN_PT ||
            (str_ends(l->text, STR(".")) && l->text.n > NAME_BYTES) || str_ends(l->text, STR(":")))
            return false;
    }
    return true;
}

/* Statements behind a press release have no outline and their titles no letters of their own: who
 * reports and what it is, in the middle above the table, or that alone at the top of a page. Who
 * reports begins anew; a title alone stands beside the section before it. */
static void find_statements(pdf_text *t) {
    uint8_t above = 1; /* level of the heading before */
    for (size_t i = 1; i < t->block_count; i++) {
        size_t from = i, lines = 0;
        if (t->blocks[i - 1].role == INGEST_ROLE_HEADING) above = t->blocks[i - 1].level;
        if (t->blocks[i].role != INGEST_ROLE_TABLE_ROW ||
            t->blocks[i - 1].role == INGEST_ROLE_TABLE_ROW)
            continue;
        uint32_t page = t->lines.lines[t->blocks[i].first].page;
        box table = table_box(t, i);
        while (from > 0 && is_centred_title(t, from - 1, table, page))
            lines += t->blocks[--from].count;
        const pdf_block *before = from > 0 ? &t->blocks[from - 1] : NULL;
        bool top = !before || t->lines.lines[before->first].page != page;
        if (lines > STATEMENT_LINES || lines < (top ? 1 : 2)) continue;
        if (before && before->role == INGEST_ROLE_HEADING && !top) continue;
        for (size_t k = from; k < i; k++) {
            t->blocks[k].role = INGEST_ROLE_HEADING;
            t->blocks[k].level = lines > 1 ? 1 : above;
        }
    }
}

void pdf_find_headings(pdf_text *t, const pdf_style *s, arena *a) {
    bool *outlined = arena_alloc(a, t->block_count + 1, sizeof *outlined);
    size_t known = 0;
    for (size_t i = 0; i < t->block_count; i++) {
        pdf_block *b = &t->blocks[i];
        const pdf_line *l = &t->lines.lines[b->first];
        bool listed = b->role == INGEST_ROLE_LIST_ITEM;
        if ((!listed && b->role != INGEST_ROLE_PARAGRAPH) || b->count > HEADING_LINES) continue;
        str whole = block_text(t, b, a);
        if (whole.n > HEADING_BYTES || pdf_letters(whole) < 2) continue;
        bool stated = l->tag == PDF_TAG_HEADING;
        uint8_t depth = stated ? l->tag_level : 0;
        if (depth == 0) depth = outline_depth(t, whole, a);
        if (depth == 0 && !stated &&
            (is_stated_none(t, s, l) || !looks_like_heading(s, l, whole, listed)))
            continue;
        b->role = INGEST_ROLE_HEADING;
        b->level = depth > HEADING_MAX_LEVEL ? HEADING_MAX_LEVEL : depth;
        outlined[i] = depth > 0;
        known += depth > 0;
    }
    set_levels(t, s, a);
    follow_outline(t, outlined, known);
    if (known == 0) find_statements(t);
}
