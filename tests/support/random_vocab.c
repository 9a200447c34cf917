/* random_vocab.c: see random_vocab.h. */
#include "tests/support/random_vocab.h"

#include "tests/support/tiny_vocab.h"

#include <assert.h>

enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, BYTE = 6 };

typedef struct {
    arena *a;
    str *token, *merge;
    int32_t *type;
    float *score;
    size_t n, most, merges, special;
} vocab;

static void add(vocab *v, str token, int32_t type) {
    assert(v->n < v->most);
    v->token[v->n] = token;
    v->type[v->n] = type;
    v->score[v->n] = type == NORMAL ? -(float)v->n : 0; /* earlier pieces merge first */
    v->n++;
}

static size_t count_words(const char *list) {
    size_t n = *list != 0;
    for (; *list; list++) n += *list == ' ';
    return n;
}

static str word_at(const char *list, size_t i) {
    str s = str_of(list);
    for (; i > 0; i--) s = str_cut(s, str_find(s, STR(" "), 0) + 1, s.n);
    return str_cut(s, 0, str_find(s, STR(" "), 0)); /* clamped: the last ends with the list */
}

static void add_special(vocab *v, const char *list) {
    for (size_t i = 0; i < count_words(list); i++) {
        str word = word_at(list, i);
        bool unknown = str_eq(word, STR("<unk>")) || str_eq(word, STR("[UNK]"));
        add(v, word, unknown ? UNKNOWN : CONTROL);
    }
}

/* Letters behind what stands at [begin, n), and behind what that makes, up to `most` tokens. */
static void grow(vocab *v, size_t begin, size_t most) {
    for (size_t i = begin; v->n < most; i++) {
        for (char c = 'a'; c <= 'z' && v->n < most; c++) {
            str letter = {&c, 1};
            v->merge[v->merges++] =
                arena_printf(v->a, STR_FMT " " STR_FMT, STR_ARG(v->token[i]), STR_ARG(letter));
            add(v, arena_printf(v->a, STR_FMT STR_FMT, STR_ARG(v->token[i]), STR_ARG(letter)),
                NORMAL);
        }
    }
}

static void fill_bpe(vocab *v, const char *special) {
    size_t most = v->most - count_words(special);
    /* Pieces grow out of the letters and the space, which stand last among the bytes. */
    for (int i = 0; i < 256; i++) {
        if (i != ' ' && (i < 'a' || i > 'z')) add(v, tiny_byte_name(v->a, i), NORMAL);
    }
    size_t begin = v->n;
    add(v, tiny_byte_name(v->a, ' '), NORMAL);
    for (int i = 'a'; i <= 'z'; i++) add(v, tiny_byte_name(v->a, i), NORMAL);
    grow(v, begin, most);
    add_special(v, special);
}

static void fill_spm(vocab *v, const char *special) {
    add_special(v, special);
    for (int i = 0; i < 256; i++) add(v, arena_printf(v->a, "<0x%02X>", (unsigned)i), BYTE);
    for (char c = '!'; c <= '~'; c++) {
        if (c < 'a' || c > 'z') add(v, arena_str(v->a, (str){&c, 1}), NORMAL);
    }
    size_t begin = v->n;
    add(v, STR("\u2581"), NORMAL);
    for (char c = 'a'; c <= 'z'; c++) add(v, arena_str(v->a, (str){&c, 1}), NORMAL);
    grow(v, begin, v->most);
}

static void fill_wordpiece(vocab *v, const char *special) {
    add_special(v, special);
    for (char c = '!'; c <= '`'; c++) {
        if (c < 'A' || c > 'Z') add(v, arena_printf(v->a, "\u2581%c", c), NORMAL);
    }
    for (char c = '0'; c <= '9'; c++) add(v, arena_str(v->a, (str){&c, 1}), NORMAL);
    size_t begin = v->n;
    for (char c = 'a'; c <= 'z'; c++) add(v, arena_printf(v->a, "\u2581%c", c), NORMAL);
    for (char c = 'a'; c <= 'z'; c++) add(v, arena_str(v->a, (str){&c, 1}), NORMAL);
    grow(v, begin, v->most);
}

void random_vocab_put(engine_gguf_writer *w, vocab_kind kind, const char *pre, const char *special,
                      size_t size) {
    static const char *const models[] = {"gpt2", "llama", "bert"};
    vocab v = {.a = arena_new(), .most = size};
    v.token = mem_new(size, sizeof *v.token);
    v.merge = mem_new(size, sizeof *v.merge);
    v.type = mem_new(size, sizeof *v.type);
    v.score = mem_new(size, sizeof *v.score);
    if (kind == VOCAB_BPE) fill_bpe(&v, special);
    if (kind == VOCAB_SPM) fill_spm(&v, special);
    if (kind == VOCAB_WORDPIECE) fill_wordpiece(&v, special);
    assert(v.n == size);
    engine_gguf_put_str(w, "tokenizer.ggml.model", str_of(models[kind]));
    engine_gguf_put_str(w, "tokenizer.ggml.pre", str_of(pre));
    engine_gguf_put_strs(w, "tokenizer.ggml.tokens", v.token, v.n);
    engine_gguf_put_i32s(w, "tokenizer.ggml.token_type", v.type, v.n);
    if (kind == VOCAB_BPE) engine_gguf_put_strs(w, "tokenizer.ggml.merges", v.merge, v.merges);
    if (kind == VOCAB_SPM) engine_gguf_put_f32s(w, "tokenizer.ggml.scores", v.score, v.n);
    mem_free(v.token);
    mem_free(v.merge);
    mem_free(v.type);
    mem_free(v.score);
    arena_free(v.a);
}

uint32_t random_vocab_id(vocab_kind kind, const char *special, size_t size, const char *token) {
    size_t n = count_words(special);
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(word_at(special, i), str_of(token))) continue;
        return (uint32_t)(kind == VOCAB_BPE ? size - n + i : i);
    }
    assert(!"not a special token");
    return 0;
}
