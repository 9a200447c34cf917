/* Chat formats, and the prompt in one of them. The family is told by marks in the file's chat
 * template; no template language is run, since a template is a program from outside and some dozen
 * families cover the models that people use. A file without a template is a base model: it gets
 * plain text to go on with; a template of no known family is said so, and the user may name one.
 *
 * Special tokens come from the family's strings alone. What a document or a question spells is cut
 * apart where it would become one, also where the file calls a mark ordinary: a page that says
 * "<|im_start|>system" must not be a new instruction.
 *
 * Formats: the models' public documentation (model cards and chat templates of Llama 2 and 3,
 * Qwen 2.5 and 3, SmolLM2 and 3, Phi-3 and 4, Gemma 2 and 3, DeepSeek-R1, Mistral 7B, Zephyr). Today's
 * date, which Llama 3.2 and SmolLM3 put into their headers, is left out: the answer comes from the
 * documents, and the prompt of tomorrow must be the prompt of today.
 */
#include "query/chat.h"

#include <stdlib.h>
#include <string.h>

/* Positions of prompt and reply: eight passages and an answer; a thinking section comes on top. A 1B
 * model's cache for it is about a quarter of a gigabyte. */
#define LEAST_PASSAGE_TOKENS 16
#define ANOTHER_MODEL \
    "choose another model, or `carrel model use --default answers` for answers without one"

#define R1_USER "<\xEF\xBD\x9CUser\xEF\xBD\x9C>"
#define R1_ASSISTANT \
    "<\xEF\xBD\x9C"  \
    "Assistant\xEF\xBD\x9C>"
#define NO_THOUGHT "<think>\n\n</think>\n\n"
#define END_OF_THOUGHT "\n</think>\n\n"

/* ---- families ----------------------------------------------------------------------------- */

typedef struct {
    const char *marks[2]; /* stand in tokenizer.chat_template; none: told by no template */
    bool (*fits)(str chat_template); /* and this holds; NULL: always */
    query_chat chat;
    const char *quiet_start, *quiet_reply; /* instead, when it shall not think; NULL: the same */
} chat_family;

static bool has(str s, const char *part) {
    return str_find(s, str_of(part), 0) != SIZE_MAX;
}

/* A template is source text: a line break is one, or a backslash and an n. */
static bool has_line_end(str s, size_t at) {
    return at < s.n && (s.p[at] == '\n' || str_starts(str_cut(s, at, s.n), STR("\\n")));
}

/* '<|assistant|>' + '\n', or in one string. */
static bool breaks_line_behind_role(str s) {
    static const str role = STR("<|assistant|>");
    for (size_t at = str_find(s, role, 0); at != SIZE_MAX; at = str_find(s, role, at)) {
        at += role.n;
        while (at < s.n && strchr("'\" +~", s.p[at])) at++;
        if (has_line_end(s, at)) return true;
    }
    return false;
}

static bool thinks(str s) {
    return has(s, "</think>");
}

/* The template itself opens the section of each reply. */
static bool opens_thinking(str s) {
    return has(s, "assistant\\n<think>\\n'") || has(s, "assistant\\n<think>\\n\"") ||
           has(s, "assistant\n<think>\n'") || has(s, "assistant\n<think>\n\"");
}

#define CHATML_USER "<|im_end|>\n<|im_start|>user\n"
#define CHATML_REPLY "<|im_end|>\n<|im_start|>assistant\n"
#define SMOLLM3_START(mode)                                                                      \
    "<|im_start|>system\n## Metadata\n\nKnowledge Cutoff Date: June 2025\nReasoning Mode: " mode \
    "\n\n## Custom Instructions\n\n"

/* The first that fits is taken: what has more marks stands first. */
static const chat_family families[] = {
    {{"<|start_header_id|>"},
     NULL,
     {.name = "llama3",
      .start = "<|start_header_id|>system<|end_header_id|>\n\n",
      .user = "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n",
      .reply = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"},
     NULL,
     NULL},
    {{"<|im_sep|>"},
     NULL,
     {.name = "phi4",
      .start = "<|im_start|>system<|im_sep|>",
      .user = "<|im_end|><|im_start|>user<|im_sep|>",
      .reply = "<|im_end|><|im_start|>assistant<|im_sep|>"},
     NULL,
     NULL},
    {{"<start_of_turn>"}, /* has no system role: its text opens the user's turn */
     NULL,
     {.name = "gemma",
      .start = "<start_of_turn>user\n",
      .user = "\n\n",
      .reply = "<end_of_turn>\n<start_of_turn>model\n"},
     NULL,
     NULL},
    {{R1_ASSISTANT},
     thinks,
     {.name = "deepseek-r1",
      .start = "",
      .user = R1_USER,
      .reply = R1_ASSISTANT "<think>\n",
      .thinks = true,
      .opened = true},
     NULL,
     R1_ASSISTANT NO_THOUGHT},
    {{R1_ASSISTANT},
     NULL,
     {.name = "deepseek", .start = "", .user = R1_USER, .reply = R1_ASSISTANT},
     NULL,
     NULL},
    {{"<|im_start|>", "## Custom Instructions"},
     NULL,
     {.name = "smollm3",
      .start = SMOLLM3_START("/think"),
      .user = "\n\n" CHATML_USER,
      .reply = CHATML_REPLY,
      .thinks = true},
     SMOLLM3_START("/no_think"),
     CHATML_REPLY "<think>\n\n</think>\n"},
    {{"<|im_start|>", "</think>"},
     opens_thinking,
     {.name = "qwen3-thinking",
      .start = "<|im_start|>system\n",
      .user = CHATML_USER,
      .reply = CHATML_REPLY "<think>\n",
      .thinks = true,
      .opened = true},
     NULL,
     " /no_think" CHATML_REPLY NO_THOUGHT},
    {{"<|im_start|>", "</think>"},
     NULL,
     {.name = "qwen3",
      .start = "<|im_start|>system\n",
      .user = CHATML_USER,
      .reply = CHATML_REPLY,
      .thinks = true},
     NULL,
     " /no_think" CHATML_REPLY NO_THOUGHT},
    {{"<|im_start|>"},
     NULL,
     {.name = "chatml",
      .start = "<|im_start|>system\n",
      .user = CHATML_USER,
      .reply = CHATML_REPLY},
     NULL,
     NULL},
    {{"<|assistant|>", "<|end|>"},
     breaks_line_behind_role,
     {.name = "phi3",
      .start = "<|system|>\n",
      .user = "<|end|>\n<|user|>\n",
      .reply = "<|end|>\n<|assistant|>\n"},
     NULL,
     NULL},
    {{"<|assistant|>", "<|end|>"},
     NULL,
     {.name = "phi4-mini",
      .start = "<|system|>",
      .user = "<|end|><|user|>",
      .reply = "<|end|><|assistant|>"},
     NULL,
     NULL},
    {{"[INST]", "<<SYS>>"},
     NULL,
     {.name = "llama2", .start = "[INST] <<SYS>>\n", .user = "\n<</SYS>>\n\n", .reply = " [/INST]"},
     NULL,
     NULL},
    {{"[INST]"},
     NULL,
     {.name = "mistral", .start = "[INST] ", .user = "\n\n", .reply = " [/INST]"},
     NULL,
     NULL},
    {{"<|user|>"},
     NULL,
     {.name = "zephyr",
      .start = "<|system|>\n",
      .user = "</s>\n<|user|>\n",
      .reply = "</s>\n<|assistant|>\n"},
     NULL,
     NULL},
    {{NULL},
     NULL,
     {.name = "plain", .start = "", .user = "\n\n", .reply = "\nAnswer:"},
     NULL,
     NULL},
};
enum { FAMILIES = sizeof families / sizeof *families, PLAIN = FAMILIES - 1 };

static bool fits(const chat_family *f, str chat_template) {
    if (!f->marks[0] || !has(chat_template, f->marks[0])) return false;
    if (f->marks[1] && !has(chat_template, f->marks[1])) return false;
    return !f->fits || f->fits(chat_template);
}

static const chat_family *find_told(str chat_template) {
    if (chat_template.n == 0) return &families[PLAIN];
    for (size_t i = 0; i < FAMILIES; i++)
        if (fits(&families[i], chat_template)) return &families[i];
    return NULL;
}

const char *query_chat_name(str chat_template) {
    const chat_family *f = find_told(chat_template);
    return f ? f->chat.name : NULL;
}

bool query_chat_find(const engine_info *info, const char *forced, bool thinking, query_chat *out,
                     error *err) {
    const chat_family *found = forced ? NULL : find_told(info->chat_template);
    for (size_t i = 0; forced && !found && i < FAMILIES; i++)
        if (strcmp(families[i].chat.name, forced) == 0) found = &families[i];
    if (!found && forced)
        return error_set(err, ERROR_USAGE, "there is no chat format \"%s\"; there are %s", forced,
                         QUERY_CHAT_NAMES);
    if (!found)
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": the chat template of this model is of no family that Carrel "
                                 "knows; name the one it was trained with by --chat NAME (%s), or "
                                 "choose another file with `carrel model use FILE`",
                         STR_ARG(str_cut(info->name, 0, 80)), QUERY_CHAT_NAMES);
    *out = found->chat;
    if (thinking || !out->thinks) return true;
    if (found->quiet_start) out->start = found->quiet_start;
    if (found->quiet_reply) out->reply = found->quiet_reply;
    out->thinks = out->opened = false;
    return true;
}

/* ---- building the prompt ------------------------------------------------------------------ */

static const char *const marks[] = {
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|im_start|>",
    "<|im_sep|>",
    "<start_of_turn>",
    "<end_of_turn>",
    R1_USER,
    R1_ASSISTANT,
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|end|>",
    "[INST]",
    "[/INST]",
    "<think>",
    "</think>",
};
enum { MARKS = sizeof marks / sizeof *marks };

typedef struct {
    const engine_tokenizer *tokenizer;
    arena *a;
    int32_t *ids;
    size_t count, limit;
    bool continues; /* the last token is text, not a mark */
    int32_t marks[MARKS];
} prompt;

static bool is_mark(const prompt *p, int32_t id) {
    if (id == engine_token_special(p->tokenizer, ENGINE_UNK)) return false;
    for (size_t i = 0; i < MARKS; i++)
        if (p->marks[i] == id) return true;
    return engine_token_is_control(p->tokenizer, id) || engine_token_is_end(p->tokenizer, id);
}

/* False, with nothing appended, when it does not fit. */
static bool append(prompt *p, const engine_token *tokens, size_t n, bool continues) {
    if (n > p->limit - p->count) return false;
    for (size_t i = 0; i < n; i++) p->ids[p->count++] = tokens[i].id;
    if (n) p->continues = continues;
    return true;
}

/* Text from outside. A mark in it is cut behind its first byte, and neither part is one. */
static bool put_text(prompt *p, str s) {
    engine_token *tokens;
    size_t n, cut = 0, begin = 0;
    engine_tokenize(p->tokenizer, s, p->continues ? ENGINE_CONTINUES : 0, p->a, &tokens, &n);
    for (size_t i = 0; i < n; i++) {
        const engine_token *t = &tokens[i];
        if (t->end - t->begin < 2 || !is_mark(p, t->id)) continue;
        cut = t->begin + 1;
        if (!put_text(p, str_cut(s, begin, cut))) return false;
        begin = cut;
    }
    return cut ? put_text(p, str_cut(s, cut, s.n)) : append(p, tokens, n, true);
}

/* A family's own string without the marks of thinking, which some files hold as ordinary pieces. */
static bool put_special(prompt *p, str s) {
    engine_token *tokens;
    size_t n;
    int flags = ENGINE_PARSE_SPECIAL | (p->continues ? ENGINE_CONTINUES : 0);
    engine_tokenize(p->tokenizer, s, flags, p->a, &tokens, &n);
    bool mark = n && tokens[n - 1].end - tokens[n - 1].begin > 1 && is_mark(p, tokens[n - 1].id);
    return append(p, tokens, n, !mark);
}

static bool put_family(prompt *p, const char *family) {
    static const str thinking[] = {STR("<think>"), STR("</think>")};
    str s = str_of(family);
    while (s.n) {
        size_t first = s.n, n = 0;
        int32_t id = -1;
        for (size_t i = 0; i < 2; i++) {
            size_t at = str_find(s, thinking[i], 0);
            int32_t found = engine_token_find(p->tokenizer, thinking[i]);
            if (at >= first || found < 0) continue;
            first = at;
            n = thinking[i].n;
            id = found;
        }
        if (!put_special(p, str_cut(s, 0, first))) return false;
        if (id >= 0 && !append(p, &(engine_token){.id = id}, 1, false)) return false;
        s = str_cut(s, first + n, s.n);
    }
    return true;
}

/* The file may want a token at the start; what it wants at the end of a text is not for a prompt. */
static bool put_start(prompt *p) {
    engine_token *tokens;
    size_t n;
    engine_tokenize(p->tokenizer, (str){0}, ENGINE_ADD_SPECIAL, p->a, &tokens, &n);
    int32_t bos = engine_token_special(p->tokenizer, ENGINE_BOS);
    return n == 0 || bos < 0 || tokens[0].id != bos || append(p, tokens, 1, false);
}

static str passage_text(const query_passage *p, size_t number, arena *a) {
    const index_chunk *c = &p->source.chunk;
    bool headed = c->heading.n > 0;
    return arena_printf(a, "[%zu] " STR_FMT "%s" STR_FMT "\n" STR_FMT "\n\n", number,
                        STR_ARG(c->title), headed ? " > " : "", STR_ARG(c->heading),
                        STR_ARG(c->text));
}

static int by_place(const void *a, const void *b) {
    const index_chunk *x = &(*(const query_passage *const *)a)->source.chunk;
    const index_chunk *y = &(*(const query_passage *const *)b)->source.chunk;
    if (x->document != y->document) return x->document < y->document ? -1 : 1;
    return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

/* The first n of told; how many fit. Each is tokenised by itself, so that the same passages give the
 * same tokens in front of another question. */
static size_t put_passages(prompt *p, const query_passage *const *told, size_t n) {
    size_t i = 0;
    for (; i < n; i++) {
        size_t before = p->count;
        if (put_text(p, passage_text(told[i], i + 1, p->a))) continue;
        p->count = before; /* a mark in it may have left its first part */
        break;
    }
    return i;
}

/* The best passages that fit together. Their numbers, and with them a few tokens, change when they
 * are put in order; where that is too much, the last of them is left out. */
static void choose_passages(prompt *p, const query_job *job, query_prompt *out) {
    const query_passage **told = arena_alloc(p->a, job->passage_count + 1, sizeof *told);
    size_t start = p->count, n = job->passage_count;
    for (bool sorted = false; n > 0; sorted = true) {
        for (size_t i = 0; i < n; i++) told[i] = &job->passages[i];
        if (sorted) qsort(told, n, sizeof *told, by_place);
        p->count = start;
        size_t fit = put_passages(p, told, n);
        if (sorted && fit == n) break;
        n = sorted ? n - 1 : fit;
    }
    out->told = told;
    out->told_count = n;
}

static bool build(prompt *p, const query_job *job, const query_chat *chat, str instruction,
                  query_prompt *out, error *err) {
    str question = arena_printf(p->a, "Question: " STR_FMT, STR_ARG(job->question));
    /* The end is measured first: what comes after the passages must fit. */
    size_t most = p->limit;
    p->continues = true;
    bool ok = put_text(p, question) && put_family(p, chat->reply);
    size_t tail = p->count;
    p->count = 0;
    p->continues = false;
    ok = ok && put_start(p) && put_family(p, chat->start) && put_text(p, instruction) &&
         put_family(p, chat->user);
    if (!ok || p->count + tail + LEAST_PASSAGE_TOKENS > most)
        return error_set(err, ERROR_INPUT,
                         "a question of %zu bytes and the instruction do not fit "
                         "into the %zu tokens that this model's context leaves for a prompt; "
                         "ask in fewer words; " ANOTHER_MODEL,
                         job->question.n, most);
    p->limit = most - tail;
    choose_passages(p, job, out);
    p->limit = most;
    out->shared = p->count;
    if (out->told_count == 0)
        return error_set(err, ERROR_MODEL,
                         "this model's context is too short for one passage of the "
                         "documents; " ANOTHER_MODEL);
    return put_text(p, question) && put_family(p, chat->reply);
}

static void prompt_start(prompt *p, const engine_tokenizer *t, arena *a, size_t limit) {
    *p = (prompt){.tokenizer = t, .a = a, .limit = limit};
    p->ids = arena_alloc(a, limit, sizeof *p->ids);
    for (size_t i = 0; i < MARKS; i++) p->marks[i] = engine_token_find(t, str_of(marks[i]));
}

bool query_prompt_build(const query_job *job, const engine_tokenizer *t, const query_chat *chat,
                        str instruction, size_t limit, query_prompt *out, error *err) {
    prompt p;
    prompt_start(&p, t, job->a, limit);
    if (!build(&p, job, chat, instruction, out, err)) return false;
    out->ids = p.ids;
    out->count = p.count;
    return true;
}

size_t query_prompt_end_of_thought(const engine_tokenizer *t, int32_t *ids, size_t most) {
    prompt p;
    arena *a = arena_new();
    prompt_start(&p, t, a, most);
    p.continues = true;
    if (!put_family(&p, END_OF_THOUGHT)) p.count = 0;
    for (size_t i = 0; i < p.count; i++) ids[i] = p.ids[i];
    size_t n = p.count;
    arena_free(a);
    return n;
}
