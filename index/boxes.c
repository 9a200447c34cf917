/* The line boxes of a chunk as a small blob, and back.
 *
 * A chunk has some twenty lines; as structs they would be as many bytes as its text. Lines follow
 * one another closely, so each number is stored as the difference to the line before, as a
 * zigzag variable-length integer (7 bits a byte, low first). Coordinates are in eighths of a
 * point: 0.04 mm, finer than anyone can see in a highlight.
 *
 * Layout: count; then for each line: begin - end of the line before, end - begin, page - page
 * before, x0, y0, x1, y1 - the same of the line before. Behind them, for each line that is a
 * heading: its number - that of the heading before, and `heading`. Libraries from before have none.
 *
 * The decoder trusts nothing: the file may be damaged or made by someone.
 */
#include "index/internal.h"

#include <math.h>

/* A page of 14,400 pt is the largest that PDF allows; a coordinate beyond this is nonsense. */
#define BOX_LIMIT_PT 1000000.0f
#define BOX_UNITS_PER_PT 8.0f
#define BOX_LIMIT_UNITS ((int64_t)(BOX_LIMIT_PT * BOX_UNITS_PER_PT))
/* Each line takes seven bytes at least. */
#define LINE_MIN_BYTES 7
/* Headings above a heading: more than any document has levels, with the documents around it. */
#define HEADING_LIMIT 255
#define VARINT_MAX_BYTES 6 /* 42 bits: a zigzag difference of 32-bit values takes 33 */

static void put_number(text *out, int64_t value) {
    uint64_t zigzag = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
    while (zigzag >= 0x80) {
        text_put_char(out, (char)(zigzag | 0x80));
        zigzag >>= 7;
    }
    text_put_char(out, (char)zigzag);
}

static int64_t units(float pt) {
    if (!(pt > -BOX_LIMIT_PT)) return isnan(pt) ? 0 : -BOX_LIMIT_UNITS;
    return pt < BOX_LIMIT_PT ? (int64_t)lroundf(pt * BOX_UNITS_PER_PT) : BOX_LIMIT_UNITS;
}

void boxes_encode(const line_box *lines, size_t count, text *out) {
    int64_t before[6] = {0}; /* end, page, x0, y0, x1, y1 */
    put_number(out, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        const line_box *line = &lines[i];
        int64_t at[4] = {units(line->at.x0), units(line->at.y0), units(line->at.x1),
                         units(line->at.y1)};
        put_number(out, (int64_t)line->begin - before[0]);
        put_number(out, (int64_t)line->end - (int64_t)line->begin);
        put_number(out, (int64_t)line->page - before[1]);
        before[0] = line->end;
        before[1] = line->page;
        for (int k = 0; k < 4; k++) {
            put_number(out, at[k] - before[2 + k]);
            before[2 + k] = at[k];
        }
    }
    for (size_t i = 0, last = 0; i < count; i++) {
        if (lines[i].heading == 0) continue;
        put_number(out, (int64_t)(i - last));
        put_number(out, lines[i].heading);
        last = i;
    }
}

typedef struct {
    const unsigned char *p;
    size_t n, at;
    bool ok;
} cursor;

static int64_t take_number(cursor *c) {
    uint64_t zigzag = 0;
    for (int i = 0; i < VARINT_MAX_BYTES && c->at < c->n; i++) {
        unsigned char byte = c->p[c->at++];
        zigzag |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte < 0x80) return (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
    }
    c->ok = false;
    return 0;
}

static bool take_line(cursor *c, size_t text_bytes, int64_t before[6], line_box *out) {
    int64_t begin = before[0] + take_number(c);
    int64_t end = begin + take_number(c);
    int64_t page = before[1] + take_number(c);
    if (!c->ok || begin < 0 || end < begin || end > (int64_t)text_bytes || page < 0 ||
        page > (int64_t)UINT32_MAX)
        return false;
    before[0] = end;
    before[1] = page;
    for (int k = 2; k < 6; k++) {
        before[k] += take_number(c);
        if (!c->ok || before[k] < -BOX_LIMIT_UNITS || before[k] > BOX_LIMIT_UNITS) return false;
    }
    *out = (line_box){(uint32_t)begin,
                      (uint32_t)end,
                      (uint32_t)page,
                      {(float)before[2] / BOX_UNITS_PER_PT, (float)before[3] / BOX_UNITS_PER_PT,
                       (float)before[4] / BOX_UNITS_PER_PT, (float)before[5] / BOX_UNITS_PER_PT},
                      0};
    return true;
}

static bool take_headings(cursor *c, line_box *lines, size_t count) {
    for (size_t at = 0; c->at < c->n;) {
        int64_t step = take_number(c), heading = take_number(c);
        if (!c->ok || step < 0 || (uint64_t)step >= count - at || heading < 1 ||
            heading > HEADING_LIMIT || lines[at + (size_t)step].heading > 0)
            return false;
        at += (size_t)step;
        lines[at].heading = (uint32_t)heading;
    }
    return true;
}

bool boxes_decode(const void *bytes, size_t n, size_t text_bytes, arena *a, line_box **out,
                  size_t *count) {
    cursor c = {bytes, n, 0, true};
    int64_t lines = take_number(&c), before[6] = {0};
    *out = NULL;
    *count = 0;
    if (!c.ok || text_bytes > UINT32_MAX || lines < 0 ||
        lines > (int64_t)((n - c.at) / LINE_MIN_BYTES))
        return false;
    *out = arena_alloc(a, (size_t)lines, sizeof(line_box));
    for (int64_t i = 0; i < lines; i++) {
        if (!take_line(&c, text_bytes, before, &(*out)[i])) return false;
    }
    *count = (size_t)lines;
    return take_headings(&c, *out, *count);
}
