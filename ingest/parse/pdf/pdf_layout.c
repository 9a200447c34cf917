/* The runs of a column become rows of cells, and these become lines.
 *
 * Runs on one baseline make a row; wide white parts its cells. pdf_table.c tells which rows are
 * those of tables: their cells stay apart in the line's text, anywhere else a gap is a space.
 * pdf_column.c has cut the page into columns before, so that two lines of running text never make
 * a row.
 *
 * Text that runs up or down the page is laid out after the rest, as if the page were turned; the
 * lines keep those boxes until the records are written, since paragraphs are found by them.
 *
 * It looks at boxes only, never at what the words say but for bullets and currency signs.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/parse/pdf/pdf.h"

#define CELL_GAP_EM 0.9f /* poppler ends a run at wider gaps than a justified space */
#define SIGN_GAP_EM 0.4f /* before the currency sign of the next figure this does */
#define MARKER_BYTES 6   /* "(iv)" and a three-byte bullet fit */

typedef struct {
    arena *a;       /* the document's */
    arena *scratch; /* the page's */
    pdf_lines *out;
    const pdf_rules *rules; /* NULL: not known */
    uint32_t page, column;
    unsigned turn; /* of the text at hand; its boxes are turned back */
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

static size_t span_of(str s, const char *set) {
    size_t n = 0;
    while (n < s.n && s.p[n] && strchr(set, s.p[n])) n++;
    return n;
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
    size_t figures = span_of(s, "0123456789"), roman = span_of(s, "ivxlIVXL");
    return end == ')' || (end == '.' && s.n <= 4 && /* not "No." or "U.S." */
                          (s.n == 2 || figures + 1 == s.n || roman + 1 == s.n));
}

bool pdf_is_sign_before(str s) {
    return str_eq(s, STR("$")) || str_eq(s, STR("\xe2\x82\xac")) || str_eq(s, STR("\xc2\xa3")) ||
           str_eq(s, STR("(")) || str_eq(s, STR("$("));
}

bool pdf_is_sign_behind(str s) {
    return str_eq(s, STR("%")) || str_eq(s, STR(")")) || str_eq(s, STR(")%"));
}

/* "$2,634 $2,345": the sign of the next figure. */
static bool starts_figure(str before, str s) {
    size_t used;
    uint32_t c = s.n > 0 ? utf8_next(s.p, s.n, &used) : 0;
    char end = before.n > 0 ? before.p[before.n - 1] : ' ';
    return (c == '$' || c == 0xA3 || c == 0x20AC) &&
           ((end >= '0' && end <= '9') || end == ')' || end == '%' || (end & 0x80));
}

/* What stands between two neighbours of a row: "|" where they are two cells, a gap where they may
 * be. */
static const char *joint(const pdf_run *a, const pdf_run *b, bool first) {
    float em = fmaxf(fmaxf(a->font_pt, b->font_pt), 1);
    float gap = a->at.x0 > b->at.x0 ? a->at.x0 - b->at.x1 : b->at.x0 - a->at.x1;
    if (pdf_is_sign_before(a->text) || pdf_is_sign_behind(b->text)) return "";
    if (gap > SIGN_GAP_EM * em && starts_figure(a->text, b->text)) return "|";
    bool marker = first && is_marker(a->text);
    if (gap > CELL_GAP_EM * em && !marker) return "|";
    if (gap > SIGN_GAP_EM * em && !marker) return "\x1f";
    return gap > 0.12f * em ? " " : "";
}

/* ---- rows ---------------------------------------------------------------------------------- */

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

/* Appends a text, with spaces for its gaps where these are not wanted. */
static void put_text(text *t, str s, bool plain) {
    size_t begin = t->n;
    text_put(t, s);
    for (size_t i = begin; plain && i < t->n; i++)
        if (t->p[i] == PDF_GAP) t->p[i] = ' ';
}

/* Appends the next run of a cell, behind what joins it to the text `t` of the runs before. */
static void put_run(pdf_cell *c, text *t, const pdf_run *before, const char *between,
                    const pdf_run *r) {
    bool gap = between && between[0] == PDF_GAP;
    bool plain = c->gap_count + gap + r->gap_count > PDF_GAPS;
    if (between) put_text(t, str_of(between), plain);
    put_text(t, r->text, plain);
    if (gap && !plain) c->gaps[c->gap_count++] = (pdf_gap){before->at.x1, r->at.x0};
    for (size_t k = 0; !plain && k < r->gap_count; k++) c->gaps[c->gap_count++] = r->gaps[k];
    pdf_widen(&c->at, r->at);
    c->bold += r->bold ? r->text.n : 0;
    c->mono += r->mono ? r->text.n : 0;
}

/* A cell may be several runs: a currency sign, a figure, a bracket. */
static void make_cells(arena *a, const pdf_run **runs, size_t count, pdf_row *row) {
    text t = {0};
    size_t longest = 0, cell_longest = 0;
    row->cells = arena_alloc(a, count, sizeof *row->cells);
    row->rightward = runs[0]->rightward;
    for (size_t i = 0; i < count; i++) {
        const pdf_run *r = runs[i];
        const char *between = i > 0 ? joint(runs[i - 1], r, i == 1) : NULL;
        if (!between || between[0] == '|') {
            if (between) row->cells[row->count - 1].text = arena_str(a, text_str(&t));
            text_clear(&t);
            row->cells[row->count++] = (pdf_cell){.at = r->at};
            cell_longest = 0;
            between = NULL;
        }
        pdf_cell *c = &row->cells[row->count - 1];
        put_run(c, &t, i > 0 ? runs[i - 1] : NULL, between, r);
        if (r->text.n > cell_longest) {
            cell_longest = r->text.n;
            c->font_pt = r->font_pt;
        }
        if (r->text.n > longest) {
            longest = r->text.n;
            row->font_pt = r->font_pt;
        }
    }
    row->cells[row->count - 1].text = arena_str(a, text_str(&t));
    text_free(&t);
}

static void sum_up(pdf_row *row) {
    size_t bytes = 0, bold = 0, mono = 0;
    row->at = row->cells[0].at;
    for (size_t i = 0; i < row->count; i++) {
        pdf_cell *c = &row->cells[i];
        c->line = c->at;
        pdf_widen(&row->at, c->at);
        bytes += c->text.n;
        bold += c->bold;
        mono += c->mono;
    }
    row->bold = bold * 10 >= bytes * 8;
    row->mono = mono * 10 >= bytes * 8;
}

pdf_row *pdf_make_rows(pdf_group g, arena *a, size_t *count) {
    bool *taken = arena_alloc(a, g.count, sizeof *taken);
    const pdf_run **runs = arena_alloc(a, g.count, sizeof *runs);
    pdf_row *rows = arena_alloc(a, g.count, sizeof *rows);
    size_t n = 0;
    pdf_sort_by_top(g);
    for (size_t i = 0; i < g.count; i++) {
        if (taken[i]) continue;
        size_t in_row = take_row(g, taken, i, runs);
        make_cells(a, runs, in_row, &rows[n]);
        sum_up(&rows[n++]);
    }
    *count = n;
    return rows;
}

/* ---- lines --------------------------------------------------------------------------------- */

static pdf_line *new_line(layout *l) {
    pdf_lines *v = l->out;
    if (v->count == v->room) {
        v->room = v->room ? v->room * 2 : 1024;
        v->lines = mem_grow(v->lines, v->room, sizeof *v->lines);
    }
    v->lines[v->count] = (pdf_line){.page = l->page, .column = l->column, .turn = (uint8_t)l->turn};
    return &v->lines[v->count++];
}

/* A row becomes a line. In a table each cell has its place, so that a figure stands under the same
 * heading in every row; a lone line with wide gaps is prose. */
static void put_row(layout *l, const pdf_row *row, box column) {
    text t = {0};
    pdf_line *line = new_line(l);
    uint32_t at = 0;
    for (size_t i = 0; i < row->count; i++) {
        bool gridded = row->table > 0 && row->columns > 0;
        uint32_t column_of = gridded ? row->cells[i].first : row->table > 0 ? (uint32_t)i : 0;
        if (i > 0 && column_of <= at) text_put_char(&t, ' ');
        for (; at < column_of; at++) text_put(&t, STR(" | "));
        put_text(&t, row->cells[i].text, true);
    }
    line->at = row->at;
    line->left = column.x0;
    line->right = column.x1;
    line->font_pt = row->font_pt;
    line->bold = row->bold;
    line->mono = row->mono;
    line->table = row->table > 0;
    line->head = row->head;
    line->text = arena_str(l->a, text_str(&t));
    text_free(&t);
}

/* Takes the runs that stand for ruled tables out of g, sorted from top to bottom. */
static pdf_group take_tables(layout *l, pdf_group *g) {
    pdf_group tables = {arena_alloc(l->scratch, g->count, sizeof *tables.runs), 0};
    size_t kept = 0;
    for (size_t i = 0; i < g->count; i++)
        if (g->runs[i]->ruled)
            tables.runs[tables.count++] = g->runs[i];
        else
            g->runs[kept++] = g->runs[i];
    g->count = kept;
    pdf_sort_by_top(tables);
    return tables;
}

static void put_ruled(layout *l, const pdf_run *table, box column) {
    for (size_t i = 0; i < table->ruled->count; i++)
        if (!table->ruled->rows[i].taken) put_row(l, &table->ruled->rows[i], column);
}

/* Rows between two ruled tables. */
static void put_rows(layout *l, pdf_row *rows, size_t count, box column) {
    pdf_find_tables(rows, count, column.x0, column.x1, l->rules, l->scratch);
    for (size_t i = 0; i < count; i++)
        if (!rows[i].taken) put_row(l, &rows[i], column);
}

static void put_lines(void *context, pdf_group g) {
    layout *l = context;
    size_t count, from = 0;
    box column = pdf_bounds(g);
    pdf_group tables = take_tables(l, &g);
    pdf_row *rows = pdf_make_rows(g, l->scratch, &count);
    for (size_t k = 0; k < tables.count; k++) {
        size_t end = from;
        float top = tables.runs[k]->at.y0;
        while (end < count && (rows[end].at.y0 + rows[end].at.y1) / 2 < top) end++;
        put_rows(l, rows + from, end - from, column);
        put_ruled(l, tables.runs[k], column);
        from = end;
    }
    put_rows(l, rows + from, count - from, column);
    l->column++;
}

/* ---- pages ---------------------------------------------------------------------------------- */

/* Lays out the runs that are turned so, as if the page were held that way. */
static void put_turned(layout *l, pdf_group all, unsigned turn) {
    pdf_gutters none = {0}; /* those that other pages had are of another direction */
    pdf_group g = {arena_alloc(l->scratch, all.count, sizeof *g.runs), 0};
    for (size_t i = 0; i < all.count; i++) {
        if (all.runs[i]->turn != turn) continue;
        pdf_run *r = arena_alloc(l->scratch, 1, sizeof *r);
        *r = *all.runs[i];
        r->at = pdf_turned(r->at, turn);
        g.runs[g.count++] = r;
    }
    if (g.count == 0) return;
    const pdf_rules *upright = l->rules;
    pdf_rules rules = {0};
    if (upright) rules = pdf_rules_turned(upright, turn, l->scratch);
    l->turn = turn;
    l->rules = &rules;
    pdf_take_ruled(&g, NULL, &rules, l->scratch);
    pdf_cut_columns(g, &none, l->scratch, put_lines, l);
    l->rules = upright;
}

void pdf_layout_page(const pdf_runs *page, uint32_t number, arena *a, pdf_lines *out) {
    if (page->run_count == 0) return;
    layout l = {.a = a, .scratch = arena_new(), .out = out, .page = number, .rules = page->rules};
    pdf_group upright = {arena_alloc(l.scratch, page->run_count + 1, sizeof *upright.runs), 0};
    pdf_group turned = {arena_alloc(l.scratch, page->run_count + 1, sizeof *turned.runs), 0};
    for (size_t i = 0; i < page->run_count; i++) {
        pdf_group *g = page->runs[i].turn == 0 ? &upright : &turned;
        g->runs[g->count++] = &page->runs[i];
    }
    pdf_take_ruled(&upright, &turned, page->rules, l.scratch);
    if (upright.count > 0) pdf_cut_columns(upright, &out->gutters, l.scratch, put_lines, &l);
    for (unsigned turn = 1; turned.count > 0 && turn < 4; turn++) put_turned(&l, turned, turn);
    arena_free(l.scratch);
}
