/* requantize: a model file becomes a smaller one.
 *
 * Owns the presets. Most matrices get the type that a preset is named after; the few that answers
 * depend on most (the output, the values of attention, the way down of the feed-forward part) get
 * more bits, by the rule of thumb under which files of these names are published, so that "q4_k_m"
 * is of the size and quality that people know. Rows that super-blocks do not divide get the
 * nearest type with blocks of 32. Norms, biases and tables of positions are small, and stay.
 *
 * Matrices pass through in pieces of some rows, each row dequantised, quantised and written, so
 * memory is bounded whatever the size of the model. Never touches the input, and never leaves
 * half an output (gguf_write).
 */
#include "engine/requantize.h"

#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    PIECE_VALUES = 1 << 22, /* 16 MB of float32; some hundreds of rows for every thread */
    GRAIN_VALUES = 1 << 15  /* handed to a thread at once: about a millisecond */
};

/* ---- presets ------------------------------------------------------------------------------ */

typedef enum {
    MIX_NONE, /* the same for all */
    MIX_2,
    MIX_3_MEDIUM,
    MIX_4_MEDIUM,
    MIX_5_MEDIUM,
    MIX_IQ4
} mix_kind;

struct engine_preset {
    const char *name;
    uint32_t base;
    uint32_t file_type; /* the number under which files of this kind go */
    mix_kind mix;
};

static const engine_preset presets[] = {
    {"q2_k", ENGINE_Q2_K, 10, MIX_2},          {"q3_k_m", ENGINE_Q3_K, 12, MIX_3_MEDIUM},
    {"iq4_xs", ENGINE_IQ4_XS, 30, MIX_IQ4},    {"iq4_nl", ENGINE_IQ4_NL, 25, MIX_IQ4},
    {"q4_0", ENGINE_Q4_0, 2, MIX_NONE},        {"q4_k_m", ENGINE_Q4_K, 15, MIX_4_MEDIUM},
    {"q4_1", ENGINE_Q4_1, 3, MIX_NONE},        {"q5_0", ENGINE_Q5_0, 8, MIX_NONE},
    {"q5_k_m", ENGINE_Q5_K, 17, MIX_5_MEDIUM}, {"q5_1", ENGINE_Q5_1, 9, MIX_NONE},
    {"q6_k", ENGINE_Q6_K, 18, MIX_NONE},       {"q8_0", ENGINE_Q8_0, 7, MIX_NONE},
    {"bf16", ENGINE_BF16, 32, MIX_NONE},       {"f16", ENGINE_F16, 1, MIX_NONE},
    {"f32", ENGINE_F32, 0, MIX_NONE},
};
enum { PRESETS = sizeof presets / sizeof *presets };

const char *const *engine_presets(void) {
    /* without f32: nothing becomes smaller by it */
    static const char *const names[] = {"q2_k",   "q3_k_m", "iq4_xs", "iq4_nl", "q4_0",
                                        "q4_k_m", "q4_1",   "q5_0",   "q5_k_m", "q5_1",
                                        "q6_k",   "q8_0",   "bf16",   "f16",    NULL};
    return names;
}

const engine_preset *engine_preset_find(const char *name) {
    for (size_t i = 0; i < PRESETS; i++) {
        if (strcmp(presets[i].name, name) == 0) return &presets[i];
    }
    return NULL;
}

uint32_t engine_preset_file_type(const engine_preset *p) {
    return p->file_type;
}

/* ---- the mix ------------------------------------------------------------------------------ */

/* The first and the last eighth of the layers, and every third between them. */
static bool has_more_bits(uint32_t layer, uint32_t layers) {
    uint32_t eighth = layers / 8;
    return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
}

static uint32_t values_type(const engine_mix *m, uint32_t layer) {
    bool many_share = m->kv_heads > 0 && m->heads / m->kv_heads >= 4; /* so they are small */
    switch (m->preset->mix) {
    case MIX_2:
        return many_share ? ENGINE_Q4_K : ENGINE_Q3_K;
    case MIX_3_MEDIUM:
        return layer < 2 ? ENGINE_Q5_K : ENGINE_Q4_K;
    case MIX_4_MEDIUM:
    case MIX_5_MEDIUM:
        return has_more_bits(layer, m->layers) ? ENGINE_Q6_K : m->preset->base;
    case MIX_IQ4:
        return many_share ? ENGINE_Q5_K : m->preset->base;
    default:
        return m->preset->base;
    }
}

static uint32_t down_type(const engine_mix *m, uint32_t layer) {
    switch (m->preset->mix) {
    case MIX_2:
        return ENGINE_Q3_K;
    case MIX_3_MEDIUM:
        return layer < m->layers / 16 ? ENGINE_Q5_K : ENGINE_Q4_K;
    case MIX_4_MEDIUM:
    case MIX_5_MEDIUM:
        return has_more_bits(layer, m->layers) ? ENGINE_Q6_K : m->preset->base;
    case MIX_IQ4:
        return layer < m->layers / 8 ? ENGINE_Q5_K : m->preset->base;
    default:
        return m->preset->base;
    }
}

static uint32_t mixed_type(const engine_mix *m, str name) {
    char buffer[64], part[33];
    uint32_t layer = 0, base = m->preset->base;
    bool plain = base == ENGINE_F32 || base == ENGINE_F16 || base == ENGINE_BF16;
    if (plain || base == ENGINE_Q8_0) return base;
    if (str_eq(name, STR("output.weight")) || (m->tied && str_eq(name, STR("token_embd.weight")))) {
        return ENGINE_Q6_K;
    }
    snprintf(buffer, sizeof buffer, STR_FMT, STR_ARG(str_cut(name, 0, sizeof buffer - 1)));
    if (sscanf(buffer, "blk.%" SCNu32 ".%32[a-z_]", &layer, part) != 2) return base;
    if (strcmp(part, "attn_v") == 0) return values_type(m, layer);
    if (strcmp(part, "ffn_down") == 0) return down_type(m, layer);
    if (strcmp(part, "attn_output") == 0) {
        return m->preset->mix == MIX_2          ? ENGINE_Q3_K
               : m->preset->mix == MIX_3_MEDIUM ? ENGINE_Q4_K
                                                : base;
    }
    if (strcmp(part, "attn_qkv") == 0) {
        return m->preset->mix == MIX_3_MEDIUM   ? ENGINE_Q4_K
               : m->preset->mix == MIX_4_MEDIUM ? ENGINE_Q5_K
               : m->preset->mix == MIX_5_MEDIUM ? ENGINE_Q6_K
                                                : base;
    }
    return base;
}

/* What holds the rows where `type` cannot: not less exact, and with smaller blocks. */
static uint32_t fitting_type(uint32_t type, uint64_t columns) {
    if (engine_row_bytes(type, columns) != 0) return type;
    uint32_t smaller = type == ENGINE_Q4_K   ? ENGINE_Q5_0
                       : type == ENGINE_Q5_K ? ENGINE_Q5_1
                       : type == ENGINE_Q6_K ? ENGINE_Q8_0
                                             : ENGINE_IQ4_NL;
    return engine_row_bytes(smaller, columns) != 0 ? smaller : ENGINE_F16;
}

uint32_t engine_mix_type(const engine_mix *m, str name, uint32_t type, uint32_t rank,
                         const uint64_t *shape) {
    bool table = str_eq(name, STR("position_embd.weight")) ||
                 str_eq(name, STR("token_types.weight")) || str_ends(name, STR(".conv.weight"));
    if (rank < 2 || table || !str_ends(name, STR(".weight")) ||
        str_find(name, STR("_norm."), 0) != SIZE_MAX) {
        return type;
    }
    return fitting_type(mixed_type(m, name), shape[0]);
}

/* ---- a whole model ------------------------------------------------------------------------ */

typedef struct {
    const engine_gguf *g;
    engine_gguf_writer *w;
    const engine_quantizing *how;
    pool *p;
    uint32_t *types; /* that the tensors get */
    uint64_t done, total;
} requantizing;

/* Architecture keys stand behind the architecture's name. */
static uint32_t count_of(const engine_gguf *g, str architecture, const char *what) {
    char key[128];
    uint32_t v = 0;
    snprintf(key, sizeof key, STR_FMT ".%s", STR_ARG(str_cut(architecture, 0, 64)), what);
    engine_gguf_u32(g, key, &v);
    return v;
}

static bool choose_types(requantizing *r, const engine_preset *preset, error *err) {
    str architecture = {0};
    engine_gguf_str(r->g, "general.architecture", &architecture);
    engine_mix mix = {
        .preset = preset,
        .layers = count_of(r->g, architecture, "block_count"),
        .heads = count_of(r->g, architecture, "attention.head_count"),
        .kv_heads = count_of(r->g, architecture, "attention.head_count_kv"),
        .tied = engine_gguf_find(r->g, "output.weight") == NULL,
    };
    if (mix.kv_heads == 0) mix.kv_heads = mix.heads;
    r->types = mem_new(engine_gguf_tensor_count(r->g) + 1, sizeof *r->types);
    for (size_t i = 0; i < engine_gguf_tensor_count(r->g); i++) {
        const engine_tensor *t = engine_gguf_tensor_at(r->g, i);
        r->types[i] = engine_mix_type(&mix, t->name, t->type, t->rank, t->shape);
        if (engine_row_bytes(t->type, t->shape[0]) == 0 ||
            (r->types[i] != t->type && !engine_type_runs(t->type))) {
            return error_set(err, ERROR_MODEL,
                             STR_FMT ": has weights of type %s, which cannot be read; start from "
                                     "the F16 or Q8_0 file of the model",
                             STR_ARG(engine_gguf_path(r->g)), engine_type_name(t->type));
        }
        r->total += t->bytes;
    }
    return true;
}

static bool declare_all(requantizing *r, const engine_preset *preset, error *err) {
    if (!choose_types(r, preset, err)) return false;
    engine_gguf_put_u32(r->w, "general.file_type", preset->file_type);
    engine_gguf_put_u32(r->w, "general.quantization_version", 2);
    engine_gguf_copy(r->w, r->g);
    for (size_t i = 0; i < engine_gguf_tensor_count(r->g); i++) {
        const engine_tensor *t = engine_gguf_tensor_at(r->g, i);
        engine_gguf_declare(r->w, t->name, r->types[i], t->rank, t->shape);
    }
    uint64_t before = engine_gguf_bytes(r->g), after = engine_gguf_writer_bytes(r->w);
    if (after >= before) {
        return error_set(err, ERROR_USAGE,
                         STR_FMT ": has %.1f MB and would have %.1f MB as %s; choose a smaller "
                                 "format",
                         STR_ARG(engine_gguf_path(r->g)), (double)before / 1e6, (double)after / 1e6,
                         preset->name);
    }
    return true;
}

/* ---- one tensor --------------------------------------------------------------------------- */

typedef struct {
    const engine_tensor *t;
    uint32_t type;
    size_t row;  /* the first of the piece */
    float *rows; /* [threads][columns] */
    uint8_t *out;
    atomic_bool bad; /* a value that the type cannot hold */
} piece;

static void quantize_rows(void *context, size_t begin, size_t end, int worker) {
    piece *p = context;
    size_t columns = (size_t)p->t->shape[0];
    size_t in_bytes = engine_row_bytes(p->t->type, columns);
    size_t out_bytes = engine_row_bytes(p->type, columns);
    float *row = p->rows + (size_t)worker * columns;
    for (size_t i = begin; i < end; i++) {
        const uint8_t *src = (const uint8_t *)p->t->data + (p->row + i) * in_bytes;
        engine_dequantize(p->t->type, src, row, columns);
        if (!engine_quantize(p->type, row, p->out + i * out_bytes, columns)) {
            atomic_store(&p->bad, true);
        }
    }
}

static bool advance(requantizing *r, uint64_t bytes, error *err) {
    r->done += bytes;
    if (r->how->progress == NULL || r->how->progress(r->how->context, r->done, r->total)) {
        return true;
    }
    return error_set(err, ERROR_CANCELLED, "stopped; no file was written");
}

/* Names come from a file and go to a terminal. */
static bool bad_value(const requantizing *r, str name, uint32_t type, error *err) {
    char shown[64];
    size_t n = name.n < sizeof shown - 1 ? name.n : sizeof shown - 1;
    for (size_t i = 0; i < n; i++) {
        shown[i] = name.p[i] >= 0x20 && name.p[i] < 0x7F ? name.p[i] : '?';
    }
    shown[n] = 0;
    return error_set(err, ERROR_MODEL,
                     STR_FMT ": tensor \"%s\" holds a value that is not finite or too large for %s",
                     STR_ARG(engine_gguf_path(r->g)), shown, engine_type_name(type));
}

static bool requantize_tensor(requantizing *r, const engine_tensor *t, uint32_t type, error *err) {
    size_t columns = (size_t)t->shape[0];
    size_t in_bytes = engine_row_bytes(t->type, columns);
    size_t out_bytes = engine_row_bytes(type, columns);
    size_t rows = (size_t)t->bytes / in_bytes;
    size_t most = PIECE_VALUES / columns + 1;
    piece p = {.t = t, .type = type};
    bool ok = true;
    p.rows = mem_new((size_t)pool_size(r->p) * columns, sizeof *p.rows);
    p.out = mem_new(most, out_bytes);
    for (; ok && p.row < rows; p.row += most) {
        size_t n = rows - p.row < most ? rows - p.row : most;
        parallel_for(r->p, n, GRAIN_VALUES / columns + 1, quantize_rows, &p);
        ok = !atomic_load(&p.bad) || bad_value(r, t->name, type, err);
        ok = ok && engine_gguf_write(r->w, p.out, n * out_bytes, err) &&
             advance(r, (uint64_t)n * in_bytes, err);
    }
    mem_free(p.rows);
    mem_free(p.out);
    return ok;
}

static bool write_all(requantizing *r, error *err) {
    for (size_t i = 0; i < engine_gguf_tensor_count(r->g); i++) {
        const engine_tensor *t = engine_gguf_tensor_at(r->g, i);
        bool ok = r->types[i] == t->type
                      ? engine_gguf_write(r->w, t->data, (size_t)t->bytes, err) &&
                            advance(r, t->bytes, err)
                      : requantize_tensor(r, t, r->types[i], err);
        if (!ok) return false;
    }
    return true;
}

bool engine_model_quantize(const char *in, const char *out, const engine_quantizing *how, pool *p,
                           error *err) {
    engine_gguf *g = NULL;
    const engine_preset *preset = engine_preset_find(how->preset);
    if (preset == NULL) {
        return error_set(err, ERROR_USAGE,
                         "%s: no such format; one of q2_k to q8_0, such as q4_k_m", how->preset);
    }
    if (!engine_gguf_open(in, &g, err)) return false;
    requantizing r = {.g = g, .w = engine_gguf_writer_new(), .how = how, .p = p};
    bool ok = declare_all(&r, preset, err) && engine_gguf_create(r.w, out, how->replace, err) &&
              write_all(&r, err) && engine_gguf_commit(r.w, err);
    engine_gguf_writer_free(r.w);
    mem_free(r.types);
    engine_gguf_close(g);
    return ok;
}
