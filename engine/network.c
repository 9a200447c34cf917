/* network: runs a loaded model over a batch of tokens, from their ids to the last layer's vectors.
 *
 * Sessions and encoders differ in where keys and values stay and in what is done with the result;
 * what lies between is here, once. Never allocates while it runs: the work of a batch is cut out
 * of one piece of memory that the caller holds.
 */
#include "engine/model.h"

#include <inttypes.h>

enum { LINE = 64, /* bytes of a cache line */ GRAIN = 16 };

/* ---- memory ------------------------------------------------------------------------------- */

bool engine_memory_fits(uint64_t bytes, const char *what, error *err) {
    uint64_t available = mem_available();
    if (bytes <= available) return true;
    return error_set(err, ERROR_LIMIT,
                     "%s needs %" PRIu64 " MiB of memory and %" PRIu64
                     " MiB are free; close other programs or ask for a shorter one",
                     what, bytes >> 20, available >> 20);
}

/* Cuts a piece off; with base NULL it only counts, so that sizes are written down once. */
static void *piece(uint8_t *base, size_t *used, size_t bytes) {
    void *p = base ? base + *used : NULL;
    *used += (bytes + LINE - 1) & ~(size_t)(LINE - 1);
    return p;
}

/* Sizes cannot wrap: each factor was bounded when the model was loaded. */
size_t engine_network_work(const engine_network *net, engine_work *w, size_t tokens, size_t runs,
                           size_t keys, int workers, void *base) {
    const engine_shape *s = &net->shape;
    size_t q = tokens * s->heads * s->head, kv = tokens * s->kv_heads * s->head;
    size_t x = tokens * s->width, ffn = tokens * s->hidden;
    size_t used = (size_t)(-(uintptr_t)base % LINE), one = sizeof(float);
    w->x = piece(base, &used, x * one);
    w->h = piece(base, &used, x * one);
    w->q = piece(base, &used, q * one);
    w->attended = piece(base, &used, q * one);
    w->k = piece(base, &used, kv * one);
    w->v = piece(base, &used, kv * one);
    w->gate = piece(base, &used, ffn * one);
    w->up = piece(base, &used, (s->gated ? ffn : 0) * one);
    for (size_t i = 0; i < net->rope_count; i++) {
        w->turn[i] = piece(base, &used, tokens * s->rotary * one);
    }
    w->run = piece(base, &used, tokens * sizeof *w->run);
    w->jobs = piece(base, &used, runs * sizeof *w->jobs);
    void *acts = piece(base, &used, engine_acts_bytes(net->columns, tokens));
    if (acts) engine_acts_place(&w->acts, net->columns, tokens, acts);
    w->scratch = piece(base, &used, engine_attention_scratch(workers, s->heads, s->head, keys));
    return used + (base ? 0 : LINE);
}

/* ---- positions ---------------------------------------------------------------------------- */

double *engine_network_frequencies(const engine_network *net, size_t n_ctx) {
    size_t pairs = net->shape.rotary / 2;
    double *out = mem_new(net->rope_count * pairs + 1, sizeof *out);
    for (size_t i = 0; i < net->rope_count; i++) {
        const engine_rope *r = &net->ropes[i];
        bool is_long = r->factors_long && n_ctx > r->long_from;
        engine_rope_frequencies(out + i * pairs, net->shape.rotary, r->base,
                                is_long ? r->factors_long : r->factors);
        for (size_t j = 0; j < pairs; j++) out[i * pairs + j] /= r->stretch;
    }
    return out;
}

static void turn_at(const engine_network *net, size_t rope, const double *frequencies,
                    size_t position, float *turn) {
    size_t pairs = net->shape.rotary / 2;
    float magnitude = net->ropes[rope].magnitude;
    engine_rope_turn(turn, frequencies + rope * pairs, pairs, position);
    for (size_t i = 0; magnitude != 1 && i < 2 * pairs; i++) turn[i] *= magnitude;
}

/* ---- a batch ------------------------------------------------------------------------------ */

typedef struct {
    const engine_network *net;
    const double *frequencies;
    const engine_work *work;
    const int32_t *ids;
    const uint8_t *types;
    const engine_run *runs;
} begin_job;

static void add_row(const engine_network *net, const engine_linear *w, size_t row, float *h,
                    float *x) {
    engine_linear_row(w, row, h);
    for (size_t i = 0; i < net->shape.width; i++) x[i] += h[i];
}

/* x = norm(embedding[id] * scale + types[type] + positions[position]), and the turns. */
static void begin_step(void *context, size_t begin, size_t end, int worker) {
    const begin_job *job = context;
    const engine_network *net = job->net;
    const engine_work *w = job->work;
    size_t width = net->shape.width;
    (void)worker;
    for (size_t t = begin; t < end; t++) {
        const engine_run *run = &job->runs[w->run[t]];
        size_t position = run->position + t - run->first;
        float *x = w->x + t * width, *h = w->h + t * width;
        engine_linear_row(&net->embedding, (size_t)job->ids[t], x);
        for (size_t i = 0; net->embedding_scale != 1 && i < width; i++) {
            x[i] *= net->embedding_scale;
        }
        if (net->types) add_row(net, &net->type_rows, job->types ? job->types[t] : 0, h, x);
        if (net->position_rows) add_row(net, &net->positions, position, h, x);
        for (size_t i = 0; i < net->rope_count; i++) {
            turn_at(net, i, job->frequencies, position, w->turn[i] + t * net->shape.rotary);
        }
    }
}

void engine_network_run(const engine_network *net, const double *frequencies, const engine_work *w,
                        pool *p, const int32_t *ids, const uint8_t *types, engine_run *runs,
                        size_t count, size_t cache_step) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t t = 0; t < runs[i].n; t++) w->run[n++] = (uint32_t)i;
    }
    begin_job job = {net, frequencies, w, ids, types, runs};
    parallel_for(p, n, GRAIN, begin_step, &job);
    if (net->embedding_norm.weight) {
        engine_block_norm(&net->shape, p, &net->embedding_norm, w->x, w->x, n);
    }
    for (size_t i = 0; i < net->layer_count; i++) {
        engine_block(&net->shape, &net->layers[i], w, p, runs, count, n);
        for (size_t r = 0; r < count; r++) runs[r].cache += cache_step;
    }
}
