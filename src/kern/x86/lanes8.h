/* kern/x86/lanes8.h - vectors of 8 lanes with AVX2, FMA and F16C: what kern_avx2.c and kern_avxvnni.c have in common. A group
 * of rows is two vectors. The file that includes this adds its dot products and kern/simd.h. */
#include <immintrin.h>
#include <stdint.h>
#define W 8
#define TILE 4
#define VT 2
#define RB 6
#define PV(nr) ((nr) > 2 ? 2 : 4)
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
#define max_ints(a, b) ((vi)_mm256_max_epi32((__m256i)(a), (__m256i)(b)))
#define max_four(a, b) ((vi4)_mm_max_epi32((__m128i)(a), (__m128i)(b)))
/* Packing goes by halves of a register, so that fours of bytes come out of order. */
static inline void store_block(int8_t *p, const vi *r) {
    __m256i a = _mm256_packs_epi32((__m256i)r[0], (__m256i)r[1]), b = _mm256_packs_epi32((__m256i)r[2], (__m256i)r[3]);
    __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    _mm256_storeu_si256((__m256i *)(void *)p, _mm256_permutevar8x32_epi32(_mm256_packs_epi16(a, b), order));
}
