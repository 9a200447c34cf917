/* bench_drafts: what drafting from the passages and keeping what was read save, on real text.
 *
 *   bench_drafts --decoder FILE --set SET.json.gz --folder DIR --carrel FILE
 *                [--questions N] [--timed N] [--kept N] [--pairs N] [--rounds N] [--threads N]
 *
 * Questions of a SQuAD 2.0 set are searched and packed as `carrel ask` does. No decoder that follows
 * instructions comes with Carrel, so the words of one are played: the machinery of a written answer
 * runs as it is, the decoder computes every token, and what is said next is taken from a text:
 *   quoted    the sentences that the built-in reader chooses, word for word
 *   cited     the same, each with " [n]" before its full stop, as the instruction asks for
 *   foreign   what was quoted for another question: nothing to copy, what drafting costs in vain
 * Acceptance is that of the text and the vocabulary, so that a decoder of one layer tells it
 * (--questions); time is that of the decoder (--timed: the least of --rounds, drafts on and off in
 * turn). Where it is timed, the logits of every said token must have the same bits both ways.
 *
 * --kept: until the first token of a second question over the same passages, in memory and from a
 * file by a new memory. --pairs: how much of its prompt a next question of the article shares.
 *
 * The decoder needs a vocabulary of real words (make_model's VOCAB). DIR keeps the library.
 */
#include "query/conversation.h"
#include "tests/eval/eval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOURCES = 8, BUDGET = 2800, MOST_SAID = 256, SENTENCES = 3 }; /* as query/ask.c */

enum { QUOTED, CITED, FOREIGN, TEXTS };
static const char *const text_names[TEXTS] = {"quoted", "cited", "foreign"};

typedef struct {
    const char *decoder, *set, *folder, *carrel;
    long questions, timed, kept, pairs, rounds, threads;
} settings;

typedef struct {
    const settings *s;
    query_context q;
    json_t *root;
    eval_questions all; /* every answerable one */
    str foreign;        /* quoted for the question before */
    arena *foreign_arena;
} bench;

typedef struct {
    query_job job;
    query_options options;
    query_answer out;
    query_passage *passages;
} asked;

/* ---- one question -------------------------------------------------------------------------- */

static const query_events no_events = {0};

static bool prepare(const bench *b, str question, arena *a, asked *out, error *err) {
    query_source *sources;
    size_t count, packed;
    if (b->q.memory) query_memory_watch(b->q.memory, b->q.library);
    if (!query_search(&b->q, question, QUERY_FUSED, SOURCES, a, &sources, &count, err) ||
        !query_pack(&b->q, sources, count, SOURCES, BUDGET, a, &out->passages, &packed, err))
        return false;
    out->options = (query_options){
        .mode = QUERY_WRITE, .sources = SOURCES, .sentences = SENTENCES, .max_tokens = MOST_SAID};
    out->job = (query_job){.q = &b->q,
                           .question = question,
                           .options = &out->options,
                           .events = &no_events,
                           .passages = out->passages,
                           .passage_count = packed,
                           .a = a,
                           .out = &out->out};
    return true;
}

static bool open_conversation(const asked *x, query_conversation *c, error *err) {
    *c = (query_conversation){0};
    return query_conversation_open(&x->job, str_of(query_written_instruction), false, c, err);
}

/* The number that the prompt gives to the passage of a citation. */
static size_t number_of(const query_prompt *p, const query_citation *c) {
    for (size_t i = 0; i < p->told_count; i++) {
        const index_chunk *chunk = &p->told[i]->source.chunk;
        if (chunk->document == c->document_id && str_find(chunk->text, c->quote, 0) != SIZE_MAX)
            return i + 1;
    }
    return 1;
}

static bool make_texts(const bench *b, const asked *x, const query_prompt *p, arena *a,
                       str out[TEXTS], error *err) {
    query_context without = b->q;
    query_options o = {.mode = QUERY_VERBATIM, .threshold = 0};
    query_answer answer;
    text quoted = {0}, cited = {0};
    without.decoder = NULL;
    without.memory = NULL;
    if (!query_ask(&without, x->job.question, &o, NULL, a, &answer, err)) return false;
    for (size_t i = 0; i < answer.sentence_count; i++) {
        const query_sentence *s = &answer.sentences[i];
        str words = s->text;
        text_printf(&quoted, "%s" STR_FMT, i ? " " : "", STR_ARG(words));
        if (str_ends(words, STR("."))) words.n--;
        text_printf(&cited, "%s" STR_FMT " [%zu].", i ? " " : "", STR_ARG(words),
                    number_of(p, &s->citations[0]));
    }
    out[QUOTED] = arena_str(a, text_str(&quoted));
    out[CITED] = arena_str(a, text_str(&cited));
    out[FOREIGN] = b->foreign;
    text_free(&quoted);
    text_free(&cited);
    return true;
}

static size_t to_ids(const bench *b, str s, arena *a, int32_t *ids) {
    engine_token *tokens;
    size_t n;
    engine_tokenize(engine_model_tokenizer(b->q.decoder), s, 0, a, &tokens, &n);
    if (n > MOST_SAID) n = MOST_SAID;
    for (size_t i = 0; i < n; i++) ids[i] = tokens[i].id;
    return n;
}

typedef struct {
    double ms;
    query_reading reading;
    float *logits; /* [n][vocab], kept or compared; NULL: neither */
    bool compare, same;
} replay;

static bool say_all(asked *x, const int32_t *ids, size_t n, bool drafts, replay *r, error *err) {
    query_conversation c;
    x->options.no_drafts = !drafts;
    bool ok = open_conversation(x, &c, err);
    double started = clock_ms();
    r->same = true;
    for (size_t i = 0; ok && i < n; i++) {
        float *row = r->logits ? r->logits + i * c.vocab : NULL;
        if (row && r->compare) {
            r->same = r->same && memcmp(row, c.logits, c.vocab * sizeof *row) == 0;
        } else if (row) {
            memcpy(row, c.logits, c.vocab * sizeof *row);
        }
        ok = query_conversation_say(&c, ids[i], err);
    }
    r->ms = clock_ms() - started;
    r->reading = x->out.reading;
    query_conversation_close(&c);
    return ok;
}

/* ---- over many ----------------------------------------------------------------------------- */

typedef struct {
    size_t said, drafted, accepted, same, timed;
    double with, without; /* ms */
} tally;

static void add_reading(tally *t, const query_reading *r) {
    t->said += r->said_tokens;
    t->drafted += r->drafted_tokens;
    t->accepted += r->accepted_tokens;
}

static bool time_text(const bench *b, asked *x, const int32_t *ids, size_t n, tally *t,
                      error *err) {
    engine_info info;
    engine_model_info(b->q.decoder, &info);
    replay with = {0}, without = {0};
    double best[2] = {1e300, 1e300};
    with.logits = mem_new(n * info.vocab, sizeof *with.logits);
    without.logits = with.logits;
    with.compare = true;
    bool ok = say_all(x, ids, n, false, &without, err) && say_all(x, ids, n, true, &with, err);
    t->same += with.same;
    mem_free(with.logits);
    for (long round = 0; ok && round < b->s->rounds; round++) {
        replay r[2] = {0};
        ok = say_all(x, ids, n, false, &r[0], err) && say_all(x, ids, n, true, &r[1], err);
        for (size_t i = 0; i < 2; i++) best[i] = r[i].ms < best[i] ? r[i].ms : best[i];
    }
    add_reading(t, &with.reading);
    t->without += best[0];
    t->with += best[1];
    t->timed++;
    return ok;
}

static bool play(bench *b, const eval_question *question, bool timed, tally t[TEXTS], error *err) {
    arena *a = arena_new();
    asked x = {0};
    str texts[TEXTS];
    int32_t *ids = arena_alloc(a, MOST_SAID, sizeof *ids);
    query_conversation c = {0};
    bool ok = prepare(b, question->text, a, &x, err) && open_conversation(&x, &c, err);
    if (ok) query_conversation_close(&c); /* the prompt is read, for all that follows */
    ok = ok && make_texts(b, &x, &c.prompt, a, texts, err);
    for (size_t i = 0; ok && i < TEXTS; i++) {
        size_t n = to_ids(b, texts[i], a, ids);
        replay r = {0};
        if (n == 0) continue;
        ok = timed ? time_text(b, &x, ids, n, &t[i], err) : say_all(&x, ids, n, true, &r, err);
        if (ok && !timed) add_reading(&t[i], &r.reading);
    }
    if (ok) {
        arena_free(b->foreign_arena);
        b->foreign_arena = arena_new();
        b->foreign = arena_str(b->foreign_arena, texts[QUOTED]);
    }
    arena_free(a);
    return ok;
}

static bool play_all(bench *b, size_t count, bool timed, error *err) {
    tally t[TEXTS] = {{0}};
    arena *a = arena_new();
    eval_questions chosen;
    bool ok = true;
    eval_squad_choose(json_object_get(b->root, "data"), true, count, a, &chosen);
    b->foreign = (str){0};
    for (size_t i = 0; ok && i < chosen.count; i++) ok = play(b, &chosen.items[i], timed, t, err);
    arena_free(a);
    for (size_t i = 0; ok && i < TEXTS; i++) {
        const tally *x = &t[i];
        double said = (double)x->said, steps = said - (double)x->accepted;
        if (x->said == 0) continue;
        printf("%-8s %zu questions, %zu tokens said: %.1f%% from drafts, %.2f a step, "
               "%.1f%% of %zu drafted",
               text_names[i], chosen.count, x->said, 100 * (double)x->accepted / said, said / steps,
               x->drafted ? 100 * (double)x->accepted / (double)x->drafted : 0, x->drafted);
        if (timed)
            printf("; %.2f ms a token, %.2f without: %.2fx; logits the same in %zu of %zu",
                   x->with / said, x->without / said, x->without / x->with, x->same, x->timed);
        printf("\n");
        fflush(stdout);
    }
    for (size_t i = 0; ok && i < TEXTS; i++)
        if (t[i].same != t[i].timed)
            ok = error_set(err, ERROR_INTERNAL, "drafting has changed logits");
    return ok;
}

/* ---- kept prefixes -------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, size_t n) {
    qsort(v, n, sizeof *v, by_size);
    return n ? v[(n - 1) / 2] : 0;
}

static bool time_opening(asked *x, double *ms, error *err) {
    query_conversation c;
    double started = clock_ms();
    bool ok = open_conversation(x, &c, err);
    *ms = clock_ms() - started;
    query_conversation_close(&c);
    return ok;
}

enum { FIRST, AGAIN, FROM_DISK, WRITING, RATIO, RATIO_DISK, KEPT_FIGURES };

static bool time_kept(bench *b, const eval_question *first, const eval_question *second,
                      const char *path, double out[KEPT_FIGURES], double *bytes, error *err) {
    arena *a = arena_new();
    asked x = {0};
    struct stat st = {0};
    unlink(path);
    b->q.memory = query_memory_new(path);
    bool ok = prepare(b, first->text, a, &x, err) && time_opening(&x, &out[FIRST], err);
    x.job.question = second->text; /* over the same passages */
    ok = ok && time_opening(&x, &out[AGAIN], err);
    double started = clock_ms();
    query_memory_free(b->q.memory);
    out[WRITING] = clock_ms() - started;
    if (ok && stat(path, &st) == 0) *bytes = (double)st.st_size;
    b->q.memory = query_memory_new(path);
    query_memory_watch(b->q.memory, b->q.library);
    ok = ok && time_opening(&x, &out[FROM_DISK], err);
    out[RATIO] = out[AGAIN] / out[FIRST];
    out[RATIO_DISK] = out[FROM_DISK] / out[FIRST];
    query_memory_free(b->q.memory);
    b->q.memory = NULL;
    unlink(path);
    arena_free(a);
    return ok;
}

/* Question i of n, evenly spaced, and the next of its article. */
static bool pair_at(const bench *b, size_t i, size_t n, const eval_question **first) {
    size_t at = i * (b->all.count - 1) / n;
    *first = &b->all.items[at];
    return str_eq(first[0][0].article, first[0][1].article);
}

static bool time_kept_all(bench *b, size_t count, error *err) {
    double *v[KEPT_FIGURES], bytes = 0;
    size_t n = 0;
    bool ok = true;
    text path = {0};
    text_printf(&path, "%s/kept", b->s->folder);
    for (size_t i = 0; i < KEPT_FIGURES; i++) v[i] = mem_new(count, sizeof *v[i]);
    for (size_t i = 0; ok && i < count; i++) {
        const eval_question *pair;
        double out[KEPT_FIGURES];
        if (!pair_at(b, i, count, &pair)) continue;
        ok = time_kept(b, &pair[0], &pair[1], path.p, out, &bytes, err);
        for (size_t k = 0; k < KEPT_FIGURES; k++) v[k][n] = out[k];
        n += ok;
    }
    double m[KEPT_FIGURES];
    for (size_t i = 0; i < KEPT_FIGURES; i++) {
        m[i] = median(v[i], n);
        mem_free(v[i]);
    }
    if (ok)
        printf("kept     %zu pairs, medians: %.0f ms to the first token of a first question, %.0f "
               "of a second over the same passages (%.3f of it), %.0f in a new run (%.3f); %.0f ms "
               "to write %.1f MB\n",
               n, m[FIRST], m[AGAIN], m[RATIO], m[FROM_DISK], m[RATIO_DISK], m[WRITING],
               bytes / 1e6);
    fflush(stdout);
    text_free(&path);
    return ok;
}

static bool prompt_of(const bench *b, str question, arena *a, query_prompt *out, error *err) {
    asked x = {0};
    query_chat chat;
    engine_info info;
    engine_model_info(b->q.decoder, &info);
    return prepare(b, question, a, &x, err) && query_chat_find(&info, NULL, false, &chat, err) &&
           query_prompt_build(&x.job, engine_model_tokenizer(b->q.decoder), &chat,
                              str_of(query_written_instruction), 4096 - MOST_SAID, out, err);
}

static bool compare_pairs(const bench *b, size_t count, error *err) {
    size_t n = 0, same = 0;
    double shared = 0, tokens = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        const eval_question *pair;
        query_prompt p[2];
        arena *a = arena_new();
        if (pair_at(b, i, count, &pair) && (ok = prompt_of(b, pair[0].text, a, &p[0], err) &&
                                                 prompt_of(b, pair[1].text, a, &p[1], err))) {
            size_t k = 0;
            while (k < p[0].count && k < p[1].count && p[0].ids[k] == p[1].ids[k]) k++;
            shared += (double)k / (double)p[1].count;
            tokens += (double)p[1].count;
            same += p[0].shared == p[1].shared && k >= p[0].shared;
            n++;
        }
        arena_free(a);
    }
    if (ok)
        printf("pairs    %zu of neighbouring questions: %.1f%% find the same passages; a second "
               "prompt of %.0f tokens begins like the first for %.1f%% of them, on average\n",
               n, 100 * (double)same / (double)n, tokens / (double)n, 100 * shared / (double)n);
    fflush(stdout);
    return ok;
}

/* ---- setting up ----------------------------------------------------------------------------- */

static bool open_library(bench *b, error *err) {
    eval_run run = {.carrel = b->s->carrel};
    arena *a = arena_new();
    char *documents, *library = arena_cstr(a, arena_printf(a, "%s/squad.db", b->s->folder));
    bool ok = eval_squad_read(b->s->set, &b->root, err);
    const json_t *articles = json_object_get(b->root, "data");
    text_printf(&run.folder, "%s", b->s->folder);
    if (ok && access(library, F_OK) != 0)
        ok = eval_folder(&run, a, "squad", &documents, err) &&
             eval_squad_write(articles, documents, err) &&
             eval_add(&run, a, "squad", documents, &library, err);
    ok = ok && index_open(library, INDEX_READ, &b->q.library, err);
    text_free(&run.folder);
    arena_free(a);
    return ok;
}

static bool run(const settings *s, error *err) {
    bench b = {.s = s};
    arena *a = arena_new();
    embed_model *embedder = NULL;
    embed_reader *reader = NULL;
    engine_model *decoder = NULL;
    bool ok = open_library(&b, err) &&
              embed_model_open("models/carrel-embed.gguf", NULL, &embedder, err) &&
              embed_reader_open("models/carrel-reader.gguf", &reader, err) &&
              engine_model_open(s->decoder, &decoder, err);
    b.q.embedder = embedder;
    b.q.reader = reader;
    b.q.decoder = decoder;
    b.q.threads = pool_new((int)s->threads);
    if (ok) eval_squad_choose(json_object_get(b.root, "data"), true, SIZE_MAX, a, &b.all);
    if (ok && s->pairs) ok = compare_pairs(&b, (size_t)s->pairs, err);
    b.q.memory = query_memory_new(NULL);
    if (ok && s->questions) ok = play_all(&b, (size_t)s->questions, false, err);
    if (ok && s->timed) ok = play_all(&b, (size_t)s->timed, true, err);
    query_memory_free(b.q.memory);
    b.q.memory = NULL;
    if (ok && s->kept) ok = time_kept_all(&b, (size_t)s->kept, err);
    pool_free(b.q.threads);
    if (decoder) engine_model_close(decoder);
    if (reader) embed_reader_close(reader);
    if (embedder) embed_model_close(embedder);
    if (b.q.library) index_close(b.q.library);
    arena_free(b.foreign_arena);
    arena_free(a);
    json_decref(b.root);
    return ok;
}

int main(int argc, char **argv) {
    settings s = {.rounds = 3, .threads = 0};
    error err = {0};
    const struct {
        const char *name;
        const char **text;
        long *number;
    } options[] = {
        {"--decoder", &s.decoder, NULL},     {"--set", &s.set, NULL},
        {"--folder", &s.folder, NULL},       {"--carrel", &s.carrel, NULL},
        {"--questions", NULL, &s.questions}, {"--timed", NULL, &s.timed},
        {"--kept", NULL, &s.kept},           {"--pairs", NULL, &s.pairs},
        {"--rounds", NULL, &s.rounds},       {"--threads", NULL, &s.threads},
    };
    const size_t count = sizeof options / sizeof *options;
    bool ok = argc % 2 == 1;
    for (int i = 1; ok && i < argc; i += 2) {
        size_t k = 0;
        while (k < count && strcmp(options[k].name, argv[i]) != 0) k++;
        ok = k < count;
        if (ok && options[k].text) *options[k].text = argv[i + 1];
        if (ok && options[k].number) *options[k].number = strtol(argv[i + 1], NULL, 10);
    }
    ok = ok && s.decoder && s.set && s.folder && s.carrel && s.questions >= 0 && s.timed >= 0 &&
         s.kept >= 0 && s.pairs >= 0 && s.rounds > 0 && s.threads >= 0;
    if (!ok) {
        fprintf(stderr, "usage: bench_drafts --decoder FILE --set FILE --folder DIR --carrel FILE "
                        "[--questions N] [--timed N] [--kept N] [--pairs N] [--rounds N] "
                        "[--threads N]\n");
        return ERROR_USAGE;
    }
    if (run(&s, &err)) return 0;
    fprintf(stderr, "bench_drafts: %s\n", err.text);
    return (int)err.code;
}
