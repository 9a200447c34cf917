/* Files, processes and JSON for the measuring programs.
 *
 * carrel is started directly, without a shell, so that no name of a document can become a command.
 * All that is written lies in one temporary folder. Nothing here knows what is measured.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/eval/eval.h"

extern char **environ;

/* An unpacked set. The largest one known has 300 MB; a bomb stops here. */
#define EVAL_MAX_BYTES (2048ull << 20)
/* Most arguments that one run of carrel gets. */
#define EVAL_MAX_ARGUMENTS 16

bool eval_read(const char *path, text *out, error *err) {
    gzFile f = gzopen(path, "rb");
    if (!f)
        return error_set(err, ERROR_NOT_FOUND, "%s cannot be opened: %s.", path, strerror(errno));
    char buffer[1 << 16];
    int n;
    text_clear(out);
    while ((n = gzread(f, buffer, sizeof buffer)) > 0) {
        text_put(out, (str){buffer, (size_t)n});
        if (out->n > EVAL_MAX_BYTES) break;
    }
    int code = Z_OK;
    gzerror(f, &code);
    bool cut = gzclose_r(f) != Z_OK; /* Z_BUF_ERROR: the file ends in the middle */
    if (n < 0 || cut)
        return error_set(err, ERROR_INPUT, "%s is damaged or cut short (zlib code %d).", path,
                         code);
    if (out->n > EVAL_MAX_BYTES)
        return error_set(err, ERROR_LIMIT, "%s unpacks to more than %llu MB.", path,
                         EVAL_MAX_BYTES >> 20);
    return true;
}

bool eval_write(const char *path, str bytes, error *err) {
    FILE *f = fopen(path, "wb");
    if (!f) return error_set(err, ERROR_IO, "%s cannot be written: %s.", path, strerror(errno));
    bool ok = fwrite(bytes.p ? bytes.p : "", 1, bytes.n, f) == bytes.n;
    ok = fclose(f) == 0 && ok;
    return ok ? true : error_set(err, ERROR_IO, "%s cannot be written: %s.", path, strerror(errno));
}

bool eval_line(str s, size_t *pos, str *line) {
    if (*pos >= s.n) return false;
    size_t end = str_find(s, STR("\n"), *pos);
    if (end == SIZE_MAX) end = s.n;
    *line = str_trim(str_cut(s, *pos, end));
    *pos = end + 1;
    return true;
}

bool eval_folder(const eval_run *run, arena *a, const char *name, char **path, error *err) {
    str p = arena_printf(a, "%s/%s", run->folder.p, name);
    *path = arena_cstr(a, p);
    if (mkdir(*path, 0700) != 0)
        return error_set(err, ERROR_IO, "%s cannot be made: %s.", *path, strerror(errno));
    return true;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool eval_list(const char *folder, arena *a, char ***names, size_t *count, error *err) {
    *names = NULL;
    *count = 0;
    DIR *d = opendir(folder);
    if (!d)
        return error_set(err, ERROR_NOT_FOUND, "%s cannot be opened: %s.", folder, strerror(errno));
    struct dirent *e;
    size_t capacity = 0;
    char **list = NULL;
    while ((e = readdir(d))) {
        if (e->d_name[0] == '.') continue;
        if (*count == capacity)
            list = mem_grow(list, capacity = capacity ? 2 * capacity : 64, sizeof *list);
        list[(*count)++] = arena_cstr(a, str_of(e->d_name));
    }
    closedir(d);
    if (*count > 0) {
        *names = arena_alloc(a, *count, sizeof **names);
        memcpy(*names, list, *count * sizeof **names);
        qsort(*names, *count, sizeof **names, by_name);
    }
    mem_free(list);
    return true;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at) {
    (void)st, (void)kind, (void)at;
    return remove(path);
}

void eval_remove(const char *path) {
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        fprintf(stderr, "eval: %s could not be removed: %s\n", path, strerror(errno));
}

static bool spawn_wait(const char *program, char **argv, posix_spawn_file_actions_t *actions,
                       int *status, error *err) {
    pid_t pid;
    int failed = posix_spawn(&pid, program, actions, NULL, argv, environ);
    if (failed)
        return error_set(err, ERROR_NOT_FOUND, "%s cannot be started: %s.", program,
                         strerror(failed));
    while (waitpid(pid, status, 0) < 0)
        if (errno != EINTR)
            return error_set(err, ERROR_INTERNAL, "Waiting for %s failed: %s.", program,
                             strerror(errno));
    return true;
}

bool eval_carrel(const eval_run *run, const char *const *arguments, const char *out, int also,
                 double *ms, error *err) {
    char *argv[EVAL_MAX_ARGUMENTS + 2] = {(char *)run->carrel};
    size_t n = 1;
    for (; *arguments && n <= EVAL_MAX_ARGUMENTS; arguments++) argv[n++] = (char *)*arguments;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out ? out : "/dev/null",
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    double start = clock_ms();
    int status = 0;
    bool ok = spawn_wait(run->carrel, argv, &actions, &status, err);
    posix_spawn_file_actions_destroy(&actions);
    if (ms) *ms = clock_ms() - start;
    if (!ok) return false;
    if (WIFSIGNALED(status))
        return error_set(err, ERROR_INTERNAL, "%s %s was ended by signal %d.", run->carrel, argv[1],
                         WTERMSIG(status));
    int code = WEXITSTATUS(status);
    if (code != 0 && code != also)
        return error_set(err, ERROR_INTERNAL, "%s %s ended with code %d.", run->carrel, argv[1],
                         code);
    return true;
}

bool eval_add(const eval_run *run, arena *a, const char *name, const char *folder, char **library,
              error *err) {
    *library = arena_cstr(a, arena_printf(a, "%s/%s.db", run->folder.p, name));
    char **names, *out = arena_cstr(a, arena_printf(a, "%s/%s.added", run->folder.p, name));
    size_t count;
    double ms;
    json_t *objects = NULL;
    const char *arguments[] = {"add", "--library", *library, "--json", folder, NULL};
    if (!eval_list(folder, a, &names, &count, err) ||
        !eval_carrel(run, arguments, out, ERROR_INPUT, &ms, err) ||
        !eval_objects(out, 1, &objects, err))
        return error_wrap(err, "adding %s", name);
    const json_t *object = json_array_get(objects, 0);
    size_t added = (size_t)json_integer_value(json_object_get(object, "added")), i;
    json_t *file;
    bool ok = added == count;
    if (!ok)
        error_set(err, ERROR_INTERNAL, "%zu of %zu documents of %s were added.", added, count,
                  name);
    json_array_foreach(json_object_get(object, "documents"), i, file) {
        if (str_eq(eval_string(file, "outcome"), STR("added"))) continue;
        error_set(err, ERROR_INTERNAL,
                  "%zu of %zu documents of %s were added; " STR_FMT ": " STR_FMT, added, count,
                  name, STR_ARG(eval_string(file, "path")), STR_ARG(eval_string(file, "reason")));
        break;
    }
    json_decref(objects);
    printf("%-12s added %zu documents in %.1f s\n", name, added, ms / 1000);
    fflush(stdout);
    return ok;
}

bool eval_objects(const char *path, size_t count, json_t **out, error *err) {
    text bytes = {0};
    json_t *array = json_array();
    bool ok = eval_read(path, &bytes, err);
    str line;
    for (size_t pos = 0; ok && eval_line(text_str(&bytes), &pos, &line);) {
        if (line.n == 0) continue;
        json_error_t why;
        json_t *object = json_loadb(line.p, line.n, 0, &why);
        if (!json_is_object(object)) {
            json_decref(object);
            ok = error_set(err, ERROR_INPUT, "%s, line %zu is no JSON object: %s.", path,
                           json_array_size(array) + 1, why.text);
        } else {
            json_array_append_new(array, object);
        }
    }
    text_free(&bytes);
    if (ok && count != SIZE_MAX && json_array_size(array) != count)
        ok = error_set(err, ERROR_INPUT, "%s has %zu lines where %zu were asked for.", path,
                       json_array_size(array), count);
    if (!ok) {
        json_decref(array);
        return false;
    }
    *out = array;
    return true;
}

str eval_string(const json_t *object, const char *key) {
    const json_t *v = json_object_get(object, key);
    return json_is_string(v) ? (str){json_string_value(v), json_string_length(v)} : (str){0};
}

str eval_stem(str path) {
    for (size_t i = path.n; i > 0; i--) {
        if (path.p[i - 1] == '/') {
            path = str_cut(path, i, path.n);
            break;
        }
    }
    for (size_t i = path.n; i > 1; i--)
        if (path.p[i - 1] == '.') return str_cut(path, 0, i - 1);
    return path;
}
