/* query: what a passage bears out and what it does not. */
#include "query/check.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char dosing[] =
    "Amoxicillin for a child is 40 mg/kg per day in two doses for 5 days. Adults take 500 mg three "
    "times a day. Do not give it to a patient with a penicillin allergy. The pump stops at 1,250.5 "
    "kPa and shows error E24. Rent is $1,200 or \xE2\x82\xAC"
    "1.100,00 a month.";

static bool holds(const char *claim, const char *quote) {
    arena *a = arena_new();
    str reason = query_unsupported(str_of(claim), str_of(dosing), str_of(quote), a);
    if (reason.n > 0) printf("  %.80s -> " STR_FMT "\n", claim, STR_ARG(reason));
    bool ok = reason.n == 0;
    arena_free(a);
    return ok;
}

#define CHILD "Amoxicillin for a child is 40 mg/kg per day in two doses for 5 days."
#define ALLERGY "Do not give it to a patient with a penicillin allergy."

static void test_what_stands_there_holds(void **state) {
    (void)state;
    assert_true(holds(CHILD, CHILD));
    assert_true(holds("Adults take 500 mg three times a day.", "Adults take 500 mg"));
    assert_true(holds("A child takes amoxicillin in 2 doses for five days.", CHILD));
    assert_true(holds("The pump stops at 1250.5 kPa.", "The pump stops at 1,250.5 kPa"));
    assert_true(holds("The pump shows E24.", "shows error E24."));
    assert_true(holds("Rent is 1200 dollars a month.", "Rent is $1,200"));
}

static void test_numbers_and_units(void **state) {
    (void)state;
    assert_false(holds("Amoxicillin for a child is 45 mg/kg per day.", CHILD));
    assert_false(holds("Amoxicillin for a child is 40 mg per day.", CHILD)); /* the unit differs */
    assert_false(holds("Amoxicillin for a child is 40 g/kg per day.", CHILD));
    assert_false(holds("Adults take 500 ml three times a day.", "Adults take 500 mg"));
    assert_false(holds("Adults take 50 mg three times a day.", "Adults take 500 mg"));
    assert_false(holds("Adults take 500 mg four times a day.", "Adults take 500 mg"));
    assert_false(holds("The pump stops at 12505 kPa.", "The pump stops"));
    assert_false(holds("The pump shows error E42.", "shows error E24."));
}

static bool borne_out(const char *claim, const char *passage) {
    arena *a = arena_new();
    bool ok = query_unsupported(str_of(claim), str_of(passage), str_of(passage), a).n == 0;
    arena_free(a);
    return ok;
}

/* "10⁵" is not 10, 105 or 10⁶, whichever way it is written. */
static void test_powers_and_fractions(void **state) {
    (void)state;
    static const char load[] = "The viral load was 10\u2075 copies at 60 mg/m\u00B2.";
    assert_true(borne_out("The viral load was 10\u2075 copies.", load));
    assert_true(borne_out("The viral load was 10^5 copies.", load));
    assert_true(borne_out("The viral load was 100,000 copies.", load));
    assert_false(borne_out("The viral load was 105 copies.", load));
    assert_false(borne_out("The viral load was 10 copies.", load));
    assert_false(borne_out("The viral load was 10\u2076 copies.", load));
    assert_false(borne_out("The viral load was 10^-5 copies.", load));
    assert_false(
        borne_out("The viral load was 10\u2075 copies.", "The viral load was 105 copies."));
    assert_true(borne_out("The viral load was at 60 mg/m2.", load));
    assert_false(borne_out("The viral load was at 60 mg.", load));
    static const char tablets[] = "Adults take 2\u00BD tablets, children \u00BD tablet.";
    assert_true(borne_out("Adults take 2.5 tablets.", tablets));
    assert_true(borne_out("Children take 0.5 tablet.", tablets));
    assert_false(borne_out("Adults take 2 tablets.", tablets));
    assert_false(borne_out("Adults take 21 tablets.", tablets));
    static const char noted[] = "The dose is 250 [1] mg and 300 \u00B2 mg daily.";
    assert_false(borne_out("The dose is 2501 mg daily.", noted));
    assert_false(borne_out("The dose is 3002 mg daily.", noted));
}

static void test_denial(void **state) {
    (void)state;
    assert_true(holds("Do not give it to a patient with a penicillin allergy.", ALLERGY));
    assert_false(holds("Give it to a patient with a penicillin allergy.", ALLERGY));
    assert_false(holds("Adults do not take 500 mg three times a day.", "Adults take 500 mg"));
}

static void test_words(void **state) {
    (void)state;
    assert_false(holds("Ibuprofen reduces fever and swelling.", CHILD));
    assert_false(holds("", CHILD));
}

static void test_hostile_numbers(void **state) {
    (void)state;
    text many = {0};
    for (int i = 0; i < 5000; i++) text_printf(&many, "%d,%d.%d ", i, i, i);
    assert_false(holds(many.p, CHILD));
    text_clear(&many);
    for (int i = 0; i < 5000; i++) text_put(&many, STR("9"));
    assert_false(holds(many.p, CHILD));
    text_free(&many);
    assert_false(holds("\xFF\xC3 12\xB5 [999999999999999999999]", CHILD));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_stands_there_holds),
        cmocka_unit_test(test_numbers_and_units),
        cmocka_unit_test(test_powers_and_fractions),
        cmocka_unit_test(test_denial),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_hostile_numbers),
    };
    return cmocka_run_group_tests_name("query check", tests, NULL, NULL);
}
