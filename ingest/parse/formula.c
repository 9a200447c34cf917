/* Formulas as one line.
 *
 * Owns the brackets: a part gets some where the line would else read as another formula ("a+b/c",
 * "2x²"), and the spaces that keep numbers apart ("2 1/2" and never 21/2). Powers and indices of
 * digits are the characters that running text has for them. What is nested deeper than
 * FORMULA_DEPTH_MAX goes on in its surroundings, without brackets.
 *
 * It knows no XML, and lays nothing out.
 */
#include "ingest/parse/formula.h"

#include <string.h>

#include "ingest/parse/script.h"

/* Programs write several elements around each letter. */
#define FORMULA_DEPTH_MAX 64
/* Of scripts; more go on in the last. */
#define PARTS_MAX 12
/* Of a bracket or separator, with the zero: one or two signs. */
#define SIGN_BYTES 8

typedef struct {
    formula_kind kind;
    text t; /* its parts, one behind the other */
    size_t ends[PARTS_MAX];
    bool atom[PARTS_MAX];    /* stands for itself before a power */
    bool unit[PARTS_MAX];    /* stands for itself under a stroke */
    size_t count, pre;       /* pre: the first that stands in front of the base; 0: none */
    bool apart;              /* of a row: the last part must not run into the next */
    bool one_atom, one_unit; /* a row of one such part */
    char before[SIGN_BYTES], after[SIGN_BYTES], separator[SIGN_BYTES];
} frame;

struct formula {
    frame frames[FORMULA_DEPTH_MAX];
    size_t depth, overflow;
};

formula *formula_new(void) {
    return mem_new(1, sizeof(formula));
}

void formula_free(formula *f) {
    if (!f) return;
    for (size_t i = 0; i < FORMULA_DEPTH_MAX; i++) text_free(&f->frames[i].t);
    mem_free(f);
}

static bool is_row(formula_kind kind) {
    return kind <= FORMULA_NAME || kind == FORMULA_ROOT;
}

static bool is_alnum(str s, bool last) {
    if (s.n == 0) return false;
    char c = s.p[last ? s.n - 1 : 0];
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

static size_t count_chars(str s) {
    size_t n = 0, used;
    for (size_t i = 0; i < s.n; i += used, n++) utf8_next(s.p + i, s.n - i, &used);
    return n;
}

/* Letters and digits, raised and lowered ones among them. */
static bool is_plain(str s) {
    size_t used;
    for (size_t i = 0; i < s.n; i += used) {
        uint32_t c = utf8_next(s.p + i, s.n - i, &used);
        bool script = c == 0xB2 || c == 0xB3 || c == 0xB9 || (c >= 0x2070 && c <= 0x209C);
        bool letter = c >= 0xC0 && c < 0x2000 && c != 0xD7 && c != 0xF7;
        if (c == '.' || script || letter) continue;
        if (c >= 0x80 || !is_alnum(str_cut(s, i, i + 1), false)) return false;
    }
    return true;
}

/* In one pair of brackets, from end to end. */
static bool is_bracketed(str s) {
    size_t depth = 0;
    if (s.n < 2 || s.p[0] != '(' || s.p[s.n - 1] != ')') return false;
    for (size_t i = 0; i < s.n; i++) {
        depth += s.p[i] == '(';
        if (s.p[i] == ')' && --depth == 0) return i + 1 == s.n;
    }
    return false;
}

/* ---- parts --------------------------------------------------------------------------------- */

static str part(const frame *f, size_t i) {
    return i < f->count ? str_cut(text_str(&f->t), i ? f->ends[i - 1] : 0, f->ends[i]) : (str){0};
}

static void keep_sign(char out[SIGN_BYTES], str sign) {
    size_t n = sign.n < SIGN_BYTES ? sign.n : utf8_floor(sign, SIGN_BYTES - 1);
    memset(out, 0, SIGN_BYTES);
    if (n > 0) memcpy(out, sign.p, n);
}

static void put_bracketed(text *out, str s, bool bare) {
    if (!bare) text_put_char(out, '(');
    text_put(out, s);
    if (!bare) text_put_char(out, ')');
}

/* "sum" and "lim" take what stands under and over them as indices and powers. */
static void put_scripts(text *out, str index, str power) {
    static const str marks[] = {STR("\u2032"), STR("\u2033"), STR("'"), STR("*"), STR("\u2020")};
    if (index.n > 0) script_put_index(out, index);
    if (str_eq(power, STR("\u2218")) || str_eq(power, STR("\u00b0"))) {
        text_put(out, STR("\u00b0"));
        return;
    }
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (str_eq(power, marks[i])) {
            text_put(out, power);
            return;
        }
    if (power.n > 0) script_put_power(out, power);
}

static void put_base(text *out, const frame *f, size_t i) {
    str s = part(f, i);
    put_bracketed(out, s, f->atom[i] || s.n == 0 || is_bracketed(s));
}

static void put_fraction(text *out, const frame *f) {
    str above = part(f, 0); /* above the stroke "2x²" needs no brackets */
    put_bracketed(out, above, is_plain(above) || f->unit[0] || is_bracketed(above));
    text_put_char(out, '/');
    put_bracketed(out, part(f, 1), f->unit[1] || is_bracketed(part(f, 1)));
}

static void put_root(text *out, str degree, str radicand, bool bare) {
    if (str_eq(degree, STR("3")))
        text_put(out, STR("\u221b"));
    else if (str_eq(degree, STR("4")))
        text_put(out, STR("\u221c"));
    else
        text_put(out, STR("\u221a"));
    bool named = degree.n == 0 || str_eq(degree, STR("2")) || str_eq(degree, STR("3")) ||
                 str_eq(degree, STR("4"));
    if (!named) {
        text_put_char(out, '[');
        text_put(out, degree);
        text_put_char(out, ']');
    }
    put_bracketed(out, radicand, bare);
}

/* A line, a hat, a point over one letter; else what stands over is written as a power. */
static void put_accent(text *out, const frame *f, str over) {
    static const struct {
        const char *over;
        uint32_t combining;
    } known[] = {{"\u00af", 0x304},  {"\u203e", 0x304}, {"_", 0x304},      {"\u0304", 0x304},
                 {"\u0305", 0x304},  {"^", 0x302},      {"\u02c6", 0x302}, {"\u0302", 0x302},
                 {"~", 0x303},       {"\u02dc", 0x303}, {"\u0303", 0x303}, {"\u2192", 0x20d7},
                 {"\u20d7", 0x20d7}, {"\u02d9", 0x307}, {"\u0307", 0x307}, {".", 0x307}};
    str base = part(f, 0);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_eq(over, str_of(known[i].over)) && count_chars(base) == 1) {
            text_put(out, base);
            text_put_codepoint(out, known[i].combining);
            return;
        }
    put_base(out, f, 0);
    put_scripts(out, (str){0}, over);
}

static void put_many_scripts(text *out, const frame *f) {
    size_t behind = f->pre > 0 ? f->pre : f->count;
    for (size_t i = behind; i < f->count; i += 2) put_scripts(out, part(f, i), part(f, i + 1));
    put_base(out, f, 0);
    for (size_t i = 1; i < behind; i += 2)
        put_scripts(out, part(f, i), i + 1 < behind ? part(f, i + 1) : (str){0});
}

static void compose(text *out, const frame *f) {
    size_t last = f->count > 0 ? f->count - 1 : 0;
    switch (f->kind) {
    case FORMULA_FRACTION:
        put_fraction(out, f);
        break;
    case FORMULA_BINOMIAL:
        text_printf(out, "(" STR_FMT " over " STR_FMT ")", STR_ARG(part(f, 0)),
                    STR_ARG(part(f, 1)));
        break;
    case FORMULA_ROOT:
        put_root(out, (str){0}, text_str(&f->t), f->one_unit || is_bracketed(text_str(&f->t)));
        break;
    case FORMULA_ROOT_OF:
        put_root(out, part(f, 1), part(f, 0), f->unit[0]);
        break;
    case FORMULA_DEGREE_ROOT:
        put_root(out, f->count > 1 ? part(f, 0) : (str){0}, part(f, last),
                 f->unit[last] || is_bracketed(part(f, last)));
        break;
    case FORMULA_POWER:
        put_base(out, f, 0);
        put_scripts(out, (str){0}, part(f, 1));
        break;
    case FORMULA_INDEX:
    case FORMULA_BOTH:
        put_base(out, f, 0);
        put_scripts(out, part(f, 1), part(f, 2));
        break;
    case FORMULA_PRE:
        put_scripts(out, part(f, 0), part(f, 1));
        put_base(out, f, 2);
        break;
    case FORMULA_SCRIPTS:
        put_many_scripts(out, f);
        break;
    case FORMULA_ACCENT:
        put_accent(out, f, part(f, 1));
        break;
    case FORMULA_SIGN_ACCENT:
        put_accent(out, f, str_of(f->before));
        break;
    case FORMULA_SUM:
        text_put(out, str_of(f->before));
        put_scripts(out, part(f, 0), part(f, 1));
        if (is_alnum(part(f, 2), false)) text_put_char(out, ' ');
        text_put(out, part(f, 2));
        break;
    case FORMULA_FENCED:
    case FORMULA_TABLE:
        text_put(out, str_of(f->before));
        text_put(out, text_str(&f->t));
        text_put(out, str_of(f->after));
        break;
    case FORMULA_ROW:
    case FORMULA_TOKEN:
    case FORMULA_NAME:
    case FORMULA_TABLE_ROW:
    case FORMULA_KINDS:
        text_put(out, text_str(&f->t));
        break;
    }
}

/* ---- what is open -------------------------------------------------------------------------- */

void formula_open(formula *f, formula_kind kind) {
    if (f->depth == FORMULA_DEPTH_MAX) {
        f->overflow++;
        return;
    }
    frame *o = &f->frames[f->depth++];
    text t = o->t;
    text_clear(&t);
    *o = (frame){.kind = kind, .t = t};
    keep_sign(o->before, kind == FORMULA_TABLE ? STR("[") : STR("("));
    keep_sign(o->after, kind == FORMULA_TABLE ? STR("]") : STR(")"));
    keep_sign(o->separator, kind == FORMULA_TABLE ? STR("; ") : STR(", "));
}

bool formula_is_open(const formula *f) {
    return f->depth > 0;
}

/* Adds a part to `o`; `apart`: it is no mere run of letters, and must not run into what is
 * around. */
static void add_part(frame *o, str s, bool apart, bool atom, bool unit) {
    bool joins =
        o->kind == FORMULA_FENCED || o->kind == FORMULA_TABLE || o->kind == FORMULA_TABLE_ROW;
    if (joins) {
        if (o->count > 0) text_put(&o->t, str_of(o->separator));
        text_put(&o->t, s);
        o->count = 1;
        return;
    }
    if (is_row(o->kind)) {
        bool meets = is_alnum(text_str(&o->t), true) && is_alnum(s, false);
        if (meets && (apart || o->apart)) text_put_char(&o->t, ' ');
        o->one_atom = o->t.n == 0 && atom;
        o->one_unit = o->t.n == 0 && unit;
        text_put(&o->t, s);
        if (s.n > 0) o->apart = apart;
        return;
    }
    text_put(&o->t, s);
    size_t at = o->count < PARTS_MAX ? o->count++ : PARTS_MAX - 1;
    o->ends[at] = o->t.n;
    o->atom[at] = atom;
    o->unit[at] = unit;
}

/* A number may come in pieces, which are one. */
static bool is_number(str s) {
    for (size_t i = 0; i < s.n; i++)
        if ((s.p[i] < '0' || s.p[i] > '9') && s.p[i] != '.' && s.p[i] != ',') return false;
    return s.n > 0;
}

/* U+2061 to 2064 are what a reader does not see: "f" of "x", "2" times "x". */
static bool is_invisible(str t, size_t i) {
    return i + 2 < t.n && memcmp(t.p + i, "\xe2\x81", 2) == 0 &&
           (unsigned char)t.p[i + 2] >= 0xa1 && (unsigned char)t.p[i + 2] <= 0xa4;
}

void formula_put(formula *f, str t) {
    if (f->depth == 0) return;
    frame *o = &f->frames[f->depth - 1];
    text plain = {0};
    for (size_t i = 0; i < t.n;) {
        if (is_invisible(t, i)) {
            if ((unsigned char)t.p[i + 2] == 0xa2 && is_alnum(text_str(&o->t), true))
                text_put_char(&plain, ' ');
            i += 3;
        } else {
            text_put_char(&plain, t.p[i++]);
        }
    }
    str s = text_str(&plain);
    bool single = count_chars(s) == 1;
    add_part(o, s, false, single || is_number(s), single || is_number(s));
    if (is_row(o->kind) && (is_number(text_str(&o->t)) || o->kind == FORMULA_TOKEN))
        o->one_atom = o->one_unit = true;
    text_free(&plain);
}

void formula_close(formula *f) {
    if (f->overflow > 0) {
        f->overflow--;
        return;
    }
    if (f->depth < 2) return; /* the outermost is ended by formula_end */
    const frame *o = &f->frames[--f->depth];
    text s = {0};
    compose(&s, o);
    bool token = o->kind == FORMULA_TOKEN || o->kind == FORMULA_NAME;
    bool fence = (o->kind == FORMULA_FENCED || o->kind == FORMULA_TABLE) && o->before[0];
    bool row = o->kind == FORMULA_ROW;
    bool index = o->kind == FORMULA_INDEX;
    bool compact = o->kind >= FORMULA_ROOT && o->kind <= FORMULA_SIGN_ACCENT;
    bool atom = token || fence || index || (row && o->one_atom);
    bool unit = atom || compact || (row && o->one_unit);
    bool name = o->kind == FORMULA_TOKEN && o->t.n > 1 && !is_number(text_str(&o->t));
    bool apart = row ? o->apart : o->kind != FORMULA_TOKEN || name;
    add_part(&f->frames[f->depth - 1], text_str(&s), apart, atom, unit);
    text_free(&s);
}

void formula_fence(formula *f, str before, str after, str separator) {
    if (f->depth == 0 || f->overflow > 0) return;
    frame *o = &f->frames[f->depth - 1];
    if (before.p) keep_sign(o->before, before);
    if (after.p) keep_sign(o->after, after);
    if (separator.p) keep_sign(o->separator, separator);
}

void formula_pre(formula *f) {
    if (f->depth == 0 || f->overflow > 0) return;
    frame *o = &f->frames[f->depth - 1];
    if (o->kind == FORMULA_SCRIPTS && o->count > 0) o->pre = o->count;
}

void formula_end(formula *f, text *out) {
    f->overflow = 0;
    while (f->depth > 1) formula_close(f);
    if (f->depth == 1) compose(out, &f->frames[0]);
    f->depth = 0;
}

/* ---- MathML -------------------------------------------------------------------------------- */

bool formula_open_mathml(formula *f, const char *name) {
    static const struct {
        const char *name;
        formula_kind kind;
    } known[] = {
        {"mi", FORMULA_TOKEN},
        {"mn", FORMULA_TOKEN},
        {"mo", FORMULA_TOKEN},
        {"ms", FORMULA_TOKEN},
        {"mtext", FORMULA_TOKEN},
        {"mfrac", FORMULA_FRACTION},
        {"msqrt", FORMULA_ROOT},
        {"mroot", FORMULA_ROOT_OF},
        {"msup", FORMULA_POWER},
        {"msub", FORMULA_INDEX},
        {"msubsup", FORMULA_BOTH},
        {"munder", FORMULA_INDEX},
        {"mover", FORMULA_ACCENT},
        {"munderover", FORMULA_BOTH},
        {"mfenced", FORMULA_FENCED},
        {"mmultiscripts", FORMULA_SCRIPTS},
        {"mtable", FORMULA_TABLE},
        {"mtr", FORMULA_TABLE_ROW},
        {"mlabeledtr", FORMULA_TABLE_ROW},
    };
    static const char *const apart[] = {"annotation", "annotation-xml", "mphantom", "maligngroup",
                                        "malignmark"};
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++)
        if (strcmp(name, apart[i]) == 0) return false;
    if (strcmp(name, "mprescripts") == 0) {
        formula_pre(f);
        return false;
    }
    formula_kind kind = FORMULA_ROW;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i].name) == 0) kind = known[i].kind;
    formula_open(f, kind);
    return true;
}
