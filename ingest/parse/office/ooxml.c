/* The package side of Office Open XML (ECMA-376, part 2, and the charts of part 1, chapter 21.2).
 *
 * Owns how one part names another: a relation's target is relative to the folder of its part, and
 * may climb with "..". It is a key into the package and never a path. Properties and charts that are
 * broken are read as far as they go: they are beside the text.
 */
#include "ingest/parse/office/ooxml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/parse/office/xml.h"

/* Relations of one part; a presentation with a picture on each slide stays far below. */
#define RELATIONS_MAX 65536
/* A chart with more is data that stands in a sheet. */
#define CHART_SERIES_MAX 64
#define CHART_POINTS_MAX 512

/* ---- relations ----------------------------------------------------------------------------- */

typedef struct {
    arena *a;
    str folder;
    ooxml_relations *out;
} relation_reader;

static str last_word(str address) {
    size_t at = address.n;
    while (at > 0 && address.p[at - 1] != '/') at--;
    return str_cut(address, at, address.n);
}

static bool enter_relation(void *context, const xml_element *e) {
    relation_reader *r = context;
    ooxml_relations *out = r->out;
    if (out->count >= RELATIONS_MAX) return false;
    if (out->count == out->room) {
        out->room = out->room ? 2 * out->room : 16;
        out->items = mem_grow(out->items, out->room, sizeof *out->items);
    }
    ooxml_relation *item = &out->items[out->count++];
    *item = (ooxml_relation){0};
    item->id = arena_str(r->a, xml_attribute(e, "Id"));
    item->type = arena_str(r->a, last_word(xml_attribute(e, "Type")));
    item->outside = str_eq(xml_attribute(e, "TargetMode"), STR("External"));
    str target = xml_attribute(e, "Target");
    item->target =
        item->outside ? arena_str(r->a, target) : package_resolve(r->a, r->folder, target);
    return false;
}

void ooxml_read_relations(package *p, str part, arena *a, ooxml_relations *out) {
    static const xml_rule rules[] = {{.name = "rel:Relationship", .enter = enter_relation}, {0}};
    str file = last_word(part), folder = str_cut(part, 0, part.n - file.n);
    str name = arena_printf(a, STR_FMT "_rels/" STR_FMT ".rels", STR_ARG(folder), STR_ARG(file));
    relation_reader reader = {.a = a, .folder = folder, .out = out};
    xml_walker walker = {.rules = rules, .context = &reader};
    size_t entry = package_find(p, name);
    bool whole;
    *out = (ooxml_relations){0};
    if (entry != PACKAGE_NONE) (void)xml_walk_entry(p, entry, &walker, &whole, NULL);
}

void ooxml_free_relations(ooxml_relations *r) {
    mem_free(r->items);
    *r = (ooxml_relations){0};
}

const ooxml_relation *ooxml_find_id(const ooxml_relations *r, str id) {
    for (size_t i = 0; i < r->count; i++)
        if (str_eq(r->items[i].id, id)) return &r->items[i];
    return NULL;
}

const ooxml_relation *ooxml_find_type(const ooxml_relations *r, str type) {
    for (size_t i = 0; i < r->count; i++)
        if (str_eq(r->items[i].type, type)) return &r->items[i];
    return NULL;
}

size_t ooxml_entry(const package *p, const ooxml_relation *r) {
    return r && !r->outside ? package_find(p, r->target) : PACKAGE_NONE;
}

str ooxml_main_part(package *p, str usual, arena *a) {
    ooxml_relations r;
    ooxml_read_relations(p, (str){0}, a, &r);
    size_t entry = ooxml_entry(p, ooxml_find_type(&r, STR("officeDocument")));
    if (entry == PACKAGE_NONE) entry = package_find(p, usual);
    ooxml_free_relations(&r);
    str none = {0};
    return entry == PACKAGE_NONE ? none : package_name(p, entry);
}

/* ---- properties ---------------------------------------------------------------------------- */

void ooxml_read_properties(package *p, arena *a, str *title, str *language, record_writer *out) {
    ooxml_relations r;
    ooxml_read_relations(p, (str){0}, a, &r);
    size_t entry = ooxml_entry(p, ooxml_find_type(&r, STR("core-properties")));
    if (entry == PACKAGE_NONE) entry = package_find(p, STR("docProps/core.xml"));
    xml_read_properties(p, entry, a, title, language, out);
    ooxml_free_relations(&r);
}

/* ---- charts -------------------------------------------------------------------------------- */

typedef struct {
    text name, values[CHART_POINTS_MAX];
} series;

typedef struct {
    text title, categories[CHART_POINTS_MAX];
    series *series;
    size_t count, points;
    enum { CHART_NOTHING, CHART_NAME, CHART_CATEGORY, CHART_VALUE } what;
    size_t point;
    bool in_title, left_out;
} chart;

static bool enter_chart_title(void *context, const xml_element *e) {
    (void)e;
    chart *c = context;
    c->in_title = c->count == 0 && c->title.n == 0; /* those of axes come behind the series */
    return c->in_title;
}

static void leave_chart_title(void *context) {
    ((chart *)context)->in_title = false;
}

static bool enter_series(void *context, const xml_element *e) {
    (void)e;
    chart *c = context;
    if (c->count == CHART_SERIES_MAX) {
        c->left_out = true;
        return false;
    }
    c->series = mem_grow(c->series, c->count + 1, sizeof *c->series);
    memset(&c->series[c->count++], 0, sizeof *c->series);
    return true;
}

static bool enter_series_part(void *context, const xml_element *e) {
    chart *c = context;
    const char *name = xml_local_name(e);
    if (c->count == 0) return true; /* c:tx of a title */
    c->what = strcmp(name, "tx") == 0                                 ? CHART_NAME
              : strcmp(name, "cat") == 0 || strcmp(name, "xVal") == 0 ? CHART_CATEGORY
                                                                      : CHART_VALUE;
    return true;
}

static void leave_series_part(void *context) {
    ((chart *)context)->what = CHART_NOTHING;
}

static bool enter_point(void *context, const xml_element *e) {
    chart *c = context;
    long at = xml_number(e, "idx", 0, CHART_POINTS_MAX - 1, -1);
    if (at < 0) {
        c->left_out = true;
        return false;
    }
    c->point = (size_t)at;
    if (c->what != CHART_NOTHING && c->what != CHART_NAME && c->point >= c->points)
        c->points = c->point + 1;
    return true;
}

static void put_chart_text(void *context, str t) {
    chart *c = context;
    text *to = NULL;
    if (c->in_title)
        to = &c->title;
    else if (c->count > 0 && c->what == CHART_NAME)
        to = &c->series[c->count - 1].name;
    else if (c->count > 0 && c->what == CHART_VALUE)
        to = &c->series[c->count - 1].values[c->point];
    else if (c->count == 1 && c->what == CHART_CATEGORY)
        to = &c->categories[c->point];
    if (to) text_put(to, t);
}

/* "4.4000000000000004", as the file holds what a person typed as 4.4, is 4.4 again. */
static str round_number(str t, char out[32]) {
    char digits[32], *end;
    if (t.n == 0 || t.n >= sizeof digits) return t;
    memcpy(digits, t.p, t.n);
    digits[t.n] = '\0';
    double v = strtod(digits, &end);
    if (*end) return t;
    snprintf(out, 32, "%.15g", v);
    return str_of(out);
}

static void put_chart_cell(story *s, const text *t) {
    char digits[32];
    story_begin_cell(s, 1, false);
    story_block(s, INGEST_ROLE_PARAGRAPH, 0, round_number(text_str(t), digits));
    story_end_cell(s);
}

static void put_chart_table(story *s, const chart *c) {
    static const text none;
    story_begin_table(s);
    story_begin_row(s, true);
    put_chart_cell(s, &none);
    for (size_t k = 0; k < c->count; k++) put_chart_cell(s, &c->series[k].name);
    story_end_row(s);
    for (size_t i = 0; i < c->points; i++) {
        story_begin_row(s, false);
        put_chart_cell(s, &c->categories[i]);
        for (size_t k = 0; k < c->count; k++) put_chart_cell(s, &c->series[k].values[i]);
        story_end_row(s);
    }
    story_end_table(s);
}

bool ooxml_put_chart(package *p, size_t entry, story *s) {
    static const xml_rule rules[] = {
        {.name = "c:title", .enter = enter_chart_title, .leave = leave_chart_title},
        {.name = "c:ser", .enter = enter_series},
        {.name = "c:tx", .enter = enter_series_part, .leave = leave_series_part},
        {.name = "c:cat", .enter = enter_series_part, .leave = leave_series_part},
        {.name = "c:xVal", .enter = enter_series_part, .leave = leave_series_part},
        {.name = "c:val", .enter = enter_series_part, .leave = leave_series_part},
        {.name = "c:yVal", .enter = enter_series_part, .leave = leave_series_part},
        {.name = "c:pt", .enter = enter_point},
        {.name = "c:dLbls", .skip = true},
        {.name = "c:v", .has_text = true},
        {.name = "a:t", .has_text = true},
        {0},
    };
    chart *c = mem_new(1, sizeof *c);
    xml_walker walker = {.rules = rules, .text = put_chart_text, .context = c};
    bool whole;
    bool ok = xml_walk_entry(p, entry, &walker, &whole, NULL) && whole && !c->left_out;
    story_block(s, INGEST_ROLE_CAPTION, 0, text_str(&c->title));
    if (c->points > 0) put_chart_table(s, c);
    text_free(&c->title);
    for (size_t i = 0; i < CHART_POINTS_MAX; i++) text_free(&c->categories[i]);
    for (size_t k = 0; k < c->count; k++) {
        text_free(&c->series[k].name);
        for (size_t i = 0; i < CHART_POINTS_MAX; i++) text_free(&c->series[k].values[i]);
    }
    mem_free(c->series);
    mem_free(c);
    return ok;
}

/* ---- diagrams ------------------------------------------------------------------------------ */

static bool enter_diagram_paragraph(void *context, const xml_element *e) {
    (void)e;
    story_begin_paragraph(context);
    story_set_role(context, INGEST_ROLE_LIST_ITEM, 0);
    story_set_mark(context, STR("- "));
    return true;
}

static void leave_diagram_paragraph(void *context) {
    story_end_paragraph(context);
}

static void put_diagram_text(void *context, str t) {
    story_put(context, t);
}

bool ooxml_put_diagram(package *p, size_t entry, story *s) {
    static const xml_rule rules[] = {
        {.name = "a:p", .enter = enter_diagram_paragraph, .leave = leave_diagram_paragraph},
        {.name = "a:t", .has_text = true},
        {0},
    };
    xml_walker walker = {.rules = rules, .text = put_diagram_text, .context = s};
    bool whole;
    return xml_walk_entry(p, entry, &walker, &whole, NULL) && whole;
}
