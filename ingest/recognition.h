/* The pages of one file whose characters are recognised: what each costs, what all may cost, and
 * what is known of them from an earlier reading that was interrupted.
 */
#ifndef CARREL_INGEST_RECOGNITION_H
#define CARREL_INGEST_RECOGNITION_H

#include <stdatomic.h>

#include "ingest/worker.h"

typedef struct {
    const ingest_options *options;
    size_t pages;
    atomic_size_t done;
    double seconds, end_ms;   /* that all of them may take; when that is over */
    double begin_ms, used_ms; /* of those before */
} recognition;

/* Begins with so many more pages of the file; r is zeroed before the first. What is read of it
 * behind recognition_pause takes none of their time. */
void recognition_start(recognition *r, const ingest_options *options, size_t pages);
void recognition_pause(recognition *r);

/* The document of one page that is recognised as `piece`; called from several threads. False with
 * the reason, as a sentence and as what may help. */
bool recognition_read(recognition *r, ingest_worker *w, const worker_piece *piece, int fd, str name,
                      arena *a, ingest_document **out, ingest_unread *unread, error *err);

#endif
