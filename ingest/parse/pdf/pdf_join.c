/* Puts the lines of a wrapped cell back into their row.
 *
 * Where lines across the page part all rows of a table from one another, what stands between two of
 * them is one row. Else a line joins the row above when it brings no figures, stands close, and
 * continues cells that this row has: by small letters, a hyphen, or since its first word would have
 * found no room above. A name over the figures of its own row, which stand a little lower, joins
 * the row below. What is in doubt stays a row of its own: no text is lost either way.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/parse/pdf/pdf.h"

#define MAX_COLUMNS 64  /* of which it is known where they end; cells beyond are not wrapped */
#define LOWER_EM 1.05f  /* figures so little below their label stand beside it */
#define SPACE_EM 0.25f  /* the usual width of a space */
#define WIDE_STEP 1.14f /* rows are farther apart than their lines, by this */
#define SAME_STEP 1.07f /* steps as close as this are one */

/* ---- texts -------------------------------------------------------------------------------- */

/* "clari-" and "fication" are one word: lines of a cell are short, and most hyphens at their end
 * the printer's. */
str pdf_join_text(str first, str second, arena *a) {
    bool broken = first.n > 1 && first.p[first.n - 1] == '-' && pdf_starts_small(second) &&
                  first.p[first.n - 2] != ' ' && (unsigned char)(first.p[first.n - 2] | 32) >= 'a';
    if (broken) first.n--;
    return arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(first), broken ? "" : " ",
                        STR_ARG(second));
}

static pdf_cell *cell_at(const pdf_row *r, uint32_t column) {
    for (size_t i = 0; i < r->count; i++)
        if (r->cells[i].first <= column && column <= r->cells[i].last) return &r->cells[i];
    return NULL;
}

/* Puts the cells of `r` into row `p`, and counts r as taken. */
static void join_rows(pdf_row *p, pdf_row *r, bool below, arena *a) {
    pdf_cell *cells = arena_alloc(a, p->count + r->count, sizeof *cells);
    size_t n = 0, i = 0, k = 0;
    while (i < p->count || k < r->count) {
        pdf_cell *x = i < p->count ? &p->cells[i] : NULL, *y = k < r->count ? &r->cells[k] : NULL;
        if (x && y && x->first <= y->last && y->first <= x->last) {
            cells[n] = *x;
            cells[n].text =
                below ? pdf_join_text(x->text, y->text, a) : pdf_join_text(y->text, x->text, a);
            cells[n].bold += y->bold;
            cells[n].mono += y->mono;
            if (below) cells[n].line = y->line;
            pdf_widen(&cells[n++].at, y->at);
            i++;
            k++;
        } else if (!y || (x && x->first < y->first)) {
            cells[n++] = p->cells[i++];
        } else {
            cells[n++] = r->cells[k++];
        }
    }
    p->cells = cells;
    p->count = n;
    pdf_widen(&p->at, r->at);
    r->taken = true;
}

/* Where the cells of each column end. */
typedef struct {
    float right[MAX_COLUMNS];
} edges;

static void find_edges(const pdf_row *rows, size_t count, edges *e) {
    for (size_t c = 0; c < MAX_COLUMNS; c++) e->right[c] = -INFINITY;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < rows[i].count; k++) {
            const pdf_cell *c = &rows[i].cells[k];
            if (c->first == c->last && c->first < MAX_COLUMNS)
                e->right[c->first] = fmaxf(e->right[c->first], c->at.x1);
        }
}

/* Would the first word of `rest` not have found room in the line above? */
static bool is_wrapped(const pdf_cell *above, const pdf_cell *rest, const edges *e) {
    if (above->last >= MAX_COLUMNS || rest->text.n == 0) return false;
    const char *space = memchr(rest->text.p, ' ', rest->text.n);
    float share = space ? (float)(space - rest->text.p) / (float)rest->text.n : 1;
    float word = share * (rest->at.x1 - rest->at.x0), em = fmaxf(rest->font_pt, 1);
    return above->line.x1 + SPACE_EM * em + word > e->right[above->last] - SPACE_EM * em;
}

static bool all_wrapped(const pdf_row *p, const pdf_row *r, const edges *e) {
    for (size_t i = 0; i < r->count; i++) {
        const pdf_cell *above = cell_at(p, r->cells[i].first);
        if (!above || !is_wrapped(above, &r->cells[i], e)) return false;
    }
    return true;
}

/* Does the cell stand below the other one as the next line of its text does? */
static bool stands_below(const pdf_cell *above, const pdf_cell *own, float em) {
    box p = above->at, q = own->at;
    return fabsf(q.x0 - p.x0) <= 2 * em || fabsf(q.x1 - p.x1) <= 2 * em ||
           fabsf(q.x0 + q.x1 - p.x0 - p.x1) <= 2 * em;
}

/* Is row r, below p, the rest of p's cells? */
static bool continues(const pdf_row *p, const pdf_row *r, const edges *e) {
    float em = fmaxf(r->font_pt, 1), step = r->at.y1 - p->at.y1;
    if (r->head || p->head || step > PDF_SAME_CELL_EM * em || step <= 0 || r->bold != p->bold ||
        r->count > p->count)
        return false;
    bool label = r->cells[0].first == 0;
    for (size_t i = 0; i < r->count; i++) {
        const pdf_cell *own = &r->cells[i], *above = cell_at(p, own->first);
        if (!above || above->last < own->last) return false;
        bool figure = pdf_is_figure(own->text), alone = r->count == 1 && label;
        if (figure && (pdf_is_figure(above->text) || !alone)) return false;
        if (str_eq(own->text, above->text)) return false; /* the next row's, of one kind */
        if (own->first > 0 && !stands_below(above, own, em)) return false;
    }
    str name = p->cells[0].text;
    return !label ||
           (r->count < p->count && pdf_starts_small(r->cells[0].text) && all_wrapped(p, r, e)) ||
           name.p[name.n - 1] == '-';
}

/* Is `s` the rest of label `p`, by how that ends and this begins? */
static bool is_rest(str p, str s, bool wrapped) {
    return (wrapped && pdf_starts_small(s)) || str_starts(s, STR("$")) || str_ends(p, STR(",")) ||
           str_ends(p, STR(";")) || str_ends(p, STR("-"));
}

/* "Shares issued, net of those" / "withheld | 60 | 49" is one row: a label that goes on in lower
 * case, and any other cell that does. So is a label whose figures stand a little lower. */
static bool is_label_of(const pdf_row *p, const pdf_row *r, float step_above, const edges *e) {
    float em = fmaxf(r->font_pt, 1), step = r->at.y1 - p->at.y1;
    if (p->count == 1 && p->cells[0].first == 0 && r->cells[0].first > 0 && !p->head && !r->head)
        return step < LOWER_EM * em && pdf_is_figure(r->cells[0].text);
    if (p->count == 1 && r->count > 1 && p->cells[0].first > 0 && !p->head && !r->head) {
        const pdf_cell *below = cell_at(r, p->cells[0].first);
        return below && pdf_starts_small(below->text) && step < PDF_SAME_CELL_EM * em &&
               step < step_above + 1; /* else it is the rest of the row above */
    }
    return p->count == 1 && r->count > 1 && p->cells[0].first == 0 && r->cells[0].first == 0 &&
           is_rest(p->cells[0].text, r->cells[0].text,
                   p->at.x1 > r->cells[0].at.x1 + 2 * em ||
                       is_wrapped(&p->cells[0], &r->cells[0], e)) &&
           !p->head && step < PDF_SAME_CELL_EM * em && fabsf(p->at.x0 - r->at.x0) < 3 * em;
}

/* The step of lines within a row of a table whose rows stand farther apart than their lines; 0
 * where that cannot be told. Tables of figures have white between groups of rows instead. */
static float line_step(const pdf_row *rows, size_t count, arena *a) {
    float *steps = arena_alloc(a, count, sizeof *steps);
    size_t n = 0, wide = 0, cells = 0, figures = 0;
    for (size_t i = 1; i < count; i++) {
        float step = rows[i].at.y1 - rows[i - 1].at.y1;
        if (!rows[i - 1].head && step > 0.5f * rows[i].font_pt) steps[n++] = step;
        for (size_t k = 1; k < rows[i].count; k++) figures += pdf_is_figure(rows[i].cells[k].text);
        cells += rows[i].count - 1;
    }
    if (n == 0 || figures * 2 > cells) return 0;
    qsort(steps, n, sizeof *steps, pdf_by_size);
    float usual = steps[n / 4];
    for (size_t i = 0; i < n; i++) wide += steps[i] > WIDE_STEP * usual;
    return wide < 2 || wide * 8 < n ? 0 : usual;
}

/* Row r, one such step below p, brings nothing that could not be the rest of p's row. */
static bool is_next_line(const pdf_row *p, const pdf_row *r, size_t columns, float step,
                         const edges *e) {
    if (step <= 0 || r->head || p->head) return false;
    if (r->count >= columns && !all_wrapped(p, r, e)) return false;
    if (r->at.y1 - p->at.y1 > SAME_STEP * step) return false;
    for (size_t i = 0; i < r->count; i++) {
        const pdf_cell *own = &r->cells[i], *above = cell_at(p, own->first);
        if (above && i > 0 && pdf_is_figure(above->text)) return false;
        bool name = own->first == 0 && above;
        if (name && !is_wrapped(above, own, e) && !is_rest(above->text, own->text, false))
            return false;
    }
    return true;
}

/* ---- rows between lines ------------------------------------------------------------------- */

/* Could row r be the rest of row p's cells, which no line parts from it? A row of its own would
 * have a name and figures. */
static bool may_be_rest(const pdf_row *p, const pdf_row *r, const edges *e) {
    for (size_t i = 0; i < r->count; i++) {
        const pdf_cell *above = cell_at(p, r->cells[i].first);
        if (above && r->cells[i].first > 0 && pdf_is_figure(r->cells[i].text) &&
            pdf_is_figure(above->text))
            return false;
    }
    return r->cells[0].first > 0 || r->count == 1 || all_wrapped(p, r, e);
}

/* Where lines part all rows from one another, what stands between two of them is one row. False:
 * they do not. */
static bool join_bands(pdf_row *rows, size_t count, const pdf_rules *rules, arena *a) {
    size_t *band = arena_alloc(a, count + 1, sizeof *band), bands = 1, joined = 0, p = 0;
    box table = rows[0].at;
    edges e;
    for (size_t i = 1; i < count; i++) pdf_widen(&table, rows[i].at);
    find_edges(rows, count, &e);
    for (size_t i = 0; i < count; i++) {
        band[i] = pdf_rules_above(rules, table, (rows[i].at.y0 + rows[i].at.y1) / 2);
        bands += i > 0 && band[i] != band[i - 1];
    }
    for (size_t i = 1; i < count; i++) {
        if (rows[i].taken) continue;
        bool own = band[i] != band[p] || rows[i].head || rows[p].head;
        if (!own && !may_be_rest(&rows[p], &rows[i], &e)) return false;
        joined += !own;
        p = own ? i : p;
    }
    if (bands < PDF_LEAST_BANDS || joined == 0) return false;
    p = 0;
    for (size_t i = 1; i < count; i++) {
        if (rows[i].taken) continue;
        if (band[i] != band[p] || rows[i].head || rows[p].head)
            p = i;
        else
            join_rows(&rows[p], &rows[i], true, a);
    }
    return true;
}

/* ---- rows ---------------------------------------------------------------------------------- */

void pdf_join_lines(pdf_row *rows, size_t count, const pdf_rules *rules, arena *a) {
    pdf_row *p = NULL;
    box last = {0}; /* the last line of p */
    size_t columns = 0;
    float step = line_step(rows, count, a), step_above = INFINITY;
    edges e;
    if (rules && rules->across.count >= PDF_LEAST_BANDS && join_bands(rows, count, rules, a))
        return;
    find_edges(rows, count, &e);
    for (size_t i = 0; i < count; i++) {
        pdf_row *r = &rows[i];
        if (p) {
            pdf_row seen = *p;
            seen.at.y1 = last.y1;
            if ((p->count > 1 ? continues(&seen, r, &e) : is_label_of(&seen, r, step_above, &e)) ||
                is_next_line(&seen, r, columns, step, &e)) {
                last = r->at;
                join_rows(p, r, true, a);
                continue;
            }
        }
        step_above = p ? r->at.y1 - last.y1 : INFINITY;
        p = r;
        last = r->at;
        columns = r->count;
    }
}
