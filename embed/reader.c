/* The reader: a question and a passage go through a small bidirectional encoder that gives each
 * token a start and an end logit; the best pairs are the answer spans. "No answer" is the span that
 * starts and ends at [CLS], so that a span's score says how much more the model believes in it than
 * in silence. Method: extractive reading with a null span, as in Devlin et al., "BERT", NAACL 2019,
 * section 4.3 (SQuAD 2.0). A third logit, on the first token of each sentence, says whether the
 * sentence answers, against the same [CLS].
 *
 * Input: [CLS] question [SEP] passage [SEP], with the types of mark.h.
 *
 * Spans are given as bytes of the passage, on word bounds: what is shown is cut from the page and
 * never put together from tokens.
 */
#include "embed/embed.h"
#include "embed/mark.h"

#include <math.h>
#include <string.h>

#define MOST_QUESTION_TOKENS 64 /* a longer question leaves its tail out, the passage needs room */
#define MOST_SPAN_TOKENS 30 /* longer spans were not in the training data; a sentence says more */
#define MOST_STARTS 24      /* starts looked at for each window; the best end goes with each */
#define WINDOW_OVERLAP 64   /* tokens: an answer on a cut is whole in one of the windows */
#define MOST_STOP_WORDS 4096
#define SMALLEST_CONTEXT (MOST_QUESTION_TOKENS + 2 * WINDOW_OVERLAP)

struct embed_reader {
    engine_gguf *file;
    engine_tokenizer *tokenizer;
    engine_encoder *encoder;
    int32_t cls, sep;
    embed_stop_words stop;
    str *stop_words; /* stop.items, borrowed from the mapping */
};

/* ---- opening ------------------------------------------------------------------------------ */

static bool read_stop_words(embed_reader *r, error *err) {
    static const char key[] = "carrel-reader.stop_words";
    size_t n = engine_gguf_array_count(r->file, key);
    if (n > MOST_STOP_WORDS)
        return error_set(err, ERROR_MODEL, STR_FMT ": %s has %zu entries, at most %d are allowed",
                         STR_ARG(engine_gguf_path(r->file)), key, n, MOST_STOP_WORDS);
    r->stop_words = mem_new(n, sizeof *r->stop_words);
    r->stop = (embed_stop_words){r->stop_words, n};
    for (size_t i = 0; i < n; i++) engine_gguf_array_str(r->file, key, i, &r->stop_words[i]);
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
    engine_encoder_info info;
    engine_encoder_describe(r->encoder, &info);
    if (info.types != EMBED_TYPES || info.outputs != ENGINE_SPAN_OUTPUTS)
        return error_set(err, ERROR_MODEL,
                         STR_FMT
                         ": a reader of another version of Carrel: it has %u token types and "
                         "%u outputs, %d and %d are needed",
                         STR_ARG(engine_gguf_path(r->file)), info.types, info.outputs, EMBED_TYPES,
                         ENGINE_SPAN_OUTPUTS);
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

/* logits: [1 + ...][ENGINE_SPAN_OUTPUTS] of the whole input; the passage's tokens start at
 * `offset`. */
static void collect_spans(const float *logits, size_t offset, const engine_token *tokens, size_t n,
                          best_spans *best) {
    float null_score = logits[0] + logits[1];
    float taken[MOST_STARTS];
    size_t starts[MOST_STARTS], count = 0;
    for (size_t i = 0; i < n; i++) {
        float s = logits[ENGINE_SPAN_OUTPUTS * (offset + i)];
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
                                         taken[k] + logits[ENGINE_SPAN_OUTPUTS * (offset + j) + 1] -
                                             null_score});
    }
}

/* A sentence on a cut of two windows is scored by the one that has its first token; where both do,
 * by the later one, which has more of what follows. */
static void collect_sentences(const float *logits, size_t offset, const engine_token *tokens,
                              size_t from, size_t n, const embed_word *words, size_t words_n,
                              embed_reading *out) {
    for (size_t w = 0; w < words_n; w++) {
        size_t token = words[w].token;
        if (w > 0 && words[w].sentence == words[w - 1].sentence) continue;
        if (token < from || token >= from + n) continue;
        out->sentences[words[w].sentence] =
            (embed_sentence){tokens[token].begin,
                             logits[ENGINE_SPAN_OUTPUTS * (offset + token - from) + 2] - logits[2]};
    }
}

/* ---- reading ------------------------------------------------------------------------------ */

/* A tokenised text and what `mark` says of its tokens. */
typedef struct {
    engine_token *tokens;
    embed_word *words;
    size_t n, words_n;
    uint8_t *types;
} marked;

static marked cut_words(const embed_reader *r, str s, size_t most, bool split, arena *a) {
    marked m;
    engine_tokenize(r->tokenizer, s, 0, a, &m.tokens, &m.n);
    if (m.n > most) m.n = most;
    embed_mark_words(r->tokenizer, &r->stop, s, m.tokens, m.n, split, a, &m.words, &m.words_n);
    m.types = arena_alloc(a, m.n, 1);
    return m;
}

bool embed_read(const embed_reader *r, pool *p, str question, str passage, size_t limit, arena *a,
                embed_reading *out, error *err) {
    arena *scratch = arena_new();
    marked asked = cut_words(r, question, MOST_QUESTION_TOKENS, false, scratch);
    marked given = cut_words(r, passage, SIZE_MAX, true, scratch);
    embed_mark(asked.words, asked.words_n, given.words, given.words_n, asked.types, given.types);

    size_t offset = asked.n + 2, room = engine_encoder_context(r->encoder) - offset - 1;
    size_t most = offset + (given.n < room ? given.n : room) + 1;
    int32_t *ids = arena_alloc(scratch, most, sizeof *ids);
    uint8_t *types = arena_alloc(scratch, most, 1);
    float *logits = arena_alloc(scratch, ENGINE_SPAN_OUTPUTS * most, sizeof *logits);
    ids[0] = r->cls;
    for (size_t i = 0; i < asked.n; i++) ids[i + 1] = asked.tokens[i].id;
    memcpy(types + 1, asked.types, asked.n);
    ids[offset - 1] = r->sep;

    best_spans best = {arena_alloc(a, limit, sizeof *best.items), 0, limit};
    *out = (embed_reading){.sentence_count =
                               given.words_n ? given.words[given.words_n - 1].sentence + 1 : 0};
    out->sentences = arena_alloc(a, out->sentence_count, sizeof *out->sentences);
    for (size_t i = 0; i < out->sentence_count; i++) /* what has no word is never scored */
        out->sentences[i] = (embed_sentence){UINT32_MAX, -INFINITY};
    bool ok = true;
    for (size_t from = 0; ok && from < given.n;) {
        size_t n = given.n - from < room ? given.n - from : room;
        for (size_t i = 0; i < n; i++) ids[offset + i] = given.tokens[from + i].id;
        memcpy(types + offset, given.types + from, n);
        ids[offset + n] = r->sep;
        types[offset + n] = EMBED_TYPE_MARK;
        const engine_sequence input = {ids, types, offset + n + 1};
        ok = engine_encode_batch(r->encoder, p, &input, 1, logits, err);
        if (ok && limit > 0) collect_spans(logits, offset, given.tokens + from, n, &best);
        if (ok)
            collect_sentences(logits, offset, given.tokens, from, n, given.words, given.words_n,
                              out);
        if (from + n == given.n) break;
        from += n - WINDOW_OVERLAP;
    }
    arena_free(scratch);
    out->spans = best.items;
    out->span_count = best.count;
    return ok;
}
