/* Puts back ligatures that a page draws and its text does not hold: "e cient", "di\x02erent",
 * "oce".
 *
 * Fonts without a table of Unicode values, or with a wrong one, lose "ff", "fi", "fl", "ffi" and
 * "ffl" first: their glyphs are no letters of any alphabet. Half of the words that matter most in a
 * manual have one (first, fill, specific, sufficient, office, effect, flow), and no search finds
 * them then. What is left of a word tells what it was: the stems below are of words that are
 * frequent in any text, and no word in any language looks like what is left of them. Where a code
 * stands in the place of the ligature, a few such words tell which one it is, and all others with
 * that code are put right with them; where nothing does, only these words can be, and the page says
 * that others may lack letters.
 *
 * A single odd word changes nothing, but for one with a code that means nothing in it.
 */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "ingest/parse/pdf/pdf.h"

#define SLOTS 1024u    /* of the table of stems, a power of two of some four times their number */
#define STEM_BYTES 20  /* the longest of what is left of one */
#define BEFORE_BYTES 8 /* of it, in front of the ligature, at most */
#define STEM_LEAST 2   /* and what is left of it has, at least */
#define HITS_MAX 4096u /* of a page; more are left as they are */
#define CODES_MAX 32   /* that stand in the place of ligatures, on a page */
#define HITS_NEEDED 3  /* words with nothing in their place, or a sign that means something else, */
#define STEMS_NEEDED 2 /* and so many different ones */
#define CODE_VOTES 2   /* words that agree on what a code without a meaning is, */
#define SIGN_VOTES 3   /* and on a sign that has one: "di!erent" */
#define KEPT_FIRST 0xF0000u /* a private plane, where codes wait for what they mean */
#define KEPT_LAST 0xFFFFDu

static const char *const ligatures[] = {"ff", "fi", "fl", "ffi", "ffl"};
#define LIGATURES (sizeof ligatures / sizeof *ligatures)

/* Begins of words, the ligature between bars; with a stop behind it, whole words. What is left of
 * those that begin with '~' may be a word: they are mended where others show that ligatures are
 * lost. */
static const char *const stems[] = {
    /* English, and what other languages share with it */
    "signi|fi|ca", "speci|fi|c", "speci|fi|ed", "scienti|fi|c", "e|ffi|cien", "su|ffi|cien",
    "de|fi|cien", "pro|fi|cien", "coe|ffi|cien", "insu|ffi|cien", "ine|ffi|cien", "di|ffi|cult",
    "di|ff|eren", "di|ff|usi", "e|ff|ect", "a|ff|ect", "e|ff|ort", "a|ff|ord", "a|ff|air",
    "o|ff|er.", "o|ff|ers.", "o|ff|ered.", "o|ff|ering", "su|ff|er.", "su|ff|ers.", "su|ff|ered",
    "su|ff|ering", "o|ffi|ce.", "o|ffi|ces.", "o|ffi|cer", "o|ffi|cial", "o|ff|set", "o|ff|end",
    "bene|fi|t.", "bene|fi|ts.", "bene|fi|cia", "pro|fi|t.", "pro|fi|ts.", "pro|fi|tab",
    "de|fi|ne.", "de|fi|ned", "de|fi|nes.", "de|fi|nitio", "de|fi|nitel", "de|fi|nitiv",
    "unde|fi|ned", "identi|fi|ed", "identi|fi|cat", "identi|fi|er", "classi|fi|ed", "classi|fi|cat",
    "con|fi|gur", "con|fi|rm", "con|fi|denc", "con|fi|dent", "con|fl|ict", "in|fl|uen", "in|fl|amm",
    "in|fl|ation", "re|fl|ect", "in|fi|nit", "in|fi|ltr", "modi|fi|ed", "modi|fi|es.",
    "modi|fi|cat", "veri|fi|ed", "veri|fi|cat", "certi|fi|ed", "certi|fi|cat", "quali|fi|ed",
    "quali|fi|cat", "noti|fi|ed", "noti|fi|cat", "justi|fi|ed", "justi|fi|cat", "clari|fi|ed",
    "clari|fi|cat", "simpli|fi|ed", "simpli|fi|cat", "ampli|fi|er", "ampli|fi|ed", "ampli|fi|cat",
    "magni|fi|ed", "magni|fi|cat", "puri|fi|ed", "puri|fi|cat", "satis|fi|ed", "uni|fi|ed",
    "re|fi|ned", "|fi|rst.", "|fi|rstly.", "|fi|eld.", "|fi|elds.", "|fi|nal.", "|fi|nally.",
    "|fi|nance.", "|fi|nanci", "|fi|nding", "|fi|gure.", "|fi|gures.", "|fi|lter", "|fi|ltrat",
    "|fi|xed.", "|fl|exible", "|fl|exibilit", "|fl|uores", "|fl|uctuat", "|fl|ammab", "tra|ffi|c.",
    "arti|fi|cial", "super|fi|cial", "sacri|fi|c", "pre|fi|x.", "su|ffi|x.", "co|ff|ee.",
    "di|ff|er.", "di|ff|ers.", "speci|fi|es.", "identi|fi|es.", "certi|fi|es.", "quali|fi|es.",
    "veri|fi|es.", "clari|fi|es.", "forti|fi|ed", "solidi|fi|e", "|fl|oor.", "~|fl|ow.",
    "~|fl|ows.", "~|fi|ve.", "~|fi|nd.", "~|fi|rm.", "~|fi|rms.", "~pro|fi|le.", "~pro|fi|les.",
    "~con|fi|ned.", "~re|fi|ne.", "~de|fi|nit", "ca|ff|eine", "bu|ff|er.", "bu|ff|ers.",
    "work|fl|ow", "over|fl|ow", "out|fl|ow", "air|fl|ow",
    /* German */
    "\xc3\xb6|ff|nen", "\xc3\xb6|ff|nung", "\xc3\xb6|ff|entlich", "p|fl|icht", "p|fl|ege",
    "ein|fl|uss", "spezi|fi|sch", "spezi|fi|z", "quali|fi|zier", "identi|fi|zier", "klassi|fi|zier",
    "betri|ff|t.", "|fl|\xc3\xbcssig", "gri|ff|e.",
    /* French, Spanish, Italian */
    "di|ff|\xc3\xa9ren", "e|ffi|cacit", "di|ffi|cil", "chi|ff|re", "con|fi|ance",
    "b\xc3\xa9n\xc3\xa9|fi|c", "d\xc3\xa9|fi|nitio", "o|ffi|ciel", "su|ffi|sant", "o|fi|cina",
    "e|fi|caz", "di|ffi|colt", "u|ffi|cio", "su|ffi|cient"};

typedef struct {
    char left[STEM_BYTES + 1]; /* without the ligature */
    uint8_t bytes, at, ligature;
    bool whole, weak;
} stem;

static stem table[SLOTS];

/* A word without its ligature. */
typedef struct {
    uint32_t run, at; /* bytes of its text, where the ligature belongs */
    uint8_t instead;  /* bytes that stand there */
    uint8_t ligature;
    uint32_t code; /* of these; 0: none, ' ': white */
    bool weak;     /* what is left may be a word, or two */
    const stem *of;
} hit;

typedef struct {
    uint32_t code;
    size_t votes[LIGATURES];
    int ligature; /* what it is; -1: not known */
} code_votes;

typedef struct {
    pdf_runs *runs;
    hit *hits;
    size_t hit_count, whole; /* whole: ligatures that are in the text */
    code_votes codes[CODES_MAX];
    size_t code_count;
} finder;

/* ---- stems --------------------------------------------------------------------------------- */

static uint32_t hash_byte(uint32_t h, char c) {
    return (h ^ (unsigned char)c) * 16777619u;
}

#define HASH_BEGIN 2166136261u

static void add_stem(const char *s) {
    stem e = {.ligature = LIGATURES, .weak = *s == '~'};
    s += e.weak;
    const char *bar = strchr(s, '|'), *second = bar ? strchr(bar + 1, '|') : NULL;
    if (!second) return;
    str name = {bar + 1, (size_t)(second - bar - 1)};
    for (size_t i = 0; i < LIGATURES; i++)
        if (str_eq(name, str_of(ligatures[i]))) e.ligature = (uint8_t)i;
    str end = str_of(second + 1);
    e.whole = str_ends(end, STR("."));
    end.n -= e.whole;
    e.at = (uint8_t)(bar - s);
    e.bytes = (uint8_t)(e.at + end.n);
    if (e.ligature == LIGATURES || e.bytes < STEM_LEAST || e.bytes > STEM_BYTES ||
        e.at > BEFORE_BYTES)
        return;
    memcpy(e.left, s, e.at);
    memcpy(e.left + e.at, end.p, end.n);
    uint32_t h = HASH_BEGIN;
    for (size_t i = 0; i < e.bytes; i++) h = hash_byte(h, e.left[i]);
    size_t slot = h & (SLOTS - 1);
    while (table[slot].bytes > 0) slot = (slot + 1) & (SLOTS - 1);
    table[slot] = e;
}

static void make_table(void) {
    static bool made; /* this process parses one document, in one thread */
    if (made) return;
    made = true;
    for (size_t i = 0; i < sizeof stems / sizeof *stems; i++) add_stem(stems[i]);
}

/* ---- words --------------------------------------------------------------------------------- */

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_kept(uint32_t c) {
    return c >= KEPT_FIRST && c <= KEPT_LAST;
}

/* The end of the letters that begin at `at`. */
static size_t letters_end(str s, size_t at) {
    for (size_t used; at < s.n; at += used) {
        used = 1;
        if ((s.p[at] | 32) >= 'a' && (s.p[at] | 32) <= 'z') continue;
        if ((unsigned char)s.p[at] < 0x80) break;
        utf8proc_category_t kind =
            utf8proc_category((utf8proc_int32_t)utf8_next(s.p + at, s.n - at, &used));
        if (kind < UTF8PROC_CATEGORY_LU || kind > UTF8PROC_CATEGORY_LO) break;
    }
    return at;
}

/* Does the stem stand in s, which continues at `second` behind what is instead of the ligature? */
static bool is_left(const stem *e, str s, size_t first, size_t split, size_t second) {
    for (size_t i = 0; i < e->bytes; i++) {
        size_t at = i < split ? first + i : second + i - split;
        if (at >= s.n || lower(s.p[at]) != e->left[i]) return false;
    }
    return true;
}

static void put_hit(finder *f, hit h) {
    if (f->hit_count == HITS_MAX) return;
    if (!f->hits) f->hits = mem_new(HITS_MAX, sizeof *f->hits);
    f->hits[f->hit_count++] = h;
}

/* Looks for a stem in the letters [first, split) and [second, end), which follow one another but
 * for `instead`, between them: with second == split in the letters of one word. */
static const stem *find_stem(str s, size_t first, size_t split, size_t second, size_t end) {
    uint32_t h = HASH_BEGIN;
    size_t before = split - first, all = before + end - second;
    for (size_t i = 0; i < all && i < STEM_BYTES; i++) {
        h = hash_byte(h, lower(s.p[i < before ? first + i : second + i - before]));
        if (i + 1 < STEM_LEAST || i < before) continue;
        for (size_t slot = h & (SLOTS - 1); table[slot].bytes > 0;
             slot = (slot + 1) & (SLOTS - 1)) {
            const stem *e = &table[slot];
            if (e->bytes == i + 1 && (!e->whole || all == e->bytes) &&
                (second == split || e->at == before) && is_left(e, s, first, before, second))
                return e;
        }
    }
    return NULL;
}

/* The character in front of byte `at`, which may stand for a ligature; its bytes, 0 for none. */
static size_t sign_before(str s, size_t at, uint32_t *code) {
    size_t used, begin = at > 0 ? utf8_floor(s, at - 1) : 0;
    if (at == 0) return 0;
    *code = utf8_next(s.p + begin, s.n - begin, &used);
    return is_kept(*code) ? at - begin : 0;
}

/* "de ne", "modi ed": in French and Italian they are two words. */
static bool is_word(str s) {
    return str_eq(s, STR("ne")) || str_eq(s, STR("ed"));
}

/* Not "I've" or "2nd". */
static bool stands_alone(str s, size_t first) {
    return first == 0 || s.p[first - 1] == ' ' || s.p[first - 1] == PDF_GAP;
}

/* Looks at the word [first, end), and at what follows if that may be the rest of it. Gives where to
 * go on. */
static size_t find_hit(finder *f, uint32_t run, str s, size_t first, size_t end) {
    uint32_t code = 0;
    size_t used;
    if (end < s.n) {
        code = utf8_next(s.p + end, s.n - end, &used);
        size_t second = end + used, rest = letters_end(s, second);
        bool sign = code != '-' && code != '\'' && code != 0x2019 && code != '.';
        if (code == PDF_GAP) code = ' ';
        bool two = sign && rest > second && end - first <= BEFORE_BYTES;
        const stem *e = two ? find_stem(s, first, end, second, rest) : NULL;
        if (e) {
            bool weak = e->weak || (code == ' ' && is_word(str_cut(s, second, rest)));
            put_hit(f, (hit){run, (uint32_t)end, (uint8_t)used, e->ligature, code, weak, e});
            return rest;
        }
    }
    const stem *e = find_stem(s, first, first, first, end);
    if (!e) return end;
    size_t instead = e->at == 0 ? sign_before(s, first, &code) : 0;
    if (e->weak && instead == 0 && !stands_alone(s, first)) return end;
    put_hit(f, (hit){run, (uint32_t)(first + e->at - instead), (uint8_t)instead, e->ligature,
                     instead > 0 ? code : 0, e->weak, e});
    return end;
}

static void find_hits(finder *f, uint32_t run) {
    str s = f->runs->runs[run].text;
    for (size_t i = 0; i + 1 < s.n; i++)
        f->whole += s.p[i] == 'f' && (s.p[i + 1] == 'i' || s.p[i + 1] == 'l' || s.p[i + 1] == 'f');
    for (size_t at = 0, end; at < s.n; at = end) {
        size_t used;
        end = letters_end(s, at);
        if (end > at) {
            end = find_hit(f, run, s, at, end);
        } else { /* a sign may begin a word: it is looked at from the word */
            (void)utf8_next(s.p + at, s.n - at, &used);
            end = at + used;
        }
    }
}

/* ---- what is certain ----------------------------------------------------------------------- */

static code_votes *votes_for(finder *f, uint32_t code) {
    for (size_t i = 0; i < f->code_count; i++)
        if (f->codes[i].code == code) return &f->codes[i];
    if (f->code_count == CODES_MAX) return NULL;
    f->codes[f->code_count] = (code_votes){.code = code, .ligature = -1};
    return &f->codes[f->code_count++];
}

static void count_votes(finder *f) {
    for (size_t i = 0; i < f->hit_count; i++) {
        const hit *h = &f->hits[i];
        code_votes *v = h->code != 0 && h->code != ' ' ? votes_for(f, h->code) : NULL;
        if (v) v->votes[h->ligature]++;
    }
    for (size_t i = 0; i < f->code_count; i++) {
        code_votes *v = &f->codes[i];
        size_t kinds = 0, best = 0;
        for (size_t k = 0; k < LIGATURES; k++) {
            kinds += v->votes[k] > 0;
            best = v->votes[k] > v->votes[best] ? k : best;
        }
        if (kinds == 1 && v->votes[best] >= (is_kept(v->code) ? CODE_VOTES : SIGN_VOTES))
            v->ligature = (int)best;
    }
}

/* Are the words with nothing, white or a sign in the place of a ligature many enough, and no fewer
 * than those that have theirs? */
static bool is_habit(const finder *f, bool before) {
    size_t count = 0, different = 0;
    for (size_t i = 0; i < f->hit_count; i++) {
        const hit *h = &f->hits[i];
        bool known = false;
        if (h->weak || is_kept(h->code)) continue;
        for (size_t k = 0; k < i && !known; k++)
            known = f->hits[k].of == h->of && !f->hits[k].weak && !is_kept(f->hits[k].code);
        different += !known;
        count++;
    }
    bool many = count >= HITS_NEEDED && different >= STEMS_NEEDED;
    return (many || (before && count > 0)) && count >= f->whole;
}

static bool is_certain(finder *f, const hit *h, bool habit) {
    if (h->code == 0 || h->code == ' ') return habit;
    if (is_kept(h->code)) return true;
    const code_votes *v = votes_for(f, h->code);
    return v && v->ligature == (int)h->ligature;
}

/* ---- mending ------------------------------------------------------------------------------- */

static bool is_letter_at(str s, size_t at) {
    return at < s.n && letters_end(s, at) > at;
}

/* What a code in the midst of a word, or one without a meaning beside a letter, was found to be. */
static int meaning(const finder *f, str s, size_t at, size_t used, uint32_t code) {
    for (size_t i = 0; i < f->code_count; i++) {
        if (f->codes[i].code != code) continue;
        bool before = at > 0 && is_letter_at(s, utf8_floor(s, at - 1));
        bool after = is_letter_at(s, at + used);
        return (is_kept(code) ? before || after : before && after) ? f->codes[i].ligature : -1;
    }
    return -1;
}

static void drop_gap(pdf_run *r, size_t which) {
    if (which >= r->gap_count) return;
    memmove(&r->gaps[which], &r->gaps[which + 1], (r->gap_count - which - 1) * sizeof *r->gaps);
    r->gap_count--;
}

/* Writes the text of a run anew, with the hits [at, end) that are of it. Gives how many ligatures
 * were put in; `nothing` is set where one had left nothing behind. */
static size_t mend_run(finder *f, uint32_t run, size_t at, size_t end, bool habit, bool *nothing,
                       arena *a) {
    pdf_run *r = &f->runs->runs[run];
    str s = r->text;
    text t = {0};
    size_t mended = 0, gaps = 0;
    for (size_t i = 0, used = 0; i <= s.n; i += used) {
        while (at < end && (f->hits[at].at < i || !is_certain(f, &f->hits[at], habit))) at++;
        int found = -1;
        uint32_t c = i < s.n ? utf8_next(s.p + i, s.n - i, &used) : 0;
        if (at < end && f->hits[at].at == i) {
            const hit *h = &f->hits[at++];
            found = h->ligature;
            *nothing |= h->code == 0 || h->code == ' ';
            used = h->instead;
        } else if (i < s.n) {
            found = meaning(f, s, i, used, c);
        }
        if (found >= 0) {
            text_put(&t, str_of(ligatures[found]));
            mended++;
            if (used > 0 && is_kept(c)) r->unusable--;
            if (used > 0 && c == PDF_GAP) drop_gap(r, gaps);
            if (used > 0 || i == s.n) continue;
            (void)utf8_next(s.p + i, s.n - i, &used); /* nothing stood there: what follows stays */
            c = 0;
        }
        if (i == s.n) break;
        gaps += c == PDF_GAP;
        if (is_kept(c))
            text_put_codepoint(&t, UTF8_REPLACEMENT);
        else
            text_put(&t, str_cut(s, i, i + used));
    }
    r->text = arena_str(a, text_str(&t));
    text_free(&t);
    return mended;
}

uint32_t pdf_kept_code(uint32_t c) {
    return c < 0xFFFE && c != UTF8_REPLACEMENT ? KEPT_FIRST + c : UTF8_REPLACEMENT;
}

/* The first byte of every kept code, and of few other characters. */
static bool may_hold_kept(str s) {
    return s.n > 0 && memchr(s.p, 0xF3, s.n) != NULL;
}

size_t pdf_mend_ligatures(pdf_runs *runs, bool *habit, arena *a, bool *nothing) {
    finder f = {.runs = runs};
    size_t mended = 0;
    make_table();
    *nothing = false;
    for (size_t i = 0; i < runs->run_count; i++) find_hits(&f, (uint32_t)i);
    count_votes(&f);
    bool lost = is_habit(&f, *habit);
    *habit |= lost;
    for (size_t i = 0, at = 0, end; i < runs->run_count; i++, at = end) {
        pdf_run *r = &runs->runs[i];
        for (end = at; end < f.hit_count && f.hits[end].run == i;) end++;
        if (end == at && f.code_count == 0 && !may_hold_kept(r->text)) continue;
        size_t before = r->unusable;
        mended += mend_run(&f, (uint32_t)i, at, end, lost, nothing, a);
        runs->unusable -= before - r->unusable;
    }
    mem_free(f.hits);
    return mended;
}
