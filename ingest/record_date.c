/* The day that a document says it is of, out of the forms in which documents say it.
 *
 * Owns what counts as a date: a real day between 1900 and 2100, written in full. Years and months
 * alone, "03/04/2024" (whose month that is, nobody can tell) and anything with a time that no clock
 * shows are no dates: what a program left in a field by mistake had better not be told as a fact.
 * A time of day is checked and not kept, and days are compared as they stand, whatever their time
 * zone: who asks how old a manual is asks for no hour.
 *
 * Both sides of the record stream use it: the writer to read a date, the reader to check one.
 */
#include <stdio.h>
#include <string.h>

#include "ingest/record.h"

/* Nothing that Carrel reads was written before, and a later one is a clock gone wrong. */
#define YEAR_FIRST 1900
#define YEAR_LAST 2100

/* What is left of a stated date; `bad` once something else stood there than was wanted. */
typedef struct {
    str s;
    bool bad;
} rest;

static char peek(const rest *r) {
    return r->s.n > 0 ? r->s.p[0] : 0;
}

static bool take_char(rest *r, char c) {
    if (peek(r) != c || c == 0) return false;
    r->s = str_cut(r->s, 1, r->s.n);
    return true;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* A number of `least` to `most` digits, all that stand there. */
static int take_number(rest *r, int least, int most) {
    int value = 0, digits = 0;
    for (; is_digit(peek(r)) && digits < most; digits++) {
        value = value * 10 + (peek(r) - '0');
        r->s = str_cut(r->s, 1, r->s.n);
    }
    if (digits < least) r->bad = true;
    return value;
}

static void take_spaces(rest *r) {
    while (take_char(r, ' ')) {
    }
}

static int days_of(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool is_day(int year, int month, int day) {
    return year >= YEAR_FIRST && year <= YEAR_LAST && month >= 1 && month <= 12 && day >= 1 &&
           day <= days_of(year, month);
}

/* "", "T10:30", " 10:30:00.5 +0100": what may stand behind a day. */
static void take_time(rest *r) {
    if (r->s.n == 0) return;
    if (!take_char(r, 'T') && !take_char(r, 't') && !take_char(r, ' ')) r->bad = true;
    take_spaces(r);
    int hour = take_number(r, 2, 2), minute = 0, second = 0;
    if (take_char(r, ':'))
        minute = take_number(r, 2, 2);
    else
        r->bad = true;
    if (take_char(r, ':')) {
        second = take_number(r, 2, 2);
        if (take_char(r, '.') || take_char(r, ',')) (void)take_number(r, 1, 9);
    }
    /* 24:00 is midnight, and a leap second the sixty-first of its minute. */
    if (hour > 24 || (hour == 24 && minute + second > 0) || minute > 59 || second > 60)
        r->bad = true;
    take_spaces(r);
    if (take_char(r, 'Z') || take_char(r, 'z')) return;
    if (str_eq(r->s, STR("GMT")) || str_eq(r->s, STR("UTC"))) {
        r->s = (str){0};
        return;
    }
    if (!take_char(r, '+') && !take_char(r, '-')) return;
    if (take_number(r, 2, 2) > 23) r->bad = true;
    (void)take_char(r, ':');
    if (is_digit(peek(r)) && take_number(r, 2, 2) > 59) r->bad = true;
}

/* "2024-03-01", "20240301", with a time behind it or not. */
static bool read_iso(str s, int *year, int *month, int *day) {
    rest r = {.s = s};
    *year = take_number(&r, 4, 4);
    bool dashes = take_char(&r, '-');
    *month = take_number(&r, 2, 2);
    if (dashes && !take_char(&r, '-')) r.bad = true;
    *day = take_number(&r, 2, 2);
    take_time(&r);
    return !r.bad && r.s.n == 0;
}

/* "Fri, 01 Mar 2024 10:30:00 GMT", as servers and mail programs write it. */
static bool read_mail(str s, int *year, int *month, int *day) {
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    rest r = {.s = s};
    if (s.n > 4 && s.p[3] == ',') r.s = str_cut(s, 4, s.n);
    take_spaces(&r);
    *day = take_number(&r, 1, 2);
    take_spaces(&r);
    *month = 0;
    for (int i = 0; i < 12; i++)
        if (str_eq_nocase(str_cut(r.s, 0, 3), (str){names + 3 * i, 3})) *month = i + 1;
    if (*month == 0) return false;
    r.s = str_cut(r.s, 3, r.s.n);
    take_spaces(&r);
    *year = take_number(&r, 4, 4);
    take_time(&r);
    return !r.bad && r.s.n == 0;
}

bool record_date_read(str stated, char out[RECORD_DATE_BYTES + 1]) {
    int year, month, day;
    str s = str_trim(stated);
    if (!read_iso(s, &year, &month, &day) && !read_mail(s, &year, &month, &day)) return false;
    if (!is_day(year, month, day)) return false;
    snprintf(out, RECORD_DATE_BYTES + 1, "%04u-%02u-%02u", (unsigned)year % 10000u,
             (unsigned)month % 100u, (unsigned)day % 100u);
    return true;
}

bool record_date_later(str stated, char kept[RECORD_DATE_BYTES + 1]) {
    char now[RECORD_DATE_BYTES + 1];
    if (!record_date_read(stated, now)) return false;
    if (strcmp(now, kept) > 0) memcpy(kept, now, sizeof now);
    return true;
}

bool record_date_valid(str s) {
    char same[RECORD_DATE_BYTES + 1];
    return s.n == RECORD_DATE_BYTES && record_date_read(s, same) && str_eq(s, str_of(same));
}
