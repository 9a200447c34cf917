/* The block formats: each type's blocks become the values they stand for. Blocks of fixed bytes with
 * values written down here catch a swapped nibble anywhere; ../shared/parity/quants, where it is
 * here, holds every type against another engine, bit for bit.
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
} kind;

static const size_t where[8] = {0, 17, 40, 63, 100, 129, 200, 255};
static const kind kinds[] = {
    {"f16",
     ENGINE_F16,
     -1,
     -1,
     {0.00176811218f, 0.00120544434f, 0.00100421906f, 0.463134766f, 0.000459671021f, 0.00476455688f,
      0.00174331665f, 0.337402344f}},
    {"bf16",
     ENGINE_BF16,
     -1,
     -1,
     {6.13923111e-25f, 2.4233807e-26f, 7.92647438e-27f, 1.38878822e-05f, 1.34106354e-29f,
      1.4889251e-21f, 5.2991258e-25f, 8.56816769e-07f}},
    {"q8_0", ENGINE_Q8_0, 0, -1, {-62.5f, 48.5f, 20.5f, 49.5f, 62.5f, 26, -19, 34}},
    {"q4_0", ENGINE_Q4_0, 0, -1, {-2.5f, -1, -1, -3.5f, 1, 3, 1.5f, -2.5f}},
    {"q4_1", ENGINE_Q4_1, 0, 2, {3.25f, 4.75f, 1.75f, 3.75f, 0.75f, 1.25f, 3.75f, 0.25f}},
    {"q5_0", ENGINE_Q5_0, 0, -1, {3, 7.5f, -1.5f, 7.5f, 0.5f, 0, 3.5f, -1}},
    {"q5_1", ENGINE_Q5_1, 0, 2, {7.25f, 13.75f, 0.25f, 2.25f, 1.75f, 11.25f, 7.75f, 11.25f}},
    {"q2_k", ENGINE_Q2_K, 80, 82, {6.25f, 3.25f, 2.5f, 2.5f, -0.75f, 4.5f, 8.5f, -0.25f}},
    {"q3_k", ENGINE_Q3_K, 108, -1, {8, 2, 0, 40.5f, -30, 0, 25.5f, -56}},
    {"q4_k", ENGINE_Q4_K, 0, 2, {123.5f, 15.5f, 32.75f, 23.25f, 366.25f, 67.5f, 135.75f, 73.75f}},
    {"q5_k",
     ENGINE_Q5_K,
     0,
     2,
     {420.5f, 420.5f, 89.75f, 51.75f, 771.25f, 409.5f, 460.75f, 370.75f}},
    {"q6_k", ENGINE_Q6_K, 208, -1, {7, 624, -272, -186, -310, -960, 157.5f, 338}},
    {"iq4_nl", ENGINE_IQ4_NL, 0, -1, {-32.5f, -11, -11, -52, 12.5f, 44.5f, 19, -32.5f}},
    {"iq4_xs", ENGINE_IQ4_XS, 0, -1, {979, 418, 682.5f, 105, 112.5f, -494, -30, -12.5f}},
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_blocks),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
