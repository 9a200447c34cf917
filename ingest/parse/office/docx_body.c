/* The body of a DOCX part: paragraphs, runs, tables (ECMA-376 part 1, 17.2 to 17.4).
 *
 * Owns what a reader of the printed page would see: text that was inserted and not what was
 * deleted, no hidden runs, the results of fields and not their codes, pages where Word last broke
 * them. Notes and comments stand behind the paragraph that calls them, so that a chunk has both.
 *
 * It opens no part but charts and diagrams, and follows no relation that leads out.
 */
#include "ingest/parse/office/docx.h"

#include "ingest/parse/office/colour.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static docx_open *open_of(docx *d) {
    return d->depth > 0 ? &d->open[d->depth - 1] : NULL;
}

void docx_put(docx *d, str t) {
    const docx_open *o = open_of(d);
    if (d->table.deleted) return;
    if (o && (o->hidden || o->struck)) {
        *(o->hidden ? &d->hidden_bytes : &d->struck_bytes) += str_trim(t).n;
        story_leave_out(d->s);
        return;
    }
    if (formula_is_open(d->math.formula))
        formula_put(d->math.formula, t);
    else
        story_put_script(d->s, t, o ? o->level : SCRIPT_BASE, d->to_anchor > 0);
    if (str_trim(t).n > 0) d->broke = false;
}

static void leave_formula(void *context) {
    docx *d = context;
    text line = {0};
    formula_end(d->math.formula, &line);
    story_keep_apart(d->s, text_str(&line));
    docx_put(d, text_str(&line));
    text_free(&line);
}

static void put_text(void *context, str t) {
    docx_put(context, t);
}

/* ---- pages --------------------------------------------------------------------------------- */

/* A break that the author set and the one that Word noted there are one. */
static void break_page(docx *d) {
    if (!d->broke) story_next_page(d->s, (str){0});
    d->broke = true;
}

static bool enter_rendered_break(void *context, const xml_element *e) {
    (void)e;
    break_page(context);
    return true;
}

static bool enter_break_before(void *context, const xml_element *e) {
    docx *d = context;
    const docx_open *o = open_of(d);
    if (o && o->in_properties && xml_is_on(e, "w:val") && story_has_text(d->s)) break_page(d);
    return true;
}

static bool enter_break(void *context, const xml_element *e) {
    docx *d = context;
    if (str_eq(xml_attribute(e, "w:type"), STR("page")))
        break_page(d);
    else
        docx_put(d, STR("\n"));
    return true;
}

/* ---- tables -------------------------------------------------------------------------------- */

static void open_row(docx *d) {
    if (!d->table.row_waits) return;
    d->table.row_waits = false;
    story_begin_row(d->s, d->table.head);
    if (d->table.before > 0) story_skip_columns(d->s, d->table.before);
}

static void open_cell(docx *d) {
    if (!d->table.cell_waits) return;
    d->table.cell_waits = false;
    story_begin_cell(d->s, d->table.columns, d->table.above);
}

static bool enter_table(void *context, const xml_element *e) {
    (void)e;
    docx *d = context;
    open_cell(d);
    if (d->table_depth++ < DOCX_DEPTH)
        d->shades[d->table_depth - 1].table = d->shades[d->table_depth - 1].cell = -1;
    story_begin_table(d->s);
    return true;
}

static void leave_table(void *context) {
    docx *d = context;
    d->table_depth--;
    story_end_table(d->s);
}

static bool enter_table_style(void *context, const xml_element *e) {
    docx *d = context;
    docx_look look = DOCX_LOOK_UNSAID;
    if (d->table_depth == 0 || d->table_depth > DOCX_DEPTH) return true;
    docx_style_look(&d->sheet, xml_attribute(e, "w:val"), &look);
    d->shades[d->table_depth - 1].table = look.shaded;
    return true;
}

static bool enter_row(void *context, const xml_element *e) {
    (void)e;
    docx *d = context;
    d->table.row_waits = true;
    d->table.head = d->table.deleted = false;
    d->table.before = 0;
    return true;
}

static void leave_row(void *context) {
    docx *d = context;
    open_row(d);
    d->table.deleted = false;
    story_end_row(d->s);
}

static bool enter_cell(void *context, const xml_element *e) {
    (void)e;
    docx *d = context;
    open_row(d);
    d->table.cell_waits = true;
    d->table.columns = 1;
    d->table.above = false;
    if (d->table_depth > 0 && d->table_depth <= DOCX_DEPTH) d->shades[d->table_depth - 1].cell = -1;
    return true;
}

static void leave_cell(void *context) {
    docx *d = context;
    open_cell(d);
    story_end_cell(d->s);
}

static void leave_cell_properties(void *context) {
    open_cell(context);
}

static bool enter_table_head(void *context, const xml_element *e) {
    ((docx *)context)->table.head = xml_is_on(e, "w:val");
    return true;
}

static bool enter_columns_before(void *context, const xml_element *e) {
    ((docx *)context)->table.before = (unsigned)xml_number(e, "w:val", 0, 64, 0);
    return true;
}

static bool enter_columns(void *context, const xml_element *e) {
    ((docx *)context)->table.columns = (unsigned)xml_number(e, "w:val", 1, 1024, 1);
    return true;
}

static bool enter_merge_down(void *context, const xml_element *e) {
    docx *d = context;
    d->table.above = !str_eq(xml_attribute(e, "w:val"), STR("restart"));
    return true;
}

/* ---- paragraphs ---------------------------------------------------------------------------- */

static bool enter_paragraph(void *context, const xml_element *e) {
    (void)e;
    docx *d = context;
    open_cell(d);
    if (d->depth == DOCX_DEPTH) {
        d->overflow++;
        docx_put(d, STR(" "));
        return true;
    }
    d->open[d->depth++] = (docx_open){
        .q = {.outline = -1, .list = -1, .level = -1}, .look = DOCX_LOOK_UNSAID, .shaded = -1};
    story_begin_paragraph(d->s);
    return true;
}

static void set_role(docx *d, const docx_paragraph *q) {
    uint8_t level;
    bool marked = docx_next_mark(&d->sheet, q, &d->mark);
    docx_kind kind = docx_kind_of(&d->sheet, q, &level);
    const text *t = story_text(d->s);
    if (kind == DOCX_TITLE && d->title.n == 0 && t) text_put(&d->title, str_trim(text_str(t)));
    if (kind == DOCX_CONTENTS)
        story_set_role(d->s, INGEST_ROLE_FOOTER, 0);
    else if (kind == DOCX_CODE)
        story_set_role(d->s, INGEST_ROLE_CODE, 0);
    else if (kind == DOCX_CAPTION)
        story_set_role(d->s, INGEST_ROLE_CAPTION, 0);
    else if (kind != DOCX_TEXT)
        story_set_role(d->s, INGEST_ROLE_HEADING, level);
    else if (marked)
        story_set_role(d->s, INGEST_ROLE_LIST_ITEM, 0);
    bool bullet = str_eq(text_str(&d->mark), STR("- "));
    if (marked && !(bullet && kind != DOCX_TEXT)) story_set_mark(d->s, text_str(&d->mark));
}

static void leave_paragraph(void *context) {
    docx *d = context;
    if (d->overflow > 0) {
        d->overflow--;
        return;
    }
    set_role(d, &d->open[d->depth - 1].q);
    d->depth--;
    if (formula_is_open(d->math.formula)) leave_formula(d); /* a damaged one */
    story_end_paragraph(d->s);
}

static bool enter_properties(void *context, const xml_element *e) {
    (void)e;
    docx_open *o = open_of(context);
    if (o) o->in_properties = true;
    return o != NULL;
}

static void leave_properties(void *context) {
    docx_open *o = open_of(context);
    if (o) o->in_properties = false;
}

static bool enter_style(void *context, const xml_element *e) {
    docx *d = context;
    docx_open *o = open_of(d);
    if (!o || !o->in_properties) return true;
    o->q.style = arena_str(d->a, xml_attribute(e, "w:val"));
    return true;
}

static bool enter_outline(void *context, const xml_element *e) {
    docx_open *o = open_of(context);
    if (o && o->in_properties) o->q.outline = (int)xml_number(e, "w:val", 0, DOCX_LEVELS, -1);
    return true;
}

static bool enter_list_id(void *context, const xml_element *e) {
    docx_open *o = open_of(context);
    if (o && o->in_properties) o->q.list = (int)xml_number(e, "w:val", 0, INT32_MAX, -1);
    return true;
}

static bool enter_list_level(void *context, const xml_element *e) {
    docx_open *o = open_of(context);
    if (o && o->in_properties) o->q.level = (int)xml_number(e, "w:val", 0, DOCX_LEVELS - 1, -1);
    return true;
}

/* ---- runs ---------------------------------------------------------------------------------- */

/* The innermost ground that is said: of the run or the paragraph, a cell, a table. */
static bool is_on_dark(const docx *d, const docx_open *o, const docx_look *look) {
    if (d->backdrop || d->box_depth > 0 || d->table_depth > DOCX_DEPTH) return true;
    if (o->look.shaded >= 0) return o->look.shaded == 1;
    if (o->shaded >= 0) return o->shaded == 1;
    if (look->shaded >= 0) return look->shaded == 1;
    for (size_t i = d->table_depth; i > 0; i--) {
        if (d->shades[i - 1].cell >= 0) return d->shades[i - 1].cell == 1;
        if (d->shades[i - 1].table >= 0) return d->shades[i - 1].table == 1;
    }
    return false;
}

/* Hidden, too small for any eye, or white on paper; raised or lowered. */
static void judge_run(const docx *d, docx_open *o) {
    docx_look look = o->look;
    docx_style_look(&d->sheet, o->run_style, &look);
    docx_style_look(&d->sheet, o->q.style, &look);
    o->hidden = look.hidden == 1 || (look.size >= 0 && look.size < DOCX_SIZE_SEEN) ||
                (look.white == 1 && !is_on_dark(d, o, &look));
    o->struck = look.struck == 1;
    o->level = look.level > 0 ? (script_level)look.level : SCRIPT_BASE;
}

static bool enter_run(void *context, const xml_element *e) {
    (void)e;
    docx *d = context;
    docx_open *o = open_of(d);
    if (!o) return true;
    o->look = DOCX_LOOK_UNSAID;
    o->run_style = (str){0};
    judge_run(d, o);
    return true;
}

static void leave_run(void *context) {
    docx_open *o = open_of(context);
    if (!o) return;
    o->hidden = o->struck = false;
    o->level = SCRIPT_BASE;
}

/* Those of the paragraph's mark say nothing of its text. */
static bool enter_run_properties(void *context, const xml_element *e) {
    (void)e;
    docx_open *o = open_of(context);
    if (!o || o->in_properties) return false;
    o->in_run = true;
    return true;
}

static void leave_run_properties(void *context) {
    docx_open *o = open_of(context);
    if (!o) return;
    o->in_run = false;
    judge_run(context, o);
}

static bool enter_look(void *context, const xml_element *e) {
    docx_open *o = open_of(context);
    if (o && o->in_run) docx_look_put(&o->look, e);
    return true;
}

/* Of the run, the paragraph, the cell or the table that is open. */
static bool enter_shading(void *context, const xml_element *e) {
    docx *d = context;
    docx_open *o = open_of(d);
    docx_look look = DOCX_LOOK_UNSAID;
    if (o && o->in_run) return enter_look(context, e);
    docx_look_put(&look, e);
    if (o && o->in_properties)
        o->shaded = look.shaded;
    else if (look.shaded >= 0 && d->table_depth > 0 && d->table_depth <= DOCX_DEPTH)
        *(d->table.cell_waits ? &d->shades[d->table_depth - 1].cell
                              : &d->shades[d->table_depth - 1].table) = look.shaded;
    return true;
}

/* A text box may have any fill. */
static bool enter_box(void *context, const xml_element *e) {
    (void)e;
    ((docx *)context)->box_depth++;
    return true;
}

static void leave_box(void *context) {
    ((docx *)context)->box_depth--;
}

static bool enter_anchor(void *context, const xml_element *e) {
    if (xml_has(e, "behindDoc") && xml_is_on(e, "behindDoc")) ((docx *)context)->backdrop = true;
    return true;
}

static bool enter_background(void *context, const xml_element *e) {
    str colour = xml_attribute(e, "w:color");
    if (!str_eq(colour, STR("auto")) && !colour_is_white(colour))
        ((docx *)context)->backdrop = true;
    return true;
}

/* To a place in the document: a raised number in it is the mark of a note. */
static bool enter_link(void *context, const xml_element *e) {
    docx *d = context;
    if (d->to_anchor > 0 || xml_has(e, "w:anchor")) d->to_anchor++;
    return true;
}

static void leave_link(void *context) {
    docx *d = context;
    if (d->to_anchor > 0) d->to_anchor--;
}

static bool enter_run_style(void *context, const xml_element *e) {
    docx *d = context;
    docx_open *o = open_of(d);
    if (o && o->in_run) o->run_style = arena_str(d->a, xml_attribute(e, "w:val"));
    return true;
}

static bool enter_tab(void *context, const xml_element *e) {
    (void)e;
    docx *d = context;
    const docx_open *o = open_of(d);
    if (o && !o->in_properties) docx_put(d, STR("\t"));
    return true;
}

static bool enter_line_end(void *context, const xml_element *e) {
    (void)e;
    docx_put(context, STR("\n"));
    return true;
}

static bool enter_hyphen(void *context, const xml_element *e) {
    (void)e;
    docx_put(context, STR("-"));
    return true;
}

/* Signs that a font draws at places of its own. */
static bool enter_symbol(void *context, const xml_element *e) {
    static const struct {
        char font; /* 'S' Symbol, 'W' Wingdings */
        uint8_t at;
        const char *sign;
    } known[] = {
        {'S', 0x61, "α"}, {'S', 0x62, "β"}, {'S', 0x63, "χ"}, {'S', 0x64, "δ"}, {'S', 0x65, "ε"},
        {'S', 0x66, "φ"}, {'S', 0x67, "γ"}, {'S', 0x68, "η"}, {'S', 0x6b, "κ"}, {'S', 0x6c, "λ"},
        {'S', 0x6d, "μ"}, {'S', 0x70, "π"}, {'S', 0x72, "ρ"}, {'S', 0x73, "σ"}, {'S', 0x74, "τ"},
        {'S', 0x77, "ω"}, {'S', 0x44, "Δ"}, {'S', 0x57, "Ω"}, {'S', 0x53, "Σ"}, {'S', 0xb0, "°"},
        {'S', 0xb1, "±"}, {'S', 0xb3, "≥"}, {'S', 0xa3, "≤"}, {'S', 0xb4, "×"}, {'S', 0xb8, "÷"},
        {'S', 0xb9, "≠"}, {'S', 0xbb, "≈"}, {'S', 0xae, "→"}, {'S', 0xad, "↑"}, {'S', 0xaf, "↓"},
        {'S', 0xb7, "•"}, {'S', 0xd2, "®"}, {'S', 0xd4, "™"}, {'W', 0xa8, "☐"}, {'W', 0x6f, "☐"},
        {'W', 0x71, "☐"}, {'W', 0xfe, "☑"}, {'W', 0xfd, "☒"}, {'W', 0x78, "☒"}, {'W', 0xfc, "✓"},
        {'W', 0xfb, "✗"}, {'W', 0xe0, "→"}, {'W', 0xe8, "→"}, {'W', 0xdf, "←"}, {'W', 0xa7, "•"},
        {'W', 0x6c, "•"}, {'W', 0x6e, "•"}, {'W', 0xd8, "•"},
    };
    char digits[8] = "";
    str font = xml_attribute(e, "w:font"), code = xml_attribute(e, "w:char");
    if (code.n == 0 || code.n >= sizeof digits) return true;
    memcpy(digits, code.p, code.n);
    unsigned long at = strtoul(digits, NULL, 16);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if ((at & 0xff) == known[i].at && font.n > 0 && font.p[0] == known[i].font) {
            docx_put(context, str_of(known[i].sign));
            return true;
        }
    char utf8[4];
    bool private = at >= 0xe000 && at < 0xf900;
    if (!private && at >= 0x20) docx_put(context, (str){utf8, utf8_encode((uint32_t)at, utf8)});
    return true;
}

static bool enter_deleted(void *context, const xml_element *e) {
    (void)e;
    docx *d = context;
    d->deletions++;
    d->table.deleted = d->table.deleted || d->table.in_properties;
    return false;
}

static bool enter_row_properties(void *context, const xml_element *e) {
    (void)e;
    ((docx *)context)->table.in_properties = true;
    return true;
}

static void leave_row_properties(void *context) {
    ((docx *)context)->table.in_properties = false;
}

/* A box of an old form; those of content controls are signs in the text. */
static bool enter_checkbox(void *context, const xml_element *e) {
    (void)e;
    docx *d = context;
    d->in_checkbox = true;
    d->checked = false;
    return true;
}

static bool enter_checked(void *context, const xml_element *e) {
    docx *d = context;
    if (d->in_checkbox) d->checked = xml_is_on(e, "w:val");
    return true;
}

static void leave_checkbox(void *context) {
    docx *d = context;
    d->in_checkbox = false;
    docx_put(d, d->checked ? STR("☒ ") : STR("☐ "));
}

/* ---- notes --------------------------------------------------------------------------------- */

static str find_note(const docx_notes *notes, str id) {
    for (size_t i = 0; i < notes->count; i++)
        if (str_eq(notes->items[i].id, id)) return notes->items[i].t;
    return (str){0};
}

static void put_note(docx *d, const docx_notes *notes, const xml_element *e, const char *prefix,
                     size_t *number) {
    char mark[32];
    str note = find_note(notes, xml_attribute(e, "w:id"));
    const docx_open *o = open_of(d);
    if (note.n == 0 || !o || o->hidden) return;
    text t = {0};
    snprintf(mark, sizeof mark, "[%s%zu]", prefix, ++*number);
    text_printf(&t, "%s " STR_FMT, mark, STR_ARG(note));
    docx_put(d, STR(" "));
    docx_put(d, str_of(mark));
    story_put_behind(d->s, text_str(&t));
    text_free(&t);
}

static bool enter_footnote(void *context, const xml_element *e) {
    docx *d = context;
    put_note(d, &d->footnotes, e, "", &d->footnote);
    return true;
}

static bool enter_endnote(void *context, const xml_element *e) {
    docx *d = context;
    put_note(d, &d->endnotes, e, "e", &d->endnote);
    return true;
}

static bool enter_comment(void *context, const xml_element *e) {
    docx *d = context;
    str comment = find_note(&d->comments, xml_attribute(e, "w:id"));
    if (comment.n > 0 && open_of(d)) story_put_behind(d->s, comment);
    return true;
}

/* ---- what is no text ----------------------------------------------------------------------- */

static bool enter_picture(void *context, const xml_element *e) {
    docx *d = context;
    str id = xml_attribute(e, xml_has(e, "r:embed") ? "r:embed" : "r:id");
    pictures_meet(&d->pictures, d->p, ooxml_entry(d->p, ooxml_find_id(&d->relations, id)));
    return false;
}

/* An embedded document, or one that is to be put in here when this is printed. */
static bool enter_object(void *context, const xml_element *e) {
    docx *d = context;
    const ooxml_relation *r = ooxml_find_id(&d->relations, xml_attribute(e, "r:id"));
    pictures_meet(&d->pictures, d->p, ooxml_entry(d->p, r));
    return false;
}

static bool enter_chart(void *context, const xml_element *e) {
    docx *d = context;
    size_t entry = ooxml_entry(d->p, ooxml_find_id(&d->relations, xml_attribute(e, "r:id")));
    if (entry != PACKAGE_NONE && !ooxml_put_chart(d->p, entry, d->s)) d->broken_charts++;
    return true;
}

static bool enter_diagram(void *context, const xml_element *e) {
    docx *d = context;
    size_t entry = ooxml_entry(d->p, ooxml_find_id(&d->relations, xml_attribute(e, "r:dm")));
    if (entry != PACKAGE_NONE && !ooxml_put_diagram(d->p, entry, d->s)) d->broken_charts++;
    return true;
}

/* ---- the rules ----------------------------------------------------------------------------- */

static const xml_rule rules[] = {
    {.name = "w:p", .enter = enter_paragraph, .leave = leave_paragraph},
    {.name = "w:pPr", .enter = enter_properties, .leave = leave_properties},
    {.name = "w:pStyle", .enter = enter_style},
    {.name = "w:outlineLvl", .enter = enter_outline},
    {.name = "w:numId", .enter = enter_list_id},
    {.name = "w:ilvl", .enter = enter_list_level},
    {.name = "w:pageBreakBefore", .enter = enter_break_before},
    {.name = "w:r", .enter = enter_run, .leave = leave_run},
    {.name = "m:r", .enter = enter_run, .leave = leave_run},
    {.name = "w:rPr", .enter = enter_run_properties, .leave = leave_run_properties},
    {.name = "w:vanish", .enter = enter_look},
    {.name = "w:strike", .enter = enter_look},
    {.name = "w:dstrike", .enter = enter_look},
    {.name = "w:color", .enter = enter_look},
    {.name = "w:sz", .enter = enter_look},
    {.name = "w:highlight", .enter = enter_look},
    {.name = "w:outline", .enter = enter_look},
    {.name = "w:shadow", .enter = enter_look},
    {.name = "w:shd", .enter = enter_shading},
    {.name = "w:tblStyle", .enter = enter_table_style},
    {.name = "w:txbxContent", .enter = enter_box, .leave = leave_box},
    {.name = "wp:anchor", .enter = enter_anchor},
    {.name = "w:background", .enter = enter_background},
    {.name = "w:rStyle", .enter = enter_run_style},
    {.name = "w:vertAlign", .enter = enter_look},
    {.name = "w:position", .enter = enter_look},
    {.name = "w:hyperlink", .enter = enter_link, .leave = leave_link},
    {.name = "w:t", .has_text = true},
    {.name = "w:tab", .enter = enter_tab},
    {.name = "w:ptab", .enter = enter_tab},
    {.name = "w:br", .enter = enter_break},
    {.name = "w:cr", .enter = enter_line_end},
    {.name = "w:noBreakHyphen", .enter = enter_hyphen},
    {.name = "w:sym", .enter = enter_symbol},
    {.name = "w:lastRenderedPageBreak", .enter = enter_rendered_break},
    {.name = "w:del", .enter = enter_deleted},
    {.name = "w:moveFrom", .enter = enter_deleted},
    {.name = "w:checkBox", .enter = enter_checkbox, .leave = leave_checkbox},
    {.name = "w:default", .enter = enter_checked},
    {.name = "w:checked", .enter = enter_checked},
    {.name = "w:footnoteReference", .enter = enter_footnote},
    {.name = "w:endnoteReference", .enter = enter_endnote},
    {.name = "w:commentReference", .enter = enter_comment},
    {.name = "w:tbl", .enter = enter_table, .leave = leave_table},
    {.name = "w:tr", .enter = enter_row, .leave = leave_row},
    {.name = "w:tc", .enter = enter_cell, .leave = leave_cell},
    {.name = "w:tcPr", .leave = leave_cell_properties},
    {.name = "w:trPr", .enter = enter_row_properties, .leave = leave_row_properties},
    {.name = "w:tblHeader", .enter = enter_table_head},
    {.name = "w:gridBefore", .enter = enter_columns_before},
    {.name = "w:gridSpan", .enter = enter_columns},
    {.name = "w:vMerge", .enter = enter_merge_down},
    {.name = "a:blip", .enter = enter_picture},
    {.name = "v:imagedata", .enter = enter_picture},
    {.name = "o:OLEObject", .enter = enter_object},
    {.name = "w:altChunk", .enter = enter_object},
    {.name = "c:chart", .enter = enter_chart},
    {.name = "dgm:relIds", .enter = enter_diagram},
    {.name = "m:t", .has_text = true},
    OOXML_MATH_RULES(leave_formula),
    {.name = "w:rt", .skip = true}, /* how to pronounce what stands below it */
    {.name = "w:sectPr", .skip = true},
    {.name = "w:pPrChange", .skip = true},
    {.name = "w:rPrChange", .skip = true},
    {.name = "w:tcPrChange", .skip = true},
    {.name = "w:trPrChange", .skip = true},
    {.name = "w:tblPrChange", .skip = true},
    {.name = "w:sdtPr", .skip = true},
    {0},
};

bool docx_read_part(docx *d, size_t entry, bool *whole, error *err) {
    xml_walker walker = {.rules = rules, .text = put_text, .context = d};
    d->depth = d->overflow = d->table_depth = d->box_depth = d->to_anchor = 0;
    ooxml_free_relations(&d->relations);
    ooxml_read_relations(d->p, package_name(d->p, entry), d->a, &d->relations);
    return xml_walk_entry(d->p, entry, &walker, whole, err);
}
