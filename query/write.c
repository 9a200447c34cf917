/* Written answers: a decoder writes sentence by sentence with [n], and each sentence is checked
 * against its passage the moment the next one begins (query/check.c). What fails is shown with a
 * mark and the reason, or dropped when the user asked to be strict.
 */
#include "query/answer.h"

#include "query/chat.h"
#include "query/check.h"

static const char instruction[] =
    "You answer a question from numbered passages of documents, and from nothing else. Write one "
    "to three short sentences. Behind each sentence put the number of its passage, like [1]. Keep "
    "numbers and units exactly as they stand. If the passages do not answer the question, write: "
    "Not in these documents.";

static bool is_refusal(str s) {
    return str_starts(s, STR("Not in these documents"));
}

/* Sentences of `written` from *done on are final when another has begun, or at the end. */
static bool finish_sentences(query_job *job, const text *written, bool at_end, size_t told,
                             size_t *done, error *err) {
    for (;;) {
        size_t pos = *done, begin, end, next_begin, next_end;
        if (!sentence_next(text_str(written), &pos, &begin, &end)) return true;
        size_t after = pos;
        if (!at_end && !sentence_next(text_str(written), &pos, &next_begin, &next_end)) return true;
        str s = arena_str(job->a, str_cut(text_str(written), begin, end));
        *done = after;
        if (is_refusal(s)) continue;
        query_sentence checked;
        if (!query_check_sentence(job, s, told, &checked, err)) return false;
        if (checked.text.n == 0 || (job->options->strict && !checked.verified)) continue;
        query_add_sentence(job, &checked);
    }
}

/* Only whole code points go out; a token can end in the middle of one. */
static void tell_piece(const query_job *job, const text *written, size_t *told_bytes) {
    if (!job->events->piece) return;
    size_t whole = written->n, used = 0;
    size_t last = utf8_floor(text_str(written), whole > 0 ? whole - 1 : 0);
    if (last < whole && utf8_next(written->p + last, whole - last, &used) == UTF8_REPLACEMENT)
        whole = last;
    if (whole <= *told_bytes) return;
    job->events->piece(job->events->context, str_cut(text_str(written), *told_bytes, whole));
    *told_bytes = whole;
}

bool query_answer_written(query_job *job, error *err) {
    const engine_tokenizer *t = engine_model_tokenizer(job->q->decoder);
    query_conversation c = {0};
    engine_sampler *sampler = engine_sampler_new(&job->options->sampling, engine_vocab_size(t));
    text written = {0};
    size_t done = 0, told_bytes = 0;
    bool ok = false;
    if (!query_conversation_open(job, STR(instruction), &c, err)) goto finish;
    for (uint32_t i = 0; i < job->options->max_tokens; i++) {
        if (query_cancelled(job)) {
            error_set(err, ERROR_CANCELLED, "the question was cancelled");
            goto finish;
        }
        int32_t id = engine_sample(sampler, c.logits, NULL);
        if (id < 0 || engine_token_is_end(t, id)) break;
        engine_token_put(t, id, false, &written);
        tell_piece(job, &written, &told_bytes);
        if (!finish_sentences(job, &written, false, c.passages_told, &done, err)) goto finish;
        if (!query_conversation_say(&c, id, err)) goto finish;
    }
    ok = finish_sentences(job, &written, true, c.passages_told, &done, err);
    /* What no passage bears out stands among the sentences, marked; it is never the answer. */
    for (size_t i = 0; ok && i < job->out->sentence_count && job->out->answer.n == 0; i++)
        if (job->out->sentences[i].verified) job->out->answer = job->out->sentences[i].text;
finish:
    text_free(&written);
    engine_sampler_free(sampler);
    query_conversation_close(&c);
    return ok;
}
