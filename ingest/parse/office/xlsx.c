/* XLSX: a workbook becomes one page for each sheet (ECMA-376 part 1, chapter 18).
 *
 * Owns what the sheets share: their names and order, the strings. A sheet that is hidden is not
 * read and says so: nobody sees it who opens the file, and what nobody sees is where text hides
 * that should not be answered from. So it is with hidden rows and columns (xlsx_range.c) and
 * letters (xlsx_style.c).
 */
#include "ingest/parse/office/xlsx.h"

#include <string.h>

str xlsx_string(const xlsx *x, size_t i) {
    if (i >= x->string_count) return (str){0};
    return str_cut(text_str(&x->strings), i ? x->string_ends[i - 1] : 0, x->string_ends[i]);
}

/* ---- shared strings ------------------------------------------------------------------------ */

static void leave_string(void *context) {
    xlsx *x = context;
    if (x->string_count == x->string_room) {
        x->string_room = x->string_room ? 2 * x->string_room : 1024;
        x->string_ends = mem_grow(x->string_ends, x->string_room, sizeof *x->string_ends);
    }
    script_flush(&x->string.scripts, &x->string.t, (str){0});
    text_put(&x->strings, text_str(&x->string.t));
    x->string_ends[x->string_count++] = x->strings.n;
    text_clear(&x->string.t);
    xlsx_run_end(&x->string);
}

static void leave_run(void *context) {
    xlsx_run_end(&((xlsx *)context)->string);
}

static bool enter_run_property(void *context, const xml_element *e) {
    xlsx_run_property(&((xlsx *)context)->string, e);
    return false;
}

static void put_string(void *context, str t) {
    xlsx *x = context;
    xlsx_run_put(x, &x->string, t);
}

static const xml_rule string_rules[] = {
    {.name = "x:si", .leave = leave_string},
    {.name = "x:r", .leave = leave_run},
    {.name = "x:vertAlign", .enter = enter_run_property},
    {.name = "x:color", .enter = enter_run_property},
    {.name = "x:sz", .enter = enter_run_property},
    {.name = "x:strike", .enter = enter_run_property},
    {.name = "x:t", .has_text = true},
    {.name = "x:rPh", .skip = true}, /* how to pronounce it */
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

static void tell_hidden(const xlsx *x, record_writer *out) {
    if (x->hidden_rows > 0)
        record_note(out, "the text of hidden rows was left out (%zu rows)", x->hidden_rows);
    if (x->hidden_columns > 0)
        record_note(out, "the text of hidden columns was left out (%zu columns)",
                    x->hidden_columns);
    if (x->struck_bytes > 0) record_note(out, PARSE_STRUCK_NOTE, x->struck_bytes);
    if (x->hidden_bytes > 0)
        record_note(out, "%zu bytes of hidden text were left out", x->hidden_bytes);
    if (x->folded_rows > 0)
        record_aside(out, "rows that a filter or a closed group hides were read too (%zu rows)",
                     x->folded_rows);
}

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
    tell_hidden(x, out);
    if (x->unvalued > 0)
        record_note(
            out,
            "the results of formulas are not in the file (%zu cells): open and save it in a "
            "program for spreadsheets",
            x->unvalued);
    if (sheets->left_out > 0)
        record_note(out, "%zu sheets were not read: there may be %zu", sheets->left_out,
                    sheets->limit);
    if (x->broken > 0)
        record_note(out, "%zu of its sheets, comments or charts are damaged and were read in part",
                    x->broken);
    return ok;
}

static void read_shared(xlsx *x, const ooxml_relations *r) {
    xml_walker walker = {.rules = string_rules, .text = put_string, .context = x};
    bool whole = true;
    size_t entry = ooxml_entry(x->p, ooxml_find_type(r, STR("sharedStrings")));
    if (entry != PACKAGE_NONE && (!xml_walk_entry(x->p, entry, &walker, &whole, NULL) || !whole))
        x->broken++;
    entry = ooxml_entry(x->p, ooxml_find_type(r, STR("styles")));
    if (entry != PACKAGE_NONE) xlsx_read_styles(x, entry);
}

static void free_all(xlsx *x) {
    grid_free(x->g);
    story_free(x->s);
    pictures_free(&x->pictures);
    text_free(&x->strings);
    xlsx_runs_free(&x->string);
    mem_free(x->string_ends);
    mem_free(x->looks);
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
    ooxml_read_properties(p, x->a, &title, &language, out);
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
