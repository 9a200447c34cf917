/* Any bytes become UTF-8 in normal form C, or are refused because they are no text.
 *
 * Owns the order in which an encoding is believed: a byte order mark, then what the document
 * declares (unless the bytes are plainly UTF-8: declarations outlive a change of encoding), then
 * UTF-8 if the bytes are that, then windows-1252, which never fails and is what an undeclared file
 * of the last thirty years in western Europe is. A file that is mostly good
 * UTF-8 stays UTF-8: its few broken bytes become U+FFFD rather than the whole of it mojibake.
 *
 * Encodings other than UTF-8, UTF-16 and windows-1252 go through the C library's iconv, which
 * loads a module from disk for each. The parser may open no file once it is confined, so the first
 * text of a process, which main.c parses to warm up before it locks itself in, opens them all; what
 * was not opened is refused by name, never guessed.
 *
 * It never looks at what the text means, and never keeps a reference to its input.
 */
#include "ingest/parse/charset.h"
#include "ingest/parse/parse.h"

#include <assert.h>
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* More than one control byte in this many is a picture or a program, not text with a stray bell. */
#define CONTROL_RATIO 64
/* How far UTF-16 without a byte order mark is looked for. */
#define GUESS_BYTES 4096
/* UAX #15, stream-safe text: no language stacks more than 30 marks on a letter, and ordering a
 * longer stack costs quadratic time. */
#define MARKS_MAX 30
/* So many characters of several bytes, and none that is broken, are UTF-8 whatever is declared:
 * saved pages keep the declaration that they were served with. Two letters of a code page for
 * Chinese make one by chance, one time in ten. */
#define SURE_UTF8 4
/* Undeclared, a text with one broken byte for more good characters than this is UTF-8 too. */
#define MOSTLY 4

/* More than charset_labels.c has. */
#define WARM_MAX 48

static iconv_t warm[WARM_MAX];
static bool is_warm;

/* 0x80 to 0x9F of windows-1252; the five holes stay what they are in ISO 8859-1. */
static const uint16_t cp1252[32] = {
    0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178,
};

static void open_all(void) {
    if (is_warm) return;
    for (size_t i = 0; charset_iconv_name(i); i++) {
        assert(i < WARM_MAX);
        warm[i] = iconv_open("UTF-8", charset_iconv_name(i));
    }
    is_warm = true;
}

/* UTF-16 with or without a mark: 'l' or 'b' for its byte order, 0 if it is not that. */
static char utf16_order(str s) {
    if (s.n >= 2 && s.p[0] == '\xFF' && s.p[1] == '\xFE') return 'l';
    if (s.n >= 2 && s.p[0] == '\xFE' && s.p[1] == '\xFF') return 'b';
    size_t n = s.n < GUESS_BYTES ? s.n & ~(size_t)1 : GUESS_BYTES, zeros[2] = {0, 0};
    for (size_t i = 0; i < n; i++) zeros[i & 1] += s.p[i] == 0;
    /* mostly Latin letters: every other byte is zero, and the rest never is */
    if (n >= 8 && zeros[0] == 0 && zeros[1] > n / 5) return 'l';
    if (n >= 8 && zeros[1] == 0 && zeros[0] > n / 5) return 'b';
    return 0;
}

static void from_utf16(str s, char order, text *out) {
    size_t high = order == 'b' ? 0 : 1, i = 0;
    const unsigned char *p = (const unsigned char *)s.p;
    for (; i + 1 < s.n; i += 2) {
        uint32_t u = (uint32_t)p[i + high] << 8 | p[i + 1 - high];
        if (u >= 0xD800 && u < 0xDC00 && i + 3 < s.n) {
            uint32_t low = (uint32_t)p[i + 2 + high] << 8 | p[i + 3 - high];
            if (low >= 0xDC00 && low < 0xE000) {
                u = 0x10000 + ((u - 0xD800) << 10) + (low - 0xDC00);
                i += 2;
            }
        }
        if (u != 0xFEFF || i > 1) text_put_codepoint(out, u);
    }
    if (i < s.n) text_put_codepoint(out, UTF8_REPLACEMENT);
}

static void from_cp1252(str s, text *out) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        text_put_codepoint(out, c >= 0x80 && c < 0xA0 ? cp1252[c - 0x80] : c);
    }
}

/* Valid multi-byte sequences, and bytes that are none. */
static void count_utf8(str s, size_t *good, size_t *bad) {
    size_t used;
    *good = *bad = 0;
    for (size_t i = 0; i < s.n; i += used) {
        if ((unsigned char)s.p[i] < 0x80) {
            used = 1;
            continue;
        }
        utf8_next(s.p + i, s.n - i, &used);
        if (used > 1)
            ++*good;
        else
            ++*bad;
    }
}

static void from_utf8(str s, text *out) {
    for (size_t i = 0, used; i < s.n; i += used) {
        size_t run = i;
        while (run < s.n && (unsigned char)s.p[run] < 0x80) run++;
        text_put(out, str_cut(s, i, run));
        i = run;
        used = 0;
        if (i < s.n) text_put_codepoint(out, utf8_next(s.p + i, s.n - i, &used));
    }
}

/* Through iconv; what it cannot read becomes U+FFFD, byte by byte. */
static void from_iconv(iconv_t cd, str s, text *out) {
    char buffer[4096];
    char *in = (char *)s.p; /* iconv's prototype; it does not write there */
    size_t left = s.n;
    iconv(cd, NULL, NULL, NULL, NULL);
    while (left > 0) {
        char *to = buffer;
        size_t room = sizeof buffer;
        size_t got = iconv(cd, &in, &left, &to, &room);
        text_put(out, (str){buffer, sizeof buffer - room});
        if (got == (size_t)-1 && errno != E2BIG) {
            text_put_codepoint(out, UTF8_REPLACEMENT);
            in++;
            left--;
        }
    }
}

/* The converter of an encoding; false where this system has none. */
static bool find_converter(const char *name, iconv_t *cd, error *err) {
    for (size_t i = 0; charset_iconv_name(i); i++)
        if (strcmp(name, charset_iconv_name(i)) == 0) *cd = warm[i];
    return *cd != (iconv_t)-1 || error_set(err, ERROR_INPUT,
                                           "the text is in the encoding %s, for which this "
                                           "system has no table; save it as UTF-8",
                                           name);
}

static bool check_is_text(str s, error *err) {
    size_t controls = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == 0)
            return error_set(err, ERROR_INPUT,
                             "this is not text: there is a zero byte at offset %zu", i);
        controls += c < 0x20 && !(c >= '\t' && c <= '\r') && c != 0x1B;
    }
    if (controls * CONTROL_RATIO > s.n)
        return error_set(err, ERROR_INPUT,
                         "this is not text: %zu of its %zu bytes are control "
                         "characters",
                         controls, s.n);
    return true;
}

/* One word into normal form C, its stacks of marks shortened to what ordering can bear. */
static bool put_normal(str line, text *scratch, text *out, error *err) {
    size_t used, marks = 0;
    text_clear(scratch);
    for (size_t i = 0; i < line.n; i += used) {
        uint32_t u = utf8_next(line.p + i, line.n - i, &used);
        bool mark = u >= 0x300 && utf8proc_get_property((utf8proc_int32_t)u)->combining_class != 0;
        marks = mark ? marks + 1 : 0;
        if (marks <= MARKS_MAX) text_put(scratch, str_cut(line, i, i + used));
    }
    utf8proc_uint8_t *normal = NULL;
    utf8proc_ssize_t n =
        utf8proc_map((const utf8proc_uint8_t *)scratch->p, (utf8proc_ssize_t)scratch->n, &normal,
                     UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (n < 0)
        return error_set(err, ERROR_INPUT, "the text cannot be put into normal form: %s",
                         utf8proc_errmsg(n));
    text_put(out, (str){(const char *)normal, (size_t)n});
    free(normal);
    return true;
}

/* Whether a character is in normal form C at a glance: it does not compose with what stands before
 * it, and has no other form. That is most of what is written; utf8proc takes its time for each
 * character. */
static bool is_inert(uint32_t u) {
    static const struct {
        uint32_t first, last;
    } inert[] = {
        {0x0000, 0x02FF},                                     /* Latin */
        {0x0400, 0x0482},                                     /* Cyrillic */
        {0x2010, 0x2027},                                     /* dashes, quotes, dots */
        {0x3000, 0x3029}, {0x3030, 0x3096}, {0x4E00, 0x9FFF}, /* kana, ideographs */
        {0xAC00, 0xD7A3}, /* Hangul, while no single letter follows */
        {0xFF01, 0xFF5E}, /* full width */
    };
    for (size_t i = 0; i < sizeof inert / sizeof *inert; i++)
        if (u >= inert[i].first && u <= inert[i].last) return true;
    return false;
}

static bool ends_word(char c) {
    return c == ' ' || c == '\n' || c == '\r';
}

/* CR LF and CR become LF, every word becomes NFC: nothing composes with a space. */
static bool normalise(str s, text *out, error *err) {
    text scratch = {0};
    bool ok = true;
    size_t start = 0, word = 0, used; /* what is not yet put; where the word at i begins */
    for (size_t i = 0; ok && i < s.n; i += used) {
        unsigned char c = (unsigned char)s.p[i];
        used = 1;
        if (ends_word(s.p[i])) word = i + 1;
        if (c == '\r') {
            text_put(out, str_cut(s, start, i));
            text_put_char(out, '\n');
            used += i + 1 < s.n && s.p[i + 1] == '\n';
            start = word = i + used;
        } else if (c >= 0xCC && !is_inert(utf8_next(s.p + i, s.n - i, &used))) {
            /* U+0300 starts with CC */
            size_t end = i + used;
            while (end < s.n && !ends_word(s.p[end])) end++;
            text_put(out, str_cut(s, start, word));
            ok = put_normal(str_cut(s, word, end), &scratch, out, err);
            start = word = end;
            used = end - i;
        }
    }
    text_put(out, str_cut(s, start, s.n));
    text_free(&scratch);
    return ok;
}

/* Bytes without a byte order mark; *whole: they are UTF-8 as they stand, and were not copied. */
static bool decode(str bytes, str declared, text *out, bool *whole, error *err) {
    const char *name = charset_by_label(declared);
    size_t good, bad;
    iconv_t cd = (iconv_t)-1;
    count_utf8(bytes, &good, &bad);
    bool iconv_needed = name && strcmp(name, CHARSET_UTF8) != 0 && strcmp(name, CHARSET_LATIN) != 0;
    bool latin = name && strcmp(name, CHARSET_LATIN) == 0;
    *whole = bad == 0 && (good >= SURE_UTF8 || !iconv_needed);
    if (*whole) return true;
    if (iconv_needed) {
        if (!find_converter(name, &cd, err)) return false;
        from_iconv(cd, bytes, out);
    } else if (!latin && good > MOSTLY * bad) {
        from_utf8(bytes, out);
    } else {
        from_cp1252(bytes, out);
    }
    return true;
}

bool parse_to_utf8(str bytes, str declared, text *out, error *err) {
    text raw = {0};
    char order = utf16_order(bytes);
    bool ok, whole = false; /* whole: a long text is not held twice */
    open_all();
    text_clear(out);
    if (order) {
        from_utf16(bytes, order, &raw);
        /* the zero bytes of UTF-16 are gone; what is left may still be a picture */
        ok = check_is_text(text_str(&raw), err);
    } else if (!check_is_text(bytes, err)) {
        ok = false;
    } else if (str_starts(bytes, STR("\xEF\xBB\xBF"))) {
        from_utf8(str_cut(bytes, 3, bytes.n), &raw);
        ok = true;
    } else {
        ok = decode(bytes, declared, &raw, &whole, err);
    }
    ok = ok && normalise(whole ? bytes : text_str(&raw), out, err);
    text_free(&raw);
    return ok;
}
