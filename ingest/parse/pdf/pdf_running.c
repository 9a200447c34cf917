/* Running heads and feet: lines that stand on page after page, and page numbers.
 *
 * A line is one when the same words (digits apart) stand at the same height on several pages, near
 * an edge, with nothing but other such lines outside of it. The head of a table that goes on from
 * page to page stands there as well: it is none where rows of its table follow it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/parse/pdf/pdf.h"

#define EDGE_LINES 4       /* a running head is among the first or last lines of a page */
#define EDGE_SHARE 0.14f   /* and in this part of its height */
#define RUNNING_PAGES 3    /* on so many pages; two of two or three pages are enough */
#define RUNNING_PT 8.0f    /* at the same height, within this; */
#define PAGE_LINE_BYTES 90 /* a line with its page's number in it is no longer, */
#define APART_EM 1.2f      /* and stands this far from the text */
#define TOPMOST (-1e6f)    /* the first and the last line of a page count as being at one */
#define LOWEST 1e6f        /* height, since a foot may follow the text where it ends */
#define CLOSE_EM 0.6f      /* lines of one paragraph have less white between them, */
#define LEFT_PT 2.0f       /* begin at one edge, */
#define SIZE_PT 0.5f       /* and are of one size */

typedef struct {
    str key;
    float y;
    uint32_t page;
    pdf_line *line;
} edge;

static int by_key_and_height(const void *pa, const void *pb) {
    const edge *a = pa, *b = pb;
    int c = str_compare(a->key, b->key);
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

/* The lines of a page from top to bottom, without those that run up or down it; gives their count.
 */
static size_t sort_lines(pdf_text *t, size_t first, size_t end, pdf_line **sorted) {
    size_t n = 0;
    for (size_t i = first; i < end; i++)
        if (t->lines.lines[i].turn == 0) sorted[n++] = &t->lines.lines[i];
    qsort(sorted, n, sizeof *sorted, by_height);
    return n;
}

/* A short line, well apart from its neighbour, that says the number of its page. */
static bool names_page(const pdf_line *l, const pdf_line *neighbour) {
    float white = fmaxf(l->at.y0 - neighbour->at.y1, neighbour->at.y0 - l->at.y1);
    if (l->table || l->text.n > PAGE_LINE_BYTES || white < APART_EM * l->font_pt) return false;
    for (size_t i = 0; i < l->text.n; i++) {
        uint32_t value = 0;
        size_t begin = i;
        while (i < l->text.n && l->text.p[i] >= '0' && l->text.p[i] <= '9' && i - begin < 5)
            value = 10 * value + (uint32_t)(l->text.p[i++] - '0');
        bool alone = begin == 0 || strchr(" -|", l->text.p[begin - 1]);
        if (i > begin && alone && (i == l->text.n || strchr(" -|", l->text.p[i])) &&
            value == l->page && (begin == 0 || i == l->text.n || l->text.p[begin - 1] == '-'))
            return true;
    }
    return false;
}

/* Adds the page's lines near its edges; lines [first, end) are of one page. */
static size_t collect_edges(pdf_text *t, size_t first, size_t end, edge *out, arena *a) {
    size_t n = end - first, count = 0;
    float height = t->page_height_pt[t->lines.lines[first].page - 1];
    pdf_line **sorted = arena_alloc(a, n, sizeof *sorted);
    n = sort_lines(t, first, end, sorted);
    if (n > 1 && names_page(sorted[0], sorted[1])) sorted[0]->running = true;
    if (n > 1 && names_page(sorted[n - 1], sorted[n - 2])) sorted[n - 1]->running = true;
    for (size_t i = 0; i < n; i++) {
        pdf_line *l = sorted[i];
        bool top = i < EDGE_LINES && l->at.y0 < EDGE_SHARE * height;
        bool bottom = i + EDGE_LINES >= n && l->at.y1 > (1 - EDGE_SHARE) * height;
        /* A page's only line is where it is. */
        bool outermost = (i == 0 || i + 1 == n) && n > 1 && !l->table;
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

static bool in_one_paragraph(const pdf_line *above, const pdf_line *below) {
    float white = below->at.y0 - above->at.y1;
    return fabsf(above->font_pt - below->font_pt) < SIZE_PT &&
           fabsf(above->at.x0 - below->at.x0) < LEFT_PT && white < CLOSE_EM * above->font_pt &&
           white > -above->font_pt;
}

/* A sentence that begins in the last running line of a page's top and goes on in the text below: pages
 * that begin with the same sentences. What stands above it in the paragraph is text with it. */
static void keep_sentences(pdf_line **sorted, size_t top, size_t bottom) {
    if (top == 0) return;
    bool goes_on = false;
    for (size_t i = top; !goes_on && i < bottom && i < top + EDGE_LINES; i++)
        goes_on = sorted[i]->text.n > 0 && sorted[i]->text.p[0] >= 'a' &&
                  sorted[i]->text.p[0] <= 'z' && in_one_paragraph(sorted[top - 1], sorted[i]);
    for (size_t i = top; goes_on && i-- > 0;) {
        sorted[i]->running = false;
        goes_on = i > 0 && in_one_paragraph(sorted[i - 1], sorted[i]);
    }
}

/* Running lines stand outermost: what follows the text's first or last line is text. Lines
 * [first, end) are of one page. */
static void keep_outermost(pdf_text *t, size_t first, size_t end, arena *a) {
    size_t n = end - first, top = 0, bottom = n;
    pdf_line **sorted = arena_alloc(a, n, sizeof *sorted);
    bottom = n = sort_lines(t, first, end, sorted);
    while (top < n && sorted[top]->running) top++;
    while (bottom > top && sorted[bottom - 1]->running) bottom--;
    for (size_t i = top; i < bottom; i++) sorted[i]->running = false;
    keep_sentences(sorted, top, bottom);
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

/* The head of a table that goes on over pages is at one height on all of them, and stays in it. */
static void keep_table_heads(pdf_text *t) {
    pdf_line *l = t->lines.lines;
    for (size_t i = t->lines.count; i-- > 1;)
        if (l[i - 1].running && l[i - 1].table && l[i].table && !l[i].running &&
            l[i - 1].page == l[i].page && l[i - 1].column == l[i].column)
            l[i - 1].running = false;
}

/* What a document says nothing beside is its text: certificates that differ in a number. */
static void keep_only_text(pdf_text *t) {
    bool all = true;
    for (size_t i = 0; all && i < t->lines.count; i++) all = t->lines.lines[i].running;
    for (size_t i = 0; all && i < t->lines.count; i++) t->lines.lines[i].running = false;
}

void pdf_mark_running(pdf_text *t, arena *a) {
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
    keep_table_heads(t);
    keep_only_text(t);
}
