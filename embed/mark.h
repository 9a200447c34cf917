/* mark: what a question and a passage have in common, told to the reader as a type for each token.
 * Private to this room; the trainer (models/train) includes it, so that the model sees in training
 * what it will see here.
 *
 * A word of the question is shared when the passage has a word with the same first letters. A word
 * of the passage matches not at all, by its first letters, or as a whole, and its sentence covers a
 * part of the question's words; both together make its type. Stop words and punctuation never match.
 */
#ifndef CARREL_EMBED_MARK_H
#define CARREL_EMBED_MARK_H

#include "base/base.h"
#include "engine/engine.h"

enum {
    EMBED_TYPE_MARK,     /* [CLS], [SEP] */
    EMBED_TYPE_QUESTION, /* a word that the passage does not have */
    EMBED_TYPE_SHARED,   /* a word that it has */
    EMBED_TYPE_PASSAGE,  /* + EMBED_COVERAGES * match + coverage */
    EMBED_COVERAGES = 4,
    EMBED_MATCHES = 3,
    EMBED_TYPES = EMBED_TYPE_PASSAGE + EMBED_COVERAGES * EMBED_MATCHES
};

/* Words are compared by hashes of 32 bits; 0 matches nothing. */
typedef struct {
    uint32_t token, tokens; /* the tokens of the word: first, how many */
    uint32_t prefix, whole; /* of its first letters, of all; as the tokenizer folds them */
    uint32_t sentence;      /* number, from 0; a text that is not split has one */
} embed_word;

typedef struct {
    const str *items;
    size_t count;
} embed_stop_words;

/* The words of a tokenised text; `split`: number its sentences. */
void embed_mark_words(const engine_tokenizer *t, const embed_stop_words *stop, str s,
                      const engine_token *tokens, size_t n, bool split, arena *a, embed_word **out,
                      size_t *count);

/* Types of all tokens of both. Places count from the first word's first token. */
void embed_mark(const embed_word *question, size_t question_n, const embed_word *passage,
                size_t passage_n, uint8_t *question_types, uint8_t *passage_types);

#endif
