/* panels_ymm: the panel kernels for AVX-VNNI, made with AVX-512VL's form of the same instruction, so
 * that their logic is tested on machines that have only that one. */
#ifndef CARREL_TESTS_PANELS_YMM_H
#define CARREL_TESTS_PANELS_YMM_H

#include "engine/panels.h"

#if defined(__x86_64__)
extern const engine_panel_kernels panels_ymm;
#endif

#endif
