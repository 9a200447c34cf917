/* kernels_scalar: the inner loops in plain C, and the choice of a table.
 *
 * This table is what every faster one is tested against, and what runs on a machine that has
 * nothing better, so it is written to be seen to be right.
 *
 * Never reads the environment itself: cpu_get() has the last word on what may be used.
 */
#include "engine/quant.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

static void transpose(const float *rows, size_t stride, float *panel, size_t n) {
    for (size_t i = 0; i < n; i++) {
        for (size_t r = 0; r < ENGINE_PANEL; r++) {
            panel[i * ENGINE_PANEL + r] = rows[r * stride + i];
        }
    }
}

static void load_panel(engine_kv type, const void *panels, size_t at, float out[ENGINE_PANEL]) {
    for (size_t r = 0; r < ENGINE_PANEL; r++) {
        out[r] = type == ENGINE_KV_F32 ? ((const float *)panels)[at + r]
                 : type == ENGINE_KV_INT8
                     ? (float)((const int8_t *)panels)[at + r]
                     : engine_half_to_float(((const uint16_t *)panels)[at + r]);
    }
}

static void tiles(const engine_tiles *t) {
    for (size_t b = 0; b < t->blocks; b++) {
        float *out = t->out + b * ENGINE_PANEL, panel[ENGINE_PANEL];
        for (size_t j = 0; j < t->rows * ENGINE_PANEL; j++) {
            float *sum = out + j / ENGINE_PANEL * t->out_stride + j % ENGINE_PANEL;
            *sum = t->keep ? *sum * t->keep[j / ENGINE_PANEL] : 0;
        }
        for (size_t i = 0; i < t->n; i++) {
            load_panel(t->type, t->panels, b * t->step + i * t->stride, panel);
            for (size_t row = 0; row < t->rows; row++) {
                float v = t->x[row * t->x_stride + i], *sums = out + row * t->out_stride;
                for (size_t r = 0; r < ENGINE_PANEL; r++) sums[r] += v * panel[r];
            }
        }
    }
}

static void soften(const engine_soften *s) {
    for (size_t r = 0; r < s->rows; r++) {
        float *scores = s->scores + r * ENGINE_KEYS, *totals = s->totals + r * ENGINE_PANEL;
        float most = s->most[r];
        for (size_t j = 0; j < ENGINE_KEYS; j++) {
            if (!(s->seen[r] >> j & 1)) continue;
            if (s->key_scales) scores[j] *= s->key_scales[j];
            if (s->slopes) scores[j] -= s->slopes[r] * fabsf(s->distances[r] - (float)j);
            most = scores[j] > most ? scores[j] : most;
        }
        float keep = exp2f(s->most[r] - most);
        for (size_t j = 0; j < ENGINE_PANEL; j++) totals[j] *= keep;
        for (size_t j = 0; j < ENGINE_KEYS; j++) {
            bool seen = s->seen[r] >> j & 1;
            float e = seen ? exp2f(scores[j] - most) : 0;
            totals[j % ENGINE_PANEL] += e;
            scores[j] = seen && s->value_scales ? e * s->value_scales[j] : e;
        }
        s->keep[r] = keep;
        s->most[r] = most;
    }
}

static void blend(float *out, float a, const float *x, float b, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = (a == 0 ? 0.0f : out[i] * a) + x[i] * b;
}

/* To nearest, ties to even; a denormal half is a multiple of 2^-24. */
static uint16_t half_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000u, rest = bits & 0x7FFFFFFFu;
    if (rest > 0x7F800000u) return (uint16_t)(sign | 0x7E00u);
    if (rest >= 0x477FF000u) return (uint16_t)(sign | 0x7BFFu);
    if (rest < 0x38800000u) return (uint16_t)(sign | (uint32_t)lrintf(fabsf(x) * 0x1p24f));
    rest += 0xFFFu + (rest >> 13 & 1);
    return (uint16_t)(sign | ((rest - (112u << 23)) >> 13));
}

static void narrow_f16(const float *x, uint16_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = half_of(x[i]);
}

static void widen_f16(const uint16_t *x, float *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = engine_half_to_float(x[i]);
}

static float narrow_i8(const float *x, int8_t *out, size_t n) {
    float most = 0;
    for (size_t i = 0; i < n; i++) most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
    float scale = most / 127, inverse = scale > 0 ? 127 / most : 0;
    for (size_t i = 0; i < n; i++) {
        float v = x[i] * inverse;
        out[i] = v >= 127 ? 127 : v > -127 ? (int8_t)lrintf(v) : -127;
    }
    return scale;
}

static void widen_i8(const int8_t *x, float *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = x[i];
}

static void rms_norm(const float *x, const float *weight, float epsilon, float *out, size_t n) {
    double squares = 0;
    for (size_t i = 0; i < n; i++) squares += (double)x[i] * (double)x[i];
    float scale = 1.0f / sqrtf((float)(squares / (double)n) + epsilon);
    for (size_t i = 0; i < n; i++) out[i] = x[i] * scale * weight[i];
}

static void layer_norm(const float *x, const float *weight, const float *bias, float epsilon,
                       float *out, size_t n) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i];
    float mean = (float)(sum / (double)n);
    for (size_t i = 0; i < n; i++) squares += (double)(x[i] - mean) * (double)(x[i] - mean);
    float scale = 1.0f / sqrtf((float)(squares / (double)n) + epsilon);
    for (size_t i = 0; i < n; i++) out[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

static void silu_mul(float *gate, const float *up, size_t n) {
    for (size_t i = 0; i < n; i++) gate[i] = gate[i] / (1.0f + expf(-gate[i])) * up[i];
}

/* (1 + tanh u) / 2 is 1 / (1 + e^-2u); the constants are 2 sqrt(2 / pi) and 0.044715 times it. */
static float gelu_of(float x) {
    return x / (1.0f + expf(-x * (1.59576912f + 0.0713548163f * x * x)));
}

static void gelu(float *x, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] = gelu_of(x[i]);
}

static void gelu_mul(float *gate, const float *up, size_t n) {
    for (size_t i = 0; i < n; i++) gate[i] = gelu_of(gate[i]) * up[i];
}

static void rope_norm(float *x, const float *turn, size_t pairs) {
    for (size_t i = 0; i < pairs; i++) {
        float a = x[2 * i], b = x[2 * i + 1], c = turn[2 * i], s = turn[2 * i + 1];
        x[2 * i] = a * c - b * s;
        x[2 * i + 1] = a * s + b * c;
    }
}

static void rope_neox(float *x, const float *turn, size_t pairs) {
    for (size_t i = 0; i < pairs; i++) {
        float a = x[i], b = x[pairs + i], c = turn[2 * i], s = turn[2 * i + 1];
        x[i] = a * c - b * s;
        x[pairs + i] = a * s + b * c;
    }
}

static void add_q8_0(const uint8_t *x, float weight, float *sum, size_t n) {
    for (size_t i = 0; i < n; i += ENGINE_Q8_VALUES, x += ENGINE_Q8_BYTES) {
        float scale = engine_half_at(x);
        const int8_t *q = (const int8_t *)(x + 2);
        for (size_t j = 0; j < ENGINE_Q8_VALUES; j++) {
            float value = scale * (float)q[j];
            sum[i + j] += weight * value;
        }
    }
}

const engine_kernels engine_kernels_scalar = {
    .name = "scalar",
    .transpose = transpose,
    .tiles = tiles,
    .soften = soften,
    .blend = blend,
    .narrow_f16 = narrow_f16,
    .widen_f16 = widen_f16,
    .narrow_i8 = narrow_i8,
    .widen_i8 = widen_i8,
    .rms_norm = rms_norm,
    .layer_norm = layer_norm,
    .silu_mul = silu_mul,
    .gelu_mul = gelu_mul,
    .gelu = gelu,
    .rope_norm = rope_norm,
    .rope_neox = rope_neox,
    .add_q8_0 = add_q8_0,
};

/* ---- the choice --------------------------------------------------------------------------- */

static engine_kernels complete[ENGINE_MOST_TABLES];
static size_t completed;
static pthread_once_t once = PTHREAD_ONCE_INIT;

#define FILL(field) \
    if (k->field == NULL) k->field = simpler->field;

static void add_table(const engine_kernels *table) {
    engine_kernels *k = &complete[completed++], *simpler = k - 1;
    *k = *table;
    if (completed == 1) return;
    FILL(transpose)
    FILL(tiles)
    FILL(soften)
    FILL(blend)
    FILL(narrow_f16)
    FILL(widen_f16)
    FILL(narrow_i8)
    FILL(widen_i8)
    FILL(rms_norm)
    FILL(layer_norm)
    FILL(silu_mul)
    FILL(gelu_mul)
    FILL(gelu)
    FILL(rope_norm)
    FILL(rope_neox)
    FILL(add_q8_0)
}

static void choose(void) {
    add_table(&engine_kernels_scalar);
#if defined(__x86_64__)
    const cpu_features *cpu = cpu_get();
    if (cpu->avx2 && cpu->fma && cpu->f16c) add_table(&engine_kernels_avx2);
    if (cpu->avx512 && completed == 2) add_table(&engine_kernels_avx512);
#elif defined(__aarch64__)
    if (cpu_get()->neon) add_table(&engine_kernels_neon);
#endif
}

size_t engine_kernels_all(const engine_kernels *out[ENGINE_MOST_TABLES]) {
    pthread_once(&once, choose);
    for (size_t i = 0; i < completed; i++) out[i] = &complete[i];
    return completed;
}

const engine_kernels *engine_kernels_get(void) {
    pthread_once(&once, choose);
    return &complete[completed - 1];
}
