/* Lines become blocks: paragraphs, list items, table rows, captions, headings; and the lines that
 * stand on page after page become running heads.
 *
 * This needs all pages at once: the size of body text, the sizes above it and the repetition of a
 * line are facts of the document. A rule here is a guess about typesetting, so each is one small
 * function with its measure named; where a guess fails, a heading is read as a paragraph or the
 * other way round, and no text is lost.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "ingest/parse/pdf.h"

#define EDGE_LINES 4      /* a running head is among the first or last lines of a page */
#define EDGE_SHARE 0.14f  /* and in this part of its height */
#define RUNNING_PAGES 3   /* on so many pages; two of two or three pages are enough */
#define RUNNING_PT 8.0f   /* at the same height, within this; */
#define TOPMOST (-1e6f)   /* the first and the last line of a page count as being at one */
#define LOWEST 1e6f       /* height, since a foot may follow the text where it ends */
#define HEADING_BYTES 220 /* longer is no heading */
#define HEADING_LINES 4
#define LARGER 1.12f      /* than body text: a heading by size alone */
#define SAME_SIZE_PT 0.6f /* sizes this close are one */
#define MAX_FONT_PT 200   /* of the histogram, in halves of a point */
#define HEADING_MAX_LEVEL 6
#define NEW_PARAGRAPH 1.45f /* a step down this much wider than usual parts paragraphs */
#define INDENT_EM 0.9f
#define SHORT_SHARE 0.2f      /* a line that leaves this much of its column empty was broken off */
#define UNKNOWN_STEP_PT 12.0f /* lines whose font size poppler does not tell */

/* ---- text ---------------------------------------------------------------------------------- */

str pdf_key(str s, bool hide_digits, arena *a) {
    text t = {0};
    for (size_t i = 0, used; i < s.n; i += used) {
        uint32_t c = utf8_next(s.p + i, s.n - i, &used);
        utf8proc_category_t kind = utf8proc_category((utf8proc_int32_t)c);
        if (kind == UTF8PROC_CATEGORY_ND && hide_digits) {
            if (t.n == 0 || t.p[t.n - 1] != '#') text_put_char(&t, '#');
        } else if (kind == UTF8PROC_CATEGORY_ND ||
                   (kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO)) {
            text_put_codepoint(&t, (uint32_t)utf8proc_tolower((utf8proc_int32_t)c));
        }
    }
    str out = arena_str(a, text_str(&t));
    text_free(&t);
    return out;
}

static size_t letters(str s) {
    size_t count = 0;
    for (size_t i = 0, used; i < s.n; i += used) {
        utf8proc_category_t kind =
            utf8proc_category((utf8proc_int32_t)utf8_next(s.p + i, s.n - i, &used));
        count += kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
    }
    return count;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* "2.1.3 Name" has depth 3, "4 Name" and "4. Name" depth 1, anything else 0. */
static int numbering(str s) {
    int depth = 0;
    size_t i = 0;
    while (i < s.n && is_digit(s.p[i]) && depth < HEADING_MAX_LEVEL) {
        size_t begin = i;
        while (i < s.n && is_digit(s.p[i])) i++;
        if (i - begin > 3) return 0;
        depth++;
        if (i < s.n && s.p[i] == '.') i++;
    }
    return i < s.n && s.p[i] == ' ' ? depth : 0;
}

/* The bytes of a list marker with the space behind it; 0 for none. */
static size_t marker_bytes(str s) {
    size_t used, i = 0;
    if (s.n < 3) return 0;
    uint32_t c = utf8_next(s.p, s.n, &used);
    bool bullet = c == '-' || c == '*' || c == 0xB7 || (c >= 0x2012 && c <= 0x2015) ||
                  (c >= 0x2022 && c <= 0x2023) || c == 0x2043 || (c >= 0x25A0 && c <= 0x25FF) ||
                  (c >= 0x2713 && c <= 0x27BF) || c == UTF8_REPLACEMENT ||
                  (c == 'o' && s.p[1] == ' ');
    if (bullet) return used < s.n && s.p[used] == ' ' ? used + 1 : 0;
    bool open = s.p[0] == '(';
    i = open;
    while (i < s.n && i < 5u + open && (is_digit(s.p[i]) || (s.p[i] >= 'a' && s.p[i] <= 'z'))) i++;
    size_t inside = i - open;
    bool number = inside > 0 && is_digit(s.p[open]);
    if (inside == 0 || inside > (number ? 2u : 4u) || i + 1 >= s.n || s.p[i + 1] != ' ') return 0;
    bool closed = s.p[i] == ')' || (s.p[i] == '.' && !open && (number || inside == 1));
    /* Letters without brackets must be one letter or a small Roman number. */
    for (size_t k = open; closed && !number && inside > 1 && k < i; k++)
        closed = strchr("ivx", s.p[k]) != NULL;
    return closed ? i + 2 : 0;
}

static bool ends_sentence(str s) {
    return str_ends(s, STR(".")) || str_ends(s, STR("!")) || str_ends(s, STR("?")) ||
           str_ends(s, STR(":")) || str_ends(s, STR("\xe3\x80\x82")) || str_ends(s, STR(".\""));
}

static bool is_caption(str s) {
    static const char *const words[] = {"figure",  "fig.",  "table",   "abb.", "abbildung",
                                        "tabelle", "chart", "exhibit", "box",  NULL};
    for (size_t i = 0; words[i]; i++) {
        str w = str_of(words[i]);
        if (!str_eq_nocase(str_cut(s, 0, w.n), w) || s.n < w.n + 3 || s.p[w.n] != ' ') continue;
        size_t k = w.n + 1;
        while (k < s.n && (is_digit(s.p[k]) || s.p[k] == '-' ||
                           (s.p[k] == '.' && k + 1 < s.n && is_digit(s.p[k + 1]))))
            k++;
        if (k > w.n + 1 && k < s.n && strchr(".:|", s.p[k])) return true;
    }
    return false;
}

/* ---- running heads ------------------------------------------------------------------------- */

typedef struct {
    str key;
    float y;
    uint32_t page;
    pdf_line *line;
} edge;

static int compare_str(str a, str b) {
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c ? c : a.n < b.n ? -1 : a.n > b.n;
}

static int by_key_and_height(const void *pa, const void *pb) {
    const edge *a = pa, *b = pb;
    int c = compare_str(a->key, b->key);
    if (c) return c;
    if (a->y != b->y) return a->y < b->y ? -1 : 1;
    return a->page < b->page ? -1 : a->page > b->page;
}

static int by_height(const void *pa, const void *pb) {
    const pdf_line *a = *(pdf_line *const *)pa, *b = *(pdf_line *const *)pb;
    return a->at.y0 < b->at.y0 ? -1 : a->at.y0 > b->at.y0;
}

/* "12", "- 12 -", "Page 12 of 30", "iv": as a key. */
static bool is_page_number(str key) {
    static const char *const forms[] = {
        "#",  "page#", "page#of#", "#of#", "p#",   "seite#", "seite#von#", "i",  "ii",  "iii",
        "iv", "v",     "vi",       "vii",  "viii", "ix",     "x",          "xi", "xii", NULL};
    for (size_t i = 0; forms[i]; i++)
        if (str_eq(key, str_of(forms[i]))) return true;
    return false;
}

/* Adds the page's lines near its edges; lines [first, end) are of one page. */
static size_t collect_edges(pdf_text *t, size_t first, size_t end, edge *out, arena *a) {
    size_t n = end - first, count = 0;
    float height = t->page_height_pt[t->lines.lines[first].page - 1];
    pdf_line **sorted = arena_alloc(a, n, sizeof *sorted);
    for (size_t i = 0; i < n; i++) sorted[i] = &t->lines.lines[first + i];
    qsort(sorted, n, sizeof *sorted, by_height);
    for (size_t i = 0; i < n; i++) {
        pdf_line *l = sorted[i];
        bool top = i < EDGE_LINES && l->at.y0 < EDGE_SHARE * height;
        bool bottom = i + EDGE_LINES >= n && l->at.y1 > (1 - EDGE_SHARE) * height;
        bool outermost = (i == 0 || i + 1 == n) && !l->table;
        if (!top && !bottom && !outermost) continue;
        str key = pdf_key(l->text, true, a);
        if (is_page_number(key) && (i == 0 || i + 1 == n || i + 2 == n)) l->running = true;
        if (key.n > 0)
            out[count++] = (edge){key,
                                  !outermost ? l->at.y0
                                  : i == 0   ? TOPMOST
                                             : LOWEST,
                                  l->page, l};
    }
    return count;
}

/* Running lines stand outermost: what follows the text's first or last line is text. Lines
 * [first, end) are of one page. */
static void keep_outermost(pdf_text *t, size_t first, size_t end, arena *a) {
    size_t n = end - first, top = 0, bottom = n;
    pdf_line **sorted = arena_alloc(a, n, sizeof *sorted);
    for (size_t i = 0; i < n; i++) sorted[i] = &t->lines.lines[first + i];
    qsort(sorted, n, sizeof *sorted, by_height);
    while (top < n && sorted[top]->running) top++;
    while (bottom > top && sorted[bottom - 1]->running) bottom--;
    for (size_t i = top; i < bottom; i++) sorted[i]->running = false;
}

static size_t page_end(const pdf_lines *v, size_t first) {
    size_t end = first + 1;
    while (end < v->count && v->lines[end].page == v->lines[first].page) end++;
    return end;
}

/* Edges [first, end) have one key; those at one height on enough pages are running. */
static void mark_repeated(edge *e, size_t count, size_t needed) {
    for (size_t first = 0, end; first < count; first = end) {
        size_t pages = 1;
        for (end = first + 1; end < count && e[end].y - e[end - 1].y < RUNNING_PT; end++)
            pages += e[end].page != e[end - 1].page;
        for (size_t i = first; pages >= needed && i < end; i++) e[i].line->running = true;
    }
}

static void mark_running(pdf_text *t, arena *a) {
    edge *edges = arena_alloc(a, (size_t)t->page_count * EDGE_LINES * 2 + 1, sizeof *edges);
    size_t count = 0;
    for (size_t first = 0, end; first < t->lines.count; first = end) {
        end = page_end(&t->lines, first);
        count += collect_edges(t, first, end, edges + count, a);
    }
    qsort(edges, count, sizeof *edges, by_key_and_height);
    size_t needed = t->page_count <= RUNNING_PAGES ? 2 : RUNNING_PAGES;
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && str_eq(edges[end].key, edges[first].key); end++)
            continue;
        mark_repeated(edges + first, end - first, needed);
    }
    for (size_t first = 0, end; first < t->lines.count; first = end) {
        end = page_end(&t->lines, first);
        keep_outermost(t, first, end, a);
    }
}

/* ---- sizes --------------------------------------------------------------------------------- */

static size_t size_bin(float pt) {
    return pt > 0 && pt < MAX_FONT_PT ? (size_t)(pt * 2 + 0.5f) : 0;
}

typedef struct {
    float body_pt; /* the size of most characters */
    bool body_bold;
    float steps[MAX_FONT_PT * 2 + 1]; /* usual distance of two baselines, for each size */
} style;

static int by_float(const void *pa, const void *pb) {
    float a = *(const float *)pa, b = *(const float *)pb;
    return a < b ? -1 : a > b;
}

static bool follows(const pdf_line *p, const pdf_line *l) {
    return l->page == p->page && l->column == p->column && l->at.y0 > p->at.y0 &&
           size_bin(l->font_pt) == size_bin(p->font_pt);
}

/* The lower quartile, since paragraphs' gaps are among them. */
static void usual_steps(const pdf_text *t, style *s, arena *a) {
    const pdf_line *l = t->lines.lines;
    float *found = arena_alloc(a, t->lines.count + 1, sizeof *found);
    for (size_t bin = 1; bin <= MAX_FONT_PT * 2; bin++) {
        size_t n = 0;
        if (s->steps[bin] == 0) /* no line of that size */
            continue;
        for (size_t i = 1; i < t->lines.count; i++)
            if (size_bin(l[i].font_pt) == bin && follows(&l[i - 1], &l[i]) && !l[i].table)
                found[n++] = l[i].at.y1 - l[i - 1].at.y1;
        qsort(found, n, sizeof *found, by_float);
        float fallback = 1.2f * (float)bin / 2;
        s->steps[bin] = n > 2 && found[n / 4] < 3 * fallback ? found[n / 4] : fallback;
    }
    s->steps[0] = UNKNOWN_STEP_PT;
}

static void find_style(const pdf_text *t, style *s, arena *a) {
    size_t *weight = arena_alloc(a, MAX_FONT_PT * 2 + 1, sizeof *weight);
    size_t best = 0, bold = 0, all = 0;
    for (size_t i = 0; i < t->lines.count; i++) {
        const pdf_line *l = &t->lines.lines[i];
        size_t bin = size_bin(l->font_pt);
        s->steps[bin] = 1;
        if (!l->running && bin > 0) weight[bin] += l->text.n;
        bold += l->bold ? l->text.n : 0;
        all += l->text.n;
    }
    for (size_t bin = 1; bin <= MAX_FONT_PT * 2; bin++)
        best = weight[bin] > weight[best] ? bin : best;
    s->body_pt = (float)best / 2;
    s->body_bold = bold * 2 > all;
    usual_steps(t, s, a);
}

/* ---- paragraphs ---------------------------------------------------------------------------- */

/* Does line l begin a new block after p, of which `first` is the first line? */
static bool begins_block(const style *s, const pdf_line *first, const pdf_line *p,
                         const pdf_line *l, ingest_role role) {
    float em = fmaxf(p->font_pt, 1);
    if (l->page != p->page || l->running != p->running) return true;
    if (l->table || p->table) return true;
    if (l->column != p->column) /* a sentence that goes on in the next column */
        return ends_sentence(p->text) || l->bold != p->bold ||
               fabsf(l->font_pt - p->font_pt) > SAME_SIZE_PT || l->text.n == 0 ||
               !(l->text.p[0] >= 'a' && l->text.p[0] <= 'z');
    if (fabsf(l->font_pt - p->font_pt) > fmaxf(SAME_SIZE_PT, 0.07f * em) || l->bold != p->bold ||
        l->mono != p->mono)
        return true;
    float step = l->at.y1 - p->at.y1;
    if (step < 0 || step > NEW_PARAGRAPH * s->steps[size_bin(l->font_pt)]) return true;
    if (marker_bytes(l->text) > 0 && (role == INGEST_ROLE_LIST_ITEM || ends_sentence(p->text) ||
                                      l->at.x0 > p->at.x0 + INDENT_EM * em))
        return true;
    bool short_before = p->at.x1 < p->right - SHORT_SHARE * (p->right - p->left);
    if (role == INGEST_ROLE_LIST_ITEM)
        return (l->at.x0 < first->at.x0 + 2 && p->at.x1 < p->right - 4 * em) ||
               (short_before && ends_sentence(p->text) && (p == first || l->at.x0 != p->at.x0));
    bool indented = l->at.x0 > l->left + INDENT_EM * em && p->at.x0 < l->left + 0.5f * em;
    return (indented && (short_before || ends_sentence(p->text))) ||
           (short_before && ends_sentence(p->text) && l->at.x0 <= first->at.x0 + em);
}

static ingest_role first_role(const pdf_line *l) {
    if (l->running) return INGEST_ROLE_FOOTER;
    if (l->table) return INGEST_ROLE_TABLE_ROW;
    if (is_caption(l->text)) return INGEST_ROLE_CAPTION;
    return marker_bytes(l->text) > 0 ? INGEST_ROLE_LIST_ITEM : INGEST_ROLE_PARAGRAPH;
}

static void cut_blocks(pdf_text *t, const style *s, arena *a) {
    const pdf_line *l = t->lines.lines;
    t->blocks = arena_alloc(a, t->lines.count + 1, sizeof *t->blocks);
    for (size_t i = 0; i < t->lines.count; i++) {
        pdf_block *b = t->block_count > 0 ? &t->blocks[t->block_count - 1] : NULL;
        if (!b || begins_block(s, &l[b->first], &l[i - 1], &l[i], b->role)) {
            b = &t->blocks[t->block_count++];
            *b = (pdf_block){.first = (uint32_t)i, .role = first_role(&l[i])};
            if (b->role == INGEST_ROLE_TABLE_ROW)
                b->level = l[i].head ? INGEST_ROW_HEAD : INGEST_ROW_BODY;
        }
        b->count++;
    }
}

/* ---- headings ------------------------------------------------------------------------------ */

static int by_bookmark_key(const void *pa, const void *pb) {
    return compare_str(((const pdf_bookmark *)pa)->key, ((const pdf_bookmark *)pb)->key);
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
static bool looks_like_heading(const style *s, const pdf_line *l, str whole, bool listed) {
    bool bold = l->bold && !s->body_bold && l->font_pt > s->body_pt - SAME_SIZE_PT;
    bool larger = l->font_pt >= s->body_pt * LARGER;
    if (listed && numbering(whole) == 0) return false;
    if (larger)
        return !str_ends(whole, STR(",")) && (bold || !str_ends(whole, STR(".")) || whole.n < 60);
    if (str_ends(whole, STR(".")) || str_ends(whole, STR(",")) || str_ends(whole, STR(";")))
        return false;
    return whole.n <= HEADING_BYTES / 2 &&
           (bold || (all_capitals(whole) && l->font_pt > s->body_pt - SAME_SIZE_PT));
}

/* Sizes above the body's, largest first, are levels 1, 2 ...; one that is used once (on a title
 * page) does not push the others down. Bold text of body size comes after
 * them, deeper where it is numbered so. */
static uint8_t level_of(const style *s, const size_t *used, const pdf_line *l, str whole) {
    int level = 1, depth = numbering(whole);
    bool larger = l->font_pt >= s->body_pt * LARGER;
    for (size_t bin = MAX_FONT_PT * 2; bin > size_bin(l->font_pt); bin--) level += used[bin] > 1;
    if (!larger && depth > 1) level += depth - 1;
    return (uint8_t)(level > HEADING_MAX_LEVEL ? HEADING_MAX_LEVEL : level);
}

static void find_headings(pdf_text *t, const style *s, arena *a) {
    size_t used[MAX_FONT_PT * 2 + 1] = {0};
    for (size_t i = 0; i < t->block_count; i++) {
        pdf_block *b = &t->blocks[i];
        const pdf_line *l = &t->lines.lines[b->first];
        bool listed = b->role == INGEST_ROLE_LIST_ITEM;
        if ((!listed && b->role != INGEST_ROLE_PARAGRAPH) || b->count > HEADING_LINES) continue;
        str whole = block_text(t, b, a);
        if (whole.n > HEADING_BYTES || letters(whole) < 2) continue;
        uint8_t depth = outline_depth(t, whole, a);
        if (depth == 0 && !looks_like_heading(s, l, whole, listed)) continue;
        b->role = INGEST_ROLE_HEADING;
        b->level = depth > HEADING_MAX_LEVEL ? HEADING_MAX_LEVEL : depth;
        if (depth == 0 && l->font_pt >= s->body_pt * LARGER) used[size_bin(l->font_pt)]++;
    }
    for (size_t i = 0; i < t->block_count; i++) {
        pdf_block *b = &t->blocks[i];
        if (b->role == INGEST_ROLE_HEADING && b->level == 0)
            b->level = level_of(s, used, &t->lines.lines[b->first], block_text(t, b, a));
    }
}

static void find_code(pdf_text *t) {
    for (size_t i = 0; i < t->block_count; i++) {
        pdf_block *b = &t->blocks[i];
        bool mono = b->count > 1 && b->role == INGEST_ROLE_PARAGRAPH;
        for (uint32_t k = 0; mono && k < b->count; k++) mono = t->lines.lines[b->first + k].mono;
        if (mono) b->role = INGEST_ROLE_CODE;
    }
}

void pdf_find_blocks(pdf_text *t, arena *a) {
    style *s = arena_alloc(a, 1, sizeof *s);
    mark_running(t, a);
    pdf_mark_contents(t, a);
    find_style(t, s, a);
    cut_blocks(t, s, a);
    find_headings(t, s, a);
    find_code(t);
}
