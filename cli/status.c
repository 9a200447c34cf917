/* `carrel status`: the library, the models and the locks, as they are; `carrel status DOC` one
 * document of it (document.c), and `--failed` the files that could not be read.
 *
 * It only says what it looked at: the model's hash is computed, the confinement is read from the
 * kernel. A library of another model is told of here and is no failure, because finding that out
 * is what the command is for; a failed --check is.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

enum { STATUS_CHECK = CLI_GLOBALS, STATUS_FAILED };

/* Fates in the order in which they are told. */
static const char *const fates[] = {"text",        "ocr",       "empty", "garbled",
                                    "hidden-text", "encrypted", "failed"};
#define FATES (sizeof fates / sizeof *fates)

typedef struct {
    text path;
    index_status counts;
    uint64_t by_fate[FATES];
    uint64_t in_part, failed, others; /* documents; files; files that are no documents */
    uint64_t unread;                  /* pages that character recognition has not read */
    str languages;                    /* of scans, where the user named them */
    index_model made;
    embed_model *built_in, *own;  /* NULL: see missing; own: chosen by the user, or NULL */
    const embed_model *installed; /* the one of them that the library is of, or would be */
    text chosen[CLI_ROLES];       /* paths; empty: the built-in one */
    error missing;
    bool matches, checked, sound;
    error unsound;
    cli_confinement locks;
} facts;

static bool count_fates(index_library *l, facts *f, arena *a, error *err) {
    index_fate_count *counts;
    size_t count;
    if (!index_count_fates(l, a, &counts, &count, err)) return false;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < FATES; k++)
            if (str_eq(counts[i].fate, str_of(fates[k]))) f->by_fate[k] += counts[i].pages;
    return index_count_losses(l, &f->in_part, &f->failed, &f->others, err) &&
           index_count_all_unread(l, &f->unread, err) &&
           index_get_languages(l, a, &f->languages, err);
}

static void look_at_models(index_library *l, facts *f) {
    bool fresh;
    error other;
    for (int r = 0; r < CLI_ROLES; r++)
        (void)!cli_choice_read((cli_role)r, &f->chosen[r], NULL, &f->missing);
    if (!cli_open_embedder(&f->built_in, &f->missing)) {
        f->built_in = NULL;
        return;
    }
    f->matches = cli_match_model(l, f->built_in, text_str(&f->path), &f->own, &fresh, &other);
    if (!f->matches && !f->own && f->chosen[CLI_EMBEDDING].n) {
        f->missing = other; /* it cannot even be opened */
        return;
    }
    f->matches = f->matches && !fresh;
    f->installed = f->own ? f->own : f->built_in;
}

static bool gather(const cli_args *args, index_library **l, facts *f, arena *a, error *err) {
    if (!cli_open_library(args, INDEX_READ, &f->path, l, err) ||
        !index_get_status(*l, &f->counts, err) || !index_get_model(*l, a, &f->made, err) ||
        !count_fates(*l, f, a, err))
        return false;
    f->checked = args->v[STATUS_CHECK].given;
    f->sound = f->checked && index_check(*l, &f->unsound);
    look_at_models(*l, f);
    cli_confinement_read(&f->locks);
    return true;
}

/* ---- for programs -------------------------------------------------------------------------- */

static json_t *json_model(const facts *f) {
    json_t *o = json_object();
    if (f->made.width) {
        cli_json_set(o, "name", cli_json_str(f->made.name));
        cli_json_set(o, "hash", cli_json_hash(f->made.hash));
        cli_json_set(o, "width", json_integer(f->made.width));
        cli_json_set(o, "matches", json_boolean(f->matches));
    }
    if (f->counts.chunks > f->counts.vectors)
        cli_json_set(o, "waiting",
                     json_integer((json_int_t)(f->counts.chunks - f->counts.vectors)));
    if (f->installed) {
        cli_json_set(o, "installed", cli_json_str(embed_name(f->installed)));
        cli_json_set(o, "installed_hash", cli_json_hash(embed_hash(f->installed)));
    }
    return o;
}

static json_t *json_chosen(const facts *f) {
    static const char *const keys[CLI_ROLES] = {"answers", "embedding", "reranking"};
    json_t *o = json_object();
    for (int r = 0; r < CLI_ROLES; r++)
        cli_json_set(o, keys[r],
                     f->chosen[r].n ? cli_json_str(text_str(&f->chosen[r])) : json_null());
    return o;
}

static void print_json(const facts *f) {
    json_t *o = json_object(), *by_fate = json_object(), *locks = json_object();
    for (size_t k = 0; k < FATES; k++)
        cli_json_set(by_fate, fates[k], json_integer((json_int_t)f->by_fate[k]));
    cli_json_set(o, "library", cli_json_str(text_str(&f->path)));
    cli_json_set(o, "bytes", json_integer((json_int_t)f->counts.file_bytes));
    cli_json_set(o, "schema", json_integer(f->counts.schema));
    cli_json_set(o, "documents", json_integer((json_int_t)f->counts.documents));
    cli_json_set(o, "pages", json_integer((json_int_t)f->counts.pages));
    cli_json_set(o, "pages_by_fate", by_fate);
    cli_json_set(o, "pages_unread", json_integer((json_int_t)f->unread));
    if (f->languages.n) cli_json_set(o, "ocr_languages", cli_json_str(f->languages));
    cli_json_set(o, "documents_read_in_part", json_integer((json_int_t)f->in_part));
    cli_json_set(o, "files_not_readable", json_integer((json_int_t)f->failed));
    cli_json_set(o, "files_no_documents", json_integer((json_int_t)f->others));
    cli_json_set(o, "chunks", json_integer((json_int_t)f->counts.chunks));
    cli_json_set(o, "vectors", json_integer((json_int_t)f->counts.vectors));
    cli_json_set(o, "model", json_model(f));
    cli_json_set(o, "chosen", json_chosen(f));
    if (f->checked) {
        cli_json_set(o, "sound", json_boolean(f->sound));
        cli_json_set(o, "words_checked", json_boolean(f->sound && !f->counts.fixed));
        if (!f->sound) cli_json_set(o, "problem", cli_json_str(str_of(f->unsound.text)));
    }
    cli_json_set(locks, "seccomp", json_boolean(f->locks.seccomp));
    cli_json_set(locks, "no_new_privileges", json_boolean(f->locks.no_new_privileges));
    cli_json_set(locks, "landlock_abi", json_integer(f->locks.landlock));
    cli_json_set(o, "confinement", locks);
    cli_json_print(o, false);
}

/* ---- for people ---------------------------------------------------------------------------- */

static void put_label(text *out, const char *label) {
    const cli_terminal *t = cli_stdout();
    text_printf(out, "%s%-12s%s", t->dim, label, t->reset);
}

static void put_fates(text *out, const facts *f) {
    bool any = false;
    text_printf(out, "%llu", (unsigned long long)f->counts.pages);
    for (size_t k = 0; k < FATES; k++)
        if (f->by_fate[k] && f->by_fate[k] != f->counts.pages) {
            text_printf(out, "%s%llu %s", any ? ", " : " (", (unsigned long long)f->by_fate[k],
                        fates[k]);
            any = true;
        } else if (f->by_fate[k]) {
            text_printf(out, " (all %s", fates[k]);
            any = true;
        }
    text_put(out, any ? STR(")\n") : STR("\n"));
}

/* Pages that wait for recognition, and the languages that it is done in. */
static void put_scans(text *out, const facts *f) {
    const cli_terminal *t = cli_stdout();
    if (f->unread == 0 && f->languages.n == 0) return;
    put_label(out, "scans");
    if (f->unread > 0) {
        text_put(out, str_of(t->red));
        cli_put_count(out, f->unread, "page was", "pages were");
        text_printf(out,
                    " not recognised%s: the next `carrel add` or `carrel sync` of the files tries "
                    "again, where anything has changed since",
                    t->reset);
    }
    if (f->languages.n > 0) {
        text_put(out, f->unread > 0 ? STR("; ") : STR(""));
        text_put(out, STR("read as "));
        cli_clean(out, f->languages);
        text_put(out, STR(" (--ocr-lang)"));
    }
    text_put_char(out, '\n');
}

static void put_model(text *out, const facts *f) {
    const cli_terminal *t = cli_stdout();
    if (f->made.width == 0) {
        text_put(out, STR("none recorded yet"));
    } else {
        cli_clean(out, f->made.name);
        text_printf(out, ", %u wide, %02x%02x%02x%02x...", f->made.width, f->made.hash[0],
                    f->made.hash[1], f->made.hash[2], f->made.hash[3]);
    }
    if (!f->installed) {
        text_printf(out, "; %s", t->red);
        cli_clean(out, str_of(f->missing.text));
        text_put(out, str_of(t->reset));
    } else if (f->made.width == 0) {
        text_put(out, STR("; installed is "));
        cli_clean(out, embed_name(f->installed));
    } else if (f->matches) {
        text_printf(out, ", %s%s%s", t->green, f->own ? "as chosen" : "as installed", t->reset);
    } else {
        text_printf(out, "; %sinstalled is another:%s ", t->red, t->reset);
        cli_clean(out, embed_name(f->installed));
        text_put(out,
                 STR(" (only `search --ranking words` answers, until `carrel model use` embeds "
                     "the library anew)"));
    }
    text_put_char(out, '\n');
}

/* What the user has chosen beside the built-in models. */
static void put_chosen(text *out, const facts *f) {
    static const char *const does[CLI_ROLES] = {"writes answers", "embeds", "reranks"};
    bool any = false;
    for (int r = 0; r < CLI_ROLES; r++) {
        if (f->chosen[r].n == 0) continue;
        if (any)
            text_put(out, STR(", "));
        else
            put_label(out, "chosen");
        cli_clean(out, cli_file_name(text_str(&f->chosen[r])));
        text_printf(out, " %s", does[r]);
        if (access(f->chosen[r].p, R_OK) != 0)
            text_printf(out, " (%smissing%s)", cli_stdout()->red, cli_stdout()->reset);
        any = true;
    }
    if (any) text_put_char(out, '\n');
}

static void put_locks(text *out, const facts *f) {
    text_put(out, f->locks.seccomp ? STR("no sockets, no connections (seccomp)")
                                   : STR("none: this kernel has no seccomp"));
    if (f->locks.landlock)
        text_printf(out, "; parsers also under Landlock (ABI %d)\n", f->locks.landlock);
    else
        text_put(out, STR("; this kernel has no Landlock for the parsers\n"));
}

static void print_text(const facts *f) {
    const cli_terminal *t = cli_stdout();
    text out = {0};
    put_label(&out, "library");
    cli_clean(&out, text_str(&f->path));
    text_put(&out, STR(" ("));
    cli_put_bytes(&out, f->counts.file_bytes);
    text_printf(&out, ", schema %d%s)\n", f->counts.schema,
                f->counts.older ? " of an older Carrel: the next `carrel add` makes it new" : "");
    put_label(&out, "documents");
    text_printf(&out, "%llu", (unsigned long long)f->counts.documents);
    if (f->in_part)
        text_printf(&out, ", %llu of them read in part (`carrel ls --part`)",
                    (unsigned long long)f->in_part);
    text_put_char(&out, '\n');
    if (f->failed + f->others > 0) {
        put_label(&out, "not read");
        if (f->failed) cli_put_count(&out, f->failed, "file", "files");
        if (f->failed && f->others) text_put(&out, STR(", and "));
        if (f->others)
            cli_put_count(&out, f->others, "file that is no document",
                          "files that are no documents");
        text_put(&out, STR(" (`carrel status --failed`)\n"));
    }
    put_label(&out, "pages");
    put_fates(&out, f);
    put_scans(&out, f);
    put_label(&out, "chunks");
    text_printf(&out, "%llu, with %llu vectors", (unsigned long long)f->counts.chunks,
                (unsigned long long)f->counts.vectors);
    if (f->counts.chunks > f->counts.vectors)
        text_put(&out, STR("; only words find the others, until the next `carrel add` or `carrel "
                           "model use` embeds them"));
    text_put_char(&out, '\n');
    put_label(&out, "model");
    put_model(&out, f);
    put_chosen(&out, f);
    if (f->checked) {
        put_label(&out, "check");
        text_printf(&out, "%s%s%s%s\n", f->sound ? t->green : t->red,
                    f->sound ? "sound" : "damaged", t->reset,
                    f->sound && f->counts.fixed
                        ? ", but for its words: they are checked where the file can be written"
                        : "");
    }
    put_label(&out, "confined");
    put_locks(&out, f);
    cli_put(text_str(&out));
    text_free(&out);
}

/* ---- files that could not be read ---------------------------------------------------------- */

static json_t *json_failed(const index_file *f) {
    json_t *o = json_object();
    cli_json_set(o, "path", cli_json_str(f->path));
    cli_json_set(o, "reason", cli_json_str(f->reason));
    cli_json_set(o, "code", json_integer(f->code));
    cli_json_set(o, "hash", f->hashed ? cli_json_hash(f->hash) : json_null());
    cli_json_set(o, "former_version", json_boolean(f->former));
    cli_json_set(o, "version", cli_json_str(f->program));
    cli_json_set(o, "tried", json_integer(f->when));
    return o;
}

static void put_failed(text *out, const index_file *f) {
    const cli_terminal *t = cli_stdout();
    char when[16] = "";
    struct tm tm;
    time_t seconds = (time_t)f->when;
    if (localtime_r(&seconds, &tm)) (void)strftime(when, sizeof when, "%Y-%m-%d", &tm);
    text_printf(out, "%s%s%s ", t->dim, when, t->reset);
    cli_clean(out, f->path);
    text_put(out, STR(": "));
    cli_clean(out, f->reason);
    if (f->former) text_put(out, STR("; its former version still answers"));
    text_put_char(out, '\n');
}

static void print_failed_json(const index_file *files, size_t count, uint64_t in_part) {
    json_t *o = json_object(), *list = json_array(), *others = json_array();
    for (size_t i = 0; i < count; i++)
        cli_json_append(files[i].code != ERROR_NONE ? list : others, json_failed(&files[i]));
    cli_json_set(o, "files_not_readable", list);
    cli_json_set(o, "files_no_documents", others);
    cli_json_set(o, "documents_read_in_part", json_integer((json_int_t)in_part));
    cli_json_print(o, false);
}

static void print_failed(const index_file *files, size_t count, uint64_t in_part, bool older) {
    text out = {0};
    size_t others = 0;
    for (size_t i = 0; i < count; i++) {
        others += files[i].code == ERROR_NONE;
        if (files[i].code != ERROR_NONE) put_failed(&out, &files[i]);
    }
    if (others == count && older)
        text_put(&out, STR("an older Carrel made this library, and recorded no files that could "
                           "not be read; the next `carrel add` makes it new\n"));
    else if (others == count && in_part == 0)
        text_put(&out, STR("every file that was added could be read\n"));
    if (in_part > 0) {
        cli_put_count(&out, in_part, "document was read in part", "documents were read in part");
        text_put(&out, STR(" (`carrel ls --part`)\n"));
    }
    if (others > 0) text_put(&out, STR("no documents, and not read:\n"));
    for (size_t i = 0; i < count; i++)
        if (files[i].code == ERROR_NONE) put_failed(&out, &files[i]);
    cli_put(text_str(&out));
    text_free(&out);
}

static error_code show_failed(const cli_args *args) {
    error err = {0};
    text path = {0};
    index_library *l = NULL;
    index_file *files;
    size_t count = 0;
    arena *a = arena_new();
    index_status status;
    uint64_t in_part, failed, no_documents;
    bool ok = cli_open_library(args, INDEX_READ, &path, &l, &err) &&
              index_get_status(l, &status, &err) &&
              index_count_losses(l, &in_part, &failed, &no_documents, &err) &&
              index_failed_files(l, SIZE_MAX, a, &files, &count, &err);
    if (ok && args->v[CLI_JSON].given)
        print_failed_json(files, count, in_part);
    else if (ok)
        print_failed(files, count, in_part, status.older);
    index_close(l);
    arena_free(a);
    text_free(&path);
    return ok ? ERROR_NONE : cli_fail(&err);
}

static error_code show_one(const cli_args *args) {
    error err = {0};
    text path = {0};
    index_library *l = NULL;
    bool ok = cli_open_library(args, INDEX_READ, &path, &l, &err) &&
              cli_show_document(l, args->operands[0], args->v[CLI_JSON].given, &err);
    index_close(l);
    text_free(&path);
    return ok ? ERROR_NONE : cli_fail(&err);
}

static error_code run(const cli_args *args) {
    if (args->v[STATUS_FAILED].given) return show_failed(args);
    if (args->operand_count > 0) return show_one(args);
    error err = {0};
    facts f = {0};
    index_library *l = NULL;
    error_code code = ERROR_NONE;
    arena *a = arena_new();
    if (!gather(args, &l, &f, a, &err)) {
        code = cli_fail(&err);
    } else {
        if (args->v[CLI_JSON].given)
            print_json(&f);
        else
            print_text(&f);
        if (f.checked && !f.sound) code = cli_fail(&f.unsound);
    }
    index_close(l);
    for (int r = 0; r < CLI_ROLES; r++) text_free(&f.chosen[r]);
    embed_model_close(f.own);
    embed_model_close(f.built_in);
    arena_free(a);
    text_free(&f.path);
    return code;
}

static const cli_option options[] = {
    {.name = "check", .kind = CLI_FLAG, .help = "read the whole library and check it"},
    {.name = "failed", .kind = CLI_FLAG, .help = "list the files that were not read, and why"},
};

const cli_command cli_command_status = {
    .name = "status",
    .operands = "[DOC]",
    .most = 1,
    .summary = "show the state of the library, or of a document in it",
    .details = "Shows the library's file, its documents, pages by what became of them, chunks and\n"
               "vectors, the embedding model that made it and whether that is the one installed,\n"
               "and what the kernel keeps this program from.\n"
               "\n"
               "Of a document, named as in `carrel rm`, it shows what became of every page: text,\n"
               "read by OCR with which confidence, or not read and why; its parts, language and\n"
               "chunks.",
    .example = "  carrel status --check\n"
               "  carrel status manual.pdf",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
