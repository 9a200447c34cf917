/* The columns of a table, and the headings over them.
 *
 * Columns come from the cells themselves, the narrow ones first: a cell that stands over one column
 * widens it, one that stands over none makes a new one, and one over several is a heading that
 * spans them. The head of a table is the rows above its first figures, or above its first row with
 * a name where it has no figures at all, and again such rows further down, where the next table
 * stands close.
 *
 * Several rows of headings become one: over each column all that stands above it, from the top
 * down, so that "2023" under "Six months ended" says so in every row it is shown with. A heading
 * that spans columns is taken to be centred over them, since there are no rules to see.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/parse/pdf/pdf.h"

#define MAX_COLUMNS 64 /* more are a drawing */
#define FULL_ROWS 2    /* with a cell in each column, where the columns are told by them */
#define ALIGN_PT 4.0f
#define ALIGN_ROWS 24     /* looked at for where a column's cells begin */
#define JUSTIFIED_EM 2.5f /* words of one cell are not farther apart */
#define REACH_SHARE \
    0.25f               /* of the column or the cell, whichever is narrower: it stands there, too */
#define MEND_PT 36.0f   /* columns farther apart than this are not one */
#define CENTRED_PT 6.0f /* a spanning heading stands so near to the middle of its columns */
#define UNDERLINE_EM 0.8f /* a line below a heading is no farther off */
#define LOST_ONE_IN 5     /* rows with two cells in one column: the columns were not understood */

typedef struct {
    float x0, x1;
} span;

typedef struct {
    span at[MAX_COLUMNS];
    uint32_t count;
} grid;

/* ---- columns ------------------------------------------------------------------------------- */

static int by_width(const void *pa, const void *pb) {
    const pdf_cell *a = *(pdf_cell *const *)pa, *b = *(pdf_cell *const *)pb;
    float wa = a->at.x1 - a->at.x0, wb = b->at.x1 - b->at.x0;
    return wa < wb ? -1 : wa > wb;
}

static int by_left(const void *pa, const void *pb) {
    const span *a = pa, *b = pb;
    return a->x0 < b->x0 ? -1 : a->x0 > b->x0;
}

static float shared(span s, box b) {
    return pdf_shared_width((box){.x0 = s.x0, .x1 = s.x1}, b);
}

/* Adds the cells to the grid, the narrow ones first; `widen`: also where there is a column. False
 * where they are too many. */
static bool add_cells(grid *g, pdf_cell **cells, size_t count, bool widen) {
    qsort(cells, count, sizeof *cells, by_width);
    for (size_t i = 0; i < count; i++) {
        box b = cells[i]->at;
        uint32_t under = 0, which = 0;
        for (uint32_t k = 0; k < g->count; k++)
            if (shared(g->at[k], b) > PDF_OVERLAP_PT) {
                under++;
                which = k;
            }
        if (under == 0) {
            if (g->count == MAX_COLUMNS) return false;
            g->at[g->count++] = (span){b.x0, b.x1};
        } else if (under == 1 && widen) {
            g->at[which].x0 = fminf(g->at[which].x0, b.x0);
            g->at[which].x1 = fmaxf(g->at[which].x1, b.x1);
        }
    }
    return true;
}

/* Do most of the n-th cells of the rows with `cells` of them begin, end or centre at one place?
 * Words of justified text that wide white parts do not. Figures need not. */
static bool is_column(const pdf_row *rows, size_t count, size_t cells, size_t n) {
    size_t best = 0, full = 0;
    for (size_t i = 0; i < count && full < ALIGN_ROWS; i++) {
        size_t left = 0, right = 0, middle = 0;
        if (rows[i].count != cells) continue;
        full++;
        box a = rows[i].cells[n].at;
        for (size_t k = 0; k < count; k++) {
            if (rows[k].count != cells) continue;
            box b = rows[k].cells[n].at;
            left += fabsf(a.x0 - b.x0) < ALIGN_PT;
            right += fabsf(a.x1 - b.x1) < ALIGN_PT;
            middle += fabsf(a.x0 + a.x1 - b.x0 - b.x1) < 2 * ALIGN_PT;
        }
        size_t most = left > right ? left : right;
        most = middle > most ? middle : most;
        best = most > best ? most : best;
    }
    size_t all = 0, figures = 0;
    for (size_t k = 0; k < count; k++) {
        all += rows[k].count == cells;
        figures += rows[k].count == cells && pdf_is_figure(rows[k].cells[n].text);
    }
    return all >= FULL_ROWS && (best * 5 >= all * 3 || figures * 2 >= all);
}

/* Rows that have a cell in every column tell the columns by their order alone: the n-th cells of
 * all of them. False where fewer than two rows have so many cells, or these are not apart. */
static bool grid_by_order(const pdf_row *rows, size_t count, size_t cells, bool figures, grid *g) {
    size_t full = 0, heads = 0; /* without figures, where other rows have some */
    for (size_t i = 0; i < count; i++) {
        full += rows[i].count == cells;
        heads += rows[i].count == cells && figures && !pdf_has_figures(&rows[i]);
    }
    if (heads * 2 > full) return false;
    g->count = (uint32_t)cells;
    for (size_t k = 0; k < cells; k++) {
        if (k > 0 && !is_column(rows, count, cells, k)) return false;
        g->at[k] = (span){INFINITY, -INFINITY};
    }
    for (size_t i = 0; i < count; i++) {
        if (rows[i].count != cells || !rows[i].rightward) continue;
        for (size_t k = 0; k < cells; k++) {
            g->at[k].x0 = fminf(g->at[k].x0, rows[i].cells[k].at.x0);
            g->at[k].x1 = fmaxf(g->at[k].x1, rows[i].cells[k].at.x1);
        }
    }
    for (size_t k = 0; k < cells; k++)
        if (!(g->at[k].x0 < g->at[k].x1) || (k > 0 && g->at[k].x0 < g->at[k - 1].x1)) return false;
    return true;
}

/* The columns that the cells of rows with several make: by their order where that is clear. Else
 * rows of figures come first, where there are any: a heading that spans columns may look as if it
 * stood over one. */
static bool find_grid(pdf_row *rows, size_t count, grid *g, arena *a) {
    size_t all = 0, most = 0;
    bool figures = false, ordered = false;
    for (size_t i = 0; i < count; i++) {
        all += rows[i].count;
        most = rows[i].count > most ? rows[i].count : most;
        figures |= pdf_has_figures(&rows[i]);
    }
    pdf_cell **cells = arena_alloc(a, all + 1, sizeof *cells);
    for (; most >= 2 && most <= MAX_COLUMNS && !ordered; most--)
        ordered = grid_by_order(rows, count, most, figures, g);
    if (!ordered) g->count = 0;
    for (int pass = ordered ? 1 : 0; pass < 2; pass++) {
        size_t n = 0;
        for (size_t i = 0; i < count; i++) {
            bool body = ordered ? false : !figures || pdf_has_figures(&rows[i]);
            for (size_t k = 0; rows[i].count > 1 && body == (pass == 0) && k < rows[i].count; k++)
                cells[n++] = &rows[i].cells[k];
        }
        if (!add_cells(g, cells, n, pass == 0)) return false;
    }
    qsort(g->at, g->count, sizeof *g->at, by_left);
    return g->count > 0;
}

/* Does the cell stand over a good part of the column? */
static bool reaches(span s, box b, float width) {
    return shared(s, b) > PDF_OVERLAP_PT && shared(s, b) > REACH_SHARE * fminf(s.x1 - s.x0, width);
}

/* The columns that a cell stands in: a figure in one, a text in all that it reaches well into. */
static void place_cell(const grid *g, pdf_cell *c) {
    float nearest = INFINITY, most = PDF_OVERLAP_PT, width = c->at.x1 - c->at.x0;
    uint32_t best = UINT32_MAX;
    for (uint32_t k = 0; k < g->count; k++) {
        float away = fabsf(g->at[k].x0 + g->at[k].x1 - c->at.x0 - c->at.x1);
        if (shared(g->at[k], c->at) > most) {
            most = shared(g->at[k], c->at);
            best = k;
        } else if (best == UINT32_MAX && away < nearest) {
            nearest = away;
            c->first = k;
        }
    }
    if (best != UINT32_MAX) c->first = best;
    c->last = c->first;
    if (best == UINT32_MAX || pdf_is_figure(c->text)) return;
    while (c->first > 0 && reaches(g->at[c->first - 1], c->at, width)) c->first--;
    while (c->last + 1 < g->count && reaches(g->at[c->last + 1], c->at, width)) c->last++;
}

/* Figures behind the names: in rows whose cells have their columns. */
static bool brings_figures(const pdf_row *r) {
    for (size_t k = 0; k < r->count; k++)
        if (r->cells[k].first > 0 && pdf_is_figure(r->cells[k].text) &&
            !pdf_is_year(r->cells[k].text))
            return true;
    return false;
}

static bool has_letter(str s) {
    for (size_t i = 0; i < s.n; i++)
        if ((s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'z') return true;
    return false;
}

/* No name in the first column, no figures but years; "Assets:" is the name of a group, centred. */
static bool heads_columns(const pdf_row *r) {
    if (r->count == 1 && str_ends(r->cells[0].text, STR(":"))) return false;
    return r->cells[0].first > 0 && !brings_figures(r);
}

/* Do two columns side by side have cells of their own in one row? */
static bool meet(const pdf_row *rows, size_t count, uint32_t a) {
    for (size_t i = 0; i < count; i++) {
        const pdf_cell *left = NULL, *right = NULL;
        for (size_t k = 0; k < rows[i].count; k++) {
            const pdf_cell *c = &rows[i].cells[k];
            if (c->first <= a && a <= c->last) left = c;
            if (!right && c->first <= a + 1 && a + 1 <= c->last) right = c;
        }
        if (left && right && left != right) return true;
    }
    return false;
}

static void place_cells(pdf_row *rows, size_t count, const grid *g) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < rows[i].count; k++) place_cell(g, &rows[i].cells[k]);
}

/* May columns a and a + 1 be one? The names' column takes in what is indented and the heading above
 * it, but no figures, nor the first of headings that leave the names without one. */
static bool may_join(const pdf_row *rows, size_t count, uint32_t a) {
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        if (rows[i].cells[0].first == 0 && rows[i].count > most) most = rows[i].count;
    for (size_t i = 0; a == 0 && i < count; i++)
        for (size_t k = 0; k < rows[i].count; k++) {
            const pdf_cell *c = &rows[i].cells[k];
            if (c->first != 1) continue;
            if (pdf_is_figure(c->text)) return false;
            if (heads_columns(&rows[i]) && rows[i].count < most) return false;
        }
    return !meet(rows, count, a);
}

/* Columns that never meet are one, the nearest ones first: a heading flush left over figures flush
 * right, or names that are indented. */
static void mend_grid(pdf_row *rows, size_t count, grid *g) {
    for (;;) {
        float narrowest = MEND_PT;
        uint32_t best = UINT32_MAX;
        for (uint32_t k = 0; k + 1 < g->count; k++) {
            float gap = g->at[k + 1].x0 - g->at[k].x1;
            if (gap >= narrowest || !may_join(rows, count, k)) continue;
            narrowest = gap;
            best = k;
        }
        if (best == UINT32_MAX) return;
        g->at[best].x1 = fmaxf(g->at[best].x1, g->at[best + 1].x1);
        memmove(&g->at[best + 1], &g->at[best + 2], (g->count - best - 2) * sizeof *g->at);
        g->count--;
        place_cells(rows, count, g);
    }
}

/* Takes a cell apart where its gaps are the white between two columns. Gives the count of parts. */
static size_t split_cell(const grid *g, const pdf_cell *c, pdf_cell parts[PDF_GAPS + 1]) {
    size_t n = 0, gap = 0, begin = 0;
    float left = c->at.x0;
    uint32_t column = 0;
    for (size_t i = 0; i < c->text.n && gap < c->gap_count; i++) {
        if (c->text.p[i] != PDF_GAP) continue;
        float at = (c->gaps[gap].left + c->gaps[gap].right) / 2;
        while (column + 1 < g->count && g->at[column + 1].x0 + g->at[column + 1].x1 < 2 * at)
            column++;
        bool between = column + 1 < g->count && g->at[column].x0 + g->at[column].x1 < 2 * at &&
                       at > left &&
                       shared(g->at[column], (box){.x0 = left, .x1 = at}) > PDF_OVERLAP_PT &&
                       shared(g->at[column + 1], (box){.x0 = at, .x1 = c->at.x1}) > PDF_OVERLAP_PT;
        if (between && at > g->at[column].x1 - CENTRED_PT &&
            at < g->at[column + 1].x0 + CENTRED_PT) {
            parts[n] = *c;
            parts[n].text = str_cut(c->text, begin, i);
            parts[n].at.x0 = left;
            parts[n++].at.x1 = c->gaps[gap].left;
            left = c->gaps[gap].right;
            begin = i + 1;
        }
        gap++;
    }
    parts[n] = *c;
    parts[n].text = str_cut(c->text, begin, c->text.n);
    parts[n++].at.x0 = left;
    for (size_t i = 0; n > 1 && i < n; i++) {
        parts[i].gap_count = 0;
        parts[i].line = parts[i].at;
    }
    return n;
}

static void split_cells(pdf_row *rows, size_t count, const grid *g, arena *a) {
    for (size_t i = 0; i < count; i++) {
        size_t most = 0, n = 0;
        for (size_t k = 0; k < rows[i].count; k++) most += rows[i].cells[k].gap_count + 1;
        if (most == rows[i].count || !rows[i].rightward) continue;
        pdf_cell *cells = arena_alloc(a, most, sizeof *cells);
        for (size_t k = 0; k < rows[i].count; k++) {
            pdf_cell parts[PDF_GAPS + 1];
            size_t in_cell = split_cell(g, &rows[i].cells[k], parts);
            memcpy(cells + n, parts, in_cell * sizeof *parts);
            n += in_cell;
        }
        rows[i].cells = cells;
        rows[i].count = n;
    }
}

/* Words of one cell that justifying has moved apart are put together again. */
static void join_words(pdf_row *rows, size_t count, arena *a) {
    for (size_t i = 0; i < count; i++) {
        pdf_row *r = &rows[i];
        size_t kept = 1;
        for (size_t k = 1; k < r->count; k++) {
            pdf_cell *p = &r->cells[kept - 1], *c = &r->cells[k];
            float gap = c->at.x0 > p->at.x0 ? c->at.x0 - p->at.x1 : p->at.x0 - c->at.x1;
            bool one = p->first == c->first && p->last == c->last && !pdf_is_figure(c->text) &&
                       !pdf_is_figure(p->text) && gap < JUSTIFIED_EM * fmaxf(c->font_pt, 1);
            if (!one) {
                r->cells[kept++] = *c;
                continue;
            }
            p->text = arena_printf(a, STR_FMT " " STR_FMT, STR_ARG(p->text), STR_ARG(c->text));
            pdf_widen(&p->at, c->at);
            p->line = p->at;
            p->bold += c->bold;
            p->mono += c->mono;
        }
        r->count = kept;
    }
}

/* Columns of a right-to-left table count from the right. */
static void turn(pdf_row *rows, size_t count, uint32_t columns) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < rows[i].count; k++) {
            pdf_cell *c = &rows[i].cells[k];
            uint32_t first = columns - 1 - c->last;
            c->last = columns - 1 - c->first;
            c->first = first;
        }
}

/* ---- heads --------------------------------------------------------------------------------- */

static bool all_bold(const pdf_row *rows, size_t count) {
    size_t bold = 0;
    for (size_t i = 0; i < count; i++) bold += rows[i].bold;
    return bold * 2 > count;
}

/* "10-14", "<5", "100+": what a column stands for. */
static bool is_range(str s) {
    if (s.n > 1 && s.p[s.n - 1] == '+' && s.p[s.n - 2] >= '0' && s.p[s.n - 2] <= '9') return true;
    for (size_t i = 0; i < s.n; i++) {
        char before = i > 0 ? s.p[i - 1] : ' ', c = s.p[i];
        if (c == '<' || c == '>') return true;
        if ((c == '-' || str_starts(str_cut(s, i, s.n), STR("\xe2\x80\x93"))) && before >= '0' &&
            before <= '9')
            return true;
    }
    return false;
}

/* Do most of the rows have ranges below those of r? Then these are values, and so are r's. */
static bool has_ranges_below(const pdf_row *r, const pdf_row *rows, size_t count) {
    size_t with = 0;
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        for (size_t k = 0; !found && k < rows[i].count; k++)
            for (size_t h = 0; !found && h < r->count; h++)
                found = r->cells[h].first == rows[i].cells[k].first && rows[i].cells[k].first > 0 &&
                        is_range(r->cells[h].text) && is_range(rows[i].cells[k].text);
        with += found;
    }
    return with * 2 > count;
}

/* "4-6 kg | 7-9 kg" over "250 | 500": figures with what they count, over bare ones. `below`: the
 * rows below r, at least one. */
static bool counts_in_heads(const pdf_row *r, const pdf_row *below, size_t count) {
    size_t bare = 0, figures = 0;
    for (size_t k = 0; k < r->count; k++) {
        const pdf_cell *c = &r->cells[k];
        if (c->first == 0 || !pdf_is_figure(c->text) || pdf_is_year(c->text)) continue;
        if (!has_letter(c->text) && !is_range(c->text)) return false;
        figures++;
    }
    for (size_t k = 0; k < below->count; k++)
        bare += below->cells[k].first > 0 && !has_letter(below->cells[k].text) &&
                !is_range(below->cells[k].text);
    return figures > 0 && bare * 2 >= below->count && !has_ranges_below(r, below, count);
}

/* How many rows at the top are heads: those without figures, or with such as head others. */
static size_t head_rows(const pdf_row *rows, size_t count, bool bold_body) {
    size_t i = 0;
    bool named = false;
    for (; i < count; i++) {
        const pdf_row *r = &rows[i];
        bool single = r->count == 1 && r->cells[0].first == 0;
        bool counts =
            !named && !single && i + 1 < count && counts_in_heads(r, r + 1, count - i - 1);
        if (brings_figures(r) && !counts) break;
        if (single && (named || i + 1 >= count || !heads_columns(&rows[i + 1]))) break;
        if (r->cells[0].first == 0 && !single) {
            if (named && (!r->bold || bold_body)) break;
            named = true;
        }
    }
    return i < count ? i : 0;
}

/* A first row of several cells in bold letters over others: also figures may be headings. */
static bool stands_out(const pdf_row *rows, size_t count) {
    return count > 1 && rows[0].count > 1 && rows[0].bold && !all_bold(rows + 1, count - 1);
}

static void find_heads(pdf_row *rows, size_t count) {
    size_t figures = 0, cells = 0, i;
    bool bold = all_bold(rows, count);
    for (i = 0; i < count; i++)
        for (size_t k = 0; k < rows[i].count; k++) {
            if (rows[i].cells[k].first == 0) continue;
            figures += pdf_is_figure(rows[i].cells[k].text);
            cells++;
        }
    size_t top = head_rows(rows, count, bold);
    if (top == 0 && stands_out(rows, count)) top = 1;
    for (i = 0; i < top; i++) rows[i].head = true;
    if (figures * 2 < cells) return; /* a line without a name is the rest of the one above */
    for (; i < count; i++)
        rows[i].head = heads_columns(&rows[i]) &&
                       (rows[i].count > 1 ||
                        (i + 1 < count && heads_columns(&rows[i + 1]) && rows[i + 1].count > 1));
}

/* ---- one row of headings ------------------------------------------------------------------- */

static float middle(box b) {
    return (b.x0 + b.x1) / 2;
}

/* Is column k, with this middle, nearer to another cell of the row? */
static bool belongs_to_other(const pdf_row *r, size_t own, float at) {
    float away = fabsf(middle(r->cells[own].at) - at);
    for (size_t i = 0; i < r->count; i++)
        if (i != own && fabsf(middle(r->cells[i].at) - at) <= away) return true;
    return false;
}

/* A line below a heading that is as long as the columns it spans, and is no other heading's. */
static bool ruled_span(const pdf_row *r, size_t own, const float *middles, uint32_t columns,
                       const pdf_rules *rules, uint32_t *lo, uint32_t *hi) {
    const pdf_cell *c = &r->cells[own];
    for (size_t i = 0; rules && i < rules->across.count; i++) {
        const pdf_rule *l = &rules->across.list[i];
        uint32_t first = columns, last = 0;
        bool others = false;
        if (l->at < c->at.y1 - 2 || l->at > c->at.y1 + UNDERLINE_EM * c->font_pt) continue;
        if (l->from > middle(c->at) || l->to < middle(c->at)) continue;
        for (size_t k = 0; k < r->count; k++) {
            float at = middle(r->cells[k].at);
            others |= k != own && at > l->from && at < l->to;
        }
        for (uint32_t k = columns; k-- > 0;)
            if (middles[k] > l->from - 1 && middles[k] < l->to + 1) {
                first = k;
                last = last > k ? last : k;
            }
        if (others || first == 0 || first == columns) continue;
        *lo = first;
        *hi = last;
        return true;
    }
    return false;
}

/* Widens a heading over the columns that it is centred above. `below` says which columns have
 * something in the next row of headings, `middles` where they stand. */
static void widen_span(const pdf_row *r, size_t own, const bool *below, const float *middles,
                       uint32_t columns, const pdf_rules *rules) {
    pdf_cell *c = &r->cells[own];
    float at = middle(c->at);
    uint32_t lo = c->first, hi = c->last;
    if (lo == 0 || ruled_span(r, own, middles, columns, rules, &c->first, &c->last)) return;
    if (r->count == 1 && columns > 2 &&
        fabsf((middles[1] + middles[columns - 1]) / 2 - at) < CENTRED_PT) {
        c->first = 1;
        c->last = columns - 1;
        return;
    }
    if (lo == hi && fabsf(middles[lo] - at) < CENTRED_PT / 2 && !pdf_has_digit(c->text)) return;
    for (uint32_t l = lo, h = hi;;) {
        bool left = l > 1 && below[l - 1] && !belongs_to_other(r, own, middles[l - 1]);
        bool right = h + 1 < columns && below[h + 1] && !belongs_to_other(r, own, middles[h + 1]);
        if (!left && !right) break;
        /* to the side where more is missing */
        bool go_left = left && (!right || at - middles[l - 1] < middles[h + 1] - at);
        l -= go_left;
        h += !go_left;
        if (fabsf((middles[l] + middles[h]) / 2 - at) < CENTRED_PT) {
            lo = l;
            hi = h;
        }
    }
    c->first = lo;
    c->last = hi;
}

/* Does the row part the columns that have headings below it evenly, each cell in the middle of its
 * share? */
static bool widen_evenly(pdf_row *r, const bool *lower, const float *middles, uint32_t columns) {
    uint32_t first = columns, covered = 0;
    for (uint32_t c = columns; c-- > 0;)
        if (lower[c]) {
            first = c;
            covered++;
        }
    uint32_t share = r->count >= 2 ? covered / (uint32_t)r->count : 0;
    if (share < 2 || share * r->count != covered || first + covered > columns) return false;
    for (uint32_t k = 0; k < r->count; k++) {
        float at = (middles[first + k * share] + middles[first + (k + 1) * share - 1]) / 2;
        if (fabsf(middle(r->cells[k].at) - at) >= CENTRED_PT) return false;
    }
    for (uint32_t k = 0; k < r->count; k++) {
        r->cells[k].first = first + k * share;
        r->cells[k].last = first + (k + 1) * share - 1;
    }
    return true;
}

/* Where the columns' middles are: of the lowest heading over each alone, else of the column. */
static void find_middles(const pdf_row *rows, size_t count, const grid *g, float *middles,
                         bool *headed) {
    for (uint32_t c = 0; c < g->count; c++) middles[c] = (g->at[c].x0 + g->at[c].x1) / 2;
    for (size_t i = count; i-- > 0;)
        for (size_t k = 0; k < rows[i].count; k++) {
            const pdf_cell *c = &rows[i].cells[k];
            if (c->first != c->last || headed[c->first]) continue;
            headed[c->first] = true;
            middles[c->first] = middle(c->at);
        }
}

/* Widens the headings, from the lowest row up: over what the row below has, a date over what any
 * row below has, the lowest ones over columns that have no heading of their own. */
static void widen_heads(pdf_row *rows, size_t count, const grid *g, const pdf_rules *rules) {
    float middles[MAX_COLUMNS];
    bool headed[MAX_COLUMNS] = {false}, lower[MAX_COLUMNS] = {false}, below[MAX_COLUMNS];
    find_middles(rows, count, g, middles, headed);
    for (uint32_t c = 0; c < g->count; c++) below[c] = !headed[c];
    for (size_t i = count; i-- > 0;) {
        bool own[MAX_COLUMNS] = {false};
        bool even = i + 1 < count && widen_evenly(&rows[i], lower, middles, g->count);
        for (size_t k = 0; k < rows[i].count; k++) {
            pdf_cell *c = &rows[i].cells[k];
            bool dated = i + 1 < count && pdf_has_digit(c->text);
            if (!even) widen_span(&rows[i], k, dated ? lower : below, middles, g->count, rules);
            for (uint32_t n = c->first; n <= c->last; n++) own[n] = true;
        }
        for (uint32_t c = 0; c < g->count; c++) lower[c] |= own[c];
        memcpy(below, own, sizeof below);
    }
}

/* "(in thousands, except per share)" over all columns is said once, where the names have no heading
 * of their own. */
static void move_unit(pdf_row *rows, size_t count) {
    pdf_cell *unit = NULL;
    for (size_t i = 0; i < count; i++) {
        pdf_cell *c = &rows[i].cells[0];
        if (c->first == 0) return;
        if (rows[i].count == 1 && c->last > c->first && str_starts(c->text, STR("(")) &&
            str_ends(c->text, STR(")")))
            unit = c;
    }
    if (unit && count > 1) unit->first = unit->last = 0;
}

/* The head rows rows[0..count) become the first of them: over each column all that stands over it.
 */
static void merge_head(pdf_row *rows, size_t count, uint32_t columns, arena *a) {
    move_unit(rows, count);
    pdf_row merged = rows[0];
    merged.cells = arena_alloc(a, columns, sizeof *merged.cells);
    merged.count = 0;
    for (uint32_t c = 0; c < columns; c++) {
        pdf_cell *m = &merged.cells[merged.count];
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < rows[i].count; k++) {
                const pdf_cell *from = &rows[i].cells[k];
                if (from->first > c || from->last < c) continue;
                str before = m->text;
                if (before.n == 0)
                    *m = *from;
                else
                    m->text =
                        arena_printf(a, STR_FMT " " STR_FMT, STR_ARG(before), STR_ARG(from->text));
                m->first = m->last = c;
            }
        merged.count += m->text.n > 0;
    }
    for (size_t i = 1; i < count; i++) {
        pdf_widen(&merged.at, rows[i].at);
        merged.bold &= rows[i].bold;
        rows[i].taken = true;
    }
    if (merged.count > 0) rows[0] = merged;
}

void pdf_find_columns(pdf_row *rows, size_t count, const pdf_rules *rules, arena *a) {
    grid g;
    size_t lost = 0, rightward = 0;
    if (!find_grid(rows, count, &g, a)) return;
    place_cells(rows, count, &g);
    mend_grid(rows, count, &g);
    split_cells(rows, count, &g, a);
    place_cells(rows, count, &g);
    join_words(rows, count, a);
    for (size_t i = 0; i < count; i++) {
        bool shared = false;
        for (size_t k = 1; k < rows[i].count; k++)
            shared |= rows[i].cells[k].first == rows[i].cells[k - 1].first;
        lost += shared;
        rightward += rows[i].rightward;
    }
    if (lost * LOST_ONE_IN > count) {
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < rows[i].count; k++)
                rows[i].cells[k].first = rows[i].cells[k].last = (uint32_t)k;
        return;
    }
    if (rightward * 2 < count) turn(rows, count, g.count);
    for (size_t i = 0; i < count; i++) rows[i].columns = g.count;
    find_heads(rows, count);
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && rows[i].head && rows[end].head; end++) continue;
        if (!rows[i].head) continue;
        widen_heads(rows + i, end - i, &g, rules);
        merge_head(rows + i, end - i, g.count, a);
    }
}

static bool is_bold(const pdf_cell *c) {
    return c->bold * 10 >= c->text.n * 8;
}

/* "Name: | A. Meyer" below "Role: | Nurse": names in bold letters with what they are. */
static bool names_values(const pdf_row *rows, size_t count, uint32_t columns) {
    for (size_t i = 0; i < count; i++) {
        const pdf_row *r = &rows[i];
        if (r->cells[0].first > 0 || !is_bold(&r->cells[0])) return false;
        if (r->count > 1 && is_bold(&r->cells[1])) return false;
    }
    return columns == 2;
}

void pdf_find_ruled_heads(pdf_row *rows, size_t count, uint32_t columns, arena *a) {
    size_t least = 0;
    while (least < count && rows[least].head) least++;
    if (names_values(rows, count, columns)) return;
    size_t top = head_rows(rows, count, all_bold(rows, count));
    if (top == 0 && stands_out(rows, count)) top = 1;
    top = top > least ? top : least;
    if (top == 0 || top == count) top = 0;
    for (size_t i = 0; i < count; i++) rows[i].head = i < top;
    if (top > 0) merge_head(rows, top, columns, a);
}
