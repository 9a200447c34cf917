/* Colour pictures of many pixels, decoded to grey as they come.
 *
 * Leptonica decodes to four bytes a pixel, and a TIFF through a second copy of them: a sheet of A4
 * at 600 dpi would take 280 MB before it is grey, of which 35 are left. Here libpng makes grey rows
 * of its rows, and libtiff gives a band of the page at a time. Nothing is scaled or turned here.
 */
#include <leptonica/allheaders.h>
#include <png.h>
#include <string.h>
#include <tiffio.h>

#include "ingest/ocr/ocr.h"

/* Of a TIFF page that are decoded at once, in four bytes: 512 rows of A4 at 600 dpi. A strip that
 * is higher is decoded once for each band. */
#define BAND_PIXELS 2540000u

/* ---- PNG ------------------------------------------------------------------------------------ */

static uint32_t big_endian(str bytes, size_t at) {
    const unsigned char *p = (const unsigned char *)bytes.p + at;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The chunk pHYs, which libpng's simple interface does not tell: two numbers, and 1 where they are
 * of a metre. It stands before the pixels. */
static void set_png_resolution(str bytes, PIX *grey) {
    const size_t head = 8, around = 12; /* signature; length, name and checksum of a chunk */
    for (size_t at = head; at + around <= bytes.n;) {
        uint32_t n = big_endian(bytes, at);
        str name = str_cut(bytes, at + 4, at + 8);
        if (n > bytes.n - at - around || str_eq(name, STR("IDAT"))) return;
        if (str_eq(name, STR("pHYs")) && n == 9 && bytes.p[at + 16] == 1) {
            double x = big_endian(bytes, at + 8) * 0.0254, y = big_endian(bytes, at + 12) * 0.0254;
            if (x < 1e5 && y < 1e5) pixSetResolution(grey, (l_int32)(x + 0.5), (l_int32)(y + 0.5));
            return;
        }
        at += n + around;
    }
}

PIX *ocr_decode_png(str bytes) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    const png_color white = {255, 255, 255};
    if (!png_image_begin_read_from_memory(&image, bytes.p, bytes.n)) return NULL;
    image.format = PNG_FORMAT_GRAY;
    PIX *grey = pixCreateNoInit((l_int32)image.width, (l_int32)image.height, 8);
    if (!grey) {
        png_image_free(&image);
        return NULL;
    }
    png_int_32 stride = (png_int_32)(4 * pixGetWpl(grey));
    if (!png_image_finish_read(&image, &white, pixGetData(grey), stride, NULL)) {
        pixDestroy(&grey);
        return NULL;
    }
    set_png_resolution(bytes, grey);
    pixEndianByteSwap(grey); /* leptonica counts bytes from the high end of a word */
    return grey;
}

/* ---- TIFF ----------------------------------------------------------------------------------- */

typedef struct {
    str bytes;
    size_t at;
} memory_file;

static tsize_t read_memory(thandle_t handle, tdata_t to, tsize_t n) {
    memory_file *f = handle;
    size_t left = f->at < f->bytes.n ? f->bytes.n - f->at : 0;
    size_t take = n < 0 ? 0 : (size_t)n < left ? (size_t)n : left;
    if (take > 0) memcpy(to, f->bytes.p + f->at, take);
    f->at += take;
    return (tsize_t)take;
}

static tsize_t write_memory(thandle_t handle, tdata_t from, tsize_t n) {
    (void)handle, (void)from, (void)n;
    return -1;
}

static toff_t seek_memory(thandle_t handle, toff_t to, int whence) {
    memory_file *f = handle;
    f->at = whence == SEEK_SET ? to : whence == SEEK_CUR ? f->at + to : f->bytes.n + to;
    return f->at;
}

static int close_memory(thandle_t handle) {
    (void)handle;
    return 0;
}

static toff_t size_memory(thandle_t handle) {
    return ((memory_file *)handle)->bytes.n;
}

/* Red, green and blue by what the eye makes of them (ITU-R BT.601), on white paper: libtiff has
 * multiplied them by their alpha. */
static l_uint32 grey_of(uint32_t c) {
    uint32_t paper = 255 - TIFFGetA(c);
    return ((TIFFGetR(c) * 77 + TIFFGetG(c) * 150 + TIFFGetB(c) * 29 + 128) >> 8) + paper;
}

static bool take_band(TIFFRGBAImage *image, uint32_t *band, uint32_t first, uint32_t rows,
                      PIX *grey) {
    uint32_t width = image->width;
    image->row_offset = (int)first;
    image->col_offset = 0;
    image->req_orientation = ORIENTATION_TOPLEFT;
    if (!TIFFRGBAImageGet(image, band, width, rows)) return false;
    l_uint32 *line = pixGetData(grey) + (size_t)first * (size_t)pixGetWpl(grey);
    for (uint32_t y = 0; y < rows; y++, line += pixGetWpl(grey))
        for (uint32_t x = 0; x < width; x++) {
            l_uint32 v = grey_of(band[(size_t)y * width + x]);
            SET_DATA_BYTE(line, x, v > 255 ? 255 : v);
        }
    return true;
}

static PIX *decode_directory(TIFF *tiff) {
    TIFFRGBAImage image;
    char why[1024];
    if (!TIFFRGBAImageBegin(&image, tiff, 0, why)) return NULL;
    uint32_t width = image.width, height = image.height; /* within what the header promised */
    image.orientation = ORIENTATION_TOPLEFT;             /* the page is turned afterwards */
    PIX *grey = pixCreateNoInit((l_int32)width, (l_int32)height, 8);
    uint32_t rows = width < BAND_PIXELS ? BAND_PIXELS / width : 1;
    uint32_t *band = mem_new((size_t)width * rows, sizeof *band);
    bool ok = grey != NULL;
    for (uint32_t y = 0; ok && y < height; y += rows)
        ok = take_band(&image, band, y, height - y < rows ? height - y : rows, grey);
    TIFFRGBAImageEnd(&image);
    mem_free(band);
    if (!ok && grey) pixDestroy(&grey);
    return grey;
}

PIX *ocr_decode_tiff(str bytes, int directory, uint32_t *orientation) {
    memory_file file = {.bytes = bytes};
    uint16_t turn = 1, unit = RESUNIT_INCH;
    float x = 0, y = 0;
    TIFFSetErrorHandler(NULL);
    TIFFSetWarningHandler(NULL);
    TIFF *tiff = TIFFClientOpen("page", "rm", &file, read_memory, write_memory, seek_memory,
                                close_memory, size_memory, NULL, NULL);
    if (!tiff) return NULL;
    PIX *grey = TIFFSetDirectory(tiff, (tdir_t)directory) ? decode_directory(tiff) : NULL;
    TIFFGetField(tiff, TIFFTAG_ORIENTATION, &turn);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_RESOLUTIONUNIT, &unit);
    TIFFGetField(tiff, TIFFTAG_XRESOLUTION, &x);
    TIFFGetField(tiff, TIFFTAG_YRESOLUTION, &y);
    TIFFClose(tiff);
    float inch = unit == RESUNIT_CENTIMETER ? 2.54f : 1;
    if (grey && x > 0 && x < 1e5f && y > 0 && y < 1e5f)
        pixSetResolution(grey, (l_int32)(x * inch + 0.5f), (l_int32)(y * inch + 0.5f));
    *orientation = turn;
    return grey;
}
