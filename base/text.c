/* Growing text, and UTF-8 in and out. The buffer doubles, so that a document's text is built in
 * linear time; it is always zero-terminated, so that a library that wants a C string can have it.
 */
#include "base/base.h"

#include <stdio.h>
#include <string.h>

#define TEXT_FIRST_CAPACITY 64

static void reserve(text *t, size_t more) {
    size_t need = t->n + more + 1;
    if (need <= t->capacity) return;
    size_t capacity = t->capacity > 0 ? t->capacity : TEXT_FIRST_CAPACITY;
    while (capacity < need) capacity *= 2;
    t->p = mem_grow(t->p, capacity, 1);
    t->capacity = capacity;
}

void text_free(text *t) {
    mem_free(t->p);
    *t = (text){0};
}

void text_clear(text *t) {
    text_cut(t, 0);
}

void text_put(text *t, str s) {
    reserve(t, s.n);
    if (s.n > 0) memcpy(t->p + t->n, s.p, s.n);
    t->n += s.n;
    t->p[t->n] = '\0';
}

void text_put_char(text *t, char c) {
    reserve(t, 1);
    t->p[t->n++] = c;
    t->p[t->n] = '\0';
}

void text_put_codepoint(text *t, uint32_t codepoint) {
    char bytes[4];
    if (codepoint < 0x80)
        text_put_char(t, (char)codepoint);
    else
        text_put(t, (str){bytes, utf8_encode(codepoint, bytes)});
}

void text_printf(text *t, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n > 0) {
        reserve(t, (size_t)n);
        vsnprintf(t->p + t->n, (size_t)n + 1, format, again);
        t->n += (size_t)n;
    }
    va_end(again);
}

void text_cut(text *t, size_t n) {
    if (n >= t->n) return;
    t->n = n;
    t->p[n] = '\0';
}

str text_str(const text *t) {
    return (str){t->p, t->n};
}

/* ---- UTF-8 (RFC 3629) ---- */

static bool is_tail(unsigned char c) {
    return (c & 0xC0) == 0x80;
}

uint32_t utf8_next(const char *p, size_t n, size_t *used) {
    const unsigned char *u = (const unsigned char *)p;
    *used = 1;
    if (u[0] < 0x80) return u[0];
    if (u[0] >= 0xC2 && u[0] <= 0xDF && n >= 2 && is_tail(u[1])) {
        *used = 2;
        return (uint32_t)(u[0] & 0x1F) << 6 | (u[1] & 0x3F);
    }
    if ((u[0] & 0xF0) == 0xE0 && n >= 3 && is_tail(u[1]) && is_tail(u[2])) {
        uint32_t c = (uint32_t)(u[0] & 0x0F) << 12 | (uint32_t)(u[1] & 0x3F) << 6 | (u[2] & 0x3F);
        if (c < 0x800 || (c >= 0xD800 && c <= 0xDFFF)) return UTF8_REPLACEMENT;
        *used = 3;
        return c;
    }
    if (u[0] >= 0xF0 && u[0] <= 0xF4 && n >= 4 && is_tail(u[1]) && is_tail(u[2]) && is_tail(u[3])) {
        uint32_t c = (uint32_t)(u[0] & 0x07) << 18 | (uint32_t)(u[1] & 0x3F) << 12 |
                     (uint32_t)(u[2] & 0x3F) << 6 | (u[3] & 0x3F);
        if (c < 0x10000 || c > 0x10FFFF) return UTF8_REPLACEMENT;
        *used = 4;
        return c;
    }
    return UTF8_REPLACEMENT;
}

size_t utf8_encode(uint32_t c, char out[4]) {
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) c = UTF8_REPLACEMENT;
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

bool utf8_valid(str s) {
    for (size_t i = 0; i < s.n;) {
        size_t used;
        uint32_t c = utf8_next(s.p + i, s.n - i, &used);
        if (c == UTF8_REPLACEMENT && used == 1) return false;
        i += used;
    }
    return true;
}

size_t utf8_floor(str s, size_t at) {
    if (at >= s.n) return s.n;
    for (int back = 0; back < 3 && at > 0 && is_tail((unsigned char)s.p[at]); back++) at--;
    return at;
}
