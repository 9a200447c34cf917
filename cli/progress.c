/* Progress: one line on stderr that is drawn over itself, with rate and time left.
 *
 * It is there only for a person at a terminal; logs and pipes get whole lines from the command
 * instead. Whatever else is printed clears it first.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

/* Often enough to look alive, seldom enough to cost nothing. */
#define REDRAW_MS 100.0
/* A rate from less than this is a guess. */
#define RATE_AFTER_MS 1000.0
#define BAR_COLUMNS 20

void cli_put_duration(text *out, double seconds) {
    unsigned long s = (unsigned long)(seconds + 0.5);
    if (s >= 3600)
        text_printf(out, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
    else
        text_printf(out, "%lu:%02lu", s / 60, s % 60);
}

void cli_progress_line(text *out, size_t done, size_t total, double elapsed_ms, str name,
                       size_t columns) {
    text line = {0};
    size_t filled = total ? BAR_COLUMNS * done / total : 0;
    for (size_t i = 0; i < BAR_COLUMNS; i++)
        text_put(&line, i < filled ? STR("\xE2\x94\x81") : STR("\xE2\x94\x80"));
    text_printf(&line, " %zu/%zu", done, total);
    if (done > 0 && elapsed_ms >= RATE_AFTER_MS) {
        double rate = (double)done * 1000 / elapsed_ms;
        text_printf(&line, rate < 10 ? "  %.1f/s  " : "  %.0f/s  ", rate);
        cli_put_duration(&line, (double)(total - done) / rate);
        text_put(&line, STR(" left"));
    }
    text_put(&line, STR("  "));
    size_t used = cli_columns(text_str(&line));
    if (used + 8 < columns) cli_fit(&line, cli_file_name(name), columns - used - 1, false);
    cli_fit(out, text_str(&line), columns > 1 ? columns - 1 : 1, false);
    text_free(&line);
}

void cli_progress_start(cli_progress *p, size_t total) {
    *p = (cli_progress){.total = total, .start_ms = clock_ms(), .drawn_ms = -REDRAW_MS};
}

static void draw(cli_progress *p) {
    const cli_terminal *t = cli_stderr();
    text line = {0};
    text_put(&line, STR("\r\033[K"));
    cli_progress_line(&line, p->done, p->total, clock_ms() - p->start_ms, text_str(&p->name),
                      t->columns);
    (void)!fwrite(line.p, 1, line.n, stderr);
    text_free(&line);
    p->shown = true;
    p->drawn_ms = clock_ms();
}

void cli_progress_step(cli_progress *p, size_t done, str name) {
    p->done = done;
    if (!cli_stderr()->tty) return;
    if (name.n) {
        text_clear(&p->name);
        text_put(&p->name, name);
    }
    if (!p->shown || clock_ms() - p->drawn_ms >= REDRAW_MS) draw(p);
}

void cli_progress_clear(cli_progress *p) {
    if (p->shown) (void)!fwrite("\r\033[K", 1, 4, stderr);
    p->shown = false;
}

void cli_progress_end(cli_progress *p) {
    cli_progress_clear(p);
    text_free(&p->name);
}
