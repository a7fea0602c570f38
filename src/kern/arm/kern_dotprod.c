/* Advanced SIMD with the dot-product instructions (Armv8.2 and later: Cortex-A55 and A76, Apple, Graviton 2). */
#include <arm_neon.h>
static inline int32x4_t dot4(int32x4_t acc, int8x16_t w, int8x16_t x) { return vdotq_s32(acc, w, x); }
#include "neon.h"

void us_kern_fill_dotprod(us_kern *t) { fill(t); }
