/* Written answers: a decoder writes sentence by sentence with [n], and each sentence is checked
 * against its passage the moment the next one begins (query/check.c). What fails is shown with a
 * mark and the reason, or dropped when the user asked to be strict. What a reasoning model thinks
 * before it answers is told apart (query/thinking.h) and has a length of its own.
 */
#include "query/answer.h"

#include "query/conversation.h"
#include "query/check.h"
#include "query/thinking.h"

const char query_written_instruction[] =
    "You answer a question from numbered passages of documents, and from nothing else. Write one "
    "to three short sentences. Behind each sentence put the number of its passage, like [1]. Keep "
    "numbers and units exactly as they stand. If the passages do not answer the question, write: "
    "Not in these documents.";

static bool is_refusal(str s) {
    return str_starts(s, STR("Not in these documents"));
}

/* Sentences of `written` from *done on are final when another has begun, or at the end. */
static bool finish_sentences(query_job *job, const text *written, bool at_end,
                             const query_prompt *prompt, size_t *done, error *err) {
    for (;;) {
        size_t pos = *done, begin, end, next_begin, next_end;
        if (!sentence_next(text_str(written), &pos, &begin, &end)) return true;
        size_t after = pos;
        if (!at_end && !sentence_next(text_str(written), &pos, &next_begin, &next_end)) return true;
        str s = arena_str(job->a, str_cut(text_str(written), begin, end));
        *done = after;
        if (is_refusal(s)) continue;
        query_sentence checked;
        if (!query_check_sentence(job, s, prompt->told, prompt->told_count, &checked, err))
            return false;
        if (checked.text.n == 0 || (job->options->strict && !checked.verified)) continue;
        query_add_sentence(job, &checked);
    }
}

/* Only whole code points go out; a token can end in the middle of one. */
static void tell_piece(void (*event)(void *, str), void *context, const text *written,
                       size_t *told_bytes) {
    if (!event) return;
    size_t whole = written->n, used = 0;
    size_t last = utf8_floor(text_str(written), whole > 0 ? whole - 1 : 0);
    if (last < whole && utf8_next(written->p + last, whole - last, &used) == UTF8_REPLACEMENT)
        whole = last;
    if (whole <= *told_bytes) return;
    event(context, str_cut(text_str(written), *told_bytes, whole));
    *told_bytes = whole;
}

/* A reply as it comes. */
typedef struct {
    query_conversation conversation;
    query_thinking thinking;
    text thought, written;
    size_t thought_told, written_told; /* bytes */
    size_t done;                       /* bytes of `written` whose sentences are checked */
} reply;

static bool hear(query_job *job, reply *r, int32_t id, error *err) {
    const query_events *e = job->events;
    text piece = {0};
    query_conversation_put(&r->conversation, id, &piece);
    query_thinking_take(&r->thinking, text_str(&piece), &r->thought, &r->written);
    text_free(&piece);
    tell_piece(e->thinking, e->context, &r->thought, &r->thought_told);
    tell_piece(e->piece, e->context, &r->written, &r->written_told);
    return finish_sentences(job, &r->written, false, &r->conversation.prompt, &r->done, err);
}

/* Tokens until the model ends or has written enough; thinking and answer are counted apart. */
static bool listen(query_job *job, reply *r, engine_sampler *sampler, error *err) {
    query_conversation *c = &r->conversation;
    uint32_t thought = 0, answered = 0;
    bool closed = false;
    while (answered < job->options->max_tokens) {
        if (query_cancelled(job))
            return error_set(err, ERROR_CANCELLED, "the question was cancelled");
        int32_t id = engine_sample(sampler, c->logits, NULL);
        if (id < 0 || engine_token_is_end(c->tokenizer, id)) break;
        bool inside = r->thinking.state == THINKING_INSIDE;
        if (!hear(job, r, id, err)) return false;
        if (!query_conversation_say(c, id, err)) return false;
        inside = inside || r->thinking.state == THINKING_INSIDE;
        thought += inside;
        answered += !inside;
        if (r->thinking.state != THINKING_INSIDE || thought < c->thinking_tokens) continue;
        if (closed) break; /* it does nothing but think */
        closed = true;
        query_thinking_close(&r->thinking, &r->thought);
        if (!query_conversation_end_thinking(c, err)) return false;
    }
    query_thinking_finish(&r->thinking, &r->thought, &r->written);
    return true;
}

bool query_answer_written(query_job *job, error *err) {
    const engine_tokenizer *t = engine_model_tokenizer(job->q->decoder);
    engine_sampler *sampler = engine_sampler_new(&job->options->sampling, engine_vocab_size(t));
    reply r = {0};
    bool ok = query_conversation_open(job, str_of(query_written_instruction),
                                      !job->options->no_thinking, &r.conversation, err);
    query_thinking_start(&r.thinking, ok && r.conversation.chat.opened);
    ok = ok && listen(job, &r, sampler, err) &&
         finish_sentences(job, &r.written, true, &r.conversation.prompt, &r.done, err);
    if (ok) job->out->thinking = str_trim(arena_str(job->a, text_str(&r.thought)));
    /* What no passage bears out stands among the sentences, marked; it is never the answer. */
    for (size_t i = 0; ok && i < job->out->sentence_count && job->out->answer.n == 0; i++)
        if (job->out->sentences[i].verified) job->out->answer = job->out->sentences[i].text;
    query_thinking_free(&r.thinking);
    text_free(&r.thought);
    text_free(&r.written);
    engine_sampler_free(sampler);
    query_conversation_close(&r.conversation);
    return ok;
}
