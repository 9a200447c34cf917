/* How much of a web page's text the HTML parser finds, and how much else it lets through.
 *
 *     html_f1 EVAL [even|odd|all] [-v | -p NAME]
 *
 * Reads EVAL/documents/readability (source.html against the text of expected.html) and
 * EVAL/documents/articles (gzipped pages against articleBody in ground-truth.json). Words are runs
 * of letters and digits; the measure is the overlap of their 4-shingles, counted with repeats:
 * precision, recall and F1 are averaged over pages. Rules are tuned on pages with an even place in
 * the sorted list; the figure to report is that of the odd ones. -v prints each page, -p the text
 * that was found in one.
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
#include <unistd.h>
#include <utf8proc.h>

#include "ingest/parse/html.h"

#define SHINGLE 4

static const ingest_limits limits = {.file_bytes = 64 << 20, .pages = 1};

typedef struct {
    uint64_t *v;
    size_t n;
} shingles;

typedef struct {
    const char *which, *only;
    bool verbose;
    double precision, recall, f1;
    int pages;
} tally;

static bool read_all(FILE *f, text *out)
{
    char buffer[65536];
    size_t n;
    while ((n = fread(buffer, 1, sizeof buffer, f)) > 0)
        text_put(out, (str){buffer, n});
    return !ferror(f);
}

/* The document as the parser's records give it, a line each. */
static bool extract(str bytes, str name, text *out, error *err)
{
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
        if (d->blocks[i].role == INGEST_ROLE_HEADING)
            text_printf(out, "%.*s ", d->blocks[i].level, "######");
        for (size_t k = 0; k < d->blocks[i].line_count; k++) {
            text_put(out, d->blocks[i].lines[k].text);
            text_put_char(out, '\n');
        }
    }
    record_reader_free(r);
    arena_free(a);
    record_writer_free(w);
    close(fd);
    return ok;
}

static bool is_word(uint32_t u)
{
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)u);
    return (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_NO) || u == '_';
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static shingles shingles_of(str s)
{
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

static void score(tally *t, const char *name, str got, str want)
{
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
    if (t->verbose)
        printf("%.3f %.3f %.3f %s\n", f, p, r, name);
    t->precision += p;
    t->recall += r;
    t->f1 += f;
    t->pages++;
    mem_free(a.v);
    mem_free(b.v);
}

/* All text of a piece of HTML, as a judge would write it down. */
static void plain_text(str html, text *out)
{
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

static bool chosen(const tally *t, const char *name, int place)
{
    if (t->only)
        return strcmp(t->only, name) == 0;
    return strcmp(t->which, "all") == 0 || (place % 2 == 0) == (strcmp(t->which, "even") == 0);
}

static void one_page(tally *t, const char *name, const text *page, str want)
{
    error err = {0};
    text got = {0};
    if (!extract(text_str(page), str_of(name), &got, &err))
        fprintf(stderr, "%s: %s\n", name, err.text);
    if (t->only)
        printf("%s", got.p ? got.p : "");
    score(t, name, text_str(&got), want);
    text_free(&got);
}

static bool read_file(const char *path, text *out)
{
    FILE *f = fopen(path, "rb");
    bool ok = f && read_all(f, out);
    if (f)
        fclose(f);
    if (!ok)
        fprintf(stderr, "cannot read %s\n", path);
    return ok;
}

static int not_hidden(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static void run_readability(const char *eval, tally *t)
{
    char folder[1024], path[2048];
    struct dirent **names;
    snprintf(folder, sizeof folder, "%s/documents/readability", eval);
    int n = scandir(folder, &names, not_hidden, alphasort);
    for (int i = 0; i < n; i++) {
        text page = {0}, expected = {0}, want = {0};
        if (chosen(t, names[i]->d_name, i)) {
            snprintf(path, sizeof path, "%s/%s/source.html", folder, names[i]->d_name);
            bool ok = read_file(path, &page);
            snprintf(path, sizeof path, "%s/%s/expected.html", folder, names[i]->d_name);
            if (ok && read_file(path, &expected)) {
                plain_text(text_str(&expected), &want);
                one_page(t, names[i]->d_name, &page, text_str(&want));
            }
        }
        text_free(&page), text_free(&expected), text_free(&want);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

static void run_articles(const char *eval, tally *t)
{
    char path[2048];
    snprintf(path, sizeof path, "%s/documents/articles/ground-truth.json", eval);
    json_t *truth = json_load_file(path, 0, NULL), *entry;
    const char *id;
    int place = 0;
    void *next;
    json_object_foreach_safe(truth, next, id, entry) { /* insertion order: that of the file */
        text page = {0};
        const char *body = json_string_value(json_object_get(entry, "articleBody"));
        snprintf(path, sizeof path, "gzip -dc '%s/documents/articles/%s.html.gz' 2>/dev/null",
                 eval, id);
        FILE *f = body && chosen(t, id, place) ? popen(path, "r") : NULL;
        if (f && read_all(f, &page) && page.n > 0)
            one_page(t, id, &page, str_of(body));
        if (f)
            pclose(f);
        place++;
        text_free(&page);
    }
    json_decref(truth);
}

static void report(const char *set, const tally *t)
{
    if (t->pages == 0 || t->only)
        return;
    double p = t->precision / t->pages, r = t->recall / t->pages;
    printf("%s, %s %d pages: precision %.3f, recall %.3f, F1 of the two %.3f, mean F1 %.3f\n", set,
           t->which, t->pages, p, r, 2 * p * r / (p + r), t->f1 / t->pages);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: html_f1 EVAL [even|odd|all] [-v | -p NAME]\n");
        return ERROR_USAGE;
    }
    tally start = {.which = argc > 2 ? argv[2] : "all"};
    start.verbose = argc > 3 && strcmp(argv[3], "-v") == 0;
    start.only = argc > 4 && strcmp(argv[3], "-p") == 0 ? argv[4] : NULL;
    tally readability = start, articles = start;
    run_readability(argv[1], &readability);
    report("readability", &readability);
    run_articles(argv[1], &articles);
    report("articles", &articles);
    return readability.pages + articles.pages > 0 ? 0 : ERROR_NOT_FOUND;
}
