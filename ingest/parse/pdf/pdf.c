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
#include "ingest/parse/pdf/pdf.h"
#include "ingest/parse/pdf/pdf_beside.h"
#include "ingest/parse/pdf/pdf_hidden.h"
#include "ingest/parse/pdf/pdf_tags.h"

/* Drawing pages to look for hidden text may take this long for a document: a fraction of its
 * time. */
#define LOOK_MS 20000.0
#define PAGES_NAMED 8

/* Beyond these an outline is damaged or hostile: it may even point to itself. */
#define OUTLINE_ENTRIES 20000u
#define OUTLINE_DEPTH 12

typedef struct {
    str label;
    double width_pt, height_pt;
    ingest_fate fate;
    bool wants_ocr;
    pdf_hidden_facts hidden;
    uint32_t fields_hidden;
    size_t ligatures; /* that its text lacked */
    bool more_ligatures;
    pdf_comments comments;
    str note;
} page_facts;

typedef struct {
    PopplerDocument *d;
    pdf_drawings *drawings;
    double look_left_ms;
    bool no_ligatures; /* its text loses them without a trace */
    pdf_tags *tags;    /* NULL: not tagged */
    pdf_text text;
    page_facts *facts;
    arena *a;
} reading;

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

/* For libraries that want a zero behind it. */
static char *password_of(const parse_input *in) {
    char *password = mem_new(in->password.n + 1, 1);
    if (in->password.n > 0) memcpy(password, in->password.p, in->password.n);
    return password;
}

/* Poppler tries the password as the user's and as the owner's. A document that opens without one
 * and asks readers to forbid copying is read: whoever has it may read it, and that is what Carrel
 * does; its passages are quoted to the person at this machine, with their page. */
PopplerDocument *pdf_open(const parse_input *in, error *err) {
    GError *why = NULL;
    GBytes *b = g_bytes_new_static(in->bytes.p, in->bytes.n);
    PopplerDocument *d = poppler_document_new_from_bytes(b, NULL, &why);
    if (!d && in->password.n > 0 && g_error_matches(why, POPPLER_ERROR, POPPLER_ERROR_ENCRYPTED)) {
        /* As a stream: poppler 22.12 crashes when it tries bytes with a password. */
        GInputStream *stream = g_memory_input_stream_new_from_bytes(b);
        char *password = password_of(in);
        g_clear_error(&why);
        d = poppler_document_new_from_stream(stream, (goffset)in->bytes.n, password, NULL, &why);
        mem_free(password);
        g_object_unref(stream);
    }
    g_bytes_unref(b);
    if (!d) explain_open(in->bytes, in->password.n > 0, why, err);
    if (why) g_error_free(why);
    return d;
}

static PopplerDocument *kept_open;

str parse_pdf_keep_warm(void) {
    static const char pdf[] =
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</Font"
        "<</F<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>>>>>>>endobj\n"
        "4 0 obj<</Length 29>>stream\nBT /F 9 Tf 9 9 Td (warm) Tj ET\nendstream endobj\n"
        "5 0 obj<</Title<FEFF00410042>>>endobj\ntrailer<</Root 1 0 R/Info 5 0 R>>\n%%EOF\n";
    error ignored; /* a cold start is slower, and nothing else */
    kept_open = pdf_open(&(parse_input){.bytes = STR(pdf)}, &ignored);
    return STR(pdf);
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

/* What does not stand in the page's own drawing. */
static void read_beside(PopplerPage *page, const pdf_drawing *drawn, pdf_runs *runs,
                        page_facts *facts, arena *scratch, arena *a) {
    if (drawn->fields) facts->fields_hidden = pdf_add_fields(page, drawn->turned, runs, scratch);
    if (drawn->comments) pdf_read_comments(page, a, &facts->comments);
}

static str page_note(const page_facts *f, arena *a) {
    text t = {0};
    uint32_t count = f->fields_hidden + f->comments.not_shown;
    text_put(&t, pdf_hidden_note(&f->hidden, a));
    if (count > 0)
        text_printf(&t, "%sleft out %u comment%s or form value%s not shown to readers",
                    t.n > 0 ? "; " : "", count, count == 1 ? "" : "s",
                    count == 1 ? " that is" : "s that are");
    if (f->ligatures > 0) /* not how many: pages with one note are told together */
        text_printf(&t, "%sligatures (ff, fi, fl) that its text lacks were put back%s",
                    t.n > 0 ? "; " : "",
                    f->more_ligatures ? " in frequent words, others may still lack them" : "");
    str out = arena_str(a, text_str(&t));
    text_free(&t);
    return out;
}

static void read_page(reading *r, uint32_t number) {
    page_facts *facts = &r->facts[number - 1];
    PopplerPage *page = poppler_document_get_page(r->d, (int)number - 1);
    if (!page) {
        facts->fate = INGEST_FATE_FAILED;
        facts->note = STR("the file names this page and does not hold it, or it is damaged");
        return;
    }
    poppler_page_get_size(page, &facts->width_pt, &facts->height_pt);
    facts->label = page_label(page, number, r->a);
    arena *scratch = arena_new();
    pdf_runs runs;
    pdf_look *look = pdf_look_new(page, r->drawings, number, &r->look_left_ms);
    pdf_page_runs(page, look, scratch, &runs);
    facts->ligatures = pdf_mend_ligatures(&runs, &r->no_ligatures, scratch, &facts->more_ligatures);
    pdf_look_facts(look, &facts->hidden);
    read_beside(page, pdf_look_drawing(look), &runs, facts, scratch, r->a);
    runs.rules = &pdf_look_drawing(look)->rules;
    facts->note = page_note(facts, r->a);
    if (runs.characters == 0 && pdf_hidden_count(&facts->hidden) > 0) {
        facts->fate = INGEST_FATE_HIDDEN;
        facts->wants_ocr = facts->hidden.images;
    } else {
        pdf_verdict verdict = pdf_judge_page(page, &runs);
        facts->fate = verdict.fate;
        facts->wants_ocr = verdict.wants_ocr;
        pdf_lines *v = &r->text.lines;
        size_t before = v->count;
        if (verdict.lay_out) pdf_layout_page(&runs, number, r->a, v);
        if (v->count > before)
            pdf_tag_lines(r->tags, pdf_look_drawing(look), number, v->lines + before,
                          v->count - before);
        if (facts->fate == INGEST_FATE_EMPTY && facts->comments.count > 0)
            facts->fate = INGEST_FATE_TEXT;
        if (facts->fate == INGEST_FATE_EMPTY && !facts->wants_ocr && facts->hidden.unsure) {
            facts->fate = INGEST_FATE_FAILED;
            if (facts->note.n == 0) facts->note = STR("what draws the page is damaged");
        }
    }
    pdf_look_free(look);
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

static void write_date(GDateTime *stated, record_writer *out) {
    char *date = stated ? g_date_time_format(stated, "%Y-%m-%d") : NULL;
    if (date) record_date(out, str_of(date));
    g_free(date);
    if (stated) g_date_time_unref(stated);
}

static void write_comments(const pdf_comments *c, uint32_t page, record_writer *out) {
    for (size_t i = 0; i < c->count; i++) {
        str s = c->list[i].text;
        record_block(out, INGEST_ROLE_PARAGRAPH, INGEST_PARAGRAPH_BESIDE, page);
        for (size_t begin = 0, end; begin < s.n; begin = end + 1) {
            end = begin;
            while (end < s.n && s.p[end] != '\n' && s.p[end] != '\r') end++;
            record_line(out, str_cut(s, begin, end), c->list[i].at, 0);
        }
    }
}

/* What a tagged PDF says of the figures of a page, up to this element (0: all that are left): no
 * reader sees it on the page, so it says what it is. */
static void write_descriptions(const reading *r, uint32_t page, uint32_t element, size_t *at,
                               record_writer *out) {
    for (str s; (s = pdf_tags_next_alt(r->tags, page, element, at)).n > 0;) {
        text t = {0};
        text_printf(&t, "Description of a figure: " STR_FMT, STR_ARG(s));
        record_block(out, INGEST_ROLE_PARAGRAPH, INGEST_PARAGRAPH_BESIDE, page);
        record_line(out, text_str(&t), (box){0}, 0);
        text_free(&t);
    }
}

static void write_records(const reading *r, str title, record_writer *out) {
    const pdf_text *t = &r->text;
    size_t at = 0;
    record_document(out, title, STR("pdf"), (str){NULL, 0});
    for (uint32_t number = 1; number <= t->page_count; number++) {
        const page_facts *f = &r->facts[number - 1];
        record_page_full(out, number,
                         &(record_page_facts){.label = f->label,
                                              .width_pt = (float)f->width_pt,
                                              .height_pt = (float)f->height_pt,
                                              .fate = f->fate,
                                              .wants_ocr = f->wants_ocr,
                                              .note = f->note});
        size_t alt = 0;
        for (size_t first = at; at < t->block_count; at++) {
            const pdf_block *b = &t->blocks[at];
            const pdf_line *l = &t->lines.lines[b->first];
            if (l->page != number) break;
            bool in_table = at > first && l->table && l[-1].table;
            if (l->element > 0 && l->element < PDF_PAGINATION && !in_table)
                write_descriptions(r, number, l->element, &alt, out);
            record_block(out, b->role, b->level, number);
            for (uint32_t i = 0; i < b->count; i++)
                record_line(out, l[i].text, pdf_turned(l[i].at, 4u - l[i].turn), l[i].font_pt);
        }
        write_descriptions(r, number, 0, &alt, out);
        write_comments(&f->comments, number, out);
    }
}

/* ---- notes --------------------------------------------------------------------------------- */

typedef bool facts_fn(const page_facts *f);

static bool has_layer(const page_facts *f) {
    return f->hidden.layer > 0;
}

static bool is_unsure(const page_facts *f) {
    return f->hidden.unsure;
}

/* "text ... was left out of pages 3, 4 and 9": for whoever looks at the document only. */
static void note_pages(const reading *r, facts_fn *is, const char *sentence, record_writer *out) {
    text named = {0};
    size_t count = 0;
    for (uint32_t i = 0; i < r->text.page_count; i++) {
        if (!is(&r->facts[i])) continue;
        if (count++ < PAGES_NAMED) text_printf(&named, "%s%u", count > 1 ? ", " : "", i + 1);
    }
    if (count > PAGES_NAMED) text_printf(&named, " and %zu more", count - PAGES_NAMED);
    if (count > 0)
        record_note(out, "%s %s " STR_FMT, sentence, count == 1 ? "page" : "pages",
                    STR_ARG(text_str(&named)));
    text_free(&named);
}

static void write_notes(const reading *r, const parse_input *in, record_writer *out) {
    uint32_t *files = arena_alloc(r->a, r->text.page_count, sizeof *files);
    for (uint32_t i = 0; i < r->text.page_count; i++) files[i] = r->facts[i].comments.files;
    note_pages(r, has_layer, "the text is the text layer of a scan, not checked against it:", out);
    if (r->drawings)
        note_pages(r, is_unsure, "not all was checked for text that a reader cannot see:", out);
    else
        record_note(out, "it could not be checked for text that a reader cannot see");
    if (pdf_drawings_xfa_alone(r->drawings))
        record_note(out,
                    "it is an XFA form, which only few programs show: its fields are not read");
    if (r->tags && r->tags->cut)
        record_aside(out, "its structure (tags) is larger than what is read of it: from there on, "
                          "headings are told by their looks");
    pdf_list_attached(r->d, files, r->text.page_count, in, out);
}

bool parse_pdf(const parse_input *in, record_writer *out, error *err) {
    reading r = {.d = pdf_open(in, err), .look_left_ms = LOOK_MS};
    if (!r.d) return false;
    bool ok = false;
    int pages = poppler_document_get_n_pages(r.d);
    pdf_text *t = &r.text;
    t->page_count = pages > 0 ? (uint32_t)pages : 0;
    r.a = arena_new();
    if (pages <= 0) {
        error_set(err, ERROR_INPUT, "the PDF is damaged: it has no pages");
    } else if (t->page_count > in->limits->pages) {
        error_set(err, ERROR_LIMIT, "it has %d pages, more than the limit of %u", pages,
                  in->limits->pages);
    } else {
        char *password = password_of(in);
        r.facts = arena_alloc(r.a, t->page_count, sizeof *r.facts);
        float *heights = arena_alloc(r.a, t->page_count, sizeof *heights);
        r.drawings = pdf_drawings_open(in->bytes, password);
        mem_free(password);
        t->tags = r.tags = pdf_tags_open(r.drawings, t->page_count, r.a);
        read_outline(r.d, t, r.a);
        for (uint32_t i = 0; i < t->page_count; i++) {
            read_page(&r, i + 1);
            heights[i] = (float)r.facts[i].height_pt;
        }
        t->page_height_pt = heights;
        pdf_find_blocks(t, r.a);
        write_records(&r, document_title(r.d, t, r.a), out);
        write_date(poppler_document_get_creation_date_time(r.d), out);
        write_date(poppler_document_get_modification_date_time(r.d), out);
        write_notes(&r, in, out);
        ok = true;
    }
    mem_free(t->lines.lines);
    mem_free(t->bookmarks);
    pdf_tags_close(r.tags);
    pdf_drawings_close(r.drawings);
    arena_free(r.a);
    g_object_unref(r.d);
    return ok;
}
