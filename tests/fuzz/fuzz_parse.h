/* What the fuzz targets of the parsers share: a document goes through the parser, the record
 * writer and the reader. Whatever the bytes are, the stream must be one that the reader accepts,
 * or the parser must have given a reason. The document's text is then cut into chunks by nobody:
 * that is fuzz_chunk's part.
 */
#ifndef CARREL_FUZZ_PARSE_H
#define CARREL_FUZZ_PARSE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ingest/parse/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_fail(const char *what, const error *err) {
    fprintf(stderr, "%s: %s\n", what, err->text);
    abort();
}

/* The first members of a container: each has bytes, or a reason. */
static inline void fuzz_members(parse_member_fn *member, const parse_input *in,
                                const ingest_document *d, arena *a) {
    for (size_t i = 0; i < d->part_count && i < 4; i++) {
        parse_input out = *in;
        error err = {0};
        if (!member(in, d->parts[i].id, a, &out, &err)) {
            if (err.code == ERROR_NONE || err.text[0] == '\0')
                fuzz_fail("a refused member without a reason", &err);
        } else if (out.bytes.n == 0 || out.name.n == 0) {
            fuzz_fail("a member of nothing", &err);
        } else {
            volatile char last = out.bytes.p[out.bytes.n - 1]; /* it is there */
            (void)last;
        }
    }
}

/* What came of the members that were asked for one by one, and of the next that is given. */
typedef struct {
    const parse_input *in;
    parse_member_fn *member;
    const ingest_document *d;
    size_t next;
} fuzz_run;

/* Given together they are what they are alone, down to the last byte. */
static inline bool fuzz_give(void *to, const parse_input *given, const error *failed) {
    fuzz_run *r = to;
    parse_input alone = *r->in;
    error err = {0};
    arena *a = arena_new();
    bool there = r->member(r->in, r->d->parts[r->next].id, a, &alone, &err);
    r->next++;
    if (!given == !failed || there != (given != NULL) ||
        (there && (!str_eq(alone.bytes, given->bytes) || !str_eq(alone.name, given->name))))
        fuzz_fail("a member of a run is not what it is alone", failed ? failed : &err);
    arena_free(a);
    return true;
}

static inline void fuzz_members_together(parse_members_fn *members, parse_member_fn *member,
                                         const parse_input *in, const ingest_document *d) {
    uint64_t ids[4];
    fuzz_run r = {.in = in, .member = member, .d = d};
    error err = {0};
    size_t count = d->part_count < 4 ? d->part_count : 4;
    for (size_t i = 0; i < count; i++) ids[i] = d->parts[i].id;
    if (count > 0 && !members(in, ids, count, fuzz_give, &r, &err) &&
        (err.code == ERROR_NONE || err.text[0] == '\0'))
        fuzz_fail("a run that failed without a reason", &err);
}

/* member and members may be NULL. */
static inline int fuzz_container(parse_fn *parse, parse_member_fn *member,
                                 parse_members_fn *members, const uint8_t *data, size_t size) {
    static const ingest_limits limits = {.file_bytes = 1 << 24, .pages = 1000};
    static int fd = -1;
    char buffer[65536];
    if (fd < 0) fd = memfd_create("records", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0) abort();
    record_writer *w = record_writer_new(fd);
    parse_input in = {.bytes = {(const char *)data, size}, .name = STR("fuzz"), .limits = &limits};
    arena *a = arena_new();
    record_reader *r = record_reader_new(a, &limits);
    ingest_document *d = NULL;
    error err = {0};
    if (!parse(&in, w, &err)) {
        if (err.code == ERROR_NONE || err.text[0] == '\0')
            fuzz_fail("a refusal without a reason", &err);
    } else {
        if (!record_end(w) || lseek(fd, 0, SEEK_SET) != 0)
            fuzz_fail("the records could not be written", &err);
        for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;)
            if (!record_feed(r, buffer, (size_t)n, &err))
                fuzz_fail("the reader refuses the parser's records", &err);
        if (!record_finish(r, STR("fuzz"), &d, &err))
            fuzz_fail("the reader refuses the parser's document", &err);
        if (member) fuzz_members(member, &in, d, a);
        if (members) fuzz_members_together(members, member, &in, d);
    }
    record_reader_free(r);
    arena_free(a);
    record_writer_free(w);
    return 0;
}

static inline int fuzz_parse(parse_fn *parse, const uint8_t *data, size_t size) {
    return fuzz_container(parse, NULL, NULL, data, size);
}

#endif
