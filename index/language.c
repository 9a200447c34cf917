/* Which language a text is in, told by its function words: they make up a third to a half of
 * running text in every language that we have a list for, and hardly overlap. Plain text and
 * Markdown do not say their language, and a German manual with English stems is found badly.
 * Nothing is guessed from a text that is too short or mixed; such a text counts as English.
 */
#include "index/internal.h"

#define SAMPLE_BYTES 4096 /* two pages: enough words, and under a millisecond */
#define FEWEST_WORDS 20   /* a heading or a table says nothing about its language */
#define LEAST_SHARE 0.15  /* of the words; a list of parts in any language has fewer */
#define LEAST_LEAD 1.25   /* times the second best: Danish and Norwegian share most of theirs */

static const char *const codes[] = {"en", "de", "fr", "es", "it", "pt",
                                    "nl", "da", "no", "sv", "fi", "ru"};
#define LANGUAGES (sizeof codes / sizeof *codes)

/* The next run of letters from *at, folded into out. False at the end. */
static bool next_word(str s, size_t *at, char out[WORDS_TOKEN_MAX_BYTES], size_t *n) {
    size_t begin = SIZE_MAX, used;
    while (*at < s.n) {
        words_class class = words_class_of(utf8_next(s.p + *at, s.n - *at, &used));
        bool letter = class == WORDS_LETTER || class == WORDS_MARK;
        if (letter && begin == SIZE_MAX) begin = *at;
        if (!letter && begin != SIZE_MAX) break;
        *at += used;
    }
    if (begin == SIZE_MAX) return false;
    *n = 0;
    if (words_normalize(str_cut(s, begin, *at), out, WORDS_TOKEN_MAX_BYTES, n))
        *n = words_strip(out, *n);
    return true;
}

str index_guess_language(str s) {
    size_t hits[LANGUAGES] = {0}, words = 0, at = 0, n;
    char word[WORDS_TOKEN_MAX_BYTES];
    s = str_cut(s, 0, utf8_floor(s, s.n < SAMPLE_BYTES ? s.n : SAMPLE_BYTES));
    while (next_word(s, &at, word, &n)) {
        words++;
        for (size_t i = 0; i < LANGUAGES; i++) hits[i] += words_stop((str){word, n}, codes[i]);
    }
    size_t best = 0, second = 0;
    for (size_t i = 1; i < LANGUAGES; i++)
        if (hits[i] > hits[best]) best = i;
    for (size_t i = 0; i < LANGUAGES; i++)
        if (i != best && hits[i] > second) second = hits[i];
    bool sure = words >= FEWEST_WORDS && (double)hits[best] >= LEAST_SHARE * (double)words &&
                (double)hits[best] >= LEAST_LEAD * (double)second;
    return sure ? str_of(codes[best]) : (str){0};
}
