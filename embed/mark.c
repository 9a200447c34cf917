/* mark: see mark.h. Hashes instead of strings, so that a million training examples are marked as fast
 * as they are read; two different words fall together once in some billions.
 */
#include "embed/mark.h"

#include <string.h>

enum { PREFIX_LETTERS = 5, MOST_QUESTION_WORDS = 64 };

static bool is_stop_word(const embed_stop_words *stop, str w) {
    for (size_t i = 0; i < stop->count; i++)
        if (str_eq(stop->items[i], w)) return true;
    return false;
}

static bool is_punctuation(uint32_t c) {
    if (c < 0x80)
        return !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
    return (c >= 0xA1 && c <= 0xBF) || (c >= 0x2010 && c <= 0x206F) || (c >= 0x3001 && c <= 0x303F);
}

/* FNV-1a (Fowler, Noll, Vo); never 0. */
static uint32_t hash_of(str s) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < s.n; i++) h = (h ^ (uint8_t)s.p[i]) * 16777619u;
    return h ? h : 1;
}

static str first_letters(str s) {
    size_t at = 0, used;
    for (int letters = 0; letters < PREFIX_LETTERS && at < s.n; letters++, at += used)
        utf8_next(s.p + at, s.n - at, &used);
    return str_cut(s, 0, at);
}

static void hash_word(const engine_tokenizer *t, const embed_stop_words *stop,
                      const engine_token *tokens, text *spelled, embed_word *w) {
    text_clear(spelled);
    for (uint32_t k = 0; k < w->tokens; k++)
        engine_token_put(t, tokens[w->token + k].id, false, spelled);
    str whole = str_trim(text_str(spelled));
    size_t used;
    if (whole.n == 0 || is_punctuation(utf8_next(whole.p, whole.n, &used)) ||
        is_stop_word(stop, whole))
        return;
    w->whole = hash_of(whole);
    w->prefix = hash_of(first_letters(whole));
}

void embed_mark_words(const engine_tokenizer *t, const embed_stop_words *stop, str s,
                      const engine_token *tokens, size_t n, bool split, arena *a, embed_word **out,
                      size_t *count) {
    embed_word *words = arena_alloc(a, n, sizeof *words);
    text spelled = {0};
    size_t at = 0, pos = 0, begin = 0, end = split ? 0 : s.n;
    uint32_t sentence = 0;
    bool first = true;
    for (size_t k = 0; k < n;) {
        size_t last = k;
        while (last + 1 < n && tokens[last + 1].begin == tokens[k].begin) last++;
        while (split && tokens[k].begin >= end && sentence_next(s, &pos, &begin, &end)) {
            if (!first) sentence++;
            first = false;
        }
        words[at] = (embed_word){(uint32_t)k, (uint32_t)(last - k + 1), 0, 0, sentence};
        hash_word(t, stop, tokens, &spelled, &words[at++]);
        k = last + 1;
    }
    text_free(&spelled);
    *out = words;
    *count = at;
}

/* The question's prefixes, each once, and which of them a word is: bit i of the result. */
typedef struct {
    uint32_t prefix[MOST_QUESTION_WORDS], whole[MOST_QUESTION_WORDS];
    size_t count, distinct;
} asked;

static asked asked_words(const embed_word *w, size_t n) {
    asked q = {.count = 0};
    for (size_t i = 0; i < n && q.count < MOST_QUESTION_WORDS; i++) {
        if (w[i].prefix == 0) continue;
        bool again = false;
        for (size_t k = 0; k < q.count; k++) again |= q.prefix[k] == w[i].prefix;
        q.distinct += !again;
        q.prefix[q.count] = w[i].prefix;
        q.whole[q.count++] = w[i].whole;
    }
    return q;
}

static int match(const asked *q, const embed_word *w, uint64_t *seen) {
    int best = 0;
    for (size_t k = 0; w->prefix && k < q->count; k++) {
        if (q->prefix[k] != w->prefix) continue;
        if (best == 0) *seen |= 1ull << k; /* the first of equal prefixes stands for them */
        if (best == 0) best = 1;
        if (q->whole[k] == w->whole) best = 2;
    }
    return best;
}

static size_t coverage(const asked *q, uint64_t seen) {
    size_t n = (size_t)__builtin_popcountll(seen);
    return n == 0 ? 0 : 3 * n <= q->distinct ? 1 : 3 * n <= 2 * q->distinct ? 2 : 3;
}

void embed_mark(const embed_word *question, size_t question_n, const embed_word *passage,
                size_t passage_n, uint8_t *question_types, uint8_t *passage_types) {
    asked q = asked_words(question, question_n);
    uint64_t everywhere = 0;
    for (size_t i = 0, stop; i < passage_n; i = stop) {
        uint64_t seen = 0;
        for (stop = i; stop < passage_n && passage[stop].sentence == passage[i].sentence; stop++)
            match(&q, &passage[stop], &seen);
        everywhere |= seen;
        size_t type = EMBED_TYPE_PASSAGE + coverage(&q, seen);
        for (size_t k = i; k < stop; k++)
            memset(passage_types + (passage[k].token - passage[0].token),
                   (int)type + EMBED_COVERAGES * match(&q, &passage[k], &seen), passage[k].tokens);
    }
    for (size_t i = 0; i < question_n; i++) {
        bool shared = false;
        for (size_t k = 0; k < q.count; k++)
            shared |= (everywhere >> k & 1) && question[i].prefix == q.prefix[k];
        memset(question_types + (question[i].token - question[0].token),
               shared ? EMBED_TYPE_SHARED : EMBED_TYPE_QUESTION, question[i].tokens);
    }
}
