/* Tells which lines of a page a stated structure speaks of, and how far it is to be believed.
 *
 * A line is of the element that drew most of its letters; where strings begin comes from
 * pdf_drawing.c. What a structure says is checked against itself first: many are made by programs
 * that call everything a paragraph, or every line, or everything a heading. Believed are pages that
 * are tagged nearly whole, headings that are few and short, levels that differ where sizes do, and
 * paragraphs whose bounds do not cut through sentences. What is not believed is found as in any
 * other PDF.
 *
 * The reading order stays that of the layout, and tables stay those of pdf_table.c.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/parse/pdf/pdf_tags.h"

#define VOTES 4              /* elements that share a line, at most; more are not told apart */
#define MOST_PERCENT 60      /* of a line's letters */
#define WHOLE_PERCENT 95     /* the rest may be a mark or a space of another element */
#define PLACE_TESTS 2000000u /* of a string against a line, on a page: some 10 ms */
#define LEFT_SLACK_EM 2.0f   /* a string may begin with spaces, in front of its line's box */
#define FOOT_SHARE 0.22f     /* of a line's height, below its baseline */
#define TAGGED_PERCENT 80    /* of a page's letters, for its structure to be believed */
#define HEADINGS_PERCENT 40  /* of the document's letters are more than headings have */
#define HEADING_BYTES 220    /* on average; one of a structure that calls text so is longer */
#define HEADINGS_HABIT 3     /* so many are how this document marks its headings */
#define PARAGRAPH_LINES 60   /* more lines in one paragraph: it is a page, or an article */
#define CUT_ONE_IN 10        /* bounds that cut through a sentence are the exception */

typedef struct {
    uint32_t element[VOTES];
    size_t weight[VOTES], all;
} votes;

typedef struct {
    box at; /* on the page as it is shown */
    size_t line;
} place;

/* ---- lines of a page ----------------------------------------------------------------------- */

static int by_top(const void *pa, const void *pb) {
    const place *a = pa, *b = pb;
    return a->at.y0 < b->at.y0 ? -1 : a->at.y0 > b->at.y0;
}

static void vote(votes *v, uint32_t element, size_t weight) {
    size_t i = 0;
    while (i < VOTES - 1 && v->weight[i] > 0 && v->element[i] != element) i++;
    v->element[i] = element;
    v->weight[i] += weight;
    v->all += weight;
}

/* The line that a string stands in: of those whose box holds its begin, the one on its baseline. */
static size_t line_of(const place *places, size_t count, float highest, const pdf_show *s,
                      size_t *tests) {
    size_t low = 0, high = count, best = SIZE_MAX;
    float off = INFINITY;
    while (low < high) { /* the first that may reach down to it */
        size_t middle = low + (high - low) / 2;
        if (places[middle].at.y0 < s->y - highest - 1)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < count && places[i].at.y0 <= s->y + 1 && ++*tests < PLACE_TESTS; i++) {
        box b = places[i].at;
        if (s->y > b.y1 + 1 || s->x > b.x1 || s->x < b.x0 - LEFT_SLACK_EM * s->size_pt) continue;
        float baseline = s->level ? b.y1 - FOOT_SHARE * (b.y1 - b.y0) : s->y;
        float away = fabsf(s->y - baseline) + fmaxf(0, b.x0 - s->x);
        if (away >= off) continue;
        off = away;
        best = places[i].line;
    }
    return best;
}

static void decide(pdf_line *l, const votes *v) {
    size_t best = 0;
    for (size_t i = 1; i < VOTES; i++) best = v->weight[i] > v->weight[best] ? i : best;
    if (v->weight[best] == 0 || v->weight[best] * 100 < v->all * MOST_PERCENT) return;
    l->element = v->element[best];
    l->tag_whole = v->weight[best] * 100 >= v->all * WHOLE_PERCENT;
}

void pdf_tag_lines(pdf_tags *t, const pdf_drawing *drawing, uint32_t page, pdf_line *lines,
                   size_t count) {
    if (!t || page == 0 || page > t->page_count || count == 0) return;
    struct pdf_tag_page *facts = &t->pages[page - 1];
    arena *a = arena_new();
    place *places = arena_alloc(a, count, sizeof *places);
    votes *all = arena_alloc(a, count, sizeof *all);
    float highest = 0;
    size_t tests = 0;
    for (size_t i = 0; i < count; i++) {
        places[i] = (place){pdf_turned(lines[i].at, 4u - lines[i].turn), i};
        highest = fmaxf(highest, places[i].at.y1 - places[i].at.y0);
    }
    qsort(places, count, sizeof *places, by_top);
    for (size_t i = 0; i < drawing->count; i++) {
        const pdf_show *s = &drawing->shows[i];
        size_t line = line_of(places, count, highest, s, &tests);
        if (line == SIZE_MAX) continue;
        *(s->element > 0 ? &facts->tagged : &facts->unknown) += s->characters;
        vote(&all[line], s->element, s->characters);
    }
    for (size_t i = 0; tests < PLACE_TESTS && i < count; i++) decide(&lines[i], &all[i]);
    arena_free(a);
}

/* ---- what is believed ---------------------------------------------------------------------- */

typedef struct {
    size_t bytes, heading_bytes, headings;
    unsigned levels; /* a bit for each */
    float least_pt, most_pt;
    uint32_t *lines; /* of each element */
    bool *numbered;  /* an element with a line that ends in a number */
    size_t bounds, cuts;
} survey;

static bool is_believed(const pdf_tags *t, uint32_t page) {
    const struct pdf_tag_page *p = &t->pages[page - 1];
    return p->tagged > 0 && p->tagged * 100 >= (p->tagged + p->unknown) * TAGGED_PERCENT;
}

static bool is_element(const pdf_tags *t, uint32_t element) {
    return element > 0 && element < t->count;
}

static bool ends_in_number(str s) {
    return s.n > 0 && ((s.p[s.n - 1] >= '0' && s.p[s.n - 1] <= '9') || str_ends(s, STR("i")) ||
                       str_ends(s, STR("v")) || str_ends(s, STR("x")));
}

static void survey_heading(survey *s, const pdf_element *e, const pdf_line *l, bool first) {
    s->heading_bytes += l->text.n;
    if (!first) return;
    s->least_pt = s->headings == 0 ? l->font_pt : fminf(s->least_pt, l->font_pt);
    s->most_pt = s->headings == 0 ? l->font_pt : fmaxf(s->most_pt, l->font_pt);
    s->headings++;
    s->levels |= 1u << e->level;
}

static void survey_lines(const pdf_text *t, survey *s, arena *a) {
    const pdf_tags *tags = t->tags;
    s->lines = arena_alloc(a, tags->count, sizeof *s->lines);
    s->numbered = arena_alloc(a, tags->count, sizeof *s->numbered);
    for (size_t i = 0; i < t->lines.count; i++) {
        const pdf_line *l = &t->lines.lines[i], *p = i > 0 ? l - 1 : NULL;
        if (!is_element(tags, l->element) || !is_believed(tags, l->page)) continue;
        const pdf_element *e = &tags->elements[l->element];
        s->bytes += e->role != PDF_TAG_CONTENTS ? l->text.n : 0;
        bool first = s->lines[l->element]++ == 0;
        s->numbered[l->element] |= ends_in_number(l->text);
        if (e->role == PDF_TAG_HEADING) survey_heading(s, e, l, first);
        bool beside = p && p->page == l->page && p->column == l->column && !p->table && !l->table;
        if (!beside || p->element == l->element || !is_element(tags, p->element) ||
            e->role != PDF_TAG_TEXT || tags->elements[p->element].role != PDF_TAG_TEXT)
            continue;
        s->bounds++;
        s->cuts += !pdf_ends_sentence(p->text) && pdf_starts_small(l->text);
    }
}

/* "1 | Name": a number that stands apart makes a row of what is stated to be a heading. */
static void make_prose(pdf_line *l, arena *a) {
    text t = {0};
    for (size_t i = 0; i < l->text.n; i++) {
        bool bar = str_eq(str_cut(l->text, i, i + 3), STR(" | "));
        text_put_char(&t, l->text.p[i]);
        i += bar ? 2 : 0;
    }
    l->text = arena_str(a, text_str(&t));
    l->table = l->head = false;
    text_free(&t);
}

static void heed_line(pdf_text *t, const survey *s, pdf_line *l, const pdf_line *p, arena *a) {
    const pdf_element *e = &t->tags->elements[l->element];
    bool few = s->heading_bytes * 100 <= s->bytes * HEADINGS_PERCENT &&
               s->heading_bytes <= s->headings * HEADING_BYTES;
    bool levels = s->headings == 1 || (s->levels & (s->levels - 1)) != 0 ||
                  s->most_pt - s->least_pt < PDF_SAME_SIZE_PT;
    bool short_enough = s->lines[l->element] <= PARAGRAPH_LINES;
    bool bounds = s->cuts * CUT_ONE_IN <= s->bounds && short_enough;
    switch (e->role) {
    case PDF_TAG_HEADING:
        if (!few || (l->table && !l->tag_whole)) return;
        if (l->table) make_prose(l, a);
        l->tag_level = levels ? e->level : 0;
        l->tag_bounds = true;
        break;
    case PDF_TAG_CONTENTS:
        if (!s->numbered[l->element]) return;
        break;
    case PDF_TAG_ITEM:
    case PDF_TAG_CAPTION:
        if (!short_enough) return;
        l->tag_bounds = true;
        break;
    default:
        l->tag_bounds = bounds;
        break;
    }
    l->tag = e->role;
    l->tag_first = !p || p->element != l->element;
}

static bool has_cells(const pdf_line *l) {
    return str_find(l->text, STR(" | "), 0) != SIZE_MAX;
}

/* Lines that are stated to be text, between others, are no table that has lost its rows to
 * headings. */
static void free_text(pdf_lines *v) {
    for (size_t i = 0; i < v->count; i++) {
        pdf_line *l = &v->lines[i];
        bool stated = (l->tag == PDF_TAG_TEXT || l->tag == PDF_TAG_ITEM) && l->tag_whole;
        if (!stated || !l->table || l->head || has_cells(l)) continue;
        bool above = i > 0 && l[-1].page == l->page && l[-1].table;
        bool below = i + 1 < v->count && l[1].page == l->page && l[1].table && has_cells(&l[1]);
        l->table = above || below;
    }
}

void pdf_heed_tags(pdf_text *t, arena *a) {
    survey s = {0};
    if (!t->tags) return;
    survey_lines(t, &s, a);
    for (size_t i = 0; i < t->lines.count; i++) {
        pdf_line *l = &t->lines.lines[i];
        if (!is_believed(t->tags, l->page)) continue;
        if (l->element == PDF_ARTIFACT || l->element == PDF_PAGINATION) {
            l->tag = PDF_TAG_ARTIFACT;
            l->running = l->tag_whole; /* as long as it stands outside of the text */
        } else if (is_element(t->tags, l->element)) {
            heed_line(t, &s, l, i > 0 ? l - 1 : NULL, a);
            t->tags_head |= l->tag == PDF_TAG_HEADING && s.headings >= HEADINGS_HABIT;
        }
    }
    free_text(&t->lines);
}

void pdf_mark_tagged(pdf_text *t) {
    for (size_t i = 0; i < t->lines.count; i++)
        if (t->lines.lines[i].tag == PDF_TAG_CONTENTS) t->lines.lines[i].running = true;
}

int pdf_tags_part(const pdf_line *p, const pdf_line *l) {
    if (p->tag == PDF_TAG_NOTHING || l->tag == PDF_TAG_NOTHING || !p->tag_bounds || !l->tag_bounds)
        return 0;
    if (p->element != l->element) return 1;
    return l->column == p->column ? -1 : 0;
}

/* ---- figures ------------------------------------------------------------------------------- */

str pdf_tags_next_alt(const pdf_tags *t, uint32_t page, uint32_t element, size_t *at) {
    if (!t || page > t->page_count) return (str){NULL, 0};
    while (*at < t->alt_count && (element == 0 || t->alts[*at] < element)) {
        const pdf_element *e = &t->elements[t->alts[(*at)++]];
        if (e->page == t->pages[page - 1].object) return e->alt;
    }
    return (str){NULL, 0};
}
