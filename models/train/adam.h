/* adam: AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019). */
#ifndef CARREL_TRAIN_ADAM_H
#define CARREL_TRAIN_ADAM_H

#include <stddef.h>

typedef struct {
    float beta1, beta2, epsilon;
    float unbias1, unbias2; /* 1 - beta^step */
} adam_step;

adam_step adam_at(double beta1, double beta2, size_t step);
/* One step for n parameters; g is multiplied with `scale` first, and zeroed. */
void adam_update(const adam_step *s, float rate, float decay, float scale, float *params, float *g,
                 float *m, float *v, size_t n);
/* The rate at `done` (0 to 1) of a training: a linear start over warm_up steps, then half a cosine. */
double adam_rate(size_t step, size_t warm_up, double done);

#endif
