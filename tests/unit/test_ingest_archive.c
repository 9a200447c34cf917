/* ZIP archives and compressed files through the real carrel-parse: what is a part, what is left
 * out, what is locked, and bombs. The archives are made here, by libzip or byte by byte where
 * libzip would not make them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zip.h>
#include <zlib.h>

#include "ingest/worker.h"
#include "tests/support/documents.h"

/* ---- making archives ------------------------------------------------------------------------ */

typedef struct {
    zip_t *zip;
    zip_source_t *bytes;
} archive;

static archive begin_zip(void) {
    zip_error_t err;
    archive x;
    x.bytes = zip_source_buffer_create(NULL, 0, 0, &err);
    assert_non_null(x.bytes);
    x.zip = zip_open_from_source(x.bytes, ZIP_CREATE | ZIP_TRUNCATE, &err);
    assert_non_null(x.zip);
    zip_source_keep(x.bytes);
    return x;
}

/* The bytes must live until end_zip. */
static zip_uint64_t put_bytes(archive *x, const char *name, str bytes, zip_flags_t flags) {
    zip_source_t *s = zip_source_buffer(x->zip, bytes.p, bytes.n, 0);
    zip_int64_t at = zip_file_add(x->zip, name, s, flags);
    assert_true(at >= 0);
    return (zip_uint64_t)at;
}

static void put(archive *x, const char *name, const char *words) {
    put_bytes(x, name, str_of(words), ZIP_FL_ENC_UTF_8);
}

static void lock(archive *x, const char *name, const char *words, const char *password) {
    zip_uint64_t at = put_bytes(x, name, str_of(words), ZIP_FL_ENC_UTF_8);
    assert_int_equal(zip_file_set_encryption(x->zip, at, ZIP_EM_AES_256, password), 0);
}

static void end_zip(archive *x, text *out) {
    char buffer[4096];
    text_clear(out);
    assert_int_equal(zip_close(x->zip), 0);
    assert_int_equal(zip_source_open(x->bytes), 0);
    for (zip_int64_t n; (n = zip_source_read(x->bytes, buffer, sizeof buffer)) > 0;)
        text_put(out, (str){buffer, (size_t)n});
    zip_source_close(x->bytes);
    zip_source_free(x->bytes);
}

static void gzip(str bytes, text *out) {
    z_stream z = {.next_in = (Bytef *)bytes.p, .avail_in = (uInt)bytes.n};
    char buffer[65536];
    int code;
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    do {
        z.next_out = (Bytef *)buffer;
        z.avail_out = sizeof buffer;
        code = deflate(&z, Z_FINISH);
        text_put(out, (str){buffer, sizeof buffer - z.avail_out});
    } while (code == Z_OK);
    assert_int_equal(code, Z_STREAM_END);
    deflateEnd(&z);
}

/* ---- checking ------------------------------------------------------------------------------- */

static void tell(const char *name, str bytes, const char *password, text *out) {
    arena *a = arena_new();
    ingest_document *d;
    error err = {0};
    ingest_options options = {.password = str_of(password)};
    text_clear(out);
    if (documents_read(worker, name, bytes, &options, a, &d, &err))
        documents_describe(d, out);
    else
        text_printf(out, "error %d: %s\n", err.code, err.text);
    arena_free(a);
}

static void expect(const char *name, const text *bytes, const char *password, const char *wanted) {
    text got = {0};
    tell(name, text_str(bytes), password, &got);
    if (!strstr(got.p, wanted)) fail_msg("got:\n%.3000s\nexpected:\n%s", got.p, wanted);
    text_free(&got);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void documents_are_parts_in_the_order_of_their_names(void **state) {
    (void)state;
    archive inner = begin_zip(), x = begin_zip();
    text in = {0}, all = {0};
    put(&inner, "b.txt", "words of b");
    put(&inner, "a.txt", "words of a");
    end_zip(&inner, &in);
    put(&x, "z/second.txt", "the last words");
    put(&x, "page.html", "<html><title>Page</title><body><p>Words of a page.</p></body></html>");
    put(&x, "page_files/frame.html", "<html><body><p>An advertisement.</p></body></html>");
    put(&x, "page_files/code.js", "var x;");
    put(&x, "page_files/paper.md", "a document beside the frames");
    put(&x, "own_files/kept.txt", "no page is beside this folder");
    put_bytes(&x, "inner.zip", text_str(&in), 0);
    put(&x, "../up.md", "# Up\n\nnothing is written anywhere\n");
    put(&x, "/root/x.txt", "nor there");
    put(&x, ".hidden.txt", "not for readers");
    put(&x, "__MACOSX/._page.html", "of a Mac");
    put(&x, "tool.exe", "MZ\1\2");
    put(&x, "folder/data.bin", "\1\2\3");
    put(&x, "empty.txt", "");
    zip_dir_add(x.zip, "folder/", 0);
    end_zip(&x, &all);
    expect("all.zip", &all, "",
           "all.zip (zip, )\n"
           "page 1: text\n"
           "page 2: text\n"
           "page 3: text\n"
           "page 4: text\n"
           "page 5: text\n"
           "page 6: text\n"
           "page 7: text\n"
           "page 8: text\n"
           "part ../up.md: 1+1\n"
           "part /root/x.txt: 2+1\n"
           "part inner.zip: 3+2\n"
           "part a.txt: 3+1\n"
           "part b.txt: 4+1\n"
           "part own_files/kept.txt: 5+1\n"
           "part page.html: 6+1\n"
           "part page_files/paper.md: 7+1\n"
           "part z/second.txt: 8+1\n"
           "note left out 3 files that are no documents: empty.txt, folder/data.bin, tool.exe\n"
           "1 heading 1\n    ../up.md\n"
           "1 heading 2\n    Up\n"
           "1 paragraph\n    nothing is written anywhere\n"
           "2 heading 1\n    /root/x.txt\n"
           "2 paragraph\n    nor there\n"
           "3 heading 1\n    inner.zip\n"
           "3 heading 2\n    a.txt\n"
           "3 paragraph\n    words of a\n"
           "4 heading 2\n    b.txt\n"
           "4 paragraph\n    words of b\n"
           "5 heading 1\n    own_files/kept.txt\n");
    text_free(&in);
    text_free(&all);
}

/* Two documents of one name in two others: each remark says which is meant. */
static void remarks_say_where(void **state) {
    (void)state;
    text inner = {0}, outer = {0}, told = {0};
    archive x = begin_zip();
    put(&x, "m.eml",
        "Subject: Hello\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
        "Content-Type: text/plain\n\nHello there.\n--b\nContent-Type: application/octet-stream\n"
        "Content-Disposition: attachment; filename=\"x.exe\"\n\n\x01\x02\x03\n--b--\n");
    end_zip(&x, &inner);
    x = begin_zip();
    put_bytes(&x, "a.zip", text_str(&inner), 0);
    put_bytes(&x, "b.zip", text_str(&inner), 0);
    end_zip(&x, &outer);
    tell("two.zip", text_str(&outer), "", &told);
    assert_true(str_find(text_str(&told), STR("note a.zip > m.eml: the attachment \"x.exe\""), 0) !=
                SIZE_MAX);
    assert_true(str_find(text_str(&told), STR("note b.zip > m.eml: the attachment \"x.exe\""), 0) !=
                SIZE_MAX);
    text_free(&inner);
    text_free(&outer);
    text_free(&told);
}

static void expect_date(const char *name, const text *bytes, const char *wanted) {
    error err = {0};
    ingest_document *d = NULL;
    arena *a = arena_new();
    if (!documents_read(worker, name, text_str(bytes), &(ingest_options){.no_ocr = true}, a, &d,
                        &err))
        fail_msg("%s: %s", name, err.text);
    if (!str_eq(d->date, str_of(wanted)))
        fail_msg("%s is dated \"" STR_FMT "\"", name, STR_ARG(d->date));
    arena_free(a);
}

#define OOXML "http://schemas.openxmlformats.org/"
#define CORE                                                                           \
    "<cp:coreProperties xmlns:cp='" OOXML "package/2006/metadata/core-properties'"     \
    " xmlns:dcterms='http://purl.org/dc/terms/'><dcterms:created>2019-01-02T03:04:05Z" \
    "</dcterms:created><dcterms:modified>2021-06-30T03:04:05Z</dcterms:modified>"      \
    "</cp:coreProperties>"

/* By their properties: the later of created and modified. */
static void packages_are_dated(void **state) {
    (void)state;
    text t = {0};
    archive x = begin_zip();
    put(&x, "[Content_Types].xml", "<Types/>");
    put(&x, "docProps/core.xml", CORE);
    put(&x, "word/document.xml",
        "<w:document xmlns:w='" OOXML "wordprocessingml/2006/main'><w:body><w:p><w:r><w:t>Text"
        "</w:t></w:r></w:p></w:body></w:document>");
    end_zip(&x, &t);
    expect_date("a.docx", &t, "2021-06-30");
    text_clear(&t);
    x = begin_zip();
    put(&x, "[Content_Types].xml", "<Types/>");
    put(&x, "docProps/core.xml", CORE);
    put(&x, "xl/workbook.xml",
        "<x:workbook xmlns:x='" OOXML "spreadsheetml/2006/main' xmlns:r='" OOXML
        "officeDocument/2006/relationships'><x:sheets><x:sheet name='S' r:id='r1'/></x:sheets>"
        "</x:workbook>");
    put(&x, "xl/_rels/workbook.xml.rels",
        "<Relationships xmlns='" OOXML
        "package/2006/relationships'><Relationship Id='r1' Type='" OOXML
        "officeDocument/2006/relationships/worksheet' Target='s.xml'/></Relationships>");
    put(&x, "xl/s.xml",
        "<x:worksheet xmlns:x='" OOXML "spreadsheetml/2006/main'><x:sheetData><x:row><x:c><x:v>5"
        "</x:v></x:c></x:row></x:sheetData></x:worksheet>");
    end_zip(&x, &t);
    expect_date("a.xlsx", &t, "2021-06-30");
    text_clear(&t);
    x = begin_zip();
    put(&x, "mimetype", "application/vnd.oasis.opendocument.text");
    put(&x, "meta.xml",
        "<o:document-meta xmlns:o='urn:oasis:names:tc:opendocument:xmlns:office:1.0'"
        " xmlns:dc='http://purl.org/dc/elements/1.1/'><o:meta><dc:date>2022-11-05T10:11:12.345"
        "</dc:date></o:meta></o:document-meta>");
    put(&x, "content.xml",
        "<o:document-content xmlns:o='urn:oasis:names:tc:opendocument:xmlns:office:1.0'"
        " xmlns:t='urn:oasis:names:tc:opendocument:xmlns:text:1.0'><o:body><o:text><t:p>Text</t:p>"
        "</o:text></o:body></o:document-content>");
    end_zip(&x, &t);
    expect_date("a.odt", &t, "2022-11-05");
    text_clear(&t);
    x = begin_zip();
    put(&x, "mimetype", "application/epub+zip");
    put(&x, "META-INF/container.xml",
        "<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles><rootfile"
        " full-path='c.opf'/></rootfiles></container>");
    put(&x, "c.opf",
        "<package xmlns='http://www.idpf.org/2007/opf'><metadata"
        " xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title>T</dc:title><dc:date>2011-02-03"
        "</dc:date></metadata><manifest><item id='a' href='a.xhtml'"
        " media-type='application/xhtml+xml'/></manifest><spine><itemref idref='a'/></spine>"
        "</package>");
    put(&x, "a.xhtml",
        "<html xmlns='http://www.w3.org/1999/xhtml'><body><p>Text</p></body></html>");
    end_zip(&x, &t);
    expect_date("a.epub", &t, "2011-02-03");
    text_free(&t);
}

static void pages_and_letters_are_dated(void **state) {
    (void)state;
    static const struct {
        const char *name, *bytes, *wanted;
    } cases[] = {
        {"a.eml",
         "From: a@example.org\nSubject: s\nDate: Tue, 12 Mar 2024 23:30:00 -0500\n\nText\n",
         "2024-03-12"},
        {"a.md", "---\ntitle: T\ndate: 2024-02-29\n---\n\nText\n", "2024-02-29"},
        {"b.md", "---\ntitle: T\ndate: 2023-02-29\n---\n\nText\n", ""},
        {"a.html",
         "<meta property='article:published_time' content='2023-05-04T10:00:00+02:00'>"
         "<meta http-equiv='Last-Modified' content='Fri, 01 Mar 2024 10:30:00 GMT'><p>Text",
         "2024-03-01"},
        {"b.html",
         "<meta name='DC.date' content='2020'><p><time datetime='2021-02-28' pubdate>then"
         "</time> Text <time datetime='2025-01-01'>elsewhere</time>",
         "2021-02-28"},
        {"c.html",
         "<script type='application/ld+json'>{\"datePublished\" : \"2020-01-02\","
         " \"dateModified\":\"2022-03-04T05:06:07Z\", \"comment\": "
         "[{\"datePublished\":\"2025-01-01\"}]}</script><p>Text",
         "2022-03-04"},
        {"d.html", "<meta name='date' content='{{ page.date }}'><p>Text", ""},
        {"a.pdf",
         "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages"
         "/Kids[3 0 R]/Count 1>>\nendobj\n3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]"
         ">>\nendobj\n4 0 obj\n<</CreationDate(D:20190102030405Z)"
         "/ModDate(D:20230704233000-07'00')>>\nendobj\ntrailer\n<</Size 5/Root 1 0 R/Info 4 0 R"
         ">>\n%%EOF\n",
         "2023-07-04"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text t = {0};
        text_put(&t, str_of(cases[i].bytes));
        expect_date(cases[i].name, &t, cases[i].wanted);
        text_free(&t);
    }
}

static void names_are_utf8_or_of_dos(void **state) {
    (void)state;
    archive x = begin_zip();
    text t = {0};
    put(&x, "Prüfung.txt", "utf-8");
    put_bytes(&x, "M\x84rz.txt", STR("code page 437"), ZIP_FL_ENC_CP437);
    end_zip(&x, &t);
    expect("names.zip", &t, "", "part März.txt: 1+1\npart Prüfung.txt: 2+1\n");
    text_free(&t);
}

static void locked_entries_want_the_password(void **state) {
    (void)state;
    archive x = begin_zip();
    text t = {0};
    put(&x, "a.txt", "open words");
    lock(&x, "b.txt", "secret words", "sesame");
    lock(&x, "c.exe", "MZ", "sesame");
    end_zip(&x, &t);
    expect("locked.zip", &t, "",
           "page 2: encrypted, \"b.txt\" asks for a password: give it with --password\n");
    expect("locked.zip", &t, "", "note left out 1 file that is no document: c.exe\n");
    expect("locked.zip", &t, "simsim", "page 2: encrypted, the password does not open \"b.txt\"\n");
    expect("locked.zip", &t, "sesame", "2 paragraph\n    secret words\n");
    text_free(&t);
}

static void nothing_to_read_is_told(void **state) {
    (void)state;
    archive x = begin_zip(), outer = begin_zip();
    text t = {0}, all = {0};
    put(&x, "tool.exe", "MZ\1");
    put(&x, "b.so", "\177ELF");
    end_zip(&x, &t);
    expect("tools.zip", &t, "",
           "error 3: there is no document in the ZIP file that Carrel reads, only "
           "b.so, tool.exe\n");
    put_bytes(&outer, "tools.zip", text_str(&t), 0);
    put(&outer, "words.txt", "words");
    end_zip(&outer, &all);
    expect("outer.zip", &all, "", "page 1: failed, there is no document in the ZIP file");
    expect("outer.zip", &all, "", "page 2: text\n");
    text_clear(&t);
    text_put(&t, (str){"PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22});
    expect("none.zip", &t, "", "error 3: the ZIP file is empty\n");
    text_free(&t);
    text_free(&all);
}

/* ---- bombs ---------------------------------------------------------------------------------- */

static void what_swells_too_much_is_refused(void **state) {
    (void)state;
    archive x = begin_zip();
    text zeros = {0}, t = {0}, packed = {0};
    for (size_t i = 0; i < 40u << 20; i++) text_put_char(&zeros, '0');
    put_bytes(&x, "zeros.txt", text_str(&zeros), 0);
    put(&x, "words.txt", "words");
    end_zip(&x, &t);
    expect("bomb.zip", &t, "",
           "page 1: text\npage 2: failed, \"zeros.txt\" in the ZIP file unpacks to "
           "more than 400 times its size");
    gzip(text_str(&zeros), &packed);
    expect("zeros.txt.gz", &packed, "",
           "error 6: the compressed file unpacks to more than 400 times");
    text_free(&zeros);
    text_free(&packed);
    text_free(&t);
}

static void put_number(text *t, uint64_t v, int bytes) {
    for (int i = 0; i < bytes; i++) text_put_char(t, i < 8 ? (char)(v >> 8 * i) : 0);
}

/* Many entries of the directory that are the same bytes of the file. */
static void what_overlaps_is_refused(void **state) {
    (void)state;
    static const char words[] =
        "the same words again and again, as many times as there are entries";
    const uint32_t size = sizeof words - 1, sum = (uint32_t)crc32(0, (const Bytef *)words, size);
    text t = {0};
    text_put(&t, STR("PK\3\4\x14\0\0\0\0\0\0\0\0\0"));
    put_number(&t, sum, 4);
    put_number(&t, size, 4);
    put_number(&t, size, 4);
    put_number(&t, 5, 4);
    text_put(&t, STR("a.txt"));
    text_put(&t, str_of(words));
    size_t directory = t.n;
    for (int i = 0; i < 900; i++) {
        text_put(&t, STR("PK\1\2\x14\0\x14\0\0\0\0\0\0\0\0\0"));
        put_number(&t, sum, 4);
        put_number(&t, size, 4);
        put_number(&t, size, 4);
        put_number(&t, 5, 4);
        put_number(&t, 0, 14);
        text_put(&t, STR("a.txt"));
    }
    size_t end = t.n;
    text_put(&t, STR("PK\5\6\0\0\0\0"));
    put_number(&t, 900, 2);
    put_number(&t, 900, 2);
    put_number(&t, end - directory, 4);
    put_number(&t, directory, 4);
    put_number(&t, 0, 2);
    expect("overlap.zip", &t, "", "error 6: the entries of the ZIP file overlap");
    text_free(&t);
}

/* An archive in an archive in an archive ...: the fifth is not opened. */
static void nesting_has_an_end(void **state) {
    (void)state;
    text t = {0};
    for (int depth = 0; depth < 7; depth++) {
        archive x = begin_zip();
        text next = {0};
        if (depth > 0) put_bytes(&x, "in.zip", text_str(&t), 0);
        put(&x, "words.txt", "words");
        end_zip(&x, &next);
        text_free(&t);
        t = next;
    }
    expect("deep.zip", &t, "",
           "page 1: failed, it lies in too many containers, one in the other: more than four are "
           "not opened; unpack the outermost, and add what is in it\n");
    text_free(&t);
}

static void many_entries(void **state) {
    (void)state;
    archive x = begin_zip();
    text t = {0}, got = {0};
    char name[40];
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "%04d.%s", i, i % 10 == 0 ? "txt" : "bin");
        put(&x, name, i % 10 == 0 ? "words" : "\1\2\3");
    }
    end_zip(&x, &t);
    tell("many.zip", text_str(&t), "", &got);
    assert_non_null(strstr(got.p, "part 0990.txt: 100+1\n"));
    assert_non_null(
        strstr(got.p, "note left out 900 files that are no documents: 0001.bin, 0002.bin"));
    assert_non_null(strstr(got.p, "...\n"));
    text_free(&got);
    text_free(&t);
}

/* All of a large archive's documents are named; reading them is for others to test. */
static void very_many_documents_are_parts(void **state) {
    (void)state;
    enum { DOCUMENTS = 12000 };
    archive x = begin_zip();
    text t = {0};
    arena *a = arena_new();
    ingest_document *d = NULL;
    error err = {0};
    char name[40];
    for (int i = 0; i < DOCUMENTS; i++) {
        snprintf(name, sizeof name, "%05d.txt", i);
        put(&x, name, "words");
    }
    end_zip(&x, &t);
    int fd = documents_file(text_str(&t));
    if (!worker_read_piece(worker, &(worker_piece){0}, &(ingest_options){0}, fd, STR("many.zip"), a,
                           &d, &err))
        fail_msg("%s", err.text);
    assert_int_equal(d->part_count, DOCUMENTS);
    assert_int_equal(d->note_count, 0);
    close(fd);
    arena_free(a);
    text_free(&t);
}

static void damaged_archives_do_no_harm(void **state) {
    (void)state;
    archive x = begin_zip();
    text t = {0}, bytes = {0}, got = {0};
    put(&x, "a.txt", "words of a, and some more, and some more, and some more, and some more");
    put(&x, "b.html", "<p>words of b</p>");
    lock(&x, "c.txt", "locked", "x");
    end_zip(&x, &t);
    uint32_t seed = 7;
    for (int i = 0; i < 300; i++) {
        text_clear(&bytes);
        text_put(&bytes, text_str(&t));
        for (int k = 0; k < 1 + i / 20; k++) {
            seed = seed * 1664525u + 1013904223u;
            bytes.p[(seed >> 8) % bytes.n] = (char)(seed >> 3);
        }
        if (i % 5 == 4) text_cut(&bytes, bytes.n - (seed >> 20) % bytes.n);
        tell("x.zip", text_str(&bytes), "x", &got);
        if (strstr(got.p, "crashed")) fail_msg("round %d:\n%s", i, got.p);
    }
    text_free(&t);
    text_free(&bytes);
    text_free(&got);
}

/* ---- compressed files ----------------------------------------------------------------------- */

static void a_compressed_file_is_what_it_holds(void **state) {
    (void)state;
    text t = {0};
    gzip(STR("# The kiln\n\nFire it at 900 degrees.\n"), &t);
    expect("kiln.md.gz", &t, "",
           "The kiln (markdown, )\npage 1: text\n1 heading 1\n    The kiln\n");
    gzip(STR("\nA second member goes on.\n"), &t);
    expect("kiln.md.gz", &t, "", "A second member goes on.");
    text_put(&t, STR("\0\0\0 padding that gzip itself passes over"));
    expect("kiln.md.gz", &t, "", "A second member goes on.");
    text_cut(&t, 40);
    expect("kiln.md.gz", &t, "", "error 3: the compressed file is damaged");
    text_clear(&t);
    text_put(&t, STR("\x1f\x8b\x08"));
    expect("kiln.md.gz", &t, "", "error 3: the compressed file is damaged");
    text_clear(&t);
    gzip(STR(""), &t);
    expect("kiln.md.gz", &t, "", "error 3: the compressed file holds nothing");
    text_free(&t);
}

/* A mailbox that is compressed has members like any other; so has one in an archive. */
static void members_of_compressed_containers(void **state) {
    (void)state;
    static const char notes[] =
        "From a@b Mon Jan  1 10:00:00 2024\nFrom: a@b\nSubject: one\n\nfirst\n\n"
        "From a@b Mon Jan  1 10:00:00 2024\nFrom: a@b\nSubject: two\n\nsecond\n";
    archive x = begin_zip();
    text t = {0}, all = {0};
    gzip(STR(notes), &t);
    expect("old.mbox.gz", &t, "",
           "old.mbox (mbox, )\npage 1: text\npage 2: text\npart one (a): 1+1\n");
    put_bytes(&x, "old.mbox.gz", text_str(&t), 0);
    end_zip(&x, &all);
    expect("all.zip", &all, "", "part old.mbox.gz: 1+2\npart one (a): 1+1\npart two (a): 2+1\n");
    expect("all.zip", &all, "", "2 paragraph\n    second\n");
    text_free(&t);
    text_free(&all);
}

/* A mailbox of many messages, compressed, in an archive, in an archive: unpacked once for all of
 * them. */
static void many_members_of_compressed_containers(void **state) {
    (void)state;
    text notes = {0}, t = {0}, got = {0}, wanted = {0};
    for (int i = 0; i < 1000; i++) {
        text_printf(
            &notes,
            "From a@b Mon Jan  1 10:00:00 2024\nFrom: a@b\nSubject: note %d\n\nwords %d\n\n", i, i);
        if (i % 100 == 0) /* so that unpacking takes its time */
            for (int k = 0; k < 10000; k++)
                text_printf(&notes, "%d words of a long note\n\n", k * i);
    }
    gzip(text_str(&notes), &t);
    for (int depth = 0; depth < 2; depth++) {
        archive x = begin_zip();
        text next = {0};
        put_bytes(&x, depth == 0 ? "notes.mbox.gz" : "in.zip", text_str(&t), 0);
        for (int i = 0; i < 20; i++) {
            char name[16];
            snprintf(name, sizeof name, "z%d.txt", i);
            put(&x, name, "words");
        }
        end_zip(&x, &next);
        text_free(&t);
        t = next;
    }
    double start = clock_ms();
    tell("all.zip", text_str(&t), "", &got);
    if (getenv("CARREL_TIMES")) print_message("%.0f ms\n", clock_ms() - start);
    assert_non_null(strstr(got.p, "part in.zip: 1+1020\npart notes.mbox.gz: 1+1000\n"));
    for (int i = 0; i < 1000; i += 7) {
        text_clear(&wanted);
        text_printf(&wanted, "%d paragraph\n    words %d\n", i + 1, i);
        if (!strstr(got.p, wanted.p)) fail_msg("no %s", wanted.p);
    }
    text_free(&notes);
    text_free(&t);
    text_free(&got);
    text_free(&wanted);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_parts_in_the_order_of_their_names),
        cmocka_unit_test(remarks_say_where),
        cmocka_unit_test(packages_are_dated),
        cmocka_unit_test(pages_and_letters_are_dated),
        cmocka_unit_test(names_are_utf8_or_of_dos),
        cmocka_unit_test(locked_entries_want_the_password),
        cmocka_unit_test(nothing_to_read_is_told),
        cmocka_unit_test(what_swells_too_much_is_refused),
        cmocka_unit_test(what_overlaps_is_refused),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(many_entries),
        cmocka_unit_test(very_many_documents_are_parts),
        cmocka_unit_test(damaged_archives_do_no_harm),
        cmocka_unit_test(a_compressed_file_is_what_it_holds),
        cmocka_unit_test(members_of_compressed_containers),
        cmocka_unit_test(many_members_of_compressed_containers),
    };
    return cmocka_run_group_tests_name("ingest archive", tests, documents_open, documents_close);
}
