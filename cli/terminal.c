/* Output: what a terminal gets to see, and what a pipe gets.
 *
 * Documents are hostile: an escape sequence in a PDF could retitle the window, hide text or reverse
 * it. So every string that is not ours passes cli_clean (or cli_fit, cli_wrap, which clean too).
 * Styles are for terminals only, and not where NO_COLOR is set or TERM is "dumb"; a pipe gets
 * unbroken lines. Writes to stdout are checked: a full disk under `carrel ls > list` is reported.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

#include "cli/cli.h"

/* Narrower than this nothing can be laid out; wider, lines are hard to read. */
#define COLUMNS_MIN 40
#define COLUMNS_MAX 100
#define COLUMNS_UNKNOWN 80

#define ELLIPSIS "\xE2\x80\xA6"

static int output_errno; /* the first write to stdout that failed */

static void terminal_read(FILE *stream, cli_terminal *t) {
    const char *kind = getenv("TERM"), *no_color = getenv("NO_COLOR");
    struct winsize size;
    memset(t, 0, sizeof *t);
    t->bold = t->dim = t->red = t->green = t->reset = "";
    t->tty = isatty(fileno(stream)) == 1;
    if (!t->tty) return;
    t->columns = COLUMNS_UNKNOWN;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) t->columns = size.ws_col;
    if (t->columns < COLUMNS_MIN) t->columns = COLUMNS_MIN;
    if (t->columns > COLUMNS_MAX) t->columns = COLUMNS_MAX;
    if ((no_color && *no_color) || !kind || strcmp(kind, "dumb") == 0) return;
    t->bold = "\033[1m";
    t->dim = "\033[2m";
    t->red = "\033[31m";
    t->green = "\033[32m";
    t->reset = "\033[0m";
}

/* Read once, from the main thread, before others start. */
const cli_terminal *cli_stdout(void) {
    static cli_terminal t;
    static bool known;
    if (!known) terminal_read(stdout, &t);
    known = true;
    return &t;
}

const cli_terminal *cli_stderr(void) {
    static cli_terminal t;
    static bool known;
    if (!known) terminal_read(stderr, &t);
    known = true;
    return &t;
}

void cli_put(str s) {
    if (output_errno || s.n == 0) return;
    if (fwrite(s.p, 1, s.n, stdout) != s.n) output_errno = errno ? errno : EIO;
}

void cli_flush(void) {
    if (!output_errno && fflush(stdout) != 0) output_errno = errno ? errno : EIO;
}

bool cli_output_broken(void) {
    return output_errno != 0;
}

error_code cli_finish(error_code code) {
    cli_flush();
    if (output_errno == 0 || output_errno == EPIPE) return code;
    error err;
    error_set(&err, ERROR_IO, "the output could not be written: %s", strerror(output_errno));
    return cli_fail(&err);
}

error_code cli_fail(const error *err) {
    text line = {0};
    const cli_terminal *t = cli_stderr();
    cli_flush();
    text_printf(&line, "%scarrel:%s ", t->red, t->reset);
    cli_clean(&line, str_of(err->text));
    text_put_char(&line, '\n');
    /* stderr is the last resort: there is nowhere to report its failure. */
    (void)!fwrite(line.p, 1, line.n, stderr);
    text_free(&line);
    return err->code == ERROR_NONE ? ERROR_INTERNAL : err->code;
}

void cli_note(const char *format, ...) {
    char buffer[1024];
    text line = {0};
    va_list args;
    va_start(args, format);
    vsnprintf(buffer, sizeof buffer, format, args);
    va_end(args);
    cli_flush();
    text_put(&line, STR("carrel: "));
    cli_clean(&line, str_of(buffer));
    text_put_char(&line, '\n');
    (void)!fwrite(line.p, 1, line.n, stderr);
    text_free(&line);
}

/* ---- cleaning ----------------------------------------------------------------------------- */

/* Marks that are invisible and can make a line read otherwise than it is stored: direction marks,
 * overrides and isolates, soft hyphen, byte order mark, tag characters. Joiners (U+200C, U+200D)
 * stay: Persian and Indic scripts need them. */
static bool is_dropped(uint32_t c) {
    return c == 0xAD || c == 0x061C || c == 0x200B || c == 0x200E || c == 0x200F ||
           (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
           (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F);
}

static bool is_blank(uint32_t c) {
    return c <= 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0x2028 || c == 0x2029;
}

/* The next code point as a terminal may have it: 0 for a dropped one, ' ' for any white space. */
static uint32_t clean_next(str s, size_t at, size_t *used) {
    uint32_t c = utf8_next(s.p + at, s.n - at, used);
    if (is_blank(c)) return ' ';
    return is_dropped(c) ? 0 : c;
}

void cli_clean(text *out, str s) {
    size_t used;
    for (size_t at = 0; at < s.n; at += used) {
        uint32_t c = clean_next(s, at, &used);
        if (c) text_put_codepoint(out, c);
    }
}

static size_t width_of(uint32_t c) {
    int w = utf8proc_charwidth((utf8proc_int32_t)c);
    return w < 0 ? 0 : (size_t)w;
}

size_t cli_columns(str s) {
    size_t columns = 0, used;
    for (size_t at = 0; at < s.n; at += used) {
        uint32_t c = clean_next(s, at, &used);
        columns += c ? width_of(c) : 0;
    }
    return columns;
}

void cli_fit(text *out, str s, size_t columns, bool pad) {
    size_t total = cli_columns(s), done = 0, used;
    bool cut = columns > 0 && total > columns;
    size_t room = cut ? columns - 1 : SIZE_MAX;
    for (size_t at = 0; at < s.n; at += used) {
        uint32_t c = clean_next(s, at, &used);
        if (!c) continue;
        if (done + width_of(c) > room) break;
        done += width_of(c);
        text_put_codepoint(out, c);
    }
    if (cut) {
        text_put(out, STR(ELLIPSIS));
        done++;
    }
    for (; pad && done < columns; done++) text_put_char(out, ' ');
}

void cli_fit_end(text *out, str s, size_t columns) {
    size_t begin = 0, used, left = cli_columns(s);
    bool cut = columns > 0 && left > columns;
    while (cut && left > columns - 1) {
        uint32_t c = clean_next(s, begin, &used);
        left -= c ? width_of(c) : 0;
        begin += used;
    }
    if (cut) text_put(out, STR(ELLIPSIS));
    cli_clean(out, str_cut(s, begin, s.n));
}

/* ---- wrapping ----------------------------------------------------------------------------- */

typedef struct {
    text *out;
    const cli_terminal *t;
    const cli_span *spans;
    size_t span_count, span; /* span: the first that does not end before here */
    size_t indent, columns, column;
    bool bold, fresh; /* fresh: nothing stands on this line yet */
} wrapper;

static void wrap_style(wrapper *w, size_t at) {
    while (w->span < w->span_count && w->spans[w->span].end <= at) w->span++;
    bool inside = w->span < w->span_count && w->spans[w->span].begin <= at;
    if (inside != w->bold) text_put(w->out, str_of(inside ? w->t->bold : w->t->reset));
    w->bold = inside;
}

static void wrap_newline(wrapper *w) {
    text_put_char(w->out, '\n');
    for (size_t i = 0; i < w->indent; i++) text_put_char(w->out, ' ');
    w->column = w->indent;
    w->fresh = true;
}

/* Puts the word s[begin, end), `width` columns wide, with a space before it when `spaced`. */
static void wrap_word(wrapper *w, str s, size_t begin, size_t end, size_t width, bool spaced) {
    size_t used;
    if (w->columns && !w->fresh && w->column + spaced + width > w->columns)
        wrap_newline(w);
    else if (spaced && !w->fresh) {
        /* The space is bold only between two bold words: look at it before the word's style. */
        wrap_style(w, begin - 1);
        text_put_char(w->out, ' ');
        w->column++;
    }
    for (size_t at = begin; at < end; at += used) {
        uint32_t c = clean_next(s, at, &used);
        if (!c) continue;
        if (w->columns && !w->fresh && w->column + width_of(c) > w->columns) wrap_newline(w);
        wrap_style(w, at);
        text_put_codepoint(w->out, c);
        w->column += width_of(c);
        w->fresh = false;
    }
}

void cli_wrap(text *out, const cli_terminal *t, str s, const cli_span *spans, size_t span_count,
              size_t indent, size_t columns) {
    wrapper w = {.out = out,
                 .t = t,
                 .spans = spans,
                 .span_count = span_count,
                 .indent = indent,
                 .columns = columns && columns < indent + COLUMNS_MIN / 2 ? indent + COLUMNS_MIN / 2
                                                                          : columns,
                 .column = indent,
                 .fresh = true};
    size_t begin = 0, width = 0, used;
    bool spaced = false;
    for (size_t i = 0; i < indent; i++) text_put_char(out, ' ');
    for (size_t at = 0; at < s.n; at += used) {
        uint32_t c = clean_next(s, at, &used);
        if (c == ' ') {
            if (begin < at) wrap_word(&w, s, begin, at, width, spaced);
            spaced = spaced || begin < at;
            begin = at + used;
            width = 0;
            continue;
        }
        /* Scripts of wide characters have no spaces: a line may break between any two. */
        if (width_of(c) == 2 && begin < at) {
            wrap_word(&w, s, begin, at, width, spaced);
            spaced = false;
            begin = at;
            width = 0;
        }
        width += c ? width_of(c) : 0;
    }
    if (begin < s.n) wrap_word(&w, s, begin, s.n, width, spaced);
    if (w.bold) text_put(out, str_of(t->reset));
    text_put_char(out, '\n');
}

/* ---- figures ------------------------------------------------------------------------------ */

void cli_put_bytes(text *out, uint64_t bytes) {
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) {
        text_printf(out, "%u bytes", (unsigned)bytes);
        return;
    }
    double v = (double)bytes / 1000;
    size_t unit = 0;
    while (v >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        v /= 1000;
        unit++;
    }
    text_printf(out, v < 9.95 ? "%.1f %s" : "%.0f %s", v, units[unit]);
}

void cli_put_count(text *out, uint64_t n, const char *one, const char *many) {
    text_printf(out, "%llu %s", (unsigned long long)n, n == 1 ? one : many);
}
