/* What the two files of the story share: story.c (paragraphs, pages), story_table.c (tables). */
#ifndef CARREL_INGEST_PARSE_STORY_INTERNAL_H
#define CARREL_INGEST_PARSE_STORY_INTERNAL_H

#include "ingest/parse/office/story.h"

/* Open paragraphs and tables together; deeper ones become text of the innermost. */
#define STORY_DEPTH_MAX 64

typedef struct {
    ingest_role role;
    uint8_t level;
    uint32_t page;
    text t;
} story_block_text;

typedef struct {
    story_block_text *items;
    size_t count, room;
} story_blocks;

typedef struct {
    unsigned column; /* the first that it spans */
    bool above;
    story_blocks blocks;
} story_cell;

typedef struct {
    story_cell *cells;
    size_t count, room;
    unsigned columns; /* so far */
    bool head;
    uint32_t page, last_page; /* where it begins; the farthest that one of its cells reached */
} story_row;

typedef struct {
    bool is_table; /* else a paragraph */
    uint32_t page;
    /* paragraph */
    ingest_role role;
    uint8_t level;
    text t, mark;
    bool gap; /* the text that comes stands behind something that was left out */
    script_state scripts;
    story_blocks behind;
    /* table */
    story_row *rows;
    size_t row_count, row_room;
} story_frame;

struct story {
    record_writer *out;
    uint32_t page, page_limit, pages_written;
    text label; /* of the current page */
    story_frame frames[STORY_DEPTH_MAX];
    size_t depth, overflow;
    bool footer, has_text, flattened;
    text title;
    uint8_t title_level;
};

story_frame *story_push(story *s, bool is_table);          /* NULL: too deep */
bool story_pop(story *s, bool is_table, story_frame *out); /* false: nothing of the kind is open */
/* To the innermost cell or paragraph, else to the records; owns b.t. */
void story_emit(story *s, story_block_text b);
void story_free_frame(story_frame *f);

#endif
