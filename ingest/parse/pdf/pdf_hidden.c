/* Decides which text of a page a reader cannot see, so that it is kept out: it is how instructions
 * are smuggled to programs that read, and never meant for the person who asks.
 *
 * pdf_drawing.c says cheaply what is suspicious. Only then is the page drawn, once and small, and
 * each suspicious word is looked at: a text without ink has a box of one colour; a text in the
 * colour of its background stands on pixels of its own colour. What cannot be told is kept: a
 * visible line must never be lost. An invisible text with ink below it is the text layer of a scan,
 * and is what the page shows; whether it says the same as the scan is not checked here.
 */
#include <cairo.h>
#include <math.h>

#include "ingest/parse/pdf/pdf.h"
#include "ingest/parse/pdf/pdf_hidden.h"

/* Fewer suspicious characters on a page are no instruction, and are kept: drawing a page takes as
 * long as reading some, and single characters that are cut off or covered are frequent. */
#define SUSPECTS_MIN 16
#define TINY_PT 1.4f     /* effective size; footnotes of footnotes have 4 */
#define SQUEEZED_EM 0.1f /* a letter of a text that stands for a shorter one is narrower */
#define REPLACED_MIN \
    16 /* fewer characters of a page in the place of others are ligatures and hyphens */
#define LOOK_PIXELS 1600.0    /* the longer side of a drawn page at most */
#define CONTRAST 14           /* of 255, in one channel: less is not seen on paper or screen */
#define INK_ONE_IN 40         /* pixels of a word's box */
#define BACKGROUND_PERCENT 35 /* of the box stands out from the text's colour, at least */
#define OVERLAP 0.6f          /* of a word's area */
#define ORIGIN_SLACK_PT 1.0f
#define WIDEST_GUESS 2.5f /* a string of capital letters is that much wider than guessed */

/* A word of poppler's text. */
typedef struct {
    size_t first, end; /* rectangles */
    box at;
    uint32_t characters;
    float font_pt;
    PopplerColor colour;
    uint8_t hiding;
    const pdf_show *show;
    bool mixed, drawable; /* of all strings that it may be of */
    bool twins;           /* two of them were placed here, one to be seen */
} word;

typedef struct {
    word *words;
    size_t count, room;
} words;

struct pdf_look {
    PopplerPage *page;
    arena *a;
    double width_pt, height_pt;
    pdf_drawing drawing;
    cairo_surface_t *picture; /* NULL: not drawn yet, or cannot be */
    double scale;
    bool drawn;
    double *left_ms;
    uint32_t layer; /* characters of this selection that are a scan's text layer */
    pdf_hidden_facts facts;
};

pdf_look *pdf_look_new(PopplerPage *page, pdf_drawings *drawings, uint32_t number,
                       double *left_ms) {
    pdf_look *l = mem_new(1, sizeof *l);
    PopplerRectangle crop;
    l->page = page;
    l->left_ms = left_ms;
    l->a = arena_new();
    poppler_page_get_size(page, &l->width_pt, &l->height_pt);
    poppler_page_get_crop_box(page, &crop);
    pdf_page_box b = {.width_pt = l->width_pt,
                      .height_pt = l->height_pt,
                      .crop_x0 = fmin(crop.x1, crop.x2),
                      .crop_y0 = fmin(crop.y1, crop.y2),
                      .crop_x1 = fmax(crop.x1, crop.x2),
                      .crop_y1 = fmax(crop.y1, crop.y2)};
    pdf_follow_page(drawings, number, &b, l->a, &l->drawing);
    l->facts.characters[PDF_OFF_PAGE] = l->drawing.off_page;
    l->facts.characters[PDF_LAYER_OFF] = l->drawing.layer_off;
    l->facts.images = l->drawing.images;
    l->facts.unsure = !l->drawing.whole;
    return l;
}

void pdf_look_free(pdf_look *l) {
    if (l->picture) cairo_surface_destroy(l->picture);
    arena_free(l->a);
    mem_free(l);
}

const pdf_drawing *pdf_look_drawing(const pdf_look *l) {
    return &l->drawing;
}

void pdf_look_facts(const pdf_look *l, pdf_hidden_facts *out) {
    *out = l->facts;
}

/* ---- words --------------------------------------------------------------------------------- */

static box to_box(const PopplerRectangle *r) {
    return (box){(float)fmin(r->x1, r->x2), (float)fmin(r->y1, r->y2), (float)fmax(r->x1, r->x2),
                 (float)fmax(r->y1, r->y2)};
}

static word *open_word(words *w, size_t index, const PopplerRectangle *r) {
    if (w->count == w->room) {
        w->room = w->room ? w->room * 2 : 512;
        w->words = mem_grow(w->words, w->room, sizeof *w->words);
    }
    w->words[w->count] = (word){.first = index, .at = to_box(r)};
    return &w->words[w->count++];
}

static void cut_words(const char *all, const PopplerRectangle *boxes, size_t box_count,
                      GList *attributes, words *out) {
    str s = str_of(all);
    word *now = NULL;
    size_t index = 0;
    for (size_t i = 0, used; i < s.n && index < box_count; i += used) {
        uint32_t c = utf8_next(s.p + i, s.n - i, &used);
        if (pdf_is_mark(c)) continue; /* has no rectangle of its own */
        if (c == ' ' || c == '\n' || c == 0xA0) {
            now = NULL;
        } else {
            while (attributes &&
                   (size_t)((PopplerTextAttributes *)attributes->data)->end_index < index)
                attributes = attributes->next;
            const PopplerTextAttributes *is = attributes ? attributes->data : NULL;
            if (!now) {
                now = open_word(out, index, &boxes[index]);
                now->font_pt = is ? (float)is->font_size : 0;
                if (is) now->colour = is->color;
            }
            pdf_widen(&now->at, to_box(&boxes[index]));
            now->end = index + 1;
            now->characters++;
        }
        index++;
    }
}

static bool is_tiny(const word *w, float user_unit) {
    float height = (w->at.y1 - w->at.y0) * user_unit, width = (w->at.x1 - w->at.x0) * user_unit;
    return w->font_pt > 0 && w->font_pt * user_unit < TINY_PT && fminf(height, width) < TINY_PT;
}

/* Text that stands for what is drawn (ActualText) has all of its letters in the room of that: what
 * does not fit there is not what a reader sees. */
static bool is_squeezed(const word *w) {
    float area = (w->at.x1 - w->at.x0) * (w->at.y1 - w->at.y0);
    return area < SQUEEZED_EM * w->font_pt * w->font_pt * (float)w->characters;
}

static bool has_tiny(const GList *attributes, float user_unit) {
    for (; attributes; attributes = attributes->next) {
        const PopplerTextAttributes *is = attributes->data;
        if (is->font_size * (double)user_unit < (double)TINY_PT) return true;
    }
    return false;
}

/* May the word be of this string, as long as that is? Of strings that follow one another only all
 * together are. */
static bool reaches(const pdf_drawing *d, size_t i, const word *w) {
    const pdf_show *s = &d->shows[i];
    bool chained = s->follows || (i + 1 < d->count && s[1].follows);
    return chained || !s->level ||
           w->at.x0 < s->x + WIDEST_GUESS * (s->end_x - s->x) + 2 * ORIGIN_SLACK_PT;
}

/* Finds the string that a word is of: of those on its baseline that begin left of its end, the
 * last. A string that goes on where the one before ended has no place of its own, and so several
 * may begin at one point. Then the most suspicious one is taken, and whether the word has ink
 * decides. */
static void find_show(const pdf_drawing *d, word *w) {
    const pdf_show *best = NULL;
    float height = w->at.y1 - w->at.y0, character = (w->at.x1 - w->at.x0) / (float)w->characters;
    float slack = ORIGIN_SLACK_PT + 0.5f * character;
    for (size_t i = 0; i < d->count; i++) {
        const pdf_show *s = &d->shows[i];
        bool on = s->level ? s->y > w->at.y0 - 0.1f * height && s->y < w->at.y1 + 0.1f * height &&
                                 s->x < w->at.x0 + slack
                           : s->x > w->at.x0 - 2 && s->x < w->at.x1 + 2;
        if (!on || (best && best->level && !s->level) || !reaches(d, i, w)) continue;
        bool same = best && best->level == s->level && fabsf(best->x - s->x) < ORIGIN_SLACK_PT;
        if (same) {
            bool differ = (best->hiding == PDF_SEEN) != (s->hiding == PDF_SEEN);
            w->mixed |= differ;
            w->twins |= differ && !best->follows && !s->follows;
            w->drawable &= s->drawable;
            if (best->hiding == PDF_SEEN) best = s;
        } else if (!best || best->level != s->level || s->x > best->x) {
            best = s;
            w->mixed = w->twins = false;
            w->drawable = s->drawable;
        }
    }
    w->show = best;
    w->hiding = best ? best->hiding : PDF_SEEN;
}

/* Of strings that follow one another, the one that a word is of, by counting: characters on the
 * line before the word, from where the first string begins. For fonts whose glyphs cannot be looked
 * at. */
static void count_to_show(const pdf_drawing *d, const words *all, word *w) {
    const pdf_show *first = w->show, *end = d->shows + d->count;
    while (first > d->shows && first->follows) first--;
    size_t before = w->characters / 2;
    for (size_t i = 0; i < all->count; i++) {
        const word *o = &all->words[i];
        bool on_line = first->y > o->at.y0 && first->y < o->at.y1;
        if (on_line && o->at.x0 >= first->x - ORIGIN_SLACK_PT && o->at.x0 < w->at.x0)
            before += o->characters;
    }
    const pdf_show *s = first;
    for (; before >= s->characters && s + 1 < end && s[1].follows; s++) before -= s->characters;
    w->show = s;
    w->hiding = s->hiding;
    w->mixed = false;
}

/* ---- looking ------------------------------------------------------------------------------- */

static void draw(pdf_look *l) {
    double longer = fmax(l->width_pt, l->height_pt), start = clock_ms();
    l->drawn = true;
    l->scale = longer > LOOK_PIXELS ? LOOK_PIXELS / longer : 1;
    if (!(longer > 0) || *l->left_ms <= 0 || l->drawing.heavy) return;
    l->picture = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)ceil(l->width_pt * l->scale),
                                            (int)ceil(l->height_pt * l->scale));
    cairo_t *c = cairo_create(l->picture);
    cairo_set_source_rgb(c, 1, 1, 1);
    cairo_paint(c);
    cairo_scale(c, l->scale, l->scale);
    poppler_page_render(l->page, c);
    bool ok = cairo_status(c) == CAIRO_STATUS_SUCCESS;
    cairo_destroy(c);
    cairo_surface_flush(l->picture);
    *l->left_ms -= clock_ms() - start;
    if (ok && cairo_surface_status(l->picture) == CAIRO_STATUS_SUCCESS) return;
    cairo_surface_destroy(l->picture);
    l->picture = NULL;
}

static int channel(uint32_t pixel, int i) {
    return (int)(pixel >> (8 * i) & 0xff);
}

static bool differs(uint32_t a, uint32_t b) {
    for (int i = 0; i < 3; i++)
        if (abs(channel(a, i) - channel(b, i)) >= CONTRAST) return true;
    return false;
}

/* How many of the box's pixels there are, and how many differ from `colour`. */
static void count_pixels(const pdf_look *l, box b, const uint32_t *colour, size_t *all,
                         size_t *different) {
    int width = cairo_image_surface_get_width(l->picture);
    int height = cairo_image_surface_get_height(l->picture);
    int stride = cairo_image_surface_get_stride(l->picture);
    const unsigned char *rows = cairo_image_surface_get_data(l->picture);
    float k = (float)l->scale;
    int x0 = (int)fmaxf(0, b.x0 * k), x1 = (int)fminf((float)width, ceilf(b.x1 * k));
    int y0 = (int)fmaxf(0, b.y0 * k), y1 = (int)fminf((float)height, ceilf(b.y1 * k));
    uint32_t first = 0;
    *all = *different = 0;
    for (int y = y0; y < y1; y++) {
        const uint32_t *row = (const uint32_t *)(const void *)(rows + (size_t)y * (size_t)stride);
        for (int x = x0; x < x1; x++) {
            if (*all == 0) first = colour ? *colour : row[x];
            (*all)++;
            *different += differs(row[x], first);
        }
    }
}

/* Of the middle of a line: rules above and below it are not its ink. */
static box core(box b) {
    float trim = 0.15f * (b.y1 - b.y0);
    return (box){b.x0, b.y0 + trim, b.x1, b.y1 - trim};
}

static bool has_ink(const pdf_look *l, box b) {
    size_t all, different;
    count_pixels(l, core(b), NULL, &all, &different);
    return all == 0 || (different > 0 && different * INK_ONE_IN >= all);
}

static bool stands_out(const pdf_look *l, const word *w) {
    size_t all, different;
    uint32_t colour = (uint32_t)(w->colour.red >> 8) << 16 | (uint32_t)(w->colour.green >> 8) << 8 |
                      (uint32_t)(w->colour.blue >> 8);
    count_pixels(l, w->at, &colour, &all, &different);
    return all == 0 || different * 100 >= all * BACKGROUND_PERCENT;
}

/* Told without a look where both colours are known. */
static bool contrasts(const word *w, const pdf_colour *behind) {
    float d = fmaxf(fmaxf(fabsf((float)w->colour.red / 65535 - behind->red),
                          fabsf((float)w->colour.green / 65535 - behind->green)),
                    fabsf((float)w->colour.blue / 65535 - behind->blue));
    return behind->known && d > 0.3f;
}

static bool overlaps_seen(const words *w, const word *of) {
    float area = (of->at.x1 - of->at.x0) * (of->at.y1 - of->at.y0), shared = 0;
    for (size_t i = 0; i < w->count; i++) {
        const word *o = &w->words[i];
        if (o->hiding != PDF_SEEN) continue;
        float wide = fminf(o->at.x1, of->at.x1) - fmaxf(o->at.x0, of->at.x0);
        float high = fminf(o->at.y1, of->at.y1) - fmaxf(o->at.y0, of->at.y0);
        if (wide > 0 && high > 0) shared += wide * high;
    }
    return shared > OVERLAP * area;
}

/* Without the font's glyphs nothing can be seen; but a rectangle covers what is in it, and a clip
 * cuts off what is not. */
static bool is_beyond(const word *w, pdf_hiding suspicion) {
    float x = (w->at.x0 + w->at.x1) / 2, y = (w->at.y0 + w->at.y1) / 2;
    const box *b = &w->show->by;
    bool in = x > b->x0 && x < b->x1 && y > b->y0 && y < b->y1;
    return in == (suspicion == PDF_COVERED);
}

/* The suspicion of a word's string becomes a verdict on the word. */
static pdf_hiding verdict(pdf_look *l, const words *all, const word *w) {
    pdf_hiding suspicion = w->hiding;
    if (suspicion == PDF_SEEN || suspicion == PDF_TINY) return suspicion;
    if (w->twins && !w->drawable) return PDF_SEEN;
    if (suspicion == PDF_COLOUR && !w->mixed && contrasts(w, &w->show->behind)) return PDF_SEEN;
    if (!l->drawn) draw(l);
    l->facts.unsure |= !l->picture;
    if (!l->picture) { /* without a picture in the page, nothing can be below what has no ink */
        bool no_ink = suspicion == PDF_INVISIBLE || suspicion == PDF_TRANSPARENT;
        return no_ink && !l->drawing.images ? suspicion : PDF_SEEN;
    }
    switch (suspicion) {
    case PDF_COLOUR:
        return stands_out(l, w) ? PDF_SEEN : PDF_COLOUR;
    case PDF_INVISIBLE:
    case PDF_TRANSPARENT:
        if (!has_ink(l, w->at) || (overlaps_seen(all, w) && !w->mixed)) return suspicion;
        if (!w->mixed && suspicion == PDF_INVISIBLE && l->drawing.images) l->layer += w->characters;
        return PDF_SEEN;
    default:
        if (w->drawable)
            return has_ink(l, w->at) && (!overlaps_seen(all, w) || w->mixed) ? PDF_SEEN : suspicion;
        return !w->mixed && w->show->exact && is_beyond(w, suspicion) ? suspicion : PDF_SEEN;
    }
}

const uint8_t *pdf_look_at(pdf_look *l, const char *all, const PopplerRectangle *boxes,
                           guint box_count, GList *attributes) {
    words w = {0};
    uint8_t *hidden = NULL;
    uint32_t found[PDF_HIDINGS] = {0};
    bool replaced = l->drawing.replaced >= REPLACED_MIN;
    if (l->drawing.suspects < SUSPECTS_MIN && !replaced &&
        !has_tiny(attributes, l->drawing.user_unit))
        return NULL;
    cut_words(all, boxes, box_count, attributes, &w);
    size_t suspects = 0;
    for (size_t i = 0; i < w.count; i++) {
        word *o = &w.words[i];
        if (is_tiny(o, l->drawing.user_unit) || (replaced && is_squeezed(o))) {
            o->hiding = PDF_TINY;
        } else if (l->drawing.suspects >= SUSPECTS_MIN) {
            find_show(&l->drawing, o);
            if (o->mixed && !o->twins && !o->drawable) count_to_show(&l->drawing, &w, o);
        }
        suspects += o->hiding != PDF_SEEN;
    }
    l->layer = 0;
    if (suspects > 0) hidden = arena_alloc(l->a, box_count, sizeof *hidden);
    for (size_t i = 0; suspects > 0 && i < w.count; i++) {
        const word *o = &w.words[i];
        pdf_hiding is = verdict(l, &w, o);
        found[is] += o->characters;
        for (size_t k = o->first; k < o->end; k++) hidden[k] = (uint8_t)is;
    }
    /* The page is selected along both diagonals; the larger finding stands. */
    if (l->layer > l->facts.layer) l->facts.layer = l->layer;
    for (int i = PDF_SEEN + 1; i < PDF_OFF_PAGE; i++)
        if (found[i] > l->facts.characters[i]) l->facts.characters[i] = found[i];
    mem_free(w.words);
    return hidden;
}

/* ---- telling ------------------------------------------------------------------------------- */

uint32_t pdf_hidden_count(const pdf_hidden_facts *f) {
    uint32_t count = 0;
    for (int i = PDF_SEEN + 1; i < PDF_HIDINGS; i++) count += f->characters[i];
    return count;
}

str pdf_hidden_note(const pdf_hidden_facts *f, arena *a) {
    static const char *const reasons[PDF_HIDINGS] = {[PDF_INVISIBLE] = "invisible",
                                                     [PDF_TRANSPARENT] = "transparent",
                                                     [PDF_COLOUR] =
                                                         "in the colour of its background",
                                                     [PDF_COVERED] = "covered",
                                                     [PDF_CLIPPED] = "cut off",
                                                     [PDF_TINY] = "tiny",
                                                     [PDF_OFF_PAGE] = "off the page",
                                                     [PDF_LAYER_OFF] = "in a layer that is off"};
    text t = {0};
    uint32_t count = pdf_hidden_count(f);
    const char *between = " (";
    if (count > 0)
        text_printf(&t, "left out %u character%s that a reader cannot see", count,
                    count == 1 ? "" : "s");
    for (int i = PDF_SEEN + 1; count > 0 && i < PDF_HIDINGS; i++) {
        if (f->characters[i] == 0) continue;
        text_printf(&t, "%s%s", between, reasons[i]);
        between = ", ";
    }
    if (count > 0) text_put_char(&t, ')');
    if (f->layer > 0) text_printf(&t, "%stext layer of a scan, not checked", count > 0 ? "; " : "");
    str out = arena_str(a, text_str(&t));
    text_free(&t);
    return out;
}
