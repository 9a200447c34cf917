/* Fuzz target: texts that may have lost ligatures. Each line of the bytes is a run of one page.
 * Whatever they are, what comes out is UTF-8 without codes that wait for a meaning, and only grows
 * by ligatures.
 */
#include <stdlib.h>
#include <string.h>

#include "ingest/parse/pdf/pdf.h"

#define FUZZ_BYTES (1u << 16)
#define LIGATURE_BYTES 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_line(pdf_runs *runs, str line, arena *a) {
    pdf_run run = {.characters = line.n, .text = arena_str(a, line)};
    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] == PDF_GAP && run.gap_count < PDF_GAPS) run.gap_count++;
        run.unusable += (unsigned char)line.p[i] >= 0xF0;
    }
    runs->unusable += run.unusable;
    if (line.n > 0 && utf8_valid(line)) pdf_put_run(runs, run, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > FUZZ_BYTES) return 0;
    arena *a = arena_new();
    pdf_runs runs = {0};
    str all = {(const char *)data, size};
    bool habit = size > 0 && data[0] & 1, nothing;
    size_t before = 0, after = 0;
    for (size_t begin = 0; begin < all.n;) {
        const char *end = memchr(all.p + begin, '\n', all.n - begin);
        size_t n = end ? (size_t)(end - all.p) - begin : all.n - begin;
        put_line(&runs, (str){all.p + begin, n}, a);
        begin += n + 1;
    }
    for (size_t i = 0; i < runs.run_count; i++) before += runs.runs[i].text.n;
    size_t mended = pdf_mend_ligatures(&runs, &habit, a, &nothing);
    for (size_t i = 0; i < runs.run_count; i++) {
        if (!utf8_valid(runs.runs[i].text) || runs.runs[i].gap_count > PDF_GAPS) abort();
        after += runs.runs[i].text.n;
    }
    if (after > before + mended * LIGATURE_BYTES) abort();
    arena_free(a);
    return 0;
}
