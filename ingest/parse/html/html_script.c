/* Which elements of a page raise or lower their letters, and which raised numbers are marks of
 * notes.
 *
 * Owns what HTML has for it (<sup>, <sub>, vertical-align) and what sites and books have (classes
 * of fractions, references to notes). What becomes of such letters is script.c's business.
 */
#include "ingest/parse/html/html.h"

#include <string.h>

/* Of a note's number. */
#define LABEL_MAX_BYTES 3

static bool has_class(const xmlNode *n, str word) {
    str all = html_attribute(n, "class");
    for (size_t at = str_find(all, word, 0); at != SIZE_MAX; at = str_find(all, word, at + 1)) {
        size_t end = at + word.n;
        if ((at == 0 || all.p[at - 1] == ' ') && (end == all.n || all.p[end] == ' ')) return true;
    }
    return false;
}

static bool is_noteref(const xmlNode *n) {
    return str_find(html_attribute(n, "role"), STR("noteref"), 0) != SIZE_MAX ||
           str_find(html_attribute(n, "epub:type"), STR("noteref"), 0) != SIZE_MAX ||
           str_find(html_attribute(n, "type"), STR("noteref"), 0) != SIZE_MAX;
}

static bool is_in_fraction(const xmlNode *n) {
    const xmlNode *up = n->parent;
    return up && up->type == XML_ELEMENT_NODE &&
           (has_class(up, STR("frac")) || has_class(up, STR("sfrac")));
}

static script_level level_of_span(const xmlNode *n) {
    if (has_class(n, STR("sup")) || has_class(n, STR("superscript"))) return SCRIPT_RAISED;
    if (has_class(n, STR("sub")) || has_class(n, STR("subscript"))) return SCRIPT_LOWERED;
    if (has_class(n, STR("num")) && is_in_fraction(n)) return SCRIPT_RAISED;
    return has_class(n, STR("den")) && is_in_fraction(n) ? SCRIPT_LOWERED : SCRIPT_BASE;
}

script_level html_script_level(const xmlNode *n) {
    if (!n->properties && n->name[0] != 's') return SCRIPT_BASE;
    if (html_kind_of(n) > HTML_LINK) return SCRIPT_BASE;
    if (html_tag_is(n, "sup")) return SCRIPT_RAISED;
    if (html_tag_is(n, "sub")) return SCRIPT_LOWERED;
    script_level level = html_style_script(html_attribute(n, "style"));
    if (level == SCRIPT_BASE) level = html_info_of(n)->script;
    if (level != SCRIPT_BASE) return level;
    if (html_kind_of(n) == HTML_LINK) return is_noteref(n) ? SCRIPT_RAISED : SCRIPT_BASE;
    return html_tag_is(n, "span") ? level_of_span(n) : SCRIPT_BASE;
}

static bool leads_into_page(const xmlNode *a) {
    return html_kind_of(a) == HTML_LINK &&
           str_find(html_attribute(a, "href"), STR("#"), 0) != SIZE_MAX;
}

static bool is_alone(const xmlNode *n) {
    return !n->prev && !n->next;
}

bool html_script_is_note(const xmlNode *n) {
    if (is_noteref(n) || has_class(n, STR("reference")) || has_class(n, STR("footnote")) ||
        has_class(n, STR("footnote-ref")) || has_class(n, STR("noteref")))
        return true;
    if (n->parent && n->parent->type == XML_ELEMENT_NODE && leads_into_page(n->parent) &&
        is_alone(n))
        return true;
    for (const xmlNode *c = n->children; c; c = html_next((xmlNode *)c, n, true))
        if (c->type == XML_ELEMENT_NODE && (leads_into_page(c) || is_noteref(c))) return true;
    return false;
}

/* ---- notes of the page --------------------------------------------------------------------- */

static bool is_blank(const xmlNode *n) {
    if (n->type == XML_ELEMENT_NODE) return html_info_of(n)->text == 0;
    const xmlChar *p = n->content;
    while (p && *p && *p <= ' ') p++;
    return !p || *p == 0;
}

/* Whether a block begins with n, and has more text. */
static bool begins_block(const xmlNode *n) {
    size_t own = html_info_of(n)->text;
    for (;;) {
        for (const xmlNode *p = n->prev; p && html_kind_of(p) < HTML_BREAK; p = p->prev)
            if (!is_blank(p)) return false;
        const xmlNode *up = n->parent;
        if (!up || up->type != XML_ELEMENT_NODE) return false;
        if (html_kind_of(up) >= HTML_BLOCK) return html_info_of(up)->text > own;
        n = up;
    }
}

uint64_t html_script_labels(xmlNode *root) {
    uint64_t labels = 0;
    text t = {0};
    for (xmlNode *n = root; n; n = html_next(n, root, true)) {
        if (n->type != XML_ELEMENT_NODE || !html_tag_is(n, "sup")) continue;
        text_clear(&t);
        html_text_of(n, LABEL_MAX_BYTES, &t);
        unsigned number = 0;
        bool digits = t.n > 0 && t.n < LABEL_MAX_BYTES;
        for (size_t i = 0; i < t.n && digits; i++) {
            digits = t.p[i] >= '0' && t.p[i] <= '9';
            number = 10 * number + (unsigned)(t.p[i] - '0');
        }
        if (digits && number < 64 && begins_block(n)) labels |= UINT64_C(1) << number;
    }
    text_free(&t);
    return labels;
}
