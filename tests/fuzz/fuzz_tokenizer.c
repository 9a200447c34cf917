/* Fuzz target: the tokenizers. The first byte chooses the vocabulary and the flags, the rest is the
 * text. Checked for every input: tokens are known, their offsets in range and in order; those of
 * SentencePiece and BPE follow each other without a gap and give back the text byte for byte;
 * those of Unigram too, but for parts that its character map makes nothing of; those of
 * WordPiece are words that begin and end where a character does. With the highest bit
 * set, the rest is a model file instead, whose vocabulary may lie as it likes.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "tests/support/tiny_vocab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { AS_FILE = 0x80, FLAGS_SHIFT = 5, FLAGS_MASK = 3, CONTINUES = 0x10, KIND_MASK = 0x0F };

static const char *const pres[] = {"gpt-2",  "llama-bpe", "qwen2",  "qwen35",  "smollm",
                                   "tekken", "gpt-4o",    "falcon", "default", "deepseek-coder"};

enum { PRES = sizeof pres / sizeof *pres, SPM = PRES, WORDPIECE, UNIGRAM, UNIGRAM_MAP, KINDS };

static engine_tokenizer *tokenizers[KINDS];

static engine_tokenizer *made(text file) {
    error err = {0};
    engine_gguf *g = NULL;
    engine_tokenizer *t = NULL;
    if (!engine_gguf_open_memory(file.p, file.n, &g, &err) || !engine_tokenizer_new(g, &t, &err))
        abort();
    engine_gguf_close(g);
    text_free(&file);
    return t;
}

static void make_all(void) {
    for (int i = 0; i < PRES; i++) tokenizers[i] = made(tiny_bpe(pres[i]));
    tokenizers[SPM] = made(tiny_spm());
    tokenizers[WORDPIECE] = made(tiny_wordpiece());
    tokenizers[UNIGRAM] = made(tiny_unigram(TINY_BYTES | TINY_PREFIX));
    tokenizers[UNIGRAM_MAP] = made(tiny_unigram(TINY_MAP | TINY_MERGE_SPACES));
}

static void expect(bool holds) {
    if (!holds) abort();
}

/* Whether a character begins at `at`, or s ends there. */
static bool is_boundary(str s, size_t at) {
    size_t used, i = at > 4 ? at - 4 : 0;
    while (i > 0 && (s.p[i] & 0xC0) == 0x80 && at - i < 8) i--;
    for (; i < at; i += used) utf8_next(s.p + i, s.n - i, &used);
    return i == at;
}

/* U+2581 in a text is a space to SentencePiece. */
static str marks_as_spaces(str s, arena *a) {
    text out = {0};
    for (size_t i = 0; i < s.n;) {
        bool mark = str_starts(str_cut(s, i, s.n), STR("\u2581"));
        text_put(&out, mark ? STR(" ") : str_cut(s, i, i + 1));
        i += mark ? 3 : 1;
    }
    str copy = arena_str(a, text_str(&out));
    text_free(&out);
    return copy;
}

static void check_gapless(const engine_tokenizer *t, str s, str want, const engine_token *got,
                          size_t n) {
    text back = {0};
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        expect(got[i].begin == at);
        at = got[i].end;
        if (got[i].begin < got[i].end) /* not one that was added */
            engine_token_put(t, got[i].id, true, &back);
    }
    expect(at == s.n);
    expect(str_eq(text_str(&back), want));
    text_free(&back);
}

/* Nothing is left out but parts that become nothing: between two gaps stands a written token. */
static void check_covers(str s, const engine_token *got, size_t n) {
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        expect(got[i].begin >= at);
        expect(got[i].begin == at || got[i].begin == s.n || s.p[got[i].begin] == '<');
        at = got[i].end;
    }
}

static void check_words(str s, const engine_token *got, size_t n) {
    bool valid = utf8_valid(s);
    for (size_t i = 0; i < n; i++) {
        bool same = i && got[i].begin == got[i - 1].begin && got[i].end == got[i - 1].end;
        expect(i == 0 || same || got[i].begin >= got[i - 1].end);
        expect(!valid || (is_boundary(s, got[i].begin) && is_boundary(s, got[i].end)));
    }
}

static void run(const engine_tokenizer *t, str s, int flags, size_t kind) {
    arena *a = arena_new();
    engine_token *got;
    size_t n;
    engine_tokenize(t, s, flags, a, &got, &n);
    for (size_t i = 0; i < n; i++) {
        expect(got[i].id >= 0 && (size_t)got[i].id < engine_vocab_size(t));
        expect(got[i].begin <= got[i].end && got[i].end <= s.n);
        expect((flags & ENGINE_PARSE_SPECIAL) || got[i].begin == got[i].end || kind >= KINDS ||
               !engine_token_is_control(t, got[i].id) ||
               got[i].id == engine_token_special(t, ENGINE_UNK));
    }
    if (kind <= SPM)
        check_gapless(t, s, kind == SPM ? marks_as_spaces(s, a) : s, got, n);
    else if (kind == WORDPIECE)
        check_words(s, got, n);
    else if (kind < KINDS)
        check_covers(s, got, n);
    arena_free(a);
}

/* A vocabulary from nowhere: it is refused with a sentence, or tokenizes within bounds. */
static void run_file(const uint8_t *data, size_t size) {
    static const str texts[] = {
        STR("The caf\u00E9's 12,345 doses\r\n\n  \u4E16\u754C\u2581 <s> <|end|> [CLS] \xFF"),
        STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        {NULL, 0}};
    engine_gguf *g = NULL;
    engine_tokenizer *t = NULL;
    error err = {0};
    text back = {0};
    if (!engine_gguf_open_memory(data, size, &g, &err)) {
        expect(err.text[0] != '\0');
        return;
    }
    if (engine_tokenizer_new(g, &t, &err)) {
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            for (int flags = 0; flags <= FLAGS_MASK; flags++) run(t, texts[i], flags, KINDS);
        for (size_t id = 0; id < engine_vocab_size(t); id++)
            engine_token_put(t, (int32_t)id, true, &back);
    } else {
        expect(err.code == ERROR_MODEL && err.text[0] != '\0');
    }
    text_free(&back);
    engine_tokenizer_free(t);
    engine_gguf_close(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    if (data[0] & AS_FILE) {
        uint8_t *aligned = malloc(size > 1 ? size - 1 : 1); /* as a mapping would be */
        expect(aligned != NULL);
        memcpy(aligned, data + 1, size - 1);
        run_file(aligned, size - 1);
        free(aligned);
        return 0;
    }
    if (!tokenizers[0]) make_all();
    size_t kind = (data[0] & KIND_MASK) % KINDS;
    int flags =
        (data[0] >> FLAGS_SHIFT & FLAGS_MASK) | (data[0] & CONTINUES ? ENGINE_CONTINUES : 0);
    run(tokenizers[kind], (str){(const char *)data + 1, size - 1}, flags, kind);
    return 0;
}
