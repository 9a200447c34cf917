/* Every architecture and format against the reference data of ../shared/parity, skipped where it is
 * not here: logits and greedy continuations of decoders, vectors of embedding models, scores of
 * rerankers. The tolerances are those that the README there justifies: what two float32 engines may
 * differ by where weights are F32, F16 or BF16, and what activations rounded to int8 may do to
 * quantised ones. What every file of the folder must give is told by the file beside it, so that
 * one that is added is checked as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/model.h"

#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARITY "../shared/parity/"
#define LOGITS 1e-4
#define VECTORS 5e-6
#define SCORES 5e-6
#define INT8_MEAN_KL 1e-2
#define INT8_MOST 1.5
#define INT8_MEAN 0.15
#define INT8_COSINE 0.999
#define F16_CACHE_MOST 4e-2 /* the limits of the caches are two to three times what was measured */
#define F16_CACHE_KL 6e-6
#define INT8_CACHE_KL 3e-3

enum { MOST_FILES = 256, MOST_TOKENS = 256, INPUTS = 6 };

/* ---- reading ------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b) {
    return strcmp(a, b);
}

/* Names in expected/ without ".json" that have a model to run. */
static size_t list_expected(char (*names)[64]) {
    static const char *const others[] = {"feature_off.json", "text_tokens.json"};
    DIR *d = opendir(PARITY "expected");
    size_t n = 0;
    assert_non_null(d);
    for (const struct dirent *f; (f = readdir(d)) != NULL;) {
        size_t length = strlen(f->d_name);
        if (length < 6 || strcmp(f->d_name + length - 5, ".json") != 0) continue;
        if (strcmp(f->d_name, others[0]) == 0 || strcmp(f->d_name, others[1]) == 0) continue;
        assert_true(n < MOST_FILES && length - 5 < sizeof names[0]);
        memcpy(names[n], f->d_name, length - 5);
        names[n++][length - 5] = 0;
    }
    closedir(d);
    qsort(names, n, sizeof names[0], by_name);
    return n;
}

static json_t *read_expected(const char *name) {
    char path[256];
    snprintf(path, sizeof path, PARITY "expected/%s.json", name);
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    return root;
}

static const char *text_of(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static float *read_floats(const json_t *file, size_t n) {
    char path[256];
    snprintf(path, sizeof path, PARITY "expected/%s", text_of(file, "file"));
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    float *p = mem_new(n, sizeof *p);
    assert_int_equal(fread(p, sizeof *p, n, f), n);
    fclose(f);
    return p;
}

static size_t read_ids(const json_t *array, int32_t *ids) {
    size_t n = json_array_size(array);
    assert_true(n > 0 && n <= MOST_TOKENS);
    for (size_t i = 0; i < n; i++) ids[i] = (int32_t)json_integer_value(json_array_get(array, i));
    return n;
}

static engine_gguf *open_file(const json_t *root) {
    char path[256];
    engine_gguf *g;
    error err = {0};
    snprintf(path, sizeof path, PARITY "%s", text_of(root, "model"));
    if (!engine_gguf_open(path, &g, &err)) fail_msg("%s", err.text);
    return g;
}

/* Some matrices are of a type whose activations may be rounded to int8. */
static bool is_quantised(const engine_gguf *g) {
    for (size_t i = 0; i < engine_gguf_tensor_count(g); i++) {
        uint32_t type = engine_gguf_tensor_at(g, i)->type;
        if (type != ENGINE_F32 && type != ENGINE_F16 && type != ENGINE_BF16) return true;
    }
    return false;
}

static bool shared_is_here(void) {
    if (access(PARITY "README.md", R_OK) == 0) return true;
    printf("SKIP: ../shared is not here\n");
    return false;
}

/* ---- comparing ---------------------------------------------------------------------------- */

typedef struct {
    double most, mean, kl; /* kl: mean over the rows of D(want || got) */
} difference;

static double log_sum(const float *x, size_t n) {
    double most = (double)x[0];
    for (size_t i = 1; i < n; i++) most = fmax(most, (double)x[i]);
    double sum = exp((double)x[0] - most);
    for (size_t i = 1; i < n; i++) sum += exp((double)x[i] - most);
    return most + log(sum);
}

static difference compare(const float *want, const float *got, size_t rows, size_t width) {
    difference d = {0};
    for (size_t r = 0; r < rows; r++, want += width, got += width) {
        double a = log_sum(want, width), b = log_sum(got, width);
        for (size_t i = 0; i < width; i++) {
            double w = (double)want[i], g = (double)got[i], apart = fabs(w - g);
            if (!(apart <= d.most)) d.most = apart; /* not a number wins */
            d.mean += apart / (double)(rows * width);
            d.kl += exp(w - a) * ((w - a) - (g - b)) / (double)rows;
        }
    }
    return d;
}

static double least_cosine(const float *want, const float *got, size_t rows, size_t width) {
    double least = 1;
    for (size_t r = 0; r < rows; r++, want += width, got += width) {
        double cosine = 0;
        for (size_t i = 0; i < width; i++) cosine += (double)want[i] * (double)got[i];
        if (!(cosine >= least)) least = cosine;
    }
    return least;
}

/* ---- decoders ----------------------------------------------------------------------------- */

static engine_model *load_model(const json_t *root) {
    engine_model *m;
    error err = {0};
    engine_gguf *g = open_file(root);
    assert_int_equal(engine_gguf_kind(g), ENGINE_DECODER);
    if (!engine_model_load(g, &m, &err)) fail_msg("%s", err.text);
    return m;
}

static engine_session *new_session(const engine_model *m, pool *p, const json_t *root,
                                   engine_kv kv) {
    engine_session *s;
    error err = {0};
    uint32_t n_ctx = (uint32_t)json_integer_value(json_object_get(root, "n_ctx"));
    assert_true(n_ctx > 0);
    const engine_session_options options = {n_ctx, kv};
    if (!engine_session_new(m, p, &options, &s, &err)) fail_msg("%s", err.text);
    return s;
}

static float *all_logits(const engine_model *m, pool *p, const json_t *root, engine_kv kv,
                         const int32_t *ids, size_t n) {
    error err = {0};
    engine_session *s = new_session(m, p, root, kv);
    float *logits = mem_new(n * m->info.vocab, sizeof *logits);
    if (!engine_eval(s, ids, n, true, logits, &err)) fail_msg("%s", err.text);
    engine_session_free(s);
    return logits;
}

/* Ids after the input, equal up to the first that is closer to another than the tolerance. */
static void check_greedy(const engine_model *m, pool *p, const json_t *root, const char *prefix,
                         const int32_t *ids, size_t n) {
    char key[64];
    int32_t greedy[MOST_TOKENS];
    error err = {0};
    snprintf(key, sizeof key, "%sgreedy", prefix);
    size_t count = read_ids(json_object_get(root, key), greedy), same = 0;
    snprintf(key, sizeof key, "%sgreedy_margins", prefix);
    const json_t *margins = json_object_get(root, key);
    float *logits = mem_new(m->info.vocab, sizeof *logits);
    engine_sampler *sampler = engine_sampler_new(&(engine_sampling){0, 1, 0}, m->info.vocab);
    engine_session *s = new_session(m, p, root, ENGINE_KV_F32);
    assert_true(engine_eval(s, ids, n, false, logits, &err));
    for (; same < count; same++) {
        if (json_number_value(json_array_get(margins, same)) < 2 * LOGITS) break;
        assert_int_equal(engine_sample(sampler, logits, NULL), greedy[same]);
        assert_true(engine_eval(s, &greedy[same], 1, false, logits, &err));
    }
    assert_true(same > 0);
    engine_session_free(s);
    engine_sampler_free(sampler);
    mem_free(logits);
}

static void check_logits(const char *name, pool *p) {
    int32_t ids[MOST_TOKENS];
    json_t *root = read_expected(name);
    engine_model *m = load_model(root);
    bool ref = json_object_get(root, "ref_logits") != NULL, exact = !is_quantised(m->gguf);
    const json_t *expected = json_object_get(root, ref ? "ref_logits" : "logits");
    size_t n = read_ids(json_object_get(root, "tokens"), ids), vocab = m->info.vocab;
    float *want = read_floats(expected, n * vocab);
    const engine_kernels *tables[] = {&engine_kernels_scalar, m->net.shape.kernels};
    for (size_t t = 0; t < 2; t++) {
        m->net.shape.kernels = tables[t];
        float *got = all_logits(m, p, root, ENGINE_KV_F32, ids, n);
        difference d = compare(want, got, n, vocab);
        if (t == 1) printf("%-24s most %.3g, mean %.3g, KL %.3g\n", name, d.most, d.mean, d.kl);
        if (exact) assert_true(d.most < LOGITS);
        assert_true(d.most < INT8_MOST && d.mean < INT8_MEAN && d.kl < INT8_MEAN_KL);
        mem_free(got);
    }
    if (exact) check_greedy(m, p, root, ref ? "ref_" : "", ids, n);
    mem_free(want);
    engine_model_close(m);
    json_decref(root);
}

/* ---- encoders ----------------------------------------------------------------------------- */

static engine_encoder *open_encoder(const engine_gguf *g, engine_kind kind) {
    engine_encoder *e;
    error err = {0};
    assert_int_equal(engine_gguf_kind(g), kind);
    if (!engine_encoder_open(g, &e, &err)) fail_msg("%s", err.text);
    return e;
}

/* What all inputs give at once; what each gives alone must be the same. */
static float *encode_all(const engine_encoder *e, pool *p, const json_t *root, size_t width) {
    int32_t ids[INPUTS][MOST_TOKENS] = {{0}};
    engine_sequence in[INPUTS];
    error err = {0};
    const json_t *tokens = json_object_get(root, "tokens");
    assert_int_equal(json_array_size(tokens), INPUTS);
    for (size_t i = 0; i < INPUTS; i++) {
        in[i] = (engine_sequence){ids[i], NULL, read_ids(json_array_get(tokens, i), ids[i])};
    }
    float *out = mem_new(INPUTS * width, sizeof *out), *one = mem_new(width, sizeof *one);
    if (!engine_encode_batch(e, p, in, INPUTS, out, &err)) fail_msg("%s", err.text);
    for (size_t i = 0; i < INPUTS; i++) {
        if (!engine_encode_batch(e, p, &in[i], 1, one, &err)) fail_msg("%s", err.text);
        assert_memory_equal(out + i * width, one, width * sizeof *one);
    }
    mem_free(one);
    return out;
}

static void check_vectors(const char *name, pool *p) {
    engine_encoder_info info;
    json_t *root = read_expected(name);
    engine_gguf *g = open_file(root);
    engine_encoder *e = open_encoder(g, ENGINE_VECTORS);
    engine_encoder_describe(e, &info);
    assert_int_equal(info.output, ENGINE_VECTOR);
    const json_t *ref = json_object_get(root, "ref_embedding");
    float *want =
        read_floats(ref ? ref : json_object_get(root, "embedding"), INPUTS * (size_t)info.width);
    float *got = encode_all(e, p, root, info.width);
    difference d = compare(want, got, INPUTS, info.width);
    double cosine = least_cosine(want, got, INPUTS, info.width);
    printf("%-24s most %.3g, least cosine 1 - %.3g\n", name, d.most, 1 - cosine);
    assert_true(is_quantised(g) || d.most < VECTORS);
    assert_true(cosine > INT8_COSINE);
    mem_free(want);
    mem_free(got);
    engine_encoder_close(e);
    engine_gguf_close(g);
    json_decref(root);
}

/* The reference gives one label without its sigmoid, two with their softmax. */
static void check_scores(const char *name, pool *p) {
    json_t *root = read_expected(name);
    engine_gguf *g = open_file(root);
    engine_encoder *e = open_encoder(g, ENGINE_RERANKER);
    const json_t *ref = json_object_get(root, "ref_scores");
    const json_t *scores = ref ? ref : json_object_get(root, "scores");
    float *got = encode_all(e, p, root, 1);
    double most = 0;
    for (size_t i = 0; i < INPUTS; i++) {
        const json_t *row = json_array_get(scores, i);
        double want = json_number_value(json_array_get(row, 0));
        if (json_array_size(row) == 1) want = 1 / (1 + exp(-want));
        double apart = fabs(want - (double)got[i]);
        if (!(apart <= most)) most = apart;
    }
    printf("%-24s most %.3g\n", name, most);
    assert_true(most < SCORES);
    mem_free(got);
    engine_encoder_close(e);
    engine_gguf_close(g);
    json_decref(root);
}

/* ---- tests -------------------------------------------------------------------------------- */

static void check_kind(const char *kind, void (*check)(const char *, pool *), size_t least) {
    char names[MOST_FILES][64];
    size_t n = list_expected(names), checked = 0;
    pool *p = pool_new(2);
    for (size_t i = 0; i < n; i++) {
        json_t *root = read_expected(names[i]);
        bool mine = strcmp(text_of(root, "kind"), kind) == 0;
        json_decref(root);
        if (!mine) continue;
        check(names[i], p);
        checked++;
    }
    pool_free(p);
    assert_true(checked >= least);
}

static void test_logits(void **state) {
    (void)state;
    if (!shared_is_here()) skip();
    check_kind("logits", check_logits, 42);
}

static void test_vectors(void **state) {
    (void)state;
    if (!shared_is_here()) skip();
    check_kind("embedding", check_vectors, 11);
}

static void test_scores(void **state) {
    (void)state;
    if (!shared_is_here()) skip();
    check_kind("rank", check_scores, 2);
}

/* A cache that rounds moves logits a little, and moves them. */
static void test_caches(void **state) {
    (void)state;
    if (!shared_is_here()) skip();
    const char *const names[] = {"llama-f32",  "qwen2-f32",     "qwen3-f32",
                                 "gemma3-f32", "phi3-f32-long", "stories260K-f32"};
    int32_t ids[MOST_TOKENS];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *root = read_expected(names[i]);
        engine_model *m = load_model(root);
        size_t n = read_ids(json_object_get(root, "tokens"), ids);
        float *want = all_logits(m, NULL, root, ENGINE_KV_F32, ids, n);
        float *f16 = all_logits(m, NULL, root, ENGINE_KV_F16, ids, n);
        float *int8 = all_logits(m, NULL, root, ENGINE_KV_INT8, ids, n);
        difference d = compare(want, f16, n, m->info.vocab),
                   c = compare(want, int8, n, m->info.vocab);
        printf("%-16s f16 cache: most %.3g, mean %.3g, KL %.3g; int8 cache: %.3g, %.3g, %.3g\n",
               names[i], d.most, d.mean, d.kl, c.most, c.mean, c.kl);
        assert_true(d.most > 0 && d.most < F16_CACHE_MOST && d.kl < F16_CACHE_KL);
        assert_true(c.most > d.most && c.most < INT8_MOST && c.mean < INT8_MEAN);
        assert_true(c.kl < INT8_CACHE_KL);
        mem_free(want);
        mem_free(f16);
        mem_free(int8);
        engine_model_close(m);
        json_decref(root);
    }
}

/* The trained model, from a text to a text. */
static void test_story(void **state) {
    (void)state;
    if (!shared_is_here()) skip();
    json_t *root = read_expected("stories260K-f32");
    engine_model *m;
    engine_session *s;
    engine_token *tokens;
    int32_t ids[MOST_TOKENS], prompt[MOST_TOKENS];
    size_t n, wanted = read_ids(json_object_get(root, "text_prompt_tokens"), prompt);
    error err = {0};
    text said = {0};
    arena *a = arena_new();
    if (!engine_model_open(PARITY "models/stories260K-f32.gguf", &m, &err))
        fail_msg("%s", err.text);
    engine_tokenize(engine_model_tokenizer(m), str_of(text_of(root, "text_prompt")),
                    ENGINE_ADD_SPECIAL, a, &tokens, &n);
    assert_int_equal(n, wanted);
    for (size_t i = 0; i < n; i++) assert_int_equal(ids[i] = tokens[i].id, prompt[i]);
    const engine_session_options options = {.n_ctx = 256};
    engine_sampler *sampler = engine_sampler_new(&(engine_sampling){0, 1, 0}, m->info.vocab);
    float *logits = mem_new(m->info.vocab, sizeof *logits);
    assert_true(engine_session_new(m, NULL, &options, &s, &err));
    assert_true(engine_eval(s, ids, n, false, logits, &err));
    size_t length = json_array_size(json_object_get(root, "text_greedy"));
    for (size_t i = 0; i < length; i++) {
        int32_t id = engine_sample(sampler, logits, NULL);
        engine_token_put(engine_model_tokenizer(m), id, false, &said);
        assert_true(engine_eval(s, &id, 1, false, logits, &err));
    }
    assert_true(str_eq(text_str(&said), str_of(text_of(root, "text"))));
    mem_free(logits);
    engine_sampler_free(sampler);
    engine_session_free(s);
    engine_model_close(m);
    text_free(&said);
    arena_free(a);
    json_decref(root);
}

/* A model for one purpose is refused for another, in words that say what it is. */
static void test_wrong_use(void **state) {
    (void)state;
    if (!shared_is_here()) skip();
    const struct {
        const char *name, *says;
    } cases[] = {{"qwen3-embedding-f32", "vectors"},
                 {"bert-mean-f32", "vectors"},
                 {"qwen3-reranker-f32", "judges"},
                 {"bert-rank-f32", "judges"},
                 {"qwen3-f32", "cannot read an input as a whole"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *root = read_expected(cases[i].name);
        engine_gguf *g = open_file(root);
        engine_encoder *e;
        engine_model *m;
        error err = {0};
        if (engine_gguf_kind(g) == ENGINE_DECODER) {
            assert_false(engine_encoder_open(g, &e, &err));
            engine_gguf_close(g);
        } else {
            assert_false(engine_model_load(g, &m, &err));
        }
        assert_true(str_find(str_of(err.text), str_of(cases[i].says), 0) != SIZE_MAX);
        json_decref(root);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logits), cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_scores), cmocka_unit_test(test_caches),
        cmocka_unit_test(test_story),  cmocka_unit_test(test_wrong_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
