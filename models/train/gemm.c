/* gemm: see gemm.h.
 *
 * A tile of up to 24 rows and one panel of 32 columns is summed in registers; each step loads one row
 * of the panel and multiplies it with 24 numbers that the multiply instruction broadcasts from memory,
 * so that loads and multiplications are nearly balanced.
 */
#include "models/train/gemm.h"

#include <string.h>

enum { TILE = 24, CHUNK = 64 };

size_t panel_count(size_t n) {
    return (n + LANES - 1) / LANES;
}

size_t panels_size(size_t k, size_t n) {
    return panel_count(n) * LANES * k;
}

#ifdef __AVX512FP16__
#include <immintrin.h>

void narrow(const float *x, size_t n, num *out) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        _mm256_storeu_ph(out + i, _mm512_cvtxps_ph(_mm512_loadu_ps(x + i)));
    for (; i < n; i++) out[i] = (num)x[i];
}

void widen(const num *x, size_t n, float *out) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        _mm512_storeu_ps(out + i, _mm512_cvtxph_ps(_mm256_loadu_ph(x + i)));
    for (; i < n; i++) out[i] = (float)x[i];
}
#else
void narrow(const float *x, size_t n, num *out) {
    memcpy(out, x, n * sizeof *out);
}

void widen(const num *x, size_t n, float *out) {
    memcpy(out, x, n * sizeof *out);
}
#endif

static void copy(const num *x, size_t n, num *out) {
    memcpy(out, x, n * sizeof *out);
}

#define PACK(T, name, ROW)                                                                     \
    void name(const T *b, size_t row_step, size_t column_step, size_t k, size_t n, num *out) { \
        for (size_t j = 0; j < n; j += LANES, out += k * LANES) {                              \
            size_t width = n - j < LANES ? n - j : LANES;                                      \
            if (width < LANES) memset(out, 0, k *LANES * sizeof *out);                         \
            for (size_t i = 0; i < k; i++) {                                                   \
                const T *from = b + i * row_step + j * column_step;                            \
                num *to = out + i * LANES;                                                     \
                if (column_step == 1 && width == LANES)                                        \
                    ROW(from, LANES, to);                                                      \
                else                                                                           \
                    for (size_t x = 0; x < width; x++) to[x] = (num)from[x * column_step];     \
            }                                                                                  \
        }                                                                                      \
    }
PACK(float, pack_floats, narrow)
PACK(num, pack_nums, copy)

#ifdef __AVX512FP16__
#define ALWAYS static inline __attribute__((always_inline))

/* rows, turned: constants where this is inlined. */
ALWAYS void tile(size_t rows, bool turned, size_t k, const num *a, size_t lda, const num *b,
                 float *c, size_t ldc, bool add) {
    const size_t s1 = lda, s3 = 3 * lda, s5 = 5 * lda, s7 = 7 * lda;
    for (size_t from = 0; from < k; from += CHUNK) {
        size_t steps = k - from < CHUNK ? k - from : CHUNK;
        __m512h sum[TILE];
#pragma GCC unroll 24
        for (size_t r = 0; r < rows; r++) sum[r] = _mm512_setzero_ph();
        const num *p0 = turned ? a + from * lda : a + from, *p8 = p0 + 8 * lda, *p16 = p8 + 8 * lda;
        for (size_t i = 0; i < steps; i++, b += LANES) {
            __m512h v = _mm512_loadu_ph(b);
#pragma GCC unroll 24
            for (size_t r = 0; r < rows; r++) {
                const num *p = r < 8 ? p0 : r < 16 ? p8 : p16;
                const num *at = turned       ? p0 + r
                                : r % 8 == 0 ? p
                                : r % 8 == 1 ? p + s1
                                : r % 8 == 2 ? p + 2 * s1
                                : r % 8 == 3 ? p + s3
                                : r % 8 == 4 ? p + 4 * s1
                                : r % 8 == 5 ? p + s5
                                : r % 8 == 6 ? p + 2 * s3
                                             : p + s7;
                __asm__("vfmadd231ph %2%{1to32%}, %1, %0" : "+v"(sum[r]) : "v"(v), "m"(*at));
            }
            if (turned) {
                p0 += lda;
            } else {
                p0++, p8++, p16++;
            }
        }
#pragma GCC unroll 24
        for (size_t r = 0; r < rows; r++) {
            __m512i bits = _mm512_castph_si512(sum[r]);
            __m512 low = _mm512_cvtxph_ps((__m256h)_mm512_castsi512_si256(bits));
            __m512 high = _mm512_cvtxph_ps((__m256h)_mm512_extracti64x4_epi64(bits, 1));
            float *to = c + r * ldc;
            if (add || from > 0) {
                low = _mm512_add_ps(low, _mm512_loadu_ps(to));
                high = _mm512_add_ps(high, _mm512_loadu_ps(to + 16));
            }
            _mm512_storeu_ps(to, low);
            _mm512_storeu_ps(to + 16, high);
        }
    }
}

#define ROWS(R)                                        \
    case R:                                            \
        if (turned)                                    \
            tile(R, true, k, a, lda, b, c, ldc, add);  \
        else                                           \
            tile(R, false, k, a, lda, b, c, ldc, add); \
        break;

static void tile_rows(size_t rows, bool turned, size_t k, const num *a, size_t lda, const num *b,
                      float *c, size_t ldc, bool add) {
    switch (rows) { ROWS(24) ROWS(16) ROWS(8) ROWS(4) ROWS(2) ROWS(1) }
}

static size_t tile_size(size_t rows) {
    return rows >= 24 ? 24 : rows >= 16 ? 16 : rows >= 8 ? 8 : rows >= 4 ? 4 : rows >= 2 ? 2 : 1;
}
#else
static void tile_rows(size_t rows, bool turned, size_t k, const num *a, size_t lda, const num *b,
                      float *c, size_t ldc, bool add) {
    for (size_t r = 0; r < rows; r++) {
        float sum[LANES] = {0}, *to = c + r * ldc;
        if (add) memcpy(sum, to, sizeof sum);
        for (size_t i = 0; i < k; i++) {
            float x = turned ? a[r + i * lda] : a[r * lda + i];
            for (size_t j = 0; j < LANES; j++) sum[j] += x * b[i * LANES + j];
        }
        memcpy(to, sum, sizeof sum);
    }
}

static size_t tile_size(size_t rows) {
    return rows < TILE ? rows : TILE;
}
#endif

void gemm(size_t m, size_t n, size_t k, const num *a, size_t lda, bool turned, const num *b,
          float *c, size_t ldc, bool add) {
    for (size_t j = 0; j < panel_count(n); j++)
        for (size_t i = 0, rows; i < m; i += rows) {
            rows = tile_size(m - i);
            tile_rows(rows, turned, k, turned ? a + i : a + i * lda, lda, b + j * k * LANES,
                      c + i * ldc + j * LANES, ldc, add);
        }
}
