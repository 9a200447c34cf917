/* Where one sentence ends and the next begins.
 *
 * Owns the one definition of a sentence that the whole program has: the chunker cuts by it, the
 * answer is made of it, a citation quotes it. So it must be the same everywhere, need no model
 * and no locale, and never lose a byte that is not white space.
 *
 * A stop ends a sentence unless something speaks against it: a known abbreviation, an initial, a
 * list mark at the start, a small letter after it. A wrong join costs a little length, a wrong
 * cut tears a dose from its drug; in doubt it joins. A line end always ends a sentence, because
 * the chunker has put one between blocks and nowhere else.
 *
 * It never looks back further than one word and never ahead further than a citation, and cuts
 * what runs on past SENTENCE_MAX_BYTES, so that hostile input costs linear time.
 */
#include "base/base.h"

#include <string.h>

/* A sentence longer than this is a list or a table that lost its line ends; 1200 bytes are about
 * 200 words, already more than a chunk should hold of one thought. */
#define SENTENCE_MAX_BYTES 1200
/* A forced cut looks for a good place no further back than this. */
#define CUT_FLOOR_BYTES 400
/* Longest abbreviation is "approx", with inner stops "Ph.D"; a longer word is none. */
#define WORD_MAX_BYTES 24
/* "[3]", "[12, 13]", "[4-9]": more than this between brackets is text. */
#define CITATION_MAX_BYTES 24
#define CITATION_MAX_COUNT 8

/* The next word always belongs to these. */
static const char *const joins_always[] = {
    "dr",     "mr",  "mrs",  "prof", "messrs", "mme", "mlle", "vs",   "e.g",  "i.e", "cf",   "viz",
    "approx", "ca",  "resp", "incl", "excl",   "esp", "capt", "sgt",  "cmdr", "sra", "dra",  "eqs",
    "figs",   "z.b", "d.h",  "u.a",  "bzw",    "vgl", "ggf",  "evtl", "inkl", "sog", "p.ex",
};

/* A number belongs to these: "No. 5", "p. 12", "Jan. 3". */
static const char *const joins_number[] = {
    "no",  "nos",  "nr",  "p",    "pp",  "fig", "tab",  "sec", "sect", "ch",  "chap",
    "vol", "vols", "art", "para", "par", "ref", "refs", "ed",  "eds",  "ex",  "cl",
    "app", "pt",   "pos", "abb",  "abs", "eq",  "s",    "bd",  "kap",  "op",  "v",
    "tel", "ext",  "min", "max",  "jan", "feb", "mar",  "apr", "jun",  "jul", "aug",
    "sep", "sept", "oct", "nov",  "dec", "ann", "cap",  "lib", "cir",  "rev", "ser",
};

/* These may end a sentence; only a word that often starts one shows that they did. */
static const char *const joins_mostly[] = {
    "al",   "inc",  "ltd", "co",  "corp", "llc", "plc",  "jr",   "sr",   "bros",
    "gmbh", "u.s",  "u.k", "u.n", "e.u",  "d.c", "ph.d", "m.d",  "b.a",  "m.a",
    "b.sc", "m.sc", "a.m", "p.m", "b.c",  "a.d", "fig",  "dist", "supp", "cert",
    "ave",  "blvd", "rd",  "sen", "rep",  "gov", "pres", "col",  "maj",  "ms",
    "st",   "mt",   "ft",  "gen", "lt",   "hon", "dept", "univ", "assn",
};

/* Single letters after these are grades and names of things, not initials of people. */
static const char *const takes_letter[] = {
    "vitamin",  "hepatitis", "type",   "group",  "plan",  "grade",   "class",
    "appendix", "annex",     "figure", "table",  "phase", "option",  "step",
    "section",  "schedule",  "part",   "factor", "and",   "or",      "influenza",
    "category", "level",     "point",  "column", "row",   "version", "protein",
};

static const char *const starters[] = {
    "the",  "it",    "in",       "this",    "these", "those", "that", "he",   "she",     "they",
    "we",   "a",     "an",       "if",      "when",  "for",   "but",  "and",  "however", "there",
    "on",   "at",    "by",       "to",      "as",    "after", "do",   "you",  "its",     "his",
    "her",  "their", "our",      "all",     "no",    "not",   "some", "many", "most",    "each",
    "with", "while", "although", "because", "since", "such",  "then", "from", "during",  "der",
    "die",  "das",   "es",       "er",      "sie",   "wir",   "ein",  "eine", "le",      "la",
    "les",  "il",    "elle",     "el",      "los",   "las",
};

typedef struct {
    char p[WORD_MAX_BYTES + 1]; /* small ASCII letters, other bytes as they are */
    size_t n;                   /* 0: no word, or one too long to be an abbreviation */
    size_t begin;
} word;

static bool in_list(const char *const *list, size_t count, const word *w) {
    for (size_t i = 0; i < count; i++)
        if (strlen(list[i]) == w->n && memcmp(list[i], w->p, w->n) == 0) return true;
    return false;
}

#define IN(list, w) in_list((list), sizeof(list) / sizeof *(list), (w))

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* White space of any width at `at`: its bytes, 0 where there is none. */
static size_t space_at(str s, size_t at) {
    if (at >= s.n) return 0;
    unsigned char c = (unsigned char)s.p[at];
    if (c == ' ' || (c >= '\t' && c <= '\r')) return 1;
    if (c < 0xC2) return 0;
    size_t used;
    uint32_t u = utf8_next(s.p + at, s.n - at, &used);
    bool space = u == 0xA0 || (u >= 0x2000 && u <= 0x200B) || u == 0x2028 || u == 0x2029 ||
                 u == 0x202F || u == 0x3000 || u == 0xFEFF;
    return space ? used : 0;
}

static size_t skip_space(str s, size_t at) {
    for (size_t n; (n = space_at(s, at)) != 0;) at += n;
    return at;
}

/* Small letters of Latin, Greek and Cyrillic; other scripts have no case. */
static bool is_lower(uint32_t u) {
    if (u < 0x80) return u >= 'a' && u <= 'z';
    if (u >= 0xDF && u <= 0xFF) return u != 0xF7;
    if ((u >= 0x100 && u <= 0x137) || (u >= 0x14A && u <= 0x177)) return u & 1;
    if ((u >= 0x139 && u <= 0x148) || (u >= 0x179 && u <= 0x17E)) return !(u & 1);
    return (u >= 0x3AC && u <= 0x3CE) || (u >= 0x430 && u <= 0x45F);
}

/* Stops that end a sentence whatever follows: CJK, danda, Arabic question mark and full stop. */
static bool is_hard_stop(uint32_t u) {
    return u == 0x3002 || u == 0xFF01 || u == 0xFF1F || u == 0xFF61 || u == 0x964 || u == 0x965 ||
           u == 0x61F || u == 0x6D4 || u == 0x1362;
}

static bool is_closer(uint32_t u) {
    switch (u) {
    case '"':
    case '\'':
    case ')':
    case ']':
    case '}':
    case 0xBB:
    case 0x2019:
    case 0x201D:
    case 0x203A:
    case 0x300D:
    case 0x300F:
    case 0x3011:
    case 0xFF09:
    case 0x300B:
    case 0x201C: /* closes in German */
        return true;
    default:
        return false;
    }
}

static bool is_opener(uint32_t u) {
    switch (u) {
    case '"':
    case '\'':
    case '(':
    case '[':
    case '{':
    case '*':
    case '_':
    case 0xAB:
    case 0x2018:
    case 0x201C:
    case 0x201E:
    case 0x2039:
    case 0xBF:
    case 0xA1:
        return true;
    default:
        return false;
    }
}

/* The word that ends at `at`, no further back than `floor`, without opening brackets. */
static word word_before(str s, size_t floor, size_t at) {
    word w = {.begin = at};
    while (w.begin > floor && at - w.begin <= WORD_MAX_BYTES) {
        unsigned char c = (unsigned char)s.p[w.begin - 1];
        if (!is_letter((char)c) && !is_digit((char)c) && c != '.' && c < 0x80) break;
        w.begin--;
    }
    if (at - w.begin > WORD_MAX_BYTES) return w;
    w.n = at - w.begin;
    for (size_t i = 0; i < w.n; i++) {
        char c = s.p[w.begin + i];
        w.p[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    return w;
}

static word word_after(str s, size_t at) {
    word w = {.begin = at};
    while (at + w.n < s.n && w.n < WORD_MAX_BYTES && is_letter(s.p[at + w.n])) {
        char c = s.p[at + w.n];
        w.p[w.n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    return w;
}

/* "1", "2.1", "a", "iv" as the first thing of a sentence: a mark, not a sentence. */
static bool is_list_mark(const word *w) {
    size_t digits = 0, letters = 0, roman = 0;
    for (size_t i = 0; i < w->n; i++) {
        digits += is_digit(w->p[i]);
        letters += is_letter(w->p[i]);
        roman += strchr("ivxlc", w->p[i]) != NULL;
    }
    if (digits > 0 && letters == 0) return w->n <= 8 && w->p[w->n - 1] != '.';
    return digits == 0 && letters == w->n && (letters == 1 || (letters <= 5 && roman == letters));
}

/* Is the stop behind `w` that of a person's initial? `next` is what follows it. */
static bool is_initial(str s, size_t begin, const word *w, size_t next) {
    if (w->n != 1 || s.p[w->begin] < 'A' || s.p[w->begin] > 'Z') return false;
    size_t end = w->begin;
    while (end > begin && s.p[end - 1] == ' ') end--;
    word before = word_before(s, begin, end), after = word_after(s, next);
    if (before.n > 0 && IN(takes_letter, &before)) return false;
    return after.n == 1 || !IN(starters, &after);
}

/* Does something speak against the single stop at `at`? `next` is the first byte behind it and
 * the white space. */
static bool stop_joins(str s, size_t begin, size_t at, size_t next) {
    word w = word_before(s, begin, at);
    if (w.n == 0) return false;
    if ((w.begin == begin && is_list_mark(&w)) || IN(joins_always, &w)) return true;
    bool bracket = s.p[next] == '(' || s.p[next] == '[';
    size_t number = bracket && next + 1 < s.n ? next + 1 : next;
    if (is_digit(s.p[number]) && IN(joins_number, &w)) return true;
    if (is_initial(s, begin, &w, next)) return true;
    if (IN(joins_mostly, &w)) {
        word after = word_after(s, next);
        return after.n > 0 && !IN(starters, &after);
    }
    return false;
}

/* The end of a numeric citation that starts at `at` ("[3]", "[1, 2]"); `at` itself if none. */
static size_t citation_end(str s, size_t at) {
    if (at >= s.n || s.p[at] != '[') return at;
    size_t i = at + 1, digits = 0;
    for (; i < s.n && i - at < CITATION_MAX_BYTES; i++) {
        char c = s.p[i];
        if (c == ']') return digits ? i + 1 : at;
        digits += is_digit(c);
        /* bytes past ASCII: the en dash of "[4–9]" */
        if (!is_digit(c) && c != ',' && c != '-' && c != ' ' && (unsigned char)c < 0x80) return at;
    }
    return at;
}

/* Behind a stop: closing quotes and brackets, then citations, attached or after one space. */
static size_t tail_end(str s, size_t at) {
    for (int i = 0; at < s.n && i < CITATION_MAX_COUNT; i++) {
        size_t used;
        if (!is_closer(utf8_next(s.p + at, s.n - at, &used))) break;
        at += used;
    }
    for (int i = 0; i < CITATION_MAX_COUNT; i++) {
        size_t from = at < s.n && s.p[at] == ' ' ? at + 1 : at;
        size_t end = citation_end(s, from);
        if (end == from) break;
        at = end;
    }
    return at;
}

/* A printed note number glued to the stop, as it comes out of a PDF: "daily.12 The". */
static size_t note_end(str s, size_t begin, size_t stop) {
    size_t letters = 0, at = stop + 1;
    while (letters < 3 && stop - letters > begin && is_letter(s.p[stop - 1 - letters])) letters++;
    if (letters < 3) return stop + 1;
    while (at < s.n && at - stop <= 8 && (is_digit(s.p[at]) || (at > stop + 1 && s.p[at] == ',')))
        at++;
    return at > stop + 1 && s.p[at - 1] != ',' ? at : stop + 1;
}

/* Where the sentence ends if the run of stops at `at` (. ! ? or an ellipsis) ends it, else 0.
 * *run_end gets the first byte behind the run. */
static size_t soft_stop(str s, size_t begin, size_t at, size_t *run_end) {
    size_t i = at, used, stops = 0;
    bool mark = false;
    while (i < s.n && i - begin < SENTENCE_MAX_BYTES) {
        uint32_t u = utf8_next(s.p + i, s.n - i, &used);
        if (u != '.' && u != '!' && u != '?' && u != 0x2026) break;
        mark = mark || u == '!' || u == '?' || u == 0x2026;
        i += used;
        stops++;
    }
    *run_end = i;
    bool single = stops == 1 && !mark;
    size_t end = tail_end(s, i);
    if (single && end == i) end = note_end(s, begin, at);
    if (end < s.n && space_at(s, end) == 0) return 0;
    size_t next = skip_space(s, end);
    if (next >= s.n || memchr(s.p + end, '\n', next - end)) return end;
    size_t first = next;
    uint32_t u = utf8_next(s.p + first, s.n - first, &used);
    for (int k = 0; k < 4 && is_opener(u) && first + used < s.n; k++) {
        first += used;
        u = utf8_next(s.p + first, s.n - first, &used);
    }
    /* "? he asked", ". . .", "5 min. – 1 h": the sentence goes on */
    if (is_lower(u) || u == '.' || u == ',' || u == ';' || u == 0x2013 || u == 0x2014) return 0;
    return single && stop_joins(s, begin, at, next) ? 0 : end;
}

/* No end within the limit: behind the last ; or , or space of the back part, else anywhere. */
static size_t forced_end(str s, size_t begin, size_t limit) {
    static const char places[] = ";, ";
    for (const char *c = places; *c; c++)
        for (size_t i = limit; i > begin + CUT_FLOOR_BYTES; i--)
            if (s.p[i - 1] == *c && (*c == ' ' || space_at(s, i) != 0)) return i;
    size_t at = utf8_floor(s, limit);
    return at > begin ? at : limit;
}

static size_t find_end(str s, size_t begin) {
    size_t i = begin;
    while (i < s.n) {
        if (i - begin >= SENTENCE_MAX_BYTES)
            return forced_end(s, begin, begin + SENTENCE_MAX_BYTES);
        unsigned char c = (unsigned char)s.p[i];
        if (c == '\n' || c == '\f') return i;
        if (c < 0x80 && c != '.' && c != '!' && c != '?') {
            i++;
            continue;
        }
        size_t used;
        uint32_t u = utf8_next(s.p + i, s.n - i, &used);
        if (is_hard_stop(u)) {
            size_t end = tail_end(s, i + used);
            if (end >= s.n || !is_hard_stop(utf8_next(s.p + end, s.n - end, &used))) return end;
            i = end; /* "？！" is one end */
            continue;
        }
        if (u == '.' || u == '!' || u == '?' || u == 0x2026) {
            size_t run_end, end = soft_stop(s, begin, i, &run_end);
            if (end) return end;
            i = run_end;
            continue;
        }
        i += used;
    }
    return s.n;
}

bool sentence_next(str s, size_t *pos, size_t *begin, size_t *end) {
    size_t from = skip_space(s, *pos);
    if (from >= s.n) return false;
    size_t to = find_end(s, from);
    *pos = to;
    while (to > from && (s.p[to - 1] == ' ' || (s.p[to - 1] >= '\t' && s.p[to - 1] <= '\r'))) to--;
    *begin = from;
    *end = to;
    return true;
}
