/* Documents that a test makes in memory, read by the real carrel-parse, and told as lines of
 * text. */
#ifndef CARREL_TESTS_DOCUMENTS_H
#define CARREL_TESTS_DOCUMENTS_H

#include <sys/types.h>

#include "ingest/ingest.h"

/* Beside this test's folder, or as CARREL_PARSE says; NULL with a word on stderr. */
ingest_worker *documents_worker(const ingest_limits *limits);

/* One worker for all tests of a program, with the default limits: for cmocka's group. */
extern ingest_worker *worker;
int documents_open(void **state);
int documents_close(void **state);

/* A process named carrel-parse with this parent; 0 for none. */
pid_t documents_child_of(pid_t parent);

/* A descriptor of these bytes; the caller closes it. */
int documents_file(str bytes);

/* The document itself alone: parts are named and not read, nothing is recognised. */
bool documents_parse(ingest_worker *w, int fd, str name, arena *a, ingest_document **out,
                     error *err);
bool documents_read(ingest_worker *w, const char *name, str bytes, const ingest_options *options,
                    arena *a, ingest_document **out, error *err);

/* What was read of a document, as documents_describe has it; why nothing was. Nothing is
 * recognised. */
const char *documents_told(const char *name, str bytes, arena *a);

/* "title (type, language)", then pages, parts, notes and blocks, a line each. */
void documents_describe(const ingest_document *d, text *out);

#endif
