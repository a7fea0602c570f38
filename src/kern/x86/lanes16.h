/* kern/x86/lanes16.h - vectors of 16 lanes with AVX-512 and its VNNI: what kern_avx512.c and kern_amx.c have in common. A group
 * of rows is one vector. Two groups share broadcasts: a Zen 5 loads 64 bytes no oftener than it multiplies them, so that one
 * broadcast a product would be the limit. A batch of 8 waits for its weights, and reads each group once. The file that includes this adds kern/simd.h. */
#include <immintrin.h>
#include <stdint.h>
#define W 16
#define TILE 4
#define FEW 8
#define VT 2
#define RB 4
#define PV(nr) 4
typedef float vf __attribute__((vector_size(64)));
typedef int32_t vi __attribute__((vector_size(64)));
typedef __m512i vbytes;
#define fma_(a, b, c) ((vf)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define load_half(p) ((vf)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)(p))))
#define store_halves(p, v) _mm256_storeu_si256((__m256i *)(void *)(p), _mm512_cvtps_ph((__m512)(v), _MM_FROUND_TO_NEAREST_INT))
#define load_bf16(p)          \
    ((vf)_mm512_castsi512_ps( \
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)(p))), 16)))
#define load_i8(p) ((vf)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)(p)))))
#define load_u8(p) ((vf)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)(p)))))
#define one_half(h) _cvtsh_ss(h)
#define to_float(i) ((vf)_mm512_cvtepi32_ps((__m512i)(i)))
#define load_bytes(p) _mm512_loadu_si512(p)
#define low4(b) _mm512_and_si512(b, _mm512_set1_epi8(15))
#define high4(b) _mm512_and_si512(_mm512_srli_epi16(b, 4), _mm512_set1_epi8(15))
#define q4_dot(acc, w, x) ((vi)_mm512_dpbusd_epi32((__m512i)(acc), w, _mm512_set1_epi32(x)))
#define q4_sum(acc) to_float(acc)
#define q6_dots(acc, w0, x0, w1, x1) q4_dot(q4_dot(acc, w0, x0), w1, x1)
/* Signed weights as unsigned ones: (w + 128) . x - 128 * sum(x). */
#define q8_prepare(b) _mm512_xor_si512(b, _mm512_set1_epi8((char)0x80))
#define q8_offset (-128)
#define q8_dot q4_dot
#define max_ints(a, b) ((vi)_mm512_max_epi32((__m512i)(a), (__m512i)(b)))
#define max_four(a, b) ((vi4)_mm_max_epi32((__m128i)(a), (__m128i)(b)))
static inline void store_block(int8_t *p, const vi *r) {
    for (int i = 0; i < 2; i++) _mm_storeu_si128((__m128i *)(void *)(p + 16 * i), _mm512_cvtepi32_epi8((__m512i)r[i]));
}
