/* merge.c: the merge loop of SentencePiece and byte-level BPE.
 *
 * Symbols stand in a doubly linked list inside an array; candidates wait in a binary heap. A
 * candidate is not taken out of the heap when one of its two symbols changes: it is recognised as
 * stale when it is popped, because a symbol only ever grows or vanishes, so the sum of the two
 * lengths differs. Each merge adds at most two candidates, hence O(n log n) for a word of n
 * symbols, whatever the text: one long line of the same letter must not stop a program.
 */
#include "engine/tokenizer.h"

struct merge_entry {
    uint64_t order;    /* rank << 32 | left: the lowest goes first */
    uint32_t right, n; /* n: bytes of both */
    int32_t id;
};

void engine_merge_queue_free(engine_merge_queue *q) {
    mem_free(q->p);
    *q = (engine_merge_queue){0};
}

static void queue_push(engine_merge_queue *q, struct merge_entry e) {
    if (q->n == q->capacity) {
        q->capacity = q->capacity ? q->capacity * 2 : 64;
        q->p = mem_grow(q->p, q->capacity, sizeof *q->p);
    }
    size_t i = q->n++;
    while (i > 0 && e.order < q->p[(i - 1) / 2].order) {
        q->p[i] = q->p[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    q->p[i] = e;
}

static struct merge_entry queue_pop(engine_merge_queue *q) {
    struct merge_entry top = q->p[0], last = q->p[--q->n];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= q->n) break;
        if (child + 1 < q->n && q->p[child + 1].order < q->p[child].order) child++;
        if (last.order <= q->p[child].order) break;
        q->p[i] = q->p[child];
        i = child;
    }
    if (q->n) q->p[i] = last;
    return top;
}

static void consider(engine_symbol *s, uint32_t left, uint32_t right, engine_merge_queue *q,
                     engine_merge_fn *fn, const void *context) {
    uint32_t rank;
    int32_t id;
    if (left == ENGINE_SYMBOL_NONE || right == ENGINE_SYMBOL_NONE) return;
    if (fn(context, &s[left], &s[right], &rank, &id))
        queue_push(q, (struct merge_entry){(uint64_t)rank << 32 | left, right,
                                           s[left].n + s[right].n, id});
}

void engine_merge(engine_symbol *symbols, uint32_t n, engine_merge_queue *q, engine_merge_fn *fn,
                  const void *context) {
    q->n = 0;
    for (uint32_t i = 1; i < n; i++) consider(symbols, i - 1, i, q, fn, context);
    while (q->n) {
        struct merge_entry e = queue_pop(q);
        uint32_t left = (uint32_t)e.order;
        engine_symbol *l = &symbols[left], *r = &symbols[e.right];
        if (!l->n || !r->n || l->n + r->n != e.n) continue;
        l->n = e.n;
        l->id = e.id;
        l->next = r->next;
        if (r->next != ENGINE_SYMBOL_NONE) symbols[r->next].prev = left;
        r->n = 0;
        consider(symbols, l->prev, left, q, fn, context);
        consider(symbols, left, l->next, q, fn, context);
    }
}
