/* `carrel sync`: the library becomes equal to folders, once.
 *
 * Everything is decided in mirror.c; here are the options, the report and the exit code. What was
 * removed from folders goes from the library without a question, since that is what the command is
 * for; what it must not take for removed stands in mirror.c.
 */
#include <string.h>

#include "cli/mirror.h"

/* Names of files that are no documents, on a terminal; a log, --json and `status --failed` have
 * all. */
#define NOT_READ_SHOWN 10

enum {
    SYNC_READING = CLI_GLOBALS,
    SYNC_DRY_RUN = SYNC_READING + CLI_READING_COUNT,
    SYNC_CHECK,
    SYNC_ALLOW_EMPTY
};

typedef struct {
    cli_mirror mirror;
    json_t *changes; /* NULL: lines */
    size_t not_read; /* told of */
    double start_ms;
} syncing;

static void told(void *context, const cli_change *c) {
    syncing *x = context;
    if (x->changes) {
        cli_json_append(x->changes, cli_json_change(c));
        return;
    }
    if (c->kind == CLI_CHANGE_NOT_READ && cli_stdout()->tty && ++x->not_read > NOT_READ_SHOWN)
        return;
    text line = {0};
    cli_put_change(&line, c, x->mirror.dry_run, false);
    cli_progress_clear(&x->mirror.intake.progress);
    cli_put(text_str(&line));
    cli_flush(); /* the bar comes back over another stream */
    text_free(&line);
}

/* A dry run makes no library: where there is none, all is new. */
static bool open_all(const cli_args *args, syncing *x, error *err) {
    cli_intake *in = &x->mirror.intake;
    if (!x->mirror.dry_run) return cli_intake_open_library(in, err);
    bool ok = cli_open_library(args, INDEX_READ, &in->path, &in->library, err);
    if (!ok && err->code != ERROR_NOT_FOUND) return false;
    if (!ok) in->library = NULL;
    /* It foretells which scans would be read that were left unread. */
    arena *a = arena_new();
    ok = cli_ocr_find(&in->ocr, in->library, false, &in->how, a, err);
    arena_free(a);
    return ok;
}

static void report(const syncing *x) {
    const cli_mirror *m = &x->mirror;
    double seconds = (clock_ms() - x->start_ms) / 1000;
    if (x->changes) {
        json_t *o = json_object();
        cli_json_set(o, "library", cli_json_str(text_str(&m->intake.path)));
        cli_json_set(o, "dry_run", json_boolean(m->dry_run));
        cli_json_counts(o, m);
        cli_json_set(o, "unfinished", json_integer((json_int_t)m->unfinished));
        cli_json_set(o, "seconds", cli_json_real(seconds));
        cli_json_set(o, "changes", json_incref(x->changes));
        cli_json_print(o, false);
        return;
    }
    const cli_terminal *t = cli_stdout();
    text out = {0};
    bool there = m->kept > 0;
    for (size_t i = 0; i < m->root_count; i++) there = there || m->roots[i].there;
    if (!there) return; /* the error says it */
    text_put(&out, str_of(t->bold));
    cli_put_counts(&out, m);
    text_put(&out, str_of(t->reset));
    if (m->unfinished) text_printf(&out, ", %zu left undone", m->unfinished);
    text_printf(&out, " %sin %.1f s%s\n", t->dim, seconds, t->reset);
    cli_put(text_str(&out));
    text_free(&out);
}

static error_code verdict(const syncing *x) {
    const cli_mirror *m = &x->mirror;
    error err;
    if (m->unfinished > 0 || cli_stopped()) {
        error_set(&err, ERROR_CANCELLED,
                  "stopped: what was done stays%s, nothing was removed, and the same command goes "
                  "on from there",
                  m->intake.cut_scan ? ", and so do the pages already recognised" : "");
        return cli_output_broken() ? ERROR_CANCELLED : cli_fail(&err);
    }
    for (size_t i = 0; i < m->root_count; i++)
        if (!m->roots[i].there) return cli_fail(&m->roots[i].problem);
    if (m->kept > 0) return cli_fail(&m->why_kept);
    if (m->counts[CLI_CHANGE_FAILED] > 0) {
        error_set(&err, ERROR_INPUT, "%zu of the files could not be read%s",
                  m->counts[CLI_CHANGE_FAILED],
                  m->dry_run ? "" : " (`carrel status --failed` lists them)");
        return cli_fail(&err);
    }
    return ERROR_NONE;
}

static bool sync_all(const cli_args *args, syncing *x, error *err) {
    cli_mirror *m = &x->mirror;
    cli_scope *scopes = mem_new(m->root_count, sizeof *scopes);
    for (size_t i = 0; i < m->root_count; i++) scopes[i].root = i;
    bool ok = open_all(args, x, err) && cli_mirror_run(m, scopes, m->root_count, err) &&
              (m->dry_run || cli_intake_embed(&m->intake, err));
    mem_free(scopes);
    return ok;
}

static error_code run(const cli_args *args) {
    error err = {0};
    syncing x = {.start_ms = clock_ms()};
    cli_mirror *m = &x.mirror;
    error_code code;
    m->dry_run = args->v[SYNC_DRY_RUN].given;
    m->check = args->v[SYNC_CHECK].given;
    m->allow_empty = args->v[SYNC_ALLOW_EMPTY].given;
    m->told = told;
    m->context = &x;
    cli_stop_watch();
    if (args->v[CLI_JSON].given) x.changes = json_array();
    bool ok = cli_mirror_open(m, args, SYNC_READING, &err) && sync_all(args, &x, &err);
    if (ok) report(&x);
    code = ok ? verdict(&x) : cli_fail(&err);
    if (m->dry_run) {
        index_close(m->intake.library);
        m->intake.library = NULL;
    }
    cli_mirror_close(m);
    json_decref(x.changes);
    return code;
}

static const cli_option options[] = {
    CLI_READING_OPTIONS,
    {.name = "dry-run", .letter = 'n', .kind = CLI_FLAG, .help = "only say what would be done"},
    {.name = "check",
     .kind = CLI_FLAG,
     .help = "read every file, not only those that look changed"},
    {.name = "allow-empty",
     .kind = CLI_FLAG,
     .help = "what is missing with a whole folder or disk goes too"},
    CLI_COMPUTE_OPTIONS,
};

const cli_command cli_command_sync = {
    .name = "sync",
    .operands = "DIR...",
    .least = 1,
    .most = SIZE_MAX,
    .missing = "which folder shall the library be made equal to? `carrel sync DIR`",
    .summary = "make the library equal to folders",
    .details =
        "Adds what is new below the folders, reads again what changed, follows what was\n"
        "moved, and removes from the library what is gone from there or is ignored now;\n"
        "documents from elsewhere are left alone. The rules for what is read are those of\n"
        "`carrel add`. Files that look as they did (size, time, inode) are not opened; a file\n"
        "that could not be read is tried again when it or Carrel has changed, and a scan that\n"
        "was left unread when character recognition has become possible. A changed file\n"
        "that cannot be read, or is empty now, keeps its former version in the library, and\n"
        "answers say so. Files that are no documents are named once.\n"
        "\n"
        "When a folder is missing, cannot be read, or suddenly holds no document at all, as\n"
        "a disk does that is not mounted, nothing of it is removed; and nothing below a\n"
        "subfolder that was a disk of its own and is not mounted, or that held 20 documents\n"
        "or more and is empty now or gone as a whole, be it by an automounter or by `rm -r`.\n"
        "--allow-empty removes it all the same.\n"
        "\n"
        "Exit code 3 when a document could not be read, 4 when a folder is missing or\n"
        "suddenly empty, 5 when it may not be read, 9 when stopped.",
    .example = "  carrel sync --dry-run ~/manuals\n"
               "  carrel sync ~/manuals",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .starts_programs = true,
    .run = run,
};
