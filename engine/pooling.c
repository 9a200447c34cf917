/* pooling: the vectors of an input's tokens become one unit vector, or one score.
 *
 * A vector is the mean of all tokens' or one token's, goes through up to two more matrices where
 * the file has them (embeddinggemma), and is brought to length 1. A score comes from the first
 * token or, where tokens see only what is before them, the last: a classifier with one label gives
 * it by a sigmoid, one with two (yes and no) by softmax. Rerankers of the Qwen 3 family whose file
 * has no classifier answer with one of the words yes and no; their rows of the output matrix are
 * the classifier then.
 */
#include "engine/pooling.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- loading ------------------------------------------------------------------------------ */

/* A matrix whose rows the file alone knows. */
static bool load_dense(const engine_gguf *g, engine_loader *l, const char *name, uint32_t columns,
                       engine_linear *out, uint32_t *rows, error *err) {
    char full[32];
    strcpy(full, name);
    strcat(full, ".weight");
    const engine_tensor *t = engine_gguf_find(g, full);
    if (t == NULL) return true;
    *rows = t->shape[1] <= ENGINE_MAX_WIDTH ? (uint32_t)t->shape[1] : 0;
    return engine_load_linear(l, name, columns, *rows, out, err);
}

/* The label "yes" of two; -1 where they are called something else. */
static int find_yes(const engine_gguf *g) {
    char key[96];
    str architecture = {0}, label;
    engine_gguf_str(g, "general.architecture", &architecture);
    snprintf(key, sizeof key, STR_FMT ".classifier.output_labels", STR_ARG(architecture));
    for (size_t i = 0; i < engine_gguf_array_count(g, key); i++) {
        if (engine_gguf_array_str(g, key, i, &label) && str_eq(label, STR("yes"))) return (int)i;
    }
    /* The converter of the only family with two labels writes yes first. */
    return engine_gguf_array_count(g, key) == 0 && str_eq(architecture, STR("qwen3")) ? 0 : -1;
}

static bool load_classifier(engine_head *h, const engine_gguf *g, engine_loader *l, error *err) {
    const engine_tensor *t = engine_gguf_find(g, "cls.output.weight");
    int yes = find_yes(g);
    h->labels = t && t->shape[1] == 2 ? 2 : 1; /* another number, or none: the rows say so */
    h->yes = yes > 0;
    if (h->labels == 2 && yes < 0) {
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": its classifier has two labels and none of them is \"yes\"",
                         STR_ARG(engine_gguf_path(g)));
    }
    if (engine_gguf_find(g, "cls.weight")) {
        h->has_hidden = true;
        if (!engine_load_linear(l, "cls", h->width, h->width, &h->hidden, err)) return false;
    }
    for (uint32_t i = 0; i < h->labels; i++) {
        if (!engine_load_rows(l, "cls.output", h->width, h->labels, i, 1, &h->label[i], err)) {
            return false;
        }
    }
    return true;
}

static bool load_words(engine_head *h, const engine_gguf *g, engine_loader *l, error *err) {
    const char *words[] = {"yes", "no"};
    bool tied = engine_gguf_find(g, "output.weight") == NULL;
    const char *name = tied ? "token_embd" : "output";
    const engine_tensor *t = engine_gguf_find(g, "token_embd.weight");
    engine_tokenizer *vocabulary;
    bool ok = true;
    if (!engine_tokenizer_new(g, &vocabulary, err)) return false;
    h->labels = 2;
    for (size_t i = 0; ok && i < 2; i++) {
        int32_t id = engine_token_find(vocabulary, str_of(words[i]));
        ok = id >= 0 ? engine_load_rows(l, name, h->width, t->shape[1], (uint64_t)id, 1,
                                        &h->label[i], err)
                     : error_set(err, ERROR_MODEL,
                                 STR_FMT ": it has no classifier and no word \"%s\" to judge with",
                                 STR_ARG(engine_gguf_path(g)), words[i]);
    }
    engine_tokenizer_free(vocabulary);
    return ok;
}

bool engine_head_load(engine_head *h, const engine_gguf *g, engine_loader *l, uint32_t width,
                      error *err) {
    h->pooling = engine_gguf_pooling(g);
    h->width = width;
    engine_load_skip(l, "output"); /* the matrix of a decoder, which some files still carry */
    if (h->pooling == ENGINE_POOL_RANK) {
        bool words = h->last && !engine_gguf_find(g, "cls.output.weight");
        return words ? load_words(h, g, l, err) : load_classifier(h, g, l, err);
    }
    engine_load_skip(l, "cls"); /* what the model was trained with, of no use for a vector */
    return load_dense(g, l, "dense_2", width, &h->dense[0], &h->widths[0], err) &&
           load_dense(g, l, "dense_3", h->widths[0] ? h->widths[0] : width, &h->dense[1],
                      &h->widths[1], err);
}

/* ---- running ------------------------------------------------------------------------------ */

uint32_t engine_head_width(const engine_head *h) {
    if (h->pooling == ENGINE_POOL_RANK) return 1;
    return h->widths[1] ? h->widths[1] : h->widths[0] ? h->widths[0] : h->width;
}

static size_t widest(const engine_head *h) {
    size_t most = h->width > ENGINE_MOST_LABELS ? h->width : ENGINE_MOST_LABELS;
    for (size_t i = 0; i < 2; i++) most = h->widths[i] > most ? h->widths[i] : most;
    return most;
}

size_t engine_head_memory(const engine_head *h, size_t count) {
    return 2 * count * widest(h);
}

/* [count][stride] */
static void pool_rows(const engine_head *h, const float *x, const engine_run *runs, size_t count,
                      size_t stride, float *rows) {
    for (size_t r = 0; r < count; r++) {
        const engine_run *run = &runs[r];
        bool last = h->pooling == ENGINE_POOL_LAST || (h->pooling == ENGINE_POOL_RANK && h->last);
        const float *from = x + (run->first + (last ? run->n - 1 : 0)) * h->width;
        float *row = rows + r * stride;
        memcpy(row, from, h->width * sizeof *row);
        if (h->pooling != ENGINE_POOL_MEAN) continue;
        for (size_t t = 1; t < run->n; t++) {
            from += h->width;
            for (size_t i = 0; i < h->width; i++) row[i] += from[i];
        }
        for (size_t i = 0; i < h->width; i++) row[i] /= (float)run->n;
    }
}

/* A vector of zeros has no direction and stays as it is. */
static void to_unit_length(const float *x, float *out, size_t n) {
    double squares = 0;
    for (size_t i = 0; i < n; i++) squares += (double)x[i] * (double)x[i];
    double scale = squares > 0 ? 1 / sqrt(squares) : 0;
    for (size_t i = 0; i < n; i++) out[i] = (float)((double)x[i] * scale);
}

static void score(const engine_head *h, const engine_acts *acts, pool *p, float *rows, float *other,
                  size_t stride, size_t count, float *const *out) {
    if (h->has_hidden) {
        engine_product hidden = {&h->hidden, other, stride, false};
        engine_multiply(acts, p, &hidden, 1, &(engine_input){.x = rows, .stride = stride}, count);
        for (size_t r = 0; r < count; r++) {
            for (size_t i = 0; i < h->width; i++) {
                rows[r * stride + i] = tanhf(other[r * stride + i]);
            }
        }
    }
    engine_product labels[ENGINE_MOST_LABELS];
    for (size_t i = 0; i < h->labels; i++) {
        labels[i] = (engine_product){&h->label[i], other + i, ENGINE_MOST_LABELS, false};
    }
    engine_multiply(acts, p, labels, h->labels, &(engine_input){.x = rows, .stride = stride},
                    count);
    for (size_t r = 0; r < count; r++) {
        /* softmax's share of one of two is the sigmoid of what it is ahead by */
        const float *y = other + r * ENGINE_MOST_LABELS;
        float ahead = h->labels == 1 ? y[0] : y[h->yes] - y[1 - h->yes];
        *out[r] = 1.0f / (1.0f + expf(-ahead));
    }
}

void engine_head_run(const engine_head *h, const engine_acts *acts, pool *p, const float *x,
                     const engine_run *runs, size_t count, float *memory, float *const *out) {
    size_t stride = widest(h);
    float *rows = memory, *other = memory + count * stride;
    pool_rows(h, x, runs, count, stride, rows);
    if (h->pooling == ENGINE_POOL_RANK) {
        score(h, acts, p, rows, other, stride, count, out);
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        if (h->widths[i] == 0) continue;
        engine_product dense = {&h->dense[i], other, stride, false};
        engine_multiply(acts, p, &dense, 1, &(engine_input){.x = rows, .stride = stride}, count);
        float *swap = rows;
        rows = other;
        other = swap;
    }
    for (size_t r = 0; r < count; r++) {
        to_unit_length(rows + r * stride, out[r], engine_head_width(h));
    }
}
