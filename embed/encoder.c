/* encoder: an embedding model that the user brought, from BERT's family to Qwen 3.
 *
 * The network is the engine's; here stands what models were trained to read besides the text: the
 * special tokens around it, and for many a few words in front that tell a question from a passage.
 * Files do not say those words, so they are told from architecture and name, as the models' authors
 * publish them; a name that is not known gets none, which costs some quality and is never wrong.
 *
 * Chunks are cut for the built-in model, at 300 of its tokens. That fits into 512 positions in the
 * languages that it knows; what does not fit is cut off at the end, with the special tokens kept.
 */
#include "embed/models.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define MOST_NAME 128
#define LEAST_CONTEXT 16 /* below it nothing of a text is left beside the words in front */

struct embed_encoder {
    engine_tokenizer *tokenizer;
    engine_encoder *encoder;
    size_t width, limit;
    int32_t front[1], behind[1];
    size_t front_n, behind_n;
    str prefix[2]; /* by role; literals */
};

/* ---- words in front ----------------------------------------------------------------------- */

#define SEARCHING "Represent this sentence for searching relevant passages: "
#define TASK \
    "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"

/* `name`: at the start of a word of the model's name. The first that fits is taken. */
static const struct {
    const char *architecture, *name; /* NULL: any */
    const char *question, *passage;
} prefixes[] = {
    {"gemma-embedding", NULL, "task: search result | query: ", "title: none | text: "},
    {"qwen3", NULL, TASK, ""},
    {NULL, "nomic-embed-text", "search_query: ", "search_document: "},
    {NULL, "arctic-embed-l-v2", "query: ", ""},
    {NULL, "arctic-embed-m-v2", "query: ", ""},
    {NULL, "arctic-embed", SEARCHING, ""},
    {NULL, "mxbai-embed", SEARCHING, ""},
    {NULL, "bge-small-en", SEARCHING, ""},
    {NULL, "bge-base-en", SEARCHING, ""},
    {NULL, "bge-large-en", SEARCHING, ""},
    {NULL, "e5-large-instruct", TASK " ", ""}, /* multilingual-e5-large-instruct */
    {NULL, "e5-", "query: ", "passage: "},
    {"nomic-bert", NULL, "search_query: ", "search_document: "},
};

/* In lower case, its words joined by '-', whatever joined them. */
static void plain_name(str name, char out[MOST_NAME]) {
    size_t n = 0;
    for (size_t i = 0; i < name.n && n + 1 < MOST_NAME; i++) {
        unsigned char c = (unsigned char)name.p[i];
        out[n++] = isalnum(c) ? (char)tolower(c) : '-';
    }
    out[n] = 0;
}

static bool has_word(const char *name, const char *wanted) {
    for (const char *at = name; (at = strstr(at, wanted)); at++)
        if (at == name || at[-1] == '-') return true;
    return false;
}

str embed_prefix(str architecture, str name, embed_role role) {
    char plain[MOST_NAME];
    plain_name(name, plain);
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (prefixes[i].architecture && !str_eq(architecture, str_of(prefixes[i].architecture)))
            continue;
        if (prefixes[i].name && !has_word(plain, prefixes[i].name)) continue;
        return str_of(role == EMBED_QUESTION ? prefixes[i].question : prefixes[i].passage);
    }
    return (str){0};
}

/* ---- opening ------------------------------------------------------------------------------ */

/* What the file wants in front of a text and behind it: what becomes of an empty one. */
static void find_ends(embed_encoder *e) {
    arena *a = arena_new();
    engine_token *tokens;
    size_t n;
    engine_tokenize(e->tokenizer, (str){0}, ENGINE_ADD_SPECIAL, a, &tokens, &n);
    int32_t first = engine_token_special(e->tokenizer, ENGINE_BOS);
    if (n > 0 && tokens[0].id == first) e->front[e->front_n++] = first;
    if (n > e->front_n) e->behind[e->behind_n++] = tokens[n - 1].id;
    arena_free(a);
}

/* Models whose last token becomes the vector learnt it on the end mark; older files of them do not
 * ask for it, and their authors say to append it. */
static void need_end(embed_encoder *e, const engine_gguf *g) {
    engine_description d;
    engine_describe(g, &d);
    if (e->behind_n > 0 || !str_eq(d.pooling, STR("LAST"))) return;
    int32_t end = engine_token_find(e->tokenizer, STR("<|endoftext|>"));
    if (end < 0) end = engine_token_special(e->tokenizer, ENGINE_EOS);
    if (end >= 0) e->behind[e->behind_n++] = end;
}

static bool look(embed_encoder *e, const engine_gguf *g, error *err) {
    static const char *const keys[] = {"general.name", "general.basename"};
    engine_encoder_info info;
    engine_encoder_describe(e->encoder, &info);
    e->width = info.width;
    e->limit = info.context < EMBED_MOST_TOKENS ? info.context : EMBED_MOST_TOKENS;
    if (e->limit < LEAST_CONTEXT || e->width > EMBED_WIDEST)
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": a context of %u tokens and vectors of width %u are given; from "
                                 "%d tokens and up to width %d can be used",
                         STR_ARG(engine_gguf_path(g)), info.context, info.width, LEAST_CONTEXT,
                         EMBED_WIDEST);
    find_ends(e);
    need_end(e, g);
    for (int role = EMBED_QUESTION; role <= EMBED_PASSAGE; role++)
        for (size_t k = 0; k < sizeof keys / sizeof *keys && e->prefix[role].n == 0; k++) {
            str name = {0};
            engine_gguf_str(g, keys[k], &name);
            e->prefix[role] = embed_prefix(info.architecture, name, (embed_role)role);
        }
    return true;
}

bool embed_encoder_open(const engine_gguf *g, embed_encoder **out, error *err) {
    embed_encoder *e = mem_new(1, sizeof *e);
    if (!engine_tokenizer_new(g, &e->tokenizer, err) || !engine_encoder_open(g, &e->encoder, err) ||
        !look(e, g, err)) {
        embed_encoder_close(e);
        return false;
    }
    *out = e;
    return true;
}

void embed_encoder_close(embed_encoder *e) {
    if (!e) return;
    engine_encoder_close(e->encoder);
    engine_tokenizer_free(e->tokenizer);
    mem_free(e);
}

size_t embed_encoder_width(const embed_encoder *e) {
    return e->width;
}

/* ---- running ------------------------------------------------------------------------------ */

/* Empty where the text has no token of its own. */
static engine_sequence read_text(const embed_encoder *e, embed_role role, str s, arena *a,
                                 bool *whole) {
    text all = {0};
    size_t ends = e->front_n + e->behind_n;
    embed_input in = embed_input_new(a, e->limit);
    text_put(&all, e->prefix[role]);
    text_put(&all, s);
    embed_input_put(&in, e->front, e->front_n, 0);
    *whole = true;
    if (str_trim(s).n > 0)
        *whole = embed_input_text(&in, e->tokenizer, text_str(&all), e->limit - ends, 0);
    text_free(&all);
    bool empty = in.n == e->front_n;
    embed_input_put(&in, e->behind, e->behind_n, 0);
    return (engine_sequence){in.ids, NULL, empty ? 0 : in.n};
}

bool embed_encoder_texts(const embed_encoder *e, pool *p, embed_role role, const str *texts,
                         size_t count, float *out, size_t *cut, error *err) {
    arena *a = arena_new();
    engine_sequence *in = arena_alloc(a, count, sizeof *in);
    size_t *place = arena_alloc(a, count, sizeof *place), n = 0;
    for (size_t i = 0; i < count; i++) {
        bool whole;
        in[n] = read_text(e, role, texts[i], a, &whole);
        if (cut) *cut += !whole;
        place[n] = i;
        n += in[n].n > 0;
    }
    float *vectors = arena_alloc(a, n * e->width, sizeof *vectors);
    bool ok = n == 0 || engine_encode_batch(e->encoder, p, in, n, vectors, err);
    if (ok) memset(out, 0, count * e->width * sizeof *out);
    for (size_t i = 0; ok && i < n; i++) {
        const float *v = vectors + i * e->width;
        bool finite = true;
        for (size_t k = 0; k < e->width; k++) finite = finite && isfinite(v[k]);
        if (!finite) {
            ok = error_set(err, ERROR_MODEL,
                           "the embedding model gives no finite vector: its file "
                           "is damaged, or not what it says");
            break;
        }
        memcpy(out + place[i] * e->width, v, e->width * sizeof *v);
    }
    arena_free(a);
    return ok;
}
