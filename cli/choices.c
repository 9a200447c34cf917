/* choices: which models the user has chosen, one small file for each role.
 *
 * In the file stand an absolute path and, for some roles, a second line: "chat NAME" where the
 * format of a decoder was forced; "hash HEX BYTES TIME" of an embedder, so that a file of hundreds
 * of megabytes need not be hashed for every question. A file is written beside and renamed over, so
 * that a full disk leaves the former choice.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

#define RECORD_MAX_BYTES 4096

static const char *const keywords[CLI_ROLES] = {"chat ", "hash ", "note "};

static bool parse(cli_role role, str all, text *path, text *detail) {
    size_t end = str_find(all, STR("\n"), 0);
    str first = str_cut(all, 0, end), key = str_of(keywords[role]);
    str second = str_trim(str_cut(all, first.n, all.n));
    if (first.n == 0 || first.p[0] != '/' || memchr(first.p, 0, first.n)) return false;
    if (path) text_put(path, first);
    if (detail && str_starts(second, key)) text_put(detail, str_cut(second, key.n, second.n));
    return true;
}

bool cli_choice_read(cli_role role, text *path, text *detail, error *err) {
    char buffer[RECORD_MAX_BYTES + 1];
    text record = {0};
    bool ok = false;
    if (path) text_clear(path);
    if (detail) text_clear(detail);
    if (!cli_choice_file(role, &record, NULL)) {
        /* Without a home there is no place where one could have been recorded. */
        text_free(&record);
        return true;
    }
    int fd = open(record.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        ok = true;
        goto done;
    }
    ssize_t n = fd < 0 ? -1 : read(fd, buffer, sizeof buffer);
    if (n < 0)
        error_set(err, ERROR_IO, "%s cannot be read: %s", record.p, strerror(errno));
    else if (n > RECORD_MAX_BYTES || !parse(role, str_trim((str){buffer, (size_t)n}), path, detail))
        error_set(err, ERROR_MODEL,
                  "%s does not hold the path of a model: `carrel model use FILE` "
                  "writes it anew, `carrel model use built-in` removes it",
                  record.p);
    else
        ok = true;
done:
    if (fd >= 0) close(fd);
    text_free(&record);
    return ok;
}

static bool make_folder_of(str file, error *err) {
    text folder = {0};
    text_put(&folder, str_cut(file, 0, file.n - cli_file_name(file).n - 1));
    bool ok = cli_make_folder(folder.p, err);
    text_free(&folder);
    return ok;
}

bool cli_choice_write(cli_role role, str path, str detail, error *err) {
    text record = {0}, beside = {0}, choice = {0};
    int fd = -1, problem = 0;
    bool ok = false;
    if (str_find(path, STR("\n"), 0) != SIZE_MAX) {
        error_set(err, ERROR_INPUT, "a model's path cannot hold a line break: rename it");
        goto done;
    }
    if (!cli_choice_file(role, &record, err) || !make_folder_of(text_str(&record), err)) goto done;
    /* Of this process alone: two may write at once, and the later one is right. */
    text_printf(&beside, "%s.%ld.new", record.p, (long)getpid());
    text_printf(&choice, STR_FMT "\n", STR_ARG(path));
    if (detail.n) text_printf(&choice, "%s" STR_FMT "\n", keywords[role], STR_ARG(detail));
    fd = open(beside.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ok = fd >= 0 && write(fd, choice.p, choice.n) == (ssize_t)choice.n && fsync(fd) == 0;
    problem = errno;
    if (fd >= 0 && close(fd) != 0 && ok) {
        problem = errno;
        ok = false;
    }
    if (ok && rename(beside.p, record.p) != 0) {
        problem = errno;
        ok = false;
    }
    if (!ok) {
        unlink(beside.p);
        error_set(err, ERROR_IO, "%s cannot be written: %s", record.p, strerror(problem));
    }
done:
    text_free(&record);
    text_free(&beside);
    text_free(&choice);
    return ok;
}

bool cli_choice_forget(cli_role role, error *err) {
    text record = {0};
    bool ok = cli_choice_file(role, &record, err);
    if (ok && unlink(record.p) != 0 && errno != ENOENT && errno != ENOTDIR)
        ok = error_set(err, ERROR_IO, "%s cannot be removed: %s", record.p, strerror(errno));
    text_free(&record);
    return ok;
}
