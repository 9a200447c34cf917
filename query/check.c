/* A sentence that a model wrote is shown as true only when a passage bears it out, word by word:
 *   numbers      each value in the sentence stands in the passage, with the same unit behind it; a
 *                power ("10⁵") or a fraction ("2½") is part of the value, and 10⁵ is not 10 or 105;
 *   identifiers  words with digits in them ("E24", "A-113") stand there as they are;
 *   denial       the sentence says no or not as often, modulo two, as the sentence it rests on;
 *   words        most of its content words stand there (by stem).
 * This is deliberately strict: a true paraphrase that is marked costs a look at the page; a wrong
 * dose that is not marked may cost more. Nothing is taken from the model's own claim of support.
 */
#include "query/check.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_NEEDED 0.7 /* share of a sentence's content words that must stand in its passage */
#define MOST_NUMBERS 64  /* in one sentence; a longer list is refused rather than half checked */
#define LONGEST_NUMBER 40
#define MOST_POWER 400 /* beyond what a double holds */
#define MOST_CITED 8

/* ---- numbers ------------------------------------------------------------------------------ */

typedef struct {
    double value;
    str unit;  /* canonical, empty for none */
    str shown; /* as it stands */
} quantity;

/* The same unit in several spellings; the first is canonical. Anything else behind a number is a
 * word of the sentence and no unit. */
static const char *const units[][6] = {
    {"mg", "milligram", "milligrams"},
    {"g", "gram", "grams", "gm"},
    {"kg", "kilogram", "kilograms"},
    {"\xC2\xB5g", "mcg", "\xCE\xBCg", "ug", "microgram", "micrograms"},
    {"ml", "millilitre", "millilitres", "milliliter", "milliliters"},
    {"l", "litre", "litres", "liter", "liters"},
    {"%", "percent", "per cent"},
    {"iu", "units", "unit"},
    {"mmol"},
    {"mg/kg"},
    {"mg/l"},
    {"mg/ml"},
    {"ml/kg"},
    {"mg/m\xC2\xB2", "mg/m2", "mg/m^2"},
    {"kg/m\xC2\xB2", "kg/m2", "kg/m^2"},
    {"m\xC2\xB2", "m2", "m^2", "sqm"},
    {"m\xC2\xB3", "m3", "m^3"},
    {"cm\xC2\xB2", "cm2", "cm^2"},
    {"cm\xC2\xB3", "cm3", "cm^3", "cc"},
    {"mm\xC2\xB2", "mm2", "mm^2"},
    {"mm\xC2\xB3", "mm3", "mm^3"},
    {"km\xC2\xB2", "km2", "km^2"},
    {"mmhg"},
    {"second", "seconds", "s", "sec"},
    {"minute", "minutes", "min", "mins"},
    {"hour", "hours", "h", "hr", "hrs"},
    {"day", "days"},
    {"week", "weeks"},
    {"month", "months"},
    {"year", "years"},
    {"mm"},
    {"cm"},
    {"m", "metre", "metres", "meter", "meters"},
    {"km", "kilometre", "kilometres", "kilometers"},
    {"inch", "inches", "in"},
    {"ft", "feet", "foot"},
    {"\xC2\xB0"
     "c",
     "\xE2\x84\x83", "celsius"},
    {"\xC2\xB0"
     "f",
     "fahrenheit"},
    {"bar"},
    {"psi"},
    {"pa"},
    {"kpa"},
    {"mpa"},
    {"nm"},
    {"rpm"},
    {"v", "volt", "volts"},
    {"a", "amp", "amps", "ampere"},
    {"w", "watt", "watts"},
    {"kw"},
    {"kwh"},
    {"hz"},
    {"khz"},
    {"mhz"},
    {"db"},
    {"ppm"},
    {"eur", "euro", "euros", "\xE2\x82\xAC"},
    {"usd", "dollars", "dollar", "$"},
    {"gbp", "pounds", "\xC2\xA3"},
    {"million"},
    {"billion"},
    {"thousand"},
    {"tablet", "tablets"},
    {"dose", "doses"},
};

static str canonical_unit(str word) {
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        for (size_t k = 0; k < 6 && units[i][k]; k++)
            if (str_eq_nocase(word, str_of(units[i][k]))) return str_of(units[i][0]);
    return (str){0};
}

static bool is_unit_byte(char c) {
    return isalpha((unsigned char)c) || (c & 0x80) || c == '%' || c == '/' || c == '$';
}

/* The value of a raised digit; -1: it is none. */
static int raised_digit(uint32_t c) {
    if (c == 0xB9) return 1;
    if (c == 0xB2 || c == 0xB3) return (int)(c - 0xB0);
    return c == 0x2070 || (c >= 0x2074 && c <= 0x2079) ? (int)(c - 0x2070) : -1;
}

/* Raised digits, digits and "^" are part of a unit: "kg/m²", "kg/m2", "kg/m^2". */
static size_t unit_end(str s, size_t i) {
    while (i < s.n && (is_unit_byte(s.p[i]) || s.p[i] == '^')) i++;
    bool digit = i < s.n && (s.p[i] == '2' || s.p[i] == '3');
    bool goes_on = i + 1 < s.n && isalnum((unsigned char)s.p[i + 1]);
    return digit && !goes_on ? i + 1 : i;
}

/* The unit right behind position i, at most one space away. */
static str unit_at(str s, size_t i) {
    if (i < s.n && (s.p[i] == ' ' || s.p[i] == '-')) i++;
    size_t end = unit_end(s, i);
    str word = str_cut(s, i, end);
    str unit = canonical_unit(word);
    size_t slash = str_find(word, STR("/"), 0);
    if (unit.n == 0 && slash != SIZE_MAX) unit = canonical_unit(str_cut(word, 0, slash));
    return unit;
}

static str sign_before(str s, size_t i) {
    if (i > 0 && s.p[i - 1] == '$') return STR("usd");
    if (i > 2 && memcmp(s.p + i - 3, "\xE2\x82\xAC", 3) == 0) return STR("eur");
    if (i > 1 && memcmp(s.p + i - 2, "\xC2\xA3", 2) == 0) return STR("gbp");
    return (str){0};
}

static bool is_word_byte(char c) {
    return isalnum((unsigned char)c) || (c & 0x80);
}

/* Digits with . or , between them, from i; its end. A comma before three digits groups thousands,
 * any other comma is a decimal one. */
static size_t read_number(str s, size_t i, double *value) {
    char digits[LONGEST_NUMBER + 1];
    size_t n = 0, at = i;
    while (at < s.n && n < LONGEST_NUMBER) {
        char c = s.p[at];
        bool mark = (c == '.' || c == ',') && at + 1 < s.n && isdigit((unsigned char)s.p[at + 1]);
        if (!isdigit((unsigned char)c) && !mark) break;
        size_t run = 1;
        while (mark && at + run < s.n && isdigit((unsigned char)s.p[at + run])) run++;
        if (!(c == ',' && run == 4)) digits[n++] = c == ',' ? '.' : c;
        at++;
    }
    digits[n] = '\0';
    *value = strtod(digits, NULL);
    return at;
}

/* The power behind a number: "⁵", "⁻³", "^5", "^-3". i when there is none. */
static size_t read_power(str s, size_t i, double *power) {
    size_t at = i, used;
    bool caret = at < s.n && s.p[at] == '^', minus = false, any = false;
    if (caret) at++;
    *power = 0;
    while (at < s.n) {
        uint32_t c = utf8_next(s.p + at, s.n - at, &used);
        int digit = caret ? (c >= '0' && c <= '9' ? (int)(c - '0') : -1) : raised_digit(c);
        bool sign = caret ? c == '-' || c == 0x2212 : c == 0x207B;
        if (digit < 0 && !(sign && !any && !minus)) break;
        if (digit >= 0) *power = fmin(10 * *power + digit, MOST_POWER);
        any = any || digit >= 0;
        minus = minus || sign;
        at += used;
    }
    if (minus) *power = -*power;
    return any ? at : i;
}

/* "½" and the like; i when there is none. */
static size_t read_fraction(str s, size_t i, double *value) {
    static const struct {
        uint32_t sign;
        double above, below;
    } known[] = {{0xBC, 1, 4},   {0xBD, 1, 2},   {0xBE, 3, 4},   {0x2153, 1, 3}, {0x2154, 2, 3},
                 {0x2155, 1, 5}, {0x2156, 2, 5}, {0x2157, 3, 5}, {0x2158, 4, 5}, {0x2159, 1, 6},
                 {0x215A, 5, 6}, {0x215B, 1, 8}, {0x215C, 3, 8}, {0x215D, 5, 8}, {0x215E, 7, 8}};
    size_t used;
    if (i >= s.n || !(s.p[i] & 0x80)) return i;
    uint32_t c = utf8_next(s.p + i, s.n - i, &used);
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (known[k].sign == c) {
            *value += known[k].above / known[k].below;
            return i + used;
        }
    return i;
}

/* A number with its power or its fraction, or a fraction alone; i when there is none. */
static size_t read_value(str s, size_t i, double *value) {
    size_t at = i;
    double power;
    *value = 0;
    if (isdigit((unsigned char)s.p[i])) at = read_number(s, i, value);
    size_t end = read_fraction(s, at, value);
    if (end == at && at > i) {
        end = read_power(s, at, &power);
        if (end > at) *value = pow(*value, power);
        if (!isfinite(*value)) *value = NAN; /* equal to nothing */
    }
    return end;
}

static size_t read_quantities(str s, quantity *out, size_t limit) {
    size_t count = 0;
    for (size_t i = 0; i < s.n;) {
        quantity q = {0};
        size_t end = read_value(s, i, &q.value);
        if (end == i) {
            i++;
            continue;
        }
        q.unit = unit_at(s, end);
        if (q.unit.n == 0) q.unit = sign_before(s, i);
        q.shown = str_cut(s, i, end);
        if (count < limit) out[count] = q;
        count++;
        i = end;
        /* the 2 of "m2" is no number */
        size_t behind = i + (i < s.n && (s.p[i] == ' ' || s.p[i] == '-'));
        size_t past = unit_end(s, behind);
        if (q.unit.n > 0 && past > behind && isdigit((unsigned char)s.p[past - 1])) i = past;
    }
    return count;
}

/* Small numbers are often written as words on one side only. "One" is left out: it is an article
 * more often than a count. */
static double number_word(str w) {
    static const char *const words[] = {"two",   "three", "four", "five",   "six",   "seven",
                                        "eight", "nine",  "ten",  "eleven", "twelve"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_eq_nocase(w, str_of(words[i]))) return (double)(i + 2);
    return -1;
}

/* ---- words -------------------------------------------------------------------------------- */

/* Walks runs of word bytes. */
static bool next_word(str s, size_t *pos, str *out) {
    while (*pos < s.n && !is_word_byte(s.p[*pos])) (*pos)++;
    size_t begin = *pos;
    while (*pos < s.n && (is_word_byte(s.p[*pos]) || s.p[*pos] == '\'')) (*pos)++;
    *out = str_cut(s, begin, *pos);
    return out->n > 0;
}

/* The next character: ASCII letters lower, raised and lowered digits plain. */
static uint32_t next_folded(str s, size_t *at) {
    size_t used;
    uint32_t c = utf8_next(s.p + *at, s.n - *at, &used);
    *at += used;
    if (c < 0x80) return (uint32_t)tolower((int)c);
    if (c >= 0x2080 && c <= 0x2089) return '0' + (c - 0x2080);
    int digit = raised_digit(c);
    return digit >= 0 ? (uint32_t)('0' + digit) : c;
}

/* "CO2" is "CO₂", "m2" is "m²". */
static bool is_same_word(str a, str b) {
    size_t i = 0, k = 0;
    while (i < a.n && k < b.n)
        if (next_folded(a, &i) != next_folded(b, &k)) return false;
    return i == a.n && k == b.n;
}

static bool has_word(str s, str wanted) {
    size_t pos = 0;
    str w;
    while (next_word(s, &pos, &w))
        if (is_same_word(w, wanted)) return true;
    return false;
}

static bool is_identifier(str w) {
    bool digit = false, letter = false;
    for (size_t i = 0; i < w.n; i++) {
        digit |= isdigit((unsigned char)w.p[i]) != 0;
        letter |= isalpha((unsigned char)w.p[i]) != 0;
    }
    return digit && letter;
}

static int count_denials(str s) {
    static const char *const denials[] = {"not", "no",   "never",  "without", "neither",
                                          "nor", "none", "cannot", "nothing"};
    int count = 0;
    size_t pos = 0;
    str w;
    while (next_word(s, &pos, &w)) {
        for (size_t i = 0; i < sizeof denials / sizeof *denials; i++)
            if (str_eq_nocase(w, str_of(denials[i]))) count++;
        if (w.n > 3 && str_eq_nocase(str_cut(w, w.n - 3, w.n), STR("n't"))) count++;
    }
    return count;
}

static bool stands_in(const quantity *wanted, str evidence, const quantity *given, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (given[i].value == wanted->value && str_eq(given[i].unit, wanted->unit)) return true;
    size_t pos = 0;
    str w;
    while (next_word(evidence, &pos, &w))
        if (number_word(w) == wanted->value && str_eq(unit_at(evidence, pos), wanted->unit))
            return true;
    return false;
}

static str unsupported_number(str claim, str evidence, arena *a) {
    quantity wanted[MOST_NUMBERS];
    size_t n = read_quantities(claim, wanted, MOST_NUMBERS);
    if (n > MOST_NUMBERS) return STR("it has more numbers than can be checked");
    size_t given_n = read_quantities(evidence, NULL, 0);
    quantity *given = arena_alloc(a, given_n, sizeof *given);
    read_quantities(evidence, given, given_n);
    for (size_t i = 0; i < n; i++)
        if (!stands_in(&wanted[i], evidence, given, given_n))
            return arena_printf(a, "\"" STR_FMT "%s" STR_FMT "\" does not stand in the passage",
                                STR_ARG(wanted[i].shown), wanted[i].unit.n > 0 ? " " : "",
                                STR_ARG(wanted[i].unit));
    size_t pos = 0;
    str w;
    while (next_word(claim, &pos, &w)) {
        quantity spelled = {number_word(w), unit_at(claim, pos), w};
        if (spelled.value > 0 && !stands_in(&spelled, evidence, given, given_n))
            return arena_printf(a, "\"" STR_FMT "\" does not stand in the passage", STR_ARG(w));
        if (is_identifier(w) && !isdigit((unsigned char)w.p[0]) && !has_word(evidence, w))
            return arena_printf(a, "\"" STR_FMT "\" does not stand in the passage", STR_ARG(w));
    }
    return (str){0};
}

static double word_share(str claim, str evidence, arena *a) {
    index_word *said, *given;
    size_t said_n, given_n, content = 0, found = 0;
    index_words(claim, (str){0}, a, &said, &said_n);
    index_words(evidence, (str){0}, a, &given, &given_n);
    for (size_t i = 0; i < said_n; i++) {
        if (said[i].stop) continue;
        content++;
        for (size_t k = 0; k < given_n; k++)
            if (str_eq(said[i].stem, given[k].stem)) {
                found++;
                break;
            }
    }
    return content > 0 ? (double)found / (double)content : 0;
}

str query_unsupported(str claim, str evidence, str quote, arena *a) {
    str reason = unsupported_number(claim, evidence, a);
    if (reason.n > 0) return reason;
    if (count_denials(claim) % 2 != count_denials(quote) % 2)
        return STR("it says no where the passage says yes, or the other way round");
    if (word_share(claim, evidence, a) < WORDS_NEEDED)
        return STR("too few of its words stand in the passage");
    return (str){0};
}

/* ---- one sentence ------------------------------------------------------------------------- */

/* Copies s without its "[n]" marks; the numbers that name a passage go to cited. */
static str take_marks(str s, size_t passages, size_t *cited, size_t *count, arena *a) {
    text clean = {0};
    *count = 0;
    for (size_t i = 0; i < s.n;) {
        size_t end = i + 1;
        while (end < s.n && isdigit((unsigned char)s.p[end])) end++;
        if (s.p[i] == '[' && end > i + 1 && end < s.n && s.p[end] == ']') {
            size_t number = end - i <= 4 ? (size_t)strtoul(s.p + i + 1, NULL, 10) : 0;
            if (number >= 1 && number <= passages && *count < MOST_CITED)
                cited[(*count)++] = number - 1;
            while (clean.n > 0 && clean.p[clean.n - 1] == ' ') text_cut(&clean, clean.n - 1);
            i = end + 1;
        } else {
            text_put_char(&clean, s.p[i++]);
        }
    }
    str kept = arena_str(a, str_trim(text_str(&clean)));
    text_free(&clean);
    return kept;
}

/* The sentence of the passage that shares most words with the claim. */
static void best_sentence(str claim, const query_passage *p, arena *a, uint32_t *begin,
                          uint32_t *end) {
    str all = p->source.chunk.text;
    size_t pos = 0, b, e;
    double best = -1;
    *begin = *end = 0;
    while (sentence_next(all, &pos, &b, &e)) {
        double share = word_share(claim, str_cut(all, b, e), a);
        if (share <= best) continue;
        best = share;
        *begin = (uint32_t)b;
        *end = (uint32_t)e;
    }
}

bool query_check_sentence(const query_job *job, str written, const query_passage *const *told,
                          size_t told_count, query_sentence *out, error *err) {
    size_t cited[MOST_CITED], count;
    *out = (query_sentence){.reason = STR("it names no passage, and none bears it out")};
    out->text = take_marks(written, told_count, cited, &count, job->a);
    bool named = count > 0;
    size_t tries = named ? count : told_count;
    for (size_t i = 0; i < tries; i++) {
        const query_passage *p = told[named ? cited[i] : i];
        const index_chunk *c = &p->source.chunk;
        uint32_t begin, end;
        best_sentence(out->text, p, job->a, &begin, &end);
        str evidence = arena_printf(job->a, STR_FMT "\n" STR_FMT "\n" STR_FMT, STR_ARG(c->title),
                                    STR_ARG(c->heading), STR_ARG(c->text));
        str reason = query_unsupported(out->text, evidence, str_cut(c->text, begin, end), job->a);
        if (reason.n > 0 && !named) continue;
        query_citation *citation = arena_alloc(job->a, 1, sizeof *citation);
        if (!query_cite(job->q, p, begin, end, job->a, citation, err)) return false;
        out->citations = citation;
        out->citation_count = 1;
        out->reason = reason;
        out->verified = reason.n == 0;
        if (out->verified) return true;
    }
    return true;
}
