/* `carrel add`: files and folders into the library.
 *
 * First it looks at what there is, then it opens the model and makes or opens the library, and only
 * then the first document (intake.c). What is named is read again though it failed before; what is
 * in the library already, byte for byte, is not, unless --again says so. It is one of the commands
 * that may start a program, since a parser that was killed is started anew; that one inherits the
 * lock on the network.
 */
#include <stdio.h>
#include <string.h>

#include "cli/folder.h"

/* On a terminal a batch up to here has a line for each document beside the bar. */
#define LINES_ON_TERMINAL 20

enum { ADD_READING = CLI_GLOBALS, ADD_AGAIN = ADD_READING + CLI_READING_COUNT };

typedef struct {
    cli_files files;
    cli_found *todo;         /* of files, those to read */
    size_t todo_count, lost; /* lost: could not even be looked at */
    cli_reading reading;
    cli_intake intake;
    cli_report report;
} adding;

/* Looks through the operands; what is no document goes to the report at once. */
static void look(const cli_args *args, adding *x) {
    x->files.patterns = text_str(&x->reading.patterns);
    for (size_t i = 0; i < args->operand_count; i++) cli_walk(args->operands[i], &x->files);
    x->todo = mem_new(x->files.count, sizeof *x->todo);
    for (size_t i = 0; i < x->files.count; i++)
        if (!x->files.items[i].reason) x->todo[x->todo_count++] = x->files.items[i];
    const cli_terminal *out = cli_stdout();
    bool lines = !(out->tty && cli_stderr()->tty) || x->todo_count <= LINES_ON_TERMINAL;
    cli_report_start(&x->report, args->v[CLI_JSON].given, lines, &x->intake.progress);
    x->report.ignored = x->files.ignored;
    for (size_t i = 0; i < x->files.count; i++) {
        const cli_found *f = &x->files.items[i];
        if (f->reason && f->code == ERROR_NONE) cli_report_skip(&x->report, f->path, f->reason);
        if (f->code != ERROR_NONE) {
            cli_prepared p = {.path = f->path};
            error err;
            error_set(&err, f->code, "%s", f->reason);
            cli_report_document(&x->report, &p, CLI_FAILED, (str){0}, &err);
            x->lost++;
        }
    }
}

/* What is no document is noted as sync does it, so that `status --failed` names it; unless it is one
 * of the library's, whose file was spoiled. */
static bool note_skipped(adding *x, error *err) {
    bool ok = true;
    arena *a = arena_new();
    for (size_t i = 0; ok && i < x->files.count; i++) {
        const cli_found *f = &x->files.items[i];
        index_document d;
        bool found = false;
        if (!f->reason || f->code != ERROR_NONE) continue;
        text path = {0}, name = {0};
        if (cli_absolute(f->path, &path, NULL)) {
            cli_utf8_name(&name, text_str(&path));
            ok = index_at(x->intake.library, text_str(&name), a, &d, &found, err) &&
                 (found || cli_intake_note(&x->intake, text_str(&name), &f->look, ERROR_NONE,
                                           str_of(f->reason), err));
        }
        text_free(&path);
        text_free(&name);
    }
    arena_free(a);
    return ok;
}

static void came(void *context, const cli_prepared *p, cli_outcome outcome, str former,
                 const error *err) {
    adding *x = context;
    cli_report_document(&x->report, p, outcome, former, err);
}

/* What the report says as an exit code, with a sentence on stderr where it is not 0. */
static error_code verdict(const adding *x, size_t unfinished) {
    error err;
    const cli_report *r = &x->report;
    size_t failed = r->counts[CLI_FAILED];
    char skipped[64] = "";
    if (r->skipped > 0)
        snprintf(skipped, sizeof skipped, " (and %zu %s no documents)", r->skipped,
                 r->skipped == 1 ? "is" : "are");
    if (unfinished > 0) {
        error_set(&err, ERROR_CANCELLED,
                  "stopped with %zu of %zu files left; what was added stays%s, and the same "
                  "command goes on from there",
                  unfinished, x->todo_count,
                  x->intake.cut_scan ? " and so do the pages already recognised" : "");
        /* Whoever closed the pipe knows. */
        return cli_output_broken() ? ERROR_CANCELLED : cli_fail(&err);
    }
    if (x->intake.later.left > 0) {
        error_set(&err, ERROR_CANCELLED,
                  "stopped with %llu chunks that only words find; the next `carrel add` or `carrel "
                  "model use` embeds them",
                  (unsigned long long)x->intake.later.left);
        return cli_fail(&err);
    }
    if (failed > 0) {
        error_set(&err,
                  r->only_absent   ? ERROR_NOT_FOUND
                  : r->only_locked ? ERROR_PASSWORD
                                   : ERROR_INPUT,
                  "%zu of %zu files could not be added%s%s", failed,
                  x->todo_count + x->lost + r->skipped, skipped,
                  r->only_locked ? ": they ask for a password (--password -)" : "");
        return cli_fail(&err);
    }
    if (x->todo_count == 0) {
        error_set(&err, ERROR_INPUT,
                  "there is nothing to add: no document that Carrel reads was "
                  "found");
        return cli_fail(&err);
    }
    return ERROR_NONE;
}

static error_code run(const cli_args *args) {
    adding x = {.intake = {.came = came, .again = args->v[ADD_AGAIN].given}};
    error err = {0};
    size_t unfinished = 0;
    x.intake.context = &x;
    cli_stop_watch();
    if (!cli_reading_start(args, ADD_READING, &x.reading, &x.intake, &err)) {
        cli_reading_free(&x.reading);
        return cli_fail(&err);
    }
    look(args, &x);
    bool ok =
        x.todo_count == 0 || (cli_intake_open_library(&x.intake, &err) && note_skipped(&x, &err) &&
                              cli_intake_run(&x.intake, x.todo, x.todo_count, &unfinished, &err) &&
                              cli_intake_embed(&x.intake, &err));
    if (ok || x.intake.progress.total > 0) {
        /* Also after a library that failed half-way: what was committed before is there. */
        cli_report_end(&x.report, text_str(&x.intake.path), unfinished);
    }
    error_code code = ok ? verdict(&x, unfinished) : cli_fail(&err);
    cli_intake_close(&x.intake);
    cli_report_free(&x.report);
    cli_files_free(&x.files);
    cli_reading_free(&x.reading);
    mem_free(x.todo);
    return code;
}

static const cli_option options[] = {
    CLI_READING_OPTIONS,
    {.name = "again", .kind = CLI_FLAG, .help = "read anew what is in the library already"},
    CLI_COMPUTE_OPTIONS,
};

const cli_command cli_command_add = {
    .name = "add",
    .operands = "PATH...",
    .least = 1,
    .most = SIZE_MAX,
    .missing = "what shall be added? name a file or a folder",
    .summary = "read documents into the library",
    .details =
        "Reads documents, and folders of them with all that is below; a file's bytes tell\n"
        "its format. Hidden files, links to folders and what is only half written (*.part,\n"
        "*.crdownload, *.tmp, ~$*) are skipped, and so is what a .carrelignore of the\n"
        "folder or of one below names, with the rules of .gitignore. What is in the\n"
        "library already, byte for byte, is not read again; a file that changed replaces\n"
        "its former version. Each document is committed by itself, and each page of a scan\n"
        "is put away as it is recognised: Ctrl-C keeps what was done, and the same command\n"
        "goes on from there.\n"
        "\n"
        "Pages that are pictures and could not be recognised (--no-ocr, a language that is\n"
        "not installed) are read by the next `add` or `sync` that can. --again never puts a\n"
        "worse reading in the place of a better one: it says so and leaves what is there.\n"
        "The library remembers --ocr-lang; `--ocr-lang default` forgets it.\n"
        "\n"
        "A password on the command line can be seen by other users of the machine and\n"
        "stays in the history of the shell: `--password -` asks for it instead.\n"
        "\n"
        "Exit code 3 when a document failed or nothing was found to add, 10 when all that\n"
        "failed ask for a password; the others are added all the same.",
    .example = "  carrel add manuals/ handbook.pdf",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .starts_programs = true,
    .run = run,
};
