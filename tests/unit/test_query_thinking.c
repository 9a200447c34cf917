/* query/thinking: the marks of a thinking section, in one piece and cut everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "query/thinking.h"

typedef struct {
    bool opened;
    const char *reply, *thought, *answer;
} sample;

static const sample samples[] = {
    {false, "The dose is 5 mg.", "", "The dose is 5 mg."},
    {false, "<think>let me see</think>\n\nIt is 5 mg.", "let me see", "It is 5 mg."},
    {false, "\n <think>\na\n</think>5", "\na\n", "5"},
    /* opened by the prompt */
    {true, "let me see</think>It is 5 mg.", "let me see", "It is 5 mg."},
    {true, "</think>5", "", "5"},
    {true, "never closed", "never closed", ""},
    {true, "closed in part </thin", "closed in part </thin", ""},
    /* marks that are none */
    {false, "<thin ice", "", "<thin ice"},
    {false, " <<think>", "", " <<think>"},
    {false, "<", "", "<"},
    {false, "  ", "", "  "},
    {true, "a < b, <</think, </thi</think>c", "a < b, <</think, </thi", "c"},
    /* an answer may speak about them */
    {false, "Write <think> and </think>.", "", "Write <think> and </think>."},
    {true, "x</think>Write <think>.", "x", "Write <think>."},
    /* one section behind the other */
    {false, "<think></think>\n\n<think>b</think>\nc", "b", "c"},
    {true, "\xC3\xA9</think>\xC3\xA8", "\xC3\xA9", "\xC3\xA8"},
    {false, "", "", ""},
};

static void check(const sample *s, size_t first, size_t step) {
    query_thinking t;
    text thought = {0}, answer = {0};
    str reply = str_of(s->reply);
    query_thinking_start(&t, s->opened);
    query_thinking_take(&t, str_cut(reply, 0, first), &thought, &answer);
    for (size_t at = first; at < reply.n; at += step)
        query_thinking_take(&t, str_cut(reply, at, at + step), &thought, &answer);
    /* what is told can be told at once: nothing of a mark stands in it */
    assert_true(str_starts(str_of(s->thought), text_str(&thought)));
    assert_true(str_starts(str_of(s->answer), text_str(&answer)));
    query_thinking_finish(&t, &thought, &answer);
    assert_true(str_eq(text_str(&thought), str_of(s->thought)));
    assert_true(str_eq(text_str(&answer), str_of(s->answer)));
    query_thinking_free(&t);
    text_free(&thought);
    text_free(&answer);
}

static void test_cut_anywhere(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        for (size_t first = 0; first <= str_of(samples[i].reply).n; first++)
            for (size_t step = 1; step < 12; step += 2) check(&samples[i], first, step);
}

static void test_closed_by_the_caller(void **state) {
    (void)state;
    query_thinking t;
    text thought = {0}, answer = {0};
    query_thinking_start(&t, true);
    query_thinking_take(&t, STR("on and on </th"), &thought, &answer);
    query_thinking_close(&t, &thought);
    query_thinking_take(&t, STR("\n\nFive."), &thought, &answer);
    query_thinking_close(&t, &thought); /* none is open: nothing changes */
    query_thinking_finish(&t, &thought, &answer);
    assert_true(str_eq(text_str(&thought), STR("on and on </th")));
    assert_true(str_eq(text_str(&answer), STR("Five.")));
    query_thinking_free(&t);
    text_free(&thought);
    text_free(&answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_closed_by_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
