/* train/adamw.h - AdamW (Loshchilov and Hutter 2019), as torch.optim.AdamW computes it. */
#ifndef US_TRAIN_ADAMW_H
#define US_TRAIN_ADAMW_H
#include <stddef.h>
#include <stdint.h>

typedef struct us_adamw {
    float lr, beta1, beta2, eps, weight_decay;
} us_adamw;

/* One step, number `step` (from 1), on n parameters: p -= lr wd p;  m, v moments;  p -= lr m^ / (sqrt(v^) + eps). */
void us_adamw_step(const us_adamw *o, int64_t step, const float *grad, float *p, float *m, float *v, size_t n);
#endif
