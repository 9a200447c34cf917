/* Ruling lines are found on a picture and taken off it, before its characters are recognised.
 *
 * Tesseract takes what is left of a table's lines for letters ("|3.95", "51,3517"), and leaves out
 * words that stand close to them. Here lines that are straight, thin and long become paper; where
 * they stood is kept, since they tell the cells of a table (ingest/parse/pdf/pdf_ruled.c). Letters
 * that a line runs through lose what lies under it, and no more. Bars, filled boxes and the stems
 * of large letters are too thick to be lines.
 */
#include <leptonica/allheaders.h>
#include <math.h>

#include "ingest/ocr/ocr.h"

/* In inches. Letters of 24 points have stems of 0.23, thicker than THICK. */
#define ACROSS_INCH 0.8f     /* serifs of one word are no longer line */
#define DOWN_INCH 0.33f      /* a row of a table is higher, with the lines that bound it */
#define ACROSS_BIT_INCH 0.3f /* straight pieces of a line that is a little askew */
#define DOWN_BIT_INCH 0.18f
#define THICK_INCH 0.035f
#define ASKEW 0.006f /* of its length that a line rises, after the page was set straight */
/* Thin lines are grey: by so much of 255 they are darker than their paper. */
#define LINE_CONTRAST 24
/* Beyond a line its edges are grey, too. */
#define EDGE_PIXELS 2
/* A page of more is a map or a drawing; its lines are left alone. */
#define MAX_RULES 4000

static int paper_of(PIX *grey) {
    l_uint32 paper = 255;
    return pixGetRankValue(grey, 4, 0.5f, &paper) == 0 ? (int)paper : 255;
}

/* What is dark and not thick. */
static PIX *thin_ink(PIX *grey, int paper, int thick) {
    PIX *ink = pixThresholdToBinary(grey, paper - LINE_CONTRAST);
    PIX *bars = ink ? pixOpenBrick(NULL, ink, thick, thick) : NULL;
    if (bars) pixSubtract(ink, ink, bars);
    if (bars) pixDestroy(&bars);
    return ink;
}

static void keep_rule(ocr_words *out, float x0, float y0, float x1, float y1) {
    out->rules[out->rule_count++] = (box){x0, y0, x1, y1};
}

/* Clears what is no line out of `bits`, and keeps the others. */
static bool choose(PIX *bits, bool down, double dpi, arena *a, ocr_words *out) {
    float least = (down ? DOWN_INCH : ACROSS_INCH) * (float)dpi, thick = THICK_INCH * (float)dpi;
    BOXA *boxes = pixConnCompBB(bits, 8);
    int count = boxes ? boxaGetCount(boxes) : 0, x, y, w, h;
    if (!boxes) return false;
    box *more = arena_alloc(a, out->rule_count + (size_t)count + 1, sizeof *more);
    for (size_t i = 0; i < out->rule_count; i++) more[i] = out->rules[i];
    out->rules = more;
    for (int i = 0; i < count; i++) {
        boxaGetBoxGeometry(boxes, i, &x, &y, &w, &h);
        float length = (float)(down ? h : w), width = (float)(down ? w : h);
        float cx = (float)x + (float)w / 2, cy = (float)y + (float)h / 2;
        if (length < least || width > thick + ASKEW * length)
            pixRasterop(bits, x, y, w, h, PIX_CLR, NULL, 0, 0);
        else if (down)
            keep_rule(out, cx, (float)y, cx, (float)(y + h));
        else
            keep_rule(out, (float)x, cy, (float)(x + w), cy);
    }
    boxaDestroy(&boxes);
    return out->rule_count <= MAX_RULES;
}

/* The lines of one direction, as wide as they are drawn; NULL: there are none. */
static PIX *lines_of(PIX *ink, bool down, double dpi, arena *a, ocr_words *out) {
    int bit = (int)((down ? DOWN_BIT_INCH : ACROSS_BIT_INCH) * dpi), join = bit / 2;
    size_t before = out->rule_count;
    PIX *bits = pixOpenBrick(NULL, ink, down ? 1 : bit, down ? bit : 1);
    if (!bits) return NULL;
    pixCloseSafeBrick(bits, bits, down ? EDGE_PIXELS + 1 : join, down ? join : EDGE_PIXELS + 1);
    bool few = choose(bits, down, dpi, a, out);
    if (!few) out->rule_count = before;
    if (few && out->rule_count > before) {
        int edges = 2 * EDGE_PIXELS + 1;
        pixDilateBrick(bits, bits, down ? edges : 1, down ? 1 : edges);
        return bits;
    }
    pixDestroy(&bits);
    return NULL;
}

struct Pix *ocr_take_rules(struct Pix *grey, double dpi, arena *a, ocr_words *out) {
    int paper = paper_of(grey), thick = (int)(THICK_INCH * dpi) + 2;
    if (paper < 2 * LINE_CONTRAST) return pixClone(grey); /* light letters on black */
    PIX *ink = thin_ink(grey, paper, thick);
    PIX *across = ink ? lines_of(ink, false, dpi, a, out) : NULL;
    PIX *down = ink ? lines_of(ink, true, dpi, a, out) : NULL;
    PIX *clean = across || down ? pixCopy(NULL, grey) : pixClone(grey);
    if (across && clean) pixSetMasked(clean, across, (l_uint32)paper);
    if (down && clean) pixSetMasked(clean, down, (l_uint32)paper);
    if (across) pixDestroy(&across);
    if (down) pixDestroy(&down);
    if (ink) pixDestroy(&ink);
    return clean;
}

bool ocr_rule_within(const ocr_words *w, box at, float *x) {
    float y = (at.y0 + at.y1) / 2, margin = (at.y1 - at.y0) / 8;
    for (size_t i = 0; i < w->rule_count; i++) {
        const box *r = &w->rules[i];
        if (r->x1 > r->x0 || r->y0 > y || r->y1 < y) continue;
        if (r->x0 <= at.x0 + margin || r->x0 >= at.x1 - margin) continue;
        *x = r->x0;
        return true;
    }
    return false;
}
