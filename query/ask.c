/* Asking: search, pack, weigh, then let one of the two modes answer, or refuse. The sources are
 * told before anything is read, so that a person has something to look at within milliseconds; and
 * the decision to refuse is made on the evidence, before any model writes a word.
 */
#include "query/answer.h"

#include <string.h>

#define DEFAULT_SOURCES 8
#define MOST_SOURCES 64 /* each costs the reader a pass over 300 tokens */
#define DEFAULT_SENTENCES 3
#define MOST_SENTENCES 20
#define READER_BUDGET_TOKENS 2800  /* of passages: what two old cores read in well under a second */
#define TOKENS_FOR_EACH_SOURCE 350 /* a full chunk, when more sources are asked for */
#define DEFAULT_WRITTEN_TOKENS 256
#define DEFAULT_THINKING_TOKENS 1024 /* a minute of a 1B model on an old laptop */

static const query_events no_events = {0};

void query_add_sentence(query_job *job, const query_sentence *s) {
    query_answer *out = job->out;
    if (out->sentence_count == job->options->sentences) return;
    query_sentence *room = (query_sentence *)out->sentences;
    room[out->sentence_count++] = *s;
    if (job->events->sentence) job->events->sentence(job->events->context, s);
}

bool query_cancelled(const query_job *job) {
    return job->events->cancelled && job->events->cancelled(job->events->context);
}

static query_options with_defaults(const query_options *given, const query_context *q) {
    query_options o = given ? *given : (query_options){.threshold = -1};
    if (o.sources == 0) o.sources = DEFAULT_SOURCES;
    if (o.sources > MOST_SOURCES) o.sources = MOST_SOURCES;
    if (o.sentences == 0) o.sentences = DEFAULT_SENTENCES;
    if (o.sentences > MOST_SENTENCES) o.sentences = MOST_SENTENCES;
    if (o.threshold < 0) o.threshold = query_refusal_threshold;
    if (o.max_tokens == 0) o.max_tokens = DEFAULT_WRITTEN_TOKENS;
    if (o.thinking_tokens == 0) o.thinking_tokens = DEFAULT_THINKING_TOKENS;
    if (o.mode == QUERY_AUTO) o.mode = q->decoder ? QUERY_WRITE : QUERY_VERBATIM;
    return o;
}

static bool answer(query_job *job, error *err) {
    query_answer *out = job->out;
    out->refused = job->evidence->count == 0 || out->confidence < job->options->threshold;
    if (out->refused) return true;
    if (job->events->verdict) job->events->verdict(job->events->context, out->confidence);
    if (query_cancelled(job)) return error_set(err, ERROR_CANCELLED, "the question was cancelled");
    bool ok =
        out->mode == QUERY_WRITE ? query_answer_written(job, err) : query_answer_verbatim(job, err);
    if (ok && out->sentence_count == 0) out->refused = true;
    return ok;
}

bool query_ask(const query_context *q, str question, const query_options *options,
               const query_events *events, arena *a, query_answer *out, error *err) {
    double started = clock_ms();
    query_options o = with_defaults(options, q);
    *out = (query_answer){.question = question, .mode = o.mode};
    if (str_trim(question).n == 0)
        return error_set(err, ERROR_INPUT,
                         "the question is empty; write it as one argument, in "
                         "quotes");
    if (o.mode == QUERY_WRITE && !q->decoder)
        return error_set(err, ERROR_MODEL,
                         "mode write needs a decoder: choose a GGUF file with "
                         "`carrel model use FILE`, or ask without --mode");
    if (q->memory) query_memory_watch(q->memory, q->library);
    query_source *sources;
    size_t source_count, passage_count;
    if (!query_search_apart(q, question, QUERY_FUSED, o.sources, a, &sources, &source_count, err))
        return false;
    out->sources = sources;
    out->source_count = source_count;
    out->sentences = arena_alloc(a, o.sentences, sizeof *out->sentences);
    out->timings.search_ms = clock_ms() - started;
    if (!events) events = &no_events;
    if (events->sources) events->sources(events->context, sources, source_count);

    query_passage *passages;
    query_evidence evidence;
    size_t budget = o.sources * TOKENS_FOR_EACH_SOURCE;
    if (budget < READER_BUDGET_TOKENS) budget = READER_BUDGET_TOKENS;
    if (!query_pack(q, sources, source_count, o.sources, budget, a, &passages, &passage_count,
                    err) ||
        !query_weigh(q, question, passages, passage_count, a, &evidence, err))
        return false;
    double read = clock_ms();
    out->timings.read_ms = read - started - out->timings.search_ms;
    out->confidence = evidence.confidence;
    query_job job = {q, question, &o, events, passages, passage_count, &evidence, a, out};
    if (!answer(&job, err)) return false;
    double ended = clock_ms();
    out->timings.write_ms = ended - read;
    out->timings.total_ms = ended - started;
    return true;
}
