/* Mail, mailboxes and saved pages through the real carrel-parse: each file of tests/golden/mail/ is
 * read with its parts, and what comes back is compared with NAME.expected beside it (GOLDEN=write in
 * the environment writes those files; read the difference before you commit). Then what is hostile.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/documents.h"

#define FOLDER "tests/golden/mail"

static void read_file(const char *path, text *out) {
    FILE *f = fopen(path, "rb");
    char buffer[4096];
    size_t n;
    if (!f) fail_msg("%s is not there", path);
    while ((n = fread(buffer, 1, sizeof buffer, f)) > 0) text_put(out, (str){buffer, n});
    fclose(f);
}

/* What a file becomes, or why not. */
static void tell(const char *name, str bytes, text *out) {
    arena *a = arena_new();
    ingest_document *d;
    error err = {0};
    text_clear(out);
    if (documents_read(worker, name, bytes, NULL, a, &d, &err))
        documents_describe(d, out);
    else
        text_printf(out, "error: %s\n", err.text);
    arena_free(a);
}

static void check_golden(const char *name) {
    char path[512], expected[600];
    text bytes = {0}, got = {0}, want = {0};
    snprintf(path, sizeof path, FOLDER "/%s", name);
    snprintf(expected, sizeof expected, "%s.expected", path);
    read_file(path, &bytes);
    tell(name, text_str(&bytes), &got);
    const char *mode = getenv("GOLDEN");
    if (mode && strcmp(mode, "write") == 0) {
        FILE *f = fopen(expected, "wb");
        assert_non_null(f);
        fwrite(got.p, 1, got.n, f);
        fclose(f);
    } else {
        read_file(expected, &want);
        if (!str_eq(text_str(&got), text_str(&want))) fail_msg("%s gives:\n%s", path, got.p);
    }
    text_free(&bytes);
    text_free(&got);
    text_free(&want);
}

static void golden_files(void **state) {
    (void)state;
    struct dirent **names;
    int n = scandir(FOLDER, &names, NULL, alphasort), checked = 0;
    for (int i = 0; i < n; i++) {
        str name = str_of(names[i]->d_name);
        if (name.p[0] != '.' && !str_ends(name, STR(".expected"))) {
            check_golden(name.p);
            checked++;
        }
        free(names[i]);
    }
    free(names);
    assert_true(checked > 10);
}

static void expect(const char *name, str bytes, const char *sentence) {
    text got = {0};
    tell(name, bytes, &got);
    if (!strstr(got.p, sentence)) fail_msg("%s: no \"%s\" in:\n%.2000s", name, sentence, got.p);
    text_free(&got);
}

/* Mail has no magic: what it is, its first lines say. */
static void mail_is_told_from_text(void **state) {
    (void)state;
    static const char memo[] = "From: the kitchen\n\nThe soup is cold.\n";
    static const char mail[] =
        "From: a@b\nTo: c\nSubject: soup\nDate: 1 Jan 2024 10:00 +0000\n\nHot.\n";
    expect("memo.txt", STR(memo), "(text, )");
    expect("memo", STR(memo), "(text, )");
    expect("memo.txt", STR(mail), "(mail, )");
    expect("1711.M2P3.host:2,S", STR(mail), "(mail, )");
    expect("Inbox", STR("From a@b Mon Jan  1 10:00:00 2024\nFrom: a@b\nSubject: soup\n\nHot.\n"),
           "(mbox, )");
    expect("page.md", STR(mail), "(markdown, )");
    expect("x.eml", STR("no header at all\n\nwords\n"), "error: this is no mail message");
    expect("x.eml", STR("\n\n"), "error: the message is empty");
    expect("x.mbox", STR("words\n"), "error: this is no mailbox");
    expect("x.mht", STR("Subject: x\nContent-Type: image/png\n\nx"), "error: there is no web page");
}

/* Lengths that lie, and bounds of every kind. */
/* A page from a fax is smaller than many a logo: what it is to the sender tells. */
static void small_pictures_are_read_where_they_are_attached(void **state) {
    (void)state;
    static const char form[] =
        "From: a@b\nSubject: fax\nDate: 1 Jan 2024 10:00 +0000\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nThe fax.\n"
        "--x\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n"
        "Content-Disposition: %s; filename=fax.png\n\n"
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYI"
        "I=\n"
        "--x--\n";
    char mail[sizeof form + 16];
    snprintf(mail, sizeof mail, form, "attachment");
    expect("fax.eml", str_of(mail), "part fax.png: 2+1");
    snprintf(mail, sizeof mail, form, "inline");
    expect("fax.eml", str_of(mail), "in the message was not read");
}

static void messages_of_a_mailbox_are_told_apart(void **state) {
    (void)state;
    static const char *const bounds[] = {
        "From a@b Mon Jan  1 10:00:00 2024\nFrom: a@b\nSubject: one\n\nfirst\n\n"
        "From a@b Mon Jan  1 10:00:00 2024\nFrom: a@b\nSubject: two\n\nsecond\n",
        "From a@b Mon Jan  1 10:00:00 2024\r\nFrom: a@b\r\nSubject: one\r\n\r\nfirst\r\n\r\n"
        "From a@b Mon Jan  1 10:00:00 2024\r\nFrom: a@b\r\nSubject: two\r\n\r\nsecond\r\n",
        "From a@b Mon Jan  1 10:00:00 2024\nSubject: one\nContent-Length: 3\n\nfirst\n\n"
        "From a@b Mon Jan  1 10:00:00 2024\nSubject: two\nContent-Length: 999999999\n\nsecond\n",
        "From a@b Mon Jan  1 10:00:00 2024\nSubject: one\nContent-Length: -1\n\nfirst\n\n"
        "From a@b Mon Jan  1 10:00:00 2024\nSubject: two\nContent-Length: x\n\nsecond\n",
        "\nFrom - Mon Jan  1 10:00:00 2024\nX-Mozilla-Status: 0001\nSubject: one\n\nfirst\n"
        "From the door it is seen at 10:00.\n\n"
        "From - Mon Jan  1 10:00:00 2024\nSubject: two\n\nsecond\n",
    };
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        expect("x.mbox", str_of(bounds[i]), "part one");
        expect("x.mbox", str_of(bounds[i]), "part two");
        expect("x.mbox", str_of(bounds[i]), "1 paragraph\n    first\n");
        expect("x.mbox", str_of(bounds[i]), "2 paragraph\n    second\n");
    }
}

/* In one locked process after the other, encodings are at hand that no mail before has named. */
static void rare_encodings(void **state) {
    (void)state;
    static const struct {
        const char *mail, *sentence;
    } cases[] = {
        {"From: a\nSubject: =?iso-2022-jp?B?GyRCRnxLXDhsGyhC?=\n\nx\n", "日本語"},
        {"From: a\nSubject: =?gb2312?B?1tDOxA==?=\n\nx\n", "中文"},
        {"From: a\nSubject: =?big5?B?pKSk5Q==?=\n\nx\n", "中文"},
        {"From: a\nSubject: =?euc-kr?B?x9G5uQ==?=\n\nx\n", "한"},
        {"From: a\nSubject: =?utf-7?Q?+AOk-?=\n\nx\n", "é"},
        {"From: a\nSubject: =?iso-8859-9?Q?=FE?=\n\nx\n", "ş"},
        {"From: a\nSubject: =?windows-1252?Q?=80_5?=\n\nx\n", "€ 5"},
        {"From: a\nSubject: =?iso-8859-15?Q?=A4?=\n\nx\n", "€"},
        {"From: a\nSubject: =?x-nobody?Q?plain?=\n\nx\n", "plain"},
        {"From: a\nSubject: =?utf-8?Q?broken=\n\nwords below\n", "words below"},
        {"From: a\nContent-Type: text/plain; charset=shift_jis\n\n\x93\xfa\x96\x7b\n", "日本"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect("x.eml", str_of(cases[i].mail), cases[i].sentence);
}

static void repeat(text *t, const char *unit, size_t times) {
    for (size_t i = 0; i < times; i++) text_put(t, str_of(unit));
}

/* Sanitizers make everything slower. */
#if defined(__SANITIZE_ADDRESS__)
#define PATIENCE_MS 200000
#else
#define PATIENCE_MS 20000
#endif

/* What is deep, wide or endless costs time, and not much of it. */
static void hostile_mail(void **state) {
    (void)state;
    static const struct {
        const char *name, *head, *unit, *sentence;
        size_t times;
    } cases[] = {
        {"parts.eml", "From: a\nContent-Type: multipart/mixed; boundary=b\n\n", "--b\n\nx\n",
         "mail", 200000},
        {"deep.eml", "From: a\n", "Content-Type: multipart/mixed; boundary=b\n\n--b\n", "mail",
         100000},
        {"messages.eml", "From: a\n", "Content-Type: message/rfc822\n\n", "mail", 100000},
        {"alternatives.eml", "From: a\n",
         "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: "
         "text/html\n\n<p>x\n--b\n",
         "mail", 5000},
        {"headers.eml", "From: a\n", "X-Thing: words\n", "mail", 200000},
        {"long.eml", "From: a\nSubject: ", "words ", "mail", 200000},
        {"words.eml", "From: a\nSubject: ", "=?utf-8?Q?=C3=A9?= ", "mail", 100000},
        {"addresses.eml", "From: a\nTo: x@y", ", \"a b\" <c@d>", "mail", 50000},
        {"groups.eml", "From: a\nTo: ", "a:", "mail", 100000},
        {"comments.eml", "From: a\nTo: ", "(", "mail", 200000},
        {"parameters.eml", "From: a\nContent-Type: text/plain", ";\n a*1*=x", "mail", 50000},
        {"quotes.eml", "From: a\n\n", ">", "mail", 500000},
        {"depths.eml", "From: a\n\n", "> x\n>> x\n", "mail", 50000},
        {"flowed.eml", "From: a\nContent-Type: text/plain; format=flowed\n\n", "x \n", "mail",
         300000},
        {"bounds.mbox", "From a@b Mon Jan  1 10:00:00 2024\nFrom: a@b\n\n", "From \n\nFrom x\n",
         "mbox", 200000},
        {"lengths.mbox", "", "From a@b Mon Jan  1 10:00:00 2024\nContent-Length: 1\n\nx\n\n",
         "mbox", 300},
        {"frames.mht", "From: a\nContent-Type: multipart/related; boundary=b\n\n",
         "--b\nContent-Type: text/html\n\n<frameset>\n", "html", 60},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text t = {0}, got = {0};
        text_put(&t, str_of(cases[i].head));
        repeat(&t, cases[i].unit, cases[i].times);
        double start = clock_ms();
        tell(cases[i].name, text_str(&t), &got);
        double took = clock_ms() - start;
        if (!strstr(got.p, cases[i].sentence) || took > PATIENCE_MS)
            fail_msg("%s: after %.0f ms:\n%.500s", cases[i].name, took, got.p);
        if (getenv("CARREL_TIMES")) print_message("%s: %.0f ms\n", cases[i].name, took);
        text_free(&got);
        text_free(&t);
    }
}

/* Bytes of good mail changed at random, always in the same way. */
static void damaged_mail_does_no_harm(void **state) {
    (void)state;
    static const char *const names[] = {"attachments.eml", "list.mbox", "html.eml", "page.mht",
                                        "alternatives.eml"};
    uint32_t seed = 1;
    for (int i = 0; i < 200; i++) {
        char path[64];
        text bytes = {0}, got = {0};
        snprintf(path, sizeof path, FOLDER "/%s", names[i % 5]);
        read_file(path, &bytes);
        for (int k = 0; k < 1 + i / 5; k++) {
            seed = seed * 1664525u + 1013904223u;
            bytes.p[(seed >> 8) % bytes.n] = (char)(seed >> 3);
        }
        if (i % 4 == 3) text_cut(&bytes, bytes.n / 2);
        tell(names[i % 5], text_str(&bytes), &got);
        assert_true(got.n > 0);
        if (strstr(got.p, "crashed")) fail_msg("round %d:\n%s", i, got.p);
        text_free(&bytes);
        text_free(&got);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_files),
        cmocka_unit_test(mail_is_told_from_text),
        cmocka_unit_test(small_pictures_are_read_where_they_are_attached),
        cmocka_unit_test(messages_of_a_mailbox_are_told_apart),
        cmocka_unit_test(rare_encodings),
        cmocka_unit_test(hostile_mail),
        cmocka_unit_test(damaged_mail_does_no_harm),
    };
    return cmocka_run_group_tests_name("ingest mail", tests, documents_open, documents_close);
}
