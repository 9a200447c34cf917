/* What a person filled into a form is text of the page, at the place of the field, though the page's
 * own drawing does not have it.
 *
 * A value becomes a run like any other, so that the layout puts it behind its label: "Name: Jane
 * Doe". A field beside which nothing stands brings its own label (the tooltip, else its name). A
 * box or button that is on becomes "[x]", and one beside it that is off "[ ]", so that no label stands next to a mark that is not its own;
 * what is empty says nothing. Passwords are never
 * read, and neither is what stands in fields that are not shown.
 */
#include <math.h>
#include <string.h>

#include "ingest/parse/pdf/pdf_beside.h"

#define LABEL_REACH_PT 220.0f /* how far left of its field a label stands */
#define LABEL_ABOVE_EM 1.6f
#define FIELD_PT 10.0f /* of letters, where the field leaves its size open */
#define VALUE_LINES 200

typedef struct {
    PopplerPage *page;
    pdf_runs *runs;
    size_t printed; /* runs of the page itself */
    arena *a;
    double width, height;
    int turned;
    GList *annotations, *fields;
    bool marked; /* some box or button of the page is on */
} form;

/* From PDF's coordinates, measured from the crop box's lower left corner, to the page as shown. */
static box shown_area(const form *f, const PopplerRectangle *r) {
    double w = f->width, h = f->height;
    PopplerRectangle s = {.x1 = r->x1, .y1 = h - r->y2, .x2 = r->x2, .y2 = h - r->y1};
    switch (((f->turned % 360) + 360) % 360) {
    case 90:
        s = (PopplerRectangle){.x1 = r->y1, .y1 = r->x1, .x2 = r->y2, .y2 = r->x2};
        break;
    case 180:
        s = (PopplerRectangle){.x1 = w - r->x2, .y1 = r->y1, .x2 = w - r->x1, .y2 = r->y2};
        break;
    case 270:
        s = (PopplerRectangle){.x1 = w - r->y2, .y1 = h - r->x2, .x2 = w - r->y1, .y2 = h - r->x1};
        break;
    default:
        break;
    }
    box b = {(float)fmin(s.x1, s.x2), (float)fmin(s.y1, s.y2), (float)fmax(s.x1, s.x2),
             (float)fmax(s.y1, s.y2)};
    return isfinite(b.x0 + b.y0 + b.x1 + b.y1) ? b : (box){0};
}

/* The widget of a field is an annotation; that one knows whether it is shown. */
static bool is_shown(const form *f, const PopplerRectangle *area, box at) {
    if (at.x1 <= 0 || at.y1 <= 0 || at.x0 >= f->width || at.y0 >= f->height) return false;
    for (GList *l = f->annotations; l; l = l->next) {
        PopplerAnnot *annotation = ((PopplerAnnotMapping *)l->data)->annot;
        PopplerRectangle r;
        if (poppler_annot_get_annot_type(annotation) != POPPLER_ANNOT_WIDGET) continue;
        poppler_annot_get_rectangle(annotation, &r);
        if (fabs(r.x1 - area->x1) + fabs(r.y1 - area->y1) + fabs(r.x2 - area->x2) +
                fabs(r.y2 - area->y2) <
            1)
            return !(poppler_annot_get_flags(annotation) &
                     (POPPLER_ANNOT_FLAG_HIDDEN | POPPLER_ANNOT_FLAG_NO_VIEW));
    }
    return true;
}

/* ---- values -------------------------------------------------------------------------------- */

static void put_choices(PopplerFormField *field, text *out) {
    char *typed = poppler_form_field_choice_get_text(field);
    gint count = poppler_form_field_choice_get_n_items(field);
    for (gint i = 0; i < count && i < (gint)PDF_BESIDE_MAX; i++) {
        if (!poppler_form_field_choice_is_item_selected(field, i)) continue;
        char *item = poppler_form_field_choice_get_item(field, i);
        if (item && item[0]) text_printf(out, "%s%s", out->n > 0 ? ", " : "", item);
        g_free(item);
    }
    if (out->n == 0 && typed) text_put(out, str_of(typed));
    g_free(typed);
}

static bool is_box(PopplerFormField *field) {
    return poppler_form_field_get_field_type(field) == POPPLER_FORM_FIELD_BUTTON &&
           poppler_form_field_button_get_button_type(field) != POPPLER_FORM_BUTTON_PUSH;
}

static void put_value(const form *f, PopplerFormField *field, text *out) {
    switch (poppler_form_field_get_field_type(field)) {
    case POPPLER_FORM_FIELD_TEXT:
        if (!poppler_form_field_text_is_password(field)) {
            char *value = poppler_form_field_text_get_text(field);
            text_put(out, str_trim(str_of(value)));
            g_free(value);
        }
        break;
    case POPPLER_FORM_FIELD_CHOICE:
        put_choices(field, out);
        break;
    case POPPLER_FORM_FIELD_BUTTON:
        if (is_box(field) && f->marked)
            text_put(out, poppler_form_field_button_get_state(field) ? STR("[x]") : STR("[ ]"));
        break;
    default: /* signatures are no text */
        break;
    }
}

/* ---- labels -------------------------------------------------------------------------------- */

/* Does text of the page stand beside the field: left on its line, right of a box, or just above? */
static bool has_label(const form *f, box at, bool button) {
    for (size_t i = 0; i < f->printed; i++) {
        const pdf_run *r = &f->runs->runs[i];
        float middle = (r->at.y0 + r->at.y1) / 2, em = fmaxf(r->font_pt, 6);
        bool level = middle > at.y0 - 2 && middle < at.y1 + 2;
        bool left = level && r->at.x1 <= at.x0 + 4 && at.x0 - r->at.x1 < LABEL_REACH_PT;
        bool right = level && r->at.x0 >= at.x1 - 4 && r->at.x0 - at.x1 < 3 * em;
        bool above = r->at.y1 <= at.y0 + 3 && at.y0 - r->at.y1 < LABEL_ABOVE_EM * em &&
                     r->at.x0 < at.x1 && r->at.x1 > at.x0;
        if (button ? right || (left && at.x0 - r->at.x1 < 3 * em) : left || above) return true;
    }
    return false;
}

/* Where the "Name:" ends that a field on its line follows, with no other field between; else where
 * the field begins. A value that starts there is one cell with its label. */
static float left_of_value(const form *f, box at) {
    const pdf_run *label = NULL;
    for (size_t i = 0; i < f->printed; i++) {
        const pdf_run *r = &f->runs->runs[i];
        float middle = (r->at.y0 + r->at.y1) / 2;
        if (middle > at.y0 - 2 && middle < at.y1 + 2 && r->at.x1 <= at.x0 + 4 &&
            at.x0 - r->at.x1 < LABEL_REACH_PT && (!label || r->at.x1 > label->at.x1))
            label = r;
    }
    if (!label || !str_ends(label->text, STR(":"))) return at.x0 + 1;
    for (const GList *l = f->fields; l; l = l->next) {
        box o = shown_area(f, &((PopplerFormFieldMapping *)l->data)->area);
        float middle = (o.y0 + o.y1) / 2;
        if (middle > at.y0 && middle < at.y1 && o.x0 > label->at.x1 - 4 && o.x1 < at.x0 + 4)
            return at.x0 + 1;
    }
    return label->at.x1 + 0.25f * fmaxf(label->font_pt, 4);
}

/* The tooltip says it in the form's language; a field's name is better than nothing. */
static str own_label(PopplerFormField *field, arena *a) {
    char *tooltip = poppler_form_field_get_alternate_ui_name(field);
    char *name = poppler_form_field_get_partial_name(field);
    str label = str_trim(str_of(tooltip && tooltip[0] ? tooltip : name));
    label = utf8_valid(label) ? arena_str(a, label) : (str){NULL, 0};
    g_free(tooltip);
    g_free(name);
    return label;
}

/* ---- runs ---------------------------------------------------------------------------------- */

/* Some programs draw the value on the page, too. */
static bool is_printed(const form *f, box at, str value) {
    for (size_t i = 0; i < f->printed; i++) {
        const pdf_run *r = &f->runs->runs[i];
        float x = (r->at.x0 + r->at.x1) / 2, y = (r->at.y0 + r->at.y1) / 2;
        if (x > at.x0 && x < at.x1 && y > at.y0 && y < at.y1 &&
            (str_find(r->text, value, 0) != SIZE_MAX || str_find(value, r->text, 0) != SIZE_MAX))
            return true;
    }
    return false;
}

static void put_line(form *f, str line, box at, float font_pt) {
    size_t characters = 0;
    line = str_trim(line);
    for (size_t i = 0, used; i < line.n; i += used) {
        utf8_next(line.p + i, line.n - i, &used);
        characters++;
    }
    if (characters == 0) return;
    /* As wide as its letters may be, so that the layout sees white behind a short value. */
    at.x1 = fminf(at.x1, at.x0 + 0.55f * font_pt * (float)characters);
    pdf_put_run(f->runs,
                (pdf_run){.text = arena_str(f->a, line),
                          .at = at,
                          .font_pt = font_pt,
                          .rightward = true,
                          .characters = characters},
                f->a);
    f->runs->characters += characters;
}

/* Lines of a value from the top of its field, on the baselines that its label would have. */
static void put_field(form *f, PopplerFormField *field, str value, box at) {
    bool button = poppler_form_field_get_field_type(field) == POPPLER_FORM_FIELD_BUTTON;
    double stated = poppler_form_field_get_font_size(field);
    float room = at.y1 - at.y0, font_pt = stated > 0 ? (float)stated : FIELD_PT;
    bool one = room < 2.2f * font_pt;
    if (button || font_pt > room) font_pt = fmaxf(4, fminf(font_pt, room));
    float step = 1.15f * font_pt, top = one ? (at.y0 + at.y1 - step) / 2 : at.y0 + 2;
    str label = has_label(f, at, button) ? (str){NULL, 0} : own_label(field, f->a);
    text all = {0};
    if (label.n > 0 && button)
        text_printf(&all, STR_FMT " " STR_FMT, STR_ARG(value), STR_ARG(label));
    else if (label.n > 0)
        text_printf(&all, STR_FMT ": " STR_FMT, STR_ARG(label), STR_ARG(value));
    else
        text_put(&all, value);
    str rest = text_str(&all);
    float left = button || label.n > 0 ? at.x0 + 1 : left_of_value(f, at);
    for (size_t i = 0, line = 0; i <= rest.n; line++) {
        size_t end = i;
        bool last = line + 1 == VALUE_LINES;
        while (end < rest.n && (last || (rest.p[end] != '\n' && rest.p[end] != '\r'))) end++;
        box b = {left, top + (float)line * step, button && label.n > 0 ? at.x1 + 1000 : at.x1,
                 top + (float)(line + 1) * step};
        put_line(f, str_cut(rest, i, end), b, font_pt);
        i = end + 1;
    }
    text_free(&all);
}

uint32_t pdf_add_fields(PopplerPage *page, int turned, pdf_runs *runs, arena *a) {
    form f = {.page = page, .runs = runs, .printed = runs->run_count, .a = a, .turned = turned};
    GList *fields = poppler_page_get_form_field_mapping(page);
    uint32_t not_shown = 0, count = 0;
    f.fields = fields;
    f.annotations = fields ? poppler_page_get_annot_mapping(page) : NULL;
    poppler_page_get_size(page, &f.width, &f.height);
    for (GList *l = fields; l && !f.marked; l = l->next) {
        PopplerFormField *field = ((PopplerFormFieldMapping *)l->data)->field;
        f.marked = is_box(field) && poppler_form_field_button_get_state(field);
    }
    for (GList *l = fields; l && count < PDF_BESIDE_MAX; l = l->next, count++) {
        PopplerFormFieldMapping *m = l->data;
        text value = {0};
        put_value(&f, m->field, &value);
        str s = text_str(&value);
        box at = shown_area(&f, &m->area);
        if (s.n > 0 && !is_shown(&f, &m->area, at))
            not_shown++;
        else if (s.n > 0 && !is_printed(&f, at, s))
            put_field(&f, m->field, s, at);
        text_free(&value);
    }
    poppler_page_free_annot_mapping(f.annotations);
    poppler_page_free_form_field_mapping(fields);
    return not_shown;
}
