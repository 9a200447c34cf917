/* Options and operands of a command line.
 *
 * Own parser instead of getopt_long: a mistyped option shall be answered with the nearest name and
 * the command's help, numbers shall be checked against their bounds in one place, and options may
 * stand behind operands whatever POSIXLY_CORRECT says. Each option is a row in a table that help
 * prints from, so the two cannot disagree. Abbreviations are not taken: a script that uses one
 * would break when an option is added.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* Names are short; what is longer than this is no typing mistake of one. */
#define NAME_MAX_BYTES 32

const cli_option cli_global_options[CLI_GLOBALS] = {
    [CLI_LIBRARY] = {.name = "library",
                     .letter = 'l',
                     .kind = CLI_TEXT,
                     .value = "FILE",
                     .help = "the library to use (default: ~/.local/share/carrel/library.db)"},
    [CLI_JSON] = {.name = "json", .kind = CLI_FLAG, .help = "print JSON"},
    [CLI_HELP] = {.name = "help", .letter = 'h', .kind = CLI_FLAG, .help = "print this help"},
};

size_t cli_edit_distance(str a, str b) {
    size_t rows[3][NAME_MAX_BYTES + 1];
    if (a.n > NAME_MAX_BYTES || b.n > NAME_MAX_BYTES) return SIZE_MAX;
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b.n; j++) last[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t best = last[j - 1] + (a.p[i - 1] != b.p[j - 1]);
            if (last[j] + 1 < best) best = last[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        size_t *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[b.n];
}

const char *cli_nearest(const char *typed, const char *const *names, size_t count) {
    str t = str_of(typed);
    const char *best = NULL;
    /* A third of the letters may be wrong, and one in any case: more would be guessing. */
    size_t limit = t.n / 3 > 1 ? t.n / 3 : 1;
    size_t best_distance = limit + 1;
    for (size_t i = 0; i < count; i++) {
        size_t d = cli_edit_distance(t, str_of(names[i]));
        if (d < best_distance) {
            best_distance = d;
            best = names[i];
        }
    }
    if (best) return best;
    for (size_t i = 0; i < count && t.n >= 2; i++)
        if (str_starts(str_of(names[i]), t)) return names[i];
    return NULL;
}

static size_t option_total(const cli_command *c) {
    return CLI_GLOBALS + (c ? c->option_count : 0);
}

static const cli_option *option_at(const cli_command *c, size_t i) {
    return i < CLI_GLOBALS ? &cli_global_options[i] : &c->options[i - CLI_GLOBALS];
}

static bool unknown_option(const cli_command *c, str name, error *err) {
    const char *names[CLI_GLOBALS + CLI_OPTIONS_MAX];
    char typed[NAME_MAX_BYTES + 1];
    const char *near = NULL;
    for (size_t i = 0; i < option_total(c); i++) names[i] = option_at(c, i)->name;
    if (name.n <= NAME_MAX_BYTES && name.n > 0) {
        memcpy(typed, name.p, name.n);
        typed[name.n] = 0;
        near = cli_nearest(typed, names, option_total(c));
    }
    const char *with = c ? c->name : "";
    const char *gap = c ? " " : "";
    if (near)
        return error_set(err, ERROR_USAGE,
                         "there is no option --" STR_FMT
                         "; did you mean --%s? (`carrel %s%s--help` lists them)",
                         STR_ARG(name), near, with, gap);
    return error_set(err, ERROR_USAGE,
                     "there is no option --" STR_FMT "; `carrel %s%s--help` lists those there are",
                     STR_ARG(name), with, gap);
}

static bool parse_choice(const cli_option *o, const char *value, cli_value *v, error *err) {
    str all = str_of(o->choices), wanted = str_of(value);
    size_t place = 0;
    for (size_t at = 0; at <= all.n; place++) {
        size_t bar = str_find(all, STR("|"), at);
        str one = str_cut(all, at, bar == SIZE_MAX ? all.n : bar);
        if (str_eq(one, wanted)) {
            v->number = (double)place;
            return true;
        }
        if (bar == SIZE_MAX) break;
        at = bar + 1;
    }
    return error_set(err, ERROR_USAGE, "--%s is one of %s, not \"%s\"", o->name, o->choices, value);
}

static bool parse_number(const cli_option *o, const char *value, cli_value *v, error *err) {
    char *end;
    errno = 0;
    double number = strtod(value, &end);
    bool whole = o->kind == CLI_COUNT;
    if (end == value || *end || errno || !isfinite(number) || number < o->low || number > o->high ||
        (whole && number != floor(number)))
        return error_set(err, ERROR_USAGE, "--%s is a %snumber from %.16g to %.16g, not \"%s\"",
                         o->name, whole ? "whole " : "", o->low, o->high, value);
    v->number = number;
    return true;
}

static bool set_value(cli_args *args, const cli_option *o, const char *value, cli_value *v,
                      error *err) {
    v->given = true;
    v->text = value;
    switch (o->kind) {
    case CLI_FLAG:
        return true;
    case CLI_LIST:
        if (args->list_count == CLI_LIST_MAX)
            return error_set(err, ERROR_USAGE, "--%s can be given %d times", o->name, CLI_LIST_MAX);
        args->list[args->list_count++] = value;
        return true;
    case CLI_TEXT:
        if (!*value)
            return error_set(err, ERROR_USAGE, "--%s needs a value: --%s %s", o->name, o->name,
                             o->value);
        return true;
    case CLI_CHOICE:
        return parse_choice(o, value, v, err);
    default:
        return parse_number(o, value, v, err);
    }
}

/* One argument that starts with a dash. `next` is the argument behind it, or NULL; *took says
 * whether that was used as the value. */
static bool parse_option(const char *arg, const char *next, cli_args *args, bool *took,
                         error *err) {
    const cli_command *c = args->command;
    bool longer = arg[1] == '-';
    str body = str_of(arg + (longer ? 2 : 1));
    size_t equals = longer ? str_find(body, STR("="), 0) : SIZE_MAX;
    str name = str_cut(body, 0, equals == SIZE_MAX ? body.n : equals);
    const char *value = equals == SIZE_MAX ? NULL : arg + 2 + equals + 1;
    size_t i = 0;
    for (; i < option_total(c); i++) {
        const cli_option *o = option_at(c, i);
        if (longer ? str_eq(name, str_of(o->name)) : (o->letter && arg[1] == o->letter)) break;
    }
    *took = false;
    if (i == option_total(c)) {
        if (longer) return unknown_option(c, name, err);
        return error_set(err, ERROR_USAGE,
                         "there is no option %s; `carrel %s%s--help` lists those there are (what "
                         "starts with a dash and is no option goes behind --)",
                         arg, c ? c->name : "", c ? " " : "");
    }
    const cli_option *o = option_at(c, i);
    if (!longer && arg[2]) {
        if (o->kind == CLI_FLAG)
            return error_set(err, ERROR_USAGE,
                             "short options stand alone: write -%c apart from "
                             "\"%s\"",
                             o->letter, arg + 2);
        value = arg + 2;
    }
    if (o->kind == CLI_FLAG) {
        if (value) return error_set(err, ERROR_USAGE, "--%s takes no value", o->name);
        return set_value(args, o, "", &args->v[i], err);
    }
    if (!value) {
        if (!next)
            return error_set(err, ERROR_USAGE, "--%s needs a value: --%s %s", o->name, o->name,
                             o->value);
        value = next;
        *took = true;
    }
    return set_value(args, o, value, &args->v[i], err);
}

bool cli_parse(int count, char **argv, cli_args *args, int *used, error *err) {
    bool options = true;
    size_t kept = 0;
    *used = count;
    for (int i = 0; i < count; i++) {
        char *arg = argv[i];
        if (options && strcmp(arg, "--") == 0) {
            options = false;
            continue;
        }
        /* A lone dash is an operand: the usual name of stdin. */
        if (options && arg[0] == '-' && arg[1]) {
            bool took;
            if (!parse_option(arg, i + 1 < count ? argv[i + 1] : NULL, args, &took, err))
                return false;
            i += took;
            continue;
        }
        if (!args->command) {
            *used = i;
            return true;
        }
        argv[kept++] = arg;
    }
    args->operands = argv;
    args->operand_count = kept;
    return true;
}
