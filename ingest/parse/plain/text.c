/* Plain text: what a person sees in the white space, as blocks.
 *
 * Owns the guesses: form feeds are page breaks; an empty line ends a paragraph; a line that could
 * have taken the next word but did not ends one too; marks make lists, wide gaps make tables. A
 * heading is only what hardly can be anything else: underlined, in capitals above a text, or
 * numbered and alone. What a paged file repeats at the top or foot of its pages is a running head.
 *
 * Lines are kept as lines: joining them, and their hyphens, is the chunker's work. A wrong guess
 * costs the shape of a paragraph, never a word. Two passes over the lines, linear in the file.
 */
#include "ingest/parse/parse.h"

#include <stdlib.h>
#include <string.h>

/* A heading is a line, and not a long one. */
#define HEADING_MAX_BYTES 90
/* Lines of a hard-wrapped file are not longer; in other files each line is a paragraph. */
#define WRAP_MAX_BYTES 130
/* A shorter longest line is a column of words, not wrapped prose. */
#define WRAP_MIN_BYTES 45
/* A label above a list or a long paragraph has no more words. */
#define LABEL_WORDS 7
/* Spaces between the columns of a table; justified prose has two. */
#define GAP_SPACES 3
/* A head or foot stands on as many pages at least, and on half of them. */
#define RUNNING_MIN_PAGES 3

typedef enum { LINE_TEXT, LINE_BLANK, LINE_RUNNING } line_kind;

typedef struct {
    str s; /* trimmed */
    uint32_t page;
    uint32_t indent; /* columns */
    uint8_t kind;
} line;

typedef struct {
    const parse_input *in;
    record_writer *out;
    line *lines;
    size_t count, room;
    uint32_t pages;
    bool titled;
    bool no_headings; /* of a text inside another document */
    text title, row;
} state;

/* ---- lines -------------------------------------------------------------------------------- */

static void add_line(state *s, str raw) {
    line l = {.page = s->pages};
    for (size_t i = 0; i < raw.n && (raw.p[i] == ' ' || raw.p[i] == '\t'); i++)
        l.indent += raw.p[i] == ' ' ? 1 : 8 - l.indent % 8;
    l.s = str_trim(raw);
    l.kind = l.s.n ? LINE_TEXT : LINE_BLANK;
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 1024;
        s->lines = mem_grow(s->lines, s->room, sizeof *s->lines);
    }
    s->lines[s->count++] = l;
}

static bool split_lines(state *s, str all, error *err) {
    s->pages = 1;
    for (size_t i = 0; i < all.n;) {
        size_t end = i;
        while (end < all.n && all.p[end] != '\n' && all.p[end] != '\f') end++;
        add_line(s, str_cut(all, i, end));
        /* the form feed at a file's very end begins no page */
        if (end < all.n && all.p[end] == '\f' && str_trim(str_cut(all, end, all.n)).n > 0)
            s->pages++;
        if (s->pages > s->in->limits->pages)
            return error_set(err, ERROR_LIMIT, "the text has more than %u pages (form feeds)",
                             s->in->limits->pages);
        i = end + 1;
    }
    return true;
}

/* ---- running heads ------------------------------------------------------------------------ */

typedef struct {
    uint64_t hash;
    size_t at;
} edge_line;

static int compare_edges(const void *a, const void *b) {
    const edge_line *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Equal for "Page 3 of 40" and "Page 12 of 40". */
static uint64_t shape_of(str s) {
    uint64_t h = 14695981039346656037ull;
    bool digit = false, space = false;
    for (size_t i = 0; i < s.n; i++) {
        bool d = s.p[i] >= '0' && s.p[i] <= '9', w = s.p[i] == ' ' || s.p[i] == '\t';
        if ((d && digit) || (w && space)) continue;
        h = (h ^ (d ? '#' : w ? ' ' : (unsigned char)s.p[i])) * 1099511628211ull;
        digit = d;
        space = w;
    }
    return h;
}

/* First and last lines of pages whose shape comes back on half of the pages. */
static void mark_running(state *s) {
    if (s->pages < RUNNING_MIN_PAGES) return;
    edge_line *edges = mem_new(2 * (size_t)s->pages, sizeof *edges);
    size_t n = 0;
    for (size_t i = 0; i < s->count;) {
        size_t end = i, top = i, foot;
        while (end < s->count && s->lines[end].page == s->lines[i].page) end++;
        while (top < end && s->lines[top].kind != LINE_TEXT) top++;
        for (foot = end; foot > top + 1 && s->lines[foot - 1].kind != LINE_TEXT; foot--)
            ;
        if (top < end) edges[n++] = (edge_line){shape_of(s->lines[top].s), top};
        if (foot > top + 1) edges[n++] = (edge_line){shape_of(s->lines[foot - 1].s), foot - 1};
        i = end;
    }
    qsort(edges, n, sizeof *edges, compare_edges);
    for (size_t i = 0; i < n;) {
        size_t end = i;
        while (end < n && edges[end].hash == edges[i].hash) end++;
        if (end - i >= RUNNING_MIN_PAGES && 2 * (end - i) >= s->pages)
            for (size_t k = i; k < end; k++) s->lines[edges[k].at].kind = LINE_RUNNING;
        i = end;
    }
    mem_free(edges);
}

/* ---- what a line is ----------------------------------------------------------------------- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Bytes of a list mark and the space behind it; 0 if there is none. */
static size_t list_mark(str s) {
    static const char *const bullets[] = {"-",
                                          "*",
                                          "+",
                                          "o",
                                          "\xE2\x80\xA2",
                                          "\xE2\x96\xA0",
                                          "\xE2\x96\xAA",
                                          "\xE2\x97\x8F",
                                          "\xE2\x97\xA6",
                                          "\xE2\x80\x93",
                                          "\xC2\xB7",
                                          "\xE2\x9E\xA2",
                                          "\xE2\x97\x86",
                                          "\xE2\x96\xBA",
                                          "\xE2\x9C\x93"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof bullets / sizeof *bullets; i++) {
        size_t m = strlen(bullets[i]);
        if (s.n > m + 1 && strncmp(s.p, bullets[i], m) == 0 && (s.p[m] == ' ' || s.p[m] == '\t'))
            return m + 1;
    }
    bool bracket = s.n > 0 && s.p[0] == '(';
    size_t from = bracket;
    while (from + n < s.n && n < 3 && is_digit(s.p[from + n])) n++;
    if (n == 0 && from < s.n && s.p[from] >= 'a' && s.p[from] <= 'z') n = 1;
    if (n == 0 || from + n + 1 >= s.n) return 0;
    char close = s.p[from + n];
    bool mark = close == ')' || (close == '.' && !bracket && is_digit(s.p[0]));
    return mark && s.p[from + n + 1] == ' ' ? from + n + 2 : 0;
}

/* Characters of an underline: one of = - ~ throughout; 0 if it is none. */
static char underline_of(str s) {
    if (s.n < 3 || !strchr("=-~", s.p[0])) return 0;
    for (size_t i = 1; i < s.n; i++)
        if (s.p[i] != s.p[0]) return 0;
    return s.p[0];
}

static bool ends_open(str s) {
    return s.n > 0 && !strchr(".,;", s.p[s.n - 1]);
}

static bool is_capitals(str s) {
    size_t capitals = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] >= 'a' && s.p[i] <= 'z') return false;
        capitals += s.p[i] >= 'A' && s.p[i] <= 'Z';
    }
    return capitals >= 4 && capitals * 2 > s.n;
}

/* "2.3 Scope": how many numbers there are; 0 for anything else. */
static int number_depth(str s) {
    size_t i = 0;
    int depth = 0;
    while (i < s.n && is_digit(s.p[i])) {
        size_t from = i;
        while (i < s.n && is_digit(s.p[i])) i++;
        if (i - from > 3) return 0;
        depth++;
        if (i < s.n && s.p[i] == '.') i++;
    }
    bool parted = i < s.n && s.p[i] == ' ';
    while (i < s.n && s.p[i] == ' ') i++;
    return parted && i < s.n && s.p[i] >= 'A' && s.p[i] <= 'Z' ? depth : 0;
}

/* "2.3 Scope", or "1.  Scope" as RFCs have it; "1. Wash your hands" may be of a list, and a line
 * with leaders is of a table of contents. */
static bool is_numbered_heading(str s) {
    int depth = number_depth(s);
    bool wide = str_find(s, STR("  "), 0) != SIZE_MAX;
    bool leaders = str_find(s, STR(".."), 0) != SIZE_MAX;
    return !leaders && (depth > 1 || (depth == 1 && wide));
}

/* Cells of a row: parts between wide gaps, tabs or bars. */
static size_t count_cells(str s) {
    size_t cells = 1, gap = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool tab = s.p[i] == '\t', bar = s.p[i] == '|' && i > 0 && i + 1 < s.n;
        gap = s.p[i] == ' ' ? gap + 1 : 0;
        cells += tab || bar || gap == GAP_SPACES;
    }
    return cells;
}

/* "+----+----+" and "--- ---": the rules of a drawn table. */
static bool is_table_rule(str s) {
    size_t dashes = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!strchr("+-=|: ", s.p[i])) return false;
        dashes += s.p[i] == '-' || s.p[i] == '=';
    }
    return dashes >= 3;
}

static bool is_row(const line *l) {
    return l->kind == LINE_TEXT && !list_mark(l->s) && count_cells(l->s) >= 2;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void put_line(state *s, const line *l) {
    record_line(s->out, l->s, (box){0}, 0);
}

static void put_heading(state *s, const line *l, int level) {
    record_block(s->out, INGEST_ROLE_HEADING, (uint8_t)(level < 6 ? level : 6), l->page);
    put_line(s, l);
    if (!s->titled) {
        text_put(&s->title, l->s);
        s->titled = true;
    }
}

static void put_row(state *s, const line *l) {
    text_clear(&s->row);
    str t = l->s;
    for (size_t i = 0; i < t.n;) {
        size_t end = i, gap = 0;
        for (; end < t.n && t.p[end] != '\t' && t.p[end] != '|'; end++) {
            gap = t.p[end] == ' ' ? gap + 1 : 0;
            if (gap == GAP_SPACES) break;
        }
        str cell = str_trim(str_cut(t, i, end));
        if (cell.n > 0) {
            if (s->row.n > 0) text_put(&s->row, STR(" | "));
            text_put(&s->row, cell);
        }
        i = end + 1;
        while (i < t.n && t.p[i] == ' ') i++;
    }
    if (s->row.n > 0) {
        record_block(s->out, INGEST_ROLE_TABLE_ROW, 0, l->page);
        record_line(s->out, text_str(&s->row), (box){0}, 0);
    }
}

/* Does the sentence go on in the next line? Because the next word did not fit, or begins small; or
 * because a line that is nearly full stops in the middle of it ("for the first time on / 30
 * April"). */
static bool goes_on(const line *l, const line *next, size_t width) {
    char last = l->s.p[l->s.n - 1];
    if (next->s.p[0] >= 'a' && next->s.p[0] <= 'z') return l->s.p[l->s.n - 1] != ':';
    if (width < WRAP_MIN_BYTES || width > WRAP_MAX_BYTES) return false;
    size_t word = 0;
    while (word < next->s.n && next->s.p[word] != ' ') word++;
    size_t used = l->indent + l->s.n;
    bool open = (last >= 'a' && last <= 'z') || last == ',';
    return used + 1 + word > width || (open && used * 4 >= width * 3);
}

/* A few words above a list, or above a paragraph that is one long line. */
static bool is_label(str s, const line *next) {
    size_t words = 1;
    for (size_t i = 0; i < s.n; i++) words += s.p[i] == ' ';
    bool capital = s.p[0] >= 'A' && s.p[0] <= 'Z', closed = strchr(":!?)", s.p[s.n - 1]) != NULL;
    return capital && !closed && words <= LABEL_WORDS && !list_mark(s) &&
           (list_mark(next->s) > 0 || next->s.n > WRAP_MAX_BYTES);
}

/* ---- groups: the lines between two empty ones ---------------------------------------------- */

/* The level of the heading at line i of the group [i, end), 0 if it is none. *used lines. */
static int heading_at(const state *s, size_t i, size_t end, bool first, size_t *used) {
    const line *l = &s->lines[i];
    *used = 1;
    if (s->no_headings) return 0;
    if (l->s.n > HEADING_MAX_BYTES || !ends_open(l->s) || l->kind != LINE_TEXT) return 0;
    char under = i + 1 < end ? underline_of(s->lines[i + 1].s) : 0;
    if (under && first && 2 * s->lines[i + 1].s.n >= l->s.n && count_cells(l->s) == 1) {
        *used = 2;
        return under == '=' ? 1 : under == '-' ? 2 : 3;
    }
    if (!first || count_cells(l->s) > 1) return 0;
    bool next_capitals = i + 1 < end && is_capitals(s->lines[i + 1].s);
    if (is_capitals(l->s) && !next_capitals && !list_mark(l->s)) return s->titled ? 2 : 1;
    if (is_numbered_heading(l->s) && i + 1 == end) return number_depth(l->s) + 1;
    return i + 1 < end && is_label(l->s, &s->lines[i + 1]) ? 3 : 0;
}

static size_t widest_of(const state *s, size_t begin, size_t end) {
    size_t widest = 0;
    for (size_t i = begin; i < end; i++) {
        size_t n = s->lines[i].indent + s->lines[i].s.n;
        widest = n > widest ? n : widest;
    }
    return widest;
}

/* Rows from line i on; how many lines were used. One row alone is none; rules are drawings. */
static size_t put_table(state *s, size_t i, size_t end) {
    size_t start = i, stop, rows = 0;
    while (start < end && is_table_rule(s->lines[start].s)) start++;
    for (stop = start; stop < end; stop++) {
        bool rule = is_table_rule(s->lines[stop].s);
        if (!rule && !is_row(&s->lines[stop])) break;
        rows += !rule;
    }
    if (rows < 2) return start - i;
    for (size_t k = start; k < stop; k++)
        if (!is_table_rule(s->lines[k].s)) put_row(s, &s->lines[k]);
    return stop - i;
}

/* A paragraph or list item from line i on; how many lines. */
static size_t put_paragraph(state *s, size_t i, size_t end, size_t width) {
    bool item = list_mark(s->lines[i].s) > 0;
    record_block(s->out, item ? INGEST_ROLE_LIST_ITEM : INGEST_ROLE_PARAGRAPH, 0, s->lines[i].page);
    put_line(s, &s->lines[i]);
    size_t n = 1;
    while (i + n < end) {
        const line *last = &s->lines[i + n - 1], *next = &s->lines[i + n];
        bool hanging = item && next->indent > s->lines[i].indent;
        if (list_mark(next->s) || next->page != last->page ||
            !(hanging || goes_on(last, next, width)))
            break;
        put_line(s, next);
        n++;
    }
    return n;
}

static void put_group(state *s, size_t begin, size_t end) {
    size_t width = widest_of(s, begin, end);
    bool first = true;
    for (size_t i = begin; i < end;) {
        size_t used = 0;
        int level = heading_at(s, i, end, first, &used);
        if (level > 0) {
            put_heading(s, &s->lines[i], level);
            i += used;
            continue; /* a second heading may follow at once */
        }
        used = put_table(s, i, end);
        if (used == 0) used = put_paragraph(s, i, end, width);
        i += used;
        first = false;
    }
}

static bool page_has_text(const state *s, size_t *at, uint32_t page) {
    bool any = false;
    for (; *at < s->count && s->lines[*at].page == page; ++*at)
        any = any || s->lines[*at].kind != LINE_BLANK;
    return any;
}

static void put_pages(state *s) {
    size_t at = 0;
    for (uint32_t page = 1; page <= s->pages; page++) {
        bool any = page_has_text(s, &at, page);
        record_page(s->out, page, (str){0}, 0, 0, any ? INGEST_FATE_TEXT : INGEST_FATE_EMPTY);
    }
}

static void put_all(state *s) {
    for (size_t i = 0; i < s->count;) {
        const line *l = &s->lines[i];
        size_t end = i + 1;
        if (l->kind == LINE_RUNNING) {
            record_block(s->out, INGEST_ROLE_FOOTER, 0, l->page);
            put_line(s, l);
        } else if (l->kind == LINE_TEXT) {
            while (end < s->count && s->lines[end].kind == LINE_TEXT &&
                   s->lines[end].page == l->page)
                end++;
            put_group(s, i, end);
        }
        i = end;
    }
}

/* The first line stands for a title where it looks like one: short, open, apart. */
static void guess_title(state *s) {
    size_t i = 0;
    while (i < s->count && s->lines[i].kind != LINE_TEXT) i++;
    if (i == s->count || s->titled) return;
    str first = s->lines[i].s;
    bool apart = i + 1 == s->count || s->lines[i + 1].kind == LINE_BLANK;
    if (apart && first.n <= HEADING_MAX_BYTES && ends_open(first) && !list_mark(first) &&
        count_cells(first) == 1)
        text_put(&s->title, first);
}

bool parse_text(const parse_input *in, record_writer *out, error *err) {
    text utf8 = {0};
    state s = {.in = in, .out = out};
    bool ok =
        parse_to_utf8(in->bytes, (str){0}, &utf8, err) && split_lines(&s, text_str(&utf8), err);
    if (!ok) goto done;
    record_document(out, in->name, STR("text"), (str){0});
    mark_running(&s);
    put_pages(&s);
    put_all(&s);
    guess_title(&s);
    if (s.title.n > 0) record_document(out, text_str(&s.title), STR("text"), (str){0});
done:
    mem_free(s.lines);
    text_free(&s.title);
    text_free(&s.row);
    text_free(&utf8);
    return ok;
}

void parse_text_inside(str utf8, record_writer *out) {
    state s = {.out = out, .no_headings = true, .pages = 1};
    for (size_t i = 0, end; i < utf8.n; i = end + 1) {
        for (end = i; end < utf8.n && utf8.p[end] != '\n' && utf8.p[end] != '\f';) end++;
        add_line(&s, str_cut(utf8, i, end));
    }
    put_all(&s);
    mem_free(s.lines);
    text_free(&s.title);
    text_free(&s.row);
}
