/* quant: block formats, the part that the files quant*.c share. Private to this room.
 *
 * The layouts are those of the GGUF tensor types; every value of a block is a product of small
 * integers and one or two float16 scales. Products of these fit into the 24 bits of a float32, so
 * dequantising rounds once at most and every order of the operations gives the same bits.
 */
#ifndef CARREL_ENGINE_QUANT_H
#define CARREL_ENGINE_QUANT_H

#include "engine/kernels.h"

#include <string.h>

enum {
    ENGINE_BLOCK = 32,     /* values of a block of the plain types */
    ENGINE_SUPER = 256,    /* of a block of the K types and IQ4_XS */
    ENGINE_Q8_VALUES = 32, /* a Q8_0 block: float16 scale, 32 int8 */
    ENGINE_Q8_BYTES = 34,
    /* Bytes of one block. */
    ENGINE_Q4_0_BYTES = 18,
    ENGINE_Q4_1_BYTES = 20,
    ENGINE_Q5_0_BYTES = 22,
    ENGINE_Q5_1_BYTES = 24,
    ENGINE_Q2_K_BYTES = 84,
    ENGINE_Q3_K_BYTES = 110,
    ENGINE_Q4_K_BYTES = 144,
    ENGINE_Q5_K_BYTES = 176,
    ENGINE_Q6_K_BYTES = 210,
    ENGINE_IQ4_NL_BYTES = 18,
    ENGINE_IQ4_XS_BYTES = 136
};

/* The 16 levels of the IQ4 types: denser near zero, where most weights lie. */
extern const int8_t engine_iq4_levels[16];

/* The 6-bit scale and minimum of sub-block j (0..7) in the 12 bytes of a Q4_K or Q5_K block. */
static inline void engine_scale_min(const uint8_t *packed, size_t j, uint8_t *scale, uint8_t *min) {
    if (j < 4) {
        *scale = packed[j] & 63;
        *min = packed[j + 4] & 63;
    } else {
        *scale = (uint8_t)((packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4);
        *min = (uint8_t)(packed[j + 4] >> 4 | (packed[j] >> 6) << 4);
    }
}

/* The float16 at p, which need not be aligned. */
static inline float engine_half_at(const uint8_t *p) {
    uint16_t half;
    memcpy(&half, p, sizeof half);
    return engine_half_to_float(half);
}

/* n values of a type with super-blocks; the rest of engine_dequantize. */
void engine_dequantize_super(uint32_t type, const uint8_t *src, float *dst, size_t n);

#endif
