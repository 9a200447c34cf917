/* Recognised words become lines, blocks and records, by the same layout as a PDF's own text
 * (ingest/parse/pdf.h): columns, table rows, lists, headings. So a scanned page and a born-digital one
 * are cut into the same chunks.
 *
 * What recognition does not know exactly is evened out before: the size of letters varies from line
 * to line by a tenth, and a heading is larger than that.
 */
#include <math.h>
#include <stdlib.h>

#include "ingest/ocr/ocr.h"
#include "ingest/parse/pdf.h"

/* Words of one line this far apart stand in two columns or cells (as in pdf_text.c). */
#define CELL_GAP_EM 1.5f
/* Sizes within this of the body's are the body's. */
#define BODY_SHARE 0.2f
/* Fewer letters that are believed so little are a picture's noise. */
#define NOISE_LETTERS 24
#define NOISE_CONFIDENCE 75.0

typedef struct {
    double confidence; /* mean over letters, 0..100 */
    size_t letters;
} judgement;

static judgement judge(const ocr_words *w) {
    double sum = 0;
    judgement j = {0};
    for (size_t i = 0; i < w->count; i++) {
        if (w->words[i].faint) continue;
        sum += (double)w->words[i].confidence * (double)w->words[i].text.n;
        j.letters += w->words[i].text.n;
    }
    j.confidence = j.letters > 0 ? sum / (double)j.letters : 0;
    return j;
}

/* ---- runs ----------------------------------------------------------------------------------- */

static int by_float(const void *pa, const void *pb) {
    float a = *(const float *)pa, b = *(const float *)pb;
    return a < b ? -1 : a > b;
}

/* The size of most letters: the median over words, which are about as many letters each. */
static float body_size(const ocr_words *w, arena *scratch) {
    float *sizes = arena_alloc(scratch, w->count, sizeof *sizes);
    for (size_t i = 0; i < w->count; i++) sizes[i] = w->words[i].font_pt;
    qsort(sizes, w->count, sizeof *sizes, by_float);
    return sizes[w->count / 2];
}

static float even_size(float font_pt, float body_pt) {
    return fabsf(font_pt - body_pt) <= BODY_SHARE * body_pt ? body_pt : font_pt;
}

/* In points of the upright page; the layout knows no pixels. */
static box in_points(box pixels, double dpi) {
    float s = (float)(72 / dpi);
    return (box){pixels.x0 * s, pixels.y0 * s, pixels.x1 * s, pixels.y1 * s};
}

static void add_to_run(pdf_run *run, const ocr_word *w, box at, arena *scratch) {
    bool first = run->characters == 0;
    if (w->way != OCR_RIGHTWARD)
        run->at.y0 = first ? at.y0 : fminf(run->at.y0, at.y0),
        run->at.y1 = first ? at.y1 : fmaxf(run->at.y1, at.y1);
    run->text =
        first ? w->text
              : arena_printf(scratch, STR_FMT " " STR_FMT, STR_ARG(run->text), STR_ARG(w->text));
    run->at.x0 = first ? at.x0 : fminf(run->at.x0, at.x0);
    run->at.x1 = first ? at.x1 : fmaxf(run->at.x1, at.x1);
    run->characters += w->text.n;
}

/* A run's height is that of its font about the baseline, as poppler gives it, whatever letters stand in
 * it: so runs of one line are seen to be of one. */
static pdf_run *new_run(pdf_runs *out, const ocr_word *w, float font_pt, double dpi) {
    pdf_run *run = &out->runs[out->run_count++];
    float baseline = w->baseline_y * (float)(72 / dpi);
    *run = (pdf_run){.at = {0, baseline - 0.75f * font_pt, 0, baseline + 0.25f * font_pt},
                     .font_pt = font_pt,
                     .turn = (uint8_t)((4u - (unsigned)w->way) % 4),
                     .rightward = true};
    return run;
}

static void make_runs(const ocr_words *w, arena *scratch, pdf_runs *out) {
    out->runs = arena_alloc(scratch, w->count, sizeof *out->runs);
    float body_pt = body_size(w, scratch), last_x0 = 0, last_x1 = 0;
    uint32_t line = 0;
    pdf_run *run = NULL;
    for (size_t i = 0; i < w->count; i++) {
        const ocr_word *word = &w->words[i];
        box at = in_points(word->at, w->dpi);
        float font_pt = fmaxf(even_size(word->font_pt, body_pt), 1);
        bool far = word->way == OCR_RIGHTWARD &&
                   fmaxf(at.x0 - last_x1, last_x0 - at.x1) > CELL_GAP_EM * font_pt;
        if (word->line != line || far) run = NULL;
        if (!word->faint && !run) run = new_run(out, word, font_pt, w->dpi);
        if (!word->faint) add_to_run(run, word, at, scratch);
        line = word->line;
        last_x0 = at.x0;
        last_x1 = at.x1;
    }
    for (size_t i = 0; i < out->run_count; i++) out->characters += out->runs[i].characters;
}

/* ---- records -------------------------------------------------------------------------------- */

static box to_page(const ocr_words *w, box points) {
    const ocr_map *m = &w->to_page;
    float s = (float)(w->dpi / 72);
    double x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
    for (int i = 0; i < 4; i++) {
        double x = (i & 1 ? points.x1 : points.x0) * s, y = (i & 2 ? points.y1 : points.y0) * s;
        double px = m->a * x + m->c * y + m->e, py = m->b * x + m->d * y + m->f;
        x0 = fmin(x0, px), x1 = fmax(x1, px);
        y0 = fmin(y0, py), y1 = fmax(y1, py);
    }
    return (box){(float)x0, (float)y0, (float)x1, (float)y1};
}

static void put_page(const ocr_picture *p, const ocr_words *w, judgement j, bool empty,
                     str language_note, arena *a, record_writer *out) {
    text note = {0};
    if (w->faint > 0 && !empty)
        text_printf(&note,
                    w->faint == 1
                        ? "1 word that could not be read with any confidence was left out"
                        : "%zu words that could not be read with any confidence were left out",
                    w->faint);
    str more[] = {p->note, empty ? (str){NULL, 0} : language_note};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        if (more[i].n > 0)
            text_printf(&note, "%s" STR_FMT, note.n > 0 ? "; " : "", STR_ARG(more[i]));
    record_page_full(out, 1,
                     &(record_page_facts){.width_pt = (float)p->width_pt,
                                          .height_pt = (float)p->height_pt,
                                          .fate = empty ? INGEST_FATE_EMPTY : INGEST_FATE_OCR,
                                          .confidence = empty ? 0 : (float)(j.confidence / 100),
                                          .note = arena_str(a, text_str(&note))});
    text_free(&note);
}

void ocr_write(const ocr_picture *p, const ocr_words *w, str language_note, arena *a,
               record_writer *out) {
    judgement j = judge(w);
    bool empty = j.letters == 0 || (j.letters < NOISE_LETTERS && j.confidence < NOISE_CONFIDENCE);
    record_document(out, (str){NULL, 0}, STR("ocr"), (str){NULL, 0});
    put_page(p, w, j, empty, language_note, a, out);
    if (empty) return;
    float height_pt = (float)p->height_pt; /* of the upright page, near enough to find its edges */
    if (fabs(w->to_page.a) < fabs(w->to_page.b)) height_pt = (float)p->width_pt;
    pdf_text t = {.page_count = 1, .page_height_pt = &height_pt};
    pdf_runs runs = {0};
    make_runs(w, a, &runs);
    pdf_layout_page(&runs, 1, a, &t.lines);
    pdf_find_blocks(&t, a);
    for (size_t i = 0; i < t.block_count; i++) {
        const pdf_block *b = &t.blocks[i];
        const pdf_line *l = &t.lines.lines[b->first];
        record_block(out, b->role, b->level, 1);
        for (uint32_t k = 0; k < b->count; k++)
            record_line(out, l[k].text, to_page(w, l[k].at), l[k].font_pt);
    }
    mem_free(t.lines.lines);
}
