/* Sentences: what ends one, what does not, and that hostile text costs linear time. Each case is
 * one text in which '|' stands where a sentence must end; but before CJK it stands for a space. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/base.h"

static const char *const cases[] = {
    "Give 2.5 mg.|Wait 30 min.|Repeat once.",
    "Dr. Smith saw Mrs. Jones.|She left.",
    "Use e.g. paracetamol, i.e. Tylenol, vs. Aspirin.|Stop.",
    "See Fig. 3 and No. 5 on p. 12.|Then see vol. 2.",
    "He said no.|Then he left.",
    "It cost approx. 5 dollars in Jan. 2020.|It was sold.",
    "The U.S. Army left the U.S.|It returned.",
    "J. K. Rowling wrote it.|George R. R. Martin did not.",
    "By J. Smith.|Take vitamin K.|Give it slowly.",
    "Smith et al. Nature 2001 shows it.|So do Jones et al.|The rest does not.",
    "Apple Inc. President Cook spoke.|He works for Apple Inc.|The end.",
    "1. Wash your hands.|2. Dry them.",
    "a. Wash.|\nb. Dry.",
    "iv. Wash your hands.",
    "2.1. Scope of this chapter",
    "It ended...|Then it began.",
    "It ended... and began.",
    "He said \"Stop.\"|She did.",
    "(It works.)|It does.",
    "\xE2\x80\x9CStop!\xE2\x80\x9D he said.|\xE2\x80\x9CWhy?\xE2\x80\x9D|Nobody knows.",
    "It is known.[3]|It is not. [4, 5]|It is [6].|Really.[1][2]|Yes.",
    "Take two tablets daily.12|The dose",
    ("\xE6\x88\x91\xE3\x80\x82|\xE4\xBD\xA0\xEF\xBC\x9F|"
     "\xE4\xBB\x96\xEF\xBC\x81\xE3\x80\x8D|\xE5\xA5\xB9"),
    "A line\n|another line\n\n|a third",
    "Visit example.com or node.js.|Now.",
    "What?|No!|Yes.",
    "At 5 p.m. Monday we met.|We left at 6 p.m.|The rest stayed.",
    "Node 3.14 is 3,000.50 wide.|10 mg is enough.",
    "See app. [2] and ref. (3) here.",
    "Is it?|\xC3\x89t\xC3\xA9 is summer.|It is \xC3\xA9t\xC3\xA9. \xC3\xA9t\xC3\xA9 again.",
    "one",
    "...",
    ".",
    "Version 5.|The end.",
};

/* The text of a case without its marks, and where they stood. */
static size_t unmark(const char *marked, char *plain, size_t *cuts) {
    size_t n = 0, count = 0;
    for (const char *p = marked; *p; p++)
        if (*p == '|') {
            cuts[count++] = n;
            if ((unsigned char)p[1] > ' ' && (unsigned char)p[1] < 0xE3) /* CJK: E3 and up */
                plain[n++] = ' ';
        } else {
            plain[n++] = *p;
        }
    plain[n] = 0;
    if (count == 0 || cuts[count - 1] != n) cuts[count++] = n;
    return count;
}

static void test_cases(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char plain[512], got[1024] = "", want[1024] = "";
        size_t cuts[32], pos = 0, begin, end, from = 0;
        size_t count = unmark(cases[i], plain, cuts);
        for (size_t k = 0; k < count; k++) {
            str part = str_trim(str_cut(str_of(plain), from, cuts[k]));
            strncat(want, part.p, part.n);
            strcat(want, "|");
            from = cuts[k];
        }
        while (sentence_next(str_of(plain), &pos, &begin, &end)) {
            strncat(got, plain + begin, end - begin);
            strcat(got, "|");
        }
        assert_string_equal(got, want);
    }
}

static void test_empty(void **state) {
    (void)state;
    size_t pos = 0, begin, end;
    assert_false(sentence_next((str){0}, &pos, &begin, &end));
    pos = 0;
    assert_false(sentence_next(STR(" \n\t \xC2\xA0 "), &pos, &begin, &end));
}

/* Nothing but white space is lost, sentences come in order and are never too long. */
static void check_walk(str s) {
    size_t pos = 0, begin, end, last = 0;
    while (sentence_next(s, &pos, &begin, &end)) {
        assert_true(begin >= last && begin < end && end <= s.n);
        assert_true(end - begin < 2048);
        for (size_t i = last; i < begin; i++) assert_true((unsigned char)s.p[i] <= ' ');
        last = end;
    }
    for (size_t i = last; i < s.n; i++) assert_true((unsigned char)s.p[i] <= ' ');
}

static void test_run_on(void **state) {
    (void)state;
    text t = {0};
    for (int i = 0; i < 500; i++) text_put(&t, i % 50 == 49 ? STR("word; ") : STR("word, "));
    size_t pos = 0, begin, end;
    assert_true(sentence_next(text_str(&t), &pos, &begin, &end));
    assert_true(end <= 1200 && t.p[end - 1] == ';');
    check_walk(text_str(&t));
    text_clear(&t);
    for (int i = 0; i < 5000; i++) text_put(&t, STR("\xE6\x88\x91"));
    pos = 0;
    while (sentence_next(text_str(&t), &pos, &begin, &end))
        assert_true(utf8_valid(str_cut(text_str(&t), begin, end)));
    text_free(&t);
}

/* A few megabytes of the worst that we can think of; quadratic work would take minutes. */
static void test_hostile(void **state) {
    (void)state;
    static const char *const units[] = {
        ".",  ". ", "a.",   "a. ",   "A. ",  "[",     ". [", ".[1]", "\xEF\xBC\x9F", ")",   ".)",
        "1.", " ",  "\xFF", ".\xE2", "! b ", ". . a", "\n",  "x",    "1. ",          ".\"",
    };
    double start = clock_ms();
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        text t = {0};
        while (t.n < 1000000) text_put(&t, str_of(units[i]));
        check_walk(text_str(&t));
        text_free(&t);
    }
    assert_true(clock_ms() - start < 20000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_run_on),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
