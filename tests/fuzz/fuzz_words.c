/* Fuzz target: the tokens of any bytes in any language. The first byte chooses the language. Each
 * token must be well-formed, short, and lie within the text; the document form gives at least as
 * many tokens as the question form. */
#include <stdlib.h>

#include "index/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool count_token(void *context, str token, uint32_t begin, uint32_t end, bool together,
                        bool stop) {
    size_t *count = context;
    (void)together;
    if (token.n == 0 || token.n > WORDS_TOKEN_MAX_BYTES || begin >= end || stop ||
        !utf8_valid(token))
        abort();
    ++*count;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const languages[] = {"",   "de", "fr", "ru", "ja", "ar", "hi",
                                            "tr", "el", "xx", "ta", "it", "th", "zh"};
    if (size == 0) return 0;
    str language = str_of(languages[data[0] % (sizeof(languages) / sizeof(languages[0]))]);
    str s = {(const char *)data + 1, size - 1};
    arena *a = arena_new();
    index_word *words;
    size_t count, stored = 0;
    index_words(s, language, a, &words, &count);
    for (size_t i = 0; i < count; i++) {
        if (words[i].begin >= words[i].end || words[i].end > s.n || words[i].stem.n == 0 ||
            words[i].stem.n > WORDS_TOKEN_MAX_BYTES || !utf8_valid(words[i].stem) ||
            (i > 0 && words[i].begin < words[i - 1].begin))
            abort();
    }
    words_scan(s, language, true, count_token, &stored);
    if (stored < count) abort();
    arena_free(a);
    return 0;
}
