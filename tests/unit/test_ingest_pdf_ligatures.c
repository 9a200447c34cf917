/* Ligatures that a PDF draws and its text does not hold: put back where the words leave no doubt,
 * and told; texts that only look like it stay as they are. The documents are written here: one
 * font, whose codes 1 to 5 are ligatures that have no Unicode value, or one of no meaning.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/arena_test.h"
#include "tests/support/documents.h"
#include "tests/support/expect.h"
#include "tests/support/pdf_file.h"

#define OBJECTS 6

static str stream(const char *bytes) {
    return arena_printf(a, "<</Length %zu>>\nstream\n%s\nendstream", strlen(bytes), bytes);
}

/* Lines of text. Codes 1 to 5 are `width` thousandths wide, and mean what `meaning` says for
 * each. */
static str document(const char *const *lines, size_t count, int width, const char *meaning) {
    text content = {0}, t = {0};
    for (size_t i = 0; i < count; i++)
        text_printf(&content, "BT /F 10 Tf 40 %d Td (%s) Tj ET\n", 460 - 14 * (int)i, lines[i]);
    str map = arena_printf(a,
                           "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
                           "/CMapName /X def 1 begincodespacerange <00> <FF> endcodespacerange\n"
                           "1 beginbfrange <20> <7E> <0020> endbfrange\n%s\n"
                           "endcmap end end",
                           meaning);
    str widths = arena_printf(a, "%d %d %d %d %d", width, width, width, width, width);
    for (int i = 6; i < 127; i++) widths = arena_printf(a, STR_FMT " 500", STR_ARG(widths));
    str bodies[OBJECTS] = {
        STR("<</Type/Catalog/Pages 2 0 R>>"),
        STR("<</Type/Pages/Kids[3 0 R]/Count 1>>"),
        STR("<</Type/Page/Parent 2 0 R/MediaBox[0 0 500 500]/Contents 4 0 R"
            "/Resources<</Font<</F 5 0 R>>>>>>"),
        stream(content.p),
        arena_printf(
            a,
            "<</Type/Font/Subtype/Type1/BaseFont/Courier/FirstChar 1/LastChar 126/Widths[" STR_FMT
            "]/Encoding<</Differences[1/qqa/qqb/qqc/qqd/qqe]>>"
            "/ToUnicode 6 0 R>>",
            STR_ARG(widths)),
        stream(arena_cstr(a, map))};
    pdf_file f = pdf_file_begin(&t);
    for (size_t i = 0; i < OBJECTS; i++) pdf_file_put(&f, bodies[i]);
    pdf_file_end(&f);
    str out = arena_str(a, text_str(&t));
    text_free(&content);
    text_free(&t);
    return out;
}

static const char *told(str bytes) {
    return documents_told("letters.pdf", bytes, a);
}

/* 1: ff, 2: fi, 3: fl, 4: ffi */
static const char *const manual[] = {
    "The \002rst pump is di\001erent from the others, and more",
    "e\004cient: its \003ow is con\002rmed by the o\004ce of works.",
    "The e\001ect on the \002lter is signi\002cant; a blu\001 needs",
    "\002sh and speci\002c \003asks, and \003exible \003ukes re\003ect."};
#define LINES (sizeof manual / sizeof *manual)
#define PUT_BACK "ligatures (ff, fi, fl) that its text lacks were put back"
#define IN_WORDS PUT_BACK " in frequent words, others may still lack them"

static void codes_without_a_meaning_are_told_by_the_words(void **state) {
    (void)state;
    static const char *const meanings[] = {
        "5 beginbfchar <01> <E001> <02> <E002> <03> <E003> <04> <E004> <05> <E005> endbfchar",
        "5 beginbfchar <01> <0001> <02> <0002> <03> <0003> <04> <0004> <05> <0005> endbfchar"};
    for (size_t i = 0; i < 2; i++) {
        const char *all = told(document(manual, LINES, 500, meanings[i]));
        expect_part(all, "The first pump is different from the others, and more\n");
        /* "ow", "bluff", "fish" and "flasks" are no words that it knows: their codes are known by
         * then. */
        expect_part(all, "efficient: its flow is confirmed by the office of works.\n");
        expect_part(all, "The effect on the filter is significant; a bluff needs\n");
        expect_part(all, "fish and specific flasks, and flexible flukes reflect.\n");
        expect_part(all, "page 1: text, " PUT_BACK "\n");
    }
}

static void a_sign_in_their_place_is_told_by_the_words(void **state) {
    (void)state;
    static const char *const lines[] = {
        "A di\001erent e\001ect of the e\001ort: the blu\001er su\001ered.",
        "Stop! That is all; wow! he said, and left."};
    const char *all = told(document(lines, 2, 500, "1 beginbfchar <01> <0021> endbfchar"));
    expect_part(all, "A different effect of the effort: the bluffer suffered.\n");
    expect_part(all, "Stop! That is all; wow! he said, and left.\n");
    expect_part(all, "page 1: text, " PUT_BACK "\n");
}

/* Some programs leave nothing: the white that they took, or a hyphen that is dropped. */
static void words_with_nothing_in_their_place_are_mended(void **state) {
    (void)state;
    static const struct {
        int width;
        const char *code;
    } cases[] = {{500, "0020"}, {700, "0020"}, {50, "00AD"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *c = cases[i].code;
        str meaning = arena_printf(
            a, "4 beginbfchar <01> <%s> <02> <%s> <03> <%s> <04> <%s> endbfchar", c, c, c, c);
        const char *all = told(document(manual, LINES, cases[i].width, meaning.p));
        expect_part(all, "first pump is different from the others, and more\n");
        expect_part(all, "efficient: its flow is confirmed by the office of works.\n");
        expect_part(all, "The effect on the");
        expect_part(all, "filter is significant;");
        expect_part(all, "page 1: text, " IN_WORDS "\n");
    }
}

static void texts_that_only_look_so_stay(void **state) {
    (void)state;
    static const char *const lines[] = {
        "Il demande de ne pas courir, et de ne rien dire; de ne plus venir enfin.",
        "I modi ed i fini sono veri ed uni ed altri, in fine, per il figlio affamato.",
        "He offered a different office: the first effect was a significant flow.",
        "Nancy Benet went to Denit. A conned man. The rst file is in the trac folder."};
    const char *all = told(document(lines, 4, 500, ""));
    for (size_t i = 0; i < 4; i++) expect_part(all, lines[i]);
    expect_part(all, "page 1: text\n");
    /* A single word is none, and a code that no word tells stays one that says nothing. */
    static const char *const one[] = {"The e\004cient pump is here.", "It has a b\005x beside it."};
    all = told(document(one, 2, 500, "2 beginbfchar <04> <0020> <05> <E005> endbfchar"));
    expect_no_part(all, "efficient");
    expect_part(all, "b\xef\xbf\xbdx beside");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(codes_without_a_meaning_are_told_by_the_words),
        TEST(a_sign_in_their_place_is_told_by_the_words),
        TEST(words_with_nothing_in_their_place_are_mended),
        TEST(texts_that_only_look_so_stay),
    };
    return cmocka_run_group_tests(tests, documents_open, documents_close);
}
