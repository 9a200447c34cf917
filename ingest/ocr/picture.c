/* A page of an image file is decoded, in grey, at a size that characters are read well at.
 *
 * Leptonica decodes from memory. What a header promises is checked before a pixel is, so that a
 * file of a few bytes cannot ask for gigabytes. Resolutions in image files are often absent or
 * invented (cameras write 72 for a sheet of 4,000 pixels), so one that makes no page is not
 * believed.
 */
#include <leptonica/allheaders.h>
#include <math.h>
#include <string.h>

#include "ingest/ocr/ocr.h"
#include "ingest/parse/image/tiff.h"

/* 600 dpi of A4 in colour are 35 million pixels of 4 bytes, where they are decoded to colour. */
#define MAX_DECODED_BYTES 200e6
/* Phones make JPEGs of 200 million pixels, which can be decoded at a half, quarter or eighth. */
#define MAX_PHOTO_PIXELS 800e6
#define MAX_REDUCTION 8

/* Black and white of more pixels is made grey and small at once: A3 at 600 dpi has fewer. */
#define MAX_EXPANDED_PIXELS 80e6

/* A page between a visiting card and a poster. */
#define PAGE_MIN_PT 100.0
#define PAGE_MAX_PT 2400.0
#define PAGE_LONG_PT 842.0     /* A4: what a page of unknown size is taken for */
#define SCREEN_DPI 72.0        /* what a picture too small for a scanned page is taken for */
#define SCAN_MIN_PIXELS 1600.0 /* on the long side: A4 at 137 dpi */
/* 204 x 98 dots in an inch are a fax, 204 x 20 a mistake. */
#define MAX_STRETCH 3.0
/* Enlarging further than this blurs letters without making them readable. */
#define MAX_ENLARGED 4.2

typedef struct {
    int format, width, height, bits, samples;
    int directory;        /* of a TIFF file */
    uint32_t orientation; /* of EXIF */
} header;

static bool is_tiff(const header *h) {
    return h->format >= IFF_TIFF && h->format <= IFF_TIFF_ZIP;
}

static bool damaged(error *err) {
    return error_set(err, ERROR_INPUT, "the picture is damaged and cannot be decoded");
}

static bool find_directory(const parse_input *in, uint32_t page, header *h) {
    tiff_file tiff;
    bool whole;
    if (!tiff_open(in->bytes, &tiff)) return page == 1;
    tiff_page *pages = mem_new(page, sizeof *pages);
    bool found = tiff_pages(&tiff, pages, page, &whole) == page;
    if (found) h->directory = (int)pages[page - 1].directory;
    mem_free(pages);
    return found;
}

static bool read_header(const parse_input *in, uint32_t page, header *h, error *err) {
    const l_uint8 *p = (const l_uint8 *)in->bytes.p;
    int ignored;
    *h = (header){.orientation = 1};
    if (!find_directory(in, page, h))
        return error_set(err, ERROR_INPUT, "the picture has no page %u", page);
    findFileFormatBuffer(p, &h->format);
    if (in->bytes.n < 16) return damaged(err);
    if (is_tiff(h)) {
        if (readHeaderMemTiff(p, in->bytes.n, h->directory, &h->width, &h->height, &h->bits,
                              &h->samples, NULL, NULL, NULL))
            return damaged(err);
    } else if (h->format == IFF_GIF) { /* the canvas; leptonica would decode to tell */
        h->width = p[6] | p[7] << 8;
        h->height = p[8] | p[9] << 8;
        h->bits = 8;
        h->samples = 1;
    } else if (pixReadHeaderMem(p, in->bytes.n, &ignored, &h->width, &h->height, &h->bits,
                                &h->samples, NULL)) {
        return damaged(err);
    }
    if (h->format == IFF_JFIF_JPEG) h->orientation = tiff_exif_orientation(in->bytes);
    return h->width > 0 && h->height > 0 ? true : damaged(err);
}

/* One of print, in four inks; libjpeg makes no brightness of them. */
static bool is_cmyk(const header *h) {
    return h->format == IFF_JFIF_JPEG && h->samples == 4;
}

/* How many bytes are made of it: of a JPEG only its brightness is decoded, a PNG and a colour TIFF
 * become grey row by row (decode.c), and JPEG 2000 is four bytes for each sample first. */
static double decoded_bytes(const header *h) {
    double pixels = (double)h->width * h->height;
    if (is_cmyk(h)) return 4 * pixels;
    if (h->format == IFF_JP2) return 4 * pixels * (h->samples + 1);
    if (h->format == IFF_JFIF_JPEG || h->format == IFF_PNG || (is_tiff(h) && h->samples > 1))
        return pixels;
    return h->samples > 1 ? 4 * pixels : pixels * fmax(h->bits, 1) / 8;
}

/* Formats that can be decoded at a half, a quarter, an eighth. */
static int reduction_of(const header *h) {
    int by = 1;
    if (h->format != IFF_JFIF_JPEG && h->format != IFF_JP2) return 1;
    while (by < MAX_REDUCTION && decoded_bytes(h) / (by * by) > 2 * OCR_MAX_PIXELS) by *= 2;
    return by;
}

static PIX *decode_jpeg(const parse_input *in, const header *h, int reduction, arena *a,
                        str *note) {
    int warnings = 0;
    PIX *pix = pixReadMemJpeg((const l_uint8 *)in->bytes.p, in->bytes.n, 0, reduction, &warnings,
                              is_cmyk(h) ? 0 : L_JPEG_READ_LUMINANCE);
    if (pix && warnings > 0)
        *note = arena_printf(a, "the picture is damaged: a part of it may not have been read");
    return pix;
}

static PIX *decode(const parse_input *in, header *h, int reduction, arena *a, str *note) {
    const l_uint8 *p = (const l_uint8 *)in->bytes.p;
    if (is_tiff(h))
        return h->samples > 1 ? ocr_decode_tiff(in->bytes, h->directory, &h->orientation)
                              : pixReadMemTiff(p, in->bytes.n, h->directory);
    if (h->format == IFF_JFIF_JPEG) return decode_jpeg(in, h, reduction, a, note);
    if (h->format == IFF_PNG) return ocr_decode_png(in->bytes);
    if (h->format == IFF_JP2)
        return pixReadMemJp2k(p, in->bytes.n, (l_uint32)reduction, NULL, 0, 0);
    return pixReadMem(p, in->bytes.n);
}

/* A drawing of black and white, as large as a wall, is made smaller on the way: in grey it would
 * take eight times its memory. Takes over `from`. */
static PIX *smaller_grey(PIX *from) {
    double pixels = (double)pixGetWidth(from) * pixGetHeight(from);
    PIX *grey = pixScaleToGray(from, (l_float32)sqrt(OCR_MAX_PIXELS / pixels));
    pixDestroy(&from);
    return grey;
}

/* Takes over `from`. Transparent is white. */
static PIX *to_grey(PIX *from) {
    if (from && pixGetDepth(from) == 1 &&
        (double)pixGetWidth(from) * pixGetHeight(from) > MAX_EXPANDED_PIXELS)
        return smaller_grey(from);
    PIX *opaque = from && pixGetDepth(from) == 32 && pixGetSpp(from) == 4
                      ? pixAlphaBlendUniform(from, 0xffffff00)
                  : from ? pixClone(from)
                         : NULL;
    if (from) pixDestroy(&from);
    PIX *grey = opaque ? pixConvertTo8(opaque, 0) : NULL;
    if (opaque) pixDestroy(&opaque);
    return grey;
}

/* Takes over `from`. EXIF's orientations: quarter turns, and mirrored ones that no camera makes. */
static PIX *turned(PIX *from, uint32_t orientation) {
    static const int quarters[] = {0, 0, 0, 2, 2, 1, 1, 3, 3}; /* clockwise */
    static const bool mirrored[] = {0, 0, 1, 0, 1, 1, 0, 1, 0};
    if (!from || orientation <= 1 || orientation > 8) return from;
    PIX *turn = pixRotateOrth(from, quarters[orientation]);
    pixDestroy(&from);
    if (turn && mirrored[orientation]) pixFlipLR(turn, turn);
    return turn;
}

/* A fax has twice as many dots across as down: the picture is made as high as its page is. Takes
 * over `from`. */
static PIX *squared(PIX *from) {
    double x = pixGetXRes(from), y = pixGetYRes(from);
    if (!(x > 0 && y > 0) || fmax(x, y) / fmin(x, y) > MAX_STRETCH || fabs(x / y - 1) < 0.05)
        return from;
    double across = fmax(x, y) / x, down = fmax(x, y) / y;
    PIX *square = pixScale(from, (l_float32)across, (l_float32)down);
    if (square) pixSetResolution(square, (l_int32)fmax(x, y), (l_int32)fmax(x, y));
    pixDestroy(&from);
    return square;
}

/* Pixels to 72 points of the page, as the file says or as its size makes likely. */
static double resolution(PIX *pix, int reduction) {
    double longest = fmax(pixGetWidth(pix), pixGetHeight(pix));
    double shortest = fmin(pixGetWidth(pix), pixGetHeight(pix));
    double stated = fmax(pixGetXRes(pix), pixGetYRes(pix)) / reduction;
    if (stated > 0 && longest * 72 / stated <= PAGE_MAX_PT && shortest * 72 / stated >= PAGE_MIN_PT)
        return stated;
    return longest >= SCAN_MIN_PIXELS ? longest * 72 / PAGE_LONG_PT : SCREEN_DPI;
}

/* Takes over `from`; gives the picture at a size that is read well. */
static bool scale(PIX *from, int reduction, ocr_picture *out) {
    double width = pixGetWidth(from), height = pixGetHeight(from);
    double dpi = resolution(from, reduction);
    double by = fmin(OCR_DPI / dpi, sqrt(OCR_MAX_PIXELS / (width * height)));
    if (by > MAX_ENLARGED) by = MAX_ENLARGED;
    if (fabs(by - 1) < 0.05) by = 1;
    out->width_pt = width * 72 / dpi;
    out->height_pt = height * 72 / dpi;
    out->dpi = dpi * by;
    out->grey = by == 1 ? pixClone(from) : pixScale(from, (l_float32)by, (l_float32)by);
    pixDestroy(&from);
    return out->grey != NULL;
}

bool ocr_decode_page(const parse_input *in, uint32_t page, arena *a, ocr_picture *out, error *err) {
    header h;
    setMsgSeverity(L_SEVERITY_NONE);
    if (!read_header(in, page, &h, err)) return false;
    int reduction = reduction_of(&h);
    if (decoded_bytes(&h) / (reduction * reduction) > MAX_DECODED_BYTES ||
        (double)h.width * h.height > MAX_PHOTO_PIXELS)
        return error_set(err, ERROR_LIMIT,
                         "the picture has %d x %d pixels, more than can be read safely; scale it "
                         "down and add it again",
                         h.width, h.height);
    PIX *pix = decode(in, &h, reduction, a, &out->note);
    if (!pix) return damaged(err);
    double x = pixGetXRes(pix), y = pixGetYRes(pix), width = pixGetWidth(pix);
    pix = to_grey(pix);
    double by = pix ? pixGetWidth(pix) / width : 1;
    if (pix) pixSetResolution(pix, (l_int32)(x * by + 0.5), (l_int32)(y * by + 0.5));
    if (pix) pix = squared(pix);
    int dots = pix ? L_MAX(pixGetXRes(pix), pixGetYRes(pix)) : 0; /* which a turn forgets */
    pix = turned(pix, h.orientation);
    if (pix) pixSetResolution(pix, dots, dots);
    if (!pix || !scale(pix, reduction, out))
        return error_set(err, ERROR_LIMIT, "the picture needs more memory than one page may have");
    return true;
}
