/* ops/heads.h - the shape of attention, and what its scores go through. */
#ifndef US_OPS_HEADS_H
#define US_OPS_HEADS_H
#include <math.h>
#include <stdint.h>

/* H query heads, G key/value heads (H a multiple of G), E the size of a head. A score is q . k * scale, then, with a cap,
 * cap * tanh(score / cap). With a window a position sees itself and window - 1 before it. */
typedef struct us_heads {
    int32_t n_heads, n_kv_heads, head_size;
    float scale; /* 0: 1 / sqrt(E) */
    float cap;   /* 0: none */
    int32_t window;
} us_heads;

static inline float us_heads_scale(us_heads h) { return h.scale > 0 ? h.scale : 1.0f / sqrtf((float)h.head_size); }
#endif
