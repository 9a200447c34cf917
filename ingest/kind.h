/* Which of the formats a file is, by its first bytes and then by its name's extension. One
 * function for both sides of the wall: carrel asks it to choose files in a folder
 * (ingest_supported), carrel-parse to choose a parser (parse_format). It looks at bytes with
 * plain comparisons and never interprets them; that is why carrel may call it.
 */
#ifndef CARREL_INGEST_KIND_H
#define CARREL_INGEST_KIND_H

#include "ingest/kind_mail.h"

typedef enum {
    KIND_OTHER,
    KIND_PDF,
    KIND_HTML,
    KIND_MARKDOWN,
    KIND_TEXT,
    KIND_CSV,
    KIND_RTF,
    KIND_MAIL,    /* one message */
    KIND_MBOX,    /* many */
    KIND_MHTML,   /* a saved page with its parts */
    KIND_IMAGE,   /* a scan or photograph of a page */
    KIND_PACKAGE, /* a ZIP file: an office document, an EPUB, an archive; carrel-parse looks */
    KIND_ZIM,     /* an offline web site (Kiwix) */
    KIND_GZIP,    /* one compressed file of another kind: unpacked before anything looks at it */
    KIND_COUNT
} ingest_kind;

/* As far as Adobe's readers look for "%PDF-" (PDF 1.7 reference, implementation note 13). */
#define KIND_HEAD_BYTES 1024u

/* What stands behind the last dot of the last path component; empty where there is none. */
static inline str kind_extension(str name) {
    for (size_t i = name.n; i > 0 && name.p[i - 1] != '/'; i--)
        if (name.p[i - 1] == '.' && i > 1 && name.p[i - 2] != '/') return str_cut(name, i, name.n);
    return (str){NULL, 0};
}

static inline bool kind_has_extension(str name, const char *const list[]) {
    str extension = kind_extension(name);
    for (size_t i = 0; list[i]; i++)
        if (str_eq_nocase(extension, str_of(list[i]))) return true;
    return false;
}

/* Among what a browser saved with a page: a document that stands for itself, by its name. All else
 * is a piece of the page: pictures, styles, scripts, frames. */
static inline bool kind_is_own_document(str name) {
    static const char *const own[] = {"pdf", "docx", "xlsx", "pptx", "odt", "ods", "odp", "epub",
                                      "rtf", "csv",  "tsv",  "md",   "txt", "eml", "mht", "mhtml",
                                      "zip", "zim",  "doc",  "xls",  "ppt", NULL};
    return kind_has_extension(name, own);
}

/* True where the text begins as HTML does, after a BOM, white space and comments. */
static inline bool kind_begins_html(str head) {
    static const char *const openings[] = {"<!doctype html", "<html", "<head", "<body", NULL};
    if (str_starts(head, STR("\xef\xbb\xbf"))) head = str_cut(head, 3, head.n);
    for (head = str_trim(head); str_starts(head, STR("<!--")) || str_starts(head, STR("<?xml"));) {
        size_t end = str_find(head, STR(">"), 0);
        if (str_starts(head, STR("<!--"))) end = str_find(head, STR("-->"), 0);
        if (end == SIZE_MAX) return false;
        size_t next = str_find(head, STR(">"), end) + 1;
        head = str_trim(str_cut(head, next, head.n));
    }
    for (size_t i = 0; openings[i]; i++) {
        str o = str_of(openings[i]);
        if (str_eq_nocase(str_cut(head, 0, o.n), o)) return true;
    }
    return false;
}

/* Compound files (OLE): what to do with an old Office file, or a new one under a password; NULL
 * where it is another of them, or none. */
static inline const char *kind_old_office(str head, str name) {
    static const char *const word[] = {"doc", "dot", NULL}, *const excel[] = {"xls", "xlt", NULL};
    static const char *const slides[] = {"ppt", "pps", "pot", NULL};
    static const char *const now[] = {"docx", "xlsx", "pptx", NULL}, *const mail[] = {"msg", NULL};
    if (!str_starts(head, STR("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"))) return NULL;
    if (kind_has_extension(name, word)) return "an old Word file: save it as .docx";
    if (kind_has_extension(name, excel)) return "an old Excel file: save it as .xlsx";
    if (kind_has_extension(name, slides)) return "an old PowerPoint file: save it as .pptx";
    if (kind_has_extension(name, mail)) return "a mail of Outlook: save it as .eml";
    if (kind_has_extension(name, now))
        return "an old Office file, or one under a password: save it anew, without a password";
    return NULL;
}

/* Formats that begin with bytes of their own. */
static inline ingest_kind kind_of_magic(str head) {
    static const struct {
        str magic;
        ingest_kind kind;
    } known[] = {
        {STR("PK\x03\x04"), KIND_PACKAGE},
        {STR("PK\x05\x06"), KIND_PACKAGE}, /* an archive of nothing */
        {STR("ZIM\x04"), KIND_ZIM},
        {STR("\x1f\x8b\x08"), KIND_GZIP},
        {STR("{\\rtf"), KIND_RTF},
        {STR("\x89PNG\r\n\x1a\n"), KIND_IMAGE},
        {STR("\xff\xd8\xff"), KIND_IMAGE}, /* JPEG */
        {STR("II*\0"), KIND_IMAGE},        /* TIFF */
        {STR("MM\0*"), KIND_IMAGE},
        {STR("GIF87a"), KIND_IMAGE},
        {STR("GIF89a"), KIND_IMAGE},
        {STR("\0\0\0\x0cjP  \r\n\x87\n"), KIND_IMAGE}, /* JPEG 2000 */
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_starts(head, known[i].magic)) return known[i].kind;
    if (str_starts(head, STR("RIFF")) && str_eq(str_cut(head, 8, 12), STR("WEBP")))
        return KIND_IMAGE;
    /* BMP: two letters say little, so its reserved zeros and the size of its header must fit. */
    if (str_starts(head, STR("BM")) && str_eq(str_cut(head, 6, 10), STR("\0\0\0\0")) &&
        (str_eq(str_cut(head, 14, 18), STR("\x28\0\0\0")) ||
         str_eq(str_cut(head, 14, 18), STR("\x6c\0\0\0")) ||
         str_eq(str_cut(head, 14, 18), STR("\x7c\0\0\0"))))
        return KIND_IMAGE;
    return KIND_OTHER;
}

static inline ingest_kind kind_of_mail(str head, str name) {
    static const char *const mail[] = {"eml", NULL}, *const mbox[] = {"mbox", "mbx", NULL};
    static const char *const mhtml[] = {"mht", "mhtml", NULL};
    /* whatever they begin with: git writes patches as mail, and they are nobody's documents */
    static const char *const other[] = {"md",  "markdown", "mkd",  "html", "htm",
                                        "pdf", "patch",    "diff", NULL};
    if (kind_has_extension(name, mail)) return KIND_MAIL;
    if (kind_has_extension(name, mbox)) return KIND_MBOX;
    if (kind_has_extension(name, mhtml)) return KIND_MHTML;
    if (kind_has_extension(name, other)) return KIND_OTHER;
    if (kind_begins_mbox(head)) return KIND_MBOX;
    if (!kind_begins_mail(head)) return KIND_OTHER;
    return kind_is_saved_page(head) ? KIND_MHTML : KIND_MAIL;
}

/* "notes.txt" of "notes.txt.gz"; what is no such name stays as it is. */
static inline str kind_unpacked_name(str name) {
    static const char *const gzip[] = {"gz", NULL};
    return kind_has_extension(name, gzip) ? str_cut(name, 0, name.n - 3) : name;
}

/* `head` is the first KIND_HEAD_BYTES of the file, or all of it. */
static inline ingest_kind kind_of(str head, str name) {
    static const char *const markdown[] = {"md", "markdown", "mkd", NULL};
    static const char *const plain[] = {"txt", "text", "log", "rst", NULL};
    static const char *const html[] = {"html", "htm", "xhtml", "xht", NULL};
    static const char *const pdf[] = {"pdf", NULL};
    static const char *const csv[] = {"csv", "tsv", "tab", NULL};
    /* ZIP files that are no archives of anybody's documents */
    static const char *const programs[] = {"jar", "war", "aar", "apk",   "ipa",
                                           "xpi", "crx", "whl", "nupkg", NULL};
    head = str_cut(head, 0, KIND_HEAD_BYTES);
    if (kind_of_mail(head, name) != KIND_OTHER) return kind_of_mail(head, name);
    if (str_starts(head, STR("%PDF-"))) return KIND_PDF;
    ingest_kind magic = kind_of_magic(head);
    if (magic == KIND_GZIP) /* of an archive or a program it is of no use */
        return kind_of(STR("text"), kind_unpacked_name(name)) != KIND_OTHER ? KIND_GZIP
                                                                            : KIND_OTHER;
    if (magic == KIND_PACKAGE && kind_has_extension(name, programs)) return KIND_OTHER;
    if (magic != KIND_OTHER) return magic;
    /* with something before it; an archive that begins with a PDF was seen above */
    if (str_find(head, STR("%PDF-"), 0) != SIZE_MAX && !kind_has_extension(name, markdown))
        return KIND_PDF;
    if (kind_has_extension(name, markdown)) return KIND_MARKDOWN;
    if (kind_has_extension(name, plain)) return KIND_TEXT;
    if (kind_has_extension(name, csv)) return KIND_CSV;
    if (kind_has_extension(name, html) || kind_begins_html(head)) return KIND_HTML;
    if (kind_has_extension(name, pdf)) return KIND_PDF;
    /* README and its like: text where it is clean. A character may be cut at the head's end. */
    if (kind_extension(name).n == 0 && head.n > 0 && str_find(head, STR("\0"), 0) == SIZE_MAX) {
        size_t whole = head.n < KIND_HEAD_BYTES ? head.n : utf8_floor(head, head.n - 1);
        if (utf8_valid(str_cut(head, 0, whole))) return KIND_TEXT;
    }
    return KIND_OTHER;
}

#endif
