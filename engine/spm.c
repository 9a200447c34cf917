/* spm.c: SentencePiece as Llama and Gemma use it ("llama" in GGUF).
 *
 * Spaces become U+2581, one goes in front where the file asks for it, and neighbouring symbols are
 * merged, the piece with the highest score first. What is no piece at last falls back to its bytes
 * (<0xXX>). Control, unknown and byte tokens never come out of a merge: a document that spells
 * "</s>" does not end anything. Source: Kudo and Richardson, "SentencePiece" (2018), and the
 * parity data.
 */
#include "engine/tokenizer.h"

#include <string.h>

#define SPACE_MARK "\xE2\x96\x81" /* U+2581 */
#define SPACE_MARK_BYTES 3

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool engine_spm_load_byte(engine_tokenizer *t, size_t id, error *err) {
    engine_piece *p = &t->pieces[id];
    int high = p->n == 6 ? hex_digit(p->p[3]) : -1, low = p->n == 6 ? hex_digit(p->p[4]) : -1;
    if (high < 0 || low < 0 || memcmp(p->p, "<0x", 3) != 0 || p->p[5] != '>')
        return error_set(err, ERROR_MODEL,
                         "byte token %zu of the vocabulary is \"%.*s\" instead of <0x00> to <0xFF>",
                         id, (int)p->n, p->p);
    char byte = (char)(high << 4 | low);
    t->byte_id[(unsigned char)byte] = (int32_t)id;
    p->p = arena_str(t->memory, (str){&byte, 1}).p;
    p->n = 1;
    return true;
}

bool engine_spm_load(engine_tokenizer *t, const engine_gguf *g, error *err) {
    if (!engine_tokenizer_load_scores(t, g, err)) return false;
    for (size_t i = 0; i < t->vocab; i++) {
        engine_piece *p = &t->pieces[i];
        if (p->type == PIECE_BYTE) {
            if (!engine_spm_load_byte(t, i, err)) return false;
        } else if ((p->type == PIECE_NORMAL || p->type == PIECE_USER) && p->n) {
            if (!engine_piece_map_put(&t->map, t->pieces, (uint32_t)i))
                return engine_tokenizer_same_bytes(t, i, err);
        }
    }
    return true;
}

/* ---- running ------------------------------------------------------------------------------ */

typedef struct {
    const engine_tokenizer *t;
    char *escaped;
} spm_run;

/* Maps a score so that a higher one is a lower number; -0 counts as 0. */
static uint32_t rank_of(float score) {
    uint32_t bits;
    score += 0.0f;
    memcpy(&bits, &score, sizeof bits);
    return bits >> 31 ? bits : ~bits & 0x7FFFFFFFu;
}

static bool merge_spm(const void *context, const engine_symbol *l, const engine_symbol *r,
                      uint32_t *rank, int32_t *id) {
    const spm_run *run = context;
    const engine_tokenizer *t = run->t;
    *id = engine_piece_map_find(&t->map, t->pieces, (str){run->escaped + l->begin, l->n + r->n});
    if (*id < 0) return false;
    *rank = rank_of(t->pieces[*id].score);
    return true;
}

/* A character that is no piece: its bytes, or the unknown token where the file has no bytes. */
static void put_bytes(const engine_tokenizer *t, const char *p, size_t n, size_t begin, size_t end,
                      engine_token_list *out) {
    for (size_t k = 0; k < n; k++) {
        int32_t id = t->byte_id[(unsigned char)p[k]];
        if (id < 0) {
            if (t->special[ENGINE_UNK] >= 0)
                engine_token_list_put(out, t->special[ENGINE_UNK], begin + k, end);
            return;
        }
        /* An escaped space is one byte of the source and three here. */
        size_t from = begin + k < end ? begin + k : end;
        engine_token_list_put(out, id, from, from + 1 < end ? from + 1 : end);
    }
}

/* Splits s into characters, escaped; source[i] is where symbol i begins in s. */
static uint32_t escape(str s, bool prefix, spm_run *run, engine_symbol *symbols, uint32_t *source) {
    const engine_tokenizer *t = run->t;
    uint32_t count = 0, n = 0;
    for (size_t i = 0; i < s.n || prefix; prefix = false) {
        size_t used = 0;
        bool space = prefix || s.p[i] == ' ';
        if (!prefix) utf8_next(s.p + i, s.n - i, &used);
        const char *from = space ? SPACE_MARK : s.p + i;
        uint32_t bytes = space ? SPACE_MARK_BYTES : (uint32_t)used;
        memcpy(run->escaped + n, from, bytes);
        symbols[count] =
            (engine_symbol){.begin = n, .n = bytes, .prev = count - 1, .next = count + 1};
        symbols[count].id = engine_piece_map_find(&t->map, t->pieces, (str){from, bytes});
        source[count++] = (uint32_t)i;
        n += bytes;
        i += used;
    }
    source[count] = (uint32_t)s.n;
    symbols[count - 1].next = ENGINE_SYMBOL_NONE;
    return count;
}

void engine_spm_run(const engine_tokenizer *t, str s, size_t base, bool continues,
                    engine_token_list *out) {
    spm_run run = {t, mem_new(s.n + 1, SPACE_MARK_BYTES)};
    engine_symbol *symbols = mem_new(s.n + 1, sizeof *symbols);
    uint32_t *source = mem_new(s.n + 2, sizeof *source);
    engine_merge_queue queue = {0};

    uint32_t n = escape(s, t->add_space_prefix && !continues, &run, symbols, source);
    engine_merge(symbols, n, &queue, merge_spm, &run);
    for (uint32_t i = 0; i != ENGINE_SYMBOL_NONE; i = symbols[i].next) {
        uint32_t next = symbols[i].next == ENGINE_SYMBOL_NONE ? n : symbols[i].next;
        size_t begin = base + source[i], end = base + source[next];
        if (symbols[i].id >= 0)
            engine_token_list_put(out, symbols[i].id, begin, end);
        else
            put_bytes(t, run.escaped + symbols[i].begin, symbols[i].n, begin, end, out);
    }
    engine_merge_queue_free(&queue);
    mem_free(source);
    mem_free(symbols);
    mem_free(run.escaped);
}
