/* quantize: float32 rows into the block formats, with the least squared error that a search of
 * reasonable length finds.
 *
 * Rounding alone, with the scale that just covers the largest value, wastes levels: a slightly
 * smaller scale that clips one value often serves the other 31 better. So a block tries a grid
 * of scales; for each, the rounded integers are taken as given and the best scale (and minimum)
 * for them follows by least squares; the best of all stays. Errors are not weighted: without
 * knowing the inputs of a layer each weight counts the same. Types with super-blocks are in
 * quantize_k.c.
 *
 * Never writes what engine_dequantize would not read back, and never fails on odd values: what no
 * scale can hold (not finite, beyond float16) is refused before anything is written.
 */
#include "engine/quantize.h"

#include <assert.h>
#include <math.h>

enum {
    GRID = 17, /* scales tried; more gain less than 0.1% */
    IQ4_GRID = 9,
    LANES = 4
};

#define IQ4_STEP 0.05f    /* of the scale */
#define MORE 1.000001f    /* a gain of less is the rounding of the sums */
#define GRID_STEP 0.125f  /* levels between one scale and the next */
#define LARGEST 65504.0f  /* float16 */
#define SMALLEST 0x1p-40f /* any scale of less is zero in float16, by far */

uint16_t engine_float_to_half(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000u, rest = bits & 0x7FFFFFFFu;
    if (rest > 0x7F800000u) return (uint16_t)(sign | 0x7E00u);  /* NaN */
    if (rest >= 0x477FF000u) return (uint16_t)(sign | 0x7C00u); /* rounds to 2^16 or more */
    if (rest < 0x38800000u) { /* below 2^-14: adding 0.5 puts the bits of 2^-24 last, rounded */
        float magnitude;
        memcpy(&magnitude, &rest, sizeof magnitude);
        magnitude += 0.5f;
        memcpy(&rest, &magnitude, sizeof rest);
        return (uint16_t)(sign | (rest - 0x3F000000u));
    }
    return (uint16_t)(sign | ((rest - 0x38000000u + 0xFFFu + (rest >> 13 & 1)) >> 13));
}

/* ---- fitting ------------------------------------------------------------------------------ */

static float sum_lanes(const float *lanes) {
    return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

/* 0, 1, -1, 2, -2 ...: the plain scale comes first, so that what it meets exactly keeps it. */
static float grid_step(int g) {
    return (float)(g % 2 ? (g + 1) / 2 : -g / 2);
}

/* How the rounded integers q of x * inverse go with x. Four sums side by side, so that a compiler
 * can keep them in one register; n is a multiple of four. */
typedef struct {
    float xq, qq;
} scale_sums;

static inline scale_sums sum_scale(const float *x, size_t n, float inverse, float least,
                                   float most) {
    float xq[LANES] = {0}, qq[LANES] = {0};
    for (size_t i = 0; i < n; i += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            float q = engine_rounded(x[i + l] * inverse, least, most);
            xq[l] += x[i + l] * q;
            qq[l] += q * q;
        }
    }
    return (scale_sums){sum_lanes(xq), sum_lanes(qq)};
}

float engine_fit_scale(const float *x, size_t n, int least, int most) {
    float extreme = 0, best = 0, best_gain = 0;
    for (size_t i = 0; i < n; i++) extreme = fabsf(x[i]) > fabsf(extreme) ? x[i] : extreme;
    if (fabsf(extreme) < SMALLEST) return 0;
    for (int side = 0; side < 2; side++) { /* the extreme becomes the least level, or the most */
        for (int g = 0; g < GRID; g++) {
            float step = grid_step(g) * GRID_STEP;
            float levels = side ? (float)most + step : (float)least - step;
            scale_sums s = sum_scale(x, n, levels / extreme, (float)least, (float)most);
            if (s.xq * s.xq > best_gain * MORE * s.qq) {
                best_gain = s.xq * s.xq / s.qq;
                best = s.xq / s.qq;
            }
        }
    }
    return best;
}

/* The sums that the best scale and minimum for given integers follow from; y = x - origin. */
typedef struct {
    float n, y, q, yq, qq;
} affine_sums;

static affine_sums sum_affine(const float *x, size_t n, float origin, engine_affine a, int most) {
    float sy[LANES] = {0}, sq[LANES] = {0}, syq[LANES] = {0}, sqq[LANES] = {0};
    float inverse = 1 / a.scale, limit = (float)most;
    for (size_t i = 0; i < n; i += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            float y = x[i + l] - origin;
            float q = engine_rounded((x[i + l] - a.min) * inverse, 0, limit);
            sy[l] += y;
            sq[l] += q;
            syq[l] += y * q;
            sqq[l] += q * q;
        }
    }
    return (affine_sums){(float)n, sum_lanes(sy), sum_lanes(sq), sum_lanes(syq), sum_lanes(sqq)};
}

/* Least squares of y = scale q + (min - origin); with `below` min stays at or under zero. */
static engine_affine solve_affine(const affine_sums *s, float origin, bool below) {
    float determinant = s->n * s->qq - s->q * s->q;
    engine_affine a = {0, origin + s->y / s->n};
    if (determinant > 0) {
        a.scale = (s->n * s->yq - s->y * s->q) / determinant;
        a.min = origin + (s->y - a.scale * s->q) / s->n;
    }
    if (below && a.min > 0) {
        a.min = 0;
        a.scale = s->qq > 0 ? (s->yq + origin * s->q) / s->qq : 0;
    }
    return a;
}

/* The squared error of it, less the sum of y squared, which is the same for all. */
static float affine_error(const affine_sums *s, float origin, engine_affine a) {
    float m = a.min - origin;
    return a.scale * (a.scale * s->qq - 2 * s->yq + 2 * m * s->q) + m * (m * s->n - 2 * s->y);
}

engine_affine engine_fit_affine(const float *x, size_t n, int most, bool below) {
    float low = x[0], high = x[0], best_error = 0;
    for (size_t i = 1; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    if (below && low > 0) low = 0;
    engine_affine best = {0, low};
    if (high - low < SMALLEST) return best;
    for (int g = 0; g < GRID + 2; g++) {
        /* at last, two rounds from the best so far */
        engine_affine from = best;
        if (g < GRID) {
            float step = grid_step(g) * GRID_STEP;
            from = (engine_affine){(high - low) / ((float)most + step), low};
        } else if (!(best.scale > 0)) {
            break;
        }
        affine_sums s = sum_affine(x, n, low, from, most);
        engine_affine a = solve_affine(&s, low, below);
        float e = affine_error(&s, low, a);
        if (e < best_error && a.scale > 0) {
            best_error = e;
            best = a;
        }
    }
    return best;
}

/* ---- plain types -------------------------------------------------------------------------- */

static float put_half(uint8_t *at, float value) {
    uint16_t half = engine_float_to_half(value);
    memcpy(at, &half, sizeof half);
    return engine_half_to_float(half);
}

static float inverse_of(float scale) {
    return scale == 0 ? 0 : 1 / scale;
}

static void to_f16(const float *x, uint8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) put_half(out + 2 * i, x[i]);
}

static void to_bf16(const float *x, uint8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) { /* to the nearest, ties to even */
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        uint16_t high = (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1)) >> 16);
        memcpy(out + 2 * i, &high, sizeof high);
    }
}

static void to_q8_0(const float *x, uint8_t *out) {
    float most = 0;
    for (size_t i = 0; i < ENGINE_BLOCK; i++) most = fmaxf(most, fabsf(x[i]));
    float inverse = inverse_of(put_half(out, most / 127));
    for (size_t i = 0; i < ENGINE_BLOCK; i++) {
        out[2 + i] = (uint8_t)(int8_t)engine_level(x[i] * inverse, -127, 127);
    }
}

/* Nibbles of 32 levels: value i beside value i + 16. */
static void put_nibbles(const uint8_t *levels, uint8_t *out) {
    for (size_t i = 0; i < ENGINE_BLOCK / 2; i++) {
        out[i] = (uint8_t)((levels[i] & 15) | (levels[i + ENGINE_BLOCK / 2] & 15) << 4);
    }
}

/* The fifth bits as one word, then the nibbles. */
static void put_fives(const uint8_t *levels, uint8_t *out) {
    uint32_t high = 0;
    for (size_t i = 0; i < ENGINE_BLOCK; i++) high |= (uint32_t)(levels[i] >> 4) << i;
    memcpy(out, &high, sizeof high);
    put_nibbles(levels, out + 4);
}

/* A scale, counting from `middle`. */
static void to_symmetric(const float *x, uint8_t *out, int middle) {
    uint8_t levels[ENGINE_BLOCK];
    float scale = engine_fit_scale(x, ENGINE_BLOCK, -middle, middle - 1);
    float inverse = inverse_of(put_half(out, scale));
    for (size_t i = 0; i < ENGINE_BLOCK; i++) {
        levels[i] = (uint8_t)(engine_level(x[i] * inverse, -middle, middle - 1) + middle);
    }
    if (middle == 8) {
        put_nibbles(levels, out + 2);
    } else {
        put_fives(levels, out + 2);
    }
}

/* A scale and a minimum. */
static void to_affine(const float *x, uint8_t *out, int most) {
    uint8_t levels[ENGINE_BLOCK];
    engine_affine a = engine_fit_affine(x, ENGINE_BLOCK, most, false);
    float inverse = inverse_of(put_half(out, a.scale)), min = put_half(out + 2, a.min);
    for (size_t i = 0; i < ENGINE_BLOCK; i++) {
        levels[i] = (uint8_t)engine_level((x[i] - min) * inverse, 0, most);
    }
    if (most == 15) {
        put_nibbles(levels, out + 4);
    } else {
        put_fives(levels, out + 4);
    }
}

/* ---- IQ4 ---------------------------------------------------------------------------------- */

void engine_iq4_table(engine_iq4_nearest *t) {
    for (int i = 0; i < ENGINE_IQ4_STEPS; i++) {
        float v = (float)(i - ENGINE_IQ4_STEPS / 2) / 2; /* in half levels: no tie is lost */
        uint8_t best = 0;
        for (uint8_t k = 1; k < 16; k++) {
            if (fabsf(v - engine_iq4_levels[k]) < fabsf(v - engine_iq4_levels[best])) best = k;
        }
        t->index[i] = best;
    }
}

float engine_fit_iq4(const engine_iq4_nearest *t, const float *x) {
    float extreme = 0, best = 0, best_gain = 0;
    for (size_t i = 0; i < ENGINE_BLOCK; i++) {
        extreme = fabsf(x[i]) > fabsf(extreme) ? x[i] : extreme;
    }
    if (fabsf(extreme) < SMALLEST) return 0;
    for (int side = 0; side < 2; side++) {
        for (int g = 0; g < IQ4_GRID; g++) {
            float level = (float)engine_iq4_levels[side ? 15 : 0];
            float inverse = level * (1 + IQ4_STEP * grid_step(g)) / extreme;
            float products = 0, squares = 0;
            for (size_t i = 0; i < ENGINE_BLOCK; i++) {
                float q = (float)engine_iq4_levels[engine_iq4_index(t, x[i] * inverse)];
                products += x[i] * q;
                squares += q * q;
            }
            if (products * products > best_gain * MORE * squares) {
                best_gain = products * products / squares;
                best = products / squares;
            }
        }
    }
    return best;
}

static void to_iq4_nl(const engine_iq4_nearest *t, const float *x, uint8_t *out) {
    uint8_t levels[ENGINE_BLOCK];
    float inverse = inverse_of(put_half(out, engine_fit_iq4(t, x)));
    for (size_t i = 0; i < ENGINE_BLOCK; i++) levels[i] = engine_iq4_index(t, x[i] * inverse);
    put_nibbles(levels, out + 2);
}

/* ---- all of them -------------------------------------------------------------------------- */

static bool fits(uint32_t type, const float *x, size_t n) {
    float limit = type == ENGINE_F32 || type == ENGINE_BF16 ? 0x1.FEp127f : LARGEST;
    for (size_t i = 0; i < n; i++) {
        if (!(fabsf(x[i]) <= limit)) return false; /* NaN too */
    }
    return true;
}

static void quantize_block(const engine_iq4_nearest *t, uint32_t type, const float *x,
                           uint8_t *out) {
    switch (type) {
    case ENGINE_Q8_0:
        to_q8_0(x, out);
        break;
    case ENGINE_Q4_0:
        to_symmetric(x, out, 8);
        break;
    case ENGINE_Q5_0:
        to_symmetric(x, out, 16);
        break;
    case ENGINE_Q4_1:
        to_affine(x, out, 15);
        break;
    case ENGINE_Q5_1:
        to_affine(x, out, 31);
        break;
    case ENGINE_IQ4_NL:
        to_iq4_nl(t, x, out);
        break;
    default:
        engine_quantize_super(t, type, x, out);
    }
}

bool engine_quantize(uint32_t type, const float *src, void *dst, size_t n) {
    engine_iq4_nearest table;
    uint8_t *out = dst;
    if (!engine_type_runs(type) || !fits(type, src, n)) return false;
    if (type == ENGINE_F32) {
        memcpy(dst, src, n * sizeof *src);
    } else if (type == ENGINE_F16) {
        to_f16(src, out, n);
    } else if (type == ENGINE_BF16) {
        to_bf16(src, out, n);
    } else {
        size_t values = engine_row_bytes(type, ENGINE_BLOCK) ? ENGINE_BLOCK : ENGINE_SUPER;
        size_t bytes = engine_row_bytes(type, values);
        assert(n % values == 0);
        if (type == ENGINE_IQ4_NL || type == ENGINE_IQ4_XS) engine_iq4_table(&table);
        for (size_t i = 0; i < n; i += values, out += bytes) {
            quantize_block(&table, type, src + i, out);
        }
    }
    return true;
}
