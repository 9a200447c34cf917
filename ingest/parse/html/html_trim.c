/* What stands in an article and is not of its text.
 *
 * Owns the clearing of a part of the tree that is known to be an article, where a label, a teaser
 * or a line of buttons can be told by its form and its place: a heading that is a link leads to
 * another article; before the first paragraph stand author and date, behind the last one tags,
 * thanks and offers. Who, when, and what a picture shows is kept beside the text, as captions; what
 * only leads away is dropped.
 *
 * It never touches tables, code, lists that are no menus, or what stands between two paragraphs.
 */
#include "ingest/parse/html/html.h"

#include <string.h>

/* A paragraph with this much text that is not linked, or less if it ends as a sentence does. */
#define PROSE_BYTES 120
#define SENTENCE_BYTES 45
#define SENTENCE_LOOK_BYTES 600
/* A line below this part outside of links is a link with a word before it: "Related: ...". */
#define LINK_LINE_SHARE 0.65
#define LINK_LINE_BYTES 250
#define LINK_LINE_REST_BYTES 25
/* A paragraph that is nothing but a link is an offer, up to this length. */
#define LINK_PARAGRAPH_BYTES 600
/* An item with this part of it linked, behind the text, leads away too. */
#define TAIL_LINK_SHARE 0.25
/* What a teaser says besides its heading. */
#define TEASER_BYTES 400
/* A line of who and when; what is no sentence and shorter stands around the text. */
#define DATE_LINE_BYTES 110
#define SCRAP_BYTES 70
/* The closing note of a magazine about itself or the author. */
#define NOTE_BYTES 600
#define NOTES_MAX 4

static bool is_leaf(const xmlNode *n) {
    if (!html_is_kept(n)) return false;
    const html_info *info = html_info_of(n);
    return info->kind >= HTML_BLOCK && !info->has_block && info->text > 0;
}

/* A walk that does not look into tables and code. */
static xmlNode *next_outside(xmlNode *n, const xmlNode *top) {
    bool deeper = n == top ||
                  (html_is_kept(n) && html_kind_of(n) != HTML_TABLE && html_kind_of(n) != HTML_PRE);
    return html_next(n, top, deeper);
}

/* Only of what is short enough that it matters. */
static bool ends_sentence(const xmlNode *n) {
    if (html_info_of(n)->has_block || html_info_of(n)->text > SENTENCE_LOOK_BYTES) return false;
    text t = {0};
    html_text_of(n, 2 * SENTENCE_LOOK_BYTES, &t);
    str s = text_str(&t);
    while (s.n > 0 && (strchr("\"')]", s.p[s.n - 1]) || str_ends(s, STR("\u201d")) ||
                       str_ends(s, STR("\u2019")) || str_ends(s, STR("\u00bb"))))
        s.n -= (unsigned char)s.p[s.n - 1] < 0x80 ? 1 : str_ends(s, STR("\u00bb")) ? 2 : 3;
    static const char *const ends[] = {".",      "!",      "?",      ":",      "\u2026",
                                       "\u3002", "\uff01", "\uff1f", "\u0964", "\u061f"};
    bool found = false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        found = found || str_ends(s, str_of(ends[i]));
    text_free(&t);
    return found;
}

/* Own text that reads as a paragraph. */
static bool is_prose(const xmlNode *n) {
    const html_info *info = html_info_of(n);
    size_t plain = info->own - info->own_link;
    if (info->kind == HTML_HEADING || info->label) return false;
    return plain >= PROSE_BYTES || (plain >= SENTENCE_BYTES && ends_sentence(n));
}

/* ---- beside the text ------------------------------------------------------------------------ */

/* A label and what it is most of: "By <a>Ann Other</a>" and its date. */
static xmlNode *label_reach(xmlNode *n, const xmlNode *top) {
    while (n != top && n->parent != top && n->parent->type == XML_ELEMENT_NODE) {
        const html_info *info = html_info_of(n), *up = html_info_of(n->parent);
        bool whole = up->text == info->text;
        bool most = up->text <= 2 * info->text && up->text < DATE_LINE_BYTES;
        if (up->has_heading || up->has_table || !(whole || most)) break;
        n = n->parent;
    }
    return n;
}

void html_trim_labels(xmlNode *top, const html_page *page) {
    for (xmlNode *n = html_next(top, top, true), *next; n; n = next) {
        next = html_next(n, top, html_is_kept(n));
        if (!html_is_kept(n) || !html_named_label(n, page)) continue;
        xmlNode *reach = label_reach(n, top);
        html_info *info = html_info_of(reach);
        /* a word within a line stays there */
        if (info->kind < HTML_BLOCK && html_info_of(reach->parent)->own > info->own) continue;
        if (info->kind == HTML_HEADING || info->kind == HTML_CELL || info->kind == HTML_ROW)
            continue;
        info->label = true;
        next = html_next(n, top, false);
    }
}

/* ---- leads away ----------------------------------------------------------------------------- */

static bool leads_away(const xmlNode *n) {
    const html_info *info = html_info_of(n);
    if (info->text == info->link) return info->text <= LINK_PARAGRAPH_BYTES;
    return info->text <= LINK_LINE_BYTES && html_link_share(info) >= LINK_LINE_SHARE &&
           info->text - info->link <= LINK_LINE_REST_BYTES;
}

/* The box around a linked heading that holds a teaser and nothing else. */
static xmlNode *teaser_of(xmlNode *heading, const xmlNode *top) {
    xmlNode *n = heading;
    size_t own = html_info_of(heading)->text;
    while (n->parent != top && n->parent->type == XML_ELEMENT_NODE &&
           html_info_of(n->parent)->text <= own + TEASER_BYTES)
        n = n->parent;
    return n;
}

static void drop_teasers(xmlNode *top, const html_page *page) {
    for (xmlNode *n = html_next(top, top, true), *next; n; n = next) {
        next = next_outside(n, top);
        if (!html_is_kept(n) || html_kind_of(n) != HTML_HEADING) continue;
        if (html_link_share(html_info_of(n)) < LINK_LINE_SHARE || html_head_is_title(n, page))
            continue;
        xmlNode *teaser = teaser_of(n, top);
        html_info_of(teaser)->drop = true;
        next = html_next(teaser, top, false);
    }
}

/* ---- before and behind ---------------------------------------------------------------------- */

/* Where the paragraphs begin and end, as places in document order. */
typedef struct {
    const html_page *page;
    const xmlNode *top;
    size_t first, last;
    const xmlNode *last_in; /* what the last paragraph stands in */
    bool any;
} span;

static size_t place_of(const html_page *page, const xmlNode *n) {
    return (size_t)(html_info_of(n) - page->infos);
}

static size_t end_place(const span *s, xmlNode *n) {
    xmlNode *after = html_next(n, s->top, false);
    while (after && after->type != XML_ELEMENT_NODE) after = html_next(after, s->top, true);
    return after ? place_of(s->page, after) - 1 : SIZE_MAX;
}

static void find_span(span *s) {
    for (xmlNode *n = (xmlNode *)s->top; n; n = next_outside(n, s->top)) {
        if (!html_is_kept(n)) continue;
        html_kind kind = html_kind_of(n);
        bool item = (kind == HTML_ITEM || kind == HTML_DEFINITION) && s->any && is_leaf(n) &&
                    html_link_share(html_info_of(n)) < TAIL_LINK_SHARE;
        bool solid = kind == HTML_TABLE || kind == HTML_PRE || item;
        if (html_info_of(n)->kind < HTML_BLOCK || !(solid || is_prose(n))) continue;
        if (!s->any) s->first = place_of(s->page, n);
        s->last = end_place(s, n);
        s->last_in = n == s->top ? n : n->parent;
        s->any = true;
    }
}

static bool has_year(str s) {
    for (size_t i = 0; i + 4 <= s.n; i++) {
        str d = str_cut(s, i, i + 4);
        bool four = d.p[2] >= '0' && d.p[2] <= '9' && d.p[3] >= '0' && d.p[3] <= '9';
        if (four && (str_starts(d, STR("19")) || str_starts(d, STR("20")))) return true;
    }
    return false;
}

bool html_trim_is_date_line(const xmlNode *n) {
    if (!is_leaf(n) || html_info_of(n)->text > DATE_LINE_BYTES) return false;
    text t = {0};
    html_text_of(n, 2 * DATE_LINE_BYTES, &t);
    str s = text_str(&t);
    bool by = str_starts(s, STR("By ")) || str_starts(s, STR("by ")) || str_starts(s, STR("BY "));
    bool found = by || has_year(s);
    text_free(&t);
    return found;
}

/* Lines of the head and the foot of an article that are no sentences. */
static void clear_ends(const span *s) {
    for (xmlNode *n = html_next((xmlNode *)s->top, s->top, true), *next; n; n = next) {
        next = next_outside(n, s->top);
        if (!is_leaf(n) || html_info_of(n)->label) continue;
        html_info *info = html_info_of(n);
        size_t at = place_of(s->page, n);
        bool before = at < s->first, behind = s->last != SIZE_MAX && at > s->last;
        if (!before && !behind) continue;
        if (info->kind == HTML_HEADING) {
            info->drop = behind && !html_head_is_title(n, s->page);
        } else if (info->kind == HTML_TABLE || info->kind == HTML_PRE || info->kind == HTML_ROW) {
            continue;
        } else if (info->kind == HTML_ITEM || info->kind == HTML_DEFINITION ||
                   info->kind == HTML_TERM) {
            info->drop = behind ? html_link_share(info) >= TAIL_LINK_SHARE : leads_away(n);
        } else if (html_trim_is_date_line(n)) {
            info->label = true;
        } else if (leads_away(n)) {
            info->drop = true;
        } else if (info->text < SCRAP_BYTES && !ends_sentence(n)) {
            info->drop = !behind || n->parent != s->last_in;
        }
    }
}

/* All of it in italics, or all of it in brackets: the paper speaks, not the article. */
static bool is_note(const xmlNode *root) {
    const html_info *info = html_info_of(root);
    if (info->text > NOTE_BYTES) return false;
    size_t slanted = 0;
    for (xmlNode *n = (xmlNode *)root, *next; n; n = next) {
        bool slants = html_tag_is(n, "em") || html_tag_is(n, "i");
        if (slants) slanted += html_info_of(n)->text;
        next = html_next(n, root, !slants);
    }
    if (slanted == info->text) return true;
    text t = {0};
    html_text_of(root, 2 * NOTE_BYTES, &t);
    str s = str_trim(text_str(&t));
    bool bracketed = s.n > 2 && s.p[0] == '(' && s.p[s.n - 1] == ')';
    text_free(&t);
    return bracketed;
}

/* The last paragraphs, up to the first that is the article's own. */
static void mark_notes(const span *s) {
    xmlNode *last[NOTES_MAX + 1] = {0};
    size_t count = 0;
    for (xmlNode *n = (xmlNode *)s->top; n; n = next_outside(n, s->top))
        if (is_leaf(n) && html_kind_of(n) != HTML_HEADING && !html_info_of(n)->label) {
            memmove(last + 1, last, NOTES_MAX * sizeof *last);
            last[0] = n;
            count++;
        }
    for (size_t i = 0; i < NOTES_MAX && i + 1 < count && is_note(last[i]); i++)
        html_info_of(last[i])->label = true;
}

void html_trim_article(xmlNode *top, const html_page *page) {
    html_trim_labels(top, page);
    drop_teasers(top, page);
    span s = {.page = page, .top = top};
    find_span(&s);
    if (!s.any) return;
    clear_ends(&s);
    mark_notes(&s);
}
