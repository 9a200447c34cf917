/* What carrel and the parent process of carrel-parse say to each other, over a SOCK_SEQPACKET
 * pair whose far end is descriptor WORKER_FD in carrel-parse. One packet is one message. Both
 * programs are of one build, so plain structs do; WORKER_VERSION tells when they are not.
 *
 *   carrel-parse -> carrel   worker_hello, once, after it has locked itself in
 *   carrel -> carrel-parse   worker_request with two descriptors: the document, the record pipe
 *   carrel -> carrel-parse   worker_request, kind CANCEL: kill the child at work
 *   carrel-parse -> carrel   worker_reply, one for each PARSE, when the child has ended
 */
#ifndef CARREL_INGEST_WORKER_H
#define CARREL_INGEST_WORKER_H

#include "ingest/ingest.h"
#include "ingest/kept.h"
#include "ingest/record.h"

#define WORKER_FD 3
#define WORKER_VERSION 4u
#define WORKER_NAME_BYTES 256u /* NAME_MAX of Linux file systems, and a zero */
/* Longer than people type; what does not fit is refused before it comes here. */
#define WORKER_PASSWORD_BYTES 256u
#define WORKER_LANGUAGES_BYTES \
    INGEST_LANGUAGES_BYTES /* all that Debian has need more, nobody does */

/* An archive in a mail in a mailbox in an archive; deeper is refused as a bomb. */
#define WORKER_DEPTH 4u

/* Which piece of the file is meant (ingest_read). */
typedef struct {
    uint64_t members[WORKER_DEPTH]; /* ids (ingest_part), from the outermost */
    uint32_t depth;                 /* 0: the file itself */
    uint32_t ocr_page;              /* this page of it is to be recognised; 0: it is to be parsed */
    uint64_t at,
        bytes; /* where the file lies in its descriptor, from a page's begin; 0 bytes: all of it */
} worker_piece;

/* How long a piece may take by the clock. Recognising is all computing, and held by the processor's
 * time (RLIMIT_CPU); on a machine with other work the clock runs ahead of that, and a page that was
 * cut off for it would stay unread. */
static inline uint32_t worker_seconds(const ingest_limits *limits, const worker_piece *piece) {
    return piece->ocr_page > 0 ? 3 * limits->seconds : limits->seconds;
}

typedef struct {
    uint32_t version;
    int32_t landlock_abi; /* 0: the kernel has none */
    error fault;          /* code ERROR_NONE: locked in and ready */
} worker_hello;

/* Members of one container that are unpacked together, so that it is opened once for all of them.
 * What opening costs is shared by so many: a directory of 100,000 entries takes as long to read as
 * some forty small files take to parse. */
#define WORKER_RUN_MAX 512u
/* And so many bytes, since each thread may have a run under way. */
#define WORKER_RUN_MAX_BYTES (16u << 20)

/* UNPACK: bytes come through the pipe instead of records, a worker_unpacked before each file: of
 * the piece's members that `run` names, as many as fit into run_bytes; where it names none, the
 * piece itself. */
enum { WORKER_PARSE = 1, WORKER_CANCEL, WORKER_UNPACK };

typedef struct {
    uint64_t at;    /* where it lies among what is kept; nothing in the pipe */
    uint64_t bytes; /* 0: a member that is too large for a run, or cannot be unpacked */
    uint32_t name_bytes;
    char name[WORKER_NAME_BYTES]; /* with the extension that tells its format */
} worker_unpacked;

typedef struct {
    uint32_t kind;
    uint32_t name_bytes;
    ingest_limits limits;
    worker_piece piece;
    uint32_t run_count;
    uint64_t run_bytes, run[WORKER_RUN_MAX];
    char name[WORKER_NAME_BYTES];
    char password[WORKER_PASSWORD_BYTES],
        ocr_languages[WORKER_LANGUAGES_BYTES]; /* ended by a zero */
} worker_request;

typedef struct {
    int32_t wait_status;    /* as waitpid gives it */
    uint32_t timed_out;     /* killed for its wall time */
    uint32_t out_of_memory; /* an allocation failed in the child */
} worker_reply;

/* One piece of the file open at fd, by the process that it needs. The document of an OCR piece has
 * one page, numbered 1. */
bool worker_read_piece(ingest_worker *w, const worker_piece *piece, const ingest_options *options,
                       int fd, str name, arena *a, ingest_document **out, error *err);
/* The same; a long document may come with its first blocks alone, as many as hold most_bytes, and the
 * others in *rest (record_finish_first). */
bool worker_read_first(ingest_worker *w, const worker_piece *piece, const ingest_options *options,
                       int fd, str name, size_t most_bytes, arena *a, ingest_document **out,
                       record_store **rest, error *err);
/* As worker_read_piece; `records` gets the bytes that the document was read from, for worker_replay. */
bool worker_read_kept(ingest_worker *w, const worker_piece *piece, const ingest_options *options,
                      int fd, str name, text *records, arena *a, ingest_document **out, error *err);
bool worker_replay(const ingest_worker *w, str name, str records, arena *a, ingest_document **out,
                   error *err);
bool worker_stopped(const ingest_options *options);

/* Unpacks into `to`, which is open, without a look at the bytes: with count 0 the piece itself, a
 * container that lies in another, else `count` members of the piece by their ids. heads[] says what
 * became of the first `got` of them, in their order. Those behind did not fit; with false, the next
 * one of them is to blame. */
typedef struct {
    const uint64_t *ids; /* at most WORKER_RUN_MAX */
    size_t count;
    kept_file *to;
    uint64_t limit_bytes; /* kept_put */
    worker_unpacked *heads;
    size_t got;
} worker_unpacking;

bool worker_unpack(ingest_worker *w, const worker_piece *piece, const ingest_options *options,
                   int fd, str name, worker_unpacking *unpacking, error *err);

#endif
