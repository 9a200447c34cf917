/* Recognised words become lines, blocks and records, by the same layout as a PDF's own text
 * (ingest/parse/pdf/pdf.h): columns, table rows, lists, headings. So a scanned page and a
 * born-digital one are cut into the same chunks.
 *
 * What recognition does not know exactly is evened out before: the size of letters varies from line
 * to line by a tenth, and a heading is larger than that.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/ocr/ocr.h"
#include "ingest/parse/pdf/pdf.h"

/* Words of one line this far apart stand in two columns or cells (as in pdf_text.c). */
#define CELL_GAP_EM 1.5f
/* and so do those that are less far apart, but so many times as far as the other words of their
 * line. */
#define NARROW_GAP_EM 0.8f
#define WORD_GAPS 3.0f
/* This much may part two, where other lines are parted there too (as in pdf_text.c). */
#define WIDE_GAP_EM 0.5f
/* Sizes within this of the body's are the body's. */
#define BODY_SHARE 0.2f
/* Letters that are drawn so many times as thick as the page's usual ones, for their size, are
 * bold. */
#define BOLD 1.25f
/* Bullets of one list stand this close to one edge. */
#define BULLET_ALIGN_PT 3.0
/* A page whose words, the faint ones among them, are believed less than this on the average is in a
 * script that no installed language has, or no text: Korean read as English has 25, a scan of 75
 * dpi 92. */
#define CREDIBLE 50.0f
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

/* ---- bullets -------------------------------------------------------------------------------- */

/* What bullets are read as: tesseract's languages have few of them among their characters. */
static bool may_be_bullet(str s) {
    static const char *const taken_for[] = {
        "e",        "o",        "*",        "+",        ">",        "-", "\xc2\xab",
        "\xc2\xbb", "\xc2\xa2", "\xc2\xb0", "\xc2\xae", "\xc2\xa9", NULL};
    for (size_t i = 0; taken_for[i]; i++)
        if (str_eq(s, str_of(taken_for[i]))) return true;
    return false;
}

static bool begins_line(const ocr_words *w, size_t i) {
    return i == 0 || w->words[i - 1].line != w->words[i].line;
}

static bool goes_on(const ocr_words *w, size_t i) {
    return i + 1 < w->count && w->words[i + 1].line == w->words[i].line;
}

/* Such a character in front of two lines or more, one below the other, is a bullet. */
static void name_bullets(ocr_words *w, arena *scratch) {
    size_t *at = arena_alloc(scratch, w->count + 1, sizeof *at), count = 0;
    bool *is = arena_alloc(scratch, w->count + 1, sizeof *is);
    for (size_t i = 0; i < w->count; i++)
        if (begins_line(w, i) && goes_on(w, i) && may_be_bullet(w->words[i].text)) at[count++] = i;
    for (size_t i = 1; i < count; i++) {
        const ocr_word *a = &w->words[at[i - 1]], *b = &w->words[at[i]];
        double apart = fabs((double)a->at.x0 - b->at.x0) * 72 / w->dpi;
        if (str_eq(a->text, b->text) && apart <= BULLET_ALIGN_PT) is[i - 1] = is[i] = true;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is[i]) continue;
        w->words[at[i]].text = STR("\xe2\x80\xa2");
        w->words[at[i]].faint = false; /* two of a kind are no accident */
    }
}

/* ---- runs ----------------------------------------------------------------------------------- */

/* The size of most letters: the median over words, which are about as many letters each. */
static float body_size(const ocr_words *w, arena *scratch) {
    float *sizes = arena_alloc(scratch, w->count, sizeof *sizes);
    for (size_t i = 0; i < w->count; i++) sizes[i] = w->words[i].font_pt;
    qsort(sizes, w->count, sizeof *sizes, pdf_by_size);
    return sizes[w->count / 2];
}

/* How thick letters of the page are against their size: the median over words. 0: not known. */
static float body_stroke(const ocr_words *w, arena *scratch) {
    float *strokes = arena_alloc(scratch, w->count, sizeof *strokes);
    size_t count = 0;
    for (size_t i = 0; i < w->count; i++)
        if (w->words[i].stroke > 0 && w->words[i].font_pt > 0)
            strokes[count++] = w->words[i].stroke / w->words[i].font_pt;
    qsort(strokes, count, sizeof *strokes, pdf_by_size);
    return count > 0 ? strokes[count / 2] : 0;
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
    bool wide = !first && w->way == OCR_RIGHTWARD && run->gap_count < PDF_GAPS &&
                at.x0 - run->at.x1 > WIDE_GAP_EM * run->font_pt;
    if (wide) run->gaps[run->gap_count++] = (pdf_gap){run->at.x1, at.x0};
    run->text = first ? w->text
                      : arena_printf(scratch, STR_FMT "%c" STR_FMT, STR_ARG(run->text),
                                     wide ? PDF_GAP : ' ', STR_ARG(w->text));
    run->at.x0 = first ? at.x0 : fminf(run->at.x0, at.x0);
    run->at.x1 = first ? at.x1 : fmaxf(run->at.x1, at.x1);
    run->characters += w->text.n;
}

/* A run's height is that of its font about the baseline, as poppler gives it, whatever letters
 * stand in it: so runs of one line are seen to be of one. */
static pdf_run *new_run(pdf_runs *out, const ocr_word *w, float font_pt, double dpi) {
    pdf_run *run = &out->runs[out->run_count++];
    float baseline = w->baseline_y * (float)(72 / dpi);
    *run = (pdf_run){.at = {0, baseline - 0.75f * font_pt, 0, baseline + 0.25f * font_pt},
                     .font_pt = font_pt,
                     .turn = (uint8_t)((4 - w->way) & 3), /* down is three quarters to the left */
                     .rightward = true};
    return run;
}

/* The white that parts two cells of the line that begins at `first`: some times what stands
 * between its words, so that the heads of narrow columns are parted and a justified line is not.
 * In pixels. */
static float cell_gap(const ocr_words *w, size_t first, float em, arena *scratch) {
    size_t end = first + 1, count = 0;
    while (end < w->count && w->words[end].line == w->words[first].line) end++;
    if (end - first < 3) return CELL_GAP_EM * em; /* one gap: nothing to compare it with */
    float *gaps = arena_alloc(scratch, end - first, sizeof *gaps);
    for (size_t i = first + 1; i < end; i++)
        gaps[count++] = fmaxf(w->words[i].at.x0 - w->words[i - 1].at.x1,
                              w->words[i - 1].at.x0 - w->words[i].at.x1);
    qsort(gaps, count, sizeof *gaps, pdf_by_size);
    float gap = WORD_GAPS * gaps[(count - 1) / 2];
    return fminf(fmaxf(gap, NARROW_GAP_EM * em), CELL_GAP_EM * em);
}

/* Stands flush left in its column, far before its figure and close behind the one before. */
static bool is_currency(str s) {
    return str_eq(s, STR("$")) || str_eq(s, STR("\xe2\x82\xac")) || str_eq(s, STR("\xc2\xa3"));
}

/* The page's ruling lines, as the layout knows them. */
static void make_rules(const ocr_words *w, arena *scratch, pdf_rules *out) {
    const box everywhere = {-INFINITY, -INFINITY, INFINITY, INFINITY};
    for (size_t i = 0; i < w->rule_count; i++) {
        pdf_rules_add_box(out, in_points(w->rules[i], w->dpi), scratch);
        pdf_rules_end_path(out, true, false, everywhere, scratch);
    }
    pdf_rules_finish(out, scratch);
}

static void make_runs(const ocr_words *w, arena *scratch, pdf_runs *out) {
    out->runs = arena_alloc(scratch, w->count, sizeof *out->runs);
    float body_pt = body_size(w, scratch), far = 0;
    float thick = BOLD * body_stroke(w, scratch);
    pdf_run *run = NULL;
    for (size_t i = 0; i < w->count; i++) {
        const ocr_word *word = &w->words[i];
        float font_pt = fmaxf(even_size(word->font_pt, body_pt), 1);
        bool first = begins_line(w, i);
        if (first) far = cell_gap(w, i, font_pt * (float)w->dpi / 72, scratch);
        float gap = first ? 0 : fmaxf(word->at.x0 - word[-1].at.x1, word[-1].at.x0 - word->at.x1);
        bool ruled =
            !first && word->way == OCR_RIGHTWARD &&
            pdf_rules_part(out->rules, in_points(word[-1].at, w->dpi), in_points(word->at, w->dpi));
        if (first || ruled || (word->way == OCR_RIGHTWARD && gap > far) || is_currency(word->text))
            run = NULL;
        if (word->faint) continue;
        if (!run) run = new_run(out, word, font_pt, w->dpi);
        run->bold = thick > 0 && word->stroke > thick * word->font_pt;
        add_to_run(run, word, in_points(word->at, w->dpi), scratch);
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

static ingest_fate fate_of(const ocr_words *w, judgement j) {
    if (j.letters == 0 || (j.letters < NOISE_LETTERS && j.confidence < NOISE_CONFIDENCE))
        return INGEST_FATE_EMPTY;
    return w->credible < CREDIBLE ? INGEST_FATE_GARBLED : INGEST_FATE_OCR;
}

static void add(text *note, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(text *note, const char *format, ...) {
    char sentence[RECORD_MAX_NAME];
    va_list list;
    va_start(list, format);
    vsnprintf(sentence, sizeof sentence, format, list);
    va_end(list);
    text_printf(note, "%s%s", note->n > 0 ? "; " : "", sentence);
}

/* The language of a script that only one is written in, or by far the most of what is scanned; as
 * tesseract names it. NULL: it may be many. */
static const char *language_of_script(const char *script) {
    static const struct {
        const char *script, *language;
    } known[] = {
        {"Arabic", "ara"},     {"Armenian", "hye"}, {"Bengali", "ben"}, {"Cyrillic", "rus"},
        {"Devanagari", "hin"}, {"Georgian", "kat"}, {"Greek", "ell"},   {"Gujarati", "guj"},
        {"Gurmukhi", "pan"},   {"Han", "chi_sim"},  {"Hangul", "kor"},  {"Hebrew", "heb"},
        {"Hiragana", "jpn"},   {"Japanese", "jpn"}, {"Kannada", "kan"}, {"Katakana", "jpn"},
        {"Khmer", "khm"},      {"Korean", "kor"},   {"Lao", "lao"},     {"Malayalam", "mal"},
        {"Myanmar", "mya"},    {"Sinhala", "sin"},  {"Tamil", "tam"},   {"Telugu", "tel"},
        {"Thai", "tha"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(script, known[i].script) == 0) return known[i].language;
    return NULL;
}

/* Debian's packages have "-" where tesseract has "_". */
static void add_remedy(text *note, const char *language) {
    char package[32];
    if (!language) {
        add(note, "if it is text, install its language and name it with --ocr-lang");
        return;
    }
    snprintf(package, sizeof package, "tesseract-ocr-%s", language);
    for (char *c = package; *c; c++) *c = *c == '_' ? '-' : *c;
    add(note,
        "if it is text, install its language (%s, or that of another one of the script) and "
        "name it with --ocr-lang %s",
        package, language);
}

static void write_note(const ocr_picture *p, const ocr_words *w, const languages_chosen *l,
                       ingest_fate fate, text *note) {
    if (fate == INGEST_FATE_GARBLED) {
        add(note, "what was recognised as %.60s makes no sense", l->names);
        if (w->script[0]) add(note, "its script seems to be %s", w->script);
        add_remedy(note, language_of_script(w->script));
    } else if (fate == INGEST_FATE_OCR) {
        if (w->faint == 1) add(note, "1 word was left out that could not be read");
        if (w->faint > 1) add(note, "%zu words were left out that could not be read", w->faint);
        if (w->missed == 1) add(note, "1 piece of text on it was not read");
        if (w->missed > 1) add(note, "%zu pieces of text on it were not read", w->missed);
        if (l->note[0]) add(note, "%s", l->note);
    }
    if (p->note.n > 0) add(note, STR_FMT, STR_ARG(p->note));
}

static void put_page(const ocr_picture *p, const ocr_words *w, const languages_chosen *l,
                     ingest_fate fate, double confidence, record_writer *out) {
    text note = {0};
    write_note(p, w, l, fate, &note);
    record_page_full(
        out, 1,
        &(record_page_facts){.width_pt = (float)p->width_pt,
                             .height_pt = (float)p->height_pt,
                             .fate = fate,
                             .confidence = fate == INGEST_FATE_OCR ? (float)(confidence / 100) : 0,
                             .note = text_str(&note)});
    text_free(&note);
}

static void put_blocks(const ocr_words *w, const pdf_text *t, record_writer *out) {
    for (size_t i = 0; i < t->block_count; i++) {
        const pdf_block *b = &t->blocks[i];
        const pdf_line *l = &t->lines.lines[b->first];
        record_block(out, b->role, b->level, 1);
        for (uint32_t k = 0; k < b->count; k++)
            record_line(out, l[k].text, to_page(w, pdf_turned(l[k].at, 4u - l[k].turn)),
                        l[k].font_pt);
    }
}

void ocr_write(const ocr_picture *p, ocr_words *w, const languages_chosen *l, arena *a,
               record_writer *out) {
    judgement j = judge(w);
    ingest_fate fate = fate_of(w, j);
    record_document(out, (str){NULL, 0}, STR("ocr"), (str){NULL, 0});
    put_page(p, w, l, fate, j.confidence, out);
    if (fate != INGEST_FATE_OCR) return;
    float height_pt = (float)p->height_pt; /* of the upright page, near enough to find its edges */
    if (fabs(w->to_page.a) < fabs(w->to_page.b)) height_pt = (float)p->width_pt;
    pdf_text t = {.page_count = 1, .page_height_pt = &height_pt};
    pdf_rules rules = {0};
    pdf_runs runs = {.rules = &rules};
    name_bullets(w, a);
    make_rules(w, a, &rules);
    make_runs(w, a, &runs);
    pdf_layout_page(&runs, 1, a, &t.lines);
    pdf_find_blocks(&t, a);
    put_blocks(w, &t, out);
    mem_free(t.lines.lines);
}
