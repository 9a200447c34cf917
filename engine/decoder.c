/* decoder: a model that writes. What it adds to a network is the output matrix, which is the
 * embedding's where the file has none of its own, and the vocabulary.
 */
#include "engine/model.h"
#include "engine/pooling.h"

static void describe(engine_model *m) {
    engine_info *info = &m->info;
    engine_gguf_str(m->gguf, "general.architecture", &info->architecture);
    engine_gguf_str(m->gguf, "general.name", &info->name);
    engine_gguf_str(m->gguf, "tokenizer.chat_template", &info->chat_template);
    info->context_length = m->net.context;
    info->width = m->net.shape.width;
    info->layers = m->net.layer_count;
    info->vocab = m->net.vocab;
    info->parameters = engine_gguf_parameters(m->gguf);
    info->file_bytes = engine_gguf_bytes(m->gguf);
}

/* Encoders have architectures of their own, or are decoders whose file says otherwise. */
static bool check_kind(const engine_gguf *g, error *err) {
    switch (engine_gguf_kind(g)) {
    case ENGINE_DECODER:
    case ENGINE_UNKNOWN: /* the loader says what it knows */
        return true;
    case ENGINE_VECTORS:
    case ENGINE_STATIC:
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": a model that turns text into vectors cannot write",
                         STR_ARG(engine_gguf_path(g)));
    default:
        return error_set(err, ERROR_MODEL, STR_FMT ": a model that judges passages cannot write",
                         STR_ARG(engine_gguf_path(g)));
    }
}

static bool load_output(engine_model *m, engine_loader *l, error *err) {
    m->tied = engine_gguf_find(m->gguf, "output.weight") == NULL;
    return m->tied ||
           engine_load_linear(l, "output", m->net.shape.width, m->net.vocab, &m->output, err);
}

static bool load(engine_gguf *g, bool vocabulary, engine_model **out, error *err) {
    engine_model *m = mem_new(1, sizeof *m);
    engine_loader *l = NULL;
    m->gguf = g;
    bool ok =
        check_kind(g, err) && engine_loader_begin(g, &m->net, &l, err) && load_output(m, l, err) &&
        (!vocabulary || engine_tokenizer_new(g, &m->tokenizer, err)) && engine_loader_end(l, err);
    engine_loader_free(l);
    if (!ok) {
        engine_model_close(m);
        return false;
    }
    describe(m);
    *out = m;
    return true;
}

bool engine_model_load(engine_gguf *g, engine_model **out, error *err) {
    return load(g, false, out, err);
}

bool engine_model_open(const char *path, engine_model **out, error *err) {
    engine_gguf *g;
    return engine_gguf_open(path, &g, err) && load(g, true, out, err);
}

void engine_model_close(engine_model *m) {
    if (m == NULL) return;
    engine_tokenizer_free(m->tokenizer);
    engine_network_free(&m->net);
    engine_gguf_close(m->gguf);
    mem_free(m);
}

void engine_model_info(const engine_model *m, engine_info *out) {
    *out = m->info;
}

const engine_tokenizer *engine_model_tokenizer(const engine_model *m) {
    return m->tokenizer;
}
