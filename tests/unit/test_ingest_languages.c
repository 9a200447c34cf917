/* In which languages scans are read: all that are installed, but of a whole collection English
 * alone; what the user names, where it is there. The folders of data are made here, and hold
 * nothing but names, so that no language has to be installed for it.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/languages.h"

static void touch(const char *folder, const char *name, bool there) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s.traineddata", folder, name);
    if (!there) {
        unlink(path);
        return;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void languages_are_chosen(void **state) {
    (void)state;
    static const char *const names[] = {"osd", "fra", "eng", "deu", "ita", "spa", "por"};
    static const struct {
        size_t installed; /* of names */
        const char *asked, *chosen, *note, *refused;
    } cases[] = {{1, "", "", "", "no language data"},        {2, "", "fra", "", NULL},
                 {4, "", "eng+deu+fra", "", NULL},           {5, "", "eng+deu+fra+ita", "", NULL},
                 {7, "", "eng", "of 6 languages", NULL},     {7, "spa+por", "spa+por", "", NULL},
                 {7, "spa+nor", "", "", "tesseract-ocr-nor"}};
    char folder[] = "/tmp/carrel-test-XXXXXX";
    const char *const folders[] = {"/nowhere", folder, NULL};
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        languages_chosen l;
        error err = {0};
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            touch(folder, names[k], k < cases[i].installed);
        bool ok = languages_choose(folders, str_of(cases[i].asked), &l, &err);
        assert_int_equal(ok, cases[i].refused == NULL);
        if (cases[i].refused) assert_non_null(strstr(err.text, cases[i].refused));
        if (ok) assert_string_equal(l.names, cases[i].chosen);
        if (ok) assert_non_null(strstr(l.note, cases[i].note));
    }
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) touch(folder, names[k], false);
    rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(languages_are_chosen)};
    return cmocka_run_group_tests_name("ingest languages", tests, NULL, NULL);
}
