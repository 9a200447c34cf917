/* Places: the library, the models, the record of the user's decoder, and names of files.
 *
 * Only the environment and /proc/self/exe are asked. The password database is not: reading it can
 * make the C library connect to a name service, and carrel never connects anywhere. File names are
 * bytes; the library holds UTF-8, so cli_utf8_name gives each name one, and two names never the
 * same one unless someone takes pains.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

#define FOLDER_MODE 0700 /* XDG Base Directory Specification */

/* XDG Base Directory Specification: relative paths in these variables are to be ignored. */
static bool xdg_folder(const char *variable, const char *under_home, text *out, error *err) {
    const char *xdg = getenv(variable), *home = getenv("HOME");
    if (xdg && xdg[0] == '/') {
        text_put(out, str_of(xdg));
        return true;
    }
    if (!home || home[0] != '/')
        return error_set(err, ERROR_USAGE,
                         "neither %s nor HOME is set: name the file yourself, "
                         "for the library with --library FILE",
                         variable);
    text_printf(out, "%s/%s", home, under_home);
    return true;
}

bool cli_library_path(const cli_args *args, text *out, error *err) {
    text_clear(out);
    if (args->v[CLI_LIBRARY].given) {
        text_put(out, str_of(args->v[CLI_LIBRARY].text));
        return true;
    }
    if (!xdg_folder("XDG_DATA_HOME", ".local/share", out, err)) return false;
    text_put(out, STR("/carrel/library.db"));
    return true;
}

bool cli_choice_file(cli_role role, text *out, error *err) {
    static const char *const names[CLI_ROLES] = {"decoder", "embedder", "reranker"};
    text_clear(out);
    if (!xdg_folder("XDG_CONFIG_HOME", ".config", out, err)) return false;
    text_printf(out, "/carrel/%s", names[role]);
    return true;
}

bool cli_model_folder(text *out, error *err) {
    text_clear(out);
    if (!xdg_folder("XDG_DATA_HOME", ".local/share", out, err)) return false;
    text_put(out, STR("/carrel/models"));
    return true;
}

bool cli_make_folder(const char *path, error *err) {
    text each = {0};
    bool ok = true;
    text_put(&each, str_of(path));
    for (size_t i = 1; ok && i <= each.n; i++) {
        char c = each.p[i];
        if (c != '/' && c != 0) continue;
        each.p[i] = 0;
        ok = mkdir(each.p, FOLDER_MODE) == 0 || errno == EEXIST || errno == EISDIR;
        if (!ok)
            error_set(err, ERROR_IO, "the folder %s cannot be made: %s", each.p, strerror(errno));
        each.p[i] = c;
    }
    struct stat st;
    if (ok && (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)))
        ok = error_set(err, ERROR_IO, "%s is no folder", path);
    text_free(&each);
    return ok;
}

static bool program_folder(text *out) {
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path);
    if (n <= 0 || (size_t)n >= sizeof path) return false;
    while (n > 0 && path[n - 1] != '/') n--;
    text_put(out, (str){path, (size_t)n});
    return true;
}

bool cli_model_path(const char *file, text *out, error *err) {
    static const char *const near[] = {"models", "../models", "../share/carrel/models"};
    const char *own = getenv("CARREL_MODELS");
    text_clear(out);
    if (own && *own) {
        text_printf(out, "%s/%s", own, file);
        if (access(out->p, F_OK) == 0) return true;
        return error_set(err, ERROR_MODEL, "the model %s is not in %s, where CARREL_MODELS points",
                         file, own);
    }
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        text_clear(out);
        if (!program_folder(out)) break;
        text_printf(out, "%s/%s", near[i], file);
        if (access(out->p, F_OK) == 0) return true;
    }
    return error_set(err, ERROR_MODEL,
                     "the model %s is not beside the program (models/, ../models/"
                     " or ../share/carrel/models/): point CARREL_MODELS to the folder that has it",
                     file);
}

bool cli_catalogue_path(text *out, error *err) {
    static const char *const near[] = {"../cli", "../share/carrel"};
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        text_clear(out);
        if (!program_folder(out)) break;
        text_printf(out, "%s/models.txt", near[i]);
        if (access(out->p, F_OK) == 0) return true;
    }
    return error_set(err, ERROR_NOT_FOUND,
                     "the catalogue models.txt is not beside the program (../cli/ or "
                     "../share/carrel/): name one with --catalogue FILE");
}

/* Takes "." and ".." and double slashes out of an absolute path, without looking at the disk. */
static void normalise(str path, text *out) {
    text_clear(out);
    for (size_t at = 0; at < path.n;) {
        size_t slash = str_find(path, STR("/"), at);
        str part = str_cut(path, at, slash);
        at = slash == SIZE_MAX ? path.n : slash + 1;
        if (part.n == 0 || str_eq(part, STR("."))) continue;
        if (str_eq(part, STR(".."))) {
            size_t n = out->n;
            while (n > 0 && out->p[n - 1] != '/') n--;
            text_cut(out, n > 0 ? n - 1 : 0);
            continue;
        }
        text_put_char(out, '/');
        text_put(out, part);
    }
    if (out->n == 0) text_put_char(out, '/');
}

bool cli_absolute(const char *path, text *out, error *err) {
    char *real = realpath(path, NULL);
    text joined = {0};
    text_clear(out);
    if (real) {
        text_put(out, str_of(real));
        free(real);
        return true;
    }
    if (path[0] != '/') {
        char *here = getcwd(NULL, 0);
        if (!here)
            return error_set(err, ERROR_IO, "the current folder cannot be read: %s",
                             strerror(errno));
        text_printf(&joined, "%s/", here);
        free(here);
    }
    text_put(&joined, str_of(path));
    normalise(text_str(&joined), out);
    text_free(&joined);
    return true;
}

void cli_utf8_name(text *out, str name) {
    size_t used;
    for (size_t at = 0; at < name.n; at += used) {
        str one = {name.p + at, 0};
        uint32_t c = utf8_next(name.p + at, name.n - at, &used);
        one.n = used;
        if (c == UTF8_REPLACEMENT && !utf8_valid(one))
            text_printf(out, "\\x%02X", (unsigned char)name.p[at]);
        else
            text_put(out, one);
    }
}

str cli_file_name(str path) {
    size_t n = path.n;
    while (n > 0 && path.p[n - 1] != '/') n--;
    return n < path.n ? str_cut(path, n, path.n) : path;
}

/* The bytes that cli_utf8_name wrote as \xHH, as they were. */
static void put_bytes(text *out, str name) {
    for (size_t i = 0; i < name.n; i++) {
        unsigned byte = 0;
        bool hex = i + 3 < name.n && name.p[i] == '\\' && name.p[i + 1] == 'x';
        for (size_t k = 2; hex && k < 4; k++) {
            const char *digits = "0123456789ABCDEF", *at = strchr(digits, name.p[i + k]);
            hex = name.p[i + k] != 0 && at != NULL;
            byte = hex ? byte * 16 + (unsigned)(at - digits) : 0;
        }
        hex = hex && byte >= 0x80; /* others are never written so */
        text_put_char(out, hex ? (char)byte : name.p[i]);
        i += hex ? 3 : 0;
    }
}

/* flags: of faccessat. */
static bool is_there(str path, int flags) {
    text plain = {0}, bytes = {0};
    text_put(&plain, path);
    put_bytes(&bytes, path);
    /* A name may hold "\x41" of its own. */
    bool there = path.n > 0 && (faccessat(AT_FDCWD, plain.p, F_OK, flags) == 0 ||
                                faccessat(AT_FDCWD, bytes.p, F_OK, flags) == 0);
    text_free(&plain);
    text_free(&bytes);
    return there;
}

bool cli_file_there(str path) {
    return is_there(path, 0);
}

bool cli_name_there(str path) {
    return is_there(path, AT_SYMLINK_NOFOLLOW);
}
