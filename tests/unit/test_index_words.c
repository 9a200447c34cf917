/* The tokens that documents and questions meet in: folding, numbers, compounds, scripts without
 * spaces, stop words, and bytes that are no text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "index/internal.h"

static arena *memory;

static int open_arena(void **state) {
    (void)state;
    memory = arena_new();
    return 0;
}

static int close_arena(void **state) {
    (void)state;
    arena_free(memory);
    return 0;
}

/* The tokens with spaces between them; a stop word carries an asterisk. */
static const char *tokens(const char *source, const char *language) {
    index_word *words;
    size_t count;
    text out = {0};
    index_words(str_of(source), str_of(language), memory, &words, &count);
    for (size_t i = 0; i < count; i++) {
        assert_true(words[i].begin < words[i].end);
        assert_true(words[i].end <= strlen(source));
        assert_true(i == 0 || words[i].begin >= words[i - 1].begin);
        assert_true(words[i].stem.n > 0 && words[i].stem.n <= WORDS_TOKEN_MAX_BYTES);
        assert_true(utf8_valid(words[i].stem));
        if (i > 0) text_put_char(&out, ' ');
        text_put(&out, words[i].stem);
        if (words[i].stop) text_put_char(&out, '*');
    }
    const char *given = arena_cstr(memory, text_str(&out));
    text_free(&out);
    return given;
}

static void assert_same(const char *a, const char *b, const char *language) {
    assert_string_equal(tokens(a, language), tokens(b, language));
}

static void test_english(void **state) {
    (void)state;
    assert_string_equal(tokens("What is the dose of artesunate?", ""),
                        "what* is* the* dose of* artesun");
    assert_string_equal(tokens("Running dogs RAN", "en-GB"), "run dog ran");
    assert_string_equal(tokens("The patient's don\xE2\x80\x99t", "en"), "the* patient dont*");
    assert_string_equal(tokens("the U.S.A. and e.g. this", "en"), "the* usa and* eg this*");
    assert_same("na\xC3\xAFve caf\xC3\xA9", "naive cafe", "en");
}

static void test_folding(void **state) {
    (void)state;
    assert_same("\xEF\xAC\x81nal e\xEF\xAC\x83\x63ient", "final efficient", "en"); /* ligatures */
    assert_same("cafe\xCC\x81", "caf\xC3\xA9", "fr");                 /* combining and composed */
    assert_same("para\xC2\xADsetamol", "parasetamol", "en");          /* soft hyphen */
    assert_same("\xEF\xBC\xA1\xEF\xBC\xA2\xEF\xBC\x93", "ab3", "en"); /* fullwidth */
    assert_same("STRA\xC3\x9F\x45", "strasse", "de");
    assert_same("H\xE2\x82\x82O", "H2O", "en");      /* subscript two */
    assert_same("5 \xC2\xB5g", "5 \xCE\xBCg", "en"); /* micro sign and mu */
    assert_same("10\xE3\x8E\x8E", "10mg", "en");     /* U+338E, square mg */
    assert_string_equal(tokens("\xC2\xBD tablet 10\xE2\x81\xB9", "en"), "1/2 tablet 10^9 10 9");
    assert_string_equal(tokens("\xC3\x96l \xC5\x82\xC3\xB3\x64\xC5\xBA", "pl"), "ol lodz");
}

static void test_languages(void **state) {
    (void)state;
    assert_string_equal(tokens("l'eau de l\xE2\x80\x99h\xC3\xB4pital", "fr"),
                        "l* eau de* l* hopital");
    assert_same("informaci\xC3\xB3n", "informaciones", "es");
    assert_same("H\xC3\xA4user", "Haus", "de");
    assert_string_equal(tokens("und die Dosis", "de"), "und* die* dosis");
    assert_string_equal(tokens("und die Dosis", "xx"), "und die dosis");
    /* Russian: the short i is a letter, the two dots are optional. */
    assert_same("\xD0\xBA\xD1\x80\xD0\xB0\xD1\x81\xD0\xBD\xD1\x8B\xD0\xB9",
                "\xD0\xBA\xD1\x80\xD0\xB0\xD1\x81\xD0\xBD\xD0\xBE\xD0\xB3\xD0\xBE", "ru");
    assert_same("\xD0\xBC\xD1\x91\xD0\xB4", "\xD0\xBC\xD0\xB5\xD0\xB4", "ru");
    /* Devanagari: vowel signs stay. */
    assert_true(strcmp(tokens("\xE0\xA4\x95\xE0\xA4\xBF", "mr"),
                       tokens("\xE0\xA4\x95\xE0\xA5\x82", "mr")) != 0);
}

static void test_codes(void **state) {
    (void)state;
    char code[WORDS_CODE_BYTES];
    const char *cases[][2] = {{"", "en"},      {"EN-us", "en"},    {"nb", "no"},
                              {"nn-NO", "no"}, {"x", "en"},        {"deu", "deu"},
                              {"12", "en"},    {"\xFF\xFF", "en"}, {"defgh", "def"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        words_code(str_of(cases[i][0]), code);
        assert_string_equal(code, cases[i][1]);
    }
    assert_true(words_stop_sorted());
}

static void test_numbers(void **state) {
    (void)state;
    assert_string_equal(tokens("2.5 mg, 2.5mg.", "en"), "2.5 mg 2.5 mg");
    assert_string_equal(tokens("1,234,567.50 and 1,000", "en"), "1234567.50 and* 1000");
    assert_string_equal(tokens("1.234.567,50 1.000 2,5", "de"), "1234567.50 1000 2.5");
    assert_string_equal(tokens("2,5 0,125 1,2,3", "en"), "2.5 0.125 1 2 3");
    assert_string_equal(tokens("v1.2.3 10-20 192.168.0.1", "en"), "v1 2.3 10 20 192.168.0.1");
    assert_string_equal(tokens("\xD9\xA3\xD9\xA5", "ar"), "35"); /* Arabic digits */
    assert_string_equal(tokens("12/05/2020 50%", "en"), "12 05 2020 50");
    assert_string_equal(tokens("10 000", "fr"), "10 000");
}

/* A power is neither a digit of its number nor another power; a note's mark is no part of its
 * word. */
static void test_powers(void **state) {
    (void)state;
    assert_string_equal(tokens("10\u2075 10^5 10\u207B\u00B3 10^-3 105", "en"),
                        "10^5 10 5 10^5 10 5 10^-3 10 3 10^-3 10 3 105");
    assert_string_equal(tokens("2.5\u00B7"
                               "10\u2075/L",
                               "en"),
                        "2.5 10^5 10 5 l");
    assert_same("60 mg/m\u00B2", "60 mg/m2", "en");
    assert_same("cm\u00B3", "cm3", "en");
    assert_string_equal(tokens("aspirin\u00B9 dose\u00B2", "en"), "aspirin 1 dose 2");
    assert_string_equal(tokens("\u00B9Taken \u00B9\u2074C-urea", "en"), "1 taken 14 curea c urea");
    assert_same("C\u2086H\u2081\u2082O\u2086 NaHCO\u2083", "C6H12O6 NaHCO3", "en");
    assert_string_equal(tokens("2^", "en"), "2");
    assert_string_equal(tokens("2^x 250 \u00B9 mg 250 [1] mg", "en"), "2 x 250 1 mg 250 1 mg");
}

static void test_compounds(void **state) {
    (void)state;
    assert_string_equal(tokens("follow-up", "en"), "followup follow up*");
    assert_string_equal(tokens("A-113 E24 B12", "en"), "a113 a* 113 e24 b12");
    assert_string_equal(tokens("max_temp COVID-19", "en"), "maxtemp max temp covid19 covid 19");
    assert_string_equal(tokens("a-b-c-d-e", "en"), "a* b c d e");
    assert_string_equal(tokens("--- -x- x- -5", "en"), "x x 5");
    index_word *words;
    size_t count;
    index_words(STR("an e-mail"), STR("en"), memory, &words, &count);
    assert_int_equal(count, 4);
    assert_int_equal(words[1].begin, 3);
    assert_int_equal(words[1].end, 9);
    assert_int_equal(words[3].begin, 5);
}

static void test_unspaced(void **state) {
    (void)state;
    assert_string_equal(tokens("\xE9\xA2\xA8\xE9\x82\xAA\xE8\x96\xAC", "ja"),
                        "\xE9\xA2\xA8\xE9\x82\xAA \xE9\x82\xAA\xE8\x96\xAC");
    assert_string_equal(tokens("\xE8\x96\xAC 5mg", "zh"), "\xE8\x96\xAC 5 mg");
    /* Halfwidth ka with its voicing mark is one character: ga. */
    assert_same("\xEF\xBD\xB6\xEF\xBE\x9E\xEF\xBD\xBD", "\xE3\x82\xAC\xE3\x82\xB9", "ja");
    /* A decomposed Hangul syllable is the composed one. */
    assert_same("\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB\xE1\x84\x80\xE1\x85\xB3\xE1\x86\xAF",
                "\xED\x95\x9C\xEA\xB8\x80", "ko");
    assert_string_equal(tokens("\xE3\x81\xA7\xE3\x81\x99", "ja"), "\xE3\x81\xA7\xE3\x81\x99*");
}

typedef struct {
    size_t count, together;
} seen;

static bool count_token(void *context, str token, uint32_t begin, uint32_t end, bool together,
                        bool stop) {
    seen *s = context;
    assert_true(token.n > 0 && begin < end && !stop);
    s->count++;
    s->together += together;
    return s->count < 1000;
}

static void test_document_form(void **state) {
    (void)state;
    seen s = {0};
    assert_true(words_scan(STR("\xE9\xA2\xA8\xE9\x82\xAA the follow-up"), STR("en"), true,
                           count_token, &s));
    assert_int_equal(s.count, 6); /* a pair, its last character, the, followup, follow, up */
    assert_int_equal(s.together, 2);
    text many = {0};
    for (int i = 0; i < 2000; i++) text_put(&many, STR("w "));
    s = (seen){0};
    assert_false(words_scan(text_str(&many), STR("en"), true, count_token, &s));
    assert_int_equal(s.count, 1000); /* stops where it is told to */
    text_free(&many);
}

static void test_hostile(void **state) {
    (void)state;
    assert_string_equal(tokens("", "en"), "");
    assert_string_equal(tokens(" \t\n.,;-'\"", "en"), "");
    assert_string_equal(tokens("a\xFF\xFE"
                               "b \xC0\x80 \xED\xA0\x80",
                               "en"),
                        "a* b");
    assert_string_equal(tokens("'''' ' a' 'b", "fr"), "a* b");
    text big = {0};
    for (int i = 0; i < 5000; i++) text_put(&big, STR("\xC3\xA9-1"));
    assert_true(strlen(tokens(big.p, "fr")) > 0);
    text_clear(&big);
    for (int i = 0; i < 100000; i++) text_put_char(&big, 'a');
    assert_int_equal(strlen(tokens(big.p, "en")), WORDS_TOKEN_MAX_BYTES);
    text_clear(&big);
    text_put_char(&big, 'a');
    for (int i = 0; i < 100000; i++)
        text_put(&big, STR("\xCC\x81")); /* one letter under a tower of accents */
    assert_string_equal(tokens(big.p, "en"), "a*");
    text_clear(&big);
    for (int i = 0; i < 300; i++)
        text_put(&big, STR("\xEF\xB7\xBA")); /* one code point that folds to eighteen */
    tokens(big.p, "ar");
    text_clear(&big);
    for (int i = 0; i < 1000; i++) text_put(&big, STR("9,999"));
    tokens(big.p, "en");
    text_free(&big);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_english),       cmocka_unit_test(test_folding),
        cmocka_unit_test(test_languages),     cmocka_unit_test(test_codes),
        cmocka_unit_test(test_numbers),       cmocka_unit_test(test_powers),
        cmocka_unit_test(test_compounds),     cmocka_unit_test(test_unspaced),
        cmocka_unit_test(test_document_form), cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
