/* A web page saved in one file (RFC 2557): the page is read as HTML, and where it came from is
 * kept.
 *
 * Owns the choice of the page among the parts. Style sheets go with it, since they may hide text of
 * it; pictures are of no use to a reader. Frames are mostly advertisements, and are named in a note
 * where they hold text; but where the page is a frameset it has no text of its own, and its frames
 * are the documents.
 */
#include "ingest/kind.h"
#include "ingest/parse/mail/mime.h"

#include <string.h>

/* A frame with less has a button or nothing. */
#define FRAME_MIN_BYTES 2000u
/* Of all style sheets together. */
#define SHEETS_MAX_BYTES ((size_t)1 << 20)
#define HEAD_BYTES 64u

static bool is_html(const mime_leaf *leaf) {
    return GMIME_IS_PART(leaf->object) && (mime_is_type(leaf->object, "text", "html") ||
                                           mime_is_type(leaf->object, "application", "xhtml+xml"));
}

/* The page: the first HTML that the message means to show, else the first at all. */
static size_t find_page(const mime_leaves *l) {
    for (size_t i = 0; i < l->count; i++)
        if (is_html(&l->items[i]) && !l->items[i].related) return i;
    for (size_t i = 0; i < l->count; i++)
        if (is_html(&l->items[i])) return i;
    return SIZE_MAX;
}

/* As UTF-8 that says so: what the part states of its encoding is better than what the page does. */
static bool decode(const mime_leaf *leaf, uint64_t limit_bytes, arena *a, str *out, error *err) {
    text bytes = {0}, utf8 = {0}, marked = {0};
    bool ok = mime_decode(GMIME_PART(leaf->object), limit_bytes, &bytes, err);
    str charset = mime_parameter(leaf->object, "charset", a);
    if (ok && charset.n > 0) {
        ok = parse_to_utf8(text_str(&bytes), charset, &utf8, err);
        text_put(&marked, STR("\xef\xbb\xbf"));
        text_put(&marked, text_str(&utf8));
        *out = arena_str(a, text_str(&marked));
    } else if (ok) {
        *out = arena_str(a, text_str(&bytes));
    }
    text_free(&bytes);
    text_free(&utf8);
    text_free(&marked);
    return ok;
}

/* The page with the saved style sheets behind it; one that cannot be read hides nothing. */
static str with_sheets(const mime_leaves *l, str html, arena *a) {
    text all = {0};
    if (memchr(html.p, '\0', html.n < HEAD_BYTES ? html.n : HEAD_BYTES)) return html; /* UTF-16 */
    text_put(&all, html);
    for (size_t i = 0; i < l->count && all.n - html.n < SHEETS_MAX_BYTES; i++) {
        text css = {0};
        error ignored;
        GMimeObject *o = l->items[i].object;
        bool sheet = GMIME_IS_PART(o) && mime_is_type(o, "text", "css") &&
                     mime_decode(GMIME_PART(o), SHEETS_MAX_BYTES, &css, &ignored);
        if (sheet && str_find(text_str(&css), STR("</"), 0) == SIZE_MAX) {
            text_put(&all, STR("\n<style>"));
            text_put(&all, text_str(&css));
            text_put(&all, STR("</style>"));
        }
        text_free(&css);
    }
    str whole = all.n > html.n ? arena_str(a, text_str(&all)) : html;
    text_free(&all);
    return whole;
}

static bool has_frameset(str html) {
    for (size_t at = 0; (at = str_find(html, STR("<"), at)) != SIZE_MAX; at++)
        if (str_eq_nocase(str_cut(html, at, at + 9), STR("<frameset"))) return true;
    return false;
}

static str location_of(GMimeObject *o) {
    return str_of(g_mime_object_get_header(o, "Content-Location"));
}

static void put_frames(const mime_leaves *l, size_t page, bool frameset, record_writer *out,
                       arena *a) {
    size_t frames = 0;
    for (size_t i = 0; i < l->count; i++) {
        const mime_leaf *leaf = &l->items[i];
        if (i == page || !is_html(leaf)) continue;
        if (!frameset && mime_measure(GMIME_PART(leaf->object), NULL) < FRAME_MIN_BYTES) continue;
        str name = location_of(leaf->object);
        if (name.n == 0) name = arena_printf(a, "frame %zu", i);
        frames++;
        if (frameset) record_part(out, i, name);
    }
    if (frames > 0 && !frameset)
        record_note(out, "%zu frame%s inside the page %s left out", frames, frames > 1 ? "s" : "",
                    frames > 1 ? "were" : "was");
}

static void put_source(const mime *m, const mime_leaf *page, record_writer *out, arena *a) {
    str source = mime_header(m->message, "Snapshot-Content-Location", a);
    if (source.n == 0) source = location_of(page->object);
    if (source.n == 0) return;
    record_block(out, INGEST_ROLE_FOOTER, 0, 1);
    record_line(out, arena_printf(a, "Saved from " STR_FMT, STR_ARG(source)), (box){0}, 0);
}

bool parse_mhtml(const parse_input *in, record_writer *out, error *err) {
    mime m;
    mime_leaves leaves;
    parse_input html = *in;
    if (!mime_open(in->bytes, &m, err)) return false;
    arena *a = arena_new();
    mime_leaves_find(&m, &leaves);
    size_t page = find_page(&leaves);
    bool ok = page != SIZE_MAX ||
              error_set(err, ERROR_INPUT, "there is no web page among the parts of this file");
    ok = ok && decode(&leaves.items[page], in->limits->file_bytes, a, &html.bytes, err);
    if (ok) html.bytes = with_sheets(&leaves, html.bytes, a);
    ok = ok && parse_html(&html, out, err);
    if (ok) {
        put_source(&m, &leaves.items[page], out, a);
        put_frames(&leaves, page, has_frameset(html.bytes), out, a);
    }
    mime_leaves_free(&leaves);
    mime_close(&m);
    arena_free(a);
    return ok;
}

bool parse_mhtml_member(const parse_input *in, uint64_t id, arena *a, parse_input *out,
                        error *err) {
    mime m;
    mime_leaves leaves;
    if (!mime_open(in->bytes, &m, err)) return false;
    mime_leaves_find(&m, &leaves);
    bool ok = id < leaves.count && is_html(&leaves.items[id])
                  ? decode(&leaves.items[id], in->limits->file_bytes, a, &out->bytes, err)
                  : error_set(err, ERROR_INPUT, "the frame is gone: add the file again");
    out->name = STR("frame.html");
    mime_leaves_free(&leaves);
    mime_close(&m);
    return ok;
}
