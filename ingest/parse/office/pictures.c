/* What a document of a package shows of other files: pictures that may hold text, and documents.
 *
 * Pictures are PNG, JPEG, GIF and BMP, by their first bytes, that are large enough for a line of text.
 * Icons, bullets, rules and drawings in Microsoft's own formats are none. Documents are what Carrel
 * reads by itself; what only its own program can open is none.
 *
 * Only headers are read; no pixel is decoded here.
 */
#include "ingest/kind.h"
#include "ingest/parse/office/pictures.h"

#include <string.h>

/* Smaller ones are logos and ornaments. */
#define WIDTH_MIN 200u
#define HEIGHT_MIN 100u
/* A header: JPEG puts its size behind a thumbnail of up to 64 KiB. */
#define HEADER_BYTES (96u << 10)
/* Recognising one takes a second or more. A catalogue of photographs ends here. */
#define PICTURES_MAX 200u

static uint32_t number(str s, size_t at, int bytes, bool big) {
    uint32_t v = 0;
    if (at + (size_t)bytes > s.n) return 0;
    for (int i = 0; i < bytes; i++) {
        int from = big ? i : bytes - 1 - i;
        v = v << 8 | (unsigned char)s.p[at + (size_t)from];
    }
    return v;
}

/* The frame header of a JPEG file (ITU T.81, B.2.2): one of the markers C0 to CF but three. */
static bool jpeg_size(str s, uint32_t *width, uint32_t *height) {
    for (size_t i = 2; i + 9 < s.n && (unsigned char)s.p[i] == 0xFF;) {
        unsigned marker = (unsigned char)s.p[i + 1];
        bool frame =
            marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
        if (frame) {
            *height = number(s, i + 5, 2, true);
            *width = number(s, i + 7, 2, true);
            return true;
        }
        i += 2 + number(s, i + 2, 2, true);
    }
    return false;
}

static bool picture_size(str s, uint32_t *width, uint32_t *height) {
    if (str_starts(s, STR("\x89PNG\r\n\x1a\n"))) {
        *width = number(s, 16, 4, true);
        *height = number(s, 20, 4, true);
    } else if (str_starts(s, STR("GIF8"))) {
        *width = number(s, 6, 2, false);
        *height = number(s, 8, 2, false);
    } else if (str_starts(s, STR("BM"))) {
        *width = number(s, 18, 4, false);
        *height = number(s, 22, 4, false);
    } else {
        return str_starts(s, STR("\xff\xd8\xff")) && jpeg_size(s, width, height);
    }
    return s.n > 26;
}

static bool is_readable(package *p, size_t entry, char *header) {
    package_stream *s = NULL;
    error ignored; /* what cannot be unpacked is no picture */
    size_t n = 0, got = 1;
    uint32_t width = 0, height = 0;
    bool ok = package_stream_open(p, entry, &s, &ignored);
    while (ok && got > 0 && n < HEADER_BYTES) {
        ok = package_stream_read(s, header + n, HEADER_BYTES - n, &got, &ignored);
        n += ok ? got : 0;
    }
    package_stream_close(s);
    str head = {header, n}, name = package_name(p, entry);
    ingest_kind kind = kind_of(str_cut(head, 0, KIND_HEAD_BYTES), name);
    if (kind != KIND_IMAGE) return kind != KIND_OTHER && kind != KIND_TEXT && n > 0;
    return picture_size(head, &width, &height) && width >= WIDTH_MIN && height >= HEIGHT_MIN;
}

static str base_name(str path) {
    size_t at = path.n;
    while (at > 0 && path.p[at - 1] != '/') at--;
    return str_cut(path, at, path.n);
}

void pictures_meet(pictures *x, const package *p, size_t entry) {
    if (entry == PACKAGE_NONE) {
        x->outside++;
        return;
    }
    if (!x->shown) x->shown = mem_new(package_count(p), sizeof *x->shown);
    x->shown[entry] = true;
}

void pictures_free(pictures *x) {
    mem_free(x->shown);
    *x = (pictures){0};
}

void pictures_put(pictures *x, package *p, record_writer *out) {
    char *header = mem_new(1, HEADER_BYTES);
    size_t named = 0, too_many = 0, unread = x->outside;
    for (size_t i = 0; x->shown && i < package_count(p); i++) {
        if (!x->shown[i]) continue;
        if (!is_readable(p, i, header)) {
            unread++;
        } else if (named == PICTURES_MAX) {
            too_many++;
        } else {
            record_part(out, i, base_name(package_name(p, i)));
            named++;
        }
    }
    mem_free(header);
    if (unread > 0)
        record_note(
            out, "%zu picture%s or object%s in it %s not read: small, drawings, or not in the file",
            unread, unread == 1 ? "" : "s", unread == 1 ? "" : "s", unread == 1 ? "was" : "were");
    if (too_many > 0)
        record_note(out, "the first %u of its pictures and objects are read, %zu more are not",
                    PICTURES_MAX, too_many);
}

bool pictures_member(package *p, const parse_input *in, uint64_t id, arena *a, parse_input *out,
                     error *err) {
    text bytes = {0};
    (void)in;
    if (id >= package_count(p) || package_is_folder(p, (size_t)id))
        return error_set(err, ERROR_INPUT, "the picture is gone: add the file again");
    bool ok = package_read(p, (size_t)id, &bytes, err);
    if (ok) {
        out->bytes = arena_str(a, text_str(&bytes));
        out->name = arena_str(a, base_name(package_name(p, (size_t)id)));
    }
    text_free(&bytes);
    return ok;
}
