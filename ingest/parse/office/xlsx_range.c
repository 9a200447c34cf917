/* What a sheet hides by its rows and columns, and where its rules may paint the ground of cells.
 *
 * Owns the difference between hiding and folding: rows that a filter passes over and groups that
 * are closed are work that anyone opens again, and are read; rows and columns that are hidden by
 * themselves are not. It reads what stands around the cells of a sheet, and no cell.
 */
#include "ingest/parse/office/xlsx.h"

#include <string.h>

/* Of a sheet; rules beyond them excuse no cell. */
#define RANGES_MAX 4096

typedef struct {
    xlsx_hiding *out;
    xlsx_range filter; /* of the open filter */
    bool has_filter;
} hiding_reader;

bool xlsx_parse_reference(str s, uint32_t *column, uint32_t *row, size_t *used) {
    uint32_t c = 0, r = 0;
    size_t i = 0, letters = 0;
    if (s.n > 0 && s.p[0] == '$') i++;
    for (; i < s.n && letters < 4; i++, letters++) {
        char letter = (char)(s.p[i] & ~32);
        if (letter < 'A' || letter > 'Z') break;
        c = c * 26 + (uint32_t)(letter - 'A' + 1);
    }
    if (i < s.n && s.p[i] == '$') i++;
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9' && r <= XLSX_ROWS_MAX; i++)
        r = r * 10 + (uint32_t)(s.p[i] - '0');
    *used = i;
    if (c == 0 || c > GRID_COLUMNS_MAX || r == 0 || r > XLSX_ROWS_MAX) return false;
    *column = c - 1;
    *row = r - 1;
    return true;
}

bool xlsx_parse_range(str s, xlsx_range *out) {
    size_t used, ignored;
    if (!xlsx_parse_reference(s, &out->column, &out->row, &used)) return false;
    out->last_column = out->column;
    out->last_row = out->row;
    if (used == s.n) return true;
    return s.p[used] == ':' &&
           xlsx_parse_reference(str_cut(s, used + 1, s.n), &out->last_column, &out->last_row,
                                &ignored) &&
           out->last_row >= out->row && out->last_column >= out->column;
}

bool xlsx_in_ranges(const xlsx_ranges *r, uint32_t row, uint32_t column) {
    for (size_t i = 0; i < r->count; i++) {
        const xlsx_range *k = &r->items[i];
        if (row >= k->row && row <= k->last_row && column >= k->column && column <= k->last_column)
            return true;
    }
    return false;
}

static void add_range(xlsx_ranges *r, xlsx_range range) {
    if (r->count >= RANGES_MAX) return;
    if (r->count == r->room) {
        r->room = r->room ? 2 * r->room : 16;
        r->items = mem_grow(r->items, r->room, sizeof *r->items);
    }
    r->items[r->count++] = range;
}

static bool is_on(const xml_element *e, const char *name) {
    return xml_has(e, name) && xml_is_on(e, name);
}

/* "0", "0.0": a width or height of nothing. */
bool xlsx_is_nothing(str size) {
    for (size_t i = 0; i < size.n; i++)
        if (size.p[i] != '0' && size.p[i] != '.') return false;
    return size.n > 0;
}

/* Columns min to max, from 1. */
static bool enter_columns(void *context, const xml_element *e) {
    hiding_reader *r = context;
    long first = xml_number(e, "min", 1, GRID_COLUMNS_MAX, 0);
    long last = xml_number(e, "max", 1, GRID_COLUMNS_MAX, 0);
    bool thin = xlsx_is_nothing(xml_attribute(e, "width"));
    if (!is_on(e, "hidden") && !thin) return false;
    bool folded = xml_number(e, "outlineLevel", 0, 7, 0) > 0 && !thin;
    for (long i = first; i > 0 && i <= last; i++)
        r->out->columns[i - 1] = folded ? XLSX_FOLDED : XLSX_HIDDEN;
    return false;
}

/* "A1:B2 D4" */
static bool enter_rule(void *context, const xml_element *e) {
    hiding_reader *r = context;
    str all = xml_attribute(e, "sqref");
    xlsx_range range;
    for (size_t i = 0; i < all.n;) {
        size_t end = str_find(all, STR(" "), i);
        if (end == SIZE_MAX) end = all.n;
        if (xlsx_parse_range(str_cut(all, i, end), &range)) add_range(&r->out->painted, range);
        i = end + 1;
    }
    return false;
}

static bool enter_filter(void *context, const xml_element *e) {
    hiding_reader *r = context;
    r->has_filter = xlsx_parse_range(xml_attribute(e, "ref"), &r->filter);
    return true;
}

static bool enter_filter_column(void *context, const xml_element *e) {
    (void)e;
    hiding_reader *r = context;
    if (r->has_filter) add_range(&r->out->filtered, r->filter);
    r->has_filter = false;
    return false;
}

static bool enter_picture(void *context, const xml_element *e) {
    (void)e;
    ((hiding_reader *)context)->out->picture = true;
    return false;
}

static bool enter_table(void *context, const xml_element *e) {
    hiding_reader *r = context;
    xlsx_range range;
    if (xlsx_parse_range(xml_attribute(e, "ref"), &range)) add_range(&r->out->painted, range);
    return true;
}

void xlsx_read_hiding(xlsx *x, size_t entry, const ooxml_relations *relations, xlsx_hiding *out) {
    static const xml_rule rules[] = {
        {.name = "x:sheetData", .skip = true},
        {.name = "x:col", .enter = enter_columns},
        {.name = "x:conditionalFormatting", .enter = enter_rule},
        {.name = "x:autoFilter", .enter = enter_filter},
        {.name = "x:filterColumn", .enter = enter_filter_column},
        {.name = "x:picture", .enter = enter_picture},
        {.name = "x:table", .enter = enter_table},
        {0},
    };
    hiding_reader r = {.out = out};
    xml_walker walker = {.rules = rules, .context = &r};
    bool whole; /* of a broken part what could be read */
    (void)xml_walk_entry(x->p, entry, &walker, &whole, NULL);
    for (size_t i = 0; i < relations->count; i++) {
        size_t part = ooxml_entry(x->p, &relations->items[i]);
        if (part != PACKAGE_NONE && str_eq(relations->items[i].type, STR("table")))
            (void)xml_walk_entry(x->p, part, &walker, &whole, NULL);
    }
}

void xlsx_free_hiding(xlsx_hiding *h) {
    mem_free(h->painted.items);
    mem_free(h->filtered.items);
}
