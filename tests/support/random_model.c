/* random_model.c: the recipes of all architectures, their tensors and files. See random_model.h. */
#include "tests/support/random_model.h"

#include "engine/engine.h"
#include "tests/support/random_vocab.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_TENSORS = 256 };

#define SPECIAL "<|endoftext|> yes no"
#define LLAMA (M_PRE | M_GATE | M_ROPE | M_OUTPUT_NORM | M_CAUSAL)
#define QWEN3 (LLAMA | M_QK | M_HALVES)
#define GEMMA (QWEN3 | M_GIVEN | M_GELU | M_SCALED)
#define BERT (M_LAYER_NORM | M_SUM | M_TYPES | M_TOKEN_NORM | M_GELU)
#define SIZES(l, d, f, h, g, e, r)                                                           \
    .layers = l, .width = d, .hidden = f, .heads = h, .kv_heads = g, .head = e, .rotary = r, \
    .vocab = 320, .context = 256

const model_recipe model_recipes[] = {
    {"llama", "llama", LLAMA | M_FREQS | M_OUTPUT, SIZES(2, 48, 80, 4, 2, 12, 12), .base = 5e5},
    {"llama-linear", "llama", LLAMA | M_FUSED_QKV, SIZES(2, 40, 64, 4, 1, 10, 6), .base = 1e4,
     .stretch = 4},
    {"llama-odd", "llama", LLAMA | M_QKV_BIAS | M_BIASES | M_UP_BIAS | M_FREQS,
     SIZES(3, 60, 101, 3, 3, 10, 6), .base = 5e5},
    {"smollm3", "smollm3", LLAMA, SIZES(5, 48, 64, 4, 2, 12, 12), .base = 5e6, .skip = 4},
    {"qwen2", "qwen2", LLAMA | M_HALVES | M_QKV_BIAS | M_OUTPUT, SIZES(2, 48, 80, 4, 2, 12, 12),
     .base = 1e6},
    {"qwen3", "qwen3", QWEN3, SIZES(2, 48, 80, 4, 2, 16, 16), .base = 1e6},
    {"qwen3-yarn", "qwen3", QWEN3 | M_YARN, SIZES(2, 48, 80, 4, 2, 16, 16), .base = 1000,
     .stretch = 4, .original_context = 128},
    {"phi3", "phi3", LLAMA | M_HALVES | M_FUSED_QKV | M_FUSED_UP | M_LENGTHS,
     SIZES(2, 48, 80, 4, 2, 16, 12), .base = 1e4, .magnitude = 1.19, .original_context = 64},
    {"gemma3", "gemma3", GEMMA, SIZES(7, 48, 64, 2, 1, 24, 24), .base = 1e6, .window = 10,
     .pattern = 6, .stretch = 8},
    {"gemma3-local", "gemma3", GEMMA, SIZES(3, 48, 64, 4, 2, 12, 12), .base = 1e6,
     .base_local = 2e4, .window = 7, .pattern = 2},
    {"gemma-embedding", "gemma-embedding", GEMMA & ~(unsigned)M_CAUSAL,
     SIZES(4, 48, 64, 2, 1, 24, 24), .base = 1e6, .window = 12, .pattern = 3, .pooling = POOL_MEAN,
     .dense = {70, 32}},
    {"bert-mean", "bert", BERT | M_POSITIONS | M_QKV_BIAS | M_BIASES | M_UP_BIAS,
     SIZES(2, 48, 80, 4, 4, 12, 0), .pooling = POOL_MEAN},
    {"bert-cls", "bert", BERT | M_POSITIONS | M_QKV_BIAS | M_BIASES | M_UP_BIAS | M_FUSED_QKV,
     SIZES(2, 48, 80, 2, 2, 24, 0), .pooling = POOL_CLS},
    {"bert-rank", "bert", BERT | M_POSITIONS | M_QKV_BIAS | M_BIASES | M_UP_BIAS | M_CLS,
     SIZES(2, 48, 80, 4, 4, 12, 0), .pooling = POOL_RANK, .labels = 1},
    {"bert-rank-direct", "bert", BERT | M_POSITIONS | M_QKV_BIAS | M_BIASES | M_UP_BIAS,
     SIZES(2, 48, 80, 4, 4, 12, 0), .pooling = POOL_RANK, .labels = 1},
    {"nomic-bert", "nomic-bert",
     (BERT & ~(unsigned)M_GELU) | M_GATE | M_ROPE | M_HALVES | M_FUSED_QKV,
     SIZES(2, 48, 80, 4, 4, 12, 12), .base = 1000, .pooling = POOL_MEAN},
    {"jina-bert-v2", "jina-bert-v2", BERT | M_GATE | M_QKV_BIAS | M_BIASES | M_ALIBI,
     SIZES(2, 48, 80, 6, 6, 8, 0), .pooling = POOL_MEAN},
    {"jina-code", "jina-bert-v2",
     BERT | M_GATE | M_FUSED_UP | M_QKV_BIAS | M_BIASES | M_ALIBI | M_QK_WHOLE | M_AGAIN,
     SIZES(2, 48, 80, 3, 3, 16, 0), .pooling = POOL_MEAN},
    {"jina-rank", "jina-bert-v2", BERT | M_QKV_BIAS | M_BIASES | M_UP_BIAS | M_ALIBI | M_CLS,
     SIZES(2, 48, 80, 4, 4, 12, 0), .pooling = POOL_RANK, .labels = 1},
    {"qwen3-embedding", "qwen3", QWEN3, SIZES(2, 48, 80, 4, 2, 16, 16), .base = 1e6,
     .pooling = POOL_LAST},
    {"qwen3-reranker", "qwen3", QWEN3, SIZES(2, 48, 80, 4, 2, 16, 16), .base = 1e6,
     .pooling = POOL_RANK, .labels = 2},
    {"qwen3-reranker-words", "qwen3", QWEN3, SIZES(2, 48, 80, 4, 2, 16, 16), .base = 1e6,
     .pooling = POOL_RANK},
    {"carrel-reader", "carrel-reader",
     (LLAMA & ~(unsigned)M_CAUSAL) | M_HALVES | M_TYPES | M_SPAN | M_CONV,
     SIZES(2, 48, 80, 4, 4, 12, 12), .base = 1e4},
};
const size_t model_recipe_count = sizeof model_recipes / sizeof *model_recipes;

const model_recipe *model_recipe_find(const char *title) {
    for (size_t i = 0; i < model_recipe_count; i++) {
        if (strcmp(model_recipes[i].title, title) == 0) return &model_recipes[i];
    }
    assert(false);
    return NULL;
}

/* ---- tensors ------------------------------------------------------------------------------ */

static float draw(uint64_t *state) { /* splitmix64, in [-1, 1) */
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (float)((double)((z ^ z >> 31) >> 11) * 0x1p-52 - 1);
}

/* Values depend on the name alone, so that one tensor more or less moves no other. */
static void add(random_model *m, int layer, const char *name, uint32_t columns, uint32_t rows,
                double middle, double spread) {
    assert(m->count < MOST_TENSORS);
    model_tensor *t = &m->tensors[m->count++];
    size_t n = (size_t)columns * (rows ? rows : 1);
    if (layer < 0) {
        snprintf(t->name, sizeof t->name, "%s", name);
    } else {
        snprintf(t->name, sizeof t->name, "blk.%d.%s", layer, name);
    }
    uint64_t state = 20;
    for (const char *p = t->name; *p; p++) state = (state ^ (unsigned char)*p) * 0x100000001B3u;
    t->columns = columns;
    t->rows = rows;
    t->values = mem_new(n, sizeof *t->values);
    for (size_t i = 0; i < n; i++) {
        t->values[i] = (float)(middle + spread * (double)draw(&state));
    }
}

static void add_matrix(random_model *m, int layer, const char *name, uint32_t columns,
                       uint32_t rows, bool bias) {
    char full[48];
    snprintf(full, sizeof full, "%s.weight", name);
    add(m, layer, full, columns, rows, 0, sqrt(3.0 / columns));
    snprintf(full, sizeof full, "%s.bias", name);
    if (bias) add(m, layer, full, rows, 0, 0, 0.5);
}

static void add_norm(random_model *m, int layer, const char *name, uint32_t n) {
    char full[48];
    snprintf(full, sizeof full, "%s.weight", name);
    add(m, layer, full, n, 0, 1, 0.5);
    snprintf(full, sizeof full, "%s.bias", name);
    if (m->recipe->has & M_LAYER_NORM) add(m, layer, full, n, 0, 0, 0.3);
}

static void add_attention(random_model *m, int i) {
    const model_recipe *r = m->recipe;
    uint32_t q = r->heads * r->head, kv = r->kv_heads * r->head;
    bool bias = r->has & M_QKV_BIAS;
    if (r->has & M_CONV) {
        add_norm(m, i, "conv_norm", r->width);
        add(m, i, "conv.weight", r->width, RANDOM_TAPS, 0, 0.5);
    }
    if (r->has & M_PRE) add_norm(m, i, "attn_norm", r->width);
    if (r->has & M_FUSED_QKV) {
        add_matrix(m, i, "attn_qkv", r->width, q + 2 * kv, bias);
    } else {
        add_matrix(m, i, "attn_q", r->width, q, bias);
        add_matrix(m, i, "attn_k", r->width, kv, bias);
        add_matrix(m, i, "attn_v", r->width, kv, bias);
    }
    if (r->has & (M_QK | M_QK_WHOLE)) {
        add_norm(m, i, "attn_q_norm", r->has & M_QK ? r->head : q);
        add_norm(m, i, "attn_k_norm", r->has & M_QK ? r->head : kv);
    }
    add_matrix(m, i, "attn_output", q, r->width, r->has & M_BIASES);
    if (r->has & M_GIVEN) add_norm(m, i, "post_attention_norm", r->width);
    if (r->has & M_SUM) add_norm(m, i, "attn_output_norm", r->width);
    if (r->has & M_AGAIN) add_norm(m, i, "attn_norm_2", r->width);
}

static void add_ffn(random_model *m, int i) {
    const model_recipe *r = m->recipe;
    if (r->has & M_PRE) add_norm(m, i, "ffn_norm", r->width);
    if ((r->has & M_GATE) && !(r->has & M_FUSED_UP)) {
        add_matrix(m, i, "ffn_gate", r->width, r->hidden, false);
    }
    add_matrix(m, i, "ffn_up", r->width, (r->has & M_FUSED_UP ? 2 : 1) * r->hidden,
               r->has & M_UP_BIAS);
    add_matrix(m, i, "ffn_down", r->hidden, r->width, r->has & M_BIASES);
    if (r->has & M_GIVEN) add_norm(m, i, "post_ffw_norm", r->width);
    if (r->has & M_SUM) add_norm(m, i, "layer_output_norm", r->width);
}

static void add_heads(random_model *m) {
    const model_recipe *r = m->recipe;
    if (r->has & M_OUTPUT) add_matrix(m, -1, "output", r->width, r->vocab, false);
    if (r->has & M_SPAN) add_matrix(m, -1, "span", r->width, RANDOM_SPANS, true);
    if (r->has & M_CLS) add_matrix(m, -1, "cls", r->width, r->width, true);
    if (r->labels) add_matrix(m, -1, "cls.output", r->width, r->labels, r->labels == 1);
    if (r->dense[0]) add_matrix(m, -1, "dense_2", r->width, r->dense[0], false);
    if (r->dense[1]) add_matrix(m, -1, "dense_3", r->dense[0], r->dense[1], false);
}

void random_model_make(const model_recipe *r, random_model *out) {
    random_model *m = out;
    *m = (random_model){.recipe = r, .tensors = mem_new(MOST_TENSORS, sizeof *m->tensors)};
    add(m, -1, "token_embd.weight", r->width, r->vocab, 0, 1);
    if (r->has & M_POSITIONS) add(m, -1, "position_embd.weight", r->width, r->context, 0, 0.7);
    if (r->has & M_TYPES) add(m, -1, "token_types.weight", r->width, 3, 0, 0.7);
    if (r->has & M_TOKEN_NORM) add_norm(m, -1, "token_embd_norm", r->width);
    if (r->has & M_OUTPUT_NORM) add_norm(m, -1, "output_norm", r->width);
    if (r->has & M_FREQS) add(m, -1, "rope_freqs.weight", r->rotary / 2, 0, 4.5, 3.5);
    if (r->has & M_LENGTHS) {
        add(m, -1, "rope_factors_long.weight", r->rotary / 2, 0, 8, 4);
        add(m, -1, "rope_factors_short.weight", r->rotary / 2, 0, 1.5, 0.5);
    }
    for (int i = 0; i < (int)r->layers; i++) {
        add_attention(m, i);
        add_ffn(m, i);
    }
    add_heads(m);
}

void random_model_free(random_model *m) {
    for (size_t i = 0; i < m->count; i++) mem_free(m->tensors[i].values);
    mem_free(m->tensors);
}

const model_tensor *random_model_find(const random_model *m, int layer, const char *name) {
    char full[64];
    snprintf(full, sizeof full, "blk.%d.%s", layer, name);
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->tensors[i].name, layer < 0 ? name : full) == 0) return &m->tensors[i];
    }
    return NULL;
}

void random_model_words(const random_model *m, int32_t *yes, int32_t *no) {
    *yes = (int32_t)random_vocab_id(VOCAB_BPE, SPECIAL, m->recipe->vocab, "yes");
    *no = (int32_t)random_vocab_id(VOCAB_BPE, SPECIAL, m->recipe->vocab, "no");
}

/* ---- the file ----------------------------------------------------------------------------- */

typedef struct {
    engine_gguf_writer *w;
    const model_recipe *r;
    const model_change *change;
} writing;

/* NULL where the key is to be forgotten. */
static const char *key_of(const writing *f, const char *what, char *full, size_t size) {
    const char *forget = f->change ? f->change->forget : NULL;
    if (forget && strcmp(forget, what) == 0) return NULL;
    snprintf(full, size, "%s.%s", f->r->architecture, what);
    return full;
}

static void put_u32(const writing *f, const char *what, uint32_t v) {
    char full[96];
    if (key_of(f, what, full, sizeof full)) engine_gguf_put_u32(f->w, full, v);
}

static void put_f32(const writing *f, const char *what, double v) {
    char full[96];
    if (key_of(f, what, full, sizeof full)) engine_gguf_put_f32(f->w, full, (float)v);
}

/* The first value of a key stays. */
static void put_change(const writing *f) {
    const model_change *c = f->change;
    char full[96];
    if (c == NULL || c->key == NULL) return;
    snprintf(full, sizeof full, "%s.%s", f->r->architecture, c->key);
    if (c->kind == 'u') engine_gguf_put_u32(f->w, full, (uint32_t)c->value);
    if (c->kind == 'f') engine_gguf_put_f32(f->w, full, (float)c->value);
    if (c->kind == 'b') engine_gguf_put_bool(f->w, full, c->value != 0);
}

static void put_rope(const writing *f) {
    const model_recipe *r = f->r;
    put_u32(f, "rope.dimension_count", r->rotary);
    put_f32(f, "rope.freq_base", r->base);
    if (r->base_local > 0) put_f32(f, "rope.freq_base_swa", r->base_local);
    if (r->stretch > 0) {
        char full[96];
        snprintf(full, sizeof full, "%s.rope.scaling.type", r->architecture);
        engine_gguf_put_str(f->w, full, r->has & M_YARN ? STR("yarn") : STR("linear"));
        put_f32(f, "rope.scaling.factor", r->stretch);
    }
    if (r->magnitude > 0) put_f32(f, "rope.scaling.attn_factor", r->magnitude);
    if (r->original_context) {
        put_u32(f, "rope.scaling.original_context_length", r->original_context);
    }
}

static void put_keys(const writing *f) {
    const model_recipe *r = f->r;
    bool words = r->pooling == POOL_RANK && r->labels == 0;
    put_change(f);
    engine_gguf_put_str(f->w, "general.architecture", str_of(r->architecture));
    engine_gguf_put_str(f->w, "general.name", words ? STR("A Reranker") : STR("random weights"));
    put_u32(f, "block_count", r->layers);
    put_u32(f, "context_length", r->context);
    put_u32(f, "embedding_length", r->width);
    put_u32(f, "feed_forward_length", r->hidden);
    put_u32(f, "attention.head_count", r->heads);
    put_f32(f,
            r->has & M_LAYER_NORM ? "attention.layer_norm_epsilon"
                                  : "attention.layer_norm_rms_epsilon",
            1e-5);
    if (r->kv_heads != r->heads) put_u32(f, "attention.head_count_kv", r->kv_heads);
    if (r->head * r->heads != r->width) {
        put_u32(f, "attention.key_length", r->head);
        put_u32(f, "attention.value_length", r->head);
    }
    if (r->has & M_ROPE) put_rope(f);
    if (r->window) put_u32(f, "attention.sliding_window", r->window);
    if (r->window && r->pattern != 6) {
        put_u32(f, "attention.sliding_window_pattern", r->pattern);
    }
    if (r->pooling && !words) put_u32(f, "pooling_type", r->pooling);
    if (r->has & M_SPAN) put_u32(f, "token_type_count", 3);
    if (r->has & M_CONV) put_u32(f, "conv_taps", RANDOM_TAPS);
    if (r->labels == 2) {
        char full[96];
        snprintf(full, sizeof full, "%s.classifier.output_labels", r->architecture);
        engine_gguf_put_strs(f->w, full, (str[]){STR("no"), STR("yes")}, 2);
    }
    if (words) random_vocab_put(f->w, VOCAB_BPE, "qwen2", SPECIAL, r->vocab);
}

static bool is_dropped(const model_change *c, const char *name) {
    if (c == NULL || c->drop == NULL) return false;
    if (strncmp(name, "blk.", 4) == 0) name = strchr(name + 4, '.') + 1;
    return strncmp(name, c->drop, strlen(c->drop)) == 0;
}

static uint32_t type_of(const random_model *m, const model_tensor *t) {
    bool table = strstr(t->name, ".conv.weight") != NULL;
    return !table && t->rows > 1 && engine_row_bytes(m->type, t->columns) > 0 ? m->type
                                                                              : ENGINE_F32;
}

static void put_tensor(const random_model *m, const model_tensor *t, text *out) {
    size_t rows = t->rows ? t->rows : 1, n = t->columns * rows;
    uint32_t type = type_of(m, t);
    size_t bytes = engine_row_bytes(type, t->columns) * rows;
    char *data = mem_new(bytes, 1);
    bool ok = engine_quantize(type, t->values, data, n);
    assert(ok);
    (void)ok;
    while (out->n % 32) text_put_char(out, 0);
    text_put(out, (str){data, bytes});
    mem_free(data);
}

text random_model_file(const random_model *m, const model_change *change) {
    writing f = {engine_gguf_writer_new(), m->recipe, change};
    float none[8] = {0};
    model_tensor extra = {.columns = 8, .values = none};
    text out = {0};
    put_keys(&f);
    for (size_t i = 0; i < m->count; i++) {
        const model_tensor *t = &m->tensors[i];
        uint64_t shape[] = {t->columns, t->rows};
        if (is_dropped(change, t->name)) continue;
        engine_gguf_declare(f.w, str_of(t->name), type_of(m, t), t->rows ? 2 : 1, shape);
    }
    if (change && change->extra) {
        engine_gguf_declare(f.w, str_of(change->extra), ENGINE_F32, 1, (uint64_t[]){8});
    }
    engine_gguf_header(f.w, &out);
    engine_gguf_writer_free(f.w);
    for (size_t i = 0; i < m->count; i++) {
        if (!is_dropped(change, m->tensors[i].name)) put_tensor(m, &m->tensors[i], &out);
    }
    if (change && change->extra) put_tensor(m, &extra, &out);
    return out;
}
