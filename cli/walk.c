/* Walking: which files an operand of `add`, `sync` or `watch` stands for.
 *
 * Folders are read in the order of their names, so that two runs do the same. Below an operand,
 * hidden names, what patterns ignore (ignore.c) and links to folders are skipped, and links to
 * files are taken: so there are no loops. A depth limit holds where a file system has loops of its
 * own (bind mounts). Nothing but plain files is opened: a pipe among the documents would wait for
 * ever. A file that two operands reach is listed twice; its second turn finds its bytes in the
 * library. What is kept of a file is its path and how it looks, so that a hundred thousand files
 * are no burden.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/folder.h"

/* No shelf of documents is this deep; a loop of mounts is. */
#define DEPTH_MAX 64

/* What programs leave while they write: downloads that are not done, locks and backups of editors.
 * A pattern of the user's takes them back ("!*.tmp"). */
static const char unfinished[] =
    "*.part\n*.partial\n*.crdownload\n*.download\n*.tmp\n*.swp\n*~\n~$*\n\\#*#\n";

static cli_found *found(cli_files *files, const char *path, const char *reason, error_code code) {
    if (files->count == files->capacity) {
        files->capacity = files->capacity ? files->capacity * 2 : 64;
        files->items = mem_grow(files->items, files->capacity, sizeof *files->items);
    }
    size_t n = strlen(path) + 1;
    char *copy = mem_new(n, 1);
    memcpy(copy, path, n);
    cli_found *f = &files->items[files->count++];
    *f = (cli_found){.path = copy, .reason = reason, .code = code};
    return f;
}

static const char *open_reason(int number) {
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return "it is not there";
    case EACCES:
    case EPERM:
        return "it may not be read by this user";
    case ELOOP:
        return "its links go in a circle";
    case ENAMETOOLONG:
        return "its name is too long";
    default:
        return "it cannot be read from the disk";
    }
}

static void failed(cli_files *files, const char *path, int number, bool folder) {
    bool absent = number == ENOENT || number == ENOTDIR;
    found(files, path, open_reason(number), absent ? ERROR_NOT_FOUND : ERROR_IO)->folder = folder;
}

static void walk_file(cli_files *files, const char *path, const struct stat *st, bool link) {
    const int64_t second = 1000000000;
    index_look look = {.bytes = (uint64_t)st->st_size,
                       .mtime_ns = st->st_mtim.tv_sec * second + st->st_mtim.tv_nsec,
                       .inode = st->st_ino};
    bool plain = S_ISREG(st->st_mode);
    bool known = plain && files->known && files->known(files->context, path, &look);
    cli_found *f;
    if (!plain)
        f = found(files, path, "it is no plain file", ERROR_NONE);
    else if (known)
        f = found(files, path, NULL, ERROR_NONE);
    else if (access(path, R_OK) != 0)
        f = found(files, path, open_reason(errno), errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO);
    else if (st->st_size == 0)
        f = found(files, path, "it is empty", ERROR_NONE);
    else if (!ingest_supported(path))
        f = found(files, path, ingest_why_unsupported(path), ERROR_NONE);
    else
        f = found(files, path, NULL, ERROR_NONE);
    f->look = look;
    f->link = link;
    f->known = known;
    f->changed_ns = st->st_ctim.tv_sec * second + st->st_ctim.tv_nsec;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_name(char ***out, size_t *count, size_t *capacity, str name) {
    if (*count == *capacity) {
        *capacity = *capacity ? *capacity * 2 : 64;
        *out = mem_grow(*out, *capacity, sizeof **out);
    }
    char *copy = mem_new(name.n + 1, 1);
    memcpy(copy, name.p, name.n);
    (*out)[(*count)++] = copy;
}

/* The visible names of a folder, sorted. False (errno) when it cannot be read. */
static bool read_names(const char *path, char ***out, size_t *count) {
    DIR *dir = opendir(path);
    size_t capacity = 0;
    if (!dir) return false;
    errno = 0;
    for (struct dirent *e; (e = readdir(dir)); errno = 0)
        if (e->d_name[0] != '.') put_name(out, count, &capacity, str_of(e->d_name));
    int problem = errno;
    closedir(dir);
    if (*count) qsort(*out, *count, sizeof **out, by_name);
    errno = problem;
    return problem == 0;
}

/* Is there "page.html" beside the folder "page_files"? Then a browser saved them together, and the
 * scripts and frames in the folder are no documents; others may lie among them. */
static bool is_of_saved_page(str folder) {
    static const char *const extensions[] = {".html", ".htm", ".xhtml"};
    bool saved = false;
    if (!str_ends(folder, STR("_files"))) return false;
    for (size_t i = 0; !saved && i < sizeof extensions / sizeof *extensions; i++) {
        text page = {0};
        text_put(&page, str_cut(folder, 0, folder.n - STR("_files").n));
        text_put(&page, str_of(extensions[i]));
        saved = access(page.p, F_OK) == 0;
        text_free(&page);
    }
    return saved;
}

static void walk_folder(cli_files *files, text *path, str only, const cli_ignore *rules, int depth);

static void walk_page(cli_files *files, text *path, str only, const cli_ignore *rules, int depth) {
    bool before = files->in_page;
    if (only.n == 0) found(files, path->p, "what was saved with the page beside it", ERROR_NONE);
    files->in_page = true;
    walk_folder(files, path, only, rules, depth);
    files->in_page = before;
}

/* What stands at `path`, one name below a folder. */
static void walk_entry(cli_files *files, text *path, str only, const cli_ignore *rules, int depth) {
    struct stat st;
    if (lstat(path->p, &st) != 0) {
        if (only.p == NULL || errno != ENOENT) failed(files, path->p, errno, false);
        return;
    }
    bool folder = S_ISDIR(st.st_mode), link = S_ISLNK(st.st_mode);
    if (cli_ignored(files->first, rules, text_str(path), folder))
        files->ignored++;
    else if (folder && is_of_saved_page(text_str(path)))
        walk_page(files, path, only, rules, depth + 1);
    else if (!folder && files->in_page && !ingest_is_own_document(path->p))
        return;
    else if (folder)
        walk_folder(files, path, only, rules, depth + 1);
    else if (only.n > 0)
        return; /* what was below it is gone with its folder */
    else if (link && stat(path->p, &st) != 0 && (errno == ENOENT || errno == ELOOP))
        found(files, path->p,
              errno == ENOENT ? "a link to what is not there" : "its links go in a circle",
              ERROR_NONE);
    else if (link && stat(path->p, &st) != 0)
        failed(files, path->p, errno, false);
    else if (!S_ISDIR(st.st_mode)) /* what is one now is a link to a folder */
        walk_file(files, path->p, &st, link);
}

/* only: as in cli_files, relative to this folder; {NULL, 0}: all of it. */
static void walk_folder(cli_files *files, text *path, str only, const cli_ignore *above,
                        int depth) { /* at most DEPTH_MAX */
    char **names = NULL;
    size_t count = 0, capacity = 0, length = path->n;
    if (depth > DEPTH_MAX) {
        found(files, path->p, "its folders go too deep", ERROR_LIMIT)->folder = true;
        return;
    }
    if (path->p[length - 1] != '/') text_put_char(path, '/');
    cli_ignore *rules = cli_ignore_new(above, path->n);
    text_cut(path, length);
    bool closed = access(path->p, R_OK | X_OK) != 0;
    if (closed) failed(files, path->p, errno, true);
    bool ok = !closed && cli_ignore_read(rules, path->p);
    if (!ok && !closed)
        found(files, path->p, "its " CLI_IGNORE_FILE " cannot be read: what is below is left alone",
              ERROR_INPUT)
            ->folder = true;
    size_t slash = str_find(only, STR("/"), 0);
    if (ok && only.n > 0) {
        str name = str_cut(only, 0, slash);
        if (name.p[0] != '.') put_name(&names, &count, &capacity, name);
        only = slash == SIZE_MAX ? (str){"", 0} : str_cut(only, slash + 1, only.n);
    } else if (ok) {
        if (files->folder) files->folder(files->context, path->p);
        if (!read_names(path->p, &names, &count)) failed(files, path->p, errno, true);
    }
    for (size_t i = 0; i < count; i++) {
        text_cut(path, length);
        if (path->p[length - 1] != '/') text_put_char(path, '/');
        text_put(path, str_of(names[i]));
        walk_entry(files, path, only, rules, depth);
        mem_free(names[i]);
    }
    mem_free(names);
    cli_ignore_free(rules);
    text_cut(path, length);
}

static void walk_operand(cli_files *files, text *path) {
    size_t base = path->n + (path->p[path->n - 1] != '/');
    cli_ignore *first = cli_ignore_new(NULL, base), *last = cli_ignore_new(NULL, base);
    cli_ignore_put(first, files->patterns);
    cli_ignore_put(last, STR(unfinished));
    files->first = first;
    walk_folder(files, path, files->only, last, 0);
    files->first = NULL;
    cli_ignore_free(first);
    cli_ignore_free(last);
}

void cli_walk(const char *operand, cli_files *files) {
    struct stat st;
    text path = {0};
    text_put(&path, str_of(operand));
    if (path.n == 0)
        found(files, "", "a path cannot be empty", ERROR_USAGE);
    else if (stat(operand, &st) != 0)
        failed(files, operand, errno, true);
    else if (S_ISDIR(st.st_mode))
        walk_operand(files, &path);
    else
        walk_file(files, operand, &st, false);
    text_free(&path);
}

void cli_files_free(cli_files *files) {
    for (size_t i = 0; i < files->count; i++) mem_free(files->items[i].path);
    mem_free(files->items);
    files->items = NULL;
    files->count = files->capacity = files->ignored = 0;
}
