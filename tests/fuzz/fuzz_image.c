/* Fuzz target: the pages of images are counted, above all those of TIFF. */
#include "fuzz_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_parse(parse_image, data, size);
}
