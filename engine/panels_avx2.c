/* panels_avx2: the table of panel kernels for AVX2, FMA and F16C. This file alone is compiled for
 * those instructions; nothing here may run before cpu_get() has said that they are there. How the
 * sums are made: panels_avx2.inc.h.
 *
 * Processors with AVX-512 but without VNNI (Skylake-X) use this table too: what 512 bits without
 * the integer dot product would gain they lose to their lower clock.
 */
#include "engine/panels.h"

#if defined(__x86_64__)

#include "engine/panels_avx2.inc.h"

const engine_panel_kernels engine_panel_kernels_avx2 = {
    .name = "avx2",
    .quantize = quantize,
    .multiply = multiply,
};

#endif
