/* Opening what a command needs: the library, the models, the threads.
 *
 * The rule of the house stands here in one place: vectors are only compared with vectors of the
 * model that made them. A library of another model is told so; its list, its words and its removal
 * go on working, because those commands do not ask for the embedder.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

/* What a decoder has read of the library stands beside it, under the library's own name. */
#define KEPT_SUFFIX ".kept"

/* In the decoder's record stand a path and, on a second line, "chat NAME" where one was forced. */
#define RECORD_MAX_BYTES 4096

static void kept_path(const char *library, text *out) {
    text_printf(out, "%s" KEPT_SUFFIX, library);
}

static void drop_kept(const char *library) {
    text path = {0};
    kept_path(library, &path);
    unlink(path.p);
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

bool cli_open_embedder(embed_model **out, error *err) {
    text path = {0};
    bool ok = cli_model_path(CLI_EMBEDDING_FILE, &path, err) && embed_model_open(path.p, out, err);
    text_free(&path);
    return ok;
}

static bool open_reader(embed_reader **out, error *err) {
    text path = {0};
    bool ok = cli_model_path(CLI_READER_FILE, &path, err) && embed_reader_open(path.p, out, err);
    text_free(&path);
    return ok;
}

bool cli_check_model(index_library *l, const embed_model *m, str library, bool *fresh, error *err) {
    index_model made;
    arena *a = arena_new();
    bool ok = index_get_model(l, a, &made, err);
    *fresh = ok && made.width == 0;
    if (ok && !*fresh &&
        (made.width != embed_width(m) || memcmp(made.hash, embed_hash(m), sizeof made.hash) != 0))
        ok = error_set(err, ERROR_MODEL,
                       "the library " STR_FMT " was made with the embedding "
                       "model \"" STR_FMT "\" (%02x%02x%02x%02x...), and \"" STR_FMT
                       "\" (%02x%02x%02x"
                       "%02x...) is installed: install that one, or add the documents to a new "
                       "library (--library FILE); `search --ranking words` works as it is",
                       STR_ARG(library), STR_ARG(made.name), made.hash[0], made.hash[1],
                       made.hash[2], made.hash[3], STR_ARG(embed_name(m)), embed_hash(m)[0],
                       embed_hash(m)[1], embed_hash(m)[2], embed_hash(m)[3]);
    arena_free(a);
    return ok;
}

/* Either may be NULL. */
static bool read_record(text *decoder, text *chat, error *err) {
    char buffer[RECORD_MAX_BYTES + 1];
    text record = {0};
    bool ok = false;
    if (decoder) text_clear(decoder);
    if (chat) text_clear(chat);
    if (!cli_decoder_record(&record, NULL)) {
        /* Without a home there is no place where one could have been recorded. */
        text_free(&record);
        return true;
    }
    int fd = open(record.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        ok = true;
        goto done;
    }
    ssize_t n = fd < 0 ? -1 : read(fd, buffer, sizeof buffer);
    if (n < 0) {
        error_set(err, ERROR_IO, "%s cannot be read: %s", record.p, strerror(errno));
        goto done;
    }
    str all = str_trim((str){buffer, (size_t)n}), mark = STR("\nchat ");
    size_t second = str_find(all, mark, 0);
    str path = str_cut(all, 0, second == SIZE_MAX ? all.n : second);
    if (n > RECORD_MAX_BYTES || path.n == 0 || path.p[0] != '/' || memchr(path.p, 0, path.n)) {
        error_set(err, ERROR_MODEL,
                  "%s does not hold the path of a model: `carrel model use FILE` "
                  "writes it anew, `carrel model use built-in` removes it",
                  record.p);
        goto done;
    }
    if (decoder) text_put(decoder, path);
    if (chat && second != SIZE_MAX) text_put(chat, str_cut(all, second + mark.n, all.n));
    ok = true;
done:
    if (fd >= 0) close(fd);
    text_free(&record);
    return ok;
}

bool cli_recorded_decoder(text *out, error *err) {
    return read_record(out, NULL, err);
}

static bool open_decoder(const char *given, text *chat, engine_model **out, error *err) {
    text path = {0};
    bool ok = given || read_record(&path, chat, err);
    if (ok && given)
        ok = engine_model_open(given, out, err);
    else if (ok && path.n && !engine_model_open(path.p, out, err))
        ok = error_wrap(err, "the decoder of `carrel model use`");
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

bool cli_session_open(const cli_args *args, int needs, const char *decoder, cli_session *s,
                      error *err) {
    bool fresh;
    if (needs & CLI_NEED_THREADS) cli_compute_start(args, &s->compute);
    if (!cli_open_library(args, INDEX_READ, &s->library_path, &s->library, err)) return false;
    if ((needs & CLI_NEED_EMBEDDER) && !cli_open_embedder(&s->embedder, err)) return false;
    if ((needs & CLI_NEED_MATCH) &&
        !cli_check_model(s->library, s->embedder, text_str(&s->library_path), &fresh, err))
        return false;
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
}

void cli_session_refresh(cli_session *s) {
    if (!s->threads || !cli_compute_again(&s->compute)) return;
    bool remembers = s->memory != NULL;
    cli_session_forget(s); /* what is remembered runs on the old threads */
    pool_free(s->threads);
    s->threads = pool_new(s->compute.threads);
    if (remembers) make_memory(s);
}

void cli_session_close(cli_session *s) {
    query_memory_free(s->memory);
    if (s->threads) pool_free(s->threads);
    if (s->decoder) engine_model_close(s->decoder);
    if (s->reader) embed_reader_close(s->reader);
    if (s->embedder) embed_model_close(s->embedder);
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
                           .threads = s->threads};
}
