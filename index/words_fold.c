/* How one word is folded: Unicode classes, NFKC with case folding (utf8proc), diacritics, numbers.
 *
 * "Öl", "OL" and "ﬁn" must meet their plain spellings, because people type questions without
 * accents and PDFs carry ligatures. A mark is taken off only in scripts where it can be left out
 * in writing; in Devanagari or Thai a mark is a vowel, and the word would be another one.
 * Numbers lose their grouping and get a point as decimal mark, so that "1.234,5" in a German
 * document and "1,234.5" in an English one are the same token.
 *
 * Works on the bytes it is given and knows nothing of sentences, tokens or the library.
 */
#include "index/internal.h"

#include <string.h>
#include <utf8proc.h>

/* A word of more source bytes is cut by words.c; the longest compatibility decomposition is 18
 * code points for one. */
#define FOLD_MAX_CODEPOINTS 1024

/* Square symbols of units (mg, kg, cm2 ...) are symbols by category, and words by use. */
#define SQUARED_FIRST 0x3371u
#define SQUARED_LAST 0x33DFu

typedef struct {
    uint32_t first, last;
} range;

static bool in_ranges(uint32_t c, const range *ranges, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (c >= ranges[i].first && c <= ranges[i].last) return true;
    }
    return false;
}

#define IN(c, ranges) in_ranges(c, ranges, sizeof(ranges) / sizeof(ranges[0]))

bool words_unspaced(uint32_t c) {
    static const range unspaced[] = {
        {0x0E01, 0x0E3A},  {0x0E40, 0x0E4E}, /* Thai */
        {0x0E81, 0x0EBD},  {0x0EC0, 0x0ECD}, /* Lao */
        {0x1000, 0x103F},                    /* Myanmar */
        {0x1780, 0x17B3},  {0x17B6, 0x17D3}, /* Khmer */
        {0x1100, 0x11FF},                    /* Hangul jamo: file systems decompose syllables */
        {0x3005, 0x3007},  {0x3041, 0x309F}, /* iteration mark, zero; Hiragana */
        {0x30A1, 0x30FA},  {0x30FC, 0x30FF}, /* Katakana without its middle dot */
        {0x31F0, 0x31FF},                    /* Katakana extensions */
        {0x3400, 0x4DBF},  {0x4E00, 0x9FFF}, /* Han */
        {0xAC00, 0xD7A3},  {0xF900, 0xFAFF}, /* Hangul syllables; Han compatibility */
        {0xFF66, 0xFF9F},                    /* halfwidth Katakana */
        {0x20000, 0x323AF}                   /* Han extensions */
    };
    return c >= 0x0E01 && IN(c, unspaced);
}

static words_class class_of_number_form(uint32_t c) {
    if ((c >= 0x00BC && c <= 0x00BE) || (c >= 0x2150 && c <= 0x215E) || c == 0x2189)
        return WORDS_FRACTION;
    return WORDS_RAISED;
}

words_class words_class_of(uint32_t c) {
    if (c < 0x80) {
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return WORDS_LETTER;
        return c >= '0' && c <= '9' ? WORDS_DIGIT : WORDS_NONE;
    }
    if (words_unspaced(c)) return WORDS_UNSPACED;
    if (c >= SQUARED_FIRST && c <= SQUARED_LAST) return WORDS_LETTER;
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_NL:
        return WORDS_LETTER;
    case UTF8PROC_CATEGORY_ND:
        return WORDS_DIGIT;
    case UTF8PROC_CATEGORY_NO:
        return class_of_number_form(c);
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        return WORDS_MARK;
    case UTF8PROC_CATEGORY_CF:
        return c == 0x200B ? WORDS_NONE : WORDS_IGNORED; /* zero width space does separate */
    default:
        return WORDS_NONE;
    }
}

static bool normalize_ascii(str s, char *out, size_t capacity, size_t *n) {
    if (s.n > capacity) return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x80) return false;
        out[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    *n = s.n;
    return true;
}

/* utf8proc wants well-formed text; an ill-formed byte would fail the whole word. */
static size_t well_formed(str s, char *out, size_t capacity) {
    size_t n = 0;
    for (size_t at = 0, used = 0; at < s.n; at += used) {
        char bytes[4];
        size_t length = utf8_encode(utf8_next(s.p + at, s.n - at, &used), bytes);
        if (n + length > capacity) break;
        memcpy(out + n, bytes, length);
        n += length;
    }
    return n;
}

bool words_normalize(str s, char *out, size_t capacity, size_t *n) {
    *n = 0;
    if (normalize_ascii(s, out, capacity, n)) return *n > 0;
    char source[FOLD_MAX_CODEPOINTS];
    size_t source_n = well_formed(s, source, sizeof(source));
    utf8proc_int32_t points[FOLD_MAX_CODEPOINTS + 1];
    const utf8proc_option_t fold = UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE |
                                   UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
    utf8proc_ssize_t count =
        utf8proc_decompose((const utf8proc_uint8_t *)source, (utf8proc_ssize_t)source_n, points,
                           FOLD_MAX_CODEPOINTS, fold);
    if (count <= 0 || count > FOLD_MAX_CODEPOINTS) return false;
    count = utf8proc_normalize_utf32(points, count, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    if (count <= 0) return false;
    for (utf8proc_ssize_t i = 0; i < count; i++) {
        char bytes[4];
        size_t length = utf8_encode((uint32_t)points[i], bytes);
        if (*n + length > capacity)
            break; /* cut at a code point: the start of a long word still says which it is */
        memcpy(out + *n, bytes, length);
        *n += length;
    }
    return *n > 0;
}

static bool strippable_mark(uint32_t c) {
    static const range marks[] = {
        {0x0300, 0x036F}, /* Latin, Greek, Cyrillic */
        {0x0591, 0x05BD}, {0x05BF, 0x05BF}, {0x05C1, 0x05C2}, {0x05C4, 0x05C5}, /* Hebrew */
        {0x0640, 0x0640}, {0x064B, 0x065F}, {0x0670, 0x0670}, /* Arabic, with its stretch mark */
        {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF}, {0xFE20, 0xFE2F}};
    return c >= 0x0300 && IN(c, marks);
}

/* Letters that carry their stroke inside and do not decompose. */
static uint32_t without_stroke(uint32_t c) {
    switch (c) {
    case 0x0142:
        return 'l';
    case 0x0131:
        return 'i';
    case 0x00F8:
        return 'o';
    case 0x0111:
        return 'd';
    default:
        return c;
    }
}

size_t words_strip(char *p, size_t n) {
    size_t to = 0;
    for (size_t at = 0, used = 0; at < n; at += used) {
        uint32_t c = utf8_next(p + at, n - at, &used);
        if (c < 0x80) {
            p[to++] = (char)c;
            continue;
        }
        utf8proc_int32_t parts[32];
        int boundary = 0;
        utf8proc_ssize_t count = 1;
        parts[0] = (utf8proc_int32_t)c;
        /* Hangul syllables decompose too, and must not; the short i stays whole. */
        if (c < 0x2000 && c != 0x0439)
            count = utf8proc_decompose_char((utf8proc_int32_t)c, parts, 32, UTF8PROC_DECOMPOSE,
                                            &boundary);
        if (count >= 2 && count <= 32 && !strippable_mark((uint32_t)parts[1]))
            count = 0; /* composed with a mark that stays: keep it as it is */
        if (count < 1 || count > 32) {
            parts[0] = (utf8proc_int32_t)c;
            count = 1;
        }
        /* The base alone is never longer than what it came from, so writing cannot overtake. */
        uint32_t base = without_stroke((uint32_t)parts[0]);
        if (strippable_mark(base)) continue;
        char bytes[4];
        size_t length = utf8_encode(base, bytes);
        if (to + length > at + used) {
            length = used;
            memcpy(bytes, p + at, used);
        }
        memcpy(p + to, bytes, length);
        to += length;
    }
    return to;
}

/* The value of a decimal digit; the digits of a script stand in order from its zero. */
static int digit_value(uint32_t c) {
    static const uint32_t zeros[] = {'0',    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66,
                                     0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0E50,
                                     0x0ED0, 0x0F20, 0x1040, 0x17E0, 0x1810, 0xFF10};
    for (size_t i = 0; i < sizeof(zeros) / sizeof(zeros[0]); i++) {
        if (c >= zeros[i] && c <= zeros[i] + 9) return (int)(c - zeros[i]);
    }
    return -1;
}

/* Whether the mark at `at` (in ASCII digits and marks) groups thousands: nothing but groups of
 * three behind it, one to three digits before the first, and no leading zero. */
static bool groups_thousands(const char *p, size_t n, char mark) {
    const char *first = memchr(p, mark, n);
    size_t head = (size_t)(first - p);
    if (head < 1 || head > 3 || p[0] == '0') return false;
    size_t run = 0;
    for (size_t i = head + 1; i <= n; i++) {
        if (i < n && p[i] >= '0' && p[i] <= '9') {
            run++;
        } else if (run != 3) {
            return false;
        } else if (i < n && p[i] != mark) {
            return true; /* the decimal mark ends the groups */
        } else {
            run = 0;
        }
    }
    return true;
}

static size_t drop_mark(char *p, size_t n, char mark) {
    size_t to = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] != mark) p[to++] = p[i];
    }
    return to;
}

bool words_number(str s, bool comma_decimal, char *out, size_t capacity, size_t *n) {
    size_t to = 0, points = 0, commas = 0;
    for (size_t at = 0, used = 0; at < s.n; at += used) {
        uint32_t c = utf8_next(s.p + at, s.n - at, &used);
        int value = digit_value(c);
        if (words_class_of(c) == WORDS_IGNORED) continue;
        if (to == capacity) return false;
        points += c == '.';
        commas += c == ',';
        if (value < 0 && c != '.' && c != ',')
            return false; /* a script that is not in the list: the caller folds it as a word */
        out[to++] = value >= 0 ? (char)('0' + value) : (char)c;
    }
    if (points > 0 && commas > 0) {
        const char *point = memchr(out, '.', to), *comma = memchr(out, ',', to);
        char grouping = point < comma ? '.' : ',';
        to = drop_mark(out, to, grouping);
    } else if (commas > 0 && groups_thousands(out, to, ',') && !(comma_decimal && commas == 1)) {
        to = drop_mark(out, to, ',');
    } else if (points > 0 && comma_decimal && groups_thousands(out, to, '.')) {
        to = drop_mark(out, to, '.');
    }
    for (size_t i = 0; i < to; i++) {
        if (out[i] == ',') out[i] = '.';
    }
    *n = to;
    return to > 0;
}
