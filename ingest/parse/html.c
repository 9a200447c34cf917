/* HTML: bytes become a tree, the tree becomes blocks.
 *
 * Owns the way through the files of the HTML parser, what they share of the tree, and the encoding
 * that a page declares (a byte order mark, the meta element in the first bytes, an XML
 * declaration). html_tree.c makes the tree, html_main.c finds the text in it, html_blocks.c writes
 * that as blocks. A web page has one page, number 1, and no boxes.
 *
 * What was left out of a page and is not plainly about its site is noted, never dropped in silence.
 */
#include "ingest/parse/html.h"

#include <string.h>

/* Where a browser looks for the encoding (HTML standard, 13.2.3.2: the first 1024 bytes); pages
 * put comments and scripts before it, so a little more. */
#define SNIFF_BYTES 8192

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

bool parse_html(const parse_input *in, record_writer *out, error *err) {
    text utf8 = {0};
    html_page page = {0};
    bool ok = false;

    if (!parse_to_utf8(in->bytes, sniff_charset(in->bytes), &utf8, err) ||
        !html_tree_build(text_str(&utf8), &page, err))
        goto done;
    html_head_read(&page);
    record_document(out, page.title.n ? text_str(&page.title) : in->name, STR("html"),
                    html_head_language(&page));
    xmlNode *root = html_main_find(&page);
    bool empty = html_info_of(root)->text == 0;
    record_page(out, 1, (str){0}, 0, 0, empty ? INGEST_FATE_EMPTY : INGEST_FATE_TEXT);
    if (!empty) html_blocks_write(root, out);
    ok = true;
done:
    html_tree_free(&page);
    text_free(&utf8);
    return ok;
}

bool parse_html_inside(str bytes, str charset, record_writer *out, error *err) {
    text utf8 = {0};
    html_page page = {0};
    bool ok = parse_to_utf8(bytes, charset.n > 0 ? charset : sniff_charset(bytes), &utf8, err) &&
              html_tree_build(text_str(&utf8), &page, err);
    if (ok) {
        xmlNode *root = html_main_all(&page);
        if (html_info_of(root)->text > 0) html_blocks_write(root, out);
        if (page.hidden_bytes > 0)
            record_note(out, "%zu bytes of text that no mail program shows were left out",
                        page.hidden_bytes);
        if (page.unread > 0)
            record_note(out, "the last %zu bytes of its HTML could not be read", page.unread);
    }
    html_tree_free(&page);
    text_free(&utf8);
    return ok;
}
