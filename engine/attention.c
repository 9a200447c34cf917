/* attention: queries meet the keys and values of one layer.
 *
 * The rows of work are (token, head) pairs: all heads that share one key head, over all tokens, so
 * that a single token of a model with grouped queries fills tiles as a prompt does. A block of 12
 * rows is scored against the keys 16 at a time, goes through softmax, and is multiplied with the
 * values, all by one thread. The same tiles serve one token and many, so a result does not depend
 * on how a prompt was cut into batches. (Vaswani et al., 2017; grouped queries: Ainslie et al.,
 * 2023.)
 *
 * Never looks beyond `keys` positions: what lies there may be left over from a truncated session.
 */
#include "engine/tensor.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 2 * ENGINE_TILE }; /* rows; 12 x 300 scores are 14 KB, in the first cache */

static size_t padded(size_t n) {
    return (n + ENGINE_PANEL - 1) / ENGINE_PANEL * ENGINE_PANEL;
}

size_t engine_cache_keys(const engine_cache *c) {
    return (size_t)c->kv_heads * c->capacity * c->head;
}

size_t engine_cache_values(const engine_cache *c) {
    return (size_t)c->kv_heads * c->capacity * padded(c->head);
}

void engine_cache_put(const engine_cache *c, size_t position, const float *k, const float *v) {
    size_t width = padded(c->head);
    size_t panel = position / ENGINE_PANEL, lane = position % ENGINE_PANEL;
    for (size_t g = 0; g < c->kv_heads; g++) {
        float *keys = c->keys + (g * c->capacity + panel * ENGINE_PANEL) * c->head + lane;
        for (size_t i = 0; i < c->head; i++) keys[i * ENGINE_PANEL] = k[g * c->head + i];
        memcpy(c->values + (g * c->capacity + position) * width, v + g * c->head,
               c->head * sizeof *v);
    }
}

size_t engine_attention_scratch(int workers, size_t keys) {
    return (size_t)workers * BLOCK * padded(keys);
}

typedef struct {
    const engine_kernels *kernels;
    const engine_cache *cache;
    const float *q;
    float *out, *scratch;
    size_t n, position, keys, blocks; /* blocks: of rows, for each key head */
    bool causal;
} attend_job;

/* Where row r of key head g lies in q and out. */
static size_t row_at(const engine_cache *c, size_t g, size_t r) {
    size_t group = c->heads / c->kv_heads;
    return (r / group) * c->heads * c->head + (g * group + r % group) * c->head;
}

static void attend_block(const attend_job *job, size_t g, size_t row, size_t rows, float *scores) {
    const engine_kernels *k = job->kernels;
    const engine_cache *c = job->cache;
    size_t group = c->heads / c->kv_heads, width = padded(c->head), stride = padded(job->keys);
    size_t keys = job->causal ? job->position + (row + rows - 1) / group + 1 : job->keys;
    float q[BLOCK * ENGINE_MAX_HEAD], out[BLOCK * ENGINE_MAX_HEAD];
    float scale = 1.0f / sqrtf((float)c->head);

    for (size_t r = 0; r < rows; r++) {
        const float *from = job->q + row_at(c, g, row + r);
        for (size_t i = 0; i < c->head; i++) q[r * c->head + i] = from[i] * scale;
    }
    for (size_t p = 0; p < keys; p += ENGINE_PANEL) {
        const float *panel = c->keys + (g * c->capacity + p) * c->head;
        for (size_t r = 0; r < rows; r += ENGINE_TILE) {
            size_t part = rows - r < ENGINE_TILE ? rows - r : ENGINE_TILE;
            k->tile(panel, ENGINE_PANEL, q + r * c->head, c->head, c->head, part, false,
                    scores + r * stride + p, stride);
        }
    }
    for (size_t r = 0; r < rows; r++) {
        float *s = scores + r * stride;
        size_t seen = job->causal ? job->position + (row + r) / group + 1 : keys;
        k->softmax(s, seen);
        memset(s + seen, 0, (keys - seen) * sizeof *s);
    }
    for (size_t r = 0; r < rows; r += ENGINE_TILE) {
        size_t part = rows - r < ENGINE_TILE ? rows - r : ENGINE_TILE;
        for (size_t i = 0; i < width; i += ENGINE_PANEL) {
            k->tile(c->values + g * c->capacity * width + i, width, scores + r * stride, stride,
                    keys, part, false, out + r * width + i, width);
        }
    }
    for (size_t r = 0; r < rows; r++) {
        memcpy(job->out + row_at(c, g, row + r), out + r * width, c->head * sizeof *out);
    }
}

static void attend_items(void *context, size_t begin, size_t end, int worker) {
    const attend_job *job = context;
    size_t all = job->n * (job->cache->heads / job->cache->kv_heads);
    float *scores = job->scratch + (size_t)worker * BLOCK * padded(job->keys);
    for (size_t i = begin; i < end; i++) {
        size_t row = i % job->blocks * BLOCK;
        size_t rows = all - row < BLOCK ? all - row : BLOCK;
        attend_block(job, i / job->blocks, row, rows, scores);
    }
}

void engine_attend(const engine_kernels *k, pool *p, const engine_cache *c, const float *q,
                   size_t n, size_t position, size_t keys, bool causal, float *scratch,
                   float *out) {
    size_t rows = n * (c->heads / c->kv_heads);
    attend_job job = {
        .kernels = k,
        .cache = c,
        .q = q,
        .out = out,
        .scratch = scratch,
        .n = n,
        .position = position,
        .keys = keys,
        .blocks = (rows + BLOCK - 1) / BLOCK,
        .causal = causal,
    };
    parallel_for(p, job.blocks * c->kv_heads, 1, attend_items, &job);
}
