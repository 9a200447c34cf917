/* The report of `carrel add`: what became of each file, and of each page that is not text.
 *
 * A log gets a line for each document as it comes; a terminal with a long batch gets the bar, the
 * notes, and at the end the failures by name. With --json one object at the end says all of it.
 * Nothing is left out quietly: a page that cannot be searched and a file that was not read are
 * what a user must know before trusting "not in these documents".
 */
#include <string.h>

#include "cli/batch.h"

/* Names of files that are no documents, on a terminal; a log and --json have all of them. */
#define SKIPS_SHOWN 10
/* Runs of pages in one line; what has more is a scanned book, and the first tell enough. */
#define RUNS_SHOWN 6
#define NOTE_INDENT 2

static const char *const outcome_names[CLI_OUTCOMES] = {"added", "replaced", "present", "failed"};

/* ---- fates -------------------------------------------------------------------------------- */

static const char *fate_sentence(str fate, bool one) {
    if (str_eq(fate, STR("empty")))
        return one ? "is empty (a scan?): nothing to search there"
                   : "are empty (scans?): nothing to search there";
    if (str_eq(fate, STR("garbled")))
        return one ? "has letters without a meaning (its font names none): nothing to search there"
                   : "have letters without a meaning (their fonts name none): nothing to search "
                     "there";
    return one ? "has hidden text only: it was left out" : "have hidden text only: it was left out";
}

/* The pages of one fate as runs: "3-5, 9 and 12". Gives their number. */
static size_t put_runs(text *out, str fate, const index_page *pages, size_t count) {
    size_t total = 0, runs = 0, run = 0;
    for (size_t pass = 0; pass < 2; pass++) {
        size_t n = 0;
        for (size_t i = 0; i < count; i = run) {
            run = i + 1;
            if (!str_eq(pages[i].fate, fate)) continue;
            while (run < count && str_eq(pages[run].fate, fate)) run++;
            n++;
            if (pass == 0) {
                total += run - i;
                continue;
            }
            if (n > RUNS_SHOWN) continue;
            text_put(out, n == 1 ? STR("") : n == runs ? STR(" and ") : STR(", "));
            if (run - i == 1)
                text_printf(out, "%u", pages[i].number);
            else
                text_printf(out, "%u-%u", pages[i].number, pages[run - 1].number);
        }
        runs = n;
    }
    if (runs > RUNS_SHOWN) text_put(out, STR(" and others"));
    return total;
}

void cli_report_fates(text *out, str prefix, const index_page *pages, size_t count) {
    static const char *const silent[] = {"empty", "garbled", "hidden-text"};
    for (size_t f = 0; f < sizeof silent / sizeof *silent; f++) {
        text runs = {0};
        size_t n = put_runs(&runs, str_of(silent[f]), pages, count);
        if (n > 0) {
            text_put(out, prefix);
            text_printf(out, n == 1 ? "page " : "pages ");
            text_put(out, text_str(&runs));
            if (n > 1) text_printf(out, " (%zu of %zu)", n, count);
            text_printf(out, " %s\n", fate_sentence(str_of(silent[f]), n == 1));
        }
        text_free(&runs);
    }
}

/* ---- as it goes --------------------------------------------------------------------------- */

void cli_report_start(cli_report *r, bool json, bool lines, cli_progress *progress) {
    *r = (cli_report){.json = json,
                      .lines = lines,
                      .only_absent = true,
                      .progress = progress,
                      .start_ms = clock_ms()};
    r->documents = json_array();
    r->skips = json_array();
}

/* "  failed  NAME: REASON" */
static void put_reason(text *out, const char *what, const char *path, const char *reason) {
    const cli_terminal *t = cli_stdout();
    text line = {0};
    text_printf(&line, "%s %s: %s", what, path, reason);
    cli_wrap(out, t, text_str(&line), NULL, 0, NOTE_INDENT, t->columns);
    text_free(&line);
}

void cli_report_skip(cli_report *r, const char *path, const char *reason) {
    r->skipped++;
    if (r->json) {
        text name = {0};
        cli_utf8_name(&name, str_of(path));
        json_t *o = json_object();
        cli_json_set(o, "path", cli_json_str(text_str(&name)));
        cli_json_set(o, "reason", json_string(reason));
        cli_json_append(r->skips, o);
        text_free(&name);
        return;
    }
    if (cli_stdout()->tty && r->skip_listed == SKIPS_SHOWN) return;
    r->skip_listed++;
    put_reason(&r->skip_lines, "not read", path, reason);
}

static void add_json(cli_report *r, const cli_prepared *p, cli_outcome outcome, const error *err) {
    json_t *o = json_object();
    text name = {0};
    if (!p->identity.n) cli_utf8_name(&name, str_of(p->path));
    cli_json_set(o, "path", cli_json_str(p->identity.n ? p->identity : text_str(&name)));
    text_free(&name);
    cli_json_set(o, "outcome", json_string(outcome_names[outcome]));
    if (outcome == CLI_FAILED) {
        cli_json_set(o, "reason", cli_json_str(str_of(err->text)));
        cli_json_set(o, "code", json_integer(err->code));
    } else if (outcome != CLI_PRESENT) {
        cli_json_set(o, "title", cli_json_str(p->in.title));
        cli_json_set(o, "type", cli_json_str(p->in.type));
        cli_json_set(o, "pages", json_integer((json_int_t)p->in.page_count));
        json_t *fates = json_object();
        for (int f = 0; f < INGEST_FATE_COUNT; f++)
            if (p->fates[f])
                cli_json_set(fates, ingest_fate_name((ingest_fate)f), json_integer(p->fates[f]));
        cli_json_set(o, "pages_by_fate", fates);
        cli_json_set(o, "chunks", json_integer((json_int_t)p->in.chunk_count));
    }
    cli_json_append(r->documents, o);
}

/* What of a document cannot be searched, a line for each fate, as long as the terminal is wide. */
static void put_notes(text *out, const cli_prepared *p) {
    const cli_terminal *t = cli_stdout();
    text name = {0}, notes = {0};
    cli_clean(&name, cli_file_name(str_of(p->path)));
    text_put(&name, STR(": "));
    cli_report_fates(&notes, text_str(&name), p->in.pages, p->in.page_count);
    str all = text_str(&notes);
    for (size_t at = 0, end; at < all.n; at = end + 1) {
        end = str_find(all, STR("\n"), at);
        cli_wrap(out, t, str_cut(all, at, end), NULL, 0, NOTE_INDENT, t->columns);
    }
    text_free(&name);
    text_free(&notes);
}

/* "added manual.pdf (12 pages, 31 chunks)", on one line of a terminal but for a reason. */
static void put_outcome(text *out, const cli_prepared *p, cli_outcome outcome, const error *err) {
    const cli_terminal *t = cli_stdout();
    text tail = {0};
    if (outcome == CLI_FAILED) {
        text_put(&tail, STR(": "));
        cli_clean(&tail, str_of(err->text));
    } else if (outcome != CLI_PRESENT && p->in.page_count == 0) {
        text_put(&tail, STR(" (its bytes are in the library under another name)"));
    } else if (outcome != CLI_PRESENT) {
        text_put(&tail, STR(" ("));
        cli_put_count(&tail, p->in.page_count, "page", "pages");
        text_put(&tail, STR(", "));
        cli_put_count(&tail, p->in.chunk_count, "chunk", "chunks");
        text_put(&tail, STR(")"));
    }
    size_t taken = strlen(outcome_names[outcome]) + 1 + (outcome == CLI_FAILED ? 0 : tail.n);
    text_printf(out, "%s%s%s ", outcome == CLI_FAILED ? t->red : t->dim, outcome_names[outcome],
                t->reset);
    cli_fit_end(out, str_of(p->path), t->columns > taken ? t->columns - taken : 0);
    text_put(out, text_str(&tail));
    text_put_char(out, '\n');
    text_free(&tail);
}

static void add_line(cli_report *r, const cli_prepared *p, cli_outcome outcome, const error *err) {
    text line = {0};
    if (r->lines) put_outcome(&line, p, outcome, err);
    if (outcome == CLI_ADDED || outcome == CLI_REPLACED) put_notes(&line, p);
    if (line.n) {
        cli_progress_clear(r->progress);
        cli_put(text_str(&line));
        cli_flush(); /* the bar comes back over another stream */
    }
    text_free(&line);
    if (outcome == CLI_FAILED && !r->lines) put_reason(&r->failures, "failed", p->path, err->text);
}

void cli_report_document(cli_report *r, const cli_prepared *p, cli_outcome outcome,
                         const error *err) {
    r->counts[outcome]++;
    if (outcome == CLI_ADDED || outcome == CLI_REPLACED) r->pages += p->in.page_count;
    if (outcome == CLI_FAILED && err->code != ERROR_NOT_FOUND) r->only_absent = false;
    if (r->json)
        add_json(r, p, outcome, err);
    else
        add_line(r, p, outcome, err);
}

/* ---- the end ------------------------------------------------------------------------------ */

static void put_rate(text *out, double n, double seconds, const char *what) {
    double rate = seconds > 0 ? n / seconds : 0;
    text_printf(out, rate < 10 ? "%.1f %s/s" : "%.0f %s/s", rate, what);
}

static void end_json(cli_report *r, str library, size_t unfinished, double seconds) {
    json_t *o = json_object();
    size_t fresh = r->counts[CLI_ADDED] + r->counts[CLI_REPLACED];
    cli_json_set(o, "library", cli_json_str(library));
    for (int i = 0; i < CLI_OUTCOMES; i++)
        cli_json_set(o, outcome_names[i], json_integer((json_int_t)r->counts[i]));
    cli_json_set(o, "not_read", json_integer((json_int_t)r->skipped));
    cli_json_set(o, "unfinished", json_integer((json_int_t)unfinished));
    cli_json_set(o, "pages", json_integer((json_int_t)r->pages));
    cli_json_set(o, "seconds", cli_json_real(seconds));
    cli_json_set(o, "documents_per_s", cli_json_real((double)fresh / seconds));
    cli_json_set(o, "pages_per_s", cli_json_real((double)r->pages / seconds));
    cli_json_set(o, "documents", json_incref(r->documents));
    cli_json_set(o, "files_not_read", json_incref(r->skips));
    cli_json_print(o, false);
}

void cli_report_end(cli_report *r, str library, size_t unfinished) {
    double seconds = (clock_ms() - r->start_ms) / 1000;
    const cli_terminal *t = cli_stdout();
    size_t fresh = r->counts[CLI_ADDED] + r->counts[CLI_REPLACED];
    if (r->json) {
        end_json(r, library, unfinished, seconds);
        return;
    }
    text out = {0};
    text_put(&out, str_of(t->bold));
    bool any = false;
    for (int i = 0; i < CLI_OUTCOMES; i++) {
        if (r->counts[i] == 0) continue;
        text_printf(&out, "%s%zu %s", any ? ", " : "", r->counts[i], outcome_names[i]);
        any = true;
    }
    if (!any) text_put(&out, STR("nothing added"));
    text_put(&out, str_of(t->reset));
    if (r->skipped) text_printf(&out, ", %zu not read", r->skipped);
    if (unfinished) text_printf(&out, ", %zu left undone", unfinished);
    if (fresh) {
        text_printf(&out, " %sin %.1f s: ", t->dim, seconds);
        put_rate(&out, (double)fresh, seconds, "documents");
        text_put(&out, STR(", "));
        put_rate(&out, (double)r->pages, seconds, "pages");
        text_put(&out, str_of(t->reset));
    }
    text_put_char(&out, '\n');
    text_put(&out, text_str(&r->failures));
    text_put(&out, text_str(&r->skip_lines));
    if (r->skipped > r->skip_listed)
        text_printf(&out, "  and %zu more (--json names all)\n", r->skipped - r->skip_listed);
    cli_put(text_str(&out));
    text_free(&out);
}

void cli_report_free(cli_report *r) {
    json_decref(r->documents);
    json_decref(r->skips);
    text_free(&r->failures);
    text_free(&r->skip_lines);
}
