/* wordpiece.c: WordPiece as BERT uses it ("bert" in GGUF), the tokenizer of the built-in models.
 *
 * A text is normalised one code point at a time: canonical decomposition, of which the base
 * character stays and marks go, simple lower case; control and format characters vanish. White
 * space ends a word; a punctuation character or an ideograph is a word of its own. Each word is cut
 * greedily into the longest pieces, the first of which carries U+2581; a word that cannot be cut
 * becomes [UNK], unless plain digits in the place of raised and lowered ones make it known. Every
 * token knows the source bytes of its whole word, since answers are cut out of pages with them. As
 * in llama.cpp, whose ids the parity data give, all marks are dropped (not only non-spacing ones)
 * and a Hangul syllable is its first letter. Source: Devlin et al., "BERT" (2019). All documents
 * pass through here, so ASCII takes a short path and words share a buffer.
 */
#include "engine/tokenizer.h"

#include <string.h>
#include <utf8proc.h>

#define WORD_MARK "\xE2\x96\x81" /* U+2581 */
#define MARK_BYTES (sizeof WORD_MARK - 1)
#define UTF8_MOST 4 /* bytes of a code point */

bool engine_wordpiece_load(engine_tokenizer *t, error *err) {
    for (size_t i = 0; i < t->vocab; i++) {
        const engine_piece *p = &t->pieces[i];
        if (p->type != PIECE_NORMAL || p->n == 0) continue;
        if (!engine_tokenizer_put_word(t, i, err)) return false;
        engine_piece_map_put(&t->map, t->pieces, (uint32_t)i);
    }
    t->word_start = engine_trie_walk(&t->words, 0, STR(WORD_MARK));
    if (!t->word_start)
        return error_set(err, ERROR_MODEL,
                         "no piece of the WordPiece vocabulary begins with U+2581; "
                         "the file was converted in another way than llama.cpp does it");
    if (t->special[ENGINE_UNK] < 0)
        return error_set(err, ERROR_MODEL, "the WordPiece vocabulary has no [UNK] token");
    return true;
}

/* ---- characters --------------------------------------------------------------------------- */

typedef enum { DROP, DROP_MARK, BREAK, ALONE, KEEP } fold_action;

static bool is_ideograph(uint32_t c) {
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2CEAF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

static fold_action fold_ascii(unsigned char b) {
    if ((b >= '0' && b <= '9') || ((b | 0x20) >= 'a' && (b | 0x20) <= 'z')) return KEEP;
    if (b == ' ' || (b >= 0x09 && b <= 0x0D)) return BREAK;
    return b < 0x20 || b == 0x7F ? DROP : ALONE;
}

/* What becomes of a code point beyond ASCII; *c gets its base character in lower case. */
static fold_action fold(uint32_t *c) {
    utf8proc_int32_t parts[8]; /* the longest canonical decomposition has four */
    if (*c == UTF8_REPLACEMENT) return DROP;
    if (utf8proc_decompose_char((utf8proc_int32_t)*c, parts, 8, UTF8PROC_DECOMPOSE, NULL) > 0)
        *c = (uint32_t)parts[0];
    if (engine_is_space(*c)) return BREAK;
    switch (utf8proc_category((utf8proc_int32_t)*c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        return DROP_MARK;
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
        return DROP;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
        return ALONE;
    default:
        break;
    }
    if (is_ideograph(*c)) return ALONE;
    *c = (uint32_t)utf8proc_tolower((utf8proc_int32_t)*c);
    return *c < 0x80 && fold_ascii((unsigned char)*c) == ALONE ? ALONE : KEEP;
}

/* ---- words -------------------------------------------------------------------------------- */

typedef struct {
    const engine_tokenizer *t;
    engine_token_list *out;
    char *word; /* normalised, behind the mark of a word's start */
    size_t n, room;
    size_t begin, end; /* of the word in the source; end is where its last character ends */
} word_run;

/* Most words are one piece. Then that is the longest, and one look-up finds it. */
static int32_t whole_word(const word_run *run) {
    return engine_piece_map_find(&run->t->map, run->t->pieces,
                                 (str){run->word, MARK_BYTES + run->n});
}

/* The pieces of [begin, end) of the normalised word; false where it cannot be cut. */
static bool put_pieces(word_run *run, size_t begin, size_t end) {
    const engine_tokenizer *t = run->t;
    size_t length;
    uint32_t node = t->word_start;
    for (size_t i = begin; i < end; i += length) {
        str rest = {run->word + MARK_BYTES + i, end - i};
        int32_t id = engine_trie_longest(&t->words, node, rest, &length);
        if (id < 0 && i == begin && node != 0)
            id = t->words.value[node]; /* U+2581 as a piece of its own */
        if (id < 0) return false;
        engine_token_list_put(run->out, id, run->begin, run->end);
        node = 0;
    }
    return true;
}

/* What a raised or lowered digit or sign is on the line; 0: it is none. */
static char plain_script(uint32_t c) {
    if (c == 0xB9) return '1';
    if (c == 0xB2 || c == 0xB3) return (char)('0' + (c - 0xB0));
    if (c == 0x2070 || (c >= 0x2074 && c <= 0x2079)) return (char)('0' + (c - 0x2070));
    if (c >= 0x2080 && c <= 0x2089) return (char)('0' + (c - 0x2080));
    if (c == 0x207A || c == 0x208A) return '+';
    return c == 0x207B || c == 0x208B ? '-' : 0;
}

/* A word that only its raised and lowered digits keep from being cut, with plain ones: "co2" for
 * CO₂. Behind a digit, and around a sign, they are a word of their own: 10⁵ is not 105. */
static bool put_plain(word_run *run) {
    char *word = run->word + MARK_BYTES;
    size_t to = 0, begin = 0, used;
    bool changed = false, was_script = false;
    for (size_t i = 0; i < run->n; i += used) {
        char script = plain_script(utf8_next(word + i, run->n - i, &used));
        bool digit = to > begin && word[to - 1] >= '0' && word[to - 1] <= '9';
        bool sign = script == '+' || script == '-' || (to > begin && !digit && was_script);
        if (to > begin && script && (sign || (digit && !was_script))) {
            if (!put_pieces(run, begin, to)) return false;
            begin = to;
        }
        if (script)
            word[to++] = script;
        else
            for (size_t k = 0; k < used; k++) word[to++] = word[i + k];
        was_script = script != 0;
        changed = changed || script;
    }
    return changed && put_pieces(run, begin, to);
}

static void put_word(word_run *run) {
    size_t first = run->out->n;
    int32_t whole = run->n > 0 ? whole_word(run) : -1;
    if (whole >= 0) {
        engine_token_list_put(run->out, whole, run->begin, run->end);
    } else if (!put_pieces(run, 0, run->n)) {
        run->out->n = first;
        if (!put_plain(run)) {
            run->out->n = first;
            engine_token_list_put(run->out, run->t->special[ENGINE_UNK], run->begin, run->end);
        }
    }
    run->n = 0;
}

/* Room for so many bytes more of the word; where it is to begin, if it does now. */
static void word_open(word_run *run, size_t bytes, size_t at) {
    bool first = run->room == 0;
    while (MARK_BYTES + run->n + bytes > run->room) {
        run->room = 2 * run->room + 256;
        run->word = mem_grow(run->word, run->room, 1);
    }
    if (first) memcpy(run->word, WORD_MARK, MARK_BYTES);
    if (run->n == 0) run->begin = at;
}

static void put_char(word_run *run, fold_action action, uint32_t c, size_t at, size_t used) {
    switch (action) {
    case DROP:
        return;
    case DROP_MARK:
        if (run->n && run->end == at) run->end = at + used; /* the word's last letter wears it */
        return;
    case BREAK:
        put_word(run);
        return;
    case ALONE:
        put_word(run);
        break;
    case KEEP:
        break;
    }
    word_open(run, UTF8_MOST, at);
    run->n += utf8_encode(c, run->word + MARK_BYTES + run->n);
    run->end = at + used;
    if (action == ALONE) put_word(run);
}

/* Letters and digits of ASCII from i on; returns where they end. */
static size_t put_ascii(word_run *run, str s, size_t i, size_t base) {
    size_t end = i;
    while (end < s.n && (signed char)s.p[end] >= 0 && fold_ascii((unsigned char)s.p[end]) == KEEP)
        end++;
    word_open(run, end - i, base + i);
    for (char *to = run->word + MARK_BYTES; i < end; i++)
        to[run->n++] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] | 0x20 : s.p[i]);
    run->end = base + end;
    return end;
}

void engine_wordpiece_run(const engine_tokenizer *t, str s, size_t base, engine_token_list *out) {
    word_run run = {.t = t, .out = out};
    for (size_t i = 0, used; i < s.n; i += used) {
        unsigned char b = (unsigned char)s.p[i];
        used = 1;
        if (b < 0x80) {
            fold_action action = fold_ascii(b);
            if (action == KEEP)
                used = put_ascii(&run, s, i, base) - i;
            else
                put_char(&run, action, b, base + i, 1);
            continue;
        }
        uint32_t c = utf8_next(s.p + i, s.n - i, &used);
        fold_action action = fold(&c);
        put_char(&run, action, c, base + i, used);
    }
    put_word(&run);
    mem_free(run.word);
}
