/* What the files of the HTML parser share: html.c (encoding, notes), html_tree.c (bytes to a tree),
 * html_head.c (title, language, whether it is an article), html_tags.c and html_named.c (what a tag
 * and a name say), html_style.c (what <style> blocks hide), html_main.c (which part of the tree is
 * the text), html_trim.c (what stands in an article and is not of it), html_script.c (what is
 * raised and lowered), html_math.c (formulas), html_blocks.c (the text as blocks). */
#ifndef CARREL_INGEST_PARSE_HTML_H
#define CARREL_INGEST_PARSE_HTML_H

#include <libxml/tree.h>

#include "ingest/parse/parse.h"
#include "ingest/parse/script.h"

/* Pages written by people stay below 100; a few generated ones reach some hundreds. */
#define HTML_DEPTH_MAX 512

#define HTML_BYLINE_MAX 4

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
    /* html_main.c's verdict: not the text; and if so, whether no browser shows it. */
    bool drop, hidden;
    bool struck;      /* a line goes through it: it no longer holds; hidden too */
    bool label;       /* a caption, a byline, a date: beside the text */
    bool in_main;     /* below <main> or <article> */
    bool in_code;     /* below <pre> or <code> */
    bool holds_title; /* the heading that is the page's title stands below */
    bool has_block, has_table, has_heading;
    script_level script;        /* by a style sheet */
    uint32_t cells, widest_row; /* of a table; of a row its cells */
    size_t longest_cell;
    size_t text;                      /* all of it */
    size_t link;                      /* inside <a> */
    size_t links;                     /* so many of them */
    size_t own, own_link, own_commas; /* outside of blocks below it */
    size_t prose;      /* own text that is not in links, of all long enough paragraphs below */
    size_t item_prose; /* the part of it that stands in list items */
    double score;      /* the prose that stands closely below */
} html_info;

/* html_style.c: the rules of <style> blocks that hide something. */
typedef struct html_sheet html_sheet;

/* One document: the tree, and one html_info for each element. */
typedef struct {
    xmlDoc *doc;
    xmlNode *root;
    html_info *infos; /* in document order */
    size_t count;
    bool article;                     /* it says so of itself */
    char date[RECORD_DATE_BYTES + 1]; /* of it, as it says; or empty */
    html_sheet *sheet;
    str linked;       /* what its linked style sheets say, where they were at hand */
    bool sheet_lies;  /* it hides most of the page: a script shows that again */
    bool has_grounds; /* a <style> block gives the page or its tables a ground */
    bool links_sheet; /* so may a sheet that is not here */
    bool words_lie;   /* classes and ids drop too much here to be believed */
    text title;       /* may be empty */
    bool title_apart; /* it is a heading of the page, and not in what is taken for the text */
    xmlNode *byline[HTML_BYLINE_MAX]; /* with such a title: what stands between it and the text */
    size_t byline_count;
    size_t hidden_bytes; /* of text outside of menus that no browser shows */
    size_t struck_bytes; /* of text that is struck out */
    size_t flattened;    /* elements that were nested too deep, and stand beside their parent */
    size_t unread;       /* bytes behind the place where libxml2 gave up; 0 when it read all */
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
/* The text below n in one line, white space collapsed; it stops soon behind `limit` bytes. */
void html_text_of(const xmlNode *n, size_t limit, text *out);

/* html_head.c: fills page->title and page->article. */
void html_head_read(html_page *page);
/* As the page states it (BCP 47); the record writer takes the first two letters. */
str html_head_language(const html_page *page);
/* Whether a and b have the same letters and digits; ASCII case and all punctuation apart. */
bool html_head_same(str a, str b);
bool html_head_is_title(const xmlNode *n, const html_page *page);

/* html_named.c: whether n says of itself that it is not of the text (`page_text` is all there is);
 * that no browser shows it; that it is a caption or the like. */
bool html_named_drop(const xmlNode *n, const html_page *page, size_t page_text);
bool html_named_hidden(const xmlNode *n, const html_page *page);
bool html_named_struck(const xmlNode *n, const html_page *page);
/* That a style sheet hides it, or its place and its transparency; scripts undo both. */
bool html_named_out_of_sight(const xmlNode *n, const html_page *page);
/* The value of a property in a style attribute; a size of 0 or 1 pixel. */
str html_named_style(str style, str property);
bool html_named_tiny(str size);
bool html_named_white(str colour);
bool html_named_unread(const xmlNode *n); /* by programs that read aloud */
bool html_named_label(const xmlNode *n, const html_page *page);

/* html_style.c: reads the <style> blocks; whether one of them hides n; whether declarations make
 * text transparent, cut it away, or put it outside of the window; whether all that goes too far. */
void html_style_read(html_page *page);
void html_style_free(html_page *page);
bool html_style_hides(const html_page *page, const xmlNode *n);
bool html_style_out_of_sight(str style);
void html_style_doubt(html_page *page);
/* Whether a rule raises or lowers n; whether declarations do. */
script_level html_style_level(const html_page *page, const xmlNode *n);
script_level html_style_script(str style);
/* The same of a line through the letters. */
bool html_style_strikes(const html_page *page, const xmlNode *n);
bool html_style_has_strike(str style);

/* html_main.c: marks what is not the text as dropped; gives the node below which the text is. */
xmlNode *html_main_find(html_page *page);
/* Marks only what no browser shows; gives the root. */
xmlNode *html_main_all(html_page *page);
/* Can a walk go below n: an element that is not dropped. */
bool html_is_kept(const xmlNode *n);
double html_link_share(const html_info *info);

/* html_trim.c: in an article whose text is below `top`, drops teasers and buttons, and marks what
 * stands beside the text. */
void html_trim_article(xmlNode *top, const html_page *page);
void html_trim_labels(xmlNode *top, const html_page *page);
/* A short line that names a year, or begins with "By". */
bool html_trim_is_date_line(const xmlNode *n);
/* html_script.c: whether the letters of an element are raised or lowered, and raised ones lead to a
 * note; which notes (bit n: number n) begin with their raised number below `root`. */
script_level html_script_level(const xmlNode *n);
bool html_script_is_note(const xmlNode *n);
uint64_t html_script_labels(xmlNode *root);

/* html_math.c: a <math> element in one line; text that shows the formula beside it once more; a
 * hidden formula that a picture beside it shows. */
bool html_math_is(const xmlNode *n);
void html_math_put(const xmlNode *math, text *out);
bool html_math_is_double(const xmlNode *n);
bool html_math_is_shown(const xmlNode *n);

/* html_blocks.c */
void html_blocks_write(xmlNode *root, record_writer *out);
/* The same for a document of several pages. */
void html_blocks_write_on(xmlNode *root, uint32_t page, record_writer *out);

#endif
