/* One case: the file is parsed, what came out is held against what is known.
 *
 * The text that is scored is the flow that chunks are cut of (ingest/chunk.h): running heads left
 * out, lines joined, hyphens undone. Headings and rows are the document's blocks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ingest/chunk.h"
#include "tests/eval/eval.h"
#include "tests/eval/ingest/eval_ingest.h"

/* Cells of one row that are looked at. */
#define ROW_CELLS 1024

static size_t count_quarters(void *context, str s) {
    (void)context;
    return s.n / 4 + 1; /* near enough: nothing is cut here */
}

/* Cells are parted by " | "; an empty one leaves the bar at the row's end or beginning. */
static bool parts_cells(str row, size_t at) {
    return row.p[at] == '|' && (at == 0 || row.p[at - 1] == ' ') &&
           (at + 1 == row.n || row.p[at + 1] == ' ');
}

static size_t split_row(str row, str cells[ROW_CELLS]) {
    size_t count = 0, begin = 0;
    for (size_t i = 0; i <= row.n && count < ROW_CELLS; i++) {
        if (i < row.n && !parts_cells(row, i)) continue;
        cells[count++] = str_trim(str_cut(row, begin, i));
        begin = i + 1;
    }
    return count;
}

static void join_lines(text *out, const ingest_block *b) {
    text_clear(out);
    for (size_t k = 0; k < b->line_count; k++) {
        if (k > 0) text_put_char(out, ' ');
        text_put(out, b->lines[k].text);
    }
}

static bool belongs_to_body(const ingest_document *d, const ingest_block *b, text *joined) {
    if (b->role == INGEST_ROLE_CAPTION) return false;
    if (b->role != INGEST_ROLE_HEADING) return true;
    join_lines(joined, b);
    return !str_eq(text_str(joined), d->title);
}

bool reading_of(const ingest_document *d, bool body, reading *out, error *err) {
    flow f;
    str *cells = mem_new(ROW_CELLS, sizeof *cells);
    text joined = {0};
    arena *a = arena_new();
    ingest_document kept = *d;
    ingest_block *blocks = arena_alloc(a, d->block_count + 1, sizeof *blocks);
    kept.blocks = blocks;
    kept.block_count = 0;
    for (size_t i = 0; i < d->block_count; i++)
        if (!body || belongs_to_body(d, &d->blocks[i], &joined))
            blocks[kept.block_count++] = d->blocks[i];
    bool ok = flow_build(&kept, count_quarters, NULL, SIZE_MAX / 2, a, NULL, &f, err);
    for (size_t pos = 0; ok && pos < f.t.n;) {
        size_t end = str_find(text_str(&f.t), STR("\n"), pos);
        if (end == SIZE_MAX) end = f.t.n;
        reading_line(out, cells,
                     split_row(reading_unmarked(str_cut(text_str(&f.t), pos, end)), cells));
        pos = end + 1;
    }
    for (size_t i = 0; ok && i < kept.block_count; i++) {
        const ingest_block *b = &kept.blocks[i];
        if (b->role != INGEST_ROLE_HEADING && b->role != INGEST_ROLE_TABLE_ROW) continue;
        join_lines(&joined, b);
        if (b->role == INGEST_ROLE_HEADING)
            reading_heading(out, text_str(&joined));
        else
            reading_row(out, cells, split_row(text_str(&joined), cells));
    }
    mem_free(cells);
    text_free(&joined);
    flow_free(&f);
    arena_free(a);
    return ok;
}

static bool read_truth(const eval_case *c, reading *out, error *err) {
    text source = {0};
    bool ok = c->truth_file.n == 0 || eval_read(c->truth_file.p, &source, err);
    str s = c->truth_file.n ? text_str(&source) : c->truth_text;
    if (ok && c->truth == TRUTH_MARKDOWN)
        truth_markdown(s, out);
    else if (ok && c->truth == TRUTH_HTML)
        ok = truth_html(s, out, err);
    else
        text_put(&out->body, s);
    text_free(&source);
    return ok;
}

/* ---- the file ------------------------------------------------------------------------------ */

static bool unpack(const char *path, int *fd, error *err) {
    text bytes = {0};
    bool ok = eval_read(path, &bytes, err);
    if (ok) {
        *fd = memfd_create("unpacked", MFD_CLOEXEC);
        ok = *fd >= 0 && write(*fd, bytes.p, bytes.n) == (ssize_t)bytes.n;
        if (!ok) error_set(err, ERROR_IO, "%s cannot be unpacked: %s", path, strerror(errno));
    }
    text_free(&bytes);
    return ok;
}

static bool open_case(const eval_case *c, int *fd, error *err) {
    if (c->make) return scan_make(c->file.p, c->worn, fd, err);
    if (str_ends(c->file, STR(".gz"))) return unpack(c->file.p, fd, err);
    *fd = open(c->file.p, O_RDONLY | O_CLOEXEC);
    return *fd >= 0 ||
           error_set(err, ERROR_IO, "%s cannot be opened: %s", c->file.p, strerror(errno));
}

static bool parse(ingest_worker *w, eval_case *c, arena *a, ingest_document **d, error *err) {
    int fd = -1;
    str name = c->file;
    if (str_ends(name, STR(".gz"))) name = str_cut(name, 0, name.n - 3);
    bool ok = open_case(c, &fd, err);
    double start = clock_ms();
    ok = ok && ingest_read(w, fd, name, NULL, NULL, NULL, a, d, err);
    c->ms = clock_ms() - start;
    if (fd >= 0) close(fd);
    return ok;
}

/* ---- scoring ------------------------------------------------------------------------------- */

static size_t count_lines(const text *t) {
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) n += t->p[i] == '\n';
    return n;
}

static void score(eval_case *c, const reading *got, const reading *want) {
    /* The public benchmark of articles compares words as they stand. */
    words a = words_of(text_str(&got->body), !c->body);
    words b = words_of(text_str(&want->body), !c->body);
    c->text = words_overlap(&a, &b);
    c->order = words_order(&a, &b);
    if (c->scan) c->accuracy = c->part ? words_known(&a, &b) : words_accuracy(&a, &b);
    c->headings = lines_overlap(text_str(&got->headings), text_str(&want->headings));
    c->cells = lines_overlap(text_str(&got->cells), text_str(&want->cells));
    if (!c->has_headings) c->wrong_headings = count_lines(&got->headings);
    words_free(&a);
    words_free(&b);
}

/* The same article with every block that came out. */
static bool score_whole(eval_case *c, const ingest_document *d, const reading *want, error *err) {
    reading all = {0};
    bool ok = reading_of(d, false, &all, err);
    if (ok) {
        words a = words_of(text_str(&all.body), false), b = words_of(text_str(&want->body), false);
        c->whole = words_overlap(&a, &b);
        words_free(&a);
        words_free(&b);
    }
    reading_free(&all);
    return ok;
}

static void show_reading(const reading *r) {
    printf(STR_FMT "\n== headings" STR_FMT "\n== cells with their left neighbours" STR_FMT "\n",
           STR_ARG(text_str(&r->body)), STR_ARG(text_str(&r->headings)),
           STR_ARG(text_str(&r->cells)));
}

void judge(ingest_worker *w, eval_case *c, const judge_show *show) {
    error err = {0};
    reading got = {0}, want = {0};
    ingest_document *d = NULL;
    arena *a = arena_new();
    bool known = read_truth(c, &want, &err);
    c->parsed = known && parse(w, c, a, &d, &err) && reading_of(d, c->body, &got, &err) &&
                (!c->body || score_whole(c, d, &want, &err));
    if (c->scan && c->truth != TRUTH_NONE) c->accuracy = 0;
    c->has_headings = want.headings.n > 0;
    c->has_cells = want.cells.n > 0;
    if (c->parsed) {
        c->pages = d->page_count;
        c->blocks = d->block_count;
        for (size_t i = 0; i < d->page_count; i++) c->fates[d->pages[i].fate]++;
        if (c->truth != TRUTH_NONE) score(c, &got, &want);
    } else {
        snprintf(c->why, sizeof c->why, "%s", err.text);
    }
    if (show->text) show_reading(&got);
    if (show->truth) show_reading(&want);
    reading_free(&got);
    reading_free(&want);
    arena_free(a);
}
