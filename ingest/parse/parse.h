/* carrel-parse: one document's bytes become records. This program alone sees raw documents, and
 * only after confine.c has locked it in. Each format is one file with one function below; they
 * share nothing but the record writer.
 */
#ifndef CARREL_INGEST_PARSE_H
#define CARREL_INGEST_PARSE_H

#include "ingest/record.h"

/* What a parser is given: the bytes (mapped, read-only), the name for the title of last resort. */
typedef struct {
    str bytes;
    str name;     /* file name without folder */
    str password; /* empty: none was given */
    const ingest_limits *limits;
} parse_input;

/* Writes records. A document that asks for a password fails with ERROR_PASSWORD. A container names
 * the documents inside it (record_part) and never parses them itself: each is read in a process of
 * its own, which asks the member function for it. */
typedef bool parse_fn(const parse_input *in, record_writer *out, error *err);

/* The bytes and the name of the member that record_part called `id`; `a` holds them to the end
 * of the process. Unpacked sizes are checked against in->limits->file_bytes before they are
 * believed. */
typedef bool parse_member_fn(const parse_input *in, uint64_t id, arena *a, parse_input *out,
                             error *err);

/* Several of them, so that a container is opened once: calls give(to, member, failed) for each id
 * in turn, where one of the two is NULL, and ends early where that says so. What is given lives
 * until then. */
typedef bool parse_give_fn(void *to, const parse_input *member, const error *failed);
typedef bool parse_members_fn(const parse_input *in, const uint64_t *ids, size_t count,
                              parse_give_fn *give, void *to, error *err);

typedef struct {
    parse_fn *parse;
    parse_member_fn *member;   /* NULL: nothing is inside */
    parse_members_fn *members; /* NULL: opening costs next to nothing, or there are few */
} parse_format;

parse_fn parse_pdf; /* pdf.c ...: poppler-glib, libqpdf */
parse_member_fn parse_pdf_member;
/* Poppler drops its tables with the last open document: opens a sample, whose bytes it gives, and
 * never closes it. */
str parse_pdf_keep_warm(void);
parse_fn parse_html;     /* html.c: libxml2 */
parse_fn parse_markdown; /* markdown.c */
parse_fn parse_text;     /* text.c */
parse_fn parse_csv;      /* csv.c */
parse_fn parse_rtf;      /* rtf.c */
parse_fn parse_package;  /* package_kind.c: libzip, and the parser that the package needs */
parse_member_fn parse_package_member;
parse_members_fn parse_package_members;

parse_fn parse_mail; /* mail.c: GMime */
parse_member_fn parse_mail_member;
parse_members_fn parse_mail_members;
parse_fn parse_mbox; /* mbox.c */
parse_member_fn parse_mbox_member;
parse_fn parse_mhtml; /* mhtml.c */
parse_member_fn parse_mhtml_member;
parse_fn parse_zim; /* zim.c: zstd, lzma */
parse_member_fn parse_zim_member;
parse_members_fn parse_zim_members;

/* What every parser says of text with a line through it, which no longer holds: how much of it. */
#define PARSE_STRUCK_NOTE "%zu bytes of struck-out text were left out"

/* Text inside another document, on its page 1: paragraphs, lists and tables as parse_text finds
 * them, but no headings and no running heads. */
void parse_text_inside(str utf8, record_writer *out);
/* The same for HTML: all of it that a browser shows, with no search for the main part. Notes what
 * it left out. */
bool parse_html_inside(str bytes, str charset, record_writer *out, error *err);
/* How much it would write: bytes without white space, rows of tables of data. */
typedef struct {
    size_t text_bytes, table_rows;
} parse_html_size;
bool parse_html_measure(str bytes, str charset, parse_html_size *out, error *err);

/* gzip.c: what is compressed as a whole (KIND_GZIP) is replaced by what it unpacks to, and its name
 * loses ".gz"; anything else stays as it is. Comes before everything that looks at the bytes. */
bool parse_unpack(parse_input *in, arena *a, error *err);
parse_fn parse_image; /* image.c: pages without text, for carrel-ocr */

/* By the first bytes, then by the name's extension; NULL for what Carrel does not read. */
const parse_format *parse_find_format(const parse_input *in);
/* Is this, in a container, a document to be read? Its first KIND_HEAD_BYTES suffice. */
bool parse_is_document(const parse_input *in);
/* How a container tells of a file in it that is no document to be read: as a loss where the name is
 * that of a format of texts or archives that Carrel does not know, else as an aside. */
typedef void parse_remark(record_writer *out, const char *format, ...);
parse_remark *parse_remark_for(str name);
/* Why parse_find_format gave NULL; returns false. */
bool parse_refuse(const parse_input *in, error *err);

/* charset.c: any bytes to UTF-8. BOM (UTF-8, UTF-16), then `declared` (may be empty), then UTF-8 if
 * it is valid, else windows-1252. NFC, and every line ends with one LF. False for bytes that are
 * no text (NUL bytes, binary), and for a declared encoding that cannot be read. The first call
 * of a process loads the C library's tables, and so must come before the process is confined. */
bool parse_to_utf8(str bytes, str declared, text *out, error *err);

#endif
