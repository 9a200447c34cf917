/* XLSX: a workbook becomes one page for each sheet (ECMA-376 part 1, chapter 18).
 *
 * Owns what the sheets share: their names and order, the strings, the number formats. A sheet that is
 * hidden is not read and says so: nobody sees it who opens the file, and what nobody sees is where
 * text hides that should not be answered from. Hidden rows and columns are read, since filters hide
 * them all the time; nothing is lost by that, so nothing is told.
 */
#include "ingest/parse/office/xlsx.h"

#include <string.h>

#include "ingest/parse/office/number_format.h"
#include "ingest/parse/office/xml.h"

#define FORMATS_MAX 65536

str xlsx_string(const xlsx *x, size_t i) {
    if (i >= x->string_count) return (str){0};
    return str_cut(text_str(&x->strings), i ? x->string_ends[i - 1] : 0, x->string_ends[i]);
}

script_level xlsx_level_of(str align) {
    return str_eq(align, STR("superscript")) ? SCRIPT_RAISED
           : str_eq(align, STR("subscript")) ? SCRIPT_LOWERED
                                             : SCRIPT_BASE;
}

/* ---- shared strings ------------------------------------------------------------------------ */

static void leave_string(void *context) {
    xlsx *x = context;
    if (x->string_count == x->string_room) {
        x->string_room = x->string_room ? 2 * x->string_room : 1024;
        x->string_ends = mem_grow(x->string_ends, x->string_room, sizeof *x->string_ends);
    }
    script_flush(&x->scripts, &x->string, (str){0});
    text_put(&x->strings, text_str(&x->string));
    x->string_ends[x->string_count++] = x->strings.n;
    text_clear(&x->string);
    x->level = SCRIPT_BASE;
}

static void leave_run(void *context) {
    ((xlsx *)context)->level = SCRIPT_BASE;
}

static bool enter_level(void *context, const xml_element *e) {
    ((xlsx *)context)->level = xlsx_level_of(xml_attribute(e, "val"));
    return false;
}

static void put_string(void *context, str t) {
    xlsx *x = context;
    script_put(&x->scripts, &x->string, t, x->level, false);
}

static const xml_rule string_rules[] = {
    {.name = "x:si", .leave = leave_string},
    {.name = "x:r", .leave = leave_run},
    {.name = "x:vertAlign", .enter = enter_level},
    {.name = "x:t", .has_text = true},
    {.name = "x:rPh", .skip = true}, /* how to pronounce it */
    {0},
};

/* ---- number formats ------------------------------------------------------------------------ */

typedef struct {
    long id;
    str code;
} own_format;

typedef struct {
    xlsx *x;
    own_format *own;
    size_t count, room;
    bool in_cells;
} style_reader;

static bool enter_format(void *context, const xml_element *e) {
    style_reader *r = context;
    if (r->count >= FORMATS_MAX) return false;
    if (r->count == r->room) {
        r->room = r->room ? 2 * r->room : 32;
        r->own = mem_grow(r->own, r->room, sizeof *r->own);
    }
    r->own[r->count++] = (own_format){xml_number(e, "numFmtId", 0, INT32_MAX, -1),
                                      arena_str(r->x->a, xml_attribute(e, "formatCode"))};
    return false;
}

static bool enter_cell_styles(void *context, const xml_element *e) {
    (void)e;
    ((style_reader *)context)->in_cells = true;
    return true;
}

static void leave_cell_styles(void *context) {
    ((style_reader *)context)->in_cells = false;
}

static bool enter_cell_style(void *context, const xml_element *e) {
    style_reader *r = context;
    xlsx *x = r->x;
    if (!r->in_cells || x->format_count >= FORMATS_MAX) return false;
    long id = xml_number(e, "numFmtId", 0, INT32_MAX, 0);
    str code = number_builtin_format(id);
    for (size_t i = 0; i < r->count; i++)
        if (r->own[i].id == id) code = r->own[i].code;
    if (x->format_count == x->format_room) {
        x->format_room = x->format_room ? 2 * x->format_room : 64;
        x->formats = mem_grow(x->formats, x->format_room, sizeof *x->formats);
    }
    x->formats[x->format_count++] = code;
    return false;
}

static const xml_rule style_rules[] = {
    {.name = "x:numFmt", .enter = enter_format},
    {.name = "x:cellXfs", .enter = enter_cell_styles, .leave = leave_cell_styles},
    {.name = "x:xf", .enter = enter_cell_style},
    {.name = "x:dxfs", .skip = true},
    {0},
};

/* ---- the workbook -------------------------------------------------------------------------- */

typedef struct {
    str name, relation;
    bool hidden;
} sheet;

typedef struct {
    xlsx *x;
    sheet *items;
    size_t count, room, limit, left_out;
} sheet_reader;

static bool enter_sheet(void *context, const xml_element *e) {
    sheet_reader *r = context;
    if (r->count >= r->limit) {
        r->left_out++;
        return false;
    }
    if (r->count == r->room) {
        r->room = r->room ? 2 * r->room : 16;
        r->items = mem_grow(r->items, r->room, sizeof *r->items);
    }
    sheet *s = &r->items[r->count++];
    s->name = arena_str(r->x->a, xml_attribute(e, "name"));
    s->relation = arena_str(r->x->a, xml_attribute(e, "r:id"));
    s->hidden = str_starts(xml_attribute(e, "state"), STR("hidden")) ||
                str_starts(xml_attribute(e, "state"), STR("veryHidden"));
    return false;
}

static bool enter_workbook_properties(void *context, const xml_element *e) {
    sheet_reader *r = context;
    r->x->since_1904 = xml_has(e, "date1904") && xml_is_on(e, "date1904");
    return false;
}

static const xml_rule workbook_rules[] = {
    {.name = "x:sheet", .enter = enter_sheet},
    {.name = "x:workbookPr", .enter = enter_workbook_properties},
    {0},
};

static bool read_sheets(xlsx *x, const ooxml_relations *r, const sheet_reader *sheets,
                        record_writer *out, error *err) {
    bool ok = true;
    size_t pages = 0;
    for (size_t i = 0; ok && i < sheets->count; i++) {
        const sheet *s = &sheets->items[i];
        const ooxml_relation *target = ooxml_find_id(r, s->relation);
        size_t entry = ooxml_entry(x->p, target);
        bool is_sheet = target && (str_eq(target->type, STR("worksheet")) ||
                                   str_eq(target->type, STR("chartsheet")));
        if (pages++ == 0)
            story_label_page(x->s, s->name);
        else
            story_next_page(x->s, s->name);
        if (s->hidden) {
            story_drop_page(x->s, INGEST_FATE_HIDDEN, STR("the sheet is hidden, and was left out"));
        } else if (entry == PACKAGE_NONE) {
            story_drop_page(x->s, INGEST_FATE_FAILED, STR("the sheet is not in the file"));
        } else if (!is_sheet) {
            story_drop_page(x->s, INGEST_FATE_EMPTY, STR("a sheet of macros or of a dialog"));
        } else {
            story_block(x->s, INGEST_ROLE_HEADING, 2, s->name);
            ok = xlsx_read_sheet(x, entry, err);
        }
    }
    pictures_put(&x->pictures, x->p, out);
    if (sheets->left_out > 0)
        record_note(out, "%zu sheets were not read: there may be %zu", sheets->left_out,
                    sheets->limit);
    if (x->broken > 0)
        record_note(out, "%zu of its sheets, comments or charts are damaged and were read in part",
                    x->broken);
    return ok;
}

static void read_shared(xlsx *x, const ooxml_relations *r) {
    style_reader styles = {.x = x};
    xml_walker walker = {.rules = string_rules, .text = put_string, .context = x};
    bool whole = true;
    size_t entry = ooxml_entry(x->p, ooxml_find_type(r, STR("sharedStrings")));
    if (entry != PACKAGE_NONE && (!xml_walk_entry(x->p, entry, &walker, &whole, NULL) || !whole))
        x->broken++;
    walker = (xml_walker){.rules = style_rules, .context = &styles};
    entry = ooxml_entry(x->p, ooxml_find_type(r, STR("styles")));
    if (entry != PACKAGE_NONE) (void)xml_walk_entry(x->p, entry, &walker, &whole, NULL);
    mem_free(styles.own);
}

static void free_all(xlsx *x) {
    grid_free(x->g);
    story_free(x->s);
    pictures_free(&x->pictures);
    text_free(&x->strings);
    text_free(&x->string);
    script_free(&x->scripts);
    mem_free(x->string_ends);
    mem_free(x->formats);
    arena_free(x->a);
    mem_free(x);
}

bool xlsx_parse(package *p, const parse_input *in, record_writer *out, error *err) {
    xlsx *x = mem_new(1, sizeof *x);
    sheet_reader sheets = {.x = x, .limit = in->limits->pages};
    xml_walker walker = {.rules = workbook_rules, .context = &sheets};
    ooxml_relations r = {0};
    str title, language;
    bool ok = true;
    x->p = p;
    x->a = arena_new();
    str part = ooxml_main_part(p, STR("xl/workbook.xml"), x->a);
    if (part.n == 0)
        ok = error_set(err, ERROR_INPUT, "the part that names the sheets is not in this workbook");
    else if (str_ends(part, STR(".bin")))
        ok = error_set(err, ERROR_INPUT, "this is a binary workbook (XLSB): save it as XLSX");
    ok = ok && xml_walk_entry(p, package_find(p, part), &walker, NULL, err);
    if (ok && sheets.count == 0) ok = error_set(err, ERROR_INPUT, "this workbook names no sheet");
    if (!ok) goto done;
    ooxml_read_relations(p, part, x->a, &r);
    ooxml_read_properties(p, x->a, &title, &language);
    record_document(out, title.n > 0 ? title : in->name, STR("xlsx"), language);
    x->s = story_new(out, in->limits->pages);
    x->g = grid_new(x->s);
    read_shared(x, &r);
    ok = read_sheets(x, &r, &sheets, out, err);
    if (ok) story_end(x->s);
done:
    mem_free(sheets.items);
    ooxml_free_relations(&r);
    free_all(x);
    return ok;
}
