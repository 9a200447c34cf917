/* tiny_vocab: a vocabulary of each kind, small enough to be made in a test.
 *
 * They are GGUF files in memory with the keys of a real one. Every printable ASCII character can
 * be written in each of them, and a few words are pieces, so that merges happen; the SentencePiece
 * vocabulary puts no space in front, so that its tokens give back the text exactly.
 */
#ifndef CARREL_TINY_VOCAB_H
#define CARREL_TINY_VOCAB_H

#include "tests/support/gguf_build.h"

/* Free each with text_free. */
text tiny_spm(void);
text tiny_bpe(const char *pre);
text tiny_wordpiece(void);

#endif
