/* The trainer's own arithmetic (models/train): gradients against differences of the loss, the file it
 * writes against the engine that runs it, the optimiser, and what the words of a question and of a
 * passage are marked with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/train/adam.h"
#include "models/train/reader_file.h"
#include "models/train/sampler.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VOCABULARY "models/carrel-embed.gguf"

static uint64_t seed = 1;

static float draw(void) { /* -1 to 1 */
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (float)((double)(seed >> 11) / 4503599627370496.0 - 1);
}

static float *random_params(const net_shape *s) {
    net_places p = net_layout(s);
    float *x = mem_new(p.count, sizeof *x);
    for (size_t i = 0; i < p.count; i++) x[i] = .15f * draw();
    for (size_t i = 0; i < s->layers; i++) {
        const size_t norms[] = {p.layers[i].conv_norm, p.layers[i].attn_norm, p.layers[i].ffn_norm};
        for (size_t k = 0; k < 3; k++)
            for (size_t j = 0; j < s->width; j++) x[norms[k] + j] += 1;
    }
    for (size_t j = 0; j < s->width; j++) x[p.norm + j] += 1;
    return x;
}

static net_example random_example(const net_shape *s, uint32_t n, bool answered) {
    net_example x = {.n = n, .passage = 9};
    for (uint32_t i = 0; i < n; i++) {
        x.ids[i] = (uint16_t)((size_t)(fabsf(draw()) * 7919) % s->vocab);
        x.types[i] = (uint8_t)((size_t)(fabsf(draw()) * 7919) % s->types);
        x.opens[i] = i >= 9 && i % 12 == 9;
    }
    if (answered) x.start = 23, x.end = 26, x.sentence = 21;
    return x;
}

static double loss_of(net_work *w, const net_shape *s, const float *params, net_packed *packed,
                      const net_example *const *examples, size_t count) {
    net_result r = {0};
    net_pack(packed, s, params, 0, 1);
    net_run(w, s, params, packed, examples, count, 0, 0, NULL, NULL, NULL, &r);
    return r.loss + .3 * r.sentence_loss;
}

/* Along its gradient the loss must change as the gradient says, for each kind of parameter. */
static void test_gradients(void **state) {
    (void)state;
    if (sizeof(num) < 4) skip(); /* differences drown in the rounding of 16 bits */
    const net_shape s = {200, EMBED_TYPES, 64, 2, 96};
    net_places p = net_layout(&s);
    float *params = random_params(&s), *grads = mem_new(p.count, sizeof *grads);
    uint8_t *touched = mem_new(s.vocab, 1);
    net_packed *packed = net_packed_new(&s);
    net_work *w = net_work_new(&s, 256);
    net_example a = random_example(&s, 51, true), b = random_example(&s, 40, false);
    const net_example *both[] = {&a, &b};
    net_result r = {0};
    net_pack(packed, &s, params, 0, 1);
    net_run(w, &s, params, packed, both, 2, 0, 1, grads, touched, NULL, &r);
    assert_int_equal(r.answered, 1);
    assert_int_equal(r.empty, 1);
    assert_true(touched[a.ids[25]]);
    const net_layer *l = &p.layers[0], *m = &p.layers[1];
    const size_t groups[] = {p.embedding + a.ids[25] * s.width,
                             p.types + a.types[3] * s.width,
                             l->conv_norm,
                             l->conv,
                             m->conv + 3 * s.width,
                             l->attn_norm,
                             l->qkv,
                             l->qkv + s.width * s.width,
                             m->qkv + 2 * s.width * s.width,
                             l->out,
                             m->ffn_norm,
                             l->gate_up,
                             m->gate_up + s.hidden * s.width,
                             l->down,
                             p.norm,
                             p.head,
                             p.head + 2 * s.width};
    enum { SOME = 64 };
    for (size_t k = 0; k < sizeof groups / sizeof *groups; k++) {
        float *x = params + groups[k], *g = grads + groups[k], saved[SOME];
        double square = 0, change = 0;
        for (size_t j = 0; j < SOME; j++) square += pow((double)(g[j] / LOSS_SCALE), 2);
        assert_true(square > 0);
        double step = .02 / sqrt(square);
        memcpy(saved, x, sizeof saved);
        for (int sign = 1; sign >= -1; sign -= 2) {
            for (size_t j = 0; j < SOME; j++)
                x[j] = saved[j] + (float)(sign * step) * g[j] / LOSS_SCALE;
            change += sign * loss_of(w, &s, params, packed, both, 2) / (2 * step);
        }
        memcpy(x, saved, sizeof saved);
        if (!(fabs(change / square - 1) < .02))
            fail_msg("group %zu: the loss changes by %.4g, its gradient says %.4g", k, change,
                     square);
    }
    net_packed_free(packed);
    net_work_free(w);
    mem_free(params);
    mem_free(grads);
    mem_free(touched);
}

/* What is trained is what runs: the same logits from the trainer and from the engine. */
static void test_file(void **state) {
    (void)state;
    engine_gguf *vocabulary, *g;
    engine_encoder *e;
    error err = {0};
    char path[] = "/tmp/carrel-train-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    if (!engine_gguf_open(VOCABULARY, &vocabulary, &err)) fail_msg("%s", err.text);
    const net_shape s = {(uint32_t)engine_gguf_array_count(vocabulary, "tokenizer.ggml.tokens"),
                         EMBED_TYPES, 64, 2, 96};
    net_shape back;
    float *params = random_params(&s), *again;
    if (!reader_file_write(path, &s, params, vocabulary, &err) ||
        !engine_gguf_open(path, &g, &err) || !reader_file_read(g, &back, &again, &err) ||
        !engine_encoder_open(g, &e, &err))
        fail_msg("%s", err.text);
    assert_memory_equal(&s, &back, sizeof s);
    net_packed *packed = net_packed_new(&s);
    net_work *w = net_work_new(&s, 256);
    net_example x = random_example(&s, 70, true);
    const net_example *one = &x;
    float want[70 * OUTPUTS], got[70 * OUTPUTS], most = 0;
    int32_t ids[70];
    net_result r = {0};
    for (size_t i = 0; i < x.n; i++) ids[i] = x.ids[i];
    net_pack(packed, &s, again, 0, 1);
    net_run(w, &s, again, packed, &one, 1, 0, 0, NULL, NULL, want, &r);
    assert_true(engine_encode_batch(e, NULL, &(engine_sequence){ids, x.types, x.n}, 1, got, &err));
    for (size_t i = 0; i < x.n * OUTPUTS; i++) most = fmaxf(most, fabsf(want[i] - got[i]));
    printf("engine and trainer: %.3g apart\n", (double)most);
    assert_true(most < .05f); /* the engine's activations have 8 bits */
    engine_encoder_close(e);
    engine_gguf_close(g);
    engine_gguf_close(vocabulary);
    net_packed_free(packed);
    net_work_free(w);
    mem_free(params);
    mem_free(again);
    unlink(path);
}

static void test_adam(void **state) {
    (void)state;
    float x[2] = {3, -2}, g[2], m[2] = {0}, v[2] = {0};
    for (size_t step = 0; step < 2000; step++) {
        g[0] = 2 * (x[0] - 1), g[1] = 8 * (x[1] - 5); /* of (x0 - 1)^2 + 4 (x1 - 5)^2 */
        adam_step s = adam_at(.9, .98, step + 1);
        adam_update(&s, (float)(.05 * adam_rate(step, 10, (double)step / 2000)), 0, 1, x, g, m, v,
                    2);
        assert_true(g[0] == 0 && g[1] == 0);
    }
    assert_true(fabsf(x[0] - 1) < .01f && fabsf(x[1] - 5) < .01f);
    assert_true(adam_rate(0, 100, 0) < .011 && adam_rate(500, 100, 1) < .006);
}

/* ---- marks ------------------------------------------------------------------------------------ */

static void mark(const char *question, const char *passage, arena *a, uint8_t **asked,
                 uint8_t **given, size_t *given_n) {
    engine_gguf *g;
    engine_tokenizer *t = NULL;
    engine_token *q, *p;
    embed_word *qw, *pw;
    size_t qn, pn, qwn, pwn;
    error err = {0};
    const embed_stop_words stop = {rows_stop_words, rows_stop_word_count};
    if (!engine_gguf_open(VOCABULARY, &g, &err) || !engine_tokenizer_new(g, &t, &err))
        fail_msg("%s", err.text);
    engine_tokenize(t, str_of(question), 0, a, &q, &qn);
    engine_tokenize(t, str_of(passage), 0, a, &p, &pn);
    embed_mark_words(t, &stop, str_of(question), q, qn, false, a, &qw, &qwn);
    embed_mark_words(t, &stop, str_of(passage), p, pn, true, a, &pw, &pwn);
    *asked = arena_alloc(a, qn, 1);
    *given = arena_alloc(a, pn, 1);
    *given_n = pn;
    embed_mark(qw, qwn, pw, pwn, *asked, *given);
    engine_tokenizer_free(t);
    engine_gguf_close(g);
}

static void test_marks(void **state) {
    (void)state;
    arena *a = arena_new();
    uint8_t *q, *p;
    size_t n;
    enum {
        NONE = EMBED_TYPE_PASSAGE,
        PREFIX = NONE + EMBED_COVERAGES,
        WHOLE = PREFIX + EMBED_COVERAGES
    };
    /* Content words of the question: bridge, opened, rivers. */
    mark("When was the bridge opened by the rivers?", "The bridge opened. It rained. A river!", a,
         &q, &p, &n);
    const uint8_t asked[] = {1, 1, 1, 2, 2, 1, 1, 2, 1};
    assert_memory_equal(q, asked, sizeof asked);
    /* Two of three words in the first sentence (2), none in the second (0), one in the third (1). */
    const uint8_t given[] = {NONE + 2, WHOLE + 2,  WHOLE + 2, NONE + 2,
                             NONE,     NONE,       NONE,      /* "rained" is two tokens */ NONE,
                             NONE + 1, PREFIX + 1, NONE + 1};
    assert_int_equal(n, sizeof given);
    assert_memory_equal(p, given, sizeof given);
    /* Nothing but stop words and punctuation matches nothing. */
    mark("What is it?", "It is what it is.", a, &q, &p, &n);
    for (size_t i = 0; i < n; i++) assert_int_equal(p[i], NONE);
    mark("", "", a, &q, &p, &n);
    assert_int_equal(n, 0);
    arena_free(a);
}

/* ---- examples --------------------------------------------------------------------------------- */

static const struct {
    const char *title, *context, *question, *answer;
} rows[] = {
    {"Bridge",
     "The Clifton bridge spans the gorge of the Avon. Work on the bridge began in 1831. Money ran "
     "out before the largest tower was finished. The bridge was opened on 8 December 1864 by the "
     "mayor.",
     "When was the Clifton bridge opened?", "8 December 1864"},
    {"Bridge",
     "The towers are 26 metres high. Each of the three chains has 4,200 links. The chains came "
     "from "
     "the Hungerford bridge, which Brunel had built before he died.",
     "Where did the chains of the bridge come from?", "the Hungerford bridge"},
    {"Bridge",
     "The engineer Brunel drew the first plans. He was 24 years old. The most expensive plan had a "
     "pier in the gorge.",
     "Who drew the first plans of the bridge?", "The engineer Brunel"},
    {"Ferry",
     "The ferry to the island leaves at nine. In winter the ferry does not run on Sundays. The "
     "crossing takes 40 minutes when the sea is calm.",
     "How long does the crossing take?", "40 minutes"},
    {"Ferry",
     "Tickets for the ferry are sold at the harbour office. A child under six travels free. "
     "The harbour office closes at noon.",
     "Where are tickets for the ferry sold?", "the harbour office"},
    {"Held", "The museum keeps 300 clocks. The oldest clock was made in Augsburg in 1571.",
     "Where was the oldest clock made?", "Augsburg"},
};

static void write_work(const char *folder) {
    char path[256];
    snprintf(path, sizeof path, "%s/initial.gguf", folder);
    char *models = realpath(VOCABULARY, NULL);
    assert_int_equal(symlink(models, path), 0);
    free(models);
    snprintf(path, sizeof path, "%s/qa_train.jsonl", folder);
    FILE *f = fopen(path, "w");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        fprintf(
            f,
            "{\"source\": \"squad1.1-train\", \"type\": \"span\", \"title\": \"%s\", \"held\": %s, "
            "\"context\": \"%s\", \"question\": \"%s\", \"answer\": \"%s\", \"answer_start\": "
            "%d}\n",
            rows[i].title, strcmp(rows[i].title, "Held") == 0 ? "true" : "false", rows[i].context,
            rows[i].question, rows[i].answer,
            (int)(strstr(rows[i].context, rows[i].answer) - rows[i].context));
    fclose(f);
    snprintf(path, sizeof path, "%s/text", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/text/a.txt", folder);
    f = fopen(path, "w");
    for (int copy = 0; copy < 3; copy++) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            fprintf(f, "%s The %s of chapter %d is told again.\n", rows[i].context, rows[i].title,
                    copy);
        fputs("\n\n", f);
    }
    fclose(f);
}

static void check_example(const net_example *x) {
    assert_in_range(x->n, 5, 384);
    assert_in_range(x->passage, 3, x->n - 2);
    assert_true(x->ids[0] == 2 && x->ids[x->passage - 1] == 3 && x->ids[x->n - 1] == 3);
    assert_true(x->types[0] == EMBED_TYPE_MARK && x->types[x->passage - 1] == EMBED_TYPE_MARK);
    assert_true(x->opens[x->passage]);
    for (uint32_t i = 0; i < x->n; i++) {
        assert_true(x->types[i] < EMBED_TYPES);
        bool inside = i >= x->passage && i + 1 < x->n;
        assert_true(inside == (x->types[i] >= EMBED_TYPE_PASSAGE));
        assert_true(inside || !x->opens[i]);
    }
    if (x->start == 0) {
        assert_true(x->end == 0 && x->sentence == 0);
        return;
    }
    assert_in_range(x->start, x->passage, x->end);
    assert_in_range(x->end, x->start, x->n - 2);
    assert_in_range(x->sentence, x->passage, x->start);
    assert_true(x->opens[x->sentence]);
    for (uint32_t i = x->sentence + 1; i <= x->start; i++) assert_false(x->opens[i]);
}

static void test_examples(void **state) {
    (void)state;
    char folder[] = "/tmp/carrel-train-XXXXXX", command[64];
    rows_data d;
    error err = {0};
    assert_non_null(mkdtemp(folder));
    write_work(folder);
    if (!rows_load(folder, 1 << 20, 0, &d, &err)) fail_msg("%s", err.text);
    assert_int_equal(d.row_n, sizeof rows / sizeof *rows);
    assert_int_equal(d.contexts[1].before, 0);
    assert_int_equal(d.contexts[0].after, 1);
    assert_int_equal(d.contexts[3].before, NO_TEXT); /* of another title */
    assert_true(d.running_n > 0 && d.contexts[5].held);
    size_t answered = 0;
    sampler *s = sampler_new(&d, 3, 0, 1, false);
    net_example x;
    for (int i = 0; i < 2000; i++) {
        sampler_next(s, (i % 10) / 10.0, &x);
        check_example(&x);
        answered += x.start > 0;
    }
    assert_in_range(answered, 800,
                    1900); /* both kinds; six contexts have no words rare enough to mask */
    sampler_free(s);
    rows_free(&d);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients), cmocka_unit_test(test_file), cmocka_unit_test(test_adam),
        cmocka_unit_test(test_marks), cmocka_unit_test(test_examples)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
