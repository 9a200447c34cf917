/* Fuzz target: the parts of office documents. Bytes of a ZIP file hide XML from a fuzzer behind checksums and
 * compression, so here the first byte chooses a format and the rest is its main part, put into a package
 * of stored entries that this target writes.
 */
#include "fuzz_parse.h"

#define DOC "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
#define REL(id, type, target) "<Relationship Id='" id "' Type='" DOC type "' Target='" target "'/>"
#define RELS(items)                                                                              \
    "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>" items \
    "</Relationships>"

/* The part that is fuzzed comes first; what the format needs beside it behind. */
static const struct {
    const char *name, *others[6];
} kinds[] = {
    {"word/document.xml", {"", ""}},
    {"word/styles.xml",
     {"word/_rels/document.xml.rels", RELS(REL("a", "styles", "styles.xml")), "word/document.xml",
      "<w:document "
      "xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'><w:body><w:p>"
      "<w:pPr><w:pStyle w:val='a'/></w:pPr><w:r><w:t>x</w:t></w:r></w:p></w:body></w:document>"}},
    {"word/numbering.xml",
     {"word/_rels/document.xml.rels", RELS(REL("a", "numbering", "numbering.xml")),
      "word/document.xml",
      "<w:document "
      "xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'><w:body><w:p>"
      "<w:pPr><w:numPr><w:ilvl w:val='1'/><w:numId "
      "w:val='1'/></w:numPr></w:pPr><w:r><w:t>x</w:t></w:r>"
      "</w:p></w:body></w:document>"}},
    {"xl/worksheets/sheet1.xml",
     {"xl/_rels/workbook.xml.rels", RELS(REL("a", "worksheet", "worksheets/sheet1.xml")),
      "xl/workbook.xml",
      "<workbook xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main' xmlns:r="
      "'http://schemas.openxmlformats.org/officeDocument/2006/relationships'><sheets><sheet "
      "name='a' r:id='a'/>"
      "</sheets></workbook>"}},
    {"xl/styles.xml",
     {"xl/_rels/workbook.xml.rels",
      RELS(REL("a", "worksheet", "sheet1.xml") REL("b", "styles", "styles.xml")), "xl/workbook.xml",
      "<workbook xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main' xmlns:r="
      "'http://schemas.openxmlformats.org/officeDocument/2006/relationships'><sheets><sheet "
      "name='a' r:id='a'/>"
      "</sheets></workbook>",
      "xl/sheet1.xml",
      "<worksheet "
      "xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'><sheetData><row r='1'>"
      "<c s='0'><v>45413.75</v></c><c s='1'><v>-1234.5</v></c><c s='2'><v>0</v></c><c "
      "s='3'><v>1e300</v></c>"
      "</row></sheetData></worksheet>"}},
    {"ppt/slides/slide1.xml",
     {"ppt/_rels/presentation.xml.rels", RELS(REL("a", "slide", "slides/slide1.xml")),
      "ppt/presentation.xml",
      "<p:presentation xmlns:p='http://schemas.openxmlformats.org/presentationml/2006/main' "
      "xmlns:r="
      "'http://schemas.openxmlformats.org/officeDocument/2006/relationships'><p:sldIdLst><p:sldId "
      "r:id='a'/>"
      "</p:sldIdLst></p:presentation>"}},
    {"content.xml", {"mimetype", "application/vnd.oasis.opendocument.text"}},
    {"content.xml", {"mimetype", "application/vnd.oasis.opendocument.spreadsheet"}},
    {"content.xml", {"mimetype", "application/vnd.oasis.opendocument.presentation"}},
    {"a.opf",
     {"mimetype", "application/epub+zip", "META-INF/container.xml",
      "<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfile "
      "full-path='a.opf'/>"
      "</container>"}},
};

/* ---- a ZIP file of stored entries ----------------------------------------------------------- */

static uint32_t checksum(str s) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < s.n; i++) {
        crc ^= (unsigned char)s.p[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static void put_number(text *out, uint32_t v, int bytes) {
    for (int i = 0; i < bytes; i++) text_put_char(out, (char)(v >> 8 * i));
}

/* What the local header and the directory say alike. */
static void put_facts(text *out, str name, str body) {
    put_number(out, 20, 2);
    for (int i = 0; i < 4; i++) put_number(out, 0, 2); /* flags, stored, time, date */
    put_number(out, checksum(body), 4);
    put_number(out, (uint32_t)body.n, 4);
    put_number(out, (uint32_t)body.n, 4);
    put_number(out, (uint32_t)name.n, 2);
    put_number(out, 0, 2);
}

static void put_entry(text *zip, text *directory, str name, str body) {
    uint32_t at = (uint32_t)zip->n;
    text_put(zip, STR("PK\3\4"));
    put_facts(zip, name, body);
    text_put(zip, name);
    text_put(zip, body);
    text_put(directory, STR("PK\1\2"));
    put_number(directory, 20, 2);
    put_facts(directory, name, body);
    for (int i = 0; i < 3; i++) put_number(directory, 0, 2); /* comment, disk, kind */
    put_number(directory, 0, 4);
    put_number(directory, at, 4);
    text_put(directory, name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    text zip = {0}, directory = {0};
    uint32_t entries = 2;
    if (size == 0) return 0;
    size_t kind = data[0] % (sizeof kinds / sizeof *kinds);
    put_entry(&zip, &directory, str_of(kinds[kind].name), (str){(const char *)data + 1, size - 1});
    put_entry(&zip, &directory, STR("[Content_Types].xml"), STR("<Types/>"));
    for (size_t i = 0; i < 6 && kinds[kind].others[i] && *kinds[kind].others[i]; i += 2, entries++)
        put_entry(&zip, &directory, str_of(kinds[kind].others[i]),
                  str_of(kinds[kind].others[i + 1]));
    uint32_t at = (uint32_t)zip.n;
    text_put(&zip, text_str(&directory));
    text_put(&zip, STR("PK\5\6"));
    put_number(&zip, 0, 4);
    put_number(&zip, entries, 2);
    put_number(&zip, entries, 2);
    put_number(&zip, (uint32_t)directory.n, 4);
    put_number(&zip, at, 4);
    put_number(&zip, 0, 2);
    fuzz_parse(parse_package, (const uint8_t *)zip.p, zip.n);
    text_free(&zip);
    text_free(&directory);
    return 0;
}
