/* Remembers what was painted on a page, in order, and which texts stand below it.
 *
 * Two questions are asked for every text and every area: what colour is behind this point, and what
 * was drawn here before. The page is cut into strips across it, and each knows what touches it, so
 * that not everything is compared with everything; comparisons are counted all the same, since a
 * page may paint one strip thousands of times. What lies beyond a limit is not known, and said so:
 * a page that is not `whole`, a colour that is not `known`. It knows nothing of operators and
 * graphics states.
 */
#include <math.h>

#include "ingest/parse/pdf/pdf_painted.h"

#define PAGE_FILLS 20000u   /* areas with a colour; more are a map or a picture in pieces */
#define PAGE_TESTS 4000000u /* of a point against a box: some 10 ms */
#define STRIPS 64           /* a line of text touches one or two */

typedef struct {
    box at;
    pdf_colour colour;
} fill;

/* What touches a strip of the page, by number. */
typedef struct {
    uint32_t *list;
    size_t count, room;
} strip;

/* The colour that text would stand on, at the height y between left and right, as long as there are
 * so many fills. */
typedef struct {
    float y, left, right;
    size_t fills;
    pdf_colour colour;
} backdrop;

struct pdf_painted {
    pdf_drawing *out;
    float height_pt;
    fill *fills;
    size_t fill_count, fill_room;
    strip fill_strips[STRIPS], show_strips[STRIPS];
    backdrop behind;
    size_t tests;
};

pdf_painted *pdf_painted_new(pdf_drawing *out, float height_pt) {
    pdf_painted *p = mem_new(1, sizeof *p);
    p->out = out;
    p->height_pt = height_pt > 1 ? height_pt : 1;
    return p;
}

void pdf_painted_free(pdf_painted *p) {
    if (!p) return;
    for (size_t i = 0; i < STRIPS; i++) {
        mem_free(p->fill_strips[i].list);
        mem_free(p->show_strips[i].list);
    }
    mem_free(p->fills);
    mem_free(p);
}

/* ---- strips -------------------------------------------------------------------------------- */

static size_t strip_of(const pdf_painted *p, float y) {
    float t = STRIPS * y / p->height_pt;
    return t > 0 ? t < STRIPS - 1 ? (size_t)t : STRIPS - 1 : 0;
}

static void put_strip(strip *s, size_t number) {
    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : 16;
        s->list = mem_grow(s->list, s->room, sizeof *s->list);
    }
    s->list[s->count++] = (uint32_t)number;
}

/* ---- colours ------------------------------------------------------------------------------- */

/* The words of a line ask for point after point beside one another, so it is kept how far to the
 * left and right the answer holds. */
pdf_colour pdf_painted_at(pdf_painted *p, float x, float y) {
    backdrop *b = &p->behind;
    if (b->y == y && b->fills == p->fill_count && x > b->left && x < b->right) return b->colour;
    const strip *s = &p->fill_strips[strip_of(p, y)];
    *b = (backdrop){y, -INFINITY, INFINITY, p->fill_count, {1, 1, 1, true}};
    for (size_t i = s->count; i > 0; i--) {
        const fill *f = &p->fills[s->list[i - 1]];
        if (++p->tests > PAGE_TESTS) {
            b->right = -INFINITY; /* holds nowhere */
            return (pdf_colour){0};
        }
        if (y < f->at.y0 || y > f->at.y1) continue;
        if (x < f->at.x0) {
            if (f->at.x0 < b->right) b->right = f->at.x0;
        } else if (x > f->at.x1) {
            if (f->at.x1 > b->left) b->left = f->at.x1;
        } else {
            if (f->at.x0 > b->left) b->left = f->at.x0;
            if (f->at.x1 < b->right) b->right = f->at.x1;
            b->colour = f->colour;
            break;
        }
    }
    return b->colour;
}

/* ---- texts --------------------------------------------------------------------------------- */

float pdf_painted_middle(const pdf_show *s) {
    return s->level ? -0.3f * s->size_pt : 0;
}

void pdf_painted_put_show(pdf_painted *p, const pdf_show *s) {
    float up = pdf_painted_middle(s);
    size_t first = strip_of(p, s->y + up), middle = strip_of(p, (s->y + s->end_y) / 2 + up);
    put_strip(&p->show_strips[first], p->out->count);
    if (middle != first) put_strip(&p->show_strips[middle], p->out->count);
}

static bool holds(box b, float x, float y) {
    return x >= b.x0 && x <= b.x1 && y >= b.y0 && y <= b.y1;
}

static bool lies_over(box b, const pdf_show *s) {
    float up = pdf_painted_middle(s);
    return holds(b, s->x, s->y + up) || holds(b, (s->x + s->end_x) / 2, (s->y + s->end_y) / 2 + up);
}

static void cover_show(pdf_painted *p, pdf_show *s, box b, bool exact) {
    if (s->hiding != PDF_SEEN && s->hiding != PDF_COLOUR && s->hiding != PDF_COVERED) return;
    if (!lies_over(b, s)) return;
    p->out->suspects += s->hiding == PDF_SEEN ? s->characters : 0;
    s->hiding = PDF_COVERED;
    if (s->exact) return;
    s->exact = exact;
    s->by = b;
}

static void cover(pdf_painted *p, box b, bool exact) {
    for (size_t k = strip_of(p, b.y0); k <= strip_of(p, b.y1); k++) {
        const strip *near = &p->show_strips[k];
        for (size_t i = 0; i < near->count; i++) {
            if (++p->tests > PAGE_TESTS) {
                p->out->whole = false;
                return;
            }
            cover_show(p, &p->out->shows[near->list[i]], b, exact);
        }
    }
}

void pdf_painted_put(pdf_painted *p, box b, pdf_colour colour, bool covers) {
    if (covers) cover(p, b, colour.known);
    if (p->fill_count == p->fill_room) {
        if (p->fill_room >= PAGE_FILLS) {
            p->out->whole = false;
            p->out->heavy = true;
            return;
        }
        p->fill_room = p->fill_room ? p->fill_room * 2 : 64;
        p->fills = mem_grow(p->fills, p->fill_room, sizeof *p->fills);
    }
    for (size_t k = strip_of(p, b.y0); k <= strip_of(p, b.y1); k++)
        put_strip(&p->fill_strips[k], p->fill_count);
    p->fills[p->fill_count++] = (fill){b, colour};
}
