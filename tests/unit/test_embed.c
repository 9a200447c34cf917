/* embed: the built-in models through the public functions, and vectors as the library stores
 * them. */
#include "embed/embed.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EMBEDDING "models/carrel-embed.gguf"
#define READER "models/carrel-reader.gguf"

static embed_model *model;
static embed_reader *reader;

static int open_models(void **state) {
    (void)state;
    error err = {0};
    if (embed_model_open(EMBEDDING, NULL, &model, &err) && embed_reader_open(READER, &reader, &err))
        return 0;
    fprintf(stderr, "%s\n", err.text);
    return -1;
}

static int close_models(void **state) {
    (void)state;
    embed_model_close(model);
    embed_reader_close(reader);
    return 0;
}

static double cosine(const char *a, const char *b) {
    size_t width = embed_width(model);
    float *x = mem_new(2 * width, sizeof *x), *y = x + width;
    embed_text(model, str_of(a), x);
    embed_text(model, str_of(b), y);
    double c = embed_cosine(x, y, width);
    mem_free(x);
    return c;
}

static void test_vectors_are_unit_and_say_something(void **state) {
    (void)state;
    assert_true(fabs(cosine("the pump", "the pump") - 1) < 1e-5);
    assert_true(cosine("", "the pump") == 0);
    const char *question = "What dose of medicine is given to a child?";
    assert_true(cosine(question, "Children receive half of the adult dosage of the drug.") >
                cosine(question, "The lease ends on the last day of March."));
    assert_true(embed_count_tokens(model, STR("one two three")) >= 3);
    assert_int_equal(embed_count_tokens(model, STR("")), 0);
}

/* Raised and lowered digits are read, and a power is another number than its digits in a row. */
static void test_scripts(void **state) {
    (void)state;
    assert_true(cosine("CO\u2082", "CO2") > 0.99);
    assert_true(cosine("10\u2075 copies", "105 copies") < 0.999);
    assert_true(cosine("H\u2082O", "unknowable") < cosine("H\u2082O", "H2O"));
}

static void test_quantised_vectors_keep_the_cosine(void **state) {
    (void)state;
    size_t width = embed_width(model);
    float *x = mem_new(width, sizeof *x), scale;
    int8_t *q = mem_new(width, 1);
    embed_text(model, STR("An answer ties each sentence to a page of a document."), x);
    embed_quantize(x, width, q, &scale);
    double dot = 0, norm = 0;
    for (size_t i = 0; i < width; i++) {
        dot += (double)x[i] * q[i] * scale;
        norm += (double)q[i] * scale * q[i] * scale;
    }
    assert_true(fabs(dot / sqrt(norm) - 1) < 1e-3);
    memset(x, 0, width * sizeof *x);
    embed_quantize(x, width, q, &scale);
    assert_true(scale == 0 && q[0] == 0);
    mem_free(q);
    mem_free(x);
}

static embed_reading read_it(str question, str passage, size_t limit, arena *a) {
    embed_reading r;
    error err = {0};
    if (!embed_read(reader, NULL, question, passage, limit, a, &r, &err)) fail_msg("%s", err.text);
    assert_true(r.span_count <= limit);
    for (size_t i = 0; i < r.span_count; i++) {
        assert_true(r.spans[i].begin < r.spans[i].end && r.spans[i].end <= passage.n);
        if (i > 0) assert_true(r.spans[i].score <= r.spans[i - 1].score);
    }
    return r;
}

static void test_reader_finds_a_span(void **state) {
    (void)state;
    arena *a = arena_new();
    str passage = STR("The town hall was built in 1907 by the architect Maria Vidal. It burnt "
                      "down in 1951 and was not rebuilt.");
    embed_reading r = read_it(STR("When was the town hall built?"), passage, 8, a);
    assert_true(r.span_count > 0);
    assert_true(str_eq(str_cut(passage, r.spans[0].begin, r.spans[0].end), STR("1907")));
    embed_reading other = read_it(STR("How many wheels does a bicycle have?"), passage, 8, a);
    assert_true(other.spans[0].score < r.spans[0].score);
    arena_free(a);
}

static void test_reader_scores_sentences(void **state) {
    (void)state;
    arena *a = arena_new();
    str passage = STR("The hall has 300 seats. The town hall was built in 1907 by Maria Vidal.\n"
                      "\xE3\x80\x82\nIt burnt down in 1951.");
    embed_reading r = read_it(STR("When was the town hall built?"), passage, 8, a);
    size_t best = 0, pos = 0, begin, end, at = 0;
    assert_int_equal(r.sentence_count, 4);
    for (; sentence_next(passage, &pos, &begin, &end); at++) {
        if (r.sentences[at].begin == UINT32_MAX) continue; /* it has no word */
        assert_true(r.sentences[at].begin >= begin && r.sentences[at].begin < end);
        if (r.sentences[at].score > r.sentences[best].score) best = at;
    }
    assert_int_equal(at, 4);
    assert_int_equal(best, 1);
    arena_free(a);
}

static void test_reader_with_odd_input(void **state) {
    (void)state;
    arena *a = arena_new();
    assert_int_equal(read_it(STR("who?"), STR(""), 8, a).span_count, 0);
    read_it(STR(""), STR("A word."), 8, a);
    text longest = {0};
    for (int i = 0; i < 2000; i++)
        text_printf(&longest, "In room %d there are %d chairs. ", i, i * 3);
    embed_reading r = read_it(text_str(&longest), text_str(&longest), 5, a);
    assert_int_equal(r.span_count, 5);
    assert_int_equal(r.sentence_count, 2000);
    for (size_t i = 0; i < r.sentence_count; i++) assert_true(isfinite(r.sentences[i].score));
    text_free(&longest);
    read_it(STR("\xFF\xFE?"), STR("\xC3( \x80 7"), 8, a);
    arena_free(a);
}

static void test_other_files_are_refused_by_name(void **state) {
    (void)state;
    error err = {0};
    embed_model *m;
    embed_reader *r;
    assert_false(embed_model_open(READER, NULL, &m, &err));
    assert_non_null(strstr(err.text, "makes no vectors"));
    assert_false(embed_reader_open(EMBEDDING, &r, &err));
    assert_int_equal(err.code, ERROR_MODEL);
    assert_false(embed_model_open("Makefile", NULL, &m, &err));
    assert_false(embed_reader_open("models/none.gguf", &r, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_are_unit_and_say_something),
        cmocka_unit_test(test_scripts),
        cmocka_unit_test(test_quantised_vectors_keep_the_cosine),
        cmocka_unit_test(test_reader_finds_a_span),
        cmocka_unit_test(test_reader_scores_sentences),
        cmocka_unit_test(test_reader_with_odd_input),
        cmocka_unit_test(test_other_files_are_refused_by_name),
    };
    return cmocka_run_group_tests_name("embed", tests, open_models, close_models);
}
