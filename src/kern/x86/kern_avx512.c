/* AVX-512 with VNNI: 16 lanes, a group of rows is one vector. And AMX, which is the same with one entry more. */
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

/* ---- AMX: many rows at once, in tiles of bfloat16 ------------------------------------------------------------------- *
 * A tile of x is 16 rows of 32 columns; a tile of W is 32 columns of one group, as 16 rows of 16 pairs of columns. Four sums
 * (32 rows by two groups) are in flight. Weights are unpacked once for all rows of the call. */

/* Byte c of each lane as a number. */
INLINE vf byte_of(__m512i v, int c, bool is_signed) {
    return is_signed ? to_float(_mm512_srai_epi32(_mm512_slli_epi32(v, (unsigned)(24 - 8 * c)), 24))
                     : to_float(_mm512_and_si512(_mm512_srli_epi32(v, (unsigned)(8 * c)), _mm512_set1_epi32(255)));
}

/* Columns [32 b, 32 b + 32) of a group's 16 rows: out[c] is column c. */
INLINE void unpack_block(us_pack_kind kind, const us_matrix *w, size_t g, size_t b, vf out[US_BLOCK]) {
    const unsigned char *p = w->data + g * w->group_bytes;
    if (kind >= US_PACK_F16) {
        for (size_t c = 0; c < US_BLOCK; c++) out[c] = b * US_BLOCK + c < w->n_cols ? load_weight(kind, p, (b * US_BLOCK + c) * US_GROUP) : (vf){0};
        return;
    }
    vf d, m = {0}, d2, m2;
    const unsigned char *q; /* the quads */
    switch (kind) {
    case US_PACK_Q4: p += b * US_Q4_BLOCK_BYTES, d = load_half(p), m = load_half(p + 32), q = p + 64; break;
    case US_PACK_Q4_K:
        p += b / 8 * US_Q4K_BYTES, q = p + 64 + b % 8 * US_Q4K_BLOCK_BYTES;
        d = load_half(p) * load_u8(q), m = -(load_half(p + 32) * load_u8(q + 16)), q += 32;
        break;
    case US_PACK_Q8: d = load_half(p + b * 32), q = p + us_q8_scale_bytes(w->n_cols) + b * US_Q8_BLOCK_BYTES; break;
    case US_PACK_Q8_S: p += b * US_Q8S_BLOCK_BYTES, d = load((const float *)(const void *)p), m = load((const float *)(const void *)(p + 128)), q = p + 256; break;
    default: p += b / 8 * US_Q6K_BYTES, q = p + 32 + b % 8 * US_Q6K_BLOCK_BYTES, d = load_half(p) * load_i8(q); break; /* Q6_K */
    }
    d2 = d, m2 = m;
    if (kind == US_PACK_Q8_S) d2 = load((const float *)(const void *)(p + 64)), m2 = load((const float *)(const void *)(p + 192));
    if (kind == US_PACK_Q6_K) d2 = load_half(p) * load_i8(q + 16);
    for (int quad = 0; quad < 8; quad++) {
        bool nibbles = kind == US_PACK_Q4 || kind == US_PACK_Q4_K;
        __m512i v = kind == US_PACK_Q6_K ? q6_quad(q, quad, 0) : load_bytes(q + 64 * (nibbles ? quad % 4 : quad));
        if (nibbles) v = quad < 4 ? low4(v) : high4(v);
        for (int c = 0; c < 4; c++) out[4 * quad + c] = fma_(byte_of(v, c, !nibbles), quad < 4 ? d : d2, quad < 4 ? m : m2);
    }
}

INLINE void fill_panel(us_pack_kind kind, const us_matrix *w, size_t g, size_t blocks, unsigned char *panel) {
    const __m512i half = _mm512_set1_epi32(0x8000), high = _mm512_set1_epi32((int)0xffff0000);
    for (size_t b = 0; b < blocks; b++, panel += 1024) {
        vf col[US_BLOCK];
        unpack_block(kind, w, g, b, col);
        for (int c = 0; c < US_BLOCK; c += 2) {
            __m512i even = _mm512_srli_epi32(_mm512_add_epi32((__m512i)bits_of(col[c]), half), 16);
            __m512i odd = _mm512_and_si512(_mm512_add_epi32((__m512i)bits_of(col[c + 1]), half), high);
            _mm512_store_si512(panel + 32 * c, _mm512_or_si512(even, odd));
        }
    }
}

static void fill_panel_of(const us_matrix *w, size_t g, size_t blocks, unsigned char *panel) {
    switch (w->kind) {
    case US_PACK_Q4: fill_panel(US_PACK_Q4, w, g, blocks, panel); break;
    case US_PACK_Q4_K: fill_panel(US_PACK_Q4_K, w, g, blocks, panel); break;
    case US_PACK_Q8: fill_panel(US_PACK_Q8, w, g, blocks, panel); break;
    case US_PACK_Q8_S: fill_panel(US_PACK_Q8_S, w, g, blocks, panel); break;
    case US_PACK_Q6_K: fill_panel(US_PACK_Q6_K, w, g, blocks, panel); break;
    case US_PACK_F16: fill_panel(US_PACK_F16, w, g, blocks, panel); break;
    case US_PACK_BF16: fill_panel(US_PACK_BF16, w, g, blocks, panel); break;
    default: fill_panel(US_PACK_F32, w, g, blocks, panel); break;
    }
}

/* x in tiles: [T / 16][K / 32][16][32], padded with zeros. */
static void rows_to_bf16(const float *x, size_t ld_x, size_t n_t, size_t k, size_t kp, uint16_t *out) {
    size_t n_pad = (n_t + 31) & ~(size_t)31;
    for (size_t t = 0; t < n_pad; t++)
        for (size_t c = 0; c < kp; c += W) {
            size_t n = t >= n_t || c >= k ? 0 : k - c < W ? k - c : W;
            __m256i v = n ? (__m256i)_mm512_cvtneps_pbh((__m512)load_part(x + t * ld_x + c, n, 0)) : _mm256_setzero_si256();
            memcpy(out + t / 16 * 16 * kp + c / 32 * 512 + t % 16 * 32 + c % 32, &v, sizeof v);
        }
}

static const struct { uint8_t palette, start, reserved[14]; uint16_t row_bytes[16]; uint8_t rows[16]; } eight_tiles = {
    .palette = 1, .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};

/* c[4][16][16] = (two tiles of rows) . (two tiles of columns), over `blocks` tiles of 32 in depth. GCC's tile loads do not say that they
 * read memory: hence the barrier. */
INLINE void four_tiles(const uint16_t *top, const uint16_t *bottom, const unsigned char *left, const unsigned char *right, size_t blocks, float c[4][US_GROUP * US_GROUP]) {
    __asm__ volatile("" ::: "memory");
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (size_t b = 0; b < blocks; b++) {
        _tile_loadd(4, top + 512 * b, 64);
        _tile_loadd(6, left + 1024 * b, 64);
        _tile_loadd(7, right + 1024 * b, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, bottom + 512 * b, 64);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, c[0], 64);
    _tile_stored(1, c[1], 64);
    _tile_stored(2, c[2], 64);
    _tile_stored(3, c[3], 64);
}

static void matmul_wide(const us_matrix *w, const float *x, size_t ld_x, size_t n_t, float *y, size_t ld_y, bool add, void *scratch) {
    size_t kp = (w->n_cols + 31) & ~(size_t)31, blocks = kp / 32;
    uint16_t *xb = scratch;
    unsigned char *panel = (unsigned char *)(xb + ((n_t + 31) & ~(size_t)31) * kp);
    float c[4][US_GROUP * US_GROUP];
    rows_to_bf16(x, ld_x, n_t, w->n_cols, kp, xb);
    _tile_loadconfig(&eight_tiles);
    for (size_t g = 0; g < w->n_groups; g += 2) {
        bool two = g + 1 < w->n_groups;
        fill_panel_of(w, g, blocks, panel);
        if (two) fill_panel_of(w, g + 1, blocks, panel + blocks * 1024);
        const unsigned char *second = two ? panel + blocks * 1024 : panel;
        for (size_t t = 0; t < n_t; t += 32) {
            four_tiles(xb + t * kp, xb + (t + 16) * kp, panel, second, blocks, c);
            for (size_t i = 0; i < 32 && t + i < n_t; i++)
                for (size_t k = 0; k < (two ? 2u : 1u); k++) put_group(w, g + k, 0, load(c[i / 16 * 2 + k] + i % 16 * US_GROUP), y + (t + i) * ld_y, add);
        }
    }
    _tile_release();
}

/* 16 x 16 dwords turned: four rounds of exchanging halves. */
INLINE void turn16(__m512i r[16]) {
    for (int s = 8; s; s /= 2) {
        __m512i even, odd; /* which lanes of two rows s apart make the new rows */
        int32_t e[16], o[16];
        for (int i = 0; i < 16; i++) e[i] = i & s ? 16 + i - s : i, o[i] = i & s ? 16 + i : i + s;
        memcpy(&even, e, 64), memcpy(&odd, o, 64);
        for (int i = 0; i < 16; i++)
            if (!(i & s)) {
                __m512i a = r[i], b = r[i + s];
                r[i] = _mm512_permutex2var_epi32(a, even, b);
                r[i + s] = _mm512_permutex2var_epi32(a, odd, b);
            }
    }
}

/* One tile of 16 "others" (rows of x or columns of w) by 32 in depth; p(o, k) is p[o * so + k * sk], zero beyond n_o and n_k. As rows of
 * others with their pairs along them (by_other: x), or as rows of pairs with the others along them (w). */
INLINE void pack_tile(const float *p, size_t so, size_t sk, size_t n_o, size_t n_k, bool by_other, uint16_t *out) {
    __m512i r[16];
    if (sk == 1) {
        for (size_t o = 0; o < 16; o++) {
            const float *q = p + o * so;
            vf low = {0}, high = {0};
            if (o < n_o) low = load_part(q, n_k < W ? n_k : W, 0);
            if (o < n_o && n_k > W) high = load_part(q + W, n_k - W, 0);
            r[o] = (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
        }
    } else {
        const __m512i half = _mm512_set1_epi32(0x8000), top = _mm512_set1_epi32((int)0xffff0000);
        for (size_t k = 0; k < 32; k += 2) {
            vf even = {0}, odd = {0};
            if (k < n_k) even = load_part(p + k * sk, n_o, 0);
            if (k + 1 < n_k) odd = load_part(p + (k + 1) * sk, n_o, 0);
            r[k / 2] = _mm512_or_si512(_mm512_srli_epi32(_mm512_add_epi32((__m512i)bits_of(even), half), 16), _mm512_and_si512(_mm512_add_epi32((__m512i)bits_of(odd), half), top));
        }
    }
    if ((sk == 1) != by_other) turn16(r);
    memcpy(out, r, sizeof r);
}

#define WIDE_M 128 /* rows whose tiles are kept */
#define WIDE_K 256 /* depth of them */
static void gemm_wide(size_t m, size_t n, size_t k, float alpha, const float *x, size_t xi, size_t xk, const float *w, size_t wk, size_t wj, float *y, size_t ld_y) {
    _Alignas(64) uint16_t a[WIDE_M * WIDE_K], b[32 * WIDE_K];
    _Alignas(64) float c[4][US_GROUP * US_GROUP];
    _tile_loadconfig(&eight_tiles);
    for (size_t i0 = 0; i0 < m; i0 += WIDE_M)
        for (size_t k0 = 0; k0 < k; k0 += WIDE_K) {
            size_t rows = m - i0 < WIDE_M ? m - i0 : WIDE_M, depth = k - k0 < WIDE_K ? k - k0 : WIDE_K, blocks = (depth + 31) / 32;
            for (size_t i = 0; i < rows; i += 16)
                for (size_t d = 0; d < blocks; d++)
                    pack_tile(x + (i0 + i) * xi + (k0 + 32 * d) * xk, xi, xk, rows - i < 16 ? rows - i : 16, depth - 32 * d < 32 ? depth - 32 * d : 32, true, a + (i / 16 * blocks + d) * 512);
            for (size_t j = 0; j < n; j += 32) {
                size_t cols = n - j < 32 ? n - j : 32;
                for (size_t h = 0; h < cols; h += 16)
                    for (size_t d = 0; d < blocks; d++)
                        pack_tile(w + (k0 + 32 * d) * wk + (j + h) * wj, wj, wk, cols - h < 16 ? cols - h : 16, depth - 32 * d < 32 ? depth - 32 * d : 32, false, b + (h / 16 * blocks + d) * 512);
                const uint16_t *right = cols > 16 ? b + blocks * 512 : b;
                for (size_t i = 0; i < rows; i += 32) {
                    const uint16_t *top = a + i / 16 * blocks * 512, *bottom = rows - i > 16 ? top + blocks * 512 : top;
                    four_tiles(top, bottom, (const unsigned char *)b, (const unsigned char *)right, blocks, c);
                    for (size_t r = 0; r < 32 && i + r < rows; r++)
                        for (size_t h = 0; h < cols; h += 16) {
                            float *at = y + (i0 + i + r) * ld_y + j + h;
                            size_t part = cols - h < W ? cols - h : W;
                            store_part(at, fma_(load(c[r / 16 * 2 + h / 16] + r % 16 * US_GROUP), set1(alpha), load_part(at, part, 0)), part);
                        }
                }
            }
        }
    _tile_release();
}

void us_kern_fill_amx(us_kern *t) {
    t->matmul_wide = matmul_wide;
    t->gemm_wide = gemm_wide;
}
