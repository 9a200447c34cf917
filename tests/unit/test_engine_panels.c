/* Packed panels: that packing loses nothing (a row read back has the same values as the file's own
 * row), that every kernel table multiplies as float64 does with what the formats mean, and that a
 * token's sum is the same bits however many tokens run beside it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/kernels.h"
#include "engine/panels.h"
#include "tests/support/panels_ymm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 512, TABLES = PANEL_TABLES + 1 };

static const uint32_t types[] = {
    ENGINE_F32,  ENGINE_F16,  ENGINE_BF16, ENGINE_Q8_0,   ENGINE_Q4_0,
    ENGINE_Q4_1, ENGINE_Q5_0, ENGINE_Q5_1, ENGINE_Q2_K,   ENGINE_Q3_K,
    ENGINE_Q4_K, ENGINE_Q5_K, ENGINE_Q6_K, ENGINE_IQ4_NL, ENGINE_IQ4_XS,
};

static uint64_t state = 88172645463325252u;

static uint32_t random_bits(void) { /* xorshift64 (Marsaglia, 2003) */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static float random_float(void) {
    return (float)(random_bits() % 20001) / 10000.0f - 1.0f;
}

/* The kernel tables that can run here; scalar first. */
static size_t tables(const engine_panel_kernels *out[TABLES]) {
    size_t n = engine_panel_kernels_all(out);
#if defined(__x86_64__)
    if (cpu_get()->avx512 && cpu_get()->avx512_vnni) out[n++] = &panels_ymm;
#endif
    return n;
}

/* Every byte of a row but the scales, or -1: random ones. */
static int fill = -1;

/* Random bits are a fair matrix but for their scales, which must be finite and of one size. */
static void fill_rows(uint32_t type, uint8_t *rows, size_t bytes) {
    size_t scale = 0, min = 0, block = engine_row_bytes(type, type == ENGINE_F32 ? 1 : 32);
    if (engine_panel_layout_of(type).is_float) {
        for (size_t i = 0; i + 4 <= bytes; i += 4) {
            float v = random_float();
            uint16_t pair[2] = {(uint16_t)((random_bits() & 0x83FF) | 0x2C00),
                                (uint16_t)((random_bits() & 0x83FF) | 0x2C00)};
            if (type == ENGINE_F16)
                memcpy(rows + i, pair, 4);
            else
                memcpy(rows + i, &v, 4); /* BF16: any finite bits; the low half of a float too */
            if (type == ENGINE_BF16) rows[i + 1] = 0x3D;
        }
        return;
    }
    if (block == 0) block = engine_row_bytes(type, 256);
    if (type == ENGINE_Q2_K) scale = 80;
    if (type == ENGINE_Q3_K) scale = 108;
    if (type == ENGINE_Q6_K) scale = 208;
    if (type == ENGINE_Q4_1 || type == ENGINE_Q5_1 || type == ENGINE_Q4_K || type == ENGINE_Q5_K ||
        type == ENGINE_Q2_K) {
        min = scale + 2;
    }
    for (size_t i = 0; i < bytes; i++)
        rows[i] = (uint8_t)(fill < 0 ? random_bits() : (unsigned)fill);
    for (size_t at = 0; at < bytes; at += block) {
        uint16_t half = (uint16_t)((random_bits() & 0x83FF) | 0x2000); /* up to 0.016 */
        memcpy(rows + at + scale, &half, 2);
        half = (uint16_t)((random_bits() & 0x83FF) | 0x2000);
        if (min) memcpy(rows + at + min, &half, 2);
    }
}

/* One panel with what it means. */
typedef struct {
    uint32_t type;
    uint8_t *panel;
    void *owned;
    float rows[PANEL_ROWS][COLUMNS];
    size_t count;
} sample;

static sample *make_sample(uint32_t type, size_t count) {
    sample *s = calloc(1, sizeof *s);
    size_t row_bytes = engine_row_bytes(type, COLUMNS);
    uint8_t *rows = malloc(row_bytes * PANEL_ROWS);
    s->type = type;
    s->count = count;
    s->owned = malloc(engine_panel_bytes(type, COLUMNS) + 64);
    s->panel = (uint8_t *)(((uintptr_t)s->owned + 63) & ~(uintptr_t)63);
    fill_rows(type, rows, row_bytes * count);
    engine_panel_pack(type, rows, row_bytes, count, COLUMNS, s->panel);
    for (size_t r = 0; r < count; r++) {
        engine_dequantize(type, rows + r * row_bytes, s->rows[r], COLUMNS);
    }
    free(rows);
    return s;
}

static void free_sample(sample *s) {
    free(s->owned);
    free(s);
}

static void test_rows_come_back(void **unused) {
    (void)unused;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        for (size_t count = 16; count > 0; count = count == 16 ? 5 : 0) {
            sample *s = make_sample(types[i], count);
            float row[COLUMNS];
            for (size_t r = 0; r < PANEL_ROWS; r++) {
                engine_panel_row(types[i], s->panel, COLUMNS, r, row);
                for (size_t c = 0; c < COLUMNS; c++) {
                    double want = (double)s->rows[r][c];
                    if (fabs((double)row[c] - want) > 1e-6 * fabs(want) + 1e-6) {
                        fail_msg("%s row %zu column %zu: %g instead of %g",
                                 engine_type_name(types[i]), r, c, (double)row[c], want);
                    }
                }
            }
            free_sample(s);
        }
    }
}

/* x as a tile of the kind that the type needs. */
static void *make_tile(const engine_panel_kernels *k, uint32_t type, const float *x, size_t n) {
    bool is_float = engine_panel_layout_of(type).is_float;
    size_t bytes = is_float ? COLUMNS * PANEL_TOKENS * sizeof(float)
                            : COLUMNS / PANEL_BLOCK * sizeof(engine_panel_acts);
    void *tile = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    memset(tile, 0x7F, bytes); /* slots beyond n must not matter */
    if (is_float)
        engine_panel_spread(x, COLUMNS, n, COLUMNS, tile);
    else
        k->quantize(x, COLUMNS, n, COLUMNS, tile);
    return tile;
}

/* What int8 activations in blocks of 32 mean; float types take x as it is. */
static void round_acts(const float *x, bool is_float, double *out) {
    for (size_t b = 0; b < COLUMNS; b += PANEL_BLOCK) {
        float most = 0;
        for (size_t i = 0; i < PANEL_BLOCK; i++) most = fmaxf(most, fabsf(x[b + i]));
        for (size_t i = 0; i < PANEL_BLOCK; i++) {
            float q = most > 0 ? rintf(x[b + i] * (127.0f / most)) : 0;
            out[b + i] = is_float ? (double)x[b + i] : (double)(q * (most / 127.0f));
        }
    }
}

/* Activations that meet in the same place of a register have the same sign; 0: random ones. */
static float extreme;

static void check_products(const engine_panel_kernels *k, uint32_t type, size_t n, bool add) {
    sample *s = make_sample(type, PANEL_ROWS);
    float x[PANEL_TOKENS * COLUMNS], out[PANEL_TOKENS * 20], bias[PANEL_ROWS];
    double rounded[COLUMNS];
    for (size_t i = 0; i < n * COLUMNS; i++) {
        x[i] = extreme != 0 ? (i / 2 % 2 ? extreme : 1) : random_float();
    }
    for (size_t i = 0; i < PANEL_ROWS; i++) bias[i] = random_float();
    for (size_t i = 0; i < PANEL_TOKENS * 20; i++) out[i] = 3;
    void *tile = make_tile(k, type, x, n);
    engine_panel_job job = {type, s->panel, COLUMNS, tile, n, out, 20, bias, add};
    k->multiply(&job);
    for (size_t t = 0; t < n; t++) {
        round_acts(x + t * COLUMNS, engine_panel_layout_of(type).is_float, rounded);
        for (size_t r = 0; r < PANEL_ROWS; r++) {
            double want = (double)bias[r] + (add ? 3 : 0), size = 1;
            for (size_t c = 0; c < COLUMNS; c++) {
                want += rounded[c] * (double)s->rows[r][c];
                size += fabs(rounded[c] * (double)s->rows[r][c]);
            }
            if (!(fabs(want - (double)out[t * 20 + r]) < 1e-5 * size)) {
                fail_msg("%s %s, %zu tokens: token %zu row %zu is %g instead of %g", k->name,
                         engine_type_name(type), n, t, r, (double)out[t * 20 + r], want);
            }
        }
    }
    for (size_t t = 0; t < PANEL_TOKENS; t++) { /* nothing beside the 16 rows of n tokens */
        for (size_t r = t < n ? PANEL_ROWS : 0; r < 20; r++) {
            assert_true(out[t * 20 + r] == 3.0f);
        }
    }
    free(tile);
    free_sample(s);
}

static void test_products(void **unused) {
    const engine_panel_kernels *k[TABLES];
    size_t count = tables(k);
    (void)unused;
    for (size_t i = 0; i < count; i++) {
        for (size_t y = 0; y < sizeof types / sizeof *types; y++) {
            for (size_t n = 1; n <= PANEL_TOKENS; n++) check_products(k[i], types[y], n, n % 2);
        }
    }
}

/* The greatest and least codes with the greatest activations: no sum on the way may saturate. */
static void test_extreme_codes(void **unused) {
    const engine_panel_kernels *k[TABLES];
    size_t count = tables(k);
    (void)unused;
    for (size_t i = 0; i < count; i++) {
        for (size_t y = 0; y < sizeof types / sizeof *types; y++) {
            for (int which = 0; which < 6; which++) {
                fill = which % 3 == 0 ? 0 : which % 3 == 1 ? 0xFF : 0x80;
                extreme = which < 3 ? 1 : -1;
                check_products(k[i], types[y], 1, false);
                check_products(k[i], types[y], 16, false);
            }
        }
    }
    fill = -1;
    extreme = 0;
}

static void test_same_bits_for_any_batch(void **unused) {
    const engine_panel_kernels *k[TABLES];
    size_t count = tables(k);
    float x[PANEL_TOKENS * COLUMNS], all[PANEL_TOKENS * PANEL_ROWS];
    (void)unused;
    for (size_t i = 0; i < PANEL_TOKENS * COLUMNS; i++) x[i] = random_float();
    for (size_t i = 0; i < count; i++) {
        for (size_t y = 0; y < sizeof types / sizeof *types; y++) {
            sample *s = make_sample(types[y], PANEL_ROWS);
            void *tile = make_tile(k[i], types[y], x, PANEL_TOKENS);
            engine_panel_job job = {types[y], s->panel,   COLUMNS, tile, PANEL_TOKENS,
                                    all,      PANEL_ROWS, NULL,    false};
            k[i]->multiply(&job);
            free(tile);
            for (size_t n = 1; n < PANEL_TOKENS; n++) {
                for (size_t t = 0; t + n <= PANEL_TOKENS; t += n) {
                    float part[PANEL_TOKENS * PANEL_ROWS];
                    tile = make_tile(k[i], types[y], x + t * COLUMNS, n);
                    job.tile = tile;
                    job.n = n;
                    job.out = part;
                    k[i]->multiply(&job);
                    assert_memory_equal(part, all + t * PANEL_ROWS, n * PANEL_ROWS * sizeof *part);
                    free(tile);
                }
            }
            free_sample(s);
        }
    }
}

static void test_extreme_activations(void **unused) {
    const engine_panel_kernels *k[TABLES];
    size_t count = tables(k);
    float x[COLUMNS] = {0}, out[PANEL_ROWS] = {0};
    (void)unused;
    x[40] = 1e30f; /* a block of zeros, one with an outlier, one of denormals */
    for (size_t i = 64; i < 96; i++) x[i] = 1e-41f;
    for (size_t i = 0; i < count; i++) {
        sample *s = make_sample(ENGINE_Q8_0, PANEL_ROWS);
        void *tile = make_tile(k[i], ENGINE_Q8_0, x, 1);
        engine_panel_job job = {ENGINE_Q8_0, s->panel,   COLUMNS, tile, 1,
                                out,         PANEL_ROWS, NULL,    false};
        k[i]->multiply(&job);
        for (size_t r = 0; r < PANEL_ROWS; r++) {
            double want = 1e30 * (double)s->rows[r][40];
            assert_true(fabs((double)out[r] - want) <= 1e-5 * fabs(want) + 1e-3);
        }
        free(tile);
        free_sample(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_come_back),      cmocka_unit_test(test_products),
        cmocka_unit_test(test_extreme_codes),       cmocka_unit_test(test_same_bits_for_any_batch),
        cmocka_unit_test(test_extreme_activations),
    };
    return cmocka_run_group_tests_name("engine_panels", tests, NULL, NULL);
}
