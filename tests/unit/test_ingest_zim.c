/* ZIM files through the real carrel-parse. They are made here byte by byte, with clusters that are
 * stored or compressed, in the old and the new scheme of names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lzma.h>
#include <zstd.h>

#include "tests/support/documents.h"

enum { STORED = 1, XZ = 4, ZSTD = 5 };
enum { HTML, PNG, TEXT, REDIRECT = 0xffff };

/* ---- making a ZIM file ----------------------------------------------------------------------- */

typedef struct {
    int type;
    char space;
    const char *path, *title, *words; /* words: of a redirect, nothing */
} entry;

static void put_number(text *t, uint64_t v, int bytes) {
    for (int i = 0; i < bytes; i++) text_put_char(t, i < 8 ? (char)(v >> 8 * i) : 0);
}

static void set_number(text *t, size_t at, uint64_t v, int bytes) {
    for (int i = 0; i < bytes; i++) t->p[at + (size_t)i] = (char)(v >> 8 * i);
}

/* All entries that have words, as one cluster. */
static void put_cluster(text *t, const entry *entries, size_t count, int method, int width) {
    text plain = {0};
    size_t blobs = 0, at;
    for (size_t i = 0; i < count; i++) blobs += entries[i].type != REDIRECT;
    at = (blobs + 1) * (size_t)width;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].type == REDIRECT) continue;
        put_number(&plain, at, width);
        at += strlen(entries[i].words);
    }
    put_number(&plain, at, width);
    for (size_t i = 0; i < count; i++)
        if (entries[i].type != REDIRECT) text_put(&plain, str_of(entries[i].words));
    text_put_char(t, (char)(method | (width == 8 ? 16 : 0)));
    size_t room = plain.n + 4096, n = 0;
    uint8_t *packed = mem_new(room, 1);
    if (method == XZ)
        assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, (uint8_t *)plain.p,
                                                 plain.n, packed, &n, room),
                         LZMA_OK);
    if (method == ZSTD) n = ZSTD_compress(packed, room, plain.p, plain.n, 3);
    text_put(t, method == STORED ? text_str(&plain) : (str){(char *)packed, n});
    mem_free(packed);
    text_free(&plain);
}

static void make_zim(text *t, const entry *entries, size_t count, int major, int method,
                     int width) {
    size_t places[16];
    text_clear(t);
    put_number(t, 0x044D495A, 4);
    put_number(t, (uint64_t)major, 2);
    put_number(t, major == 6, 2);
    put_number(t, 0, 16);
    put_number(t, count, 4);
    put_number(t, 1, 4);
    put_number(t, 0, 56 - 32);
    put_number(t, 80, 8); /* the list of types, just behind the header */
    put_number(t, 0xffffffff, 4);
    put_number(t, 0xffffffff, 4);
    put_number(t, 0, 8);
    text_put(t, (str){"text/html\0image/png\0text/plain\0", 31});
    text_put_char(t, 0);
    for (size_t i = 0, blob = 0; i < count; i++) {
        places[i] = t->n;
        put_number(t, (uint64_t)entries[i].type, 2);
        put_number(t, 0, 1);
        text_put_char(t, entries[i].space);
        put_number(t, 0, 4);
        put_number(t, 0, 4); /* the cluster; of a redirect, the entry */
        if (entries[i].type != REDIRECT) put_number(t, blob++, 4);
        text_put(t, str_of(entries[i].path));
        text_put_char(t, 0);
        text_put(t, str_of(entries[i].title));
        text_put_char(t, 0);
    }
    set_number(t, 32, t->n, 8);
    for (size_t i = 0; i < count; i++) put_number(t, places[i], 8);
    set_number(t, 48, t->n, 8);
    put_number(t, t->n + 8, 8);
    put_cluster(t, entries, count, method, width);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static const entry site[] = {
    {HTML, 'C', "kiln.html", "The kiln",
     "<html><body><h1>The kiln</h1><p>Fire it at 900 degrees for eight hours.</p></body></html>"},
    {HTML, 'C', "glaze", "",
     "<html><body><p>Glaze is glass, and lead is not to be in it.</p></body></html>"},
    {REDIRECT, 'C', "oven", "Oven", ""},
    {PNG, 'C', "kiln.png", "", "\x89PNG"},
    {TEXT, 'M', "Title", "", "Pottery at home"},
    {HTML, 'A', "other.html", "Of the old scheme", "<p>These words stand in the old scheme.</p>"},
};
#define SITE_COUNT (sizeof site / sizeof *site)

static void tell(str bytes, text *out) {
    arena *a = arena_new();
    ingest_document *d;
    error err = {0};
    text_clear(out);
    if (documents_read(worker, "site.zim", bytes, NULL, a, &d, &err))
        documents_describe(d, out);
    else
        text_printf(out, "error %d: %s\n", err.code, err.text);
    arena_free(a);
}

static void expect(const text *t, const char *wanted) {
    text got = {0};
    tell(text_str(t), &got);
    if (!strstr(got.p, wanted)) fail_msg("got:\n%.2000s\nexpected:\n%s", got.p, wanted);
    text_free(&got);
}

static void articles_are_parts(void **state) {
    (void)state;
    static const int methods[] = {STORED, XZ, ZSTD};
    for (int i = 0; i < 6; i++) {
        text t = {0};
        make_zim(&t, site, SITE_COUNT, 6, methods[i / 2], i % 2 ? 8 : 4);
        expect(&t, "Pottery at home (zim, )\n"
                   "page 1: text\n"
                   "page 2: text\n"
                   "part The kiln: 1+1\n"
                   "part glaze: 2+1\n"
                   "1 heading 1\n    The kiln\n" /* once, though the page says it too */
                   "1 paragraph\n    Fire it at 900 degrees for eight hours.\n"
                   "2 heading 1\n    glaze\n"
                   "2 paragraph\n    Glaze is glass, and lead is not to be in it.\n");
        text_free(&t);
    }
}

static void the_old_scheme(void **state) {
    (void)state;
    text t = {0};
    make_zim(&t, site, SITE_COUNT, 5, XZ, 4);
    expect(&t, "part Of the old scheme: 1+1\n");
    set_number(&t, 4, 7, 2);
    expect(&t, "error 3: this is a ZIM file of version 7");
    make_zim(&t, site + 2, 3, 6, ZSTD, 4);
    expect(&t, "error 3: there is no article in the ZIM file\n");
    text_free(&t);
}

/* Whatever number lies, a sentence comes back. */
static void damaged_files_do_no_harm(void **state) {
    (void)state;
    static const int methods[] = {STORED, XZ, ZSTD};
    text t = {0}, got = {0};
    uint32_t seed = 5;
    for (int i = 0; i < 300; i++) {
        make_zim(&t, site, SITE_COUNT, 6, methods[i % 3], i % 2 ? 8 : 4);
        for (int k = 0; k < 1 + i / 50; k++) {
            seed = seed * 1664525u + 1013904223u;
            t.p[8 + (seed >> 8) % (t.n - 8)] = (char)(seed >> 3);
        }
        if (i % 10 == 9) text_cut(&t, t.n - (seed >> 20) % (t.n - 8));
        tell(text_str(&t), &got);
        if (strstr(got.p, "crashed")) fail_msg("round %d:\n%s", i, got.p);
    }
    for (size_t at = 24; at < 72; at += 4) { /* each number of the header, as large as can be */
        make_zim(&t, site, SITE_COUNT, 6, ZSTD, 4);
        set_number(&t, at, 0xffffffff, 4);
        tell(text_str(&t), &got);
        if (strstr(got.p, "crashed")) fail_msg("offset %zu:\n%s", at, got.p);
    }
    text_free(&t);
    text_free(&got);
}

/* A cluster that unpacks to more than any article has. */
static void bombs_are_refused(void **state) {
    (void)state;
    text t = {0}, zeros = {0};
    put_number(&zeros, 8, 4);
    put_number(&zeros, 0x20000000, 4);
    for (size_t i = 0; i < 1u << 20; i++) text_put(&zeros, STR("                                "));
    make_zim(&t, site, 1, 6, ZSTD, 4);
    size_t at = 0;
    for (int i = 7; i >= 0; i--) at = at << 8 | (unsigned char)t.p[48 + i];
    text_cut(&t, at + 8 + 1); /* up to the cluster's first byte */
    size_t room = ZSTD_compressBound(zeros.n);
    char *packed = mem_new(room, 1);
    size_t n = ZSTD_compress(packed, room, zeros.p, zeros.n, 1);
    text_put(&t, (str){packed, n});
    expect(&t, "page 1: failed, the ZIM file is damaged: an article has no place in its cluster\n");
    mem_free(packed);
    text_free(&t);
    text_free(&zeros);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(articles_are_parts),
        cmocka_unit_test(the_old_scheme),
        cmocka_unit_test(damaged_files_do_no_harm),
        cmocka_unit_test(bombs_are_refused),
    };
    return cmocka_run_group_tests_name("ingest zim", tests, documents_open, documents_close);
}
