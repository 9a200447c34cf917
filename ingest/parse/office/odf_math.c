/* Formulas of OpenDocument (MathML in an object of their own) as one line: "x^2 + (a+b)/c".
 *
 * Only what changes the meaning of a line is written: powers, indices, fractions, roots. A part of more
 * than one sign is put into brackets. Deep formulas go on without them.
 */
#include "ingest/parse/office/odf.h"

#include <string.h>

#define DEPTH_MAX 64

typedef struct {
    char kind;      /* 's' scripts, 'f' a fraction, 'r' a root, else '.' */
    bool above;     /* of scripts: the second part is a power */
    unsigned parts; /* begun so far */
    size_t begin;   /* of the open part */
    bool wraps;     /* the open part may need brackets */
} open_math;

typedef struct {
    text *out;
    open_math open[DEPTH_MAX];
    size_t depth, overflow;
} math_reader;

/* What stands in front of the next part of `o`. */
static const char *sign_of(const open_math *o) {
    if (o->kind == 'r' && o->parts == 0) return "\u221a";
    if (o->kind == 'f' && o->parts == 1) return "/";
    if (o->kind == 's' && o->parts == 1) return o->above ? "^" : "_";
    return o->kind == 's' && o->parts == 2 ? "^" : "";
}

static bool enter_math(void *context, const xml_element *e) {
    math_reader *r = context;
    const char *name = xml_local_name(e);
    bool scripts = strncmp(name, "msu", 3) == 0 || strncmp(name, "munder", 6) == 0 ||
                   strncmp(name, "mover", 5) == 0;
    open_math o = {.kind = scripts                      ? 's'
                           : strcmp(name, "mfrac") == 0 ? 'f'
                           : strcmp(name, "msqrt") == 0 ? 'r'
                                                        : '.'};
    o.above = strcmp(name, "msup") == 0 || strcmp(name, "mover") == 0;
    if (r->depth == DEPTH_MAX) {
        r->overflow++;
        return true;
    }
    open_math *outer = r->depth > 0 && r->overflow == 0 ? &r->open[r->depth - 1] : NULL;
    if (outer) {
        text_put(r->out, str_of(sign_of(outer)));
        outer->begin = r->out->n;
        outer->wraps = outer->kind != '.';
        outer->parts++;
    }
    r->open[r->depth++] = o;
    return true;
}

/* One sign, or letters and figures alone. */
static bool is_simple(str s) {
    size_t used = 0;
    bool plain = true;
    for (size_t i = 0; i < s.n && plain; i++) {
        char c = s.p[i];
        plain = (unsigned char)c >= 0x80 || c == '.' || (c >= '0' && c <= '9') ||
                ((c | 32) >= 'a' && (c | 32) <= 'z');
    }
    if (s.n > 0) utf8_next(s.p, s.n, &used);
    return plain || used == s.n;
}

static void leave_math(void *context) {
    math_reader *r = context;
    if (r->overflow > 0) {
        r->overflow--;
        return;
    }
    r->depth--;
    open_math *outer = r->depth > 0 ? &r->open[r->depth - 1] : NULL;
    if (!outer || !outer->wraps || outer->begin >= r->out->n) return;
    str part = str_cut(text_str(r->out), outer->begin, r->out->n);
    if (is_simple(part)) return;
    text copy = {0};
    text_put(&copy, part);
    text_cut(r->out, outer->begin);
    text_put_char(r->out, '(');
    text_put(r->out, text_str(&copy));
    text_put_char(r->out, ')');
    text_free(&copy);
}

static void put_math(void *context, str t) {
    math_reader *r = context;
    for (size_t i = 0; i < t.n; i++)
        if ((unsigned char)t.p[i] > ' ') text_put_char(r->out, t.p[i]);
}

#define PART(element, letters) \
    { .name = "math:" element, .enter = enter_math, .leave = leave_math, .has_text = letters }

void odf_put_math(package *p, size_t entry, text *out) {
    static const xml_rule rules[] = {
        PART("mrow", false),
        PART("mi", true),
        PART("mn", true),
        PART("mo", true),
        PART("mtext", true),
        PART("msup", false),
        PART("msub", false),
        PART("msubsup", false),
        PART("munder", false),
        PART("mover", false),
        PART("munderover", false),
        PART("mfrac", false),
        PART("msqrt", false),
        PART("mroot", false),
        PART("mstyle", false),
        PART("mfenced", false),
        PART("mtable", false),
        PART("mtr", false),
        PART("mtd", false),
        {.name = "math:annotation", .skip = true},
        {0},
    };
    math_reader r = {.out = out};
    xml_walker walker = {.rules = rules, .text = put_math, .context = &r};
    bool whole; /* of a broken formula what could be read */
    (void)xml_walk_entry(p, entry, &walker, &whole, NULL);
}
