/* PDF by poppler-glib: opens the document, reads page after page, writes the records.
 *
 * Each page is rendered to text once and let go; only its lines are kept until the last page is
 * read, because running heads and heading sizes are facts of the whole document. A page without
 * text, or with text that means nothing, is reported with its fate. The program has locked itself
 * in before it comes here, and nothing here opens a file.
 */
#include <poppler.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/parse/parse.h"
#include "ingest/parse/pdf.h"

/* Beyond these an outline is damaged or hostile: it may even point to itself. */
#define OUTLINE_ENTRIES 20000u
#define OUTLINE_DEPTH 12

/* A page is garbled when more than one in so many of its characters has no Unicode meaning. */
#define GARBLED_ONE_IN 4

typedef struct {
    str label;
    double width_pt, height_pt;
    ingest_fate fate;
} page_facts;

/* ---- opening ------------------------------------------------------------------------------- */

static PopplerDocument *open_document(str bytes, error *err) {
    GError *why = NULL;
    GBytes *b = g_bytes_new_static(bytes.p, bytes.n);
    PopplerDocument *d = poppler_document_new_from_bytes(b, NULL, &why);
    g_bytes_unref(b);
    if (d) return d;
    if (why && why->domain == POPPLER_ERROR && why->code == POPPLER_ERROR_ENCRYPTED)
        error_set(err, ERROR_INPUT,
                  "the PDF is encrypted and asks for a password; save a copy without one");
    else if (str_find(str_cut(bytes, 0, 1024), STR("%PDF-"), 0) == SIZE_MAX)
        error_set(err, ERROR_INPUT, "the file is named .pdf, but it is not a PDF");
    else
        error_set(err, ERROR_INPUT, "the PDF is damaged and cannot be opened");
    if (why) g_error_free(why);
    return NULL;
}

static PopplerDocument *kept_open;

void parse_pdf_keep_warm(str sample) {
    error ignored; /* a cold start is slower, and nothing else */
    kept_open = open_document(sample, &ignored);
}

/* ---- outline ------------------------------------------------------------------------------- */

static void walk_outline(PopplerIndexIter *iter, int depth, pdf_text *t, arena *a) {
    do {
        PopplerAction *action = poppler_index_iter_get_action(iter);
        if (action && action->any.title && t->bookmark_count < OUTLINE_ENTRIES)
            t->bookmarks[t->bookmark_count++] = (pdf_bookmark){
                .key = pdf_key(str_of(action->any.title), false, a), .depth = (uint8_t)depth};
        if (action) poppler_action_free(action);
        PopplerIndexIter *child = depth < OUTLINE_DEPTH ? poppler_index_iter_get_child(iter) : NULL;
        if (child) {
            walk_outline(child, depth + 1, t, a);
            poppler_index_iter_free(child);
        }
    } while (t->bookmark_count < OUTLINE_ENTRIES && poppler_index_iter_next(iter));
}

static void read_outline(PopplerDocument *d, pdf_text *t, arena *a) {
    PopplerIndexIter *iter = poppler_index_iter_new(d);
    if (!iter) return;
    t->bookmarks = mem_new(OUTLINE_ENTRIES, sizeof *t->bookmarks);
    walk_outline(iter, 1, t, a);
    poppler_index_iter_free(iter);
    pdf_sort_bookmarks(t);
}

/* ---- pages --------------------------------------------------------------------------------- */

/* Poppler counts pages where the document has no labels; such a number says nothing new. */
static str page_label(PopplerPage *page, uint32_t number, arena *a) {
    char plain[16];
    char *label = poppler_page_get_label(page);
    snprintf(plain, sizeof plain, "%u", number);
    str out = label && strcmp(label, plain) != 0 ? arena_str(a, str_of(label)) : (str){NULL, 0};
    g_free(label);
    return out;
}

static void read_page(PopplerDocument *d, uint32_t number, pdf_text *t, page_facts *facts,
                      arena *a) {
    PopplerPage *page = poppler_document_get_page(d, (int)number - 1);
    facts->fate = INGEST_FATE_EMPTY;
    if (!page) /* a hole in the page tree */
        return;
    poppler_page_get_size(page, &facts->width_pt, &facts->height_pt);
    facts->label = page_label(page, number, a);
    arena *scratch = arena_new();
    pdf_runs runs;
    pdf_page_runs(page, scratch, &runs);
    if (runs.unusable * GARBLED_ONE_IN > runs.characters) {
        facts->fate = INGEST_FATE_GARBLED;
    } else if (runs.characters > 0) {
        facts->fate = INGEST_FATE_TEXT;
        pdf_layout_page(&runs, number, a, &t->lines);
    }
    arena_free(scratch);
    g_object_unref(page);
}

/* ---- records ------------------------------------------------------------------------------- */

/* What programs write where the author gave no title. */
static bool is_no_title(str s) {
    static const char *const ends[] = {".doc", ".docx", ".pdf", ".indd", ".qxd", ".tex",
                                       ".dvi", ".ps",   ".xls", ".xlsx", ".ppt", ".pptx",
                                       ".odt", ".rtf",  ".htm", ".html", ".txt", NULL};
    static const char *const names[] = {
        "untitled", "(unspecified)", "(anonymous)", "unknown", "powerpoint presentation",
        "title",    "document",      NULL};
    for (size_t i = 0; ends[i]; i++) {
        str end = str_of(ends[i]);
        if (s.n >= end.n && str_eq_nocase(str_cut(s, s.n - end.n, s.n), end)) return true;
    }
    for (size_t i = 0; names[i]; i++)
        if (str_eq_nocase(s, str_of(names[i]))) return true;
    return s.n < 4 || str_find(s, STR("Microsoft Word - "), 0) == 0;
}

/* The metadata's title, else the largest heading of the first page that has one. */
static str document_title(PopplerDocument *d, const pdf_text *t, arena *a) {
    char *stated = poppler_document_get_title(d);
    str title = stated ? str_trim(arena_str(a, str_of(stated))) : (str){NULL, 0};
    g_free(stated);
    if (title.n > 0 && utf8_valid(title) && !is_no_title(title)) return title;
    const pdf_block *best = NULL;
    const pdf_line *lines = t->lines.lines;
    for (size_t i = 0; i < t->block_count; i++) {
        const pdf_block *b = &t->blocks[i];
        if (best && lines[b->first].page != lines[best->first].page) break;
        if (b->role == INGEST_ROLE_HEADING &&
            str_find(lines[b->first].text, STR("\xef\xbf\xbd"), 0) == SIZE_MAX &&
            (!best || lines[b->first].font_pt > lines[best->first].font_pt + 0.5f))
            best = b;
    }
    text joined = {0};
    for (uint32_t i = 0; best && i < best->count; i++)
        text_printf(&joined, "%s" STR_FMT, i > 0 ? " " : "", STR_ARG(lines[best->first + i].text));
    title = arena_str(a, text_str(&joined));
    text_free(&joined);
    return title;
}

static void write_records(const pdf_text *t, str title, const page_facts *facts,
                          record_writer *out) {
    size_t at = 0;
    record_document(out, title, STR("pdf"), (str){NULL, 0});
    for (uint32_t number = 1; number <= t->page_count; number++) {
        const page_facts *f = &facts[number - 1];
        record_page(out, number, f->label, (float)f->width_pt, (float)f->height_pt, f->fate);
        for (; at < t->block_count; at++) {
            const pdf_block *b = &t->blocks[at];
            const pdf_line *l = &t->lines.lines[b->first];
            if (l->page != number) break;
            record_block(out, b->role, b->level, number);
            for (uint32_t i = 0; i < b->count; i++)
                record_line(out, l[i].text, pdf_turned(l[i].at, 4u - l[i].turn), l[i].font_pt);
        }
    }
}

bool parse_pdf(const parse_input *in, record_writer *out, error *err) {
    PopplerDocument *d = open_document(in->bytes, err);
    if (!d) return false;
    bool ok = false;
    int pages = poppler_document_get_n_pages(d);
    pdf_text t = {.page_count = pages > 0 ? (uint32_t)pages : 0};
    arena *a = arena_new();
    if (pages <= 0) {
        error_set(err, ERROR_INPUT, "the PDF is damaged: it has no pages");
    } else if (t.page_count > in->limits->pages) {
        error_set(err, ERROR_LIMIT, "it has %d pages, more than the limit of %u", pages,
                  in->limits->pages);
    } else {
        page_facts *facts = arena_alloc(a, t.page_count, sizeof *facts);
        float *heights = arena_alloc(a, t.page_count, sizeof *heights);
        read_outline(d, &t, a);
        for (uint32_t i = 0; i < t.page_count; i++) {
            read_page(d, i + 1, &t, &facts[i], a);
            heights[i] = (float)facts[i].height_pt;
        }
        t.page_height_pt = heights;
        pdf_find_blocks(&t, a);
        write_records(&t, document_title(d, &t, a), facts, out);
        ok = true;
    }
    mem_free(t.lines.lines);
    mem_free(t.bookmarks);
    arena_free(a);
    g_object_unref(d);
    return ok;
}
