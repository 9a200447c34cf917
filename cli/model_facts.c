/* Looking at a model file: everything that `carrel model` tells comes from here.
 *
 * A glance reads the header and takes no memory for weights, so a list of large files is quick, and
 * files of other architectures are described as well as our own. Whether a file really runs is only
 * known by loading it (MODEL_LOAD), which is done before it is taken into use.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/model.h"
#include "ingest/ingest.h"

/* Positions that a question takes at most (query/chat.c). */
#define QUESTION_CONTEXT 4096u
#define CACHE_BYTES_EACH 2u /* ENGINE_KV_F16, the default */

static str meta(const engine_gguf *g, const char *key, arena *a) {
    str s;
    return engine_gguf_str(g, key, &s) ? arena_str(a, s) : (str){0};
}

const char *model_kind_name(engine_kind kind) {
    switch (kind) {
    case ENGINE_DECODER:
        return "answers";
    case ENGINE_VECTORS:
    case ENGINE_STATIC:
        return "embeds";
    case ENGINE_RERANKER:
        return "reranks";
    case ENGINE_READER:
        return "reads";
    default:
        return "unknown";
    }
}

str model_title(const model_facts *f) {
    return f->d.name.n ? f->d.name : cli_file_name(f->path);
}

/* ---- format ---------------------------------------------------------------------------------- */

/* general.file_type, by the numbers that the GGUF specification gives. */
static const char *const file_types[] = {
    "F32",   "F16",     "Q4_0",   "Q4_1",   NULL,     NULL,      NULL,     "Q8_0",   "Q5_0",
    "Q5_1",  "Q2_K",    "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S",  "Q4_K_M", "Q5_K_S", "Q5_K_M",
    "Q6_K",  "IQ2_XXS", "IQ2_XS", "Q2_K_S", "IQ3_XS", "IQ3_XXS", "IQ1_S",  "IQ4_NL", "IQ3_S",
    "IQ3_M", "IQ2_S",   "IQ2_M",  "IQ4_XS", "IQ1_M",  "BF16"};

/* What the file calls itself, or the type that holds most of its bytes. */
static str format_of(const engine_gguf *g) {
    uint32_t number, most = 0;
    uint64_t most_bytes = 0;
    if (engine_gguf_u32(g, "general.file_type", &number) &&
        number < sizeof file_types / sizeof *file_types && file_types[number])
        return str_of(file_types[number]);
    for (size_t i = 0; i < engine_gguf_tensor_count(g); i++) {
        uint64_t bytes = 0;
        uint32_t type = engine_gguf_tensor_at(g, i)->type;
        for (size_t k = 0; k < engine_gguf_tensor_count(g); k++)
            if (engine_gguf_tensor_at(g, k)->type == type)
                bytes += engine_gguf_tensor_at(g, k)->bytes;
        if (bytes > most_bytes) most = type, most_bytes = bytes;
    }
    return most_bytes ? str_of(engine_type_name(most)) : (str){0};
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

/* The chat format that questions will be put in. */
static str family_of(const engine_gguf *g, engine_kind kind) {
    str template = {0};
    if (kind != ENGINE_DECODER) return (str){0};
    engine_gguf_str(g, "tokenizer.chat_template", &template);
    const char *name = query_chat_name(template);
    return name ? str_of(name) : STR("unknown");
}

/* ---- work and memory ------------------------------------------------------------------------- */

static void add_work(const engine_gguf *g, model_facts *f) {
    const engine_tensor *own = engine_gguf_find(g, "output.weight");
    uint64_t floats = 0;
    for (size_t i = 0; i < f->tensors; i++) {
        const engine_tensor *t = engine_gguf_tensor_at(g, i);
        uint64_t values = t->shape[0] * t->shape[1] * t->shape[2] * t->shape[3];
        bool embedding = str_eq(t->name, STR("token_embd.weight"));
        f->weight_bytes += t->bytes;
        /* The table of tokens is looked into, not multiplied with, unless it is the output too. */
        if (t->rank < 2 || (embedding && own)) continue;
        f->token_bytes += t->bytes;
        if (embedding || t == own) {
            f->head_products += values;
            continue;
        }
        f->token_products += values;
        bool real = t->type == ENGINE_F32 || t->type == ENGINE_F16 || t->type == ENGINE_BF16;
        floats += real ? values : 0;
    }
    f->float_weights = floats * 2 > f->token_products;
    if (f->d.kind != ENGINE_DECODER) return;
    f->context = f->d.context && f->d.context < QUESTION_CONTEXT ? f->d.context : QUESTION_CONTEXT;
    f->cache_bytes = 2ull * CACHE_BYTES_EACH * f->d.layers * f->d.kv_heads * f->d.head * f->context;
}

/* ---- does it run ------------------------------------------------------------------------------ */

static bool known_types(const engine_gguf *g, error *err) {
    for (size_t i = 0; i < engine_gguf_tensor_count(g); i++) {
        const engine_tensor *t = engine_gguf_tensor_at(g, i);
        if (!engine_type_runs(t->type))
            return error_set(err, ERROR_MODEL,
                             "its tensor " STR_FMT " is of the type %s (%u), which carrel does not "
                             "run",
                             STR_ARG(t->name), engine_type_name(t->type), t->type);
    }
    return true;
}

static bool glance(const engine_gguf *g, const model_facts *f, error *err) {
    if (f->d.kind == ENGINE_UNKNOWN)
        return error_set(err, ERROR_MODEL,
                         "its architecture is \"" STR_FMT "\", which carrel does not run",
                         STR_ARG(f->d.architecture));
    return known_types(g, err);
}

static bool load(const char *path, engine_kind kind, error *err) {
    bool ok = false;
    if (kind == ENGINE_STATIC || kind == ENGINE_VECTORS) {
        embed_model *m;
        if ((ok = embed_model_open(path, NULL, &m, err))) embed_model_close(m);
    } else if (kind == ENGINE_READER) {
        embed_reader *r;
        if ((ok = embed_reader_open(path, &r, err))) embed_reader_close(r);
    } else if (kind == ENGINE_DECODER) {
        engine_model *m;
        if ((ok = engine_model_open(path, &m, err))) engine_model_close(m);
    } else {
        embed_reranker *r;
        if ((ok = embed_reranker_open(path, &r, err))) embed_reranker_close(r);
    }
    return ok;
}

bool model_usable(const model_facts *f, error *err) {
    if (!f->runs) return error_set(err, ERROR_MODEL, "%s", f->why_not.text);
    if (f->d.kind != ENGINE_READER) return true;
    return error_set(err, ERROR_MODEL,
                     STR_FMT " reads passages as the built-in reader does, which is always in use",
                     STR_ARG(cli_file_name(f->path)));
}

/* ---- all of it ---------------------------------------------------------------------------------- */

bool model_look(const char *path, model_care care, arena *a, model_facts *f, error *err) {
    engine_gguf *g = NULL;
    *f = (model_facts){0};
    if (!engine_gguf_open(path, &g, err)) return false;
    f->path = arena_str(a, str_of(path));
    f->tensors = engine_gguf_tensor_count(g);
    engine_describe(g, &f->d);
    f->d.architecture = arena_str(a, f->d.architecture);
    f->d.name = arena_str(a, f->d.name);
    f->d.tokenizer = arena_str(a, f->d.tokenizer);
    f->d.pre = arena_str(a, f->d.pre);
    f->licence = meta(g, "general.license", a);
    f->format = format_of(g);
    f->family = family_of(g, f->d.kind);
    f->types = type_counts(g, a);
    add_work(g, f);
    f->runs = glance(g, f, &f->why_not);
    engine_gguf_close(g);
    if (f->runs && care == MODEL_LOAD) f->runs = load(path, f->d.kind, &f->why_not);
    return true;
}

bool model_hash(model_facts *f, error *err) {
    int fd = open(f->path.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO,
                         "%s cannot be opened: %s", f->path.p, strerror(errno));
    f->hashed = ingest_hash(fd, f->hash, err);
    close(fd);
    return f->hashed;
}
