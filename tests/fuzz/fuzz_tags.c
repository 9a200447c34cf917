/* Fuzz target: the structure of a tagged PDF. The bytes are the objects of its tree, a line each,
 * in a document around them whose page has marked content. Whatever they are, reading them ends,
 * and what is found points to elements that there are.
 */
#include <stdlib.h>
#include <string.h>

#include "ingest/parse/pdf/pdf_tags.h"
#include "tests/support/pdf_file.h"

#define FUZZ_BYTES (1u << 16)
#define OBJECTS_MAX 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_document(text *t, str tree) {
    static const char *const bodies[] = {
        "<</Type/Catalog/Pages 2 0 R/StructTreeRoot 7 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 300]/Contents 6 0 R/Resources 4 0 R>>",
        "<</Font<</F 5 0 R>>/Properties<</N<</MCID 2>>>>>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>",
        "<</Length 179>>\nstream\n/P <</MCID 0>> BDC BT /F 9 Tf 9 99 Td (one) Tj ET /Span <</MCID "
        "1>> "
        "BDC BT 9 80 Td (two) Tj ET EMC EMC /P /N BDC BT 9 60 Td (three) Tj ET EMC /Artifact BMC "
        "BT "
        "9 40 Td (four) Tj ET\nendstream"};
    pdf_file f = pdf_file_begin(t);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) pdf_file_put(&f, str_of(bodies[i]));
    for (size_t begin = 0; begin < tree.n && f.count < OBJECTS_MAX;) {
        const char *end = memchr(tree.p + begin, '\n', tree.n - begin);
        size_t n = end ? (size_t)(end - tree.p) - begin : tree.n - begin;
        pdf_file_put(&f, (str){tree.p + begin, n});
        begin += n + 1;
    }
    pdf_file_end(&f);
}

static void check(const pdf_tags *tags, const pdf_drawing *drawing) {
    size_t at = 0;
    for (size_t i = 0; i < drawing->count; i++) {
        uint32_t e = drawing->shows[i].element;
        if (e != PDF_ARTIFACT && e != PDF_PAGINATION && e != 0 && (!tags || e >= tags->count))
            abort();
    }
    while (tags) {
        str s = pdf_tags_next_alt(tags, 1, 0, &at);
        if (s.n == 0) break;
        if (!utf8_valid(s)) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const pdf_page_box page = {.width_pt = 400, .height_pt = 300, .crop_x1 = 400, .crop_y1 = 300};
    if (size > FUZZ_BYTES) return 0;
    text t = {0};
    arena *a = arena_new();
    pdf_drawing drawing;
    make_document(&t, (str){(const char *)data, size});
    pdf_drawings *d = pdf_drawings_open(text_str(&t), "");
    if (d) {
        pdf_tags *tags = pdf_tags_open(d, 1, a);
        pdf_follow_page(d, 1, &page, a, &drawing);
        check(tags, &drawing);
        pdf_tags_close(tags);
    }
    pdf_drawings_close(d);
    arena_free(a);
    text_free(&t);
    return 0;
}
