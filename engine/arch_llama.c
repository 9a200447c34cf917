/* arch_llama: what is their own of the decoders that came after Llama (Touvron et al., 2023).
 *
 * Pre-norm blocks with RMS norm, rotary positions, grouped queries, SwiGLU. Llama itself, Qwen 2
 * (biases of q, k and v) and Qwen 3 (norms over the heads of q and k) are told by the table in
 * arch.c alone. SmolLM3 leaves the positions out of every fourth layer. Phi-3 and Phi-4-mini turn
 * only part of a head, by one list of factors in short contexts and another in long ones.
 */
#include "engine/arch.h"

enum { SMOLLM3_PERIOD = 4 };

bool engine_arch_smollm3(engine_loader *l, error *err) {
    (void)err;
    for (uint32_t i = SMOLLM3_PERIOD - 1; i < l->net->layer_count; i += SMOLLM3_PERIOD) {
        l->net->layers[i].rope = ENGINE_NO_ROPE;
    }
    return true;
}

bool engine_arch_phi3(engine_loader *l, error *err) {
    engine_network *net = l->net;
    engine_rope *r = &net->ropes[0];
    uint32_t pairs = net->shape.rotary / 2, window = 0;
    r->long_from = net->context;
    if (!engine_load_may_u32(l, "rope.scaling.original_context_length", 1, ENGINE_MAX_CONTEXT,
                             &r->long_from, err) ||
        !engine_load_may_u32(l, "attention.sliding_window", 0, UINT32_MAX, &window, err)) {
        return false;
    }
    for (uint32_t i = 0; i < net->layer_count; i++) net->layers[i].window = window;
    if (!engine_load_has(l, "rope_factors_long.weight") &&
        !engine_load_has(l, "rope_factors_short.weight")) {
        return true;
    }
    return engine_load_vector(l, "rope_factors_long.weight", pairs, &r->factors_long, err) &&
           engine_load_vector(l, "rope_factors_short.weight", pairs, &r->factors, err);
}
