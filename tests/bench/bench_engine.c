/* bench_engine: how fast a model reads and writes on this machine, one JSON object a line.
 *
 *   bench_engine FILE [--prompt N] [--generate N] [--batch N] [--depth N] [--load 0|1]
 *   bench_engine FILE --embed N [--chunks N]     an encoder over chunks (16) of N tokens
 *   bench_engine [--bandwidth] [--peak]          how fast the machine reads memory and multiplies
 *   each with [--threads N] [--repeat N]
 *
 * A test runs once to warm up and then --repeat times (5); median and best are told. As in the
 * peers' programs, `prompt` reads N tokens at once and wants the last one's logits, `generate`
 * reads N tokens one by one; both start behind --depth positions. `batch` is what N tokens at once
 * with all their logits, as drafting asks for them, cost against one. `load` opens the file anew
 * each time. 0 leaves a test out. tests/bench/engine.sh sets this beside a peer's program.
 * CARREL_CPU=scalar (avx2, ...) in the environment times other kernels.
 *
 * It uses engine.h alone, as the rooms above the engine do, and never writes a file.
 */
#include "engine/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MOST_RUNS = 1000, MOST_TOKENS = 1000000 };

typedef struct {
    const char *file;
    long prompt, generate, batch, depth, load, embed, chunks, bandwidth, peak, threads, repeat;
} options;

typedef struct {
    const options *o;
    engine_model *model;
    engine_session *session;
    pool *pool;
    int32_t *ids;
    float *logits;
} bench;

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts; the lower of two in the middle. */
static double median(double *values, size_t n) {
    qsort(values, n, sizeof *values, by_size);
    return values[(n - 1) / 2];
}

static void tell_speed(const options *o, const char *test, size_t tokens, double *ms) {
    size_t runs = (size_t)o->repeat;
    double middle = median(ms, runs);
    printf("{\"test\": \"%s\", \"tokens\": %zu, \"threads\": %ld, \"runs\": %zu, "
           "\"ms\": %.3f, \"median\": %.2f, \"best\": %.2f}\n",
           test, tokens, o->threads, runs, middle, (double)tokens / middle * 1e3,
           (double)tokens / ms[0] * 1e3);
    fflush(stdout);
}

/* ---- memory --------------------------------------------------------------------------------- */

/* A line of /proc/self/status in bytes; 0 where there is none. */
static uint64_t status_bytes(const char *key) {
    char line[256];
    uint64_t kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    if (!f) return 0;
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, key, strlen(key)) == 0) kb = strtoull(line + strlen(key), NULL, 10);
    }
    fclose(f);
    return kb * 1024;
}

/* What one token must read: every matrix once, the table of the words only where it is the output
 * matrix too. */
static uint64_t bytes_for_a_token(const engine_gguf *g) {
    uint64_t bytes = 0;
    bool tied = !engine_gguf_find(g, "output.weight");
    for (size_t i = 0; i < engine_gguf_tensor_count(g); i++) {
        const engine_tensor *t = engine_gguf_tensor_at(g, i);
        if (tied || !str_eq(t->name, STR("token_embd.weight"))) bytes += t->bytes;
    }
    return bytes;
}

static bool tell_file(const options *o, error *err) {
    engine_gguf *g;
    str architecture = {0};
    if (!engine_gguf_open(o->file, &g, err)) return false;
    engine_gguf_str(g, "general.architecture", &architecture);
    printf("{\"test\": \"file\", \"path\": \"%s\", \"architecture\": \"%.*s\", \"bytes\": %" PRIu64
           ", \"token_bytes\": %" PRIu64 "}\n",
           o->file, (int)architecture.n, architecture.p, engine_gguf_bytes(g),
           bytes_for_a_token(g));
    engine_gguf_close(g);
    return true;
}

static void tell_memory(uint64_t before, uint64_t loaded) {
    printf("{\"test\": \"memory\", \"before\": %" PRIu64 ", \"loaded\": %" PRIu64
           ", \"running\": %" PRIu64 ", \"private\": %" PRIu64 ", \"peak\": %" PRIu64 "}\n",
           before, loaded, status_bytes("VmRSS:"), status_bytes("RssAnon:"),
           status_bytes("VmHWM:"));
}

/* ---- decoders ------------------------------------------------------------------------------- */

/* Forgets all, then reads --depth tokens. */
static bool rewind_to_depth(bench *b, error *err) {
    engine_session_truncate(b->session, 0);
    return b->o->depth == 0 ||
           engine_eval(b->session, b->ids, (size_t)b->o->depth, false, b->logits, err);
}

static bool time_prompt(bench *b, error *err) {
    double ms[MOST_RUNS];
    size_t n = (size_t)b->o->prompt;
    for (long run = -1; run < b->o->repeat; run++) {
        if (!rewind_to_depth(b, err)) return false;
        double begin = clock_ms();
        if (!engine_eval(b->session, b->ids, n, false, b->logits, err)) return false;
        if (run >= 0) ms[run] = clock_ms() - begin;
    }
    tell_speed(b->o, "prompt", n, ms);
    return true;
}

static bool time_generate(bench *b, error *err) {
    double ms[MOST_RUNS];
    size_t n = (size_t)b->o->generate;
    for (long run = -1; run < b->o->repeat; run++) {
        if (!rewind_to_depth(b, err)) return false;
        double begin = clock_ms();
        for (size_t i = 0; i < (run < 0 ? 1 : n); i++) {
            if (!engine_eval(b->session, b->ids + i, 1, false, b->logits, err)) return false;
        }
        if (run >= 0) ms[run] = clock_ms() - begin;
    }
    tell_speed(b->o, "generate", n, ms);
    return true;
}

/* One and N tokens in turn, so that what else the machine does meets both alike; a step is short,
 * so there are many. */
static bool time_batch(bench *b, error *err) {
    double one[MOST_RUNS], many[MOST_RUNS];
    size_t n = (size_t)b->o->batch, steps = (size_t)b->o->repeat * 8;
    if (steps > MOST_RUNS) steps = MOST_RUNS;
    if (!rewind_to_depth(b, err)) return false;
    for (size_t i = 0; i <= steps; i++) { /* the first one warms up and is written over */
        size_t at = i == 0 ? 0 : i - 1;
        double begin = clock_ms();
        if (!engine_eval(b->session, b->ids, 1, true, b->logits, err)) return false;
        one[at] = clock_ms() - begin;
        engine_session_truncate(b->session, (size_t)b->o->depth);
        begin = clock_ms();
        if (!engine_eval(b->session, b->ids, n, true, b->logits, err)) return false;
        many[at] = clock_ms() - begin;
        engine_session_truncate(b->session, (size_t)b->o->depth);
    }
    double one_ms = median(one, steps), many_ms = median(many, steps);
    printf("{\"test\": \"batch\", \"tokens\": %zu, \"threads\": %ld, \"runs\": %zu, "
           "\"one_ms\": %.3f, \"ms\": %.3f, \"cost\": %.3f}\n",
           n, b->o->threads, steps, one_ms, many_ms, many_ms / one_ms);
    return true;
}

/* From nothing to the first token's logits, with the file in the page cache. */
static bool time_load(const options *o, pool *p, error *err) {
    double open_ms[MOST_RUNS] = {0}, token_ms[MOST_RUNS] = {0};
    bool ok = true;
    for (long run = -1; run < o->repeat && ok; run++) {
        engine_model *m = NULL;
        engine_session *s = NULL;
        float *logits = NULL;
        int32_t id = 1;
        double begin = clock_ms(), opened = begin;
        ok = engine_model_open(o->file, &m, err);
        if (ok) {
            engine_info info;
            opened = clock_ms();
            engine_model_info(m, &info);
            logits = mem_new(info.vocab, sizeof *logits);
            const engine_session_options small = {.n_ctx = 512};
            ok = engine_session_new(m, p, &small, &s, err) &&
                 engine_eval(s, &id, 1, false, logits, err);
        }
        if (run >= 0) {
            open_ms[run] = opened - begin;
            token_ms[run] = clock_ms() - begin;
        }
        mem_free(logits);
        engine_session_free(s);
        engine_model_close(m);
    }
    if (!ok) return false;
    double open_median = median(open_ms, (size_t)o->repeat);
    printf(
        "{\"test\": \"load\", \"threads\": %ld, \"runs\": %ld, \"open_ms\": %.1f, \"ms\": %.1f}\n",
        o->threads, o->repeat, open_median, median(token_ms, (size_t)o->repeat));
    return true;
}

static bool run_decoder(const options *o, pool *p, error *err) {
    bench b = {.o = o, .pool = p};
    engine_info info;
    uint64_t before = status_bytes("VmRSS:");
    if (!engine_model_open(o->file, &b.model, err)) return false;
    uint64_t loaded = status_bytes("VmRSS:");
    engine_model_info(b.model, &info);
    long longest = o->prompt > o->generate ? o->prompt : o->generate;
    if (o->batch > longest) longest = o->batch;
    if (o->depth > longest) longest = o->depth;
    if (longest < 1) longest = 1;
    const engine_session_options session = {.n_ctx = (uint32_t)(o->depth + longest)};
    b.ids = mem_new((size_t)longest, sizeof *b.ids);
    b.logits = mem_new((size_t)(o->batch > 1 ? o->batch : 1), info.vocab * sizeof *b.logits);
    for (long i = 0; i < longest; i++) b.ids[i] = (int32_t)((uint64_t)i * 7919 % info.vocab);
    bool ok = engine_session_new(b.model, p, &session, &b.session, err) &&
              (o->prompt == 0 || time_prompt(&b, err)) &&
              (o->generate == 0 || time_generate(&b, err)) &&
              (o->batch == 0 || time_batch(&b, err));
    if (ok) tell_memory(before, loaded);
    engine_session_free(b.session);
    engine_model_close(b.model);
    mem_free(b.logits);
    mem_free(b.ids);
    return ok && (!o->load || time_load(o, p, err));
}

/* ---- encoders ------------------------------------------------------------------------------- */

/* --chunks inputs of --embed tokens, given at once: vectors, scores or a reader's spans. */
static bool time_encoder(const options *o, const engine_gguf *g, const engine_encoder *e, pool *p,
                         error *err) {
    double ms[MOST_RUNS];
    size_t n = (size_t)o->embed, count = (size_t)o->chunks;
    size_t vocab = engine_gguf_array_count(g, "tokenizer.ggml.tokens");
    engine_encoder_info info;
    bool ok = true;
    engine_encoder_describe(e, &info);
    size_t width = info.output == ENGINE_SPANS    ? 2 * n
                   : info.output == ENGINE_VECTOR ? info.width
                                                  : 1;
    int32_t *ids = mem_new(count * n, sizeof *ids);
    float *out = mem_new(count * width, sizeof *out);
    engine_sequence *inputs = mem_new(count, sizeof *inputs);
    for (size_t i = 0; i < count * n; i++) ids[i] = (int32_t)(i * 7919 % (vocab ? vocab : 1));
    for (size_t i = 0; i < count; i++) inputs[i] = (engine_sequence){ids + i * n, NULL, n};
    for (long run = -1; run < o->repeat && ok; run++) {
        double begin = clock_ms();
        ok = engine_encode_batch(e, p, inputs, count, out, err);
        if (run >= 0) ms[run] = clock_ms() - begin;
    }
    if (ok) tell_speed(o, "embed", count * n, ms);
    mem_free(inputs);
    mem_free(out);
    mem_free(ids);
    return ok;
}

static bool run_encoder(const options *o, pool *p, error *err) {
    engine_gguf *g;
    engine_encoder *e;
    uint64_t before = status_bytes("VmRSS:");
    if (!engine_gguf_open(o->file, &g, err)) return false;
    bool ok = engine_encoder_open(g, &e, err);
    if (ok) {
        uint64_t loaded = status_bytes("VmRSS:");
        ok = time_encoder(o, g, e, p, err);
        if (ok) tell_memory(before, loaded);
        engine_encoder_close(e);
    }
    engine_gguf_close(g);
    return ok;
}

/* ---- the machine ---------------------------------------------------------------------------- */

/* 64 bytes, however many registers that takes. */
typedef uint64_t lane __attribute__((vector_size(64)));
enum { PIECE = 4 << 20 };
#define BUFFER ((size_t)2 << 30) /* far past every cache */

typedef struct {
    const lane *buffer;
    uint64_t sums[64]; /* one for each worker: the reads must have a use */
} reading;

static void fill_pieces(void *context, size_t begin, size_t end, int worker) {
    (void)worker;
    memset((char *)context + begin * PIECE, 0x5a, (end - begin) * PIECE);
}

static void read_pieces(void *context, size_t begin, size_t end, int worker) {
    reading *r = context;
    const lane *p = r->buffer + begin * (PIECE / sizeof *p);
    const lane *stop = r->buffer + end * (PIECE / sizeof *p);
    lane a = {0}, b = {0}, c = {0}, d = {0};
    for (; p < stop; p += 4) {
        __builtin_prefetch(p + 64);
        __builtin_prefetch(p + 65);
        __builtin_prefetch(p + 66);
        __builtin_prefetch(p + 67);
        a ^= p[0];
        b ^= p[1];
        c ^= p[2];
        d ^= p[3];
    }
    a ^= b ^ c ^ d;
    r->sums[worker] ^= a[0] ^ a[1] ^ a[2] ^ a[3] ^ a[4] ^ a[5] ^ a[6] ^ a[7];
}

static bool run_bandwidth(const options *o, pool *p, error *err) {
    double best = 0, gb = (double)BUFFER / 1e9;
    reading r = {0};
    void *memory = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return error_set(err, ERROR_LIMIT, "2 GiB of memory are needed to measure its speed");
    }
    madvise(memory, BUFFER, MADV_HUGEPAGE); /* it may say no: then pages are small */
    parallel_for(p, BUFFER / PIECE, 8, fill_pieces, memory);
    r.buffer = memory;
    for (long run = -1; run < o->repeat; run++) {
        double begin = clock_ms();
        parallel_for(p, BUFFER / PIECE, 1, read_pieces, &r);
        double speed = gb / (clock_ms() - begin) * 1e3;
        if (run >= 0 && speed > best) best = speed;
    }
    printf("{\"test\": \"bandwidth\", \"threads\": %ld, \"runs\": %ld, \"gb_per_s\": %.2f}\n",
           o->threads, o->repeat, best);
    munmap(memory, BUFFER);
    return r.sums[0] != 1; /* never so, and the compiler cannot know */
}

static void run_peak(const options *o, pool *p) {
    engine_peaks peaks;
    engine_peaks_measure(p, &peaks);
    printf("{\"test\": \"peak\", \"threads\": %ld, \"int8\": \"%s\", \"int8_gops\": %.0f, "
           "\"f32\": \"%s\", \"f32_gops\": %.0f}\n",
           o->threads, peaks.int8, peaks.int8_gops, peaks.f32, peaks.f32_gops);
}

/* ---- arguments ------------------------------------------------------------------------------ */

static const char usage[] =
    "usage: bench_engine FILE [--prompt N] [--generate N] [--batch N] [--depth N] [--load 0|1]\n"
    "       bench_engine FILE --embed N [--chunks N]\n"
    "       bench_engine [--bandwidth] [--peak]\n"
    "       each with [--threads N] [--repeat N]\n";

static bool read_options(int argc, char **argv, options *o) {
    const struct {
        const char *name;
        long *value, least, most;
    } numbers[] = {
        {"--prompt", &o->prompt, 0, MOST_TOKENS},
        {"--generate", &o->generate, 0, MOST_TOKENS},
        {"--batch", &o->batch, 0, 512},
        {"--depth", &o->depth, 0, MOST_TOKENS},
        {"--load", &o->load, 0, 1},
        {"--threads", &o->threads, 1, 64},
        {"--repeat", &o->repeat, 1, MOST_RUNS},
        {"--embed", &o->embed, 1, 100000},
        {"--chunks", &o->chunks, 1, 10000},
    };
    for (int i = 1; i < argc; i++) {
        size_t k = 0;
        if (strcmp(argv[i], "--bandwidth") == 0) {
            o->bandwidth = 1;
        } else if (strcmp(argv[i], "--peak") == 0) {
            o->peak = 1;
        } else if (argv[i][0] != '-' && !o->file) {
            o->file = argv[i];
        } else {
            while (k < sizeof numbers / sizeof *numbers && strcmp(argv[i], numbers[k].name)) k++;
            if (k == sizeof numbers / sizeof *numbers || i + 1 == argc) return false;
            char *end;
            long n = strtol(argv[++i], &end, 10);
            if (end == argv[i] || *end || n < numbers[k].least || n > numbers[k].most) return false;
            *numbers[k].value = n;
        }
    }
    return (o->bandwidth || o->peak) == !o->file;
}

int main(int argc, char **argv) {
    error err = {0};
    options o = {.prompt = 512, .generate = 128, .batch = 8, .load = 1, .repeat = 5, .chunks = 16};
    if (!read_options(argc, argv, &o)) {
        fputs(usage, stderr);
        return ERROR_USAGE;
    }
    pool *p = pool_new((int)o.threads);
    o.threads = pool_size(p);
    if (o.peak) run_peak(&o, p);
    bool ok = true;
    if (o.bandwidth) ok = run_bandwidth(&o, p, &err);
    if (o.file) {
        ok = tell_file(&o, &err) && (o.embed ? run_encoder(&o, p, &err) : run_decoder(&o, p, &err));
    }
    pool_free(p);
    if (ok) return 0;
    fprintf(stderr, "bench_engine: %s\n", err.text);
    return (int)err.code;
}
