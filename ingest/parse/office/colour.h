/* Colours of office documents, as far as it matters whether text can be seen. */
#ifndef CARREL_INGEST_PARSE_COLOUR_H
#define CARREL_INGEST_PARSE_COLOUR_H

#include "base/base.h"

/* "FFFFFF", "#fefefe": white, or so near to it that nobody can read it on paper. */
bool colour_is_white(str hex);
bool colour_parts_are_white(long red, long green, long blue);

#endif
