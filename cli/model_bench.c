/* `carrel model bench`: how fast a model is on this machine, and how near that is to what the machine
 * can do.
 *
 * Medians of five: a prompt of 512 tokens, then 128 tokens one by one. One by one, every token reads
 * all weights, so the limit is the speed of memory, measured here by reading a buffer that no cache
 * holds on the same threads; a prompt multiplies each weight 512 times, so its limit is arithmetic
 * (engine_peaks_measure). Tokens are arbitrary: the work does not depend on which they are.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cli/model.h"

enum { PROMPT = 512, WRITTEN = 128, TRIES = 5, READ_TRIES = 7 };
#define READ_LEAST_BYTES (256u << 20)
#define READ_MOST_BYTES (2048u << 20)
#define READ_PIECE_BYTES (1u << 20)
#define READ_AHEAD_BYTES 4096

typedef struct {
    const model_facts *facts;
    int threads;
    size_t prompt, written; /* tokens; fewer where the model's context is short */
    double load_ms, prompt_s, token_s;
    uint64_t resident;
    double read_gbs; /* measured, of memory */
    engine_peaks peaks;
} bench;

/* ---- the machine ------------------------------------------------------------------------------ */

/* The largest cache that /sys tells of, in bytes. */
static uint64_t cache_bytes(void) {
    char path[128], value[32];
    uint64_t most = 0;
    for (int i = 0; i < 8; i++) {
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", i);
        if (!machine_read("", path, value, sizeof value)) continue;
        char *end;
        uint64_t n = strtoull(value, &end, 10);
        n <<= *end == 'K' ? 10 : *end == 'M' ? 20 : 0;
        if (n > most) most = n;
    }
    return most;
}

typedef struct {
    const uint64_t *words;
    uint64_t sums[64]; /* of each thread, so that reading is not left out */
} reading;

static void read_pieces(void *context, size_t begin, size_t end, int worker) {
    reading *r = context;
    const size_t each = READ_PIECE_BYTES / sizeof(uint64_t);
    uint64_t a = 0, b = 0, c = 0, d = 0;
    for (const uint64_t *w = r->words + begin * each, *stop = r->words + end * each; w < stop;
         w += 16) {
        /* As the kernels do; past the end it is a hint about nothing. */
        __builtin_prefetch((const char *)w + READ_AHEAD_BYTES);
        __builtin_prefetch((const char *)w + READ_AHEAD_BYTES + 64);
        a += w[0] ^ w[4] ^ w[8] ^ w[12];
        b += w[1] ^ w[5] ^ w[9] ^ w[13];
        c += w[2] ^ w[6] ^ w[10] ^ w[14];
        d += w[3] ^ w[7] ^ w[11] ^ w[15];
    }
    r->sums[worker] += a + b + c + d;
}

/* Thousand millions of bytes a second, the best of some passes over a buffer of four times the
 * largest cache; 0 where there is no memory for that. */
static double read_bandwidth(pool *p) {
    size_t bytes = (size_t)(4 * cache_bytes());
    if (bytes < READ_LEAST_BYTES) bytes = READ_LEAST_BYTES;
    if (bytes > READ_MOST_BYTES) bytes = READ_MOST_BYTES;
    bytes -= bytes % READ_PIECE_BYTES;
    uint64_t *words = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (words == MAP_FAILED) return 0;
    madvise(words, bytes, MADV_HUGEPAGE); /* looking up small pages is no limit of memory */
    reading *r = mem_new(1, sizeof *r);
    r->words = words;
    double best = 0;
    memset(words, 1, bytes); /* pages of zeros would all be one */
    for (int i = 0; i < READ_TRIES; i++) {
        double start = clock_ms();
        parallel_for(p, bytes / READ_PIECE_BYTES, 4, read_pieces, r);
        double gbs = (double)bytes / (clock_ms() - start) / 1e6;
        if (gbs > best) best = gbs;
    }
    mem_free(r);
    munmap(words, bytes);
    return best;
}

static uint64_t resident_bytes(void) {
    char status[4096];
    if (!machine_read("", "/proc/self/status", status, sizeof status)) return 0;
    const char *line = strstr(status, "VmRSS:");
    return line ? strtoull(line + 6, NULL, 10) * 1024 : 0;
}

/* ---- the model -------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, size_t n) {
    qsort(v, n, sizeof *v, by_size);
    return v[n / 2];
}

static int32_t *some_tokens(arena *a, size_t vocab) {
    int32_t *ids = arena_alloc(a, PROMPT + WRITTEN, sizeof *ids);
    uint32_t state = 1;
    for (size_t i = 0; i < PROMPT + WRITTEN; i++) {
        state = state * 1664525u + 1013904223u;
        ids[i] = (int32_t)(state % vocab);
    }
    return ids;
}

static bool time_session(engine_session *s, const int32_t *ids, float *logits, bench *b,
                         error *err) {
    double prompts[TRIES], tokens[TRIES];
    size_t warm = b->prompt < 8 ? b->prompt : 8;
    if (!engine_eval(s, ids, warm, false, logits, err)) return false;
    for (int i = 0; i < TRIES; i++) {
        if (cli_stopped()) return error_set(err, ERROR_CANCELLED, "stopped");
        engine_session_truncate(s, 0);
        double start = clock_ms();
        if (!engine_eval(s, ids, b->prompt, false, logits, err)) return false;
        prompts[i] = (clock_ms() - start) / 1000;
        engine_session_truncate(s, 0);
        if (!engine_eval(s, ids, 1, false, logits, err)) return false;
        start = clock_ms();
        for (size_t k = 0; k < b->written; k++)
            if (!engine_eval(s, ids + PROMPT + k, 1, false, logits, err)) return false;
        tokens[i] = (clock_ms() - start) / 1000 / (double)b->written;
    }
    b->prompt_s = median(prompts, TRIES);
    b->token_s = median(tokens, TRIES);
    return true;
}

static bool time_model(const char *path, pool *p, arena *a, bench *b, error *err) {
    engine_model *m = NULL;
    engine_session *s = NULL;
    engine_info info;
    double start = clock_ms();
    if (!engine_model_open(path, &m, err)) return false;
    engine_model_info(m, &info);
    engine_session_options how = {.n_ctx = b->facts->context};
    bool ok = engine_session_new(m, p, &how, &s, err);
    b->load_ms = clock_ms() - start;
    if (ok) {
        size_t most = b->facts->context;
        b->prompt = most < PROMPT ? most : PROMPT;
        b->written = most < WRITTEN + 1 ? most - 1 : WRITTEN;
        ok = time_session(s, some_tokens(a, info.vocab), arena_alloc(a, info.vocab, sizeof(float)),
                          b, err);
        b->resident = resident_bytes();
    }
    engine_session_free(s);
    engine_model_close(m);
    return ok;
}

/* ---- telling ---------------------------------------------------------------------------------- */

/* Of the machine's limit; NAN where it could not be measured. */
static double prompt_share(const bench *b) {
    const model_facts *f = b->facts;
    bool floats = f->float_weights || b->peaks.int8_gops <= 0;
    double peak = floats ? b->peaks.f32_gops : b->peaks.int8_gops;
    double work = 2.0 * ((double)f->token_products * (double)b->prompt + (double)f->head_products);
    return peak > 0 ? work / b->prompt_s / 1e9 / peak : NAN;
}

static double token_share(const bench *b) {
    if (b->read_gbs <= 0) return NAN;
    return (double)b->facts->token_bytes / b->token_s / 1e9 / b->read_gbs;
}

static void put_share(text *out, double share, const char *of) {
    if (isfinite(share)) text_printf(out, ", %.0f%% of %s", 100 * share, of);
    text_put_char(out, '\n');
}

static void tell(const bench *b) {
    const model_facts *f = b->facts;
    bool floats = f->float_weights || b->peaks.int8_gops <= 0;
    text out = {0}, limit = {0};
    cli_clean(&out, model_title(f));
    text_printf(&out, ", " STR_FMT ", %d thread%s\n", STR_ARG(f->format), b->threads,
                b->threads == 1 ? "" : "s");
    text_printf(&out, "prompt      %8.1f tokens/s (%zu at once)", (double)b->prompt / b->prompt_s,
                b->prompt);
    text_printf(&limit, "the %.0f G%s/s that %s does here",
                floats ? b->peaks.f32_gops : b->peaks.int8_gops, floats ? "FLOP" : "OP",
                floats ? b->peaks.f32 : b->peaks.int8);
    put_share(&out, prompt_share(b), limit.p);
    text_printf(&out, "generation  %8.1f tokens/s (%zu one by one)", 1 / b->token_s, b->written);
    text_clear(&limit);
    text_printf(&limit, "the %.1f GB/s that memory is read with here", b->read_gbs);
    put_share(&out, token_share(b), limit.p);
    text_printf(&out, "load        %8.0f ms (file in the page cache, as it mostly is)\n",
                b->load_ms);
    text_put(&out, STR("memory      "));
    text_clear(&limit);
    cli_put_bytes(&limit, b->resident);
    text_printf(&out, "%8s resident; the file has ", limit.p);
    cli_put_bytes(&out, f->d.file_bytes);
    text_printf(&out, ", %u positions of context ", f->context);
    cli_put_bytes(&out, f->cache_bytes);
    text_put_char(&out, '\n');
    cli_put(text_str(&out));
    text_free(&out);
    text_free(&limit);
}

static void tell_json(const bench *b) {
    json_t *o = json_object();
    cli_json_set(o, "path", cli_json_str(b->facts->path));
    cli_json_set(o, "format", cli_json_str(b->facts->format));
    cli_json_set(o, "threads", json_integer(b->threads));
    cli_json_set(o, "prompt_tokens", json_integer((json_int_t)b->prompt));
    cli_json_set(o, "prompt_tokens_per_s", cli_json_real((double)b->prompt / b->prompt_s));
    cli_json_set(o, "prompt_share", cli_json_real(prompt_share(b)));
    cli_json_set(o, "generated_tokens", json_integer((json_int_t)b->written));
    cli_json_set(o, "generated_tokens_per_s", cli_json_real(1 / b->token_s));
    cli_json_set(o, "generated_share", cli_json_real(token_share(b)));
    cli_json_set(o, "read_gb_per_s", cli_json_real(b->read_gbs));
    cli_json_set(o, "int8_gops", cli_json_real(b->peaks.int8_gops));
    cli_json_set(o, "f32_gops", cli_json_real(b->peaks.f32_gops));
    cli_json_set(o, "load_ms", cli_json_real(b->load_ms));
    cli_json_set(o, "resident_bytes", json_integer((json_int_t)b->resident));
    cli_json_print(o, false);
}

error_code model_bench(const cli_args *args, const char *name, bool json) {
    error err = {0};
    model_facts f;
    bench b = {.facts = &f};
    text path = {0};
    cli_compute compute;
    pool *p = NULL;
    arena *a = arena_new();
    bool ok = model_find(name, &path, &err) && model_look(path.p, MODEL_GLANCE, a, &f, &err);
    if (ok && !f.runs) ok = error_set(&err, ERROR_MODEL, "%s", f.why_not.text);
    if (ok && (f.d.kind != ENGINE_DECODER || f.context < 2))
        ok = error_set(&err, ERROR_MODEL, "only models that write answers are measured: %s %s",
                       path.p, model_kind_name(f.d.kind));
    /* Read once, so that loading is measured and not the disk. */
    if (ok) ok = model_hash(&f, &err);
    if (ok) {
        cli_stop_watch();
        cli_compute_start(args, &compute);
        p = pool_new(compute.threads);
        b.threads = pool_size(p);
        ok = time_model(path.p, p, a, &b, &err);
    }
    if (ok) {
        b.read_gbs = read_bandwidth(p);
        engine_peaks_measure(p, &b.peaks);
        if (json)
            tell_json(&b);
        else
            tell(&b);
    }
    pool_free(p);
    arena_free(a);
    text_free(&path);
    return ok ? ERROR_NONE : cli_fail(&err);
}
