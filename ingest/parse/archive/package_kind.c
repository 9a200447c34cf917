/* What a ZIP file is: an office document, a book, or an archive of files.
 *
 * Decides by the entries that each format must have, never by the file's name, since a DOCX that
 * was saved as .zip is a DOCX. What is of no known kind is an archive.
 */
#include "ingest/parse/office/pictures.h"

typedef struct {
    const char *mimetype; /* begins the entry "mimetype"; NULL: the format has none */
    const char *part;     /* an entry that must be there; NULL: none must */
    const char *folder;   /* a folder that must be there; NULL: none must */
    package_parse_fn *parse;
    package_member_fn *member; /* NULL: nothing is inside */
} kind;

/* The first that fits; the last fits all. */
static const kind kinds[] = {
    {"application/vnd.oasis.opendocument.text", NULL, NULL, odt_parse, pictures_member},
    {"application/vnd.oasis.opendocument.spreadsheet", NULL, NULL, ods_parse, pictures_member},
    {"application/vnd.oasis.opendocument.presentation", NULL, NULL, odp_parse, pictures_member},
    {"application/vnd.oasis.opendocument.graphics", NULL, NULL, odp_parse, pictures_member},
    {"application/epub+zip", NULL, NULL, epub_parse, pictures_member},
    {NULL, "META-INF/container.xml", NULL, epub_parse, pictures_member}, /* without its mimetype */
    {NULL, "[Content_Types].xml", "word/", docx_parse, pictures_member},
    {NULL, "[Content_Types].xml", "ppt/", pptx_parse, pictures_member},
    {NULL, "[Content_Types].xml", "xl/", xlsx_parse, pictures_member},
    {NULL, NULL, NULL, archive_parse, archive_member}, /* an archive of files */
};

/* The bytes of the entry "mimetype", which a format that has one stores as it is. */
#define MIMETYPE_BYTES 128

static bool begins_mimetype(package *p, const char *wanted, error *err) {
    char bytes[MIMETYPE_BYTES];
    package_stream *s = NULL;
    size_t at = package_find(p, STR("mimetype")), got = 0;
    bool ok = at != PACKAGE_NONE && package_stream_open(p, at, &s, err) &&
              package_stream_read(s, bytes, sizeof bytes, &got, err);
    package_stream_close(s);
    return ok && str_starts(str_trim((str){bytes, got}), str_of(wanted));
}

static const kind *find_kind(package *p) {
    size_t i = 0;
    for (; i + 1 < sizeof kinds / sizeof *kinds; i++) {
        error ignored; /* a broken mimetype is no mimetype */
        if (kinds[i].mimetype && !begins_mimetype(p, kinds[i].mimetype, &ignored)) continue;
        if (kinds[i].part && package_find(p, str_of(kinds[i].part)) == PACKAGE_NONE) continue;
        if (kinds[i].folder && !package_has_folder(p, str_of(kinds[i].folder))) continue;
        break;
    }
    return &kinds[i];
}

bool parse_package(const parse_input *in, record_writer *out, error *err) {
    package *p;
    if (!package_open(in, &p, err)) return false;
    const kind *k = find_kind(p);
    bool ok = k->parse(p, in, out, err);
    package_close(p);
    return ok;
}

static bool read_member(package *p, const kind *k, const parse_input *in, uint64_t id, arena *a,
                        parse_input *out, error *err) {
    if (!k->member)
        return error_set(err, ERROR_INPUT, "it has no documents inside any more: add it again");
    if (id < package_count(p) && package_stated_bytes(p, (size_t)id) > in->limits->file_bytes)
        return error_set(err, ERROR_LIMIT, "it unpacks to more than %llu MiB",
                         (unsigned long long)(in->limits->file_bytes >> 20));
    return k->member(p, in, id, a, out, err);
}

bool parse_package_member(const parse_input *in, uint64_t id, arena *a, parse_input *out,
                          error *err) {
    package *p;
    if (!package_open(in, &p, err)) return false;
    bool ok = read_member(p, find_kind(p), in, id, a, out, err);
    package_close(p);
    return ok;
}

bool parse_package_members(const parse_input *in, const uint64_t *ids, size_t count,
                           parse_give_fn *give, void *to, error *err) {
    package *p;
    if (!package_open(in, &p, err)) return false;
    const kind *k = find_kind(p);
    bool on = true;
    for (size_t i = 0; on && i < count; i++) {
        parse_input member = *in;
        error why;
        arena *a = arena_new();
        bool ok = read_member(p, k, in, ids[i], a, &member, &why);
        on = give(to, ok ? &member : NULL, ok ? NULL : &why);
        arena_free(a);
    }
    package_close(p);
    return true;
}
