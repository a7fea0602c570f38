/* kern/arm/neon.h - Advanced SIMD: 4 lanes, a group of rows is four vectors. An ISA file defines q4_dot and q8_dot and
 * includes this. */
#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#define W 4
#define TILE 4
#define VT 4
#define RB 4
#define PV(nr) 4
typedef float vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));
typedef int64_t vbytes __attribute__((vector_size(16)));
#define fma_(a, b, c) ((vf)vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b)))
#define load_half(p) ((vf)vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8((const uint8_t *)(p)))))
#define store_halves(p, v) vst1_u8((uint8_t *)(p), vreinterpret_u8_f16(vcvt_f16_f32((float32x4_t)(v))))
#define load_bf16(p) ((vf)vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8((const uint8_t *)(p))), 16)))
#define to_float(i) ((vf)vcvtq_f32_s32((int32x4_t)(i)))
static inline vf load_i8(const void *p) {
    int32_t four;
    __builtin_memcpy(&four, p, 4);
    return to_float(vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four))))));
}
static inline vf load_u8(const void *p) {
    uint32_t four;
    __builtin_memcpy(&four, p, 4);
    return (vf)vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four))))));
}
#define max_ints(a, b) ((vi)vmaxq_s32((int32x4_t)(a), (int32x4_t)(b)))
#define max_four max_ints
static inline void store_block(int8_t *p, const vi *r) {
    for (int i = 0; i < 8; i += 2)
        vst1_s8(p + 4 * i, vmovn_s16(vcombine_s16(vmovn_s32((int32x4_t)r[i]), vmovn_s32((int32x4_t)r[i + 1]))));
}
static inline float one_half(uint16_t h) {
    __fp16 f;
    __builtin_memcpy(&f, &h, 2);
    return f;
}
#define load_bytes(p) ((vbytes)vld1q_u8((const uint8_t *)(p)))
#define low4(b) ((vbytes)vandq_u8((uint8x16_t)(b), vdupq_n_u8(15)))
#define high4(b) ((vbytes)vshrq_n_u8((uint8x16_t)(b), 4))
#define four_(x) vreinterpretq_s8_s32(vdupq_n_s32(x))
/* All weights fit int8, so all are dotted alike, and nothing has to be prepared. */
#define q4_dot(acc, w, x) ((vi)dot4((int32x4_t)(acc), (int8x16_t)(w), four_(x)))
#define q4_sum(acc) to_float((int32x4_t)(acc))
#define q6_dots(acc, w0, x0, w1, x1) q4_dot(q4_dot(acc, w0, x0), w1, x1)
#define q8_prepare(b) (b)
#define q8_offset 0
#define q8_dot q4_dot
#ifdef PAIRS
static inline __attribute__((always_inline)) void begin_pairs(vi sum[VT][TILE], const int32_t at[TILE], int nt) {
    for (int v = 0; v < VT; v++)
        for (int i = 0; i < nt; i += 2) sum[v][i] = sum[v][i + 1] = (vi){at[i], at[i + 1], at[i], at[i + 1]};
}
/* Sums of two rows of weights by two rows of x, of the first two rows of weights and of the last two. */
static inline __attribute__((always_inline)) void add_eight_pairs(vi sum[VT][TILE], vbytes w0[VT], vbytes w1[VT],
                                                                  const int8_t *x, size_t ld_x, int nt) {
    int8x16_t first[VT], last[VT];
    for (int v = 0; v < VT; v++) {
        first[v] = vreinterpretq_s8_s32(vzip1q_s32((int32x4_t)w0[v], (int32x4_t)w1[v]));
        last[v] = vreinterpretq_s8_s32(vzip2q_s32((int32x4_t)w0[v], (int32x4_t)w1[v]));
    }
    for (int i = 0; i < nt; i += 2) {
        int8x16_t two = vcombine_s8(vld1_s8(x + (size_t)i * ld_x), vld1_s8(x + (size_t)(i + 1) * ld_x));
        for (int v = 0; v < VT; v++) {
            sum[v][i] = (vi)vmmlaq_s32((int32x4_t)sum[v][i], first[v], two);
            sum[v][i + 1] = (vi)vmmlaq_s32((int32x4_t)sum[v][i + 1], last[v], two);
        }
    }
}
static inline __attribute__((always_inline)) void end_pairs(vi sum[VT][TILE], int nt) {
    for (int v = 0; v < VT; v++)
        for (int i = 0; i < nt; i += 2) {
            int32x4_t first = (int32x4_t)sum[v][i], last = (int32x4_t)sum[v][i + 1];
            sum[v][i] = (vi)vuzp1q_s32(first, last);
            sum[v][i + 1] = (vi)vuzp2q_s32(first, last);
        }
}
#endif
#include "kern/simd.h"
