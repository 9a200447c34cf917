/* Is the text of a page worth keeping, or are its characters to be recognised from its picture?
 *
 * A page has no text where it is a scan, or where its letters are drawn as shapes; little, where a
 * stamp or a page number was put over a scan; and text that means nothing, where its font's table of
 * Unicode values is missing or wrong. The last is told without knowing the language, by which letters
 * stand beside each other: two thirds of all pairs make up nearly all of what is written in
 * Latin letters, and text in which pairs of the last third are frequent is no text. A page that is
 * suspected so loses nothing: what recognition reads is compared with it (ingest/reread.c), and where
 * both say the same the page's own text stays.
 */
#include <cairo.h>
#include <math.h>
#include <poppler.h>
#include <utf8proc.h>

#include "ingest/parse/pdf/pdf.h"

/* Codes without a Unicode meaning: more than one in so many makes the page unreadable. */
#define GARBLED_ONE_IN 4

/* A stamp, a page number, a line about who scanned it: no more letters than this, */
#define LITTLE_CHARACTERS 150
/* over pictures that cover this much of the page. */
#define COVERED_SHARE 0.6

/* Pairs of letters that fewer words have say nothing. */
#define PAIRS_NEEDED 80
/* Shorter words are not looked at: a table of doses or parts is full of kg, mm and CFU. */
#define WORD_LETTERS 4
/* Running text of 26 languages has at most two rare pairs in a hundred, letters that were shuffled
 * or shifted have twelve at least and mostly more than twenty. */
#define RARE_PAIRS_SHARE 0.13

/* Letters with marks among Latin letters: one in three in Vietnamese. In text of another script that
 * was read as Latin-1, nearly all. */
#define LETTERS_NEEDED 100
#define MARKED_SHARE 0.6

/* The page is drawn this small to see whether there is anything on it. */
#define SKETCH_PIXELS 240.0
/* There a word is at least this wide. */
#define SHADES_PIXELS 4
/* All sketches of a document together: a book of maps must not spend on them what it has to be parsed. */
#define SKETCHES_MS 10000.0

/* ---- letters -------------------------------------------------------------------------------- */

/* Row: first letter, bit: second one; both without their marks. Pairs that are at least one in a
 * thousand of those in the word list of one of 26 languages written in Latin letters (Hunspell's lists
 * from Basque to Vietnamese). */
static const uint32_t usual_pairs[26] = {
    0x3feffff, 0x1164913, 0x31e6f95, 0x33e6999, 0x3feffff, 0x01e6b31, 0x15e6fd9,
    0x17e7b11, 0x3ffffff, 0x23cf511, 0x17e6f95, 0x13c7ffd, 0x15cfd13, 0x33cffff,
    0x3feffff, 0x11ec9b1, 0x0100000, 0x37effff, 0x33ffff7, 0x3fe7f99, 0x3feffff,
    0x1166f11, 0x1046111, 0x0104111, 0x25eff7f, 0x37efd1f};

typedef struct {
    size_t pairs, rare;
    size_t latin, marked;
} letters;

/* a to z without its marks, 0..25; -1 for anything else. */
static int latin_of(uint32_t c, bool *marked) {
    utf8proc_int32_t parts[4];
    *marked = c >= 0x80;
    if (*marked) {
        int boundary = 0;
        if (c >= 0x250 && (c < 0x1E00 || c > 0x1EFF)) return -1;
        if (utf8proc_decompose_char((utf8proc_int32_t)c, parts, 4, UTF8PROC_DECOMPOSE, &boundary) <
            1)
            return -1;
        c = (uint32_t)parts[0];
    }
    c |= 0x20;
    return c >= 'a' && c <= 'z' ? (int)(c - 'a') : -1;
}

/* Letters like "\xc3\x9f" and "\xc3\xb8" that are none of a to z with a mark. */
static bool is_latin_letter(uint32_t c) {
    return c >= 0xC0 && c < 0x250 && c != 0xD7 && c != 0xF7;
}

/* Adds a word's pairs, where the word is long enough to say something. */
static void end_word(letters *l, letters *word) {
    if (word->pairs + 1 >= WORD_LETTERS) {
        l->pairs += word->pairs;
        l->rare += word->rare;
    }
    *word = (letters){0};
}

static void count_letters(str s, letters *l) {
    int before = -1;
    letters word = {0};
    for (size_t i = 0, used; i < s.n; i += used) {
        bool marked;
        uint32_t c = utf8_next(s.p + i, s.n - i, &used);
        int letter = latin_of(c, &marked);
        l->latin += letter >= 0 || is_latin_letter(c);
        l->marked += (letter >= 0 && marked) || is_latin_letter(c);
        if (letter >= 0 && before >= 0) {
            word.pairs++;
            word.rare += !(usual_pairs[before] >> letter & 1);
        }
        if (letter < 0) end_word(l, &word);
        before = letter;
    }
    end_word(l, &word);
}

static bool means_nothing(const pdf_runs *runs) {
    letters l = {0};
    for (size_t i = 0; i < runs->run_count; i++) count_letters(runs->runs[i].text, &l);
    return (l.pairs >= PAIRS_NEEDED && (double)l.rare > RARE_PAIRS_SHARE * (double)l.pairs) ||
           (l.latin >= LETTERS_NEEDED && (double)l.marked > MARKED_SHARE * (double)l.latin);
}

/* ---- pictures ------------------------------------------------------------------------------- */

/* The share of the page that its pictures cover; strips of one scan add up. */
static double covered(PopplerPage *page) {
    double width, height, area = 0;
    poppler_page_get_size(page, &width, &height);
    GList *pictures = poppler_page_get_image_mapping(page);
    for (GList *p = pictures; p; p = p->next) {
        const PopplerRectangle *r = &((PopplerImageMapping *)p->data)->area;
        double w = fmin(fabs(r->x2 - r->x1), width), h = fmin(fabs(r->y2 - r->y1), height);
        if (isfinite(w * h)) area += w * h;
    }
    poppler_page_free_image_mapping(pictures);
    return width * height > 0 ? area / (width * height) : 0;
}

/* Does this row of pixels hold more than paper, rules and areas of one colour? Letters drawn small are
 * shades side by side. */
static bool row_has_shades(const uint32_t *row, int columns, uint32_t paper) {
    int run = 0; /* pixels that are not paper, so far */
    for (int x = 1; x < columns - 1; x++) {
        run = ((row[x] ^ paper) & 0xffffff) != 0 ? run + 1 : 0;
        /* Not the ends of a run: they are antialiased. */
        if (run >= SHADES_PIXELS && ((row[x - 1] ^ row[x - 2]) & 0xffffff) != 0) return true;
    }
    return false;
}

/* Is anything drawn that may be letters? */
static bool sketch_has_ink(PopplerPage *page) {
    double width, height;
    poppler_page_get_size(page, &width, &height);
    if (!(width > 0 && height > 0 && isfinite(width * height))) return false;
    double scale = SKETCH_PIXELS / fmax(width, height);
    int columns = (int)ceil(width * scale), rows = (int)ceil(height * scale);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, columns, rows);
    cairo_t *cairo = cairo_create(surface);
    cairo_set_source_rgb(cairo, 1, 1, 1);
    cairo_paint(cairo);
    cairo_scale(cairo, scale, scale);
    poppler_page_render(page, cairo);
    cairo_surface_flush(surface);
    const unsigned char *data = cairo_image_surface_get_data(surface);
    int stride = cairo_image_surface_get_stride(surface);
    bool ink = false;
    /* Not the edges: there a page filled with one colour is antialiased. */
    for (int y = 1; data && !ink && y < rows - 1; y++) {
        const uint32_t *row = (const uint32_t *)(const void *)(data + (size_t)y * (size_t)stride);
        const uint32_t *first = (const uint32_t *)(const void *)(data + (size_t)stride);
        ink = row_has_shades(row, columns, first[1]);
    }
    cairo_destroy(cairo);
    cairo_surface_destroy(surface);
    return ink;
}

/* Once the time is used up, every page that is left is taken to have some: carrel-ocr will see. */
static bool has_ink(PopplerPage *page) {
    static double spent_ms; /* this process parses one document */
    if (spent_ms > SKETCHES_MS) return true;
    double start = clock_ms();
    bool ink = sketch_has_ink(page);
    spent_ms += clock_ms() - start;
    return ink;
}

/* ---- the verdict ---------------------------------------------------------------------------- */

pdf_verdict pdf_judge_page(struct _PopplerPage *page, const pdf_runs *runs) {
    if (runs->characters == 0) {
        bool drawn = covered(page) > 0 || has_ink(page);
        return (pdf_verdict){.fate = INGEST_FATE_EMPTY, .wants_ocr = drawn};
    }
    if (runs->unusable * GARBLED_ONE_IN > runs->characters)
        return (pdf_verdict){.fate = INGEST_FATE_GARBLED, .wants_ocr = true};
    if (means_nothing(runs))
        return (pdf_verdict){.fate = INGEST_FATE_GARBLED, .wants_ocr = true, .lay_out = true};
    bool little = runs->characters <= LITTLE_CHARACTERS && covered(page) >= COVERED_SHARE;
    return (pdf_verdict){.fate = INGEST_FATE_TEXT, .wants_ocr = little, .lay_out = true};
}
