/* The error record: one sentence for a person, and a code for a script. It is a value in the
 * caller's frame, so that nothing has to be freed, and a failure on the way to an error message
 * cannot happen.
 */
#include "base/base.h"

#include <stdio.h>
#include <string.h>

/* snprintf cuts at any byte: step back to where a code point starts. */
static void close_text(error *err, int wanted) {
    if (wanted < 0) err->text[0] = '\0';
    if (wanted >= (int)sizeof err->text) {
        str whole = {err->text, strlen(err->text)};
        size_t used = 0, at = utf8_floor(whole, whole.n > 0 ? whole.n - 1 : 0);
        if (at < whole.n && utf8_next(whole.p + at, whole.n - at, &used) == UTF8_REPLACEMENT)
            err->text[at] = '\0';
    }
}

bool error_set(error *err, error_code code, const char *format, ...) {
    if (!err) return false;
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    err->code = code;
    close_text(err, wanted);
    return false;
}

bool error_wrap(error *err, const char *format, ...) {
    if (!err) return false;
    char before[sizeof err->text];
    memcpy(before, err->text, sizeof before);
    va_list args;
    va_start(args, format);
    int head = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    if (head >= 0 && head < (int)sizeof err->text) {
        size_t room = sizeof err->text - (size_t)head;
        int tail = snprintf(err->text + head, room, ": %s", before);
        head += tail > 0 ? tail : 0;
    }
    close_text(err, head);
    return false;
}
