/* Texts and presentations of OpenDocument (ODF 1.3 part 3, chapters 5 to 10).
 *
 * Owns what a reader of the printed page sees: paragraphs with the numbers of their lists, notes
 * and comments behind them, tables, text boxes, the text of fields; what tracked changes deleted
 * and what is hidden stays out. A presentation has a page for each slide, with the title as its
 * heading.
 */
#include "ingest/parse/office/odf.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX \
    64 /* paragraphs in notes and text boxes; deeper ones are one with those around them */
#define LIST_DEPTH_MAX ODF_LEVELS
/* Cells and rows that a file says once and means many times. */
#define REPEAT_MAX 64
#define COLUMNS_MAX 256

typedef struct {
    bool heading;
    long level;
    str style;
    bool hidden;    /* all of it */
    size_t spans;   /* depth of spans inside hidden ones */
    size_t scripts; /* depth of spans inside a raised or lowered one */
    script_level script;
    bool faint;               /* its style is white on paper, or tiny */
    size_t shown;             /* depth of spans that can be seen all the same */
    bool struck;              /* its style is struck out */
    size_t strikes, unstruck; /* depth of spans that say so, and that say the contrary */
} open_paragraph;

typedef struct {
    odf_list *list;
    long start; /* of the next item; -1: it goes on */
    bool item;  /* an item began, and has no paragraph yet */
} open_list;

/* Cells that go on in the rows below, by column. */
typedef struct {
    unsigned rows_left[COLUMNS_MAX], columns[COLUMNS_MAX];
    unsigned column;
    bool head;
    signed char shaded, row_shaded, cell_shaded; /* as odf_look has it */
} open_table;

typedef struct {
    odf *d;
    open_paragraph open[DEPTH_MAX];
    size_t depth, overflow;
    open_list lists[LIST_DEPTH_MAX];
    size_t list_depth;
    open_table tables[16];
    size_t table_depth;
    text mark, creator;
    text *to; /* where text goes instead of the paragraph */
    size_t notes;
    size_t to_place; /* depth of links into the document */
    bool in_contents, first_slide;
    str presentation_class;
    bool hidden_section, in_chart_title, in_slides;
    size_t box_depth;      /* of frames and shapes: any of them may have a ground */
    const xml_rule *rules; /* for the objects inside */
    size_t object_depth, charts;
} text_reader;

static open_paragraph *paragraph(text_reader *r) {
    return r->depth > 0 ? &r->open[r->depth - 1] : NULL;
}

static void put(text_reader *r, str t) {
    const open_paragraph *q = paragraph(r);
    if (r->to) {
        text_put(r->to, t);
    } else if (r->hidden_section || (q && (q->hidden || q->spans > 0 || (q->faint && !q->shown)))) {
        r->d->hidden_bytes += str_trim(t).n;
    } else if (q && (q->strikes > 0 || (q->struck && !q->unstruck))) {
        r->d->struck_bytes += str_trim(t).n;
        story_leave_out(r->d->s);
    } else if (q) {
        story_put_script(r->d->s, t, q->scripts > 0 ? q->script : SCRIPT_BASE, r->to_place > 0);
    }
}

/* Line ends and tabs in the file are spaces. */
static void put_text(void *context, str t) {
    text_reader *r = context;
    for (size_t i = 0; i < t.n;) {
        size_t end = i;
        while (end < t.n && t.p[end] != '\n' && t.p[end] != '\t' && t.p[end] != '\r') end++;
        if (end > i) put(r, str_cut(t, i, end));
        if (end < t.n) put(r, STR(" "));
        i = end + 1;
    }
}

/* ---- what cannot be seen ------------------------------------------------------------------- */

static open_table *table(text_reader *r) {
    return r->table_depth > 0 ? &r->tables[r->table_depth - 1] : NULL;
}

/* Whether something dark may lie under white text here; what is inside says it first. */
static bool is_on_dark(text_reader *r, signed char own) {
    if (own >= 0) return own == 1;
    if (r->d->sheet.dark_page || r->in_slides || r->object_depth > 0 || r->box_depth > 0)
        return true;
    for (size_t i = r->table_depth; i > 0; i--) {
        const open_table *t = &r->tables[i - 1];
        if (t->cell_shaded >= 0) return t->cell_shaded == 1;
        if (t->row_shaded >= 0) return t->row_shaded == 1;
        if (t->shaded >= 0) return t->shaded == 1;
    }
    return false;
}

static bool is_faint(text_reader *r, odf_look look) {
    return look.tiny == 1 || (look.white == 1 && !is_on_dark(r, look.shaded));
}

/* What a span says goes before what its paragraph says. */
static odf_look look_of_span(text_reader *r, const open_paragraph *q, odf_look span) {
    odf_look look = odf_look_of(&r->d->sheet, q->style);
    if (span.white >= 0) look.white = span.white;
    if (span.shaded >= 0) look.shaded = span.shaded;
    if (span.tiny >= 0) look.tiny = span.tiny;
    return look;
}

/* ---- paragraphs ---------------------------------------------------------------------------- */

static bool enter_paragraph(void *context, const xml_element *e) {
    text_reader *r = context;
    odf *d = r->d;
    if (r->to) { /* of a comment */
        text_put_char(r->to, ' ');
        return true;
    }
    if (r->depth == DEPTH_MAX) {
        r->overflow++;
        put(r, STR(" "));
        return true;
    }
    open_paragraph *q = &r->open[r->depth++];
    *q = (open_paragraph){.heading = strcmp(xml_local_name(e), "h") == 0};
    q->style = arena_str(d->a, xml_attribute(e, "text:style-name"));
    q->level = xml_number(e, "text:outline-level", 1, ODF_LEVELS, 1);
    q->hidden = odf_is_hidden(&d->sheet, q->style);
    odf_look look = odf_look_of(&d->sheet, q->style);
    q->faint = is_faint(r, look);
    q->struck = look.struck == 1;
    if (odf_breaks_page(&d->sheet, q->style) && r->table_depth == 0 && story_has_text(d->s) &&
        r->presentation_class.p == NULL)
        story_next_page(d->s, (str){0});
    story_begin_paragraph(d->s);
    return true;
}

static void set_heading(text_reader *r, int level) {
    story_set_role(r->d->s, INGEST_ROLE_HEADING, (uint8_t)(level > 6 ? 6 : level));
}

/* The mark of a list item goes to its first paragraph; false where this is not that. */
static bool next_mark(text_reader *r, const open_paragraph *q) {
    open_list *l = r->list_depth > 0 ? &r->lists[r->list_depth - 1] : NULL;
    if (!l || !l->item) return false;
    odf_list *list = l->list;
    if (!list) list = odf_find_list(&r->d->sheet, odf_list_of(&r->d->sheet, q->style));
    text_clear(&r->mark);
    if (list)
        odf_next_mark(list, (int)r->list_depth - 1, l->start, &r->mark);
    else
        text_put(&r->mark, STR("- "));
    l->item = false;
    l->start = -1;
    return true;
}

/* Numbers of headings are those of the outline, or of a list that they are items of. */
static void set_numbered_heading(text_reader *r, const open_paragraph *q) {
    set_heading(r, (int)q->level);
    if (!next_mark(r, q)) odf_next_mark(&r->d->sheet.outline, (int)q->level - 1, -1, &r->mark);
    if (!str_eq(text_str(&r->mark), STR("- "))) story_set_mark(r->d->s, text_str(&r->mark));
}

static void set_role(text_reader *r, const open_paragraph *q) {
    odf *d = r->d;
    int level;
    const text *t = story_text(d->s);
    bool any = t && str_trim(text_str(t)).n > 0;
    odf_kind kind = odf_kind_of(&d->sheet, q->style, &level);
    bool title = str_eq(r->presentation_class, STR("title"));
    if (r->in_contents || kind == ODF_CONTENTS) {
        story_set_role(d->s, INGEST_ROLE_FOOTER, 0);
    } else if (title) {
        set_heading(r, 1);
    } else if (q->heading) {
        if (any) set_numbered_heading(r, q);
    } else if (r->in_chart_title) {
        story_set_role(d->s, INGEST_ROLE_CAPTION, 0);
    } else if (kind == ODF_CODE) {
        story_set_role(d->s, INGEST_ROLE_CODE, 0);
    } else if (kind == ODF_CAPTION) {
        story_set_role(d->s, INGEST_ROLE_CAPTION, 0);
    } else if (any && next_mark(r, q)) {
        story_set_role(d->s, INGEST_ROLE_LIST_ITEM, 0);
        story_set_mark(d->s, text_str(&r->mark));
    } else if (kind != ODF_TEXT && r->list_depth == 0) {
        set_heading(r, level);
    }
}

static void leave_paragraph(void *context) {
    text_reader *r = context;
    if (r->to) return;
    if (r->overflow > 0) {
        r->overflow--;
        return;
    }
    set_role(r, paragraph(r));
    r->depth--;
    story_end_paragraph(r->d->s);
}

/* ---- inside paragraphs --------------------------------------------------------------------- */

static bool enter_span(void *context, const xml_element *e) {
    text_reader *r = context;
    open_paragraph *q = paragraph(r);
    str style = xml_attribute(e, "text:style-name");
    if (!q) return true;
    odf_look own = odf_look_of(&r->d->sheet, style);
    bool faint = is_faint(r, look_of_span(r, q, own));
    bool said = own.white >= 0 || own.shaded >= 0 || own.tiny >= 0;
    if (q->shown > 0 || (q->faint && !faint && said)) q->shown++;
    if (q->spans > 0 || odf_is_hidden(&r->d->sheet, style) || (faint && !q->faint && !q->shown))
        q->spans++;
    if (q->strikes > 0 || own.struck == 1) q->strikes++;
    if (q->unstruck > 0 || (q->struck && own.struck == 0)) q->unstruck++;
    script_level level = odf_level_of(&r->d->sheet, style);
    if (q->scripts == 0) q->script = level;
    if (q->scripts > 0 || level != SCRIPT_BASE) q->scripts++;
    return true;
}

static void leave_span(void *context) {
    open_paragraph *q = paragraph(context);
    if (q && q->spans > 0) q->spans--;
    if (q && q->shown > 0) q->shown--;
    if (q && q->strikes > 0) q->strikes--;
    if (q && q->unstruck > 0) q->unstruck--;
    if (q && q->scripts > 0) q->scripts--;
}

/* To a place in the document: a raised number in it is the mark of a note. */
static bool enter_link(void *context, const xml_element *e) {
    text_reader *r = context;
    if (r->to_place > 0 || str_starts(xml_attribute(e, "xlink:href"), STR("#"))) r->to_place++;
    return true;
}

static void leave_link(void *context) {
    text_reader *r = context;
    if (r->to_place > 0) r->to_place--;
}

static bool enter_spaces(void *context, const xml_element *e) {
    (void)e;
    put(context, STR(" "));
    return true;
}

static bool enter_line_break(void *context, const xml_element *e) {
    (void)e;
    put(context, STR("\n"));
    return true;
}

static bool enter_page_break(void *context, const xml_element *e) {
    (void)e;
    text_reader *r = context;
    if (!r->to) story_next_page(r->d->s, (str){0});
    return true;
}

static bool enter_deleted(void *context, const xml_element *e) {
    (void)e;
    ((text_reader *)context)->d->deletions++;
    return false;
}

/* A note's body stands behind the paragraph: paragraphs in paragraphs do. */
static bool enter_note_body(void *context, const xml_element *e) {
    (void)e;
    text_reader *r = context;
    char mark[32];
    if (r->to || !paragraph(r)) return false;
    snprintf(mark, sizeof mark, " [%zu]", ++r->notes);
    put(r, str_of(mark));
    story_begin_paragraph(r->d->s);
    text_clear(&r->creator);
    text_printf(&r->creator, "%s", mark + 1);
    r->to = &r->creator;
    return true;
}

static void leave_note_body(void *context) {
    text_reader *r = context;
    r->to = NULL;
    story_put(r->d->s, text_str(&r->creator));
    story_end_paragraph(r->d->s);
}

static bool enter_annotation(void *context, const xml_element *e) {
    (void)e;
    text_reader *r = context;
    if (r->to) return false;
    story_begin_paragraph(r->d->s);
    text_clear(&r->creator);
    text_put(&r->creator, STR("Comment"));
    r->to = &r->creator;
    return true;
}

static bool enter_creator(void *context, const xml_element *e) {
    (void)e;
    text_reader *r = context;
    if (r->to) text_put(r->to, STR(" by "));
    return r->to != NULL;
}

static void leave_creator(void *context) {
    text_reader *r = context;
    if (r->to) text_put_char(r->to, ':');
}

/* ---- lists --------------------------------------------------------------------------------- */

static bool enter_list(void *context, const xml_element *e) {
    text_reader *r = context;
    if (r->list_depth == LIST_DEPTH_MAX) return true; /* deeper items are of the innermost list */
    open_list *outer = r->list_depth > 0 ? &r->lists[r->list_depth - 1] : NULL;
    open_list *l = &r->lists[r->list_depth++];
    *l = (open_list){.start = -1};
    l->list = odf_find_list(&r->d->sheet, xml_attribute(e, "text:style-name"));
    bool goes_on = xml_has(e, "text:continue-list") || (xml_has(e, "text:continue-numbering") &&
                                                        xml_is_on(e, "text:continue-numbering"));
    if (!l->list && outer) l->list = outer->list;
    if (l->list && !outer && !goes_on) memset(l->list->counts, 0, sizeof l->list->counts);
    if (outer) outer->item = false;
    return true;
}

static void leave_list(void *context) {
    text_reader *r = context;
    if (r->list_depth > 0) r->list_depth--;
}

static bool enter_item(void *context, const xml_element *e) {
    text_reader *r = context;
    if (r->list_depth == 0) return true;
    open_list *l = &r->lists[r->list_depth - 1];
    l->item = strcmp(xml_local_name(e), "list-item") == 0;
    l->start = xml_number(e, "text:start-value", 0, 1000000, -1);
    return true;
}

/* ---- tables -------------------------------------------------------------------------------- */

static signed char shade_of(text_reader *r, const xml_element *e) {
    return odf_look_of(&r->d->sheet, xml_attribute(e, "table:style-name")).shaded;
}

static bool enter_table(void *context, const xml_element *e) {
    text_reader *r = context;
    if (r->table_depth == sizeof r->tables / sizeof *r->tables) return true;
    memset(&r->tables[r->table_depth++], 0, sizeof *r->tables);
    table(r)->shaded = shade_of(r, e);
    table(r)->row_shaded = table(r)->cell_shaded = -1;
    story_begin_table(r->d->s);
    return true;
}

static void leave_table(void *context) {
    text_reader *r = context;
    if (r->table_depth == 0) return;
    r->table_depth--;
    story_end_table(r->d->s);
}

static bool enter_head_rows(void *context, const xml_element *e) {
    (void)e;
    open_table *t = table(context);
    if (t) t->head = true;
    return true;
}

static void leave_head_rows(void *context) {
    open_table *t = table(context);
    if (t) t->head = false;
}

static bool enter_row(void *context, const xml_element *e) {
    text_reader *r = context;
    open_table *t = table(r);
    if (!t) return true;
    t->column = 0;
    t->row_shaded = shade_of(r, e);
    t->cell_shaded = -1;
    story_begin_row(r->d->s, t->head);
    return true;
}

static void leave_row(void *context) {
    text_reader *r = context;
    if (table(r)) story_end_row(r->d->s);
}

static bool enter_cell(void *context, const xml_element *e) {
    text_reader *r = context;
    open_table *t = table(r);
    if (!t) return true;
    unsigned columns = (unsigned)xml_number(e, "table:number-columns-spanned", 1, 1024, 1);
    unsigned rows = (unsigned)xml_number(e, "table:number-rows-spanned", 1, 65535, 1);
    unsigned repeated = (unsigned)xml_number(e, "table:number-columns-repeated", 1, 1024, 1);
    if (t->column < COLUMNS_MAX) {
        t->rows_left[t->column] = rows - 1;
        t->columns[t->column] = columns;
    }
    t->column += columns;
    for (unsigned i = 1; i < repeated && i < REPEAT_MAX; i++, t->column++) {
        story_begin_cell(r->d->s, 1, false); /* of a text: nothing is in it */
        story_end_cell(r->d->s);
    }
    t->cell_shaded = shade_of(r, e);
    story_begin_cell(r->d->s, columns, false);
    return true;
}

static void leave_cell(void *context) {
    text_reader *r = context;
    if (table(r)) story_end_cell(r->d->s);
}

/* What another cell reaches over: from the left it has its place already, from above it is said
 * again. */
static bool enter_covered(void *context, const xml_element *e) {
    text_reader *r = context;
    open_table *t = table(r);
    unsigned repeated = (unsigned)xml_number(e, "table:number-columns-repeated", 1, 1024, 1);
    for (unsigned i = 0; t && i < repeated && i < REPEAT_MAX; i++) {
        if (t->column >= COLUMNS_MAX || t->rows_left[t->column] == 0) return false;
        t->rows_left[t->column]--;
        unsigned columns = t->columns[t->column];
        story_begin_cell(r->d->s, columns, true);
        story_end_cell(r->d->s);
        t->column += columns;
    }
    return false;
}

/* ---- pictures, objects, sections, slides --------------------------------------------------- */

static bool enter_image(void *context, const xml_element *e) {
    odf *d = ((text_reader *)context)->d;
    pictures_meet(&d->pictures, d->p, package_find(d->p, xml_attribute(e, "xlink:href")));
    return false;
}

/* A chart holds its title and its figures as a table. */
static bool put_chart(text_reader *r, size_t entry) {
    bool whole;
    if (r->object_depth > 0 || r->to) return false;
    text_reader *inner = mem_new(1, sizeof *inner);
    xml_walker walker = {.rules = r->rules, .text = put_text, .context = inner};
    inner->d = r->d;
    inner->object_depth = 1;
    bool ok = xml_walk_entry(r->d->p, entry, &walker, &whole, NULL) && inner->charts > 0;
    text_free(&inner->mark);
    text_free(&inner->creator);
    mem_free(inner);
    return ok;
}

static bool enter_chart(void *context, const xml_element *e) {
    (void)e;
    text_reader *r = context;
    r->charts++;
    return r->object_depth > 0;
}

static bool enter_chart_title(void *context, const xml_element *e) {
    (void)e;
    text_reader *r = context;
    r->in_chart_title = true;
    return true;
}

static void leave_chart_title(void *context) {
    ((text_reader *)context)->in_chart_title = false;
}

/* A formula says what it is in one line; what is neither that nor a chart is counted. */
static bool enter_object(void *context, const xml_element *e) {
    text_reader *r = context;
    str target = xml_attribute(e, "xlink:href");
    if (str_starts(target, STR("./"))) target = str_cut(target, 2, target.n);
    if (str_ends(target, STR("/"))) target = str_cut(target, 0, target.n - 1);
    str name = arena_printf(r->d->a, STR_FMT "/content.xml", STR_ARG(target));
    size_t entry = package_find(r->d->p, name);
    text formula = {0};
    if (entry != PACKAGE_NONE) odf_put_math(r->d->p, entry, &formula);
    if (formula.n > 0) {
        if (!r->to) story_keep_apart(r->d->s, text_str(&formula));
        put(r, text_str(&formula));
    } else if (entry == PACKAGE_NONE || !put_chart(r, entry)) {
        r->d->objects++;
    }
    text_free(&formula);
    return false;
}

static bool enter_section(void *context, const xml_element *e) {
    text_reader *r = context;
    if (str_eq(xml_attribute(e, "text:display"), STR("none"))) r->hidden_section = true;
    return true;
}

static void leave_section(void *context) {
    ((text_reader *)context)->hidden_section = false;
}

static bool enter_contents(void *context, const xml_element *e) {
    (void)e;
    ((text_reader *)context)->in_contents = true;
    return true;
}

static void leave_contents(void *context) {
    ((text_reader *)context)->in_contents = false;
}

static bool enter_slide(void *context, const xml_element *e) {
    text_reader *r = context;
    r->in_slides = true;
    if (!r->first_slide) story_next_page(r->d->s, (str){0});
    r->first_slide = false;
    if (odf_is_hidden(&r->d->sheet, xml_attribute(e, "draw:style-name"))) {
        story_drop_page(r->d->s, INGEST_FATE_HIDDEN, STR("the slide is hidden, and was left out"));
        return false;
    }
    return true;
}

static bool enter_frame(void *context, const xml_element *e) {
    text_reader *r = context;
    r->presentation_class = arena_str(r->d->a, xml_attribute(e, "presentation:class"));
    bool foot = str_eq(r->presentation_class, STR("date-time")) ||
                str_eq(r->presentation_class, STR("footer")) ||
                str_eq(r->presentation_class, STR("page-number"));
    r->box_depth += !foot;
    return !foot;
}

static void leave_frame(void *context) {
    text_reader *r = context;
    r->presentation_class = (str){0};
    r->box_depth--;
}

static bool enter_shape(void *context, const xml_element *e) {
    (void)e;
    ((text_reader *)context)->box_depth++;
    return true;
}

static void leave_shape(void *context) {
    ((text_reader *)context)->box_depth--;
}

static bool enter_speaker_notes(void *context, const xml_element *e) {
    (void)e;
    text_reader *r = context;
    story_begin_paragraph(r->d->s);
    text_clear(&r->creator);
    r->to = &r->creator;
    return true;
}

static void leave_speaker_notes(void *context) {
    text_reader *r = context;
    r->to = NULL;
    str t = str_trim(text_str(&r->creator));
    story_set_mark(r->d->s, STR("Notes: "));
    story_put(r->d->s, t);
    story_end_paragraph(r->d->s);
}

/* ---- the rules ----------------------------------------------------------------------------- */

#define FIELD(field) \
    { .name = "text:" field, .has_text = true }

static const xml_rule rules[] = {
    {.name = "text:p", .enter = enter_paragraph, .leave = leave_paragraph, .has_text = true},
    {.name = "text:h", .enter = enter_paragraph, .leave = leave_paragraph, .has_text = true},
    {.name = "text:span", .enter = enter_span, .leave = leave_span, .has_text = true},
    {.name = "text:s", .enter = enter_spaces},
    {.name = "text:tab", .enter = enter_spaces},
    {.name = "text:line-break", .enter = enter_line_break},
    {.name = "text:soft-page-break", .enter = enter_page_break},
    {.name = "text:deletion", .enter = enter_deleted},
    {.name = "text:note-body", .enter = enter_note_body, .leave = leave_note_body},
    {.name = "text:note-citation", .skip = true},
    {.name = "office:annotation", .enter = enter_annotation, .leave = leave_note_body},
    {.name = "dc:creator", .enter = enter_creator, .leave = leave_creator, .has_text = true},
    {.name = "dc:date", .skip = true},
    {.name = "text:list", .enter = enter_list, .leave = leave_list},
    {.name = "text:list-item", .enter = enter_item},
    {.name = "text:list-header", .enter = enter_item},
    {.name = "table:table", .enter = enter_table, .leave = leave_table},
    {.name = "table:table-header-rows", .enter = enter_head_rows, .leave = leave_head_rows},
    {.name = "table:table-row", .enter = enter_row, .leave = leave_row},
    {.name = "table:table-cell", .enter = enter_cell, .leave = leave_cell},
    {.name = "table:covered-table-cell", .enter = enter_covered},
    {.name = "draw:image", .enter = enter_image},
    {.name = "draw:object", .enter = enter_object},
    {.name = "draw:object-ole", .enter = enter_object},
    {.name = "draw:frame", .enter = enter_frame, .leave = leave_frame},
    {.name = "draw:custom-shape", .enter = enter_shape, .leave = leave_shape},
    {.name = "draw:rect", .enter = enter_shape, .leave = leave_shape},
    {.name = "draw:ellipse", .enter = enter_shape, .leave = leave_shape},
    {.name = "draw:page", .enter = enter_slide},
    {.name = "chart:chart", .enter = enter_chart},
    {.name = "chart:title", .enter = enter_chart_title, .leave = leave_chart_title},
    {.name = "chart:axis", .skip = true},
    {.name = "chart:legend", .skip = true},
    {.name = "chart:series", .skip = true},
    {.name = "presentation:notes", .enter = enter_speaker_notes, .leave = leave_speaker_notes},
    {.name = "text:section", .enter = enter_section, .leave = leave_section},
    {.name = "text:table-of-content", .enter = enter_contents, .leave = leave_contents},
    {.name = "text:table-of-content-source", .skip = true},
    {.name = "text:alphabetical-index-source", .skip = true},
    {.name = "text:illustration-index-source", .skip = true},
    {.name = "text:table-index-source", .skip = true},
    {.name = "text:object-index-source", .skip = true},
    {.name = "text:user-index-source", .skip = true},
    {.name = "text:bibliography-source", .skip = true},
    {.name = "office:automatic-styles", .skip = true}, /* a chart's have text in them */
    {.name = "text:hidden-text", .skip = true},
    {.name = "text:hidden-paragraph", .skip = true},
    {.name = "text:ruby-text", .skip = true},
    {.name = "text:a", .enter = enter_link, .leave = leave_link, .has_text = true},
    FIELD("meta"),
    FIELD("meta-field"),
    FIELD("ruby-base"),
    FIELD("title"),
    FIELD("subject"),
    FIELD("description"),
    FIELD("keywords"),
    FIELD("date"),
    FIELD("time"),
    FIELD("creation-date"),
    FIELD("modification-date"),
    FIELD("print-date"),
    FIELD("author-name"),
    FIELD("author-initials"),
    FIELD("initial-creator"),
    FIELD("creator"),
    FIELD("chapter"),
    FIELD("file-name"),
    FIELD("sequence"),
    FIELD("sequence-ref"),
    FIELD("bookmark-ref"),
    FIELD("reference-ref"),
    FIELD("note-ref"),
    FIELD("page-number"),
    FIELD("page-count"),
    FIELD("page-variable-get"),
    FIELD("user-defined"),
    FIELD("user-field-get"),
    FIELD("user-field-input"),
    FIELD("variable-set"),
    FIELD("variable-get"),
    FIELD("variable-input"),
    FIELD("expression"),
    FIELD("text-input"),
    FIELD("placeholder"),
    FIELD("conditional-text"),
    FIELD("database-display"),
    FIELD("drop-down"),
    FIELD("bibliography-mark"),
    FIELD("sheet-name"),
    FIELD("word-count"),
    FIELD("sender-company"),
    FIELD("sender-firstname"),
    FIELD("sender-lastname"),
    FIELD("sender-email"),
    FIELD("sender-street"),
    FIELD("sender-city"),
    FIELD("measure"),
    FIELD("number"),
    {0},
};

bool odf_read_text(odf *d, size_t entry, bool *whole, error *err) {
    text_reader *r = mem_new(1, sizeof *r);
    xml_walker walker = {.rules = rules, .text = put_text, .context = r};
    r->d = d;
    r->rules = rules;
    r->first_slide = true;
    bool ok = xml_walk_entry(d->p, entry, &walker, whole, err);
    text_free(&r->mark);
    text_free(&r->creator);
    mem_free(r);
    return ok;
}
