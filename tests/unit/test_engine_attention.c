/* Attention against its definition in float64, over every kind of cache, head size, grouping, window
 * and bias, with every table of kernels that can run here; and one promise: a query comes out the
 * same in every bit however the tokens are dealt out over calls and threads.
 *
 * The memory of a cache is not-a-number before anything is stored, so whatever is read that was not
 * stored shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/attention.h"
#include "tests/fixtures/gguf_fixture.h"

#include <stdlib.h>

#define GUARD 12345.0f

enum { SLACK = 3 /* floats between the rows of q and out */ };

static fixture source = {.random = 5};

/* One case: what the tokens are, apart from how they are dealt out. */
typedef struct {
    engine_kv kv;
    uint32_t heads, kv_heads, head;
    size_t tokens; /* stored; all of them are queries */
    bool causal;
    uint32_t window;
    bool slopes;
} shape;

typedef struct {
    shape s;
    engine_cache cache;
    void *memory;
    size_t stride;
    float *q, *k, *v; /* k and v as the cache holds them, rounded */
    float *slopes;
} problem;

/* x becomes what a cache of that type gives back. */
static void round_trip(engine_kv kv, float *x, size_t n) {
    uint16_t halves[ENGINE_MAX_HEAD];
    int8_t bytes[ENGINE_MAX_HEAD];
    const engine_kernels *k = &engine_kernels_scalar;
    if (kv == ENGINE_KV_F16) {
        k->narrow_f16(x, halves, n);
        k->widen_f16(halves, x, n);
    } else if (kv == ENGINE_KV_INT8) {
        float scale = k->narrow_i8(x, bytes, n);
        for (size_t i = 0; i < n; i++) x[i] = scale * (float)bytes[i];
    }
}

static problem problem_new(const shape *s) {
    problem p = {.s = *s, .stride = (size_t)s->heads * s->head + SLACK};
    size_t narrow = (size_t)s->kv_heads * s->head;
    p.q = mem_new(s->tokens * p.stride, sizeof *p.q);
    p.k = mem_new(s->tokens * narrow, sizeof *p.k);
    p.v = mem_new(s->tokens * narrow, sizeof *p.v);
    p.slopes = mem_new(s->heads, sizeof *p.slopes);
    for (size_t i = 0; i < s->tokens * p.stride; i++) p.q[i] = 2 * fixture_random(&source);
    for (size_t i = 0; i < s->tokens * narrow; i++) p.k[i] = 2 * fixture_random(&source);
    for (size_t i = 0; i < s->tokens * narrow; i++) p.v[i] = 2 * fixture_random(&source);
    for (size_t i = 0; i < s->heads; i++) p.slopes[i] = 0.5f / (float)(i + 1);
    p.cache = (engine_cache){.type = s->kv,
                             .kv_heads = s->kv_heads,
                             .head = s->head,
                             .capacity = (uint32_t)(s->tokens + 31) / 16 * 16};
    p.memory = mem_new(engine_cache_bytes(&p.cache), 1);
    memset(p.memory, 0xFF, engine_cache_bytes(&p.cache));
    engine_cache_place(&p.cache, p.memory);
    return p;
}

static void problem_free(problem *p) {
    void *all[] = {p->q, p->k, p->v, p->slopes, p->memory};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
}

static engine_attention job_of(const problem *p, size_t position, size_t n, size_t keys,
                               float *out) {
    return (engine_attention){.cache = &p->cache,
                              .q = p->q + position * p->stride,
                              .out = out + position * p->stride,
                              .stride = p->stride,
                              .heads = p->s.heads,
                              .n = n,
                              .position = position,
                              .keys = keys,
                              .scale = 1 / sqrtf((float)p->s.head),
                              .causal = p->s.causal,
                              .window = p->s.window,
                              .slopes = p->s.slopes ? p->slopes : NULL};
}

static bool sees(const shape *s, size_t t, size_t u) {
    size_t away = u > t ? u - t : t - u;
    if (s->causal) return u <= t && (s->window == 0 || away < s->window);
    return s->window == 0 || away <= s->window / 2;
}

/* One head of one token, by the book. */
static void expect(const problem *p, size_t t, size_t h, double *out) {
    const shape *s = &p->s;
    size_t narrow = (size_t)s->kv_heads * s->head, g = h / (s->heads / s->kv_heads);
    double total = 0;
    memset(out, 0, s->head * sizeof *out);
    for (size_t u = 0; u < s->tokens; u++) {
        if (!sees(s, t, u)) continue;
        double score = 0;
        for (size_t j = 0; j < s->head; j++) {
            score += (double)p->q[t * p->stride + h * s->head + j] *
                     (double)p->k[u * narrow + g * s->head + j];
        }
        score /= sqrt(s->head);
        if (s->slopes) score -= (double)p->slopes[h] * fabs((double)t - (double)u);
        double weight = exp(score);
        total += weight;
        for (size_t j = 0; j < s->head; j++) {
            out[j] += weight * (double)p->v[u * narrow + g * s->head + j];
        }
    }
    for (size_t j = 0; j < s->head; j++) out[j] /= total;
}

static void check_values(const problem *p, const float *out) {
    double want[ENGINE_MAX_HEAD];
    for (size_t t = 0; t < p->s.tokens; t++) {
        for (size_t h = 0; h < p->s.heads; h++) {
            expect(p, t, h, want);
            for (size_t j = 0; j < p->s.head; j++) {
                float got = out[t * p->stride + h * p->s.head + j];
                if (!(fabs(want[j] - (double)got) < 2e-5)) {
                    fail_msg("token %zu head %zu value %zu: %.9g instead of %.9g", t, h, j,
                             (double)got, want[j]);
                }
            }
        }
        for (size_t j = 0; j < SLACK; j++) {
            assert_true(out[t * p->stride + p->stride - SLACK + j] == GUARD);
        }
    }
}

static float *guarded(const problem *p) {
    float *out = mem_new(p->s.tokens * p->stride, sizeof *out);
    for (size_t i = 0; i < p->s.tokens * p->stride; i++) out[i] = GUARD;
    return out;
}

static void store(const engine_kernels *k, problem *p, size_t t, size_t n) {
    size_t narrow = (size_t)p->s.kv_heads * p->s.head;
    engine_cache_put(k, &p->cache, t, n, p->k + t * narrow, p->v + t * narrow);
}

/* All queries, `step` at a time: causal ones as the keys come in, the others over all keys. */
static float *run(const engine_kernels *k, pool *threads, problem *p, size_t step) {
    const shape *s = &p->s;
    float *out = guarded(p);
    void *scratch =
        mem_new(engine_attention_scratch(pool_size(threads), s->heads, s->head, s->tokens), 1);
    memset(p->memory, 0xFF, engine_cache_bytes(&p->cache));
    if (!s->causal) store(k, p, 0, s->tokens);
    for (size_t t = 0; t < s->tokens; t += step) {
        size_t n = s->tokens - t < step ? s->tokens - t : step;
        if (s->causal) store(k, p, t, n);
        engine_attention job = job_of(p, t, n, s->causal ? t + n : s->tokens, out);
        engine_attend(k, threads, &job, 1, scratch);
    }
    mem_free(scratch);
    return out;
}

static void round_problem(problem *p) {
    for (size_t i = 0; i < p->s.tokens * p->s.kv_heads; i++) {
        round_trip(p->s.kv, p->k + i * p->s.head, p->s.head);
        round_trip(p->s.kv, p->v + i * p->s.head, p->s.head);
    }
}

/* Against the definition once, then every other way of dealing out against that, bit by bit. */
static void check(const engine_kernels *k, const shape *s) {
    static const size_t steps[] = {1, 1, 3, 8, 8, 37, 256};
    static const size_t threads[] = {0, 1, 2, 0, 1, 2, 1};
    problem p = problem_new(s);
    size_t bytes = s->tokens * p.stride * sizeof(float);
    float *whole = run(k, NULL, &p, s->tokens);
    pool *pools[] = {NULL, pool_new(2), pool_new(3)};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        float *again = run(k, pools[threads[i]], &p, steps[i]);
        if (memcmp(whole, again, bytes) != 0) {
            fail_msg("%s: heads %u/%u of %u: %zu at a time is another result", k->name, s->heads,
                     s->kv_heads, s->head, steps[i]);
        }
        mem_free(again);
    }
    for (size_t i = 0; i < 3; i++) pool_free(pools[i]);
    round_problem(&p);
    check_values(&p, whole);
    mem_free(whole);
    problem_free(&p);
}

static const engine_kv kinds[] = {ENGINE_KV_F16, ENGINE_KV_F32, ENGINE_KV_INT8};

static void over_all(const shape *shapes, size_t count) {
    const engine_kernels *k[ENGINE_MOST_TABLES];
    size_t tables = engine_kernels_all(k);
    for (size_t i = 0; i < tables * count; i++) {
        for (size_t kv = 0; kv < 3; kv++) {
            shape s = shapes[i % count];
            s.kv = kinds[kv];
            check(k[i / count], &s);
        }
    }
}

#define OVER_ALL(shapes) over_all(shapes, sizeof(shapes) / sizeof *(shapes))

static void test_heads(void **state) {
    (void)state;
    static const shape shapes[] = {
        {.heads = 9, .kv_heads = 3, .head = 64, .tokens = 140, .causal = true},
        {.heads = 4, .kv_heads = 1, .head = 256, .tokens = 70, .causal = true},
        {.heads = 2, .kv_heads = 2, .head = 512, .tokens = 20, .causal = true},
        {.heads = 4, .kv_heads = 2, .head = 48, .tokens = 50, .causal = true},
        {.heads = 2, .kv_heads = 2, .head = 80, .tokens = 50, .causal = true},
        {.heads = 2, .kv_heads = 1, .head = 96, .tokens = 50, .causal = true},
        {.heads = 7, .kv_heads = 1, .head = 32, .tokens = 90, .causal = true},
        {.heads = 14, .kv_heads = 2, .head = 8, .tokens = 66, .causal = true},
        {.heads = 11, .kv_heads = 1, .head = 10, .tokens = 40, .causal = true},
        {.heads = 100, .kv_heads = 1, .head = 1, .tokens = 20, .causal = true},
        {.heads = 3, .kv_heads = 3, .head = 18, .tokens = 1, .causal = true},
    };
    OVER_ALL(shapes);
}

/* Several spans of keys, ends on and beside the borders. */
static void test_long(void **state) {
    (void)state;
    static const shape shapes[] = {
        {.heads = 2, .kv_heads = 1, .head = 16, .tokens = 600, .causal = true},
        {.heads = 2, .kv_heads = 2, .head = 32, .tokens = 513, .causal = true, .window = 70},
        {.heads = 2, .kv_heads = 1, .head = 16, .tokens = 520, .window = 256},
    };
    OVER_ALL(shapes);
}

static void test_windows(void **state) {
    (void)state;
    static const shape shapes[] = {
        {.heads = 4, .kv_heads = 2, .head = 16, .tokens = 150, .causal = true, .window = 1},
        {.heads = 4, .kv_heads = 2, .head = 16, .tokens = 150, .causal = true, .window = 16},
        {.heads = 4, .kv_heads = 1, .head = 16, .tokens = 200, .causal = true, .window = 65},
        {.heads = 2, .kv_heads = 2, .head = 24, .tokens = 130},
        {.heads = 2, .kv_heads = 2, .head = 24, .tokens = 130, .window = 12},
        {.heads = 2, .kv_heads = 2, .head = 24, .tokens = 200, .window = 129},
        {.heads = 6, .kv_heads = 6, .head = 16, .tokens = 100, .slopes = true},
        {.heads = 6, .kv_heads = 3, .head = 16, .tokens = 100, .slopes = true, .causal = true},
    };
    OVER_ALL(shapes);
}

/* A window that is off by one would pass if values hardly differed: it must not. */
static void test_window_counts(void **state) {
    (void)state;
    const shape s = {.kv = ENGINE_KV_F32,
                     .heads = 2,
                     .kv_heads = 2,
                     .head = 16,
                     .tokens = 80,
                     .causal = true,
                     .window = 17};
    const engine_kernels *k = engine_kernels_get();
    problem p = problem_new(&s);
    float *right = run(k, NULL, &p, 80);
    p.s.window = 16;
    float *wrong = run(k, NULL, &p, 80);
    assert_memory_equal(right, wrong, 16 * p.stride * sizeof *right); /* sees all either way */
    for (size_t t = 16; t < 80; t++) {
        float most = 0;
        for (size_t j = 0; j < 32; j++) {
            most = fmaxf(most, fabsf(right[t * p.stride + j] - wrong[t * p.stride + j]));
        }
        assert_true(most > 1e-3f);
    }
    mem_free(right);
    mem_free(wrong);
    problem_free(&p);
}

/* Sequences of different lengths in one call are what they are one by one. */
static void test_jobs(void **state) {
    (void)state;
    enum { JOBS = 5 };
    static const size_t tokens[JOBS] = {1, 130, 17, 64, 33};
    const engine_kernels *k[ENGINE_MOST_TABLES];
    size_t tables = engine_kernels_all(k);
    pool *two = pool_new(2);
    for (size_t i = 0; i < tables; i++) {
        problem p[JOBS];
        engine_attention jobs[JOBS];
        float *alone[JOBS], *together[JOBS];
        for (size_t j = 0; j < JOBS; j++) {
            shape s = {.kv = ENGINE_KV_F32, .heads = 4, .kv_heads = 4, .head = 32};
            s.tokens = tokens[j];
            p[j] = problem_new(&s);
            alone[j] = run(k[i], NULL, &p[j], tokens[j]);
            together[j] = guarded(&p[j]);
            jobs[j] = job_of(&p[j], 0, tokens[j], tokens[j], together[j]);
        }
        void *scratch = mem_new(engine_attention_scratch(2, 4, 32, 130), 1);
        engine_attend(k[i], two, jobs, JOBS, scratch);
        for (size_t j = 0; j < JOBS; j++) {
            assert_memory_equal(alone[j], together[j], tokens[j] * p[j].stride * sizeof(float));
            check_values(&p[j], together[j]);
            mem_free(alone[j]);
            mem_free(together[j]);
            problem_free(&p[j]);
        }
        mem_free(scratch);
    }
    pool_free(two);
}

/* Scores far apart, up and down: the running maximum must neither overflow nor lose the rest. */
static void test_extremes(void **state) {
    (void)state;
    const engine_kernels *k[ENGINE_MOST_TABLES];
    size_t tables = engine_kernels_all(k);
    for (size_t i = 0; i < 2 * tables; i++) {
        const shape s = {.kv = ENGINE_KV_F32,
                         .heads = 1,
                         .kv_heads = 1,
                         .head = 16,
                         .tokens = 300,
                         .causal = true};
        problem p = problem_new(&s);
        for (size_t t = 0; t < s.tokens; t++) {
            float rise = i % 2 ? (float)t : (float)(s.tokens - t);
            for (size_t j = 0; j < 16; j++) {
                p.q[t * p.stride + j] = 2; /* scores rise or fall by 4 a token, to 1200 */
                p.k[t * 16 + j] = 0.5f * rise;
            }
        }
        float *out = run(k[i / 2], NULL, &p, 300);
        double want[16];
        for (size_t t = 0; t < s.tokens; t++) {
            double total = 0; /* from its greatest score down: exp of the scores would overflow */
            memset(want, 0, sizeof want);
            for (size_t u = 0; u <= t; u++) {
                double weight = exp(-4.0 * (double)(i % 2 ? t - u : u));
                total += weight;
                for (size_t j = 0; j < 16; j++) want[j] += weight * (double)p.v[u * 16 + j];
            }
            for (size_t j = 0; j < 16; j++) {
                assert_true(fabs(want[j] / total - (double)out[t * p.stride + j]) < 1e-4);
            }
        }
        mem_free(out);
        problem_free(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),   cmocka_unit_test(test_long),
        cmocka_unit_test(test_windows), cmocka_unit_test(test_window_counts),
        cmocka_unit_test(test_jobs),    cmocka_unit_test(test_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
