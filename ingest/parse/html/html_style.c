/* What the style sheets of a page hide, raise and lower: its <style> blocks, and those of a book or
 * a saved page that came with it.
 *
 * Owns a small part of CSS: rules for one class or one id ("p.x", "#y") outside of any condition,
 * whose declarations leave nothing to be seen, or lift letters off their line. Sites fold away
 * menus and tabs in the same way and unfold them by a script, so a rule is believed only where no
 * other rule shows the same name again, where the name is not one of such parts, and where it does
 * not take most of the page: then a script shows it. Names for what is read aloud are no secret
 * either.
 *
 * It fetches nothing, knows no cascade, and reads so many bytes and rules and no more, in one walk.
 */
#include "ingest/parse/html/html.h"

#include <stdlib.h>
#include <string.h>

/* Of all blocks together: the largest sheets that sites write into a page stay below. */
#define SHEET_BYTES_MAX ((size_t)2 << 20)
/* Rules that hide; each selector that shows something is compared with all of them. */
#define RULES_MAX 256
/* Rules that raise, lower or strike; a book has a handful. */
#define LEVELS_MAX 64
/* Selectors that are compared. */
#define COMPARED_MAX 100000
/* What hides more of a page than this is undone by a script. */
#define HIDDEN_SHARE 0.5
/* Farther out than any screen is wide needs three digits and more. */
#define FAR_OUT_PX 999

typedef struct {
    str tag, name;
    char kind;          /* '.' or '#' */
    bool hides, undone; /* undone: somewhere else it is shown */
    script_level level; /* of one that raises or lowers */
    bool strikes;       /* puts a line through */
} rule;

struct html_sheet {
    text css; /* without comments */
    rule *rules;
    size_t count, compared;
    rule levels[LEVELS_MAX]; /* that raise, lower or strike */
    size_t level_count;
    bool grounds;
};

/* ---- declarations -------------------------------------------------------------------------- */

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool value_is(str style, const char *property, const char *value) {
    str v = html_named_style(style, str_of(property)), wanted = str_of(value);
    return v.n >= wanted.n && str_eq_nocase(str_cut(v, 0, wanted.n), wanted);
}

static double number_of(str v, bool *is) {
    char digits[24] = "";
    size_t n = v.n < sizeof digits ? v.n : sizeof digits - 1;
    if (n > 0) memcpy(digits, v.p, n);
    char *end;
    double d = strtod(digits, &end);
    *is = n > 0 && end != digits;
    return d;
}

/* Shown a moment later, or when something is pointed at. */
static bool is_animated(str style) {
    static const char *const signs[] = {"transition", "animation",          "animation-name",
                                        "transform",  "-webkit-transition", "will-change"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (html_named_style(style, str_of(signs[i])).n > 0) return true;
    return false;
}

static bool is_transparent(str style) {
    bool is;
    return number_of(html_named_style(style, STR("opacity")), &is) <= 0 && is &&
           !is_animated(style);
}

static bool is_far_out(str v) {
    bool is;
    double d = number_of(v, &is);
    bool em = str_find(v, STR("em"), 0) != SIZE_MAX;
    return is && d <= (em ? -FAR_OUT_PX / 16 : -FAR_OUT_PX);
}

/* Outside of the window. A picture often stands in the place of an indented heading. */
static bool is_outside(str style) {
    str position = html_named_style(style, STR("position"));
    bool placed = position.n > 0 && !str_eq_nocase(position, STR("static"));
    bool picture = str_find(style, STR("background"), 0) != SIZE_MAX;
    return (placed && (is_far_out(html_named_style(style, STR("left"))) ||
                       is_far_out(html_named_style(style, STR("top"))))) ||
           (!picture && is_far_out(html_named_style(style, STR("text-indent"))));
}

/* "rect(0 0 0 0)", "rect(1px, 1px, 1px, 1px)" */
static bool is_clipped(str style) {
    str clip = html_named_style(style, STR("clip"));
    if (!str_starts(clip, STR("rect("))) return false;
    for (size_t i = 5; i < clip.n && clip.p[i] != ')'; i++)
        if ((clip.p[i] >= '2' && clip.p[i] <= '9') || clip.p[i] == 'a') return false;
    return true;
}

bool html_style_out_of_sight(str style) {
    return is_transparent(style) || is_outside(style) || is_clipped(style);
}

static bool declares_hidden(str style) {
    if (is_animated(style) && !value_is(style, "display", "none")) return false;
    return value_is(style, "display", "none") || value_is(style, "visibility", "hidden") ||
           html_named_tiny(html_named_style(style, STR("font-size"))) || is_transparent(style) ||
           is_outside(style);
}

/* Says the contrary of one of those. */
static bool declares_shown(str style) {
    str display = html_named_style(style, STR("display"));
    str opacity = html_named_style(style, STR("opacity"));
    str left = html_named_style(style, STR("left")),
        size = html_named_style(style, STR("font-size"));
    return (display.n > 0 && !value_is(style, "display", "none")) ||
           value_is(style, "visibility", "visible") || (opacity.n > 0 && !is_transparent(style)) ||
           (left.n > 0 && !is_far_out(left)) || (size.n > 0 && !html_named_tiny(size));
}

/* By name, or by a length in letters that are smaller. */
script_level html_style_script(str style) {
    str align = html_named_style(style, STR("vertical-align"));
    bool is;
    if (align.n == 0) return SCRIPT_BASE;
    if (str_eq_nocase(align, STR("super"))) return SCRIPT_RAISED;
    if (str_eq_nocase(align, STR("sub"))) return SCRIPT_LOWERED;
    if (html_named_style(style, STR("font-size")).n == 0) return SCRIPT_BASE;
    if (str_eq_nocase(align, STR("text-top"))) return SCRIPT_RAISED;
    double lift = number_of(align, &is);
    return !is || lift == 0 ? SCRIPT_BASE : lift > 0 ? SCRIPT_RAISED : SCRIPT_LOWERED;
}

bool html_style_has_strike(str style) {
    static const char *const names[] = {"text-decoration", "text-decoration-line"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        str line = html_named_style(style, str_of(names[i]));
        if (str_find(line, STR("line-through"), 0) != SIZE_MAX) return true;
    }
    return false;
}

/* ---- selectors ----------------------------------------------------------------------------- */

static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c < 0;
}

static size_t name_end(str s, size_t i) {
    while (i < s.n && is_name(s.p[i])) i++;
    return i;
}

/* ".x", "#y" and "p.x"; false for any other. */
static bool read_selector(str s, rule *out) {
    size_t tag = name_end(s, 0);
    if (tag >= s.n || (s.p[tag] != '.' && s.p[tag] != '#')) return false;
    size_t end = name_end(s, tag + 1);
    *out = (rule){.tag = str_cut(s, 0, tag), .kind = s.p[tag], .name = str_cut(s, tag + 1, end)};
    return end == s.n && out->name.n > 0;
}

/* Parts of a page that a click unfolds, that move in, or that are there to be read aloud. */
static bool is_toggled(str name) {
    static const char *const words[] = {
        "tab",   "accord", "collaps", "toggle",   "expand", "panel",  "slide",    "carousel",
        "modal", "popup",  "tooltip", "dropdown", "menu",   "nav",    "fade",     "reveal",
        "anim",  "aos",    "lazy",    "loading",  "js",     "sr-",    "visually", "screen",
        "a11y",  "aural",  "assist",  "spoiler",  "answer", "mobile", "desktop",  "print"};
    char lower[64];
    size_t n = name.n < sizeof lower ? name.n : sizeof lower;
    for (size_t i = 0; i < n; i++)
        lower[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] + 32) : name.p[i];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_find((str){lower, n}, str_of(words[i]), 0) != SIZE_MAX) return true;
    return false;
}

static rule *find_rule(html_sheet *s, const rule *wanted) {
    for (size_t i = 0; i < s->count; i++)
        if (s->rules[i].kind == wanted->kind && str_eq(s->rules[i].name, wanted->name) &&
            str_eq_nocase(s->rules[i].tag, wanted->tag))
            return &s->rules[i];
    return NULL;
}

/* Whatever the selector says besides, this name is shown there. */
static void undo_names(html_sheet *s, str selector) {
    for (size_t i = 0; i < selector.n; i++) {
        if (selector.p[i] != '.' && selector.p[i] != '#') continue;
        str name = str_cut(selector, i + 1, name_end(selector, i + 1));
        for (size_t k = 0; k < s->count && s->compared < COMPARED_MAX; k++)
            if (s->rules[k].kind == selector.p[i] && str_eq(s->rules[k].name, name))
                s->rules[k].undone = true;
        s->compared++;
    }
}

/* ---- rules --------------------------------------------------------------------------------- */

static void take_level(html_sheet *s, str selectors, str style) {
    script_level level = html_style_script(style);
    bool strikes = html_style_has_strike(style);
    if (level == SCRIPT_BASE && !strikes) return;
    for (size_t i = 0; i < selectors.n;) {
        size_t end = i;
        rule r;
        while (end < selectors.n && selectors.p[end] != ',') end++;
        if (read_selector(str_trim(str_cut(selectors, i, end)), &r) &&
            s->level_count < LEVELS_MAX) {
            r.level = level;
            r.strikes = strikes;
            s->levels[s->level_count++] = r;
        }
        i = end + 1;
    }
}

/* First all that hide, then all that show: their order among each other is that of the sheet only
 * between rules for the same name alone. */
static void take_rule(html_sheet *s, str selectors, str style, bool conditional, bool second) {
    bool hides = declares_hidden(style), shows = !hides && declares_shown(style);
    if (!hides && !shows) return;
    for (size_t i = 0; i < selectors.n && s->compared < COMPARED_MAX;) {
        size_t end = i;
        while (end < selectors.n && selectors.p[end] != ',') end++;
        str selector = str_trim(str_cut(selectors, i, end));
        rule r;
        bool simple = !conditional && read_selector(selector, &r);
        i = end + 1;
        s->compared++;
        if (second && shows && !simple) undo_names(s, selector);
        if (second || !simple) continue;
        rule *known = find_rule(s, &r);
        if (known)
            known->hides = hides;
        else if (hides && s->count < RULES_MAX && !is_toggled(r.name)) {
            r.hides = true;
            s->rules[s->count++] = r;
        }
    }
}

/* A dark ground for what has no name: the page, the cells of tables. */
static bool gives_ground(str selectors, str style) {
    str ground = html_named_style(style, STR("background-color"));
    if (ground.n == 0) ground = html_named_style(style, STR("background"));
    if (ground.n == 0) ground = html_named_style(style, STR("background-image"));
    if (ground.n == 0 || html_named_white(ground) || str_eq_nocase(ground, STR("none")))
        return false;
    for (size_t i = 0; i < selectors.n;) {
        size_t end = i;
        while (end < selectors.n && selectors.p[end] != ',') end++;
        str one = str_trim(str_cut(selectors, i, end));
        bool named =
            str_find(one, STR("."), 0) != SIZE_MAX || str_find(one, STR("#"), 0) != SIZE_MAX;
        if (one.n > 0 && !named) return true;
        i = end + 1;
    }
    return false;
}

static size_t block_end(str css, size_t open) {
    size_t depth = 0, i = open;
    for (; i < css.n; i++) {
        depth += css.p[i] == '{';
        if (css.p[i] == '}' && --depth == 0) break;
    }
    return i;
}

/* Conditions ("@media print {") are entered, since what is shown in there undoes what is hidden
 * outside; a rule in a rule is passed over. */
static void take_rules(html_sheet *s, bool second) {
    str css = text_str(&s->css);
    size_t conditions = 0;
    for (size_t i = 0; i < css.n;) {
        size_t from = i;
        while (i < css.n && css.p[i] != '{' && css.p[i] != '}' && css.p[i] != ';') i++;
        if (i == css.n) return;
        str prelude = str_trim(str_cut(css, from, i));
        if (css.p[i] == '}') {
            conditions -= conditions > 0;
            i++;
        } else if (css.p[i] == ';') {
            i++;
        } else if (str_starts(prelude, STR("@"))) {
            conditions++;
            i++;
        } else {
            size_t end = block_end(css, i);
            str style = str_cut(css, i + 1, end);
            if (str_find(style, STR("{"), 0) == SIZE_MAX)
                take_rule(s, prelude, style, conditions > 0, second);
            if (!second && conditions == 0) take_level(s, prelude, style);
            if (!second && !s->grounds) s->grounds = gives_ground(prelude, style);
            i = end + 1;
        }
    }
}

/* ---- the sheet ----------------------------------------------------------------------------- */

static void put_css(str css, text *out) {
    static const char *const old[] = {"<!--", "-->"}; /* for browsers that knew no styles */
    for (size_t i = 0; i < css.n && out->n < SHEET_BYTES_MAX; i++) {
        for (size_t k = 0; k < 2; k++)
            if (str_starts(str_cut(css, i, css.n), str_of(old[k]))) i += strlen(old[k]);
        if (i >= css.n) return;
        if (str_starts(str_cut(css, i, css.n), STR("/*"))) {
            size_t end = str_find(css, STR("*/"), i + 2);
            if (end == SIZE_MAX) return;
            i = end + 1;
        } else {
            text_put_char(out, is_blank(css.p[i]) ? ' ' : css.p[i]);
        }
    }
}

static bool is_for_screens(const xmlNode *style) {
    str media = str_trim(html_attribute(style, "media"));
    return media.n == 0 || str_eq_nocase(media, STR("all")) || str_eq_nocase(media, STR("screen"));
}

static int compare_rules(const void *a, const void *b) {
    return str_compare(((const rule *)a)->name, ((const rule *)b)->name);
}

/* Whether a rule that counts is for this one name. */
static bool is_named(const html_sheet *s, const xmlNode *n, char kind, str name) {
    rule wanted = {.name = name};
    const rule *end = s->rules + s->count;
    const rule *r = bsearch(&wanted, s->rules, s->count, sizeof *s->rules, compare_rules);
    while (r && r > s->rules && str_eq(r[-1].name, name)) r--;
    for (; r && r < end && str_eq(r->name, name); r++) {
        bool tag = r->tag.n == 0 || str_eq_nocase(r->tag, str_of((const char *)n->name));
        if (r->kind == kind && tag && r->hides && !r->undone) return true;
    }
    return false;
}

/* The next name of a list of them, from *at on; empty at its end. */
static str next_name(str names, size_t *at) {
    while (*at < names.n && is_blank(names.p[*at])) ++*at;
    size_t from = *at;
    while (*at < names.n && !is_blank(names.p[*at])) ++*at;
    return str_cut(names, from, *at);
}

static bool is_hit(const html_sheet *s, const xmlNode *n) {
    size_t at = 0;
    str names = html_attribute(n, "class"), id = html_attribute(n, "id");
    if (s->count == 0 || names.n + id.n == 0) return false;
    if (id.n > 0 && is_named(s, n, '#', id)) return true;
    for (str name = next_name(names, &at); name.n > 0; name = next_name(names, &at))
        if (is_named(s, n, '.', name)) return true;
    return false;
}

/* The last rule that raises, lowers or (`strike`) strikes n out; NULL: none does. */
static const rule *find_level(const html_page *page, const xmlNode *n, bool strike) {
    const html_sheet *s = page->sheet;
    if (!s || s->level_count == 0 || !n->properties) return NULL;
    str names = html_attribute(n, "class"), id = html_attribute(n, "id");
    for (size_t i = s->level_count; i > 0; i--) {
        const rule *r = &s->levels[i - 1];
        size_t at = 0;
        bool hit = r->kind == '#' && str_eq(r->name, id);
        if (strike ? !r->strikes : r->level == SCRIPT_BASE) continue;
        if (r->tag.n > 0 && !str_eq_nocase(r->tag, str_of((const char *)n->name))) continue;
        for (str name = next_name(names, &at); !hit && r->kind == '.' && name.n > 0;
             name = next_name(names, &at))
            hit = str_eq(name, r->name);
        if (hit) return r;
    }
    return NULL;
}

script_level html_style_level(const html_page *page, const xmlNode *n) {
    const rule *r = find_level(page, n, false);
    return r ? r->level : SCRIPT_BASE;
}

bool html_style_strikes(const html_page *page, const xmlNode *n) {
    return find_level(page, n, true) != NULL;
}

bool html_style_hides(const html_page *page, const xmlNode *n) {
    return page->sheet && is_hit(page->sheet, n);
}

void html_style_read(html_page *page) {
    html_sheet *s = mem_new(1, sizeof *s);
    for (xmlNode *n = page->root; n; n = html_next(n, page->root, true)) {
        if (n->type != XML_ELEMENT_NODE) continue;
        if (html_tag_is(n, "link") && str_eq_nocase(html_attribute(n, "rel"), STR("stylesheet")))
            page->links_sheet = true;
        if (!html_tag_is(n, "style") || !is_for_screens(n)) continue;
        for (const xmlNode *t = n->children; t; t = t->next)
            if (t->content) put_css(str_of((const char *)t->content), &s->css);
        text_put_char(&s->css, '}'); /* what was not closed ends with its element */
    }
    put_css(page->linked, &s->css);
    s->rules = mem_new(RULES_MAX, sizeof *s->rules);
    take_rules(s, false);
    s->compared = 0;
    if (s->count > 0) take_rules(s, true);
    qsort(s->rules, s->count, sizeof *s->rules, compare_rules);
    page->has_grounds = s->grounds;
    page->sheet = s;
}

void html_style_free(html_page *page) {
    if (!page->sheet) return;
    text_free(&page->sheet->css);
    mem_free(page->sheet->rules);
    mem_free(page->sheet);
    page->sheet = NULL;
}

/* Texts are counted, and nothing is dropped yet. */
void html_style_doubt(html_page *page) {
    size_t hidden = 0;
    for (xmlNode *n = html_next(page->root, page->root, true), *next; n; n = next) {
        bool hit = n->type == XML_ELEMENT_NODE && html_named_out_of_sight(n, page);
        if (hit) hidden += html_info_of(n)->text;
        next = html_next(n, page->root, !hit);
    }
    if ((double)hidden > HIDDEN_SHARE * (double)html_info_of(page->root)->text)
        page->sheet_lies = true;
}
