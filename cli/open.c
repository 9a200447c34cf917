/* Opening what a command needs: the library, the models, the threads.
 *
 * The rule of the house stands here in one place: vectors are only compared with vectors of the
 * model that made them. A library of another model is told so; its list, its words and its removal
 * go on working, because those commands do not ask for the embedder.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/model.h"

/* What a decoder has read of the library stands beside it, under the library's own name. */
#define KEPT_SUFFIX ".kept"

static void kept_path(const char *library, text *out) {
    text_printf(out, "%s" KEPT_SUFFIX, library);
}

static void drop_kept(const char *library) {
    text path = {0};
    kept_path(library, &path);
    query_memory_discard(path.p);
    text_free(&path);
}

bool cli_open_library(const cli_args *args, index_mode mode, text *path, index_library **out,
                      error *err) {
    if (!cli_library_path(args, path, err)) return false;
    if (mode != INDEX_CREATE && access(path->p, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return error_set(err, ERROR_NOT_FOUND,
                         "there is no library at %s yet: `carrel add PATH` makes one", path->p);
    /* Whoever takes a document out of the library means every trace of it. */
    if (mode != INDEX_READ) drop_kept(path->p);
    return index_open(path->p, mode, out, err);
}

void cli_close_library(index_library *l, const text *path) {
    index_close(l);
    /* Once more: a question that was asked meanwhile may have left what it read. */
    if (path->n) drop_kept(path->p);
}

bool cli_open_embedder(embed_model **out, error *err) {
    text path = {0};
    bool ok =
        cli_model_path(CLI_EMBEDDING_FILE, &path, err) && embed_model_open(path.p, NULL, out, err);
    if (ok && !embed_is_static(*out)) {
        embed_model_close(*out);
        *out = NULL;
        ok = error_set(err, ERROR_MODEL,
                       "%s is not the built-in model of that name: take another into use by "
                       "`carrel model use FILE`",
                       path.p);
    }
    text_free(&path);
    return ok;
}

static bool open_reader(embed_reader **out, error *err) {
    text path = {0};
    bool ok = cli_model_path(CLI_READER_FILE, &path, err) && embed_reader_open(path.p, out, err);
    text_free(&path);
    return ok;
}

/* ---- the embedding model ------------------------------------------------------------------ */

/* The hash that was written down, as long as the file's size and time are those of then. */
static bool known_hash(const char *path, str detail, uint8_t hash[32]) {
    unsigned long long bytes;
    long long seconds;
    long nanoseconds;
    struct stat st;
    char rest[128];
    size_t hex = 64;
    if (detail.n < hex || detail.n - hex >= sizeof rest) return false;
    for (size_t i = 0; i < 32; i++) {
        unsigned byte;
        char two[3] = {detail.p[2 * i], detail.p[2 * i + 1], 0};
        if (sscanf(two, "%2x", &byte) != 1) return false;
        hash[i] = (uint8_t)byte;
    }
    memcpy(rest, detail.p + hex, detail.n - hex);
    rest[detail.n - hex] = 0;
    return sscanf(rest, " %llu %lld.%ld", &bytes, &seconds, &nanoseconds) == 3 &&
           stat(path, &st) == 0 && (unsigned long long)st.st_size == bytes &&
           (long long)st.st_mtim.tv_sec == seconds && st.st_mtim.tv_nsec == nanoseconds;
}

/* A chosen model that does not open: what it was chosen for, and how to go back. */
static bool tell_chosen(error *err, const char *what, const char *role) {
    if (!err) return false;
    error why = *err;
    return error_set(err, why.code,
                     "%s: %s; `carrel model use --default %s` goes back to the built-in way", what,
                     why.text, role);
}

static bool open_own(const text *path, const text *detail, embed_model **out, error *err) {
    uint8_t hash[32];
    bool known = known_hash(path->p, text_str(detail), hash);
    if (embed_model_open(path->p, known ? hash : NULL, out, err)) return true;
    return tell_chosen(err, "the embedding model of `carrel model use`", "embedding");
}

bool cli_open_own_embedder(embed_model **out, error *err) {
    text path = {0}, detail = {0};
    *out = NULL;
    bool ok = cli_choice_read(CLI_EMBEDDING, &path, &detail, err) &&
              (path.n == 0 || open_own(&path, &detail, out, err));
    text_free(&path);
    text_free(&detail);
    return ok;
}

index_model cli_index_model(const embed_model *m) {
    index_model out = {.name = embed_name(m), .width = (uint32_t)embed_width(m)};
    memcpy(out.hash, embed_hash(m), sizeof out.hash);
    return out;
}

static bool made_by(const index_model *made, const embed_model *m) {
    return made->width == embed_width(m) &&
           memcmp(made->hash, embed_hash(m), sizeof made->hash) == 0;
}

static bool tell_mismatch(const index_model *made, const embed_model *m, str library, error *err) {
    const uint8_t *is = embed_hash(m);
    return error_set(
        err, ERROR_MODEL,
        "the library " STR_FMT " was made with the embedding model \"" STR_FMT
        "\" (%02x%02x%02x%02x...), and \"" STR_FMT
        "\" (%02x%02x%02x%02x...) is in use: `carrel model use FILE` takes the file of "
        "that model, or embeds the library anew with another, and `carrel model use "
        "--default embedding` with the built-in one; `search --ranking words` works as "
        "it is",
        STR_ARG(library), STR_ARG(made->name), made->hash[0], made->hash[1], made->hash[2],
        made->hash[3], STR_ARG(embed_name(m)), is[0], is[1], is[2], is[3]);
}

bool cli_match_model(index_library *l, const embed_model *built_in, str library, embed_model **own,
                     bool *fresh, error *err) {
    index_model made;
    arena *a = arena_new();
    *own = NULL;
    bool ok = index_get_model(l, a, &made, err);
    *fresh = ok && made.width == 0;
    /* A library of the built-in model needs no other, whatever is chosen for new ones. */
    if (ok && (*fresh || !made_by(&made, built_in))) {
        ok = cli_open_own_embedder(own, err);
        if (ok && !*fresh && (!*own || !made_by(&made, *own)))
            ok = tell_mismatch(&made, *own ? *own : built_in, library, err);
    }
    if (ok) index_expect_model(l, embed_hash(*own ? *own : built_in));
    arena_free(a);
    return ok;
}

/* ---- the others --------------------------------------------------------------------------- */

static bool open_reranker(embed_reranker **out, error *err) {
    text path = {0};
    bool ok = cli_choice_read(CLI_RERANKING, &path, NULL, err);
    if (ok && path.n && !embed_reranker_open(path.p, out, err))
        ok = tell_chosen(err, "the reranker of `carrel model use`", "reranking");
    text_free(&path);
    return ok;
}

static bool open_decoder(const char *given, text *chat, engine_model **out, error *err) {
    text path = {0};
    bool ok = given || cli_choice_read(CLI_ANSWERS, &path, chat, err);
    if (ok && given)
        ok = model_find(given, &path, err) && engine_model_open(path.p, out, err);
    else if (ok && path.n && !engine_model_open(path.p, out, err))
        ok = tell_chosen(err, "the decoder of `carrel model use`", "answers");
    /* A file that the user named is a model problem here, whatever is wrong with it. */
    if (!ok && err && err->code != ERROR_NOT_FOUND && err->code != ERROR_IO)
        err->code = ERROR_MODEL;
    text_free(&path);
    return ok;
}

static void make_memory(cli_session *s) {
    text path = {0};
    kept_path(s->library_path.p, &path);
    s->memory = query_memory_new(path.p);
    text_free(&path);
}

/* The model whose vectors the library holds. Where it is not here, and the library cannot get
 * others because it lies on a disc, words answer: better than nothing, and said. */
static bool match_model(cli_session *s, bool words_will_do, error *err) {
    index_status status;
    bool fresh;
    if (cli_match_model(s->library, s->embedder, text_str(&s->library_path), &s->own, &fresh, err))
        return true;
    if (err->code != ERROR_MODEL || !words_will_do ||
        !index_get_status(s->library, &status, NULL) || !status.fixed)
        return false;
    embed_model_close(s->own);
    s->own = NULL;
    s->words_only = true;
    cli_note("the library was made with another embedding model and cannot be written here: only "
             "its words are searched");
    return true;
}

bool cli_session_open(const cli_args *args, int needs, const char *decoder, cli_session *s,
                      error *err) {
    if (needs & CLI_NEED_THREADS) cli_compute_start(args, &s->compute);
    if (args->v[CLI_LIBRARY].given) s->named_library = args->v[CLI_LIBRARY].text;
    if (!cli_open_library(args, INDEX_READ, &s->library_path, &s->library, err)) return false;
    if ((needs & CLI_NEED_EMBEDDER) && !cli_open_embedder(&s->embedder, err)) return false;
    if ((needs & CLI_NEED_MATCH) && !match_model(s, needs & CLI_WORDS_WILL_DO, err)) return false;
    if ((needs & CLI_NEED_RERANKER) && !open_reranker(&s->reranker, err)) return false;
    if ((needs & CLI_NEED_READER) && !open_reader(&s->reader, err)) return false;
    if ((needs & CLI_NEED_DECODER) && !open_decoder(decoder, &s->chat, &s->decoder, err))
        return false;
    if (needs & CLI_NEED_THREADS) {
        /* A second look: opening models has made a hot processor show. */
        if (s->compute.power == CLI_POWER_AUTO) cli_compute_look(&s->compute, "");
        s->threads = pool_new(s->compute.threads);
    }
    if (s->decoder) make_memory(s);
    return true;
}

void cli_session_forget(cli_session *s) {
    query_memory_free(s->memory);
    s->memory = NULL;
    drop_kept(s->library_path.p);
}

void cli_session_refresh(cli_session *s) {
    if (!s->threads || !cli_compute_again(&s->compute)) return;
    bool remembers = s->memory != NULL;
    query_memory_free(s->memory); /* it runs on the old threads; what it holds goes to disk */
    s->memory = NULL;
    pool_free(s->threads);
    s->threads = pool_new(s->compute.threads);
    if (remembers) make_memory(s);
}

void cli_session_close(cli_session *s) {
    query_memory_free(s->memory);
    if (s->threads) pool_free(s->threads);
    if (s->decoder) engine_model_close(s->decoder);
    if (s->reader) embed_reader_close(s->reader);
    embed_reranker_close(s->reranker);
    embed_model_close(s->own);
    embed_model_close(s->embedder);
    index_close(s->library);
    text_free(&s->library_path);
    text_free(&s->chat);
    *s = (cli_session){0};
}

query_context cli_session_context(const cli_session *s) {
    return (query_context){.library = s->library,
                           .embedder = s->embedder,
                           .reader = s->reader,
                           .decoder = s->decoder,
                           .memory = s->memory,
                           .chat = s->chat.n ? s->chat.p : NULL,
                           .threads = s->threads,
                           .searcher = s->own,
                           .reranker = s->reranker,
                           .words_only = s->words_only};
}
