/* random_vocab: a working vocabulary of any size, for models whose weights are random.
 *
 * Pieces are strings of letters, each made of a shorter piece and one letter, so that any number
 * of them can be had and every merge is of two pieces that exist. Text can be tokenized and given
 * back; the pieces mean nothing.
 */
#ifndef CARREL_RANDOM_VOCAB_H
#define CARREL_RANDOM_VOCAB_H

#include "engine/engine.h"

typedef enum { VOCAB_BPE, VOCAB_SPM, VOCAB_WORDPIECE } vocab_kind;

/* Puts tokenizer.ggml.*: model, pre, tokens, token types, and scores or merges. `special`: control
 * tokens, separated by spaces, the last ids of the vocabulary (BPE) or the first (the others). */
void random_vocab_put(engine_gguf_writer *w, vocab_kind kind, const char *pre, const char *special,
                      size_t size);
/* The id of a special token in a vocabulary so made. */
uint32_t random_vocab_id(vocab_kind kind, const char *special, size_t size, const char *token);

#endif
