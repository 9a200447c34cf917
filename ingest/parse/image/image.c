/* Images: scans and photographs of pages, alone in a file. They have no text, so that every page is
 * one for carrel-ocr; here the pages are counted, and no pixel is decoded.
 *
 * Only TIFF has pages. A GIF that moves is read as its first picture. How large a page is tells
 * carrel-ocr, which has to read the resolution anyway, and so the sizes of seven formats are
 * known in one place.
 */
#include "ingest/parse/parse.h"
#include "ingest/parse/image/tiff.h"

static str type_of(str bytes) {
    static const struct {
        str magic, type;
    } known[] = {
        {STR("\x89PNG"), STR("png")}, {STR("\xff\xd8\xff"), STR("jpeg")},
        {STR("GIF8"), STR("gif")},    {STR("BM"), STR("bmp")},
        {STR("RIFF"), STR("webp")},   {STR("\0\0\0\x0cjP"), STR("jpx")},
        {STR("II*\0"), STR("tiff")},  {STR("MM\0*"), STR("tiff")},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_starts(bytes, known[i].magic)) return known[i].type;
    return STR("image");
}

static bool count_pages(const parse_input *in, uint32_t *count, bool *whole, error *err) {
    tiff_file tiff;
    *count = 1;
    *whole = true;
    if (!tiff_open(in->bytes, &tiff)) return true;
    tiff_page *pages = mem_new((size_t)in->limits->pages + 1, sizeof *pages);
    *count = tiff_pages(&tiff, pages, in->limits->pages + 1, whole);
    mem_free(pages);
    if (*count == 0) return error_set(err, ERROR_INPUT, "the TIFF file is damaged: it has no page");
    if (*count > in->limits->pages)
        return error_set(err, ERROR_LIMIT, "it has more pages than the limit of %u",
                         in->limits->pages);
    return true;
}

bool parse_image(const parse_input *in, record_writer *out, error *err) {
    uint32_t count;
    bool whole;
    if (!count_pages(in, &count, &whole, err)) return false;
    record_document(out, (str){NULL, 0}, type_of(in->bytes), (str){NULL, 0});
    for (uint32_t i = 1; i <= count; i++)
        record_page_full(out, i,
                         &(record_page_facts){.fate = INGEST_FATE_EMPTY, .wants_ocr = true});
    if (!whole) record_note(out, "the file is damaged behind page %u; pages may be missing", count);
    return true;
}
