/* block: one layer of a transformer over a batch of tokens.
 *
 * Five rounds of the pool carry the work: q, k and v; attention; its output; gate and up; down. The
 * two output matrices add to the residual stream themselves. The elementwise steps in between wake
 * threads only when there are tokens enough to be worth it: for one token they run in the caller.
 *
 * Never allocates; everything is the caller's.
 */
#include "engine/block.h"

#include <math.h>

enum { GRAIN = 16 /* tokens of an elementwise step that are worth waking a thread for */ };

typedef struct {
    const engine_shape *shape;
    const engine_work *work;
    const engine_cache *cache;
    const float *norm;
    size_t position;
} step;

static void norm_step(void *context, size_t begin, size_t end, int worker) {
    const step *c = context;
    const engine_shape *s = c->shape;
    (void)worker;
    for (size_t t = begin; t < end; t++) {
        s->kernels->rms_norm(c->work->x + t * s->width, c->norm, s->epsilon,
                             c->work->h + t * s->width, s->width);
    }
}

static void rope_step(void *context, size_t begin, size_t end, int worker) {
    const step *c = context;
    const engine_shape *s = c->shape;
    void (*rope)(float *, const float *, size_t) =
        s->halves ? s->kernels->rope_neox : s->kernels->rope_norm;
    (void)worker;
    for (size_t t = begin; t < end; t++) {
        const float *turn = c->work->turn + t * s->rotary;
        float *q = c->work->q + t * s->heads * s->head;
        float *k = c->work->k + t * s->kv_heads * s->head;
        for (size_t i = 0; i < s->heads; i++) rope(q + i * s->head, turn, s->rotary / 2);
        for (size_t i = 0; i < s->kv_heads; i++) rope(k + i * s->head, turn, s->rotary / 2);
        engine_cache_put(s->kernels, c->cache, c->position + t, k,
                         c->work->v + t * s->kv_heads * s->head);
    }
}

static void silu_step(void *context, size_t begin, size_t end, int worker) {
    const step *c = context;
    size_t n = c->shape->hidden;
    (void)worker;
    for (size_t t = begin; t < end; t++) {
        c->shape->kernels->silu_mul(c->work->gate + t * n, c->work->up + t * n, n);
    }
}

void engine_block_norm(const engine_shape *s, const engine_work *w, pool *p, const float *weight,
                       size_t n) {
    step c = {.shape = s, .work = w, .norm = weight};
    parallel_for(p, n, GRAIN, norm_step, &c);
}

void engine_block(const engine_shape *s, const engine_layer *l, const engine_cache *c,
                  const engine_work *w, pool *p, size_t n, size_t position) {
    size_t q = (size_t)s->heads * s->head, kv = (size_t)s->kv_heads * s->head;
    step part = {.shape = s, .work = w, .cache = c, .position = position};

    engine_block_norm(s, w, p, l->attn_norm, n);
    engine_product qkv[] = {
        {&l->q, w->q, q, false}, {&l->k, w->k, kv, false}, {&l->v, w->v, kv, false}};
    engine_multiply(s->kernels, p, qkv, 3, w->h, s->width, n);
    parallel_for(p, n, GRAIN, rope_step, &part);
    engine_attention all = {
        .cache = c,
        .q = w->q,
        .out = w->attended,
        .stride = q,
        .heads = s->heads,
        .n = n,
        .position = position,
        .keys = position + n,
        .scale = 1.0f / sqrtf((float)s->head),
        .causal = s->causal,
    };
    engine_attend(s->kernels, p, &all, 1, w->scratch);
    engine_product o = {&l->o, w->x, s->width, true};
    engine_multiply(s->kernels, p, &o, 1, w->attended, q, n);

    engine_block_norm(s, w, p, l->ffn_norm, n);
    engine_product ffn[] = {{&l->gate, w->gate, s->hidden, false},
                            {&l->up, w->up, s->hidden, false}};
    engine_multiply(s->kernels, p, ffn, 2, w->h, s->width, n);
    parallel_for(p, n, GRAIN, silu_step, &part);
    engine_product down = {&l->down, w->x, s->width, true};
    engine_multiply(s->kernels, p, &down, 1, w->gate, s->hidden, n);
}
