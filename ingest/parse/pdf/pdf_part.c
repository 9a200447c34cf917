/* Parts cells whose white is too narrow to tell on its own.
 *
 * Between two narrow columns there is often no more white than between two words of a justified
 * line: a list of prices by size comes as one cell with gaps. What stands between the gaps tells
 * more: a line of which most parts are figures is a row of a table, and so is a line whose parts
 * each stand over one cell of such a row next to it. Anything else keeps its gaps, which may become
 * cells when the columns of the table are known (pdf_head.c).
 */
#include <math.h>
#include <string.h>

#include "ingest/parse/pdf/pdf.h"

#define FIGURE_PARTS 3 /* a row has so many figures, */
#define LEAST_PARTS 4  /* and so many cells; two or three numbers may stand in any text */
#define NAME_PARTS 3   /* of the parts that are no figures: an article, its unit, its maker */
#define NEXT_EM 2.6f   /* headings are no farther from the row below them */
#define PART_BYTES 40  /* and no part of them is longer */
#define CLOSE_EM 0.9f  /* a mark or a dash behind so little white goes with what is before it */

static str next_part(str s, size_t begin) {
    size_t end = begin;
    while (end < s.n && s.p[end] != PDF_GAP) end++;
    return str_cut(s, begin, end);
}

/* "(3)" close behind a figure is the mark of its footnote, a dash close to two figures part of a
 * range. */
static bool is_mark(str s) {
    bool digits = s.n >= 3 && s.n <= 4 && s.p[0] == '(' && s.p[s.n - 1] == ')';
    for (size_t i = 1; digits && i + 1 < s.n; i++) digits = s.p[i] >= '0' && s.p[i] <= '9';
    return digits || str_eq(s, STR("-")) || str_eq(s, STR("\xe2\x80\x93"));
}

static bool is_dash(str s) {
    return s.n > 0 && s.p[0] != '(' && is_mark(s);
}

/* Does the gap in front of `begin` part two cells, of which the left one begins at `from`? */
static bool parts_cells(const pdf_cell *c, size_t gap, size_t from, size_t begin) {
    str left = str_cut(c->text, from, begin - 1), right = next_part(c->text, begin);
    if (pdf_is_sign_before(left) || pdf_is_sign_behind(right)) return false;
    bool close = c->gaps[gap].right - c->gaps[gap].left < CLOSE_EM * fmaxf(c->font_pt, 1);
    return !close || (!is_mark(right) && !is_dash(left));
}

/* Cuts a cell at all of its gaps but those between a figure and its sign; `out` has room for them.
 * Gives the count of parts. */
static size_t cut_cell(const pdf_cell *c, pdf_cell *out) {
    size_t n = 0, gap = 0, begin = 0;
    float left = c->at.x0;
    for (size_t i = 0; i <= c->text.n; i++) {
        bool end = i == c->text.n;
        if (!end && (c->text.p[i] != PDF_GAP || gap == c->gap_count)) continue;
        if (!end && !parts_cells(c, gap, begin, i + 1)) {
            gap++;
            continue;
        }
        pdf_cell *p = &out[n++];
        *p = *c;
        p->text = str_cut(c->text, begin, i);
        p->at.x0 = left;
        p->at.x1 = end ? c->at.x1 : c->gaps[gap].left;
        p->line = p->at;
        p->gap_count = 0;
        p->bold = c->bold > 0 ? p->text.n : 0;
        p->mono = c->mono > 0 ? p->text.n : 0;
        if (!end) left = c->gaps[gap++].right;
        begin = i + 1;
    }
    return n;
}

static size_t count_parts(const pdf_row *r) {
    size_t parts = r->count;
    for (size_t i = 0; i < r->count; i++) parts += r->cells[i].gap_count;
    return parts;
}

static pdf_cell *cut_row(const pdf_row *r, size_t parts, size_t *count, arena *a) {
    pdf_cell *out = arena_alloc(a, parts, sizeof *out);
    *count = 0;
    for (size_t i = 0; i < r->count; i++) *count += cut_cell(&r->cells[i], out + *count);
    return out;
}

/* Are most of these cells figures? */
static bool is_figures(const pdf_cell *cells, size_t count) {
    size_t figures = 0;
    for (size_t i = 0; i < count; i++) figures += pdf_is_figure(cells[i].text);
    return count >= LEAST_PARTS && figures >= FIGURE_PARTS &&
           (figures + NAME_PARTS >= count || figures * 3 >= count * 2);
}

/* Does each part stand over one cell of the row, and no two over the same? One may lie beside
 * all. */
static bool fits_over(const pdf_cell *parts, size_t count, const pdf_row *r) {
    size_t last = SIZE_MAX, beside = 0;
    for (size_t i = 0; i < count; i++) {
        size_t under = SIZE_MAX, found = 0;
        for (size_t k = 0; k < r->count; k++)
            if (pdf_stands_over(parts[i].at, r->cells[k].at)) {
                under = k;
                found++;
            }
        if (found > 1 || parts[i].text.n > PART_BYTES || (found == 1 && under == last))
            return false;
        beside += found == 0;
        if (found == 1) last = under;
    }
    return beside <= 1;
}

/* A row of headings over a row of figures. */
static void part_heads(pdf_row *r, const pdf_row *next, arena *a) {
    size_t parts = count_parts(r), count;
    float step = next->at.y1 - r->at.y1;
    if (parts == r->count || parts < LEAST_PARTS || next->count < LEAST_PARTS || step <= 0 ||
        step > NEXT_EM * fmaxf(r->font_pt, 1) || !is_figures(next->cells, next->count))
        return;
    pdf_cell *cells = cut_row(r, parts, &count, a);
    if (!fits_over(cells, count, next)) return;
    r->cells = cells;
    r->count = count;
}

void pdf_part_rows(pdf_row *rows, size_t count, arena *a) {
    for (size_t i = 0; i < count; i++) {
        size_t parts = count_parts(&rows[i]), n;
        if (parts == rows[i].count || parts < LEAST_PARTS || !rows[i].rightward) continue;
        pdf_cell *cells = cut_row(&rows[i], parts, &n, a);
        if (!is_figures(cells, n)) continue;
        rows[i].cells = cells;
        rows[i].count = n;
    }
    for (size_t i = count; i-- > 1;)
        if (rows[i - 1].rightward) part_heads(&rows[i - 1], &rows[i], a);
}
