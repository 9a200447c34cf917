/* What an element says of itself, before anyone looks at its text.
 *
 * Owns the words in class and id, the ARIA roles, and what a browser would not show. Words are a
 * weak witness: "overlay" is a dialog on a news page and an option in a manual. So a word alone
 * drops little of a page, nothing inside code, and no section whose heading its id spells; and on a
 * page that does not call itself an article it drops only what is mostly links or very short.
 *
 * It judges single elements and never compares them with others.
 */
#include "ingest/parse/html/html.h"

#include <stdlib.h>
#include <string.h>

/* A name alone may not drop what holds more than this part of the page. */
#define NAMED_DROP_SHARE 0.4
/* In a document, a word drops what has at least this part of its text in links, or is shorter. */
#define NAMED_LINK_SHARE 0.3
/* An aside of a document is a note with references, up to this part. */
#define NAMED_ASIDE_SHARE 0.5
#define NAMED_SHORT_BYTES 80
/* Longer than a line beside the text can be: a caption of four sentences, a byline of one. */
#define CAPTION_MAX_BYTES 900
#define LABEL_MAX_BYTES 300
/* What holds the title and as much prose as this is not about the site, whatever its name. */
#define TITLE_PROSE_BYTES 120
/* A form around a whole article has more prose. */
#define FORM_PROSE_BYTES 200
/* An anchor is made of the first words of its heading. */
#define ANCHOR_BYTES 400
#define WORD_MAX 32

enum {
    WORD_SITE = 1,    /* about the site, wherever it stands */
    WORD_ARTICLE = 2, /* not of the text where the page is an article */
    WORD_CAPTION = 4, /* of a picture or table */
    WORD_LABEL = 8,   /* who wrote it, when, and what it says in short; in an article */
    WORD_ABOUT = 16   /* the name speaks of its surroundings: "with-sidebar", "no-ads" */
};

static const struct word {
    const char *word;
    int flags;
} words[] = {
    /* sorted, for bsearch */
    {"actionbar", WORD_ARTICLE},
    {"actions", WORD_ARTICLE},
    {"ad", WORD_SITE},
    {"ads", WORD_SITE},
    {"advert", WORD_SITE},
    {"advertisement", WORD_SITE},
    {"advertising", WORD_SITE},
    {"and", WORD_ABOUT},
    {"author", WORD_LABEL},
    {"authors", WORD_LABEL},
    {"banner", WORD_SITE},
    {"breadcrumb", WORD_SITE},
    {"breadcrumbs", WORD_SITE},
    {"byline", WORD_LABEL},
    {"caption", WORD_CAPTION},
    {"catlinks", WORD_SITE},
    {"comment", WORD_SITE},
    {"comments", WORD_SITE},
    {"consent", WORD_SITE},
    {"cookie", WORD_SITE},
    {"cookies", WORD_SITE},
    {"credit", WORD_LABEL},
    {"credits", WORD_LABEL},
    {"date", WORD_LABEL},
    {"dateline", WORD_LABEL},
    {"deck", WORD_LABEL},
    {"dek", WORD_LABEL},
    {"disclaimer", WORD_ARTICLE},
    {"disclosure", WORD_ARTICLE},
    {"disqus", WORD_SITE},
    {"dropdown", WORD_SITE},
    {"editsection", WORD_SITE},
    {"feedback", WORD_ARTICLE},
    {"figcaption", WORD_CAPTION},
    {"footer", WORD_SITE},
    {"gdpr", WORD_SITE},
    {"has", WORD_ABOUT},
    {"interstitial", WORD_ARTICLE},
    {"is", WORD_ABOUT},
    {"js", WORD_ABOUT},
    {"keywords", WORD_ARTICLE},
    {"label", WORD_ABOUT},
    {"linkback", WORD_ARTICLE},
    {"livefyre", WORD_SITE},
    {"login", WORD_SITE},
    {"masthead", WORD_SITE},
    {"menu", WORD_SITE},
    {"meta", WORD_LABEL},
    {"metadata", WORD_LABEL},
    {"modal", WORD_SITE},
    {"nav", WORD_SITE},
    {"navbar", WORD_SITE},
    {"navbox", WORD_SITE},
    {"navigation", WORD_SITE},
    {"newsletter", WORD_SITE},
    {"next", WORD_ARTICLE},
    {"no", WORD_ABOUT},
    {"noprint", WORD_SITE},
    {"not", WORD_ABOUT},
    {"notification", WORD_ARTICLE},
    {"outbrain", WORD_SITE},
    {"overlay", WORD_SITE},
    {"pager", WORD_SITE},
    {"pagination", WORD_SITE},
    {"popular", WORD_ARTICLE},
    {"popup", WORD_SITE},
    {"prev", WORD_ARTICLE},
    {"previous", WORD_ARTICLE},
    {"print", WORD_SITE},
    {"promo", WORD_SITE},
    {"promotion", WORD_SITE},
    {"published", WORD_LABEL},
    {"rail", WORD_ARTICLE},
    {"recirc", WORD_ARTICLE},
    {"recommendations", WORD_SITE},
    {"recommended", WORD_SITE},
    {"recommends", WORD_ARTICLE},
    {"related", WORD_SITE},
    {"reprint", WORD_ARTICLE},
    {"reprints", WORD_ARTICLE},
    {"respond", WORD_SITE},
    {"rss", WORD_SITE},
    {"search", WORD_SITE},
    {"share", WORD_SITE},
    {"sharedaddy", WORD_SITE},
    {"sharing", WORD_SITE},
    {"shoutbox", WORD_SITE},
    {"sidebar", WORD_SITE},
    {"signup", WORD_SITE},
    {"skip", WORD_SITE},
    {"skyscraper", WORD_SITE},
    {"social", WORD_SITE},
    {"sponsor", WORD_SITE},
    {"sponsored", WORD_SITE},
    {"standfirst", WORD_LABEL},
    {"subhead", WORD_LABEL},
    {"subheadline", WORD_LABEL},
    {"subscribe", WORD_SITE},
    {"subscription", WORD_SITE},
    {"subtitle", WORD_LABEL},
    {"summary", WORD_LABEL},
    {"syndication", WORD_ARTICLE},
    {"taboola", WORD_SITE},
    {"tags", WORD_SITE},
    {"teaser", WORD_SITE},
    {"teasers", WORD_SITE},
    {"time", WORD_LABEL},
    {"timestamp", WORD_LABEL},
    {"toolbar", WORD_SITE},
    {"topbar", WORD_SITE},
    {"trending", WORD_SITE},
    {"updated", WORD_LABEL},
    {"w", WORD_ABOUT},
    {"widget", WORD_SITE},
    {"with", WORD_ABOUT},
};

static int compare_word(const void *key, const void *entry) {
    return strcmp(key, ((const struct word *)entry)->word);
}

/* What the words of one name out of a class or id ("site-footer", "relatedLinks") say. */
static int name_flags(str name) {
    char word[WORD_MAX];
    size_t n = 0;
    int flags = 0;
    for (size_t i = 0; i <= name.n; i++) {
        char c = i < name.n ? name.p[i] : '-';
        bool capital = c >= 'A' && c <= 'Z';
        bool small = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        bool camel = capital && i > 0 && name.p[i - 1] >= 'a' && name.p[i - 1] <= 'z';
        if (n > 0 && ((!capital && !small) || camel)) {
            word[n] = 0;
            const struct word *w =
                bsearch(word, words, sizeof words / sizeof *words, sizeof *words, compare_word);
            if (w) flags |= w->flags;
            n = 0;
        }
        if ((capital || small) && n + 1 < sizeof word) word[n++] = capital ? (char)(c + 32) : c;
    }
    return flags & WORD_ABOUT ? 0 : flags;
}

static int names_flags(str names) {
    int flags = 0;
    for (size_t i = 0; i < names.n;) {
        size_t end = i;
        while (end < names.n && names.p[end] > ' ') end++;
        flags |= name_flags(str_cut(names, i, end));
        i = end + 1;
    }
    return flags;
}

/* ---- what a browser does not show ----------------------------------------------------------- */

/* The value of a property in a style attribute, up to the semicolon; empty where it is not set. */
str html_named_style(str style, str property) {
    for (size_t i = 0; i < style.n;) {
        size_t end = i;
        while (end < style.n && style.p[end] != ';') end++;
        str part = str_trim(str_cut(style, i, end));
        size_t colon = str_find(part, STR(":"), 0);
        if (colon != SIZE_MAX && str_eq_nocase(str_trim(str_cut(part, 0, colon)), property))
            return str_trim(str_cut(part, colon + 1, part.n));
        i = end + 1;
    }
    return (str){0};
}

static bool starts_nocase(str s, str prefix) {
    return s.n >= prefix.n && str_eq_nocase(str_cut(s, 0, prefix.n), prefix);
}

/* "0", "0px", "0.0em", "1px": nobody reads that. */
bool html_named_tiny(str size) {
    if (size.n == 0 || size.p[0] < '0' || size.p[0] > '1') return false;
    size_t i = 1;
    if (size.p[0] == '0')
        while (i < size.n && (size.p[i] == '.' || size.p[i] == '0')) i++;
    str unit = str_trim(str_cut(size, i, size.n));
    if (size.p[0] == '1') return str_eq_nocase(unit, STR("px")) || str_eq_nocase(unit, STR("pt"));
    return unit.n == 0 || unit.p[0] > '9' || unit.p[0] == '%' || unit.p[0] == '!';
}

bool html_named_white(str colour) {
    bool short_hex = starts_nocase(colour, STR("#fff")) && (colour.n < 5 || colour.p[4] <= ' ');
    return starts_nocase(colour, STR("white")) || short_hex ||
           starts_nocase(colour, STR("#ffffff")) || starts_nocase(colour, STR("rgb(255,255,255")) ||
           starts_nocase(colour, STR("rgb(255, 255, 255")) ||
           starts_nocase(colour, STR("transparent"));
}

/* White letters are no secret on a dark ground, and only an inline ground can be seen here; other
 * colours are a secret on a ground of the same. */
static bool is_white_on_white(const xmlNode *n, str style, const html_page *page) {
    bool font = html_tag_is(n, "font");
    str colour = html_named_style(style, STR("color"));
    if (colour.n == 0 && font) colour = str_trim(html_attribute(n, "color"));
    if (colour.n == 0) return false;
    bool white = html_named_white(colour);
    for (; n && n->type == XML_ELEMENT_NODE; n = n->parent) {
        str own = html_attribute(n, "style");
        str ground = html_named_style(own, STR("background-color"));
        if (ground.n == 0) ground = html_named_style(own, STR("background"));
        if (ground.n == 0) ground = html_attribute(n, "bgcolor");
        if (ground.n > 0) return white ? html_named_white(ground) : str_eq_nocase(ground, colour);
        bool named = html_attribute(n, "class").n > 0 || (font && html_attribute(n, "id").n > 0);
        if (named || html_attribute(n, "background").n > 0) return false; /* may give a ground */
    }
    return white && !page->has_grounds && !(font && page->links_sheet);
}

static bool style_hides(const xmlNode *n, str style, const html_page *page) {
    return starts_nocase(html_named_style(style, STR("display")), STR("none")) ||
           starts_nocase(html_named_style(style, STR("visibility")), STR("hidden")) ||
           html_named_tiny(html_named_style(style, STR("font-size"))) ||
           is_white_on_white(n, style, page);
}

bool html_named_unread(const xmlNode *n) {
    return str_eq(html_attribute(n, "aria-hidden"), STR("true"));
}

bool html_named_out_of_sight(const xmlNode *n, const html_page *page) {
    if (page->sheet_lies || html_tag_is(n, "html") || html_tag_is(n, "body")) return false;
    str style = html_attribute(n, "style");
    return html_style_hides(page, n) || (style.n > 0 && html_style_out_of_sight(style));
}

bool html_named_hidden(const xmlNode *n, const html_page *page) {
    if (html_tag_is(n, "html") || html_tag_is(n, "body")) return false; /* until a script ran */
    for (const xmlAttr *a = n->properties; a; a = a->next)
        if (strcmp((const char *)a->name, "hidden") == 0) return true;
    if (html_math_is_shown(n)) return false;
    str style = html_attribute(n, "style");
    if ((style.n > 0 || html_tag_is(n, "font")) && style_hides(n, style, page)) return true;
    return html_named_out_of_sight(n, page);
}

/* <ins> is what holds in the place of <del>, and stays. */
bool html_named_struck(const xmlNode *n, const html_page *page) {
    str style = html_attribute(n, "style");
    bool tag = html_tag_is(n, "del") || html_tag_is(n, "s") || html_tag_is(n, "strike");
    str line = html_named_style(style, STR("text-decoration"));
    if (tag) return !starts_nocase(line, STR("none"));
    return html_style_has_strike(style) || html_style_strikes(page, n);
}

/* ---- what is about the site ------------------------------------------------------------------ */

static bool has_site_role(const xmlNode *n) {
    static const char *const roles[] = {"navigation",    "banner",  "contentinfo", "search",
                                        "complementary", "dialog",  "alertdialog", "alert",
                                        "menu",          "menubar", "toolbar",     "tooltip"};
    str role = str_trim(html_attribute(n, "role"));
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (str_eq(role, str_of(roles[i]))) return true;
    return false;
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c < 0;
}

/* Whether the id is made of the words of the first heading below: then it is an anchor, and speaks
 * of what the section is about. */
static bool id_is_anchor(const xmlNode *n, str id) {
    const xmlNode *h = n;
    while (h && html_kind_of(h) != HTML_HEADING) h = html_next((xmlNode *)h, n, true);
    if (!h) return false;
    text heading = {0};
    html_text_of(h, ANCHOR_BYTES, &heading);
    size_t at = 0, matched = 0, letters = 0;
    for (size_t i = 0; i < id.n; i++) {
        if (!is_letter(id.p[i])) continue;
        letters++;
        while (at < heading.n && (heading.p[at] | 32) != (id.p[i] | 32)) at++;
        matched += at < heading.n;
        at++;
    }
    text_free(&heading);
    return letters > 0 && matched * 10 >= letters * 8;
}

/* <header>, <footer>, <nav> and <aside>. The header of an article or of a document holds its title
 * and standfirst; an aside in a document is a note. */
static bool tag_says_no(const xmlNode *n, const html_info *info, const html_page *page) {
    if (info->kind != HTML_SITE) return false;
    bool linked = (double)info->link > NAMED_LINK_SHARE * (double)info->text;
    if (html_tag_is(n, "header"))
        return !info->in_main && (page->article || linked || !info->has_heading);
    if (html_tag_is(n, "aside"))
        return page->article || (double)info->link > NAMED_ASIDE_SHARE * (double)info->text;
    return true;
}

/* In a document these are what it describes: an option called "search". */
static bool is_subject(html_kind kind) {
    return kind == HTML_HEADING || kind == HTML_TERM || kind == HTML_DEFINITION ||
           kind == HTML_ROW || kind == HTML_CELL || kind == HTML_CAPTION;
}

static bool word_says_no(const xmlNode *n, const html_info *info, const html_page *page) {
    if (page->words_lie || (info->holds_title && info->prose > TITLE_PROSE_BYTES)) return false;
    if (!page->article && is_subject(info->kind)) return false;
    str id = html_attribute(n, "id");
    int unwanted = WORD_SITE | (page->article ? WORD_ARTICLE : 0);
    int class_flags = names_flags(html_attribute(n, "class")) & unwanted;
    if (!class_flags && !(names_flags(id) & unwanted && !id_is_anchor(n, id))) return false;
    bool scrap = info->text < NAMED_SHORT_BYTES && !info->has_heading && !html_tag_is(n, "dl");
    return page->article || scrap || (double)info->link > NAMED_LINK_SHARE * (double)info->text;
}

/* The sign beside a heading that is a link to itself: "#", or a pilcrow. */
static bool is_anchor_sign(const xmlNode *n, const html_info *info) {
    if (info->kind != HTML_LINK || info->text > 4 || info->has_block) return false;
    if (!str_starts(html_attribute(n, "href"), STR("#"))) return false;
    text t = {0};
    html_text_of(n, 16, &t);
    str s = text_str(&t);
    bool sign = str_eq(s, STR("#")) || str_eq(s, STR("\u00b6")) || str_eq(s, STR("\u00a7")) ||
                str_eq(s, STR("\U0001F517"));
    text_free(&t);
    return sign;
}

/* A search box, a sign-up. The questions of a form that fills a document are its text. */
static bool is_box(const xmlNode *n, const html_info *info, const html_page *page) {
    if (!html_tag_is(n, "form")) return false;
    return info->text < NAMED_SHORT_BYTES || (page->article && info->prose < FORM_PROSE_BYTES);
}

bool html_named_drop(const xmlNode *n, const html_page *page, size_t page_text) {
    const html_info *info = html_info_of(n);
    if (info->kind == HTML_SKIP) return true;
    if (is_anchor_sign(n, info)) return true;
    if (info->in_code) return false;
    bool block = info->kind >= HTML_BLOCK || info->has_block;
    if (html_tag_is(n, "body") || html_tag_is(n, "html") || html_tag_is(n, "main") ||
        html_tag_is(n, "article"))
        return false;
    if ((double)info->text > NAMED_DROP_SHARE * (double)page_text) return false;
    if (html_named_unread(n) || is_box(n, info, page)) return true;
    return (block && (tag_says_no(n, info, page) || has_site_role(n))) ||
           word_says_no(n, info, page);
}

bool html_named_label(const xmlNode *n, const html_page *page) {
    const html_info *info = html_info_of(n);
    if (info->in_code || info->has_table || info->text == 0 || info->text > CAPTION_MAX_BYTES)
        return false;
    int flags = names_flags(html_attribute(n, "class"));
    if (flags & WORD_CAPTION) return !info->has_heading;
    if (!page->article || info->text > LABEL_MAX_BYTES) return false;
    return (flags | names_flags(html_attribute(n, "id"))) & WORD_LABEL || html_tag_is(n, "time") ||
           names_flags(html_attribute(n, "itemprop")) & WORD_LABEL;
}
