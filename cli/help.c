/* `carrel help`, `carrel help COMMAND`, `carrel COMMAND --help`, `carrel help exit-codes`.
 *
 * All of it is printed from the tables that the parser uses. Help goes to stdout: it was asked for.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

/* Where the explanation of an option or command starts. */
#define HELP_COLUMN 28

static void put_row(text *out, const char *left, const char *help) {
    size_t n = strlen(left);
    text_printf(out, "  %s", left);
    if (n + 4 > HELP_COLUMN) {
        text_put_char(out, '\n');
        n = 0;
        text_printf(out, "%*s", HELP_COLUMN, "");
    } else {
        text_printf(out, "%*s", (int)(HELP_COLUMN - n - 2), "");
    }
    text_printf(out, "%s\n", help);
}

static void put_option(text *out, const cli_option *o) {
    char left[64], letter[8] = "";
    if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->value ? " " : "",
             o->value ? o->value : "");
    put_row(out, left, o->help);
}

static void put_title(text *out, const char *title) {
    const cli_terminal *t = cli_stdout();
    text_printf(out, "\n%s%s%s\n", t->bold, title, t->reset);
}

void cli_help_overview(void) {
    text out = {0};
    const cli_terminal *t = cli_stdout();
    text_printf(&out, "%scarrel%s answers questions from your documents, on this machine alone.\n",
                t->bold, t->reset);
    put_title(&out, "Commands");
    for (size_t i = 0; i < cli_command_count; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", cli_commands[i]->name, cli_commands[i]->operands);
        put_row(&out, left, cli_commands[i]->summary);
    }
    put_title(&out, "Options of every command");
    for (size_t i = 0; i < CLI_GLOBALS; i++) put_option(&out, &cli_global_options[i]);
    put_title(&out, "Example");
    text_put(&out, STR("  carrel add manuals/\n"
                       "  carrel ask \"Who has the key to the generator?\"\n\n"
                       "`carrel help COMMAND` tells more; `carrel help exit-codes` lists what the "
                       "program returns.\n"));
    cli_put(text_str(&out));
    text_free(&out);
}

void cli_help_command(const cli_command *c) {
    text out = {0};
    const cli_terminal *t = cli_stdout();
    text_printf(&out, "%scarrel %s%s [OPTIONS]%s%s\n\n%s\n", t->bold, c->name, t->reset,
                *c->operands ? " " : "", c->operands, c->details);
    put_title(&out, "Options");
    for (size_t i = 0; i < c->option_count; i++) put_option(&out, &c->options[i]);
    for (size_t i = 0; i < CLI_GLOBALS; i++) put_option(&out, &cli_global_options[i]);
    put_title(&out, "Example");
    text_printf(&out, "%s\n", c->example);
    cli_put(text_str(&out));
    text_free(&out);
}

void cli_help_exit_codes(void) {
    cli_put(
        STR("Exit codes of carrel\n\n"
            "  0  done; also when `ask` answers \"Not in these documents\"\n"
            "     (--json has \"refused\": true) and when `search` finds nothing\n"
            "  1  a mistake of the program: please report it\n"
            "  2  the command line\n"
            "  3  a document, question or file that cannot be what it should be;\n"
            "     `add`, `sync`: at least one document failed, or there was nothing to add\n"
            "  4  a file, document or library that is not there; `sync`: a folder that is\n"
            "     missing or suddenly holds no document, of which nothing was removed\n"
            "  5  the disk, a pipe, permissions\n"
            "  6  too big, too deep, too slow, or not enough memory\n"
            "  7  a model that cannot be used, or is not the one that the library was made with\n"
            "  8  the library: corrupt, from a newer version, locked, disk full\n"
            "  9  stopped by Ctrl-C or SIGTERM; what was committed stays (`watch` ends so with 0)\n"
            " 10  a document that asks for a password, or for another one (--password)\n"));
}
