/* random_model: a small model of any architecture with random weights, as tensors in memory and as
 * the bytes of a GGUF file. The file can be made with one thing changed or left out, to show that a
 * test would notice. What the model computes is for reference_model to say.
 */
#ifndef CARREL_RANDOM_MODEL_H
#define CARREL_RANDOM_MODEL_H

#include "base/base.h"

/* What an architecture has. */
enum {
    M_LAYER_NORM = 1 << 0, /* norms subtract the mean and have a bias; else RMS */
    M_PRE = 1 << 1,        /* norms before the steps */
    M_GIVEN = 1 << 2,      /* norms of what the steps give */
    M_SUM = 1 << 3,        /* norms after the sums */
    M_AGAIN = 1 << 4,      /* attn_norm_2 */
    M_QK = 1 << 5,         /* norms of the heads of q and k */
    M_QK_WHOLE = 1 << 6,   /* norms of all of q and k */
    M_QKV_BIAS = 1 << 7,
    M_BIASES = 1 << 8, /* of attn_output and ffn_down */
    M_UP_BIAS = 1 << 9,
    M_GATE = 1 << 10,
    M_FUSED_QKV = 1 << 11,
    M_FUSED_UP = 1 << 12, /* gate above up in ffn_up */
    M_GELU = 1 << 13,
    M_ROPE = 1 << 14,
    M_HALVES = 1 << 15,  /* rope pairs (i, i + rotary / 2); else neighbours */
    M_FREQS = 1 << 16,   /* rope_freqs */
    M_LENGTHS = 1 << 17, /* long and short factors */
    M_SCALED = 1 << 18,  /* embedding times the root of its width */
    M_POSITIONS = 1 << 19,
    M_TYPES = 1 << 20,
    M_TOKEN_NORM = 1 << 21,
    M_OUTPUT_NORM = 1 << 22,
    M_OUTPUT = 1 << 23, /* an output matrix of its own */
    M_CAUSAL = 1 << 24,
    M_ALIBI = 1 << 25,
    M_CLS = 1 << 26, /* cls before cls.output */
    M_SPAN = 1 << 27,
    M_YARN = 1 << 28, /* stretch, by YaRN from original_context */
    M_CONV = 1 << 29  /* over RANDOM_TAPS tokens, before attention */
};

enum { RANDOM_TAPS = 5, RANDOM_SPANS = 3 /* outputs of M_SPAN */ };

enum { POOL_NONE, POOL_MEAN, POOL_CLS, POOL_LAST, POOL_RANK };

typedef struct {
    const char *title, *architecture;
    unsigned has;
    uint32_t layers, width, hidden, heads, kv_heads, head, rotary, vocab, context;
    double base, base_local;   /* base_local: of the layers with a window; 0: not in the file */
    double stretch, magnitude; /* rope.scaling.factor, attn_factor; 0: not in the file */
    uint32_t original_context, skip; /* skip: every so manieth layer has no positions */
    uint32_t window, pattern; /* pattern: every so manieth layer has no window; 0: all have one */
    uint32_t pooling, labels; /* labels 0: those of the words yes and no */
    uint32_t dense[2];        /* rows of dense_2, dense_3 */
} model_recipe;

extern const model_recipe model_recipes[];
extern const size_t model_recipe_count;
const model_recipe *model_recipe_find(const char *title);

typedef struct {
    char name[48];
    uint32_t columns, rows; /* rows 0: a vector */
    float *values;
} model_tensor;

typedef struct {
    const model_recipe *recipe;
    uint32_t type; /* of the matrices in the file, 0 is F32; where their columns fit */
    model_tensor *tensors;
    size_t count;
} random_model;

void random_model_make(const model_recipe *r, random_model *out);
void random_model_free(random_model *m);
/* "blk.LAYER.NAME", or NAME for layer -1; NULL where there is none. */
const model_tensor *random_model_find(const random_model *m, int layer, const char *name);
/* The ids of the words yes and no, in a model that judges with them. */
void random_model_words(const random_model *m, int32_t *yes, int32_t *no);

typedef struct {
    const char *title;  /* of the recipe */
    const char *drop;   /* tensors whose name, behind blk.N., begins with this, or NULL */
    const char *extra;  /* a vector of this name that no model has, or NULL */
    const char *forget; /* a key of the architecture, or NULL */
    const char *key;    /* a key of the architecture that gets `value`, or NULL */
    double value;
    char kind;        /* of the value: 'u', 'f', 'b' */
    const char *says; /* the file must be refused with this; NULL: its results must differ */
} model_change;

/* The bytes of a file; change may be NULL. */
text random_model_file(const random_model *m, const model_change *change);

#endif
