/* panels_avxvnni: the table of panel kernels for processors that have the integer dot product in
 * 256 bits and no AVX-512, such as Alder Lake. This file alone is compiled for it; nothing here
 * may run before cpu_get() has said that it is there. How the sums are made: panels_avx2.inc.h.
 */
#include "engine/panels.h"

#if defined(__x86_64__)

#define PANELS_DOT _mm256_dpbusd_avx_epi32
#include "engine/panels_avx2.inc.h"

const engine_panel_kernels engine_panel_kernels_avxvnni = {
    .name = "avx-vnni",
    .quantize = quantize,
    .multiply = multiply,
};

#endif
