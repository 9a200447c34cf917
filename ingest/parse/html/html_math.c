/* MathML in pages and books.
 *
 * Owns the way from a <math> element to formula.c, and what programs that set formulas put beside
 * it: the same formula again for the eye, the MathML hidden because a picture shows it.
 */
#include "ingest/parse/html/html.h"

#include <string.h>

#include "ingest/parse/formula.h"

/* "math" of "m:math": books name the namespace. */
static const char *local_name(const xmlNode *n) {
    const char *colon = strrchr((const char *)n->name, ':');
    return colon ? colon + 1 : (const char *)n->name;
}

bool html_math_is(const xmlNode *n) {
    return n->type == XML_ELEMENT_NODE && n->name[0] == 'm' && strcmp(local_name(n), "math") == 0;
}

static void fence(formula *f, const xmlNode *n) {
    str separators = html_attribute(n, "separators"), none = {"", 0};
    str open = html_attribute(n, "open"), close = html_attribute(n, "close");
    str between = {0}; /* the usual comma */
    if (separators.n > 0 && !str_eq(separators, STR(","))) between = str_cut(separators, 0, 1);
    formula_fence(f, xmlHasProp(n, (const xmlChar *)"open") && open.n == 0 ? none : open,
                  xmlHasProp(n, (const xmlChar *)"close") && close.n == 0 ? none : close, between);
}

static bool enter(formula *f, const xmlNode *n) {
    const char *name = local_name(n);
    if (strcmp(name, "mfrac") == 0 && str_starts(html_attribute(n, "linethickness"), STR("0"))) {
        formula_open(f, FORMULA_BINOMIAL);
        return true;
    }
    if (!formula_open_mathml(f, name)) return false;
    if (strcmp(name, "mfenced") == 0) fence(f, n);
    return true;
}

/* White space at the ends is of the file. */
static void put_text(formula *f, const xmlNode *n) {
    str t = str_trim(str_of((const char *)n->content));
    if (t.n > 0 && n->type != XML_COMMENT_NODE && n->type != XML_PI_NODE) formula_put(f, t);
}

void html_math_put(const xmlNode *math, text *out) {
    formula *f = formula_new();
    const xmlNode *n = math;
    for (bool done = false; !done;) {
        bool element = n->type == XML_ELEMENT_NODE;
        if (element && enter(f, n)) {
            if (n->children) {
                n = n->children;
                continue;
            }
            formula_close(f);
        } else if (!element && n->content) {
            put_text(f, n);
        }
        while (n != math && !n->next) {
            n = n->parent;
            formula_close(f);
        }
        done = n == math;
        if (!done) n = n->next;
    }
    formula_end(f, out);
    formula_free(f);
}

static bool has_class(const xmlNode *n, const char *word) {
    return str_find(html_attribute(n, "class"), str_of(word), 0) != SIZE_MAX;
}

bool html_math_is_double(const xmlNode *n) {
    if (!html_tag_is(n, "span")) return false;
    bool katex = has_class(n, "katex-html"), preview = has_class(n, "MathJax_Preview");
    const xmlNode *beside = katex ? n->prev : preview ? n->next : NULL;
    return beside && beside->type == XML_ELEMENT_NODE &&
           (has_class(beside, "katex-mathml") || has_class(beside, "MathJax"));
}

bool html_math_is_shown(const xmlNode *n) {
    const xmlNode *beside = n->next;
    while (beside && beside->type != XML_ELEMENT_NODE) beside = beside->next;
    return html_tag_is(n, "span") && n->children && html_math_is(n->children) && beside &&
           html_tag_is(beside, "img") && html_attribute(beside, "alt").n > 0;
}
