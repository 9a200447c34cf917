/* A truth in Markdown as text, headings and table cells.
 *
 * The truths of the docling set are written by one program in one manner: ATX headings, pipe tables
 * with a rule of dashes, "-" and "1." lists, asterisks, backslashes before signs, entities for the
 * signs of HTML, comments where an image stood. That manner is all that is taken back here. An
 * underscore is never markup in it, so it stays. What a truth gets wrong stays wrong.
 */
#include <string.h>

#include "tests/eval/ingest/eval_ingest.h"

/* Cells of one row; the widest truth has 20. */
#define ROW_CELLS 256

void reading_free(reading *r) {
    text_free(&r->body);
    text_free(&r->headings);
    text_free(&r->cells);
}

void reading_heading(reading *r, str heading) {
    text_put_char(&r->headings, '\n');
    words_plain(&r->headings, heading);
}

void reading_line(reading *r, const str *cells, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && str_eq(cells[i], cells[i - 1])) continue;
        if (i > 0) text_put_char(&r->body, ' ');
        text_put(&r->body, cells[i]);
    }
    text_put_char(&r->body, '\n');
}

void reading_row(reading *r, const str *cells, size_t count) {
    text left = {0}, cell = {0};
    for (size_t i = 0; i < count; i++) {
        text_clear(&cell);
        words_plain(&cell, cells[i]);
        if (cell.n == 0 || str_eq(text_str(&cell), text_str(&left))) continue;
        text_put_char(&r->cells, '\n');
        text_put(&r->cells, text_str(&left));
        text_put_char(&r->cells, '\t');
        text_put(&r->cells, text_str(&cell));
        text_clear(&left);
        text_put(&left, text_str(&cell));
    }
    text_free(&left);
    text_free(&cell);
}

str reading_unmarked(str line) {
    str s = str_trim(line);
    if (s.n > 1 && strchr("-*+", s.p[0]) && s.p[1] == ' ') s = str_trim(str_cut(s, 2, s.n));
    if (str_starts(s, STR("[ ] ")) || str_starts(s, STR("[x] "))) s = str_cut(s, 4, s.n);
    size_t digits = 0;
    while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9') digits++;
    bool numbered = digits > 0 && digits <= 3 && digits + 1 < s.n &&
                    (s.p[digits] == '.' || s.p[digits] == ')') && s.p[digits + 1] == ' ';
    return numbered ? str_trim(str_cut(s, digits + 2, s.n)) : s;
}

/* ---- within a line ------------------------------------------------------------------------- */

static size_t put_entity(text *out, str s, size_t at) {
    static const struct {
        str name, means;
    } known[] = {{STR("&lt;"), STR("<")},
                 {STR("&gt;"), STR(">")},
                 {STR("&amp;"), STR("&")},
                 {STR("&quot;"), STR("\"")},
                 {STR("&nbsp;"), STR(" ")}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_starts(str_cut(s, at, s.n), known[i].name)) {
            text_put(out, known[i].means);
            return at + known[i].name.n;
        }
    uint32_t code = 0;
    size_t end = at + 2;
    if (str_starts(str_cut(s, at, s.n), STR("&#")))
        while (end < s.n && s.p[end] >= '0' && s.p[end] <= '9' && code < 0x110000)
            code = code * 10 + (uint32_t)(s.p[end++] - '0');
    if (code > 0 && end < s.n && s.p[end] == ';') {
        text_put_codepoint(out, code);
        return end + 1;
    }
    text_put_char(out, '&');
    return at + 1;
}

/* Behind "](address)" that begins at `at`; `at` where there is none. */
static size_t skip_address(str s, size_t at) {
    if (at + 1 >= s.n || s.p[at] != ']' || s.p[at + 1] != '(') return at;
    int open = 0;
    for (size_t i = at + 1; i < s.n; i++) {
        open += s.p[i] == '(';
        open -= s.p[i] == ')';
        if (open == 0) return i + 1;
    }
    return at;
}

/* True where the "[" at `at` opens a link. */
static bool opens_link(str s, size_t at) {
    int open = 0;
    for (size_t i = at; i < s.n; i++) {
        open += s.p[i] == '[';
        open -= s.p[i] == ']';
        if (open == 0) return skip_address(s, i) > i;
    }
    return false;
}

static void put_inline(text *out, str s) {
    int links = 0;
    for (size_t i = 0; i < s.n;) {
        char c = s.p[i];
        size_t behind = c == ']' && links > 0 ? skip_address(s, i) : i;
        if (c == '\\' && i + 1 < s.n && strchr("\\`*_{}[]()#+-.!|<>~$&\"'", s.p[i + 1])) {
            text_put_char(out, s.p[i + 1]);
            i += 2;
        } else if (behind > i) {
            links--;
            i = behind;
        } else if (c == '[' && opens_link(s, i)) {
            links++;
            i++;
        } else if (c == '*' || c == '`' || (c == '~' && i + 1 < s.n && s.p[i + 1] == '~')) {
            i += c == '~' ? 2 : 1;
        } else if (c == '&') {
            i = put_entity(out, s, i);
        } else {
            text_put_char(out, c);
            i++;
        }
    }
}

/* ---- lines --------------------------------------------------------------------------------- */

static bool is_rule(str cell) {
    for (size_t i = 0; i < cell.n; i++)
        if (cell.p[i] != '-' && cell.p[i] != ':') return false;
    return cell.n > 0;
}

static void put_row(reading *out, str line) {
    str cells[ROW_CELLS];
    text plain = {0};
    size_t ends[ROW_CELLS], count = 0, rules = 0;
    for (size_t begin = 1, i = 1; i < line.n && count < ROW_CELLS; i++) {
        if (line.p[i] == '\\') {
            i++;
        } else if (line.p[i] == '|') {
            str cell = str_trim(str_cut(line, begin, i));
            rules += is_rule(cell);
            put_inline(&plain, cell);
            ends[count++] = plain.n;
            begin = i + 1;
        }
    }
    for (size_t i = 0; i < count; i++)
        cells[i] = str_cut(text_str(&plain), i ? ends[i - 1] : 0, ends[i]);
    if (rules < count) {
        reading_row(out, cells, count);
        reading_line(out, cells, count);
    }
    text_free(&plain);
}

static void put_line(reading *out, str line) {
    size_t level = 0;
    while (level < line.n && line.p[level] == '#') level++;
    bool heading = level > 0 && level <= 6 && level < line.n && line.p[level] == ' ';
    if (heading) {
        text plain = {0};
        put_inline(&plain, str_cut(line, level, line.n));
        reading_heading(out, text_str(&plain));
        text_put(&out->body, reading_unmarked(text_str(&plain)));
        text_free(&plain);
    } else {
        put_inline(&out->body, reading_unmarked(line));
    }
    text_put_char(&out->body, '\n');
}

void truth_markdown(str source, reading *out) {
    bool code = false;
    text clean = {0};
    for (size_t pos = 0; pos < source.n;) { /* comments may stand in a line */
        size_t begin = str_find(source, STR("<!--"), pos);
        size_t end = begin == SIZE_MAX ? SIZE_MAX : str_find(source, STR("-->"), begin);
        text_put(&clean, str_cut(source, pos, end == SIZE_MAX ? source.n : begin));
        pos = end == SIZE_MAX ? source.n : end + 3;
    }
    str s = text_str(&clean);
    for (size_t pos = 0; pos < s.n;) {
        size_t end = str_find(s, STR("\n"), pos);
        if (end == SIZE_MAX) end = s.n;
        str line = str_trim(str_cut(s, pos, end));
        pos = end + 1;
        if (str_starts(line, STR("```"))) {
            code = !code;
        } else if (code) {
            text_put(&out->body, line);
            text_put_char(&out->body, '\n');
        } else if (str_starts(line, STR("|")) && line.n > 1) {
            put_row(out, line);
        } else if (line.n > 0) {
            put_line(out, line);
        }
    }
    text_free(&clean);
}
