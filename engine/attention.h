/* attention: queries meet the keys and values of one layer. Private to this room.
 *
 * The result of a query is the same in every bit whatever else the call holds: one token at a time,
 * a whole prompt, any number of threads.
 */
#ifndef CARREL_ENGINE_ATTENTION_H
#define CARREL_ENGINE_ATTENTION_H

#include "engine/kernels.h"

enum { ENGINE_MAX_HEAD = 512 /* largest head in use is 256; bounds the buffers on the stack */ };

/* The keys and values of one layer, of the type that they are kept in. int8 has one scale for each
 * position and head. */
typedef struct {
    engine_kv type;
    uint32_t kv_heads, head; /* head: floats of one head, at most ENGINE_MAX_HEAD */
    uint32_t capacity;       /* positions, a multiple of ENGINE_PANEL */
    void *keys, *values;     /* set by engine_cache_place */
} engine_cache;

size_t engine_cache_bytes(const engine_cache *c); /* keys and values together */
/* Sets the pointers; memory of any alignment, which stays the caller's. */
void engine_cache_place(engine_cache *c, void *memory);
/* Stores keys and values [n][kv_heads * head] of n positions, the first of them `position`. Several
 * threads may store different positions at once. */
void engine_cache_put(const engine_kernels *k, const engine_cache *c, size_t position, size_t n,
                      const float *keys, const float *values);

/* Part i, counted from 0, of the memory that holds the first `positions`; false behind the last. */
bool engine_cache_part(const engine_cache *c, size_t i, size_t positions, void **p, size_t *bytes);

typedef struct {
    const engine_cache *cache;
    const float *q;
    float *out;
    size_t stride;            /* of q and out, [n][stride], of which heads * head are used */
    uint32_t heads;           /* a multiple of the cache's kv_heads */
    size_t n, position, keys; /* queries; position of the first; positions filled */
    float scale;              /* of q k, for instance 1 / sqrt(head) */
    bool causal;              /* a query sees itself and what stands before it; else all keys */
    uint32_t window;          /* 0: no limit. causal: a token sees itself and window - 1 before it;
                               * else what is at most window / 2 away */
    const float *slopes;      /* [heads], ALiBi: takes slope * distance off; NULL: none */
} engine_attention;

/* Bytes of scratch for `workers` threads over at most `keys` positions. */
size_t engine_attention_scratch(int workers, uint32_t heads, uint32_t head, size_t keys);
/* out = softmax(scale q k) v, all jobs in one round of the pool. `scratch` has room for the job
 * that asks for most. */
void engine_attend(const engine_kernels *k, pool *p, const engine_attention *jobs, size_t count,
                   void *scratch);

#endif
