/* Whether a file's first bytes are a mail message, a mailbox or a saved web page (kind.h).
 *
 * Mail has no magic number and often no extension (Maildir, Thunderbird's folders): what tells it is
 * that the file begins with header fields, and with several that only mail has. A note that begins
 * with "From:" is no mail. Plain comparisons of the first bytes; nothing is decoded.
 */
#ifndef CARREL_INGEST_KIND_MAIL_H
#define CARREL_INGEST_KIND_MAIL_H

#include "base/base.h"

/* So many of the fields below, before anything that is no header field. */
#define KIND_MAIL_FIELDS 3

/* The first line of s, without its end; *s loses it. */
static inline str kind_take_line(str *s) {
    size_t end = str_find(*s, STR("\n"), 0);
    str line = str_cut(*s, 0, end == SIZE_MAX ? s->n : end);
    *s = str_cut(*s, line.n + 1, s->n);
    return str_ends(line, STR("\r")) ? str_cut(line, 0, line.n - 1) : line;
}

/* "Name" of "Name: value", as RFC 5322 spells names; empty for any other line. */
static inline str kind_field_name(str line) {
    size_t n = 0;
    while (n < line.n && line.p[n] > ' ' && line.p[n] < 127 && line.p[n] != ':') n++;
    return n < line.n && line.p[n] == ':' ? str_cut(line, 0, n) : (str){NULL, 0};
}

static inline bool kind_is_mail_field(str name) {
    static const char *const fields[] = {"Return-Path",
                                         "Delivered-To",
                                         "Received",
                                         "From",
                                         "To",
                                         "Cc",
                                         "Subject",
                                         "Date",
                                         "Message-ID",
                                         "MIME-Version",
                                         "Content-Type",
                                         "Content-Transfer-Encoding",
                                         "Reply-To",
                                         "Sender",
                                         "Envelope-To",
                                         "References",
                                         "In-Reply-To",
                                         "List-Id",
                                         "Newsgroups",
                                         "DKIM-Signature",
                                         "Authentication-Results",
                                         "ARC-Seal",
                                         "X-Mozilla-Status",
                                         "X-Received",
                                         NULL};
    for (size_t i = 0; fields[i]; i++)
        if (str_eq_nocase(name, str_of(fields[i]))) return true;
    return false;
}

/* Several mail fields, and one that says who sent it or how it came. */
static inline bool kind_begins_mail(str head) {
    int fields = 0;
    bool sender = false;
    while (head.n > 0 && fields < KIND_MAIL_FIELDS) {
        str line = kind_take_line(&head), name = kind_field_name(line);
        bool folded = line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t');
        if (folded) continue;
        if (name.n == 0) return false;
        fields += kind_is_mail_field(name);
        sender = sender || str_eq_nocase(name, STR("From")) ||
                 str_eq_nocase(name, STR("Received")) || str_eq_nocase(name, STR("Return-Path")) ||
                 str_eq_nocase(name, STR("Delivered-To")) ||
                 str_eq_nocase(name, STR("X-Mozilla-Status"));
    }
    return fields == KIND_MAIL_FIELDS && sender;
}

/* "From somebody Tue Mar 12 14:05:31 2024", above a message of a mailbox. */
static inline bool kind_is_mbox_line(str line) {
    if (!str_starts(line, STR("From ")) || line.n < 20) return false;
    for (size_t i = 5; i + 5 <= line.n; i++) {
        const char *p = line.p + i;
        if (p[2] == ':' && p[0] >= '0' && p[0] <= '2' && p[1] >= '0' && p[1] <= '9' &&
            p[3] >= '0' && p[3] <= '5' && p[4] >= '0' && p[4] <= '9')
            return true;
    }
    return false;
}

static inline bool kind_begins_mbox(str head) {
    if (!kind_is_mbox_line(kind_take_line(&head))) return false;
    str next = kind_take_line(&head);
    return kind_field_name(next).n > 0 || str_starts(next, STR(">From "));
}

/* What browsers write above a page that they save in one file. */
static inline bool kind_is_saved_page(str head) {
    return str_find(head, STR("\nSnapshot-Content-Location:"), 0) != SIZE_MAX ||
           str_find(head, STR("<Saved by "), 0) != SIZE_MAX;
}

#endif
