/* input: token by token, what an encoder or a reranker reads.
 *
 * Room for the special tokens behind a text is the caller's to keep: it passes the limit that
 * leaves it. Text is always tokenized without control tokens, since it comes from documents and
 * users.
 */
#include "embed/models.h"

#include <string.h>

embed_input embed_input_new(arena *a, size_t most) {
    return (embed_input){
        .ids = arena_alloc(a, most, sizeof(int32_t)),
        .types = arena_alloc(a, most, 1),
        .most = most,
    };
}

void embed_input_put(embed_input *in, const int32_t *ids, size_t n, uint8_t type) {
    if (n > in->most - in->n) n = in->most - in->n;
    if (n == 0) return;
    memcpy(in->ids + in->n, ids, n * sizeof *ids);
    memset(in->types + in->n, type, n);
    in->n += n;
}

bool embed_input_text(embed_input *in, const engine_tokenizer *t, str s, size_t limit,
                      uint8_t type) {
    arena *scratch = arena_new();
    engine_token *tokens;
    size_t n;
    engine_tokenize(t, s, 0, scratch, &tokens, &n);
    bool whole = n <= limit;
    if (!whole) n = limit;
    for (size_t i = 0; i < n; i++) embed_input_put(in, &tokens[i].id, 1, type);
    arena_free(scratch);
    return whole;
}
