/* The dot product in plain C: what every other kernel is tested against, and what runs where there
 * is none. Exact, in 32-bit integers; see internal.h for the shapes.
 */
#include "index/internal.h"

void vectors_dot_scalar(const int8_t *rows, size_t count, size_t stride, const int8_t *query,
                        int32_t *out) {
    for (size_t i = 0; i < count; i++) {
        const int8_t *row = rows + i * stride;
        int32_t sum = 0;
        for (size_t k = 0; k < stride; k++) sum += (int32_t)row[k] * query[k];
        out[i] = sum;
    }
}
