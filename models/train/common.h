/* common: what the trainers share: a clock, chance, numbers for strings, lines of JSON. */
#ifndef CARREL_TRAIN_COMMON_H
#define CARREL_TRAIN_COMMON_H

#include "base/base.h"

#include <jansson.h>

double train_now_s(void); /* monotonic */

/* xorshift64 (Marsaglia, 2003); the state is never 0. */
uint64_t train_seed(uint64_t seed);
uint64_t train_bits(uint64_t *state);
double train_chance(uint64_t *state);          /* 0 to below 1 */
size_t train_below(uint64_t *state, size_t n); /* 0 to n - 1; n > 0 */

uint64_t train_hash(str s); /* FNV-1a, never 0 */

str train_string(const json_t *object, const char *key); /* empty where there is none */
/* Calls `each` with every line of WORK/NAME. A line that is no JSON is an error. */
bool train_lines(const char *work, const char *name, void (*each)(void *, const json_t *),
                 void *context, error *err);
/* WORK/NAME into path. */
bool train_path(const char *work, const char *name, char *path, size_t size, error *err);

#endif
