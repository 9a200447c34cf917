/* Recognising the pages of one file (recognition.h).
 *
 * A page costs a second or ten, a thick scan hours: so each page that was recognised is offered to
 * the caller to keep, and asked for before it is recognised once more. All pages of a file together
 * have a time, long enough for any that can be read and short enough that one that drives
 * recognition mad does not hold a shelf up for days; what is left then is told, and read the next
 * time. Nothing is kept here beyond the call.
 */
#include "ingest/recognition.h"

/* A page takes 1 to 5 s on a laptop of these days; one of ten years ago, with four languages, 30 s
 * for a full page of small print. More than that on the average is no page's work. */
#define SECONDS_EACH 30.0
/* Few pages may all be slow ones. */
#define SECONDS_LEAST 1800.0

void recognition_start(recognition *r, const ingest_options *options, size_t pages) {
    r->options = options;
    r->pages += pages;
    double by_pages = SECONDS_EACH * (double)r->pages;
    r->seconds = options->ocr_seconds > 0   ? options->ocr_seconds
                 : by_pages > SECONDS_LEAST ? by_pages
                                            : SECONDS_LEAST;
    r->begin_ms = clock_ms();
    r->end_ms = r->begin_ms + r->seconds * 1000 - r->used_ms;
    const ingest_hooks *h = options->hooks;
    if (h && h->recognising && pages > 0)
        h->recognising(h->context, atomic_load(&r->done), r->pages);
}

void recognition_pause(recognition *r) {
    r->used_ms += clock_ms() - r->begin_ms;
}

/* "3.17:5": page 5 of member 17 of member 3. */
static str place_of(const worker_piece *piece, arena *a) {
    text t = {0};
    for (uint32_t i = 0; i < piece->depth; i++)
        text_printf(&t, "%s%llu", i > 0 ? "." : "", (unsigned long long)piece->members[i]);
    text_printf(&t, ":%u", piece->ocr_page);
    str place = arena_str(a, text_str(&t));
    text_free(&t);
    return place;
}

/* What is kept is not believed more than what a parser sends: where it cannot be read it is not
 * there. */
static bool find(const ingest_hooks *h, const ingest_worker *w, str place, str name, arena *a,
                 ingest_document **out) {
    error damaged;
    str records;
    return h && h->find && h->find(h->context, place, a, &records) &&
           worker_replay(w, name, records, a, out, &damaged) && (*out)->page_count == 1;
}

static void keep(const ingest_hooks *h, str place, const ingest_document *d, const text *records) {
    ingest_fate fate = d->pages[0].fate;
    if (h && h->keep && (fate == INGEST_FATE_OCR || fate == INGEST_FATE_EMPTY))
        h->keep(h->context, place, text_str(records));
}

static bool recognise(recognition *r, ingest_worker *w, const worker_piece *piece, int fd, str name,
                      str place, arena *a, ingest_document **out, error *err) {
    text records = {0};
    bool ok = worker_read_kept(w, piece, r->options, fd, name, &records, a, out, err);
    if (ok && (*out)->page_count != 1)
        ok = error_set(err, ERROR_INPUT, "the recogniser sent %zu pages for one",
                       (*out)->page_count);
    if (ok) keep(r->options->hooks, place, *out, &records);
    text_free(&records);
    return ok;
}

bool recognition_read(recognition *r, ingest_worker *w, const worker_piece *piece, int fd, str name,
                      arena *a, ingest_document **out, ingest_unread *unread, error *err) {
    const ingest_hooks *h = r->options->hooks;
    str place = place_of(piece, a);
    *unread = INGEST_UNREAD_NOT;
    bool ok = find(h, w, place, name, a, out);
    if (!ok && clock_ms() > r->end_ms) {
        *unread = INGEST_UNREAD_LATER;
        return error_set(err, ERROR_LIMIT,
                         "the pages before it took %.0f minutes; the next `carrel add` or `carrel "
                         "sync` goes on here",
                         r->seconds / 60);
    }
    if (!ok && !recognise(r, w, piece, fd, name, place, a, out, err)) {
        *unread = err->code == ERROR_NOT_FOUND ? INGEST_UNREAD_MISSING : INGEST_UNREAD_FAILED;
        return false;
    }
    size_t done = atomic_fetch_add(&r->done, 1) + 1;
    if (h && h->recognising) h->recognising(h->context, done, r->pages);
    return true;
}
