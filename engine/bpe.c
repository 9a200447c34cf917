/* bpe.c: byte-level BPE ("gpt2" in GGUF).
 *
 * The file writes each byte of a piece as a printable character (GPT-2's table); pieces are
 * decoded to real bytes at load, so that the text itself is compared, ill-formed or not. A merge
 * names two pieces; its place in the list is its rank. Halves and products that are no tokens are
 * kept as pieces without a token, for a later merge may need them. A product that is no token at
 * last, falls back to the tokens of its bytes. Source: Sennrich, Haddow and Birch, "Neural Machine
 * Translation of Rare Words with Subword Units" (2016); Radford et al., GPT-2 (2019).
 */
#include "engine/tokenizer.h"

#include <assert.h>
#include <string.h>

/* Largest list of merges: ten times what public vocabularies have. */
#define MERGES_MAX (4u << 20)

/* The byte that a character of the file stands for; -1: none. Printable bytes of Latin-1 stand for
 * themselves, the others, in order, for U+0100 and on. */
static int byte_of(uint32_t c) {
    static const struct {
        uint32_t first, last, byte;
    } ranges[] = {
        {0x21, 0x7E, 0x21},   {0xA1, 0xAC, 0xA1},   {0xAE, 0xFF, 0xAE},
        {0x100, 0x120, 0x00}, {0x121, 0x142, 0x7F}, {0x143, 0x143, 0xAD},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return (int)(ranges[i].byte + (c - ranges[i].first));
    return -1;
}

/* out has room for s.n bytes. False where s holds a character that stands for no byte. */
static bool decode(str s, char *out, size_t *n) {
    *n = 0;
    for (size_t i = 0, used; i < s.n; i += used) {
        int byte = byte_of(utf8_next(s.p + i, s.n - i, &used));
        if (byte < 0) return false;
        out[(*n)++] = (char)byte;
    }
    return true;
}

/* ---- loading ------------------------------------------------------------------------------ */

static bool load_pieces(engine_tokenizer *t, error *err) {
    for (size_t i = 0; i < t->vocab; i++) {
        engine_piece *p = &t->pieces[i];
        if (p->type != PIECE_NORMAL || p->n == 0) continue;
        size_t n;
        char *bytes = arena_alloc(t->memory, p->n, 1);
        if (!decode((str){p->p, p->n}, bytes, &n))
            continue; /* stays as it is written, and no text becomes it */
        p->p = bytes;
        p->n = (uint32_t)n;
        if (!engine_piece_map_put(&t->map, t->pieces, (uint32_t)i))
            return engine_tokenizer_same_bytes(t, i, err);
        if (n == 1) t->byte_id[(unsigned char)bytes[0]] = (int32_t)i;
    }
    return true;
}

/* The piece of these bytes, made where there is none. */
static uint32_t intern(engine_tokenizer *t, str bytes) {
    int32_t found = engine_piece_map_find(&t->map, t->pieces, bytes);
    if (found >= 0) return (uint32_t)found;
    if (t->piece_count == t->piece_room) {
        t->piece_room += t->piece_room / 2 + 256;
        t->pieces = mem_grow(t->pieces, t->piece_room, sizeof *t->pieces);
    }
    t->pieces[t->piece_count] = (engine_piece){
        .p = arena_str(t->memory, bytes).p, .n = (uint32_t)bytes.n, .type = PIECE_NONE};
    engine_piece_map_put(&t->map, t->pieces, (uint32_t)t->piece_count);
    return (uint32_t)t->piece_count++;
}

static engine_pair *pair_slot(const engine_tokenizer *t, uint32_t left, uint32_t right) {
    uint64_t h = ((uint64_t)left << 32 | right) * 0x9E3779B97F4A7C15u;
    size_t j = (size_t)(h >> 32) & (t->pair_capacity - 1);
    while (t->pairs[j].left != UINT32_MAX &&
           (t->pairs[j].left != left || t->pairs[j].right != right))
        j = (j + 1) & (t->pair_capacity - 1);
    return &t->pairs[j];
}

static bool load_merge(engine_tokenizer *t, str line, uint32_t rank, text *bytes, error *err) {
    size_t space = str_find(line, STR(" "), 1), n_left = 0, n_right = 0;
    text_clear(bytes);
    text_put(bytes, line); /* room for the decoded bytes, which are never more */
    if (space == SIZE_MAX || space + 1 >= line.n ||
        !decode(str_cut(line, 0, space), bytes->p, &n_left) ||
        !decode(str_cut(line, space + 1, line.n), bytes->p + n_left, &n_right))
        return error_set(err, ERROR_MODEL,
                         "merge %u of the vocabulary is \"%.*s\", not two byte-level pieces", rank,
                         line.n < 100 ? (int)line.n : 100, line.p);
    uint32_t left = intern(t, (str){bytes->p, n_left});
    uint32_t right = intern(t, (str){bytes->p + n_left, n_right});
    engine_pair *slot = pair_slot(t, left, right);
    if (slot->left == UINT32_MAX)
        *slot = (engine_pair){left, right, rank, intern(t, (str){bytes->p, n_left + n_right})};
    return true;
}

static bool load_merges(engine_tokenizer *t, const engine_gguf *g, error *err) {
    static const char key[] = "tokenizer.ggml.merges";
    size_t count = engine_gguf_array_count(g, key);
    if (count == 0)
        return error_set(err, ERROR_MODEL, "the byte-level BPE vocabulary has no merges (%s)", key);
    if (count > MERGES_MAX)
        return error_set(err, ERROR_MODEL, "%s has %zu entries; at most %u are read", key, count,
                         MERGES_MAX);
    t->pair_capacity = 16;
    while (t->pair_capacity < count + count / 3) t->pair_capacity *= 2;
    t->pairs = mem_new(t->pair_capacity, sizeof *t->pairs);
    memset(t->pairs, 0xFF, t->pair_capacity * sizeof *t->pairs);
    text bytes = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        str line;
        ok = engine_gguf_array_str(g, key, i, &line)
                 ? load_merge(t, line, (uint32_t)i, &bytes, err)
                 : error_set(err, ERROR_MODEL, "%s is not an array of strings", key);
    }
    text_free(&bytes);
    return ok;
}

bool engine_bpe_load(engine_tokenizer *t, const engine_gguf *g, error *err) {
    str name = STR("default"); /* what files of the time before the key existed mean */
    engine_gguf_str(g, "tokenizer.ggml.pre", &name);
    t->pre = engine_pre_find(name);
    if (!t->pre)
        return error_set(err, ERROR_MODEL,
                         "the pre-tokenizer \"%.*s\" (tokenizer.ggml.pre) is not known here, and "
                         "with a wrong one the model would read another text; take another model "
                         "(`carrel model ls` names families that run)",
                         name.n < 100 ? (int)name.n : 100, name.p ? name.p : "");
    return load_pieces(t, err) && load_merges(t, g, err);
}

void engine_bpe_unload(engine_tokenizer *t) {
    mem_free(t->pairs);
    t->pairs = NULL;
}

/* ---- running ------------------------------------------------------------------------------ */

typedef struct {
    const engine_tokenizer *t;
    size_t base;
    engine_token_list *out;
    engine_symbol *symbols;
    size_t room;
    engine_merge_queue queue;
} bpe_run;

static bool merge_bpe(const void *context, const engine_symbol *l, const engine_symbol *r,
                      uint32_t *rank, int32_t *id) {
    const engine_tokenizer *t = context;
    if (l->id < 0 || r->id < 0) return false;
    const engine_pair *pair = pair_slot(t, (uint32_t)l->id, (uint32_t)r->id);
    if (pair->left == UINT32_MAX) return false;
    *rank = pair->rank;
    *id = (int32_t)pair->product;
    return true;
}

/* A byte that is no token becomes the unknown token, or nothing where the file has none. */
static void put_symbol(const bpe_run *run, str word, const engine_symbol *s, size_t begin) {
    const engine_tokenizer *t = run->t;
    if (s->id >= 0 && (size_t)s->id < t->vocab) {
        engine_token_list_put(run->out, s->id, begin, begin + s->n);
        return;
    }
    for (size_t k = 0; k < s->n; k++) {
        int32_t id = t->byte_id[(unsigned char)word.p[s->begin + k]];
        if (id < 0) id = t->special[ENGINE_UNK];
        if (id >= 0) engine_token_list_put(run->out, id, begin + k, begin + k + 1);
    }
}

static void put_word(void *context, str word, size_t at) {
    bpe_run *run = context;
    const engine_tokenizer *t = run->t;
    size_t begin = run->base + at;
    if (engine_pre_ignores_merges(t->pre)) {
        int32_t id = engine_piece_map_find(&t->map, t->pieces, word);
        if (id >= 0 && (size_t)id < t->vocab) {
            engine_token_list_put(run->out, id, begin, begin + word.n);
            return;
        }
    }
    if (word.n > run->room) {
        run->room = 2 * word.n + 32;
        run->symbols = mem_grow(run->symbols, run->room, sizeof *run->symbols);
    }
    engine_symbol *s = run->symbols;
    uint32_t n = (uint32_t)word.n;
    for (uint32_t i = 0; i < n; i++)
        s[i] = (engine_symbol){
            i, 1, engine_piece_map_find(&t->map, t->pieces, (str){word.p + i, 1}), i - 1, i + 1};
    s[n - 1].next = ENGINE_SYMBOL_NONE;
    engine_merge(s, n, &run->queue, merge_bpe, t);
    for (uint32_t i = 0; i != ENGINE_SYMBOL_NONE; i = s[i].next)
        put_symbol(run, word, &s[i], begin + s[i].begin);
}

void engine_bpe_run(const engine_tokenizer *t, str s, size_t base, engine_token_list *out) {
    bpe_run run = {.t = t, .base = base, .out = out};
    engine_pre_split(t->pre, s, put_word, &run);
    engine_merge_queue_free(&run.queue);
    mem_free(run.symbols);
}
