/* arch_rope: what a file says about rotary positions.
 *
 * Besides the base there are four ways in which a model was taught longer contexts: positions
 * divided evenly (linear), a divisor for each pair (rope_freqs of Llama 3; two lists of Phi-3,
 * which its own reader takes up), and YaRN (Peng et al., 2023), which leaves pairs that turn often
 * in the original context as they are, divides those that turn less than once, and blends in
 * between; what is turned grows a little. All of them become divisors and one factor of
 * engine_rope. A method that is not among them is refused.
 */
#include "engine/arch.h"

#include <math.h>

/* The pair, as a real number, that turns so many times in a context of `length`. */
static double pair_of(double turns, double length, const engine_rope *r, uint32_t rotary) {
    const double circle = 6.283185307179586;
    return rotary * log(length / (turns * circle)) / (2 * log(r->base));
}

static bool read_yarn(engine_loader *l, engine_rope *r, double factor, error *err) {
    uint32_t rotary = l->net->shape.rotary, length = l->net->context;
    float fast = 32, slow = 1;
    if (!engine_load_may_u32(l, "rope.scaling.original_context_length", 1, ENGINE_MAX_CONTEXT,
                             &length, err) ||
        !engine_load_may_f32(l, "rope.scaling.yarn_beta_fast", &fast, err) ||
        !engine_load_may_f32(l, "rope.scaling.yarn_beta_slow", &slow, err)) {
        return false;
    }
    if (!(factor >= 1 && r->base > 1 && fast > 0 && slow > 0)) {
        return engine_load_refuse(l, err, "its YaRN (rope.scaling) has values that make no sense");
    }
    double low = fmax(floor(pair_of((double)fast, length, r, rotary)), 0);
    double high = fmin(ceil(pair_of((double)slow, length, r, rotary)), rotary - 1.0);
    l->net->stretched = mem_new(rotary / 2 + 1, sizeof *l->net->stretched);
    for (uint32_t i = 0; i < rotary / 2; i++) {
        double kept = 1 - fmin(fmax((i - low) / fmax(high - low, 0.001), 0), 1);
        l->net->stretched[i] = (float)(1 / (kept + (1 - kept) / factor));
    }
    r->factors = l->net->stretched;
    r->magnitude *= (float)(1 + 0.1 * log(factor));
    return true;
}

static bool read_scaling(engine_loader *l, engine_rope *r, error *err) {
    str type = STR("linear"); /* what a factor means by itself */
    float factor = 1;
    engine_load_str(l, "rope.scaling.type", &type);
    if (!engine_load_may_f32(l, "rope.scaling.factor", &factor, err) ||
        !engine_load_may_f32(l, "rope.scaling.attn_factor", &r->magnitude, err)) {
        return false;
    }
    if (str_eq(type, STR("yarn"))) return read_yarn(l, r, (double)factor, err);
    if (str_eq(type, STR("linear")) && factor > 0) r->stretch = (double)factor;
    if (str_eq(type, STR("linear")) || str_eq(type, STR("none")) ||
        (str_eq(type, STR("longrope")) && (l->arch->has & HAS_LENGTHS))) {
        return true;
    }
    return engine_load_refuse(l, err,
                              "its positions are scaled by a method (rope.scaling.type) that this "
                              "build does not know; take a file of the model without");
}

bool engine_load_rope(engine_loader *l, error *err) {
    engine_rope *r = &l->net->ropes[0];
    float base = 10000.0f; /* what the format means when the key is left out */
    *r = (engine_rope){.stretch = 1, .magnitude = 1};
    if (!(l->arch->has & HAS_ROPE)) return true;
    if (!engine_load_may_f32(l, "rope.freq_base", &base, err)) return false;
    if (base <= 0) {
        return error_set(err, ERROR_MODEL, STR_FMT ": \"%s\" is not a positive number",
                         STR_ARG(engine_gguf_path(l->gguf)),
                         engine_load_key(l, "rope.freq_base").s);
    }
    l->net->rope_count = 1;
    r->base = (double)base;
    return read_scaling(l, r, err) &&
           (!engine_load_has(l, "rope_freqs.weight") ||
            engine_load_vector(l, "rope_freqs.weight", l->net->shape.rotary / 2, &r->factors, err));
}
