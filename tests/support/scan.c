/* Pages that are pictures, made and read for tests. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/scan.h"

void scan_put_page(text *out, const char *media, const char *resources, str content,
                   const char *objects) {
    text_printf(out,
                "%%PDF-1.5\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
                "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
                "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents 4 0 R/Resources<<%s>>>>"
                "endobj\n4 0 obj<</Length %zu>>stream\n",
                media, resources, content.n);
    text_put(out, content);
    text_printf(out, "\nendstream endobj\n%s\ntrailer<</Root 1 0 R>>\n%%%%EOF\n", objects);
}

void scan_put_picture(text *out, const scan_picture *p, const char *media, const char *matrix,
                      const char *more) {
    text content = {0}, objects = {0};
    text_printf(&content, "q %s cm /I Do Q %s", matrix, more);
    text_printf(&objects,
                "5 0 obj<</Type/XObject/Subtype/Image/Width %u/Height %u/ColorSpace/DeviceGray"
                "/BitsPerComponent 8/Length %zu>>stream\n",
                p->columns, p->rows, p->grey.n);
    text_put(&objects, text_str(&p->grey));
    text_put(&objects, STR("\nendstream endobj\n6 0 obj" SCAN_TIMES "endobj\n"));
    /* The picture has zero bytes: scan_put_page cannot print it. */
    scan_put_page(out, media, "/XObject<</I 5 0 R>>/Font<</F 6 0 R>>", text_str(&content), "");
    str end = STR("trailer");
    size_t at = str_find(text_str(out), end, 0);
    text tail = {0};
    text_put(&tail, str_cut(text_str(out), at, out->n));
    text_cut(out, at);
    text_put(out, text_str(&objects));
    text_put(out, text_str(&tail));
    text_free(&tail);
    text_free(&content);
    text_free(&objects);
}

bool scan_pdftoppm(str pdf, const char *arguments, text *out) {
    char path[] = "/tmp/carrel-test-XXXXXX", command[256], piece[4096];
    int fd = mkstemp(path);
    if (fd < 0) return false;
    bool ok = write(fd, pdf.p, pdf.n) == (ssize_t)pdf.n;
    close(fd);
    snprintf(command, sizeof command, "pdftoppm -r %d %s %s 2>/dev/null", SCAN_DPI, arguments,
             path);
    FILE *f = popen(command, "r");
    for (size_t n; f && (n = fread(piece, 1, sizeof piece, f)) > 0;) text_put(out, (str){piece, n});
    ok = f && pclose(f) == 0 && ok && out->n > 0;
    unlink(path);
    return ok;
}

bool scan_draw(str pdf, scan_picture *out) {
    text pgm = {0};
    int begin = 0;
    bool ok = scan_pdftoppm(pdf, "-gray", &pgm) &&
              sscanf(pgm.p, "P5 %u %u 255%n", &out->columns, &out->rows, &begin) == 2;
    if (ok) text_put(&out->grey, str_cut(text_str(&pgm), (size_t)begin + 1, pgm.n));
    text_free(&pgm);
    return ok && out->grey.n == (size_t)out->columns * out->rows;
}
