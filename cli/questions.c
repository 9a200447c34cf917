/* Questions: what `search` and `ask` have in common.
 *
 * A question comes from the operands or, thousands in one process, from the lines of a file or of
 * stdin; then every line that is not blank gives exactly one JSON object on one line, in order,
 * also where it failed, so that a script can lay the two side by side.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

/* Kept of a line: a question, the spaces around it, and enough to see that it is too long. What
 * has no line ends at all (a device, an image) must not fill the memory. */
#define LINE_KEPT_BYTES (8 * CLI_QUESTION_MAX_BYTES)

static void put_valid(text *out, str s) {
    size_t used;
    for (size_t at = 0; at < s.n; at += used)
        text_put_codepoint(out, utf8_next(s.p + at, s.n - at, &used));
}

static bool check_length(str question, error *err) {
    if (question.n > CLI_QUESTION_MAX_BYTES)
        return error_set(err, ERROR_LIMIT,
                         "the question is longer than %u bytes; ask it in fewer "
                         "words",
                         CLI_QUESTION_MAX_BYTES);
    return true;
}

bool cli_question(const cli_args *args, text *out, error *err) {
    for (size_t i = 0; i < args->operand_count; i++) {
        if (i) text_put_char(out, ' ');
        put_valid(out, str_of(args->operands[i]));
    }
    str trimmed = str_trim(text_str(out));
    if (trimmed.n == 0) return error_set(err, ERROR_USAGE, "the question is empty");
    return check_length(trimmed, err);
}

static void print_failure(str question, const error *err) {
    json_t *o = json_object();
    str shown = question.n > CLI_QUESTION_MAX_BYTES
                    ? str_cut(question, 0, utf8_floor(question, CLI_QUESTION_MAX_BYTES))
                    : question;
    cli_json_set(o, "question", cli_json_str(shown));
    cli_json_set(o, "error", cli_json_str(str_of(err->text)));
    cli_json_set(o, "code", json_integer(err->code));
    cli_json_print(o, true);
}

static error_code answer_line(str line, cli_answer_fn *answer, void *context) {
    error err = {0};
    json_t *o = NULL;
    text question = {0};
    arena *a = arena_new();
    put_valid(&question, line);
    bool ok = check_length(text_str(&question), &err) &&
              answer(context, text_str(&question), a, &o, &err);
    if (ok)
        cli_json_print(o, true);
    else
        print_failure(text_str(&question), &err);
    /* Whoever reads the answers one by one waits for this one. */
    cli_flush();
    arena_free(a);
    text_free(&question);
    return ok ? ERROR_NONE : err.code;
}

/* The next line without its end. False at the end of the input, on an error of f, and on Ctrl-C. */
static bool read_line(FILE *f, text *line) {
    int c = 0;
    text_clear(line);
    while (!cli_stopped() && (c = getc_unlocked(f)) != EOF && c != '\n')
        if (line->n < LINE_KEPT_BYTES) text_put_char(line, (char)c);
    return !cli_stopped() && !ferror(f) && (c == '\n' || line->n > 0);
}

error_code cli_questions(const char *file, cli_answer_fn *answer, void *context) {
    error err = {0};
    error_code code = ERROR_NONE;
    text line = {0};
    bool in = strcmp(file, "-") == 0;
    FILE *f = in ? stdin : fopen(file, "re");
    if (!f) {
        error_set(&err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO,
                  "the questions in %s cannot be read: %s", file, strerror(errno));
        return cli_fail(&err);
    }
    errno = 0;
    bool first = true;
    while (!cli_output_broken() && read_line(f, &line)) {
        str question = str_trim(text_str(&line));
        if (first && str_starts(question, STR("\xEF\xBB\xBF")))
            question = str_trim(str_cut(question, 3, question.n));
        first = false;
        if (question.n) {
            error_code one = answer_line(question, answer, context);
            code = one != ERROR_NONE ? one : code;
        }
        errno = 0;
    }
    if (cli_stopped()) {
        code = ERROR_CANCELLED;
    } else if (ferror(f)) {
        error_set(&err, ERROR_IO, "the questions in %s cannot be read: %s",
                  in ? "the standard input" : file, strerror(errno));
        code = cli_fail(&err);
    }
    text_free(&line);
    if (!in) fclose(f);
    return code;
}
