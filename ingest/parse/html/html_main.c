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
#include "ingest/parse/html/html.h"

#include <string.h>

/* A paragraph below this has no sentence in it: a label, a date, a button. */
#define PROSE_BYTES 25
/* Where links are less of the text than this, the page is a document and not a site. */
#define DOCUMENT_LINK_SHARE 0.12
/* The best node of a page that is no article has at least this part of what is not linked. */
#define MAIN_SHARE 0.7
#define ARTICLE_SHARE 0.25
/* A byline links to its author; what is linked as a whole is a tag or a button. */
#define BYLINE_LINK_SHARE 0.8
/* Nodes behind the title among which it is looked for. */
#define BYLINE_SEARCH 300
/* A block with more of its text in links than this is a menu. */
#define MENU_LINK_SHARE 0.5
/* In a document a single link is a reference. */
#define MENU_LINKS 2u
/* A page that is no article is cleared as long as this part of its text is left. */
#define INDEX_SHARE 0.5
/* Or this part, if it has a page of prose: then the links were those of a list of names. */
#define INDEX_PROSE_SHARE 0.2
#define INDEX_PROSE_BYTES 400
/* An article with its title and as much prose as this stands for itself. */
#define OWN_ARTICLE_BYTES 300
/* Names that leave less than this part of what is not linked are not believed. */
#define NAMED_LEFT_SHARE 0.3
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
/* Wherever it stands, another part of the text has as much as this. */
#define SIBLING_PART_BYTES 400

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

/* A link that leads somewhere under another name. An address that is written out is text. */
static bool is_named_link(const xmlNode *n) {
    if (html_info_of(n)->kind != HTML_LINK) return false;
    const xmlNode *first = n->children;
    if (!first || first->type != XML_TEXT_NODE || !first->content) return true;
    str s = str_trim(str_of((const char *)first->content));
    return !str_starts(s, STR("http://")) && !str_starts(s, STR("https://")) &&
           !str_starts(s, STR("www."));
}

/* What `n` adds to the element that it stands in. */
static void add_up(html_info *to, const xmlNode *n) {
    const html_info *from = html_info_of(n);
    bool link = is_named_link(n);
    bool block = from->kind >= HTML_BLOCK, cell = from->kind == HTML_CELL;
    to->text += from->text;
    to->link += link ? from->text : from->link;
    to->links += from->links + (link && from->text > 0);
    to->has_heading = to->has_heading || from->has_heading || from->kind == HTML_HEADING;
    if (!block) {
        to->own += from->own;
        to->own_link += link ? from->own : from->own_link;
        to->own_commas += from->own_commas;
    }
    size_t plain = block ? from->own - from->own_link : 0;
    plain = from->prose + (plain >= PROSE_BYTES ? plain : 0);
    to->prose += plain;
    to->item_prose += from->kind == HTML_ITEM ? plain : from->item_prose;
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
                        .struck = info->struck,
                        .script = info->script,
                        .label = info->label,
                        .in_main = info->in_main,
                        .holds_title = info->holds_title,
                        .in_code = info->in_code};
    return !info->drop && info->kind != HTML_SKIP && n->children;
}

static void count_leave(const xmlNode *n, const xmlNode *root) {
    if (n == root || n->type != XML_ELEMENT_NODE) return;
    const html_info *info = html_info_of(n);
    if (!info->drop && info->kind != HTML_SKIP) add_up(html_info_of(n->parent), n);
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
    if (info->prose >= SIBLING_PART_BYTES && 2 * info->item_prose < info->prose &&
        (double)info->prose >= SIBLING_SHARE * (double)html_info_of(best)->prose)
        return true;
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

/* Lists and boxes inside the text that are mostly links. */
static void drop_menus(xmlNode *root, bool article) {
    for (xmlNode *n = html_next(root, root, true); n; n = html_next(n, root, html_is_kept(n))) {
        if (!html_is_kept(n)) continue;
        html_info *info = html_info_of(n);
        bool group =
            info->kind == HTML_LIST || info->kind == HTML_BLOCK || info->kind == HTML_TABLE;
        if (group && info->links >= (article ? 1 : MENU_LINKS) &&
            html_link_share(info) > MENU_LINK_SHARE && info->prose < info->link)
            info->drop = true;
    }
}

bool html_is_layout_table(const xmlNode *table) {
    const html_info *info = html_info_of(table);
    return info->has_table || info->widest_row < 2 || info->longest_cell > LAYOUT_CELL_BYTES ||
           str_eq_nocase(html_attribute(table, "role"), STR("presentation"));
}

/* ---- the page ------------------------------------------------------------------------------ */

/* What an element takes over from those that it stands in, and what no browser shows. */
static void mark_places(html_page *page) {
    html_style_read(page);
    count_all(page->root);
    html_style_doubt(page);
    for (xmlNode *n = page->root; n; n = html_next(n, page->root, true)) {
        if (n->type != XML_ELEMENT_NODE) continue;
        html_info *info = html_info_of(n);
        const html_info *up = n == page->root ? info : html_info_of(n->parent);
        info->in_main = up->in_main || html_tag_is(n, "main") || html_tag_is(n, "article");
        info->in_code = up->in_code || info->kind == HTML_PRE || html_tag_is(n, "code");
        bool hides = n != page->root && (up->hidden || html_named_hidden(n, page));
        info->struck = n != page->root && !hides && html_named_struck(n, page);
        info->hidden = hides || info->struck;
        info->script = html_style_level(page, n);
        if (info->kind != HTML_HEADING || info->hidden || !html_head_is_title(n, page)) continue;
        html_info_of(page->root)->holds_title = true;
        for (xmlNode *in = n; in != page->root; in = in->parent)
            html_info_of(in)->holds_title = true;
    }
}

static void drop_hidden(html_page *page) {
    xmlNode *root = page->root;
    for (xmlNode *n = root; n; n = html_next(n, root, html_is_kept(n))) {
        if (n == root || !html_is_kept(n) || !html_info_of(n)->hidden) continue;
        html_info *info = html_info_of(n);
        info->drop = true;
        if (info->struck)
            page->struck_bytes += info->text;
        else if (html_link_share(info) < MENU_LINK_SHARE)
            page->hidden_bytes += info->text;
    }
}

/* Drops what says of itself that it is not the text, and nothing else; counts what is left. */
static void drop_named(html_page *page) {
    xmlNode *root = page->root;
    count_all(root);
    size_t page_text = html_info_of(root)->text;
    page->hidden_bytes = page->struck_bytes = 0;
    for (xmlNode *n = html_next(root, root, true); n; n = html_next(n, root, html_is_kept(n))) {
        if (n->type != XML_ELEMENT_NODE) continue;
        html_info *info = html_info_of(n);
        bool hidden = info->hidden || (html_named_unread(n) && info->text > 0);
        bool named = html_named_drop(n, page, page_text);
        info->drop = named || info->hidden;
        /* a menu that is folded away is no secret */
        if (info->struck)
            page->struck_bytes += info->text;
        else if (hidden && info->drop && info->kind != HTML_SKIP &&
                 html_link_share(info) < MENU_LINK_SHARE)
            page->hidden_bytes += info->text;
    }
    count_all(root);
}

static size_t unlinked(const xmlNode *n) {
    return html_info_of(n)->text - html_info_of(n)->link;
}

/* The <article> that holds the title, where it holds prose too: other articles on the page are
 * other texts. */
static xmlNode *find_root(const html_page *page) {
    for (xmlNode *n = page->root; n; n = html_next(n, page->root, html_is_kept(n))) {
        if (!html_is_kept(n) || html_kind_of(n) != HTML_HEADING || !html_head_is_title(n, page))
            continue;
        xmlNode *up = n;
        while (up != page->root && !html_tag_is(up, "article")) up = up->parent;
        if (up != page->root && html_info_of(up)->prose >= OWN_ARTICLE_BYTES) return up;
    }
    return page->root;
}

/* The best node with its siblings, or the whole page where that leaves out too much of it. */
static xmlNode *find_top(html_page *page) {
    xmlNode *root = page->article ? find_root(page) : page->root;
    score_all(root);
    xmlNode *best = find_best(root), *reach = find_reach(best, root);
    double share = page->article ? ARTICLE_SHARE : MAIN_SHARE;
    if ((double)unlinked(reach) < share * (double)unlinked(root)) return root;
    drop_unworthy(best, reach);
    return reach;
}

/* False when hardly half of the page is left, and nothing says that it is more than links. */
static bool clear_site(html_page *page, bool choose, xmlNode **top) {
    size_t before = html_info_of(page->root)->text;
    *top = choose ? find_top(page) : page->root;
    drop_menus(*top, page->article);
    count_all(*top);
    const html_info *left = html_info_of(*top);
    double share = left->prose >= INDEX_PROSE_BYTES ? INDEX_PROSE_SHARE : INDEX_SHARE;
    return (double)left->text >= share * (double)before;
}

static void start_again(html_page *page) {
    for (size_t i = 0; i < page->count; i++) page->infos[i].drop = false;
    drop_named(page);
}

/* Clears what stands around the text of an article, unless that leaves too little: then the page
 * was one of teasers after all. */
static void trim(html_page *page, xmlNode *top) {
    bool *before = mem_new(page->count, sizeof *before);
    size_t all = html_info_of(top)->text;
    for (size_t i = 0; i < page->count; i++) before[i] = page->infos[i].drop;
    html_trim_article(top, page);
    count_all(top);
    if ((double)html_info_of(top)->text < INDEX_SHARE * (double)all) {
        for (size_t i = 0; i < page->count; i++) page->infos[i].drop = before[i];
        count_all(top);
    }
    mem_free(before);
}

/* Drops what is named so; where that leaves hardly anything, names are not believed. */
static void clear_named(html_page *page) {
    count_all(page->root);
    size_t all = unlinked(page->root);
    drop_named(page);
    if ((double)unlinked(page->root) >= NAMED_LEFT_SHARE * (double)all) return;
    page->words_lie = true;
    start_again(page);
}

static xmlNode *find_text(html_page *page) {
    xmlNode *top = page->root;
    mark_places(page);
    clear_named(page);
    bool site = html_link_share(html_info_of(top)) >= DOCUMENT_LINK_SHARE;
    if (page->article) {
        clear_site(page, true, &top);
        if (html_info_of(top)->text > 0) {
            trim(page, top);
            return top;
        }
        start_again(page);
        top = page->root;
    } else if (site && !clear_site(page, true, &top)) {
        start_again(page);
        if (!clear_site(page, false, &top)) start_again(page); /* an index is what it is */
    }
    html_trim_labels(top, page);
    return top;
}

/* The heading that is the title often stands in a header of its own, and is cleared with that. */
static bool has_title(const xmlNode *top, const html_page *page) {
    for (xmlNode *n = (xmlNode *)top; n; n = html_next(n, top, html_is_kept(n)))
        if (html_is_kept(n) && html_kind_of(n) == HTML_HEADING && html_head_is_title(n, page))
            return true;
    return false;
}

static bool is_above(const xmlNode *n, const xmlNode *below) {
    while (below && below != n) below = below->parent;
    return below == n;
}

/* Who wrote it, when, and the standfirst, between that heading and the text. */
static void find_byline(html_page *page, const xmlNode *top) {
    xmlNode *n = page->root;
    while (n && (html_kind_of(n) != HTML_HEADING || !html_head_is_title(n, page)))
        n = html_next(n, page->root, true);
    bool deeper = false;
    for (size_t i = 0; i < BYLINE_SEARCH && page->byline_count < HTML_BYLINE_MAX; i++) {
        n = n ? html_next(n, page->root, deeper) : NULL;
        if (!n || n == top) return;
        deeper =
            n->type == XML_ELEMENT_NODE && html_kind_of(n) != HTML_SKIP && !html_info_of(n)->hidden;
        if (!deeper || is_above(n, top)) continue;
        html_info_of(n)->drop = false;
        count_all(n);
        bool beside = html_named_label(n, page) || html_trim_is_date_line(n);
        if (!beside || html_link_share(html_info_of(n)) > BYLINE_LINK_SHARE) continue;
        html_info_of(n)->label = true;
        page->byline[page->byline_count++] = n;
        deeper = false;
    }
}

xmlNode *html_main_find(html_page *page) {
    xmlNode *top = find_text(page);
    page->title_apart = html_info_of(page->root)->holds_title && !has_title(top, page);
    if (page->title_apart && page->article) find_byline(page, top);
    return top;
}

xmlNode *html_main_all(html_page *page) {
    mark_places(page);
    count_all(page->root);
    drop_hidden(page);
    count_all(page->root);
    return page->root;
}
