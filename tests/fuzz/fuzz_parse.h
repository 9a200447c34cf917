/* What the fuzz targets of the parsers share: a document goes through the parser, the record
 * writer and the reader. Whatever the bytes are, the stream must be one that the reader accepts,
 * or the parser must have given a reason; and the first parts that a container names can be asked
 * for, and come or say why not. The document's text is then cut into chunks by nobody: that is
 * fuzz_chunk's part.
 */
#ifndef CARREL_FUZZ_PARSE_H
#define CARREL_FUZZ_PARSE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ingest/parse/parse.h"

/* Parts of one input that are asked for. */
#define FUZZ_PARTS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ingest_limits fuzz_limits = {.file_bytes = 1 << 24, .pages = 1000};

static inline void fuzz_fail(const char *what, const error *err) {
    fprintf(stderr, "%s: %s\n", what, err->text);
    abort();
}

static inline void fuzz_reason(const char *what, const error *err) {
    if (err->code == ERROR_NONE || err->text[0] == '\0') fuzz_fail(what, err);
}

static inline void fuzz_member(parse_member_fn *member, const parse_input *in, uint64_t id) {
    arena *a = arena_new();
    parse_input out = {0};
    error err = {0};
    if (!member(in, id, a, &out, &err)) fuzz_reason("a part is refused without a reason", &err);
    arena_free(a);
}

static inline void fuzz_members(parse_member_fn *member, const parse_input *in,
                                const ingest_document *d) {
    for (size_t i = 0; i < d->part_count && i < FUZZ_PARTS; i++)
        fuzz_member(member, in, d->parts[i].id);
    fuzz_member(member, in, d->part_count); /* perhaps none of them */
    fuzz_member(member, in, UINT64_MAX);
}

/* The records back as a document; it lives in the arena. */
static inline ingest_document *fuzz_read(int fd, arena *a) {
    char buffer[65536];
    error err = {0};
    ingest_document *d = NULL;
    record_reader *r = record_reader_new(a, &fuzz_limits);
    if (lseek(fd, 0, SEEK_SET) != 0) abort();
    for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;)
        if (!record_feed(r, buffer, (size_t)n, &err))
            fuzz_fail("the reader refuses the parser's records", &err);
    if (!record_finish(r, STR("fuzz"), &d, &err))
        fuzz_fail("the reader refuses the parser's document", &err);
    record_reader_free(r);
    return d;
}

/* `name` is the file's; member may be NULL. */
static inline int fuzz_document(parse_fn *parse, parse_member_fn *member, str name,
                                const uint8_t *data, size_t size) {
    static int fd = -1;
    if (fd < 0) fd = memfd_create("records", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0) abort();
    record_writer *w = record_writer_new(fd);
    parse_input in = {.bytes = {(const char *)data, size}, .name = name, .limits = &fuzz_limits};
    arena *a = arena_new();
    error err = {0};
    if (!parse(&in, w, &err)) {
        fuzz_reason("a refusal without a reason", &err);
    } else {
        if (!record_end(w)) fuzz_fail("the records could not be written", &err);
        const ingest_document *d = fuzz_read(fd, a);
        if (member) fuzz_members(member, &in, d);
    }
    arena_free(a);
    record_writer_free(w);
    return 0;
}

static inline int fuzz_parse(parse_fn *parse, const uint8_t *data, size_t size) {
    return fuzz_document(parse, NULL, STR("fuzz"), data, size);
}

#endif
