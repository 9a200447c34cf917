/* sampler: logits become one token.
 *
 * Greedy at temperature 0, else temperature and nucleus (Holtzman et al. 2020), with a generator
 * of its own: xoshiro256** seeded by splitmix64 (Blackman and Vigna, "Scrambled linear
 * pseudorandom number generators", 2021). The same seed and logits give the same tokens on every
 * machine; the C library's rand does not promise that. Ties go to the lower id.
 *
 * Never picks a token that the caller's bit set leaves out, nor one whose logit is not a number.
 */
#include "engine/engine.h"

#include <math.h>

typedef struct {
    double weight;
    int32_t id;
} candidate;

struct engine_sampler {
    engine_sampling how;
    size_t vocab;
    uint64_t state[4];
    candidate *candidates; /* [vocab] */
};

static uint64_t splitmix64(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, int by) {
    return x << by | x >> (64 - by);
}

static uint64_t xoshiro256(uint64_t s[4]) {
    uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

engine_sampler *engine_sampler_new(const engine_sampling *how, size_t vocab) {
    engine_sampler *s = mem_new(1, sizeof *s);
    uint64_t seed = how->seed;
    s->how = *how;
    s->vocab = vocab;
    s->candidates = mem_new(vocab + 1, sizeof *s->candidates);
    for (size_t i = 0; i < 4; i++) s->state[i] = splitmix64(&seed);
    return s;
}

void engine_sampler_free(engine_sampler *s) {
    if (s == NULL) return;
    mem_free(s->candidates);
    mem_free(s);
}

static bool may(const float *logits, const uint64_t *allowed, size_t i) {
    return !isnan(logits[i]) && (allowed == NULL || (allowed[i / 64] >> (i % 64) & 1));
}

static int32_t greedy(const engine_sampler *s, const float *logits, const uint64_t *allowed) {
    int32_t best = -1;
    for (size_t i = 0; i < s->vocab; i++) {
        if (may(logits, allowed, i) && (best < 0 || logits[i] > logits[best])) best = (int32_t)i;
    }
    return best;
}

static bool before(const candidate *a, const candidate *b) {
    return a->weight > b->weight || (a->weight == b->weight && a->id < b->id);
}

/* Restores the heap (best on top) below i. */
static void sift(candidate *heap, size_t n, size_t i) {
    for (;;) {
        size_t best = i, left = 2 * i + 1;
        for (size_t child = left; child < left + 2 && child < n; child++) {
            if (before(&heap[child], &heap[best])) best = child;
        }
        if (best == i) return;
        candidate swap = heap[i];
        heap[i] = heap[best];
        heap[best] = swap;
        i = best;
    }
}

/* Moves the smallest set of best candidates that holds top_p of the weight to the end of the heap;
 * returns its size and weight. Only as many are sorted as are needed. */
static size_t take_nucleus(candidate *heap, size_t n, double wanted, double *weight) {
    size_t rest = n;
    for (size_t i = n / 2; i-- > 0;) sift(heap, n, i);
    *weight = 0;
    while (rest > 0 && (*weight < wanted || rest == n)) {
        candidate top = heap[0];
        *weight += top.weight;
        heap[0] = heap[--rest];
        heap[rest] = top;
        sift(heap, rest, 0);
    }
    return n - rest;
}

int32_t engine_sample(engine_sampler *s, const float *logits, const uint64_t *allowed) {
    int32_t best = greedy(s, logits, allowed);
    /* An infinite best logit leaves nothing to weigh against it. */
    if (best < 0 || !(s->how.temperature > 0) || isinf(logits[best])) return best;

    size_t n = 0;
    double total = 0;
    for (size_t i = 0; i < s->vocab; i++) {
        if (!may(logits, allowed, i)) continue;
        double below = (double)logits[i] - (double)logits[best];
        double weight = exp(below / (double)s->how.temperature);
        s->candidates[n++] = (candidate){weight, (int32_t)i};
        total += weight;
    }
    size_t kept = n;
    if (s->how.top_p < 1) {
        kept = take_nucleus(s->candidates, n, total * (double)s->how.top_p, &total);
    }
    const candidate *from = s->candidates + (n - kept);
    double at = (double)(xoshiro256(s->state) >> 11) * 0x1p-53 * total; /* 53 bits: [0, 1) */
    for (size_t i = 0; i < kept; i++) {
        at -= from[i].weight;
        if (at < 0) return from[i].id;
    }
    return best; /* rounding left a crumb */
}
