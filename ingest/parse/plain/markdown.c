/* Markdown: lines become blocks.
 *
 * Owns CommonMark's block structure (spec 0.31, chapters 4 and 5) as far as a reader sees it:
 * headings of both kinds, paragraphs, lists with their marks, fenced and indented code, quotes,
 * the tables of GitHub's dialect. Nesting is not kept: a quote in a list in a quote is a paragraph,
 * which is what a chunk needs.
 *
 * One pass over the lines with one open block; nothing is looked up twice, so the cost is linear.
 * Raw HTML is dropped to its text line by line; scripts, styles and comments are left out. It
 * follows no link and includes no file.
 */
#include "ingest/parse/plain/markdown.h"
#include "ingest/parse/parse.h"

#include <string.h>

#define TAB_COLUMNS 4

typedef enum {
    OPEN_NONE,
    OPEN_PARAGRAPH,
    OPEN_ITEM,
    OPEN_TABLE,
    OPEN_CODE,
    OPEN_INDENTED
} open_kind;

typedef struct {
    record_writer *out;
    open_kind open;
    text t;     /* of the open block, its lines parted by '\n' */
    text mark;  /* of the open list item: "- ", "3. " */
    text plain; /* scratch */
    char fence; /* of open code: '`' or '~' */
    size_t fence_n;
    const char *until; /* raw HTML that is skipped up to this, else NULL */
    bool after_blank;
    bool in_list;
    text title;
    size_t struck_bytes; /* of text with a line through it, which was left out */
    int title_level;     /* 0: from front matter, else of the heading that gave it, 9: none yet */
} state;

/* ---- writing ------------------------------------------------------------------------------ */

static void put_lines(state *s, str all) {
    for (size_t i = 0; i < all.n;) {
        size_t end = str_find(all, STR("\n"), i);
        record_line(s->out, str_cut(all, i, end), (box){0}, 0);
        if (end == SIZE_MAX) break;
        i = end + 1;
    }
}

static void put_block(state *s, ingest_role role, int level, str mark, str raw) {
    text_clear(&s->plain);
    text_put(&s->plain, mark);
    markdown_inline(raw, &s->plain, &s->struck_bytes);
    str plain = str_trim(text_str(&s->plain));
    if (plain.n <= str_trim(mark).n) return;
    record_block(s->out, role, (uint8_t)level, 1);
    put_lines(s, plain);
    if (role == INGEST_ROLE_HEADING && level < s->title_level) {
        text_clear(&s->title);
        text_put(&s->title, plain);
        s->title_level = level;
    }
}

static void close_block(state *s) {
    str t = text_str(&s->t);
    if (s->open == OPEN_PARAGRAPH) {
        put_block(s, INGEST_ROLE_PARAGRAPH, 0, (str){0}, t);
    } else if (s->open == OPEN_ITEM) {
        put_block(s, INGEST_ROLE_LIST_ITEM, 0, text_str(&s->mark), t);
    } else if ((s->open == OPEN_CODE || s->open == OPEN_INDENTED) && str_trim(t).n > 0) {
        record_block(s->out, INGEST_ROLE_CODE, 0, 1);
        put_lines(s, t);
    }
    s->open = OPEN_NONE;
    text_clear(&s->t);
}

static void add_line(state *s, open_kind kind, str line) {
    if (s->open != kind) {
        close_block(s);
        s->open = kind;
    } else if (s->t.n > 0) {
        text_put_char(&s->t, '\n');
    }
    text_put(&s->t, line);
}

/* ---- what a line is ----------------------------------------------------------------------- */

/* Columns of white space at the start; *rest gets the line without it. */
static size_t indent_of(str line, str *rest) {
    size_t i = 0, columns = 0;
    for (; i < line.n && (line.p[i] == ' ' || line.p[i] == '\t'); i++)
        columns += line.p[i] == ' ' ? 1 : TAB_COLUMNS - columns % TAB_COLUMNS;
    *rest = str_trim(str_cut(line, i, line.n));
    return columns;
}

static size_t run_of(str line, char c) {
    size_t n = 0;
    while (n < line.n && line.p[n] == c) n++;
    return n;
}

/* Nothing but `c` and spaces, at least `least` of it. */
static bool is_rule(str line, char c, size_t least) {
    size_t n = 0;
    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] != c && line.p[i] != ' ') return false;
        n += line.p[i] == c;
    }
    return n >= least;
}

static bool is_thematic_break(str line) {
    return is_rule(line, '-', 3) || is_rule(line, '*', 3) || is_rule(line, '_', 3);
}

/* Bytes of a list mark with its space, 0 if there is none. */
static size_t list_mark(str line) {
    size_t n = 0;
    if (line.n > 1 && strchr("-*+", line.p[0]) && (line.p[1] == ' ' || line.p[1] == '\t')) return 2;
    while (n < line.n && n < 9 && line.p[n] >= '0' && line.p[n] <= '9') n++;
    if (n == 0 || n + 1 >= line.n || (line.p[n] != '.' && line.p[n] != ')') ||
        (line.p[n + 1] != ' ' && line.p[n + 1] != '\t'))
        return 0;
    return n + 2;
}

/* "|---|:--:|": the line under a table's head. */
static bool is_delimiter_row(str line) {
    size_t dashes = 0, bars = 0;
    for (size_t i = 0; i < line.n; i++) {
        if (!memchr("-:| \t", line.p[i], 5)) return false;
        dashes += line.p[i] == '-';
        bars += line.p[i] == '|';
    }
    return dashes > 0 && bars > 0;
}

static bool has_bar(str line) {
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] == '|' && (i == 0 || line.p[i - 1] != '\\')) return true;
    return false;
}

/* "[name]: address" */
static bool is_definition(str line) {
    size_t close = line.n > 0 && line.p[0] == '[' ? str_find(line, STR("]:"), 0) : SIZE_MAX;
    return close != SIZE_MAX && close > 1 && line.p[1] != '^' &&
           str_find(str_trim(str_cut(line, close + 2, line.n)), STR(" "), 0) == SIZE_MAX;
}

/* ---- blocks ------------------------------------------------------------------------------- */

static bool heading(state *s, str line) {
    size_t level = run_of(line, '#');
    if (level == 0 || level > 6 ||
        (level < line.n && line.p[level] != ' ' && line.p[level] != '\t'))
        return false;
    str t = str_trim(str_cut(line, level, line.n));
    size_t end = t.n;
    while (end > 0 && t.p[end - 1] == '#') end--;
    if (end < t.n && (end == 0 || t.p[end - 1] == ' ')) t = str_trim(str_cut(t, 0, end));
    close_block(s);
    put_block(s, INGEST_ROLE_HEADING, (int)level, (str){0}, t);
    return true;
}

/* A line of = or - under a paragraph makes that a heading. */
static bool underline(state *s, str line) {
    bool one = is_rule(line, '=', 1) && line.p[0] == '=', two = is_rule(line, '-', 1);
    if (s->open != OPEN_PARAGRAPH || s->after_blank || line.n == 0 || (!one && !two) ||
        str_find(line, STR(" "), 0) != SIZE_MAX)
        return false;
    put_block(s, INGEST_ROLE_HEADING, one ? 1 : 2, (str){0}, text_str(&s->t));
    text_clear(&s->t);
    s->open = OPEN_NONE;
    return true;
}

static void put_row(state *s, str line) {
    text row = {0};
    bool any = false;
    line = str_trim(line);
    if (line.n > 0 && line.p[0] == '|') line = str_cut(line, 1, line.n);
    for (size_t i = 0, cells = 0; i <= line.n; cells++) {
        size_t end = i;
        bool code = false;
        for (; end < line.n && (line.p[end] != '|' || code); end++) {
            if (line.p[end] == '\\' && end + 1 < line.n)
                end++;
            else if (line.p[end] == '`')
                code = !code && str_find(line, STR("`"), end + 1) != SIZE_MAX;
        }
        bool closing_bar = cells > 0 && i == line.n; /* nothing behind the last bar */
        if (!closing_bar) {
            if (cells > 0) text_put(&row, STR(" | "));
            text_clear(&s->plain);
            markdown_inline(str_trim(str_cut(line, i, end)), &s->plain, &s->struck_bytes);
            str cell = str_trim(text_str(&s->plain));
            any = any || cell.n > 0;
            text_put(&row, cell);
        }
        i = end + 1;
    }
    if (any) {
        record_block(s->out, INGEST_ROLE_TABLE_ROW, 0, 1);
        record_line(s->out, text_str(&row), (box){0}, 0);
    }
    text_free(&row);
}

/* The delimiter row turns the paragraph's last line into the head of a table. */
static bool table(state *s, str line) {
    if (s->open == OPEN_TABLE) {
        if (!has_bar(line)) return false;
        put_row(s, line);
        return true;
    }
    if ((s->open != OPEN_PARAGRAPH && s->open != OPEN_ITEM) || s->after_blank ||
        !is_delimiter_row(line))
        return false;
    size_t last = s->t.n;
    while (last > 0 && s->t.p[last - 1] != '\n') last--;
    text head = {0};
    text_put(&head, str_cut(text_str(&s->t), last, s->t.n));
    bool found = has_bar(text_str(&head));
    if (found) {
        text_cut(&s->t, last);
        close_block(s);
        s->open = OPEN_TABLE;
        put_row(s, text_str(&head));
    }
    text_free(&head);
    return found;
}

static bool fence(state *s, str line) {
    char c = line.n ? line.p[0] : 0;
    size_t n = c == '`' || c == '~' ? run_of(line, c) : 0;
    if (n < 3 || (c == '`' && str_find(line, STR("`"), n) != SIZE_MAX)) return false;
    close_block(s);
    s->open = OPEN_CODE;
    s->fence = c;
    s->fence_n = n;
    return true;
}

static bool in_fence(state *s, str line, str whole) {
    if (s->open != OPEN_CODE) return false;
    size_t n = run_of(line, s->fence);
    if (n >= s->fence_n && n == line.n)
        close_block(s);
    else
        add_line(s, OPEN_CODE, whole);
    return true;
}

/* Scripts, styles and comments that go over several lines. */
static bool raw_html(state *s, str line) {
    static const char *const pairs[][2] = {
        {"<!--", "-->"}, {"<script", "</script"}, {"<style", "</style"}};
    if (s->until) {
        if (str_find(line, str_of(s->until), 0) != SIZE_MAX) s->until = NULL;
        return true;
    }
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (str_starts(line, str_of(pairs[i][0]))) {
            if (str_find(line, str_of(pairs[i][1]), 0) == SIZE_MAX) {
                s->until = pairs[i][1];
                return true;
            }
            return str_ends(line, STR("-->")); /* else the inline rules take the tags out */
        }
    return false;
}

static bool item(state *s, str line) {
    size_t n = list_mark(line);
    if (n == 0) return false;
    /* a number inside a paragraph opens a list only if it is 1 (CommonMark 5.2) */
    if (s->open == OPEN_PARAGRAPH && !s->after_blank && line.p[0] >= '0' && line.p[0] <= '9' &&
        !(line.p[0] == '1' && n == 3))
        return false;
    close_block(s);
    text_clear(&s->mark);
    if (line.p[0] >= '0' && line.p[0] <= '9') {
        text_put(&s->mark, str_cut(line, 0, n - 1));
        text_put_char(&s->mark, ' ');
    } else {
        text_put(&s->mark, STR("- "));
    }
    s->in_list = true;
    add_line(s, OPEN_ITEM, str_trim(str_cut(line, n, line.n)));
    return true;
}

static void blank(state *s) {
    if (s->open == OPEN_INDENTED)
        text_put_char(&s->t, '\n');
    else
        close_block(s);
    s->after_blank = true;
}

static void one_line(state *s, str whole) {
    str line;
    size_t indent = indent_of(whole, &line);
    if (in_fence(s, line, whole) || raw_html(s, line)) return;
    bool quoted = false;
    while (indent < 4 && line.n > 0 && line.p[0] == '>') {
        indent = indent_of(str_cut(line, 1, line.n), &line);
        quoted = true;
    }
    if (line.n == 0) {
        blank(s);
        return;
    }
    if (indent >= 4 && (s->after_blank || s->open == OPEN_INDENTED) && !s->in_list && !quoted &&
        s->open != OPEN_PARAGRAPH) {
        add_line(s, OPEN_INDENTED, whole);
        return;
    }
    if (s->open == OPEN_INDENTED) close_block(s);
    if (indent == 0 && s->after_blank && list_mark(line) == 0) s->in_list = false;
    if (heading(s, line) || underline(s, line) || table(s, line) || fence(s, line)) {
        s->after_blank = false;
        return;
    }
    if (is_thematic_break(line) || (s->open == OPEN_NONE && is_definition(line)))
        close_block(s);
    else if (!item(s, line))
        add_line(s, s->open == OPEN_ITEM ? OPEN_ITEM : OPEN_PARAGRAPH, line);
    s->after_blank = false;
}

/* ---- the file ----------------------------------------------------------------------------- */

static str next_line(str all, size_t *at) {
    size_t end = str_find(all, STR("\n"), *at);
    str line = str_cut(all, *at, end);
    *at = end == SIZE_MAX ? all.n : end + 1;
    return line;
}

/* "Date: 2024-05-01. Tags: iron, blood": a reader asks for both. */
static void put_front(const markdown_front *f, record_writer *out) {
    text t = {0};
    if (f->date.n > 0) text_printf(&t, "Date: " STR_FMT, STR_ARG(text_str(&f->date)));
    if (f->tags.n > 0)
        text_printf(&t, "%sTags: " STR_FMT, t.n ? ". " : "", STR_ARG(text_str(&f->tags)));
    record_block(out, INGEST_ROLE_PARAGRAPH, 0, 1);
    record_line(out, text_str(&t), (box){0}, 0);
    text_free(&t);
}

/* A block of HTML at this place. */
static bool html_block(state *s, str all, size_t *at) {
    size_t begin = *at, end = begin, bytes;
    str line = str_trim(next_line(all, &end));
    bool may = s->open == OPEN_NONE || (s->after_blank && s->open != OPEN_CODE);
    if (!may || s->until || line.n == 0 || line.p[0] != '<' ||
        !markdown_html_begins(line, str_cut(all, begin, all.n), &bytes))
        return false;
    close_block(s);
    markdown_html_write(str_cut(all, begin, begin + bytes), s->out);
    *at = begin + bytes;
    s->after_blank = true;
    return true;
}

bool parse_markdown(const parse_input *in, record_writer *out, error *err) {
    text utf8 = {0};
    state s = {.out = out, .after_blank = true, .title_level = 9};
    markdown_front front = {0};
    bool ok = parse_to_utf8(in->bytes, (str){0}, &utf8, err);
    if (!ok) goto done;
    str all = text_str(&utf8);
    size_t at = markdown_front_read(all, &front);
    str language = text_str(&front.language);
    text_put(&s.title, text_str(&front.title));
    if (s.title.n > 0) s.title_level = 0;
    bool empty = str_trim(str_cut(all, at, all.n)).n == 0;
    record_document(out, in->name, STR("markdown"), language);
    record_date(out, text_str(&front.date));
    record_page(out, 1, (str){0}, 0, 0, empty ? INGEST_FATE_EMPTY : INGEST_FATE_TEXT);
    if (!empty) put_front(&front, out);
    while (at < all.n)
        if (!html_block(&s, all, &at)) one_line(&s, next_line(all, &at));
    close_block(&s);
    if (s.struck_bytes > 0) record_note(out, PARSE_STRUCK_NOTE, s.struck_bytes);
    if (s.title.n > 0) record_document(out, text_str(&s.title), STR("markdown"), language);
done:
    markdown_front_free(&front);
    text_free(&s.t);
    text_free(&s.mark);
    text_free(&s.plain);
    text_free(&s.title);
    text_free(&utf8);
    return ok;
}
