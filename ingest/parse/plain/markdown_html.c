/* HTML inside Markdown: tables, lists and headings that their author wrote as HTML go through the HTML
 * parser, so that a table keeps its rows. What is mere decoration (a div around text) stays with the lines.
 */
#include "ingest/parse/html/html.h"
#include "ingest/parse/plain/markdown.h"

/* How far the end of a table is looked for; without one an empty line ends it. */
#define CLOSE_BYTES (64u << 10)

static const char *const tags[] = {"table", "ul", "ol", "dl", "h1", "h2", "h3", "h4", "h5", "h6"};

static bool names_tag(str line, const char *tag) {
    str name = str_of(tag);
    char behind = line.n > name.n + 1 ? line.p[name.n + 1] : '>';
    return line.n > name.n && line.p[0] == '<' &&
           str_eq_nocase(str_cut(line, 1, 1 + name.n), name) &&
           (behind == '>' || behind == ' ' || behind == '\t');
}

/* Where the last whole line of s ends, if there is more behind s. */
static size_t whole_lines(str s, size_t all) {
    size_t n = s.n;
    if (n == all) return n;
    while (n > 0 && s.p[n - 1] != '\n') n--;
    return n > 0 ? n : utf8_floor(s, s.n - 1);
}

bool markdown_html_begins(str line, str rest, size_t *bytes) {
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        if (!names_tag(line, tags[i])) continue;
        char close[8] = "</";
        for (size_t k = 0; tags[i][k]; k++) close[k + 2] = tags[i][k];
        str near_by = str_cut(rest, 0, CLOSE_BYTES);
        size_t at = str_find(near_by, str_of(close), 0);
        size_t blank = str_find(near_by, STR("\n\n"), at == SIZE_MAX ? 0 : at);
        *bytes = blank != SIZE_MAX ? blank + 1 : whole_lines(near_by, rest.n);
        return true;
    }
    return false;
}

void markdown_html_write(str html, record_writer *out) {
    html_page page = {0};
    text whole = {0};
    error ignored; /* of a fragment that is none nothing comes */
    text_put(&whole, STR("<html><body>"));
    text_put(&whole, html);
    if (html_tree_build(text_str(&whole), &page, &ignored)) {
        xmlNode *root = html_main_all(&page);
        if (html_info_of(root)->text > 0) html_blocks_write(root, out);
        if (page.struck_bytes > 0) record_note(out, PARSE_STRUCK_NOTE, page.struck_bytes);
        if (page.hidden_bytes > 0)
            record_note(out, "%zu bytes of hidden text in its HTML were left out",
                        page.hidden_bytes);
    }
    html_tree_free(&page);
    text_free(&whole);
}
