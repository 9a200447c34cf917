/* Fates: what became of the pages of a document, told to people and programs.
 *
 * A page that cannot be searched is what a user must know before trusting "not in these documents", so
 * every fate but plain text is told, with its reason. Pages are told as runs, and a page of a part by
 * the part's name and its number there: that is how it is cited, and where a person finds it.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/batch.h"

/* Different fates and notes of one document in one sentence, and runs in each: what has more is a
 * broken book or a large archive, and `carrel status` has all of it. */
#define GROUPS_SHOWN 5
#define RUNS_SHOWN 6

/* The pages that share fate and note, in the order of their first. */
typedef struct {
    str fate, note;
    const cli_fate_run **runs;
    size_t run_count, pages;
    float low, high; /* confidence */
} group;

/* ---- runs --------------------------------------------------------------------------------- */

/* The innermost part around each page. Parts come outermost first, so the last that covers a page is
 * it. */
static const index_part **find_parts(const cli_fates *f, arena *a) {
    const index_part **of = arena_alloc(a, f->page_count, sizeof *of);
    for (size_t i = 0; i < f->part_count; i++) {
        const index_part *part = &f->parts[i];
        for (size_t p = part->page_first; p < (size_t)part->page_first + part->page_count; p++)
            if (p >= 1 && p <= f->page_count) of[p - 1] = part;
    }
    return of;
}

size_t cli_fate_runs(const cli_fates *f, arena *a, cli_fate_run **out) {
    cli_fate_run *runs = arena_alloc(a, f->page_count, sizeof *runs);
    const index_part **part = find_parts(f, a);
    size_t n = 0;
    for (size_t i = 0, end; i < f->page_count; i = end) {
        const index_page *page = &f->pages[i];
        double confidence = 0;
        for (end = i; end < f->page_count && str_eq(f->pages[end].fate, page->fate) &&
                      str_eq(f->pages[end].note, page->note) && part[end] == part[i];
             end++)
            confidence += (double)f->pages[end].confidence;
        runs[n++] = (cli_fate_run){.first = page->number,
                                   .last = f->pages[end - 1].number,
                                   .fate = page->fate,
                                   .note = page->note,
                                   .confidence = (float)(confidence / (double)(end - i)),
                                   .part = part[i]};
    }
    *out = runs;
    return n;
}

static bool is_plain(const cli_fate_run *r) {
    return str_eq(r->fate, STR("text")) && r->note.n == 0;
}

static int by_bytes(str s, str t) {
    size_t n = s.n < t.n ? s.n : t.n;
    int order = n > 0 ? memcmp(s.p, t.p, n) : 0;
    return order ? order : (s.n > t.n) - (s.n < t.n);
}

/* Those that belong together stand together, in the order of their pages. */
static int by_state(const void *pa, const void *pb) {
    const cli_fate_run *a = *(const cli_fate_run *const *)pa, *b = *(const cli_fate_run *const *)pb;
    int order = by_bytes(a->fate, b->fate);
    if (order == 0) order = by_bytes(a->note, b->note);
    return order ? order : (a > b) - (a < b); /* of one array */
}

static int by_first_run(const void *pa, const void *pb) {
    const cli_fate_run *a = ((const group *)pa)->runs[0], *b = ((const group *)pb)->runs[0];
    return (a > b) - (a < b);
}

/* Sorted, since an archive may have a hundred thousand runs and as many different notes. */
static size_t make_groups(const cli_fates *f, bool plain, arena *a, group **out) {
    cli_fate_run *runs;
    size_t count = cli_fate_runs(f, a, &runs), wanted = 0, n = 0;
    const cli_fate_run **sorted = arena_alloc(a, count, sizeof *sorted);
    group *groups = arena_alloc(a, count, sizeof *groups);
    for (size_t i = 0; i < count; i++)
        if (plain || !is_plain(&runs[i])) sorted[wanted++] = &runs[i];
    if (wanted > 0) qsort(sorted, wanted, sizeof *sorted, by_state);
    for (size_t i = 0; i < wanted; i++) {
        const cli_fate_run *r = sorted[i];
        if (i == 0 || !str_eq(sorted[i - 1]->fate, r->fate) ||
            !str_eq(sorted[i - 1]->note, r->note))
            groups[n++] = (group){.fate = r->fate, .note = r->note, .runs = &sorted[i], .low = 1};
        group *to = &groups[n - 1];
        to->run_count++;
        to->pages += r->last - r->first + 1;
        to->low = r->confidence < to->low ? r->confidence : to->low;
        to->high = r->confidence > to->high ? r->confidence : to->high;
    }
    if (n > 0) qsort(groups, n, sizeof *groups, by_first_run);
    *out = groups;
    return n;
}

/* ---- for people --------------------------------------------------------------------------- */

static void put_range(text *out, uint32_t first, uint32_t last) {
    if (first == last)
        text_printf(out, "%u", first);
    else
        text_printf(out, "%u-%u", first, last);
}

/* "3-5", or of a part "manual.pdf p. 3-5", or where all of it is meant "manual.pdf". */
static void put_run(text *out, const cli_fate_run *r) {
    const index_part *part = r->part;
    if (!part) {
        put_range(out, r->first, r->last);
        return;
    }
    cli_clean(out, part->name);
    if (r->last - r->first + 1 == part->page_count) return;
    text_put(out, STR(" p. "));
    put_range(out, r->first - part->page_first + 1, r->last - part->page_first + 1);
}

/* "3-5, 9 and 12" */
static void put_runs(text *out, const group *g, size_t most) {
    for (size_t i = 0; i < g->run_count && i < most; i++) {
        text_put(out, i == 0 ? STR("") : i + 1 == g->run_count ? STR(" and ") : STR(", "));
        put_run(out, g->runs[i]);
    }
    if (g->run_count > most) text_printf(out, " and others (%zu pages)", g->pages);
}

static void put_confidence(text *out, const group *g) {
    if (g->high - g->low < 0.005f)
        text_printf(out, "confidence %.2f", (double)g->high);
    else
        text_printf(out, "confidence %.2f to %.2f", (double)g->low, (double)g->high);
}

/* What became of the pages, after "page 3" or "pages 3-5". */
static void put_verb(text *out, const group *g, bool one) {
    if (str_eq(g->fate, STR("ocr"))) {
        text_put(out, one ? STR(" was read by OCR (") : STR(" were read by OCR ("));
        put_confidence(out, g);
        text_put_char(out, ')');
    } else if (str_eq(g->fate, STR("empty"))) {
        text_put(out, g->note.n ? one ? STR(" has no text") : STR(" have no text")
                      : one ? STR(" is empty")
                                : STR(" are empty"));
    } else if (str_eq(g->fate, STR("garbled"))) {
        text_put(out, one ? STR(" has letters without a meaning")
                          : STR(" have letters without a "
                                "meaning"));
    } else if (str_eq(g->fate, STR("hidden-text"))) {
        text_put(out, one ? STR(" has hidden text only, which is left out")
                          : STR(" have hidden text only, which is left out"));
    } else if (str_eq(g->fate, STR("encrypted"))) {
        text_put(out, one ? STR(" is encrypted") : STR(" are encrypted"));
    } else if (str_eq(g->fate, STR("failed"))) {
        text_put(out, STR(" failed"));
    }
    if (g->note.n > 0) {
        text_put(out, STR(": "));
        cli_clean(out, g->note);
    }
}

void cli_put_fates(text *out, const cli_fates *f) {
    group *groups;
    arena *a = arena_new();
    size_t count = make_groups(f, false, a, &groups), rest = 0, said = out->n;
    for (size_t i = 0; i < count; i++) {
        const group *g = &groups[i];
        if (i >= GROUPS_SHOWN) {
            rest += g->pages;
            continue;
        }
        bool one = g->pages == 1 || (g->run_count == 1 && g->runs[0]->part &&
                                     g->pages == g->runs[0]->part->page_count);
        text_put(out, i ? STR("; ") : STR(""));
        if (!g->runs[0]->part) text_put(out, one ? STR("page ") : STR("pages "));
        put_runs(out, g, RUNS_SHOWN);
        put_verb(out, g, one);
    }
    if (rest > 0) {
        text_put(out, STR("; "));
        cli_put_count(out, rest, "more page", "more pages");
        text_put(out, STR(" (`carrel status` names them)"));
    }
    for (size_t i = 0; i < f->note_count && i < GROUPS_SHOWN; i++) {
        text_put(out, out->n > said ? STR("; ") : STR(""));
        cli_clean(out, f->notes[i]);
    }
    if (f->note_count > GROUPS_SHOWN) {
        text_put(out, STR("; "));
        cli_put_count(out, f->note_count - GROUPS_SHOWN, "more note", "more notes");
    }
    arena_free(a);
}

static void put_state(text *out, const group *g) {
    if (str_eq(g->fate, STR("ocr"))) {
        text_put(out, STR("read by OCR, "));
        put_confidence(out, g);
    } else if (str_eq(g->fate, STR("empty")) && g->note.n > 0) {
        text_put(out, STR("no text"));
    } else if (str_eq(g->fate, STR("garbled"))) {
        text_put(out, STR("letters without a meaning"));
    } else if (str_eq(g->fate, STR("hidden-text"))) {
        text_put(out, STR("hidden text only, left out"));
    } else {
        cli_clean(out, g->fate);
    }
    if (g->note.n > 0) {
        text_put(out, STR(" ("));
        cli_clean(out, g->note);
        text_put_char(out, ')');
    }
}

void cli_put_fate_table(text *out, const cli_fates *f, size_t indent) {
    const cli_terminal *t = cli_stdout();
    group *groups;
    arena *a = arena_new();
    size_t count = make_groups(f, true, a, &groups);
    for (size_t i = 0; i < count; i++) {
        text line = {0}, wrapped = {0};
        put_runs(&line, &groups[i], SIZE_MAX);
        text_put(&line, STR(": "));
        put_state(&line, &groups[i]);
        cli_wrap(&wrapped, t, text_str(&line), NULL, 0, indent, t->columns);
        /* The first line stands behind its label. */
        text_put(out, i == 0 ? str_cut(text_str(&wrapped), indent, wrapped.n) : text_str(&wrapped));
        text_free(&line);
        text_free(&wrapped);
    }
    arena_free(a);
}

/* ---- for programs ------------------------------------------------------------------------- */

json_t *cli_json_fates(const cli_fates *f) {
    cli_fate_run *runs;
    arena *a = arena_new();
    json_t *list = json_array();
    size_t count = cli_fate_runs(f, a, &runs);
    for (size_t i = 0; i < count; i++) {
        const cli_fate_run *r = &runs[i];
        json_t *o = json_object();
        cli_json_set(o, "first", json_integer(r->first));
        cli_json_set(o, "last", json_integer(r->last));
        cli_json_set(o, "fate", cli_json_str(r->fate));
        if (str_eq(r->fate, STR("ocr")))
            cli_json_set(o, "confidence", cli_json_real((double)r->confidence));
        if (r->note.n) cli_json_set(o, "note", cli_json_str(r->note));
        if (r->part) cli_json_set(o, "part", cli_json_str(r->part->name));
        cli_json_append(list, o);
    }
    arena_free(a);
    return list;
}
