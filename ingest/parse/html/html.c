/* HTML: bytes become a tree, the tree becomes blocks.
 *
 * Owns the way through the files of the HTML parser, what they share of the tree, and the encoding
 * that a page declares (a byte order mark, the meta element in the first bytes, an XML
 * declaration). html_tree.c makes the tree, html_main.c finds the text in it, html_blocks.c writes
 * that as blocks. A web page has one page, number 1, and no boxes.
 *
 * What was left out of a page and is not plainly about its site is noted, never dropped in silence.
 */
#include "ingest/parse/html/html.h"

#include <string.h>

/* Where a browser looks for the encoding (HTML standard, 13.2.3.2: the first 1024 bytes); pages
 * put comments, styles and scripts before it. The head is searched, but not without an end. */
#define SNIFF_BYTES (64 << 10)
#define HIDDEN_NOTE_BYTES 40

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t find_nocase(str s, str needle, size_t from) {
    for (size_t i = from; i + needle.n <= s.n; i++)
        if (str_eq_nocase(str_cut(s, i, i + needle.n), needle)) return i;
    return SIZE_MAX;
}

/* What stands between the quotes of an XML declaration's encoding. */
static str xml_encoding(str head) {
    size_t close = str_find(head, STR("?>"), 0), at = str_find(head, STR("encoding"), 0);
    if (at == SIZE_MAX || close == SIZE_MAX || at > close) return (str){0};
    for (at += 8; at < close && (is_space(head.p[at]) || head.p[at] == '='); at++)
        ;
    size_t begin = at + 1, end = begin;
    while (end < close && head.p[end] != '"' && head.p[end] != '\'') end++;
    return begin <= end ? str_cut(head, begin, end) : (str){0};
}

/* <meta charset=x>, or <meta http-equiv=content-type content="text/html; charset=x">. */
static str meta_charset(str tag) {
    bool equiv = find_nocase(tag, STR("http-equiv"), 0) != SIZE_MAX;
    for (size_t at = 0; (at = find_nocase(tag, STR("charset"), at)) != SIZE_MAX; at += 7) {
        char before = at > 0 ? tag.p[at - 1] : ' ';
        size_t begin = at + 7;
        while (begin < tag.n && is_space(tag.p[begin])) begin++;
        if (begin >= tag.n || tag.p[begin] != '=') continue;
        for (begin++; begin < tag.n && is_space(tag.p[begin]); begin++)
            ;
        bool quoted = begin < tag.n && (tag.p[begin] == '"' || tag.p[begin] == '\'');
        /* in the content of another meta element it is a word of a description */
        if (!equiv && !(is_space(before) || before == '/' || before == '"')) continue;
        if (!equiv && find_nocase(str_cut(tag, 0, at), STR("content"), 0) != SIZE_MAX) continue;
        begin += quoted;
        size_t end = begin;
        while (end < tag.n && !is_space(tag.p[end]) && !memchr("\"';/>", tag.p[end], 5)) end++;
        if (end > begin) return str_cut(tag, begin, end);
    }
    return (str){0};
}

/* The encoding that a meta element or an XML declaration states. */
static str sniff_charset(str bytes) {
    str head = str_cut(bytes, 0, SNIFF_BYTES);
    str found = str_starts(head, STR("<?xml")) ? xml_encoding(head) : (str){0};
    for (size_t at = 0; found.n == 0 && (at = str_find(head, STR("<"), at)) != SIZE_MAX;) {
        str rest = str_cut(head, at, head.n);
        bool comment = str_starts(rest, STR("<!--"));
        size_t end = str_find(head, comment ? STR("-->") : STR(">"), at);
        if (end == SIZE_MAX) break;
        if (find_nocase(str_cut(rest, 0, 5), STR("<meta"), 0) == 0)
            found = meta_charset(str_cut(head, at, end));
        if (find_nocase(str_cut(rest, 0, 5), STR("<body"), 0) == 0) break;
        at = end;
    }
    return found;
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

void html_text_of(const xmlNode *root, size_t limit, text *out) {
    xmlNode *n = (xmlNode *)root; /* html_next gives nodes that callers may write to; not here */
    for (; n && out->n < limit; n = html_next(n, root, n == root || html_kind_of(n) != HTML_SKIP)) {
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

/* Hidden text is how prompts are injected, and how menus are folded away: a few words say nothing. */
static void put_notes(const html_page *page, record_writer *out) {
    if (page->hidden_bytes >= HIDDEN_NOTE_BYTES)
        record_note(out,
                    "Hidden text was left out: %zu bytes that no browser shows or reads aloud.",
                    page->hidden_bytes);
    if (page->struck_bytes > 0) record_note(out, PARSE_STRUCK_NOTE, page->struck_bytes);
    if (page->flattened > 0)
        record_note(out,
                    "%zu elements are nested more than %d deep: their text was read, their nesting "
                    "was not kept.",
                    page->flattened, HTML_DEPTH_MAX);
    if (page->unread > 0)
        record_note(out,
                    "The HTML parser stopped %zu bytes before the end; what stands there is "
                    "not read.",
                    page->unread);
}

static void put_page(const html_page *page, xmlNode *top, record_writer *out) {
    if (html_info_of(top)->text == 0) {
        bool hidden = page->hidden_bytes >= HIDDEN_NOTE_BYTES || page->struck_bytes > 0;
        record_page(out, 1, (str){0}, 0, 0, hidden ? INGEST_FATE_HIDDEN : INGEST_FATE_EMPTY);
        return;
    }
    record_page(out, 1, (str){0}, 0, 0, INGEST_FATE_TEXT);
    if (page->title_apart) {
        record_block(out, INGEST_ROLE_HEADING, 1, 1);
        record_line(out, text_str(&page->title), (box){0}, 0);
    }
    for (size_t i = 0; i < page->byline_count; i++) html_blocks_write(page->byline[i], out);
    html_blocks_write(top, out);
}

bool parse_html(const parse_input *in, record_writer *out, error *err) {
    text utf8 = {0};
    html_page page = {0};
    bool ok = parse_to_utf8(in->bytes, sniff_charset(in->bytes), &utf8, err) &&
              html_tree_build(text_str(&utf8), &page, err);
    if (ok) {
        html_head_read(&page);
        record_document(out, page.title.n ? text_str(&page.title) : in->name, STR("html"),
                        html_head_language(&page));
        record_date(out, str_of(page.date));
        put_page(&page, html_main_find(&page), out);
        put_notes(&page, out);
    }
    html_tree_free(&page);
    text_free(&utf8);
    return ok;
}

/* Opens what stands inside another document; *page is to be freed in any case. */
static bool open_inside(str bytes, str charset, html_page *page, error *err) {
    text utf8 = {0};
    bool ok = parse_to_utf8(bytes, charset.n > 0 ? charset : sniff_charset(bytes), &utf8, err) &&
              html_tree_build(text_str(&utf8), page, err);
    text_free(&utf8);
    return ok;
}

bool parse_html_inside(str bytes, str charset, record_writer *out, error *err) {
    html_page page = {0};
    bool ok = open_inside(bytes, charset, &page, err);
    if (ok) {
        xmlNode *root = html_main_all(&page);
        if (html_info_of(root)->text > 0) html_blocks_write(root, out);
        if (page.hidden_bytes > 0)
            record_note(out, "%zu bytes of text that no mail program shows were left out",
                        page.hidden_bytes);
        if (page.struck_bytes > 0) record_note(out, PARSE_STRUCK_NOTE, page.struck_bytes);
        if (page.unread > 0)
            record_note(out, "the last %zu bytes of its HTML could not be read", page.unread);
    }
    html_tree_free(&page);
    return ok;
}

static bool is_data_row(const xmlNode *n) {
    if (html_kind_of(n) != HTML_ROW || html_info_of(n)->cells < 2) return false;
    const xmlNode *up = n->parent;
    while (up && up->type == XML_ELEMENT_NODE && html_kind_of(up) != HTML_TABLE) up = up->parent;
    return up && up->type == XML_ELEMENT_NODE && !html_is_layout_table(up);
}

bool parse_html_measure(str bytes, str charset, parse_html_size *out, error *err) {
    html_page page = {0};
    bool ok = open_inside(bytes, charset, &page, err);
    *out = (parse_html_size){0};
    if (ok) {
        xmlNode *root = html_main_all(&page);
        out->text_bytes = html_info_of(root)->text;
        for (xmlNode *n = root; n; n = html_next(n, root, html_is_kept(n)))
            out->table_rows += html_is_kept(n) && is_data_row(n);
    }
    html_tree_free(&page);
    return ok;
}
