/* tensor: required metadata and vectors, with errors that name them, and rotary positions. */
#include "engine/tensor.h"

#include <inttypes.h>
#include <math.h>

bool engine_need_u32(const engine_gguf *g, const char *key, uint32_t least, uint32_t most,
                     uint32_t *out, error *err) {
    uint32_t v;
    if (!engine_gguf_u32(g, key, &v)) {
        return error_set(err, ERROR_MODEL, STR_FMT ": metadata key \"%s\" is missing",
                         STR_ARG(engine_gguf_path(g)), key);
    }
    if (v < least || v > most) {
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": metadata key \"%s\" is %" PRIu32 ", outside %" PRIu32
                                 " to %" PRIu32,
                         STR_ARG(engine_gguf_path(g)), key, v, least, most);
    }
    *out = v;
    return true;
}

bool engine_need_f32(const engine_gguf *g, const char *key, float *out, error *err) {
    float v;
    if (!engine_gguf_f32(g, key, &v) || !isfinite(v)) {
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": metadata key \"%s\" is missing or not a number",
                         STR_ARG(engine_gguf_path(g)), key);
    }
    *out = v;
    return true;
}

bool engine_vector_load(const engine_gguf *g, const char *name, uint64_t n, const float **out,
                        error *err) {
    const engine_tensor *t;
    if (!engine_gguf_need(g, name, 1, &n, &t, err)) return false;
    if (t->type != ENGINE_F32) {
        return error_set(err, ERROR_MODEL,
                         STR_FMT ": tensor \"%s\" is of type %s, and vectors must be F32",
                         STR_ARG(engine_gguf_path(g)), name, engine_type_name(t->type));
    }
    *out = t->data;
    return true;
}

/* ---- positions ---------------------------------------------------------------------------- */

void engine_rope_frequencies(double *frequencies, uint32_t rotary, double base,
                             const float *factors) {
    for (uint32_t i = 0; i < rotary / 2; i++) {
        frequencies[i] = pow(base, -2.0 * i / rotary) / (factors ? (double)factors[i] : 1.0);
    }
}

void engine_rope_turn(float *turn, const double *frequencies, size_t pairs, size_t position) {
    for (size_t i = 0; i < pairs; i++) {
        double angle = (double)position * frequencies[i];
        turn[2 * i] = (float)cos(angle);
        turn[2 * i + 1] = (float)sin(angle);
    }
}
