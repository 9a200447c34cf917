/* Which part of a web page is its text.
 *
 * Owns the judgement that a reader makes at a glance: menus, sidebars, cookie banners, teasers and
 * footers are about the site, and must neither be found nor cited. First goes what says of itself
 * that it is not the text (html_named.c). What is left is scored by the prose that stands closely
 * together, little of it links, and the best node with its worthy siblings is the text.
 *
 * A document that is no web page of a site (a manual saved as HTML) has no such surroundings, and
 * losing a part of it is worse than keeping a menu: where few of the words are links, all is kept,
 * and the best node is taken only where it holds most of what the page says. A page of hardly
 * anything but links is an index, and stays one. Only a page that calls itself an article is
 * cleared more boldly.
 *
 * It changes no node of the tree, only the html_info beside it.
 */
#include "ingest/parse/html.h"

#include <string.h>

/* A paragraph below this has no sentence in it: a label, a date, a button. */
#define PROSE_BYTES 25
/* Where links are less of the text than this, the page is a document and not a site. */
#define DOCUMENT_LINK_SHARE 0.12
/* The best node of a page that is no article has at least this part of what is not linked. */
#define MAIN_SHARE 0.7
#define ARTICLE_SHARE 0.25
/* A block with more of its text in links than this is a menu. */
#define MENU_LINK_SHARE 0.5
/* Menus are dropped from a page as long as this part of its text is left. */
#define INDEX_SHARE 0.5
/* Items of a list are more often a menu or an index than paragraphs are. */
#define ITEM_PART 0.3
/* A table with a longer cell than this places paragraphs side by side. */
#define LAYOUT_CELL_BYTES 1000
/* How far up a paragraph's points go. */
#define SCORE_LEVELS 5
/* A sibling of the best node is text too from this part of its score on. */
#define SIBLING_SHARE 0.2
/* Or if it is prose, hardly linked: a paragraph of a line, anything else of two. */
#define SIBLING_LINK_SHARE 0.25
#define SIBLING_OWN_BYTES 60
#define SIBLING_PROSE_BYTES 140

/* ---- counting ----------------------------------------------------------------------------- */

static void count_text(const xmlNode *n, html_info *parent) {
    for (const char *p = (const char *)n->content; p && *p; p++) {
        size_t visible = *p > ' ' || (unsigned char)*p >= 0x80;
        parent->text += visible;
        parent->own += visible;
        parent->own_commas += *p == ',';
    }
}

static size_t max_of(size_t a, size_t b) {
    return a > b ? a : b;
}

static void add_up(html_info *to, const html_info *from) {
    bool block = from->kind >= HTML_BLOCK, cell = from->kind == HTML_CELL;
    to->text += from->text;
    to->link += from->kind == HTML_LINK ? from->text : from->link;
    to->has_heading = to->has_heading || from->has_heading || from->kind == HTML_HEADING;
    if (!block) {
        to->own += from->own;
        to->own_link += from->kind == HTML_LINK ? from->own : from->own_link;
        to->own_commas += from->own_commas;
    }
    to->prose += from->prose;
    if (block && from->own - from->own_link >= PROSE_BYTES) to->prose += from->own - from->own_link;
    to->has_block = to->has_block || from->has_block || block;
    to->has_table = to->has_table || from->has_table || from->kind == HTML_TABLE;
    if (to->kind == HTML_ROW) to->cells += cell;
    to->widest_row = (uint32_t)max_of(to->widest_row, max_of(from->widest_row, from->cells));
    to->longest_cell = max_of(to->longest_cell, cell ? from->text : from->longest_cell);
}

/* Before the walk goes below n; whether it should. */
static bool count_enter(const xmlNode *n) {
    if (n->type != XML_ELEMENT_NODE) {
        if (html_kind_of(n) == HTML_INLINE && n->parent->type == XML_ELEMENT_NODE)
            count_text(n, html_info_of(n->parent));
        return false;
    }
    html_info *info = html_info_of(n);
    *info = (html_info){.kind = info->kind,
                        .drop = info->drop,
                        .hidden = info->hidden,
                        .in_main = info->in_main,
                        .in_code = info->in_code};
    return !info->drop && info->kind != HTML_SKIP && n->children;
}

static void count_leave(const xmlNode *n, const xmlNode *root) {
    if (n == root || n->type != XML_ELEMENT_NODE) return;
    const html_info *info = html_info_of(n);
    if (!info->drop && info->kind != HTML_SKIP) add_up(html_info_of(n->parent), info);
}

/* Bottom-up sums in one walk. */
static void count_all(xmlNode *root) {
    xmlNode *n = root;
    for (;;) {
        if (count_enter(n)) {
            n = n->children;
            continue;
        }
        count_leave(n, root);
        while (n != root && !n->next) {
            n = n->parent;
            count_leave(n, root);
        }
        if (n == root) return;
        n = n->next;
    }
}

/* ---- the best node ------------------------------------------------------------------------ */

double html_link_share(const html_info *info) {
    return info->text ? (double)info->link / (double)info->text : 0;
}

bool html_is_kept(const xmlNode *n) {
    return n->type == XML_ELEMENT_NODE && !html_info_of(n)->drop &&
           html_info_of(n)->kind != HTML_SKIP;
}

/* What a paragraph says for what it stands in; 0 for what is no paragraph. */
static double points_of(const html_info *info) {
    size_t prose = info->own - info->own_link;
    if (info->kind < HTML_BLOCK || info->kind == HTML_HEADING || prose < PROSE_BYTES) return 0;
    double length = (double)prose / 100;
    double points = 1 + (double)info->own_commas + (length > 3 ? 3 : length);
    return info->kind == HTML_ITEM ? points * ITEM_PART : points;
}

/* Each paragraph gives points to what it stands in, the less the further up. */
static void score_all(xmlNode *root) {
    static const double part[SCORE_LEVELS] = {1, 0.5, 0.17, 0.11, 0.08};
    for (xmlNode *n = root; n; n = html_next(n, root, html_is_kept(n))) {
        double points = html_is_kept(n) ? points_of(html_info_of(n)) : 0;
        const xmlNode *up = n;
        for (int i = 0; points > 0 && i < SCORE_LEVELS && up != root; i++) {
            up = up->parent;
            html_info_of(up)->score += points * part[i];
        }
    }
}

static double value_of(const xmlNode *n) {
    return html_info_of(n)->score * (1 - html_link_share(html_info_of(n)));
}

static xmlNode *find_best(xmlNode *root) {
    xmlNode *best = root;
    for (xmlNode *n = root; n; n = html_next(n, root, html_is_kept(n)))
        if (html_is_kept(n) && html_info_of(n)->kind >= HTML_BLOCK && value_of(n) > value_of(best))
            best = n;
    return best;
}

/* Is n, a sibling of `path` some levels above the best node, a part of the text too? */
static bool is_worthy(const xmlNode *n, const xmlNode *path, const xmlNode *best) {
    const html_info *info = html_info_of(n);
    if (value_of(n) >= SIBLING_SHARE * value_of(best)) return true;
    if (html_link_share(info) > SIBLING_LINK_SHARE) return false;
    str kind = html_attribute(path, "class");
    bool alike = strcmp((const char *)n->name, (const char *)path->name) == 0 && kind.n > 0 &&
                 str_eq(html_attribute(n, "class"), kind);
    if (alike) return info->prose > 0;
    size_t enough = info->kind == HTML_PARAGRAPH ? SIBLING_OWN_BYTES : SIBLING_PROSE_BYTES;
    return path == best && max_of(info->own, info->prose) > enough;
}

static bool is_candidate(const xmlNode *n, const xmlNode *path) {
    return n != path && html_is_kept(n) && html_info_of(n)->kind != HTML_HEADING;
}

/* The highest node above the best one that has a worthy sibling of the path below it. */
static xmlNode *find_reach(xmlNode *best, const xmlNode *root) {
    xmlNode *top = best;
    for (xmlNode *path = best; path != root; path = path->parent)
        for (xmlNode *n = path->parent->children; n; n = n->next)
            if (is_candidate(n, path) && is_worthy(n, path, best)) top = path->parent;
    return top;
}

/* On the way from best up to top all siblings that are not worthy are dropped, headings kept. */
static void drop_unworthy(xmlNode *best, const xmlNode *top) {
    for (xmlNode *path = best; path != top; path = path->parent)
        for (xmlNode *n = path->parent->children; n; n = n->next)
            if (is_candidate(n, path) && !is_worthy(n, path, best)) html_info_of(n)->drop = true;
}

/* Lists and boxes inside the text that are mostly links; how much text is in them. */
static size_t drop_menus(xmlNode *root, bool drop) {
    size_t dropped = 0;
    for (xmlNode *n = html_next(root, root, true), *next; n; n = next) {
        bool kept = html_is_kept(n), menu = false;
        if (kept) {
            html_info *info = html_info_of(n);
            bool group =
                info->kind == HTML_LIST || info->kind == HTML_BLOCK || info->kind == HTML_TABLE;
            menu = group && html_link_share(info) > MENU_LINK_SHARE && info->prose < info->link;
            if (menu) dropped += info->text;
            if (menu && drop) info->drop = true;
        }
        next = html_next(n, root, kept && !menu);
    }
    return dropped;
}

bool html_is_layout_table(const xmlNode *table) {
    const html_info *info = html_info_of(table);
    return info->has_table || info->widest_row < 2 || info->longest_cell > LAYOUT_CELL_BYTES ||
           str_eq_nocase(html_attribute(table, "role"), STR("presentation"));
}

/* ---- the page ------------------------------------------------------------------------------ */

/* What an element takes over from those that it stands in, and what no browser shows. */
static void mark_places(html_page *page) {
    for (xmlNode *n = page->root; n; n = html_next(n, page->root, true)) {
        if (n->type != XML_ELEMENT_NODE) continue;
        html_info *info = html_info_of(n);
        const html_info *up = n == page->root ? info : html_info_of(n->parent);
        info->in_main = up->in_main || html_tag_is(n, "main") || html_tag_is(n, "article");
        info->in_code = up->in_code || info->kind == HTML_PRE || html_tag_is(n, "code");
        info->hidden = n != page->root && (up->hidden || html_named_hidden(n));
    }
}

static void drop_hidden(html_page *page) {
    xmlNode *root = page->root;
    for (xmlNode *n = root; n; n = html_next(n, root, html_is_kept(n))) {
        if (n == root || !html_is_kept(n) || !html_info_of(n)->hidden) continue;
        html_info *info = html_info_of(n);
        info->drop = true;
        if (html_link_share(info) < MENU_LINK_SHARE) page->hidden_bytes += info->text;
    }
}

/* Drops what says of itself that it is not the text, and nothing else; counts what is left. */
static void drop_named(html_page *page) {
    xmlNode *root = page->root;
    count_all(root);
    size_t page_text = html_info_of(root)->text;
    for (xmlNode *n = root; n; n = html_next(n, root, html_is_kept(n)))
        if (n != root && n->type == XML_ELEMENT_NODE)
            html_info_of(n)->drop = html_named_drop(n, page, page_text);
    drop_hidden(page);
    count_all(root);
}

static size_t unlinked(const xmlNode *n) {
    return html_info_of(n)->text - html_info_of(n)->link;
}

xmlNode *html_main_find(html_page *page) {
    xmlNode *root = page->root, *top = root;
    mark_places(page);
    drop_named(page);
    if (!page->article && html_link_share(html_info_of(root)) < DOCUMENT_LINK_SHARE) {
        html_trim_labels(root, page);
        return root;
    }
    score_all(root);
    xmlNode *best = find_best(root), *reach = find_reach(best, root);
    double share = page->article ? ARTICLE_SHARE : MAIN_SHARE;
    if ((double)unlinked(reach) >= share * (double)unlinked(root)) {
        drop_unworthy(best, reach);
        top = reach;
    }
    count_all(top);
    size_t all = html_info_of(top)->text, menus = drop_menus(top, false);
    if ((double)menus < (1 - INDEX_SHARE) * (double)all) drop_menus(top, true);
    count_all(top);
    if (page->article)
        html_trim_article(top, page);
    else
        html_trim_labels(top, page);
    return top;
}

xmlNode *html_main_all(html_page *page) {
    mark_places(page);
    count_all(page->root);
    drop_hidden(page);
    count_all(page->root);
    return page->root;
}
