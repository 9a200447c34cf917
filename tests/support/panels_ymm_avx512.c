/* Compiled with AVX-512's flags, as its name says to the Makefile. */
#include "tests/support/panels_ymm.h"

#if defined(__x86_64__)

#define PANELS_DOT _mm256_dpbusd_epi32
#include "engine/panels_avx2.inc.h"

const engine_panel_kernels panels_ymm = {
    .name = "avx512vl-vnni",
    .quantize = quantize,
    .multiply = multiply,
};

#endif
