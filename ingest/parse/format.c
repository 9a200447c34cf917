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
    };
    ingest_kind kind = kind_of(str_cut(in->bytes, 0, KIND_HEAD_BYTES), in->name);
    return formats[kind].parse ? &formats[kind] : NULL;
}

bool parse_refuse(const parse_input *in, error *err) {
    static const struct {
        str magic;
        const char *what;
    } known[] = {
        {STR("PK\x03\x04"), "an Office, EPUB or ZIP file"},
        {STR("\xd0\xcf\x11\xe0"), "an old Office file"},
        {STR("{\\rtf"), "an RTF file"},
        {STR("\x89PNG"), "an image"},
        {STR("\xff\xd8\xff"), "an image"},
        {STR("GIF8"), "an image"},
        {STR("II*\0"), "an image"},
        {STR("MM\0*"), "an image"},
        {STR("\x1f\x8b"), "a compressed file"},
        {STR("7z\xbc\xaf"), "a compressed file"},
        {STR("%!PS"), "a PostScript file"},
        {STR("\x7f"
             "ELF"),
         "a program"},
    };
    const char *what = NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known && !what; i++)
        if (str_starts(in->bytes, known[i].magic)) what = known[i].what;
    str extension = kind_extension(in->name);
    if (what)
        return error_set(err, ERROR_INPUT,
                         "this is %s, and Carrel reads PDF, HTML, Markdown and text", what);
    if (extension.n > 0)
        return error_set(err, ERROR_INPUT,
                         "Carrel reads PDF, HTML, Markdown and text, not ." STR_FMT " files",
                         STR_ARG(extension));
    return error_set(err, ERROR_INPUT, "this is not PDF, HTML, Markdown or text");
}
