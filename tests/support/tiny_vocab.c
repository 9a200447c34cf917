/* tiny_vocab.c: makes the vocabularies of tiny_vocab.h. */
#include "tests/support/tiny_vocab.h"

#include "tests/fixtures/gguf_fixture.h"

#include <assert.h>
#include <string.h>

enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER = 4, BYTE = 6 };
enum { TOKENS_MAX = 1024 };

typedef struct {
    arena *a;
    str token[TOKENS_MAX];
    int32_t type[TOKENS_MAX];
    float score[TOKENS_MAX];
    size_t n;
} vocab;

static void add(vocab *v, str token, int32_t type) {
    v->token[v->n] = arena_str(v->a, token);
    v->type[v->n] = type;
    v->score[v->n] = -(float)v->n; /* earlier pieces merge first */
    v->n++;
}

static void add_all(vocab *v, const char *const *tokens, size_t n, int32_t type) {
    for (size_t i = 0; i < n; i++) add(v, str_of(tokens[i]), type);
}

static void add_ascii(vocab *v, const char *in_front, int first, int last) {
    for (int c = first; c <= last; c++) add(v, arena_printf(v->a, "%s%c", in_front, c), NORMAL);
}

static text finish(vocab *v, const char *model, engine_gguf_writer *b) {
    engine_gguf_put_str(b, "general.architecture", STR("llama"));
    engine_gguf_put_str(b, "tokenizer.ggml.model", str_of(model));
    engine_gguf_put_strs(b, "tokenizer.ggml.tokens", v->token, v->n);
    engine_gguf_put_i32s(b, "tokenizer.ggml.token_type", v->type, v->n);
    arena_free(v->a);
    return fixture_file(b);
}

text tiny_spm(void) {
    static const char *const words[] = {"\u2581t",      "he",     "\u2581the", "in",   "er",
                                        "\u2581a",      "do",     "se",        "dose", "\u2581dose",
                                        "\u2581\u2581", "\u2581", "é",         "à",    "caf",
                                        "ca",           "café",   "世",        "世界"};
    vocab v = {.a = arena_new()};
    engine_gguf_writer *b = engine_gguf_writer_new();
    add(&v, STR("<unk>"), UNKNOWN);
    add(&v, STR("<s>"), CONTROL);
    add(&v, STR("</s>"), CONTROL);
    for (int i = 0; i < 256; i++) add(&v, arena_printf(v.a, "<0x%02X>", (unsigned)i), BYTE);
    add_all(&v, words, sizeof words / sizeof *words, NORMAL);
    add_ascii(&v, "", '!', '~');
    add(&v, STR("<tag>"), USER);
    engine_gguf_put_f32s(b, "tokenizer.ggml.scores", v.score, v.n);
    engine_gguf_put_u32(b, "tokenizer.ggml.bos_token_id", 1);
    engine_gguf_put_u32(b, "tokenizer.ggml.eos_token_id", 2);
    engine_gguf_put_u32(b, "tokenizer.ggml.unknown_token_id", 0);
    engine_gguf_put_bool(b, "tokenizer.ggml.add_space_prefix", false);
    return finish(&v, "llama", b);
}

str tiny_byte_name(arena *a, int byte) {
    uint32_t next = 256, c = 0;
    for (int i = 0; i <= byte; i++) {
        bool itself = (i >= 0x21 && i <= 0x7E) || (i >= 0xA1 && i <= 0xAC) || i >= 0xAE;
        c = itself ? (uint32_t)i : next++;
    }
    char out[4] = {0};
    size_t n = utf8_encode(c, out);
    return arena_str(a, (str){out, n});
}

text tiny_bpe(const char *pre) {
    /* "Ġ" is a space; "Ã©" are the bytes of é, "Ã" and "Ģ" those of À */
    static const char *const merges[] = {"Ġ t", "h e",   "Ġt he", "1 2",    "12 3",  "i n", "e r",
                                         "d o", "s e",   "do se", "Ġ dose", "Ã ©",   "Ģ B", "B C",
                                         "a a", "aa aa", "Ċ Ċ",   "Ġ Ġ",    "ĠĠ ĠĠ", "' s", ". Ċ"};
    static const char *const products[] = {"Ġt", "he",   "Ġthe", "12",    "123",  "in", "er",
                                           "do", "se",   "dose", "Ġdose", "Ã©",   "ĢB", "BC",
                                           "aa", "aaaa", "ĊĊ",   "ĠĠ",    "ĠĠĠĠ", "'s", ".Ċ"};
    enum { MERGES = sizeof merges / sizeof *merges };
    vocab v = {.a = arena_new()};
    engine_gguf_writer *b = engine_gguf_writer_new();
    str lines[MERGES];
    for (int i = 0; i < 256; i++) add(&v, tiny_byte_name(v.a, i), NORMAL);
    add_all(&v, products, sizeof products / sizeof *products, NORMAL);
    add(&v, STR("whole"), NORMAL); /* no merge makes it */
    add(&v, STR("<|endoftext|>"), CONTROL);
    add(&v, STR("<|im_end|>"), CONTROL);
    add(&v, STR("<think>"), USER);
    for (int i = 0; i < MERGES; i++) lines[i] = str_of(merges[i]);
    engine_gguf_put_str(b, "tokenizer.ggml.pre", str_of(pre));
    engine_gguf_put_strs(b, "tokenizer.ggml.merges", lines, MERGES);
    engine_gguf_put_u32(b, "tokenizer.ggml.eos_token_id", (uint32_t)v.n - 2);
    return finish(&v, "gpt2", b);
}

text tiny_wordpiece(void) {
    static const char *const special[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    static const char *const words[] = {"\u2581cafe", "\u2581dose", "\u2581the", "ing",
                                        "in",         "\u2581世",   "\u2581界",  "\u2581ß",
                                        "ß",          "\u2581з",    "з"};
    vocab v = {.a = arena_new()};
    engine_gguf_writer *b = engine_gguf_writer_new();
    add_all(&v, special, sizeof special / sizeof *special, CONTROL);
    add_all(&v, words, sizeof words / sizeof *words, NORMAL);
    add_ascii(&v, "\u2581", '!', '@');
    add_ascii(&v, "\u2581", '[', '`');
    add_ascii(&v, "\u2581", 'a', '~');
    add_ascii(&v, "", '0', '9');
    add_ascii(&v, "", 'a', 'w'); /* without x, y, z: some words are unknown */
    return finish(&v, "bert", b);
}

text tiny_chat(bool spm, const char *bos, const char *const *marks, size_t n, int32_t type) {
    static const char *const words[] = {"\u2581", "\u2581\u2581"};
    static const str merge = STR("h e");
    vocab v = {.a = arena_new()};
    engine_gguf_writer *b = engine_gguf_writer_new();
    add(&v, STR("<unk>"), UNKNOWN);
    for (int i = 0; i < 256; i++) {
        if (spm)
            add(&v, arena_printf(v.a, "<0x%02X>", (unsigned)i), BYTE);
        else
            add(&v, tiny_byte_name(v.a, i), NORMAL);
    }
    if (spm) add_all(&v, words, 2, NORMAL);
    add(&v, STR("he"), NORMAL);
    if (bos) add(&v, str_of(bos), CONTROL);
    if (bos) engine_gguf_put_u32(b, "tokenizer.ggml.bos_token_id", (uint32_t)v.n - 1);
    add_all(&v, marks, n, type);
    engine_gguf_put_bool(b, "tokenizer.ggml.add_bos_token", bos != NULL);
    engine_gguf_put_str(b, "tokenizer.ggml.pre", STR("llama-bpe"));
    if (spm)
        engine_gguf_put_f32s(b, "tokenizer.ggml.scores", v.score, v.n);
    else
        engine_gguf_put_strs(b, "tokenizer.ggml.merges", &merge, 1);
    return finish(&v, spm ? "llama" : "gpt2", b);
}

/* ---- Unigram ------------------------------------------------------------------------------ */

enum { MAP_UNITS = 4096, MAP_NODES = 256 };

/* A node of the trie that becomes a double array. */
typedef struct {
    int child[256]; /* 0: none */
    long value;     /* -1: none */
} map_node;

static size_t map_nodes(map_node *nodes, const tiny_mapping *pairs, size_t n, text *replacements) {
    size_t count = 1;
    nodes[0].value = -1;
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        for (size_t k = 0; k < pairs[i].from.n; k++) {
            int *child = &nodes[at].child[(unsigned char)pairs[i].from.p[k]];
            if (!*child) {
                assert(count < MAP_NODES);
                *child = (int)count;
                nodes[count++].value = -1;
            }
            at = (size_t)*child;
        }
        nodes[at].value = (long)replacements->n;
        text_put(replacements, pairs[i].to);
        text_put_char(replacements, 0);
    }
    return count;
}

/* Where the children of a node can stand: at base ^ label, all free; label 0 is the value. A base is
 * one node's alone, since a label is all that a walk compares. */
static uint32_t map_base(const map_node *node, const bool *used, bool *taken) {
    for (uint32_t base = 256; base < MAP_UNITS; base++) {
        bool free = !taken[base] && (node->value < 0 || !used[base]);
        for (uint32_t c = 1; c < 256; c++) free = free && (!node->child[c] || !used[base ^ c]);
        taken[base] = taken[base] || free;
        if (free) return base;
    }
    assert(false);
    return 0;
}

/* A unit: label, "has a value" in bit 8, offset from bit 10; an offset of whole blocks of 256 is
 * written with bit 9, so that both forms are read. */
static uint32_t map_unit(uint32_t label, bool value, uint32_t offset) {
    uint32_t written = offset & 0xFF ? offset << 10 : offset >> 8 << 10 | 1u << 9;
    return written | label | (uint32_t)value << 8;
}

text tiny_charsmap(const tiny_mapping *pairs, size_t n) {
    static map_node nodes[MAP_NODES];
    uint32_t units[MAP_UNITS] = {0}, place[MAP_NODES] = {0}, label[MAP_NODES] = {0};
    uint32_t bytes = MAP_UNITS * 4;
    bool used[MAP_UNITS] = {true}, taken[MAP_UNITS] = {false};
    text replacements = {0}, out = {0};
    memset(nodes, 0, sizeof nodes);
    size_t count = map_nodes(nodes, pairs, n, &replacements);
    for (size_t i = 0; i < count; i++) { /* parents come before their children */
        uint32_t base = map_base(&nodes[i], used, taken);
        units[place[i]] = map_unit(label[i], nodes[i].value >= 0, place[i] ^ base);
        if (nodes[i].value >= 0) {
            units[base] = (uint32_t)nodes[i].value | 0x80000000u;
            used[base] = true;
        }
        for (uint32_t c = 1; c < 256; c++) {
            if (!nodes[i].child[c]) continue;
            used[base ^ c] = true;
            place[nodes[i].child[c]] = base ^ c;
            label[nodes[i].child[c]] = c;
        }
    }
    text_put(&out, (str){(const char *)&bytes, sizeof bytes});
    text_put(&out, (str){(const char *)units, sizeof units});
    text_put(&out, text_str(&replacements));
    text_free(&replacements);
    return out;
}

text tiny_unigram(int with) {
    static const tiny_mapping pairs[] = {
        {STR("\uFB01"), STR("fi")},
        {STR("\uFF21"), STR("A")},
        {STR("\u3000"), STR(" ")},
        {STR("\t"), STR(" ")},
        {STR("\n"), STR(" ")},
        {STR("e\u0301"), STR("\u00E9")},
        {STR("\u200B"), STR("")},
        {STR("\u2460"), STR("1")},
        {STR("\u2460\u2461"), STR("12")},
        {STR("\u00A8"), STR(" \u0308")},
    };
    /* Scores by order: the whole word is likelier than its parts, unless the parts are short. */
    static const char *const words[] = {"\u2581", "\u2581the", "\u2581dose", "do",          "se",
                                        "the",    "fi",        "fine",       "ne",          "caf",
                                        "é",      "世界",      "12",         "\u2581\u2581"};
    vocab v = {.a = arena_new()};
    engine_gguf_writer *b = engine_gguf_writer_new();
    add(&v, STR("<s>"), CONTROL);
    add(&v, STR("<pad>"), CONTROL);
    add(&v, STR("</s>"), CONTROL);
    add(&v, STR("<unk>"), UNKNOWN);
    add_all(&v, words, sizeof words / sizeof *words, NORMAL);
    add_ascii(&v, "", '!', '~');
    add(&v, STR("<mask>"), USER);
    for (int i = 0; (with & TINY_BYTES) && i < 256; i++)
        add(&v, arena_printf(v.a, "<0x%02X>", (unsigned)i), BYTE);
    for (size_t i = 0; i < v.n; i++) v.score[i] = -1 - (float)i / 16;
    engine_gguf_put_f32s(b, "tokenizer.ggml.scores", v.score, v.n);
    engine_gguf_put_u32(b, "tokenizer.ggml.bos_token_id", 0);
    engine_gguf_put_u32(b, "tokenizer.ggml.eos_token_id", 2);
    engine_gguf_put_u32(b, "tokenizer.ggml.unknown_token_id", 3);
    engine_gguf_put_bool(b, "tokenizer.ggml.add_bos_token", true);
    engine_gguf_put_bool(b, "tokenizer.ggml.add_eos_token", true);
    engine_gguf_put_bool(b, "tokenizer.ggml.add_space_prefix", with & TINY_PREFIX);
    engine_gguf_put_bool(b, "tokenizer.ggml.remove_extra_whitespaces", with & TINY_MERGE_SPACES);
    if (with & TINY_MAP) {
        text map = tiny_charsmap(pairs, sizeof pairs / sizeof *pairs);
        engine_gguf_put_u8s(b, "tokenizer.ggml.precompiled_charsmap", text_str(&map));
        text_free(&map);
    }
    return finish(&v, "t5", b);
}
