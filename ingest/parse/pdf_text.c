/* One poppler page becomes runs: the text of a line or of a table cell, with its box, font size
 * and weight.
 *
 * Poppler gives three parallel views of a page: the text, one rectangle per character, and ranges
 * of attributes. They are walked together. Here text also gets its final form: ligatures taken
 * apart, accents composed (NFC), directional marks dropped, private bullets of symbol fonts made
 * public; what has no meaning in Unicode is counted, so that a garbled page is known as one.
 *
 * Poppler's text of a page is a selection from corner to corner, and leaves out what it takes to
 * stand before the first corner: on some pages a margin note, on a right-to-left page whole lines.
 * So each page is selected along both diagonals, and what only the second one has is added.
 *
 * Characters that a reader cannot see (pdf_hidden.c) are left out before runs are made.
 */
#include <math.h>
#include <poppler.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#include "ingest/parse/pdf.h"
#include "ingest/parse/pdf_hidden.h"

/* Text of this many times its font's size in height does not run from left to right. */
#define UPRIGHT_RATIO 2.2f

#define SOFT_HYPHEN 0xADu
#define LEADER_DOTS 6       /* an ellipsis in prose has three or four */
#define EMBED_LEFT 0x202Au  /* left-to-right text begins */
#define EMBED_RIGHT 0x202Bu /* right-to-left text begins */
#define EMBED_END 0x202Cu

/* White between two words of a right-to-left line; poppler takes a tenth for a space, too. */
#define WORD_GAP_EM 0.1f
/* White in a line that poppler joined: this much needs a space, and this much parts two cells. */
#define SPACE_GAP_EM 0.25f
#define CELL_GAP_EM 1.5f

typedef struct {
    const char *text; /* poppler's */
    PopplerRectangle *boxes;
    guint box_count;
    GList *attributes;
    const PopplerTextAttributes *now; /* of the character at hand */
    bool now_bold, now_mono;
} page_view;

typedef struct {
    text raw;
    box at;
    /* Right-to-left lines come word by word, each wrapped in marks, with the spaces one word off:
     * there the white between two words' boxes is looked at instead. */
    bool wrapped;
    int depth;         /* of marks around the character at hand */
    size_t word_begin; /* of raw */
    box word, last_word;
    bool word_open, has_last;
    float right_edge; /* of the last character that is no space */
    size_t characters, unusable, bold, mono;
    float font_pt;     /* of the most characters */
    size_t font_count; /* how many those are */
    size_t font_streak;
    float streak_pt;
    bool open;
} run_builder;

/* ---- characters ---------------------------------------------------------------------------- */

/* Marks that steer a renderer and say nothing: zero width, direction, byte order. */
bool pdf_is_mark(uint32_t c) {
    return c == 0x200B || c == 0x200E || c == 0x200F || (c >= EMBED_LEFT && c <= 0x202E) ||
           (c >= 0x2060 && c <= 0x2069) || c == 0xFEFF;
}

/* Word processors write the bullets of Symbol and Wingdings into the private use area. */
static uint32_t public_bullet(uint32_t c) {
    switch (c) {
    case 0xF0B7:
    case 0xF06C:
    case 0xF09F:
        return 0x2022;
    case 0xF0A7:
    case 0xF06E:
        return 0x25AA;
    case 0xF0D8:
    case 0xF0E8:
        return 0x27A2;
    case 0xF0FC:
        return 0x2713;
    case 0xF02D:
        return '-';
    default:
        return c;
    }
}

static bool is_unusable(uint32_t c) {
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_CN: /* unassigned */
    case UTF8PROC_CATEGORY_CO: /* private */
    case UTF8PROC_CATEGORY_CC: /* control */
        return true;
    default:
        return c == UTF8_REPLACEMENT;
    }
}

static void put_character(text *t, uint32_t c) {
    static const char *const ligatures[] = {"ff", "fi", "fl", "ffi", "ffl", "st", "st"};
    if (c >= 0xFB00 && c <= 0xFB06)
        text_put(t, str_of(ligatures[c - 0xFB00]));
    else
        text_put_codepoint(t, is_unusable(c) ? UTF8_REPLACEMENT : c);
}

/* How many bytes of s from i on are leader dots, as a table of contents has them: ". . . . . ." */
static size_t leader_bytes(str s, size_t i) {
    size_t end = i, dots = 0;
    for (; end < s.n && (s.p[end] == '.' || s.p[end] == ' '); end++) dots += s.p[end] == '.';
    return dots >= LEADER_DOTS ? end - i : 0;
}

/* Drops soft hyphens inside the line (at its end the chunker needs one), shortens leaders, and
 * composes accents. */
static str finished(str raw, arena *a) {
    text t = {0};
    bool ascii = true;
    raw = str_trim(raw);
    for (size_t i = 0, used; i < raw.n; i += used) {
        uint32_t c = utf8_next(raw.p + i, raw.n - i, &used);
        size_t leader = c == '.' ? leader_bytes(raw, i) : 0;
        ascii &= c < 0x80;
        if (leader > 0) {
            text_put(&t, STR("... "));
            used = leader;
        } else if (c != SOFT_HYPHEN || i + used == raw.n)
            text_put_codepoint(&t, c);
    }
    str out = text_str(&t);
    utf8proc_uint8_t *composed = NULL;
    if (!ascii) {
        utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)out.p, (utf8proc_ssize_t)out.n,
                                          &composed, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
        if (n >= 0) out = (str){(char *)composed, (size_t)n};
    }
    out = arena_str(a, out);
    mem_free(composed);
    text_free(&t);
    return out;
}

/* ---- fonts --------------------------------------------------------------------------------- */

static bool name_has(const char *name, const char *const parts[]) {
    for (size_t i = 0; name && parts[i]; i++)
        if (strcasestr(name, parts[i])) return true;
    return false;
}

/* Makes view->now the attributes of character i; they come in order. */
static void seek_attributes(page_view *v, gint i) {
    static const char *const bold[] = {"bold", "black", "heavy", "demi", "cmbx", NULL};
    static const char *const mono[] = {"mono", "courier", "consol", "cmtt", "typewriter", NULL};
    if (v->now && i <= v->now->end_index) return;
    while (v->attributes && ((PopplerTextAttributes *)v->attributes->data)->end_index < i)
        v->attributes = v->attributes->next;
    v->now = v->attributes ? v->attributes->data : NULL;
    v->now_bold = v->now && name_has(v->now->font_name, bold);
    v->now_mono = v->now && name_has(v->now->font_name, mono);
}

/* The font size of a run is that of its longest stretch: a footnote mark must not decide. */
static void count_font(run_builder *b, float font_pt) {
    if (font_pt != b->streak_pt) b->font_streak = 0;
    b->streak_pt = font_pt;
    if (++b->font_streak > b->font_count) {
        b->font_count = b->font_streak;
        b->font_pt = font_pt;
    }
}

/* ---- runs ---------------------------------------------------------------------------------- */

/* The white between two boxes of one line, whichever stands first. */
static float gap_between(box a, box b) {
    return a.x0 > b.x0 ? a.x0 - b.x1 : b.x0 - a.x1;
}

static void end_word(run_builder *b) {
    if (!b->word_open) return;
    if (b->has_last && gap_between(b->last_word, b->word) > WORD_GAP_EM * b->font_pt) {
        text_put_char(&b->raw, ' ');
        memmove(b->raw.p + b->word_begin + 1, b->raw.p + b->word_begin,
                b->raw.n - 1 - b->word_begin);
        b->raw.p[b->word_begin] = ' ';
    }
    b->last_word = b->word;
    b->has_last = true;
    b->word_open = false;
}

static void add_mark(run_builder *b, uint32_t c) {
    if (c == EMBED_LEFT || c == EMBED_RIGHT) {
        if (b->depth++ > 0) return;
        b->wrapped |= b->raw.n == 0;
        b->word_begin = b->raw.n;
    } else if (c == EMBED_END && b->depth > 0 && --b->depth == 0) {
        end_word(b);
    }
}

void pdf_put_run(pdf_runs *out, pdf_run run, arena *a) {
    if (out->run_count == out->run_room) {
        size_t more = out->run_room ? out->run_room * 2 : 128;
        pdf_run *runs = arena_alloc(a, more, sizeof *runs);
        if (out->run_count) memcpy(runs, out->runs, out->run_count * sizeof *runs);
        out->runs = runs;
        out->run_room = more;
    }
    out->runs[out->run_count++] = run;
}

static void end_run(run_builder *b, pdf_runs *out, arena *a) {
    end_word(b);
    if (!isfinite(b->at.x0 + b->at.y0 + b->at.x1 + b->at.y1)) /* a matrix gone wild */
        b->at = (box){0};
    str s = finished(text_str(&b->raw), a);
    if (s.n > 0 && b->characters > 0) {
        float height = b->at.y1 - b->at.y0, width = b->at.x1 - b->at.x0;
        bool tall = height > UPRIGHT_RATIO * b->font_pt && height > width && b->characters > 2;
        pdf_put_run(out,
                    (pdf_run){.text = s,
                              .at = b->at,
                              .font_pt = b->font_pt,
                              .upright = !tall,
                              .bold = b->bold * 10 >= b->characters * 9,
                              .mono = b->mono == b->characters,
                              .rightward = !b->wrapped,
                              .characters = b->characters,
                              .unusable = b->unusable},
                    a);
    }
    text_clear(&b->raw);
    *b = (run_builder){.raw = b->raw};
}

static void grow_box(box *at, bool *open, const PopplerRectangle *r) {
    box c = {(float)r->x1, (float)r->y1, (float)r->x2, (float)r->y2};
    if (!*open) *at = c;
    *open = true;
    at->x0 = c.x0 < at->x0 ? c.x0 : at->x0;
    at->y0 = c.y0 < at->y0 ? c.y0 : at->y0;
    at->x1 = c.x1 > at->x1 ? c.x1 : at->x1;
    at->y1 = c.y1 > at->y1 ? c.y1 : at->y1;
}

/* Poppler's lines may run over wide gaps, and it writes no space for the widest. */
static void heed_gap(run_builder *b, float left, float font_pt, pdf_runs *out, arena *a) {
    float gap = left - b->right_edge;
    if (!b->open || b->wrapped || b->depth > 0) return;
    if (gap > CELL_GAP_EM * font_pt)
        end_run(b, out, a);
    else if (gap > SPACE_GAP_EM * font_pt && b->raw.p[b->raw.n - 1] != ' ')
        text_put_char(&b->raw, ' ');
}

static void add_character(run_builder *b, page_view *v, guint index, uint32_t c, pdf_runs *out,
                          arena *a) {
    c = public_bullet(c);
    if (c == ' ' || c == 0xA0) {
        if (!b->wrapped || b->depth > 0) text_put_char(&b->raw, ' ');
        return;
    }
    seek_attributes(v, (gint)index);
    float font_pt = v->now ? (float)v->now->font_size : 0;
    if (index < v->box_count) heed_gap(b, (float)v->boxes[index].x1, font_pt, out, a);
    put_character(&b->raw, c);
    if (index < v->box_count) {
        b->right_edge = (float)v->boxes[index].x2;
        grow_box(&b->at, &b->open, &v->boxes[index]);
        if (b->wrapped && b->depth > 0) grow_box(&b->word, &b->word_open, &v->boxes[index]);
    }
    b->characters++;
    b->unusable += is_unusable(c);
    b->bold += v->now_bold;
    b->mono += v->now_mono;
    count_font(b, font_pt);
}

/* The selection from the first to the second corner of `area`. */
static void select_runs(PopplerPage *page, PopplerRectangle *area, pdf_look *look, arena *a,
                        pdf_runs *out) {
    page_view v = {0};
    char *all = poppler_page_get_text_for_area(page, area);
    if (!poppler_page_get_text_layout_for_area(page, area, &v.boxes, &v.box_count)) v.box_count = 0;
    GList *attributes = poppler_page_get_text_attributes_for_area(page, area);
    v.attributes = attributes;
    const uint8_t *hidden = pdf_look_at(look, all, v.boxes, v.box_count, attributes);
    str s = str_of(all);
    run_builder b = {0};
    guint index = 0;
    *out = (pdf_runs){0};
    for (size_t i = 0, used; i < s.n; i += used) {
        uint32_t c = utf8_next(s.p + i, s.n - i, &used);
        if (pdf_is_mark(c)) { /* has no rectangle of its own */
            add_mark(&b, c);
            continue;
        }
        if (c == '\n')
            end_run(&b, out, a);
        else if (!hidden || index >= v.box_count || !hidden[index])
            add_character(&b, &v, index, c, out, a);
        index++;
    }
    end_run(&b, out, a);
    text_free(&b.raw);
    poppler_page_free_text_attributes(attributes);
    g_free(v.boxes);
    g_free(all);
}

static bool overlap(box a, box b) {
    float wide = (a.x1 < b.x1 ? a.x1 : b.x1) - (a.x0 > b.x0 ? a.x0 : b.x0);
    float high = (a.y1 < b.y1 ? a.y1 : b.y1) - (a.y0 > b.y0 ? a.y0 : b.y0);
    float low = a.y1 - a.y0 < b.y1 - b.y0 ? a.y1 - a.y0 : b.y1 - b.y0;
    return wide > 0 && high > 0.5f * low;
}

/* Adds to `out` the runs of `more` that it lacks, and replaces one that was cut short. */
static void merge_runs(pdf_runs *out, const pdf_runs *more, arena *a) {
    size_t had = out->run_count, hint = 0;
    for (size_t i = 0; i < more->run_count; i++) {
        const pdf_run *r = &more->runs[i];
        size_t k = 0;
        /* Both mostly have the same order: look at the successor of the last match first. */
        while (k < had && !overlap(out->runs[(hint + k) % had].at, r->at)) k++;
        if (k == had) {
            pdf_put_run(out, *r, a);
            continue;
        }
        hint = (hint + k) % had;
        if (r->characters > out->runs[hint].characters) out->runs[hint] = *r;
        hint++;
    }
}

void pdf_page_runs(struct _PopplerPage *page, struct pdf_look *look, arena *a, pdf_runs *out) {
    pdf_runs other;
    double width, height;
    poppler_page_get_size(page, &width, &height);
    PopplerRectangle falling = {.x1 = 0, .y1 = 0, .x2 = width, .y2 = height};
    PopplerRectangle rising = {.x1 = width, .y1 = 0, .x2 = 0, .y2 = height};
    select_runs(page, &falling, look, a, out);
    select_runs(page, &rising, look, a, &other);
    merge_runs(out, &other, a);
    for (size_t i = 0; i < out->run_count; i++) {
        out->characters += out->runs[i].characters;
        out->unusable += out->runs[i].unusable;
    }
}
