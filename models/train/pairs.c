/* pairs: see pairs.h.
 *
 * A passage that several questions share is kept once. Rivals are what a search by rare words, with
 * longer passages counting less, finds besides the right passage.
 */
#include "models/train/pairs.h"

#include "models/train/common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_PAIRS = 1 << 18, /* of a task */
    VOCABULARY = 1 << 16,
    COMMON = 50,        /* a token in more than one of COMMON passages finds no rivals */
    LEAST_QUESTION = 2, /* tokens; shorter texts say nothing */
    LEAST_PASSAGE = 3,
    MOST_HELD = 4096
};

typedef enum { SQUAD, QAMR, MEDQUAD, OTHER, WIKI, MEDICINE, LAW, CHAT, WORK } task_kind;

static const struct {
    const char *name;
    double weight;
} kinds[PAIRS_TASKS] = {
    [SQUAD] = {"squad", 3},      [QAMR] = {"qamr", .3},       [MEDQUAD] = {"medquad", .7},
    [OTHER] = {"questions", .8}, [WIKI] = {"wikipedia", 1.5}, [MEDICINE] = {"medicine", 1.4},
    [LAW] = {"law", .6},         [CHAT] = {"chat", .3},       [WORK] = {"work", 1.6},
};

typedef struct {
    pairs_data *d;
    const engine_tokenizer *t;
    struct {
        uint64_t hash;
        uint32_t number;
    } * slots[PAIRS_TASKS]; /* passages by their text */
    str held[MOST_HELD];    /* titles of MedQuAD kept for measuring, in small letters */
    size_t held_n;
    arena *scratch;
} reader;

static pairs_text read_text(reader *r, str s, size_t most) {
    arena *a = arena_new();
    engine_token *t;
    size_t n;
    engine_tokenize(r->t, s, 0, a, &t, &n);
    if (n > most) n = most;
    uint16_t *ids = arena_alloc(r->d->memory, n, sizeof *ids);
    for (size_t i = 0; i < n; i++) ids[i] = (uint16_t)t[i].id;
    arena_free(a);
    return (pairs_text){ids, (uint32_t)n, (uint32_t)(train_hash(s) >> 16)};
}

static void add(reader *r, task_kind kind, str a, str b, str cluster) {
    pairs_task *task = &r->d->tasks[kind];
    if (task->count == MOST_PAIRS) return;
    pairs_pair p = {.cluster = (uint32_t)(train_hash(cluster) >> 20)};
    p.question = read_text(r, a, PAIRS_MOST_QUESTION);
    if (p.question.n < LEAST_QUESTION) return;
    uint64_t h = train_hash(b);
    size_t at = h % (2 * MOST_PAIRS);
    while (r->slots[kind][at].hash && r->slots[kind][at].hash != h)
        at = (at + 1) % (2 * MOST_PAIRS);
    if (!r->slots[kind][at].hash) {
        pairs_text text_of = read_text(r, b, PAIRS_MOST_PASSAGE);
        if (text_of.n < LEAST_PASSAGE) return;
        r->slots[kind][at].hash = h;
        r->slots[kind][at].number = (uint32_t)task->passage_n;
        task->passages[task->passage_n++] = text_of;
    }
    p.passage = r->slots[kind][at].number;
    task->pairs[task->count++] = p;
}

/* ---- the files ------------------------------------------------------------------------------ */

static bool has(str s, const char *part) {
    return str_find(s, str_of(part), 0) != SIZE_MAX;
}

static str small_letters(arena *a, str s) {
    char *out = arena_cstr(a, s);
    for (size_t i = 0; i < s.n; i++)
        if (out[i] >= 'A' && out[i] <= 'Z') out[i] = (char)(out[i] - 'A' + 'a');
    return (str){out, s.n};
}

static void read_question(void *data, const json_t *row) {
    reader *r = data;
    str source = train_string(row, "source"), title = train_string(row, "title");
    str question = train_string(row, "question"), context = train_string(row, "context");
    if (json_is_true(json_object_get(row, "held"))) {
        if (str_starts(source, STR("medquad")) && title.n > 0 && r->held_n < MOST_HELD)
            r->held[r->held_n++] = small_letters(r->d->memory, title);
        return;
    }
    if (str_eq(train_string(row, "type"), STR("unanswerable")) || str_starts(source, STR("ropes")))
        return;
    task_kind kind = str_starts(source, STR("squad"))     ? SQUAD
                     : str_eq(source, STR("qamr"))        ? QAMR
                     : str_starts(source, STR("medquad")) ? MEDQUAD
                                                          : OTHER;
    /* A third of the passages carry their title, as chunks do. */
    if (title.n > 0 && train_hash(question) % 3 == 0)
        context = arena_printf(r->scratch, STR_FMT ": " STR_FMT, STR_ARG(title), STR_ARG(context));
    add(r, kind, question, context, title.n > 0 ? title : source);
}

static void read_pair(void *data, const json_t *row) {
    reader *r = data;
    str source = train_string(row, "source"), a = train_string(row, "a"),
        b = train_string(row, "b");
    if (json_integer_value(json_object_get(row, "label")) != 1 ||
        json_is_true(json_object_get(row, "held")))
        return;
    if (has(source, "MedQuAD")) {
        str low = small_letters(r->scratch, a);
        for (size_t i = 0; i < r->held_n; i++)
            if (str_find(low, r->held[i], 0) != SIZE_MAX) return;
    }
    task_kind kind =
        str_starts(source, STR("enwiki")) ? WIKI
        : has(source, "MedQuAD") || has(source, "rqe-amia") || has(source, "nursing") ||
                has(source, "anatomy") || has(source, "microbio")
            ? MEDICINE
        : str_starts(source, STR("dc-law-code")) || str_starts(source, STR("cfpb"))   ? LAW
        : str_starts(source, STR("clinc150")) || str_starts(source, STR("banking77")) ? CHAT
                                                                                      : WORK;
    size_t cut = str_find(a, STR(" > "), 0);
    add(r, kind, a, b, cut == SIZE_MAX ? a : str_cut(a, 0, cut));
}

/* ---- rivals --------------------------------------------------------------------------------- */

typedef struct {
    uint32_t *starts, *passages; /* postings of token t: passages[starts[t] .. starts[t + 1]) */
    float *scores;
    uint32_t *touched;
} postings;

static postings index_passages(const pairs_task *task) {
    postings p = {.starts = mem_new(VOCABULARY + 1, sizeof *p.starts)};
    uint32_t *last = mem_new(VOCABULARY, sizeof *last);
    for (int pass = 0; pass < 2; pass++) {
        memset(last, 0, VOCABULARY * sizeof *last);
        for (uint32_t i = 0; i < task->passage_n; i++)
            for (uint32_t k = 0; k < task->passages[i].n; k++) {
                uint16_t t = task->passages[i].ids[k];
                if (last[t] == i + 1) continue;
                last[t] = i + 1;
                if (pass == 0)
                    p.starts[t + 1]++;
                else
                    p.passages[p.starts[t]++] = i;
            }
        if (pass == 0) {
            for (size_t t = 0; t < VOCABULARY; t++) p.starts[t + 1] += p.starts[t];
            p.passages = mem_new(p.starts[VOCABULARY], sizeof *p.passages);
        }
    }
    memmove(p.starts + 1, p.starts, VOCABULARY * sizeof *p.starts);
    p.starts[0] = 0;
    p.scores = mem_new(task->passage_n, sizeof *p.scores);
    p.touched = mem_new(task->passage_n, sizeof *p.touched);
    mem_free(last);
    return p;
}

static void find_rivals(const pairs_task *task, postings *p, pairs_pair *pair) {
    size_t touched = 0;
    for (uint32_t k = 0; k < pair->question.n; k++) {
        uint16_t t = pair->question.ids[k];
        uint32_t from = p->starts[t], n = p->starts[t + 1] - from;
        if (n > task->passage_n / COMMON) continue;
        float idf = logf((float)task->passage_n / (float)(n + 1));
        for (uint32_t i = from; i < from + n; i++) {
            uint32_t x = p->passages[i];
            if (p->scores[x] == 0) p->touched[touched++] = x;
            p->scores[x] += idf;
        }
    }
    for (size_t i = 0; i < touched; i++)
        p->scores[p->touched[i]] /= 1 + .004f * (float)task->passages[p->touched[i]].n;
    p->scores[pair->passage] = 0;
    for (size_t r = 0; r < PAIRS_RIVALS; r++) {
        uint32_t best = NO_TEXT;
        for (size_t i = 0; i < touched; i++) {
            uint32_t x = p->touched[i];
            if (p->scores[x] > (best == NO_TEXT ? 0 : p->scores[best])) best = x;
        }
        pair->rivals[r] = best;
        if (best != NO_TEXT) p->scores[best] = 0;
    }
    for (size_t i = 0; i < touched; i++) p->scores[p->touched[i]] = 0;
}

bool pairs_load(const char *work, const engine_tokenizer *t, pairs_data *out, error *err) {
    *out = (pairs_data){.memory = arena_new()};
    reader *r = mem_new(1, sizeof *r);
    *r = (reader){.d = out, .t = t, .scratch = arena_new()};
    for (int k = 0; k < PAIRS_TASKS; k++) {
        out->tasks[k].name = kinds[k].name;
        out->tasks[k].weight = kinds[k].weight;
        out->tasks[k].pairs = arena_alloc(out->memory, MOST_PAIRS, sizeof *out->tasks[k].pairs);
        out->tasks[k].passages =
            arena_alloc(out->memory, MOST_PAIRS, sizeof *out->tasks[k].passages);
        r->slots[k] = mem_new(2 * MOST_PAIRS, sizeof *r->slots[k]);
    }
    bool ok = train_lines(work, "qa_train.jsonl", read_question, r, err) &&
              train_lines(work, "pairs.jsonl", read_pair, r, err);
    for (int k = 0; k < PAIRS_TASKS; k++) {
        mem_free(r->slots[k]);
        postings p = index_passages(&out->tasks[k]);
        for (size_t i = 0; ok && i < out->tasks[k].count; i++)
            find_rivals(&out->tasks[k], &p, &out->tasks[k].pairs[i]);
        mem_free(p.starts);
        mem_free(p.passages);
        mem_free(p.scores);
        mem_free(p.touched);
    }
    arena_free(r->scratch);
    mem_free(r);
    return ok;
}
