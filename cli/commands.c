/* The list of commands, and the two that need nothing: `carrel help` and `carrel version`.
 *
 * The order is that of help: what a new user needs first stands first. Apart from main.c, so that
 * tests can link everything but main.
 */
#include <string.h>

#include "cli/cli.h"

static error_code run_help(const cli_args *args);
static error_code run_version(const cli_args *args);

static const cli_command command_help = {
    .name = "help",
    .operands = "[COMMAND | exit-codes]",
    .most = 1,
    .summary = "explain a command, or the exit codes",
    .details = "Explains a command, or lists the exit codes of the program.",
    .example = "  carrel help ask",
    .run = run_help,
};

const cli_command cli_command_version = {
    .name = "version",
    .operands = "",
    .summary = "print the version",
    .details = "Prints the version of the program.",
    .example = "  carrel version",
    .run = run_version,
};

const cli_command *const cli_commands[] = {
    &cli_command_add,    &cli_command_sync, &cli_command_watch, &cli_command_ask,
    &cli_command_search, &cli_command_ls,   &cli_command_rm,    &cli_command_status,
    &cli_command_model,  &cli_command_eval, &command_help,      &cli_command_version};
const size_t cli_command_count = sizeof cli_commands / sizeof *cli_commands;

const cli_command *cli_find_command(const char *name, error *err) {
    const char *names[sizeof cli_commands / sizeof *cli_commands];
    for (size_t i = 0; i < cli_command_count; i++) {
        names[i] = cli_commands[i]->name;
        if (strcmp(names[i], name) == 0) return cli_commands[i];
    }
    const char *near = cli_nearest(name, names, cli_command_count);
    if (near)
        error_set(err, ERROR_USAGE, "there is no command \"%s\"; did you mean `carrel %s`?", name,
                  near);
    else
        error_set(err, ERROR_USAGE,
                  "there is no command \"%s\"; `carrel help` lists those there "
                  "are",
                  name);
    return NULL;
}

static error_code run_help(const cli_args *args) {
    error err;
    if (args->operand_count == 0) {
        cli_help_overview();
        return ERROR_NONE;
    }
    if (strcmp(args->operands[0], "exit-codes") == 0) {
        cli_help_exit_codes();
        return ERROR_NONE;
    }
    const cli_command *c = cli_find_command(args->operands[0], &err);
    if (!c) return cli_fail(&err);
    cli_help_command(c);
    return ERROR_NONE;
}

static error_code run_version(const cli_args *args) {
    if (args->v[CLI_JSON].given)
        cli_json_print(json_pack("{s:s}", "version", CLI_VERSION), false);
    else
        cli_put(STR("carrel " CLI_VERSION "\n"));
    return ERROR_NONE;
}
