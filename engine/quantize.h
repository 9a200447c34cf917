/* quantize: what quantize.c and quantize_k.c share. Private to this room. */
#ifndef CARREL_ENGINE_QUANTIZE_H
#define CARREL_ENGINE_QUANTIZE_H

#include "engine/quant.h"

/* To the nearest, ties to even; infinity where it is too large. */
uint16_t engine_float_to_half(float value);

/* The nearest integer in [least, most], for bounds below 2^22: adding 1.5 * 2^23 leaves no bits for
 * a fraction. (rintf is a call on plain x86-64, and this runs some forty times for each weight.) */
static inline float engine_rounded(float v, float least, float most) {
    v = v > least ? v : least;
    v = v < most ? v : most;
    return (v + 12582912.0f) - 12582912.0f;
}

static inline int engine_level(float v, int least, int most) {
    return (int)engine_rounded(v, (float)least, (float)most);
}

/* The scale s of either sign for which s * level in [least, most] meets x best; 0 for zeros. */
float engine_fit_scale(const float *x, size_t n, int least, int most);

typedef struct {
    float scale, min; /* x = scale * level + min; scale >= 0 */
} engine_affine;

/* Levels 0..most. below: the minimum is at most zero. A scale of 0: all is min. */
engine_affine engine_fit_affine(const float *x, size_t n, int most, bool below);

/* Which of the IQ4 levels is nearest, in steps of half a level. */
enum { ENGINE_IQ4_STEPS = 512 };
typedef struct {
    uint8_t index[ENGINE_IQ4_STEPS];
} engine_iq4_nearest;

void engine_iq4_table(engine_iq4_nearest *t);
static inline uint8_t engine_iq4_index(const engine_iq4_nearest *t, float v) {
    return t->index[engine_level(2 * v, -256, 255) + 256];
}
/* The scale of 32 values. */
float engine_fit_iq4(const engine_iq4_nearest *t, const float *x);

/* One super-block of 256 values; t is read for IQ4_XS alone. */
void engine_quantize_super(const engine_iq4_nearest *t, uint32_t type, const float *x,
                           uint8_t *out);

#endif
