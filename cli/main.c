/* The program `carrel`: chooses the command, and nothing else.
 *
 * Before any argument is looked at, descriptors that came along are closed, writing into a closed
 * pipe is made an error instead of an end, a file that is cut short gets a sentence, and the network is locked out; and before a command
 * runs, unless it is the one that needs a parser, starting programs is too.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static error_code dispatch(int argc, char **argv) {
    error err = {0};
    cli_args args = {0};
    int used;
    if (argc > 1 && strcmp(argv[1], "--version") == 0) return cli_command_version.run(&args);
    if (!cli_parse(argc - 1, argv + 1, &args, &used, &err)) return cli_fail(&err);
    int rest = 1 + used;
    if (rest >= argc) {
        cli_help_overview();
        return args.v[CLI_HELP].given ? ERROR_NONE : ERROR_USAGE;
    }
    args.command = cli_find_command(argv[rest], &err);
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
    else if (args.command->starts_programs || cli_lock_exec(&err))
        return args.command->run(&args);
    return cli_fail(&err);
}

/* A library must not be opened in the place of a standard stream that the caller closed. */
static void fill_standard_streams(void) {
    int fd;
    do fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) close(fd);
}

/* Models and libraries are read where they lie in memory. A file that another program cuts short
 * meanwhile, or a disk that fails under it, ends the reading here; nothing can be saved. */
static void on_lost_file(int number) {
    static const char told[] =
        "carrel: a model or a library was cut short by another program, or its disk failed, while "
        "it was read; run the command again when the file is whole\n";
    (void)number;
    ssize_t n = write(STDERR_FILENO, told, sizeof told - 1);
    _exit(n < 0 ? ERROR_INTERNAL : ERROR_IO);
}

int main(int argc, char **argv) {
    error err = {0};
    fill_standard_streams();
    close_range(STDERR_FILENO + 1, ~0u, 0);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGBUS, on_lost_file);
    if (!cli_lock_network(&err)) return cli_fail(&err);
    return (int)cli_finish(dispatch(argc, argv));
}
