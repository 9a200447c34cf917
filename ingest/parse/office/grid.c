/* Finds the tables of a sheet and writes them so that no row stands without its headings.
 *
 * Rows up to an empty one are a region. Its first rows with one cell are titles; the first row with
 * several is the head, unless it looks like the rows below it; two rows of head become one where cells
 * of the first span. Tables side by side are parted at an empty column, but only where each has a
 * head of its own: a wrong parting would take the name from its figures. A region that goes on with
 * figures in the columns of the table above belongs to that. Where the head is too long to be said again
 * in each chunk, the rows say it themselves: "heading: value".
 *
 * A region is held until it ends or grows past a limit; from there on its rows are written as they
 * come, so that a sheet of a million rows needs no more memory than its start.
 */
#include "ingest/parse/office/grid.h"

#include <string.h>

/* Text and cells of a region that are held before its layout is settled. */
#define HELD_BYTES (16u << 20)
/* The chunker says a head again up to 100 tokens; a token of a heading has about three bytes. */
#define HEAD_MAX_BYTES 300u
/* A row of pairs is cut behind this, each part with the row's first cell: a chunk holds 300 tokens. */
#define PAIRS_MAX_BYTES 700u
/* Rows looked at to tell a head from what is below it. */
#define SAMPLE_ROWS 20u
/* One range over numbers may be a value among others; two are names. */
#define STEPS_MIN 2u
/* An empty stretch in a table that goes on behind it. */
#define GAP_ROWS 2u
#define NO_COLUMN UINT32_MAX

typedef struct {
    uint32_t column, columns;
    size_t begin, end; /* in the held text */
    bool is_number;
} cell;

typedef struct {
    size_t first, count; /* cells */
} row;

/* Columns [begin, end) that make one table. */
typedef struct {
    uint32_t begin, end;
} span;

struct grid {
    story *s;
    text held;
    cell *cells;
    size_t cell_count, cell_room;
    row *rows;
    size_t row_count, row_room;
    size_t open; /* the first cell of the open row */
    uint32_t next_row;
    uint32_t gap;
    bool streaming; /* the layout of the region is settled */
    /* the table that is written */
    uint32_t *columns; /* those that it has, in order */
    size_t column_count, column_room;
    text *heads; /* by place in columns */
    size_t head_count;
    bool pairs;
    span last; /* columns of the table above, for one that goes on behind a gap */
    bool has_last;
};

grid *grid_new(story *s) {
    grid *g = mem_new(1, sizeof *g);
    g->s = s;
    return g;
}

static void free_heads(grid *g) {
    for (size_t i = 0; i < g->head_count; i++) text_free(&g->heads[i]);
    mem_free(g->heads);
    g->heads = NULL;
    g->head_count = 0;
}

void grid_free(grid *g) {
    if (!g) return;
    free_heads(g);
    text_free(&g->held);
    mem_free(g->cells);
    mem_free(g->rows);
    mem_free(g->columns);
    mem_free(g);
}

static str text_of(const grid *g, const cell *c) {
    return str_cut(text_str(&g->held), c->begin, c->end);
}

/* ---- what a row looks like ----------------------------------------------------------------- */

/* The cells of a row within a span. */
static size_t cells_in(const grid *g, const row *r, span s, size_t *first) {
    size_t i = r->first, end = r->first + r->count;
    while (i < end && g->cells[i].column < s.begin) i++;
    *first = i;
    while (i < end && g->cells[i].column < s.end) i++;
    return i - *first;
}

static const cell *cell_at(const grid *g, const row *r, uint32_t column) {
    size_t low = r->first, high = r->first + r->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (g->cells[middle].column < column)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < r->first + r->count && g->cells[low].column == column;
    return found ? &g->cells[low] : NULL;
}

static bool is_year(str t) {
    return t.n == 4 && (str_starts(t, STR("19")) || str_starts(t, STR("20"))) && t.p[2] >= '0' &&
           t.p[2] <= '9' && t.p[3] >= '0' && t.p[3] <= '9';
}

static bool is_figure(const grid *g, const cell *c) {
    return c->is_number && !is_year(text_of(g, c));
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* "10-49", "100+", "01/2024": made of digits, and no amount. */
static bool is_step(str t) {
    t = str_trim(t);
    if (t.n < 2 || !is_digit(t.p[0])) return false;
    if (t.p[t.n - 1] == '+') return true;
    for (size_t i = 1; i + 1 < t.n; i++) {
        size_t dash =
            str_starts(str_cut(t, i, t.n), STR("\u2013")) ? 3 : strchr("-/", t.p[i]) != NULL;
        if (dash && is_digit(t.p[i - 1]) && i + dash < t.n && is_digit(t.p[i + dash])) return true;
    }
    return false;
}

/* "1,95": an amount, whatever the file says that it is. */
static bool is_plain(str t) {
    for (size_t i = 0; i < t.n; i++)
        if (!is_digit(t.p[i]) && (i == 0 || !strchr(" .,", t.p[i]))) return false;
    return t.n > 0;
}

/* Steps that columns go up by, one behind the other: two and more, no two the same, over plain
 * numbers. Gives the first cell of them; a number behind them is the last step. */
static size_t find_steps(const grid *g, size_t r, size_t end, size_t first, size_t count) {
    size_t found = 0, from = SIZE_MAX;
    str before = {0};
    for (size_t i = first; i < first + count; i++) {
        str t = text_of(g, &g->cells[i]);
        if (!is_step(t)) continue;
        for (size_t k = r + 1; k < end && k <= r + SAMPLE_ROWS; k++) {
            const cell *below = cell_at(g, &g->rows[k], g->cells[i].column);
            if (!below) continue;
            str value = text_of(g, below);
            if (is_step(value) || (!below->is_number && !is_plain(value))) return SIZE_MAX;
        }
        if (found > 0 && str_eq(t, before)) return SIZE_MAX;
        if (found++ == 0) from = i;
        before = t;
    }
    return found >= STEPS_MIN ? from : SIZE_MAX;
}

/* Is cell i one of the steps that begin at `from`? */
static bool is_of_steps(const grid *g, size_t i, size_t from) {
    if (from == SIZE_MAX || i < from) return false;
    return is_step(text_of(g, &g->cells[i])) || (i > from && is_step(text_of(g, &g->cells[i - 1])));
}

/* Does row `r` name the columns of the rows below it? */
static bool is_head(const grid *g, size_t r, size_t end, span s) {
    size_t first, figures = 0, differs = 0, same = 0;
    size_t count = cells_in(g, &g->rows[r], s, &first);
    if (count < 2) return false;
    size_t steps = find_steps(g, r, end, first, count);
    for (size_t i = first; i < first + count; i++) {
        const cell *c = &g->cells[i];
        size_t numbers = 0, texts = 0;
        bool figure = is_figure(g, c) && !is_of_steps(g, i, steps);
        figures += figure;
        for (size_t k = r + 1; k < end && k <= r + SAMPLE_ROWS; k++) {
            const cell *below = cell_at(g, &g->rows[k], c->column);
            if (below) ++*(below->is_number ? &numbers : &texts);
        }
        if (numbers + texts == 0) continue;
        if ((numbers > texts) != figure) /* a name over figures, a figure over names */
            differs++;
        else
            same++;
    }
    return figures == 0 || differs > same;
}

/* ---- writing rows -------------------------------------------------------------------------- */

static void put_row_text(grid *g, const text *t, uint8_t level) {
    size_t n = t->n;
    while (n >= 2 && t->p[n - 1] == ' ' && t->p[n - 2] == '|') n -= n >= 3 ? 3 : 2;
    story_block(g->s, INGEST_ROLE_TABLE_ROW, level, str_cut(text_str(t), 0, n));
}

static void put_one_line(text *out, str t) {
    t = str_trim(t);
    for (size_t i = 0; i < t.n; i++) text_put_char(out, t.p[i] == '\n' ? ' ' : t.p[i]);
}

/* "a |  | b": a place for each column, then what stands in none of them. */
static void put_cells(grid *g, const row *r, span s, uint8_t level) {
    text t = {0};
    size_t first, count = cells_in(g, r, s, &first), at = first, placed = 0;
    for (size_t i = 0; i < g->column_count && placed < count; i++) {
        while (at < first + count && g->cells[at].column < g->columns[i]) at++;
        if (i > 0) text_put(&t, STR(" | "));
        if (at >= first + count || g->cells[at].column != g->columns[i]) continue;
        put_one_line(&t, text_of(g, &g->cells[at]));
        placed++;
    }
    size_t known = 0;
    for (size_t i = first; i < first + count && placed < count; i++) {
        while (known < g->column_count && g->columns[known] < g->cells[i].column) known++;
        if (known < g->column_count && g->columns[known] == g->cells[i].column) continue;
        if (t.n > 0) text_put(&t, STR(" | "));
        put_one_line(&t, text_of(g, &g->cells[i]));
    }
    if (count > 0) put_row_text(g, &t, level);
    text_free(&t);
}

static void put_pair(grid *g, text *t, const cell *c, size_t place) {
    if (place < g->head_count && g->columns[place] == c->column && g->heads[place].n > 0) {
        text_put(t, text_str(&g->heads[place]));
        text_put(t, STR(": "));
    }
    put_one_line(t, text_of(g, c));
}

/* "Name: X | Dose: 5 mg", in parts that each begin with the row's first cell. */
static void put_pairs(grid *g, const row *r, span s) {
    text t = {0}, key = {0};
    size_t first, count = cells_in(g, r, s, &first), place = 0;
    for (size_t i = first; i < first + count; i++) {
        while (place < g->column_count && g->columns[place] < g->cells[i].column) place++;
        if (i == first) put_pair(g, &key, &g->cells[i], place);
        if (t.n > PAIRS_MAX_BYTES) {
            put_row_text(g, &t, INGEST_ROW_BODY);
            text_clear(&t);
            text_put(&t,
                     str_cut(text_str(&key), 0, utf8_floor(text_str(&key), PAIRS_MAX_BYTES / 4)));
        }
        if (t.n > 0) text_put(&t, STR(" | "));
        put_pair(g, &t, &g->cells[i], place);
    }
    if (count > 0) put_row_text(g, &t, INGEST_ROW_BODY);
    text_free(&t);
    text_free(&key);
}

static void put_body(grid *g, const row *r, span s) {
    if (g->pairs)
        put_pairs(g, r, s);
    else
        put_cells(g, r, s, INGEST_ROW_BODY);
}

/* ---- a table ------------------------------------------------------------------------------- */

static void add_column(grid *g, uint32_t column) {
    if (g->column_count == g->column_room) {
        g->column_room = g->column_room ? 2 * g->column_room : 32;
        g->columns = mem_grow(g->columns, g->column_room, sizeof *g->columns);
    }
    g->columns[g->column_count++] = column;
}

/* The columns that hold anything in these rows. */
static void find_columns(grid *g, size_t begin, size_t end, span s) {
    bool *used = mem_new(GRID_COLUMNS_MAX, sizeof *used);
    for (size_t r = begin; r < end; r++)
        for (size_t i = 0; i < g->rows[r].count; i++)
            used[g->cells[g->rows[r].first + i].column] = true;
    g->column_count = 0;
    for (uint32_t c = s.begin; c < s.end && c < GRID_COLUMNS_MAX; c++)
        if (used[c]) add_column(g, c);
    mem_free(used);
}

/* Of two rows of head the second stands below the spanning cells of the first. */
static bool head_has_two_rows(const grid *g, size_t r, size_t end, span s) {
    size_t first, count = cells_in(g, &g->rows[r], s, &first), spans = 0;
    for (size_t i = first; i < first + count; i++) spans += g->cells[i].columns > 1;
    if (spans == 0 || r + 2 >= end) return false;
    count = cells_in(g, &g->rows[r + 1], s, &first);
    for (size_t i = first; i < first + count; i++)
        if (is_figure(g, &g->cells[i])) return false;
    return count >= 2;
}

static void put_heading_below(grid *g, const row *r, size_t place, text *out) {
    const cell *over = NULL;
    for (size_t i = 0; i < r->count; i++) {
        const cell *c = &g->cells[r->first + i];
        if (c->column <= g->columns[place] && g->columns[place] < c->column + c->columns) over = c;
    }
    if (!over) return;
    text line = {0};
    put_one_line(&line, text_of(g, over));
    bool again = str_eq(text_str(&line), text_str(out)); /* a cell that spans both rows */
    if (out->n > 0 && !again) text_put_char(out, ' ');
    if (!again) text_put(out, text_str(&line));
    text_free(&line);
}

static void make_heads(grid *g, size_t r, size_t rows) {
    free_heads(g);
    g->heads = mem_new(g->column_count, sizeof *g->heads);
    g->head_count = g->column_count;
    size_t bytes = 0;
    for (size_t place = 0; place < g->column_count; place++) {
        for (size_t k = 0; k < rows; k++)
            put_heading_below(g, &g->rows[r + k], place, &g->heads[place]);
        bytes += g->heads[place].n + 3;
    }
    g->pairs = bytes > HEAD_MAX_BYTES;
}

static void put_head(grid *g, size_t r, size_t rows, span s) {
    make_heads(g, r, rows);
    if (rows == 1) {
        put_cells(g, &g->rows[r], s, INGEST_ROW_HEAD);
        return;
    }
    text t = {0};
    for (size_t place = 0; place < g->head_count; place++) {
        if (place > 0) text_put(&t, STR(" | "));
        text_put(&t, text_str(&g->heads[place]));
    }
    put_row_text(g, &t, INGEST_ROW_HEAD);
    text_free(&t);
}

/* Rows of one cell: in front of a table its titles, else paragraphs. */
static size_t put_titles(grid *g, size_t begin, size_t end, span s) {
    size_t r = begin;
    for (; r < end; r++) {
        size_t first, count = cells_in(g, &g->rows[r], s, &first);
        if (count > 1) break;
        text t = {0};
        if (count == 1) put_one_line(&t, text_of(g, &g->cells[first]));
        bool last = r + 1 < end && cells_in(g, &g->rows[r + 1], s, &first) > 1;
        story_block(g->s, last ? INGEST_ROLE_CAPTION : INGEST_ROLE_PARAGRAPH, 0, text_str(&t));
        text_free(&t);
    }
    return r;
}

/* Figures in columns of the table above, a short gap behind it. */
static bool goes_on(const grid *g, size_t begin, size_t end, span s) {
    return g->has_last && g->gap <= GAP_ROWS && s.begin >= g->last.begin && s.end <= g->last.end &&
           end > begin && !is_head(g, begin, end, s);
}

static void put_table(grid *g, size_t begin, size_t end, span s) {
    size_t first;
    bool titled = cells_in(g, &g->rows[begin], s, &first) == 1;
    bool on = goes_on(g, begin, end, s) && end - begin > 1;
    if (titled && on) { /* the name of a section: is there a head below it? */
        size_t r = begin;
        while (r < end && cells_in(g, &g->rows[r], s, &first) < 2) r++;
        on = r < end && !is_head(g, r, end, s);
    }
    if (!on) {
        size_t table = put_titles(g, begin, end, s);
        find_columns(g, table, end, s);
        free_heads(g);
        g->pairs = false;
        begin = table;
        if (table + 1 < end && is_head(g, table, end, s)) {
            size_t rows = head_has_two_rows(g, table, end, s) ? 2 : 1;
            put_head(g, table, rows, s);
            begin += rows;
        }
        g->has_last = table < end;
        g->last = s;
    }
    for (size_t r = begin; r < end; r++) put_body(g, &g->rows[r], s);
}

/* ---- a region ------------------------------------------------------------------------------ */

/* A table of its own: at least two columns, each with a name over it that is no figure. */
static bool has_own_head(const grid *g, span s) {
    size_t r = 0, first, count = 0;
    while (r < g->row_count && (count = cells_in(g, &g->rows[r], s, &first)) == 0) r++;
    uint32_t columns = 0;
    for (size_t i = 0; i < count; i++) {
        columns += g->cells[first + i].columns;
        if (is_figure(g, &g->cells[first + i])) return false;
    }
    return count >= 2 && columns >= s.end - s.begin && g->row_count - r >= 2;
}

/* Empty columns part the region; NO_COLUMN when there are no more. */
static uint32_t next_used(const bool *used, uint32_t from, bool wanted) {
    while (from < GRID_COLUMNS_MAX && used[from] != wanted) from++;
    return from < GRID_COLUMNS_MAX ? from : NO_COLUMN;
}

static bool part_tables(const grid *g, const bool *used, span *out, size_t room, size_t *count) {
    *count = 0;
    for (uint32_t c = next_used(used, 0, true); c != NO_COLUMN;) {
        uint32_t end = next_used(used, c, false);
        span s = {c, end == NO_COLUMN ? GRID_COLUMNS_MAX : end};
        if (*count == room || !has_own_head(g, s)) return false;
        out[(*count)++] = s;
        c = next_used(used, s.end, true);
    }
    return *count > 1;
}

/* Rows of the region that hold something in these columns. */
static void put_part(grid *g, span s) {
    size_t begin = 0, end = g->row_count, first;
    while (begin < end && cells_in(g, &g->rows[begin], s, &first) == 0) begin++;
    while (end > begin && cells_in(g, &g->rows[end - 1], s, &first) == 0) end--;
    if (begin < end) put_table(g, begin, end, s);
}

static void put_region(grid *g, bool may_part) {
    span parts[16];
    size_t count = 0;
    bool *used = mem_new(GRID_COLUMNS_MAX, sizeof *used);
    uint32_t least = GRID_COLUMNS_MAX, most = 0;
    for (size_t i = 0; i < g->open; i++) {
        const cell *c = &g->cells[i];
        uint32_t end = c->column + c->columns;
        for (uint32_t k = c->column; k < end && k < GRID_COLUMNS_MAX; k++) used[k] = true;
        if (c->column < least) least = c->column;
        if (end > most) most = end;
    }
    if (may_part && part_tables(g, used, parts, sizeof parts / sizeof *parts, &count)) {
        for (size_t i = 0; i < count; i++) put_part(g, parts[i]);
        g->has_last = false;
    } else if (g->row_count > 0) {
        put_table(g, 0, g->row_count, (span){least, most});
    }
    mem_free(used);
}

/* Forgets the rows that were written; the open row moves to the start. */
static void drop_rows(grid *g) {
    size_t kept = g->cell_count - g->open;
    text rest = {0};
    for (size_t i = 0; i < kept; i++) {
        cell c = g->cells[g->open + i];
        str t = text_of(g, &c);
        c.begin = rest.n;
        text_put(&rest, t);
        c.end = rest.n;
        g->cells[i] = c;
    }
    text_free(&g->held);
    g->held = rest;
    g->cell_count = kept;
    g->open = 0;
    g->row_count = 0;
}

static void end_region(grid *g) {
    if (!g->streaming) put_region(g, true);
    if (!g->streaming && g->row_count == 0) return;
    g->streaming = false;
    drop_rows(g);
}

/* ---- what comes in ------------------------------------------------------------------------- */

void grid_cell(grid *g, uint32_t column, uint32_t columns, str t, bool is_number) {
    if (str_trim(t).n == 0 || column >= GRID_COLUMNS_MAX) return;
    if (g->cell_count > g->open && g->cells[g->cell_count - 1].column >= column) return;
    if (g->cell_count == g->cell_room) {
        g->cell_room = g->cell_room ? 2 * g->cell_room : 256;
        g->cells = mem_grow(g->cells, g->cell_room, sizeof *g->cells);
    }
    cell *c = &g->cells[g->cell_count++];
    uint32_t most = GRID_COLUMNS_MAX - column;
    *c = (cell){.column = column, .begin = g->held.n, .is_number = is_number};
    c->columns = columns < 1 ? 1 : columns > most ? most : columns;
    text_put(&g->held, t);
    c->end = g->held.n;
}

void grid_end_row(grid *g, uint32_t number) {
    if (g->cell_count == g->open) return;
    uint32_t gap = number > g->next_row ? number - g->next_row : 0;
    if (gap > 0) {
        end_region(g);
        g->gap = gap;
    }
    g->next_row = number + 1;
    if (g->row_count == g->row_room) {
        g->row_room = g->row_room ? 2 * g->row_room : 64;
        g->rows = mem_grow(g->rows, g->row_room, sizeof *g->rows);
    }
    row r = {g->open, g->cell_count - g->open};
    g->rows[g->row_count++] = r;
    g->open = g->cell_count;
    if (g->streaming) {
        put_body(g, &r, (span){0, GRID_COLUMNS_MAX});
        drop_rows(g);
    } else if (g->held.n + g->cell_count * sizeof(cell) > HELD_BYTES) {
        put_region(g, false);
        drop_rows(g);
        g->streaming = true;
    }
}

void grid_end(grid *g) {
    end_region(g);
    g->next_row = 0;
    g->gap = 0;
    g->has_last = false;
}
