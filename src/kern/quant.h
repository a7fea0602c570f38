/* kern/quant.h - the block formats of GGUF tensors, one row at a time. Numbers and layouts are ggml's.
 *
 * A row is n weights, n a multiple of us_type_block(); its bytes are n / block * us_type_bytes(). */
#ifndef US_KERN_QUANT_H
#define US_KERN_QUANT_H
#include "understudy/base.h"

typedef enum us_type {
    US_TYPE_F32 = 0,
    US_TYPE_F16 = 1,
    US_TYPE_Q4_0 = 2,
    US_TYPE_Q4_1 = 3,
    US_TYPE_Q5_0 = 6,
    US_TYPE_Q5_1 = 7,
    US_TYPE_Q8_0 = 8,
    US_TYPE_Q2_K = 10,
    US_TYPE_Q3_K = 11,
    US_TYPE_Q4_K = 12,
    US_TYPE_Q5_K = 13,
    US_TYPE_Q6_K = 14,
    US_TYPE_IQ4_NL = 20,
    US_TYPE_IQ4_XS = 23,
    US_TYPE_BF16 = 30,
} us_type;

const char *us_type_name(int type); /* "Q4_1"; NULL for a type that is not supported */
size_t us_type_block(us_type type); /* weights in a block: 1, 32 or 256 */
size_t us_type_bytes(us_type type); /* bytes of a block */
/* Bytes of n weights; 0 when n is no multiple of the block (or n is 0). */
size_t us_type_row_bytes(us_type type, size_t n);

/* Whether every weight is a number no larger than 65,504, the largest of F16: beyond it a file is damaged, or made to do harm.
 * In blocks the scales are looked at, so that it costs little beside reading the row. */
bool us_quant_row_sound(us_type type, const void *src, size_t n);
void us_dequant_row(us_type type, const void *src, float *dst, size_t n);
/* Rounds to any of the types; src must be finite. False when n is no multiple of the block. F16, BF16, Q8_0, Q4_*, Q5_* give
 * the bytes of ggml's reference; the K kinds and IQ4 are rounded without its search for better scales. */
bool us_quant_row(us_type type, const float *src, void *dst, size_t n);

/* The same row as integers: weight j is scale[j/16] * q[j] + min[j/16] (exact up to the rounding of one
 * product and one sum in float32). Not for F32, F16, BF16. scale and min: [n/16]. */
void us_split_row(us_type type, const void *src, int8_t *q, float *scale, float *min, size_t n);

uint16_t us_f16_from_f32(float x); /* round to nearest even, overflow to infinity */
float us_f16_to_f32(uint16_t h);
uint16_t us_bf16_from_f32(float x);
static inline float us_bf16_to_f32(uint16_t h) {
    union {
        uint32_t u;
        float f;
    } v = {(uint32_t)h << 16};
    return v.f;
}
#endif
