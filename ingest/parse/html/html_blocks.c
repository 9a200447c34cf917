/* The chosen part of a page, as blocks.
 *
 * Owns the turning of tags into roles: headings with their level, paragraphs, list items with
 * their mark or number, table rows with their cells parted by " | ", captions, code. White space
 * is collapsed as a browser does; <br> ends a line of a block, an empty line ends the block.
 *
 * One walk in document order, which enters and leaves each node; what is open stands in a small
 * stack of lists and at most one row. A table that only places things is walked as if it were
 * divs. A cell that spans rows is said again in each of them, so that every row can be read alone.
 *
 * It never decides what is text: what html_main.c dropped is not entered.
 */
#include "ingest/parse/html/html.h"

#include <stdlib.h>
#include <string.h>

/* Lists deeper than this share the innermost mark. */
#define LIST_DEPTH_MAX 16
/* Cells that are carried down for rowspan; a table of data is seldom wider. */
#define COLUMNS_MAX 64
#define SPAN_ROWS_MAX 500
/* A longer cell is not said again in the rows that it spans. */
#define SPAN_TEXT_MAX 200
/* A term of a definition list is put before its definition up to this length. */
#define TERM_MAX_BYTES 100

/* More rows than this are no head, whatever they say. */
#define HEAD_ROWS_MAX 5
/* Of a whole document. A few bytes can ask for thousands; no table that people read comes near. */
#define REPEAT_MAX_BYTES (4u << 20)
/* U+001F, the unit separator: stands in no text that was checked. */
#define CELL_END '\x1f'
/* A cell that spans columns is said again in each of them up to this length. */
#define WIDE_TEXT_MAX 80

typedef struct {
    bool ordered;
    char style;  /* of an ordered list: '1', 'a', 'A', 'i', 'I' */
    long number; /* of the next item */
} open_list;

/* A cell of a row above that reaches down. */
typedef struct {
    int rows_left;
    text t;
} spanning;

typedef struct {
    record_writer *out;
    uint32_t page;
    text t; /* the block so far; its lines parted by '\n' */
    ingest_role role;
    uint8_t level;
    bool space;  /* white space is due before the next character */
    int pre;     /* depth of <pre> */
    int label;   /* depth of what stands beside the text */
    size_t mark; /* bytes of the list mark or term at the start of t */
    bool term;   /* t is a term that waits for its definition */
    open_list lists[LIST_DEPTH_MAX];
    int depth;
    const xmlNode *row; /* the open row of data, its cells so far in cells, parted by CELL_END */
    text cells;
    size_t column;
    bool row_has_text;
    size_t head_rows, body_rows; /* of the open table, so far */
    size_t repeated;             /* bytes of cells that were said again */
    text head; /* the head of the open table, as cells; it is put before the next block */
    spanning spans[COLUMNS_MAX];
    script_state scripts;
    script_level script; /* of the text that comes */
    bool note;           /* it leads to a note */
    const xmlNode *script_at;
    bool after_math; /* the text ends with a digit of a formula */
} state;

/* ---- text --------------------------------------------------------------------------------- */

static void put_cells(state *s, ingest_role role, text *cells) {
    text line = {0};
    for (size_t i = 0; i < cells->n; i++) {
        if (cells->p[i] == CELL_END)
            text_put(&line, STR(" | "));
        else
            text_put_char(&line, cells->p[i]);
    }
    if (line.n > 0) {
        record_block(s->out, role, 0, s->page);
        record_line(s->out, text_str(&line), (box){0}, 0);
    }
    text_clear(cells);
    text_free(&line);
}

static void put_block(state *s) {
    if (s->head.n > 0 && s->t.n > 0) put_cells(s, INGEST_ROLE_TABLE_ROW, &s->head);
    str all = text_str(&s->t);
    bool any = false;
    /* an item with nothing behind its mark is none */
    for (size_t i = s->role == INGEST_ROLE_LIST_ITEM ? s->mark : 0; i < all.n && !any; i++)
        any = all.p[i] != ' ' && all.p[i] != '\n';
    if (any) {
        record_block(s->out, s->role, s->role == INGEST_ROLE_HEADING ? s->level : 0, s->page);
        for (size_t i = 0; i < all.n;) {
            size_t end = i;
            while (end < all.n && all.p[end] != '\n') end++;
            record_line(s->out, str_cut(all, i, end), (box){0}, 0);
            i = end + 1;
        }
    }
    text_clear(&s->t);
}

/* Ends the block, and begins one with this role. In a cell blocks are only parted by a space. */
static void next_block(state *s, ingest_role role, uint8_t level) {
    if (s->row) {
        s->space = s->t.n > 0;
        return;
    }
    put_block(s);
    bool beside = s->label > 0 && role != INGEST_ROLE_CODE;
    s->term = false;
    s->space = false;
    s->role = beside ? INGEST_ROLE_CAPTION : role;
    s->level = level;
    s->mark = 0;
}

/* What is raised or lowered waits for what follows it. */
static void settle(state *s, str next) {
    if (s->scripts.level != SCRIPT_BASE) script_flush(&s->scripts, &s->t, next);
}

static void put_code_text(state *s, const char *p) {
    text piece = {0};
    for (; *p; p++) text_put_char(&piece, *p == '\t' ? ' ' : *p);
    script_put(&s->scripts, &s->t, text_str(&piece), s->script, s->note);
    text_free(&piece);
}

static void put_due_space(state *s, text *to) {
    if (s->space && to->n > 0 && to->p[to->n - 1] != '\n') text_put_char(to, ' ');
    s->space = false;
}

/* White space collapsed; no-break spaces are spaces, soft hyphens and zero-width spaces nothing. */
static void put_collapsed(state *s, text *to, const char *p) {
    while (*p) {
        const unsigned char *u = (const unsigned char *)p;
        if (*u <= ' ') {
            s->space = true;
            p++;
        } else if (u[0] == 0xC2 && u[1] == 0xA0) {
            s->space = true;
            p += 2;
        } else if (u[0] == 0xC2 && u[1] == 0xAD) {
            p += 2;
        } else if (u[0] == 0xE2 && u[1] == 0x80 && u[2] == 0x8B) {
            p += 3;
        } else {
            put_due_space(s, to);
            text_put_char(to, *p++);
        }
    }
}

static void put_flow_text(state *s, const char *p) {
    if (s->after_math && *p >= '0' && *p <= '9') s->space = true;
    s->after_math = false;
    if (s->script == SCRIPT_BASE) {
        settle(s, s->space ? STR(" ") : str_of(p));
        put_collapsed(s, &s->t, p);
        return;
    }
    text piece = {0};
    if (s->scripts.level != s->script) { /* the space before it is of the line */
        settle(s, s->space ? STR(" ") : str_of(p));
        put_due_space(s, &s->t);
    } else if (s->space) {
        text_put_char(&piece, ' ');
        s->space = false;
    }
    put_collapsed(s, &piece, p);
    script_put(&s->scripts, &s->t, text_str(&piece), s->script, s->note);
    text_free(&piece);
}

/* A formula; a digit of it stands apart from one of the text. */
static void put_math(state *s, const xmlNode *n) {
    text line = {0};
    html_math_put(n, &line);
    settle(s, STR(" "));
    bool digit = line.n > 0 && line.p[0] >= '0' && line.p[0] <= '9';
    bool behind = s->t.n > 0 && s->t.p[s->t.n - 1] >= '0' && s->t.p[s->t.n - 1] <= '9';
    if (digit && behind) s->space = true;
    if (line.n > 0) put_flow_text(s, line.p);
    digit = line.n > 0 && line.p[line.n - 1] >= '0' && line.p[line.n - 1] <= '9';
    s->after_math = digit;
    text_free(&line);
}

/* <br>: a new line of the block; a second one in a row begins a new paragraph. */
static void put_break(state *s) {
    if (s->row) {
        s->space = true;
        return;
    }
    s->space = false;
    if (s->pre) {
        text_put_char(&s->t, '\n');
        return;
    }
    if (s->t.n > 0 && s->t.p[s->t.n - 1] == '\n')
        next_block(s, s->role == INGEST_ROLE_HEADING ? INGEST_ROLE_HEADING : INGEST_ROLE_PARAGRAPH,
                   s->level);
    else if (s->t.n > 0)
        text_put_char(&s->t, '\n');
}

/* ---- lists -------------------------------------------------------------------------------- */

static long small_number(str s, long otherwise) {
    char digits[8] = "";
    s = str_trim(s);
    if (s.n == 0 || s.n >= sizeof digits) return otherwise;
    memcpy(digits, s.p, s.n);
    char *end;
    long v = strtol(digits, &end, 10);
    return *end ? otherwise : v;
}

static void open_a_list(state *s, const xmlNode *n) {
    next_block(s, INGEST_ROLE_PARAGRAPH, 0);
    if (s->depth < LIST_DEPTH_MAX) {
        str type = html_attribute(n, "type");
        s->lists[s->depth] = (open_list){
            .ordered = html_tag_is(n, "ol"),
            .style = type.n == 1 ? type.p[0] : '1',
            .number = small_number(html_attribute(n, "start"), 1),
        };
    }
    s->depth++;
}

static void put_roman(text *t, long v) {
    static const struct {
        int value;
        const char *digits;
    } parts[] = {{100, "c"}, {90, "xc"}, {50, "l"}, {40, "xl"}, {10, "x"},
                 {9, "ix"},  {5, "v"},   {4, "iv"}, {1, "i"}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (; v >= parts[i].value; v -= parts[i].value) text_put(t, str_of(parts[i].digits));
}

/* "- ", "3. ", "c. ", "iv. " */
static void put_mark(state *s, const xmlNode *item) {
    open_list loose = {.ordered = false};
    int top = s->depth < LIST_DEPTH_MAX ? s->depth : LIST_DEPTH_MAX;
    open_list *list = top > 0 ? &s->lists[top - 1] : &loose;
    if (!list->ordered) {
        text_put(&s->t, STR("- "));
        return;
    }
    list->number = small_number(html_attribute(item, "value"), list->number);
    long v = list->number++;
    size_t before = s->t.n;
    if ((list->style == 'a' || list->style == 'A') && v >= 1 && v <= 26)
        text_put_char(&s->t, (char)('a' + v - 1));
    else if ((list->style == 'i' || list->style == 'I') && v >= 1 && v <= 300)
        put_roman(&s->t, v);
    else
        text_printf(&s->t, "%ld", v);
    if (list->style == 'A' || list->style == 'I')
        for (size_t i = before; i < s->t.n; i++) s->t.p[i] = (char)(s->t.p[i] - 32);
    text_put(&s->t, STR(". "));
}

/* ---- tables ------------------------------------------------------------------------------- */

static void put_cell(state *s, str cell) {
    if (s->column > 0) text_put_char(&s->cells, CELL_END);
    text_put(&s->cells, cell);
    s->row_has_text = s->row_has_text || cell.n > 0;
    s->column++;
}

/* The cells from rows above that stand at this column. */
static void put_spanning(state *s) {
    while (s->column < COLUMNS_MAX && s->spans[s->column].rows_left > 0) {
        spanning *span = &s->spans[s->column];
        span->rows_left--;
        s->repeated += span->t.n + 1;
        put_cell(s, text_str(&span->t));
    }
}

/* This cell at this column; `rows` more below take it over. */
static void put_spanned(state *s, str cell, long rows) {
    put_spanning(s);
    if (s->column < COLUMNS_MAX && rows > 0) {
        spanning *span = &s->spans[s->column];
        span->rows_left = (int)rows;
        text_clear(&span->t);
        if (cell.n <= SPAN_TEXT_MAX) text_put(&span->t, cell);
    }
    put_cell(s, cell);
}

static void leave_cell(state *s, const xmlNode *n) {
    str cell = str_trim(text_str(&s->t));
    long rows = small_number(html_attribute(n, "rowspan"), 1);
    long columns = small_number(html_attribute(n, "colspan"), 1);
    if (rows > SPAN_ROWS_MAX) rows = 1;
    /* alone in its row it is a heading of the rows below */
    if (columns > COLUMNS_MAX || html_info_of(s->row)->cells < 2) columns = 1;
    if (s->repeated > REPEAT_MAX_BYTES) rows = columns = 1;
    for (long i = 0; i < columns || i == 0; i++) {
        str again = cell.n <= WIDE_TEXT_MAX ? cell : (str){0};
        put_spanned(s, i == 0 ? cell : again, rows - 1);
        s->repeated += i == 0 ? 0 : again.n + 1;
    }
    text_clear(&s->t);
    s->space = false;
}

/* A row of <thead>, or one of nothing but <th>, above all others. */
static bool is_head_row(const state *s, const xmlNode *row) {
    size_t heads = 0, cells = html_info_of(row)->cells;
    if (s->body_rows > 0 || s->head_rows >= HEAD_ROWS_MAX) return false;
    for (const xmlNode *c = row->children; c; c = c->next) heads += html_tag_is(c, "th");
    bool several = cells > 1 || s->head_rows > 0;
    return several && (html_tag_is(row->parent, "thead") || heads == cells);
}

/* One <th> over the whole width, above all others, is the table's title. */
static bool is_title_row(const state *s, const xmlNode *row) {
    const xmlNode *cell = row->children;
    if (s->body_rows + s->head_rows > 0 || html_info_of(row)->cells != 1) return false;
    while (cell && html_kind_of(cell) != HTML_CELL) cell = cell->next;
    return cell && html_tag_is(cell, "th") && small_number(html_attribute(cell, "colspan"), 1) > 1;
}

/* "Dose" over "mg" and "ml" is "Dose mg" and "Dose ml": one row that can be said again. */
static void join_heads(state *s) {
    text joined = {0};
    str above = text_str(&s->head), below = text_str(&s->cells);
    const str mark = {(const char[]){CELL_END}, 1};
    for (size_t i = 0, k = 0; i <= above.n || k <= below.n;) {
        size_t end_i = i <= above.n ? str_find(above, mark, i) : SIZE_MAX;
        size_t end_k = k <= below.n ? str_find(below, mark, k) : SIZE_MAX;
        str a = str_cut(above, i, end_i), b = str_cut(below, k, end_k);
        if (i + k > 0) text_put_char(&joined, CELL_END);
        text_put(&joined, a);
        if (a.n > 0 && b.n > 0 && !str_eq(a, b)) text_put_char(&joined, ' ');
        if (!str_eq(a, b)) text_put(&joined, b);
        i = end_i == SIZE_MAX ? above.n + 1 : end_i + 1;
        k = end_k == SIZE_MAX ? below.n + 1 : end_k + 1;
    }
    text_clear(&s->head);
    text_put(&s->head, text_str(&joined));
    text_free(&joined);
}

static void leave_row(state *s) {
    const xmlNode *row = s->row;
    put_spanning(s);
    s->row = NULL;
    text_clear(&s->t);
    if (s->row_has_text && is_title_row(s, row)) {
        put_cells(s, INGEST_ROLE_CAPTION, &s->cells);
    } else if (s->row_has_text && !is_head_row(s, row)) {
        put_cells(s, INGEST_ROLE_TABLE_ROW, &s->head);
        put_cells(s, INGEST_ROLE_TABLE_ROW, &s->cells);
        s->body_rows++;
    } else if (s->row_has_text) {
        if (s->head_rows++ == 0)
            text_put(&s->head, text_str(&s->cells));
        else
            join_heads(s);
    }
    text_clear(&s->cells);
}

static void enter_row(state *s, const xmlNode *n) {
    next_block(s, INGEST_ROLE_PARAGRAPH, 0);
    s->row = n;
    s->column = 0;
    s->row_has_text = false;
    text_clear(&s->cells);
}

static const xmlNode *table_of(const xmlNode *n) {
    while (n && html_kind_of(n) != HTML_TABLE)
        n = n->parent && n->parent->type == XML_ELEMENT_NODE ? n->parent : NULL;
    return n;
}

/* A row or cell of a table of data, as against one that only places things. */
static bool is_data(const xmlNode *n) {
    const xmlNode *table = table_of(n);
    return table && !html_is_layout_table(table);
}

/* Cells reach down to the end of their group of rows. */
static void end_spans(state *s) {
    for (size_t i = 0; i < COLUMNS_MAX && !s->row; i++) s->spans[i].rows_left = 0;
}

/* ---- the walk ----------------------------------------------------------------------------- */

static void enter_item(state *s, const xmlNode *n) {
    next_block(s, INGEST_ROLE_LIST_ITEM, 0);
    if (s->row || html_info_of(n)->text == 0) return;
    put_mark(s, n);
    s->mark = s->t.n;
}

static void enter_definition(state *s) {
    if (s->term && !s->row && s->t.n <= TERM_MAX_BYTES) {
        s->term = false;
        if (s->t.n > 0 && s->t.p[s->t.n - 1] != ':') text_put_char(&s->t, ':');
        s->space = true;
        s->mark = s->t.n;
        return;
    }
    next_block(s, INGEST_ROLE_PARAGRAPH, 0);
}

/* Raised and lowered letters; in others of their kind they are written as powers and indices. */
static void enter_script(state *s, const xmlNode *n) {
    script_level level = html_script_level(n);
    if (level == SCRIPT_BASE) return;
    if (s->script_at) {
        put_flow_text(s, level == SCRIPT_RAISED ? "^" : "_");
        return;
    }
    s->script = level;
    s->note = html_script_is_note(n);
    s->script_at = n;
}

static void leave_script(state *s, const xmlNode *n) {
    if (n != s->script_at) return;
    s->script_at = NULL;
    s->script = SCRIPT_BASE;
    s->note = false;
}

static void enter(state *s, const xmlNode *n) {
    enter_script(s, n);
    if (html_kind_of(n) >= HTML_BREAK) settle(s, (str){0});
    if (html_kind_of(n) != HTML_SKIP && html_info_of(n)->label) {
        settle(s, (str){0});
        s->label++;
        next_block(s, INGEST_ROLE_CAPTION, 0);
    }
    switch (html_kind_of(n)) {
    case HTML_BREAK:
        put_break(s);
        break;
    case HTML_HEADING:
        next_block(s, INGEST_ROLE_HEADING, (uint8_t)(n->name[1] - '0'));
        break;
    case HTML_LIST:
        open_a_list(s, n);
        break;
    case HTML_ITEM:
        enter_item(s, n);
        break;
    case HTML_ROW:
        if (!s->row && is_data(n))
            enter_row(s, n);
        else
            next_block(s, INGEST_ROLE_PARAGRAPH, 0);
        break;
    case HTML_CELL:
        if (s->row && s->row == n->parent)
            text_clear(&s->t);
        else
            next_block(s, INGEST_ROLE_PARAGRAPH, 0);
        break;
    case HTML_CAPTION:
        next_block(s, INGEST_ROLE_CAPTION, 0);
        break;
    case HTML_PRE:
        next_block(s, INGEST_ROLE_CODE, 0);
        s->pre++;
        break;
    case HTML_DEFINITION:
        enter_definition(s);
        break;
    case HTML_TABLE:
        next_block(s, INGEST_ROLE_PARAGRAPH, 0);
        end_spans(s);
        if (!s->row) s->head_rows = s->body_rows = 0;
        break;
    case HTML_BLOCK:
    case HTML_SITE:
    case HTML_PARAGRAPH:
    case HTML_TERM:
        /* the first paragraph of a list item goes on behind its mark, that of a definition behind
           its term */
        if (s->mark == 0 || s->t.n > s->mark || s->row) next_block(s, INGEST_ROLE_PARAGRAPH, 0);
        break;
    case HTML_INLINE:
    case HTML_LINK:
    case HTML_SKIP:
        break;
    }
}

static void leave(state *s, const xmlNode *n) {
    html_kind kind = html_kind_of(n);
    bool label = html_info_of(n)->label;
    leave_script(s, n);
    if (kind >= HTML_BREAK || label) settle(s, (str){0});
    if (label) s->label--;
    if (kind == HTML_PRE && s->pre > 0) s->pre--;
    if (kind == HTML_LIST && s->depth > 0) s->depth--;
    if (html_tag_is(n, "thead") || html_tag_is(n, "tbody")) end_spans(s);
    if (kind == HTML_CELL && s->row && s->row == n->parent) {
        leave_cell(s, n);
    } else if (kind == HTML_ROW && s->row == n) {
        leave_row(s);
    } else if (kind == HTML_TABLE && !s->row) {
        next_block(s, INGEST_ROLE_PARAGRAPH, 0);
        put_cells(s, INGEST_ROLE_TABLE_ROW, &s->head);
    } else if (kind == HTML_TERM && !s->row) {
        s->term = true;
    } else if (kind >= HTML_BLOCK || label) {
        next_block(s, INGEST_ROLE_PARAGRAPH, 0);
    }
}

static void put_node_text(state *s, const xmlNode *n) {
    if (s->row && html_kind_of(n->parent) == HTML_ROW) return; /* white space between cells */
    if (s->pre && !s->row)
        put_code_text(s, (const char *)n->content);
    else
        put_flow_text(s, (const char *)n->content);
}

void html_blocks_write(xmlNode *root, record_writer *out) {
    html_blocks_write_on(root, 1, out);
}

void html_blocks_write_on(xmlNode *root, uint32_t page, record_writer *out) {
    state s = {.out = out, .page = page, .role = INGEST_ROLE_PARAGRAPH};
    xmlNode *n = root;
    s.scripts.labels = html_script_labels(root);
    for (;;) {
        bool element = n->type == XML_ELEMENT_NODE;
        bool skip = html_kind_of(n) == HTML_SKIP || (element && html_info_of(n)->drop);
        bool math = !skip && html_math_is(n);
        if (!element && !skip && n->content) put_node_text(&s, n);
        if (math) put_math(&s, n);
        if (element && !skip && !math) {
            enter(&s, n);
            if (n->children) {
                n = n->children;
                continue;
            }
            leave(&s, n);
        }
        while (n != root && !n->next) {
            n = n->parent;
            leave(&s, n);
        }
        if (n == root) break;
        n = n->next;
    }
    settle(&s, (str){0});
    next_block(&s, INGEST_ROLE_PARAGRAPH, 0);
    script_free(&s.scripts);
    text_free(&s.t);
    text_free(&s.cells);
    text_free(&s.head);
    for (size_t i = 0; i < COLUMNS_MAX; i++) text_free(&s.spans[i].t);
}
