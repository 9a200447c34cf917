/* arch: fills an engine_network from a file.
 *
 * Keys and tensors are named as the GGUF specification names them. Everything that the file says
 * about the shape of the model is held against the tensors that are in it, here and once, so that
 * running it needs no checks; only then is memory taken. A tensor that is in the file and that
 * nothing here asked for is refused by name rather than left out: it would change the result.
 *
 * Knows no architecture by itself but those in its table; see arch.h.
 */
#include "engine/arch.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    LLAMA = HAS_PRE_NORMS | HAS_GATE | HAS_ROPE | HAS_OUTPUT_NORM,
    GEMMA = LLAMA | HAS_QK_NORMS | HAS_GIVEN_NORMS,
    BERT = HAS_SUM_NORMS | HAS_QKV_BIAS | HAS_BIASES,
    MAX_TYPES = 256,      /* a type is one byte */
    PACK_ALONE = 16 << 20 /* bytes of a file that are not worth waking threads for */
};

static bool nothing_more(engine_loader *l, error *err) {
    (void)l;
    (void)err;
    return true;
}

static const engine_arch known[] = {
    {"llama", LLAMA, ENGINE_NORM_RMS, ENGINE_SILU, false, true, nothing_more},
    {"smollm3", LLAMA, ENGINE_NORM_RMS, ENGINE_SILU, false, true, engine_arch_smollm3},
    {"qwen2", LLAMA | HAS_QKV_BIAS, ENGINE_NORM_RMS, ENGINE_SILU, true, true, nothing_more},
    {"qwen3", LLAMA | HAS_QK_NORMS, ENGINE_NORM_RMS, ENGINE_SILU, true, true, nothing_more},
    {"phi3", LLAMA | HAS_LENGTHS, ENGINE_NORM_RMS, ENGINE_SILU, true, true, engine_arch_phi3},
    {"gemma3", GEMMA, ENGINE_NORM_RMS, ENGINE_GELU, true, true, engine_arch_gemma},
    {"gemma-embedding", GEMMA, ENGINE_NORM_RMS, ENGINE_GELU, true, false, engine_arch_gemma},
    {"bert", BERT | HAS_UP_BIAS, ENGINE_NORM_LAYER, ENGINE_GELU, false, false, engine_arch_bert},
    {"nomic-bert", HAS_SUM_NORMS | HAS_GATE | HAS_ROPE, ENGINE_NORM_LAYER, ENGINE_SILU, true, false,
     engine_arch_bert},
    {"jina-bert-v2", BERT | HAS_GATE, ENGINE_NORM_LAYER, ENGINE_GELU, false, false,
     engine_arch_jina},
    {"carrel-reader", LLAMA, ENGINE_NORM_RMS, ENGINE_SILU, true, false, engine_arch_reader},
};

/* ---- keys --------------------------------------------------------------------------------- */

bool engine_load_refuse(const engine_loader *l, error *err, const char *what) {
    return error_set(err, ERROR_MODEL, STR_FMT ": %s", STR_ARG(engine_gguf_path(l->gguf)), what);
}

engine_name engine_load_key(const engine_loader *l, const char *key) {
    engine_name out;
    snprintf(out.s, sizeof out.s, "%s.%s", l->arch->name, key);
    return out;
}

bool engine_load_u32(const engine_loader *l, const char *key, uint32_t least, uint32_t most,
                     uint32_t *out, error *err) {
    engine_name full = engine_load_key(l, key);
    if (engine_gguf_array_count(l->gguf, full.s) > 0) {
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": \"%s\" differs from layer to layer, which cannot be run",
                         STR_ARG(engine_gguf_path(l->gguf)), full.s);
    }
    return engine_need_u32(l->gguf, full.s, least, most, out, err);
}

bool engine_load_may_u32(const engine_loader *l, const char *key, uint32_t least, uint32_t most,
                         uint32_t *out, error *err) {
    engine_name full = engine_load_key(l, key);
    uint32_t v;
    return (!engine_gguf_u32(l->gguf, full.s, &v) &&
            engine_gguf_array_count(l->gguf, full.s) == 0) ||
           engine_load_u32(l, key, least, most, out, err);
}

bool engine_load_f32(const engine_loader *l, const char *key, float *out, error *err) {
    return engine_need_f32(l->gguf, engine_load_key(l, key).s, out, err);
}

bool engine_load_may_f32(const engine_loader *l, const char *key, float *out, error *err) {
    float v;
    return !engine_gguf_f32(l->gguf, engine_load_key(l, key).s, &v) ||
           engine_load_f32(l, key, out, err);
}

bool engine_load_str(const engine_loader *l, const char *key, str *out) {
    return engine_gguf_str(l->gguf, engine_load_key(l, key).s, out);
}

/* ---- tensors ------------------------------------------------------------------------------ */

engine_name engine_layer_name(uint32_t layer, const char *part) {
    engine_name out;
    snprintf(out.s, sizeof out.s, "blk.%" PRIu32 ".%s", layer, part);
    return out;
}

engine_name engine_name_with(const char *name, const char *suffix) {
    engine_name out;
    const int most = sizeof out.s - 16; /* no suffix is longer */
    snprintf(out.s, sizeof out.s, "%.*s%s", most, name, suffix);
    return out;
}

static void take(engine_loader *l, const char *tensor) {
    const engine_tensor *t = engine_gguf_find(l->gguf, tensor);
    if (t) l->taken[t - engine_gguf_tensor_at(l->gguf, 0)] = true;
}

void engine_load_skip(engine_loader *l, const char *name) {
    take(l, engine_name_with(name, ".weight").s);
    take(l, engine_name_with(name, ".bias").s);
}

bool engine_load_has(const engine_loader *l, const char *tensor) {
    return engine_gguf_find(l->gguf, tensor) != NULL;
}

bool engine_load_vector(engine_loader *l, const char *tensor, uint64_t n, const float **out,
                        error *err) {
    take(l, tensor);
    return engine_vector_load(l->gguf, tensor, n, out, err);
}

bool engine_load_table(engine_loader *l, const char *tensor, uint64_t columns, uint64_t rows,
                       const float **out, error *err) {
    const engine_tensor *t;
    take(l, tensor);
    if (!engine_gguf_need(l->gguf, tensor, 2, (uint64_t[]){columns, rows}, &t, err)) return false;
    if (t->type != ENGINE_F32)
        return error_set(err, ERROR_MODEL, STR_FMT ": tensor \"%s\" must be F32, it is %s",
                         STR_ARG(engine_gguf_path(l->gguf)), tensor, engine_type_name(t->type));
    *out = t->data;
    return true;
}

bool engine_load_norm(engine_loader *l, const char *name, uint64_t n, engine_norm *out,
                      error *err) {
    return engine_load_vector(l, engine_name_with(name, ".weight").s, n, &out->weight, err) &&
           (l->net->shape.norm == ENGINE_NORM_RMS ||
            engine_load_vector(l, engine_name_with(name, ".bias").s, n, &out->bias, err));
}

bool engine_load_linear(engine_loader *l, const char *name, uint64_t columns, uint64_t rows,
                        engine_linear *out, error *err) {
    return engine_load_rows(l, name, columns, rows, 0, rows, out, err);
}

bool engine_load_lookup(engine_loader *l, const char *name, uint64_t columns, uint64_t rows,
                        engine_linear *out, error *err) {
    engine_load_skip(l, name);
    return engine_weights_lookup(l->net->weights, name, columns, rows, out, err);
}

bool engine_load_rows(engine_loader *l, const char *name, uint64_t columns, uint64_t rows,
                      uint64_t begin, uint64_t count, engine_linear *out, error *err) {
    engine_load_skip(l, name);
    if (columns > l->net->columns) l->net->columns = (uint32_t)columns;
    return engine_weights_rows(l->net->weights, name, columns, rows, begin, count, out, err);
}

static bool need_bias(const engine_loader *l, unsigned has, const char *name, error *err) {
    engine_name bias = engine_name_with(name, ".bias");
    if (!(l->arch->has & has) || engine_load_has(l, bias.s)) return true;
    return error_set(err, ERROR_MODEL, STR_FMT ": tensor \"%s\" is missing",
                     STR_ARG(engine_gguf_path(l->gguf)), bias.s);
}

/* ---- sizes -------------------------------------------------------------------------------- */

static bool read_heads(engine_loader *l, error *err) {
    engine_shape *s = &l->net->shape;
    const uint32_t most = ENGINE_MAX_WIDTH;
    if (!engine_load_u32(l, "attention.head_count", 1, most, &s->heads, err)) return false;
    s->kv_heads = s->heads;
    s->head = s->width / s->heads;
    if (!engine_load_may_u32(l, "attention.head_count_kv", 0, most, &s->kv_heads, err) ||
        !engine_load_may_u32(l, "attention.key_length", 0, most, &s->head, err)) {
        return false;
    }
    uint32_t value_head = s->head, rotary = s->head;
    if (!engine_load_may_u32(l, "attention.value_length", 0, most, &value_head, err) ||
        !engine_load_may_u32(l, "rope.dimension_count", 0, most, &rotary, err)) {
        return false;
    }
    bool rope = l->arch->has & HAS_ROPE;
    s->rotary = rope ? rotary : 0;
    if (s->kv_heads == 0 || s->heads % s->kv_heads != 0 || s->head == 0 ||
        s->head > ENGINE_MAX_HEAD || value_head != s->head || s->rotary > s->head ||
        s->rotary % 2 != 0 || s->heads > most / s->head) {
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": %" PRIu32 " heads of %" PRIu32 " with %" PRIu32
                                 " key heads and %" PRIu32 " rotary dimensions do not fit together",
                         STR_ARG(engine_gguf_path(l->gguf)), s->heads, s->head, s->kv_heads,
                         s->rotary);
    }
    s->scale = 1.0f / sqrtf((float)s->head);
    return true;
}

/* Features that change the result and that nothing here does. */
static bool check_features(const engine_loader *l, error *err) {
    uint32_t experts = 0;
    float cap = 0;
    if (!engine_load_may_u32(l, "expert_count", 0, UINT32_MAX, &experts, err) ||
        !engine_load_may_f32(l, "final_logit_softcapping", &cap, err)) {
        return false;
    }
    if (experts > 0) {
        return engine_load_refuse(l, err, "a mixture of experts cannot be run; take a dense model");
    }
    return cap <= 0 || engine_load_refuse(l, err, "its logits are capped, which cannot be run");
}

static bool check_epsilon(const engine_loader *l, error *err) {
    return l->net->shape.epsilon >= 0 ||
           engine_load_refuse(l, err, "the epsilon of its norms is negative; the file is damaged");
}

static bool read_sizes(engine_loader *l, error *err) {
    engine_network *net = l->net;
    engine_shape *s = &net->shape;
    const char *epsilon = l->arch->norm == ENGINE_NORM_RMS ? "attention.layer_norm_rms_epsilon"
                                                           : "attention.layer_norm_epsilon";
    s->kernels = engine_kernels_get();
    s->norm = l->arch->norm;
    s->activation = l->arch->activation;
    s->halves = l->arch->halves;
    s->causal = l->arch->causal;
    s->gated = l->arch->has & HAS_GATE;
    engine_gguf_bool(l->gguf, engine_load_key(l, "attention.causal").s, &s->causal);
    net->embedding_scale = 1;
    return engine_load_u32(l, "block_count", 1, ENGINE_MAX_LAYERS, &net->layer_count, err) &&
           engine_load_u32(l, "context_length", 1, ENGINE_MAX_CONTEXT, &net->context, err) &&
           engine_load_u32(l, "embedding_length", 1, ENGINE_MAX_WIDTH, &s->width, err) &&
           engine_load_u32(l, "feed_forward_length", 1, ENGINE_MAX_WIDTH, &s->hidden, err) &&
           engine_load_f32(l, epsilon, &s->epsilon, err) && check_epsilon(l, err) &&
           read_heads(l, err) && engine_load_rope(l, err);
}

/* ---- layers ------------------------------------------------------------------------------- */

/* q, k and v, each its own matrix or one above the other in attn_qkv. */
static bool load_qkv(engine_loader *l, uint32_t i, engine_layer *y, error *err) {
    const engine_shape *s = &l->net->shape;
    uint64_t d = s->width, q = (uint64_t)s->heads * s->head, kv = (uint64_t)s->kv_heads * s->head;
    engine_name fused = engine_layer_name(i, "attn_qkv");
    if (engine_load_has(l, engine_name_with(fused.s, ".weight").s)) {
        return engine_load_rows(l, fused.s, d, q + 2 * kv, 0, q, &y->q, err) &&
               engine_load_rows(l, fused.s, d, q + 2 * kv, q, kv, &y->k, err) &&
               engine_load_rows(l, fused.s, d, q + 2 * kv, q + kv, kv, &y->v, err) &&
               need_bias(l, HAS_QKV_BIAS, fused.s, err);
    }
    engine_name qn = engine_layer_name(i, "attn_q"), kn = engine_layer_name(i, "attn_k"),
                vn = engine_layer_name(i, "attn_v");
    return engine_load_linear(l, qn.s, d, q, &y->q, err) &&
           engine_load_linear(l, kn.s, d, kv, &y->k, err) &&
           engine_load_linear(l, vn.s, d, kv, &y->v, err) &&
           need_bias(l, HAS_QKV_BIAS, qn.s, err) && need_bias(l, HAS_QKV_BIAS, kn.s, err) &&
           need_bias(l, HAS_QKV_BIAS, vn.s, err);
}

/* gate and up, each its own matrix or gate above up in ffn_up; down. */
static bool load_ffn(engine_loader *l, uint32_t i, engine_layer *y, error *err) {
    const engine_shape *s = &l->net->shape;
    uint64_t d = s->width, f = s->hidden;
    engine_name gate = engine_layer_name(i, "ffn_gate"), up = engine_layer_name(i, "ffn_up"),
                down = engine_layer_name(i, "ffn_down");
    const engine_tensor *t = engine_gguf_find(l->gguf, engine_name_with(up.s, ".weight").s);
    bool fused = s->gated && !engine_load_has(l, engine_name_with(gate.s, ".weight").s) && t &&
                 t->shape[1] == 2 * f;
    if (fused) {
        if (!engine_load_rows(l, up.s, d, 2 * f, 0, f, &y->gate, err) ||
            !engine_load_rows(l, up.s, d, 2 * f, f, f, &y->up, err)) {
            return false;
        }
    } else if ((s->gated && !engine_load_linear(l, gate.s, d, f, &y->gate, err)) ||
               !engine_load_linear(l, up.s, d, f, &y->up, err)) {
        return false;
    }
    return engine_load_linear(l, down.s, f, d, &y->down, err) &&
           need_bias(l, HAS_UP_BIAS, up.s, err) && need_bias(l, HAS_BIASES, down.s, err);
}

static bool load_norms(engine_loader *l, uint32_t i, engine_layer *y, error *err) {
    const engine_shape *s = &l->net->shape;
    const struct {
        unsigned has;
        const char *part;
        uint32_t n;
        engine_norm *out;
    } norms[] = {
        {HAS_PRE_NORMS, "attn_norm", s->width, &y->attn_norm},
        {HAS_PRE_NORMS, "ffn_norm", s->width, &y->ffn_norm},
        {HAS_GIVEN_NORMS, "post_attention_norm", s->width, &y->attn.given},
        {HAS_GIVEN_NORMS, "post_ffw_norm", s->width, &y->ffn.given},
        {HAS_SUM_NORMS, "attn_output_norm", s->width, &y->attn.sum},
        {HAS_SUM_NORMS, "layer_output_norm", s->width, &y->ffn.sum},
        {HAS_QK_NORMS, "attn_q_norm", s->head, &y->q_norm},
        {HAS_QK_NORMS, "attn_k_norm", s->head, &y->k_norm},
    };
    for (size_t j = 0; j < sizeof norms / sizeof *norms; j++) {
        if ((l->arch->has & norms[j].has) &&
            !engine_load_norm(l, engine_layer_name(i, norms[j].part).s, norms[j].n, norms[j].out,
                              err)) {
            return false;
        }
    }
    return true;
}

static bool load_layer(engine_loader *l, uint32_t i, error *err) {
    const engine_shape *s = &l->net->shape;
    engine_layer *y = &l->net->layers[i];
    engine_name o = engine_layer_name(i, "attn_output");
    return load_norms(l, i, y, err) && load_qkv(l, i, y, err) &&
           engine_load_linear(l, o.s, (uint64_t)s->heads * s->head, s->width, &y->o, err) &&
           need_bias(l, HAS_BIASES, o.s, err) && load_ffn(l, i, y, err);
}

static bool load_embedding(engine_loader *l, error *err) {
    engine_network *net = l->net;
    const engine_tensor *t = engine_gguf_find(l->gguf, "token_embd.weight");
    uint64_t width = net->shape.width, vocab = t ? t->shape[1] : 0; /* 0: linear says so */
    if (vocab > ENGINE_MAX_WIDTH * 4u) {
        return engine_load_refuse(l, err,
                                  "tensor \"token_embd.weight\" has more tokens than any model; "
                                  "the file is damaged");
    }
    engine_kind kind = engine_gguf_kind(l->gguf);
    bool tied = kind == ENGINE_DECODER && engine_gguf_find(l->gguf, "output.weight") == NULL;
    if (!(tied ? engine_load_linear : engine_load_lookup)(l, "token_embd", width, vocab,
                                                          &net->embedding, err)) {
        return false;
    }
    size_t tokens = engine_gguf_array_count(l->gguf, "tokenizer.ggml.tokens");
    if (tokens > vocab) {
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": its vocabulary has %zu tokens and its embedding %" PRIu64
                                 " rows; the file is damaged",
                         STR_ARG(engine_gguf_path(l->gguf)), tokens, vocab);
    }
    net->vocab = (uint32_t)vocab;
    return !(l->arch->has & HAS_OUTPUT_NORM) ||
           engine_load_norm(l, "output_norm", width, &net->output_norm, err);
}

bool engine_load_types(engine_loader *l, error *err) {
    const engine_tensor *t = engine_gguf_find(l->gguf, "token_types.weight");
    uint32_t types = 0;
    engine_gguf_u32(l->gguf, "tokenizer.ggml.token_type_count", &types);
    if (!engine_load_may_u32(l, "token_type_count", 1, MAX_TYPES, &types, err)) return false;
    if (types == 0 && t && t->shape[1] <= MAX_TYPES) types = (uint32_t)t->shape[1];
    if (types > MAX_TYPES) return engine_load_refuse(l, err, "it has more than 256 token types");
    l->net->types = types;
    return (types == 0 && t == NULL) || engine_load_lookup(l, "token_types", l->net->shape.width,
                                                           types, &l->net->type_rows, err);
}

/* ---- all of it ---------------------------------------------------------------------------- */

/* No escape codes from a file into a terminal. */
static void show_name(str name, char *out, size_t size) {
    size_t n = 0;
    for (; n < name.n && n < size - 1; n++) {
        out[n] = name.p[n] >= 0x20 && name.p[n] < 0x7F ? name.p[n] : '?';
    }
    out[n] = 0;
}

static bool find_arch(engine_loader *l, error *err) {
    char shown[64], list[256];
    str name = {0};
    size_t used = 0;
    engine_gguf_str(l->gguf, "general.architecture", &name);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (str_eq(name, str_of(known[i].name))) l->arch = &known[i];
        used +=
            (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", known[i].name);
    }
    if (l->arch) return true;
    show_name(name, shown, sizeof shown);
    return error_set(err, ERROR_MODEL,
                     STR_FMT ": the architecture \"%s\" cannot be run; this build knows %s",
                     STR_ARG(engine_gguf_path(l->gguf)), shown, list);
}

bool engine_loader_begin(const engine_gguf *g, engine_network *net, engine_loader **out,
                         error *err) {
    engine_loader *l = mem_new(1, sizeof *l);
    *out = l;
    *net = (engine_network){.gguf = g, .weights = engine_weights_new(g)};
    l->gguf = g;
    l->net = net;
    l->taken = mem_new(engine_gguf_tensor_count(g), sizeof *l->taken);
    if (!find_arch(l, err) || !check_features(l, err) || !read_sizes(l, err)) return false;
    net->layers = mem_new(net->layer_count, sizeof *net->layers);
    for (uint32_t i = 0; i < net->layer_count; i++) {
        net->layers[i].rope = l->arch->has & HAS_ROPE ? 0 : ENGINE_NO_ROPE;
    }
    if (!load_embedding(l, err) || !l->arch->read(l, err)) return false;
    for (uint32_t i = 0; i < net->layer_count; i++) {
        if (!load_layer(l, i, err)) return false;
    }
    return true;
}

/* Parts for pictures and sound, which some files carry beside the text model. */
static bool is_harmless(str tensor) {
    return str_starts(tensor, STR("v.")) || str_starts(tensor, STR("mm.")) ||
           str_starts(tensor, STR("a."));
}

static bool check_all_taken(const engine_loader *l, error *err) {
    char shown[96];
    for (size_t i = 0; i < engine_gguf_tensor_count(l->gguf); i++) {
        const engine_tensor *t = engine_gguf_tensor_at(l->gguf, i);
        if (l->taken[i] || is_harmless(t->name)) continue;
        show_name(t->name, shown, sizeof shown);
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": tensor \"%s\" is nothing that a %s model is known to have; "
                                 "without it the results would be wrong",
                         STR_ARG(engine_gguf_path(l->gguf)), shown, l->arch->name);
    }
    return true;
}

bool engine_loader_end(engine_loader *l, error *err) {
    if (!check_all_taken(l, err)) return false;
    pool *p = engine_gguf_bytes(l->gguf) > PACK_ALONE ? pool_new(0) : NULL;
    bool ok = engine_weights_pack(l->net->weights, p, err);
    pool_free(p);
    return ok;
}

void engine_loader_free(engine_loader *l) {
    if (l == NULL) return;
    mem_free(l->taken);
    mem_free(l);
}

void engine_network_free(engine_network *net) {
    engine_weights_free(net->weights);
    mem_free(net->layers);
    mem_free(net->slopes);
    mem_free(net->stretched);
}
