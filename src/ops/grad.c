#include "ops/grad.h"
#include "kern/kern.h"
#include <math.h>

void us_rmsnorm_back(const float *x, const float *g, const float *d_y, size_t n, float eps, float *d_x) {
    double ss = 0, dot = 0;
    for (size_t j = 0; j < n; j++) {
        ss += (double)x[j] * x[j];
        dot += (double)d_y[j] * g[j] * x[j];
    }
    float r = (float)(1.0 / sqrt(ss / (double)n + eps)), c = (float)(dot / (double)n) * r * r;
    for (size_t j = 0; j < n; j++) d_x[j] += r * (d_y[j] * g[j] - x[j] * c);
}

void us_cross_entropy(float *logits, size_t v, const int32_t *targets, size_t n_rows, float scale, float *nats) {
    const us_kern *kn = us_kern_get();
    for (size_t i = 0; i < n_rows; i++) {
        float *row = logits + i * v, at = row[targets[i]];
        nats[i] = (float)(kn->logsumexp(row, v) - (double)at);
        kn->softmax(row, v);
        row[targets[i]] -= 1.0f;
        for (size_t j = 0; j < v; j++) row[j] *= scale;
    }
}
