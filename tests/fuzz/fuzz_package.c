/* Fuzz target: ZIP files as they stand on a disk, whatever they hold, with the parts inside them. */
#include "fuzz_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_document(parse_package, parse_package_member, STR("fuzz.zip"), data, size);
}
