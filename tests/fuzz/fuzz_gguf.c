/* fuzz_gguf: any bytes as a model file. Whatever is accepted is read to its last byte, asked for
 * the keys that the engine asks for, loaded as a decoder and as a reader, and, when it is small,
 * run over two tokens: a file that passed the checks must be safe to run. Seeds:
 * a llama and a reader of two kilobytes, whole, cut and changed.
 */
#include "engine/model.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_LAYERS = 4, MOST_WIDTH = 4096, TOKENS = 2 };

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

static void run_reader(const engine_gguf *g) {
    engine_encoder *e;
    int32_t ids[TOKENS] = {0};
    uint8_t types[TOKENS] = {0};
    float out[2 * TOKENS];
    if (!engine_encoder_open(g, &e, NULL)) return;
    arena *a = arena_new();
    sink += engine_encode(e, NULL, ids, types, TOKENS, a, out, NULL);
    arena_free(a);
    engine_encoder_close(e);
}

static void run_decoder(engine_gguf *g) {
    engine_model *m;
    engine_session *s;
    int32_t ids[TOKENS] = {0};
    if (!engine_model_load(g, &m, NULL)) return;
    bool small = m->info.layers <= MOST_LAYERS && m->shape.width <= MOST_WIDTH &&
                 m->shape.hidden <= MOST_WIDTH;
    if (small &&
        engine_session_new(m, NULL, &(engine_session_options){.n_ctx = TOKENS}, &s, NULL)) {
        float *logits = mem_new(m->info.vocab, sizeof *logits);
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
    run_reader(g);
    run_decoder(g); /* closes g */
    return 0;
}
