/* kernels_scalar: the inner loops in plain C, and the choice of a table.
 *
 * This table is what every faster one is tested against, and what runs on a machine that has
 * nothing better, so it is written to be seen to be right. Products are kept in 8 or 16 separate
 * sums: that is closer to what the vector kernels do than one long sum, and lets a compiler use
 * whatever registers the machine has.
 *
 * Never reads the environment itself: cpu_get() has the last word on what may be used.
 */
#include "engine/kernels.h"

#include <math.h>
#include <string.h>

enum { LANES = 8 };

static float sum_lanes(const float *lanes) {
    float sum = 0;
    for (size_t j = 0; j < LANES; j++) sum += lanes[j];
    return sum;
}

static float dot_f32(const void *row, const float *x, size_t n) {
    const float *w = row;
    float lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t j = 0; j < LANES; j++) lanes[j] += w[i + j] * x[i + j];
    }
    for (; i < n; i++) lanes[0] += w[i] * x[i];
    return sum_lanes(lanes);
}

static float dot_f16(const void *row, const float *x, size_t n) {
    const uint8_t *w = row;
    float lanes[LANES] = {0};
    for (size_t i = 0; i < n; i++) {
        uint16_t half;
        memcpy(&half, w + 2 * i, sizeof half);
        lanes[i % LANES] += engine_half_to_float(half) * x[i];
    }
    return sum_lanes(lanes);
}

static float dot_q8_0(const void *row, const float *x, size_t n) {
    const uint8_t *w = row;
    float sum = 0;
    for (size_t i = 0; i < n; i += ENGINE_Q8_VALUES, w += ENGINE_Q8_BYTES) {
        uint16_t half;
        memcpy(&half, w, sizeof half);
        const int8_t *q = (const int8_t *)(w + 2);
        float lanes[LANES] = {0};
        for (size_t j = 0; j < ENGINE_Q8_VALUES; j += LANES) {
            for (size_t l = 0; l < LANES; l++) lanes[l] += (float)q[j + l] * x[i + j + l];
        }
        sum += engine_half_to_float(half) * sum_lanes(lanes);
    }
    return sum;
}

static void transpose(const float *rows, size_t stride, float *panel, size_t n) {
    for (size_t i = 0; i < n; i++) {
        for (size_t r = 0; r < ENGINE_PANEL; r++) {
            panel[i * ENGINE_PANEL + r] = rows[r * stride + i];
        }
    }
}

static void tile(const float *panel, size_t panel_stride, const float *x, size_t x_stride, size_t n,
                 size_t rows, bool add, float *out, size_t out_stride) {
    for (size_t t = 0; t < rows; t++) {
        float sums[ENGINE_PANEL] = {0};
        if (add) memcpy(sums, out + t * out_stride, sizeof sums);
        for (size_t i = 0; i < n; i++) {
            const float *column = panel + i * panel_stride;
            float v = x[t * x_stride + i];
            for (size_t r = 0; r < ENGINE_PANEL; r++) sums[r] += v * column[r];
        }
        memcpy(out + t * out_stride, sums, sizeof sums);
    }
}

static void rms_norm(const float *x, const float *weight, float epsilon, float *out, size_t n) {
    double squares = 0;
    for (size_t i = 0; i < n; i++) squares += (double)x[i] * (double)x[i];
    float scale = 1.0f / sqrtf((float)(squares / (double)n) + epsilon);
    for (size_t i = 0; i < n; i++) out[i] = x[i] * scale * weight[i];
}

static void softmax(float *x, size_t n) {
    float most = x[0], sum = 0;
    for (size_t i = 1; i < n; i++) most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < n; i++) {
        x[i] = expf(x[i] - most);
        sum += x[i];
    }
    for (size_t i = 0; i < n; i++) x[i] /= sum;
}

static void silu_mul(float *gate, const float *up, size_t n) {
    for (size_t i = 0; i < n; i++) gate[i] = gate[i] / (1.0f + expf(-gate[i])) * up[i];
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

const engine_kernels engine_kernels_scalar = {
    .name = "scalar",
    .dot_f32 = dot_f32,
    .dot_f16 = dot_f16,
    .dot_q8_0 = dot_q8_0,
    .unpack = engine_dequantize,
    .transpose = transpose,
    .tile = tile,
    .rms_norm = rms_norm,
    .softmax = softmax,
    .silu_mul = silu_mul,
    .rope_norm = rope_norm,
    .rope_neox = rope_neox,
};

const engine_kernels *engine_kernels_get(void) {
#if defined(__x86_64__)
    const cpu_features *cpu = cpu_get();
    if (cpu->avx2 && cpu->fma && cpu->f16c) return &engine_kernels_avx2;
#endif
    return &engine_kernels_scalar;
}
