/* block: one layer of a transformer over a batch of tokens.
 *
 * Five rounds of the pool carry the work: q, k and v; attention; its output; gate and up; down. Norms
 * and activations run as a part of the product that they feed, token by token, just before its input
 * is quantised. Elementwise steps wake threads only when there are tokens enough to be worth it.
 * Where nothing stands between a step and the residual stream, its output matrix adds to the stream
 * itself.
 *
 * Every step handles a token by itself, so that a result does not depend on the rest of the batch.
 * Never allocates; everything is the caller's.
 */
#include "engine/block.h"

enum { GRAIN = 16 /* tokens of an elementwise step that are worth waking a thread for */ };

typedef struct {
    const engine_shape *shape;
    const engine_layer *layer;
    const engine_work *work;
    const engine_run *runs;
    const engine_join *join;
    const engine_norm *norm;
    const float *x;
    float *out;
} step;

static void apply_norm(const engine_shape *s, const engine_norm *norm, const float *x, float *out,
                       size_t n) {
    if (s->norm == ENGINE_NORM_RMS) {
        s->kernels->rms_norm(x, norm->weight, s->epsilon, out, n);
    } else {
        s->kernels->layer_norm(x, norm->weight, norm->bias, s->epsilon, out, n);
    }
}

static void norm_step(void *context, size_t begin, size_t end, int worker) {
    const step *c = context;
    size_t n = c->shape->width;
    (void)worker;
    for (size_t t = begin; t < end; t++) {
        apply_norm(c->shape, c->norm, c->x + t * n, c->out + t * n, n);
    }
}

void engine_block_norm(const engine_shape *s, pool *p, const engine_norm *norm, const float *x,
                       float *out, size_t n) {
    step c = {.shape = s, .norm = norm, .x = x, .out = out};
    parallel_for(p, n, GRAIN, norm_step, &c);
}

/* The norm and the rotation of one token's heads. */
static void place_heads(const step *c, size_t t, float *x, size_t heads, const engine_norm *norm) {
    const engine_shape *s = c->shape;
    size_t n = s->qk_whole ? heads * s->head : s->head;
    for (size_t i = 0; norm->weight && i < heads * s->head; i += n) {
        apply_norm(s, norm, x + i, x + i, n);
    }
    if (c->layer->rope == ENGINE_NO_ROPE) return;
    void (*rope)(float *, const float *, size_t) =
        s->halves ? s->kernels->rope_neox : s->kernels->rope_norm;
    const float *turn = c->work->turn[c->layer->rope] + t * s->rotary;
    for (size_t i = 0; i < heads; i++) rope(x + i * s->head, turn, s->rotary / 2);
}

static void place_step(void *context, size_t begin, size_t end, int worker) {
    const step *c = context;
    const engine_shape *s = c->shape;
    size_t q_width = (size_t)s->heads * s->head, kv_width = (size_t)s->kv_heads * s->head;
    (void)worker;
    for (size_t t = begin; t < end; t++) {
        place_heads(c, t, c->work->q + t * q_width, s->heads, &c->layer->q_norm);
        place_heads(c, t, c->work->k + t * kv_width, s->kv_heads, &c->layer->k_norm);
    }
    for (size_t t = begin, n; t < end; t += n) { /* what is of one run at once */
        const engine_run *run = &c->runs[c->work->run[t]];
        for (n = 1; t + n < end && c->work->run[t + n] == c->work->run[t];) n++;
        engine_cache_put(s->kernels, run->cache, run->position + t - run->first, n,
                         c->work->k + t * kv_width, c->work->v + t * kv_width);
    }
}

static void attend(const step *c, pool *p, size_t count) {
    const engine_shape *s = c->shape;
    size_t width = (size_t)s->heads * s->head;
    for (size_t i = 0; i < count; i++) {
        const engine_run *run = &c->runs[i];
        c->work->jobs[i] = (engine_attention){
            .cache = run->cache,
            .q = c->work->q + run->first * width,
            .out = c->work->attended + run->first * width,
            .stride = width,
            .heads = s->heads,
            .n = run->n,
            .position = run->position,
            .keys = run->position + run->n,
            .scale = s->scale,
            .causal = s->causal,
            .window = c->layer->window,
            .slopes = s->slopes,
        };
    }
    engine_attend(s->kernels, p, c->work->jobs, count, c->work->scratch);
}

static void activate_step(void *context, size_t begin, size_t end, int worker) {
    const step *c = context;
    const engine_kernels *k = c->shape->kernels;
    size_t n = c->shape->hidden;
    (void)worker;
    for (size_t t = begin; t < end; t++) {
        float *gate = c->work->gate + t * n;
        if (!c->shape->gated) {
            k->gelu(gate, n);
        } else if (c->shape->activation == ENGINE_SILU) {
            k->silu_mul(gate, c->work->up + t * n, n);
        } else {
            k->gelu_mul(gate, c->work->up + t * n, n);
        }
    }
}

static void add(const float *x, float *y, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static void join_step(void *context, size_t begin, size_t end, int worker) {
    const step *c = context;
    const engine_shape *s = c->shape;
    const engine_join *j = c->join;
    (void)worker;
    for (size_t t = begin; t < end; t++) {
        float *x = c->work->x + t * s->width, *y = c->work->h + t * s->width;
        if (j->given.weight) apply_norm(s, &j->given, y, y, s->width);
        if (!j->sum.weight) {
            add(y, x, s->width);
            continue;
        }
        add(x, y, s->width);
        if (j->again.weight) {
            apply_norm(s, &j->sum, y, y, s->width);
            add(x, y, s->width);
        }
        apply_norm(s, j->again.weight ? &j->again : &j->sum, y, x, s->width);
    }
}

/* x = joined(x, w in) */
static void join(step *c, pool *p, const engine_join *how, const engine_linear *w,
                 const engine_input *in, size_t n) {
    const engine_shape *s = c->shape;
    bool plain = !how->given.weight && !how->sum.weight;
    engine_product product = {w, plain ? c->work->x : c->work->h, s->width, plain};
    engine_multiply(&c->work->acts, p, &product, 1, in, n);
    c->join = how;
    if (!plain) parallel_for(p, n, GRAIN, join_step, c);
}

/* Tokens outside the run count as zeros. Only runs that are read as a whole come here. */
static void convolve_step(void *context, size_t begin, size_t end, int worker) {
    const step *c = context;
    const engine_shape *s = c->shape;
    size_t width = s->width, middle = s->taps / 2;
    (void)worker;
    for (size_t t = begin; t < end; t++) {
        const engine_run *run = &c->runs[c->work->run[t]];
        size_t at = t - run->first;
        float *x = c->work->x + t * width;
        for (size_t tap = 0; tap < s->taps; tap++) {
            if (at + tap < middle || at + tap - middle >= run->n) continue;
            const float *h = c->work->h + (t + tap - middle) * width,
                        *k = c->layer->conv + tap * width;
            for (size_t i = 0; i < width; i++) x[i] += k[i] * h[i];
        }
    }
}

/* What a step's matrices meet: x, or its norm in h. */
static engine_input step_input(step *c, const engine_norm *norm) {
    const engine_work *w = c->work;
    if (!norm->weight) return (engine_input){.x = w->x, .stride = c->shape->width};
    c->norm = norm;
    c->x = w->x;
    c->out = w->h;
    return (engine_input){w->h, c->shape->width, norm_step, c};
}

void engine_block(const engine_shape *s, const engine_layer *l, const engine_work *w, pool *p,
                  const engine_run *runs, size_t count, size_t n) {
    size_t q = (size_t)s->heads * s->head, kv = (size_t)s->kv_heads * s->head;
    step c = {.shape = s, .layer = l, .work = w, .runs = runs};

    if (l->conv) {
        engine_block_norm(s, p, &l->conv_norm, w->x, w->h, n);
        parallel_for(p, n, GRAIN, convolve_step, &c);
    }
    engine_input in = step_input(&c, &l->attn_norm);
    engine_product qkv[] = {
        {&l->q, w->q, q, false}, {&l->k, w->k, kv, false}, {&l->v, w->v, kv, false}};
    engine_multiply(&w->acts, p, qkv, 3, &in, n);
    parallel_for(p, n, GRAIN, place_step, &c);
    attend(&c, p, count);
    join(&c, p, &l->attn, &l->o, &(engine_input){.x = w->attended, .stride = q}, n);

    in = step_input(&c, &l->ffn_norm);
    engine_product ffn[] = {{s->gated ? &l->gate : &l->up, w->gate, s->hidden, false},
                            {&l->up, w->up, s->hidden, false}};
    engine_multiply(&w->acts, p, ffn, s->gated ? 2 : 1, &in, n);
    join(&c, p, &l->ffn, &l->down, &(engine_input){w->gate, s->hidden, activate_step, &c}, n);
}
