/* panels_scalar: panels times activations in plain C, for machines without a table of their own and
 * as what the others are measured against. The sums are exact integers within a block and float32
 * from block to block, in the order that engine/panels.h sets.
 */
#include <math.h>
#include <string.h>

#include "engine/kernels.h"
#include "engine/panels.h"

static void quantize_block(const float *x, engine_panel_acts *to, size_t t) {
    float most = 0;
    for (size_t i = 0; i < PANEL_BLOCK; i++) most = fmaxf(most, fabsf(x[i]));
    float scale = most / 127.0f, inverse = most > 0 ? 127.0f / most : 0;
    if (!isfinite(inverse)) scale = inverse = 0; /* denormal: no int8 can tell it from zero */
    int32_t sums[2] = {0, 0};
    for (size_t i = 0; i < PANEL_BLOCK; i++) {
        int v = (int)lrintf(x[i] * inverse);
        to->q[t][i] = (int8_t)v;
        sums[i / 16] += v;
    }
    to->scale[t] = scale;
    to->half[0][t] = -128 * sums[0];
    to->half[1][t] = -128 * sums[1];
    to->start[t] = to->half[0][t] + to->half[1][t];
    to->sum[t] = scale * (float)(sums[0] + sums[1]);
}

static void clear_slot(engine_panel_acts *to, size_t t) {
    memset(to->q[t], 0, sizeof to->q[t]);
    to->scale[t] = to->sum[t] = 0;
    to->start[t] = to->half[0][t] = to->half[1][t] = 0;
}

static void quantize(const float *x, size_t stride, size_t n, size_t columns,
                     engine_panel_acts *tile) {
    for (size_t b = 0; b < columns / PANEL_BLOCK; b++) {
        for (size_t t = 0; t < n; t++) {
            quantize_block(x + t * stride + b * PANEL_BLOCK, &tile[b], t);
        }
        for (size_t t = n; t < engine_panel_slots(n); t++) clear_slot(&tile[b], t);
    }
}

void engine_panel_spread(const float *x, size_t stride, size_t n, size_t columns, float *tile) {
    size_t slots = engine_panel_slots(n);
    for (size_t i = 0; i < columns; i++) {
        for (size_t t = 0; t < slots; t++) {
            tile[i * PANEL_TOKENS + t] = t < n ? x[t * stride + i] : 0;
        }
    }
}

static void store(const engine_panel_job *job, size_t r, const float *sums) {
    for (size_t t = 0; t < job->n; t++) {
        float *out = job->out + t * job->stride + r;
        float v = sums[t] + (job->bias ? job->bias[r] : 0);
        *out = job->add ? *out + v : v;
    }
}

static void multiply_float(const engine_panel_job *job) {
    const float *x = job->tile;
    float row[PANEL_BLOCK];
    size_t size = engine_row_bytes(job->type, 1);
    for (size_t r = 0; r < PANEL_ROWS; r++) {
        float sums[PANEL_TOKENS] = {0};
        for (size_t i = 0; i < job->columns; i++) {
            engine_dequantize(job->type, job->panel + (i * PANEL_ROWS + r) * size, row, 1);
            for (size_t t = 0; t < job->n; t++) sums[t] += row[0] * x[i * PANEL_TOKENS + t];
        }
        store(job, r, sums);
    }
}

static void multiply(const engine_panel_job *job) {
    const engine_panel_acts *acts = job->tile;
    size_t blocks = job->columns / PANEL_BLOCK;
    uint8_t codes[PANEL_BLOCK];
    float scale[2], min[2];
    if (engine_panel_layout_of(job->type).is_float) {
        multiply_float(job);
        return;
    }
    for (size_t r = 0; r < PANEL_ROWS; r++) {
        float sums[PANEL_TOKENS] = {0};
        for (size_t b = 0; b < blocks; b++) {
            const engine_panel_acts *a = &acts[b];
            engine_panel_row_block(job->type, job->panel, blocks, b, r, codes, scale, min);
            for (size_t t = 0; t < job->n; t++) {
                int32_t dot[2] = {0, 0};
                for (size_t i = 0; i < PANEL_BLOCK; i++) {
                    dot[i / 16] += ((int)codes[i] - 128) * a->q[t][i];
                }
                float v = (float)dot[0] * scale[0] + (float)dot[1] * scale[1];
                sums[t] += v * a->scale[t];
                for (size_t h = 0; h < 2; h++) {
                    sums[t] -= min[h] * a->scale[t] * (float)(a->half[h][t] / -128);
                }
            }
        }
        store(job, r, sums);
    }
}

const engine_panel_kernels engine_panel_kernels_scalar = {
    .name = "scalar",
    .quantize = quantize,
    .multiply = multiply,
};
