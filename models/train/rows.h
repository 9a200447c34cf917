/* rows: the question data and running text, tokenised and marked as the reader does it.
 *
 * Everything is read once and kept; the rest of the trainer only points into it.
 */
#ifndef CARREL_TRAIN_ROWS_H
#define CARREL_TRAIN_ROWS_H

#include "embed/mark.h"

#define NO_TEXT UINT32_MAX

enum { ROWS_MOST_DOMAINS = 64 /* text files */ };

typedef struct {
    uint16_t *ids;
    embed_word *words; /* sentence numbers from 0 */
    uint32_t n, word_n;
    uint32_t before, after; /* neighbours in the same document, or NO_TEXT */
    bool held;              /* of a title that is kept for measuring */
} rows_text;

typedef struct {
    uint32_t context; /* of rows_data.contexts */
    rows_text question;
    uint32_t first, end; /* words of the answer; equal: nothing answers */
    uint32_t title;      /* rows of one title share it */
    float share;         /* of the passes over the data in which the row is seen */
    bool held;           /* of a title that is kept for measuring */
} rows_row;

typedef struct {
    uint32_t prefix, from, count; /* postings[from .. from + count) hold the contexts */
} rows_posting;

typedef struct {
    arena *memory;
    engine_gguf *file; /* whose vocabulary it is */
    engine_tokenizer *tokenizer;
    embed_stop_words stop;
    rows_text *contexts;
    size_t context_n;
    rows_row *rows;
    size_t row_n;
    rows_text *running; /* documents of the text files */
    size_t running_n;
    size_t domains[ROWS_MOST_DOMAINS + 1]; /* file i has running[domains[i] .. domains[i + 1]) */
    size_t domain_n;
    rows_posting *index; /* by prefix */
    size_t index_n;
    uint32_t *postings;
} rows_data;

/* work: data.py's folder. Of its running text about running_bytes are taken, evenly spread from document
 * number `skip` on. There is at least one row that is held and one that is not. */
bool rows_load(const char *work, size_t running_bytes, size_t skip, rows_data *out, error *err);
void rows_free(rows_data *d);

/* Inverse document frequency of a word's prefix over the contexts; 0 for 0. */
double rows_idf(const rows_data *d, uint32_t prefix);
const rows_posting *rows_find(const rows_data *d, uint32_t prefix);

/* Words that never match, in the model file as `carrel-reader.stop_words`. */
extern const str rows_stop_words[];
extern const size_t rows_stop_word_count;

#endif
