/* The dot product for AVX-512 with VNNI. vpdpbusd multiplies unsigned by signed bytes, so the row
 * is moved by 128 (one exclusive or), and 128 times the sum of the query, the same for all rows, is
 * taken off at the end: (r + 128) . q = r . q + 128 sum(q). Exact: the instruction without the
 * final "s" does not saturate. Compiled with its own flags and called only where cpu_get() reports
 * avx512 and avx512_vnni.
 */
#include "index/internal.h"

#if defined(__x86_64__)
#include <immintrin.h>

void vectors_dot_avx512(const int8_t *rows, size_t count, size_t stride, const int8_t *query,
                        int32_t *out) {
    const __m512i sign = _mm512_set1_epi8((char)0x80);
    int32_t moved = 0;
    for (size_t k = 0; k < stride; k++) moved += 128 * (int32_t)query[k];
    for (size_t i = 0; i < count; i++) {
        const int8_t *row = rows + i * stride;
        __m512i sum = _mm512_setzero_si512();
        for (size_t k = 0; k < stride; k += VECTORS_ALIGN) {
            __m512i r = _mm512_xor_si512(_mm512_load_si512(row + k), sign);
            sum = _mm512_dpbusd_epi32(sum, r, _mm512_load_si512(query + k));
        }
        out[i] = _mm512_reduce_add_epi32(sum) - moved;
    }
}
#else
typedef int vectors_avx512_is_for_x86; /* a file may not be empty */
#endif
