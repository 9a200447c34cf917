/* carrel-parse: the process that sees documents. serve.c is how it lives; here stands what it does in
 * each child, and what it loads before it locks itself in.
 */
#include <unistd.h>

#include "ingest/parse/mail/mime.h"
#include "ingest/parse/parse.h"
#include "ingest/parse/serve.h"

static bool read_document(const parse_input *in, const worker_request *request, record_writer *w,
                          error *err) {
    (void)request;
    const parse_format *format = parse_find_format(in);
    return format ? format->parse(in, w, err) : parse_refuse(in, err);
}

/* The samples touch what parsing loads late: converters, tables, type registrations. */
static void warm_up(void) {
    static const char mail[] =
        "From: =?iso-8859-1?q?w=E4rm?= <w@example.org>\nSubject: w\nDate: Tue, 12 Mar 2024 "
        "14:05:00 "
        "+0100\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nwarm\n--b\nContent-Type: "
        "text/html\nContent-Transfer-Encoding: base64\n\nPHA+dzwvcD4=\n--b--\n";
    static const char html[] = "<!doctype html><title>w</title><h1>w</h1><p>warm &eacute;</p>";
    const ingest_limits limits = {.pages = 1};
    const struct {
        str bytes, name;
    } samples[] = {{parse_pdf_keep_warm(), STR("w.pdf")},
                   {STR(html), STR("w.html")},
                   {STR(mail), STR("w.eml")},
                   {STR("# w\n\nwarm\n"), STR("w.md")},
                   {STR("warm\n"), STR("w.txt")}};
    mime_warm_up();
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        parse_input in = {.bytes = samples[i].bytes, .name = samples[i].name, .limits = &limits};
        record_writer *w = record_writer_new(STDOUT_FILENO);
        error ignored; /* a sample that fails warms less, and nothing else */
        read_document(&in, NULL, w, &ignored);
        record_writer_free(w);
    }
}

int main(void) {
    /* Poppler's maps for CJK fonts that are not embedded. */
    static const char *const readable_folders[] = {"/usr/share/poppler", NULL};
    static const serve_program program = {.name = "carrel-parse",
                                          .readable_folders = readable_folders,
                                          .warm_up = warm_up,
                                          .read = read_document};
    return serve_documents(&program);
}
