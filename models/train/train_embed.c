/* train-embed: trains the static embedding: vector of a text = sum of weight[t] * vector[t] over its
 * tokens, scaled to length 1.
 *
 *   train-embed WORK OUT.gguf [--minutes N] [--width N] [--batch N] ...
 *
 * InfoNCE (van den Oord et al., 2018) over pairs of texts that belong together. A batch is of one kind
 * and often of few titles, so that the other pairs are near negatives; in a part of the batches each
 * pair brings one more passage, which shares rare words with its question and is not the right one. The loss is taken over
 * the first quarter, the first half and all dimensions (Kusupati et al., "Matryoshka Representation
 * Learning", NeurIPS 2022), so that a prefix of a vector works too. A fourth of the batches are
 * inverse cloze: a sentence asks for the rest of its passage (Lee et al., ACL 2019).
 */
#include "models/train/adam.h"
#include "models/train/common.h"
#include "models/train/gemm.h"
#include "models/train/pairs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SPECIAL_TOKENS = 5, /* [PAD] ... [MASK]: no vectors of their own */
    PREFIXES = 3,
    WARM_UP = 200,
    TELL_STEPS = 200,
    ROOM = 256, /* tokens taken for each passage; what does not fit is cut */
    CLUSTER_TRIES = 40
};

#define CLOZE_PART 0.27    /* of the batches */
#define QUESTION_DROP 0.05 /* of the tokens */
#define PASSAGE_DROP 0.10
#define FORWARD_WEIGHT 0.7f /* of the question finding its passage; the rest the other way */
#define EXCLUDED -1e4f      /* makes an exponential 0 */
#define WEIGHT_RATE 2       /* of the tokens' weights, times the rate of the vectors */

/* Of the loss over all dimensions, the first half, the first quarter. */
static const float prefix_weights[PREFIXES] = {.6f, .25f, .15f};

typedef struct {
    const char *work, *out;
    double minutes, rate, temperature, rivals; /* rivals: part of the batches that have them */
    size_t batch, width, running_bytes;
    uint64_t seed;
} options;

/* One side of a batch: texts as token lists, their vectors, and the gradients of those. */
typedef struct {
    uint16_t *ids;
    uint32_t *starts, *same;
    size_t count, room;
    float *sums, *unit, *grads; /* [texts][width] */
    num *half;
} side;

typedef struct {
    options o;
    rows_data rows;
    pairs_data pairs;
    size_t vocab;
    float *vectors, *weights; /* weights: logarithms */
    float *gv, *gw, *mv, *vv, *mw, *vw;
    side a, b;
    float *similar, *back, *bias;
    num *packed, *grad_half;
    uint64_t random;
    uint32_t *pool;
} training;

static double chance(training *t) {
    return train_chance(&t->random);
}

static size_t below(training *t, size_t n) {
    return train_below(&t->random, n);
}

/* ---- batches -------------------------------------------------------------------------------- */

static void clear(side *s) {
    s->count = 0;
    s->starts[0] = s->starts[1] = 0;
}

static void add_ids(training *t, side *s, const uint16_t *ids, size_t n, double drop) {
    uint32_t at = s->starts[s->count];
    if (s->starts[s->count + 1] > at) at = s->starts[s->count + 1];
    for (size_t i = 0; i < n && at < s->room; i++)
        if (ids[i] >= SPECIAL_TOKENS && (drop == 0 || chance(t) >= drop)) s->ids[at++] = ids[i];
    s->starts[s->count + 1] = at;
}

static void end_text(side *s, uint32_t same) {
    s->same[s->count++] = same;
    s->starts[s->count + 1] = s->starts[s->count];
}

/* Pairs of the task: all kinds of them, or those of a few clusters. */
static size_t choose(training *t, const pairs_task *task, uint32_t *out) {
    size_t n = 0, most = t->o.batch;
    bool near = chance(t) < .5;
    /* Pairs of one cluster mostly stand together in the files. */
    for (size_t tries = 0; n < most && tries < most * CLUSTER_TRIES; tries++) {
        size_t at = below(t, task->count);
        uint32_t cluster = task->pairs[at].cluster;
        size_t take = near ? 24 : 1;
        for (size_t k = at; k < task->count && take > 0 && n < most; k++, take--) {
            if (near && task->pairs[k].cluster != cluster && k > at + 6) break;
            out[n++] = (uint32_t)k;
        }
    }
    return n;
}

static void task_batch(training *t, const pairs_task *task) {
    size_t n = task->count > 0 ? choose(t, task, t->pool) : 0;
    for (size_t i = 0; i < n; i++) {
        const pairs_pair *p = &task->pairs[t->pool[i]];
        const pairs_text *x = &task->passages[p->passage];
        add_ids(t, &t->a, p->question.ids, p->question.n, QUESTION_DROP);
        end_text(&t->a, p->question.same);
        add_ids(t, &t->b, x->ids, x->n, PASSAGE_DROP);
        end_text(&t->b, x->same);
    }
    if (chance(t) >= t->o.rivals) return;
    for (size_t i = 0; i < n; i++) { /* behind all right ones: the rivals */
        const pairs_pair *p = &task->pairs[t->pool[i]];
        uint32_t rival = p->rivals[below(t, PAIRS_RIVALS)];
        if (rival == NO_TEXT) rival = (uint32_t)below(t, task->passage_n);
        const pairs_text *x = &task->passages[rival];
        add_ids(t, &t->b, x->ids, x->n, PASSAGE_DROP);
        end_text(&t->b, x->same);
    }
}

static void cloze_batch(training *t) {
    const rows_data *d = &t->rows;
    if (d->running_n == 0) return;
    bool one = chance(t) < .7; /* all passages of one domain */
    size_t from_doc = 0, doc_n = d->running_n;
    if (one) {
        size_t k = below(t, d->domain_n);
        from_doc = d->domains[k];
        doc_n = d->domains[k + 1] - from_doc;
    }
    size_t doc = below(t, doc_n + 1), near = chance(t) < .5 ? 400 : doc_n + 1;
    for (size_t tries = 0; t->a.count < t->o.batch && tries < 16 * t->o.batch; tries++) {
        /* a few passages of each of many documents, often such that stand near each other */
        if (doc_n < 8) return;
        const rows_text *x = &d->running[from_doc + (doc + below(t, near)) % doc_n];
        if (x->word_n < 60) continue;
        for (int k = 0; k < 3 && t->a.count < t->o.batch; k++) {
            uint32_t w = (uint32_t)below(t, x->word_n - 40), from = w, end;
            while (from > 0 && x->words[from - 1].sentence == x->words[from].sentence) from--;
            for (end = from; end < x->word_n && end < from + 120;) end++;
            uint32_t pick = from + (uint32_t)below(t, end - from), q0 = pick, q1 = pick;
            while (q0 > from && x->words[q0 - 1].sentence == x->words[pick].sentence) q0--;
            while (q1 < end && x->words[q1].sentence == x->words[pick].sentence) q1++;
            if (q1 - q0 < 5 || q1 - q0 > 60 || end - from < 40) continue;
            uint32_t t0 = x->words[from].token, t1 = x->words[q0].token;
            uint32_t t2 = x->words[q1 - 1].token + x->words[q1 - 1].tokens;
            uint32_t t3 = x->words[end - 1].token + x->words[end - 1].tokens;
            bool keep = chance(t) < .1; /* the sentence stays in its passage */
            add_ids(t, &t->a, x->ids + t1, t2 - t1, QUESTION_DROP);
            end_text(&t->a, (uint32_t)train_bits(&t->random));
            add_ids(t, &t->b, x->ids + t0, (keep ? t2 : t1) - t0, PASSAGE_DROP);
            add_ids(t, &t->b, x->ids + t2, t3 - t2, PASSAGE_DROP);
            end_text(&t->b, (uint32_t)train_bits(&t->random));
        }
        if (chance(t) < .01) doc = below(t, doc_n);
    }
}

/* ---- the model ------------------------------------------------------------------------------ */

static void add_up(const training *t, side *s) {
    size_t d = t->o.width;
    memset(s->sums, 0, s->count * d * sizeof *s->sums);
    memset(s->grads, 0, s->count * d * sizeof *s->grads);
    for (size_t i = 0; i < s->count; i++) {
        float *restrict sum = s->sums + i * d;
        for (uint32_t k = s->starts[i]; k < s->starts[i + 1]; k++) {
            const float *restrict v = t->vectors + s->ids[k] * d;
            float w = expf(t->weights[s->ids[k]]);
            for (size_t j = 0; j < d; j++) sum[j] += w * v[j];
        }
    }
}

/* unit = the first n dimensions, of length 1. */
static void scale_prefix(const training *t, side *s, size_t n, float *lengths) {
    size_t d = t->o.width;
    for (size_t i = 0; i < s->count; i++) {
        const float *x = s->sums + i * d;
        float sum = 1e-12f;
        for (size_t j = 0; j < n; j++) sum += x[j] * x[j];
        lengths[i] = sqrtf(sum);
        for (size_t j = 0; j < n; j++) s->unit[i * n + j] = x[j] / lengths[i];
    }
    narrow(s->unit, s->count * n, s->half);
}

/* grads += the way back of scale_prefix, from du [count][n]. */
static void scale_back(const training *t, side *s, size_t n, const float *lengths,
                       const float *du) {
    size_t d = t->o.width;
    for (size_t i = 0; i < s->count; i++) {
        const float *u = s->unit + i * n, *g = du + i * n;
        float dot = 0, *to = s->grads + i * d;
        for (size_t j = 0; j < n; j++) dot += u[j] * g[j];
        for (size_t j = 0; j < n; j++) to[j] += (g[j] - dot * u[j]) / lengths[i];
    }
}

static bool excluded(const training *t, size_t i, size_t j) {
    return i != j &&
           (t->a.same[i] == (j < t->a.count ? t->a.same[j] : 0) || t->b.same[i] == t->b.same[j]);
}

/* 0, or where two texts are no negatives of each other far below. The same for all prefixes. */
static void mark_excluded(training *t, size_t ld) {
    for (size_t i = 0; i < t->a.count; i++)
        for (size_t j = 0; j < ld; j++)
            t->bias[i * ld + j] = j >= t->b.count || excluded(t, i, j) ? EXCLUDED : 0;
}

/* similar becomes exp(cosine / temperature - 1 / temperature), at most 1: no greatest one is looked
 * for. Sums of the rows, and of the columns that are the rows' right passages. */
static void exponentials(training *t, size_t ld, float *rows, float *columns) {
    const float k = 1 / (float)t->o.temperature;
    memset(columns, 0, ld * sizeof *columns);
    for (size_t i = 0; i < t->a.count; i++) {
        float *restrict x = t->similar + i * ld, sum = 0;
        const float *restrict bias = t->bias + i * ld;
        for (size_t j = 0; j < ld; j++) x[j] = expf(k * (x[j] - 1) + bias[j]);
        for (size_t j = 0; j < ld; j++) sum += x[j];
        for (size_t j = 0; j < ld; j++) columns[j] += x[j];
        rows[i] = sum;
    }
}

/* The loss summed over the rows: FORWARD_WEIGHT of each row's cross-entropy, the rest of its column's.
 * Its gradient, by the cosines, goes to `back`. */
static double cross_entropy(training *t, size_t ld, float weight) {
    size_t n = t->a.count;
    const float k = weight / (float)t->o.temperature, f = FORWARD_WEIGHT;
    float *rows = mem_new(n, 4), *columns = mem_new(ld, 4);
    double loss = 0;
    exponentials(t, ld, rows, columns);
    for (size_t j = 0; j < n; j++) {
        float right = fmaxf(t->similar[j * ld + j], 1e-30f);
        loss += (double)f * log((double)(rows[j] / right)) +
                (double)(1 - f) * log((double)(columns[j] / right));
        columns[j] = (1 - f) / columns[j];
    }
    for (size_t j = n; j < ld; j++) columns[j] = 0;
    for (size_t i = 0; i < n; i++) {
        const float *restrict x = t->similar + i * ld;
        float *restrict back = t->back + i * ld, row = f / rows[i];
        for (size_t j = 0; j < ld; j++) back[j] = k * x[j] * (row + columns[j]);
        back[i] -= k;
    }
    mem_free(rows);
    mem_free(columns);
    return loss;
}

/* The loss of one prefix, and its gradients into both sides. */
static double prefix_step(training *t, size_t n, float weight) {
    size_t rows = t->a.count, columns = t->b.count, ld = panel_count(columns) * LANES;
    float *la = mem_new(rows, 4), *lb = mem_new(columns, 4), *du = mem_new(columns * n, 4);
    scale_prefix(t, &t->a, n, la);
    scale_prefix(t, &t->b, n, lb);
    pack_nums(t->b.half, 1, n, n, columns, t->packed);
    gemm(rows, columns, n, t->a.half, n, false, t->packed, t->similar, ld, false);
    double loss = cross_entropy(t, ld, weight);
    narrow(t->back, rows * ld, t->grad_half);
    pack_nums(t->b.half, n, 1, columns, n, t->packed);
    gemm(rows, n, columns, t->grad_half, ld, false, t->packed, du, n, false);
    scale_back(t, &t->a, n, la, du);
    pack_nums(t->a.half, n, 1, rows, n, t->packed);
    gemm(columns, n, rows, t->grad_half, ld, true, t->packed, du, n, false);
    scale_back(t, &t->b, n, lb, du);
    mem_free(la);
    mem_free(lb);
    mem_free(du);
    return loss / (double)rows;
}

static void spread(training *t, const side *s) {
    size_t d = t->o.width;
    for (size_t i = 0; i < s->count; i++) {
        const float *restrict g = s->grads + i * d;
        for (uint32_t k = s->starts[i]; k < s->starts[i + 1]; k++) {
            size_t id = s->ids[k];
            const float *restrict v = t->vectors + id * d;
            float *restrict gv = t->gv + id * d, w = expf(t->weights[id]), dot = 0;
            for (size_t j = 0; j < d; j++) {
                gv[j] += w * g[j];
                dot += v[j] * g[j];
            }
            t->gw[id] += w * dot;
        }
    }
}

static double train_step(training *t, size_t step, double done) {
    size_t d = t->o.width;
    double loss = 0;
    add_up(t, &t->a);
    add_up(t, &t->b);
    mark_excluded(t, panel_count(t->b.count) * LANES);
    for (size_t k = PREFIXES; k-- > 0;)
        loss = prefix_step(t, d >> k, prefix_weights[k]); /* tells the last: all dimensions */
    spread(t, &t->a);
    spread(t, &t->b);
    float rate = (float)(t->o.rate * adam_rate(step, WARM_UP, done));
    adam_step s = adam_at(.9, .98, step + 1);
    float scale = 1 / (float)t->a.count;
    /* All rows, also those without a gradient: what is rare moves on by its momentum, several times as
     * far as by one step, and needs that to get anywhere in a few thousand steps. */
    adam_update(&s, rate, 0, scale, t->vectors, t->gv, t->mv, t->vv, t->vocab * d);
    adam_update(&s, rate * WEIGHT_RATE, 0, scale, t->weights, t->gw, t->mw, t->vw, t->vocab);
    return loss;
}

/* ---- start and end -------------------------------------------------------------------------- */

/* The vocabulary file's vectors; more dimensions than it has begin near zero. */
static bool start(training *t, error *err) {
    const engine_tensor *e = engine_gguf_find(t->rows.file, "token_embd.weight");
    const engine_tensor *w = engine_gguf_find(t->rows.file, "token_weight");
    if (!e || !w || w->type != ENGINE_F32)
        return error_set(err, ERROR_MODEL, "the vocabulary file has no token vectors");
    size_t width = e->shape[0], d = t->o.width;
    float *row = mem_new(width, sizeof *row);
    for (size_t i = 0; i < t->vocab; i++) {
        const uint8_t *from = (const uint8_t *)e->data + i * engine_row_bytes(e->type, width);
        engine_dequantize(e->type, from, row, width);
        for (size_t j = 0; j < d; j++)
            t->vectors[i * d + j] = j < width ? row[j] : (float)(chance(t) - .5) * .02f;
        t->weights[i] = logf(fmaxf(((const float *)w->data)[i], 1e-4f));
    }
    mem_free(row);
    return true;
}

static void make_side(side *s, size_t texts, size_t width, size_t room) {
    s->room = texts * room;
    s->ids = mem_new(s->room, sizeof *s->ids);
    s->starts = mem_new(texts + 2, sizeof *s->starts);
    s->same = mem_new(texts + 1, sizeof *s->same);
    s->sums = mem_new(texts * width, 4);
    s->unit = mem_new(texts * width, 4);
    s->grads = mem_new(texts * width, 4);
    s->half = mem_new(texts * width, sizeof *s->half);
}

/* One scale for all: a vector's length goes into its weight, so that int8 loses least. */
static bool export_gguf(const training *t, error *err) {
    size_t d = t->o.width;
    float *v = mem_new(t->vocab * d, 4), *w = mem_new(t->vocab, 4);
    double mean = 0;
    for (size_t i = SPECIAL_TOKENS; i < t->vocab; i++) {
        double sum = 0;
        for (size_t j = 0; j < d; j++)
            sum += (double)t->vectors[i * d + j] * (double)t->vectors[i * d + j];
        float length = (float)sqrt(sum) + 1e-9f;
        for (size_t j = 0; j < d; j++) v[i * d + j] = t->vectors[i * d + j] / length;
        w[i] = expf(t->weights[i]) * length;
        mean += (double)w[i] / (double)(t->vocab - SPECIAL_TOKENS);
    }
    for (size_t i = 0; i < t->vocab; i++) w[i] /= (float)mean;
    engine_gguf_writer *g = engine_gguf_writer_new();
    engine_gguf_put_str(g, "general.architecture", STR("carrel-static"));
    engine_gguf_put_str(g, "general.name", STR("carrel-embed"));
    engine_gguf_put_str(g, "general.license", STR("CC-BY-SA-4.0"));
    engine_gguf_put_u32(g, "general.file_type", 7);
    engine_gguf_put_u32(g, "general.quantization_version", 2);
    engine_gguf_put_u32(g, "carrel-static.embedding_length", (uint32_t)d);
    engine_gguf_put_u32(g, "carrel-static.context_length", 512);
    engine_gguf_put_u32(g, "carrel-static.vocab_size", (uint32_t)t->vocab);
    for (size_t i = 0; i < engine_gguf_key_count(t->rows.file); i++) {
        str key, kind_and_value;
        engine_gguf_key_at(t->rows.file, i, &key, &kind_and_value);
        if (str_starts(key, STR("tokenizer."))) engine_gguf_put_raw(g, key, kind_and_value);
    }
    engine_gguf_declare(g, STR("token_embd.weight"), ENGINE_Q8_0, 2, (uint64_t[]){d, t->vocab});
    engine_gguf_declare(g, STR("token_weight"), ENGINE_F32, 1, (uint64_t[]){t->vocab});
    size_t bytes = engine_row_bytes(ENGINE_Q8_0, d);
    uint8_t *row = mem_new(bytes, 1);
    bool ok = engine_gguf_create(g, t->o.out, true, err);
    for (size_t i = 0; ok && i < t->vocab; i++) {
        engine_quantize(ENGINE_Q8_0, v + i * d, row, d);
        ok = engine_gguf_write(g, row, bytes, err);
    }
    ok = ok && engine_gguf_write(g, w, t->vocab * 4, err) && engine_gguf_commit(g, err);
    engine_gguf_writer_free(g);
    mem_free(row);
    mem_free(v);
    mem_free(w);
    return ok;
}

static bool prepare(training *t, error *err) {
    t->random = train_seed(t->o.seed);
    if (!rows_load(t->o.work, t->o.running_bytes, t->o.seed, &t->rows, err) ||
        !pairs_load(t->o.work, t->rows.tokenizer, &t->pairs, err))
        return false;
    t->vocab = engine_vocab_size(t->rows.tokenizer);
    size_t n = t->vocab * t->o.width, batch = t->o.batch;
    t->vectors = mem_new(n, 4), t->gv = mem_new(n, 4), t->mv = mem_new(n, 4), t->vv = mem_new(n, 4);
    t->weights = mem_new(t->vocab, 4), t->gw = mem_new(t->vocab, 4);
    t->mw = mem_new(t->vocab, 4), t->vw = mem_new(t->vocab, 4);
    make_side(&t->a, batch, t->o.width, PAIRS_MOST_PASSAGE);
    make_side(&t->b, 2 * batch, t->o.width, ROOM);
    size_t square = batch * (2 * batch + LANES), widest = 2 * batch + t->o.width;
    t->similar = mem_new(square, 4), t->back = mem_new(square, 4);
    t->bias = mem_new(square, 4);
    t->grad_half = mem_new(square, sizeof *t->grad_half);
    t->packed = mem_new(panels_size(widest, widest), sizeof *t->packed);
    t->pool = mem_new(batch, sizeof *t->pool);
    return start(t, err);
}

static void train(training *t) {
    double begun = train_now_s(), told = 0, all = 0;
    for (int k = 0; k < PAIRS_TASKS; k++) all += t->pairs.tasks[k].weight;
    size_t told_n = 0;
    for (size_t step = 0;; step++) {
        double done = (train_now_s() - begun) / (60 * t->o.minutes), pick = chance(t) * all;
        if (done >= 1) return;
        clear(&t->a);
        clear(&t->b);
        if (chance(t) < CLOZE_PART) {
            cloze_batch(t);
        } else {
            int k = 0;
            while (k + 1 < PAIRS_TASKS && pick > t->pairs.tasks[k].weight)
                pick -= t->pairs.tasks[k++].weight;
            task_batch(t, &t->pairs.tasks[k]);
        }
        if (t->a.count < LANES) continue; /* a domain with hardly any text */
        told += train_step(t, step, done);
        told_n++;
        if (step % TELL_STEPS == TELL_STEPS - 1) {
            error err = {0};
            printf("%zu steps, %.1f min, loss %.3f\n", step + 1, (train_now_s() - begun) / 60,
                   told / (double)told_n);
            fflush(stdout);
            told = 0, told_n = 0;
            if (!export_gguf(t, &err)) fprintf(stderr, "%s\n", err.text);
        }
    }
}

static bool read_options(int argc, char **argv, options *o) {
    *o = (options){.minutes = 11,
                   .rate = 3e-3,
                   .temperature = .05,
                   .rivals = .2,
                   .batch = 1024,
                   .width = 384,
                   .running_bytes = 130u << 20,
                   .seed = 1};
    if (argc < 3 || argc % 2 == 0) return false;
    o->work = argv[1];
    o->out = argv[2];
    for (int i = 3; i + 1 < argc; i += 2) {
        double v = atof(argv[i + 1]);
        str name = str_of(argv[i]);
        if (str_eq(name, STR("--minutes")))
            o->minutes = v;
        else if (str_eq(name, STR("--rate")))
            o->rate = v;
        else if (str_eq(name, STR("--temperature")))
            o->temperature = v;
        else if (str_eq(name, STR("--rivals")))
            o->rivals = v;
        else if (str_eq(name, STR("--batch")))
            o->batch = (size_t)v;
        else if (str_eq(name, STR("--width")))
            o->width = (size_t)v;
        else if (str_eq(name, STR("--running-mb")))
            o->running_bytes = (size_t)v << 20;
        else if (str_eq(name, STR("--seed")))
            o->seed = (uint64_t)v;
        else
            return false;
    }
    return o->minutes > 0 && o->batch >= LANES && o->width >= 128 && o->width % 128 == 0;
}

int main(int argc, char **argv) {
    training t = {.vocab = 0};
    error err = {0};
    if (!read_options(argc, argv, &t.o)) {
        fprintf(stderr, "usage: train-embed WORK OUT.gguf [--minutes N] [--rate X] "
                        "[--temperature X] [--rivals X] [--batch N] [--width N] [--running-mb N] "
                        "[--seed N]\n");
        return ERROR_USAGE;
    }
    if (!prepare(&t, &err)) {
        fprintf(stderr, "train-embed: %s\n", err.text);
        return (int)err.code;
    }
    for (int k = 0; k < PAIRS_TASKS; k++)
        printf("%s: %zu pairs, %zu passages\n", t.pairs.tasks[k].name, t.pairs.tasks[k].count,
               t.pairs.tasks[k].passage_n);
    train(&t);
    if (!export_gguf(&t, &err)) {
        fprintf(stderr, "train-embed: %s\n", err.text);
        return (int)err.code;
    }
    return 0;
}
