/* Files inside a PDF: attachments of the document (a portfolio is nothing else) and of places on its
 * pages.
 *
 * What Carrel can read, by name and first bytes, becomes a part: it is read later, by a process of its
 * own that asks parse_pdf_member for it. The rest is named in a note with its size, so that nobody takes it
 * for read. Only the first bytes are unpacked here; a member is unpacked up to the limit of a file.
 */
#include <stdio.h>
#include <string.h>

#include "ingest/kind.h"
#include "ingest/parse/pdf/pdf_beside.h"

/* An id: of which page (0: the document's own list), and the place in that list. */
#define ID_PAGE_SHIFT 32

typedef struct {
    char *bytes;
    size_t n, room, limit;
    bool too_long;
} sink;

static gboolean take(const gchar *piece, gsize n, gpointer to, GError **why) {
    sink *s = to;
    (void)why;
    if (n > s->limit - s->n) {
        n = s->limit - s->n;
        s->too_long = true;
    }
    if (s->n + n > s->room) {
        s->room = 2 * (s->n + n);
        s->bytes = mem_grow(s->bytes, s->room, 1);
    }
    if (n > 0) memcpy(s->bytes + s->n, piece, n);
    s->n += n;
    return !s->too_long;
}

static str name_of(PopplerAttachment *file, uint64_t id, arena *a) {
    str name = str_trim(str_of(poppler_attachment_get_name(file)));
    if (name.n > 0 && utf8_valid(name)) return arena_str(a, name);
    return arena_printf(a, "attachment %u", (uint32_t)id + 1);
}

static gboolean count(const gchar *piece, gsize n, gpointer to, GError **why) {
    sink *s = to;
    (void)piece;
    (void)why;
    s->n += n;
    return s->n < s->limit;
}

/* The size that the document states, or else its own count. */
static uint64_t size_of(PopplerAttachment *file, const parse_input *in) {
    gsize stated = poppler_attachment_get_size(file);
    sink s = {.limit = in->limits->file_bytes};
    if (stated != G_MAXSIZE && stated > 0) return stated;
    poppler_attachment_save_to_callback(file, count, &s, NULL);
    return s.n;
}

static void note_other(record_writer *out, str name, uint64_t bytes) {
    if (bytes >= 1000000)
        parse_remark_for(name)(
            out, "the attachment \"" STR_FMT "\" (%.1f MB) is no document that Carrel reads",
            STR_ARG(name), (double)bytes / 1e6);
    else
        parse_remark_for(name)(
            out, "the attachment \"" STR_FMT "\" (%.1f kB) is no document that Carrel reads",
            STR_ARG(name), (double)bytes / 1e3);
}

static void list_one(PopplerAttachment *file, uint64_t id, const parse_input *in,
                     record_writer *out) {
    arena *a = arena_new();
    sink head = {.limit = KIND_HEAD_BYTES};
    str name = name_of(file, id, a);
    poppler_attachment_save_to_callback(file, take, &head, NULL);
    parse_input member = {
        .bytes = {head.bytes ? head.bytes : "", head.n}, .name = name, .limits = in->limits};
    if (head.n == 0)
        record_note(out, "the attachment \"" STR_FMT "\" is empty or damaged", STR_ARG(name));
    else if (parse_find_format(&member))
        record_part(out, id, name);
    else
        note_other(out, name, size_of(file, in));
    mem_free(head.bytes);
    arena_free(a);
}

/* Calls `each` with the files of one page; returns early where it says so. */
typedef bool file_fn(void *context, PopplerAttachment *file, uint64_t id);

static bool walk_page(PopplerDocument *d, uint32_t number, file_fn *each, void *context) {
    PopplerPage *page = poppler_document_get_page(d, (int)number - 1);
    if (!page) return true;
    GList *all = poppler_page_get_annot_mapping(page);
    uint64_t index = 0;
    bool on = true;
    for (GList *l = all; l && on && index < PDF_BESIDE_MAX; l = l->next) {
        PopplerAnnot *annotation = ((PopplerAnnotMapping *)l->data)->annot;
        if (poppler_annot_get_annot_type(annotation) != POPPLER_ANNOT_FILE_ATTACHMENT) continue;
        PopplerAttachment *file =
            poppler_annot_file_attachment_get_attachment(POPPLER_ANNOT_FILE_ATTACHMENT(annotation));
        if (file) {
            on = each(context, file, (uint64_t)number << ID_PAGE_SHIFT | index);
            g_object_unref(file);
        }
        index++;
    }
    poppler_page_free_annot_mapping(all);
    g_object_unref(page);
    return on;
}

static bool walk_document(PopplerDocument *d, file_fn *each, void *context) {
    GList *all = poppler_document_get_attachments(d);
    uint64_t index = 0;
    bool on = true;
    for (GList *l = all; l && on && index < PDF_BESIDE_MAX; l = l->next)
        on = each(context, l->data, index++);
    for (GList *l = all; l; l = l->next) g_object_unref(l->data);
    g_list_free(all);
    return on;
}

typedef struct {
    const parse_input *in;
    record_writer *out;
    size_t count;
} listing;

static bool list_file(void *context, PopplerAttachment *file, uint64_t id) {
    listing *l = context;
    if (l->count++ == PDF_BESIDE_MAX) {
        record_note(l->out, "it has more than %u attachments, and the others are not read",
                    PDF_BESIDE_MAX);
        return false;
    }
    list_one(file, id, l->in, l->out);
    return true;
}

void pdf_list_attached(PopplerDocument *d, const uint32_t *on_pages, uint32_t page_count,
                       const parse_input *in, record_writer *out) {
    listing l = {.in = in, .out = out};
    bool on = true;
    if (poppler_document_has_attachments(d)) on = walk_document(d, list_file, &l);
    for (uint32_t i = 0; on && i < page_count; i++)
        if (on_pages[i] > 0) on = walk_page(d, i + 1, list_file, &l);
}

typedef struct {
    uint64_t id;
    sink bytes;
    str name;
    arena *a;
    bool found, read;
} wanted;

static bool take_file(void *context, PopplerAttachment *file, uint64_t id) {
    wanted *w = context;
    if (id != w->id) return true;
    w->found = true;
    w->name = name_of(file, id, w->a);
    w->read = poppler_attachment_save_to_callback(file, take, &w->bytes, NULL);
    return false;
}

bool parse_pdf_member(const parse_input *in, uint64_t id, arena *a, parse_input *out, error *err) {
    PopplerDocument *d = pdf_open(in, err);
    if (!d) return false;
    wanted w = {.id = id, .a = a, .bytes = {.limit = in->limits->file_bytes}};
    uint64_t page = id >> ID_PAGE_SHIFT;
    if (page == 0)
        walk_document(d, take_file, &w);
    else if (page <= (uint64_t)poppler_document_get_n_pages(d))
        walk_page(d, (uint32_t)page, take_file, &w);
    g_object_unref(d);
    out->name = w.name;
    out->bytes = (str){w.bytes.bytes, w.bytes.n}; /* kept to the end of the process */
    if (!w.found) return error_set(err, ERROR_INPUT, "the attachment is not there any more");
    if (w.bytes.too_long)
        return error_set(err, ERROR_LIMIT, "unpacked, it is larger than %llu MiB",
                         (unsigned long long)(in->limits->file_bytes >> 20));
    if (!w.read || w.bytes.n == 0)
        return error_set(err, ERROR_INPUT, "the attachment is empty or damaged");
    return true;
}
