/* What a person sees while a model comes: on a terminal a bar with rate and time left, drawn over
 * itself; in a log a line now and then, so that hours are not thousands of lines.
 */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/pull/pull.h"

#define REDRAW_MS 200.0
#define LINE_MS 10000.0 /* between two lines of a log */
#define RATE_AFTER_MS 1000.0
#define BAR_COLUMNS 24

void pull_say(const char *format, ...) {
    char line[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0) return;
    /* Names on the command line and words of libcurl; a terminal shall see no control character. */
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
    fprintf(stderr, "carrel-pull: %s\n", line);
}

void pull_put_bytes(text *out, uint64_t bytes) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    double v = (double)bytes;
    size_t unit = 0;
    while (v >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        v /= 1000;
        unit++;
    }
    text_printf(out, unit == 0 || v >= 99.95 ? "%.0f %s" : "%.1f %s", v, units[unit]);
}

static void put_time(text *out, double seconds) {
    if (seconds > 359999) seconds = 359999;
    unsigned long s = (unsigned long)(seconds + 0.5);
    if (s >= 3600)
        text_printf(out, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
    else
        text_printf(out, "%lu:%02lu", s / 60, s % 60);
}

void pull_progress_line(text *out, uint64_t have, uint64_t total, uint64_t before,
                        double elapsed_ms, bool bar) {
    if (bar && total) {
        uint64_t filled = (uint64_t)(BAR_COLUMNS * ((double)have / (double)total));
        for (uint64_t i = 0; i < BAR_COLUMNS; i++)
            text_put(out, i < filled ? STR("\xE2\x94\x81") : STR("\xE2\x94\x80"));
        text_put_char(out, ' ');
    }
    pull_put_bytes(out, have);
    if (total) {
        text_put(out, STR(" of "));
        pull_put_bytes(out, total);
        text_printf(out, ", %d%%", (int)(100.0 * (double)have / (double)total));
    }
    if (elapsed_ms >= RATE_AFTER_MS && have > before) {
        double rate = (double)(have - before) * 1000 / elapsed_ms;
        text_put(out, STR(", "));
        pull_put_bytes(out, (uint64_t)rate);
        text_put(out, STR("/s"));
        if (total > have && rate >= 1) {
            text_put(out, STR(", "));
            put_time(out, (double)(total - have) / rate);
            text_put(out, STR(" left"));
        }
    }
}

void pull_progress_start(pull_progress *p, uint64_t have) {
    *p = (pull_progress){.terminal = isatty(STDERR_FILENO) == 1,
                         .before = have,
                         .start_ms = clock_ms(),
                         .last_ms = clock_ms()};
}

void pull_progress_step(pull_progress *p, uint64_t have, uint64_t total) {
    double now = clock_ms();
    if (now - p->last_ms < (p->terminal ? REDRAW_MS : LINE_MS)) return;
    p->last_ms = now;
    text line = {0};
    pull_progress_line(&line, have, total, p->before, now - p->start_ms, p->terminal);
    fprintf(stderr, p->terminal ? "\r\033[K%s" : "%s\n", line.p);
    fflush(stderr);
    p->drawn = p->terminal;
    text_free(&line);
}

void pull_progress_clear(pull_progress *p) {
    if (p->drawn) fputs("\r\033[K", stderr);
    p->drawn = false;
}
