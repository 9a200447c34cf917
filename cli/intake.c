/* Intake: files come into the library, for add, sync and watch alike.
 *
 * Documents are prepared in threads (batch.c) and committed here, one transaction each, so that a
 * run can stop at any byte and go on later: what is there already is known by its hash, and how
 * each file looked is noted beside it, so that the next run need not even read it. A file that
 * cannot be read is noted with the reason. What a path held before goes when its file has other
 * bytes, unless a copy of the file still has them; a document whose file lies elsewhere now follows
 * it. Nothing here decides which files: that is the business of the commands.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/folder.h"

/* How long to wait for a document before looking at Ctrl-C and the bar again. */
#define WAIT_MS 100
/* A document may have to be read after all, because the one with its bytes has just gone. Twice is
 * rare; more is two programs at one library. */
#define ROUNDS_MAX 3

/* What was recognised of a file that never came to be a document: whoever cut a long scan off comes
 * back within days; what stays longer is text of a document that nobody added. */
#define RECOGNISED_KEPT_S (30 * 24 * 3600)

/* Whose files are looked for after a run; nobody has more, and looking costs microseconds each. */
#define FAILURES_LOOKED_AT 10000

/* Where a run stands. */
typedef struct {
    cli_intake *x;
    const cli_found *items;
    size_t count, done;
    cli_found *redo; /* of items; borrowed paths */
    size_t redo_count;
    bool told;
} running;

/* ---- what is noted of files --------------------------------------------------------------- */

static bool write_notes(cli_intake *x, error *err) {
    bool ok = index_note_files(x->library, x->held, x->held_count, err);
    arena_free(x->notes);
    x->notes = NULL;
    x->held_count = 0;
    return ok;
}

static bool hold_note(cli_intake *x, const index_file *f, error *err) {
    if (!x->notes) x->notes = arena_new();
    index_file *to = &x->held[x->held_count++];
    *to = *f;
    to->path = arena_str(x->notes, f->path);
    to->reason = arena_str(x->notes, f->reason);
    to->program = STR(CLI_VERSION);
    to->when = (int64_t)time(NULL);
    return x->held_count < CLI_NOTES_HELD || write_notes(x, err);
}

/* Reasons that lie in the file, and stay as long as it does. */
static bool lies_in_file(error_code code) {
    return code == ERROR_INPUT || code == ERROR_LIMIT || code == ERROR_PASSWORD ||
           code == ERROR_INTERNAL;
}

static bool same_look(const index_look *a, const index_look *b) {
    return a->bytes == b->bytes && a->mtime_ns == b->mtime_ns && a->inode == b->inode;
}

/* Of a document that is there, or of a file that failed. */
static bool note_file(cli_intake *x, cli_prepared *p, error *err) {
    index_file now = {.path = p->identity, .hashed = p->hashed, .look = p->in.look}, before;
    bool found;
    if (p->err.code != ERROR_NONE && !lies_in_file(p->err.code)) return true;
    memcpy(now.hash, p->in.hash, sizeof now.hash);
    now.code = p->err.code;
    if (now.code != ERROR_NONE) now.reason = str_of(p->err.text);
    if (!index_get_file(x->library, p->identity, p->a, &before, &found, err)) return false;
    p->noted =
        found && before.code == ERROR_NONE && memcmp(before.hash, now.hash, sizeof now.hash) == 0;
    if (p->noted && now.code == ERROR_NONE && same_look(&before.look, &now.look)) return true;
    return hold_note(x, &now, err);
}

bool cli_intake_note(cli_intake *x, str identity, const index_look *look, error_code code,
                     str reason, error *err) {
    index_file f = {.path = identity, .code = code, .reason = reason};
    f.look = cli_settled_look(*look);
    return hold_note(x, &f, err);
}

bool cli_intake_knows(cli_intake *x, str identity, const index_look *look, bool *failed) {
    index_file f;
    bool found;
    arena *a = arena_new();
    bool ok = index_get_file(x->library, identity, a, &f, &found, NULL) && found &&
              (f.hashed || f.code != ERROR_NONE) && same_look(&f.look, look) && look->inode != 0;
    *failed = ok && f.code != ERROR_NONE;
    if (*failed)
        ok = str_eq(f.program, STR(CLI_VERSION)) && lies_in_file(f.code) &&
             !(f.code == ERROR_PASSWORD && x->how.password.n > 0);
    /* A password may open what was locked when it was read. */
    uint32_t locked = 0;
    if (ok && !*failed && x->how.password.n > 0)
        ok = index_count_locked(x->library, f.hash, &locked, NULL) && locked == 0;
    /* And what was left unread, recognition that is there now. */
    bool may = false;
    if (ok && !*failed) ok = cli_ocr_may_help(&x->ocr, x->library, f.hash, &may, NULL) && !may;
    arena_free(a);
    return ok;
}

/* ---- one document ------------------------------------------------------------------------- */

/* The bytes that this path had before may stand under other paths; those whose file is gone are no
 * place for the document to stay at. */
static bool forget_gone_copies(cli_intake *x, const cli_prepared *p, error *err) {
    index_document former;
    bool found;
    str *paths;
    size_t count, gone = 0;
    if (!index_at(x->library, p->identity, p->a, &former, &found, err)) return false;
    if (!found || memcmp(former.hash, p->in.hash, sizeof former.hash) == 0) return true;
    if (!index_copies(x->library, former.hash, p->a, &paths, &count, err)) return false;
    for (size_t i = 0; i < count; i++)
        if (!str_eq(paths[i], p->identity) && !cli_file_there(paths[i])) paths[gone++] = paths[i];
    return index_forget_files(x->library, paths, gone, err);
}

/* These bytes are there under another path: where that file is gone, it was moved here, and an
 * answer must not cite a file that nobody can open; nor one that can no longer be read. A copy
 * beside it stays as it is. */
static bool follow_move(cli_intake *x, cli_prepared *p, str *former, error *err) {
    str stored;
    index_file file;
    bool noted;
    *former = (str){0};
    if (!index_path_of(x->library, p->in.hash, p->a, &stored, err) ||
        !index_get_file(x->library, stored, p->a, &file, &noted, err))
        return false;
    bool there = cli_file_there(stored) && !(noted && file.former);
    if (stored.n == 0 || str_eq(stored, p->identity) || there) return true;
    *former = stored;
    return index_move(x->library, p->in.hash, p->identity, err) &&
           index_forget_files(x->library, &stored, 1, err);
}

static bool put_in(cli_intake *x, cli_prepared *p, cli_outcome *outcome, str *former, error *err) {
    static const cli_outcome outcomes[] = {
        [INDEX_ADDED] = CLI_ADDED, [INDEX_REPLACED] = CLI_REPLACED, [INDEX_SAME] = CLI_PRESENT};
    index_outcome done = INDEX_SAME;
    int64_t id;
    if (!forget_gone_copies(x, p, err) || !index_add(x->library, &p->in, &done, &id, err))
        return false;
    if (!p->present && done != INDEX_SAME) {
        *outcome = outcomes[done];
        return true;
    }
    p->in.page_count = p->in.chunk_count = 0; /* they are counted where they stand */
    if (p->retried.n > 0 && !index_set_unread(x->library, p->in.hash, p->retried, err))
        return false;
    if (!follow_move(x, p, former, err) || !note_file(x, p, err)) return false;
    *outcome = done == INDEX_SAME && former->n > 0 ? CLI_MOVED : outcomes[done];
    return true;
}

/* False with err when the library itself does not take it. The library is locked: what `came` asks
 * of it must not meet the questions of the threads. */
static bool commit_locked(running *r, cli_prepared *p, error *err) {
    cli_intake *x = r->x;
    cli_outcome outcome = CLI_FAILED;
    str former = {0};
    bool readable = p->err.code == ERROR_NONE, ok;
    if (readable)
        ok = put_in(x, p, &outcome, &former, &p->err);
    else
        ok = note_file(x, p, err) || ((p->err = *err), false);
    if (readable && !ok && p->present && p->err.code == ERROR_NOT_FOUND) {
        r->redo[r->redo_count++] = *p->found;
        return true;
    }
    if (!ok && (p->err.code == ERROR_LIBRARY || (p->err.code == ERROR_IO && readable))) {
        *err = p->err;
        return false;
    }
    x->came(x->context, p, outcome, former, &p->err);
    if (p->kept.n > 0) {
        cli_progress_clear(&x->progress);
        cli_note("%s: " STR_FMT, p->path, STR_ARG(p->kept));
    }
    return true;
}

static bool commit(running *r, cli_prepared *p, error *err) {
    cli_batch_lock_library(r->x->batch);
    bool ok = commit_locked(r, p, err);
    cli_batch_unlock_library(r->x->batch);
    return ok;
}

/* ---- models ------------------------------------------------------------------------------- */

/* What embeds, opened when there is the first chunk to embed: most runs of sync have none. */
static bool open_models(cli_intake *x, error *err) {
    bool fresh = false;
    if (!x->embedder) {
        cli_compute_start(x->args, &x->compute);
        if (!cli_open_embedder(&x->embedder, err)) return false;
    }
    if (x->matched) return true;
    if (!cli_match_model(x->library, x->embedder, text_str(&x->path), &x->own, &fresh, err))
        return false;
    index_model m = cli_index_model(x->own ? x->own : x->embedder);
    x->matched = !fresh || index_set_model(x->library, &m, err);
    return x->matched;
}

/* ---- a run -------------------------------------------------------------------------------- */

static void tell_stop(running *r) {
    if (!r->told) r->x->cut_scan = cli_batch_where(r->x->batch).pages > 0;
    cli_batch_stop(r->x->batch);
    cli_progress_clear(&r->x->progress);
    if (!r->told && cli_stopped())
        cli_note("stopping; what is done stays%s",
                 r->x->cut_scan ? ", and so do the pages that were recognised" : "");
    r->told = true;
}

/* "page 37 of 412, 9:20 left  scan.pdf": a thick scan takes hours, and the bar counts documents. */
static void show_progress(running *r) {
    cli_intake *x = r->x;
    cli_batch_place at = cli_batch_where(x->batch);
    text name = {0};
    if (at.pages > 1) {
        text_printf(&name, "page %zu of %zu", at.done < at.pages ? at.done + 1 : at.pages,
                    at.pages);
        if (at.left_ms > 0) {
            text_put(&name, STR(", "));
            cli_put_duration(&name, at.left_ms / 1000);
            text_put(&name, STR(" left"));
        }
        text_put(&name, STR("  "));
    }
    text_put(&name, cli_file_name(at.name));
    cli_progress_step(&x->progress, r->done, text_str(&name));
    text_free(&name);
}

static bool take_all(running *r, error *err) {
    cli_intake *x = r->x;
    cli_prepared *p;
    bool ok = true;
    while (ok && cli_batch_take(x->batch, WAIT_MS, &p)) {
        if (p) {
            bool whole = p->err.code != ERROR_CANCELLED;
            ok = !whole || commit(r, p, err);
            r->done += ok && whole;
            cli_batch_release(x->batch, p);
        }
        show_progress(r);
        if ((cli_stopped() && !r->told) || cli_output_broken()) tell_stop(r);
    }
    return ok;
}

static bool run_round(running *r, error *err) {
    cli_intake *x = r->x;
    int jobs = x->jobs > 0 ? x->jobs : x->compute.threads;
    if (jobs > CLI_JOBS_MAX) jobs = CLI_JOBS_MAX;
    bool later = x->own && !embed_is_static(x->own);
    bool ok =
        cli_batch_open(r->items, r->count, jobs, &x->how, &x->ocr, x->embedder, &x->batch, err) &&
        cli_batch_start(x->batch, x->library,
                        later    ? NULL
                        : x->own ? x->own
                                 : x->embedder,
                        x->again, err) &&
        take_all(r, err);
    cli_batch_close(x->batch);
    x->batch = NULL;
    return ok;
}

/* Before hours of work begin, and once. */
static void tell_ocr(cli_intake *x) {
    if (x->ocr.problem[0] && !x->ocr_told)
        cli_note(
            "pages that are pictures stay unread for now: %s; the next `carrel add` or `carrel "
            "sync` of their files reads them",
            x->ocr.problem);
    x->ocr_told = true;
}

bool cli_intake_run(cli_intake *x, const cli_found *items, size_t count, size_t *unfinished,
                    error *err) {
    running r = {.x = x, .items = items, .count = count};
    cli_found *before = NULL;
    bool ok = open_models(x, err);
    *unfinished = count;
    if (count > 0) tell_ocr(x);
    cli_progress_start(&x->progress, count);
    for (int round = 0; ok && r.count > 0 && round < ROUNDS_MAX; round++) {
        r.redo = mem_new(r.count, sizeof *r.redo);
        r.redo_count = r.done = 0;
        ok = run_round(&r, err);
        *unfinished = r.count - r.done;
        mem_free(before);
        r.items = before = r.redo;
        r.count = r.redo_count;
        if (cli_stopped() || cli_output_broken()) break;
    }
    if (ok && r.items != items) *unfinished += r.count; /* that are to be read once more */
    mem_free(before);
    cli_progress_end(&x->progress);
    return write_notes(x, ok ? err : NULL) && ok;
}

bool cli_intake_embed(cli_intake *x, error *err) {
    if (!cli_count_waiting(x->library, &x->later.left, err)) return false;
    if (x->later.left == 0 || cli_stopped()) return true;
    if (!open_models(x, err)) return false;
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

/* ---- opening and closing ------------------------------------------------------------------ */

bool cli_intake_open_library(cli_intake *x, error *err) {
    arena *a = arena_new();
    /* What was named and is not there, before a library is made for it. */
    bool ok = cli_ocr_find(&x->ocr, NULL, false, &x->how, a, err) &&
              cli_open_library(x->args, INDEX_CREATE, &x->path, &x->library, err) &&
              cli_ocr_find(&x->ocr, x->library, true, &x->how, a, err);
    if (ok) index_wipe_later(x->library, true);
    arena_free(a);
    return ok;
}

/* Files that failed and are there no longer. */
static bool forget_vanished(cli_intake *x, error *err) {
    index_file *files;
    size_t count, gone = 0;
    arena *a = arena_new();
    bool ok = index_failed_files(x->library, FAILURES_LOOKED_AT, a, &files, &count, err);
    str *paths = arena_alloc(a, ok ? count : 0, sizeof *paths);
    for (size_t i = 0; ok && i < count; i++)
        if (!cli_name_there(files[i].path)) paths[gone++] = files[i].path;
    ok = ok && index_forget_files(x->library, paths, gone, err);
    arena_free(a);
    return ok;
}

bool cli_intake_close_library(cli_intake *x, bool wipe, error *err) {
    bool ok = !x->library ||
              (write_notes(x, err) && forget_vanished(x, err) &&
               index_forget_recognised(x->library, (int64_t)time(NULL) - RECOGNISED_KEPT_S, err));
    if (x->library) {
        index_wipe_later(x->library, !wipe);
        cli_close_library(x->library, &x->path);
    }
    x->library = NULL;
    x->matched = false;
    embed_model_close(x->own);
    x->own = NULL;
    return ok;
}

void cli_intake_close(cli_intake *x) {
    (void)cli_intake_close_library(x, true, NULL); /* what it could not note is only read again */
    embed_model_close(x->embedder);
    x->embedder = NULL;
    text_free(&x->path);
}
