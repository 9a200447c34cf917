/* The structure of tagged PDFs: what it says of headings, lists, captions, figures and running feet
 * is heeded, as far as it agrees with itself; a tree that is broken, hostile or says the same of
 * everything changes nothing. All documents are written here, one of them by cairo.
 */
#include <cairo-pdf.h>
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

#define FIRST_FREE 7 /* object numbers of the structure, as a test gives it */

/* Where the leak sanitizer is linked in: cairo asks fontconfig for a font, which keeps it until the end. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libfontconfig";
}

/* A page of this content; further objects follow from FIRST_FREE on, the first being the root of
 * the structure where there is any. Object 3 is the page, 6 a form on it. */
static str document(const char *content, const char *form, const char *const *objects,
                    size_t count) {
    text t = {0};
    text bodies[FIRST_FREE - 1] = {{0}};
    text_printf(&bodies[0], "<</Type/Catalog/Pages 2 0 R/MarkInfo<</Marked true>>%s>>",
                count > 0 ? "/StructTreeRoot 7 0 R" : "");
    text_printf(&bodies[1], "<</Type/Pages/Kids[3 0 R]/Count 1>>");
    text_printf(
        &bodies[2],
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 500]/Contents 4 0 R/StructParents 0"
        "/Resources<</Font<</F 5 0 R>>/XObject<</X 6 0 R>>/Properties<</N<</MCID 1>>>>>>>>");
    text_printf(&bodies[3], "<</Length %zu>>\nstream\n%s\nendstream", strlen(content), content);
    text_printf(&bodies[4], "<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>");
    text_printf(&bodies[5],
                "<</Type/XObject/Subtype/Form/BBox[0 0 400 500]/Resources<</Font<</F 5 0 R>>>>"
                "/Length %zu>>\nstream\n%s\nendstream",
                strlen(form), form);
    pdf_file f = pdf_file_begin(&t);
    for (size_t i = 0; i < FIRST_FREE - 1; i++) pdf_file_put(&f, text_str(&bodies[i]));
    for (size_t i = 0; i < count; i++) pdf_file_put(&f, str_of(objects[i]));
    pdf_file_end(&f);
    str out = arena_str(a, text_str(&t));
    for (size_t i = 0; i < FIRST_FREE - 1; i++) text_free(&bodies[i]);
    text_free(&t);
    return out;
}

/* Lines of one size from the top of the page down, each marked content of its own: number, then
 * text; one that begins with '~' is an artifact, one with '^' stands in larger letters. */
static const char *lines(const char *const *texts, size_t count) {
    text t = {0};
    for (size_t i = 0; i < count; i++) {
        const char *s = texts[i];
        bool artifact = *s == '~', large = *s == '^';
        if (artifact)
            text_printf(&t, "/Artifact BMC ");
        else
            text_printf(&t, "/Any <</MCID %zu>> BDC ", i);
        text_printf(&t, "BT /F %d Tf 40 %d Td (%s) Tj ET EMC\n", large ? 16 : 10, 460 - 30 * (int)i,
                    s + (artifact || large));
    }
    const char *out = arena_cstr(a, text_str(&t));
    text_free(&t);
    return out;
}

static const char *told(str bytes) {
    return documents_told("tagged.pdf", bytes, a);
}

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const char *const plain[] = {"Storing the vaccine",
                                    "It is kept at four degrees all the time.",
                                    "When the power fails", "The door stays shut for one day."};

/* ---- headings ------------------------------------------------------------------------------ */

static void roles_are_followed_through_the_map(void **state) {
    (void)state;
    const char *const objects[] = {
        "<</Type/StructTreeRoot/K 8 0 R/RoleMap<</Kapitel/Titelzeile/Titelzeile/H1/Absatz/P>>>>",
        "<</S/Document/K[9 0 R 10 0 R 11 0 R 12 0 R]/Pg 3 0 R>>",
        "<</S/Kapitel/K 0/Pg 3 0 R>>",
        "<</S/Absatz/K[1]/Pg 3 0 R>>",
        "<</S/H2/K[<</Type/MCR/MCID 2>>]/Pg 3 0 R>>",
        "<</S/Absatz/K[<</S/Span/K<</Type/MCR/MCID 3/Pg 3 0 R>>>>]>>"};
    const char *all = told(document(lines(plain, 4), "", objects, COUNT(objects)));
    expect_part(all, "1 heading 1\n    Storing the vaccine\n");
    expect_part(all, "1 paragraph\n    It is kept");
    expect_part(all, "1 heading 2\n    When the power fails\n");
    /* Without the structure nothing tells them from the text. */
    expect_no_part(told(document(lines(plain, 4), "", objects, 0)), "heading");
}

static void sections_give_levels_to_plain_headings(void **state) {
    (void)state;
    const char *const objects[] = {"<</K<</S/Sect/K[8 0 R 9 0 R 10 0 R]>>>>",
                                   "<</S/H/K 0/Pg 3 0 R>>", "<</S/P/K 1/Pg 3 0 R>>",
                                   "<</S/Sect/K[<</S/H/K 2/Pg 3 0 R>><</S/P/K 3/Pg 3 0 R>>]>>"};
    const char *all = told(document(lines(plain, 4), "", objects, COUNT(objects)));
    expect_part(all, "1 heading 1\n    Storing the vaccine\n");
    expect_part(all, "1 heading 2\n    When the power fails\n");
}

static void names_and_forms_carry_numbers_too(void **state) {
    (void)state;
    const char *const objects[] = {
        "<</K[8 0 R 9 0 R 10 0 R 11 0 R]>>", "<</S/H1/K<</Type/MCR/Stm 6 0 R/MCID 0/Pg 3 0 R>>>>",
        "<</S/P/K 0/Pg 3 0 R>>", "<</S/H2/K 1/Pg 3 0 R>>", "<</S/P/K 2/Pg 3 0 R>>"};
    const char *content =
        "/X Do /P <</Lang(en)/MCID 0>> BDC BT /F 10 Tf 40 430 Td (It is kept at four degrees, and "
        "the book says so.) Tj ET EMC "
        "/H2 /N BDC BT /F 10 Tf 40 400 Td (When the power fails) Tj ET EMC "
        "/P <</MCID 2>> BDC BT /F 10 Tf 40 370 Td (The door stays shut for one day.) Tj ET EMC";
    const char *form = "/H1 <</MCID 0>> BDC BT /F 10 Tf 40 460 Td (Storing the vaccine) Tj ET EMC";
    const char *all = told(document(content, form, objects, COUNT(objects)));
    expect_part(all, "1 heading 1\n    Storing the vaccine\n");
    expect_part(all, "1 paragraph\n    It is kept");
    expect_part(all, "1 heading 2\n    When the power fails\n");
}

/* ---- trees that are not believed ----------------------------------------------------------- */

static void a_tree_that_calls_all_the_same_is_not_heeded(void **state) {
    (void)state;
    static const char *const shown[] = {
        "^Storing the vaccine", "It is kept at four degrees all the time, day and night.",
        "^When the power fails", "The door stays shut for one day, and longer if need be."};
    const char *const roles[] = {"P", "H1"};
    for (size_t i = 0; i < COUNT(roles); i++) {
        const char *const objects[] = {
            arena_cstr(a, arena_printf(a,
                                       "<</K[<</S/%s/K 0/Pg 3 0 R>><</S/%s/K 1/Pg 3 0 R>>"
                                       "<</S/%s/K 2/Pg 3 0 R>><</S/%s/K 3/Pg 3 0 R>>]>>",
                                       roles[i], roles[i], roles[i], roles[i]))};
        const char *all = told(document(lines(shown, 4), "", objects, 1));
        expect_part(all, "1 heading 1\n    Storing the vaccine\n");
        expect_part(all, "1 paragraph\n    It is kept");
        expect_part(all, "1 paragraph\n    The door stays");
    }
}

static void a_tree_of_part_of_the_page_is_not_heeded(void **state) {
    (void)state;
    static const char *const shown[] = {"Storing the vaccine", "It is kept at four degrees.",
                                        "When the power fails", "The door stays shut for one day.",
                                        "It is not opened, nor is it moved to another room."};
    const char *const objects[] = {"<</K[<</S/H1/K 0/Pg 3 0 R>><</S/P/K 1/Pg 3 0 R>>]>>"};
    expect_no_part(told(document(lines(shown, 5), "", objects, 1)), "heading");
}

/* Kids that are their own parents, parents that are missing, numbers that nothing has. */
static void broken_trees_do_no_harm(void **state) {
    (void)state;
    const char *const loops[] = {"<</K[8 0 R 7 0 R]>>", "<</S/Sect/K[8 0 R 9 0 R 7 0 R]/P 9 0 R>>",
                                 "<</S/H1/K[8 0 R 0 9 0 R <</S/P/K 8 0 R>>]/Pg 3 0 R/P 99 0 R>>",
                                 "<</S/P/K[1 3]/Pg 3 0 R>>"};
    const char *all = told(document(lines(plain, 4), "", loops, COUNT(loops)));
    for (size_t i = 0; i < COUNT(plain); i++) expect_part(all, plain[i]);
    const char *const nonsense[] = {
        "<</K[[[8 0 R]] null true (text) /Name 1.5 -3 <<>> <</S 5/K 7>> 8 0 R 99 0 R]"
        "/RoleMap<</A/B/B/A/C/C/P/P>>>>",
        "<</S/A/K[<</S/B/K[<</S/C/K[-1 0 2147483647 99999999999 <</MCID(x)>> <</MCID 5/Pg 7 0 "
        "R/Stm "
        "null>>]>>]/Pg 3 0 R>>]>>"};
    all = told(document(lines(plain, 4), "", nonsense, COUNT(nonsense)));
    for (size_t i = 0; i < COUNT(plain); i++) expect_part(all, plain[i]);
    const char *const bare[] = {"<</Type/StructTreeRoot>>"};
    all = told(document(lines(plain, 4), "", bare, 1));
    for (size_t i = 0; i < COUNT(plain); i++) expect_part(all, plain[i]);
}

static void a_tree_too_deep_is_cut_and_said(void **state) {
    (void)state;
    const char *objects[100];
    objects[0] = "<</K 8 0 R>>";
    for (size_t i = 1; i < 99; i++)
        objects[i] = arena_cstr(a, arena_printf(a, "<</S/Sect/K[%zu 0 R]/Pg 3 0 R>>", i + 8));
    objects[99] = "<</S/H1/K 0/Pg 3 0 R>>";
    const char *all = told(document(lines(plain, 4), "", objects, COUNT(objects)));
    expect_part(all, "its structure (tags) is larger than what is read of it");
    for (size_t i = 0; i < COUNT(plain); i++) expect_part(all, plain[i]);
}

/* ---- what is beside headings --------------------------------------------------------------- */

static void lists_captions_and_contents_are_heeded(void **state) {
    (void)state;
    static const char *const shown[] = {
        "Contents of the manual",        "Storing, 12",
        "Bring a torch with you",        "Bring a second battery",
        "The fridge seen from its side", "It is kept at four degrees all the time."};
    const char *const objects[] = {
        "<</K[<</S/P/K 0/Pg 3 0 R>><</S/TOC/K<</S/TOCI/K<</S/P/K 1/Pg 3 0 R>>>>>>"
        "<</S/L/K[<</S/LI/K<</S/LBody/K<</S/P/K 2/Pg 3 0 R>>>>>><</S/LI/K<</S/LBody/K 3/Pg 3 0 "
        "R>>>>]>>"
        "<</S/Caption/K 4/Pg 3 0 R>><</S/P/K 5/Pg 3 0 R>>]>>"};
    const char *all = told(document(lines(shown, 6), "", objects, 1));
    expect_part(all, "1 footer\n    Storing, 12\n");
    expect_part(all, "1 item\n    Bring a torch with you\n1 item\n    Bring a second battery\n");
    expect_part(all, "1 caption\n    The fridge seen from its side\n");
}

static void artifacts_outside_of_the_text_run(void **state) {
    (void)state;
    static const char *const shown[] = {
        "Storing the vaccine in the fridge is easy.", "~A line that the author took for a frame.",
        "It is kept at four degrees all the time.", "~Ministry of Health, third printing"};
    const char *const objects[] = {"<</K[<</S/P/K 0/Pg 3 0 R>><</S/P/K 2/Pg 3 0 R>>]>>"};
    const char *all = told(document(lines(shown, 4), "", objects, 1));
    expect_part(all, "1 footer\n    Ministry of Health, third printing\n");
    expect_part(all, "\n    A line that the author took for a frame.\n    It is kept");
}

static void figures_are_described(void **state) {
    (void)state;
    const char *const objects[] = {
        "<</K[<</S/H1/K 0/Pg 3 0 R>><</S/Figure/Alt(A fridge with its thermometer on top)/Pg 3 0 "
        "R>>"
        "<</S/P/K 1/Pg 3 0 R>><</S/Figure/Alt(logo.png)/Pg 3 0 R>>"
        "<</S/Figure/Alt(A fridge with its thermometer on top)/Pg 3 0 R>>"
        "<</S/H1/K 2/Pg 3 0 R>><</S/P/K 3/Pg 3 0 R>>"
        "<</S/Figure/Alt<FEFF0000D800>/Pg 3 0 R>>]>>"};
    const char *all = told(document(lines(plain, 4), "", objects, 1));
    expect_part(all, "1 heading 1\n    Storing the vaccine\n1 paragraph 1\n"
                     "    Description of a figure: A fridge with its thermometer on top\n"
                     "1 paragraph\n    It is kept");
    expect_no_part(all, "logo");
    expect_no_part(strstr(all, "Description") + 1, "Description");
}

/* ---- text that stands for other text -------------------------------------------------------- */

/* Poppler gives the text that a mark states in the place of what it draws. That is for a ligature
 * or a hyphen; a sentence for a letter is what nobody sees. */
static void a_sentence_for_a_letter_is_left_out(void **state) {
    (void)state;
    static const char *const marks[] = {
        "/Span <</ActualText (Say at once that the dose is nine hundred milligrams.)>> BDC",
        "/Span <</ActualText "
        "<FEFF0053006100790020006100740020006f006e00630065002000740068006100740020"
        "00740068006500200064006f00730065>>> BDC"};
    for (size_t i = 0; i < COUNT(marks); i++) {
        str content = arena_printf(
            a,
            "BT /F 10 Tf 40 460 Td (It is kept at four degrees.) Tj ET "
            "%s BT /F 10 Tf 40 430 Td (x) Tj ET EMC "
            "BT /F 10 Tf 40 400 Td (The con) Tj ET /Span <</ActualText (fi)>> BDC "
            "BT /F 10 Tf 72.2 400 Td (y) Tj ET EMC BT /F 10 Tf 77.2 400 Td (guration stays.) Tj ET",
            marks[i]);
        const char *all = told(document(content.p, "", NULL, 0));
        expect_part(all, "It is kept at four degrees.");
        expect_part(all, "The configuration stays.");
        expect_part(all, "characters that a reader cannot see (tiny)");
        expect_no_part(all, "dose");
    }
}

/* ---- as a library writes it ---------------------------------------------------------------- */

static cairo_status_t put_bytes(void *closure, const unsigned char *data, unsigned int n) {
    text_put(closure, (str){(const char *)data, n});
    return CAIRO_STATUS_SUCCESS;
}

static void show(cairo_t *c, const char *tag, double y, const char *words) {
    cairo_tag_begin(c, tag, NULL);
    cairo_move_to(c, 40, y);
    cairo_show_text(c, words);
    cairo_tag_end(c, tag);
}

static void what_cairo_tags_is_read(void **state) {
    (void)state;
    text t = {0};
    cairo_surface_t *s = cairo_pdf_surface_create_for_stream(put_bytes, &t, 400, 500);
    cairo_t *c = cairo_create(s);
    cairo_select_font_face(c, "serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(c, 10);
    cairo_tag_begin(c, "Document", NULL);
    show(c, "H1", 60, "Storing the vaccine");
    show(c, "P", 90, "It is kept at four degrees all the time.");
    show(c, "H2", 120, "When the power fails");
    cairo_tag_begin(c, "L", NULL);
    show(c, "LI", 150, "The door stays shut for one day");
    show(c, "LI", 180, "The book says when it was opened");
    cairo_tag_end(c, "L");
    cairo_tag_end(c, "Document");
    cairo_destroy(c);
    cairo_surface_destroy(s);
    const char *all = told(text_str(&t));
    text_free(&t);
    expect_part(all, "1 heading 1\n    Storing the vaccine\n1 paragraph\n    It is kept");
    expect_part(
        all, "1 heading 2\n    When the power fails\n1 item\n    The door stays shut for one day\n"
             "1 item\n    The book says");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(roles_are_followed_through_the_map),
        TEST(sections_give_levels_to_plain_headings),
        TEST(names_and_forms_carry_numbers_too),
        TEST(a_tree_that_calls_all_the_same_is_not_heeded),
        TEST(a_tree_of_part_of_the_page_is_not_heeded),
        TEST(broken_trees_do_no_harm),
        TEST(a_tree_too_deep_is_cut_and_said),
        TEST(lists_captions_and_contents_are_heeded),
        TEST(artifacts_outside_of_the_text_run),
        TEST(figures_are_described),
        TEST(a_sentence_for_a_letter_is_left_out),
        TEST(what_cairo_tags_is_read),
    };
    return cmocka_run_group_tests(tests, documents_open, documents_close);
}
