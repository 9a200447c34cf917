/* Which part of a web page is its text.
 *
 * Owns the judgement that a reader makes at a glance: menus, sidebars, cookie banners, teasers and
 * footers are about the site, and must neither be found nor cited. Three steps, each over the
 * whole tree once: drop what says of itself that it is not the text (its tag, its role, its class,
 * hidden); score what is left by the prose that stands closely together, little of it links; take
 * the best node with its worthy siblings, and drop link lists inside.
 *
 * A document that is no web page of a site (a manual saved as HTML) has no such surroundings, and
 * losing a part of it is worse than keeping a menu: where few of the words are links, all is kept.
 *
 * It changes no node of the tree, only the html_info beside it.
 */
#include "ingest/parse/html.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* A paragraph below this has no sentence in it: a label, a date, a button. */
#define PROSE_BYTES 25
/* A name alone may not drop what holds more than this part of the page. */
#define NAMED_DROP_SHARE 0.4
/* Where links are less of the text than this, the page is a document and not a site. */
#define DOCUMENT_LINK_SHARE 0.12
/* A block with more of its text in links than this is a menu. */
#define MENU_LINK_SHARE 0.5
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

static const struct {
    const char *tag;
    html_kind kind;
} kinds[] = {
    /* sorted, for bsearch */
    {"a", HTML_LINK},
    {"address", HTML_BLOCK},
    {"article", HTML_BLOCK},
    {"aside", HTML_SITE},
    {"audio", HTML_SKIP},
    {"blockquote", HTML_BLOCK},
    {"body", HTML_BLOCK},
    {"br", HTML_BREAK},
    {"button", HTML_SKIP},
    {"canvas", HTML_SKIP},
    {"caption", HTML_CAPTION},
    {"center", HTML_BLOCK},
    {"datalist", HTML_SKIP},
    {"dd", HTML_DEFINITION},
    {"details", HTML_BLOCK},
    {"dialog", HTML_SKIP},
    {"dir", HTML_LIST},
    {"div", HTML_BLOCK},
    {"dl", HTML_BLOCK},
    {"dt", HTML_TERM},
    {"embed", HTML_SKIP},
    {"fieldset", HTML_BLOCK},
    {"figcaption", HTML_CAPTION},
    {"figure", HTML_BLOCK},
    {"footer", HTML_SITE},
    {"form", HTML_BLOCK},
    {"frameset", HTML_SKIP},
    {"h1", HTML_HEADING},
    {"h2", HTML_HEADING},
    {"h3", HTML_HEADING},
    {"h4", HTML_HEADING},
    {"h5", HTML_HEADING},
    {"h6", HTML_HEADING},
    {"head", HTML_SKIP},
    {"header", HTML_SITE},
    {"hgroup", HTML_BLOCK},
    {"hr", HTML_BLOCK},
    {"html", HTML_BLOCK},
    {"iframe", HTML_SKIP},
    {"input", HTML_SKIP},
    {"label", HTML_SKIP},
    {"legend", HTML_SKIP},
    {"li", HTML_ITEM},
    {"link", HTML_SKIP},
    {"main", HTML_BLOCK},
    {"map", HTML_SKIP},
    {"math", HTML_INLINE},
    {"menu", HTML_LIST},
    {"meta", HTML_SKIP},
    {"nav", HTML_SITE},
    {"noframes", HTML_SKIP},
    {"noscript", HTML_SKIP},
    {"object", HTML_SKIP},
    {"ol", HTML_LIST},
    {"optgroup", HTML_SKIP},
    {"option", HTML_SKIP},
    {"p", HTML_PARAGRAPH},
    {"pre", HTML_PRE},
    {"rp", HTML_SKIP},
    {"rt", HTML_SKIP},
    {"script", HTML_SKIP},
    {"section", HTML_BLOCK},
    {"select", HTML_SKIP},
    {"style", HTML_SKIP},
    {"summary", HTML_BLOCK},
    {"svg", HTML_SKIP},
    {"table", HTML_TABLE},
    {"tbody", HTML_BLOCK},
    {"td", HTML_CELL},
    {"template", HTML_SKIP},
    {"textarea", HTML_SKIP},
    {"tfoot", HTML_BLOCK},
    {"th", HTML_CELL},
    {"thead", HTML_BLOCK},
    {"title", HTML_SKIP},
    {"tr", HTML_ROW},
    {"ul", HTML_LIST},
    {"video", HTML_SKIP},
};

static int compare_kind(const void *tag, const void *entry) {
    return strcmp(tag, *(const char *const *)entry);
}

html_kind html_kind_by_name(const char *tag) {
    const char *const *found =
        bsearch(tag, kinds, sizeof kinds / sizeof *kinds, sizeof *kinds, compare_kind);
    if (!found) return HTML_INLINE;
    return kinds[((const char *)found - (const char *)kinds) / (ptrdiff_t)sizeof *kinds].kind;
}

/* ---- words in class and id ---------------------------------------------------------------- */

/* About the site, whatever stands around them. */
static const char *const site_words[] = {
    "ad",          "ads",
    "advert",      "advertisement",
    "advertising", "banner",
    "breadcrumb",  "breadcrumbs",
    "byline",      "comment",
    "comments",    "consent",
    "cookie",      "cookies",
    "disqus",      "dropdown",
    "footer",      "gdpr",
    "livefyre",    "login",
    "masthead",    "menu",
    "modal",       "nav",
    "navbar",      "navbox",
    "navigation",  "newsletter",
    "outbrain",    "overlay",
    "pager",       "pagination",
    "popup",       "print",
    "promo",       "promotion",
    "recommended", "recommendations",
    "related",     "respond",
    "rss",         "search",
    "share",       "sharing",
    "shoutbox",    "sidebar",
    "signup",      "skip",
    "skyscraper",  "social",
    "sponsor",     "sponsored",
    "subscribe",   "subscription",
    "taboola",     "toolbar",
    "trending",    "widget",
    "noprint",     "catlinks",
    "editsection", "tags",
    "teaser",      "teasers",
    "topbar",
};

static bool word_in(const char *p, size_t n, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strlen(list[i]) == n && strncmp(list[i], p, n) == 0) return true;
    return false;
}

/* A name with one of these speaks of its surroundings: "with-sidebar", "no-ads", "has-comments". */
static const char *const about_words[] = {"with", "w",  "has",   "no", "not",
                                          "and",  "is", "label", "js"};

/* Whether one name out of a class or id ("site-footer", "relatedLinks") has a word of the list. */
static bool name_has_word(str name, const char *const *list, size_t count) {
    char word[32];
    size_t n = 0;
    bool found = false;
    for (size_t i = 0; i <= name.n; i++) {
        char c = i < name.n ? name.p[i] : '-';
        bool capital = c >= 'A' && c <= 'Z';
        bool small = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        bool camel = capital && i > 0 && name.p[i - 1] >= 'a' && name.p[i - 1] <= 'z';
        if ((!capital && !small) || camel) {
            if (n > 0 && word_in(word, n, about_words, sizeof about_words / sizeof *about_words))
                return false;
            found = found || (n > 0 && word_in(word, n, list, count));
            n = 0;
        }
        if ((capital || small) && n < sizeof word) word[n++] = capital ? (char)(c + 32) : c;
    }
    return found;
}

static bool has_word(str names, const char *const *list, size_t count) {
    for (size_t i = 0; i < names.n;) {
        size_t end = i;
        while (end < names.n && names.p[end] > ' ') end++;
        if (name_has_word(str_cut(names, i, end), list, count)) return true;
        i = end + 1;
    }
    return false;
}

#define HAS_WORD(names, list) has_word((names), (list), sizeof(list) / sizeof *(list))

/* ---- dropping ----------------------------------------------------------------------------- */

static bool style_hides(str style) {
    for (size_t i = 0; i < style.n; i++) {
        str rest = str_cut(style, i, style.n);
        if ((i == 0 || style.p[i - 1] == ';' || style.p[i - 1] == ' ') &&
            (str_starts(rest, STR("display:none")) || str_starts(rest, STR("display: none")) ||
             str_starts(rest, STR("visibility:hidden")) ||
             str_starts(rest, STR("visibility: hidden"))))
            return true;
    }
    return false;
}

static bool is_hidden(const xmlNode *n) {
    for (const xmlAttr *a = n->properties; a; a = a->next)
        if (strcmp((const char *)a->name, "hidden") == 0) return true;
    return str_eq(html_attribute(n, "aria-hidden"), STR("true")) ||
           style_hides(html_attribute(n, "style"));
}

static bool has_site_role(const xmlNode *n) {
    static const char *const roles[] = {"navigation",    "banner",  "contentinfo", "search",
                                        "complementary", "dialog",  "alertdialog", "alert",
                                        "menu",          "menubar", "toolbar",     "tooltip"};
    str role = str_trim(html_attribute(n, "role"));
    return role.n > 0 && word_in(role.p, role.n, roles, sizeof roles / sizeof *roles);
}

static bool inside(const xmlNode *n, const char *tag) {
    for (n = n->parent; n; n = n->parent)
        if (html_tag_is(n, tag)) return true;
    return false;
}

/* Does this element say of itself that it is not the text? `page_text` is all there is. */
static bool says_no(const xmlNode *n, size_t page_text) {
    const html_info *info = html_info_of(n);
    if (info->kind == HTML_SKIP || is_hidden(n)) return true;
    if (info->kind < HTML_BLOCK && !info->has_block)
        return HAS_WORD(html_attribute(n, "class"), site_words);
    if (html_tag_is(n, "body") || html_tag_is(n, "html") || html_tag_is(n, "main") ||
        html_tag_is(n, "article"))
        return false;
    bool large = (double)info->text > NAMED_DROP_SHARE * (double)page_text;
    if (large) return false;
    if (info->kind == HTML_SITE) /* the header of an article holds its heading and standfirst */
        return !html_tag_is(n, "header") || !(inside(n, "article") || inside(n, "main"));
    return has_site_role(n) || HAS_WORD(html_attribute(n, "class"), site_words) ||
           HAS_WORD(html_attribute(n, "id"), site_words);
}

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
    *info = (html_info){.kind = info->kind, .drop = info->drop};
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

static double link_share(const html_info *info) {
    return info->text ? (double)info->link / (double)info->text : 0;
}

/* Can the walk go below n: an element that is not dropped. */
static bool is_kept(const xmlNode *n) {
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
    for (xmlNode *n = root; n; n = html_next(n, root, is_kept(n))) {
        double points = is_kept(n) ? points_of(html_info_of(n)) : 0;
        const xmlNode *up = n;
        for (int i = 0; points > 0 && i < SCORE_LEVELS && up != root; i++) {
            up = up->parent;
            html_info_of(up)->score += points * part[i];
        }
    }
}

static double value_of(const xmlNode *n) {
    return html_info_of(n)->score * (1 - link_share(html_info_of(n)));
}

static xmlNode *find_best(xmlNode *root) {
    xmlNode *best = root;
    for (xmlNode *n = root; n; n = html_next(n, root, is_kept(n)))
        if (is_kept(n) && html_info_of(n)->kind >= HTML_BLOCK && value_of(n) > value_of(best))
            best = n;
    return best;
}

/* Is n, a sibling of `path` some levels above the best node, a part of the text too? */
static bool is_worthy(const xmlNode *n, const xmlNode *path, const xmlNode *best) {
    const html_info *info = html_info_of(n);
    if (value_of(n) >= SIBLING_SHARE * value_of(best)) return true;
    if (link_share(info) > SIBLING_LINK_SHARE) return false;
    str kind = html_attribute(path, "class");
    bool alike = strcmp((const char *)n->name, (const char *)path->name) == 0 && kind.n > 0 &&
                 str_eq(html_attribute(n, "class"), kind);
    if (alike) return info->prose > 0;
    size_t enough = info->kind == HTML_PARAGRAPH ? SIBLING_OWN_BYTES : SIBLING_PROSE_BYTES;
    return path == best && max_of(info->own, info->prose) > enough;
}

/* The highest node above the best one that has a worthy sibling of the path below it; on the way
 * there all siblings that are not worthy are dropped, headings of the path's own level kept. */
static xmlNode *take_siblings(xmlNode *best, const xmlNode *root) {
    xmlNode *top = best;
    for (xmlNode *path = best; path != root; path = path->parent)
        for (xmlNode *n = path->parent->children; n; n = n->next)
            if (n != path && is_kept(n) && html_info_of(n)->kind != HTML_HEADING &&
                is_worthy(n, path, best))
                top = path->parent;
    for (xmlNode *path = best; path != top; path = path->parent)
        for (xmlNode *n = path->parent->children; n; n = n->next)
            if (n != path && is_kept(n) && html_info_of(n)->kind != HTML_HEADING &&
                !is_worthy(n, path, best))
                html_info_of(n)->drop = true;
    return top;
}

/* Lists and boxes inside the text that are mostly links. */
static void drop_menus(xmlNode *root) {
    for (xmlNode *n = root; n; n = html_next(n, root, is_kept(n))) {
        if (n == root || !is_kept(n)) continue;
        html_info *info = html_info_of(n);
        bool group =
            info->kind == HTML_LIST || info->kind == HTML_BLOCK || info->kind == HTML_TABLE;
        if (group && link_share(info) > MENU_LINK_SHARE && info->prose < info->link)
            info->drop = true;
    }
}

bool html_is_layout_table(const xmlNode *table) {
    const html_info *info = html_info_of(table);
    return info->has_table || info->widest_row < 2 || info->longest_cell > LAYOUT_CELL_BYTES ||
           str_eq_nocase(html_attribute(table, "role"), STR("presentation"));
}

/* Drops what says of itself that it is not the text, and nothing else; counts what is left. */
static void drop_named(xmlNode *root) {
    for (xmlNode *n = root; n; n = html_next(n, root, true))
        if (n->type == XML_ELEMENT_NODE) html_info_of(n)->drop = false;
    count_all(root);
    size_t page_text = html_info_of(root)->text;
    for (xmlNode *n = root; n; n = html_next(n, root, is_kept(n)))
        if (n != root && n->type == XML_ELEMENT_NODE) html_info_of(n)->drop = says_no(n, page_text);
    count_all(root);
}

xmlNode *html_main_find(html_page *page) {
    xmlNode *root = page->root;
    drop_named(root);
    if (link_share(html_info_of(root)) < DOCUMENT_LINK_SHARE) return root;
    score_all(root);
    xmlNode *top = take_siblings(find_best(root), root);
    drop_menus(top);
    count_all(top);
    if (html_info_of(top)->text > 0) return top;
    drop_named(root); /* a page of links alone is what it is */
    return root;
}
