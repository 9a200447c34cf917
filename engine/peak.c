/* peak: what this machine's arithmetic units can do at most, for `carrel model bench` to compare with.
 *
 * A loop that touches registers alone, with the very instructions that the chosen kernels multiply
 * with (VNNI's dot product, AVX2's pair of multiply-adds, FMA, NEON), on every thread of the pool.
 * No kernel reaches this; how near one comes is a figure that means the same on every machine.
 * Functions carry their instruction set as an attribute and run only where cpu_get() has it.
 */
#include "engine/engine.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif
#include <stdatomic.h>
#include <string.h>

enum {
    CHAINS = 12,     /* independent sums: more than latency times units of any core */
    ROUNDS = 200000, /* of all chains; about a millisecond */
    TRIES = 7        /* the best counts: a peak is what nothing disturbed */
};

/* Written out, so that every sum is a register of its own whatever the compiler unrolls. */
#define EACH_CHAIN(step)                                                                     \
    step(0) step(1) step(2) step(3) step(4) step(5) step(6) step(7) step(8) step(9) step(10) \
        step(11)

/* Runs ROUNDS and gives the operations of one; a multiplication and an addition are two. */
typedef unsigned peak_loop(void);

static atomic_int kept; /* what a loop computed, so that it is not left out */

#if defined(__x86_64__)
__attribute__((target("avx512f,avx512bw,avx512vnni"))) static unsigned int8_vnni(void) {
    __m512i sum[CHAINS], b = _mm512_set1_epi8(3);
    for (int i = 0; i < CHAINS; i++) sum[i] = _mm512_set1_epi32(i);
    for (int round = 0; round < ROUNDS; round++) {
#define STEP(i) sum[i] = _mm512_dpbusd_epi32(sum[i], b, b);
        EACH_CHAIN(STEP)
#undef STEP
    }
    for (int i = 0; i < CHAINS; i++) atomic_store(&kept, _mm512_reduce_add_epi32(sum[i]));
    return CHAINS * 128;
}

__attribute__((target("avx512f"))) static unsigned f32_avx512(void) {
    __m512 sum[CHAINS], b = _mm512_set1_ps(0.5f);
    for (int i = 0; i < CHAINS; i++) sum[i] = _mm512_set1_ps((float)i);
    for (int round = 0; round < ROUNDS; round++) {
#define STEP(i) sum[i] = _mm512_fmadd_ps(sum[i], b, b);
        EACH_CHAIN(STEP)
#undef STEP
    }
    for (int i = 0; i < CHAINS; i++) atomic_store(&kept, (int)_mm512_reduce_add_ps(sum[i]));
    return CHAINS * 32;
}

/* The products hang on the sum, or the compiler would make them once. */
__attribute__((target("avx2"))) static unsigned int8_avx2(void) {
    __m256i sum[CHAINS], b = _mm256_set1_epi8(3), ones = _mm256_set1_epi16(1);
    for (int i = 0; i < CHAINS; i++) sum[i] = _mm256_set1_epi32(i);
    for (int round = 0; round < ROUNDS; round++) {
#define STEP(i) \
    sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(_mm256_maddubs_epi16(sum[i], b), ones));
        EACH_CHAIN(STEP)
#undef STEP
    }
    for (int i = 0; i < CHAINS; i++) atomic_store(&kept, _mm256_extract_epi32(sum[i], 0));
    return CHAINS * 64;
}

__attribute__((target("avx2,avxvnni"))) static unsigned int8_avxvnni(void) {
    __m256i sum[CHAINS], b = _mm256_set1_epi8(3);
    for (int i = 0; i < CHAINS; i++) sum[i] = _mm256_set1_epi32(i);
    for (int round = 0; round < ROUNDS; round++) {
#define STEP(i) sum[i] = _mm256_dpbusd_avx_epi32(sum[i], b, b);
        EACH_CHAIN(STEP)
#undef STEP
    }
    for (int i = 0; i < CHAINS; i++) atomic_store(&kept, _mm256_extract_epi32(sum[i], 0));
    return CHAINS * 64;
}

__attribute__((target("avx2,fma"))) static unsigned f32_avx2(void) {
    __m256 sum[CHAINS], b = _mm256_set1_ps(0.5f);
    for (int i = 0; i < CHAINS; i++) sum[i] = _mm256_set1_ps((float)i);
    for (int round = 0; round < ROUNDS; round++) {
#define STEP(i) sum[i] = _mm256_fmadd_ps(sum[i], b, b);
        EACH_CHAIN(STEP)
#undef STEP
    }
    for (int i = 0; i < CHAINS; i++) atomic_store(&kept, (int)_mm256_cvtss_f32(sum[i]));
    return CHAINS * 16;
}
#elif defined(__aarch64__)
__attribute__((target("arch=armv8.2-a+dotprod"))) static unsigned int8_dot(void) {
    int32x4_t sum[CHAINS];
    int8x16_t b = vdupq_n_s8(3);
    for (int i = 0; i < CHAINS; i++) sum[i] = vdupq_n_s32(i);
    for (int round = 0; round < ROUNDS; round++) {
#define STEP(i) sum[i] = vdotq_s32(sum[i], b, b);
        EACH_CHAIN(STEP)
#undef STEP
    }
    for (int i = 0; i < CHAINS; i++) atomic_store(&kept, vaddvq_s32(sum[i]));
    return CHAINS * 32;
}

static unsigned f32_neon(void) {
    float32x4_t sum[CHAINS], b = vdupq_n_f32(0.5f);
    for (int i = 0; i < CHAINS; i++) sum[i] = vdupq_n_f32((float)i);
    for (int round = 0; round < ROUNDS; round++) {
#define STEP(i) sum[i] = vfmaq_f32(b, sum[i], b);
        EACH_CHAIN(STEP)
#undef STEP
    }
    for (int i = 0; i < CHAINS; i++) atomic_store(&kept, (int)vaddvq_f32(sum[i]));
    return CHAINS * 8;
}
#endif

static unsigned f32_scalar(void) {
    float sum[CHAINS];
    for (int i = 0; i < CHAINS; i++) sum[i] = (float)i;
    for (int round = 0; round < ROUNDS; round++) {
#define STEP(i) sum[i] = sum[i] * 0.5f + 0.5f;
        EACH_CHAIN(STEP)
#undef STEP
    }
    for (int i = 0; i < CHAINS; i++) atomic_store(&kept, (int)sum[i]);
    return CHAINS * 2;
}

static void run(void *context, size_t begin, size_t end, int worker) {
    peak_loop *loop = *(peak_loop **)context;
    (void)worker;
    for (size_t i = begin; i < end; i++) loop();
}

/* In thousand millions a second, over all threads. */
static double measure(pool *p, peak_loop *loop) {
    double best = 0;
    size_t pieces =
        4 * (size_t)pool_size(p); /* enough that a late thread finds the others at work */
    unsigned each = loop();
    for (int i = 0; i < TRIES; i++) {
        double start = clock_ms();
        parallel_for(p, pieces, 1, run, &loop);
        double gops = (double)pieces * ROUNDS * each / (clock_ms() - start) / 1e6;
        if (gops > best) best = gops;
    }
    return best;
}

void engine_peaks_measure(pool *p, engine_peaks *out) {
    peak_loop *int8 = NULL, *f32 = f32_scalar;
    *out = (engine_peaks){.int8 = "", .f32 = "scalar"};
#if defined(__x86_64__)
    const cpu_features *cpu = cpu_get();
    if (cpu->avx2) int8 = int8_avx2, f32 = f32_avx2, out->int8 = "AVX2", out->f32 = "AVX2 FMA";
    if (cpu->avx_vnni) int8 = int8_avxvnni, out->int8 = "AVX-VNNI";
    if (cpu->avx512) f32 = f32_avx512, out->f32 = "AVX-512 FMA";
    if (cpu->avx512_vnni) int8 = int8_vnni, out->int8 = "AVX-512 VNNI";
#elif defined(__aarch64__)
    if (cpu_get()->neon) f32 = f32_neon, out->f32 = "NEON FMA";
    if (cpu_get()->dotprod) int8 = int8_dot, out->int8 = "NEON dot product";
#endif
    out->f32_gops = measure(p, f32);
    if (int8) out->int8_gops = measure(p, int8);
}
