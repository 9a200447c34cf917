/* The measures of `carrel eval` and of tests/eval against values worked out by hand: a figure that we publish is only as
 * good as the arithmetic behind it.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/eval/score.h"

static void near(double got, double want) {
    if (fabs(got - want) > 1e-9) fail_msg("got %.12f, wanted %.12f", got, want);
}

static void assert_normal(const char *from, const char *to) {
    text out = {0};
    score_normalize(&out, str_of(from));
    assert_string_equal(out.p ? out.p : "", to);
    text_free(&out);
}

static void test_normalize(void **state) {
    (void)state;
    assert_normal("The  Black\tDeath!", "black death");
    assert_normal("an apple, a pear; the U.S.", "apple pear us");
    assert_normal("theme and Anna", "theme and anna");
    assert_normal("$12", "12");
    assert_normal("18\xC2\xA0h\xC2\xA0"
                  "45",
                  "18 h 45");
    assert_normal("Établissements", "Établissements");
    assert_normal("a the an", "");
    assert_normal("", "");
}

static void test_exact(void **state) {
    (void)state;
    near(score_exact(STR("The Normans."), STR("normans")), 1);
    near(score_exact(STR("Norman"), STR("normans")), 0);
    near(score_exact(STR(""), STR("the")), 1);
}

static void test_f1(void **state) {
    (void)state;
    near(score_f1(STR("in October 1973"), STR("October 1973")), 0.8); /* 2/3 and 2/2 */
    near(score_f1(STR("October 1973"), STR("October 1973")), 1);
    near(score_f1(STR("cat"), STR("dog")), 0);
    near(score_f1(STR(""), STR("dog")), 0);
    near(score_f1(STR(""), STR("")), 1);
    /* A word counts as often as it stands in both: common 2, of 3 and of 2. */
    near(score_f1(STR("very very very"), STR("very very")), 0.8);
}

static void test_contains(void **state) {
    (void)state;
    assert_true(score_contains(STR("It rose to nearly $12, globally."), STR("nearly $12")));
    assert_true(score_contains(STR("the cat"), STR("The Cat.")));
    assert_false(score_contains(STR("in 1973a"), STR("1973")));
    assert_false(score_contains(STR("catalogue"), STR("cat")));
    assert_false(score_contains(STR("anything"), STR("the")));
    assert_false(score_contains(STR(""), STR("cat")));
}

static void test_ndcg(void **state) {
    (void)state;
    int one[] = {1}, ideal_one[] = {1};
    near(score_ndcg(one, 1, ideal_one, 1, 10), 1);
    int second[] = {0, 1}, ideal_second[] = {1};
    near(score_ndcg(second, 2, ideal_second, 1, 10), 1 / log2(3));
    /* Grades 1, 0, 2 found; the ideal order is 2, 1, 1. */
    int graded[] = {1, 0, 2}, ideal[] = {1, 2, 1};
    double dcg = 1 + 2 / log2(4), best = 2 + 1 / log2(3) + 1 / log2(4);
    near(score_ndcg(graded, 3, ideal, 3, 10), dcg / best);
    int late[] = {0, 0, 1}, ideal_late[] = {1};
    near(score_ndcg(late, 3, ideal_late, 1, 2), 0);
    near(score_ndcg(NULL, 0, ideal_late, 1, 10), 0);
    int none[] = {0};
    near(score_ndcg(one, 1, none, 1, 10), 0);
}

static void test_percentile(void **state) {
    (void)state;
    double v[] = {5, 1, 4, 2, 3}, w[20];
    near(score_percentile(v, 5, 0.5), 3);
    near(score_percentile(v, 5, 0.95), 5);
    near(score_percentile(v, 0, 0.5), 0);
    near(score_mean(v, 5), 3);
    near(score_mean(v, 0), 0);
    for (int i = 0; i < 20; i++) w[i] = 20 - i;
    near(score_percentile(w, 20, 0.95), 19);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalize), cmocka_unit_test(test_exact),
        cmocka_unit_test(test_f1),        cmocka_unit_test(test_contains),
        cmocka_unit_test(test_ndcg),      cmocka_unit_test(test_percentile)};
    return cmocka_run_group_tests_name("eval_score", tests, NULL, NULL);
}
