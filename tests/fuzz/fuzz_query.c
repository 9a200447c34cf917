/* Fuzz target: any question against a small library. It must give an answer, never an error of
 * SQLite, and its hits must be ordered and positive. The library is made in a temporary folder at
 * the first call and taken away at exit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64], path[96];
static index_library *library;

static void take_away(void) {
    index_close(library);
    unlink(path);
    rmdir(folder);
}

static void stop(const error *err) {
    fprintf(stderr, "%s\n", err->text);
    abort();
}

static void make_library(void) {
    static const char *const texts[][2] = {
        {"en", "The dose of artesunate is 2.4 mg/kg; follow-up after E24, not A-113."},
        {"de", "Die H\xC3\xA4user und \"NEAR\" der Stra\xC3\x9F\x65, 1.234,5 Liter."},
        {"ja", "\xE9\xA2\xA8\xE9\x82\xAA\xE8\x96\xAC\xE3\x81\xAE\xE7\x94\xA8\xE9\x87\x8F"},
        {"ru", "\xD0\xBA\xD1\x80\xD0\xB0\xD1\x81\xD0\xBD\xD1\x8B\xD0\xB9 AND OR NOT *"}};
    error err;
    snprintf(folder, sizeof(folder), "/tmp/carrel-fuzz-XXXXXX");
    if (mkdtemp(folder) == NULL) abort();
    snprintf(path, sizeof(path), "%s/library", folder);
    if (!index_open(path, INDEX_CREATE, &library, &err)) stop(&err);
    atexit(take_away);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        index_chunk_in chunk = {.text = str_of(texts[i][1]), .page_first = 1, .page_last = 1};
        index_page page = {.number = 1, .fate = STR("text")};
        index_document_in d = {.path = str_of(texts[i][0]),
                               .pages = &page,
                               .page_count = 1,
                               .language = str_of(texts[i][0]),
                               .chunks = &chunk,
                               .chunk_count = 1};
        index_outcome outcome;
        int64_t id;
        d.hash[0] = (uint8_t)i;
        if (!index_add(library, &d, &outcome, &id, &err)) stop(&err);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (library == NULL) make_library();
    arena *a = arena_new();
    index_hit *hits;
    size_t count;
    error err;
    if (!index_search_words(library, (str){(const char *)data, size}, 3, a, &hits, &count, &err))
        stop(&err);
    if (count > 3) abort();
    for (size_t i = 0; i < count; i++) {
        if (!(hits[i].score > 0) || (i > 0 && hits[i - 1].score < hits[i].score)) abort();
    }
    arena_free(a);
    return 0;
}
