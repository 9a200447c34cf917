/* Where the lists of a chunk are, and which questions they may answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "query/list.h"

/* "HEADING: ITEMS" of each list, a line each; "+" stands for a line end within. */
static void expect(const char *heading, const char *body, const char *want) {
    index_chunk c = {.heading = str_of(heading), .text = str_of(body)};
    query_list l;
    text got = {0};
    for (size_t pos = 0; query_list_next(&c, &pos, &l);) {
        text_printf(&got, STR_FMT ": ", STR_ARG(l.heading));
        text_put(&got, str_cut(c.text, l.items, l.end));
        text_put_char(&got, ';');
        assert_true(l.begin <= l.items && l.items < l.end && l.end <= c.text.n);
    }
    for (size_t i = 0; i < got.n; i++)
        if (got.p[i] == '\n') got.p[i] = '+';
    text_put_char(&got, 0);
    assert_string_equal(got.p, want);
    text_free(&got);
}

static void test_lists(void **state) {
    (void)state;
    expect("", "", "");
    expect("", "One.\nTools\n- saw\n- axe", "Tools: - saw+- axe;");
    expect("", "Tools:\n1. saw\n2. axe\nThen.\nFood\n(a) rye\n(b) oats\n",
           "Tools:: 1. saw+2. axe;Food: (a) rye+(b) oats;");
    expect("Manual > Tools", "- saw\n- axe\nMore.", "Tools: - saw+- axe;");
    expect("", "- saw\n- axe", "");               /* nothing announces them */
    expect("", "A sentence.\n- saw\n- axe", "");  /* no heading */
    expect("", "Tools\n- saw\nMore.", "");        /* one is none */
    expect("", "Item | Price\n- saw\n- axe", ""); /* below a row */
    expect("", "Tools\n-saw\n-axe", "");          /* no marks */
    expect("", "Dates\n1.5 hours\n12 March", "");
    expect("", "Steps\niv. cut\nv. saw", "Steps: iv. cut+v. saw;");
    expect("", "Pumps\n\xE2\x80\xA2 one\n\xE2\x80\xA2 two",
           "Pumps: \xE2\x80\xA2 one+\xE2\x80\xA2 two;");
    expect("", "Ends\n- a\n-", "");
}

static void test_questions(void **state) {
    (void)state;
    arena *a = arena_new();
    str birth = STR("Vaccines given at birth");
    assert_true(query_list_may_answer(STR("Which vaccines are given at birth?"), birth, a));
    assert_true(query_list_may_answer(STR("How are vaccines given at birth?"), birth, a));
    assert_false(query_list_may_answer(STR("Why are vaccines given at birth?"), birth, a));
    assert_false(query_list_may_answer(STR("How many vaccines are given?"), birth, a));
    assert_true(query_list_may_answer(STR("Who may enter?"), STR("Who may enter"), a));
    assert_true(query_list_may_answer(STR("Welche Impfungen gibt es?"), birth, a));
    assert_true(query_list_is_asking(STR("belong")) && !query_list_is_asking(STR("birth")));
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists),
                                       cmocka_unit_test(test_questions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
