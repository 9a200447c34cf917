/* GMime's view of a message, and its bytes and words as Carrel wants them.
 *
 * Owns every call that decodes: transfer encodings, encoded words (RFC 2047, 2231), addresses, dates.
 * A message is parsed where it lies, and its parts stay places in it until they are decoded one by
 * one, so that a large attachment is in memory once. Bodies go through charset.c like any other text;
 * headers go through GMime, whose converters are loaded here before the lock.
 *
 * Nothing here asks GMime for cryptography: what is encrypted stays so.
 */
#include "ingest/parse/mail/mime.h"

#include <iconv.h>
#include <limits.h>
#include <string.h>

#include "ingest/kind.h"

#define READ_BYTES (64u << 10)
/* GMime reads a group of addresses inside a group by recursion, each behind a colon; tens of thousands
 * would end the process, and with it the names of all other messages of a mailbox. */
#define COLONS_MAX 1000
/* Headers without an encoding are UTF-8 or what the last thirty years in western Europe wrote. */
static const char *const fallback_charsets[] = {"utf-8", "windows-1252", NULL};

static GMimeParserOptions *options(void) {
    static GMimeParserOptions *made;
    if (!made) {
        g_mime_init();
        made = g_mime_parser_options_new();
        g_mime_parser_options_set_fallback_charsets(made, (const char **)fallback_charsets);
    }
    return made;
}

/* charset.c opens what web pages declare, under the names that the Web means by them; these are what
 * mail means by its own, and GMime asks the C library for. They are never closed, since the C library
 * would unload them, and could not load them again. */
void mime_warm_up(void) {
    static const char *const names[] = {
        "ISO-8859-1", "ISO-8859-9", "WINDOWS-1252", "TIS-620", "SHIFT_JIS",   "EUC-JP", "GB2312",
        "GBK",        "BIG5",       "EUC-KR",       "UTF-7",   "ISO-2022-KR", "UTF-16"};
    static bool done;
    options();
    for (size_t i = 0; !done && i < sizeof names / sizeof *names; i++)
        (void)iconv_open("UTF-8",
                         names[i]); /* one that is missing is seen in the header it garbles */
    done = true;
}

/* ---- opening ------------------------------------------------------------------------------ */

static bool check_headers(str bytes, error *err) {
    size_t colons = 0;
    for (size_t i = 0; i < bytes.n; i++) {
        bool starts = i > 0 && bytes.p[i - 1] == '\n';
        if (starts && (bytes.p[i] == '\n' || bytes.p[i] == '\r')) return true;
        if (starts && bytes.p[i] != ' ' && bytes.p[i] != '\t') colons = 0;
        colons += bytes.p[i] == ':';
        if (colons > COLONS_MAX)
            return error_set(err, ERROR_LIMIT,
                             "a header of the mail has more than %d colons, as only attacks have",
                             COLONS_MAX);
    }
    return true;
}

bool mime_open(str bytes, mime *out, error *err) {
    *out = (mime){0};
    if (bytes.n >= INT_MAX)
        return error_set(err, ERROR_LIMIT, "the message is larger than %d MiB", INT_MAX >> 20);
    if (str_starts(bytes, STR("From "))) {
        size_t end = str_find(bytes, STR("\n"), 0);
        bytes = str_cut(bytes, end == SIZE_MAX ? bytes.n : end + 1, bytes.n);
    }
    if (str_trim(bytes).n == 0) return error_set(err, ERROR_INPUT, "the message is empty");
    if (!check_headers(bytes, err)) return false;
    /* "take" promises memory of GLib's own: mime_close takes it back before GLib would free it. */
    out->bytes = g_byte_array_new_take((guint8 *)bytes.p, bytes.n);
    GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(out->bytes);
    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    out->message = g_mime_parser_construct_message(parser, options());
    g_object_unref(parser);
    g_object_unref(stream);
    GMimeHeaderList *headers =
        out->message ? g_mime_object_get_header_list(GMIME_OBJECT(out->message)) : NULL;
    if (headers && g_mime_header_list_get_count(headers) > 0) return true;
    mime_close(out);
    return error_set(err, ERROR_INPUT, "this is no mail message: it does not begin with headers");
}

void mime_close(mime *m) {
    if (m->message) g_object_unref(m->message);
    if (m->bytes) g_byte_array_free(m->bytes, FALSE);
    *m = (mime){0};
}

/* ---- headers ------------------------------------------------------------------------------ */

/* A copy in the arena; GLib's own is freed. */
static str keep(char *s, arena *a) {
    str copy = arena_str(a, str_trim(str_of(s)));
    g_free(s);
    return copy;
}

str mime_header(GMimeMessage *m, const char *name, arena *a) {
    const char *value = g_mime_object_get_header(GMIME_OBJECT(m), name);
    return value ? arena_str(a, str_trim(str_of(value))) : (str){0};
}

str mime_addresses(InternetAddressList *list, arena *a) {
    if (!list || internet_address_list_length(list) == 0) return (str){0};
    return keep(internet_address_list_to_string(list, NULL, FALSE), a);
}

bool mime_date_of(GMimeMessage *m, mime_date *out) {
    GDateTime *date = g_mime_message_get_date(m);
    if (!date) return false;
    g_date_time_get_ymd(date, &out->year, &out->month, &out->day);
    out->hour = g_date_time_get_hour(date);
    out->minute = g_date_time_get_minute(date);
    out->offset_minutes = (int)(g_date_time_get_utc_offset(date) / G_TIME_SPAN_MINUTE);
    return out->year > 1900;
}

/* ---- parts -------------------------------------------------------------------------------- */

bool mime_is_type(GMimeObject *o, const char *type, const char *subtype) {
    GMimeContentType *t = g_mime_object_get_content_type(o);
    return t && g_mime_content_type_is_type(t, type, subtype);
}

str mime_type_name(GMimeObject *o, arena *a) {
    GMimeContentType *t = g_mime_object_get_content_type(o);
    return t ? keep(g_mime_content_type_get_mime_type(t), a) : STR("text/plain");
}

str mime_parameter(GMimeObject *o, const char *name, arena *a) {
    const char *value = g_mime_object_get_content_type_parameter(o, name);
    return value ? arena_str(a, str_of(value)) : (str){0};
}

str mime_file_name(GMimeObject *o, arena *a) {
    const char *given = g_mime_object_get_content_disposition_parameter(o, "filename");
    if (!given) given = g_mime_object_get_content_type_parameter(o, "name");
    str name = str_trim(str_of(given));
    for (size_t i = name.n; i > 0; i--)
        if (name.p[i - 1] == '/' || name.p[i - 1] == '\\') {
            name = str_cut(name, i, name.n);
            break;
        }
    return arena_str(a, name);
}

bool mime_is_attached(GMimeObject *o) {
    const char *d = g_mime_object_get_disposition(o);
    return d && str_eq_nocase(str_of(d), STR("attachment"));
}

/* The decoded bytes of a part, as a stream; NULL where it has none. */
static GMimeStream *open_decoded(GMimePart *part) {
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    GMimeStream *raw = content ? g_mime_data_wrapper_get_stream(content) : NULL;
    if (!raw) return NULL;
    g_mime_stream_reset(raw);
    GMimeStream *stream = g_mime_stream_filter_new(raw);
    GMimeContentEncoding encoding = g_mime_data_wrapper_get_encoding(content);
    GMimeFilter *filter = g_mime_filter_basic_new(encoding, FALSE);
    bool coded = encoding == GMIME_CONTENT_ENCODING_BASE64 ||
                 encoding == GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE ||
                 encoding == GMIME_CONTENT_ENCODING_UUENCODE;
    if (coded) g_mime_stream_filter_add(GMIME_STREAM_FILTER(stream), filter);
    g_object_unref(filter);
    return stream;
}

/* Reads to the end; keeps up to `keep_bytes` of it in out (may be NULL). */
static uint64_t drain(GMimeStream *stream, uint64_t keep_bytes, text *out) {
    char *buffer = mem_new(1, READ_BYTES);
    uint64_t size = 0;
    for (ssize_t n; (n = g_mime_stream_read(stream, buffer, READ_BYTES)) > 0; size += (uint64_t)n)
        if (out && size < keep_bytes) {
            uint64_t room = keep_bytes - size;
            text_put(out, (str){buffer, room < (uint64_t)n ? (size_t)room : (size_t)n});
        }
    mem_free(buffer);
    return size;
}

uint64_t mime_measure(GMimePart *part, text *head) {
    GMimeStream *stream = open_decoded(part);
    if (head) text_clear(head);
    if (!stream) return 0;
    uint64_t size = drain(stream, KIND_HEAD_BYTES, head);
    g_object_unref(stream);
    return size;
}

static bool too_large(uint64_t limit_bytes, error *err) {
    return error_set(err, ERROR_LIMIT, "it is larger than %llu MiB",
                     (unsigned long long)(limit_bytes >> 20));
}

bool mime_decode(GMimePart *part, uint64_t limit_bytes, text *out, error *err) {
    GMimeStream *stream = open_decoded(part);
    text_clear(out);
    if (!stream) return true;
    uint64_t size = drain(stream, limit_bytes, out);
    g_object_unref(stream);
    return size <= limit_bytes || too_large(limit_bytes, err);
}

bool mime_write(GMimeMessage *m, uint64_t limit_bytes, text *out, error *err) {
    GMimeStream *stream = g_mime_stream_mem_new();
    g_mime_object_write_to_stream(GMIME_OBJECT(m), NULL, stream);
    GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    bool ok = bytes->len <= limit_bytes || too_large(limit_bytes, err);
    text_clear(out);
    if (ok) text_put(out, (str){(const char *)bytes->data, bytes->len});
    g_object_unref(stream);
    return ok;
}
