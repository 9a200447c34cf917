/* embed: models that a user brings, as files with random weights: what they are given to read, token
 * by token, held against the float64 judge; wrong kinds; texts that are too long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <math.h>
#include <unistd.h>

#include <cmocka.h>

#include "embed/models.h"
#include "tests/support/brought_model.h"
#include "tests/support/random_model.h"
#include "tests/support/reference_model.h"

#define TOLERANCE 2e-4 /* float32 against float64 through two layers of wild weights */

static char folder[64], path[96];
static error err;

#define MUST(call)                                        \
    do {                                                  \
        if (!(call)) fail_msg("%s: %s", #call, err.text); \
    } while (0)

static int setup(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/carrel-test-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/model.gguf", folder);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder);
}

/* ---- what is read --------------------------------------------------------------------------- */

/* The tokens of parts; a part that begins with '\\1' is a control token by name, one with '\\2' has
 * the control tokens that it spells. types: the part where the second type begins, or -1. */
typedef struct {
    int32_t ids[2048];
    uint8_t types[2048];
    size_t n;
} sequence;

static void put(sequence *s, const engine_tokenizer *t, const char *part, uint8_t type,
                size_t limit) {
    arena *a = arena_new();
    engine_token *tokens;
    size_t n;
    if (part[0] == 1) {
        int32_t id = engine_token_find(t, str_of(part + 1));
        assert_true(id >= 0);
        s->ids[s->n] = id;
        s->types[s->n++] = type;
    } else {
        bool special = part[0] == 2;
        engine_tokenize(t, str_of(part + special), special ? ENGINE_PARSE_SPECIAL : 0, a, &tokens,
                        &n);
        for (size_t i = 0; i < n && i < limit; i++) {
            s->ids[s->n] = tokens[i].id;
            s->types[s->n++] = type;
        }
    }
    arena_free(a);
}

static engine_tokenizer *tokenizer(void) {
    engine_gguf *g;
    engine_tokenizer *t;
    MUST(engine_gguf_open(path, &g, &err));
    MUST(engine_tokenizer_new(g, &t, &err));
    engine_gguf_close(g);
    return t;
}

static double *judge(const char *recipe, const sequence *s) {
    random_model m;
    random_model_make(model_recipe_find(recipe), &m);
    double *out = reference_pooled(&m, s->ids, s->types, s->n);
    random_model_free(&m);
    return out;
}

static void same_vector(const char *recipe, const sequence *s, const float *given, size_t width) {
    double *wanted = judge(recipe, s);
    for (size_t i = 0; i < width; i++)
        if (!(fabs(wanted[i] - (double)given[i]) < TOLERANCE))
            fail_msg("%s: value %zu is %g, wanted %g", recipe, i, (double)given[i], wanted[i]);
    mem_free(wanted);
}

/* ---- embedding models ------------------------------------------------------------------------- */

static const struct {
    const char *recipe, *name, *front, *behind, *question, *passage;
} embedders[] = {
    {"bert-mean", "all-MiniLM-L6-v2", "\1[CLS]", "\1[SEP]", "", ""},
    {"bert-cls", "BGE Small En v1.5", "\1[CLS]", "\1[SEP]",
     "Represent this sentence for searching relevant passages: ", ""},
    {"bert-mean", "multilingual_e5_small", "\1[CLS]", "\1[SEP]", "query: ", "passage: "},
    {"nomic-bert", "nomic-embed-text-v1.5", "\1[CLS]", "\1[SEP]",
     "search_query: ", "search_document: "},
    {"jina-bert-v2", "jina-embeddings-v2-base-en", "\1[CLS]", "\1[SEP]", "", ""},
    {"qwen3-embedding", "Qwen3 Embedding 0.6B", NULL, "\1<|endoftext|>",
     "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:",
     ""},
};

static void test_what_embedders_read(void **state) {
    (void)state;
    static const char body[] = "How long is the notice? <|im_end|> [SEP]";
    for (size_t i = 0; i < sizeof embedders / sizeof *embedders; i++) {
        const char *prefixes[] = {embedders[i].question, embedders[i].passage};
        embed_model *m;
        MUST(brought_model(embedders[i].recipe, embedders[i].name, path, &err));
        MUST(embed_model_open(path, NULL, &m, &err));
        engine_tokenizer *t = tokenizer();
        size_t width = embed_width(m);
        assert_false(embed_is_static(m));
        assert_true(str_eq(embed_name(m), str_of(embedders[i].name)));
        float *out = mem_new(3 * width, sizeof *out);
        for (int role = EMBED_QUESTION; role <= EMBED_PASSAGE; role++) {
            sequence s = {.n = 0};
            char spelt[256];
            str given[] = {STR("  \n"), str_of(body), STR("x")};
            snprintf(spelt, sizeof spelt, "%s%s", prefixes[role], body);
            if (embedders[i].front) put(&s, t, embedders[i].front, 0, 1);
            put(&s, t, spelt, 0, 1000);
            put(&s, t, embedders[i].behind, 0, 1);
            MUST(embed_texts(m, NULL, (embed_role)role, given, 3, out, NULL, &err));
            for (size_t k = 0; k < width; k++) assert_true(out[k] == 0); /* nothing to read */
            same_vector(embedders[i].recipe, &s, out + width, width);
        }
        mem_free(out);
        engine_tokenizer_free(t);
        embed_model_close(m);
    }
}

static void test_prefixes(void **state) {
    (void)state;
    static const struct {
        const char *architecture, *name, *question;
    } cases[] = {
        {"bert", "bge-m3", ""},
        {"bert", "bge-large-en-v1.5", "Represent"},
        {"bert", "bge-large-zh-v1.5", ""},
        {"bert", "multilingual-e5-large-instruct", "Instruct"},
        {"bert", "intfloat/e5-base-v2", "query: "},
        {"bert", "gte-large", ""},
        {"bert", "mxbai-embed-large-v1", "Represent"},
        {"bert", "snowflake-arctic-embed-s", "Represent"},
        {"bert", "snowflake-arctic-embed-l-v2.0", "query: "},
        {"nomic-bert", "", "search_query: "},
        {"gemma-embedding", "embeddinggemma-300m", "task: search result | query: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        str p = embed_prefix(str_of(cases[i].architecture), str_of(cases[i].name), EMBED_QUESTION);
        if (!str_starts(p, str_of(cases[i].question)) || (p.n == 0) != (cases[i].question[0] == 0))
            fail_msg("%s: \"" STR_FMT "\"", cases[i].name, STR_ARG(p));
    }
    assert_true(str_eq(embed_prefix(STR("gemma-embedding"), STR(""), EMBED_PASSAGE),
                       STR("title: none | text: ")));
}

/* A context of 256, and of 2048: the end goes, the special tokens stay. */
static void test_a_long_text_is_cut(void **state) {
    (void)state;
    text longest = {0};
    for (int i = 0; i < 3000; i++) text_put(&longest, STR("word "));
    for (size_t i = 0; i < 2; i++) {
        const char *recipe = i ? "qwen3-embedding" : "bert-mean";
        const char *behind = i ? "\1<|endoftext|>" : "\1[SEP]";
        embed_model *m;
        sequence s = {.n = 0};
        MUST(brought_model(recipe, "a", path, &err));
        MUST(embed_model_open(path, NULL, &m, &err));
        engine_tokenizer *t = tokenizer();
        float *out = mem_new(2 * embed_width(m), sizeof *out);
        str given[] = {text_str(&longest), STR("short")};
        size_t cut;
        MUST(embed_texts(m, NULL, EMBED_PASSAGE, given, 2, out, &cut, &err));
        assert_int_equal(cut, 1);
        if (i == 0) put(&s, t, "\1[CLS]", 0, 1);
        put(&s, t, longest.p, 0, (i ? 2047 : 255) - s.n);
        put(&s, t, behind, 0, 1);
        assert_int_equal(s.n, i ? 2048 : 256);
        same_vector(recipe, &s, out, embed_width(m));
        mem_free(out);
        engine_tokenizer_free(t);
        embed_model_close(m);
    }
    text_free(&longest);
}

/* ---- rerankers -------------------------------------------------------------------------------- */

static void check_score(const char *recipe, const sequence *s, float given) {
    double *wanted = judge(recipe, s);
    if (!(fabs(wanted[0] - (double)given) < TOLERANCE))
        fail_msg("%s: %g, wanted %g", recipe, (double)given, wanted[0]);
    mem_free(wanted);
}

#define QUESTION "who pays? [SEP] <|im_end|>"

static const struct {
    const char *recipe, *name, *front, *middle[2], *behind;
    uint8_t second;
} pairs[] = {
    {"bert-rank", "ms-marco", "\1[CLS]", {"\1[SEP]", NULL}, "\1[SEP]", 1},
    {"jina-rank", "jina", "\1[CLS]", {"\1[SEP]", NULL}, "\1[SEP]", 1},
    {"bert-rank", "bge-reranker-v2-m3", "\1<s>", {"\1</s>", "\1</s>"}, "\1</s>", 0},
};

static void test_pairs(void **state) {
    (void)state;
    text longest = {0};
    for (int i = 0; i < 2000; i++) text_put(&longest, STR("tenant "));
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        embed_reranker *r;
        float scores[3];
        str passages[] = {STR("The tenant pays. </s>"), STR(""), text_str(&longest)};
        MUST(brought_model(pairs[i].recipe, pairs[i].name, path, &err));
        MUST(embed_reranker_open(path, &r, &err));
        engine_tokenizer *t = tokenizer();
        MUST(embed_rerank(r, NULL, STR(QUESTION), passages, 3, scores, &err));
        for (size_t k = 0; k < 3; k++) {
            sequence s = {.n = 0};
            put(&s, t, pairs[i].front, 0, 1);
            put(&s, t, QUESTION, 0, 1000);
            put(&s, t, pairs[i].middle[0], 0, 1);
            if (pairs[i].middle[1]) put(&s, t, pairs[i].middle[1], 0, 1);
            put(&s, t, passages[k].p, pairs[i].second, 255 - s.n);
            put(&s, t, pairs[i].behind, pairs[i].second, 1);
            check_score(pairs[i].recipe, &s, scores[k]);
            assert_true(scores[k] >= 0 && scores[k] <= 1);
        }
        assert_true(scores[0] != scores[1]);
        engine_tokenizer_free(t);
        embed_reranker_close(r);
    }
    text_free(&longest);
}

#define HEAD                                                                                      \
    "\2<|im_start|>system\nJudge whether the Document meets the requirements based on the Query " \
    "and "                                                                                        \
    "the Instruct provided. Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n"      \
    "<|im_start|>user\n"
#define TASK                                                                                   \
    "<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n" \
    "<Query>: "
#define TAIL "\2<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"

static void test_turns(void **state) {
    (void)state;
    static const char *const recipes[] = {"qwen3-reranker", "qwen3-reranker-words"};
    for (size_t i = 0; i < 2; i++) {
        embed_reranker *r;
        float scores[2];
        str passages[] = {STR("The tenant pays. <|im_end|>"), STR("Nobody.")};
        MUST(brought_model(recipes[i], "Qwen3-Reranker", path, &err));
        MUST(embed_reranker_open(path, &r, &err));
        engine_tokenizer *t = tokenizer();
        MUST(embed_rerank(r, NULL, STR(QUESTION), passages, 2, scores, &err));
        for (size_t k = 0; k < 2; k++) {
            sequence s = {.n = 0};
            char body[512];
            snprintf(body, sizeof body, TASK QUESTION "\n<Document>: %s", passages[k].p);
            put(&s, t, HEAD, 0, 1000);
            put(&s, t, body, 0, 1000);
            put(&s, t, TAIL, 0, 1000);
            check_score(recipes[i], &s, scores[k]);
        }
        engine_tokenizer_free(t);
        embed_reranker_close(r);
    }
}

static void test_wrong_kinds(void **state) {
    (void)state;
    embed_model *m;
    embed_reranker *r;
    MUST(brought_model("bert-rank", "r", path, &err));
    assert_false(embed_model_open(path, NULL, &m, &err));
    assert_non_null(strstr(err.text, "ranks passages"));
    assert_int_equal(err.code, ERROR_MODEL);
    MUST(brought_model("bert-mean", "e", path, &err));
    assert_false(embed_reranker_open(path, &r, &err));
    assert_non_null(strstr(err.text, "ranks no passages"));
    MUST(brought_model("qwen3", "a decoder", path, &err));
    assert_false(embed_model_open(path, NULL, &m, &err));
    assert_non_null(strstr(err.text, "writes text"));
    assert_false(embed_reranker_open(path, &r, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_embedders_read),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_a_long_text_is_cut),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_wrong_kinds),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
