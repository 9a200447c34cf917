/* pretokenize.c: how each family of byte-level BPE cuts a text into words before merging.
 *
 * The families are defined by regular expressions; each is written here as a small scanner, so
 * that a hostile text cannot make an expression engine backtrack for ever. The expression stands
 * above its scanner, and the parity data hold every one of them to the same words.
 *
 * A family is a list of stages. A stage looks for its matches in each part that the stage before
 * left; what lies between two matches is a part as well. Character classes come from utf8proc;
 * ill-formed bytes count as U+FFFD, but stay the bytes they are. Never allocates.
 *
 * tekken and gpt-4o tell upper from lower case for ASCII alone and take every other letter as
 * both, as llama.cpp does, whose ids the parity data give.
 */
#include "engine/tokenizer.h"

#include <utf8proc.h>

enum { LETTER = 1, NUMBER = 2, PUNCTUATION = 4, MARK = 8, SYMBOL = 16, SPACE = 32 };

typedef struct {
    uint32_t c;
    unsigned is; /* classes */
    size_t n;    /* bytes; 0 at the end */
} glyph;

/* The White_Space property (Unicode Character Database, PropList). */
bool engine_is_space(uint32_t c) {
    return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

static unsigned classes(uint32_t c) {
    if (engine_is_space(c)) return SPACE;
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        return LETTER;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return NUMBER;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
        return PUNCTUATION;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        return MARK;
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO:
        return SYMBOL;
    default:
        return 0;
    }
}

static glyph at(str s, size_t i) {
    if (i >= s.n) return (glyph){0};
    unsigned char b = (unsigned char)s.p[i];
    if ((b | 0x20) >= 'a' && (b | 0x20) <= 'z') return (glyph){b, LETTER, 1};
    glyph g = {.c = b, .n = 1};
    if (b >= 0x80) g.c = utf8_next(s.p + i, s.n - i, &g.n);
    g.is = classes(g.c);
    return g;
}

static bool is_newline(glyph g) {
    return g.n && (g.c == '\r' || g.c == '\n');
}

/* The end of the run, from i on, of characters of any of these classes; i where there is none. */
static size_t run_of(str s, size_t i, unsigned any) {
    for (glyph g = at(s, i); g.n && (g.is & any); g = at(s, i)) i += g.n;
    return i;
}

static size_t run_without(str s, size_t i, unsigned none) {
    for (glyph g = at(s, i); g.n && !(g.is & none); g = at(s, i)) i += g.n;
    return i;
}

/* 's|'t|'re|'ve|'m|'ll|'d */
static size_t contraction(str s, size_t i, bool any_case) {
    if (i + 1 >= s.n || s.p[i] != '\'') return i;
    int fold = any_case ? 0x20 : 0;
    int a = s.p[i + 1] | fold, b = i + 2 < s.n ? s.p[i + 2] | fold : 0;
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return i + 2;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return i + 3;
    return i;
}

/* \s+(?!\S)|\s+ : a run of white space without its last character, which belongs to the word
 * behind it, unless it is the only one or nothing follows. */
static size_t spaces(str s, size_t i) {
    size_t last = i, end = i;
    for (glyph g = at(s, i); g.n && (g.is & SPACE); g = at(s, end)) {
        last = end;
        end += g.n;
    }
    return end < s.n && last > i ? last : end;
}

/* \s*[\r\n]+ */
static size_t lines(str s, size_t i) {
    size_t end = i;
    for (glyph g = at(s, i); g.n && (g.is & SPACE); g = at(s, i)) {
        i += g.n;
        if (is_newline(g)) end = i;
    }
    return end;
}

/* \p{N}{1,most} */
static size_t digits(str s, size_t i, int most) {
    for (glyph g = at(s, i); most-- > 0 && g.n && (g.is & NUMBER); g = at(s, i)) i += g.n;
    return i;
}

/*  ?[^NONE]+[\r\n]* ; with `slash` the tail is [\r\n/]* */
static size_t signs(str s, size_t i, unsigned none, bool slash) {
    size_t from = i + (s.p[i] == ' '), end = run_without(s, from, none);
    if (end == from) return i;
    while (end < s.n && (s.p[end] == '\r' || s.p[end] == '\n' || (slash && s.p[end] == '/'))) end++;
    return end;
}

/* ---- stages: the end of the match that begins at i, or i ---------------------------------- */

typedef size_t stage_fn(str s, size_t i);

/* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
static size_t stage_gpt2(str s, size_t i) {
    size_t end = contraction(s, i, false);
    if (end > i) return end;
    size_t from = i + (s.p[i] == ' ');
    glyph g = at(s, from);
    if (g.is & LETTER) return run_of(s, from, LETTER);
    if (g.is & NUMBER) return run_of(s, from, NUMBER);
    if (g.n && !(g.is & SPACE)) return run_without(s, from, SPACE | LETTER | NUMBER);
    return spaces(s, i);
}

/* (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?WORD+|\p{N}{1,most}| ?[^\s WORD \p{N}]+[\r\n]*
 * |\s*[\r\n]+|\s+(?!\S)|\s+ ; WORD is \p{L}, or [\p{L}\p{M}] */
static size_t llama3_like(str s, size_t i, unsigned word, int most) {
    size_t end = contraction(s, i, true);
    if (end > i) return end;
    glyph g = at(s, i);
    if (g.is & word) return run_of(s, i, word);
    if (!is_newline(g) && !(g.is & NUMBER) && (end = run_of(s, i + g.n, word)) > i + g.n)
        return end;
    if ((end = digits(s, i, most)) > i) return end;
    if ((end = signs(s, i, SPACE | NUMBER | word, false)) > i) return end;
    if ((end = lines(s, i)) > i) return end;
    return spaces(s, i);
}

static size_t stage_llama3(str s, size_t i) {
    return llama3_like(s, i, LETTER, 3);
}

static size_t stage_qwen2(str s, size_t i) {
    return llama3_like(s, i, LETTER, 1);
}

static size_t stage_qwen35(str s, size_t i) {
    return llama3_like(s, i, LETTER | MARK, 1);
}

/* [^\r\n\p{L}\p{N}]?U*L+|[^\r\n\p{L}\p{N}]?U+L* ; U is a letter but a-z, L a letter but A-Z */
static size_t cased_word(str s, size_t i) {
    size_t from = i, end, both = 0; /* both: the end of the last letter seen that is U and L */
    glyph g = at(s, i);
    if (!(g.is & LETTER)) {
        if (is_newline(g) || (g.is & NUMBER)) return i;
        from += g.n;
    }
    end = from;
    for (g = at(s, end); (g.is & LETTER) && !(g.c >= 'a' && g.c <= 'z'); g = at(s, end)) {
        end += g.n;
        if (g.c >= 0x80) both = end;
    }
    if (g.is & LETTER) {
        for (; (g.is & LETTER) && !(g.c >= 'A' && g.c <= 'Z'); g = at(s, end)) end += g.n;
        return end;
    }
    if (both) return both; /* U* gives letters back until one can be the L */
    return end > from ? end : i;
}

static size_t cased_like(str s, size_t i, int most, bool contracts) {
    size_t end = cased_word(s, i);
    if (end > i) return contracts ? contraction(s, end, true) : end;
    if ((end = digits(s, i, most)) > i) return end;
    if ((end = signs(s, i, SPACE | LETTER | NUMBER, true)) > i) return end;
    if ((end = lines(s, i)) > i) return end;
    return spaces(s, i);
}

/* CASED-WORD|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
static size_t stage_tekken(str s, size_t i) {
    return cased_like(s, i, 1, false);
}

/* CASED-WORD(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}|, the rest as tekken */
static size_t stage_gpt4o(str s, size_t i) {
    return cased_like(s, i, 3, true);
}

static size_t punctuation_and(str s, size_t i, const char *others) {
    for (glyph g = at(s, i); g.n; g = at(s, i)) {
        bool other = false;
        for (const char *o = others; *o; o++) other = other || g.c == (unsigned char)*o;
        if (!other && !(g.is & PUNCTUATION)) break;
        i += g.n;
    }
    return i;
}

/* [\p{P}\$\+<=>\^~\|`]+ */
static size_t stage_falcon_signs(str s, size_t i) {
    return punctuation_and(s, i, "$+<=>^~|`");
}

/* [\p{P}\$\+<=>\^~\|]+ */
static size_t stage_default_signs(str s, size_t i) {
    return punctuation_and(s, i, "$+<=>^~|");
}

/* [0-9][0-9][0-9] */
static size_t stage_three_digits(str s, size_t i) {
    for (size_t k = i; k < i + 3; k++)
        if (k >= s.n || s.p[k] < '0' || s.p[k] > '9') return i;
    return i + 3;
}

/* \p{N} */
static size_t stage_digit(str s, size_t i) {
    return digits(s, i, 1);
}

/* \p{N}+ */
static size_t stage_number(str s, size_t i) {
    return run_of(s, i, NUMBER);
}

/* [\r\n] */
static size_t stage_newline(str s, size_t i) {
    return i + (s.p[i] == '\r' || s.p[i] == '\n');
}

static size_t after_space(str s, size_t i, unsigned any) {
    glyph g = at(s, i);
    size_t from = i + (g.is & SPACE ? g.n : 0), end = run_of(s, from, any);
    return end > from ? end : i;
}

/* \s?\p{L}+ */
static size_t stage_spaced_letters(str s, size_t i) {
    return after_space(s, i, LETTER);
}

/* \s?\p{P}+ */
static size_t stage_spaced_signs(str s, size_t i) {
    return after_space(s, i, PUNCTUATION);
}

/* [U+0800-U+9FA5 U+AC00-U+D7FF]+ : the three ranges of the definition, two of which touch */
static size_t stage_east_asian(str s, size_t i) {
    glyph g = at(s, i);
    while (g.n && ((g.c >= 0x0800 && g.c <= 0x9FA5) || (g.c >= 0xAC00 && g.c <= 0xD7FF))) {
        i += g.n;
        g = at(s, i);
    }
    return i;
}

/* ---- families ----------------------------------------------------------------------------- */

#define STAGES_MAX 5

struct engine_pre {
    const char *name;
    bool ignores_merges, adds_bos;
    stage_fn *stage[STAGES_MAX + 1]; /* a NULL behind the last */
};

/* Names that share a rule split alike in llama.cpp too, whose names these are. The parity data
 * have one of each rule; of the pairs deepseek-r1-qwen and qwen2, roberta-bpe and gpt-2 both.
 * SmolLM3's files say smaug-bpe: Llama 3's expression, but without ignoring merges. */
static const engine_pre families[] = {
    {"gpt-2", false, false, {stage_gpt2}},
    {"phi-2", false, false, {stage_gpt2}},
    {"olmo", false, false, {stage_gpt2}},
    {"roberta-bpe", false, false, {stage_gpt2}},
    {"jina-v1-en", false, false, {stage_gpt2}},
    {"llama-bpe", true, true, {stage_llama3}},
    {"llama3", true, true, {stage_llama3}},
    {"llama-v3", true, true, {stage_llama3}},
    {"falcon3", true, true, {stage_llama3}},
    {"smaug-bpe", false, false, {stage_llama3}},
    {"dbrx", false, false, {stage_llama3}},
    {"qwen2", false, false, {stage_qwen2}},
    {"stablelm2", false, false, {stage_qwen2}},
    {"deepseek-r1-qwen", false, false, {stage_qwen2}},
    {"qwen35", false, false, {stage_qwen35}},
    {"smollm", false, false, {stage_digit, stage_gpt2}},
    {"starcoder", false, false, {stage_digit, stage_gpt2}},
    {"refact", false, false, {stage_digit, stage_gpt2}},
    {"command-r", false, false, {stage_digit, stage_gpt2}},
    {"tekken", true, true, {stage_tekken}},
    {"gpt-4o", false, false, {stage_gpt4o}},
    {"llama4", false, false, {stage_gpt4o}},
    {"falcon", false, false, {stage_falcon_signs, stage_gpt2, stage_three_digits}},
    {"default", false, false, {stage_default_signs, stage_gpt2, stage_number, stage_three_digits}},
    {"deepseek-coder",
     false,
     false,
     {stage_newline, stage_spaced_letters, stage_spaced_signs, stage_east_asian, stage_digit}},
};

const engine_pre *engine_pre_find(str name) {
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (str_eq(name, str_of(families[i].name))) return &families[i];
    return NULL;
}

bool engine_pre_ignores_merges(const engine_pre *p) {
    return p->ignores_merges;
}

bool engine_pre_adds_bos(const engine_pre *p) {
    return p->adds_bos;
}

/* base: where part stands in the whole. At most STAGES_MAX deep. */
static void split(stage_fn *const *stage, str part, size_t base, engine_pre_fn *fn, void *context) {
    if (!*stage) {
        fn(context, part, base);
        return;
    }
    size_t i = 0, gap = 0;
    while (i < part.n) {
        size_t end = (*stage)(part, i);
        if (end == i) {
            i += at(part, i).n;
            continue;
        }
        if (gap < i) split(stage + 1, str_cut(part, gap, i), base + gap, fn, context);
        split(stage + 1, str_cut(part, i, end), base + i, fn, context);
        i = gap = end;
    }
    if (gap < i) split(stage + 1, str_cut(part, gap, i), base + gap, fn, context);
}

void engine_pre_split(const engine_pre *p, str s, engine_pre_fn *fn, void *context) {
    split(p->stage, s, 0, fn, context);
}
