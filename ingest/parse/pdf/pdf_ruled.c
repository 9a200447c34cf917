/* Tables whose cells are ruled: what stands between the same lines is one cell, however many lines
 * of text it has and however it is set.
 *
 * Lines across the page and down it that touch make a lattice. Where a piece of line is missing
 * between two fields of it they are one cell, which spans columns or rows. Every run of text
 * belongs to the cell that it begins in. A lattice that is no table (the frame of a page, a
 * drawing, boxes full of prose) is left alone, and its text is laid out as if there were no lines.
 *
 * A cell over several rows is said again in each of them, so that a dose stands beside the name of
 * its medicine; one over several columns likewise, under each heading. Of a lattice with lines
 * between columns alone, the text tells the rows. What a table took from the page is replaced by
 * one run that has its box, so that columns of text are found as ever.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/parse/pdf/pdf.h"

#define MAX_COLUMNS 64   /* more are squared paper or a drawing, */
#define MAX_ROWS 1000    /* as are more rows than a page has lines of text, */
#define MAX_FIELDS 16384 /* or so many fields, each of which is looked at for each cell */
#define MAX_LINES 2000   /* of each direction; a page of more is a drawing */
#define TOUCH_PT 3.2f    /* lines that come so near to one another touch */
#define NARROW_PT 4.5f   /* no column is as narrow, and no row as low */
#define COVER_SHARE 0.6f /* of a field's side that a line runs along, to part it from the next */
#define OPEN_LINES 2     /* so many lines that go on beyond the outermost one make a column there */
#define CELL_BYTES 2500  /* a longer text is no cell's, */
#define USUAL_BYTES 400  /* nor are cells as long on average; */
#define FILLED_ONE_IN 8  /* cells have text */
#define AGAIN_BYTES 100  /* a longer cell is not said again in each of its rows, */
#define AGAIN_SIDE_BYTES 40 /* or under each of its columns */
#define HEAD_ROWS 3         /* of headings, below the first, that a cell reaches down over */
#define BANDS 2             /* a table of more has lines between its rows */
#define BESIDE_EM 12.0f     /* what stands beside a lattice, no farther off, */
#define BESIDE_BYTES 40     /* and no longer, may be of its table */
#define LEAST_NAMES 3       /* so many lines of names part the texts beside them */
#define NOTE_BYTES 60 /* a longer line over all columns at the end is a note below the table */

typedef struct {
    float x[MAX_COLUMNS + 1], y[MAX_ROWS + 1];
    uint32_t columns, rows;
    uint32_t *cell; /* of each field the first field of its cell */
    box at;
} lattice;

/* What stands in one cell: its first field, its lines, and how far it reaches. */
typedef struct {
    pdf_row *lines;
    size_t line_count, bytes;
    uint32_t row, column, last_row, last_column;
} field_text;

typedef struct {
    const pdf_rules *rules;
    uint32_t *set; /* of each line the one that stands for its lattice; lines across come first */
    pdf_rule *across, *down; /* of the lattice at hand */
    arena *a;
} finder;

/* ---- lines that touch ------------------------------------------------------------------------ */

static uint32_t root_of(uint32_t *set, uint32_t i) {
    while (set[i] != i) i = set[i] = set[set[i]];
    return i;
}

static bool touch(const pdf_rule *across, const pdf_rule *down) {
    return down->at > across->from - TOUCH_PT && down->at < across->to + TOUCH_PT &&
           across->at > down->from - TOUCH_PT && across->at < down->to + TOUCH_PT;
}

static void join_touching(finder *f) {
    const pdf_rule_set *h = &f->rules->across, *v = &f->rules->down;
    f->set = arena_alloc(f->a, h->count + v->count, sizeof *f->set);
    for (uint32_t i = 0; i < h->count + v->count; i++) f->set[i] = i;
    for (uint32_t i = 0; i < h->count; i++)
        for (uint32_t k = 0; k < v->count && v->list[k].at < h->list[i].to + TOUCH_PT; k++)
            if (touch(&h->list[i], &v->list[k]))
                f->set[root_of(f->set, (uint32_t)h->count + k)] = root_of(f->set, i);
}

/* The lines of one direction in a lattice, whose numbers begin at `base`. */
static size_t pick_lines(finder *f, const pdf_rule_set *s, size_t base, uint32_t root,
                         pdf_rule *out) {
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++)
        if (root_of(f->set, (uint32_t)(base + i)) == root) out[n++] = s->list[i];
    return n;
}

/* Where lines stand, from the first to the last, as bounds of rows or columns; `others` go on
 * beyond the outermost where a table is open at its sides. 0: too many. */
static uint32_t find_bounds(const pdf_rule *own, size_t count, const pdf_rule *others,
                            size_t other_count, float *out, uint32_t room) {
    uint32_t n = 0;
    float from = INFINITY, to = -INFINITY;
    size_t begin = 0, end = 0;
    for (size_t i = 0; i < other_count; i++) {
        from = fminf(from, others[i].from);
        to = fmaxf(to, others[i].to);
    }
    for (size_t i = 0; i < other_count; i++) {
        begin += others[i].from < from + TOUCH_PT;
        end += others[i].to > to - TOUCH_PT;
    }
    if (begin >= OPEN_LINES && from < own[0].at - NARROW_PT) out[n++] = from;
    for (size_t i = 0; i < count; i++) {
        if (n > 0 && own[i].at - out[n - 1] < NARROW_PT) continue;
        if (n == room) return 0;
        out[n++] = own[i].at;
    }
    if (end >= OPEN_LINES && to > own[count - 1].at + NARROW_PT) {
        if (n == room) return 0;
        out[n++] = to;
    }
    return n;
}

/* How much of [from, to] lines at this place run along. */
static bool is_parted(const pdf_rule *lines, size_t count, float at, float from, float to) {
    float covered = 0;
    for (size_t i = 0; i < count; i++)
        if (fabsf(lines[i].at - at) < NARROW_PT)
            covered += fmaxf(0, fminf(to, lines[i].to) - fmaxf(from, lines[i].from));
    return covered >= COVER_SHARE * (to - from);
}

/* Fields that no line parts are one cell. */
static void join_fields(lattice *t, const pdf_rule *h, size_t hn, const pdf_rule *v, size_t vn) {
    for (uint32_t i = 0; i < t->rows * t->columns; i++) t->cell[i] = i;
    for (uint32_t r = 0; r < t->rows; r++)
        for (uint32_t c = 0; c < t->columns; c++) {
            uint32_t own = r * t->columns + c;
            if (c > 0 && !is_parted(v, vn, t->x[c], t->y[r], t->y[r + 1])) {
                uint32_t a = root_of(t->cell, own - 1), b = root_of(t->cell, own);
                t->cell[a > b ? a : b] = a > b ? b : a;
            }
            if (r > 0 && !is_parted(h, hn, t->y[r], t->x[c], t->x[c + 1])) {
                uint32_t a = root_of(t->cell, own - t->columns), b = root_of(t->cell, own);
                t->cell[a > b ? a : b] = a > b ? b : a;
            }
        }
    for (uint32_t i = 0; i < t->rows * t->columns; i++) t->cell[i] = root_of(t->cell, i);
}

static bool find_lattice(finder *f, uint32_t root, lattice *t) {
    const pdf_rule_set *across = &f->rules->across, *down = &f->rules->down;
    pdf_rule *h = f->across, *v = f->down;
    size_t hn = pick_lines(f, across, 0, root, h), vn = pick_lines(f, down, across->count, root, v);
    if (hn < 2 || vn < 1) return false;
    uint32_t xs = find_bounds(v, vn, h, hn, t->x, MAX_COLUMNS + 1);
    uint32_t ys = find_bounds(h, hn, v, vn, t->y, MAX_ROWS + 1);
    if (xs < 3 || ys < 2 || (size_t)xs * ys > MAX_FIELDS) return false;
    t->columns = xs - 1;
    t->rows = ys - 1;
    t->at = (box){t->x[0], t->y[0], t->x[t->columns], t->y[t->rows]};
    t->cell = arena_alloc(f->a, (size_t)t->rows * t->columns, sizeof *t->cell);
    join_fields(t, h, hn, v, vn);
    return true;
}

/* ---- the text of the cells ------------------------------------------------------------------- */

static uint32_t place_of(const float *bounds, uint32_t count, float at) {
    uint32_t low = 0, high = count;
    while (low + 1 < high) {
        uint32_t middle = low + (high - low) / 2;
        if (bounds[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The cell that a run begins in; UINT32_MAX where it stands outside. */
static uint32_t cell_of(const lattice *t, const pdf_run *r) {
    float x = r->at.x0 + fminf((r->at.x1 - r->at.x0) / 2, TOUCH_PT), y = (r->at.y0 + r->at.y1) / 2;
    if (x < t->at.x0 || x >= t->at.x1 || y < t->at.y0 || y >= t->at.y1) return UINT32_MAX;
    uint32_t row = place_of(t->y, t->rows, y), column = place_of(t->x, t->columns, x);
    return t->cell[row * t->columns + column];
}

typedef struct {
    uint32_t cell;
    const pdf_run *run;
} placed;

static int by_cell(const void *pa, const void *pb) {
    const placed *a = pa, *b = pb;
    return a->cell < b->cell ? -1 : a->cell > b->cell;
}

/* The lines of all cells with text. */
static field_text *read_cells(const lattice *t, placed *v, size_t count, size_t *found, arena *a) {
    field_text *out = arena_alloc(a, count + 1, sizeof *out);
    const pdf_run **runs = arena_alloc(a, count + 1, sizeof *runs);
    *found = 0;
    qsort(v, count, sizeof *v, by_cell);
    for (size_t i = 0, end; i < count; i = end) {
        field_text *f = &out[(*found)++];
        for (end = i; end < count && v[end].cell == v[i].cell; end++) {
            runs[end - i] = v[end].run;
            f->bytes += v[end].run->text.n;
        }
        f->lines = pdf_make_rows((pdf_group){runs, end - i}, a, &f->line_count);
        f->row = f->last_row = v[i].cell / t->columns;
        f->column = t->columns;
        for (uint32_t k = v[i].cell; k < t->rows * t->columns; k++) {
            if (t->cell[k] != v[i].cell) continue;
            uint32_t column = k % t->columns;
            f->last_row = k / t->columns;
            f->column = column < f->column ? column : f->column;
            f->last_column = column > f->last_column ? column : f->last_column;
        }
    }
    return out;
}

/* Columns without any text are white between others: they are not counted. Gives the others. */
static uint32_t drop_columns(const lattice *t, field_text *cells, size_t count) {
    uint32_t number[MAX_COLUMNS + 1] = {0}, n = 0;
    bool used[MAX_COLUMNS] = {false};
    for (size_t i = 0; i < count; i++) used[cells[i].column] = true;
    for (uint32_t c = 0; c < t->columns; c++) {
        number[c] = n;
        n += used[c];
    }
    number[t->columns] = n;
    for (size_t i = 0; i < count; i++) {
        cells[i].column = number[cells[i].column];
        cells[i].last_column = number[cells[i].last_column + 1] - 1;
    }
    return n;
}

static bool is_table(const lattice *t, const field_text *cells, size_t count) {
    size_t bytes = 0, all = 0, rows = 0, full = 0;
    uint32_t columns = 0, last = UINT32_MAX, first = 0;
    for (uint32_t i = 0; i < t->rows * t->columns; i++) all += t->cell[i] == i;
    for (size_t i = 0; i < count; i++) {
        if (cells[i].bytes > CELL_BYTES) return false;
        bytes += cells[i].bytes;
        columns = cells[i].column > columns ? cells[i].column : columns;
        first = i == 0 || cells[i].column < first ? cells[i].column : first;
        rows += cells[i].row != last;
        full += cells[i].row == last;
        last = cells[i].row;
    }
    size_t lines = 0; /* of one row that the text parts */
    for (size_t i = 0; i < count; i++)
        lines = cells[i].line_count > lines ? cells[i].line_count : lines;
    return count > 2 && columns > first && full > 0 && (rows > 1 || lines > 2) &&
           bytes <= count * USUAL_BYTES && count * FILLED_ONE_IN >= all;
}

/* Do cells stand beside most lines of the lattice, outside of it? Then its lines are an ornament of
 * a larger table. Beside a column of text there are lines of text, if any. */
static bool goes_on_beside(const lattice *t, const field_text *cells, size_t count, pdf_group g) {
    size_t lines = 0, beside = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && cells[i].row == cells[i - 1].row) continue; /* of each row one cell */
        bool found = false;
        for (size_t k = 0; k < g.count && !found; k++) {
            const pdf_run *r = g.runs[k];
            float away = fmaxf(r->at.x0 - t->at.x1, t->at.x0 - r->at.x1);
            found = !r->ruled && away > -TOUCH_PT && away < BESIDE_EM * fmaxf(r->font_pt, 1) &&
                    r->text.n <= BESIDE_BYTES && pdf_same_row(cells[i].lines[0].at, r->at);
        }
        lines++;
        beside += found;
    }
    return beside >= 2 && beside * 2 > lines;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* One cell of a line of text, or of all of them. */
static pdf_cell to_cell(const pdf_row *lines, size_t count, arena *a) {
    pdf_cell out = lines[0].cells[0];
    text t = {0};
    str whole = {0};
    for (size_t i = 0; i < count; i++) {
        const pdf_row *l = &lines[i];
        text_clear(&t);
        for (size_t k = 0; k < l->count; k++) {
            if (k > 0) text_put_char(&t, ' ');
            text_put(&t, l->cells[k].text);
            if (i + k == 0) continue;
            pdf_widen(&out.at, l->cells[k].at);
            out.bold += l->cells[k].bold;
            out.mono += l->cells[k].mono;
        }
        for (size_t k = 0; k < t.n; k++)
            if (t.p[k] == PDF_GAP) t.p[k] = ' ';
        whole = i == 0 ? arena_str(a, text_str(&t)) : pdf_join_text(whole, text_str(&t), a);
        out.line = l->at;
    }
    out.text = whole;
    out.gap_count = 0;
    text_free(&t);
    return out;
}

static void put_cell(pdf_row *r, pdf_cell c, uint32_t first, uint32_t last) {
    c.first = first;
    c.last = last;
    r->cells[r->count++] = c;
}

static void sum_up(pdf_row *r) {
    size_t bytes = 0, bold = 0, mono = 0, longest = 0;
    r->at = r->cells[0].at;
    for (size_t i = 0; i < r->count; i++) {
        const pdf_cell *c = &r->cells[i];
        pdf_widen(&r->at, c->at);
        bytes += c->text.n;
        bold += c->bold;
        mono += c->mono;
        if (c->text.n >= longest) {
            longest = c->text.n;
            r->font_pt = c->font_pt;
        }
    }
    r->bold = bold * 10 >= bytes * 8;
    r->mono = mono * 10 >= bytes * 8;
}

static int by_column(const void *pa, const void *pb) {
    const pdf_cell *a = pa, *b = pb;
    return a->first < b->first ? -1 : a->first > b->first;
}

/* Does a line of the cell stand at this height? */
static bool has_line_at(const field_text *f, box at) {
    for (size_t k = 0; k < f->line_count; k++)
        if (pdf_same_row(at, f->lines[k].at)) return true;
    return false;
}

/* Do the names stand as far apart as the text beside them is long? Each begins a row then; of one
 * long name the lines follow close on each other. */
static bool names_part_rows(const field_text *name, const field_text *beside) {
    size_t apart = 0;
    if (name->line_count < LEAST_NAMES) return false;
    for (size_t k = 0, b = 0; k < name->line_count; k++) {
        if (!has_line_at(beside, name->lines[k].at)) return false;
        size_t between = 0;
        for (; b < beside->line_count && !pdf_same_row(name->lines[k].at, beside->lines[b].at); b++)
            between++;
        apart += k > 0 && between > 1;
    }
    return apart > 0;
}

/* Do these cells of one row hold several rows, which no lines part? So it is where a column has as
 * many figures below one another as there are names, or, in a table without lines between rows,
 * where all columns have as many lines, at the same heights, or names stand beside longer texts. */
static bool holds_rows(const field_text *cells, const size_t *own, size_t count, bool ruled) {
    const field_text *name = &cells[own[0]];
    size_t most = 0, least = SIZE_MAX, stacked = 0, apart = 0;
    bool named = false;
    for (size_t i = 0; i < count; i++) {
        const field_text *f = &cells[own[i]];
        size_t figures = 0;
        if (f->last_row > f->row) return false;
        for (size_t k = 0; k < f->line_count; k++)
            figures += pdf_is_figure(f->lines[k].cells[0].text);
        stacked += i > 0 && f->line_count > 1 && figures * 4 >= f->line_count * 3 &&
                   name->line_count >= f->line_count;
        named = named || (!ruled && i > 0 && names_part_rows(name, f));
        most = f->line_count > most ? f->line_count : most;
        least = f->line_count < least ? f->line_count : least;
    }
    for (size_t i = 1; i < count && most == least; i++)
        for (size_t k = 0; k < most; k++)
            apart += !pdf_same_row(name->lines[k].at, cells[own[i]].lines[k].at);
    return count > 1 && most > 1 &&
           (stacked > 0 || named || (!ruled && most > 3 && most == least && apart == 0));
}

/* A row for each height that lines of these cells stand at. */
static size_t put_parted(const field_text *cells, const size_t *own, size_t count, pdf_row *out,
                         arena *a) {
    size_t n = 0, left = 0, *next = arena_alloc(a, count, sizeof *next);
    for (size_t i = 0; i < count; i++) left += cells[own[i]].line_count;
    while (left > 0) {
        const pdf_row *top = NULL;
        for (size_t i = 0; i < count; i++) {
            const field_text *f = &cells[own[i]];
            if (next[i] < f->line_count && (!top || f->lines[next[i]].at.y1 < top->at.y1))
                top = &f->lines[next[i]];
        }
        pdf_row *r = &out[n++];
        *r = (pdf_row){.cells = arena_alloc(a, count, sizeof *r->cells), .rightward = true};
        for (size_t i = 0; i < count; i++) {
            const field_text *f = &cells[own[i]];
            if (next[i] >= f->line_count || !pdf_same_row(top->at, f->lines[next[i]].at)) continue;
            put_cell(r, to_cell(&f->lines[next[i]], 1, a), f->column, f->last_column);
            next[i]++;
            left--;
        }
        sum_up(r);
    }
    size_t kept = 0;
    pdf_join_lines(out, n, NULL, a);
    for (size_t i = 0; i < n; i++)
        if (!out[i].taken) out[kept++] = out[i];
    return kept;
}

/* The cells of one row, with those that reach down into it from above. */
static size_t cells_of_row(const field_text *cells, size_t count, uint32_t row, bool head,
                           size_t *own) {
    size_t n = 0, begun = 0;
    for (size_t i = 0; i < count; i++) {
        const field_text *f = &cells[i];
        if (f->row > row || f->last_row < row) continue;
        if (f->row < row && (head || f->bytes > AGAIN_BYTES)) continue;
        begun += f->row == row;
        own[n++] = i;
    }
    return begun > 0 ? n : 0;
}

/* A cell in a row of the table; in the body it is said under each column that it spans, except
 * where it is a name, or the row is nothing else. */
static void put_field(pdf_row *r, const field_text *f, bool head, bool alone, arena *a) {
    pdf_cell c = to_cell(f->lines, f->line_count, a);
    bool again = !head && !alone && f->column > 0 && c.text.n <= AGAIN_SIDE_BYTES;
    if (!again) {
        put_cell(r, c, f->column, f->last_column);
        return;
    }
    for (uint32_t k = f->column; k <= f->last_column; k++) put_cell(r, c, k, k);
}

/* Does the next row part one of the first row's cells? */
static bool parts_heads(const field_text *cells, size_t count, size_t in_row) {
    for (size_t i = 0; i < in_row; i++) {
        size_t below = 0;
        for (size_t k = in_row; k < count && cells[k].row == cells[i].row + 1; k++)
            below +=
                cells[k].column >= cells[i].column && cells[k].last_column <= cells[i].last_column;
        if (below > 1 && cells[i].column > 0) return true;
    }
    return false;
}

/* Rows that cells of the first one make heads: by reaching down, or over several columns. */
static uint32_t least_heads(const field_text *cells, size_t count, uint32_t columns) {
    uint32_t first = count > 0 ? cells[0].row : 0, last = first;
    size_t in_row = 0;
    while (in_row < count && cells[in_row].row == first) {
        last = cells[in_row].last_row > last ? cells[in_row].last_row : last;
        in_row++;
    }
    if (in_row < 2 || last - first > HEAD_ROWS) return 0;
    if (last > first) return last + 1;
    return columns > 2 && parts_heads(cells, count, in_row) ? first + 2 : 0;
}

static size_t make_rows(uint32_t rows, uint32_t columns, const field_text *cells, size_t count,
                        pdf_row *out, arena *a) {
    size_t n = 0, *own = arena_alloc(a, count + 1, sizeof *own);
    uint32_t heads = least_heads(cells, count, columns);
    for (uint32_t row = 0; row < rows; row++) {
        size_t in_row = cells_of_row(cells, count, row, row < heads, own);
        if (in_row == 0) continue;
        if (holds_rows(cells, own, in_row, rows > BANDS)) {
            n += put_parted(cells, own, in_row, out + n, a);
            continue;
        }
        size_t room = 0; /* cells of odd shapes may reach over the same columns */
        for (size_t i = 0; i < in_row; i++)
            room += cells[own[i]].last_column - cells[own[i]].column + 1;
        pdf_row *r = &out[n++];
        *r = (pdf_row){.cells = arena_alloc(a, room, sizeof *r->cells)};
        for (size_t i = 0; i < in_row; i++) {
            const field_text *f = &cells[own[i]];
            put_field(r, f, row < heads, in_row == 1, a);
            r->rightward |= f->lines[0].rightward;
        }
        qsort(r->cells, r->count, sizeof *r->cells, by_column);
        sum_up(r);
        r->head = row < heads;
    }
    return n;
}

/* ---- taking tables out of a page ------------------------------------------------------------- */

/* A cell over all columns in front of the others is the table's title, a long one at its end a
 * note: they stand above and below the table. */
static void find_body(pdf_ruled *table, uint32_t columns, arena *a) {
    size_t begin = 0, end = table->count;
    pdf_row *rows = table->rows;
    while (begin < end && rows[begin].count == 1 && rows[begin].cells[0].last > 0) begin++;
    while (end > begin && rows[end - 1].count == 1 && rows[end - 1].cells[0].first == 0 &&
           rows[end - 1].cells[0].last + 1 == columns && rows[end - 1].cells[0].text.n > NOTE_BYTES)
        end--;
    for (size_t i = begin; i < end; i++) {
        rows[i].table = 1;
        rows[i].columns = columns;
    }
    if (begin < end) pdf_find_ruled_heads(rows + begin, end - begin, columns, a);
}

static size_t place_runs(const lattice *t, pdf_group g, placed *out) {
    size_t n = 0;
    for (size_t i = 0; i < g.count; i++) {
        uint32_t cell = g.runs[i]->ruled ? UINT32_MAX : cell_of(t, g.runs[i]);
        if (cell != UINT32_MAX) out[n++] = (placed){cell, g.runs[i]};
    }
    return n;
}

static void drop_runs(const lattice *t, pdf_group *g) {
    size_t kept = 0;
    for (size_t i = 0; i < g->count; i++)
        if (g->runs[i]->ruled || cell_of(t, g->runs[i]) == UINT32_MAX) g->runs[kept++] = g->runs[i];
    g->count = kept;
}

/* The runs of one table become one run, where it is a table. */
static void take_table(const lattice *t, pdf_group *g, pdf_group *others, arena *a) {
    placed *v = arena_alloc(a, g->count + others->count + 1, sizeof *v);
    size_t n = place_runs(t, *g, v), turned = place_runs(t, *others, v + n), found, lines = 0;
    if (n < 3 || turned > n) return;
    n += turned;
    field_text *cells = read_cells(t, v, n, &found, a);
    if (!is_table(t, cells, found) || goes_on_beside(t, cells, found, *g)) return;
    uint32_t columns = drop_columns(t, cells, found);
    for (size_t i = 0; i < found; i++) lines += cells[i].line_count;
    pdf_ruled *table = arena_alloc(a, 1, sizeof *table);
    table->rows = arena_alloc(a, lines + t->rows, sizeof *table->rows);
    table->count = make_rows(t->rows, columns, cells, found, table->rows, a);
    find_body(table, columns, a);
    pdf_run *r = arena_alloc(a, 1, sizeof *r);
    *r = (pdf_run){
        .at = t->at, .font_pt = table->rows[0].font_pt, .rightward = true, .ruled = table};
    drop_runs(t, g);
    drop_runs(t, others);
    g->runs[g->count++] = r;
}

static int by_area(const void *pa, const void *pb) {
    const lattice *a = *(lattice *const *)pa, *b = *(lattice *const *)pb;
    float p = (a->at.x1 - a->at.x0) * (a->at.y1 - a->at.y0);
    float q = (b->at.x1 - b->at.x0) * (b->at.y1 - b->at.y0);
    return p > q ? -1 : p < q;
}

void pdf_take_ruled(pdf_group *g, pdf_group *others, const pdf_rules *rules, arena *a) {
    pdf_group none = {0};
    if (!rules || rules->across.count < 2 || rules->down.count < 1 || g->count < 3 ||
        rules->across.count > MAX_LINES || rules->down.count > MAX_LINES)
        return;
    finder f = {.rules = rules, .a = a};
    f.across = arena_alloc(a, rules->across.count, sizeof *f.across);
    f.down = arena_alloc(a, rules->down.count, sizeof *f.down);
    join_touching(&f);
    size_t all = rules->across.count, n = 0;
    lattice **found = arena_alloc(a, all, sizeof(lattice *)), *t = NULL;
    for (uint32_t i = 0; i < all; i++) {
        if (!t) t = arena_alloc(a, 1, sizeof *t);
        if (root_of(f.set, i) != i || !find_lattice(&f, i, t)) continue;
        found[n++] = t;
        t = NULL;
    }
    qsort(found, n, sizeof *found, by_area);
    for (size_t i = 0; i < n; i++) take_table(found[i], g, others ? others : &none, a);
}
