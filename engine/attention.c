/* attention: queries meet the keys and values of one layer, tile by tile, without ever holding all
 * scores (Milakov and Gimelshein, 2018; Dao et al., 2022; grouped queries: Ainslie et al., 2023).
 *
 * The rows of work are (token, head) pairs: all heads that share one key head, over some tokens, so
 * that what is read of the cache serves them all. A row walks its keys in steps of ENGINE_KEYS, at
 * multiples of that from position 0, with a running maximum and sum. Every SPAN positions it starts
 * afresh and the parts are put together in order; so that one token's long way through a cache can
 * be shared by threads. Since all of this depends on positions alone, a row comes out the same
 * whatever else is in the call. Keys that a row does not see enter with weight 0, which adds nothing.
 *
 * Never lets a result depend on what lies beyond `keys`: it may be left over from what was
 * truncated.
 */
#include "engine/attention.h"

#include <math.h>
#include <string.h>

enum {
    SPAN = 256,        /* keys; a multiple of ENGINE_KEYS */
    MOST_ROWS = 96,    /* of one piece of work */
    CHUNK = 12,        /* rows that are cut off together where they stop seeing keys */
    DIRECT_ROWS = 8,   /* up to here a cache is met as it is kept, not widened first */
    SHARED_TOKENS = 8, /* up to here the spans of one row may go to several threads */
    LINE = 64          /* bytes of alignment */
};

#define LOG2_E 1.44269504f /* scores are counted in powers of 2, which are quicker than of e */

static size_t padded(size_t n) {
    return (n + ENGINE_PANEL - 1) / ENGINE_PANEL * ENGINE_PANEL;
}

static char *aligned(void *p) {
    return (char *)p + (LINE - (uintptr_t)p % LINE) % LINE;
}

/* ---- the cache ---------------------------------------------------------------------------- */

/* Keys lie in panels of 16 positions, [kv_heads][capacity / 16][head][16], so that one element of a
 * query meets 16 keys in one step; values by position, [kv_heads][capacity][head rounded up to 16].
 * Behind either lie the scales of int8, [kv_heads][capacity]. */

static size_t element_bytes(engine_kv type) {
    return type == ENGINE_KV_INT8  ? sizeof(int8_t)
           : type == ENGINE_KV_F16 ? sizeof(uint16_t)
                                   : sizeof(float);
}

static size_t part_bytes(const engine_cache *c, size_t width) {
    size_t positions = (size_t)c->kv_heads * c->capacity;
    size_t bytes = positions * width * element_bytes(c->type);
    if (c->type == ENGINE_KV_INT8) bytes += positions * sizeof(float);
    return (bytes + LINE - 1) / LINE * LINE;
}

size_t engine_cache_bytes(const engine_cache *c) {
    return part_bytes(c, c->head) + part_bytes(c, padded(c->head)) + LINE;
}

void engine_cache_place(engine_cache *c, void *memory) {
    char *p = aligned(memory);
    c->keys = p;
    c->values = p + part_bytes(c, c->head);
}

/* The scales behind `part`, keys or values of `width`, from one position of a key head on; NULL for
 * the types that have none. */
static float *scales(const engine_cache *c, void *part, size_t width, size_t g, size_t position) {
    if (c->type != ENGINE_KV_INT8) return NULL;
    char *all = (char *)part + (size_t)c->kv_heads * c->capacity * width;
    return (float *)(void *)all + g * c->capacity + position;
}

bool engine_cache_part(const engine_cache *c, size_t i, size_t positions, void **p, size_t *bytes) {
    size_t g = i / 4, one = element_bytes(c->type), width = i % 2 ? padded(c->head) : c->head;
    void *part = i % 2 ? c->values : c->keys;
    if (g >= c->kv_heads) return false;
    if (i % 4 < 2) { /* keys and values; whole panels of keys */
        *p = (char *)part + g * c->capacity * width * one;
        *bytes = (i % 2 ? positions : padded(positions)) * width * one;
    } else {
        *p = scales(c, part, width, g, 0);
        *bytes = *p ? positions * sizeof(float) : 0;
    }
    return true;
}

/* One head of one position. */
static void put_key(const engine_kernels *k, const engine_cache *c, size_t g, size_t position,
                    const float *key) {
    size_t head = c->head, lane = position % ENGINE_PANEL;
    size_t to = (g * c->capacity + position - lane) * head + lane;
    if (c->type == ENGINE_KV_F32) {
        float *keys = (float *)c->keys + to;
        for (size_t i = 0; i < head; i++) keys[i * ENGINE_PANEL] = key[i];
    } else if (c->type == ENGINE_KV_F16) {
        uint16_t halves[ENGINE_MAX_HEAD], *keys = (uint16_t *)c->keys + to;
        k->narrow_f16(key, halves, head);
        for (size_t i = 0; i < head; i++) keys[i * ENGINE_PANEL] = halves[i];
    } else {
        int8_t bytes[ENGINE_MAX_HEAD], *keys = (int8_t *)c->keys + to;
        *scales(c, c->keys, head, g, position) = k->narrow_i8(key, bytes, head);
        for (size_t i = 0; i < head; i++) keys[i * ENGINE_PANEL] = bytes[i];
    }
}

/* One head of the 16 positions of a panel at once, from rows `stride` floats apart. */
static void put_panel(const engine_kernels *k, const engine_cache *c, size_t g, size_t position,
                      const float *keys, size_t stride) {
    size_t to = (g * c->capacity + position) * c->head;
    float panel[ENGINE_MAX_HEAD * ENGINE_PANEL];
    if (c->type == ENGINE_KV_F32) {
        k->transpose(keys, stride, (float *)c->keys + to, c->head);
    } else {
        k->transpose(keys, stride, panel, c->head);
        k->narrow_f16(panel, (uint16_t *)c->keys + to, c->head * ENGINE_PANEL);
    }
}

static void put_value(const engine_kernels *k, const engine_cache *c, size_t g, size_t position,
                      const float *value) {
    size_t width = padded(c->head), at = (g * c->capacity + position) * width;
    if (c->type == ENGINE_KV_F32) {
        memcpy((float *)c->values + at, value, c->head * sizeof *value);
    } else if (c->type == ENGINE_KV_F16) {
        k->narrow_f16(value, (uint16_t *)c->values + at, c->head);
    } else {
        *scales(c, c->values, width, g, position) =
            k->narrow_i8(value, (int8_t *)c->values + at, c->head);
    }
}

void engine_cache_put(const engine_kernels *k, const engine_cache *c, size_t position, size_t n,
                      const float *keys, const float *values) {
    size_t row = (size_t)c->kv_heads * c->head, step;
    for (size_t t = 0; t < n; t += step) {
        size_t at = position + t;
        bool whole = at % ENGINE_PANEL == 0 && n - t >= ENGINE_PANEL && c->type != ENGINE_KV_INT8;
        step = whole ? ENGINE_PANEL : 1;
        for (size_t g = 0; g < c->kv_heads; g++) {
            const float *key = keys + t * row + g * c->head;
            if (whole) {
                put_panel(k, c, g, at, key, row);
            } else {
                put_key(k, c, g, at, key);
            }
        }
    }
    for (size_t i = 0; i < n * c->kv_heads; i++) {
        put_value(k, c, i % c->kv_heads, position + i / c->kv_heads, values + i * c->head);
    }
}

/* ---- one piece of work -------------------------------------------------------------------- */

/* Some rows of one key head. Row r is token (first + r) / group, head (first + r) % group of the
 * key head's. What a row sees begins and ends no earlier than what the row before it sees. */
typedef struct {
    const engine_kernels *kernels;
    const engine_attention *job;
    size_t g, first, rows, group, width;
    size_t begin[MOST_ROWS], end[MOST_ROWS]; /* the positions that each row sees */
    float *q;                                /* [rows][head], scaled */
    float *scores;                           /* [rows][ENGINE_KEYS] */
    float *totals;                           /* [rows][ENGINE_PANEL], of one span */
    float *wide;                             /* [ENGINE_KEYS][width], keys or values in float32 */
    float *part;                             /* [rows][width], of one span */
    float *whole;                            /* [rows][width], of all spans so far */
} piece;

/* Of one row, over a span or all spans so far. */
typedef struct {
    float most, total;
} softmax_sum;

static size_t most_rows(size_t head) {
    return head <= 64 ? MOST_ROWS : head <= 128 ? MOST_ROWS / 4 * 3 : MOST_ROWS / 2;
}

static size_t piece_floats(size_t head) {
    size_t width = padded(head), rows = most_rows(head);
    return rows * (3 * width + ENGINE_KEYS + ENGINE_PANEL) + ENGINE_KEYS * width;
}

static size_t row_at(const piece *w, size_t r) {
    size_t row = w->first + r;
    return row / w->group * w->job->stride +
           (w->g * w->group + row % w->group) * w->job->cache->head;
}

static void set_range(piece *w, size_t r) {
    const engine_attention *a = w->job;
    size_t at = a->position + (w->first + r) / w->group;
    size_t before = a->causal ? a->window - 1 : a->window / 2;
    w->begin[r] = 0;
    w->end[r] = a->causal ? at + 1 : a->keys;
    if (a->window == 0) return;
    if (at > before) w->begin[r] = at - before;
    if (at + before + 1 < w->end[r]) w->end[r] = at + before + 1;
}

static void set_piece(piece *w, const engine_kernels *k, const engine_attention *a, size_t g,
                      size_t first, float *scratch) {
    const engine_cache *c = a->cache;
    size_t most = most_rows(c->head), left;
    w->kernels = k;
    w->job = a;
    w->g = g;
    w->first = first;
    w->group = a->heads / c->kv_heads;
    w->width = padded(c->head);
    left = a->n * w->group - first;
    w->rows = left < most ? left : most;
    w->q = scratch;
    w->part = w->q + most * w->width;
    w->whole = w->part + most * w->width;
    w->wide = w->whole + most * w->width;
    w->scores = w->wide + ENGINE_KEYS * w->width;
    w->totals = w->scores + most * ENGINE_KEYS;
    for (size_t r = 0; r < w->rows; r++) {
        k->blend(w->q + r * c->head, 0, a->q + row_at(w, r), a->scale * LOG2_E, c->head);
        set_range(w, r);
    }
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Where the keys or values, of `width`, from `key` on begin. */
static const char *tile_at(const piece *w, const void *part, size_t width, size_t key) {
    const engine_cache *c = w->job->cache;
    return (const char *)part + (w->g * c->capacity + key) * width * element_bytes(c->type);
}

/* The n elements at p of the cache; in float32 if there are rows enough to make that worth while.
 */
static const void *widened(const piece *w, const char *p, size_t n, size_t rows, engine_kv *type) {
    *type = w->job->cache->type;
    if (*type == ENGINE_KV_F32 || rows <= DIRECT_ROWS) return p;
    if (*type == ENGINE_KV_F16) {
        w->kernels->widen_f16((const uint16_t *)(const void *)p, w->wide, n);
    } else {
        w->kernels->widen_i8((const int8_t *)(const void *)p, w->wide, n);
    }
    *type = ENGINE_KV_F32;
    return w->wide;
}

/* Scores of the rows [from, to) with the keys from `key` on. */
static void score(const piece *w, size_t key, size_t from, size_t to) {
    const engine_cache *c = w->job->cache;
    size_t panels = (least(w->end[to - 1] - key, ENGINE_KEYS) + ENGINE_PANEL - 1) / ENGINE_PANEL;
    engine_tiles t = {.step = (size_t)ENGINE_PANEL * c->head,
                      .stride = ENGINE_PANEL,
                      .n = c->head,
                      .x_stride = c->head,
                      .out_stride = ENGINE_KEYS};
    const char *keys = tile_at(w, c->keys, c->head, key);
    t.ahead = (uintptr_t)tile_at(w, c->values, w->width, key) - (uintptr_t)keys;
    t.panels = widened(w, keys, panels * t.step, to - from, &t.type);
    for (size_t r = from; r < to; r += t.rows) {
        t.rows = least(to - r, CHUNK);
        size_t seen = least(w->end[r + t.rows - 1] - key, ENGINE_KEYS);
        t.blocks = (seen + ENGINE_PANEL - 1) / ENGINE_PANEL;
        t.x = w->q + r * c->head;
        t.out = w->scores + r * ENGINE_KEYS;
        w->kernels->tiles(&t);
    }
}

/* Adds the values from `key` on, weighted; keep: what stands in `part` counts so much. */
static void weigh(const piece *w, size_t key, size_t from, size_t to, const float *keep,
                  float *part, size_t stride) {
    const engine_cache *c = w->job->cache;
    size_t seen = least(w->end[to - 1] - key, ENGINE_KEYS);
    engine_tiles t = {.step = ENGINE_PANEL,
                      .stride = w->width,
                      .blocks = w->width / ENGINE_PANEL,
                      .x_stride = ENGINE_KEYS,
                      .out_stride = stride};
    const char *values = tile_at(w, c->values, w->width, key);
    uintptr_t keys = (uintptr_t)tile_at(w, c->keys, c->head, key);
    t.ahead = keys + ENGINE_KEYS * c->head * element_bytes(c->type) - (uintptr_t)values;
    t.panels = widened(w, values, seen * w->width, to - from, &t.type);
    for (size_t r = from; r < to; r += t.rows) {
        t.rows = least(to - r, CHUNK);
        t.n = least(w->end[r + t.rows - 1] - key, ENGINE_KEYS);
        t.x = w->scores + r * ENGINE_KEYS;
        t.keep = keep + r;
        t.out = part + r * stride;
        w->kernels->tiles(&t);
    }
}

/* One step of the rows that see any of the keys from `key` on. */
static void attend_keys(const piece *w, size_t key, float *part, size_t stride, float *most) {
    const engine_attention *a = w->job;
    const engine_cache *c = a->cache;
    size_t from = 0, to = w->rows;
    uint64_t seen[MOST_ROWS];
    float keep[MOST_ROWS], slopes[MOST_ROWS], distances[MOST_ROWS];
    while (from < to && w->end[from] <= key) from++;
    while (to > from && w->begin[to - 1] >= key + ENGINE_KEYS) to--;
    if (from == to) return;
    score(w, key, from, to);
    for (size_t r = from; r < to; r++) {
        size_t row = w->first + r, at = a->position + row / w->group;
        size_t begin = w->begin[r] > key ? w->begin[r] - key : 0, end = w->end[r] - key;
        seen[r] = (end < ENGINE_KEYS ? (uint64_t)1 << end : 0) - ((uint64_t)1 << begin);
        if (a->slopes == NULL) continue;
        slopes[r] = a->slopes[w->g * w->group + row % w->group] * LOG2_E;
        distances[r] = (float)at - (float)key;
    }
    engine_soften s = {
        .rows = to - from,
        .scores = w->scores + from * ENGINE_KEYS,
        .seen = seen + from,
        .key_scales = scales(c, c->keys, c->head, w->g, key),
        .value_scales = scales(c, c->values, w->width, w->g, key),
        .slopes = a->slopes ? slopes + from : NULL,
        .distances = distances + from,
        .most = most + from,
        .keep = keep + from,
        .totals = w->totals + from * ENGINE_PANEL,
    };
    w->kernels->soften(&s);
    weigh(w, key, from, to, keep, part, stride);
}

/* part [rows][stride] and the sums of one span. */
static void attend_span(const piece *w, size_t span, float *part, size_t stride,
                        softmax_sum *sums) {
    size_t end = least(span + SPAN, w->end[w->rows - 1]);
    float most[MOST_ROWS];
    memset(w->totals, 0, w->rows * ENGINE_PANEL * sizeof *w->totals);
    for (size_t r = 0; r < w->rows; r++) {
        most[r] = -INFINITY;
        memset(part + r * stride, 0, w->width * sizeof *part);
    }
    for (size_t key = span; key < end; key += ENGINE_KEYS) attend_keys(w, key, part, stride, most);
    for (size_t r = 0; r < w->rows; r++) {
        const float *lanes = w->totals + r * ENGINE_PANEL;
        float four[4];
        for (size_t i = 0; i < 4; i++) {
            four[i] = (lanes[i] + lanes[i + 4]) + (lanes[i + 8] + lanes[i + 12]);
        }
        sums[r] = (softmax_sum){most[r], (four[0] + four[1]) + (four[2] + four[3])};
    }
}

/* Adds a span to the spans before it. */
static void join(const piece *w, const float *part, size_t stride, const softmax_sum *sums,
                 softmax_sum *whole) {
    for (size_t r = 0; r < w->rows; r++) {
        if (sums[r].most == -INFINITY) continue; /* saw nothing of it */
        float most = sums[r].most > whole[r].most ? sums[r].most : whole[r].most;
        float a = exp2f(whole[r].most - most), b = exp2f(sums[r].most - most);
        w->kernels->blend(w->whole + r * w->width, a, part + r * stride, b, w->width);
        whole[r] = (softmax_sum){most, whole[r].total * a + sums[r].total * b};
    }
}

static void finish(const piece *w, const softmax_sum *whole) {
    for (size_t r = 0; r < w->rows; r++) {
        w->kernels->blend(w->job->out + row_at(w, r), 0, w->whole + r * w->width,
                          1.0f / whole[r].total, w->job->cache->head);
    }
}

static size_t first_span(const piece *w) {
    return w->begin[0] / SPAN * SPAN;
}

/* ---- dealing out -------------------------------------------------------------------------- */

typedef struct {
    const engine_kernels *kernels;
    const engine_attention *jobs;
    float *scratch; /* [workers][piece_floats], then what spans leave */
    size_t floats;
    float *left;
    size_t spans, slot; /* of one piece; floats of one row in `left` */
} dealer;

static size_t pieces_of(const engine_attention *a) {
    size_t rows = a->n * (a->heads / a->cache->kv_heads), most = most_rows(a->cache->head);
    return (rows + most - 1) / most;
}

/* Whole rows. The last pieces of a causal job see the most keys, so they are dealt first. */
static void attend_items(void *context, size_t begin, size_t end, int worker) {
    const dealer *d = context;
    const engine_attention *a = d->jobs;
    size_t before = 0;
    for (size_t i = begin; i < end; i++) {
        while (i - before >= a->cache->kv_heads * pieces_of(a)) {
            before += a->cache->kv_heads * pieces_of(a);
            a++;
        }
        size_t kv_heads = a->cache->kv_heads, number = i - before;
        piece w;
        softmax_sum sums[MOST_ROWS], whole[MOST_ROWS];
        set_piece(&w, d->kernels, a, number % kv_heads,
                  (pieces_of(a) - 1 - number / kv_heads) * most_rows(a->cache->head),
                  d->scratch + (size_t)worker * d->floats);
        size_t span = first_span(&w), all = w.end[w.rows - 1];
        attend_span(&w, span, w.whole, w.width, whole);
        while ((span += SPAN) < all) {
            attend_span(&w, span, w.part, w.width, sums);
            join(&w, w.part, w.width, sums, whole);
        }
        finish(&w, whole);
    }
}

/* What a span left: for each row its part, then most and total. */
static void attend_spans(void *context, size_t begin, size_t end, int worker) {
    const dealer *d = context;
    for (size_t i = begin; i < end; i++) {
        piece w;
        softmax_sum sums[MOST_ROWS];
        set_piece(&w, d->kernels, d->jobs, i / d->spans, 0,
                  d->scratch + (size_t)worker * d->floats);
        float *left = d->left + i * w.rows * d->slot;
        attend_span(&w, first_span(&w) + i % d->spans * SPAN, left, d->slot, sums);
        for (size_t r = 0; r < w.rows; r++) {
            memcpy(left + r * d->slot + w.width, &sums[r], sizeof sums[r]);
        }
    }
}

static void join_spans(const dealer *d) {
    for (size_t g = 0; g < d->jobs->cache->kv_heads; g++) {
        piece w;
        softmax_sum sums[MOST_ROWS], whole[MOST_ROWS];
        set_piece(&w, d->kernels, d->jobs, g, 0, d->scratch);
        for (size_t r = 0; r < w.rows; r++) whole[r] = (softmax_sum){-INFINITY, 0};
        memset(w.whole, 0, w.rows * w.width * sizeof *w.whole);
        for (size_t span = 0; span < d->spans; span++) {
            const float *left = d->left + (g * d->spans + span) * w.rows * d->slot;
            for (size_t r = 0; r < w.rows; r++) {
                memcpy(&sums[r], left + r * d->slot + w.width, sizeof sums[r]);
            }
            join(&w, left, d->slot, sums, whole);
        }
        finish(&w, whole);
    }
}

size_t engine_attention_scratch(int workers, uint32_t heads, uint32_t head, size_t keys) {
    size_t floats = (size_t)workers * piece_floats(head);
    size_t slots = (size_t)heads * SHARED_TOKENS * (keys / SPAN + 1);
    if (workers > 1) floats += slots * (padded(head) + ENGINE_PANEL);
    return floats * sizeof(float) + LINE;
}

void engine_attend(const engine_kernels *k, pool *p, const engine_attention *jobs, size_t count,
                   void *scratch) {
    const engine_cache *c = jobs->cache;
    size_t threads = (size_t)pool_size(p), items = 0;
    dealer d = {.kernels = k, .jobs = jobs, .scratch = (float *)(void *)aligned(scratch)};
    for (size_t i = 0; i < count; i++) {
        size_t floats = piece_floats(jobs[i].cache->head);
        items += jobs[i].cache->kv_heads * pieces_of(&jobs[i]);
        if (floats > d.floats) d.floats = floats;
    }
    if (threads > 1 && count == 1 && jobs->n <= SHARED_TOKENS && pieces_of(jobs) == 1 &&
        jobs->keys > SPAN) {
        piece w;
        set_piece(&w, k, jobs, 0, 0, d.scratch);
        d.spans = (w.end[w.rows - 1] - first_span(&w) + SPAN - 1) / SPAN;
        d.slot = w.width + ENGINE_PANEL;
        d.left = d.scratch + threads * d.floats;
        parallel_for(p, c->kv_heads * d.spans, 1, attend_spans, &d);
        join_spans(&d);
        return;
    }
    parallel_for(p, items, 1, attend_items, &d);
}
