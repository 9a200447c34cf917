/* How much of a web page's text the HTML parser finds, and how much else it lets through.
 *
 *     html_f1 EVAL [first|rest|all] [-v | -p NAME]
 *
 * Reads EVAL/documents/readability (source.html against the text of expected.html) and
 * EVAL/documents/articles (gzipped pages against articleBody in ground-truth.json). Words are runs
 * of letters, digits and '_'; the measure is the overlap of their 4-shingles, counted with repeats,
 * as in the article-extraction-benchmark: precision and recall of each page, averaged over pages,
 * and the F1 of the two averages. The mean of the pages' own F1 stands beside it.
 *
 * An articleBody has neither the headline nor captions. Both are in the records by name (the
 * document's title, blocks with the role caption), and so `articles` is scored without blocks that
 * repeat the title, captions and running heads and feet; `articles, every block` has them all.
 *
 * Rules are tuned on the first pages of each sorted list; the figure to believe is that of the
 * rest. -v prints each page, -p the text that was found in one.
 *
 * It links the parser itself: this is a measure of rules, and the sandbox is tested elsewhere.
 */
#include <dirent.h>
#include <jansson.h>
#include <libxml/HTMLparser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <utf8proc.h>

#include "ingest/parse/html.h"

#define SHINGLE 4
/* Pages that rules may be tuned on. */
#define FIRST_READABILITY 30
#define FIRST_ARTICLES 45

static const ingest_limits limits = {.file_bytes = 64 << 20, .pages = 1};

typedef struct {
    uint64_t *v;
    size_t n;
} shingles;

typedef struct {
    const char *which, *only;
    bool verbose;
    double precision, recall, f1, ms;
    int pages;
} tally;

static bool read_all(FILE *f, text *out) {
    char buffer[65536];
    size_t n;
    while ((n = fread(buffer, 1, sizeof buffer, f)) > 0) text_put(out, (str){buffer, n});
    return !ferror(f);
}

/* Whether a block belongs to the body of an article. */
static bool is_body(const ingest_document *d, const ingest_block *b) {
    if (b->role == INGEST_ROLE_CAPTION || b->role == INGEST_ROLE_FOOTER) return false;
    return !(b->role == INGEST_ROLE_HEADING && b->line_count == 1 &&
             html_head_same(b->lines[0].text, d->title));
}

/* The document as the parser's records give it, a line each: all of it, and the body. */
static bool extract(str bytes, str name, text *out, text *body, error *err) {
    int fd = memfd_create("records", 0);
    record_writer *w = record_writer_new(fd);
    arena *a = arena_new();
    record_reader *r = record_reader_new(a, &limits);
    parse_input in = {bytes, name, &limits};
    ingest_document *d = NULL;
    char buffer[65536];
    ssize_t n;
    bool ok = parse_html(&in, w, err) && record_end(w) && lseek(fd, 0, SEEK_SET) == 0;
    while (ok && (n = read(fd, buffer, sizeof buffer)) > 0)
        ok = record_feed(r, buffer, (size_t)n, err);
    ok = ok && record_finish(r, name, &d, err);
    for (size_t i = 0; ok && i < d->block_count; i++) {
        const ingest_block *b = &d->blocks[i];
        size_t start = out->n;
        if (b->role == INGEST_ROLE_HEADING) text_printf(out, "%.*s ", b->level, "######");
        for (size_t k = 0; k < b->line_count; k++) {
            text_put(out, b->lines[k].text);
            text_put_char(out, '\n');
        }
        if (is_body(d, b)) text_put(body, str_cut(text_str(out), start, out->n));
    }
    record_reader_free(r);
    arena_free(a);
    record_writer_free(w);
    close(fd);
    return ok;
}

static bool is_word(uint32_t u) {
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)u);
    bool mark = c >= UTF8PROC_CATEGORY_MN && c <= UTF8PROC_CATEGORY_ME;
    return (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_NO && !mark) || u == '_';
}

static int compare_u64(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static shingles shingles_of(str s) {
    size_t count = 0, words = 0;
    uint64_t *word = mem_new(s.n + 1, sizeof *word), h = 0;
    bool in = false;
    for (size_t i = 0, used; i <= s.n; i += used) {
        used = 1;
        uint32_t u = i < s.n ? utf8_next(s.p + i, s.n - i, &used) : ' ';
        if (is_word(u)) {
            h = ((in ? h : 1469598103934665603ull) ^ u) * 1099511628211ull;
            in = true;
        } else if (in) {
            word[words++] = h;
            in = false;
        }
    }
    for (size_t i = 0; i + SHINGLE <= words || (i == 0 && words > 0); i++) {
        uint64_t v = 0;
        for (size_t k = i; k < i + SHINGLE && k < words; k++)
            v = (v ^ word[k]) * 0x9E3779B97F4A7C15ull + (v >> 29);
        word[count++] = v;
    }
    qsort(word, count, sizeof *word, compare_u64);
    return (shingles){word, count};
}

static void score(tally *t, const char *name, str got, str want) {
    shingles a = shingles_of(got), b = shingles_of(want);
    size_t i = 0, j = 0, both = 0;
    while (i < a.n && j < b.n) {
        if (a.v[i] == b.v[j])
            both++, i++, j++;
        else if (a.v[i] < b.v[j])
            i++;
        else
            j++;
    }
    double p = a.n ? (double)both / (double)a.n : b.n == 0;
    double r = b.n ? (double)both / (double)b.n : 1;
    double f = p + r > 0 ? 2 * p * r / (p + r) : 0;
    if (t->verbose) printf("%.3f %.3f %.3f %s\n", f, p, r, name);
    t->precision += p;
    t->recall += r;
    t->f1 += f;
    t->pages++;
    mem_free(a.v);
    mem_free(b.v);
}

/* All text of a piece of HTML, as a judge would write it down. */
static void plain_text(str html, text *out) {
    htmlDocPtr doc = htmlReadMemory(html.p, (int)html.n, NULL, "UTF-8",
                                    HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET);
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    for (xmlNode *n = root; n; n = html_next(n, root, true)) {
        if (n->type == XML_TEXT_NODE)
            text_put(out, str_of((const char *)n->content));
        else if (html_kind_by_name((const char *)n->name) >= HTML_BREAK)
            text_put_char(out, ' ');
    }
    xmlFreeDoc(doc);
}

static bool chosen(const tally *t, const char *name, int place, int first) {
    if (t->only) return strcmp(t->only, name) == 0;
    return strcmp(t->which, "all") == 0 || (place < first) == (strcmp(t->which, "first") == 0);
}

/* `body` may be NULL. */
static void one_page(tally *all, tally *body, const char *name, const text *page, str want) {
    error err = {0};
    text got = {0}, part = {0};
    clock_t start = clock();
    if (!extract(text_str(page), str_of(name), &got, &part, &err))
        fprintf(stderr, "%s: %s\n", name, err.text);
    all->ms += (double)(clock() - start) * 1000 / CLOCKS_PER_SEC;
    if (all->only) printf("%s", body ? part.p ? part.p : "" : got.p ? got.p : "");
    score(all, name, text_str(&got), want);
    if (body) score(body, name, text_str(&part), want);
    text_free(&got);
    text_free(&part);
}

static bool read_file(const char *path, text *out) {
    FILE *f = fopen(path, "rb");
    bool ok = f && read_all(f, out);
    if (f) fclose(f);
    if (!ok) fprintf(stderr, "cannot read %s\n", path);
    return ok;
}

static int not_hidden(const struct dirent *e) {
    return e->d_name[0] != '.';
}

static void run_readability(const char *eval, tally *t) {
    char folder[1024], path[2048];
    struct dirent **names;
    snprintf(folder, sizeof folder, "%s/documents/readability", eval);
    int n = scandir(folder, &names, not_hidden, alphasort);
    for (int i = 0; i < n; i++) {
        text page = {0}, expected = {0}, want = {0};
        if (chosen(t, names[i]->d_name, i, FIRST_READABILITY)) {
            snprintf(path, sizeof path, "%s/%s/source.html", folder, names[i]->d_name);
            bool ok = read_file(path, &page);
            snprintf(path, sizeof path, "%s/%s/expected.html", folder, names[i]->d_name);
            if (ok && read_file(path, &expected)) {
                plain_text(text_str(&expected), &want);
                one_page(t, NULL, names[i]->d_name, &page, text_str(&want));
            }
        }
        text_free(&page), text_free(&expected), text_free(&want);
        free(names[i]);
    }
    if (n >= 0) free(names);
}

static void run_articles(const char *eval, tally *t, tally *body_only) {
    char path[2048];
    snprintf(path, sizeof path, "%s/documents/articles/ground-truth.json", eval);
    json_t *truth = json_load_file(path, 0, NULL), *entry;
    const char *id;
    int place = 0;
    json_object_foreach(truth, id, entry) { /* in the order of the file, which is sorted */
        text page = {0};
        const char *body = json_string_value(json_object_get(entry, "articleBody"));
        snprintf(path, sizeof path, "gzip -dc '%s/documents/articles/%s.html.gz' 2>/dev/null", eval,
                 id);
        FILE *f = body && chosen(t, id, place, FIRST_ARTICLES) ? popen(path, "r") : NULL;
        if (f && read_all(f, &page) && page.n > 0) one_page(t, body_only, id, &page, str_of(body));
        if (f) pclose(f);
        place++;
        text_free(&page);
    }
    json_decref(truth);
}

static void report(const char *set, const tally *t) {
    if (t->pages == 0 || t->only) return;
    double p = t->precision / t->pages, r = t->recall / t->pages;
    printf("%s, %s %d pages: precision %.3f, recall %.3f, F1 of the two %.3f, mean F1 %.3f", set,
           t->which, t->pages, p, r, 2 * p * r / (p + r), t->f1 / t->pages);
    if (t->ms > 0) printf("; %.0f pages/s of one core", t->pages / t->ms * 1000);
    printf("\n");
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: html_f1 EVAL [first|rest|all] [-v | -p NAME]\n");
        return ERROR_USAGE;
    }
    tally start = {.which = argc > 2 ? argv[2] : "all"};
    start.verbose = argc > 3 && strcmp(argv[3], "-v") == 0;
    start.only = argc > 4 && strcmp(argv[3], "-p") == 0 ? argv[4] : NULL;
    tally readability = start, articles = start, every = start;
    every.verbose = false;
    run_readability(argv[1], &readability);
    report("readability", &readability);
    run_articles(argv[1], &every, &articles);
    report("articles", &articles);
    report("articles, every block", &every);
    return readability.pages + articles.pages > 0 ? 0 : ERROR_NOT_FOUND;
}
