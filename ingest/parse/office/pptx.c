/* PPTX: a presentation becomes one page for each slide.
 *
 * Owns the order: slides as the presentation lists them, and the shapes of a slide. The file keeps
 * shapes in the order in which they lie on each other, which is mostly that of reading, and is kept
 * where it is: where a shape stands wholly above one before it, or the title is not first, they are
 * read by their places instead. A slide that is hidden in the show is left out and says so, as a
 * hidden sheet is.
 */
#include "ingest/parse/office/pptx.h"

#include <stdlib.h>
#include <string.h>

/* Each shape that is read by its place is a walk over its slide. */
#define SORTED_MAX 200
/* Shapes whose tops differ by less stand beside each other: a quarter of an inch. */
#define ROW_EMU 228600

typedef struct {
    size_t at;
    bool title;
    long row, x;
} place;

/* ---- the order of shapes ------------------------------------------------------------------- */

static bool is_title(const pptx_shape *s) {
    return str_eq(s->type, STR("title")) || str_eq(s->type, STR("ctrTitle"));
}

/* A placeholder that does not say where it is stands where its layout puts it. */
static void place_by_layout(const pptx *x, pptx_shapes *shapes) {
    for (size_t i = 0; i < shapes->count; i++) {
        pptx_shape *s = &shapes->items[i];
        for (size_t k = 0; k < x->layout.count && s->placeholder && !s->placed; k++) {
            const pptx_shape *l = &x->layout.items[k];
            bool same = s->index.n > 0 ? str_eq(s->index, l->index)
                        : is_title(s)  ? is_title(l)
                                       : str_eq(s->type, l->type);
            if (!l->placeholder || !l->placed || !same) continue;
            s->placed = true;
            s->ground = s->ground || l->ground;
            s->x = l->x, s->y = l->y;
            s->width = l->width, s->height = l->height;
        }
    }
}

static bool overlaps(const pptx_shape *a, const pptx_shape *b) {
    return a->x < b->x + b->width && b->x < a->x + a->width;
}

/* The order of the file is not that of reading. */
static bool is_odd(const pptx_shapes *shapes) {
    for (size_t i = 1; i < shapes->count; i++) {
        const pptx_shape *s = &shapes->items[i];
        if (is_title(s)) return true;
        for (size_t k = 0; k < i; k++) {
            const pptx_shape *before = &shapes->items[k];
            if (s->placed && before->placed && s->height > 0 && s->y + s->height <= before->y &&
                overlaps(s, before))
                return true;
        }
    }
    return false;
}

static int compare_places(const void *a, const void *b) {
    const place *p = a, *q = b;
    if (p->title != q->title) return p->title ? -1 : 1;
    if (p->row != q->row) return p->row < q->row ? -1 : 1;
    if (p->x != q->x) return p->x < q->x ? -1 : 1;
    return p->at < q->at ? -1 : p->at > q->at;
}

static int compare_tops(const void *a, const void *b) {
    const place *p = a, *q = b;
    if (p->row != q->row) return p->row < q->row ? -1 : 1;
    return p->at < q->at ? -1 : p->at > q->at;
}

/* Tops close to each other are one row. */
static void make_rows(place *places, size_t count) {
    long top = 0, row = -1;
    qsort(places, count, sizeof *places, compare_tops);
    for (size_t i = 0; i < count; i++) {
        if (row < 0 || places[i].row - top > ROW_EMU) {
            row++;
            top = places[i].row;
        }
        places[i].row = row;
    }
}

static bool put_sorted(pptx *x, size_t entry, const pptx_shapes *shapes, error *err) {
    place *places = mem_new(shapes->count, sizeof *places);
    bool ok = true;
    for (size_t i = 0; i < shapes->count; i++) {
        const pptx_shape *s = &shapes->items[i];
        places[i] = (place){.at = i, .title = is_title(s), .row = s->y, .x = s->x};
    }
    make_rows(places, shapes->count);
    qsort(places, shapes->count, sizeof *places, compare_places);
    for (size_t i = 0; ok && i < shapes->count; i++)
        ok = pptx_put_shapes(x, entry, places[i].at, err);
    mem_free(places);
    return ok;
}

/* ---- slides -------------------------------------------------------------------------------- */

/* The layout's placeholders, then the master's. */
static void read_layout(pptx *x) {
    size_t layout = ooxml_entry(x->p, ooxml_find_type(&x->relations, STR("slideLayout")));
    if (layout == PACKAGE_NONE || str_eq(package_name(x->p, layout), x->layout_part)) return;
    x->layout_part = package_name(x->p, layout);
    pptx_find_shapes(x, layout, &x->layout);
    ooxml_relations r;
    pptx_shapes *master = &x->master;
    master->count = 0;
    ooxml_read_relations(x->p, x->layout_part, x->a, &r);
    size_t entry = ooxml_entry(x->p, ooxml_find_type(&r, STR("slideMaster")));
    if (entry != PACKAGE_NONE) {
        pptx_find_shapes(x, entry, master);
        for (size_t i = 0; i < x->layout.count; i++) { /* what the layout leaves to the master */
            pptx_shape *l = &x->layout.items[i];
            for (size_t k = 0; k < master->count && l->placeholder && !l->placed; k++) {
                const pptx_shape *m = &master->items[k];
                bool same = is_title(l) ? is_title(m) : str_eq(l->type, m->type);
                if (!m->placed || !same) continue;
                l->placed = true;
                l->x = m->x, l->y = m->y;
                l->width = m->width, l->height = m->height;
            }
        }
    }
    ooxml_free_relations(&r);
}

static bool read_slide(pptx *x, size_t entry, error *err) {
    pptx_shapes *shapes = &x->slide;
    ooxml_free_relations(&x->relations);
    ooxml_read_relations(x->p, package_name(x->p, entry), x->a, &x->relations);
    read_layout(x);
    pptx_find_shapes(x, entry, shapes);
    if (shapes->hidden) {
        story_drop_page(x->s, INGEST_FATE_HIDDEN, STR("the slide is hidden, and was left out"));
        return true;
    }
    place_by_layout(x, shapes);
    pptx_judge_shapes(x);
    bool sorted = shapes->count <= SORTED_MAX && is_odd(shapes);
    bool ok = sorted ? put_sorted(x, entry, shapes, err) : pptx_put_shapes(x, entry, SIZE_MAX, err);
    for (size_t i = 0; ok && i < x->relations.count; i++) {
        size_t part = ooxml_entry(x->p, &x->relations.items[i]);
        if (part == PACKAGE_NONE) continue;
        if (str_eq(x->relations.items[i].type, STR("notesSlide"))) pptx_put_notes(x, part);
        if (str_eq(x->relations.items[i].type, STR("comments"))) pptx_put_comments(x, part);
    }
    return ok;
}

/* ---- the presentation ---------------------------------------------------------------------- */

typedef struct {
    pptx *x;
    str *ids;
    size_t count, room, limit, left_out;
} slide_list;

static bool enter_slide_id(void *context, const xml_element *e) {
    slide_list *l = context;
    if (l->count >= l->limit) {
        l->left_out++;
        return false;
    }
    if (l->count == l->room) {
        l->room = l->room ? 2 * l->room : 64;
        l->ids = mem_grow(l->ids, l->room, sizeof *l->ids);
    }
    l->ids[l->count++] = arena_str(l->x->a, xml_attribute(e, "r:id"));
    return false;
}

static bool enter_slide_size(void *context, const xml_element *e) {
    pptx *x = ((slide_list *)context)->x;
    x->width = xml_number(e, "cx", 0, INT32_MAX, 0);
    x->height = xml_number(e, "cy", 0, INT32_MAX, 0);
    return false;
}

static bool read_slides(pptx *x, const slide_list *l, const ooxml_relations *r, record_writer *out,
                        error *err) {
    bool ok = true;
    for (size_t i = 0; ok && i < l->count; i++) {
        size_t entry = ooxml_entry(x->p, ooxml_find_id(r, l->ids[i]));
        if (i > 0) story_next_page(x->s, (str){0});
        if (entry == PACKAGE_NONE) {
            story_drop_page(x->s, INGEST_FATE_FAILED, STR("the slide is not in the file"));
            continue;
        }
        ok = read_slide(x, entry, err);
    }
    if (l->left_out > 0)
        record_note(out, "%zu slides were not read: there may be %zu", l->left_out, l->limit);
    return ok;
}

static void tell(pptx *x, record_writer *out) {
    pictures_put(&x->pictures, x->p, out);
    if (x->broken > 0)
        record_note(out, "%zu of its slides, notes or charts are damaged and were read in part",
                    x->broken);
    if (x->struck_bytes > 0) record_note(out, PARSE_STRUCK_NOTE, x->struck_bytes);
    if (x->hidden_bytes > 0)
        record_note(out, "%zu bytes of hidden text were left out", x->hidden_bytes);
}

/* What the program itself writes as a title. */
static bool is_made_up(str title) {
    return str_starts(title, STR("PowerPoint")) && title.n < 40;
}

static void free_all(pptx *x, slide_list *l) {
    mem_free(l->ids);
    story_free(x->s);
    pictures_free(&x->pictures);
    ooxml_free_relations(&x->relations);
    pptx_free_shapes(&x->layout);
    pptx_free_shapes(&x->master);
    pptx_free_shapes(&x->slide);
    arena_free(x->a);
    mem_free(x);
}

bool pptx_parse(package *p, const parse_input *in, record_writer *out, error *err) {
    static const xml_rule rules[] = {{.name = "p:sldId", .enter = enter_slide_id},
                                     {.name = "p:sldSz", .enter = enter_slide_size},
                                     {0}};
    pptx *x = mem_new(1, sizeof *x);
    slide_list l = {.x = x, .limit = in->limits->pages};
    xml_walker walker = {.rules = rules, .context = &l};
    ooxml_relations r = {0};
    str title = {0}, language = {0};
    x->p = p;
    x->a = arena_new();
    str part = ooxml_main_part(p, STR("ppt/presentation.xml"), x->a);
    bool ok = part.n > 0;
    if (!ok) error_set(err, ERROR_INPUT, "the part that lists the slides is not in this file");
    ok = ok && xml_walk_entry(p, package_find(p, part), &walker, NULL, err);
    if (!ok) goto done;
    ooxml_read_relations(p, part, x->a, &r);
    ooxml_read_properties(p, x->a, &title, &language, out);
    if (is_made_up(title)) title = (str){0};
    record_document(out, title.n > 0 ? title : in->name, STR("pptx"), language);
    x->s = story_new(out, in->limits->pages);
    ok = read_slides(x, &l, &r, out, err);
    if (!ok) goto done;
    story_end(x->s);
    if (title.n == 0 && story_title(x->s).n > 0)
        record_document(out, story_title(x->s), STR("pptx"), language);
    tell(x, out);
done:
    ooxml_free_relations(&r);
    free_all(x, &l);
    return ok;
}
