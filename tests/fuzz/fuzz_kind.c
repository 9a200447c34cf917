/* Fuzz target: which format a file is, by its first bytes and its name. The first byte says how long
 * the name is. Whatever the answer, it is one of the list, the same when asked again, and the same
 * for what stands behind the bytes that may be looked at. */
#include <stdlib.h>
#include <string.h>

#include "ingest/kind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    size_t length = data[0] < size - 1 ? data[0] : size - 1;
    str name = {(const char *)data + 1, length};
    str head = {(const char *)data + 1 + length, size - 1 - length};
    ingest_kind kind = kind_of(head, name);
    if ((int)kind < 0 || kind >= KIND_COUNT) abort();
    if (kind_of(str_cut(head, 0, KIND_HEAD_BYTES), name) != kind) abort();
    str extension = kind_extension(name);
    if (extension.n > name.n || (extension.n > 0 && !str_ends(name, extension))) abort();
    return 0;
}
