/* A mailbox: many messages in one file, each a part.
 *
 * Owns the bounds between messages. The formats that are called mbox differ in one thing that
 * matters: whether a line of a message that begins with "From " was escaped. So a bound is only a
 * "From " line with a time in it, at the start or behind an empty line, with a header below; and where a
 * message states its length (mboxcl) and a bound really stands behind it, nothing inside is looked at.
 * A message is named by the offset of its "From " line, which the file's bytes alone decide.
 *
 * Only headers are looked at here, for the names; a message is parsed in its own process.
 */
#include "ingest/parse/mail/mail.h"

#include <string.h>

#include "ingest/kind.h"

/* "Content-Length: 123" is looked for in so much of a message's head. */
#define HEADERS_MAX_BYTES (256u << 10)
#define LENGTH_DIGITS_MAX 12

static size_t line_end(str s, size_t at) {
    size_t end = str_find(s, STR("\n"), at);
    return end == SIZE_MAX ? s.n : end + 1;
}

/* Is there a bound at `at`, which is the start of a line? */
static bool is_bound(str s, size_t at) {
    if (!str_starts(str_cut(s, at, at + 5), STR("From "))) return false;
    size_t next = line_end(s, at);
    str below = str_cut(s, next, line_end(s, next));
    return kind_begins_mbox(str_cut(s, at, next + below.n));
}

/* Behind the headers that begin at `at`. */
static size_t headers_end(str s, size_t at) {
    size_t limit = s.n - at < HEADERS_MAX_BYTES ? s.n : at + HEADERS_MAX_BYTES;
    while (at < limit) {
        size_t next = line_end(s, at);
        if (str_trim(str_cut(s, at, next)).n == 0) return next;
        at = next;
    }
    return limit;
}

/* What the message states of its body; false where it states nothing that can be believed. */
static bool stated_length(str headers, size_t *out) {
    const str name = STR("content-length:");
    for (size_t at = 0; at < headers.n; at = line_end(headers, at)) {
        str line = str_cut(headers, at, line_end(headers, at));
        if (!str_eq_nocase(str_cut(line, 0, name.n), name)) continue;
        str digits = str_trim(str_cut(line, name.n, line.n));
        if (digits.n == 0 || digits.n > LENGTH_DIGITS_MAX) return false;
        *out = 0;
        for (size_t i = 0; i < digits.n; i++) {
            if (digits.p[i] < '0' || digits.p[i] > '9') return false;
            *out = *out * 10 + (size_t)(digits.p[i] - '0');
        }
        return true;
    }
    return false;
}

/* Where the message ends whose "From " line is at `at`: at the next bound, or at the end. */
static size_t message_end(str s, size_t at) {
    size_t head = line_end(s, at), body = headers_end(s, head), length;
    if (stated_length(str_cut(s, head, body), &length) && length <= s.n - body) {
        size_t end = body + length;
        while (end < s.n && (s.p[end] == '\n' || s.p[end] == '\r')) end++;
        if (end == s.n || is_bound(s, end)) return end;
    }
    for (size_t i = head; (i = str_find(s, STR("\nFrom "), i)) != SIZE_MAX; i++) {
        size_t before = i > 0 && s.p[i - 1] == '\r' ? i - 1 : i;
        bool empty = before > 0 && s.p[before - 1] == '\n';
        if ((empty || i + 1 == head) && is_bound(s, i + 1)) return i + 1;
    }
    return s.n;
}

/* The first bound; SIZE_MAX where there is none. */
static size_t first_message(str s) {
    size_t at = 0;
    while (at < s.n && (s.p[at] == '\n' || s.p[at] == '\r')) at++;
    return at < s.n && is_bound(s, at) ? at : SIZE_MAX;
}

/* Its name needs the headers alone. */
static str name_of(str message, arena *a) {
    size_t head = line_end(message, 0);
    str headers = str_cut(message, head, headers_end(message, head));
    mime m;
    error ignored; /* a message that cannot be read has its part all the same, and fails there */
    if (!mime_open(headers, &m, &ignored)) return STR("(no headers)");
    str name = mail_name(m.message, a);
    mime_close(&m);
    return name;
}

bool parse_mbox(const parse_input *in, record_writer *out, error *err) {
    str s = in->bytes;
    size_t at = first_message(s), count = 0, left_out = 0;
    if (at == SIZE_MAX)
        return error_set(err, ERROR_INPUT,
                         "this is no mailbox: it does not begin with a \"From \" line and headers");
    record_document(out, in->name, STR("mbox"), (str){0});
    for (size_t end; at < s.n; at = end) {
        end = message_end(s, at);
        if (count == RECORD_MAX_PARTS) {
            left_out++;
            continue;
        }
        arena *a = arena_new();
        record_part(out, at, name_of(str_cut(s, at, end), a));
        arena_free(a);
        count++;
    }
    if (left_out > 0)
        record_note(out, "only the first %zu messages were read; %zu more are in the mailbox",
                    count, left_out);
    return true;
}

/* ">From ", ">>From ": a line that was escaped loses one mark. */
static void unescape(str s, text *out) {
    for (size_t at = 0, end; at < s.n; at = end) {
        end = line_end(s, at);
        size_t marks = at;
        while (marks < end && s.p[marks] == '>') marks++;
        bool escaped = marks > at && str_starts(str_cut(s, marks, marks + 5), STR("From "));
        text_put(out, str_cut(s, at + escaped, end));
    }
}

bool parse_mbox_member(const parse_input *in, uint64_t id, arena *a, parse_input *out, error *err) {
    str s = in->bytes;
    if (id >= s.n || !is_bound(s, (size_t)id))
        return error_set(err, ERROR_INPUT, "the message is gone: add the mailbox again");
    str message = str_cut(s, (size_t)id, message_end(s, (size_t)id));
    out->name = STR("message.eml");
    out->bytes = message;
    if (str_find(message, STR("\n>"), 0) == SIZE_MAX) return true;
    text plain = {0};
    unescape(message, &plain);
    out->bytes = arena_str(a, text_str(&plain));
    text_free(&plain);
    return true;
}
