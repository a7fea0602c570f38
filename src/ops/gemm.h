/* ops/gemm.h - float32 products of rows and columns, or the same through bfloat16 where the level has it and `bf16` asks for
 * it.
 *
 *   us_gemm_nt  y[M,N] += alpha * x[M,K] . w[N,K]^T     us_gemm_nn  y[M,N] += alpha * x[M,K] . w[K,N]
 *   us_gemm_tn  y[M,N] += alpha * x[K,M]^T . w[K,N] */
#ifndef US_OPS_GEMM_H
#define US_OPS_GEMM_H
#include "kern/kern.h"

static inline void us_gemm_nt(const us_kern *kn, bool bf16, size_t m, size_t n, size_t k, float alpha, const float *x,
                              size_t ld_x, const float *w, size_t ld_w, float *y, size_t ld_y) {
    if (bf16 && kn->gemm_bf16) kn->gemm_bf16(m, n, k, alpha, x, ld_x, 1, w, 1, ld_w, y, ld_y);
    else kn->gemm_nt(m, n, k, alpha, x, ld_x, w, ld_w, y, ld_y);
}
static inline void us_gemm_nn(const us_kern *kn, bool bf16, size_t m, size_t n, size_t k, float alpha, const float *x,
                              size_t ld_x, const float *w, size_t ld_w, float *y, size_t ld_y) {
    if (bf16 && kn->gemm_bf16) kn->gemm_bf16(m, n, k, alpha, x, ld_x, 1, w, ld_w, 1, y, ld_y);
    else kn->gemm_nn(m, n, k, alpha, x, ld_x, w, ld_w, y, ld_y);
}
static inline void us_gemm_tn(const us_kern *kn, bool bf16, size_t m, size_t n, size_t k, float alpha, const float *x,
                              size_t ld_x, const float *w, size_t ld_w, float *y, size_t ld_y) {
    if (bf16 && kn->gemm_bf16) kn->gemm_bf16(m, n, k, alpha, x, 1, ld_x, w, ld_w, 1, y, ld_y);
    else kn->gemm_tn(m, n, k, alpha, x, ld_x, w, ld_w, y, ld_y);
}
#endif
