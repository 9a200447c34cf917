/* charsmap.c: SentencePiece's precompiled character map (tokenizer.ggml.precompiled_charsmap).
 *
 * It says which characters become which before a Unigram vocabulary sees a text: NFKC with the
 * model's own exceptions, as a trie from byte sequences to replacement strings. The file holds the
 * trie's length in bytes, the trie as a double array of 32-bit units in the layout of darts-clone
 * (in a unit: bits 0-7 label, bit 8 "a value hangs here", bits 10-30 offset to the children,
 * shifted by 8 more with bit 9; a value has bit 31 and its number below), then the replacements,
 * each ended by a zero byte; a value is the offset of one.
 *
 * The bytes come from outside. What the trie names and how long a replacement may be is checked
 * once at load; a step that leads out of the array ends the walk. Never follows more units than the
 * text has bytes.
 */
#include "engine/tokenizer.h"

#include <string.h>

/* The map of the largest public models (nmt_nfkc) has 0.3 MB. */
#define MAP_BYTES_MAX ((size_t)16 << 20)
/* The longest in NFKC has 33 bytes (U+FDFA); a bound keeps a text from growing without end. */
#define REPLACEMENT_BYTES_MAX 255

#define UNIT_BYTES 4
#define VALUE_BIT 0x80000000u

static uint32_t offset_of(uint32_t unit) {
    return unit >> 10 << ((unit & 1u << 9) >> 6);
}

static bool has_value(uint32_t unit) {
    return unit >> 8 & 1;
}

static uint32_t unit_at(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool check_replacements(const engine_charsmap *m, error *err) {
    size_t from = 0;
    if (m->bytes == 0 || m->replacements[m->bytes - 1] != 0)
        return error_set(err, ERROR_MODEL, "the character map's last replacement has no end");
    for (size_t i = 0; i < m->bytes; i++) {
        if (m->replacements[i]) continue;
        if (i - from > REPLACEMENT_BYTES_MAX)
            return error_set(err, ERROR_MODEL,
                             "the character map has a replacement of %zu bytes; at most %d are "
                             "read",
                             i - from, REPLACEMENT_BYTES_MAX);
        from = i + 1;
    }
    return true;
}

/* Every unit that may be reached with a value behind it names one inside the replacements. */
static bool check_values(const engine_charsmap *m, error *err) {
    for (size_t i = 0; i < m->count; i++) {
        uint32_t unit = m->units[i];
        if (unit & VALUE_BIT || !has_value(unit)) continue;
        size_t at = i ^ offset_of(unit);
        if (at >= m->count || (m->units[at] & ~VALUE_BIT) >= m->bytes)
            return error_set(err, ERROR_MODEL,
                             "unit %zu of the character map points outside of it; the model file "
                             "is damaged",
                             i);
    }
    return true;
}

bool engine_charsmap_load(engine_charsmap *m, const engine_gguf *g, arena *a, error *err) {
    static const char key[] = "tokenizer.ggml.precompiled_charsmap";
    size_t n = engine_gguf_array_count(g, key);
    *m = (engine_charsmap){0};
    if (n == 0) return true;
    if (n > MAP_BYTES_MAX)
        return error_set(err, ERROR_MODEL, "%s has %zu bytes; at most %zu are read", key, n,
                         MAP_BYTES_MAX);
    uint8_t *bytes = arena_alloc(a, n, 1);
    for (size_t i = 0; i < n; i++) {
        int32_t v;
        if (!engine_gguf_array_i32(g, key, i, &v) || v < INT8_MIN || v > UINT8_MAX)
            return error_set(err, ERROR_MODEL, "%s is not an array of bytes", key);
        bytes[i] = (uint8_t)v;
    }
    size_t trie = n < UNIT_BYTES ? 0 : unit_at(bytes);
    if (trie < UNIT_BYTES || trie % UNIT_BYTES != 0 || trie > n - UNIT_BYTES)
        return error_set(err, ERROR_MODEL, "%s says that its trie has %zu of %zu bytes", key, trie,
                         n);
    m->count = trie / UNIT_BYTES;
    uint32_t *units = arena_alloc(a, m->count, sizeof *units);
    for (size_t i = 0; i < m->count; i++) units[i] = unit_at(bytes + UNIT_BYTES * (i + 1));
    m->units = units;
    m->replacements = (const char *)bytes + UNIT_BYTES + trie;
    m->bytes = n - UNIT_BYTES - trie;
    return check_replacements(m, err) && check_values(m, err);
}

size_t engine_charsmap_match(const engine_charsmap *m, str s, str *with) {
    size_t length = 0, value = 0, node;
    if (m->count == 0) return 0;
    node = offset_of(m->units[0]);
    for (size_t i = 0; i < s.n && s.p[i]; i++) {
        unsigned char c = (unsigned char)s.p[i];
        node ^= c;
        /* a value never has a label, since its bit 31 is compared with it */
        if (node >= m->count || (m->units[node] & (VALUE_BIT | 0xFF)) != c) break;
        uint32_t unit = m->units[node];
        node ^= offset_of(unit);
        if (!has_value(unit)) continue;
        length = i + 1;
        value = m->units[node] & ~VALUE_BIT;
    }
    if (length) *with = str_of(m->replacements + value);
    return length;
}
