/* Golden test: each tests/golden/pdf/X.pdf, parsed by carrel-parse, reads as X.txt. How the PDFs
 * were made stands in make.py there. CARREL_GOLDEN_WRITE=1 writes the .txt files anew; whoever does
 * that reads the difference before it is committed.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/documents.h"

#define FOLDER "tests/golden/pdf/"

static ingest_document *parse(const char *path, arena *a) {
    error err = {0};
    ingest_document *d = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    if (!documents_parse(worker, fd, str_of(path), a, &d, &err)) fail_msg("%s: %s", path, err.text);
    close(fd);
    return d;
}

/* Text without numbers that depend on poppler's font metrics. */
static void print(const ingest_document *d, text *out) {
    static const char *const roles[INGEST_ROLE_COUNT] = {"heading", "paragraph", "item", "row",
                                                         "caption", "footer",    "code"};
    text_printf(out, "title: " STR_FMT "\ntype: " STR_FMT "\n", STR_ARG(d->title),
                STR_ARG(d->type));
    for (size_t i = 0; i < d->page_count; i++)
        text_printf(out, "page %u \"" STR_FMT "\" %.0f x %.0f %s\n", d->pages[i].number,
                    STR_ARG(d->pages[i].label), d->pages[i].width_pt, d->pages[i].height_pt,
                    ingest_fate_name(d->pages[i].fate));
    for (size_t i = 0; i < d->block_count; i++) {
        const ingest_block *b = &d->blocks[i];
        text_printf(out, "\n%s %u, page %u\n", roles[b->role], b->level, b->page);
        for (size_t k = 0; k < b->line_count; k++)
            text_printf(out, "  " STR_FMT "\n", STR_ARG(b->lines[k].text));
    }
}

static void read_file(const char *path, text *out) {
    char piece[4096];
    size_t n;
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("%s is missing", path);
    while ((n = fread(piece, 1, sizeof piece, f)) > 0) text_put(out, (str){piece, n});
    fclose(f);
}

static void compare(const char *path, const text *got) {
    if (getenv("CARREL_GOLDEN_WRITE")) {
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(got->p, 1, got->n, f), got->n);
        fclose(f);
        return;
    }
    text expected = {0};
    read_file(path, &expected);
    size_t at = 0, line = 1;
    while (at < got->n && at < expected.n && got->p[at] == expected.p[at])
        line += got->p[at++] == '\n';
    if (at != got->n || at != expected.n)
        fail_msg("%s, line %zu: got \"%.60s\", expected \"%.60s\"", path, line, got->p + at,
                 expected.p + at);
    text_free(&expected);
}

static void every_golden_pdf_reads_as_expected(void **state) {
    (void)state;
    int count = 0;
    DIR *folder = opendir(FOLDER);
    assert_non_null(folder);
    for (struct dirent *e; (e = readdir(folder));) {
        size_t n = strlen(e->d_name);
        if (n < 5 || strcmp(e->d_name + n - 4, ".pdf") != 0) continue;
        char path[400];
        arena *a = arena_new();
        text got = {0};
        snprintf(path, sizeof path, FOLDER "%s", e->d_name);
        print(parse(path, a), &got);
        memcpy(path + strlen(path) - 4, ".txt", 4);
        compare(path, &got);
        text_free(&got);
        arena_free(a);
        count++;
    }
    closedir(folder);
    assert_true(count >= 12);
}

/* Every line has a box on its page and a font size, and the lines of a paragraph go down the page,
 * or on in the next column. */
static void lines_stand_on_the_page(void **state) {
    (void)state;
    arena *a = arena_new();
    const ingest_document *d = parse(FOLDER "paper.pdf", a);
    for (size_t i = 0; i < d->block_count; i++) {
        const ingest_block *b = &d->blocks[i];
        const ingest_page *p = &d->pages[b->page - 1];
        for (size_t k = 0; k < b->line_count; k++) {
            box at = b->lines[k].at;
            assert_true(at.x0 >= 0 && at.x0 < at.x1 && at.x1 <= p->width_pt);
            assert_true(at.y0 >= 0 && at.y0 < at.y1 && at.y1 <= p->height_pt);
            assert_true(b->lines[k].font_pt > 6 && b->lines[k].font_pt < 30);
            if (k > 0) assert_true(at.y0 > b->lines[k - 1].at.y0 || at.x0 > b->lines[k - 1].at.x1);
        }
    }
    box first = d->blocks[0].lines[0].at; /* the title stands in the upper tenth of the page */
    assert_true(first.y1 < d->pages[0].height_pt / 5);
    arena_free(a);
}

static size_t count_words(void *context, str s) {
    (void)context;
    size_t words = 0;
    for (size_t i = 0; i < s.n; i++) words += s.p[i] != ' ' && (i == 0 || s.p[i - 1] == ' ');
    return words;
}

/* A table that was cut, within a page and by its end: each chunk says what its columns are. */
static void every_dose_stands_with_its_weight(void **state) {
    (void)state;
    error err = {0};
    arena *a = arena_new();
    ingest_chunk *chunks;
    size_t count, doses = 0;
    const ingest_document *d = parse(FOLDER "ward.pdf", a);
    assert_true(ingest_chunk_document(d, count_words, NULL, a, &chunks, &count, &err));
    for (size_t i = 0; i < count; i++) {
        str s = chunks[i].text;
        size_t dose = str_find(s, STR(" syrup | "), 0), head = str_find(s, STR("10-14 kg"), 0);
        if (dose == SIZE_MAX) dose = str_find(s, STR(" injection | "), 0);
        if (dose == SIZE_MAX) continue;
        doses++;
        assert_true(head < dose);
        assert_true(str_find(s, STR("Single doses (mg)"), 0) < head);
    }
    assert_true(doses >= 2);
    arena_free(a);
}

/* Tables that go on over the page, ruled or not, with their head again or without: every row stands
 * below it. */
static void rows_of_the_next_page_keep_their_heads(void **state) {
    (void)state;
    error err = {0};
    arena *a = arena_new();
    ingest_chunk *chunks;
    size_t count, rows = 0;
    const ingest_document *d = parse(FOLDER "tables_pages.pdf", a);
    assert_true(ingest_chunk_document(d, count_words, NULL, a, &chunks, &count, &err));
    for (size_t i = 0; i < count; i++) {
        str s = chunks[i].text;
        size_t head = str_find(s, STR("Article | Shelf | In stock | Price\n"), 0);
        size_t row = str_find(s, STR(" | 69 | 9.35"), 0); /* the eighth of each table */
        if (row == SIZE_MAX) continue;
        rows++;
        assert_true(head < row);
    }
    assert_true(rows >= 3);
    arena_free(a);
}

/* A medicine over several rows stands in each of them, below the weights. */
static void ruled_doses_stand_with_their_weights(void **state) {
    (void)state;
    error err = {0};
    arena *a = arena_new();
    ingest_chunk *chunks;
    size_t count, doses = 0;
    const ingest_document *d = parse(FOLDER "tables_ruled.pdf", a);
    assert_true(ingest_chunk_document(d, count_words, NULL, a, &chunks, &count, &err));
    for (size_t i = 0; i < count; i++) {
        str s = chunks[i].text;
        size_t dose = str_find(s, STR("Amoxicillin | tablet, 250 mg | | 1/2 | 1 | 1 1/2"), 0);
        size_t head = str_find(s, STR("Weight of the child 10-14 kg"), 0);
        if (dose == SIZE_MAX) continue;
        doses++;
        assert_true(head < dose);
    }
    assert_int_equal(doses, 1);
    arena_free(a);
}

/* The footnotes of a column come behind the sentence that goes on in the next. */
static void notes_do_not_part_sentences(void **state) {
    (void)state;
    error err = {0};
    arena *a = arena_new();
    ingest_chunk *chunks;
    size_t count, whole = 0;
    const ingest_document *d = parse(FOLDER "notes.pdf", a);
    assert_true(ingest_chunk_document(d, count_words, NULL, a, &chunks, &count, &err));
    for (size_t i = 0; i < count; i++)
        for (size_t at = 0; (at = str_find(chunks[i].text, STR("since a sole that is bent spoils"),
                                           at)) != SIZE_MAX;
             at++)
            whole += at >= chunks[i].overlap_bytes;
    assert_int_equal(whole, 4);
    arena_free(a);
}

/* Text that runs up or down the page has its boxes where it stands. */
static void turned_lines_stand_on_the_page(void **state) {
    (void)state;
    arena *a = arena_new();
    const ingest_document *d = parse(FOLDER "turned.pdf", a);
    for (size_t i = 0; i < d->block_count; i++) {
        const ingest_block *b = &d->blocks[i];
        const ingest_page *p = &d->pages[b->page - 1];
        for (size_t k = 0; k < b->line_count; k++) {
            box at = b->lines[k].at;
            assert_true(at.x0 >= 0 && at.x0 < at.x1 && at.x1 <= p->width_pt);
            assert_true(at.y0 >= 0 && at.y0 < at.y1 && at.y1 <= p->height_pt);
            bool tall = at.y1 - at.y0 > at.x1 - at.x0;
            bool turned = b->page == 2 || b->page == 3 || str_starts(b->lines[k].text, STR("Prop"));
            if (b->role == INGEST_ROLE_PARAGRAPH) assert_int_equal(tall, turned);
        }
    }
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_golden_pdf_reads_as_expected),
        cmocka_unit_test(lines_stand_on_the_page),
        cmocka_unit_test(every_dose_stands_with_its_weight),
        cmocka_unit_test(rows_of_the_next_page_keep_their_heads),
        cmocka_unit_test(ruled_doses_stand_with_their_weights),
        cmocka_unit_test(notes_do_not_part_sentences),
        cmocka_unit_test(turned_lines_stand_on_the_page),
    };
    return cmocka_run_group_tests_name("ingest pdf", tests, documents_open, documents_close);
}
