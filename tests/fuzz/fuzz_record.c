/* Fuzz target: the reader of the record stream, which stands between a parser that a hostile
 * document may own and the library. The first byte chooses how the stream is cut into pieces.
 * A document that is accepted is walked to its last byte, so that the sanitizers see every bound.
 */
#include <stdlib.h>

#include "ingest/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t weigh(str s) {
    size_t sum = s.n;
    for (size_t i = 0; i < s.n; i++) sum += (unsigned char)s.p[i];
    return sum;
}

static size_t walk(const ingest_document *d) {
    size_t sum = weigh(d->title) + weigh(d->type) + weigh(d->language) + weigh(d->date);
    if (d->date.n > 0 && !record_date_valid(d->date)) abort();
    for (size_t i = 0; i < d->page_count; i++) sum += weigh(d->pages[i].label);
    for (size_t i = 0; i < d->block_count; i++) {
        const ingest_block *b = &d->blocks[i];
        if (b->line_count == 0 || b->page == 0 || b->page > d->page_count) abort();
        for (size_t j = 0; j < b->line_count; j++) sum += weigh(b->lines[j].text);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    static const ingest_limits limits = {.pages = 1000};
    static volatile size_t sink;
    size_t step = data[0] + 1u;
    arena *a = arena_new();
    record_reader *r = record_reader_new(a, &limits);
    ingest_document *d = NULL;
    error err = {0};
    bool ok = true;
    for (size_t i = 1; ok && i < size; i += step)
        ok = record_feed(r, data + i, size - i < step ? size - i : step, &err);
    if (ok && record_finish(r, STR("fuzz"), &d, &err))
        sink = walk(d);
    else if (err.code == ERROR_NONE || err.text[0] == '\0')
        abort();
    (void)sink;
    record_reader_free(r);
    arena_free(a);
    return 0;
}
