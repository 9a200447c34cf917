/* Places: where a passage or a citation stands, told so that a person finds it and knows how it was
 * read.
 *
 * A page of an attachment or of a file in an archive is named by that file and its number there.
 * Text that came from a picture says so with its confidence: a "7" that was a "1" is the reader's
 * to see. And a document of which pages are missing says so whenever it is cited, because "not in
 * these documents" and "the dose is" both rest on what was read.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

/* The dot that parts a page from its heading. */
#define COPIES_NAMED 3 /* `--json` has all */
#define MIDDOT " \xC2\xB7 "

static bool is_pdf(str name) {
    return name.n >= 4 && str_eq_nocase(str_cut(name, name.n - 4, name.n), STR(".pdf"));
}

bool cli_has_pages(str path, uint32_t page_last) {
    return page_last > 1 || is_pdf(path);
}

cli_place cli_place_of_chunk(index_library *l, const index_chunk *c, arena *a) {
    cli_place p = {.path = c->path,
                   .part = c->part,
                   .page_first = c->page_first,
                   .page_last = c->page_last,
                   .label = c->label_first,
                   .heading = c->heading};
    index_place where;
    if (index_get_place(l, c->document, c->page_first, a, &where, NULL)) {
        p.fate = where.fate;
        p.confidence = where.confidence;
    }
    return p;
}

cli_place cli_place_of_citation(index_library *l, const query_citation *c, arena *a) {
    cli_place p = {.path = c->document,
                   .page_first = c->page,
                   .page_last = c->page,
                   .label = c->label,
                   .heading = c->heading};
    index_place where;
    if (index_get_place(l, c->document_id, c->page, a, &where, NULL)) {
        p.part = where.part;
        p.fate = where.fate;
        p.confidence = where.confidence;
    }
    return p;
}

bool cli_is_ocr(const cli_place *p) {
    return str_eq(p->fate, STR("ocr"));
}

/* The number of a page within the part that it stands in. */
static uint32_t within(const cli_place *p, uint32_t page) {
    return p->part.name.n > 0 && page >= p->part.page_first ? page - p->part.page_first + 1 : page;
}

static bool shows_page(const cli_place *p) {
    if (p->part.name.n == 0) return cli_has_pages(p->path, p->page_last);
    return p->part.page_count > 1 || is_pdf(p->part.name);
}

static void put_page(text *out, const cli_place *p) {
    char number[16];
    uint32_t first = within(p, p->page_first), last = within(p, p->page_last);
    if (p->part.name.n > 0 && last > p->part.page_count) last = p->part.page_count;
    if (first >= last)
        text_printf(out, ", p. %u", first);
    else
        text_printf(out, ", p. %u-%u", first, last);
    snprintf(number, sizeof number, "%u", first);
    /* elsewhere a label is the title of a chapter or a sheet, which the heading says */
    bool printed = is_pdf(p->part.name.n > 0 ? p->part.name : p->path);
    if (printed && p->label.n && !str_eq(p->label, str_of(number))) {
        text_put(out, STR(" (printed "));
        cli_clean(out, p->label);
        text_put(out, STR(")"));
    }
}

/* The heading without what the part says already: the sections of a part lie below its name. */
static str heading_below(str part, str heading) {
    str between = STR(" > ");
    size_t n = part.n < heading.n ? part.n : heading.n;
    if (n == 0 || !str_eq(str_cut(part, 0, n), str_cut(heading, 0, n))) return heading;
    if (heading.n <= part.n) {
        bool all = part.n == n || str_starts(str_cut(part, n, part.n), between);
        if (all) heading.n = 0;
        return heading;
    }
    str rest = str_cut(heading, n, heading.n);
    return str_starts(rest, between) ? str_cut(rest, between.n, rest.n) : heading;
}

void cli_put_place(text *out, const cli_terminal *t, const cli_place *p) {
    text_put(out, str_of(t->bold));
    cli_clean(out, cli_file_name(p->path));
    if (p->part.name.n) {
        text_put(out, STR(" > "));
        cli_clean(out, p->part.name);
    }
    text_put(out, str_of(t->reset));
    if (shows_page(p)) put_page(out, p);
    if (cli_is_ocr(p)) text_printf(out, ", read by OCR (confidence %.2f)", (double)p->confidence);
    str heading = heading_below(p->part.name, p->heading);
    if (heading.n) {
        text_put(out, STR(MIDDOT));
        text_put(out, str_of(t->dim));
        cli_clean(out, heading);
        text_put(out, str_of(t->reset));
    }
}

/* ---- what is missing ---------------------------------------------------------------------- */

/* In the words of a shell. */
static void put_word(text *out, str word) {
    bool plain = word.n > 0;
    for (size_t i = 0; i < word.n; i++) {
        char c = word.p[i];
        plain =
            plain && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '/' || (c == '-' && i > 0));
    }
    if (!plain) text_put_char(out, '\'');
    for (size_t i = 0; i < word.n; i++)
        if (!plain && word.p[i] == '\'')
            text_put(out, STR("'\\''"));
        else
            cli_clean(out, str_cut(word, i, i + 1));
    if (!plain) text_put_char(out, '\'');
}

static void put_library(text *out, const cli_session *s) {
    if (!s->named_library) return;
    text_put(out, STR(" --library "));
    put_word(out, str_of(s->named_library));
}

/* Of the document's number: a name may stand for several, and mean something to a shell. */
static void put_hint(text *out, const cli_session *s, int64_t document) {
    text_put(out, STR(" (carrel status"));
    put_library(out, s);
    text_printf(out, " %lld)", (long long)document);
}

bool cli_put_gaps(text *out, const cli_session *s, int64_t document, str path) {
    index_gaps g;
    if (!index_get_gaps(s->library, document, &g, NULL) || (g.gaps + g.notes == 0 && !g.former))
        return false;
    cli_clean(out, cli_file_name(path));
    if (g.former)
        text_put(out,
                 STR(" is a former version: the file has changed, and could not be read again"));
    if (g.gaps + g.notes == 0) {
        put_hint(out, s, document);
        return true;
    }
    text_put(out, g.former ? STR("; it was read in part: ") : STR(" was read in part: "));
    if (g.gaps > 0)
        text_printf(out, "%u of %u %s no text", g.gaps, g.pages,
                    g.gaps == 1 ? "pages has" : "pages have");
    else
        text_put(out,
                 g.notes == 1 ? STR("something was left out") : STR("some of it was left out"));
    put_hint(out, s, document);
    return true;
}

void cli_put_unreadable(text *out, const cli_session *s) {
    uint64_t files;
    if (!index_count_failed(s->library, &files, NULL) || files == 0) return;
    cli_put_count(out, files, "file", "files");
    text_put(out, STR(" could not be read: carrel status --failed"));
    put_library(out, s);
    text_put_char(out, '\n');
}

void cli_json_gaps(json_t *list, index_library *l, int64_t document, str path) {
    index_gaps g;
    if (!index_get_gaps(l, document, &g, NULL) || (g.gaps + g.notes == 0 && !g.former)) return;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_integer_value(json_object_get(json_array_get(list, i), "id")) == document) return;
    json_t *o = json_object();
    cli_json_set(o, "id", json_integer(document));
    cli_json_set(o, "document", cli_json_str(path));
    cli_json_set(o, "pages", json_integer(g.pages));
    cli_json_set(o, "pages_without_text", json_integer(g.gaps));
    cli_json_set(o, "notes", json_integer(g.notes));
    cli_json_set(o, "former_version", json_boolean(g.former));
    cli_json_append(list, o);
}

void cli_json_place(json_t *o, const cli_place *p) {
    if (p->part.name.n) {
        cli_json_set(o, "part", cli_json_str(p->part.name));
        cli_json_set(o, "part_page", json_integer(within(p, p->page_first)));
    }
    if (cli_is_ocr(p)) cli_json_set(o, "ocr_confidence", cli_json_real((double)p->confidence));
}

void cli_put_copies(text *out, const query_source *s, size_t indent) {
    const cli_terminal *t = cli_stdout();
    text line = {0};
    if (s->copy_count == 0) return;
    text_put(&line, STR("+ "));
    cli_put_count(&line, s->copy_count, "copy", "copies");
    for (size_t i = 0; i < s->copy_count && i < COPIES_NAMED; i++) {
        text_put(&line, i ? STR(", ") : STR(": "));
        cli_clean(&line, cli_file_name(s->copies[i]));
    }
    if (s->copy_count > COPIES_NAMED)
        text_printf(&line, " and %zu more", s->copy_count - COPIES_NAMED);
    text_put(out, str_of(t->dim));
    cli_wrap(out, t, text_str(&line), NULL, 0, indent, t->columns);
    text_put(out, str_of(t->reset));
    text_free(&line);
}

json_t *cli_json_source(index_library *l, const query_source *s, size_t rank) {
    json_t *o = json_object();
    arena *a = arena_new();
    cli_place p = cli_place_of_chunk(l, &s->chunk, a);
    if (rank) cli_json_set(o, "rank", json_integer((json_int_t)rank));
    cli_json_set(o, "document", cli_json_str(s->chunk.path));
    cli_json_set(o, "dated", cli_json_str(s->chunk.dated));
    cli_json_set(o, "page_first", json_integer(s->chunk.page_first));
    cli_json_set(o, "page_last", json_integer(s->chunk.page_last));
    cli_json_place(o, &p);
    cli_json_set(o, "heading", cli_json_str(s->chunk.heading));
    cli_json_set(o, "text", cli_json_str(s->chunk.text));
    cli_json_set(o, "score", cli_json_real(s->score));
    json_t *copies = json_array();
    for (size_t i = 0; i < s->copy_count; i++) cli_json_append(copies, cli_json_str(s->copies[i]));
    cli_json_set(o, "copies", copies);
    arena_free(a);
    return o;
}
