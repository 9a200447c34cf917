/* carrel-ocr: a page that carries no usable text is drawn, and its characters are recognised.
 *
 *   render.c      a page of a PDF becomes a grey picture (poppler, cairo)
 *   picture.c     a page of an image file becomes one (leptonica)
 *   decode.c      large ones in colour, without a copy in colour (libpng, libtiff)
 *   ruled.c       ruling lines are taken off it
 *   recognise.c   a grey picture becomes words (tesseract), whichever way it is turned
 *   missed.c      what looks like text and was not read is tried again
 *   write.c       words become lines, blocks and records, by the layout of ingest/parse/pdf/pdf.h
 *   main.c        the program: what it keeps loaded, and its life under the lock
 *
 * It is a program of its own since Debian's tesseract is linked with libcurl: neither carrel nor
 * carrel-parse shall be. Nothing here calls that, and the lock refuses it every socket.
 */
#ifndef CARREL_INGEST_OCR_H
#define CARREL_INGEST_OCR_H

#include "ingest/languages.h"
#include "ingest/parse/parse.h"
#include "ingest/worker.h"

struct Pix;         /* leptonica's */
struct TessBaseAPI; /* tesseract's */

/* What characters are drawn at: tesseract reads best where a capital is 25 to 40 pixels high. */
#define OCR_DPI 300.0
/* 300 dpi of a sheet of A3. Drawn in colour it takes 80 MB, and a page has 250. */
#define OCR_MAX_PIXELS 20e6

/* ---- pictures ------------------------------------------------------------------------------- */

typedef struct {
    struct Pix *grey;           /* 8 bits a pixel */
    double width_pt, height_pt; /* of the page that it shows */
    double dpi;                 /* pixels in 72 of those points */
    str note;                   /* what a person should know of it; mostly empty */
} ocr_picture;

/* page: 1-based. Notes live in `a`. */
typedef bool ocr_picture_fn(const parse_input *in, uint32_t page, arena *a, ocr_picture *out,
                            error *err);
ocr_picture_fn ocr_render_page;
ocr_picture_fn ocr_decode_page;

/* decode.c: to 8 bits of grey at once; NULL where the picture is damaged. Sizes were checked. */
struct Pix *ocr_decode_png(str bytes);
struct Pix *ocr_decode_tiff(str bytes, int directory, uint32_t *orientation);

/* ---- recognition ---------------------------------------------------------------------------- */

/* How the lines of a text run. */
typedef enum { OCR_RIGHTWARD, OCR_DOWNWARD, OCR_LEFTWARD, OCR_UPWARD } ocr_way;

typedef struct {
    str text;
    box at;           /* pixels of the upright picture */
    float confidence; /* 0..100 */
    bool faint;       /* not believed: it takes its place in the line, and says nothing */
    ocr_way way;      /* OCR_RIGHTWARD in the upright picture, but for text in its margins */
    float font_pt;    /* as tesseract guesses it of the line */
    float baseline_y; /* of the line */
    float stroke;     /* how thick the line's letters are drawn, in pixels; 0: not known */
    uint32_t line;    /* words of one line have one number */
} ocr_word;

/* The upright picture lies on the page: x' = a x + c y + e, y' = b x + d y + f, in points. */
typedef struct {
    double a, b, c, d, e, f;
} ocr_map;

typedef struct {
    ocr_word *words;
    size_t count, room;
    size_t faint;
    size_t missed;   /* pieces of text that no word was made of */
    float credible;  /* mean confidence over all words, the faint ones too, 0..100 */
    char script[32]; /* that a page of doubtful words seems to be written in, or empty */
    ocr_map to_page;
    double dpi;
    box *rules; /* lines across and down, without width; pixels of the upright picture */
    size_t rule_count;
} ocr_words;

/* A copy of the picture without its ruling lines, which go into `out`; NULL: no memory. */
struct Pix *ocr_take_rules(struct Pix *grey, double dpi, arena *a, ocr_words *out);
/* Makes words of what `out` has none of, on the page that `reader` has just read. */
void ocr_read_missed(struct TessBaseAPI *reader, struct Pix *black, arena *a, ocr_words *out);
/* Does a line run down through the middle of what stands there? */
bool ocr_rule_within(const ocr_words *w, box at, float *x);

/* In the parent, once for each choice of languages: children find the models loaded. */
bool ocr_load(const languages_chosen *languages, error *err);
bool ocr_recognise(const ocr_picture *picture, arena *a, ocr_words *out, error *err);

/* ---- records -------------------------------------------------------------------------------- */

/* The document of one page, with what was recognised on it. `words` may have none; its bullets get
 * their name. */
void ocr_write(const ocr_picture *picture, ocr_words *words, const languages_chosen *languages,
               arena *a, record_writer *out);

#endif
