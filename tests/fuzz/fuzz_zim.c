/* Fuzz target: ZIM files, from raw bytes to records that the reader accepts, and the first
 * articles. */
#include "fuzz_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_container(parse_zim, parse_zim_member, parse_zim_members, data, size);
}
