/* ops/heads.h - the shape of attention. */
#ifndef US_OPS_HEADS_H
#define US_OPS_HEADS_H
#include <stdint.h>

/* H query heads, G key/value heads (H a multiple of G), E the size of a head. */
typedef struct us_heads {
    int32_t n_heads, n_kv_heads, head_size;
} us_heads;
#endif
