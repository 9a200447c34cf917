/* Do two groups of runs, side by side, go down the page independently of one another?
 *
 * The rows of a table are one row across all its columns: wherever the column with fewer rows is
 * white, a straight cut passes through the other, too. Two columns of text mostly have their lines
 * at heights of their own, and a cut through white on one side meets letters on the other. That
 * holds for ragged text and lists, which have no usual width to tell them by. But the cells of a
 * table may be wrapped, and their lines stand where they like: so text must be dense on both sides.
 * Notes at the side of running text are known by their smaller letters, and by where they begin.
 *
 * Columns set on one grid of lines look like a table here; pdf_column.c knows those by their
 * running text. Two pages of a book on one sheet are known by their numbers at the outer edges.
 */
#include <math.h>

#include "ingest/parse/pdf/pdf.h"

#define APART_SHARE 0.7f   /* of the cuts through the side with fewer, so many meet letters: no */
#define CORE 0.12f         /* of a line's height at its top and bottom that may touch the next */
#define CUT_SHARE 0.2f     /* a cut passes where both sides have this much white, of a line */
#define NUMBER_DIGITS 4    /* of a page number, at most */
#define SPREAD_EDGE 0.02f  /* page numbers of two pages stand this near to the outer edges */
#define LINE_BYTES 20      /* a line of text has so many, half of them at least */
#define DENSE_BANDS 8      /* dense text has so many lines, */
#define DENSE_SHARE 0.6f   /* and covers this much of its height */
#define OTHER_FONT_PT 0.7f /* notes at the side are set smaller than the text, by this */
#define NOTE_BYTES 10      /* and have so many in a line, on average */
#define NOTE_WHITE 0.6f    /* above the first line of a note, of its height */
#define NOTE_FULL 0.8f
#define NOTE_LEADING 0.7f /* white between two lines of the text, of their height */
#define FONT_RUNS 200     /* looked at for the usual size */

typedef struct {
    float top, bottom;
} band;

/* The heights that runs of g cover between `top` and `bottom`; g is sorted by height. */
static size_t find_bands(pdf_group g, float top, float bottom, band *out) {
    size_t n = 0;
    for (size_t i = 0; i < g.count; i++) {
        box b = g.runs[i]->at;
        float core = CORE * (b.y1 - b.y0);
        band x = {b.y0 + core, b.y1 - core};
        if (x.bottom < top || x.top > bottom) continue;
        /* sorted by their middles, a tall run may begin above the last one */
        while (n > 0 && out[n - 1].top > x.top && out[n - 1].top <= x.bottom) {
            x.bottom = fmaxf(x.bottom, out[n - 1].bottom);
            n--;
        }
        if (n > 0 && x.top <= out[n - 1].bottom)
            out[n - 1].bottom = fmaxf(out[n - 1].bottom, x.bottom);
        else
            out[n++] = x;
    }
    return n;
}

/* How many stretches of white in `a` have white in `b` beside them, enough for a cut. */
static size_t common_cuts(const band *a, size_t na, const band *b, size_t nb) {
    size_t common = 0, k = 0;
    for (size_t i = 1; i < na; i++) {
        float from = a[i - 1].bottom, to = a[i].top, widest = 0;
        float wanted = CUT_SHARE * (a[i].bottom - a[i].top);
        while (k < nb && b[k].bottom < from) k++;
        /* the white above b[k], between it and the next ones, below the last */
        for (size_t n = k; n <= nb && (n == k || b[n - 1].bottom < to); n++) {
            float top = n > 0 ? fmaxf(from, b[n - 1].bottom) : from;
            widest = fmaxf(widest, (n < nb ? fminf(to, b[n].top) : to) - top);
        }
        common += widest >= wanted;
    }
    return common;
}

/* Lines of text, one below the other with little white between them: cells of a table are shorter,
 * or wait for the longest of their row. */
static bool is_dense(pdf_group g, const band *bands, size_t count) {
    size_t lengthy = 0, figures = 0;
    float covered = 0;
    for (size_t i = 0; i < g.count; i++) {
        lengthy += g.runs[i]->text.n >= LINE_BYTES;
        figures += pdf_is_figure(g.runs[i]->text);
    }
    for (size_t i = 0; i < count; i++) covered += bands[i].bottom - bands[i].top;
    return count >= DENSE_BANDS && lengthy * 2 >= g.count && figures * 20 <= g.count &&
           covered >= DENSE_SHARE * (1 - 2 * CORE) * (bands[count - 1].bottom - bands[0].top);
}

static bool is_text(pdf_group g) {
    size_t bytes = 0;
    for (size_t i = 0; i < g.count; i++) bytes += g.runs[i]->text.n;
    return bytes >= NOTE_BYTES * g.count;
}

/* The font size of most of the text. */
static float usual_font(pdf_group g) {
    size_t best = 0, bytes = 0;
    float font_pt = 0;
    for (size_t i = 0; i < g.count && i < FONT_RUNS; i++) {
        bytes = 0;
        for (size_t k = 0; k < g.count && k < FONT_RUNS; k++)
            if (fabsf(g.runs[k]->font_pt - g.runs[i]->font_pt) < OTHER_FONT_PT / 2)
                bytes += g.runs[k]->text.n;
        if (bytes > best) {
            best = bytes;
            font_pt = g.runs[i]->font_pt;
        }
    }
    return font_pt;
}

/* Are these notes on the text beside them, set smaller? A note begins wherever the word stands
 * that it is about, which is mostly in the middle of a paragraph; the cells of a row begin
 * together. */
static bool are_notes(pdf_group notes, pdf_group body) {
    size_t starts = 0, inside = 0, k = 0;
    float usual = 0;
    if (!is_text(notes) || usual_font(body) - usual_font(notes) < OTHER_FONT_PT) return false;
    for (size_t i = 0; i < body.count; i++)
        usual = fmaxf(usual, body.runs[i]->at.x1 - body.runs[i]->at.x0);
    for (size_t i = 0; i < notes.count; i++) {
        box n = notes.runs[i]->at;
        if (i > 0 && n.y0 - notes.runs[i - 1]->at.y1 < NOTE_WHITE * (n.y1 - n.y0)) continue;
        while (k < body.count && body.runs[k]->at.y1 < (n.y0 + n.y1) / 2) k++;
        if (k == 0 || k == body.count) continue; /* above or below the text */
        box above = body.runs[k - 1]->at, beside = body.runs[k]->at;
        starts++;
        inside += above.x1 - above.x0 >= NOTE_FULL * usual &&
                  beside.y0 - above.y1 < NOTE_LEADING * (above.y1 - above.y0);
    }
    return starts > 0 && inside * 3 >= starts * 2;
}

size_t pdf_lines_apart(pdf_group left, pdf_group right, int running, arena *scratch) {
    if (left.count == 0 || right.count == 0) return 0;
    if (running < 0 ? are_notes(right, left) : running > 0 && are_notes(left, right))
        return left.count < right.count ? left.count : right.count;
    if (left.count < DENSE_BANDS || right.count < DENSE_BANDS) return 0;
    box l = pdf_bounds(left), r = pdf_bounds(right);
    float top = fmaxf(l.y0, r.y0), bottom = fminf(l.y1, r.y1);
    band *a = arena_alloc(scratch, left.count, sizeof *a);
    band *b = arena_alloc(scratch, right.count, sizeof *b);
    size_t na = find_bands(left, top, bottom, a), nb = find_bands(right, top, bottom, b);
    if (na < DENSE_BANDS || nb < DENSE_BANDS) return 0;
    size_t fewer = na < nb ? na : nb;
    size_t common = na < nb ? common_cuts(a, na, b, nb) : common_cuts(b, nb, a, na);
    if ((float)common > APART_SHARE * (float)(fewer - 1)) return 0;
    return is_dense(left, a, na) && is_dense(right, b, nb) ? fewer : 0;
}

/* ---- two pages side by side ---------------------------------------------------------------- */

/* A page number alone; 0 for anything else. */
static int number_of(const pdf_run *r) {
    int value = 0;
    for (size_t i = 0; i < r->text.n; i++) {
        if (r->text.p[i] < '0' || r->text.p[i] > '9' || i >= NUMBER_DIGITS) return 0;
        value = 10 * value + (r->text.p[i] - '0');
    }
    return value;
}

bool pdf_is_spread(pdf_group g) {
    box b = pdf_bounds(g);
    float middle = (b.x0 + b.x1) / 2, edge = SPREAD_EDGE * (b.x1 - b.x0);
    if (b.x1 - b.x0 < b.y1 - b.y0) return false;
    for (size_t i = 0; i < g.count; i++)
        if (g.runs[i]->at.x0 < middle && g.runs[i]->at.x1 > middle) return false;
    for (size_t i = 0; i < g.count; i++) {
        int number = g.runs[i]->at.x0 < b.x0 + edge ? number_of(g.runs[i]) : 0;
        for (size_t k = 0; number > 0 && k < g.count; k++)
            if (g.runs[k]->at.x1 > b.x1 - edge && number_of(g.runs[k]) == number + 1 &&
                pdf_same_row(g.runs[i]->at, g.runs[k]->at))
                return true;
    }
    return false;
}
