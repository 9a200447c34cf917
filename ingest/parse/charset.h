/* What charset.c and charset_labels.c share. */
#ifndef CARREL_INGEST_PARSE_CHARSET_H
#define CARREL_INGEST_PARSE_CHARSET_H

#include "base/base.h"

#define CHARSET_UTF8 "UTF-8"
#define CHARSET_LATIN "WINDOWS-1252"

/* The encoding that a label stands for, by the name that iconv has for it; NULL for a label that
 * nobody knows. UTF-16 is CHARSET_UTF8 here: a declaration that could be read as bytes is not in
 * it. */
const char *charset_by_label(str label);
/* All names that charset_by_label gives and that iconv is needed for; NULL behind the last. */
const char *charset_iconv_name(size_t i);

#endif
