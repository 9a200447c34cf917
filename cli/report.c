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
#define NOTE_INDENT 2

static const char *const outcome_names[CLI_OUTCOMES] = {"added", "replaced", "present", "moved",
                                                        "failed"};

/* ---- as it goes --------------------------------------------------------------------------- */

void cli_report_start(cli_report *r, bool json, bool lines, cli_progress *progress) {
    *r = (cli_report){.json = json,
                      .lines = lines,
                      .only_absent = true,
                      .only_locked = true,
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

static cli_fates fates_of(const cli_prepared *p) {
    return (cli_fates){p->in.pages,      p->in.page_count, p->in.parts,
                       p->in.part_count, p->in.notes,      p->in.note_count};
}

/* What became of a document that was read. */
void cli_json_prepared(json_t *o, const cli_prepared *p) {
    cli_fates f = fates_of(p);
    cli_json_set(o, "title", cli_json_str(p->in.title));
    cli_json_set(o, "type", cli_json_str(p->in.type));
    cli_json_set(o, "language", cli_json_str(p->in.language));
    cli_json_set(o, "dated", cli_json_str(p->in.dated));
    cli_json_set(o, "pages", json_integer((json_int_t)p->in.page_count));
    json_t *fates = json_object(), *notes = json_array();
    for (int k = 0; k < INGEST_FATE_COUNT; k++)
        if (p->fates[k])
            cli_json_set(fates, ingest_fate_name((ingest_fate)k), json_integer(p->fates[k]));
    for (size_t i = 0; i < p->in.note_count; i++)
        cli_json_append(notes, cli_json_str(p->in.notes[i]));
    cli_json_set(o, "pages_by_fate", fates);
    cli_json_set(o, "fates", cli_json_fates(&f));
    cli_json_set(o, "notes", notes);
    cli_json_set(o, "parts", json_integer((json_int_t)p->in.part_count));
    cli_json_set(o, "chunks", json_integer((json_int_t)p->in.chunk_count));
}

static void add_json(cli_report *r, const cli_prepared *p, cli_outcome outcome, str former,
                     const error *err) {
    json_t *o = json_object();
    text name = {0};
    if (!p->identity.n) cli_utf8_name(&name, str_of(p->path));
    cli_json_set(o, "path", cli_json_str(p->identity.n ? p->identity : text_str(&name)));
    text_free(&name);
    cli_json_set(o, "outcome", json_string(outcome_names[outcome]));
    if (outcome == CLI_FAILED) {
        cli_json_set(o, "reason", cli_json_str(str_of(err->text)));
        cli_json_set(o, "code", json_integer(err->code));
    } else if (outcome == CLI_MOVED) {
        cli_json_set(o, "from", cli_json_str(former));
    } else if (outcome != CLI_PRESENT && p->in.page_count > 0) {
        cli_json_prepared(o, p);
    }
    if (p->kept.n > 0) cli_json_set(o, "kept", cli_json_str(p->kept));
    cli_json_append(r->documents, o);
}

/* What a reader must know of a document, in one line, as long as the terminal is wide. */
void cli_put_notes(text *out, const cli_prepared *p) {
    const cli_terminal *t = cli_stdout();
    cli_fates f = fates_of(p);
    text said = {0}, line = {0};
    cli_put_fates(&said, &f);
    if (said.n > 0) {
        cli_clean(&line, cli_file_name(str_of(p->path)));
        text_put(&line, STR(": "));
        text_put(&line, text_str(&said));
        cli_wrap(out, t, text_str(&line), NULL, 0, NOTE_INDENT, t->columns);
    }
    text_free(&said);
    text_free(&line);
}

void cli_put_size(text *out, const cli_prepared *p) {
    if (p->in.page_count == 0) {
        text_put(out, STR(" (its bytes are in the library under another name)"));
        return;
    }
    text_put(out, STR(" ("));
    cli_put_count(out, p->in.page_count, "page", "pages");
    text_put(out, STR(", "));
    cli_put_count(out, p->in.chunk_count, "chunk", "chunks");
    text_put_char(out, ')');
}

/* "added manual.pdf (12 pages, 31 chunks)", on one line of a terminal but for a reason. */
static void put_outcome(text *out, const cli_prepared *p, cli_outcome outcome, str former,
                        const error *err) {
    const cli_terminal *t = cli_stdout();
    text tail = {0};
    if (outcome == CLI_FAILED) {
        text_put(&tail, STR(": "));
        cli_clean(&tail, str_of(err->text));
    } else if (outcome == CLI_MOVED) {
        text_put(&tail, STR(" (before: "));
        cli_clean(&tail, former);
        text_put_char(&tail, ')');
    } else if (outcome != CLI_PRESENT) {
        cli_put_size(&tail, p);
    }
    bool whole = outcome == CLI_FAILED || outcome == CLI_MOVED; /* the tail may be long */
    size_t taken = strlen(outcome_names[outcome]) + 1 + (whole ? 0 : tail.n);
    text_printf(out, "%s%s%s ", outcome == CLI_FAILED ? t->red : t->dim, outcome_names[outcome],
                t->reset);
    cli_fit_end(out, str_of(p->path), t->columns > taken ? t->columns - taken : 0);
    text_put(out, text_str(&tail));
    text_put_char(out, '\n');
    text_free(&tail);
}

static void add_line(cli_report *r, const cli_prepared *p, cli_outcome outcome, str former,
                     const error *err) {
    text line = {0};
    if (r->lines) put_outcome(&line, p, outcome, former, err);
    if (outcome == CLI_ADDED || outcome == CLI_REPLACED) cli_put_notes(&line, p);
    if (line.n) {
        cli_progress_clear(r->progress);
        cli_put(text_str(&line));
        cli_flush(); /* the bar comes back over another stream */
    }
    text_free(&line);
    if (outcome == CLI_FAILED && !r->lines) put_reason(&r->failures, "failed", p->path, err->text);
}

void cli_report_document(cli_report *r, const cli_prepared *p, cli_outcome outcome, str former,
                         const error *err) {
    r->counts[outcome]++;
    if (outcome == CLI_ADDED || outcome == CLI_REPLACED) r->pages += p->in.page_count;
    if (outcome == CLI_FAILED && err->code != ERROR_NOT_FOUND) r->only_absent = false;
    if (outcome == CLI_FAILED && err->code != ERROR_PASSWORD) r->only_locked = false;
    if (r->json)
        add_json(r, p, outcome, former, err);
    else
        add_line(r, p, outcome, former, err);
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
    cli_json_set(o, "ignored", json_integer((json_int_t)r->ignored));
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
    if (r->ignored) text_printf(&out, ", %zu ignored", r->ignored);
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
