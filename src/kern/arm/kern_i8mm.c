/* Advanced SIMD with 8-bit matrix products (Armv8.6: Apple M2, Graviton 3): two rows of weights by two rows of x in one
 * instruction, where rows of x come in pairs. */
#include <arm_neon.h>
#define PAIRS
static inline int32x4_t dot4(int32x4_t acc, int8x16_t w, int8x16_t x) { return vdotq_s32(acc, w, x); }
#include "neon.h"

void us_kern_fill_i8mm(us_kern *t) { fill(t); }
