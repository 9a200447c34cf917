/* vectors: one handle for what makes vectors, whether it runs a network or not, and the arithmetic of
 * vectors. The file is identified by its hash, so that vectors of one model are never compared with
 * those of another.
 */
#include "embed/models.h"

#include "embed/hash.h"

#include <assert.h>
#include <math.h>
#include <string.h>

struct embed_model {
    engine_gguf *file;
    embed_static *fixed; /* one of these two */
    embed_encoder *encoder;
    uint8_t hash[EMBED_HASH_BYTES];
    str name;
};

static bool open_kind(embed_model *m, error *err) {
    static const char *const what[] = {
        [ENGINE_UNKNOWN] = "is of an architecture that is not run here",
        [ENGINE_DECODER] = "writes text",
        [ENGINE_RERANKER] = "ranks passages",
        [ENGINE_READER] = "reads passages",
    };
    engine_kind kind = engine_gguf_kind(m->file);
    if (kind == ENGINE_STATIC) return embed_static_open(m->file, &m->fixed, err);
    if (kind == ENGINE_VECTORS) return embed_encoder_open(m->file, &m->encoder, err);
    str architecture = {0};
    engine_gguf_str(m->file, "general.architecture", &architecture);
    return error_set(err, ERROR_MODEL,
                     STR_FMT ": this model (\"" STR_FMT "\") %s, it makes no vectors",
                     STR_ARG(engine_gguf_path(m->file)), STR_ARG(architecture), what[kind]);
}

bool embed_model_open(const char *path, const uint8_t *hash, embed_model **out, error *err) {
    embed_model *m = mem_new(1, sizeof *m);
    if (hash) memcpy(m->hash, hash, sizeof m->hash);
    if (!engine_gguf_open(path, &m->file, err) || !open_kind(m, err) ||
        (!hash && !embed_hash_file(path, m->hash, err))) {
        embed_model_close(m);
        return false;
    }
    m->name = STR("unnamed");
    engine_gguf_str(m->file, "general.name", &m->name);
    *out = m;
    return true;
}

void embed_model_close(embed_model *m) {
    if (!m) return;
    embed_static_close(m->fixed);
    embed_encoder_close(m->encoder);
    engine_gguf_close(m->file);
    mem_free(m);
}

bool embed_is_static(const embed_model *m) {
    return m->fixed != NULL;
}

size_t embed_width(const embed_model *m) {
    return m->fixed ? embed_static_width(m->fixed) : embed_encoder_width(m->encoder);
}

const uint8_t *embed_hash(const embed_model *m) {
    return m->hash;
}

str embed_name(const embed_model *m) {
    return m->name;
}

bool embed_texts(const embed_model *m, pool *p, embed_role role, const str *texts, size_t count,
                 float *out, size_t *cut, error *err) {
    if (cut) *cut = 0;
    if (m->encoder) return embed_encoder_texts(m->encoder, p, role, texts, count, out, cut, err);
    for (size_t i = 0; i < count; i++)
        embed_static_text(m->fixed, texts[i], out + i * embed_static_width(m->fixed));
    return true;
}

void embed_passage_text(text *out, str title, str heading, str body) {
    text_put(out, title);
    if (heading.n) {
        text_put(out, STR(" > "));
        text_put(out, heading);
    }
    text_put(out, STR(": "));
    text_put(out, body);
}

size_t embed_count_tokens(const embed_model *m, str s) {
    assert(m->fixed);
    return embed_static_count(m->fixed, s);
}

void embed_text(const embed_model *m, str s, float *out) {
    assert(m->fixed);
    embed_static_text(m->fixed, s, out);
}

float embed_word_weight(const embed_model *m, str word) {
    assert(m->fixed);
    return embed_static_word(m->fixed, word);
}

/* ---- arithmetic --------------------------------------------------------------------------- */

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
