/* Walking: which files an operand of `add` stands for.
 *
 * Folders are read in the order of their names, so that two runs do the same. Below an operand,
 * hidden names and links to folders are skipped, and links to files are taken: so there are no
 * loops. A depth limit holds where a file system has loops of its own (bind mounts). Nothing but
 * plain files is opened: a pipe among the documents would wait for ever. A file that two operands
 * reach is listed twice; its second turn finds its bytes in the library.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ingest/ingest.h"

/* No shelf of documents is this deep; a loop of mounts is. */
#define DEPTH_MAX 64

static void found(cli_files *files, const char *path, const char *reason, error_code code) {
    if (files->count == files->capacity) {
        files->capacity = files->capacity ? files->capacity * 2 : 64;
        files->items = mem_grow(files->items, files->capacity, sizeof *files->items);
    }
    size_t n = strlen(path) + 1;
    char *copy = mem_new(n, 1);
    memcpy(copy, path, n);
    files->items[files->count++] = (cli_found){copy, reason, code};
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

static void failed(cli_files *files, const char *path, int number) {
    bool absent = number == ENOENT || number == ENOTDIR;
    found(files, path, open_reason(number), absent ? ERROR_NOT_FOUND : ERROR_IO);
}

static void walk_file(cli_files *files, const char *path, const struct stat *st) {
    if (!S_ISREG(st->st_mode))
        found(files, path, "it is no plain file", ERROR_NONE);
    else if (access(path, R_OK) != 0)
        failed(files, path, errno);
    else if (st->st_size == 0)
        found(files, path, "it is empty", ERROR_NONE);
    else if (!ingest_supported(path))
        found(files, path, "no PDF, HTML, Markdown or text", ERROR_NONE);
    else
        found(files, path, NULL, ERROR_NONE);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The visible names of a folder, sorted. False (errno) when it cannot be read. */
static bool read_names(const char *path, char ***out, size_t *count) {
    DIR *dir = opendir(path);
    size_t capacity = 0;
    *out = NULL;
    *count = 0;
    if (!dir) return false;
    errno = 0;
    for (struct dirent *e; (e = readdir(dir)); errno = 0) {
        if (e->d_name[0] == '.') continue;
        if (*count == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            *out = mem_grow(*out, capacity, sizeof **out);
        }
        size_t n = strlen(e->d_name) + 1;
        memcpy((*out)[(*count)++] = mem_new(n, 1), e->d_name, n);
    }
    int problem = errno;
    closedir(dir);
    if (*count) qsort(*out, *count, sizeof **out, by_name);
    errno = problem;
    return problem == 0;
}

/* Is there "page.html" beside the folder "page_files"? Then a browser saved them together, and the scripts
 * and frames in the folder are no documents. */
static bool is_of_saved_page(const char *folder, char **names, size_t count) {
    static const char *const extensions[] = {".html", ".htm", ".xhtml"};
    str name = str_of(folder);
    bool saved = false;
    if (!str_ends(name, STR("_files"))) return false;
    for (size_t i = 0; !saved && i < sizeof extensions / sizeof *extensions; i++) {
        text page = {0};
        text_put(&page, str_cut(name, 0, name.n - STR("_files").n));
        text_put(&page, str_of(extensions[i]));
        saved = bsearch(&page.p, names, count, sizeof *names, by_name) != NULL;
        text_free(&page);
    }
    return saved;
}

static void walk_folder(cli_files *files, text *path, int depth) {
    char **names;
    size_t count, length = path->n;
    if (depth > DEPTH_MAX) {
        found(files, path->p, "its folders go too deep", ERROR_LIMIT);
        return;
    }
    if (!read_names(path->p, &names, &count)) failed(files, path->p, errno);
    for (size_t i = 0; i < count; i++) {
        struct stat st;
        text_cut(path, length);
        if (path->p[length - 1] != '/') text_put_char(path, '/');
        text_put(path, str_of(names[i]));
        if (lstat(path->p, &st) != 0)
            failed(files, path->p, errno);
        else if (S_ISDIR(st.st_mode) && is_of_saved_page(names[i], names, count))
            found(files, path->p, "what was saved with the page beside it", ERROR_NONE);
        else if (S_ISDIR(st.st_mode))
            walk_folder(files, path, depth + 1);
        else if (S_ISLNK(st.st_mode) && stat(path->p, &st) != 0)
            failed(files, path->p, errno);
        else if (!S_ISDIR(st.st_mode)) /* what is one now is a link to a folder */
            walk_file(files, path->p, &st);
    }
    for (size_t i = 0; i < count; i++) mem_free(names[i]);
    mem_free(names);
    text_cut(path, length);
}

void cli_walk(const char *operand, cli_files *files) {
    struct stat st;
    text path = {0};
    text_put(&path, str_of(operand));
    if (path.n == 0)
        found(files, "", "a path cannot be empty", ERROR_USAGE);
    else if (stat(operand, &st) != 0)
        failed(files, operand, errno);
    else if (S_ISDIR(st.st_mode))
        walk_folder(files, &path, 0);
    else
        walk_file(files, operand, &st);
    text_free(&path);
}

void cli_files_free(cli_files *files) {
    for (size_t i = 0; i < files->count; i++) mem_free(files->items[i].path);
    mem_free(files->items);
    *files = (cli_files){0};
}
