/* Tables of office documents as rows of cells parted by " | ".
 *
 * Owns what makes a row readable alone: a cell that goes on from the row above says its text again,
 * empty cells keep the columns in place, head rows of several levels become one ("Dose oral"), a title
 * that spans the table becomes its caption. A table of one cell is a frame around text, and its
 * text is written as it is, tables in it too; else a table inside a cell becomes text of that cell.
 */
#include "ingest/parse/office/story_internal.h"

#include <string.h>

/* Columns of one table: what stands farther right is put into the last one. */
#define COLUMNS_MAX 1024
/* That one cell spans; word processors stop at 63. */
#define CELL_COLUMNS_MAX 128
/* A longer text is not said again in the rows that it spans. */
#define SPAN_TEXT_MAX 200
/* A head over more columns is said once: it is a title of the table. */
#define SPREAD_MAX 16
/* More rows marked as head are a whole table that is marked so. */
#define HEAD_ROWS_MAX 4
#define YEAR_DIGITS 4
/* A column of longer texts than this is a layout. */
#define FRAME_TEXT_BYTES 600

/* ---- what is open -------------------------------------------------------------------------- */

static story_frame *table(story *s) {
    story_frame *top = s->depth > 0 && s->overflow == 0 ? &s->frames[s->depth - 1] : NULL;
    return top && top->is_table ? top : NULL;
}

static story_row *open_row(story *s) {
    story_frame *t = table(s);
    return t && t->row_count > 0 ? &t->rows[t->row_count - 1] : NULL;
}

void story_begin_table(story *s) {
    story_push(s, true);
}

void story_begin_row(story *s, bool head) {
    story_frame *t = table(s);
    if (!t) return;
    if (t->row_count == t->row_room) {
        t->row_room = t->row_room ? 2 * t->row_room : 8;
        t->rows = mem_grow(t->rows, t->row_room, sizeof *t->rows);
    }
    t->rows[t->row_count++] = (story_row){.head = head, .page = s->page, .last_page = s->page};
}

void story_skip_columns(story *s, unsigned columns) {
    story_row *row = open_row(s);
    if (row && columns < COLUMNS_MAX - row->columns) row->columns += columns;
}

void story_begin_cell(story *s, unsigned columns, bool above) {
    story_row *row = open_row(s);
    if (!row) return;
    s->page = row->page; /* cells of a row stand beside each other */
    if (row->count == row->room) {
        row->room = row->room ? 2 * row->room : 8;
        row->cells = mem_grow(row->cells, row->room, sizeof *row->cells);
    }
    row->cells[row->count++] = (story_cell){.column = row->columns, .above = above};
    unsigned free_columns = COLUMNS_MAX - 1 - row->columns;
    if (columns > CELL_COLUMNS_MAX) columns = 1; /* a figure that means nothing */
    row->columns += columns < free_columns ? columns : free_columns;
}

void story_end_cell(story *s) {
    story_row *row = open_row(s);
    if (row && s->page > row->last_page) row->last_page = s->page;
}

void story_end_row(story *s) {
    story_row *row = open_row(s);
    if (row) s->page = row->last_page;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* The cells of a row by column, as text. */
typedef struct {
    text *cells;
    unsigned count;
} line;

/* In one line; a row of a table inside the cell as "A, B". */
static void put_one_line(text *out, const story_block_text *b) {
    str t = text_str(&b->t), bar = STR(" | ");
    for (size_t i = 0; i < t.n; i++) {
        bool parts = b->role == INGEST_ROLE_TABLE_ROW && str_starts(str_cut(t, i, t.n), bar);
        if (parts) text_put_char(out, ',');
        if (parts) i += bar.n - 1;
        text_put_char(out, t.p[i] == '\n' ? ' ' : t.p[i]);
    }
}

static void put_cell_text(text *out, const story_cell *cell) {
    for (size_t i = 0; i < cell->blocks.count; i++) {
        const story_block_text *b = &cell->blocks.items[i];
        bool row = i > 0 && b->role == INGEST_ROLE_TABLE_ROW && b[-1].role == b->role;
        if (out->n > 0) text_put(out, row ? STR("; ") : STR(" "));
        put_one_line(out, b);
    }
}

/* `before` is what was made of the row above. */
static void make_line(const story_row *row, const line *before, line *out) {
    unsigned count = row->columns > 0 ? row->columns : 1;
    out->cells = mem_new(count, sizeof *out->cells);
    out->count = count;
    for (size_t i = 0; i < row->count; i++) {
        const story_cell *cell = &row->cells[i];
        unsigned at = cell->column < count ? cell->column : count - 1;
        put_cell_text(&out->cells[at], cell);
        if (cell->above && before && at < before->count && before->cells[at].n <= SPAN_TEXT_MAX &&
            out->cells[at].n == 0)
            text_put(&out->cells[at], text_str(&before->cells[at]));
    }
}

static void free_line(line *l) {
    for (unsigned i = 0; i < l->count; i++) text_free(&l->cells[i]);
    mem_free(l->cells);
    *l = (line){0};
}

static unsigned filled(const line *l) {
    unsigned n = 0;
    for (unsigned i = 0; i < l->count; i++) n += l->cells[i].n > 0;
    return n;
}

/* The cells of `lower` go below those of `upper`: "Dose" over "oral" is "Dose oral". A title that
 * spans columns stands over each of them. */
static void put_below(line *upper, const story_row *upper_row, line *lower) {
    size_t at = 0; /* the cell of upper_row that reaches over column i */
    for (unsigned i = 0; i < lower->count; i++) {
        while (at + 1 < upper_row->count && upper_row->cells[at + 1].column <= i) at++;
        unsigned from = upper_row->count > 0 ? upper_row->cells[at].column : i;
        str over = from < upper->count ? text_str(&upper->cells[from]) : (str){0};
        if (over.n == 0 || str_eq(over, text_str(&lower->cells[i]))) continue;
        text joined = {0};
        text_put(&joined, over);
        if (lower->cells[i].n > 0) text_put_char(&joined, ' ');
        text_put(&joined, text_str(&lower->cells[i]));
        text_free(&lower->cells[i]);
        lower->cells[i] = joined;
    }
}

static void put_row(story *s, const line *l, uint8_t level, uint32_t page) {
    story_block_text b = {.role = INGEST_ROLE_TABLE_ROW, .level = level, .page = page};
    unsigned last = l->count;
    while (last > 1 && l->cells[last - 1].n == 0) last--;
    for (unsigned i = 0; i < last; i++) {
        if (i > 0) text_put(&b.t, STR(" | "));
        text_put(&b.t, text_str(&l->cells[i]));
    }
    story_emit(s, b);
}

/* ---- heads of several rows ----------------------------------------------------------------- */

static bool has_text(const story_cell *c) {
    return c->blocks.count > 0;
}

static unsigned span_of(const story_row *row, size_t i) {
    return (i + 1 < row->count ? row->cells[i + 1].column : row->columns) - row->cells[i].column;
}

/* Most of what it says is a number, and no year. */
static bool is_figure(const story_cell *c) {
    size_t digits = 0, letters = 0, others = 0;
    for (size_t i = 0; i < c->blocks.count; i++) {
        str t = text_str(&c->blocks.items[i].t);
        for (size_t k = 0; k < t.n; k++) {
            digits += t.p[k] >= '0' && t.p[k] <= '9';
            letters += (t.p[k] | 32) >= 'a' && (t.p[k] | 32) <= 'z';
        }
        others += t.n;
    }
    others -= digits + letters;
    return digits > letters && !(digits == YEAR_DIGITS && letters + others == 0);
}

static bool has_figures(const story_row *row) {
    for (size_t i = 0; i < row->count; i++)
        if (is_figure(&row->cells[i])) return true;
    return false;
}

/* Whether the row below completes this one: cells that span columns stand over the names of those, and
 * what spans none goes on below or has nothing there. Where every cell spans, names stand over figures. */
static bool is_completed(const story_row *upper, const story_row *lower, const story_row *first) {
    size_t at = 0, names = 0, spans = 0, singles = 0;
    if (upper->count < 2) return false;
    for (size_t i = 0; i < lower->count; i++) {
        const story_cell *c = &lower->cells[i];
        while (at + 1 < upper->count && upper->cells[at + 1].column <= c->column) at++;
        bool spanned = span_of(upper, at) > 1;
        if (spanned && span_of(lower, i) >= span_of(upper, at) && !c->above) return false;
        if (!spanned && has_text(c) && !c->above) return false;
        if (spanned && is_figure(c)) return false;
        names += spanned && has_text(c);
        singles += !spanned;
    }
    for (size_t i = 0; i < upper->count; i++) spans += span_of(upper, i) > 1;
    if (spans == 0 || names < 2) return false;
    return singles > 0 || (!has_figures(lower) && has_figures(first));
}

/* The rows behind the head's that complete it: many files mark the first alone, or none. */
static size_t complete_heads(const story_frame *t, size_t heads) {
    size_t first = heads - 1;
    while (heads + 1 < t->row_count && heads - first < HEAD_ROWS_MAX &&
           is_completed(&t->rows[heads - 1], &t->rows[heads], &t->rows[heads + 1]))
        heads++;
    return heads;
}

/* What stands over several columns is said in each of them: a title names all, a value holds for
 * all. */
static void spread(const story_row *row, line *l) {
    for (size_t i = 0; i < row->count; i++) {
        unsigned from = row->cells[i].column, span = span_of(row, i);
        if (span > SPREAD_MAX || from >= l->count || l->cells[from].n > SPAN_TEXT_MAX) continue;
        for (unsigned k = from + 1; k < from + span && k < l->count; k++)
            if (l->cells[k].n == 0) text_put(&l->cells[k], text_str(&l->cells[from]));
    }
}

/* Rows at the start that are the head: those marked so, else the first. */
static size_t count_heads(const story_frame *t) {
    size_t n = 0;
    while (n < t->row_count && t->rows[n].head) n++;
    return n > 0 && n <= HEAD_ROWS_MAX && n < t->row_count ? n : 1;
}

static void put_rows(story *s, const story_frame *t) {
    line before = {0}, now;
    size_t heads = count_heads(t);
    bool headed = false;
    for (size_t i = 0; i < t->row_count; i++) {
        const story_row *row = &t->rows[i];
        make_line(row, i > 0 ? &before : NULL, &now);
        bool title = row->count == 1 || !row->head; /* one cell over all columns */
        if (title && filled(&now) == 1 && !headed && row->columns > 1 && i + 1 < t->row_count) {
            for (unsigned k = 0; k < now.count; k++)
                if (now.cells[k].n > 0)
                    story_block(s, INGEST_ROLE_CAPTION, 0, text_str(&now.cells[k]));
            if (heads <= i + 1) heads = i + 2;
        } else if (i < heads) {
            if (!headed) heads = complete_heads(t, heads);
            if (i > 0 && headed) put_below(&before, &t->rows[i - 1], &now);
            if (i + 1 == heads) spread(row, &now);
            headed = true;
            if (i + 1 == heads) put_row(s, &now, INGEST_ROW_HEAD, row->page);
        } else if (filled(&now) > 0) {
            /* alone in its row it is a heading of the rows below */
            if (filled(&now) > 1) spread(row, &now);
            put_row(s, &now, INGEST_ROW_BODY, row->page);
        }
        free_line(&before);
        before = now;
    }
    free_line(&before);
}

/* ---- tables that are none ------------------------------------------------------------------ */

/* Text in a frame: one cell, or one column of long texts. */
static bool is_frame(const story_frame *t) {
    size_t bytes = 0;
    for (size_t i = 0; i < t->row_count; i++) {
        if (t->rows[i].count > 1) return false;
        for (size_t k = 0; t->rows[i].count > 0 && k < t->rows[i].cells[0].blocks.count; k++)
            bytes += t->rows[i].cells[0].blocks.items[k].t.n;
    }
    return t->row_count == 1 || bytes > FRAME_TEXT_BYTES * t->row_count;
}

static void put_frame(story *s, story_frame *t) {
    for (size_t i = 0; i < t->row_count; i++)
        for (size_t k = 0; k < t->rows[i].count; k++) {
            story_blocks *blocks = &t->rows[i].cells[k].blocks;
            for (size_t b = 0; b < blocks->count; b++) story_emit(s, blocks->items[b]);
            blocks->count = 0;
        }
}

void story_end_table(story *s) {
    story_frame t;
    if (!story_pop(s, true, &t)) return;
    for (size_t i = 0; i < t.behind.count; i++) story_emit(s, t.behind.items[i]);
    t.behind.count = 0;
    if (is_frame(&t))
        put_frame(s, &t);
    else
        put_rows(s, &t);
    story_free_frame(&t);
}
