/* `carrel eval`: lines of a test, what counts as right, the figures against values worked out by
 * hand, questions out of headings and definitions, and that no document can speak as the report. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/eval/eval.h"

static arena *a;
static error err;

static int set_up(void **state) {
    (void)state;
    a = arena_new();
    err = (error){0};
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_free(a);
    return 0;
}

static void near(double got, double want) {
    if (!(fabs(got - want) < 1e-9)) fail_msg("got %.12f, wanted %.12f", got, want);
}

/* ---- lines -------------------------------------------------------------------------------- */

static eval_item parsed(const char *line) {
    eval_item item;
    if (!eval_parse_line(str_of(line), "q.jsonl", 7, a, &item, &err))
        fail_msg("%s gives \"%s\"", line, err.text);
    return item;
}

static void refused(const char *line, const char *part) {
    eval_item item;
    err = (error){0};
    assert_false(eval_parse_line(str_of(line), "q.jsonl", 7, a, &item, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    if (!strstr(err.text, "q.jsonl, line 7")) fail_msg("\"%s\" names no line", err.text);
    if (!strstr(err.text, part)) fail_msg("%s gives \"%s\" without \"%s\"", line, err.text, part);
}

static void test_lines(void **state) {
    (void)state;
    eval_item item = parsed("{\"question\": \" Who? \", \"document\": \"a.pdf\", \"page\": 3,"
                            " \"answer\": \"Ann\", \"id\": 12, \"mine\": [1]}");
    assert_true(str_eq(item.question, STR("Who?")) && str_eq(item.document, STR("a.pdf")));
    assert_true(item.page_count == 1 && item.pages[0] == 3 && item.kind == EVAL_ANSWERABLE);
    assert_true(item.answer_count == 1 && str_eq(item.answers[0], STR("Ann")));
    assert_true(str_eq(item.id, STR("12")) && item.line == 7);
    item = parsed("{\"question\": \"Who?\", \"answer\": [\"Ann\", \"Bo\"], \"page\": [1, 2]}");
    assert_true(item.answer_count == 2 && item.page_count == 2 && item.document.n == 0);
    assert_int_equal(parsed("{\"question\": \"x\"}").kind, EVAL_UNKNOWN);
    assert_int_equal(parsed("{\"question\": \"x\", \"page\": null}").kind, EVAL_UNKNOWN);
    assert_int_equal(parsed("{\"question\": \"x\", \"answer\": null}").kind, EVAL_UNANSWERABLE);
    assert_int_equal(parsed("{\"question\": \"x\", \"answerable\": false}").kind,
                     EVAL_UNANSWERABLE);
    assert_int_equal(parsed("{\"question\": \"x\", \"answerable\": true}").kind, EVAL_ANSWERABLE);
    assert_int_equal(parsed("{\"question\": \"x\", \"document\": \"d\"}").kind, EVAL_ANSWERABLE);
    item = parsed("{\"question\": \"x\", \"answerable\": false, \"without\": \"d\"}");
    assert_true(item.without_count == 1 && str_eq(item.without[0], STR("d")));
}

static void test_bad_lines(void **state) {
    (void)state;
    refused("not json", "no JSON object");
    refused("[1]", "no JSON object");
    refused("\"x\"", "no JSON object");
    refused("{\"question\": \"x\", \"question\": \"y\"}", "duplicate");
    refused("{\"question\": \"\xff\"}", "decode");
    refused("{\"answer\": \"x\"}", "no \"question\"");
    refused("{\"question\": \"  \"}", "no \"question\"");
    refused("{\"question\": 3}", "no \"question\"");
    refused("{\"question\": \"x\", \"anwser\": \"y\"}", "did you mean \"answer\"");
    refused("{\"question\": \"x\", \"answers\": \"y\"}", "did you mean \"answer\"");
    refused("{\"question\": \"x\", \"answer\": \"\"}", "\"answer\" has to be");
    refused("{\"question\": \"x\", \"answer\": []}", "\"answer\" has to be");
    refused("{\"question\": \"x\", \"answer\": [\"y\", 1]}", "\"answer\" has to be");
    refused("{\"question\": \"x\", \"page\": 0}", "\"page\" has to be");
    refused("{\"question\": \"x\", \"page\": \"4\"}", "\"page\" has to be");
    refused("{\"question\": \"x\", \"page\": 1.5}", "\"page\" has to be");
    refused("{\"question\": \"x\", \"page\": 4294967297}", "\"page\" has to be");
    refused("{\"question\": \"x\", \"document\": 4}", "\"document\" has to be");
    refused("{\"question\": \"x\", \"answerable\": \"no\"}", "\"answerable\" has to be");
    refused("{\"question\": \"x\", \"answer\": null, \"answerable\": true}", "leave one");
    refused("{\"question\": \"x\", \"answer\": \"y\", \"answerable\": false}", "leave one");
    text long_line = {0};
    text_put(&long_line, STR("{\"question\": \""));
    for (size_t i = 0; i <= CLI_QUESTION_MAX_BYTES; i++) text_put_char(&long_line, 'x');
    text_put(&long_line, STR("\"}"));
    refused(long_line.p, "longer than");
    text_free(&long_line);
}

/* What is written is what is read. */
static void test_round(void **state) {
    (void)state;
    uint32_t pages[] = {4, 5};
    str answers[] = {STR("A \"quoted\" <b>one</b>.")}, without[] = {STR("/x/a.pdf"), STR("b")};
    eval_test t = {.a = a};
    *eval_add_item(&t) = (eval_item){.id = STR("1"),
                                     .question = STR("What is it?"),
                                     .kind = EVAL_ANSWERABLE,
                                     .document = STR("/x/a.pdf"),
                                     .pages = pages,
                                     .page_count = 2,
                                     .answers = answers,
                                     .answer_count = 1,
                                     .whole = true,
                                     .heading = STR("H")};
    *eval_add_item(&t) = (eval_item){.question = STR("What is it?"),
                                     .kind = EVAL_UNANSWERABLE,
                                     .without = without,
                                     .without_count = 2};
    text lines = {0};
    eval_put_test(&lines, &t);
    str all = text_str(&lines);
    size_t end = str_find(all, STR("\n"), 0);
    eval_item first, second;
    assert_true(eval_parse_line(str_cut(all, 0, end), "t", 1, a, &first, &err));
    assert_true(eval_parse_line(str_trim(str_cut(all, end + 1, all.n)), "t", 2, a, &second, &err));
    assert_true(first.kind == EVAL_ANSWERABLE && first.whole && first.page_count == 2);
    assert_true(first.pages[1] == 5 && str_eq(first.answers[0], answers[0]));
    assert_true(str_eq(first.heading, STR("H")) && str_eq(first.document, STR("/x/a.pdf")));
    assert_true(second.kind == EVAL_UNANSWERABLE && second.without_count == 2);
    assert_true(str_eq(second.without[1], STR("b")) && second.answer_count == 0);
    text_free(&lines);
    eval_test_free(&t);
}

static void test_spread(void **state) {
    (void)state;
    eval_test t = {.a = a};
    for (size_t i = 0; i < 10; i++) eval_add_item(&t)->line = i;
    eval_spread(&t, 20);
    assert_int_equal(t.count, 10);
    eval_spread(&t, 5);
    assert_int_equal(t.count, 5);
    for (size_t i = 0; i < 5; i++) assert_int_equal(t.items[i].line, 2 * i);
    eval_test_free(&t);
}

/* ---- judging ------------------------------------------------------------------------------ */

/* An answer whose first two sentences are these; `span` is bold in the first. */
static eval_result judged(const eval_item *item, double confidence, const char *first,
                          const char *second, const char *span, size_t rank, bool cited) {
    eval_result r = {.confidence = confidence,
                     .answer = str_of(span),
                     .shown = {{.text = str_of(first)}, {.text = str_of(second)}},
                     .shown_count = first ? 2 : 0,
                     .ranked = item->kind == EVAL_ANSWERABLE,
                     .rank = rank,
                     .read = rank > 0,
                     .cited = cited};
    eval_judge(item, 0.3, &r);
    return r;
}

static void test_holds(void **state) {
    (void)state;
    assert_true(eval_holds(STR("It takes six months, no less."), STR("Six months")));
    assert_false(eval_holds(STR("It takes sixty months"), STR("six")));
    assert_true(eval_holds(STR("\xE5\x90\x8D\xE9\xA2\x9D\xE4\xBA\x8C\xE5\x8D\x81\xE4\xBA\xBA"),
                           STR("\xE4\xBA\x8C\xE5\x8D\x81\xE4\xBA\xBA")));
    assert_false(eval_holds(STR("abc"), STR("")));
    assert_false(eval_holds(STR("abc"), STR("the")));
}

static void test_verdicts(void **state) {
    (void)state;
    eval_item item = parsed("{\"question\": \"x\", \"page\": 3, \"answer\": \"six months\"}");
    eval_result r = judged(&item, 0.8, "It is six months.", "Else.", "six months", 1, true);
    assert_int_equal(r.verdict, EVAL_RIGHT);
    assert_true(r.first && r.three && r.cited && r.correct && r.known && !r.refused);
    near(r.exact, 1);
    r = judged(&item, 0.8, "It is six months.", "Else.", "It is", 1, true);
    assert_int_equal(r.verdict, EVAL_WRONG_SPAN);
    near(r.f1, 0);
    r = judged(&item, 0.8, "Else.", "It is six months.", "Else", 2, false);
    assert_int_equal(r.verdict, EVAL_NOT_CHOSEN);
    assert_true(!r.first && r.three && !r.correct);
    r = judged(&item, 0.8, "Else.", "More.", "Else", 0, false);
    assert_int_equal(r.verdict, EVAL_NOT_RETRIEVED);
    /* The first sentence is right all the same: in a copy of the document. */
    r = judged(&item, 0.8, "It is six months.", "More.", "six months", 0, false);
    assert_int_equal(r.verdict, EVAL_RIGHT);
    /* A refusal shows nothing, and its confidence can be judged. */
    r = judged(&item, 0.29, "It is six months.", "More.", "six months", 1, true);
    assert_int_equal(r.verdict, EVAL_REFUSED);
    assert_true(r.refused && !r.first && !r.three && r.correct && r.exact == 0 && r.f1 == 0);
    r = judged(&item, 0.1, "Else.", "More.", "Else", 0, false);
    assert_int_equal(r.verdict, EVAL_NOT_RETRIEVED);
    r = judged(&item, 0.9, NULL, NULL, "", 0, false);
    assert_true(r.refused && !r.correct);
    item = parsed("{\"question\": \"x\", \"answer\": null}");
    assert_int_equal(judged(&item, 0.3, "s", "t", "s", 0, false).verdict, EVAL_NOT_REFUSED);
    assert_int_equal(judged(&item, 0.2, "s", "t", "s", 0, false).verdict, EVAL_RIGHT);
    item = parsed("{\"question\": \"x\", \"document\": \"d\"}");
    item.document_id = 1;
    assert_int_equal(judged(&item, 0.3, "s", "t", "s", 1, true).verdict, EVAL_RIGHT);
    assert_int_equal(judged(&item, 0.3, "s", "t", "s", 1, false).verdict, EVAL_NOT_CHOSEN);
    item = parsed("{\"question\": \"x\"}");
    assert_int_equal(judged(&item, 0.3, "s", "t", "s", 0, false).verdict, EVAL_UNJUDGED);
    /* A whole sentence is no bold span. */
    item = parsed(
        "{\"question\": \"x\", \"answer\": \"It is six months.\", \"whole_sentence\": true}");
    r = judged(&item, 0.8, "It is six months.", "t", "six", 1, true);
    assert_true(r.verdict == EVAL_RIGHT && !r.spanned);
}

/* ---- figures ------------------------------------------------------------------------------ */

static void test_figures(void **state) {
    (void)state;
    eval_item yes = parsed("{\"question\": \"x\", \"page\": 3, \"answer\": \"six months\"}");
    eval_item no = parsed("{\"question\": \"x\", \"answer\": null}");
    eval_result r[5] = {judged(&yes, 0.9, "Six months.", "t", "Six months", 1, true),
                        judged(&yes, 0.7, "Else.", "Six months.", "Else", 2, false),
                        judged(&yes, 0.1, "Six months.", "t", "Six months", 0, true),
                        judged(&no, 0.7, "s", "t", "s", 0, false),
                        judged(&no, 0.2, "s", "t", "s", 0, false)};
    for (size_t i = 0; i < 5; i++) r[i].total_ms = 10.0 * (double)(i + 1);
    eval_figures f;
    eval_measure(r, 5, 0.3, &f);
    assert_true(f.questions == 5 && f.kinds[EVAL_ANSWERABLE] == 3);
    assert_int_equal(f.retrieval.count, 3);
    assert_true(f.retrieval.hits[0] == 1 && f.retrieval.hits[1] == 2 && f.retrieval.hits[3] == 2);
    assert_true(f.retrieval.ranks[0] == 1 && f.retrieval.ranks[1] == 1 &&
                f.retrieval.ranks[2] == 1);
    near(f.retrieval.mrr, 0.5); /* 1, 1/2 and 0 */
    assert_true(f.answers.count == 3 && f.answers.first == 1 && f.answers.three == 2);
    assert_true(f.answers.placed == 3 && f.answers.cited == 1);
    near(f.answers.exact, 1.0 / 3);
    near(f.answers.f1, 1.0 / 3);
    assert_true(f.refusals[EVAL_ANSWERABLE].shown == 2 && f.refusals[EVAL_ANSWERABLE].refused == 1);
    assert_true(f.refusals[EVAL_UNANSWERABLE].shown == 1);
    near(f.precision, 0.5);
    near(f.recall, 0.5);
    near(f.refusal_f1, 0.5);
    /* Right at 0.9 and, though refused, at 0.1. */
    near(f.brier, (0.01 + 0.49 + 0.81 + 0.49 + 0.04) / 5);
    assert_true(f.bins[9].count == 1 && f.bins[9].right == 1 && f.bins[7].count == 2);
    assert_true(f.bins[7].right == 0 && f.bins[1].count == 1 && f.bins[2].count == 1);
    near(f.bins[7].confidence, 0.7);
    near(f.calibration_error, (0.1 + 1.4 + 0.9 + 0.2) / 5);
    /* Surest first: right; two wrong ones together; wrong; right. */
    assert_int_equal(f.curve_count, 4);
    near(f.curve[0].risk, 0);
    near(f.curve[1].risk, 2.0 / 3);
    near(f.curve[1].coverage, 0.6);
    near(f.curve[3].risk, 0.6);
    near(f.aurc, (0 + 2.0 / 3 * 2 + 0.75 + 0.6) / 5);
    near(f.auroc, 0.5); /* the first right one beats all three, the second none */
    near(f.median_ms, 30);
    near(f.p95_ms, 50);
    assert_true(f.verdicts[EVAL_RIGHT] == 2 && f.verdicts[EVAL_NOT_REFUSED] == 1);
    assert_true(f.verdicts[EVAL_NOT_CHOSEN] == 1 && f.verdicts[EVAL_REFUSED] == 1);
    eval_figures_free(&f);
}

/* Nothing is divided by nothing, and nothing that was not measured is a figure. */
static void test_no_figures(void **state) {
    (void)state;
    eval_item item = parsed("{\"question\": \"x\"}");
    eval_result r = judged(&item, 1.0, "s", "t", "s", 0, false);
    eval_figures f;
    eval_measure(&r, 1, 0.3, &f);
    assert_true(isnan(f.precision) && isnan(f.recall) && isnan(f.refusal_f1) && isnan(f.brier));
    assert_true(isnan(f.aurc) && isnan(f.auroc) && isnan(f.retrieval.mrr) && isnan(f.answers.f1));
    eval_figures_free(&f);
    item = parsed("{\"question\": \"x\", \"answer\": \"s\"}");
    r = judged(&item, 1.0, "s", "t", "s", 1, false);
    eval_measure(&r, 1, 0.3, &f);
    assert_true(isnan(f.precision) && isnan(f.auroc) && f.bins[9].count == 1);
    near(f.brier, 0);
    near(f.aurc, 0);
    eval_figures_free(&f);
}

static void test_wilson(void **state) {
    (void)state;
    double low, high;
    score_wilson(0, 0, &low, &high);
    assert_true(low == 0 && high == 1);
    score_wilson(8, 10, &low, &high); /* Newcombe 1998 has such tables: 0.4902 to 0.9433 */
    assert_true(fabs(low - 0.4902) < 5e-5 && fabs(high - 0.9433) < 5e-5);
    score_wilson(10, 10, &low, &high);
    assert_true(fabs(high - 1) < 1e-9 && fabs(low - 0.7225) < 5e-5);
}

/* ---- questions out of documents ----------------------------------------------------------- */

static void heading_is(const char *heading, const char *want) {
    str out = {0};
    bool fit = eval_clean_heading(str_of(heading), a, &out);
    assert_int_equal(fit, want != NULL);
    if (want && !str_eq(out, str_of(want)))
        fail_msg("\"%s\" gives \"" STR_FMT "\"", heading, STR_ARG(out));
}

static void asks(const char *heading, const char *language, uint64_t turn, const char *want) {
    str got =
        eval_heading_question(STR("Clinic Manual"), str_of(heading), str_of(language), turn, a);
    if (!str_eq(got, str_of(want))) fail_msg("\"%s\" gives \"" STR_FMT "\"", heading, STR_ARG(got));
}

static void test_headings(void **state) {
    (void)state;
    heading_is("4 Doses for children", "Doses for children");
    heading_is("3.2.1 Severe malaria:", "Severe malaria");
    heading_is("A.1 Spare parts", "Spare parts");
    heading_is("2026 budget", "budget");
    heading_is("Introduction", NULL);
    heading_is("1 Introduction", NULL);
    heading_is("4711", NULL);
    heading_is("a", NULL);
    heading_is("This heading goes on for so long that it is a whole sentence of its own, really",
               NULL);
    asks("Severe malaria", "en", 0, "What is Severe malaria?");
    asks("Severe malaria", "", 1, "What does Clinic Manual say about Severe malaria?");
    asks("Doses for children", "en", 0, "What does Clinic Manual say about Doses for children?");
    asks("Scope", "en", 0, "What does Clinic Manual say about Scope?");
    asks("How to read it", "en", 0, "How to read it?");
    asks("Do you mend things?", "en", 1, "Do you mend things?");
    asks("Entkalken", "de", 0, "Entkalken");
    str name = eval_document_name(STR("Clinic Manual: Fourth Edition"), STR("/x/c.pdf"), a);
    assert_true(str_eq(name, STR("Clinic Manual")));
    name = eval_document_name((str){0}, STR("/x/clinic-manual.v2.pdf"), a);
    assert_true(str_eq(name, STR("clinic-manual.v2")));
}

static void test_under_heading(void **state) {
    (void)state;
    index_chunk c = {.heading = STR("Manual > 4 Doses > Notes"),
                     .text = STR("Water\nIt is boiled. Wells are dry.")};
    assert_true(str_eq(eval_last_heading(c.heading), STR("Notes")));
    assert_true(str_eq(eval_last_heading(STR("Notes")), STR("Notes")));
    assert_true(eval_under_heading(&c, STR("notes")));
    assert_true(eval_under_heading(&c, STR("Doses")));
    assert_true(eval_under_heading(&c, STR("Water")));
    assert_false(eval_under_heading(&c, STR("Dose")));
    assert_false(eval_under_heading(&c, STR("Wells")));
    assert_false(eval_under_heading(&c, STR("the")));
}

static void defines(const char *sentence, const char *want_question, const char *want_term) {
    str question = {0}, term = {0};
    bool is = eval_definition(str_of(sentence), a, &question, &term);
    if (is != (want_question != NULL)) fail_msg("\"%s\" is%s one", sentence, is ? "" : " not");
    if (!is) return;
    if (!str_eq(question, str_of(want_question)) || !str_eq(term, str_of(want_term)))
        fail_msg("\"%s\" gives \"" STR_FMT "\", \"" STR_FMT "\"", sentence, STR_ARG(question),
                 STR_ARG(term));
}

static void test_definitions(void **state) {
    (void)state;
    defines("Croup is a barking cough with noisy breathing in.", "What is Croup?", "Croup");
    defines("The light curtain is the guard in front of the platen.", "What is the light curtain?",
            "light curtain");
    defines("A deliberate false claim is a breach of the contract.",
            "What is a deliberate false claim?", "deliberate false claim");
    defines("Subsistence means meals and small costs of a day.", "What does Subsistence mean?",
            "Subsistence");
    defines("ORS stands for oral rehydration solution, of course.", "What does ORS stand for?",
            "ORS");
    defines("This is a sentence that points at something else.", NULL, NULL);
    defines("It means that nobody may go into the room again.", NULL, NULL);
    defines("What follows is a list of all the tools we have.", NULL, NULL);
    defines("When the lamp is red, it is a sign of some fault.", NULL, NULL);
    defines("The major problem is the difficulty of sealing it.", NULL, NULL);
    defines("The cycle is the process of heating and cooling.", NULL, NULL);
    defines("Since the war is a time of its own in the books.", NULL, NULL);
    defines("The graph isomorphism problem is the question of sameness.",
            "What is the graph isomorphism problem?", "graph isomorphism problem");
    defines("Croup is a cough.", NULL, NULL);
    assert_true(
        eval_defines(STR("The light curtain, which guards it, is red."), STR("light curtain")));
    assert_true(eval_defines(STR("Croup is when a child coughs."), STR("croup")));
    assert_false(eval_defines(STR("Croup flourished."), STR("croup")));
    assert_false(eval_defines(STR("In spring croup is rare."), STR("croup")));
    assert_false(eval_defines(STR("Croup"), STR("croup")));
    defines("Croup | is a barking cough with noisy breathing.", NULL, NULL);
    defines("Croup is a barking cough with noisy breathing in", NULL, NULL);
    defines("The nurse on duty gives the first dose of artesunate.", NULL, NULL);
}

/* A library of three documents, two of which have the same section and say the same sentence. */
static void fill(index_library *l) {
    static const struct {
        const char *path, *title, *heading, *text;
    } docs[] = {{"/s/pump.md", "Pump guide", "Pump guide > Winter storage",
                 "Fill the tank with brine.\nBrine is a strong solution of salt in water."},
                {"/s/pump-2.md", "Pump guide again", "Pump guide again > Winter storage",
                 "Drain it first.\nBrine is a strong solution of salt in water."},
                {"/s/bees.md", "Bee keeping", "Bee keeping > Spring inspection",
                 "Look at the brood.\nPropolis is a resin that bees collect from buds."},
                {"/s/hens.md", "Hen house", "Hen house > Night latch",
                 "The latch falls at dusk.\nGrit is a feed of small stones for hens."}};
    for (size_t i = 0; i < 4; i++) {
        str s = str_of(docs[i].text);
        line_box line = {0, (uint32_t)s.n, 1, {0, 0, 0, 0}, 0};
        index_chunk_in chunk = {s, str_of(docs[i].heading), 1, 1, 20, 0, &line, 1};
        index_page page = {.number = 1, .fate = STR("text")};
        index_document_in d = {.path = str_of(docs[i].path),
                               .hash = {(uint8_t)(i + 1)},
                               .title = str_of(docs[i].title),
                               .type = STR("markdown"),
                               .language = STR("en"),
                               .pages = &page,
                               .page_count = 1,
                               .chunks = &chunk,
                               .chunk_count = 1};
        index_outcome outcome;
        int64_t id;
        if (!index_add(l, &d, &outcome, &id, &err)) fail_msg("%s", err.text);
    }
}

static void test_self(void **state) {
    (void)state;
    char path[64];
    index_library *l;
    index_model model = {.name = STR("none"), .width = 8};
    eval_test t = {.a = a}, again = {.a = a}, other = {.a = a};
    eval_made made;
    snprintf(path, sizeof path, "/tmp/carrel-eval-%ld.db", (long)getpid());
    assert_true(index_open(path, INDEX_CREATE, &l, &err));
    assert_true(index_set_model(l, &model, &err));
    assert_false(eval_make_test(l, 1, 100, &t, &made, &err)); /* empty */
    assert_int_equal(err.code, ERROR_INPUT);
    fill(l);
    if (!eval_make_test(l, 1, 100, &t, &made, &err)) fail_msg("%s", err.text);
    size_t answerable = 0, brine = 0;
    for (size_t i = 0; i < t.count; i++) {
        const eval_item *item = &t.items[i];
        answerable += item->kind == EVAL_ANSWERABLE;
        if (str_eq(item->question, STR("What is Brine?"))) brine++;
        if (item->kind == EVAL_ANSWERABLE) continue;
        /* What both documents have must be taken from both. */
        bool shared = str_eq(item->question, STR("What is Brine?")) ||
                      str_find(item->question, STR("Winter"), 0) != SIZE_MAX;
        assert_int_equal(item->without_count, shared ? 2 : 1);
    }
    assert_int_equal(made.documents, 4);
    assert_int_equal(made.definitions, 3); /* brine is asked for once */
    assert_true(answerable == made.headings + made.definitions && answerable >= 6);
    assert_int_equal(made.unanswerable, answerable);
    assert_int_equal(brine, 2);
    text first = {0}, second = {0}, third = {0};
    assert_true(eval_make_test(l, 1, 100, &again, &made, &err));
    assert_true(eval_make_test(l, 2, 100, &other, &made, &err));
    eval_put_test(&first, &t);
    eval_put_test(&second, &again);
    eval_put_test(&third, &other);
    assert_string_equal(first.p, second.p);
    assert_string_not_equal(first.p, third.p);
    again.count = 0;
    assert_true(eval_make_test(l, 1, 5, &again, &made, &err));
    assert_int_equal(again.count, 5);
    /* Afterwards the library is searched whole. */
    index_hit *hits;
    size_t count;
    assert_true(index_search_words(l, STR("brine"), 10, a, &hits, &count, &err));
    assert_int_equal(count, 2);
    index_close(l);
    for (size_t i = 0; i < 3; i++) {
        static const char *const ends[] = {"", "-wal", "-shm"};
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
    text_free(&first), text_free(&second), text_free(&third);
    eval_test_free(&t), eval_test_free(&again), eval_test_free(&other);
}

/* ---- the report --------------------------------------------------------------------------- */

static void test_escaping(void **state) {
    (void)state;
    text t = {0};
    eval_put_escaped(&t, STR("<script>\"a\" & 'b'\n\x1b[0m\xE2\x80\xAE\xff</script>"));
    assert_string_equal(t.p, "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;  [0m\xEF\xBF\xBD"
                             "&lt;/script&gt;");
    text_free(&t);
}

/* Whatever a document or a question says, no tag of it is one of the page. */
static void test_page(void **state) {
    (void)state;
    static const char evil[] = "<img src=x onerror=alert(1)>\"'&</style><script>alert(2)</script>";
    uint32_t pages[] = {1};
    str answers[] = {str_of(evil)}, without[] = {str_of(evil)};
    eval_item item = {.id = str_of(evil),
                      .question = str_of(evil),
                      .kind = EVAL_ANSWERABLE,
                      .document = str_of(evil),
                      .pages = pages,
                      .page_count = 1,
                      .answers = answers,
                      .answer_count = 1,
                      .heading = str_of(evil),
                      .without = without,
                      .without_count = 1};
    eval_result r[2];
    for (size_t i = 0; i < 2; i++) {
        r[i] = (eval_result){.confidence = i ? 0.1 : 0.8, .ranked = true, .rank = 1, .read = true};
        r[i].shown_count = 3;
        for (size_t k = 0; k < 3; k++)
            r[i].shown[k] = (eval_shown){
                STR("<b>bold</b> <i>words</i>"), str_of(evil), str_of(evil), str_of(evil), 2, 3, 7};
        eval_judge(&item, 0.3, &r[i]);
    }
    eval_figures f;
    eval_made made = {0};
    eval_measure(r, 2, 0.3, &f);
    for (int self = 0; self < 2; self++) {
        eval_about about = {.library = str_of(evil),
                            .file = self ? NULL : evil,
                            .made = self ? &made : NULL,
                            .documents = 1};
        text page = {0};
        eval_put_page(&page, &about, &f, r, 2);
        str s = text_str(&page);
        static const char *const never[] = {
            "<img",  "<script", "<b>bold", "<i>",   "url(", "@import",
            "http:", "https:",  ">nan",    "\"nan", "-nan"};
        for (size_t i = 0; i < sizeof never / sizeof *never; i++)
            if (str_find(s, str_of(never[i]), 0) != SIZE_MAX) fail_msg("\"%s\" is in it", never[i]);
        assert_true(str_find(s, STR("&lt;img src=x onerror=alert(1)&gt;"), 0) != SIZE_MAX);
        assert_true(str_find(s, STR("&lt;b&gt;<mark>bold</mark>&lt;/b&gt;"), 0) != SIZE_MAX);
        assert_true(str_find(s, STR("</style>"), 0) == str_find(s, STR("</style>\n</head>"), 0));
        assert_true(str_find(s, STR("Misses: 2 of 2"), 0) != SIZE_MAX);
        assert_true((str_find(s, STR("easier than"), 0) != SIZE_MAX) == (self == 1));
        text_free(&page);
    }
    eval_figures_free(&f);
}

int main(void) {
#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_ARENA(test_lines),    WITH_ARENA(test_bad_lines),     WITH_ARENA(test_round),
        WITH_ARENA(test_spread),   WITH_ARENA(test_holds),         WITH_ARENA(test_verdicts),
        WITH_ARENA(test_figures),  WITH_ARENA(test_no_figures),    WITH_ARENA(test_wilson),
        WITH_ARENA(test_headings), WITH_ARENA(test_under_heading), WITH_ARENA(test_definitions),
        WITH_ARENA(test_self),     WITH_ARENA(test_escaping),      WITH_ARENA(test_page)};
    return cmocka_run_group_tests_name("cli_eval", tests, NULL, NULL);
}
