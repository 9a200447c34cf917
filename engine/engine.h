/* engine: a GGUF file becomes logits. It knows nothing of documents.
 *
 * Weights are a read-only mapping of the file. Every size, count and offset in it is checked
 * against the file's length before it is used; a file that cannot be loaded says what it is and
 * why, before memory is taken. Kernels are chosen at run time (scalar, AVX2+FMA+F16C) through
 * cpu_get(). Format: the GGUF specification v2 and v3 (ggml docs/gguf.md).
 */
#ifndef CARREL_ENGINE_H
#define CARREL_ENGINE_H

#include "base/base.h"

/* ---- GGUF --------------------------------------------------------------------------------- */

typedef struct engine_gguf engine_gguf;

/* Tensor types by their GGUF number; others are refused by name when a tensor is used. */
typedef enum {
    ENGINE_F32 = 0,
    ENGINE_F16 = 1,
    ENGINE_Q4_0 = 2,
    ENGINE_Q4_1 = 3,
    ENGINE_Q5_0 = 6,
    ENGINE_Q5_1 = 7,
    ENGINE_Q8_0 = 8,
    ENGINE_Q2_K = 10,
    ENGINE_Q3_K = 11,
    ENGINE_Q4_K = 12,
    ENGINE_Q5_K = 13,
    ENGINE_Q6_K = 14,
    ENGINE_IQ4_NL = 20,
    ENGINE_IQ4_XS = 23,
    ENGINE_BF16 = 30
} engine_type;

typedef struct {
    str name;
    uint32_t type;     /* engine_type, or a number that this build cannot run */
    uint32_t rank;     /* 1..4 */
    uint64_t shape[4]; /* GGUF order: shape[0] is the row length and varies fastest */
    const void *data;  /* inside the mapping */
    uint64_t bytes;
} engine_tensor;

bool engine_gguf_open(const char *path, engine_gguf **out, error *err);
/* The same over bytes that the caller keeps alive, aligned to 8 (tests, fuzzing). */
bool engine_gguf_open_memory(const void *bytes, size_t n, engine_gguf **out, error *err);
void engine_gguf_close(engine_gguf *g); /* NULL is fine */

/* [p, p + n) inside the mapping will not be read soon: its memory may go. */
void engine_gguf_release(const engine_gguf *g, const void *p, size_t n);

str engine_gguf_path(const engine_gguf *g);
uint64_t engine_gguf_bytes(const engine_gguf *g); /* length of the file */
size_t engine_gguf_tensor_count(const engine_gguf *g);
const engine_tensor *engine_gguf_tensor_at(const engine_gguf *g, size_t i);
/* NULL where there is none. */
const engine_tensor *engine_gguf_find(const engine_gguf *g, const char *name);
/* The tensor with exactly this type-independent shape (rank dims, trailing 1s ignored), of a type
 * that can be run; else an error that names the tensor, what it is and what was expected. */
bool engine_gguf_need(const engine_gguf *g, const char *name, uint32_t rank, const uint64_t *shape,
                      const engine_tensor **out, error *err);

/* Metadata. False where the key is missing or of another kind; *out is then untouched. Integers of
 * every width are accepted where they fit. */
bool engine_gguf_u32(const engine_gguf *g, const char *key, uint32_t *out);
bool engine_gguf_f32(const engine_gguf *g, const char *key, float *out);
bool engine_gguf_bool(const engine_gguf *g, const char *key, bool *out);
bool engine_gguf_str(const engine_gguf *g, const char *key, str *out);
size_t engine_gguf_array_count(const engine_gguf *g, const char *key); /* 0 where missing */
bool engine_gguf_array_str(const engine_gguf *g, const char *key, size_t i, str *out);
bool engine_gguf_array_f32(const engine_gguf *g, const char *key, size_t i, float *out);
bool engine_gguf_array_i32(const engine_gguf *g, const char *key, size_t i, int32_t *out);

/* All keys, in the order of their names; value: its kind and itself as they lie in the file. */
size_t engine_gguf_key_count(const engine_gguf *g);
void engine_gguf_key_at(const engine_gguf *g, size_t i, str *key, str *value);

bool engine_type_runs(uint32_t type);
const char *engine_type_name(uint32_t type);              /* "Q4_K", "?" ... */
size_t engine_row_bytes(uint32_t type, uint64_t columns); /* 0 where columns do not fit */
/* n values from src, n a multiple of the type's block. */
void engine_dequantize(uint32_t type, const void *src, float *dst, size_t n);
/* sum += weight * the same n values; `row` is room for them. Same bits as by engine_dequantize. */
void engine_add_row(uint32_t type, const void *src, float weight, float *row, float *sum, size_t n);
/* The other way, with the least squared error that a search finds. False, and nothing written, when
 * the type cannot be run or cannot hold a value (not finite; beyond float16 for most types). */
bool engine_quantize(uint32_t type, const float *src, void *dst, size_t n);

/* ---- what a file is ------------------------------------------------------------------------ */

typedef enum {
    ENGINE_UNKNOWN,  /* of an architecture that this build does not run */
    ENGINE_DECODER,  /* writes: engine_model_open */
    ENGINE_VECTORS,  /* a text becomes a vector: engine_encoder_open */
    ENGINE_RERANKER, /* a question and a passage become a score: engine_encoder_open */
    ENGINE_READER,   /* carrel-reader: engine_encoder_open */
    ENGINE_STATIC    /* carrel-static, vectors without a network: embed */
} engine_kind;

/* From its metadata alone; nothing is loaded. */
engine_kind engine_gguf_kind(const engine_gguf *g);

/* For people to read; strings are borrowed from g, numbers 0 where the file does not say. */
typedef struct {
    engine_kind kind;
    str architecture, name, tokenizer, pre;
    str pooling; /* "MEAN", "CLS", "LAST", "RANK", or empty */
    uint32_t context, width, layers, heads, kv_heads, head, vocab;
    uint64_t parameters, file_bytes;
} engine_description;

void engine_describe(const engine_gguf *g, engine_description *out);

/* ---- writing GGUF ------------------------------------------------------------------------- */

/* Put the metadata, declare the tensors, create the file, write the weights, commit. What is not
 * committed leaves nothing behind. */
typedef struct engine_gguf_writer engine_gguf_writer;

engine_gguf_writer *engine_gguf_writer_new(void);
void engine_gguf_writer_free(engine_gguf_writer *w); /* NULL is fine */

/* The first value of a key stays: to override, put before engine_gguf_copy. */
void engine_gguf_put_u32(engine_gguf_writer *w, const char *key, uint32_t v);
void engine_gguf_put_f32(engine_gguf_writer *w, const char *key, float v);
void engine_gguf_put_bool(engine_gguf_writer *w, const char *key, bool v);
void engine_gguf_put_str(engine_gguf_writer *w, const char *key, str v);
void engine_gguf_put_strs(engine_gguf_writer *w, const char *key, const str *v, size_t n);
void engine_gguf_put_f32s(engine_gguf_writer *w, const char *key, const float *v, size_t n);
void engine_gguf_put_i32s(engine_gguf_writer *w, const char *key, const int32_t *v, size_t n);
void engine_gguf_put_u8s(engine_gguf_writer *w, const char *key, str bytes);
/* As engine_gguf_key_at gives it. */
void engine_gguf_put_raw(engine_gguf_writer *w, str key, str kind_and_value);
void engine_gguf_copy(engine_gguf_writer *w, const engine_gguf *g); /* every key but alignment */

void engine_gguf_declare(engine_gguf_writer *w, str name, uint32_t type, uint32_t rank,
                         const uint64_t *shape);
uint64_t engine_gguf_writer_bytes(const engine_gguf_writer *w); /* that the file will have */
/* Everything in front of the weights, appended; for a file in memory. */
void engine_gguf_header(const engine_gguf_writer *w, text *out);

/* Takes the disk space; refuses a path that exists, unless told to replace it. */
bool engine_gguf_create(engine_gguf_writer *w, const char *path, bool replace, error *err);
/* The next n bytes, all of one tensor; tensors come in the order in which they were declared. */
bool engine_gguf_write(engine_gguf_writer *w, const void *bytes, size_t n, error *err);
bool engine_gguf_commit(engine_gguf_writer *w, error *err); /* the file is whole and on the disk */

/* A model once more with smaller weights. */
typedef struct {
    const char *preset; /* one of engine_presets: "q4_k_m" ... */
    bool replace;       /* a file that is there already */
    /* Bytes of the input that are done; false stops (ERROR_CANCELLED). May be NULL. */
    bool (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
} engine_quantizing;

const char *const *engine_presets(void); /* from the smallest to the largest, then NULL */
/* Vectors and norms stay as they are; metadata is kept. Refuses what would not become smaller.
 * Takes memory for a few rows, not for a model. */
bool engine_model_quantize(const char *in, const char *out, const engine_quantizing *how, pool *p,
                           error *err);

/* ---- tokenizers --------------------------------------------------------------------------- */

/* SentencePiece ("llama"), byte-level BPE ("gpt2"), WordPiece ("bert"), Unigram ("t5"), read from
 * the file. */
typedef struct engine_tokenizer engine_tokenizer;

typedef struct {
    int32_t id;
    uint32_t begin, end; /* bytes of the source that the token covers; WordPiece: its whole word;
                          * begin == end for a token that was added */
} engine_token;

enum {
    ENGINE_ADD_SPECIAL = 1,   /* BOS, EOS, CLS, SEP as the file asks for */
    ENGINE_PARSE_SPECIAL = 2, /* control tokens written out in the text become themselves; never
                               * for text that comes from a document or a user */
    ENGINE_CONTINUES = 4      /* other text stands before s: no space is put in front */
};

/* Copies what it needs; g may be closed afterwards. */
bool engine_tokenizer_new(const engine_gguf *g, engine_tokenizer **out, error *err);
void engine_tokenizer_free(engine_tokenizer *t);

/* s: at most 256 MiB, ill-formed UTF-8 allowed. Safe in several threads at once. SentencePiece and
 * BPE tokens cover s without a gap (one may be part of a character); so do Unigram's, but for white
 * space that becomes none (of several tokens that one character became, the last covers it); a
 * WordPiece word covers its accents, not what stands between words. */
void engine_tokenize(const engine_tokenizer *t, str s, int flags, arena *a, engine_token **out,
                     size_t *count);
size_t engine_vocab_size(const engine_tokenizer *t);
/* The bytes that a token adds to a text (which may be part of a UTF-8 sequence); control tokens
 * add nothing unless `special`. WordPiece marks a word's start with a space. */
void engine_token_put(const engine_tokenizer *t, int32_t id, bool special, text *out);
/* The id of a whole token by its text ("<|im_end|>", "[CLS]"); -1 where there is none. */
int32_t engine_token_find(const engine_tokenizer *t, str piece);

typedef enum {
    ENGINE_BOS,
    ENGINE_EOS,
    ENGINE_UNK,
    ENGINE_SEP,
    ENGINE_PAD,
    ENGINE_CLS
} engine_special;

int32_t engine_token_special(const engine_tokenizer *t, engine_special which); /* -1: none */
bool engine_token_is_end(const engine_tokenizer *t, int32_t id); /* the whole set of end tokens */
/* Adds nothing to a text: control and unknown tokens. */
bool engine_token_is_control(const engine_tokenizer *t, int32_t id);

/* ---- decoders ----------------------------------------------------------------------------- */

typedef struct engine_model engine_model; /* immutable, may be shared by sessions */

typedef struct {
    str architecture, name, chat_template; /* borrowed from the model; may be empty */
    uint32_t context_length, width, layers, vocab;
    uint64_t parameters, file_bytes;
} engine_info;

bool engine_model_open(const char *path, engine_model **out, error *err);
void engine_model_close(engine_model *m); /* NULL is fine */
void engine_model_info(const engine_model *m, engine_info *out);
const engine_tokenizer *engine_model_tokenizer(const engine_model *m);

/* What keys and values are kept in. float16 is what models are made for; int8 takes half of that
 * and moves logits a little; float32 is for comparing engines. */
typedef enum { ENGINE_KV_F16, ENGINE_KV_F32, ENGINE_KV_INT8 } engine_kv;

typedef struct {
    uint32_t n_ctx; /* positions */
    engine_kv kv;
} engine_session_options;

/* One conversation: a KV cache of n_ctx positions and scratch memory, all taken here. */
typedef struct engine_session engine_session;

bool engine_session_new(const engine_model *m, pool *p, const engine_session_options *o,
                        engine_session **out, error *err);
void engine_session_free(engine_session *s);
size_t engine_session_length(const engine_session *s);          /* positions filled */
void engine_session_truncate(engine_session *s, size_t length); /* keeps a prefix */
/* Keeps what s holds as far as it begins ids [n], at most n - 1 tokens, so that there is one left
 * to evaluate; returns how many. Exact: going on from there gives the bits that all of it would. */
size_t engine_session_keep(engine_session *s, const int32_t *ids, size_t n);
/* What a session holds, to a file (mode 0600, replaced at once) and back. It fits a session of the
 * same model, context, cache type and kind of processor; another's is ERROR_MODEL, and the session
 * is then empty. The file says what was read as much as the text itself does. */
bool engine_session_save(const engine_session *s, const char *path, error *err);
bool engine_session_restore(engine_session *s, const char *path, error *err);
void engine_session_discard(const char *path); /* the file, and one that was not finished */
/* Appends n tokens. logits: [vocab] of the last token, or with `all` [n][vocab]. */
bool engine_eval(engine_session *s, const int32_t *ids, size_t n, bool all, float *logits,
                 error *err);

/* temperature 0 is greedy. */
typedef struct {
    float temperature, top_p;
    uint64_t seed;
} engine_sampling;

typedef struct engine_sampler engine_sampler;
engine_sampler *engine_sampler_new(const engine_sampling *how, size_t vocab);
void engine_sampler_free(engine_sampler *s);
/* allowed: NULL, or one bit for each id (id i is bit i%64 of word i/64), the constraint of verbatim
 * answers. -1 where nothing is allowed. */
int32_t engine_sample(engine_sampler *s, const float *logits, const uint64_t *allowed);

/* ---- encoders ----------------------------------------------------------------------------- */

/* Networks that read a whole input at once. What one gives of it is told by the file:
 * SPANS, architecture `carrel-reader` (models/train/README.md): for each token the logits that an
 *   answer starts here, ends here and, where the model has that, that its sentence starts here;
 * VECTOR, embedding models: a vector of length 1 for each input, whose products are cosines;
 * RANK, rerankers: how well a passage answers a question, 0 to 1, higher is better. */
typedef struct engine_encoder engine_encoder; /* immutable; keeps g's mapping: g must outlive it */

typedef enum { ENGINE_SPANS, ENGINE_VECTOR, ENGINE_RANK } engine_output;
enum { ENGINE_SPAN_OUTPUTS = 3 };

typedef struct {
    engine_output output;
    uint32_t context, width; /* most tokens in one input; of a vector */
    uint32_t outputs;        /* SPANS: logits of a token, 2 or ENGINE_SPAN_OUTPUTS */
    uint32_t types;          /* token types 0 .. types - 1; 0: the model knows none */
    str architecture, name;  /* borrowed from g; may be empty */
    uint64_t parameters, file_bytes;
} engine_encoder_info;

/* One input. types: NULL is type 0 throughout. */
typedef struct {
    const int32_t *ids;
    const uint8_t *types;
    size_t n;
} engine_sequence;

bool engine_encoder_open(const engine_gguf *g, engine_encoder **out, error *err);
void engine_encoder_close(engine_encoder *e); /* NULL is fine */
void engine_encoder_describe(const engine_encoder *e, engine_encoder_info *out);
uint32_t engine_encoder_context(const engine_encoder *e); /* most tokens in one input */
/* Any number of inputs; they are sorted and run together as memory allows, and one does not
 * depend on the others. out: SPANS: [n][outputs] of each input behind those of the inputs before
 * it; VECTOR: [count][width]; RANK: [count]. Safe in several threads at once, each with its own
 * pool. */
bool engine_encode_batch(const engine_encoder *e, pool *p, const engine_sequence *in, size_t count,
                         float *out, error *err);

/* ---- the machine's limit -------------------------------------------------------------------- */

/* Operations in thousand millions a second over all threads of p, of the instructions that the
 * chosen kernels multiply with; int8 is 0 where there is none. Takes about a tenth of a second. */
typedef struct {
    const char *int8, *f32; /* what they are called */
    double int8_gops, f32_gops;
} engine_peaks;

void engine_peaks_measure(pool *p, engine_peaks *out);

#endif
