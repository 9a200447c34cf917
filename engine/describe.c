/* describe: what a model file is good for, told from its metadata alone.
 *
 * The architecture decides, and for the few that are used in more than one way (a Qwen 3 writes,
 * embeds or ranks) the kind of pooling that the file asks for, or the classifier that is in it.
 * Files made before such keys existed say it in their name only.
 *
 * Loads no weights and takes no memory; whether the file really runs is for the loaders to say.
 */
#include "engine/pooling.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MAX_KEY = 128 };

static const struct {
    const char *architecture;
    engine_kind kind; /* where nothing in the file says otherwise */
} known[] = {
    {"llama", ENGINE_DECODER},        {"smollm3", ENGINE_DECODER},
    {"qwen2", ENGINE_DECODER},        {"qwen3", ENGINE_DECODER},
    {"phi3", ENGINE_DECODER},         {"gemma3", ENGINE_DECODER},
    {"bert", ENGINE_VECTORS},         {"nomic-bert", ENGINE_VECTORS},
    {"jina-bert-v2", ENGINE_VECTORS}, {"gemma-embedding", ENGINE_VECTORS},
    {"carrel-reader", ENGINE_READER}, {"carrel-static", ENGINE_STATIC},
};

static engine_kind by_architecture(str architecture) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (str_eq(architecture, str_of(known[i].architecture))) return known[i].kind;
    }
    return ENGINE_UNKNOWN;
}

static uint32_t number(const engine_gguf *g, str architecture, const char *key) {
    char full[MAX_KEY];
    uint32_t v = 0;
    int n = snprintf(full, sizeof full, STR_FMT ".%s", STR_ARG(architecture), key);
    if (n > 0 && n < MAX_KEY) engine_gguf_u32(g, full, &v);
    return v;
}

static bool name_says(const engine_gguf *g, const char *word) {
    static const char *const keys[] = {"general.name", "general.basename", "general.finetune"};
    str s;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (!engine_gguf_str(g, keys[i], &s)) continue;
        for (size_t at = 0; at + strlen(word) <= s.n; at++) {
            if (strncasecmp(s.p + at, word, strlen(word)) == 0) return true;
        }
    }
    return false;
}

engine_pooling engine_gguf_pooling(const engine_gguf *g) {
    str architecture = {0};
    engine_gguf_str(g, "general.architecture", &architecture);
    engine_kind kind = by_architecture(architecture);
    if (kind != ENGINE_DECODER && kind != ENGINE_VECTORS) return ENGINE_POOL_NONE;
    uint32_t asked = number(g, architecture, "pooling_type");
    if (asked > ENGINE_POOL_NONE && asked <= ENGINE_POOL_RANK) return (engine_pooling)asked;
    if (engine_gguf_find(g, "cls.output.weight")) return ENGINE_POOL_RANK;
    if (kind == ENGINE_VECTORS) return ENGINE_POOL_MEAN;
    if (!str_starts(architecture, STR("qwen"))) return ENGINE_POOL_NONE;
    return name_says(g, "rerank")      ? ENGINE_POOL_RANK
           : name_says(g, "embedding") ? ENGINE_POOL_LAST
                                       : ENGINE_POOL_NONE;
}

engine_kind engine_gguf_kind(const engine_gguf *g) {
    str architecture = {0};
    engine_gguf_str(g, "general.architecture", &architecture);
    switch (engine_gguf_pooling(g)) {
    case ENGINE_POOL_NONE:
        return by_architecture(architecture);
    case ENGINE_POOL_RANK:
        return ENGINE_RERANKER;
    default:
        return ENGINE_VECTORS;
    }
}

uint64_t engine_gguf_parameters(const engine_gguf *g) {
    uint64_t sum = 0, product;
    for (size_t i = 0; i < engine_gguf_tensor_count(g); i++) {
        const engine_tensor *t = engine_gguf_tensor_at(g, i);
        product = t->shape[0] * t->shape[1] * t->shape[2] * t->shape[3];
        sum += product;
    }
    return sum;
}

void engine_describe(const engine_gguf *g, engine_description *out) {
    static const char *const pooling[] = {"", "MEAN", "CLS", "LAST", "RANK"};
    *out = (engine_description){.kind = engine_gguf_kind(g)};
    engine_gguf_str(g, "general.architecture", &out->architecture);
    engine_gguf_str(g, "general.name", &out->name);
    engine_gguf_str(g, "tokenizer.ggml.model", &out->tokenizer);
    engine_gguf_str(g, "tokenizer.ggml.pre", &out->pre);
    out->pooling = str_of(pooling[engine_gguf_pooling(g)]);
    out->context = number(g, out->architecture, "context_length");
    out->width = number(g, out->architecture, "embedding_length");
    out->layers = number(g, out->architecture, "block_count");
    out->heads = number(g, out->architecture, "attention.head_count");
    out->kv_heads = number(g, out->architecture, "attention.head_count_kv");
    if (out->kv_heads == 0) out->kv_heads = out->heads;
    out->head = number(g, out->architecture, "attention.key_length");
    if (out->head == 0 && out->heads > 0) out->head = out->width / out->heads;
    const engine_tensor *t = engine_gguf_find(g, "token_embd.weight");
    out->vocab = t && t->shape[1] <= UINT32_MAX ? (uint32_t)t->shape[1] : 0;
    out->parameters = engine_gguf_parameters(g);
    out->file_bytes = engine_gguf_bytes(g);
}
