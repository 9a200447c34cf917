/* MIME messages in memory, over GMime: what mail.c, mbox.c and mhtml.c share. mime.c opens a message,
 * decodes headers and bodies; what is the text of a message and what is attached is decided by those
 * who ask.
 */
#ifndef CARREL_INGEST_PARSE_MIME_H
#define CARREL_INGEST_PARSE_MIME_H

#include <gmime/gmime.h>

#include "ingest/parse/parse.h"

typedef struct {
    GByteArray *bytes; /* the caller's, wrapped */
    GMimeMessage *message;
} mime;

/* Before the lock: GMime and the converters that headers may name. */
void mime_warm_up(void);

/* The bytes stay the caller's and must outlive the message. A "From " line above it is skipped. */
bool mime_open(str bytes, mime *out, error *err);
void mime_close(mime *m); /* fine with a zeroed one */

/* A header as a person reads it, in UTF-8; empty where there is none. */
str mime_header(GMimeMessage *m, const char *name, arena *a);
str mime_addresses(InternetAddressList *list, arena *a);
/* Year, month 1..12, day; hour and minute; false where the message states no date that can be read. */
typedef struct {
    int year, month, day, hour, minute, offset_minutes;
} mime_date;
bool mime_date_of(GMimeMessage *m, mime_date *out);

/* ---- parts -------------------------------------------------------------------------------- */

bool mime_is_type(GMimeObject *o, const char *type, const char *subtype); /* "*" is any */
str mime_type_name(GMimeObject *o, arena *a);                             /* "text/plain" */
str mime_parameter(GMimeObject *o, const char *name, arena *a);           /* of Content-Type */
/* As the sender named the file, without folders; empty where it has no name. */
str mime_file_name(GMimeObject *o, arena *a);
/* Meant to be kept beside the text, not shown in it. */
bool mime_is_attached(GMimeObject *o);

/* Decodes a part: fills `head` (may be NULL) with its first KIND_HEAD_BYTES, gives its size. */
uint64_t mime_measure(GMimePart *part, text *head);
/* All of it, decoded. */
bool mime_decode(GMimePart *part, uint64_t limit_bytes, text *out, error *err);
/* A message inside a message, as bytes of its own. */
bool mime_write(GMimeMessage *m, uint64_t limit_bytes, text *out, error *err);

/* ---- the leaves of a message ------------------------------------------------------------------ */

typedef enum {
    MIME_TEXT,       /* of the message itself */
    MIME_OTHER_TEXT, /* another form of what is shown: left out in silence */
    MIME_MESSAGE,    /* a message inside the message */
    MIME_FILE,
    MIME_LOCKED, /* encrypted */
    MIME_SEALED, /* signed in a form that hides its text */
    MIME_NOTHING /* signatures: of no use to a reader */
} mime_role;

typedef struct {
    GMimeObject *object; /* of the message */
    mime_role role;
    bool related; /* belongs to a page of HTML: a picture in it */
} mime_leaf;

typedef struct {
    mime_leaf *items; /* in the order of the message; an index names a leaf */
    size_t count, room;
    size_t unseen; /* lie too deep, or are too many */
} mime_leaves;

void mime_leaves_find(const mime *m, mime_leaves *out); /* mime_leaves.c */
void mime_leaves_free(mime_leaves *l);

#endif
