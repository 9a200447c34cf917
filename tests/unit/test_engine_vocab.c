/* Tokenizers on vocabularies made here: what parity cannot show, or only where ../shared is. Each
 * feature of a file is switched on and off, and the tokens must change; source offsets, end tokens,
 * refusals, hostile vocabularies and character maps, time on one very long word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "tests/fixtures/gguf_fixture.h"
#include "tests/support/tiny_vocab.h"

static engine_tokenizer *made(text file) {
    error err = {0};
    engine_gguf *g = NULL;
    engine_tokenizer *t = NULL;
    if (!engine_gguf_open_memory(file.p, file.n, &g, &err) || !engine_tokenizer_new(g, &t, &err))
        fail_msg("%s", err.text);
    engine_gguf_close(g);
    text_free(&file); /* the tokenizer has copied what it needs */
    return t;
}

/* The tokens of s as "text[begin,end) ...". */
static const char *shown(const engine_tokenizer *t, const char *s, int flags, arena *a) {
    engine_token *got;
    size_t n;
    text out = {0};
    engine_tokenize(t, str_of(s), flags, a, &got, &n);
    for (size_t i = 0; i < n; i++) {
        if (i) text_put_char(&out, '|');
        engine_token_put(t, got[i].id, true, &out);
        text_printf(&out, "[%u,%u)", got[i].begin, got[i].end);
    }
    const char *copy = arena_cstr(a, text_str(&out));
    text_free(&out);
    return copy;
}

static void test_wordpiece_offsets(void **state) {
    (void)state;
    arena *a = arena_new();
    engine_tokenizer *t = made(tiny_wordpiece());
    /* accents: one code point, or a letter and a mark; the word keeps all of its bytes */
    assert_string_equal(shown(t, "Le CAF\u00C9, cafe\u0301!", 0, a),
                        " l[0,2)|e[0,2)| cafe[3,8)| ,[8,9)| cafe[10,16)| ![16,17)");
    /* a soft hyphen and a zero width joiner vanish inside a word and belong to it */
    assert_string_equal(shown(t, "do\u00ADse \u200Dthe\u200D", 0, a), " dose[0,6)| the[10,13)");
    assert_string_equal(shown(t, "\u4E16\u754Cthe", 0, a), " \u4E16[0,3)| \u754C[3,6)| the[6,9)");
    /* a word that cannot be cut is unknown as a whole */
    assert_string_equal(shown(t, "the doxy the", 0, a), " the[0,3)|[UNK][4,8)| the[9,12)");
    /* but raised and lowered digits are plain ones where they are not known: 10⁵ is not 105 */
    assert_string_equal(shown(t, "co\u2082 m\u00B2", 0, a), " c[0,5)|o[0,5)|2[0,5)| m[6,9)|2[6,9)");
    assert_string_equal(shown(t, "10\u2075", 0, a), " 1[0,5)|0[0,5)| 5[0,5)");
    assert_string_equal(shown(t, "10\u207B\u00B3", 0, a), " 1[0,7)|0[0,7)| -[0,7)| 3[0,7)");
    assert_string_equal(shown(t, "doxy\u00B2", 0, a), "[UNK][0,6)");
    assert_string_equal(shown(t, "Stra\u00DFe \u1E9E", 0, a),
                        " s[0,7)|t[0,7)|r[0,7)|a[0,7)|\u00DF[0,7)|e[0,7)| \u00DF[8,11)");
    /* what a document spells is never a control token; the caller's template may */
    assert_string_equal(shown(t, "a[SEP]", 0, a), " a[0,1)| [[1,2)| s[2,5)|e[2,5)|p[2,5)| ][5,6)");
    assert_string_equal(shown(t, "a[SEP]", ENGINE_PARSE_SPECIAL, a), " a[0,1)|[SEP][1,6)");
    assert_string_equal(shown(t, "a", ENGINE_ADD_SPECIAL, a), "[CLS][0,0)| a[0,1)|[SEP][1,1)");
    assert_string_equal(shown(t, "", 0, a), "");
    assert_string_equal(shown(t, " \n\t\x01\xFF", 0, a), "");
    /* ill-formed bytes vanish, the letters around them stay */
    assert_string_equal(shown(t,
                              "do\xFF"
                              "se",
                              0, a),
                        " dose[0,5)");
    assert_int_equal(engine_token_find(t, STR("[CLS]")), engine_token_special(t, ENGINE_CLS));
    assert_int_equal(engine_token_special(t, ENGINE_PAD), 0);
    assert_int_equal(engine_token_find(t, STR("nowhere")), -1);
    engine_tokenizer_free(t);
    arena_free(a);
}

static void test_spm(void **state) {
    (void)state;
    arena *a = arena_new();
    engine_tokenizer *t = made(tiny_spm());
    assert_string_equal(shown(t, "a the dose", 0, a), "a[0,1)| the[1,5)| dose[5,10)");
    assert_string_equal(shown(t, "caf\u00E9\u0416", 0, a), "caf\u00E9[0,5)|\xD0[5,6)|\x96[6,7)");
    assert_string_equal(shown(t, "</s><tag>x", 0, a),
                        "<[0,1)|/[1,2)|s[2,3)|>[3,4)|<tag>[4,9)|x[9,10)");
    assert_string_equal(shown(t, "x</s>", ENGINE_PARSE_SPECIAL | ENGINE_ADD_SPECIAL, a),
                        "<s>[0,0)|x[0,1)|</s>[1,5)");
    assert_true(engine_token_is_end(t, engine_token_find(t, STR("</s>"))));
    assert_true(engine_token_is_control(t, engine_token_special(t, ENGINE_BOS)));
    assert_false(engine_token_is_control(t, engine_token_find(t, STR("<tag>"))));
    assert_false(engine_token_is_end(t, -1));
    engine_tokenizer_free(t);
    arena_free(a);
}

static void test_bpe(void **state) {
    (void)state;
    arena *a = arena_new();
    engine_tokenizer *t = made(tiny_bpe("gpt-2"));
    assert_string_equal(shown(t, "the the dose's", 0, a),
                        "t[0,1)|he[1,3)| the[3,7)| dose[7,12)|'s[12,14)");
    assert_string_equal(shown(t, "\u00E9<|im_end|><think>12", 0, a),
                        "\u00E9[0,2)|<[2,3)||[3,4)|i[4,5)|m[5,6)|_[6,7)|e[7,8)|n[8,9)|d[9,10)"
                        "||[10,11)|>[11,12)|<think>[12,19)|12[19,21)");
    assert_string_equal(shown(t, "a<|im_end|>", ENGINE_PARSE_SPECIAL, a),
                        "a[0,1)|<|im_end|>[1,11)");
    /* gpt-2 keeps letters of any case together, so the second byte of "\u00C0" merges with B */
    assert_string_equal(shown(t, "\u00C0BC", 0, a), "\xC3[0,1)|\x80\x42[1,3)|C[3,4)");
    assert_true(engine_token_is_end(t, engine_token_find(t, STR("<|im_end|>"))));
    engine_tokenizer_free(t);
    /* tekken ends a word at the last letter that can be a small one */
    t = made(tiny_bpe("tekken"));
    assert_string_equal(shown(t, "\u00C0BC", 0, a), "\xC3[0,1)|\x80[1,2)|BC[2,4)");
    engine_tokenizer_free(t);
    t = made(tiny_bpe("smollm"));
    assert_string_equal(shown(t, "123", 0, a), "1[0,1)|2[1,2)|3[2,3)");
    engine_tokenizer_free(t);
    arena_free(a);
}

static void test_text_comes_back(void **state) {
    static const char *const pres[] = {
        "olmo",        "llama-v3",         "falcon3",   "dbrx",    "stablelm2",
        "refact",      "command-r",        "llama4",    "gpt-2",   "phi-2",
        "roberta-bpe", "jina-v1-en",       "llama-bpe", "llama3",  "smaug-bpe",
        "qwen2",       "deepseek-r1-qwen", "qwen35",    "smollm",  "starcoder",
        "tekken",      "gpt-4o",           "falcon",    "default", "deepseek-coder"};
    enum { PRES = sizeof pres / sizeof *pres };
    static const str source = STR("The caf\u00E9's 12,345 doses\r\n\n  \u4E16\u754C\u00A0\u0301 "
                                  "X\u0300 <think> \xFF\xC3 \xE2\x96 \0 end \t ");
    (void)state;
    for (int i = 0; i <= PRES; i++) {
        arena *a = arena_new();
        engine_tokenizer *t = made(i < PRES ? tiny_bpe(pres[i]) : tiny_spm());
        for (size_t n = 0; n <= source.n; n++) {
            engine_token *got;
            size_t count, at = 0;
            text back = {0};
            engine_tokenize(t, str_cut(source, 0, n), 0, a, &got, &count);
            for (size_t k = 0; k < count; k++) {
                engine_token_put(t, got[k].id, false, &back);
                assert_int_equal(got[k].begin, at);
                at = got[k].end;
            }
            assert_int_equal(at, n);
            assert_true(str_eq(text_str(&back), str_cut(source, 0, n)));
            text_free(&back);
        }
        engine_tokenizer_free(t);
        arena_free(a);
    }
}

/* One word of a megabyte: quadratic merging would take hours. */
static void test_long_word(void **state) {
    enum { BYTES = 1 << 20, MOST_MS = 60000 };
    static const char *const units[] = {"a", "ab1", "\u00E9", " ", "\n ", "A", "'", "\u0301"};
    (void)state;
    for (int kind = 0; kind < 7; kind++) {
        static const char *const pres[] = {"gpt-2", "default", "llama-bpe", "gpt-4o"};
        engine_tokenizer *t =
            made(kind < 4    ? tiny_bpe(pres[kind])
                 : kind == 4 ? tiny_spm()
                 : kind == 5 ? tiny_unigram(TINY_PREFIX | TINY_MERGE_SPACES | TINY_MAP)
                             : tiny_wordpiece());
        for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
            arena *a = arena_new();
            text s = {0};
            engine_token *got;
            size_t n;
            while (s.n < BYTES) text_put(&s, str_of(units[u]));
            double from = clock_ms();
            engine_tokenize(t, text_str(&s), 0, a, &got, &n);
            assert_true(clock_ms() - from < MOST_MS);
            assert_true(n <= s.n + 1); /* the space in front */
            text_free(&s);
            arena_free(a);
        }
        engine_tokenizer_free(t);
    }
}

/* ---- features of a file, on and off -------------------------------------------------------- */

/* The key gets this value, whether it was there or not. */
static void set_bool(text *file, const char *key, bool value) {
    engine_gguf *g;
    error err = {0};
    engine_gguf_writer *w = engine_gguf_writer_new();
    assert_true(engine_gguf_open_memory(file->p, file->n, &g, &err));
    engine_gguf_put_bool(w, key, value);
    engine_gguf_copy(w, g);
    engine_gguf_close(g);
    text_free(file);
    *file = fixture_file(w);
}

/* What s becomes with the key set to false and to true. */
static void flip(text (*make)(void), const char *key, const char *s, int flags, const char *off,
                 const char *on) {
    arena *a = arena_new();
    for (int value = 0; value < 2; value++) {
        text file = make();
        set_bool(&file, key, value);
        engine_tokenizer *t = made(file);
        assert_string_equal(shown(t, s, flags, a), value ? on : off);
        engine_tokenizer_free(t);
    }
    arena_free(a);
}

static text bpe_qwen2(void) {
    return tiny_bpe("qwen2");
}

static text unigram_plain(void) {
    return tiny_unigram(0);
}

static void test_features(void **state) {
    (void)state;
    /* gemma3's file switches the prefix off, Qwen3-Embedding's the end token on */
    flip(tiny_spm, "tokenizer.ggml.add_space_prefix", "the", 0, "t[0,1)|he[1,3)", " the[0,3)");
    flip(tiny_spm, "tokenizer.ggml.add_bos_token", "x", ENGINE_ADD_SPECIAL, "x[0,1)",
         "<s>[0,0)|x[0,1)");
    flip(bpe_qwen2, "tokenizer.ggml.add_eos_token", "the", ENGINE_ADD_SPECIAL, "t[0,1)|he[1,3)",
         "t[0,1)|he[1,3)|<|im_end|>[3,3)");
    flip(unigram_plain, "tokenizer.ggml.add_space_prefix", "the", 0, "the[0,3)", " the[0,3)");
    flip(unigram_plain, "tokenizer.ggml.remove_extra_whitespaces", " 1  2 ", 0,
         " [0,1)|1[1,2)|  [2,4)|2[4,5)| [5,6)", "1[0,2)| [2,4)|2[4,6)");
    flip(unigram_plain, "tokenizer.ggml.add_eos_token", "1", ENGINE_ADD_SPECIAL, "<s>[0,0)|1[0,1)",
         "<s>[0,0)|1[0,1)|</s>[1,1)");
}

/* A word that is in the vocabulary though no merges make it: Llama 3 takes it whole, and SmolLM3,
 * which splits alike, does not. */
static void test_ignore_merges(void **state) {
    (void)state;
    arena *a = arena_new();
    engine_tokenizer *t = made(tiny_bpe("llama-bpe"));
    assert_string_equal(shown(t, "whole", 0, a), "whole[0,5)");
    engine_tokenizer_free(t);
    t = made(tiny_bpe("smaug-bpe"));
    assert_string_equal(shown(t, "whole", 0, a), "w[0,1)|h[1,2)|o[2,3)|l[3,4)|e[4,5)");
    engine_tokenizer_free(t);
    arena_free(a);
}

static void test_continues(void **state) {
    (void)state;
    arena *a = arena_new();
    text file = tiny_spm();
    set_bool(&file, "tokenizer.ggml.add_space_prefix", true);
    engine_tokenizer *t = made(file);
    assert_string_equal(shown(t, "the<tag>the", 0, a), " the[0,3)|<tag>[3,8)| the[8,11)");
    assert_string_equal(shown(t, "the<tag>the", ENGINE_CONTINUES, a),
                        "t[0,1)|he[1,3)|<tag>[3,8)| the[8,11)");
    engine_tokenizer_free(t);
    t = made(tiny_unigram(TINY_PREFIX | TINY_MERGE_SPACES));
    assert_string_equal(shown(t, "the", ENGINE_CONTINUES, a), "the[0,3)");
    assert_string_equal(shown(t, "  the", ENGINE_CONTINUES, a), " the[0,5)");
    engine_tokenizer_free(t);
    arena_free(a);
}

/* ---- Unigram ------------------------------------------------------------------------------ */

static void test_unigram(void **state) {
    (void)state;
    arena *a = arena_new();
    engine_tokenizer *t = made(tiny_unigram(TINY_PREFIX | TINY_MERGE_SPACES));
    assert_string_equal(shown(t, "the  dose", ENGINE_ADD_SPECIAL, a),
                        "<s>[0,0)| the[0,3)| dose[3,9)|</s>[9,9)");
    assert_string_equal(shown(t, "  fine ", 0, a), " [0,2)|fine[2,7)");
    assert_string_equal(shown(t, "   ", 0, a), "");
    /* characters that no piece covers are one unknown token together */
    assert_string_equal(shown(t, "a\u0416\u0416b", 0, a), " [0,0)|a[0,1)|<unk>[1,5)|b[5,6)");
    /* a control token is not what a text spells, a user-defined one is */
    assert_string_equal(shown(t, "</s>", 0, a), " [0,0)|<[0,1)|/[1,2)|s[2,3)|>[3,4)");
    assert_string_equal(shown(t, "</s>", ENGINE_PARSE_SPECIAL, a), "</s>[0,4)");
    assert_string_equal(shown(t, "1<mask>2", 0, a), " [0,0)|1[0,1)|<mask>[1,7)| [7,7)|2[7,8)");
    assert_int_equal(engine_token_find(t, STR("fine")), 11);
    engine_tokenizer_free(t);

    t = made(tiny_unigram(TINY_BYTES));
    assert_string_equal(shown(t, "a\u0416b", 0, a), "a[0,1)|\xD0[1,1)|\x96[1,3)|b[3,4)");
    engine_tokenizer_free(t);
    arena_free(a);
}

static void test_charsmap(void **state) {
    (void)state;
    arena *a = arena_new();
    engine_tokenizer *t = made(tiny_unigram(TINY_MERGE_SPACES | TINY_MAP));
    assert_string_equal(shown(t, "\uFB01ne", 0, a), "fine[0,5)");
    assert_string_equal(shown(t, "\uFB01", 0, a), "fi[0,3)");
    assert_string_equal(shown(t, "cafe\u0301", 0, a), "caf[0,3)|\u00E9[3,6)");
    assert_string_equal(shown(t, "\uFF21\u3000\t\nA", 0, a), "A[0,3)| [3,8)|A[8,9)");
    /* the longest entry counts; what becomes nothing is gone */
    assert_string_equal(shown(t, "\u2460\u2461", 0, a), "12[0,6)");
    assert_string_equal(shown(t, "\u2460x", 0, a), "1[0,3)|x[3,4)");
    assert_string_equal(shown(t, "do\u200Bse", 0, a), "do[0,5)|se[5,7)");
    assert_string_equal(shown(t, "\u200B", 0, a), "");
    assert_string_equal(shown(t, "x\u00A8x", 0, a), "x[0,1)| [1,1)|<unk>[1,3)|x[3,4)");
    engine_tokenizer_free(t);
    /* and without the map they are other tokens */
    t = made(tiny_unigram(TINY_MERGE_SPACES));
    assert_string_equal(shown(t, "\uFB01ne", 0, a), "<unk>[0,3)|ne[3,5)");
    assert_string_equal(shown(t, "cafe\u0301", 0, a), "caf[0,3)|e[3,4)|<unk>[4,6)");
    engine_tokenizer_free(t);
    arena_free(a);
}

static text unigram_of(const str *tokens, const int32_t *types, const float *scores, size_t n,
                       str map) {
    engine_gguf_writer *b = engine_gguf_writer_new();
    engine_gguf_put_str(b, "tokenizer.ggml.model", STR("t5"));
    engine_gguf_put_strs(b, "tokenizer.ggml.tokens", tokens, n);
    engine_gguf_put_i32s(b, "tokenizer.ggml.token_type", types, n);
    engine_gguf_put_f32s(b, "tokenizer.ggml.scores", scores, n);
    if (map.n) engine_gguf_put_u8s(b, "tokenizer.ggml.precompiled_charsmap", map);
    return fixture_file(b);
}

/* The tokenizer of the file, or NULL with what it says. */
static engine_tokenizer *tried(text *file, error *err) {
    engine_gguf *g = NULL;
    engine_tokenizer *t = NULL;
    *err = (error){0};
    if (!engine_gguf_open_memory(file->p, file->n, &g, err)) fail_msg("%s", err->text);
    if (!engine_tokenizer_new(g, &t, err)) t = NULL;
    engine_gguf_close(g);
    text_free(file);
    return t;
}

static void refused(text file, const char *says) {
    error err;
    engine_tokenizer *t = tried(&file, &err);
    if (t) fail_msg("taken, though it should be refused with \"%s\"", says);
    assert_int_equal(err.code, ERROR_MODEL);
    if (!strstr(err.text, says)) fail_msg("\"%s\" does not say %s", err.text, says);
}

static void test_damaged_map(void **state) {
    static const str tokens[] = {STR("<unk>"), STR("a"), STR("b")};
    static const int32_t types[] = {2, 1, 1};
    static const float scores[] = {0, -1, -2};
    static const tiny_mapping pair = {STR("ab"), STR("b")};
    (void)state;
    text map = tiny_charsmap(&pair, 1);
    uint32_t trie;
    memcpy(&trie, map.p, sizeof trie);
#define OF(m) unigram_of(tokens, types, scores, 3, m)
    refused(OF(str_cut(text_str(&map), 0, 3)), "its trie has 0 of 3");
    refused(OF(str_cut(text_str(&map), 0, map.n - 200)), "says that its trie has");
    refused(OF(str_cut(text_str(&map), 0, trie + 4)), "no end");
    refused(OF(str_cut(text_str(&map), 0, map.n - 1)), "no end");
    text long_one = {0};
    text_put(&long_one, str_cut(text_str(&map), 0, trie + 4));
    for (int i = 0; i < 256; i++) text_put_char(&long_one, 'x');
    text_put_char(&long_one, 0);
    refused(OF(text_str(&long_one)), "a replacement of 256 bytes");
    text_free(&long_one);
    /* Each byte of the trie changed: it is refused, or tokenizes within bounds. */
    for (size_t at = 0; at < trie + 4; at++) {
        if (at >= 4 && !map.p[at]) continue; /* the unused units */
        for (int bit = 0; bit < 8; bit++) {
            error err;
            map.p[at] = (char)(map.p[at] ^ 1 << bit);
            text file = OF(text_str(&map));
            map.p[at] = (char)(map.p[at] ^ 1 << bit);
            engine_tokenizer *t = tried(&file, &err);
            if (!t) continue;
            arena *a = arena_new();
            shown(t, "abcabab\xFF", 0, a);
            arena_free(a);
            engine_tokenizer_free(t);
        }
    }
#undef OF
    text_free(&map);
}

/* ---- end tokens --------------------------------------------------------------------------- */

static void test_ends(void **state) {
    static const str tokens[] = {STR("a"),
                                 STR("<|eot_id|>"),
                                 STR("<|eom_id|>"),
                                 STR("<|im_end|>"),
                                 STR("<|end|>"),
                                 STR("<end_of_turn>"),
                                 STR("<|endoftext|>"),
                                 STR("<|end_of_text|>"),
                                 STR("</s>"),
                                 STR("<\uFF5Cend\u2581of\u2581sentence\uFF5C>"),
                                 STR("<turn>"),
                                 STR("<message>"),
                                 STR("<finish>"),
                                 STR("<|im_start|>"),
                                 STR("<think>"),
                                 STR("</think>")};
    enum { N = sizeof tokens / sizeof *tokens, NAMED = 9, BY_ID = 3 };
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id"};
    (void)state;
    for (int by_id = 0; by_id < 2; by_id++) {
        engine_gguf_writer *b = engine_gguf_writer_new();
        float scores[N] = {0};
        int32_t types[N];
        for (size_t i = 0; i < N; i++) types[i] = 1; /* what a careless converter writes */
        engine_gguf_put_str(b, "tokenizer.ggml.model", STR("llama"));
        engine_gguf_put_strs(b, "tokenizer.ggml.tokens", tokens, N);
        engine_gguf_put_i32s(b, "tokenizer.ggml.token_type", types, N);
        engine_gguf_put_f32s(b, "tokenizer.ggml.scores", scores, N);
        for (uint32_t k = 0; by_id && k < BY_ID; k++)
            engine_gguf_put_u32(b, keys[k], NAMED + 1 + k);
        engine_tokenizer *t = made(fixture_file(b));
        for (int32_t i = 0; i < N; i++) {
            bool want = i > 0 && i <= NAMED + (by_id ? BY_ID : 0);
            assert_int_equal(engine_token_is_end(t, i), want);
        }
        /* a text that spells one does not become it */
        arena *a = arena_new();
        engine_token *got;
        size_t n;
        engine_tokenize(t, STR("<|im_end|>"), 0, a, &got, &n);
        for (size_t i = 0; i < n; i++) assert_false(engine_token_is_end(t, got[i].id));
        arena_free(a);
        engine_tokenizer_free(t);
    }
}

/* ---- vocabularies that do not fit ---------------------------------------------------------- */

static void test_misfits(void **state) {
    static const str twice[] = {STR("<unk>"), STR("a"), STR("a")},
                     words[] = {STR("<unk>"), STR("a")};
    static const int32_t types[] = {2, 1, 1};
    static const float scores[] = {0, -1, -2}, none[] = {0, 0.0f / 0.0f};
    static const char *const models[] = {"llama", "gpt2", "t5"};
    (void)state;
    for (size_t m = 0; m < 3; m++) {
        engine_gguf_writer *b = engine_gguf_writer_new();
        engine_gguf_put_str(b, "tokenizer.ggml.model", str_of(models[m]));
        engine_gguf_put_str(b, "tokenizer.ggml.pre", STR("gpt-2"));
        engine_gguf_put_strs(b, "tokenizer.ggml.tokens", twice, 3);
        engine_gguf_put_i32s(b, "tokenizer.ggml.token_type", types, 3);
        engine_gguf_put_f32s(b, "tokenizer.ggml.scores", scores, 3);
        refused(fixture_file(b), "token 2 of the vocabulary, \"a\", is there twice");
    }
    refused(unigram_of(words, types, none, 2, (str){0}), "score of token 1");
    refused(unigram_of(words, types + 1, scores, 2, (str){0}), "no unknown token");
    engine_gguf_writer *b = engine_gguf_writer_new();
    engine_gguf_put_str(b, "tokenizer.ggml.model", STR("t5"));
    engine_gguf_put_strs(b, "tokenizer.ggml.tokens", words, 2);
    engine_gguf_put_f32s(b, "tokenizer.ggml.scores", scores, 3);
    refused(fixture_file(b), "scores has 3 entries for 2 tokens");
    b = engine_gguf_writer_new();
    engine_gguf_put_str(b, "tokenizer.ggml.model", STR("gpt2"));
    engine_gguf_put_strs(b, "tokenizer.ggml.tokens", words, 2);
    refused(fixture_file(b), "no merges");
}

/* ---- files that are refused --------------------------------------------------------------- */

typedef struct {
    const char *model, *pre, *merge, *key;
    uint32_t id;
    size_t tokens, types;
    int32_t type;
    const char *says;
} refusal;

static void test_refused(void **state) {
    static const refusal table[] = {
        {"rwkv", NULL, NULL, NULL, 0, 2, 2, 1, "\"rwkv\""},
        {"gpt2", "martian", NULL, NULL, 0, 2, 2, 1, "\"martian\""},
        {"gpt2", "gpt-2", "one", NULL, 0, 2, 2, 1, "merge 0"},
        {"gpt2", "gpt-2", "a \u4E16", NULL, 0, 2, 2, 1, "merge 0"},
        {"gpt2", "gpt-2", " a", NULL, 0, 2, 2, 1, "merge 0"},
        {"gpt2", "gpt-2", "a ", NULL, 0, 2, 2, 1, "merge 0"},
        {"gpt2", "gpt-2", NULL, "tokenizer.ggml.bos_token_id", 2, 2, 2, 1, "bos_token_id is 2"},
        {"gpt2", "gpt-2", NULL, "tokenizer.ggml.eot_token_id", 9, 2, 2, 1, "eot_token_id is 9"},
        {"gpt2", "gpt-2", NULL, NULL, 0, 0, 0, 1, "0 entries"},
        {"gpt2", "gpt-2", NULL, NULL, 0, 2, 1, 1, "1 entries for 2 tokens"},
        {"gpt2", "gpt-2", NULL, NULL, 0, 2, 2, 7, "type 7"},
        {"llama", NULL, NULL, NULL, 0, 2, 2, 1, "scores"},
        {"bert", NULL, NULL, NULL, 0, 2, 2, 1, "U+2581"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const refusal *r = &table[i];
        const str tokens[] = {STR("a"), STR("b")};
        int32_t types[] = {r->type, r->type};
        engine_gguf_writer *b = engine_gguf_writer_new();
        engine_gguf_put_str(b, "tokenizer.ggml.model", str_of(r->model));
        engine_gguf_put_strs(b, "tokenizer.ggml.tokens", tokens, r->tokens);
        engine_gguf_put_i32s(b, "tokenizer.ggml.token_type", types, r->types);
        if (r->pre) engine_gguf_put_str(b, "tokenizer.ggml.pre", str_of(r->pre));
        if (r->key) engine_gguf_put_u32(b, r->key, r->id);
        str merge = str_of(r->merge);
        if (r->merge) engine_gguf_put_strs(b, "tokenizer.ggml.merges", &merge, 1);
        text file = fixture_file(b);
        engine_gguf *g;
        engine_tokenizer *t = NULL;
        error err = {0};
        assert_true(engine_gguf_open_memory(file.p, file.n, &g, &err));
        assert_false(engine_tokenizer_new(g, &t, &err));
        assert_int_equal(err.code, ERROR_MODEL);
        if (!strstr(err.text, r->says)) fail_msg("\"%s\" does not say %s", err.text, r->says);
        engine_gguf_close(g);
        text_free(&file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wordpiece_offsets),
        cmocka_unit_test(test_spm),
        cmocka_unit_test(test_bpe),
        cmocka_unit_test(test_features),
        cmocka_unit_test(test_ignore_merges),
        cmocka_unit_test(test_continues),
        cmocka_unit_test(test_unigram),
        cmocka_unit_test(test_charsmap),
        cmocka_unit_test(test_damaged_map),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_misfits),
        cmocka_unit_test(test_text_comes_back),
        cmocka_unit_test(test_long_word),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
