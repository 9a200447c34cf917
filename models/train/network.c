/* network: see network.h. Everything of one call stays in one net_work; threads each have their own.
 * Sequences stand one behind the other without padding: products run over all tokens, attention and
 * convolution over each sequence.
 */
#include "models/train/network.h"

#include "base/base.h"

#include <assert.h>
#include <math.h>
#include <string.h>

typedef struct {
    float *in, *mid, *late;       /* [tokens][width]: into the layer, after conv, after attention */
    float *in_r, *mid_r, *late_r; /* [tokens]: 1 / rms */
    num *h1, *qkv, *mixed, *h2, *gate_up, *act;
    num *probs; /* per sequence, per head [n][padded n] */
} saved_layer;

enum {
    MOST_PIECES = 16 * MOST_LAYERS + 16,
    LONGEST_SPAN = 30 /* tokens; embed/reader.c has the same */
};

struct net_work {
    size_t most;
    void *pieces[MOST_PIECES]; /* what was allocated */
    size_t piece_n;
    float *x, *dx, *big, *wide, *scores, *turn, *dropped;
    num *pack, *pack2, *half, *half2;
    float *last_r;
    saved_layer layers[MOST_LAYERS];
};

struct net_packed {
    void *pieces[MOST_PIECES];
    size_t piece_n;
    num *qkv[MOST_LAYERS][2], *out[MOST_LAYERS][2], *gate_up[MOST_LAYERS][2], *down[MOST_LAYERS][2];
};

static size_t padded(size_t n) {
    return panel_count(n) * LANES;
}

/* ---- parameters --------------------------------------------------------------------------- */

net_places net_layout(const net_shape *s) {
    net_places p = {0};
    size_t d = s->width, f = s->hidden, at = 0;
    p.embedding = at, at += (size_t)s->vocab * d;
    p.types = at, at += s->types * d;
    for (size_t i = 0; i < s->layers; i++) {
        net_layer *l = &p.layers[i];
        l->conv_norm = at, at += d;
        l->conv = at, at += CONV_TAPS * d;
        l->attn_norm = at, at += d;
        l->qkv = at, at += 3 * d * d;
        l->out = at, at += d * d;
        l->ffn_norm = at, at += d;
        l->gate_up = at, at += 2 * f * d;
        l->down = at, at += d * f;
    }
    p.norm = at, at += d;
    p.head = at, at += OUTPUTS * d;
    p.bias = at, at += OUTPUTS;
    p.count = at;
    return p;
}

/* Zeroed, on a cache line; `pieces` remembers it. */
static void *lines(void **pieces, size_t *n, size_t bytes) {
    char *p = mem_new(bytes + 64, 1);
    pieces[(*n)++] = p;
    return p + (64 - (uintptr_t)p % 64) % 64;
}

net_packed *net_packed_new(const net_shape *s) {
    net_packed *w = mem_new(1, sizeof *w);
    size_t d = s->width, f = s->hidden;
    for (size_t i = 0; i < s->layers; i++)
        for (int b = 0; b < 2; b++) {
            w->qkv[i][b] = lines(w->pieces, &w->piece_n, sizeof(num) * 3 * d * d);
            w->out[i][b] = lines(w->pieces, &w->piece_n, sizeof(num) * d * d);
            w->gate_up[i][b] = lines(w->pieces, &w->piece_n, sizeof(num) * 2 * f * d);
            w->down[i][b] = lines(w->pieces, &w->piece_n, sizeof(num) * d * f);
        }
    return w;
}

void net_packed_free(net_packed *w) {
    for (size_t i = 0; i < w->piece_n; i++) mem_free(w->pieces[i]);
    mem_free(w);
}

void net_pack(net_packed *w, const net_shape *s, const float *params, size_t part, size_t of) {
    net_places p = net_layout(s);
    size_t d = s->width, f = s->hidden, which = 0;
    for (size_t i = 0; i < s->layers; i++) {
        const struct {
            size_t place, rows, columns;
            num **to;
        } matrices[] = {{p.layers[i].qkv, 3 * d, d, w->qkv[i]},
                        {p.layers[i].out, d, d, w->out[i]},
                        {p.layers[i].gate_up, 2 * f, d, w->gate_up[i]},
                        {p.layers[i].down, d, f, w->down[i]}};
        for (size_t m = 0; m < 4; m++) {
            const float *x = params + matrices[m].place;
            size_t rows = matrices[m].rows, columns = matrices[m].columns;
            if (which++ % of == part) pack_floats(x, 1, columns, columns, rows, matrices[m].to[0]);
            if (which++ % of == part) pack_floats(x, columns, 1, rows, columns, matrices[m].to[1]);
        }
    }
}

/* ---- memory ------------------------------------------------------------------------------- */

net_work *net_work_new(const net_shape *s, size_t t) {
    net_work *w = mem_new(1, sizeof *w);
    size_t d = s->width, f = s->hidden, heads = d / HEAD;
    size_t widest = 2 * f > 3 * d ? 2 * f : 3 * d;
    w->most = t;
    size_t probs_size = heads * t * padded(MOST_TOKENS);
    w->x = lines(w->pieces, &w->piece_n, 4 * t * d);
    w->dx = lines(w->pieces, &w->piece_n, 4 * t * d);
    w->big = lines(w->pieces, &w->piece_n, 4 * t * widest);
    w->wide = lines(w->pieces, &w->piece_n, 4 * t * widest);
    w->scores = lines(w->pieces, &w->piece_n, 4 * MOST_TOKENS * padded(MOST_TOKENS) * 2);
    w->turn = lines(w->pieces, &w->piece_n, 4 * MOST_TOKENS * HEAD);
    w->dropped = lines(w->pieces, &w->piece_n, 4 * t * d);
    w->pack =
        lines(w->pieces, &w->piece_n, sizeof(num) * panels_size(t > widest ? t : widest, widest));
    w->pack2 = lines(w->pieces, &w->piece_n, sizeof(num) * 4 * MOST_TOKENS * padded(MOST_TOKENS));
    w->half = lines(w->pieces, &w->piece_n, sizeof(num) * t * widest);
    w->half2 = lines(w->pieces, &w->piece_n, sizeof(num) * t * widest);
    w->last_r = lines(w->pieces, &w->piece_n, 4 * t);
    for (size_t i = 0; i < s->layers; i++) {
        saved_layer *l = &w->layers[i];
        l->in = lines(w->pieces, &w->piece_n, 4 * t * d),
        l->mid = lines(w->pieces, &w->piece_n, 4 * t * d),
        l->late = lines(w->pieces, &w->piece_n, 4 * t * d);
        l->in_r = lines(w->pieces, &w->piece_n, 4 * t),
        l->mid_r = lines(w->pieces, &w->piece_n, 4 * t),
        l->late_r = lines(w->pieces, &w->piece_n, 4 * t);
        l->h1 = lines(w->pieces, &w->piece_n, sizeof(num) * t * d),
        l->h2 = lines(w->pieces, &w->piece_n, sizeof(num) * t * d);
        l->qkv = lines(w->pieces, &w->piece_n, sizeof(num) * t * 3 * d),
        l->mixed = lines(w->pieces, &w->piece_n, sizeof(num) * t * d);
        l->gate_up = lines(w->pieces, &w->piece_n, sizeof(num) * t * 2 * f),
        l->act = lines(w->pieces, &w->piece_n, sizeof(num) * t * f);
        l->probs = lines(w->pieces, &w->piece_n, sizeof(num) * probs_size);
    }
    for (size_t n = 0; n < MOST_TOKENS; n++)
        for (size_t i = 0; i < HEAD / 2; i++) {
            double a = (double)n * pow(ROPE_BASE, -2.0 * (double)i / HEAD);
            w->turn[n * HEAD + i] = (float)cos(a);
            w->turn[n * HEAD + HEAD / 2 + i] = (float)sin(a);
        }
    return w;
}

void net_work_free(net_work *w) {
    for (size_t i = 0; i < w->piece_n; i++) mem_free(w->pieces[i]);
    mem_free(w);
}

/* ---- steps, each with its way back ---------------------------------------------------------- */

static void norm_rows(const float *restrict x, const float *restrict g, size_t t, size_t d,
                      float *restrict r, float *out, num *half) {
    float normed[MOST_WIDTH] = {0};
    for (size_t i = 0; i < t; i++) {
        const float *row = x + i * d;
        float sum = 0;
        for (size_t j = 0; j < d; j++) sum += row[j] * row[j];
        float k = r[i] = 1 / sqrtf(sum / (float)d + NORM_EPSILON);
        float *to = out ? out + i * d : normed;
        for (size_t j = 0; j < d; j++) to[j] = row[j] * k * g[j];
        if (half) narrow(to, d, half + i * d);
    }
}

/* dx += the way back of norm_rows from dh; dg += likewise. */
static void norm_back(const float *restrict x, const float *restrict g, const float *restrict r,
                      size_t t, size_t d, const float *restrict dh, float *restrict dx,
                      float *restrict dg) {
    for (size_t i = 0; i < t; i++) {
        const float *row = x + i * d, *dy = dh + i * d;
        float k = r[i], dot = 0;
        for (size_t j = 0; j < d; j++) {
            float e = dy[j] * row[j] * k;
            dg[j] += e;
            dot += e * g[j];
        }
        dot *= k * k / (float)d;
        float *to = dx + i * d;
        for (size_t j = 0; j < d; j++) to[j] += k * dy[j] * g[j] - dot * row[j];
    }
}

/* out[t] = x[t] + sum over taps of w[tap] * u[t + tap - middle], inside a sequence of n. */
static void conv_rows(const float *restrict u, const float *restrict w, size_t n, size_t d,
                      float *restrict out) {
    for (size_t i = 0; i < n; i++)
        for (size_t tap = 0; tap < CONV_TAPS; tap++) {
            size_t at = i + tap;
            if (at < CONV_TAPS / 2 || at - CONV_TAPS / 2 >= n) continue;
            const float *from = u + (at - CONV_TAPS / 2) * d, *k = w + tap * d;
            for (size_t j = 0; j < d; j++) out[i * d + j] += k[j] * from[j];
        }
}

static void conv_back(const float *restrict u, const float *restrict w, size_t n, size_t d,
                      const float *restrict dy, float *restrict du, float *restrict dw) {
    for (size_t i = 0; i < n; i++)
        for (size_t tap = 0; tap < CONV_TAPS; tap++) {
            size_t at = i + tap;
            if (at < CONV_TAPS / 2 || at - CONV_TAPS / 2 >= n) continue;
            size_t from = (at - CONV_TAPS / 2) * d;
            const float *g = dy + i * d, *k = w + tap * d;
            for (size_t j = 0; j < d; j++) {
                du[from + j] += k[j] * g[j];
                dw[tap * d + j] += u[from + j] * g[j];
            }
        }
}

/* Turns the heads of one row by the position's angles; `sign` -1 turns them back. */
static void turn_row(float *row, size_t heads, const float *turn, float sign) {
    for (size_t h = 0; h < heads; h++, row += HEAD)
        for (size_t i = 0; i < HEAD / 2; i++) {
            float c = turn[i], s = sign * turn[HEAD / 2 + i], a = row[i], b = row[i + HEAD / 2];
            row[i] = a * c - b * s;
            row[i + HEAD / 2] = b * c + a * s;
        }
}

static void softmax_rows(const float *restrict s, size_t n, size_t pad, num *restrict out) {
    const float scale = 1 / sqrtf((float)HEAD);
    for (size_t i = 0; i < n; i++) {
        float e[MOST_TOKENS + LANES], most = -INFINITY, sum = 0;
        const float *row = s + i * pad;
        num *to = out + i * pad;
        for (size_t j = 0; j < n; j++) most = row[j] > most ? row[j] : most;
        for (size_t j = 0; j < n; j++) e[j] = expf((row[j] - most) * scale);
        for (size_t j = 0; j < n; j++) sum += e[j];
        sum = 1 / sum;
        for (size_t j = 0; j < n; j++) e[j] *= sum;
        for (size_t j = n; j < pad; j++) e[j] = 0;
        narrow(e, pad, to);
    }
}

/* ds = p * (dp - sum(dp p)) / sqrt(HEAD) */
static void softmax_back(const num *restrict p, const float *restrict dp, size_t n, size_t pad,
                         num *restrict out) {
    const float scale = 1 / sqrtf((float)HEAD);
    for (size_t i = 0; i < n; i++) {
        const float *dr = dp + i * pad;
        float q[MOST_TOKENS + LANES], dot = 0;
        widen(p + i * pad, pad, q);
        for (size_t j = 0; j < n; j++) dot += q[j] * dr[j];
        for (size_t j = 0; j < pad; j++) q[j] *= (dr[j] - dot) * scale;
        narrow(q, pad, out + i * pad);
    }
}

/* ---- attention ------------------------------------------------------------------------------ */

/* qkv, mixed: rows of the sequence. probs: [heads][n][pad] */
static void attend(net_work *w, size_t n, size_t d, const num *qkv, num *probs, num *mixed) {
    size_t pad = padded(n), ld = 3 * d;
    for (size_t h = 0; h < d / HEAD; h++, probs += n * pad) {
        const num *q = qkv + h * HEAD, *k = q + d, *v = k + d;
        pack_nums(k, 1, ld, HEAD, n, w->pack2);
        gemm(n, n, HEAD, q, ld, false, w->pack2, w->scores, pad, false);
        softmax_rows(w->scores, n, pad, probs);
        pack_nums(v, ld, 1, n, HEAD, w->pack2);
        gemm(n, HEAD, n, probs, pad, false, w->pack2, w->scores, HEAD, false);
        for (size_t i = 0; i < n; i++) narrow(w->scores + i * HEAD, HEAD, mixed + i * d + h * HEAD);
    }
}

/* dmixed: [n][d]; dqkv: floats [n][3 d], written. */
static void attend_back(net_work *w, size_t n, size_t d, const num *qkv, const num *probs,
                        const num *dmixed, float *dqkv) {
    size_t pad = padded(n), ld = 3 * d;
    num *ds = w->pack2 + 2 * MOST_TOKENS * padded(MOST_TOKENS);
    for (size_t h = 0; h < d / HEAD; h++, probs += n * pad) {
        const num *q = qkv + h * HEAD, *k = q + d, *v = k + d, *g = dmixed + h * HEAD;
        float *dq = dqkv + h * HEAD, *dk = dq + d, *dv = dk + d;
        pack_nums(v, 1, ld, HEAD, n, w->pack2);
        gemm(n, n, HEAD, g, d, false, w->pack2, w->scores, pad, false);
        softmax_back(probs, w->scores, n, pad, ds);
        pack_nums(g, d, 1, n, HEAD, w->pack2);
        gemm(n, HEAD, n, probs, pad, true, w->pack2, dv, ld, false);
        pack_nums(k, ld, 1, n, HEAD, w->pack2);
        gemm(n, HEAD, n, ds, pad, false, w->pack2, dq, ld, false);
        pack_nums(q, ld, 1, n, HEAD, w->pack2);
        gemm(n, HEAD, n, ds, pad, true, w->pack2, dk, ld, false);
    }
}

/* ---- a layer -------------------------------------------------------------------------------- */

typedef struct {
    net_work *w;
    const net_shape *s;
    const float *params;
    const net_packed *packed;
    const net_example *const *examples;
    size_t count, tokens;
    float *grads;
} batch;

static void layer_forward(const batch *b, size_t i) {
    net_work *w = b->w;
    saved_layer *y = &w->layers[i];
    size_t d = b->s->width, f = b->s->hidden, t = b->tokens, at;
    net_places places = net_layout(b->s);
    const net_layer *l = &places.layers[i];
    memcpy(y->in, w->x, 4 * t * d);
    norm_rows(y->in, b->params + l->conv_norm, t, d, y->in_r, w->big, NULL);
    at = 0;
    for (size_t e = 0; e < b->count; at += b->examples[e++]->n)
        conv_rows(w->big + at * d, b->params + l->conv, b->examples[e]->n, d, w->x + at * d);
    memcpy(y->mid, w->x, 4 * t * d);

    norm_rows(y->mid, b->params + l->attn_norm, t, d, y->mid_r, NULL, y->h1);
    gemm(t, 3 * d, d, y->h1, d, false, b->packed->qkv[i][0], w->big, 3 * d, false);
    at = 0;
    num *probs = y->probs;
    for (size_t e = 0; e < b->count; e++) {
        size_t n = b->examples[e]->n;
        for (size_t k = 0; k < n; k++)
            turn_row(w->big + (at + k) * 3 * d, 2 * d / HEAD, w->turn + k * HEAD, 1);
        narrow(w->big + at * 3 * d, n * 3 * d, y->qkv + at * 3 * d);
        attend(w, n, d, y->qkv + at * 3 * d, probs, y->mixed + at * d);
        probs += d / HEAD * n * padded(n);
        at += n;
    }
    gemm(t, d, d, y->mixed, d, false, b->packed->out[i][0], w->x, d, true);
    memcpy(y->late, w->x, 4 * t * d);

    norm_rows(y->late, b->params + l->ffn_norm, t, d, y->late_r, NULL, y->h2);
    gemm(t, 2 * f, d, y->h2, d, false, b->packed->gate_up[i][0], w->big, 2 * f, false);
    narrow(w->big, t * 2 * f, y->gate_up);
    for (size_t k = 0; k < t; k++) {
        float *restrict gate = w->big + k * 2 * f;
        const float *restrict up = gate + f;
        for (size_t j = 0; j < f; j++) gate[j] *= up[j] / (1 + expf(-gate[j]));
        narrow(gate, f, y->act + k * f);
    }
    gemm(t, d, f, y->act, f, false, b->packed->down[i][0], w->x, d, true);
}

/* The gradients of gate and up, from those of what they became. */
static void gate_back(const num *gate_up, const float *dact, size_t t, size_t f, num *out) {
    float z[2 * MOST_HIDDEN];
    for (size_t k = 0; k < t; k++) {
        const float *restrict g = dact + k * f;
        float *restrict gate = z, *restrict up = z + f;
        widen(gate_up + k * 2 * f, 2 * f, z);
        for (size_t j = 0; j < f; j++) {
            float s = 1 / (1 + expf(-gate[j])), silu = gate[j] * s;
            gate[j] = g[j] * up[j] * (s + silu * (1 - s));
            up[j] = g[j] * silu;
        }
        narrow(z, 2 * f, out + k * 2 * f);
    }
}

/* dw [m][n] += dy^T x, dy [t][m], x [t][n] */
static void weight_grad(net_work *w, size_t t, size_t m, size_t n, const num *dy, const num *x,
                        float *dw) {
    pack_nums(x, n, 1, t, n, w->pack);
    gemm(m, n, t, dy, m, true, w->pack, dw, n, true);
}

static void layer_back(const batch *b, size_t i) {
    net_work *w = b->w;
    saved_layer *y = &w->layers[i];
    size_t d = b->s->width, f = b->s->hidden, t = b->tokens, at;
    net_places places = net_layout(b->s);
    const net_layer *l = &places.layers[i];
    float *g = b->grads;

    narrow(w->dx, t * d, w->half);
    gemm(t, f, d, w->half, d, false, b->packed->down[i][1], w->big, f, false);
    weight_grad(w, t, d, f, w->half, y->act, g + l->down);
    gate_back(y->gate_up, w->big, t, f, w->half);
    gemm(t, d, 2 * f, w->half, 2 * f, false, b->packed->gate_up[i][1], w->big, d, false);
    weight_grad(w, t, 2 * f, d, w->half, y->h2, g + l->gate_up);
    norm_back(y->late, b->params + l->ffn_norm, y->late_r, t, d, w->big, w->dx, g + l->ffn_norm);

    narrow(w->dx, t * d, w->half);
    gemm(t, d, d, w->half, d, false, b->packed->out[i][1], w->big, d, false);
    weight_grad(w, t, d, d, w->half, y->mixed, g + l->out);
    narrow(w->big, t * d, w->half2);
    at = 0;
    const num *probs = y->probs;
    for (size_t e = 0; e < b->count; e++) {
        size_t n = b->examples[e]->n;
        attend_back(w, n, d, y->qkv + at * 3 * d, probs, w->half2 + at * d, w->wide + at * 3 * d);
        for (size_t k = 0; k < n; k++)
            turn_row(w->wide + (at + k) * 3 * d, 2 * d / HEAD, w->turn + k * HEAD, -1);
        probs += d / HEAD * n * padded(n);
        at += n;
    }
    narrow(w->wide, t * 3 * d, w->half);
    gemm(t, d, 3 * d, w->half, 3 * d, false, b->packed->qkv[i][1], w->big, d, false);
    weight_grad(w, t, 3 * d, d, w->half, y->h1, g + l->qkv);
    norm_back(y->mid, b->params + l->attn_norm, y->mid_r, t, d, w->big, w->dx, g + l->attn_norm);

    norm_rows(y->in, b->params + l->conv_norm, t, d, y->in_r, w->wide, NULL);
    memset(w->big, 0, 4 * t * d);
    at = 0;
    for (size_t e = 0; e < b->count; at += b->examples[e++]->n)
        conv_back(w->wide + at * d, b->params + l->conv, b->examples[e]->n, d, w->dx + at * d,
                  w->big + at * d, g + l->conv);
    norm_back(y->in, b->params + l->conv_norm, y->in_r, t, d, w->big, w->dx, g + l->conv_norm);
}

/* ---- embedding and loss --------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *s) {
    *s ^= *s << 13, *s ^= *s >> 7, *s ^= *s << 17;
    return *s;
}

static void embed(const batch *b, float dropout, uint64_t seed) {
    net_work *w = b->w;
    size_t d = b->s->width, t = 0;
    net_places p = net_layout(b->s);
    uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
    uint32_t limit = (uint32_t)(dropout * 65536);
    float keep = 1 / (1 - dropout);
    for (size_t e = 0; e < b->count; e++)
        for (size_t k = 0; k < b->examples[e]->n; k++, t++) {
            const float *row = b->params + p.embedding + b->examples[e]->ids[k] * d;
            const float *type = b->params + p.types + b->examples[e]->types[k] * d;
            float *x = w->x + t * d;
            for (size_t j = 0; j < d; j++) x[j] = row[j] + type[j];
            if (limit == 0) continue;
            float *mask = w->dropped + t * d;
            for (size_t j = 0; j < d; j += 4) {
                uint64_t bits = next_random(&state);
                for (size_t q = 0; q < 4 && j + q < d; q++, bits >>= 16)
                    mask[j + q] = (bits & 65535) < limit ? 0.0f : keep;
            }
            for (size_t j = 0; j < d; j++) x[j] *= mask[j];
        }
}

static void embed_back(const batch *b, float dropout, uint8_t *touched) {
    net_work *w = b->w;
    size_t d = b->s->width, t = 0;
    net_places p = net_layout(b->s);
    for (size_t e = 0; e < b->count; e++)
        for (size_t k = 0; k < b->examples[e]->n; k++, t++) {
            float *x = w->dx + t * d;
            if (dropout > 0)
                for (size_t j = 0; j < d; j++) x[j] *= w->dropped[t * d + j];
            float *row = b->grads + p.embedding + b->examples[e]->ids[k] * d;
            float *type = b->grads + p.types + b->examples[e]->types[k] * d;
            for (size_t j = 0; j < d; j++) {
                row[j] += x[j];
                type[j] += x[j];
            }
            touched[b->examples[e]->ids[k]] = 1;
        }
}

static bool allowed(const net_example *x, size_t k, int output) {
    if (k == 0) return true;
    if (k < x->passage || k + 1 >= x->n) return false;
    return output < 2 || x->opens[k];
}

/* Cross-entropy of one output over the tokens where it may point; its gradient into dz. */
static double point(const net_example *x, const float *z, int output, size_t target, float weight,
                    float *dz) {
    float most = -INFINITY;
    double sum = 0;
    for (size_t k = 0; k < x->n; k++)
        if (allowed(x, k, output)) most = fmaxf(most, z[k * OUTPUTS + output]);
    for (size_t k = 0; k < x->n; k++)
        if (allowed(x, k, output)) sum += expf(z[k * OUTPUTS + output] - most);
    for (size_t k = 0; dz && k < x->n; k++) {
        float p = allowed(x, k, output) ? (float)(expf(z[k * OUTPUTS + output] - most) / sum) : 0;
        dz[k * OUTPUTS + output] = LOSS_SCALE * weight * (p - (k == target));
    }
    return log(sum) + most - z[target * OUTPUTS + output];
}

/* Is the best span of at most 30 tokens the answer; or the empty one, where nothing answers? */
static bool best_is_right(const net_example *x, const float *z) {
    float best = z[0] + z[1];
    size_t start = 0, end = 0;
    for (size_t i = x->passage; i + 1 < x->n; i++)
        for (size_t j = i; j + 1 < x->n && j < i + LONGEST_SPAN; j++)
            if (z[i * OUTPUTS] + z[j * OUTPUTS + 1] > best) {
                best = z[i * OUTPUTS] + z[j * OUTPUTS + 1];
                start = i, end = j;
            }
    return start == x->start && end == x->end;
}

#define SENTENCE_WEIGHT 0.3f /* of its loss beside the mean of start's and end's */

static void head(const batch *b, float *logits, net_result *out) {
    net_work *w = b->w;
    size_t d = b->s->width, at = 0;
    net_places p = net_layout(b->s);
    const float *head = b->params + p.head, *bias = b->params + p.bias;
    norm_rows(w->x, b->params + p.norm, b->tokens, d, w->last_r, w->big, NULL);
    for (size_t t = 0; t < b->tokens; t++)
        for (size_t o = 0; o < OUTPUTS; o++) {
            float sum = 0;
            for (size_t j = 0; j < d; j++) sum += w->big[t * d + j] * head[o * d + j];
            logits[t * OUTPUTS + o] = sum + bias[o];
        }
    float *dz = b->grads ? w->scores : NULL;
    for (size_t e = 0; e < b->count; e++) {
        const net_example *x = b->examples[e];
        const float *z = logits + at * OUTPUTS;
        float *to = dz ? dz + at * OUTPUTS : NULL;
        out->loss += .5 * (point(x, z, 0, x->start, .5f, to) + point(x, z, 1, x->end, .5f, to));
        out->sentence_loss += point(x, z, 2, x->sentence, SENTENCE_WEIGHT, to);
        bool right = best_is_right(x, z);
        if (x->start) {
            out->answered++, out->exact += right;
        } else {
            out->empty++, out->refused += right;
        }
        at += x->n;
    }
    if (!dz) return;
    memset(w->wide, 0, 4 * b->tokens * d);
    for (size_t t = 0; t < b->tokens; t++)
        for (size_t o = 0; o < OUTPUTS; o++) {
            float g = dz[t * OUTPUTS + o];
            if (g == 0) continue;
            b->grads[p.bias + o] += g;
            float *dh = b->grads + p.head + o * d;
            for (size_t j = 0; j < d; j++) {
                w->wide[t * d + j] += g * head[o * d + j];
                dh[j] += g * w->big[t * d + j];
            }
        }
    memset(w->dx, 0, 4 * b->tokens * d);
    norm_back(w->x, b->params + p.norm, w->last_r, b->tokens, d, w->wide, w->dx, b->grads + p.norm);
}

void net_run(net_work *w, const net_shape *s, const float *params, const net_packed *packed,
             const net_example *const *examples, size_t count, float dropout, uint64_t seed,
             float *grads, uint8_t *touched, float *logits, net_result *out) {
    batch b = {w, s, params, packed, examples, count, 0, grads};
    for (size_t e = 0; e < count; e++) b.tokens += examples[e]->n;
    assert(b.tokens <= w->most);
    if (!grads) dropout = 0;
    float *z = logits ? logits : mem_new(b.tokens * OUTPUTS, sizeof *z);
    embed(&b, dropout, seed);
    for (size_t i = 0; i < s->layers; i++) layer_forward(&b, i);
    head(&b, z, out);
    if (z != logits) mem_free(z);
    if (!grads) return;
    for (size_t i = s->layers; i-- > 0;) layer_back(&b, i);
    embed_back(&b, dropout, touched);
}
