/* rows: see rows.h.
 *
 * Questions come from qa_train.jsonl, one context for all that ask about it, contexts of one title linked
 * in the order of the file. Running text is cut at its own document bounds. The index of rare words is
 * what distractors are found by.
 */
#include "models/train/rows.h"

#include "models/train/common.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LONGEST_DOCUMENT = 24 << 10, /* bytes of a running text; a book is cut into many */
    SHORTEST_DOCUMENT = 600,     /* below that there is no passage and no question about it */
    MOST_ROWS = 1 << 19          /* the corpus has a third of it */
};

#define S(x) \
    { x, sizeof x - 1 }
const str rows_stop_words[] = {
    S("a"),      S("about"),   S("above"),   S("after"),  S("again"),  S("all"),   S("also"),
    S("am"),     S("an"),      S("and"),     S("any"),    S("are"),    S("as"),    S("at"),
    S("be"),     S("because"), S("been"),    S("before"), S("being"),  S("below"), S("between"),
    S("both"),   S("but"),     S("by"),      S("can"),    S("could"),  S("d"),     S("did"),
    S("do"),     S("does"),    S("doing"),   S("down"),   S("during"), S("each"),  S("few"),
    S("for"),    S("from"),    S("further"), S("had"),    S("has"),    S("have"),  S("having"),
    S("he"),     S("her"),     S("here"),    S("hers"),   S("him"),    S("his"),   S("how"),
    S("i"),      S("if"),      S("in"),      S("into"),   S("is"),     S("it"),    S("its"),
    S("itself"), S("just"),    S("ll"),      S("m"),      S("many"),   S("may"),   S("me"),
    S("might"),  S("more"),    S("most"),    S("much"),   S("must"),   S("my"),    S("no"),
    S("nor"),    S("not"),     S("of"),      S("off"),    S("on"),     S("once"),  S("one"),
    S("only"),   S("or"),      S("other"),   S("our"),    S("out"),    S("over"),  S("own"),
    S("please"), S("re"),      S("s"),       S("same"),   S("shall"),  S("she"),   S("should"),
    S("so"),     S("some"),    S("such"),    S("t"),      S("tell"),   S("than"),  S("that"),
    S("the"),    S("their"),   S("them"),    S("then"),   S("there"),  S("these"), S("they"),
    S("this"),   S("those"),   S("through"), S("to"),     S("too"),    S("under"), S("until"),
    S("up"),     S("upon"),    S("us"),      S("ve"),     S("very"),   S("was"),   S("we"),
    S("were"),   S("what"),    S("when"),    S("where"),  S("which"),  S("while"), S("who"),
    S("whom"),   S("whose"),   S("why"),     S("will"),   S("with"),   S("would"), S("you"),
    S("your"),
};
const size_t rows_stop_word_count = sizeof rows_stop_words / sizeof *rows_stop_words;

/* Parts of the sources that are seen in one pass; what is not named is seen whole. QAMR's contexts are
 * single sentences, ROPES needs reasoning over two texts, MedQuAD answers with first sentences. */
static const struct {
    const char *source;
    float answerable, unanswerable;
} shares[] = {
    {"squad1.1-train-swapped", 1, .8f},
    {"squad1.1-train", 1, 1},
    {"qamr", .4f, 0},
    {"ropes-train", .08f, 0},
    {"ropes-dev", .1f, 0},
    {"medquad-notfound", 0, .3f},
    {"medquad", .35f, .3f},
    {"factbook-notfound", 0, .5f},
    {"factbook", .5f, .5f},
    {"opentriviaqa", 0, .15f},
    {"covid-qa", .8f, .3f},
    {"2wikimultihop", .5f, .3f},
};

static float share_of(const char *source, bool answerable) {
    if (strstr(source, "glossary")) return .5f;
    if (strstr(source, "qheading")) return .4f;
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        if (strncmp(source, shares[i].source, strlen(shares[i].source)) == 0)
            return answerable ? shares[i].answerable : shares[i].unanswerable;
    return answerable ? 1 : .3f;
}

/* ---- texts ---------------------------------------------------------------------------------- */

/* tokens: for who must know where they stood; may be NULL. */
static rows_text read_text(const rows_data *d, str s, bool split, arena *scratch,
                           engine_token **tokens) {
    engine_token *t;
    size_t n, words_n;
    embed_word *words;
    rows_text out = {.before = NO_TEXT, .after = NO_TEXT};
    engine_tokenize(d->tokenizer, s, 0, scratch, &t, &n);
    embed_mark_words(d->tokenizer, &d->stop, s, t, n, split, scratch, &words, &words_n);
    out.n = (uint32_t)n;
    out.word_n = (uint32_t)words_n;
    out.ids = arena_alloc(d->memory, n, sizeof *out.ids);
    out.words = arena_alloc(d->memory, words_n, sizeof *out.words);
    for (size_t i = 0; i < n; i++) out.ids[i] = (uint16_t)t[i].id;
    memcpy(out.words, words, words_n * sizeof *words);
    if (tokens) *tokens = t;
    return out;
}

/* Numbers of strings, in the order in which they came. */
typedef struct {
    struct slot {
        uint64_t hash;
        uint32_t number;
    } * slots;
    size_t size, count;
} numbering;

static uint32_t number_of(numbering *m, str s, bool *is_new) {
    uint64_t h = train_hash(s);
    size_t at = h % m->size;
    while (m->slots[at].hash && m->slots[at].hash != h) at = (at + 1) % m->size;
    *is_new = m->slots[at].hash == 0;
    if (*is_new) m->slots[at] = (struct slot){h, (uint32_t)m->count++};
    return m->slots[at].number;
}

static size_t byte_of(str s, size_t character) {
    size_t at = 0, used;
    while (character-- > 0 && at < s.n) {
        utf8_next(s.p + at, s.n - at, &used);
        at += used;
    }
    return at;
}

static void find_answer(const rows_text *context, const engine_token *tokens, size_t begin,
                        size_t end, rows_row *r) {
    for (uint32_t w = 0; w < context->word_n; w++) {
        const engine_token *t = &tokens[context->words[w].token];
        if (t->end <= begin || t->begin >= end) continue;
        if (r->first == r->end) r->first = w;
        r->end = w + 1;
    }
}

/* ---- the questions -------------------------------------------------------------------------- */

typedef struct {
    rows_data *d;
    numbering contexts, titles;
    uint32_t *last_of_title; /* context that came last, or NO_TEXT */
    engine_token **places;   /* of each context's tokens */
    arena *scratch;
} question_reader;

static uint32_t context_of(question_reader *q, const json_t *row, str source, uint32_t *title) {
    rows_data *d = q->d;
    bool is_new, new_title;
    str text_of = train_string(row, "context"), name = train_string(row, "title");
    uint32_t c = number_of(&q->contexts, text_of, &is_new);
    str key =
        arena_printf(q->scratch, "%.5s " STR_FMT, source.p, STR_ARG(name.n > 0 ? name : text_of));
    *title = number_of(&q->titles, key, &new_title);
    if (new_title) q->last_of_title[*title] = NO_TEXT;
    if (!is_new) return c;
    d->contexts[c] = read_text(d, text_of, true, q->scratch, &q->places[c]);
    d->contexts[c].held = json_is_true(json_object_get(row, "held"));
    uint32_t before = name.n > 0 ? q->last_of_title[*title] : NO_TEXT;
    d->contexts[c].before = before;
    if (before != NO_TEXT) d->contexts[before].after = c;
    q->last_of_title[*title] = c;
    d->context_n = q->contexts.count;
    return c;
}

static void read_row(void *reader, const json_t *row) {
    question_reader *q = reader;
    rows_data *d = q->d;
    if (d->row_n == MOST_ROWS || q->contexts.count == MOST_ROWS || q->titles.count == MOST_ROWS)
        return;
    str source = train_string(row, "source"), type = train_string(row, "type");
    bool answerable = str_eq(type, STR("span"));
    if (!answerable && !str_eq(type, STR("unanswerable"))) return;
    rows_row r = {.share = share_of(source.p, answerable)};
    r.held = json_is_true(json_object_get(row, "held"));
    r.context = context_of(q, row, source, &r.title);
    if (answerable) {
        str context = train_string(row, "context"), answer = train_string(row, "answer");
        size_t at = (size_t)json_integer_value(json_object_get(row, "answer_start"));
        size_t begin = byte_of(context, at);
        find_answer(&d->contexts[r.context], q->places[r.context], begin, begin + answer.n, &r);
        if (r.first == r.end) return;
    }
    arena *a = arena_new();
    r.question = read_text(d, train_string(row, "question"), false, a, NULL);
    arena_free(a);
    if (r.question.n == 0 || d->contexts[r.context].word_n == 0) return;
    d->rows[d->row_n++] = r;
}

static bool read_questions(rows_data *d, const char *work, error *err) {
    question_reader q = {.d = d, .scratch = arena_new()};
    q.contexts = (numbering){mem_new(2 * MOST_ROWS, sizeof *q.contexts.slots), 2 * MOST_ROWS, 0};
    q.titles = (numbering){mem_new(2 * MOST_ROWS, sizeof *q.titles.slots), 2 * MOST_ROWS, 0};
    q.last_of_title = mem_new(MOST_ROWS, sizeof *q.last_of_title);
    q.places = mem_new(MOST_ROWS, sizeof *q.places);
    d->contexts = arena_alloc(d->memory, MOST_ROWS, sizeof *d->contexts);
    d->rows = arena_alloc(d->memory, MOST_ROWS, sizeof *d->rows);
    bool ok = train_lines(work, "qa_train.jsonl", read_row, &q, err);
    mem_free(q.contexts.slots);
    mem_free(q.titles.slots);
    mem_free(q.last_of_title);
    mem_free(q.places);
    arena_free(q.scratch);
    size_t held = 0;
    for (size_t i = 0; i < d->row_n; i++) held += d->rows[i].held;
    if (ok && (held == 0 || held == d->row_n))
        ok = error_set(err, ERROR_INPUT,
                       "%s/qa_train.jsonl: %zu of %zu questions are held for "
                       "measuring; some must be, and some not",
                       work, held, d->row_n);
    return ok;
}

/* ---- running text --------------------------------------------------------------------------- */

static bool read_whole(const char *path, text *out, error *err) {
    FILE *f = fopen(path, "r");
    if (!f) return error_set(err, ERROR_NOT_FOUND, "%s cannot be read", path);
    char buffer[1 << 16];
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, f)) > 0;) text_put(out, (str){buffer, n});
    fclose(f);
    return true;
}

/* Every step-th document of s, from one that `skip` chooses. */
static void take_documents(rows_data *d, str s, size_t step, size_t skip, size_t most) {
    size_t number = skip;
    for (size_t at = 0; at < s.n && d->running_n < most;) {
        size_t end = str_find(s, STR("\n\n\n"), at);
        if (end == SIZE_MAX) end = s.n;
        for (size_t from = at, to; from < end; from = to) {
            to = end - from > LONGEST_DOCUMENT ? str_find(s, STR("\n"), from + LONGEST_DOCUMENT)
                                               : end;
            if (to > end) to = end;
            if (to - from < SHORTEST_DOCUMENT || number++ % step != 0) continue;
            arena *a = arena_new();
            d->running[d->running_n] = read_text(d, str_cut(s, from, to), true, a, NULL);
            arena_free(a);
            if (++d->running_n == most) break;
        }
        at = end + 3;
    }
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool read_running(rows_data *d, const char *folder, size_t bytes, size_t skip, error *err) {
    enum { MOST_DOCUMENTS = 1 << 18 };
    char *names[ROWS_MOST_DOMAINS];
    size_t n = 0, all = 0;
    DIR *dir = opendir(folder);
    if (!dir) return error_set(err, ERROR_NOT_FOUND, "%s cannot be read", folder);
    for (struct dirent *e; (e = readdir(dir)) && n < ROWS_MOST_DOMAINS;)
        if (str_ends(str_of(e->d_name), STR(".txt")))
            names[n++] = arena_cstr(d->memory, arena_printf(d->memory, "%s/%s", folder, e->d_name));
    closedir(dir);
    qsort(names, n, sizeof *names, by_name);
    d->running = arena_alloc(d->memory, MOST_DOCUMENTS, sizeof *d->running);
    text *texts = mem_new(n, sizeof *texts);
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        ok = read_whole(names[i], &texts[i], err);
        all += texts[i].n;
    }
    size_t step = bytes > 0 ? all / bytes + 1 : 0;
    for (size_t i = 0; ok && step > 0 && i < n; i++) {
        take_documents(d, text_str(&texts[i]), step, skip, MOST_DOCUMENTS);
        d->domains[++d->domain_n] = d->running_n;
    }
    for (size_t i = 0; i < n; i++) text_free(&texts[i]);
    mem_free(texts);
    return ok;
}

/* ---- the index ------------------------------------------------------------------------------ */

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void build_index(rows_data *d) {
    size_t n = 0, kept = 0;
    for (size_t c = 0; c < d->context_n; c++) n += d->contexts[c].word_n;
    uint64_t *pairs = mem_new(n, sizeof *pairs);
    n = 0;
    for (size_t c = 0; c < d->context_n; c++)
        for (size_t w = 0; w < d->contexts[c].word_n; w++)
            if (d->contexts[c].words[w].prefix)
                pairs[n++] = (uint64_t)d->contexts[c].words[w].prefix << 32 | c;
    qsort(pairs, n, sizeof *pairs, by_number);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || pairs[i] != pairs[i - 1]) pairs[kept++] = pairs[i];
    d->postings = arena_alloc(d->memory, kept, sizeof *d->postings);
    d->index = arena_alloc(d->memory, kept, sizeof *d->index);
    for (size_t i = 0; i < kept; i++) {
        uint32_t prefix = (uint32_t)(pairs[i] >> 32);
        d->postings[i] = (uint32_t)pairs[i];
        if (d->index_n == 0 || d->index[d->index_n - 1].prefix != prefix)
            d->index[d->index_n++] = (rows_posting){prefix, (uint32_t)i, 0};
        d->index[d->index_n - 1].count++;
    }
    mem_free(pairs);
}

const rows_posting *rows_find(const rows_data *d, uint32_t prefix) {
    size_t low = 0, high = d->index_n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (d->index[mid].prefix < prefix)
            low = mid + 1;
        else
            high = mid;
    }
    return low < d->index_n && d->index[low].prefix == prefix ? &d->index[low] : NULL;
}

double rows_idf(const rows_data *d, uint32_t prefix) {
    if (prefix == 0) return 0;
    const rows_posting *p = rows_find(d, prefix);
    return log((double)d->context_n / (p ? p->count + 1.0 : 1.0));
}

/* ---- all of it ------------------------------------------------------------------------------ */

bool rows_load(const char *work, size_t running_bytes, size_t skip, rows_data *out, error *err) {
    char vocabulary[4096], running[4096];
    *out = (rows_data){.memory = arena_new(), .stop = {rows_stop_words, rows_stop_word_count}};
    if (!train_path(work, "initial.gguf", vocabulary, sizeof vocabulary, err) ||
        !train_path(work, "text", running, sizeof running, err) ||
        !engine_gguf_open(vocabulary, &out->file, err) ||
        !engine_tokenizer_new(out->file, &out->tokenizer, err))
        return false;
    if (engine_vocab_size(out->tokenizer) > UINT16_MAX)
        return error_set(err, ERROR_MODEL, "%s: more pieces than 16 bits number", vocabulary);
    if (!read_questions(out, work, err) ||
        (running_bytes > 0 && !read_running(out, running, running_bytes, skip, err)))
        return false;
    build_index(out);
    return true;
}

void rows_free(rows_data *d) {
    engine_tokenizer_free(d->tokenizer);
    engine_gguf_close(d->file);
    arena_free(d->memory);
    *d = (rows_data){0};
}
