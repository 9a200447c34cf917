/* Where a page is read column by column: its runs are cut into groups, in reading order.
 *
 * A recursive XY-cut (Nagy and Seth, "Hierarchical representation of optically scanned documents",
 * ICPR 1984): the projection of all runs onto the x axis shows stretches of white; the best of
 * them parts the region, whatever crosses it (a title, a wide table) cuts the region into bands,
 * and each part is cut again. A stretch of white alone is no gutter, since the columns of a table
 * have one as well: running text must stand on both sides of it, which is lines of one width, one
 * close under the other. How much of a column is tables, headings and lists does not matter.
 *
 * It looks at boxes and the lengths of texts, never at what the words say; the one exception is
 * digits, which tell a table across both columns from two short pieces of text.
 */
#include <math.h>
#include <stdlib.h>

#include "ingest/parse/pdf/pdf.h"

#define MAX_COLUMN_DEPTH 4   /* title, halves, halves of those, and one for odd bands */
#define BINS 1024            /* of the projection: a point each, wider on a wider page */
#define LEVELS 4             /* how much may cross a gutter is tried in so many steps, */
#define LEVEL_STEPS 8        /* each this part of the difference between least and most */
#define MAX_CANDIDATES 32    /* stretches looked at in one region: bounds a hostile page */
#define GUTTER_MIN_PT 6.0f   /* narrower white is a gap between words */
#define EDGE_SHARE 0.15f     /* a gutter does not stand so near to the region's edge */
#define PROSE_BYTES 20       /* a line of running text has so many, */
#define PROSE_EM 9.0f        /* and is so wide; */
#define SAME_WIDTH 0.85f     /* it and most others are this alike in width, also if ragged */
#define PROSE_PAIRS 4        /* so many have another one close below, on either side, */
#define PROSE_ONE_IN 3       /* and one in so many of the lines that are as long; */
#define PROSE_LEADING 0.7f   /* white between two of them, of their height; a table has more */
#define GUTTER_SHARE 0.35f   /* wider white, of the lines beside it, parts a table's cells */
#define AT_GUTTER 0.25f      /* a line ends no farther off the gutter, of its width */
#define PROSE_INDENT_EM 3.0f /* a first line may begin this much further in */
#define NEIGHBOURS 64        /* runs looked at for the next line; more stand at no one height */
#define MARGIN_GAP 1.5f      /* a running head stands this many of its heights off the text */

typedef struct {
    arena *scratch;
    pdf_group_fn *put;
    void *context;
    pdf_gutters *gutters;
} cutter;

box pdf_bounds(pdf_group g) {
    box b = g.runs[0]->at;
    for (size_t i = 1; i < g.count; i++) pdf_widen(&b, g.runs[i]->at);
    return b;
}

bool pdf_same_row(box row, box r) {
    float shared = fminf(row.y1, r.y1) - fmaxf(row.y0, r.y0);
    return shared > 0.55f * fminf(row.y1 - row.y0, r.y1 - r.y0);
}

static int by_top(const void *pa, const void *pb) {
    const pdf_run *a = *(const pdf_run *const *)pa, *b = *(const pdf_run *const *)pb;
    float ya = a->at.y0 + a->at.y1, yb = b->at.y0 + b->at.y1;
    if (ya != yb) return ya < yb ? -1 : 1;
    return a->at.x0 < b->at.x0 ? -1 : a->at.x0 > b->at.x0;
}

void pdf_sort_by_top(pdf_group g) {
    qsort(g.runs, g.count, sizeof *g.runs, by_top);
}

/* -1 left of the gutter, 1 right of it, 0 across. What only reaches into the white does not cross
 * it; what stands inside it (a page number) belongs to no column, unless it keeps to one half. */
static int side(const pdf_run *r, pdf_gutter g) {
    bool from_left = r->at.x0<g.left, to_right = r->at.x1> g.right;
    float middle = (g.left + g.right) / 2;
    if (from_left != to_right) return from_left ? -1 : 1;
    if (from_left) return 0;
    return r->at.x1 <= middle ? -1 : r->at.x0 >= middle ? 1 : 0;
}

static pdf_group pick(cutter *c, pdf_group g, pdf_gutter at, int which) {
    pdf_group out = {arena_alloc(c->scratch, g.count + 1, sizeof *out.runs), 0};
    for (size_t i = 0; i < g.count; i++)
        if (side(g.runs[i], at) == which) out.runs[out.count++] = g.runs[i];
    return out;
}

/* ---- running text -------------------------------------------------------------------------- */

static float width_of(const pdf_run *r) {
    return r->at.x1 - r->at.x0;
}

static bool is_long(const pdf_run *r) {
    return r->text.n >= PROSE_BYTES && width_of(r) >= PROSE_EM * r->font_pt;
}

/* The width that most long runs nearly have; 0 where there is none. */
static float usual_width(cutter *c, pdf_group g) {
    float *widths = arena_alloc(c->scratch, g.count + 1, sizeof *widths), usual = 0;
    size_t count = 0, most = 0;
    for (size_t i = 0; i < g.count; i++)
        if (is_long(g.runs[i])) widths[count++] = width_of(g.runs[i]);
    qsort(widths, count, sizeof *widths, pdf_by_size);
    for (size_t i = 0, low = 0; i < count; i++) {
        while (widths[low] < SAME_WIDTH * widths[i]) low++;
        if (i + 1 - low >= most) {
            most = i + 1 - low;
            usual = widths[i];
        }
    }
    return usual;
}

static bool is_full(const pdf_run *r, float usual) {
    return is_long(r) && width_of(r) >= SAME_WIDTH * usual && width_of(r) <= 1.01f * usual;
}

/* Does a line of the usual width stand close below run i of g, which is sorted by height? */
static bool has_next_line(pdf_group g, size_t i, float usual) {
    const pdf_run *r = g.runs[i];
    float lowest = r->at.y1 + PROSE_LEADING * (r->at.y1 - r->at.y0);
    for (size_t k = i + 1; k < g.count && k <= i + NEIGHBOURS; k++) {
        const pdf_run *next = g.runs[k];
        if (next->at.y0 <= lowest && is_full(next, usual) && !pdf_same_row(r->at, next->at) &&
            fabsf(next->at.x0 - r->at.x0) <= PROSE_INDENT_EM * fmaxf(r->font_pt, 1))
            return true;
    }
    return false;
}

typedef struct {
    size_t pairs, lines; /* full lines with another one below; all long lines */
    float usual;
} prose;

/* Looks at the lines that end at `edge`, the gutter's, within reach; g is sorted by height and
 * stands on the side `which` of it. */
static prose find_prose(cutter *c, pdf_group g, float edge, int which) {
    prose p = {.usual = usual_width(c, g)};
    for (size_t i = 0; p.usual > 0 && i < g.count; i++) {
        const pdf_run *r = g.runs[i];
        float off = which < 0 ? edge - r->at.x1 : r->at.x0 - edge;
        if (!is_long(r) || off > AT_GUTTER * p.usual) continue;
        p.lines++;
        p.pairs += is_full(r, p.usual) && has_next_line(g, i, p.usual);
    }
    return p;
}

/* ---- gutters ------------------------------------------------------------------------------- */

static bool is_running(prose p, pdf_gutter at) {
    return p.pairs >= PROSE_PAIRS && p.pairs * PROSE_ONE_IN >= p.lines &&
           at.right - at.left <= GUTTER_SHARE * p.usual;
}

static bool is_known(const pdf_gutters *v, pdf_gutter at) {
    for (size_t i = 0; i < PDF_KNOWN_GUTTERS && i < v->found; i++) {
        float middle = (v->known[i].left + v->known[i].right) / 2;
        if (at.left < middle && middle < at.right) return true;
    }
    return false;
}

static void remember(pdf_gutters *v, pdf_gutter at) {
    if (!is_known(v, at)) v->known[v->found++ % PDF_KNOWN_GUTTERS] = at;
}

/* How much running text stands on both sides; 0 where there is too little for two columns. A
 * gutter that an earlier page had needs running text on one side only. */
static size_t gutter_score(const pdf_gutters *before, pdf_group g, pdf_gutter at) {
    cutter own = {.scratch = arena_new()}; /* many are tried, and a page may have many runs */
    pdf_group on_left = pick(&own, g, at, -1), on_right = pick(&own, g, at, 1);
    prose left = find_prose(&own, on_left, at.left, -1);
    prose right = find_prose(&own, on_right, at.right, 1);
    bool known = is_known(before, at), l = is_running(left, at), r = is_running(right, at);
    size_t apart = pdf_lines_apart(on_left, on_right, (int)r - (int)l, own.scratch);
    arena_free(own.scratch);
    size_t running = (l && r) || (known && (l || r)) ? left.pairs + right.pairs : 0;
    return running + apart;
}

/* How many runs cover each bin of the region's width. */
static void project(pdf_group g, float x0, float bin, uint32_t covered[BINS]) {
    for (size_t i = 0; i < g.count; i++) {
        size_t from = (size_t)((g.runs[i]->at.x0 - x0) / bin);
        size_t to = (size_t)((g.runs[i]->at.x1 - x0) / bin);
        for (size_t k = from; k <= to && k < BINS; k++) covered[k]++;
    }
}

/* The stretch of white with the most running text beside it; g is sorted by height. */
static bool find_gutter(const pdf_gutters *before, pdf_group g, pdf_gutter *out) {
    box b = pdf_bounds(g);
    float width = b.x1 - b.x0, bin = fmaxf(1, width / (BINS - 2));
    uint32_t covered[BINS] = {0}, least = UINT32_MAX, most = 0;
    size_t best = 0, tried = 0;
    if (g.count < 2 * PROSE_PAIRS || !(width > 20 * GUTTER_MIN_PT) || !isfinite(width))
        return false;
    project(g, b.x0, bin, covered);
    size_t first = (size_t)(width * EDGE_SHARE / bin);
    size_t last = (size_t)(width * (1 - EDGE_SHARE) / bin);
    for (size_t k = first; k < last; k++) {
        least = covered[k] < least ? covered[k] : least;
        most = covered[k] > most ? covered[k] : most;
    }
    for (uint32_t level = 0; level < LEVELS; level++) {
        uint32_t allowed = least + (uint32_t)((uint64_t)(most - least) * level / LEVEL_STEPS);
        for (size_t k = first, begin = first; k <= last; k++) {
            if (k < last && covered[k] <= allowed) continue;
            pdf_gutter at = {b.x0 + (float)begin * bin, b.x0 + (float)k * bin};
            begin = k + 1;
            if (at.right - at.left < GUTTER_MIN_PT || tried++ >= MAX_CANDIDATES) continue;
            size_t score = gutter_score(before, g, at);
            if (score > best) {
                best = score;
                *out = at;
            }
        }
    }
    return best > 0;
}

/* ---- cutting ------------------------------------------------------------------------------- */

static void cut_region(cutter *c, pdf_group g, int depth);

/* Rows of figures that run over both columns, and only happen to leave the gutter white. */
static bool is_table_across(cutter *c, pdf_group left, pdf_group right, pdf_gutter at) {
    size_t partners = 0, figures = 0, from = 0;
    if (find_prose(c, left, at.left, -1).pairs + find_prose(c, right, at.right, 1).pairs > 0)
        return false;
    for (size_t i = 0; i < right.count; i++) {
        const pdf_run *r = right.runs[i];
        while (from < left.count && left.runs[from]->at.y1 <= r->at.y0) from++;
        for (size_t k = from; k < left.count && k < from + NEIGHBOURS; k++)
            if (pdf_same_row(left.runs[k]->at, r->at)) {
                partners++;
                break;
            }
        figures += pdf_has_digit(r->text);
    }
    return partners > 1 && partners * 2 > right.count && figures * 2 >= right.count;
}

static void cut_band(cutter *c, pdf_group band, pdf_gutter at, int depth) {
    pdf_group left = pick(c, band, at, -1), right = pick(c, band, at, 1);
    if (left.count > 0 && right.count > 0 && is_table_across(c, left, right, at)) {
        cut_region(c, band, depth + 1);
        return;
    }
    cut_region(c, left, depth + 1);
    cut_region(c, right, depth + 1);
}

/* Marks what crosses the gutter, and what stands in one row with it: such a row is read whole. */
static bool *mark_across(cutter *c, pdf_group g, pdf_gutter at) {
    bool *across = arena_alloc(c->scratch, g.count + 1, sizeof *across);
    for (size_t i = 0; i < g.count; i++) {
        if (side(g.runs[i], at) != 0) continue;
        box row = g.runs[i]->at;
        across[i] = true;
        for (size_t k = i; k > 0 && i - k < NEIGHBOURS && g.runs[k - 1]->at.y1 > row.y0; k--)
            across[k - 1] |= pdf_same_row(row, g.runs[k - 1]->at);
        for (size_t k = i + 1; k < g.count && k - i < NEIGHBOURS && g.runs[k]->at.y0 < row.y1; k++)
            across[k] |= pdf_same_row(row, g.runs[k]->at);
    }
    return across;
}

/* How many runs at the region's upper edge are a running head: one row, with white below it. */
static size_t head_runs(pdf_group g) {
    box row = g.runs[0]->at;
    size_t count = 1;
    while (count < g.count && pdf_same_row(row, g.runs[count]->at)) count++;
    for (size_t i = count; i < g.count && i < count + NEIGHBOURS; i++)
        if (g.runs[i]->at.y0 < row.y1 + MARGIN_GAP * (row.y1 - row.y0)) return 0;
    return count < g.count ? count : 0;
}

/* The same at the lower edge. */
static size_t foot_runs(pdf_group g) {
    box row = g.runs[g.count - 1]->at;
    size_t count = 1;
    while (count < g.count && pdf_same_row(row, g.runs[g.count - 1 - count]->at)) count++;
    for (size_t i = count; i < g.count && i < count + NEIGHBOURS; i++)
        if (g.runs[g.count - 1 - i]->at.y1 > row.y0 - MARGIN_GAP * (row.y1 - row.y0)) return 0;
    return count < g.count ? count : 0;
}

static void cut_bands(cutter *c, pdf_group g, pdf_gutter at, int depth) {
    const bool *across = mark_across(c, g, at);
    for (size_t begin = 0, end; begin < g.count; begin = end) {
        for (end = begin + 1; end < g.count && across[end] == across[begin]; end++) continue;
        pdf_group band = {g.runs + begin, end - begin};
        if (across[begin])
            cut_region(c, band, depth + 1);
        else
            cut_band(c, band, at, depth);
    }
}

static void cut_region(cutter *c, pdf_group g, int depth) {
    pdf_gutter at;
    if (g.count == 0) return;
    pdf_sort_by_top(g);
    if (depth >= MAX_COLUMN_DEPTH || !find_gutter(c->gutters, g, &at)) {
        c->put(c->context, g);
        return;
    }
    remember(c->gutters, at);
    size_t head = depth == 0 ? head_runs(g) : 0, foot = depth == 0 ? foot_runs(g) : 0;
    pdf_group body = {g.runs + head, g.count - head - foot};
    if (head > 0) c->put(c->context, (pdf_group){g.runs, head});
    cut_bands(c, body, at, depth);
    if (foot > 0) c->put(c->context, (pdf_group){g.runs + g.count - foot, foot});
}

void pdf_cut_columns(pdf_group g, pdf_gutters *gutters, arena *scratch, pdf_group_fn *put,
                     void *context) {
    cutter c = {.scratch = scratch, .put = put, .context = context, .gutters = gutters};
    if (!pdf_is_spread(g)) {
        cut_region(&c, g, 0);
        return;
    }
    box b = pdf_bounds(g);
    pdf_gutter fold = {(b.x0 + b.x1) / 2, (b.x0 + b.x1) / 2};
    cut_region(&c, pick(&c, g, fold, -1), 0);
    cut_region(&c, pick(&c, g, fold, 1), 0);
}
