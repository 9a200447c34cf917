/* Every architecture against a float64 implementation of its definition, on small random models
 * (tests/support/random_model, reference_model); and every feature of every architecture left out
 * or changed in the file, which must move the results far beyond the tolerance, or be refused by
 * name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/model.h"
#include "tests/support/reference_model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LOGITS 1e-4
#define VECTORS 5e-6
#define INT8_LOGITS 0.15
#define INT8_VECTORS 0.02
#define SEEN 20 /* a change must move results by so many times the tolerance */

enum { TOKENS = 37, MOST_INPUTS = 5 };

static const size_t lengths[MOST_INPUTS] = {23, 1, TOKENS, 2, 16};

static double tolerance(const model_recipe *r) {
    return r->pooling ? VECTORS : LOGITS;
}

static void pick(const model_recipe *r, int32_t *ids, uint8_t *types) {
    for (size_t i = 0; i < TOKENS; i++) {
        ids[i] = (int32_t)((i * 7919 + 13) % r->vocab);
        types[i] = (uint8_t)(i % 5 == 0 ? 0 : i * 3 / TOKENS);
    }
}

/* What the engine makes of a file; `count` floats, or NULL and a sentence where it is refused. */
static float *run_decoder(const text *file, uint32_t n_ctx, const int32_t *ids, pool *p,
                          error *err) {
    engine_gguf *g;
    engine_model *m;
    engine_session *s;
    const engine_session_options options = {n_ctx, ENGINE_KV_F32};
    assert_true(engine_gguf_open_memory(file->p, file->n, &g, err));
    if (!engine_model_load(g, &m, err)) return NULL;
    float *out = mem_new(TOKENS * (size_t)m->info.vocab, sizeof *out);
    if (!engine_session_new(m, p, &options, &s, err)) fail_msg("%s", err->text);
    if (!engine_eval(s, ids, TOKENS, true, out, err)) fail_msg("%s", err->text);
    engine_session_free(s);
    engine_model_close(m);
    return out;
}

static float *run_encoder(const text *file, const engine_sequence *in, size_t count, size_t size,
                          pool *p, error *err) {
    engine_gguf *g;
    engine_encoder *e;
    float *out = NULL;
    assert_true(engine_gguf_open_memory(file->p, file->n, &g, err));
    if (engine_encoder_open(g, &e, err)) {
        out = mem_new(size, sizeof *out);
        if (!engine_encode_batch(e, p, in, count, out, err)) fail_msg("%s", err->text);
        engine_encoder_close(e);
    }
    engine_gguf_close(g);
    return out;
}

static double most_apart(const double *want, const float *got, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double apart = fabs(want[i] - (double)got[i]);
        if (!(apart <= most)) most = apart; /* not a number wins */
    }
    return most;
}

/* ---- the same numbers --------------------------------------------------------------------- */

static void check_decoder(const model_recipe *r, const random_model *m, const text *file, pool *p) {
    int32_t ids[TOKENS];
    uint8_t types[TOKENS];
    error err = {0};
    pick(r, ids, types);
    const uint32_t contexts[] = {TOKENS, r->context}; /* phi3: short and long factors */
    for (size_t i = 0; i < 2; i++) {
        float *got = run_decoder(file, contexts[i], ids, p, &err);
        if (!got) fail_msg("%s: %s", r->title, err.text);
        double *want = reference_logits(m, ids, TOKENS, contexts[i]);
        double most = most_apart(want, got, TOKENS * (size_t)r->vocab);
        printf("%-22s %.3g\n", r->title, most);
        assert_true(most < LOGITS);
        mem_free(want);
        mem_free(got);
    }
}

/* Several inputs of unlike lengths at once. */
static void check_encoder(const model_recipe *r, const random_model *m, const text *file, pool *p) {
    int32_t ids[TOKENS];
    uint8_t types[TOKENS];
    engine_sequence in[MOST_INPUTS];
    size_t at[MOST_INPUTS + 1] = {0};
    error err = {0};
    bool spans = r->has & M_SPAN;
    pick(r, ids, types);
    for (size_t i = 0; i < MOST_INPUTS; i++) {
        in[i] = (engine_sequence){ids, r->has & M_TYPES ? types : NULL, lengths[i]};
        at[i + 1] = at[i] + (spans ? RANDOM_SPANS * lengths[i] : reference_width(m));
    }
    float *got = run_encoder(file, in, MOST_INPUTS, at[MOST_INPUTS], p, &err);
    if (!got) fail_msg("%s: %s", r->title, err.text);
    double most = 0;
    for (size_t i = 0; i < MOST_INPUTS; i++) {
        double *want = spans ? reference_spans(m, ids, in[i].types, lengths[i])
                             : reference_pooled(m, ids, in[i].types, lengths[i]);
        most = fmax(most, most_apart(want, got + at[i], at[i + 1] - at[i]));
        mem_free(want);
    }
    printf("%-22s %.3g\n", r->title, most);
    assert_true(most < tolerance(r));
    mem_free(got);
}

static bool is_encoder(const model_recipe *r) {
    return r->pooling || (r->has & M_SPAN);
}

static void test_reference(void **state) {
    (void)state;
    pool *p = pool_new(2);
    for (size_t i = 0; i < model_recipe_count; i++) {
        const model_recipe *r = &model_recipes[i];
        random_model m;
        random_model_make(r, &m);
        text file = random_model_file(&m, NULL);
        (is_encoder(r) ? check_encoder : check_decoder)(r, &m, &file, p);
        text_free(&file);
        random_model_free(&m);
    }
    pool_free(p);
}

/* ---- every feature is seen ---------------------------------------------------------------- */

static const model_change changes[] = {
    /* positions */
    {"llama", .drop = "rope_freqs"},
    {"llama", .forget = "rope.freq_base"},
    {"llama-linear", .forget = "rope.scaling.factor"},
    {"llama-linear", .key = "rope.dimension_count", .kind = 'u', .value = 10},
    {"smollm3", .key = "rope.freq_base", .kind = 'f', .value = 1e4},
    {"qwen2", .forget = "rope.freq_base"},
    {"qwen3-yarn", .forget = "rope.scaling.factor"},
    {"qwen3-yarn", .key = "rope.scaling.original_context_length", .kind = 'u', .value = 1024},
    {"qwen3-yarn", .key = "rope.scaling.yarn_beta_fast", .kind = 'f', .value = 4},
    {"qwen3-yarn", .key = "rope.scaling.attn_factor", .kind = 'f', .value = 1.1},
    {"qwen3-yarn", .key = "rope.scaling.factor", .kind = 'f', .value = 0, .says = "YaRN"},
    {"phi3", .forget = "rope.scaling.attn_factor"},
    {"phi3", .key = "rope.scaling.original_context_length", .kind = 'u', .value = 16},
    {"phi3", .drop = "rope_factors_long", .says = "rope_factors_long.weight"},
    {"phi3", .drop = "rope_factors_short", .says = "rope_factors_short.weight"},
    {"phi3", .drop = "rope_factors"},
    {"phi3", .key = "rope.dimension_count", .kind = 'u', .value = 16, .says = "rope_factors"},
    {"phi3", .key = "attention.sliding_window", .kind = 'u', .value = 5},
    {"gemma3", .forget = "rope.scaling.factor"},
    {"gemma3", .forget = "rope.freq_base"},
    {"gemma3-local", .forget = "rope.freq_base_swa"},
    {"nomic-bert", .forget = "rope.freq_base"},
    {"qwen3-embedding", .forget = "rope.freq_base"},
    {"carrel-reader", .forget = "rope.freq_base", .says = "rope.freq_base"},
    /* windows */
    {"gemma3", .forget = "attention.sliding_window"},
    {"gemma3", .key = "attention.sliding_window", .kind = 'u', .value = 11},
    {"gemma3", .key = "attention.sliding_window_pattern", .kind = 'u', .value = 5},
    {"gemma3-local", .forget = "attention.sliding_window_pattern"},
    {"gemma-embedding", .forget = "attention.sliding_window"},
    {"gemma-embedding", .key = "attention.sliding_window", .kind = 'u', .value = 14},
    {"gemma-embedding", .key = "attention.causal", .kind = 'b', .value = 1},
    /* norms, biases, matrices */
    {"llama", .drop = "output.weight"}, /* the embedding's is another */
    {"llama", .drop = "output_norm", .says = "output_norm.weight"},
    {"llama", .drop = "ffn_gate", .says = "blk.0.ffn_gate.weight"},
    {"qwen2", .drop = "attn_k.bias", .says = "blk.0.attn_k.bias"},
    {"qwen3", .drop = "attn_q_norm", .says = "blk.0.attn_q_norm.weight"},
    {"gemma3", .drop = "post_ffw_norm", .says = "blk.0.post_ffw_norm.weight"},
    {"gemma3", .drop = "post_attention_norm", .says = "blk.0.post_attention_norm.weight"},
    {"gemma3", .key = "attention.layer_norm_rms_epsilon", .kind = 'f', .value = 0.1},
    {"bert-mean", .drop = "token_types"},
    {"bert-mean", .drop = "position_embd", .says = "position_embd.weight"},
    {"bert-mean", .drop = "attn_output_norm.bias", .says = "blk.0.attn_output_norm.bias"},
    {"bert-mean", .drop = "ffn_up.bias", .says = "blk.0.ffn_up.bias"},
    {"bert-mean", .drop = "attn_output.bias", .says = "blk.0.attn_output.bias"},
    {"bert-cls", .drop = "attn_qkv.bias", .says = "blk.0.attn_qkv.bias"},
    {"bert-mean", .key = "attention.layer_norm_epsilon", .kind = 'f', .value = 0.1},
    {"jina-bert-v2", .key = "attention.head_count", .kind = 'u', .value = 3},
    {"jina-bert-v2", .drop = "ffn_gate"},
    {"jina-code", .drop = "attn_norm_2"},
    {"jina-code", .drop = "attn_q_norm"},
    {"jina-code", .drop = "attn_k_norm"},
    {"carrel-reader", .drop = "token_types", .says = "token_types.weight"},
    {"carrel-reader", .forget = "conv_taps", .says = "conv"},
    {"carrel-reader", .key = "conv_taps", .kind = 'u', .value = 4, .says = "odd"},
    {"carrel-reader", .key = "conv_taps", .kind = 'u', .value = 7, .says = "conv"},
    /* pooling */
    {"bert-mean", .key = "pooling_type", .kind = 'u', .value = POOL_CLS},
    {"bert-cls", .key = "pooling_type", .kind = 'u', .value = POOL_MEAN},
    {"qwen3-embedding", .key = "pooling_type", .kind = 'u', .value = POOL_MEAN},
    {"gemma-embedding", .drop = "dense_3"},
    {"bert-rank", .drop = "cls.bias"},
    {"bert-rank", .drop = "cls.output.bias"},
    {"bert-rank", .drop = "cls.weight", .says = "cls.bias"},
    {"jina-rank", .drop = "cls.output", .says = "cls.output.weight"},
    {"qwen3-reranker", .drop = "cls.output", .says = "tokenizer"},
    /* what nothing here runs */
    {"llama", .extra = "blk.1.ffn_gate_exps.weight", .says = "blk.1.ffn_gate_exps.weight"},
    {"qwen3", .extra = "blk.0.attn_norm.bias", .says = "blk.0.attn_norm.bias"},
    {"nomic-bert", .extra = "rope_factors_long.weight", .says = "rope_factors_long.weight"},
    {"llama", .key = "expert_count", .kind = 'u', .value = 8, .says = "mixture of experts"},
    {"qwen2", .key = "final_logit_softcapping", .kind = 'f', .value = 30, .says = "capped"},
    {"llama", .key = "attention.value_length", .kind = 'u', .value = 6, .says = "fit together"},
    {"llama", .key = "context_length", .kind = 'f', .value = 6, .says = "llama.context_length"},
    {"gemma3", .forget = "attention.head_count", .says = "gemma3.attention.head_count"},
    {"bert-mean", .forget = "attention.layer_norm_epsilon", .says = "layer_norm_epsilon"},
    {"qwen3", .key = "feed_forward_length", .kind = 'u', .value = 79, .says = "[48, 79]"},
};

/* How far a changed file is from the unchanged model; -1 where it is refused. */
static double change_moves(const model_recipe *r, const random_model *m, const text *file,
                           error *err) {
    int32_t ids[TOKENS];
    uint8_t types[TOKENS];
    double moved = -1;
    float *got;
    double *want;
    size_t n;
    pick(r, ids, types);
    if (is_encoder(r)) {
        const engine_sequence in = {ids, NULL, TOKENS};
        bool spans = r->has & M_SPAN;
        n = spans ? RANDOM_SPANS * TOKENS : 256; /* wider than any vector */
        got = run_encoder(file, &in, 1, n, NULL, err);
        want =
            spans ? reference_spans(m, ids, NULL, TOKENS) : reference_pooled(m, ids, NULL, TOKENS);
        n = spans ? n : reference_width(m);
    } else {
        n = TOKENS * (size_t)r->vocab;
        got = run_decoder(file, TOKENS, ids, NULL, err);
        want = reference_logits(m, ids, TOKENS, TOKENS);
    }
    if (got) moved = most_apart(want, got, n);
    mem_free(got);
    mem_free(want);
    return moved;
}

static void test_changes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const model_change *c = &changes[i];
        const model_recipe *r = model_recipe_find(c->title);
        const char *what = c->drop ? c->drop : c->forget ? c->forget : c->extra ? c->extra : c->key;
        random_model m;
        error err = {0};
        random_model_make(r, &m);
        text file = random_model_file(&m, c);
        double moved = change_moves(r, &m, &file, &err);
        printf("%-16s %-44s %.3g %s\n", c->title, what, moved, err.text);
        if (c->says && (moved >= 0 || str_find(str_of(err.text), str_of(c->says), 0) == SIZE_MAX)) {
            fail_msg("%s without %s: \"%s\"", c->title, what, err.text);
        }
        if (!c->says && !(moved > SEEN * tolerance(r))) {
            fail_msg("%s without %s: moved %g; %s", c->title, what, moved, err.text);
        }
        text_free(&file);
        random_model_free(&m);
    }
}

/* ---- the same bits ------------------------------------------------------------------------ */

/* The recipe with rows of whole blocks. */
static model_recipe in_blocks(const model_recipe *r) {
    model_recipe out = *r;
    out.width = 64;
    out.hidden = 96;
    out.head = 32;
    out.rotary = r->rotary == r->head ? 32 : r->rotary ? 24 : 0;
    out.dense[0] = r->dense[0] ? 96 : 0;
    return out;
}

/* What weights and activations in 8 bits, and a cache in 16, may do to a result: logits and spans
 * move by hundredths on average, vectors and scores by less. */
static void check_rounding(const random_model *m, const double *want, const float *got, size_t n) {
    double mean = 0, most = m->recipe->pooling ? INT8_VECTORS : INT8_LOGITS;
    if (m->type == ENGINE_Q4_0) return; /* its weights are others */
    for (size_t i = 0; i < n; i++) mean += fabs(want[i] - (double)got[i]) / (double)n;
    if (!(mean < most)) fail_msg("%s: mean %g", m->recipe->title, mean);
}

/* However an input is cut into calls, not one bit changes. */
static void check_cuts(const random_model *r, const text *file, pool *p, const int32_t *ids) {
    static const size_t steps[] = {TOKENS, 1, 8, 11};
    const engine_session_options options = {.n_ctx = TOKENS};
    engine_gguf *g;
    engine_model *m;
    engine_session *s;
    error err = {0};
    assert_true(engine_gguf_open_memory(file->p, file->n, &g, &err));
    if (!engine_model_load(g, &m, &err)) fail_msg("%s", err.text);
    size_t vocab = m->info.vocab;
    float *whole = mem_new(TOKENS * vocab, sizeof *whole);
    float *cut = mem_new(TOKENS * vocab, sizeof *cut);
    for (size_t j = 0; j < sizeof steps / sizeof *steps; j++) {
        float *out = j == 0 ? whole : cut;
        assert_true(engine_session_new(m, j % 2 ? p : NULL, &options, &s, &err));
        for (size_t i = 0; i < TOKENS; i += steps[j]) {
            size_t n = TOKENS - i < steps[j] ? TOKENS - i : steps[j];
            assert_true(engine_eval(s, ids + i, n, true, out + i * vocab, &err));
        }
        engine_session_free(s);
        assert_memory_equal(whole, out, TOKENS * vocab * sizeof *whole);
    }
    double *want = reference_logits(r, ids, TOKENS, TOKENS);
    check_rounding(r, want, whole, TOKENS * vocab);
    mem_free(want);
    mem_free(whole);
    mem_free(cut);
    engine_model_close(m);
}

/* Whatever else a call encodes, not one bit changes. */
static void check_company(const random_model *r, const text *file, pool *p, const int32_t *ids) {
    engine_sequence in[MOST_INPUTS];
    engine_encoder_info info;
    engine_gguf *g;
    engine_encoder *e;
    error err = {0};
    size_t at = 0;
    assert_true(engine_gguf_open_memory(file->p, file->n, &g, &err));
    if (!engine_encoder_open(g, &e, &err)) fail_msg("%s", err.text);
    engine_encoder_describe(e, &info);
    size_t width = info.output == ENGINE_SPANS ? info.outputs * TOKENS : info.width;
    float *all = mem_new(MOST_INPUTS * width, sizeof *all), *one = mem_new(width, sizeof *one);
    for (size_t i = 0; i < MOST_INPUTS; i++) in[i] = (engine_sequence){ids, NULL, lengths[i]};
    assert_true(engine_encode_batch(e, p, in, MOST_INPUTS, all, &err));
    for (size_t i = 0; i < MOST_INPUTS; i++) {
        size_t n = info.output == ENGINE_SPANS ? info.outputs * lengths[i] : width;
        assert_true(engine_encode_batch(e, NULL, &in[i], 1, one, &err));
        assert_memory_equal(all + at, one, n * sizeof *one);
        at += n;
        double *want = info.output == ENGINE_SPANS ? reference_spans(r, ids, NULL, lengths[i])
                                                   : reference_pooled(r, ids, NULL, lengths[i]);
        check_rounding(r, want, one, n);
        mem_free(want);
    }
    mem_free(all);
    mem_free(one);
    engine_encoder_close(e);
    engine_gguf_close(g);
}

static void test_same_bits(void **state) {
    (void)state;
    static const uint32_t types[] = {ENGINE_F32, ENGINE_F16, ENGINE_Q8_0, ENGINE_Q4_0};
    int32_t ids[TOKENS];
    uint8_t unused[TOKENS];
    pool *p = pool_new(2);
    for (size_t i = 0; i < model_recipe_count; i++) {
        model_recipe r = in_blocks(&model_recipes[i]);
        random_model m;
        random_model_make(&r, &m);
        pick(&r, ids, unused);
        for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
            m.type = types[t];
            text file = random_model_file(&m, NULL);
            (is_encoder(&r) ? check_company : check_cuts)(&m, &file, p, ids);
            text_free(&file);
        }
        random_model_free(&m);
    }
    pool_free(p);
}

/* ---- kinds and bounds --------------------------------------------------------------------- */

static engine_gguf *open_bytes(const text *file) {
    engine_gguf *g;
    error err = {0};
    if (!engine_gguf_open_memory(file->p, file->n, &g, &err)) fail_msg("%s", err.text);
    return g;
}

static void test_kinds(void **state) {
    (void)state;
    for (size_t i = 0; i < model_recipe_count; i++) {
        const model_recipe *r = &model_recipes[i];
        random_model m;
        engine_description d;
        random_model_make(r, &m);
        text file = random_model_file(&m, NULL);
        engine_gguf *g = open_bytes(&file);
        engine_describe(g, &d);
        assert_int_equal(d.kind, r->has & M_SPAN           ? ENGINE_READER
                                 : r->pooling == POOL_RANK ? ENGINE_RERANKER
                                 : r->pooling              ? ENGINE_VECTORS
                                                           : ENGINE_DECODER);
        assert_true(str_eq(d.architecture, str_of(r->architecture)));
        const char *const pooling[] = {"", "MEAN", "CLS", "LAST", "RANK"};
        assert_true(str_eq(d.pooling, str_of(pooling[r->pooling])));
        assert_int_equal(d.context, r->context);
        assert_int_equal(d.width, r->width);
        assert_int_equal(d.layers, r->layers);
        assert_int_equal(d.heads, r->heads);
        assert_int_equal(d.kv_heads, r->kv_heads);
        assert_int_equal(d.head, r->head);
        assert_int_equal(d.vocab, r->vocab);
        uint64_t parameters = 0;
        for (size_t t = 0; t < m.count; t++) {
            parameters +=
                (uint64_t)m.tensors[t].columns * (m.tensors[t].rows ? m.tensors[t].rows : 1);
        }
        assert_int_equal(d.parameters, parameters);
        assert_int_equal(d.file_bytes, file.n);
        engine_gguf_close(g);
        text_free(&file);
        random_model_free(&m);
    }
}

/* Files that say in nothing but their name what they are for, and files that say nothing. */
static void test_kinds_by_name(void **state) {
    (void)state;
    const struct {
        const char *architecture, *name;
        engine_kind kind;
    } cases[] = {{"qwen3", "Qwen3 Embedding 0.6B", ENGINE_VECTORS},
                 {"qwen3", "Qwen3-Reranker-0.6B", ENGINE_RERANKER},
                 {"qwen3", "Qwen3 0.6B", ENGINE_DECODER},
                 {"llama", "Embedding of reranked tales", ENGINE_DECODER},
                 {"bert", "all-MiniLM-L6-v2", ENGINE_VECTORS},
                 {"carrel-static", "", ENGINE_STATIC},
                 {"mamba", "Reranker", ENGINE_UNKNOWN}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        engine_gguf_writer *w = engine_gguf_writer_new();
        text file = {0};
        engine_gguf_put_str(w, "general.architecture", str_of(cases[i].architecture));
        engine_gguf_put_str(w, "general.name", str_of(cases[i].name));
        engine_gguf_header(w, &file);
        engine_gguf *g = open_bytes(&file);
        assert_int_equal(engine_gguf_kind(g), cases[i].kind);
        engine_gguf_close(g);
        engine_gguf_writer_free(w);
        text_free(&file);
    }
}

/* Parts for pictures are none of a text model's. */
static void test_harmless(void **state) {
    (void)state;
    const model_change pictures = {"gemma3", .extra = "v.blk.0.ln1.weight"};
    random_model m;
    error err = {0};
    random_model_make(model_recipe_find("gemma3"), &m);
    text file = random_model_file(&m, &pictures);
    assert_true(change_moves(m.recipe, &m, &file, &err) < LOGITS);
    assert_true(err.text[0] == 0);
    text_free(&file);
    random_model_free(&m);
}

/* More words than the embedding has rows. */
static void test_vocabulary(void **state) {
    (void)state;
    const model_recipe *r = model_recipe_find("qwen3-reranker-words");
    model_recipe more = *r;
    random_model m;
    engine_encoder *e;
    error err = {0};
    random_model_make(r, &m);
    more.vocab++;
    m.recipe = &more;
    text file = random_model_file(&m, NULL);
    engine_gguf *g = open_bytes(&file);
    assert_false(engine_encoder_open(g, &e, &err));
    assert_int_equal(err.code, ERROR_MODEL);
    assert_true(str_find(str_of(err.text), STR("321 tokens and its embedding 320"), 0) != SIZE_MAX);
    engine_gguf_close(g);
    text_free(&file);
    random_model_free(&m);
}

/* A context that no machine has the memory for is refused with the figure, and nothing is taken. */
static void test_memory(void **state) {
    (void)state;
    const model_change vast = {"qwen3", .key = "context_length", .kind = 'u',
                               .value = ENGINE_MAX_CONTEXT};
    model_recipe r = *model_recipe_find("qwen3");
    random_model m;
    engine_model *model;
    engine_session *s;
    error err = {0};
    r.head = ENGINE_MAX_HEAD; /* 2 GiB for each million positions and layer, in float32 */
    r.kv_heads = r.heads;
    r.layers = 16;
    random_model_make(&r, &m);
    text file = random_model_file(&m, &vast);
    assert_true(engine_model_load(open_bytes(&file), &model, &err));
    const engine_session_options options = {ENGINE_MAX_CONTEXT, ENGINE_KV_F32};
    assert_false(engine_session_new(model, NULL, &options, &s, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_true(str_find(str_of(err.text), STR("MiB"), 0) != SIZE_MAX);
    engine_model_close(model);
    text_free(&file);
    random_model_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),     cmocka_unit_test(test_changes),
        cmocka_unit_test(test_same_bits),     cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_kinds_by_name), cmocka_unit_test(test_harmless),
        cmocka_unit_test(test_vocabulary),    cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
