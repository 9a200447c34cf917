/* Number formats of sheets (ECMA-376 part 1, 18.8.31): codes become text.
 *
 * Owns what most sheets use: sections for negative and zero, digits, thousands, percent, exponents,
 * literals, currencies, dates, times, elapsed hours. Fractions and conditions are shown as general
 * numbers. The two formats that Excel shows by the reader's country (14, 22) become ISO dates,
 * which nobody can misread. Months and days have English names: the file holds none.
 */
#include "ingest/parse/office/number_format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Days that Excel itself can show: up to the year 9999. */
#define DAYS_MAX 2958466.0
#define DECIMALS_MAX 30
/* Of the digits of a code; literals are looked for in no longer one. */
#define DIGITS_MAX_BYTES 64
/* Day 1 is 1900-01-01; day 60 is a 29 February 1900 that only Excel has seen. Day 0 of the other
 * count is 1904-01-01. */
#define DAYS_1904 1462

str number_builtin_format(long id) {
    static const struct {
        int id;
        const char *code;
    } known[] = {
        {1, "0"},
        {2, "0.00"},
        {3, "#,##0"},
        {4, "#,##0.00"},
        {9, "0%"},
        {10, "0.00%"},
        {11, "0.00E+00"},
        {14, "yyyy-mm-dd"},
        {15, "d-mmm-yy"},
        {16, "d-mmm"},
        {17, "mmm-yy"},
        {18, "h:mm AM/PM"},
        {19, "h:mm:ss AM/PM"},
        {20, "h:mm"},
        {21, "h:mm:ss"},
        {22, "yyyy-mm-dd h:mm"},
        {37, "#,##0;(#,##0)"},
        {38, "#,##0;(#,##0)"},
        {39, "#,##0.00;(#,##0.00)"},
        {40, "#,##0.00;(#,##0.00)"},
        {45, "mm:ss"},
        {46, "[h]:mm:ss"},
        {47, "mm:ss.0"},
        {48, "##0.0E+0"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].id == id) return str_of(known[i].code);
    return (str){0};
}

void number_put_general(text *out, double v) {
    if (fabs(v) < 1e15 && v == floor(v))
        text_printf(out, "%.0f", v == 0 ? 0.0 : v);
    else
        text_printf(out, "%.11g", v);
}

/* ---- the code ------------------------------------------------------------------------------ */

/* Behind a literal that begins at i: quoted, escaped, a space of a sign's width, a fill. */
static size_t skip_literal(str code, size_t i) {
    char c = code.p[i];
    if (c == '"') {
        size_t end = str_find(code, STR("\""), i + 1);
        return end == SIZE_MAX ? code.n : end + 1;
    }
    if ((c == '\\' || c == '_' || c == '*') && i + 1 < code.n) {
        size_t used;
        utf8_next(code.p + i + 1, code.n - i - 1, &used);
        return i + 1 + used;
    }
    if (c == '[') {
        size_t end = str_find(code, STR("]"), i);
        return end == SIZE_MAX ? code.n : end + 1;
    }
    return i;
}

static void put_literal(text *out, str code, size_t begin, size_t end) {
    char c = code.p[begin];
    if (c == '"' && end > begin + 1)
        text_put(out, str_cut(code, begin + 1, code.p[end - 1] == '"' ? end - 1 : end));
    else if (c == '\\')
        text_put(out, str_cut(code, begin + 1, end));
    else if (c == '_')
        text_put_char(out, ' ');
    else if (c == '[' && begin + 1 < end && code.p[begin + 1] == '$') { /* [$€-407] */
        size_t stop = begin + 2;
        while (stop + 1 < end && code.p[stop] != '-') stop++;
        text_put(out, str_cut(code, begin + 2, stop));
    }
}

/* Section k of the code: parted by ";". False where there are fewer. */
static bool find_section(str code, int k, str *out) {
    size_t begin = 0;
    for (size_t i = 0; i <= code.n;) {
        if (i == code.n || code.p[i] == ';') {
            if (k-- == 0) {
                *out = str_cut(code, begin, i);
                return true;
            }
            begin = ++i;
            continue;
        }
        size_t next = skip_literal(code, i);
        i = next > i ? next : i + 1;
    }
    return false;
}

static bool is_elapsed(str bracket) {
    return bracket.n >= 3 && strchr("hHmMsS", bracket.p[1]) &&
           bracket.p[1] == bracket.p[bracket.n - 2];
}

bool number_is_date(str code) {
    str section;
    if (!find_section(code, 0, &section)) return false;
    for (size_t i = 0; i < section.n;) {
        size_t next = skip_literal(section, i);
        if (next > i) {
            if (section.p[i] == '[' && is_elapsed(str_cut(section, i, next))) return true;
            i = next;
            continue;
        }
        if (strchr("yYdDhHsS", section.p[i])) return true;
        if (section.p[i] == 'm' || section.p[i] == 'M') return true;
        if (str_starts(str_cut(section, i, section.n), STR("General"))) return false;
        i++;
    }
    return false;
}

/* ---- dates --------------------------------------------------------------------------------- */

typedef struct {
    int year, month, day, weekday, hour, minute, second;
    double days;     /* with the time of day, for elapsed hours */
    double fraction; /* of a second */
} moment;

static int days_of_year(int year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 366 : 365;
}

static int days_of_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 ? days_of_year(year) - 337 : days[month - 1];
}

/* `days` counts from 1900-01-01, which was a Monday. */
static void set_date(moment *m, long days) {
    m->weekday = (int)((days + 1) % 7);
    m->year = 1900;
    m->month = 1;
    while (days >= days_of_year(m->year)) days -= days_of_year(m->year++);
    while (days >= days_of_month(m->year, m->month)) days -= days_of_month(m->year, m->month++);
    m->day = (int)days + 1;
}

static moment moment_of(double v, bool since_1904) {
    moment m = {.days = v};
    double whole = floor(v), seconds = floor((v - whole) * 86400.0 * 1000 + 0.5) / 1000;
    if (seconds >= 86400) {
        seconds -= 86400;
        whole += 1;
    }
    long days = (long)whole + (since_1904 ? DAYS_1904 : 0);
    if (days > 59) days--; /* behind the day that never was */
    set_date(&m, days > 0 ? days - 1 : 0);
    long s = (long)seconds;
    m.fraction = seconds - (double)s;
    m.hour = (int)(s / 3600);
    m.minute = (int)(s / 60 % 60);
    m.second = (int)(s % 60);
    return m;
}

static void put_month(text *out, const moment *m, size_t n) {
    static const char *const names[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
    const char *name = names[m->month - 1];
    if (n >= 4)
        text_put(out, n == 5 ? str_cut(str_of(name), 0, 1) : str_of(name));
    else if (n == 3)
        text_put(out, str_cut(str_of(name), 0, 3));
    else
        text_printf(out, n == 2 ? "%02d" : "%d", m->month);
}

static void put_day(text *out, const moment *m, size_t n) {
    static const char *const names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};
    if (n >= 3)
        text_put(out,
                 n == 3 ? str_cut(str_of(names[m->weekday]), 0, 3) : str_of(names[m->weekday]));
    else
        text_printf(out, n == 2 ? "%02d" : "%d", m->day);
}

static void put_elapsed(text *out, const moment *m, char unit) {
    double per_day = unit == 'h' ? 24 : unit == 'm' ? 1440 : 86400;
    text_printf(out, "%.0f", floor(m->days * per_day + 1e-6));
}

/* Is the run of m that ends here minutes? Behind hours, or in front of seconds. */
static bool is_minutes(str code, size_t end, char before) {
    if (before == 'h') return true;
    while (end < code.n && (code.p[end] == ':' || code.p[end] == ' ' || code.p[end] == '.')) end++;
    return end < code.n && (code.p[end] == 's' || code.p[end] == 'S');
}

static void put_unit(text *out, str code, size_t i, size_t n, const moment *m, bool half,
                     char *before) {
    char c = code.p[i] >= 'A' && code.p[i] <= 'Z' ? (char)(code.p[i] + 32) : code.p[i];
    int hour = half ? (m->hour + 11) % 12 + 1 : m->hour;
    if (c == 'y')
        text_printf(out, n <= 2 ? "%02d" : "%04d", n <= 2 ? m->year % 100 : m->year);
    else if (c == 'd')
        put_day(out, m, n);
    else if (c == 'h')
        text_printf(out, n >= 2 ? "%02d" : "%d", hour);
    else if (c == 's')
        text_printf(out, n >= 2 ? "%02d" : "%d", m->second);
    else if (is_minutes(code, i + n, *before))
        text_printf(out, n >= 2 ? "%02d" : "%d", m->minute);
    else
        put_month(out, m, n);
    *before = c;
}

static void put_date(text *out, double v, str code, bool since_1904) {
    moment m = moment_of(v, since_1904);
    bool half =
        str_find(code, STR("AM/PM"), 0) != SIZE_MAX || str_find(code, STR("am/pm"), 0) != SIZE_MAX;
    char before = 0;
    for (size_t i = 0; i < code.n;) {
        size_t next = skip_literal(code, i);
        str rest = str_cut(code, i, code.n);
        if (next > i) {
            if (code.p[i] == '[' && is_elapsed(str_cut(code, i, next))) {
                before = (char)(code.p[i + 1] | 32);
                put_elapsed(out, &m, before);
            } else {
                put_literal(out, code, i, next);
            }
            i = next;
        } else if (str_eq_nocase(str_cut(rest, 0, 5), STR("AM/PM"))) {
            text_put(out, m.hour < 12 ? STR("AM") : STR("PM"));
            i += 5;
        } else if (strchr("yYmMdDhHsS", code.p[i])) {
            size_t n = 1;
            while (i + n < code.n && (code.p[i + n] | 32) == (code.p[i] | 32)) n++;
            put_unit(out, code, i, n, &m, half, &before);
            i += n;
        } else if (code.p[i] == '.' && i + 1 < code.n && code.p[i + 1] == '0') {
            size_t n = 1;
            while (i + n < code.n && code.p[i + n] == '0') n++;
            char digits[16];
            snprintf(digits, sizeof digits, "%.*f", n < 4 ? (int)n - 1 : 3, m.fraction);
            text_put(out, str_cut(str_of(digits), 1, 16));
            i += n;
        } else {
            text_put_char(out, code.p[i++]);
        }
    }
}

/* ---- digits -------------------------------------------------------------------------------- */

typedef struct {
    int whole, decimals, least_decimals; /* digits that are always shown, that may be shown */
    int percents, thousands_off;
    bool grouped, exponent, fraction, any;
    size_t begin, end; /* of the digits in the code */
} digits;

static digits digits_of(str code) {
    digits d = {.begin = SIZE_MAX};
    bool point = false;
    for (size_t i = 0; i < code.n;) {
        size_t next = skip_literal(code, i);
        if (next > i) {
            i = next;
            continue;
        }
        char c = code.p[i];
        bool digit = c == '0' || c == '#' || c == '?';
        if (digit || (c == '.' && !point)) {
            if (d.begin == SIZE_MAX) d.begin = i;
            d.end = i + 1;
            d.any = true;
        }
        if (digit && point && !d.exponent && d.decimals < DECIMALS_MAX) {
            d.decimals++;
            if (c == '0') d.least_decimals = d.decimals;
        }
        if (digit && !point && !d.exponent) d.whole += c == '0';
        if (digit) d.thousands_off = 0;
        if (c == ',' && d.any && !point) d.grouped = true;
        if (c == ',' && d.any) d.thousands_off++, d.end = i + 1;
        if (c == '.') point = true;
        if (c == '%') d.percents++;
        if (c == '/' && d.any) d.fraction = true;
        if ((c == 'E' || c == 'e') && i + 1 < code.n &&
            (code.p[i + 1] == '+' || code.p[i + 1] == '-'))
            d.exponent = true, d.any = true;
        i++;
    }
    return d;
}

/* Literals that stand among the digits of the whole number, as in "000-0000": those in front of
 * which `left` digits are still to come. */
static void put_literals_within(text *out, str code, const digits *d, size_t left) {
    size_t behind = 0;
    if (d->end - d->begin > DIGITS_MAX_BYTES) return;
    for (size_t i = d->begin; i < d->end; i++) /* all digits in front of the point */
        behind += code.p[i] == '0' || code.p[i] == '#' || code.p[i] == '?';
    behind -= (size_t)d->decimals;
    bool any = false;
    for (size_t i = d->begin; i < d->end && code.p[i] != '.';) {
        size_t next = skip_literal(code, i);
        bool digit = next == i && (code.p[i] == '0' || code.p[i] == '#' || code.p[i] == '?');
        if (any && behind == left && next > i)
            put_literal(out, code, i, next);
        else if (any && behind == left && !digit && code.p[i] != ',')
            text_put_char(out, code.p[i]);
        behind -= digit && behind > 0;
        any = any || digit;
        i = next > i ? next : i + 1;
    }
}

static void put_digits(text *out, double v, str code, const digits *d) {
    char buffer[400];
    if (d->exponent) {
        text_printf(out, "%.*E", d->decimals, v);
        return;
    }
    int n = snprintf(buffer, sizeof buffer, "%0*.*f",
                     d->whole + (d->decimals ? d->decimals + 1 : 0), d->decimals, v);
    if (n < 0 || (size_t)n >= sizeof buffer) return;
    size_t length = (size_t)n, point = length - (d->decimals ? (size_t)d->decimals + 1 : 0);
    for (int k = d->decimals; k > d->least_decimals && buffer[length - 1] == '0'; k--) length--;
    if (length == point + 1 && d->least_decimals == 0) length = point; /* "5." */
    bool grouped = d->grouped && d->thousands_off == 0;
    for (size_t i = 0; i < length; i++) {
        if (grouped && i > 0 && i < point && (point - i) % 3 == 0) text_put_char(out, ',');
        if (i > 0 && i < point) put_literals_within(out, code, d, point - i);
        text_put_char(out, buffer[i]);
    }
}

static void put_number(text *out, double v, str code, bool sign) {
    digits d = digits_of(code);
    if (d.fraction) {
        number_put_general(out, sign ? -v : v);
        return;
    }
    if (sign) text_put_char(out, '-');
    for (int i = 0; i < d.percents && i < 4; i++) v *= 100;
    for (int i = 0; i < d.thousands_off && i < 4; i++) v /= 1000;
    bool done = false;
    for (size_t i = 0; i < code.n;) {
        size_t next = skip_literal(code, i);
        str rest = str_cut(code, i, code.n);
        if (next > i) {
            put_literal(out, code, i, next);
            i = next;
        } else if (str_eq_nocase(str_cut(rest, 0, 7), STR("General"))) {
            number_put_general(out, v);
            i += 7;
        } else if (d.any && i >= d.begin && i < d.end) {
            if (!done) put_digits(out, v, code, &d);
            done = true;
            i = d.end;
        } else {
            if (code.p[i] != '@') text_put_char(out, code.p[i]);
            i++;
        }
    }
}

void number_put(text *out, double v, str code, bool since_1904) {
    str section = code, second;
    bool sign = v < 0;
    if (code.n == 0 || !isfinite(v) || str_eq_nocase(code, STR("general")) ||
        str_eq(code, STR("@"))) {
        number_put_general(out, v);
        return;
    }
    if (number_is_date(code)) {
        find_section(code, 0, &section);
        if (v >= 0 && v < DAYS_MAX)
            put_date(out, v, section, since_1904);
        else
            number_put_general(out, v);
        return;
    }
    find_section(code, 0, &section);
    if (v < 0 && find_section(code, 1, &second)) {
        section = second;
        sign = false; /* the section says how */
    } else if (v == 0 && find_section(code, 2, &second)) {
        section = second;
    }
    put_number(out, fabs(v), section, sign);
}

bool number_hides_text(str code) {
    str section;
    if (!find_section(code, 3, &section)) return false;
    for (size_t i = 0; i < section.n;) {
        size_t next = skip_literal(section, i);
        if (next == i && section.p[i] == '@') return false;
        if (str_starts(str_cut(section, i, section.n), STR("General"))) return false;
        i = next > i ? next : i + 1;
    }
    return true;
}
