/* static: the built-in sentence embedding, a static token-vector model. A text's vector is the sum
 * of its tokens' vectors, each with a learned weight, scaled to length 1. No network is run, so
 * that an old laptop embeds a shelf of manuals in seconds; what it misses in nuance, the words
 * (BM25) that it is fused with and the reader make up for. Method: bag of weighted word vectors,
 * after Arora, Liang, Ma, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", ICLR 2017,
 * with weights and vectors learned together on pairs (models/train/README.md).
 *
 * GGUF: architecture `carrel-static`; token_embd.weight [width, vocab], token_weight [vocab] F32.
 */
#include "embed/models.h"

#include <math.h>
#include <string.h>

#define WIDTH_MULTIPLE 32 /* a Q8_0 block: rows of other widths could not be stored */

struct embed_static {
    const engine_gguf *file;
    engine_tokenizer *tokenizer;
    const engine_tensor *vectors;
    const float *weights; /* [vocab], inside the mapping */
    size_t width, row_bytes;
};

static bool read_shapes(embed_static *m, error *err) {
    str path = engine_gguf_path(m->file);
    uint32_t width = 0;
    if (!engine_gguf_u32(m->file, "carrel-static.embedding_length", &width) || width == 0 ||
        width > EMBED_WIDEST || width % WIDTH_MULTIPLE != 0)
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": carrel-static.embedding_length is missing or is not a "
                                 "multiple of %d up to %d",
                         STR_ARG(path), WIDTH_MULTIPLE, EMBED_WIDEST);
    uint64_t vocab = engine_vocab_size(m->tokenizer);
    const engine_tensor *weights = NULL;
    if (!engine_gguf_need(m->file, "token_embd.weight", 2, (uint64_t[]){width, vocab}, &m->vectors,
                          err) ||
        !engine_gguf_need(m->file, "token_weight", 1, (uint64_t[]){vocab}, &weights, err))
        return false;
    if (weights->type != ENGINE_F32)
        return error_set(err, ERROR_MODEL, STR_FMT ": token_weight must be F32, it is %s",
                         STR_ARG(path), engine_type_name(weights->type));
    m->weights = weights->data;
    m->width = width;
    m->row_bytes = engine_row_bytes(m->vectors->type, width);
    return true;
}

bool embed_static_open(const engine_gguf *g, embed_static **out, error *err) {
    embed_static *m = mem_new(1, sizeof *m);
    m->file = g;
    if (!engine_tokenizer_new(g, &m->tokenizer, err) || !read_shapes(m, err)) {
        embed_static_close(m);
        return false;
    }
    *out = m;
    return true;
}

void embed_static_close(embed_static *m) {
    if (!m) return;
    engine_tokenizer_free(m->tokenizer);
    mem_free(m);
}

size_t embed_static_width(const embed_static *m) {
    return m->width;
}

size_t embed_static_count(const embed_static *m, str s) {
    arena *a = arena_new();
    engine_token *tokens;
    size_t n;
    engine_tokenize(m->tokenizer, s, 0, a, &tokens, &n);
    arena_free(a);
    return n;
}

/* The weighted sum of the tokens' vectors; returns its length, 0 when it has none. */
static float sum_tokens(const embed_static *m, str s, float *out) {
    arena *a = arena_new();
    engine_token *tokens;
    size_t n;
    engine_tokenize(m->tokenizer, s, 0, a, &tokens, &n);
    float *row = arena_alloc(a, m->width, sizeof *row);
    memset(out, 0, m->width * sizeof *out);
    for (size_t t = 0; t < n; t++) {
        float weight = m->weights[tokens[t].id];
        if (weight == 0) continue; /* an unknown piece */
        const char *data = m->vectors->data;
        engine_add_row(m->vectors->type, data + (size_t)tokens[t].id * m->row_bytes, weight, row,
                       out, m->width);
    }
    arena_free(a);
    double square = 0;
    for (size_t i = 0; i < m->width; i++) square += (double)out[i] * out[i];
    return isfinite(square) ? (float)sqrt(square) : 0;
}

void embed_static_text(const embed_static *m, str s, float *out) {
    float length = sum_tokens(m, s, out);
    for (size_t i = 0; i < m->width; i++) out[i] = length > 0 ? out[i] / length : 0;
}

float embed_static_word(const embed_static *m, str word) {
    float *sum = mem_new(m->width, sizeof *sum), length = sum_tokens(m, word, sum);
    mem_free(sum);
    return length > 0 ? length : 1;
}
