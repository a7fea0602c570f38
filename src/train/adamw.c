#include "train/adamw.h"
#include <math.h>

void us_adamw_step(const us_adamw *o, int64_t step, const float *grad, float *p, float *m, float *v, size_t n) {
    double c1 = 1.0 - pow((double)o->beta1, (double)step), c2 = 1.0 - pow((double)o->beta2, (double)step);
    float rate = (float)((double)o->lr / c1), root = (float)(1.0 / sqrt(c2)), keep = 1.0f - o->lr * o->weight_decay;
    for (size_t i = 0; i < n; i++) {
        m[i] = o->beta1 * m[i] + (1.0f - o->beta1) * grad[i];
        v[i] = o->beta2 * v[i] + (1.0f - o->beta2) * grad[i] * grad[i];
        p[i] = p[i] * keep - rate * m[i] / (sqrtf(v[i]) * root + o->eps);
    }
}
