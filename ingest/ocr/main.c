/* carrel-ocr: the program that recognises characters. ingest/parse/serve.c is how it lives; here
 * stands what it keeps loaded for its children and what one child does.
 */
#include <poppler.h>
#include <string.h>
#include <unistd.h>

#include "ingest/kind.h"
#include "ingest/ocr/ocr.h"
#include "ingest/parse/serve.h"

/* What the parent has loaded, for the children to find. */
static struct {
    bool tried, ok;
    char asked[WORKER_LANGUAGES_BYTES];
    languages_chosen languages;
    error err;
} loaded;

static void prepare(const worker_request *request) {
    if (loaded.tried && strcmp(loaded.asked, request->ocr_languages) == 0) return;
    loaded.tried = true;
    memcpy(loaded.asked, request->ocr_languages, sizeof loaded.asked);
    loaded.ok = languages_choose(languages_folders(), str_of(loaded.asked), &loaded.languages,
                                 &loaded.err) &&
                ocr_load(&loaded.languages, &loaded.err);
}

static bool read_page(const parse_input *in, const worker_request *request, record_writer *out,
                      error *err) {
    ocr_picture picture = {0};
    ocr_words words;
    arena *a = arena_new(); /* the process ends with it */
    ingest_kind kind = kind_of(str_cut(in->bytes, 0, KIND_HEAD_BYTES), in->name);
    if (!loaded.ok) return error_set(err, loaded.err.code, "%s", loaded.err.text);
    if (kind != KIND_PDF && kind != KIND_IMAGE)
        return error_set(err, ERROR_INPUT, "it is no document of pages any more: add it again");
    ocr_picture_fn *make = kind == KIND_PDF ? ocr_render_page : ocr_decode_page;
    if (!make(in, request->piece.ocr_page, a, &picture, err) ||
        !ocr_recognise(&picture, a, &words, err))
        return false;
    ocr_write(&picture, &words, &loaded.languages, a, out);
    return true;
}

/* A page of a font that is not in the file, drawn once: fontconfig reads its configuration, and the
 * character converters are loaded. */
static void warm_up(void) {
    const ingest_limits limits = {.pages = 1};
    parse_input in = {.bytes = parse_pdf_keep_warm(), .name = STR("w.pdf"), .limits = &limits};
    arena *a = arena_new();
    ocr_picture ignored;
    text latin = {0};
    error err; /* a sample that fails warms less, and nothing else */
    ocr_render_page(&in, 1, a, &ignored, &err);
    parse_to_utf8(STR("caf\xe9"), STR("windows-1252"), &latin, &err);
    text_free(&latin);
    arena_free(a);
}

int main(void) {
    /* Tesseract's data; poppler's maps for CJK fonts; the fonts that a PDF names and does not
     * bring. */
    static const char *readable[16] = {"/usr/share/poppler",     "/usr/share/fonts",
                                       "/usr/local/share/fonts", "/etc/fonts",
                                       "/usr/share/fontconfig",  "/var/cache/fontconfig"};
    size_t count = 6;
    for (const char *const *f = languages_folders(); *f; f++) readable[count++] = *f;
    static serve_program program = {.name = "carrel-ocr",
                                    .readable_folders = readable,
                                    .warm_up = warm_up,
                                    .prepare = prepare,
                                    .read = read_page};
    return serve_documents(&program);
}
