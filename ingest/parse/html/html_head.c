/* What a page says about itself as a whole: its title, its language, whether it is an article.
 *
 * Owns the reading of <title>, <meta>, JSON-LD and the like. The title of a page is rarely its
 * <title>, which carries the site's name for the sake of search engines: a heading that is part of
 * it is preferred, then og:title, then <title> without the site's name where the page tells that.
 * Its date is the latest that the head names, whether it was written or changed then.
 *
 * A page is an article where it says so (Open Graph, schema.org, the hentry microformat). News and
 * blog pages do, in order to be found; manuals and reference pages do not. It decides only how
 * boldly html_main.c and html_trim.c may clear away what stands around the text, so that a page
 * which says nothing loses nothing.
 */
#include "ingest/parse/html/html.h"

#include <string.h>

#define TITLE_MAX_BYTES 300
/* What is longer is no title; and headings may be nested in each other without an end. */
#define TITLE_LOOK_BYTES 1000
/* A lower heading is the title only where it makes up this part of <title>. */
#define TITLE_HEADING_SHARE 0.4
/* Headings that are tried; pages of teasers have hundreds. */
#define TITLE_HEADINGS_MAX 50

/* What <meta> calls a date of the page; of each the first counts. "date" may be any: when it was
 * written, changed, or sent. */
static const char *const date_names[] = {
    "article:published_time",
    "article:modified_time",
    "og:updated_time",
    "date",
    "dc.date",
    "dc.date.modified",
    "dc.date.issued",
    "dcterms.date",
    "dcterms.modified",
    "dcterms.issued",
    "last-modified",
    "datepublished",
    "datemodified",
};
#define DATE_NAMES (sizeof date_names / sizeof *date_names)
#define DATES (DATE_NAMES + 2)

typedef struct {
    const xmlNode *title;
    str og_title, og_type, site, language, published;
    str dates[DATES];                  /* in the order of date_names, then those of JSON-LD */
    char times[RECORD_DATE_BYTES + 1]; /* of <time>, the first that is one */
    bool schema; /* schema.org or a microformat calls something here an article */
} head;

static size_t next_letter(str s, size_t i, char *out) {
    for (; i < s.n; i++) {
        char c = s.p[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c + 32);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c < 0) {
            /* U+2010 to U+2027 are dashes, quotes and dots */
            if (i + 2 < s.n && (unsigned char)c == 0xE2 && (unsigned char)s.p[i + 1] == 0x80 &&
                (unsigned char)s.p[i + 2] < 0xA8) {
                i += 2;
                continue;
            }
            *out = c;
            return i + 1;
        }
    }
    *out = 0;
    return s.n;
}

/* The letters and digits of s alone, so that quotes, dashes and case do not part two titles. */
static void put_letters(str s, text *out) {
    char c;
    for (size_t i = next_letter(s, 0, &c); c; i = next_letter(s, i, &c)) text_put_char(out, c);
}

bool html_head_same(str a, str b) {
    char x = 1, y = 1;
    for (size_t i = 0, k = 0; x && x == y;) {
        i = next_letter(a, i, &x);
        k = next_letter(b, k, &y);
    }
    return x == y;
}

bool html_head_is_title(const xmlNode *n, const html_page *page) {
    text t = {0};
    html_text_of(n, TITLE_LOOK_BYTES, &t);
    bool same = t.n > 0 && html_head_same(text_str(&t), text_str(&page->title));
    text_free(&t);
    return same;
}

static bool has_word_of_article(str s) {
    return str_find(s, STR("Article"), 0) != SIZE_MAX ||
           str_find(s, STR("BlogPosting"), 0) != SIZE_MAX;
}

/* "@type": "NewsArticle" in a script of JSON-LD, which is searched and not parsed: where it stands
 * is not asked. */
static bool json_is_article(str json) {
    for (size_t at = 0; (at = str_find(json, STR("\"@type\""), at)) != SIZE_MAX; at += 7) {
        size_t open = str_find(json, STR("\""), at + 7);
        size_t close = open == SIZE_MAX ? open : str_find(json, STR("\""), open + 1);
        if (close != SIZE_MAX && has_word_of_article(str_cut(json, open, close))) return true;
    }
    return false;
}

/* The first value of this name in JSON-LD, a string; later ones are of comments, other pages. */
static str json_value(str json, str quoted_name) {
    size_t at = str_find(json, quoted_name, 0);
    if (at == SIZE_MAX) return (str){0};
    str behind = str_trim(str_cut(json, at + quoted_name.n, json.n));
    if (!str_starts(behind, STR(":"))) return (str){0};
    behind = str_trim(str_cut(behind, 1, behind.n));
    if (!str_starts(behind, STR("\""))) return (str){0};
    size_t end = str_find(behind, STR("\""), 1);
    if (end == SIZE_MAX) return (str){0};
    return str_cut(behind, 1, end);
}

static void read_json(str json, head *h) {
    str *published = &h->dates[DATE_NAMES], *modified = &h->dates[DATE_NAMES + 1];
    h->schema = h->schema || json_is_article(json);
    if (published->n == 0) *published = json_value(json, STR("\"datePublished\""));
    if (modified->n == 0) *modified = json_value(json, STR("\"dateModified\""));
}

static bool has_class(const xmlNode *n, str wanted) {
    str names = html_attribute(n, "class");
    for (size_t i = 0; i < names.n;) {
        size_t end = i;
        while (end < names.n && names.p[end] > ' ') end++;
        if (str_eq(str_cut(names, i, end), wanted)) return true;
        i = end + 1;
    }
    return false;
}

static void read_meta(const xmlNode *n, head *h) {
    const struct {
        str name, *value;
    } known[] = {
        {STR("og:title"), &h->og_title},
        {STR("og:type"), &h->og_type},
        {STR("og:site_name"), &h->site},
        {STR("content-language"), &h->language},
        {STR("article:published_time"), &h->published},
    };
    static const char *const keys[] = {"property", "name", "http-equiv", "itemprop"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        str key = html_attribute(n, keys[k]);
        for (size_t i = 0; key.n > 0 && i < sizeof known / sizeof *known; i++)
            if (known[i].value->n == 0 && str_eq_nocase(key, known[i].name))
                *known[i].value = str_trim(html_attribute(n, "content"));
        for (size_t i = 0; key.n > 0 && i < DATE_NAMES; i++)
            if (h->dates[i].n == 0 && str_eq_nocase(key, str_of(date_names[i])))
                h->dates[i] = str_trim(html_attribute(n, "content"));
    }
}

/* <time datetime pubdate>, and what the microformats make of it. */
static void read_time(const xmlNode *n, head *h) {
    static const char *const classes[] = {"published", "updated", "dt-published", "dt-updated"};
    str property = html_attribute(n, "itemprop");
    bool says = xmlHasProp((xmlNode *)n, (const xmlChar *)"pubdate") ||
                str_eq(property, STR("datePublished")) || str_eq(property, STR("dateModified"));
    for (size_t i = 0; !says && i < sizeof classes / sizeof *classes; i++)
        says = has_class(n, str_of(classes[i]));
    if (says && h->times[0] == 0) (void)record_date_read(html_attribute(n, "datetime"), h->times);
}

static void read_element(const xmlNode *n, head *h) {
    if (html_tag_is(n, "meta")) {
        read_meta(n, h);
    } else if (html_tag_is(n, "title")) {
        if (!h->title) h->title = n;
    } else if (html_tag_is(n, "time")) {
        read_time(n, h);
    } else if (html_tag_is(n, "script")) {
        if (str_eq_nocase(html_attribute(n, "type"), STR("application/ld+json")) && n->children &&
            n->children->content)
            read_json(str_of((const char *)n->children->content), h);
    } else {
        h->schema = h->schema || has_word_of_article(html_attribute(n, "itemtype")) ||
                    has_class(n, STR("hentry")) || has_class(n, STR("h-entry"));
    }
}

static head read_head(const html_page *page) {
    head h = {0};
    for (xmlNode *n = page->root; n; n = html_next(n, page->root, true))
        if (n->type == XML_ELEMENT_NODE) read_element(n, &h);
    return h;
}

/* The heading that <title> contains; of several the longest, and an <h1> before all others. */
static void find_heading(const html_page *page, str title, text *out) {
    text letters = {0}, heading = {0}, part = {0};
    size_t best = 0, tried = 0;
    put_letters(title, &letters);
    for (xmlNode *n = page->root; n && tried < TITLE_HEADINGS_MAX;
         n = html_next(n, page->root, true)) {
        if (html_kind_of(n) != HTML_HEADING) continue;
        tried++;
        text_clear(&heading);
        text_clear(&part);
        html_text_of(n, TITLE_LOOK_BYTES, &heading);
        put_letters(text_str(&heading), &part);
        bool first = n->name[1] == '1';
        if (part.n == 0 ||
            (letters.n > 0 && str_find(text_str(&letters), text_str(&part), 0) == SIZE_MAX))
            continue;
        if (!first && (double)part.n < TITLE_HEADING_SHARE * (double)letters.n) continue;
        if (letters.n == 0 && !first) continue;
        size_t weight = part.n + (first ? TITLE_MAX_BYTES : 0);
        if (weight <= best) continue;
        best = weight;
        text_clear(out);
        text_put(out, text_str(&heading));
        if (letters.n == 0) break; /* without a <title> it is the first <h1> */
    }
    text_free(&letters);
    text_free(&heading);
    text_free(&part);
}

static bool is_separator(char c) {
    return c == ' ' || c == '-' || c == '|' || c == ':' || c < 0 || c == '/' || c == '>';
}

/* "Dosing | The Clinic" is "Dosing" where the site is called "The Clinic". */
static str without_site(str title, str site) {
    if (site.n == 0 || title.n <= site.n) return title;
    size_t end = title.n, begin = 0;
    if (str_ends(title, site)) {
        end -= site.n;
        while (end > 0 && is_separator(title.p[end - 1])) end--;
        return end > 0 && end < title.n - site.n ? str_cut(title, 0, end) : title;
    }
    if (!str_starts(title, site)) return title;
    for (begin = site.n; begin < title.n && is_separator(title.p[begin]);) begin++;
    return begin > site.n && begin < title.n ? str_cut(title, begin, title.n) : title;
}

/* The latest day that the head names; <time> is asked where it names none. */
static void find_date(const head *h, char out[RECORD_DATE_BYTES + 1]) {
    for (size_t i = 0; i < DATES; i++) (void)record_date_later(h->dates[i], out);
    if (out[0] == 0) memcpy(out, h->times, sizeof h->times);
}

void html_head_read(html_page *page) {
    text title = {0};
    head h = read_head(page);
    page->article = h.schema || h.published.n > 0 || str_eq_nocase(h.og_type, STR("article"));
    find_date(&h, page->date);
    if (h.title) html_text_of(h.title, TITLE_LOOK_BYTES, &title);
    find_heading(page, text_str(&title), &page->title);
    if (page->title.n == 0) {
        bool known = title.n == 0 || str_find(text_str(&title), h.og_title, 0) != SIZE_MAX;
        str best = h.og_title.n > 0 && known ? h.og_title : text_str(&title);
        text_put(&page->title, without_site(best, h.site));
    }
    if (page->title.n > TITLE_MAX_BYTES)
        text_cut(&page->title, utf8_floor(text_str(&page->title), TITLE_MAX_BYTES));
    text_free(&title);
}

str html_head_language(const html_page *page) {
    str tag = {0};
    for (xmlNode *n = page->root; n && tag.n == 0; n = html_next(n, page->root, true)) {
        if (!html_tag_is(n, "html") && !html_tag_is(n, "body")) continue;
        tag = str_trim(html_attribute(n, "lang"));
        if (tag.n == 0) tag = str_trim(html_attribute(n, "xml:lang"));
    }
    if (tag.n > 0) return tag;
    return read_head(page).language;
}
