/* arch: what the readers of architectures share. Private to arch*.c.
 *
 * An architecture is a line of the table in arch.c: what tensors its layers have, and a function
 * that reads from the metadata what is its own. The tensors themselves are loaded in one place.
 */
#ifndef CARREL_ENGINE_ARCH_H
#define CARREL_ENGINE_ARCH_H

#include "engine/model.h"

/* What stands in a layer. */
enum {
    HAS_PRE_NORMS = 1 << 0,   /* attn_norm, ffn_norm */
    HAS_GIVEN_NORMS = 1 << 1, /* post_attention_norm, post_ffw_norm */
    HAS_SUM_NORMS = 1 << 2,   /* attn_output_norm, layer_output_norm */
    HAS_QK_NORMS = 1 << 3,    /* attn_q_norm, attn_k_norm, over each head */
    HAS_QKV_BIAS = 1 << 4,    /* biases that must be there; others are taken where they are */
    HAS_BIASES = 1 << 5,      /* of attn_output, ffn_down */
    HAS_UP_BIAS = 1 << 6,
    HAS_GATE = 1 << 7, /* ffn_gate, or in front of ffn_up */
    HAS_ROPE = 1 << 8,
    HAS_OUTPUT_NORM = 1 << 9,
    HAS_LENGTHS = 1 << 10 /* factors for short and long contexts may be there */
};

typedef struct {
    const char *name;
    unsigned has; /* of the above */
    engine_norm_kind norm;
    engine_activation activation;
    bool halves, causal; /* causal: where the file does not say */
    /* What is left to fill; sizes, ropes[0] and the defaults of layers are in place. */
    bool (*read)(engine_loader *l, error *err);
} engine_arch;

struct engine_loader {
    const engine_gguf *gguf;
    engine_network *net;
    const engine_arch *arch;
    bool *taken; /* [tensors] */
};

bool engine_arch_smollm3(engine_loader *l, error *err);
bool engine_arch_phi3(engine_loader *l, error *err);
bool engine_arch_gemma(engine_loader *l, error *err);
bool engine_arch_bert(engine_loader *l, error *err);
bool engine_arch_jina(engine_loader *l, error *err);
bool engine_arch_reader(engine_loader *l, error *err);

/* token_types, where there are any. */
bool engine_load_types(engine_loader *l, error *err);
bool engine_load_refuse(const engine_loader *l, error *err, const char *what);
/* "blk.LAYER.PART" */
typedef struct {
    char s[96];
} engine_name;
engine_name engine_layer_name(uint32_t layer, const char *part);
engine_name engine_name_with(const char *name, const char *suffix);
/* "ARCHITECTURE.KEY" */
engine_name engine_load_key(const engine_loader *l, const char *key);
/* ropes[0], and how many there are: what the metadata say of positions. arch_rope.c */
bool engine_load_rope(engine_loader *l, error *err);

/* Keys of the architecture: "block_count" is read as "llama.block_count". `may` leaves *out alone
 * where the key is missing, and checks it where it is there. */
bool engine_load_u32(const engine_loader *l, const char *key, uint32_t least, uint32_t most,
                     uint32_t *out, error *err);
bool engine_load_may_u32(const engine_loader *l, const char *key, uint32_t least, uint32_t most,
                         uint32_t *out, error *err);
bool engine_load_f32(const engine_loader *l, const char *key, float *out, error *err);
bool engine_load_may_f32(const engine_loader *l, const char *key, float *out, error *err);
bool engine_load_str(const engine_loader *l, const char *key, str *out);

bool engine_load_has(const engine_loader *l, const char *tensor);
/* F32, [rows][columns]; marks the tensor as taken. */
bool engine_load_table(engine_loader *l, const char *tensor, uint64_t columns, uint64_t rows,
                       const float **out, error *err);
bool engine_load_vector(engine_loader *l, const char *tensor, uint64_t n, const float **out,
                        error *err);
/* NAME.weight, and NAME.bias where norms have one. */
bool engine_load_norm(engine_loader *l, const char *name, uint64_t n, engine_norm *out, error *err);
#endif
