/* Follows the operators of a page, to know how its texts are drawn: poppler-glib tells text, boxes,
 * fonts and colours, but neither the rendering mode nor what is transparent, clipped or painted
 * over.
 *
 * Rendering every page to look at it costs three times as much as reading its text; following its
 * operators costs a thirtieth (qpdf reads the objects and unpacks the streams). So this finds what
 * is suspicious, with little geometry: every string has the place where it begins and a guess where
 * it ends, every area that is painted has a box. It errs towards suspicion, and nothing is left out
 * for its word alone: pdf_hidden.c looks at the page. Patterns and the glyphs of Type 3 fonts are
 * not followed.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/parse/pdf/pdf.h"
#include "ingest/parse/pdf/pdf_objects.h"
#include "ingest/parse/pdf/pdf_painted.h"

#define FORM_DEPTH 8           /* forms in forms; real documents have two or three */
#define STATE_DEPTH 64         /* of q; the reference asks for 28 */
#define PAGE_BYTES (32u << 20) /* of streams, forms counted each time: the largest maps have ten */
#define PAGE_SHOWS 200000u     /* strings; of a page set letter by letter, all */
#define PATH_PARTS 32          /* more rectangles in one path are taken for any shape */
#define PART_POINTS 6          /* a rectangle by lines has five, when it comes back to its corner */
#define FONT_CACHE 32          /* of one stream; further fonts are looked up each time */
#define FILL_MIN_PT 2.5f       /* rules and underlines hide nothing */
#define SAME_COLOUR 0.2f       /* of 1: closer than this is looked at */
#define FAINT_ALPHA 0.1        /* fainter is not seen, */
#define OPAQUE_ALPHA 0.5       /* and from here on what lies below is not */
#define WIDTH_EM 0.45f         /* of a character, on average */
#define LONGEST_GUESS 500      /* characters */
#define SQUEEZED 0.1f          /* letters that narrow are strokes */
#define MARKED_DEPTH 64        /* of marked content whose elements are told */

typedef struct {
    double a, b, c, d, e, f;
} matrix;

typedef struct {
    matrix at; /* user space to the page as shown */
    box clip;
    pdf_colour fill;
    int fill_space; /* components of a space that is known; 0: not */
    double alpha, group_alpha;
    bool mask, blends;
    double font_size, leading, rise, stretch;
    int mode;
    bool wide, drawable; /* of the font: two bytes for a character; embedded */
} state;

typedef struct {
    char name[64];
    bool wide, drawable;
} font_facts;

typedef struct {
    pdf_drawings *d;
    arena *a;
    pdf_drawing *out;
    box page;
    pdf_painted *painted;
    size_t bytes;
    state now, stack[STATE_DEPTH];
    size_t depth, too_deep;
    matrix text, line;
    bool placed;           /* the text matrix was set since the last string */
    box path;              /* of all of it */
    box parts[PATH_PARTS]; /* where it is nothing but these rectangles */
    float part_x[PART_POINTS], part_y[PART_POINTS];
    size_t part_count, point_count; /* of the part that is open */
    bool path_open, path_odd, clips;
    int marked, off_from; /* depth of marked content; where a layer that is off began, else 0 */
    int stream;           /* object number of the page or form */
    uint32_t element, elements[MARKED_DEPTH]; /* at hand; around each marked content that is open */
    qpdf_oh resources;
    font_facts fonts[FONT_CACHE]; /* of these resources */
    size_t font_count;
    int form_depth;
} walk;

/* ---- geometry ------------------------------------------------------------------------------ */

static matrix times(matrix m, matrix n) { /* first m, then n */
    return (matrix){m.a * n.a + m.b * n.c,       m.a * n.b + m.b * n.d,
                    m.c * n.a + m.d * n.c,       m.c * n.b + m.d * n.d,
                    m.e * n.a + m.f * n.c + n.e, m.e * n.b + m.f * n.d + n.f};
}

/* Within +-1e6; a NaN becomes a bound, too. fmin and fmax are calls, since they heed NaNs. */
static float bounded(double v) {
    return v < 1e6 ? v > -1e6 ? (float)v : -1e6f : 1e6f;
}

static float length(float x, float y) {
    return (float)sqrt((double)x * (double)x + (double)y * (double)y);
}

static void apply(const matrix *m, double x, double y, float *ox, float *oy) {
    *ox = bounded(m->a * x + m->c * y + m->e);
    *oy = bounded(m->b * x + m->d * y + m->f);
}

static box no_box(void) {
    return (box){1e6f, 1e6f, -1e6f, -1e6f};
}

static void add_point(box *b, const matrix *m, double x, double y) {
    float px, py;
    apply(m, x, y, &px, &py);
    pdf_widen(b, (box){px, py, px, py});
}

static box of_rectangle(const matrix *m, double x, double y, double w, double h) {
    box b = no_box();
    add_point(&b, m, x, y);
    add_point(&b, m, x + w, y);
    add_point(&b, m, x, y + h);
    add_point(&b, m, x + w, y + h);
    return b;
}

static bool holds(box b, float x, float y) {
    return x >= b.x0 && x <= b.x1 && y >= b.y0 && y <= b.y1;
}

/* ---- objects ------------------------------------------------------------------------------- */

static qpdf_oh key(walk *w, qpdf_oh dict, const char *name) {
    return qpdf_oh_get_key_if_dict(w->d->q, dict, name);
}

static qpdf_oh resource(walk *w, const char *kind, str name) {
    return pdf_resource(w->d, w->resources, kind, name);
}

static double number_of(walk *w, qpdf_oh oh, double otherwise) {
    double value;
    return qpdf_oh_get_value_as_number(w->d->q, oh, &value) && isfinite(value) ? value : otherwise;
}

static bool read_matrix(walk *w, qpdf_oh array, matrix *out) {
    double v[6];
    if (!qpdf_oh_is_array(w->d->q, array) || qpdf_oh_get_array_n_items(w->d->q, array) != 6)
        return false;
    for (int i = 0; i < 6; i++) v[i] = number_of(w, qpdf_oh_get_array_item(w->d->q, array, i), 0);
    *out = (matrix){v[0], v[1], v[2], v[3], v[4], v[5]};
    return true;
}

static bool is_name(walk *w, qpdf_oh oh, const char *name) {
    return qpdf_oh_is_name_and_equals(w->d->q, oh, name);
}

static font_facts look_up_font(walk *w, str name) {
    font_facts f = {.drawable = true};
    qpdf_data q = w->d->q;
    qpdf_oh font = resource(w, "/Font", name), described = font;
    qpdf_oh type = key(w, font, "/Subtype");
    f.wide = is_name(w, type, "/Type0");
    if (f.wide) {
        qpdf_oh below = key(w, font, "/DescendantFonts");
        if (qpdf_oh_is_array(q, below) && qpdf_oh_get_array_n_items(q, below) > 0)
            described = qpdf_oh_get_array_item(q, below, 0);
    }
    qpdf_oh descriptor = key(w, described, "/FontDescriptor");
    if (!is_name(w, type, "/Type3"))
        f.drawable =
            qpdf_oh_is_dictionary(q, descriptor) && (qpdf_oh_has_key(q, descriptor, "/FontFile") ||
                                                     qpdf_oh_has_key(q, descriptor, "/FontFile2") ||
                                                     qpdf_oh_has_key(q, descriptor, "/FontFile3"));
    return f;
}

static void set_font(walk *w, str name) {
    font_facts f;
    size_t i = 0;
    bool fits = name.n < sizeof f.name;
    while (i < w->font_count && !str_eq(name, str_of(w->fonts[i].name))) i++;
    if (fits && i < w->font_count) {
        f = w->fonts[i];
    } else {
        f = look_up_font(w, name);
        if (fits && w->font_count < FONT_CACHE) {
            memcpy(f.name, name.p, name.n);
            w->fonts[w->font_count++] = f;
        }
    }
    w->now.wide = f.wide;
    w->now.drawable = f.drawable;
}

static void set_graphics(walk *w, str name) {
    qpdf_oh gs = resource(w, "/ExtGState", name), font = key(w, gs, "/Font");
    qpdf_oh mask = key(w, gs, "/SMask"), blend = key(w, gs, "/BM");
    w->now.alpha = number_of(w, key(w, gs, "/ca"), w->now.alpha);
    if (qpdf_oh_is_name(w->d->q, mask)) w->now.mask = false;
    if (qpdf_oh_is_dictionary(w->d->q, mask)) w->now.mask = true;
    if (!qpdf_oh_is_null(w->d->q, blend))
        w->now.blends = !is_name(w, blend, "/Normal") && !is_name(w, blend, "/Compatible");
    if (qpdf_oh_is_array(w->d->q, font)) { /* as Tf, and as rare */
        w->now.font_size = number_of(w, qpdf_oh_get_array_item(w->d->q, font, 1), 1);
        w->now.wide = false;
        w->now.drawable = false;
    }
}

/* ---- colours ------------------------------------------------------------------------------- */

/* As many components as a colour space has that is grey, red-green-blue or
 * cyan-magenta-yellow-black by its nature; 0 for the others. -1: as many as the operator gives. */
static int space_components(walk *w, str name) {
    if (str_eq(name, STR("DeviceGray")) || str_eq(name, STR("G"))) return 1;
    if (str_eq(name, STR("DeviceRGB")) || str_eq(name, STR("RGB"))) return 3;
    if (str_eq(name, STR("DeviceCMYK")) || str_eq(name, STR("CMYK"))) return 4;
    qpdf_oh space = resource(w, "/ColorSpace", name);
    if (!qpdf_oh_is_array(w->d->q, space)) return 0;
    qpdf_oh family = qpdf_oh_get_array_item(w->d->q, space, 0);
    if (is_name(w, family, "/ICCBased")) return -1;
    return is_name(w, family, "/CalRGB") ? 3 : is_name(w, family, "/CalGray") ? 1 : 0;
}

static void set_colour(walk *w, const pdf_operators *o, int components) {
    const double *v = o->numbers;
    size_t n = components < 0 ? o->number_count : (size_t)components;
    pdf_colour *c = &w->now.fill;
    *c = (pdf_colour){0};
    if (n == 0 || o->number_count != n || o->name_count > 0) return;
    if (n == 1) *c = (pdf_colour){(float)v[0], (float)v[0], (float)v[0], true};
    if (n == 3) *c = (pdf_colour){(float)v[0], (float)v[1], (float)v[2], true};
    if (n == 4)
        *c = (pdf_colour){(float)fmax(0, 1 - v[0] - v[3]), (float)fmax(0, 1 - v[1] - v[3]),
                          (float)fmax(0, 1 - v[2] - v[3]), true};
}

static bool close_to(pdf_colour a, pdf_colour b) {
    return fabsf(a.red - b.red) < SAME_COLOUR && fabsf(a.green - b.green) < SAME_COLOUR &&
           fabsf(a.blue - b.blue) < SAME_COLOUR;
}

/* ---- painting ------------------------------------------------------------------------------ */

/* `colour` is known where all of the box has it. */
static void paint(walk *w, box b, pdf_colour colour) {
    const state *g = &w->now;
    b = pdf_common_box(b, pdf_common_box(g->clip, w->page));
    double alpha = g->alpha * g->group_alpha;
    if (b.x1 - b.x0 < FILL_MIN_PT || b.y1 - b.y0 < FILL_MIN_PT || alpha < FAINT_ALPHA ||
        w->off_from > 0)
        return;
    if (alpha < 1 || g->mask || g->blends) colour.known = false;
    pdf_painted_put(w->painted, b, colour, alpha >= OPAQUE_ALPHA && !g->blends);
}

static void put_part(walk *w, box b) {
    if (w->part_count < PATH_PARTS)
        w->parts[w->part_count++] = b;
    else
        w->path_odd = true;
}

/* Lines from corner to corner are a rectangle, too. A lone point is what programs leave behind. */
static void end_part(walk *w) {
    size_t count = w->point_count;
    w->point_count = 0;
    if (count < 2) return;
    pdf_rules_add_part(&w->out->rules, w->part_x, w->part_y, count, w->a);
    box b = pdf_box_of(w->part_x, w->part_y, count);
    if (pdf_is_rectangle(w->part_x, w->part_y, count, b))
        put_part(w, b);
    else
        w->path_odd = true;
}

static void end_path(walk *w, bool fills, bool strokes) {
    if (w->path_open) {
        end_part(w);
        if (w->off_from > 0) fills = strokes = false;
        pdf_rules_end_path(&w->out->rules, fills, strokes, pdf_common_box(w->now.clip, w->page),
                           w->a);
        pdf_colour c = w->now.fill;
        for (size_t i = 0; fills && !w->path_odd && i < w->part_count; i++)
            paint(w, w->parts[i], c);
        c.known = false;
        if (fills && w->path_odd) paint(w, w->path, c);
        if (w->clips) w->now.clip = pdf_common_box(w->now.clip, w->path);
    }
    w->path_open = w->path_odd = w->clips = false;
    w->part_count = w->point_count = 0;
}

static void add_to_path(walk *w, const pdf_operators *o) {
    const double *v = o->numbers;
    size_t n = o->number_count;
    if (!w->path_open) w->path = no_box();
    w->path_open = true;
    if (o->op == PDF_OP('r', 'e', 0)) {
        if (n < 4) return;
        box r = of_rectangle(&w->now.at, v[0], v[1], v[2], v[3]);
        pdf_widen(&w->path, r);
        pdf_rules_add_box(&w->out->rules, r, w->a);
        put_part(w, r); /* of a turned page it is still one; of a slanted one, nearly */
        return;
    }
    if (o->op == PDF_OP('m', 0, 0)) end_part(w);
    for (size_t i = 0; i + 1 < n; i += 2) add_point(&w->path, &w->now.at, v[i], v[i + 1]);
    if (n != 2 || w->point_count == PART_POINTS) {
        w->path_odd = true;
        return;
    }
    apply(&w->now.at, v[0], v[1], &w->part_x[w->point_count], &w->part_y[w->point_count]);
    w->point_count++;
}

/* ---- text ---------------------------------------------------------------------------------- */

static pdf_hiding judge(walk *w, pdf_show *s) {
    const state *g = &w->now;
    float margin = s->size_pt + 2;
    float guess = (float)(WIDTH_EM * fmin(s->characters, LONGEST_GUESS)) * s->size_pt;
    box page = {w->page.x0 - margin, w->page.y0 - margin, w->page.x1 + margin, w->page.y1 + margin};
    if (w->off_from > 0) return PDF_LAYER_OFF;
    if (!holds(page, s->x, s->y) && !holds(page, s->end_x, s->end_y)) return PDF_OFF_PAGE;
    if (length(s->end_x - s->x, s->end_y - s->y) < SQUEEZED * guess) return PDF_TINY;
    if (g->mode == 3 || g->mode == 7) return PDF_INVISIBLE;
    if (g->alpha * g->group_alpha < FAINT_ALPHA) return PDF_TRANSPARENT;
    if (g->mask) return PDF_CLIPPED;
    box clip = {g->clip.x0 - 2, g->clip.y0 - 2, g->clip.x1 + 2, g->clip.y1 + 2};
    if (!holds(clip, s->x, s->y) && !holds(clip, (s->x + s->end_x) / 2, (s->y + s->end_y) / 2)) {
        s->exact = true; /* what is clipped to any shape is clipped to its box */
        s->by = g->clip;
        return PDF_CLIPPED;
    }
    if (g->mode == 1 || g->mode == 5) return PDF_SEEN; /* outlines, in the colour of strokes */
    float up = pdf_painted_middle(s);
    for (int i = 0; i < 3; i++) {
        float t = (float)i / 2;
        pdf_colour behind = pdf_painted_at(w->painted, s->x + t * (s->end_x - s->x),
                                           s->y + up + t * (s->end_y - s->y));
        if (i == 0 || !behind.known) s->behind = behind;
        if (!behind.known || !g->fill.known || close_to(behind, g->fill)) {
            s->behind = behind;
            return PDF_COLOUR;
        }
    }
    return PDF_SEEN;
}

static void show_text(walk *w, uint32_t bytes) {
    pdf_drawing *out = w->out;
    const state *g = &w->now;
    if (bytes == 0) return;
    if (out->count >= PAGE_SHOWS) {
        out->whole = false;
        return;
    }
    if (out->count == out->room) {
        out->room = out->room ? out->room * 2 : 256;
        pdf_show *more = arena_alloc(w->a, out->room, sizeof *more);
        if (out->count > 0) memcpy(more, out->shows, out->count * sizeof *more);
        out->shows = more;
    }
    uint32_t characters = g->wide ? (bytes + 1) / 2 : bytes;
    matrix m = times(w->text, g->at);
    pdf_show s = {.drawable = g->drawable,
                  .characters = characters,
                  .follows = !w->placed,
                  .element = w->element};
    w->placed = false;
    float up_x, up_y;
    apply(&m, 0, g->rise, &s.x, &s.y);
    double guess = WIDTH_EM * g->font_size * g->stretch * fmin(characters, LONGEST_GUESS);
    apply(&m, guess, g->rise, &s.end_x, &s.end_y);
    apply(&m, 0, g->rise + g->font_size, &up_x, &up_y);
    s.size_pt = length(up_x - s.x, up_y - s.y);
    s.level = fabsf(s.end_y - s.y) < 0.1f * fabsf(s.end_x - s.x) && up_y < s.y;
    s.hiding = (uint8_t)judge(w, &s);
    out->off_page += s.hiding == PDF_OFF_PAGE ? characters : 0;
    out->layer_off += s.hiding == PDF_LAYER_OFF ? characters : 0;
    if (s.hiding == PDF_OFF_PAGE || s.hiding == PDF_LAYER_OFF) return; /* poppler drops them */
    out->suspects += s.hiding != PDF_SEEN ? characters : 0;
    pdf_painted_put_show(w->painted, &s);
    out->shows[out->count++] = s;
}

static void next_line(walk *w, double x, double y) {
    w->line = times((matrix){1, 0, 0, 1, x, y}, w->line);
    w->text = w->line;
    w->placed = true;
}

/* ---- marked content ------------------------------------------------------------------------ */

static void begin_marked(walk *w, const pdf_operators *o) {
    w->out->replaced += pdf_replaced_characters(w->d, o, w->resources);
    if (w->d->tags && w->marked < MARKED_DEPTH) {
        w->elements[w->marked] = w->element;
        w->element = pdf_marked_element(w->d, o, w->resources, w->stream, w->element);
    }
    w->marked++;
    if (w->off_from > 0 || o->name_count < 2 || !str_eq(o->names[0], STR("OC"))) return;
    if (pdf_layer_is_off(w->d, resource(w, "/Properties", o->names[1]))) w->off_from = w->marked;
}

static void end_marked(walk *w) {
    if (w->marked == w->off_from) w->off_from = 0;
    if (w->marked > 0) w->marked--;
    if (w->d->tags && w->marked < MARKED_DEPTH) w->element = w->elements[w->marked];
}

/* ---- operators ----------------------------------------------------------------------------- */

static void run_stream(walk *w, str bytes);

static void draw_form(walk *w, qpdf_oh form, qpdf_oh dict) {
    qpdf_data q = w->d->q;
    unsigned char *bytes = NULL;
    size_t n = 0;
    QPDF_BOOL decoded = QPDF_FALSE;
    if (w->form_depth >= FORM_DEPTH ||
        (qpdf_oh_get_stream_data(q, form, qpdf_dl_generalized, &decoded, &bytes, &n) &
         QPDF_ERRORS) ||
        !decoded) {
        w->out->whole = false;
        free(bytes);
        return;
    }
    walk *saved = mem_new(1, sizeof *saved);
    *saved = *w;
    matrix m;
    if (read_matrix(w, key(w, dict, "/Matrix"), &m)) w->now.at = times(m, w->now.at);
    qpdf_oh bounds = key(w, dict, "/BBox"), own = key(w, dict, "/Resources");
    if (qpdf_oh_is_array(q, bounds) && qpdf_oh_get_array_n_items(q, bounds) == 4) {
        double v[4];
        for (int i = 0; i < 4; i++) v[i] = number_of(w, qpdf_oh_get_array_item(q, bounds, i), 0);
        w->now.clip = pdf_common_box(
            w->now.clip, of_rectangle(&w->now.at, v[0], v[1], v[2] - v[0], v[3] - v[1]));
    }
    if (qpdf_oh_is_dictionary(q, key(w, dict, "/Group"))) {
        w->now.group_alpha *= w->now.alpha;
        w->now.alpha = 1;
    }
    if (qpdf_oh_is_dictionary(q, own)) {
        w->resources = own;
        w->font_count = 0;
    }
    w->depth = 0;
    w->stream = qpdf_oh_get_object_id(q, form);
    w->form_depth++;
    run_stream(w, (str){(char *)bytes, n});
    free(bytes);
    /* What the form painted and showed stays; its state goes. */
    saved->bytes = w->bytes;
    *w = *saved;
    mem_free(saved);
}

static void draw_object(walk *w, str name) {
    qpdf_oh object = resource(w, "/XObject", name);
    if (!qpdf_oh_is_stream(w->d->q, object)) return;
    qpdf_oh dict = qpdf_oh_get_dict(w->d->q, object), type = key(w, dict, "/Subtype");
    int was = w->off_from;
    if (was == 0 && pdf_layer_is_off(w->d, key(w, dict, "/OC"))) w->off_from = w->marked + 1;
    if (is_name(w, type, "/Image")) {
        w->out->images = true;
        paint(w, of_rectangle(&w->now.at, 0, 0, 1, 1), (pdf_colour){0});
    } else if (is_name(w, type, "/Form")) {
        draw_form(w, object, dict);
    }
    w->off_from = was;
}

static void save_state(walk *w) {
    if (w->depth < STATE_DEPTH)
        w->stack[w->depth++] = w->now;
    else
        w->too_deep++;
}

static void restore_state(walk *w) {
    if (w->too_deep > 0)
        w->too_deep--;
    else if (w->depth > 0)
        w->now = w->stack[--w->depth];
}

static bool run_text(walk *w, const pdf_operators *o) {
    const double *v = o->numbers;
    state *g = &w->now;
    double last = o->number_count > 0 ? v[o->number_count - 1] : 0;
    switch (o->op) {
    case PDF_OP('B', 'T', 0):
        w->text = w->line = (matrix){1, 0, 0, 1, 0, 0};
        w->placed = true;
        return true;
    case PDF_OP('T', 'f', 0):
        if (o->name_count > 0) set_font(w, o->names[o->name_count - 1]);
        g->font_size = last;
        return true;
    case PDF_OP('T', 'r', 0):
        g->mode = (int)last;
        return true;
    case PDF_OP('T', 'L', 0):
        g->leading = last;
        return true;
    case PDF_OP('T', 's', 0):
        g->rise = last;
        return true;
    case PDF_OP('T', 'z', 0):
        g->stretch = last / 100;
        return true;
    case PDF_OP('T', 'D', 0):
    case PDF_OP('T', 'd', 0):
        if (o->number_count < 2) return true;
        if (o->op == PDF_OP('T', 'D', 0)) g->leading = -v[1];
        next_line(w, v[0], v[1]);
        return true;
    case PDF_OP('T', 'm', 0):
        if (o->number_count >= 6) w->text = w->line = (matrix){v[0], v[1], v[2], v[3], v[4], v[5]};
        return true;
    case PDF_OP('T', '*', 0):
        next_line(w, 0, -g->leading);
        return true;
    case PDF_OP('\'', 0, 0):
    case PDF_OP('"', 0, 0):
        next_line(w, 0, -g->leading);
        show_text(w, o->string_bytes);
        return true;
    case PDF_OP('T', 'j', 0):
    case PDF_OP('T', 'J', 0):
        show_text(w, o->string_bytes);
        return true;
    default:
        return false;
    }
}

static bool run_colour(walk *w, const pdf_operators *o) {
    switch (o->op) {
    case PDF_OP('g', 0, 0):
        set_colour(w, o, w->now.fill_space = 1);
        return true;
    case PDF_OP('r', 'g', 0):
        set_colour(w, o, w->now.fill_space = 3);
        return true;
    case PDF_OP('k', 0, 0):
        set_colour(w, o, w->now.fill_space = 4);
        return true;
    case PDF_OP('c', 's', 0):
        w->now.fill_space = o->name_count > 0 ? space_components(w, o->names[0]) : 0;
        w->now.fill = (pdf_colour){.known = w->now.fill_space != 0}; /* black */
        return true;
    case PDF_OP('s', 'c', 0):
    case PDF_OP('s', 'c', 'n'):
        set_colour(w, o, w->now.fill_space);
        return true;
    case PDF_OP('g', 's', 0):
        if (o->name_count > 0) set_graphics(w, o->names[0]);
        return true;
    default:
        return false;
    }
}

static bool run_path(walk *w, const pdf_operators *o) {
    switch (o->op) {
    case PDF_OP('r', 'e', 0):
    case PDF_OP('m', 0, 0):
    case PDF_OP('l', 0, 0):
    case PDF_OP('c', 0, 0):
    case PDF_OP('v', 0, 0):
    case PDF_OP('y', 0, 0):
        add_to_path(w, o);
        return true;
    case PDF_OP('W', 0, 0):
    case PDF_OP('W', '*', 0):
        w->clips = true;
        return true;
    case PDF_OP('f', 0, 0):
    case PDF_OP('F', 0, 0):
    case PDF_OP('f', '*', 0):
        end_path(w, true, false);
        return true;
    case PDF_OP('B', 0, 0):
    case PDF_OP('B', '*', 0):
    case PDF_OP('b', 0, 0):
    case PDF_OP('b', '*', 0):
        end_path(w, true, true);
        return true;
    case PDF_OP('S', 0, 0):
    case PDF_OP('s', 0, 0):
    case PDF_OP('n', 0, 0):
        end_path(w, false, o->op != PDF_OP('n', 0, 0));
        return true;
    default:
        return false;
    }
}

static void run_other(walk *w, const pdf_operators *o) {
    const double *v = o->numbers;
    switch (o->op) {
    case PDF_OP('q', 0, 0):
        save_state(w);
        break;
    case PDF_OP('Q', 0, 0):
        restore_state(w);
        break;
    case PDF_OP('c', 'm', 0):
        if (o->number_count >= 6)
            w->now.at = times((matrix){v[0], v[1], v[2], v[3], v[4], v[5]}, w->now.at);
        break;
    case PDF_OP('s', 'h', 0):
        paint(w, w->now.clip, (pdf_colour){0});
        break;
    case PDF_OP('I', 'D', 0):
        w->out->images = true;
        paint(w, of_rectangle(&w->now.at, 0, 0, 1, 1), (pdf_colour){0});
        break;
    case PDF_OP('D', 'o', 0):
        if (o->name_count > 0) draw_object(w, o->names[0]);
        break;
    case PDF_OP('B', 'D', 'C'):
    case PDF_OP('B', 'M', 'C'):
        begin_marked(w, o);
        break;
    case PDF_OP('E', 'M', 'C'):
        end_marked(w);
        break;
    default: /* strokes' looks, spacing, glyph widths: they move no text far */
        break;
    }
}

static void run_stream(walk *w, str bytes) { /* by draw_form at most FORM_DEPTH deep */
    pdf_operators o = {.bytes = bytes};
    w->bytes += bytes.n;
    if (w->bytes > PAGE_BYTES) {
        w->out->whole = false;
        w->out->heavy = true;
        return;
    }
    while (pdf_next_operator(&o))
        if (!run_text(w, &o) && !run_path(w, &o) && !run_colour(w, &o)) run_other(w, &o);
}

/* ---- pages --------------------------------------------------------------------------------- */

/* PDF's coordinates to the page as shown: y goes down, and the page may be turned. */
static matrix shown(const pdf_page_box *p, int rotate) {
    switch (((rotate % 360) + 360) % 360) {
    case 90:
        return (matrix){0, 1, 1, 0, -p->crop_y0, -p->crop_x0};
    case 180:
        return (matrix){-1, 0, 0, 1, p->crop_x1, -p->crop_y0};
    case 270:
        return (matrix){0, -1, -1, 0, p->crop_y1, p->crop_x1};
    default:
        return (matrix){1, 0, 0, -1, -p->crop_x0, p->crop_y1};
    }
}

void pdf_follow_page(pdf_drawings *d, uint32_t number, const pdf_page_box *page, arena *a,
                     pdf_drawing *out) {
    *out = (pdf_drawing){.user_unit = 1, .fields = true, .comments = true};
    if (!d || number > (uint32_t)d->pages) return;
    unsigned char *bytes = NULL;
    size_t n = 0;
    walk *w = mem_new(1, sizeof *w);
    w->d = d;
    w->a = a;
    w->out = out;
    qpdf_oh oh = qpdf_get_page_n(d->q, number - 1);
    w->stream = qpdf_oh_get_object_id(d->q, oh);
    out->turned = (int)number_of(w, pdf_inherited(d, oh, "/Rotate"), 0);
    pdf_find_annotations(d, oh, out);
    if (!(qpdf_oh_get_page_content_data(d->q, oh, &bytes, &n) & QPDF_ERRORS)) {
        out->whole = true;
        out->user_unit = (float)number_of(w, key(w, oh, "/UserUnit"), 1);
        w->page = (box){0, 0, (float)page->width_pt, (float)page->height_pt};
        w->painted = pdf_painted_new(out, w->page.y1);
        w->resources = pdf_inherited(d, oh, "/Resources");
        w->now = (state){.at = shown(page, out->turned),
                         .clip = {-1e6f, -1e6f, 1e6f, 1e6f},
                         .fill = {.known = true},
                         .fill_space = 1,
                         .stretch = 1,
                         .alpha = 1,
                         .group_alpha = 1,
                         .drawable = false};
        w->text = w->line = (matrix){1, 0, 0, 1, 0, 0};
        run_stream(w, (str){(char *)bytes, n});
        pdf_rules_finish(&out->rules, a);
    }
    free(bytes);
    qpdf_oh_release_all(d->q);
    pdf_painted_free(w->painted);
    mem_free(w);
}
