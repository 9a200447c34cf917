/* A grey picture becomes words, by tesseract, whichever way the sheet lay.
 *
 * The models are loaded once, in the parent, and every child finds them in its memory. A page is
 * read as it comes, after it was set straight; tesseract itself reads text that runs up or down.
 * Only where that gives little or doubtful text is the page's orientation looked for (with a second
 * model), and the page read again: most pages are upright, and looking first would cost each of
 * them a third more.
 *
 * What is found is turned until its lines run from left to right; `to_page` tells where on
 * the page that is.
 */
#include <leptonica/allheaders.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tesseract/capi.h>

#include "ingest/ocr/ocr.h"
#include "ingest/parse/pdf/pdf.h"

/* Tesseract is sure of words that it reads well by 90 and more; what it makes of stains and
 * drawings is mostly below this. */
#define BELIEVED 30.0f
/* A page whose words are this doubtful may be upside down. */
#define DOUBTFUL 65.0f
/* Orientation is told with less certainty than this for pictures that have no letters. */
#define ORIENTED 1.0f

/* A turn of less than this costs tesseract nothing; one of more than seven degrees is no scanner's,
 * and is looked for only where little was read. */
#define SKEW_MIN_DEGREES 0.3f
#define SKEW_SURE 3.0f /* leptonica's measure for a page of lines */
#define SKEW_FAR_DEGREES 30.0f
/* From here on the corners of a turned page would be cut off: its picture is made larger. */
#define SKEW_CUTS_DEGREES 2.0f

/* Letters differ from their paper by this much of 255, */
#define INK_CONTRAST 40
/* and a page with fewer such pixels (a comma has more, at 300 dpi) has nothing to read. */
#define INK_PIXELS 60.0

/* The paper of a page is the lightest pixel of each tile; letters are smaller, so that one is never
 * all ink. */
#define PAPER_TILE 48
/* A page that is lit unevenly has a tenth of tiles that are darker than most by so much, */
#define PAPER_DARK_RANK 0.1f
#define PAPER_UNEVEN 0.85
/* and its paper is light. */
#define PAPER_LIGHT 80
/* Leptonica's closing over letters: 13 pixels of a picture six times smaller, a quarter inch. */
#define PAPER_REDUCTION 6
#define PAPER_CLOSING 13
#define PAPER_GREY 200

/* Pictures of fewer pixels to an inch are not smoothed. */
#define SMOOTHED_DPI 200.0

static TessBaseAPI *reader, *compass; /* compass: NULL where osd.traineddata is not installed */

/* ---- models --------------------------------------------------------------------------------- */

static TessBaseAPI *load(const char *folder, const char *names, TessOcrEngineMode mode) {
    TessBaseAPI *api = TessBaseAPICreate();
    if (api && TessBaseAPIInit2(api, folder, names, mode) == 0) return api;
    if (api) TessBaseAPIDelete(api);
    return NULL;
}

bool ocr_load(const languages_chosen *l, error *err) {
    if (reader) TessBaseAPIDelete(reader);
    reader = load(l->folder, l->names, OEM_LSTM_ONLY);
    if (!reader) reader = load(l->folder, l->names, OEM_DEFAULT); /* data of older kind */
    if (!compass) compass = load(l->folder, "osd", OEM_DEFAULT);
    return reader ? true
                  : error_set(err, ERROR_INPUT,
                              "the data of \"%s\" for character recognition cannot be loaded from "
                              "%s; install it again",
                              l->names, l->folder);
}

/* ---- the picture ---------------------------------------------------------------------------- */

/* Is there anything on it that differs from most of it? */
static bool has_ink(PIX *grey) {
    double dark = 0, light = 0, all = 0, below = 0;
    int median = 0;
    NUMA *histogram = pixGetGrayHistogram(grey, 1);
    if (!histogram) return true;
    float *count = numaGetFArray(histogram, L_NOCOPY);
    for (int i = 0; i < 256; i++) all += count[i];
    for (; median < 255 && (below += count[median]) * 2 < all;) median++;
    for (int i = 0; i < 256; i++) {
        dark += i <= median - INK_CONTRAST ? count[i] : 0;
        light += i >= median + INK_CONTRAST ? count[i] : 0;
    }
    numaDestroy(&histogram);
    return dark >= INK_PIXELS || light >= INK_PIXELS;
}

/* A photograph of a page is lit from one side: where its paper is much darker in some places, all
 * of it is made equally light, since tesseract parts ink from paper by one grey for the whole page.
 * A page of light letters on dark stays as it is, and so do scans, whose lamp is the same
 * everywhere. */
static PIX *evenly_lit(PIX *grey) {
    l_uint32 dark = 0, usual = 0;
    PIX *paper = pixScaleGrayMinMax(grey, PAPER_TILE, PAPER_TILE, L_CHOOSE_MAX);
    bool told = paper && pixGetRankValue(paper, 1, PAPER_DARK_RANK, &dark) == 0 &&
                pixGetRankValue(paper, 1, 0.5f, &usual) == 0;
    if (paper) pixDestroy(&paper);
    PIX *even = told && usual > PAPER_LIGHT && (double)dark < PAPER_UNEVEN * (double)usual
                    ? pixBackgroundNormMorph(grey, NULL, PAPER_REDUCTION, PAPER_CLOSING, PAPER_GREY)
                    : NULL;
    return even ? even : pixClone(grey);
}

/* Clockwise, in degrees; 0 where the page stands straight or has no lines. far: a sheet that was
 * laid down or photographed carelessly. */
static float skew_of(PIX *grey, bool far) {
    l_float32 angle = 0, sure = 0;
    PIX *black = pixThresholdToBinary(grey, 150);
    bool found = black && (far ? pixFindSkewSweepAndSearch(black, &angle, &sure, 4, 2,
                                                           SKEW_FAR_DEGREES, 1, 0.02f)
                               : pixFindSkew(black, &angle, &sure)) == 0;
    if (black) pixDestroy(&black);
    return found && sure >= SKEW_SURE && fabsf(angle) >= SKEW_MIN_DEGREES ? angle : 0;
}

static ocr_map compose(ocr_map second, ocr_map first) {
    return (ocr_map){
        second.a * first.a + second.c * first.b,
        second.b * first.a + second.d * first.b,
        second.a * first.c + second.c * first.d,
        second.b * first.c + second.d * first.d,
        second.a * first.e + second.c * first.f + second.e,
        second.b * first.e + second.d * first.f + second.f,
    };
}

/* From a picture that was turned clockwise by so many quarters to the one that it was. */
static ocr_map turn_back(int quarters, double width, double height) {
    switch (quarters & 3) { /* width and height: of the one that it was */
    case 1:
        return (ocr_map){0, -1, 1, 0, 0, height};
    case 2:
        return (ocr_map){-1, 0, 0, -1, width, height};
    case 3:
        return (ocr_map){0, 1, -1, 0, width, 0};
    default:
        return (ocr_map){1, 0, 0, 1, 0, 0};
    }
}

/* From a picture that was turned clockwise about its middle by `degrees`, to the one that it
 * was. */
static ocr_map tilt_back(double degrees, PIX *turned, PIX *was) {
    double c = cos(degrees * M_PI / 180), s = sin(degrees * M_PI / 180);
    double x = pixGetWidth(turned) / 2.0, y = pixGetHeight(turned) / 2.0;
    double x0 = pixGetWidth(was) / 2.0, y0 = pixGetHeight(was) / 2.0;
    return (ocr_map){c, -s, s, c, x0 - c * x - s * y, y0 + s * x - c * y};
}

/* ---- reading -------------------------------------------------------------------------------- */

typedef struct {
    size_t letters[4]; /* believed ones, by ocr_way */
    double weighed, weight;
} reading;

static ocr_word *new_word(ocr_words *out, arena *a) {
    if (out->count == out->room) {
        out->room = out->room ? out->room * 2 : 512;
        ocr_word *more = arena_alloc(a, out->room, sizeof *more);
        if (out->count) memcpy(more, out->words, out->count * sizeof *more);
        out->words = more;
    }
    return &out->words[out->count++];
}

/* By the line's baseline: what tesseract calls orientation is nothing to it where it took the lines
 * for columns of Chinese. */
static ocr_way way_of(TessPageIterator *at, float *baseline_y) {
    int x0, y0, x1, y1;
    if (!TessPageIteratorBaseline(at, RIL_TEXTLINE, &x0, &y0, &x1, &y1)) return OCR_RIGHTWARD;
    *baseline_y = (float)(y0 + y1) / 2;
    int dx = x1 - x0, dy = y1 - y0;
    if (abs(dy) > abs(dx)) return dy > 0 ? OCR_DOWNWARD : OCR_UPWARD;
    return dx >= 0 ? OCR_RIGHTWARD : OCR_LEFTWARD;
}

static void add_word(str word, box at, TessResultIterator *it, TessPageIterator *place,
                     uint32_t line, arena *a, ocr_words *out, reading *r) {
    int size = 0, flag;
    ocr_word *w = new_word(out, a);
    TessResultIteratorWordFontAttributes(it, &flag, &flag, &flag, &flag, &flag, &flag, &size,
                                         &flag);
    *w = (ocr_word){.text = arena_str(a, word),
                    .at = at,
                    .confidence = TessResultIteratorConfidence(it, RIL_WORD),
                    .font_pt = (float)size,
                    .line = line,
                    .baseline_y = at.y1};
    w->way = way_of(place, &w->baseline_y);
    w->faint = w->confidence < BELIEVED;
    if (w->faint)
        out->faint++;
    else
        r->letters[w->way] += word.n;
    r->weighed += (double)w->confidence * (double)word.n;
    r->weight += (double)word.n;
}

static bool box_of(TessPageIterator *place, TessPageIteratorLevel level, box *at) {
    int x0, y0, x1, y1;
    if (!TessPageIteratorBoundingBox(place, level, &x0, &y0, &x1, &y1)) return false;
    *at = (box){(float)x0, (float)y0, (float)x1, (float)y1};
    return true;
}

/* What was read as one word across ruling lines becomes one for each cell. */
static void take_parts(TessResultIterator *it, TessPageIterator *place, uint32_t line, arena *a,
                       ocr_words *out, reading *r) {
    TessResultIterator *letters = TessResultIteratorCopy(it);
    TessPageIterator *letter = TessResultIteratorGetPageIterator(letters);
    text part = {0};
    box whole = {0}, at;
    float x;
    do {
        char *s = TessResultIteratorGetUTF8Text(letters, RIL_SYMBOL);
        if (s && box_of(letter, RIL_SYMBOL, &at)) {
            box between = {(whole.x0 + whole.x1) / 2, at.y0, (at.x0 + at.x1) / 2, at.y1};
            if (part.n > 0 && ocr_rule_within(out, between, &x)) {
                add_word(text_str(&part), whole, it, place, line, a, out, r);
                part.n = 0;
            }
            if (part.n == 0) whole = at;
            pdf_widen(&whole, at);
            text_put(&part, str_of(s));
        }
        TessDeleteText(s);
    } while (TessResultIteratorNext(letters, RIL_SYMBOL) &&
             !TessPageIteratorIsAtBeginningOf(letter, RIL_WORD));
    if (part.n > 0) add_word(text_str(&part), whole, it, place, line, a, out, r);
    text_free(&part);
    TessResultIteratorDelete(letters);
}

static void take_word(TessResultIterator *it, TessPageIterator *place, uint32_t line, arena *a,
                      ocr_words *out, reading *r) {
    char *s = TessResultIteratorGetUTF8Text(it, RIL_WORD);
    str word = str_trim(str_of(s));
    box at;
    float x;
    if (word.n > 0 && box_of(place, RIL_WORD, &at)) {
        if (ocr_rule_within(out, at, &x))
            take_parts(it, place, line, a, out, r);
        else
            add_word(word, at, it, place, line, a, out, r);
    }
    TessDeleteText(s);
}

/* The mean thickness of what is black in the box: its area against the length of its edge, of which
 * a stroke has two. */
static float stroke_in(PIX *black, box at) {
    BOX *place = boxCreate((int)at.x0, (int)at.y0, (int)(at.x1 - at.x0), (int)(at.y1 - at.y0));
    PIX *line = place ? pixClipRectangle(black, place, NULL) : NULL;
    PIX *edge = line ? pixExtractBoundary(line, 1) : NULL;
    l_int32 area = 0, length = 0;
    if (edge) pixCountPixels(line, &area, NULL), pixCountPixels(edge, &length, NULL);
    if (edge) pixDestroy(&edge);
    if (line) pixDestroy(&line);
    if (place) boxDestroy(&place);
    return length > 0 ? 2 * (float)area / (float)length : 0;
}

/* Bold print is a heading's only mark in many manuals, and tesseract does not tell it. */
static void measure_strokes(PIX *black, ocr_words *out) {
    for (size_t i = 0, end; i < out->count; i = end) {
        box at = out->words[i].at;
        for (end = i + 1; end < out->count && out->words[end].line == out->words[i].line; end++)
            pdf_widen(&at, out->words[end].at);
        float stroke = stroke_in(black, at);
        for (size_t k = i; k < end; k++) out->words[k].stroke = stroke;
    }
}

static bool doubtful(const reading *r) {
    return r->weight > 0 && r->weighed / r->weight < DOUBTFUL;
}

static bool read_words(PIX *pix, double dpi, arena *a, ocr_words *out, reading *r, error *err) {
    *r = (reading){0};
    *out = (ocr_words){.dpi = dpi};
    PIX *clean = ocr_take_rules(pix, dpi, a, out);
    if (!clean)
        return error_set(err, ERROR_LIMIT, "the page needs more memory than one page may have");
    TessBaseAPISetPageSegMode(reader, PSM_AUTO);
    TessBaseAPISetImage2(reader, clean); /* it keeps a copy */
    TessBaseAPISetSourceResolution(reader, (int)(dpi + 0.5));
    pixDestroy(&clean);
    if (TessBaseAPIRecognize(reader, NULL) != 0)
        return error_set(err, ERROR_INTERNAL, "tesseract cannot read this page");
    TessResultIterator *it = TessBaseAPIGetIterator(reader);
    if (!it) return true; /* no text was found */
    TessPageIterator *at = TessResultIteratorGetPageIterator(it);
    uint32_t line = 0;
    do {
        line += TessPageIteratorIsAtBeginningOf(at, RIL_TEXTLINE) != 0;
        take_word(it, at, line, a, out, r);
    } while (TessResultIteratorNext(it, RIL_WORD));
    TessResultIteratorDelete(it);
    PIX *black = TessBaseAPIGetThresholdedImage(reader);
    if (black) measure_strokes(black, out);
    if (black && !doubtful(r)) ocr_read_missed(reader, black, a, out);
    if (black) pixDestroy(&black);
    out->credible = r->weight > 0 ? (float)(r->weighed / r->weight) : 0;
    return true;
}

/* ---- turning -------------------------------------------------------------------------------- */

static box map_box(ocr_map m, box b) {
    double xs[4], ys[4];
    for (int i = 0; i < 4; i++) {
        double x = i & 1 ? b.x1 : b.x0, y = i & 2 ? b.y1 : b.y0;
        xs[i] = m.a * x + m.c * y + m.e;
        ys[i] = m.b * x + m.d * y + m.f;
    }
    return (box){(float)fmin(fmin(xs[0], xs[1]), fmin(xs[2], xs[3])),
                 (float)fmin(fmin(ys[0], ys[1]), fmin(ys[2], ys[3])),
                 (float)fmax(fmax(xs[0], xs[1]), fmax(xs[2], xs[3])),
                 (float)fmax(fmax(ys[0], ys[1]), fmax(ys[2], ys[3]))};
}

/* How many quarters clockwise this picture must be turned to be upright, 0 where that is not clear;
 * and its script. */
static int quarters_to_upright(PIX *pix, double dpi, char script_name[32]) {
    int degrees = 0;
    float sure = 0, script_sure;
    const char *script = NULL;
    script_name[0] = '\0';
    if (!compass) return 0;
    TessBaseAPISetImage2(compass, pix);
    TessBaseAPISetSourceResolution(compass, (int)(dpi + 0.5));
    bool told = TessBaseAPIDetectOrientationScript(compass, &degrees, &sure, &script, &script_sure);
    if (told && script) snprintf(script_name, 32, "%s", script);
    TessBaseAPIClear(compass);
    return told && sure >= ORIENTED ? (4 - degrees / 90) & 3 : 0;
}

/* Where most lines run up, down or backwards, the words are given as if they had been turned. */
static void turn_words(PIX *pix, const reading *r, ocr_words *out) {
    int way = OCR_RIGHTWARD;
    for (int i = 1; i < 4; i++) way = r->letters[i] > r->letters[way] ? i : way;
    if (way == OCR_RIGHTWARD) return;
    /* Lines that run down are turned against the clock, which is three quarters with it. */
    int quarters = 4 - way;
    double width = pixGetWidth(pix), height = pixGetHeight(pix);
    ocr_map back = turn_back(quarters, width, height);
    ocr_map forth = turn_back(way, quarters & 1 ? height : width, quarters & 1 ? width : height);
    for (size_t i = 0; i < out->count; i++) {
        ocr_word *w = &out->words[i];
        w->at = map_box(forth, w->at);
        w->way = (ocr_way)((w->way - way) & 3);
        w->baseline_y = w->at.y1;
    }
    for (size_t i = 0; i < out->rule_count; i++) out->rules[i] = map_box(forth, out->rules[i]);
    out->to_page = compose(out->to_page, back);
}

static bool read_turned(PIX *straight, double dpi, arena *a, ocr_words *out, error *err) {
    reading r, again;
    ocr_map to_page = out->to_page;
    if (!read_words(straight, dpi, a, out, &r, err)) return false;
    out->to_page = to_page;
    int quarters = doubtful(&r) ? quarters_to_upright(straight, dpi, out->script) : 0;
    PIX *upright = quarters ? pixRotateOrth(straight, quarters) : NULL;
    if (upright) {
        ocr_words second;
        bool ok = read_words(upright, dpi, a, &second, &again, err);
        second.to_page =
            compose(to_page, turn_back(quarters, pixGetWidth(straight), pixGetHeight(straight)));
        if (ok && again.weight > 0 && again.weighed / again.weight > r.weighed / r.weight) {
            memcpy(second.script, out->script, sizeof second.script);
            *out = second;
            turn_words(upright, &again, out);
            pixDestroy(&upright);
            return true;
        }
        pixDestroy(&upright);
        if (!ok) return false;
    }
    turn_words(straight, &r, out);
    return true;
}

static PIX *set_straight(PIX *even, float skew) {
    bool cuts = fabsf(skew) >= SKEW_CUTS_DEGREES;
    if (skew == 0) return pixClone(even);
    return pixRotate(even, skew * (l_float32)M_PI / 180, L_ROTATE_AREA_MAP, L_BRING_IN_WHITE,
                     cuts ? pixGetWidth(even) : 0, cuts ? pixGetHeight(even) : 0);
}

/* The picture as tesseract is given it: straight, and a little smoothed. A mean over three pixels
 * costs a clean scan nothing, and of a worn one it takes a quarter of the mistakes away
 * (tests/eval: 0.965 of the words instead of 0.955); letters that are drawn coarsely cannot spare
 * it. */
static bool read_straight(PIX *even, float skew, double dpi, arena *a, ocr_words *out, error *err) {
    PIX *straight = set_straight(even, skew);
    PIX *smooth = straight && dpi >= SMOOTHED_DPI ? pixBlockconv(straight, 1, 1) : NULL;
    *out = (ocr_words){.dpi = dpi, .to_page = {72 / dpi, 0, 0, 72 / dpi, 0, 0}};
    if (!straight)
        return error_set(err, ERROR_LIMIT, "the page needs more memory than one page may have");
    if (skew != 0) out->to_page = compose(out->to_page, tilt_back(skew, straight, even));
    if (smooth) pixDestroy(&straight);
    PIX *given = smooth ? smooth : straight;
    bool ok = read_turned(given, dpi, a, out, err);
    pixDestroy(&given);
    return ok;
}

static size_t count_read(const ocr_words *w) {
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++) n += w->words[i].faint ? 0 : w->words[i].text.n;
    return n;
}

/* A page of which nothing or little sense was read may lie far askew. */
static bool read_askew(PIX *even, double dpi, arena *a, ocr_words *out, error *err) {
    ocr_words second;
    float skew = skew_of(even, true);
    if (skew == 0) return true;
    if (!read_straight(even, skew, dpi, a, &second, err)) return false;
    if (second.credible > out->credible && count_read(&second) > count_read(out)) *out = second;
    return true;
}

bool ocr_recognise(const ocr_picture *p, arena *a, ocr_words *out, error *err) {
    *out = (ocr_words){.dpi = p->dpi, .to_page = {72 / p->dpi, 0, 0, 72 / p->dpi, 0, 0}};
    if (!has_ink(p->grey)) return true;
    PIX *even = evenly_lit(p->grey);
    if (!even)
        return error_set(err, ERROR_LIMIT, "the page needs more memory than one page may have");
    bool ok = read_straight(even, skew_of(even, false), p->dpi, a, out, err);
    if (ok && out->credible < DOUBTFUL) ok = read_askew(even, p->dpi, a, out, err);
    pixDestroy(&even);
    return ok;
}
