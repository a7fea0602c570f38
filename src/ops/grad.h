/* ops/grad.h - backward passes of the row-wise operations (their forward passes are kernels).
 *
 * Every function adds to its d_<input> unless it says "writes". Shapes: one row unless stated. */
#ifndef US_OPS_GRAD_H
#define US_OPS_GRAD_H
#include "understudy/base.h"

/* y = x r g with r = 1 / sqrt(mean(x^2) + eps):
 *   d_x[j] += r (d_y[j] g[j] - x[j] r^2 mean(d_y g x))       the gain g is frozen */
void us_rmsnorm_back(const float *x, const float *g, const float *d_y, size_t n, float eps, float *d_x);

/* Cross entropy of logits[n_rows, V] at targets[n_rows], in place: logits become
 * scale * (softmax(logits) - onehot(target)), and nats[i] = -log p(target i). */
void us_cross_entropy(float *logits, size_t n_vocab, const int32_t *targets, size_t n_rows, float scale, float *nats);
#endif
