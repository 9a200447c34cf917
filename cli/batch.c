/* Preparing documents in threads: hash, parse, chunk, embed.
 *
 * Each thread has its own parser process. Files are begun in order and handed over in order, so
 * that two runs make the same library whatever the number of threads; a ring of slots and a budget
 * of bytes keep memory small when the writer is slower than the parsers. The thread that holds the
 * oldest document never waits for either, so nothing can lock up. A document of many pieces (a
 * scan, an archive) is shared: threads help with its pieces before they begin another document, so
 * that one thick scan keeps all cores busy, and so do those that have nothing to begin. Documents
 * are written by the one thread that takes; here only pages that were recognised are put away,
 * since each has cost seconds, and a run that is cut off shall go on with the next.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/folder.h"

/* How many documents may be under way or waiting, for each parser. */
#define SLOTS_EACH 4
/* And how much memory those that wait may hold. */
#define WAITING_MAX_BYTES (64ull << 20)
/* A part lies in at most as many others (ingest/worker.h). */
#define PARTS_DEPTH 8
/* FAT has the coarsest clock: two seconds. */
#define CLOCK_GRAIN_S 2

typedef struct {
    cli_prepared document;
    size_t bytes;
    bool ready;
    size_t pages_done, pages, pages_found; /* that are recognised; found: in an earlier run */
    double pages_ms;                       /* when the first was begun */
} slot;

/* The pieces of one document, open to all threads; lives on the stack of its document's thread. */
typedef struct share share;
struct share {
    size_t count, next, ended;
    ingest_piece_fn *piece;
    void *context;
    share *after;
};

struct cli_batch {
    const cli_found *items;
    size_t count;
    const ingest_options *options;
    const cli_ocr *ocr;
    const embed_model *embedder, *vectors;
    bool again;
    index_library *library;
    pthread_mutex_t library_lock;

    ingest_worker *parsers[CLI_JOBS_MAX];
    pthread_t threads[CLI_JOBS_MAX];
    int jobs, started;
    pthread_mutex_t lock;      /* of all below */
    pthread_cond_t came, room; /* room: also for pieces to help with, and for their end */
    share *shares;             /* with pieces that nobody has begun */
    int preparing;             /* documents that threads are at: they may still share pieces */
    slot *slots;
    size_t slot_count, begun, taken, waiting_bytes;
    int next_parser;
    atomic_bool stopped; /* also looked at without the lock */
};

/* A document that is being read: what its hooks are called with. */
typedef struct {
    cli_batch *b;
    slot *at;
    bool any_language; /* of pages that were kept */
} work;

/* ---- one document ------------------------------------------------------------------------- */

static size_t count_tokens(void *context, str s) {
    return embed_count_tokens(context, s);
}

static bool cancelled(const cli_batch *b, error *err) {
    return b->stopped && !error_set(err, ERROR_CANCELLED, "it was stopped");
}

static bool embed_chunks(const cli_batch *b, arena *a, index_document_in *in, error *err) {
    const embed_model *m = b->vectors;
    size_t width = embed_width(m), i = 0;
    int8_t *vectors = arena_alloc(a, in->chunk_count, width);
    float *scales = arena_alloc(a, in->chunk_count, sizeof *scales);
    float *vector = mem_new(width, sizeof *vector);
    text t = {0};
    for (; i < in->chunk_count && !b->stopped; i++) {
        const index_chunk_in *c = &in->chunks[i];
        text_clear(&t);
        embed_passage_text(&t, in->title, c->heading, c->text);
        embed_text(m, text_str(&t), vector);
        embed_quantize(vector, width, vectors + i * width, &scales[i]);
    }
    text_free(&t);
    mem_free(vector);
    in->vectors = vectors;
    in->scales = scales;
    return i == in->chunk_count || !cancelled(b, err);
}

static void copy_pages(const cli_batch *b, const ingest_document *d, cli_prepared *p) {
    index_page *pages = arena_alloc(p->a, d->page_count, sizeof *pages);
    for (size_t i = 0; i < d->page_count; i++) {
        const ingest_page *from = &d->pages[i];
        pages[i] = (index_page){.number = from->number,
                                .label = from->label,
                                .width_pt = from->width_pt,
                                .height_pt = from->height_pt,
                                .fate = str_of(ingest_fate_name(from->fate)),
                                .confidence = from->confidence,
                                .note = from->note,
                                .unread = cli_ocr_mark(b->ocr, from->unread)};
        p->fates[from->fate]++;
    }
    p->in.pages = pages;
    p->in.page_count = d->page_count;
}

static void copy_chunks(const ingest_chunk *from, size_t count, cli_prepared *p) {
    index_chunk_in *chunks = arena_alloc(p->a, count, sizeof *chunks);
    for (size_t i = 0; i < count; i++)
        chunks[i] = (index_chunk_in){from[i].text,      from[i].heading,   from[i].page_first,
                                     from[i].page_last, from[i].tokens,    from[i].overlap_bytes,
                                     from[i].lines,     from[i].line_count};
    p->in.chunks = chunks;
    p->in.chunk_count = count;
}

static str find_language(const ingest_chunk *chunks, size_t count, str declared, arena *a) {
    str *texts = arena_alloc(a, count, sizeof *texts);
    for (size_t i = 0; i < count; i++) texts[i] = chunks[i].text;
    return index_document_language(texts, count, declared);
}

/* Parts with what they lie in before their name: "mail.eml > manual.pdf". */
static void copy_parts(const ingest_document *d, cli_prepared *p) {
    index_part *parts = arena_alloc(p->a, d->part_count, sizeof *parts);
    str names[PARTS_DEPTH + 1];
    for (size_t i = 0; i < d->part_count; i++) {
        const ingest_part *from = &d->parts[i];
        assert(from->depth >= 1 && from->depth <= PARTS_DEPTH);
        parts[i] = (index_part){from->name, from->page_first, from->page_count};
        if (from->depth > 1)
            parts[i].name = arena_printf(p->a, STR_FMT " > " STR_FMT,
                                         STR_ARG(names[from->depth - 1]), STR_ARG(from->name));
        names[from->depth] = parts[i].name;
    }
    p->in.parts = parts;
    p->in.part_count = d->part_count;
    p->in.notes = d->notes;
    p->in.note_count = d->note_count;
    p->in.aside_count = d->aside_count;
}

/* How the file looks, for the next time. What was changed a moment ago may change once more within
 * the grain of a file system's clock, and still look the same: such a look equals none. */
index_look cli_settled_look(index_look look) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec - look.mtime_ns / 1000000000 < CLOCK_GRAIN_S) look = (index_look){0};
    return look;
}

static index_look look_of(const struct stat *st) {
    return cli_settled_look(
        (index_look){.bytes = (uint64_t)st->st_size,
                     .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
                     .inode = st->st_ino});
}

static bool unchanged(const struct stat *a, const struct stat *b) {
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool open_file(const char *path, int *fd, struct stat *st, error *err) {
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0 || fstat(*fd, st) != 0)
        return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO,
                         "it cannot be opened: %s", strerror(errno));
    if (!S_ISREG(st->st_mode)) return error_set(err, ERROR_INPUT, "it is no plain file");
    /* Before the hash: reading a disk image to the end would take its time. */
    if ((uint64_t)st->st_size > ingest_default_limits.file_bytes)
        return error_set(err, ERROR_LIMIT,
                         "it has %llu bytes; files of more than %llu are not "
                         "read",
                         (unsigned long long)st->st_size,
                         (unsigned long long)ingest_default_limits.file_bytes);
    return true;
}

static void close_share(cli_batch *b, const share *s) {
    share **p = &b->shares;
    while (*p != s) p = &(*p)->after;
    *p = s->after;
}

/* Takes one piece of a share and does it, with the lock open meanwhile. The lock is held. */
static void do_piece(cli_batch *b, share *s, ingest_worker *parser) {
    size_t i = s->next++;
    if (s->next == s->count) close_share(b, s);
    pthread_mutex_unlock(&b->lock);
    s->piece(s->context, i, parser);
    pthread_mutex_lock(&b->lock);
    if (++s->ended == s->count) pthread_cond_broadcast(&b->room);
}

/* ingest_share_fn */
static void share_pieces(void *sharer, ingest_worker *own, size_t count, ingest_piece_fn *piece,
                         void *context) {
    cli_batch *b = sharer;
    share s = {.count = count, .piece = piece, .context = context};
    if (count == 0) return;
    pthread_mutex_lock(&b->lock);
    share **last = &b->shares;
    while (*last) last = &(*last)->after;
    *last = &s;
    pthread_cond_broadcast(&b->room);
    while (s.next < s.count) do_piece(b, &s, own);
    while (s.ended < s.count) pthread_cond_wait(&b->room, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

/* ---- what a reading is told and says ------------------------------------------------------ */

static bool stopped(void *context) {
    return ((const work *)context)->b->stopped;
}

static void recognising(void *context, size_t done, size_t pages) {
    const work *k = context;
    pthread_mutex_lock(&k->b->lock);
    if (done == 0) k->at->pages_ms = clock_ms();
    if (done >= k->at->pages_done) k->at->pages_done = done;
    k->at->pages = pages;
    pthread_mutex_unlock(&k->b->lock);
}

static index_recognised recognised_page(const work *k, str place) {
    index_recognised page = {
        .place = place, .languages = str_of(k->b->ocr->languages), .program = STR(CLI_VERSION)};
    memcpy(page.hash, k->at->document.in.hash, sizeof page.hash);
    return page;
}

/* A page that cannot be put away is only recognised again; why it could not, the document will meet
 * too. */
static void keep_page(void *context, str place, str records) {
    const work *k = context;
    index_recognised page = recognised_page(k, place);
    cli_batch_lock_library(k->b);
    (void)index_keep_recognised(k->b->library, &page, records, NULL);
    cli_batch_unlock_library(k->b);
}

static bool find_page(void *context, str place, arena *a, str *records) {
    const work *k = context;
    index_recognised page = recognised_page(k, place);
    bool found;
    cli_batch_lock_library(k->b);
    bool ok =
        index_find_recognised(k->b->library, &page, k->any_language, a, records, &found, NULL);
    cli_batch_unlock_library(k->b);
    if (!ok || !found) return false;
    pthread_mutex_lock(&k->b->lock);
    k->at->pages_found++;
    pthread_mutex_unlock(&k->b->lock);
    return true;
}

/* ---- one file ----------------------------------------------------------------------------- */

/* What is in the library of it, and whether it is to be read again. */
typedef struct {
    uint32_t locked;
    bool unread; /* pages of it wait for recognition */
    index_page *pages;
    size_t page_count;
} former;

static bool look_up(cli_batch *b, ingest_worker *parser, cli_prepared *p, former *f, error *err) {
    error none;
    cli_batch_lock_library(b);
    bool ok = index_has(b->library, p->in.hash, &p->present, err) &&
              (b->options->password.n == 0 ||
               index_count_locked(b->library, p->in.hash, &f->locked, err)) &&
              (!p->present || cli_ocr_may_help(b->ocr, b->library, p->in.hash, &f->unread, err));
    cli_batch_unlock_library(b);
    /* Its data are there, but are its libraries? */
    f->unread = ok && f->unread && ingest_ocr_start(parser, &none);
    p->in.again = ok && p->present && (b->again || f->locked > 0 || f->unread);
    if (!p->in.again) return ok;
    cli_batch_lock_library(b);
    ok = index_pages_of(b->library, p->in.hash, p->a, &f->pages, &f->page_count, err);
    cli_batch_unlock_library(b);
    return ok;
}

/* The new reading is no better: what is in the library stays. */
static void stay_as_it_is(cli_prepared *p) {
    p->present = true;
    p->in.again = false;
    p->in.page_count = p->in.chunk_count = p->in.part_count = 0;
    p->in.note_count = p->in.aside_count = 0;
}

/* How the pages that stay unread shall be marked: after the new reading, where it left some. */
static str retried(const cli_batch *b, const ingest_document *d) {
    ingest_unread why = INGEST_UNREAD_NOT;
    for (size_t i = 0; i < d->page_count && why != INGEST_UNREAD_LATER; i++)
        if (why == INGEST_UNREAD_NOT || d->pages[i].unread == INGEST_UNREAD_LATER)
            why = d->pages[i].unread;
    return cli_ocr_mark(b->ocr, why == INGEST_UNREAD_NOT ? INGEST_UNREAD_FAILED : why);
}

/* Of a document that was read again. */
static void compare(const cli_batch *b, const former *f, const ingest_document *d,
                    cli_prepared *p) {
    str loss = cli_ocr_loss(f->pages, f->page_count, p->in.pages, p->in.page_count, p->a);
    bool opened_nothing = !b->again && !f->unread && p->fates[INGEST_FATE_ENCRYPTED] >= f->locked;
    if (loss.n > 0) {
        p->kept = arena_printf(p->a, "it stays as it was read before: " STR_FMT, STR_ARG(loss));
        if (f->unread) p->retried = retried(b, d);
    }
    if (loss.n > 0 || opened_nothing) stay_as_it_is(p);
}

static void describe(const cli_batch *b, const struct stat *st, const ingest_document *d,
                     const ingest_chunk *chunks, size_t count, cli_prepared *p) {
    p->in.bytes = (uint64_t)st->st_size;
    p->in.mtime = (int64_t)st->st_mtim.tv_sec;
    p->in.title = d->title;
    p->in.type = d->type;
    p->in.dated = d->date;
    p->in.language = find_language(chunks, count, d->language, p->a);
    copy_pages(b, d, p);
    copy_parts(d, p);
    copy_chunks(chunks, count, p);
}

/* A file of which no page could be read has failed like one that does not open, and is noted so: a
 * later run with a password reads it again. Pages that wait for recognition are not lost: the
 * document stays, since the next run that can recognise them begins with it. */
static bool holds_something(const cli_batch *b, const ingest_document *d, size_t chunks,
                            error *err) {
    size_t locked = 0;
    const ingest_page *first = NULL;
    if (chunks > 0 || d->page_count == 0) return true;
    for (size_t i = 0; i < d->page_count; i++) {
        const ingest_page *p = &d->pages[i];
        bool failed = p->fate == INGEST_FATE_FAILED || p->fate == INGEST_FATE_ENCRYPTED;
        if (!failed || p->unread != INGEST_UNREAD_NOT) return true;
        locked += p->fate == INGEST_FATE_ENCRYPTED;
        if (!first && p->note.n > 0) first = p;
    }
    if (locked == d->page_count)
        return error_set(err, ERROR_PASSWORD,
                         b->options->password.n > 0
                             ? "all that is in it is encrypted, and the password opens none of it"
                             : "all that is in it is encrypted and asks for a password: give it "
                               "with --password");
    return error_set(err, ERROR_INPUT, "nothing in it could be read%s" STR_FMT "%s",
                     first ? ": " : "", STR_ARG(first ? first->note : STR("")),
                     d->page_count > 1 ? ", and so on" : "");
}

static bool read_file(cli_batch *b, ingest_worker *parser, slot *at, int fd, const struct stat *st,
                      const former *f, error *err) {
    cli_prepared *p = &at->document;
    /* Pages that were recognised before its last reading are used in whichever language; those of
     * one that was cut off only in the one that is asked for now. */
    work k = {b, at, f->unread && !b->again};
    const ingest_hooks hooks = {stopped, recognising, keep_page, find_page, &k};
    ingest_options options = *b->options;
    ingest_document *d;
    ingest_cutting cutting = {.count = count_tokens, .context = (void *)b->embedder};
    struct stat after;
    options.hooks = &hooks;
    options.ocr_languages = str_of(b->ocr->asked);
    if (!ingest_read_chunks(parser, fd, cli_file_name(p->in.path), &options, share_pieces, b,
                            &cutting, p->a, &d, err))
        return false;
    if (fstat(fd, &after) != 0 || !unchanged(st, &after))
        return error_set(err, ERROR_INPUT, "it changed while it was read: add it again");
    describe(b, st, d, cutting.chunks, cutting.chunk_count, p);
    if (p->in.again) compare(b, f, d, p);
    if (!p->present && !holds_something(b, d, cutting.chunk_count, err)) return false;
    return p->present || !b->vectors || embed_chunks(b, p->a, &p->in, err);
}

static bool prepare(cli_batch *b, ingest_worker *parser, slot *at) {
    cli_prepared *p = &at->document;
    struct stat st;
    former f = {0};
    text path = {0}, name = {0};
    int fd = -1;
    bool ok = false;
    error *err = &p->err;

    if (!cli_absolute(p->path, &path, err)) goto done;
    cli_utf8_name(&name, text_str(&path));
    p->identity = p->in.path = arena_str(p->a, text_str(&name));
    if (!open_file(p->path, &fd, &st, err)) goto done;
    p->in.look = look_of(&st);
    if (!ingest_hash(fd, p->in.hash, err)) goto done;
    p->hashed = true;
    ok = look_up(b, parser, p, &f, err);
    if (!ok || (p->present && !p->in.again)) goto done;
    p->present = false;
    ok = read_file(b, parser, at, fd, &st, &f, err);
done:
    if (fd >= 0) close(fd);
    text_free(&path);
    text_free(&name);
    return ok;
}

/* ---- the ring ----------------------------------------------------------------------------- */

static bool may_begin(const cli_batch *b) {
    return b->begun - b->taken < b->slot_count &&
           (b->waiting_bytes <= WAITING_MAX_BYTES || b->begun == b->taken);
}

/* A thread that has only pieces to help with starts its parser with the first of them. False when
 * it cannot: the thread ends, and the pieces are left to the others. The lock is held. */
static bool open_for_pieces(cli_batch *b, ingest_worker **parser) {
    error why;
    if (*parser) return true;
    pthread_mutex_unlock(&b->lock);
    bool ok = ingest_worker_open(NULL, &ingest_default_limits, parser, &why);
    pthread_mutex_lock(&b->lock);
    return ok;
}

/* Helps with pieces, waits for a free slot, and begins the next file; NULL when there is nothing
 * left to begin or to help with. */
static slot *begin_next(cli_batch *b, ingest_worker **parser) {
    slot *s = NULL;
    bool more;
    pthread_mutex_lock(&b->lock);
    for (;;) {
        more = !b->stopped && b->begun < b->count;
        if (b->shares && *parser)
            do_piece(b, b->shares, *parser);
        else if (b->shares && !open_for_pieces(b, parser))
            break;
        else if (!b->shares && ((*parser && more) ? may_begin(b) : !more && b->preparing == 0))
            break;
        else if (!b->shares)
            pthread_cond_wait(&b->room, &b->lock);
    }
    if (*parser && more) {
        s = &b->slots[b->begun % b->slot_count];
        *s = (slot){.document = {.path = b->items[b->begun].path, .found = &b->items[b->begun]}};
        b->begun++;
        b->preparing++;
    }
    pthread_mutex_unlock(&b->lock);
    return s;
}

static void *run_thread(void *context) {
    cli_batch *b = context;
    slot *s;
    pthread_mutex_lock(&b->lock);
    ingest_worker **parser = &b->parsers[b->next_parser++];
    pthread_mutex_unlock(&b->lock);
    while ((s = begin_next(b, parser))) {
        s->document.a = arena_new();
        if (!prepare(b, *parser, s) && s->document.err.code == ERROR_NONE)
            s->document.err.code = ERROR_INTERNAL;
        pthread_mutex_lock(&b->lock);
        s->bytes = arena_bytes(s->document.a);
        b->waiting_bytes += s->bytes;
        s->ready = true;
        if (--b->preparing == 0) pthread_cond_broadcast(&b->room);
        pthread_cond_signal(&b->came);
        pthread_mutex_unlock(&b->lock);
    }
    return NULL;
}

typedef struct {
    pthread_t thread;
    ingest_worker *parser;
    bool ok;
    error err;
} opening;

static void *open_parser(void *context) {
    opening *o = context;
    o->ok = ingest_worker_open(NULL, &ingest_default_limits, &o->parser, &o->err);
    return NULL;
}

/* All at once: each warms up for some tens of milliseconds. Those that cannot have a thread wait
 * for their turn. */
static bool open_parsers(cli_batch *b, int count, error *err) {
    opening open[CLI_JOBS_MAX] = {0};
    int threads = 0;
    bool ok = true;
    while (threads + 1 < count &&
           pthread_create(&open[threads].thread, NULL, open_parser, &open[threads]) == 0)
        threads++;
    for (int i = threads; i < count; i++) open_parser(&open[i]);
    for (int i = 0; i < threads; i++) pthread_join(open[i].thread, NULL);
    for (int i = 0; i < count; i++) {
        b->parsers[i] = open[i].parser;
        if (ok && !open[i].ok && err) *err = open[i].err;
        ok &= open[i].ok;
    }
    return ok;
}

bool cli_batch_open(const cli_found *items, size_t count, int jobs, const ingest_options *options,
                    const cli_ocr *ocr, const embed_model *embedder, cli_batch **out, error *err) {
    pthread_condattr_t attributes;
    cli_batch *b = mem_new(1, sizeof *b);
    b->items = items;
    b->count = count;
    b->options = options;
    b->ocr = ocr;
    b->embedder = embedder;
    pthread_mutex_init(&b->lock, NULL);
    pthread_mutex_init(&b->library_lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&b->came, &attributes);
    pthread_cond_init(&b->room, NULL);
    pthread_condattr_destroy(&attributes);
    b->slot_count = (size_t)jobs * SLOTS_EACH;
    b->slots = mem_new(b->slot_count, sizeof *b->slots);

    b->jobs = jobs;
    if (!open_parsers(b, (size_t)jobs < count ? jobs : (int)count, err)) {
        cli_batch_close(b);
        return false;
    }
    *out = b;
    return true;
}

bool cli_batch_start(cli_batch *b, index_library *library, const embed_model *vectors, bool again,
                     error *err) {
    b->library = library;
    b->again = again;
    b->vectors = vectors;
    while (b->started < b->jobs) {
        int rc = pthread_create(&b->threads[b->started], NULL, run_thread, b);
        if (rc != 0)
            return error_set(err, ERROR_LIMIT, "no thread can be started: %s", strerror(rc));
        b->started++;
    }
    return true;
}

static struct timespec from_now(int ms) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

bool cli_batch_take(cli_batch *b, int wait_ms, cli_prepared **out) {
    struct timespec until = from_now(wait_ms);
    *out = NULL;
    pthread_mutex_lock(&b->lock);
    slot *s = &b->slots[b->taken % b->slot_count];
    bool more = true;
    for (int rc = 0; rc == 0 && !*out && more;) {
        more = b->taken < b->begun || (!b->stopped && b->taken < b->count);
        if (b->taken < b->begun && s->ready)
            *out = &s->document;
        else if (more)
            rc = pthread_cond_timedwait(&b->came, &b->lock, &until);
    }
    pthread_mutex_unlock(&b->lock);
    return more;
}

void cli_batch_release(cli_batch *b, cli_prepared *p) {
    arena_free(p->a);
    pthread_mutex_lock(&b->lock);
    slot *s = &b->slots[b->taken % b->slot_count];
    b->waiting_bytes -= s->bytes;
    s->ready = false;
    b->taken++;
    pthread_cond_broadcast(&b->room);
    pthread_mutex_unlock(&b->lock);
}

void cli_batch_stop(cli_batch *b) {
    pthread_mutex_lock(&b->lock);
    b->stopped = true;
    pthread_cond_broadcast(&b->room);
    pthread_mutex_unlock(&b->lock);
}

cli_batch_place cli_batch_where(cli_batch *b) {
    cli_batch_place at = {0};
    pthread_mutex_lock(&b->lock);
    if (b->begun > 0) at.name = str_of(b->items[b->begun - 1].path);
    for (size_t i = b->taken; i < b->begun; i++) {
        const slot *s = &b->slots[i % b->slot_count];
        if (s->ready || s->pages == 0) continue;
        at = (cli_batch_place){
            .name = str_of(s->document.path), .done = s->pages_done, .pages = s->pages};
        if (s->pages_done > s->pages_found)
            at.left_ms = (clock_ms() - s->pages_ms) * (double)(s->pages - s->pages_done) /
                         (double)(s->pages_done - s->pages_found);
        break;
    }
    pthread_mutex_unlock(&b->lock);
    return at;
}

void cli_batch_lock_library(cli_batch *b) {
    pthread_mutex_lock(&b->library_lock);
}

void cli_batch_unlock_library(cli_batch *b) {
    pthread_mutex_unlock(&b->library_lock);
}

void cli_batch_close(cli_batch *b) {
    if (!b) return;
    cli_batch_stop(b);
    for (int i = 0; i < b->started; i++) pthread_join(b->threads[i], NULL);
    for (; b->taken < b->begun; b->taken++)
        arena_free(b->slots[b->taken % b->slot_count].document.a);
    for (int i = 0; i < b->jobs; i++) ingest_worker_close(b->parsers[i]);
    pthread_cond_destroy(&b->came);
    pthread_cond_destroy(&b->room);
    pthread_mutex_destroy(&b->lock);
    pthread_mutex_destroy(&b->library_lock);
    mem_free(b->slots);
    mem_free(b);
}
