/* Styles and numbering of DOCX (ECMA-376 part 1, 17.7 and 17.9).
 *
 * Owns what a paragraph is: a heading by the outline level of itself or of its styles (the names of
 * styles are translated, levels are not), a title, an entry of a table of contents; and the numbers
 * that Word computes and no file holds. Counters belong to the abstract numbering, so that two
 * lists over one go on counting, as Word does. Chains of styles end after a fixed number of steps,
 * since a file may make them go round.
 */
#include "ingest/parse/office/docx.h"

#include "ingest/parse/office/colour.h"
#include "ingest/parse/office/ordinal.h"

#include <string.h>

#define STYLES_MAX 16384
#define LISTS_MAX 65536
#define CHAIN_MAX 32
/* An item's number; beyond it something else is wrong. */
#define NUMBER_MAX 1000000
/* Letters that stand so many half points off their line are raised or lowered. */
#define RISE_SEEN 3

typedef struct {
    docx_sheet *out;
    arena *a;
    docx_style *style;
    docx_scheme *scheme;
    docx_level *level;
    docx_list *list;
    long list_level;
    bool defaults;
} reader;

static void *grown(void *items, size_t count, size_t *room, size_t size) {
    if (count < *room) return items;
    *room = *room ? 2 * *room : 64;
    return mem_grow(items, *room, size);
}

/* ---- styles.xml ---------------------------------------------------------------------------- */

static bool enter_style(void *context, const xml_element *e) {
    reader *r = context;
    docx_sheet *s = r->out;
    if (s->style_count >= STYLES_MAX) return false;
    s->styles = grown(s->styles, s->style_count, &s->style_room, sizeof *s->styles);
    r->style = &s->styles[s->style_count++];
    *r->style = (docx_style){.outline = -1, .list = -1, .level = -1, .look = DOCX_LOOK_UNSAID};
    r->style->id = arena_str(r->a, xml_attribute(e, "w:styleId"));
    return true;
}

static void leave_style(void *context) {
    ((reader *)context)->style = NULL;
}

static bool enter_name(void *context, const xml_element *e) {
    reader *r = context;
    if (r->style) r->style->name = arena_str(r->a, xml_attribute(e, "w:val"));
    return true;
}

static bool enter_based_on(void *context, const xml_element *e) {
    reader *r = context;
    if (r->style) r->style->based_on = arena_str(r->a, xml_attribute(e, "w:val"));
    return true;
}

static bool enter_outline(void *context, const xml_element *e) {
    reader *r = context;
    if (r->style) r->style->outline = (int)xml_number(e, "w:val", 0, DOCX_LEVELS, -1);
    return true;
}

static bool enter_list_id(void *context, const xml_element *e) {
    reader *r = context;
    if (r->style) r->style->list = (int)xml_number(e, "w:val", 0, INT32_MAX, -1);
    return true;
}

static bool enter_list_level(void *context, const xml_element *e) {
    reader *r = context;
    if (r->style) r->style->level = (int)xml_number(e, "w:val", 0, DOCX_LEVELS - 1, -1);
    return true;
}

static bool enter_look(void *context, const xml_element *e) {
    reader *r = context;
    if (r->style) docx_look_put(&r->style->look, e);
    return true;
}

/* Of a table's first row, odd columns and so on: it may be a ground under any of its cells. */
static bool enter_conditional(void *context, const xml_element *e) {
    (void)e;
    reader *r = context;
    if (r->style) r->style->look.shaded = 1;
    return false;
}

static bool enter_defaults(void *context, const xml_element *e) {
    (void)e;
    ((reader *)context)->defaults = true;
    return true;
}

static void leave_defaults(void *context) {
    ((reader *)context)->defaults = false;
}

static bool enter_language(void *context, const xml_element *e) {
    reader *r = context;
    if (r->defaults && r->out->language.n == 0)
        r->out->language = arena_str(r->a, xml_attribute(e, "w:val"));
    return true;
}

static const xml_rule style_rules[] = {
    {.name = "w:style", .enter = enter_style, .leave = leave_style},
    {.name = "w:name", .enter = enter_name},
    {.name = "w:basedOn", .enter = enter_based_on},
    {.name = "w:outlineLvl", .enter = enter_outline},
    {.name = "w:numId", .enter = enter_list_id},
    {.name = "w:ilvl", .enter = enter_list_level},
    {.name = "w:vanish", .enter = enter_look},
    {.name = "w:strike", .enter = enter_look},
    {.name = "w:dstrike", .enter = enter_look},
    {.name = "w:color", .enter = enter_look},
    {.name = "w:sz", .enter = enter_look},
    {.name = "w:shd", .enter = enter_look},
    {.name = "w:highlight", .enter = enter_look},
    {.name = "w:outline", .enter = enter_look},
    {.name = "w:shadow", .enter = enter_look},
    {.name = "w:vertAlign", .enter = enter_look},
    {.name = "w:position", .enter = enter_look},
    {.name = "w:docDefaults", .enter = enter_defaults, .leave = leave_defaults},
    {.name = "w:lang", .enter = enter_language},
    {.name = "w:tblStylePr", .enter = enter_conditional},
    {0},
};

/* ---- numbering.xml ------------------------------------------------------------------------- */

static bool enter_scheme(void *context, const xml_element *e) {
    reader *r = context;
    docx_sheet *s = r->out;
    if (s->scheme_count >= LISTS_MAX) return false;
    s->schemes = grown(s->schemes, s->scheme_count, &s->scheme_room, sizeof *s->schemes);
    r->scheme = &s->schemes[s->scheme_count++];
    memset(r->scheme, 0, sizeof *r->scheme);
    r->scheme->id = arena_str(r->a, xml_attribute(e, "w:abstractNumId"));
    for (int i = 0; i < DOCX_LEVELS; i++) r->scheme->levels[i].start = 1;
    return true;
}

static void leave_scheme(void *context) {
    ((reader *)context)->scheme = NULL;
}

static bool enter_level(void *context, const xml_element *e) {
    reader *r = context;
    long at = xml_number(e, "w:ilvl", 0, DOCX_LEVELS - 1, -1);
    r->level = r->scheme && at >= 0 ? &r->scheme->levels[at] : NULL;
    return r->level != NULL;
}

static void leave_level(void *context) {
    ((reader *)context)->level = NULL;
}

static bool enter_start(void *context, const xml_element *e) {
    reader *r = context;
    if (r->level) r->level->start = xml_number(e, "w:val", 0, NUMBER_MAX, 1);
    return true;
}

static bool enter_format(void *context, const xml_element *e) {
    reader *r = context;
    if (r->level) r->level->format = arena_str(r->a, xml_attribute(e, "w:val"));
    return true;
}

static bool enter_pattern(void *context, const xml_element *e) {
    reader *r = context;
    if (r->level) r->level->pattern = arena_str(r->a, xml_attribute(e, "w:val"));
    return true;
}

/* "III" of a level above is 3 in the numbers of this one. */
static bool enter_legal(void *context, const xml_element *e) {
    reader *r = context;
    if (r->level) r->level->legal = xml_is_on(e, "w:val");
    return true;
}

static bool enter_level_style(void *context, const xml_element *e) {
    reader *r = context;
    if (r->level) r->level->style = arena_str(r->a, xml_attribute(e, "w:val"));
    return true;
}

static bool enter_style_link(void *context, const xml_element *e) {
    reader *r = context;
    if (r->scheme) r->scheme->style_link = arena_str(r->a, xml_attribute(e, "w:val"));
    return true;
}

static bool enter_list(void *context, const xml_element *e) {
    reader *r = context;
    docx_sheet *s = r->out;
    if (s->list_count >= LISTS_MAX) return false;
    s->lists = grown(s->lists, s->list_count, &s->list_room, sizeof *s->lists);
    r->list = &s->lists[s->list_count++];
    *r->list = (docx_list){.id = xml_number(e, "w:numId", 0, INT32_MAX, -1), .scheme = SIZE_MAX};
    for (int i = 0; i < DOCX_LEVELS; i++) r->list->restart[i] = -1;
    return true;
}

static void leave_list(void *context) {
    ((reader *)context)->list = NULL;
}

static bool enter_list_scheme(void *context, const xml_element *e) {
    reader *r = context;
    str id = xml_attribute(e, "w:val");
    for (size_t i = 0; r->list && i < r->out->scheme_count; i++)
        if (str_eq(r->out->schemes[i].id, id)) r->list->scheme = i;
    return true;
}

static bool enter_override(void *context, const xml_element *e) {
    reader *r = context;
    r->list_level = xml_number(e, "w:ilvl", 0, DOCX_LEVELS - 1, -1);
    return true;
}

static bool enter_restart(void *context, const xml_element *e) {
    reader *r = context;
    if (r->list && r->list_level >= 0)
        r->list->restart[r->list_level] = xml_number(e, "w:val", 0, NUMBER_MAX, 1);
    return true;
}

static const xml_rule list_rules[] = {
    {.name = "w:abstractNum", .enter = enter_scheme, .leave = leave_scheme},
    {.name = "w:lvl", .enter = enter_level, .leave = leave_level},
    {.name = "w:start", .enter = enter_start},
    {.name = "w:numFmt", .enter = enter_format},
    {.name = "w:lvlText", .enter = enter_pattern},
    {.name = "w:isLgl", .enter = enter_legal},
    {.name = "w:pStyle", .enter = enter_level_style},
    {.name = "w:numStyleLink", .enter = enter_style_link},
    {.name = "w:num", .enter = enter_list, .leave = leave_list},
    {.name = "w:abstractNumId", .enter = enter_list_scheme},
    {.name = "w:lvlOverride", .enter = enter_override},
    {.name = "w:startOverride", .enter = enter_restart},
    {0},
};

void docx_read_styles(package *p, const ooxml_relations *r, arena *a, docx_sheet *out) {
    reader context = {.out = out, .a = a, .list_level = -1};
    xml_walker walker = {.rules = style_rules, .context = &context};
    size_t styles = ooxml_entry(p, ooxml_find_type(r, STR("styles")));
    size_t numbering = ooxml_entry(p, ooxml_find_type(r, STR("numbering")));
    bool whole; /* of a broken part what could be read is better than nothing */
    if (styles != PACKAGE_NONE) (void)xml_walk_entry(p, styles, &walker, &whole, NULL);
    walker.rules = list_rules;
    if (numbering != PACKAGE_NONE) (void)xml_walk_entry(p, numbering, &walker, &whole, NULL);
}

void docx_free_styles(docx_sheet *s) {
    mem_free(s->styles);
    mem_free(s->schemes);
    mem_free(s->lists);
    *s = (docx_sheet){0};
}

/* ---- what a paragraph is ------------------------------------------------------------------- */

static const docx_style *find_style(const docx_sheet *s, str id) {
    for (size_t i = 0; id.n > 0 && i < s->style_count; i++)
        if (str_eq(s->styles[i].id, id)) return &s->styles[i];
    return NULL;
}

/* "heading 3" as Word names the style in every language; 0: it is none. */
static int heading_of_name(str name) {
    bool word = str_eq_nocase(str_cut(name, 0, 7), STR("heading")) && name.n <= 9;
    char last = word && name.n > 7 ? name.p[name.n - 1] : '0';
    return last >= '1' && last <= '9' ? last - '0' : 0;
}

static bool is_contents(str name) {
    return name.n >= 4 && name.n <= 6 && str_eq_nocase(str_cut(name, 0, 3), STR("toc"));
}

static bool is_code(str name) {
    static const char *const names[] = {"HTML Preformatted", "Source Code", "Code", "macro"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq_nocase(name, str_of(names[i]))) return true;
    return false;
}

docx_kind docx_kind_of(const docx_sheet *s, const docx_paragraph *q, uint8_t *level) {
    const docx_style *style = find_style(s, q->style);
    int outline = q->outline;
    *level = 0;
    for (int i = 0; style && i < CHAIN_MAX; i++) {
        if (str_eq_nocase(style->name, STR("title"))) {
            *level = 1;
            return DOCX_TITLE;
        }
        if (str_eq_nocase(style->name, STR("subtitle"))) {
            *level = 2;
            return DOCX_SUBTITLE;
        }
        if (is_contents(style->name)) return DOCX_CONTENTS;
        if (str_eq_nocase(style->name, STR("caption"))) return DOCX_CAPTION;
        if (is_code(style->name)) return DOCX_CODE;
        if (outline < 0) outline = style->outline;
        if (outline < 0 && heading_of_name(style->name) > 0)
            outline = heading_of_name(style->name) - 1;
        if (outline >= 0) break;
        style = find_style(s, style->based_on);
    }
    if (outline < 0 && !style) outline = heading_of_name(q->style) - 1; /* styles.xml is gone */
    if (outline < 0 || outline >= DOCX_LEVELS) return DOCX_TEXT;
    *level = (uint8_t)(outline + 1);
    return DOCX_HEADING;
}

/* ---- whether it is seen -------------------------------------------------------------------- */

/* Patterns, and colours that only the theme knows, count as a ground. */
static bool is_ground(const xml_element *e) {
    str pattern = xml_attribute(e, "w:val");
    bool plain = pattern.n == 0 || str_eq(pattern, STR("clear")) || str_eq(pattern, STR("nil"));
    if (!plain) return true;
    str fill = xml_attribute(e, "w:fill");
    if (fill.n == 0 || str_eq(fill, STR("auto"))) return xml_has(e, "w:themeFill");
    return !colour_is_white(fill);
}

void docx_look_put(docx_look *look, const xml_element *e) {
    const char *name = xml_local_name(e);
    str value = xml_attribute(e, "w:val");
    if (strcmp(name, "vanish") == 0) {
        look->hidden = xml_is_on(e, "w:val");
    } else if (strcmp(name, "strike") == 0 || strcmp(name, "dstrike") == 0) {
        if (look->struck != 1) look->struck = xml_is_on(e, "w:val");
    } else if (strcmp(name, "color") == 0) {
        look->white = colour_is_white(value);
    } else if (strcmp(name, "sz") == 0) {
        look->size = (int)xml_number(e, "w:val", 0, INT16_MAX, -1);
    } else if (strcmp(name, "highlight") == 0) {
        if (!str_eq(value, STR("none"))) look->shaded = !str_eq(value, STR("white"));
    } else if (strcmp(name, "shd") == 0) {
        bool ground = is_ground(e), said = colour_is_white(xml_attribute(e, "w:fill"));
        if (look->shaded != 1 && (ground || said)) look->shaded = ground;
    } else if (strcmp(name, "vertAlign") == 0) {
        look->level = str_eq(value, STR("superscript")) ? SCRIPT_RAISED
                      : str_eq(value, STR("subscript")) ? SCRIPT_LOWERED
                                                        : SCRIPT_BASE;
    } else if (strcmp(name, "position") == 0) {
        long rise = xml_number(e, "w:val", INT16_MIN, INT16_MAX, 0);
        if (rise >= RISE_SEEN || rise <= -RISE_SEEN)
            look->level = rise > 0 ? SCRIPT_RAISED : SCRIPT_LOWERED;
    } else if (xml_is_on(e, "w:val")) { /* letters with an outline or a shadow show on any ground */
        look->shaded = 1;
    }
}

void docx_style_look(const docx_sheet *s, str id, docx_look *look) {
    const docx_style *style = find_style(s, id);
    for (int i = 0; style && i < CHAIN_MAX; i++, style = find_style(s, style->based_on)) {
        if (look->hidden < 0) look->hidden = style->look.hidden;
        if (look->struck < 0) look->struck = style->look.struck;
        if (look->white < 0) look->white = style->look.white;
        if (look->shaded < 0) look->shaded = style->look.shaded;
        if (look->size < 0) look->size = style->look.size;
        if (look->level < 0) look->level = style->look.level;
    }
}

/* ---- numbers ------------------------------------------------------------------------------- */

static docx_list *find_list(docx_sheet *s, long id) {
    for (size_t i = 0; i < s->list_count; i++)
        if (s->lists[i].id == id && s->lists[i].scheme < s->scheme_count) return &s->lists[i];
    return NULL;
}

/* The list and level of a paragraph, by itself or by its styles. */
static docx_list *list_of(docx_sheet *s, const docx_paragraph *q, int *level) {
    long id = q->list;
    str by_style = {0};
    *level = q->level;
    const docx_style *style = find_style(s, q->style);
    for (int i = 0; style && i < CHAIN_MAX && id < 0; i++) {
        if (style->list >= 0) {
            id = style->list;
            by_style = style->id;
            if (*level < 0) *level = style->level;
        }
        style = find_style(s, style->based_on);
    }
    docx_list *list = id > 0 ? find_list(s, id) : NULL;
    for (int i = 0; list && i < CHAIN_MAX && s->schemes[list->scheme].style_link.n > 0; i++) {
        style = find_style(s, s->schemes[list->scheme].style_link);
        list = style ? find_list(s, style->list) : NULL;
    }
    for (int i = 0; list && by_style.n > 0 && i < DOCX_LEVELS; i++)
        if (str_eq(s->schemes[list->scheme].levels[i].style, by_style)) *level = i;
    if (*level < 0) *level = 0;
    return list;
}

static void put_number(text *t, str format, long v) {
    bool upper = str_starts(format, STR("upper"));
    char style = str_find(format, STR("Roman"), 0) != SIZE_MAX    ? 'i'
                 : str_find(format, STR("Letter"), 0) != SIZE_MAX ? 'a'
                                                                  : '1';
    if (str_eq(format, STR("decimalZero")) && v < 10) text_put_char(t, '0');
    ordinal_put(t, !upper ? style : style == 'i' ? 'I' : style == 'a' ? 'A' : '1', v);
}

static void count_on(docx_scheme *scheme, docx_list *list, int level) {
    for (int i = 0; i < DOCX_LEVELS && !list->begun; i++)
        if (list->restart[i] >= 0) {
            scheme->counts[i] = list->restart[i];
            scheme->counted[i] = false;
        }
    for (int i = 0; i <= level; i++) {
        bool restarted = !list->begun && list->restart[i] >= 0;
        if (!scheme->counted[i] && !restarted) scheme->counts[i] = scheme->levels[i].start;
        if (i == level && scheme->counted[i] && scheme->counts[i] < NUMBER_MAX) scheme->counts[i]++;
        scheme->counted[i] = true;
    }
    for (int i = level + 1; i < DOCX_LEVELS; i++) scheme->counted[i] = false;
    list->begun = true;
}

bool docx_next_mark(docx_sheet *s, const docx_paragraph *q, text *mark) {
    int level;
    docx_list *list = list_of(s, q, &level);
    text_clear(mark);
    if (!list) return false;
    docx_scheme *scheme = &s->schemes[list->scheme];
    const docx_level *own = &scheme->levels[level];
    count_on(scheme, list, level);
    if (str_eq(own->format, STR("none"))) return true;
    if (str_eq(own->format, STR("bullet"))) {
        text_put(mark, STR("- "));
        return true;
    }
    for (size_t i = 0; i < own->pattern.n; i++) {
        char digit = own->pattern.p[i] == '%' && i + 1 < own->pattern.n ? own->pattern.p[i + 1] : 0;
        if (digit >= '1' && digit <= '9') {
            const docx_level *of = &scheme->levels[digit - '1'];
            put_number(mark, own->legal ? STR("decimal") : of->format, scheme->counts[digit - '1']);
            i++;
        } else {
            text_put_char(mark, own->pattern.p[i]);
        }
    }
    if (mark->n > 0) text_put_char(mark, ' ');
    return true;
}
