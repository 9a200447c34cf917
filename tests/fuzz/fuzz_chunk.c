/* Fuzz target: the chunker. The bytes become a document: each line of them is a line of a block,
 * its first byte says what block it begins or goes on, and on which page. What holds for all
 * chunks is checked: valid text, lengths, places in order that cover the text, pages that exist.
 */
#include <stdlib.h>
#include <string.h>

#include "ingest/ingest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGES 8
#define MAX_TOKENS 300

static size_t count_words(void *context, str s) {
    size_t n = 0;
    (void)context;
    for (size_t i = 0; i < s.n; i++) n += s.p[i] > ' ' && (i == 0 || s.p[i - 1] <= ' ');
    return n;
}

static void require(bool holds) {
    if (!holds) abort();
}

/* The reader of records gives valid UTF-8 without control characters; so does this. */
static str clean_line(arena *a, str s) {
    text t = {0};
    for (size_t i = 0, used; i < s.n; i += used) {
        uint32_t u = utf8_next(s.p + i, s.n - i, &used);
        text_put_codepoint(&t, u < ' ' || u == 0x7F ? ' ' : u);
    }
    str out = arena_str(a, text_str(&t));
    text_free(&t);
    return out;
}

static void build(arena *a, str bytes, ingest_document *d) {
    size_t lines = 1, at = 0, block = SIZE_MAX;
    for (size_t i = 0; i < bytes.n; i++) lines += bytes.p[i] == '\n';
    ingest_line *all = arena_alloc(a, lines, sizeof *all);
    ingest_block *blocks = arena_alloc(a, lines, sizeof *blocks);
    uint32_t page = 1;
    for (size_t i = 0; i < lines; i++) {
        size_t end = str_find(bytes, STR("\n"), at);
        str raw = str_cut(bytes, at, end);
        unsigned char kind = raw.n ? (unsigned char)raw.p[0] : 0;
        at = end == SIZE_MAX ? bytes.n : end + 1;
        all[i].text = clean_line(a, str_cut(raw, 1, raw.n));
        all[i].at = (box){(float)i, 0, 1, 1};
        if (block != SIZE_MAX && kind >= 0x80) {
            blocks[block].line_count++;
            continue;
        }
        page += kind % 16 == 15 && page < PAGES;
        blocks[++block] = (ingest_block){.role = kind % INGEST_ROLE_COUNT,
                                         .page = page,
                                         .level = (uint8_t)(1 + kind / 8 % 6),
                                         .lines = &all[i],
                                         .line_count = 1};
    }
    d->blocks = blocks;
    d->block_count = block + 1;
}

static void check(const ingest_chunk *c) {
    uint32_t last = 0;
    require(c->text.n > 0 && utf8_valid(c->text) && utf8_valid(c->heading));
    require(c->overlap_bytes < c->text.n);
    require(c->tokens <= MAX_TOKENS);
    require(c->line_count > 0 && c->page_first >= 1 && c->page_first <= c->page_last);
    require(c->page_last <= PAGES);
    for (size_t k = 0; k < c->line_count; k++) {
        require(c->lines[k].begin >= last && c->lines[k].begin < c->lines[k].end);
        for (uint32_t b = last; b < c->lines[k].begin; b++)
            require(c->text.p[b] == ' ' || c->text.p[b] == '\n');
        last = c->lines[k].end;
    }
    require(last == c->text.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arena *a = arena_new();
    ingest_page page = {.number = 1, .fate = INGEST_FATE_TEXT};
    ingest_document d = {
        .title = STR("fuzz"), .type = STR("text"), .pages = &page, .page_count = 1};
    ingest_chunk *chunks = NULL;
    size_t count = 0;
    error err = {0};
    build(a, (str){(const char *)data, size}, &d);
    require(ingest_chunk_document(&d, count_words, NULL, a, &chunks, &count, &err));
    for (size_t i = 0; i < count; i++) check(&chunks[i]);
    arena_free(a);
    return 0;
}
