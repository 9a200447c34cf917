/* One worksheet of an XLSX file: cells become a grid.
 *
 * Owns the reading of cells as a person sees them: formatted numbers, the values of formulas and
 * never their text, errors as they show. Merged ranges stand behind the rows in the file, so that
 * they are read in a pass of their own; a value that spans rows is said again in each of them. Rows
 * are streamed: no more of a sheet is held than its open table.
 */
#include "ingest/parse/office/xlsx.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/parse/office/number_format.h"
#include "ingest/parse/office/xml.h"

#define MERGES_MAX 65536
/* A longer value is not said again in the rows that it spans. */
#define SPAN_TEXT_MAX 200

typedef struct {
    xlsx_range at;
    text value; /* of its first cell, while its rows are read */
} merge;

typedef struct {
    xlsx *x;
    merge *merges; /* by first row */
    size_t merge_count, merge_room;
    size_t merge_first; /* all before it have ended */
    xlsx_hiding hiding;
    bool row_hidden, row_folded;
    uint32_t rows_gone; /* hidden ones so far */
    uint32_t row, column, next_column;
    char type; /* 's' shared, 't' text, 'n' number, 'b' boolean, 'e' error */
    size_t style;
    xlsx_runs value;
    text shown;
    bool row_has_cells;
    bool row_lost; /* a hidden row has text */
    bool formula;  /* the open cell has one */
} sheet_reader;

/* ---- merged ranges ------------------------------------------------------------------------- */

static bool enter_merge(void *context, const xml_element *e) {
    sheet_reader *r = context;
    merge m = {0};
    if (r->merge_count >= MERGES_MAX || !xlsx_parse_range(xml_attribute(e, "ref"), &m.at))
        return false;
    if (r->merge_count == r->merge_room) {
        r->merge_room = r->merge_room ? 2 * r->merge_room : 64;
        r->merges = mem_grow(r->merges, r->merge_room, sizeof *r->merges);
    }
    r->merges[r->merge_count++] = m;
    return false;
}

static int compare_merges(const void *a, const void *b) {
    const merge *x = a, *y = b;
    if (x->at.row != y->at.row) return x->at.row < y->at.row ? -1 : 1;
    return x->at.column < y->at.column ? -1 : x->at.column > y->at.column;
}

/* The range that reaches over this cell; NULL if none does. */
static merge *find_merge(sheet_reader *r, uint32_t row, uint32_t column) {
    while (r->merge_first < r->merge_count && r->merges[r->merge_first].at.last_row < row)
        r->merge_first++;
    for (size_t i = r->merge_first; i < r->merge_count && r->merges[i].at.row <= row; i++) {
        merge *m = &r->merges[i];
        if (m->at.last_row >= row && m->at.column <= column && column <= m->at.last_column)
            return m;
    }
    return NULL;
}

/* Values from rows above that reach into this row at columns before `column`. */
static void put_spanning(sheet_reader *r, uint32_t column) {
    for (size_t i = r->merge_first; i < r->merge_count && r->merges[i].at.row < r->row; i++) {
        const merge *m = &r->merges[i];
        if (m->at.last_row < r->row || m->at.column < r->next_column || m->at.column >= column)
            continue;
        if (m->value.n > 0 && m->value.n <= SPAN_TEXT_MAX) {
            grid_cell(r->x->g, m->at.column, m->at.last_column - m->at.column + 1,
                      text_str(&m->value), false);
            r->next_column = m->at.last_column + 1;
        }
    }
}

/* ---- cells --------------------------------------------------------------------------------- */

static bool is_filtered(const sheet_reader *r) {
    for (size_t i = 0; i < r->hiding.filtered.count; i++) {
        const xlsx_range *k = &r->hiding.filtered.items[i];
        if (r->row > k->row && r->row <= k->last_row) return true;
    }
    return false;
}

static bool enter_row(void *context, const xml_element *e) {
    sheet_reader *r = context;
    long number = xml_number(e, "r", 1, XLSX_ROWS_MAX, (long)r->row + 2);
    r->row = (uint32_t)number - 1;
    r->next_column = 0;
    r->column = UINT32_MAX;
    r->row_has_cells = r->row_lost = false;
    (void)find_merge(r, r->row, 0); /* past those that have ended */
    bool flat = xlsx_is_nothing(xml_attribute(e, "ht"));
    r->row_hidden = flat || (xml_has(e, "hidden") && xml_is_on(e, "hidden"));
    r->row_folded =
        r->row_hidden && !flat && (xml_number(e, "outlineLevel", 0, 7, 0) > 0 || is_filtered(r));
    return true;
}

static void leave_row(void *context) {
    sheet_reader *r = context;
    r->x->hidden_rows += r->row_lost;
    r->rows_gone += r->row_hidden && !r->row_folded;
    if (!r->row_has_cells) return;
    r->x->folded_rows += r->row_folded;
    put_spanning(r, GRID_COLUMNS_MAX);
    grid_end_row(r->x->g, r->row - r->rows_gone); /* those around a hidden one stand together */
}

static bool enter_cell(void *context, const xml_element *e) {
    sheet_reader *r = context;
    str type = xml_attribute(e, "t");
    uint32_t row;
    size_t used;
    if (!xlsx_parse_reference(xml_attribute(e, "r"), &r->column, &row, &used)) r->column++;
    r->type = type.n == 0                      ? 'n'
              : str_eq(type, STR("str"))       ? 't'
              : str_eq(type, STR("inlineStr")) ? 't'
                                               : type.p[0];
    r->style = (size_t)xml_number(e, "s", 0, INT32_MAX, 0);
    r->formula = false;
    text_clear(&r->value.t);
    xlsx_run_end(&r->value);
    return r->column < GRID_COLUMNS_MAX;
}

static void show_number(sheet_reader *r, str code, text *out) {
    char *end;
    double v = strtod(r->value.t.p, &end);
    if (*end) {
        text_put(out, text_str(&r->value.t));
        return;
    }
    number_put(out, v, code, r->x->since_1904);
    if (out->n == 0 && v != 0) r->x->hidden_bytes += r->value.t.n;
}

/* "2024-05-01T00:00:00" without its midnight. */
static void show_date(str t, text *out) {
    bool midnight = t.n == 19 && str_ends(t, STR("T00:00:00"));
    if (midnight) t = str_cut(t, 0, 10);
    for (size_t i = 0; i < t.n; i++) text_put_char(out, i == 10 && t.p[i] == 'T' ? ' ' : t.p[i]);
}

/* What the cell shows, in the colour of its letters. */
static void show(sheet_reader *r) {
    str v = text_str(&r->value.t);
    xlsx *x = r->x;
    xlsx_look look = xlsx_look_of(x, r->style);
    bool painted = r->hiding.picture || xlsx_in_ranges(&r->hiding.painted, r->row, r->column);
    text whole = {0};
    if (r->type == 's') {
        char *end;
        unsigned long i = strtoul(r->value.t.p, &end, 10);
        text_put(&whole, xlsx_string(x, i));
    } else if (r->type == 'b') {
        text_put(&whole, str_eq(v, STR("1")) ? STR("TRUE") : STR("FALSE"));
    } else if (r->type == 'n') {
        show_number(r, look.format, &whole);
    } else if (r->type == 'd') {
        show_date(v, &whole);
    } else {
        text_put(&whole, v);
    }
    text_clear(&r->shown);
    if ((r->type == 's' || r->type == 't') && number_hides_text(look.format))
        x->hidden_bytes += whole.n;
    else
        xlsx_put_seen(x, &look, painted, text_str(&whole), &r->shown);
    text_free(&whole);
}

/* A cell of a hidden column, but for one that reaches out of it. */
static bool is_in_hidden_column(const sheet_reader *r, const merge *m) {
    const unsigned char *how = r->hiding.columns;
    return how[r->column] >= XLSX_HIDDEN && (!m || how[m->at.last_column] >= XLSX_HIDDEN);
}

static void leave_cell(void *context) {
    sheet_reader *r = context;
    script_flush(&r->value.scripts, &r->value.t, (str){0});
    r->x->unvalued += r->formula && r->value.t.n == 0 && r->type == 'n';
    if (r->value.t.n == 0 || r->column < r->next_column) return;
    merge *m = find_merge(r, r->row, r->column);
    bool in_column = is_in_hidden_column(r, m);
    if (!r->row_hidden || r->row_folded) put_spanning(r, r->column);
    show(r);
    if (r->shown.n == 0) return;
    if (m && m->at.row == r->row && m->at.column == r->column && m->at.last_row > m->at.row)
        text_put(&m->value, text_str(&r->shown));
    if (r->row_hidden && !r->row_folded) {
        r->row_lost = true;
        return;
    }
    if (in_column) {
        r->hiding.columns[r->column] = XLSX_HIDDEN_TEXT;
        return;
    }
    uint32_t columns = m ? m->at.last_column - m->at.column + 1 : 1;
    grid_cell(r->x->g, r->column, columns, text_str(&r->shown), r->type == 'n' || r->type == 'd');
    r->next_column = r->column + columns;
    r->row_has_cells = true;
}

static void put_value(void *context, str t) {
    sheet_reader *r = context;
    xlsx_run_put(r->x, &r->value, t);
}

/* What it gives stands beside it, unless no program has reckoned it yet. */
static bool enter_formula(void *context, const xml_element *e) {
    (void)e;
    ((sheet_reader *)context)->formula = true;
    return false;
}

/* A string that stands in its cell may be in runs. */
static bool enter_run_property(void *context, const xml_element *e) {
    xlsx_run_property(&((sheet_reader *)context)->value, e);
    return false;
}

static void leave_run(void *context) {
    xlsx_run_end(&((sheet_reader *)context)->value);
}

/* ---- comments ------------------------------------------------------------------------------ */

typedef struct {
    xlsx *x;
    str *authors;
    size_t author_count, author_room;
    text t; /* of the open author or comment */
    str author, cell;
} comment_reader;

static bool enter_author(void *context, const xml_element *e) {
    (void)e;
    comment_reader *r = context;
    text_clear(&r->t);
    return true;
}

static void leave_author(void *context) {
    comment_reader *r = context;
    if (r->author_count >= MERGES_MAX) return;
    if (r->author_count == r->author_room) {
        r->author_room = r->author_room ? 2 * r->author_room : 16;
        r->authors = mem_grow(r->authors, r->author_room, sizeof *r->authors);
    }
    r->authors[r->author_count++] = arena_str(r->x->a, text_str(&r->t));
}

static bool enter_comment(void *context, const xml_element *e) {
    comment_reader *r = context;
    long at = xml_number(e, "authorId", 0, INT32_MAX, -1);
    r->author = at >= 0 && (size_t)at < r->author_count ? r->authors[at] : (str){0};
    r->cell = arena_str(r->x->a, xml_attribute(e, "ref"));
    text_clear(&r->t);
    return true;
}

/* What Excel writes for its older selves around a comment of a thread. */
static str without_preamble(str t) {
    size_t at =
        str_starts(t, STR("[Threaded comment]")) ? str_find(t, STR("Comment:"), 0) : SIZE_MAX;
    return str_trim(at == SIZE_MAX ? t : str_cut(t, at + 8, t.n));
}

static void leave_comment(void *context) {
    comment_reader *r = context;
    str t = without_preamble(text_str(&r->t));
    text all = {0};
    bool named = r->author.n > 0 && !str_starts(r->author, STR("tc="));
    text_printf(&all, "Comment on " STR_FMT, STR_ARG(r->cell));
    if (named) text_printf(&all, " (" STR_FMT ")", STR_ARG(r->author));
    text_put(&all, STR(": "));
    text_put(&all, t);
    if (t.n > 0) story_block(r->x->s, INGEST_ROLE_PARAGRAPH, 0, text_str(&all));
    text_free(&all);
}

static void put_comment(void *context, str t) {
    text_put(&((comment_reader *)context)->t, t);
}

static void read_comments(xlsx *x, size_t entry) {
    static const xml_rule rules[] = {
        {.name = "x:author", .enter = enter_author, .leave = leave_author, .has_text = true},
        {.name = "x:comment", .enter = enter_comment, .leave = leave_comment},
        {.name = "x:t", .has_text = true},
        {.name = "x:rPh", .skip = true},
        {0},
    };
    comment_reader r = {.x = x};
    xml_walker walker = {.rules = rules, .text = put_comment, .context = &r};
    bool whole;
    if (!xml_walk_entry(x->p, entry, &walker, &whole, NULL) || !whole) x->broken++;
    mem_free(r.authors);
    text_free(&r.t);
}

/* ---- drawings ------------------------------------------------------------------------------ */

typedef struct {
    xlsx *x;
    ooxml_relations relations;
} drawing_reader;

static bool enter_drawing_paragraph(void *context, const xml_element *e) {
    (void)e;
    story_begin_paragraph(((drawing_reader *)context)->x->s);
    return true;
}

static void leave_drawing_paragraph(void *context) {
    story_end_paragraph(((drawing_reader *)context)->x->s);
}

static void put_drawing_text(void *context, str t) {
    story_put(((drawing_reader *)context)->x->s, t);
}

static bool enter_picture(void *context, const xml_element *e) {
    drawing_reader *r = context;
    const ooxml_relation *target = ooxml_find_id(&r->relations, xml_attribute(e, "r:embed"));
    pictures_meet(&r->x->pictures, r->x->p, ooxml_entry(r->x->p, target));
    return false;
}

static bool enter_chart(void *context, const xml_element *e) {
    drawing_reader *r = context;
    size_t entry = ooxml_entry(r->x->p, ooxml_find_id(&r->relations, xml_attribute(e, "r:id")));
    if (entry != PACKAGE_NONE && !ooxml_put_chart(r->x->p, entry, r->x->s)) r->x->broken++;
    return false;
}

static void read_drawing(xlsx *x, size_t entry) {
    static const xml_rule rules[] = {
        {.name = "a:p", .enter = enter_drawing_paragraph, .leave = leave_drawing_paragraph},
        {.name = "a:t", .has_text = true},
        {.name = "a:blip", .enter = enter_picture},
        {.name = "c:chart", .enter = enter_chart},
        {0},
    };
    drawing_reader r = {.x = x};
    xml_walker walker = {.rules = rules, .text = put_drawing_text, .context = &r};
    bool whole;
    ooxml_read_relations(x->p, package_name(x->p, entry), x->a, &r.relations);
    if (!xml_walk_entry(x->p, entry, &walker, &whole, NULL) || !whole) x->broken++;
    ooxml_free_relations(&r.relations);
}

/* ---- the sheet ----------------------------------------------------------------------------- */

static bool read_rows(sheet_reader *r, size_t entry, error *err) {
    static const xml_rule merge_rules[] = {
        {.name = "x:sheetData", .skip = true},
        {.name = "x:mergeCell", .enter = enter_merge},
        {0},
    };
    static const xml_rule cell_rules[] = {
        {.name = "x:row", .enter = enter_row, .leave = leave_row},
        {.name = "x:c", .enter = enter_cell, .leave = leave_cell},
        {.name = "x:v", .has_text = true},
        {.name = "x:f", .enter = enter_formula},
        {.name = "x:t", .has_text = true},
        {.name = "x:r", .leave = leave_run},
        {.name = "x:vertAlign", .enter = enter_run_property},
        {.name = "x:color", .enter = enter_run_property},
        {.name = "x:sz", .enter = enter_run_property},
        {.name = "x:strike", .enter = enter_run_property},
        {.name = "x:rPh", .skip = true},
        {0},
    };
    xml_walker walker = {.rules = merge_rules, .context = r};
    bool whole = true;
    if (!xml_walk_entry(r->x->p, entry, &walker, &whole, err)) return false;
    if (r->merge_count > 0) qsort(r->merges, r->merge_count, sizeof *r->merges, compare_merges);
    walker = (xml_walker){.rules = cell_rules, .text = put_value, .context = r};
    bool ok = xml_walk_entry(r->x->p, entry, &walker, &whole, err);
    if (!whole) r->x->broken++;
    return ok;
}

static void count_hidden_columns(sheet_reader *r) {
    for (size_t i = 0; i < GRID_COLUMNS_MAX; i++)
        r->x->hidden_columns += r->hiding.columns[i] == XLSX_HIDDEN_TEXT;
}

static void free_reader(sheet_reader *r) {
    for (size_t i = 0; i < r->merge_count; i++) text_free(&r->merges[i].value);
    mem_free(r->merges);
    xlsx_runs_free(&r->value);
    text_free(&r->shown);
    xlsx_free_hiding(&r->hiding);
    mem_free(r);
}

bool xlsx_read_sheet(xlsx *x, size_t entry, error *err) {
    sheet_reader *r = mem_new(1, sizeof *r);
    ooxml_relations relations;
    r->x = x;
    r->row = UINT32_MAX;
    ooxml_read_relations(x->p, package_name(x->p, entry), x->a, &relations);
    xlsx_read_hiding(x, entry, &relations, &r->hiding);
    bool ok = read_rows(r, entry, err);
    grid_end(x->g);
    count_hidden_columns(r);
    free_reader(r);
    for (size_t i = 0; ok && i < relations.count; i++) {
        const ooxml_relation *target = &relations.items[i];
        size_t part = ooxml_entry(x->p, target);
        if (part == PACKAGE_NONE) continue;
        if (str_eq(target->type, STR("comments"))) read_comments(x, part);
        if (str_eq(target->type, STR("drawing"))) read_drawing(x, part);
    }
    ooxml_free_relations(&relations);
    return ok;
}
