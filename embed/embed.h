/* embed: a text becomes a unit vector; a question and a passage become scored answer spans.
 *
 * Both models are GGUF files that `engine` runs. Handles are immutable after opening and may be
 * shared by threads; scratch memory comes from the arena of the call.
 */
#ifndef CARREL_EMBED_H
#define CARREL_EMBED_H

#include "base/base.h"

/* ---- vectors ------------------------------------------------------------------------------ */

typedef struct embed_model embed_model;

/* Reads a `carrel-static` GGUF: token vectors with one weight each. */
bool embed_model_open(const char *path, embed_model **out, error *err);
void embed_model_close(embed_model *m);

size_t embed_width(const embed_model *m);
const uint8_t *embed_hash(const embed_model *m); /* [32], SHA-256 of the file */
str embed_name(const embed_model *m);

size_t embed_count_tokens(const embed_model *m, str s);
/* out: [width], L2 norm 1, or all zero for a text without a known token. */
void embed_text(const embed_model *m, str s, float *out);
/* How much a word says, as the model has learnt it: the length of its vector before scaling; about
 * 0.2 for "does", 1 for "piston", more for a rare name; 1 for a word of unknown pieces. Unlike a
 * frequency counted in a library of ten documents it knows which words are common. */
float embed_word_weight(const embed_model *m, str word);
/* Symmetric int8 with one scale: value = *scale * out[i]; |out[i]| <= 127. */
void embed_quantize(const float *vector, size_t width, int8_t *out, float *scale);
float embed_cosine(const float *a, const float *b, size_t width); /* of unit vectors */

/* ---- the reader --------------------------------------------------------------------------- */

typedef struct embed_reader embed_reader;

/* Reads a `carrel-reader` GGUF: a small bidirectional encoder with start and end logits. */
bool embed_reader_open(const char *path, embed_reader **out, error *err);
void embed_reader_close(embed_reader *r);
str embed_reader_name(const embed_reader *r);

/* One candidate: bytes [begin, end) of the passage, on word bounds. score = start + end logit
 * minus those of "no answer" ([CLS]); above 0 the model holds it for an answer. */
typedef struct {
    uint32_t begin, end;
    float score;
} embed_span;

/* The best spans of one passage, best first, no two the same, at most `limit`. A passage longer
 * than the model's context is read in overlapping windows. p may be NULL. */
bool embed_read(const embed_reader *r, pool *p, str question, str passage, size_t limit, arena *a,
                embed_span **out, size_t *count, error *err);

#endif
