/* Which language a document is in, told by its function words: they make up a third to a half of
 * running text in every language that we have a list for, and hardly overlap.
 *
 * Words that say nothing are not counted: single letters (columns of a table), what touches a digit
 * (part numbers), two or three capitals (country codes, units). What is left must hold several
 * different function words, so that a table with "No." in every row is of no language. A document is
 * looked at in several places, and each place votes with its words; so a cover in English does not
 * make a German manual English, and of a document in two languages the larger one wins.
 *
 * What a document declares is believed unless its text says otherwise beyond doubt: authoring programs
 * write the language of their template into every file, but a short text, or one in a language that
 * we have no words for, is known only by its declaration. Nothing is guessed from a text that is too
 * short or mixed; such a text counts as English.
 */
#include "index/internal.h"

#define SAMPLES_MAX 16    /* places of a document; more change no vote */
#define SAMPLE_BYTES 2048 /* a page: enough words, and a fraction of a millisecond */
#define FEWEST_WORDS 12   /* a heading or a table says nothing about its language */
#define FEWEST_KINDS 4    /* different function words; a table repeats one or two */
#define LEAST_SHARE 0.15  /* of the words; a list of parts in any language has fewer */
#define LEAST_LEAD 1.25   /* times the second best: Danish and Norwegian share most of theirs */
/* Beyond doubt. A language without a list of ours may have a relative that has one (Catalan and
 * Spanish, Afrikaans and Dutch), and share a good part of its words. */
#define SURE_WORDS 60
#define SURE_SHARE 0.22
#define SURE_SHARE_UNLISTED 0.38
#define SURE_LEAD 1.6 /* times the declared language, or where that has no list, any other */

static const char *const codes[] = {"en", "de", "fr", "es", "it", "pt",
                                    "nl", "da", "no", "sv", "fi", "ru"};
#define LANGUAGES (sizeof codes / sizeof *codes)
#define NONE LANGUAGES

/* What was counted in a text. */
typedef struct {
    size_t words, hits[LANGUAGES];
    uint64_t kinds[LANGUAGES]; /* different function words, a bit each by their hash */
} evidence;

/* ---- counting ------------------------------------------------------------------------------- */

/* The next run of letters from *at, folded into out; *plain: it may say something. False at the end. */
static bool next_word(str s, size_t *at, char out[WORDS_TOKEN_MAX_BYTES], size_t *n, bool *plain) {
    size_t begin = SIZE_MAX, used, letters = 0, capitals = 0;
    bool digits = *at > 0 && s.p[*at - 1] >= '0' && s.p[*at - 1] <= '9';
    while (*at < s.n) {
        words_class class = words_class_of(utf8_next(s.p + *at, s.n - *at, &used));
        bool letter = class == WORDS_LETTER || class == WORDS_MARK;
        if (begin == SIZE_MAX) digits = class == WORDS_DIGIT || (letter && digits);
        if (letter && begin == SIZE_MAX) begin = *at;
        if (!letter && begin != SIZE_MAX) {
            digits = digits || class == WORDS_DIGIT;
            break;
        }
        letters += letter;
        capitals += letter && s.p[*at] >= 'A' && s.p[*at] <= 'Z';
        *at += used;
    }
    if (begin == SIZE_MAX) return false;
    *n = 0;
    *plain = letters > 1 && !digits && !(letters <= 3 && capitals == letters);
    if (words_normalize(str_cut(s, begin, *at), out, WORDS_TOKEN_MAX_BYTES, n))
        *n = words_strip(out, *n);
    return true;
}

static unsigned kind_of(str word) {
    unsigned h = 0;
    for (size_t i = 0; i < word.n; i++) h = h * 31 + (unsigned char)word.p[i];
    return (h ^ h >> 6 ^ h >> 12) % 64;
}

static void count(str s, evidence *e) {
    size_t at = 0, n;
    bool plain;
    char word[WORDS_TOKEN_MAX_BYTES];
    s = str_cut(s, 0, utf8_floor(s, s.n < SAMPLE_BYTES ? s.n : SAMPLE_BYTES));
    while (next_word(s, &at, word, &n, &plain)) {
        if (!plain || n == 0) continue;
        e->words++;
        for (size_t i = 0; i < LANGUAGES; i++) {
            if (!words_stop((str){word, n}, codes[i])) continue;
            e->hits[i]++;
            e->kinds[i] |= UINT64_C(1) << kind_of((str){word, n});
        }
    }
}

static size_t bits(uint64_t v) {
    size_t n = 0;
    for (; v; v &= v - 1) n++;
    return n;
}

/* The language with most function words, where it has enough of them and lies far enough ahead. */
static size_t judge(const evidence *e, size_t fewest, double share, double lead) {
    size_t best = 0, second = 0;
    for (size_t i = 1; i < LANGUAGES; i++)
        if (e->hits[i] > e->hits[best]) best = i;
    for (size_t i = 0; i < LANGUAGES; i++)
        if (i != best && e->hits[i] > second) second = e->hits[i];
    bool clear = e->words >= fewest && bits(e->kinds[best]) >= FEWEST_KINDS &&
                 (double)e->hits[best] >= share * (double)e->words &&
                 (double)e->hits[best] >= lead * (double)second;
    return clear ? best : NONE;
}

/* ---- a document ----------------------------------------------------------------------------- */

static void add(evidence *to, const evidence *from) {
    to->words += from->words;
    for (size_t i = 0; i < LANGUAGES; i++) {
        to->hits[i] += from->hits[i];
        to->kinds[i] |= from->kinds[i];
    }
}

/* What the places of a document say. *all: of those that agree with the winner, or of all. */
static size_t vote(const str *texts, size_t text_count, evidence *all) {
    evidence by_vote[LANGUAGES + 1] = {0};
    size_t places = text_count < SAMPLES_MAX ? text_count : SAMPLES_MAX, best = NONE;
    for (size_t i = 0; i < places; i++) {
        evidence one = {0};
        count(texts[i * text_count / places], &one);
        add(all, &one);
        add(&by_vote[judge(&one, FEWEST_WORDS, LEAST_SHARE, LEAST_LEAD)], &one);
    }
    for (size_t i = 0; i < LANGUAGES; i++)
        if (by_vote[i].words > 0 && (best == NONE || by_vote[i].words > by_vote[best].words))
            best = i;
    if (best == NONE) return judge(all, FEWEST_WORDS, LEAST_SHARE, LEAST_LEAD);
    /* Half of all words must stand where the winner was heard: else most of it is something else. */
    if (2 * by_vote[best].words >= all->words) *all = by_vote[best];
    return best;
}

/* Beyond doubt: the text is in `told`, and hardly in the language that it is declared to be in. */
static bool is_sure(const evidence *e, size_t told, const char *declared) {
    size_t rival = NONE, hits = e->hits[told];
    for (size_t i = 0; i < LANGUAGES; i++)
        if (str_eq(str_of(declared), str_of(codes[i]))) rival = i;
    double share = rival == NONE ? SURE_SHARE_UNLISTED : SURE_SHARE;
    if (e->words < SURE_WORDS || (double)hits < share * (double)e->words) return false;
    for (size_t i = 0; rival == NONE && i < LANGUAGES; i++)
        if (i != told && (double)hits < SURE_LEAD * (double)e->hits[i]) return false;
    return rival == NONE || (double)hits >= SURE_LEAD * (double)e->hits[rival];
}

str index_document_language(const str *texts, size_t text_count, str declared) {
    char code[WORDS_CODE_BYTES];
    evidence all = {0};
    size_t told = vote(texts, text_count, &all);
    if (declared.n == 0) return told == NONE ? (str){0} : str_of(codes[told]);
    words_code(declared, code);
    if (told == NONE || str_eq(str_of(code), str_of(codes[told])) || !is_sure(&all, told, code))
        return declared;
    return str_of(codes[told]);
}
