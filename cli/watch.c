/* `carrel watch`: the library is kept equal to folders, as they change.
 *
 * The kernel tells what happens (inotify), and nothing is believed of it but the place: a path that
 * something happened to becomes due when nothing more has for a while, and is then looked at as
 * sync looks at a folder (mirror.c). So it does not matter how an editor saves, in which order a
 * copy comes in, or whether events were lost: at worst a larger place is looked at. Watches are set
 * before a folder is read, so that nothing falls between. The library is open only while there is
 * something to do: questions are answered beside it. No error of a file ends it.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/mirror.h"

enum { WATCH_READING = CLI_GLOBALS, WATCH_SETTLE = WATCH_READING + CLI_READING_COUNT };

#define SETTLE_DEFAULT_S 2.0
/* Who settles longer wants `carrel sync` from a timer. */
#define SETTLE_MAX_S 3600.0
/* More places than this are looked at as a whole. */
#define PLACES_MAX 1024
/* How often a folder that went away is looked for, and a library that refused is tried again. */
#define RETRY_MS 5000.0
/* So often a library may refuse in a row: then it is broken, or its disk full. */
#define REFUSALS_MAX 6
/* And how often a disk that was mounted below it: a look at everything. */
#define KEPT_MS 60000.0
/* Where the system allows no more watches, everything is looked at this often. */
#define LIMITED_MS 60000.0
/* Removed text is wiped from the file so long after: it takes a rewrite, which of a large library
 * is not done for every save of a file. */
#define WIPE_AFTER_MS 10000.0
#define WIPE_LARGE_AFTER_MS 600000.0
#define LARGE_BYTES (64 << 20)
/* Ctrl-C between two looks at it waits no longer than this. */
#define POLL_MOST_MS 1000.0

#define EVENTS                                                                        \
    (IN_CREATE | IN_DELETE | IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_FROM | \
     IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK)

/* A folder that the kernel watches. */
typedef struct {
    int wd;
    size_t root;
    char *path; /* NULL: no longer */
} watched;

/* Something happened there. */
typedef struct {
    size_t root;
    char *only; /* relative to the root; "": all of it */
    double due_ms;
} place;

typedef struct {
    cli_mirror mirror;
    bool json;
    int fd;
    watched *folders; /* ascending wd */
    size_t folder_count, folder_room;
    place *places;
    size_t place_count;
    double settle_ms, wipe_due_ms; /* wipe_due_ms 0: nothing to wipe */
    bool *missing;                 /* of each root: told of */
    bool limited, refused_told;
    int refusals;
} watching;

/* ---- places ------------------------------------------------------------------------------- */

/* At most one level deep: there are fewer folders than places. */
static void happened(watching *x, size_t root, str only, double wait_ms) {
    double due = clock_ms() + wait_ms;
    for (size_t i = x->place_count; i > 0; i--) {
        place *p = &x->places[i - 1];
        if (p->root == root && str_eq(str_of(p->only), only)) {
            p->due_ms = due;
            return;
        }
    }
    if (x->place_count == PLACES_MAX) { /* too many to tell apart: all of it, once it is quiet */
        for (size_t i = 0; i < x->place_count; i++) mem_free(x->places[i].only);
        x->place_count = 0;
        for (size_t i = 0; i < x->mirror.root_count; i++) happened(x, i, (str){0}, wait_ms);
        return;
    }
    char *copy = mem_new(only.n + 1, 1);
    if (only.n) memcpy(copy, only.p, only.n);
    x->places[x->place_count++] = (place){root, copy, due};
}

static void all_happened(watching *x, double wait_ms) {
    for (size_t i = 0; i < x->mirror.root_count; i++) happened(x, i, (str){0}, wait_ms);
}

/* cli_mirror.postponed: looked at again when it has settled. */
static void postponed(void *context, size_t root, str only) {
    watching *x = context;
    happened(x, root, only, x->settle_ms);
}

/* ---- watches ------------------------------------------------------------------------------ */

static watched *find_watch(watching *x, int wd) {
    size_t low = 0, high = x->folder_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (x->folders[middle].wd < wd)
            low = middle + 1;
        else
            high = middle;
    }
    return low < x->folder_count && x->folders[low].wd == wd ? &x->folders[low] : NULL;
}

/* The kernel gives numbers in ascending order, and to a folder that it knows its old one. */
static void keep_watch(watching *x, int wd, size_t root, const char *path) {
    watched *w = find_watch(x, wd);
    if (!w) {
        if (x->folder_count == x->folder_room) {
            size_t kept = 0; /* those that ended leave room */
            for (size_t i = 0; i < x->folder_count; i++)
                if (x->folders[i].path) x->folders[kept++] = x->folders[i];
            x->folder_count = kept;
            if (2 * kept >= x->folder_room) {
                x->folder_room = x->folder_room ? 2 * x->folder_room : 64;
                x->folders = mem_grow(x->folders, x->folder_room, sizeof *x->folders);
            }
        }
        w = &x->folders[x->folder_count++];
        *w = (watched){.wd = wd};
    }
    mem_free(w->path);
    size_t n = strlen(path) + 1;
    w->path = memcpy(mem_new(n, 1), path, n);
    w->root = root;
}

static void tell_limit(watching *x, int number) {
    char most[32] = "?";
    bool watches = number == ENOSPC;
    if (x->limited) return;
    x->limited = true;
    if (machine_read("", "/proc/sys/fs/inotify/max_user_watches", most, sizeof most))
        most[strcspn(most, "\n")] = 0;
    cli_note(
        "the system lets this user watch no more folders%s%s%s: all of them are looked at every "
        "%.0f s instead; `sysctl fs.inotify.max_user_watches=N` with a larger N allows more",
        watches ? " than " : " (no memory left)", watches ? most : "", watches ? "" : "",
        LIMITED_MS / 1000);
}

/* cli_mirror.folder */
static void on_folder(void *context, size_t root, const char *path) {
    watching *x = context;
    int wd = inotify_add_watch(x->fd, path, EVENTS);
    if (wd >= 0)
        keep_watch(x, wd, root, path);
    else if (errno == ENOSPC || errno == ENOMEM)
        tell_limit(x, errno);
    /* A folder that is gone or may not be read is told of by the walk. */
}

/* A folder that went elsewhere takes its watches along, and their paths are wrong from now on. */
static void drop_watches(watching *x, const char *path) {
    size_t n = strlen(path);
    for (size_t i = 0; i < x->folder_count; i++) {
        watched *w = &x->folders[i];
        if (!w->path || strncmp(w->path, path, n) != 0 || (w->path[n] && w->path[n] != '/'))
            continue;
        (void)inotify_rm_watch(x->fd, w->wd); /* it may have ended already */
        mem_free(w->path);
        w->path = NULL;
    }
}

static size_t count_folders(const watching *x) {
    size_t n = 0;
    for (size_t i = 0; i < x->folder_count; i++) n += x->folders[i].path != NULL;
    return n;
}

/* ---- events ------------------------------------------------------------------------------- */

static void on_event(watching *x, const struct inotify_event *e) {
    if (e->mask & IN_Q_OVERFLOW) {
        all_happened(x, x->settle_ms);
        return;
    }
    watched *w = find_watch(x, e->wd);
    if (!w || !w->path) return;
    size_t root = w->root;
    const cli_root *r = &x->mirror.roots[root];
    if (e->mask & IN_IGNORED) {
        mem_free(w->path);
        w->path = NULL;
        return;
    }
    if (e->mask & IN_UNMOUNT) { /* its documents stay (guard.c); the watch ends next */
        happened(x, root, (str){0}, x->settle_ms);
        return;
    }
    if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF)) {
        if (strcmp(w->path, r->path.p) != 0) return; /* the folder above tells it */
        drop_watches(x, r->path.p);
        happened(x, root, (str){0}, x->settle_ms);
        return;
    }
    bool rules = e->len > 0 && strcmp(e->name, CLI_IGNORE_FILE) == 0;
    if (e->len > 0 && e->name[0] == '.' && !rules) return;
    text path = {0};
    text_put(&path, str_of(w->path));
    if (e->len > 0 && !rules) text_printf(&path, "%s%s", path.n > 1 ? "/" : "", e->name);
    str only = str_cut(text_str(&path), r->path.n, path.n);
    while (only.n > 0 && only.p[0] == '/') only = str_cut(only, 1, only.n);
    if ((e->mask & IN_ISDIR) && (e->mask & (IN_MOVED_FROM | IN_DELETE))) drop_watches(x, path.p);
    happened(x, root, only, x->settle_ms);
    text_free(&path);
}

/* False when the kernel gives none any more. */
static bool read_events(watching *x, error *err) {
    union {
        struct inotify_event align;
        char bytes[64 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
    } buffer;
    for (;;) {
        ssize_t n = read(x->fd, buffer.bytes, sizeof buffer.bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return true;
        if (n <= 0)
            return error_set(err, ERROR_IO, "the kernel tells no changes any more: %s",
                             strerror(errno));
        for (size_t at = 0; at < (size_t)n;) {
            const struct inotify_event *e = (const struct inotify_event *)(buffer.bytes + at);
            on_event(x, e);
            at += sizeof *e + e->len;
        }
    }
}

/* ---- doing -------------------------------------------------------------------------------- */

static void told(void *context, const cli_change *c) {
    watching *x = context;
    if (x->json) {
        cli_json_print(cli_json_change(c), true);
    } else {
        text line = {0};
        cli_put_change(&line, c, false, true);
        cli_progress_clear(&x->mirror.intake.progress);
        cli_put(text_str(&line));
        text_free(&line);
    }
    cli_flush();
}

/* Whether all of a root was looked at. */
static bool is_whole(const cli_scope *scopes, size_t count) {
    bool whole = false;
    for (size_t i = 0; i < count; i++) whole = whole || scopes[i].only.n == 0;
    return whole;
}

static void tell_roots(watching *x, bool whole) {
    cli_mirror *m = &x->mirror;
    for (size_t i = 0; i < m->root_count; i++) {
        const cli_root *r = &m->roots[i];
        if (!r->there && !x->missing[i]) cli_note("%s; it is waited for", r->problem.text);
        if (r->there && x->missing[i]) cli_note("%s is back", r->operand);
        x->missing[i] = !r->there;
        if (!r->there) happened(x, i, (str){0}, RETRY_MS);
    }
    /* The kernel does not tell when a disk comes back. */
    for (size_t i = 0; m->kept > 0 && i < m->root_count; i++)
        if (m->roots[i].there) happened(x, i, (str){0}, KEPT_MS);
    if (m->kept == 0) {
        x->refused_told = x->refused_told && !whole;
    } else if (!x->refused_told && m->why_kept.code != ERROR_NONE) {
        bool there = true;
        for (size_t i = 0; i < m->root_count; i++) there = there && m->roots[i].there;
        if (there) cli_note("%s", m->why_kept.text);
        x->refused_told = there;
    }
}

static bool mirror_once(watching *x, const cli_scope *scopes, size_t count, error *err) {
    cli_mirror *m = &x->mirror;
    struct stat st;
    if (m->intake.path.n > 0 && access(m->intake.path.p, F_OK) != 0) {
        cli_note("the library %s is gone: a new one is made of all that is watched",
                 m->intake.path.p);
        all_happened(x, 0);
    }
    bool ok = cli_intake_open_library(&m->intake, err) && cli_mirror_run(m, scopes, count, err) &&
              cli_intake_embed(&m->intake, err);
    ok = cli_intake_close_library(&m->intake, false, ok ? err : NULL) && ok;
    if (x->wipe_due_ms == 0 && m->counts[CLI_CHANGE_REMOVED] + m->counts[CLI_CHANGE_CHANGED] > 0) {
        bool large = stat(m->intake.path.p, &st) == 0 && st.st_size > LARGE_BYTES;
        x->wipe_due_ms = clock_ms() + (large ? WIPE_LARGE_AFTER_MS : WIPE_AFTER_MS);
    }
    return ok;
}

/* Whether another place that is due covers this one. */
static bool is_covered(const place *due, size_t count, size_t which) {
    str s = str_of(due[which].only);
    for (size_t i = 0; i < count; i++) {
        str other = str_of(due[i].only);
        if (i == which || due[i].root != due[which].root || other.n >= s.n) continue;
        if (other.n == 0 || (str_starts(s, other) && s.p[other.n] == '/')) return true;
    }
    return false;
}

/* Looks at all places that are due. A library that refuses is tried again. */
static bool do_due(watching *x, error *err) {
    place *due = mem_new(x->place_count, sizeof *due);
    cli_scope *scopes = mem_new(x->place_count, sizeof *scopes);
    size_t count = 0, kept = 0, wanted = 0;
    double now = clock_ms();
    for (size_t i = 0; i < x->place_count; i++) {
        if (x->places[i].due_ms <= now)
            due[count++] = x->places[i];
        else
            x->places[kept++] = x->places[i];
    }
    x->place_count = kept;
    for (size_t i = 0; i < count; i++)
        if (!is_covered(due, count, i))
            scopes[wanted++] = (cli_scope){due[i].root, str_of(due[i].only)};
    bool ok = wanted == 0 || mirror_once(x, scopes, wanted, err);
    if (ok && wanted > 0) {
        x->refusals = 0;
        tell_roots(x, is_whole(scopes, wanted));
    } else if (!ok && err->code == ERROR_LIBRARY && ++x->refusals < REFUSALS_MAX &&
               !cli_stopped()) {
        cli_note("%s (it is tried again)", err->text);
        for (size_t i = 0; i < wanted; i++) happened(x, scopes[i].root, scopes[i].only, RETRY_MS);
        ok = true;
    }
    for (size_t i = 0; i < count; i++) mem_free(due[i].only);
    mem_free(due);
    mem_free(scopes);
    return ok;
}

static void wipe(watching *x) {
    error err;
    x->wipe_due_ms = 0;
    /* What could not be wiped stays noted in the library, for the next writer. */
    if (cli_intake_open_library(&x->mirror.intake, &err))
        (void)cli_intake_close_library(&x->mirror.intake, true, &err);
}

static void tell_start(const watching *x) {
    const cli_mirror *m = &x->mirror;
    const cli_terminal *t = cli_stdout();
    if (x->json) {
        json_t *o = json_object();
        cli_json_set(o, "change", json_string("watching"));
        cli_json_set(o, "folders", json_integer((json_int_t)count_folders(x)));
        cli_json_counts(o, m);
        cli_json_print(o, true);
    } else {
        text out = {0};
        cli_put_counts(&out, m);
        text_printf(&out, "; %swatching ", t->dim);
        cli_put_count(&out, count_folders(x), "folder", "folders");
        text_printf(&out, ", Ctrl-C ends it%s\n", t->reset);
        cli_put(text_str(&out));
        text_free(&out);
    }
    cli_flush();
}

/* How long to wait for the next event. */
static double wait_ms(const watching *x) {
    double now = clock_ms(), next = now + POLL_MOST_MS;
    for (size_t i = 0; i < x->place_count; i++)
        if (x->places[i].due_ms < next) next = x->places[i].due_ms;
    return next > now ? next - now : 0;
}

static bool watch(watching *x, error *err) {
    bool ok = true;
    double limited_ms = clock_ms() + LIMITED_MS;
    all_happened(x, 0);
    ok = do_due(x, err);
    if (ok && !cli_stopped()) tell_start(x);
    while (ok && !cli_stopped() && !cli_output_broken()) {
        struct pollfd p = {.fd = x->fd, .events = POLLIN};
        int ready = poll(&p, 1, (int)wait_ms(x) + 1);
        if (ready > 0) ok = read_events(x, err);
        if (x->limited && clock_ms() >= limited_ms) {
            all_happened(x, 0);
            limited_ms = clock_ms() + LIMITED_MS;
        }
        if (ok && !cli_stopped()) ok = do_due(x, err);
        if (ok && x->wipe_due_ms > 0 && clock_ms() >= x->wipe_due_ms) wipe(x);
    }
    if (x->wipe_due_ms > 0) wipe(x);
    return ok;
}

/* ---- the command -------------------------------------------------------------------------- */

static bool open_all(const cli_args *args, watching *x, error *err) {
    cli_mirror *m = &x->mirror;
    if (args->operand_count >= PLACES_MAX)
        return error_set(err, ERROR_LIMIT, "at most %d folders can be watched", PLACES_MAX - 1);
    if (!cli_mirror_open(m, args, WATCH_READING, err)) return false;
    for (size_t i = 0; i < m->root_count; i++)
        if (access(m->roots[i].path.p, R_OK | X_OK) != 0)
            return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO,
                             "the folder %s cannot be watched: %s", m->roots[i].operand,
                             strerror(errno));
    x->missing = mem_new(m->root_count, sizeof *x->missing);
    x->places = mem_new(PLACES_MAX, sizeof *x->places);
    x->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (x->fd < 0)
        return error_set(err, ERROR_LIMIT,
                         "the system lets this user watch nothing more (%s): end another program "
                         "that watches folders, or raise fs.inotify.max_user_instances",
                         strerror(errno));
    return true;
}

static void close_all(watching *x) {
    if (x->fd >= 0) close(x->fd);
    for (size_t i = 0; i < x->folder_count; i++) mem_free(x->folders[i].path);
    for (size_t i = 0; i < x->place_count; i++) mem_free(x->places[i].only);
    mem_free(x->folders);
    mem_free(x->places);
    mem_free(x->missing);
    cli_mirror_close(&x->mirror);
}

static error_code run(const cli_args *args) {
    error err = {0};
    watching x = {.fd = -1, .json = args->v[CLI_JSON].given};
    double settle_s = args->v[WATCH_SETTLE].given ? args->v[WATCH_SETTLE].number : SETTLE_DEFAULT_S;
    x.settle_ms = settle_s * 1000;
    x.mirror.settle_ns = (int64_t)(settle_s * 1e9);
    x.mirror.told = told;
    x.mirror.postponed = postponed;
    x.mirror.folder = on_folder;
    x.mirror.context = &x;
    cli_stop_watch();
    bool ok = open_all(args, &x, &err) && watch(&x, &err);
    error_code code = ok ? ERROR_NONE : cli_fail(&err);
    close_all(&x);
    return code;
}

static const cli_option options[] = {
    CLI_READING_OPTIONS,
    {.name = "settle",
     .kind = CLI_REAL,
     .value = "SECONDS",
     .low = 0,
     .high = SETTLE_MAX_S,
     .help = "read a file when it has not changed for so long (default: 2)"},
    CLI_COMPUTE_OPTIONS,
};

const cli_command cli_command_watch = {
    .name = "watch",
    .operands = "DIR...",
    .least = 1,
    .most = SIZE_MAX,
    .missing = "which folder shall be watched? `carrel watch DIR`",
    .summary = "keep the library equal to folders as they change",
    .details =
        "Does what `carrel sync` does, and then goes on as files are written, moved and\n"
        "deleted, with a line for each change. A file is read when nothing has been written\n"
        "to it for two seconds; downloads and saves that are not done (*.part, *.crdownload,\n"
        "*.tmp, ~$*) wait until they have their name. Questions can be asked meanwhile.\n"
        "When a folder goes away, as with a disk that is taken out, nothing of it is removed,\n"
        "and it is waited for; what `carrel sync` keeps until --allow-empty is kept here too.\n"
        "Ctrl-C or SIGTERM ends it, with exit code 0.\n"
        "\n"
        "With --json each change is one line.",
    .example = "  carrel watch ~/manuals",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .starts_programs = true,
    .run = run,
};
