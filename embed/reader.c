/* The reader: a question and a passage go through a small bidirectional encoder that gives each
 * token a start and an end logit; the best pairs are the answer spans. "No answer" is the span that
 * starts and ends at [CLS], so that a span's score says how much more the model believes in it than
 * in silence. Method: extractive reading with a null span, as in Devlin et al., "BERT", NAACL 2019,
 * section 4.3 (SQuAD 2.0).
 *
 * Input: [CLS] question [SEP] passage [SEP]. Token types: 0 [CLS], question and [SEP]; 1 passage;
 * 2 a passage word that also stands in the question, told by its first five letters. The model has
 * learnt to lean on type 2, so the rule here must be the one in models/train.
 *
 * Spans are given as bytes of the passage, on word bounds: what is shown is cut from the page and
 * never put together from tokens.
 */
#include "embed/embed.h"

#include "engine/engine.h"

#include <string.h>

#define MOST_QUESTION_TOKENS 64 /* a longer question leaves its tail out, the passage needs room */
#define MOST_SPAN_TOKENS 30 /* longer spans were not in the training data; a sentence says more */
#define MOST_STARTS 24      /* starts looked at for each window; the best end goes with each */
#define WINDOW_OVERLAP 64   /* tokens: an answer on a cut is whole in one of the windows */
#define PREFIX_LETTERS 5
#define MOST_STOP_WORDS 4096
#define SMALLEST_CONTEXT (MOST_QUESTION_TOKENS + 2 * WINDOW_OVERLAP)

enum { TYPE_QUESTION, TYPE_PASSAGE, TYPE_MATCHED };

struct embed_reader {
    engine_gguf *file;
    engine_tokenizer *tokenizer;
    engine_encoder *encoder;
    int32_t cls, sep;
    size_t stop_count;
    str *stop_words; /* borrowed from the mapping */
};

/* ---- opening ------------------------------------------------------------------------------ */

static bool read_stop_words(embed_reader *r, error *err) {
    static const char key[] = "carrel-reader.stop_words";
    r->stop_count = engine_gguf_array_count(r->file, key);
    if (r->stop_count > MOST_STOP_WORDS)
        return error_set(err, ERROR_MODEL, STR_FMT ": %s has %zu entries, at most %d are allowed",
                         STR_ARG(engine_gguf_path(r->file)), key, r->stop_count, MOST_STOP_WORDS);
    r->stop_words = mem_new(r->stop_count, sizeof *r->stop_words);
    for (size_t i = 0; i < r->stop_count; i++)
        engine_gguf_array_str(r->file, key, i, &r->stop_words[i]);
    return true;
}

static bool check_reader(embed_reader *r, error *err) {
    r->cls = engine_token_special(r->tokenizer, ENGINE_CLS);
    r->sep = engine_token_special(r->tokenizer, ENGINE_SEP);
    if (r->cls < 0 || r->sep < 0)
        return error_set(err, ERROR_MODEL, STR_FMT ": the vocabulary has no [CLS] or no [SEP]",
                         STR_ARG(engine_gguf_path(r->file)));
    if (engine_encoder_context(r->encoder) < SMALLEST_CONTEXT)
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": a context of %u tokens is too short to read "
                                 "with, %d are needed",
                         STR_ARG(engine_gguf_path(r->file)), engine_encoder_context(r->encoder),
                         SMALLEST_CONTEXT);
    return read_stop_words(r, err);
}

bool embed_reader_open(const char *path, embed_reader **out, error *err) {
    embed_reader *r = mem_new(1, sizeof *r);
    if (!engine_gguf_open(path, &r->file, err) ||
        !engine_tokenizer_new(r->file, &r->tokenizer, err) ||
        !engine_encoder_open(r->file, &r->encoder, err) || !check_reader(r, err)) {
        embed_reader_close(r);
        return false;
    }
    *out = r;
    return true;
}

void embed_reader_close(embed_reader *r) {
    if (!r) return;
    mem_free(r->stop_words);
    engine_encoder_close(r->encoder);
    engine_tokenizer_free(r->tokenizer);
    engine_gguf_close(r->file);
    mem_free(r);
}

/* ---- token types -------------------------------------------------------------------------- */

/* A word of a tokenised text: tokens [first, last] share its bytes. */
typedef struct {
    size_t first, last;
    str prefix; /* its first letters, normalised as the tokenizer does; empty: never matches */
} word;

static bool is_stop_word(const embed_reader *r, str w) {
    for (size_t i = 0; i < r->stop_count; i++)
        if (str_eq(r->stop_words[i], w)) return true;
    return false;
}

static bool is_punctuation(uint32_t c) {
    if (c < 0x80)
        return !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
    return (c >= 0xA1 && c <= 0xBF) || (c >= 0x2010 && c <= 0x206F) || (c >= 0x3001 && c <= 0x303F);
}

static str word_prefix(const embed_reader *r, const engine_token *tokens, size_t first, size_t last,
                       arena *a) {
    text spelled = {0};
    for (size_t t = first; t <= last; t++)
        engine_token_put(r->tokenizer, tokens[t].id, false, &spelled);
    str whole = str_trim(text_str(&spelled));
    str prefix = {0};
    size_t used = 0;
    if (whole.n > 0 && !is_punctuation(utf8_next(whole.p, whole.n, &used)) &&
        !is_stop_word(r, whole)) {
        size_t at = 0;
        for (int letters = 0; letters < PREFIX_LETTERS && at < whole.n; letters++) {
            utf8_next(whole.p + at, whole.n - at, &used);
            at += used;
        }
        prefix = arena_str(a, str_cut(whole, 0, at));
    }
    text_free(&spelled);
    return prefix;
}

static word *split_words(const embed_reader *r, const engine_token *tokens, size_t n, arena *a,
                         size_t *count) {
    word *words = arena_alloc(a, n, sizeof *words);
    *count = 0;
    for (size_t t = 0; t < n;) {
        size_t last = t;
        while (last + 1 < n && tokens[last + 1].begin == tokens[t].begin) last++;
        words[(*count)++] = (word){t, last, word_prefix(r, tokens, t, last, a)};
        t = last + 1;
    }
    return words;
}

/* types: [n] of the passage's tokens. */
static void mark_types(const word *passage, size_t passage_words, const word *question,
                       size_t question_words, uint8_t *types) {
    for (size_t w = 0; w < passage_words; w++) {
        uint8_t type = TYPE_PASSAGE;
        for (size_t q = 0; q < question_words && passage[w].prefix.n > 0; q++)
            if (str_eq(passage[w].prefix, question[q].prefix)) type = TYPE_MATCHED;
        memset(types + passage[w].first, type, passage[w].last - passage[w].first + 1);
    }
}

/* ---- spans -------------------------------------------------------------------------------- */

/* The spans found so far, best first, no two alike. */
typedef struct {
    embed_span *items;
    size_t count, limit;
} best_spans;

static void keep_span(best_spans *b, embed_span s) {
    size_t at = 0;
    for (size_t i = 0; i < b->count; i++) {
        if (b->items[i].begin != s.begin || b->items[i].end != s.end) continue;
        if (b->items[i].score >= s.score) return;
        memmove(b->items + i, b->items + i + 1, (b->count - i - 1) * sizeof s);
        b->count--;
        break;
    }
    while (at < b->count && b->items[at].score >= s.score) at++;
    if (at == b->limit) return;
    if (b->count == b->limit) b->count--;
    memmove(b->items + at + 1, b->items + at, (b->count - at) * sizeof s);
    b->items[at] = s;
    b->count++;
}

/* logits: [1 + ...][2] of the whole input; the passage's tokens start at `offset`. */
static void collect_spans(const float *logits, size_t offset, const engine_token *tokens, size_t n,
                          best_spans *best) {
    float null_score = logits[0] + logits[1];
    float taken[MOST_STARTS];
    size_t starts[MOST_STARTS], count = 0;
    for (size_t i = 0; i < n; i++) {
        float s = logits[2 * (offset + i)];
        size_t at = count < MOST_STARTS ? count++ : MOST_STARTS;
        if (at == MOST_STARTS) {
            if (s <= taken[MOST_STARTS - 1]) continue;
            at = MOST_STARTS - 1;
        }
        while (at > 0 && taken[at - 1] < s) {
            taken[at] = taken[at - 1];
            starts[at] = starts[at - 1];
            at--;
        }
        taken[at] = s;
        starts[at] = i;
    }
    for (size_t k = 0; k < count; k++) {
        size_t i = starts[k], stop = i + MOST_SPAN_TOKENS < n ? i + MOST_SPAN_TOKENS : n;
        for (size_t j = i; j < stop; j++)
            keep_span(best, (embed_span){tokens[i].begin, tokens[j].end,
                                         taken[k] + logits[2 * (offset + j) + 1] - null_score});
    }
}

bool embed_read(const embed_reader *r, pool *p, str question, str passage, size_t limit, arena *a,
                embed_span **out, size_t *count, error *err) {
    arena *scratch = arena_new();
    engine_token *asked, *given;
    size_t asked_n, given_n, asked_words, given_words;
    engine_tokenize(r->tokenizer, question, 0, scratch, &asked, &asked_n);
    if (asked_n > MOST_QUESTION_TOKENS) asked_n = MOST_QUESTION_TOKENS;
    engine_tokenize(r->tokenizer, passage, 0, scratch, &given, &given_n);
    word *qw = split_words(r, asked, asked_n, scratch, &asked_words);
    word *pw = split_words(r, given, given_n, scratch, &given_words);
    uint8_t *passage_types = arena_alloc(scratch, given_n, 1);
    mark_types(pw, given_words, qw, asked_words, passage_types);

    size_t offset = asked_n + 2, room = engine_encoder_context(r->encoder) - offset - 1;
    size_t most = offset + (given_n < room ? given_n : room) + 1;
    int32_t *ids = arena_alloc(scratch, most, sizeof *ids);
    uint8_t *types = arena_alloc(scratch, most, 1);
    float *logits = arena_alloc(scratch, 2 * most, sizeof *logits);
    ids[0] = r->cls;
    for (size_t i = 0; i < asked_n; i++) ids[i + 1] = asked[i].id;
    ids[offset - 1] = r->sep;

    best_spans best = {arena_alloc(a, limit, sizeof *best.items), 0, limit};
    bool ok = true;
    for (size_t from = 0; ok && from < given_n;) {
        size_t n = given_n - from < room ? given_n - from : room;
        for (size_t i = 0; i < n; i++) ids[offset + i] = given[from + i].id;
        memcpy(types + offset, passage_types + from, n);
        ids[offset + n] = r->sep;
        types[offset + n] = TYPE_QUESTION;
        const engine_sequence input = {ids, types, offset + n + 1};
        ok = engine_encode_batch(r->encoder, p, &input, 1, logits, err);
        if (ok && limit > 0) collect_spans(logits, offset, given + from, n, &best);
        if (from + n == given_n) break;
        from += n - WINDOW_OVERLAP;
    }
    arena_free(scratch);
    *out = best.items;
    *count = best.count;
    return ok;
}
