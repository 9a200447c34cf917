/* The block formats. Reading: blocks of fixed bytes with values written down here catch a swapped
 * nibble anywhere; ../shared/parity/quants, where it is here, holds every type against another
 * engine, bit for bit. Writing: rows of many kinds lose no more than a bound for each type, no more
 * than 1.05 of what the other engine's own blocks lose, and nothing odd is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/engine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUANTS "../shared/parity/quants/"

enum { VALUES = 256 };

typedef struct {
    const char *file;
    uint32_t type;
    int scale, second; /* where float16 scales lie in a block; -1: none */
    /* of the block bytes below, at each of `where` */
    float values[8];
    /* most that writing may lose of normally spread values: root mean square, of their own */
    double loss;
} kind;

static const size_t where[8] = {0, 17, 40, 63, 100, 129, 200, 255};
static const kind kinds[] = {
    {"f16",
     ENGINE_F16,
     -1,
     -1,
     {0.00176811218f, 0.00120544434f, 0.00100421906f, 0.463134766f, 0.000459671021f, 0.00476455688f,
      0.00174331665f, 0.337402344f},
     0.00022},
    {"bf16",
     ENGINE_BF16,
     -1,
     -1,
     {6.13923111e-25f, 2.4233807e-26f, 7.92647438e-27f, 1.38878822e-05f, 1.34106354e-29f,
      1.4889251e-21f, 5.2991258e-25f, 8.56816769e-07f},
     0.00173},
    {"q8_0", ENGINE_Q8_0, 0, -1, {-62.5f, 48.5f, 20.5f, 49.5f, 62.5f, 26, -19, 34}, 0.00543},
    {"q4_0", ENGINE_Q4_0, 0, -1, {-2.5f, -1, -1, -3.5f, 1, 3, 1.5f, -2.5f}, 0.0825},
    {"q4_1", ENGINE_Q4_1, 0, 2, {3.25f, 4.75f, 1.75f, 3.75f, 0.75f, 1.25f, 3.75f, 0.25f}, 0.0705},
    {"q5_0", ENGINE_Q5_0, 0, -1, {3, 7.5f, -1.5f, 7.5f, 0.5f, 0, 3.5f, -1}, 0.0412},
    {"q5_1",
     ENGINE_Q5_1,
     0,
     2,
     {7.25f, 13.75f, 0.25f, 2.25f, 1.75f, 11.25f, 7.75f, 11.25f},
     0.0345},
    {"q2_k", ENGINE_Q2_K, 80, 82, {6.25f, 3.25f, 2.5f, 2.5f, -0.75f, 4.5f, 8.5f, -0.25f}, 0.271},
    {"q3_k", ENGINE_Q3_K, 108, -1, {8, 2, 0, 40.5f, -30, 0, 25.5f, -56}, 0.147},
    {"q4_k",
     ENGINE_Q4_K,
     0,
     2,
     {123.5f, 15.5f, 32.75f, 23.25f, 366.25f, 67.5f, 135.75f, 73.75f},
     0.0711},
    {"q5_k",
     ENGINE_Q5_K,
     0,
     2,
     {420.5f, 420.5f, 89.75f, 51.75f, 771.25f, 409.5f, 460.75f, 370.75f},
     0.0356},
    {"q6_k", ENGINE_Q6_K, 208, -1, {7, 624, -272, -186, -310, -960, 157.5f, 338}, 0.0172},
    {"iq4_nl", ENGINE_IQ4_NL, 0, -1, {-32.5f, -11, -11, -52, 12.5f, 44.5f, 19, -32.5f}, 0.0745},
    {"iq4_xs", ENGINE_IQ4_XS, 0, -1, {979, 418, 682.5f, 105, 112.5f, -494, -30, -12.5f}, 0.0752},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* 256 values of a type: bytes of a fixed sequence, scales of 0.5 and 0.25. */
static void make_blocks(const kind *k, uint8_t *out) {
    size_t bytes = engine_row_bytes(k->type, VALUES);
    size_t block = engine_row_bytes(k->type, 32) ? bytes / 8 : bytes;
    uint32_t random = 20;
    for (size_t i = 0; i < bytes; i++) {
        random = random * 1664525u + 1013904223u;
        out[i] = (uint8_t)(random >> 24);
        /* two-byte types: small exponents only, so that no value is infinite */
        if (k->scale < 0 && i % 2 == 1) out[i] &= 0xBF;
    }
    for (size_t i = 0; k->scale >= 0 && i < bytes; i += block) {
        memcpy(out + i + k->scale, (uint8_t[]){0x00, 0x38}, 2);
        if (k->second >= 0) memcpy(out + i + k->second, (uint8_t[]){0x00, 0x34}, 2);
    }
}

static void test_known_blocks(void **state) {
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        uint8_t blocks[4 * VALUES];
        float got[VALUES];
        make_blocks(&kinds[i], blocks);
        engine_dequantize(kinds[i].type, blocks, got, VALUES);
        for (size_t j = 0; j < 8; j++) {
            if (got[where[j]] == kinds[i].values[j]) continue;
            fail_msg("%s: value %zu is %.9g, not %.9g", kinds[i].file, where[j],
                     (double)got[where[j]], (double)kinds[i].values[j]);
        }
    }
}

static void test_parts(void **state) { /* a part of a row is the same part of its values */
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        uint8_t blocks[2 * 4 * VALUES];
        float whole[2 * VALUES], part[VALUES];
        size_t bytes = engine_row_bytes(kinds[i].type, VALUES);
        make_blocks(&kinds[i], blocks);
        make_blocks(&kinds[i], blocks + bytes);
        blocks[bytes + 20] ^= 0x5A;
        engine_dequantize(kinds[i].type, blocks, whole, 2 * VALUES);
        engine_dequantize(kinds[i].type, blocks + bytes, part, VALUES);
        assert_memory_equal(whole + VALUES, part, sizeof part);
        assert_memory_not_equal(whole, part, sizeof part);
    }
}

static void *read_all(const char *name, const char *ending, size_t *n) {
    char path[256];
    snprintf(path, sizeof path, QUANTS "%s.%s", name, ending);
    FILE *f = fopen(path, "rb");
    if (f == NULL) fail_msg("%s cannot be read", path);
    size_t room = 1 << 20;
    char *p = mem_new(room, 1);
    *n = fread(p, 1, room, f);
    fclose(f);
    assert_true(*n > 0 && *n < room);
    return p;
}

static void compare_with_reference(uint32_t type, const char *name) {
    size_t bytes, want_bytes;
    uint8_t *src = read_all(name, "bin", &bytes);
    float *want = read_all(name, "f32", &want_bytes);
    size_t n = want_bytes / sizeof *want;
    float *got = mem_new(n, sizeof *got);
    assert_int_equal(engine_row_bytes(type, n), bytes);
    engine_dequantize(type, src, got, n);
    for (size_t i = 0; i < n; i++) {
        if (got[i] == want[i]) continue; /* -0 equals 0 */
        fail_msg("%s: value %zu is %.9g, not %.9g", name, i, (double)got[i], (double)want[i]);
    }
    mem_free(got);
    mem_free(want);
    mem_free(src);
}

static bool shared_is_here(void) {
    if (access(QUANTS "input.f32", R_OK) == 0) return true;
    printf("SKIP: ../shared is not here\n");
    return false;
}

static void test_reference(void **state) {
    (void)state;
    if (!shared_is_here()) skip();
    for (size_t i = 0; i < KINDS; i++) {
        char name[32];
        compare_with_reference(kinds[i].type, kinds[i].file);
        snprintf(name, sizeof name, "%s.rand", kinds[i].file);
        if (kinds[i].scale >= 0) compare_with_reference(kinds[i].type, name);
    }
}

static void test_table(void **state) {
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        assert_true(engine_type_runs(kinds[i].type));
        assert_int_equal(engine_row_bytes(kinds[i].type, 0), 0);
    }
    assert_true(engine_type_runs(ENGINE_F32));
    assert_false(engine_type_runs(9) || engine_type_runs(4) || engine_type_runs(16));
    assert_string_equal(engine_type_name(ENGINE_IQ4_XS), "IQ4_XS");
    assert_int_equal(engine_row_bytes(ENGINE_Q5_1, 64), 48);
    assert_int_equal(engine_row_bytes(ENGINE_Q3_K, 512), 220);
    assert_int_equal(engine_row_bytes(ENGINE_Q4_K, 576), 0);
}

/* ---- writing ------------------------------------------------------------------------------ */

static double root_mean_square(const float *a, const float *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)a[i] - (b ? (double)b[i] : 0);
        sum += d * d;
    }
    return sqrt(sum / (double)n);
}

static void there_and_back(uint32_t type, const float *x, float *back, size_t n) {
    size_t bytes = engine_row_bytes(type, n);
    uint8_t *blocks = mem_new(bytes + 1, 1);
    blocks[bytes] = 0xA5;
    assert_true(engine_quantize(type, x, blocks, n));
    assert_int_equal(blocks[bytes], 0xA5);
    engine_dequantize(type, blocks, back, n);
    mem_free(blocks);
}

/* Sums of 12 evenly spread values: close to a normal distribution. */
static void spread_values(float *x, size_t n, float scale) {
    uint32_t random = 7;
    for (size_t i = 0; i < n; i++) {
        double sum = -6;
        for (size_t j = 0; j < 12; j++) {
            random = random * 1664525u + 1013904223u;
            sum += (double)(random >> 8) * 0x1p-24;
        }
        x[i] = scale * (float)sum;
    }
}

static void test_loss(void **state) {
    (void)state;
    enum { N = 16 * VALUES };
    static float x[N], back[N];
    const float scales[] = {1, 0.02f, 300};
    for (size_t s = 0; s < 3; s++) {
        spread_values(x, N, scales[s]);
        double size = root_mean_square(x, NULL, N);
        for (size_t i = 0; i < KINDS; i++) {
            there_and_back(kinds[i].type, x, back, N);
            double loss = root_mean_square(x, back, N) / size;
            if (loss < kinds[i].loss && loss > 0) continue;
            fail_msg("%s: loses %.5f of values around %g", kinds[i].file, loss, (double)scales[s]);
        }
    }
}

/* What each row of the reference's input loses here and in the reference's own blocks. */
static void test_loss_against_reference(void **state) {
    (void)state;
    enum { ROW = 512 };
    size_t bytes;
    if (!shared_is_here()) skip();
    float *x = read_all("input", "f32", &bytes);
    size_t n = bytes / sizeof *x;
    float *back = mem_new(n, sizeof *back);
    for (size_t i = 0; i < KINDS; i++) {
        double worst = 0;
        float *theirs = read_all(kinds[i].file, "f32", &bytes);
        there_and_back(kinds[i].type, x, back, n);
        for (size_t r = 0; r < n; r += ROW) {
            double ours = root_mean_square(x + r, back + r, ROW);
            double other = root_mean_square(x + r, theirs + r, ROW);
            if (ours > 1.05 * other) {
                fail_msg("%s: row %zu loses %g, there %g", kinds[i].file, r / ROW, ours, other);
            }
            if (other > 0 && ours / other > worst) worst = ours / other;
        }
        printf("%s: %.3f of the reference's loss, at most %.3f in a row\n", kinds[i].file,
               root_mean_square(x, back, 16 * ROW) / root_mean_square(x, theirs, 16 * ROW), worst);
        mem_free(theirs);
    }
    mem_free(back);
    mem_free(x);
}

/* A row that is odd in one way. */
static void odd_row(size_t which, float *x) {
    const float same[] = {0, -0.0f, 1e-40f, -1e-10f, 0.5f, -0.5f, 3e4f, -65504, 65504, 6e-8f};
    enum { SAME = sizeof same / sizeof *same };
    spread_values(x, VALUES, which == SAME ? 3e4f / 6 : 1);
    for (size_t i = 0; i < VALUES; i++) {
        if (which < SAME) x[i] = same[which];
        if (which == SAME + 1) x[i] = i == 77 ? -3.0f : 0;
        if (which == SAME + 2) x[i] = i % 2 ? 1.0f : -1.0f;
        if (which == SAME + 3) x[i] = i == 3 ? 65504 : 1e-3f;
        if (which == SAME + 4) x[i] = i < 128 ? 0 : x[i];
    }
}

static void test_odd_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        for (size_t which = 0; which < 15; which++) {
            float x[VALUES], back[VALUES];
            odd_row(which, x);
            there_and_back(kinds[i].type, x, back, VALUES);
            double size = root_mean_square(x, NULL, VALUES);
            double loss = root_mean_square(x, back, VALUES);
            bool constant = which < 9 && fabsf(x[0]) >= 0.5f;
            if (isfinite(loss) && loss <= (constant ? 4e-3 : 0.35) * size + 1e-7) continue;
            fail_msg("%s: odd row %zu of size %g loses %g", kinds[i].file, which, size, loss);
        }
    }
}

static void test_refused(void **state) {
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e6f};
    for (size_t i = 0; i < KINDS; i++) {
        for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
            float x[VALUES] = {0};
            uint8_t blocks[4 * VALUES], untouched[4 * VALUES];
            memset(blocks, 0x5A, sizeof blocks);
            memset(untouched, 0x5A, sizeof untouched);
            x[VALUES - 1] = bad[b];
            bool can = kinds[i].type == ENGINE_BF16 && isfinite(bad[b]);
            assert_int_equal(engine_quantize(kinds[i].type, x, blocks, VALUES), can);
            if (!can) assert_memory_equal(blocks, untouched, sizeof blocks);
        }
    }
    float x[VALUES] = {0};
    assert_false(engine_quantize(9, x, x, VALUES));
    assert_false(engine_quantize(39, x, x, VALUES));
}

/* Every float16 comes back as itself; what lies between goes to the nearer one. */
static void test_half(void **state) {
    (void)state;
    for (uint32_t half = 0; half < 0x7C00; half++) {
        uint16_t here = (uint16_t)half, next = (uint16_t)(half + 1), got;
        float a, b;
        engine_dequantize(ENGINE_F16, &here, &a, 1);
        assert_true(engine_quantize(ENGINE_F16, &a, &got, 1) && got == here);
        if (next == 0x7C00) break;
        engine_dequantize(ENGINE_F16, &next, &b, 1);
        float middle = a + (b - a) / 2, below = nextafterf(middle, 0),
              above = nextafterf(middle, b);
        assert_true(engine_quantize(ENGINE_F16, &middle, &got, 1) && got == half + (half & 1));
        assert_true(engine_quantize(ENGINE_F16, &below, &got, 1) && got == here);
        above = -above;
        assert_true(engine_quantize(ENGINE_F16, &above, &got, 1) && got == (next | 0x8000u));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_blocks), cmocka_unit_test(test_parts),
        cmocka_unit_test(test_reference),    cmocka_unit_test(test_table),
        cmocka_unit_test(test_loss),         cmocka_unit_test(test_loss_against_reference),
        cmocka_unit_test(test_odd_rows),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
