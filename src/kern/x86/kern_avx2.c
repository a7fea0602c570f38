/* AVX2 with FMA and F16C: 8 lanes, a group of rows is two vectors. */
#include <immintrin.h>
#include <stdint.h>
#define W 8
#define TILE 4
#define RB 2
typedef float vf __attribute__((vector_size(32)));
typedef int32_t vi __attribute__((vector_size(32)));
typedef __m256i vbytes;
#define fma_(a, b, c) ((vf)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define load_half(p) ((vf)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(p))))
#define store_halves(p, v) _mm_storeu_si128((__m128i *)(void *)(p), _mm256_cvtps_ph((__m256)(v), _MM_FROUND_TO_NEAREST_INT))
#define load_bf16(p) \
    ((vf)_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)(p))), 16)))
#define load_i8(p) ((vf)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(p)))))
#define load_u8(p) ((vf)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(p)))))
#define one_half(h) _cvtsh_ss(h)
#define to_float(i) ((vf)_mm256_cvtepi32_ps((__m256i)(i)))
#define load_bytes(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define low4(b) _mm256_and_si256(b, _mm256_set1_epi8(15))
#define high4(b) _mm256_and_si256(_mm256_srli_epi16(b, 4), _mm256_set1_epi8(15))
/* Sums of pairs stay in 16 bits for a block: 8 dots of at most 2 * 15 * 127 = 3810 make 30480. */
#define Q4_ACC __m256i
#define q4_zero _mm256_setzero_si256()
#define q4_dot(acc, w, x) _mm256_add_epi16(acc, _mm256_maddubs_epi16(w, _mm256_set1_epi32(x)))
#define q4_sum(acc) ((vf)_mm256_cvtepi32_ps(_mm256_madd_epi16(acc, _mm256_set1_epi16(1))))
/* Signed weights: |w| . (x with the sign of w); a pair is at most 2 * 128 * 127 = 32512. */
#define q8_prepare(b) (b)
#define q8_init(n) ((void)(n), (vi){0})
#define q8_dot(acc, w, x)                                                                                                      \
    ((vi)_mm256_add_epi32(                                                                                                     \
        (__m256i)(acc), _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(_mm256_set1_epi32(x), w)), \
                                          _mm256_set1_epi16(1))))
#include "kern/simd.h"

void us_kern_fill_avx2(us_kern *t) { fill(t); }
