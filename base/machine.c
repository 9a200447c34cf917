/* What this machine has: instruction sets, cores, a clock. Read once; kernels are picked from here
 * at run time, so that one binary runs on an old laptop and uses what a newer one offers. The
 * compiler's own check also asks the operating system whether it saves the wide registers.
 */
#include "base/base.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static cpu_features features;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void lower_to(const char *level) {
    if (!level) return;
    bool scalar = strcmp(level, "scalar") == 0;
    bool avx2 = scalar || strcmp(level, "avx2") == 0, neon = scalar || strcmp(level, "neon") == 0;
    if (avx2 || strcmp(level, "avxvnni") == 0) features.avx512 = features.avx512_vnni = false;
    if (avx2) features.avx_vnni = false;
    if (neon || strcmp(level, "dotprod") == 0) features.i8mm = false;
    if (neon) features.dotprod = false;
    if (scalar) features.avx2 = features.fma = features.f16c = features.neon = false;
}

static void read_features(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    features.avx2 = __builtin_cpu_supports("avx2") > 0;
    features.fma = __builtin_cpu_supports("fma") > 0;
    /* Not every compiler knows "f16c" by name. It needs what AVX2 needs of the system. */
    unsigned a, b, c = 0, d;
    features.f16c = features.avx2 && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
    features.avx512 =
        __builtin_cpu_supports("avx512f") > 0 && __builtin_cpu_supports("avx512bw") > 0 &&
        __builtin_cpu_supports("avx512vl") > 0 && __builtin_cpu_supports("avx512dq") > 0;
    features.avx512_vnni = features.avx512 && __builtin_cpu_supports("avx512vnni") > 0;
    enum { AVX_VNNI = 1 << 4 }; /* of leaf 7.1; older compilers have no name for it */
    features.avx_vnni = features.avx2 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & AVX_VNNI);
#elif defined(__aarch64__)
    features.neon = true; /* part of the base architecture */
    features.dotprod = (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
    features.i8mm = features.dotprod && (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0;
#endif
    cpu_set_t mine;
    features.cores = sched_getaffinity(0, sizeof mine, &mine) == 0 ? CPU_COUNT(&mine) : 1;
    lower_to(getenv("CARREL_CPU"));
}

const cpu_features *cpu_get(void) {
    pthread_once(&once, read_features);
    return &features;
}

double clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}
