/* pieces.c: the two look-up structures of the tokenizers.
 *
 * The map answers "are these bytes a piece?", the trie "which is the longest piece that this text
 * starts with?". Both are open-addressed tables without one allocation for each entry: a large
 * vocabulary has a quarter of a million pieces and must load in a blink. Neither copies the bytes
 * of a piece. Look-ups read only, so threads can share them; nothing is ever removed.
 */
#include "engine/tokenizer.h"

#include <assert.h>
#include <string.h>

struct piece_slot {
    uint32_t hash;
    uint32_t at; /* index + 1; 0: free */
};

struct trie_edge {
    uint32_t key;   /* node << 8 | byte */
    uint32_t child; /* 0: free, since the root is nobody's child */
};

/* FNV-1a (Fowler, Noll, Vo), then a final mix: pieces are a few bytes long. */
static uint32_t hash_bytes(str s) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < s.n; i++) h = (h ^ (unsigned char)s.p[i]) * 16777619u;
    h ^= h >> 15;
    return h * 0x9E3779B1u;
}

static uint32_t hash_key(uint32_t key) {
    uint32_t h = key * 0x9E3779B1u;
    return h ^ h >> 15;
}

/* ---- map ---------------------------------------------------------------------------------- */

void engine_piece_map_free(engine_piece_map *m) {
    mem_free(m->slots);
    *m = (engine_piece_map){0};
}

static void map_grow(engine_piece_map *m) {
    struct piece_slot *old = m->slots;
    size_t before = m->capacity;
    m->capacity = before ? before * 2 : 1024;
    m->slots = mem_new(m->capacity, sizeof *m->slots);
    for (size_t i = 0; i < before; i++) {
        if (!old[i].at) continue;
        size_t j = old[i].hash & (m->capacity - 1);
        while (m->slots[j].at) j = (j + 1) & (m->capacity - 1);
        m->slots[j] = old[i];
    }
    mem_free(old);
}

/* The slot that holds these bytes, or the free one where they would go. */
static struct piece_slot *map_slot(const engine_piece_map *m, const engine_piece *pieces, str s,
                                   uint32_t hash) {
    size_t j = hash & (m->capacity - 1);
    while (m->slots[j].at) {
        const engine_piece *p = &pieces[m->slots[j].at - 1];
        if (m->slots[j].hash == hash && p->n == s.n && memcmp(p->p, s.p, s.n) == 0) break;
        j = (j + 1) & (m->capacity - 1);
    }
    return &m->slots[j];
}

bool engine_piece_map_put(engine_piece_map *m, const engine_piece *pieces, uint32_t at) {
    const engine_piece *p = &pieces[at];
    assert(p->n > 0);
    if (2 * (m->used + 1) > m->capacity) map_grow(m);
    str s = {p->p, p->n};
    uint32_t hash = hash_bytes(s);
    struct piece_slot *slot = map_slot(m, pieces, s, hash);
    if (slot->at) return false;
    m->used++;
    *slot = (struct piece_slot){hash, at + 1};
    if (p->n > m->longest) m->longest = p->n;
    return true;
}

int32_t engine_piece_map_find(const engine_piece_map *m, const engine_piece *pieces, str bytes) {
    if (bytes.n == 0 || bytes.n > m->longest) return -1;
    return (int32_t)map_slot(m, pieces, bytes, hash_bytes(bytes))->at - 1;
}

/* ---- trie --------------------------------------------------------------------------------- */

void engine_trie_free(engine_trie *t) {
    mem_free(t->edges);
    mem_free(t->value);
    *t = (engine_trie){0};
}

static struct trie_edge *trie_slot(const engine_trie *t, uint32_t key) {
    size_t j = hash_key(key) & (t->capacity - 1);
    while (t->edges[j].child && t->edges[j].key != key) j = (j + 1) & (t->capacity - 1);
    return &t->edges[j];
}

static void trie_grow(engine_trie *t) {
    struct trie_edge *old = t->edges;
    size_t before = t->capacity;
    t->capacity = before ? before * 2 : 1024;
    t->edges = mem_new(t->capacity, sizeof *t->edges);
    for (size_t i = 0; i < before; i++)
        if (old[i].child) *trie_slot(t, old[i].key) = old[i];
    mem_free(old);
}

static uint32_t trie_node(engine_trie *t) {
    if (t->nodes == t->room) {
        t->room = t->room ? t->room * 2 : 512;
        t->value = mem_grow(t->value, t->room, sizeof *t->value);
    }
    t->value[t->nodes] = -1;
    return t->nodes++;
}

bool engine_trie_put(engine_trie *t, str bytes, int32_t value) {
    if (t->nodes == 0) trie_node(t);
    if (bytes.n > ENGINE_TRIE_NODES_MAX - t->nodes) return false;
    uint32_t node = 0;
    for (size_t i = 0; i < bytes.n; i++) {
        if (2 * (size_t)(t->nodes + 1) > t->capacity) trie_grow(t);
        uint32_t key = node << 8 | (unsigned char)bytes.p[i];
        struct trie_edge *e = trie_slot(t, key);
        if (!e->child) *e = (struct trie_edge){key, trie_node(t)};
        node = e->child;
    }
    t->value[node] = value;
    return true;
}

uint32_t engine_trie_walk(const engine_trie *t, uint32_t node, str bytes) {
    for (size_t i = 0; i < bytes.n; i++) {
        if (t->nodes <= 1) return 0;
        node = trie_slot(t, node << 8 | (unsigned char)bytes.p[i])->child;
        if (!node) return 0;
    }
    return node;
}

int32_t engine_trie_longest(const engine_trie *t, uint32_t node, str s, size_t *length) {
    int32_t best = -1;
    *length = 0;
    if (t->nodes <= 1) return -1;
    for (size_t i = 0; i < s.n; i++) {
        node = trie_slot(t, node << 8 | (unsigned char)s.p[i])->child;
        if (!node) break;
        if (t->value[node] >= 0) {
            best = t->value[node];
            *length = i + 1;
        }
    }
    return best;
}
