/* What the text of a table's row says about itself: "Rice | 5 kg | 40".
 *
 * Owns the one way in which rows are cut into cells, for the chunker, which says the head of a table
 * again in each chunk, and for the answer, which shows it above a row. Cells are parted by a bar with
 * white space, or the row's edge, on either side; empty cells keep their place. It knows no table:
 * what a row is to the rows around it is the chunker's to say (ingest/chunk_flow.c).
 */
#include "base/base.h"

#define CAPTION_MAX_BYTES 240 /* longer lines say more than what a table shows */
#define TITLE_MAX_BYTES 120   /* of a line that only its want of a stop marks as one */
#define REPEATED_CELLS_MIN 3  /* "no | no" is data; a text in three columns spans them */

static bool is_bar(str row, size_t at) {
    return row.p[at] == '|' && (at == 0 || row.p[at - 1] == ' ') &&
           (at + 1 == row.n || row.p[at + 1] == ' ');
}

bool row_next(str row, size_t *pos, str *cell) {
    size_t begin = *pos, end = begin;
    if (begin > row.n) return false;
    while (end < row.n && !is_bar(row, end)) end++;
    *cell = str_trim(str_cut(row, begin, end));
    *pos = end + 1;
    return true;
}

size_t row_cells(str row) {
    size_t pos = 0, count = 0;
    for (str cell; row_next(row, &pos, &cell);) count++;
    return count;
}

static bool is_year(str s) {
    bool year = s.n == 4 && (str_starts(s, STR("19")) || str_starts(s, STR("20")));
    for (size_t i = 2; i < s.n && year; i++) year = s.p[i] >= '0' && s.p[i] <= '9';
    return year;
}

/* Digits, what groups and signs them, and signs of money; a year may name a column. */
static bool is_figure(str s) {
    bool digit = false;
    for (size_t i = 0, used; i < s.n; i += used) {
        uint32_t u = utf8_next(s.p + i, s.n - i, &used);
        bool mark = u == ' ' || u == '.' || u == ',' || u == '(' || u == ')' || u == '$' ||
                    u == '%' || u == '+' || u == '-' || u == 0xA3 || u == 0xA5 || u == 0x2013 ||
                    u == 0x2014 || u == 0x20AC || u == 0x2212;
        if (!mark && (u < '0' || u > '9')) return false;
        digit = digit || !mark;
    }
    return digit && !is_year(s);
}

bool row_is_figures(str row) {
    size_t pos = 0, filled = 0, figures = 0;
    for (str cell; row_next(row, &pos, &cell);) {
        filled += cell.n > 0;
        figures += is_figure(cell);
    }
    return figures > 0 && 2 * figures >= filled;
}

bool row_is_section(str row) {
    size_t pos = 0, cells = 0, filled = 0, same = 0;
    str first = {0};
    for (str cell; row_next(row, &pos, &cell); cells++) {
        if (cells == 0) first = cell;
        filled += cell.n > 0;
        same += str_eq(cell, first);
    }
    if (first.n == 0) return false;
    return filled == 1 || (same == cells && cells >= REPEATED_CELLS_MIN && !is_figure(first));
}

/* "Table 13.2", "TABLEAU A1" */
bool row_is_numbered_caption(str line) {
    static const char *const words[] = {"Table ",   "TABLE ", "Tableau ", "TABLEAU ",
                                        "Tabelle ", "Tabla ", "Tabela ",  "Tab. "};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        str word = str_of(words[i]);
        if (!str_starts(line, word) || line.n == word.n) continue;
        char c = line.p[word.n];
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
    }
    return false;
}

bool row_is_caption(str line) {
    static const uint32_t ends[] = {'.', '!', '?', ';', ',', 0x2026, 0x3002, 0xFF01, 0xFF1F};
    static const char *const marks[] = {"- ", "* ", "+ ", "\xE2\x80\xA2"};
    if (line.n == 0 || line.n > CAPTION_MAX_BYTES || row_cells(line) > 1) return false;
    if (row_is_numbered_caption(line) || str_ends(line, STR(":")) ||
        (line.p[0] == '(' && line.p[line.n - 1] == ')') ||
        str_find(line, STR("(in "), 0) != SIZE_MAX || str_find(line, STR("(In "), 0) != SIZE_MAX)
        return true;
    if (line.n > TITLE_MAX_BYTES) return false;
    size_t at = utf8_floor(line, line.n - 1), used;
    uint32_t last = utf8_next(line.p + at, line.n - at, &used);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (last == ends[i]) return false;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (str_starts(line, str_of(marks[i]))) return false;
    return true;
}
