/* Inside cli/: the parts of `carrel add`. batch.c prepares documents in threads, report.c tells
 * about them, add.c commits them. */
#ifndef CARREL_CLI_BATCH_H
#define CARREL_CLI_BATCH_H

#include "cli/cli.h"
#include "ingest/ingest.h"

/* More parsers than this wait for the disk and for each other. */
#define CLI_JOBS_MAX 64

/* A document on its way from a file into the library. */
typedef struct {
    const char *path; /* as the user reaches it */
    str identity;     /* absolute and in UTF-8; in the arena */
    arena *a;         /* holds everything below */
    error err;        /* code not ERROR_NONE: it failed, and why */
    bool present;     /* its bytes are in the library already */
    index_document_in in;
    uint32_t fates[INGEST_FATE_COUNT]; /* pages of each */
} cli_prepared;

typedef struct cli_batch cli_batch;

/* Starts `jobs` parsers; no thread runs yet. `items`, `options` and the handles must outlive the batch.
 * embedder: the built-in one, by whose tokens chunks are cut. */
bool cli_batch_open(const cli_found *items, size_t count, int jobs, const ingest_options *options,
                    const embed_model *embedder, cli_batch **out, error *err);
/* vectors: the built-in embedder where it embeds the library; NULL: vectors come later. */
bool cli_batch_start(cli_batch *b, index_library *library, const embed_model *vectors, error *err);
/* The next document, in the order of the items; NULL in *out when none came within wait_ms. False
 * when there will be no more: all were given, or those that were begun when it was stopped. */
bool cli_batch_take(cli_batch *b, int wait_ms, cli_prepared **out);
void cli_batch_release(cli_batch *b, cli_prepared *p); /* of the last take: gives its memory back */
void cli_batch_stop(cli_batch *b);                     /* begins no further document */
size_t cli_batch_begun(cli_batch *b);
/* The threads look hashes up in the library; whoever else uses it holds this lock. */
void cli_batch_lock_library(cli_batch *b);
void cli_batch_unlock_library(cli_batch *b);
void cli_batch_close(cli_batch *b); /* stops, waits for the threads, ends the parsers */

typedef enum { CLI_ADDED, CLI_REPLACED, CLI_PRESENT, CLI_FAILED, CLI_OUTCOMES } cli_outcome;

typedef struct {
    bool json, lines; /* lines: one for each document as it comes */
    size_t counts[CLI_OUTCOMES], skipped;
    uint64_t pages;   /* of what was added and replaced */
    bool only_absent; /* all that failed was not there */
    cli_progress *progress;
    json_t *documents, *skips;
    text failures, skip_lines;
    size_t skip_listed;
    double start_ms;
} cli_report;

/* The bar is cleared before a line is printed. */
void cli_report_start(cli_report *r, bool json, bool lines, cli_progress *progress);
/* A file that is no document of ours. */
void cli_report_skip(cli_report *r, const char *path, const char *reason);
void cli_report_document(cli_report *r, const cli_prepared *p, cli_outcome outcome,
                         const error *err);
void cli_report_end(cli_report *r, str library, size_t unfinished);
void cli_report_free(cli_report *r);

/* "pages 3-5 and 9 are empty (scans?): nothing to search there\n", a line for each fate that is
 * not text; each line starts with `prefix`. */
void cli_report_fates(text *out, str prefix, const index_page *pages, size_t count);

#endif
