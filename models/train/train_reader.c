/* train-reader: trains the span reader on the processor's cores, from token vectors to a GGUF file.
 *
 *   train-reader WORK OUT.gguf [--minutes N] [--width N] [--layers N] [--hidden N] ...
 *
 * WORK is data.py's folder. Every thread makes and runs its own share of a batch; gradients are added,
 * and each thread updates its part of the parameters. What is needed to go on is written to
 * WORK/reader.state every few minutes; a run that finds it goes on from there. The schedule follows
 * the minutes that were really trained, so a stop costs nothing but what was not written.
 */
#include "models/train/adam.h"
#include "models/train/common.h"
#include "models/train/reader_file.h"
#include "models/train/sampler.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MICRO_TOKENS = 1536, /* that run together: activations stay near the second cache */
    MOST_THREADS = 16,
    WARM_UP = 300, /* steps */
    SAVE_SECONDS = 240,
    SCORE_SECONDS = 600,
    HELD_EXAMPLES = 800,
    BOUNDS = 4 * MOST_LAYERS + 4
};

#define WEIGHT_DECAY 0.05f  /* of matrices */
#define CLIP 1.0            /* longest gradient */
#define EMBEDDING_RATE 0.7f /* of the rate: the vectors start where they make sense */
#define INIT_TYPES 0.5

typedef struct {
    const char *work, *out;
    double minutes, rate;
    float dropout;
    size_t batch, threads, running_bytes;
    uint64_t seed;
    net_shape shape;
} options;

typedef struct {
    options o;
    rows_data data;
    net_places places;
    float *params, *m, *v;
    net_packed *packed;
    float *grads[MOST_THREADS];
    uint8_t *touched[MOST_THREADS];
    double norms[MOST_THREADS];
    net_result results[MOST_THREADS];
    size_t tokens[MOST_THREADS];
    size_t step, seen;
    double used_s, started_s, before_s;
    bool over, failed; /* failed: the last writing did */
    pthread_barrier_t barrier;
    net_example *held;
} training;

/* ---- the start ------------------------------------------------------------------------------ */

static double gauss(uint64_t *s) {
    double u = 1 - train_chance(s), v = train_chance(s);
    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

static void random_matrix(float *x, size_t rows, size_t columns, double scale, uint64_t *seed) {
    for (size_t i = 0; i < rows * columns; i++)
        x[i] = (float)(gauss(seed) * scale / sqrt((double)columns));
}

/* The vocabulary file's vectors, each of root mean square 1; a narrower reader takes the first of their
 * dimensions, a wider one fills up with chance. */
static bool start_embedding(training *t, uint64_t *seed, error *err) {
    const engine_tensor *e = engine_gguf_find(t->data.file, "token_embd.weight");
    size_t d = t->o.shape.width;
    if (!e || e->shape[1] != t->o.shape.vocab)
        return error_set(err, ERROR_MODEL, "the vocabulary file has no token vectors");
    size_t width = e->shape[0];
    float *row = mem_new(width, sizeof *row);
    for (size_t i = 0; i < t->o.shape.vocab; i++) {
        float *to = t->params + t->places.embedding + i * d;
        double sum = 0;
        const uint8_t *from = (const uint8_t *)e->data + i * engine_row_bytes(e->type, width);
        engine_dequantize(e->type, from, row, width);
        for (size_t j = 0; j < width; j++) sum += (double)row[j] * (double)row[j];
        double scale = sum > 0 ? 1 / sqrt(sum / (double)width) : 0;
        for (size_t j = 0; j < d; j++)
            to[j] = j < width && sum > 0 ? (float)(row[j] * scale) : (float)gauss(seed);
    }
    mem_free(row);
    return true;
}

static void fill(float *x, size_t n, float value) {
    for (size_t i = 0; i < n; i++) x[i] = value;
}

static bool start(training *t, error *err) {
    const net_shape *s = &t->o.shape;
    size_t d = s->width, f = s->hidden;
    uint64_t seed = train_seed(t->o.seed);
    double small = 1 / sqrt(2.0 * s->layers);
    if (!start_embedding(t, &seed, err)) return false;
    for (size_t i = 0; i < s->types * d; i++)
        t->params[t->places.types + i] = (float)(gauss(&seed) * INIT_TYPES);
    for (size_t i = 0; i < s->layers; i++) {
        const net_layer *l = &t->places.layers[i];
        fill(t->params + l->conv_norm, d, 1);
        fill(t->params + l->attn_norm, d, 1);
        fill(t->params + l->ffn_norm, d, 1);
        for (size_t j = 0; j < CONV_TAPS * d; j++)
            t->params[l->conv + j] = (float)(gauss(&seed) * .1);
        random_matrix(t->params + l->qkv, 3 * d, d, 1, &seed);
        random_matrix(t->params + l->out, d, d, small, &seed);
        random_matrix(t->params + l->gate_up, 2 * f, d, 1, &seed);
        random_matrix(t->params + l->down, d, f, small, &seed);
    }
    fill(t->params + t->places.norm, d, 1);
    random_matrix(t->params + t->places.head, OUTPUTS, d, 1, &seed);
    return true;
}

/* ---- going on ------------------------------------------------------------------------------- */

/* What it was trained from is told by a hash of the first vectors. */
typedef struct {
    net_shape shape;
    uint64_t from, step, seen;
    double used_s;
} state_head;

static uint64_t hash_of_start(const training *t) {
    const engine_tensor *e = engine_gguf_find(t->data.file, "token_embd.weight");
    return train_hash((str){e->data, e->bytes});
}

static bool state_path(const training *t, const char *tail, char *out, size_t size) {
    return snprintf(out, size, "%s/reader.state%s", t->o.work, tail) < (int)size;
}

static bool save_state(const training *t, error *err) {
    char path[4096], part[4096];
    state_head h = {t->o.shape, hash_of_start(t), t->step, t->seen, t->used_s};
    if (!state_path(t, "", path, sizeof path) || !state_path(t, ".part", part, sizeof part))
        return error_set(err, ERROR_USAGE, "the folder's name is too long");
    FILE *f = fopen(part, "w");
    size_t n = t->places.count;
    bool ok = f && fwrite(&h, sizeof h, 1, f) == 1 && fwrite(t->params, 4, n, f) == n &&
              fwrite(t->m, 4, n, f) == n && fwrite(t->v, 4, n, f) == n;
    if (f && fclose(f) != 0) ok = false;
    if (!ok || rename(part, path) != 0)
        return error_set(err, ERROR_IO, "%s cannot be written", path);
    return true;
}

/* found: false where there is none. One of another model is an error: it would be lost. */
static bool load_state(training *t, bool *found, error *err) {
    char path[4096];
    state_head h;
    size_t n = t->places.count;
    *found = false;
    if (!state_path(t, "", path, sizeof path)) return true;
    FILE *f = fopen(path, "r");
    if (!f) return true;
    bool ok = fread(&h, sizeof h, 1, f) == 1 &&
              memcmp(&h.shape, &t->o.shape, sizeof h.shape) == 0 && h.from == hash_of_start(t) &&
              fread(t->params, 4, n, f) == n && fread(t->m, 4, n, f) == n &&
              fread(t->v, 4, n, f) == n;
    fclose(f);
    if (!ok)
        return error_set(err, ERROR_MODEL,
                         "%s is of another training, or cut short; move it away to begin anew",
                         path);
    t->step = h.step, t->seen = h.seen, t->used_s = h.used_s;
    *found = true;
    return true;
}

static void forget_state(const training *t) {
    char path[4096];
    if (state_path(t, "", path, sizeof path)) unlink(path);
}

/* ---- measuring ------------------------------------------------------------------------------ */

static void measure(training *t, net_work *w) {
    net_result all = {0};
    for (size_t i = 0; i < HELD_EXAMPLES; i++) {
        const net_example *x = &t->held[i];
        net_run(w, &t->o.shape, t->params, t->packed, &x, 1, 0, 0, NULL, NULL, NULL, &all);
    }
    printf("== %.1f min: held-out loss %.3f, sentence %.3f; right span %.3f of %zu, nothing %.3f "
           "of %zu\n",
           t->used_s / 60, all.loss / HELD_EXAMPLES, all.sentence_loss / HELD_EXAMPLES,
           (double)all.exact / (double)all.answered, all.answered,
           (double)all.refused / (double)all.empty, all.empty);
    fflush(stdout);
}

/* ---- training ------------------------------------------------------------------------------- */

typedef struct {
    training *t;
    size_t part;
} worker;

/* This thread's part of a batch. */
static void run_part(training *t, size_t part, sampler *s, net_work *w, net_example *room) {
    double done = t->used_s / (60 * t->o.minutes);
    size_t mine = t->o.batch / t->o.threads;
    const net_example *some[MICRO_TOKENS / 8];
    uint64_t seed = t->o.seed + (t->step * MOST_THREADS + part) * MICRO_TOKENS;
    bool waiting = false; /* room[0] holds what did not fit any more */
    for (size_t i = 0; i < mine;) {
        size_t count = 0, tokens = 0;
        for (; i < mine && count < MICRO_TOKENS / 8; i++) {
            net_example *x = &room[count];
            if (!waiting) sampler_next(s, done, x);
            waiting = tokens + x->n > MICRO_TOKENS;
            if (waiting) break;
            tokens += x->n;
            some[count++] = x;
        }
        t->tokens[part] += tokens;
        net_run(w, &t->o.shape, t->params, t->packed, some, count, t->o.dropout, seed++,
                t->grads[part], t->touched[part], NULL, &t->results[part]);
        if (waiting) room[0] = room[count];
    }
}

/* Adds up the gradients of one part of the parameters; the square of their length. */
static double add_up(training *t, size_t begin, size_t end) {
    double sum = 0;
    float *g = t->grads[0];
    for (size_t k = 1; k < t->o.threads; k++) {
        float *other = t->grads[k];
        for (size_t i = begin; i < end; i++) g[i] += other[i];
        memset(other + begin, 0, (end - begin) * sizeof *other);
    }
    for (size_t i = begin; i < end; i += 4096) {
        float part = 0;
        for (size_t j = i; j < end && j < i + 4096; j++) part += g[j] * g[j];
        sum += (double)part;
    }
    return sum;
}

static bool is_touched(const training *t, size_t row) {
    bool yes = false;
    for (size_t k = 0; k < t->o.threads; k++) yes |= t->touched[k][row];
    return yes;
}

/* Rows of the embedding that the batch has; the others have no gradient, and rest. */
static double add_up_rows(training *t, size_t part) {
    size_t d = t->o.shape.width, rows = t->o.shape.vocab;
    double sum = 0;
    for (size_t r = part * rows / t->o.threads; r < (part + 1) * rows / t->o.threads; r++)
        if (is_touched(t, r))
            sum += add_up(t, t->places.embedding + r * d, t->places.embedding + (r + 1) * d);
    return sum;
}

static void part_of_rest(const training *t, size_t part, size_t *begin, size_t *end) {
    size_t from = t->places.types, n = t->places.count - from;
    *begin = from + part * n / t->o.threads;
    *end = from + (part + 1) * n / t->o.threads;
}

/* Where in turn vectors and norms (no decay), and matrices (decay) begin, from the types on. */
static size_t list_bounds(const net_shape *s, size_t bounds[BOUNDS]) {
    net_places p = net_layout(s);
    size_t n = 0;
    bounds[n++] = p.types;
    for (size_t i = 0; i < s->layers; i++) {
        bounds[n++] = p.layers[i].qkv;
        bounds[n++] = p.layers[i].ffn_norm;
        bounds[n++] = p.layers[i].gate_up;
        bounds[n++] = p.layers[i].down + (size_t)s->width * s->hidden;
    }
    bounds[n++] = p.head;
    bounds[n++] = p.bias;
    bounds[n++] = p.count;
    return n;
}

static void update(training *t, size_t part, double norm) {
    double done = t->used_s / (60 * t->o.minutes);
    float rate = (float)(t->o.rate * adam_rate(t->step, WARM_UP, done));
    double clip = norm > CLIP ? CLIP / norm : 1;
    float scale = (float)(clip / (LOSS_SCALE * (double)t->o.batch));
    adam_step s = adam_at(.9, .98, t->step + 1);
    size_t d = t->o.shape.width, rows = t->o.shape.vocab, begin, end, n, bounds[BOUNDS];
    for (size_t r = part * rows / t->o.threads; r < (part + 1) * rows / t->o.threads; r++) {
        size_t at = t->places.embedding + r * d;
        if (is_touched(t, r))
            adam_update(&s, rate * EMBEDDING_RATE, 0, scale, t->params + at, t->grads[0] + at,
                        t->m + at, t->v + at, d);
        for (size_t k = 0; k < t->o.threads; k++) t->touched[k][r] = 0;
    }
    part_of_rest(t, part, &begin, &end);
    n = list_bounds(&t->o.shape, bounds);
    for (size_t i = 0; i + 1 < n; i++) {
        size_t from = bounds[i] > begin ? bounds[i] : begin;
        size_t to = bounds[i + 1] < end ? bounds[i + 1] : end;
        if (from < to)
            adam_update(&s, rate, i % 2 ? WEIGHT_DECAY : 0, scale, t->params + from,
                        t->grads[0] + from, t->m + from, t->v + from, to - from);
    }
}

/* What one thread does between the steps, alone. */
static void look_after(training *t, net_work *w, double *saved_s, double *scored_s) {
    error err = {0};
    t->step++;
    t->seen += t->o.batch;
    t->used_s = t->before_s + train_now_s() - t->started_s;
    t->over = t->used_s >= 60 * t->o.minutes;
    if (t->step % 100 == 0) {
        net_result r = {0};
        size_t tokens = 0;
        for (size_t k = 0; k < t->o.threads; k++) {
            r.loss += t->results[k].loss, r.sentence_loss += t->results[k].sentence_loss;
            r.exact += t->results[k].exact, r.answered += t->results[k].answered;
            r.refused += t->results[k].refused, r.empty += t->results[k].empty;
            tokens += t->tokens[k];
            t->results[k] = (net_result){0};
        }
        double n = (double)(r.answered + r.empty);
        printf("%zu seen %zu %.1f min loss %.3f sentence %.3f exact %.3f nothing %.3f, %.0f "
               "tokens/s\n",
               t->step, t->seen, t->used_s / 60, r.loss / n, r.sentence_loss / n,
               (double)r.exact / (double)(r.answered + 1),
               (double)r.refused / (double)(r.empty + 1),
               (double)tokens / (t->used_s - t->before_s));
        fflush(stdout);
    }
    if (t->over || train_now_s() - *scored_s > SCORE_SECONDS) {
        net_pack(t->packed, &t->o.shape, t->params, 0, 1);
        measure(t, w);
        *scored_s = train_now_s();
    }
    if (t->over || train_now_s() - *saved_s > SAVE_SECONDS) {
        t->failed = !reader_file_write(t->o.out, &t->o.shape, t->params, t->data.file, &err);
        if (!t->over && !save_state(t, &err)) t->failed = true;
        if (t->failed) fprintf(stderr, "train-reader: %s\n", err.text);
        *saved_s = train_now_s();
    }
}

/* By its bits: the compiler takes every float for a number where arithmetic is loose. */
static bool is_number(double x) {
    uint64_t b;
    memcpy(&b, &x, sizeof b);
    return (b >> 52 & 0x7FF) != 0x7FF;
}

static void *work(void *context) {
    const worker *me = context;
    training *t = me->t;
    size_t part = me->part, begin, end;
    sampler *s =
        sampler_new(&t->data, t->o.seed + 7919 * t->step + part, part, t->o.threads, false);
    net_work *w = net_work_new(&t->o.shape, MICRO_TOKENS);
    net_example *room = mem_new(MICRO_TOKENS / 8 + 1, sizeof *room);
    double saved_s = train_now_s(), scored_s = train_now_s();
    while (!t->over) {
        net_pack(t->packed, &t->o.shape, t->params, part, t->o.threads);
        pthread_barrier_wait(&t->barrier);
        run_part(t, part, s, w, room);
        pthread_barrier_wait(&t->barrier);
        part_of_rest(t, part, &begin, &end);
        t->norms[part] = add_up_rows(t, part) + add_up(t, begin, end);
        pthread_barrier_wait(&t->barrier);
        double norm = 0;
        for (size_t k = 0; k < t->o.threads; k++) norm += t->norms[k];
        norm = sqrt(norm) / ((double)LOSS_SCALE * (double)t->o.batch);
        if (is_number(norm)) {
            update(t, part, norm);
        } else { /* a sum that left the range of 16 bits: this batch is dropped */
            memset(t->grads[part], 0, t->places.count * sizeof *t->grads[part]);
            memset(t->touched[part], 0, t->o.shape.vocab);
        }
        pthread_barrier_wait(&t->barrier);
        if (part == 0) look_after(t, w, &saved_s, &scored_s);
        pthread_barrier_wait(&t->barrier);
    }
    sampler_free(s);
    return NULL;
}

static bool prepare(training *t, error *err) {
    options *o = &t->o;
    double begun = train_now_s();
    if (!rows_load(o->work, o->running_bytes, o->seed, &t->data, err)) return false;
    printf("%zu rows, %zu contexts, %zu running texts, %.0f s\n", t->data.row_n, t->data.context_n,
           t->data.running_n, train_now_s() - begun);
    o->shape.vocab = (uint32_t)engine_vocab_size(t->data.tokenizer);
    o->shape.types = EMBED_TYPES;
    t->places = net_layout(&o->shape);
    size_t n = t->places.count;
    t->params = mem_new(n, 4), t->m = mem_new(n, 4), t->v = mem_new(n, 4);
    t->packed = net_packed_new(&o->shape);
    for (size_t k = 0; k < o->threads; k++) {
        t->grads[k] = mem_new(n, 4);
        t->touched[k] = mem_new(o->shape.vocab, 1);
    }
    bool found;
    if (!start(t, err) || !load_state(t, &found, err)) return false;
    if (found) printf("going on at step %zu, %.1f minutes\n", t->step, t->used_s / 60);
    t->held = mem_new(HELD_EXAMPLES, sizeof *t->held);
    sampler *s = sampler_new(&t->data, 5, 0, 1, true);
    for (size_t i = 0; i < HELD_EXAMPLES; i++) sampler_next(s, 1, &t->held[i]);
    sampler_free(s);
    printf("%.2f M parameters, %.2f M of them token vectors\n", (double)n / 1e6,
           (double)o->shape.vocab * o->shape.width / 1e6);
    fflush(stdout);
    return true;
}

static bool read_options(int argc, char **argv, options *o) {
    *o = (options){.minutes = 116,
                   .rate = 1.5e-3,
                   .dropout = .1f,
                   .batch = 64,
                   .threads = 2,
                   .running_bytes = 60u << 20,
                   .seed = 1,
                   .shape = {0, 0, 256, 5, 512}};
    if (argc < 3) return false;
    o->work = argv[1];
    o->out = argv[2];
    for (int i = 3; i + 1 < argc; i += 2) {
        double v = atof(argv[i + 1]);
        str name = str_of(argv[i]);
        if (str_eq(name, STR("--minutes")))
            o->minutes = v;
        else if (str_eq(name, STR("--rate")))
            o->rate = v;
        else if (str_eq(name, STR("--dropout")))
            o->dropout = (float)v;
        else if (str_eq(name, STR("--batch")))
            o->batch = (size_t)v;
        else if (str_eq(name, STR("--threads")))
            o->threads = (size_t)v;
        else if (str_eq(name, STR("--running-mb")))
            o->running_bytes = (size_t)v << 20;
        else if (str_eq(name, STR("--seed")))
            o->seed = (uint64_t)v;
        else if (str_eq(name, STR("--width")))
            o->shape.width = (uint32_t)v;
        else if (str_eq(name, STR("--layers")))
            o->shape.layers = (uint32_t)v;
        else if (str_eq(name, STR("--hidden")))
            o->shape.hidden = (uint32_t)v;
        else
            return false;
    }
    return argc % 2 == 1 && o->minutes > 0 && o->threads > 0 && o->threads <= MOST_THREADS &&
           o->batch % o->threads == 0 && o->batch > 0 && o->shape.width % HEAD == 0 &&
           o->shape.width > 0 && o->shape.width <= MOST_WIDTH && o->shape.hidden % LANES == 0 &&
           o->shape.hidden <= MOST_HIDDEN && o->shape.layers > 0 && o->shape.layers <= MOST_LAYERS;
}

int main(int argc, char **argv) {
    training t = {.over = false};
    error err = {0};
    if (!read_options(argc, argv, &t.o)) {
        fprintf(stderr, "usage: train-reader WORK OUT.gguf [--minutes N] [--rate X] [--batch N] "
                        "[--threads N] [--dropout X] [--running-mb N] [--seed N] [--width N] "
                        "[--layers N] [--hidden N]\n");
        return ERROR_USAGE;
    }
    if (!prepare(&t, &err)) {
        fprintf(stderr, "train-reader: %s\n", err.text);
        return (int)err.code;
    }
    pthread_t threads[MOST_THREADS];
    worker workers[MOST_THREADS];
    pthread_barrier_init(&t.barrier, NULL, (unsigned)t.o.threads);
    t.started_s = train_now_s();
    t.before_s = t.used_s;
    for (size_t k = 0; k < t.o.threads; k++) {
        workers[k] = (worker){&t, k};
        if (pthread_create(&threads[k], NULL, work, &workers[k]) != 0) {
            fprintf(stderr, "train-reader: no %zu threads can be started here\n", t.o.threads);
            exit(ERROR_LIMIT);
        }
    }
    for (size_t k = 0; k < t.o.threads; k++) pthread_join(threads[k], NULL);
    if (!t.failed) forget_state(&t); /* the next training begins anew */
    return t.failed ? ERROR_IO : 0;
}
