/* quant: what a row of weights looks like in memory, and how it becomes float32.
 *
 * Owns the table of GGUF tensor types (name, values and bytes of one block) and the plain
 * dequantisation that every faster kernel is measured against (types with super-blocks: quant_k.c).
 * Types that this build cannot run stand in the table too: a reader has to know their size to check
 * a file, and a person wants to read "IQ2_S" rather than 22. Block layouts: ggml's quantisation
 * types as listed in docs/gguf.md.
 *
 * Never allocates and never fails: callers have checked type and length through engine_row_bytes.
 */
#include "engine/quant.h"

#include <assert.h>

typedef struct {
    const char *name;
    uint16_t values; /* in one block */
    uint16_t bytes;  /* of one block */
    bool runs;
} type_entry;

/* Numbers that never were, or are no longer, a GGUF type have no name. */
static const type_entry types[] = {
    [0] = {"F32", 1, 4, true},          [1] = {"F16", 1, 2, true},
    [2] = {"Q4_0", 32, 18, true},       [3] = {"Q4_1", 32, 20, true},
    [6] = {"Q5_0", 32, 22, true},       [7] = {"Q5_1", 32, 24, true},
    [8] = {"Q8_0", 32, 34, true},       [9] = {"Q8_1", 32, 36, false},
    [10] = {"Q2_K", 256, 84, true},     [11] = {"Q3_K", 256, 110, true},
    [12] = {"Q4_K", 256, 144, true},    [13] = {"Q5_K", 256, 176, true},
    [14] = {"Q6_K", 256, 210, true},    [15] = {"Q8_K", 256, 292, false},
    [16] = {"IQ2_XXS", 256, 66, false}, [17] = {"IQ2_XS", 256, 74, false},
    [18] = {"IQ3_XXS", 256, 98, false}, [19] = {"IQ1_S", 256, 50, false},
    [20] = {"IQ4_NL", 32, 18, true},    [21] = {"IQ3_S", 256, 110, false},
    [22] = {"IQ2_S", 256, 82, false},   [23] = {"IQ4_XS", 256, 136, true},
    [24] = {"I8", 1, 1, false},         [25] = {"I16", 1, 2, false},
    [26] = {"I32", 1, 4, false},        [27] = {"I64", 1, 8, false},
    [28] = {"F64", 1, 8, false},        [29] = {"IQ1_M", 256, 56, false},
    [30] = {"BF16", 1, 2, true},        [34] = {"TQ1_0", 256, 54, false},
    [35] = {"TQ2_0", 256, 66, false},   [39] = {"MXFP4", 32, 17, false},
};

static const type_entry *find_type(uint32_t type) {
    if (type >= sizeof types / sizeof types[0] || types[type].name == NULL) {
        return NULL;
    }
    return &types[type];
}

bool engine_type_runs(uint32_t type) {
    const type_entry *t = find_type(type);
    return t != NULL && t->runs;
}

const char *engine_type_name(uint32_t type) {
    const type_entry *t = find_type(type);
    return t ? t->name : "?";
}

size_t engine_row_bytes(uint32_t type, uint64_t columns) {
    const type_entry *t = find_type(type);
    if (t == NULL || columns % t->values != 0 || columns / t->values > SIZE_MAX / t->bytes) {
        return 0;
    }
    return (size_t)(columns / t->values) * t->bytes;
}

/* IEEE 754 binary16 by its bits; denormals, infinities and NaN included. */
float engine_half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = (half >> 10) & 0x1Fu;
    uint32_t fraction = half & 0x3FFu;
    uint32_t bits;
    float value;

    if (exponent == 0) { /* zero or denormal: fraction * 2^-24 is exact in float32 */
        value = (float)fraction * 0x1p-24f;
        return sign ? -value : value;
    }
    if (exponent == 31) {
        bits = sign | 0x7F800000u | (fraction << 13);
    } else {
        bits = sign | ((exponent + 112) << 23) | (fraction << 13);
    }
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void dequantize_f16(const uint8_t *src, float *dst, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint16_t half;
        memcpy(&half, src + 2 * i, sizeof half);
        dst[i] = engine_half_to_float(half);
    }
}

static void dequantize_bf16(const uint8_t *src, float *dst, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint16_t high;
        memcpy(&high, src + 2 * i, sizeof high);
        uint32_t bits = (uint32_t)high << 16;
        memcpy(dst + i, &bits, sizeof bits);
    }
}

static void dequantize_q8_0(const uint8_t *src, float *dst, size_t n) {
    for (size_t i = 0; i < n; i += ENGINE_Q8_VALUES, src += ENGINE_Q8_BYTES) {
        float scale = engine_half_at(src);
        const int8_t *q = (const int8_t *)(src + 2);
        for (size_t j = 0; j < ENGINE_Q8_VALUES; j++) {
            dst[i + j] = scale * (float)q[j];
        }
    }
}

/* Blocks of 32 with the low halves of the bytes first, then the high ones. Q4_0 and Q5_0 have a
 * scale and count from the middle; Q4_1 and Q5_1 have a scale and a minimum. */
static void dequantize_q4_0(const uint8_t *src, float *dst, size_t n) {
    for (size_t i = 0; i < n; i += ENGINE_BLOCK, src += ENGINE_Q4_0_BYTES) {
        float scale = engine_half_at(src);
        const uint8_t *q = src + 2;
        for (size_t j = 0; j < ENGINE_BLOCK / 2; j++) {
            dst[i + j] = scale * (float)((q[j] & 15) - 8);
            dst[i + j + ENGINE_BLOCK / 2] = scale * (float)((q[j] >> 4) - 8);
        }
    }
}

static void dequantize_q4_1(const uint8_t *src, float *dst, size_t n) {
    for (size_t i = 0; i < n; i += ENGINE_BLOCK, src += ENGINE_Q4_1_BYTES) {
        float scale = engine_half_at(src), min = engine_half_at(src + 2);
        const uint8_t *q = src + 4;
        for (size_t j = 0; j < ENGINE_BLOCK / 2; j++) {
            dst[i + j] = scale * (float)(q[j] & 15) + min;
            dst[i + j + ENGINE_BLOCK / 2] = scale * (float)(q[j] >> 4) + min;
        }
    }
}

/* Value j of a block of 32 with its fifth bits in one word in front of the nibbles. */
static int five_bits(const uint8_t *word, size_t j) {
    uint32_t high;
    memcpy(&high, word, sizeof high);
    int low = word[4 + j % (ENGINE_BLOCK / 2)] >> (j / (ENGINE_BLOCK / 2) * 4) & 15;
    return low | (int)(high >> j & 1) << 4;
}

static void dequantize_q5_0(const uint8_t *src, float *dst, size_t n) {
    for (size_t i = 0; i < n; i += ENGINE_BLOCK, src += ENGINE_Q5_0_BYTES) {
        float scale = engine_half_at(src);
        for (size_t j = 0; j < ENGINE_BLOCK; j++) {
            dst[i + j] = scale * (float)(five_bits(src + 2, j) - 16);
        }
    }
}

static void dequantize_q5_1(const uint8_t *src, float *dst, size_t n) {
    for (size_t i = 0; i < n; i += ENGINE_BLOCK, src += ENGINE_Q5_1_BYTES) {
        float scale = engine_half_at(src), min = engine_half_at(src + 2);
        for (size_t j = 0; j < ENGINE_BLOCK; j++) {
            dst[i + j] = scale * (float)five_bits(src + 4, j) + min;
        }
    }
}

const int8_t engine_iq4_levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                      1,    13,   25,  38,  53,  69,  89,  113};

static void dequantize_iq4_nl(const uint8_t *src, float *dst, size_t n) {
    for (size_t i = 0; i < n; i += ENGINE_BLOCK, src += ENGINE_IQ4_NL_BYTES) {
        float scale = engine_half_at(src);
        const uint8_t *q = src + 2;
        for (size_t j = 0; j < ENGINE_BLOCK / 2; j++) {
            dst[i + j] = scale * (float)engine_iq4_levels[q[j] & 15];
            dst[i + j + ENGINE_BLOCK / 2] = scale * (float)engine_iq4_levels[q[j] >> 4];
        }
    }
}

void engine_add_row(uint32_t type, const void *src, float weight, float *row, float *sum,
                    size_t n) {
    assert(engine_type_runs(type) && (n == 0 || engine_row_bytes(type, n) != 0));
    if (type == ENGINE_Q8_0) {
        engine_kernels_get()->add_q8_0(src, weight, sum, n);
        return;
    }
    engine_dequantize(type, src, row, n);
    for (size_t i = 0; i < n; i++) sum[i] += weight * row[i];
}

void engine_dequantize(uint32_t type, const void *src, float *dst, size_t n) {
    assert(engine_type_runs(type) && (n == 0 || engine_row_bytes(type, n) != 0));
    switch (type) {
    case ENGINE_F32:
        memcpy(dst, src, n * sizeof *dst);
        break;
    case ENGINE_F16:
        dequantize_f16(src, dst, n);
        break;
    case ENGINE_BF16:
        dequantize_bf16(src, dst, n);
        break;
    case ENGINE_Q8_0:
        dequantize_q8_0(src, dst, n);
        break;
    case ENGINE_Q4_0:
        dequantize_q4_0(src, dst, n);
        break;
    case ENGINE_Q4_1:
        dequantize_q4_1(src, dst, n);
        break;
    case ENGINE_Q5_0:
        dequantize_q5_0(src, dst, n);
        break;
    case ENGINE_Q5_1:
        dequantize_q5_1(src, dst, n);
        break;
    case ENGINE_IQ4_NL:
        dequantize_iq4_nl(src, dst, n);
        break;
    default:
        engine_dequantize_super(type, src, dst, n);
    }
}
