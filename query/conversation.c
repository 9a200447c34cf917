/* What a decoder has read of a prompt is the costly part of a short answer: it is kept in memory
 * for the next question, and beside the library for the next run, and used as far as the new prompt
 * begins in the same way. That is exact: the engine gives the same bits however a prompt was cut. The
 * file is written once, when the memory goes: of many questions only the last can help the next run.
 *
 * Saying a token evaluates with it what is likely to follow (query/draft.h). When the next token
 * said is the one proposed, its logits are there already; when not, what was evaluated in vain is
 * forgotten. Where proposals do not come true often enough to pay for themselves, they rest.
 *
 * Never lets a proposal or a kept prefix change what is said.
 */
#include "query/conversation.h"

#include "query/draft.h"

#include <string.h>

#define LONGEST_CONTEXT 4096
#define CLOSING_TOKENS 16 /* of the end of thinking, where a vocabulary spells it by bytes */

/* Tokens that must have been read anew before a prefix is worth writing to disk: about a second of
 * a 1B model on an old laptop. */
#define SAVE_TOKENS 64

/* With fewer proposals accepted in a run, one of 4 to 8 tokens loses (1.3 to 1.9 of a single one). */
#define LEAST_GAIN 0.6f
#define FIRST_GAIN 4    /* some six runs in vain before the first rest */
#define GAIN_KEPT 0.75f /* of the average, when the next run is counted in */
#define RESTING_RUNS 12 /* before another try */

/* ---- memory ------------------------------------------------------------------------------- */

struct query_memory {
    char *path; /* NULL: nothing goes to disk */
    const engine_model *model;
    const pool *threads;
    engine_session *session;
    uint32_t n_ctx;
    engine_kv kv;
    size_t shared;  /* tokens of the last prompt in front of its question */
    size_t on_disk; /* tokens of the session's beginning that the file holds */
    index_library *library;
    uint64_t stamp; /* of the library, before it was searched for what is held */
};

query_memory *query_memory_new(const char *path) {
    query_memory *m = mem_new(1, sizeof *m);
    if (path) {
        m->path = mem_new(strlen(path) + 1, 1);
        strcpy(m->path, path);
    }
    return m;
}

static void forget(query_memory *m) {
    engine_session_free(m->session);
    m->session = NULL;
    m->on_disk = m->shared = 0;
}

static bool unchanged(const query_memory *m) {
    uint64_t now;
    return m->library && index_stamp(m->library, &now, NULL) && now == m->stamp;
}

/* Writes the last prompt's shared part down, if enough of it is new. Without it the next run takes
 * longer, so that a full disk is no error here. Whoever takes a document out of the library removes
 * the file when that is done; if it was done while the file was written, it is removed here. */
static void remember(const query_memory *m) {
    size_t held = m->on_disk < m->shared ? m->on_disk : m->shared;
    if (!m->path || !m->session || m->shared < held + SAVE_TOKENS ||
        engine_session_length(m->session) < m->shared || !unchanged(m))
        return;
    engine_session_truncate(m->session, m->shared);
    (void)engine_session_save(m->session, m->path, NULL);
    if (!unchanged(m)) engine_session_discard(m->path);
}

void query_memory_watch(query_memory *m, index_library *library) {
    if (m->library == library && unchanged(m)) return;
    forget(m);
    m->library = NULL;
    if (index_stamp(library, &m->stamp, NULL)) m->library = library;
}

void query_memory_free(query_memory *m) {
    if (m == NULL) return;
    remember(m);
    forget(m);
    mem_free(m->path);
    mem_free(m);
}

void query_memory_discard(const char *path) {
    engine_session_discard(path);
}

/* The session of the memory, made where there is none that fits; what it holds is still in it. */
static bool recall(query_memory *m, const query_job *job, uint32_t n_ctx, error *err) {
    bool fits = m->session && m->model == job->q->decoder && m->threads == job->q->threads &&
                m->n_ctx == n_ctx && m->kv == job->options->kv;
    if (fits) return true;
    forget(m);
    const engine_session_options options = {.n_ctx = n_ctx, .kv = job->options->kv};
    if (!engine_session_new(job->q->decoder, job->q->threads, &options, &m->session, err)) {
        return false;
    }
    m->model = job->q->decoder;
    m->threads = job->q->threads;
    m->n_ctx = n_ctx;
    m->kv = job->options->kv;
    /* A file that cannot be used costs time and nothing else: the prompt is read. */
    if (m->path && engine_session_restore(m->session, m->path, NULL)) {
        m->on_disk = engine_session_length(m->session);
    }
    return true;
}

/* ---- opening ------------------------------------------------------------------------------ */

/* Tokens for the prompt, the thinking and the reply: thinking comes on top where the model's context
 * has the room, and gets at most a third of it where not. */
static void share_context(const query_job *job, uint32_t context, query_conversation *c,
                          uint32_t *n_ctx, uint32_t *reply) {
    uint32_t n = context < LONGEST_CONTEXT ? context : LONGEST_CONTEXT, wanted = 0;
    *reply = job->options->max_tokens < n / 2 ? job->options->max_tokens : n / 2;
    if (c->chat.thinks) {
        wanted = job->options->thinking_tokens;
        uint32_t above = context - n < wanted ? context - n : wanted;
        if (above < wanted && wanted > above + n / 3) wanted = above + n / 3;
        n += above;
    }
    c->thinking_tokens = wanted;
    *n_ctx = n;
}

static bool take_session(const query_job *job, query_conversation *c, error *err) {
    const engine_session_options options = {.n_ctx = (uint32_t)c->n_ctx, .kv = job->options->kv};
    c->memory = job->q->memory;
    if (!c->memory) {
        return engine_session_new(job->q->decoder, job->q->threads, &options, &c->session, err);
    }
    if (!recall(c->memory, job, (uint32_t)c->n_ctx, err)) return false;
    c->session = c->memory->session;
    return true;
}

static bool read_prompt(const query_job *job, query_conversation *c, double started, error *err) {
    const query_prompt *p = &c->prompt;
    size_t kept = engine_session_keep(c->session, p->ids, p->count);
    if (c->memory && c->memory->on_disk > kept) c->memory->on_disk = kept;
    if (!engine_eval(c->session, p->ids + kept, p->count - kept, false, c->rows, err)) return false;
    if (c->memory) c->memory->shared = p->shared;
    memcpy(c->ids, p->ids, p->count * sizeof *c->ids);
    c->length = p->count;
    c->logits = c->rows;
    c->reading = &job->out->reading;
    *c->reading = (query_reading){
        .prompt_tokens = (uint32_t)p->count,
        .kept_tokens = (uint32_t)kept,
        .prompt_ms = clock_ms() - started,
    };
    return true;
}

bool query_conversation_open(const query_job *job, str instruction, bool thinking,
                             query_conversation *out, error *err) {
    const engine_model *m = job->q->decoder;
    engine_info info;
    uint32_t n_ctx, reply;
    double started = clock_ms();
    engine_model_info(m, &info);
    if (!query_chat_find(&info, job->q->chat, thinking, &out->chat, err)) return false;
    share_context(job, info.context_length, out, &n_ctx, &reply);
    uint32_t for_reply = reply + out->thinking_tokens + (out->chat.thinks ? CLOSING_TOKENS : 0);
    out->tokenizer = engine_model_tokenizer(m);
    out->think[0] = engine_token_find(out->tokenizer, STR("<think>"));
    out->think[1] = engine_token_find(out->tokenizer, STR("</think>"));
    out->n_ctx = n_ctx;
    out->vocab = info.vocab;
    out->drafts = !job->options->no_drafts;
    out->gain = FIRST_GAIN;
    out->ids = arena_alloc(job->a, n_ctx, sizeof *out->ids);
    out->rows = arena_alloc(job->a, (1 + QUERY_MOST_DRAFT) * info.vocab, sizeof *out->rows);
    if (!query_prompt_build(job, out->tokenizer, &out->chat, instruction,
                            n_ctx > for_reply ? n_ctx - for_reply : 0, &out->prompt, err))
        return error_wrap(err, "the decoder \"" STR_FMT "\"", STR_ARG(str_cut(info.name, 0, 80)));
    return take_session(job, out, err) && read_prompt(job, out, started, err);
}

/* ---- talking ------------------------------------------------------------------------------ */

/* Ends the run: what of it was not said is forgotten. */
static void end_run(query_conversation *c) {
    engine_session_truncate(c->session, c->length);
    if (c->run_count > 1) {
        float accepted = (float)(c->run_at - 1);
        c->gain = GAIN_KEPT * c->gain + (1 - GAIN_KEPT) * accepted;
        if (c->gain < LEAST_GAIN) {
            c->rests = RESTING_RUNS;
            c->gain = 1; /* the next try gets a fair one */
        }
    }
    c->run_count = c->run_at = 0;
}

static size_t propose(query_conversation *c, int32_t *out) {
    size_t room = c->n_ctx - c->length;
    if (!c->drafts || room == 0) return 0;
    if (c->rests > 0) {
        c->rests--;
        return 0;
    }
    size_t n =
        query_draft(c->ids, c->length, room < QUERY_MOST_DRAFT ? room : QUERY_MOST_DRAFT, out);
    c->reading->drafted_tokens += (uint32_t)n;
    return n;
}

bool query_conversation_say(query_conversation *c, int32_t id, error *err) {
    c->reading->said_tokens++;
    if (c->run_at < c->run_count && c->run[c->run_at] == id) {
        c->ids[c->length++] = id;
        c->reading->accepted_tokens++;
        c->logits = c->rows + c->run_at++ * c->vocab;
        return true;
    }
    end_run(c);
    if (c->length < c->n_ctx) c->ids[c->length++] = id; /* beyond: engine_eval says so */
    c->run[0] = id;
    c->run_count = 1 + propose(c, c->run + 1);
    c->run_at = 1;
    c->logits = c->rows;
    return engine_eval(c->session, c->run, c->run_count, true, c->rows, err);
}

bool query_conversation_end_thinking(query_conversation *c, error *err) {
    int32_t ids[CLOSING_TOKENS];
    size_t n = query_prompt_end_of_thought(c->tokenizer, ids, CLOSING_TOKENS);
    end_run(c);
    for (size_t i = 0; i < n && c->length < c->n_ctx; i++) c->ids[c->length++] = ids[i];
    c->logits = c->rows;
    return engine_eval(c->session, ids, n, false, c->rows, err);
}

void query_conversation_put(const query_conversation *c, int32_t id, text *out) {
    engine_token_put(c->tokenizer, id, id == c->think[0] || id == c->think[1], out);
}

void query_conversation_close(query_conversation *c) {
    if (!c->memory) engine_session_free(c->session);
    c->session = NULL;
}
