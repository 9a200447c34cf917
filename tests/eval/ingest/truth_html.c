/* The text of a page that people cleaned by hand, as a truth: all of it, a block a line.
 *
 * libxml2 reads it; the walk is a loop, so that no tree is too deep for it. */
#include <libxml/HTMLparser.h>
#include <string.h>

#include "tests/eval/ingest/eval_ingest.h"

static bool is_one_of(const xmlNode *n, const char *const *list) {
    for (; *list; list++)
        if (strcmp((const char *)n->name, *list) == 0) return true;
    return false;
}

/* Everything that is not in a line with its neighbours. */
static bool parts_lines(const xmlNode *n) {
    static const char *const in_line[] = {
        "a",    "abbr",   "acronym", "b",   "bdi", "bdo",  "big",  "cite", "code", "data", "del",
        "dfn",  "em",     "font",    "i",   "ins", "kbd",  "mark", "q",    "s",    "samp", "small",
        "span", "strike", "strong",  "sub", "sup", "time", "tt",   "u",    "var",  "wbr",  NULL};
    return n->type == XML_ELEMENT_NODE && !is_one_of(n, in_line);
}

bool truth_html(str source, reading *out, error *err) {
    static const char *const silent[] = {"script", "style", "title", "noscript", NULL};
    htmlDocPtr doc = htmlReadMemory(source.p, (int)source.n, NULL, "UTF-8",
                                    HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET);
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    for (xmlNode *n = root; n;) {
        if (n->type == XML_TEXT_NODE) text_put(&out->body, str_of((const char *)n->content));
        if (parts_lines(n)) text_put_char(&out->body, '\n');
        bool down = n->children && n->type == XML_ELEMENT_NODE && !is_one_of(n, silent);
        if (down) {
            n = n->children;
            continue;
        }
        while (n && n != root && !n->next) {
            n = n->parent;
            if (n && parts_lines(n)) text_put_char(&out->body, '\n');
        }
        n = n && n != root ? n->next : NULL;
    }
    if (doc) xmlFreeDoc(doc);
    return root ? true : error_set(err, ERROR_INPUT, "the truth is no HTML");
}
