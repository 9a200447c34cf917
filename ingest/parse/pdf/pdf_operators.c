/* Takes a content stream apart into operators with their operands.
 *
 * Poppler does the same, but tells nobody which operators there were; pdf_drawing.c needs them to
 * know what a reader can see. So this is the smallest reading that serves it: numbers and names are
 * kept, strings are measured and never decoded (their text comes from poppler), arrays and
 * dictionaries are walked over, the bytes of inline images are skipped. It never fails: a broken
 * stream gives other operators, as it does in every reader.
 */
#include <string.h>

#include "ingest/parse/pdf/pdf_operators.h"

#define NUMBER_MAX 1e9 /* larger ones are nonsense, and would make infinities of sums */
#define PLAIN_AFTER_IMAGE 8
#define PLAIN_DIGITS 9 /* of a number that 32 bits hold */

/* By byte: most of the time goes into asking what a byte is. */
enum { REGULAR, WHITE, DELIMITER };
static const uint8_t classes[256] = {
    ['\0'] = WHITE,    ['\t'] = WHITE,    ['\n'] = WHITE,    ['\f'] = WHITE,
    ['\r'] = WHITE,    [' '] = WHITE,     ['('] = DELIMITER, [')'] = DELIMITER,
    ['<'] = DELIMITER, ['>'] = DELIMITER, ['['] = DELIMITER, [']'] = DELIMITER,
    ['{'] = DELIMITER, ['}'] = DELIMITER, ['/'] = DELIMITER, ['%'] = DELIMITER};

static bool is_white(char c) {
    return classes[(unsigned char)c] == WHITE;
}

static bool is_regular(char c) {
    return classes[(unsigned char)c] == REGULAR;
}

static size_t regular_end(str s, size_t at) {
    while (at < s.n && is_regular(s.p[at])) at++;
    return at;
}

/* The bytes of "(...)", with escapes and inner brackets. `at` stands behind the opening one. */
static void skip_literal(pdf_operators *o) {
    str s = o->bytes;
    int depth = 1;
    for (; o->at < s.n && depth > 0; o->at++) {
        char c = s.p[o->at];
        if (c == '\\') {
            o->at++;
            o->string_bytes++;
            for (int octal = 0; octal < 2 && o->at + 1 < s.n && s.p[o->at] >= '0' &&
                                s.p[o->at] <= '7' && s.p[o->at + 1] >= '0' && s.p[o->at + 1] <= '7';
                 octal++)
                o->at++;
            continue;
        }
        depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        o->string_bytes += depth > 0 && c != ' ';
    }
}

static void skip_hex(pdf_operators *o) {
    size_t digits = 0;
    for (; o->at < o->bytes.n && o->bytes.p[o->at] != '>'; o->at++)
        digits += !is_white(o->bytes.p[o->at]);
    o->at++;
    o->string_bytes += (uint32_t)(digits / 2);
}

static bool read_number(str s, double *out) {
    double value = 0, unit = 1;
    bool negative = false, point = false, any = false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c >= '0' && c <= '9') {
            any = true;
            if (point) unit /= 10;
            value = point ? value + (c - '0') * unit : value * 10 + (c - '0');
            if (value > NUMBER_MAX) value = NUMBER_MAX;
        } else if (c == '.' && !point) {
            point = any = true;
        } else if ((c == '-' || c == '+') && i == 0) {
            negative = c == '-';
        } else if (c != '-') { /* "12-34" and "--5" are numbers to every reader */
            return false;
        }
    }
    *out = negative ? -value : value;
    return any;
}

/* Nearly all numbers: a sign, digits, a point and digits, and behind them what is no part of a
 * word. Takes them in one pass, and leaves the others to read_number. */
static bool take_plain_number(pdf_operators *o, double *out) {
    static const double tens[PLAIN_DIGITS + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    str s = o->bytes;
    size_t at = o->at, first, point = SIZE_MAX;
    uint32_t value = 0;
    bool negative = s.p[at] == '-';
    at += negative;
    for (first = at; at < s.n; at++) {
        unsigned digit = (unsigned)(unsigned char)s.p[at] - '0';
        if (digit < 10)
            value = value * 10 + digit;
        else if (s.p[at] == '.' && point == SIZE_MAX)
            point = at;
        else
            break;
    }
    size_t digits = at - first - (point != SIZE_MAX);
    if (digits == 0 || digits > PLAIN_DIGITS || (at < s.n && is_regular(s.p[at]))) return false;
    double number = point == SIZE_MAX ? value : value / tens[at - point - 1];
    *out = negative ? -number : number;
    o->at = at;
    return true;
}

static void put_number(pdf_operators *o, double value) {
    if (o->number_count == PDF_OPERANDS)
        memmove(o->numbers, o->numbers + 1, --o->number_count * sizeof *o->numbers);
    o->numbers[o->number_count++] = value;
}

static void put_name(pdf_operators *o, str name) {
    if (o->name_count == 2) {
        o->names[0] = o->names[1];
        o->name_count = 1;
    }
    o->names[o->name_count++] = name;
}

/* From "ID" to behind "EI". The data may hold these two letters, but hardly with white space around
 * them and plain letters behind. */
static void skip_image(pdf_operators *o) {
    str s = o->bytes;
    for (size_t i = o->at; i + 2 < s.n; i++) {
        if (s.p[i + 1] != 'E' || s.p[i + 2] != 'I' || !is_white(s.p[i])) continue;
        size_t after = i + 3;
        bool plain = after == s.n || is_white(s.p[after]);
        for (size_t k = after; plain && k < s.n && k < after + PLAIN_AFTER_IMAGE; k++)
            plain = is_white(s.p[k]) || (s.p[k] >= ' ' && s.p[k] < 0x7f);
        if (plain) {
            o->at = after;
            return;
        }
    }
    o->at = s.n;
}

/* A word that is no number: true, and in o->op. */
static bool take_operator(pdf_operators *o, str word) {
    o->op = word.n > 3 ? 0
                       : PDF_OP((unsigned char)word.p[0], word.n > 1 ? (unsigned char)word.p[1] : 0,
                                word.n > 2 ? (unsigned char)word.p[2] : 0);
    if (o->op == PDF_OP('I', 'D', 0)) skip_image(o);
    return true;
}

bool pdf_next_operator(pdf_operators *o) {
    str s = o->bytes;
    int inside = 0; /* arrays and dictionaries: their numbers and names are no operands */
    o->number_count = o->name_count = 0;
    o->string_bytes = 0;
    o->begin = o->at;
    while (o->at < s.n) {
        char c = s.p[o->at];
        if (is_white(c)) {
            o->at++;
            continue;
        }
        if (is_regular(c) && inside > 0) {
            o->at = regular_end(s, o->at);
            continue;
        }
        if (is_regular(c)) {
            double value;
            if (!take_plain_number(o, &value)) {
                str word = {s.p + o->at, regular_end(s, o->at) - o->at};
                o->at += word.n;
                if (!read_number(word, &value)) return take_operator(o, word);
            }
            put_number(o, value);
            continue;
        }
        o->at++;
        if (c == '/') {
            size_t end = regular_end(s, o->at);
            if (inside == 0) put_name(o, str_cut(s, o->at, end));
            o->at = end;
        } else if (c == '(') {
            skip_literal(o);
        } else if (c == '<' && o->at < s.n && s.p[o->at] != '<') {
            skip_hex(o);
        } else if (c == '%') {
            while (o->at < s.n && s.p[o->at] != '\n' && s.p[o->at] != '\r') o->at++;
        } else if (c == '[' || c == '<') {
            o->at += c == '<';
            inside++;
        } else if (c == ']' || c == '>') {
            o->at += c == '>' && o->at < s.n && s.p[o->at] == '>';
            if (inside > 0) inside--;
        }
    }
    return false;
}
