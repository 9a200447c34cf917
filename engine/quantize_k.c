/* quantize_k: 256 float32 values into one block of Q2_K to Q6_K or IQ4_XS.
 *
 * Each sub-block is fitted by itself; the largest of the scales sets the float16 of the
 * super-block. The small integers that the scales become are then chosen by trying: the nearest
 * and its neighbours, each with the values rounded anew, and the one of least squared error
 * stays. That makes good most of what the coarse scales lose.
 *
 * Never allocates and never fails; engine_quantize has seen to it that all values are finite.
 */
#include "engine/quantize.h"

#include <assert.h>
#include <math.h>

enum { MOST_SUBS = 16, LANES = 4 };

static float put_half(uint8_t *at, float value) {
    uint16_t half = engine_float_to_half(value);
    memcpy(at, &half, sizeof half);
    return engine_half_to_float(half);
}

static float inverse_of(float scale) {
    return scale == 0 ? 0 : 1 / scale;
}

/* ---- scale and minimum -------------------------------------------------------------------- */

/* The squared error of x = scale * level - min with the levels rounded. n: a multiple of LANES. */
static inline float error_of(const float *x, size_t n, float scale, float min, float least,
                             float most) {
    float squares[LANES] = {0}, inverse = inverse_of(scale);
    for (size_t i = 0; i < n; i += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            float q = engine_rounded((x[i + l] + min) * inverse, least, most);
            float d = x[i + l] + min - scale * q;
            squares[l] += d * d;
        }
    }
    return (squares[0] + squares[1]) + (squares[2] + squares[3]);
}

/* The levels themselves, counted from the least. */
static void round_levels(const float *x, size_t n, float scale, float min, int least, int most,
                         uint8_t *levels) {
    float inverse = inverse_of(scale);
    for (size_t i = 0; i < n; i++) {
        levels[i] = (uint8_t)(engine_level((x[i] + min) * inverse, least, most) - least);
    }
}

typedef struct {
    size_t n;         /* values of a sub-block */
    int most, coarse; /* greatest level; greatest integer of a scale or a minimum */
    float d, dmin;    /* as they are stored */
    uint8_t scales[16], mins[16];
    uint8_t levels[ENGINE_SUPER];
} affine_block;

/* The integers of one sub-block, by trial around the nearest. */
static void choose_affine(affine_block *b, size_t sub, const float *x, engine_affine fit) {
    int near_scale = engine_level(fit.scale * inverse_of(b->d), 0, b->coarse);
    int near_min = engine_level(-fit.min * inverse_of(b->dmin), 0, b->coarse);
    float best = INFINITY;
    for (int s = near_scale - 1; s <= near_scale + 1; s++) {
        for (int m = near_min - 1; m <= near_min + 1; m++) {
            if (s < 0 || m < 0 || s > b->coarse || m > b->coarse) continue;
            float e = error_of(x, b->n, b->d * (float)s, b->dmin * (float)m, 0, (float)b->most);
            if (e < best) {
                best = e;
                b->scales[sub] = (uint8_t)s;
                b->mins[sub] = (uint8_t)m;
            }
        }
    }
    round_levels(x, b->n, b->d * (float)b->scales[sub], b->dmin * (float)b->mins[sub], 0, b->most,
                 b->levels + sub * b->n);
}

/* b->n, most and coarse are given; d and dmin are stored at `d` and `dmin` too. */
static void fit_affine_block(affine_block *b, const float *x, uint8_t *d, uint8_t *dmin) {
    engine_affine fits[MOST_SUBS];
    float scale = 0, min = 0;
    size_t subs = ENGINE_SUPER / b->n;
    for (size_t i = 0; i < subs; i++) {
        fits[i] = engine_fit_affine(x + i * b->n, b->n, b->most, true);
        scale = fmaxf(scale, fits[i].scale);
        min = fmaxf(min, -fits[i].min);
    }
    b->d = put_half(d, scale / (float)b->coarse);
    b->dmin = put_half(dmin, min / (float)b->coarse);
    for (size_t i = 0; i < subs; i++) choose_affine(b, i, x + i * b->n, fits[i]);
}

static void to_q2_k(const float *x, uint8_t *out) {
    affine_block b = {.n = 16, .most = 3, .coarse = 15};
    fit_affine_block(&b, x, out + 80, out + 82);
    for (size_t j = 0; j < 16; j++) out[j] = (uint8_t)(b.scales[j] | b.mins[j] << 4);
    memset(out + 16, 0, 64);
    for (size_t i = 0; i < ENGINE_SUPER; i++) {
        out[16 + i / 128 * 32 + i % 32] |= (uint8_t)(b.levels[i] << (i / 32 % 4 * 2));
    }
}

/* 8 scales and 8 minima of 6 bits in 12 bytes; see engine_scale_min. */
static void put_scales(const affine_block *b, uint8_t *out) {
    for (size_t j = 0; j < 4; j++) {
        out[j] = (uint8_t)(b->scales[j] | b->scales[j + 4] >> 4 << 6);
        out[j + 4] = (uint8_t)(b->mins[j] | b->mins[j + 4] >> 4 << 6);
        out[j + 8] = (uint8_t)((b->scales[j + 4] & 15) | (b->mins[j + 4] & 15) << 4);
    }
}

static void to_q4_k(const float *x, uint8_t *out) {
    affine_block b = {.n = 32, .most = 15, .coarse = 63};
    fit_affine_block(&b, x, out, out + 2);
    put_scales(&b, out + 4);
    memset(out + 16, 0, 128);
    for (size_t i = 0; i < ENGINE_SUPER; i++) {
        out[16 + i / 64 * 32 + i % 32] |= (uint8_t)(b.levels[i] << (i / 32 % 2 * 4));
    }
}

static void to_q5_k(const float *x, uint8_t *out) {
    affine_block b = {.n = 32, .most = 31, .coarse = 63};
    fit_affine_block(&b, x, out, out + 2);
    put_scales(&b, out + 4);
    memset(out + 16, 0, 160);
    for (size_t i = 0; i < ENGINE_SUPER; i++) {
        out[16 + i % 32] |= (uint8_t)(b.levels[i] >> 4 << (i / 32));
        out[48 + i / 64 * 32 + i % 32] |= (uint8_t)((b.levels[i] & 15) << (i / 32 % 2 * 4));
    }
}

/* ---- scale alone -------------------------------------------------------------------------- */

/* 16 sub-blocks of 16 values; the integers of the scales are in [-coarse, coarse). */
static void fit_scale_block(const float *x, int least, int most, int coarse, uint8_t *half,
                            int8_t *scales, uint8_t *levels) {
    float fits[16], extreme = 0;
    for (size_t j = 0; j < 16; j++) {
        fits[j] = engine_fit_scale(x + j * 16, 16, least, most);
        extreme = fabsf(fits[j]) > fabsf(extreme) ? fits[j] : extreme;
    }
    float d = put_half(half, -extreme / (float)coarse), inverse = inverse_of(d);
    for (size_t j = 0; j < 16; j++) {
        int nearest = engine_level(fits[j] * inverse, -coarse, coarse - 1);
        float best = INFINITY;
        for (int s = nearest - 1; s <= nearest + 1; s++) {
            if (s < -coarse || s >= coarse) continue;
            float e = error_of(x + j * 16, 16, d * (float)s, 0, (float)least, (float)most);
            if (e < best) {
                best = e;
                scales[j] = (int8_t)s;
            }
        }
        round_levels(x + j * 16, 16, d * (float)scales[j], 0, least, most, levels + j * 16);
    }
}

static void to_q3_k(const float *x, uint8_t *out) {
    int8_t scales[16];
    uint8_t levels[ENGINE_SUPER];
    fit_scale_block(x, -4, 3, 32, out + 108, scales, levels);
    memset(out, 0, 108);
    for (size_t i = 0; i < ENGINE_SUPER; i++) {
        out[i % 32] |= (uint8_t)(levels[i] >> 2 << (i / 32));
        out[32 + i / 128 * 32 + i % 32] |= (uint8_t)((levels[i] & 3) << (i / 32 % 4 * 2));
    }
    for (size_t j = 0; j < 16; j++) {
        int s = scales[j] + 32;
        out[96 + j % 8] |= (uint8_t)((s & 15) << (j / 8 * 4));
        out[104 + j % 4] |= (uint8_t)(s >> 4 << (j / 4 * 2));
    }
}

static void to_q6_k(const float *x, uint8_t *out) {
    uint8_t levels[ENGINE_SUPER];
    fit_scale_block(x, -32, 31, 128, out + 208, (int8_t *)(out + 192), levels);
    memset(out, 0, 192);
    for (size_t i = 0; i < ENGINE_SUPER; i++) {
        size_t j = i / 32, l = i % 32;
        out[j / 4 * 64 + j % 2 * 32 + l] |= (uint8_t)((levels[i] & 15) << (j / 2 % 2 * 4));
        out[128 + j / 4 * 32 + l] |= (uint8_t)(levels[i] >> 4 << (j % 4 * 2));
    }
}

/* ---- IQ4_XS ------------------------------------------------------------------------------- */

static float round_iq4(const engine_iq4_nearest *t, const float *x, float scale, uint8_t *levels) {
    float squares = 0, inverse = inverse_of(scale);
    for (size_t i = 0; i < ENGINE_BLOCK; i++) {
        uint8_t q = engine_iq4_index(t, x[i] * inverse);
        float d = x[i] - scale * (float)engine_iq4_levels[q];
        squares += d * d;
        if (levels) levels[i] = q;
    }
    return squares;
}

static void to_iq4_xs(const engine_iq4_nearest *t, const float *x, uint8_t *out) {
    float fits[8], extreme = 0;
    for (size_t j = 0; j < 8; j++) {
        fits[j] = engine_fit_iq4(t, x + j * ENGINE_BLOCK);
        extreme = fabsf(fits[j]) > fabsf(extreme) ? fits[j] : extreme;
    }
    memset(out, 0, ENGINE_IQ4_XS_BYTES);
    float d = put_half(out, -extreme / 32), inverse = inverse_of(d);
    for (size_t j = 0; j < 8; j++) {
        uint8_t levels[ENGINE_BLOCK];
        int nearest = engine_level(fits[j] * inverse, -32, 31), chosen = 0;
        float best = INFINITY;
        for (int s = nearest - 1; s <= nearest + 1; s++) {
            if (s < -32 || s > 31) continue;
            float e = round_iq4(t, x + j * ENGINE_BLOCK, d * (float)s, NULL);
            if (e < best) {
                best = e;
                chosen = s;
            }
        }
        round_iq4(t, x + j * ENGINE_BLOCK, d * (float)chosen, levels);
        out[4 + j / 2] |= (uint8_t)(((chosen + 32) & 15) << (j % 2 * 4));
        out[2 + j / 4] |= (uint8_t)((chosen + 32) >> 4 << (j % 4 * 2));
        for (size_t l = 0; l < ENGINE_BLOCK / 2; l++) {
            out[8 + j * 16 + l] = (uint8_t)(levels[l] | levels[l + ENGINE_BLOCK / 2] << 4);
        }
    }
}

void engine_quantize_super(const engine_iq4_nearest *t, uint32_t type, const float *x,
                           uint8_t *out) {
    switch (type) {
    case ENGINE_Q2_K:
        to_q2_k(x, out);
        break;
    case ENGINE_Q3_K:
        to_q3_k(x, out);
        break;
    case ENGINE_Q4_K:
        to_q4_k(x, out);
        break;
    case ENGINE_Q5_K:
        to_q5_k(x, out);
        break;
    case ENGINE_Q6_K:
        to_q6_k(x, out);
        break;
    default:
        assert(type == ENGINE_IQ4_XS);
        to_iq4_xs(t, x, out);
    }
}
