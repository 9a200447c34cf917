/* Fuzz target: the operators of a PDF page. The bytes are a content stream in a document around it
 * that has a font, a form, an image, layers and graphics states for them to use. Whatever they are,
 * following them ends, and what was found lies within bounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/parse/pdf/pdf_drawing.h"
#include "tests/support/pdf_file.h"

#define FUZZ_BYTES (1u << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_document(text *t, const uint8_t *data, size_t size) {
    static const char *const bodies[] = {
        "<</Type/Catalog/Pages 2 0 R/OCProperties<</OCGs[7 0 R]/D<</OFF[7 0 R]>>>>>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 300]/Contents 8 0 R/Resources 4 0 R>>",
        "<</Font<</F 5 0 R>>/XObject<</X 6 0 R>>/ExtGState<</A<</ca 0>>/B<</ca 1/BM/Multiply>>>>"
        "/Properties<</L 7 0 R>>/ColorSpace<</S[/Separation/Ink/DeviceGray<<>>]>>>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>",
        "<</Type/XObject/Subtype/Form/BBox[0 0 400 300]/Matrix[0 1 1 0 5 5]/Resources 4 0 R/Length "
        "36>>\nstream\n/X Do BT /F 9 Tf 9 9 Td (word) Tj ET\nendstream",
        "<</Type/OCG/Name(L)>>"};
    pdf_file f = pdf_file_begin(t);
    text content = {0};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) pdf_file_put(&f, str_of(bodies[i]));
    text_printf(&content, "<</Length %zu>>\nstream\n", size);
    text_put(&content, (str){(const char *)data, size});
    text_put(&content, STR("\nendstream"));
    pdf_file_put(&f, text_str(&content));
    pdf_file_end(&f);
    text_free(&content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const pdf_page_box page = {.width_pt = 400, .height_pt = 300, .crop_x1 = 400, .crop_y1 = 300};
    if (size > FUZZ_BYTES) return 0;
    text t = {0};
    arena *a = arena_new();
    pdf_drawing drawing;
    make_document(&t, data, size);
    pdf_drawings *d = pdf_drawings_open(text_str(&t), "");
    if (!d) abort();
    pdf_follow_page(d, 1, &page, a, &drawing);
    for (size_t i = 0; i < drawing.count; i++) {
        const pdf_show *s = &drawing.shows[i];
        if (!(s->x >= -1e6f && s->x <= 1e6f && s->y >= -1e6f && s->y <= 1e6f) ||
            s->hiding >= PDF_HIDINGS)
            abort();
    }
    pdf_drawings_close(d);
    arena_free(a);
    text_free(&t);
    return 0;
}
