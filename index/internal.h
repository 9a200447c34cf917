/* What the files of index/ share among themselves. Nobody outside the room (and its own unit and
 * fuzz tests) includes this.
 */
#ifndef CARREL_INDEX_INTERNAL_H
#define CARREL_INDEX_INTERNAL_H

#include "index/index.h"

/* ---- words.c, words_fold.c, stopwords.c ---------------------------------------------------- */

/* A token as it is stored. Longer ones are cut: nobody asks for a word of 64 bytes, and a base64
 * line must not blow up the word list. */
#define WORDS_TOKEN_MAX_BYTES 64

/* Gets the tokens in the order of their first byte. `together`: stands at the place of the token
 * before it (a part of a compound that was given whole). Returns false to stop. */
typedef bool words_emit(void *context, str token, uint32_t begin, uint32_t end, bool together,
                        bool stop);

/* document: also gives the last character of an unspaced run (Han, kana, Hangul ...) alone, so that
 * a question of one character finds it by prefix; and leaves `stop` false, which costs a search.
 * Returns false when `emit` did. */
bool words_scan(str s, str language, bool document, words_emit *emit, void *context);

/* ISO 639 code as the stemmers and stop words are looked up by: "de-CH" -> "de", "nb" -> "no",
 * empty -> "en". Two languages with the same code have the same stems. */
#define WORDS_CODE_BYTES 4
void words_code(str language, char code[WORDS_CODE_BYTES]);

bool words_stop(str folded, const char *code);
bool words_stop_sorted(void); /* that the lists are fit for the binary search */

/* One character without spaces around its words (Han, kana, Hangul, Thai ...). */
bool words_unspaced(uint32_t codepoint);

typedef enum {
    WORDS_NONE,     /* white space, punctuation, symbols */
    WORDS_LETTER,
    WORDS_DIGIT,    /* decimal digits of any script */
    WORDS_RAISED,   /* superscript and subscript digits, circled numbers */
    WORDS_FRACTION, /* one character that is a fraction */
    WORDS_MARK,     /* combining marks */
    WORDS_IGNORED,  /* soft hyphen, joiners, direction marks */
    WORDS_UNSPACED
} words_class;

words_class words_class_of(uint32_t codepoint);

/* NFKC, case folded, ignorable characters out. False when it is empty or too long for `out`. */
bool words_normalize(str s, char *out, size_t capacity, size_t *n);
/* Takes off the marks of Latin, Greek, Cyrillic, Hebrew and Arabic letters, in place, but keeps the
 * Cyrillic short i, which is a letter of its own; marks of other scripts are vowels and stay. */
size_t words_strip(char *p, size_t n);
/* Digits, grouped or with a decimal mark, to "1234.5". False when it does not fit. */
bool words_number(str s, bool comma_decimal, char *out, size_t capacity, size_t *n);

#endif
