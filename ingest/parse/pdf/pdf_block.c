/* Lines become blocks: paragraphs, list items, table rows, captions.
 *
 * This needs all pages at once: the size of body text and the usual step from line to line are
 * facts of the document. A rule here is a guess about typesetting, so each is one small
 * function with its measure named; where a guess fails, a heading is read as a paragraph or the
 * other way round, and no text is lost.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "ingest/parse/pdf/pdf.h"

#define NEW_PARAGRAPH 1.45f /* a step down this much wider than usual parts paragraphs */
#define STATED_STEP 3.0f    /* and this much wider where the PDF states that it goes on */
#define INDENT_EM 0.9f
#define SHORT_SHARE 0.2f      /* a line that leaves this much of its column empty was broken off */
#define UNKNOWN_STEP_PT 12.0f /* lines whose font size poppler does not tell */

/* ---- sizes --------------------------------------------------------------------------------- */

size_t pdf_size_bin(float pt) {
    return pt > 0 && pt < PDF_MAX_FONT_PT ? (size_t)(pt * 2 + 0.5f) : 0;
}

static bool follows(const pdf_line *p, const pdf_line *l) {
    return l->page == p->page && l->column == p->column && l->at.y0 > p->at.y0 &&
           pdf_size_bin(l->font_pt) == pdf_size_bin(p->font_pt);
}

/* The lower quartile, since paragraphs' gaps are among them. */
static void usual_steps(const pdf_text *t, pdf_style *s, arena *a) {
    const pdf_line *l = t->lines.lines;
    float *found = arena_alloc(a, t->lines.count + 1, sizeof *found);
    for (size_t bin = 1; bin <= PDF_MAX_FONT_PT * 2; bin++) {
        size_t n = 0;
        if (s->steps[bin] == 0) /* no line of that size */
            continue;
        for (size_t i = 1; i < t->lines.count; i++)
            if (pdf_size_bin(l[i].font_pt) == bin && follows(&l[i - 1], &l[i]) && !l[i].table)
                found[n++] = l[i].at.y1 - l[i - 1].at.y1;
        qsort(found, n, sizeof *found, pdf_by_size);
        float fallback = 1.2f * (float)bin / 2;
        s->steps[bin] = n > 2 && found[n / 4] < 3 * fallback ? found[n / 4] : fallback;
    }
    s->steps[0] = UNKNOWN_STEP_PT;
}

static void find_style(const pdf_text *t, pdf_style *s, arena *a) {
    size_t *weight = arena_alloc(a, PDF_MAX_FONT_PT * 2 + 1, sizeof *weight);
    size_t best = 0, bold = 0, all = 0;
    for (size_t i = 0; i < t->lines.count; i++) {
        const pdf_line *l = &t->lines.lines[i];
        size_t bin = pdf_size_bin(l->font_pt);
        s->steps[bin] = 1;
        if (!l->running && bin > 0) weight[bin] += l->text.n;
        bold += l->bold ? l->text.n : 0;
        all += l->text.n;
    }
    for (size_t bin = 1; bin <= PDF_MAX_FONT_PT * 2; bin++)
        best = weight[bin] > weight[best] ? bin : best;
    s->body_pt = (float)best / 2;
    s->body_bold = bold * 2 > all;
    usual_steps(t, s, a);
}

/* ---- paragraphs ---------------------------------------------------------------------------- */

/* Does line l begin a new block after p, of which `first` is the first line? */
static bool begins_block(const pdf_style *s, const pdf_line *first, const pdf_line *p,
                         const pdf_line *l, ingest_role role) {
    float em = fmaxf(p->font_pt, 1);
    if (l->page != p->page || l->running != p->running || l->turn != p->turn) return true;
    if (l->table || p->table) return true;
    int stated = pdf_tags_part(p, l);
    if (stated > 0) return true;
    if (l->column != p->column) /* a sentence that goes on in the next column */
        return pdf_ends_sentence(p->text) || l->bold != p->bold ||
               fabsf(l->font_pt - p->font_pt) > PDF_SAME_SIZE_PT || l->text.n == 0 ||
               !(l->text.p[0] >= 'a' && l->text.p[0] <= 'z');
    float step = l->at.y1 - p->at.y1;
    if (stated < 0 && step > 0 && step < STATED_STEP * s->steps[pdf_size_bin(l->font_pt)])
        return false;
    if (fabsf(l->font_pt - p->font_pt) > fmaxf(PDF_SAME_SIZE_PT, 0.07f * em) ||
        l->bold != p->bold || l->mono != p->mono)
        return true;
    if (step < 0 || step > NEW_PARAGRAPH * s->steps[pdf_size_bin(l->font_pt)]) return true;
    if (pdf_marker_bytes(l->text) > 0 &&
        (role == INGEST_ROLE_LIST_ITEM || pdf_ends_sentence(p->text) ||
         l->at.x0 > p->at.x0 + INDENT_EM * em))
        return true;
    if (pdf_is_caption(l->text) && pdf_ends_sentence(p->text)) return true;
    bool short_before = p->at.x1 < p->right - SHORT_SHARE * (p->right - p->left);
    if (role == INGEST_ROLE_LIST_ITEM)
        return (l->at.x0 < first->at.x0 + 2 && p->at.x1 < p->right - 4 * em) ||
               (short_before && pdf_ends_sentence(p->text) && (p == first || l->at.x0 != p->at.x0));
    bool indented = l->at.x0 > l->left + INDENT_EM * em && p->at.x0 < l->left + 0.5f * em;
    return (indented && (short_before || pdf_ends_sentence(p->text))) ||
           (short_before && pdf_ends_sentence(p->text) && l->at.x0 <= first->at.x0 + em);
}

static ingest_role first_role(const pdf_line *l) {
    if (l->running) return INGEST_ROLE_FOOTER;
    if (l->tag == PDF_TAG_HEADING) return INGEST_ROLE_PARAGRAPH; /* for now */
    if (l->table) return INGEST_ROLE_TABLE_ROW;
    if (l->tag == PDF_TAG_CAPTION && l->tag_first) return INGEST_ROLE_CAPTION;
    if (l->tag == PDF_TAG_ITEM && l->tag_first) return INGEST_ROLE_LIST_ITEM;
    if (pdf_is_caption(l->text)) return INGEST_ROLE_CAPTION;
    return pdf_marker_bytes(l->text) > 0 ? INGEST_ROLE_LIST_ITEM : INGEST_ROLE_PARAGRAPH;
}

static void cut_blocks(pdf_text *t, const pdf_style *s, arena *a) {
    const pdf_line *l = t->lines.lines;
    t->blocks = arena_alloc(a, t->lines.count + 1, sizeof *t->blocks);
    for (size_t i = 0; i < t->lines.count; i++) {
        pdf_block *b = t->block_count > 0 ? &t->blocks[t->block_count - 1] : NULL;
        if (!b || begins_block(s, &l[b->first], &l[i - 1], &l[i], b->role)) {
            b = &t->blocks[t->block_count++];
            *b = (pdf_block){.first = (uint32_t)i, .role = first_role(&l[i])};
            if (b->role == INGEST_ROLE_TABLE_ROW)
                b->level = l[i].head ? INGEST_ROW_HEAD : INGEST_ROW_BODY;
        }
        b->count++;
    }
}

static void find_code(pdf_text *t) {
    for (size_t i = 0; i < t->block_count; i++) {
        pdf_block *b = &t->blocks[i];
        bool mono = b->count > 1 && b->role == INGEST_ROLE_PARAGRAPH;
        for (uint32_t k = 0; mono && k < b->count; k++) mono = t->lines.lines[b->first + k].mono;
        if (mono) b->role = INGEST_ROLE_CODE;
    }
}

void pdf_find_blocks(pdf_text *t, arena *a) {
    pdf_style *s = arena_alloc(a, 1, sizeof *s);
    pdf_heed_tags(t, a);
    pdf_mark_running(t, a);
    pdf_mark_contents(t, a);
    pdf_mark_tagged(t);
    find_style(t, s, a);
    cut_blocks(t, s, a);
    pdf_find_headings(t, s, a);
    find_code(t);
}
