/* unigram.c: SentencePiece's Unigram model as T5 and XLM-RoBERTa use it ("t5" in GGUF).
 *
 * A text is normalised (charsmap.c; spaces become U+2581, runs of them one where the file says so,
 * one goes in front where it asks for it); then, of all ways to cut it into pieces, the one with
 * the highest sum of scores is taken: Viterbi from left to right, so that the time is bounded by
 * the text's length times the longest piece. A character that no piece covers costs more than any
 * piece; it becomes its bytes where the vocabulary has them (<0xXX>), else a run of such characters
 * becomes one unknown token. Control tokens never come out of a text. Source: Kudo, "Subword
 * Regularization" (2018), Kudo and Richardson, "SentencePiece" (2018), and the parity data.
 */
#include "engine/tokenizer.h"

#include <assert.h>
#include <math.h>

#define SPACE_MARK STR("\xE2\x96\x81") /* U+2581 */
#define REPLACEMENT STR("\xEF\xBF\xBD")

/* How much less than the worst piece an unknown character is worth (SentencePiece's constant). */
#define UNKNOWN_PENALTY 10.0

/* ---- loading ------------------------------------------------------------------------------ */

static bool load_unknown(engine_tokenizer *t, error *err) {
    for (size_t i = 0; i < t->vocab && t->special[ENGINE_UNK] < 0; i++)
        if (t->pieces[i].type == PIECE_UNKNOWN) t->special[ENGINE_UNK] = (int32_t)i;
    if (t->special[ENGINE_UNK] < 0)
        return error_set(err, ERROR_MODEL, "the Unigram vocabulary has no unknown token");
    return true;
}

bool engine_unigram_load(engine_tokenizer *t, const engine_gguf *g, error *err) {
    double worst = INFINITY;
    if (!engine_tokenizer_load_scores(t, g, err) || !load_unknown(t, err) ||
        !engine_charsmap_load(&t->charsmap, g, t->memory, err))
        return false;
    for (size_t i = 0; i < t->vocab; i++) {
        engine_piece *p = &t->pieces[i];
        if (!isfinite(p->score))
            return error_set(err, ERROR_MODEL, "the score of token %zu is no number", i);
        if (p->type == PIECE_BYTE && !engine_spm_load_byte(t, i, err)) return false;
        if (p->type == PIECE_NORMAL && (double)p->score < worst) worst = (double)p->score;
        /* User-defined tokens are cut out of the source before; a text that becomes one only by
         * its normalisation gets it here, at no cost. */
        if (p->type == PIECE_USER) p->score = 0;
        if ((p->type != PIECE_NORMAL && p->type != PIECE_USER) || p->n == 0) continue;
        if (!engine_tokenizer_put_word(t, i, err)) return false;
    }
    t->unknown_score = (isinf(worst) ? 0 : worst) - UNKNOWN_PENALTY;
    t->merges_spaces = false;
    engine_gguf_bool(g, "tokenizer.ggml.remove_extra_whitespaces", &t->merges_spaces);
    return true;
}

/* ---- normalisation ------------------------------------------------------------------------ */

/* What Viterbi sees. */
typedef struct {
    const engine_tokenizer *t;
    text bytes;
    uint32_t *from; /* [bytes.n + 1]: where in the source each byte came from */
    size_t room;
    bool any, in_word; /* a word has begun; the last character is one of it */
    size_t gap;        /* where the white space that was left out begins */
} normal_text;

static void put(normal_text *out, str s, size_t from) {
    if (out->bytes.n + s.n + 1 > out->room) {
        out->room = 2 * (out->bytes.n + s.n) + 64;
        out->from = mem_grow(out->from, out->room, sizeof *out->from);
    }
    for (size_t i = 0; i < s.n; i++) out->from[out->bytes.n + i] = (uint32_t)from;
    text_put(&out->bytes, s);
}

/* White space in the source is what the map makes a space of: without a map, a space alone. */
static void put_char(normal_text *out, str c, size_t at) {
    const engine_tokenizer *t = out->t;
    if (c.p[0] == ' ') {
        if (out->in_word) out->gap = at;
        out->in_word = false;
        if (!t->merges_spaces) put(out, SPACE_MARK, at);
        return;
    }
    if (!out->in_word) {
        bool first = !out->any;
        /* White space that is left out belongs to the token behind it. */
        size_t from = !t->merges_spaces ? at : first ? 0 : out->gap;
        if (first ? t->add_space_prefix : t->merges_spaces)
            put(out, SPACE_MARK, from);
        else
            at = from;
        out->any = out->in_word = true;
    }
    put(out, c, at);
}

static void normalise(normal_text *out, str s) {
    for (size_t i = 0, used; i < s.n; i += used) {
        str with;
        used = engine_charsmap_match(&out->t->charsmap, str_cut(s, i, s.n), &with);
        if (used == 0) {
            uint32_t c = utf8_next(s.p + i, s.n - i, &used);
            with = c == UTF8_REPLACEMENT ? REPLACEMENT : str_cut(s, i, i + used);
        }
        for (size_t k = 0, n; k < with.n; k += n) {
            utf8_next(with.p + k, with.n - k, &n);
            put_char(out, str_cut(with, k, k + n), i);
        }
    }
    put(out, (str){0}, s.n);
    out->from[out->bytes.n] = (uint32_t)s.n;
}

/* ---- the best cut ------------------------------------------------------------------------- */

/* Of the first i bytes: the score of the best cut, and its last piece. */
typedef struct {
    double score;
    int32_t id; /* -1: an unknown character */
    uint32_t n; /* bytes */
} cut;

static void try_cut(cut *best, size_t i, uint32_t n, int32_t id, double score) {
    if (best[i].score + score > best[i + n].score)
        best[i + n] = (cut){best[i].score + score, id, n};
}

/* best[0 .. s.n]; each one that a character ends at has a last piece. */
static void find_cuts(const engine_tokenizer *t, str s, cut *best) {
    best[0] = (cut){0};
    for (size_t i = 1; i <= s.n; i++) best[i] = (cut){.score = -INFINITY};
    for (size_t i = 0, used; i < s.n; i += used) {
        bool alone = false; /* a piece is just this character */
        uint32_t node = 0;
        utf8_next(s.p + i, s.n - i, &used);
        for (size_t k = i; k < s.n; k++) {
            node = engine_trie_walk(&t->words, node, str_cut(s, k, k + 1));
            if (!node) break;
            int32_t id = t->words.value[node];
            if (id < 0) continue;
            alone = alone || k + 1 == i + used;
            try_cut(best, i, (uint32_t)(k + 1 - i), id, (double)t->pieces[id].score);
        }
        if (!alone) try_cut(best, i, (uint32_t)used, -1, t->unknown_score);
    }
}

static bool put_bytes(const engine_tokenizer *t, str s, const uint32_t *from, size_t base,
                      engine_token_list *out) {
    for (size_t k = 0; k < s.n; k++)
        if (t->byte_id[(unsigned char)s.p[k]] < 0) return false;
    for (size_t k = 0; k < s.n; k++)
        engine_token_list_put(out, t->byte_id[(unsigned char)s.p[k]], base + from[k],
                              base + from[k + 1]);
    return true;
}

/* The chain of last pieces is turned round: n of each becomes that of the piece that begins there. */
static void put_tokens(const engine_tokenizer *t, const normal_text *text_, cut *best, size_t base,
                       engine_token_list *out) {
    str s = text_str(&text_->bytes);
    cut next = {0};
    for (size_t i = s.n;;) {
        cut here = best[i];
        best[i] = next;
        if (i == 0) break;
        assert(here.n > 0 && here.n <= i);
        next = here;
        i -= here.n;
    }
    bool unknown = false; /* the last token is, and grows */
    for (size_t i = 0; i < s.n;) {
        cut here = best[i];
        size_t begin = base + text_->from[i], end = base + text_->from[i + here.n];
        if (here.id >= 0) {
            engine_token_list_put(out, here.id, begin, end);
            unknown = false;
        } else if (unknown) {
            out->p[out->n - 1].end = (uint32_t)end;
        } else if (!put_bytes(t, str_cut(s, i, i + here.n), text_->from + i, base, out)) {
            engine_token_list_put(out, t->special[ENGINE_UNK], begin, end);
            unknown = true;
        }
        i += here.n;
    }
}

void engine_unigram_run(const engine_tokenizer *t, str s, size_t base, bool continues,
                        engine_token_list *out) {
    normal_text normal = {.t = t, .any = continues, .in_word = continues};
    normalise(&normal, s);
    if (normal.bytes.n) {
        cut *best = mem_new(normal.bytes.n + 1, sizeof *best);
        find_cuts(t, text_str(&normal.bytes), best);
        put_tokens(t, &normal, best, base, out);
        mem_free(best);
    }
    mem_free(normal.from);
    text_free(&normal.bytes);
}
