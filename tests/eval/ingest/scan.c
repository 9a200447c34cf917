/* Scans made of text PDFs, so that what they say is known exactly.
 *
 * Each page is drawn by pdftoppm as a grey picture of 200 dpi and put into a PDF that holds nothing
 * but these pictures, deflated. No noise and no skew are added: this measures the way from a picture
 * to words, the worst scans of the world are measured by nobody. pdftoppm writes all pages to its
 * output, one PGM behind the other.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/eval/ingest/eval_ingest.h"

#define SCAN_DPI 200
#define SCAN_WORN_DPI 150
/* How far a worn page is turned, as a slope: 0.7 degrees. */
#define SCAN_SLOPE 0.0122
/* Ink and paper of a worn page, and how far noise moves each pixel, of 255. */
#define SCAN_INK 50
#define SCAN_PAPER 225
#define SCAN_NOISE 24
/* One pixel of so many is a speck. */
#define SCAN_SPECK 1500
#define SCAN_MAX_PAGES 64
/* A side of a page in pixels: 50 inches. */
#define SCAN_MAX_SIDE 10000

extern char **environ;

static bool draw_pages(const char *pdf, int dpi, text *out, error *err) {
    char resolution[16];
    int ends[2], status = -1;
    pid_t pid;
    char *argv[] = {"pdftoppm", "-r", resolution, "-gray", (char *)pdf, NULL};
    posix_spawn_file_actions_t actions;
    snprintf(resolution, sizeof resolution, "%d", dpi);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set(err, ERROR_IO, "no pipe: %s", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    int failed = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    char buffer[1 << 16];
    ssize_t n = 0;
    while (!failed && (n = read(ends[0], buffer, sizeof buffer)) > 0)
        text_put(out, (str){buffer, (size_t)n});
    close(ends[0]);
    if (failed)
        return error_set(err, ERROR_NOT_FOUND, "pdftoppm (poppler-utils) cannot be started: %s",
                         strerror(failed));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return (n == 0 && status == 0) || error_set(err, ERROR_IO, "pdftoppm failed on %s", pdf);
}

/* "P5 WIDTH HEIGHT 255" and one byte of white space, then the pixels. */
static bool next_picture(str all, size_t *pos, unsigned *width, unsigned *height, str *pixels) {
    int used = 0;
    str s = str_cut(all, *pos, all.n);
    if (s.n < 16 || sscanf(s.p, "P5 %u %u 255%n", width, height, &used) != 2 || used == 0)
        return false;
    size_t size = (size_t)*width * *height, begin = *pos + (size_t)used + 1;
    if (*width > SCAN_MAX_SIDE || *height > SCAN_MAX_SIDE || all.n - begin < size) return false;
    *pixels = str_cut(all, begin, begin + size);
    *pos = begin + size;
    return true;
}

/* A small generator of its own, so that the pictures are the same on every machine. */
static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void wear(const unsigned char *from, unsigned width, unsigned height, unsigned char *to) {
    uint32_t state = 1;
    for (unsigned y = 0; y < height; y++)
        for (unsigned x = 0; x < width; x++) {
            long fx = (long)(x + SCAN_SLOPE * (y - height / 2.0) + 0.5);
            long fy = (long)(y - SCAN_SLOPE * (x - width / 2.0) + 0.5);
            bool inside = fx >= 0 && fy >= 0 && fx < (long)width && fy < (long)height;
            int grey = inside ? from[(size_t)fy * width + (size_t)fx] : 255;
            grey = SCAN_INK + grey * (SCAN_PAPER - SCAN_INK) / 255;
            grey += (int)(next_random(&state) % (2 * SCAN_NOISE + 1)) - SCAN_NOISE;
            if (next_random(&state) % SCAN_SPECK == 0) grey = SCAN_INK;
            to[(size_t)y * width + x] = (unsigned char)(grey < 0 ? 0 : grey > 255 ? 255 : grey);
        }
}

static void put_object(text *pdf, size_t *offsets, int number, const char *body) {
    offsets[number] = pdf->n;
    text_printf(pdf, "%d 0 obj\n%s\nendobj\n", number, body);
}

/* Three objects from `number` on: the page, what it draws, the picture. */
static bool put_page(text *pdf, size_t *offsets, int number, int dpi, unsigned width,
                     unsigned height, str pixels) {
    char body[512], content[128];
    uLongf packed_bytes = compressBound(pixels.n);
    unsigned char *packed = mem_new(packed_bytes, 1);
    double x = width * 72.0 / dpi, y = height * 72.0 / dpi;
    bool ok =
        compress2(packed, &packed_bytes, (const unsigned char *)pixels.p, pixels.n, 1) == Z_OK;
    snprintf(body, sizeof body,
             "<</Type/Page/Parent 2 0 R/MediaBox[0 0 %.2f %.2f]/Contents %d 0 R/Resources"
             "<</XObject<</I %d 0 R>>>>>>",
             x, y, number + 1, number + 2);
    put_object(pdf, offsets, number, body);
    int n = snprintf(content, sizeof content, "%.2f 0 0 %.2f 0 0 cm /I Do", x, y);
    snprintf(body, sizeof body, "<</Length %d>>stream\n%s\nendstream", n, content);
    put_object(pdf, offsets, number + 1, body);
    offsets[number + 2] = pdf->n;
    text_printf(pdf,
                "%d 0 obj\n<</Type/XObject/Subtype/Image/Width %u/Height %u/BitsPerComponent 8"
                "/ColorSpace/DeviceGray/Filter/FlateDecode/Length %lu>>stream\n",
                number + 2, width, height, (unsigned long)packed_bytes);
    text_put(pdf, (str){(const char *)packed, packed_bytes});
    text_put(pdf, STR("\nendstream\nendobj\n"));
    mem_free(packed);
    return ok;
}

static bool wrap(str pictures, int dpi, text *pdf, error *err) {
    size_t offsets[3 + 3 * SCAN_MAX_PAGES] = {0}, pos = 0;
    unsigned width, height;
    int pages = 0;
    str pixels;
    text kids = {0};
    bool ok = true;
    text_put(pdf, STR("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"));
    while (ok && pages < SCAN_MAX_PAGES && next_picture(pictures, &pos, &width, &height, &pixels)) {
        text_printf(&kids, "%d 0 R ", 3 + 3 * pages);
        unsigned char *worn = NULL;
        if (dpi == SCAN_WORN_DPI) {
            worn = mem_new(pixels.n, 1);
            wear((const unsigned char *)pixels.p, width, height, worn);
            pixels.p = (const char *)worn;
        }
        ok = put_page(pdf, offsets, 3 + 3 * pages++, dpi, width, height, pixels);
        mem_free(worn);
    }
    text tree = {0};
    text_printf(&tree, "<</Type/Pages/Count %d/Kids[%s]>>", pages, kids.p ? kids.p : "");
    put_object(pdf, offsets, 1, "<</Type/Catalog/Pages 2 0 R>>");
    put_object(pdf, offsets, 2, tree.p);
    size_t table = pdf->n;
    int objects = 3 + 3 * pages;
    text_printf(pdf, "xref\n0 %d\n0000000000 65535 f \n", objects);
    for (int i = 1; i < objects; i++) text_printf(pdf, "%010zu 00000 n \n", offsets[i]);
    text_printf(pdf, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n", objects, table);
    text_free(&kids);
    text_free(&tree);
    return (ok && pages > 0 && pos == pictures.n) ||
           error_set(err, ERROR_INTERNAL, "the pictures of a page cannot be read");
}

bool scan_make(const char *pdf, bool worn, int *fd, error *err) {
    int dpi = worn ? SCAN_WORN_DPI : SCAN_DPI;
    text pictures = {0}, out = {0};
    bool ok = draw_pages(pdf, dpi, &pictures, err) && wrap(text_str(&pictures), dpi, &out, err);
    if (ok) {
        *fd = memfd_create("scan.pdf", MFD_CLOEXEC);
        ok = *fd >= 0 && write(*fd, out.p, out.n) == (ssize_t)out.n;
        if (!ok) error_set(err, ERROR_IO, "no room for a scan: %s", strerror(errno));
    }
    text_free(&pictures);
    text_free(&out);
    return ok;
}
