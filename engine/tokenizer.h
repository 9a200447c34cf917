/* tokenizer.h: what the files of the tokenizers share; private to engine/.
 *
 * A vocabulary is read once into an engine_tokenizer, which never changes afterwards: any number
 * of threads may tokenize with it. Scratch memory of a call is taken and given back inside the
 * call; only the tokens go to the caller's arena.
 *
 * One struct serves all four kinds, since most of it is common: the pieces, the map from bytes
 * to piece, the tokens that are cut out of a text before the kind's own algorithm sees it. The
 * kinds' own files are spm.c, bpe.c (with pretokenize.c), wordpiece.c and unigram.c (with
 * charsmap.c); merge.c is the merge loop of the first two, pieces.c holds the two look-up
 * structures.
 */
#ifndef CARREL_ENGINE_TOKENIZER_H
#define CARREL_ENGINE_TOKENIZER_H

#include "engine/engine.h"

/* tokenizer.ggml.token_type, by its number in GGUF. */
typedef enum {
    PIECE_NONE = 0, /* an intermediate product of BPE merges that is no token */
    PIECE_NORMAL = 1,
    PIECE_UNKNOWN = 2,
    PIECE_CONTROL = 3,
    PIECE_USER = 4, /* written out in a text it is always this token */
    PIECE_UNUSED = 5,
    PIECE_BYTE = 6
} engine_piece_type;

/* Bytes as the algorithm compares them: BPE's normal pieces are decoded to the bytes they stand
 * for, the others keep U+2581 for a space. */
typedef struct {
    const char *p;
    uint32_t n;
    uint8_t type;    /* engine_piece_type */
    bool end;        /* generation stops here */
    bool eats_space; /* white space behind it in the source is dropped (phi-3) */
    float score;     /* SentencePiece, Unigram */
} engine_piece;

/* ---- pieces.c ---- */

/* Bytes -> index in an array of pieces. {0} is empty. */
typedef struct {
    struct piece_slot *slots;
    size_t capacity, used;
    uint32_t longest; /* bytes of the longest piece */
} engine_piece_map;

void engine_piece_map_free(engine_piece_map *m);
/* False, and nothing is put, where another piece has the same bytes. */
bool engine_piece_map_put(engine_piece_map *m, const engine_piece *pieces, uint32_t at);
int32_t engine_piece_map_find(const engine_piece_map *m, const engine_piece *pieces, str bytes);

/* A byte trie for longest matches. {0} is empty; node 0 is the root. */
typedef struct {
    struct trie_edge *edges;
    size_t capacity;
    int32_t *value; /* [nodes], -1: none ends here */
    uint32_t nodes, room;
} engine_trie;

/* Most nodes in a trie: a node number and a byte share a 32-bit key. */
#define ENGINE_TRIE_NODES_MAX ((1u << 24) - 1)

void engine_trie_free(engine_trie *t);
/* False when the trie would outgrow ENGINE_TRIE_NODES_MAX. */
bool engine_trie_put(engine_trie *t, str bytes, int32_t value);
/* The node behind `bytes`, from `node`; 0 where there is none (or bytes is empty at the root). */
uint32_t engine_trie_walk(const engine_trie *t, uint32_t node, str bytes);
/* The longest entry that s starts with, walking from `node`; -1 where there is none. */
int32_t engine_trie_longest(const engine_trie *t, uint32_t node, str s, size_t *length);

/* ---- merge.c ---- */

/* One element of the list that merging shortens. */
typedef struct {
    uint32_t begin, n; /* bytes; n == 0 once it was merged into its left neighbour */
    int32_t id;        /* the kind's own number, -1: none */
    uint32_t prev, next;
} engine_symbol;

#define ENGINE_SYMBOL_NONE UINT32_MAX

/* Whether l and r, neighbours, may become one: the rank (lowest first, leftmost among equals) and
 * the id of the product. */
typedef bool engine_merge_fn(const void *context, const engine_symbol *l, const engine_symbol *r,
                             uint32_t *rank, int32_t *id);

/* Candidates in order; kept over many words so that each does not allocate anew. */
typedef struct {
    struct merge_entry *p;
    size_t n, capacity;
} engine_merge_queue;

void engine_merge_queue_free(engine_merge_queue *q);
/* Merges until nothing can be: O(n log n). symbols[0..n) are linked in order. */
void engine_merge(engine_symbol *symbols, uint32_t n, engine_merge_queue *q, engine_merge_fn *fn,
                  const void *context);

/* ---- pretokenize.c ---- */

bool engine_is_space(uint32_t codepoint); /* Unicode's White_Space */

typedef struct engine_pre engine_pre;
typedef void engine_pre_fn(void *context, str word, size_t begin);

/* NULL where the name is not known. */
const engine_pre *engine_pre_find(str name);
bool engine_pre_ignores_merges(const engine_pre *p); /* a whole word that is a piece stays whole */
bool engine_pre_adds_bos(const engine_pre *p);       /* where the file does not say */
/* Calls fn for the words of s in order; together they are s. */
void engine_pre_split(const engine_pre *p, str s, engine_pre_fn *fn, void *context);

/* ---- charsmap.c ---- */

/* What characters become before Unigram sees them; {0} changes nothing. */
typedef struct {
    const uint32_t *units; /* [count], a double-array trie */
    const char *replacements;
    size_t count, bytes;
} engine_charsmap;

/* Copies it into a. {0} where the file has none; false where it is damaged. */
bool engine_charsmap_load(engine_charsmap *m, const engine_gguf *g, arena *a, error *err);
/* Bytes of the longest entry that s starts with, and what they become; 0 where there is none. */
size_t engine_charsmap_match(const engine_charsmap *m, str s, str *with);

/* ---- the tokenizer ---- */

/* One BPE merge; an open-addressed table of them. */
typedef struct {
    uint32_t left, right, rank, product; /* left == UINT32_MAX: free */
} engine_pair;

typedef enum {
    TOKENIZER_SPM,
    TOKENIZER_BPE,
    TOKENIZER_WORDPIECE,
    TOKENIZER_UNIGRAM
} engine_tokenizer_kind;

struct engine_tokenizer {
    engine_tokenizer_kind kind;
    arena *memory;        /* bytes of the pieces */
    engine_piece *pieces; /* [vocab], then BPE's intermediate products up to [piece_count] */
    size_t vocab, piece_count, piece_room;
    engine_piece_map map; /* what a text may become: SPM, BPE, WordPiece */
    engine_trie written;  /* unknown, control and user-defined tokens by their text */
    engine_trie user;     /* of these the user-defined: matched without ENGINE_PARSE_SPECIAL */
    int32_t special[ENGINE_CLS + 1];
    bool add_bos, add_eos;
    bool add_space_prefix;
    int32_t byte_id[256]; /* SPM, Unigram: byte tokens; BPE: one-byte pieces */
    const engine_pre *pre;
    engine_pair *pairs;
    size_t pair_capacity;
    engine_trie words;   /* WordPiece, Unigram */
    uint32_t word_start; /* WordPiece: its node behind U+2581 */
    engine_charsmap charsmap;
    bool merges_spaces;   /* Unigram: a run of white space is one space, at the ends none */
    double unknown_score; /* Unigram: of a character that no piece covers */
};

/* Tokens found so far; grows by doubling, then goes to the arena in one piece. */
typedef struct {
    engine_token *p;
    size_t n, capacity;
} engine_token_list;

void engine_token_list_put(engine_token_list *l, int32_t id, size_t begin, size_t end);

/* Fills the scores of the pieces; for each token one. */
bool engine_tokenizer_load_scores(engine_tokenizer *t, const engine_gguf *g, error *err);
/* Puts piece `id` into t->words; an error where another one has the same bytes. */
bool engine_tokenizer_put_word(engine_tokenizer *t, size_t id, error *err);
bool engine_tokenizer_same_bytes(const engine_tokenizer *t, size_t id, error *err); /* false */
/* "<0x0A>" becomes the byte it stands for. */
bool engine_spm_load_byte(engine_tokenizer *t, size_t id, error *err);

bool engine_spm_load(engine_tokenizer *t, const engine_gguf *g, error *err);
bool engine_bpe_load(engine_tokenizer *t, const engine_gguf *g, error *err);
bool engine_wordpiece_load(engine_tokenizer *t, error *err);
bool engine_unigram_load(engine_tokenizer *t, const engine_gguf *g, error *err);
void engine_bpe_unload(engine_tokenizer *t);

/* Append the tokens of s (not empty), which stands at `base` in the whole source; before it stands
 * nothing, or a token that was cut out, or (`continues`) text. */
void engine_spm_run(const engine_tokenizer *t, str s, size_t base, bool continues,
                    engine_token_list *out);
void engine_bpe_run(const engine_tokenizer *t, str s, size_t base, engine_token_list *out);
void engine_wordpiece_run(const engine_tokenizer *t, str s, size_t base, engine_token_list *out);
void engine_unigram_run(const engine_tokenizer *t, str s, size_t base, bool continues,
                        engine_token_list *out);

#endif
