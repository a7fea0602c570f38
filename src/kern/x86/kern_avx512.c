/* AVX-512 with VNNI: 16 lanes, a group of rows is one vector. */
#include <immintrin.h>
#include <stdint.h>
#define W 16
#define TILE 8
#define RB 4
typedef float vf __attribute__((vector_size(64)));
typedef int32_t vi __attribute__((vector_size(64)));
typedef __m512i vbytes;
#define fma_(a, b, c) ((vf)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define load_half(p) ((vf)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)(p))))
#define load_bf16(p) ((vf)_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)(p))), 16)))
#define load_i8(p) ((vf)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)(p)))))
#define load_u8(p) ((vf)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)(p)))))
#define one_half(h) _cvtsh_ss(h)
#define to_float(i) ((vf)_mm512_cvtepi32_ps((__m512i)(i)))
#define load_bytes(p) _mm512_loadu_si512(p)
#define low4(b) _mm512_and_si512(b, _mm512_set1_epi8(15))
#define high4(b) _mm512_and_si512(_mm512_srli_epi16(b, 4), _mm512_set1_epi8(15))
#define Q4_ACC __m512i
#define q4_zero _mm512_setzero_si512()
#define q4_dot(acc, w, x) _mm512_dpbusd_epi32(acc, w, _mm512_set1_epi32(x))
#define q4_sum(acc) ((vf)_mm512_cvtepi32_ps(acc))
/* Signed weights as unsigned ones: (w + 128) . x - 128 * sum(x). */
#define q8_prepare(b) _mm512_xor_si512(b, _mm512_set1_epi8((char)0x80))
#define q8_init(n) ((vi)_mm512_set1_epi32(-128 * (n)))
#define q8_dot(acc, w, x) ((vi)_mm512_dpbusd_epi32((__m512i)(acc), w, _mm512_set1_epi32(x)))
#include "kern/simd.h"

void us_kern_fill_avx512(us_kern *t) { fill(t); }
