/* AVX2 with FMA and F16C: 8 lanes, a group of rows is two vectors. */
#include "kern/x86/lanes8.h"
/* Sums of pairs stay in 16 bits for a block: 8 dots of at most 2 * 15 * 127 = 3810 make 30480. */
#define q4_dot(acc, w, x) ((vi)_mm256_add_epi16((__m256i)(acc), _mm256_maddubs_epi16(w, _mm256_set1_epi32(x))))
#define q4_sum(acc) ((vf)_mm256_cvtepi32_ps(_mm256_madd_epi16((__m256i)(acc), _mm256_set1_epi16(1))))
/* Signed weights: |w| . (x with the sign of w); a pair is at most 2 * 128 * 127 = 32512. */
#define q8_prepare(b) (b)
#define q8_offset 0
#define q8_dot(acc, w, x)                                                                                                      \
    ((vi)_mm256_add_epi32(                                                                                                     \
        (__m256i)(acc), _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(_mm256_set1_epi32(x), w)), \
                                          _mm256_set1_epi16(1))))
/* A pair is at most 2 * 63 * 127 = 16002, so that two of them fit in 16 bits. */
#define q6_dots(acc, w0, x0, w1, x1)                                                                                           \
    ((vi)_mm256_add_epi32((__m256i)(acc), _mm256_madd_epi16(_mm256_add_epi16(_mm256_maddubs_epi16(w0, _mm256_set1_epi32(x0)),  \
                                                                             _mm256_maddubs_epi16(w1, _mm256_set1_epi32(x1))), \
                                                            _mm256_set1_epi16(1))))
#include "kern/simd.h"

void us_kern_fill_avx2(us_kern *t) { fill(t); }
