/* base: slices, errors, arenas, text, UTF-8, threads, CPU features. */
#include "base/base.h"

#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_slices(void **state) {
    (void)state;
    str s = STR("  one two one ");
    assert_true(str_eq(str_trim(s), STR("one two one")));
    assert_int_equal(str_find(s, STR("one"), 0), 2);
    assert_int_equal(str_find(s, STR("one"), 3), 10);
    assert_true(str_find(s, STR("three"), 0) == SIZE_MAX);
    assert_true(str_find(s, STR("one"), 100) == SIZE_MAX);
    assert_true(str_eq(str_cut(s, 2, 5), STR("one")));
    assert_int_equal(str_cut(s, 50, 10).n, 0);
    assert_true(str_eq(str_cut(s, 10, 5000), STR("one ")));
    assert_true(str_starts(s, STR("  one")) && str_ends(s, STR("one ")));
    assert_false(str_starts(STR("on"), STR("one")));
    assert_true(str_eq_nocase(STR("PDF"), STR("pdf")));
    assert_true(str_eq(str_of(NULL), (str){NULL, 0}));
    assert_int_equal(str_trim(STR(" \t\r\n")).n, 0);
}

static void test_error_is_cut_at_a_code_point(void **state) {
    (void)state;
    char longest[2000];
    for (size_t i = 0; i + 1 < sizeof longest; i += 2) memcpy(longest + i, "\xC3\xA9", 2);
    longest[sizeof longest - 2] = '\0';
    for (int shift = 0; shift < 4; shift++) {
        error err = {0};
        assert_false(error_set(&err, ERROR_INPUT, "%.*s%s", shift, "abc", longest));
        assert_int_equal(err.code, ERROR_INPUT);
        assert_true(strlen(err.text) > 500);
        assert_true(utf8_valid(str_of(err.text)));
    }
    error err;
    error_set(&err, ERROR_IO, "disk is full");
    error_wrap(&err, "notes/%s", "a.pdf");
    assert_string_equal(err.text, "notes/a.pdf: disk is full");
    assert_int_equal(err.code, ERROR_IO);
    assert_false(error_set(NULL, ERROR_IO, "nobody listens"));
}

static void test_arena(void **state) {
    (void)state;
    arena *a = arena_new();
    char *big = arena_alloc(a, 3, 1000000);
    big[2999999] = 1;
    for (int i = 0; i < 5000; i++) {
        char *p = arena_alloc(a, 1, (size_t)i % 70 + 1);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (int k = 0; k <= i % 70; k++) assert_int_equal(p[k], 0);
        memset(p, 0xAB, (size_t)i % 70 + 1);
    }
    str copy = arena_str(a, STR("page"));
    assert_true(str_eq(copy, STR("page")) && copy.p[4] == '\0');
    assert_true(str_eq(arena_printf(a, "%s %d", "p.", 4), STR("p. 4")));
    assert_int_equal(big[2999999], 1);
    arena_free(a);
    arena_free(NULL);
}

static void test_text(void **state) {
    (void)state;
    text t = {0};
    for (int i = 0; i < 1000; i++) text_printf(&t, "%d,", i);
    assert_true(str_starts(text_str(&t), STR("0,1,2,")) && str_ends(text_str(&t), STR("998,999,")));
    text_cut(&t, 2);
    text_put_codepoint(&t, 0x20AC);
    text_put_codepoint(&t, 0xD800); /* not a scalar value */
    assert_true(str_eq(text_str(&t), STR("0,\xE2\x82\xAC\xEF\xBF\xBD")));
    text_free(&t);
    assert_int_equal(text_str(&t).n, 0);
}

static void test_utf8_round_trip_of_every_scalar_value(void **state) {
    (void)state;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        if (c >= 0xD800 && c <= 0xDFFF) continue;
        char bytes[4];
        size_t n = utf8_encode(c, bytes), used;
        assert_true(utf8_next(bytes, n, &used) == c && used == n);
        if (n > 1) assert_true(utf8_next(bytes, n - 1, &used) == UTF8_REPLACEMENT && used == 1);
    }
}

static void test_utf8_ill_formed(void **state) {
    (void)state;
    static const char *const bad[] = {"\x80",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xE0\x80\x80",
                                      "\xED\xA0\x80",
                                      "\xF0\x80\x80\x80",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xFF",
                                      "\xE2\x82",
                                      "\xC3("};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t used;
        assert_int_equal(utf8_next(bad[i], strlen(bad[i]), &used), UTF8_REPLACEMENT);
        assert_int_equal(used, 1);
        assert_false(utf8_valid(str_of(bad[i])));
    }
    assert_true(utf8_valid(STR("\xEF\xBF\xBD stands for itself")));
    assert_int_equal(utf8_floor(STR("a\xE2\x82\xAC"), 3), 1);
    assert_int_equal(utf8_floor(STR("a\xE2\x82\xAC"), 4), 4);
    assert_int_equal(utf8_floor(STR("abc"), 99), 3);
}

#define ITEMS 10007

struct counting {
    atomic_int seen[ITEMS];
    atomic_int worker_out_of_range;
    int size;
};

static void count_items(void *context, size_t begin, size_t end, int worker) {
    struct counting *c = context;
    if (worker < 0 || worker >= c->size) atomic_store(&c->worker_out_of_range, 1);
    for (size_t i = begin; i < end; i++) atomic_fetch_add(&c->seen[i], 1);
}

static void test_parallel_for_does_each_item_once(void **state) {
    (void)state;
    static const int sizes[] = {1, 2, 5};
    for (size_t k = 0; k < 3; k++) {
        pool *p = pool_new(sizes[k]);
        struct counting *c = mem_new(1, sizeof *c);
        c->size = pool_size(p);
        for (size_t grain = 1; grain < 5000; grain = grain * 7 + 1)
            parallel_for(p, ITEMS, grain, count_items, c);
        int rounds = atomic_load(&c->seen[0]);
        assert_true(rounds > 1);
        for (size_t i = 0; i < ITEMS; i++) assert_int_equal(atomic_load(&c->seen[i]), rounds);
        assert_int_equal(atomic_load(&c->worker_out_of_range), 0);
        mem_free(c);
        pool_free(p);
    }
    struct counting *c = mem_new(1, sizeof *c);
    c->size = 1;
    parallel_for(NULL, ITEMS, 16, count_items, c);
    parallel_for(NULL, 0, 0, count_items, c);
    assert_int_equal(atomic_load(&c->seen[ITEMS - 1]), 1);
    mem_free(c);
    pool_free(NULL);
}

static void test_machine(void **state) {
    (void)state;
    assert_true(cpu_get()->cores >= 1);
    assert_true(cpu_get() == cpu_get());
    double before = clock_ms();
    assert_true(clock_ms() >= before);
}

/* What a row's text says: its cells, and what kind of row it is. */
static void test_rows(void **state) {
    (void)state;
    assert_int_equal(row_cells(STR("")), 1);
    assert_int_equal(row_cells(STR("a|b")), 1);
    assert_int_equal(row_cells(STR("| 2023 | 2022")), 3);
    assert_int_equal(row_cells(STR("a | | b |")), 4);
    assert_true(row_is_section(STR("Maternity")));
    assert_true(row_is_section(STR("Support | |")));
    assert_true(row_is_section(STR("Dental | Dental | Dental")));
    assert_false(row_is_section(STR("0 | 0 | 0")));
    assert_false(row_is_section(STR("| Dose")));
    assert_false(row_is_section(STR("yes | yes")));
    assert_false(row_is_section(STR("")));
    assert_true(row_is_figures(STR("Rent | 140 | (1,200)")));
    assert_true(row_is_figures(STR("Rent | $5 | \xE2\x82\xAC 6")));
    assert_false(row_is_figures(STR("Item | 2023 | 2024")));
    assert_false(row_is_figures(STR("Drug | Dose | 5 mg")));
    assert_true(row_is_caption(STR("Table 13.2 Doses in general. Adults.")));
    assert_true(row_is_caption(STR("(in millions)")));
    assert_true(row_is_caption(STR("Clinic price list, all amounts in KES")));
    assert_false(row_is_caption(STR("Table salt is cheap.")));
    assert_false(row_is_caption(STR("- An item")));
    assert_false(row_is_caption(STR("a | b")));
    assert_false(row_is_caption(STR("")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_error_is_cut_at_a_code_point),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_utf8_round_trip_of_every_scalar_value),
        cmocka_unit_test(test_utf8_ill_formed),
        cmocka_unit_test(test_parallel_for_does_each_item_once),
        cmocka_unit_test(test_machine),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
