/* Spreadsheets of OpenDocument (ODF 1.3 part 3, chapter 9): cells become a grid.
 *
 * A cell holds its text as the program last showed it, so that numbers need no formats here. What a
 * file says once and means many times (repeated rows and cells) is repeated only where it holds
 * text, and up to a limit that is told.
 */
#include "ingest/parse/office/odf.h"

#include <string.h>

/* Rows or cells alike; more are a filling and no data. */
#define REPEAT_MAX 1000u
#define ROWS_MAX (1u << 20)
#define SPANS_MAX 256
/* A longer value is not said again in the rows that it spans. */
#define SPAN_TEXT_MAX 200

typedef struct {
    uint32_t column, columns, rows_left;
    text t;
} spanning;

typedef struct {
    uint32_t column, columns;
    bool number;
    size_t begin, end; /* in row_text */
} sheet_cell;

typedef struct {
    odf *d;
    grid *g;
    const parse_input *in;
    size_t sheets, left_out, cut_repeats;
    unsigned char columns_hidden[GRID_COLUMNS_MAX]; /* COLUMN_HIDDEN, and _TOLD where it has text */
    uint32_t column_count;                          /* that were declared */
    size_t hidden_rows, hidden_columns, filtered_rows;
    bool row_hidden, row_filtered;
    uint32_t row, row_repeat, column;
    /* the open row, since it may be meant many times */
    text row_text;
    sheet_cell *cells;
    size_t cell_count, cell_room;
    spanning spans[SPANS_MAX];
    size_t span_count;
    /* the open cell */
    uint32_t repeat, columns, rows;
    bool number, in_comment, has_paragraph;
    bool struck;                         /* its style puts a line through the letters */
    bool gap;                            /* the text that comes stands behind struck-out text */
    size_t strike_depth, unstruck_depth; /* of spans that say so, and that say the contrary */
    bool unseen;               /* white letters without a ground, or too small for any eye */
    text t, comment, comments; /* comments of the sheet, a line each */
    script_state scripts;      /* of t */
    script_level script;       /* of the spans that are open */
    size_t script_depth;
} sheet_reader;

enum { COLUMN_SHOWN, COLUMN_HIDDEN, COLUMN_TOLD };

/* ---- sheets -------------------------------------------------------------------------------- */

static bool enter_sheet(void *context, const xml_element *e) {
    sheet_reader *r = context;
    odf *d = r->d;
    str name = arena_str(d->a, xml_attribute(e, "table:name"));
    if (r->sheets >= r->in->limits->pages) {
        r->left_out++;
        return false;
    }
    if (r->sheets++ == 0)
        story_label_page(d->s, name);
    else
        story_next_page(d->s, name);
    if (odf_is_hidden(&d->sheet, xml_attribute(e, "table:style-name"))) {
        story_drop_page(d->s, INGEST_FATE_HIDDEN, STR("the sheet is hidden, and was left out"));
        return false;
    }
    story_block(d->s, INGEST_ROLE_HEADING, 2, name);
    r->row = 0;
    r->span_count = 0;
    r->column_count = 0;
    memset(r->columns_hidden, COLUMN_SHOWN, sizeof r->columns_hidden);
    text_clear(&r->comments);
    return true;
}

static void leave_sheet(void *context) {
    sheet_reader *r = context;
    str all = text_str(&r->comments);
    grid_end(r->g);
    for (size_t i = 0; i < all.n;) {
        size_t end = str_find(all, STR("\n"), i);
        if (end == SIZE_MAX) end = all.n;
        story_block(r->d->s, INGEST_ROLE_PARAGRAPH, 0, str_cut(all, i, end));
        i = end + 1;
    }
}

/* ---- rows ---------------------------------------------------------------------------------- */

static bool enter_column(void *context, const xml_element *e) {
    sheet_reader *r = context;
    long times = xml_number(e, "table:number-columns-repeated", 1, GRID_COLUMNS_MAX, 1);
    bool hidden = str_eq(xml_attribute(e, "table:visibility"), STR("collapse"));
    for (; times > 0 && r->column_count < GRID_COLUMNS_MAX; times--)
        r->columns_hidden[r->column_count++] = hidden ? COLUMN_HIDDEN : COLUMN_SHOWN;
    return false;
}

static bool enter_row(void *context, const xml_element *e) {
    sheet_reader *r = context;
    str visibility = xml_attribute(e, "table:visibility");
    r->row_hidden = str_eq(visibility, STR("collapse"));
    r->row_filtered = str_eq(visibility, STR("filter"));
    r->row_repeat = (uint32_t)xml_number(e, "table:number-rows-repeated", 1, ROWS_MAX, 1);
    r->column = 0;
    r->cell_count = 0;
    text_clear(&r->row_text);
    return true;
}

static void put_row(sheet_reader *r) {
    for (size_t i = 0; i < r->cell_count; i++) {
        const sheet_cell *c = &r->cells[i];
        grid_cell(r->g, c->column, c->columns, str_cut(text_str(&r->row_text), c->begin, c->end),
                  c->number);
    }
    if (r->row < ROWS_MAX) grid_end_row(r->g, r->row);
}

static void leave_row(void *context) {
    sheet_reader *r = context;
    uint32_t times = r->cell_count > 0 ? r->row_repeat : 0;
    if (r->row_hidden) { /* those around it stand together */
        r->hidden_rows += times > 0;
        return;
    }
    r->filtered_rows += r->row_filtered && times > 0;
    if (times > REPEAT_MAX) {
        times = REPEAT_MAX;
        r->cut_repeats++;
    }
    for (uint32_t i = 0; i < times; i++) {
        put_row(r);
        r->row++;
    }
    if (r->row < ROWS_MAX) r->row += r->row_repeat - times;
}

static void add_cell(sheet_reader *r, uint32_t column, str t, bool number) {
    if (column >= GRID_COLUMNS_MAX) return;
    if (r->cell_count == r->cell_room) {
        r->cell_room = r->cell_room ? 2 * r->cell_room : 64;
        r->cells = mem_grow(r->cells, r->cell_room, sizeof *r->cells);
    }
    sheet_cell *c = &r->cells[r->cell_count++];
    *c = (sheet_cell){column, r->columns, number, r->row_text.n, 0};
    text_put(&r->row_text, t);
    c->end = r->row_text.n;
}

/* ---- cells --------------------------------------------------------------------------------- */

static bool enter_cell(void *context, const xml_element *e) {
    sheet_reader *r = context;
    str type = xml_attribute(e, "office:value-type");
    r->repeat = (uint32_t)xml_number(e, "table:number-columns-repeated", 1, GRID_COLUMNS_MAX, 1);
    r->columns = (uint32_t)xml_number(e, "table:number-columns-spanned", 1, GRID_COLUMNS_MAX, 1);
    r->rows = (uint32_t)xml_number(e, "table:number-rows-spanned", 1, ROWS_MAX, 1);
    r->number = type.n > 0 && !str_eq(type, STR("string")) && !str_eq(type, STR("boolean"));
    r->has_paragraph = false;
    odf_look look = odf_look_of(&r->d->sheet, xml_attribute(e, "table:style-name"));
    r->struck = look.struck == 1;
    r->unseen = look.tiny == 1 || (look.white == 1 && look.shaded != 1);
    text_clear(&r->t);
    return true;
}

static void keep_span(sheet_reader *r, str t) {
    if (r->rows < 2 || t.n > SPAN_TEXT_MAX) return;
    size_t at = 0;
    while (at < r->span_count && r->spans[at].rows_left > 0) at++;
    if (at == SPANS_MAX) return;
    if (at == r->span_count) r->span_count++;
    spanning *s = &r->spans[at];
    s->column = r->column;
    s->columns = r->columns;
    s->rows_left = r->rows - 1;
    text_clear(&s->t);
    text_put(&s->t, t);
}

static void leave_cell(void *context) {
    sheet_reader *r = context;
    script_flush(&r->scripts, &r->t, (str){0});
    str t = str_trim(text_str(&r->t));
    if (t.n > 0 && r->unseen) {
        r->d->hidden_bytes += t.n;
        t = (str){0};
    }
    if (t.n > 0 && r->column < GRID_COLUMNS_MAX && r->columns_hidden[r->column]) {
        r->hidden_columns += r->columns_hidden[r->column] == COLUMN_HIDDEN;
        r->columns_hidden[r->column] = COLUMN_TOLD;
    } else if (t.n > 0) {
        uint32_t times = r->repeat;
        if (times > REPEAT_MAX) {
            times = REPEAT_MAX;
            r->cut_repeats++;
        }
        for (uint32_t i = 0; i < times; i++) add_cell(r, r->column + i, t, r->number);
        keep_span(r, t);
    }
    if (r->column < GRID_COLUMNS_MAX) r->column += r->repeat;
}

/* Reached over by a cell on the left, or by one above that is said again. */
static bool enter_covered(void *context, const xml_element *e) {
    sheet_reader *r = context;
    uint32_t times =
        (uint32_t)xml_number(e, "table:number-columns-repeated", 1, GRID_COLUMNS_MAX, 1);
    for (size_t i = 0; i < r->span_count; i++) {
        spanning *s = &r->spans[i];
        if (s->rows_left == 0 || s->column < r->column || s->column >= r->column + times) continue;
        s->rows_left--;
        r->columns = s->columns;
        add_cell(r, s->column, text_str(&s->t), false);
    }
    if (r->column < GRID_COLUMNS_MAX) r->column += times;
    return false;
}

static void put_cell_text(sheet_reader *r, str t) {
    if (r->in_comment) {
        text_put(&r->comment, t);
        return;
    }
    if (!r->unseen && (r->strike_depth > 0 || (r->struck && r->unstruck_depth == 0))) {
        r->d->struck_bytes += str_trim(t).n;
        r->gap = true;
        return;
    }
    bool spaced = r->gap && (r->t.n == 0 || r->t.p[r->t.n - 1] == ' ');
    while (spaced && t.n > 0 && t.p[0] == ' ') t = str_cut(t, 1, t.n);
    r->gap = r->gap && t.n == 0;
    script_put(&r->scripts, &r->t, t, r->script, false);
}

static bool enter_paragraph(void *context, const xml_element *e) {
    (void)e;
    sheet_reader *r = context;
    text *t = r->in_comment ? &r->comment : &r->t;
    script_flush(&r->scripts, &r->t, (str){0});
    if (t->n > 0) text_put_char(t, ' ');
    return true;
}

static bool enter_space(void *context, const xml_element *e) {
    (void)e;
    put_cell_text(context, STR(" "));
    return true;
}

static void put_text(void *context, str t) {
    for (size_t i = 0; i < t.n;) {
        size_t end = i;
        while (end < t.n && (unsigned char)t.p[end] >= ' ') end++;
        if (end > i) put_cell_text(context, str_cut(t, i, end));
        if (end < t.n) put_cell_text(context, STR(" "));
        i = end + 1;
    }
}

/* Raised and lowered letters of a cell. */
static bool enter_span(void *context, const xml_element *e) {
    sheet_reader *r = context;
    str style = xml_attribute(e, "text:style-name");
    script_level level = odf_level_of(&r->d->sheet, style);
    odf_look look = odf_look_of(&r->d->sheet, style);
    if (r->strike_depth > 0 || look.struck == 1) r->strike_depth++;
    if (r->unstruck_depth > 0 || (r->struck && look.struck == 0)) r->unstruck_depth++;
    if (r->script_depth == 0) r->script = level;
    if (r->script_depth > 0 || level != SCRIPT_BASE) r->script_depth++;
    return true;
}

static void leave_span(void *context) {
    sheet_reader *r = context;
    if (r->strike_depth > 0) r->strike_depth--;
    if (r->unstruck_depth > 0) r->unstruck_depth--;
    if (r->script_depth > 0) r->script_depth--;
    if (r->script_depth == 0) r->script = SCRIPT_BASE;
}

/* ---- comments ------------------------------------------------------------------------------ */

static void put_reference(text *out, uint32_t column, uint32_t row) {
    char letters[8];
    size_t n = 0;
    for (uint32_t c = column + 1; c > 0 && n < sizeof letters; c = (c - 1) / 26)
        letters[n++] = (char)('A' + (c - 1) % 26);
    while (n > 0) text_put_char(out, letters[--n]);
    text_printf(out, "%u", row + 1);
}

static bool enter_comment(void *context, const xml_element *e) {
    (void)e;
    sheet_reader *r = context;
    r->in_comment = true;
    text_clear(&r->comment);
    return true;
}

static void leave_comment(void *context) {
    sheet_reader *r = context;
    r->in_comment = false;
    text_put(&r->comments, STR("Comment on "));
    put_reference(&r->comments, r->column, r->row);
    text_put(&r->comments, STR(": "));
    text_put(&r->comments, text_str(&r->comment));
    text_put_char(&r->comments, '\n');
}

static bool enter_image(void *context, const xml_element *e) {
    odf *d = ((sheet_reader *)context)->d;
    pictures_meet(&d->pictures, d->p, package_find(d->p, xml_attribute(e, "xlink:href")));
    return false;
}

static bool enter_object(void *context, const xml_element *e) {
    (void)e;
    ((sheet_reader *)context)->d->objects++;
    return false;
}

static const xml_rule rules[] = {
    {.name = "table:table", .enter = enter_sheet, .leave = leave_sheet},
    {.name = "table:table-column", .enter = enter_column},
    {.name = "table:table-row", .enter = enter_row, .leave = leave_row},
    {.name = "table:table-cell", .enter = enter_cell, .leave = leave_cell},
    {.name = "table:covered-table-cell", .enter = enter_covered},
    {.name = "text:p", .enter = enter_paragraph, .has_text = true},
    {.name = "text:span", .enter = enter_span, .leave = leave_span, .has_text = true},
    {.name = "text:a", .has_text = true},
    {.name = "text:s", .enter = enter_space},
    {.name = "text:tab", .enter = enter_space},
    {.name = "text:line-break", .enter = enter_space},
    {.name = "office:annotation", .enter = enter_comment, .leave = leave_comment},
    {.name = "draw:image", .enter = enter_image},
    {.name = "draw:object", .enter = enter_object},
    {.name = "table:tracked-changes", .skip = true},
    {.name = "table:named-expressions", .skip = true},
    {.name = "table:database-ranges", .skip = true},
    {0},
};

bool odf_read_sheets(odf *d, size_t entry, const parse_input *in, record_writer *out, bool *whole,
                     error *err) {
    sheet_reader *r = mem_new(1, sizeof *r);
    xml_walker walker = {.rules = rules, .text = put_text, .context = r};
    r->d = d;
    r->in = in;
    r->g = grid_new(d->s);
    bool ok = xml_walk_entry(d->p, entry, &walker, whole, err);
    grid_end(r->g);
    if (r->left_out > 0)
        record_note(out, "%zu sheets were not read: there may be %u", r->left_out,
                    in->limits->pages);
    if (r->hidden_rows > 0)
        record_note(out, "the text of hidden rows was left out (%zu rows)", r->hidden_rows);
    if (r->hidden_columns > 0)
        record_note(out, "the text of hidden columns was left out (%zu columns)",
                    r->hidden_columns);
    if (r->filtered_rows > 0)
        record_aside(out, "rows that a filter hides were read too (%zu rows)", r->filtered_rows);
    if (r->cut_repeats > 0)
        record_note(out, "rows or cells that repeat one text more than %u times were cut there",
                    REPEAT_MAX);
    grid_free(r->g);
    mem_free(r->cells);
    for (size_t i = 0; i < SPANS_MAX; i++) text_free(&r->spans[i].t);
    text_free(&r->row_text);
    script_free(&r->scripts);
    text_free(&r->t);
    text_free(&r->comment);
    text_free(&r->comments);
    mem_free(r);
    return ok;
}
