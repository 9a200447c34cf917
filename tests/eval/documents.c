/* Documents of every kind: each file becomes pages, or gets a named reason.
 *
 * Every folder under EVAL_DIR/documents is added to a library of its own. The files are counted
 * here by walking the folder, apart from what carrel says it saw, so that a file that was forgotten
 * is found out. Packed pages (NAME.html.gz) are unpacked into a second folder and added with the
 * first, which has them once more, as files that are not read. What is measured is the fate of
 * files; the quality of their text is measured elsewhere.
 */
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/eval/eval.h"

#define DOCUMENTS_REASONS 12 /* shown for each folder, the most frequent first */

static json_t *walked; /* nftw passes no context: path -> false until it has an outcome */

static int see(const char *path, const struct stat *st, int kind, struct FTW *at) {
    (void)st;
    char real[PATH_MAX];
    if (kind == FTW_F && path[at->base] != '.' && realpath(path, real))
        json_object_set_new(walked, real, json_false());
    return 0;
}

/* Marks the file; false when it is none of those that lie in the folder, or was told twice. */
static bool mark(json_t *files, str path) {
    char real[PATH_MAX];
    text name = {0};
    text_put(&name, path);
    bool known =
        path.n > 0 && realpath(name.p, real) && json_is_false(json_object_get(files, real));
    if (known) json_object_set_new(files, real, json_true());
    text_free(&name);
    return known;
}

/* Reasons name the file first; the rest is what several files share. */
static str shared_reason(str reason, str path) {
    if (str_starts(reason, path)) {
        reason = str_cut(reason, path.n, reason.n);
        while (reason.n > 0 && strchr(": ", reason.p[0])) reason = str_cut(reason, 1, reason.n);
    }
    return reason;
}

static void count_reason(json_t *reasons, const json_t *file) {
    str reason = shared_reason(eval_string(file, "reason"), eval_string(file, "path"));
    text key = {0};
    text_put(&key, reason.n ? reason : STR("(no reason given)"));
    json_int_t before = json_integer_value(json_object_get(reasons, key.p));
    json_object_set_new(reasons, key.p, json_integer(before + 1));
    text_free(&key);
}

static void tell_reasons(const char *folder, json_t *reasons) {
    for (size_t shown = 0; json_object_size(reasons) > 0; shown++) {
        const char *key, *best = NULL;
        json_t *count;
        json_int_t most = 0;
        json_object_foreach(reasons, key, count) if (json_integer_value(count) > most) {
            most = json_integer_value(count);
            best = key;
        }
        if (shown == DOCUMENTS_REASONS) {
            printf("%-20s       and %zu other reasons\n", folder, json_object_size(reasons));
            return;
        }
        printf("%-20s %5lld %s\n", folder, (long long)most, best);
        json_object_del(reasons, best);
    }
}

static void tell(const char *folder, const json_t *object, json_t *row) {
    static const char *const keys[] = {"added",  "replaced", "present",
                                       "failed", "not_read", "pages"};
    size_t i;
    json_t *file, *reasons = json_object();
    printf("%-20s ", folder);
    for (i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_int_t n = json_integer_value(json_object_get(object, keys[i]));
        printf("%s%lld %s", i ? ", " : "", (long long)n, keys[i]);
        json_object_set_new(row, keys[i], json_integer(n));
    }
    printf(" in %.1f s\n", json_number_value(json_object_get(object, "seconds")));
    json_t *fates = json_object();
    const char *fate;
    json_t *count;
    json_array_foreach(json_object_get(object, "documents"), i, file) {
        if (str_eq(eval_string(file, "outcome"), STR("failed"))) count_reason(reasons, file);
        json_object_foreach(json_object_get(file, "pages_by_fate"), fate, count)
            json_object_set_new(fates, fate,
                                json_integer(json_integer_value(count) +
                                             json_integer_value(json_object_get(fates, fate))));
    }
    json_array_foreach(json_object_get(object, "files_not_read"), i, file)
        count_reason(reasons, file);
    json_object_foreach(fates, fate, count)
        printf("%-20s %5lld pages: %s\n", folder, (long long)json_integer_value(count), fate);
    json_object_set_new(row, "reasons", json_deep_copy(reasons));
    json_object_set_new(row, "pages_by_fate", fates);
    tell_reasons(folder, reasons);
    json_decref(reasons);
}

/* Each file has exactly one outcome, and a failure says why. */
static bool check_outcomes(const char *folder, const json_t *object, json_t *files, error *err) {
    static const char *const lists[] = {"documents", "files_not_read"};
    size_t i;
    json_t *file, *done;
    const char *path;
    for (size_t k = 0; k < 2; k++) json_array_foreach(json_object_get(object, lists[k]), i, file) {
            bool failed = k == 1 || str_eq(eval_string(file, "outcome"), STR("failed"));
            if (!mark(files, eval_string(file, "path")))
                return error_set(err, ERROR_INTERNAL, STR_FMT " has two outcomes, or is not there.",
                                 STR_ARG(eval_string(file, "path")));
            if (failed && eval_string(file, "reason").n == 0)
                return error_set(err, ERROR_INTERNAL, STR_FMT " failed without a reason.",
                                 STR_ARG(eval_string(file, "path")));
        }
    json_object_foreach(files, path, done) if (!json_is_true(done)) return error_set(
        err, ERROR_INTERNAL, "%s in %s has no outcome.", path, folder);
    return true;
}

/* Unpacks every NAME.html.gz of the folder itself; *unpacked is the folder with the pages. */
static bool unpack(const eval_run *run, const char *name, const char *folder, arena *a,
                   char **unpacked, error *err) {
    char **files;
    size_t count;
    str tail = STR(".html.gz");
    text page = {0};
    bool ok = eval_folder(run, a, arena_printf(a, "unpacked-%s", name).p, unpacked, err) &&
              eval_list(folder, a, &files, &count, err);
    for (size_t i = 0; ok && i < count; i++) {
        str file = str_of(files[i]);
        if (!str_ends(file, tail)) continue;
        str plain = str_cut(file, 0, file.n - 3);
        ok = eval_read(arena_printf(a, "%s/%s", folder, files[i]).p, &page, err) &&
             eval_write(arena_printf(a, "%s/" STR_FMT, *unpacked, STR_ARG(plain)).p,
                        text_str(&page), err);
    }
    text_free(&page);
    return ok;
}

static bool measure_folder(const eval_run *run, const char *name, const char *folder,
                           json_t *report, error *err) {
    text library = {0}, out = {0};
    json_t *objects = NULL, *row = json_pack("{s:s}", "folder", name);
    arena *a = arena_new();
    char *unpacked = NULL;
    text_printf(&library, "%s/documents-%s.db", run->folder.p, name);
    text_printf(&out, "%s/documents-%s.json", run->folder.p, name);
    walked = json_object();
    bool ok = unpack(run, name, folder, a, &unpacked, err);
    nftw(folder, see, 16, FTW_PHYS);
    if (ok) nftw(unpacked, see, 16, FTW_PHYS);
    const char *arguments[] = {"add", "--library", library.p, "--json", folder, unpacked, NULL};
    /* Code 3: some document failed. That is expected here, and each is looked at. */
    ok = ok && eval_carrel(run, arguments, out.p, ERROR_INPUT, NULL, err) &&
         eval_objects(out.p, 1, &objects, err);
    if (ok) {
        tell(name, json_array_get(objects, 0), row);
        ok = check_outcomes(name, json_array_get(objects, 0), walked, err);
        json_object_set_new(row, "files", json_integer((json_int_t)json_object_size(walked)));
        if (ok) printf("%-20s all %zu files have an outcome\n", name, json_object_size(walked));
        fflush(stdout);
    }
    json_array_append_new(report, row);
    json_decref(walked);
    json_decref(objects);
    text_free(&library);
    text_free(&out);
    arena_free(a);
    return ok ? true : error_wrap(err, "documents/%s", name);
}

bool eval_documents(const eval_run *run, json_t *report, error *err) {
    arena *a = arena_new();
    char **names;
    size_t count = 0;
    char *folder = arena_cstr(a, arena_printf(a, STR_FMT "/documents", STR_ARG(run->eval)));
    bool here = access(folder, F_OK) == 0;
    bool ok = !here || eval_list(folder, a, &names, &count, err);
    if (!here) printf("SKIP: %s is not here\n", folder);
    for (size_t i = 0; ok && i < count; i++)
        ok = measure_folder(run, names[i], arena_printf(a, "%s/%s", folder, names[i]).p, report,
                            err);
    arena_free(a);
    return ok;
}
