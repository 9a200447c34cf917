/* models: the two kinds of embedding models behind one handle, and what encoders and rerankers share
 * of putting tokens together. Private to this room.
 */
#ifndef CARREL_EMBED_MODELS_H
#define CARREL_EMBED_MODELS_H

#include "embed/embed.h"
#include "engine/engine.h"

#define EMBED_WIDEST 4096 /* what a library stores at most */
/* Tokens of one input, where the model would take more: no chunk is that long, and memory and time
 * grow with it. */
#define EMBED_MOST_TOKENS 2048

/* ---- static.c ------------------------------------------------------------------------------ */

/* g must outlive it. */
typedef struct embed_static embed_static;
bool embed_static_open(const engine_gguf *g, embed_static **out, error *err);
void embed_static_close(embed_static *m);
size_t embed_static_width(const embed_static *m);
size_t embed_static_count(const embed_static *m, str s);
void embed_static_text(const embed_static *m, str s, float *out);
float embed_static_word(const embed_static *m, str word);

/* ---- encoder.c ----------------------------------------------------------------------------- */

typedef struct embed_encoder embed_encoder;
bool embed_encoder_open(const engine_gguf *g, embed_encoder **out, error *err);
void embed_encoder_close(embed_encoder *e);
size_t embed_encoder_width(const embed_encoder *e);
bool embed_encoder_texts(const embed_encoder *e, pool *p, embed_role role, const str *texts,
                         size_t count, float *out, size_t *cut, error *err);
/* What a model of this architecture and name (any spelling) was trained to find in front. */
str embed_prefix(str architecture, str name, embed_role role);

/* ---- input.c ------------------------------------------------------------------------------- */

/* An input that is being put together; ids and types have room for `most`. */
typedef struct {
    int32_t *ids;
    uint8_t *types;
    size_t n, most;
} embed_input;

embed_input embed_input_new(arena *a, size_t most);
/* As much of it as fits. */
void embed_input_put(embed_input *in, const int32_t *ids, size_t n, uint8_t type);
/* A text's own tokens, at most `limit` of them: what it spells is never a control token. False where
 * it had more. */
bool embed_input_text(embed_input *in, const engine_tokenizer *t, str s, size_t limit,
                      uint8_t type);

#endif
