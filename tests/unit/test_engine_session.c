/* Decoders as the program uses them: sessions that go on, go back and are cut in any way, files
 * that are opened with their vocabulary or refused, the sampler. What an architecture computes is
 * for test_engine_arch and test_engine_parity.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/model.h"
#include "tests/fixtures/gguf_fixture.h"

#include <stdlib.h>
#include <unistd.h>

#define F32_TOLERANCE 1e-4f /* what two f32 engines may differ by */

static engine_model *load_bytes(const text *file) {
    engine_gguf *g;
    engine_model *m = NULL;
    error err = {0};
    if (!engine_gguf_open_memory(file->p, file->n, &g, &err) || !engine_model_load(g, &m, &err)) {
        fail_msg("%s", err.text);
    }
    return m;
}

/* Keys and values in float32, so that nothing is rounded on the way. */
static bool exact_session(const engine_model *m, pool *p, uint32_t n_ctx, engine_session **out,
                          error *err) {
    const engine_session_options options = {n_ctx, ENGINE_KV_F32};
    return engine_session_new(m, p, &options, out, err);
}

/* All logits of one evaluation over a fresh session; the caller frees them. */
static float *all_logits(const engine_model *m, pool *p, const int32_t *ids, size_t n) {
    engine_session *s;
    error err = {0};
    engine_info info;
    engine_model_info(m, &info);
    float *logits = mem_new(n * info.vocab, sizeof *logits);
    if (!exact_session(m, p, 64, &s, &err) || !engine_eval(s, ids, n, true, logits, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(engine_session_length(s), n);
    engine_session_free(s);
    return logits;
}

static float most_difference(const float *a, const float *b, size_t n) {
    float most = 0;
    for (size_t i = 0; i < n; i++) {
        float d = fabsf(a[i] - b[i]);
        if (!(d <= most)) most = d; /* not a number wins */
    }
    return most;
}

enum { TOKENS = 37 }; /* six tiles and one over, three key panels */

static const llama_shape plain = {
    .layers = 2,
    .width = 64,
    .hidden = 160,
    .heads = 4,
    .kv_heads = 2,
    .head = 16,
    .rotary = 16,
    .vocab = 300,
    .context = 64,
    .type = FIXTURE_F32,
    .rope_base = 10000,
    .seed = 1,
};

static void pick_ids(int32_t *ids, size_t n, uint32_t vocab) {
    for (size_t i = 0; i < n; i++) ids[i] = (int32_t)((i * 7919 + 13) % vocab);
}

/* ---- sessions ----------------------------------------------------------------------------- */

/* Bit for bit: the number of threads is not part of the answer. */
static void test_threads(void **state) {
    (void)state;
    int32_t ids[TOKENS];
    llama_shape s = plain;
    s.type = FIXTURE_Q8_0;
    pick_ids(ids, TOKENS, s.vocab);
    text file = fixture_llama(&s);
    engine_model *m = load_bytes(&file);
    float *one = all_logits(m, NULL, ids, TOKENS);
    for (int threads = 2; threads <= 5; threads++) {
        pool *p = pool_new(threads);
        float *many = all_logits(m, p, ids, TOKENS);
        assert_memory_equal(one, many, TOKENS * s.vocab * sizeof *one);
        mem_free(many);
        pool_free(p);
    }
    mem_free(one);
    engine_model_close(m);
    text_free(&file);
}

static void test_prefix(void **state) {
    (void)state;
    int32_t ids[TOKENS];
    float logits[300], again[300];
    error err = {0};
    engine_session *s;
    pick_ids(ids, TOKENS, plain.vocab);
    text file = fixture_llama(&plain);
    engine_model *m = load_bytes(&file);
    float *all = all_logits(m, NULL, ids, TOKENS);
    const float *last = all + (TOKENS - 1) * plain.vocab;

    /* token by token, and in pieces, the same as at once */
    assert_true(exact_session(m, NULL, TOKENS, &s, &err));
    for (size_t i = 0; i < TOKENS; i++) {
        assert_true(engine_eval(s, ids + i, 1, false, logits, &err));
        assert_true(most_difference(logits, all + i * plain.vocab, plain.vocab) < F32_TOLERANCE);
    }
    /* no room for another */
    assert_false(engine_eval(s, ids, 1, false, again, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_int_equal(engine_session_length(s), TOKENS);
    /* back to a prefix, something else, back again, and the first end once more */
    engine_session_truncate(s, 20);
    assert_true(engine_eval(s, ids, 9, false, again, &err));
    assert_true(most_difference(again, last, plain.vocab) > 0.1f);
    engine_session_truncate(s, 20);
    engine_session_truncate(s, 25); /* longer than what is there: no change */
    assert_int_equal(engine_session_length(s), 20);
    assert_true(engine_eval(s, ids + 20, TOKENS - 20, false, again, &err));
    assert_true(most_difference(again, last, plain.vocab) < F32_TOLERANCE);

    engine_session_truncate(s, 0);
    assert_false(engine_eval(s, ids, 0, false, again, &err));
    assert_false(engine_eval(s, (int32_t[]){-1}, 1, false, again, &err));
    assert_false(engine_eval(s, (int32_t[]){300}, 1, false, again, &err));
    assert_int_equal(engine_session_length(s), 0);
    engine_session_free(s);
    mem_free(all);
    engine_model_close(m);
    text_free(&file);
}

/* More tokens than one batch, with the last batch shorter than the others. */
static void test_long_prompt(void **state) {
    (void)state;
    enum { LONG = 530 };
    llama_shape shape = plain;
    shape.context = 600;
    int32_t ids[LONG];
    float whole[300], cut[300];
    error err = {0};
    engine_session *s;
    pick_ids(ids, LONG, shape.vocab);
    text file = fixture_llama(&shape);
    engine_model *m = load_bytes(&file);
    float *all = mem_new(LONG * (size_t)shape.vocab, sizeof *all);
    assert_true(exact_session(m, NULL, 600, &s, &err));
    assert_true(engine_eval(s, ids, LONG, false, whole, &err));
    engine_session_truncate(s, 0);
    assert_true(engine_eval(s, ids, LONG, true, all, &err));
    assert_true(most_difference(whole, all + (LONG - 1) * (size_t)shape.vocab, 300) < 1e-5f);
    engine_session_truncate(s, 400);
    assert_true(engine_eval(s, ids + 400, LONG - 400, false, cut, &err));
    assert_true(most_difference(whole, cut, 300) < F32_TOLERANCE);
    assert_false(exact_session(m, NULL, 601, &s, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_false(exact_session(m, NULL, 0, &s, &err));
    engine_session_free(s);
    mem_free(all);
    engine_model_close(m);
    text_free(&file);
}

/* The logits of `n` tokens, `step` at a time; the caller frees them. */
static float *stepwise(const engine_model *m, pool *p, engine_kv kv, const int32_t *ids, size_t n,
                       size_t step) {
    const engine_session_options options = {(uint32_t)n, kv};
    size_t vocab = m->info.vocab;
    float *logits = mem_new(n * vocab, sizeof *logits);
    engine_session *s;
    error err = {0};
    assert_true(engine_session_new(m, p, &options, &s, &err));
    for (size_t i = 0; i < n; i += step) {
        size_t part = n - i < step ? n - i : step;
        assert_true(engine_eval(s, ids + i, part, true, logits + i * vocab, &err));
    }
    engine_session_free(s);
    return logits;
}

/* However a text is cut into calls and dealt out to threads, not one bit of a logit changes: what
 * drafting and reused prefixes stand on. */
static void test_same_bits(void **state) {
    (void)state;
    enum { LONG = 290 }; /* more than one batch, and than one span of attention */
    static const size_t steps[] = {1, 3, 8, 50, LONG, 8};
    static const uint32_t types[] = {ENGINE_Q8_0, ENGINE_F32};
    int32_t ids[LONG];
    pool *pools[] = {NULL, pool_new(2), pool_new(3)};
    for (size_t type = 0; type < 2; type++) {
        llama_shape shape = plain;
        shape.context = LONG;
        shape.type = types[type];
        text file = fixture_llama(&shape);
        engine_model *m = load_bytes(&file);
        pick_ids(ids, LONG, shape.vocab);
        for (size_t i = 0; i < 3; i++) {
            engine_kv kv = (engine_kv)i;
            float *whole = stepwise(m, NULL, kv, ids, LONG, LONG);
            for (size_t j = 0; j < sizeof steps / sizeof *steps; j++) {
                float *cut = stepwise(m, pools[j % 3], kv, ids, LONG, steps[j]);
                assert_memory_equal(whole, cut, LONG * shape.vocab * sizeof *whole);
                mem_free(cut);
            }
            mem_free(whole);
        }
        engine_model_close(m);
        text_free(&file);
    }
    for (size_t i = 0; i < 3; i++) pool_free(pools[i]);
}

/* A whole model from a file, as the program opens it: text to tokens to text. */
static void test_open(void **state) {
    (void)state;
    char path[] = "/tmp/carrel-llama-XXXXXX";
    engine_model *m = NULL;
    engine_session *s;
    engine_info info;
    engine_token *tokens;
    error err = {0};
    size_t n;
    text file = fixture_llama(&plain), said = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, file.p, file.n) == (ssize_t)file.n);
    close(fd);
    bool ok = engine_model_open(path, &m, &err);
    unlink(path);
    if (!ok) fail_msg("%s", err.text);
    engine_model_info(m, &info);
    assert_true(str_eq(info.architecture, STR("llama")));
    assert_true(str_eq(info.name, STR("random weights")));
    assert_int_equal(info.layers, 2);
    assert_int_equal(info.width, 64);
    assert_int_equal(info.context_length, 64);
    assert_int_equal(info.file_bytes, file.n);
    /* embedding and output; q and o, k and v, three of the feed-forward step; norms */
    assert_int_equal(info.parameters,
                     2 * 300 * 64 + 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 160 + 2 * 64) + 64);
    const engine_tokenizer *t = engine_model_tokenizer(m);
    assert_int_equal(engine_vocab_size(t), info.vocab);
    arena *a = arena_new();
    engine_tokenize(t, STR("a bad cab"), ENGINE_ADD_SPECIAL, a, &tokens, &n);
    assert_true(n > 1 && tokens[0].id == engine_token_special(t, ENGINE_BOS));
    float logits[300];
    assert_true(exact_session(m, NULL, 64, &s, &err));
    for (size_t i = 0; i < n; i++) {
        assert_true(engine_eval(s, &tokens[i].id, 1, false, logits, &err));
        engine_token_put(t, tokens[i].id, false, &said);
    }
    assert_true(str_ends(text_str(&said), STR("a bad cab")));
    engine_session_free(s);
    engine_model_close(m);
    engine_model_close(NULL);
    arena_free(a);
    text_free(&said);
    text_free(&file);
}

/* ---- files that cannot be run ------------------------------------------------------------- */

/* Changes the first `from` in the file to `to` of the same length; the load must fail and the
 * sentence must hold `named`. */
static void refuse(const char *from, const char *to, const char *named) {
    text file = fixture_llama(&plain);
    engine_gguf *g;
    engine_model *m;
    error err = {0};
    size_t at = str_find(text_str(&file), str_of(from), 0);
    assert_true(at != SIZE_MAX && strlen(from) == strlen(to));
    memcpy(file.p + at, to, strlen(to));
    assert_true(engine_gguf_open_memory(file.p, file.n, &g, &err));
    assert_false(engine_model_load(g, &m, &err));
    assert_int_equal(err.code, ERROR_MODEL);
    if (str_find(str_of(err.text), str_of(named), 0) == SIZE_MAX) {
        fail_msg("\"%s\" does not name %s", err.text, named);
    }
    text_free(&file);
}

static void test_refusals(void **state) {
    (void)state;
    refuse("llama", "mamba", "mamba");
    refuse("llama.block_count", "llama.block_cound", "llama.block_count");
    refuse("llama.embedding_length", "llama.embedding_lengtx", "llama.embedding_length");
    refuse("blk.1.ffn_down.weight", "blk.1.ffn_dawn.weight", "blk.1.ffn_down.weight");
    refuse("blk.0.attn_norm.weight", "blk.0.attn_narm.weight", "blk.0.attn_norm.weight");
    refuse("output_norm.weight", "output_narm.weight", "output_norm.weight");
    refuse("token_embd.weight", "token_embd.weighs", "token_embd.weight");
}

/* A key, its kind, and a u32 put over its value. */
static void refuse_value(const char *key, uint32_t value, const char *named) {
    text file = fixture_llama(&plain);
    engine_gguf *g;
    engine_model *m;
    error err = {0};
    size_t at = str_find(text_str(&file), str_of(key), 0);
    assert_true(at != SIZE_MAX);
    memcpy(file.p + at + strlen(key) + 4, &value, sizeof value);
    assert_true(engine_gguf_open_memory(file.p, file.n, &g, &err));
    assert_false(engine_model_load(g, &m, &err));
    if (str_find(str_of(err.text), str_of(named), 0) == SIZE_MAX) {
        fail_msg("\"%s\" does not name %s", err.text, named);
    }
    text_free(&file);
}

static void test_hostile_values(void **state) {
    (void)state;
    const uint32_t values[] = {0, 3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        refuse_value("llama.attention.head_count", values[i], "head");
        refuse_value("llama.embedding_length", values[i], "");
        refuse_value("llama.feed_forward_length", values[i], "");
        refuse_value("llama.attention.key_length", values[i], "");
        refuse_value("llama.rope.dimension_count", values[i] | 1, "dimension");
    }
    refuse_value("llama.block_count", 3, "blk.2.");
    refuse_value("llama.block_count", 0xFFFFFFFF, "llama.block_count");
    refuse_value("llama.rope.freq_base", 0x7FC00000, "freq_base"); /* not a number */
    refuse_value("llama.attention.layer_norm_rms_epsilon", 0xBF800000, "epsilon"); /* -1 */
}

static void test_too_large(void **state) {
    (void)state;
    error err = {0};
    assert_true(engine_memory_fits(1 << 20, "a context of 5 tokens", &err));
    assert_false(engine_memory_fits(UINT64_MAX - 1, "a context of 5 tokens", &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_true(
        str_starts(str_of(err.text), STR("a context of 5 tokens needs 17592186044415 MiB")));
    assert_non_null(strstr(err.text, "MiB are free"));
}

/* A weight that is no number must not end as an answer that is empty. */
static void test_no_numbers(void **state) {
    (void)state;
    const uint32_t bits[] = {0x7FC00000, 0x7F800000,
                             0xFF800000}; /* no number, and the infinities */
    const char *const where[] = {"blk.0.ffn_down.weight", "blk.1.attn_norm.weight"};
    int32_t ids[TOKENS];
    pick_ids(ids, TOKENS, plain.vocab);
    for (size_t i = 0; i < 6; i++) {
        text file = fixture_llama(&plain);
        engine_gguf *g;
        engine_model *m;
        engine_session *s;
        error err = {0};
        float logits[300];
        assert_true(engine_gguf_open_memory(file.p, file.n, &g, &err));
        const engine_tensor *t = engine_gguf_find(g, where[i % 2]);
        memcpy(file.p + ((const char *)t->data - file.p), &bits[i / 2], sizeof bits[0]);
        assert_true(engine_model_load(g, &m, &err));
        assert_true(exact_session(m, NULL, 64, &s, &err));
        assert_false(engine_eval(s, ids, TOKENS, false, logits, &err));
        assert_int_equal(err.code, ERROR_MODEL);
        assert_non_null(strstr(err.text, "no numbers"));
        assert_int_equal(engine_session_length(s), 0);
        engine_session_free(s);
        engine_model_close(m);
        text_free(&file);
    }
}

static void test_unknown_type(void **state) {
    (void)state;
    text file = fixture_llama(&plain);
    engine_gguf *g;
    engine_model *m;
    error err = {0};
    const char *name = "blk.1.ffn_up.weight";
    size_t at = str_find(text_str(&file), str_of(name), 0);
    uint32_t mxfp4 = 39; /* after the name: rank, two dimensions */
    memcpy(file.p + at + strlen(name) + 4 + 16, &mxfp4, sizeof mxfp4);
    assert_true(engine_gguf_open_memory(file.p, file.n, &g, &err));
    assert_false(engine_model_load(g, &m, &err));
    assert_true(str_find(str_of(err.text), STR("blk.1.ffn_up.weight"), 0) != SIZE_MAX);
    assert_true(str_find(str_of(err.text), STR("MXFP4"), 0) != SIZE_MAX);
    text_free(&file);
}

/* ---- sampling ----------------------------------------------------------------------------- */

static void test_sampler(void **state) {
    (void)state;
    const float logits[5] = {1.0f, 3.0f, NAN, 3.0f, 2.0f};
    uint64_t only_4 = 1u << 4, none = 0;
    engine_sampler *s = engine_sampler_new(&(engine_sampling){0, 1, 1}, 5);
    assert_int_equal(engine_sample(s, logits, NULL), 1); /* a tie goes to the lower id */
    assert_int_equal(engine_sample(s, logits, &only_4), 4);
    assert_int_equal(engine_sample(s, logits, &none), -1);
    engine_sampler_free(s);

    /* e^3, e^3, e^2, e^1: 0.41, 0.41, 0.15, 0.06 of the whole */
    enum { DRAWS = 20000 };
    size_t drawn[5] = {0};
    s = engine_sampler_new(&(engine_sampling){1, 1, 7}, 5);
    for (int i = 0; i < DRAWS; i++) drawn[engine_sample(s, logits, NULL)]++;
    engine_sampler_free(s);
    double whole = exp(1) + 2 * exp(3) + exp(2);
    assert_int_equal(drawn[2], 0);
    assert_true(fabs((double)drawn[0] / DRAWS - exp(1) / whole) < 0.01);
    assert_true(fabs((double)drawn[1] / DRAWS - exp(3) / whole) < 0.015);
    assert_true(fabs((double)drawn[3] / DRAWS - exp(3) / whole) < 0.015);
    assert_true(fabs((double)drawn[4] / DRAWS - exp(2) / whole) < 0.015);

    /* a nucleus of 0.75 is the two best; of 0.9 the three best; of 0 the best */
    const struct {
        float top_p;
        size_t kinds;
    } cases[] = {{0.75f, 2}, {0.9f, 3}, {0, 1}};
    for (size_t c = 0; c < 3; c++) {
        memset(drawn, 0, sizeof drawn);
        s = engine_sampler_new(&(engine_sampling){1, cases[c].top_p, 7}, 5);
        for (int i = 0; i < DRAWS; i++) drawn[engine_sample(s, logits, NULL)]++;
        engine_sampler_free(s);
        size_t kinds = 0;
        for (size_t i = 0; i < 5; i++) kinds += drawn[i] > 0;
        assert_int_equal(kinds, cases[c].kinds);
        assert_true(drawn[1] > 0);
    }
}

static void test_sampler_seed(void **state) {
    (void)state;
    enum { DRAWS = 64 };
    float logits[50];
    for (size_t i = 0; i < 50; i++) logits[i] = (float)(i % 7) * 0.3f;
    int32_t first[DRAWS];
    bool other = false;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        engine_sampler *s = engine_sampler_new(&(engine_sampling){0.8f, 0.95f, seed / 2}, 50);
        for (size_t i = 0; i < DRAWS; i++) {
            int32_t id = engine_sample(s, logits, NULL);
            if (seed == 2) first[i] = id;
            if (seed == 3) assert_int_equal(id, first[i]); /* 2/2 and 3/2: the same seed */
            if (seed == 1) first[i] = id;
            other = other || id != first[0];
        }
        engine_sampler_free(s);
    }
    assert_true(other);
    const float infinite[2] = {0, INFINITY};
    engine_sampler *s = engine_sampler_new(&(engine_sampling){1, 0.9f, 1}, 2);
    assert_int_equal(engine_sample(s, infinite, NULL), 1);
    engine_sampler_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_long_prompt),    cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_open),           cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_hostile_values), cmocka_unit_test(test_no_numbers),
        cmocka_unit_test(test_too_large),      cmocka_unit_test(test_unknown_type),
        cmocka_unit_test(test_sampler),        cmocka_unit_test(test_sampler_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
