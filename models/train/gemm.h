/* gemm: the matrix products of training. Numbers go in as `num`, sums come out as float.
 *
 * On processors with AVX-512 FP16 a num is a 16-bit float: sums of CHUNK products are held in 16 bits,
 * then added in 32, which is as exact as training in bfloat16 and more than twice as fast as in 32 bits.
 * Elsewhere a num is a float and the compiler vectorises plain loops.
 */
#ifndef CARREL_TRAIN_GEMM_H
#define CARREL_TRAIN_GEMM_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __AVX512FP16__
typedef _Float16 num;
#else
typedef float num;
#endif

enum { LANES = 32 /* columns of a panel */ };

/* The numbers of k x n as panels, n rounded up to LANES with zeros: panel j holds columns 32 j to
 * 32 j + 31 as [k][LANES]. */
size_t panel_count(size_t n);
size_t panels_size(size_t k, size_t n); /* in nums */
/* b: element (i, j) of k x n stands at b[i * row_step + j * column_step]. */
void pack_floats(const float *b, size_t row_step, size_t column_step, size_t k, size_t n, num *out);
void pack_nums(const num *b, size_t row_step, size_t column_step, size_t k, size_t n, num *out);

void narrow(const float *x, size_t n, num *out); /* to nums */
void widen(const num *x, size_t n, float *out);

/* c [m][>= 32 * panel_count(n)], its rows ldc apart, = or += a b. a: element (i, j) of m x k stands at
 * a[i * lda + j], or with `turned` at a[i + j * lda]. */
void gemm(size_t m, size_t n, size_t k, const num *a, size_t lda, bool turned, const num *b,
          float *c, size_t ldc, bool add);

#endif
