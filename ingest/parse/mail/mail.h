/* What the files of the mail parser share: mail.c (a message), mail_text.c (its plain text), mbox.c
 * (many of them). */
#ifndef CARREL_INGEST_PARSE_MAIL_H
#define CARREL_INGEST_PARSE_MAIL_H

#include "ingest/parse/mail/mime.h"

/* "Subject (Name, 2024-03-12)": a message in a list of messages. */
str mail_name(GMimeMessage *m, arena *a);

/* mail_text.c: on page 1. */
void mail_text_write(str utf8, bool flowed, bool delete_space, record_writer *out);
bool mail_text_is_encrypted(str utf8); /* by PGP, in its text */

#endif
