/* The runs of a column become lines and table rows.
 *
 * Runs on one baseline make a line. Lines of several cells that stand aligned with their
 * neighbours are rows of a table; a lone one is just a line with wide gaps. pdf_column.c has cut
 * the page into columns before, so that two lines of running text never make a row.
 *
 * It looks at boxes only, never at what the words say but for bullets and currency signs.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/parse/pdf.h"

#define CELL_GAP_EM 0.9f  /* poppler ends a run at wider gaps than a justified space */
#define ALIGN_PT 4.0f     /* cells of one table column start (or end) this close */
#define NEXT_LINE_EM 1.5f /* the next line of one cell comes within this */
#define OVER_CELLS 3      /* two cells above two others may be anything */
#define MARKER_BYTES 6    /* "(iv)" and a three-byte bullet fit */

typedef struct {
    arena *a;       /* the document's */
    arena *scratch; /* the page's */
    pdf_lines *out;
    uint32_t page, column;
} layout;

/* ---- lines --------------------------------------------------------------------------------- */

static int by_left(const void *pa, const void *pb) {
    const pdf_run *a = *(const pdf_run *const *)pa, *b = *(const pdf_run *const *)pb;
    return a->at.x0 < b->at.x0 ? -1 : a->at.x0 > b->at.x0;
}

/* Two runs above one another are not of one row, however close the lines stand. */
static bool stands_over(const pdf_run **row, size_t count, const pdf_run *r) {
    for (size_t i = 0; i < count; i++) {
        float shared = fminf(row[i]->at.x1, r->at.x1) - fmaxf(row[i]->at.x0, r->at.x0);
        if (shared > 0.4f * fminf(row[i]->at.x1 - row[i]->at.x0, r->at.x1 - r->at.x0)) return true;
    }
    return false;
}

/* "•", "3.", "(a)", "iv)": what stands in front of a list item, and is no cell of a table. */
static bool is_marker(str s) {
    size_t used;
    if (s.n == 0 || s.n > MARKER_BYTES) return false;
    uint32_t c = utf8_next(s.p, s.n, &used);
    if (used == s.n)
        return c == '-' || c == '*' || c == 'o' || c == 0xB7 || (c >= 0x2010 && c <= 0x2027) ||
               (c >= 0x2190 && c <= 0x27BF) || c == UTF8_REPLACEMENT;
    char end = s.p[s.n - 1];
    return end == ')' || (end == '.' && s.n <= 4);
}

static bool is_sign_before(str s) {
    return str_eq(s, STR("$")) || str_eq(s, STR("\xe2\x82\xac")) || str_eq(s, STR("\xc2\xa3")) ||
           str_eq(s, STR("(")) || str_eq(s, STR("$("));
}

static bool is_sign_behind(str s) {
    return str_eq(s, STR("%")) || str_eq(s, STR(")")) || str_eq(s, STR(")%"));
}

/* What stands between two neighbours of a row. */
static const char *joint(const pdf_run *a, const pdf_run *b, bool first) {
    float em = fmaxf(fmaxf(a->font_pt, b->font_pt), 1);
    float gap = a->at.x0 > b->at.x0 ? a->at.x0 - b->at.x1 : b->at.x0 - a->at.x1;
    if (is_sign_before(a->text) || is_sign_behind(b->text)) return "";
    if (gap > CELL_GAP_EM * em && !(first && is_marker(a->text))) return " | ";
    return gap > 0.12f * em ? " " : "";
}

static pdf_line *new_line(layout *l) {
    pdf_lines *v = l->out;
    if (v->count == v->room) {
        v->room = v->room ? v->room * 2 : 1024;
        v->lines = mem_grow(v->lines, v->room, sizeof *v->lines);
    }
    v->lines[v->count] = (pdf_line){.page = l->page, .column = l->column, .cells = 1};
    return &v->lines[v->count++];
}

/* The runs of one row, sorted from left to right, become one line. */
static void put_row(layout *l, const pdf_run **runs, size_t count, box column) {
    text t = {0};
    size_t bold = 0, mono = 0, longest = 0;
    pdf_line *line = new_line(l);
    line->at = pdf_bounds((pdf_group){runs, count});
    line->left = column.x0;
    line->right = column.x1;
    for (size_t i = 0; i < count; i++) {
        const char *between = i > 0 ? joint(runs[i - 1], runs[i], i == 1) : "";
        bool cell = between[0] == ' ' && between[1] == '|';
        line->cells += cell;
        line->last_cell = cell || i == 0 ? runs[i]->at.x0 : line->last_cell;
        text_put(&t, str_of(between));
        text_put(&t, runs[i]->text);
        bold += runs[i]->bold ? runs[i]->text.n : 0;
        mono += runs[i]->mono ? runs[i]->text.n : 0;
        if (runs[i]->text.n > longest) {
            longest = runs[i]->text.n;
            line->font_pt = runs[i]->font_pt;
        }
    }
    line->bold = bold * 10 >= t.n * 8;
    line->mono = mono * 10 >= t.n * 8;
    line->text = arena_str(l->a, text_str(&t));
    text_free(&t);
}

/* Cuts the row's runs out of g, which is sorted by height: those on the first one's baseline. */
static size_t take_row(pdf_group g, bool *taken, size_t first, const pdf_run **row) {
    size_t count = 0;
    box at = g.runs[first]->at;
    for (size_t i = first; i < g.count && g.runs[i]->at.y0 < at.y1; i++) {
        if (taken[i] || !pdf_same_row(at, g.runs[i]->at) || stands_over(row, count, g.runs[i]))
            continue;
        taken[i] = true;
        row[count++] = g.runs[i];
        if (g.runs[i]->at.y1 - g.runs[i]->at.y0 > at.y1 - at.y0) {
            at.y0 = g.runs[i]->at.y0;
            at.y1 = g.runs[i]->at.y1;
        }
    }
    qsort(row, count, sizeof *row, by_left);
    for (size_t i = 0; !row[0]->rightward && i < count / 2; i++) {
        const pdf_run *r = row[i];
        row[i] = row[count - 1 - i];
        row[count - 1 - i] = r;
    }
    return count;
}

/* Do two rows have a column in common, behind the first one? */
static bool aligned(const pdf_run **a, size_t na, const pdf_run **b, size_t nb) {
    for (size_t i = 1; i < na; i++)
        for (size_t k = 1; k < nb; k++) {
            float middle = a[i]->at.x0 + a[i]->at.x1 - b[k]->at.x0 - b[k]->at.x1;
            if (fabsf(a[i]->at.x0 - b[k]->at.x0) < ALIGN_PT || fabsf(middle) < 2 * ALIGN_PT ||
                fabsf(a[i]->at.x1 - b[k]->at.x1) < ALIGN_PT)
                return true;
        }
    return false;
}

/* A cell may be several runs: a currency sign, a figure, a bracket. Gives the count of cells. */
static size_t find_cells(const pdf_run **runs, size_t count, box *cells) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        bool begins = i == 0 || str_eq(str_of(joint(runs[i - 1], runs[i], i == 1)), STR(" | "));
        if (begins)
            cells[n++] = runs[i]->at;
        else
            cells[n - 1] = (box){fminf(cells[n - 1].x0, runs[i]->at.x0), cells[n - 1].y0,
                                 fmaxf(cells[n - 1].x1, runs[i]->at.x1), cells[n - 1].y1};
    }
    return n;
}

/* Does each cell stand above its own one of the row below, and above no other? Centred heads over
 * cells that are flush left have no edge in common with them. */
static bool stands_above(const box *a, size_t na, const box *b, size_t nb) {
    bool above = na == nb && na >= OVER_CELLS;
    for (size_t i = 0; above && i < na; i++)
        above = a[i].x0 < b[i].x1 && b[i].x0 < a[i].x1 &&
                (i == 0 || (b[i - 1].x1 < a[i].x0 && a[i - 1].x1 < b[i].x0));
    return above;
}

/* A cell below the last cell of a row, and close to it, is the rest of that one's text. */
static void continue_cells(pdf_line *lines, size_t count) {
    for (size_t i = 1; i < count; i++) {
        pdf_line *p = &lines[i - 1], *l = &lines[i];
        float step = l->at.y1 - p->at.y1;
        if (!p->table || l->cells > 1 || fabsf(l->at.x0 - p->last_cell) > ALIGN_PT ||
            (p->cells == 1 && !p->continues) || step > NEXT_LINE_EM * fmaxf(l->font_pt, 1) ||
            l->bold != p->bold)
            continue;
        l->table = l->continues = true;
    }
}

/* A single cell between two rows of a table belongs to it: a group's name, a wrapped label. */
static void fill_tables(pdf_line *lines, size_t count) {
    for (size_t i = 1; i + 1 < count; i++) {
        pdf_line *p = &lines[i];
        float step = p[1].at.y0 - p[-1].at.y0, width = p->at.x1 - p->at.x0;
        if (p->cells == 1 && p[-1].table && p[1].cells > 1 && p[1].table && step < 5 * p->font_pt &&
            width < 0.6f * (p->right - p->left))
            p->table = true;
    }
}

/* A lone line with wide gaps is prose. */
static void plain_lone_lines(pdf_line *lines, size_t count) {
    for (size_t i = 0; i < count; i++) {
        str s = lines[i].text;
        if (lines[i].table || lines[i].cells == 1) continue;
        lines[i].cells = 1;
        char *to = (char *)s.p; /* our own copy, made by put_row */
        size_t n = 0;
        for (size_t k = 0; k < s.n; k++) {
            if (str_starts(str_cut(s, k, s.n), STR(" | "))) k += 2;
            to[n++] = s.p[k];
        }
        lines[i].text.n = n;
    }
}

/* "Shares issued, net of those" / "withheld | 60 | 49" is one row: a label that goes on in lower
 * case. Gives the new count. */
static size_t join_labels(pdf_line *lines, size_t count, arena *a) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        pdf_line *p = kept > 0 ? &lines[kept - 1] : NULL, *l = &lines[i];
        char c = l->text.n > 0 ? l->text.p[0] : ' ';
        if (p && p->table && !p->continues && p->cells == 1 && l->cells > 1 && c >= 'a' &&
            c <= 'z' && fabsf(p->at.x0 - l->at.x0) < 3 * fmaxf(l->font_pt, 1)) {
            l->text = arena_printf(a, STR_FMT " " STR_FMT, STR_ARG(p->text), STR_ARG(l->text));
            l->at.y0 = fminf(l->at.y0, p->at.y0);
            l->at.x0 = fminf(l->at.x0, p->at.x0);
            kept--;
        }
        lines[kept++] = *l;
    }
    return kept;
}

static void put_lines(void *context, pdf_group g) {
    layout *l = context;
    box column = pdf_bounds(g);
    bool *taken = arena_alloc(l->scratch, g.count, sizeof *taken);
    const pdf_run **row = arena_alloc(l->scratch, g.count, sizeof *row);
    const pdf_run **last = arena_alloc(l->scratch, g.count, sizeof *last);
    box *cells = arena_alloc(l->scratch, g.count, sizeof *cells);
    box *last_cells = arena_alloc(l->scratch, g.count, sizeof *last_cells);
    size_t last_count = 0, first_line = l->out->count;
    pdf_sort_by_top(g);
    for (size_t i = 0; i < g.count; i++) {
        if (taken[i]) continue;
        size_t count = take_row(g, taken, i, row);
        put_row(l, row, count, column);
        pdf_line *now = &l->out->lines[l->out->count - 1];
        if (now->cells == 1) continue; /* a wrapped label does not part a table's rows */
        size_t cell_count = find_cells(row, count, cells);
        pdf_line *before = now - 1;
        while (last_count > 0 && before->cells == 1) before--;
        if (last_count > 0 && now->at.y0 - before->at.y0 < 6 * fmaxf(now->font_pt, 1) &&
            (aligned(last, last_count, row, count) ||
             stands_above(last_cells, before->cells, cells, cell_count)))
            before->table = now->table = true;
        memcpy(last, row, count * sizeof *row);
        memcpy(last_cells, cells, cell_count * sizeof *cells);
        last_count = count;
    }
    pdf_line *lines = l->out->lines + first_line;
    size_t count = l->out->count - first_line;
    continue_cells(lines, count);
    fill_tables(lines, count);
    plain_lone_lines(lines, count);
    l->out->count = first_line + join_labels(lines, count, l->a);
    l->column++;
}

/* ---- pages ---------------------------------------------------------------------------------- */

void pdf_layout_page(const pdf_runs *page, uint32_t number, arena *a, pdf_lines *out) {
    if (page->run_count == 0) return;
    layout l = {.a = a, .scratch = arena_new(), .out = out, .page = number};
    pdf_group upright = {arena_alloc(l.scratch, page->run_count, sizeof *upright.runs), 0};
    for (size_t i = 0; i < page->run_count; i++)
        if (page->runs[i].upright) upright.runs[upright.count++] = &page->runs[i];
    if (upright.count > 0) pdf_cut_columns(upright, &out->gutters, l.scratch, put_lines, &l);
    for (size_t i = 0; i < page->run_count; i++)
        if (!page->runs[i].upright) {
            const pdf_run *stamp = &page->runs[i];
            put_row(&l, &stamp, 1, stamp->at);
            l.column++;
        }
    arena_free(l.scratch);
}
