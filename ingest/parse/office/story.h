/* The running text of an office document: paragraphs, tables, pages, as parsers meet them. story.c
 * turns what nests (a table in a text box in a paragraph) into blocks one after the other. All
 * office formats write through it, so that a table is written in one way.
 */
#ifndef CARREL_INGEST_PARSE_STORY_H
#define CARREL_INGEST_PARSE_STORY_H

#include "ingest/parse/parse.h"
#include "ingest/parse/script.h"

typedef struct story story;

/* The records' DOCUMENT must have been written. `pages` is how many there may be. */
story *story_new(record_writer *out, uint32_t pages);
/* Closes what is open and writes the last page. */
void story_end(story *s);
void story_free(story *s); /* NULL is fine */

/* ---- pages: 1 until story_next_page. One without text is written as empty. */
uint32_t story_page(const story *s);
/* Past the limit the last page goes on. `label` names the new page; may be empty. */
void story_next_page(story *s, str label);
void story_label_page(story *s, str label); /* of a page that has no text yet */
/* The current page is not read: why stands in the note. Nothing may be put on it any more. */
void story_drop_page(story *s, ingest_fate fate, str note);

/* ---- paragraphs. One that opens in another stands behind it: so do text boxes. */
void story_begin_paragraph(story *s);
bool story_in_paragraph(const story *s);
void story_set_role(story *s, ingest_role role, uint8_t level);
/* "- ", "2.1 ": put before what the paragraph holds, which is no text by itself. */
void story_set_mark(story *s, str mark);
/* To the open paragraph; outside of one it is lost to white space, else opens one. '\n' ends a
 * line. */
void story_put(story *s, str t);
/* The same for raised and lowered letters (script.h); `note`: they lead to a note. */
void story_put_script(story *s, str t, script_level level, bool note);
/* Something at this place of the paragraph was left out: the spaces around it become one. */
void story_leave_out(story *s);
/* Puts a space where a number of the paragraph would run into the one that `next` begins with. */
void story_keep_apart(story *s, str next);
/* The text of the open paragraph so far; NULL outside of one. */
text *story_text(story *s);
void story_end_paragraph(story *s);
/* A paragraph that stands behind the open one: a footnote, a comment. */
void story_put_behind(story *s, str t);
/* A block at once. */
void story_block(story *s, ingest_role role, uint8_t level, str t);

/* ---- tables. A table in a cell becomes text of that cell. */
void story_begin_table(story *s);
void story_begin_row(story *s, bool head);
/* `columns` that it spans, at least 1. `above`: it goes on from the row above, whose text it says
 * again. */
void story_begin_cell(story *s, unsigned columns, bool above);
/* Columns without a cell. */
void story_skip_columns(story *s, unsigned columns);
void story_end_cell(story *s);
void story_end_row(story *s);
void story_end_table(story *s);

/* From now on blocks are running heads and feet. */
void story_set_footer(story *s, bool footer);
/* The first heading of the highest level so far; empty if there was none. */
str story_title(const story *s);
/* Whether anything but running heads was written. */
bool story_has_text(const story *s);
/* Notes of what a document holds that is not in its story; deletions: places of tracked changes. */
void story_tell_losses(bool whole, size_t hidden_bytes, size_t struck_bytes, size_t deletions,
                       record_writer *out);
/* What was nested too deep to be kept apart, and so stands in one block with its surroundings. */
bool story_is_flattened(const story *s);

#endif
