/* An archive: a ZIP file of documents, each a part.
 *
 * Owns which entries are documents: by their first bytes and their name, like files in a folder.
 * What a folder's walk would not look at (hidden files, what a Mac adds, the pieces of a saved web
 * page) is passed over; everything else is named in one sentence. Parts come in the order of their
 * names, since the order in an archive is an accident. An entry that cannot be opened is a part all
 * the same where its name says that it is a document, so that it shows what was wrong.
 *
 * Nothing is ever written anywhere: "../" in a name is two dots.
 */
#include <stdlib.h>
#include <string.h>

#include "ingest/kind.h"
#include "ingest/parse/archive/package.h"

/* What all documents may unpack to, as the archive states it: a disk of manuals, and no more. How
 * many there are is limited by the number of entries alone (package.c), since each costs what a
 * file costs. */
#define TOTAL_MAX_BYTES (8ull << 30)
/* Of what is left out, so many bytes of names are said. */
#define NAMES_BYTES 400u

typedef struct {
    package *p;
    const parse_input *in;
    record_writer *out;
    size_t *order; /* entries by name */
    size_t parts, left_out, too_many;
    uint64_t stated_bytes;
    text names; /* of those that are left out, as many as fit */
    bool more_names, texts_left_out;
} archive;

static int compare_entries(const void *a, const void *b, void *p) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    str s = package_name(p, x), t = package_name(p, y);
    size_t n = s.n < t.n ? s.n : t.n;
    int d = n > 0 ? memcmp(s.p, t.p, n) : 0;
    if (d != 0) return d;
    return s.n != t.n ? (s.n < t.n ? -1 : 1) : (x < y ? -1 : x > y);
}

static str base_name(str path) {
    for (size_t i = path.n; i > 0; i--)
        if (path.p[i - 1] == '/') return str_cut(path, i, path.n);
    return path;
}

/* ---- what is looked at ----------------------------------------------------------------------- */

/* "page_files" beside "page.html": what a browser saved with the page. */
static bool is_of_saved_page(const archive *x, str folder) {
    static const char *const extensions[] = {".html", ".htm", ".xhtml"};
    if (!str_ends(folder, STR("_files"))) return false;
    bool found = false;
    text page = {0};
    for (size_t i = 0; !found && i < sizeof extensions / sizeof *extensions; i++) {
        text_clear(&page);
        text_put(&page, str_cut(folder, 0, folder.n - STR("_files").n));
        text_put(&page, str_of(extensions[i]));
        found = package_find(x->p, text_str(&page)) != PACKAGE_NONE;
    }
    text_free(&page);
    return found;
}

/* Hidden, of a Mac's Finder, or a piece of a page, among which documents may lie. */
static bool is_passed_over(const archive *x, str name) {
    for (size_t begin = 0, end; begin < name.n; begin = end + 1) {
        end = str_find(name, STR("/"), begin);
        if (end == SIZE_MAX) end = name.n;
        str step = str_cut(name, begin, end);
        bool up = str_eq(step, STR("..")) || str_eq(step, STR("."));
        if ((str_starts(step, STR(".")) && !up) || str_eq(step, STR("__MACOSX"))) return true;
        if (end < name.n && !kind_is_own_document(name) &&
            is_of_saved_page(x, str_cut(name, 0, end)))
            return true;
    }
    return false;
}

/* By its name alone. */
static bool is_named_document(str name) {
    static const char *const packed[] = {"docx", "xlsx", "pptx", "odt",  "ods",
                                         "odp",  "epub", "zip",  "rtf",  "png",
                                         "jpg",  "tif",  "jpeg", "tiff", NULL};
    return kind_of((str){0}, name) != KIND_OTHER || kind_has_extension(name, packed);
}

static bool is_document(const archive *x, size_t entry) {
    char head[KIND_HEAD_BYTES];
    package_stream *s = NULL;
    parse_input probe = *x->in;
    size_t got = 1;
    error ignored; /* the part will have it */
    probe.bytes = (str){head, 0};
    probe.name = base_name(package_name(x->p, entry));
    bool ok = package_stream_open(x->p, entry, &s, &ignored);
    while (ok && got > 0 && probe.bytes.n < sizeof head) {
        ok = package_stream_read(s, head + probe.bytes.n, sizeof head - probe.bytes.n, &got,
                                 &ignored);
        probe.bytes.n += ok ? got : 0;
    }
    package_stream_close(s);
    if (!ok) return is_named_document(probe.name);
    return parse_is_document(&probe);
}

/* ---- the archive ---------------------------------------------------------------------------- */

static void leave_out(archive *x, str name) {
    x->left_out++;
    x->texts_left_out = x->texts_left_out || parse_remark_for(base_name(name)) == record_note;
    x->more_names = x->more_names || x->names.n + name.n > NAMES_BYTES;
    if (x->more_names) return;
    if (x->names.n > 0) text_put(&x->names, STR(", "));
    text_put(&x->names, name);
}

static void look_at(archive *x, size_t entry) {
    str name = package_name(x->p, entry);
    if (package_is_folder(x->p, entry) || is_passed_over(x, name)) return;
    if (name.n == 0 || !is_document(x, entry)) {
        leave_out(x, name);
        return;
    }
    uint64_t bytes = package_stated_bytes(x->p, entry);
    if (bytes > TOTAL_MAX_BYTES - x->stated_bytes) {
        x->too_many++;
        return;
    }
    x->stated_bytes += bytes;
    x->parts++;
    record_part(x->out, entry, name);
}

static void put_notes(const archive *x) {
    if (x->left_out > 0)
        (x->texts_left_out ? record_note : record_aside)(
            x->out, "left out %zu file%s that %s: " STR_FMT "%s", x->left_out,
            x->left_out > 1 ? "s" : "", x->left_out > 1 ? "are no documents" : "is no document",
            STR_ARG(text_str(&x->names)), x->more_names ? " ..." : "");
    if (x->too_many > 0)
        record_note(x->out,
                    "%zu documents were not read: all together unpack to more than %llu GiB; "
                    "unpack the archive, and add the folder",
                    x->too_many, TOTAL_MAX_BYTES >> 30);
}

static bool check(const archive *x, error *err) {
    if (package_count(x->p) == 0) return error_set(err, ERROR_INPUT, "the ZIP file is empty");
    if (package_packed_bytes(x->p) > x->in->bytes.n)
        return error_set(err, ERROR_LIMIT,
                         "the entries of the ZIP file overlap each other, as only bombs do");
    return true;
}

bool archive_parse(package *p, const parse_input *in, record_writer *out, error *err) {
    archive x = {.p = p, .in = in, .out = out};
    if (!check(&x, err)) return false;
    size_t count = package_count(p);
    x.order = mem_new(count, sizeof *x.order);
    for (size_t i = 0; i < count; i++) x.order[i] = i;
    qsort_r(x.order, count, sizeof *x.order, compare_entries, p);
    record_document(out, in->name, STR("zip"), (str){0});
    for (size_t i = 0; i < count; i++) look_at(&x, x.order[i]);
    bool ok = x.parts > 0;
    if (ok)
        put_notes(&x);
    else
        error_set(err, ERROR_INPUT,
                  "there is no document in the ZIP file that Carrel reads%s" STR_FMT,
                  x.names.n > 0 ? ", only " : "", STR_ARG(text_str(&x.names)));
    text_free(&x.names);
    mem_free(x.order);
    return ok;
}

/* Unpacked where it stays: what it states of its size was held against the limits when it was
 * opened. */
static bool unpack(package *p, package_stream *s, size_t entry, arena *a, str *out, error *err) {
    size_t room = (size_t)package_stated_bytes(p, entry), n = 0, got = 1;
    char *bytes = arena_alloc(a, room + 1, 1);
    while (got > 0 && n <= room) {
        if (!package_stream_read(s, bytes + n, room + 1 - n, &got, err)) return false;
        n += got;
    }
    *out = (str){bytes, n};
    if (n == 0) return error_set(err, ERROR_INPUT, "it is empty");
    return n <= room || error_set(err, ERROR_INPUT, "it is longer than the ZIP file states");
}

bool archive_member(package *p, const parse_input *in, uint64_t id, arena *a, parse_input *out,
                    error *err) {
    package_stream *s = NULL;
    (void)in;
    if (id >= package_count(p) || package_is_folder(p, (size_t)id))
        return error_set(err, ERROR_INPUT, "the entry is gone: add the file again");
    bool ok = package_stream_open(p, (size_t)id, &s, err) &&
              unpack(p, s, (size_t)id, a, &out->bytes, err);
    package_stream_close(s);
    if (ok) out->name = arena_str(a, base_name(package_name(p, (size_t)id)));
    return ok;
}
