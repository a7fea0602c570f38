/* Advanced SIMD as every 64-bit Arm has it (Cortex-A53 and A72: the Raspberry Pi 3 and 4). */
#include <arm_neon.h>
/* Sums of four neighbouring products. A product is at most 128 * 127, so a pair is added in 32 bits. */
static inline int32x4_t dot4(int32x4_t acc, int8x16_t w, int8x16_t x) {
    int32x4_t low = vpaddlq_s16(vmull_s8(vget_low_s8(w), vget_low_s8(x))), high = vpaddlq_s16(vmull_high_s8(w, x));
    return vaddq_s32(acc, vpaddq_s32(low, high));
}
#include "neon.h"

void us_kern_fill_neon(us_kern *t) { fill(t); }
