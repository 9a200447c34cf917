/* arch_bert: what is their own of the encoders that came after BERT (Devlin et al., 2019), and of
 * Carrel's reader.
 *
 * A norm over the embeddings, rows for token types, then a norm after each step instead of before
 * it. BERT learns a row for each position; nomic-bert turns q and k instead; jina-bert-v2 takes a
 * slope times the distance off each score (ALiBi; Press et al., 2022), and has a gated step. The
 * reader is built like a decoder that sees both ways, with a convolution over neighbouring tokens in
 * front of each attention (models/train/README.md; after Yu et al., "QANet", ICLR 2018).
 */
#include "engine/arch.h"

#include <math.h>

enum { ALIBI_MOST = 8, CONV_MOST = 31 /* taps; ours have 7 */ };

static bool load_ends(engine_loader *l, error *err) {
    return engine_load_types(l, err) && engine_load_norm(l, "token_embd_norm", l->net->shape.width,
                                                         &l->net->embedding_norm, err);
}

bool engine_arch_bert(engine_loader *l, error *err) {
    engine_network *net = l->net;
    if (!load_ends(l, err)) return false;
    if (net->rope_count > 0) return true;
    net->position_rows = net->context;
    return engine_load_lookup(l, "position_embd", net->shape.width, net->context, &net->positions,
                              err);
}

/* 2^(-8 (h + 1) / n) for the first n heads, n the greatest power of two; the heads beyond it take
 * every other step of the series for 2n. */
static float *alibi_slopes(uint32_t heads) {
    float *out = mem_new(heads, sizeof *out);
    uint32_t n = 1;
    while (2 * n <= heads) n *= 2;
    for (uint32_t h = 0; h < heads; h++) {
        double step = h < n ? (double)(h + 1) / n : (double)(2 * (h - n) + 1) / (2 * n);
        out[h] = (float)exp2(-ALIBI_MOST * step);
    }
    return out;
}

/* Files of the models for code and ranking norm all of q and of k, and the first sum once more. */
static bool load_second_norms(engine_loader *l, uint32_t i, error *err) {
    engine_shape *s = &l->net->shape;
    engine_layer *y = &l->net->layers[i];
    const struct {
        const char *part;
        uint32_t n;
        engine_norm *out;
    } norms[] = {{"attn_q_norm", s->heads * s->head, &y->q_norm},
                 {"attn_k_norm", s->kv_heads * s->head, &y->k_norm},
                 {"attn_norm_2", s->width, &y->attn.again}};
    s->qk_whole = true;
    for (size_t j = 0; j < sizeof norms / sizeof *norms; j++) {
        engine_name name = engine_layer_name(i, norms[j].part);
        if (engine_load_has(l, engine_name_with(name.s, ".weight").s) &&
            !engine_load_norm(l, name.s, norms[j].n, norms[j].out, err)) {
            return false;
        }
    }
    return true;
}

bool engine_arch_jina(engine_loader *l, error *err) {
    engine_network *net = l->net;
    const engine_tensor *up = engine_gguf_find(l->gguf, "blk.0.ffn_up.weight");
    net->slopes = alibi_slopes(net->shape.heads);
    net->shape.slopes = net->slopes;
    net->shape.gated =
        engine_load_has(l, "blk.0.ffn_gate.weight") || (up && up->shape[1] != net->shape.hidden);
    for (uint32_t i = 0; i < net->layer_count; i++) {
        if (!load_second_norms(l, i, err)) return false;
    }
    return load_ends(l, err);
}

static bool load_convolution(engine_loader *l, uint32_t i, error *err) {
    engine_layer *y = &l->net->layers[i];
    uint64_t d = l->net->shape.width;
    return engine_load_norm(l, engine_layer_name(i, "conv_norm").s, d, &y->conv_norm, err) &&
           engine_load_table(l, engine_layer_name(i, "conv.weight").s, d, l->net->shape.taps,
                             &y->conv, err);
}

bool engine_arch_reader(engine_loader *l, error *err) {
    float base;
    uint32_t types, *taps = &l->net->shape.taps;
    if (!engine_load_f32(l, "rope.freq_base", &base, err) ||
        !engine_load_u32(l, "token_type_count", 1, UINT32_MAX, &types, err) ||
        !engine_load_types(l, err) || !engine_load_may_u32(l, "conv_taps", 1, CONV_MOST, taps, err))
        return false;
    if (*taps > 0 && *taps % 2 == 0)
        return engine_load_refuse(l, err, "carrel-reader.conv_taps is not an odd number");
    for (uint32_t i = 0; *taps > 0 && i < l->net->layer_count; i++)
        if (!load_convolution(l, i, err)) return false;
    return true;
}
