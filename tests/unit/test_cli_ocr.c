/* Character recognition as the commands see it: whether a second reading is worse, how pages are
 * marked that were left unread, in which languages a library is read.
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

#include "cli/folder.h"

#define MOST 4

/* "t" text, "o95" ocr of that confidence, "e" empty, "f" failed, "g" garbled, "h" hidden, "x"
 * encrypted */
static size_t pages_of(const char *s, index_page *out) {
    static const char *const names = "toefghx";
    static const char *const fates[] = {"text",    "ocr",         "empty",    "failed",
                                        "garbled", "hidden-text", "encrypted"};
    size_t n = 0;
    for (; *s; s += strcspn(s, " ") + (s[strcspn(s, " ")] == ' ')) {
        assert_true(n < MOST);
        out[n] = (index_page){.number = (uint32_t)n + 1,
                              .fate = str_of(fates[strchr(names, *s) - names])};
        if (*s == 'o') out[n].confidence = (float)atoi(s + 1) / 100;
        n++;
    }
    return n;
}

static void a_worse_reading_is_known(void **state) {
    (void)state;
    static const struct {
        const char *before, *now, *loss; /* NULL: it is no worse */
    } cases[] = {{"t o95", "t o93", NULL},
                 {"t o95", "t f", "1 page would lose its text, the first is page 2"},
                 {"o95 o95", "f f", "2 pages would lose their text, the first is page 1"},
                 {"o95", "g", "garbled"},
                 {"o95", "e", "1 page"},
                 {"o30", "e", NULL}, /* it was noise */
                 {"t", "h", NULL},   /* now it is known to be hidden */
                 {"t", "x", "encrypted"},
                 {"f f", "o60 f", NULL},
                 {"o95 o90", "o70 o80", "less confidence, by 0.1"},
                 {"o70", "o95", NULL},
                 {"t t", "t", "only 1 pages have text now, of 2"},
                 {"t", "t t", NULL}};
    arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        index_page before[MOST], now[MOST];
        size_t n = pages_of(cases[i].before, before), m = pages_of(cases[i].now, now);
        str loss = cli_ocr_loss(before, n, now, m, a);
        if ((loss.n > 0) != (cases[i].loss != NULL))
            fail_msg("%s, then %s: \"" STR_FMT "\"", cases[i].before, cases[i].now, STR_ARG(loss));
        if (loss.n > 0) assert_true(str_find(loss, str_of(cases[i].loss), 0) != SIZE_MAX);
    }
    arena_free(a);
}

static void install(const char *folder, const char *language, bool there) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s.traineddata", folder, language);
    int fd = there ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd >= 0) close(fd);
    if (!there) unlink(path);
}

static void find(cli_ocr *o, index_library *l, const char *languages, arena *a) {
    error err = {0};
    if (!cli_ocr_find(o, l, true, &(ingest_options){.ocr_languages = str_of(languages)}, a, &err))
        fail_msg("%s", err.text);
}

static void a_library_remembers_its_languages(void **state) {
    (void)state;
    char folder[] = "/tmp/carrel-test-XXXXXX", path[64];
    error err = {0};
    index_library *l;
    cli_ocr o;
    arena *a = arena_new();
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/l.db", folder);
    setenv("TESSDATA_PREFIX", folder, 1);
    if (!index_open(path, INDEX_CREATE, &l, &err)) fail_msg("%s", err.text);
    find(&o, l, "", a);
    assert_true(!o.possible && strstr(o.problem, "no language data"));
    assert_true(str_eq(cli_ocr_mark(&o, INGEST_UNREAD_MISSING), STR("missing")));
    install(folder, "eng", true);
    install(folder, "deu", true);
    find(&o, l, "", a);
    assert_true(o.possible && strcmp(o.languages, "eng+deu") == 0 && o.asked[0] == '\0');
    find(&o, l, "deu", a);
    find(&o, l, "", a); /* the next run */
    assert_true(strcmp(o.asked, "deu") == 0 && strcmp(o.languages, "deu") == 0);
    assert_true(str_eq(cli_ocr_mark(&o, INGEST_UNREAD_FOREIGN), STR("foreign deu")));
    /* What is named and missing is refused, and forgotten; what was remembered and is gone is
     * told. */
    assert_false(
        cli_ocr_find(&o, l, true, &(ingest_options){.ocr_languages = STR("nor")}, a, &err));
    assert_non_null(strstr(err.text, "tesseract-ocr-nor"));
    install(folder, "deu", false);
    find(&o, l, "", a);
    assert_true(!o.possible && strstr(o.problem, "tesseract-ocr-deu"));
    find(&o, l, "default", a);
    find(&o, l, "", a);
    assert_true(o.possible && strcmp(o.languages, "eng") == 0);
    index_close(l);
    unlink(path);
    install(folder, "eng", false);
    rmdir(folder);
    unsetenv("TESSDATA_PREFIX");
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worse_reading_is_known),
        cmocka_unit_test(a_library_remembers_its_languages),
    };
    return cmocka_run_group_tests_name("cli ocr", tests, NULL, NULL);
}
