/* Copies: the same passage in several documents is one result.
 *
 * People keep "report.pdf", "report (1).pdf" and the report's text of last year's mail. Each would
 * take a place among the results, and a place among the passages that are read, from one that says
 * something else. Two passages are copies where they have the same text but for white space, under
 * the same heading, in different documents: whoever reads one has read the other. A word or a
 * figure that differs is a difference, and both are shown. Files with the same bytes are one
 * document already; their other names are told here too.
 */
#include "query/copies.h"

#include <string.h>

/* As white space is between words of any parser. */
static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next byte that is no white space; false at the end. */
static bool next_byte(str s, size_t *at, char *out) {
    while (*at < s.n && is_space(s.p[*at])) ++*at;
    if (*at == s.n) return false;
    *out = s.p[(*at)++];
    return true;
}

static uint64_t hash_text(str s) {
    uint64_t h = 14695981039346656037ull; /* FNV-1a */
    char c;
    for (size_t at = 0; next_byte(s, &at, &c);) h = (h ^ (unsigned char)c) * 1099511628211ull;
    return h;
}

static bool same_text(str a, str b) {
    size_t i = 0, k = 0;
    char x = 0, y = 0;
    for (;;) {
        bool more = next_byte(a, &i, &x);
        if (next_byte(b, &k, &y) != more) return false;
        if (!more || x != y) return !more;
    }
}

static bool is_copy(const index_chunk *a, const index_chunk *b) {
    return a->document != b->document && str_eq(a->heading, b->heading) &&
           same_text(a->text, b->text);
}

static void add_copy(query_source *s, str path, arena *a) {
    for (size_t i = 0; i < s->copy_count; i++)
        if (str_eq(s->copies[i], path)) return;
    /* Grown by doubling: room is there up to the next power of two. */
    size_t n = s->copy_count;
    if ((n & (n - 1)) == 0) {
        str *more = arena_alloc(a, n ? 2 * n : 1, sizeof *more);
        if (n) memcpy(more, s->copies, n * sizeof *more);
        s->copies = more;
    }
    s->copies[s->copy_count++] = path;
}

/* Other files with the document's own bytes. */
static bool add_files(const query_context *q, query_source *s, arena *a, error *err) {
    index_document d;
    str *paths;
    size_t count;
    str id = arena_printf(a, "#%lld", (long long)s->chunk.document);
    if (!index_find(q->library, id, a, &d, err) ||
        !index_copies(q->library, d.hash, a, &paths, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!str_eq(paths[i], s->chunk.path)) add_copy(s, paths[i], a);
    return true;
}

bool query_find_copy(query_copies *x, const index_chunk *c, arena *a) {
    uint64_t h = hash_text(c->text);
    for (size_t k = 0; k < x->count; k++)
        if (x->hashes[k] == h && is_copy(&x->sources[k].chunk, c)) {
            add_copy(&x->sources[k], c->path, a);
            return true;
        }
    if (x->count == x->most) return true;
    x->hashes[x->count] = h;
    x->sources[x->count++] = (query_source){.chunk = *c};
    return false;
}

bool query_find_files(const query_context *q, query_copies *x, arena *a, error *err) {
    for (size_t i = 0; i < x->count; i++)
        if (!add_files(q, &x->sources[i], a, err)) return false;
    return true;
}
