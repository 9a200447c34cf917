/* Where the shapes of a slide stand, and on what ground (ECMA-376 part 1, 19.3 and 20.1).
 *
 * Owns the judgement of what no viewer of a slide sees: shapes off the slide, and white letters
 * that stand on a white slide with nothing under them. The ground is looked for in the slide, its
 * layout and its master; what cannot be told (groups, tables, charts) is taken for a ground, so
 * that nothing is lost.
 */
#include "ingest/parse/office/pptx.h"

#include <string.h>

#include "ingest/parse/office/colour.h"

/* Of one slide, since each is compared with those below it. */
#define SHAPES_MAX 4096
/* At 914,400 to the inch some 28 m: what is farther off or larger is nonsense. */
#define EMU_MAX 1000000000L

typedef struct {
    pptx *x;
    pptx_shapes *shapes;
    size_t depth; /* of groups and shapes */
    bool in_properties, in_ground, filled, no_fill;
} shape_finder;

bool pptx_is_white(const xml_element *e) {
    const char *name = xml_local_name(e);
    str value = xml_attribute(e, strcmp(name, "sysClr") == 0 ? "lastClr" : "val");
    if (strcmp(name, "schemeClr") == 0)
        return str_eq(value, STR("bg1")) || str_eq(value, STR("lt1"));
    if (strcmp(name, "prstClr") == 0) return str_eq(value, STR("white"));
    return colour_is_white(value);
}

static bool find_shape(void *context, const xml_element *e) {
    shape_finder *r = context;
    pptx_shapes *s = r->shapes;
    if (r->depth++ > 0) return true;
    if (s->count >= SHAPES_MAX) return true;
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 16;
        s->items = mem_grow(s->items, s->room, sizeof *s->items);
    }
    s->items[s->count++] = (pptx_shape){.ground = strcmp(xml_local_name(e), "sp") != 0};
    r->filled = r->no_fill = false;
    return true;
}

static void leave_found(void *context) {
    ((shape_finder *)context)->depth--;
}

static pptx_shape *found(shape_finder *r) {
    return r->depth == 1 && r->shapes->count > 0 ? &r->shapes->items[r->shapes->count - 1] : NULL;
}

static bool find_placeholder(void *context, const xml_element *e) {
    shape_finder *r = context;
    pptx_shape *s = found(r);
    if (!s) return true;
    s->placeholder = true;
    s->type = arena_str(r->x->a, xml_attribute(e, "type"));
    s->index = arena_str(r->x->a, xml_attribute(e, "idx"));
    return true;
}

static bool find_offset(void *context, const xml_element *e) {
    pptx_shape *s = found(context);
    if (!s || s->placed) return true;
    s->placed = true;
    s->x = xml_number(e, "x", -EMU_MAX, EMU_MAX, 0);
    s->y = xml_number(e, "y", -EMU_MAX, EMU_MAX, 0);
    return true;
}

static bool find_extent(void *context, const xml_element *e) {
    pptx_shape *s = found(context);
    if (!s || !s->placed || s->height > 0 || !xml_has(e, "cx")) return true;
    s->width = xml_number(e, "cx", 0, EMU_MAX, 0);
    s->height = xml_number(e, "cy", 0, EMU_MAX, 0);
    return true;
}

/* ---- grounds ------------------------------------------------------------------------------- */

static bool enter_properties(void *context, const xml_element *e) {
    (void)e;
    ((shape_finder *)context)->in_properties = true;
    return true;
}

static void leave_properties(void *context) {
    ((shape_finder *)context)->in_properties = false;
}

static bool enter_fill(void *context, const xml_element *e) {
    shape_finder *r = context;
    pptx_shape *s = found(r);
    bool solid = strcmp(xml_local_name(e), "solidFill") == 0;
    if (r->in_properties) r->filled = true;
    if (r->in_properties && s) s->ground = !solid; /* of a solid one its colour tells */
    if (r->in_ground) r->shapes->white = false;
    return true;
}

static bool enter_no_fill(void *context, const xml_element *e) {
    (void)e;
    shape_finder *r = context;
    if (r->in_properties) r->no_fill = true;
    return false;
}

static bool enter_fill_colour(void *context, const xml_element *e) {
    shape_finder *r = context;
    pptx_shape *s = found(r);
    if (r->in_properties && s && r->filled && !pptx_is_white(e)) s->ground = true;
    if (r->in_ground) r->shapes->white = pptx_is_white(e);
    return true;
}

/* The fill of the theme that the shape's style names; behind its properties, which go first. */
static bool enter_fill_style(void *context, const xml_element *e) {
    shape_finder *r = context;
    pptx_shape *s = found(r);
    if (s && !r->filled && !r->no_fill && xml_number(e, "idx", 0, 10000, 0) > 0) s->ground = true;
    return false;
}

static bool enter_slide(void *context, const xml_element *e) {
    shape_finder *r = context;
    r->shapes->hidden = xml_has(e, "show") && !xml_is_on(e, "show");
    return true;
}

static bool enter_ground(void *context, const xml_element *e) {
    (void)e;
    shape_finder *r = context;
    r->in_ground = r->shapes->has_ground = true;
    return true;
}

static void leave_ground(void *context) {
    ((shape_finder *)context)->in_ground = false;
}

/* From 1001 on by the themes' fills for grounds, of which the first is plain. */
static bool enter_ground_style(void *context, const xml_element *e) {
    shape_finder *r = context;
    if (r->in_ground && xml_number(e, "idx", 0, 100000, 0) > 1001) r->in_ground = false;
    return true;
}

static bool enter_colour_map(void *context, const xml_element *e) {
    str ground = xml_attribute(e, "bg1");
    ((shape_finder *)context)->shapes->dark_ground = ground.n > 0 && !str_eq(ground, STR("lt1"));
    return false;
}

void pptx_find_shapes(pptx *x, size_t entry, pptx_shapes *out) {
    static const xml_rule rules[] = {
        {.name = "p:sld", .enter = enter_slide},
        {.name = "p:bg", .enter = enter_ground, .leave = leave_ground},
        {.name = "p:bgRef", .enter = enter_ground_style},
        {.name = "p:clrMap", .enter = enter_colour_map},
        {.name = "p:sp", .enter = find_shape, .leave = leave_found},
        {.name = "p:grpSp", .enter = find_shape, .leave = leave_found},
        {.name = "p:graphicFrame", .enter = find_shape, .leave = leave_found},
        {.name = "p:pic", .enter = find_shape, .leave = leave_found},
        {.name = "p:cxnSp", .skip = true},
        {.name = "p:ph", .enter = find_placeholder},
        {.name = "p:spPr", .enter = enter_properties, .leave = leave_properties},
        {.name = "a:off", .enter = find_offset},
        {.name = "a:ext", .enter = find_extent},
        {.name = "a:ln", .skip = true},
        {.name = "a:solidFill", .enter = enter_fill},
        {.name = "a:gradFill", .enter = enter_fill},
        {.name = "a:blipFill", .enter = enter_fill},
        {.name = "a:pattFill", .enter = enter_fill},
        {.name = "a:noFill", .enter = enter_no_fill},
        {.name = "a:srgbClr", .enter = enter_fill_colour},
        {.name = "a:schemeClr", .enter = enter_fill_colour},
        {.name = "a:prstClr", .enter = enter_fill_colour},
        {.name = "a:sysClr", .enter = enter_fill_colour},
        {.name = "a:fillRef", .enter = enter_fill_style},
        {.name = "a:lnRef", .skip = true},
        {.name = "a:effectRef", .skip = true},
        {.name = "a:fontRef", .skip = true},
        {.name = "p:txBody", .skip = true},
        {.name = "a:tbl", .skip = true},
        {0},
    };
    shape_finder r = {.x = x, .shapes = out};
    xml_walker walker = {.rules = rules, .context = &r};
    bool whole;
    out->count = 0;
    out->hidden = out->has_ground = out->white = out->dark_ground = false;
    (void)xml_walk_entry(x->p, entry, &walker, &whole, NULL);
}

void pptx_free_shapes(pptx_shapes *s) {
    mem_free(s->items);
    *s = (pptx_shapes){0};
}

/* ---- what can be seen ---------------------------------------------------------------------- */

static bool is_over(const pptx_shape *a, const pptx_shape *b) {
    if (!a->placed || !b->placed) return true;
    return a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height &&
           b->y < a->y + a->height;
}

/* Placeholders of a layout or master show nothing themselves. */
static bool has_ground_under(const pptx_shape *s, const pptx_shapes *under, bool own) {
    for (size_t i = 0; i < under->count; i++) {
        const pptx_shape *g = &under->items[i];
        if (g->ground && (own || !g->placeholder) && is_over(s, g)) return true;
    }
    return false;
}

static bool is_slide_white(const pptx *x) {
    if (x->master.dark_ground) return false;
    const pptx_shapes *said = x->slide.has_ground    ? &x->slide
                              : x->layout.has_ground ? &x->layout
                              : x->master.has_ground ? &x->master
                                                     : NULL;
    return !said || said->white;
}

void pptx_judge_shapes(pptx *x) {
    bool white = is_slide_white(x);
    for (size_t i = 0; i < x->slide.count; i++) {
        pptx_shape *s = &x->slide.items[i];
        s->bare = white && !has_ground_under(s, &x->slide, true) &&
                  !has_ground_under(s, &x->layout, false) &&
                  !has_ground_under(s, &x->master, false);
        s->outside = s->placed && x->width > 0 && x->height > 0 &&
                     (s->x + s->width <= 0 || s->y + s->height <= 0 || s->x >= x->width ||
                      s->y >= x->height);
    }
}
