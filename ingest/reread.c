/* Chooses between a page's own text and what was recognised on its picture (reread.h).
 *
 * Recognition makes mistakes that a text layer does not, so the layer stays where it is known to be
 * good: where the picture says the same. It looks at words alone; what a page looked like is known to
 * the two programs that read it.
 */
#include <stdlib.h>
#include <string.h>

#include "ingest/reread.h"

/* Shorter words are alike by chance. */
#define WORD_BYTES 4u
#define WORDS_COMPARED 4096u /* a page of a telephone book has fewer */
/* A layer is true where half of the words on the picture are its words: of a broken one, none are. */
#define AGREE_ONE_IN 2u
/* What was recognised replaces a stamp's few words where it has so many times their letters, and so
 * many more. */
#define RICHER_TIMES 2u
#define RICHER_LETTERS 40u

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

typedef struct {
    str words[WORDS_COMPARED];
    size_t count, letters;
} page_words;

static void add_line(page_words *w, str line) {
    for (size_t i = 0, end; i < line.n; i = end) {
        for (end = i; end < line.n && is_letter(line.p[end]);) end++;
        w->letters += end - i;
        if (end - i >= WORD_BYTES && w->count < WORDS_COMPARED)
            w->words[w->count++] = str_cut(line, i, end);
        end += end == i;
    }
}

static int by_bytes(const void *a, const void *b) {
    return str_compare(*(const str *)a, *(const str *)b);
}

bool reread_is_beside(const ingest_block *b) {
    return b->role == INGEST_ROLE_PARAGRAPH && b->level == INGEST_PARAGRAPH_BESIDE;
}

static page_words *words_of(const ingest_document *d, uint32_t page) {
    page_words *w = mem_new(1, sizeof *w);
    for (size_t i = 0; i < d->block_count; i++) {
        const ingest_block *b = &d->blocks[i];
        if (b->page != page || reread_is_beside(b)) continue;
        for (size_t k = 0; k < b->line_count; k++) add_line(w, b->lines[k].text);
    }
    qsort(w->words, w->count, sizeof *w->words, by_bytes);
    return w;
}

static bool agree(const page_words *layer, const page_words *read) {
    size_t found = 0;
    for (size_t i = 0; i < read->count; i++)
        found += bsearch(&read->words[i], layer->words, layer->count, sizeof *layer->words,
                         by_bytes) != NULL;
    return found > 0 && found * AGREE_ONE_IN >= read->count;
}

reread_choice reread_choose(const ingest_document *parsed, uint32_t page,
                            const ingest_document *read) {
    ingest_fate fate = parsed->pages[page - 1].fate;
    if (fate == INGEST_FATE_EMPTY) return REREAD_TAKE;
    if (read->pages[0].fate != INGEST_FATE_OCR) return REREAD_KEEP;
    reread_choice choice = REREAD_TAKE;
    page_words *layer = words_of(parsed, page), *recognised = words_of(read, 1);
    if (fate == INGEST_FATE_TEXT && layer->letters > 0 &&
        recognised->letters < layer->letters * RICHER_TIMES + RICHER_LETTERS)
        choice = REREAD_KEEP;
    if (fate == INGEST_FATE_GARBLED && agree(layer, recognised)) choice = REREAD_RESTORE;
    mem_free(layer);
    mem_free(recognised);
    return choice;
}

/* ---- running heads -------------------------------------------------------------------------- */

#define EDGE_SHARE 0.14f /* a running head stands in this part of the page's height, */
#define EDGE_BYTES 160u  /* is no longer than this, */
#define RUNNING_PAGES 3u /* and comes on so many pages */
#define TABLE_ROWS 3u    /* so many rows are a table: its figures differ, and none runs */

typedef struct {
    char key[EDGE_BYTES + 1];
    uint32_t page;
    size_t block;
} edge;

/* Letters in lower case and one '#' for each number: "Page 12" and "Page 13" are alike. */
static void make_key(str s, char *key) {
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < EDGE_BYTES; i++) {
        char c = s.p[i];
        if (c >= '0' && c <= '9') c = '#';
        if (!is_letter(c) && c != '#') continue;
        if (c == '#' && n > 0 && key[n - 1] == '#') continue;
        key[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    key[n] = '\0';
}

static int by_key(const void *pa, const void *pb) {
    const edge *a = pa, *b = pb;
    int c = strcmp(a->key, b->key);
    return c ? c : (a->page > b->page) - (a->page < b->page);
}

static bool at_edge(const ingest_page *p, const ingest_block *b) {
    const ingest_line *l = &b->lines[0];
    return p->fate == INGEST_FATE_OCR && b->line_count == 1 && l->text.n <= EDGE_BYTES &&
           p->height_pt > 0 && l->at.y1 > l->at.y0 && !reread_is_beside(b) &&
           (l->at.y1 < EDGE_SHARE * p->height_pt || l->at.y0 > (1 - EDGE_SHARE) * p->height_pt);
}

/* Is it one of so many rows that follow each other on its page? */
static bool in_table(const ingest_block *blocks, size_t count, size_t i) {
    size_t first = i, end = i;
    while (first > 0 && i - first < TABLE_ROWS && blocks[first - 1].page == blocks[i].page &&
           blocks[first - 1].role == INGEST_ROLE_TABLE_ROW)
        first--;
    while (end < count && end - i < TABLE_ROWS && blocks[end].page == blocks[i].page &&
           blocks[end].role == INGEST_ROLE_TABLE_ROW)
        end++;
    return blocks[i].role == INGEST_ROLE_TABLE_ROW && end - first >= TABLE_ROWS;
}

void reread_mark_running(const ingest_page *pages, ingest_block *blocks, size_t block_count) {
    size_t count = 0, room = 0;
    for (size_t i = 0; i < block_count; i++)
        room += at_edge(&pages[blocks[i].page - 1], &blocks[i]);
    if (room < RUNNING_PAGES) return;
    edge *edges = mem_new(room, sizeof *edges);
    for (size_t i = 0; i < block_count; i++) {
        if (!at_edge(&pages[blocks[i].page - 1], &blocks[i]) || in_table(blocks, block_count, i))
            continue;
        edges[count] = (edge){.page = blocks[i].page, .block = i};
        make_key(blocks[i].lines[0].text, edges[count++].key);
    }
    qsort(edges, count, sizeof *edges, by_key);
    for (size_t first = 0, end; first < count; first = end) {
        size_t on_pages = 1;
        for (end = first + 1; end < count && strcmp(edges[end].key, edges[first].key) == 0; end++)
            on_pages += edges[end].page != edges[end - 1].page;
        for (size_t i = first; on_pages >= RUNNING_PAGES && i < end; i++) {
            blocks[edges[i].block].role = INGEST_ROLE_FOOTER;
            blocks[edges[i].block].level = 0;
        }
    }
    mem_free(edges);
}
