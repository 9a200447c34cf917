/* requantize: which type each matrix of a model gets. Private to this room (and to the tools that
 * make models for tests and timing).
 */
#ifndef CARREL_ENGINE_REQUANTIZE_H
#define CARREL_ENGINE_REQUANTIZE_H

#include "engine/engine.h"

typedef struct engine_preset engine_preset;

const engine_preset *engine_preset_find(const char *name); /* NULL: no such preset */
uint32_t engine_preset_file_type(const engine_preset *p);  /* for general.file_type */

/* What the choice depends on besides the matrix itself. */
typedef struct {
    const engine_preset *preset;
    uint32_t layers, heads, kv_heads;
    bool tied; /* no output.weight: the token embeddings are the output too */
} engine_mix;

/* `type`: what it is now, and stays where it is not to be quantised. */
uint32_t engine_mix_type(const engine_mix *m, str name, uint32_t type, uint32_t rank,
                         const uint64_t *shape);

#endif
