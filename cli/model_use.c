/* `carrel model use`: what a file is decides what it is used for.
 *
 * A decoder writes answers and a reranker ranks passages from the next question on. An embedding
 * model has to embed the library anew, since vectors of two models cannot be compared: that is done
 * here, for the library at hand, and can be stopped and taken up again at any moment; until it is
 * done words find what has no vector yet. Other libraries stay as they are, and say so when asked.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/model.h"

/* Instruction, question and reply take some 500 tokens, a passage some 300. */
#define LEAST_CONTEXT 1024u

const char *model_without(cli_role role) {
    static const char *const what[CLI_ROLES] = {
        [CLI_ANSWERS] = "answers are now verbatim, by the built-in models",
        [CLI_EMBEDDING] = ("new libraries are now embedded by the built-in model; `carrel model "
                           "use --default embedding` embeds this one anew"),
        [CLI_RERANKING] = "passages are no longer reranked"};
    return what[role];
}

/* ---- the library -------------------------------------------------------------------------- */

typedef struct {
    bool there; /* there is a library to embed */
    cli_embedded chunks;
} embedded;

static bool embed_opened(const cli_args *args, index_library *l, const text *path,
                         const embed_model *m, embedded *out, error *err) {
    index_model model = cli_index_model(m);
    uint64_t waiting;
    cli_compute compute;
    if (!index_change_model(l, &model, err) || !cli_count_waiting(l, &waiting, err)) return false;
    if (waiting == 0) return true;
    cli_note("%llu chunks of %s are embedded anew by \"" STR_FMT
             "\"; Ctrl-C stops, and the same command goes on",
             (unsigned long long)waiting, path->p, STR_ARG(model.name));
    cli_compute_start(args, &compute);
    pool *threads = pool_new(compute.threads);
    bool ok = cli_embed_waiting(l, m, threads, &out->chunks, err);
    pool_free(threads);
    if (ok && out->chunks.left > 0)
        ok = error_set(err, ERROR_CANCELLED,
                       "stopped with %llu of %llu chunks left; words and what is embedded answer, "
                       "and the same command goes on from there",
                       (unsigned long long)out->chunks.left, (unsigned long long)waiting);
    return ok;
}

/* No library is no failure: it will be made with this model. */
static bool embed_library(const cli_args *args, const embed_model *m, embedded *out, error *err) {
    text path = {0};
    index_library *l = NULL;
    *out = (embedded){0};
    bool ok = cli_library_path(args, &path, err);
    out->there = ok && access(path.p, F_OK) == 0;
    if (out->there)
        ok = cli_open_library(args, INDEX_WRITE, &path, &l, err) &&
             embed_opened(args, l, &path, m, out, err);
    cli_close_library(l, &path);
    text_free(&path);
    return ok;
}

static void put_embedded(text *out, const embedded *e) {
    if (!e->there)
        text_put(out, STR("; there is no library yet"));
    else if (e->chunks.done == 0)
        text_put(out, STR("; the library has its vectors already"));
    else
        text_printf(out, "; %llu chunks of the library were embedded",
                    (unsigned long long)e->chunks.done);
    if (e->chunks.cut > 0)
        text_printf(out,
                    " (%llu are longer than it reads, and were cut for it: words find all of them)",
                    (unsigned long long)e->chunks.cut);
}

/* ---- one file ----------------------------------------------------------------------------- */

/* Size and time go with the hash, to know when it no longer holds (open.c). */
static bool record_embedder(str path, const embed_model *m, error *err) {
    struct stat st;
    text detail = {0};
    if (stat(path.p, &st) != 0)
        return error_set(err, ERROR_IO, "%s cannot be read: %s", path.p, strerror(errno));
    for (size_t i = 0; i < 32; i++) text_printf(&detail, "%02x", embed_hash(m)[i]);
    text_printf(&detail, " %llu %lld.%09ld", (unsigned long long)st.st_size,
                (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    bool ok = cli_choice_write(CLI_EMBEDDING, path, text_str(&detail), err);
    text_free(&detail);
    return ok;
}

/* The built-in model's own file is no choice beside it. */
static bool is_built_in(const embed_model *m) {
    embed_model *built_in;
    if (!embed_is_static(m) || !cli_open_embedder(&built_in, NULL)) return false;
    bool same = memcmp(embed_hash(m), embed_hash(built_in), 32) == 0;
    embed_model_close(built_in);
    return same;
}

static bool use_embedder(const cli_args *args, str path, embedded *e, error *err) {
    embed_model *m;
    if (!embed_model_open(path.p, NULL, &m, err)) return false;
    bool ok =
        is_built_in(m) ? cli_choice_forget(CLI_EMBEDDING, err) : record_embedder(path, m, err);
    ok = ok && embed_library(args, m, e, err);
    embed_model_close(m);
    return ok;
}

static bool use_decoder(const model_facts *f, str path, const char *chat, error *err) {
    if (!chat && str_eq(f->family, STR("unknown")))
        return error_set(err, ERROR_MODEL,
                         "the chat template of %s is of no format that carrel knows: name the one "
                         "it was trained with by --chat (" QUERY_CHAT_NAMES ")",
                         path.p);
    return cli_choice_write(CLI_ANSWERS, path, str_of(chat), err);
}

static void tell_used(const model_facts *f, cli_role role, const embedded *e) {
    static const char *const begin[CLI_ROLES] = {"answers are now written by ",
                                                 "passages are now embedded by ",
                                                 "passages are now ranked by "};
    static const char *const end[CLI_ROLES] = {
        " and checked; `carrel model use built-in` goes back",
        "; `carrel model use --default embedding` goes back",
        "; `carrel model use --default reranking` goes back"};
    text out = {0};
    text_put(&out, str_of(begin[role]));
    cli_clean(&out, model_title(f));
    if (role == CLI_EMBEDDING) put_embedded(&out, e);
    text_put(&out, str_of(end[role]));
    if (role == CLI_ANSWERS && f->context < LEAST_CONTEXT)
        text_printf(&out,
                    "; but its context of %u tokens is short: it may have no room for a passage "
                    "of the documents, and `carrel ask` then fails",
                    f->context);
    text_put_char(&out, '\n');
    cli_put(text_str(&out));
    text_free(&out);
}

static void tell_json(json_t *o, cli_role role, const embedded *e) {
    if (role == CLI_EMBEDDING) {
        cli_json_set(o, "embedded", json_integer((json_int_t)e->chunks.done));
        cli_json_set(o, "cut", json_integer((json_int_t)e->chunks.cut));
    }
    cli_json_print(o, false);
}

error_code model_use(const cli_args *args, const char *name, const char *chat, bool json) {
    error err = {0};
    model_facts f;
    text path = {0};
    embedded e = {0};
    cli_role role = CLI_ANSWERS;
    arena *a = arena_new();
    bool ok = model_find(name, &path, &err) && model_look(path.p, MODEL_LOAD, a, &f, &err) &&
              model_usable(&f, &err);
    if (ok && chat && f.d.kind != ENGINE_DECODER)
        ok =
            error_set(&err, ERROR_USAGE, "--chat is for models that write answers, and this one %s",
                      model_kind_name(f.d.kind));
    if (ok && f.d.kind == ENGINE_DECODER) {
        ok = use_decoder(&f, text_str(&path), chat, &err);
    } else if (ok && f.d.kind == ENGINE_RERANKER) {
        role = CLI_RERANKING;
        ok = cli_choice_write(role, text_str(&path), (str){0}, &err);
    } else if (ok) {
        role = CLI_EMBEDDING;
        cli_stop_watch();
        ok = use_embedder(args, text_str(&path), &e, &err);
    }
    if (ok && json)
        tell_json(model_json(&f), role, &e);
    else if (ok)
        tell_used(&f, role, &e);
    arena_free(a);
    text_free(&path);
    return ok ? ERROR_NONE : cli_fail(&err);
}

/* ---- going back --------------------------------------------------------------------------- */

static bool embed_built_in(const cli_args *args, embedded *e, error *err) {
    embed_model *m;
    if (!cli_open_embedder(&m, err)) return false;
    bool ok = embed_library(args, m, e, err);
    embed_model_close(m);
    return ok;
}

error_code model_use_default(const cli_args *args, cli_role role, bool json) {
    error err = {0};
    embedded e = {0};
    text out = {0};
    json_t *o = json_object();
    static const char *const keys[CLI_ROLES] = {"decoder", "embedder", "reranker"};
    bool ok = true;
    cli_stop_watch();
    for (int r = 0; ok && r < CLI_ROLES; r++) {
        text path = {0};
        if (role != CLI_ROLES && role != (cli_role)r) continue;
        /* A record that cannot be read is one that was there. */
        bool chosen = !cli_choice_read((cli_role)r, &path, NULL, NULL) || path.n > 0;
        text_free(&path);
        ok = cli_choice_forget((cli_role)r, &err);
        if (ok && r == CLI_EMBEDDING && (chosen || role != CLI_ROLES))
            ok = embed_built_in(args, &e, &err);
        cli_json_set(o, keys[r], json_null());
        if (!chosen && role == CLI_ROLES && r != CLI_ANSWERS) continue;
        if (r == CLI_EMBEDDING) {
            text_put(&out, STR("passages are now embedded by the built-in model"));
            put_embedded(&out, &e);
        } else {
            text_put(&out, str_of(model_without((cli_role)r)));
        }
        text_put_char(&out, '\n');
    }
    if (ok && json)
        cli_json_print(o, false);
    else
        json_decref(o);
    if (ok && !json) cli_put(text_str(&out));
    text_free(&out);
    return ok ? ERROR_NONE : cli_fail(&err);
}
