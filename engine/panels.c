/* panels: from the file's rows to panels of 16, and back to one row.
 *
 * A row gives each block of a panel a handful of 32-bit words, one for each 64 bytes of the block's
 * codes; four columns travel in one word, so the rearranging of nibbles and single bits is done on
 * words, without a table. Layouts of the file's blocks: ggml's quantisation types (docs/gguf.md and
 * the GGUF specification); they must agree with quant*.c, which reads them value by value and
 * against which the tests hold this file.
 *
 * Never allocates and never fails: type, columns and sizes were checked when the file was loaded.
 */
#include "engine/panels.h"

#include <assert.h>
#include <string.h>

#include "engine/kernels.h"

#define ALWAYS static inline __attribute__((always_inline))

enum { WORDS = 8 /* the most 32-bit words of codes that one row has in one block */ };

static size_t round64(size_t n) {
    return (n + 63) & ~(size_t)63;
}

size_t engine_panel_bytes(uint32_t type, size_t columns) {
    const engine_panel_layout l = engine_panel_layout_of(type);
    size_t blocks = columns / PANEL_BLOCK, supers = blocks / PANEL_SUPER;
    if (l.is_float) return round64(engine_row_bytes(type, columns) * PANEL_ROWS);
    return blocks * l.code_bytes + round64(blocks * l.scale_bytes) +
           round64(supers * l.super_bytes);
}

/* ---- words -------------------------------------------------------------------------------- */

static uint32_t word(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

#define LOW4 0x0F0F0F0Fu
#define LOW2 0x03030303u
#define LOW1 0x01010101u

/* Nibbles that the file keeps as Q4_0 does, columns j and j + 16 in byte j: our words as they
 * are. */
static void copy_nibbles(const uint8_t *q, uint32_t out[4]) {
    memcpy(out, q, 16);
}

/* 32 bytes whose nibbles at `shift` are one block: columns j and j + 16 come together. */
static void join_nibbles(const uint8_t *q, int shift, uint32_t out[4]) {
    for (size_t g = 0; g < 4; g++) {
        uint32_t low = word(q + 4 * g) >> shift & LOW4;
        uint32_t high = word(q + 16 + 4 * g) >> shift & LOW4;
        out[g] = low | high << 4;
    }
}

/* Bit `shift` of each of 32 bytes: bit g of byte c is column 4g + c. */
static uint32_t join_bits(const uint8_t *q, int shift) {
    uint32_t out = 0;
    for (int g = 0; g < PANEL_GROUPS; g++) out |= (word(q + 4 * g) >> shift & LOW1) << g;
    return out;
}

/* The same from a mask whose bit j is column j. */
static uint32_t spread_bits(const uint8_t *mask) {
    uint32_t bits = word(mask), out = 0;
    for (int c = 0; c < 4; c++) {
        uint32_t v = bits >> c & 0x11111111u; /* bits 0, 4, 8 ... come together in 8 */
        v = (v | v >> 3) & 0x03030303u;
        v = (v | v >> 6) & 0x000F000Fu;
        v = (v | v >> 12) & 0xFFu;
        out |= v << 8 * c;
    }
    return out;
}

/* Two bits at `shift` of each of 32 bytes. */
static void join_pairs(const uint8_t *q, int shift, uint32_t out[2]) {
    out[0] = out[1] = 0;
    for (int g = 0; g < PANEL_GROUPS; g++) {
        out[g / 4] |= (word(q + 4 * g) >> shift & LOW2) << 2 * (g % 4);
    }
}

/* ---- codes of one row in one block ----------------------------------------------------------- */

/* Where a row keeps block b, and which part of a super-block it is. */
typedef struct {
    const uint8_t *at; /* the file's own block */
    size_t part;       /* 0..7 */
} place;

/* Bytes of the file's own block of 32 or 256. */
ALWAYS size_t block_bytes(uint32_t type) {
    switch (type) {
    case ENGINE_Q8_0:
        return 34;
    case ENGINE_Q4_1:
        return 20;
    case ENGINE_Q5_0:
        return 22;
    case ENGINE_Q5_1:
        return 24;
    case ENGINE_Q2_K:
        return 84;
    case ENGINE_Q3_K:
        return 110;
    case ENGINE_Q4_K:
        return 144;
    case ENGINE_Q5_K:
        return 176;
    case ENGINE_Q6_K:
        return 210;
    case ENGINE_IQ4_XS:
        return 136;
    default: /* Q4_0 and IQ4_NL */
        return 18;
    }
}

ALWAYS place find_block(uint32_t type, const uint8_t *row, size_t b) {
    if (engine_panel_layout_of(type).super_bytes == 0) {
        return (place){row + b * block_bytes(type), 0};
    }
    return (place){row + b / PANEL_SUPER * block_bytes(type), b % PANEL_SUPER};
}

static void codes_q6_k(place p, uint32_t out[WORDS]) {
    size_t half = p.part / 4, j = p.part % 4; /* 4 blocks share 64 bytes of low and 32 of high */
    join_nibbles(p.at + 64 * half + 32 * (j % 2), j < 2 ? 0 : 4, out);
    join_pairs(p.at + 128 + 32 * half, (int)(2 * j), out + 4);
}

ALWAYS void codes(uint32_t type, place p, uint32_t out[WORDS]) {
    size_t pair = p.part / 2 * 32; /* 64 columns share 32 bytes of nibbles */
    int shift = p.part % 2 ? 4 : 0;
    switch (type) {
    case ENGINE_Q8_0:
        for (size_t g = 0; g < PANEL_GROUPS; g++) out[g] = word(p.at + 2 + 4 * g) ^ 0x80808080u;
        break;
    case ENGINE_Q4_0:
    case ENGINE_IQ4_NL:
        copy_nibbles(p.at + 2, out);
        break;
    case ENGINE_Q4_1:
        copy_nibbles(p.at + 4, out);
        break;
    case ENGINE_Q5_0:
        copy_nibbles(p.at + 6, out);
        out[4] = spread_bits(p.at + 2);
        break;
    case ENGINE_Q5_1:
        copy_nibbles(p.at + 8, out);
        out[4] = spread_bits(p.at + 4);
        break;
    case ENGINE_IQ4_XS:
        copy_nibbles(p.at + 8 + 16 * p.part, out);
        break;
    case ENGINE_Q4_K:
        join_nibbles(p.at + 16 + pair, shift, out);
        break;
    case ENGINE_Q5_K:
        join_nibbles(p.at + 48 + pair, shift, out);
        out[4] = join_bits(p.at + 16, (int)p.part);
        break;
    case ENGINE_Q6_K:
        codes_q6_k(p, out);
        break;
    case ENGINE_Q2_K:
        join_pairs(p.at + 16 + 32 * (p.part / 4), (int)(2 * (p.part % 4)), out);
        break;
    case ENGINE_Q3_K:
        join_pairs(p.at + 32 + 32 * (p.part / 4), (int)(2 * (p.part % 4)), out);
        out[2] = join_bits(p.at, (int)p.part);
        break;
    default:
        assert(!"codes: a type without a layout");
    }
}

/* ---- scales of one row in one block -------------------------------------------------------- */

/* The six-bit scale and minimum of part j (ggml Q4_K and Q5_K: 8 of each in 12 bytes). */
static void scale_k4(const uint8_t *s, size_t j, uint8_t *scale, uint8_t *min) {
    if (j < 4) {
        *scale = s[j] & 63;
        *min = s[j + 4] & 63;
    } else {
        *scale = (uint8_t)((s[j + 4] & 15) | s[j - 4] >> 6 << 4);
        *min = (uint8_t)(s[j + 4] >> 4 | s[j] >> 6 << 4);
    }
}

/* The six-bit scale i of 16 (Q3_K), less its offset of 32. */
static int8_t scale_k3(const uint8_t *s, size_t i) {
    int low = i < 8 ? s[i] & 15 : s[i - 8] >> 4;
    int high = s[8 + i % 4] >> 2 * (i / 4) & 3;
    return (int8_t)((low | high << 4) - 32);
}

static void put_half(uint8_t *to, const uint8_t *from) {
    memcpy(to, from, 2);
}

/* `to`: the block's scales; row r's own place in them. */
ALWAYS void scales(uint32_t type, place p, size_t r, uint8_t *to) {
    switch (type) {
    case ENGINE_Q4_1:
    case ENGINE_Q5_1:
        put_half(to + 2 * r, p.at);
        put_half(to + 32 + 2 * r, p.at + 2);
        break;
    case ENGINE_Q4_K:
    case ENGINE_Q5_K:
        scale_k4(p.at + 4, p.part, to + r, to + 16 + r);
        break;
    case ENGINE_Q6_K:
        to[r] = p.at[192 + 2 * p.part];
        to[16 + r] = p.at[192 + 2 * p.part + 1];
        break;
    case ENGINE_Q3_K:
        to[r] = (uint8_t)scale_k3(p.at + 96, 2 * p.part);
        to[16 + r] = (uint8_t)scale_k3(p.at + 96, 2 * p.part + 1);
        break;
    case ENGINE_Q2_K:
        to[r] = p.at[2 * p.part];
        to[16 + r] = p.at[2 * p.part + 1];
        break;
    case ENGINE_IQ4_XS: {
        int low = p.at[4 + p.part / 2] >> (p.part % 2 ? 4 : 0) & 15;
        int high = (p.at[2] | p.at[3] << 8) >> 2 * p.part & 3;
        to[r] = (uint8_t)(int8_t)((low | high << 4) - 32);
        break;
    }
    default: /* one float16 in front of the block */
        put_half(to + 2 * r, p.at);
    }
}

/* Offsets of the float16 scale and minimum of a super-block; 0 for `min`: there is none. */
static void super_at(uint32_t type, size_t *scale, size_t *min) {
    *scale = *min = 0;
    if (type == ENGINE_Q4_K || type == ENGINE_Q5_K) *min = 2;
    if (type == ENGINE_Q2_K) *scale = 80, *min = 82;
    if (type == ENGINE_Q3_K) *scale = 108;
    if (type == ENGINE_Q6_K) *scale = 208;
}

/* ---- packing ------------------------------------------------------------------------------ */

static void pack_floats(size_t size, const uint8_t *rows, size_t row_bytes, size_t count,
                        size_t columns, uint8_t *panel) {
    for (size_t r = 0; r < count; r++) {
        for (size_t i = 0; i < columns; i++) {
            memcpy(panel + (i * PANEL_ROWS + r) * size, rows + r * row_bytes + i * size, size);
        }
    }
}

/* One block of `count` rows, so that its cache lines are filled while they are near. */
ALWAYS void pack_block(uint32_t type, const uint8_t *rows, size_t row_bytes, size_t count, size_t b,
                       uint8_t *to, uint8_t *scales_to) {
    const size_t words = engine_panel_layout_of(type).code_bytes / 64u;
    uint32_t each[WORDS];
    for (size_t r = 0; r < count; r++) {
        place p = find_block(type, rows + r * row_bytes, b);
        codes(type, p, each);
        for (size_t i = 0; i < words; i++) memcpy(to + 64 * i + 4 * r, &each[i], 4);
        scales(type, p, r, scales_to);
    }
}

ALWAYS void pack_supers(uint32_t type, const uint8_t *rows, size_t row_bytes, size_t count,
                        size_t supers, uint8_t *to) {
    const size_t bytes = engine_panel_layout_of(type).super_bytes;
    size_t scale, min;
    super_at(type, &scale, &min);
    for (size_t s = 0; bytes > 0 && s < supers; s++, to += bytes) {
        for (size_t r = 0; r < count; r++) {
            const uint8_t *at = rows + r * row_bytes + s * block_bytes(type);
            put_half(to + 2 * r, at + scale);
            if (min) put_half(to + 32 + 2 * r, at + min);
        }
    }
}

/* `type` is a constant in each call, so that the choices above are made once. */
ALWAYS void pack_type(uint32_t type, const uint8_t *rows, size_t row_bytes, size_t count,
                      size_t columns, uint8_t *panel) {
    const engine_panel_layout l = engine_panel_layout_of(type);
    size_t blocks = columns / PANEL_BLOCK;
    uint8_t *scale_plane = panel + blocks * l.code_bytes;
    for (size_t b = 0; b < blocks; b++) {
        pack_block(type, rows, row_bytes, count, b, panel + b * l.code_bytes,
                   scale_plane + b * l.scale_bytes);
    }
    pack_supers(type, rows, row_bytes, count, blocks / PANEL_SUPER,
                scale_plane + round64(blocks * l.scale_bytes));
}

void engine_panel_pack(uint32_t type, const uint8_t *rows, size_t row_bytes, size_t count,
                       size_t columns, uint8_t *panel) {
    if (count < PANEL_ROWS) memset(panel, 0, engine_panel_bytes(type, columns));
    switch (type) {
#define PACK(TYPE)                                               \
    case TYPE:                                                   \
        pack_type(TYPE, rows, row_bytes, count, columns, panel); \
        break;
        PACK(ENGINE_Q8_0)
        PACK(ENGINE_Q4_0)
        PACK(ENGINE_Q4_1)
        PACK(ENGINE_Q5_0)
        PACK(ENGINE_Q5_1)
        PACK(ENGINE_Q2_K)
        PACK(ENGINE_Q3_K)
        PACK(ENGINE_Q4_K)
        PACK(ENGINE_Q5_K)
        PACK(ENGINE_Q6_K)
        PACK(ENGINE_IQ4_NL)
        PACK(ENGINE_IQ4_XS)
#undef PACK
    default:
        pack_floats(engine_row_bytes(type, 1), rows, row_bytes, count, columns, panel);
    }
}

/* ---- back to rows ------------------------------------------------------------------------- */

static float half_at(const uint8_t *p) {
    uint16_t half;
    memcpy(&half, p, sizeof half);
    return engine_half_to_float(half);
}

static const uint8_t iq4_codes[16] = {1,   24,  45,  63,  79,  93,  106, 118,
                                      129, 141, 153, 166, 181, 197, 217, 241};

/* 32 codes of row r in one block. */
static void row_codes(uint32_t type, const uint8_t *block, size_t r, uint8_t *out) {
    const size_t code_bytes = engine_panel_layout_of(type).code_bytes;
    const uint8_t *own = block + 4 * r;
    bool wide = type == ENGINE_Q8_0, pairs = code_bytes < 256;
    bool fifth = code_bytes == 320, sixth = code_bytes == 384;
    bool table = type == ENGINE_IQ4_NL || type == ENGINE_IQ4_XS;
    int offset = type == ENGINE_Q4_0   ? 120
                 : type == ENGINE_Q5_0 ? 112
                 : type == ENGINE_Q6_K ? 96
                 : type == ENGINE_Q3_K ? 124
                                       : 128;
    for (size_t j = 0; j < PANEL_BLOCK; j++) {
        size_t g = j / 4, c = j % 4;
        unsigned v;
        if (wide) {
            out[j] = own[64 * g + c];
            continue;
        }
        if (pairs) {
            v = own[64 * (g / 4) + c] >> 2 * (g % 4) & 3;
            if (type == ENGINE_Q3_K) v |= (own[128 + c] >> g & 1u) << 2;
        } else {
            v = own[64 * (g % 4) + c] >> (g < 4 ? 0 : 4) & 15;
            if (fifth) v |= (own[256 + c] >> g & 1u) << 4;
            if (sixth) v |= (own[256 + 64 * (g / 4) + c] >> 2 * (g % 4) & 3u) << 4;
        }
        out[j] = table ? iq4_codes[v] : (uint8_t)((int)v + offset);
    }
}

static void row_scales(uint32_t type, const uint8_t *s, const uint8_t *super, size_t r,
                       float scale[2], float min[2]) {
    min[0] = min[1] = 0;
    switch (type) {
    case ENGINE_Q4_1:
    case ENGINE_Q5_1:
        scale[0] = scale[1] = half_at(s + 2 * r);
        min[0] = min[1] = -half_at(s + 32 + 2 * r);
        break;
    case ENGINE_Q4_K:
    case ENGINE_Q5_K:
        scale[0] = scale[1] = half_at(super + 2 * r) * (float)s[r];
        min[0] = min[1] = half_at(super + 32 + 2 * r) * (float)s[16 + r];
        break;
    case ENGINE_Q6_K:
    case ENGINE_Q3_K:
        scale[0] = half_at(super + 2 * r) * (float)(int8_t)s[r];
        scale[1] = half_at(super + 2 * r) * (float)(int8_t)s[16 + r];
        break;
    case ENGINE_Q2_K:
        for (size_t h = 0; h < 2; h++) {
            scale[h] = half_at(super + 2 * r) * (float)(s[16 * h + r] & 15);
            min[h] = half_at(super + 32 + 2 * r) * (float)(s[16 * h + r] >> 4);
        }
        break;
    case ENGINE_IQ4_XS:
        scale[0] = scale[1] = half_at(super + 2 * r) * (float)(int8_t)s[r];
        break;
    default:
        scale[0] = scale[1] = half_at(s + 2 * r);
    }
}

void engine_panel_row_block(uint32_t type, const uint8_t *panel, size_t blocks, size_t b, size_t r,
                            uint8_t codes_out[PANEL_BLOCK], float scale[2], float min[2]) {
    const engine_panel_layout l = engine_panel_layout_of(type);
    const uint8_t *scale_plane = panel + blocks * l.code_bytes;
    const uint8_t *super_plane = scale_plane + round64(blocks * l.scale_bytes);
    row_codes(type, panel + b * l.code_bytes, r, codes_out);
    row_scales(type, scale_plane + b * l.scale_bytes, super_plane + b / PANEL_SUPER * l.super_bytes,
               r, scale, min);
}

static void float_row(uint32_t type, const uint8_t *panel, size_t columns, size_t r, float *out) {
    size_t size = engine_row_bytes(type, 1);
    for (size_t i = 0; i < columns; i++) {
        engine_dequantize(type, panel + (i * PANEL_ROWS + r) * size, out + i, 1);
    }
}

void engine_panel_row(uint32_t type, const uint8_t *panel, size_t columns, size_t r, float *out) {
    size_t blocks = columns / PANEL_BLOCK;
    uint8_t c[PANEL_BLOCK];
    float scale[2], min[2];
    if (engine_panel_layout_of(type).is_float) {
        float_row(type, panel, columns, r, out);
        return;
    }
    for (size_t b = 0; b < blocks; b++) {
        engine_panel_row_block(type, panel, blocks, b, r, c, scale, min);
        for (size_t j = 0; j < PANEL_BLOCK; j++) {
            out[b * PANEL_BLOCK + j] = scale[j / 16] * (float)((int)c[j] - 128) - min[j / 16];
        }
    }
}

size_t engine_panel_kernels_all(const engine_panel_kernels *out[PANEL_TABLES]) {
    size_t n = 0;
    out[n++] = &engine_panel_kernels_scalar;
#if defined(__x86_64__)
    const cpu_features *cpu = cpu_get();
    if (cpu->avx2 && cpu->fma && cpu->f16c) {
        out[n++] = &engine_panel_kernels_avx2;
        if (cpu->avx_vnni) out[n++] = &engine_panel_kernels_avxvnni;
    }
    if (cpu->avx512 && cpu->avx512_vnni) out[n++] = &engine_panel_kernels_avx512;
#elif defined(__aarch64__)
    if (cpu_get()->neon) out[n++] = &engine_panel_kernels_neon;
    if (cpu_get()->dotprod) out[n++] = &engine_panel_kernels_dotprod;
#endif
    return n;
}

const engine_panel_kernels *engine_panel_kernels_get(void) {
    const engine_panel_kernels *all[PANEL_TABLES];
    size_t count = engine_panel_kernels_all(all);
    return all[count - 1];
}
