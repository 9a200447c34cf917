/* Pictures as scanners, cameras, printers and fax machines make them, each with the same three
 * lines (tests/golden/pictures, made for this): four inks, a fax of unequal resolution, colour in a
 * TIFF, turned by its own word, transparent, of 16 bits. Skipped where carrel-ocr or tesseract's
 * data are missing.
 */
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/languages.h"
#include "tests/support/documents.h"

#define WIDTH_PT (900 * 72 / 200.0)
#define HEIGHT_PT (300 * 72 / 200.0)

static bool able;

static bool has_line(const ingest_document *d, const char *line) {
    for (size_t i = 0; i < d->block_count; i++)
        for (size_t k = 0; k < d->blocks[i].line_count; k++)
            if (str_find(d->blocks[i].lines[k].text, str_of(line), 0) != SIZE_MAX) return true;
    return false;
}

static void expect_lines(const char *path) {
    static const char *const lines[] = {"The harbour crane lifts forty barrels",
                                        "before the tide turns at noon, and",
                                        "the keeper writes each in his book."};
    arena *a = arena_new();
    ingest_document *d;
    error err = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    if (!ingest_read(worker, fd, str_of(path), NULL, NULL, NULL, a, &d, &err))
        fail_msg("%s: %s", path, err.text);
    close(fd);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!has_line(d, lines[i]))
            fail_msg("%s: no \"%s\"; " STR_FMT, path, lines[i], STR_ARG(d->pages[0].note));
    const ingest_page *p = &d->pages[0];
    assert_int_equal(p->fate, INGEST_FATE_OCR);
    if (fabs((double)p->width_pt - WIDTH_PT) > 2 || fabs((double)p->height_pt - HEIGHT_PT) > 2)
        fail_msg("%s: a page of %.0f x %.0f", path, (double)p->width_pt, (double)p->height_pt);
    arena_free(a);
}

static void every_picture_is_read(void **state) {
    (void)state;
    const char *folder = "tests/golden/pictures";
    if (!able) skip();
    size_t count = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char path[300];
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        expect_lines(path);
        count++;
    }
    closedir(d);
    assert_int_equal(count, 6);
}

static int set_up(void **state) {
    char languages[INGEST_LANGUAGES_BYTES];
    error err;
    if (documents_open(state) != 0) return 1;
    able = ingest_ocr_languages(STR("eng"), languages, &err) && ingest_ocr_start(worker, &err);
    if (!able) fprintf(stderr, "SKIP: character recognition: %s\n", err.text);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_picture_is_read)};
    return cmocka_run_group_tests_name("ingest picture", tests, set_up, documents_close);
}
