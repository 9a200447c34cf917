/* Changes: what sync and watch did, a line or an object for each.
 *
 * A line begins with what happened, so that a column of them can be read at a glance; what of a new
 * document was not read stands indented below it, as `add` tells it.
 */
#include <string.h>
#include <time.h>

#include "cli/mirror.h"

#define NAME_COLUMN 9  /* "not read " */
#define PLAN_COLUMN 20 /* "would be read again " */

static const char *const names[CLI_CHANGE_KINDS] = {"new",     "changed", "moved",   "copy",
                                                    "removed", "failed",  "not read"};
/* As keys of JSON; "new" and "failed" read well in both. */
static const char *const keys[CLI_CHANGE_KINDS] = {"new",     "changed", "moved",   "copies",
                                                   "removed", "failed",  "not_read"};
/* Of a dry run, what will be: a file that cannot be read fails already now. */
static const char *const plans[CLI_CHANGE_KINDS] = {
    "would be added",   "would be read again", "would be moved",   "is a copy",
    "would be removed", "cannot be read",      "would not be read"};

static void put_clock(text *out) {
    char now[16];
    struct tm tm;
    time_t t = time(NULL);
    if (localtime_r(&t, &tm) && strftime(now, sizeof now, "%H:%M:%S", &tm) > 0)
        text_printf(out, "%s%s%s ", cli_stdout()->dim, now, cli_stdout()->reset);
}

static void put_tail(text *out, const cli_change *c) {
    switch (c->kind) {
    case CLI_CHANGE_NEW:
    case CLI_CHANGE_CHANGED:
        if (c->document) cli_put_size(out, c->document);
        break;
    case CLI_CHANGE_MOVED:
        text_put(out, STR(" (before: "));
        cli_clean(out, c->from);
        text_put_char(out, ')');
        break;
    case CLI_CHANGE_COPY:
        text_put(out, STR(" (the same bytes as "));
        cli_clean(out, c->from);
        text_put_char(out, ')');
        break;
    case CLI_CHANGE_REMOVED:
        if (c->reason.n == 0) break;
        text_put(out, STR(" ("));
        cli_clean(out, c->reason);
        text_put_char(out, ')');
        break;
    default:
        text_put(out, STR(": "));
        cli_clean(out, c->reason);
        if (c->former) text_put(out, STR("; its former version stays and answers"));
    }
}

void cli_put_change(text *out, const cli_change *c, bool dry_run, bool clock) {
    const cli_terminal *t = cli_stdout();
    const char *style = c->kind == CLI_CHANGE_FAILED    ? t->red
                        : c->kind == CLI_CHANGE_REMOVED ? t->bold
                                                        : t->dim;
    if (clock) put_clock(out);
    if (dry_run)
        text_printf(out, "%s%-*s%s", style, PLAN_COLUMN, plans[c->kind], t->reset);
    else
        text_printf(out, "%s%-*s%s", style, NAME_COLUMN, names[c->kind], t->reset);
    cli_clean(out, c->shown);
    put_tail(out, c);
    text_put_char(out, '\n');
    if ((c->kind == CLI_CHANGE_NEW || c->kind == CLI_CHANGE_CHANGED) && c->document)
        cli_put_notes(out, c->document);
}

json_t *cli_json_change(const cli_change *c) {
    json_t *o = json_object();
    cli_json_set(o, "change", json_string(names[c->kind]));
    cli_json_set(o, "path", cli_json_str(c->path));
    if (c->from.n && (c->kind == CLI_CHANGE_MOVED || c->kind == CLI_CHANGE_COPY))
        cli_json_set(o, c->kind == CLI_CHANGE_MOVED ? "from" : "same_as", cli_json_str(c->from));
    if (c->reason.n && c->kind >= CLI_CHANGE_REMOVED)
        cli_json_set(o, "reason", cli_json_str(c->reason));
    if (c->kind == CLI_CHANGE_FAILED) {
        cli_json_set(o, "code", json_integer(c->code));
        cli_json_set(o, "former_version", json_boolean(c->former));
    }
    if (c->document && c->document->in.page_count > 0 &&
        (c->kind == CLI_CHANGE_NEW || c->kind == CLI_CHANGE_CHANGED))
        cli_json_prepared(o, c->document);
    return o;
}

void cli_put_counts(text *out, const cli_mirror *m) {
    static const char *const many[CLI_CHANGE_NOT_READ] = {"new",    "changed", "moved",
                                                          "copies", "removed", "failed"};
    bool any = false;
    for (int k = 0; k < CLI_CHANGE_NOT_READ; k++) {
        if (m->counts[k] == 0) continue;
        bool one = m->counts[k] == 1;
        text_printf(out, "%s%zu %s", any ? ", " : "", m->counts[k], one ? names[k] : many[k]);
        any = true;
    }
    text_printf(out, "%s%zu unchanged", any ? ", " : "", m->unchanged);
    if (m->kept) text_printf(out, ", %zu kept", m->kept);
    if (m->failed_before)
        text_printf(out, ", %zu not readable as before (`carrel status --failed`)",
                    m->failed_before);
    if (m->skipped) {
        text_printf(out, ", %zu not read (%s", m->skipped,
                    m->skipped == 1 ? "no document" : "no documents");
        text_put(out, m->counts[CLI_CHANGE_NOT_READ] < m->skipped
                          ? STR(": `carrel status --failed` lists them)")
                          : STR(")"));
    }
}

void cli_json_counts(json_t *o, const cli_mirror *m) {
    for (int k = 0; k < CLI_CHANGE_KINDS; k++)
        cli_json_set(o, keys[k], json_integer((json_int_t)m->counts[k]));
    cli_json_set(o, "unchanged", json_integer((json_int_t)m->unchanged));
    cli_json_set(o, "failed_before", json_integer((json_int_t)m->failed_before));
    cli_json_set(o, "ignored", json_integer((json_int_t)m->ignored));
    cli_json_set(o, "not_documents", json_integer((json_int_t)m->skipped));
    cli_json_set(o, "kept", json_integer((json_int_t)m->kept));
}
