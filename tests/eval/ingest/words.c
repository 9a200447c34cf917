/* Words and how two texts agree in them: shingles, order, edits.
 *
 * Owns the arithmetic of the scores. A word is a hash of 64 bits: two words that collide are not
 * to be expected in a set of some million. Nothing here knows what a document is.
 */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "tests/eval/ingest/eval_ingest.h"

#define SHINGLE 4
/* Edit distance is quadratic; a scan of ten full pages has 6,000 words. */
#define ACCURACY_MAX_WORDS 30000u

static bool is_word(uint32_t u) {
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)u);
    return u == '_' || (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO) ||
           (c >= UTF8PROC_CATEGORY_ND && c <= UTF8PROC_CATEGORY_NO);
}

/* s itself, or its compatible form in *buffer, which is the caller's to free. */
static str compatible_form(str s, char **buffer) {
    utf8proc_uint8_t *out = NULL;
    utf8proc_ssize_t n =
        utf8proc_map((const utf8proc_uint8_t *)(s.p ? s.p : ""), (utf8proc_ssize_t)s.n, &out,
                     UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_IGNORE);
    *buffer = (char *)out;
    return n >= 0 ? (str){(char *)out, (size_t)n} : s;
}

/* The next word of s from *pos; false at the end. */
static bool next_word(str s, size_t *pos, size_t *begin, size_t *end) {
    size_t used;
    while (*pos < s.n && !is_word(utf8_next(s.p + *pos, s.n - *pos, &used))) *pos += used;
    *begin = *pos;
    while (*pos < s.n && is_word(utf8_next(s.p + *pos, s.n - *pos, &used))) *pos += used;
    *end = *pos;
    return *end > *begin;
}

words words_of(str s, bool compatible) {
    char *buffer = NULL;
    if (compatible) s = compatible_form(s, &buffer);
    words w = {.v = mem_new(s.n / 2 + 1, sizeof *w.v)};
    for (size_t pos = 0, begin, end; next_word(s, &pos, &begin, &end);) {
        uint64_t h = 1469598103934665603ull; /* FNV-1a */
        for (size_t i = begin; i < end; i++) h = (h ^ (uint8_t)s.p[i]) * 1099511628211ull;
        w.v[w.n++] = h;
    }
    free(buffer);
    return w;
}

void words_free(words *w) {
    mem_free(w->v);
    *w = (words){0};
}

void words_plain(text *out, str s) {
    char *buffer = NULL;
    size_t start = out->n;
    s = compatible_form(s, &buffer);
    for (size_t pos = 0, begin, end; next_word(s, &pos, &begin, &end);) {
        if (out->n > start) text_put_char(out, ' ');
        text_put(out, str_cut(s, begin, end));
    }
    if (out->n == start)
        for (size_t i = 0; i < s.n; i++)
            if (!strchr(" \t\n\r", s.p[i])) text_put_char(out, s.p[i]);
    free(buffer);
}

/* ---- overlap ------------------------------------------------------------------------------- */

static int compare_u64(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static overlap overlap_of(uint64_t *a, size_t an, uint64_t *b, size_t bn) {
    size_t both = 0;
    qsort(a, an, sizeof *a, compare_u64);
    qsort(b, bn, sizeof *b, compare_u64);
    for (size_t i = 0, j = 0; i < an && j < bn;) {
        if (a[i] == b[j])
            both++, i++, j++;
        else if (a[i] < b[j])
            i++;
        else
            j++;
    }
    overlap o = {.precision = an ? (double)both / (double)an : bn == 0,
                 .recall = bn ? (double)both / (double)bn : an == 0,
                 .found = an > 0};
    double sum = o.precision + o.recall;
    o.f1 = sum > 0 ? 2 * o.precision * o.recall / sum : 0;
    return o;
}

static uint64_t shingle_at(const words *w, size_t at) {
    uint64_t v = 0;
    for (size_t k = at; k < at + SHINGLE && k < w->n; k++)
        v = (v ^ w->v[k]) * 0x9E3779B97F4A7C15ull + (v >> 29);
    return v;
}

/* At least one where there is any word. */
static uint64_t *shingles_of(const words *w, size_t *n) {
    *n = w->n >= SHINGLE ? w->n - SHINGLE + 1 : w->n > 0;
    uint64_t *v = mem_new(*n + 1, sizeof *v);
    for (size_t i = 0; i < *n; i++) v[i] = shingle_at(w, i);
    return v;
}

overlap words_overlap(const words *got, const words *want) {
    size_t an, bn;
    uint64_t *a = shingles_of(got, &an), *b = shingles_of(want, &bn);
    overlap o = overlap_of(a, an, b, bn);
    mem_free(a);
    mem_free(b);
    return o;
}

static uint64_t *hash_lines(str s, size_t *n) {
    size_t room = 1;
    for (size_t i = 0; i < s.n; i++) room += s.p[i] == '\n';
    uint64_t *v = mem_new(room, sizeof *v);
    *n = 0;
    for (size_t begin = 0; begin < s.n;) {
        size_t end = str_find(s, STR("\n"), begin);
        if (end == SIZE_MAX) end = s.n;
        uint64_t h = 1469598103934665603ull;
        for (size_t i = begin; i < end; i++) h = (h ^ (uint8_t)s.p[i]) * 1099511628211ull;
        if (end > begin) v[(*n)++] = h;
        begin = end + 1;
    }
    return v;
}

overlap lines_overlap(str got, str want) {
    size_t an, bn;
    uint64_t *a = hash_lines(got, &an), *b = hash_lines(want, &bn);
    overlap o = overlap_of(a, an, b, bn);
    mem_free(a);
    mem_free(b);
    return o;
}

/* ---- order --------------------------------------------------------------------------------- */

typedef struct {
    uint64_t v;
    size_t at;
} placed;

static int compare_placed(const void *a, const void *b) {
    const placed *x = a, *y = b;
    return x->v != y->v ? (x->v > y->v) - (x->v < y->v) : (x->at > y->at) - (x->at < y->at);
}

/* The shingles that occur once, by value. */
static placed *single_shingles(const words *w, size_t *count) {
    size_t n = w->n >= SHINGLE ? w->n - SHINGLE + 1 : 0, kept = 0;
    placed *p = mem_new(n + 1, sizeof *p);
    for (size_t i = 0; i < n; i++) p[i] = (placed){shingle_at(w, i), i};
    qsort(p, n, sizeof *p, compare_placed);
    for (size_t i = 0, next; i < n; i = next) {
        for (next = i + 1; next < n && p[next].v == p[i].v;) next++;
        if (next == i + 1) p[kept++] = p[i];
    }
    *count = kept;
    return p;
}

/* Pairs of v that stand in the wrong order; sorts v. Bottom-up, so that nothing recurses. */
static uint64_t inversions(uint64_t *v, size_t n) {
    uint64_t *other = mem_new(n + 1, sizeof *other), wrong = 0;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t begin = 0; begin < n; begin += 2 * width) {
            size_t middle = begin + width < n ? begin + width : n;
            size_t end = middle + width < n ? middle + width : n;
            for (size_t i = begin, j = middle, k = begin; k < end; k++) {
                bool left = i < middle && (j == end || v[i] <= v[j]);
                if (!left) wrong += middle - i;
                other[k] = left ? v[i++] : v[j++];
            }
        }
        memcpy(v, other, n * sizeof *v);
    }
    mem_free(other);
    return wrong;
}

static int compare_at(const void *a, const void *b) {
    const placed *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

double words_order(const words *got, const words *want) {
    size_t an, bn, n = 0;
    placed *a = single_shingles(got, &an), *b = single_shingles(want, &bn);
    placed *common = mem_new((an < bn ? an : bn) + 1, sizeof *common);
    for (size_t i = 0, j = 0; i < an && j < bn;) {
        if (a[i].v == b[j].v)
            common[n++] = (placed){.v = b[j++].at, .at = a[i++].at};
        else if (a[i].v < b[j].v)
            i++;
        else
            j++;
    }
    qsort(common, n, sizeof *common, compare_at);
    uint64_t *places = mem_new(n + 1, sizeof *places);
    for (size_t i = 0; i < n; i++) places[i] = common[i].v;
    double pairs = (double)n * ((double)n - 1) / 2;
    double order = n < 2 ? -1 : 1 - (double)inversions(places, n) / pairs;
    mem_free(places);
    mem_free(common);
    mem_free(a);
    mem_free(b);
    return order;
}

/* ---- edits --------------------------------------------------------------------------------- */

double words_accuracy(const words *got, const words *want) {
    size_t m = want->n, n = got->n;
    if (m == 0 || m > ACCURACY_MAX_WORDS || n > ACCURACY_MAX_WORDS) return -1;
    uint32_t *row = mem_new(n + 1, sizeof *row);
    for (size_t j = 0; j <= n; j++) row[j] = (uint32_t)j;
    for (size_t i = 1; i <= m; i++) {
        uint32_t diagonal = row[0];
        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= n; j++) {
            uint32_t best = diagonal + (want->v[i - 1] != got->v[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    double accuracy = 1 - (double)row[n] / (double)m;
    mem_free(row);
    return accuracy > 0 ? accuracy : 0;
}

double words_known(const words *got, const words *want) {
    words a = {mem_new(got->n + 1, sizeof *a.v), got->n},
          b = {mem_new(want->n + 1, sizeof *b.v), want->n};
    memcpy(a.v, got->v, a.n * sizeof *a.v);
    memcpy(b.v, want->v, b.n * sizeof *b.v);
    overlap o = overlap_of(a.v, a.n, b.v, b.n);
    words_free(&a);
    words_free(&b);
    return got->n ? o.precision : 0;
}
