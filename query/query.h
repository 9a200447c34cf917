/* query: a question becomes an answer with its proof.
 *
 * Words (BM25) and vectors are searched and fused by a convex combination of normalised scores; a
 * reranker, where there is one, reads the best of them; neighbours and headings are attached; then
 * one of two modes answers, or nothing does:
 *   verbatim  the reader scores sentences and spans of the passages (or a decoder is constrained
 *             to them), so that the answer cannot say what no page says;
 *   write     a decoder writes sentence by sentence with [n]; each is checked against its passage;
 *   refused   "Not in these documents", with the nearest pages.
 */
#ifndef CARREL_QUERY_H
#define CARREL_QUERY_H

#include "base/base.h"
#include "embed/embed.h"
#include "engine/engine.h"
#include "index/index.h"

/* What a decoder has read, for the next question over the same passages. The answers are the same
 * with and without it. One question at a time. */
typedef struct query_memory query_memory;
/* path: a file for the next run (mode 0600); it says what was read as much as the library does, and
 * goes when the library changes: who changes it discards it before and after. NULL: memory only. */
query_memory *query_memory_new(const char *path);
/* Writes the file if much was read that it does not hold, unless the library has changed since.
 * NULL is fine; else the library, the decoder and the threads of the last question are still
 * there. */
void query_memory_free(query_memory *m);
void query_memory_discard(const char *path); /* removes the file and what is left of one */

/* What the answers are made with. Nothing here is owned. */
typedef struct {
    index_library *library;
    /* The built-in static model, for which the evidence is calibrated. NULL: only QUERY_WORDS can
     * be searched, and nothing asked. */
    const embed_model *embedder;
    const embed_reader *reader;     /* NULL: sentences are scored without it */
    const engine_model *decoder;    /* NULL: no `write`, no constrained decoding */
    const char *chat;               /* the decoder's format, of QUERY_CHAT_NAMES; NULL: told */
    pool *threads;                  /* NULL: one thread */
    query_memory *memory;           /* NULL: nothing is kept between questions */
    const embed_model *searcher;    /* what made the library's vectors; NULL: the embedder */
    const embed_reranker *reranker; /* NULL: what was fused stays as it is */
    bool words_only; /* the library's vectors are of a model that is not here: none is compared */
} query_context;

/* "llama3|chatml|...": the chat formats that can be named. */
#define QUERY_CHAT_NAMES                                                                         \
    "llama3|chatml|qwen3|qwen3-thinking|smollm3|gemma|phi3|phi4-mini|phi4|deepseek-r1|deepseek|" \
    "llama2|mistral|zephyr|plain"
/* The format that a chat template is told by, "plain" for an empty one; NULL: none that is
 * known. */
const char *query_chat_name(str chat_template);

/* ---- search ------------------------------------------------------------------------------- */

typedef enum { QUERY_FUSED, QUERY_WORDS, QUERY_VECTORS } query_ranking;

typedef struct {
    index_chunk chunk;
    double score;         /* of the ranking asked for; fused is in 0..1 for the best, can be less */
    double words, cosine; /* its parts: BM25 and cosine, 0 where it was not found so */
    double fused;         /* the score without the reranker; what the evidence is calibrated for */
    double rank;          /* the reranker's, 0..1; 0 where it did not read it */
    str *copies;          /* where the same passage stands too: paths (query_search_apart) */
    size_t copy_count;
} query_source;

bool query_search(const query_context *q, str question, query_ranking ranking, size_t limit,
                  arena *a, query_source **out, size_t *count, error *err);

/* The same, but passages of different documents that have the same text and heading take one place,
 * that of the best. */
bool query_search_apart(const query_context *q, str question, query_ranking ranking, size_t limit,
                        arena *a, query_source **out, size_t *count, error *err);

/* ---- ask ---------------------------------------------------------------------------------- */

typedef enum { QUERY_AUTO, QUERY_VERBATIM, QUERY_WRITE } query_mode;

typedef struct {
    str document; /* path */
    str title;
    int64_t document_id;
    uint32_t page;
    str label;   /* printed label of the page, or empty */
    str heading; /* the path of the section that it stands in, parted by " > "; may be empty */
    str quote;   /* verbatim from the page */
    const line_box *boxes;
    size_t box_count;
} query_citation;

typedef struct {
    str text;      /* of a list: its heading and its items, a line each */
    bool verified; /* verbatim, or checked against its citations */
    str reason;    /* why not, when it is not verified */
    /* Of a table's row, from the same chunk, or empty: the line right above its table, the row that
     * names its columns, and the one that names its part of the table ("Maternity"). */
    str table_caption, table_head, table_section;
    uint32_t bold_begin, bold_end; /* where the answer span stands in text; equal: nowhere */
    const query_citation *citations;
    size_t citation_count;
} query_sentence;

typedef struct {
    double search_ms, read_ms, write_ms, total_ms;
} query_timings;

/* What a decoder did for an answer; zeros where none was asked. */
typedef struct {
    uint32_t prompt_tokens, kept_tokens; /* of the prompt; those of them that were not read anew */
    uint32_t said_tokens, drafted_tokens, accepted_tokens; /* accepted: of those drafted */
    double prompt_ms;                                      /* until the first token could be said */
} query_reading;

typedef struct {
    str question;
    str answer; /* the shortest span chosen; empty when refused */
    bool refused;
    double confidence;               /* 0..1, calibrated */
    query_mode mode;                 /* VERBATIM or WRITE */
    const query_sentence *sentences; /* best first */
    size_t sentence_count;
    const query_source *sources; /* what was retrieved, best first */
    size_t source_count;
    str thinking; /* what a reasoning model wrote before its answer; no part of it, unchecked */
    query_timings timings;
    query_reading reading;
} query_answer;

typedef struct {
    query_mode mode;
    size_t sources;   /* passages read; 0 for the default */
    size_t sentences; /* most sentences shown; 0 for the default */
    bool strict;      /* drop what is not verified instead of marking it */
    double threshold; /* confidence under which it refuses; negative for the calibrated default */
    engine_sampling sampling; /* of a decoder */
    uint32_t max_tokens;      /* of a decoder's answer; 0 for the default */
    uint32_t thinking_tokens; /* of a reasoning model before it; 0 for the default */
    bool no_thinking;         /* a reasoning model answers at once */
    engine_kv kv;             /* how a decoder keeps what it has read */
    bool no_drafts;           /* says each token by itself: slower, the same answer */
} query_options;

/* Called while the answer comes, from the thread that asked. Any of them may be NULL. */
typedef struct {
    void (*sources)(void *context, const query_source *sources, size_t count);
    void (*verdict)(void *context,
                    double confidence);      /* before the first sentence, not if refused */
    void (*piece)(void *context, str piece); /* of what a decoder writes */
    void (*sentence)(void *context, const query_sentence *sentence); /* checked and final */
    bool (*cancelled)(void *context);
    void *context;
    void (*thinking)(void *context, str piece); /* of what a decoder writes before its answer */
} query_events;

/* A confidence in words, lower case: "very likely", "likely", "possible" or "doubtful". They mean
 * the probability and nothing else, so that they stay true when the calibration changes. */
const char *query_confidence_words(double confidence);

/* Under this confidence the question is refused, unless the user says otherwise. */
extern const double query_refusal_threshold;

bool query_ask(const query_context *q, str question, const query_options *options,
               const query_events *events, arena *a, query_answer *out, error *err);

#endif
