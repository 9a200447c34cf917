/* An arena for each test of a program: what the tests make and read lives in it. */
#ifndef CARREL_TESTS_ARENA_TEST_H
#define CARREL_TESTS_ARENA_TEST_H

#include "base/base.h"

static arena *a;

static inline int open_arena(void **state) {
    (void)state;
    a = arena_new();
    return 0;
}

static inline int free_arena(void **state) {
    (void)state;
    arena_free(a);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_arena, free_arena)

#endif
