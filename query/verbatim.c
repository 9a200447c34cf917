/* Verbatim answers: the model chooses, the library speaks. What is shown are bytes of a chunk's
 * text, so that nothing can be said that no page says. The built-in reader has scored the spans
 * (query/evidence.c); a decoder that the user brought is held to the passages by an automaton over
 * their tokens (query/constrain.h), and only where the span lies is taken from it.
 */
#include "query/answer.h"

#include "query/conversation.h"
#include "query/constrain.h"

#define CELL_MARK STR(" | ")

/* Bytes [begin, end) of the line before `at`; false at the start of the text. */
static bool line_before(str s, size_t at, size_t *begin, size_t *end) {
    if (at == 0) return false;
    *end = at - 1; /* the newline */
    *begin = *end;
    while (*begin > 0 && s.p[*begin - 1] != '\n') (*begin)--;
    return true;
}

/* A row alone does not say what its figures mean: the first row of its table does. */
static str table_head(const query_candidate *c) {
    str s = c->passage->source.chunk.text, head = {0};
    if (str_find(str_cut(s, c->begin, c->end), CELL_MARK, 0) == SIZE_MAX) return head;
    size_t begin = c->begin, end;
    while (begin > 0 && s.p[begin - 1] != '\n') begin--;
    while (line_before(s, begin, &begin, &end)) {
        str line = str_cut(s, begin, end);
        if (str_find(line, CELL_MARK, 0) == SIZE_MAX) break;
        head = line;
    }
    return head;
}

static bool add_candidate(query_job *job, const query_candidate *c, error *err) {
    query_citation *citation = arena_alloc(job->a, 1, sizeof *citation);
    if (!query_cite(job->q, c->passage, c->begin, c->end, job->a, citation, err)) return false;
    query_sentence s = {
        .text = citation->quote,
        .verified = true,
        .table_head = table_head(c),
        .citations = citation,
        .citation_count = 1,
    };
    if (c->has_span) {
        s.bold_begin = c->span.begin - c->begin;
        s.bold_end = c->span.end - c->begin;
    }
    query_add_sentence(job, &s);
    return true;
}

/* The sentence where a decoder's span starts comes first, with that span. */
static void prefer_span(query_job *job, const query_passage *p, uint32_t begin, uint32_t end) {
    const query_evidence *e = job->evidence;
    for (size_t i = 0; i < e->count; i++) {
        query_candidate chosen = e->candidates[i];
        if (chosen.passage != p || begin < chosen.begin || begin >= chosen.end) continue;
        chosen.has_span = true;
        chosen.span.begin = begin;
        chosen.span.end = end < chosen.end ? end : chosen.end;
        for (size_t k = i; k > 0; k--) e->candidates[k] = e->candidates[k - 1];
        e->candidates[0] = chosen;
        return;
    }
}

/* A copy of the passages' words, chosen token by token by the decoder. */
static bool decode_span(query_job *job, error *err) {
    static const char instruction[] =
        "Copy from the passages the few words that answer the question, and nothing else.";
    const engine_tokenizer *t = engine_model_tokenizer(job->q->decoder);
    size_t vocab = engine_vocab_size(t);
    query_conversation c = {0};
    engine_sampler *sampler = NULL;
    bool ok = false;
    if (!query_conversation_open(job, STR(instruction), false, &c, err)) goto done;
    query_automaton *automaton = query_automaton_new(t, c.prompt.told, c.prompt.told_count, job->a);
    sampler = engine_sampler_new(&job->options->sampling, vocab);
    uint64_t *allowed = arena_alloc(job->a, vocab / 64 + 1, sizeof *allowed);
    for (uint32_t i = 0; i < job->options->max_tokens; i++) {
        if (query_cancelled(job)) {
            error_set(err, ERROR_CANCELLED, "the question was cancelled");
            goto done;
        }
        query_automaton_allow(automaton, allowed);
        int32_t id = engine_sample(sampler, c.logits, allowed);
        if (id < 0 || engine_token_is_end(t, id)) break;
        query_automaton_take(automaton, id);
        if (!query_conversation_say(&c, id, err)) goto done;
    }
    const query_passage *p;
    uint32_t begin, end;
    if (query_automaton_span(automaton, &p, &begin, &end)) prefer_span(job, p, begin, end);
    ok = true;
done:
    engine_sampler_free(sampler);
    query_conversation_close(&c);
    return ok;
}

bool query_answer_verbatim(query_job *job, error *err) {
    if (job->q->decoder && !decode_span(job, err)) return false;
    const query_evidence *e = job->evidence;
    for (size_t i = 0; i < e->count && i < job->options->sentences; i++)
        if (!add_candidate(job, &e->candidates[i], err)) return false;
    const query_candidate *first = &e->candidates[0];
    str text_ = first->passage->source.chunk.text;
    job->out->answer = first->has_span ? str_cut(text_, first->span.begin, first->span.end)
                                       : str_cut(text_, first->begin, first->end);
    return true;
}
