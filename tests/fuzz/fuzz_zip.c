/* Fuzz target: ZIP packages of every kind with their members, and compressed files. */
#include "fuzz_parse.h"

#include "ingest/kind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    parse_input in = {.bytes = {(const char *)data, size}, .name = STR("fuzz.txt.gz")};
    if (!str_starts(in.bytes, STR("\x1f\x8b")))
        return fuzz_container(parse_package, parse_package_member, parse_package_members, data,
                              size);
    arena *a = arena_new();
    error err = {0};
    if (!parse_unpack(&in, a, &err) && (err.code == ERROR_NONE || err.text[0] == '\0'))
        fuzz_fail("a refusal without a reason", &err);
    arena_free(a);
    return 0;
}
