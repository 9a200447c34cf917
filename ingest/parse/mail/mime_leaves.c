/* A message's tree of parts as a list of leaves, each with its role.
 *
 * Owns the choice among alternatives: the plain text, unless it is empty, only says that the
 * message is HTML, or says clearly less than the HTML does: then the HTML. What belongs to a form that was not chosen is left out, but a file
 * that hangs there is a file (some programs put attachments inside the HTML form). The tree is
 * walked the same way every time, so that a leaf's place in the list names it.
 *
 * It looks at texts only to choose, and keeps nothing of them.
 */
#include "ingest/parse/mail/mime.h"

#include <string.h>

/* Mail programs nest five deep; GMime itself stops at a depth of hundreds. */
#define DEPTH_MAX 32
/* No message that people send has as many; the rest is counted. */
#define LEAVES_MAX 10000u
/* A plain text that only sends the reader to the HTML is shorter. */
#define EXCUSE_BYTES 400u
/* Longer alternatives are not compared: the plain one is shown. */
#define COMPARED_BYTES (1u << 20)
/* So much more text, in parts of the plain one and in bytes, is more than a signature line. */
#define RICHER_SHARE 1.2
#define RICHER_BYTES 12u
/* A table is worth more than its words, unless other text goes with it. */
#define TABLE_SHARE 0.95
#define TABLE_ROWS 2u

static void put(mime_leaves *l, GMimeObject *o, mime_role role, bool related) {
    if (l->count == LEAVES_MAX) {
        l->unseen++;
        return;
    }
    if (l->count == l->room) {
        l->room = l->room ? 2 * l->room : 16;
        l->items = mem_grow(l->items, l->room, sizeof *l->items);
    }
    l->items[l->count++] = (mime_leaf){o, role, related};
}

/* ---- one leaf ------------------------------------------------------------------------------- */

static mime_role role_of_sealed(GMimeObject *o) {
    const char *kind = g_mime_object_get_content_type_parameter(o, "smime-type");
    return kind && str_starts(str_of(kind), STR("signed")) ? MIME_SEALED : MIME_LOCKED;
}

static bool has_name(GMimeObject *o) {
    return g_mime_object_get_content_disposition_parameter(o, "filename") ||
           g_mime_object_get_content_type_parameter(o, "name");
}

/* `wanted`: not inside an alternative that was not chosen; `alone`: all that the message has. */
static mime_role role_of(GMimeObject *o, bool wanted, bool alone) {
    static const char *const signatures[] = {"pgp-signature", "pkcs7-signature",
                                             "x-pkcs7-signature", "pgp-encrypted"};
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
        if (mime_is_type(o, "application", signatures[i])) return MIME_NOTHING;
    if (mime_is_type(o, "application", "pkcs7-mime") ||
        mime_is_type(o, "application", "x-pkcs7-mime"))
        return role_of_sealed(o);
    /* a report of delivery and the like is text for a person to read */
    bool readable = mime_is_type(o, "text", "*") || mime_is_type(o, "message", "*");
    if (!readable || mime_is_attached(o) || (has_name(o) && !alone)) return MIME_FILE;
    return wanted ? MIME_TEXT : MIME_OTHER_TEXT;
}

/* ---- alternatives ---------------------------------------------------------------------------- */

/* Does a text say more than that there is HTML? */
static bool is_usable(GMimeObject *o) {
    text t = {0};
    error ignored; /* a text past the limit is longer than an excuse */
    if (!GMIME_IS_PART(o) || !mime_decode(GMIME_PART(o), EXCUSE_BYTES, &t, &ignored)) {
        text_free(&t);
        return GMIME_IS_PART(o);
    }
    str said = str_trim(text_str(&t));
    bool usable = said.n > 0;
    for (size_t i = 0; usable && i + 4 <= said.n; i++)
        usable = !str_eq_nocase(str_cut(said, i, i + 4), STR("html"));
    text_free(&t);
    return usable;
}

/* The first text of this subtype at or below o; NULL: there is none. */
static GMimeObject *find_text(GMimeObject *o, const char *subtype, int depth) {
    if (mime_is_type(o, "text", subtype)) return mime_is_attached(o) ? NULL : o;
    if (!GMIME_IS_MULTIPART(o) || depth == DEPTH_MAX) return NULL;
    int count = g_mime_multipart_get_count(GMIME_MULTIPART(o));
    for (int i = 0; i < count; i++) {
        GMimeObject *part = g_mime_multipart_get_part(GMIME_MULTIPART(o), i);
        GMimeObject *found = find_text(part, subtype, depth + 1);
        if (found) return found;
    }
    return NULL;
}

static bool has_text(GMimeObject *o, const char *subtype, int depth) {
    return find_text(o, subtype, depth) != NULL;
}

/* Bytes of its words, without marks of quotation and without addresses, which HTML hides in links. */
static size_t measure_plain(str t) {
    size_t bytes = 0;
    for (size_t i = 0; i < t.n;) {
        size_t end = i;
        while (end < t.n && (unsigned char)t.p[end] > ' ') end++;
        str word = str_cut(t, i, end);
        bool mark = word.n > 0 && word.p[0] == '>';
        if (!mark && str_find(word, STR("://"), 0) == SIZE_MAX) bytes += word.n;
        i = end + 1;
    }
    return bytes;
}

/* The text of a part in its own encoding, and the name of that; false where it is too long. */
static bool decode(GMimeObject *o, text *bytes, str *charset) {
    error ignored; /* what cannot be compared is not chosen */
    const char *name = g_mime_object_get_content_type_parameter(o, "charset");
    *charset = str_of(name ? name : "");
    return GMIME_IS_PART(o) && mime_decode(GMIME_PART(o), COMPARED_BYTES, bytes, &ignored);
}

/* Does the HTML hold clearly more text than the plain form, or a table as well? */
static bool is_richer(GMimeObject *html, GMimeObject *plain) {
    text h = {0}, p = {0}, utf8 = {0};
    str html_charset, plain_charset;
    parse_html_size size;
    error ignored; /* a form that cannot be read is not the richer one */
    bool richer = false;
    if (decode(html, &h, &html_charset) && decode(plain, &p, &plain_charset) &&
        parse_to_utf8(text_str(&p), plain_charset, &utf8, &ignored) &&
        parse_html_measure(text_str(&h), html_charset, &size, &ignored)) {
        double has = (double)size.text_bytes, said = (double)measure_plain(text_str(&utf8));
        richer = (has > RICHER_SHARE * said && has > said + RICHER_BYTES) ||
                 (size.table_rows >= TABLE_ROWS && has >= TABLE_SHARE * said);
    }
    text_free(&h);
    text_free(&p);
    text_free(&utf8);
    return richer;
}

/* Which of the alternatives is shown. */
static int choose(GMimeMultipart *m, int depth) {
    int count = g_mime_multipart_get_count(m), html = -1, last = -1, plain = -1;
    for (int i = 0; i < count; i++) {
        GMimeObject *o = g_mime_multipart_get_part(m, i);
        if (mime_is_type(o, "text", "plain") && plain < 0) plain = i;
        if (has_text(o, "html", depth)) html = i;
        if (has_text(o, "*", depth) && !mime_is_type(o, "text", "calendar")) last = i;
    }
    if (html < 0) return plain >= 0 ? plain : last;
    GMimeObject *said = plain >= 0 ? g_mime_multipart_get_part(m, plain) : NULL;
    if (!said || !is_usable(said)) return html;
    GMimeObject *rich = find_text(g_mime_multipart_get_part(m, html), "html", depth);
    return rich && is_richer(rich, said) ? html : plain;
}

/* ---- the tree ------------------------------------------------------------------------------- */

typedef struct {
    bool wanted, related;
    int depth;
} place;

static void walk(mime_leaves *l, GMimeObject *o, place at);

static void walk_multipart(mime_leaves *l, GMimeMultipart *m, place at) {
    GMimeObject *o = GMIME_OBJECT(m);
    int count = g_mime_multipart_get_count(m), shown = -1, root = -1;
    if (mime_is_type(o, "multipart", "encrypted")) {
        put(l, o, MIME_LOCKED, false);
        return;
    }
    if (mime_is_type(o, "multipart", "alternative")) shown = choose(m, at.depth);
    if (mime_is_type(o, "multipart", "related")) {
        const char *start = g_mime_object_get_content_type_parameter(o, "start");
        root = 0;
        for (int i = 0; start && i < count; i++) {
            const char *id = g_mime_object_get_content_id(g_mime_multipart_get_part(m, i));
            if (id && str_find(str_of(start), str_of(id), 0) != SIZE_MAX) root = i;
        }
    }
    for (int i = 0; i < count; i++) {
        place below = {.wanted = at.wanted && (shown < 0 || shown == i) && (root < 0 || root == i),
                       .related = at.related || (root >= 0 && root != i),
                       .depth = at.depth + 1};
        walk(l, g_mime_multipart_get_part(m, i), below);
    }
}

static void walk(mime_leaves *l, GMimeObject *o, place at) {
    if (at.depth > DEPTH_MAX)
        l->unseen++;
    else if (GMIME_IS_MULTIPART(o))
        walk_multipart(l, GMIME_MULTIPART(o), at);
    else if (GMIME_IS_MESSAGE_PART(o))
        put(l, o, MIME_MESSAGE, false);
    else if (GMIME_IS_PART(o))
        put(l, o, role_of(o, at.wanted, at.depth == 0), at.related);
    else
        l->unseen++;
}

void mime_leaves_find(const mime *m, mime_leaves *out) {
    GMimeObject *root = g_mime_message_get_mime_part(m->message);
    *out = (mime_leaves){0};
    if (root) walk(out, root, (place){.wanted = true});
}

void mime_leaves_free(mime_leaves *l) {
    mem_free(l->items);
    *l = (mime_leaves){0};
}
