/* A page of a PDF is drawn as a person would see it, in grey.
 *
 * Poppler draws into a cairo surface at 300 dpi, whatever the page's pictures have: scans of 600 dpi
 * read no better and take four times as long, and those of 100 dpi read better enlarged. A
 * page that would be too many pixels is drawn smaller, and says so. Text of fonts that are not in
 * the file is drawn with the system's, which is why their folders can be read under the lock.
 */
#include <cairo.h>
#include <leptonica/allheaders.h>
#include <math.h>
#include <poppler.h>

#include "ingest/ocr/ocr.h"
#include "ingest/parse/pdf/pdf_beside.h"

/* Below this, letters of body text are too small to be read: worth a word to the user. */
#define COARSE_DPI 150.0
/* PDF's own limit is 14,400 units of 1/72 inch, which a unit may stretch; beyond is damage. */
#define MAX_SIDE_PT 1e6

/* Of cairo's red, green and blue, by what the eye makes of them (ITU-R BT.601). */
static PIX *grey_of(cairo_surface_t *surface, int width, int height) {
    PIX *grey = pixCreateNoInit(width, height, 8);
    if (!grey) return NULL;
    const unsigned char *data = cairo_image_surface_get_data(surface);
    int stride = cairo_image_surface_get_stride(surface);
    l_uint32 *to = pixGetData(grey);
    for (int y = 0; y < height; y++, to += pixGetWpl(grey)) {
        const uint32_t *from = (const uint32_t *)(const void *)(data + (size_t)y * (size_t)stride);
        for (int x = 0; x < width; x++) {
            uint32_t c = from[x];
            uint32_t v =
                (((c >> 16) & 255) * 77 + ((c >> 8) & 255) * 150 + (c & 255) * 29 + 128) >> 8;
            SET_DATA_BYTE(to, x, v);
        }
    }
    return grey;
}

static PIX *draw(PopplerPage *page, double dpi, int width, int height) {
    PIX *grey = NULL;
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    cairo_t *cairo = cairo_create(surface);
    cairo_set_source_rgb(cairo, 1, 1, 1);
    cairo_paint(cairo);
    cairo_scale(cairo, dpi / 72, dpi / 72);
    poppler_page_render(page, cairo);
    cairo_surface_flush(surface);
    /* An error while drawing (a picture that does not decode) leaves what was drawn before. */
    if (cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS)
        grey = grey_of(surface, width, height);
    cairo_destroy(cairo);
    cairo_surface_destroy(surface);
    return grey;
}

static bool render(PopplerPage *page, arena *a, ocr_picture *out, error *err) {
    poppler_page_get_size(page, &out->width_pt, &out->height_pt);
    if (!(out->width_pt > 0 && out->height_pt > 0 && out->width_pt < MAX_SIDE_PT &&
          out->height_pt < MAX_SIDE_PT))
        return error_set(err, ERROR_INPUT, "the page has no size that could be drawn");
    out->dpi = fmin(OCR_DPI, 72 * sqrt(OCR_MAX_PIXELS / (out->width_pt * out->height_pt)));
    if (out->dpi < COARSE_DPI)
        out->note = arena_printf(a,
                                 "read at %.0f dpi, because the page is %.0f x %.0f inches: small "
                                 "letters may be missing",
                                 out->dpi, out->width_pt / 72, out->height_pt / 72);
    double width = ceil(out->width_pt * out->dpi / 72),
           height = ceil(out->height_pt * out->dpi / 72);
    /* A strip of a hair's width and any length is within the pixels, but not within cairo. */
    if (width > INT16_MAX || height > INT16_MAX)
        return error_set(err, ERROR_LIMIT, "the page is %.0f x %.0f points, which is no page",
                         out->width_pt, out->height_pt);
    out->grey = draw(page, out->dpi, (int)width, (int)height);
    return out->grey ? true
                     : error_set(err, ERROR_LIMIT,
                                 "the page needs more memory to be drawn than "
                                 "one page may have");
}

bool ocr_render_page(const parse_input *in, uint32_t number, arena *a, ocr_picture *out,
                     error *err) {
    PopplerDocument *d = pdf_open(in, err);
    if (!d) return false;
    PopplerPage *page = NULL;
    if (number <= (uint32_t)poppler_document_get_n_pages(d))
        page = poppler_document_get_page(d, (int)number - 1);
    bool ok =
        page ? render(page, a, out, err)
             : error_set(err, ERROR_INPUT, "the PDF has no page %u that could be drawn", number);
    if (page) g_object_unref(page);
    g_object_unref(d);
    return ok;
}
