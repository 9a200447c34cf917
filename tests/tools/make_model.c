/* make_model: writes a GGUF with random weights in the shape of a real model, for timing and for
 * loading in other programs: names, shapes and metadata are the real ones, the vocabulary has the
 * real size, and the same arguments give the same bytes.
 *
 *   make_model SHAPE TYPE FILE [LAYERS [VOCAB]]   TYPE: a preset of `carrel model quantize`, or f32
 *
 * VOCAB: a GGUF whose vocabulary is taken over and filled up to the shape's size, for timing with
 * real text; it may be a file of a vocabulary alone. LAYERS 0 is as many as the shape has.
 *
 * Weights are normally distributed with deviation 1/sqrt(columns), so that every layer keeps the
 * size of what goes through it. Rows are drawn from a pool of quantised blocks: a model of a
 * billion weights takes as long as writing it.
 */
#include "engine/requantize.h"
#include "tests/support/random_vocab.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POOL_VALUES = 1 << 18, MAX_TENSORS = 2048, MAX_ROW = 1 << 20 };

/* What a shape has besides the plain llama. */
enum {
    QKV_BIAS = 1,     /* qwen2 */
    QK_NORM = 2,      /* qwen3, gemma3 */
    POST_NORMS = 4,   /* gemma3 */
    FUSED = 8,        /* phi3: attn_qkv; gate and up in ffn_up */
    ROPE_FREQS = 16,  /* llama 3 */
    ROPE_LENGTHS = 32 /* phi3: long and short factors */
};

typedef struct {
    const char *name, *architecture;
    uint32_t layers, width, hidden, heads, kv_heads, head, rotary, vocab, context;
    float rope_base, epsilon;
    uint32_t has, window, original_context, pooling;
    vocab_kind kind;
    const char *pre, *special, *bos, *eos; /* bos NULL: none is added */
    const char *chat;                      /* the mark that a turn begins with, or NULL */
} shape;

#define QWEN "<|endoftext|> <|im_start|> <|im_end|>"
#define LLAMA3                                                                            \
    "<|begin_of_text|> <|end_of_text|> <|start_header_id|> <|end_header_id|> <|eot_id|> " \
    "<|im_start|> <|im_end|>"
#define GEMMA "<pad> <eos> <bos> <unk> <start_of_turn> <end_of_turn>"
#define BERT "[PAD] [UNK] [CLS] [SEP] [MASK]"
#define IM_START "<|im_start|>"
#define BPE(p, s, b, e, c) .kind = VOCAB_BPE, .pre = p, .special = s, .bos = b, .eos = e, .chat = c

static const shape shapes[] = {
    {"tiny", "llama", 2, 64, 160, 4, 2, 16, 16, 1200, 2048, 1e4f, 1e-5f,
     BPE("smollm", QWEN, NULL, "<|im_end|>", IM_START)},
    {"smollm2-135m", "llama", 30, 576, 1536, 9, 3, 64, 64, 49152, 8192, 1e5f, 1e-5f,
     BPE("smollm", QWEN, NULL, "<|im_end|>", IM_START)},
    {"smollm2-360m", "llama", 32, 960, 2560, 15, 5, 64, 64, 49152, 8192, 1e5f, 1e-5f,
     BPE("smollm", QWEN, NULL, "<|im_end|>", IM_START)},
    {"llama-3.2-1b", "llama", 16, 2048, 8192, 32, 8, 64, 64, 128256, 131072, 5e5f, 1e-5f,
     .has = ROPE_FREQS,
     BPE("llama-bpe", LLAMA3, "<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>")},
    {"llama-3.2-3b", "llama", 28, 3072, 8192, 24, 8, 128, 128, 128256, 131072, 5e5f, 1e-5f,
     .has = ROPE_FREQS,
     BPE("llama-bpe", LLAMA3, "<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>")},
    {"smollm3-3b", "smollm3", 36, 2048, 11008, 16, 4, 128, 128, 128256, 65536, 5e6f, 1e-6f,
     BPE("llama-bpe", LLAMA3, NULL, "<|im_end|>", IM_START)},
    {"qwen2.5-0.5b", "qwen2", 24, 896, 4864, 14, 2, 64, 64, 151936, 32768, 1e6f, 1e-6f,
     .has = QKV_BIAS, BPE("qwen2", QWEN, NULL, "<|im_end|>", IM_START)},
    {"qwen2.5-1.5b", "qwen2", 28, 1536, 8960, 12, 2, 128, 128, 151936, 32768, 1e6f, 1e-6f,
     .has = QKV_BIAS, BPE("qwen2", QWEN, NULL, "<|im_end|>", IM_START)},
    {"qwen3-0.6b", "qwen3", 28, 1024, 3072, 16, 8, 128, 128, 151936, 40960, 1e6f, 1e-6f,
     .has = QK_NORM, BPE("qwen2", QWEN, NULL, "<|im_end|>", IM_START)},
    {"phi-4-mini", "phi3", 32, 3072, 8192, 24, 8, 128, 96, 200064, 131072, 1e4f, 1e-5f,
     .has = FUSED | ROPE_LENGTHS, .original_context = 4096,
     BPE("gpt-4o", "<|endoftext|> <|system|> <|user|> <|assistant|> <|end|>", NULL, "<|end|>",
         "<|user|>")},
    {"gemma3-270m",
     "gemma3",
     18,
     640,
     2048,
     4,
     1,
     256,
     256,
     262144,
     32768,
     1e6f,
     1e-6f,
     .has = QK_NORM | POST_NORMS,
     .window = 512,
     .kind = VOCAB_SPM,
     .pre = "default",
     .special = GEMMA,
     .bos = "<bos>",
     .eos = "<end_of_turn>",
     .chat = "<start_of_turn>"},
    {"gemma3-1b",
     "gemma3",
     26,
     1152,
     6912,
     4,
     1,
     256,
     256,
     262144,
     32768,
     1e6f,
     1e-6f,
     .has = QK_NORM | POST_NORMS,
     .window = 512,
     .kind = VOCAB_SPM,
     .pre = "default",
     .special = GEMMA,
     .bos = "<bos>",
     .eos = "<end_of_turn>",
     .chat = "<start_of_turn>"},
    {"minilm-l6", "bert", 6, 384, 1536, 12, 12, 32, 0, 30522, 512, 0, 1e-12f, .pooling = 1,
     .kind = VOCAB_WORDPIECE, .pre = "jina-v2-en", .special = BERT, .bos = "[CLS]", .eos = "[SEP]"},
    {"bge-small", "bert", 12, 384, 1536, 12, 12, 32, 0, 30522, 512, 0, 1e-12f, .pooling = 2,
     .kind = VOCAB_WORDPIECE, .pre = "jina-v2-en", .special = BERT, .bos = "[CLS]", .eos = "[SEP]"},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* ---- metadata ----------------------------------------------------------------------------- */

typedef struct {
    const shape *s;
    engine_gguf_writer *w;
    engine_mix mix;
    struct {
        uint64_t columns, rows;
        float middle, spread; /* of vectors and F32 tables: middle + spread * [-1, 1) */
        uint32_t type;
    } tensors[MAX_TENSORS];
    size_t count;
    uint64_t random;
} maker;

static const char *own_key(const maker *m, const char *what) {
    static char key[96];
    snprintf(key, sizeof key, "%s.%s", m->s->architecture, what);
    return key;
}

static void put_own_u32(maker *m, const char *what, uint32_t v) {
    engine_gguf_put_u32(m->w, own_key(m, what), v);
}

static uint32_t special_id(const shape *s, const char *token) {
    return random_vocab_id(s->kind, s->special, s->vocab, token);
}

static void put_chat(maker *m) {
    text chat = {0};
    if (!m->s->chat) return;
    text_printf(&chat,
                "{%% for m in messages %%}{{ '%s' + m['role'] + m['content'] }}"
                "{%% endfor %%}",
                m->s->chat);
    engine_gguf_put_str(m->w, "tokenizer.chat_template", text_str(&chat));
    text_free(&chat);
}

enum { NORMAL = 1, CONTROL = 3, UNUSED = 5 };

/* The marks of a shape behind *n tokens, but for those that are there; returns the end token's id. */
static uint32_t add_marks(const shape *s, str *token, int32_t *type, size_t *n) {
    uint32_t eos = 0;
    for (const char *word = s->special; *word;) {
        size_t length = strcspn(word, " "), i = 0;
        str mark = {word, length};
        word += length + (word[length] == ' ');
        while (i < *n && !str_eq(token[i], mark)) i++;
        if (str_eq(mark, str_of(s->eos))) eos = (uint32_t)i;
        type[i] = CONTROL;
        if (i == *n) token[(*n)++] = mark;
    }
    return eos;
}

/* The vocabulary of g, tokens that no text gives, and the shape's own marks at the end, but for
 * those that g has. What is put first stays. */
static bool put_borrowed(maker *m, const engine_gguf *g, error *err) {
    static const char tokens[] = "tokenizer.ggml.tokens";
    arena *a = arena_new();
    const shape *s = m->s;
    size_t size = s->vocab, n = engine_gguf_array_count(g, tokens), at = n;
    if (n == 0 || n + 16 > size) {
        arena_free(a);
        return error_set(err, ERROR_INPUT, "a vocabulary of %zu does not go into one of %zu", n,
                         size);
    }
    str *token = arena_alloc(a, size, sizeof *token);
    int32_t *type = arena_alloc(a, size, sizeof *type);
    float *score = arena_alloc(a, size, sizeof *score);
    for (size_t i = 0; i < n; i++) {
        type[i] = NORMAL;
        engine_gguf_array_str(g, tokens, i, &token[i]);
        engine_gguf_array_i32(g, "tokenizer.ggml.token_type", i, &type[i]);
        engine_gguf_array_f32(g, "tokenizer.ggml.scores", i, &score[i]);
    }
    uint32_t eos = add_marks(s, token, type, &at);
    for (; at < size; at++) {
        token[at] = arena_printf(a, "<unused %zu>", at);
        type[at] = UNUSED;
    }
    engine_gguf_put_strs(m->w, tokens, token, size);
    engine_gguf_put_i32s(m->w, "tokenizer.ggml.token_type", type, size);
    if (engine_gguf_array_count(g, "tokenizer.ggml.scores"))
        engine_gguf_put_f32s(m->w, "tokenizer.ggml.scores", score, size);
    engine_gguf_put_u32(m->w, "tokenizer.ggml.eos_token_id", eos);
    put_chat(m);
    for (size_t i = 0; i < engine_gguf_key_count(g); i++) {
        str key, value;
        engine_gguf_key_at(g, i, &key, &value);
        bool template = str_starts(key, STR("tokenizer.chat_template"));
        if (str_starts(key, STR("tokenizer.")) && !template) engine_gguf_put_raw(m->w, key, value);
    }
    arena_free(a);
    return true;
}

static void put_vocabulary(maker *m) {
    const shape *s = m->s;
    random_vocab_put(m->w, s->kind, s->pre, s->special, s->vocab);
    bool bert = s->kind == VOCAB_WORDPIECE, spm = s->kind == VOCAB_SPM;
    if (s->bos) {
        engine_gguf_put_u32(m->w, "tokenizer.ggml.bos_token_id", special_id(s, s->bos));
    }
    engine_gguf_put_u32(m->w, "tokenizer.ggml.eos_token_id", special_id(s, s->eos));
    if (bert || spm) {
        engine_gguf_put_u32(m->w, "tokenizer.ggml.unknown_token_id",
                            special_id(s, bert ? "[UNK]" : "<unk>"));
        engine_gguf_put_u32(m->w, "tokenizer.ggml.padding_token_id", 0);
    }
    if (bert) {
        engine_gguf_put_u32(m->w, "tokenizer.ggml.cls_token_id", special_id(s, "[CLS]"));
        engine_gguf_put_u32(m->w, "tokenizer.ggml.seperator_token_id", special_id(s, "[SEP]"));
        engine_gguf_put_u32(m->w, "tokenizer.ggml.mask_token_id", special_id(s, "[MASK]"));
        engine_gguf_put_u32(m->w, "tokenizer.ggml.token_type_count", 2);
    } else {
        engine_gguf_put_bool(m->w, "tokenizer.ggml.add_bos_token", s->bos != NULL);
        engine_gguf_put_bool(m->w, "tokenizer.ggml.add_eos_token", false);
    }
    if (spm) engine_gguf_put_bool(m->w, "tokenizer.ggml.add_space_prefix", false);
    put_chat(m);
}

static void put_metadata(maker *m) {
    const shape *s = m->s;
    bool bert = strcmp(s->architecture, "bert") == 0;
    engine_gguf_put_str(m->w, "general.architecture", str_of(s->architecture));
    engine_gguf_put_str(m->w, "general.name", STR("random weights"));
    engine_gguf_put_u32(m->w, "general.file_type", engine_preset_file_type(m->mix.preset));
    engine_gguf_put_u32(m->w, "general.quantization_version", 2);
    put_own_u32(m, "block_count", m->mix.layers);
    put_own_u32(m, "context_length", s->context);
    put_own_u32(m, "embedding_length", s->width);
    put_own_u32(m, "feed_forward_length", s->hidden);
    put_own_u32(m, "attention.head_count", s->heads);
    put_own_u32(m, "vocab_size", s->vocab);
    engine_gguf_put_f32(
        m->w,
        own_key(m, bert ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon"),
        s->epsilon);
    if (bert) {
        engine_gguf_put_bool(m->w, own_key(m, "attention.causal"), false);
        put_own_u32(m, "pooling_type", s->pooling);
    } else {
        put_own_u32(m, "attention.head_count_kv", s->kv_heads);
        put_own_u32(m, "attention.key_length", s->head);
        put_own_u32(m, "attention.value_length", s->head);
        put_own_u32(m, "rope.dimension_count", s->rotary);
        engine_gguf_put_f32(m->w, own_key(m, "rope.freq_base"), s->rope_base);
    }
    if (s->window) put_own_u32(m, "attention.sliding_window", s->window);
    if (s->original_context) {
        put_own_u32(m, "rope.scaling.original_context_length", s->original_context);
        engine_gguf_put_f32(m->w, own_key(m, "rope.scaling.attn_factor"), 1.19f);
    }
}

/* ---- tensors ------------------------------------------------------------------------------ */

static void add_tensor(maker *m, const char *name, uint32_t type, uint64_t columns, uint64_t rows,
                       float middle, float spread) {
    if (m->count == MAX_TENSORS) abort();
    engine_gguf_declare(m->w, str_of(name), type, rows ? 2 : 1, (uint64_t[]){columns, rows});
    m->tensors[m->count].columns = columns;
    m->tensors[m->count].rows = rows ? rows : 1;
    m->tensors[m->count].middle = middle;
    m->tensors[m->count].spread = spread;
    m->tensors[m->count++].type = type;
}

/* NAME.weight, or of a layer blk.LAYER.NAME.weight */
static const char *full_name(int layer, const char *name, const char *ending) {
    static char full[96];
    if (layer < 0) {
        snprintf(full, sizeof full, "%s.%s", name, ending);
    } else {
        snprintf(full, sizeof full, "blk.%d.%s.%s", layer, name, ending);
    }
    return full;
}

static void add_matrix(maker *m, int layer, const char *name, uint64_t columns, uint64_t rows) {
    const char *full = full_name(layer, name, "weight");
    uint32_t type =
        engine_mix_type(&m->mix, str_of(full), ENGINE_F32, 2, (uint64_t[]){columns, rows});
    add_tensor(m, full, type, columns, rows, 0, 1 / sqrtf((float)columns));
}

static void add_bias(maker *m, int layer, const char *name, uint64_t n) {
    add_tensor(m, full_name(layer, name, "bias"), ENGINE_F32, n, 0, 0, 0.1f);
}

static void add_norm(maker *m, int layer, const char *name, uint64_t n) {
    add_tensor(m, full_name(layer, name, "weight"), ENGINE_F32, n, 0, 1, 0.25f);
}

static void add_decoder_layer(maker *m, int i) {
    const shape *s = m->s;
    uint64_t q = (uint64_t)s->heads * s->head, kv = (uint64_t)s->kv_heads * s->head;
    add_norm(m, i, "attn_norm", s->width);
    if (s->has & FUSED) {
        add_matrix(m, i, "attn_qkv", s->width, q + 2 * kv);
    } else {
        add_matrix(m, i, "attn_q", s->width, q);
        add_matrix(m, i, "attn_k", s->width, kv);
        add_matrix(m, i, "attn_v", s->width, kv);
    }
    if (s->has & QKV_BIAS) {
        add_bias(m, i, "attn_q", q);
        add_bias(m, i, "attn_k", kv);
        add_bias(m, i, "attn_v", kv);
    }
    if (s->has & QK_NORM) {
        add_norm(m, i, "attn_q_norm", s->head);
        add_norm(m, i, "attn_k_norm", s->head);
    }
    add_matrix(m, i, "attn_output", q, s->width);
    if (s->has & POST_NORMS) {
        add_norm(m, i, "post_attention_norm", s->width);
        add_norm(m, i, "post_ffw_norm", s->width);
    }
    add_norm(m, i, "ffn_norm", s->width);
    if (!(s->has & FUSED)) add_matrix(m, i, "ffn_gate", s->width, s->hidden);
    add_matrix(m, i, "ffn_up", s->width, s->has & FUSED ? 2 * s->hidden : s->hidden);
    add_matrix(m, i, "ffn_down", s->hidden, s->width);
}

static void add_decoder(maker *m) {
    const shape *s = m->s;
    add_matrix(m, -1, "token_embd", s->width, s->vocab);
    add_norm(m, -1, "output_norm", s->width);
    if (s->has & ROPE_FREQS) {
        add_tensor(m, "rope_freqs.weight", ENGINE_F32, s->rotary / 2, 0, 4.5f, 3.5f);
    }
    if (s->has & ROPE_LENGTHS) {
        add_tensor(m, "rope_factors_long.weight", ENGINE_F32, s->rotary / 2, 0, 2, 1);
        add_tensor(m, "rope_factors_short.weight", ENGINE_F32, s->rotary / 2, 0, 1.1f, 0.1f);
    }
    for (uint32_t i = 0; i < m->mix.layers; i++) add_decoder_layer(m, (int)i);
}

static void add_layer_norm(maker *m, int layer, const char *name, uint64_t n) {
    add_norm(m, layer, name, n);
    add_bias(m, layer, name, n);
}

static void add_biased(maker *m, int layer, const char *name, uint64_t columns, uint64_t rows) {
    add_matrix(m, layer, name, columns, rows);
    add_bias(m, layer, name, rows);
}

static void add_bert(maker *m) {
    const shape *s = m->s;
    add_matrix(m, -1, "token_embd", s->width, s->vocab);
    add_tensor(m, "position_embd.weight", ENGINE_F32, s->width, s->context, 0, 0.05f);
    add_tensor(m, "token_types.weight", ENGINE_F32, s->width, 2, 0, 0.05f);
    add_layer_norm(m, -1, "token_embd_norm", s->width);
    for (int i = 0; i < (int)m->mix.layers; i++) {
        add_biased(m, i, "attn_q", s->width, s->width);
        add_biased(m, i, "attn_k", s->width, s->width);
        add_biased(m, i, "attn_v", s->width, s->width);
        add_biased(m, i, "attn_output", s->width, s->width);
        add_layer_norm(m, i, "attn_output_norm", s->width);
        add_biased(m, i, "ffn_up", s->width, s->hidden);
        add_biased(m, i, "ffn_down", s->hidden, s->width);
        add_layer_norm(m, i, "layer_output_norm", s->width);
    }
}

/* ---- weights ------------------------------------------------------------------------------ */

static uint64_t draw(maker *m) { /* splitmix64 */
    uint64_t z = m->random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* Four evenly spread values, together with deviation 1. */
static float draw_normal(maker *m) {
    uint64_t r = draw(m);
    double sum = (double)(r & 0xFFFF) + (double)(r >> 16 & 0xFFFF) + (double)(r >> 32 & 0xFFFF) +
                 (double)(r >> 48);
    return (float)((sum - 131070) / (65536 * 0.57735));
}

/* Blocks of the last pool that was asked for. */
typedef struct {
    uint32_t type;
    float spread;
    size_t block, count; /* bytes of a block; blocks */
    uint8_t *blocks;
} block_pool;

static void fill_pool(maker *m, block_pool *b, uint32_t type, float spread) {
    if (b->blocks && b->type == type && b->spread == spread) return;
    size_t values = engine_row_bytes(type, 1) ? 32 : engine_row_bytes(type, 32) ? 32 : 256;
    float *x = mem_new(POOL_VALUES, sizeof *x);
    for (size_t i = 0; i < POOL_VALUES; i++) x[i] = spread * draw_normal(m);
    b->type = type;
    b->spread = spread;
    b->block = engine_row_bytes(type, values);
    b->count = POOL_VALUES / values;
    mem_free(b->blocks);
    b->blocks = mem_new(b->count, b->block);
    engine_quantize(type, x, b->blocks, POOL_VALUES);
    mem_free(x);
}

static bool write_matrix(maker *m, block_pool *b, size_t tensor, error *err) {
    size_t bytes = engine_row_bytes(m->tensors[tensor].type, m->tensors[tensor].columns);
    uint8_t *row = mem_new(bytes, 1);
    bool ok = true;
    fill_pool(m, b, m->tensors[tensor].type, m->tensors[tensor].spread);
    for (uint64_t r = 0; ok && r < m->tensors[tensor].rows; r++) {
        for (size_t at = 0; at < bytes; at += b->block) {
            size_t n = bytes - at < b->block ? bytes - at : b->block;
            memcpy(row + at, b->blocks + draw(m) % b->count * b->block, n);
        }
        ok = engine_gguf_write(m->w, row, bytes, err);
    }
    mem_free(row);
    return ok;
}

static bool write_table(maker *m, size_t tensor, error *err) {
    uint64_t n = m->tensors[tensor].columns * m->tensors[tensor].rows;
    for (uint64_t i = 0; i < n; i++) {
        float even = (float)(draw(m) >> 40) * 0x1p-23f - 1;
        float v = m->tensors[tensor].middle + m->tensors[tensor].spread * even;
        if (!engine_gguf_write(m->w, &v, sizeof v, err)) return false;
    }
    return true;
}

static bool make(const shape *s, const engine_preset *preset, uint32_t layers, const char *path,
                 const engine_gguf *vocabulary, error *err) {
    maker *m = mem_new(1, sizeof *m);
    block_pool blocks = {0};
    m->s = s;
    m->random = 20;
    m->w = engine_gguf_writer_new();
    m->mix = (engine_mix){preset, layers, s->heads, s->kv_heads, true};
    put_metadata(m);
    bool ok = true;
    if (vocabulary) {
        ok = put_borrowed(m, vocabulary, err);
    } else {
        put_vocabulary(m);
    }
    bool bert = strcmp(s->architecture, "bert") == 0;
    if (bert) add_bert(m);
    if (!bert) add_decoder(m);
    ok = ok && engine_gguf_create(m->w, path, true, err);
    for (size_t i = 0; ok && i < m->count; i++) {
        bool matrix = m->tensors[i].rows > 1 && m->tensors[i].columns > 2;
        ok = matrix ? write_matrix(m, &blocks, i, err) : write_table(m, i, err);
    }
    ok = ok && engine_gguf_commit(m->w, err);
    engine_gguf_writer_free(m->w);
    mem_free(blocks.blocks);
    mem_free(m);
    return ok;
}

int main(int argc, char **argv) {
    const shape *s = NULL;
    error err = {0};
    for (size_t i = 0; argc > 3 && i < SHAPES; i++) {
        if (strcmp(shapes[i].name, argv[1]) == 0) s = &shapes[i];
    }
    const engine_preset *preset = argc > 3 ? engine_preset_find(argv[2]) : NULL;
    if (s == NULL || preset == NULL || argc > 6) {
        fprintf(stderr, "usage: make_model SHAPE TYPE FILE [LAYERS [VOCAB]]\n  SHAPE:");
        for (size_t i = 0; i < SHAPES; i++) fprintf(stderr, " %s", shapes[i].name);
        fprintf(stderr, "\n  TYPE: f32");
        for (const char *const *p = engine_presets(); *p; p++) fprintf(stderr, " %s", *p);
        fprintf(stderr, "\n");
        return ERROR_USAGE;
    }
    engine_gguf *vocabulary = NULL;
    uint32_t layers = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0;
    if (layers == 0) layers = s->layers;
    bool ok = (argc < 6 || engine_gguf_open(argv[5], &vocabulary, &err)) &&
              make(s, preset, layers, argv[3], vocabulary, &err);
    if (!ok) fprintf(stderr, "make_model: %s\n", err.text);
    engine_gguf_close(vocabulary);
    return ok ? 0 : (int)err.code;
}
