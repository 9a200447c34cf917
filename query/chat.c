/* Chat formats. The family is told by a mark in the file's chat template; no template language is
 * run, since a template is a program from outside and five families cover the models of this
 * architecture. A file without a template is a base model: it gets plain text to go on with.
 */
#include "query/chat.h"

#define LONGEST_CONTEXT \
    4096 /* positions: eight passages and an answer; a 1B model's f32 cache
                              * for it is about a quarter of a gigabyte */
#define LEAST_PASSAGE_TOKENS 16

typedef struct {
    str mark;          /* stands in tokenizer.chat_template */
    const char *start; /* before the instruction */
    const char *user;  /* between the instruction and the user's text */
    const char *reply; /* after the user's text */
} chat_family;

static const chat_family families[] = {
    {STR("<|start_header_id|>"), "<|start_header_id|>system<|end_header_id|>\n\n",
     "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n",
     "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"},
    {STR("<|im_start|>"), "<|im_start|>system\n", "<|im_end|>\n<|im_start|>user\n",
     "<|im_end|>\n<|im_start|>assistant\n"},
    {STR("<\xEF\xBD\x9CUser\xEF\xBD\x9C>"), "", "<\xEF\xBD\x9CUser\xEF\xBD\x9C>",
     "<\xEF\xBD\x9C"
     "Assistant\xEF\xBD\x9C>"},
    {STR("[INST]"), "[INST] <<SYS>>\n", "\n<</SYS>>\n\n", " [/INST]"},
    {STR("<|user|>"), "<|system|>\n", "</s>\n<|user|>\n", "</s>\n<|assistant|>\n"},
};
static const chat_family plain = {{0}, "", "\n\n", "\nAnswer:"};

static bool find_family(const engine_info *info, const chat_family **out, error *err) {
    *out = &plain;
    if (info->chat_template.n == 0) return true;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        *out = &families[i];
        if (str_find(info->chat_template, families[i].mark, 0) != SIZE_MAX) return true;
    }
    return error_set(err, ERROR_MODEL,
                     STR_FMT
                     ": the chat template of this model is of no family that Carrel "
                     "knows (Llama 2 and 3, ChatML, DeepSeek-R1, Zephyr); choose another file "
                     "with `carrel model use FILE`",
                     STR_ARG(info->name));
}

/* ---- building the prompt ------------------------------------------------------------------ */

typedef struct {
    const engine_tokenizer *tokenizer;
    arena *a;
    int32_t *ids;
    size_t count, limit;
} prompt;

/* False, with nothing appended, when it does not fit. */
static bool put(prompt *p, str s, int flags) {
    engine_token *tokens;
    size_t n;
    engine_tokenize(p->tokenizer, s, flags, p->a, &tokens, &n);
    if (n > p->limit - p->count) return false;
    for (size_t i = 0; i < n; i++) p->ids[p->count++] = tokens[i].id;
    return true;
}

static str passage_text(const query_passage *p, size_t number, arena *a) {
    const index_chunk *c = &p->source.chunk;
    bool headed = c->heading.n > 0;
    return arena_printf(a, "[%zu] " STR_FMT "%s" STR_FMT "\n" STR_FMT "\n\n", number,
                        STR_ARG(c->title), headed ? " > " : "", STR_ARG(c->heading),
                        STR_ARG(c->text));
}

static bool build(prompt *p, const query_job *job, const chat_family *family, str instruction,
                  size_t *passages_told, error *err) {
    str question = arena_printf(p->a, "Question: " STR_FMT, STR_ARG(job->question));
    /* The end is measured first: what comes after the passages must fit. */
    size_t most = p->limit, kept = p->count;
    bool ok = put(p, question, 0) && put(p, str_of(family->reply), ENGINE_PARSE_SPECIAL);
    size_t tail = p->count - kept;
    p->count = kept;
    ok = ok && put(p, str_of(family->start), ENGINE_ADD_SPECIAL | ENGINE_PARSE_SPECIAL) &&
         put(p, instruction, 0) && put(p, str_of(family->user), ENGINE_PARSE_SPECIAL);
    if (!ok || p->count + tail + LEAST_PASSAGE_TOKENS > most)
        return error_set(err, ERROR_INPUT,
                         "a question of %zu bytes and the instruction do not fit "
                         "into the %zu tokens that this model's context leaves for a prompt; "
                         "ask in fewer words, or choose another model",
                         job->question.n, most);
    p->limit = most - tail;
    for (*passages_told = 0; *passages_told < job->passage_count; (*passages_told)++)
        if (!put(p, passage_text(&job->passages[*passages_told], *passages_told + 1, p->a), 0))
            break;
    p->limit = most;
    if (*passages_told == 0)
        return error_set(err, ERROR_MODEL,
                         "this model's context is too short for one passage of "
                         "the documents; choose another model");
    return put(p, question, 0) && put(p, str_of(family->reply), ENGINE_PARSE_SPECIAL);
}

bool query_conversation_open(const query_job *job, str instruction, query_conversation *out,
                             error *err) {
    const engine_model *m = job->q->decoder;
    engine_info info;
    engine_model_info(m, &info);
    const chat_family *family;
    if (!find_family(&info, &family, err)) return false;
    uint32_t n_ctx = info.context_length < LONGEST_CONTEXT ? info.context_length : LONGEST_CONTEXT;
    uint32_t reply = job->options->max_tokens < n_ctx / 2 ? job->options->max_tokens : n_ctx / 2;
    prompt p = {engine_model_tokenizer(m), job->a, NULL, 0, n_ctx - reply};
    p.ids = arena_alloc(job->a, p.limit, sizeof *p.ids);
    out->logits = arena_alloc(job->a, info.vocab, sizeof *out->logits);
    return build(&p, job, family, instruction, &out->passages_told, err) &&
           engine_session_new(m, job->q->threads, &(engine_session_options){.n_ctx = n_ctx},
                              &out->session, err) &&
           engine_eval(out->session, p.ids, p.count, false, out->logits, err);
}

bool query_conversation_say(query_conversation *c, int32_t id, error *err) {
    return engine_eval(c->session, &id, 1, false, c->logits, err);
}

void query_conversation_close(query_conversation *c) {
    engine_session_free(c->session);
    c->session = NULL;
}
