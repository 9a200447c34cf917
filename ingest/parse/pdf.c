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
#include "ingest/parse/pdf_hidden.h"

/* Beyond these an outline is damaged or hostile: it may even point to itself. */
#define OUTLINE_ENTRIES 20000u
#define OUTLINE_DEPTH 12

typedef struct {
    str label;
    double width_pt, height_pt;
    ingest_fate fate;
    bool wants_ocr;
    pdf_hidden_facts hidden;
    str note;
} page_facts;

/* ---- opening ------------------------------------------------------------------------------- */

static bool explain_open(str bytes, bool password, const GError *why, error *err) {
    if (why && why->domain == POPPLER_ERROR && why->code == POPPLER_ERROR_ENCRYPTED)
        return error_set(err, ERROR_PASSWORD, "%s",
                         password ? "the PDF is encrypted, and the password does not open it"
                                  : "the PDF is encrypted and asks for a password: give it with "
                                    "--password");
    if (str_find(str_cut(bytes, 0, 1024), STR("%PDF-"), 0) == SIZE_MAX)
        return error_set(err, ERROR_INPUT, "the file is named .pdf, but it is not a PDF");
    return error_set(err, ERROR_INPUT, "the PDF is damaged and cannot be opened");
}

/* Poppler tries the password as the user's and as the owner's. A document that opens without one and
 * asks readers to forbid copying is read: whoever has it may read it, and that is what Carrel does; its
 * passages are quoted to the person at this machine, with their page. */
static PopplerDocument *open_document(str bytes, const char *password, error *err) {
    GError *why = NULL;
    GBytes *b = g_bytes_new_static(bytes.p, bytes.n);
    PopplerDocument *d = poppler_document_new_from_bytes(b, NULL, &why);
    if (!d && password[0] && g_error_matches(why, POPPLER_ERROR, POPPLER_ERROR_ENCRYPTED)) {
        g_clear_error(&why);
        d = poppler_document_new_from_bytes(b, password, &why);
    }
    g_bytes_unref(b);
    if (!d) explain_open(bytes, password[0] != '\0', why, err);
    if (why) g_error_free(why);
    return d;
}

static PopplerDocument *kept_open;

void parse_pdf_keep_warm(str sample) {
    error ignored; /* a cold start is slower, and nothing else */
    kept_open = open_document(sample, "", &ignored);
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

static void read_page(PopplerDocument *d, pdf_drawings *drawings, uint32_t number, pdf_text *t,
                      page_facts *facts, arena *a) {
    PopplerPage *page = poppler_document_get_page(d, (int)number - 1);
    facts->fate = INGEST_FATE_EMPTY;
    if (!page) /* a hole in the page tree */
        return;
    poppler_page_get_size(page, &facts->width_pt, &facts->height_pt);
    facts->label = page_label(page, number, a);
    arena *scratch = arena_new();
    pdf_runs runs;
    pdf_look *look = pdf_look_new(page, drawings, number);
    pdf_page_runs(page, look, scratch, &runs);
    pdf_look_facts(look, &facts->hidden);
    pdf_look_free(look);
    facts->note = pdf_hidden_note(&facts->hidden, a);
    if (runs.characters == 0 && pdf_hidden_count(&facts->hidden) > 0) {
        facts->fate = INGEST_FATE_HIDDEN;
        facts->wants_ocr = facts->hidden.images;
    } else {
        pdf_verdict verdict = pdf_judge_page(page, &runs);
        facts->fate = verdict.fate;
        facts->wants_ocr = verdict.wants_ocr;
        if (verdict.lay_out) pdf_layout_page(&runs, number, a, &t->lines);
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
        record_page_full(out, number,
                         &(record_page_facts){.label = f->label,
                                              .width_pt = (float)f->width_pt,
                                              .height_pt = (float)f->height_pt,
                                              .fate = f->fate,
                                              .wants_ocr = f->wants_ocr,
                                              .note = f->note});
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

#define PAGES_NAMED 8

/* "page 3", "pages 3, 4 and 9", "pages 1, 2, ... and 30 more". */
static void put_pages(text *t, const uint32_t *named, size_t count) {
    text_put(t, count == 1 ? STR("page ") : STR("pages "));
    for (size_t i = 0; i < count && i < PAGES_NAMED; i++)
        text_printf(t, "%s%u", i == 0 ? "" : i + 1 == count ? " and " : ", ", named[i]);
    if (count > PAGES_NAMED) text_printf(t, " and %zu more", count - PAGES_NAMED);
}

/* Sums up what the pages' notes say, for whoever looks at the document only. */
static void note_hidden(const page_facts *facts, uint32_t count, record_writer *out) {
    text hidden = {0}, layer = {0};
    uint32_t named[2][PAGES_NAMED];
    size_t found[2] = {0, 0};
    for (uint32_t i = 0; i < count; i++) {
        bool is[2] = {pdf_hidden_count(&facts[i].hidden) > 0, facts[i].hidden.layer > 0};
        for (int k = 0; k < 2; k++)
            if (is[k] && found[k]++ < PAGES_NAMED) named[k][found[k] - 1] = i + 1;
    }
    if (found[0] > 0) {
        put_pages(&hidden, named[0], found[0]);
        record_note(out, "text that a reader cannot see was left out of " STR_FMT,
                    STR_ARG(text_str(&hidden)));
    }
    if (found[1] > 0) {
        put_pages(&layer, named[1], found[1]);
        record_note(out,
                    "the text of " STR_FMT " is the text layer of a scan, not checked against it",
                    STR_ARG(text_str(&layer)));
    }
    text_free(&hidden);
    text_free(&layer);
}

bool parse_pdf(const parse_input *in, record_writer *out, error *err) {
    char *password = mem_new(in->password.n + 1, 1);
    if (in->password.n > 0) memcpy(password, in->password.p, in->password.n);
    PopplerDocument *d = open_document(in->bytes, password, err);
    if (!d) {
        mem_free(password);
        return false;
    }
    bool ok = false;
    pdf_drawings *drawings = NULL;
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
        drawings = pdf_drawings_open(in->bytes, password);
        for (uint32_t i = 0; i < t.page_count; i++) {
            read_page(d, drawings, i + 1, &t, &facts[i], a);
            heights[i] = (float)facts[i].height_pt;
        }
        t.page_height_pt = heights;
        pdf_find_blocks(&t, a);
        write_records(&t, document_title(d, &t, a), facts, out);
        note_hidden(facts, t.page_count, out);
        ok = true;
    }
    mem_free(t.lines.lines);
    mem_free(t.bookmarks);
    arena_free(a);
    pdf_drawings_close(drawings);
    g_object_unref(d);
    mem_free(password);
    return ok;
}
