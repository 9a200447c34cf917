/* The reader's encoder against a float64 implementation of its definition (plain loops, in this
 * file, on random weights), and against the logits that its training program gave for the model
 * that ships (models/fixtures/reader.json).
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

#define TOLERANCE 1e-4
#define INT8_TOLERANCE 0.3 /* where activations are rounded to int8 */
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

/* [n][2]; the caller frees it. */
static float *encode(const engine_gguf *g, pool *p, const int32_t *ids, const uint8_t *types,
                     size_t n) {
    engine_encoder *e;
    error err = {0};
    const engine_sequence in = {ids, types, n};
    float *out = mem_new(2 * n, sizeof *out);
    if (!engine_encoder_open(g, &e, &err) || !engine_encode_batch(e, p, &in, 1, out, &err)) {
        fail_msg("%s", err.text);
    }
    engine_encoder_close(e);
    return out;
}

/* ---- the float64 judge -------------------------------------------------------------------- */

static double *judge_tensor(const engine_gguf *g, const char *prefix, const char *name) {
    char full[96];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    const engine_tensor *t = engine_gguf_find(g, full);
    assert_non_null(t);
    size_t n = t->shape[0] * t->shape[1];
    float *f = mem_new(n, sizeof *f);
    double *d = mem_new(n, sizeof *d);
    engine_dequantize(t->type, t->data, f, n);
    for (size_t i = 0; i < n; i++) d[i] = (double)f[i];
    mem_free(f);
    return d;
}

/* y [n][rows] += x [n][columns] W^T */
static void judge_linear(const engine_gguf *g, const char *prefix, const char *name, size_t n,
                         size_t rows, size_t columns, const double *x, double *y) {
    double *w = judge_tensor(g, prefix, name);
    for (size_t i = 0; i < n * rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            y[i] += w[i % rows * columns + j] * x[i / rows * columns + j];
        }
    }
    mem_free(w);
}

static void judge_norm(const engine_gguf *g, const char *prefix, const char *name, size_t n,
                       size_t width, const double *x, double *y) {
    double *w = judge_tensor(g, prefix, name);
    for (size_t t = 0; t < n; t++) {
        double squares = 0;
        for (size_t i = 0; i < width; i++) squares += pow(x[t * width + i], 2);
        for (size_t i = 0; i < width; i++) {
            y[t * width + i] = x[t * width + i] / sqrt(squares / (double)width + 1e-6) * w[i];
        }
    }
    mem_free(w);
}

/* Pair i of a head is (i, i + head / 2). */
static void judge_rope(double *x, size_t n, size_t width, size_t head, double base) {
    for (size_t t = 0; t < n; t++) {
        for (size_t h = 0; h < width; h += head) {
            for (size_t i = 0; i < head / 2; i++) {
                double angle = (double)t * pow(base, -2.0 * (double)i / (double)head);
                double *a = x + t * width + h + i, *b = a + head / 2, first = *a;
                *a = first * cos(angle) - *b * sin(angle);
                *b = first * sin(angle) + *b * cos(angle);
            }
        }
    }
}

static void judge_attention(const double *q, const double *k, const double *v, size_t n,
                            size_t width, size_t head, double *out) {
    double *s = mem_new(n, sizeof *s);
    for (size_t t = 0; t < n; t++) {
        for (size_t h = 0; h < width; h += head) {
            double total = 0;
            for (size_t u = 0; u < n; u++) {
                s[u] = 0;
                for (size_t i = h; i < h + head; i++) s[u] += q[t * width + i] * k[u * width + i];
                s[u] = exp(s[u] / sqrt((double)head));
                total += s[u];
            }
            for (size_t u = 0; u < n; u++) {
                for (size_t i = h; i < h + head; i++) {
                    out[t * width + i] += s[u] / total * v[u * width + i];
                }
            }
        }
    }
    mem_free(s);
}

static void judge_layer(const engine_gguf *g, const reader_shape *s, size_t layer, size_t n,
                        double *x) {
    char prefix[32];
    size_t d = s->width, f = s->hidden;
    double *part[7]; /* q k v attended gate up h */
    for (size_t i = 0; i < 7; i++) part[i] = mem_new(n * (d > f ? d : f), sizeof(double));
    snprintf(prefix, sizeof prefix, "blk.%zu.", layer);
    judge_norm(g, prefix, "attn_norm.weight", n, d, x, part[6]);
    judge_linear(g, prefix, "attn_q.weight", n, d, d, part[6], part[0]);
    judge_linear(g, prefix, "attn_k.weight", n, d, d, part[6], part[1]);
    judge_linear(g, prefix, "attn_v.weight", n, d, d, part[6], part[2]);
    judge_rope(part[0], n, d, d / s->heads, (double)s->rope_base);
    judge_rope(part[1], n, d, d / s->heads, (double)s->rope_base);
    judge_attention(part[0], part[1], part[2], n, d, d / s->heads, part[3]);
    judge_linear(g, prefix, "attn_output.weight", n, d, d, part[3], x);
    judge_norm(g, prefix, "ffn_norm.weight", n, d, x, part[6]);
    judge_linear(g, prefix, "ffn_gate.weight", n, f, d, part[6], part[4]);
    judge_linear(g, prefix, "ffn_up.weight", n, f, d, part[6], part[5]);
    for (size_t i = 0; i < n * f; i++) part[4][i] *= part[5][i] / (1 + exp(-part[4][i]));
    judge_linear(g, prefix, "ffn_down.weight", n, d, f, part[4], x);
    for (size_t i = 0; i < 7; i++) mem_free(part[i]);
}

static double *judge_encode(const engine_gguf *g, const reader_shape *s, const int32_t *ids,
                            const uint8_t *types, size_t n) {
    size_t d = s->width;
    double *embedding = judge_tensor(g, "", "token_embd.weight");
    double *type_rows = judge_tensor(g, "", "token_types.weight");
    double *bias = judge_tensor(g, "", "span.bias");
    double *x = mem_new(n * d, sizeof *x), *h = mem_new(n * d, sizeof *h);
    double *out = mem_new(2 * n, sizeof *out);
    for (size_t i = 0; i < n * d; i++) {
        x[i] = embedding[(size_t)ids[i / d] * d + i % d] + type_rows[types[i / d] * d + i % d];
    }
    for (size_t i = 0; i < s->layers; i++) judge_layer(g, s, i, n, x);
    judge_norm(g, "", "output_norm.weight", n, d, x, h);
    for (size_t i = 0; i < 2 * n; i++) out[i] = bias[i % 2];
    judge_linear(g, "", "span.weight", n, 2, d, h, out);
    double *all[] = {embedding, type_rows, bias, x, h};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
    return out;
}

/* ---- tests -------------------------------------------------------------------------------- */

static void check_shape(const reader_shape *s, size_t n) {
    int32_t ids[TOKENS];
    uint8_t types[TOKENS];
    pick(ids, types, n, s);
    text file = fixture_reader(s);
    engine_gguf *g = open_bytes(&file);
    double *want = judge_encode(g, s, ids, types, n);
    float *got = encode(g, NULL, ids, types, n);
    double tolerance = s->type == FIXTURE_Q8_0 ? INT8_TOLERANCE : TOLERANCE;
    for (size_t i = 0; i < 2 * n; i++) assert_true(fabs(want[i] - (double)got[i]) < tolerance);
    mem_free(want);
    mem_free(got);
    engine_gguf_close(g);
    text_free(&file);
}

static void test_judge(void **state) {
    (void)state;
    check_shape(&plain, TOKENS);
    for (size_t n = 1; n <= 19; n++) check_shape(&plain, n); /* every rest of tiles and panels */
    reader_shape s = plain;
    s.type = FIXTURE_F16;
    s.width = 72; /* heads of 18: no multiple of a panel */
    s.heads = 4;
    check_shape(&s, TOKENS);
    s.type = FIXTURE_F32;
    s.rope_base = 500;
    s.hidden = 61;
    s.types = 5;
    check_shape(&s, TOKENS);
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
        for (size_t t = 0; t < 2 * n; t++) {
            const json_t *want = json_object_get(pair, t % 2 ? "end" : "start");
            double d = fabs(json_number_value(json_array_get(want, t / 2)) - (double)out[t]);
            if (!(d <= most)) most = d;
        }
        mem_free(out);
        mem_free(ids);
        mem_free(types);
    }
    printf("reader: %.3g from its training program\n", most);
    if (!(most < GOLDEN_TOLERANCE)) {
        fail_msg("%.3g from its training program; after a new model run models/train/fixtures.py",
                 most);
    }
    engine_gguf_close(g);
    json_decref(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge),           cmocka_unit_test(test_threads),
        cmocka_unit_test(test_inputs_are_seen), cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_refusals),        cmocka_unit_test(test_golden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
