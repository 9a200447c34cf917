/* panels_dotprod: the table of panel kernels for arm64 with the integer dot product. This file
 * alone is compiled for it; nothing here may run before cpu_get() has said that it is there. How
 * the sums are made: panels_neon.inc.h.
 */
#include "engine/panels.h"

#if defined(__aarch64__)

#define PANELS_DOTPROD
#include "engine/panels_neon.inc.h"

const engine_panel_kernels engine_panel_kernels_dotprod = {
    .name = "neon-dotprod",
    .quantize = quantize,
    .multiply = multiply,
};

#endif
