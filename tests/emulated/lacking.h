/* emulated/lacking.h - put before a file of src/kern/x86, it lets a processor with AVX-512 and its VNNI run the kernels of those that have
 * AMX, bfloat16 or AVX-VNNI: each instruction that it lacks is a few others with the same result (sums of tiles may round in
 * another order). test_kern.c holds these kernels against the scalar ones wherever it runs. */
#include <immintrin.h>
#include <string.h>

/* ---- AVX-VNNI: AVX-512's own instruction ------------------------------------------------------------------------- */
#undef _mm256_dpbusd_avx_epi32
#define _mm256_dpbusd_avx_epi32 _mm256_dpbusd_epi32

/* ---- bfloat16, rounded to nearest even --------------------------------------------------------------------------------- */
static inline __m512i emulated_round(__m512 x) {
    __m512i bits = _mm512_castps_si512(x), odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    return _mm512_srli_epi32(_mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), 16);
}
static inline __m256i emulated_half(__m512 x) { return _mm512_cvtepi32_epi16(emulated_round(x)); }
static inline __m512i emulated_halves(__m512 high, __m512 low) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(emulated_half(low)), emulated_half(high), 1);
}
#undef _mm512_cvtneps_pbh
#define _mm512_cvtneps_pbh emulated_half
#undef _mm512_cvtne2ps_pbh
#define _mm512_cvtne2ps_pbh emulated_halves

/* ---- AMX: eight tiles of 16 rows of 64 bytes, those that eight_tiles sets up ----------------------------------------------- */
static unsigned char emulated_tiles[8][16][64];
static inline void emulated_load(int tile, const void *from, size_t stride) {
    for (size_t r = 0; r < 16; r++) memcpy(emulated_tiles[tile][r], (const char *)from + r * stride, 64);
}
static inline void emulated_store(int tile, void *to, size_t stride) {
    for (size_t r = 0; r < 16; r++) memcpy((char *)to + r * stride, emulated_tiles[tile][r], 64);
}
/* Pairs of bfloat16: row r of x by column n of w, whose rows are pairs of columns. */
static inline void emulated_products(int sums, int x, int w) {
    for (size_t r = 0; r < 16; r++) {
        __m512 sum = _mm512_loadu_ps(emulated_tiles[sums][r]);
        for (size_t k = 0; k < 16; k++) {
            unsigned pair;
            memcpy(&pair, emulated_tiles[x][r] + 4 * k, 4);
            __m512i both = _mm512_loadu_si512(emulated_tiles[w][k]), high = _mm512_set1_epi32((int)0xffff0000);
            __m512 even = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16)),
                   odd = _mm512_castsi512_ps(_mm512_and_si512(both, high));
            sum = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_set1_epi32((int)(pair << 16))), even, sum);
            sum = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_set1_epi32((int)(pair & 0xffff0000))), odd, sum);
        }
        _mm512_storeu_ps(emulated_tiles[sums][r], sum);
    }
}
#undef _tile_zero
#define _tile_zero(t) memset(emulated_tiles[t], 0, sizeof emulated_tiles[t])
#undef _tile_loadd
#define _tile_loadd emulated_load
#undef _tile_stored
#define _tile_stored emulated_store
#undef _tile_dpbf16ps
#define _tile_dpbf16ps emulated_products
#undef _tile_loadconfig
#define _tile_loadconfig(config) ((void)(config))
#undef _tile_release
#define _tile_release() ((void)0)
