/* `carrel rm`: documents out of the library.
 *
 * An operand is a number (#3 or 3: a shell takes #3 for a comment unless it is quoted), a file
 * name, a path, or a folder, which stands for all documents added from below it, as in `add`.
 * Nothing is removed unless every operand is found: a typing mistake in the last of ten leaves the
 * library as it was. The files themselves are never touched.
 */
#include <string.h>

#include "cli/cli.h"

enum { RM_ALL = CLI_GLOBALS, RM_YES };

typedef struct {
    index_library *library;
    arena *a;
    index_document *all;
    size_t all_count;
    bool *chosen; /* [all_count] */
} removing;

static bool choose(removing *x, int64_t id) {
    for (size_t i = 0; i < x->all_count; i++)
        if (x->all[i].id == id) {
            x->chosen[i] = true;
            return true;
        }
    return false;
}

/* True when documents from below this folder were chosen. */
static bool choose_folder(removing *x, str folder) {
    bool any = false;
    for (size_t i = 0; i < x->all_count; i++) {
        str path = x->all[i].path;
        if (folder.n > 0 && str_starts(path, folder) && path.n > folder.n &&
            (path.p[folder.n] == '/' || folder.p[folder.n - 1] == '/'))
            any = x->chosen[i] = true;
    }
    return any;
}

static bool choose_named(removing *x, const char *operand, error *err) {
    index_document d;
    error why = {0};
    text path = {0}, absolute = {0};
    bool folder = false, ok = cli_find_document(x->library, operand, x->a, &d, &why);
    if (!ok && why.code == ERROR_NOT_FOUND && cli_absolute(operand, &path, NULL)) {
        cli_utf8_name(&absolute, text_str(&path));
        folder = choose_folder(x, text_str(&absolute));
    }
    if (ok)
        ok = choose(x, d.id) ||
             error_set(err, ERROR_INTERNAL, "%s was found but is not listed", operand);
    else if (!folder)
        *err = why;
    text_free(&path);
    text_free(&absolute);
    return ok || folder;
}

static bool choose_all(const cli_args *args, removing *x, error *err) {
    if (args->v[RM_ALL].given) {
        if (args->operand_count > 0)
            return error_set(err, ERROR_USAGE, "--all stands alone: with it no document is named");
        if (!args->v[RM_YES].given)
            return error_set(err, ERROR_USAGE,
                             "this would remove all %zu documents: say "
                             "`carrel rm --all --yes` if it is meant",
                             x->all_count);
        for (size_t i = 0; i < x->all_count; i++) x->chosen[i] = true;
        return true;
    }
    if (args->operand_count == 0)
        return error_set(err, ERROR_USAGE,
                         "what shall be removed? name documents as `carrel ls` "
                         "shows them");
    for (size_t i = 0; i < args->operand_count; i++)
        if (!choose_named(x, args->operands[i], err)) return false;
    return true;
}

static void tell(const cli_args *args, const removing *x, size_t count) {
    text out = {0};
    if (args->v[CLI_JSON].given) {
        json_t *o = json_object(), *list = json_array();
        for (size_t i = 0; i < x->all_count; i++)
            if (x->chosen[i]) {
                json_t *d = json_object();
                cli_json_set(d, "id", json_integer(x->all[i].id));
                cli_json_set(d, "path", cli_json_str(x->all[i].path));
                cli_json_append(list, d);
            }
        cli_json_set(o, "removed", list);
        cli_json_print(o, false);
        return;
    }
    for (size_t i = 0; i < x->all_count; i++)
        if (x->chosen[i]) {
            text_printf(&out, "removed #%lld ", (long long)x->all[i].id);
            cli_clean(&out, x->all[i].path);
            text_put(&out, STR(" ("));
            cli_put_count(&out, x->all[i].pages, "page", "pages");
            text_put(&out, STR(", "));
            cli_put_count(&out, x->all[i].chunks, "chunk", "chunks");
            text_put(&out, STR(")\n"));
        }
    if (count > 1)
        text_printf(&out, "%zu documents removed from the library; the files are untouched\n",
                    count);
    if (count == 0) text_put(&out, STR("the library holds no documents\n"));
    cli_put(text_str(&out));
    text_free(&out);
}

static error_code run(const cli_args *args) {
    error err = {0};
    text path = {0};
    removing x = {.a = arena_new()};
    int64_t *ids;
    size_t count = 0;
    bool ok = cli_open_library(args, INDEX_WRITE, &path, &x.library, &err) &&
              index_list(x.library, x.a, &x.all, &x.all_count, &err);
    if (ok) {
        x.chosen = arena_alloc(x.a, x.all_count, sizeof *x.chosen);
        ok = choose_all(args, &x, &err);
    }
    if (ok) {
        ids = arena_alloc(x.a, x.all_count, sizeof *ids);
        for (size_t i = 0; i < x.all_count; i++)
            if (x.chosen[i]) ids[count++] = x.all[i].id;
        ok = count == 0 || index_remove(x.library, ids, count, &err);
    }
    error_code code = ok ? ERROR_NONE : cli_fail(&err);
    if (ok) tell(args, &x, count);
    cli_close_library(x.library, &path);
    arena_free(x.a);
    text_free(&path);
    return code;
}

static const cli_option options[] = {
    {.name = "all", .kind = CLI_FLAG, .help = "remove every document; needs --yes"},
    {.name = "yes", .letter = 'y', .kind = CLI_FLAG, .help = "yes, every document"},
};

const cli_command cli_command_rm = {
    .name = "rm",
    .operands = "NAME|ID|PATH...",
    .most = SIZE_MAX,
    .summary = "remove documents from the library",
    .details =
        "Removes documents by file name, by number (3, or '#3'), by path, or by the folder\n"
        "that they were added from. Text, words and vectors go, so that nothing of them can\n"
        "be found or read in the library file; the documents themselves are not touched.\n"
        "When one of the names is not found, nothing is removed.",
    .example = "  carrel rm old-handbook.pdf 7",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
