/* Finds tables among the rows of a column of text: by what stands under what, since few are ruled.
 * Lines across the page tell no more than where one ends (those with lines on all sides are
 * pdf_ruled.c's).
 *
 * Two rows of several cells belong together when cells stand under cells. From such a pair a table
 * grows down over the rows that go on with it, and over single cells between them (a group's name,
 * the rest of a label), and up over headings that are centred above. Then its columns are told
 * (pdf_head.c), and the lines of wrapped cells put back into their rows (pdf_join.c).
 *
 * Where a table is not seen its lines are read as prose, and where two lines of prose happen to
 * have gaps above one another they are read as rows: no text is lost either way.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/parse/pdf/pdf.h"

#define ALIGN_PT 4.0f     /* cells of one table column start (or end) this close */
#define OVER_CELLS 3      /* two cells above two others may be anything */
#define APART_EM 6.0f     /* rows of one table do not stand farther apart, */
#define SINGLES 4         /* with so many single cells between them, */
#define SINGLE_SHARE 0.6f /* each narrower than this share of the text's width */
#define HEAD_ROWS 5       /* lines above the first row that are taken for headings, */
#define GROUP_NAMES 3     /* "Assets", "Current assets:" may stand below them */
#define LARGER 1.15f      /* and in letters no larger than those below, by this */
#define TITLE_EM 4.0f     /* beginning no further left of the columns than this, */
#define TITLE_OFF_PT 2.0f /* and no farther from the table's middle than half of this, */
#define HEAD_BYTES 60     /* no longer than this, */
#define UNIT_BYTES 120    /* or this, where it says what all figures are, */
#define HEAD_EM 2.6f      /* and a step of no more than this above it */
#define ASIDE_EM 2.0f     /* so far may a heading stand beside its figures */
#define YEARS_APART 8     /* bytes between two years that are compared */
#define WIDE_GAP 1.5f     /* steps wider than this, of the others, may part two tables; */
#define WIDE_GAP_EM 1.8f  /* and no narrower than this */
#define FAR_GAP 2.5f      /* headings so many steps below, and so many ems, are another table's */
#define LINE_EM 0.8f      /* lower steps are those of shifted cells, not of lines */
#define LOOK_BACK 4       /* a row with few cells is held against so many above it */

/* ---- figures ------------------------------------------------------------------------------- */

static bool begins_year(str s) {
    bool digits = s.n >= 4 && (memcmp(s.p, "19", 2) == 0 || memcmp(s.p, "20", 2) == 0);
    for (size_t i = 2; digits && i < 4; i++) digits = s.p[i] >= '0' && s.p[i] <= '9';
    return digits;
}

/* "2021", also with the marks of its footnotes, "2021 (1)(2)", or another: "2021 vs. 2020". */
bool pdf_is_year(str s) {
    if (!begins_year(s)) return false;
    for (size_t i = 5; i < s.n && i <= 4 + YEARS_APART; i++) {
        if (begins_year(str_cut(s, i, s.n)) && i + 4 == s.n) return true;
        if (s.p[i] >= '0' && s.p[i] <= '9') break;
    }
    for (size_t i = 4; i < s.n; i++) {
        bool mark =
            strchr(" ()*", s.p[i]) || (s.p[i - 1] == '(' && i + 1 < s.n && s.p[i + 1] == ')');
        if (!mark) return false;
    }
    return true;
}

/* "31," is the rest of a date that is broken into lines. */
bool pdf_is_figure(str s) {
    size_t digits = 0, small = 0, other = 0;
    if (str_ends(s, STR(","))) return false;
    for (size_t i = 0, used; i < s.n; i += used) {
        uint32_t c = utf8_next(s.p + i, s.n - i, &used);
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0xC0;
        if (c >= 0x2000 && c <= 0x22FF) letter = false; /* dashes, signs of currency, minus */
        if (letter && digits == 0) return false;        /* "Q1" is no figure, "5 kg" is one */
        digits += c >= '0' && c <= '9';
        small += letter;
        other += !letter && (c < '0' || c > '9');
    }
    if (digits == 0) return other > 0 && small == 0 && s.n <= 4; /* a dash alone */
    return small <= 3;
}

bool pdf_has_figures(const pdf_row *r) {
    for (size_t i = 1; i < r->count; i++)
        if (pdf_is_figure(r->cells[i].text) && !pdf_is_year(r->cells[i].text)) return true;
    return false;
}

/* ---- what stands under what ---------------------------------------------------------------- */

/* Do two rows have an edge or a middle in common, behind their first cells? */
static bool aligned(const pdf_row *a, const pdf_row *b) {
    for (size_t i = 1; i < a->count; i++)
        for (size_t k = 1; k < b->count; k++) {
            box p = a->cells[i].at, q = b->cells[k].at;
            if (fabsf(p.x0 - q.x0) < ALIGN_PT || fabsf(p.x1 - q.x1) < ALIGN_PT ||
                fabsf(p.x0 + p.x1 - q.x0 - q.x1) < 2 * ALIGN_PT)
                return true;
        }
    return false;
}

/* Does each cell stand above its own one of the row below, and above no other? Centred heads over
 * cells that are flush left have no edge in common with them. */
static bool stands_above(const pdf_row *a, const pdf_row *b) {
    bool above = a->count == b->count && a->count >= OVER_CELLS;
    for (size_t i = 0; above && i < a->count; i++)
        above = pdf_stands_over(a->cells[i].at, b->cells[i].at) &&
                (i == 0 || (!pdf_stands_over(a->cells[i].at, b->cells[i - 1].at) &&
                            !pdf_stands_over(a->cells[i - 1].at, b->cells[i].at)));
    return above;
}

/* Does row b part each cell of a further, or leave it as it is? "2023 | 2022" under "Three months";
 * a label in front of b has nothing above it. A heading need not reach over all of its figures. */
static bool refines(const pdf_row *a, const pdf_row *b) {
    size_t from = pdf_stands_over(a->cells[0].at, b->cells[0].at) ? 0 : 1, under = 0;
    for (size_t k = from; k < b->count; k++) {
        size_t above = 0;
        for (size_t i = 0; i < a->count; i++)
            above += pdf_stands_over(a->cells[i].at, b->cells[k].at);
        if (above > 1) return false;
        under += above;
    }
    for (size_t i = 0; i < a->count; i++) {
        size_t below = 0;
        for (size_t k = from; k < b->count; k++)
            below += pdf_stands_over(a->cells[i].at, b->cells[k].at);
        if (below == 0) return false;
    }
    bool heads = a->at.y0 < b->at.y0 && !pdf_has_figures(a) && pdf_has_figures(b) &&
                 b->at.y0 - a->at.y0 < HEAD_EM * fmaxf(a->font_pt, 1);
    return under >= 2 && (heads || under + 1 >= b->count - from);
}

/* Headings flush left over figures flush right may share nothing with them: one for each, in their
 * order, and not far off; what the names are may stand in front. */
static bool heads_over(const pdf_row *a, const pdf_row *b) {
    float em = fmaxf(a->font_pt, 1);
    size_t from = a->count == b->count ? 1 : 0;
    if (a->count + 1 - from != b->count || a->count < 2 + from || a->at.y0 > b->at.y0 ||
        pdf_has_figures(a) || !pdf_has_figures(b) || b->at.y0 - a->at.y0 > HEAD_EM * em)
        return false;
    for (size_t i = from; i < a->count; i++) {
        box p = a->cells[i].at, q = b->cells[i + 1 - from].at;
        if (fmaxf(p.x0, q.x0) - fminf(p.x1, q.x1) > ASIDE_EM * em) return false;
    }
    return true;
}

/* Do the figures of row a each stand under or above one of b's own? So they do where some of its
 * columns are empty. */
static bool fits_in(const pdf_row *a, const pdf_row *b) {
    size_t last = 0, fitting = 0;
    if (a->count < 3 || a->count > b->count || !pdf_has_figures(a) || !pdf_has_figures(b))
        return false;
    for (size_t i = 1; i < a->count; i++) {
        size_t found = 0;
        for (size_t k = 1; k < b->count; k++)
            if (pdf_stands_over(a->cells[i].at, b->cells[k].at)) {
                fitting += k > last;
                last = k;
                found++;
            }
        if (found != 1) return false;
    }
    return fitting == a->count - 1;
}

static bool linked(const pdf_row *a, const pdf_row *b) {
    return aligned(a, b) || stands_above(a, b) || refines(a, b) || refines(b, a) ||
           heads_over(a, b) || fits_in(a, b) || fits_in(b, a);
}

/* ---- regions ------------------------------------------------------------------------------- */

static bool begins_with(const pdf_row *row, const pdf_row *r) {
    for (size_t i = 0; i < row->count; i++)
        if (fabsf(row->cells[i].at.x0 - r->at.x0) < ALIGN_PT) return true;
    return false;
}

/* A single cell that may stand between two rows of a table: no line of text, and below figures no
 * heading that is centred, since there the next table begins. A cell of `last`, the row with
 * several above, goes on here, or one of the row below begins. */
static bool may_stand_between(const pdf_row *last, const pdf_row *r, const pdf_row *next,
                              bool figures, box table, float width) {
    float em = fmaxf(r->font_pt, 1), step = r->at.y1 - (r - 1)->at.y1;
    bool rest = step > 0 && step <= PDF_SAME_CELL_EM * em && begins_with(r - 1, r);
    if (rest && r->at.x0 > table.x0 + 2 * em) return true; /* however long */
    if (r->at.x1 - r->at.x0 >= SINGLE_SHARE * width) return false;
    str s = r->cells[0].text;
    if (!figures || r->at.x0 < table.x0 + 3 * em || (pdf_is_figure(s) && !pdf_is_year(s)))
        return true;
    bool begin = next && next->count > 1 && next->at.y1 - r->at.y1 <= PDF_SAME_CELL_EM * em;
    return rest || (begin && begins_with(last, r) && begins_with(next, r));
}

/* Is row i linked to the last row, or where that has none of its columns, to one shortly above? */
static bool goes_on(const pdf_row *rows, size_t first, size_t last, size_t i) {
    for (size_t k = last + 1; k-- > first && last - k < LOOK_BACK;)
        if (rows[k].count > 1 && linked(&rows[k], &rows[i])) return true;
    return false;
}

/* The next line of a row: close below, each cell under the left edge of one of its cells. */
static bool is_below(const pdf_row *row, const pdf_row *r) {
    float step = r->at.y1 - row->at.y1;
    for (size_t i = 0; i < r->count; i++) {
        bool under = false;
        for (size_t k = 0; k < row->count; k++)
            under |= fabsf(row->cells[k].at.x0 - r->cells[i].at.x0) < ALIGN_PT;
        if (!under) return false;
    }
    return step > 0 && step <= PDF_SAME_CELL_EM * fmaxf(r->font_pt, 1);
}

/* What is known of a table while it is followed down the page. */
typedef struct {
    box at;
    float second;               /* where the columns behind the names begin */
    float least_step;           /* from row to row */
    float font_pt;              /* of its largest row */
    size_t last, most, singles; /* row with several cells; its cells, at most; rows behind it */
    bool figures;
} region;

/* Well below the row before, in a table whose rows are closer. */
static bool is_apart(const region *t, const pdf_row *r) {
    float step = r->at.y1 - (r - 1)->at.y1;
    return step > WIDE_GAP * t->least_step && step > WIDE_GAP_EM * fmaxf(r->font_pt, 1);
}

/* Farther than that: headings here are another table's. */
static bool is_far(const region *t, const pdf_row *r) {
    float step = r->at.y1 - (r - 1)->at.y1, em = fmaxf(r->font_pt, 1);
    return r->count >= OVER_CELLS && step > FAR_GAP * t->least_step && step > FAR_GAP * em;
}

static bool takes_single(region *t, const pdf_row *rows, size_t count, size_t i, float width) {
    const pdf_row *r = &rows[i], *next = i + 1 < count ? &rows[i + 1] : NULL;
    float em = fmaxf(r->font_pt, 1);
    bool across = r->at.x0 < t->at.x0 + 2 * em && r->at.x1 > t->second + em;
    bool title = t->figures && r->font_pt > LARGER * t->font_pt && is_apart(t, r);
    if (++t->singles > SINGLES || title || (across && is_apart(t, r))) return false;
    if (!may_stand_between(&rows[t->last], r, next, t->figures, t->at, width)) return false;
    float step = r->at.y1 - (r - 1)->at.y1;
    if (step > LINE_EM * em) t->least_step = fminf(t->least_step, step);
    return true;
}

static bool takes_row(region *t, const pdf_row *rows, size_t first, size_t i) {
    const pdf_row *r = &rows[i];
    float step = r->at.y1 - rows[t->last].at.y1;
    bool heads = !pdf_has_figures(r) && is_apart(t, r) && t->singles == 0;
    if (heads && (r->count > t->most || is_far(t, r))) return false;
    if (!goes_on(rows, first, t->last, i)) return false;
    if (t->singles == 0 && step > LINE_EM * r->font_pt) t->least_step = fminf(t->least_step, step);
    t->figures |= pdf_has_figures(r);
    t->second = fminf(t->second, r->cells[1].at.x0);
    pdf_widen(&t->at, r->at);
    t->font_pt = fmaxf(t->font_pt, r->font_pt);
    t->most = r->count > t->most ? r->count : t->most;
    t->last = i;
    t->singles = 0;
    return true;
}

/* The end of the table that begins at rows[first], first + 1 where there is none. */
static size_t table_end(const pdf_row *rows, size_t count, size_t first, float width) {
    region t = {.at = rows[first].at,
                .second = rows[first].cells[1].at.x0,
                .least_step = INFINITY,
                .font_pt = rows[first].font_pt,
                .last = first,
                .most = rows[first].count,
                .figures = pdf_has_figures(&rows[first])};
    for (size_t i = first + 1; i < count; i++) {
        float em = fmaxf(rows[i].font_pt, 1);
        if (rows[i].at.y0 - rows[t.last].at.y0 > APART_EM * em * (float)(t.singles + 1)) break;
        if (rows[i].count == 1 ? !takes_single(&t, rows, count, i, width)
                               : !takes_row(&t, rows, first, i))
            break;
    }
    /* headings at its end are those of the next table */
    while (t.figures && t.last > first && !pdf_has_figures(&rows[t.last]) &&
           rows[t.last].at.x0 > t.at.x0 + 3 * fmaxf(rows[t.last].font_pt, 1) &&
           !is_below(&rows[t.last - 1], &rows[t.last]))
        t.last--;
    return t.last + 1;
}

/* Where the columns behind the names begin. */
static float second_left(const pdf_row *rows, size_t count, float left) {
    float second = INFINITY;
    for (size_t i = 0; i < count; i++) {
        const pdf_row *r = &rows[i];
        bool named = !pdf_is_figure(r->cells[0].text) &&
                     (pdf_has_figures(r) || r->at.x0 < left + 3 * fmaxf(r->font_pt, 1));
        if (r->count > 1) second = fminf(second, r->cells[named ? 1 : 0].at.x0);
    }
    return second;
}

/* "(in thousands, except per share)" */
static bool is_unit(const pdf_row *r) {
    str s = r->cells[0].text;
    return r->count == 1 && str_starts(s, STR("(")) && str_ends(s, STR(")"));
}

/* A title stands in the middle of the whole table, and not in that of its columns; a date there
 * heads them all the same, and where the columns are two, anything may. */
static bool is_title(const pdf_row *r, float left, float second, float right) {
    float at = r->at.x0 + r->at.x1;
    return r->count == 1 && !is_unit(r) && !pdf_has_digit(r->cells[0].text) &&
           fabsf(at - left - right) < TITLE_OFF_PT && fabsf(at - second - right) > 2 * ALIGN_PT;
}

/* Does each of the row's cells stand over the columns behind the names? A title that is wider
 * begins on the left of them. */
static bool over_columns(const pdf_row *r, float left, float second, float right) {
    float em = fmaxf(r->font_pt, 1);
    for (size_t i = 0; i < r->count; i++) {
        box b = r->cells[i].at;
        if (r->cells[i].text.n > (is_unit(r) ? UNIT_BYTES : HEAD_BYTES) || b.x0 < left + 2 * em ||
            b.x1 > right + 3 * em || (b.x0 + b.x1) / 2 < second - em ||
            b.x0 < second - TITLE_EM * em)
            return false;
    }
    return r->rightward && !(r->count > 1 && pdf_has_figures(r));
}

/* A short line at the left, close above the next one. */
static bool names_group(const pdf_row *rows, size_t i, float left, float second) {
    const pdf_row *r = &rows[i];
    float em = fmaxf(r->font_pt, 1);
    size_t most = str_ends(r->cells[0].text, STR(":")) ? UNIT_BYTES : HEAD_BYTES;
    return r->count == 1 && r->cells[0].text.n <= most && r->at.x0 < left + 2 * em &&
           r->at.x1 < second && rows[i + 1].at.y0 - r->at.y0 <= HEAD_EM * em;
}

/* Does the line go on with a cell of the row above it, or with a paragraph? */
static bool is_rest_of(const pdf_row *above, const pdf_row *r, float left, float second,
                       float right) {
    float step = r->at.y1 - above->at.y1;
    return r->count == 1 && step > 0 && step <= PDF_SAME_CELL_EM * fmaxf(r->font_pt, 1) &&
           begins_with(above, r) && (above->count > 1 || !over_columns(above, left, second, right));
}

/* Lines above the first row that stand over its columns: headings. */
static size_t with_heads(const pdf_row *rows, size_t floor, size_t first, size_t end) {
    float left = rows[first].at.x0, right = rows[first].at.x1, font_pt = 0;
    size_t most = 0;
    for (size_t i = first; i < end; i++) {
        font_pt = fmaxf(font_pt, rows[i].font_pt);
        left = fminf(left, rows[i].at.x0);
        right = fmaxf(right, rows[i].at.x1);
        most = rows[i].count > most ? rows[i].count : most;
    }
    float second = second_left(rows + first, end - first, left);
    size_t names = first; /* of groups stand between the headings and the first row */
    while (names > floor && first - names < GROUP_NAMES &&
           names_group(rows, names - 1, left, second))
        names--;
    size_t begin = names;
    while (begin > floor && names - begin < HEAD_ROWS) {
        const pdf_row *above = &rows[begin - 1];
        if (rows[begin].at.y0 - above->at.y0 > HEAD_EM * fmaxf(above->font_pt, 1) ||
            above->font_pt > LARGER * font_pt ||
            (most >= OVER_CELLS && is_title(above, left, second, right)) ||
            !over_columns(above, left, second, right) ||
            (begin > 1 && is_rest_of(above - 1, above, left, second, right)))
            break;
        begin--;
    }
    return begin == names ? first : begin;
}

/* ---- tables -------------------------------------------------------------------------------- */

/* Rows below the last one that stand above the line which closes the table. */
static size_t with_closed(const pdf_row *rows, size_t count, size_t begin, size_t end,
                          const pdf_rules *rules) {
    box table = rows[begin].at;
    for (size_t i = begin + 1; i < end; i++) pdf_widen(&table, rows[i].at);
    size_t lines = pdf_rules_above(rules, table, rows[end - 1].at.y1), more = end;
    while (more < count && more - end < SINGLES && rows[more].count == 1 &&
           rows[more].at.y1 - rows[more - 1].at.y1 <=
               PDF_SAME_CELL_EM * fmaxf(rows[more].font_pt, 1) &&
           rows[more].at.x1 < table.x1 && pdf_rules_above(rules, table, rows[more].at.y0) == lines)
        more++;
    float below = more > end ? rows[more - 1].at.y1 : 0;
    float next = more < count ? rows[more].at.y0 : INFINITY;
    bool closed = more > end && lines >= PDF_LEAST_BANDS &&
                  pdf_rules_above(rules, table, next) > lines &&
                  pdf_rules_above(rules, table,
                                  below + PDF_RULE_OFF_PT + fmaxf(rows[end].font_pt, 1)) > lines;
    return closed ? more : end;
}

/* The rest of a label below the last row, and of its other cells. */
static size_t with_tail(const pdf_row *rows, size_t count, size_t end) {
    const pdf_row *r = &rows[end - 1];
    while (end < count && rows[end].count == 1 && rows[end].table == 0) {
        const pdf_row *next = &rows[end];
        float em = fmaxf(next->font_pt, 1), step = next->at.y1 - rows[end - 1].at.y1;
        bool label = fabsf(next->at.x0 - r->at.x0) < 2 * em &&
                     next->at.x1 <= r->cells[0].at.x1 + em && pdf_starts_small(next->cells[0].text);
        bool cell = begins_with(r, next) && next->at.x0 > r->at.x0 + 2 * em;
        if (step > PDF_SAME_CELL_EM * em || step <= 0 || next->bold != r->bold || (!label && !cell))
            break;
        end++;
    }
    return end;
}

void pdf_find_tables(pdf_row *rows, size_t count, float left, float right, const pdf_rules *rules,
                     arena *a) {
    uint32_t tables = 0;
    size_t floor = 0; /* behind the last table */
    pdf_part_rows(rows, count, a);
    for (size_t i = 0; i < count;) {
        size_t end = rows[i].count > 1 ? table_end(rows, count, i, right - left) : i + 1;
        if (end == i + 1) {
            i++;
            continue;
        }
        size_t begin = with_heads(rows, floor, i, end);
        end = with_tail(rows, count, end);
        if (rules && rules->across.count > 0) end = with_closed(rows, count, begin, end, rules);
        tables++;
        for (size_t k = begin; k < end; k++) rows[k].table = tables;
        pdf_find_columns(rows + begin, end - begin, rules, a);
        pdf_join_lines(rows + begin, end - begin, rules, a);
        i = floor = end;
    }
}
