/* The program `carrel`: chooses the command, and nothing else.
 *
 * Before any argument is looked at, descriptors that came along are closed, writing into a closed
 * pipe is made an error instead of an end, and the network is locked out.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static const cli_command command_version = {
    .name = "version",
    .operands = "",
    .summary = "print the version",
    .details = "Prints the version of the program.",
    .example = "  carrel version",
    .run = run_version,
};

const cli_command *const cli_commands[] = {
    &cli_command_add, &cli_command_ask, &cli_command_search, &cli_command_ls, &cli_command_rm,
    &cli_command_status, &cli_command_model, &command_help, &command_version};
const size_t cli_command_count = sizeof cli_commands / sizeof *cli_commands;

static const cli_command *find_command(const char *name, error *err)
{
    const char *names[sizeof cli_commands / sizeof *cli_commands];
    for (size_t i = 0; i < cli_command_count; i++) {
        names[i] = cli_commands[i]->name;
        if (strcmp(names[i], name) == 0)
            return cli_commands[i];
    }
    const char *near = cli_nearest(name, names, cli_command_count);
    if (near)
        error_set(err, ERROR_USAGE, "there is no command \"%s\"; did you mean `carrel %s`?", name,
                  near);
    else
        error_set(err, ERROR_USAGE, "there is no command \"%s\"; `carrel help` lists those there "
                  "are", name);
    return NULL;
}

static error_code run_help(const cli_args *args)
{
    error err;
    if (args->operand_count == 0) {
        cli_help_overview();
        return ERROR_NONE;
    }
    if (strcmp(args->operands[0], "exit-codes") == 0) {
        cli_help_exit_codes();
        return ERROR_NONE;
    }
    const cli_command *c = find_command(args->operands[0], &err);
    if (!c)
        return cli_fail(&err);
    cli_help_command(c);
    return ERROR_NONE;
}

static error_code run_version(const cli_args *args)
{
    if (args->v[CLI_JSON].given)
        cli_json_print(json_pack("{s:s}", "version", CLI_VERSION), false);
    else
        cli_put(STR("carrel " CLI_VERSION "\n"));
    return ERROR_NONE;
}

static error_code dispatch(int argc, char **argv)
{
    error err = {0};
    cli_args args = {0};
    int used;
    if (argc > 1 && strcmp(argv[1], "--version") == 0)
        return run_version(&args);
    if (!cli_parse(argc - 1, argv + 1, &args, &used, &err))
        return cli_fail(&err);
    int rest = 1 + used;
    if (rest >= argc) {
        cli_help_overview();
        return args.v[CLI_HELP].given ? ERROR_NONE : ERROR_USAGE;
    }
    args.command = find_command(argv[rest], &err);
    if (!args.command || !cli_parse(argc - rest - 1, argv + rest + 1, &args, &used, &err))
        return cli_fail(&err);
    if (args.v[CLI_HELP].given) {
        cli_help_command(args.command);
        return ERROR_NONE;
    }
    if (args.operand_count < args.command->least)
        error_set(&err, ERROR_USAGE, "%s (`carrel help %s`)", args.command->missing,
                  args.command->name);
    else if (args.operand_count > args.command->most)
        error_set(&err, ERROR_USAGE, "`carrel %s` does not know what to do with \"%s\"",
                  args.command->name, args.operands[args.command->most]);
    else
        return args.command->run(&args);
    return cli_fail(&err);
}

/* A library must not be opened in the place of a standard stream that the caller closed. */
static void fill_standard_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    error err = {0};
    fill_standard_streams();
    close_range(STDERR_FILENO + 1, ~0u, 0);
    signal(SIGPIPE, SIG_IGN);
    if (!cli_lock_network(&err))
        return cli_fail(&err);
    return (int)cli_finish(dispatch(argc, argv));
}
