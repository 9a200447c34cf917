/* The user's model folder ($XDG_DATA_HOME/carrel/models).
 *
 * carrel-pull writes there, `model add` copies there, `model rm` deletes there and nowhere else. A
 * copy gets its name when it is whole and on the disk.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/model.h"

#define MODELS_MAX 1000u
#define COPY_BYTES (8u << 20)
#define NAME_MAX_BYTES 200u

/* ---- finding -------------------------------------------------------------------------------- */

static int by_bytes(const void *a, const void *b) {
    const str *x = a, *y = b;
    return strcmp(x->p, y->p);
}

bool model_list(arena *a, str **paths, size_t *count, error *err) {
    text folder = {0};
    *paths = arena_alloc(a, MODELS_MAX, sizeof **paths);
    *count = 0;
    /* Without a home there is no folder, and nothing in it. */
    DIR *d = cli_model_folder(&folder, NULL) ? opendir(folder.p) : NULL;
    bool ok = d || folder.n == 0 || errno == ENOENT || errno == ENOTDIR;
    if (!ok)
        error_set(err, ERROR_IO, "the folder %s cannot be read: %s", folder.p, strerror(errno));
    for (struct dirent *e; d && *count < MODELS_MAX && (e = readdir(d));) {
        str name = str_of(e->d_name);
        if (name.n <= 5 || name.p[0] == '.' ||
            !str_eq_nocase(str_cut(name, name.n - 5, name.n), STR(".gguf")))
            continue;
        (*paths)[(*count)++] = arena_printf(a, "%s/%s", folder.p, e->d_name);
    }
    if (d) closedir(d);
    qsort(*paths, *count, sizeof **paths, by_bytes);
    text_free(&folder);
    return ok;
}

static bool begins(str name, str start) {
    return name.n >= start.n && str_eq_nocase(str_cut(name, 0, start.n), start);
}

/* The file of the folder that is called so, or the only one that begins so. */
static bool find_in_folder(const char *name, text *path, error *err) {
    arena *a = arena_new();
    str *all, found = {0}, wanted = str_of(name), exact = arena_printf(a, "%s.gguf", name);
    size_t count, fitting = 0;
    bool ok = model_list(a, &all, &count, err);
    for (size_t i = 0; ok && i < count; i++) {
        str own = cli_file_name(all[i]);
        if (str_eq_nocase(own, wanted) || str_eq_nocase(own, exact)) {
            found = all[i];
            fitting = 1;
            break;
        }
        if (!begins(own, wanted)) continue;
        if (fitting++ == 0) found = all[i];
    }
    text_clear(path);
    if (ok && fitting == 1)
        text_put(path, found);
    else if (ok && fitting > 1)
        ok = error_set(err, ERROR_USAGE, "%zu models begin with \"%s\": write more of the name",
                       fitting, name);
    else if (ok)
        ok = error_set(err, ERROR_NOT_FOUND,
                       "there is no file %s, nor a model of that name in the model folder "
                       "(`carrel model ls`)",
                       name);
    arena_free(a);
    return ok;
}

/* For what cannot be undone: no start of a name, and not in another case. */
static bool find_by_whole_name(const char *name, const char *folder, text *path, error *err) {
    bool named = str_ends(str_of(name), STR(".gguf"));
    struct stat st;
    text_clear(path);
    text_printf(path, "%s/%s", folder, name);
    if (named && lstat(path->p, &st) == 0) return true;
    text_put(path, STR(".gguf"));
    return lstat(path->p, &st) == 0 ||
           error_set(err, ERROR_NOT_FOUND,
                     "there is no model %s in the model folder: rm takes the whole name of the "
                     "file (`carrel model ls`)",
                     name);
}

/* By the whole name, so that no start of a name in the folder is taken for it. */
static bool find_built_in(const char *name, text *path) {
    static const char *const files[] = {CLI_EMBEDDING_FILE, CLI_READER_FILE};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        str file = str_of(files[i]);
        text_clear(path);
        if ((str_eq(file, str_of(name)) || str_eq(str_cut(file, 0, file.n - 5), str_of(name))) &&
            cli_model_path(files[i], path, NULL))
            return true;
    }
    text_clear(path);
    return false;
}

bool model_find(const char *name, text *path, error *err) {
    if (!name) {
        if (!cli_choice_read(CLI_ANSWERS, path, NULL, err)) return false;
        return path->n > 0 ||
               error_set(err, ERROR_NOT_FOUND,
                         "no model is in use; name one, as in `carrel model use NAME|FILE` "
                         "(`carrel model ls` lists them)");
    }
    if (strchr(name, '/') || access(name, F_OK) == 0) return cli_absolute(name, path, err);
    return find_built_in(name, path) || find_in_folder(name, path, err);
}

bool model_in_use(str path, cli_role *role) {
    text own = {0};
    bool used = false;
    for (int r = 0; r < CLI_ROLES && !used; r++) {
        used = cli_choice_read((cli_role)r, &own, NULL, NULL) && own.n > 0 &&
               str_eq(text_str(&own), path);
        if (used && role) *role = (cli_role)r;
    }
    text_free(&own);
    return used;
}

/* ---- model add ------------------------------------------------------------------------------ */

static bool good_name(str name, error *err) {
    bool ok = name.n > 5 && name.n <= NAME_MAX_BYTES && name.p[0] != '.' &&
              str_eq_nocase(str_cut(name, name.n - 5, name.n), STR(".gguf"));
    for (size_t i = 0; i < name.n; i++) ok = ok && (unsigned char)name.p[i] >= ' ';
    return ok || error_set(err, ERROR_INPUT,
                           "a model's file is called SOMETHING.gguf, without control characters");
}

static bool room_for(int folder, uint64_t bytes, error *err) {
    struct statvfs disk;
    if (fstatvfs(folder, &disk) != 0 || disk.f_blocks == 0) return true;
    uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (room > bytes) return true;
    text need = {0}, have = {0};
    cli_put_bytes(&need, bytes);
    cli_put_bytes(&have, room);
    error_set(err, ERROR_IO, "the model has %s, and the disk of the model folder room for %s",
              need.p, have.p);
    text_free(&need);
    text_free(&have);
    return false;
}

static bool copy_bytes(int from, int to, error *err) {
    uint8_t *piece;
    ssize_t n, done;
    /* Where the file system can share the blocks, it is no copy at all. */
    if (ioctl(to, FICLONE, from) == 0) return true;
    piece = mem_new(COPY_BYTES, 1);
    while ((n = read(from, piece, COPY_BYTES)) != 0) {
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 || cli_stopped()) break;
        for (done = 0; done < n;) {
            ssize_t wrote = write(to, piece + done, (size_t)(n - done));
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote <= 0) {
                n = -1;
                goto out;
            }
            done += wrote;
        }
    }
out:;
    int problem = errno;
    mem_free(piece);
    if (cli_stopped()) return error_set(err, ERROR_CANCELLED, "stopped; nothing was added");
    if (n < 0) return error_set(err, ERROR_IO, "the model cannot be copied: %s", strerror(problem));
    return true;
}

/* Beside its place first; `name` appears when all of it is on the disk. */
/* A file that has no name until it is whole, so that a killed copy leaves nothing; where the file
 * system cannot do that, one with a name of its own, in `beside`. */
static int open_nameless(const char *folder, text *beside, error *err) {
    int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    if (fd >= 0) {
        text_clear(beside);
        return fd;
    }
    fd = open(beside->p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0) error_set(err, ERROR_IO, "%s cannot be written: %s", beside->p, strerror(errno));
    return fd;
}

/* Gives the file its name. */
static bool name_it(int fd, const text *beside, const char *target, int place, error *err) {
    char own[64];
    snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
    bool named = beside->n ? rename(beside->p, target) == 0
                           : linkat(AT_FDCWD, own, AT_FDCWD, target, AT_SYMLINK_FOLLOW) == 0;
    if (named && fsync(place) == 0) return true;
    return error_set(err, ERROR_IO, "%s cannot be written: %s", target, strerror(errno));
}

static bool copy_into(const char *path, const char *folder, str name, text *target, error *err) {
    text beside = {0};
    struct stat st, own;
    bool ok = false;
    int from = -1, to = -1, place = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    text_clear(target);
    text_printf(target, "%s/" STR_FMT, folder, STR_ARG(name));
    text_printf(&beside, "%s/." STR_FMT ".%ld.new", folder, STR_ARG(name), (long)getpid());
    if (place >= 0) from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (place < 0 || from < 0 || fstat(from, &st) != 0) {
        error_set(err, ERROR_IO, "%s cannot be opened: %s", place < 0 ? folder : path,
                  strerror(errno));
        goto done;
    }
    if (lstat(target->p, &own) == 0) {
        error_set(err, ERROR_INPUT,
                  own.st_ino == st.st_ino && own.st_dev == st.st_dev
                      ? "%s is in the model folder already"
                      : "%s is there already: remove it first (`carrel model rm`)",
                  target->p);
        goto done;
    }
    if (!room_for(place, (uint64_t)st.st_size, err)) goto done;
    to = open_nameless(folder, &beside, err);
    if (to < 0 || !copy_bytes(from, to, err)) goto done;
    if (fsync(to) != 0) {
        error_set(err, ERROR_IO, "%s cannot be written: %s", target->p, strerror(errno));
        goto done;
    }
    ok = name_it(to, &beside, target->p, place, err);
done:
    if (!ok && to >= 0 && beside.n) unlink(beside.p);
    if (to >= 0) close(to);
    if (from >= 0) close(from);
    if (place >= 0) close(place);
    text_free(&beside);
    return ok;
}

/* As a shell takes it. */
static void put_quoted(text *out, str name) {
    bool plain = name.n > 0 && name.p[0] != '-' && name.p[0] != '~';
    for (size_t i = 0; i < name.n; i++)
        plain = plain && !strchr(" \t\"'`$&|;<>()[]{}*?!#\\", name.p[i]);
    if (plain) {
        cli_clean(out, name);
        return;
    }
    text_put_char(out, '\'');
    for (size_t i = 0, at = 0; i <= name.n; i++) {
        if (i < name.n && name.p[i] != '\'') continue;
        cli_clean(out, str_cut(name, at, i));
        if (i < name.n) text_put(out, STR("'\\''"));
        at = i + 1;
    }
    text_put_char(out, '\'');
}

static void tell_added(const model_facts *f, str name) {
    text out = {0};
    text_put(&out, STR("added "));
    cli_clean(&out, name);
    text_printf(&out, " (%s", model_kind_name(f->d.kind));
    if (f->format.n) text_printf(&out, ", " STR_FMT, STR_ARG(f->format));
    text_put(&out, STR(", "));
    cli_put_bytes(&out, f->d.file_bytes);
    text_put_char(&out, ')');
    if (model_usable(f, NULL)) {
        text_put(&out, STR("; `carrel model use "));
        put_quoted(&out, name);
        text_put(&out, STR("` takes it into use"));
    }
    text_put_char(&out, '\n');
    cli_put(text_str(&out));
    text_free(&out);
}

error_code model_add(const char *file, bool json) {
    error err = {0};
    model_facts f;
    text path = {0}, folder = {0}, target = {0};
    arena *a = arena_new();
    cli_stop_watch();
    bool ok = cli_absolute(file, &path, &err) && model_look(path.p, MODEL_GLANCE, a, &f, &err);
    if (ok && !f.runs) ok = error_set(&err, ERROR_MODEL, "%s: %s", path.p, f.why_not.text);
    str name = cli_file_name(text_str(&path));
    if (ok)
        ok = good_name(name, &err) && cli_model_folder(&folder, &err) &&
             cli_make_folder(folder.p, &err) && copy_into(path.p, folder.p, name, &target, &err);
    if (ok && json) {
        f.path = text_str(&target);
        cli_json_print(model_json(&f), false);
    } else if (ok) {
        tell_added(&f, name);
    }
    arena_free(a);
    text_free(&path);
    text_free(&folder);
    text_free(&target);
    return ok ? ERROR_NONE : cli_fail(&err);
}

/* ---- model rm ------------------------------------------------------------------------------- */

/* The file must lie in the model folder itself, by whatever path it was named; a link there is
 * deleted, not what it points to. */
static bool find_own(const char *name, text *path, error *err) {
    text folder = {0}, full = {0}, real = {0}, above = {0};
    bool ok = cli_model_folder(&folder, err);
    if (!ok) goto done;
    if (!strchr(name, '/')) {
        ok = find_by_whole_name(name, folder.p, path, err);
        goto done;
    }
    str last = cli_file_name(str_of(name));
    text_put(&above, str_cut(str_of(name), 0, strlen(name) - last.n));
    if (above.n == 0) text_put_char(&above, '/');
    ok = cli_absolute(above.p, &full, err) && cli_absolute(folder.p, &real, err);
    if (ok && (!str_eq(text_str(&full), text_str(&real)) || last.n == 0 ||
               str_eq(last, STR("..")) || str_eq(last, STR("."))))
        ok = error_set(err, ERROR_USAGE,
                       "%s is not in the model folder %s; carrel deletes models there alone", name,
                       folder.p);
    if (ok) {
        text_clear(path);
        text_printf(path, "%s/" STR_FMT, folder.p, STR_ARG(last));
    }
done:
    text_free(&folder);
    text_free(&full);
    text_free(&real);
    text_free(&above);
    return ok;
}

error_code model_rm(const char *name, bool force, bool json) {
    error err = {0};
    text path = {0}, real = {0};
    cli_role role = CLI_ANSWERS;
    struct stat st;
    bool used = false;
    bool ok = find_own(name, &path, &err) && cli_absolute(path.p, &real, &err);
    if (ok && lstat(path.p, &st) != 0)
        ok = error_set(&err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO, "%s: %s", path.p,
                       strerror(errno));
    if (ok && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
        ok = error_set(&err, ERROR_INPUT, "%s is no file", path.p);
    if (ok) {
        used = model_in_use(text_str(&path), &role) || model_in_use(text_str(&real), &role);
        if (used && !force)
            ok = error_set(&err, ERROR_INPUT,
                           "%s is in use: `carrel model use` another first, or --force", path.p);
    }
    if (ok && used) ok = cli_choice_forget(role, &err);
    if (ok && unlink(path.p) != 0)
        ok = error_set(&err, ERROR_IO, "%s cannot be deleted: %s", path.p, strerror(errno));
    if (ok && json) {
        json_t *o = json_object();
        cli_json_set(o, "removed", cli_json_str(text_str(&path)));
        cli_json_print(o, false);
    } else if (ok) {
        text out = {0};
        text_put(&out, STR("removed "));
        cli_clean(&out, text_str(&path));
        if (used) text_printf(&out, "; %s", model_without(role));
        text_put_char(&out, '\n');
        cli_put(text_str(&out));
        text_free(&out);
    }
    text_free(&path);
    text_free(&real);
    return ok ? ERROR_NONE : cli_fail(&err);
}
