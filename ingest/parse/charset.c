/* Any bytes become UTF-8 in normal form C, or are refused because they are no text.
 *
 * Owns the order in which an encoding is believed: a byte order mark, then what the document
 * declares, then UTF-8 if the bytes are that, then windows-1252, which never fails and is what
 * an undeclared file of the last thirty years in western Europe is. A file that is mostly good
 * UTF-8 stays UTF-8: its few broken bytes become U+FFFD rather than the whole of it mojibake.
 *
 * Encodings other than UTF-8, UTF-16 and windows-1252 go through the C library's iconv, which
 * loads a module from disk for each. The parser may open no file once it is confined, so the first
 * text of a process, which main.c parses to warm up before it locks itself in, opens them all; what
 * was not opened is refused by name, never guessed.
 *
 * It never looks at what the text means, and never keeps a reference to its input.
 */
#include "ingest/parse/parse.h"

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
#define LABEL_MAX 32

/* The encodings of the web that are neither UTF nor windows-1252 (Encoding Standard, WHATWG). */
static const char *const warm_names[] = {
    "WINDOWS-1250", "WINDOWS-1251", "WINDOWS-1253", "WINDOWS-1254", "WINDOWS-1255", "WINDOWS-1256",
    "WINDOWS-1257", "WINDOWS-1258", "ISO-8859-2",   "ISO-8859-3",   "ISO-8859-4",   "ISO-8859-5",
    "ISO-8859-6",   "ISO-8859-7",   "ISO-8859-8",   "ISO-8859-10",  "ISO-8859-13",  "ISO-8859-14",
    "ISO-8859-15",  "ISO-8859-16",  "KOI8-R",       "KOI8-U",       "IBM866",       "MACINTOSH",
    "TIS-620",      "SHIFT_JIS",    "EUC-JP",       "ISO-2022-JP",  "GBK",          "GB2312",
    "GB18030",      "BIG5",         "EUC-KR",
};
#define WARM_COUNT (sizeof warm_names / sizeof *warm_names)

static iconv_t warm[WARM_COUNT];
static bool is_warm;

/* 0x80 to 0x9F of windows-1252; the five holes stay what they are in ISO 8859-1. */
static const uint16_t cp1252[32] = {
    0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178,
};

static void open_all(void) {
    if (is_warm) return;
    for (size_t i = 0; i < WARM_COUNT; i++) warm[i] = iconv_open("UTF-8", warm_names[i]);
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

/* Valid multi-byte sequences against bytes that are none. */
static bool mostly_utf8(str s) {
    size_t good = 0, bad = 0, used;
    for (size_t i = 0; i < s.n; i += used) {
        if ((unsigned char)s.p[i] < 0x80) {
            used = 1;
            continue;
        }
        utf8_next(s.p + i, s.n - i, &used);
        if (used > 1)
            good++;
        else
            bad++;
    }
    return bad == 0 || good > 4 * bad;
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

/* The declared label in capitals, without white space, quotes and odd characters. */
static void clean_label(str declared, char label[LABEL_MAX]) {
    size_t n = 0;
    declared = str_trim(declared);
    for (size_t i = 0; i < declared.n && n + 1 < LABEL_MAX; i++) {
        char c = declared.p[i];
        if (c >= 'a' && c <= 'z')
            label[n++] = (char)(c - 32);
        else if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
            label[n++] = c;
    }
    label[n] = 0;
}

static bool label_in(const char *label, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(label, names[i]) == 0) return true;
    return false;
}

/* The converter for a label, NULL when it is UTF-8 or windows-1252 by any of its names. */
static bool find_converter(const char *label, iconv_t *cd, bool *latin, error *err) {
    /* The web reads both of the older names as windows-1252. */
    static const char *const latin_names[] = {
        "WINDOWS-1252", "CP1252",  "CP-1252",  "ISO-8859-1", "ISO8859-1", "ISO_8859-1",
        "LATIN1",       "LATIN-1", "US-ASCII", "ASCII",      "X-CP1252",
    };
    /* UTF-16 is here because a document whose declaration could be read as bytes is not that. */
    static const char *const utf8_names[] = {"",         "UTF-8",    "UTF8",    "UTF-16",
                                             "UTF-16LE", "UTF-16BE", "UNICODE", "NONE"};
    static const char *const aliases[][2] = {
        {"SJIS", "SHIFT_JIS"},      {"X-SJIS", "SHIFT_JIS"},
        {"SHIFT-JIS", "SHIFT_JIS"}, {"MS_KANJI", "SHIFT_JIS"},
        {"GB_2312-80", "GBK"},      {"GB2312", "GBK"},
        {"X-GBK", "GBK"},           {"CP1251", "WINDOWS-1251"},
        {"CP1250", "WINDOWS-1250"}, {"KS_C_5601-1987", "EUC-KR"},
        {"BIG5-HKSCS", "BIG5"},     {"X-EUC-JP", "EUC-JP"},
        {"CP866", "IBM866"},        {"ISO-8859-9", "WINDOWS-1254"},
        {"ISO-8859-11", "TIS-620"}, {"KOI8", "KOI8-R"},
    };
    *cd = (iconv_t)-1;
    *latin = label_in(label, latin_names, sizeof latin_names / sizeof *latin_names);
    if (*latin || label_in(label, utf8_names, sizeof utf8_names / sizeof *utf8_names)) return true;
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (strcmp(label, aliases[i][0]) == 0) label = aliases[i][1];
    for (size_t i = 0; i < WARM_COUNT; i++)
        if (strcmp(label, warm_names[i]) == 0) {
            *cd = warm[i];
            if (*cd != (iconv_t)-1) return true;
            return error_set(err, ERROR_INPUT,
                             "the text is in the encoding %s, for which this "
                             "system has no table; save it as UTF-8",
                             label);
        }
    return true; /* a name that nobody knows says nothing */
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

/* One line into normal form C, its stacks of marks shortened to what ordering can bear. */
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

/* CR LF and CR become LF, every line becomes NFC. Below U+0300 all text is NFC already. */
static bool normalise(const text *in, text *out, error *err) {
    text scratch = {0};
    str s = text_str(in);
    bool ok = true;
    for (size_t i = 0; ok && i < s.n;) {
        size_t end = i;
        bool plain = true;
        for (; end < s.n && s.p[end] != '\n' && s.p[end] != '\r'; end++)
            plain = plain && (unsigned char)s.p[end] < 0xCC; /* U+0300 starts with CC */
        if (plain)
            text_put(out, str_cut(s, i, end));
        else
            ok = put_normal(str_cut(s, i, end), &scratch, out, err);
        if (end < s.n) text_put_char(out, '\n');
        i = end + 1;
        if (end + 1 < s.n && s.p[end] == '\r' && s.p[end + 1] == '\n') i++;
    }
    text_free(&scratch);
    return ok;
}

bool parse_to_utf8(str bytes, str declared, text *out, error *err) {
    text raw = {0};
    char order = utf16_order(bytes), label[LABEL_MAX];
    iconv_t cd = (iconv_t)-1;
    bool latin = false, ok = false;

    open_all();
    text_clear(out);
    if (order) {
        from_utf16(bytes, order, &raw);
        /* the zero bytes of UTF-16 are gone; what is left may still be a picture */
        ok = check_is_text(text_str(&raw), err) && normalise(&raw, out, err);
        goto done;
    }
    if (!check_is_text(bytes, err)) goto done;
    clean_label(declared, label);
    if (str_starts(bytes, STR("\xEF\xBB\xBF"))) {
        bytes = str_cut(bytes, 3, bytes.n);
        from_utf8(bytes, &raw);
    } else if (!find_converter(label, &cd, &latin, err)) {
        goto done;
    } else if (cd != (iconv_t)-1) {
        from_iconv(cd, bytes, &raw);
    } else if (utf8_valid(bytes) || (!latin && mostly_utf8(bytes))) {
        from_utf8(bytes, &raw);
    } else {
        from_cp1252(bytes, &raw);
    }
    ok = normalise(&raw, out, err);
done:
    text_free(&raw);
    return ok;
}
