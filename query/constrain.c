/* The state is the set of places in the passages where everything taken so far has just been
 * matched. It starts as every word's start and only shrinks, so that a step costs no more than the
 * passages have tokens, and no trie needs to be built for passages that live for one question.
 */
#include "query/constrain.h"

#include <string.h>

typedef struct {
    int32_t id;          /* -1 parts two passages */
    uint32_t begin, end; /* bytes of the passage's text */
    const query_passage *of;
    bool starts_word;
} place;

struct query_automaton {
    const engine_tokenizer *tokenizer;
    place *places;
    size_t count;
    size_t *state; /* index of the token that comes next */
    size_t state_count, taken;
};

static bool is_word_start(const engine_tokenizer *t, int32_t id, str source, uint32_t begin) {
    text piece = {0};
    engine_token_put(t, id, false, &piece);
    bool spaced = piece.n > 0 && (piece.p[0] == ' ' || piece.p[0] == '\n');
    text_free(&piece);
    return spaced || begin == 0 || source.p[begin - 1] == ' ' || source.p[begin - 1] == '\n';
}

query_automaton *query_automaton_new(const engine_tokenizer *t,
                                     const query_passage *const *passages, size_t count, arena *a) {
    query_automaton *m = arena_alloc(a, 1, sizeof *m);
    engine_token **tokens = arena_alloc(a, count, sizeof *tokens);
    size_t *n = arena_alloc(a, count, sizeof *n), total = 0;
    for (size_t i = 0; i < count; i++) {
        engine_tokenize(t, passages[i]->source.chunk.text, 0, a, &tokens[i], &n[i]);
        total += n[i] + 1;
    }
    m->tokenizer = t;
    m->places = arena_alloc(a, total, sizeof *m->places);
    m->state = arena_alloc(a, total, sizeof *m->state);
    for (size_t i = 0; i < count; i++) {
        str source = passages[i]->source.chunk.text;
        for (size_t k = 0; k < n[i]; k++) {
            const engine_token *tok = &tokens[i][k];
            bool starts = is_word_start(t, tok->id, source, tok->begin);
            if (starts) m->state[m->state_count++] = m->count;
            m->places[m->count++] = (place){tok->id, tok->begin, tok->end, passages[i], starts};
        }
        m->places[m->count++] = (place){.id = -1, .of = passages[i], .starts_word = true};
    }
    return m;
}

void query_automaton_allow(const query_automaton *m, uint64_t *allowed) {
    size_t vocab = engine_vocab_size(m->tokenizer);
    memset(allowed, 0, (vocab / 64 + 1) * sizeof *allowed);
    bool complete = false;
    for (size_t i = 0; i < m->state_count; i++) {
        const place *next = &m->places[m->state[i]];
        if (next->id >= 0) allowed[next->id / 64] |= 1ull << (next->id % 64);
        if (next->starts_word) complete = true;
    }
    if (m->taken == 0 || !complete) return;
    for (size_t id = 0; id < vocab; id++)
        if (engine_token_is_end(m->tokenizer, (int32_t)id)) allowed[id / 64] |= 1ull << (id % 64);
}

void query_automaton_take(query_automaton *m, int32_t id) {
    size_t kept = 0;
    for (size_t i = 0; i < m->state_count; i++)
        if (m->places[m->state[i]].id == id) m->state[kept++] = m->state[i] + 1;
    m->state_count = kept;
    m->taken++;
}

bool query_automaton_span(const query_automaton *m, const query_passage **p, uint32_t *begin,
                          uint32_t *end) {
    if (m->taken == 0 || m->state_count == 0) return false;
    size_t after = m->state[0];
    const place *first = &m->places[after - m->taken], *last = &m->places[after - 1];
    str source = first->of->source.chunk.text;
    *p = first->of;
    *begin = first->begin;
    *end = last->end;
    /* A token carries the space before its word: what is shown starts at the word. */
    while (*begin < *end && (source.p[*begin] == ' ' || source.p[*begin] == '\n')) (*begin)++;
    return *begin < *end;
}
