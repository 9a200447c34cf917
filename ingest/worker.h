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

#define WORKER_FD 3
#define WORKER_VERSION 1u
#define WORKER_NAME_BYTES 256u /* NAME_MAX of Linux file systems, and a zero */

typedef struct {
    uint32_t version;
    int32_t landlock_abi; /* 0: the kernel has none */
    error fault;          /* code ERROR_NONE: locked in and ready */
} worker_hello;

enum { WORKER_PARSE = 1, WORKER_CANCEL };

typedef struct {
    uint32_t kind;
    uint32_t name_bytes;
    ingest_limits limits;
    char name[WORKER_NAME_BYTES];
} worker_request;

typedef struct {
    int32_t wait_status;    /* as waitpid gives it */
    uint32_t timed_out;     /* killed for its wall time */
    uint32_t out_of_memory; /* an allocation failed in the child */
} worker_reply;

#endif
