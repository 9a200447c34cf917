/* The straight lines of a page: ruled lines, edges of boxes, thin bars that are painted. What
 * tables are told by where they are ruled (pdf_ruled.c). pdf_drawing.c reports each path as it
 * follows the page.
 */
#ifndef CARREL_INGEST_PDF_RULES_H
#define CARREL_INGEST_PDF_RULES_H

#include "base/base.h"

/* A line across the page, or down it. */
typedef struct {
    float at;       /* y of one across, x of one down */
    float from, to; /* where it begins and ends: the other coordinate */
} pdf_rule;

typedef struct {
    pdf_rule *list; /* sorted by `at`, then by `from`; those of one `at` do not touch */
    size_t count;
} pdf_rule_set;

typedef struct pdf_rule_path pdf_rule_path;

typedef struct {
    pdf_rule_set across, down;
    /* While a page is followed: what was painted, and what the open path has. */
    box *painted;
    size_t painted_count, painted_room;
    pdf_rule_path *path;
    size_t path_count, path_room;
    bool too_many; /* it is a map or a drawing; no lines are kept of it */
} pdf_rules;

/* Corners of one part of the open path, in their order; a rectangle. In the page's coordinates. */
void pdf_rules_add_part(pdf_rules *r, const float *x, const float *y, size_t count, arena *a);
void pdf_rules_add_box(pdf_rules *r, box b, arena *a);

/* Ends the path, which is filled or stroked, or neither; only what lies within `clip` is seen. */
void pdf_rules_end_path(pdf_rules *r, bool fills, bool strokes, box clip, arena *a);

/* Makes the sets, after the last path. */
void pdf_rules_finish(pdf_rules *r, arena *a);

/* Does a line go down the page between these two characters of one line? */
bool pdf_rules_part(const pdf_rules *r, box left, box right);

#define PDF_RULE_OFF_PT 6.0f /* a line that bounds a table is no farther off its text */
/* How many lines run across most of the table above the height y, those that bound it counted. */
size_t pdf_rules_above(const pdf_rules *r, box table, float y);

/* The same lines about a page that is turned to the right by quarters, as pdf_turned does. */
pdf_rules pdf_rules_turned(const pdf_rules *r, unsigned quarters, arena *a);

#endif
