/* AVX2 with FMA and F16C: 8 lanes, a group of rows is two vectors. */
#include "kern/x86/lanes8.h"
/* Left to itself, GCC makes all products of a block before it adds the first of them, and stores them meanwhile: nearly half of
 * the time. An addition that the compiler cannot look into stays where it is. */
static inline __attribute__((always_inline)) vi here(__m256i sum) {
    __asm__("" : "+x"(sum));
    return (vi)sum;
}
#define pairs(w, x) _mm256_maddubs_epi16(w, _mm256_set1_epi32(x))
#define fours(pairs) _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))
/* Sums of pairs stay in 16 bits for a block: 8 dots of at most 2 * 15 * 127 = 3810 make 30480. */
#define q4_dot(acc, w, x) here(_mm256_add_epi16((__m256i)(acc), pairs(w, x)))
#define q4_sum(acc) to_float(fours((__m256i)(acc)))
/* Signed weights: |w| . (x with the sign of w); a pair is at most 2 * 128 * 127 = 32512. */
#define q8_prepare(b) (b)
#define q8_offset 0
#define q8_dot(acc, w, x)                 \
    here(_mm256_add_epi32((__m256i)(acc), \
                          fours(_mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(_mm256_set1_epi32(x), w)))))
/* A pair is at most 2 * 63 * 127 = 16002, so that two of them fit in 16 bits. */
#define q6_dots(acc, w0, x0, w1, x1) \
    here(_mm256_add_epi32((__m256i)(acc), fours(_mm256_add_epi16(pairs(w0, x0), pairs(w1, x1)))))
#include "kern/simd.h"

void us_kern_fill_avx2(us_kern *t) { fill(t); }
