/* What looks like text on a recognised page, and is in none of its words, is read once more by
 * itself.
 *
 * Tesseract takes a column of single digits for dust, and a figure between two columns for
 * neither's: such words are not among its results, and nothing tells of them. Here the ink that no
 * believed word has is put together to pieces. Those that are as high as the page's words are read
 * again, each as one line; what is then believed becomes words. Of the others, those that stand in
 * a line with words are counted, for the page's note. A page of very many is a drawing, and of
 * those nothing is read.
 */
#include <leptonica/allheaders.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tesseract/capi.h>

#include "ingest/ocr/ocr.h"
#include "ingest/parse/pdf/pdf.h"

/* Against the usual height of the page's words: lower ones are points, dashes and dust, higher ones
 * are drawn. */
#define LOW_SHARE 0.62f
#define HIGH_SHARE 1.9f
/* The white between letters of one piece, likewise, and around it when it is read. */
#define JOIN_SHARE 0.7f
#define MARGIN_SHARE 0.4f
/* Words that few were read of say little about what a line is. */
#define LEAST_WORDS 8
/* Each costs some milliseconds. A price list has hundreds of figures, and a photograph thousands of
 * spots. */
#define MAX_PIECES 300
/* What is read of a piece in a line with words is believed from here on; */
#define BELIEVED_BESIDE 60.0f
/* what stands alone needs more, and more than one character. */
#define BELIEVED_ALONE 85.0f

typedef struct {
    struct TessBaseAPI *reader;
    ocr_words *out;
    arena *a;
    size_t known; /* words that the page was read as */
    float usual;  /* their height */
    uint32_t line;
} search;

static bool is_plain(const ocr_word *w) {
    return !w->faint && w->way == OCR_RIGHTWARD;
}

/* The median height of believed words; 0: too few of them. */
static float usual_height(const ocr_words *w, arena *scratch) {
    float *heights = arena_alloc(scratch, w->count + 1, sizeof *heights);
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++)
        if (is_plain(&w->words[i])) heights[n++] = w->words[i].at.y1 - w->words[i].at.y0;
    if (n < LEAST_WORDS || 2 * n < w->count) return 0; /* or it lies on its side */
    qsort(heights, n, sizeof *heights, pdf_by_size);
    return heights[n / 2];
}

/* The ink that neither belongs to a believed word nor touches one's letters, put together to
 * pieces. */
static BOXA *find_pieces(const search *s, PIX *black) {
    PIX *seed = pixCopy(NULL, black), *within = pixCreateTemplate(black);
    if (!seed || !within) {
        if (seed) pixDestroy(&seed);
        if (within) pixDestroy(&within);
        return NULL;
    }
    for (size_t i = 0; i < s->known; i++) {
        box b = s->out->words[i].at;
        if (is_plain(&s->out->words[i])) /* a column of digits is taken for a line that runs down */
            pixRasterop(within, (int)b.x0, (int)b.y0, (int)(b.x1 - b.x0), (int)(b.y1 - b.y0),
                        PIX_SET, NULL, 0, 0);
    }
    pixAnd(seed, seed, within);
    pixDestroy(&within);
    PIX *taken = pixSeedfillBinary(NULL, seed, black, 8);
    pixDestroy(&seed);
    if (!taken) return NULL;
    pixXor(taken, taken, black); /* all of it is black */
    PIX *joined =
        pixCloseSafeBrick(NULL, taken, (int)(JOIN_SHARE * s->usual) + 1, (int)(s->usual / 4) + 1);
    pixDestroy(&taken);
    BOXA *pieces = joined ? pixConnCompBB(joined, 8) : NULL;
    if (joined) pixDestroy(&joined);
    return pieces;
}

static float overlap(float a0, float a1, float b0, float b1) {
    return fminf(a1, b1) - fmaxf(a0, b0);
}

/* The nearest believed word in whose line a piece stands; NULL: in none's. */
static const ocr_word *beside(const search *s, box at) {
    const ocr_word *best = NULL;
    float nearest = INFINITY, high = at.y1 - at.y0;
    for (size_t i = 0; i < s->known; i++) {
        const ocr_word *w = &s->out->words[i];
        float own = w->at.y1 - w->at.y0;
        if (!is_plain(w) || overlap(at.y0, at.y1, w->at.y0, w->at.y1) < 0.7f * fminf(high, own) ||
            high > HIGH_SHARE * own || own > HIGH_SHARE * high)
            continue;
        float apart = -overlap(at.x0, at.x1, w->at.x0, w->at.x1);
        if (apart < nearest) nearest = apart, best = w;
    }
    return best;
}

static bool says_something(str word) {
    for (size_t i = 0; i < word.n; i++) {
        unsigned char c = (unsigned char)word.p[i];
        if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c >= 0x80)
            return true;
    }
    return false;
}

static void add_word(search *s, str word, box at, float confidence, const ocr_word *by) {
    ocr_words *out = s->out;
    if (out->count == out->room) {
        out->room = out->room ? out->room * 2 : 512;
        ocr_word *more = arena_alloc(s->a, out->room, sizeof *more);
        memcpy(more, out->words, out->count * sizeof *more);
        out->words = more;
    }
    out->words[out->count++] = (ocr_word){.text = arena_str(s->a, word),
                                          .at = at,
                                          .confidence = confidence,
                                          .font_pt = by->font_pt,
                                          .baseline_y = by->baseline_y,
                                          .stroke = by->stroke,
                                          .line = s->line};
}

/* Words of the piece that are believed; 0: it cannot be read in this way. */
static size_t take_words(search *s, const ocr_word *by, float believed) {
    size_t before = s->out->count;
    TessResultIterator *it = TessBaseAPIGetIterator(s->reader);
    if (!it) return 0;
    TessPageIterator *place = TessResultIteratorGetPageIterator(it);
    bool all = true;
    do {
        char *t = TessResultIteratorGetUTF8Text(it, RIL_WORD);
        str word = str_trim(str_of(t));
        int x0, y0, x1, y1;
        float confidence = TessResultIteratorConfidence(it, RIL_WORD);
        if (word.n > 0 && TessPageIteratorBoundingBox(place, RIL_WORD, &x0, &y0, &x1, &y1)) {
            all &= confidence >= believed && says_something(word);
            add_word(s, word, (box){(float)x0, (float)y0, (float)x1, (float)y1}, confidence, by);
        }
        TessDeleteText(t);
    } while (TessResultIteratorNext(it, RIL_WORD));
    TessResultIteratorDelete(it);
    if (!all) s->out->count = before;
    return s->out->count - before;
}

static bool read_piece(search *s, box at, const ocr_word *by, float believed) {
    static const TessPageSegMode ways[] = {PSM_SINGLE_LINE, PSM_RAW_LINE};
    float margin = MARGIN_SHARE * s->usual;
    int x0 = (int)fmaxf(at.x0 - margin, 0), y0 = (int)fmaxf(at.y0 - margin, 0);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        TessBaseAPISetPageSegMode(s->reader, ways[i]);
        TessBaseAPISetRectangle(s->reader, x0, y0, (int)(at.x1 + margin) - x0,
                                (int)(at.y1 + margin) - y0);
        if (TessBaseAPIRecognize(s->reader, NULL) == 0 && take_words(s, by, believed) > 0) {
            s->line++;
            return true;
        }
    }
    return false;
}

/* Does a word stand in the piece that is faint, or does not run to the right? */
static bool is_known(const search *s, box at) {
    for (size_t i = 0; i < s->known; i++) {
        const ocr_word *w = &s->out->words[i];
        if (!is_plain(w) && overlap(at.x0, at.x1, w->at.x0, w->at.x1) > 0 &&
            overlap(at.y0, at.y1, w->at.y0, w->at.y1) > 0)
            return true;
    }
    return false;
}

/* Such words are no longer told, and say nothing, where the piece was read. */
static void replace_words(search *s, box at) {
    for (size_t i = 0; i < s->known; i++) {
        ocr_word *w = &s->out->words[i];
        if (is_plain(w) || overlap(at.x0, at.x1, w->at.x0, w->at.x1) <= 0 ||
            overlap(at.y0, at.y1, w->at.y0, w->at.y1) <= 0)
            continue;
        if (w->faint && s->out->faint > 0) s->out->faint--;
        w->faint = true;
        w->way = OCR_RIGHTWARD;
        w->at = (box){at.x0, at.y0, at.x0, at.y0}; /* it is told once */
    }
}

static void take_piece(search *s, box at) {
    ocr_words *out = s->out;
    const ocr_word *by = beside(s, at);
    size_t before = out->count;
    ocr_word alone = {.baseline_y = at.y1, .font_pt = s->usual * 72 / (float)out->dpi};
    ocr_word like = by ? *by : alone;
    bool read = read_piece(s, at, &like, by ? BELIEVED_BESIDE : BELIEVED_ALONE);
    if (read && !by && out->count == before + 1 && out->words[before].text.n < 2) {
        out->count = before;
        read = false;
    }
    if (read)
        replace_words(s, at);
    else if (by && !is_known(s, at))
        out->missed++;
}

void ocr_read_missed(struct TessBaseAPI *reader, struct Pix *black, arena *a, ocr_words *out) {
    search s = {.reader = reader, .out = out, .a = a, .known = out->count};
    s.usual = usual_height(out, a);
    BOXA *pieces = s.usual > 0 ? find_pieces(&s, black) : NULL;
    if (!pieces) return;
    for (size_t i = 0; i < s.known; i++)
        if (out->words[i].line >= s.line) s.line = out->words[i].line + 1;
    int count = boxaGetCount(pieces), x, y, w, h, kept = 0;
    box *at = arena_alloc(a, (size_t)count + 1, sizeof *at);
    for (int i = 0; i < count; i++) {
        boxaGetBoxGeometry(pieces, i, &x, &y, &w, &h);
        if ((float)h >= LOW_SHARE * s.usual && (float)h <= HIGH_SHARE * s.usual)
            at[kept++] = (box){(float)x, (float)y, (float)(x + w), (float)(y + h)};
    }
    boxaDestroy(&pieces);
    if (kept > MAX_PIECES)
        out->missed += (size_t)kept;
    else
        for (int i = 0; i < kept; i++) take_piece(&s, at[i]);
}
