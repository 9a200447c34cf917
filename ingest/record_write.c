/* The writing half of the record stream (ingest/record.h), linked into carrel-parse.
 *
 * Owns one buffer and the promise that whatever a parser hands in, the stream is one that the
 * reader accepts: UTF-8 is repaired, control characters are blanked, coordinates are clamped, an
 * over-long line is split. So a parser need not think about the stream, and a stream that the
 * reader refuses means a broken worker and not an odd document.
 *
 * Errors of the pipe are sticky and told once, by record_end. It never seeks, never reads, and
 * never holds more than one buffer.
 */
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ingest/record.h"

/* As much as a Linux pipe holds: one write, one wake-up of the reader. */
#define BUFFER_BYTES (64u << 10)
/* A line record's numbers and lengths stay under this, so its text may fill the rest. */
#define LINE_ROOM (RECORD_MAX_BYTES - 64u)

struct record_writer {
    int fd;
    bool failed; /* the pipe broke: everything after is dropped */
    bool closed; /* ERROR or END was written */
    size_t used;
    uint32_t pages, blocks, lines, notes;
    bool block_waits; /* a block is written with its first line, so that none is without */
    uint8_t role, level;
    uint32_t page;
    char date[RECORD_DATE_BYTES + 1]; /* the latest; written at the end */
    text scratch;
    uint8_t buffer[BUFFER_BYTES];
};

record_writer *record_writer_new(int fd) {
    record_writer *w = mem_new(1, sizeof *w);
    w->fd = fd;
    return w;
}

void record_writer_free(record_writer *w) {
    if (!w) return;
    text_free(&w->scratch);
    mem_free(w);
}

static void flush(record_writer *w) {
    size_t at = 0;
    while (!w->failed && at < w->used) {
        ssize_t n = write(w->fd, w->buffer + at, w->used - at);
        if (n >= 0)
            at += (size_t)n;
        else if (errno != EINTR)
            w->failed = true;
    }
    w->used = 0;
}

static void put(record_writer *w, const void *bytes, size_t n) {
    const uint8_t *p = bytes;
    while (n > 0) {
        if (w->used == BUFFER_BYTES) flush(w);
        size_t part = BUFFER_BYTES - w->used < n ? BUFFER_BYTES - w->used : n;
        memcpy(w->buffer + w->used, p, part);
        w->used += part;
        p += part;
        n -= part;
    }
}

static void put_u8(record_writer *w, uint8_t v) {
    put(w, &v, 1);
}

static void put_u32(record_writer *w, uint32_t v) {
    uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    put(w, b, sizeof b);
}

static float in_range(float v) {
    if (!isfinite(v)) return 0;
    return v > RECORD_MAX_PT ? RECORD_MAX_PT : v < -RECORD_MAX_PT ? -RECORD_MAX_PT : v;
}

static void put_f32(record_writer *w, float v) {
    v = in_range(v);
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    put_u32(w, bits);
}

static void put_str(record_writer *w, str s) {
    assert(s.n < RECORD_MAX_BYTES);
    put_u32(w, (uint32_t)s.n);
    put(w, s.p, s.n);
}

static void put_header(record_writer *w, uint8_t kind, size_t length) {
    assert(length <= RECORD_MAX_BYTES && !w->closed);
    put_u8(w, kind);
    put_u32(w, (uint32_t)length);
}

/* s as the reader wants it, trimmed; borrows w->scratch until the next call. */
static str clean(record_writer *w, str s, size_t limit) {
    text_clear(&w->scratch);
    for (size_t i = 0, used; i < s.n; i += used) {
        uint32_t c = utf8_next(s.p + i, s.n - i, &used);
        if (record_is_control(c))
            text_put_char(&w->scratch, ' ');
        else
            text_put_codepoint(&w->scratch, c);
    }
    str out = str_trim(text_str(&w->scratch));
    return out.n > limit ? str_cut(out, 0, utf8_floor(out, limit)) : out;
}

/* "en-US" and "EN" are "en"; anything that does not begin with two letters is nothing. */
static str language_of(str stated, char out[2]) {
    if (stated.n < 2 || (stated.n > 2 && stated.p[2] != '-' && stated.p[2] != '_'))
        return (str){NULL, 0};
    for (int i = 0; i < 2; i++) {
        char c = stated.p[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        if (c < 'a' || c > 'z') return (str){NULL, 0};
        out[i] = c;
    }
    return (str){out, 2};
}

void record_document(record_writer *w, str title, str type, str language) {
    char letters[2];
    title = clean(w, title, RECORD_MAX_NAME);
    language = language_of(language, letters);
    put_header(w, RECORD_DOCUMENT, 12 + title.n + type.n + language.n);
    put_str(w, title);
    put_str(w, type);
    put_str(w, language);
}

void record_page_full(record_writer *w, uint32_t number, const record_page_facts *f) {
    text label = {0};
    text_put(&label, clean(w, f->label, RECORD_MAX_NAME));
    str note = clean(w, f->note, RECORD_MAX_NAME);
    put_header(w, RECORD_PAGE, 26 + label.n + note.n);
    put_u32(w, number);
    put_str(w, text_str(&label));
    put_f32(w, f->width_pt > 0 ? f->width_pt : 0);
    put_f32(w, f->height_pt > 0 ? f->height_pt : 0);
    put_u8(w, (uint8_t)f->fate);
    put_u8(w, f->wants_ocr);
    put_f32(w, f->confidence > 1 ? 1 : f->confidence > 0 ? f->confidence : 0);
    put_str(w, note);
    w->pages++;
    text_free(&label);
}

void record_page(record_writer *w, uint32_t number, str label, float width_pt, float height_pt,
                 ingest_fate fate) {
    record_page_full(
        w, number,
        &(record_page_facts){
            .label = label, .width_pt = width_pt, .height_pt = height_pt, .fate = fate});
}

static void put_note(record_writer *w, uint8_t kind, str sentence) {
    sentence = clean(w, sentence, RECORD_MAX_NAME);
    put_header(w, kind, 4 + sentence.n);
    put_str(w, sentence);
}

__attribute__((format(printf, 3, 0))) static void format_note(record_writer *w, uint8_t kind,
                                                              const char *format, va_list list) {
    char sentence[RECORD_MAX_NAME];
    if (++w->notes >= RECORD_MAX_NOTES) return; /* counted, and told by record_end */
    vsnprintf(sentence, sizeof sentence, format, list);
    put_note(w, kind, str_of(sentence));
}

void record_note(record_writer *w, const char *format, ...) {
    va_list list;
    va_start(list, format);
    format_note(w, RECORD_NOTE, format, list);
    va_end(list);
}

void record_aside(record_writer *w, const char *format, ...) {
    va_list list;
    va_start(list, format);
    format_note(w, RECORD_ASIDE, format, list);
    va_end(list);
}

static void put_note_of_the_rest(record_writer *w) {
    char sentence[64];
    if (w->notes < RECORD_MAX_NOTES) return;
    snprintf(sentence, sizeof sentence, "and %u more remarks like these",
             w->notes - RECORD_MAX_NOTES + 1);
    put_note(w, RECORD_NOTE, str_of(sentence));
}

void record_date(record_writer *w, str stated) {
    (void)record_date_later(stated, w->date);
}

static void put_date(record_writer *w) {
    if (w->date[0] == 0) return;
    put_header(w, RECORD_DATE, 4 + RECORD_DATE_BYTES);
    put_str(w, str_of(w->date));
}

void record_part(record_writer *w, uint64_t id, str name) {
    name = clean(w, name, RECORD_MAX_NAME);
    put_header(w, RECORD_PART, 12 + name.n);
    put_u32(w, (uint32_t)id);
    put_u32(w, (uint32_t)(id >> 32));
    put_str(w, name);
}

void record_block(record_writer *w, ingest_role role, uint8_t level, uint32_t page) {
    w->role = (uint8_t)role;
    w->level = level;
    w->page = page;
    w->block_waits = true;
}

static void put_waiting_block(record_writer *w) {
    if (!w->block_waits) return;
    put_header(w, RECORD_BLOCK, 6);
    put_u8(w, w->role);
    put_u8(w, w->level);
    put_u32(w, w->page);
    w->blocks++;
    w->block_waits = false;
}

void record_line(record_writer *w, str line, box at, float font_pt) {
    line = clean(w, line, SIZE_MAX);
    at = (box){in_range(at.x0), in_range(at.y0), in_range(at.x1), in_range(at.y1)};
    if (line.n > 0) put_waiting_block(w);
    while (line.n > 0) {
        str part = str_cut(line, 0, line.n > LINE_ROOM ? utf8_floor(line, LINE_ROOM) : line.n);
        put_header(w, RECORD_LINE, 24 + part.n);
        put_str(w, part);
        put_f32(w, at.x0);
        put_f32(w, at.y0);
        put_f32(w, at.x1 >= at.x0 ? at.x1 : at.x0);
        put_f32(w, at.y1 >= at.y0 ? at.y1 : at.y0);
        put_f32(w, font_pt > 0 ? font_pt : 0);
        w->lines++;
        line = str_cut(line, part.n, line.n);
    }
}

void record_error(record_writer *w, error_code code, str sentence) {
    if (w->closed) return;
    sentence = clean(w, sentence, sizeof((error *)0)->text - 1);
    put_header(w, RECORD_ERROR, 5 + sentence.n);
    put_u8(w, (uint8_t)code);
    put_str(w, sentence);
    w->closed = true;
}

bool record_end(record_writer *w) {
    if (!w->closed) {
        put_note_of_the_rest(w);
        put_date(w);
        put_header(w, RECORD_END, 12);
        put_u32(w, w->pages);
        put_u32(w, w->blocks);
        put_u32(w, w->lines);
        w->closed = true;
    }
    flush(w);
    return !w->failed;
}
