/* What makes one of the two fork servers (serve.c): carrel-parse, which turns bytes into records, and
 * carrel-ocr, which recognises the characters of one page. They share the lock, the clock and the way
 * down to a member of a container; they differ in what they link.
 */
#ifndef CARREL_INGEST_SERVE_H
#define CARREL_INGEST_SERVE_H

#include "ingest/parse/parse.h"
#include "ingest/worker.h"

typedef struct {
    const char *name;
    /* Folders of the system whose files parsing opens; ended by NULL. A folder that is not there is
     * no error. */
    const char *const *readable_folders;
    void (*warm_up)(void); /* before the lock: load what libraries load late */
    /* In the parent, under the lock, before each fork: what the next children shall find loaded. It
     * must not look at the document. May be NULL. */
    void (*prepare)(const worker_request *request);
    /* In the child. `in` is the piece's own document, already unpacked. */
    bool (*read)(const parse_input *in, const worker_request *request, record_writer *out,
                 error *err);
} serve_program;

/* The whole life of the program; its exit code. */
int serve_documents(const serve_program *program);

#endif
