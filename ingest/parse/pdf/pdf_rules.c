/* Collects the straight lines that a page draws, and puts together what belongs together.
 *
 * Programs draw one line of a table in many ways: as a stroke, as a thin bar that is filled, as an
 * edge of a box around each cell, in a piece for every cell, in dots. All of them are lines here:
 * pieces at one height that touch, or nearly, become one. Colours and widths are not looked at,
 * since a white line on a grey ground parts cells as well. It knows nothing of text.
 */
#include "ingest/parse/pdf/pdf_rules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/parse/pdf/pdf.h"

#define PAGE_LINES 20000u /* the fullest tables have some thousand pieces; more are a drawing */
#define THIN_PT 2.6f      /* a bar as thin as this is a line */
#define LEVEL_PT 0.8f     /* a line that rises no more is level */
#define SNAP_PT 2.6f  /* lines so near to each other are one: double rules, boxes side by side */
#define JOIN_PT 3.2f  /* pieces of one line are no farther apart */
#define ACROSS 0.6f   /* of a table's width that a line across it runs over */
#define SHORT_PT 4.0f /* shorter lines are marks, serifs, dashes left over */

/* A piece of the open path: a line, or a rectangle, which a stroke gives four edges. */
struct pdf_rule_path {
    box at;
    bool is_box;
};

static void put_piece(pdf_rules *r, box at, bool is_box, arena *a) {
    if (r->path_count == r->path_room) {
        if (r->path_room >= PAGE_LINES) {
            r->too_many = true;
            return;
        }
        r->path_room = r->path_room ? 2 * r->path_room : 64;
        pdf_rule_path *more = arena_alloc(a, r->path_room, sizeof *more);
        if (r->path_count > 0) memcpy(more, r->path, r->path_count * sizeof *more);
        r->path = more;
    }
    r->path[r->path_count++] = (pdf_rule_path){at, is_box};
}

void pdf_rules_add_part(pdf_rules *r, const float *x, const float *y, size_t count, arena *a) {
    if (count < 2 || r->too_many) return;
    box b = pdf_box_of(x, y, count);
    bool straight = pdf_is_rectangle(x, y, count, b);
    if (straight) put_piece(r, b, true, a);
    for (size_t i = 1; !straight && i < count; i++)
        put_piece(r, pdf_box_of(x + i - 1, y + i - 1, 2), false, a);
}

void pdf_rules_add_box(pdf_rules *r, box b, arena *a) {
    if (!r->too_many) put_piece(r, b, true, a);
}

/* Keeps a line: a box that is flat or narrow. */
static void put_line(pdf_rules *r, box b, box clip, arena *a) {
    b = pdf_common_box(b, clip);
    if (!(b.x0 <= b.x1 && b.y0 <= b.y1)) return;
    if (r->painted_count == r->painted_room) {
        if (r->painted_room >= PAGE_LINES) {
            r->too_many = true;
            return;
        }
        r->painted_room = r->painted_room ? 2 * r->painted_room : 64;
        box *more = arena_alloc(a, r->painted_room, sizeof *more);
        if (r->painted_count > 0) memcpy(more, r->painted, r->painted_count * sizeof *more);
        r->painted = more;
    }
    r->painted[r->painted_count++] = b;
}

void pdf_rules_end_path(pdf_rules *r, bool fills, bool strokes, box clip, arena *a) {
    for (size_t i = 0; i < r->path_count && !r->too_many && (fills || strokes); i++) {
        box b = r->path[i].at;
        float wide = b.x1 - b.x0, high = b.y1 - b.y0, thin = fminf(wide, high);
        if (!r->path[i].is_box) {
            if (strokes && thin <= LEVEL_PT) put_line(r, b, clip, a);
        } else if (thin <= THIN_PT) {
            put_line(r, b, clip, a);
        } else if (strokes) {
            put_line(r, (box){b.x0, b.y0, b.x1, b.y0}, clip, a);
            put_line(r, (box){b.x0, b.y1, b.x1, b.y1}, clip, a);
            put_line(r, (box){b.x0, b.y0, b.x0, b.y1}, clip, a);
            put_line(r, (box){b.x1, b.y0, b.x1, b.y1}, clip, a);
        }
    }
    r->path_count = 0;
}

/* ---- one line of its pieces ---------------------------------------------------------------- */

static int by_place(const void *pa, const void *pb) {
    const pdf_rule *a = pa, *b = pb;
    if (a->at != b->at) return a->at < b->at ? -1 : 1;
    return a->from < b->from ? -1 : a->from > b->from;
}

static int by_from(const void *pa, const void *pb) {
    const pdf_rule *a = pa, *b = pb;
    return a->from < b->from ? -1 : a->from > b->from;
}

/* Joins the pieces of one height, which become the last of `out`. */
static void join_pieces(pdf_rule *v, size_t count, pdf_rule_set *out) {
    float sum = 0;
    size_t first = out->count;
    qsort(v, count, sizeof *v, by_from);
    for (size_t i = 0; i < count; i++) sum += v[i].at;
    for (size_t i = 0; i < count; i++) {
        pdf_rule *last = out->count > first ? &out->list[out->count - 1] : NULL;
        if (last && v[i].from <= last->to + JOIN_PT)
            last->to = fmaxf(last->to, v[i].to);
        else
            out->list[out->count++] = v[i];
    }
    size_t kept = first;
    for (size_t i = first; i < out->count; i++) {
        if (out->list[i].to - out->list[i].from < SHORT_PT) continue;
        out->list[kept] = out->list[i];
        out->list[kept++].at = sum / (float)count;
    }
    out->count = kept;
}

static void join_lines(pdf_rule_set *s) {
    pdf_rule_set out = {s->list, 0};
    qsort(s->list, s->count, sizeof *s->list, by_place);
    for (size_t i = 0, end; i < s->count; i = end) {
        for (end = i + 1; end < s->count && s->list[end].at - s->list[i].at <= SNAP_PT;) end++;
        join_pieces(s->list + i, end - i, &out);
    }
    *s = out;
}

void pdf_rules_finish(pdf_rules *r, arena *a) {
    if (r->too_many || r->painted_count == 0) return;
    r->across.list = arena_alloc(a, r->painted_count, sizeof(pdf_rule));
    r->down.list = arena_alloc(a, r->painted_count, sizeof(pdf_rule));
    for (size_t i = 0; i < r->painted_count; i++) {
        box b = r->painted[i];
        if (b.x1 - b.x0 >= b.y1 - b.y0)
            r->across.list[r->across.count++] = (pdf_rule){(b.y0 + b.y1) / 2, b.x0, b.x1};
        else
            r->down.list[r->down.count++] = (pdf_rule){(b.x0 + b.x1) / 2, b.y0, b.y1};
    }
    join_lines(&r->across);
    join_lines(&r->down);
}

/* ---- asked by others ------------------------------------------------------------------------ */

bool pdf_rules_part(const pdf_rules *r, box left, box right) {
    size_t low = 0, high = r->down.count;
    float from = (left.x0 + left.x1) / 2, to = (right.x0 + right.x1) / 2;
    float y = (right.y0 + right.y1) / 2;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->down.list[middle].at < from)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < r->down.count && r->down.list[low].at <= to; low++)
        if (r->down.list[low].from < y && r->down.list[low].to > y) return true;
    return false;
}

size_t pdf_rules_above(const pdf_rules *r, box table, float y) {
    size_t n = 0;
    for (size_t i = 0; i < r->across.count && r->across.list[i].at < y; i++) {
        const pdf_rule *l = &r->across.list[i];
        n += l->at > table.y0 - PDF_RULE_OFF_PT &&
             fminf(l->to, table.x1) - fmaxf(l->from, table.x0) > ACROSS * (table.x1 - table.x0);
    }
    return n;
}

static void turn_set(const pdf_rule_set *s, bool across, unsigned quarters, pdf_rules *out,
                     arena *a) {
    for (size_t i = 0; i < s->count; i++) {
        const pdf_rule *l = &s->list[i];
        box b = across ? (box){l->from, l->at, l->to, l->at} : (box){l->at, l->from, l->at, l->to};
        put_line(out, pdf_turned(b, quarters), (box){-INFINITY, -INFINITY, INFINITY, INFINITY}, a);
    }
}

pdf_rules pdf_rules_turned(const pdf_rules *r, unsigned quarters, arena *a) {
    pdf_rules out = {0};
    turn_set(&r->across, true, quarters, &out, a);
    turn_set(&r->down, false, quarters, &out, a);
    pdf_rules_finish(&out, a);
    return out;
}
