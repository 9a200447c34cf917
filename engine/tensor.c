/* tensor: loading matrices and multiplying with them.
 *
 * Two ways to the same product. Few tokens: each row of weights is read once, as it lies in the
 * file, and met with each token (dot). Many tokens: 16 rows are unpacked into a panel of float32,
 * part by part so that it stays in the first cache, and met with all tokens, 6 at a time (tile).
 * Work is dealt out in panels of 16 rows, over all products of a step at once, so that a step costs
 * one round of the pool.
 *
 * Never allocates: panels live on the stack of the thread that fills them.
 */
#include "engine/tensor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    MAX_NAME = 128, /* "blk.1023.attn_output.weight" and room */
    /* Up to here unpacking a panel costs more than reading the rows again for each token. */
    DOT_TOKENS = 3,
    /* Columns of a panel at a time: 16 rows x 256 x 4 bytes is half of a 32 KB first cache. A
     * multiple of every block length, so that a part begins where a block does. */
    PART = 256,
    PIECES = 8 /* for each thread: enough to even out, few enough to claim cheaply */
};

bool engine_need_u32(const engine_gguf *g, const char *key, uint32_t least, uint32_t most,
                     uint32_t *out, error *err) {
    uint32_t v;
    if (!engine_gguf_u32(g, key, &v)) {
        return error_set(err, ERROR_MODEL, STR_FMT ": metadata key \"%s\" is missing",
                         STR_ARG(engine_gguf_path(g)), key);
    }
    if (v < least || v > most) {
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": metadata key \"%s\" is %" PRIu32 ", outside %" PRIu32
                                 " to %" PRIu32,
                         STR_ARG(engine_gguf_path(g)), key, v, least, most);
    }
    *out = v;
    return true;
}

bool engine_need_f32(const engine_gguf *g, const char *key, float *out, error *err) {
    float v;
    if (!engine_gguf_f32(g, key, &v) || !isfinite(v)) {
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": metadata key \"%s\" is missing or not a number",
                         STR_ARG(engine_gguf_path(g)), key);
    }
    *out = v;
    return true;
}

bool engine_vector_load(const engine_gguf *g, const char *name, uint64_t n, const float **out,
                        error *err) {
    const engine_tensor *t;
    if (!engine_gguf_need(g, name, 1, &n, &t, err)) return false;
    if (t->type != ENGINE_F32) {
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": tensor \"%s\" is of type %s, and vectors must be F32",
                         STR_ARG(engine_gguf_path(g)), name, engine_type_name(t->type));
    }
    *out = t->data;
    return true;
}

bool engine_linear_load(const engine_gguf *g, const char *name, uint64_t columns, uint64_t rows,
                        engine_linear *out, error *err) {
    char full[MAX_NAME];
    const engine_tensor *t;
    snprintf(full, sizeof full, "%s.weight", name);
    if (!engine_gguf_need(g, full, 2, (uint64_t[]){columns, rows}, &t, err)) return false;
    *out = (engine_linear){
        .type = t->type,
        .rows = (uint32_t)rows,
        .columns = (uint32_t)columns,
        .row_bytes = engine_row_bytes(t->type, columns),
        .data = t->data,
    };
    snprintf(full, sizeof full, "%s.bias", name);
    return engine_gguf_find(g, full) == NULL || engine_vector_load(g, full, rows, &out->bias, err);
}

engine_linear engine_linear_rows(const engine_linear *w, uint32_t begin, uint32_t count) {
    engine_linear part = *w;
    part.rows = count;
    part.data += begin * w->row_bytes;
    if (part.bias) part.bias += begin;
    return part;
}

/* ---- products ----------------------------------------------------------------------------- */

typedef struct {
    const engine_kernels *kernels;
    const engine_product *products;
    const float *x;
    size_t x_stride, n;
} multiply_job;

static bool has_dot(uint32_t type) {
    return type == ENGINE_F32 || type == ENGINE_F16 || type == ENGINE_Q8_0;
}

/* Rows [row, row + count) for a few tokens. */
static void multiply_dot(const multiply_job *job, const engine_product *o, size_t row,
                         size_t count) {
    const engine_linear *w = o->w;
    const engine_kernels *k = job->kernels;
    float (*dot)(const void *, const float *, size_t) = w->type == ENGINE_F32   ? k->dot_f32
                                                        : w->type == ENGINE_F16 ? k->dot_f16
                                                                                : k->dot_q8_0;
    for (size_t r = row; r < row + count; r++) {
        const uint8_t *weights = w->data + r * w->row_bytes;
        for (size_t t = 0; t < job->n; t++) {
            float sum = dot(weights, job->x + t * job->x_stride, w->columns);
            if (w->bias) sum += w->bias[r];
            float *out = o->out + t * o->stride + r;
            *out = o->add ? *out + sum : sum;
        }
    }
}

/* Columns [begin, begin + n) of 16 rows as a panel; rows that the matrix lacks are zero. */
static void fill_panel(const engine_kernels *k, const engine_linear *w, size_t row, size_t count,
                       size_t begin, size_t n, float *panel) {
    float rows[ENGINE_PANEL * PART];
    size_t skip = engine_row_bytes(w->type, begin);
    for (size_t r = 0; r < count; r++) {
        k->unpack(w->type, w->data + (row + r) * w->row_bytes + skip, rows + r * PART, n);
    }
    memset(rows + count * PART, 0, (ENGINE_PANEL - count) * PART * sizeof *rows);
    k->transpose(rows, PART, panel, n);
}

/* What the sums of a panel's rows start from. */
static void start_sums(const multiply_job *job, const engine_product *o, size_t row, size_t count) {
    for (size_t t = 0; t < job->n; t++) {
        float *out = o->out + t * o->stride + row;
        for (size_t r = 0; r < count; r++) {
            out[r] = (o->add ? out[r] : 0) + (o->w->bias ? o->w->bias[row + r] : 0);
        }
    }
}

/* Rows [row, row + count), at most 16, for all tokens. */
static void multiply_panel(const multiply_job *job, const engine_product *o, size_t row,
                           size_t count) {
    const engine_kernels *k = job->kernels;
    _Alignas(64) float panel[ENGINE_PANEL * PART];
    float edge[ENGINE_TILE * ENGINE_PANEL];

    /* A whole panel without a bias starts from zero or from what is there; tile does that. */
    bool started = count < ENGINE_PANEL || o->w->bias;
    if (started) start_sums(job, o, row, count);
    for (size_t begin = 0; begin < o->w->columns; begin += PART) {
        size_t n = o->w->columns - begin < PART ? o->w->columns - begin : PART;
        fill_panel(k, o->w, row, count, begin, n, panel);
        for (size_t t = 0; t < job->n; t += ENGINE_TILE) {
            size_t tokens = job->n - t < ENGINE_TILE ? job->n - t : ENGINE_TILE;
            const float *x = job->x + t * job->x_stride + begin;
            float *out = o->out + t * o->stride + row;
            if (count == ENGINE_PANEL) {
                k->tile(panel, ENGINE_PANEL, x, job->x_stride, n, tokens,
                        started || o->add || begin > 0, out, o->stride);
                continue;
            }
            /* The last rows of the matrix: a whole tile would write beyond them. */
            k->tile(panel, ENGINE_PANEL, x, job->x_stride, n, tokens, false, edge, ENGINE_PANEL);
            for (size_t i = 0; i < tokens; i++) {
                for (size_t r = 0; r < count; r++) {
                    out[i * o->stride + r] += edge[i * ENGINE_PANEL + r];
                }
            }
        }
    }
}

static size_t panels_of(const engine_linear *w) {
    return ((size_t)w->rows + ENGINE_PANEL - 1) / ENGINE_PANEL;
}

static void multiply_items(void *context, size_t begin, size_t end, int worker) {
    const multiply_job *job = context;
    const engine_product *o = job->products;
    size_t first = 0; /* panel of the product o */
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        while (i - first >= panels_of(o->w)) {
            first += panels_of(o->w);
            o++;
        }
        size_t row = (i - first) * ENGINE_PANEL;
        size_t count = o->w->rows - row < ENGINE_PANEL ? o->w->rows - row : ENGINE_PANEL;
        if (job->n <= DOT_TOKENS && has_dot(o->w->type)) {
            multiply_dot(job, o, row, count);
        } else {
            multiply_panel(job, o, row, count);
        }
    }
}

void engine_multiply(const engine_kernels *k, pool *p, const engine_product *products, size_t count,
                     const float *x, size_t x_stride, size_t n) {
    multiply_job job = {k, products, x, x_stride, n};
    size_t panels = 0;
    for (size_t i = 0; i < count; i++) panels += panels_of(products[i].w);
    parallel_for(p, panels, panels / ((size_t)pool_size(p) * PIECES) + 1, multiply_items, &job);
}

/* ---- positions ---------------------------------------------------------------------------- */

void engine_rope_frequencies(double *frequencies, uint32_t rotary, double base,
                             const float *factors) {
    for (uint32_t i = 0; i < rotary / 2; i++) {
        frequencies[i] = pow(base, -2.0 * i / rotary) / (factors ? (double)factors[i] : 1.0);
    }
}

void engine_rope_turn(float *turn, const double *frequencies, size_t pairs, size_t position) {
    for (size_t i = 0; i < pairs; i++) {
        double angle = (double)position * frequencies[i];
        turn[2 * i] = (float)cos(angle);
        turn[2 * i + 1] = (float)sin(angle);
    }
}
