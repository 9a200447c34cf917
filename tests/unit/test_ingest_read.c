/* A document out of its pieces (ingest/read.c), through the real carrel-parse: what becomes of the
 * members of containers, of members that fail, hang or crash, and of work that is shared by threads.
 * The containers are mails, since those can be read in this file.
 */
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/reread.h"
#include "tests/support/documents.h"

static ingest_limits limits;

static int reset_limits(void **state) {
    (void)state;
    limits = ingest_default_limits;
    limits.seconds = 20;
    return 0;
}

static ingest_worker *open_worker(void) {
    ingest_worker *w = documents_worker(&limits);
    assert_non_null(w);
    return w;
}

/* ---- making mails -------------------------------------------------------------------------- */

static void begin_mail(text *t, const char *subject, char boundary) {
    text_printf(t,
                "From: Ada <ada@example.org>\nSubject: %s\nMIME-Version: 1.0\n"
                "Content-Type: multipart/mixed; boundary=\"%c%c\"\n\n",
                subject, boundary, boundary);
}

static void put_words(text *t, char boundary, const char *words) {
    text_printf(t, "--%c%c\nContent-Type: text/plain\n\n%s\n\n", boundary, boundary, words);
}

static void attach(text *t, char boundary, const char *type, const char *name, str bytes) {
    text_printf(t,
                "--%c%c\nContent-Type: %s\nContent-Disposition: attachment; filename=\"%s\"\n"
                "Content-Transfer-Encoding: binary\n\n",
                boundary, boundary, type, name);
    text_put(t, bytes);
    text_put_char(t, '\n');
}

static void attach_file(text *t, char boundary, const char *name, const char *path) {
    static char bytes[64u << 10];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    attach(t, boundary, "application/octet-stream", name, (str){bytes, n});
}

static void end_mail(text *t, char boundary) {
    text_printf(t, "--%c%c--\n", boundary, boundary);
}

/* Two messages without attachments. */
static void put_mailbox(text *t) {
    for (int i = 1; i <= 2; i++)
        text_printf(
            t,
            "From ada Tue Mar 12 14:0%d:00 2024\nFrom: Ada <ada@example.org>\nSubject: Note %d\n"
            "Date: Tue, 12 Mar 2024 14:0%d:00 +0000\n\nwords of note %d\n\n",
            i, i, i, i);
}

/* ---- checking ------------------------------------------------------------------------------- */

static ingest_document *read_mail(ingest_worker *w, const text *t, arena *a) {
    ingest_document *d = NULL;
    error err = {0};
    if (!documents_read(w, "box.eml", text_str(t), NULL, a, &d, &err)) fail_msg("%s", err.text);
    for (size_t i = 0; i < d->page_count; i++) assert_int_equal(d->pages[i].number, i + 1);
    for (size_t i = 1; i < d->block_count; i++)
        assert_true(d->blocks[i - 1].page <= d->blocks[i].page);
    return d;
}

static void expect(const ingest_document *d, const char *wanted) {
    text got = {0};
    documents_describe(d, &got);
    if (strcmp(got.p, wanted) != 0) fail_msg("got:\n%s\nexpected:\n%s", got.p, wanted);
    text_free(&got);
}

static void expect_note(const ingest_document *d, uint32_t page, ingest_fate fate,
                        const char *sentence) {
    const ingest_page *p = &d->pages[page - 1];
    char note[600];
    snprintf(note, sizeof note, STR_FMT, STR_ARG(p->note));
    if (p->fate != fate || !strstr(note, sentence))
        fail_msg("page %u is %s: %s", page, ingest_fate_name(p->fate), note);
}

/* ---- the shape of what comes out ------------------------------------------------------------- */

static void members_follow_their_container(void **state) {
    (void)state;
    text t = {0}, inner = {0};
    arena *a = arena_new();
    ingest_worker *w = open_worker();
    begin_mail(&inner, "inner", 'i');
    put_words(&inner, 'i', "words of the inner message");
    attach(&inner, 'i', "text/plain", "deep.txt", STR("deep words\n"));
    attach(&inner, 'i', "application/x-thing", "thing.bin", STR("\1\2\3"));
    end_mail(&inner, 'i');
    begin_mail(&t, "outer", 'o');
    put_words(&t, 'o', "words of the outer message");
    attach(&t, 'o', "text/markdown", "plan.md", STR("# Plan\n\n## First\n\nwords of the plan\n"));
    attach(&t, 'o', "message/rfc822", "inner.eml", text_str(&inner));
    attach(&t, 'o', "text/plain", "last.txt", STR("page one\n\f\npage two\n"));
    end_mail(&t, 'o');
    expect(
        read_mail(w, &t, a),
        "outer (mail, )\n"
        "page 1: text\n"
        "page 2: text\n"
        "page 3: text\n"
        "page 4: text\n"
        "page 5: text\n"
        "page 6: text\n"
        "part plan.md: 2+1\n"
        "part inner.eml: 3+2\n"
        "part deep.txt: 4+1\n"
        "part last.txt: 5+2\n"
        "note inner.eml: the attachment \"thing.bin\" (3 bytes) is no document that Carrel reads\n"
        "1 paragraph\n    Subject: outer\n"
        "1 paragraph\n    From: Ada <ada@example.org>\n"
        "1 paragraph\n    Attachments: plan.md, last.txt\n"
        "1 paragraph\n    words of the outer message\n"
        "2 heading 1\n    plan.md\n"
        "2 heading 2\n    Plan\n"
        "2 heading 3\n    First\n"
        "2 paragraph\n    words of the plan\n"
        "3 heading 1\n    inner.eml\n"
        "3 paragraph\n    Subject: inner\n"
        "3 paragraph\n    From: Ada <ada@example.org>\n"
        "3 paragraph\n    Attachments: deep.txt, thing.bin\n"
        "3 paragraph\n    words of the inner message\n"
        "4 heading 2\n    deep.txt\n"
        "4 paragraph\n    deep words\n"
        "5 heading 1\n    last.txt\n"
        "5 paragraph\n    page one\n"
        "6 paragraph\n    page two\n");
    ingest_worker_close(w);
    arena_free(a);
    text_free(&inner);
    text_free(&t);
}

/* A mailbox has no page of its own: its heading stands above its first message. */
static void a_container_without_pages_keeps_its_heading(void **state) {
    (void)state;
    text t = {0}, notes = {0};
    arena *a = arena_new();
    ingest_worker *w = open_worker();
    put_mailbox(&notes);
    begin_mail(&t, "old notes", 'o');
    attach(&t, 'o', "application/mbox", "notes.mbox", text_str(&notes));
    end_mail(&t, 'o');
    const ingest_document *d = read_mail(w, &t, a);
    assert_int_equal(d->page_count, 3);
    assert_int_equal(d->part_count, 3);
    assert_int_equal(d->parts[0].page_first, 2);
    assert_int_equal(d->parts[0].page_count, 2);
    static const struct {
        uint8_t level;
        uint32_t page;
        const char *words;
    } headings[] = {{1, 2, "notes.mbox"},
                    {2, 2, "Note 1 (Ada, 2024-03-12)"},
                    {2, 3, "Note 2 (Ada, 2024-03-12)"}};
    size_t found = 0;
    for (size_t i = 0; i < d->block_count; i++) {
        const ingest_block *b = &d->blocks[i];
        if (b->role != INGEST_ROLE_HEADING) continue;
        assert_true(found < 3);
        assert_int_equal(b->level, headings[found].level);
        assert_int_equal(b->page, headings[found].page);
        assert_true(str_eq(b->lines[0].text, str_of(headings[found].words)));
        found++;
    }
    assert_int_equal(found, 3);
    ingest_worker_close(w);
    arena_free(a);
    text_free(&notes);
    text_free(&t);
}

static void too_deep_is_told(void **state) {
    (void)state;
    text t = {0};
    arena *a = arena_new();
    ingest_worker *w = open_worker();
    for (int depth = 0; depth < 7; depth++) {
        text outer = {0};
        begin_mail(&outer, "level", (char)('a' + depth));
        put_words(&outer, (char)('a' + depth), "words");
        if (depth > 0)
            attach(&outer, (char)('a' + depth), "message/rfc822", "in.eml", text_str(&t));
        end_mail(&outer, (char)('a' + depth));
        text_free(&t);
        t = outer;
    }
    const ingest_document *d = read_mail(w, &t, a);
    assert_int_equal(d->page_count, 6); /* the mail, four members, and one that is not read */
    assert_int_equal(d->part_count, 5);
    expect_note(d, 5, INGEST_FATE_TEXT, "");
    expect_note(d, 6, INGEST_FATE_FAILED, "too many containers");
    ingest_worker_close(w);
    arena_free(a);
    text_free(&t);
}

/* ---- members that fail ----------------------------------------------------------------------- */

static void a_broken_member_is_a_page(void **state) {
    (void)state;
    text t = {0};
    arena *a = arena_new();
    ingest_worker *w = open_worker();
    begin_mail(&t, "three", 't');
    attach(&t, 't', "text/plain", "a.txt", STR("first words\n"));
    attach(&t, 't', "application/pdf", "broken.pdf", STR("%PDF-1.4\n1 0 obj"));
    attach(&t, 't', "text/plain", "z.txt", STR("last words\n"));
    end_mail(&t, 't');
    const ingest_document *d = read_mail(w, &t, a);
    assert_int_equal(d->page_count, 4);
    expect_note(d, 3, INGEST_FATE_FAILED, "damaged");
    assert_int_equal(d->parts[1].page_first, 3);
    assert_int_equal(d->parts[1].page_count, 1);
    assert_int_equal(d->blocks[d->block_count - 1].page, 4);
    assert_true(str_eq(d->blocks[d->block_count - 1].lines[0].text, STR("last words")));
    ingest_worker_close(w);
    arena_free(a);
    text_free(&t);
}

static void a_slow_member_ends_on_time(void **state) {
    (void)state;
    text t = {0};
    arena *a = arena_new();
    limits.seconds = 1;
    ingest_worker *w = open_worker();
    begin_mail(&t, "slow", 's');
    attach_file(&t, 's', "slow.pdf", "tests/golden/hostile/slow.pdf");
    attach(&t, 's', "text/plain", "z.txt", STR("last words\n"));
    end_mail(&t, 's');
    const ingest_document *d = read_mail(w, &t, a);
    assert_int_equal(d->page_count, 3);
    expect_note(d, 2, INGEST_FATE_FAILED, "took longer than 1 s");
    expect_note(d, 3, INGEST_FATE_TEXT, "");
    ingest_worker_close(w);
    arena_free(a);
    text_free(&t);
}

/* Sends a signal to the first child of the worker that lives for half a second: the slow one. */
static pid_t signal_the_slow_child(int number) {
    pid_t test = getpid(), helper = fork(), last = 0;
    if (helper != 0) return helper;
    for (int tries = 0, seen = 0; tries < 1500; tries++) {
        pid_t server = documents_child_of(test), child = server ? documents_child_of(server) : 0;
        seen = child > 0 && child == last ? seen + 1 : 0;
        last = child;
        if (seen == 50) _exit(kill(child, number) == 0 ? 0 : 1);
        usleep(10000);
    }
    _exit(1);
}

static void a_member_that_crashes_costs_itself(void **state) {
    (void)state;
    text t = {0};
    ingest_worker *w = open_worker();
    begin_mail(&t, "crash", 'c');
    attach(&t, 'c', "text/plain", "a.txt", STR("first words\n"));
    attach_file(&t, 'c', "slow.pdf", "tests/golden/hostile/slow.pdf");
    attach(&t, 'c', "text/plain", "z.txt", STR("last words\n"));
    end_mail(&t, 'c');
    static const int numbers[] = {SIGABRT, SIGKILL};
    for (size_t i = 0; i < 2; i++) {
        arena *a = arena_new();
        int status;
        pid_t helper = signal_the_slow_child(numbers[i]);
        const ingest_document *d = read_mail(w, &t, a);
        assert_int_equal(waitpid(helper, &status, 0), helper);
        assert_int_equal(status, 0);
        assert_int_equal(d->page_count, 4);
        expect_note(d, 2, INGEST_FATE_TEXT, "");
        expect_note(d, 3, INGEST_FATE_FAILED, "parser crashed");
        expect_note(d, 4, INGEST_FATE_TEXT, "");
        arena_free(a);
    }
    ingest_worker_close(w);
    text_free(&t);
}

/* ---- sharing --------------------------------------------------------------------------------- */

typedef struct {
    ingest_worker *workers[2];
    pthread_mutex_t lock;
    size_t next, count, by_thread[2];
    ingest_piece_fn *piece;
    void *context;
} sharing;

typedef struct {
    sharing *s;
    int number;
} helper_thread;

static void *help(void *argument) {
    helper_thread *h = argument;
    for (;;) {
        pthread_mutex_lock(&h->s->lock);
        size_t i = h->s->next++;
        pthread_mutex_unlock(&h->s->lock);
        if (i >= h->s->count) return NULL;
        h->s->piece(h->s->context, h->s->count - 1 - i, h->s->workers[h->number]); /* backwards */
        h->s->by_thread[h->number]++;
    }
}

static void share_in_threads(void *sharer, ingest_worker *own, size_t count, ingest_piece_fn *piece,
                             void *context) {
    sharing *s = sharer;
    pthread_t threads[2];
    helper_thread helpers[2] = {{s, 0}, {s, 1}};
    assert_ptr_equal(own, s->workers[0]);
    s->next = 0;
    s->count = count;
    s->piece = piece;
    s->context = context;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, help, &helpers[i]), 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
}

/* Kills the process before every third piece: it is started again, and no piece is lost. */
static void share_with_accidents(void *sharer, ingest_worker *own, size_t count,
                                 ingest_piece_fn *piece, void *context) {
    (void)sharer;
    for (size_t i = 0; i < count; i++) {
        pid_t server = i % 3 == 0 ? documents_child_of(getpid()) : 0;
        if (server > 0) kill(server, SIGKILL);
        piece(context, i, own);
    }
}

/* A mail of many attachments, some broken, one a mailbox, one a mail. */
static void put_many(text *t) {
    text notes = {0};
    put_mailbox(&notes);
    begin_mail(t, "many", 'm');
    for (int i = 0; i < 40; i++) {
        char name[32], words[64];
        snprintf(name, sizeof name, i % 7 == 3 ? "%d.pdf" : i % 7 == 5 ? "%d.mbox" : "%d.txt", i);
        snprintf(words, sizeof words, "words of attachment %d\n", i);
        attach(t, 'm', "application/octet-stream", name,
               i % 7 == 5 ? text_str(&notes) : str_of(words));
    }
    end_mail(t, 'm');
    text_free(&notes);
}

static void shared_work_gives_the_same_document(void **state) {
    (void)state;
    text t = {0}, alone = {0}, shared = {0};
    sharing s = {.workers = {open_worker(), open_worker()}};
    pthread_mutex_init(&s.lock, NULL);
    put_many(&t);
    for (int round = 0; round < 3; round++) {
        ingest_share_fn *share = round == 0   ? NULL
                                 : round == 1 ? share_in_threads
                                              : share_with_accidents;
        arena *a = arena_new();
        ingest_document *d;
        error err = {0};
        int fd = documents_file(text_str(&t));
        if (!ingest_read(s.workers[0], fd, STR("many.eml"), NULL, share, &s, a, &d, &err))
            fail_msg("%s", err.text);
        close(fd);
        text_clear(&shared);
        documents_describe(d, round == 0 ? &alone : &shared);
        if (round > 0 && !str_eq(text_str(&alone), text_str(&shared)))
            fail_msg("alone:\n%s\nround %d:\n%s", alone.p, round, shared.p);
        arena_free(a);
    }
    assert_true(s.by_thread[0] > 0 && s.by_thread[1] > 0);
    for (int i = 0; i < 2; i++) ingest_worker_close(s.workers[i]);
    pthread_mutex_destroy(&s.lock);
    text_free(&alone);
    text_free(&shared);
    text_free(&t);
}

static void the_document_itself_may_fail(void **state) {
    (void)state;
    arena *a = arena_new();
    ingest_document *d = NULL;
    error err = {0};
    ingest_worker *w = open_worker();
    assert_false(documents_read(w, "x.mbox", STR("no mailbox at all"), NULL, a, &d, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_non_null(strstr(err.text, "no mailbox"));
    assert_true(documents_read(w, "x.txt", STR("words"), NULL, a, &d, &err));
    assert_int_equal(d->part_count, 0);
    ingest_worker_close(w);
    arena_free(a);
}

/* ---- running heads -------------------------------------------------------------------------- */

static void heads_of_recognised_pages_are_footers(void **state) {
    (void)state;
    enum { PAGES = 4, BLOCKS = 3 * PAGES };
    ingest_line name = {.text = STR("scan-001.png")};
    ingest_block names[PAGES];
    ingest_page pages[PAGES];
    ingest_line text_lines[BLOCKS];
    ingest_block blocks[BLOCKS];
    char heads[PAGES][32];
    for (uint32_t p = 0; p < PAGES; p++) {
        pages[p] = (ingest_page){.number = p + 1, .height_pt = 800, .fate = INGEST_FATE_OCR};
        snprintf(heads[p], sizeof heads[p], "Crane manual %u", p + 7);
        text_lines[3 * p] = (ingest_line){str_of(heads[p]), {50, 30, 200, 42}, 10};
        text_lines[3 * p + 1] = (ingest_line){STR("Oil the bearing."), {50, 400, 200, 412}, 10};
        text_lines[3 * p + 2] =
            (ingest_line){p % 2 ? STR("left") : STR("right"), {50, 760, 99, 772}, 10};
    }
    for (uint32_t i = 0; i < BLOCKS; i++)
        blocks[i] = (ingest_block){.role = INGEST_ROLE_PARAGRAPH,
                                   .page = i / 3 + 1,
                                   .lines = &text_lines[i],
                                   .line_count = 1};
    reread_mark_running(pages, blocks, BLOCKS);
    for (uint32_t i = 0; i < BLOCKS; i++) /* the foot comes on two pages each: not often enough */
        assert_int_equal(blocks[i].role, i % 3 == 0 ? INGEST_ROLE_FOOTER : INGEST_ROLE_PARAGRAPH);
    /* What stands nowhere on the page, as the names of parts, stands at no edge. */
    for (uint32_t p = 0; p < PAGES; p++)
        names[p] = (ingest_block){INGEST_ROLE_HEADING, 1, p + 1, &name, 1};
    reread_mark_running(pages, names, PAGES);
    for (uint32_t p = 0; p < PAGES; p++) assert_int_equal(names[p].role, INGEST_ROLE_HEADING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(members_follow_their_container, reset_limits),
        cmocka_unit_test_setup(a_container_without_pages_keeps_its_heading, reset_limits),
        cmocka_unit_test_setup(too_deep_is_told, reset_limits),
        cmocka_unit_test_setup(a_broken_member_is_a_page, reset_limits),
        cmocka_unit_test_setup(a_slow_member_ends_on_time, reset_limits),
        cmocka_unit_test_setup(a_member_that_crashes_costs_itself, reset_limits),
        cmocka_unit_test_setup(shared_work_gives_the_same_document, reset_limits),
        cmocka_unit_test_setup(the_document_itself_may_fail, reset_limits),
        cmocka_unit_test(heads_of_recognised_pages_are_footers),
    };
    return cmocka_run_group_tests_name("ingest read", tests, NULL, NULL);
}
