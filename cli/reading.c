/* Reading: what `add`, `sync` and `watch` are told about how to read documents.
 *
 * A password stands on the command line only if its user wants that: every user of the machine can
 * see command lines there, and shells write them down. With `-` it is asked for without an echo, or is
 * a line of the standard input. It is held in memory as long as the command runs, and overwritten.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/folder.h"

/* As much as the parser takes (ingest/worker.h). */
#define PASSWORD_MAX_BYTES 255u
#define LOOK_MS 200 /* between two looks at Ctrl-C */
/* tesseract's names of languages are short, and nobody names more than a few. */
#define LANGUAGES_MAX_BYTES 255u

/* One line of the standard input, byte by byte: what follows it is not ours. Ctrl-C ends the waiting,
 * so that the terminal gets its echo back. */
static bool read_line(text *out, error *err) {
    char c = 0;
    while (!cli_stopped()) {
        struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
        if (poll(&p, 1, LOOK_MS) <= 0) continue;
        ssize_t n = read(STDIN_FILENO, &c, 1);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n < 0)
            return error_set(err, ERROR_IO, "the password cannot be read: %s", strerror(errno));
        if (n == 0 || c == '\n' || out->n > PASSWORD_MAX_BYTES) break;
        text_put_char(out, c);
    }
    return true;
}

static bool ask(text *out, error *err) {
    struct termios before, silent;
    bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
    if (terminal) {
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        (void)!write(STDERR_FILENO, "password: ", 10);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    bool ok = read_line(out, err);
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        (void)!write(STDERR_FILENO, "\n", 1);
    }
    if (ok && cli_stopped())
        return error_set(err, ERROR_CANCELLED, "stopped before a password was given");
    return ok;
}

static bool check_languages(str s, error *err) {
    bool ok = s.n > 0 && s.n <= LANGUAGES_MAX_BYTES;
    for (size_t i = 0; ok && i < s.n; i++) {
        char c = s.p[i];
        ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '+' || c == '-' || c == '/'; /* script/Latin */
    }
    return ok || error_set(err, ERROR_USAGE,
                           "--ocr-lang is a list as eng+fra, with the names that `tesseract "
                           "--list-langs` shows, not \"" STR_FMT "\"",
                           STR_ARG(s));
}

bool cli_reading_start(const cli_args *args, size_t first, cli_reading *r, cli_intake *x,
                       error *err) {
    const cli_value *v = args->v + first;
    if (v[CLI_READING_JOBS].given) x->jobs = (int)v[CLI_READING_JOBS].number;
    if (v[CLI_READING_PASSWORD].given) {
        bool asks = strcmp(v[CLI_READING_PASSWORD].text, "-") == 0;
        if (!asks) text_put(&r->password, str_of(v[CLI_READING_PASSWORD].text));
        if (asks && !ask(&r->password, err)) return false;
        if (r->password.n == 0 || r->password.n > PASSWORD_MAX_BYTES)
            return error_set(err, ERROR_USAGE, "a password has 1 to %u bytes", PASSWORD_MAX_BYTES);
        x->how.password = text_str(&r->password);
    }
    if (v[CLI_READING_OCR].given) {
        x->how.ocr_languages = str_of(v[CLI_READING_OCR].text);
        if (!check_languages(x->how.ocr_languages, err)) return false;
    }
    x->how.no_ocr = v[CLI_READING_NO_OCR].given;
    for (size_t i = 0; i < args->list_count; i++) {
        text_put(&r->patterns, str_of(args->list[i]));
        text_put_char(&r->patterns, '\n');
    }
    x->args = args;
    return true;
}

void cli_reading_free(cli_reading *r) {
    if (r->password.p) explicit_bzero(r->password.p, r->password.capacity);
    text_free(&r->password);
    text_free(&r->patterns);
}
