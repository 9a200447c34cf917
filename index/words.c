/* The tokens of the library: the same for documents, for questions, and for the room that compares
 * a question with a sentence.
 *
 * A word is a run of letters, digits and marks. Numbers stand apart from the letters behind them
 * ("2.5mg" is 2.5 and mg), letters keep the digits behind them ("E24", "m²"); a number with a power
 * is one word and its two parts ("10⁵": 10^5, 10, 5), and never 105. Parts joined by hyphens or
 * underscores are given whole and in parts ("follow-up": followup, follow, up), because documents
 * and questions differ in it. Scripts without spaces give pairs of characters. A word is stemmed as
 * it is properly written, and loses its diacritics after that (Snowball knows "ción", not "cion");
 * English, which has none of its own, loses them before.
 *
 * Never reads or writes the library, keeps nothing between two calls, and takes any bytes.
 */
#include "index/internal.h"

#include <libstemmer.h>
#include <string.h>

/* Source bytes of one part that are looked at; what is longer is no word. */
#define PART_MAX_BYTES 256
/* Compounds of more parts are lists or rules of a table, and are given in parts only. */
#define COMPOUND_MAX_PARTS 4
/* Parts looked at as one chain; a longer one goes on as a new chain. */
#define CHAIN_MAX_PARTS 16
/* A raised digit behind more letters is no power of them. */
#define UNIT_MAX_LETTERS 3
/* Positions are 32 bits wide. */
#define SOURCE_MAX_BYTES ((size_t)UINT32_MAX - 1)

typedef struct {
    str s;
    char code[WORDS_CODE_BYTES];
    struct sb_stemmer *stemmer; /* NULL: a language that Snowball does not have */
    bool document, english, comma_decimal, elides;
    words_emit *emit;
    void *context;
} scanner;

typedef struct {
    size_t begin, end;
    bool number;
    bool joined; /* by a hyphen to the part before it */
} part;

static bool code_in(const char *code, const char *list) {
    const char *at = strstr(list, code);
    return at != NULL && code[0] != 0;
}

void words_code(str language, char code[WORDS_CODE_BYTES]) {
    size_t n = 0;
    memset(code, 0, WORDS_CODE_BYTES);
    while (n < language.n && n < 3) {
        char c = language.p[n];
        if (c >= 'A' && c <= 'Z') c = (char)(c + ('a' - 'A'));
        if (c < 'a' || c > 'z') break;
        code[n++] = c;
    }
    if (n < 2)
        memcpy(code, "en", 3);
    else if (strcmp(code, "nb") == 0 || strcmp(code, "nn") == 0)
        memcpy(code, "no", 3);
}

static void scanner_open(scanner *t, str s, str language, bool document, words_emit *emit,
                         void *context) {
    memset(t, 0, sizeof(*t));
    t->s = str_cut(s, 0, SOURCE_MAX_BYTES);
    t->document = document;
    t->emit = emit;
    t->context = context;
    words_code(language, t->code);
    /* Where words carry no spaces, the Latin ones among them are mostly English. */
    const char *stem = code_in(t->code, " zh ja ko th lo my km ") ? "en" : t->code;
    t->stemmer = sb_stemmer_new(stem, "UTF_8");
    t->english = strcmp(stem, "en") == 0;
    t->comma_decimal = code_in(t->code, " de fr es it pt nl sv da no fi ru pl cs sk hu ro tr el uk "
                                        "bg hr sl sr lt lv et id ca ");
    t->elides = code_in(t->code, " fr it ca ");
}

static uint32_t peek(const scanner *t, size_t at, size_t *used) {
    *used = 0;
    return at < t->s.n ? utf8_next(t->s.p + at, t->s.n - at, used) : 0;
}

static bool is_digit_at(const scanner *t, size_t at) {
    size_t used;
    return at < t->s.n && words_class_of(peek(t, at, &used)) == WORDS_DIGIT;
}

static bool is_apostrophe(uint32_t c) {
    return c == '\'' || c == 0x2019 || c == 0x02BC || c == 0xFF07;
}

static bool is_joint(uint32_t c) {
    return c == '-' || c == '_' || c == 0x2010 || c == 0x2011 || c == 0xFE63 || c == 0xFF0D;
}

/* ---- numbers ------------------------------------------------------------------------------- */

static size_t digits_end(const scanner *t, size_t at) {
    size_t used;
    for (; at < t->s.n; at += used) {
        words_class c = words_class_of(peek(t, at, &used));
        if (c != WORDS_DIGIT && c != WORDS_IGNORED) break;
    }
    return at;
}

/* Digits with the marks between them. Two commas or more belong to it only as groups of three
 * ("1,234,567"): "1,2,3" is a list, also from its second number on. */
static size_t number_end(const scanner *t, size_t at) {
    size_t first = digits_end(t, at), end = first, commas = 0;
    bool grouped = first - at <= 3;
    bool in_list = at > 1 && t->s.p[at - 1] == ',' && is_digit_at(t, at - 2);
    if (in_list) return first;
    while (end < t->s.n && (t->s.p[end] == '.' || t->s.p[end] == ',') && is_digit_at(t, end + 1)) {
        bool comma = t->s.p[end] == ',';
        size_t next = digits_end(t, end + 1);
        commas += comma;
        grouped = grouped && (!comma || next - end == 4);
        end = next;
    }
    return commas > 1 && !grouped ? first : end;
}

/* Raised digits, of which "m²" and "10⁵" are made; lowered ones are part of a formula's name. */
static bool is_superscript(uint32_t c) {
    return c == 0xB9 || c == 0xB2 || c == 0xB3 || c == 0x2070 || (c >= 0x2074 && c <= 0x2079);
}

static bool is_minus(uint32_t c) {
    return c == '-' || c == 0x2212 || c == 0x207B;
}

/* The end of the power behind a number that ends at `at`: "⁵", "⁻³", "^5", "^-3"; `at` when there
 * is none. *digits is where its digits begin. */
static size_t power_end(const scanner *t, size_t at, size_t *digits, bool *minus) {
    size_t used, begin = at;
    uint32_t c = peek(t, at, &used);
    bool caret = c == '^', raised_sign = c == 0x207B || c == 0x207A;
    if (caret || raised_sign) begin += used;
    c = peek(t, begin, &used);
    *minus = caret ? is_minus(c) : raised_sign && peek(t, at, &used) == 0x207B;
    if (caret && (is_minus(c) || c == '+')) begin += used;
    size_t end = begin;
    for (; end < t->s.n; end += used) {
        c = peek(t, end, &used);
        if (caret ? c < '0' || c > '9' : !is_superscript(c)) break;
    }
    *digits = begin;
    return end > begin ? end : at;
}

/* ---- words --------------------------------------------------------------------------------- */

static bool is_ascii_letter_at(const scanner *t, size_t at) {
    return at < t->s.n && (unsigned char)t->s.p[at] < 0x80 &&
           words_class_of((unsigned char)t->s.p[at]) == WORDS_LETTER;
}

static bool continues_word(words_class c) {
    return c == WORDS_LETTER || c == WORDS_DIGIT || c == WORDS_MARK || c == WORDS_RAISED ||
           c == WORDS_IGNORED;
}

/* "U.S.A", "e.g": single letters with points between them; `at` when it is none. */
static size_t acronym_end(const scanner *t, size_t at) {
    size_t end = at, used;
    if (!is_ascii_letter_at(t, at)) return at;
    for (size_t i = at + 1; i + 1 < t->s.n && t->s.p[i] == '.' && is_ascii_letter_at(t, i + 1);
         i += 2) {
        if (i + 2 < t->s.n && continues_word(words_class_of(peek(t, i + 2, &used))))
            return at; /* "a.name" */
        end = i + 2;
    }
    return end;
}

static size_t raised_end(const scanner *t, size_t at) {
    size_t used;
    for (; at < t->s.n; at += used)
        if (words_class_of(peek(t, at, &used)) != WORDS_RAISED) break;
    return at;
}

static size_t word_end(const scanner *t, size_t at) {
    size_t end = acronym_end(t, at), used, next_used, letters = 0, before_mark = 0;
    if (end > at) return end;
    for (end = at; end < t->s.n; end += used) {
        uint32_t c = peek(t, end, &used);
        words_class class = words_class_of(c);
        letters = class == WORDS_LETTER ? letters + 1 : class == WORDS_MARK ? letters : 0;
        /* behind a unit or a symbol a power, behind a word the mark of a note */
        if (end > at && is_superscript(c) && before_mark > UNIT_MAX_LETTERS) break;
        before_mark = letters;
        if (continues_word(class)) continue;
        if (!is_apostrophe(c) || end == at || t->elides) break;
        if (words_class_of(peek(t, end + used, &next_used)) != WORDS_LETTER) break;
    }
    return end;
}

static size_t drop_points(char *p, size_t n) {
    size_t to = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] != '.') p[to++] = p[i];
    }
    return to;
}

/* ASCII apostrophes in place of all others, for the stemmer, which knows 's. */
static size_t plain_apostrophes(char *p, size_t n, bool keep) {
    size_t to = 0, used;
    for (size_t at = 0; at < n; at += used) {
        uint32_t c = utf8_next(p + at, n - at, &used);
        if (!is_apostrophe(c)) {
            memmove(p + to, p + at, used);
            to += used;
        } else if (keep) {
            p[to++] = '\'';
        }
    }
    return to;
}

/* The token of one part; `plain` gets the unstemmed form that stop words are looked up by. */
static bool fold_part(const scanner *t, const part *w, char *token, size_t *token_n, char *plain,
                      size_t *plain_n) {
    str s = str_cut(t->s, w->begin, w->end);
    *plain_n = 0;
    if (w->number && words_number(s, t->comma_decimal, token, WORDS_TOKEN_MAX_BYTES, token_n))
        return true;
    char word[PART_MAX_BYTES];
    size_t n;
    if (s.n > PART_MAX_BYTES) s = str_cut(s, 0, utf8_floor(s, PART_MAX_BYTES));
    if (!words_normalize(s, word, sizeof(word), &n)) return false;
    n = drop_points(word, plain_apostrophes(word, n, true));
    if (t->english) n = words_strip(word, n);
    if (!t->document) {
        memcpy(plain, word, n);
        *plain_n = words_strip(plain, plain_apostrophes(plain, n, false));
    }
    const char *stem = word;
    if (t->stemmer != NULL && !w->number && n <= WORDS_TOKEN_MAX_BYTES) {
        const sb_symbol *out = sb_stemmer_stem(t->stemmer, (const sb_symbol *)word, (int)n);
        if (out != NULL && sb_stemmer_length(t->stemmer) > 0) {
            stem = (const char *)out;
            n = (size_t)sb_stemmer_length(t->stemmer);
        }
    }
    if (n > PART_MAX_BYTES) n = PART_MAX_BYTES;
    if (stem != word) memcpy(word, stem, n);
    n = words_strip(word, plain_apostrophes(word, n, false));
    n = utf8_floor((str){word, n}, n < WORDS_TOKEN_MAX_BYTES ? n : WORDS_TOKEN_MAX_BYTES);
    memcpy(token, word, n);
    *token_n = n;
    return n > 0;
}

/* ---- chains of parts ----------------------------------------------------------------------- */

static size_t collect_parts(const scanner *t, size_t at, part parts[CHAIN_MAX_PARTS]) {
    size_t count = 0, used;
    bool joined = false;
    while (at < t->s.n && count < CHAIN_MAX_PARTS) {
        words_class c = words_class_of(peek(t, at, &used));
        if (c != WORDS_LETTER && c != WORDS_DIGIT && c != WORDS_RAISED) break;
        bool number = c == WORDS_DIGIT;
        size_t end = number              ? number_end(t, at)
                     : c == WORDS_RAISED ? raised_end(t, at)
                                         : word_end(t, at);
        parts[count++] = (part){at, end, number, joined};
        uint32_t mark = peek(t, end, &used);
        joined = end < t->s.n && is_joint(mark);
        at = joined ? end + used : end;
        if (!joined && !number)
            break; /* letters end a chain; a number goes on with the letters glued to it */
    }
    return count;
}

/* Gives "followup" for "follow-up"; *given says whether. Ranges of numbers are no compounds. */
static bool emit_compound(scanner *t, const part *parts, size_t count, bool *given) {
    char whole[COMPOUND_MAX_PARTS * PART_MAX_BYTES], plain[PART_MAX_BYTES];
    size_t n = 0, plain_n, words = 0, joints = 0;
    *given = false;
    if (count < 2 || count > COMPOUND_MAX_PARTS) return true;
    for (size_t i = 0; i < count; i++) {
        size_t part_n;
        words += !parts[i].number;
        joints += parts[i].joined;
        if (!fold_part(t, &parts[i], whole + n, &part_n, plain, &plain_n)) return true;
        n += part_n;
    }
    if (words == 0 || joints == 0 || n > WORDS_TOKEN_MAX_BYTES) return true;
    *given = true;
    return t->emit(t->context, (str){whole, n}, (uint32_t)parts[0].begin,
                   (uint32_t)parts[count - 1].end, false, false);
}

/* A number with its power; false in *given where it has none. */
static bool scan_power(scanner *t, size_t *at, bool *given) {
    char token[PART_MAX_BYTES], power[PART_MAX_BYTES];
    bool minus;
    size_t end = number_end(t, *at), digits, n, power_n, begin = *at;
    size_t last = power_end(t, end, &digits, &minus);
    *given = last > end && last - digits <= PART_MAX_BYTES / 4 &&
             words_number(str_cut(t->s, begin, end), t->comma_decimal, token, sizeof token, &n) &&
             words_normalize(str_cut(t->s, digits, last), power, sizeof power, &power_n) &&
             n + power_n + 2 <= WORDS_TOKEN_MAX_BYTES;
    if (!*given) return true;
    *at = last;
    size_t base_n = n;
    token[n++] = '^';
    if (minus) token[n++] = '-';
    memcpy(token + n, power, power_n);
    return t->emit(t->context, (str){token, n + power_n}, (uint32_t)begin, (uint32_t)last, false,
                   false) &&
           t->emit(t->context, (str){token, base_n}, (uint32_t)begin, (uint32_t)end, true, false) &&
           t->emit(t->context, (str){power, power_n}, (uint32_t)digits, (uint32_t)last, false,
                   false);
}

static bool scan_chain(scanner *t, size_t *at) {
    part parts[CHAIN_MAX_PARTS];
    size_t count = collect_parts(t, *at, parts);
    bool whole;
    if (!emit_compound(t, parts, count, &whole)) return false;
    for (size_t i = 0; i < count; i++) {
        char token[PART_MAX_BYTES], plain[PART_MAX_BYTES];
        size_t n, plain_n;
        if (!fold_part(t, &parts[i], token, &n, plain, &plain_n)) continue;
        bool stop = plain_n > 0 && words_stop((str){plain, plain_n}, t->code);
        if (!t->emit(t->context, (str){token, n}, (uint32_t)parts[i].begin, (uint32_t)parts[i].end,
                     whole && i == 0, stop))
            return false;
    }
    *at = parts[count - 1].end;
    return true;
}

/* ---- scripts without spaces ---------------------------------------------------------------- */

/* What belongs to the character before it: voicing marks, Thai and Khmer vowels, jamo. */
static bool extends_cluster(uint32_t c) {
    words_class class = words_class_of(c);
    if (class == WORDS_MARK || class == WORDS_IGNORED) return true;
    return (c >= 0x3099 && c <= 0x309A) || (c >= 0xFF9E && c <= 0xFF9F) ||
           (c >= 0x1160 && c <= 0x11FF) || c == 0x0E31 || (c >= 0x0E34 && c <= 0x0E3A) ||
           (c >= 0x0E47 && c <= 0x0E4E) || c == 0x0EB1 || (c >= 0x0EB4 && c <= 0x0EBC) ||
           (c >= 0x0EC8 && c <= 0x0ECD) || (c >= 0x102B && c <= 0x103E) ||
           (c >= 0x17B6 && c <= 0x17D3);
}

typedef struct {
    size_t begin, end;
    char bytes[WORDS_TOKEN_MAX_BYTES / 2]; /* two of them make a token */
    size_t n;
    bool hiragana;
} cluster;

/* The next character of a run with its marks; false where the run ends. */
static bool next_cluster(const scanner *t, size_t at, cluster *out) {
    size_t used;
    uint32_t c = peek(t, at, &used);
    if (at >= t->s.n || !words_unspaced(c)) return false;
    out->begin = at;
    out->hiragana = c >= 0x3041 && c <= 0x309F;
    for (at += used; at < t->s.n; at += used) {
        if (!extends_cluster(peek(t, at, &used))) break;
    }
    out->end = at;
    str s = str_cut(t->s, out->begin, out->end);
    if (s.n > PART_MAX_BYTES) s = str_cut(s, 0, utf8_floor(s, PART_MAX_BYTES));
    if (!words_normalize(s, out->bytes, sizeof(out->bytes), &out->n)) out->n = 0;
    return true;
}

static bool emit_pair(scanner *t, const cluster *a, const cluster *b) {
    char token[WORDS_TOKEN_MAX_BYTES];
    memcpy(token, a->bytes, a->n);
    memcpy(token + a->n, b->bytes, b->n);
    /* Pairs of Hiragana are mostly endings and particles. */
    bool stop = !t->document && a->hiragana && b->hiragana;
    return t->emit(t->context, (str){token, a->n + b->n}, (uint32_t)a->begin, (uint32_t)b->end,
                   false, stop);
}

static bool scan_unspaced(scanner *t, size_t *at) {
    cluster now, next;
    size_t pairs = 0;
    if (!next_cluster(t, *at, &now)) return true;
    while (next_cluster(t, now.end, &next)) {
        if (now.n > 0 && next.n > 0) {
            if (!emit_pair(t, &now, &next)) return false;
            pairs++;
        }
        now = next;
    }
    *at = now.end;
    if (now.n == 0 || (pairs > 0 && !t->document)) return true;
    return t->emit(t->context, (str){now.bytes, now.n}, (uint32_t)now.begin, (uint32_t)now.end,
                   pairs > 0, false);
}

/* ---- the whole text ------------------------------------------------------------------------ */

static bool scan_fraction(scanner *t, size_t *at, size_t used) {
    char token[WORDS_TOKEN_MAX_BYTES];
    size_t n, begin = *at;
    *at += used;
    if (!words_normalize(str_cut(t->s, begin, *at), token, sizeof(token), &n)) return true;
    str slash = STR("\xE2\x81\x84"); /* U+2044, what the decomposition has in the middle */
    size_t place = str_find((str){token, n}, slash, 0);
    if (place != SIZE_MAX) {
        token[place] = '/';
        memmove(token + place + 1, token + place + slash.n, n - place - slash.n);
        n -= slash.n - 1;
    }
    return t->emit(t->context, (str){token, n}, (uint32_t)begin, (uint32_t)*at, false, false);
}

bool words_scan(str s, str language, bool document, words_emit *emit, void *context) {
    scanner t;
    scanner_open(&t, s, language, document, emit, context);
    bool ok = true;
    for (size_t at = 0; ok && at < t.s.n;) {
        size_t used;
        bool power;
        switch (words_class_of(peek(&t, at, &used))) {
        case WORDS_DIGIT:
            ok = scan_power(&t, &at, &power);
            if (ok && !power) ok = scan_chain(&t, &at);
            break;
        case WORDS_LETTER:
        case WORDS_RAISED:
            ok = scan_chain(&t, &at);
            break;
        case WORDS_UNSPACED:
            ok = scan_unspaced(&t, &at);
            break;
        case WORDS_FRACTION:
            ok = scan_fraction(&t, &at, used);
            break;
        default:
            at += used;
        }
    }
    sb_stemmer_delete(t.stemmer);
    return ok;
}

typedef struct {
    arena *a;
    index_word *words;
    size_t count, capacity;
} word_list;

static bool append_word(void *context, str token, uint32_t begin, uint32_t end, bool together,
                        bool stop) {
    word_list *list = context;
    (void)together;
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
        list->words = mem_grow(list->words, list->capacity, sizeof(index_word));
    }
    list->words[list->count++] = (index_word){arena_str(list->a, token), begin, end, stop};
    return true;
}

void index_words(str s, str language, arena *a, index_word **out, size_t *count) {
    word_list list = {.a = a};
    words_scan(s, language, false, append_word, &list);
    *out = arena_alloc(a, list.count, sizeof(index_word));
    if (list.count > 0) memcpy(*out, list.words, list.count * sizeof(index_word));
    *count = list.count;
    mem_free(list.words);
}
