/* The catalogue: cli/models.txt, a text that people read and edit; its head says how.
 *
 * It lies beside the program (../cli/models.txt of a build in the repository, ../share/carrel of an
 * installed one) or where --catalogue says. A line that is not four columns is an error with its
 * number: a list that is half understood would hide what is wrong with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/pull/pull.h"

#define CATALOGUE_MAX_BYTES (1u << 20)
#define CATALOGUE_MAX_MODELS 1000u

static bool read_file(const char *path, text *out, error *err) {
    char piece[16384];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO,
                         "the catalogue %s cannot be opened: %s", path, strerror(errno));
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0 && out->n <= CATALOGUE_MAX_BYTES)
        text_put(out, (str){piece, (size_t)n});
    int problem = errno;
    close(fd);
    if (n < 0)
        return error_set(err, ERROR_IO, "the catalogue %s cannot be read: %s", path,
                         strerror(problem));
    if (out->n > CATALOGUE_MAX_BYTES)
        return error_set(err, ERROR_LIMIT, "the catalogue %s is longer than %u bytes", path,
                         CATALOGUE_MAX_BYTES);
    return true;
}

/* The next column, with nothing around it; columns are two spaces or a tab apart. */
static str next_column(str line, size_t *at) {
    size_t begin = *at;
    while (begin < line.n && (line.p[begin] == ' ' || line.p[begin] == '\t')) begin++;
    size_t end = begin;
    while (end < line.n && line.p[end] != '\t' &&
           !(line.p[end] == ' ' && end + 1 < line.n && strchr(" \t", line.p[end + 1])))
        end++;
    *at = end;
    return str_trim(str_cut(line, begin, end));
}

static bool read_line(str line, pull_entry *e) {
    str *columns[] = {&e->name, &e->url, &e->purpose, &e->licence};
    size_t at = 0;
    for (size_t i = 0; i < 4; i++) {
        *columns[i] = next_column(line, &at);
        if (columns[i]->n == 0) return false;
    }
    for (size_t i = 0; i < line.n; i++)
        if ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t') return false;
    return str_trim(str_cut(line, at, line.n)).n == 0;
}

static bool read_lines(str all, const char *path, pull_catalogue *out, error *err) {
    out->items = arena_alloc(out->memory, CATALOGUE_MAX_MODELS, sizeof *out->items);
    for (size_t at = 0, number = 1; at < all.n; number++) {
        size_t end = str_find(all, STR("\n"), at);
        str line = str_trim(str_cut(all, at, end));
        at = end == SIZE_MAX ? all.n : end + 1;
        if (line.n == 0 || line.p[0] == '#') continue;
        pull_entry *e = &out->items[out->count];
        if (!read_line(line, e))
            return error_set(err, ERROR_INPUT,
                             "%s:%zu: not four columns (name, address, what for, licence)", path,
                             number);
        if (!utf8_valid(line))
            return error_set(err, ERROR_INPUT, "%s:%zu: not UTF-8", path, number);
        if (!pull_url_check(arena_cstr(out->memory, e->url), err))
            return error_wrap(err, "%s:%zu", path, number);
        if (++out->count == CATALOGUE_MAX_MODELS)
            return error_set(err, ERROR_LIMIT, "%s holds more than %u models", path,
                             CATALOGUE_MAX_MODELS - 1);
    }
    return true;
}

bool pull_catalogue_open(const char *path, pull_catalogue *out, error *err) {
    text all = {0}, found = {0};
    *out = (pull_catalogue){.memory = arena_new()};
    bool ok = path || cli_catalogue_path(&found, err);
    if (ok) ok = read_file(path ? path : found.p, &all, err);
    if (ok)
        ok = read_lines(arena_str(out->memory, text_str(&all)), path ? path : found.p, out, err);
    text_free(&all);
    text_free(&found);
    if (!ok) pull_catalogue_close(out);
    return ok;
}

void pull_catalogue_close(pull_catalogue *c) {
    arena_free(c->memory);
    *c = (pull_catalogue){0};
}

const pull_entry *pull_catalogue_find(const pull_catalogue *c, const char *name, error *err) {
    const char **names = arena_alloc(c->memory, c->count + 1, sizeof *names);
    for (size_t i = 0; i < c->count; i++) {
        if (str_eq_nocase(c->items[i].name, str_of(name))) return &c->items[i];
        names[i] = arena_cstr(c->memory, c->items[i].name);
    }
    const char *near = cli_nearest(name, names, c->count);
    error_set(err, ERROR_NOT_FOUND,
              "the catalogue has no model \"%.80s\"%s%s%s; `carrel-pull --list` prints those there "
              "are, and an address is fetched too",
              name, near ? ": did you mean " : "", near ? near : "", near ? "?" : "");
    return NULL;
}
