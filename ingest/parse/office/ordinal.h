/* The number of a list item in the manner of its list. */
#ifndef CARREL_INGEST_PARSE_ORDINAL_H
#define CARREL_INGEST_PARSE_ORDINAL_H

#include "base/base.h"

/* style: '1', 'a', 'A', 'i' or 'I', as HTML and OpenDocument name them; what a style cannot write, and
 * any other style, is written in digits. */
void ordinal_put(text *out, char style, long v);

#endif
