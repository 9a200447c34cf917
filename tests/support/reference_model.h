/* reference_model: what a random_model computes, in float64 and plain loops, written from the
 * definitions of the architectures. It reads the recipe and the tensors, never a file, and shares
 * no code with the engine that it judges.
 */
#ifndef CARREL_REFERENCE_MODEL_H
#define CARREL_REFERENCE_MODEL_H

#include "tests/support/random_model.h"

/* Each is new memory of the caller's. types NULL: all 0. n_ctx chooses between factors. */
double *reference_logits(const random_model *m, const int32_t *ids, size_t n, size_t n_ctx);
double *reference_spans(const random_model *m, const int32_t *ids, const uint8_t *types, size_t n);
/* A unit vector, or one score. */
double *reference_pooled(const random_model *m, const int32_t *ids, const uint8_t *types, size_t n);
size_t reference_width(const random_model *m); /* of what reference_pooled gives */

#endif
