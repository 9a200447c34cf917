/* `carrel add`: files and folders into the library.
 *
 * First it looks at what there is, then it opens the model, starts the parsers and makes or opens
 * the library, and only then the first document. Documents are prepared in threads (batch.c) and
 * committed here, one transaction each, so that the batch can stop at any byte and go on later:
 * what is there already is known by its hash. It is the one command that may start a program, since
 * a parser that was killed is started anew; that one inherits the lock on the network.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/batch.h"

/* On a terminal a batch up to here has a line for each document beside the bar. */
#define LINES_ON_TERMINAL 20
/* How long to wait for a document before looking at Ctrl-C and the bar again. */
#define WAIT_MS 100

enum { ADD_JOBS = CLI_GLOBALS };

typedef struct {
    cli_files files;
    cli_found *todo;         /* of files, those to read */
    size_t todo_count, lost; /* lost: could not even be looked at */
    ingest_options how;
    text path; /* of the library */
    index_library *library;
    embed_model *embedder; /* the built-in one */
    embed_model *own;      /* the user's, where the library's vectors are of it */
    cli_batch *batch;
    cli_report report;
    cli_progress progress;
    cli_compute compute;
    cli_embedded later; /* chunks whose vectors come after the words */
} adding;

/* Looks through the operands; what is no document goes to the report at once. */
static void look(const cli_args *args, adding *x) {
    for (size_t i = 0; i < args->operand_count; i++) cli_walk(args->operands[i], &x->files);
    x->todo = mem_new(x->files.count, sizeof *x->todo);
    for (size_t i = 0; i < x->files.count; i++)
        if (!x->files.items[i].reason) x->todo[x->todo_count++] = x->files.items[i];
    const cli_terminal *out = cli_stdout();
    bool lines = !(out->tty && cli_stderr()->tty) || x->todo_count <= LINES_ON_TERMINAL;
    cli_report_start(&x->report, args->v[CLI_JSON].given, lines, &x->progress);
    for (size_t i = 0; i < x->files.count; i++) {
        const cli_found *f = &x->files.items[i];
        if (f->reason && f->code == ERROR_NONE) cli_report_skip(&x->report, f->path, f->reason);
        if (f->code != ERROR_NONE) {
            cli_prepared p = {.path = f->path};
            error err;
            error_set(&err, f->code, "%s", f->reason);
            cli_report_document(&x->report, &p, CLI_FAILED, &err);
            x->lost++;
        }
    }
}

static bool open_all(const cli_args *args, adding *x, error *err) {
    bool fresh = false;
    cli_compute_start(args, &x->compute);
    int jobs = args->v[ADD_JOBS].given ? (int)args->v[ADD_JOBS].number : x->compute.threads;
    if (jobs > CLI_JOBS_MAX) jobs = CLI_JOBS_MAX;
    if (!cli_open_embedder(&x->embedder, err) ||
        !cli_batch_open(x->todo, x->todo_count, jobs, &x->how, x->embedder, &x->batch, err) ||
        !cli_open_library(args, INDEX_CREATE, &x->path, &x->library, err) ||
        !cli_match_model(x->library, x->embedder, text_str(&x->path), &x->own, &fresh, err))
        return false;
    if (fresh) {
        index_model m = cli_index_model(x->own ? x->own : x->embedder);
        if (!index_set_model(x->library, &m, err)) return false;
    }
    bool later = x->own && !embed_is_static(x->own);
    return cli_batch_start(x->batch, x->library, later ? NULL : x->own ? x->own : x->embedder, err);
}

/* The vectors that documents did not bring along, of this run or of one that was stopped. */
static bool embed_rest(adding *x, error *err) {
    if (!cli_count_waiting(x->library, &x->later.left, err)) return false;
    if (x->later.left == 0 || cli_stopped()) return true;
    pool *threads = pool_new(x->compute.threads);
    bool ok = cli_embed_waiting(x->library, x->own ? x->own : x->embedder, threads, &x->later, err);
    pool_free(threads);
    if (ok && x->later.cut > 0)
        cli_note(
            "%llu chunks are longer than the embedding model reads, and were cut for it: words "
            "find all of them",
            (unsigned long long)x->later.cut);
    return ok;
}

/* A file whose bytes are in the library under another path: what its own path held before is no
 * longer true, and goes. The library's lock is held. */
static bool drop_former(adding *x, cli_prepared *p, index_outcome *outcome) {
    index_document former;
    error absent = {0};
    if (!index_find(x->library, p->identity, p->a, &former, &absent)) {
        if (absent.code == ERROR_NOT_FOUND) return true;
        p->err = absent;
        return false;
    }
    if (!str_eq(former.path, p->identity) ||
        memcmp(former.hash, p->in.hash, sizeof former.hash) == 0)
        return true;
    *outcome = INDEX_REPLACED;
    p->in.page_count = p->in.chunk_count = 0; /* they are counted where they stand */
    return index_remove(x->library, &former.id, 1, &p->err);
}

/* These bytes are there under another path: where that file is gone, it was moved here, and an answer
 * must not cite a file that nobody can open. A copy beside it stays as it is. */
static bool follow_move(adding *x, cli_prepared *p) {
    str stored;
    if (!index_path_of(x->library, p->in.hash, p->a, &stored, &p->err)) return false;
    if (stored.n == 0 || str_eq(stored, p->identity) || access(arena_cstr(p->a, stored), F_OK) == 0)
        return true;
    return index_move(x->library, p->in.hash, p->identity, &p->err);
}

/* False with err when the library itself does not take it: then the next would fare no better. */
static bool commit(adding *x, cli_prepared *p, error *err) {
    static const cli_outcome outcomes[] = {
        [INDEX_ADDED] = CLI_ADDED, [INDEX_REPLACED] = CLI_REPLACED, [INDEX_SAME] = CLI_PRESENT};
    index_outcome outcome = INDEX_SAME;
    int64_t id;
    bool readable = p->err.code == ERROR_NONE, ok = readable;
    if (readable) {
        cli_batch_lock_library(x->batch);
        ok = (p->present || index_add(x->library, &p->in, &outcome, &id, &p->err)) &&
             (outcome != INDEX_SAME || (drop_former(x, p, &outcome) && follow_move(x, p)));
        cli_batch_unlock_library(x->batch);
    }
    if (!ok && (p->err.code == ERROR_LIBRARY || (p->err.code == ERROR_IO && readable))) {
        *err = p->err;
        return false;
    }
    cli_report_document(&x->report, p, ok ? outcomes[outcome] : CLI_FAILED, &p->err);
    return true;
}

static bool run_batch(adding *x, size_t *unfinished, error *err) {
    cli_prepared *p;
    size_t done = 0;
    bool ok = true, told = false;
    cli_progress_start(&x->progress, x->todo_count);
    while (ok && cli_batch_take(x->batch, WAIT_MS, &p)) {
        if (p) {
            ok = commit(x, p, err);
            done += ok;
            cli_batch_release(x->batch, p);
        }
        size_t begun = cli_batch_begun(x->batch);
        cli_progress_step(&x->progress, done, str_of(begun ? x->todo[begun - 1].path : NULL));
        if ((cli_stopped() && !told) || cli_output_broken()) {
            cli_batch_stop(x->batch);
            cli_progress_clear(&x->progress);
            if (!told && cli_stopped())
                cli_note("stopping after the documents at hand; Ctrl-C again stops at once");
            told = true;
        }
    }
    cli_progress_end(&x->progress);
    *unfinished = x->todo_count - done;
    return ok;
}

/* What the report says as an exit code, with a sentence on stderr where it is not 0. */
static error_code verdict(const adding *x, size_t unfinished) {
    error err;
    const cli_report *r = &x->report;
    size_t failed = r->counts[CLI_FAILED];
    if (unfinished > 0) {
        error_set(&err, ERROR_CANCELLED,
                  "stopped with %zu of %zu files left; what was added "
                  "stays, and the same command goes on from there",
                  unfinished, x->todo_count);
        /* Whoever closed the pipe knows. */
        return cli_output_broken() ? ERROR_CANCELLED : cli_fail(&err);
    }
    if (x->later.left > 0) {
        error_set(&err, ERROR_CANCELLED,
                  "stopped with %llu chunks that only words find; the next `carrel add` or `carrel "
                  "model use` embeds them",
                  (unsigned long long)x->later.left);
        return cli_fail(&err);
    }
    if (failed > 0) {
        error_set(&err, r->only_absent ? ERROR_NOT_FOUND : ERROR_INPUT,
                  "%zu of %zu could not be added", failed, x->todo_count + x->lost);
        return cli_fail(&err);
    }
    if (x->todo_count == 0) {
        error_set(&err, ERROR_INPUT,
                  "there is nothing to add: no PDF, HTML, Markdown or text file "
                  "was found");
        return cli_fail(&err);
    }
    return ERROR_NONE;
}

static error_code run(const cli_args *args) {
    adding x = {0};
    error err = {0};
    size_t unfinished = 0;
    error_code code;
    cli_stop_watch();
    look(args, &x);
    bool ok = x.todo_count == 0 || (open_all(args, &x, &err) && run_batch(&x, &unfinished, &err) &&
                                    embed_rest(&x, &err));
    if (ok || x.progress.total > 0) {
        /* Also after a library that failed half-way: what was committed before is there. */
        cli_report_end(&x.report, text_str(&x.path), unfinished);
    }
    code = ok ? verdict(&x, unfinished) : cli_fail(&err);
    cli_batch_close(x.batch);
    cli_close_library(x.library, &x.path);
    embed_model_close(x.own);
    embed_model_close(x.embedder);
    cli_report_free(&x.report);
    cli_files_free(&x.files);
    mem_free(x.todo);
    text_free(&x.path);
    return code;
}

static const cli_option options[] = {
    {.name = "jobs",
     .letter = 'j',
     .kind = CLI_COUNT,
     .value = "N",
     .low = 1,
     .high = CLI_JOBS_MAX,
     .help = "parsers at once (default: one for each thread)"},
    CLI_COMPUTE_OPTIONS,
};

const cli_command cli_command_add = {
    .name = "add",
    .operands = "PATH...",
    .least = 1,
    .most = SIZE_MAX,
    .missing = "what shall be added? name a file or a folder",
    .summary = "read documents into the library",
    .details = "Reads PDF, HTML, Markdown and text files, and folders of them with all that is\n"
               "below. Hidden files and links to folders are skipped. What is in the library\n"
               "already, byte for byte, is not read again; a file that changed replaces its\n"
               "former version. Each document is committed by itself: Ctrl-C keeps what was\n"
               "added, and the same command goes on from there.\n"
               "\n"
               "Exit code 3 when a document failed or nothing was found to add; the others are\n"
               "added all the same.",
    .example = "  carrel add manuals/ handbook.pdf",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .starts_programs = true,
    .run = run,
};
