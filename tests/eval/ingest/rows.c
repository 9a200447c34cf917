/* Rows of tables for the eye: does each stand with the headings of its columns?
 *
 * A figure cannot say it where there is no truth. Rows with several numbers are drawn evenly from
 * all tables, and each is shown as an answer would find it: the chunk that holds it, with its path
 * of headings, the lines above it in that chunk, and the row. Which row is drawn depends on
 * nothing but the files.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/eval/ingest/eval_ingest.h"

#define ROW_MIN_DIGITS 6
/* Lines of the chunk above the row that are shown, the first and the last of them, and how far. */
#define ROW_FIRST 6
#define ROW_LAST 4
#define ROW_BYTES 160u

typedef struct {
    const eval_case *c;
    str heading, text;
    size_t begin, end; /* the row within the text */
    uint32_t page;
} sample;

typedef struct {
    sample *items;
    size_t count, room;
} samples;

static size_t count_words(void *context, str s) {
    (void)context;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += i == 0 || (s.p[i - 1] == ' ' && s.p[i] != ' ');
    return n + n / 3; /* about what a tokenizer of pieces makes of it */
}

static bool is_data(str row) {
    size_t digits = 0, bars = 0;
    for (size_t i = 0; i < row.n; i++) {
        digits += row.p[i] >= '0' && row.p[i] <= '9';
        bars += row.p[i] == '|';
    }
    return digits >= ROW_MIN_DIGITS && bars >= 2;
}

static void collect(const eval_case *c, const ingest_chunk *chunk, samples *s) {
    for (size_t begin = chunk->overlap_bytes; begin < chunk->text.n;) {
        size_t end = str_find(chunk->text, STR("\n"), begin);
        if (end == SIZE_MAX) end = chunk->text.n;
        if (is_data(str_cut(chunk->text, begin, end))) {
            if (s->count == s->room) {
                s->room = s->room ? 2 * s->room : 1024;
                s->items = mem_grow(s->items, s->room, sizeof *s->items);
            }
            s->items[s->count++] =
                (sample){c, chunk->heading, chunk->text, begin, end, chunk->page_first};
        }
        begin = end + 1;
    }
}

static void show(const sample *s) {
    printf("\n%.*s, page %u, below: " STR_FMT "\n", STR_ARG(s->c->name), s->page,
           STR_ARG(s->heading));
    size_t lines = 0, line = 0;
    for (size_t i = 0; i < s->begin; i++) lines += s->text.p[i] == '\n';
    for (size_t begin = 0; begin < s->begin; line++) {
        size_t end = str_find(s->text, STR("\n"), begin);
        str l = str_cut(s->text, begin, end);
        bool cut = l.n > ROW_BYTES;
        if (line < ROW_FIRST || line + ROW_LAST >= lines)
            printf("      " STR_FMT "%s\n",
                   STR_ARG(str_cut(l, 0, utf8_floor(l, cut ? ROW_BYTES : l.n))), cut ? " ..." : "");
        else if (line == ROW_FIRST)
            printf("      ... %zu lines ...\n", lines - ROW_FIRST - ROW_LAST);
        begin = end + 1;
    }
    printf("   -> " STR_FMT "\n", STR_ARG(str_cut(s->text, s->begin, s->end)));
}

static bool read_rows(ingest_worker *w, const eval_case *c, arena *a, samples *all, error *err) {
    ingest_document *d;
    ingest_chunk *chunks;
    size_t count;
    int fd = open(c->file.p, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && ingest_read(w, fd, c->file, NULL, NULL, NULL, a, &d, err) &&
              ingest_chunk_document(d, count_words, NULL, a, &chunks, &count, err);
    if (fd >= 0) close(fd);
    for (size_t i = 0; ok && i < count; i++) collect(c, &chunks[i], all);
    return ok;
}

bool rows_show(ingest_worker *w, const eval_cases *cases, size_t wanted, error *err) {
    arena *a = arena_new();
    samples all = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < cases->count; i++)
        if (strcmp(cases->items[i].set, "filings") == 0)
            ok = read_rows(w, &cases->items[i], a, &all, err);
    if (ok) printf("\n%zu of %zu rows with numbers in the filings:\n", wanted, all.count);
    for (size_t i = 0; ok && i < wanted && i < all.count; i++)
        show(&all.items[(2 * i + 1) * all.count / (2 * wanted)]);
    mem_free(all.items);
    arena_free(a);
    return ok;
}
