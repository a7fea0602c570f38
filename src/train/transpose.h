/* train/transpose.h - W^T of a packed matrix, packed in its turn. */
#ifndef US_TRAIN_TRANSPOSE_H
#define US_TRAIN_TRANSPOSE_H
#include "base/pool.h"
#include "kern/kern.h"

/* out = W^T [K, N padded to a multiple of 32] in 8-bit blocks (Q8_0: error at most 1/254 of a block's
 * largest weight) or float32. `data` is the caller's, aligned to 64 bytes, us_transposed_bytes() long; all of it is written. */
US_MUST_USE us_status us_matrix_transpose(us_pool *pool, const us_matrix *w, bool f32, unsigned char *data, us_matrix *out,
                                          us_error *err);
size_t us_transposed_bytes(const us_matrix *w, bool f32); /* a multiple of 64 */
#endif
