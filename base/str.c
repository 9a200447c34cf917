/* Slices: borrowed bytes with a length. Nothing here allocates, and nothing reads past the end, so
 * that the other rooms can pass pieces of a mapped file or of a page around without copies.
 */
#include "base/base.h"

#include <string.h>

str str_of(const char *zero_terminated) {
    return zero_terminated ? (str){zero_terminated, strlen(zero_terminated)} : (str){NULL, 0};
}

str str_cut(str s, size_t begin, size_t end) {
    if (end > s.n) end = s.n;
    if (begin > end) begin = end;
    return (str){s.p ? s.p + begin : NULL, end - begin};
}

bool str_eq(str a, str b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int str_compare(str a, str b) {
    size_t shorter = a.n < b.n ? a.n : b.n;
    int order = shorter > 0 ? memcmp(a.p, b.p, shorter) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_eq_nocase(str a, str b) {
    if (a.n != b.n) return false;
    for (size_t i = 0; i < a.n; i++)
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i])) return false;
    return true;
}

bool str_starts(str s, str prefix) {
    return s.n >= prefix.n && str_eq(str_cut(s, 0, prefix.n), prefix);
}

bool str_ends(str s, str suffix) {
    return s.n >= suffix.n && str_eq(str_cut(s, s.n - suffix.n, s.n), suffix);
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

str str_trim(str s) {
    while (s.n > 0 && is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_space(s.p[s.n - 1])) s.n--;
    return s;
}

size_t str_find(str s, str needle, size_t from) {
    if (from > s.n || needle.n > s.n - from) return SIZE_MAX;
    if (needle.n == 0) return from;
    const char *at = memmem(s.p + from, s.n - from, needle.p, needle.n);
    return at ? (size_t)(at - s.p) : SIZE_MAX;
}
