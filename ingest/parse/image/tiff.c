/* TIFF's chain of directories, as tiff.h says. Written for files that lie: each read goes through
 * read16 and read32, which give 0 beyond the end, and 0 ends what is walked.
 */
#include "ingest/parse/image/tiff.h"

#define ENTRY_BYTES 12u
#define TYPE_SHORT 3u
#define TYPE_LONG 4u
#define EXIF_SEGMENTS 64u /* before the picture's data; cameras write three or four */

static uint32_t read16(const tiff_file *t, size_t at) {
    if (t->bytes.n < 2 || at > t->bytes.n - 2) return 0;
    const uint8_t *p = (const uint8_t *)t->bytes.p + at;
    return t->big_endian ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

static uint32_t read32(const tiff_file *t, size_t at) {
    uint32_t first = read16(t, at), second = read16(t, at + 2);
    return t->big_endian ? first << 16 | second : second << 16 | first;
}

bool tiff_open(str bytes, tiff_file *out) {
    *out = (tiff_file){.bytes = bytes, .big_endian = str_starts(bytes, STR("MM"))};
    return (str_starts(bytes, STR("II*\0")) || str_starts(bytes, STR("MM\0*"))) && bytes.n >= 8;
}

uint32_t tiff_pages(const tiff_file *t, tiff_page *out, uint32_t most, bool *whole) {
    uint32_t count = 0, at = read32(t, 4);
    *whole = true;
    for (uint32_t directory = 0; at != 0; directory++) {
        uint32_t entries = read16(t, at);
        bool circle = false;
        for (uint32_t i = 0; i < count && !circle; i++) circle = out[i].at == at;
        /* Reduced copies are not kept, and so a circle of them alone ends by its length. */
        *whole = entries > 0 && !circle && count < most && directory <= 2 * most;
        if (!*whole) break;
        if (!(tiff_number(t, at, TIFF_NEW_SUBFILE, 0) & 1))
            out[count++] = (tiff_page){directory, at};
        at = read32(t, (size_t)at + 2 + (size_t)entries * ENTRY_BYTES);
    }
    return count;
}

uint32_t tiff_number(const tiff_file *t, uint32_t at, uint32_t tag, uint32_t otherwise) {
    uint32_t entries = read16(t, at);
    for (uint32_t i = 0; i < entries; i++) {
        size_t entry = (size_t)at + 2 + (size_t)i * ENTRY_BYTES;
        if (entry + ENTRY_BYTES > t->bytes.n) break;
        if (read16(t, entry) != tag) continue;
        uint32_t type = read16(t, entry + 2), values = read32(t, entry + 4);
        if (type == TYPE_SHORT) /* two fit into the entry itself */
            return read16(t, values <= 2 ? entry + 8 : read32(t, entry + 8));
        if (type == TYPE_LONG) return read32(t, values <= 1 ? entry + 8 : read32(t, entry + 8));
    }
    return otherwise;
}

uint32_t tiff_exif_orientation(str jpeg) {
    size_t at = 2; /* behind the start of the image */
    for (uint32_t i = 0; i < EXIF_SEGMENTS && at + 4 <= jpeg.n; i++) {
        const uint8_t *p = (const uint8_t *)jpeg.p + at;
        size_t length = (size_t)p[2] << 8 | p[3];
        if (p[0] != 0xff || p[1] == 0xda || length < 2) break; /* the picture begins */
        str body = str_cut(jpeg, at + 4, at + 2 + length);
        tiff_file exif;
        if (p[1] == 0xe1 && str_starts(body, STR("Exif\0\0")) &&
            tiff_open(str_cut(body, 6, body.n), &exif)) {
            uint32_t turn = tiff_number(&exif, read32(&exif, 4), TIFF_ORIENTATION, 1);
            return turn >= 1 && turn <= 8 ? turn : 1;
        }
        at += 2 + length;
    }
    return 1;
}
