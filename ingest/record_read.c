/* The reading half of the record stream (ingest/record.h), linked into carrel.
 *
 * What comes in was written by a process that a hostile document may have taken over, so nothing
 * is believed: the order of records, every length, count, number and byte of text is checked, and
 * memory grows only with bytes that really came, up to RECORD_MAX_STREAM. The first fault ends
 * the document; later bytes are then ignored with the same error.
 *
 * Blocks wait packed (record_store.c) and are unpacked into the document's arena at the end, all of
 * them or so many. It never touches a descriptor: the worker and the fuzzer feed it.
 */
#include <math.h>
#include <string.h>

#include "ingest/record.h"

#define HEADER_BYTES 5u

struct record_reader {
    arena *a;
    uint32_t max_pages;
    uint64_t fed;
    bool failed;
    error fault;      /* when failed */
    bool begun, done; /* DOCUMENT came; END came */
    bool refused;     /* ERROR came: `fault` is the parser's reason */
    str title, type, language, date;
    ingest_page *pages;
    size_t page_count, page_room;
    record_store *blocks;
    size_t block_count, line_count;
    size_t block_line; /* how many lines came before the last block */
    ingest_part *parts;
    size_t part_count, part_room;
    str notes[RECORD_MAX_NOTES], asides[RECORD_MAX_NOTES];
    size_t note_count, aside_count;
    uint8_t *partial; /* a record of which only the beginning came */
    size_t partial_used, partial_room;
};

/* A cursor over one payload; running over the end is remembered, and zeros are given. */
typedef struct {
    const uint8_t *p;
    size_t left;
    bool bad;
} cursor;

record_reader *record_reader_new(arena *a, const ingest_limits *limits) {
    record_reader *r = mem_new(1, sizeof *r);
    r->a = a;
    r->max_pages = limits->pages;
    r->blocks = record_store_new();
    return r;
}

void record_reader_free(record_reader *r) {
    if (!r) return;
    mem_free(r->pages);
    record_store_free(r->blocks);
    mem_free(r->parts);
    mem_free(r->partial);
    mem_free(r);
}

static const uint8_t *take(cursor *c, size_t n) {
    static const uint8_t zeros[4];
    if (c->bad || c->left < n) {
        c->bad = true;
        return zeros;
    }
    const uint8_t *p = c->p;
    c->p += n;
    c->left -= n;
    return p;
}

static uint8_t take_u8(cursor *c) {
    return *take(c, 1);
}

static uint32_t take_u32(cursor *c) {
    const uint8_t *b = take(c, 4);
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static float take_f32(cursor *c, float least) {
    uint32_t bits = take_u32(c);
    float v;
    memcpy(&v, &bits, sizeof v);
    if (!isfinite(v) || v < least || v > RECORD_MAX_PT) {
        c->bad = true;
        v = 0;
    }
    return v;
}

/* Borrows the payload. */
static str take_str(cursor *c, size_t limit) {
    uint32_t n = take_u32(c);
    if (c->bad || n > limit || n > c->left) {
        c->bad = true;
        return (str){NULL, 0};
    }
    str s = {(const char *)take(c, n), n};
    bool ok = utf8_valid(s);
    for (size_t i = 0, used; ok && i < s.n; i += used)
        ok = !record_is_control(utf8_next(s.p + i, s.n - i, &used));
    if (ok) return s;
    c->bad = true;
    return (str){NULL, 0};
}

static bool all_letters(str s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 'a' || s.p[i] > 'z') return false;
    return true;
}

/* Room for one element more; doubled, so that the cost stays linear. */
static void *room_for(void *p, size_t count, size_t *room, size_t size) {
    if (count < *room) return p;
    *room = *room ? *room * 2 : 64;
    return mem_grow(p, *room, size);
}

static bool read_document(record_reader *r, cursor *c) {
    str title = take_str(c, RECORD_MAX_NAME);
    str type = take_str(c, 16);
    str language = take_str(c, 2);
    if (c->bad || type.n == 0 || !all_letters(type) || !all_letters(language) || language.n == 1)
        return false;
    r->title = arena_str(r->a, title);
    r->type = arena_str(r->a, type);
    r->language = arena_str(r->a, language);
    r->begun = true;
    return true;
}

static bool read_page(record_reader *r, cursor *c) {
    ingest_page page = {0};
    page.number = take_u32(c);
    str label = take_str(c, RECORD_MAX_NAME);
    page.width_pt = take_f32(c, 0);
    page.height_pt = take_f32(c, 0);
    uint8_t fate = take_u8(c), wants_ocr = take_u8(c);
    page.confidence = take_f32(c, 0);
    str note = take_str(c, RECORD_MAX_NAME);
    if (c->bad || page.number != r->page_count + 1 || fate >= INGEST_FATE_COUNT || wants_ocr > 1 ||
        page.confidence > 1 || r->page_count >= r->max_pages)
        return false;
    page.fate = (ingest_fate)fate;
    page.wants_ocr = wants_ocr;
    page.label = arena_str(r->a, label);
    page.note = arena_str(r->a, note);
    r->pages = room_for(r->pages, r->page_count, &r->page_room, sizeof *r->pages);
    r->pages[r->page_count++] = page;
    return true;
}

/* True where the block last begun has a line, or none was begun. */
static bool last_block_is_whole(const record_reader *r) {
    return r->block_count == 0 || r->block_line < r->line_count;
}

/* Headings have a level; table rows and paragraphs may have what they are in its place. */
static bool level_fits(uint8_t role, uint8_t level) {
    if (role == INGEST_ROLE_HEADING) return level >= 1 && level <= 6;
    if (role == INGEST_ROLE_PARAGRAPH) return level <= INGEST_PARAGRAPH_BESIDE;
    return level <= (role == INGEST_ROLE_TABLE_ROW ? INGEST_ROW_BODY : 0);
}

static bool read_block(record_reader *r, cursor *c) {
    uint8_t role = take_u8(c), level = take_u8(c);
    uint32_t page = take_u32(c);
    if (c->bad || role >= INGEST_ROLE_COUNT || !level_fits(role, level) || page == 0 ||
        page > r->page_count || !last_block_is_whole(r))
        return false;
    record_store_block(r->blocks, (ingest_role)role, level, page);
    r->block_line = r->line_count;
    r->block_count++;
    return true;
}

static bool read_line(record_reader *r, cursor *c) {
    str s = take_str(c, RECORD_MAX_BYTES);
    ingest_line line = {0};
    line.at.x0 = take_f32(c, -RECORD_MAX_PT);
    line.at.y0 = take_f32(c, -RECORD_MAX_PT);
    line.at.x1 = take_f32(c, line.at.x0);
    line.at.y1 = take_f32(c, line.at.y0);
    line.font_pt = take_f32(c, 0);
    if (c->bad || s.n == 0 || r->block_count == 0 || r->line_count >= RECORD_MAX_LINES)
        return false;
    line.text = s;
    record_store_line(r->blocks, &line);
    r->line_count++;
    return true;
}

static bool read_note(record_reader *r, cursor *c, str *notes, size_t *count) {
    str sentence = take_str(c, RECORD_MAX_NAME);
    if (c->bad || sentence.n == 0 || r->note_count + r->aside_count >= RECORD_MAX_NOTES)
        return false;
    notes[(*count)++] = arena_str(r->a, sentence);
    return true;
}

static bool read_date(record_reader *r, cursor *c) {
    str date = take_str(c, RECORD_DATE_BYTES);
    if (c->bad || r->date.n > 0 || !record_date_valid(date)) return false;
    r->date = arena_str(r->a, date);
    return true;
}

static bool read_part(record_reader *r, cursor *c) {
    ingest_part part = {0};
    part.id = take_u32(c);
    part.id |= (uint64_t)take_u32(c) << 32;
    str name = take_str(c, RECORD_MAX_NAME);
    if (c->bad || r->part_count >= RECORD_MAX_PARTS) return false;
    part.name = arena_str(r->a, name);
    r->parts = room_for(r->parts, r->part_count, &r->part_room, sizeof *r->parts);
    r->parts[r->part_count++] = part;
    return true;
}

static bool read_error(record_reader *r, cursor *c) {
    uint8_t code = take_u8(c);
    str sentence = take_str(c, sizeof r->fault.text - 1);
    if (c->bad || sentence.n == 0 || code == ERROR_NONE || code > ERROR_PASSWORD) return false;
    error_set(&r->fault, (error_code)code, STR_FMT, STR_ARG(sentence));
    r->refused = true;
    return true;
}

static bool read_end(record_reader *r, cursor *c) {
    uint32_t pages = take_u32(c);
    uint32_t blocks = take_u32(c);
    uint32_t lines = take_u32(c);
    r->done = true;
    return !c->bad && pages == r->page_count && blocks == r->block_count &&
           lines == r->line_count && pages + r->part_count > 0 && last_block_is_whole(r);
}

static bool read_record(record_reader *r, uint8_t kind, cursor *c) {
    if (r->done || r->refused) return false;
    if (!r->begun && kind != RECORD_DOCUMENT && kind != RECORD_ERROR) return false;
    switch (kind) {
    case RECORD_DOCUMENT:
        return read_document(r, c);
    case RECORD_PAGE:
        return read_page(r, c);
    case RECORD_BLOCK:
        return read_block(r, c);
    case RECORD_LINE:
        return read_line(r, c);
    case RECORD_ERROR:
        return read_error(r, c);
    case RECORD_END:
        return read_end(r, c);
    case RECORD_NOTE:
        return read_note(r, c, r->notes, &r->note_count);
    case RECORD_ASIDE:
        return read_note(r, c, r->asides, &r->aside_count);
    case RECORD_DATE:
        return read_date(r, c);
    case RECORD_PART:
        return read_part(r, c);
    default:
        return false;
    }
}

static uint32_t header_length(const uint8_t *h) {
    cursor c = {.p = h + 1, .left = 4};
    return take_u32(&c);
}

/* Reads whole records off the front of p; *used says how far. */
static bool read_records(record_reader *r, const uint8_t *p, size_t n, size_t *used) {
    *used = 0;
    while (n - *used >= HEADER_BYTES) {
        const uint8_t *h = p + *used;
        uint32_t length = header_length(h);
        if (length > RECORD_MAX_BYTES) return false;
        if (n - *used - HEADER_BYTES < length) return true;
        cursor c = {.p = h + HEADER_BYTES, .left = length};
        if (!read_record(r, h[0], &c) || c.left > 0) return false;
        *used += HEADER_BYTES + length;
    }
    return true;
}

static void keep_partial(record_reader *r, const uint8_t *p, size_t n) {
    if (r->partial_room < r->partial_used + n) {
        r->partial_room = (r->partial_used + n) * 2;
        r->partial = mem_grow(r->partial, r->partial_room, 1);
    }
    if (n > 0) memcpy(r->partial + r->partial_used, p, n);
    r->partial_used += n;
}

/* Completes the record of which a part is kept, with as much of p as it needs. */
static bool finish_partial(record_reader *r, const uint8_t **p, size_t *n) {
    while (r->partial_used > 0 && *n > 0) {
        size_t want = HEADER_BYTES;
        if (r->partial_used >= HEADER_BYTES)
            want += header_length(r->partial); /* checked when the header was whole */
        size_t part = want - r->partial_used < *n ? want - r->partial_used : *n, used;
        keep_partial(r, *p, part);
        *p += part;
        *n -= part;
        if (!read_records(r, r->partial, r->partial_used, &used)) return false;
        if (used > 0) r->partial_used = 0;
    }
    return true;
}

bool record_feed(record_reader *r, const void *bytes, size_t n, error *err) {
    const uint8_t *p = bytes;
    size_t used = 0;
    if (!r->failed) {
        r->fed += n;
        if (r->fed > RECORD_MAX_STREAM) {
            r->failed = !error_set(&r->fault, ERROR_LIMIT,
                                   "its text is larger than %llu MiB, the limit for one document",
                                   RECORD_MAX_STREAM >> 20);
        } else if (!finish_partial(r, &p, &n) || !read_records(r, p, n, &used)) {
            r->failed = !error_set(&r->fault, ERROR_INPUT,
                                   "the parser sent a record that breaks the rules; the document "
                                   "is not used");
        } else {
            keep_partial(r, p + used, n - used);
        }
    }
    if (r->failed && err) *err = r->fault;
    return !r->failed;
}

/* Nothing of it is judged by what stands on other pages or in another stretch. */
static bool can_be_cut(const record_reader *r) {
    bool ok = r->part_count == 0 && !record_store_placed(r->blocks);
    for (size_t i = 0; ok && i < r->page_count; i++) {
        const ingest_page *p = &r->pages[i];
        ok = !p->wants_ocr && (p->fate == INGEST_FATE_TEXT || p->fate == INGEST_FATE_EMPTY);
    }
    return ok;
}

static ingest_document *assemble(record_reader *r, str name, size_t most_bytes) {
    ingest_document *d = arena_alloc(r->a, 1, sizeof *d);
    ingest_page *pages = arena_alloc(r->a, r->page_count, sizeof *pages);
    ingest_part *parts = arena_alloc(r->a, r->part_count + 1, sizeof *parts);
    str *notes = arena_alloc(r->a, r->note_count + r->aside_count + 1, sizeof *notes);
    if (r->page_count > 0) memcpy(pages, r->pages, r->page_count * sizeof *pages);
    if (r->part_count > 0) memcpy(parts, r->parts, r->part_count * sizeof *parts);
    memcpy(notes, r->notes, r->note_count * sizeof *notes);
    memcpy(notes + r->note_count, r->asides, r->aside_count * sizeof *notes);
    *d = (ingest_document){.title = r->title.n > 0 ? r->title : arena_str(r->a, name),
                           .type = r->type,
                           .language = r->language,
                           .date = r->date,
                           .pages = pages,
                           .page_count = r->page_count,
                           .parts = parts,
                           .part_count = r->part_count,
                           .notes = notes,
                           .note_count = r->note_count + r->aside_count,
                           .aside_count = r->aside_count};
    d->block_count = record_store_take(r->blocks, most_bytes, r->a, &d->blocks);
    return d;
}

static bool is_whole(const record_reader *r, error *err) {
    if (r->failed || r->refused) {
        if (err) *err = r->fault;
        return false;
    }
    return (r->done && r->partial_used == 0) ||
           error_set(err, ERROR_INPUT, "the parser stopped in the middle of the document");
}

bool record_finish(record_reader *r, str name, ingest_document **out, error *err) {
    if (!is_whole(r, err)) return false;
    *out = assemble(r, name, SIZE_MAX);
    return true;
}

bool record_finish_first(record_reader *r, str name, size_t most_bytes, ingest_document **out,
                         record_store **rest, error *err) {
    *rest = NULL;
    if (!is_whole(r, err)) return false;
    *out = assemble(r, name, can_be_cut(r) ? most_bytes : SIZE_MAX);
    if (record_store_is_empty(r->blocks)) return true;
    *rest = r->blocks;
    r->blocks = NULL;
    return true;
}
