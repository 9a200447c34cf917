/* Fuzz target: the CSV parser, from raw bytes to records that the reader accepts. */
#include "fuzz_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_parse(parse_csv, data, size);
}
