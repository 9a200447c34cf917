/* Formulas of DOCX (OMML; ECMA-376 part 1, 22.1) as one line that a person can read: "(x-c)/v", "x^2",
 * "a_(i+1)", "sqrt" as its sign.
 *
 * Owns the brackets: a part of more than one letter or number is put into some where the line would
 * else read differently. Deep formulas go on without them. It never lays anything out.
 */
#include "ingest/parse/office/docx.h"

#include <string.h>

static docx_math_open *top(docx_math *m) {
    return m->depth > 0 && m->overflow == 0 ? &m->open[m->depth - 1] : NULL;
}

static void push(docx_math *m, docx_math_open o) {
    if (m->depth == DOCX_MATH_DEPTH)
        m->overflow++;
    else
        m->open[m->depth++] = o;
}

static void pop(docx_math *m) {
    if (m->overflow > 0)
        m->overflow--;
    else if (m->depth > 0)
        m->depth--;
}

static void keep_sign(char out[8], str sign) {
    size_t n = sign.n < 8 ? sign.n : utf8_floor(sign, 7);
    memset(out, 0, 8);
    if (n > 0) memcpy(out, sign.p, n);
}

/* m:f, m:rad, m:d ...: a kind is the first letter of its name, but for scripts. */
bool docx_math_enter_object(void *context, const xml_element *e) {
    docx *d = context;
    const char *name = xml_local_name(e);
    docx_math_open o = {.kind = strcmp(name, "sPre") == 0 ? 'S' : name[0]};
    if (o.kind == 'd') {
        keep_sign(o.before, STR("("));
        keep_sign(o.after, STR(")"));
    } else if (o.kind == 'n') {
        keep_sign(o.before, STR("\u222b"));
    }
    push(&d->math, o);
    return true;
}

void docx_math_leave_object(void *context) {
    docx *d = context;
    docx_math_open *o = top(&d->math);
    if (o && o->kind == 'd') docx_put(d, str_of(o->after));
    pop(&d->math);
}

bool docx_math_enter_sign(void *context, const xml_element *e) {
    docx *d = context;
    docx_math_open *o = top(&d->math);
    if (o && o->kind == 'n') keep_sign(o->before, xml_attribute(e, "m:val"));
    return true;
}

bool docx_math_enter_opening(void *context, const xml_element *e) {
    docx *d = context;
    docx_math_open *o = top(&d->math);
    if (o && o->kind == 'd') keep_sign(o->before, xml_attribute(e, "m:val"));
    return true;
}

bool docx_math_enter_closing(void *context, const xml_element *e) {
    docx *d = context;
    docx_math_open *o = top(&d->math);
    if (o && o->kind == 'd') keep_sign(o->after, xml_attribute(e, "m:val"));
    return true;
}

/* The sign in front of a part: of its object, of itself. */
static void put_sign(docx *d, docx_math_open *o, const char *part) {
    bool base = strcmp(part, "e") == 0;
    if (o && (o->kind == 'n' || o->kind == 'd') && !o->begun)
        docx_put(d, str_of(o->before));
    else if (o && base && (o->kind == 'd' || o->kind == 'm'))
        docx_put(d, STR(", "));
    if (o) o->begun = true;
    if (o && base && o->kind == 'r') docx_put(d, STR("\u221a"));
    if (strcmp(part, "den") == 0) docx_put(d, STR("/"));
    if (strcmp(part, "sup") == 0) docx_put(d, STR("^"));
    if (strcmp(part, "sub") == 0) docx_put(d, STR("_"));
}

bool docx_math_enter_part(void *context, const xml_element *e) {
    docx *d = context;
    const char *part = xml_local_name(e);
    docx_math_open *o = top(&d->math);
    bool base = strcmp(part, "e") == 0;
    put_sign(d, o, part);
    const text *t = story_text(d->s);
    push(&d->math, (docx_math_open){.kind = 'p',
                                    .begin = t ? t->n : 0,
                                    .wraps = !base || (o && (o->kind == 's' || o->kind == 'r'))});
    return true;
}

/* A number, a name, one sign, or what stands in brackets. */
static bool is_simple(str s) {
    bool plain = true;
    size_t used = 0;
    for (size_t i = 0; i < s.n && plain; i++)
        plain = (unsigned char)s.p[i] >= 0x80 || s.p[i] == '.' ||
                (s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'z') ||
                (s.p[i] >= 'A' && s.p[i] <= 'Z');
    if (s.n > 0) utf8_next(s.p, s.n, &used);
    bool bracketed = str_starts(s, STR("(")) && str_find(s, STR(")"), 0) == s.n - 1;
    return plain || used == s.n || bracketed;
}

void docx_math_leave_part(void *context) {
    docx *d = context;
    docx_math_open *o = top(&d->math);
    text *t = story_text(d->s);
    if (o && o->kind == 'p' && o->wraps && t && o->begin < t->n) {
        str inner = str_cut(text_str(t), o->begin, t->n);
        if (!is_simple(str_trim(inner))) {
            text copy = {0};
            text_put(&copy, inner);
            text_cut(t, o->begin);
            text_put_char(t, '(');
            text_put(t, text_str(&copy));
            text_put_char(t, ')');
            text_free(&copy);
        }
    }
    pop(&d->math);
}
