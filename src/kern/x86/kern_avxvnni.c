/* AVX2 with AVX-VNNI: 8 lanes, and the 8-bit dot product in one instruction (Intel's laptops since Alder Lake, Zen 5). */
#include "kern/x86/lanes8.h"
/* Four products of an unsigned and a signed byte are summed into 32 bits: nothing can overflow in a row of 2^17 columns. */
#define q4_dot(acc, w, x) ((vi)_mm256_dpbusd_avx_epi32((__m256i)(acc), w, _mm256_set1_epi32(x)))
#define q4_sum(acc) to_float(acc)
#define q6_dots(acc, w0, x0, w1, x1) q4_dot(q4_dot(acc, w0, x0), w1, x1)
/* Signed weights as unsigned ones: (w + 128) . x - 128 * sum(x). */
#define q8_prepare(b) _mm256_xor_si256(b, _mm256_set1_epi8((char)0x80))
#define q8_offset (-128)
#define q8_dot q4_dot
#include "kern/simd.h"

void us_kern_fill_avxvnni(us_kern *t) { fill(t); }
