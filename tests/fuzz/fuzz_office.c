/* Fuzz target: the XML of office documents. A fuzzer finds no way through deflate and checksums, so
 * the target writes the ZIP file itself, stored, with sound neighbours; the input is one part of it.
 * The first byte says which.
 */
#include <string.h>
#include <zlib.h>

#include "fuzz_parse.h"

/* Entries of one package. */
#define ENTRIES 6

#define WORD "xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'"
#define RELATIONS "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define RELS_OPEN \
    "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>"
#define REL(id, kind, target) \
    "<Relationship Id='" id "' Type='" RELATIONS "/" kind "' Target='" target "'/>"
#define INPUT \
    { NULL, 0 }

typedef struct {
    str name, bytes; /* bytes.p == NULL: the input */
} entry;

static const entry word_styled = {
    STR("word/document.xml"),
    STR("<w:document " WORD "><w:body><w:p><w:pPr><w:pStyle w:val='a'/><w:numPr><w:ilvl w:val='0'/>"
        "<w:numId w:val='1'/></w:numPr></w:pPr><w:r><w:t>quince</w:t></w:r></w:p></w:body>"
        "</w:document>")};
static const entry odt_mimetype = {STR("mimetype"), STR("application/vnd.oasis.opendocument.text")};
static const entry workbook = {
    STR("xl/workbook.xml"),
    STR("<workbook xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main' "
        "xmlns:r='" RELATIONS "'><sheets><sheet name='Trees' sheetId='1' r:id='s1'/></sheets>"
        "</workbook>")};
static const entry workbook_rels = {STR("xl/_rels/workbook.xml.rels"),
                                    STR(RELS_OPEN REL("s1", "worksheet", "worksheets/sheet1.xml")
                                            REL("s2", "sharedStrings", "sharedStrings.xml") REL(
                                                "s3", "styles", "styles.xml") "</Relationships>")};
static const entry sheet = {
    STR("xl/worksheets/sheet1.xml"),
    STR("<worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'><sheetData>"
        "<row r='1'><c r='A1' t='s' s='1'><v>0</v></c><c r='B1' s='1'><v>42000.5</v></c></row>"
        "</sheetData></worksheet>")};
static const entry epub_mimetype = {STR("mimetype"), STR("application/epub+zip")};
static const entry epub_container = {
    STR("META-INF/container.xml"),
    STR("<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles><rootfile "
        "full-path='b.opf' media-type='application/oebps-package+xml'/></rootfiles></container>")};
static const entry epub_book = {
    STR("b.opf"),
    STR("<package xmlns='http://www.idpf.org/2007/opf'><manifest><item id='a' href='a.xhtml' "
        "media-type='application/xhtml+xml'/></manifest><spine><itemref "
        "idref='a'/></spine></package>")};
static const entry epub_chapter = {STR("a.xhtml"), STR("<html><body><p>quince</p></body></html>")};
static const entry slides = {
    STR("ppt/presentation.xml"),
    STR("<p:presentation xmlns:p='http://schemas.openxmlformats.org/presentationml/2006/main' "
        "xmlns:r='" RELATIONS "'><p:sldIdLst><p:sldId id='256' r:id='s1'/></p:sldIdLst>"
        "</p:presentation>")};
static const entry slides_rels = {
    STR("ppt/_rels/presentation.xml.rels"),
    STR(RELS_OPEN REL("s1", "slide", "slides/slide1.xml") "</Relationships>")};

static const entry odp_mimetype = {STR("mimetype"),
                                   STR("application/vnd.oasis.opendocument.presentation")};
static const entry ods_mimetype = {STR("mimetype"),
                                   STR("application/vnd.oasis.opendocument.spreadsheet")};
static const entry strings = {STR("xl/sharedStrings.xml"), STR("<sst><si><t>Month</t></si></sst>")};

/* The parts that are the input. */
static const entry any_book = {STR("b.opf"), INPUT};
static const entry any_chapter = {STR("a.xhtml"), INPUT};
static const entry any_content = {STR("content.xml"), INPUT};
static const entry any_document = {STR("word/document.xml"), INPUT};
static const entry any_numbering = {STR("word/numbering.xml"), INPUT};
static const entry any_presentation = {STR("ppt/presentation.xml"), INPUT};
static const entry any_strings = {STR("xl/sharedStrings.xml"), INPUT};
static const entry any_sheet = {STR("xl/worksheets/sheet1.xml"), INPUT};
static const entry any_sheet_styles = {STR("xl/styles.xml"), INPUT};
static const entry any_slide = {STR("ppt/slides/slide1.xml"), INPUT};
static const entry any_word_styles = {STR("word/styles.xml"), INPUT};

/* carrel-parse tells each kind by its entries. NULL ends a package that has fewer than it could. */
static const entry *const packages[][ENTRIES] = {
    {&any_document},
    {&word_styled, &any_word_styles},
    {&word_styled, &any_numbering},
    {&odt_mimetype, &any_content},
    {&ods_mimetype, &any_content},
    {&odp_mimetype, &any_content},
    {&workbook, &workbook_rels, &any_sheet, &strings},
    {&workbook, &workbook_rels, &sheet, &any_strings},
    {&workbook, &workbook_rels, &sheet, &any_sheet_styles},
    {&epub_mimetype, &epub_container, &any_book, &epub_chapter},
    {&epub_mimetype, &epub_container, &epub_book, &any_chapter},
    {&slides, &slides_rels, &any_slide},
    {&any_presentation, &slides_rels},
};
#define PACKAGES (sizeof packages / sizeof *packages)

static void put_number(text *out, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) text_put_char(out, (char)(value >> (8 * i)));
}

/* What a local header and a directory entry have in common. */
static void put_header(text *out, const entry *e, str bytes) {
    put_number(out, 20, 2);          /* version */
    put_number(out, 0, 2);           /* flags */
    put_number(out, 0, 2);           /* stored */
    put_number(out, 33ull << 16, 4); /* 1980-01-01 */
    put_number(out, crc32(0, (const Bytef *)(bytes.p ? bytes.p : ""), (uInt)bytes.n), 4);
    put_number(out, bytes.n, 4);
    put_number(out, bytes.n, 4);
    put_number(out, e->name.n, 2);
    put_number(out, 0, 2);
}

static void put_zip(text *out, const entry *const *entries, str input) {
    text directory = {0};
    size_t count = 0;
    for (; count < ENTRIES && entries[count]; count++) {
        const entry *e = entries[count];
        str bytes = e->bytes.p ? e->bytes : input;
        size_t at = out->n;
        text_put(out, STR("PK\x03\x04"));
        put_header(out, e, bytes);
        text_put(out, e->name);
        text_put(out, bytes);
        text_put(&directory, STR("PK\x01\x02"));
        put_number(&directory, 20, 2);
        put_header(&directory, e, bytes);
        put_number(&directory, 0, 2 + 2 + 2); /* comment, disk, inner attributes */
        put_number(&directory, 0, 4);         /* outer attributes */
        put_number(&directory, at, 4);
        text_put(&directory, e->name);
    }
    size_t at = out->n;
    text_put(out, text_str(&directory));
    text_put(out, STR("PK\x05\x06"));
    put_number(out, 0, 4);
    put_number(out, count, 2);
    put_number(out, count, 2);
    put_number(out, directory.n, 4);
    put_number(out, at, 4);
    put_number(out, 0, 2);
    text_free(&directory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    text zip = {0};
    put_zip(&zip, packages[data[0] % PACKAGES], (str){(const char *)data + 1, size - 1});
    fuzz_container(parse_package, parse_package_member, (const uint8_t *)zip.p, zip.n);
    text_free(&zip);
    return 0;
}
