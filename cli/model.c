/* `carrel model`: the built-in models, and the decoder that a user brings.
 *
 * A decoder stays where the user put it; only its absolute path is written down, after the engine
 * has opened it, so that a file that cannot run is refused now and not at the first question. No
 * model is ever fetched here: carrel has no way out.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ingest/ingest.h"

#define FOLDER_MODE 0700 /* XDG Base Directory Specification */

typedef struct {
    const char *file, *purpose;
} built_in;

static const built_in built_ins[] = {
    {CLI_EMBEDDING_FILE, "embedding"},
    {CLI_READER_FILE, "reader"},
};
#define BUILT_INS (sizeof built_ins / sizeof *built_ins)

/* What can be told of a model file. Strings live in the arena. */
typedef struct {
    str path, purpose, name, architecture, licence, tokenizer, types;
    uint64_t bytes, parameters;
    size_t tensors;
    uint32_t context, width;
    uint8_t hash[32];
    bool runs;
    error why_not;
} model_facts;

/* ---- looking at a file ---------------------------------------------------------------------- */

static str meta(const engine_gguf *g, const char *key, arena *a) {
    str s;
    return engine_gguf_str(g, key, &s) ? arena_str(a, s) : (str){0};
}

/* "Q8_0 12, F32 9" */
static str type_counts(const engine_gguf *g, arena *a) {
    text t = {0};
    size_t n = engine_gguf_tensor_count(g);
    for (size_t i = 0; i < n; i++) {
        uint32_t type = engine_gguf_tensor_at(g, i)->type;
        size_t same = 0, before = 0;
        for (size_t k = 0; k < n; k++) {
            bool equal = engine_gguf_tensor_at(g, k)->type == type;
            same += equal;
            before += equal && k < i;
        }
        if (before == 0) text_printf(&t, "%s%s %zu", t.n ? ", " : "", engine_type_name(type), same);
    }
    str copy = arena_str(a, text_str(&t));
    text_free(&t);
    return copy;
}

/* Which of the three kinds it is, and whether this build runs it. */
static void try_running(const char *path, model_facts *f) {
    if (str_eq(f->architecture, STR("carrel-static"))) {
        embed_model *m;
        f->purpose = STR("embedding");
        if ((f->runs = embed_model_open(path, &m, &f->why_not))) embed_model_close(m);
    } else if (str_eq(f->architecture, STR("carrel-reader"))) {
        embed_reader *r;
        f->purpose = STR("reader");
        if ((f->runs = embed_reader_open(path, &r, &f->why_not))) embed_reader_close(r);
    } else {
        engine_model *m;
        engine_info info;
        f->purpose = STR("decoder");
        if ((f->runs = engine_model_open(path, &m, &f->why_not))) {
            engine_model_info(m, &info);
            f->context = info.context_length;
            f->width = info.width;
            f->parameters = info.parameters;
            engine_model_close(m);
        }
    }
}

static bool hash_file(const char *path, uint8_t hash[32], error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO,
                         "%s cannot be opened: %s", path, strerror(errno));
    bool ok = ingest_hash(fd, hash, err);
    close(fd);
    return ok;
}

static bool look(const char *path, arena *a, model_facts *f, error *err) {
    engine_gguf *g = NULL;
    if (!engine_gguf_open(path, &g, err)) return false;
    f->path = arena_str(a, str_of(path));
    f->bytes = engine_gguf_bytes(g);
    f->tensors = engine_gguf_tensor_count(g);
    for (size_t i = 0; i < f->tensors; i++) {
        const engine_tensor *t = engine_gguf_tensor_at(g, i);
        uint64_t values = 1;
        for (uint32_t d = 0; d < t->rank && d < 4; d++) values *= t->shape[d];
        f->parameters += values;
    }
    f->architecture = meta(g, "general.architecture", a);
    f->name = meta(g, "general.name", a);
    f->licence = meta(g, "general.license", a);
    f->tokenizer = meta(g, "tokenizer.ggml.model", a);
    f->types = type_counts(g, a);
    engine_gguf_close(g);
    try_running(path, f);
    return hash_file(path, f->hash, err);
}

/* ---- telling -------------------------------------------------------------------------------- */

static json_t *json_facts(const model_facts *f) {
    json_t *o = json_object();
    cli_json_set(o, "purpose", cli_json_str(f->purpose));
    cli_json_set(o, "path", cli_json_str(f->path));
    cli_json_set(o, "name", cli_json_str(f->name));
    cli_json_set(o, "architecture", cli_json_str(f->architecture));
    cli_json_set(o, "licence", cli_json_str(f->licence));
    cli_json_set(o, "tokenizer", cli_json_str(f->tokenizer));
    cli_json_set(o, "bytes", json_integer((json_int_t)f->bytes));
    cli_json_set(o, "parameters", json_integer((json_int_t)f->parameters));
    cli_json_set(o, "tensors", cli_json_str(f->types));
    if (f->context) cli_json_set(o, "context", json_integer(f->context));
    cli_json_set(o, "hash", cli_json_hash(f->hash));
    cli_json_set(o, "runs", json_boolean(f->runs));
    if (!f->runs) cli_json_set(o, "why_not", cli_json_str(str_of(f->why_not.text)));
    return o;
}

static void put_line(text *out, const char *label, str value) {
    const cli_terminal *t = cli_stdout();
    if (value.n == 0) return;
    text_printf(out, "%s%-14s%s", t->dim, label, t->reset);
    cli_clean(out, value);
    text_put_char(out, '\n');
}

static void put_facts(const model_facts *f) {
    const cli_terminal *t = cli_stdout();
    text out = {0}, v = {0};
    put_line(&out, "file", f->path);
    put_line(&out, "name", f->name);
    put_line(&out, "purpose", f->purpose);
    put_line(&out, "architecture", f->architecture);
    put_line(&out, "licence", f->licence);
    put_line(&out, "tokenizer", f->tokenizer);
    cli_put_bytes(&v, f->bytes);
    text_printf(&v, ", %.1f million values in %zu tensors (" STR_FMT ")",
                (double)f->parameters / 1e6, f->tensors, STR_ARG(f->types));
    put_line(&out, "size", text_str(&v));
    text_clear(&v);
    if (f->context) {
        text_printf(&v, "%u tokens", f->context);
        put_line(&out, "context", text_str(&v));
        text_clear(&v);
    }
    for (size_t i = 0; i < sizeof f->hash; i++) text_printf(&v, "%02x", f->hash[i]);
    put_line(&out, "SHA-256", text_str(&v));
    text_printf(&out, "%s%-14s%s%s%s%s", t->dim, "runs", t->reset, f->runs ? t->green : t->red,
                f->runs ? "yes" : "no: ", t->reset);
    cli_clean(&out, str_of(f->runs ? "" : f->why_not.text));
    text_put_char(&out, '\n');
    cli_put(text_str(&out));
    text_free(&out);
    text_free(&v);
}

static void put_row(text *out, const model_facts *f) {
    const cli_terminal *t = cli_stdout();
    text size = {0};
    cli_put_bytes(&size, f->bytes);
    cli_fit(out, f->purpose, 10, true);
    text_printf(out, " %s", t->bold);
    cli_fit(out, f->name.n ? f->name : cli_file_name(f->path), 24, true);
    text_printf(out, "%s ", t->reset);
    cli_fit(out, text_str(&size), 8, true);
    text_printf(out, " %02x%02x%02x%02x...  ", f->hash[0], f->hash[1], f->hash[2], f->hash[3]);
    cli_clean(out, f->licence.n ? f->licence : STR("licence not stated"));
    if (!f->runs) {
        text_printf(out, "\n           %sdoes not run:%s ", t->red, t->reset);
        cli_clean(out, str_of(f->why_not.text));
    }
    text_put_char(out, '\n');
    text_free(&size);
}

/* ---- model ls ------------------------------------------------------------------------------- */

/* One row or object; a model that is missing is told of and the rest goes on. */
static bool list_one(const char *path, arena *a, text *out, json_t *list, error *err) {
    model_facts f = {0};
    if (!look(path, a, &f, err)) return false;
    if (list)
        cli_json_append(list, json_facts(&f));
    else
        put_row(out, &f);
    return true;
}

static error_code list_models(bool json) {
    error err = {0};
    text path = {0}, out = {0};
    error_code code = ERROR_NONE;
    json_t *list = json ? json_array() : NULL;
    arena *a = arena_new();
    for (size_t i = 0; i < BUILT_INS; i++)
        if (!cli_model_path(built_ins[i].file, &path, &err) ||
            !list_one(path.p, a, &out, list, &err))
            code = cli_fail(&err);
    if (!cli_recorded_decoder(&path, &err))
        code = cli_fail(&err);
    else if (path.n && !list_one(path.p, a, &out, list, &err))
        code = cli_fail(&err);
    else if (!path.n && !json)
        text_put(&out, STR("decoder    none: answers are verbatim; `carrel model use FILE` brings "
                           "one\n"));
    if (json) {
        json_t *o = json_object();
        cli_json_set(o, "models", list);
        cli_json_print(o, false);
    }
    cli_put(text_str(&out));
    arena_free(a);
    text_free(&path);
    text_free(&out);
    return code;
}

/* ---- model info ----------------------------------------------------------------------------- */

static error_code show_model(const char *file, bool json) {
    error err = {0};
    model_facts f = {0};
    text path = {0};
    error_code code = ERROR_NONE;
    arena *a = arena_new();
    bool ok = file ? cli_absolute(file, &path, &err) : cli_recorded_decoder(&path, &err);
    if (ok && path.n == 0)
        ok = error_set(&err, ERROR_NOT_FOUND,
                       "no decoder is in use; name a file: `carrel model "
                       "info FILE`");
    if (!ok || !look(path.p, a, &f, &err))
        code = cli_fail(&err);
    else if (json)
        cli_json_print(json_facts(&f), false);
    else
        put_facts(&f);
    arena_free(a);
    text_free(&path);
    return code;
}

/* ---- model use ------------------------------------------------------------------------------ */

static bool make_folders(text *path, error *err) {
    for (size_t i = 1; i < path->n; i++) {
        if (path->p[i] != '/') continue;
        path->p[i] = 0;
        bool ok = mkdir(path->p, FOLDER_MODE) == 0 || errno == EEXIST;
        int problem = errno;
        path->p[i] = '/';
        if (!ok)
            return error_set(err, ERROR_IO, "the folder of %s cannot be made: %s", path->p,
                             strerror(problem));
    }
    return true;
}

/* Written beside and renamed over, so that a full disk leaves the former choice. */
static bool write_record(text *record, str path, error *err) {
    text beside = {0};
    if (!make_folders(record, err)) return false;
    text_printf(&beside, "%s.new", record->p);
    int fd = open(beside.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, path.p, path.n) == (ssize_t)path.n && write(fd, "\n", 1) == 1 &&
              fsync(fd) == 0;
    int problem = errno;
    if (fd >= 0 && close(fd) != 0 && ok) {
        problem = errno;
        ok = false;
    }
    if (ok && rename(beside.p, record->p) != 0) {
        problem = errno;
        ok = false;
    }
    if (!ok) {
        unlink(beside.p);
        error_set(err, ERROR_IO, "%s cannot be written: %s", record->p, strerror(problem));
    }
    text_free(&beside);
    return ok;
}

static bool use_file(const char *file, text *record, arena *a, bool json, error *err) {
    model_facts f = {0};
    text path = {0};
    bool ok = cli_absolute(file, &path, err) && look(path.p, a, &f, err);
    if (ok && !f.runs) ok = error_set(err, ERROR_MODEL, "%s", f.why_not.text);
    if (ok && !str_eq(f.purpose, STR("decoder")))
        ok = error_set(err, ERROR_MODEL,
                       "%s is no decoder but of the kind \"" STR_FMT "\": only "
                       "decoders are chosen",
                       path.p, STR_ARG(f.purpose));
    if (ok && str_find(text_str(&path), STR("\n"), 0) != SIZE_MAX)
        ok = error_set(err, ERROR_INPUT, "a model's path cannot hold a line break: rename it");
    if (ok) ok = write_record(record, text_str(&path), err);
    if (ok && json) {
        cli_json_print(json_facts(&f), false);
    } else if (ok) {
        text out = {0};
        text_put(&out, STR("answers are now written by "));
        cli_clean(&out, f.name.n ? f.name : cli_file_name(f.path));
        text_put(&out, STR(" and checked; `carrel model use built-in` goes back\n"));
        cli_put(text_str(&out));
        text_free(&out);
    }
    text_free(&path);
    return ok;
}

static error_code use_model(const char *file, bool json) {
    error err = {0};
    text record = {0};
    arena *a = arena_new();
    bool ok = cli_decoder_record(&record, &err);
    if (ok && strcmp(file, "built-in") == 0) {
        if (unlink(record.p) != 0 && errno != ENOENT && errno != ENOTDIR)
            ok = error_set(&err, ERROR_IO, "%s cannot be removed: %s", record.p, strerror(errno));
        else if (json)
            cli_json_print(json_pack("{s:n}", "decoder"), false);
        else
            cli_put(STR("answers are now verbatim, by the built-in models\n"));
    } else if (ok) {
        ok = use_file(file, &record, a, json, &err);
    }
    arena_free(a);
    text_free(&record);
    return ok ? ERROR_NONE : cli_fail(&err);
}

/* ---- the command ---------------------------------------------------------------------------- */

static error_code run(const cli_args *args) {
    static const char *const verbs[] = {"ls", "use", "info"};
    const char *verb = args->operand_count ? args->operands[0] : "ls";
    const char *file = args->operand_count > 1 ? args->operands[1] : NULL;
    bool json = args->v[CLI_JSON].given;
    error err;
    if (strcmp(verb, "ls") == 0 && !file) return list_models(json);
    if (strcmp(verb, "info") == 0) return show_model(file, json);
    if (strcmp(verb, "use") == 0 && file) return use_model(file, json);
    const char *near = cli_nearest(verb, verbs, sizeof verbs / sizeof *verbs);
    if (strcmp(verb, "use") == 0)
        error_set(&err, ERROR_USAGE, "which model? `carrel model use FILE`, or `built-in`");
    else if (strcmp(verb, "ls") == 0)
        error_set(&err, ERROR_USAGE,
                  "`carrel model ls` takes no file; `carrel model info FILE` "
                  "tells of one");
    else
        error_set(&err, ERROR_USAGE, "there is no `carrel model %s`; %s%s%s", verb,
                  near ? "did you mean `carrel model " : "there are ls, use and info",
                  near ? near : "", near ? "`?" : "");
    return cli_fail(&err);
}

const cli_command cli_command_model = {
    .name = "model",
    .operands = "[ls | info [FILE] | use FILE|built-in]",
    .most = 2,
    .summary = "list models, choose a decoder",
    .details =
        "ls               lists the built-in models and the decoder in use, with size, hash\n"
        "                 and licence\n"
        "info [FILE]      tells what a GGUF file is and whether it runs here\n"
        "use FILE         takes a decoder (GGUF) that you brought; it stays where it is\n"
        "use built-in     goes back to the built-in models",
    .example = "  carrel model use ~/models/small-instruct.gguf",
    .run = run,
};
