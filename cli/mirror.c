/* Mirror: what differs between folders and the library, and the doing of it.
 *
 * A walk tells what is there; files that look as they were noted are not opened, so that ten
 * thousand unchanged ones cost a moment. What is new or looks different is read first, and only
 * then does what is gone go: so a file that was moved or renamed is known by its bytes and keeps
 * its place in the library. Nothing is removed on weak evidence: not below a folder that cannot be
 * read, not when a whole folder is missing or suddenly empty (a disk that is not mounted looks like
 * that; guard.c knows those below the root), not when the file of a document is there but was
 * spoiled (a save that failed leaves it empty), and never anything that lies outside of the
 * folders. Held in memory are the paths, and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/mirror.h"

/* Something that the walk has met, under the name that the library has for it. */
typedef struct {
    str path;
    const cli_found *found;
} met;

typedef struct {
    cli_mirror *m;
    cli_files files;
    size_t *scope_ends; /* of files.items, one for each scope */
    const cli_scope *scopes;
    size_t scope_count;
    size_t walking; /* the root at hand */
    met *met;       /* by path */
    size_t met_count;
    str *unread; /* folders that could not be read */
    size_t unread_count;
    cli_found *todo; /* borrowed from files */
    size_t *todo_root;
    size_t todo_count;
    arena *a;
    /* What is gone from one scope: */
    str *gone;
    int64_t *gone_ids;
    size_t gone_count, gone_room, gone_documents, spoiled;
    str *moved_from; /* in a dry run: these are not removed */
    size_t moved_count;
    str *disks; /* folders that are mounted below the roots */
    size_t disk_count, disk_room;
} mirroring;

/* ---- roots -------------------------------------------------------------------------------- */

bool cli_lies_below(str path, str folder) {
    if (folder.n > 0 && folder.p[folder.n - 1] == '/') folder.n--;
    return str_starts(path, folder) && (path.n == folder.n || path.p[folder.n] == '/');
}

static bool find_root(const char *operand, cli_root *r, error *err) {
    struct stat st;
    r->operand = operand;
    if (!*operand) return error_set(err, ERROR_USAGE, "a path cannot be empty");
    if (!cli_absolute(operand, &r->path, err)) return false;
    if (stat(operand, &st) == 0 && !S_ISDIR(st.st_mode))
        return error_set(err, ERROR_INPUT, "%s is no folder: `carrel add` takes single files",
                         operand);
    return true;
}

static void free_roots(cli_root *roots, size_t count) {
    for (size_t i = 0; roots && i < count; i++) text_free(&roots[i].path);
    mem_free(roots);
}

static bool find_roots(char **operands, size_t *count, cli_root **out, error *err) {
    size_t n = 0;
    cli_root *roots = mem_new(*count, sizeof *roots);
    for (size_t i = 0; i < *count; i++) {
        if (!find_root(operands[i], &roots[i], err)) {
            free_roots(roots, *count);
            return false;
        }
    }
    for (size_t i = 0; i < *count; i++) {
        bool inside = false;
        for (size_t k = 0; k < *count && !inside; k++)
            inside = k != i && cli_lies_below(text_str(&roots[i].path), text_str(&roots[k].path)) &&
                     (roots[i].path.n > roots[k].path.n || k < i);
        if (inside) roots[i].operand = NULL;
    }
    for (size_t i = 0; i < *count; i++) {
        if (roots[i].operand)
            roots[n++] = roots[i];
        else
            text_free(&roots[i].path);
    }
    *count = n;
    *out = roots;
    return true;
}

bool cli_mirror_open(cli_mirror *m, const cli_args *args, size_t first, error *err) {
    m->root_count = args->operand_count;
    return find_roots(args->operands, &m->root_count, &m->roots, err) &&
           cli_reading_start(args, first, &m->reading, &m->intake, err);
}

void cli_mirror_close(cli_mirror *m) {
    cli_intake_close(&m->intake);
    free_roots(m->roots, m->root_count);
    cli_reading_free(&m->reading);
}

static void look_at_root(cli_root *r) {
    struct stat st;
    r->there = stat(r->path.p, &st) == 0 && S_ISDIR(st.st_mode);
    if (!r->there)
        error_set(&r->problem, ERROR_NOT_FOUND,
                  "%s is not there: nothing of it is removed from the library", r->operand);
    else if (access(r->path.p, R_OK | X_OK) != 0) {
        r->there = false;
        error_set(&r->problem, ERROR_IO,
                  "%s may not be read by this user: nothing of it is removed from the library",
                  r->operand);
    }
}

/* The path of an item or document as the user would reach it. */
static str shown_path(mirroring *w, size_t root, str path) {
    const cli_root *r = &w->m->roots[root];
    str real = text_str(&r->path), operand = str_of(r->operand);
    if (!cli_lies_below(path, real)) return path;
    str rest = str_cut(path, real.n, path.n);
    while (operand.n > 1 && operand.p[operand.n - 1] == '/') operand.n--;
    if (operand.n > 0 && operand.p[operand.n - 1] == '/' && rest.n > 0) operand.n--;
    return arena_printf(w->a, STR_FMT STR_FMT, STR_ARG(operand), STR_ARG(rest));
}

static void tell(mirroring *w, cli_change change) {
    w->m->counts[change.kind]++;
    w->m->told(w->m->context, &change);
}

/* ---- looking ------------------------------------------------------------------------------ */

/* Called for each plain file of the walk. */
static bool is_known(void *context, const char *path, const index_look *look) {
    mirroring *w = context;
    bool failed = false;
    text name = {0};
    if (!w->m->intake.library) return false;
    cli_utf8_name(&name, str_of(path));
    bool known = cli_intake_knows(&w->m->intake, text_str(&name), look, &failed);
    text_free(&name);
    if (!known || (w->m->check && !failed)) return false;
    w->m->failed_before += failed;
    w->m->unchanged += !failed;
    return true;
}

static void note_disk(mirroring *w, const char *path) {
    text name = {0};
    cli_utf8_name(&name, str_of(path));
    if (w->disk_count == w->disk_room) {
        w->disk_room = w->disk_room ? 2 * w->disk_room : 8;
        w->disks = mem_grow(w->disks, w->disk_room, sizeof *w->disks);
    }
    w->disks[w->disk_count++] = arena_str(w->a, text_str(&name));
    text_free(&name);
}

static void on_folder(void *context, const char *path) {
    mirroring *w = context;
    if (strcmp(path, w->m->roots[w->walking].path.p) != 0 && cli_is_disk(path)) note_disk(w, path);
    if (w->m->folder) w->m->folder(w->m->context, w->walking, path);
}

/* The name that the library has for what the walk met: of a link that of its file. */
static str identity_of(mirroring *w, const cli_found *f) {
    text real = {0}, name = {0};
    str path = str_of(f->path);
    if (!f->link && utf8_valid(path)) return path;
    if (f->link && cli_absolute(f->path, &real, NULL)) path = text_str(&real);
    cli_utf8_name(&name, path);
    path = arena_str(w->a, text_str(&name));
    text_free(&real);
    text_free(&name);
    return path;
}

static int by_path(const void *a, const void *b) {
    return str_compare(((const met *)a)->path, ((const met *)b)->path);
}

static const cli_found *find_met(const mirroring *w, str path) {
    met key = {.path = path};
    met *at = w->met_count ? bsearch(&key, w->met, w->met_count, sizeof *w->met, by_path) : NULL;
    return at ? at->found : NULL;
}

static bool unsettled(const cli_mirror *m, const cli_found *f) {
    struct timespec now;
    if (m->settle_ns == 0) return false;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - f->changed_ns;
    return age >= 0 && age < m->settle_ns; /* a clock that is ahead of ours says nothing */
}

static bool is_document(const mirroring *w, str path) {
    index_document d;
    bool found = false;
    return w->m->intake.library && index_at(w->m->intake.library, path, w->a, &d, &found, NULL) &&
           found;
}

static bool note(mirroring *w, const cli_found *f, str path, error_code code, error *err) {
    cli_mirror *m = w->m;
    return m->dry_run || cli_intake_note(&m->intake, path, &f->look, code, str_of(f->reason), err);
}

/* A file that is no document is told of when it is first met. That it was one is not forgotten: see
 * collect_gone. */
static bool pass_over(mirroring *w, size_t root, const cli_found *f, str path, error *err) {
    cli_mirror *m = w->m;
    index_file before;
    bool noted = false;
    if (is_document(w, path)) return true;
    m->skipped++;
    if (m->intake.library && !index_get_file(m->intake.library, path, w->a, &before, &noted, err))
        return false;
    if (noted && !before.hashed && before.code == ERROR_NONE) return true;
    tell(w, (cli_change){.kind = CLI_CHANGE_NOT_READ,
                         .path = path,
                         .shown = shown_path(w, root, str_of(f->path)),
                         .reason = str_of(f->reason)});
    return note(w, f, path, ERROR_NONE, err);
}

static bool choose(mirroring *w, size_t root, const cli_found *f, str path, error *err) {
    cli_mirror *m = w->m;
    if (f->reason && f->code == ERROR_NONE && !unsettled(m, f))
        return pass_over(w, root, f, path, err);
    if (f->reason && f->code != ERROR_NONE) {
        tell(w, (cli_change){.kind = CLI_CHANGE_FAILED,
                             .path = path,
                             .shown = shown_path(w, root, str_of(f->path)),
                             .reason = str_of(f->reason),
                             .code = f->code});
        return note(w, f, path, f->code, err);
    }
    if (!f->known && unsettled(m, f)) {
        size_t skip = m->roots[root].path.n;
        str rest = str_cut(str_of(f->path), skip, SIZE_MAX);
        while (rest.n > 0 && rest.p[0] == '/') rest = str_cut(rest, 1, rest.n);
        if (m->postponed) m->postponed(m->context, root, rest);
    } else if (!f->known) {
        w->todo[w->todo_count] = *f;
        w->todo[w->todo_count++].root = root;
    }
    return true;
}

static bool look(mirroring *w, error *err) {
    bool ok = true;
    cli_mirror *m = w->m;
    w->files = (cli_files){.patterns = text_str(&m->reading.patterns),
                           .known = is_known,
                           .folder = on_folder,
                           .context = w};
    w->scope_ends = mem_new(w->scope_count, sizeof *w->scope_ends);
    for (size_t i = 0; i < m->root_count; i++) look_at_root(&m->roots[i]);
    for (size_t i = 0; i < w->scope_count; i++) {
        const cli_scope *s = &w->scopes[i];
        w->files.only = s->only;
        w->walking = s->root;
        if (m->roots[s->root].there) cli_walk(m->roots[s->root].path.p, &w->files);
        w->scope_ends[i] = w->files.count;
    }
    m->ignored = w->files.ignored;
    w->met = mem_new(w->files.count, sizeof *w->met);
    w->todo = mem_new(w->files.count, sizeof *w->todo);
    size_t unread = 0;
    for (size_t i = 0; i < w->files.count; i++) unread += w->files.items[i].folder;
    w->unread = arena_alloc(w->a, unread, sizeof *w->unread);
    for (size_t i = 0, scope = 0; ok && i < w->files.count; i++) {
        while (i >= w->scope_ends[scope]) scope++;
        const cli_found *f = &w->files.items[i];
        w->met[w->met_count] = (met){identity_of(w, f), f};
        str path = w->met[w->met_count++].path;
        if (f->folder) w->unread[w->unread_count++] = path;
        ok = choose(w, w->scopes[scope].root, f, path, err);
    }
    if (w->met_count) qsort(w->met, w->met_count, sizeof *w->met, by_path);
    return ok;
}

/* ---- what is new or different ------------------------------------------------------------- */

static void came(void *context, const cli_prepared *p, cli_outcome outcome, str former,
                 const error *err) {
    static const cli_change_kind kinds[CLI_OUTCOMES] = {
        [CLI_ADDED] = CLI_CHANGE_NEW,     [CLI_REPLACED] = CLI_CHANGE_CHANGED,
        [CLI_PRESENT] = CLI_CHANGE_COPY,  [CLI_MOVED] = CLI_CHANGE_MOVED,
        [CLI_FAILED] = CLI_CHANGE_FAILED,
    };
    mirroring *w = context;
    cli_mirror *m = w->m;
    str stands = {0};
    size_t root = p->found->root;
    if (outcome == CLI_PRESENT &&
        (!index_path_of(m->intake.library, p->in.hash, w->a, &stands, NULL) ||
         str_eq(stands, p->identity) || p->noted)) {
        m->unchanged++; /* it only looked different */
        return;
    }
    /* Gone since it was met: nothing failed, and the next look sees it so. */
    if (outcome == CLI_FAILED && err->code == ERROR_NOT_FOUND && !cli_name_there(p->identity))
        return;
    tell(w, (cli_change){.kind = kinds[outcome],
                         .path = p->identity,
                         .shown = shown_path(w, root, str_of(p->path)),
                         .from = outcome == CLI_MOVED ? shown_path(w, root, former)
                                                      : shown_path(w, root, stands),
                         .reason = str_of(err->text),
                         .code = err->code,
                         .former = outcome == CLI_FAILED && is_document(w, p->identity),
                         .document = p});
}

/* Of a dry run: what would become of a file, by its bytes. */
static void foresee(mirroring *w, size_t i) {
    const cli_found *f = &w->todo[i];
    index_library *l = w->m->intake.library;
    index_document d;
    bool found = false, may = false;
    uint8_t hash[32];
    str stands = {0}, path = identity_of(w, f);
    error err;
    cli_change c = {
        .kind = CLI_CHANGE_NEW, .path = path, .shown = shown_path(w, f->root, str_of(f->path))};
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || !ingest_hash(fd, hash, &err)) {
        c.kind = CLI_CHANGE_FAILED;
        c.code = ERROR_IO;
        c.reason = STR("it cannot be read from the disk");
    } else if (l && index_path_of(l, hash, w->a, &stands, &err) && stands.n > 0) {
        c.from = shown_path(w, f->root, stands);
        c.kind = cli_file_there(stands) ? CLI_CHANGE_COPY : CLI_CHANGE_MOVED;
        if (c.kind == CLI_CHANGE_MOVED) w->moved_from[w->moved_count++] = stands;
    } else if (l && index_at(l, path, w->a, &d, &found, &err) && found) {
        c.kind = CLI_CHANGE_CHANGED;
    }
    if (fd >= 0) close(fd);
    bool stays = str_eq(stands, path);
    if (stays && cli_ocr_may_help(&w->m->intake.ocr, l, hash, &may, &err) && may) {
        c.kind = CLI_CHANGE_CHANGED; /* its scans would be recognised now */
        c.from = (str){0};
        stays = false;
    }
    if (stays)
        w->m->unchanged++;
    else
        tell(w, c);
}

static bool take_in(mirroring *w, error *err) {
    cli_mirror *m = w->m;
    m->unfinished = 0;
    if (m->dry_run) {
        w->moved_from = arena_alloc(w->a, w->todo_count, sizeof *w->moved_from);
        for (size_t i = 0; i < w->todo_count && !cli_stopped(); i++) foresee(w, i);
        return true;
    }
    m->intake.came = came;
    m->intake.context = w;
    return w->todo_count == 0 ||
           cli_intake_run(&m->intake, w->todo, w->todo_count, &m->unfinished, err);
}

/* ---- what is gone ------------------------------------------------------------------------- */

static bool below_unread(const mirroring *w, str path) {
    for (size_t i = 0; i < w->unread_count; i++)
        if (cli_lies_below(path, w->unread[i])) return true;
    return false;
}

/* index_path_fn */
static bool collect_gone(void *context, str path, int64_t id) {
    mirroring *w = context;
    const cli_found *f = find_met(w, path);
    bool is_other = f && f->reason && f->code == ERROR_NONE && id != 0 && !unsettled(w->m, f);
    bool spoiled = is_other && cli_file_there(path); /* else it is a link to nowhere */
    if ((f && !is_other) || below_unread(w, path)) return true;
    for (size_t i = 0; i < w->moved_count; i++)
        if (str_eq(w->moved_from[i], path)) return true;
    if (w->gone_count == w->gone_room) {
        w->gone_room = w->gone_room ? 2 * w->gone_room : 64;
        w->gone = mem_grow(w->gone, w->gone_room, sizeof *w->gone);
        w->gone_ids = mem_grow(w->gone_ids, w->gone_room, sizeof *w->gone_ids);
    }
    w->gone[w->gone_count] = arena_str(w->a, path);
    w->gone_ids[w->gone_count++] = id;
    w->gone_documents += id != 0 && !spoiled;
    w->spoiled += spoiled;
    return true;
}

/* A document whose bytes are still in another file stays under that one's path. */
static bool stays_as_copy(mirroring *w, size_t i, size_t root, bool *stays, error *err) {
    index_library *l = w->m->intake.library;
    index_document d;
    str *copies;
    size_t count;
    *stays = false;
    if (!index_find(l, arena_printf(w->a, "#%lld", (long long)w->gone_ids[i]), w->a, &d, err) ||
        !index_copies(l, d.hash, w->a, &copies, &count, err))
        return false;
    for (size_t k = 0; k < count && !*stays; k++) {
        const cli_found *f = find_met(w, copies[k]);
        if (str_eq(copies[k], w->gone[i]) || !cli_file_there(copies[k]) || (f && f->reason))
            continue;
        *stays = true;
        if (!w->m->dry_run &&
            (!index_move(l, d.hash, copies[k], err) || !index_forget_files(l, &w->gone[i], 1, err)))
            return false;
        tell(w, (cli_change){.kind = CLI_CHANGE_MOVED,
                             .path = copies[k],
                             .shown = shown_path(w, root, copies[k]),
                             .from = shown_path(w, root, w->gone[i])});
    }
    return true;
}

/* Its file is there, but is no document any more: what was read before goes on answering. */
static bool keep_former(mirroring *w, size_t root, const cli_found *f, str path, error *err) {
    tell(w, (cli_change){.kind = CLI_CHANGE_FAILED,
                         .path = path,
                         .shown = shown_path(w, root, path),
                         .reason = str_of(f->reason),
                         .code = ERROR_INPUT,
                         .former = true});
    return note(w, f, path, ERROR_INPUT, err);
}

static str gone_reason(mirroring *w, str path) {
    struct stat st;
    if (!cli_file_there(path)) return (str){0};
    bool folder = stat(arena_cstr(w->a, path), &st) == 0 && S_ISDIR(st.st_mode);
    return folder ? STR("it is a folder now") : STR("it is ignored now");
}

static bool remove_gone(mirroring *w, size_t root, error *err) {
    index_library *l = w->m->intake.library;
    int64_t *ids = mem_new(w->gone_count, sizeof *ids);
    str *paths = mem_new(w->gone_count, sizeof *paths),
        *forget = mem_new(w->gone_count, sizeof *forget);
    size_t count = 0, forgotten = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < w->gone_count; i++) {
        bool stays = false;
        if (w->gone_ids[i] == 0) {
            forget[forgotten++] = w->gone[i];
            continue;
        }
        ok = stays_as_copy(w, i, root, &stays, err);
        const cli_found *f = find_met(w, w->gone[i]);
        if (ok && !stays && f && cli_file_there(w->gone[i])) {
            ok = keep_former(w, root, f, w->gone[i], err);
        } else if (ok && !stays) {
            paths[count] = w->gone[i];
            ids[count++] = w->gone_ids[i];
        }
    }
    if (ok && !w->m->dry_run)
        ok = index_forget_files(l, forget, forgotten, err) && index_remove(l, ids, count, err);
    for (size_t i = 0; ok && i < count; i++)
        tell(w, (cli_change){.kind = CLI_CHANGE_REMOVED,
                             .path = paths[i],
                             .shown = shown_path(w, root, paths[i]),
                             .reason = gone_reason(w, paths[i])});
    mem_free(ids);
    mem_free(paths);
    mem_free(forget);
    return ok;
}

static void keep(mirroring *w, size_t documents, error why) {
    if (w->m->kept == 0) w->m->why_kept = why;
    w->m->kept += documents;
}

/* What only its disk or its folder took along stays, but where the user says that it is gone. */
static bool spare_missing(mirroring *w, str root, error *err) {
    cli_mirror *m = w->m;
    cli_gone g = {root, w->gone, w->gone_ids, w->gone_count};
    size_t documents;
    error why;
    if (m->allow_empty) return m->dry_run || cli_forget_disks(m->intake.library, root, w->a, err);
    if (!cli_guard_gone(m->intake.library, &g, w->a, &documents, &why, err)) return false;
    w->gone_count = g.count;
    if (documents > 0) keep(w, documents, why);
    return true;
}

static bool write_disks(mirroring *w, error *err) {
    str *known;
    size_t count;
    bool ok = w->disk_count == 0 || index_disks(w->m->intake.library, w->a, &known, &count, err);
    for (size_t i = 0; ok && i < w->disk_count; i++) {
        bool noted = false;
        for (size_t k = 0; k < count && !noted; k++) noted = str_eq(known[k], w->disks[i]);
        ok = noted || index_note_disk(w->m->intake.library, w->disks[i], err);
    }
    return ok;
}

static bool let_go(mirroring *w, size_t scope, error *err) {
    cli_mirror *m = w->m;
    const cli_scope *s = &w->scopes[scope];
    const cli_root *r = &m->roots[s->root];
    size_t begin = scope ? w->scope_ends[scope - 1] : 0;
    str path = text_str(&r->path);
    text name = {0};
    if (s->only.n > 0)
        path = arena_printf(w->a, STR_FMT "%s" STR_FMT, STR_ARG(path),
                            r->path.p[r->path.n - 1] == '/' ? "" : "/", STR_ARG(s->only));
    cli_utf8_name(&name, path);
    w->gone_count = w->gone_documents = w->spoiled = 0;
    bool ok = index_paths_below(m->intake.library, text_str(&name), collect_gone, w, err);
    text_free(&name);
    if (!ok || w->gone_count == 0) return ok;
    size_t documents = w->spoiled;
    for (size_t i = begin; i < w->scope_ends[scope]; i++)
        documents += !w->files.items[i].reason || w->files.items[i].code != ERROR_NONE;
    if (!r->there) {
        keep(w, w->gone_documents, r->problem);
        return true;
    }
    if (s->only.n == 0 && documents == 0 && w->gone_documents > 0 && !m->allow_empty) {
        error why;
        error_set(
            &why, ERROR_NOT_FOUND,
            "%s holds no document any more, and the library has %zu from there: if it is a disk "
            "that is not mounted, nothing is lost; if they are to go, say --allow-empty",
            r->operand, w->gone_documents);
        keep(w, w->gone_documents, why);
        return true;
    }
    cli_utf8_name(&name, text_str(&r->path));
    ok = spare_missing(w, text_str(&name), err) && remove_gone(w, s->root, err);
    text_free(&name);
    return ok;
}

bool cli_mirror_run(cli_mirror *m, const cli_scope *scopes, size_t count, error *err) {
    mirroring w = {.m = m, .scopes = scopes, .scope_count = count, .a = arena_new()};
    memset(m->counts, 0, sizeof m->counts);
    m->unchanged = m->failed_before = m->ignored = m->skipped = m->kept = 0;
    m->why_kept = (error){0};
    bool ok = look(&w, err) && (m->dry_run || write_disks(&w, err)) && take_in(&w, err);
    /* Whoever was stopped has not seen what was moved. */
    for (size_t i = 0; ok && m->intake.library && m->unfinished == 0 && !cli_stopped() && i < count;
         i++)
        ok = let_go(&w, i, err);
    cli_files_free(&w.files);
    mem_free(w.scope_ends);
    mem_free(w.met);
    mem_free(w.todo);
    mem_free(w.gone);
    mem_free(w.gone_ids);
    mem_free(w.disks);
    arena_free(w.a);
    return ok;
}
