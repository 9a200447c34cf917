/* How the cells of a workbook look, as far as it says what they show: number formats, and letters
 * that nobody can see (ECMA-376 part 1, 18.8).
 *
 * Owns the comparison of letters with their ground. White letters on paper, letters in the colour
 * of their fill, letters under two points: such text is there for programs, and is left out and
 * counted. Colours of a theme are compared by their place in it; its first is taken for the paper's
 * white.
 */
#include "ingest/parse/office/xlsx.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/parse/office/colour.h"
#include "ingest/parse/office/number_format.h"

#define STYLES_MAX 65536
/* Nobody reads what is smaller. */
#define SIZE_SEEN_PT 2.0
/* A theme's white that is darkened by more is a grey that people see. */
#define TINT_SEEN (-0.04)

typedef enum { COLOUR_UNSAID, COLOUR_WHITE, COLOUR_RGB, COLOUR_THEME, COLOUR_INDEXED } colour_kind;

typedef struct {
    colour_kind kind;
    long value;
    double tint;
} colour;

typedef struct {
    colour colour;
    bool tiny, struck;
} font;

typedef struct {
    bool bare, patterned;
    colour colour;
} fill;

typedef struct {
    long id;
    str code;
} own_format;

typedef struct {
    xlsx *x;
    own_format *own;
    size_t own_count, own_room;
    font *fonts;
    size_t font_count, font_room;
    fill *fills;
    size_t fill_count, fill_room;
    bool in_fonts, in_fills, in_cells;
} style_reader;

/* ---- colours ------------------------------------------------------------------------------- */

static double number_of(const xml_element *e, const char *name, double otherwise) {
    str s = xml_attribute(e, name);
    char digits[32] = "";
    if (s.n == 0 || s.n >= sizeof digits) return otherwise;
    memcpy(digits, s.p, s.n);
    return strtod(digits, NULL);
}

/* Of x:color, x:fgColor. */
static colour colour_of(const xml_element *e) {
    str rgb = xml_attribute(e, "rgb");
    double tint = number_of(e, "tint", 0);
    char digits[9] = "";
    if (rgb.n == 8) rgb = str_cut(rgb, 2, 8); /* the first two are how opaque it is */
    if (rgb.n == 6) {
        memcpy(digits, rgb.p, 6);
        if (colour_is_white(rgb) && tint > TINT_SEEN) return (colour){.kind = COLOUR_WHITE};
        return (colour){COLOUR_RGB, strtol(digits, NULL, 16), tint};
    }
    long theme = xml_number(e, "theme", 0, 64, -1), indexed = xml_number(e, "indexed", 0, 66, -1);
    if (theme == 0 && tint > TINT_SEEN) return (colour){.kind = COLOUR_WHITE};
    if (theme >= 0) return (colour){COLOUR_THEME, theme, tint};
    if (indexed == 1 || indexed == 9) return (colour){.kind = COLOUR_WHITE};
    if (indexed >= 0 && indexed < 64) return (colour){COLOUR_INDEXED, indexed, 0};
    return (colour){.kind = COLOUR_UNSAID};
}

static bool is_same(colour a, colour b) {
    return a.kind != COLOUR_UNSAID && a.kind == b.kind && a.value == b.value && a.tint == b.tint;
}

/* ---- styles.xml ---------------------------------------------------------------------------- */

static bool enter_format(void *context, const xml_element *e) {
    style_reader *r = context;
    if (r->own_count >= STYLES_MAX) return false;
    if (r->own_count == r->own_room) {
        r->own_room = r->own_room ? 2 * r->own_room : 32;
        r->own = mem_grow(r->own, r->own_room, sizeof *r->own);
    }
    r->own[r->own_count++] = (own_format){xml_number(e, "numFmtId", 0, INT32_MAX, -1),
                                          arena_str(r->x->a, xml_attribute(e, "formatCode"))};
    return false;
}

static bool enter_fonts(void *context, const xml_element *e) {
    (void)e;
    ((style_reader *)context)->in_fonts = true;
    return true;
}

static void leave_fonts(void *context) {
    ((style_reader *)context)->in_fonts = false;
}

static bool enter_font(void *context, const xml_element *e) {
    (void)e;
    style_reader *r = context;
    if (!r->in_fonts || r->font_count >= STYLES_MAX) return false;
    if (r->font_count == r->font_room) {
        r->font_room = r->font_room ? 2 * r->font_room : 32;
        r->fonts = mem_grow(r->fonts, r->font_room, sizeof *r->fonts);
    }
    r->fonts[r->font_count++] = (font){0};
    return true;
}

static bool enter_colour(void *context, const xml_element *e) {
    style_reader *r = context;
    if (r->in_fonts && r->font_count > 0) r->fonts[r->font_count - 1].colour = colour_of(e);
    return false;
}

static bool enter_size(void *context, const xml_element *e) {
    style_reader *r = context;
    if (r->in_fonts && r->font_count > 0)
        r->fonts[r->font_count - 1].tiny = number_of(e, "val", 11) < SIZE_SEEN_PT;
    return false;
}

static bool enter_strike(void *context, const xml_element *e) {
    style_reader *r = context;
    if (r->in_fonts && r->font_count > 0) r->fonts[r->font_count - 1].struck = xml_is_on(e, "val");
    return false;
}

static bool enter_fills(void *context, const xml_element *e) {
    (void)e;
    ((style_reader *)context)->in_fills = true;
    return true;
}

static void leave_fills(void *context) {
    ((style_reader *)context)->in_fills = false;
}

/* Patterns and gradients are grounds that any letters may be seen on. */
static bool enter_fill(void *context, const xml_element *e) {
    (void)e;
    style_reader *r = context;
    if (!r->in_fills || r->fill_count >= STYLES_MAX) return false;
    if (r->fill_count == r->fill_room) {
        r->fill_room = r->fill_room ? 2 * r->fill_room : 32;
        r->fills = mem_grow(r->fills, r->fill_room, sizeof *r->fills);
    }
    r->fills[r->fill_count++] = (fill){.patterned = true};
    return true;
}

static bool enter_pattern(void *context, const xml_element *e) {
    style_reader *r = context;
    str type = xml_attribute(e, "patternType");
    if (!r->in_fills || r->fill_count == 0) return false;
    fill *f = &r->fills[r->fill_count - 1];
    f->bare = type.n == 0 || str_eq(type, STR("none"));
    f->patterned = !f->bare && !str_eq(type, STR("solid"));
    return true;
}

static bool enter_fill_colour(void *context, const xml_element *e) {
    style_reader *r = context;
    if (r->in_fills && r->fill_count > 0) r->fills[r->fill_count - 1].colour = colour_of(e);
    return false;
}

static bool enter_cell_styles(void *context, const xml_element *e) {
    (void)e;
    ((style_reader *)context)->in_cells = true;
    return true;
}

static void leave_cell_styles(void *context) {
    ((style_reader *)context)->in_cells = false;
}

static xlsx_look look_of(const style_reader *r, const xml_element *e) {
    long id = xml_number(e, "numFmtId", 0, INT32_MAX, 0);
    size_t at = (size_t)xml_number(e, "fontId", 0, STYLES_MAX, STYLES_MAX);
    size_t under = (size_t)xml_number(e, "fillId", 0, STYLES_MAX, STYLES_MAX);
    xlsx_look look = {.format = number_builtin_format(id)};
    for (size_t i = 0; i < r->own_count; i++)
        if (r->own[i].id == id) look.format = r->own[i].code;
    font letters = at < r->font_count ? r->fonts[at] : (font){0};
    fill ground = under < r->fill_count ? r->fills[under] : (fill){.bare = true};
    bool paper = ground.bare || (!ground.patterned && ground.colour.kind == COLOUR_WHITE);
    look.bare = paper;
    look.white = paper && letters.colour.kind == COLOUR_WHITE;
    look.unseen = !paper && !ground.patterned && is_same(ground.colour, letters.colour);
    look.tiny = letters.tiny;
    look.struck = letters.struck;
    return look;
}

static bool enter_cell_style(void *context, const xml_element *e) {
    style_reader *r = context;
    xlsx *x = r->x;
    if (!r->in_cells || x->look_count >= STYLES_MAX) return false;
    if (x->look_count == x->look_room) {
        x->look_room = x->look_room ? 2 * x->look_room : 64;
        x->looks = mem_grow(x->looks, x->look_room, sizeof *x->looks);
    }
    x->looks[x->look_count++] = look_of(r, e);
    return false;
}

void xlsx_read_styles(xlsx *x, size_t entry) {
    static const xml_rule rules[] = {
        {.name = "x:numFmt", .enter = enter_format},
        {.name = "x:fonts", .enter = enter_fonts, .leave = leave_fonts},
        {.name = "x:font", .enter = enter_font},
        {.name = "x:color", .enter = enter_colour},
        {.name = "x:sz", .enter = enter_size},
        {.name = "x:strike", .enter = enter_strike},
        {.name = "x:fills", .enter = enter_fills, .leave = leave_fills},
        {.name = "x:fill", .enter = enter_fill},
        {.name = "x:patternFill", .enter = enter_pattern},
        {.name = "x:fgColor", .enter = enter_fill_colour},
        {.name = "x:cellXfs", .enter = enter_cell_styles, .leave = leave_cell_styles},
        {.name = "x:xf", .enter = enter_cell_style},
        {.name = "x:dxfs", .skip = true},
        {0},
    };
    style_reader r = {.x = x};
    xml_walker walker = {.rules = rules, .context = &r};
    bool whole; /* of broken styles what could be read is better than nothing */
    (void)xml_walk_entry(x->p, entry, &walker, &whole, NULL);
    mem_free(r.own);
    mem_free(r.fonts);
    mem_free(r.fills);
}

xlsx_look xlsx_look_of(const xlsx *x, size_t style) {
    return style < x->look_count ? x->looks[style] : (xlsx_look){.bare = true};
}

/* ---- runs ---------------------------------------------------------------------------------- */

void xlsx_run_property(xlsx_runs *r, const xml_element *e) {
    const char *name = xml_local_name(e);
    str align = xml_attribute(e, "val");
    if (strcmp(name, "color") == 0)
        r->white = colour_of(e).kind == COLOUR_WHITE;
    else if (strcmp(name, "sz") == 0)
        r->tiny = number_of(e, "val", 11) < SIZE_SEEN_PT;
    else if (strcmp(name, "strike") == 0)
        r->struck = xml_is_on(e, "val");
    else
        r->level = str_eq(align, STR("superscript")) ? SCRIPT_RAISED
                   : str_eq(align, STR("subscript")) ? SCRIPT_LOWERED
                                                     : SCRIPT_BASE;
}

void xlsx_run_put(xlsx *x, xlsx_runs *r, str t) {
    static const char begins = XLSX_WHITE_BEGINS, ends = XLSX_WHITE_ENDS;
    if (r->tiny || r->struck) {
        *(r->tiny ? &x->hidden_bytes : &x->struck_bytes) += str_trim(t).n;
        r->gap = true;
        return;
    }
    bool spaced = r->gap && (r->t.n == 0 || r->t.p[r->t.n - 1] == ' ');
    while (spaced && t.n > 0 && t.p[0] == ' ') t = str_cut(t, 1, t.n);
    r->gap = r->gap && t.n == 0;
    if (r->white) script_put(&r->scripts, &r->t, (str){&begins, 1}, SCRIPT_BASE, false);
    script_put(&r->scripts, &r->t, t, r->white ? SCRIPT_BASE : r->level, false);
    if (r->white) script_put(&r->scripts, &r->t, (str){&ends, 1}, SCRIPT_BASE, false);
}

void xlsx_run_end(xlsx_runs *r) {
    r->level = SCRIPT_BASE;
    r->white = r->tiny = r->struck = false;
}

void xlsx_runs_free(xlsx_runs *r) {
    text_free(&r->t);
    script_free(&r->scripts);
}

/* ---- what is seen -------------------------------------------------------------------------- */

void xlsx_put_seen(xlsx *x, const xlsx_look *look, bool painted, str t, text *out) {
    if (look->tiny || look->unseen || (look->white && !painted)) {
        x->hidden_bytes += str_trim(t).n;
        return;
    }
    if (look->struck) {
        x->struck_bytes += str_trim(t).n;
        return;
    }
    bool white = false, hides = look->bare && !painted;
    for (size_t i = 0; i < t.n; i++) {
        if (t.p[i] == XLSX_WHITE_BEGINS || t.p[i] == XLSX_WHITE_ENDS)
            white = t.p[i] == XLSX_WHITE_BEGINS;
        else if (white && hides)
            x->hidden_bytes += t.p[i] != ' ';
        else
            text_put_char(out, t.p[i]);
    }
}
