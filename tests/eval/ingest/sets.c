/* Which files are measured, and where their truth stands.
 *
 * One function for each layout of the evaluation folder (../shared/eval/README.md describes it).
 * Sets that are not here are left out. A docling file without a truth of its own is still read,
 * so that its fate is told. The text of a plain file is its own truth.
 */
#include <string.h>
#include <unistd.h>

#include "tests/eval/eval.h"
#include "tests/eval/ingest/eval_ingest.h"

/* PDFs that are printed and read again, as good and as bad scans, evenly over the set. */
#define MADE_SCANS 12

static bool is_here(str path) {
    return access(path.p, R_OK) == 0; /* arena strings end on a zero byte */
}

static bool wanted(const char *set, const char *only) {
    return !only || strncmp(set, only, strlen(only)) == 0;
}

static eval_case *add(eval_cases *all, const char *set, const char *name, str file) {
    if (all->count == all->room) {
        all->room = all->room ? 2 * all->room : 256;
        all->items = mem_grow(all->items, all->room, sizeof *all->items);
    }
    eval_case *c = &all->items[all->count++];
    *c = (eval_case){.set = set, .name = arena_str(all->a, str_of(name)), .file = file};
    c->order = c->accuracy = -1;
    return c;
}

static void set_truth_file(eval_case *c, truth_kind kind, str path) {
    if (!is_here(path)) return;
    c->truth = kind;
    c->truth_file = path;
}

/* ---- nfcorpus ------------------------------------------------------------------------------ */

/* id -> title and text. The PDFs were printed from these with the title on top. */
static bool read_corpus(const char *eval, json_t **out, error *err) {
    text path = {0}, bytes = {0};
    text_printf(&path, "%s/retrieval/nfcorpus/corpus.jsonl.gz", eval);
    *out = json_object();
    bool ok = eval_read(path.p, &bytes, err);
    str line;
    for (size_t pos = 0; ok && eval_line(text_str(&bytes), &pos, &line);) {
        json_t *entry = json_loadb(line.p, line.n, 0, NULL);
        const char *id = json_string_value(json_object_get(entry, "_id"));
        if (id) json_object_set(*out, id, entry);
        json_decref(entry);
    }
    text_free(&path);
    text_free(&bytes);
    return ok;
}

static eval_case *add_nfcorpus(eval_cases *all, const char *set, str folder, const char *name,
                               const json_t *corpus) {
    str id = eval_stem(str_of(name));
    const json_t *entry = json_object_get(corpus, arena_cstr(all->a, id));
    eval_case *c = add(all, set, name, arena_printf(all->a, "%s/%s", folder.p, name));
    if (!entry) return c;
    c->truth = TRUTH_TEXT;
    c->truth_text = arena_printf(all->a, STR_FMT "\n" STR_FMT, STR_ARG(eval_string(entry, "title")),
                                 STR_ARG(eval_string(entry, "text")));
    return c;
}

static bool find_nfcorpus(const char *eval, const char *only, eval_cases *all, error *err) {
    static const char *const scans[] = {"scans-made", "scans-worn"};
    char **names;
    size_t count;
    json_t *corpus = NULL;
    str folder = arena_printf(all->a, "%s/documents/nfcorpus-pdf", eval);
    bool pdf = wanted("nfcorpus-pdf", only);
    if ((!pdf && !wanted(scans[0], only) && !wanted(scans[1], only)) || !is_here(folder))
        return true;
    if (!eval_list(folder.p, all->a, &names, &count, err) || !read_corpus(eval, &corpus, err))
        return false;
    for (size_t i = 0; pdf && i < count; i++)
        add_nfcorpus(all, "nfcorpus-pdf", folder, names[i], corpus);
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; wanted(scans[k], only) && i < MADE_SCANS && i < count; i++) {
            eval_case *c = add_nfcorpus(all, scans[k], folder,
                                        names[(2 * i + k) * count / (2 * MADE_SCANS)], corpus);
            c->make = c->scan = true;
            c->worn = k == 1;
        }
    json_decref(corpus);
    return true;
}

/* ---- docling ------------------------------------------------------------------------------- */

/* FOLDER/sources/NAME with FOLDER/groundtruth/NAME.md, or STEM.md for PDFs. Beside two ODT files
 * stands their print as PDF: one truth for both. */
static bool find_docling(const char *eval, const char *format, const char *set, const char *only,
                         eval_cases *all, error *err) {
    char **names;
    size_t count;
    bool pdf = strcmp(set, "docling-pdf") == 0;
    str folder = arena_printf(all->a, "%s/documents/docling/%s", eval, format);
    str sources = arena_printf(all->a, "%s/sources", folder.p);
    if (!wanted(set, only) || !is_here(sources)) return true;
    if (!eval_list(sources.p, all->a, &names, &count, err)) return false;
    for (size_t i = 0; i < count; i++) {
        bool printed = str_ends(str_of(names[i]), STR(".odt.pdf"));
        if (strcmp(format, "odf") == 0 && printed != pdf) continue;
        str stem =
            strcmp(format, "pdf") == 0 || printed ? eval_stem(str_of(names[i])) : str_of(names[i]);
        eval_case *c = add(all, set, names[i], arena_printf(all->a, "%s/%s", sources.p, names[i]));
        set_truth_file(
            c, TRUTH_MARKDOWN,
            arena_printf(all->a, "%s/groundtruth/" STR_FMT ".md", folder.p, STR_ARG(stem)));
    }
    return true;
}

/* Scans: what tesseract read of the full page is the truth; all engines agree on these two. A
 * third file has no truth but what one engine misread of turned pages: its fate alone is told. The
 * picture of 72 dpi is the start of an article whose whole text is the truth, so that its words can
 * be looked up there and no more; it is a set of its own. */
static bool find_scans(const char *eval, const char *only, eval_cases *all, error *err) {
    char **names;
    size_t count;
    str folder = arena_printf(all->a, "%s/documents/docling", eval);
    str sources = arena_printf(all->a, "%s/ocr/sources", folder.p);
    str tiff = arena_printf(all->a, "%s/tiff/sources", folder.p);
    if (wanted("scans-docling", only) && is_here(sources)) {
        if (!eval_list(sources.p, all->a, &names, &count, err)) return false;
        for (size_t i = 0; i < count; i++) {
            eval_case *c = add(all, "scans-docling", names[i],
                               arena_printf(all->a, "%s/%s", sources.p, names[i]));
            c->scan = true;
            set_truth_file(c, TRUTH_MARKDOWN,
                           arena_printf(all->a,
                                        "%s/ocr/groundtruth/tesseract/full_page/" STR_FMT
                                        ".tesseract.full_page.md",
                                        folder.p, STR_ARG(eval_stem(str_of(names[i])))));
        }
    }
    if (!wanted("scans-72dpi", only) || !is_here(tiff)) return true;
    if (!eval_list(tiff.p, all->a, &names, &count, err)) return false;
    for (size_t i = 0; i < count; i++) {
        eval_case *c =
            add(all, "scans-72dpi", names[i], arena_printf(all->a, "%s/%s", tiff.p, names[i]));
        c->scan = c->part = true;
        set_truth_file(c, TRUTH_MARKDOWN,
                       arena_printf(all->a, "%s/pdf/groundtruth/" STR_FMT ".md", folder.p,
                                    STR_ARG(eval_stem(str_of(names[i])))));
    }
    return true;
}

/* ---- the web, and what has no truth --------------------------------------------------------- */

static bool find_articles(const char *eval, const char *only, eval_cases *all, error *err) {
    str folder = arena_printf(all->a, "%s/documents/articles", eval);
    str truths = arena_printf(all->a, "%s/ground-truth.json", folder.p);
    const char *id;
    json_t *entry;
    json_error_t why;
    if (!wanted("articles", only) || !is_here(truths)) return true;
    json_t *root = json_load_file(truths.p, 0, &why);
    if (!root) return error_set(err, ERROR_INPUT, "%s: %s", truths.p, why.text);
    json_object_foreach(root, id, entry) {
        str page = arena_printf(all->a, "%s/%s.html.gz", folder.p, id);
        if (!is_here(page)) continue;
        eval_case *c = add(all, "articles", id, page);
        c->truth = TRUTH_TEXT;
        c->truth_text = arena_str(all->a, eval_string(entry, "articleBody"));
        c->body = true;
    }
    json_decref(root);
    return true;
}

static bool find_readability(const char *eval, const char *only, eval_cases *all, error *err) {
    char **names;
    size_t count;
    str folder = arena_printf(all->a, "%s/documents/readability", eval);
    if (!wanted("readability", only) || !is_here(folder)) return true;
    if (!eval_list(folder.p, all->a, &names, &count, err)) return false;
    for (size_t i = 0; i < count; i++) {
        str page = arena_printf(all->a, "%s/%s/source.html", folder.p, names[i]);
        if (!is_here(page)) continue;
        eval_case *c = add(all, "readability", names[i], page);
        set_truth_file(c, TRUTH_HTML,
                       arena_printf(all->a, "%s/%s/expected.html", folder.p, names[i]));
    }
    return true;
}

/* `own`: the file is its own truth. */
static bool find_folder(const char *eval, const char *name, bool own, const char *only,
                        eval_cases *all, error *err) {
    char **names;
    size_t count;
    str folder = arena_printf(all->a, "%s/documents/%s", eval, name);
    if (!wanted(name, only) || !is_here(folder)) return true;
    if (!eval_list(folder.p, all->a, &names, &count, err)) return false;
    for (size_t i = 0; i < count; i++) {
        eval_case *c = add(all, name, names[i], arena_printf(all->a, "%s/%s", folder.p, names[i]));
        if (own) set_truth_file(c, TRUTH_TEXT, c->file);
    }
    return true;
}

bool cases_find(const char *eval, const char *only, eval_cases *out, error *err) {
    static const char *const formats[][2] = {{"pdf", "docling-pdf"},   {"odf", "docling-pdf"},
                                             {"odf", "docling-odf"},   {"docx", "docling-docx"},
                                             {"html", "docling-html"}, {"epub", "docling-epub"},
                                             {"pptx", "docling-pptx"}, {"xlsx", "docling-xlsx"},
                                             {"csv", "docling-csv"},   {"md", "docling-md"}};
    bool ok = find_nfcorpus(eval, only, out, err);
    for (size_t i = 0; ok && i < sizeof formats / sizeof *formats; i++)
        ok = find_docling(eval, formats[i][0], formats[i][1], only, out, err);
    return ok && find_docling(eval, "email", "docling-email", only, out, err) &&
           find_articles(eval, only, out, err) && find_readability(eval, only, out, err) &&
           find_scans(eval, only, out, err) &&
           find_folder(eval, "clinical-guidelines", true, only, out, err) &&
           find_folder(eval, "filings", false, only, out, err);
}
