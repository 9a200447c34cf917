/* A number of a sheet as its reader sees it. */
#ifndef CARREL_INGEST_PARSE_NUMBER_FORMAT_H
#define CARREL_INGEST_PARSE_NUMBER_FORMAT_H

#include "base/base.h"

/* The code of one of Excel's own formats; empty: general, or none of them. */
str number_builtin_format(long id);
/* Appends v as the format code says ("#,##0.00 [$€-407];[Red]-#,##0.00"). `since_1904`: days
 * count from 1904, as old Macintosh files have it. Nothing comes where the code hides the value
 * (";;;"). */
void number_put(text *out, double v, str code, bool since_1904);
/* As typed: no digits but those that the number has. */
void number_put_general(text *out, double v);
bool number_is_date(str code);
/* Whether a cell of this code shows nothing of its text (";;;"). */
bool number_hides_text(str code);

#endif
