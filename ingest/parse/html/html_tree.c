/* HTML bytes become a tree, whatever they are.
 *
 * Owns libxml2's forgiving parser and what it does in silence. Version 2.9 stops at an element
 * nested 256 deep, and drops a text node that passes 10 MB; both limits are lifted. In their place
 * stands one of our own, since an element costs time for each of those it stands in: what is nested
 * deeper than HTML_DEPTH_MAX is read as if it stood beside its parent, which loses no word and no
 * order. Where the library stops all the same, html_page says at which byte.
 *
 * The parser is told to load nothing: no network, no external entity, no DTD. Trees are walked by
 * pointers, never by recursion.
 */
#include "ingest/parse/html/html.h"

#include <libxml/HTMLparser.h>
#include <libxml/SAX2.h>
#include <libxml/parserInternals.h>
#include <limits.h>
#include <string.h>

xmlNode *html_next(xmlNode *n, const xmlNode *root, bool deeper) {
    if (deeper && n->type == XML_ELEMENT_NODE && n->children) return n->children;
    while (n && n != root) {
        if (n->next) return n->next;
        n = n->parent;
    }
    return NULL;
}

/* The element that begins is on libxml2's stack of names already, and not yet on that of nodes. */
static void start_element(void *context, const xmlChar *name, const xmlChar **attributes) {
    htmlParserCtxt *parser = context;
    html_page *page = parser->_private;
    if (parser->nameNr > HTML_DEPTH_MAX && parser->nodeNr > 0) {
        nodePop(parser); /* its parent ends here */
        parser->nameTab[parser->nameNr - 2] = parser->nameTab[parser->nameNr - 1];
        parser->nameNr--;
        page->flattened++;
    }
    xmlSAX2StartElement(context, name, attributes);
}

static void make_infos(html_page *page) {
    for (xmlNode *n = page->root; n; n = html_next(n, page->root, true))
        page->count += n->type == XML_ELEMENT_NODE;
    page->infos = mem_new(page->count, sizeof *page->infos);
    size_t at = 0;
    for (xmlNode *n = page->root; n; n = html_next(n, page->root, true))
        if (n->type == XML_ELEMENT_NODE) {
            page->infos[at].kind = html_kind_by_name((const char *)n->name);
            n->_private = &page->infos[at++];
            if (html_math_is_double(n)) html_info_of(n)->kind = HTML_SKIP;
        }
}

bool html_tree_build(str utf8, html_page *page, error *err) {
    int options = HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                  HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC | HTML_PARSE_COMPACT | XML_PARSE_HUGE;
    if (utf8.n >= INT_MAX)
        return error_set(err, ERROR_LIMIT, "the page has more bytes than the HTML parser takes");
    htmlParserCtxt *parser = htmlNewParserCtxt();
    if (!parser) return error_set(err, ERROR_LIMIT, "there is no memory for the HTML parser");
    parser->_private = page;
    parser->sax->startElement = start_element;
    page->doc = htmlCtxtReadMemory(parser, utf8.p, (int)utf8.n, NULL, "UTF-8", options);
    if (parser->input && parser->input->cur < parser->input->end)
        page->unread = (size_t)(parser->input->end - parser->input->cur);
    htmlFreeParserCtxt(parser);
    page->root = page->doc ? xmlDocGetRootElement(page->doc) : NULL;
    if (!page->root) return error_set(err, ERROR_INPUT, "there is no HTML in this file");
    /* not <body>: pages go on behind its end tag, and behind that of <html> */
    for (xmlNode *n = page->root->next; n; n = page->root->next) {
        xmlUnlinkNode(n);
        if (!xmlAddChild(page->root, n)) xmlFreeNode(n);
    }
    make_infos(page);
    return true;
}

void html_tree_free(html_page *page) {
    if (page->doc) xmlFreeDoc(page->doc);
    mem_free(page->infos);
    html_style_free(page);
    text_free(&page->title);
    *page = (html_page){0};
}
