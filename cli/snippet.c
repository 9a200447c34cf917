/* Snippets: the part of a passage that shows why it was found.
 *
 * Words are compared as the search compared them (index_words: folded, stemmed), so that "dose"
 * is bold in "doses". A window of about the wanted length slides over the matching words; the one
 * with most different words of the question wins, then the one with most matches.
 */
#include <string.h>

#include "cli/cli.h"

/* A window of one line or two rarely holds more words than this. */
#define WINDOW_SETS 64u

typedef struct {
    size_t begin, end, stem; /* bytes of the text, place among the question's words */
} match;

static size_t find_matches(str s, str question, arena *a, match **out, size_t *stems) {
    index_word *q, *w;
    size_t q_count, w_count, count = 0;
    index_words(question, (str){0}, a, &q, &q_count);
    index_words(s, (str){0}, a, &w, &w_count);
    bool any = false; /* a question of stop words alone is matched by them */
    for (size_t i = 0; i < q_count; i++) any = any || !q[i].stop;
    *out = arena_alloc(a, w_count + 1, sizeof **out);
    for (size_t j = 0; j < w_count; j++)
        for (size_t i = 0; i < q_count; i++)
            if ((!q[i].stop || !any) && str_eq(q[i].stem, w[j].stem)) {
                if (count > 0 && (*out)[count - 1].end > w[j].begin) {
                    /* Bigrams of scripts without spaces overlap: one longer match. */
                    if ((*out)[count - 1].end < w[j].end) (*out)[count - 1].end = w[j].end;
                } else {
                    (*out)[count++] = (match){w[j].begin, w[j].end, i % WINDOW_SETS};
                }
                break;
            }
    *stems = q_count;
    return count;
}

/* The first match of the best window; count when there is none. */
static size_t best_window(const match *m, size_t count, size_t bytes) {
    size_t best = count, best_value = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t seen = 0;
        size_t different = 0, all = 0;
        for (size_t j = i; j < count && m[j].end - m[i].begin <= bytes; j++, all++) {
            different += !(seen >> m[j].stem & 1);
            seen |= UINT64_C(1) << m[j].stem;
        }
        size_t value = different * 1000 + (all < 999 ? all : 999);
        if (value > best_value) {
            best_value = value;
            best = i;
        }
    }
    return best;
}

static bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Moves a cut to the start of a word within reach, else to a code point. */
static size_t word_start(str s, size_t at, size_t limit) {
    for (size_t i = at; i > 0 && i < limit; i++)
        if (is_space(s.p[i - 1])) return i;
    return utf8_floor(s, at);
}

static size_t word_end(str s, size_t at, size_t limit) {
    for (size_t i = at; i > limit && i < s.n; i--)
        if (is_space(s.p[i])) return i;
    return utf8_floor(s, at);
}

void cli_snippet_find(str s, str question, size_t bytes, arena *a, cli_snippet *out) {
    match *m;
    size_t stems, count = find_matches(s, question, a, &m, &stems);
    size_t first = best_window(m, count, bytes);
    *out = (cli_snippet){.end = s.n};
    if (s.n > bytes) {
        size_t begin = 0;
        if (first < count) {
            /* A third of the room stands before the first match: what leads to it. */
            begin = m[first].begin > bytes / 3 ? m[first].begin - bytes / 3 : 0;
            if (s.n - begin < bytes) begin = s.n - bytes;
            if (begin > 0) begin = word_start(s, begin, m[first].begin);
        }
        size_t end = begin + bytes < s.n ? begin + bytes : s.n;
        if (end < s.n) end = word_end(s, end, begin + bytes / 2);
        out->begin = begin;
        out->end = end;
        out->cut_before = begin > 0;
        out->cut_after = end < s.n;
    }
    for (size_t i = 0; i < count && out->span_count < CLI_SNIPPET_SPANS; i++)
        if (m[i].begin >= out->begin && m[i].end <= out->end)
            out->spans[out->span_count++] = (cli_span){m[i].begin, m[i].end};
}
