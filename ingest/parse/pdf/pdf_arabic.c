/* What Arabic words need beside their order, which poppler gives.
 *
 * Lam and alef are drawn as one glyph. Poppler splits its box evenly between the two letters and
 * then turns the word round letter by letter, so that they come out as alef, lam: a word that
 * nobody finds. Two halves of one width, wider than an alef is on this page, are such a glyph; so
 * is an alef with hamza or madda behind a plain one, which no word has.
 *
 * Letters stored as the shapes they have in a word (presentation forms) become the letters.
 */
#include <math.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "ingest/parse/pdf/pdf.h"

#define ALEF 0x627u
#define LAM 0x644u
#define SAME_WIDTH 0.05f /* halves of one glyph differ by no more than rounding, of their width */
#define WIDER 1.12f      /* than an alef: half of the glyph */

static bool is_alef(uint32_t c) {
    return c == ALEF || c == 0x622 || c == 0x623 || c == 0x625;
}

bool pdf_is_presentation_form(uint32_t c) {
    return (c >= 0xFB50 && c <= 0xFDFF) || (c >= 0xFE70 && c <= 0xFEFC);
}

void pdf_put_letters(text *t, uint32_t form) {
    utf8proc_int32_t letters[20];
    int boundary = 0;
    utf8proc_ssize_t n =
        utf8proc_decompose_char((utf8proc_int32_t)form, letters, sizeof letters / sizeof *letters,
                                UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, &boundary);
    if (n <= 0 || n > (utf8proc_ssize_t)(sizeof letters / sizeof *letters)) {
        text_put_codepoint(t, form);
        return;
    }
    for (utf8proc_ssize_t i = 0; i < n; i++)
        if (letters[i] != ' ') text_put_codepoint(t, (uint32_t)letters[i]); /* under a lone mark */
}

bool pdf_mend_word(uint32_t *letters, const float *widths, size_t count, float alef_width) {
    bool mended = false;
    for (size_t i = 0; i + 1 < count; i++) {
        if (!is_alef(letters[i]) || letters[i + 1] != LAM) continue;
        float a = widths[count - 1 - i], b = widths[count - 2 - i];
        bool halves = alef_width > 0 && fabsf(a - b) <= SAME_WIDTH * a && a > WIDER * alef_width;
        bool never = i > 0 && letters[i - 1] == ALEF && letters[i] != ALEF;
        if (!halves && !never) continue;
        letters[i + 1] = letters[i];
        letters[i++] = LAM;
        mended = true;
    }
    return mended;
}
