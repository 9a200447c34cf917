/* What the three files of the HTML parser share: html.c (bytes to a tree, title, language),
 * html_main.c (which part of the tree is the text), html_blocks.c (that part as blocks). */
#ifndef CARREL_INGEST_PARSE_HTML_H
#define CARREL_INGEST_PARSE_HTML_H

#include <libxml/tree.h>

#include "ingest/parse/parse.h"

/* Tags by what they do to the text. */
typedef enum {
    HTML_INLINE, /* text flows through */
    HTML_SKIP,   /* never text: script, style, forms' controls, pictures */
    HTML_LINK,
    HTML_BREAK,
    HTML_BLOCK, /* ends a paragraph before and after, as all of the following do */
    HTML_SITE,  /* nav, aside, footer, header: about the site rather than the text */
    HTML_HEADING,
    HTML_PARAGRAPH,
    HTML_LIST,
    HTML_ITEM,
    HTML_TABLE,
    HTML_ROW,
    HTML_CELL,
    HTML_CAPTION,
    HTML_PRE,
    HTML_TERM,
    HTML_DEFINITION
} html_kind;

/* What is known of an element; reached by the node's _private. Bytes are of text with its white
 * space left out, of the whole subtree, dropped parts not counted. */
typedef struct {
    html_kind kind;
    bool drop;      /* not the text: html_main.c's verdict */
    bool has_block; /* a block stands somewhere below */
    bool has_table, has_header_cell;
    uint32_t cells, widest_row; /* of a table; of a row its cells */
    size_t longest_cell;
    size_t text;                      /* all of it */
    size_t link;                      /* inside <a> */
    size_t own, own_link, own_commas; /* outside of blocks below it */
    size_t prose; /* own text that is not in links, of all long enough paragraphs below */
    double score; /* the prose that stands closely below */
} html_info;

/* One document: the tree, and one html_info for each element. */
typedef struct {
    xmlDoc *doc;
    xmlNode *root;
    html_info *infos;
    size_t count;
    size_t flattened; /* elements that were nested too deep, and stand beside their parent */
    size_t unread;    /* bytes behind the place where libxml2 gave up; 0 when it read all */
} html_page;

/* html_tree.c. html_tree_free is fine with a zeroed page and after a failed build. */
bool html_tree_build(str utf8, html_page *page, error *err);
void html_tree_free(html_page *page);

html_kind html_kind_by_name(const char *tag);
html_kind html_kind_of(const xmlNode *n);  /* of any node */
html_info *html_info_of(const xmlNode *n); /* n is an element */
bool html_tag_is(const xmlNode *n, const char *tag);
/* The value of an attribute, borrowed from the tree; empty when it is not there. */
str html_attribute(const xmlNode *n, const char *name);
/* The next node in document order below `root`; `deeper` false leaves out n's children. */
xmlNode *html_next(xmlNode *n, const xmlNode *root, bool deeper);
/* A table used to place things, not to show data. */
bool html_is_layout_table(const xmlNode *table);
/* All text below n in one line, white space collapsed. */
void html_text_of(const xmlNode *n, text *out);

/* html_main.c: marks what is not the text as dropped; gives the node below which the text is. */
xmlNode *html_main_find(html_page *page);
/* html_blocks.c */
void html_blocks_write(xmlNode *root, record_writer *out);

#endif
