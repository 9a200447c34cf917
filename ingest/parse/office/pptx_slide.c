/* The text of one slide of a PPTX file (ECMA-376 part 1, 19.3 and 21.1).
 *
 * Owns what shapes become: the title a heading, paragraphs of body placeholders list items unless
 * they say that they have no bullet, those of other boxes paragraphs unless they have one, tables
 * rows, charts tables. Dates, footers and slide numbers are running feet. What masters and layouts
 * say is on every slide and so on none.
 */
#include "ingest/parse/office/pptx.h"

#include <string.h>

#include "ingest/parse/office/ooxml_math.h"
#include "ingest/parse/office/ordinal.h"

#define LEVELS 9
/* In hundredths of a point; nobody reads what is smaller. */
#define SIZE_SEEN 200
/* Of 100,000: letters that are nearly as clear as glass. */
#define ALPHA_SEEN 5000

typedef struct {
    ooxml_math math; /* first: ooxml_math.h */
    pptx *x;
    size_t only, at; /* shape `at` is open */
    bool judged;     /* shapes are those of x->slide */
    size_t depth;    /* of groups and shapes */
    str type;        /* of the open placeholder */
    bool placeholder;
    bool heads; /* the table's first row is its head */
    size_t row;
    /* the open paragraph */
    bool bullet, numbered;
    script_level script; /* of the open run */
    bool in_run, white, painted, unseen,
        struck;                 /* its properties are open; painted: outlined or marked */
    size_t in_table, hidden_at; /* depth of the shape that says it is hidden; 0: none */
    char style;
    long level, start;
    long counts[LEVELS];
    /* notes */
    bool first;
} slide_reader;

/* ---- shapes -------------------------------------------------------------------------------- */

static bool enter_shape(void *context, const xml_element *e) {
    (void)e;
    slide_reader *r = context;
    if (r->depth == 0) {
        r->at++;
        if (r->only != SIZE_MAX && r->at != r->only) return false;
    }
    r->depth++;
    r->placeholder = false;
    r->type = (str){0};
    memset(r->counts, 0, sizeof r->counts);
    return true;
}

static void leave_shape(void *context) {
    slide_reader *r = context;
    if (r->hidden_at == r->depth) r->hidden_at = 0;
    r->depth--;
}

static bool enter_shape_properties(void *context, const xml_element *e) {
    slide_reader *r = context;
    if (r->hidden_at == 0 && xml_has(e, "hidden") && xml_is_on(e, "hidden"))
        r->hidden_at = r->depth;
    return true;
}

static const pptx_shape *shape_of(const slide_reader *r) {
    return r->judged && r->at < r->x->slide.count ? &r->x->slide.items[r->at] : NULL;
}

static bool is_shape_unseen(const slide_reader *r) {
    const pptx_shape *s = shape_of(r);
    return r->hidden_at > 0 || (s && s->outside);
}

static bool enter_placeholder(void *context, const xml_element *e) {
    slide_reader *r = context;
    r->placeholder = true;
    r->type = arena_str(r->x->a, xml_attribute(e, "type"));
    return true;
}

static bool is_title(str type) {
    return str_eq(type, STR("title")) || str_eq(type, STR("ctrTitle"));
}

static bool is_foot(str type) {
    return str_eq(type, STR("dt")) || str_eq(type, STR("ftr")) || str_eq(type, STR("sldNum")) ||
           str_eq(type, STR("hdr"));
}

/* ---- paragraphs ---------------------------------------------------------------------------- */

static bool enter_paragraph(void *context, const xml_element *e) {
    (void)e;
    slide_reader *r = context;
    bool body = r->placeholder &&
                (r->type.n == 0 || str_eq(r->type, STR("body")) || str_eq(r->type, STR("obj")));
    r->bullet = body;
    r->numbered = false;
    r->level = 0;
    r->start = 1;
    story_begin_paragraph(r->x->s);
    return true;
}

static bool enter_paragraph_properties(void *context, const xml_element *e) {
    slide_reader *r = context;
    r->level = xml_number(e, "lvl", 0, LEVELS - 1, 0);
    return true;
}

static bool enter_no_bullet(void *context, const xml_element *e) {
    (void)e;
    ((slide_reader *)context)->bullet = false;
    return true;
}

static bool enter_bullet(void *context, const xml_element *e) {
    (void)e;
    ((slide_reader *)context)->bullet = true;
    return true;
}

static bool enter_number(void *context, const xml_element *e) {
    slide_reader *r = context;
    str type = xml_attribute(e, "type");
    bool upper = str_find(type, STR("Uc"), 0) != SIZE_MAX;
    r->numbered = true;
    r->start = xml_number(e, "startAt", 1, 32767, 1);
    r->style = str_starts(type, STR("alpha")) ? 'a' : str_starts(type, STR("roman")) ? 'i' : '1';
    if (upper && r->style != '1') r->style = r->style == 'a' ? 'A' : 'I';
    return true;
}

static void put_mark(slide_reader *r) {
    text mark = {0};
    if (r->numbered) {
        long *count = &r->counts[r->level];
        *count = *count == 0 ? r->start : *count + 1;
        ordinal_put(&mark, r->style, *count);
        text_put(&mark, STR(". "));
    } else {
        text_put(&mark, STR("- "));
        r->counts[r->level] = 0;
    }
    for (long i = r->level + 1; i < LEVELS; i++) r->counts[i] = 0;
    story_set_role(r->x->s, INGEST_ROLE_LIST_ITEM, 0);
    story_set_mark(r->x->s, text_str(&mark));
    text_free(&mark);
}

static void leave_paragraph(void *context) {
    slide_reader *r = context;
    story *s = r->x->s;
    const text *t = story_text(s);
    bool any = t && str_trim(text_str(t)).n > 0;
    if (is_title(r->type))
        story_set_role(s, INGEST_ROLE_HEADING, 1);
    else if (is_foot(r->type))
        story_set_role(s, INGEST_ROLE_FOOTER, 0);
    else if (any && (r->bullet || r->numbered))
        put_mark(r);
    story_end_paragraph(s);
}

static bool enter_break(void *context, const xml_element *e) {
    (void)e;
    slide_reader *r = context;
    story_put(r->x->s, is_title(r->type) ? STR(" ") : STR("\n"));
    return false;
}

static bool enter_run_properties(void *context, const xml_element *e) {
    slide_reader *r = context;
    long baseline = xml_number(e, "baseline", -100000, 100000, 0);
    r->script = baseline > 0 ? SCRIPT_RAISED : baseline < 0 ? SCRIPT_LOWERED : SCRIPT_BASE;
    r->unseen = xml_number(e, "sz", 0, 400000, SIZE_SEEN) < SIZE_SEEN;
    str strike = xml_attribute(e, "strike");
    r->struck = strike.n > 0 && !str_eq(strike, STR("noStrike"));
    r->white = r->painted = false;
    r->in_run = true;
    return true;
}

static void leave_run_properties(void *context) {
    slide_reader *r = context;
    const pptx_shape *s = shape_of(r);
    r->in_run = false;
    bool bare = s && s->bare && r->depth == 1 && r->in_table == 0;
    if (r->white && !r->painted && bare) r->unseen = true;
}

static void leave_run(void *context) {
    slide_reader *r = context;
    r->script = SCRIPT_BASE;
    r->unseen = r->white = r->struck = false;
}

static bool enter_letters_colour(void *context, const xml_element *e) {
    slide_reader *r = context;
    if (r->in_run) r->white = pptx_is_white(e);
    return true;
}

static bool enter_alpha(void *context, const xml_element *e) {
    slide_reader *r = context;
    if (r->in_run && xml_number(e, "val", 0, 100000, 100000) < ALPHA_SEEN) r->unseen = true;
    return false;
}

static bool enter_no_fill(void *context, const xml_element *e) {
    (void)e;
    slide_reader *r = context;
    if (r->in_run) r->unseen = true;
    return false;
}

/* An outline, a shadow, a marker under the letters. */
static bool enter_paint(void *context, const xml_element *e) {
    (void)e;
    slide_reader *r = context;
    if (r->in_run) r->painted = true;
    return false;
}

static void put_text(void *context, str t) {
    slide_reader *r = context;
    if (r->unseen || is_shape_unseen(r)) {
        r->x->hidden_bytes += str_trim(t).n;
    } else if (r->struck) {
        r->x->struck_bytes += str_trim(t).n;
        story_leave_out(r->x->s);
    } else if (r->math.formula && formula_is_open(r->math.formula)) {
        formula_put(r->math.formula, t);
    } else {
        story_put_script(r->x->s, t, r->script, false);
    }
}

static void leave_formula(void *context) {
    slide_reader *r = context;
    text line = {0};
    formula_end(r->math.formula, &line);
    story_keep_apart(r->x->s, text_str(&line));
    story_put(r->x->s, text_str(&line));
    text_free(&line);
}

/* ---- tables, charts ------------------------------------------------------------------------ */

static bool enter_table(void *context, const xml_element *e) {
    (void)e;
    slide_reader *r = context;
    r->heads = false;
    r->row = 0;
    r->in_table++;
    story_begin_table(r->x->s);
    return true;
}

static void leave_table(void *context) {
    slide_reader *r = context;
    r->in_table--;
    story_end_table(r->x->s);
}

static bool enter_table_properties(void *context, const xml_element *e) {
    ((slide_reader *)context)->heads = xml_has(e, "firstRow") && xml_is_on(e, "firstRow");
    return true;
}

static bool enter_row(void *context, const xml_element *e) {
    (void)e;
    slide_reader *r = context;
    story_begin_row(r->x->s, r->heads && r->row == 0);
    r->row++;
    return true;
}

static void leave_row(void *context) {
    story_end_row(((slide_reader *)context)->x->s);
}

static bool enter_cell(void *context, const xml_element *e) {
    slide_reader *r = context;
    if (xml_has(e, "hMerge") && xml_is_on(e, "hMerge")) return false;
    story_begin_cell(r->x->s, (unsigned)xml_number(e, "gridSpan", 1, 1024, 1),
                     xml_has(e, "vMerge") && xml_is_on(e, "vMerge"));
    return true;
}

static void leave_cell(void *context) {
    story_end_cell(((slide_reader *)context)->x->s);
}

static bool enter_chart(void *context, const xml_element *e) {
    pptx *x = ((slide_reader *)context)->x;
    if (is_shape_unseen(context)) return false;
    size_t entry = ooxml_entry(x->p, ooxml_find_id(&x->relations, xml_attribute(e, "r:id")));
    if (entry != PACKAGE_NONE && !ooxml_put_chart(x->p, entry, x->s)) x->broken++;
    return false;
}

static bool enter_diagram(void *context, const xml_element *e) {
    pptx *x = ((slide_reader *)context)->x;
    if (is_shape_unseen(context)) return false;
    size_t entry = ooxml_entry(x->p, ooxml_find_id(&x->relations, xml_attribute(e, "r:dm")));
    if (entry != PACKAGE_NONE && !ooxml_put_diagram(x->p, entry, x->s)) x->broken++;
    return false;
}

static bool enter_picture(void *context, const xml_element *e) {
    pptx *x = ((slide_reader *)context)->x;
    const ooxml_relation *r = ooxml_find_id(&x->relations, xml_attribute(e, "r:embed"));
    pictures_meet(&x->pictures, x->p, ooxml_entry(x->p, r));
    return false;
}

/* The picture inside shows what the document beside it says. */
static bool enter_object(void *context, const xml_element *e) {
    pptx *x = ((slide_reader *)context)->x;
    const ooxml_relation *r = ooxml_find_id(&x->relations, xml_attribute(e, "r:id"));
    pictures_meet(&x->pictures, x->p, ooxml_entry(x->p, r));
    return false;
}

bool pptx_put_shapes(pptx *x, size_t entry, size_t only, error *err) {
    static const xml_rule rules[] = {
        {.name = "p:sp", .enter = enter_shape, .leave = leave_shape},
        {.name = "p:grpSp", .enter = enter_shape, .leave = leave_shape},
        {.name = "p:graphicFrame", .enter = enter_shape, .leave = leave_shape},
        {.name = "p:pic", .enter = enter_shape, .leave = leave_shape},
        {.name = "p:cxnSp", .skip = true},
        {.name = "p:cNvPr", .enter = enter_shape_properties},
        {.name = "p:ph", .enter = enter_placeholder},
        {.name = "a:p", .enter = enter_paragraph, .leave = leave_paragraph},
        {.name = "a:pPr", .enter = enter_paragraph_properties},
        {.name = "a:buNone", .enter = enter_no_bullet},
        {.name = "a:buChar", .enter = enter_bullet},
        {.name = "a:buBlip", .enter = enter_bullet},
        {.name = "a:buAutoNum", .enter = enter_number},
        {.name = "a:r", .leave = leave_run},
        {.name = "a:fld", .leave = leave_run},
        {.name = "a:rPr", .enter = enter_run_properties, .leave = leave_run_properties},
        {.name = "a:srgbClr", .enter = enter_letters_colour},
        {.name = "a:schemeClr", .enter = enter_letters_colour},
        {.name = "a:prstClr", .enter = enter_letters_colour},
        {.name = "a:sysClr", .enter = enter_letters_colour},
        {.name = "a:alpha", .enter = enter_alpha},
        {.name = "a:noFill", .enter = enter_no_fill},
        {.name = "a:gradFill", .enter = enter_paint},
        {.name = "a:ln", .enter = enter_paint},
        {.name = "a:highlight", .enter = enter_paint},
        {.name = "a:effectLst", .enter = enter_paint},
        {.name = "a:t", .has_text = true},
        {.name = "m:t", .has_text = true},
        OOXML_MATH_RULES(leave_formula),
        {.name = "a:br", .enter = enter_break},
        {.name = "a:lstStyle", .skip = true},
        {.name = "a:tbl", .enter = enter_table, .leave = leave_table},
        {.name = "a:tblPr", .enter = enter_table_properties},
        {.name = "a:tr", .enter = enter_row, .leave = leave_row},
        {.name = "a:tc", .enter = enter_cell, .leave = leave_cell},
        {.name = "c:chart", .enter = enter_chart},
        {.name = "dgm:relIds", .enter = enter_diagram},
        {.name = "a:blip", .enter = enter_picture},
        {.name = "p:oleObj", .enter = enter_object},
        {0},
    };
    slide_reader r = {.x = x, .only = only, .at = SIZE_MAX, .judged = true};
    r.math.formula = formula_new();
    xml_walker walker = {.rules = rules, .text = put_text, .context = &r};
    bool whole;
    bool ok = xml_walk_entry(x->p, entry, &walker, &whole, err);
    formula_free(r.math.formula);
    if (!whole) x->broken++;
    return ok;
}

/* ---- notes, comments ----------------------------------------------------------------------- */

static bool enter_note(void *context, const xml_element *e) {
    (void)e;
    slide_reader *r = context;
    if (!str_eq(r->type, STR("body"))) return false;
    story_begin_paragraph(r->x->s);
    if (r->first) story_set_mark(r->x->s, STR("Notes: "));
    return true;
}

static void leave_note(void *context) {
    slide_reader *r = context;
    const text *t = story_text(r->x->s);
    if (t && str_trim(text_str(t)).n > 0) r->first = false;
    story_end_paragraph(r->x->s);
}

void pptx_put_notes(pptx *x, size_t entry) {
    static const xml_rule rules[] = {
        {.name = "p:sp", .enter = enter_shape, .leave = leave_shape},
        {.name = "p:ph", .enter = enter_placeholder},
        {.name = "a:p", .enter = enter_note, .leave = leave_note},
        {.name = "a:r", .leave = leave_run},
        {.name = "a:rPr", .enter = enter_run_properties},
        {.name = "a:br", .enter = enter_break},
        {.name = "a:t", .has_text = true},
        {.name = "p:pic", .skip = true},
        {.name = "a:lstStyle", .skip = true},
        {0},
    };
    slide_reader r = {.x = x, .only = SIZE_MAX, .at = SIZE_MAX, .first = true};
    xml_walker walker = {.rules = rules, .text = put_text, .context = &r};
    bool whole;
    if (!xml_walk_entry(x->p, entry, &walker, &whole, NULL) || !whole) x->broken++;
}

static bool enter_comment(void *context, const xml_element *e) {
    (void)e;
    slide_reader *r = context;
    story_begin_paragraph(r->x->s);
    story_set_mark(r->x->s, STR("Comment: "));
    return true;
}

static void leave_comment(void *context) {
    story_end_paragraph(((slide_reader *)context)->x->s);
}

void pptx_put_comments(pptx *x, size_t entry) {
    static const xml_rule rules[] = {
        {.name = "p:cm", .enter = enter_comment, .leave = leave_comment},
        {.name = "p:text", .has_text = true},
        {.name = "p188:cm", .enter = enter_comment, .leave = leave_comment},
        {.name = "p188:reply", .enter = enter_comment, .leave = leave_comment},
        {.name = "a:t", .has_text = true},
        {0},
    };
    slide_reader r = {.x = x};
    xml_walker walker = {.rules = rules, .text = put_text, .context = &r};
    bool whole;
    if (!xml_walk_entry(x->p, entry, &walker, &whole, NULL) || !whole) x->broken++;
}
