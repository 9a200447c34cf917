/* HTML: bytes become a tree, the tree becomes blocks.
 *
 * Owns what surrounds the text: the encoding (a byte order mark, the meta element in the first
 * bytes), the tree that libxml2's forgiving parser builds, the title, the language. Which part of
 * a page is its text is html_main.c's question, and what blocks that part makes html_blocks.c's.
 *
 * The parser is told to load nothing: no network, no external entity, no DTD. A web page has one
 * page, number 1, and no boxes. Trees are walked by pointers, never by recursion, since a page may
 * nest as deep as it likes.
 */
#include "ingest/parse/html.h"

#include <libxml/HTMLparser.h>
#include <limits.h>
#include <string.h>

/* Where a browser looks for the encoding (HTML standard, 13.2.3.2: the first 1024 bytes); pages
 * put comments and scripts before it, so a little more. */
#define SNIFF_BYTES 8192
#define TITLE_MAX_BYTES 300

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t find_nocase(str s, str needle, size_t from) {
    for (size_t i = from; i + needle.n <= s.n; i++)
        if (str_eq_nocase(str_cut(s, i, i + needle.n), needle)) return i;
    return SIZE_MAX;
}

/* The encoding that a meta element or an XML declaration states. */
static str sniff_charset(str bytes) {
    str head = str_cut(bytes, 0, SNIFF_BYTES);
    if (str_starts(head, STR("<?xml"))) {
        size_t close = str_find(head, STR("?>"), 0), at = str_find(head, STR("encoding="), 0);
        if (at != SIZE_MAX && close != SIZE_MAX && at < close && at + 10 < head.n) {
            size_t begin = at + 10, end = begin;
            while (end < close && head.p[end] != '"' && head.p[end] != '\'') end++;
            return str_cut(head, begin, end);
        }
    }
    for (size_t at = 0; (at = find_nocase(head, STR("<meta"), at)) != SIZE_MAX; at += 5) {
        size_t close = str_find(head, STR(">"), at);
        str tag = str_cut(head, at, close);
        size_t label = find_nocase(tag, STR("charset"), 0);
        if (label == SIZE_MAX) continue;
        for (label += 7; label < tag.n && (is_space(tag.p[label]) || tag.p[label] == '='); label++)
            ;
        if (label < tag.n && (tag.p[label] == '"' || tag.p[label] == '\'')) label++;
        size_t end = label;
        while (end < tag.n && !is_space(tag.p[end]) && !memchr("\"';/>", tag.p[end], 5)) end++;
        return str_cut(tag, label, end);
    }
    return (str){0};
}

str html_attribute(const xmlNode *n, const char *name) {
    for (const xmlAttr *a = n->properties; a; a = a->next)
        if (strcmp((const char *)a->name, name) == 0 && a->children && a->children->content)
            return str_of((const char *)a->children->content);
    return (str){0};
}

bool html_tag_is(const xmlNode *n, const char *tag) {
    return n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, tag) == 0;
}

html_info *html_info_of(const xmlNode *n) {
    return n->_private;
}

html_kind html_kind_of(const xmlNode *n) {
    if (n->type == XML_ELEMENT_NODE) return html_info_of(n)->kind;
    return n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE ? HTML_INLINE : HTML_SKIP;
}

void html_text_of(const xmlNode *root, text *out) {
    xmlNode *n = (xmlNode *)root; /* html_next gives nodes that callers may write to; not here */
    for (; n; n = html_next(n, root, n == root || html_kind_of(n) != HTML_SKIP)) {
        if (n->type != XML_TEXT_NODE && n->type != XML_CDATA_SECTION_NODE) {
            if (html_kind_of(n) != HTML_INLINE && out->n > 0 && out->p[out->n - 1] != ' ')
                text_put_char(out, ' ');
            continue;
        }
        for (const char *p = (const char *)n->content; p && *p; p++) {
            if (!is_space(*p))
                text_put_char(out, *p);
            else if (out->n > 0 && out->p[out->n - 1] != ' ')
                text_put_char(out, ' ');
        }
    }
    while (out->n > 0 && out->p[out->n - 1] == ' ') text_cut(out, out->n - 1);
}

static xmlNode *find_tag(const xmlDoc *doc, const char *tag) {
    xmlNode *root = xmlDocGetRootElement(doc);
    for (xmlNode *n = root; n; n = html_next(n, root, true))
        if (html_tag_is(n, tag)) return n;
    return NULL;
}

static str meta_content(const xmlDoc *doc, str name) {
    xmlNode *root = xmlDocGetRootElement(doc);
    for (xmlNode *n = root; n; n = html_next(n, root, true)) {
        if (!html_tag_is(n, "meta")) continue;
        if (str_eq_nocase(html_attribute(n, "property"), name) ||
            str_eq_nocase(html_attribute(n, "name"), name) ||
            str_eq_nocase(html_attribute(n, "http-equiv"), name))
            return str_trim(html_attribute(n, "content"));
    }
    return (str){0};
}

/* "Dosing - The Clinic | Home" under a heading "Dosing" is "Dosing"; else <title> as it is, else
 * the heading, else nothing, and the reader puts the file's name. */
static void find_title(const xmlDoc *doc, text *title) {
    text heading = {0};
    const xmlNode *h = find_tag(doc, "h1"), *t = find_tag(doc, "title");
    if (t) html_text_of(t, title);
    if (title->n == 0) text_put(title, meta_content(doc, STR("og:title")));
    if (h) html_text_of(h, &heading);
    if (heading.n > 0 &&
        (title->n == 0 || str_find(text_str(title), text_str(&heading), 0) != SIZE_MAX)) {
        text_clear(title);
        text_put(title, text_str(&heading));
    }
    if (title->n > TITLE_MAX_BYTES) text_cut(title, utf8_floor(text_str(title), TITLE_MAX_BYTES));
    text_free(&heading);
}

/* As the page states it (BCP 47); the record writer takes the first two letters. */
static str find_language(const xmlDoc *doc) {
    const xmlNode *root = find_tag(doc, "html");
    str tag = root ? html_attribute(root, "lang") : (str){0};
    if (tag.n == 0 && root) tag = html_attribute(root, "xml:lang");
    return str_trim(tag.n ? tag : meta_content(doc, STR("content-language")));
}

bool parse_html(const parse_input *in, record_writer *out, error *err) {
    text utf8 = {0}, title = {0};
    html_page page = {0};
    bool ok = false;

    if (!parse_to_utf8(in->bytes, sniff_charset(in->bytes), &utf8, err) ||
        !html_tree_build(text_str(&utf8), &page, err))
        goto done;
    find_title(page.doc, &title);
    record_document(out, title.n ? text_str(&title) : in->name, STR("html"),
                    find_language(page.doc));
    xmlNode *root = html_main_find(&page);
    bool empty = html_info_of(root)->text == 0;
    record_page(out, 1, (str){0}, 0, 0, empty ? INGEST_FATE_EMPTY : INGEST_FATE_TEXT);
    if (!empty) html_blocks_write(root, out);
    ok = true;
done:
    html_tree_free(&page);
    text_free(&title);
    text_free(&utf8);
    return ok;
}
