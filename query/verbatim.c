/* Verbatim answers: the model chooses, the library speaks. What is shown are bytes of a chunk's
 * text, so that nothing can be said that no page says. The built-in reader has scored the spans
 * (query/evidence.c); a decoder that the user brought is held to the passages by an automaton over
 * their tokens (query/constrain.h), and only where the span lies is taken from it.
 */
#include "query/answer.h"

#include "query/conversation.h"
#include "query/constrain.h"

#define INDENT_PT 2.0f /* a row further in than this is indented, as for the chunker */

/* The line before the one at `*at`, which moves to its start; false at the start of the text. */
static bool line_before(str s, size_t *at, str *line) {
    if (*at == 0) return false;
    size_t end = *at - 1; /* the newline */
    *at = end;
    while (*at > 0 && s.p[*at - 1] != '\n') --*at;
    *line = str_cut(s, *at, end);
    return true;
}

static const line_box *box_at(const index_chunk *c, size_t at) {
    for (size_t i = 0; i < c->line_count; i++)
        if (c->lines[i].end > at) return &c->lines[i];
    return NULL;
}

static float left_pt(const index_chunk *c, size_t at) {
    const line_box *b = box_at(c, at);
    return b ? b->at.x0 : 0;
}

/* Without a layout cells left out at a row's end do not move the others; on a page they may. */
static bool fits(const index_chunk *c, size_t at, str row, str head) {
    const line_box *b = box_at(c, at);
    size_t cells = row_cells(row), columns = row_cells(head);
    return cells == columns || (cells < columns && b && b->at.x1 <= 0);
}

/* The nearest head above the blank line at `at`. Rows of one head follow each other. */
static str head_above(const index_chunk *c, size_t at, size_t row_at, str row) {
    str line;
    while (line_before(c->text, &at, &line) && row_cells(line) > 1) {
        if (fits(c, row_at, row, line)) return line;
        if (!line_before(c->text, &at, &line) || line.n > 0) break;
    }
    return (str){0};
}

/* What stands right above the table whose first row is below the blank line at `at`, or whose head is
 * above it. */
static str caption_above(str s, size_t at) {
    str line = {0};
    bool head = line_before(s, &at, &line) && row_cells(line) > 1;
    while (head && at > 1 && s.p[at - 2] == '\n') { /* a head of several rows */
        at--;
        head = line_before(s, &at, &line) && row_cells(line) > 1;
    }
    if (head && !line_before(s, &at, &line)) return (str){0};
    return row_is_caption(line) ? line : (str){0};
}

/* A row alone does not say what its figures mean: the rows above it do. The chunker puts a blank line
 * behind each head, and in front of a table without one, so that no row of data is taken for it. */
static void add_table(const query_candidate *c, query_sentence *s) {
    const index_chunk *chunk = &c->passage->source.chunk;
    str all = chunk->text, line = {0}, section = {0};
    size_t begin = c->begin, end = str_find(all, STR("\n"), begin);
    while (begin > 0 && all.p[begin - 1] != '\n') begin--;
    str row = str_cut(all, begin, end == SIZE_MAX ? all.n : end);
    size_t at = begin, below = begin;
    bool over = false; /* a total ends the part that it sums up */
    if (row_cells(row) < 2 || row_is_section(row)) return;
    for (; line_before(all, &at, &line) && line.n > 0; below = at) {
        if (str_starts(line, STR("Total ")) || str_starts(line, STR("TOTAL "))) over = true;
        if (over || section.n > 0 || !row_is_section(line)) continue;
        size_t pos = 0;
        row_next(line, &pos, &section);
        /* Where the rows of a part stand further in than its name, one that does not is not of it. */
        over = left_pt(chunk, below) > left_pt(chunk, at) + INDENT_PT &&
               left_pt(chunk, begin) <= left_pt(chunk, at) + INDENT_PT;
        if (over) section = (str){0};
    }
    if (line.n > 0) return; /* the table's begin is not in this chunk */
    s->table_head = head_above(chunk, at, begin, row);
    s->table_caption = caption_above(all, at);
    s->table_section = section;
}

static bool add_candidate(query_job *job, const query_candidate *c, error *err) {
    query_citation *citation = arena_alloc(job->a, 1, sizeof *citation);
    if (!query_cite(job->q, c->passage, c->begin, c->end, job->a, citation, err)) return false;
    query_sentence s = {
        .text = citation->quote,
        .verified = true,
        .citations = citation,
        .citation_count = 1,
    };
    add_table(c, &s);
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
