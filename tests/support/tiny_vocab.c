/* tiny_vocab.c: makes the vocabularies of tiny_vocab.h. */
#include "tests/support/tiny_vocab.h"

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

static text finish(vocab *v, const char *model, gguf_build *b) {
    gguf_build_str(b, "general.architecture", STR("llama"));
    gguf_build_str(b, "tokenizer.ggml.model", str_of(model));
    gguf_build_strs(b, "tokenizer.ggml.tokens", v->token, v->n);
    gguf_build_i32s(b, "tokenizer.ggml.token_type", v->type, v->n);
    arena_free(v->a);
    return gguf_build_finish(b);
}

text tiny_spm(void) {
    static const char *const words[] = {"\u2581t",      "he",     "\u2581the", "in",   "er",
                                        "\u2581a",      "do",     "se",        "dose", "\u2581dose",
                                        "\u2581\u2581", "\u2581", "é",         "à",    "caf",
                                        "ca",           "café",   "世",        "世界"};
    vocab v = {.a = arena_new()};
    gguf_build b = {0};
    add(&v, STR("<unk>"), UNKNOWN);
    add(&v, STR("<s>"), CONTROL);
    add(&v, STR("</s>"), CONTROL);
    for (int i = 0; i < 256; i++) add(&v, arena_printf(v.a, "<0x%02X>", (unsigned)i), BYTE);
    add_all(&v, words, sizeof words / sizeof *words, NORMAL);
    add_ascii(&v, "", '!', '~');
    add(&v, STR("<tag>"), USER);
    gguf_build_f32s(&b, "tokenizer.ggml.scores", v.score, v.n);
    gguf_build_u32(&b, "tokenizer.ggml.bos_token_id", 1);
    gguf_build_u32(&b, "tokenizer.ggml.eos_token_id", 2);
    gguf_build_u32(&b, "tokenizer.ggml.unknown_token_id", 0);
    gguf_build_bool(&b, "tokenizer.ggml.add_space_prefix", false);
    return finish(&v, "llama", &b);
}

/* The printable character that stands for a byte in the files of byte-level BPE. */
static str byte_name(arena *a, int byte) {
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
    gguf_build b = {0};
    str lines[MERGES];
    for (int i = 0; i < 256; i++) add(&v, byte_name(v.a, i), NORMAL);
    add_all(&v, products, sizeof products / sizeof *products, NORMAL);
    add(&v, STR("<|endoftext|>"), CONTROL);
    add(&v, STR("<|im_end|>"), CONTROL);
    add(&v, STR("<think>"), USER);
    for (int i = 0; i < MERGES; i++) lines[i] = str_of(merges[i]);
    gguf_build_str(&b, "tokenizer.ggml.pre", str_of(pre));
    gguf_build_strs(&b, "tokenizer.ggml.merges", lines, MERGES);
    gguf_build_u32(&b, "tokenizer.ggml.eos_token_id", (uint32_t)v.n - 2);
    return finish(&v, "gpt2", &b);
}

text tiny_wordpiece(void) {
    static const char *const special[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    static const char *const words[] = {"\u2581cafe", "\u2581dose", "\u2581the", "ing",
                                        "in",         "\u2581世",   "\u2581界",  "\u2581ß",
                                        "ß",          "\u2581з",    "з"};
    vocab v = {.a = arena_new()};
    gguf_build b = {0};
    add_all(&v, special, sizeof special / sizeof *special, CONTROL);
    add_all(&v, words, sizeof words / sizeof *words, NORMAL);
    add_ascii(&v, "\u2581", '!', '@');
    add_ascii(&v, "\u2581", '[', '`');
    add_ascii(&v, "\u2581", 'a', '~');
    add_ascii(&v, "", '0', '9');
    add_ascii(&v, "", 'a', 'w'); /* without x, y, z: some words are unknown */
    return finish(&v, "bert", &b);
}
