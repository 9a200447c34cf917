/* sampler: turns rows and running text into examples. Each thread has its own. */
#ifndef CARREL_TRAIN_SAMPLER_H
#define CARREL_TRAIN_SAMPLER_H

#include "models/train/network.h"
#include "models/train/rows.h"

typedef struct sampler sampler;

/* Sees every `of`th row from number `part` on; with `held` only the rows kept for measuring. */
sampler *sampler_new(const rows_data *d, uint64_t seed, size_t part, size_t of, bool held);
void sampler_free(sampler *s);

/* done: how far training is, 0 to 1. Passages get longer, questions about masked text rarer. */
void sampler_next(sampler *s, double done, net_example *out);

#endif
