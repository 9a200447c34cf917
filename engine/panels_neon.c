/* panels_neon: the table of panel kernels that every arm64 processor can run. How the sums are
 * made: panels_neon.inc.h.
 */
#include "engine/panels.h"

#if defined(__aarch64__)

#include "engine/panels_neon.inc.h"

const engine_panel_kernels engine_panel_kernels_neon = {
    .name = "neon",
    .quantize = quantize,
    .multiply = multiply,
};

#endif
