/* tiny_vocab: a vocabulary of each kind, small enough to be made in a test.
 *
 * They are GGUF files in memory with the keys of a real one. Every printable ASCII character can
 * be written in each of them, and a few words are pieces, so that merges happen; the SentencePiece
 * vocabulary puts no space in front, so that its tokens give back the text exactly.
 */
#ifndef CARREL_TINY_VOCAB_H
#define CARREL_TINY_VOCAB_H

#include "base/base.h"

/* Free each with text_free. */
text tiny_spm(void);
text tiny_bpe(const char *pre);
text tiny_wordpiece(void);
/* Bytes, a few pieces and n marks of this token_type, the last ids; `bos`: in front of a text. Byte-
 * level BPE, or with `spm` SentencePiece with its space in front. */
text tiny_chat(bool spm, const char *bos, const char *const *marks, size_t n, int32_t type);

/* A SentencePiece character map (tokenizer.ggml.precompiled_charsmap) of n pairs; free it. */
typedef struct {
    str from, to;
} tiny_mapping;
text tiny_charsmap(const tiny_mapping *pairs, size_t n);

/* Unigram; `charsmap` and byte pieces where asked for. */
enum { TINY_PREFIX = 1, TINY_MERGE_SPACES = 2, TINY_BYTES = 4, TINY_MAP = 8 };
text tiny_unigram(int with);

/* The printable character that stands for a byte in the files of byte-level BPE. */
str tiny_byte_name(arena *a, int byte);

#endif
