/* Fuzz target: what is read of image files without decoding them: TIFF's directories, EXIF in JPEG. */
#include "fuzz_parse.h"
#include "ingest/parse/image/tiff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    str bytes = {(const char *)data, size};
    uint32_t turn = tiff_exif_orientation(bytes);
    tiff_file t;
    tiff_page pages[64];
    bool whole;
    if (turn < 1 || turn > 8) abort();
    if (tiff_open(bytes, &t)) {
        uint32_t count = tiff_pages(&t, pages, 64, &whole);
        for (uint32_t i = 0; i < count; i++) {
            tiff_number(&t, pages[i].at, TIFF_WIDTH, 0);
            for (uint32_t k = 0; k < i; k++)
                if (pages[k].at == pages[i].at || pages[k].directory == pages[i].directory) abort();
        }
    }
    return fuzz_parse(parse_image, data, size);
}
