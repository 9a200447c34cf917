/* The command line: options, operands, numbers, nearest names. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli.h"

static const cli_option own[] = {
    {.name = "limit", .letter = 'n', .kind = CLI_COUNT, .value = "N", .low = 1, .high = 100},
    {.name = "ranking", .kind = CLI_CHOICE, .value = "HOW", .choices = "fused|words|vectors"},
    {.name = "threshold", .kind = CLI_REAL, .value = "X", .low = 0, .high = 1},
    {.name = "strict", .kind = CLI_FLAG},
    {.name = "without", .kind = CLI_LIST, .value = "WHAT"},
};
enum { LIMIT = CLI_GLOBALS, RANKING, THRESHOLD, STRICT, WITHOUT };

static const cli_command command = {
    .name = "find", .operands = "", .options = own, .option_count = 5};

/* Splits a line at spaces and parses it; "_" stands for an empty argument. */
static bool parse(char *line, cli_args *args, error *err) {
    static char *argv[32];
    int count = 0, used;
    for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
        argv[count++] = strcmp(word, "_") == 0 ? "" : word;
    *args = (cli_args){.command = &command};
    *err = (error){0};
    return cli_parse(count, argv, args, &used, err);
}

static void refused(const char *text_, const char *part) {
    char line[256];
    cli_args args;
    error err;
    snprintf(line, sizeof line, "%s", text_);
    assert_false(parse(line, &args, &err));
    assert_int_equal(err.code, ERROR_USAGE);
    if (!strstr(err.text, part))
        fail_msg("\"%s\" gives \"%s\" without \"%s\"", text_, err.text, part);
}

static void test_mixed(void **state) {
    (void)state;
    cli_args args;
    error err;
    char line[] = "one --limit 7 two --json -l file.db --ranking=words three --threshold 0.5";
    assert_true(parse(line, &args, &err));
    assert_int_equal(args.operand_count, 3);
    assert_string_equal(args.operands[0], "one");
    assert_string_equal(args.operands[1], "two");
    assert_string_equal(args.operands[2], "three");
    assert_true(args.v[LIMIT].number == 7);
    assert_true(args.v[RANKING].number == 1);
    assert_true(args.v[THRESHOLD].number == 0.5);
    assert_true(args.v[CLI_JSON].given);
    assert_false(args.v[STRICT].given);
    assert_string_equal(args.v[CLI_LIBRARY].text, "file.db");
}

static void test_list(void **state) {
    (void)state;
    cli_args args;
    error err;
    char line[] = "--without a one --without=b --without !c";
    assert_true(parse(line, &args, &err));
    assert_true(args.v[WITHOUT].given);
    assert_int_equal(args.list_count, 3);
    assert_string_equal(args.list[0], "a");
    assert_string_equal(args.list[1], "b");
    assert_string_equal(args.list[2], "!c");
    static char word[] = "--without=x";
    char *many[CLI_LIST_MAX + 1];
    int used;
    for (size_t i = 0; i < CLI_LIST_MAX + 1; i++) many[i] = word;
    args = (cli_args){.command = &command};
    assert_true(cli_parse(CLI_LIST_MAX, many, &args, &used, &err));
    args = (cli_args){.command = &command};
    assert_false(cli_parse(CLI_LIST_MAX + 1, many, &args, &used, &err));
    assert_int_equal(err.code, ERROR_USAGE);
}

static void test_short_and_end(void **state) {
    (void)state;
    cli_args args;
    error err;
    char line[] = "-n7 - -- --limit -x";
    assert_true(parse(line, &args, &err));
    assert_true(args.v[LIMIT].number == 7);
    assert_int_equal(args.operand_count, 3);
    assert_string_equal(args.operands[0], "-");
    assert_string_equal(args.operands[1], "--limit");
    assert_string_equal(args.operands[2], "-x");
    char nothing[] = " ";
    assert_true(parse(nothing, &args, &err));
    assert_int_equal(args.operand_count, 0);
}

static void test_refused(void **state) {
    (void)state;
    refused("--limt 3", "did you mean --limit");
    refused("--rankign words", "did you mean --ranking");
    refused("--zebra", "there is no option --zebra");
    refused("-q", "there is no option -q");
    refused("--limit", "needs a value");
    refused("--limit 0", "from 1 to 100");
    refused("--limit 101", "from 1 to 100");
    refused("--limit 2.5", "whole number");
    refused("--limit seven", "whole number");
    refused("--limit 7x", "whole number");
    refused("--limit nan", "whole number");
    refused("--limit _", "whole number");
    refused("--limit 99999999999999999999999999", "from 1 to 100");
    refused("--threshold inf", "from 0 to 1");
    refused("--threshold -0.1", "from 0 to 1");
    refused("--ranking word", "fused|words|vectors");
    refused("--ranking _", "fused|words|vectors");
    refused("--ranking fused|words", "fused|words|vectors");
    refused("--json=yes", "takes no value");
    refused("--library _", "needs a value");
    refused("--=x", "there is no option");
    refused("-hx", "stand alone");
}

static void test_globals_first(void **state) {
    (void)state;
    char *argv[] = {"--json", "--library", "a", "ask", "--limit"};
    cli_args args = {0};
    error err = {0};
    int used;
    assert_true(cli_parse(5, argv, &args, &used, &err));
    assert_int_equal(used, 3);
    assert_true(args.v[CLI_JSON].given);
    char *wrong[] = {"--limit", "3"};
    assert_false(cli_parse(2, wrong, &args, &used, &err));
}

static void test_distance(void **state) {
    (void)state;
    assert_int_equal(cli_edit_distance(STR(""), STR("")), 0);
    assert_int_equal(cli_edit_distance(STR("abc"), STR("")), 3);
    assert_int_equal(cli_edit_distance(STR(""), STR("abc")), 3);
    assert_int_equal(cli_edit_distance(STR("serach"), STR("search")), 1);
    assert_int_equal(cli_edit_distance(STR("kitten"), STR("sitting")), 3);
    char longer[200];
    memset(longer, 'a', sizeof longer);
    assert_true(cli_edit_distance((str){longer, sizeof longer}, STR("a")) == SIZE_MAX);
}

static void test_nearest(void **state) {
    (void)state;
    static const char *const names[] = {"add", "ask", "search", "status", "rm"};
    assert_string_equal(cli_nearest("serach", names, 5), "search");
    assert_string_equal(cli_nearest("aks", names, 5), "ask");
    assert_string_equal(cli_nearest("stat", names, 5), "status");
    assert_null(cli_nearest("frobnicate", names, 5));
    assert_null(cli_nearest("", names, 5));
    assert_null(cli_nearest("zz", names, 5));
}

static void test_tables(void **state) {
    (void)state;
    /* What help prints and the parser fills must fit. */
    for (size_t i = 0; i < cli_command_count; i++) {
        const cli_command *c = cli_commands[i];
        assert_true(c->option_count <= CLI_OPTIONS_MAX);
        assert_non_null(c->run);
        assert_non_null(c->summary);
        assert_non_null(strstr(c->example, "carrel"));
        assert_true(c->least == 0 || c->missing != NULL);
        for (size_t k = 0; k < c->option_count; k++) {
            assert_true((c->options[k].kind == CLI_FLAG) == (c->options[k].value == NULL));
            assert_true((c->options[k].kind == CLI_CHOICE) == (c->options[k].choices != NULL));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),          cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_short_and_end), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_globals_first), cmocka_unit_test(test_distance),
        cmocka_unit_test(test_nearest),       cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
