/* The built-in sentence embedding: a static token-vector model. A text's vector is the sum of its
 * tokens' vectors, each with a learned weight, scaled to length 1. No network is run, so that an
 * old laptop embeds a shelf of manuals in seconds; what it misses in nuance, the words (BM25) that
 * it is fused with and the reader make up for. Method: bag of weighted word vectors, after
 * Arora, Liang, Ma, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", ICLR 2017, with
 * weights and vectors learned together on pairs (models/train/README.md).
 *
 * GGUF: architecture `carrel-static`; token_embd.weight [width, vocab], token_weight [vocab] F32.
 */
#include "embed/embed.h"

#include "embed/hash.h"
#include "engine/engine.h"

#include <math.h>
#include <string.h>

#define WIDEST 4096       /* no static model has been seen wider than a thousand or so */
#define WIDTH_MULTIPLE 32 /* a Q8_0 block: rows of other widths could not be stored */

struct embed_model {
    engine_gguf *file;
    engine_tokenizer *tokenizer;
    const engine_tensor *vectors;
    const float *weights; /* [vocab], inside the mapping */
    size_t width, row_bytes;
    uint8_t hash[EMBED_HASH_BYTES];
    str name;
};

static bool read_shapes(embed_model *m, error *err) {
    str architecture = {0};
    engine_gguf_str(m->file, "general.architecture", &architecture);
    str path = engine_gguf_path(m->file);
    if (!str_eq(architecture, STR("carrel-static")))
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": the embedding model must be of architecture carrel-static, "
                                 "this file holds '" STR_FMT "'",
                         STR_ARG(path), STR_ARG(architecture));
    uint32_t width = 0;
    if (!engine_gguf_u32(m->file, "carrel-static.embedding_length", &width) || width == 0 ||
        width > WIDEST || width % WIDTH_MULTIPLE != 0)
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": carrel-static.embedding_length is missing or is not a "
                                 "multiple of %d up to %d",
                         STR_ARG(path), WIDTH_MULTIPLE, WIDEST);
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
    m->name = STR("unnamed");
    engine_gguf_str(m->file, "general.name", &m->name);
    return true;
}

bool embed_model_open(const char *path, embed_model **out, error *err) {
    embed_model *m = mem_new(1, sizeof *m);
    if (!engine_gguf_open(path, &m->file, err) ||
        !engine_tokenizer_new(m->file, &m->tokenizer, err) || !read_shapes(m, err) ||
        !embed_hash_file(path, m->hash, err)) {
        embed_model_close(m);
        return false;
    }
    *out = m;
    return true;
}

void embed_model_close(embed_model *m) {
    if (!m) return;
    engine_tokenizer_free(m->tokenizer);
    engine_gguf_close(m->file);
    mem_free(m);
}

size_t embed_width(const embed_model *m) {
    return m->width;
}

const uint8_t *embed_hash(const embed_model *m) {
    return m->hash;
}

str embed_name(const embed_model *m) {
    return m->name;
}

size_t embed_count_tokens(const embed_model *m, str s) {
    arena *a = arena_new();
    engine_token *tokens;
    size_t n;
    engine_tokenize(m->tokenizer, s, 0, a, &tokens, &n);
    arena_free(a);
    return n;
}

/* The weighted sum of the tokens' vectors; returns its length, 0 when it has none. */
static float sum_tokens(const embed_model *m, str s, float *out) {
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
        engine_dequantize(m->vectors->type, data + (size_t)tokens[t].id * m->row_bytes, row,
                          m->width);
        for (size_t i = 0; i < m->width; i++) out[i] += weight * row[i];
    }
    arena_free(a);
    double square = 0;
    for (size_t i = 0; i < m->width; i++) square += (double)out[i] * out[i];
    return isfinite(square) ? (float)sqrt(square) : 0;
}

void embed_text(const embed_model *m, str s, float *out) {
    float length = sum_tokens(m, s, out);
    for (size_t i = 0; i < m->width; i++) out[i] = length > 0 ? out[i] / length : 0;
}

float embed_word_weight(const embed_model *m, str word) {
    float *sum = mem_new(m->width, sizeof *sum), length = sum_tokens(m, word, sum);
    mem_free(sum);
    return length > 0 ? length : 1;
}

void embed_quantize(const float *vector, size_t width, int8_t *out, float *scale) {
    float most = 0;
    for (size_t i = 0; i < width; i++)
        if (fabsf(vector[i]) > most) most = fabsf(vector[i]);
    *scale = most / 127;
    for (size_t i = 0; i < width; i++)
        out[i] = most > 0 ? (int8_t)lrintf(vector[i] / most * 127) : 0;
}

float embed_cosine(const float *a, const float *b, size_t width) {
    float sum = 0;
    for (size_t i = 0; i < width; i++) sum += a[i] * b[i];
    return sum;
}
