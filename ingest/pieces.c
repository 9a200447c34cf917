/* Reads the documents inside a document, front to back, in memory that does not grow with their
 * number.
 *
 * Items wait in a list in the order of the document, those inside a container behind it. Each round
 * reads the first that are not read, all at once where the caller has workers to share, and lists
 * what lies inside them; what is read from the front of the list on is a stretch, and is handed on
 * before the next round.
 *
 * Every item is parsed by a process of its own (worker.h), so that a broken or hostile member costs
 * itself and no more. Finding a member is another matter: a ZIP file's whole directory is read to
 * open one entry, a mail is parsed whole to decode one attachment. So the members of one container
 * are unpacked in runs, by a process that opens the container once and parses none of them, into
 * memory that carrel holds and never looks into (kept.h). What could not be unpacked there is
 * unpacked where it is parsed, alone, and fails alone. A container inside another is kept unpacked
 * likewise, while its members are read.
 */
#include "ingest/pieces.h"

#include <string.h>

#include "ingest/kind.h"
#include "ingest/record.h"

/* For all members of one container together; an archive of ten thousand slow files ends here, one
 * of a whole shelf of manuals does not. Pages that are recognised have only their own limit: a
 * thick scan takes hours, and is worth them. */
#define MEMBERS_SECONDS 3600.0
/* One round: two runs, many times the number of cores. */
#define ROUND_ITEMS 1024u
/* What was read and waits for its stretch; past this only the first item of a round is read. */
#define WAITING_MAX_BYTES (32u << 20)
/* Fewer members next to each other are found one by one. */
#define RUN_MIN 3u
/* A container that lies in another is unpacked for each run of its members, unless it has at least
 * so many: then it is kept unpacked while they are read. */
#define HELD_MIN_MEMBERS 16u

/* Of items that are not all read. */
typedef struct container container;
struct container {
    worker_piece piece; /* the container itself */
    container *in;      /* that it lies in; NULL: it is the file */
    size_t members;
    size_t left; /* members that are not read, and containers that lie in it */
    bool tried;  /* to keep it unpacked */
    kept_file held;
    worker_unpacked head; /* of what is held */
};

typedef enum { RUN_NEW, RUN_UNPACKING, RUN_READY } run_state;

/* Members that are unpacked together, by the thread that wants the first of them. */
typedef struct run run;
struct run {
    run *next;
    run_state state;
    size_t begin, end; /* of the batch */
    size_t left;       /* that will still ask for it */
    kept_file bytes;
    worker_unpacked *heads;
};

struct pieces_node {
    pieces_item it;
    pieces_node *next;
    container *in; /* while it is not read */
    run *run;      /* NULL: it is found alone */
    bool done;
};

void pieces_each(const pieces *p, size_t count, ingest_piece_fn *piece, void *context) {
    if (count > 1 && p->share) {
        p->share(p->sharer, p->own, count, piece, context);
    } else {
        for (size_t i = 0; i < count; i++) piece(context, i, p->own);
    }
}

/* ---- containers ---------------------------------------------------------------------------- */

/* Held once by whoever makes it. */
static container *new_container(const worker_piece *piece, container *in, size_t members) {
    container *c = mem_new(1, sizeof *c);
    *c = (container){.piece = *piece, .in = in, .members = members, .left = 1, .held = {.fd = -1}};
    if (in) in->left++;
    return c;
}

/* One of its members is read, or a container in it is done with. */
static void leave(container *c) {
    while (c && --c->left == 0) {
        container *in = c->in;
        kept_close(&c->held);
        mem_free(c);
        c = in;
    }
}

/* The piece as it lies in the nearest container around it that is kept unpacked, else in the
 * file. */
static worker_piece place_of(const pieces *p, const worker_piece *of, const container *in, int *fd,
                             str *name) {
    worker_piece piece = *of;
    while (in && in->held.fd < 0) in = in->in;
    *fd = in ? in->held.fd : p->fd;
    *name = in ? (str){in->head.name, in->head.name_bytes} : p->name;
    if (!in) return piece;
    piece.depth -= in->piece.depth;
    memmove(piece.members, piece.members + in->piece.depth, piece.depth * sizeof *piece.members);
    piece.at = in->head.at;
    piece.bytes = in->head.bytes;
    return piece;
}

/* Keeps it unpacked where that saves much; a file that is none itself (.gz) has to be unpacked too.
 * Where it fails the members do without. */
static void hold(const pieces *p, container *c) {
    error ignored;
    int fd;
    str name;
    if (c->tried) return;
    c->tried = true;
    if (c->members < HELD_MIN_MEMBERS ||
        (c->piece.depth == 0 && kind_unpacked_name(p->name).n == p->name.n))
        return;
    worker_piece piece = place_of(p, &c->piece, c->in, &fd, &name);
    worker_unpacking u = {.limit_bytes = KEPT_CONTAINERS_MAX_BYTES, .heads = &c->head};
    kept_file held;
    if (!kept_open(&held, &ignored)) return;
    u.to = &held;
    if (worker_unpack(p->own, &piece, p->options, fd, name, &u, &ignored) && c->head.bytes > 0)
        c->held = held;
    else
        kept_close(&held);
}

/* ---- runs ---------------------------------------------------------------------------------- */

/* Nobody asks for it yet. */
static run *new_run(size_t begin, size_t end, run *before) {
    run *u = mem_new(1, sizeof *u);
    *u = (run){.begin = begin, .end = end, .bytes = {.fd = -1}, .next = before->next};
    before->next = u;
    return u;
}

static void end_run(run *u) {
    kept_close(&u->bytes);
    mem_free(u->heads);
    u->heads = NULL;
}

/* Fills in the heads; gives how many there are, for as many members from the first on. */
static size_t unpack_run(const pieces *p, run *u, ingest_worker *w, bool *failed) {
    const container *c = p->batch[u->begin]->in;
    uint64_t ids[WORKER_RUN_MAX];
    error ignored;
    int fd;
    str name;
    worker_piece piece = place_of(p, &c->piece, c, &fd, &name);
    size_t count = u->end - u->begin;
    for (size_t i = 0; i < count; i++)
        ids[i] = p->batch[u->begin + i]->it.piece.members[c->piece.depth];
    u->heads = mem_new(count, sizeof *u->heads);
    worker_unpacking x = {.ids = ids,
                          .count = count,
                          .to = &u->bytes,
                          .limit_bytes = KEPT_MAX_BYTES,
                          .heads = u->heads};
    *failed = !kept_open(&u->bytes, &ignored) ||
              !worker_unpack(w, &piece, p->options, fd, name, &x, &ignored);
    return x.got;
}

/* Moves those of the members from `begin` on that still ask for this run to another; NULL: to
 * none. */
static void hand_over(pieces *p, run *u, size_t begin, size_t end, run *to) {
    for (size_t i = begin; i < end; i++) {
        if (p->batch[i]->run != u) continue;
        p->batch[i]->run = to;
        u->left--;
        if (to) to->left++;
    }
}

/* What was not unpacked is a run of its own; the member at which unpacking failed is read alone.
 * The lock is held. */
static void split_run(pieces *p, run *u, size_t got, bool failed) {
    size_t rest = u->begin + got + (failed && u->begin + got < u->end);
    hand_over(p, u, u->begin + got, rest, NULL);
    if (rest < u->end)
        hand_over(p, u, rest, u->end, u->end - rest < RUN_MIN ? NULL : new_run(rest, u->end, u));
    u->end = u->begin + got;
    if (u->left == 0) end_run(u);
}

/* The head of the batch's item i among what was unpacked with it; NULL: it is found alone. */
static const worker_unpacked *unpacked(pieces *p, size_t i, ingest_worker *w) {
    run *u;
    pthread_mutex_lock(&p->lock);
    while ((u = p->batch[i]->run) && u->state != RUN_READY) {
        if (u->state == RUN_UNPACKING) {
            pthread_cond_wait(&p->ready, &p->lock);
            continue;
        }
        bool failed;
        u->state = RUN_UNPACKING;
        pthread_mutex_unlock(&p->lock);
        size_t got = unpack_run(p, u, w, &failed);
        pthread_mutex_lock(&p->lock);
        split_run(p, u, got, failed);
        u->state = RUN_READY;
        pthread_cond_broadcast(&p->ready);
    }
    pthread_mutex_unlock(&p->lock);
    const worker_unpacked *head = u ? &u->heads[i - u->begin] : NULL;
    return head && head->bytes > 0 ? head : NULL;
}

static void leave_run(pieces *p, pieces_node *n) {
    pthread_mutex_lock(&p->lock);
    if (n->run && --n->run->left == 0 && n->run->state == RUN_READY) end_run(n->run);
    n->run = NULL;
    pthread_mutex_unlock(&p->lock);
}

/* ---- one item ------------------------------------------------------------------------------ */

static bool within_limits(const pieces *p, const pieces_item *it, error *err) {
    if (it->piece.depth == 0) return true;
    if (clock_ms() > p->end_ms)
        return error_set(err, ERROR_LIMIT, "the documents before it in the container took %.0f s",
                         MEMBERS_SECONDS);
    if (atomic_load(&p->text_bytes) > RECORD_MAX_STREAM)
        return error_set(err, ERROR_LIMIT, "the container holds more than %llu MiB of text",
                         RECORD_MAX_STREAM >> 20);
    return true;
}

/* What a document holds, without the room that its arena has left: of a short mail that is the
 * most. */
static size_t document_bytes(const ingest_document *d) {
    size_t n = d->page_count * sizeof *d->pages + d->block_count * sizeof *d->blocks;
    for (size_t i = 0; i < d->block_count; i++)
        for (size_t k = 0; k < d->blocks[i].line_count; k++)
            n += sizeof *d->blocks[i].lines + d->blocks[i].lines[k].text.n;
    return n;
}

static bool read_document(pieces *p, size_t i, ingest_worker *w, error *err) {
    pieces_node *n = p->batch[i];
    int fd;
    str name;
    const worker_unpacked *head = unpacked(p, i, w);
    worker_piece piece = head ? (worker_piece){.at = head->at, .bytes = head->bytes}
                              : place_of(p, &n->it.piece, n->in, &fd, &name);
    if (head) {
        fd = n->run->bytes.fd;
        name = (str){head->name, head->name_bytes};
    }
    if (n->it.depth == 0 && !p->whole)
        return worker_read_first(w, &piece, p->options, fd, name, p->first_bytes, n->it.a, &n->it.d,
                                 &n->it.rest, err);
    return worker_read_piece(w, &piece, p->options, fd, name, n->it.a, &n->it.d, err);
}

static void read_item(void *context, size_t i, ingest_worker *w) {
    pieces *p = context;
    pieces_node *n = p->batch[i];
    pieces_item *it = &n->it;
    error err;
    if (i > 0 && !p->whole && atomic_load(&p->held_bytes) > WAITING_MAX_BYTES) {
        leave_run(p, n); /* it comes in another round */
        return;
    }
    it->a = arena_new();
    n->done = true;
    if (!within_limits(p, it, &err) || !read_document(p, i, w, &err)) {
        error *kept_err = arena_alloc(it->a, 1, sizeof err);
        *kept_err = err;
        it->err = kept_err;
        it->d = NULL;
    }
    leave_run(p, n);
    if (it->d) atomic_fetch_add(&p->text_bytes, document_bytes(it->d));
    atomic_fetch_add(&p->held_bytes, arena_bytes(it->a));
}

/* ---- a round ------------------------------------------------------------------------------- */

/* A member that lies too deep is not read. */
static pieces_node *new_member(pieces *p, const pieces_node *parent, container *in,
                               const ingest_part *part) {
    static const error too_deep = {
        ERROR_LIMIT,
        "it lies in too many containers, one in the other: more than four are not opened; unpack "
        "the outermost, and add what is in it"};
    _Static_assert(WORKER_DEPTH == 4, "the sentence says it");
    pieces_node *n = mem_new(1, sizeof *n);
    n->it.name = arena_str(p->names, part->name);
    n->it.piece = parent->it.piece;
    n->it.depth = parent->it.depth + 1;
    if (n->it.piece.depth < WORKER_DEPTH) {
        n->it.piece.members[n->it.piece.depth++] = part->id;
        n->in = in;
        in->left++;
    } else {
        n->it.err = &too_deep;
        n->done = true;
    }
    return n;
}

/* Lists the members of an item that was read, behind it. */
static void list_members(pieces *p, pieces_node *parent) {
    const ingest_document *d = parent->it.d;
    size_t count = d ? d->part_count : 0, room = PIECES_MAX - p->listed;
    if (count > room) {
        p->left_out += count - room;
        count = room;
    }
    p->listed += count;
    parent->it.child_count = count;
    if (count == 0) return;
    pieces_node *behind = parent->next, **last = &parent->next;
    container *c = new_container(&parent->it.piece, parent->in, count);
    for (size_t i = 0; i < count; i++, last = &(*last)->next)
        *last = new_member(p, parent, c, &d->parts[i]);
    *last = behind;
    leave(c);
}

/* The first items that are not read; gives the runs among them. */
static run *choose_batch(pieces *p) {
    run runs = {0}, *last = &runs;
    size_t seen =
        0; /* those that wait count too, or a mailbox with files would pile up its messages */
    p->batch_count = 0;
    for (pieces_node *n = p->first; n && seen < ROUND_ITEMS; n = n->next) {
        seen += !n->done || !p->whole;
        if (n->done) continue;
        p->batch[p->batch_count++] = n;
        if (n->in) hold(p, n->in);
    }
    for (size_t i = 0, end; i < p->batch_count; i = end) {
        const container *in = p->batch[i]->in;
        for (end = i + 1; end < p->batch_count && end - i < WORKER_RUN_MAX; end++)
            if (p->batch[end]->in != in) break;
        if (!in || end - i < RUN_MIN) continue;
        last = new_run(i, end, last);
        last->left = end - i;
        for (size_t k = i; k < end; k++) p->batch[k]->run = last;
    }
    return runs.next;
}

static void read_round(pieces *p) {
    double begin_ms = clock_ms();
    p->end_ms = begin_ms + p->left_ms;
    run *runs = choose_batch(p);
    pieces_each(p, p->batch_count, read_item, p);
    for (size_t i = 0; i < p->batch_count; i++) {
        pieces_node *n = p->batch[i];
        if (!n->done) continue;
        list_members(p, n);
        leave(n->in);
    }
    for (run *u = runs, *next; u; u = next) {
        next = u->next;
        mem_free(u);
    }
    p->left_ms -= clock_ms() - begin_ms;
}

/* ---- stretches ----------------------------------------------------------------------------- */

/* How many of the list's first items can be handed on: those that are read, but for a container
 * right before its first member, since its heading may stand on that one's page. */
static size_t ready_items(const pieces *p) {
    size_t count = 0,
           waiting = 0; /* waiting: that many containers, each the first in the one before */
    uint32_t depth = 0;
    const pieces_node *n = p->first;
    for (; n && n->done; n = n->next) {
        waiting = count > 0 && n->it.depth == depth + 1 ? waiting + 1 : 1;
        depth = n->it.depth;
        count++;
    }
    if (!n) return count;
    if (p->whole) return 0;
    return count > 0 && n->it.depth == depth + 1 ? count - waiting : count;
}

static void end_stretch(pieces *p) {
    for (size_t i = 0; i < p->item_count; i++) {
        record_store_free(p->items[i].rest);
        arena_free(p->items[i].a);
    }
    mem_free(p->items);
    p->items = NULL;
    p->item_count = 0;
}

bool pieces_next(pieces *p) {
    size_t count;
    end_stretch(p);
    while ((count = ready_items(p)) == 0 && p->first) read_round(p);
    if (count == 0) return false;
    p->items = mem_new(count, sizeof *p->items);
    for (; p->item_count < count; p->item_count++) {
        pieces_node *n = p->first;
        p->items[p->item_count] = n->it;
        if (n->it.a) atomic_fetch_sub(&p->held_bytes, arena_bytes(n->it.a));
        p->first = n->next;
        mem_free(n);
    }
    return true;
}

void pieces_open(pieces *p) {
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->ready, NULL);
    p->batch = mem_new(ROUND_ITEMS, sizeof *p->batch);
    p->left_ms = MEMBERS_SECONDS * 1000;
    p->first = mem_new(1, sizeof *p->first);
    p->first->it.name = p->name;
    p->listed = 1;
}

void pieces_close(pieces *p) {
    end_stretch(p);
    for (pieces_node *n = p->first, *next; n; n = next) {
        next = n->next;
        record_store_free(n->it.rest);
        arena_free(n->it.a);
        if (!n->done) leave(n->in);
        mem_free(n);
    }
    mem_free(p->batch);
    pthread_cond_destroy(&p->ready);
    pthread_mutex_destroy(&p->lock);
}
