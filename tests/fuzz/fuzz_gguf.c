/* fuzz_gguf: any bytes as a model file. Whatever is accepted is read to its last byte, asked for
 * the keys that the engine asks for, loaded as a decoder and as an encoder, and, when it is small,
 * run over two tokens: a file that passed the checks must be safe to run. Seeds:
 * the smallest model of each architecture (tests/support/random_model), whole, cut and changed.
 */
#include "engine/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_LAYERS = 4, MOST_WIDTH = 4096, MOST_VOCAB = 4096, TOKENS = 2 };

static volatile uint64_t sink; /* so that reads are not optimised away */

static void walk_tensors(const engine_gguf *g) {
    for (size_t i = 0; i < engine_gguf_tensor_count(g); i++) {
        const engine_tensor *t = engine_gguf_tensor_at(g, i);
        const uint8_t *p = t->data;
        for (uint64_t j = 0; j < t->bytes; j++) sink += p[j];
        for (size_t j = 0; j < t->name.n; j++) sink += (unsigned char)t->name.p[j];
        sink += strlen(engine_type_name(t->type));
    }
}

static void walk_keys(const engine_gguf *g) {
    static const char *const keys[] = {
        "general.architecture",
        "general.name",
        "general.alignment",
        "llama.rope.freq_base",
        "llama.block_count",
        "tokenizer.ggml.tokens",
        "tokenizer.ggml.scores",
        "tokenizer.ggml.token_type",
        "tokenizer.ggml.add_bos_token",
    };
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        uint32_t u = 0;
        float f = 0;
        int32_t n = 0;
        bool b = false;
        str s = {0};
        sink += engine_gguf_u32(g, keys[k], &u) + engine_gguf_bool(g, keys[k], &b) +
                engine_gguf_f32(g, keys[k], &f) + engine_gguf_str(g, keys[k], &s);
        size_t count = engine_gguf_array_count(g, keys[k]);
        for (size_t i = 0; i < count + 1; i++) { /* one too many */
            if (engine_gguf_array_str(g, keys[k], i, &s)) {
                for (size_t j = 0; j < s.n; j++) sink += (unsigned char)s.p[j];
            }
            sink +=
                engine_gguf_array_f32(g, keys[k], i, &f) + engine_gguf_array_i32(g, keys[k], i, &n);
        }
    }
}

static bool is_small(const engine_gguf *g) {
    engine_description d;
    str key = {0};
    uint32_t hidden = 0;
    char full[128];
    engine_describe(g, &d);
    engine_gguf_str(g, "general.architecture", &key);
    snprintf(full, sizeof full, STR_FMT ".feed_forward_length", STR_ARG(key));
    engine_gguf_u32(g, full, &hidden);
    return d.layers <= MOST_LAYERS && d.width <= MOST_WIDTH && hidden <= MOST_WIDTH &&
           d.vocab <= MOST_VOCAB;
}

static void run_encoder(const engine_gguf *g, bool small) {
    engine_encoder *e;
    engine_encoder_info info;
    int32_t ids[TOKENS] = {0};
    const engine_sequence in[] = {{ids, NULL, TOKENS}, {ids, NULL, 1}};
    if (!engine_encoder_open(g, &e, NULL)) return;
    engine_encoder_describe(e, &info);
    if (!small) {
        engine_encoder_close(e);
        return;
    }
    float *out = mem_new(2 * ((size_t)info.width + 2 * TOKENS), sizeof *out);
    sink += engine_encode_batch(e, NULL, in, 2, out, NULL);
    mem_free(out);
    engine_encoder_close(e);
}

static void run_decoder(engine_gguf *g, bool small) {
    engine_model *m;
    engine_session *s;
    engine_info info;
    int32_t ids[TOKENS] = {0};
    if (!engine_model_load(g, &m, NULL)) return;
    engine_model_info(m, &info);
    if (small &&
        engine_session_new(m, NULL, &(engine_session_options){.n_ctx = TOKENS}, &s, NULL)) {
        float *logits = mem_new(info.vocab, sizeof *logits);
        sink += engine_eval(s, ids, TOKENS, false, logits, NULL);
        mem_free(logits);
        engine_session_free(s);
    }
    engine_model_close(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    engine_gguf *g;
    error err = {0};
    if (!engine_gguf_open_memory(data, size, &g, &err)) {
        if (err.code != ERROR_MODEL || err.text[0] == 0) abort(); /* a refusal says why */
        return 0;
    }
    walk_tensors(g);
    walk_keys(g);
    bool small = is_small(g);
    run_encoder(g, small);
    run_decoder(g, small); /* closes g */
    return 0;
}
