/* The decoder against other people's numbers and against our own.
 *
 * Two judges: the reference data of ../shared/parity (skipped where it is not here), and, always,
 * a float64 implementation of the architecture in this file, written from its definition with plain
 * loops, run on small random models that have every feature somewhere. Features are also taken
 * away one at a time, to show that the tests would notice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/model.h"
#include "tests/fixtures/gguf_fixture.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#define PARITY "../shared/parity/"
/* int8 activations against exact ones, the most of any logit; see the README there */
#define INT8_TOLERANCE 1.5f
#define F32_TOLERANCE 1e-4f /* what two f32 engines may differ by; see the README there */

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

/* ---- the float64 judge -------------------------------------------------------------------- */

typedef struct {
    const engine_gguf *g;
    size_t n, width, hidden, heads, kv_heads, head, rotary, vocab, layers;
    double base, epsilon;
} judge;

static double *judge_tensor(const judge *j, const char *name) {
    const engine_tensor *t = engine_gguf_find(j->g, name);
    if (!t) return NULL;
    size_t n = t->shape[0] * t->shape[1];
    float *f = mem_new(n, sizeof *f);
    double *d = mem_new(n, sizeof *d);
    engine_dequantize(t->type, t->data, f, n);
    for (size_t i = 0; i < n; i++) d[i] = (double)f[i];
    mem_free(f);
    return d;
}

/* y[t][r] += W x[t] + bias for rows [skip, skip + rows) of NAME. */
static void judge_linear(const judge *j, const char *prefix, const char *name, size_t skip,
                         size_t rows, size_t columns, const double *x, double *y) {
    char full[96];
    snprintf(full, sizeof full, "%s%s.weight", prefix, name);
    double *w = judge_tensor(j, full);
    assert_non_null(w);
    snprintf(full, sizeof full, "%s%s.bias", prefix, name);
    double *bias = judge_tensor(j, full);
    for (size_t t = 0; t < j->n; t++) {
        for (size_t r = 0; r < rows; r++) {
            double sum = bias ? bias[skip + r] : 0;
            for (size_t i = 0; i < columns; i++) {
                sum += w[(skip + r) * columns + i] * x[t * columns + i];
            }
            y[t * rows + r] += sum;
        }
    }
    mem_free(w);
    mem_free(bias);
}

static double *judge_norm(const judge *j, const char *prefix, const char *name, const double *x) {
    char full[96];
    snprintf(full, sizeof full, "%s%s.weight", prefix, name);
    double *w = judge_tensor(j, full), *y = mem_new(j->n * j->width, sizeof *y);
    assert_non_null(w);
    for (size_t t = 0; t < j->n; t++) {
        double squares = 0;
        for (size_t i = 0; i < j->width; i++) squares += pow(x[t * j->width + i], 2);
        for (size_t i = 0; i < j->width; i++) {
            y[t * j->width + i] =
                x[t * j->width + i] / sqrt(squares / (double)j->width + j->epsilon) * w[i];
        }
    }
    mem_free(w);
    return y;
}

static void judge_rope(const judge *j, double *x, size_t heads, const double *factors) {
    for (size_t t = 0; t < j->n; t++) {
        for (size_t h = 0; h < heads; h++) {
            double *v = x + (t * heads + h) * j->head;
            for (size_t i = 0; i < j->rotary / 2; i++) {
                double angle = (double)t / pow(j->base, 2.0 * (double)i / (double)j->rotary);
                if (factors) angle /= factors[i];
                double a = v[2 * i], b = v[2 * i + 1];
                v[2 * i] = a * cos(angle) - b * sin(angle);
                v[2 * i + 1] = a * sin(angle) + b * cos(angle);
            }
        }
    }
}

static void judge_attention(const judge *j, const double *q, const double *k, const double *v,
                            double *out) {
    size_t group = j->heads / j->kv_heads;
    double *s = mem_new(j->n, sizeof *s);
    for (size_t t = 0; t < j->n; t++) {
        for (size_t h = 0; h < j->heads; h++) {
            double total = 0;
            for (size_t u = 0; u <= t; u++) {
                s[u] = 0;
                for (size_t i = 0; i < j->head; i++) {
                    s[u] += q[(t * j->heads + h) * j->head + i] *
                            k[(u * j->kv_heads + h / group) * j->head + i];
                }
                s[u] = exp(s[u] / sqrt((double)j->head));
                total += s[u];
            }
            for (size_t u = 0; u <= t; u++) {
                for (size_t i = 0; i < j->head; i++) {
                    out[(t * j->heads + h) * j->head + i] +=
                        s[u] / total * v[(u * j->kv_heads + h / group) * j->head + i];
                }
            }
        }
    }
    mem_free(s);
}

static void judge_layer(const judge *j, size_t layer, const double *factors, double *x) {
    char prefix[32], name[64];
    size_t q_width = j->heads * j->head, kv_width = j->kv_heads * j->head;
    double *q = mem_new(j->n * q_width, sizeof *q), *k = mem_new(j->n * kv_width, sizeof *k);
    double *v = mem_new(j->n * kv_width, sizeof *v), *a = mem_new(j->n * q_width, sizeof *a);
    double *gate = mem_new(j->n * j->hidden, sizeof *gate), *up = mem_new(j->n * j->hidden, 8);
    snprintf(prefix, sizeof prefix, "blk.%zu.", layer);
    snprintf(name, sizeof name, "%sattn_qkv.weight", prefix);
    bool fused = engine_gguf_find(j->g, name) != NULL;
    double *h = judge_norm(j, prefix, "attn_norm", x);
    judge_linear(j, prefix, fused ? "attn_qkv" : "attn_q", 0, q_width, j->width, h, q);
    judge_linear(j, prefix, fused ? "attn_qkv" : "attn_k", fused ? q_width : 0, kv_width, j->width,
                 h, k);
    judge_linear(j, prefix, fused ? "attn_qkv" : "attn_v", fused ? q_width + kv_width : 0, kv_width,
                 j->width, h, v);
    judge_rope(j, q, j->heads, factors);
    judge_rope(j, k, j->kv_heads, factors);
    judge_attention(j, q, k, v, a);
    judge_linear(j, prefix, "attn_output", 0, j->width, q_width, a, x);
    mem_free(h);
    h = judge_norm(j, prefix, "ffn_norm", x);
    judge_linear(j, prefix, "ffn_gate", 0, j->hidden, j->width, h, gate);
    judge_linear(j, prefix, "ffn_up", 0, j->hidden, j->width, h, up);
    for (size_t i = 0; i < j->n * j->hidden; i++) gate[i] *= up[i] / (1 + exp(-gate[i]));
    judge_linear(j, prefix, "ffn_down", 0, j->width, j->hidden, gate, x);
    double *all[] = {q, k, v, a, gate, up, h};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
}

/* Logits [n][vocab] as float64 gives them; the caller frees them. */
static float *judge_logits(const engine_gguf *g, const llama_shape *s, const int32_t *ids,
                           size_t n) {
    judge j = {g,
               n,
               s->width,
               s->hidden,
               s->heads,
               s->kv_heads,
               s->head,
               s->rotary,
               s->vocab,
               s->layers,
               (double)s->rope_base,
               (double)1e-5f};
    double *embedding = judge_tensor(&j, "token_embd.weight");
    double *factors = judge_tensor(&j, "rope_freqs.weight");
    double *x = mem_new(n * j.width, sizeof *x), *y = mem_new(n * j.vocab, sizeof *y);
    for (size_t i = 0; i < n * j.width; i++) {
        x[i] = embedding[(size_t)ids[i / j.width] * j.width + i % j.width];
    }
    for (size_t i = 0; i < j.layers; i++) judge_layer(&j, i, factors, x);
    double *h = judge_norm(&j, "", "output_norm", x);
    judge_linear(&j, "", s->tied ? "token_embd" : "output", 0, j.vocab, j.width, h, y);
    float *logits = mem_new(n * j.vocab, sizeof *logits);
    for (size_t i = 0; i < n * j.vocab; i++) logits[i] = (float)y[i];
    double *all[] = {embedding, factors, x, y, h};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
    return logits;
}

/* ---- random models against the judge ------------------------------------------------------ */

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

static void check_shape(const llama_shape *s) {
    int32_t ids[TOKENS];
    pick_ids(ids, TOKENS, s->vocab);
    text file = fixture_llama(s);
    engine_model *m = load_bytes(&file);
    pool *two = pool_new(2);
    float *expected = judge_logits(m->gguf, s, ids, TOKENS);
    float *got = all_logits(m, two, ids, TOKENS);
    float difference = most_difference(expected, got, TOKENS * s->vocab);
    float tolerance = s->type == FIXTURE_Q8_0 ? INT8_TOLERANCE : F32_TOLERANCE;
    assert_true(difference < tolerance);

    m->net.shape.kernels = &engine_kernels_scalar;
    float *scalar = all_logits(m, NULL, ids, TOKENS);
    assert_true(most_difference(expected, scalar, TOKENS * s->vocab) < tolerance);
    mem_free(expected);
    mem_free(got);
    mem_free(scalar);
    engine_model_close(m);
    pool_free(two);
    text_free(&file);
}

static void test_plain(void **state) {
    (void)state;
    check_shape(&plain);
}

static void test_features(void **state) {
    (void)state;
    llama_shape s = plain;
    s.tied = true;
    s.type = FIXTURE_Q8_0;
    s.seed = 2;
    check_shape(&s);

    s = plain; /* one matrix for q, k and v; biases; F16; heads wider than width / heads */
    s.fused_qkv = s.biases = true;
    s.type = FIXTURE_F16;
    s.head = 24;
    s.rotary = 24;
    s.kv_heads = 1;
    s.seed = 3;
    check_shape(&s);

    s = plain; /* part of a head turns, by its own frequencies; odd widths in F32 */
    s.rope_freqs = s.biases = true;
    s.width = 60;
    s.hidden = 101;
    s.head = 10;
    s.heads = s.kv_heads = 3;
    s.rotary = 6;
    s.rope_base = 500000;
    s.vocab = 261;
    s.layers = 3;
    s.seed = 4;
    check_shape(&s);
}

/* The same weights under another base, or without their frequencies, must not pass. */
static void test_features_are_seen(void **state) {
    (void)state;
    int32_t ids[TOKENS];
    pick_ids(ids, TOKENS, plain.vocab);
    llama_shape s = plain, other = plain;
    s.rope_freqs = other.rope_freqs = true;
    other.rope_base = 100;
    text file = fixture_llama(&s), changed = fixture_llama(&other);
    engine_model *m = load_bytes(&file), *c = load_bytes(&changed);
    float *a = all_logits(m, NULL, ids, TOKENS), *b = all_logits(c, NULL, ids, TOKENS);
    assert_true(most_difference(a, b, TOKENS * s.vocab) > 0.1f);
    mem_free(b);
    engine_model_close(c);

    s.rope_freqs = false;
    text without = fixture_llama(&s);
    c = load_bytes(&without);
    b = all_logits(c, NULL, ids, TOKENS);
    assert_true(most_difference(a, b, TOKENS * s.vocab) > 0.1f);
    mem_free(a);
    mem_free(b);
    engine_model_close(m);
    engine_model_close(c);
    text_free(&file);
    text_free(&changed);
    text_free(&without);
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
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_features),
        cmocka_unit_test(test_features_are_seen),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_long_prompt),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_hostile_values),
        cmocka_unit_test(test_unknown_type),
        cmocka_unit_test(test_sampler),
        cmocka_unit_test(test_sampler_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
