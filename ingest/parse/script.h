/* Raised and lowered letters, of every format, as one line of text in which no number changes: "10"
 * and a raised "5" are 10⁵, and "250" and the raised mark of a note are "250 [1]", never 105 or
 * 2501. */
#ifndef CARREL_INGEST_PARSE_SCRIPT_H
#define CARREL_INGEST_PARSE_SCRIPT_H

#include "base/base.h"

typedef enum { SCRIPT_BASE, SCRIPT_RAISED, SCRIPT_LOWERED } script_level;

/* What waits for what follows it, of one line of text. Zeroed it is ready. */
typedef struct {
    text held;
    script_level level; /* of what is held */
    bool note;          /* it leads to a note */
    uint64_t labels;    /* bit n: the document has a note that begins with a raised n */
    /* where the last raised number went, which may turn out to be the upper half of a fraction */
    size_t upper_at, upper_end, upper_n;
    char upper[4];
} script_state;

/* Appends t to `to`, as soon as it is known what it is; `note` says that it leads to a note. */
void script_put(script_state *s, text *to, str t, script_level level, bool note);
/* Appends what waits: nothing follows, or `next` does. */
void script_flush(script_state *s, text *to, str next);
void script_free(script_state *s);

/* A power of what stands before it: ⁵, ⁻³, else ^n or ^(n+1). An index: ₂, else _n or _(n+1). */
void script_put_power(text *to, str t);
void script_put_index(text *to, str t);
/* "1/2" as one character where there is one; false where there is none. */
bool script_put_fraction(text *to, str upper, str lower);

#endif
