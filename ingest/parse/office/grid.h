/* Sheets and CSV: cells row by row become titles, tables and paragraphs. grid.c finds the tables and
 * their heads, so that every row can be read with its headings.
 */
#ifndef CARREL_INGEST_PARSE_GRID_H
#define CARREL_INGEST_PARSE_GRID_H

#include "ingest/parse/office/story.h"

typedef struct grid grid;

#define GRID_COLUMNS_MAX 16384u /* as many as a sheet may have */

grid *grid_new(story *s);
void grid_free(grid *g); /* NULL is fine */

/* Of the row that is open, in order of columns (from 0). `columns` is what a merged cell spans. */
void grid_cell(grid *g, uint32_t column, uint32_t columns, str t, bool is_number);
/* Rows count from 0 and only up; those left out are empty. */
void grid_end_row(grid *g, uint32_t row);
/* The sheet ends; the next begins with row 0. */
void grid_end(grid *g);

#endif
