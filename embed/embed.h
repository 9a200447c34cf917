/* embed: a text becomes a unit vector; a question and a passage become a score of how well they fit,
 * or scored answer spans.
 *
 * All models are GGUF files that `engine` runs. Handles are immutable after opening and may be
 * shared by threads; scratch memory comes from the arena of the call.
 */
#ifndef CARREL_EMBED_H
#define CARREL_EMBED_H

#include "base/base.h"

/* ---- vectors ------------------------------------------------------------------------------ */

/* Makes vectors of texts: the built-in static model, or an encoder that the user brought. */
typedef struct embed_model embed_model;

typedef enum { EMBED_QUESTION, EMBED_PASSAGE } embed_role;

/* Reads a `carrel-static` GGUF (token vectors with one weight each), or any embedding model that
 * `engine` runs. ERROR_MODEL says what the file is instead. hash: the file's SHA-256 where it is
 * known already (hashing takes a second for 300 MB); NULL: it is computed. */
bool embed_model_open(const char *path, const uint8_t *hash, embed_model **out, error *err);
void embed_model_close(embed_model *m); /* NULL is fine */

/* A static model: no network is run, and a text costs microseconds. */
bool embed_is_static(const embed_model *m);
size_t embed_width(const embed_model *m);
const uint8_t *embed_hash(const embed_model *m); /* [32], SHA-256 of the file */
str embed_name(const embed_model *m);

/* out: [count][width], each of L2 norm 1, or all zero for a text without a known token. Models that
 * were trained with a few words in front of questions or passages get them. A text longer than the
 * model's context is cut, and counted in *cut (may be NULL). Give some dozens at once: they are run
 * together. p may be NULL. */
bool embed_texts(const embed_model *m, pool *p, embed_role role, const str *texts, size_t count,
                 float *out, size_t *cut, error *err);

/* A chunk as it is embedded and ranked: "title > heading: body", appended. */
void embed_passage_text(text *out, str title, str heading, str body);

/* Of static models only: */
size_t embed_count_tokens(const embed_model *m, str s);
void embed_text(const embed_model *m, str s, float *out); /* as embed_texts does; never fails */
/* How much a word says, as the model has learnt it: the length of its vector before scaling; about
 * 0.2 for "does", 1 for "piston", more for a rare name; 1 for a word of unknown pieces. Unlike a
 * frequency counted in a library of ten documents it knows which words are common. */
float embed_word_weight(const embed_model *m, str word);

/* Symmetric int8 with one scale: value = *scale * out[i]; |out[i]| <= 127. */
void embed_quantize(const float *vector, size_t width, int8_t *out, float *scale);
float embed_cosine(const float *a, const float *b, size_t width); /* of unit vectors */

/* ---- reranking ---------------------------------------------------------------------------- */

/* Reads a question and a passage together, and says how well the one answers the other. */
typedef struct embed_reranker embed_reranker;

bool embed_reranker_open(const char *path, embed_reranker **out, error *err);
void embed_reranker_close(embed_reranker *r); /* NULL is fine */
str embed_reranker_name(const embed_reranker *r);
/* scores: [count], 0 to 1, higher is better; each depends on its own passage alone. A passage that
 * does not fit is cut. p may be NULL. */
bool embed_rerank(const embed_reranker *r, pool *p, str question, const str *passages, size_t count,
                  float *scores, error *err);

/* ---- the reader --------------------------------------------------------------------------- */

typedef struct embed_reader embed_reader;

/* Reads a `carrel-reader` GGUF: a small bidirectional encoder that scores spans and sentences. */
bool embed_reader_open(const char *path, embed_reader **out, error *err);
void embed_reader_close(embed_reader *r);

/* One candidate: bytes [begin, end) of the passage, on word bounds. score = start + end logit
 * minus those of "no answer" ([CLS]); above 0 the model holds it for an answer. */
typedef struct {
    uint32_t begin, end;
    float score;
} embed_span;

/* One sentence, as sentence_next cuts them: its first word's first byte (UINT32_MAX: it has none), and
 * how much more the model holds it for the one that answers than none. */
typedef struct {
    uint32_t begin;
    float score;
} embed_sentence;

typedef struct {
    const embed_span *spans; /* best first, no two the same, at most the limit */
    size_t span_count;
    embed_sentence *sentences; /* in the order of the passage */
    size_t sentence_count;
} embed_reading;

/* Reads one passage. One that is longer than the model's context is read in overlapping windows. p may
 * be NULL. */
bool embed_read(const embed_reader *r, pool *p, str question, str passage, size_t limit, arena *a,
                embed_reading *out, error *err);

#endif
