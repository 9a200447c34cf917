/* Parts a reply into what the model thinks aloud and what it answers, as the bytes come. Room-private.
 */
#ifndef CARREL_QUERY_THINKING_H
#define CARREL_QUERY_THINKING_H

#include "base/base.h"

typedef enum {
    THINKING_AHEAD,  /* only white space so far: a section may open */
    THINKING_INSIDE, /* in a section */
    THINKING_OVER    /* in the answer; nothing opens any more */
} query_thinking_state;

typedef struct {
    query_thinking_state state;
    bool after; /* a section has been closed */
    text held;  /* bytes that may yet be part of a mark */
} query_thinking;

/* opened: the prompt has opened a section. Free it with query_thinking_free. */
void query_thinking_start(query_thinking *t, bool opened);
void query_thinking_free(query_thinking *t);
/* The next bytes of the reply, cut anywhere; appends each to where it belongs. */
void query_thinking_take(query_thinking *t, str bytes, text *thought, text *answer);
/* The section is closed by the caller, where one is open. */
void query_thinking_close(query_thinking *t, text *thought);
/* The reply is over: what was held back goes where it belongs. */
void query_thinking_finish(query_thinking *t, text *thought, text *answer);

#endif
