/* Lists: a line that announces, and the items below it. Room-private.
 */
#ifndef CARREL_QUERY_LIST_H
#define CARREL_QUERY_LIST_H

#include "index/index.h"

typedef struct {
    str heading;         /* what announces the items */
    uint32_t begin, end; /* bytes of the chunk's text: with the heading, where it stands there */
    uint32_t items;      /* where the first of them begins */
} query_list;

/* The next list of a chunk at or behind *pos, which moves behind it. Lists of one item are none. */
bool query_list_next(const index_chunk *c, size_t *pos, query_list *out);

/* Whether the question can be answered by the items below this heading: "who", "why" and "how many"
 * ask for something else, but where the heading has the same word. Of English alone; in other
 * languages every question may. */
bool query_list_may_answer(str question, str heading, arena *a);
/* A word that only asks for items: "include", "contain", "list". stem: as the index has it. */
bool query_list_is_asking(str stem);

#endif
