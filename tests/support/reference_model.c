/* reference_model.c: the architectures by their definitions. See reference_model.h. */
#include "tests/support/reference_model.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const random_model *m;
    const model_recipe *r;
    size_t n, n_ctx;
    double *x; /* [n][width] */
} run;

static bool has(const run *c, unsigned what) {
    return (c->r->has & what) != 0;
}

static const float *values(const run *c, int layer, const char *name, const char *ending) {
    char full[64];
    snprintf(full, sizeof full, "%s.%s", name, ending);
    const model_tensor *t = random_model_find(c->m, layer, full);
    return t ? t->values : NULL;
}

/* x [n][columns] times rows [skip, skip + rows) of a matrix, plus its bias. */
static double *product(const run *c, int layer, const char *name, const double *x, size_t n,
                       size_t columns, size_t skip, size_t rows) {
    const float *w = values(c, layer, name, "weight"), *b = values(c, layer, name, "bias");
    double *y = mem_new(n * rows, sizeof *y);
    assert(w);
    for (size_t t = 0; t < n; t++) {
        for (size_t i = 0; i < rows; i++) {
            double sum = b ? (double)b[skip + i] : 0;
            for (size_t j = 0; j < columns; j++) {
                sum += (double)w[(skip + i) * columns + j] * x[t * columns + j];
            }
            y[t * rows + i] = sum;
        }
    }
    return y;
}

/* Each piece of n values by itself, in place; nothing where the model has no such norm. */
static void norm(const run *c, int layer, const char *name, double *x, size_t pieces, size_t n) {
    const float *w = values(c, layer, name, "weight"), *b = values(c, layer, name, "bias");
    for (size_t p = 0; w && p < pieces; p++, x += n) {
        double mean = 0, squares = 0;
        for (size_t i = 0; has(c, M_LAYER_NORM) && i < n; i++) mean += x[i] / (double)n;
        for (size_t i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean) / (double)n;
        for (size_t i = 0; i < n; i++) {
            x[i] = (x[i] - mean) / sqrt(squares + (double)1e-5f) * (double)w[i];
            if (b) x[i] += (double)b[i];
        }
    }
}

static double *copy(const double *x, size_t n) {
    double *y = mem_new(n, sizeof *y);
    memcpy(y, x, n * sizeof *y);
    return y;
}

/* ---- attention ---------------------------------------------------------------------------- */

static bool is_local(const run *c, size_t layer) {
    return c->r->window && (c->r->pattern == 0 || (layer + 1) % c->r->pattern != 0);
}

/* YaRN, by its definition: what share of pair i keeps its own frequency. The bounds are the pairs
 * that turn 32 times and once in the original context. */
static double yarn_share(const model_recipe *r, size_t i) {
    const double circle = 2 * 3.14159265358979323846, turns[] = {32, 1};
    double bound[2];
    for (int j = 0; j < 2; j++) {
        double length = r->original_context / (turns[j] * circle);
        bound[j] = (double)r->rotary / 2 * log(length) / log(r->base);
    }
    double first = floor(bound[0]) < 0 ? 0 : floor(bound[0]), last = ceil(bound[1]);
    if ((double)i <= first) return 1;
    return (double)i >= last ? 0 : 1 - ((double)i - first) / (last - first);
}

static void rotate(const run *c, size_t layer, double *x, size_t heads) {
    const model_recipe *r = c->r;
    size_t half = r->rotary / 2, apart = has(c, M_HALVES) ? half : 1;
    bool local = is_local(c, layer), is_long = c->n_ctx > r->original_context;
    double base = local ? (r->base_local > 0 ? r->base_local : 1e4) : r->base;
    const float *factors = values(c, -1, "rope_freqs", "weight");
    if (has(c, M_LENGTHS)) {
        factors = values(c, -1, is_long ? "rope_factors_long" : "rope_factors_short", "weight");
    }
    if (!has(c, M_ROPE) || (r->skip && (layer + 1) % r->skip == 0)) return;
    for (size_t t = 0; t < c->n; t++) {
        for (size_t h = 0; h < heads; h++) {
            for (size_t i = 0; i < half; i++) {
                double angle = (double)t / pow(base, (double)(2 * i) / r->rotary);
                double size = r->magnitude > 0 ? (double)(float)r->magnitude : 1;
                if (factors) angle /= (double)factors[i];
                if (has(c, M_YARN)) {
                    double share = yarn_share(r, i);
                    angle = angle * share + angle / r->stretch * (1 - share);
                    size = 1 + 0.1 * log(r->stretch);
                } else if (!local && r->stretch > 0) {
                    angle /= r->stretch;
                }
                double *a = x + (t * heads + h) * r->head + (has(c, M_HALVES) ? i : 2 * i);
                double first = a[0], second = a[apart];
                a[0] = (first * cos(angle) - second * sin(angle)) * size;
                a[apart] = (first * sin(angle) + second * cos(angle)) * size;
            }
        }
    }
}

/* ALiBi: the series 2^(-8/n), 2^(-16/n) ... for a power of two; for other numbers of heads that of
 * the power below, then every other one of the power above. */
static double slope(size_t head, size_t heads) {
    size_t power = 1;
    while (power * 2 <= heads) power *= 2;
    if (head < power) return pow(2, -8.0 * (double)(head + 1) / (double)power);
    return pow(2, -8.0 * (double)(2 * (head - power) + 1) / (double)(2 * power));
}

static bool sees(const run *c, size_t layer, size_t from, size_t to) {
    size_t apart = from > to ? from - to : to - from;
    if (has(c, M_CAUSAL)) {
        return to <= from && (!is_local(c, layer) || apart < c->r->window);
    }
    return !is_local(c, layer) || apart <= c->r->window / 2;
}

static double *attend(const run *c, size_t layer, const double *q, const double *k,
                      const double *v) {
    const model_recipe *r = c->r;
    size_t d = r->head, heads = r->heads, groups = r->kv_heads;
    double *out = mem_new(c->n * heads * d, sizeof *out), *s = mem_new(c->n, sizeof *s);
    for (size_t t = 0; t < c->n; t++) {
        for (size_t h = 0; h < heads; h++) {
            size_t g = h / (heads / groups);
            double total = 0;
            for (size_t u = 0; u < c->n; u++) {
                double score = 0;
                for (size_t i = 0; i < d; i++) {
                    score += q[(t * heads + h) * d + i] * k[(u * groups + g) * d + i];
                }
                score /= sqrt((double)d);
                if (has(c, M_ALIBI)) score -= slope(h, heads) * fabs((double)t - (double)u);
                s[u] = sees(c, layer, t, u) ? exp(score) : 0;
                total += s[u];
            }
            for (size_t u = 0; u < c->n; u++) {
                for (size_t i = 0; i < d; i++) {
                    out[(t * heads + h) * d + i] += s[u] / total * v[(u * groups + g) * d + i];
                }
            }
        }
    }
    mem_free(s);
    return out;
}

static double *attention_step(const run *c, size_t layer, const double *h) {
    const model_recipe *r = c->r;
    int l = (int)layer;
    bool fused = has(c, M_FUSED_QKV);
    size_t d = r->width, q_width = r->heads * r->head, kv = r->kv_heads * r->head;
    double *q = product(c, l, fused ? "attn_qkv" : "attn_q", h, c->n, d, 0, q_width);
    double *k = product(c, l, fused ? "attn_qkv" : "attn_k", h, c->n, d, fused ? q_width : 0, kv);
    double *v =
        product(c, l, fused ? "attn_qkv" : "attn_v", h, c->n, d, fused ? q_width + kv : 0, kv);
    bool whole = has(c, M_QK_WHOLE);
    norm(c, l, "attn_q_norm", q, whole ? c->n : c->n * r->heads, whole ? q_width : r->head);
    norm(c, l, "attn_k_norm", k, whole ? c->n : c->n * r->kv_heads, whole ? kv : r->head);
    rotate(c, layer, q, r->heads);
    rotate(c, layer, k, r->kv_heads);
    double *a = attend(c, layer, q, k, v);
    double *out = product(c, l, "attn_output", a, c->n, q_width, 0, d);
    mem_free(q);
    mem_free(k);
    mem_free(v);
    mem_free(a);
    return out;
}

/* ---- layers ------------------------------------------------------------------------------- */

static double activation(const run *c, double x) {
    if (!has(c, M_GELU)) return x / (1 + exp(-x));
    return x / 2 * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

static double *ffn_step(const run *c, size_t layer, const double *h) {
    const model_recipe *r = c->r;
    int l = (int)layer;
    bool fused = has(c, M_FUSED_UP);
    size_t d = r->width, f = r->hidden;
    double *up = product(c, l, "ffn_up", h, c->n, d, fused ? f : 0, f);
    if (has(c, M_GATE)) {
        double *gate = product(c, l, fused ? "ffn_up" : "ffn_gate", h, c->n, d, 0, f);
        for (size_t i = 0; i < c->n * f; i++) up[i] *= activation(c, gate[i]);
        mem_free(gate);
    } else {
        for (size_t i = 0; i < c->n * f; i++) up[i] = activation(c, up[i]);
    }
    double *out = product(c, l, "ffn_down", up, c->n, f, 0, d);
    mem_free(up);
    return out;
}

/* x = again(x + sum(x + given(step(before(x))))), each norm where there is one. */
static void half_layer(run *c, size_t layer, double *(*step)(const run *, size_t, const double *),
                       const char *before, const char *given, const char *sum, const char *again) {
    int l = (int)layer;
    size_t d = c->r->width, size = c->n * d;
    double *h = copy(c->x, size);
    norm(c, l, before, h, c->n, d);
    double *y = step(c, layer, h);
    norm(c, l, given, y, c->n, d);
    for (size_t i = 0; i < size; i++) y[i] += c->x[i];
    norm(c, l, sum, y, c->n, d);
    if (again && has(c, M_AGAIN)) {
        for (size_t i = 0; i < size; i++) y[i] += c->x[i];
        norm(c, l, again, y, c->n, d);
    }
    mem_free(h);
    mem_free(c->x);
    c->x = y;
}

/* x += sum over taps of conv[tap] * norm(x) of the token that far away, each channel by itself. */
static void convolve(run *c, size_t layer) {
    const float *w = values(c, (int)layer, "conv", "weight");
    size_t d = c->r->width;
    double *h = copy(c->x, c->n * d);
    norm(c, (int)layer, "conv_norm", h, c->n, d);
    for (size_t t = 0; t < c->n; t++)
        for (size_t u = 0; u < c->n; u++) {
            size_t tap = u + RANDOM_TAPS / 2 - t; /* wraps where u is too far before t */
            for (size_t i = 0; tap < RANDOM_TAPS && i < d; i++)
                c->x[t * d + i] += (double)w[tap * d + i] * h[u * d + i];
        }
    mem_free(h);
}

/* The vectors of the last layer, after the norm that a model may have there. */
static run forward(const random_model *m, const int32_t *ids, const uint8_t *types, size_t n,
                   size_t n_ctx) {
    run c = {m, m->recipe, n, n_ctx, NULL};
    size_t d = c.r->width;
    const float *embedding = values(&c, -1, "token_embd", "weight");
    const float *positions = values(&c, -1, "position_embd", "weight");
    const float *type_rows = values(&c, -1, "token_types", "weight");
    c.x = mem_new(n * d, sizeof *c.x);
    for (size_t t = 0; t < n; t++) {
        for (size_t i = 0; i < d; i++) {
            double v = (double)embedding[(size_t)ids[t] * d + i];
            if (has(&c, M_SCALED)) v *= sqrt((double)d);
            if (positions) v += (double)positions[t * d + i];
            if (type_rows) v += (double)type_rows[(types ? types[t] : 0) * d + i];
            c.x[t * d + i] = v;
        }
    }
    norm(&c, -1, "token_embd_norm", c.x, n, d);
    for (size_t i = 0; i < c.r->layers; i++) {
        if (has(&c, M_CONV)) convolve(&c, i);
        half_layer(&c, i, attention_step, "attn_norm", "post_attention_norm", "attn_output_norm",
                   "attn_norm_2");
        half_layer(&c, i, ffn_step, "ffn_norm", "post_ffw_norm", "layer_output_norm", NULL);
    }
    norm(&c, -1, "output_norm", c.x, n, d);
    return c;
}

/* ---- what comes of them ------------------------------------------------------------------- */

double *reference_logits(const random_model *m, const int32_t *ids, size_t n, size_t n_ctx) {
    run c = forward(m, ids, NULL, n, n_ctx);
    const char *name = has(&c, M_OUTPUT) ? "output" : "token_embd";
    double *out = product(&c, -1, name, c.x, n, c.r->width, 0, c.r->vocab);
    mem_free(c.x);
    return out;
}

double *reference_spans(const random_model *m, const int32_t *ids, const uint8_t *types, size_t n) {
    run c = forward(m, ids, types, n, m->recipe->context);
    double *out = product(&c, -1, "span", c.x, n, c.r->width, 0, RANDOM_SPANS);
    mem_free(c.x);
    return out;
}

size_t reference_width(const random_model *m) {
    const model_recipe *r = m->recipe;
    if (r->pooling == POOL_RANK) return 1;
    return r->dense[1] ? r->dense[1] : r->dense[0] ? r->dense[0] : r->width;
}

/* Of the first token, or the last where tokens see only what is before them. */
static double *score(const run *c) {
    size_t d = c->r->width;
    const double *x = c->x + (has(c, M_CAUSAL) ? (c->n - 1) * d : 0);
    double *h = copy(x, d), *out = mem_new(1, sizeof *out);
    if (has(c, M_CLS)) {
        mem_free(h);
        h = product(c, -1, "cls", x, 1, d, 0, d);
        for (size_t i = 0; i < d; i++) h[i] = tanh(h[i]);
    }
    int32_t yes = 1, no = 0; /* the file names the labels in this order */
    if (c->r->labels == 0) random_model_words(c->m, &yes, &no);
    const char *name = c->r->labels ? "cls.output" : "token_embd";
    double *y = product(c, -1, name, h, 1, d, 0, c->r->labels ? c->r->labels : c->r->vocab);
    if (c->r->labels == 1) {
        *out = 1 / (1 + exp(-y[0]));
    } else {
        *out = exp(y[yes]) / (exp(y[yes]) + exp(y[no]));
    }
    mem_free(h);
    mem_free(y);
    return out;
}

double *reference_pooled(const random_model *m, const int32_t *ids, const uint8_t *types,
                         size_t n) {
    run c = forward(m, ids, types, n, m->recipe->context);
    const model_recipe *r = c.r;
    size_t d = r->width, last = (n - 1) * d;
    double squares = 0;
    double *out = r->pooling == POOL_RANK ? score(&c) : mem_new(d, sizeof *out);
    for (size_t i = 0; r->pooling != POOL_RANK && i < d; i++) {
        for (size_t t = 0; t < n; t++) out[i] += c.x[t * d + i] / (double)n;
        if (r->pooling == POOL_CLS) out[i] = c.x[i];
        if (r->pooling == POOL_LAST) out[i] = c.x[last + i];
    }
    for (size_t i = 0; i < 2; i++) {
        if (r->dense[i] == 0) continue;
        double *y =
            product(&c, -1, i ? "dense_3" : "dense_2", out, 1, i ? r->dense[0] : d, 0, r->dense[i]);
        mem_free(out);
        out = y;
    }
    size_t width = reference_width(m);
    for (size_t i = 0; i < width; i++) squares += out[i] * out[i];
    for (size_t i = 0; r->pooling != POOL_RANK && i < width; i++) out[i] /= sqrt(squares);
    mem_free(c.x);
    return out;
}
