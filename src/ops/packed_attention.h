/* ops/packed_attention.h - causal attention over many scenes packed into one batch, forward and backward.
 *
 * The batch has T rows (tokens). Rows [0, P) are a prefix that every scene sees (the persona,
 * computed once for all of them). The rest is split into segments, one a scene. A row t of a segment sees
 *
 *     the prefix [0, P)   and   [window[t], t]        with begin of its segment <= window[t] <= t
 *
 * so that each line sees only its own history. A row of the prefix sees [0, t]. Nothing is padded. With a window of the
 * heads (us_heads) it sees of these only rows whose position is less than `window` before its own.
 *
 *   q [T, H*E]  k, v [T, G*E]   after RoPE, contiguous rows
 *   o [T, H*E]                  the backward pass computes the probabilities again from q and k
 *
 * Work is (segment, kv head); gradients that segments share (the prefix's) go to one buffer a segment
 * and are added in the order of the segments: results do not depend on the number of threads. */
#ifndef US_OPS_PACKED_ATTENTION_H
#define US_OPS_PACKED_ATTENTION_H
#include "base/pool.h"
#include "ops/heads.h"

typedef struct us_segment {
    int32_t begin, end;
} us_segment; /* rows [begin, end) */

typedef struct us_packing {
    int32_t n_rows, n_prefix;   /* T, P; P may be 0 */
    const int32_t *window;      /* [T] */
    const us_segment *segments; /* in order, covering [P, T) */
    int32_t n_segments;
    bool bf16;          /* products through bfloat16 where the level has them */
    const int32_t *pos; /* [T], only with a window: counting up by one inside the prefix and inside each segment */
} us_packing;

/* Floats of scratch for one thread, and for the shared prefix gradients. */
size_t us_packed_attention_scratch(const us_packing *p, us_heads h);
size_t us_packed_attention_shared(const us_packing *p, us_heads h);

/* The arrays of both passes, as above. The forward pass reads q, k, v and writes o; the backward pass reads o and d_o too, and
 * writes (not adds) d_q, d_k, d_v. */
typedef struct us_packed_rows {
    const float *q, *k, *v;
    float *o;
    const float *d_o;
    float *d_q, *d_k, *d_v;
    float *scratch; /* n_threads * us_packed_attention_scratch() floats */
    float *shared;  /* us_packed_attention_shared() floats, for the backward pass */
} us_packed_rows;
void us_packed_attention(us_pool *pool, const us_packing *p, us_heads h, const us_packed_rows *rows);
void us_packed_attention_back(us_pool *pool, const us_packing *p, us_heads h, const us_packed_rows *rows);
#endif
