/* The pieces of a document: itself and the documents inside it, read front to back (pieces.c). They
 * come in stretches, each in the order of the document and followed by the next, so that what reads
 * them need not hold a whole mailbox.
 */
#ifndef CARREL_INGEST_PIECES_H
#define CARREL_INGEST_PIECES_H

#include <pthread.h>
#include <stdatomic.h>

#include "ingest/worker.h"

/* Of a file, at all depths: containers within containers multiply. A name and a place are held for
 * each. */
#define PIECES_MAX 200000u

/* A document: the file, or a member of it. */
typedef struct {
    worker_piece piece;
    uint32_t depth; /* of piece; one more for what lies too deep */
    str name;
    arena *a;           /* NULL: not begun, and so not read */
    ingest_document *d; /* NULL: not read */
    record_store *rest; /* of its blocks, those that follow; NULL: all are in d */
    const error *err;   /* why not */
    size_t child_count;
    size_t first_ocr; /* read.c: of its pages; those that follow it stand together */
} pieces_item;

typedef struct pieces_node pieces_node; /* an item that waits for those before it (pieces.c) */

typedef struct {
    int fd;
    str name;
    const ingest_options *options;
    ingest_worker *own;
    ingest_share_fn *share;
    void *sharer;
    arena *names;       /* of the items, for longer than their stretch */
    bool whole;         /* all is one stretch */
    size_t first_bytes; /* of the file's own blocks, if they are many (worker_read_first) */

    pieces_item *items; /* the stretch */
    size_t item_count;
    size_t left_out; /* members beyond the limit for one file */

    pieces_node *first;  /* of those that no stretch had yet */
    pieces_node **batch; /* those that this round reads */
    size_t batch_count, listed;
    pthread_mutex_t lock; /* of the runs' state */
    pthread_cond_t ready;
    double end_ms, left_ms;
    atomic_size_t text_bytes; /* of all that was read */
    atomic_size_t held_bytes; /* of what was read and no stretch had yet */
} pieces;

/* The fields down to `whole` are the caller's to fill in. */
void pieces_open(pieces *p);
/* Reads on; the stretch before is gone, but for arenas that were taken out of it. False when
 * none is left. The first item of the first is the file itself. A container comes with its first
 * member. */
bool pieces_next(pieces *p);
void pieces_close(pieces *p);

/* Calls piece(context, i, worker) for every i below count, by all threads that the caller has. */
void pieces_each(const pieces *p, size_t count, ingest_piece_fn *piece, void *context);

#endif
