/* Every kernel of every table that this machine can run, over odd sizes, against float64 written
 * out here. Guards stand behind every output, so that a kernel that writes one value too many is
 * seen without a sanitizer too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/tensor.h"
#include "tests/fixtures/gguf_fixture.h"

#include <stdlib.h>

#define GUARD 12345.0f

enum { MOST = 1100 };

static fixture source = {.random = 11};

static void fill(float *x, size_t n, float spread) {
    for (size_t i = 0; i < n; i++) x[i] = spread * fixture_random(&source);
}

static void near(double want, float got, double tolerance) {
    if (!(fabs(want - (double)got) <= tolerance)) {
        fail_msg("%.9g instead of %.9g", (double)got, want);
    }
}

static void test_transpose(void **state) {
    (void)state;
    const engine_kernels *k[ENGINE_MOST_TABLES];
    size_t count = engine_kernels_all(k);
    enum { STRIDE = 45 };
    float rows[ENGINE_PANEL * STRIDE], panel[STRIDE * ENGINE_PANEL + 1];
    fill(rows, ENGINE_PANEL * STRIDE, 1);
    for (size_t i = 0; i < count; i++) {
        for (size_t n = 1; n <= 41; n++) {
            panel[n * ENGINE_PANEL] = GUARD;
            k[i]->transpose(rows, STRIDE, panel, n);
            for (size_t j = 0; j < n * ENGINE_PANEL; j++) {
                assert_true(panel[j] == rows[j % ENGINE_PANEL * STRIDE + j / ENGINE_PANEL]);
            }
            assert_true(panel[n * ENGINE_PANEL] == GUARD);
        }
    }
}

static void test_rms_norm(void **state) {
    (void)state;
    const engine_kernels *k[ENGINE_MOST_TABLES];
    size_t count = engine_kernels_all(k);
    float x[MOST], w[MOST], out[MOST + 1];
    for (size_t n = 1; n < MOST; n += n < 40 ? 1 : 97) {
        fill(x, n, 3);
        fill(w, n, 1);
        double squares = 0;
        for (size_t i = 0; i < n; i++) squares += (double)x[i] * (double)x[i];
        double scale = 1 / sqrt(squares / (double)n + (double)1e-5f);
        for (size_t i = 0; i < count; i++) {
            out[n] = GUARD;
            k[i]->rms_norm(x, w, 1e-5f, out, n);
            for (size_t j = 0; j < n; j++) near((double)x[j] * scale * (double)w[j], out[j], 2e-6);
            assert_true(out[n] == GUARD);
            memcpy(out, x, n * sizeof *out); /* in place */
            k[i]->rms_norm(out, w, 1e-5f, out, n);
            for (size_t j = 0; j < n; j++) near((double)x[j] * scale * (double)w[j], out[j], 2e-6);
        }
    }
}

static void test_silu(void **state) {
    (void)state;
    const engine_kernels *k[ENGINE_MOST_TABLES];
    size_t count = engine_kernels_all(k);
    float gate[MOST], up[MOST], out[MOST + 1];
    for (size_t n = 1; n < MOST; n += n < 40 ? 1 : 97) {
        fill(gate, n, n % 2 ? 5 : 150); /* 150: e^x beyond the range of float32, both ways */
        fill(up, n, 2);
        for (size_t i = 0; i < count; i++) {
            memcpy(out, gate, n * sizeof *out);
            out[n] = GUARD;
            k[i]->silu_mul(out, up, n);
            for (size_t j = 0; j < n; j++) {
                double want = (double)gate[j] / (1 + exp(-(double)gate[j])) * (double)up[j];
                near(want, out[j], fabs(want) * 1e-6 + 1e-30);
            }
            assert_true(out[n] == GUARD);
        }
    }
}

static void test_layer_norm(void **state) {
    (void)state;
    const engine_kernels *k[ENGINE_MOST_TABLES];
    size_t count = engine_kernels_all(k);
    float x[MOST], w[MOST], b[MOST], out[MOST + 1];
    for (size_t n = 1; n < MOST; n += n < 70 ? 1 : 97) {
        fill(x, n, 3);
        fill(w, n, 1);
        fill(b, n, 1);
        double sum = 0, squares = 0;
        for (size_t i = 0; i < n; i++) sum += (double)(x[i] += 5);
        double mean = sum / (double)n;
        for (size_t i = 0; i < n; i++) squares += pow((double)x[i] - mean, 2);
        double scale = 1 / sqrt(squares / (double)n + (double)1e-5f);
        for (size_t i = 0; i < 2 * count; i++) {
            memcpy(out, x, n * sizeof *out);
            out[n] = GUARD;
            k[i / 2]->layer_norm(i % 2 ? out : x, w, b, 1e-5f, out, n); /* odd: in place */
            for (size_t j = 0; j < n; j++) {
                double want = ((double)x[j] - mean) * scale * (double)w[j] + (double)b[j];
                near(want, out[j], 5e-6 + (n < 4 ? 1e-3 : 0)); /* 1 to 3: the mean's rounding */
            }
            assert_true(out[n] == GUARD);
        }
    }
}

static double gelu(double x) {
    return x / 2 * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
}

static void test_gelu(void **state) {
    (void)state;
    const engine_kernels *k[ENGINE_MOST_TABLES];
    size_t count = engine_kernels_all(k);
    float gate[MOST], up[MOST], out[MOST + 1];
    for (size_t n = 1; n < MOST; n += n < 40 ? 1 : 97) {
        fill(gate, n, n % 3 == 0 ? 1 : n % 3 == 1 ? 6 : 1e10f);
        fill(up, n, 2);
        for (size_t i = 0; i < 2 * count; i++) {
            memcpy(out, gate, n * sizeof *out);
            out[n] = GUARD;
            if (i % 2) {
                k[i / 2]->gelu(out, n);
            } else {
                k[i / 2]->gelu_mul(out, up, n);
            }
            for (size_t j = 0; j < n; j++) {
                double want = gelu((double)gate[j]) * (i % 2 ? 1 : (double)up[j]);
                near(want, out[j], fabs(want) * 1e-6 + 1e-7);
            }
            assert_true(out[n] == GUARD);
        }
    }
}

static void test_rope(void **state) {
    (void)state;
    const engine_kernels *k[ENGINE_MOST_TABLES];
    size_t count = engine_kernels_all(k);
    float x[129], turn[128], out[129];
    double frequencies[64];
    for (size_t pairs = 1; pairs <= 64; pairs += pairs < 20 ? 1 : 11) {
        engine_rope_frequencies(frequencies, (uint32_t)(2 * pairs), 10000, NULL);
        engine_rope_turn(turn, frequencies, pairs, 1000 + pairs);
        fill(x, 2 * pairs, 1);
        for (size_t i = 0; i < 2 * count; i++) {
            bool halves = i % 2;
            memcpy(out, x, sizeof x);
            out[2 * pairs] = GUARD;
            (halves ? k[i / 2]->rope_neox : k[i / 2]->rope_norm)(out, turn, pairs);
            for (size_t j = 0; j < pairs; j++) {
                size_t a = halves ? j : 2 * j, b = halves ? pairs + j : 2 * j + 1;
                double angle = (double)(1000 + pairs) * pow(10000, -(double)j / (double)pairs);
                near((double)x[a] * cos(angle) - (double)x[b] * sin(angle), out[a], 1e-6);
                near((double)x[a] * sin(angle) + (double)x[b] * cos(angle), out[b], 1e-6);
            }
            assert_true(out[2 * pairs] == GUARD);
        }
    }
}

/* What makes the built-in vectors: the same bits from every table, and as by dequantising first. */
static void test_add_q8_0(void **state) {
    (void)state;
    enum { WIDTH = 512, BYTES = WIDTH / 32 * 34 };
    const engine_kernels *k[ENGINE_MOST_TABLES];
    size_t count = engine_kernels_all(k);
    float x[WIDTH], row[WIDTH], before[WIDTH], want[WIDTH], sum[WIDTH + 1];
    uint8_t packed[BYTES];
    for (size_t n = 32; n <= WIDTH; n += 32) {
        const float weight = 0.37f * (float)n;
        fill(x, n, 3);
        fill(before, n, 1);
        assert_true(engine_quantize(ENGINE_Q8_0, x, packed, n));
        engine_dequantize(ENGINE_Q8_0, packed, row, n);
        for (size_t j = 0; j < n; j++) {
            float product = weight * row[j];
            want[j] = before[j] + product;
        }
        for (size_t i = 0; i <= count; i++) {
            memcpy(sum, before, n * sizeof *sum);
            sum[n] = GUARD;
            if (i < count)
                k[i]->add_q8_0(packed, weight, sum, n);
            else
                engine_add_row(ENGINE_Q8_0, packed, weight, row, sum, n);
            assert_memory_equal(sum, want, n * sizeof *sum);
            assert_true(sum[n] == GUARD);
        }
    }
    memcpy(sum, before, sizeof before); /* a type without a kernel of its own */
    engine_add_row(ENGINE_F32, x, 2, row, sum, WIDTH);
    for (size_t j = 0; j < WIDTH; j++) assert_true(sum[j] == before[j] + 2 * x[j]);
}

/* ---- attention's ---------------------------------------------------------------------------- */

enum { TILE_DEEP = 21, TILE_BLOCKS = 7, TILE_ROWS = 14, TILE_OUT = TILE_BLOCKS * 16 + 3 };

/* One way to lay the panels out: behind each other, as keys, or side by side, as values. */
static void check_tiles(const engine_kernels *k, engine_tiles t, const float *plain) {
    float before[TILE_ROWS * TILE_OUT], out[TILE_ROWS * TILE_OUT], again[TILE_OUT];
    fill(before, TILE_ROWS * TILE_OUT, 1);
    memcpy(out, before, sizeof out);
    t.out = out;
    t.out_stride = TILE_OUT;
    k->tiles(&t);
    for (size_t i = 0; i < TILE_ROWS * TILE_OUT; i++) {
        size_t row = i / TILE_OUT, column = i % TILE_OUT, at = column / 16 * t.step + column % 16;
        if (row >= t.rows || column >= 16 * t.blocks) {
            assert_true(out[i] == before[i]); /* nothing else is touched */
            continue;
        }
        double want = t.keep ? (double)t.keep[row] * (double)before[i] : 0;
        for (size_t j = 0; j < t.n; j++) {
            want += (double)t.x[row * t.x_stride + j] * (double)plain[at + j * t.stride];
        }
        near(want, out[i], 1e-5 * (t.type == ENGINE_KV_INT8 ? 127 : 1));
    }
    engine_tiles one = t; /* a row alone gives the same bits */
    for (size_t row = 0; row < t.rows; row++) {
        memcpy(again, before + row * TILE_OUT, sizeof again);
        one.rows = 1;
        one.x = t.x + row * t.x_stride;
        one.keep = t.keep ? t.keep + row : NULL;
        one.out = again;
        k->tiles(&one);
        assert_memory_equal(again, out + row * TILE_OUT, sizeof again);
    }
}

static void test_tiles(void **state) {
    (void)state;
    enum { ELEMENTS = TILE_DEEP * TILE_BLOCKS * 16 };
    const engine_kernels *k[ENGINE_MOST_TABLES];
    size_t count = engine_kernels_all(k);
    float plain[ELEMENTS], x[TILE_ROWS * TILE_DEEP], keep[TILE_ROWS];
    uint16_t halves[ELEMENTS];
    int8_t bytes[ELEMENTS];
    fill(x, TILE_ROWS * TILE_DEEP, 1);
    fill(keep, TILE_ROWS, 1);
    for (size_t i = 0; i < 3 * count; i++) {
        engine_tiles t = {.x = x, .x_stride = TILE_DEEP};
        fill(plain, ELEMENTS, 1);
        t.type = (engine_kv)(i % 3);
        t.panels = plain;
        if (t.type == ENGINE_KV_F16) {
            engine_kernels_scalar.narrow_f16(plain, halves, ELEMENTS);
            engine_kernels_scalar.widen_f16(halves, plain, ELEMENTS);
            t.panels = halves;
        } else if (t.type == ENGINE_KV_INT8) {
            engine_kernels_scalar.narrow_i8(plain, bytes, ELEMENTS);
            engine_kernels_scalar.widen_i8(bytes, plain, ELEMENTS);
            t.panels = bytes;
        }
        for (t.rows = 1; t.rows <= TILE_ROWS; t.rows++) {
            for (t.blocks = 1; t.blocks <= TILE_BLOCKS; t.blocks++) {
                for (int way = 0; way < 4; way++) {
                    t.n = way < 2 ? TILE_DEEP : t.rows % 3;
                    t.step = way % 2 ? TILE_DEEP * 16 : 16;
                    t.stride = way % 2 ? 16 : TILE_BLOCKS * 16;
                    t.keep = t.blocks % 2 ? keep : NULL;
                    check_tiles(k[i / 3], t, plain);
                }
            }
        }
    }
}

static void check_soften(const engine_kernels *k, const engine_soften *before, size_t rows) {
    float scores[18 * ENGINE_KEYS], most[18], keep[18], totals[18 * ENGINE_PANEL];
    engine_soften s = *before;
    memcpy(scores, before->scores, sizeof scores);
    memcpy(most, before->most, sizeof most);
    memcpy(totals, before->totals, sizeof totals);
    s.rows = rows;
    s.scores = scores;
    s.most = most;
    s.keep = keep;
    s.totals = totals;
    k->soften(&s);
    for (size_t r = 0; r < rows; r++) {
        double x[ENGINE_KEYS], top = (double)before->most[r];
        for (size_t j = 0; j < ENGINE_KEYS; j++) {
            x[j] = (double)before->scores[r * ENGINE_KEYS + j];
            if (s.key_scales) x[j] *= (double)s.key_scales[j];
            if (s.slopes) x[j] -= (double)s.slopes[r] * fabs((double)s.distances[r] - (double)j);
            if (s.seen[r] >> j & 1) top = fmax(top, x[j]);
        }
        double by = exp2((double)before->most[r] - top), want = 0, got = 0;
        near(top, most[r], 1e-4);
        near(by, keep[r], 1e-4 * by + 1e-36);
        for (size_t j = 0; j < ENGINE_PANEL; j++) {
            want += by * (double)before->totals[r * ENGINE_PANEL + j];
            got += (double)totals[r * ENGINE_PANEL + j];
        }
        for (size_t j = 0; j < ENGINE_KEYS; j++) {
            bool seen = s.seen[r] >> j & 1;
            double e = seen ? exp2(x[j] - top) : 0;
            want += e;
            if (s.value_scales && seen) e *= (double)s.value_scales[j];
            /* a difference is rounded in proportion to its size, with scales so is a score */
            bool plain = !s.key_scales && !s.value_scales && !s.slopes;
            double close = plain ? 2e-7 + 5e-8 * (top - x[j]) : 1e-4;
            near(e, scores[r * ENGINE_KEYS + j], seen ? fabs(e) * close + 1e-36 : 0);
        }
        near(want, (float)got, want * 1e-4);
    }
    for (size_t i = rows * ENGINE_KEYS; i < 18 * ENGINE_KEYS; i++) {
        assert_true(scores[i] == before->scores[i]);
    }
}

static void test_soften(void **state) {
    (void)state;
    const engine_kernels *k[ENGINE_MOST_TABLES];
    size_t count = engine_kernels_all(k);
    float scores[18 * ENGINE_KEYS], key_scales[ENGINE_KEYS], value_scales[ENGINE_KEYS];
    float slopes[18], distances[18], most[18], totals[18 * ENGINE_PANEL];
    uint64_t seen[18];
    const engine_soften all = {18,     scores,    seen, key_scales, value_scales,
                               slopes, distances, most, NULL,       totals};
    for (size_t i = 0; i < 8 * 4 * count; i++) {
        fill(scores, 18 * ENGINE_KEYS, i / 8 % 4 < 2 ? 3 : 100);
        fill(key_scales, ENGINE_KEYS, 1);
        fill(value_scales, ENGINE_KEYS, 1);
        fill(slopes, 18, 0.1f);
        fill(totals, 18 * ENGINE_PANEL, 0);
        for (size_t r = 0; r < 18; r++) {
            distances[r] = (float)(20 * r) - 100;
            most[r] = r % 3 ? 50 * fixture_random(&source) : -INFINITY;
            for (size_t j = 0; j < ENGINE_PANEL && r % 3; j++) totals[r * ENGINE_PANEL + j] = 1;
            uint64_t from = r * 7 % 64, to = r % 2 ? 64 : from + 1;
            seen[r] = r == 0 ? ~(uint64_t)0 : (to < 64 ? (uint64_t)1 << to : 0) - (1ull << from);
        }
        engine_soften s = all;
        if (i & 1) s.key_scales = NULL;
        if (i & 2) s.value_scales = NULL;
        if (i & 4) s.slopes = NULL;
        check_soften(k[i / 32], &s, i / 8 % 2 ? 18 : 5);
    }
}

static void test_blend(void **state) {
    (void)state;
    const engine_kernels *k[ENGINE_MOST_TABLES];
    size_t count = engine_kernels_all(k);
    float x[50], before[51], out[51];
    for (size_t n = 1; n <= 50; n++) {
        fill(x, n, 1);
        fill(before, n, 1);
        before[n] = GUARD;
        for (size_t i = 0; i < count; i++) {
            memcpy(out, before, sizeof out);
            k[i]->blend(out, 0.25f, x, -3, n);
            for (size_t j = 0; j < n; j++)
                near(0.25 * (double)before[j] - 3.0 * (double)x[j], out[j], 1e-6);
            assert_true(out[n] == GUARD);
            for (size_t j = 0; j < n; j++) out[j] = NAN;
            k[i]->blend(out, 0, x, 0, n);
            for (size_t j = 0; j < n; j++) assert_true(out[j] == 0 && !signbit(out[j]));
        }
    }
}

/* Every half is what it is again after the way to float32 and back; between two halves the nearer
 * is taken, in the middle the even one. */
static void test_f16(void **state) {
    (void)state;
    const engine_kernels *k[ENGINE_MOST_TABLES];
    size_t count = engine_kernels_all(k);
    for (size_t i = 0; i < count; i++) {
        for (uint32_t h = 0; h < 0x7C00; h++) {
            uint16_t half[2] = {(uint16_t)h, (uint16_t)(h | 0x8000)}, back[2];
            float x[2], y[2], next = engine_half_to_float((uint16_t)(h + 1));
            k[i]->widen_f16(half, x, 2);
            assert_true(x[0] == engine_half_to_float(half[0]) && x[1] == -x[0]);
            k[i]->narrow_f16(x, back, 2);
            assert_memory_equal(half, back, sizeof back);
            if (h == 0x7BFF) break;
            float middle = (x[0] + next) / 2;
            y[0] = middle;
            y[1] = -nextafterf(middle, next);
            k[i]->narrow_f16(y, back, 2);
            assert_int_equal(back[0], h + (h & 1));
            assert_int_equal(back[1], 0x8000 + h + 1);
        }
        float x[40], y[40];
        uint16_t half[41];
        const float far[] = {1e30f, -1e30f, INFINITY, 65519, 65520, 1e-30f};
        const uint16_t want[] = {0x7BFF, 0xFBFF, 0x7BFF, 0x7BFF, 0x7BFF, 0};
        for (size_t j = 0; j < 40; j++) x[j] = far[j % 6];
        for (size_t n = 1; n <= 40; n++) {
            half[n] = 0x1234;
            k[i]->narrow_f16(x, half, n);
            for (size_t j = 0; j < n; j++) assert_int_equal(half[j], want[j % 6]);
            assert_int_equal(half[n], 0x1234);
            if (n < 40) y[n] = GUARD;
            k[i]->widen_f16(half, y, n);
            for (size_t j = 0; j < n; j++) assert_true(y[j] == engine_half_to_float(half[j]));
            assert_true(n == 40 || y[n] == GUARD);
        }
    }
}

static void test_i8(void **state) {
    (void)state;
    const engine_kernels *k[ENGINE_MOST_TABLES];
    size_t count = engine_kernels_all(k);
    float x[70], y[71];
    int8_t bytes[71];
    for (size_t n = 1; n <= 70; n++) {
        for (size_t i = 0; i < 2 * count; i++) {
            fill(x, n, i % 2 ? 0 : 5);
            bytes[n] = 99;
            float scale = k[i / 2]->narrow_i8(x, bytes, n), most = 0;
            for (size_t j = 0; j < n; j++) {
                most = fmaxf(most, fabsf(x[j]));
                near((double)x[j], scale * (float)bytes[j], (double)scale * 0.50001);
                assert_true(bytes[j] >= -127);
            }
            near((double)most / 127, scale, 1e-7);
            assert_int_equal(bytes[n], 99);
            y[n] = GUARD;
            k[i / 2]->widen_i8(bytes, y, n);
            for (size_t j = 0; j < n; j++) assert_true(y[j] == (float)bytes[j]);
            assert_true(y[n] == GUARD);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transpose), cmocka_unit_test(test_rms_norm),
        cmocka_unit_test(test_silu),      cmocka_unit_test(test_rope),
        cmocka_unit_test(test_add_q8_0),  cmocka_unit_test(test_layer_norm),
        cmocka_unit_test(test_gelu),      cmocka_unit_test(test_tiles),
        cmocka_unit_test(test_soften),    cmocka_unit_test(test_blend),
        cmocka_unit_test(test_f16),       cmocka_unit_test(test_i8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
