/* adam: see adam.h. */
#include "models/train/adam.h"

#include <math.h>

#define LOWEST_RATE 0.005 /* of the highest, at the end */

adam_step adam_at(double beta1, double beta2, size_t step) {
    return (adam_step){(float)beta1, (float)beta2, 1e-8f, (float)(1 - pow(beta1, (double)step)),
                       (float)(1 - pow(beta2, (double)step))};
}

void adam_update(const adam_step *s, float rate, float decay, float scale, float *restrict params,
                 float *restrict g, float *restrict m, float *restrict v, size_t n) {
    const float k = rate / s->unbias1, root = 1 / sqrtf(s->unbias2);
    for (size_t i = 0; i < n; i++) {
        float x = g[i] * scale;
        m[i] = s->beta1 * m[i] + (1 - s->beta1) * x;
        v[i] = s->beta2 * v[i] + (1 - s->beta2) * x * x;
        params[i] -= k * m[i] / (sqrtf(v[i]) * root + s->epsilon) + rate * decay * params[i];
        g[i] = 0;
    }
}

double adam_rate(size_t step, size_t warm_up, double done) {
    double start = step < warm_up ? (double)(step + 1) / (double)warm_up : 1;
    return start * ((1 - LOWEST_RATE) * .5 * (1 + cos(M_PI * fmin(1, done))) + LOWEST_RATE);
}
