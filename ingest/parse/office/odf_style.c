/* Styles and lists of OpenDocument (ODF 1.3 part 3, chapters 16 and 17).
 *
 * Owns what a paragraph's style says of it: heading, title, hidden, the start of a page; and the
 * numbers of lists, which no file holds. Styles are sorted once and found by halves, since every
 * paragraph asks; chains of parents end after a fixed number of steps.
 */
#include "ingest/parse/office/odf.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/parse/office/colour.h"
#include "ingest/parse/office/ordinal.h"

#define STYLES_MAX 65536
#define CHAIN_MAX 32
#define NUMBER_MAX 1000000
/* Nobody reads what is smaller. */
#define SIZE_SEEN_PT 2.0

typedef struct {
    odf *d;
    odf_style *style;
    odf_list *list;
    bool defaults;
} reader;

/* ---- reading ------------------------------------------------------------------------------- */

static bool enter_style(void *context, const xml_element *e) {
    reader *r = context;
    odf_sheet *s = &r->d->sheet;
    arena *a = r->d->a;
    if (s->style_count >= STYLES_MAX) return false;
    if (s->style_count == s->style_room) {
        s->style_room = s->style_room ? 2 * s->style_room : 64;
        s->styles = mem_grow(s->styles, s->style_room, sizeof *s->styles);
    }
    r->style = &s->styles[s->style_count++];
    *r->style = (odf_style){.hidden = -1, .white = -1, .shaded = -1, .tiny = -1, .struck = -1};
    r->style->name = arena_str(a, xml_attribute(e, "style:name"));
    r->style->parent = arena_str(a, xml_attribute(e, "style:parent-style-name"));
    r->style->list = arena_str(a, xml_attribute(e, "style:list-style-name"));
    r->style->outline = (int)xml_number(e, "style:default-outline-level", 1, ODF_LEVELS, 0);
    return true;
}

static void leave_style(void *context) {
    ((reader *)context)->style = NULL;
}

static bool enter_default(void *context, const xml_element *e) {
    reader *r = context;
    r->defaults = str_eq(xml_attribute(e, "style:family"), STR("paragraph"));
    return true;
}

static void leave_default(void *context) {
    ((reader *)context)->defaults = false;
}

/* A colour, or a picture, under the text. */
static void read_ground(odf_style *style, const xml_element *e) {
    str ground = xml_attribute(e, "fo:background-color");
    if (ground.n > 0 && !str_eq(ground, STR("transparent")))
        style->shaded = !colour_is_white(ground);
}

/* Sizes in points alone: those of a part of the parent's say nothing by themselves. */
static bool is_tiny(str size) {
    char digits[16] = "";
    if (!str_ends(size, STR("pt")) || size.n < 3 || size.n - 2 >= sizeof digits) return false;
    memcpy(digits, size.p, size.n - 2);
    return strtod(digits, NULL) < SIZE_SEEN_PT;
}

/* By the line's style or its type; either may say that there is none. */
static void read_strike(odf_style *style, const xml_element *e) {
    static const char *const names[] = {"style:text-line-through-style",
                                        "style:text-line-through-type"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (xml_has(e, names[i]) && style->struck != 0)
            style->struck = !str_eq(xml_attribute(e, names[i]), STR("none"));
}

static void read_look(odf_style *style, const xml_element *e) {
    if (xml_has(e, "fo:color")) style->white = colour_is_white(xml_attribute(e, "fo:color"));
    if (xml_has(e, "style:use-window-font-color") && xml_is_on(e, "style:use-window-font-color"))
        style->white = 0;
    if (xml_has(e, "fo:font-size")) style->tiny = is_tiny(xml_attribute(e, "fo:font-size"));
    read_ground(style, e);
    read_strike(style, e);
    bool outlined = xml_has(e, "style:text-outline") && xml_is_on(e, "style:text-outline");
    str shadow = xml_attribute(e, "fo:text-shadow");
    if (outlined || (shadow.n > 0 && !str_eq(shadow, STR("none")))) style->shaded = 1;
}

/* "super 58%", "sub 58%", or so many percent above or below the line. */
static script_level level_of(str position) {
    if (str_starts(position, STR("super")) || (position.p[0] >= '1' && position.p[0] <= '9'))
        return SCRIPT_RAISED;
    bool below = position.p[0] == '-' && !str_starts(position, STR("-0"));
    return below || str_starts(position, STR("sub")) ? SCRIPT_LOWERED : SCRIPT_BASE;
}

static bool enter_text_properties(void *context, const xml_element *e) {
    reader *r = context;
    str language = xml_attribute(e, "fo:language");
    if (r->defaults && r->d->sheet.language.n == 0 && !str_eq(language, STR("none")))
        r->d->sheet.language = arena_str(r->d->a, language);
    str position = xml_attribute(e, "style:text-position");
    if (r->style && position.n > 0) r->style->level = level_of(position);
    if (r->style && xml_has(e, "text:display"))
        r->style->hidden = str_eq(xml_attribute(e, "text:display"), STR("none"));
    if (r->style) read_look(r->style, e);
    return false;
}

static bool enter_paragraph_properties(void *context, const xml_element *e) {
    reader *r = context;
    if (r->style && str_eq(xml_attribute(e, "fo:break-before"), STR("page")))
        r->style->breaks = true;
    if (r->style) read_ground(r->style, e);
    return true; /* there may be a picture */
}

static bool enter_cell_properties(void *context, const xml_element *e) {
    reader *r = context;
    if (r->style) read_ground(r->style, e);
    return true;
}

static bool enter_page_properties(void *context, const xml_element *e) {
    reader *r = context;
    str ground = xml_attribute(e, "fo:background-color"), fill = xml_attribute(e, "draw:fill");
    bool coloured = ground.n > 0 && !str_eq(ground, STR("transparent")) && !colour_is_white(ground);
    bool filled = fill.n > 0 && !str_eq(fill, STR("none")) && !str_eq(fill, STR("solid"));
    if (coloured || filled) r->d->sheet.dark_page = true;
    return true;
}

/* A picture or shape that lies behind the text of its page. */
static bool enter_graphic_properties(void *context, const xml_element *e) {
    reader *r = context;
    if (str_eq(xml_attribute(e, "style:run-through"), STR("background")))
        r->d->sheet.dark_page = true;
    return true;
}

static bool enter_ground_picture(void *context, const xml_element *e) {
    reader *r = context;
    if (!xml_has(e, "xlink:href")) return false;
    if (r->style)
        r->style->shaded = 1;
    else
        r->d->sheet.dark_page = true;
    return false;
}

static bool enter_table_properties(void *context, const xml_element *e) {
    reader *r = context;
    if (r->style && xml_has(e, "table:display")) r->style->hidden = !xml_is_on(e, "table:display");
    if (r->style) read_ground(r->style, e);
    return true;
}

static bool enter_slide_properties(void *context, const xml_element *e) {
    reader *r = context;
    if (r->style && str_eq(xml_attribute(e, "presentation:visibility"), STR("hidden")))
        r->style->hidden = 1;
    return true;
}

static bool enter_list(void *context, const xml_element *e) {
    reader *r = context;
    odf_sheet *s = &r->d->sheet;
    if (strcmp(xml_local_name(e), "outline-style") == 0) {
        r->list = &s->outline;
        return true;
    }
    if (s->list_count >= STYLES_MAX) return false;
    if (s->list_count == s->list_room) {
        s->list_room = s->list_room ? 2 * s->list_room : 16;
        s->lists = mem_grow(s->lists, s->list_room, sizeof *s->lists);
    }
    r->list = &s->lists[s->list_count++];
    memset(r->list, 0, sizeof *r->list);
    r->list->name = arena_str(r->d->a, xml_attribute(e, "style:name"));
    return true;
}

static void leave_list(void *context) {
    ((reader *)context)->list = NULL;
}

static bool enter_level(void *context, const xml_element *e) {
    reader *r = context;
    arena *a = r->d->a;
    long at = xml_number(e, "text:level", 1, ODF_LEVELS, 0);
    if (!r->list || at == 0) return false;
    odf_level *l = &r->list->levels[at - 1];
    str format = xml_attribute(e, "style:num-format");
    bool number = strcmp(xml_local_name(e), "list-level-style-number") == 0 ||
                  strcmp(xml_local_name(e), "outline-level-style") == 0;
    l->format = !number                        ? '-'
                : format.n == 0                ? 0
                : strchr("1aAiI", format.p[0]) ? format.p[0]
                                               : '1';
    l->prefix = arena_str(a, xml_attribute(e, "style:num-prefix"));
    l->suffix = arena_str(a, xml_attribute(e, "style:num-suffix"));
    l->shown = (int)xml_number(e, "text:display-levels", 1, ODF_LEVELS, 1);
    l->start = xml_number(e, "text:start-value", 0, NUMBER_MAX, 1);
    return false;
}

static int compare_styles(const void *a, const void *b) {
    return str_compare(((const odf_style *)a)->name, ((const odf_style *)b)->name);
}

void odf_read_styles(odf *d) {
    static const xml_rule rules[] = {
        {.name = "style:style", .enter = enter_style, .leave = leave_style},
        {.name = "style:default-style", .enter = enter_default, .leave = leave_default},
        {.name = "style:text-properties", .enter = enter_text_properties},
        {.name = "style:paragraph-properties", .enter = enter_paragraph_properties},
        {.name = "style:table-properties", .enter = enter_table_properties},
        {.name = "style:table-row-properties", .enter = enter_cell_properties},
        {.name = "style:table-cell-properties", .enter = enter_cell_properties},
        {.name = "style:graphic-properties", .enter = enter_graphic_properties},
        {.name = "style:drawing-page-properties", .enter = enter_slide_properties},
        {.name = "style:page-layout-properties", .enter = enter_page_properties},
        {.name = "style:background-image", .enter = enter_ground_picture},
        {.name = "text:list-style", .enter = enter_list, .leave = leave_list},
        {.name = "text:outline-style", .enter = enter_list, .leave = leave_list},
        {.name = "text:list-level-style-number", .enter = enter_level},
        {.name = "text:list-level-style-bullet", .enter = enter_level},
        {.name = "text:list-level-style-image", .enter = enter_level},
        {.name = "text:outline-level-style", .enter = enter_level},
        {.name = "office:body", .skip = true},
        {0},
    };
    static const char *const parts[] = {"styles.xml", "content.xml"};
    for (size_t i = 0; i < 2; i++) {
        reader r = {.d = d};
        xml_walker walker = {.rules = rules, .context = &r};
        size_t entry = package_find(d->p, str_of(parts[i]));
        bool whole; /* of broken styles what could be read is better than nothing */
        if (entry != PACKAGE_NONE) (void)xml_walk_entry(d->p, entry, &walker, &whole, NULL);
    }
    if (d->sheet.style_count > 0)
        qsort(d->sheet.styles, d->sheet.style_count, sizeof *d->sheet.styles, compare_styles);
}

void odf_free_styles(odf_sheet *s) {
    mem_free(s->styles);
    mem_free(s->lists);
    *s = (odf_sheet){0};
}

/* ---- asking -------------------------------------------------------------------------------- */

static const odf_style *find_style(const odf_sheet *s, str name) {
    odf_style wanted = {.name = name};
    if (name.n == 0 || s->style_count == 0) return NULL;
    return bsearch(&wanted, s->styles, s->style_count, sizeof *s->styles, compare_styles);
}

odf_kind odf_kind_of(const odf_sheet *s, str style, int *level) {
    str name = style;
    const odf_style *at = find_style(s, name);
    *level = 0;
    for (int i = 0; i < CHAIN_MAX && name.n > 0; i++) {
        if (str_eq(name, STR("Title"))) {
            *level = 1;
            return ODF_TITLE;
        }
        if (str_eq(name, STR("Subtitle"))) {
            *level = 2;
            return ODF_SUBTITLE;
        }
        if (str_eq(name, STR("Caption"))) return ODF_CAPTION;
        if (str_eq(name, STR("Preformatted_20_Text"))) return ODF_CODE;
        if (str_starts(name, STR("Contents_20_"))) return ODF_CONTENTS;
        if (at && at->outline > 0) {
            *level = at->outline;
            return ODF_HEADING;
        }
        name = at ? at->parent : (str){0};
        at = find_style(s, name);
    }
    return ODF_TEXT;
}

bool odf_is_hidden(const odf_sheet *s, str style) {
    const odf_style *at = find_style(s, style);
    for (int i = 0; at && i < CHAIN_MAX; i++, at = find_style(s, at->parent))
        if (at->hidden >= 0) return at->hidden == 1;
    return false;
}

odf_look odf_look_of(const odf_sheet *s, str style) {
    odf_look look = {-1, -1, -1, -1};
    const odf_style *at = find_style(s, style);
    for (int i = 0; at && i < CHAIN_MAX; i++, at = find_style(s, at->parent)) {
        if (look.white < 0) look.white = at->white;
        if (look.shaded < 0) look.shaded = at->shaded;
        if (look.tiny < 0) look.tiny = at->tiny;
        if (look.struck < 0) look.struck = at->struck;
    }
    return look;
}

script_level odf_level_of(const odf_sheet *s, str style) {
    const odf_style *at = find_style(s, style);
    for (int i = 0; at && i < CHAIN_MAX; i++, at = find_style(s, at->parent))
        if (at->level != SCRIPT_BASE) return at->level;
    return SCRIPT_BASE;
}

bool odf_breaks_page(const odf_sheet *s, str style) {
    const odf_style *at = find_style(s, style);
    for (int i = 0; at && i < CHAIN_MAX; i++, at = find_style(s, at->parent))
        if (at->breaks) return true;
    return false;
}

str odf_list_of(const odf_sheet *s, str style) {
    const odf_style *at = find_style(s, style);
    for (int i = 0; at && i < CHAIN_MAX; i++, at = find_style(s, at->parent))
        if (at->list.n > 0) return at->list;
    return (str){0};
}

odf_list *odf_find_list(odf_sheet *s, str name) {
    for (size_t i = 0; name.n > 0 && i < s->list_count; i++)
        if (str_eq(s->lists[i].name, name)) return &s->lists[i];
    return NULL;
}

void odf_next_mark(odf_list *l, int level, long start, text *mark) {
    const odf_level *own = &l->levels[level];
    text_clear(mark);
    for (int i = 0; i < level; i++)
        if (l->counts[i] == 0) l->counts[i] = l->levels[i].start;
    long *count = &l->counts[level];
    *count = start >= 0            ? start
             : *count == 0         ? own->start
             : *count < NUMBER_MAX ? *count + 1
                                   : *count;
    for (int i = level + 1; i < ODF_LEVELS; i++) l->counts[i] = 0;
    if (own->format == '-') text_put(mark, STR("- "));
    if (own->format == '-' || own->format == 0) return;
    text_put(mark, own->prefix);
    for (int i = level - own->shown + 1 > 0 ? level - own->shown + 1 : 0; i <= level; i++) {
        char format = l->levels[i].format;
        if (format == 0 || format == '-') continue;
        ordinal_put(mark, format, l->counts[i]);
        if (i < level) text_put_char(mark, '.');
    }
    text_put(mark, own->suffix);
    while (mark->n > 0 && mark->p[mark->n - 1] == ' ') text_cut(mark, mark->n - 1);
    text_put_char(mark, ' ');
}
