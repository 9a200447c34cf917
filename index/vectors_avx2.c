/* The dot product for AVX2: bytes are widened to 16 bits and multiplied in pairs into 32 bits
 * (vpmaddwd), which is exact for all values, -128 included. The 8-bit multiply (vpmaddubsw) would
 * saturate. Compiled with its own flags and called only where cpu_get() reports avx2.
 */
#include "index/internal.h"

#if defined(__x86_64__)
#include <immintrin.h>

static inline __m256i widen(const int8_t *p) {
    return _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)p));
}

static inline int32_t sum_lanes(__m256i v) {
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, _MM_SHUFFLE(1, 0, 3, 2)));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(s);
}

void vectors_dot_avx2(const int8_t *rows, size_t count, size_t stride, const int8_t *query,
                      int32_t *out) {
    for (size_t i = 0; i < count; i++) {
        const int8_t *row = rows + i * stride;
        __m256i a = _mm256_setzero_si256(), b = a;
        for (size_t k = 0; k < stride; k += 32) {
            a = _mm256_add_epi32(a, _mm256_madd_epi16(widen(row + k), widen(query + k)));
            b = _mm256_add_epi32(b, _mm256_madd_epi16(widen(row + k + 16), widen(query + k + 16)));
        }
        out[i] = sum_lanes(_mm256_add_epi32(a, b));
    }
}
#else
typedef int vectors_avx2_is_for_x86; /* a file may not be empty */
#endif
