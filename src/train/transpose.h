/* train/transpose.h - W^T of a packed matrix, packed in its turn. */
#ifndef US_TRAIN_TRANSPOSE_H
#define US_TRAIN_TRANSPOSE_H
#include "base/pool.h"
#include "kern/kern.h"

/* out = W^T [K, N padded to a multiple of 32] in 8-bit blocks (Q8_0: error at most 1/254 of a block's
 * largest weight) or float32. out->data is free()d by the caller, also after a failure. */
US_MUST_USE us_status us_matrix_transpose(us_pool *pool, const us_matrix *w, bool f32, us_matrix *out, us_error *err);
#endif
