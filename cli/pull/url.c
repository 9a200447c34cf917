/* Addresses: which are fetched at all, what the file is called, where a mirror has it, and which
 * redirect is followed.
 *
 * The name of a file comes from the address that the user or the catalogue gave, never from a
 * redirect or a header, and is a plain name: no slash, no leading dot, nothing that a terminal or
 * a shell would take for something else. Nothing is decoded (a %2F stays three bytes and is
 * refused), so that there is one way only to read an address.
 */
#include <string.h>

#include "cli/pull/pull.h"

#define URL_MAX_BYTES 4096u /* signed addresses of content networks have about 1,500 */
#define NAME_MAX_BYTES 200u /* leaves room for ".part.from" in a file system's 255 */

/* Bytes of "http://" or "https://"; 0 where it is neither. */
static size_t scheme_bytes(str url) {
    if (url.n > 8 && str_eq_nocase(str_cut(url, 0, 8), STR("https://"))) return 8;
    if (url.n > 7 && str_eq_nocase(str_cut(url, 0, 7), STR("http://"))) return 7;
    return 0;
}

/* Where the path begins: at its slash, or at the end of an address that has none. */
static size_t path_begin(str url) {
    size_t at = scheme_bytes(url);
    while (at < url.n && !strchr("/?#", url.p[at])) at++;
    return at;
}

bool pull_url_is(const char *what) {
    return strstr(what, "://") != NULL;
}

bool pull_url_check(const char *url, error *err) {
    str s = str_of(url);
    size_t scheme = scheme_bytes(s), path = path_begin(s);
    if (s.n > URL_MAX_BYTES)
        return error_set(err, ERROR_USAGE, "the address is longer than %u bytes", URL_MAX_BYTES);
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return error_set(err, ERROR_USAGE,
                             "the address has a space or a byte that is no plain "
                             "ASCII; such bytes are written as %%XX");
    if (scheme == 0)
        return error_set(err, ERROR_USAGE, "%s is no address that begins with http:// or https://",
                         url);
    if (path == scheme) return error_set(err, ERROR_USAGE, "the address %s names no host", url);
    if (memchr(s.p + scheme, '@', path - scheme))
        return error_set(err, ERROR_USAGE,
                         "the address holds a user name or password, which "
                         "carrel-pull does not send");
    return true;
}

static bool plain_name(str name) {
    if (name.n == 0 || name.n > NAME_MAX_BYTES || name.p[0] == '.' || name.p[0] == '-')
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && !strchr("._+-", c)) return false;
    }
    return true;
}

bool pull_url_name(const char *url, text *out, error *err) {
    str s = str_of(url);
    size_t begin = path_begin(s), end = begin;
    while (end < s.n && !strchr("?#", s.p[end])) {
        if (s.p[end] == '/') begin = end + 1;
        end++;
    }
    str name = begin <= end ? str_cut(s, begin, end) : (str){0};
    text_clear(out);
    if (!plain_name(name) || name.n <= 5 ||
        !str_eq_nocase(str_cut(name, name.n - 5, name.n), STR(".gguf")))
        return error_set(err, ERROR_USAGE,
                         "the address does not end in the plain name of a .gguf file "
                         "(letters, digits and . _ + -)");
    text_put(out, name);
    return true;
}

bool pull_url_mirror(const char *url, const char *base, text *out, error *err) {
    str b = str_of(base), s = str_of(url);
    if (!pull_url_check(base, err)) return error_wrap(err, "the mirror");
    if (memchr(b.p, '?', b.n) || memchr(b.p, '#', b.n))
        return error_set(err, ERROR_USAGE, "the mirror %s is no base of an address: it has ? or #",
                         base);
    while (b.n > 0 && b.p[b.n - 1] == '/') b.n--;
    text_clear(out);
    text_put(out, b);
    text_put(out, str_cut(s, path_begin(s), s.n));
    return pull_url_check(out->p, err);
}

bool pull_url_follow(const char *from, const char *to, error *err) {
    if (!pull_url_check(to, err)) {
        if (err) err->code = ERROR_IO;
        return error_wrap(err, "the server redirects to where carrel-pull does not follow");
    }
    if (scheme_bytes(str_of(from)) == 8 && scheme_bytes(str_of(to)) != 8)
        return error_set(err, ERROR_IO,
                         "the server redirects from https to plain http, where anybody on the "
                         "way could change the file: not followed");
    return true;
}
