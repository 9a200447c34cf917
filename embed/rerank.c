/* rerank: a question and a passage go through a network together, and a score comes out.
 *
 * Every family wants the pair written in its own way, and a score means nothing when it is written
 * in another:
 *   BERT       [CLS] question [SEP] passage [SEP], token types 0 and 1
 *   RoBERTa    <s> question </s> </s> passage </s> (XLM-R too; told by its vocabulary)
 *   Qwen 3     a chat turn that asks for "yes" or "no", with an empty thought in front of the answer
 * Control tokens come from the format alone: question and passage never spell one.
 *
 * Method: Nogueira, Cho, "Passage Re-ranking with BERT", 2019; for Qwen 3 the form that its authors
 * publish with the model.
 */
#include "embed/models.h"

#include <math.h>
#include <string.h>

#define MOST_QUESTION_TOKENS 128 /* of a pair; the passage needs the room */
#define LEAST_CONTEXT 64
#define MOST_FORM_TOKENS 512 /* of a chat form, which is half of the least sensible context */

/* The published form of Qwen3-Reranker; a file may bring its own for the first and the last part. */
#define CHAT_HEAD                                                                               \
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query " \
    "and "                                                                                      \
    "the Instruct provided. Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n"    \
    "<|im_start|>user\n"
#define CHAT_TASK                                                                              \
    "<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n" \
    "<Query>: "
#define CHAT_DOCUMENT "\n<Document>: "
#define CHAT_TAIL "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"

enum { MOST_MIDDLE = 2 };

struct embed_reranker {
    engine_gguf *file;
    engine_tokenizer *tokenizer;
    engine_encoder *encoder;
    arena *memory;
    str name;
    size_t limit;
    int32_t *head, *tail; /* control tokens in front and behind */
    size_t head_n, tail_n;
    /* A pair: */
    int32_t middle[MOST_MIDDLE];
    size_t middle_n;
    uint8_t second; /* type of the passage */
    /* A chat turn, which is one text: */
    bool chat;
    str task, document;
};

/* ---- opening ------------------------------------------------------------------------------ */

static bool lacks(const embed_reranker *r, const char *what, error *err) {
    return error_set(err, ERROR_MODEL, STR_FMT ": the vocabulary has no %s to rank with",
                     STR_ARG(engine_gguf_path(r->file)), what);
}

static bool look_pair(embed_reranker *r, uint32_t types, error *err) {
    str model = {0};
    engine_gguf_str(r->file, "tokenizer.ggml.model", &model);
    bool wordpiece = str_eq(model, STR("bert"));
    int32_t cls = engine_token_special(r->tokenizer, ENGINE_CLS);
    int32_t bos = engine_token_special(r->tokenizer, ENGINE_BOS);
    int32_t eos = engine_token_special(r->tokenizer, ENGINE_EOS);
    int32_t sep = engine_token_special(r->tokenizer, ENGINE_SEP);
    int32_t first = wordpiece || bos < 0 ? cls : bos;
    if (sep < 0) sep = eos;
    if (wordpiece || eos < 0) eos = sep;
    if (first < 0) return lacks(r, "token in front", err);
    if (eos < 0) return lacks(r, "separator", err);
    r->head = arena_alloc(r->memory, 1, sizeof *r->head);
    r->tail = arena_alloc(r->memory, 1, sizeof *r->tail);
    r->head[r->head_n++] = first;
    r->tail[r->tail_n++] = eos;
    r->middle[r->middle_n++] = eos;
    if (!wordpiece) r->middle[r->middle_n++] = sep;
    r->second = wordpiece && types > 1;
    return true;
}

static bool read_form(embed_reranker *r, str form, int32_t **ids, size_t *n, error *err) {
    engine_token *tokens;
    engine_tokenize(r->tokenizer, form, ENGINE_PARSE_SPECIAL, r->memory, &tokens, n);
    if (*n > MOST_FORM_TOKENS || *n >= r->limit / 2)
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": the form of its questions takes %zu tokens, which leaves no "
                                 "room for a passage",
                         STR_ARG(engine_gguf_path(r->file)), *n);
    *ids = arena_alloc(r->memory, *n, sizeof **ids);
    for (size_t i = 0; i < *n; i++) (*ids)[i] = tokens[i].id;
    return true;
}

/* What the file's own template says around {query} and {document}, where it has the known parts. */
static void own_form(const embed_reranker *r, str *head, str *tail) {
    static const char user[] = "<|im_start|>user\n";
    str form, begin = STR(user), end = STR("<|im_end|>");
    if (!engine_gguf_str(r->file, "tokenizer.chat_template.rerank", &form)) return;
    size_t query = str_find(form, STR("{query}"), 0),
           document = str_find(form, STR("{document}"), 0);
    size_t at = str_find(form, begin, 0);
    if (query == SIZE_MAX || document == SIZE_MAX || at == SIZE_MAX || at > query) return;
    size_t last = str_find(form, end, document);
    if (last == SIZE_MAX) return;
    *head = str_cut(form, 0, at + begin.n);
    *tail = str_cut(form, last, form.n);
}

static bool look_chat(embed_reranker *r, error *err) {
    str head = STR(CHAT_HEAD), tail = STR(CHAT_TAIL);
    own_form(r, &head, &tail);
    r->chat = true;
    r->task = STR(CHAT_TASK);
    r->document = STR(CHAT_DOCUMENT);
    return read_form(r, head, &r->head, &r->head_n, err) &&
           read_form(r, tail, &r->tail, &r->tail_n, err);
}

static bool look(embed_reranker *r, error *err) {
    engine_encoder_info info;
    engine_encoder_describe(r->encoder, &info);
    r->name = info.name.n ? info.name : STR("unnamed");
    r->limit = info.context < EMBED_MOST_TOKENS ? info.context : EMBED_MOST_TOKENS;
    if (r->limit < LEAST_CONTEXT)
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": a context of %u tokens is too short for a question and a "
                                 "passage, %d are needed",
                         STR_ARG(engine_gguf_path(r->file)), info.context, LEAST_CONTEXT);
    return str_starts(info.architecture, STR("qwen")) ? look_chat(r, err)
                                                      : look_pair(r, info.types, err);
}

bool embed_reranker_open(const char *path, embed_reranker **out, error *err) {
    embed_reranker *r = mem_new(1, sizeof *r);
    r->memory = arena_new();
    bool ok = engine_gguf_open(path, &r->file, err);
    if (ok && engine_gguf_kind(r->file) != ENGINE_RERANKER)
        ok = error_set(err, ERROR_MODEL, "%s: this model ranks no passages", path);
    ok = ok && engine_tokenizer_new(r->file, &r->tokenizer, err) &&
         engine_encoder_open(r->file, &r->encoder, err) && look(r, err);
    if (!ok) {
        embed_reranker_close(r);
        return false;
    }
    *out = r;
    return true;
}

void embed_reranker_close(embed_reranker *r) {
    if (!r) return;
    engine_encoder_close(r->encoder);
    engine_tokenizer_free(r->tokenizer);
    engine_gguf_close(r->file);
    arena_free(r->memory);
    mem_free(r);
}

str embed_reranker_name(const embed_reranker *r) {
    return r->name;
}

/* ---- running ------------------------------------------------------------------------------ */

static void put_pair(const embed_reranker *r, str question, str passage, size_t room,
                     embed_input *in) {
    room -= r->middle_n;
    size_t most = room / 2 < MOST_QUESTION_TOKENS ? room / 2 : MOST_QUESTION_TOKENS, before = in->n;
    embed_input_text(in, r->tokenizer, question, most, 0);
    room -= in->n - before;
    embed_input_put(in, r->middle, r->middle_n, 0);
    embed_input_text(in, r->tokenizer, passage, room, r->second);
}

/* One text, because words at its seams become other tokens than they would alone. */
static void put_turn(const embed_reranker *r, str question, str passage, size_t room,
                     embed_input *in) {
    text all = {0};
    text_put(&all, r->task);
    text_put(&all, question);
    text_put(&all, r->document);
    text_put(&all, passage);
    embed_input_text(in, r->tokenizer, text_str(&all), room, 0);
    text_free(&all);
}

bool embed_rerank(const embed_reranker *r, pool *p, str question, const str *passages, size_t count,
                  float *scores, error *err) {
    arena *a = arena_new();
    engine_sequence *in = arena_alloc(a, count, sizeof *in);
    size_t room = r->limit - r->head_n - r->tail_n;
    for (size_t i = 0; i < count; i++) {
        embed_input x = embed_input_new(a, r->limit);
        embed_input_put(&x, r->head, r->head_n, 0);
        if (r->chat)
            put_turn(r, question, passages[i], room, &x);
        else
            put_pair(r, question, passages[i], room, &x);
        embed_input_put(&x, r->tail, r->tail_n, r->second);
        in[i] = (engine_sequence){x.ids, x.types, x.n};
    }
    bool ok = count == 0 || engine_encode_batch(r->encoder, p, in, count, scores, err);
    for (size_t i = 0; ok && i < count; i++)
        if (!isfinite(scores[i]))
            ok = error_set(err, ERROR_MODEL,
                           "the reranker gives no finite score: its file is "
                           "damaged, or not what it says");
    arena_free(a);
    return ok;
}
