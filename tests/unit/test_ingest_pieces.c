/* Documents of many members (ingest/pieces.c, ingest/kept.c), through the real carrel-parse: they
 * are unpacked in runs and read in stretches, and nobody can tell by what comes out; what they cost
 * grows with their number and no faster, and what is kept of them does not grow at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/kept.h"
#include "ingest/worker.h"
#include "tests/support/documents.h"

static size_t count_words(void *context, str s) {
    size_t words = 0;
    (void)context;
    for (size_t i = 0; i < s.n; i++) words += s.p[i] == ' ';
    return words + 1;
}

/* ---- making mails -------------------------------------------------------------------------- */

static void begin_mail(text *t, char boundary) {
    text_printf(t,
                "From: Ada <ada@example.org>\nSubject: outer\nMIME-Version: 1.0\n"
                "Content-Type: multipart/mixed; boundary=\"%c%c\"\n\n"
                "--%c%c\nContent-Type: text/plain\n\nwords of the outer message\n\n",
                boundary, boundary, boundary, boundary);
}

static void attach(text *t, char boundary, const char *name, str bytes) {
    text_printf(t,
                "--%c%c\nContent-Type: application/octet-stream\n"
                "Content-Disposition: attachment; filename=\"%s\"\n"
                "Content-Transfer-Encoding: binary\n\n",
                boundary, boundary, name);
    text_put(t, bytes);
    text_put_char(t, '\n');
}

static void end_mail(text *t, char boundary) {
    text_printf(t, "--%c%c--\n", boundary, boundary);
}

/* Every fiftieth message has two attachments. */
static void put_messages(text *t, int count) {
    for (int i = 0; i < count; i++) {
        text_printf(t,
                    "From ada Tue Mar 12 14:05:00 2024\nFrom: Ada <ada@example.org>\n"
                    "Subject: Note %d\nMIME-Version: 1.0\n",
                    i);
        if (i % 50 > 0) {
            text_printf(t, "\nThe valve of pump %d opens at %d bar.\n\n", i, i % 13);
            continue;
        }
        text_printf(t, "Content-Type: multipart/mixed; boundary=mm\n\n--mm\n\nSee the files.\n");
        attach(t, 'm', "plan.md", STR("# Plan\n\n## First\n\nOil the pump.\n"));
        attach(t, 'm', "broken.pdf", STR("%PDF-1.4\n1 0 obj"));
        end_mail(t, 'm');
        text_put_char(t, '\n');
    }
}

/* ---- stretches ------------------------------------------------------------------------------- */

/* What the process has taken at most, in bytes. */
static uint64_t peak_bytes(void) {
    struct rusage use;
    assert_int_equal(getrusage(RUSAGE_SELF, &use), 0);
    return (uint64_t)use.ru_maxrss << 10;
}

static void describe_chunks(const ingest_document *d, const ingest_chunk *chunks, size_t count,
                            text *out) {
    ingest_document bare = *d;
    bare.block_count = 0;
    documents_describe(&bare, out);
    for (size_t i = 0; i < d->part_count; i++) text_printf(out, "depth %u\n", d->parts[i].depth);
    for (size_t i = 0; i < count; i++) {
        const ingest_chunk *c = &chunks[i];
        text_printf(out, "%u-%u [" STR_FMT "] " STR_FMT " (%u, %u, %zu lines on %u)\n",
                    c->page_first, c->page_last, STR_ARG(c->heading), STR_ARG(c->text), c->tokens,
                    c->overlap_bytes, c->line_count, c->lines[0].page);
    }
}

/* A mail with a mailbox of so many messages, and a text. */
static void put_all(text *t, int messages) {
    text notes = {0};
    put_messages(&notes, messages);
    begin_mail(t, 'o');
    attach(t, 'o', "notes.mbox", text_str(&notes));
    attach(t, 'o', "last.txt", STR("The last words.\n"));
    end_mail(t, 'o');
    text_free(&notes);
}

/* Gives the process's peak when it was read. */
static uint64_t read_chunks(int messages, text *out) {
    text t = {0};
    arena *a = arena_new();
    ingest_document *d;
    error err = {0};
    ingest_cutting cutting = {.count = count_words};
    put_all(&t, messages);
    int fd = documents_file(text_str(&t));
    text_free(&t);
    if (!ingest_read_chunks(worker, fd, STR("all.eml"), NULL, NULL, NULL, &cutting, a, &d, &err))
        fail_msg("%s", err.text);
    uint64_t peak = peak_bytes();
    assert_int_equal(kept_in_all(), 0);
    assert_int_equal(d->block_count, 0);
    assert_int_equal(d->page_count, 2 + messages + 2 * (messages / 50));
    describe_chunks(d, cutting.chunks, cutting.chunk_count, out);
    close(fd);
    arena_free(a);
    return peak;
}

#ifdef __SANITIZE_ADDRESS__
#define SHADOW_MEMORY true /* and freed memory that is not given out again */
#else
#define SHADOW_MEMORY false
#endif

enum { FEW = 1100, MANY = 2600 }; /* the first stretch ends within the mailbox */

static void stretches_make_the_same_chunks(void **state) {
    (void)state;
    text t = {0}, whole = {0}, cut = {0}, other = {0};
    arena *a = arena_new();
    ingest_document *d;
    ingest_chunk *chunks;
    size_t count;
    error err = {0};
    uint64_t few = read_chunks(FEW, &cut), many = read_chunks(MANY, &other);
    /* What a message is made of is an arena of 4 KiB and more, which must not outlive its
     * stretch. */
    if (!SHADOW_MEMORY) assert_in_range(many - few, 0, (MANY - FEW) * 3072ull);
    put_all(&t, FEW);
    assert_true(documents_read(worker, "all.eml", text_str(&t), NULL, a, &d, &err));
    assert_true(ingest_chunk_document(d, count_words, NULL, a, &chunks, &count, &err));
    describe_chunks(d, chunks, count, &whole);
    if (!str_eq(text_str(&whole), text_str(&cut))) fail_msg("%s\n\n%s", whole.p, cut.p);
    assert_non_null(strstr(cut.p, "[notes.mbox > Note 1050 (Ada) > plan.md > Plan > First] Oil"));
    arena_free(a);
    text_free(&t);
    text_free(&whole);
    text_free(&cut);
    text_free(&other);
}

/* ---- a long document ------------------------------------------------------------------------- */

enum { ROWS = 600, SMALL_STRETCH = 4096 };

static ingest_document *read_cut(const char *name, str bytes, size_t stretch_bytes, arena *a,
                                 ingest_cutting *cutting) {
    ingest_document *d;
    error err = {0};
    int fd = documents_file(bytes);
    *cutting = (ingest_cutting){.count = count_words, .stretch_bytes = stretch_bytes};
    if (!ingest_read_chunks(worker, fd, str_of(name), NULL, NULL, NULL, cutting, a, &d, &err))
        fail_msg("%s", err.text);
    close(fd);
    return d;
}

/* What of the chunks was not said before, without white space. */
static void put_new_words(const ingest_cutting *cutting, text *out) {
    for (size_t i = 0; i < cutting->chunk_count; i++) {
        const ingest_chunk *c = &cutting->chunks[i];
        for (size_t k = c->overlap_bytes; k < c->text.n; k++)
            if (c->text.p[k] > ' ') text_put_char(out, c->text.p[k]);
    }
}

static void same_words(const char *name, str bytes) {
    arena *a = arena_new();
    ingest_cutting whole, cut;
    text before = {0}, after = {0}, facts = {0}, cut_facts = {0};
    describe_chunks(read_cut(name, bytes, 0, a, &whole), NULL, 0, &facts);
    describe_chunks(read_cut(name, bytes, SMALL_STRETCH, a, &cut), NULL, 0, &cut_facts);
    put_new_words(&whole, &before);
    put_new_words(&cut, &after);
    assert_int_not_equal(cut.chunk_count, whole.chunk_count);
    assert_string_equal(before.p, after.p);
    assert_string_equal(facts.p, cut_facts.p);
    text_free(&before);
    text_free(&after);
    text_free(&facts);
    text_free(&cut_facts);
    arena_free(a);
}

static void a_table_keeps_its_head_in_every_stretch(void **state) {
    (void)state;
    text t = {0};
    arena *a = arena_new();
    ingest_cutting cut;
    text_put(&t, STR("Part;Name;Price\n"));
    for (int i = 0; i < ROWS; i++) text_printf(&t, "%d;valve number %d;%d,50\n", i, i, i % 97);
    same_words("parts.csv", text_str(&t));
    read_cut("parts.csv", text_str(&t), SMALL_STRETCH, a, &cut);
    for (size_t i = 0; i < cut.chunk_count; i++) {
        const ingest_chunk *c = &cut.chunks[i];
        assert_true(str_starts(c->text, STR("Part | Name | Price\n\n")));
        assert_int_equal(c->overlap_bytes, i == 0 ? 0 : strlen("Part | Name | Price\n\n"));
        assert_int_equal(c->lines[0].begin, 0);
        assert_int_equal(c->lines[0].page, 1);
    }
    arena_free(a);
    text_free(&t);
}

static void headings_stand_above_every_stretch(void **state) {
    (void)state;
    text t = {0};
    arena *a = arena_new();
    ingest_cutting cut;
    text_put(&t, STR("# Pumps\n\n## Valves\n\n"));
    for (int i = 0; i < ROWS; i++)
        text_printf(&t, "Valve %d opens at %d bar. It is oiled each year.\n\n", i, i % 13);
    text_put(&t, STR("## Seals\n\nSeals are made of rubber.\n"));
    same_words("pumps.md", text_str(&t));
    read_cut("pumps.md", text_str(&t), SMALL_STRETCH, a, &cut);
    for (size_t i = 0; i + 1 < cut.chunk_count; i++)
        assert_true(str_eq(cut.chunks[i].heading, STR("Pumps > Valves")));
    assert_true(str_eq(cut.chunks[cut.chunk_count - 1].heading, STR("Pumps > Seals")));
    arena_free(a);
    text_free(&t);
}

/* A row costs its chunk, and what it was packed into; not what it is made of while it is cut. */
static void a_long_table_takes_little_memory(void **state) {
    (void)state;
    enum { MANY_ROWS = 200000, ROW_BYTES = 220 };
    text t = {0};
    arena *a = arena_new();
    ingest_cutting cut;
    text_put(&t, STR("Part;Name;Price\n"));
    for (int i = 0; i < MANY_ROWS; i++) text_printf(&t, "%d;valve number %d;%d,50\n", i, i, i % 97);
    uint64_t before = peak_bytes();
    read_cut("parts.csv", text_str(&t), 0, a, &cut);
    if (!SHADOW_MEMORY) assert_in_range(peak_bytes() - before, 0, MANY_ROWS * (uint64_t)ROW_BYTES);
    arena_free(a);
    text_free(&t);
}

/* ---- runs ---------------------------------------------------------------------------------- */

/* Members that do not fit into one run together, one that fits into none, and broken ones. */
static void runs_have_an_end(void **state) {
    (void)state;
    enum { MEMBERS = 14 };
    text t = {0}, big = {0};
    char name[16];
    arena *a = arena_new();
    ingest_document *d;
    error err = {0};
    begin_mail(&t, 'o');
    for (int i = 0; i < MEMBERS; i++) {
        size_t bytes = i == 9 ? WORKER_RUN_MAX_BYTES + 1 : i % 4 == 3 ? 8 : 3u << 20;
        text_clear(&big);
        if (i % 4 == 3 && i != 9) {
            text_put(&big, STR("%PDF-1.4\n1 0 obj"));
        } else {
            text_printf(&big, "<!doctype html><p>words of member %d</p><!-- ", i);
            while (big.n < bytes) text_put(&big, STR("----------------------------- "));
            text_put(&big, STR("-->"));
        }
        snprintf(name, sizeof name, i % 4 == 3 && i != 9 ? "%d.pdf" : "%d.html", i);
        attach(&t, 'o', name, text_str(&big));
    }
    end_mail(&t, 'o');
    if (!documents_read(worker, "all.eml", text_str(&t), NULL, a, &d, &err))
        fail_msg("%s", err.text);
    assert_int_equal(d->page_count, 1 + MEMBERS);
    for (int i = 0; i < MEMBERS; i++) {
        const ingest_page *p = &d->pages[1 + i];
        bool broken = i % 4 == 3 && i != 9;
        assert_int_equal(p->fate, broken ? INGEST_FATE_FAILED : INGEST_FATE_TEXT);
        if (broken) assert_non_null(strstr(p->note.p, "damaged"));
    }
    assert_int_equal(kept_in_all(), 0);
    arena_free(a);
    text_free(&t);
    text_free(&big);
}

/* Of the process's children, and theirs. */
static double seconds_of_children(void) {
    struct rusage use;
    assert_int_equal(getrusage(RUSAGE_CHILDREN, &use), 0);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static double cost_of_attachments(int count) {
    text t = {0};
    char name[16];
    arena *a = arena_new();
    ingest_document *d;
    error err = {0};
    ingest_worker *w = documents_worker(&ingest_default_limits);
    double before = seconds_of_children();
    begin_mail(&t, 'o');
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%d.txt", i);
        attach(&t, 'o', name, STR("Oil the pump, and see that the valve opens.\n"));
    }
    end_mail(&t, 'o');
    assert_true(documents_read(w, "all.eml", text_str(&t), NULL, a, &d, &err));
    assert_int_equal(d->page_count, 1 + count);
    ingest_worker_close(w); /* then its time is known */
    arena_free(a);
    text_free(&t);
    return seconds_of_children() - before;
}

/* Four times as many cost four times as much. Each in a mail that is parsed anew, they cost twelve
 * times. */
static void cost_grows_with_the_number(void **state) {
    (void)state;
    double few = cost_of_attachments(250), many = cost_of_attachments(1000);
    if (many > 8 * few) fail_msg("250: %.2f s, 1000: %.2f s", few, many);
}

/* ---- what is kept -------------------------------------------------------------------------- */

static void one_budget_for_all(void **state) {
    (void)state;
    static const char bytes[100000];
    error err = {0};
    kept_file x, y, more[KEPT_MAX_COUNT];
    assert_true(kept_open(&x, &err) && kept_open(&y, &err));
    assert_true(kept_put(&x, bytes, sizeof bytes, 250000, &err));
    assert_true(kept_put(&y, bytes, sizeof bytes, 250000, &err));
    assert_false(kept_put(&x, bytes, sizeof bytes, 250000, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    kept_close(&y);
    assert_true(kept_put(&x, bytes, sizeof bytes, 250000, &err));
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    kept_begin_page(&x);
    assert_int_equal(x.bytes % page, 0);
    assert_int_equal(kept_in_all(), x.bytes);
    size_t count = 0;
    while (count < KEPT_MAX_COUNT && kept_open(&more[count], &err)) count++;
    assert_int_equal(count, KEPT_MAX_COUNT - 1);
    assert_int_equal(err.code, ERROR_LIMIT);
    while (count > 0) kept_close(&more[--count]);
    kept_close(&x);
    kept_close(&x);
    assert_int_equal(kept_in_all(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stretches_make_the_same_chunks),
        cmocka_unit_test(a_table_keeps_its_head_in_every_stretch),
        cmocka_unit_test(headings_stand_above_every_stretch),
        cmocka_unit_test(a_long_table_takes_little_memory),
        cmocka_unit_test(runs_have_an_end),
        cmocka_unit_test(cost_grows_with_the_number),
        cmocka_unit_test(one_budget_for_all),
    };
    return cmocka_run_group_tests_name("ingest pieces", tests, documents_open, documents_close);
}
