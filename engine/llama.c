/* llama: loads the architecture `llama` (Llama 2 and 3, SmolLM2, Mistral, TinyLlama and kin).
 *
 * Pre-norm blocks with RMS norm, rotary positions on adjacent pairs, grouped queries, SwiGLU
 * (Touvron et al., LLaMA, 2023); keys and tensors are named as the GGUF specification names them.
 * Everything that the file says about the shape of the model is checked against the tensors that
 * are in it, here and once, so that a session needs no checks. What would change the result and is
 * not done here (experts, stretched positions) is refused by name rather than left out.
 *
 * Copies no weights: matrices stay in the mapping.
 */
#include "engine/model.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { MAX_NAME = 128 /* "blk.1023.attn_output" and room */ };

static bool refuse(const engine_model *m, error *err, const char *what) {
    return error_set(err, ERROR_MODEL, STR_FMT ": %s", STR_ARG(engine_gguf_path(m->gguf)), what);
}

/* Features that change the result and that this loader does not know. */
static bool check_features(const engine_model *m, error *err) {
    const engine_gguf *g = m->gguf;
    uint32_t experts = 0;
    str scaling = {0};
    engine_gguf_u32(g, "llama.expert_count", &experts);
    if (experts > 0) {
        return refuse(m, err, "a mixture of experts cannot be run; take a dense model");
    }
    engine_gguf_str(g, "llama.rope.scaling.type", &scaling);
    if (scaling.n > 0 && !str_eq(scaling, STR("none"))) {
        return refuse(m, err,
                      "its positions are scaled (llama.rope.scaling.type), which this "
                      "build does not know; take a model without");
    }
    return true;
}

static bool read_attention(engine_model *m, error *err) {
    engine_shape *s = &m->shape;
    const engine_gguf *g = m->gguf;
    if (!engine_need_u32(g, "llama.attention.head_count", 1, ENGINE_MAX_WIDTH, &s->heads, err)) {
        return false;
    }
    s->kv_heads = s->heads;
    if (engine_gguf_array_count(g, "llama.attention.head_count_kv") > 0) {
        return refuse(m, err,
                      "llama.attention.head_count_kv differs by layer, which cannot be "
                      "run");
    }
    engine_gguf_u32(g, "llama.attention.head_count_kv", &s->kv_heads);
    s->head = s->width / s->heads;
    engine_gguf_u32(g, "llama.attention.key_length", &s->head);
    uint32_t value_head = s->head;
    engine_gguf_u32(g, "llama.attention.value_length", &value_head);
    s->rotary = s->head;
    engine_gguf_u32(g, "llama.rope.dimension_count", &s->rotary);
    if (s->kv_heads == 0 || s->heads % s->kv_heads != 0 || s->head == 0 ||
        s->head > ENGINE_MAX_HEAD || value_head != s->head || s->rotary > s->head ||
        s->rotary % 2 != 0 || s->heads > ENGINE_MAX_WIDTH / s->head) {
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": %" PRIu32 " heads of %" PRIu32 " with %" PRIu32
                                 " key heads and %" PRIu32 " rotary dimensions do not fit together",
                         STR_ARG(engine_gguf_path(g)), s->heads, s->head, s->kv_heads, s->rotary);
    }
    return true;
}

static bool read_rope(engine_model *m, error *err) {
    const engine_gguf *g = m->gguf;
    float base = 10000.0f; /* what the format means when the key is left out */
    const float *factors = NULL;
    engine_gguf_f32(g, "llama.rope.freq_base", &base);
    if (!isfinite(base) || base <= 0) {
        return refuse(m, err, "llama.rope.freq_base is not a positive number");
    }
    if (engine_gguf_find(g, "rope_freqs.weight") &&
        !engine_vector_load(g, "rope_freqs.weight", m->shape.rotary / 2, &factors, err)) {
        return false;
    }
    m->frequencies = mem_new(m->shape.rotary / 2 + 1, sizeof *m->frequencies);
    engine_rope_frequencies(m->frequencies, m->shape.rotary, (double)base, factors);
    return true;
}

static bool read_sizes(engine_model *m, error *err) {
    engine_shape *s = &m->shape;
    const engine_gguf *g = m->gguf;
    engine_info *info = &m->info;
    return engine_need_u32(g, "llama.block_count", 1, ENGINE_MAX_LAYERS, &info->layers, err) &&
           engine_need_u32(g, "llama.context_length", 1, ENGINE_MAX_CONTEXT, &info->context_length,
                           err) &&
           engine_need_u32(g, "llama.embedding_length", 1, ENGINE_MAX_WIDTH, &s->width, err) &&
           engine_need_u32(g, "llama.feed_forward_length", 1, ENGINE_MAX_WIDTH, &s->hidden, err) &&
           engine_need_f32(g, "llama.attention.layer_norm_rms_epsilon", &s->epsilon, err) &&
           read_attention(m, err) && read_rope(m, err);
}

static bool load_linear(engine_model *m, uint32_t layer, const char *part, uint64_t columns,
                        uint64_t rows, engine_linear *out, error *err) {
    char name[MAX_NAME];
    snprintf(name, sizeof name, "blk.%" PRIu32 ".%s", layer, part);
    return engine_linear_load(m->gguf, name, columns, rows, out, err);
}

static bool load_vector(engine_model *m, uint32_t layer, const char *part, const float **out,
                        error *err) {
    char name[MAX_NAME];
    snprintf(name, sizeof name, "blk.%" PRIu32 ".%s", layer, part);
    return engine_vector_load(m->gguf, name, m->shape.width, out, err);
}

/* q, k and v, each its own matrix or one above the other in attn_qkv. */
static bool load_qkv(engine_model *m, uint32_t i, engine_layer *l, error *err) {
    engine_shape *s = &m->shape;
    char name[MAX_NAME];
    uint32_t q = s->heads * s->head, kv = s->kv_heads * s->head;
    snprintf(name, sizeof name, "blk.%" PRIu32 ".attn_qkv.weight", i);
    if (engine_gguf_find(m->gguf, name) == NULL) {
        return load_linear(m, i, "attn_q", s->width, q, &l->q, err) &&
               load_linear(m, i, "attn_k", s->width, kv, &l->k, err) &&
               load_linear(m, i, "attn_v", s->width, kv, &l->v, err);
    }
    engine_linear all;
    if (!load_linear(m, i, "attn_qkv", s->width, (uint64_t)q + 2 * (uint64_t)kv, &all, err)) {
        return false;
    }
    l->q = engine_linear_rows(&all, 0, q);
    l->k = engine_linear_rows(&all, q, kv);
    l->v = engine_linear_rows(&all, q + kv, kv);
    return true;
}

static bool load_layer(engine_model *m, uint32_t i, error *err) {
    engine_shape *s = &m->shape;
    engine_layer *l = &m->layers[i];
    return load_vector(m, i, "attn_norm.weight", &l->attn_norm, err) && load_qkv(m, i, l, err) &&
           load_linear(m, i, "attn_output", (uint64_t)s->heads * s->head, s->width, &l->o, err) &&
           load_vector(m, i, "ffn_norm.weight", &l->ffn_norm, err) &&
           load_linear(m, i, "ffn_gate", s->width, s->hidden, &l->gate, err) &&
           load_linear(m, i, "ffn_up", s->width, s->hidden, &l->up, err) &&
           load_linear(m, i, "ffn_down", s->hidden, s->width, &l->down, err);
}

static bool load_ends(engine_model *m, error *err) {
    const engine_gguf *g = m->gguf;
    const engine_tensor *t = engine_gguf_find(g, "token_embd.weight");
    if (t == NULL) return refuse(m, err, "tensor \"token_embd.weight\" is missing");
    uint64_t vocab = t->shape[1];
    if (vocab > ENGINE_MAX_WIDTH * 4u) {
        return refuse(m, err,
                      "tensor \"token_embd.weight\" has more tokens than any model; the "
                      "file is damaged");
    }
    m->info.vocab = (uint32_t)vocab;
    uint64_t width = m->shape.width, shape[] = {width, vocab};
    if (!engine_gguf_need(g, "token_embd.weight", 2, shape, &m->embedding, err) ||
        !engine_vector_load(g, "output_norm.weight", width, &m->output_norm, err)) {
        return false;
    }
    bool tied = engine_gguf_find(g, "output.weight") == NULL;
    return engine_linear_load(g, tied ? "token_embd" : "output", width, vocab, &m->output, err);
}

static void describe(engine_model *m) {
    engine_info *info = &m->info;
    engine_gguf_str(m->gguf, "general.architecture", &info->architecture);
    engine_gguf_str(m->gguf, "general.name", &info->name);
    engine_gguf_str(m->gguf, "tokenizer.chat_template", &info->chat_template);
    info->width = m->shape.width;
    info->file_bytes = engine_gguf_bytes(m->gguf);
    for (size_t i = 0; i < engine_gguf_tensor_count(m->gguf); i++) {
        const engine_tensor *t = engine_gguf_tensor_at(m->gguf, i);
        if (engine_type_runs(t->type)) {
            info->parameters += t->shape[0] * t->shape[1] * t->shape[2] * t->shape[3];
        }
    }
}

bool engine_model_load(engine_gguf *g, engine_model **out, error *err) {
    engine_model *m = mem_new(1, sizeof *m);
    str architecture = {0};
    m->gguf = g;
    m->shape.kernels = engine_kernels_get();
    m->shape.causal = true;
    engine_gguf_str(g, "general.architecture", &architecture);
    if (!str_eq(architecture, STR("llama"))) {
        char shown[64];
        size_t n = 0;
        for (; n < architecture.n && n < sizeof shown - 1; n++) {
            char c = architecture.p[n]; /* no escape codes from a file into a terminal */
            shown[n] = c >= 0x20 && c < 0x7F ? c : '?';
        }
        shown[n] = 0;
        error_set(err, ERROR_MODEL,
                  STR_FMT ": the architecture \"%s\" cannot be run as a language "
                          "model; this build knows llama",
                  STR_ARG(engine_gguf_path(g)), shown);
        goto fail;
    }
    if (!check_features(m, err) || !read_sizes(m, err) || !load_ends(m, err)) goto fail;
    m->layers = mem_new(m->info.layers, sizeof *m->layers);
    for (uint32_t i = 0; i < m->info.layers; i++) {
        if (!load_layer(m, i, err)) goto fail;
    }
    describe(m);
    *out = m;
    return true;
fail:
    engine_model_close(m);
    return false;
}

bool engine_model_open(const char *path, engine_model **out, error *err) {
    engine_gguf *g;
    engine_model *m;
    if (!engine_gguf_open(path, &g, err) || !engine_model_load(g, &m, err)) return false;
    if (!engine_tokenizer_new(m->gguf, &m->tokenizer, err)) {
        m->tokenizer = NULL;
        engine_model_close(m);
        return false;
    }
    if (engine_vocab_size(m->tokenizer) > m->info.vocab) {
        refuse(m, err,
               "its vocabulary has more tokens than its embedding has rows; the file is "
               "damaged");
        engine_model_close(m);
        return false;
    }
    *out = m;
    return true;
}

void engine_model_close(engine_model *m) {
    if (m == NULL) return;
    if (m->tokenizer) engine_tokenizer_free(m->tokenizer);
    engine_gguf_close(m->gguf);
    mem_free(m->frequencies);
    mem_free(m->layers);
    mem_free(m);
}

void engine_model_info(const engine_model *m, engine_info *out) {
    *out = m->info;
}

const engine_tokenizer *engine_model_tokenizer(const engine_model *m) {
    return m->tokenizer;
}
