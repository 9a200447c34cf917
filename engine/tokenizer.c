/* tokenizer.c: the public functions of the tokenizers, and what all kinds have in common.
 *
 * It reads the vocabulary out of tokenizer.ggml.*, cuts tokens that are written out in a text
 * (user-defined ones always, control tokens only with ENGINE_PARSE_SPECIAL; the leftmost first, of
 * those the longest), hands what lies between to spm.c, bpe.c, wordpiece.c or unigram.c, and adds
 * the tokens that the file wants in front and behind. The text of a document never becomes a control
 * token here, whatever it spells.
 *
 * A vocabulary is hostile input like every other part of a model file: counts, ids and lengths
 * are checked against limits before they are used.
 */
#include "engine/tokenizer.h"

#include <assert.h>
#include <string.h>

/* The largest public vocabularies have 262,144 tokens; sixteen times that is no vocabulary. */
#define VOCAB_MAX (4u << 20)
/* The longest public pieces are runs of some hundred spaces; a look-up walks at most this far. */
#define PIECE_BYTES_MAX 4096
/* Offsets are 32-bit, and SentencePiece takes some fifty bytes of scratch for each of the text. */
#define SOURCE_BYTES_MAX ((size_t)256 << 20)

#define WORD_MARK \
    "\xE2\x96\x81" /* U+2581, a space in SentencePiece, a word's start in WordPiece \
                                  */

/* ---- loading ------------------------------------------------------------------------------ */

static bool load_kind(engine_tokenizer *t, const engine_gguf *g, error *err) {
    str model;
    if (!engine_gguf_str(g, "tokenizer.ggml.model", &model))
        return error_set(err, ERROR_MODEL, "the file has no tokenizer (tokenizer.ggml.model)");
    if (str_eq(model, STR("llama")))
        t->kind = TOKENIZER_SPM;
    else if (str_eq(model, STR("gpt2")))
        t->kind = TOKENIZER_BPE;
    else if (str_eq(model, STR("bert")))
        t->kind = TOKENIZER_WORDPIECE;
    else if (str_eq(model, STR("t5")))
        t->kind = TOKENIZER_UNIGRAM;
    else
        return error_set(err, ERROR_MODEL,
                         "the tokenizer \"%.*s\" cannot be run here; \"llama\" (SentencePiece), "
                         "\"gpt2\" (byte-level BPE), \"bert\" (WordPiece) and \"t5\" (Unigram) can",
                         model.n < 100 ? (int)model.n : 100, model.p ? model.p : "");
    return true;
}

static bool load_pieces(engine_tokenizer *t, const engine_gguf *g, error *err) {
    static const char tokens[] = "tokenizer.ggml.tokens", types[] = "tokenizer.ggml.token_type";
    size_t n = engine_gguf_array_count(g, tokens), typed = engine_gguf_array_count(g, types);
    if (n == 0 || n > VOCAB_MAX)
        return error_set(err, ERROR_MODEL, "%s has %zu entries; 1 to %u can be read", tokens, n,
                         VOCAB_MAX);
    if (typed != 0 && typed != n)
        return error_set(err, ERROR_MODEL, "%s has %zu entries for %zu tokens", types, typed, n);
    t->pieces = mem_new(n, sizeof *t->pieces);
    t->vocab = t->piece_count = t->piece_room = n;
    for (size_t i = 0; i < n; i++) {
        str s;
        int32_t type = PIECE_NORMAL;
        if (!engine_gguf_array_str(g, tokens, i, &s))
            return error_set(err, ERROR_MODEL, "%s is not an array of strings", tokens);
        if (s.n > PIECE_BYTES_MAX)
            return error_set(err, ERROR_MODEL, "token %zu has %zu bytes; at most %d can be read", i,
                             s.n, PIECE_BYTES_MAX);
        if (typed && !engine_gguf_array_i32(g, types, i, &type))
            return error_set(err, ERROR_MODEL, "%s is not an array of integers", types);
        if (type < 0 || type > PIECE_BYTE)
            return error_set(err, ERROR_MODEL, "token %zu has the type %d; 1 to 6 are known", i,
                             (int)type);
        t->pieces[i] = (engine_piece){.p = arena_str(t->memory, s).p,
                                      .n = (uint32_t)s.n,
                                      .type = (uint8_t)(type ? type : PIECE_UNUSED)};
    }
    return true;
}

bool engine_tokenizer_load_scores(engine_tokenizer *t, const engine_gguf *g, error *err) {
    static const char key[] = "tokenizer.ggml.scores";
    size_t n = engine_gguf_array_count(g, key);
    if (n != t->vocab)
        return error_set(err, ERROR_MODEL, "%s has %zu entries for %zu tokens", key, n, t->vocab);
    for (size_t i = 0; i < n; i++)
        if (!engine_gguf_array_f32(g, key, i, &t->pieces[i].score))
            return error_set(err, ERROR_MODEL, "%s is not an array of float32", key);
    return true;
}

bool engine_tokenizer_same_bytes(const engine_tokenizer *t, size_t id, error *err) {
    const engine_piece *p = &t->pieces[id];
    return error_set(err, ERROR_MODEL,
                     "token %zu of the vocabulary, \"%.*s\", is there twice; the model file is "
                     "damaged",
                     id, p->n < 100 ? (int)p->n : 100, p->p);
}

bool engine_tokenizer_put_word(engine_tokenizer *t, size_t id, error *err) {
    str s = {t->pieces[id].p, t->pieces[id].n};
    uint32_t node = engine_trie_walk(&t->words, 0, s);
    if (node && t->words.value[node] >= 0) return engine_tokenizer_same_bytes(t, id, err);
    if (engine_trie_put(&t->words, s, (int32_t)id)) return true;
    return error_set(err, ERROR_MODEL, "the vocabulary holds more than %u distinct bytes",
                     ENGINE_TRIE_NODES_MAX);
}

static int32_t find_text(const engine_tokenizer *t, str wanted) {
    for (size_t i = 0; i < t->vocab; i++)
        if (str_eq((str){t->pieces[i].p, t->pieces[i].n}, wanted)) return (int32_t)i;
    return -1;
}

static bool load_special(engine_tokenizer *t, const engine_gguf *g, error *err) {
    static const struct {
        const char *key;
        str in_bert; /* what BERT vocabularies call it */
    } names[] = {
        [ENGINE_BOS] = {"tokenizer.ggml.bos_token_id", {0}},
        [ENGINE_EOS] = {"tokenizer.ggml.eos_token_id", {0}},
        [ENGINE_UNK] = {"tokenizer.ggml.unknown_token_id", {"[UNK]", 5}},
        /* the misspelling is the key's name */
        [ENGINE_SEP] = {"tokenizer.ggml.seperator_token_id", {"[SEP]", 5}},
        [ENGINE_PAD] = {"tokenizer.ggml.padding_token_id", {"[PAD]", 5}},
        [ENGINE_CLS] = {"tokenizer.ggml.cls_token_id", {"[CLS]", 5}},
    };
    for (int i = ENGINE_BOS; i <= ENGINE_CLS; i++) {
        uint32_t id;
        t->special[i] = -1;
        if (engine_gguf_u32(g, names[i].key, &id)) {
            if (id >= t->vocab)
                return error_set(err, ERROR_MODEL, "%s is %u in a vocabulary of %zu tokens",
                                 names[i].key, id, t->vocab);
            t->special[i] = (int32_t)id;
        } else if (t->kind == TOKENIZER_WORDPIECE && names[i].in_bert.n) {
            t->special[i] = find_text(t, names[i].in_bert);
        }
    }
    if (t->kind == TOKENIZER_WORDPIECE) { /* one token under two names */
        if (t->special[ENGINE_CLS] < 0) t->special[ENGINE_CLS] = t->special[ENGINE_BOS];
        t->special[ENGINE_BOS] = t->special[ENGINE_CLS];
    }
    /* Not the padding or the unknown token: some files name an ordinary one there. */
    static const engine_special control[] = {ENGINE_BOS, ENGINE_EOS, ENGINE_SEP, ENGINE_CLS};
    for (size_t i = 0; i < sizeof control / sizeof *control; i++) {
        int32_t id = t->special[control[i]];
        if (id >= 0 && t->pieces[id].type == PIECE_NORMAL) t->pieces[id].type = PIECE_CONTROL;
    }
    return true;
}

/* End tokens by id and by name. A file that takes one of these names for ordinary text is
 * mistaken about its own model, and a document could then end an answer: they become control. */
static bool load_ends(engine_tokenizer *t, const engine_gguf *g, error *err) {
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id"};
    static const char *const names[] = {
        "<|eot_id|>",      "<|eom_id|>",    "<|im_end|>",
        "<|end|>",         "<end_of_turn>", "<|endoftext|>",
        "<|end_of_text|>", "</s>",          "<\uFF5Cend\u2581of\u2581sentence\uFF5C>"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        uint32_t id;
        if (!engine_gguf_u32(g, keys[k], &id)) continue;
        if (id >= t->vocab)
            return error_set(err, ERROR_MODEL, "%s is %u in a vocabulary of %zu tokens", keys[k],
                             id, t->vocab);
        t->pieces[id].end = true;
    }
    for (size_t i = 0; i < t->vocab; i++) {
        engine_piece *p = &t->pieces[i];
        for (size_t k = 0; p->n && p->p[0] == '<' && k < sizeof names / sizeof *names; k++)
            if (str_eq((str){p->p, p->n}, str_of(names[k]))) {
                p->end = true;
                p->type = PIECE_CONTROL;
            }
    }
    return true;
}

static bool is_written(const engine_piece *p) {
    return p->n && (p->type == PIECE_UNKNOWN || p->type == PIECE_CONTROL || p->type == PIECE_USER);
}

/* Phi-3's chat format drops white space behind its tokens; the file says so in no key, only its
 * name tells (parity data, phi-3). */
static void load_phi3(engine_tokenizer *t, const engine_gguf *g) {
    str name = {0};
    engine_gguf_str(g, "general.name", &name);
    bool phi3 = false;
    for (size_t i = 0; i < name.n; i++)
        phi3 = phi3 || str_eq_nocase(str_cut(name, i, i + 4), STR("phi3")) ||
               str_eq_nocase(str_cut(name, i, i + 5), STR("phi-3"));
    for (size_t i = 0; phi3 && i < t->vocab; i++) {
        engine_piece *p = &t->pieces[i];
        str s = {p->p, p->n};
        p->eats_space = is_written(p) && !str_eq(s, STR("<unk>")) && !str_eq(s, STR("<s>")) &&
                        !str_eq(s, STR("<|endoftext|>"));
    }
}

static bool load_written(engine_tokenizer *t, error *err) {
    for (size_t i = 0; i < t->vocab; i++) {
        const engine_piece *p = &t->pieces[i];
        str s = {p->p, p->n};
        if (!is_written(p)) continue;
        if (!engine_trie_put(&t->written, s, (int32_t)i) ||
            (p->type == PIECE_USER && !engine_trie_put(&t->user, s, (int32_t)i)))
            return error_set(err, ERROR_MODEL,
                             "the special tokens hold more than %u distinct bytes",
                             ENGINE_TRIE_NODES_MAX);
    }
    return true;
}

static bool load(engine_tokenizer *t, const engine_gguf *g, error *err) {
    memset(t->byte_id, 0xFF, sizeof t->byte_id);
    if (!load_kind(t, g, err) || !load_pieces(t, g, err) || !load_special(t, g, err) ||
        !load_ends(t, g, err))
        return false;
    load_phi3(t, g);
    if (!load_written(t, err)) return false;
    t->add_bos = t->kind == TOKENIZER_SPM || t->kind == TOKENIZER_WORDPIECE;
    t->add_eos = t->kind == TOKENIZER_WORDPIECE || t->kind == TOKENIZER_UNIGRAM;
    t->add_space_prefix = t->kind == TOKENIZER_SPM || t->kind == TOKENIZER_UNIGRAM;
    bool ok = t->kind == TOKENIZER_SPM       ? engine_spm_load(t, g, err)
              : t->kind == TOKENIZER_BPE     ? engine_bpe_load(t, g, err)
              : t->kind == TOKENIZER_UNIGRAM ? engine_unigram_load(t, g, err)
                                             : engine_wordpiece_load(t, err);
    if (!ok) return false;
    if (t->kind == TOKENIZER_BPE) t->add_bos = engine_pre_adds_bos(t->pre);
    engine_gguf_bool(g, "tokenizer.ggml.add_bos_token", &t->add_bos);
    engine_gguf_bool(g, "tokenizer.ggml.add_eos_token", &t->add_eos);
    engine_gguf_bool(g, "tokenizer.ggml.add_space_prefix", &t->add_space_prefix);
    return true;
}

bool engine_tokenizer_new(const engine_gguf *g, engine_tokenizer **out, error *err) {
    engine_tokenizer *t = mem_new(1, sizeof *t);
    t->memory = arena_new();
    if (!load(t, g, err)) {
        engine_tokenizer_free(t);
        return false;
    }
    *out = t;
    return true;
}

void engine_tokenizer_free(engine_tokenizer *t) {
    if (!t) return;
    engine_bpe_unload(t);
    engine_trie_free(&t->words);
    engine_trie_free(&t->written);
    engine_trie_free(&t->user);
    engine_piece_map_free(&t->map);
    mem_free(t->pieces);
    arena_free(t->memory);
    mem_free(t);
}

/* ---- text to tokens ----------------------------------------------------------------------- */

void engine_token_list_put(engine_token_list *l, int32_t id, size_t begin, size_t end) {
    if (l->n == l->capacity) {
        l->capacity = l->capacity ? l->capacity * 2 : 256;
        l->p = mem_grow(l->p, l->capacity, sizeof *l->p);
    }
    l->p[l->n++] = (engine_token){id, (uint32_t)begin, (uint32_t)end};
}

/* s[begin, end), which holds no written token. */
static void run_part(const engine_tokenizer *t, str s, size_t begin, size_t end, int flags,
                     engine_token_list *out) {
    if (begin == end) return;
    bool continues = (flags & ENGINE_CONTINUES) && begin == 0;
    str part = str_cut(s, begin, end);
    if (t->kind == TOKENIZER_SPM)
        engine_spm_run(t, part, begin, continues, out);
    else if (t->kind == TOKENIZER_BPE)
        engine_bpe_run(t, part, begin, out);
    else if (t->kind == TOKENIZER_UNIGRAM)
        engine_unigram_run(t, part, begin, continues, out);
    else
        engine_wordpiece_run(t, part, begin, out);
}

static void run(const engine_tokenizer *t, str s, int flags, engine_token_list *out) {
    const engine_trie *written = flags & ENGINE_PARSE_SPECIAL ? &t->written : &t->user;
    size_t begin = 0, i = 0;
    while (written->nodes && i < s.n) {
        size_t length;
        int32_t id = engine_trie_longest(written, 0, str_cut(s, i, s.n), &length);
        if (id < 0) {
            i++;
            continue;
        }
        run_part(t, s, begin, i, flags, out);
        engine_token_list_put(out, id, i, i + length);
        i += length;
        while (t->pieces[id].eats_space && i < s.n && engine_is_space((unsigned char)s.p[i])) i++;
        begin = i;
    }
    run_part(t, s, begin, s.n, flags, out);
}

void engine_tokenize(const engine_tokenizer *t, str s, int flags, arena *a, engine_token **out,
                     size_t *count) {
    assert(s.n <= SOURCE_BYTES_MAX);
    engine_token_list list = {0};
    int32_t last = t->special[t->kind == TOKENIZER_WORDPIECE ? ENGINE_SEP : ENGINE_EOS];
    if ((flags & ENGINE_ADD_SPECIAL) && t->add_bos && t->special[ENGINE_BOS] >= 0)
        engine_token_list_put(&list, t->special[ENGINE_BOS], 0, 0);
    run(t, s, flags, &list);
    if ((flags & ENGINE_ADD_SPECIAL) && t->add_eos && last >= 0)
        engine_token_list_put(&list, last, s.n, s.n);
    *out = arena_alloc(a, list.n, sizeof **out);
    *count = list.n;
    if (list.n) memcpy(*out, list.p, list.n * sizeof **out);
    mem_free(list.p);
}

/* ---- tokens to text ----------------------------------------------------------------------- */

size_t engine_vocab_size(const engine_tokenizer *t) {
    return t->vocab;
}

static void put_normal(const engine_tokenizer *t, str s, text *out) {
    if (t->kind == TOKENIZER_BPE) {
        text_put(out, s);
        return;
    }
    if (t->kind == TOKENIZER_WORDPIECE) {
        bool start = str_starts(s, STR(WORD_MARK));
        if (start) text_put_char(out, ' ');
        text_put(out, str_cut(s, start ? sizeof WORD_MARK - 1 : 0, s.n));
        return;
    }
    for (size_t i = 0; i < s.n;) {
        size_t mark = str_find(s, STR(WORD_MARK), i);
        text_put(out, str_cut(s, i, mark < s.n ? mark : s.n));
        if (mark >= s.n) break;
        text_put_char(out, ' ');
        i = mark + sizeof WORD_MARK - 1;
    }
}

void engine_token_put(const engine_tokenizer *t, int32_t id, bool special, text *out) {
    if (id < 0 || (size_t)id >= t->vocab) return;
    const engine_piece *p = &t->pieces[id];
    str s = {p->p, p->n};
    switch ((engine_piece_type)p->type) {
    case PIECE_NORMAL:
        put_normal(t, s, out);
        break;
    case PIECE_USER:
    case PIECE_BYTE:
        text_put(out, s);
        break;
    case PIECE_UNKNOWN:
    case PIECE_CONTROL:
    case PIECE_UNUSED:
        if (special) text_put(out, s);
        break;
    case PIECE_NONE:
        break;
    }
}

int32_t engine_token_find(const engine_tokenizer *t, str piece) {
    const engine_trie *tries[] = {&t->written, &t->words};
    for (int i = 0; i < 2; i++) {
        uint32_t node = engine_trie_walk(tries[i], 0, piece);
        if (node && tries[i]->value[node] >= 0) return tries[i]->value[node];
    }
    int32_t id = engine_piece_map_find(&t->map, t->pieces, piece);
    return (size_t)id < t->vocab ? id : -1;
}

int32_t engine_token_special(const engine_tokenizer *t, engine_special which) {
    return t->special[which];
}

bool engine_token_is_end(const engine_tokenizer *t, int32_t id) {
    return id >= 0 && (size_t)id < t->vocab && t->pieces[id].end;
}

bool engine_token_is_control(const engine_tokenizer *t, int32_t id) {
    return id >= 0 && (size_t)id < t->vocab &&
           (t->pieces[id].type == PIECE_CONTROL || t->pieces[id].type == PIECE_UNKNOWN);
}
