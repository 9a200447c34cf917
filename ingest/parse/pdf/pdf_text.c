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
 * So each page is selected along both diagonals, and what only the second one has is added. Nearly
 * always that is nothing: the second text is a part of the first, and then it is not taken apart.
 *
 * Characters that a reader cannot see (pdf_hidden.c) are left out before runs are made.
 */
#include <math.h>
#include <poppler.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#include "ingest/parse/pdf/pdf.h"
#include "ingest/parse/pdf/pdf_hidden.h"
#include "ingest/parse/script.h"

/* Letters of a line that runs up or down stand above one another as exactly as this, */
#define TURNED_SHIFT_EM 0.06f
/* are as wide as the line is high, */
#define TURNED_WIDTH_EM 0.82f
/* and the next one is no farther off. */
#define TURNED_GAP_EM 0.8f

#define SOFT_HYPHEN 0xADu
#define BULLET 0x2022u
#define SCRIPT_SHARE 0.92f /* what is raised is smaller than its line, by this, */
#define SCRIPT_RISE 0.1f   /* and stands this much higher, of the line's size; */
#define DESCENT_EM 0.22f   /* boxes begin so far below the line that letters stand on */
#define MERGED_SHARE 1.2f  /* a box so much too high is that of characters on two levels */
#define NEXT_BYTES 32      /* of what a line goes on with, for what is raised in it */
#define WORD_LETTERS 48    /* of an Arabic word; in longer ones nothing is mended */
#define RTL_ENDS 8         /* places where a selection of a right-to-left page ends; */
#define RTL_TRIES 60       /* words of a line, at most, that are then gone on over, */
#define RTL_STEP_PT 2      /* each from here on the left of the one before */
#define ALEF_SAMPLES 64
#define ALEF_ENOUGH 3
#define LEADER_DOTS 6       /* an ellipsis in prose has three or four */
#define EMBED_LEFT 0x202Au  /* left-to-right text begins */
#define EMBED_RIGHT 0x202Bu /* right-to-left text begins */
#define EMBED_END 0x202Cu

/* White between two words of a right-to-left line; poppler takes a tenth for a space, too. */
#define WORD_GAP_EM 0.1f
/* White in a line that poppler joined: this much needs a space, and this much parts two cells. */
#define SPACE_GAP_EM 0.18f
#define CELL_GAP_EM 1.5f
#define WIDE_GAP_EM 0.5f  /* and this much may part two, if others stand above and below them */
#define RULE_GAP_EM 0.1f  /* so does a ruled line in this much */
#define SIGN_GAP_EM 0.45f /* in front of a sign of currency this does */

typedef struct {
    const char *text; /* poppler's */
    PopplerRectangle *boxes;
    guint box_count;
    GList *attributes;
    const PopplerTextAttributes *now; /* of the character at hand */
    bool now_bold, now_mono, now_signs;
    float alef_share; /* width of an alef, of its box's height; 0 where none is seen */
    unsigned turn;    /* of the last run that told */
    const pdf_rules *rules;
    str next; /* the text from the character at hand on */
} page_view;

typedef struct {
    text raw;
    box at;
    /* Right-to-left lines come word by word, each wrapped in marks, with the spaces one word off:
     * there the white between two words' boxes is looked at instead. */
    bool wrapped;
    int depth;         /* of marks around the character at hand */
    size_t word_begin; /* of raw */
    float widths[WORD_LETTERS];
    size_t letters;
    float alef_width;
    box word, last_word;
    bool word_open, has_last;
    box last; /* the last character that is no space */
    float last_pt;
    float line_pt;        /* of the character that the last raised ones stand behind */
    script_state scripts; /* holds the raised characters that the run ends with */
    unsigned turn;
    bool told; /* two characters have told the turn */
    size_t characters, unusable, bold, mono;
    float font_pt;     /* of the most characters */
    size_t font_count; /* how many those are */
    size_t font_streak;
    float streak_pt;
    pdf_gap gaps[PDF_GAPS];
    size_t gap_count;
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
    if (c >= ' ' && c < 0x7F) return false;
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
    if (c >= ' ' && c < 0x7F) /* most of all text */
        text_put_char(t, (char)c);
    else if (c >= 0xFB00 && c <= 0xFB06)
        text_put(t, str_of(ligatures[c - 0xFB00]));
    else if (pdf_is_presentation_form(c))
        pdf_put_letters(t, c);
    else
        text_put_codepoint(t, is_unusable(c) ? pdf_kept_code(c) : c);
}

/* How many bytes of s from i on are leader dots, as a table of contents has them: ". . . . . ." */
static size_t leader_bytes(str s, size_t i) {
    size_t end = i, dots = 0;
    for (; end < s.n && (s.p[end] == '.' || s.p[end] == ' '); end++) dots += s.p[end] == '.';
    return dots >= LEADER_DOTS ? end - i : 0;
}

/* How many bytes of s from i on stay as they are. */
static size_t plain_bytes(str s, size_t i) {
    size_t end = i;
    while (end < s.n && (unsigned char)s.p[end] < 0x80 && s.p[end] != '.') end++;
    return end - i;
}

/* Drops soft hyphens inside the line (at its end the chunker needs one), shortens leaders, and
 * composes accents. */
static str finished(str raw, arena *a) {
    text t = {0};
    bool ascii = true;
    raw = str_trim(raw);
    for (size_t i = 0, used; i < raw.n; i += used) {
        used = plain_bytes(raw, i);
        if (used > 0) {
            text_put(&t, str_cut(raw, i, i + used));
            continue;
        }
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

/* Fonts of signs often say that these are letters, or nothing at all: then it is a bullet. */
static bool is_nameless_sign(uint32_t c) {
    return is_unusable(c) || (c < 0x80 && c > ' ');
}

/* Makes view->now the attributes of character i; they come in order. */
static void seek_attributes(page_view *v, gint i) {
    static const char *const bold[] = {"bold", "black", "heavy", "demi", "cmbx", NULL};
    static const char *const mono[] = {"mono", "courier", "consol", "cmtt", "typewriter", NULL};
    static const char *const signs[] = {"dingbat", "wingding", "webding", NULL};
    if (v->now && i <= v->now->end_index) return;
    while (v->attributes && ((PopplerTextAttributes *)v->attributes->data)->end_index < i)
        v->attributes = v->attributes->next;
    v->now = v->attributes ? v->attributes->data : NULL;
    v->now_bold = v->now && name_has(v->now->font_name, bold);
    v->now_mono = v->now && name_has(v->now->font_name, mono);
    v->now_signs = v->now && name_has(v->now->font_name, signs);
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

/* Puts right what poppler's turning round has done to the word. */
static void mend_word(run_builder *b) {
    uint32_t letters[WORD_LETTERS];
    size_t n = 0;
    str word = str_cut(text_str(&b->raw), b->word_begin, b->raw.n);
    for (size_t i = 0, used; i < word.n && n < WORD_LETTERS; i += used)
        letters[n++] = utf8_next(word.p + i, word.n - i, &used);
    if (n != b->letters || !pdf_mend_word(letters, b->widths, n, b->alef_width)) return;
    text_cut(&b->raw, b->word_begin);
    for (size_t i = 0; i < n; i++) text_put_codepoint(&b->raw, letters[i]);
}

/* "و" and "Python" stand close to one another in a line, but are two words. */
static bool changes_script(const run_builder *b) {
    size_t used;
    uint32_t before = (unsigned char)b->raw.p[b->word_begin - 1];
    uint32_t c = utf8_next(b->raw.p + b->word_begin, b->raw.n - b->word_begin, &used);
    bool latin = (c | 32) >= 'a' && (c | 32) <= 'z',
         was_latin = (before | 32) >= 'a' && (before | 32) <= 'z';
    bool right = c >= 0x5D0 && c < 0x700, was_right = before >= 0x80;
    return (latin && was_right) || (right && was_latin);
}

static bool is_combining(const run_builder *b) {
    size_t used;
    uint32_t c = utf8_next(b->raw.p + b->word_begin, b->raw.n - b->word_begin, &used);
    return utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_MN;
}

static void end_word(run_builder *b) {
    if (!b->word_open) return;
    mend_word(b);
    bool apart =
        b->has_last && b->word_begin > 0 && b->word_begin < b->raw.n && !is_combining(b) &&
        (gap_between(b->last_word, b->word) > WORD_GAP_EM * b->font_pt || changes_script(b));
    if (apart) {
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
        b->letters = 0;
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

/* The raised characters end here; `next` is what the line goes on with. What is smaller behind a
 * stroke is the lower half of a fraction, and tells that itself. */
static void end_script(run_builder *b, str next) {
    if (b->scripts.level == SCRIPT_BASE) return;
    if (str_starts(next, STR("/"))) next = str_cut(next, 0, 1);
    if (str_starts(next, STR("\xe2\x81\x84"))) next = str_cut(next, 0, 3);
    script_flush(&b->scripts, &b->raw, next);
}

static void end_run(run_builder *b, const page_view *v, pdf_runs *out, arena *a) {
    end_script(b, (str){0});
    end_word(b);
    if (!isfinite(b->at.x0 + b->at.y0 + b->at.x1 + b->at.y1)) /* a matrix gone wild */
        b->at = (box){0};
    str s = finished(text_str(&b->raw), a);
    if (s.n > 0 && b->characters > 0) {
        unsigned turn = b->told || b->wrapped ? b->turn : v->turn; /* a single character */
        pdf_put_run(out,
                    (pdf_run){.text = s,
                              .at = b->at,
                              .font_pt = b->font_pt,
                              .turn = (uint8_t)turn,
                              .bold = b->bold * 10 >= b->characters * 9,
                              .mono = b->mono == b->characters,
                              .rightward = !b->wrapped,
                              .characters = b->characters,
                              .unusable = b->unusable,
                              .gap_count = b->gap_count},
                    a);
        memcpy(out->runs[out->run_count - 1].gaps, b->gaps, sizeof b->gaps);
    }
    text_clear(&b->raw);
    text held = b->scripts.held;
    *b = (run_builder){.raw = b->raw, .scripts.held = held};
}

static void grow_box(box *at, bool *open, box c) {
    if (!*open) *at = c;
    *open = true;
    pdf_widen(at, c);
}

/* A sign of currency in a column of its own, as ledgers have it. */
static bool is_currency(uint32_t c) {
    return c == '$' || (c >= 0xA2 && c <= 0xA5) || c == 0x20AC || c == 0x20B9;
}

/* Does r follow the last character in a line that is turned so? Upright letters that happen to
 * stand above one another are narrower than their line is high. */
static bool follows_turned(const run_builder *b, box r, unsigned turn, float font_pt) {
    box p = pdf_turned(b->last, turn), q = pdf_turned(r, turn);
    float gap = q.x0 - p.x1;
    return fabsf(p.y0 - q.y0) < TURNED_SHIFT_EM * font_pt &&
           q.y1 - q.y0 > TURNED_WIDTH_EM * font_pt && gap > -0.5f * font_pt &&
           gap < TURNED_GAP_EM * font_pt;
}

/* The first two characters of a run tell which way it goes. */
static void tell_turn(run_builder *b, box r, float font_pt) {
    static const unsigned ways[] = {1, 3, 2};
    float gap = r.x0 - b->last.x1;
    b->told = true;
    if (r.y0 < b->last.y1 && r.y1 > b->last.y0 && gap > -font_pt && gap < CELL_GAP_EM * font_pt)
        return;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (follows_turned(b, r, ways[i], font_pt)) {
            b->turn = ways[i];
            return;
        }
    b->told = false;
}

/* Poppler's lines may run over wide gaps, and it writes no space for the widest. In tables it may
 * also go on in another line or to the left without a line break. */
static void heed_gap(run_builder *b, page_view *v, box r, uint32_t c, float font_pt, pdf_runs *out,
                     arena *a) {
    if (!b->open || b->wrapped || b->depth > 0) return;
    if (!b->told) tell_turn(b, r, font_pt);
    if (b->told) v->turn = b->turn;
    box now = pdf_turned(r, b->turn), line = pdf_turned(b->at, b->turn);
    float gap = now.x0 - pdf_turned(b->last, b->turn).x1;
    bool ruled =
        gap > RULE_GAP_EM * font_pt && b->turn == 0 && pdf_rules_part(v->rules, b->last, r);
    if (ruled || gap > (is_currency(c) ? SIGN_GAP_EM : CELL_GAP_EM) * font_pt || gap < -font_pt ||
        now.y0 >= line.y1 || now.y1 <= line.y0)
        end_run(b, v, out, a);
    else if (gap > WIDE_GAP_EM * font_pt && b->gap_count < PDF_GAPS) {
        if (b->raw.p[b->raw.n - 1] == ' ') text_cut(&b->raw, b->raw.n - 1);
        text_put_char(&b->raw, PDF_GAP);
        b->gaps[b->gap_count++] = (pdf_gap){now.x0 - gap, now.x0};
    } else if (gap > SPACE_GAP_EM * font_pt && b->raw.p[b->raw.n - 1] != ' ')
        text_put_char(&b->raw, ' ');
}

/* Is the character raised off the line that the last one stands on? Its size alone does not tell:
 * browsers raise at five sixths of the line's. Where a word mixes levels poppler tells the box of
 * all of it for each of its characters, and then this cannot be seen. */
static bool is_raised(const run_builder *b, box at, float font_pt) {
    float line_pt = b->last_pt, high = (b->last.y1 - b->last.y0) * font_pt;
    float rise = b->last.y1 - at.y1 - DESCENT_EM * (line_pt - font_pt);
    return font_pt < SCRIPT_SHARE * line_pt && rise > SCRIPT_RISE * line_pt &&
           (at.y1 - at.y0) * line_pt < MERGED_SHARE * high;
}

/* Raised characters begin right behind a letter, a figure or a stop: numbers, signs, and the letter
 * of a note or of an ordinal behind a figure. */
static bool begins_script(const run_builder *b, uint32_t c) {
    unsigned char before = b->raw.n > 0 ? (unsigned char)b->raw.p[b->raw.n - 1] : ' ';
    bool digit = c >= '0' && c <= '9', behind_digit = before >= '0' && before <= '9';
    if (before <= ' ' || before == (unsigned char)PDF_GAP) return false;
    if (behind_digit && ((c >= 'a' && c <= 'd') || c == 'n' || c == 'r' || c == 's' || c == 't'))
        return true;
    return digit || c == '-' || c == '+' || c == 0x2212 || c == 0x2013;
}

/* "1/" of a fraction was raised, and the smaller digit behind it is the lower half. */
static bool is_lower_half(const run_builder *b, uint32_t c, float font_pt) {
    const script_state *s = &b->scripts;
    if (s->upper_n == 0 || s->upper_end >= b->raw.n || c < '0' || c > '9') return false;
    str stroke = str_cut(text_str(&b->raw), s->upper_end, b->raw.n);
    return (str_eq(stroke, STR("/")) || str_eq(stroke, STR("\xe2\x81\x84"))) &&
           font_pt < SCRIPT_SHARE * b->line_pt;
}

/* Which level the character stands on, of a line that runs as it should. */
static script_level level_of(const run_builder *b, const page_view *v, box at, uint32_t c,
                             float font_pt) {
    float gap = at.x0 - b->last.x1;
    bool upright = b->told ? b->turn == 0 : v->turn == 0;
    if (!b->open || b->wrapped || b->depth > 0 || !upright || gap > SPACE_GAP_EM * font_pt ||
        gap < -SPACE_GAP_EM * font_pt)
        return SCRIPT_BASE;
    if (b->scripts.level != SCRIPT_BASE)
        return fabsf(font_pt - b->last_pt) < SCRIPT_RISE * font_pt &&
                       fabsf(at.y1 - b->last.y1) < SCRIPT_RISE * font_pt
                   ? b->scripts.level
                   : SCRIPT_BASE;
    if (is_lower_half(b, c, font_pt)) return SCRIPT_LOWERED;
    return begins_script(b, c) && is_raised(b, at, font_pt) ? SCRIPT_RAISED : SCRIPT_BASE;
}

/* A raised character, or one of a lower half, waits for what follows those of its level. */
static void put_script(run_builder *b, uint32_t c, script_level level) {
    text t = {0};
    if (b->scripts.level == SCRIPT_BASE && level == SCRIPT_RAISED) b->line_pt = b->last_pt;
    put_character(&t, c);
    script_put(&b->scripts, &b->raw, text_str(&t), level, false);
    text_free(&t);
}

/* Of "2 1/2" in a word of mixed levels only the sizes tell that this is no 21/2. */
static bool is_merged_fraction(const run_builder *b, uint32_t c, float font_pt) {
    char before = b->raw.n > 0 ? b->raw.p[b->raw.n - 1] : ' ';
    return c >= '0' && c <= '9' && before >= '0' && before <= '9' && b->turn == 0 &&
           font_pt < SCRIPT_SHARE * b->last_pt;
}

/* One bullet may be two characters: a shape and its outline. */
static bool ends_with_bullet(const text *t) {
    return t->n >= 3 && memcmp(t->p + t->n - 3, "\xe2\x80\xa2", 3) == 0;
}

static void add_character(run_builder *b, page_view *v, guint index, uint32_t c, pdf_runs *out,
                          arena *a) {
    c = public_bullet(c);
    if (c == ' ' || c == 0xA0) {
        end_script(b, v->next);
        if (!b->wrapped || b->depth > 0) text_put_char(&b->raw, ' ');
        return;
    }
    seek_attributes(v, (gint)index);
    float font_pt = v->now ? (float)v->now->font_size : 0;
    bool sign = v->now_signs && is_nameless_sign(c);
    if (sign) c = BULLET;
    const PopplerRectangle *r = index < v->box_count ? &v->boxes[index] : NULL;
    box at = r ? (box){(float)r->x1, (float)r->y1, (float)r->x2, (float)r->y2} : (box){0};
    script_level level = r ? level_of(b, v, at, c, font_pt) : SCRIPT_BASE;
    if (level != SCRIPT_BASE) {
        put_script(b, c, level);
    } else {
        end_script(b, v->next);
        if (r) heed_gap(b, v, at, c, font_pt, out, a);
        if (r && is_merged_fraction(b, c, font_pt)) text_put_char(&b->raw, ' ');
        if (!sign || !ends_with_bullet(&b->raw)) put_character(&b->raw, c);
    }
    if (r) {
        b->last = at;
        b->last_pt = font_pt;
        grow_box(&b->at, &b->open, at);
        if (b->wrapped && b->depth > 0) {
            grow_box(&b->word, &b->word_open, at);
            b->alef_width = v->alef_share * (at.y1 - at.y0);
            if (b->letters < WORD_LETTERS) b->widths[b->letters++] = at.x1 - at.x0;
        }
    }
    b->characters++;
    b->unusable += is_unusable(c);
    b->bold += v->now_bold;
    b->mono += v->now_mono;
    if (!sign) count_font(b, font_pt);
}

/* How wide an alef is: the median of those that begin a word in front of a lam, as the article.
 * Their boxes stand at the other end of the word. */
static float find_alef(str s, const PopplerRectangle *boxes, guint box_count) {
    float found[ALEF_SAMPLES];
    size_t n = 0;
    guint index = 0, begin = 0;
    uint32_t first = 0, second = 0;
    for (size_t i = 0, used; i < s.n && n < ALEF_SAMPLES; i += used) {
        uint32_t c = utf8_next(s.p + i, s.n - i, &used);
        if (c == EMBED_RIGHT) {
            begin = index;
            first = second = 0;
        } else if (c == EMBED_END) {
            if (first == 0x627 && second == 0x644 && index <= box_count) {
                const PopplerRectangle *r = &boxes[index - 1];
                if (r->y2 > r->y1) found[n++] = (float)((r->x2 - r->x1) / (r->y2 - r->y1));
            }
            first = second = 0;
        } else if (!pdf_is_mark(c)) {
            if (index == begin) first = c;
            if (index == begin + 1) second = c;
            index++;
        }
    }
    if (n < ALEF_ENOUGH) return 0;
    qsort(found, n, sizeof *found, pdf_by_size);
    return found[n / 2];
}

/* The selection from the first to the second corner of `area`, whose text is `all`. alef_share: of
 * the page, 0 before it is known. */
static void select_runs(PopplerPage *page, PopplerRectangle *area, const char *all, pdf_look *look,
                        float *alef_share, arena *a, pdf_runs *out) {
    page_view v = {.rules = &pdf_look_drawing(look)->rules};
    if (!poppler_page_get_text_layout_for_area(page, area, &v.boxes, &v.box_count)) v.box_count = 0;
    GList *attributes = poppler_page_get_text_attributes_for_area(page, area);
    v.attributes = attributes;
    const uint8_t *hidden = pdf_look_at(look, all, v.boxes, v.box_count, attributes);
    str s = str_of(all);
    if (*alef_share == 0 && strstr(s.p, "\xe2\x80\xab"))
        *alef_share = find_alef(s, v.boxes, v.box_count);
    v.alef_share = *alef_share;
    run_builder b = {0};
    guint index = 0;
    *out = (pdf_runs){0};
    for (size_t i = 0, used; i < s.n; i += used) {
        uint32_t c = utf8_next(s.p + i, s.n - i, &used);
        if (pdf_is_mark(c)) { /* has no rectangle of its own */
            add_mark(&b, c);
            continue;
        }
        v.next = str_cut(s, i, i + NEXT_BYTES < s.n ? i + NEXT_BYTES : s.n);
        if (c == '\n')
            end_run(&b, &v, out, a);
        else if (!hidden || index >= v.box_count || !hidden[index])
            add_character(&b, &v, index, c, out, a);
        index++;
    }
    end_run(&b, &v, out, a);
    text_free(&b.raw);
    script_free(&b.scripts);
    poppler_page_free_text_attributes(attributes);
    g_free(v.boxes);
}

static bool overlap(box a, box b) {
    float high = (a.y1 < b.y1 ? a.y1 : b.y1) - (a.y0 > b.y0 ? a.y0 : b.y0);
    float low = a.y1 - a.y0 < b.y1 - b.y0 ? a.y1 - a.y0 : b.y1 - b.y0;
    return pdf_shared_width(a, b) > 0 && high > 0.5f * low;
}

/* Adds to `out` the runs of `more` that it lacks, and replaces those that were cut short. Gives the
 * last one that was, SIZE_MAX for none. */
static size_t merge_runs(pdf_runs *out, const pdf_runs *more, arena *a) {
    size_t had = out->run_count, hint = 0, changed = SIZE_MAX;
    for (size_t i = 0; i < more->run_count; i++) {
        const pdf_run *r = &more->runs[i];
        size_t k = 0;
        /* Both mostly have the same order: look at the successor of the last match first. */
        while (k < had && !overlap(out->runs[(hint + k) % had].at, r->at)) k++;
        if (k == had) {
            pdf_put_run(out, *r, a);
            changed = out->run_count - 1;
            continue;
        }
        hint = (hint + k) % had;
        if (r->characters > out->runs[hint].characters) {
            out->runs[hint] = *r;
            changed = hint;
        }
        hint++;
    }
    return changed;
}

/* A right-to-left page loses the block that ends it where that is not the widest, unless the
 * selection ends inside; and of its last line what stands to the left of that. So ends are tried
 * all along the lines, and moved on to the left as long as that brings words. */
static void select_last_block(PopplerPage *page, double width, double height, pdf_look *look,
                              float *alef_share, pdf_runs *out, arena *a) {
    float left = INFINITY, right = -INFINITY;
    bool any = false;
    for (size_t i = 0; i < out->run_count; i++) {
        if (out->runs[i].rightward) continue;
        any = true;
        left = fminf(left, out->runs[i].at.x0);
        right = fmaxf(right, out->runs[i].at.x1);
    }
    for (int k = 1; any && k <= RTL_ENDS; k++) {
        double end = left + (right - left) * (float)k / (RTL_ENDS + 1);
        for (int tries = 0; tries < RTL_TRIES && end > 0; tries++) {
            pdf_runs more;
            PopplerRectangle area = {.x1 = width, .y1 = 0, .x2 = end, .y2 = height};
            char *all = poppler_page_get_text_for_area(page, &area);
            select_runs(page, &area, all, look, alef_share, a, &more);
            g_free(all);
            size_t changed = merge_runs(out, &more, a);
            if (changed == SIZE_MAX) break;
            end = out->runs[changed].at.x0 - RTL_STEP_PT;
        }
    }
}

void pdf_page_runs(struct _PopplerPage *page, struct pdf_look *look, arena *a, pdf_runs *out) {
    pdf_runs other;
    float alef_share = 0;
    double width, height;
    poppler_page_get_size(page, &width, &height);
    PopplerRectangle falling = {.x1 = 0, .y1 = 0, .x2 = width, .y2 = height};
    PopplerRectangle rising = {.x1 = width, .y1 = 0, .x2 = 0, .y2 = height};
    char *all = poppler_page_get_text_for_area(page, &falling);
    char *again = poppler_page_get_text_for_area(page, &rising);
    select_runs(page, &falling, all, look, &alef_share, a, out);
    if (!strstr(all, again)) {
        select_runs(page, &rising, again, look, &alef_share, a, &other);
        merge_runs(out, &other, a);
    }
    g_free(all);
    g_free(again);
    select_last_block(page, width, height, look, &alef_share, out, a);
    for (size_t i = 0; i < out->run_count; i++) {
        out->characters += out->runs[i].characters;
        out->unusable += out->runs[i].unusable;
    }
}
