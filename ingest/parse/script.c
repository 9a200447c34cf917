/* What a raised or lowered piece of text means.
 *
 * Owns the question that decides between a right number and a false one: is a raised "5" behind
 * "10" a power, is a raised "1" behind "250" the mark of a note, are a raised "1", a stroke and a
 * lowered "2" a half? It is answered by what stands before and behind, so a piece is held until the
 * next text comes. Powers and indices become the characters that Unicode has for them, marks of
 * notes stand in brackets behind a space, and what can be either is raised and stands apart: none
 * of these can be read as a digit of the number before it.
 *
 * It never drops a letter, and knows nothing of formats.
 */
#include "ingest/parse/script.h"

#include <string.h>

/* What is looked back at, for the bracket that a closing one belongs to. */
#define BRACKET_MAX_BYTES 80
/* A longer piece that is raised is text of its own, and stays as it is. */
#define PIECE_MAX_BYTES 64

static bool is_digit(uint32_t c) {
    return c >= '0' && c <= '9';
}

static bool is_space(uint32_t c) {
    return c == ' ' || c == '\n' || c == '\t' || c == 0xA0 || c == 0x202F || c == 0x2009;
}

/* Letters, and nothing of the signs that Unicode has among them. */
static bool is_letter(uint32_t c) {
    if (c < 0x80) return (c | 32) >= 'a' && (c | 32) <= 'z';
    return c == 0xB5 || (c >= 0xC0 && c != 0xD7 && c != 0xF7 && c < 0x2000);
}

static bool is_sign(uint32_t c) {
    return c == '+' || c == '-' || c == 0x2212 || c == 0x2013 || c == 0xB1;
}

static bool is_stroke(uint32_t c) {
    return c == '/' || c == 0x2044 || c == 0x2215;
}

static bool is_script_char(uint32_t c) {
    return c == 0xB9 || c == 0xB2 || c == 0xB3 || (c >= 0x2070 && c <= 0x209C);
}

static uint32_t first_of(str s) {
    size_t used;
    return s.n > 0 ? utf8_next(s.p, s.n, &used) : 0;
}

/* The character that ends at `at`, which goes in front of it; 0 at the start. */
static uint32_t back(str s, size_t *at) {
    size_t used;
    if (*at == 0) return 0;
    *at = utf8_floor(s, *at - 1);
    return utf8_next(s.p + *at, s.n - *at, &used);
}

static uint32_t last_of(str s) {
    size_t at = s.n;
    return back(s, &at);
}

static bool is_one_of(str s, const char *const *list) {
    for (; *list; list++)
        if (str_eq(s, str_of(*list))) return true;
    return false;
}

/* ---- writing ------------------------------------------------------------------------------- */

static uint32_t raised_char(uint32_t c) {
    if (c == '1') return 0xB9;
    if (c == '2' || c == '3') return 0xB0 + (c - '0');
    if (is_digit(c)) return 0x2070 + (c - '0');
    return c == '+'                                 ? 0x207A
           : c == '-' || c == 0x2212 || c == 0x2013 ? 0x207B
           : is_script_char(c)                      ? c
                                                    : 0;
}

static uint32_t lowered_char(uint32_t c) {
    if (is_digit(c)) return 0x2080 + (c - '0');
    return c == '+'                                 ? 0x208A
           : c == '-' || c == 0x2212 || c == 0x2013 ? 0x208B
           : is_script_char(c)                      ? c
                                                    : 0;
}

/* In Unicode's characters; false, and nothing written, where it has none for one of them. */
static bool put_small(text *to, str t, uint32_t small(uint32_t)) {
    size_t begin = to->n, used;
    for (size_t i = 0; i < t.n; i += used) {
        uint32_t c = small(utf8_next(t.p + i, t.n - i, &used));
        if (c == 0) {
            text_cut(to, begin);
            return false;
        }
        text_put_codepoint(to, c);
    }
    return true;
}

/* One letter, or one number, or a name. */
static bool is_simple(str t) {
    bool letters = true, digits = true;
    size_t used;
    for (size_t i = 0; i < t.n; i += used) {
        uint32_t c = utf8_next(t.p + i, t.n - i, &used);
        letters = letters && is_letter(c);
        digits = digits && (is_digit(c) || c == '.');
    }
    return letters || digits;
}

static void put_behind_mark(text *to, char mark, str t) {
    bool bracketed = t.n > 1 && t.p[0] == '(' && str_find(t, STR(")"), 0) == t.n - 1;
    text_put_char(to, mark);
    if (is_simple(t) || bracketed) {
        text_put(to, t);
        return;
    }
    text_put_char(to, '(');
    text_put(to, t);
    text_put_char(to, ')');
}

void script_put_power(text *to, str t) {
    if (!put_small(to, t, raised_char)) put_behind_mark(to, '^', t);
}

void script_put_index(text *to, str t) {
    if (!put_small(to, t, lowered_char)) put_behind_mark(to, '_', t);
}

bool script_put_fraction(text *to, str upper, str lower) {
    static const struct {
        const char *upper, *lower;
        uint32_t is;
    } known[] = {
        {"1", "2", 0xBD},   {"1", "4", 0xBC},   {"3", "4", 0xBE},   {"1", "3", 0x2153},
        {"2", "3", 0x2154}, {"1", "5", 0x2155}, {"2", "5", 0x2156}, {"3", "5", 0x2157},
        {"4", "5", 0x2158}, {"1", "6", 0x2159}, {"5", "6", 0x215A}, {"1", "8", 0x215B},
        {"3", "8", 0x215C}, {"5", "8", 0x215D}, {"7", "8", 0x215E},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_eq(upper, str_of(known[i].upper)) && str_eq(lower, str_of(known[i].lower))) {
            text_put_codepoint(to, known[i].is);
            return true;
        }
    return false;
}

/* Behind a number a fraction is the rest of it: "2½", "2 7/16". */
static void put_mixed(text *to, str upper, str lower) {
    if (script_put_fraction(to, upper, lower)) return;
    if (is_digit(last_of(text_str(to)))) text_put_char(to, ' ');
    text_put(to, upper);
    text_put_char(to, '/');
    text_put(to, lower);
}

static void put_space_after(text *to, str next) {
    uint32_t c = first_of(next);
    if (is_letter(c) || is_digit(c)) text_put_char(to, ' ');
}

static void put_space_before(text *to) {
    uint32_t c = last_of(text_str(to));
    if (c != 0 && !is_space(c)) text_put_char(to, ' ');
}

/* ---- what a piece is ----------------------------------------------------------------------- */

typedef enum {
    PIECE_NUMBER,   /* 5, and with a sign in front or behind: -3, 2+ */
    PIECE_MARKS,    /* 1,2 or 3-5 or 1) */
    PIECE_FRACTION, /* 1/2 */
    PIECE_LETTERS,
    PIECE_FORMULA, /* letters or digits with signs of arithmetic */
    PIECE_OTHER
} piece_kind;

typedef struct {
    piece_kind kind;
    bool sign;     /* of a number */
    size_t stroke; /* where the stroke of a fraction stands, and its length */
    size_t stroke_n;
} piece;

static piece piece_of(str t) {
    size_t digits = 0, letters = 0, signs = 0, separators = 0, strokes = 0, others = 0, used;
    bool sign_within = false, bracket_ends = t.n > 1 && t.p[t.n - 1] == ')' && t.p[0] != '(';
    piece p = {.kind = PIECE_OTHER};
    for (size_t i = 0; i < t.n; i += used) {
        uint32_t c = utf8_next(t.p + i, t.n - i, &used);
        digits += is_digit(c);
        letters += is_letter(c);
        separators += c == ',' || c == ';' || is_space(c);
        if (is_sign(c)) {
            signs++;
            sign_within = sign_within || (i > 0 && i + used < t.n && signs == 1 && digits > 0);
        } else if (is_stroke(c)) {
            strokes++;
            p.stroke = i;
            p.stroke_n = used;
        } else if (!is_digit(c) && !is_letter(c) && c != ',' && c != ';' && !is_space(c) &&
                   c != '.' && c != '^' && c != '_' && c != 0xB7 && c != '*' && c != '(' &&
                   c != ')' && c != '=') {
            others++;
        }
    }
    bool plain = letters + strokes + others == 0;
    if (plain && separators == 0 && !sign_within && digits + signs > 0 && !bracket_ends &&
        str_find(t, STR("."), 0) == SIZE_MAX && str_find(t, STR("("), 0) == SIZE_MAX)
        p.kind = PIECE_NUMBER;
    else if (plain && digits > 0 && (separators > 0 || sign_within || bracket_ends))
        p.kind = PIECE_MARKS;
    else if (strokes == 1 && digits > 1 && letters + signs + separators + others == 0 &&
             p.stroke > 0 && p.stroke + p.stroke_n < t.n)
        p.kind = PIECE_FRACTION;
    else if (letters > 0 && digits + signs + separators + strokes + others == 0)
        p.kind = PIECE_LETTERS;
    else if (others + separators == 0 && digits + letters > 0)
        p.kind = PIECE_FORMULA;
    p.sign = p.kind == PIECE_NUMBER && signs > 0;
    return p;
}

/* ---- what stands before -------------------------------------------------------------------- */

/* The number that `before` ends with: its digits and marks. */
static str number_before(str before) {
    size_t at = before.n, begin = at;
    for (uint32_t c; (c = back(before, &at)) != 0; begin = at)
        if (!is_digit(c) && c != '.' && c != ',') break;
    return str_cut(before, begin, before.n);
}

static str letters_before(str before) {
    size_t at = before.n, begin = at;
    for (uint32_t c; (c = back(before, &at)) != 0; begin = at)
        if (!is_letter(c)) break;
    return str_cut(before, begin, before.n);
}

static size_t count_chars(str s) {
    size_t n = 0, used;
    for (size_t i = 0; i < s.n; i += used, n++) utf8_next(s.p + i, s.n - i, &used);
    return n;
}

/* The sign in front of position `at`, spaces passed over; 0: none, or no sign of arithmetic. */
static uint32_t operator_before(str s, size_t at) {
    uint32_t c;
    do c = back(s, &at);
    while (c == ' ' || c == 0xA0 || c == 0x2009 || c == 0x202F);
    return c == 0xD7 || c == 0xB7 || c == '*' || c == '=' || c == '+' || c == 0x221A || c == 0x22C5
               ? c
               : 0;
}

static bool is_operator_ahead(str next) {
    str t = next;
    while (t.n > 0 && t.p[0] == ' ') t = str_cut(t, 1, t.n);
    uint32_t c = first_of(t);
    return c == '=' || c == '+' || c == 0xD7 || c == 0xB7 || c == 0x22C5 || c == 0x2212;
}

/* "4.2 x" in front of a 10. */
static bool is_letter_times(str s, size_t at) {
    while (at > 0 && s.p[at - 1] == ' ') at--;
    if (at == 0 || (s.p[at - 1] | 32) != 'x') return false;
    for (at--; at > 0 && s.p[at - 1] == ' ';) at--;
    return at > 0 && is_digit((unsigned char)s.p[at - 1]);
}

/* "(a + b)" and "(x/y)" are of a formula; "(mg)", "(see page 3)" and "(5-10 mg)" are not. */
static bool is_formula_bracket(str before) {
    size_t at = before.n, depth = 0, run = 0, letters = 0, operators = 0;
    for (uint32_t c; (c = back(before, &at)) != 0 && before.n - at <= BRACKET_MAX_BYTES;) {
        if (c == ')' || c == ']') {
            depth++;
        } else if (c == '(' || c == '[') {
            if (--depth == 0) return letters + operators > 0;
        }
        run = is_letter(c) ? run + 1 : 0;
        if (run > 1) return false;
        letters += is_letter(c);
        operators += c == '+' || c == 0x2212 || c == 0xD7 || c == '/' || c == '*' || c == 0xB7;
    }
    return false;
}

/* ---- raised -------------------------------------------------------------------------------- */

typedef enum {
    AS_IT_IS,
    AS_POWER,
    AS_NOTE,
    APART, /* raised, behind a space: it may be a power or a note */
    AS_DEGREE
} reading;

/* "C" or "F" that stands alone. */
static bool is_scale(str next) {
    uint32_t c = first_of(next);
    return (c == 'C' || c == 'F') && !is_letter(first_of(str_cut(next, 1, next.n)));
}

/* One or two letters of a chemical element, as behind the mass of an isotope. */
static bool is_element(str next) {
    size_t n = 0;
    while (n < next.n && n < 3 && is_letter((unsigned char)next.p[n])) n++;
    bool upper = n > 0 && next.p[0] >= 'A' && next.p[0] <= 'Z';
    return upper && n <= 2 && (n == 1 || (next.p[1] & 32)) &&
           first_of(str_cut(next, n, n + 1)) < 0x80;
}

static bool has_label(const script_state *s, str t) {
    unsigned n = 0;
    if (t.n == 0 || t.n > 2) return false;
    for (size_t i = 0; i < t.n; i++) n = 10 * n + (unsigned)(t.p[i] - '0');
    return n < 64 && (s->labels >> n & 1);
}

static bool is_currency(uint32_t c) {
    return c == '$' || (c >= 0xA2 && c <= 0xA5) || (c >= 0x20A0 && c <= 0x20BF);
}

/* "$19" and two raised digits, or with the sign behind them: the small part of a price. */
static bool is_price(str before, size_t base_n, str t, str next) {
    str front = str_trim(str_cut(before, 0, before.n - base_n));
    return t.n == 2 && (is_currency(last_of(front)) || is_currency(first_of(str_trim(next))));
}

static reading read_number_behind_digit(const script_state *s, str before, str t, str next) {
    str base = number_before(before);
    uint32_t op = operator_before(before, before.n - base.n);
    bool ten = str_eq(base, STR("10")), one = str_eq(t, STR("1"));
    bool times = op == 0xD7 || op == 0xB7 || op == '*' || op == 0x22C5 ||
                 is_letter_times(before, before.n - base.n);
    if ((t.p[0] == '0') && t.n == 1 && is_scale(next)) return AS_DEGREE;
    if (is_price(before, base.n, t, next)) return APART;
    if (ten && times) return AS_POWER;
    bool formula = (op != 0 || is_operator_ahead(next)) && !one && t.n == 1 && base.n <= 3;
    if (formula) return AS_POWER;
    if (has_label(s, t)) return ten ? APART : AS_NOTE;
    /* "3" and a raised 10: few documents have so many notes without saying so */
    bool large = base.n == 1 && t.n == 2;
    return ten || large || (str_eq(base, STR("2")) && !one) ? AS_POWER : APART;
}

/* "E = mc" in front of a 2 or 3: one or two letters behind a sign of arithmetic, no word. */
static bool is_product(str before, str word, str t) {
    bool small = str_eq(t, STR("2")) || str_eq(t, STR("3"));
    return small && count_chars(word) == 2 && operator_before(before, before.n - word.n) != 0;
}

static reading read_number_behind_letters(str before, str t) {
    static const char *const powers[] = {
        "cm",      "mm",           "dm",           "km",           "nm", "pm",  "um",  "\u00b5m",
        "\u03bcm", "in",           "ft",           "yd",           "mi", "sec", "min", "sin",
        "cos",     "tan",          "cot",          "log",          "ln", "lg",  "exp", "chi",
        "eta",     "\u0441\u043c", "\u043a\u043c", "\u043c\u043c", NULL};
    str word = letters_before(before);
    if (count_chars(word) == 1 || is_product(before, word, t)) return AS_POWER;
    return t.n <= 2 && !str_eq(t, STR("1")) && is_one_of(word, powers) ? AS_POWER : AS_NOTE;
}

/* A number behind nothing: a note begins with its mark, an isotope with its mass. */
static reading read_number_behind_space(str before, str next) {
    size_t at = before.n;
    uint32_t c;
    do c = back(before, &at);
    while (is_space(c));
    return is_digit(c) || is_element(next) ? AS_POWER : AS_NOTE;
}

static reading read_number(const script_state *s, str before, str t, bool sign, str next) {
    uint32_t c = last_of(before);
    if (is_script_char(c) || sign) return AS_POWER;
    if (is_digit(c)) return read_number_behind_digit(s, before, t, next);
    if (is_letter(c)) return read_number_behind_letters(before, t);
    if (c == 0 || is_space(c)) return read_number_behind_space(before, next);
    if (c == ')' || c == ']') return is_formula_bracket(before) ? AS_POWER : AS_NOTE;
    return AS_NOTE;
}

/* "st" of "1st" goes with its number, "n" is a power, "b" the mark of a note under a table. */
static reading read_letters(str before, str t, str next) {
    uint32_t c = last_of(before);
    bool alone = t.n == 1;
    bool power = alone && strchr("nxyzkmtijpqT", t.p[0]);
    bool mark = alone && strchr("abcdfg", t.p[0]) && !is_letter(first_of(next));
    if (is_digit(c) && alone && (t.p[0] | 32) == 'o' && is_scale(next)) return AS_DEGREE;
    if (is_digit(c)) return power ? AS_POWER : mark ? AS_NOTE : AS_IT_IS;
    if (is_letter(c)) {
        size_t letters = count_chars(letters_before(before));
        return power && letters == 1 ? AS_POWER : mark && letters > 3 ? AS_NOTE : AS_IT_IS;
    }
    if (c == ')' && power) return AS_POWER;
    return mark && c != 0 && !is_space(c) ? AS_NOTE : AS_IT_IS;
}

static reading read_formula(str before, str t) {
    uint32_t c = last_of(before);
    if (t.p[0] == '(' || t.p[0] == '[') return AS_IT_IS;
    if (is_digit(c) || c == ')') return AS_POWER;
    if (!is_letter(c)) return AS_IT_IS;
    if (count_chars(letters_before(before)) == 1) return AS_POWER;
    return is_digit(first_of(t)) ? AS_NOTE : AS_IT_IS;
}

static bool is_fraction_behind(str before) {
    uint32_t c = last_of(before);
    bool ten = str_eq(number_before(before), STR("10"));
    return c == 0 || is_space(c) || (is_digit(c) && !ten);
}

static reading read_raised(const script_state *s, str before, str t, piece p, str next) {
    uint32_t c = last_of(before);
    if (p.kind == PIECE_NUMBER && !p.sign && s->note) return AS_NOTE;
    switch (p.kind) {
    case PIECE_NUMBER:
        return read_number(s, before, t, p.sign, next);
    case PIECE_MARKS:
        return AS_NOTE;
    case PIECE_FRACTION:
        return AS_POWER;
    case PIECE_LETTERS:
        return read_letters(before, t, next);
    case PIECE_FORMULA:
        return read_formula(before, t);
    case PIECE_OTHER:
        break;
    }
    /* "see 4" behind a number must not run into it; "[3]" and "*" cannot */
    return is_digit(c) && is_digit(first_of(t)) ? AS_NOTE : AS_IT_IS;
}

/* "2", a raised "1", and "/2" of the line itself. */
static bool is_upper_half(str next) {
    size_t used = 0;
    return next.n > 1 && is_stroke(utf8_next(next.p, next.n, &used)) &&
           is_digit(first_of(str_cut(next, used, next.n)));
}

static void put_note(text *to, str t, str next) {
    if (t.p[t.n - 1] == ')' && t.p[0] != '(') t = str_cut(t, 0, t.n - 1);
    put_space_before(to);
    text_put_char(to, '[');
    text_put(to, t);
    text_put_char(to, ']');
    put_space_after(to, next);
}

static void put_raised(script_state *s, text *to, str t, str next) {
    piece p = piece_of(t);
    str before = text_str(to);
    if (p.kind == PIECE_FRACTION && is_fraction_behind(before)) {
        put_mixed(to, str_cut(t, 0, p.stroke), str_cut(t, p.stroke + p.stroke_n, t.n));
        return;
    }
    if (p.kind == PIECE_NUMBER && !p.sign && is_upper_half(next)) {
        if (is_digit(last_of(before))) text_put_char(to, ' ');
        text_put(to, t);
        return;
    }
    reading r = read_raised(s, before, t, p, next);
    s->upper_at = to->n;
    if (r == AS_DEGREE) {
        text_put(to, STR("\u00b0"));
    } else if (r == AS_NOTE) {
        put_note(to, t, next);
    } else if (r == APART) {
        put_space_before(to);
        script_put_power(to, t);
        put_space_after(to, next);
    } else if (r == AS_POWER) {
        script_put_power(to, t);
    } else {
        text_put(to, t);
    }
    s->upper_n = p.kind == PIECE_NUMBER && !p.sign && t.n <= sizeof s->upper ? t.n : 0;
    memcpy(s->upper, t.p, s->upper_n);
    s->upper_end = to->n;
}

/* ---- lowered ------------------------------------------------------------------------------- */

/* Whether `to` ends with a raised number and a stroke. */
static bool ends_with_upper_half(const script_state *s, const text *to) {
    size_t used = 0;
    if (s->upper_n == 0 || s->upper_end >= to->n) return false;
    uint32_t c = utf8_next(to->p + s->upper_end, to->n - s->upper_end, &used);
    return is_stroke(c) && s->upper_end + used == to->n;
}

/* Letters and digits alone. */
static bool is_word(str t) {
    size_t used;
    for (size_t i = 0; i < t.n; i += used) {
        uint32_t c = utf8_next(t.p + i, t.n - i, &used);
        if (!is_letter(c) && !is_digit(c)) return false;
    }
    return true;
}

static void put_lowered(script_state *s, text *to, str t) {
    piece p = piece_of(t);
    if (p.kind == PIECE_NUMBER && !p.sign && ends_with_upper_half(s, to)) {
        text_cut(to, s->upper_at);
        put_mixed(to, (str){s->upper, s->upper_n}, t);
        return;
    }
    uint32_t c = last_of(text_str(to));
    bool glued = is_digit(c) && is_digit(first_of(t));
    bool formula = p.kind == PIECE_FORMULA && (is_letter(c) || is_digit(c)) && !is_word(t);
    if (p.kind == PIECE_NUMBER)
        script_put_index(to, t);
    else if (glued || formula)
        put_behind_mark(to, '_', t);
    else
        text_put(to, t);
}

/* ---- the line ------------------------------------------------------------------------------ */

void script_flush(script_state *s, text *to, str next) {
    str all = text_str(&s->held), t = str_trim(all);
    script_level level = s->level;
    s->level = SCRIPT_BASE;
    if (level == SCRIPT_BASE || all.n == 0) return;
    size_t lead = t.n > 0 ? (size_t)(t.p - all.p) : all.n;
    text_put(to, str_cut(all, 0, lead));
    if (t.n > PIECE_MAX_BYTES)
        text_put(to, t);
    else if (t.n > 0 && level == SCRIPT_RAISED)
        put_raised(s, to, t, lead + t.n < all.n ? STR(" ") : next);
    else if (t.n > 0)
        put_lowered(s, to, t);
    text_put(to, str_cut(all, lead + t.n, all.n));
    text_clear(&s->held);
    s->note = false;
}

void script_put(script_state *s, text *to, str t, script_level level, bool note) {
    if (s->level != level && s->level != SCRIPT_BASE) script_flush(s, to, t);
    if (level == SCRIPT_BASE) {
        text_put(to, t);
        return;
    }
    s->level = level;
    s->note = s->note || note;
    text_put(&s->held, t);
}

void script_free(script_state *s) {
    text_free(&s->held);
}
