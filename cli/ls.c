/* `carrel ls`: what is in the library.
 *
 * A table that fits the terminal: what has a fixed width keeps it, title and path share the rest,
 * and a path is cut at its start, because its end tells the documents apart. In a pipe nothing is
 * cut. It needs no model, so it works whatever is installed.
 */
#include <time.h>

#include "cli/cli.h"

enum { LS_PART = CLI_GLOBALS };

/* Narrower than this a title or path says nothing; then the line may run over. */
#define FREE_COLUMN_MIN 12

typedef struct {
    size_t id, type, title, path; /* widths */
} layout;

static void put_date(char *out, size_t size, int64_t seconds) {
    struct tm tm;
    time_t t = (time_t)seconds;
    if (!localtime_r(&t, &tm) || strftime(out, size, "%Y-%m-%d", &tm) == 0) out[0] = 0;
}

/* Columns of a fixed width first; title and path share what the terminal has left. */
static layout lay_out(const index_document *d, size_t count, size_t columns) {
    layout w = {.id = 2, .type = 4, .title = 5, .path = 4};
    for (size_t i = 0; i < count; i++) {
        text id = {0};
        text_printf(&id, "#%lld", (long long)d[i].id);
        w.id = id.n > w.id ? id.n : w.id;
        w.type = d[i].type.n > w.type ? d[i].type.n : w.type;
        size_t title = cli_columns(d[i].title), path = cli_columns(d[i].path);
        w.title = title > w.title ? title : w.title;
        w.path = path > w.path ? path : w.path;
        text_free(&id);
    }
    if (!columns) return w;
    /* "#id  title  type  pages  chunks  added  path", two spaces between */
    size_t fixed = w.id + w.type + 5 + 6 + 10 + 6 * 2;
    size_t left = columns > fixed + 2 * FREE_COLUMN_MIN ? columns - fixed : 2 * FREE_COLUMN_MIN;
    if (w.title + w.path > left) {
        size_t half = left / 2;
        if (w.title <= half)
            w.path = left - w.title;
        else if (w.path <= left - half)
            w.title = left - w.path;
        else {
            w.title = half;
            w.path = left - half;
        }
    }
    return w;
}

static void put_table(const index_document *d, size_t count) {
    const cli_terminal *t = cli_stdout();
    layout w = lay_out(d, count, t->columns);
    text out = {0};
    char date[16];
    text_put(&out, str_of(t->dim));
    cli_fit(&out, STR("id"), w.id, true);
    text_put(&out, STR("  "));
    cli_fit(&out, STR("title"), w.title, true);
    text_put(&out, STR("  "));
    cli_fit(&out, STR("type"), w.type, true);
    text_printf(&out, "  pages  chunks  added       path%s\n", t->reset);
    for (size_t i = 0; i < count; i++) {
        text id = {0};
        text_printf(&id, "#%lld", (long long)d[i].id);
        cli_fit(&out, text_str(&id), w.id, true);
        text_free(&id);
        text_printf(&out, "  %s", t->bold);
        cli_fit(&out, d[i].title, w.title, true);
        text_printf(&out, "%s  ", t->reset);
        cli_fit(&out, d[i].type, w.type, true);
        put_date(date, sizeof date, d[i].added);
        text_printf(&out, "  %5u  %6u  %-10s  ", d[i].pages, d[i].chunks, date);
        cli_fit_end(&out, d[i].path, t->columns ? w.path : 0);
        text_put_char(&out, '\n');
        /* Each line by itself: a library may be long, and `| head` short. */
        cli_put(text_str(&out));
        text_clear(&out);
    }
    text_free(&out);
}

/* Documents whose file is another by now, and could not be read: named below the table. */
static bool put_former(index_library *l, const index_document *d, size_t count, error *err) {
    text out = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        index_gaps g;
        ok = index_get_gaps(l, d[i].id, &g, err);
        if (!ok || !g.former) continue;
        text_printf(&out,
                    "#%lld is a former version: its file could not be read again (`carrel "
                    "status %lld`)\n",
                    (long long)d[i].id, (long long)d[i].id);
    }
    cli_put(text_str(&out));
    text_free(&out);
    return ok;
}

json_t *cli_json_document(const index_document *d) {
    json_t *o = json_object();
    cli_json_set(o, "id", json_integer(d->id));
    cli_json_set(o, "path", cli_json_str(d->path));
    cli_json_set(o, "title", cli_json_str(d->title));
    cli_json_set(o, "type", cli_json_str(d->type));
    cli_json_set(o, "language", cli_json_str(d->language));
    cli_json_set(o, "dated", cli_json_str(d->dated));
    cli_json_set(o, "hash", cli_json_hash(d->hash));
    cli_json_set(o, "bytes", json_integer((json_int_t)d->bytes));
    cli_json_set(o, "modified", json_integer(d->mtime));
    cli_json_set(o, "added", json_integer(d->added));
    cli_json_set(o, "pages", json_integer(d->pages));
    cli_json_set(o, "pages_text", json_integer(d->pages_text));
    cli_json_set(o, "chunks", json_integer(d->chunks));
    return o;
}

/* Those of which something was not read. */
static bool keep_partial(index_library *l, index_document *d, size_t *count, error *err) {
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        index_gaps g;
        if (!index_get_gaps(l, d[i].id, &g, err)) return false;
        if (g.gaps + g.notes > 0 || g.former) d[kept++] = d[i];
    }
    *count = kept;
    return true;
}

static error_code run(const cli_args *args) {
    error err = {0};
    text path = {0};
    index_library *l = NULL;
    index_document *d;
    size_t count;
    error_code code = ERROR_NONE;
    arena *a = arena_new();
    if (!cli_open_library(args, INDEX_READ, &path, &l, &err) ||
        !index_list(l, a, &d, &count, &err) ||
        (args->v[LS_PART].given && count > 0 && !keep_partial(l, d, &count, &err))) {
        code = cli_fail(&err);
    } else if (args->v[CLI_JSON].given) {
        json_t *o = json_object(), *list = json_array();
        for (size_t i = 0; i < count; i++) cli_json_append(list, cli_json_document(&d[i]));
        cli_json_set(o, "library", cli_json_str(text_str(&path)));
        cli_json_set(o, "documents", list);
        cli_json_print(o, false);
    } else if (count > 0) {
        put_table(d, count);
        if (!put_former(l, d, count, &err)) code = cli_fail(&err);
    } else if (args->v[LS_PART].given) {
        cli_put(STR("no document was read in part\n"));
    } else {
        cli_note("the library %s is empty: `carrel add PATH` fills it", path.p);
    }
    index_close(l);
    arena_free(a);
    text_free(&path);
    return code;
}

static const cli_option options[] = {
    {.name = "part", .kind = CLI_FLAG, .help = "only documents that were read in part"},
};

const cli_command cli_command_ls = {
    .name = "ls",
    .operands = "",
    .summary = "list the documents of the library",
    .details = "Lists the documents with their number, title, type, pages, chunks, day of adding\n"
               "and path.",
    .example = "  carrel ls --json | jq -r '.documents[].path'",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
