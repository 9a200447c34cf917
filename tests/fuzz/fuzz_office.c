/* Fuzz target: the XML of office documents. A fuzzer finds no way through deflate and checksums, so
 * the target writes the ZIP file itself, stored, with sound neighbours; the input is one part of it.
 * The first byte says which.
 */
#include <string.h>
#include <zlib.h>

#include "fuzz_parse.h"

/* Entries of one package, the directory of each 46 bytes and its name. */
#define ENTRIES 4

typedef struct {
    str name, bytes; /* bytes.p == NULL: the input */
} entry;

/* The packages that carrel-parse tells by these entries; what is empty at the end is not there. */
static const entry packages[][ENTRIES] = {
    {{STR("word/document.xml"), {NULL, 0}}},
    {{STR("word/document.xml"),
      STR("<w:document xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'>"
          "<w:body><w:p><w:pPr><w:pStyle w:val='a'/><w:numPr><w:ilvl w:val='0'/><w:numId "
          "w:val='1'/></w:numPr></w:pPr><w:r><w:t>quince</w:t></w:r></w:p></w:body></w:document>")},
     {STR("word/styles.xml"), {NULL, 0}}},
    {{STR("word/document.xml"),
      STR("<w:document xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'>"
          "<w:body><w:p><w:pPr><w:numPr><w:ilvl w:val='0'/><w:numId w:val='1'/></w:numPr></w:pPr>"
          "<w:r><w:t>quince</w:t></w:r></w:p></w:body></w:document>")},
     {STR("word/numbering.xml"), {NULL, 0}}},
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

static void put_zip(text *out, const entry *entries, str input) {
    text directory = {0};
    size_t count = 0;
    for (; count < ENTRIES && entries[count].name.n > 0; count++) {
        const entry *e = &entries[count];
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
    fuzz_document(parse_package, parse_package_member, STR("fuzz"), (const uint8_t *)zip.p, zip.n);
    text_free(&zip);
    return 0;
}
