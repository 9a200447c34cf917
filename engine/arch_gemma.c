/* arch_gemma: what is its own of Gemma 3 (Gemma Team, 2025), as a decoder and as embeddinggemma.
 *
 * Embeddings times the root of their width, a norm over what each step gives as well as before it,
 * norms over the heads of q and k, a gate of GELU. Most layers see a sliding window and turn their
 * positions by a base of their own; every `pattern`th layer sees all. In a file the norms' weights
 * are what they multiply with (the 1 that the definition adds is in them).
 */
#include "engine/arch.h"

#include <math.h>

enum {
    PATTERN = 6,       /* where the file does not say */
    LAYERS_OF_27B = 62 /* this size alone has a scale of its own, and says so nowhere */
};

bool engine_arch_gemma(engine_loader *l, error *err) {
    engine_network *net = l->net;
    engine_shape *s = &net->shape;
    uint32_t window = 0, pattern = PATTERN;
    float base = 10000.0f; /* of the layers with a window */
    if (!engine_load_may_u32(l, "attention.sliding_window", 0, ENGINE_MAX_CONTEXT, &window, err) ||
        !engine_load_may_u32(l, "attention.sliding_window_pattern", 1, ENGINE_MAX_LAYERS, &pattern,
                             err) ||
        !engine_load_may_f32(l, "rope.freq_base_swa", &base, err)) {
        return false;
    }
    if (base <= 0) return engine_load_refuse(l, err, "rope.freq_base_swa is not positive");
    net->embedding_scale = sqrtf((float)s->width);
    if (net->layer_count == LAYERS_OF_27B) {
        s->scale = 1.0f / sqrtf((float)s->width / (float)s->heads);
    }
    net->ropes[1] = (engine_rope){.base = (double)base, .stretch = 1, .magnitude = 1};
    net->rope_count = 2;
    for (uint32_t i = 0; window > 0 && i < net->layer_count; i++) {
        if (i % pattern == pattern - 1) continue;
        net->layers[i].window = window;
        net->layers[i].rope = 1;
    }
    return true;
}
