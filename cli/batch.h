/* Inside cli/: the way of files into the library. batch.c prepares documents in threads, intake.c
 * commits them, report.c and fates.c tell about them. */
#ifndef CARREL_CLI_BATCH_H
#define CARREL_CLI_BATCH_H

#include "cli/cli.h"
#include "ingest/ingest.h"

/* More parsers than this wait for the disk and for each other. */
#define CLI_JOBS_MAX 64

typedef struct cli_found cli_found; /* cli/folder.h */

/* A document on its way from a file into the library. */
typedef struct {
    const char *path;       /* as the user reaches it */
    str identity;           /* absolute and in UTF-8; in the arena */
    arena *a;               /* holds everything below */
    error err;              /* code not ERROR_NONE: it failed, and why */
    bool present;           /* its bytes are in the library already */
    bool noted;             /* it was seen with these bytes before */
    bool hashed;            /* in.hash is that of the file */
    const cli_found *found; /* of the items */
    index_document_in in;
    uint32_t fates[INGEST_FATE_COUNT]; /* pages of each */
    str kept;    /* it was read again, and worse: it stays as it was, for this reason */
    str retried; /* where it was kept: what its unread pages are to say of that (ocr.c) */
} cli_prepared;

/* ---- character recognition (ocr.c) -------------------------------------------------------- */

/* What it can do in this run. */
typedef struct {
    bool possible;                          /* it is wanted, and a language is there */
    char asked[INGEST_LANGUAGES_BYTES];     /* by the user, now or for this library; else empty */
    char languages[INGEST_LANGUAGES_BYTES]; /* that pages are read in */
    char foreign[INGEST_LANGUAGES_BYTES + 16],
        failed[64];                         /* how pages are marked for which it failed */
    char problem[sizeof((error *)0)->text]; /* it is wanted and not possible: why; else empty */
} cli_ocr;

/* The languages that `options` names, or else those of the library, which may be NULL. What the
 * user named is remembered in it, where it may be written. False where it names what is not
 * installed. */
bool cli_ocr_find(cli_ocr *o, index_library *l, bool write, const ingest_options *options, arena *a,
                  error *err);
/* How a page is marked that was left unread for this reason; lives as long as `o`. */
str cli_ocr_mark(const cli_ocr *o, ingest_unread why);
/* Has the document with these bytes pages that were left unread, and may be read now? */
bool cli_ocr_may_help(const cli_ocr *o, index_library *l, const uint8_t hash[32], bool *may,
                      error *err);
/* Of a document that was read again: why its former pages are better, a sentence in `a`; empty
 * where they are not. */
str cli_ocr_loss(const index_page *before, size_t before_count, const index_page *now,
                 size_t now_count, arena *a);

typedef struct cli_batch cli_batch;

/* Starts `jobs` parsers; no thread runs yet. `items`, `options` and the handles must outlive the
 * batch. embedder: the built-in one, by whose tokens chunks are cut. */
bool cli_batch_open(const cli_found *items, size_t count, int jobs, const ingest_options *options,
                    const cli_ocr *ocr, const embed_model *embedder, cli_batch **out, error *err);
/* vectors: the built-in embedder where it embeds the library; NULL: vectors come later. again: also
 * what is in the library already is read. */
bool cli_batch_start(cli_batch *b, index_library *library, const embed_model *vectors, bool again,
                     error *err);
/* The next document, in the order of the items; NULL in *out when none came within wait_ms. False
 * when there will be no more: all were given, or those that were begun when it was stopped, of
 * which those that were not ready have failed with ERROR_CANCELLED. */
bool cli_batch_take(cli_batch *b, int wait_ms, cli_prepared **out);
void cli_batch_release(cli_batch *b, cli_prepared *p); /* of the last take: gives its memory back */
/* Begins no further document, and ends what is under way but for what is ready. */
void cli_batch_stop(cli_batch *b);
/* Where it is, for people: the document begun last, or the oldest whose pages are recognised, with
 * their number. */
typedef struct {
    str name;
    size_t done, pages; /* pages 0: nothing is recognised */
    double left_ms;     /* by the pages until now; 0: nobody knows */
} cli_batch_place;
cli_batch_place cli_batch_where(cli_batch *b);
/* The threads look hashes up in the library; whoever else uses it holds this lock. */
void cli_batch_lock_library(cli_batch *b);
void cli_batch_unlock_library(cli_batch *b);
/* The look that may be noted of a file that looks so now. */
index_look cli_settled_look(index_look look);
void cli_batch_close(cli_batch *b); /* stops, waits for the threads, ends the parsers */

typedef enum {
    CLI_ADDED,
    CLI_REPLACED,
    CLI_PRESENT,
    CLI_MOVED, /* the same bytes, whose former path is gone */
    CLI_FAILED,
    CLI_OUTCOMES
} cli_outcome;

/* ---- the report of add (report.c) --------------------------------------------------------- */

typedef struct {
    bool json, lines; /* lines: one for each document as it comes */
    size_t counts[CLI_OUTCOMES], skipped, ignored;
    uint64_t pages;   /* of what was added and replaced */
    bool only_absent; /* all that failed was not there */
    bool only_locked; /* all that failed asks for a password */
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
/* former: where it lay before, of CLI_MOVED. */
void cli_report_document(cli_report *r, const cli_prepared *p, cli_outcome outcome, str former,
                         const error *err);
void cli_report_end(cli_report *r, str library, size_t unfinished);
void cli_report_free(cli_report *r);

/* "(12 pages, 31 chunks)" */
void cli_put_size(text *out, const cli_prepared *p);
/* An indented line of what was not read, or read otherwise than as text. */
void cli_put_notes(text *out, const cli_prepared *p);
void cli_json_prepared(json_t *o, const cli_prepared *p);

/* ---- fates (fates.c) ---------------------------------------------------------------------- */

/* A run of pages of one document, or of one part of it, that share fate and note. */
typedef struct {
    uint32_t first, last;
    str fate, note;
    float confidence;       /* the mean, of "ocr" */
    const index_part *part; /* the innermost around it, or NULL */
} cli_fate_run;

typedef struct {
    const index_page *pages;
    size_t page_count;
    const index_part *parts;
    size_t part_count;
    const str *notes;
    size_t note_count;
} cli_fates;

size_t cli_fate_runs(const cli_fates *f, arena *a, cli_fate_run **out);
/* "pages 3-5 were read by OCR (confidence 0.91), page 7 failed: ...", all that a reader of the
 * document must know; empty where all of it is text. */
void cli_put_fates(text *out, const cli_fates *f);
/* A line for each fate and note, "3-5 and 9: read by OCR, confidence 0.91", after `indent`
 * spaces. */
void cli_put_fate_table(text *out, const cli_fates *f, size_t indent);
json_t *cli_json_fates(const cli_fates *f); /* the runs */

#endif
