/* `carrel model ls` and `carrel model info`: what there is, and what a file is.
 *
 * The list glances at headers, so that it is there at once; `info` loads the model and hashes the
 * file, since someone who asks about one file wants to know whether it is whole and runs.
 */
#include <string.h>

#include "cli/model.h"

static const char *const built_ins[] = {CLI_EMBEDDING_FILE, CLI_READER_FILE};
#define BUILT_INS (sizeof built_ins / sizeof *built_ins)

#define NAME_COLUMNS 36
#define LABEL_COLUMNS 14

/* "1.2 B", "135 M": as people name models. */
static void put_parameters(text *out, uint64_t n) {
    double v = (double)n;
    if (v >= 999.5e6)
        text_printf(out, v >= 99.5e9 ? "%.0f B" : "%.1f B", v / 1e9);
    else
        text_printf(out, v >= 9.95e6 ? "%.0f M" : "%.1f M", v / 1e6);
}

json_t *model_json(const model_facts *f) {
    json_t *o = json_object();
    cli_json_set(o, "kind", json_string(model_kind_name(f->d.kind)));
    cli_json_set(o, "path", cli_json_str(f->path));
    cli_json_set(o, "name", cli_json_str(f->d.name));
    cli_json_set(o, "architecture", cli_json_str(f->d.architecture));
    cli_json_set(o, "licence", cli_json_str(f->licence));
    cli_json_set(o, "format", cli_json_str(f->format));
    cli_json_set(o, "tensors", cli_json_str(f->types));
    cli_json_set(o, "tokenizer", cli_json_str(f->d.tokenizer));
    cli_json_set(o, "pre", cli_json_str(f->d.pre));
    cli_json_set(o, "chat", cli_json_str(f->family));
    cli_json_set(o, "pooling", cli_json_str(f->d.pooling));
    cli_json_set(o, "bytes", json_integer((json_int_t)f->d.file_bytes));
    cli_json_set(o, "parameters", json_integer((json_int_t)f->d.parameters));
    cli_json_set(o, "layers", json_integer(f->d.layers));
    cli_json_set(o, "width", json_integer(f->d.width));
    cli_json_set(o, "heads", json_integer(f->d.heads));
    cli_json_set(o, "context", json_integer(f->d.context));
    cli_json_set(o, "memory", json_integer((json_int_t)(f->weight_bytes + f->cache_bytes)));
    if (f->hashed) cli_json_set(o, "hash", cli_json_hash(f->hash));
    cli_json_set(o, "in_use", json_boolean(model_in_use(f->path, NULL)));
    cli_json_set(o, "runs", json_boolean(f->runs));
    if (!f->runs) cli_json_set(o, "why_not", cli_json_str(str_of(f->why_not.text)));
    return o;
}

/* ---- model ls ------------------------------------------------------------------------------- */

/* Whether the user has chosen another for what this built-in model does. */
static bool replaced(engine_kind kind) {
    text path = {0};
    bool is =
        kind == ENGINE_STATIC && cli_choice_read(CLI_EMBEDDING, &path, NULL, NULL) && path.n > 0;
    text_free(&path);
    return is;
}

static void put_row(text *out, const model_facts *f, bool built_in) {
    const cli_terminal *t = cli_stdout();
    text v = {0};
    bool used = built_in ? !replaced(f->d.kind) : model_in_use(f->path, NULL);
    text_printf(out, "%s %s", used ? "*" : " ", t->bold);
    cli_fit(out, cli_file_name(f->path), NAME_COLUMNS, true);
    text_printf(out, "%s ", t->reset);
    cli_fit(out, str_of(model_kind_name(f->d.kind)), 8, true);
    cli_fit(out, f->d.architecture, 16, true);
    put_parameters(&v, f->d.parameters);
    text_printf(out, "%8s  ", v.p);
    cli_fit(out, f->format, 8, true);
    text_clear(&v);
    cli_put_bytes(&v, f->d.file_bytes);
    text_printf(out, "%8s", v.p);
    if (built_in) text_put(out, STR("  built in"));
    if (!f->runs) {
        text_printf(out, "\n    %sdoes not run:%s ", t->red, t->reset);
        cli_clean(out, str_of(f->why_not.text));
    }
    text_put_char(out, '\n');
    text_free(&v);
}

typedef struct {
    arena *memory;
    text out;
    json_t *list; /* NULL: rows */
} listing;

static bool list_one(listing *l, const char *path, bool built_in, error *err) {
    model_facts f;
    if (!model_look(path, built_in ? MODEL_LOAD : MODEL_GLANCE, l->memory, &f, err)) return false;
    /* The built-in models are small, and their hash is what a library is tied to. */
    if (built_in && !model_hash(&f, err)) return false;
    if (l->list)
        cli_json_append(l->list, model_json(&f));
    else
        put_row(&l->out, &f, built_in);
    return true;
}

/* One that is chosen and gone has its row, or nobody would know what is in use. */
static void put_missing(listing *l, str path) {
    if (l->list) return;
    const cli_terminal *t = cli_stdout();
    text_printf(&l->out, "* %s", t->bold);
    cli_fit(&l->out, cli_file_name(path), NAME_COLUMNS, true);
    text_printf(&l->out, "%s %smissing%s\n", t->reset, t->red, t->reset);
}

/* A chosen model may lie outside of the folder, whose models are `own`. */
static error_code list_chosen(listing *l, const str *own, size_t count) {
    error err = {0};
    error_code code = ERROR_NONE;
    text path = {0};
    for (int role = 0; role < CLI_ROLES; role++) {
        bool seen = false;
        if (!cli_choice_read((cli_role)role, &path, NULL, &err)) {
            code = cli_fail(&err);
            continue;
        }
        for (size_t i = 0; i < count; i++) seen = seen || str_eq(own[i], text_str(&path));
        if (path.n && !seen && !list_one(l, path.p, false, &err)) {
            put_missing(l, text_str(&path));
            code = cli_fail(&err);
        }
        if (path.n == 0 && role == CLI_ANSWERS)
            text_put(&l->out,
                     STR("No model writes answers, so they are verbatim: `carrel model use "
                         "NAME` takes one.\n"));
    }
    text_free(&path);
    return code;
}

/* One that is missing or broken is told of, and the rest goes on. */
static error_code list_all(listing *l) {
    error err = {0};
    error_code code = ERROR_NONE;
    text path = {0};
    str *own = NULL;
    size_t count = 0;
    for (size_t i = 0; i < BUILT_INS; i++)
        if (!cli_model_path(built_ins[i], &path, &err) || !list_one(l, path.p, true, &err))
            code = cli_fail(&err);
    if (!model_list(l->memory, &own, &count, &err)) code = cli_fail(&err);
    for (size_t i = 0; i < count; i++)
        if (!list_one(l, own[i].p, false, &err)) code = cli_fail(&err);
    error_code chosen = list_chosen(l, own, count);
    text_free(&path);
    return chosen ? chosen : code;
}

error_code model_ls(bool json) {
    listing l = {.memory = arena_new(), .list = json ? json_array() : NULL};
    if (!json) {
        text_put(&l.out, STR("  "));
        cli_fit(&l.out, STR("name"), NAME_COLUMNS + 1, true);
        text_put(&l.out, STR("kind    architecture        size  format      file\n"));
    }
    error_code code = list_all(&l);
    if (json) {
        json_t *o = json_object();
        cli_json_set(o, "models", l.list);
        cli_json_print(o, false);
    } else {
        cli_put(text_str(&l.out));
    }
    text_free(&l.out);
    arena_free(l.memory);
    return code;
}

/* ---- model info ----------------------------------------------------------------------------- */

static void put_line(text *out, const char *label, str value) {
    const cli_terminal *t = cli_stdout();
    if (value.n == 0) return;
    text_printf(out, "%s%-*s%s", t->dim, LABEL_COLUMNS, label, t->reset);
    cli_clean(out, value);
    text_put_char(out, '\n');
}

/* Ends the line that was put together in v, and empties v. */
static void put_made(text *out, const char *label, text *v) {
    put_line(out, label, text_str(v));
    text_clear(v);
}

static void put_shape(text *out, const model_facts *f, text *v) {
    put_parameters(v, f->d.parameters);
    text_printf(v, " in %zu tensors (" STR_FMT ")", f->tensors, STR_ARG(f->types));
    put_made(out, "parameters", v);
    if (f->d.layers) {
        text_printf(v, "%u layers, width %u, %u heads", f->d.layers, f->d.width, f->d.heads);
        if (f->d.kv_heads && f->d.kv_heads != f->d.heads)
            text_printf(v, " (%u of keys and values)", f->d.kv_heads);
        put_made(out, "shape", v);
    }
    if (f->d.context) {
        text_printf(v, "%u tokens", f->d.context);
        put_made(out, "context", v);
    }
    text_put(v, f->d.tokenizer);
    if (f->d.pre.n) text_printf(v, " / " STR_FMT, STR_ARG(f->d.pre));
    if (f->d.vocab) text_printf(v, ", %u tokens", f->d.vocab);
    put_made(out, "tokenizer", v);
    put_line(out, "chat", f->family);
    put_line(out, "pooling", f->d.pooling);
}

static void put_size(text *out, const model_facts *f, text *v) {
    cli_put_bytes(v, f->d.file_bytes);
    if (f->format.n) text_printf(v, ", " STR_FMT, STR_ARG(f->format));
    put_made(out, "size", v);
    cli_put_bytes(v, f->weight_bytes + f->cache_bytes);
    if (f->cache_bytes) {
        text_put(v, STR(": weights "));
        cli_put_bytes(v, f->weight_bytes);
        text_printf(v, ", %u positions of context ", f->context);
        cli_put_bytes(v, f->cache_bytes);
    }
    put_made(out, "memory", v);
    for (size_t i = 0; i < sizeof f->hash; i++) text_printf(v, "%02x", f->hash[i]);
    put_made(out, "SHA-256", v);
}

static const char *const uses[CLI_ROLES] = {[CLI_ANSWERS] = "yes, it writes the answers",
                                            [CLI_EMBEDDING] = "yes, it embeds the passages",
                                            [CLI_RERANKING] = "yes, it ranks the passages"};

static void put_facts(const model_facts *f) {
    const cli_terminal *t = cli_stdout();
    text out = {0}, v = {0};
    put_line(&out, "file", f->path);
    put_line(&out, "name", f->d.name);
    put_line(&out, "kind", str_of(model_kind_name(f->d.kind)));
    put_line(&out, "architecture", f->d.architecture);
    put_line(&out, "licence", f->licence.n ? f->licence : STR("not stated in the file"));
    put_shape(&out, f, &v);
    put_size(&out, f, &v);
    cli_role role;
    if (model_in_use(f->path, &role)) put_line(&out, "in use", str_of(uses[role]));
    text_printf(&out, "%s%-*s%s%s%s%s", t->dim, LABEL_COLUMNS, "runs", t->reset,
                f->runs ? t->green : t->red, f->runs ? "yes" : "no: ", t->reset);
    cli_clean(&out, str_of(f->runs ? "" : f->why_not.text));
    text_put_char(&out, '\n');
    cli_put(text_str(&out));
    text_free(&out);
    text_free(&v);
}

error_code model_info(const char *name, bool json) {
    error err = {0};
    model_facts f;
    text path = {0};
    arena *a = arena_new();
    bool ok = model_find(name, &path, &err) && model_look(path.p, MODEL_LOAD, a, &f, &err) &&
              model_hash(&f, &err);
    if (ok && json)
        cli_json_print(model_json(&f), false);
    else if (ok)
        put_facts(&f);
    arena_free(a);
    text_free(&path);
    return ok ? ERROR_NONE : cli_fail(&err);
}
