/* The record stream: what carrel-parse writes into its pipe and ingest reads back.
 *
 * Little-endian. Every record is {u8 kind, u32 length, payload}. The reader trusts nothing: unknown
 * kinds, lengths past RECORD_MAX_BYTES, numbers out of range, records out of order and a stream
 * without RECORD_END are errors of the document.
 *   DOCUMENT  str title, str type, str language
 *   PAGE      u32 number, str label, f32 width, f32 height, u8 fate, u8 wants_ocr, f32 confidence, str note
 *   BLOCK     u8 role, u8 level, u32 page
 *   LINE      str text, f32 x0 y0 x1 y1, f32 font      (of the block before)
 *   NOTE      str sentence                             (what of the document was not read)
 *   ASIDE     str sentence                             (what a reader may want to know: nothing is missing)
 *   DATE      str date                             (which the document states of itself: 2024-03-01)
 *   PART      u64 id, str name                         (a document inside, to be asked for)
 *   ERROR     u8 code, str text                        (ends the stream)
 *   END       u32 pages, u32 blocks, u32 lines         (must match what was read)
 * A str is {u32 length, bytes}: UTF-8, checked. The title may come again before END: the last wins.
 * Pages come in order, starting at 1; a block's page has come before it.
 */
#ifndef CARREL_INGEST_RECORD_H
#define CARREL_INGEST_RECORD_H

#include "ingest/ingest.h"

enum {
    RECORD_DOCUMENT = 1,
    RECORD_PAGE,
    RECORD_BLOCK,
    RECORD_LINE,
    RECORD_ERROR,
    RECORD_END,
    RECORD_NOTE,
    RECORD_PART,
    RECORD_ASIDE,
    RECORD_DATE
};

#define RECORD_MAX_BYTES (1u << 20)      /* one record; a longer line is split by the writer */
#define RECORD_MAX_STREAM (256ull << 20) /* one document */
#define RECORD_MAX_LINES (4u << 20)      /* one document: 8 bytes each in the reader */
#define RECORD_MAX_NAME 1024u            /* bytes of a title, label or note; the writer cuts */
#define RECORD_MAX_NOTES 64u     /* and asides, of a document; the writer says how many more */
#define RECORD_MAX_PARTS 100000u /* of a document; a parser that finds more notes it */
#define RECORD_DATE_BYTES 10u    /* 2024-03-01 */
#define RECORD_MAX_PT 1e6f       /* no coordinate lies farther out: 350 m of paper */

/* C0, DEL and C1: never part of a title, label or line in the stream. */
static inline bool record_is_control(uint32_t codepoint) {
    return codepoint < 0x20 || (codepoint >= 0x7f && codepoint < 0xa0);
}

/* ---- dates ---------------------------------------------------------------------------------- */

/* A day as a document states it (ISO 8601 or as in mail, with a time or without) as YYYY-MM-DD; false
 * where it is no real one between 1900 and 2100. */
bool record_date_read(str stated, char out[RECORD_DATE_BYTES + 1]);
/* Keeps the later of the two, where `stated` is a date at all; `kept` may be empty. */
bool record_date_later(str stated, char kept[RECORD_DATE_BYTES + 1]);
/* A real day, exactly as record_date_read gives it. */
bool record_date_valid(str s);

/* ---- writing (carrel-parse) ---------------------------------------------------------------- */

typedef struct record_writer record_writer;

record_writer *record_writer_new(int fd); /* buffered; the descriptor stays the caller's */
void record_writer_free(record_writer *w);
void record_document(record_writer *w, str title, str type, str language);
void record_page(record_writer *w, uint32_t number, str label, float width_pt, float height_pt,
                 ingest_fate fate);
/* For a page that is more than its number and fate. */
typedef struct {
    str label;
    float width_pt, height_pt;
    ingest_fate fate;
    bool wants_ocr;
    float confidence;
    str note;
} record_page_facts;
void record_page_full(record_writer *w, uint32_t number, const record_page_facts *facts);
/* At any place after DOCUMENT. */
void record_note(record_writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A remark on the document of which nothing is missing for it: a file beside it that is no document, a
 * hidden row that was read too. */
void record_aside(record_writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* When the document says that it was written or changed, at any place: the latest of all that are
 * dates counts, what is none is passed over. */
void record_date(record_writer *w, str stated);
/* The parser's own member function (parse.h) is later asked for this id. */
void record_part(record_writer *w, uint64_t id, str name);
/* A block that gets no line is not written. */
void record_block(record_writer *w, ingest_role role, uint8_t level, uint32_t page);
/* Ill-formed UTF-8 becomes U+FFFD; control characters become spaces; a line past the limit is
 * written as several; a line of nothing but white space is not written. */
void record_line(record_writer *w, str line, box at, float font_pt);
void record_error(record_writer *w, error_code code, str sentence);
/* Counts, flushes; false when the pipe would not take it. After record_error there is nothing more
 * to write, and it only flushes. */
bool record_end(record_writer *w);

/* ---- reading (carrel) ---------------------------------------------------------------------- */

/* Incremental, so that it can be fed from a pipe or a fuzzer. */
typedef struct record_reader record_reader;

record_reader *record_reader_new(arena *a, const ingest_limits *limits);
void record_reader_free(record_reader *r);
bool record_feed(record_reader *r, const void *bytes, size_t n, error *err);
/* After the last byte: the whole document, or why there is none. */
bool record_finish(record_reader *r, str name, ingest_document **out, error *err);

/* Blocks that wait to be used, packed (record_store.c). */
typedef struct record_store record_store;

record_store *record_store_new(void);
void record_store_free(record_store *s); /* NULL is fine */
/* A block gets the lines that follow it. */
void record_store_block(record_store *s, ingest_role role, uint8_t level, uint32_t page);
void record_store_line(record_store *s, const ingest_line *line);
bool record_store_placed(const record_store *s); /* has a line a place on its page? */
bool record_store_is_empty(const record_store *s);
/* Unpacks the next blocks into `a`, until they hold most_bytes, and gives their count: at least one
 * while any waits. */
size_t record_store_take(record_store *s, size_t most_bytes, arena *a, const ingest_block **out);

/* As record_finish; but a long document of which each stretch can be understood by itself (nothing
 * has a place on a page, no page waits for recognition, no document is inside) comes with as many
 * of its first blocks as hold most_bytes, and the others in *rest, which is the caller's. *rest is
 * NULL where the document is whole. */
bool record_finish_first(record_reader *r, str name, size_t most_bytes, ingest_document **out,
                         record_store **rest, error *err);

#endif
