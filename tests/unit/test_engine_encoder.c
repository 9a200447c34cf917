/* The reader's encoder: threads, bad inputs, files that are refused, and the logits that its
 * training program gave for the model that ships (models/fixtures/reader.json). What it computes
 * is for test_engine_arch as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/engine.h"
#include "tests/fixtures/gguf_fixture.h"

#include <jansson.h>
#include <stdlib.h>

#define GOLDEN "models/fixtures/reader.json"
/* int8 activations; with exact ones the difference was below 1e-4. */
#define GOLDEN_TOLERANCE 0.15

enum { TOKENS = 41 };

static const reader_shape plain = {
    .layers = 2,
    .width = 96,
    .hidden = 160,
    .heads = 3,
    .vocab = 200,
    .context = 64,
    .types = 3,
    .type = FIXTURE_Q8_0,
    .rope_base = 10000,
    .seed = 9,
};

static engine_gguf *open_bytes(const text *file) {
    engine_gguf *g = NULL;
    error err = {0};
    if (!engine_gguf_open_memory(file->p, file->n, &g, &err)) fail_msg("%s", err.text);
    return g;
}

static void pick(int32_t *ids, uint8_t *types, size_t n, const reader_shape *s) {
    for (size_t i = 0; i < n; i++) {
        ids[i] = (int32_t)((i * 7919 + 5) % s->vocab);
        types[i] = (uint8_t)(i * 5 / n % s->types);
    }
}

/* [n][outputs]; the caller frees it. */
static float *encode(const engine_gguf *g, pool *p, const int32_t *ids, const uint8_t *types,
                     size_t n) {
    engine_encoder *e;
    error err = {0};
    const engine_sequence in = {ids, types, n};
    float *out = mem_new(ENGINE_SPAN_OUTPUTS * n, sizeof *out);
    if (!engine_encoder_open(g, &e, &err) || !engine_encode_batch(e, p, &in, 1, out, &err)) {
        fail_msg("%s", err.text);
    }
    engine_encoder_close(e);
    return out;
}

static void test_threads(void **state) {
    (void)state;
    int32_t ids[TOKENS];
    uint8_t types[TOKENS];
    pick(ids, types, TOKENS, &plain);
    text file = fixture_reader(&plain);
    engine_gguf *g = open_bytes(&file);
    float *one = encode(g, NULL, ids, types, TOKENS);
    for (int threads = 2; threads <= 4; threads++) {
        pool *p = pool_new(threads);
        float *many = encode(g, p, ids, types, TOKENS);
        assert_memory_equal(one, many, 2 * TOKENS * sizeof *one);
        mem_free(many);
        pool_free(p);
    }
    mem_free(one);
    engine_gguf_close(g);
    text_free(&file);
}

/* Types, positions and both directions of attention each change the result. */
static void test_inputs_are_seen(void **state) {
    (void)state;
    int32_t ids[TOKENS];
    uint8_t types[TOKENS];
    pick(ids, types, TOKENS, &plain);
    text file = fixture_reader(&plain);
    engine_gguf *g = open_bytes(&file);
    float *base = encode(g, NULL, ids, types, TOKENS);
    types[TOKENS - 1] ^= 1; /* the last token's type reaches the first token */
    float *other = encode(g, NULL, ids, types, TOKENS);
    assert_true(fabsf(base[0] - other[0]) > 1e-3f);
    mem_free(other);
    types[TOKENS - 1] ^= 1;
    int32_t swap = ids[10]; /* the same tokens in another order */
    ids[10] = ids[20];
    ids[20] = swap;
    types[20] = types[10];
    other = encode(g, NULL, ids, types, TOKENS);
    assert_true(fabsf(base[0] - other[0]) > 1e-3f);
    mem_free(other);
    mem_free(base);
    engine_gguf_close(g);
    text_free(&file);
}

/* The first n of ids and types. */
static bool encode_some(const engine_encoder *e, const int32_t *ids, const uint8_t *types, size_t n,
                        error *err) {
    float out[130];
    return engine_encode_batch(e, NULL, &(engine_sequence){ids, types, n}, 1, out, err);
}

static void test_bad_input(void **state) {
    (void)state;
    int32_t ids[65] = {0};
    uint8_t types[65] = {0};
    engine_encoder *e;
    error err = {0};
    text file = fixture_reader(&plain);
    engine_gguf *g = open_bytes(&file);
    assert_true(engine_encoder_open(g, &e, &err));
    assert_int_equal(engine_encoder_context(e), 64);
    assert_true(encode_some(e, ids, types, 64, &err));
    assert_false(encode_some(e, ids, types, 65, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_false(encode_some(e, ids, types, 0, &err));
    ids[3] = 200;
    assert_false(encode_some(e, ids, types, 5, &err));
    ids[3] = -1;
    assert_false(encode_some(e, ids, types, 5, &err));
    ids[3] = 0;
    types[4] = 3;
    assert_false(encode_some(e, ids, types, 5, &err));
    assert_true(encode_some(e, ids, types, 4, &err));
    engine_encoder_close(e);
    engine_gguf_close(g);
    text_free(&file);
}

static void refuse(const char *from, const char *to, const char *named) {
    text file = fixture_reader(&plain);
    engine_encoder *e;
    error err = {0};
    size_t at = str_find(text_str(&file), str_of(from), 0);
    assert_true(at != SIZE_MAX && strlen(from) == strlen(to));
    memcpy(file.p + at, to, strlen(to));
    engine_gguf *g = open_bytes(&file);
    assert_false(engine_encoder_open(g, &e, &err));
    assert_int_equal(err.code, ERROR_MODEL);
    if (str_find(str_of(err.text), str_of(named), 0) == SIZE_MAX) {
        fail_msg("\"%s\" does not name %s", err.text, named);
    }
    engine_gguf_close(g);
    text_free(&file);
}

static void test_refusals(void **state) {
    (void)state;
    refuse("carrel-reader", "carrel-writer", "architecture");
    refuse("carrel-reader.context_length", "carrel-reader.context_lengtx", "context_length");
    refuse("carrel-reader.rope.freq_base", "carrel-reader.rope.freq_bass", "rope.freq_base");
    refuse("token_embd.weight", "token_embb.weight", "token_embd.weight");
    refuse("token_types.weight", "token_typos.weight", "token_types.weight");
    refuse("blk.1.attn_v.weight", "blk.2.attn_v.weight", "blk.1.attn_v.weight");
    refuse("span.weight", "spam.weight", "span.weight");
}

static void test_golden(void **state) {
    (void)state;
    json_error_t where;
    json_t *root = json_load_file(GOLDEN, 0, &where);
    engine_gguf *g;
    error err = {0};
    if (root == NULL) fail_msg("%s: line %d: %s", GOLDEN, where.line, where.text);
    if (!engine_gguf_open("models/carrel-reader.gguf", &g, &err)) fail_msg("%s", err.text);
    const json_t *pairs = json_object_get(root, "pairs");
    assert_true(json_array_size(pairs) > 0);
    double most = 0;
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *pair = json_array_get(pairs, i);
        const json_t *ids_json = json_object_get(pair, "ids");
        size_t n = json_array_size(ids_json);
        int32_t *ids = mem_new(n, sizeof *ids);
        uint8_t *types = mem_new(n, 1);
        for (size_t t = 0; t < n; t++) {
            ids[t] = (int32_t)json_integer_value(json_array_get(ids_json, t));
            types[t] =
                (uint8_t)json_integer_value(json_array_get(json_object_get(pair, "types"), t));
        }
        float *out = encode(g, NULL, ids, types, n);
        for (size_t t = 0; t < ENGINE_SPAN_OUTPUTS * n; t++) {
            static const char *const outputs[] = {"start", "end", "sentence"};
            const json_t *want = json_object_get(pair, outputs[t % ENGINE_SPAN_OUTPUTS]);
            size_t at = t / ENGINE_SPAN_OUTPUTS;
            double d = fabs(json_number_value(json_array_get(want, at)) - (double)out[t]);
            if (!(d <= most)) most = d;
        }
        mem_free(out);
        mem_free(ids);
        mem_free(types);
    }
    printf("reader: %.3g from its training program\n", most);
    if (!(most < GOLDEN_TOLERANCE)) {
        fail_msg("%.3g from its training program; after a new model run train-fixtures", most);
    }
    engine_gguf_close(g);
    json_decref(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),   cmocka_unit_test(test_inputs_are_seen),
        cmocka_unit_test(test_bad_input), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_golden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
