/* Fuzz target: the line boxes of a chunk as they come from a damaged file. What is accepted must
 * lie within the text, and come out the same when it is written and read again. The first two bytes
 * are the length of the text. */
#include <stdlib.h>
#include <string.h>

#include "index/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    size_t text_bytes = data[0] | (size_t)data[1] << 8;
    arena *a = arena_new();
    line_box *lines, *again;
    size_t count, count_again;
    if (boxes_decode(data + 2, size - 2, text_bytes, a, &lines, &count)) {
        text bytes = {0};
        for (size_t i = 0; i < count; i++) {
            if (lines[i].begin > lines[i].end || lines[i].end > text_bytes) abort();
        }
        boxes_encode(lines, count, &bytes);
        if (!boxes_decode(bytes.p, bytes.n, text_bytes, a, &again, &count_again) ||
            count != count_again ||
            (count > 0 && memcmp(lines, again, count * sizeof(*lines)) != 0))
            abort();
        text_free(&bytes);
    }
    arena_free(a);
    return 0;
}
