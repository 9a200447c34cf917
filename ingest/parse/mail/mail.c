/* One mail message: its headers, its text, and what is attached to it.
 *
 * Owns what a reader of mail wants to find: who wrote to whom, when and about what, as lines; the
 * text below; attached documents as parts, to be read in processes of their own; everything else
 * named with its size, so that nothing is lost without a word. The message is page 1. A text that
 * is encrypted is page 2, with that fate, and the headers of such a message are read all the same.
 *
 * It never follows an address, never runs a program for a signature, and never believes a type:
 * what an attachment is, its first bytes and its name say.
 */
#include "ingest/parse/mail/mail.h"

#include <stdio.h>
#include <string.h>

#include "ingest/kind.h"

/* A smaller picture inside the text is a logo, a smiley or a spacer. */
#define PICTURE_MIN_BYTES (48u << 10)
#define SIZE_TEXT_BYTES 32

typedef struct {
    const parse_input *in;
    record_writer *out;
    arena *a;
    mime m;
    mime_leaves leaves;
    size_t pictures;
    uint64_t picture_bytes;
    const char *locked; /* why there is a page 2 */
    ingest_fate locked_fate;
} mail;

/* ---- headers ------------------------------------------------------------------------------ */

static const char *month_name(int month) {
    static const char *const names[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
    return names[month - 1];
}

static void put_field(mail *x, const char *name, str value) {
    if (value.n == 0) return;
    text line = {0};
    text_printf(&line, "%s: " STR_FMT, name, STR_ARG(value));
    record_block(x->out, INGEST_ROLE_PARAGRAPH, 0, 1);
    record_line(x->out, text_str(&line), (box){0}, 0);
    text_free(&line);
}

static str date_text(mail *x) {
    mime_date d;
    if (!mime_date_of(x->m.message, &d)) return mime_header(x->m.message, "Date", x->a);
    int offset = d.offset_minutes < 0 ? -d.offset_minutes : d.offset_minutes;
    return arena_printf(x->a, "%d %s %d, %02d:%02d %c%02d%02d", d.day, month_name(d.month), d.year,
                        d.hour, d.minute, d.offset_minutes < 0 ? '-' : '+', offset / 60,
                        offset % 60);
}

/* The words of an address list, or of the header where it is no list. */
static str people(mail *x, InternetAddressList *list, const char *header) {
    str s = mime_addresses(list, x->a);
    return s.n > 0 ? s : mime_header(x->m.message, header, x->a);
}

static void put_headers(mail *x) {
    GMimeMessage *m = x->m.message;
    put_field(x, "Subject", mime_header(m, "Subject", x->a));
    put_field(x, "From", people(x, g_mime_message_get_from(m), "From"));
    put_field(x, "To", people(x, g_mime_message_get_to(m), "To"));
    put_field(x, "Cc", people(x, g_mime_message_get_cc(m), "Cc"));
    put_field(x, "Date", date_text(x));
}

/* The day alone: "2024-03-01". */
static str day_of(GMimeMessage *m, arena *a) {
    mime_date d;
    if (!mime_date_of(m, &d)) return (str){0};
    return arena_printf(a, "%04d-%02d-%02d", d.year, d.month, d.day);
}

/* The name of who wrote it, else the address without its host. */
static str author(GMimeMessage *m, arena *a) {
    InternetAddressList *from = g_mime_message_get_from(m);
    InternetAddress *first = from && internet_address_list_length(from) > 0
                                 ? internet_address_list_get_address(from, 0)
                                 : NULL;
    const char *name = first ? internet_address_get_name(first) : NULL;
    if (name && *name) return arena_str(a, str_of(name));
    if (!first || !INTERNET_ADDRESS_IS_MAILBOX(first)) return (str){0};
    str address = str_of(internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(first)));
    size_t at = str_find(address, STR("@"), 0);
    return arena_str(a, str_cut(address, 0, at));
}

str mail_name(GMimeMessage *m, arena *a) {
    str subject = mime_header(m, "Subject", a), who = author(m, a), when = day_of(m, a);
    if (subject.n == 0) subject = STR("(no subject)");
    if (who.n == 0 && when.n == 0) return subject;
    return arena_printf(a, STR_FMT " (" STR_FMT "%s" STR_FMT ")", STR_ARG(subject), STR_ARG(who),
                        who.n > 0 && when.n > 0 ? ", " : "", STR_ARG(when));
}

/* ---- attachments -------------------------------------------------------------------------- */

/* A leaf as the parser of its kind wants to see it. */
typedef struct {
    str name;       /* for people */
    str parse_name; /* with the extension that its type has, where its own says nothing */
    uint64_t bytes;
    bool document, picture;
} attachment;

static const char *extension_of(GMimeObject *o) {
    static const struct {
        const char *type, *subtype, *extension;
    } known[] = {
        {"text", "html", ".html"},          {"text", "csv", ".csv"},
        {"text", "markdown", ".md"},        {"text", "rtf", ".rtf"},
        {"application", "rtf", ".rtf"},     {"application", "pdf", ".pdf"},
        {"application", "mbox", ".mbox"},   {"message", "rfc822", ".eml"},
        {"message", "global", ".eml"},      {"text", "plain", ".txt"},
        {"text", "x-patch", ".txt"},        {"text", "x-diff", ".txt"},
        {"text", "rfc822-headers", ".txt"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (mime_is_type(o, known[i].type, known[i].subtype)) return known[i].extension;
    return NULL;
}

static bool is_document(const mail *x, str head, str name) {
    parse_input probe = *x->in;
    probe.bytes = head;
    probe.name = name;
    return parse_is_document(&probe);
}

static void look_at(mail *x, size_t i, attachment *out) {
    GMimeObject *o = x->leaves.items[i].object;
    text head = {0};
    *out = (attachment){.name = mime_file_name(o, x->a)};
    out->bytes = mime_measure(GMIME_PART(o), &head);
    if (out->name.n == 0)
        out->name = arena_printf(x->a, "attachment %zu (" STR_FMT ")", i + 1,
                                 STR_ARG(mime_type_name(o, x->a)));
    out->parse_name = out->name;
    out->document = is_document(x, text_str(&head), out->name);
    const char *extension = extension_of(o);
    if (!out->document && extension) {
        out->parse_name = arena_printf(x->a, STR_FMT "%s", STR_ARG(out->name), extension);
        out->document = is_document(x, text_str(&head), out->parse_name);
    }
    out->picture =
        mime_is_type(o, "image", "*") || kind_of(text_str(&head), out->name) == KIND_IMAGE;
    text_free(&head);
}

static const char *size_text(uint64_t bytes, char out[SIZE_TEXT_BYTES]) {
    if (bytes < 10000)
        snprintf(out, SIZE_TEXT_BYTES, "%llu bytes", (unsigned long long)bytes);
    else if (bytes < 10000000)
        snprintf(out, SIZE_TEXT_BYTES, "%llu kB", (unsigned long long)((bytes + 500) / 1000));
    else
        snprintf(out, SIZE_TEXT_BYTES, "%llu MB", (unsigned long long)((bytes + 500000) / 1000000));
    return out;
}

static void note_left_out(mail *x, const attachment *file) {
    char size[SIZE_TEXT_BYTES];
    if (str_eq_nocase(file->name, STR("winmail.dat")))
        record_note(x->out,
                    "attached files are packed into %s as only Outlook does (TNEF), and were not "
                    "read: %s",
                    "winmail.dat", size_text(file->bytes, size));
    else
        parse_remark_for(file->name)(
            x->out, "the attachment \"" STR_FMT "\" (%s) is no document that Carrel reads",
            STR_ARG(file->name), size_text(file->bytes, size));
}

static void put_file(mail *x, size_t i) {
    const mime_leaf *leaf = &x->leaves.items[i];
    attachment file;
    look_at(x, i, &file);
    /* What is attached is sent to be read: a page from a fax is smaller than many a logo. */
    bool attached = !leaf->related && mime_is_attached(leaf->object);
    bool small = file.picture && !attached && file.bytes < PICTURE_MIN_BYTES;
    if (small || (file.picture && !file.document)) {
        x->pictures++;
        x->picture_bytes += file.bytes;
    } else if (file.document) {
        record_part(x->out, i, file.name);
    } else if (!leaf->related || file.bytes >= PICTURE_MIN_BYTES) {
        note_left_out(x, &file); /* what belongs to a page and is small is its style */
    }
}

static str message_name(mail *x, size_t i) {
    GMimeObject *o = x->leaves.items[i].object;
    GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(o));
    str name = mime_file_name(o, x->a);
    if (name.n > 0 || !inner) return name.n > 0 ? name : STR("attached message");
    return mail_name(inner, x->a);
}

/* ---- the text ----------------------------------------------------------------------------- */

static bool yes(str parameter) {
    return str_eq_nocase(parameter, STR("yes"));
}

static void lock(mail *x, ingest_fate fate, const char *why) {
    x->locked = why;
    x->locked_fate = fate;
}

static bool put_plain(mail *x, GMimeObject *o, str bytes, str charset, error *err) {
    text utf8 = {0};
    bool ok = parse_to_utf8(bytes, charset, &utf8, err);
    bool flowed = str_eq_nocase(mime_parameter(o, "format", x->a), STR("flowed"));
    if (ok && mail_text_is_encrypted(text_str(&utf8)))
        lock(x, INGEST_FATE_ENCRYPTED, "its text is encrypted (PGP)");
    else if (ok)
        mail_text_write(text_str(&utf8), flowed, yes(mime_parameter(o, "delsp", x->a)), x->out);
    text_free(&utf8);
    return ok;
}

static void put_text(mail *x, const mime_leaf *leaf) {
    GMimeObject *o = leaf->object;
    str charset = mime_parameter(o, "charset", x->a);
    text bytes = {0};
    error err;
    bool ok = mime_decode(GMIME_PART(o), x->in->limits->file_bytes, &bytes, &err);
    if (ok && bytes.n > 0)
        ok = mime_is_type(o, "text", "html")
                 ? parse_html_inside(text_str(&bytes), charset, x->out, &err)
                 : put_plain(x, o, text_str(&bytes), charset, &err);
    if (!ok)
        record_note(x->out, "a part of its text (" STR_FMT ") was not read: %s",
                    STR_ARG(mime_type_name(o, x->a)), err.text);
    text_free(&bytes);
}

static void put_leaf(mail *x, size_t i) {
    const mime_leaf *leaf = &x->leaves.items[i];
    switch (leaf->role) {
    case MIME_TEXT:
        put_text(x, leaf);
        break;
    case MIME_FILE:
        put_file(x, i);
        break;
    case MIME_MESSAGE:
        record_part(x->out, i, message_name(x, i));
        break;
    case MIME_LOCKED:
        lock(x, INGEST_FATE_ENCRYPTED, "its text is encrypted");
        break;
    case MIME_SEALED:
        lock(x, INGEST_FATE_FAILED,
             "its text is packed into a signature (S/MIME), which Carrel does not open");
        break;
    case MIME_OTHER_TEXT:
    case MIME_NOTHING:
        break;
    }
}

/* "Attachments: a.pdf, b.zip": to be found by its name, whatever it is. */
static void put_file_names(mail *x) {
    text names = {0};
    for (size_t i = 0; i < x->leaves.count; i++) {
        const mime_leaf *leaf = &x->leaves.items[i];
        str name = leaf->role == MIME_FILE && !leaf->related ? mime_file_name(leaf->object, x->a)
                                                             : (str){0};
        if (name.n == 0) continue;
        if (names.n > 0) text_put(&names, STR(", "));
        text_put(&names, name);
    }
    put_field(x, "Attachments", text_str(&names));
    text_free(&names);
}

static void put_notes(mail *x) {
    char size[SIZE_TEXT_BYTES];
    if (x->pictures > 0)
        record_note(x->out, "%zu picture%s (%s) in the message %s not read", x->pictures,
                    x->pictures > 1 ? "s" : "", size_text(x->picture_bytes, size),
                    x->pictures > 1 ? "were" : "was");
    if (x->leaves.unseen > 0)
        record_note(x->out,
                    "%zu parts of the message lie too deep in it, or are too many, and "
                    "were not read",
                    x->leaves.unseen);
    if (x->locked)
        record_page_full(x->out, 2,
                         &(record_page_facts){.fate = x->locked_fate, .note = str_of(x->locked)});
}

bool parse_mail(const parse_input *in, record_writer *out, error *err) {
    mail x = {.in = in, .out = out};
    if (!mime_open(in->bytes, &x.m, err)) return false;
    x.a = arena_new();
    mime_leaves_find(&x.m, &x.leaves);
    record_document(out, mime_header(x.m.message, "Subject", x.a), STR("mail"), (str){0});
    record_date(out, day_of(x.m.message, x.a));
    record_page(out, 1, (str){0}, 0, 0, INGEST_FATE_TEXT);
    put_headers(&x);
    put_file_names(&x);
    for (size_t i = 0; i < x.leaves.count; i++) put_leaf(&x, i);
    put_notes(&x);
    mime_leaves_free(&x.leaves);
    mime_close(&x.m);
    arena_free(x.a);
    return true;
}

/* ---- members ------------------------------------------------------------------------------ */

static bool unpack(mail *x, size_t i, text *bytes, parse_input *out, error *err) {
    const mime_leaf *leaf = &x->leaves.items[i];
    if (leaf->role == MIME_MESSAGE) {
        GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(leaf->object));
        out->name = STR("message.eml");
        return inner ? mime_write(inner, x->in->limits->file_bytes, bytes, err)
                     : error_set(err, ERROR_INPUT, "the attached message is empty");
    }
    attachment file;
    look_at(x, i, &file);
    out->name = file.parse_name;
    return mime_decode(GMIME_PART(leaf->object), x->in->limits->file_bytes, bytes, err);
}

static bool read_member(mail *x, uint64_t id, parse_input *out, error *err) {
    text bytes = {0};
    bool known = id < x->leaves.count && (x->leaves.items[id].role == MIME_FILE ||
                                          x->leaves.items[id].role == MIME_MESSAGE);
    bool ok = known ? unpack(x, (size_t)id, &bytes, out, err)
                    : error_set(err, ERROR_INPUT, "the attachment is gone: add the file again");
    if (ok && bytes.n == 0) ok = error_set(err, ERROR_INPUT, "the attachment is empty");
    if (ok) out->bytes = arena_str(x->a, text_str(&bytes));
    text_free(&bytes);
    return ok;
}

bool parse_mail_member(const parse_input *in, uint64_t id, arena *a, parse_input *out, error *err) {
    mail x = {.in = in, .a = a};
    if (!mime_open(in->bytes, &x.m, err)) return false;
    mime_leaves_find(&x.m, &x.leaves);
    bool ok = read_member(&x, id, out, err);
    mime_leaves_free(&x.leaves);
    mime_close(&x.m);
    return ok;
}

bool parse_mail_members(const parse_input *in, const uint64_t *ids, size_t count,
                        parse_give_fn *give, void *to, error *err) {
    mail x = {.in = in};
    bool on = true;
    if (!mime_open(in->bytes, &x.m, err)) return false;
    mime_leaves_find(&x.m, &x.leaves);
    for (size_t i = 0; on && i < count; i++) {
        parse_input member = *in;
        error why;
        x.a = arena_new();
        bool ok = read_member(&x, ids[i], &member, &why);
        on = give(to, ok ? &member : NULL, ok ? NULL : &why);
        arena_free(x.a);
    }
    mime_leaves_free(&x.leaves);
    mime_close(&x.m);
    return true;
}
