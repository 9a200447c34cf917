/* A whole document out of its pieces: itself, the documents inside it, the pages that want OCR.
 *
 * pieces.c reads the first two, front to back, and hands them on in stretches. The pages without
 * usable text of a stretch are recognised, each by a process of its own; then the stretch is put
 * together in the order of its parts. Whoever wants chunks gets them stretch by stretch, and what
 * they were made of is given back, so that a mailbox of any length needs no more room than a
 * stretch and its chunks. What could not be read becomes a page with its fate and a sentence, never
 * a hole. Nothing is written here, and no byte of a document is looked at.
 */
#include <string.h>

#include "ingest/chunk.h"
#include "ingest/pieces.h"
#include "ingest/recognition.h"
#include "ingest/reread.h"

/* Headings go six deep (ingest_block). */
#define DEEPEST_LEVEL INGEST_HEADING_LEVELS
_Static_assert(WORKER_DEPTH < DEEPEST_LEVEL, "each part that a document lies in has a heading");

/* Of the blocks of one long document that are cut into chunks at once. What comes of it in between
 * takes as much again; a book of a thousand pages stays whole. */
#define STRETCH_BYTES (8u << 20)

/* A page to be recognised. */
typedef struct {
    size_t item;
    uint32_t page; /* 1-based */
    arena *a;
    ingest_document *d; /* NULL: not read */
    const error *err;   /* why not */
    ingest_unread unread;
} ocr_page;

/* What has been put together of the document so far; the strings are in `a`. */
typedef struct {
    ingest_page *pages;
    ingest_part *parts;
    str *notes, *asides;
    size_t page_count, page_room, part_count, part_room, note_count, note_room, aside_count,
        aside_room;
    str title, type, language, date;
} gathered;

typedef struct {
    pieces from;
    int fd;
    str name;
    const ingest_options *options;
    pieces_item *items; /* of the stretch */
    size_t item_count;
    arena *a;
    ocr_page *ocr; /* of the stretch */
    size_t ocr_count, ocr_room;
    recognition recognition; /* of all stretches */
    gathered all;
    size_t around[WORKER_DEPTH + 2]; /* parts that the last one lies in, by depth, and itself */
} reading;

/* ---- pieces ------------------------------------------------------------------------------- */

/* Most pieces have none, and there may be many. */
static const error *keep_error(arena *a, const error *err) {
    error *kept = arena_alloc(a, 1, sizeof *kept);
    *kept = *err;
    return kept;
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
    pieces_each(&r->from, r->ocr_count, read_ocr_page, r);
    recognition_pause(&r->recognition);
}

/* ---- putting together --------------------------------------------------------------------- */

/* A stretch. Its pages are counted from 1 until it is whole. */
typedef struct {
    reading *r;
    arena *a;
    ingest_page *pages;
    ingest_block *blocks;
    size_t page_count, block_count;
} assembly;

/* As much as all pieces of the stretch have together. */
static void make_room(assembly *x) {
    const reading *r = x->r;
    size_t pages = r->item_count, blocks = pages;
    for (size_t i = 0; i < r->item_count; i++) {
        const ingest_document *d = r->items[i].d;
        if (!d) continue;
        pages += d->page_count;
        blocks += d->block_count;
    }
    for (size_t i = 0; i < r->ocr_count; i++) blocks += r->ocr[i].d ? r->ocr[i].d->block_count : 0;
    x->pages = arena_alloc(x->a, pages, sizeof *x->pages);
    x->blocks = arena_alloc(x->a, blocks, sizeof *x->blocks);
}

static void *room_for(void *array, size_t count, size_t *room, size_t size) {
    if (count < *room) return array;
    *room = *room ? 2 * *room : 16;
    return mem_grow(array, *room, size);
}

/* Most are empty, and there may be many. */
static str keep_str(arena *a, str s) {
    return s.n > 0 ? arena_str(a, s) : (str){0};
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
static size_t begins_with_name(const pieces_item *it) {
    const ingest_block *b = it->d->blocks;
    return it->piece.depth > 0 && it->d->block_count > 0 && b->role == INGEST_ROLE_HEADING &&
           b->page == 1 && b->line_count == 1 && str_eq(b->lines[0].text, it->name);
}

/* A block of a page that was recognised in its stead is dropped, and so is garbled text; comments
 * stay. */
static void put_blocks(assembly *x, size_t i, uint32_t before) {
    const reading *r = x->r;
    const pieces_item *it = &r->items[i];
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

static void put_note(gathered *g, str note, bool aside) {
    if (aside) {
        g->asides = room_for(g->asides, g->aside_count, &g->aside_room, sizeof *g->asides);
        g->asides[g->aside_count++] = note;
    } else {
        g->notes = room_for(g->notes, g->note_count, &g->note_room, sizeof *g->notes);
        g->notes[g->note_count++] = note;
    }
}

/* An item's name with those of the parts that it lies in: "mail.eml > h.xlsx". */
static str path_of(const reading *r, const pieces_item *it) {
    str path = {0};
    for (uint32_t i = 1; i < it->depth; i++) {
        str name = r->all.parts[r->around[i]].name;
        path = path.n == 0
                   ? name
                   : arena_printf(r->a, STR_FMT " > " STR_FMT, STR_ARG(path), STR_ARG(name));
    }
    if (path.n == 0) return it->name;
    return arena_printf(r->a, STR_FMT " > " STR_FMT, STR_ARG(path), STR_ARG(it->name));
}

static void put_notes(reading *r, const pieces_item *it) {
    const ingest_document *d = it->d;
    str path = d->note_count > 0 && it->piece.depth > 0 ? path_of(r, it) : (str){0};
    for (size_t i = 0; i < d->note_count; i++) {
        str note = it->piece.depth > 0 ? arena_printf(r->a, STR_FMT ": " STR_FMT, STR_ARG(path),
                                                      STR_ARG(d->notes[i]))
                                       : arena_str(r->a, d->notes[i]);
        put_note(&r->all, note, i + d->aside_count >= d->note_count);
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
    const pieces_item *it = &r->items[i];
    bool any = it->d->block_count > 0 || it->child_count > 0;
    for (size_t p = it->first_ocr; p < r->ocr_count && r->ocr[p].item == i && !any; p++)
        any = !r->ocr[p].d || r->ocr[p].d->block_count > 0;
    return any;
}

/* The item's part, and its pages in all parts around it. `pages` of them are new. */
static void put_part(reading *r, const pieces_item *it, uint32_t before, uint32_t pages) {
    gathered *g = &r->all;
    uint32_t depth = it->depth;
    if (depth > 0) {
        g->parts = room_for(g->parts, g->part_count, &g->part_room, sizeof *g->parts);
        r->around[depth] = g->part_count;
        g->parts[g->part_count++] =
            (ingest_part){.name = it->name, .depth = depth, .page_first = before + 1};
    }
    for (uint32_t i = 1; i <= depth; i++) g->parts[r->around[i]].page_count += pages;
}

static void put_item(assembly *x, size_t i) {
    static const error none_left = {ERROR_LIMIT,
                                    "the file holds too many documents to read those in here"};
    reading *r = x->r;
    const pieces_item *it = &r->items[i];
    uint32_t before = (uint32_t)x->page_count;
    if (it->d) {
        put_pages(x, it->d);
        /* A container without pages has its heading above its first document. */
        if (it->depth > 0 && has_section(r, i)) put_heading(x, it->name, before + 1, it->depth);
        size_t first = x->block_count;
        put_blocks(x, i, before);
        reread_mark_running(x->pages, x->blocks + first, x->block_count - first);
        put_notes(r, it);
        if (r->all.language.n == 0) r->all.language = keep_str(r->a, it->d->language);
    }
    if (x->page_count == before && it->child_count == 0)
        put_failed_part(x, it->d ? &none_left : it->err);
    put_part(r, it, (uint32_t)(r->all.page_count + before), (uint32_t)x->page_count - before);
}

/* The names above the stretch's first block, by the level of their headings. */
static const str *names_above(const reading *r, arena *a) {
    uint32_t depth = r->items[0].depth;
    str *above = arena_alloc(a, DEEPEST_LEVEL, sizeof *above);
    for (uint32_t i = 1; i < depth; i++) above[i - 1] = r->all.parts[r->around[i]].name;
    return above;
}

/* The stretch's pages become the document's, and its blocks count them so. */
static void gather_pages(assembly *x) {
    gathered *g = &x->r->all;
    uint32_t before = (uint32_t)g->page_count;
    for (size_t i = 0; i < x->page_count; i++) {
        ingest_page page = x->pages[i];
        page.number += before;
        page.label = keep_str(x->r->a, page.label);
        page.note = keep_str(x->r->a, page.note);
        g->pages = room_for(g->pages, g->page_count, &g->page_room, sizeof *g->pages);
        g->pages[g->page_count++] = page;
    }
    for (size_t i = 0; i < x->block_count; i++) x->blocks[i].page += before;
}

/* Puts the stretch together in `a`. */
static void put_together(reading *r, arena *a, ingest_document *out) {
    assembly x = {.r = r, .a = a};
    gathered *g = &r->all;
    size_t pages = g->page_count, parts = g->part_count;
    if (r->items[0].depth == 0) {
        g->title = arena_str(r->a, r->items[0].d->title);
        g->type = arena_str(r->a, r->items[0].d->type);
        g->date = keep_str(r->a, r->items[0].d->date);
    }
    const str *above = names_above(r, a);
    make_room(&x);
    for (size_t i = 0; i < r->item_count; i++) put_item(&x, i);
    gather_pages(&x);
    *out = (ingest_document){.title = g->title,
                             .type = g->type,
                             .language = g->language,
                             .date = g->date,
                             .pages = g->pages + pages,
                             .page_count = x.page_count,
                             .blocks = x.blocks,
                             .block_count = x.block_count,
                             .parts = g->parts + parts,
                             .part_count = g->part_count - parts,
                             .above = above};
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void *copy(arena *a, const void *array, size_t count, size_t size) {
    void *kept = arena_alloc(a, count, size);
    if (count > 0) memcpy(kept, array, count * size);
    return kept;
}

/* The document as a whole, without its blocks. */
static ingest_document *finish(const reading *r) {
    const gathered *g = &r->all;
    ingest_document *d = arena_alloc(r->a, 1, sizeof *d);
    str *notes = arena_alloc(r->a, g->note_count + g->aside_count + 1, sizeof *notes);
    size_t count = 0;
    for (size_t i = 0; i < g->note_count; i++) notes[count++] = g->notes[i];
    if (r->from.left_out > 0)
        notes[count++] =
            arena_printf(r->a, "%zu documents in it were not read: only the first %u are",
                         r->from.left_out, PIECES_MAX - 1);
    for (size_t i = 0; i < g->aside_count; i++) notes[count++] = g->asides[i];
    *d = (ingest_document){.title = g->title,
                           .type = g->type,
                           .language = g->language,
                           .date = g->date,
                           .pages = copy(r->a, g->pages, g->page_count, sizeof *g->pages),
                           .page_count = g->page_count,
                           .parts = copy(r->a, g->parts, g->part_count, sizeof *g->parts),
                           .part_count = g->part_count,
                           .notes = notes,
                           .note_count = count,
                           .aside_count = g->aside_count};
    return d;
}

static void open_reading(reading *r, ingest_worker *w, int fd, str name,
                         const ingest_options *options, ingest_share_fn *share, void *sharer,
                         arena *a) {
    static const ingest_options none = {0};
    if (!options) options = &none;
    *r = (reading){.fd = fd, .name = name, .options = options, .a = a};
    r->from = (pieces){.fd = fd,
                       .name = name,
                       .options = options,
                       .own = w,
                       .share = share,
                       .sharer = sharer,
                       .names = a};
    pieces_open(&r->from);
}

static void close_reading(reading *r) {
    pieces_close(&r->from);
    mem_free(r->ocr);
    mem_free(r->all.pages);
    mem_free(r->all.parts);
    mem_free(r->all.notes);
    mem_free(r->all.asides);
}

/* The next stretch, put together in `a`. False with an error of ERROR_NONE where there is none. */
static bool next_stretch(reading *r, arena *a, ingest_document *out, error *err) {
    *err = (error){0};
    if (!pieces_next(&r->from)) return false;
    r->items = r->from.items;
    r->item_count = r->from.item_count;
    r->ocr_count = 0;
    if (r->items[0].depth == 0 && !r->items[0].d) {
        *err = *r->items[0].err;
        return false;
    }
    recognise(r);
    /* A piece that was stopped is no failure of the document. */
    if (worker_stopped(r->options)) return error_set(err, ERROR_CANCELLED, "it was stopped");
    put_together(r, a, out);
    return true;
}

/* What the stretch points to goes on in `a`; NULL: it is given back. */
static void end_stretch(reading *r, arena *a) {
    for (size_t i = 0; i < r->ocr_count; i++) {
        if (a)
            arena_join(a, r->ocr[i].a);
        else
            arena_free(r->ocr[i].a);
    }
    for (size_t i = 0; a && i < r->item_count; i++) {
        if (r->items[i].a) arena_join(a, r->items[i].a);
        r->items[i].a = NULL;
    }
    r->ocr_count = 0;
}

bool ingest_read(ingest_worker *w, int fd, str name, const ingest_options *options,
                 ingest_share_fn *share, void *sharer, arena *a, ingest_document **out,
                 error *err) {
    reading r;
    ingest_document all;
    error why;
    open_reading(&r, w, fd, name, options, share, sharer, a);
    r.from.whole = true;
    bool ok = next_stretch(&r, a, &all, &why);
    if (ok) {
        *out = finish(&r);
        (*out)->blocks = all.blocks;
        (*out)->block_count = all.block_count;
    } else if (err) {
        *err = why;
    }
    end_stretch(&r, a);
    close_reading(&r);
    return ok;
}

/* The chunks of the stretch, and of the blocks of the file itself that follow it. */
static bool append_stretch(reading *r, const ingest_document *first, const ingest_cutting *cutting,
                           chunk_list *chunks, error *err) {
    record_store *rest = r->items[0].rest;
    chunk_carry carry = {0};
    bool ok = chunk_append(first, cutting->count, cutting->context, r->a, rest ? &carry : NULL,
                           chunks, err);
    if (rest) { /* the first blocks are in chunks */
        arena_free(r->items[0].a);
        r->items[0].a = NULL;
    }
    while (ok && rest && !record_store_is_empty(rest)) {
        ingest_document d = *first;
        arena *own = arena_new();
        d.block_count = record_store_take(rest, r->from.first_bytes, own, &d.blocks);
        ok = worker_stopped(r->options)
                 ? error_set(err, ERROR_CANCELLED, "it was stopped")
                 : chunk_append(&d, cutting->count, cutting->context, r->a, &carry, chunks, err);
        arena_free(own);
    }
    return ok;
}

bool ingest_read_chunks(ingest_worker *w, int fd, str name, const ingest_options *options,
                        ingest_share_fn *share, void *sharer, ingest_cutting *cutting, arena *a,
                        ingest_document **out, error *err) {
    reading r;
    chunk_list chunks = {0};
    error why = {0};
    bool on = true;
    open_reading(&r, w, fd, name, options, share, sharer, a);
    r.from.first_bytes = cutting->stretch_bytes ? cutting->stretch_bytes : STRETCH_BYTES;
    while (on) {
        ingest_document stretch;
        arena *own = arena_new();
        on = next_stretch(&r, own, &stretch, &why) &&
             append_stretch(&r, &stretch, cutting, &chunks, &why);
        end_stretch(&r, NULL);
        arena_free(own);
    }
    bool ok = why.code == ERROR_NONE;
    if (ok) *out = finish(&r);
    if (!ok && err) *err = why;
    chunk_list_end(&chunks, a, &cutting->chunks, &cutting->chunk_count);
    close_reading(&r);
    return ok;
}
