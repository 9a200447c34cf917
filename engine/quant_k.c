/* quant_k: the types with super-blocks of 256 values, as float32: Q2_K to Q6_K and IQ4_XS.
 *
 * A super-block holds 8 or 16 sub-blocks. Each sub-block has a small integer scale (and minimum),
 * all of them multiplied by one float16 of the super-block. Where a value has more bits than fit
 * a nibble, the high bits lie apart, one plane of bits for the whole super-block. Written to be seen
 * to be right: kernels unpack these types in their own way and are tested against this.
 *
 * Never allocates and never fails.
 */
#include "engine/quant.h"

#include <assert.h>

/* 2-bit values: 16 x {scale, minimum} of 4 bits, 64 bytes of values, d, dmin. */
static void q2_k(const uint8_t *block, float *out) {
    const uint8_t *scales = block, *q = block + 16;
    float d = engine_half_at(block + 80), dmin = engine_half_at(block + 82);
    for (size_t i = 0; i < ENGINE_SUPER; i++) {
        uint8_t scale = scales[i / 16];
        int v = q[i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3;
        out[i] = d * (float)(scale & 15) * (float)v - dmin * (float)(scale >> 4);
    }
}

/* 3-bit values: 32 bytes of high bits, 64 of low ones, 16 scales of 6 bits (less 32), d. */
static void q3_k(const uint8_t *block, float *out) {
    const uint8_t *high = block, *q = block + 32, *packed = block + 96;
    float d = engine_half_at(block + 108);
    float scales[16];
    for (size_t j = 0; j < 16; j++) {
        int low = packed[j % 8] >> (j / 8 * 4) & 15, top = packed[8 + j % 4] >> (j / 4 * 2) & 3;
        scales[j] = d * (float)((low | top << 4) - 32);
    }
    for (size_t i = 0; i < ENGINE_SUPER; i++) {
        int v = q[i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3;
        int set = high[i % 32] >> (i / 32) & 1;
        out[i] = scales[i / 16] * (float)(v - (set ? 0 : 4));
    }
}

/* 4-bit values: d, dmin, 12 bytes of scales and minima, 128 of values; 64 values share 32 bytes. */
static void q4_k(const uint8_t *block, float *out) {
    const uint8_t *q = block + 16;
    float d = engine_half_at(block), dmin = engine_half_at(block + 2);
    for (size_t j = 0; j < 8; j++) {
        uint8_t scale, min;
        engine_scale_min(block + 4, j, &scale, &min);
        float s = d * (float)scale, m = dmin * (float)min;
        for (size_t l = 0; l < 32; l++) {
            out[j * 32 + l] = s * (float)(q[j / 2 * 32 + l] >> (j % 2 * 4) & 15) - m;
        }
    }
}

/* The same with 32 bytes of fifth bits in front of the values: bit j of byte l. */
static void q5_k(const uint8_t *block, float *out) {
    const uint8_t *high = block + 16, *q = block + 48;
    float d = engine_half_at(block), dmin = engine_half_at(block + 2);
    for (size_t j = 0; j < 8; j++) {
        uint8_t scale, min;
        engine_scale_min(block + 4, j, &scale, &min);
        float s = d * (float)scale, m = dmin * (float)min;
        for (size_t l = 0; l < 32; l++) {
            int v = (q[j / 2 * 32 + l] >> (j % 2 * 4) & 15) | (high[l] >> j & 1) << 4;
            out[j * 32 + l] = s * (float)v - m;
        }
    }
}

/* 6-bit values less 32: 128 bytes of low bits, 64 of high ones, 16 scales of 8 bits, d. In each
 * half of 128, nibbles go first through the low halves of 64 bytes, then through the high ones. */
static void q6_k(const uint8_t *block, float *out) {
    const uint8_t *low = block, *high = block + 128;
    const int8_t *scales = (const int8_t *)(block + 192);
    float d = engine_half_at(block + 208);
    for (size_t j = 0; j < 8; j++) {
        const uint8_t *l4 = low + j / 4 * 64 + j % 2 * 32, *h2 = high + j / 4 * 32;
        for (size_t l = 0; l < 32; l++) {
            int v = (l4[l] >> (j / 2 % 2 * 4) & 15) | (h2[l] >> (j % 4 * 2) & 3) << 4;
            out[j * 32 + l] = d * (float)scales[j * 2 + l / 16] * (float)(v - 32);
        }
    }
}

/* d, the high 2 bits of 8 scales, their low 4 bits, then 8 sub-blocks like those of IQ4_NL. */
static void iq4_xs(const uint8_t *block, float *out) {
    const uint8_t *q = block + 8;
    float d = engine_half_at(block);
    for (size_t j = 0; j < 8; j++) {
        int low = block[4 + j / 2] >> (j % 2 * 4) & 15, top = block[2 + j / 4] >> (j % 4 * 2) & 3;
        float s = d * (float)((low | top << 4) - 32);
        for (size_t l = 0; l < 16; l++) {
            out[j * 32 + l] = s * (float)engine_iq4_levels[q[j * 16 + l] & 15];
            out[j * 32 + l + 16] = s * (float)engine_iq4_levels[q[j * 16 + l] >> 4];
        }
    }
}

void engine_dequantize_super(uint32_t type, const uint8_t *src, float *dst, size_t n) {
    void (*unpack)(const uint8_t *, float *) = type == ENGINE_Q2_K   ? q2_k
                                               : type == ENGINE_Q3_K ? q3_k
                                               : type == ENGINE_Q4_K ? q4_k
                                               : type == ENGINE_Q5_K ? q5_k
                                               : type == ENGINE_Q6_K ? q6_k
                                                                     : iq4_xs;
    size_t bytes = engine_row_bytes(type, ENGINE_SUPER);
    assert(n % ENGINE_SUPER == 0);
    for (size_t i = 0; i < n; i += ENGINE_SUPER, src += bytes) unpack(src, dst + i);
}
