/* Guard: what is missing from a folder, and yet not gone.
 *
 * A disk that is not mounted leaves an empty folder, or none where the system makes one for each
 * disk. Its documents must not go from the library for that: reading them again takes hours. So
 * where a disk was mounted once, nothing is removed while none is; and where nobody has noted that,
 * not when a folder that many documents lay in stands empty or is gone as a whole, which is rarely
 * meant. Whoever means it says --allow-empty. Nothing is decided here about the root: mirror.c
 * looks at that itself.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/mirror.h"

/* Fewer are read again in a moment, and a folder of a few is soon emptied by hand. */
#define MANY_DOCUMENTS 20

/* A file system is mounted there, be it a part of the same one. */
bool cli_is_disk(const char *path) {
    struct statx own, above;
    text parent = {0};
    if (statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &own) != 0) return false;
    if (own.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
        return (own.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    /* Kernels that do not tell it still have another device below than above. */
    text_printf(&parent, "%s/..", path);
    bool other =
        statx(AT_FDCWD, parent.p, 0, STATX_BASIC_STATS, &above) == 0 &&
        (own.stx_dev_major != above.stx_dev_major || own.stx_dev_minor != above.stx_dev_minor);
    text_free(&parent);
    return other;
}

static bool is_empty_folder(const char *path) {
    DIR *dir = opendir(path);
    if (!dir) return false;
    bool empty = true;
    errno = 0;
    for (struct dirent *e; empty && (e = readdir(dir));)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    empty = empty && errno == 0;
    closedir(dir);
    return empty;
}

/* The folder below the root that a missing path would have to be in, as deep as there is one. */
static void find_folder_above(str root, str path, text *out) {
    struct stat st;
    text_clear(out);
    text_put(out, path);
    do {
        while (out->n > root.n && out->p[out->n - 1] != '/') text_cut(out, out->n - 1);
        if (out->n > 0) text_cut(out, out->n - 1);
    } while (out->n > root.n && stat(out->p, &st) != 0);
}

/* The folder that is gone and that the missing path lay in, the outermost of them: one step below
 * `there`, the deepest that is left. Empty where the path lay in that one itself. */
static str gone_folder(str there, str path) {
    size_t step = there.n + (there.n == 0 || there.p[there.n - 1] != '/');
    size_t end = str_find(path, STR("/"), step);
    if (end == SIZE_MAX) return (str){0};
    return str_cut(path, 0, end);
}

static const str *missing_disk(const str *disks, size_t count, str path) {
    for (size_t i = 0; i < count; i++)
        if (cli_lies_below(path, disks[i])) return &disks[i];
    return NULL;
}

static void tell(error *why, str folder, const char *what, size_t documents) {
    error_set(why, ERROR_NOT_FOUND,
              STR_FMT " %s, and the library has %zu documents from there: if it is a disk that is "
                      "not mounted, nothing is lost; if they are to go, say --allow-empty",
              STR_ARG(folder), what, documents);
}

/* Of `disks` those stay that are none now. */
static void drop_mounted(str *disks, size_t *count) {
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        text path = {0};
        text_put(&path, disks[i]);
        if (!cli_is_disk(path.p)) disks[kept++] = disks[i];
        text_free(&path);
    }
    *count = kept;
}

/* How many of the paths from `begin` on are missing with one folder, of which *documents are
 * some. */
static size_t missing_together(const cli_gone *g, size_t begin, const str *disks, size_t disk_count,
                               text *folder, const char **what, size_t *documents) {
    const str *disk = missing_disk(disks, disk_count, g->paths[begin]);
    size_t end = begin;
    str within = {0};
    *documents = 0;
    if (disk) {
        within = *disk;
        *what = "has no disk mounted now";
    } else {
        find_folder_above(g->root, g->paths[begin], folder);
        bool empty = folder->n > g->root.n && is_empty_folder(folder->p);
        within = empty ? text_str(folder) : gone_folder(text_str(folder), g->paths[begin]);
        *what = empty ? "is empty now" : "is gone";
    }
    if (within.n == 0) return 0;
    for (; end < g->count && cli_lies_below(g->paths[end], within); end++)
        *documents += g->ids[end] != 0;
    if (within.p != folder->p) {
        text_clear(folder);
        text_put(folder, within);
    }
    return disk || *documents >= MANY_DOCUMENTS ? end - begin : 0;
}

bool cli_guard_gone(index_library *l, cli_gone *g, arena *a, size_t *documents, error *why,
                    error *err) {
    str *disks;
    size_t disk_count, kept = 0, among;
    text folder = {0};
    const char *what;
    *documents = 0;
    if (!index_disks(l, a, &disks, &disk_count, err)) return false;
    drop_mounted(disks, &disk_count);
    for (size_t i = 0; i < g->count; i++) {
        size_t n = cli_name_there(g->paths[i])
                       ? 0
                       : missing_together(g, i, disks, disk_count, &folder, &what, &among);
        if (n > 0) {
            if (*documents == 0) tell(why, text_str(&folder), what, among);
            *documents += among;
            i += n - 1;
        } else {
            g->paths[kept] = g->paths[i];
            g->ids[kept++] = g->ids[i];
        }
    }
    g->count = kept;
    text_free(&folder);
    return true;
}

bool cli_forget_disks(index_library *l, str root, arena *a, error *err) {
    str *disks;
    size_t count;
    bool ok = index_disks(l, a, &disks, &count, err);
    if (ok) drop_mounted(disks, &count);
    for (size_t i = 0; ok && i < count; i++)
        if (cli_lies_below(disks[i], root)) ok = index_forget_disk(l, disks[i], err);
    return ok;
}
