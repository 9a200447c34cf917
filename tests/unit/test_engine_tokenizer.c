/* Tokenizers against the ids that llama.cpp gives (../shared/parity, see its README), and
 * the built-in models' against those of their training program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "engine/engine.h"

#define PARITY "../shared/parity/tokenizers/"
#define EXPECTED "../shared/parity/expected/"
#define CASES 207

/* ---- parity ------------------------------------------------------------------------------- */

static bool read_file(const char *path, text *out) {
    FILE *f = fopen(path, "rb");
    char block[65536];
    size_t n;
    if (!f) return false;
    while ((n = fread(block, 1, sizeof block, f)) > 0) text_put(out, (str){block, n});
    fclose(f);
    return true;
}

static str next_line(str s, size_t *pos) {
    size_t end = str_find(s, STR("\n"), *pos);
    str line = str_cut(s, *pos, end == SIZE_MAX ? s.n : end);
    *pos = end == SIZE_MAX ? s.n : end + 1;
    return line;
}

static void put_hex(text *out, str hex) {
    for (size_t i = 0; i + 1 < hex.n; i += 2) {
        char two[3] = {hex.p[i], hex.p[i + 1], 0};
        text_put_char(out, (char)strtol(two, NULL, 16));
    }
}

typedef struct {
    const char *name;
    engine_tokenizer *t;
    arena *a;
    str cases[CASES];
    bool bpe, bert, prefix, skip[CASES];
    uint8_t seen[CASES]; /* bit i: mode i had a line */
    size_t compared, wrong;
} parity;

static void parity_open(parity *p, const char *name) {
    char path[256];
    error err = {0};
    engine_gguf *g;
    text hex = {0};
    *p = (parity){.name = name,
                  .a = arena_new(),
                  .bpe = strncmp(name, "bpe", 3) == 0 || strcmp(name, "real-gpt-2") == 0,
                  .bert = strcmp(name, "real-bert-bge") == 0};
    p->prefix = !p->bpe && !p->bert && strcmp(name, "unigram-t5-noprefix") != 0;
    snprintf(path, sizeof path, PARITY "%s.gguf", name);
    if (!engine_gguf_open(path, &g, &err) || !engine_tokenizer_new(g, &p->t, &err))
        fail_msg("%s: %s", path, err.text);
    engine_gguf_close(g);
    assert_true(read_file(PARITY "cases.hex", &hex));
    size_t pos = 0;
    for (size_t i = 0; i < CASES; i++) {
        text bytes = {0};
        put_hex(&bytes, next_line(text_str(&hex), &pos));
        p->cases[i] = arena_str(p->a, text_str(&bytes));
        /* What llama.cpp makes of ill-formed UTF-8 is no duty: here BPE keeps the bytes. */
        p->skip[i] = !utf8_valid(p->cases[i]);
        text_free(&bytes);
    }
    assert_int_equal(pos, hex.n);
    text_free(&hex);
}

static void complain(parity *p, str line, const engine_token *got, size_t n) {
    if (p->wrong++ > 5) return;
    print_error("%s: expected " STR_FMT "\n    got", p->name, STR_ARG(str_cut(line, 0, 300)));
    for (size_t i = 0; i < n && i < 40; i++) print_error(" %d", got[i].id);
    print_error("\n");
}

static void check_ids(parity *p, str line) {
    char *at = arena_cstr(p->a, line) + 2;
    long id = strtol(at, &at, 10), mode = strtol(at, &at, 10);
    engine_token *got;
    size_t n, i = 0;
    engine_tokenize(p->t, p->cases[id], (int)mode, p->a, &got, &n);
    p->seen[id] |= (uint8_t)(1u << mode);
    if (p->skip[id]) return;
    bool same = true;
    for (char *end;; at = end, i++) {
        long want = strtol(at, &end, 10);
        if (end == at) break;
        same = same && i < n && got[i].id == want;
    }
    p->compared++;
    if (!same || i != n) complain(p, line, got, n);
}

/* "A missing mode 1 or 2 equals mode 0, a missing mode 3 equals mode 1." */
static void check_missing(parity *p) {
    for (size_t id = 0; id < CASES; id++) {
        engine_token *got, *want;
        size_t n, m;
        for (int mode = 1; mode < 4 && (p->seen[id] & 1) && !p->skip[id]; mode++) {
            if (p->seen[id] & 1u << mode) continue;
            engine_tokenize(p->t, p->cases[id], mode, p->a, &got, &n);
            engine_tokenize(p->t, p->cases[id], mode == 3 ? 1 : 0, p->a, &want, &m);
            p->compared++;
            if (n != m || memcmp(got, want, n * sizeof *got) != 0)
                complain(p, STR("what another mode gives"), got, n);
        }
    }
}

static void without_spaces(text *t) {
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        if (t->p[i] != ' ') t->p[n++] = t->p[i];
    text_cut(t, n);
}

/* llama.cpp's detokeniser does two things to a whole text which engine_token_put, that sees one
 * token, does not: SentencePiece loses the space that was put in front (unless BOS stands there);
 * some vocabularies lose spaces before punctuation (cases 34, 35, 45, 188; WordPiece in many). */
static void check_text(parity *p, str line) {
    char *at = arena_cstr(p->a, line) + 2;
    long id = strtol(at, &at, 10), mode = strtol(at, &at, 10);
    str hex = str_of(at + 1);
    text want = {0}, got = {0};
    engine_token *tokens;
    size_t n;
    if (p->skip[id] || (p->bpe && (id == 34 || id == 35 || id == 45 || id == 188))) return;
    engine_tokenize(p->t, p->cases[id], (int)mode, p->a, &tokens, &n);
    for (size_t i = 0; i < n; i++) engine_token_put(p->t, tokens[i].id, mode == 3, &got);
    if (str_eq(hex, STR("=")))
        text_put(&want, p->cases[id]);
    else if (str_eq(hex, STR("~"))) { /* the text of mode 0, compared on its own line */
        text_free(&got);
        return;
    } else if (!str_eq(hex, STR("-")))
        put_hex(&want, hex);
    if (p->bert) {
        without_spaces(&want);
        without_spaces(&got);
    }
    str have = text_str(&got);
    if (p->prefix && mode == 0 && have.n) have = str_cut(have, 1, have.n);
    p->compared++;
    if (!str_eq(text_str(&want), have)) {
        complain(p, line, tokens, n);
        print_error("    text \"" STR_FMT "\"\n", STR_ARG(str_cut(have, 0, 200)));
    }
    text_free(&want);
    text_free(&got);
}

/* What llama.cpp refuses to answer: any answer is right. */
static void check_survives(parity *p, str line) {
    long id = strtol(arena_cstr(p->a, line) + 2, NULL, 10);
    for (int mode = 0; mode < 4; mode++) {
        engine_token *got;
        size_t n;
        engine_tokenize(p->t, p->cases[id], mode, p->a, &got, &n);
    }
}

static void check_file(parity *p, str line) {
    int vocab, bos, eos, add_bos, add_eos, sep;
    assert_int_equal(sscanf(arena_cstr(p->a, line),
                            "V n_vocab=%d bos=%d eos=%d add_bos=%d add_eos=%d sep=%d", &vocab, &bos,
                            &eos, &add_bos, &add_eos, &sep),
                     6);
    assert_int_equal(engine_vocab_size(p->t), vocab);
    assert_int_equal(engine_token_special(p->t, ENGINE_BOS), bos);
    assert_int_equal(engine_token_special(p->t, ENGINE_EOS), eos);
    assert_int_equal(engine_token_special(p->t, ENGINE_SEP), sep);
    assert_int_equal(engine_token_is_end(p->t, eos), eos >= 0);
}

/* Line i of the golden file: the ids of string i of golden.inp. */
static void check_golden(parity *p) {
    char path[256];
    text in = {0}, out = {0};
    size_t pos = 0, from = 0;
    str mark = STR("\n__ggml_vocab_test__\n");
    snprintf(path, sizeof path, PARITY "%s.golden.out", p->name);
    if (!read_file(path, &out)) return;
    assert_true(read_file(PARITY "golden.inp", &in));
    for (size_t strings = 0; pos < out.n; strings++) {
        str line = next_line(text_str(&out), &pos);
        size_t end = str_find(text_str(&in), mark, from), n, i = 0;
        str s = str_cut(text_str(&in), from, end == SIZE_MAX ? in.n : end);
        from = end == SIZE_MAX ? in.n : end + mark.n;
        engine_token *got;
        engine_tokenize(p->t, s, 0, p->a, &got, &n);
        char *at = arena_cstr(p->a, line), *stop;
        bool same = true;
        for (;; at = stop, i++) {
            long want = strtol(at, &stop, 10);
            if (stop == at) break;
            same = same && i < n && got[i].id == want;
        }
        p->compared++;
        if (!same || i != n) complain(p, line, got, n);
    }
    text_free(&in);
    text_free(&out);
}

static void test_parity(void **state) {
    static const char *const names[] = {
        "real-gpt-2",   "real-llama-spm",     "real-phi-3",           "real-bert-bge",
        "bpe-default",  "bpe-deepseek-coder", "bpe-deepseek-r1-qwen", "bpe-falcon",
        "bpe-gpt-2",    "bpe-gpt-4o",         "bpe-llama-bpe",        "bpe-qwen2",
        "bpe-qwen35",   "bpe-roberta-bpe",    "bpe-smollm",           "bpe-tekken",
        "unigram-xlmr", "unigram-t5-noprefix"};
    (void)state;
    text probe = {0};
    if (!read_file(PARITY "cases.hex", &probe)) {
        printf("SKIP: ../shared is not here\n");
        skip();
    }
    text_free(&probe);
    size_t wrong = 0, compared = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        parity p;
        char path[256];
        text ids = {0};
        parity_open(&p, names[i]);
        snprintf(path, sizeof path, PARITY "%s.ids", names[i]);
        assert_true(read_file(path, &ids));
        for (size_t pos = 0; pos < ids.n;) {
            str line = next_line(text_str(&ids), &pos);
            if (str_starts(line, STR("T ")))
                check_ids(&p, line);
            else if (str_starts(line, STR("D ")))
                check_text(&p, line);
            else if (str_starts(line, STR("X ")))
                check_survives(&p, line);
            else if (str_starts(line, STR("V ")))
                check_file(&p, line);
            else
                fail_msg("%s: a line of no known kind", path);
        }
        check_missing(&p);
        check_golden(&p);
        wrong += p.wrong;
        compared += p.compared;
        if (p.wrong) print_error("%s: %zu of %zu differ\n", p.name, p.wrong, p.compared);
        text_free(&ids);
        engine_tokenizer_free(p.t);
        arena_free(p.a);
    }
    assert_true(compared > 10000);
    assert_int_equal(wrong, 0);
}

/* The vocabularies inside the reference models, with the special tokens of each. */
static void test_model_vocabularies(void **state) {
    static const char *const modes[] = {"plain", "add_and_parse_special"};
    (void)state;
    json_t *all = json_load_file(EXPECTED "text_tokens.json", 0, NULL), *of_model;
    const char *name;
    size_t models = 0, wrong = 0;
    if (!all) {
        printf("SKIP: ../shared is not here\n");
        skip();
    }
    json_object_foreach(json_object_get(all, "ids"), name, of_model) {
        char path[256];
        error err = {0};
        engine_gguf *g;
        engine_tokenizer *t;
        snprintf(path, sizeof path, "../shared/parity/%s", name);
        if (!engine_gguf_open(path, &g, &err) || !engine_tokenizer_new(g, &t, &err))
            fail_msg("%s: %s", path, err.text);
        for (int mode = 0; mode < 2; mode++) {
            json_t *lists = json_object_get(of_model, modes[mode]), *want;
            int flags = mode ? ENGINE_ADD_SPECIAL | ENGINE_PARSE_SPECIAL : 0;
            size_t i;
            json_array_foreach(lists, i, want) {
                arena *a = arena_new();
                engine_token *got;
                size_t n;
                json_t *source = json_array_get(json_object_get(all, "texts"), i);
                engine_tokenize(t, str_of(json_string_value(source)), flags, a, &got, &n);
                bool same = n == json_array_size(want);
                for (size_t k = 0; same && k < n; k++)
                    same = got[k].id == json_integer_value(json_array_get(want, k));
                if (!same) print_error("%s: text %zu, %s\n", name, i, modes[mode]);
                wrong += !same;
                arena_free(a);
            }
        }
        engine_tokenizer_free(t);
        engine_gguf_close(g);
        models++;
    }
    json_decref(all);
    assert_true(models > 10);
    assert_int_equal(wrong, 0);
}

/* ---- the built-in models ------------------------------------------------------------------ */

/* Their training program wrote down the ids that it saw for some texts. */
static void test_built_in(void **state) {
    static const char *const names[] = {"embed", "reader"};
    (void)state;
    for (size_t m = 0; m < sizeof names / sizeof *names; m++) {
        char path[64];
        engine_gguf *g = NULL;
        engine_tokenizer *t = NULL;
        error err = {0};
        snprintf(path, sizeof path, "models/fixtures/%s.json", names[m]);
        json_t *fixture = json_load_file(path, 0, NULL), *item;
        json_t *texts = json_object_get(fixture, "texts");
        size_t index;
        snprintf(path, sizeof path, "models/carrel-%s.gguf", names[m]);
        if (!engine_gguf_open(path, &g, &err) || !engine_tokenizer_new(g, &t, &err))
            fail_msg("%s: %s", path, err.text);
        assert_true(json_array_size(texts) > 0);
        json_array_foreach(texts, index, item) {
            arena *a = arena_new();
            engine_token *got;
            size_t n;
            json_t *ids = json_object_get(item, "ids");
            engine_tokenize(t, str_of(json_string_value(json_object_get(item, "text"))), 0, a, &got,
                            &n);
            assert_int_equal(n, json_array_size(ids));
            for (size_t i = 0; i < n; i++)
                assert_int_equal(got[i].id, json_integer_value(json_array_get(ids, i)));
            arena_free(a);
        }
        json_decref(fixture);
        engine_tokenizer_free(t);
        engine_gguf_close(g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parity),
        cmocka_unit_test(test_model_vocabularies),
        cmocka_unit_test(test_built_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
