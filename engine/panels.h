/* panels: how weights lie in memory once they are packed, and the kernels that multiply with them.
 * Private to this room.
 *
 * 16 rows of a matrix make a panel. Along the columns a panel is cut into blocks of 32; the codes of
 * a block lie as 8 groups of 4 columns, each group [16 rows][4 columns], so that one 64-byte load
 * holds what 16 rows need for one step of an integer dot product. A panel's planes follow each
 * other, each aligned to 64 bytes:
 *
 *   codes   [blocks][...]   the lower bits, then the higher bits of a block, see below
 *   scales  [blocks][...]   of each block, 16 rows side by side
 *   supers  [blocks / 8][]  of each 256 columns, for the K-quants and IQ4_XS
 *
 * Codes of 8 bits: [8 groups][16][4]. The lower 4 bits of smaller codes: [4][16][4] bytes, group g in
 * the low half of byte set g, group g + 4 in the high half. A fifth bit: [16][4] bytes, bit g of
 * each belongs to group g. Two bits (fifth and sixth, or the lowest two of Q2_K and Q3_K):
 * [2][16][4] bytes, bits 2g and 2g + 1 of set g / 4.
 *
 * A weight is scale * (code - 128) - min, the code taken so that this holds (8-bit: q + 128; Q4_0:
 * q - 8 + 128; those with a minimum: q + 128; IQ4: its table + 128). Activations are quantised to
 * int8 in blocks of 32 with a float32 scale each, 16 tokens side by side.
 *
 * One order of sums: block by block along the columns, within a block in integers, exactly. The
 * sum of a row and a token does not depend on how many tokens run at once, so that drafting, cut
 * prompts and reused prefixes give the same bits.
 */
#ifndef CARREL_ENGINE_PANELS_H
#define CARREL_ENGINE_PANELS_H

#include "engine/engine.h"

enum {
    PANEL_ROWS = 16,
    PANEL_BLOCK = 32,  /* columns that share a scale */
    PANEL_SUPER = 8,   /* blocks of a super-block: 256 columns */
    PANEL_TOKENS = 16, /* of an activation tile */
    PANEL_GROUPS = 8,  /* of 4 columns, in a block */
    PANEL_TABLES = 4   /* of kernels, the most that one machine can run */
};

/* One block of 32 columns of up to 16 tokens. */
typedef struct {
    int8_t q[PANEL_TOKENS][PANEL_BLOCK];
    float scale[PANEL_TOKENS];
    int32_t start[PANEL_TOKENS];   /* -128 * sum of q: what the codes' offset of 128 adds; or as */
    int32_t half[2][PANEL_TOKENS]; /* `quantize` of a table likes it. Of columns 0..15, 16..31 */
    float sum[PANEL_TOKENS];       /* scale * sum of q, which meets the minima */
} engine_panel_acts;

/* Bytes of each plane for one block, for one super-block. */
typedef struct {
    uint16_t code_bytes, scale_bytes, super_bytes;
    bool is_float; /* [columns][16] values; none of the planes above */
} engine_panel_layout;

/* Here, so that it is a constant where the type is one. For a type that runs. */
static inline engine_panel_layout engine_panel_layout_of(uint32_t type) {
    switch (type) {
    case ENGINE_Q8_0:
        return (engine_panel_layout){512, 32, 0, false};
    case ENGINE_Q4_0:
    case ENGINE_IQ4_NL:
        return (engine_panel_layout){256, 32, 0, false};
    case ENGINE_Q4_1:
        return (engine_panel_layout){256, 64, 0, false};
    case ENGINE_Q5_0:
        return (engine_panel_layout){320, 32, 0, false};
    case ENGINE_Q5_1:
        return (engine_panel_layout){320, 64, 0, false};
    case ENGINE_Q2_K:
        return (engine_panel_layout){128, 32, 64, false};
    case ENGINE_Q3_K:
        return (engine_panel_layout){192, 32, 32, false};
    case ENGINE_Q4_K:
        return (engine_panel_layout){256, 32, 64, false};
    case ENGINE_Q5_K:
        return (engine_panel_layout){320, 32, 64, false};
    case ENGINE_Q6_K:
        return (engine_panel_layout){384, 32, 32, false};
    case ENGINE_IQ4_XS:
        return (engine_panel_layout){256, 16, 32, false};
    default:
        return (engine_panel_layout){0, 0, 0, true}; /* F32, F16, BF16 */
    }
}
/* Bytes of one panel of `columns`, a multiple of 64. */
size_t engine_panel_bytes(uint32_t type, size_t columns);

/* Packs `count` (1..16) rows of the file's layout, row_bytes apart, into one panel; rows beyond
 * count are zero. */
void engine_panel_pack(uint32_t type, const uint8_t *rows, size_t row_bytes, size_t count,
                       size_t columns, uint8_t *panel);
/* Row r of a panel as float32 [columns]. */
void engine_panel_row(uint32_t type, const uint8_t *panel, size_t columns, size_t r, float *out);
/* Row r of block b: 32 codes, the scales of its two halves and their minima. */
void engine_panel_row_block(uint32_t type, const uint8_t *panel, size_t blocks, size_t b, size_t r,
                            uint8_t codes[PANEL_BLOCK], float scale[2], float min[2]);

/* One panel times one tile of tokens. */
typedef struct {
    uint32_t type;
    const uint8_t *panel;
    size_t columns;
    const void *tile; /* engine_panel_acts [columns / 32], or float [columns][16] for float types */
    size_t n;         /* tokens, 1..16 */
    float *out;       /* out[t * stride + r]: 16 rows */
    size_t stride;
    const float *bias; /* [16] or NULL */
    bool add;          /* to what stands in out */
} engine_panel_job;

typedef struct {
    const char *name;
    /* Rows x[t * stride], t < n, as a tile. Slots of tokens that are not there, up to the next
     * power of two, are made zero. */
    void (*quantize)(const float *x, size_t stride, size_t n, size_t columns,
                     engine_panel_acts *tile);
    void (*multiply)(const engine_panel_job *job);
} engine_panel_kernels;

/* The same for float weights: tile [columns][16]. */
void engine_panel_spread(const float *x, size_t stride, size_t n, size_t columns, float *tile);

extern const engine_panel_kernels engine_panel_kernels_scalar;
#if defined(__x86_64__)
extern const engine_panel_kernels engine_panel_kernels_avx2, engine_panel_kernels_avxvnni,
    engine_panel_kernels_avx512;
#elif defined(__aarch64__)
extern const engine_panel_kernels engine_panel_kernels_neon, engine_panel_kernels_dotprod;
#endif
/* The tables that cpu_get() allows, the simplest first; how many. */
size_t engine_panel_kernels_all(const engine_panel_kernels *out[PANEL_TABLES]);
/* The last of them, the fastest. */
const engine_panel_kernels *engine_panel_kernels_get(void);

/* The number of token slots that a tile of n tokens runs with: 1, 2, 4, 8 or 16. */
static inline size_t engine_panel_slots(size_t n) {
    return n <= 1 ? 1 : n <= 2 ? 2 : n <= 4 ? 4 : n <= 8 ? 8 : 16;
}

#endif
