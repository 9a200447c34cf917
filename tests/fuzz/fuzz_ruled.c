/* Fuzz target: tables by their lines. The bytes are boxes that a page draws and words that stand on
 * it, anywhere. However they lie, laying the page out ends, and no word is lost. */
#include <stdlib.h>

#include "ingest/parse/pdf/pdf.h"

#define FUZZ_BYTES 4096u
#define PAGE_PT 256.0f

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_box(pdf_rules *rules, const uint8_t *v, arena *a) {
    const box page = {0, 0, PAGE_PT, PAGE_PT};
    box b = {v[1], v[2], (float)v[1] + v[3], (float)v[2] + v[4]};
    const float x[] = {b.x0, b.x1}, y[] = {b.y0, b.y0};
    if (v[0] & 4)
        pdf_rules_add_part(rules, x, y, 2, a);
    else
        pdf_rules_add_box(rules, b, a);
    pdf_rules_end_path(rules, v[0] & 8, !(v[0] & 8), page, a);
}

/* A word or a figure that no other run has. */
static void put_word(pdf_runs *runs, const uint8_t *v, arena *a) {
    float wide = 4 + (float)(v[3] & 63), high = 8;
    box at = {v[1], v[2], (float)v[1] + wide, (float)v[2] + high};
    unsigned turn = v[4] < 16 ? v[4] & 3 : 0;
    if (turn & 1) at = (box){at.x0, at.y0, at.x0 + high, at.y0 + wide};
    str word = arena_printf(a, "%c%zu.", v[0] & 4 ? 'w' : '1', runs->run_count + 1000);
    pdf_put_run(runs,
                (pdf_run){.text = word,
                          .at = at,
                          .font_pt = 8,
                          .turn = (uint8_t)turn,
                          .bold = v[0] & 8,
                          .rightward = v[4] < 250,
                          .characters = word.n},
                a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > FUZZ_BYTES) return 0;
    arena *a = arena_new();
    pdf_rules rules = {0};
    pdf_runs runs = {.rules = &rules};
    pdf_lines lines = {0};
    for (size_t i = 0; i + 5 <= size; i += 5)
        if (data[i] & 1)
            put_word(&runs, data + i, a);
        else
            put_box(&rules, data + i, a);
    pdf_rules_finish(&rules, a);
    pdf_layout_page(&runs, 1, a, &lines);
    for (size_t i = 0; i < runs.run_count; i++) {
        bool found = false;
        for (size_t k = 0; k < lines.count && !found; k++)
            found = str_find(lines.lines[k].text, runs.runs[i].text, 0) != SIZE_MAX;
        if (!found) abort();
    }
    mem_free(lines.lines);
    arena_free(a);
    return 0;
}
