/* Chooses the parser, and gives a name to what Carrel does not read, so that the reason of a
 * refused file says what it is. Decides by the first bytes and the name alone; parses nothing.
 */
#include "ingest/kind.h"
#include "ingest/parse/parse.h"

const parse_format *parse_find_format(const parse_input *in) {
    static const parse_format formats[KIND_COUNT] = {
        [KIND_PDF] = {.parse = parse_pdf, .member = parse_pdf_member},
        [KIND_HTML] = {.parse = parse_html},
        [KIND_MARKDOWN] = {.parse = parse_markdown},
        [KIND_TEXT] = {.parse = parse_text},
        [KIND_CSV] = {.parse = parse_csv},
        [KIND_RTF] = {.parse = parse_rtf},
        [KIND_MAIL] = {.parse = parse_mail,
                       .member = parse_mail_member,
                       .members = parse_mail_members},
        [KIND_ZIM] = {.parse = parse_zim, .member = parse_zim_member, .members = parse_zim_members},
        [KIND_MHTML] = {.parse = parse_mhtml, .member = parse_mhtml_member},
        [KIND_MBOX] = {.parse = parse_mbox, .member = parse_mbox_member},
        [KIND_PACKAGE] = {.parse = parse_package,
                          .member = parse_package_member,
                          .members = parse_package_members},
        [KIND_IMAGE] = {.parse = parse_image},
    };
    ingest_kind kind = kind_of(str_cut(in->bytes, 0, KIND_HEAD_BYTES), in->name);
    return formats[kind].parse ? &formats[kind] : NULL;
}

bool parse_is_document(const parse_input *in) {
    str head = str_cut(in->bytes, 0, KIND_HEAD_BYTES);
    return head.n > 0 && (kind_of(head, in->name) == KIND_GZIP || parse_find_format(in));
}

parse_remark *parse_remark_for(str name) {
    static const char *const texts[] = {
        "doc", "dot",   "xls",     "xlt", "xlsb", "ppt", "pps", "pub",  "msg", "wpd",  "wps",
        "one", "pages", "numbers", "key", "vsd",  "odg", "chm", "mobi", "azw", "djvu", "ps",
        "xps", "rar",   "7z",      "tar", "tgz",  "bz2", "xz",  "pst",  NULL};
    return kind_has_extension(name, texts) ? record_note : record_aside;
}

/* Compound files: Office before 2007, and Office since then under a password. */
static bool refuse_compound(str bytes, error *err) {
    static const char encrypted[] = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e";
    if (str_find(bytes, (str){encrypted, sizeof encrypted - 1}, 0) != SIZE_MAX)
        return error_set(err, ERROR_PASSWORD,
                         "this Office document is encrypted in a way that Carrel cannot open: save "
                         "it without a password");
    return error_set(
        err, ERROR_INPUT,
        "this is an old binary Office file or a mail of Outlook: save it as DOCX, XLSX, "
        "PPTX, PDF or EML");
}

#define READS \
    "PDF, HTML, Office, OpenDocument, EPUB, RTF, CSV, Markdown, text, mail, images and ZIP"

bool parse_refuse(const parse_input *in, error *err) {
    static const struct {
        str magic;
        const char *what;
    } known[] = {
        {STR("\x1f\x8b"), "a compressed file"},
        {STR("7z\xbc\xaf"), "a compressed file"},
        {STR("%!PS"), "a PostScript file"},
        {STR("\x7f"
             "ELF"),
         "a program"},
    };
    const char *what = NULL;
    if (str_starts(in->bytes, STR("\xd0\xcf\x11\xe0"))) return refuse_compound(in->bytes, err);
    for (size_t i = 0; i < sizeof known / sizeof *known && !what; i++)
        if (str_starts(in->bytes, known[i].magic)) what = known[i].what;
    str extension = kind_extension(in->name);
    if (what) return error_set(err, ERROR_INPUT, "this is %s, and Carrel reads " READS, what);
    if (extension.n > 0)
        return error_set(err, ERROR_INPUT, "Carrel reads " READS ", not ." STR_FMT " files",
                         STR_ARG(extension));
    return error_set(err, ERROR_INPUT, "this is none of what Carrel reads: " READS);
}
