/* What a tag does to the text.
 *
 * Owns the table of tags and nothing else. A tag that is not in it is inline, as browsers have it:
 * its text flows through.
 */
#include "ingest/parse/html/html.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *tag;
    html_kind kind;
} kinds[] = {
    /* sorted, for bsearch */
    {"a", HTML_LINK},
    {"address", HTML_BLOCK},
    {"annotation", HTML_SKIP}, /* MathML: the same formula again */
    {"annotation-xml", HTML_SKIP},
    {"article", HTML_BLOCK},
    {"aside", HTML_SITE},
    {"audio", HTML_SKIP},
    {"blockquote", HTML_BLOCK},
    {"body", HTML_BLOCK},
    {"br", HTML_BREAK},
    {"button", HTML_SKIP},
    {"canvas", HTML_SKIP},
    {"caption", HTML_CAPTION},
    {"center", HTML_BLOCK},
    {"datalist", HTML_SKIP},
    {"dd", HTML_DEFINITION},
    {"details", HTML_BLOCK},
    {"dialog", HTML_SKIP},
    {"dir", HTML_LIST},
    {"div", HTML_BLOCK},
    {"dl", HTML_BLOCK},
    {"dt", HTML_TERM},
    {"embed", HTML_SKIP},
    {"fieldset", HTML_BLOCK},
    {"figcaption", HTML_CAPTION},
    {"figure", HTML_BLOCK},
    {"footer", HTML_SITE},
    {"form", HTML_BLOCK},
    {"frameset", HTML_SKIP},
    {"h1", HTML_HEADING},
    {"h2", HTML_HEADING},
    {"h3", HTML_HEADING},
    {"h4", HTML_HEADING},
    {"h5", HTML_HEADING},
    {"h6", HTML_HEADING},
    {"head", HTML_SKIP},
    {"header", HTML_SITE},
    {"hgroup", HTML_BLOCK},
    {"hr", HTML_BLOCK},
    {"html", HTML_BLOCK},
    {"iframe", HTML_SKIP},
    {"input", HTML_SKIP},
    {"legend", HTML_BLOCK},
    {"li", HTML_ITEM},
    {"link", HTML_SKIP},
    {"listing", HTML_PRE},
    {"main", HTML_BLOCK},
    {"map", HTML_SKIP},
    {"math", HTML_INLINE},
    {"menu", HTML_LIST},
    {"meta", HTML_SKIP},
    {"nav", HTML_SITE},
    {"noframes", HTML_SKIP},
    {"noscript", HTML_SKIP},
    {"object", HTML_SKIP},
    {"ol", HTML_LIST},
    {"optgroup", HTML_SKIP},
    {"option", HTML_SKIP},
    {"p", HTML_PARAGRAPH},
    {"pre", HTML_PRE},
    {"rp", HTML_SKIP},
    {"rt", HTML_SKIP},
    {"script", HTML_SKIP},
    {"section", HTML_BLOCK},
    {"select", HTML_SKIP},
    {"style", HTML_SKIP},
    {"summary", HTML_BLOCK},
    {"svg", HTML_SKIP},
    {"table", HTML_TABLE},
    {"tbody", HTML_BLOCK},
    {"td", HTML_CELL},
    {"template", HTML_SKIP},
    {"textarea", HTML_SKIP},
    {"tfoot", HTML_BLOCK},
    {"th", HTML_CELL},
    {"thead", HTML_BLOCK},
    {"title", HTML_SKIP},
    {"tr", HTML_ROW},
    {"ul", HTML_LIST},
    {"video", HTML_SKIP},
    {"xmp", HTML_PRE},
};

static int compare_kind(const void *tag, const void *entry) {
    return strcmp(tag, *(const char *const *)entry);
}

html_kind html_kind_by_name(const char *tag) {
    const char *const *found =
        bsearch(tag, kinds, sizeof kinds / sizeof *kinds, sizeof *kinds, compare_kind);
    if (!found) return HTML_INLINE;
    return kinds[((const char *)found - (const char *)kinds) / (ptrdiff_t)sizeof *kinds].kind;
}
