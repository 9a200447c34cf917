/* Scans as the worker of the test reads them; include it behind cmocka.h. */
#ifndef CARREL_TESTS_SCAN_READ_H
#define CARREL_TESTS_SCAN_READ_H

#include <unistd.h>

#include "tests/support/documents.h"
#include "tests/support/scan.h"

/* The whole document, recognised by the worker of the test. */
static inline ingest_document *scan_read_with(ingest_worker *w, str bytes, const char *name,
                                              const ingest_options *options, arena *a) {
    ingest_document *d = NULL;
    error err = {0};
    int fd = documents_file(bytes);
    if (!ingest_read(w, fd, str_of(name), options, NULL, NULL, a, &d, &err))
        fail_msg("%s: %s", name, err.text);
    close(fd);
    return d;
}

static inline ingest_document *scan_read(str bytes, const char *name, arena *a) {
    return scan_read_with(worker, bytes, name, NULL, a);
}

/* The line that has these words; the test fails without one. */
static inline const ingest_line *scan_line_with(const ingest_document *d, const char *words) {
    for (size_t b = 0; b < d->block_count; b++)
        for (size_t k = 0; k < d->blocks[b].line_count; k++)
            if (str_find(d->blocks[b].lines[k].text, str_of(words), 0) != SIZE_MAX)
                return &d->blocks[b].lines[k];
    fail_msg("no line has \"%s\"", words);
    return NULL;
}

#endif
