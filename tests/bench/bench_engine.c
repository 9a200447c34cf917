/* bench_engine: how fast a model reads a prompt and writes tokens on this machine.
 *
 *   bench_engine MODEL.gguf [THREADS [PROMPT [GENERATED]]]
 *
 * A llama is timed over PROMPT tokens at once (default 128) and GENERATED tokens one by one after
 * them (default 64); a carrel-reader over 5 inputs of 300 tokens. One run to warm up, then the
 * median of five. CARREL_CPU=scalar in the environment times the plain kernels.
 */
#include "engine/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { RUNS = 5, READER_INPUTS = 5, READER_TOKENS = 300 };

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *ms) {
    qsort(ms, RUNS, sizeof *ms, by_size);
    return ms[RUNS / 2];
}

static bool time_llama(engine_model *m, pool *p, size_t prompt, size_t generated, error *err) {
    engine_info info;
    engine_session *s = NULL;
    double prompt_ms[RUNS], generated_ms[RUNS];
    bool ok = false;
    engine_model_info(m, &info);
    int32_t *ids = mem_new(prompt, sizeof *ids);
    float *logits = mem_new(info.vocab, sizeof *logits);
    for (size_t i = 0; i < prompt; i++) ids[i] = (int32_t)(i * 7919 % info.vocab);
    const engine_session_options options = {.n_ctx = (uint32_t)(prompt + generated)};
    if (!engine_session_new(m, p, &options, &s, err)) goto done;
    for (int run = -1; run < RUNS; run++) {
        engine_session_truncate(s, 0);
        double begin = clock_ms();
        if (!engine_eval(s, ids, prompt, false, logits, err)) goto done;
        double middle = clock_ms();
        for (size_t i = 0; i < generated; i++) {
            if (!engine_eval(s, ids + i % prompt, 1, false, logits, err)) goto done;
        }
        double end = clock_ms();
        if (run >= 0) {
            prompt_ms[run] = middle - begin;
            generated_ms[run] = end - middle;
        }
    }
    printf("prompt     %4zu tokens  %8.1f tokens/s\n", prompt,
           (double)prompt / median(prompt_ms) * 1e3);
    printf("generation %4zu tokens  %8.1f tokens/s\n", generated,
           (double)generated / median(generated_ms) * 1e3);
    ok = true;
done:
    engine_session_free(s);
    mem_free(logits);
    mem_free(ids);
    return ok;
}

static bool time_reader(const engine_gguf *g, pool *p, error *err) {
    engine_encoder *e;
    int32_t ids[READER_TOKENS];
    uint8_t types[READER_TOKENS];
    float out[2 * READER_TOKENS];
    double ms[RUNS];
    bool ok = true;
    if (!engine_encoder_open(g, &e, err)) return false;
    for (size_t i = 0; i < READER_TOKENS; i++) {
        ids[i] = (int32_t)(i * 7 % 256);
        types[i] = i >= 16;
    }
    for (int run = -1; run < RUNS && ok; run++) {
        double begin = clock_ms();
        for (int i = 0; i < READER_INPUTS && ok; i++) {
            arena *a = arena_new();
            ok = engine_encode(e, p, ids, types, READER_TOKENS, a, out, err);
            arena_free(a);
        }
        if (run >= 0) ms[run] = clock_ms() - begin;
    }
    engine_encoder_close(e);
    if (ok) {
        printf("reader     %d x %d tokens  %8.1f ms\n", READER_INPUTS, READER_TOKENS, median(ms));
    }
    return ok;
}

int main(int argc, char **argv) {
    error err = {0};
    engine_gguf *g = NULL;
    engine_model *m = NULL;
    str architecture = {0};
    if (argc < 2 || argc > 5) {
        fprintf(stderr, "usage: bench_engine MODEL.gguf [THREADS [PROMPT [GENERATED]]]\n");
        return ERROR_USAGE;
    }
    long prompt = argc > 3 ? atol(argv[3]) : 128, generated = argc > 4 ? atol(argv[4]) : 64;
    if (prompt < 1 || generated < 1 || prompt > 1000000 || generated > 1000000) {
        fprintf(stderr, "bench_engine: give 1 to 1000000 tokens\n");
        return ERROR_USAGE;
    }
    if (!engine_gguf_open(argv[1], &g, &err)) goto fail;
    pool *p = pool_new(argc > 2 ? atoi(argv[2]) : 0);
    printf("%s, %" PRIu64 " bytes, %s kernels, %d threads\n", argv[1], engine_gguf_bytes(g),
           engine_kernels_get()->name, pool_size(p));
    engine_gguf_str(g, "general.architecture", &architecture);
    bool ok;
    if (str_eq(architecture, STR("carrel-reader"))) {
        ok = time_reader(g, p, &err);
        engine_gguf_close(g);
    } else {
        ok = engine_model_load(g, &m, &err) &&
             time_llama(m, p, (size_t)prompt, (size_t)generated, &err);
        engine_model_close(m);
    }
    pool_free(p);
    if (ok) return 0;
fail:
    fprintf(stderr, "bench_engine: %s\n", err.text);
    return (int)err.code;
}
