/* A whole document out of its pieces: itself, the documents inside it, the pages that want OCR.
 *
 * Every piece is read by a process of its own (worker.h), so that a broken attachment or a page that
 * drives character recognition mad costs itself and no more. Containers are opened level by level,
 * all members of a level at once where the caller has workers to share; then all pages without usable
 * text are recognised; then the document is put together in the order of its parts. What could
 * not be read becomes a page with its fate and a sentence, never a hole. Nothing is written here, and
 * no byte of a document is looked at.
 */
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/kind.h"
#include "ingest/recognition.h"
#include "ingest/record.h"
#include "ingest/reread.h"
#include "ingest/worker.h"

/* For all members of one container together; an archive of ten thousand slow files ends here, one
 * of a whole shelf of manuals does not. Pages that are recognised have a time of their own
 * (recognition.c). */
#define MEMBERS_SECONDS 3600.0
/* Of a file, at all depths: containers within containers multiply. Each has an arena, of 4 KiB at least. */
#define ITEMS_MAX 200000u
/* A container that lies in another is unpacked for each of its members, unless it has at least so many:
 * then it is kept unpacked while they are read. */
#define HELD_MIN_MEMBERS 16u
/* All that is kept at the same time. What finds no room is unpacked for each member, which is slow. */
#define HELD_MAX_BYTES (256ull << 20)
#define HELD_MAX_COUNT 64u /* a descriptor each */
/* Headings go six deep (ingest_block). */
#define DEEPEST_LEVEL 6u

/* A container, unpacked: its members are read from here. */
typedef struct {
    int fd;
    str name;
    uint32_t depth;
} held;

/* A document: the file, or a member of it. */
typedef struct {
    worker_piece piece;
    size_t held; /* of r->held, counted from 1: the container that it is read from; 0: the file */
    str name;
    arena *a;
    ingest_document *d;              /* NULL: not read */
    const error *err;                /* why not */
    size_t first_child, child_count; /* items */
    size_t first_ocr;                /* of its pages; those that follow it stand together */
} item;

/* A page to be recognised. */
typedef struct {
    size_t item;
    uint32_t page; /* 1-based */
    arena *a;
    ingest_document *d; /* NULL: not read */
    const error *err;   /* why not */
    ingest_unread unread;
} ocr_page;

typedef struct {
    int fd;
    str name;
    const ingest_options *options;
    ingest_worker *own;
    ingest_share_fn *share;
    void *sharer;
    item *items;
    size_t item_count, item_room, round_begin;
    size_t left_out; /* parts beyond ITEMS_MAX */
    held *held;      /* for the members of the round */
    size_t held_count;
    uint64_t held_bytes;
    arena *a;
    ocr_page *ocr;
    size_t ocr_count, ocr_room;
    recognition recognition; /* of them */
    double members_end_ms;
    atomic_size_t bytes; /* of all that was read */
} reading;

/* ---- pieces ------------------------------------------------------------------------------- */

static void each(reading *r, size_t count, ingest_piece_fn *piece) {
    if (count > 1 && r->share) {
        r->share(r->sharer, r->own, count, piece, r);
    } else {
        for (size_t i = 0; i < count; i++) piece(r, i, r->own);
    }
}

/* Most pieces have none, and there may be many. */
static const error *keep_error(arena *a, const error *err) {
    error *kept = arena_alloc(a, 1, sizeof *kept);
    *kept = *err;
    return kept;
}

static bool within_limits(reading *r, const item *it, error *err) {
    if (it->piece.depth == 0) return true;
    if (clock_ms() > r->members_end_ms)
        return error_set(err, ERROR_LIMIT, "the documents before it in the container took %.0f s",
                         MEMBERS_SECONDS);
    if (atomic_load(&r->bytes) > RECORD_MAX_STREAM)
        return error_set(err, ERROR_LIMIT, "the container holds more than %llu MiB of text",
                         RECORD_MAX_STREAM >> 20);
    return true;
}

/* The piece as it lies in the container that is kept for it, or in the file. */
static worker_piece place_of(const reading *r, const item *it, int *fd, str *name) {
    worker_piece piece = it->piece;
    *fd = r->fd;
    *name = r->name;
    if (it->held == 0) return piece;
    const held *h = &r->held[it->held - 1];
    *fd = h->fd;
    *name = h->name;
    piece.depth -= h->depth;
    memmove(piece.members, piece.members + h->depth, piece.depth * sizeof *piece.members);
    return piece;
}

/* What a document holds, without the room that its arena has left: of a short mail that is the most. */
static size_t held_bytes(const ingest_document *d) {
    size_t n = d->page_count * sizeof *d->pages + d->block_count * sizeof *d->blocks;
    for (size_t i = 0; i < d->block_count; i++)
        for (size_t k = 0; k < d->blocks[i].line_count; k++)
            n += sizeof *d->blocks[i].lines + d->blocks[i].lines[k].text.n;
    return n;
}

static void read_item(void *context, size_t i, ingest_worker *w) {
    reading *r = context;
    item *it = &r->items[r->round_begin + i];
    error err;
    int fd;
    str name;
    worker_piece piece = place_of(r, it, &fd, &name);
    it->a = arena_new();
    if (!within_limits(r, it, &err) ||
        !worker_read_piece(w, &piece, r->options, fd, name, it->a, &it->d, &err)) {
        it->d = NULL;
        it->err = keep_error(it->a, &err);
    }
    if (it->d) atomic_fetch_add(&r->bytes, held_bytes(it->d));
}

static void read_ocr_page(void *context, size_t i, ingest_worker *w) {
    reading *r = context;
    ocr_page *p = &r->ocr[i];
    worker_piece piece = r->items[p->item].piece;
    error err;
    piece.ocr_page = p->page;
    p->a = arena_new();
    if (recognition_read(&r->recognition, w, &piece, r->fd, r->name, p->a, &p->d, &p->unread, &err))
        return;
    p->d = NULL;
    p->err = keep_error(p->a, &err);
}

/* A child that lies too deep is not read. */
static item child_of(const item *parent, const ingest_part *part) {
    static const error too_deep = {ERROR_LIMIT, "it lies in too many containers, one in the other"};
    item child = {.name = part->name, .piece = parent->piece};
    if (child.piece.depth < WORKER_DEPTH)
        child.piece.members[child.piece.depth++] = part->id;
    else
        child.err = &too_deep;
    return child;
}

/* Lists the parts of what the last round read as the items of the next. */
static void list_children(reading *r, size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
        const ingest_document *d = r->items[i].d;
        size_t count = d ? d->part_count : 0, room = ITEMS_MAX - r->item_count;
        if (count > room) {
            r->left_out += count - room;
            count = room;
        }
        if (r->item_count + count > r->item_room) {
            r->item_room = 2 * (r->item_count + count);
            r->items = mem_grow(r->items, r->item_room, sizeof *r->items);
        }
        r->items[i].first_child = r->item_count;
        r->items[i].child_count = count;
        for (size_t k = 0; k < count; k++)
            r->items[r->item_count++] = child_of(&r->items[i], &d->parts[k]);
    }
}

static void let_go(reading *r) {
    for (size_t i = 0; i < r->held_count; i++) close(r->held[i].fd);
    mem_free(r->held);
    r->held = NULL;
    r->held_count = 0;
}

/* Is it worth keeping the container unpacked? A file that is none itself (.gz) has to be unpacked too. */
static bool is_to_hold(const reading *r, const item *it) {
    return it->child_count >= HELD_MIN_MEMBERS && it->piece.depth < WORKER_DEPTH &&
           r->held_bytes < HELD_MAX_BYTES &&
           (it->piece.depth > 0 || kind_unpacked_name(r->name).n < r->name.n);
}

static uint64_t file_bytes(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Keeps the containers of the last round unpacked where that saves much, for the next round; those that
 * were kept for the last are let go. Where it fails the members do without. */
static void hold_containers(reading *r, size_t begin, size_t end) {
    size_t room = 0, count = 0;
    uint64_t before = r->held_bytes;
    held *next = NULL;
    for (size_t i = begin; i < end && count < HELD_MAX_COUNT; i++) {
        item *it = &r->items[i];
        held h = {.depth = it->piece.depth};
        error ignored;
        int fd;
        str name;
        if (!is_to_hold(r, it)) continue;
        worker_piece piece = place_of(r, it, &fd, &name);
        if (!worker_unpack_piece(r->own, &piece, r->options, fd, name,
                                 HELD_MAX_BYTES - r->held_bytes, r->a, &h.fd, &h.name, &ignored))
            continue;
        if (count == room) {
            room = room ? 2 * room : 8;
            next = mem_grow(next, room, sizeof *next);
        }
        next[count++] = h;
        r->held_bytes += file_bytes(h.fd);
        for (size_t k = 0; k < it->child_count; k++) r->items[it->first_child + k].held = count;
    }
    let_go(r);
    r->held_bytes -= before;
    r->held = next;
    r->held_count = count;
}

/* The root first, then level by level. What lies too deep has its error already, and all of its level
 * with it. */
static bool read_items(reading *r, error *err) {
    r->items = mem_new(1, sizeof *r->items);
    r->items[0] = (item){.name = r->name};
    r->item_count = r->item_room = 1;
    for (size_t end; r->round_begin < r->item_count; r->round_begin = end) {
        end = r->item_count;
        if (!r->items[r->round_begin].err) each(r, end - r->round_begin, read_item);
        list_children(r, r->round_begin, end);
        hold_containers(r, r->round_begin, end);
    }
    let_go(r);
    if (r->items[0].d) return true;
    if (err) *err = *r->items[0].err;
    return false;
}

static void recognise(reading *r) {
    for (size_t i = 0; i < r->item_count && !r->options->no_ocr; i++) {
        r->items[i].first_ocr = r->ocr_count;
        for (size_t p = 0; r->items[i].d && p < r->items[i].d->page_count; p++) {
            if (!r->items[i].d->pages[p].wants_ocr) continue;
            if (r->ocr_count == r->ocr_room) {
                r->ocr_room = r->ocr_room ? r->ocr_room * 2 : 64;
                r->ocr = mem_grow(r->ocr, r->ocr_room, sizeof *r->ocr);
            }
            r->ocr[r->ocr_count++] = (ocr_page){.item = i, .page = (uint32_t)p + 1};
        }
    }
    recognition_start(&r->recognition, r->options, r->ocr_count);
    each(r, r->ocr_count, read_ocr_page);
}

/* ---- putting together --------------------------------------------------------------------- */

typedef struct {
    reading *r;
    arena *a;
    ingest_page *pages;
    ingest_block *blocks;
    ingest_part *parts;
    str *notes, *asides;
    size_t page_count, block_count, part_count, note_count, aside_count;
    str language;
} assembly;

/* As much as all pieces have together. */
static void make_room(assembly *x) {
    const reading *r = x->r;
    size_t pages = r->item_count, blocks = pages, notes = 0;
    for (size_t i = 0; i < r->item_count; i++) {
        const ingest_document *d = r->items[i].d;
        if (!d) continue;
        pages += d->page_count;
        blocks += d->block_count;
        notes += d->note_count;
    }
    for (size_t i = 0; i < r->ocr_count; i++) blocks += r->ocr[i].d ? r->ocr[i].d->block_count : 0;
    x->pages = arena_alloc(x->a, pages, sizeof *x->pages);
    x->blocks = arena_alloc(x->a, blocks, sizeof *x->blocks);
    x->parts = arena_alloc(x->a, r->item_count, sizeof *x->parts);
    x->notes = arena_alloc(x->a, notes + 1, sizeof *x->notes); /* and one of our own */
    x->asides = arena_alloc(x->a, notes, sizeof *x->asides);
}

static void put_block(assembly *x, const ingest_block *b, uint32_t page, uint32_t depth) {
    ingest_block *out = &x->blocks[x->block_count++];
    *out = *b;
    out->page = page;
    if (b->role == INGEST_ROLE_HEADING)
        out->level = (uint8_t)(b->level + depth < DEEPEST_LEVEL ? b->level + depth : DEEPEST_LEVEL);
}

static void add_note(assembly *x, ingest_page *page, str note) {
    if (page->note.n > 0 && note.n > 0)
        note = arena_printf(x->a, STR_FMT "; " STR_FMT, STR_ARG(page->note), STR_ARG(note));
    if (note.n > 0) page->note = note;
}

/* A page on which recognition was wanted and not done is not empty: nobody has looked. */
static void leave_unread(assembly *x, ingest_page *page, ingest_unread unread, str why) {
    page->unread = unread;
    if (page->fate == INGEST_FATE_EMPTY) page->fate = INGEST_FATE_FAILED;
    add_note(x, page, why);
}

/* The recognised page takes the place of the one without usable text. */
static void put_ocr_page(assembly *x, const ocr_page *p, uint32_t before, uint32_t depth) {
    ingest_page *page = &x->pages[before + p->page - 1];
    if (!p->d) {
        leave_unread(x, page, p->unread,
                     arena_printf(x->a, "its characters were not recognised: %s", p->err->text));
        return;
    }
    reread_choice choice = reread_choose(x->r->items[p->item].d, p->page, p->d);
    if (choice == REREAD_RESTORE) page->fate = INGEST_FATE_TEXT;
    if (choice != REREAD_TAKE) return;
    const ingest_page *read = &p->d->pages[0];
    page->fate = read->fate;
    if (read->fate == INGEST_FATE_GARBLED) page->unread = INGEST_UNREAD_FOREIGN;
    page->confidence = read->confidence;
    add_note(x, page, read->note);
    if (page->width_pt <= 0) page->width_pt = read->width_pt;
    if (page->height_pt <= 0) page->height_pt = read->height_pt;
    for (size_t i = 0; i < p->d->block_count; i++)
        put_block(x, &p->d->blocks[i], before + p->page, depth);
}

/* 1 where a part begins with a heading that is its name, and so would be said twice; else 0. */
static size_t begins_with_name(const item *it) {
    const ingest_block *b = it->d->blocks;
    return it->piece.depth > 0 && it->d->block_count > 0 && b->role == INGEST_ROLE_HEADING &&
           b->page == 1 && b->line_count == 1 && str_eq(b->lines[0].text, it->name);
}

/* A block of a page that was recognised in its stead is dropped, and so is garbled text; comments stay. */
static void put_blocks(assembly *x, size_t i, uint32_t before) {
    const reading *r = x->r;
    const item *it = &r->items[i];
    size_t p = it->first_ocr;
    for (size_t b = begins_with_name(it); b <= it->d->block_count; b++) {
        const ingest_block *block = b < it->d->block_count ? &it->d->blocks[b] : NULL;
        for (; p < r->ocr_count && r->ocr[p].item == i; p++) {
            if (block && r->ocr[p].page > block->page) break;
            put_ocr_page(x, &r->ocr[p], before, it->piece.depth);
        }
        ingest_fate fate = block ? x->pages[before + block->page - 1].fate : INGEST_FATE_TEXT;
        if (block &&
            (reread_is_beside(block) || (fate != INGEST_FATE_OCR && fate != INGEST_FATE_GARBLED)))
            put_block(x, block, before + block->page, it->piece.depth);
    }
}

static void put_heading(assembly *x, str name, uint32_t page, uint32_t depth) {
    if (name.n == 0) return;
    ingest_line *line = arena_alloc(x->a, 1, sizeof *line);
    line->text = name;
    put_block(
        x, &(ingest_block){.role = INGEST_ROLE_HEADING, .level = 1, .lines = line, .line_count = 1},
        page, depth - 1);
}

/* A part that has no page of its own gets one that says why. */
static void put_failed_part(assembly *x, const error *why) {
    bool locked = why->code == ERROR_PASSWORD;
    x->pages[x->page_count] =
        (ingest_page){.number = (uint32_t)x->page_count + 1,
                      .fate = locked ? INGEST_FATE_ENCRYPTED : INGEST_FATE_FAILED,
                      .note = arena_str(x->a, str_of(why->text))};
    x->page_count++;
}

static void put_notes(assembly *x, const item *it) {
    const ingest_document *d = it->d;
    for (size_t i = 0; i < d->note_count; i++) {
        str note = d->notes[i];
        if (it->piece.depth > 0)
            note = arena_printf(x->a, STR_FMT ": " STR_FMT, STR_ARG(it->name), STR_ARG(note));
        if (i + d->aside_count < d->note_count)
            x->notes[x->note_count++] = note;
        else
            x->asides[x->aside_count++] = note;
    }
}

static void put_pages(assembly *x, const ingest_document *d) {
    for (size_t p = 0; p < d->page_count; p++) {
        ingest_page *page = &x->pages[x->page_count++];
        *page = d->pages[p];
        if (page->wants_ocr && x->r->options->no_ocr)
            leave_unread(x, page, INGEST_UNREAD_OFF,
                         STR("a picture, whose characters were not recognised (--no-ocr)"));
        page->wants_ocr = false;
        page->number = (uint32_t)x->page_count;
    }
}

/* A picture without letters is a page, and no section of the text. */
static bool has_section(const reading *r, size_t i) {
    const item *it = &r->items[i];
    bool any = it->d->block_count > 0 || it->child_count > 0;
    for (size_t p = it->first_ocr; p < r->ocr_count && r->ocr[p].item == i && !any; p++)
        any = !r->ocr[p].d || r->ocr[p].d->block_count > 0;
    return any;
}

static void put_item(assembly *x, size_t i) { /* at most WORKER_DEPTH + 2 deep */
    static const error none_left = {ERROR_LIMIT,
                                    "the file holds too many documents to read those in here"};
    const item *it = &x->r->items[i];
    uint32_t before = (uint32_t)x->page_count, depth = it->piece.depth;
    size_t part = i > 0 ? x->part_count++ : 0;
    if (it->d) {
        put_pages(x, it->d);
        /* A container without pages has its heading above its first document. */
        if (i > 0 && has_section(x->r, i)) put_heading(x, it->name, before + 1, depth);
        size_t first = x->block_count;
        put_blocks(x, i, before);
        reread_mark_running(x->pages, x->blocks + first, x->block_count - first);
        put_notes(x, it);
        if (x->language.n == 0) x->language = it->d->language;
        for (size_t k = 0; k < it->child_count; k++) put_item(x, it->first_child + k);
    }
    if (x->page_count == before) put_failed_part(x, it->d ? &none_left : it->err);
    if (i > 0)
        x->parts[part] = (ingest_part){.name = it->name,
                                       .page_first = before + 1,
                                       .page_count = (uint32_t)x->page_count - before};
}

static ingest_document *put_together(reading *r, arena *a) {
    assembly x = {.r = r, .a = a};
    make_room(&x);
    put_item(&x, 0);
    if (r->left_out > 0)
        x.notes[x.note_count++] =
            arena_printf(a, "%zu documents in it were not read: only the first %u are", r->left_out,
                         ITEMS_MAX - 1);
    ingest_document *d = arena_alloc(a, 1, sizeof *d);
    *d = *r->items[0].d;
    d->language = x.language;
    d->pages = x.pages;
    d->page_count = x.page_count;
    d->blocks = x.blocks;
    d->block_count = x.block_count;
    d->parts = x.parts;
    d->part_count = x.part_count;
    /* There is room: all of them were counted for it. */
    if (x.aside_count) memcpy(x.notes + x.note_count, x.asides, x.aside_count * sizeof *x.notes);
    d->notes = x.notes;
    d->note_count = x.note_count + x.aside_count;
    d->aside_count = x.aside_count;
    return d;
}

bool ingest_read(ingest_worker *w, int fd, str name, const ingest_options *options,
                 ingest_share_fn *share, void *sharer, arena *a, ingest_document **out,
                 error *err) {
    static const ingest_options none = {0};
    reading r = {.fd = fd,
                 .name = name,
                 .options = options ? options : &none,
                 .own = w,
                 .share = share,
                 .sharer = sharer,
                 .a = a,
                 .members_end_ms = clock_ms() + MEMBERS_SECONDS * 1000};
    bool ok = read_items(&r, err);
    if (ok) recognise(&r);
    /* A piece that was stopped is no failure of the document. */
    if (worker_stopped(r.options)) ok = error_set(err, ERROR_CANCELLED, "it was stopped");
    if (ok) *out = put_together(&r, a);
    for (size_t i = 0; i < r.item_count; i++)
        if (r.items[i].a) arena_join(a, r.items[i].a);
    for (size_t i = 0; i < r.ocr_count; i++) arena_join(a, r.ocr[i].a);
    mem_free(r.items);
    mem_free(r.ocr);
    return ok;
}
